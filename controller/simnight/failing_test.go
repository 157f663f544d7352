package simnight_test

import (
	"slices"
	"testing"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/simnight"
	"lamplighter/resources/simcloud"
)

// failing is an account in which one thing fails for good.
func failing(what string, answers map[string]string) *simnight.Account {
	a := simnight.New(start, simcloud.SimOptions{Seed: 1, Fails: map[string]string{what: "it cannot be done"}, Answers: answers})
	for _, name := range []string{"ratings", "reviews"} {
		for _, uri := range days(name) {
			a.Cloud.PutSized(uri, 40_000)
		}
	}
	a.Cloud.PutSized("s3://events/movies/movies.csv", 4_000)
	return a
}

// A step that fails, in each position: what needs it is skipped, what does not
// goes on, nothing is left billing, and only a whole warehouse is promoted.
func TestAStepFails(t *testing.T) {
	for _, c := range []struct {
		fails     string
		step      string
		code      int
		promoted  bool
		published []string
	}{
		{"001_tables.sql", "migrate-1", controller.ExitFailed, false, nil},
		{"ratings", "ratings", controller.ExitFailed, false, nil},
		{"movies", "movies", controller.ExitFailed, false, nil},
		{"reviews", "reviews", controller.ExitFailed, false, nil},
		{"select bad from no_orphans", "no_orphans", controller.ExitFailed, false, nil},
		{"view", "view", controller.ExitFailed, false, nil},
		{"select * from rec_in", "rec_in", controller.ExitFailed, true, []string{"sent"}},
		{"select * from rev_in", "rev_in", controller.ExitFailed, true, []string{"recs"}},
		{"recs", "recs", controller.ExitFailed, true, []string{"sent"}},
		{"sent", "sent", controller.ExitFailed, true, []string{"recs"}},
	} {
		t.Run(c.step, func(t *testing.T) {
			s := shapes()[0]
			a := failing(c.fails, nil)
			o := a.Run(s.night())
			if o.Err != nil || o.ExitCode != c.code || !o.Facts.Has(c.step, journal.Failed) {
				t.Fatalf("exit %d, want %d: %v %s", o.ExitCode, c.code, o.Err, verdicts(o))
			}
			if _, ok := a.Promoted(pipeline(s.steps)); ok != c.promoted {
				t.Errorf("promoted: %v, want %v", ok, c.promoted)
			}
			for _, dataset := range []string{"recs", "sent"} {
				if _, ok := a.Published(pipeline(s.steps), dataset); ok != slices.Contains(c.published, dataset) {
					t.Errorf("%s published: %v", dataset, ok)
				}
			}
			if left := append(billing(a), violations(a)...); len(left) > 0 {
				t.Error(left)
			}
		})
	}
}

// What a data check finds ends the night with 3, promotes nothing, and says so.
func TestAnExpectationIsNotMet(t *testing.T) {
	s := shapes()[0]
	maximum := 0.5
	expecting := slices.Clone(full)
	recs := *expecting[7].Spark
	recs.Expect = map[string]config.Bounds{"rmse": {Max: &maximum}}
	expecting[7].Spark = &recs
	checked := slices.Clone(full)
	ratings := *checked[0].Load
	ratings.Checks = []config.LoadCheck{{NotNull: []string{"user_id"}}}
	checked[0].Load = &ratings
	for _, c := range []struct {
		name, step string
		steps      []config.Step
		answers    map[string]string
		promoted   bool
	}{
		{"a check", "no_orphans", full, map[string]string{"select bad from no_orphans": "3"}, false},
		{"a check inside the load", "ratings", checked, map[string]string{`select count(*) from "ratings" where "user_id" is null`: "2"}, false},
		{"a metric", "publish-recs", expecting, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := s.night()
			n.Pipeline = pipeline(c.steps)
			a := failing("", c.answers)
			o := a.Run(n)
			if o.Err != nil || o.ExitCode != controller.ExitData || !o.Facts.Has(c.step, journal.Failed) {
				t.Fatalf("exit %d: %v %s\n%s", o.ExitCode, o.Err, verdicts(o), tell(o))
			}
			if _, ok := a.Promoted(n.Pipeline); ok != c.promoted {
				t.Errorf("promoted: %v", ok)
			}
			if left := append(billing(a), violations(a)...); len(left) > 0 {
				t.Error(left)
			}
		})
	}
}

