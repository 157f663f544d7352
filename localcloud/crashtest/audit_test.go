package crashtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplighter/controller/steps"
	"lamplighter/resources"
)

// audit reads the cloud's own list of what there is and was, after the last
// night has ended: nothing is left but the promoted snapshots, and never were
// there two of a kind at once.
func (c *cloud) audit(t *testing.T, promoted ...string) {
	t.Helper()
	s := c.state(t)
	for _, x := range s.Clusters {
		t.Errorf("cluster %s is left, %s", x.ID, x.Status)
	}
	for _, f := range s.Flows {
		if f.Live() {
			t.Errorf("EMR cluster %s is left, %s", f.Spec.Name, f.Status)
		}
	}
	for _, u := range s.Usage {
		if u.To.IsZero() {
			t.Errorf("%s %s still bills", u.Ref, u.ID)
		}
	}
	for _, x := range s.Schedules {
		t.Errorf("kill switch %s is still armed", x.Name)
	}
	var left []string
	for _, x := range s.Snapshots {
		left = append(left, x.ID)
	}
	slices.Sort(left)
	slices.Sort(promoted)
	if !slices.Equal(left, promoted) {
		t.Errorf("snapshots %v are left, want those promoted, %v", left, promoted)
	}
	c.oneAtATime(t)
}

// span is when something existed, or billed.
type span struct {
	what     string
	from, to time.Time
}

// oneAtATime fails the test when two clusters of a kind ever were there at
// once.
func (c *cloud) oneAtATime(t *testing.T) {
	t.Helper()
	s := c.state(t)
	kinds := map[string][]span{}
	for _, u := range s.Usage {
		if u.Ref.Kind == resources.KindCluster {
			kinds["warehouse"] = append(kinds["warehouse"], span{u.Ref.Name, u.From, u.To})
		}
	}
	for _, f := range s.Flows {
		kinds["EMR"] = append(kinds["EMR"], span{f.Spec.Name + " " + f.Spec.ID, f.Created, f.Ended})
	}
	for kind, spans := range kinds {
		slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
		for i := 1; i < len(spans); i++ {
			if before := spans[i-1]; before.to.IsZero() || spans[i].from.Before(before.to) {
				t.Errorf("two %s clusters at once: %s from %s and %s until %s", kind, spans[i].what, spans[i].from, before.what, before.to)
			}
		}
	}
}

// ranOnce fails the test unless exactly one EMR cluster ran the step that wrote
// what is published, and none ran it after that.
func (c *cloud) ranOnce(t *testing.T, step string) {
	t.Helper()
	var p steps.Published
	c.json(t, layout.Published(step), &p)
	var wrote, completed []string
	for _, f := range c.state(t).Flows {
		for _, s := range f.Steps {
			if s.Spec.Name != step {
				continue
			}
			if at := slices.Index(s.Spec.Args, "--writes"); at >= 0 && s.Spec.Args[at+1] == p.URI && !s.Started.IsZero() {
				wrote = append(wrote, fmt.Sprint(f.Spec.Name, " ", s.Status))
			}
			if s.Status == "COMPLETED" {
				completed = append(completed, f.Spec.Name)
			}
		}
	}
	if len(wrote) != 1 || !strings.HasSuffix(wrote[0], "COMPLETED") {
		t.Errorf("%s was written by %v, want one step that completed", p.URI, wrote)
	}
	if len(completed) != 1 {
		t.Errorf("step %s ran to its end on %v, want one cluster", step, completed)
	}
}
