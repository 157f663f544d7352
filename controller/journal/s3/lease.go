package journals3

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// Lease says who may act for a pipeline: one object, moved by conditional
// writes only. Each taking raises its epoch. It is not safe for concurrent use.
//
// No instant of another machine is ever compared with ours. A holder is dead
// when the object has not changed for a whole TTL on the watcher's own clock,
// or at once when Alive proves it. A holder trusts its lease for a TTL counted
// from before it sent the write, so it stops before anybody may think it dead.
type Lease struct {
	S3    *s3.Client
	URI   string
	Clock resources.Clock
	Me    Holder            // Owner (random per process), Pipeline, Run and Identity; the rest is filled in
	Alive func(Holder) bool // false only when the holder is provably dead; nil: never provable
	// Lasts is the TTL; 0: three minutes. All who share a lease must agree on it.
	Lasts time.Duration
	// NoWait makes Acquire return Busy at once when another holds the lease.
	NoWait bool
	// RefuseLive makes Acquire return Busy when another that holds the lease is
	// seen to renew it, and wait only for one that may be dead.
	RefuseLive bool
	// Watching is told once of each holder that is waited for, and for how long
	// at most; may be nil.
	Watching func(h Holder, atMost time.Duration)

	holding bool
	held    Holder
	etag    string
	until   time.Time // by Clock
}

// Holder is the lease's body: who holds it and what they are doing. Expires is
// for people; nobody decides by it.
type Holder struct {
	Owner    string `json:"owner"` // "" when released
	Epoch    int    `json:"epoch"`
	Pipeline string `json:"pipeline"`
	Run      string `json:"run,omitempty"`
	Identity
	Expires time.Time `json:"expires"`
	Doing   string    `json:"doing,omitempty"`
	Since   time.Time `json:"since"` // when this epoch was taken
}

func (h Holder) String() string {
	doing := h.Doing
	if doing == "" {
		doing = "working"
	}
	return fmt.Sprintf("run %s (host %s, process %d, epoch %d, since %s, %s)", h.Run, h.Host, h.PID, h.Epoch, h.Since.UTC().Format(time.RFC3339), doing)
}

const (
	defaultTTL = 3 * time.Minute
	// requestLimit ends a request that hangs, long before the lease does.
	requestLimit = 10 * time.Second
	// looksPerTTL is how often a watcher looks while it waits for a holder.
	looksPerTTL = 12
)

// TTL is how long a lease lasts without being renewed.
func (l *Lease) TTL() time.Duration {
	if l.Lasts == 0 {
		return defaultTTL
	}
	return l.Lasts
}

// Epoch is the number of the lease we hold, or held last; 0 before the first.
func (l *Lease) Epoch() int { return l.held.Epoch }

// Left is how much of the lease remains, by the wall clock or the monotonic
// one, whichever says less: one of them stands still while a machine sleeps.
// It is negative when the lease has run out, and 0 when none is held.
func (l *Lease) Left() time.Duration {
	if !l.holding {
		return 0
	}
	return between(l.Clock.Now(), l.until)
}

