package steps

import (
	"encoding/json"
	"fmt"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// A batch is one transaction: what last call or a crash finds half done is done
// again. So each is to be a small part of the time that is left.
const (
	batchShare   = 10       // of the time until last call: a tenth
	typicalRate  = 10 << 20 // bytes a second, of objects as they lie in S3, before anything was measured: a guess, on the slow side of two small nodes
	leastBatch   = 64 << 20 // bytes: below, a transaction's own cost is all there is
	measuredFrom = time.Minute
)

// batchLimit is how many bytes a batch of tonight may have.
func batchLimit(left time.Duration, rate int64) int64 {
	if rate <= 0 {
		rate = typicalRate
	}
	return min(max(int64(left.Seconds()/batchShare*float64(rate)), leastBatch), batchBytes)
}

func (r *planned) batchLimit() int64 {
	rate := int64(0)
	if r.last != nil {
		rate = loadRate(r.last)
	}
	return batchLimit(r.Window.LastCall.Sub(r.Clock.Now()), rate)
}

// loadRate is how many bytes a second an attempt loaded, in batches that took
// long enough to tell; what was known before when there were none.
func loadRate(f *journal.Facts) int64 {
	var bytes int64
	var took time.Duration
	for _, n := range f.Plan {
		var spec LoadSpec
		if n.Kind != "load" || json.Unmarshal(n.Spec, &spec) != nil {
			continue
		}
		for i, ref := range spec.Batches {
			intent, out := f.Attempted(n.Name, fmt.Sprintf("copy-%d", i+1))
			if out == nil || out.Class != resources.OK || out.At.Sub(intent.At) < measuredFrom {
				continue
			}
			bytes, took = bytes+ref.Bytes, took+out.At.Sub(intent.At)
		}
	}
	if took == 0 {
		return f.Opening.LoadRate
	}
	return int64(float64(bytes) / took.Seconds())
}
