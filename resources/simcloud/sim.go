package simcloud

import (
	"container/heap"
	"context"
	"iter"
	"slices"
	"time"

	"lamplighter/resources"
)

// Sim is virtual time. Everything in it runs one at a time on the caller's
// goroutine: events of the cloud, and coroutines of our processes. The same
// calls in the same order give the same run. It is a World.
type Sim struct {
	now     time.Time
	cur     *coroutine
	coros   []*coroutine
	events  eventHeap
	seq     int
	running bool
}

// NewSim starts virtual time at start.
func NewSim(start time.Time) *Sim { return &Sim{now: start} }

// Now is the virtual instant.
func (s *Sim) Now() time.Time { return s.now }

// At runs fn at t, before any process of ours gets time at that instant.
func (s *Sim) At(t time.Time, fn func()) {
	s.seq++
	heap.Push(&s.events, event{t, s.seq, fn})
}

type event struct {
	at  time.Time
	seq int
	fn  func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*h = old[:len(old)-1]
	return e
}

// killed is the panic that unwinds the coroutines of a dead process.
type killed struct{}

// coroutine is one Go of a process, at rest between two waits.
type coroutine struct {
	proc  *Proc
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool

	ctx   context.Context // of the wait it is in
	until time.Time
	wake  <-chan struct{}
	woken bool
	done  bool
}

// due is when the coroutine may go on, seen from now. A wake-up is taken from
// its channel here, so that no second waiter sees it.
func (c *coroutine) due(now time.Time) time.Time {
	t := c.until
	if !c.woken && c.wake != nil {
		select {
		case <-c.wake:
			c.woken = true
		default:
		}
	}
	if c.woken || t.Before(now) || (c.ctx != nil && c.ctx.Err() != nil) {
		t = now
	}
	if t.Before(c.proc.frozen) {
		t = c.proc.frozen
	}
	return t
}

// Proc is one operating-system process of ours: it can be killed or frozen at
// any instant, with everything that runs in it. It is its own resources.Clock.
type Proc struct {
	sim    *Sim
	name   string
	dead   bool
	frozen time.Time
	epoch  int // the newest lease epoch it was seen to write
}

var _ resources.Clock = (*Proc)(nil)

// NewProc makes a process that runs nothing yet. Its name is for the audit.
func (s *Sim) NewProc(name string) *Proc { return &Proc{sim: s, name: name} }

// Name is what the audit calls the process.
func (p *Proc) Name() string { return p.name }

// Dead says that the process was killed.
func (p *Proc) Dead() bool { return p.dead }

// Epoch is the newest lease epoch that the process was seen to write, 0 before.
func (p *Proc) Epoch() int { return p.epoch }

// Now is the virtual instant, for a frozen process too.
func (p *Proc) Now() time.Time { return p.sim.now }

// Go starts a coroutine of the process. In a dead process it does nothing.
func (p *Proc) Go(fn func()) {
	if p.dead {
		return
	}
	c := &coroutine{proc: p, until: p.sim.now}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		defer func() {
			if r := recover(); r != nil {
				if _, ok := r.(killed); !ok {
					panic(r)
				}
			}
		}()
		fn()
	})
	p.sim.coros = append(p.sim.coros, c)
}

// Wait is the only point where a coroutine gives way, and so where it may die.
// It panics when it is called outside a coroutine of this process.
func (p *Proc) Wait(ctx context.Context, until time.Time, wake <-chan struct{}) {
	p.check()
	if ctx.Err() != nil {
		return
	}
	c := p.sim.cur
	if c == nil || c.proc != p {
		panic("simcloud: Wait of process " + p.name + " outside its own coroutines")
	}
	c.ctx, c.until, c.wake, c.woken = ctx, until, wake, false
	if !c.yield(struct{}{}) {
		panic(killed{})
	}
	c.ctx, c.wake = nil, nil
}

// check unwinds what still runs in a dead process: nothing of it may reach
// the cloud any more.
func (p *Proc) check() {
	if p.dead {
		panic(killed{})
	}
}

// Kill is kill -9: none of the process's coroutines goes on after its current
// wait. Called from inside the process it does not return. Deferred functions
// run, but find no cloud and no clock.
func (p *Proc) Kill() {
	p.dead = true
	if c := p.sim.cur; c != nil && c.proc == p {
		panic(killed{})
	}
}

// Freeze is a stopped virtual machine: for d no coroutine of the process gets
// time, and none of them notices. Called from inside the process it returns
// after d.
func (p *Proc) Freeze(d time.Duration) {
	if until := p.sim.now.Add(d); until.After(p.frozen) {
		p.frozen = until
	}
	if c := p.sim.cur; c != nil && c.proc == p {
		p.Wait(context.Background(), p.frozen, nil)
	}
}

// Run drives everything until no coroutine is left, which is true, or until
// limit, which is false. Events later than the last coroutine stay: see Drain.
func (s *Sim) Run(limit time.Time) bool {
	if s.running {
		panic("simcloud: Run inside Run")
	}
	s.running = true
	defer func() { s.running = false }()
	for {
		s.bury()
		best, at := s.soonest()
		if best == nil {
			return true
		}
		if len(s.events) > 0 && !s.events[0].at.After(at) {
			if s.events[0].at.After(limit) {
				break
			}
			s.event()
			continue
		}
		if at.After(limit) {
			break
		}
		s.resume(best, at)
	}
	s.forward(limit)
	return false
}

// bury unwinds the coroutines of dead processes and forgets finished ones.
func (s *Sim) bury() {
	for _, c := range s.coros {
		if c.proc.dead && !c.done {
			c.done = true
			s.cur = c // what its deferred functions do is its own doing
			c.stop()
			s.cur = nil
		}
	}
	s.coros = slices.DeleteFunc(s.coros, func(c *coroutine) bool { return c.done })
}

func (s *Sim) soonest() (best *coroutine, at time.Time) {
	for _, c := range s.coros {
		if t := c.due(s.now); best == nil || t.Before(at) {
			best, at = c, t
		}
	}
	return best, at
}

func (s *Sim) resume(c *coroutine, at time.Time) {
	s.forward(at)
	s.cur = c
	defer func() { s.cur = nil }()
	if _, ok := c.next(); !ok {
		c.done = true
	}
}

func (s *Sim) event() {
	e := heap.Pop(&s.events).(event)
	s.forward(e.at)
	e.fn()
}

func (s *Sim) forward(t time.Time) {
	if t.After(s.now) {
		s.now = t
	}
}

// Drain lets the cloud go on alone until then: our processes get no time.
func (s *Sim) Drain(until time.Time) {
	for len(s.events) > 0 && !s.events[0].at.After(until) {
		s.event()
	}
	s.forward(until)
}

// Close ends all coroutines; without it a Sim that is given up leaks them.
func (s *Sim) Close() {
	for _, c := range s.coros {
		c.proc.dead = true
	}
	s.bury()
}
