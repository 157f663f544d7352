package simnight_test

import (
	"slices"
	"strings"
	"testing"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/simnight"
	"lamplighter/resources"
	"lamplighter/resources/simcloud"
)

// sparkOnly is a night of Spark alone with some retries.
func sparkOnly(retries int, change func(*config.EMR), list ...config.Step) shape {
	for i := range list {
		job := *list[i].Spark
		job.Retries = retries
		list[i].Spark = &job
	}
	return shape{name: "spark", steps: list, engine: change}
}

// clusters are the Spark clusters that a night asked for, with their steps'
// last states.
func clusters(o simnight.Outcome) (out []journal.Obligation) {
	for _, owed := range o.Facts.Owed {
		if owed.Ref.Kind == resources.KindFlow {
			out = append(out, *owed)
		}
	}
	slices.SortFunc(out, func(a, b journal.Obligation) int { return a.Opened.Compare(b.Opened) })
	return out
}

// slow is an account whose Spark steps take longer than a cluster that is lost
// lives.
func slow(faults simcloud.Faults) *simnight.Account {
	work := simcloud.DefaultWork()
	work.Spark = simcloud.Range{Min: 1800, Max: 1800}
	return simnight.New(start, simcloud.SimOptions{Seed: 3, Faults: faults, Work: &work})
}

// A step is moved to another cluster when its own was lost, as often as it
// allows and no more; what ended well before is not run again.
func TestLostCapacity(t *testing.T) {
	for _, c := range []struct {
		name     string
		retries  int
		faults   simcloud.Faults
		clusters int
		says     string
	}{
		{"no retries", 0, simcloud.Faults{LoseFlow: 1}, 1, "1 cluster went before it had ended; the last one: INSTANCE_FAILURE"},
		{"two retries", 2, simcloud.Faults{LoseFlow: 1}, 3, "3 clusters went before it had ended; the last one: INSTANCE_FAILURE"},
		{"never starts", 1, simcloud.Faults{FlowFail: 1}, 2, "2 clusters went before it had ended; the last one: VALIDATION_ERROR: The requested instance types are not available"},
		{"a bootstrap action fails", 2, simcloud.Faults{Bootstrap: 1}, 1, "its cluster ended before it did: BOOTSTRAP_FAILURE: On the master instance"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sparkOnly(c.retries, nil, spark("a"), spark("b", "a"))
			a := slow(c.faults)
			o := a.Run(s.night())
			why := o.Facts.Settled["a"].Why
			if !o.Ended || o.ExitCode != controller.ExitFailed || !o.Facts.Has("a", journal.Failed) || !strings.Contains(why, c.says) || !strings.Contains(why, "hint: ") {
				t.Errorf("exit %d: %s\n%s", o.ExitCode, why, tell(o))
			}
			if got := clusters(o); len(got) != c.clusters {
				t.Errorf("%d clusters, want %d", len(got), c.clusters)
			}
			if left := append(billing(a), violations(a)...); len(left) > 0 {
				t.Error(left)
			}
		})
	}
}

// A program that fails is never run again, whatever its retries.
func TestAFailingProgramIsNotRetried(t *testing.T) {
	s := sparkOnly(5, nil, spark("a"))
	a := failing("a", nil)
	o := a.Run(s.night())
	if got := clusters(o); o.ExitCode != controller.ExitFailed || len(got) != 1 {
		t.Errorf("exit %d with %d clusters\n%s", o.ExitCode, len(got), tell(o))
	}
}

// A cluster that goes after the first of two steps had ended well: the second
// cluster runs only what is left, and reads what the first wrote.
func TestARelaunchCarriesWhatIsLeft(t *testing.T) {
	found := false
	for seed := uint64(1); seed <= 60 && !found; seed++ {
		s := sparkOnly(3, nil, spark("a"), spark("b", "a"), spark("c", "b"))
		acc := account(seed, s, simcloud.Faults{LoseFlow: 0.6})
		o := acc.Run(s.night())
		got := clusters(o)
		if o.ExitCode != controller.ExitOK || len(got) < 2 || got[0].Seen.Parts["a"] != "COMPLETED" {
			continue
		}
		found = true
		if _, again := got[1].Seen.Parts["a"]; again {
			t.Errorf("seed %d: the second cluster ran a again: %v", seed, got[1].Seen.Parts)
		}
		if bad := s.wrong(acc); len(bad) > 0 {
			t.Errorf("seed %d: %v", seed, bad)
		}
	}
	if !found {
		t.Error("no cluster of 60 nights was lost between two steps: this test sees nothing")
	}
}

