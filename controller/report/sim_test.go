package report_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/controller/report"
	"lamplighter/controller/simnight"
	"lamplighter/resources/simcloud"
)

// both tells a night to two reporters.
type both struct{ a, b report.Reporter }

func (w both) Record(r journal.Record) {
	w.a.Record(r)
	w.b.Record(r)
}

func (w both) Waiting(step, why string, until time.Time) {
	w.a.Waiting(step, why, until)
	w.b.Waiting(step, why, until)
}

// A night of the real engine on the simulated cloud: what the steps settle
// with is what the summary and the screens read.
func TestNightOfTheEngine(t *testing.T) {
	a := simnight.New(time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC), simcloud.SimOptions{Seed: 1})
	a.Cloud.PutSized("s3://events/ratings/2026/11/20/part-1.csv.gz", 40_000)
	a.Cloud.PutSized("s3://events/ratings/2026/11/21/part-1.csv.gz", 40_000)
	p := &config.Pipeline{
		Version: 1, Pipeline: "movielens", Partition: "UTC", Hash: "h",
		Schedule:       config.Schedule{Cron: "0 1 * * *", Timezone: "America/New_York", LastCall: config.Duration(150 * time.Minute), HardStop: config.Duration(4 * time.Hour)},
		Warehouse:      &config.Warehouse{Admin: "lamplighter", KeepSnapshots: 7, Engine: config.WarehouseEngine{Provisioned: &config.Provisioned{NodeType: "ra3.large", Nodes: 2}}},
		Spark:          &config.Spark{Engine: config.SparkEngine{EMR: &config.EMR{Release: "emr-7.10.0", Primary: "m6g.xlarge", Workers: config.Workers{Types: []string{"m6g.xlarge"}, Count: 2}}}},
		MigrationFiles: []config.Migration{{Number: 1, Name: "001_tables.sql", Text: "create table ratings (x int)", SHA256: "m1"}},
		Steps: []config.Step{
			{Kind: "load", Name: "ratings", Load: &config.Load{Into: "ratings", From: "s3://events/ratings/{yyyy}/{mm}/{dd}/*.csv.gz",
				Since: "2026-11-18", Mode: "append", Format: config.Format{CSV: &config.CSV{Header: true}}}},
			{Kind: "unload", Name: "input", Unload: &config.Unload{Query: "select * from ratings", WhenEmpty: "skip"}},
			{Kind: "spark", Name: "recs", Spark: &config.SparkJob{Main: "recs", Reads: []string{"input"}, Timeout: config.Duration(40 * time.Minute)}},
		},
	}
	var events bytes.Buffer
	v := &terminal{t: t, width: 80, height: 24}
	screen := report.NewScreen(v, report.Look{Zone: zone}, func() (int, int) { return 80, 24 }, a.Sim.Now, cost.Embedded())
	o := a.Run(simnight.Night{Pipeline: p, Date: "2026-11-22", Bootstrap: true, Watch: both{report.NewEvents(&events, a.Sim.Now), screen}})
	if o.Err != nil || o.ExitCode != controller.ExitOK {
		t.Fatalf("exit %d: %v", o.ExitCode, o.Err)
	}
	s := report.Summarize(o.Records, cost.Bill(o.Records, cost.Embedded(), a.Sim.Now()), report.Ending{ExitCode: o.ExitCode})
	if s.RowsLoaded["ratings"] == 0 || s.ObjectsLoaded != 2 || len(s.Datasets) != 2 || s.Metrics["recs"]["rmse"] != 0.88 || len(s.Snapshots) != 1 {
		t.Errorf("%+v", s)
	}
	for _, d := range s.Datasets {
		if d.Rows == 0 || d.Objects == 0 || !strings.HasPrefix(d.URI, "s3://") {
			t.Errorf("%+v", d)
		}
	}
	line := regexp.MustCompile(`^nothing is billing · \$0\.\d\d · next from ` + regexp.QuoteMeta(s.Snapshots[0]) + ` · data through 2026-11-21$`)
	if !line.MatchString(s.StateLine) {
		t.Error(s.StateLine)
	}
	states := map[string][]string{}
	for text := range strings.Lines(events.String()) {
		var e report.Event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		if e.Event == "step" {
			states[e.Step] = append(states[e.Step], e.State)
		}
	}
	for _, n := range o.Facts.Plan {
		if all := states[n.Name]; len(all) == 0 || all[len(all)-1] != "done" {
			t.Errorf("%s: %v", n.Name, all)
		}
		if !strings.Contains(v.String(), n.Name) {
			t.Errorf("%s is not on the screen:\n%s", n.Name, v)
		}
	}
	plan := report.Plan(*o.Facts.Opening, report.Expected{}, report.Look{})
	for _, want := range []string{"create", "migrate       001_tables", "ratings: 2 partitions, 2 objects, 80 kB", "delete"} {
		if !strings.Contains(plan, want) {
			t.Errorf("%q is not in\n%s", want, plan)
		}
	}
	t.Log("\n" + plan + report.Ran(o.Records, cost.Bill(o.Records, cost.Embedded(), a.Sim.Now()), report.Look{Width: 80}))
}
