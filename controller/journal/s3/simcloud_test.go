package journals3_test

import (
	"testing"
	"time"

	"lamplighter/controller/journal/s3/conformance"
	"lamplighter/resources/simcloud"
)

var simStart = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

// simulated opens the simulated cloud's S3: every call runs in a coroutine of
// one simulated process, in virtual time.
func simulated(seed uint64, faults simcloud.Faults, lossy bool) func(*testing.T) conformance.Cloud {
	return func(t *testing.T) conformance.Cloud {
		sim := simcloud.NewSim(simStart)
		t.Cleanup(sim.Close)
		cloud := simcloud.Simulate(sim, simcloud.SimOptions{Seed: seed, Faults: faults})
		proc := sim.NewProc("controller")
		together := func(fns ...func()) {
			for _, fn := range fns {
				proc.Go(fn)
			}
			if !sim.Run(sim.Now().Add(7 * 24 * time.Hour)) {
				t.Fatal("still running after a week")
			}
		}
		return conformance.Cloud{API: cloud.Client(proc).S3, Base: base, Lossy: lossy,
			Together: together, Alone: func(fn func()) { together(fn) }}
	}
}

func TestConformanceSimulated(t *testing.T) {
	conformance.Run(t, simulated(1, simcloud.Faults{}, false))
}

func TestConformanceSimulatedWithFaults(t *testing.T) {
	faults := simcloud.Faults{Flaky: 0.03, RefusePut: 0.03, LostPut: 0.05, LatePut: 0.03, Conflict: 0.03}
	for seed := range uint64(20) {
		conformance.Run(t, simulated(seed, faults, true))
	}
}