// Without Spot capacity the workers are on-demand, by EMR's own choice with
// fleets, or by ours on the last try; without fall_back the step fails.
func TestSpotCapacity(t *testing.T) {
	spot := func(fallBack bool) func(*config.EMR) {
		return func(e *config.EMR) {
			e.Workers.Spot, e.Workers.FallBack, e.Workers.Types = true, fallBack, []string{"m6g.xlarge", "m7g.xlarge"}
		}
	}
	s := sparkOnly(1, spot(true), spark("a"))
	if o := account(1, s, simcloud.Faults{NoSpot: 1}).Run(s.night()); o.ExitCode != controller.ExitOK {
		t.Errorf("with fall_back: %s\n%s", verdicts(o), tell(o))
	}
	s = sparkOnly(1, spot(false), spark("a"))
	o := account(1, s, simcloud.Faults{NoSpot: 1}).Run(s.night())
	if why := o.Facts.Settled["a"].Why; o.ExitCode != controller.ExitFailed || !strings.Contains(why, "INSTANCE_FLEET_TIMEOUT") {
		t.Errorf("without: %s\n%s", why, tell(o))
	}
	s = sparkOnly(1, spot(true), spark("a"))
	o = slow(simcloud.Faults{LoseFlow: 1}).Run(s.night())
	var asked []string
	for _, c := range clusters(o) {
		worker := c.Seen.Shapes[1]
		asked = append(asked, worker.Type+" "+worker.Market)
	}
	if want := []string{"m6g.xlarge spot", "m7g.xlarge on-demand"}; !slices.Equal(asked, want) {
		t.Errorf("the tries asked for %v, want %v", asked, want)
	}
}

// Independent steps run side by side, dependent ones one after the other.
func TestSideBySide(t *testing.T) {
	wide := func(e *config.EMR) { e.Concurrency = 3 }
	alone := simcloud.SimOptions{Seed: 1}
	took := func(s shape, opts simcloud.SimOptions) (simnight.Outcome, float64) {
		a := simnight.New(start, opts)
		o := a.Run(s.night())
		if o.ExitCode != controller.ExitOK {
			t.Fatal(verdicts(o))
		}
		return o, o.Took.Minutes()
	}
	_, narrow := took(sparkOnly(0, nil, spark("a"), spark("b"), spark("c")), alone)
	_, broad := took(sparkOnly(0, wide, spark("a"), spark("b"), spark("c")), alone)
	if broad >= narrow {
		t.Errorf("side by side took %.0f virtual minutes, one after the other %.0f", broad, narrow)
	}
	chain := []config.Step{spark("a"), spark("b", "a"), spark("c")}
	if _, chained := took(sparkOnly(0, wide, chain...), alone); chained <= broad {
		t.Errorf("a chain took %.0f virtual minutes, as if b had not waited for a", chained)
	}
}

// A bootstrap action that is a file of the pipeline's lies in S3, under the
// hash of its content, before a cluster is asked for.
func TestBootstrapFilesAreThere(t *testing.T) {
	s := sparkOnly(0, func(e *config.EMR) {
		e.Bootstrap = []config.Bootstrap{{Path: "bootstrap/install.sh", Body: []byte("#!/bin/sh\n")}, {Path: "s3://elsewhere/x.sh"}}
	}, spark("a"))
	a := account(1, s, simcloud.Faults{})
	if o := a.Run(s.night()); o.ExitCode != controller.ExitOK {
		t.Fatal(verdicts(o))
	}
	var found []string
	for _, uri := range a.Cloud.Objects("s3://") {
		if strings.HasSuffix(uri, "/install.sh") || strings.HasSuffix(uri, "/x.sh") {
			found = append(found, uri)
		}
	}
	if len(found) != 1 || !strings.HasPrefix(found[0], "s3://lamplighter/movielens/jobs/") {
		t.Errorf("bootstrap files: %v", found)
	}
}
