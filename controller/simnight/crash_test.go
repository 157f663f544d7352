package simnight_test

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"lamplighter/controller/simnight"
	"lamplighter/resources/simcloud"
)

var every = flag.Int("every", 1, "crash only at every n-th point")

// lagging is a cloud that shows old states and does the rest as it should.
func lagging(serverGoesOn bool) simcloud.Faults {
	return simcloud.Faults{Lag: 40 * time.Second, ServerGoesOn: serverGoesOn, KeepSessions: serverGoesOn}
}

// A process that dies at any point at all, and is started again, ends the
// night as if nothing had happened: every crash point of every shape, with and
// without lagging reads, whether or not the server finishes what was asked.
func TestEveryCrashPoint(t *testing.T) {
	var nights atomic.Int64
	t.Cleanup(func() { t.Logf("%d nights", nights.Load()) })
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, faults := range []simcloud.Faults{{}, {ServerGoesOn: true, KeepSessions: true}, lagging(false), lagging(true)} {
				base := account(1, s, faults).Run(s.night())
				for point := 1; point <= len(base.Points); point += *every {
					n := s.night()
					n.CrashAt, n.SameHost = map[int]bool{point: true}, point%3 > 0
					a := account(1, s, faults)
					o := a.Run(n)
					nights.Add(1)
					if bad := s.broken(a, o); len(bad) > 0 {
						t.Fatalf("point %d (%s), %+v: %v\n%s", point, base.Points[point-1], faults, bad, tell(o))
					}
					if o.Starts != 2 {
						t.Fatalf("point %d: %d starts", point, o.Starts)
					}
				}
			}
		})
	}
}

// A run that nobody starts again leaves nothing billing past the kill switch.
func TestAbandoned(t *testing.T) {
	s := shapes()[0]
	base := account(1, s, simcloud.Faults{}).Run(s.night())
	for point := 1; point <= len(base.Points); point += *every {
		n := s.night()
		n.CrashAt, n.Abandoned = map[int]bool{point: true}, true
		a := account(1, s, simcloud.Faults{})
		a.Run(n)
		a.Sim.Drain(start.Add(7 * time.Hour))
		if alive := billing(a); len(alive) > 0 {
			t.Fatalf("point %d (%s): %v is billing after the kill switch", point, base.Points[point-1], alive)
		}
	}
}

func billing(a *simnight.Account) (out []string) {
	for _, alive := range a.Cloud.Alive() {
		out = append(out, fmt.Sprintf("%+v", alive))
	}
	return out
}