// After a night that failed, the next attempt does what is left and no more.
func TestTheNextAttemptDoesWhatIsLeft(t *testing.T) {
	s := shapes()[0]
	a := failing("recs", nil)
	if o := a.Run(s.night()); o.ExitCode != controller.ExitFailed {
		t.Fatal(verdicts(o))
	}
	n := s.night()
	n.Again = true
	o := a.Run(n)
	var names []string
	for _, node := range o.Facts.Plan {
		names = append(names, node.Name)
	}
	want := []string{"emr-1", "recs", "publish-recs"}
	if !slices.Equal(names, want) {
		t.Errorf("the second attempt does %v, want %v", names, want)
	}
}

// A second day after the first: only the new day is loaded, from the promoted
// snapshot; the same day again does nothing.
func TestTheSecondNight(t *testing.T) {
	s := shapes()[0]
	a := account(1, s, simcloud.Faults{})
	if o := a.Run(s.night()); o.ExitCode != controller.ExitOK {
		t.Fatal(verdicts(o))
	}
	late := "s3://events/ratings/2026/11/19/part-2.csv.gz"
	a.Cloud.PutSized(late, 1_000)
	a.Sim.Drain(start.AddDate(0, 0, 1))
	n := s.night()
	n.Date = "2026-11-23"
	o := a.Run(n)
	if o.ExitCode != controller.ExitOK {
		t.Fatalf("%v %s\n%s", o.Err, verdicts(o), tell(o))
	}
	pointer, _ := a.Promoted(n.Pipeline)
	want := append(days("ratings"), "s3://events/ratings/2026/11/22/part-1.csv.gz", late)
	slices.Sort(want)
	if got := a.Loaded(pointer.Snapshot)["ratings"]; !slices.Equal(got, want) {
		t.Errorf("ratings holds %v", got)
	}
	if got := a.Loaded(pointer.Snapshot)["movies"]; len(got) != 1 {
		t.Errorf("movies holds %v", got)
	}
	if _, planned := o.Facts.Node("movies"); planned {
		t.Error("movies did not change, yet it was loaded again")
	}
	if pointer.DataThrough != "2026-11-22" || o.Facts.Opening.Base == "" {
		t.Errorf("through %s, from %q", pointer.DataThrough, o.Facts.Opening.Base)
	}
	if left := append(billing(a), violations(a)...); len(left) > 0 {
		t.Error(left)
	}
}

// A run left open by a dead controller is wound down by the next day's run
// before that begins.
func TestTheNextDayFinishesTheFormer(t *testing.T) {
	s := shapes()[0]
	base := account(1, s, simcloud.Faults{}).Run(s.night())
	for point := 20; point <= len(base.Points); point += 40 {
		a := account(1, s, simcloud.Faults{})
		n := s.night()
		n.CrashAt, n.Abandoned = map[int]bool{point: true}, true
		a.Run(n)
		a.Sim.Drain(a.Sim.Now().Add(time23))
		n = s.night()
		n.Date = "2026-11-23"
		o := a.Run(n)
		if o.Err != nil || o.ExitCode != controller.ExitOK {
			t.Fatalf("point %d (%s): exit %d %v %s\n%s", point, base.Points[point-1], o.ExitCode, o.Err, verdicts(o), tell(o))
		}
		if left := append(billing(a), violations(a)...); len(left) > 0 {
			t.Fatalf("point %d (%s): %v\n%s", point, base.Points[point-1], left, tell(o))
		}
	}
}

const time23 = 23 * 3600e9
