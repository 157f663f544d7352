package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
)

// MaxScreen is the most lines that the live table takes.
const MaxScreen = 24

// Screen redraws a live table in place: where each step stands, what bills and
// what it cost so far.
type Screen struct {
	mu     sync.Mutex
	closed bool
	w      io.Writer
	look   Look
	size   func() (width, height int)
	now    func() time.Time
	book   cost.Book
	since  time.Time
	story  *story
	note   string
	drawn  int // lines on the screen
}

// NewScreen draws on w, a terminal of the size that size tells each time (0:
// unknown).
func NewScreen(w io.Writer, look Look, size func() (width, height int), now func() time.Time, book cost.Book) *Screen {
	return &Screen{w: w, look: look, size: size, now: now, book: book, since: now(), story: newStory()}
}

// Record takes a record in and redraws.
func (s *Screen) Record(r journal.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.story.add(r)
	if !r.At.Before(s.since) {
		s.draw()
	}
}

// Waiting takes in what a step waits for and redraws.
func (s *Screen) Waiting(step, why string, _ time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text, _ := what(why); s.story.waiting(step, text) {
		s.draw()
	}
}

// Note shows a text in the last line until the next.
func (s *Screen) Note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = clean(text)
	s.draw()
}

// Tick redraws, for the seconds and the cost.
func (s *Screen) Tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw()
}

// Close leaves the last table on the screen.
func (s *Screen) Close(Summary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = ""
	s.draw()
	s.closed = true
}

// draw goes up to where the table began and writes it again, line by line, so
// that nothing flickers; what is left of a longer one is erased.
func (s *Screen) draw() {
	if s.closed || s.story.opening == nil && s.note == "" {
		return
	}
	look, height := s.look, 0
	look.Width, height = s.size()
	if height <= 0 || height > MaxScreen {
		height = MaxScreen + 1
	}
	lines := frame(s.story, s.note, s.book, look, height-1, s.now()) // the cursor needs a line
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	for _, line := range lines {
		b.WriteString("\r\x1b[2K" + line + "\n")
	}
	b.WriteString("\x1b[J")
	s.drawn = len(lines)
	_, _ = io.WriteString(s.w, b.String()) // nobody is left to tell when the terminal is gone
}

// frame is the table: at most height lines.
func frame(st *story, note string, book cost.Book, l Look, height int, now time.Time) []string {
	var lines []string
	if o := st.opening; o != nil {
		bill := st.bill(book, now)
		lines = append(lines,
			l.paint(bold, l.fit(header(*o)+" · "+span(now.Sub(st.records[0].At)))),
			billingLine(bill, l, now))
	}
	tail := 0
	if note != "" {
		tail = 1
	}
	for _, s := range st.fold(max(0, height-len(lines)-tail)) {
		lines = append(lines, s.line(st.nameWidth(l), l, now))
	}
	if note != "" {
		lines = append(lines, l.paint(dim, l.fit(note)))
	}
	return lines[:min(len(lines), height)]
}

// billingLine says what bills, or will, and what it cost so far.
func billingLine(bill cost.Statement, l Look, now time.Time) string {
	total := money(bill.Total, bill.AtLeast) + " so far"
	var all []BillingNow
	for _, n := range bill.Now {
		all = append(all, billing(n))
	}
	surely, coming := "", ""
	for _, b := range all {
		switch cost.Status(b.Status) {
		case cost.Billing:
			surely = and(surely, b.text(now, l))
		case cost.Starting:
			coming = and(coming, b.What+", "+hourly(b)+" once it runs")
		default:
			coming = and(coming, b.What+" is going")
		}
	}
	switch {
	case surely != "":
		return l.paint(yellow, l.fit("billing: "+surely+" · "+total))
	case coming != "":
		return l.fit("not billing yet or any more: " + coming + " · " + total)
	}
	return l.fit("nothing is billing · " + total)
}

// shown is one line of the table: a step, or several told together.
type shown struct {
	progress
	together string
}

// fold makes the steps fit: first those that are done are told together, then
// those to come, then the rest is counted.
func (s *story) fold(room int) []shown {
	var all []shown
	for _, p := range s.order {
		all = append(all, shown{progress: *p})
	}
	for _, group := range []struct {
		state State
		text  string
	}{{State(journal.Done), "done"}, {State(journal.Skipped), "skipped"}, {StateToCome, "to come"}} {
		if len(all) > room {
			all = together(all, group.state, group.text)
		}
	}
	if len(all) > room && room > 0 {
		more := len(all) - room + 1
		all = append(all[:room-1], shown{together: fmt.Sprintf("and %d more", more)})
	}
	return all[:min(len(all), room)]
}

// together replaces the steps of a state by one line, where the first of them
// was.
func together(all []shown, state State, text string) []shown {
	var out []shown
	at, n := -1, 0
	for _, s := range all {
		if s.state != state || s.together != "" {
			out = append(out, s)
			continue
		}
		if at < 0 {
			at = len(out)
			out = append(out, shown{progress: progress{state: state}})
		}
		n++
	}
	if at >= 0 {
		out[at].together = fmt.Sprintf("%d %s", n, text)
	}
	return out
}

func (s *story) nameWidth(l Look) int {
	widest := 0
	for _, p := range s.order {
		widest = max(widest, len(p.node.Name))
	}
	if l.Width > 0 {
		widest = min(widest, max(12, l.Width/3))
	}
	return widest
}

// pageWidth is where columns at the right end when nothing is ever cut.
const pageWidth = 80

// signs and colours of states.
var signs = map[State][2]string{
	State(journal.Done): {"✓", green}, State(journal.Failed): {"✗", red}, State(journal.Lost): {"!", red},
	State(journal.Skipped): {"–", dim}, StateRunning: {"▸", bold}, StateToCome: {"·", dim},
}

// line writes sign, kind, name, what is known, and the time it took.
func (s shown) line(nameWidth int, l Look, now time.Time) string {
	sign := signs[s.state]
	if s.together != "" {
		return l.paint(sign[1], l.fit(" "+pad(sign[0], 2)+s.together))
	}
	took := ""
	if d := s.took(now); d > 0 {
		took = span(d)
	}
	told := s.why
	if s.state == State(journal.Done) && told == "" {
		told = s.result.String()
	}
	kind := strings.TrimLeft(label(row{node: s.node}), " ◇")
	text := " " + sign[0] + " " + pad(kind, 10) + pad(cut(s.node.Name, nameWidth), nameWidth+1) + told
	if took != "" {
		room := l.Width - len(took) - 1
		if l.Width == 0 {
			room = max(utf8.RuneCountInString(text), pageWidth-len(took)-1)
		}
		text = pad(cut(text, room), room) + " " + took
	}
	return l.paint(sign[1], l.fit(strings.TrimRight(text, " ")))
}
