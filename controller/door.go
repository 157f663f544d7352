package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// CallDeadline is how long a single call to the cloud may take.
const CallDeadline = 30 * time.Second

// LeaseMargin is what the lease must still hold before an intent is written:
// a call's deadline and the time to write it down.
const LeaseMargin = CallDeadline + 15*time.Second

// Pass is all that a step is given, made anew for each look: the instant, its
// node, the facts, and one act.
type Pass struct {
	Now   time.Time
	Node  journal.Node
	Facts *journal.Facts // read only
	loop  *Loop
	acted bool
}

// Window is the run's.
func (p *Pass) Window() journal.Window { return p.Facts.Opening.Window }

// Users are the unsettled steps that use this lifetime; none: it is not
// wanted.
func (p *Pass) Users() []journal.Node {
	var users []journal.Node
	for i := range p.Facts.Plan {
		if p.uses(i) {
			users = append(users, p.Facts.Plan[i])
		}
	}
	return users
}

// Wanted says that some unsettled step uses this lifetime.
func (p *Pass) Wanted() bool {
	for i := range p.Facts.Plan {
		if p.uses(i) {
			return true
		}
	}
	return false
}

func (p *Pass) uses(i int) bool {
	n := &p.Facts.Plan[i]
	_, settled := p.Facts.Settled[n.Name]
	return n.Uses == p.Node.Name && !settled
}

// NewName is the name for the next thing this attempt creates.
func (p *Pass) NewName() string {
	o := p.Facts.Opening
	return resources.Name{
		Pipeline: o.Pipeline, Hash: o.Lineage, Run: resources.CompactRun(o.Run), Attempt: o.Attempt,
		N: p.Facts.Creating + 1, Stop: o.Window.HardStop,
	}.String()
}

// Running says that a task which this step started in this process goes on.
func (p *Pass) Running(verb string) bool {
	return p.loop.tasks[journal.Act{Step: p.Node.Name, Verb: verb}] != nil
}

// Saw records an observation of something owed, if it moved on.
func (p *Pass) Saw(ctx context.Context, seen resources.Observation) error {
	owed := p.Facts.Owed[seen.Ref]
	if owed == nil || !moved(p.Facts, owed, seen, p.Now) {
		return nil
	}
	_, err := p.loop.append(ctx, journal.Record{Kind: journal.Saw, Step: p.Node.Name, Seen: &seen})
	return err
}

// moved says whether an observation is news. A bare absence is none until it
// proves something, and neither is a state from before the one last seen:
// both are what a lagging read shows.
func moved(f *journal.Facts, owed *journal.Obligation, seen resources.Observation, at time.Time) bool {
	if !owed.Closed && f.ProvesGone(owed, seen, at) {
		return true
	}
	if !seen.Exists && seen.State == "" {
		return false
	}
	was := owed.Seen
	if was == nil {
		return true
	}
	if stale(was.State, seen.State) {
		return false
	}
	return seen.Exists != was.Exists || seen.State != was.State ||
		!slices.Equal(seen.IDs, was.IDs) || !maps.Equal(seen.Parts, was.Parts)
}

// early ranks the states that a resource passes once, on its way up.
var early = map[string]int{"creating": 1, "STARTING": 1, "BOOTSTRAPPING": 2}

func stale(was, now string) bool {
	n, passed := early[now]
	if !passed {
		return false
	}
	w, stillEarly := early[was]
	return !stillEarly || n < w
}

// Do asks something of the cloud: an intent, the call, an outcome. The error
// is the call's own; that of a fenced or unreachable journal wins over it.
func (p *Pass) Do(ctx context.Context, e journal.Effect, call func(context.Context) (any, error)) error {
	e.Deadline = CallDeadline
	intent, err := p.begin(ctx, e)
	if err != nil {
		return err
	}
	// A machine that slept between intent and call must not act on a lease that
	// another holds by now.
	if p.loop.Lease.Left() < CallDeadline {
		return resources.Faultf(resources.Fenced, "the lease ran out before %s %s could be asked for", e.Verb, e.Ref)
	}
	limited, cancel := context.WithTimeout(ctx, CallDeadline)
	result, callErr := call(limited)
	cancel()
	if err := p.loop.conclude(ctx, intent, result, callErr); err != nil {
		return err
	}
	return callErr
}

// Start is Do for calls that block for as long as they take (SQL). It returns
// at once; the loop appends the outcome, and looks at the step again.
func (p *Pass) Start(ctx context.Context, e journal.Effect, call func(context.Context) (any, error)) error {
	intent, err := p.begin(ctx, e)
	if err != nil {
		return err
	}
	if p.loop.Lease.Left() < CallDeadline {
		return resources.Faultf(resources.Fenced, "the lease ran out before %s %s could be asked for", e.Verb, e.Ref)
	}
	p.loop.start(ctx, intent, call)
	return nil
}

func (p *Pass) begin(ctx context.Context, e journal.Effect) (journal.Record, error) {
	if p.acted {
		panic(fmt.Sprintf("step %s acts twice in one look: %s %s", p.Node.Name, e.Verb, e.Ref))
	}
	p.acted = true
	if err := p.loop.Lease.Ensure(ctx, LeaseMargin, p.Node.Name+" "+e.Verb); err != nil {
		return journal.Record{}, err
	}
	return p.loop.append(ctx, journal.Record{Kind: journal.Intent, Step: p.Node.Name, Effect: &e})
}

// task is a Start that goes on in this process.
type task struct {
	intent journal.Record
	cancel context.CancelFunc
	ended  chan struct{} // closed when result and err are there
	result any
	err    error
}

func (l *Loop) start(ctx context.Context, intent journal.Record, call func(context.Context) (any, error)) {
	limited, cancel := context.WithCancel(ctx)
	t := &task{intent: intent, cancel: cancel, ended: make(chan struct{})}
	l.tasks[journal.Act{Step: intent.Step, Verb: intent.Effect.Verb}] = t
	l.Clock.Go(func() {
		t.result, t.err = call(limited)
		close(t.ended)
		l.Wake()
	})
}

// harvest appends the outcomes of ended tasks, oldest intent first, and says
// whether there were any.
func (l *Loop) harvest(ctx context.Context) (bool, error) {
	var ended []journal.Act
	for act, t := range l.tasks {
		select {
		case <-t.ended:
			ended = append(ended, act)
		default:
		}
	}
	slices.SortFunc(ended, func(a, b journal.Act) int { return l.tasks[a].intent.Seq - l.tasks[b].intent.Seq })
	for _, act := range ended {
		t := l.tasks[act]
		delete(l.tasks, act)
		t.cancel()
		if err := l.conclude(ctx, t.intent, t.result, t.err); err != nil {
			return true, err
		}
		delete(l.looks, act.Step)
	}
	return len(ended) > 0, nil
}

func (l *Loop) conclude(ctx context.Context, intent journal.Record, result any, callErr error) error {
	r := journal.Record{Kind: journal.Outcome, Step: intent.Step, Of: intent.Seq, Effect: intent.Effect, Class: resources.ClassOf(callErr), Code: resources.CodeOf(callErr)}
	if callErr != nil {
		r.Why = explain(callErr)
	}
	if result != nil {
		raw, err := json.Marshal(result)
		if err != nil {
			return fmt.Errorf("outcome of %s %s: %w", intent.Effect.Verb, intent.Effect.Ref, err)
		}
		r.Result = raw
	}
	_, err := l.append(ctx, r)
	return err
}
