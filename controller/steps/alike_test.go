package steps

import (
	"testing"
	"time"

	"lamplighter/controller/journal"
)

func TestCausesAlike(t *testing.T) {
	const root = "s3://lamps/movielens/"
	base := cause{"ratings", "RowsRejected", "load into ratings: s3://e/2026/11/19/a.csv line 3: bad digit"}
	for _, c := range []struct {
		a, b cause
		want bool
	}{
		{base, base, true},
		{base, cause{"ratings", "RowsRejected", "load into ratings: s3://e/2026/11/20/a.csv line 3: bad digit"}, false},
		{base, cause{"ratings", "CheckFailed", base.why}, false},
		{base, cause{"reviews", "RowsRejected", base.why}, false},
		{cause{"r", "", "not_null failed for 3 rows"}, cause{"r", "", "not_null failed for 17 rows"}, true},
		{cause{"r", "", root + "runs/2026-11-22/1/x.manifest is cut"}, cause{"r", "", root + "runs/2026-11-23/1/x.manifest is cut"}, true},
	} {
		if got := c.a.alike(c.b, root); got != c.want {
			t.Errorf("%q and %q: %t", c.a.why, c.b.why, got)
		}
	}
}

func TestBatchLimit(t *testing.T) {
	for _, c := range []struct {
		left time.Duration
		rate int64
		want int64
	}{
		{150 * time.Minute, 0, 900 * typicalRate},
		{150 * time.Minute, 1 << 20, 900 << 20},
		{time.Minute, 1 << 20, leastBatch},
		{-time.Minute, 1 << 20, leastBatch},
		{20 * time.Hour, 1 << 30, batchBytes},
	} {
		if got := batchLimit(c.left, c.rate); got != c.want {
			t.Errorf("%s at %d: %d, want %d", c.left, c.rate, got, c.want)
		}
	}
}

// Small batches say nothing of how fast large ones load.
func TestLoadRate(t *testing.T) {
	spec := []byte(`{"batches": [{"bytes": 1000}, {"bytes": 600000000}, {"bytes": 5}]}`)
	at := func(seconds int) time.Time { return time.Date(2026, 11, 22, 6, 0, seconds, 0, time.UTC) }
	f := journal.NewFacts()
	f.Opening = &journal.Opening{LoadRate: 7}
	f.Plan = []journal.Node{{Name: "ratings", Kind: "load", Spec: spec}}
	add := func(seq, from, to int, verb string) {
		f.Apply(journal.Record{Seq: seq, Kind: journal.Intent, Step: "ratings", At: at(from), Effect: &journal.Effect{Verb: verb}})
		f.Apply(journal.Record{Seq: seq + 1, Of: seq, Kind: journal.Outcome, Step: "ratings", At: at(to)})
	}
	add(1, 0, 20, "copy-1")
	if got := loadRate(f); got != 7 {
		t.Errorf("of small batches %d, want what was known", got)
	}
	add(3, 20, 140, "copy-2")
	if got := loadRate(f); got != 5_000_000 {
		t.Errorf("rate %d", got)
	}
}
