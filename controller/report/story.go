package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// State of a step as people see it.
type State string

// States of a step, besides the verdicts done, failed, skipped and lost.
const (
	StateToCome  State = "to come" // nothing was asked for yet
	StateRunning State = "running"
)

// progress is what the records say about one step.
type progress struct {
	node   journal.Node
	state  State
	from   time.Time // first intent; of a Spark step, when it was seen running
	to     time.Time // when it settled
	why    string    // of the verdict, or what was last seen or waited for
	hint   string
	code   string
	result outcome
}

// took is how long the step worked, until now if it goes on.
func (p progress) took(now time.Time) time.Duration {
	switch {
	case p.from.IsZero():
		return 0
	case p.to.IsZero():
		return max(0, now.Sub(p.from))
	}
	return p.to.Sub(p.from)
}

// story is the fold of records for people.
type story struct {
	opening *journal.Opening
	steps   map[string]*progress
	order   []*progress // as the plan is read
	records []journal.Record
	past    [][]journal.Record // of attempts that this one follows in the same run
	parts   map[string]string  // last seen states of Spark steps
	epochs  int
	closed  bool
}

func newStory() *story {
	return &story{steps: map[string]*progress{}, parts: map[string]string{}}
}

func tell(records []journal.Record) *story {
	s := newStory()
	for _, r := range records {
		s.add(r)
	}
	return s
}

// bill is what the run cost so far, all its attempts together.
func (s *story) bill(book cost.Book, now time.Time) cost.Statement {
	var all []cost.Statement
	for _, records := range s.past {
		all = append(all, cost.Bill(records, book, records[len(records)-1].At))
	}
	return cost.Sum(append(all, cost.Bill(s.records, book, now))...)
}

// step is the progress of a step, made when it is first heard of.
func (s *story) step(name string) *progress {
	p := s.steps[name]
	if p == nil {
		p = &progress{node: journal.Node{Name: name}, state: StateToCome}
		s.steps[name] = p
	}
	return p
}

// add folds the next record and says what there is to tell of it: no line, one
// or several.
func (s *story) add(r journal.Record) []change {
	if r.Seq == 1 && len(s.records) > 0 { // another attempt begins
		past := append(s.past, s.records)
		*s = *newStory()
		s.past = past
	}
	s.records = append(s.records, r)
	switch r.Kind {
	case journal.Opened:
		return s.open(r)
	case journal.Took:
		s.epochs++
		if s.epochs > 1 {
			return []change{{what: "another controller takes over", mark: yellow}}
		}
	case journal.Intent:
		return s.intend(r)
	case journal.Outcome:
		return s.conclude(r)
	case journal.Saw:
		return s.see(r)
	case journal.Settled:
		return s.settle(r)
	case journal.Closed:
		s.closed = true
	}
	return nil
}

// change is one thing to tell.
type change struct {
	step  string
	state State // the step's, where it changed
	what  string
	hint  string
	mark  string // colour
}

func (s *story) open(r journal.Record) []change {
	s.opening = r.Opening
	for _, n := range r.Opening.Plan {
		s.step(n.Name).node = n
	}
	for _, n := range readingOrder(r.Opening.Plan) {
		s.order = append(s.order, s.step(n.Name))
	}
	all := []change{{what: header(*r.Opening), mark: bold}}
	if len(r.Opening.Plan) == 0 {
		all = append(all, change{what: "nothing to do"})
	}
	return all
}

func (s *story) intend(r journal.Record) []change {
	p := s.step(r.Step)
	if p.from.IsZero() {
		p.from = r.At
	}
	p.state, p.why = StateRunning, asked(r.Step, *r.Effect)
	return []change{{step: r.Step, state: StateRunning, what: p.why}}
}

// asked says what an effect asks for: the verb as the journal has it, and what
// it is aimed at, unless that is called like the step.
func asked(step string, e journal.Effect) string {
	verb, _, _ := strings.Cut(e.Verb, "-")
	switch verb {
	case "copy", "unload", "analyze":
		verb = strings.ToUpper(verb)
	}
	name := short(e.Ref.Name)
	switch {
	case e.Ref.Kind == resources.KindSwitch:
		return verb + " the kill switch"
	case e.Ref.Kind == resources.KindCluster || e.Ref.Kind == resources.KindFlow:
		return verb + " asked for"
	case e.Ref.Kind == resources.KindPointer:
		return "move the pointer"
	case name == step || e.Ref.Kind == resources.KindDataset:
		return verb
	}
	return verb + " " + name
}

func (s *story) conclude(r journal.Record) []change {
	p := s.step(r.Step)
	if r.Class == resources.OK {
		return nil
	}
	text, hint := what(r.Why)
	verb := ""
	if r.Effect != nil {
		verb = r.Effect.Verb + ": "
	}
	p.why = verb + text
	return []change{{step: r.Step, what: fmt.Sprintf("%s (%s)", p.why, r.Class), hint: hint, mark: yellow}}
}

func (s *story) see(r journal.Record) []change {
	o := *r.Seen
	p := s.step(r.Step)
	var all []change
	for _, name := range slices.Sorted(maps.Keys(o.Parts)) {
		state := o.Parts[name]
		if s.parts[name] == state || s.steps[name] == nil || o.Ref.Kind != resources.KindFlow {
			continue
		}
		s.parts[name] = state
		if state != "PENDING" {
			all = append(all, s.seePart(s.steps[name], state, r.At))
		}
	}
	text := state(o)
	if o.Ref.Kind == resources.KindSwitch {
		text = "kill switch " + text
	}
	if text == p.why {
		return all
	}
	p.why = text
	return append([]change{{step: r.Step, what: text}}, all...)
}

// seePart is news of a Spark step, which has no intents of its own.
func (s *story) seePart(p *progress, state string, at time.Time) change {
	if p.from.IsZero() {
		p.from = at
	}
	if p.state == StateToCome {
		p.state = StateRunning
	}
	p.why = strings.ToLower(state)
	return change{step: p.node.Name, state: p.state, what: p.why}
}

func state(o resources.Observation) string {
	switch {
	case o.State != "":
		return strings.ToLower(clean(o.State))
	case o.Exists:
		return "there"
	}
	return "gone"
}

func (s *story) settle(r journal.Record) []change {
	p := s.step(r.Step)
	p.state, p.to, p.code = State(r.Verdict), r.At, r.Code
	p.why, p.hint = what(r.Why)
	p.result = readOutcome(r.Result)
	mark := map[journal.Verdict]string{journal.Done: green, journal.Failed: red, journal.Lost: red, journal.Skipped: dim}[r.Verdict]
	all := []change{{step: r.Step, state: p.state, what: verdict(*p), hint: p.hint, mark: mark}}
	for _, w := range p.result.Warnings {
		all = append(all, change{step: r.Step, what: warned(w), mark: yellow})
	}
	return all
}

// warned says what a check of severity warn found.
func warned(w Warning) string { return "warning: " + clean(w.Says) }

// verdict says how a step ended: done · 5,213 rows, 4 objects · 41 s.
func verdict(p progress) string {
	text := string(p.state)
	if p.why != "" {
		text += ": " + p.why
	}
	if got := p.result.String(); got != "" && p.state == State(journal.Done) {
		text += " · " + got
	}
	if d := p.took(p.to); d > 0 {
		text += " · " + span(d)
	}
	return text
}

// waiting notes why a step waits and says whether that is news.
func (s *story) waiting(step, why string) bool {
	p, text := s.step(step), clean(why)
	if text == "" || text == p.why || p.settled() {
		return false
	}
	p.why = text
	return true
}

func (p progress) settled() bool { return !p.to.IsZero() }
