package simnight_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/simnight"
	work "lamplighter/controller/steps"
	"lamplighter/resources/simcloud"
)

// badDay is the day whose object COPY refuses, of the four that are loaded.
const badDay = "s3://events/ratings/2026/11/19/part-1.csv.gz"

// spoiled is an account whose ratings of one day cannot be loaded.
func spoiled(seed uint64, s shape, faults simcloud.Faults, bad ...string) *simnight.Account {
	a := account(seed, s, faults)
	a.Bad(bad...)
	return a
}

// leaving is a pipeline whose load leaves out what fails.
func leaving(onFail string) shape {
	step := load("ratings")
	step.Load.OnFail = onFail
	good := slices.DeleteFunc(days("ratings"), func(uri string) bool { return uri == badDay })
	return shape{name: onFail, steps: steps(step, unload("out")), tables: map[string][]string{"ratings": good}}
}

func (s shape) run(a *simnight.Account, date string, again bool) simnight.Outcome {
	n := s.night()
	n.Date, n.Again = date, again
	return a.Run(n)
}

func loadResult(o simnight.Outcome) work.LoadResult {
	r, _ := journal.Result[work.LoadResult](o.Facts, "ratings")
	return r
}

func notes(o simnight.Outcome) string { return strings.Join(o.Facts.Opening.Notes, "\n") }

// One bad object does not keep the other days out, and does not fail the nights
// after; once it is delivered anew it is loaded.
func TestQuarantine(t *testing.T) {
	s := leaving("quarantine")
	a := spoiled(1, s, simcloud.Faults{}, badDay)
	o := s.run(a, date, false)
	left := loadResult(o).LeftOut
	if o.Err != nil || o.ExitCode != controller.ExitFailed || len(left) != 1 || left[0].What != "2026-11-19" || !strings.Contains(left[0].Why, badDay+" line 1: cannot be read") {
		t.Fatalf("exit %d %v, left out %+v\n%s", o.ExitCode, o.Err, left, tell(o))
	}
	if bad := append(s.wrong(a), billing(a)...); len(bad) > 0 {
		t.Error(bad)
	}
	a.Sim.Drain(start.AddDate(0, 0, 1))
	o = s.run(a, "2026-11-23", false)
	if o.Err != nil || o.ExitCode != controller.ExitOK || !strings.Contains(notes(o), "2026-11-19 is left out (run 2026-11-22 2026-11-22): ") {
		t.Fatalf("the night after: exit %d %v %s\n%s", o.ExitCode, o.Err, verdicts(o), notes(o))
	}
	a.Bad()
	a.Cloud.PutSized(badDay, 41_000)
	a.Sim.Drain(start.AddDate(0, 0, 2))
	o = s.run(a, "2026-11-24", false)
	if o.Err != nil || o.ExitCode != controller.ExitOK || loadResult(o).Objects != 1 {
		t.Fatalf("once it was delivered anew: exit %d %v %s, %+v", o.ExitCode, o.Err, verdicts(o), loadResult(o))
	}
	s.tables["ratings"] = append(days("ratings"), "s3://events/ratings/2026/11/22/part-1.csv.gz")
	if bad := append(s.wrong(a), billing(a)...); len(bad) > 0 {
		t.Error(bad)
	}
}

// on_fail: warn leaves a day out for a night, ends with 0, and never claims
// that day.
func TestLeftOutForANight(t *testing.T) {
	s := leaving("warn")
	a := spoiled(1, s, simcloud.Faults{}, badDay)
	for i, run := range []string{date, "2026-11-23"} {
		o := s.run(a, run, false)
		if o.Err != nil || o.ExitCode != controller.ExitOK || len(loadResult(o).LeftOut) != 1 {
			t.Fatalf("%s: exit %d %v %s", run, o.ExitCode, o.Err, verdicts(o))
		}
		if pointer, _ := a.Promoted(pipeline(s.steps)); pointer.DataThrough != "2026-11-18" {
			t.Errorf("%s: data through %s", run, pointer.DataThrough)
		}
		a.Sim.Drain(start.AddDate(0, 0, i+1))
	}
	a.Bad()
	if o := s.run(a, "2026-11-24", false); o.ExitCode != controller.ExitOK || loadResult(o).Objects != 1 {
		t.Fatalf("once it can be read: exit %d %s %+v", o.ExitCode, verdicts(o), loadResult(o))
	}
	if pointer, _ := a.Promoted(pipeline(s.steps)); pointer.DataThrough != "2026-11-23" {
		t.Errorf("data through %s", pointer.DataThrough)
	}
}

