package journal

import (
	"encoding/json"
	"sort"
	"time"

	"lamplighter/resources"
)

// Facts is the pure fold of an attempt's records and the only memory there
// is: no variable of the loop decides anything.
type Facts struct {
	Opening  *Opening
	Plan     []Node
	Settled  map[string]Record // by step
	Tries    map[Act]int       // intents so far: numbers names, prefixes and retries
	Last     map[Act]*Record   // last intent
	Outcomes map[int]*Record   // by the intent's sequence number
	Owed     map[resources.Ref]*Obligation
	Made     map[Made]resources.Ref // the newest thing of a kind that a step asked for
	News     map[string]int         // by step: how often what it keeps was seen to change
	Creating int                    // creating intents so far: the n of names
	Began    map[string]time.Time   // by step: its first intent
	IsClosed bool
	// Replanned: what has not begun is skipped, and the next attempt does it.
	Replanned bool
	Seq       int
	Epoch     int
	Latest    time.Time // of the last record

	verdicts map[Verdict]int // how many steps settled with each
}

// Act is one verb of one step.
type Act struct{ Step, Verb string }

// Made is one kind of resource of one step.
type Made struct{ Step, Kind string }

// NewFacts knows nothing.
func NewFacts() *Facts {
	return &Facts{
		Settled:  map[string]Record{},
		Tries:    map[Act]int{},
		Last:     map[Act]*Record{},
		Outcomes: map[int]*Record{},
		Owed:     map[resources.Ref]*Obligation{},
		Made:     map[Made]resources.Ref{},
		News:     map[string]int{},
		Began:    map[string]time.Time{},
		verdicts: map[Verdict]int{},
	}
}

// Fold makes facts of records in order.
func Fold(records []Record) *Facts {
	f := NewFacts()
	for _, r := range records {
		f.Apply(r)
	}
	return f
}

// Apply adds the next record. One that lacks what its kind is about changes
// nothing but the count.
func (f *Facts) Apply(r Record) {
	f.Seq, f.Epoch, f.Latest = r.Seq, max(f.Epoch, r.Epoch), r.At
	switch {
	case r.Kind == Opened && r.Opening != nil:
		f.Opening, f.Plan = r.Opening, r.Opening.Plan
	case r.Kind == Took && r.Why == WhyReplanned:
		f.Replanned = true
	case r.Kind == Intent && r.Effect != nil:
		f.intend(r)
	case r.Kind == Outcome:
		f.conclude(r)
	case r.Kind == Saw && r.Seen != nil:
		f.see(r)
	case r.Kind == Settled:
		f.verdicts[f.Settled[r.Step].Verdict]--
		f.verdicts[r.Verdict]++
		f.Settled[r.Step] = r
		f.keep(r)
	case r.Kind == Closed:
		f.IsClosed = true
	}
}

func (f *Facts) intend(r Record) {
	act := Act{r.Step, r.Effect.Verb}
	f.Tries[act]++
	f.Last[act] = &r
	if _, ok := f.Began[r.Step]; !ok {
		f.Began[r.Step] = r.At
	}
	if !r.Effect.Creates {
		return
	}
	f.Creating++
	o := f.Owed[r.Effect.Ref]
	if o == nil {
		o = &Obligation{Ref: r.Effect.Ref, Step: r.Step, Opened: r.At}
		f.Owed[r.Effect.Ref] = o
	}
	o.Asked, o.Created, o.Closed = r.Effect.Shape, r.At, false
	f.Made[Made{r.Step, r.Effect.Ref.Kind}] = r.Effect.Ref
}

// conclude closes an obligation only when the outcome proves that nothing was
// made: no earlier intent of the same name may have made it either.
func (f *Facts) conclude(r Record) {
	f.Outcomes[r.Of] = &r
	if r.Effect == nil || !r.Effect.Creates || !r.Class.NoEffect() {
		return
	}
	o := f.Owed[r.Effect.Ref]
	if o != nil && o.Seen == nil && o.Opened.Equal(o.Created) {
		o.Closed = true
	}
}

// see closes an obligation on an absence that came late enough to mean
// something: after the grace since the last time it was asked for.
func (f *Facts) see(r Record) {
	f.News[r.Step]++
	o := f.Owed[r.Seen.Ref]
	if o == nil {
		return
	}
	o.Seen = r.Seen
	o.Closed = f.ProvesGone(o, *r.Seen, r.At)
}

// ProvesGone says that an observation made at an instant ends an obligation.
func (f *Facts) ProvesGone(o *Obligation, seen resources.Observation, at time.Time) bool {
	return !seen.Exists && at.Sub(o.Created) >= f.Grace()
}

// Grace is how long after a creating intent an absence proves nothing here.
func (f *Facts) Grace() time.Duration {
	if f.Opening != nil && f.Opening.Grace > 0 {
		return f.Opening.Grace
	}
	return Grace
}

// keep hands over what a promotion promotes: it bills, but it is no debt.
func (f *Facts) keep(r Record) {
	if r.Verdict != Done {
		return
	}
	var promoted struct {
		Keeps string `json:"keeps"`
	}
	if json.Unmarshal(r.Result, &promoted) != nil || promoted.Keeps == "" {
		return
	}
	if o := f.Owed[resources.Ref{Kind: resources.KindSnapshot, Name: promoted.Keeps}]; o != nil {
		o.Kept = true
	}
}

// Debts are the resources that may exist and bill, and nobody was handed.
func (f *Facts) Debts() []*Obligation {
	var debts []*Obligation
	for _, o := range f.Owed {
		if !o.Closed && !o.Kept {
			debts = append(debts, o)
		}
	}
	sort.Slice(debts, func(i, j int) bool { return debts[i].Ref.String() < debts[j].Ref.String() })
	return debts
}

// Attempted is the last intent of a verb by a step, and its outcome when there
// is one. Both are nil when there was none.
func (f *Facts) Attempted(step, verb string) (intent, outcome *Record) {
	intent = f.Last[Act{step, verb}]
	if intent == nil {
		return nil, nil
	}
	return intent, f.Outcomes[intent.Seq]
}

// Owes is the obligation on the newest thing of a kind that a step asked for,
// or nil.
func (f *Facts) Owes(step, kind string) *Obligation {
	return f.Owed[f.Made[Made{step, kind}]]
}

// Node is a plan's node by name; ok is false when there is none.
func (f *Facts) Node(name string) (n Node, ok bool) {
	for _, n := range f.Plan {
		if n.Name == name {
			return n, true
		}
	}
	return n, false
}

// Has says that a step settled with this verdict.
func (f *Facts) Has(step string, v Verdict) bool { return f.Settled[step].Verdict == v }

// Any says that some step settled with this verdict.
func (f *Facts) Any(v Verdict) bool { return f.verdicts[v] > 0 }

// Result is the typed result that a step settled done with, tonight or, when
// it was carried over, on a former night.
func Result[T any](f *Facts, step string) (t T, ok bool) {
	if r, found := f.Settled[step]; found {
		return t, r.Verdict == Done && json.Unmarshal(r.Result, &t) == nil
	}
	if f.Opening == nil {
		return t, false
	}
	c, found := f.Opening.Carried[step]
	return t, found && json.Unmarshal(c.Result, &t) == nil
}
