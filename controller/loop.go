package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Lease says who may act for the pipeline now. journal/s3 keeps the real one.
type Lease interface {
	// Ensure renews the lease when it is time, and returns a Fenced fault when
	// less than margin is left after that or another holds it.
	Ensure(ctx context.Context, margin time.Duration, doing string) error
	// Left is how much of the lease remains.
	Left() time.Duration
	Epoch() int
	TTL() time.Duration
}

// Watcher is told what happens while it happens: the screen.
type Watcher interface {
	Record(journal.Record)
	Waiting(step, why string, until time.Time)
}

// Loop carries one attempt through. It is the only sleeper.
type Loop struct {
	Clock     resources.Clock
	Journal   journal.Store
	Lease     Lease
	Build     Builder
	Writer    string // random per process
	Watch     Watcher
	Interrupt func() bool // Ctrl-C was pressed; nil: never
	Replan    bool        // end the attempt: what has not begun is skipped
	// Opened is called once the attempt has a plan, new or resumed, and before
	// anything is done; may be nil.
	Opened func(context.Context, *journal.Opening) error

	facts *journal.Facts
	steps map[string]Step
	tasks map[journal.Act]*task
	looks map[string]look
	wake  chan struct{}
}

// look is when a step is looked at again, and what it knew when it was.
type look struct {
	at      time.Time
	ready   bool
	settled int
	news    int
	errors  int
}

