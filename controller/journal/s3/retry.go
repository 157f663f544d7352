package journals3

import (
	"context"
	"time"

	"lamplighter/resources"
)

// A request that fails in passing is asked again after 0.25 s, 0.5 s, … 16 s:
// eight times within half a minute, well inside a lease.
const (
	firstWait = 250 * time.Millisecond
	tries     = 8
)

// retry calls try until it is done, its tries are used up or ctx ends, and
// returns the last error.
func retry(ctx context.Context, clock resources.Clock, try func() (done bool, err error)) error {
	wait := firstWait
	for n := 1; ; n++ {
		done, err := try()
		if done || n == tries || ctx.Err() != nil {
			return err
		}
		clock.Wait(ctx, clock.Now().Add(wait), nil)
		wait *= 2
	}
}

// passing says that asking again with the same bytes may help. On S3 an
// Unknown write may be repeated, because every write here is conditional or
// writes the same again.
func passing(err error) bool {
	switch resources.ClassOf(err) {
	case resources.Retry, resources.Busy, resources.Unknown:
		return true
	}
	return false
}
