package crashtest

import (
	"strings"
	"testing"
)

// TestKillSwitchFires: the controller is dead for good. The window is a minute
// long and the switch fires a second after it, so that the scheduler of the
// embedded cloud ends the warehouse.
func TestKillSwitchFires(t *testing.T) {
	t.Parallel()
	f := afterNightOne(t)
	short := pipeline{schedule: "last_call: 40s, hard_stop: 60s"}
	c := killedIn(t, f.folder, short, f.dates[1], answered("warehouse-1", "restore"))
	cluster := c.state(t).Clusters[0].ID
	until(t, "the kill switch to end "+cluster, func() bool { return len(c.state(t).Clusters) == 0 })
	s, final, fired := c.state(t), "", 0
	for _, x := range s.Snapshots {
		if x.Cluster == cluster && x.Final {
			final = x.ID
		}
	}
	for _, x := range s.Schedules {
		if strings.HasPrefix(x.Name, cluster) {
			fired = x.Fired
		}
	}
	if fired == 0 || final == "" {
		t.Errorf("the switch fired %d times, final snapshot %q", fired, final)
	}
	for _, u := range s.Usage {
		if u.To.IsZero() {
			t.Errorf("%s still bills", u.Ref)
		}
	}
	// The run that comes back finds its window over and its warehouse gone; the
	// next attempt does the work.
	late := c.run(t, f.dates[1])
	if late.code != 1 {
		t.Errorf("the run after its hard stop: exit code %d, want 1\n%s%s", late.code, late.tail(), late.said)
	}
	c.run(t, f.dates[1], "--again").check(t, "another attempt", 0)
	c.audit(t, f.base, final, c.promoted(t).Snapshot)
	same(t, c.contents(t, allTables, allDatasets), f.expected)
}
