package report

import (
	"fmt"
	"io"
	"sync"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/journal"
)

// Reporter is told what happens while it happens. The engine calls Record and
// Waiting; whoever runs it the others. None of the reporters here prints the
// state line of a text run: that is data, and the caller's to write to stdout.
//
// Records from before the reporter was made are a former controller's: they
// are folded, not told again. All are safe for a signal handler or a ticker
// beside the engine; after Close they are silent.
type Reporter interface {
	controller.Watcher
	// Note tells something that is no record: the lease is waited for.
	Note(text string)
	// Close ends the story.
	Close(Summary)
}

// Quiet tells nothing.
type Quiet struct{}

// Record does nothing.
func (Quiet) Record(journal.Record) {}

// Waiting does nothing.
func (Quiet) Waiting(string, string, time.Time) {}

// Note does nothing.
func (Quiet) Note(string) {}

// Close does nothing.
func (Quiet) Close(Summary) {}

// Lines writes a line for each change: what a log or a pipe wants.
type Lines struct {
	mu       sync.Mutex
	closed   bool
	w        io.Writer
	look     Look
	now      func() time.Time
	since    time.Time
	replayed int
	story    *story
	verbose  bool
}

// NewLines writes to w, the story's place. With verbose, what a step waits for
// is told too.
func NewLines(w io.Writer, look Look, now func() time.Time, verbose bool) *Lines {
	return &Lines{w: w, look: look, now: now, since: now(), story: newStory(), verbose: verbose}
}

// Record tells a record.
func (l *Lines) Record(r journal.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changes := l.story.add(r)
	if r.At.Before(l.since) {
		l.replayed++
		return
	}
	if r.Kind != journal.Opened {
		l.resume(r.At)
	}
	l.replayed = 0
	for _, c := range changes {
		l.line(r.At, c)
	}
}

// resume says once that this is not the beginning.
func (l *Lines) resume(at time.Time) {
	if l.replayed > 0 && l.story.opening != nil {
		l.line(at, change{what: fmt.Sprintf("%s, after %s", header(*l.story.opening), count(int64(l.replayed), "record")), mark: bold})
	}
}

// Waiting tells what a step waits for, when it is something else than before.
func (l *Lines) Waiting(step, why string, _ time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text, hint := what(why); l.story.waiting(step, text) && (l.verbose || hint != "") {
		l.line(l.now(), change{step: step, what: text, hint: hint, mark: dim})
	}
}

// Note tells something that is no record.
func (l *Lines) Note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(l.now(), change{what: clean(text)})
}

// Close ends the lines.
func (l *Lines) Close(Summary) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

func (l *Lines) line(at time.Time, c change) {
	if l.closed {
		return
	}
	zone := l.look.Zone
	if zone == nil {
		zone = time.UTC
	}
	text := at.In(zone).Format("15:04:05") + "  "
	if c.step != "" {
		text += pad(c.step, max(16, l.story.nameWidth(l.look))) + " "
	}
	fmt.Fprintln(l.w, l.look.paint(c.mark, l.look.fit(text+c.what)))
	if c.hint != "" {
		fmt.Fprintln(l.w, l.look.fit("          hint: "+c.hint))
	}
}