// What a check finds is set aside too, and says so with 3. When all of a load
// fails, that is not the fault of one object: it fails, and nothing is set aside.
func TestQuarantineOfAllIsAFailure(t *testing.T) {
	s := leaving("quarantine")
	a := spoiled(1, s, simcloud.Faults{}, days("ratings")...)
	o := s.run(a, date, false)
	if o.Err != nil || o.ExitCode != controller.ExitFailed || !o.Facts.Has("ratings", journal.Failed) || !strings.Contains(o.Facts.Settled["ratings"].Why, "4 of the partitions or objects failed") {
		t.Fatalf("exit %d %v %s", o.ExitCode, o.Err, verdicts(o))
	}
	if _, ok := a.Cloud.Object("s3://lamplighter/movielens/skips.json"); ok {
		t.Error("something was set aside")
	}
	s.steps[0].Load.Checks = []config.LoadCheck{{Rows: &config.RowsCheck{Min: 900}}}
	a = account(1, s, simcloud.Faults{})
	a.Cloud.PutSized(badDay, 400)
	o = s.run(a, date, false)
	if o.Err != nil || o.ExitCode != controller.ExitData || len(loadResult(o).LeftOut) != 1 || loadResult(o).LeftOut[0].What != "2026-11-19" {
		t.Fatalf("exit %d %v %s %+v", o.ExitCode, o.Err, verdicts(o), loadResult(o).LeftOut)
	}
}

// Wherever a controller dies, the bad day is set aside once, and every other
// day is loaded once.
func TestCrashesOfAQuarantine(t *testing.T) {
	s := leaving("quarantine")
	base := s.run(spoiled(1, s, simcloud.Faults{}, badDay), date, false)
	for point := 1; point <= len(base.Points); point += *every {
		for _, faults := range []simcloud.Faults{{}, {ServerGoesOn: true}} {
			a := spoiled(1, s, faults, badDay)
			n := s.night()
			n.CrashAt = map[int]bool{point: true}
			o := a.Run(n)
			where := fmt.Sprintf("point %d (%s)", point, base.Points[point-1])
			if o.Err != nil || o.ExitCode != controller.ExitFailed || len(loadResult(o).LeftOut) != 1 {
				t.Fatalf("%s: exit %d %v %s", where, o.ExitCode, o.Err, verdicts(o))
			}
			body, _ := a.Cloud.Object("s3://lamplighter/movielens/skips.json")
			if bad := append(s.wrong(a), billing(a)...); len(bad) > 0 || strings.Count(string(body), `"load"`) != 1 {
				t.Fatalf("%s: %v\n%s", where, bad, body)
			}
		}
	}
}

// A person skips a day and lifts that again, beside the nights.
func TestSkipped(t *testing.T) {
	s := leaving("fail")
	a := spoiled(1, s, simcloud.Faults{}, badDay)
	if o := s.run(a, date, false); o.ExitCode != controller.ExitFailed || !o.Facts.Has("ratings", journal.Failed) {
		t.Fatalf("exit %d %s", o.ExitCode, verdicts(o))
	}
	skip := work.Skip{Load: "ratings", Partition: "2026-11-19", Reason: "broken", By: "jo", At: a.Sim.Now()}
	a.ChangeSkips(t.Context(), s.night().Pipeline, func(l []work.Skip) ([]work.Skip, error) { return work.AddSkip(l, skip), nil })
	if o := s.run(a, date, true); o.Err != nil || o.ExitCode != controller.ExitOK || !strings.Contains(notes(o), "1 object left out; `lamplighter skip` lists why") {
		t.Fatalf("exit %d %v %s", o.ExitCode, o.Err, verdicts(o))
	}
	if bad := append(s.wrong(a), billing(a)...); len(bad) > 0 {
		t.Error(bad)
	}
	a.Bad()
	skip.At = a.Sim.Now()
	a.ChangeSkips(t.Context(), s.night().Pipeline, func(l []work.Skip) ([]work.Skip, error) {
		l, ok := work.UndoSkip(l, skip)
		if !ok {
			t.Error("nothing was lifted")
		}
		return l, nil
	})
	a.Sim.Drain(start.AddDate(0, 0, 30))
	s.steps[0].Load.LookBack = duration(24 * time.Hour)
	if o := s.run(a, "2026-12-22", false); o.Err != nil || o.ExitCode != controller.ExitOK || loadResult(o).Objects != 2 {
		t.Fatalf("a month later: exit %d %v %s %+v", o.ExitCode, o.Err, verdicts(o), loadResult(o))
	}
}
