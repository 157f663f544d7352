package cost_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/controller/journal/journaltest"
	"lamplighter/resources"
)

// tape draws any journal at all: sights in any order, outcomes of any class,
// takeovers, steps that settle or do not, prices that nobody knows.
func tape(t *rapid.T) *journaltest.Tape {
	tape := journaltest.NewTape(journaltest.Opens)
	tape.Took()
	tape.Open(journaltest.Opening())
	refs := []resources.Ref{journaltest.ClusterRef, journaltest.FlowRef, {Kind: resources.KindCluster, Name: "other"}, journaltest.SavedRef}
	steps := []string{"warehouse-1", "emr-1", "ratings", "recommender_input", "snapshot-1", "recommendations"}
	states := []string{"", "creating", "available", "deleting", "paused", "resuming", "maintenance", "STARTING", "BOOTSTRAPPING",
		"RUNNING", "TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS: VALIDATION_ERROR"}
	parts := []string{"", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"}
	types := []string{"ra3.large", "m6g.xlarge", "z9.never"}
	var intents []int
	shape := func() resources.Shape {
		return resources.Shape{
			Service: rapid.SampledFrom([]string{"redshift", "emr"}).Draw(t, "service"), Type: rapid.SampledFrom(types).Draw(t, "type"),
			Market: rapid.SampledFrom([]string{"", "spot"}).Draw(t, "market"), Region: "us-east-1", Count: rapid.IntRange(0, 7).Draw(t, "count"),
		}
	}
	for range rapid.IntRange(0, 40).Draw(t, "records") {
		tape.Wait(time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "wait")))
		ref, step := rapid.SampledFrom(refs).Draw(t, "ref"), rapid.SampledFrom(steps).Draw(t, "step")
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			verb := rapid.SampledFrom([]string{"restore", "launch", "delete", "pause", "resume", "terminate", "copy-1", "drop"}).Draw(t, "verb")
			creates := verb == "restore" || verb == "launch"
			intents = append(intents, tape.Intent(step, journal.Effect{Verb: verb, Ref: ref, Creates: creates, Shape: shape()}))
		case 1:
			if len(intents) > 0 {
				tape.Outcome(rapid.SampledFrom(intents).Draw(t, "of"), resources.Class(rapid.IntRange(0, 7).Draw(t, "class")), "", nil)
			}
		case 2, 3:
			state := rapid.SampledFrom(states).Draw(t, "state")
			o := resources.Observation{Ref: ref, State: state, Exists: rapid.Bool().Draw(t, "exists")}
			o.Shapes = []resources.Shape{shape(), shape()}
			o.IDs = []string{"a", "b", "c"}[:rapid.IntRange(0, 3).Draw(t, "ids")]
			o.Parts = map[string]string{"recommendations": rapid.SampledFrom(parts).Draw(t, "part")}
			if rapid.Bool().Draw(t, "tells") {
				o.Since = tape.Now.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Minute)).Draw(t, "since")))
			}
			tape.Saw(step, o)
		case 4:
			tape.Settle(step, rapid.SampledFrom([]journal.Verdict{journal.Done, journal.Failed, journal.Lost}).Draw(t, "verdict"), "", nil)
		case 5:
			tape.Took()
		}
	}
	return tape
}

// Whatever the journal holds, the bill adds up: lines to resources, resources
// to the total, used and wasted time to billed time, causes to waste.
func TestBillAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tape := tape(t)
		now := tape.Now.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "later")))
		s := cost.Bill(tape.Records, cost.Embedded(), now)
		var total cost.Micros
		known := true
		for _, r := range s.Resources {
			var lines cost.Micros
			var wasted time.Duration
			for _, l := range r.Lines {
				known = known && l.Known
				lines += l.Cost
				if l.Cost < 0 || l.Known != (l.PerHour > 0) && l.Shape.Count > 0 || !l.Known && l.Cost > 0 {
					t.Fatalf("line %+v", l)
				}
			}
			for _, w := range r.Waste {
				wasted += w.For
				if w.For <= 0 || w.Cost < 0 {
					t.Fatalf("waste %+v", w)
				}
			}
			if r.Used < 0 || r.Used+r.Wasted != r.Billed || wasted != r.Wasted || lines != r.Cost || r.Billed%time.Second != 0 {
				t.Fatalf("does not add up: %+v", r)
			}
			if r.From.After(r.To) || r.To.After(now) {
				t.Fatalf("billed from %s to %s, now %s", r.From, r.To, now)
			}
			total += r.Cost
		}
		if total != s.Total || known == s.AtLeast {
			t.Fatalf("total %d of %d, at least %v, known %v", s.Total, total, s.AtLeast, known)
		}
	})
}

// What bills now is on the bill, and a minute later the bill is dearer.
func TestBillGrowsWithWhatBills(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tape := tape(t)
		now := tape.Now.Truncate(time.Second).Add(time.Hour) // beyond EMR's minimum
		s, later := cost.Bill(tape.Records, cost.Embedded(), now), cost.Bill(tape.Records, cost.Embedded(), now.Add(time.Minute))
		grows := false
		for _, n := range s.Now {
			grows = grows || n.Status == cost.Billing && n.PerHour > 0
		}
		if grows != (later.Total > s.Total) {
			t.Fatalf("grows %v, from %d to %d, now %+v", grows, s.Total, later.Total, s.Now)
		}
	})
}
