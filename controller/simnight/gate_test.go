package simnight_test

import (
	"testing"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/simcloud"
)

// A night whose snapshots all fail cannot delete its warehouse: its nodes are
// stopped, its data stays, and the run says that something is left: exit 4.
func TestWhatNoSnapshotProvesIsKept(t *testing.T) {
	s := shapes()[3]
	a := account(1, s, simcloud.Faults{SnapFail: 1})
	o := a.Run(s.night())
	if o.Err != nil || o.ExitCode != controller.ExitBilling {
		t.Fatalf("exit %d, want %d: %v %s", o.ExitCode, controller.ExitBilling, o.Err, verdicts(o))
	}
	left := a.Cloud.Alive()
	if len(left) != 1 || left[0].Bills || left[0].Ref.Kind != resources.KindCluster {
		t.Fatalf("left is %v, want one warehouse that does not bill\n%s", left, tell(o))
	}
	if got := a.Cloud.TableObjects(left[0].Ref.Name)["ratings"]; len(got) != 4 {
		t.Errorf("the paused warehouse holds %v", got)
	}
	if bad := violations(a); len(bad) > 0 {
		t.Error(bad)
	}
}

// When only the night's own snapshots fail, the final one saves it.
func TestAFinalSnapshotIsKept(t *testing.T) {
	s := shapes()[3]
	a := account(1, s, simcloud.Faults{SnapFail: 1})
	n := s.night()
	n.Watch = watch(func(r journal.Record) {
		if r.Step == "snapshot-1" && r.Verdict == journal.Failed {
			a.Cloud.SetFaults(simcloud.Faults{})
		}
	})
	o := a.Run(n)
	if o.Err != nil || o.ExitCode != controller.ExitBilling {
		t.Fatalf("exit %d: %v %s", o.ExitCode, o.Err, verdicts(o))
	}
	owes := controller.Billing(o.Facts)
	if len(owes) != 1 || owes[0].Ref.Kind != resources.KindSnapshot {
		t.Fatalf("it owes %v", owes)
	}
	if got := a.Loaded(owes[0].Ref.Name)["ratings"]; len(got) != 4 {
		t.Errorf("the final snapshot holds %v", got)
	}
	if left := append(billing(a), violations(a)...); len(left) > 0 {
		t.Error(left)
	}
}

type watch func(journal.Record)

func (w watch) Record(r journal.Record)           { w(r) }
func (w watch) Waiting(string, string, time.Time) {}
