// Package conformance is what a journal and a lease in S3 must do, and what an
// S3 must do for them: one suite, run against an S3 in memory with and without
// faults, against the simulated cloud, and against real stores.
package conformance

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// Cloud is an S3 under test.
type Cloud struct {
	API  s3.API
	Base string // s3://bucket/prefix, with nothing under it yet
	// Together runs functions side by side until all have returned; nil: as
	// goroutines.
	Together func(fns ...func())
	// Alone runs one function, where calls of the API need a place of their own
	// to run in; nil: on the caller's goroutine. t.FailNow must work in it.
	Alone func(fn func())
	// Lossy says that writes may be refused, get lost or come late, so that
	// only what is built to endure that is tested.
	Lossy bool
	// Pause is called whenever something waits; a real store may need the time.
	Pause func()
}

// Writers is how many race each other.
const Writers = 32

// Run tests an S3, with a fresh Cloud for each test.
func Run(t *testing.T, open func(t *testing.T) Cloud) {
	tests := []struct {
		name  string
		plain bool // needs an S3 without faults
		test  func(*testing.T, *bench)
	}{
		{"conditional writes", true, conditionalWrites},
		{"one etag everywhere", true, oneETag},
		{"counter", true, counter},
		{"append and since", false, appendAndSince},
		{"append again", false, appendAgain},
		{"append race", false, appendRace},
		{"gap", false, gap},
		{"strangers", true, strangers},
		{"archive", false, archive},
		{"lease alone", false, leaseAlone},
		{"lease released", false, leaseReleased},
		{"lease held", false, leaseHeld},
		{"lease of the dead", false, leaseOfTheDead},
		{"lease watched", false, leaseWatched},
		{"lease race", false, leaseRace},
		{"paused holder", false, pausedHolder},
		{"overslept alone", false, oversleptAlone},
		{"lease deleted", true, leaseDeleted},
		{"epoch only grows", false, epochGrows},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cloud := open(t)
			if test.plain && cloud.Lossy {
				t.Skip("needs a store that loses nothing")
			}
			b := &bench{Cloud: cloud, ctx: t.Context(), clock: newClock(cloud.Pause)}
			b.client = &s3.Client{API: cloud.API}
			if b.Alone == nil {
				b.Alone = func(fn func()) { fn() }
			}
			if b.Together == nil {
				b.Together = goroutines
			}
			if test.name == "counter" || test.name == "append race" || test.name == "lease race" {
				test.test(t, b) // these call Together themselves
				return
			}
			b.Alone(func() { test.test(t, b) })
		})
	}
}

// bench is what each test works with.
type bench struct {
	Cloud
	ctx    context.Context
	clock  *clock
	client *s3.Client
}

func (b *bench) uri(name string) string { return b.Base + "/" + name }

func goroutines(fns ...func()) {
	var all sync.WaitGroup
	for _, fn := range fns {
		all.Go(fn)
	}
	all.Wait()
}

// clock is time that passes only when somebody waits.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	pause  func()
	onWait func(until time.Time) // called before time passes
}

func newClock(pause func()) *clock {
	return &clock{now: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC), pause: pause}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Wait(ctx context.Context, until time.Time, _ <-chan struct{}) {
	if c.pause != nil {
		c.pause()
	}
	if c.onWait != nil {
		c.onWait(until)
	}
	c.advance(until.Sub(c.Now()))
}

func (c *clock) Go(fn func()) { go fn() }

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > 0 {
		c.now = c.now.Add(d)
	}
}

// each makes n functions of one.
func each(n int, fn func(i int)) []func() {
	fns := make([]func(), n)
	for i := range fns {
		fns[i] = func() { fn(i) }
	}
	return fns
}

func must(t *testing.T, err error, what string, args ...any) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", fmt.Sprintf(what, args...), err)
	}
}

// again calls a read that may be throttled until it is not.
func again(read func() error) error {
	var err error
	for range 20 {
		if err = read(); resources.ClassOf(err) != resources.Retry {
			return err
		}
	}
	return err
}
