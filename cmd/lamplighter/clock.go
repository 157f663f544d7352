package main

import (
	"context"
	"time"
)

// wallClock is the one real clock. All else is handed a resources.Clock.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Wait(ctx context.Context, until time.Time, wake <-chan struct{}) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}

func (wallClock) Go(fn func()) { go fn() }

// every calls fn until the returned func is called.
func every(d time.Duration, fn func()) func() {
	ticker, stop := time.NewTicker(d), make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				fn()
			case <-stop:
				return
			}
		}
	}()
	return func() { ticker.Stop(); close(stop) }
}
