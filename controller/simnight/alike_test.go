package simnight_test

import (
	"strings"
	"testing"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/simnight"
	work "lamplighter/controller/steps"
	"lamplighter/resources"
	"lamplighter/resources/simcloud"
)

// twice runs two nights that fail on the same object.
func twice(t *testing.T, s shape) *simnight.Account {
	a := spoiled(1, s, simcloud.Faults{}, badDay)
	for i, run := range []string{date, "2026-11-23"} {
		o := s.run(a, run, false)
		if o.Err != nil || o.ExitCode != controller.ExitFailed || !o.Facts.Has("ratings", journal.Failed) {
			t.Fatalf("%s: exit %d %v %s", run, o.ExitCode, o.Err, verdicts(o))
		}
		a.Sim.Drain(start.AddDate(0, 0, i+1))
	}
	return a
}

// After two nights that failed on the same cause, the third is refused before
// anything is created, and so are those after it.
func TestTwoNightsFailAlike(t *testing.T) {
	s := leaving("fail")
	a := twice(t, s)
	made := len(a.Cloud.Points)
	for i, run := range []string{"2026-11-24", "2026-11-25"} {
		a.Sim.Drain(start.AddDate(0, 0, 2+i))
		o := s.run(a, run, false)
		if o.ExitCode != controller.ExitRefused || resources.CodeOf(o.Err) != work.CodeRefused {
			t.Fatalf("exit %d %v %s", o.ExitCode, o.Err, verdicts(o))
		}
		for _, says := range []string{"the runs 2026-11-22 and 2026-11-23 failed alike, at ratings: ", badDay} {
			if !strings.Contains(o.Err.Error(), says) {
				t.Errorf("%v does not say %q", o.Err, says)
			}
		}
		if hint := resources.HintOf(o.Err); !strings.Contains(hint, "run --again") || !strings.Contains(hint, "lamplighter skip ratings") {
			t.Errorf("hint %q", hint)
		}
	}
	for _, point := range a.Cloud.Points[made:] {
		if strings.Contains(point, "redshift.") || strings.Contains(point, "emr.") {
			t.Errorf("a refused night asked for %s", point)
		}
	}
	if bad := append(billing(a), violations(a)...); len(bad) > 0 {
		t.Error(bad)
	}
}

// What may be the mend lets the third night begin.
func TestAMendAfterTwoNights(t *testing.T) {
	for name, c := range map[string]struct {
		mend  func(a *simnight.Account, s *shape)
		again bool
		code  int
	}{
		"--again":             {func(*simnight.Account, *shape) {}, true, controller.ExitFailed},
		"delivered anew":      {func(a *simnight.Account, _ *shape) { a.Bad(); a.Cloud.PutSized(badDay, 50_000) }, false, controller.ExitOK},
		"deleted":             {func(a *simnight.Account, _ *shape) { a.Cloud.Remove(badDay) }, false, controller.ExitOK},
		"another pipeline":    {func(_ *simnight.Account, s *shape) { s.steps[0].Load.Columns = []string{"a"} }, false, controller.ExitFailed},
		"on_fail: quarantine": {func(_ *simnight.Account, s *shape) { s.steps[0].Load.OnFail = "quarantine" }, false, controller.ExitFailed},
		"skipped": {func(a *simnight.Account, s *shape) {
			skip := work.Skip{Load: "ratings", Object: badDay, Reason: "broken", At: a.Sim.Now()}
			a.ChangeSkips(t.Context(), s.night().Pipeline, func(l []work.Skip) ([]work.Skip, error) { return work.AddSkip(l, skip), nil })
		}, false, controller.ExitOK},
	} {
		t.Run(name, func(t *testing.T) {
			s := leaving("fail")
			a := twice(t, s)
			c.mend(a, &s)
			o := s.run(a, "2026-11-24", c.again)
			if o.Err != nil || o.ExitCode != c.code {
				t.Errorf("exit %d, want %d: %v %s", o.ExitCode, c.code, o.Err, verdicts(o))
			}
		})
	}
}

// Two nights that failed each in its own way are followed by a third, and so
// are two whose warehouse was promoted all the same.
func TestNightsThatFailUnalike(t *testing.T) {
	s := leaving("fail")
	a := spoiled(1, s, simcloud.Faults{}, badDay)
	s.run(a, date, false)
	a.Bad("s3://events/ratings/2026/11/20/part-1.csv.gz")
	a.Sim.Drain(start.AddDate(0, 0, 1))
	s.run(a, "2026-11-23", false)
	a.Sim.Drain(start.AddDate(0, 0, 2))
	if o := s.run(a, "2026-11-24", false); o.Err != nil || o.ExitCode != controller.ExitFailed {
		t.Errorf("exit %d %v", o.ExitCode, o.Err)
	}
	full := shapes()[0]
	a = failing("recs", nil)
	for i, run := range []string{date, "2026-11-23", "2026-11-24"} {
		if o := full.run(a, run, false); o.ExitCode == controller.ExitRefused {
			t.Errorf("%s: %v", run, o.Err)
		}
		a.Sim.Drain(start.AddDate(0, 0, i+1))
	}
}

// A backlog of a year takes several nights: each is cut at last call, promotes
// what it has, says how far it came, and the next goes on from there.
func TestABacklogTakesSeveralNights(t *testing.T) {
	s := shape{steps: steps(load("ratings"), unload("out")), tables: map[string][]string{}}
	s.steps[0].Load.Since = "2025-11-22"
	slow := simcloud.DefaultWork()
	slow.LoadMB = simcloud.Range{Min: 1, Max: 1} // seconds
	a := simnight.New(start, simcloud.SimOptions{Seed: 1, Work: &slow})
	var all []string
	for d := range 365 {
		uri := "s3://events/ratings/" + start.AddDate(0, 0, d-365).Format("2006/01/02") + "/part-1.csv.gz"
		a.Cloud.PutSized(uri, 100<<20)
		all = append(all, uri)
	}
	nights, through := 0, ""
	for nights < 12 {
		day := start.AddDate(0, 0, nights)
		o := s.run(a, day.Format(config.DayPartition), false)
		nights++
		r := loadResult(o)
		pointer, _ := a.Promoted(pipeline(s.steps))
		if pointer.DataThrough <= through {
			t.Fatalf("night %d is through %s, the one before through %s: exit %d %v %s", nights, pointer.DataThrough, through, o.ExitCode, o.Err, verdicts(o))
		}
		through = pointer.DataThrough
		if o.ExitCode == controller.ExitOK {
			break
		}
		if o.Err != nil || o.ExitCode != controller.ExitFailed || r.CaughtUp != through || r.Waiting == 0 {
			t.Fatalf("night %d: exit %d %v %s %+v", nights, o.ExitCode, o.Err, verdicts(o), r)
		}
		a.Sim.Drain(start.AddDate(0, 0, nights))
	}
	s.tables["ratings"] = all
	if bad := append(s.wrong(a), billing(a)...); len(bad) > 0 || nights < 3 || nights == 12 {
		t.Errorf("%d nights, through %s: %.300v", nights, through, bad)
	}
	t.Logf("%d nights", nights)
}
