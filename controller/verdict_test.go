package controller_test

import (
	"testing"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
)

func TestExitCode(t *testing.T) {
	plan := []journal.Node{
		{Name: "warehouse-1", Kind: controller.KindWarehouse, Derived: true},
		{Name: "ratings", Kind: "load", Uses: "warehouse-1"},
		{Name: "in", Kind: "unload", Needs: []string{"ratings"}, Uses: "warehouse-1"},
		{Name: "upkeep-1", Kind: controller.KindUpkeep, Derived: true, Uses: "warehouse-1"},
		{Name: "recs", Kind: "spark", Needs: []string{"in"}},
		{Name: "publish-recs", Kind: controller.KindPublish, Needs: []string{"recs"}, Derived: true},
	}
	settled := func(step string, v journal.Verdict, why, code string) journal.Record {
		return journal.Record{Kind: journal.Settled, Step: step, Verdict: v, Why: why, Code: code}
	}
	cluster := resources.Ref{Kind: resources.KindCluster, Name: "c"}
	asked := journal.Record{Kind: journal.Intent, Step: "warehouse-1", Effect: &journal.Effect{Verb: "create", Ref: cluster, Creates: true}}
	for _, c := range []struct {
		name string
		over []journal.Record
		want int
	}{
		{"all done", nil, 0},
		{"nothing to load into Spark", []journal.Record{settled("in", journal.Skipped, controller.WhyEmpty, ""), settled("recs", journal.Skipped, "needs in, which was skipped", ""),
			settled("publish-recs", journal.Skipped, "needs recs, which was skipped", "")}, 0},
		{"upkeep failed", []journal.Record{settled("upkeep-1", journal.Failed, "x", "")}, 0},
		{"Spark failed", []journal.Record{settled("recs", journal.Failed, "x", "StepFailed")}, 1},
		{"last call", []journal.Record{settled("recs", journal.Skipped, controller.WhyLastCall, "")}, 1},
		{"caught up", []journal.Record{{Kind: journal.Settled, Step: "ratings", Verdict: journal.Done, Result: []byte(`{"caught_up_to":"2019-03-02"}`)}}, 1},
		{"a check", []journal.Record{settled("ratings", journal.Failed, "x", resources.CodeCheck)}, 3},
		{"a check, and another failure", []journal.Record{settled("recs", journal.Failed, "x", ""), settled("ratings", journal.Failed, "x", resources.CodeCheck)}, 3},
		{"interrupted", []journal.Record{settled("recs", journal.Skipped, controller.WhyInterrupted, "")}, 130},
		{"lost", []journal.Record{settled("in", journal.Lost, "x", "")}, 1},
		{"something is owed", []journal.Record{asked}, 4},
		{"interrupted, and something is owed", []journal.Record{asked, settled("recs", journal.Skipped, controller.WhyInterrupted, "")}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			records := []journal.Record{{Kind: journal.Opened, Opening: &journal.Opening{Plan: plan}}}
			for _, n := range plan {
				records = append(records, settled(n.Name, journal.Done, "", ""))
			}
			if got := controller.ExitCode(journal.Fold(append(records, c.over...))); got != c.want {
				t.Errorf("exit %d, want %d", got, c.want)
			}
		})
	}
}

func TestWindow(t *testing.T) {
	opens := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	w := controller.WindowFrom(opens, 150*time.Minute, 4*time.Hour)
	if got, want := w.CutOff, opens.Add(220*time.Minute); !got.Equal(want) {
		t.Errorf("cut-off at %s, want %s", got, want)
	}
	w = controller.WindowFrom(opens, 20*time.Minute, 40*time.Minute) // a quarter of a short window
	if got, want := w.CutOff, opens.Add(30*time.Minute); !got.Equal(want) {
		t.Errorf("cut-off at %s, want %s", got, want)
	}
	w = controller.WindowFrom(opens, 39*time.Minute, 40*time.Minute) // never before last call
	if w.CutOff.Before(w.LastCall) || !w.CutOff.Before(w.HardStop) {
		t.Errorf("cut-off at %s, last call at %s", w.CutOff, w.LastCall)
	}
}

func TestDataThrough(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		when, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, c := range []struct {
		opens string
		ended time.Duration
		zone  *time.Location
		want  string
	}{
		{"2026-11-22T06:00:00Z", 30 * time.Minute, time.UTC, "2026-11-21"},
		{"2026-11-22T00:30:00Z", 30 * time.Minute, time.UTC, "2026-11-21"}, // ended exactly so long ago
		{"2026-11-22T00:29:59Z", 30 * time.Minute, time.UTC, "2026-11-20"},
		{"2026-03-01T01:00:00Z", 0, time.UTC, "2026-02-28"},
		{"2026-11-21T15:30:00Z", 30 * time.Minute, tokyo, "2026-11-21"},
	} {
		if got := controller.DataThrough(at(c.opens), c.ended, c.zone); got != c.want {
			t.Errorf("a window opening at %s covers until %s, want %s", c.opens, got, c.want)
		}
	}
}
