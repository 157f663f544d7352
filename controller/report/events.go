package report

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Event is one line of `run -o json`, except the last, which is a Summary.
//
//	opened   an attempt begins or is continued (replayed says after how many
//	         records); run, attempt, data_through, why: what was decided
//	took     a controller takes the attempt over
//	effect   something is asked of the cloud (state asked), or was answered
//	         (state: ok, retry, busy, denied, permanent, gone, fenced, unknown);
//	         verb, resource, kind, name
//	saw      the cloud showed something new; state in the service's own words,
//	         exists, parts
//	step     a step is running, done, failed, skipped or lost; why, hint, result
//	waiting  a step waits for something else than before; why, until
//	note     text for people
//	closed   every step has settled
type Event struct {
	V           int               `json:"v"`
	Event       string            `json:"event"`
	At          time.Time         `json:"at"`
	Seq         int               `json:"seq,omitempty"` // of the journal's record
	Pipeline    string            `json:"pipeline,omitempty"`
	Run         string            `json:"run,omitempty"`
	Attempt     int               `json:"attempt,omitempty"`
	DataThrough string            `json:"data_through,omitempty"`
	Replayed    int               `json:"replayed,omitempty"`
	Step        string            `json:"step,omitempty"`
	State       string            `json:"state,omitempty"`
	Verb        string            `json:"verb,omitempty"`
	Kind        string            `json:"kind,omitempty"`
	Name        string            `json:"name,omitempty"`
	Exists      *bool             `json:"exists,omitempty"`
	Parts       map[string]string `json:"parts,omitempty"`
	Code        string            `json:"code,omitempty"`
	Why         string            `json:"why,omitempty"`
	Hint        string            `json:"hint,omitempty"`
	Until       time.Time         `json:"until,omitzero"`
	Result      json.RawMessage   `json:"result,omitempty"`
}

// Events writes events, one a line.
type Events struct {
	mu       sync.Mutex
	closed   bool
	out      *json.Encoder
	now      func() time.Time
	since    time.Time
	replayed int
	story    *story
}

// NewEvents writes to w, which is where data goes: stdout.
func NewEvents(w io.Writer, now func() time.Time) *Events {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return &Events{out: out, now: now, since: now(), story: newStory()}
}

func (e *Events) emit(ev Event) {
	if e.closed {
		return
	}
	ev.V, ev.At = Version, ev.At.UTC()
	_ = e.out.Encode(ev) // nobody is left to tell when stdout is gone; the run goes on
}

// Record writes the events of a record.
func (e *Events) Record(r journal.Record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := StateToCome
	if r.Step != "" {
		before = e.story.step(r.Step).state
	}
	e.story.add(r)
	if r.At.Before(e.since) {
		e.replayed++
		return
	}
	if o := e.story.opening; e.replayed > 0 && o != nil && r.Kind != journal.Opened {
		e.emit(opened(r, *o, e.replayed))
	}
	e.replayed = 0
	for _, ev := range events(r, before) {
		e.emit(ev)
	}
}

func opened(r journal.Record, o journal.Opening, replayed int) Event {
	return Event{
		Event: "opened", At: r.At, Seq: r.Seq, Pipeline: o.Pipeline, Run: o.Run, Attempt: o.Attempt, DataThrough: o.DataThrough, Replayed: replayed,
	}
}

// events are those of one record; before is its step's state before it.
func events(r journal.Record, before State) []Event {
	ev := Event{At: r.At, Seq: r.Seq, Step: r.Step, Code: r.Code}
	ev.Why, ev.Hint = what(r.Why)
	switch r.Kind {
	case journal.Opened:
		return []Event{opened(r, *r.Opening, 0)}
	case journal.Took, journal.Closed:
		ev.Event = string(r.Kind)
	case journal.Intent:
		ev.about(r.Effect.Ref)
		ev.Event, ev.State, ev.Verb = "effect", "asked", r.Effect.Verb
		if before == StateToCome {
			return []Event{{Event: "step", At: r.At, Seq: r.Seq, Step: r.Step, State: string(StateRunning)}, ev}
		}
	case journal.Outcome:
		ev.Event, ev.State, ev.Result = "effect", r.Class.String(), r.Result
		if r.Effect != nil {
			ev.about(r.Effect.Ref)
			ev.Verb = r.Effect.Verb
		}
	case journal.Saw:
		ev.about(r.Seen.Ref)
		ev.Event, ev.State, ev.Exists, ev.Parts = "saw", r.Seen.State, &r.Seen.Exists, r.Seen.Parts
	case journal.Settled:
		ev.Event, ev.State, ev.Result = "step", string(r.Verdict), r.Result
	}
	return []Event{ev}
}

func (ev *Event) about(r resources.Ref) { ev.Kind, ev.Name = r.Kind, r.Name }

// Waiting writes what a step waits for, when it is something else than before.
func (e *Events) Waiting(step, why string, until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if text, hint := what(why); e.story.waiting(step, text) {
		e.emit(Event{Event: "waiting", At: e.now(), Step: step, Why: text, Hint: hint, Until: until})
	}
}

// Note writes a text for people.
func (e *Events) Note(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.emit(Event{Event: "note", At: e.now(), Why: text})
}

// Close writes the summary, which is the last line.
func (e *Events) Close(s Summary) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		_ = e.out.Encode(s)
	}
	e.closed = true
}
