// Package journaltest writes journals for tests: a tape on which records are
// put in order, and nights made with it that look like real ones.
package journaltest

import (
	"encoding/json"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Tape is a journal being written. Its clock goes only where it is told.
type Tape struct {
	Records []journal.Record
	Now     time.Time
	epoch   int
}

// NewTape begins a journal at an instant, with no record in it.
func NewTape(at time.Time) *Tape { return &Tape{Now: at} }

// Wait lets time pass.
func (t *Tape) Wait(d time.Duration) *Tape {
	t.Now = t.Now.Add(d)
	return t
}

func (t *Tape) put(r journal.Record) int {
	r.Version, r.Seq, r.Epoch, r.At, r.Writer = journal.Version, len(t.Records)+1, t.epoch, t.Now, "w"
	t.Records = append(t.Records, r)
	return r.Seq
}

// Took lets another controller take over.
func (t *Tape) Took() {
	t.epoch++
	t.put(journal.Record{Kind: journal.Took})
}

// Open puts the opening.
func (t *Tape) Open(o journal.Opening) { t.put(journal.Record{Kind: journal.Opened, Opening: &o}) }

// Intent puts an intent and gives its sequence number.
func (t *Tape) Intent(step string, e journal.Effect) int {
	return t.put(journal.Record{Kind: journal.Intent, Step: step, Effect: &e})
}

// Outcome puts the outcome of an intent that is on the tape.
func (t *Tape) Outcome(of int, class resources.Class, why string, result any) {
	in := t.Records[of-1]
	t.put(journal.Record{Kind: journal.Outcome, Of: of, Step: in.Step, Effect: in.Effect, Class: class, Why: why, Result: raw(result)})
}

// Do puts an intent and, after d, its good outcome.
func (t *Tape) Do(step string, e journal.Effect, d time.Duration) {
	of := t.Intent(step, e)
	t.Wait(d).Outcome(of, resources.OK, "", nil)
}

// Saw puts an observation.
func (t *Tape) Saw(step string, o resources.Observation) {
	t.put(journal.Record{Kind: journal.Saw, Step: step, Seen: &o})
}

// Settle puts a verdict.
func (t *Tape) Settle(step string, v journal.Verdict, why string, result any) {
	t.put(journal.Record{Kind: journal.Settled, Step: step, Verdict: v, Why: why, Result: raw(result)})
}

// Close ends the attempt.
func (t *Tape) Close() { t.put(journal.Record{Kind: journal.Closed}) }

func raw(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
