package simnight_test

import (
	"strings"
	"testing"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/simnight"
	"lamplighter/resources/simcloud"
)

// A Spark step that fails says why, with the line of the user's file, or that
// its logs never came; nothing bills longer for it.
func TestWhyASparkStepFailed(t *testing.T) {
	hung := simcloud.DefaultWork()
	hung.Spark = simcloud.Range{Min: 7200, Max: 7200}
	for _, c := range []struct {
		name string
		opts simcloud.SimOptions
		says string
	}{
		{"raises", simcloud.SimOptions{Fails: map[string]string{"a": "it cannot be done"}}, "RuntimeError: it cannot be done (a.py:7, in main)\nhint: `lamplighter logs a`"},
		{"its logs never come", simcloud.SimOptions{Fails: map[string]string{"a": "it cannot be done"}, Faults: simcloud.Faults{LoseLogs: 1}},
			"EMR says: it cannot be done; its logs were not in s3://lamplighter/logs/ yet"},
		{"hangs", simcloud.SimOptions{Work: &hung}, "timed out after 40m0s\nhint: "},
		{"writes nothing", simcloud.SimOptions{Idle: map[string]bool{"a": true}}, "ended well and wrote nothing: there is no object below s3://lamplighter/movielens/runs/"},
		{"metrics that are no JSON", simcloud.SimOptions{Metrics: `{"rows": NaN}`}, "/data/a/1/metrics.json: line 1: invalid character 'N'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opts.Seed = 1
			a := simnight.New(start, c.opts)
			o := a.Run(sparkOnly(2, nil, spark("a")).night())
			why := o.Facts.Settled["a"].Why
			if !o.Ended || o.ExitCode != controller.ExitFailed || !o.Facts.Has("a", journal.Failed) || !strings.Contains(why, c.says) || !strings.Contains(why, "hint: ") {
				t.Errorf("exit %d: %s\n%s", o.ExitCode, why, tell(o))
			}
			if got := clusters(o); len(got) != 1 {
				t.Errorf("%d clusters", len(got))
			}
			if left := append(billing(a), violations(a)...); len(left) > 0 {
				t.Error(left)
			}
		})
	}
}

// While a warehouse is kept for what comes after Spark, nobody waits for logs:
// the verdict ends it.
func TestNoBillWaitsForLogs(t *testing.T) {
	for _, s := range shapes() {
		if s.name != "scores loaded back, warehouse kept" {
			continue
		}
		o := failing("recs", nil).Run(s.night())
		looks, settled := 0, o.Facts.Settled["recs"]
		for _, r := range o.Records {
			if r.Kind == journal.Intent && r.Step == "recs" {
				looks++
			}
		}
		if looks != 1 || settled.Verdict != journal.Failed {
			t.Errorf("%d looks for logs: %+v\n%s", looks, settled, tell(o))
		}
		return
	}
	t.Error("no shape keeps its warehouse: this test sees nothing")
}
