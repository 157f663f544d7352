package cost_test

import (
	"fmt"
	"testing"
	"time"

	"lamplighter/config"
	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/controller/simnight"
	"lamplighter/resources/simcloud"
)

// These tests hold the bill against the simulated cloud's own meter, which
// knows to the second what really billed.

func pipeline() *config.Pipeline {
	return &config.Pipeline{
		Version: 1, Pipeline: "movielens", Partition: "UTC", Hash: "h",
		Schedule: config.Schedule{Cron: "0 1 * * *", Timezone: "America/New_York", LastCall: config.Duration(150 * time.Minute), HardStop: config.Duration(4 * time.Hour)},
		Warehouse: &config.Warehouse{Admin: "lamplighter", KeepSnapshots: 7,
			Engine: config.WarehouseEngine{Provisioned: &config.Provisioned{NodeType: "ra3.large", Nodes: 2, BetweenRuns: "delete"}}},
		Spark: &config.Spark{Engine: config.SparkEngine{EMR: &config.EMR{Release: "emr-7.10.0", Primary: "m6g.xlarge",
			Workers: config.Workers{Types: []string{"m6g.xlarge"}, Count: 2}}}},
		MigrationFiles: []config.Migration{{Number: 1, Name: "001_tables.sql", Text: "create table ratings (x int)", SHA256: "m1"}},
		Steps: []config.Step{
			{Kind: "load", Name: "ratings", Load: &config.Load{Into: "ratings", From: "s3://events/ratings/{yyyy}/{mm}/{dd}/*.csv.gz",
				Since: "2026-11-18", Mode: "append", Format: config.Format{CSV: &config.CSV{Header: true}}}},
			{Kind: "unload", Name: "input", Unload: &config.Unload{Query: "select * from ratings", WhenEmpty: "skip"}},
			{Kind: "spark", Name: "recs", Spark: &config.SparkJob{Main: "recs", Reads: []string{"input"}, Timeout: config.Duration(40 * time.Minute)}},
		},
	}
}

func account(seed uint64, faults simcloud.Faults) *simnight.Account {
	a := simnight.New(time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC), simcloud.SimOptions{Seed: seed, Faults: faults})
	for d := 18; d <= 21; d++ {
		a.Cloud.PutSized(fmt.Sprintf("s3://events/ratings/2026/11/%02d/part-1.csv.gz", d), 40_000)
	}
	return a
}

func night() simnight.Night {
	return simnight.Night{Pipeline: pipeline(), Date: "2026-11-22", Bootstrap: true}
}

// attempts keeps the records of all attempts of a run: a lost warehouse opens
// another one, and restarted processes tell old records again.
type attempts struct {
	order   []string // when each began and who wrote it
	records map[string][]journal.Record
	now     string
}

func (a *attempts) Record(r journal.Record) {
	if r.Seq == 1 {
		a.now = r.At.String() + r.Writer
		if a.records[a.now] == nil {
			a.order = append(a.order, a.now)
		}
	}
	if all := a.records[a.now]; r.Seq == len(all)+1 {
		a.records[a.now] = append(all, r)
	}
}

func (a *attempts) Waiting(string, string, time.Time) {}

// bill is that of the whole run.
func (a *attempts) bill(now time.Time) cost.Statement {
	var all []cost.Statement
	for _, first := range a.order {
		all = append(all, cost.Bill(a.records[first], cost.Embedded(), now))
	}
	return cost.Sum(all...)
}

// differ runs a night and says how far the bill's time is above the meter's,
// per service.
func differ(a *simnight.Account, n simnight.Night) (s cost.Statement, over map[string]time.Duration) {
	seen := &attempts{records: map[string][]journal.Record{}}
	n.Watch = seen
	a.Run(n)
	s, over = seen.bill(a.Sim.Now()), map[string]time.Duration{}
	for _, r := range s.Resources {
		over[r.Lines[0].Shape.Service] += r.Billed
	}
	for service, metered := range a.Cloud.BilledTime() {
		over[service] -= metered
	}
	return s, over
}

// Undisturbed, the bill is off by no more than what passes between two looks.
func TestBillMeetsTheMeter(t *testing.T) {
	for seed := range uint64(20) {
		a := account(seed, simcloud.Faults{})
		s, over := differ(a, night())
		for service, d := range over {
			if d.Abs() > 15*time.Second {
				t.Errorf("seed %d: %s is off by %s\n%+v\n%+v", seed, service, d, s.Resources, a.Cloud.Billed())
			}
		}
		if len(s.Now) > 0 || len(s.Resources) != 2 {
			t.Errorf("seed %d: %+v", seed, s)
		}
	}
}

// With a controller that dies at any point and a cloud whose reads lag, the
// bill is never far below the meter: it errs on the dear side.
func TestBillErrsOnTheDearSide(t *testing.T) {
	for name, faults := range map[string]simcloud.Faults{
		"none": {}, "lag": {Lag: 40 * time.Second}, "many": {Lag: 20 * time.Second, Lost: 0.1, Late: 0.1, Bounce: 0.3, Mask: 0.3, LoseCluster: 0.2},
	} {
		points := len(account(1, faults).Run(night()).Points)
		lowest, highest := time.Duration(0), time.Duration(0)
		for point := 1; point <= points; point += 5 {
			n := night()
			n.CrashAt, n.SameHost = map[int]bool{point: true}, point%2 == 1
			a := account(uint64(point), faults)
			s, over := differ(a, n)
			for service, d := range over {
				lowest, highest = min(lowest, d), max(highest, d)
				if d < -90*time.Second {
					t.Errorf("point %d, faults %s: the bill for %s is %s too low\n%+v\n%+v", point, name, service, d, s.Resources, a.Cloud.Billed())
				}
			}
			if len(s.Now) > 0 != (len(a.Cloud.Alive()) > 0) {
				t.Errorf("point %d, faults %s: says %+v bills, alive is %v", point, name, s.Now, a.Cloud.Alive())
			}
		}
		t.Logf("faults %s: %d points, off by %s to %s", name, points, lowest, highest)
	}
}