// Wake makes the loop look around at once. Safe from any goroutine.
func (l *Loop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Prepare must be called once, before Run and Wake.
func (l *Loop) Prepare() {
	l.wake = make(chan struct{}, 1)
	l.tasks, l.looks = map[journal.Act]*task{}, map[string]look{}
}

// Run carries the attempt whose records are in the journal to its end, or
// begins it with what plan says. It returns the facts even beside an error. A
// Fenced error means that another controller goes on: nothing is torn down.
func (l *Loop) Run(ctx context.Context, plan Planner) (*journal.Facts, error) {
	defer func() {
		for _, t := range l.tasks {
			t.cancel()
		}
	}()
	l.facts = journal.NewFacts()
	if err := l.take(ctx); err != nil || l.facts.IsClosed {
		return l.facts, err
	}
	if l.facts.Opening == nil {
		if err := l.open(ctx, plan); err != nil {
			return l.facts, err
		}
	}
	if l.Opened != nil {
		if err := l.Opened(ctx, l.facts.Opening); err != nil {
			return l.facts, err
		}
	}
	if err := l.build(); err != nil {
		return l.facts, err
	}
	for {
		ended, err := l.round(ctx)
		if ended || err != nil {
			return l.facts, err
		}
	}
}

// take reads what there is and writes the fence: from here every append of an
// older epoch meets this record. A dead controller's last put may land late,
// under the very number we chose: it belongs to the journal, and is read.
func (l *Loop) take(ctx context.Context) error {
	for try := 1; ; try++ {
		records, err := l.Journal.Since(ctx, l.facts.Seq)
		if err != nil {
			return err
		}
		for _, r := range records {
			l.facts.Apply(r)
			l.watch(r)
		}
		if l.facts.IsClosed {
			return nil
		}
		// Whoever slept since it took the lease must not fence the one that holds
		// it now.
		if err := l.Lease.Ensure(ctx, LeaseMargin, "taking over"); err != nil {
			return err
		}
		took := journal.Record{Kind: journal.Took}
		if l.Replan && l.facts.Opening != nil {
			took.Why = journal.WhyReplanned // in the journal: whoever resumes this goes on with it
		}
		_, err = l.append(ctx, took)
		if resources.ClassOf(err) != resources.Fenced || l.Lease.Left() <= 0 || try == 3 {
			return err
		}
	}
}

func (l *Loop) open(ctx context.Context, plan Planner) error {
	opening, err := plan(ctx)
	if err != nil {
		return err
	}
	if err := l.Lease.Ensure(ctx, LeaseMargin, "planned"); err != nil {
		return err
	}
	_, err = l.append(ctx, journal.Record{Kind: journal.Opened, Opening: opening})
	return err
}

func (l *Loop) build() error {
	l.steps = map[string]Step{}
	for _, n := range l.facts.Plan {
		s, err := l.Build(n)
		if err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
		l.steps[n.Name] = s
	}
	return nil
}

// round looks once at every step whose time has come, then sleeps until the
// next one's. It says that the attempt has ended.
func (l *Loop) round(ctx context.Context) (ended bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	changed, err := l.harvest(ctx)
	if err != nil {
		return false, err
	}
	next := l.Clock.Now().Add(l.Lease.TTL())
	open := 0
	for _, n := range l.facts.Plan {
		if _, settled := l.facts.Settled[n.Name]; settled {
			continue
		}
		open++
		did, err := l.visit(ctx, n)
		if err != nil {
			return false, err
		}
		changed = changed || did
		if at := l.looks[n.Name].at; !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	if open == 0 {
		_, err := l.append(ctx, journal.Record{Kind: journal.Closed})
		return true, err
	}
	if changed {
		return false, nil
	}
	return false, l.sleep(ctx, next)
}

func (l *Loop) sleep(ctx context.Context, until time.Time) error {
	now, w := l.Clock.Now(), l.facts.Opening.Window
	edges := []time.Time{now.Add(l.Lease.Left() - l.Lease.TTL()/2), w.LastCall, w.CutOff, w.HardStop}
	for _, edge := range edges {
		if edge.After(now) && edge.Before(until) {
			until = edge
		}
	}
	if until.After(now) {
		l.Clock.Wait(ctx, until, l.wake)
	}
	err := l.Lease.Ensure(ctx, 0, "waiting")
	if resources.ClassOf(err) == resources.Retry {
		// Credentials that expired do not come back by waiting: without a lease
		// nothing can be ended any more, and whoever is called must know.
		if cause := errors.Unwrap(err); l.Lease.Left() <= 0 && resources.ClassOf(cause) == resources.Denied {
			return cause
		}
		return nil // S3 is down: the next append decides
	}
	return err
}

// visit looks at one unsettled step if there is a reason to. It says whether
// something changed that others may have waited for.
func (l *Loop) visit(ctx context.Context, n journal.Node) (changed bool, err error) {
	now := l.Clock.Now()
	if verdict, why := l.blocked(n, now); verdict != "" {
		l.cancel(n)
		return true, l.settle(ctx, n, verdict, why, nil)
	}
	was, looked := l.looks[n.Name]
	if !l.eligible(n) {
		if looked {
			delete(l.looks, n.Name)
		}
		return false, nil
	}
	settled, news := len(l.facts.Settled), l.facts.News[n.Uses]
	if looked && now.Before(was.at) && was.settled == settled && was.news == news {
		return false, nil
	}
	p := &Pass{Now: now, Node: n, Facts: l.facts, loop: l}
	next, err := l.steps[n.Name].Reconcile(ctx, p)
	this := look{at: next.Look, ready: next.State == Ready, settled: settled, news: news}
	if err != nil {
		return l.judge(ctx, p, was, this, err)
	}
	switch next.State {
	case Finished:
		return true, l.settle(ctx, n, journal.Done, next.Why, next.Result)
	case Skipping:
		return true, l.settle(ctx, n, journal.Skipped, next.Why, next.Result)
	}
	if this.at.IsZero() {
		this.at = now.Add(time.Hour)
	}
	l.looks[n.Name] = this
	if l.Watch != nil {
		l.Watch.Waiting(n.Name, next.Why, next.Look)
	}
	return this.ready != was.ready, nil
}

// judge decides by the class of a step's error.
func (l *Loop) judge(ctx context.Context, p *Pass, was, this look, failure error) (bool, error) {
	n, class := p.Node, resources.ClassOf(failure)
	this.ready, this.errors = was.ready, was.errors+1
	switch {
	case class == resources.Fenced || ctx.Err() != nil:
		return false, failure
	case errors.Is(failure, ErrLost):
		return true, l.lose(ctx, p.Users(), failure)
	case class == resources.Retry || class == resources.Busy || class == resources.Unknown:
		this.at = p.Now.Add(min(time.Duration(this.errors)*5*time.Second, time.Minute))
	case l.owes(n) && p.Now.Before(l.facts.Opening.Window.HardStop.Add(giveUp)):
		// What may bill is never given up before the kill switch has had its turn.
		this.at = p.Now.Add(30 * time.Second)
	default:
		return true, l.fail(ctx, n, failure)
	}
	if p.Now.After(l.facts.Opening.Window.HardStop.Add(giveUp)) {
		return true, l.fail(ctx, n, failure)
	}
	l.looks[n.Name] = this
	if l.Watch != nil {
		l.Watch.Waiting(n.Name, explain(failure), this.at)
	}
	return this.ready != was.ready, nil
}

// giveUp is how long after the hard stop the loop still tries to end what it
// owes, before it leaves that to the kill switch and says so.
const giveUp = time.Hour

func explain(err error) string {
	if hint := resources.HintOf(err); hint != "" {
		return err.Error() + "\nhint: " + hint
	}
	return err.Error()
}

// owes says that this step made something which may still exist and bill.
func (l *Loop) owes(n journal.Node) bool {
	for _, o := range l.facts.Debts() {
		if o.Step == n.Name {
			return true
		}
	}
	return false
}

// lose settles what was still open in a cluster that went.
func (l *Loop) lose(ctx context.Context, users []journal.Node, why error) error {
	for _, u := range users {
		l.cancel(u)
		if err := l.settle(ctx, u, journal.Lost, why.Error(), nil); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loop) cancel(n journal.Node) {
	for act, t := range l.tasks {
		if act.Step == n.Name {
			t.cancel()
		}
	}
}

func (l *Loop) eligible(n journal.Node) bool {
	for _, need := range n.Needs {
		if !l.facts.Has(need, journal.Done) {
			return false
		}
	}
	for _, former := range n.After {
		if _, settled := l.facts.Settled[former]; !settled {
			return false
		}
	}
	return n.Uses == "" || l.looks[n.Uses].ready
}

// blocked gives the verdict that can be said of a step without looking at it.
// Failure, last call and Ctrl-C all come to this: work settles as skipped, and
// teardown is then simply what is no longer wanted.
func (l *Loop) blocked(n journal.Node, now time.Time) (journal.Verdict, string) {
	for _, need := range n.Needs {
		if s, settled := l.facts.Settled[need]; settled && s.Verdict != journal.Done {
			return journal.Skipped, fmt.Sprintf("needs %s, which %s", need, phrase(s))
		}
	}
	if s, settled := l.facts.Settled[n.Uses]; settled && n.Uses != "" {
		return journal.Skipped, fmt.Sprintf("needs %s, which %s", n.Uses, phrase(s))
	}
	w := l.facts.Opening.Window
	if n.Derived {
		if n.Uses != "" && !now.Before(w.CutOff) { // a snapshot that does not come
			return journal.Failed, WhyCutOff
		}
		return "", ""
	}
	switch {
	case l.facts.Any(journal.Lost):
		return journal.Skipped, WhyLost
	case l.Interrupt != nil && l.Interrupt():
		return journal.Skipped, WhyInterrupted
	case !now.Before(w.CutOff):
		return journal.Skipped, WhyCutOff
	case l.facts.Replanned && !l.begun(n):
		return journal.Skipped, journal.WhyReplanned
	case !now.Before(w.LastCall) && !n.Late && !l.begun(n):
		return journal.Skipped, WhyLastCall
	}
	return "", ""
}

func phrase(s journal.Record) string {
	switch s.Verdict {
	case journal.Failed:
		return "failed"
	case journal.Skipped:
		return "was skipped"
	case journal.Lost:
		return "was lost"
	}
	return "has ended"
}

func (l *Loop) begun(n journal.Node) bool {
	if b, ok := l.steps[n.Name].(Beginner); ok {
		return b.Begun(l.facts)
	}
	_, ok := l.facts.Began[n.Name]
	return ok
}

func (l *Loop) fail(ctx context.Context, n journal.Node, failure error) error {
	_, err := l.append(ctx, journal.Record{Kind: journal.Settled, Step: n.Name, Verdict: journal.Failed,
		Why: explain(failure), Class: resources.ClassOf(failure), Code: resources.CodeOf(failure)})
	return err
}

func (l *Loop) settle(ctx context.Context, n journal.Node, v journal.Verdict, why string, result any) error {
	r := journal.Record{Kind: journal.Settled, Step: n.Name, Verdict: v, Why: why}
	if result != nil {
		raw, err := json.Marshal(result)
		if err != nil {
			return fmt.Errorf("result of %s: %w", n.Name, err)
		}
		r.Result = raw
	}
	_, err := l.append(ctx, r)
	return err
}

func (l *Loop) append(ctx context.Context, r journal.Record) (journal.Record, error) {
	r.Version, r.Seq, r.Epoch, r.Writer, r.At = journal.Version, l.facts.Seq+1, l.Lease.Epoch(), l.Writer, l.Clock.Now().UTC()
	if err := l.Journal.Append(ctx, r); err != nil {
		return r, err
	}
	l.facts.Apply(r)
	l.watch(r)
	return r, nil
}

func (l *Loop) watch(r journal.Record) {
	if l.Watch != nil {
		l.Watch.Record(r)
	}
}
