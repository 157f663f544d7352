package conformance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	journals3 "lamplighter/controller/journal/s3"
	"lamplighter/resources"
)

const margin = 45 * time.Second

// lease is one controller's, on a clock of its own: one that stands still is a
// paused machine.
func (b *bench) lease(owner string) *journals3.Lease { return b.leaseOn(owner, newClock(b.Pause)) }

func (b *bench) leaseOn(owner string, c *clock) *journals3.Lease {
	return &journals3.Lease{S3: b.client, URI: b.uri("lease.json"), Clock: c, NoWait: true,
		Me: journals3.Holder{Owner: owner, Pipeline: "p", Run: "run-of-" + owner}}
}

// holder reads who holds the lease.
func (b *bench) holder(l *journals3.Lease) (h journals3.Holder, held bool, err error) {
	err = again(func() error {
		h, held, err = l.ReadHolder(b.ctx)
		return err
	})
	return h, held, err
}

func wantClass(t *testing.T, what string, err error, class resources.Class) {
	t.Helper()
	if got := resources.ClassOf(err); got != class {
		t.Fatalf("%s: %v (%s), want %s", what, err, got, class)
	}
}

func leaseAlone(t *testing.T, b *bench) {
	c := newClock(b.Pause)
	l := b.leaseOn("a", c)
	wantClass(t, "ensure before acquire", l.Ensure(b.ctx, margin, ""), resources.Fenced)
	if _, held, err := b.holder(l); held || err != nil {
		t.Fatalf("held before anybody took it (%v)", err)
	}
	must(t, l.Acquire(b.ctx), "acquire")
	for i := range 40 { // a night of an hour
		c.advance(90 * time.Second)
		must(t, l.Ensure(b.ctx, margin, fmt.Sprint("step ", i)), "ensure")
		if l.Left() < margin {
			t.Fatalf("%v left after ensure", l.Left())
		}
	}
	h, held, err := b.holder(l)
	must(t, err, "read")
	if !held || h.Owner != "a" || h.Doing != "step 39" || h.Run != "run-of-a" || h.Epoch != l.Epoch() {
		t.Fatalf("holder %+v", h)
	}
}

func leaseReleased(t *testing.T, b *bench) {
	a, z := b.lease("a"), b.lease("z")
	must(t, a.Acquire(b.ctx), "a")
	first := a.Epoch()
	must(t, a.Release(b.ctx), "release")
	must(t, a.Release(b.ctx), "release again")
	if _, held, err := b.holder(z); held || err != nil {
		t.Fatalf("held after release (%v)", err)
	}
	wantClass(t, "ensure after release", a.Ensure(b.ctx, 0, ""), resources.Fenced)
	must(t, z.Acquire(b.ctx), "z")
	if z.Epoch() <= first {
		t.Fatalf("epoch %d after %d", z.Epoch(), first)
	}
	wantClass(t, "a beside z", a.Acquire(b.ctx), resources.Busy)
	must(t, z.Release(b.ctx), "release")
	must(t, a.Acquire(b.ctx), "a again")
	if a.Epoch() <= z.Epoch() {
		t.Fatalf("epoch %d after %d", a.Epoch(), z.Epoch())
	}
}

func leaseHeld(t *testing.T, b *bench) {
	a, z := b.lease("a"), b.lease("z")
	must(t, a.Acquire(b.ctx), "a")
	err := z.Acquire(b.ctx)
	wantClass(t, "z", err, resources.Busy)
	if !strings.Contains(err.Error(), "run-of-a") {
		t.Fatalf("who holds it? %v", err)
	}
	must(t, a.Ensure(b.ctx, 3*time.Minute, "x"), "a goes on")
}

// leaseOfTheDead: a holder that is proven dead is not waited for.
func leaseOfTheDead(t *testing.T, b *bench) {
	a, z := b.lease("a"), b.lease("z")
	must(t, a.Acquire(b.ctx), "a")
	z.Alive = func(h journals3.Holder) bool { return h.Owner != "a" }
	must(t, z.Acquire(b.ctx), "z")
	if z.Epoch() <= a.Epoch() {
		t.Fatalf("epoch %d after %d", z.Epoch(), a.Epoch())
	}
}

