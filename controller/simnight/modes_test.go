package simnight_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/simnight"
	loads "lamplighter/controller/steps"
	"lamplighter/resources/simcloud"
	"lamplighter/resources/warehouse"
)

// redelivered is an account after a first night in which, before the second, a
// loaded object of each source changed, another came late, and a day came new.
func redelivered(t *testing.T, s shape, faults simcloud.Faults) (*simnight.Account, simnight.Night) {
	t.Helper()
	a := account(1, s, simcloud.Faults{})
	for _, name := range []string{"ratings", "reviews"} {
		a.Cloud.PutSized("s3://events/"+name+"/2026/11/20/part-0.csv.gz", 10_000) // stays as it is
	}
	if o := a.Run(s.night()); o.ExitCode != controller.ExitOK {
		t.Fatalf("the first night: %v %s", o.Err, verdicts(o))
	}
	for _, name := range []string{"ratings", "reviews"} {
		a.Cloud.PutSized("s3://events/"+name+"/2026/11/20/part-1.csv.gz", 80_000)
		a.Cloud.PutSized("s3://events/"+name+"/2026/11/20/part-2.csv.gz", 20_000)
	}
	a.Cloud.SetFaults(faults)
	a.Sim.Drain(start.AddDate(0, 0, 1))
	n := s.night()
	n.Date = "2026-11-23"
	return a, n
}

// What changed is loaded anew once, whatever dies: days are replaced by what
// they hold now, and of an upsert the rows that came last stay.
func TestRedeliveredDays(t *testing.T) {
	const root = "s3://events/"
	day := func(name, dd string, size int64) (string, int64) {
		return root + name + "/2026/11/" + dd + "/part-1.csv.gz", size
	}
	whole := func(name string) map[string]int64 {
		want := map[string]int64{root + name + "/2026/11/20/part-0.csv.gz": 10_000, root + name + "/2026/11/20/part-2.csv.gz": 20_000}
		for _, dd := range []string{"18", "19", "21", "22"} {
			uri, size := day(name, dd, 40_000)
			want[uri] = size
		}
		uri, size := day(name, "20", 80_000)
		want[uri] = size
		return want
	}
	last, _ := day("ratings", "22", 0)
	for _, c := range []struct {
		s    shape
		want map[string]map[string]int64
	}{
		{shape{name: "upsert and days replaced", steps: steps(upserted("ratings"), partitioned("reviews", "replace")), tables: map[string][]string{}},
			map[string]map[string]int64{"ratings": {last: 40_000, root + "ratings/2026/11/20/part-0.csv.gz": 10_000, root + "ratings/2026/11/20/part-2.csv.gz": 20_000}, "reviews": whole("reviews")}},
		{shape{name: "days appended, changed ones replaced", steps: steps(partitioned("reviews", "append")), tables: map[string][]string{}},
			map[string]map[string]int64{"reviews": whole("reviews")}},
	} {
		for _, faults := range []simcloud.Faults{{}, {ServerGoesOn: true, KeepSessions: true}} {
			a, n := redelivered(t, c.s, faults)
			points := len(a.Run(n).Points)
			for point := 0; point <= points; point += *every {
				a, n := redelivered(t, c.s, faults)
				if point > 0 {
					n.CrashAt, n.SameHost = map[int]bool{point: true}, point%3 > 0
				}
				o := a.Run(n)
				bad := c.s.broken(a, o)
				pointer, _ := a.Promoted(n.Pipeline)
				for table, want := range c.want {
					if got := a.Cloud.SnapshotSizes(pointer.Snapshot, table); fmt.Sprint(got) != fmt.Sprint(want) {
						bad = append(bad, fmt.Sprintf("%s holds %v, not %v", table, got, want))
					}
					objects := a.Loaded(pointer.Snapshot)[table]
					if len(objects) != len(want) {
						bad = append(bad, fmt.Sprintf("%s holds %v", table, objects))
					}
				}
				if len(bad) > 0 {
					t.Fatalf("%s, point %d, %+v: %v\n%s", c.s.name, point, faults, bad, tell(o))
				}
			}
		}
	}
}

// Without on_change a loaded object that changed fails the plan: nothing is
// created, the error names the object and the mend, and once the object is as
// it was the next attempt goes on.
func TestALoadedObjectChanged(t *testing.T) {
	s := shape{steps: steps(load("ratings"))}
	a := account(1, s, simcloud.Faults{})
	if o := a.Run(s.night()); o.ExitCode != controller.ExitOK {
		t.Fatal(verdicts(o))
	}
	const uri = "s3://events/ratings/2026/11/20/part-1.csv.gz"
	a.Cloud.PutSized(uri, 80_000)
	a.Sim.Drain(start.AddDate(0, 0, 1))
	n := s.night()
	n.Date = "2026-11-23"
	before := len(a.Cloud.Audit())
	o := a.Run(n)
	if o.Err == nil || o.ExitCode == controller.ExitOK || !says(o.Err.Error(), uri, "partition 2026-11-20", "was loaded at 2026-11-22") {
		t.Fatalf("exit %d: %v", o.ExitCode, o.Err)
	}
	for _, e := range a.Cloud.Audit()[before:] {
		if strings.HasSuffix(e.Call, "RestoreFromClusterSnapshot") || strings.HasSuffix(e.Call, "CreateCluster") {
			t.Errorf("a night that cannot load created: %+v", e)
		}
	}
	a.Cloud.PutSized(uri, 40_000)
	n.Again = true
	if o := a.Run(n); o.Err != nil || o.ExitCode != controller.ExitOK {
		t.Errorf("afterwards: exit %d %v", o.ExitCode, o.Err)
	}
}

// Refused rows are in the load's result, whatever dies; more than max_errors
// fails the load and promotes nothing.
func TestRefusedRows(t *testing.T) {
	s := shape{steps: steps(upserted("ratings")), tables: map[string][]string{}}
	uri := days("ratings")[1]
	refusing := func(rows int64) *simnight.Account {
		a := simnight.New(start, simcloud.SimOptions{Seed: 1, Faults: simcloud.Faults{ServerGoesOn: true}, Rejects: map[string]int64{uri: rows}})
		for _, uri := range days("ratings") {
			a.Cloud.PutSized(uri, 40_000)
		}
		return a
	}
	points := len(refusing(3).Run(s.night()).Points)
	for point := 0; point <= points; point += *every {
		a, n := refusing(3), s.night()
		if point > 0 {
			n.CrashAt = map[int]bool{point: true}
		}
		o := a.Run(n)
		if bad := s.broken(a, o); len(bad) > 0 {
			t.Fatalf("point %d: %v", point, bad)
		}
		r, _ := journal.Result[loads.LoadResult](o.Facts, "ratings")
		want := warehouse.Reject{Object: uri, Line: 2, Column: "x", Value: "?", Reason: "Invalid digit"}
		if r.Rejected != 3 || len(r.Rejects) != 3 || r.Rejects[1] != want || len(r.Warnings) != 1 || !says(r.Warnings[0].Says, "3 rows", uri+" line 1") {
			t.Fatalf("point %d: %+v", point, r)
		}
	}
	a := refusing(11)
	o := a.Run(s.night())
	if _, promoted := a.Promoted(pipeline(s.steps)); o.ExitCode != controller.ExitFailed || promoted || len(billing(a)) > 0 {
		t.Errorf("11 refused rows of 10: exit %d, promoted %v, %v", o.ExitCode, promoted, billing(a))
	}
}

func says(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(text, p) })
}
