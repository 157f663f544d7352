package journals3_test

import (
	"math/rand/v2"
	"testing"

	"lamplighter/controller/journal/s3/conformance"
)

const base = "s3://bucket/pipelines/p"

func TestConformanceInMemory(t *testing.T) {
	conformance.Run(t, func(*testing.T) conformance.Cloud {
		return conformance.Cloud{API: &conformance.Memory{Page: 3}, Base: base}
	})
}

// A quarter of all writes go wrong in one of the four ways.
func TestConformanceWithLostReplies(t *testing.T) {
	for seed := range uint64(20) {
		dice := rand.New(rand.NewPCG(seed, 0))
		conformance.Run(t, func(*testing.T) conformance.Cloud {
			fate := func() conformance.Fate {
				if dice.IntN(4) > 0 {
					return conformance.Fine
				}
				return conformance.Fate(1 + dice.IntN(4))
			}
			return conformance.Cloud{API: &conformance.Memory{Fate: fate, Delay: 1 + dice.IntN(4)}, Base: base, Lossy: true}
		})
	}
}