// leaseWatched: a live holder is found out within one TTL and not robbed.
func leaseWatched(t *testing.T, b *bench) {
	ac, zc := newClock(b.Pause), newClock(b.Pause)
	a, z := b.leaseOn("a", ac), b.leaseOn("z", zc)
	must(t, a.Acquire(b.ctx), "a")
	z.NoWait, z.RefuseLive = false, true
	zc.onWait = func(until time.Time) { // a lives at the same pace
		ac.advance(until.Sub(zc.now))
		must(t, a.Ensure(b.ctx, margin, "working"), "a")
	}
	told := 0
	z.Watching = func(h journals3.Holder, atMost time.Duration) {
		if told++; h.Run != "run-of-a" || atMost != z.TTL() {
			t.Errorf("told of %v, for up to %v", h, atMost)
		}
	}
	wantClass(t, "z", z.Acquire(b.ctx), resources.Busy)
	if told != 1 {
		t.Errorf("told %d times who holds the lease", told)
	}
	if waited := zc.Now().Sub(newClock(nil).Now()); waited > z.TTL() {
		t.Fatalf("z took %v to see that a lives", waited)
	}
	zc.onWait = nil // a says no more
	from := zc.Now()
	must(t, z.Acquire(b.ctx), "z")
	if waited := zc.Now().Sub(from); waited < z.TTL() {
		t.Fatalf("z waited %v only", waited)
	}
}

func leaseRace(t *testing.T, b *bench) {
	leases, answers := make([]*journals3.Lease, Writers), make([]error, Writers)
	for i := range leases {
		leases[i] = b.lease(fmt.Sprint("w", i))
	}
	b.Together(each(Writers, func(i int) { answers[i] = leases[i].Acquire(b.ctx) })...)
	holder := -1
	for i, err := range answers {
		switch resources.ClassOf(err) {
		case resources.OK:
			if holder >= 0 {
				t.Fatalf("%d and %d both hold it", holder, i)
			}
			holder = i
		case resources.Busy:
		default:
			t.Fatalf("%d: %v", i, err)
		}
	}
	if holder < 0 {
		t.Fatal("nobody holds it")
	}
	b.Alone(func() {
		h, held, err := b.holder(leases[0])
		must(t, err, "read")
		if !held || h.Owner != fmt.Sprint("w", holder) || h.Epoch != leases[holder].Epoch() {
			t.Fatalf("w%d holds epoch %d, the object says %+v", holder, leases[holder].Epoch(), h)
		}
	})
}

// pausedHolder: a machine that stood still finds out before it acts, and does
// no harm.
func pausedHolder(t *testing.T, b *bench) {
	ac := newClock(b.Pause)
	a, z := b.leaseOn("a", ac), b.lease("z")
	must(t, a.Acquire(b.ctx), "a")
	z.NoWait = false
	must(t, z.Acquire(b.ctx), "z, after a TTL")
	ac.advance(a.TTL())
	if a.Left() > 0 {
		t.Fatalf("a believes in %v more", a.Left())
	}
	wantClass(t, "a wakes up", a.Ensure(b.ctx, margin, ""), resources.Fenced)
	wantClass(t, "a tries again", a.Ensure(b.ctx, margin, ""), resources.Fenced)
	must(t, a.Release(b.ctx), "a lets go of nothing")
	must(t, z.Ensure(b.ctx, 3*time.Minute, "x"), "z goes on")
	h, held, err := b.holder(z)
	if err != nil || !held || h.Owner != "z" {
		t.Fatalf("holder %+v (%v)", h, err)
	}
}

// oversleptAlone: a lone controller is never fenced.
func oversleptAlone(t *testing.T, b *bench) {
	c := newClock(b.Pause)
	a := b.leaseOn("a", c)
	must(t, a.Acquire(b.ctx), "acquire")
	epoch := a.Epoch()
	c.advance(time.Hour)
	must(t, a.Ensure(b.ctx, margin, "awake"), "ensure")
	if a.Epoch() != epoch || a.Left() < margin {
		t.Fatalf("epoch %d after %d, %v left", a.Epoch(), epoch, a.Left())
	}
}

func leaseDeleted(t *testing.T, b *bench) {
	c := newClock(b.Pause)
	a := b.leaseOn("a", c)
	must(t, a.Acquire(b.ctx), "acquire")
	must(t, b.client.Delete(b.ctx, a.URI), "delete")
	must(t, a.Ensure(b.ctx, margin, ""), "while it has enough left")
	c.advance(2 * time.Minute)
	wantClass(t, "renewing what is gone", a.Ensure(b.ctx, margin, ""), resources.Fenced)
}

func epochGrows(t *testing.T, b *bench) {
	last := 0
	for i := range 12 {
		l := b.lease(fmt.Sprint("w", i))
		l.NoWait = false
		must(t, l.Acquire(b.ctx), "acquire %d", i)
		if l.Epoch() <= last {
			t.Fatalf("epoch %d after %d", l.Epoch(), last)
		}
		last = l.Epoch()
		if i%3 == 0 {
			must(t, l.Release(b.ctx), "release")
		}
	}
}
