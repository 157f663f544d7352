package simcloud

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

func TestWaitsEndInOrder(t *testing.T) {
	sim := NewSim(start)
	p, ctx := sim.NewProc("p"), context.Background()
	var got []string
	say := func(s string) { got = append(got, fmt.Sprintf("%s+%s", s, sim.Now().Sub(start))) }
	wake := make(chan struct{}, 1)
	stop, cancel := context.WithCancel(ctx)
	done, over := context.WithCancel(ctx)
	over()
	p.Go(func() { p.Wait(ctx, start.Add(3*time.Second), nil); say("until") })
	p.Go(func() { p.Wait(ctx, start.Add(time.Hour), wake); say("wake") })
	p.Go(func() { p.Wait(stop, start.Add(time.Hour), nil); say("cancelled") })
	p.Go(func() { p.Wait(done, start.Add(time.Hour), nil); say("done") })
	p.Go(func() {
		p.Wait(ctx, start.Add(time.Second), nil)
		wake <- struct{}{}
		say("rang")
		p.Wait(ctx, start.Add(2*time.Second), nil)
		cancel()
	})
	sim.At(start.Add(time.Second), func() { say("event") })
	if !sim.Run(start.Add(time.Minute)) {
		t.Fatal("Run hit its limit")
	}
	want := []string{"done+0s", "event+1s", "rang+1s", "wake+1s", "cancelled+2s", "until+3s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRunStopsAtItsLimit(t *testing.T) {
	sim := NewSim(start)
	p := sim.NewProc("p")
	fired := 0
	sim.At(start.Add(time.Second), func() { fired++ })
	sim.At(start.Add(time.Hour), func() { fired++ })
	p.Go(func() { p.Wait(context.Background(), start.Add(2*time.Hour), nil) })
	if sim.Run(start.Add(time.Minute)) {
		t.Error("Run did not hit its limit")
	}
	if want := start.Add(time.Minute); fired != 1 || !sim.Now().Equal(want) {
		t.Errorf("%d events by %v, want 1 by %v", fired, sim.Now(), want)
	}
	sim.Close()
}

func TestKillEndsEverythingOfAProcess(t *testing.T) {
	for _, from := range []string{"inside", "event", "another process"} {
		t.Run(from, func(t *testing.T) {
			sim := NewSim(start)
			p, q, ctx := sim.NewProc("p"), sim.NewProc("q"), context.Background()
			var after, unwound, reached int
			p.Go(func() {
				defer func() {
					unwound++
					defer func() { _ = recover() }()
					p.Wait(ctx, sim.Now().Add(time.Second), nil) // nothing of a dead process reaches the clock
					reached++
				}()
				p.Wait(ctx, start.Add(time.Minute), nil)
				after++
			})
			switch from {
			case "inside":
				p.Go(func() { p.Wait(ctx, start.Add(time.Second), nil); p.Kill(); after++ })
			case "event":
				sim.At(start.Add(time.Second), p.Kill)
			default:
				q.Go(func() { q.Wait(ctx, start.Add(time.Second), nil); p.Kill() })
			}
			if !sim.Run(start.Add(time.Hour)) {
				t.Fatal("the dead process still runs")
			}
			if after != 0 || unwound != 1 || reached != 0 || !sim.Now().Equal(start.Add(time.Second)) {
				t.Errorf("after %d, unwound %d, reached %d at %v", after, unwound, reached, sim.Now())
			}
			p.Go(func() { after++ })
			sim.Run(start.Add(time.Hour))
			if after != 0 {
				t.Error("a dead process started something")
			}
		})
	}
}

func TestAFrozenProcessGetsNoTime(t *testing.T) {
	sim := NewSim(start)
	p, q, ctx := sim.NewProc("p"), sim.NewProc("q"), context.Background()
	var got []string
	say := func(s string) { got = append(got, fmt.Sprintf("%s+%s", s, sim.Now().Sub(start))) }
	p.Go(func() { p.Wait(ctx, start.Add(time.Second), nil); p.Freeze(time.Minute); say("self") })
	p.Go(func() { p.Wait(ctx, start.Add(2*time.Second), nil); say("beside") })
	q.Go(func() { q.Wait(ctx, start.Add(2*time.Second), nil); say("other") })
	sim.Run(start.Add(time.Hour))
	want := []string{"other+2s", "self+1m1s", "beside+1m1s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRealPanicsAreNotSwallowed(t *testing.T) {
	sim := NewSim(start)
	p := sim.NewProc("p")
	p.Go(func() { panic("a bug") })
	defer func() {
		if r := recover(); r != "a bug" {
			t.Errorf("recovered %v", r)
		}
	}()
	sim.Run(start.Add(time.Hour))
}

func TestDrainGivesProcessesNoTime(t *testing.T) {
	sim := NewSim(start)
	p, ran, fired := sim.NewProc("p"), false, false
	p.Go(func() { ran = true })
	sim.At(start.Add(time.Minute), func() { fired = true })
	sim.Drain(start.Add(time.Hour))
	if ran || !fired || !sim.Now().Equal(start.Add(time.Hour)) {
		t.Errorf("ran %v, fired %v, at %v", ran, fired, sim.Now())
	}
	sim.Close()
}