// between is the shorter of monotonic and wall time from one instant to another.
func between(from, to time.Time) time.Duration {
	return min(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// Acquire takes the lease when it is free, released, ours from before, or its
// holder is dead. Else it waits, unless NoWait or RefuseLive forbid, and then
// returns a Busy fault that says who holds it.
func (l *Lease) Acquire(ctx context.Context) error {
	w := watch{told: l.Watching}
	failures, wait := 0, firstWait
	for {
		now := l.Clock.Now()
		taken, until, err := l.attempt(ctx, &w)
		switch {
		case taken:
			return nil
		case err != nil && !passing(err):
			return err
		case err != nil:
			if failures++; failures == tries || ctx.Err() != nil {
				return err
			}
			until, wait = now.Add(wait), 2*wait
		default:
			failures, wait = 0, firstWait
			if err := l.mayWait(w); err != nil {
				return err
			}
			w.tell(l.TTL())
		}
		if ctx.Err() != nil {
			return &resources.Fault{Class: resources.Busy, Msg: "the lease is held by " + w.holder.String(), Err: ctx.Err()}
		}
		l.Clock.Wait(ctx, until, nil)
	}
}

// watch is what a waiter has seen of a holder.
type watch struct {
	holder Holder
	etag   string
	since  time.Time // when this ETag was first seen, by our clock
	lives  bool      // the ETag changed while we watched
	told   func(Holder, time.Duration)
	named  int // epoch of the holder that was told of
}

// tell says once of each holder that it is waited for.
func (w *watch) tell(ttl time.Duration) {
	if w.told == nil || w.named == w.holder.Epoch {
		return
	}
	w.named = w.holder.Epoch
	w.told(w.holder, ttl)
}

func (w *watch) see(h Holder, etag string, now time.Time) {
	if etag == w.etag {
		return
	}
	w.lives = w.etag != ""
	w.holder, w.etag, w.since = h, etag, now
}

func (l *Lease) mayWait(w watch) error {
	if !l.NoWait && !(l.RefuseLive && w.lives) {
		return nil
	}
	return &resources.Fault{Class: resources.Busy, Msg: "the lease is held by " + w.holder.String(),
		Hint: fmt.Sprintf("`lamplighter status` shows what it does; when it dies, its lease can be taken %v later", l.TTL())}
}

// attempt looks once, and takes the lease if it may. Else it says when to look
// again. A passing error means that the look or the write failed.
func (l *Lease) attempt(ctx context.Context, w *watch) (taken bool, again time.Time, err error) {
	holder, etag, err := l.read(ctx)
	now := l.Clock.Now()
	if resources.ClassOf(err) == resources.Gone {
		return l.take(ctx, 1, "*")
	}
	if err != nil {
		return false, now, err
	}
	w.see(holder, etag, now)
	dead := l.Alive != nil && !l.Alive(holder)
	if holder.Owner == "" || holder.Owner == l.Me.Owner || dead || between(w.since, now) >= l.TTL() {
		return l.take(ctx, holder.Epoch+1, etag)
	}
	again = now.Add(l.TTL() / looksPerTTL)
	if end := w.since.Add(l.TTL()); end.After(now) && end.Before(again) {
		again = end
	}
	return false, again, nil
}

// take writes the next epoch over what was read. A write that failed in any
// passing way is looked at again: if it is there after all, it counts as ours
// from before and is taken once more.
func (l *Lease) take(ctx context.Context, epoch int, match string) (bool, time.Time, error) {
	now := l.Clock.Now()
	next := l.Me
	next.Epoch, next.Since, next.Expires, next.Doing = epoch, now.UTC(), now.Add(l.TTL()).UTC(), "starting"
	etag, err := l.write(ctx, next, match)
	switch {
	case err == nil:
		l.holding, l.held, l.etag, l.until = true, next, etag, now.Add(l.TTL())
		return true, now, nil
	case lostRace(err):
		return false, now, &resources.Fault{Class: resources.Busy, Code: resources.CodeOf(err), Msg: "another took the lease just now", Err: err}
	}
	return false, now, err
}

// lostRace says that the object was not what the write was conditional on.
func lostRace(err error) bool {
	return resources.CodeOf(err) == s3.PreconditionFailed || resources.ClassOf(err) == resources.Gone
}

// ReadHolder tells who holds the lease, for people; it needs no lease. held is
// false when there is none or it was released; a dead holder's still shows.
func (l *Lease) ReadHolder(ctx context.Context) (h Holder, held bool, err error) {
	h, _, err = l.read(ctx)
	if resources.ClassOf(err) == resources.Gone {
		return Holder{}, false, nil
	}
	return h, err == nil && h.Owner != "", err
}

func (l *Lease) read(ctx context.Context) (h Holder, etag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	body, etag, err := l.S3.Get(ctx, l.URI)
	if err != nil {
		return h, "", err
	}
	if err := json.Unmarshal(body, &h); err != nil {
		return h, "", &resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf("the lease %s cannot be read: %v", l.URI, err),
			Hint: "when surely no controller of this pipeline runs, delete that object", Err: err}
	}
	return h, etag, nil
}

func (l *Lease) write(ctx context.Context, h Holder, match string) (etag string, err error) {
	body, err := json.Marshal(h)
	if err != nil {
		return "", &resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf("encoding the lease: %v", err), Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	return l.S3.Put(ctx, l.URI, body, match)
}
