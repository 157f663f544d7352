package simnight_test

import (
	"os"
	"strings"
	"testing"

	"lamplighter/controller"
	"lamplighter/controller/simnight"
	"lamplighter/resources/simcloud"
)

// Each shape of pipeline: a first night, undisturbed, and the next that finds
// nothing to do.
func TestMain(m *testing.M) {
	simnight.Hurry()
	os.Exit(m.Run())
}

func TestShapes(t *testing.T) {
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			a := account(1, s, simcloud.Faults{})
			o := a.Run(s.night())
			for _, bad := range s.broken(a, o) {
				t.Error(bad)
			}
			if t.Failed() {
				t.Log("\n" + tell(o))
			}
			t.Logf("%d records, %d crash points, %s", len(o.Records), len(o.Points), o.Took)
		})
	}
}

// A night after which nothing changed has nothing to do and creates nothing.
func TestNothingToDo(t *testing.T) {
	s := shapes()[0]
	a := account(1, s, simcloud.Faults{})
	if o := a.Run(s.night()); o.ExitCode != controller.ExitOK {
		t.Fatal(verdicts(o))
	}
	calls := len(a.Cloud.Audit())
	n := s.night()
	n.Date = date
	n.Again = true
	o := a.Run(n)
	if o.ExitCode != controller.ExitOK || len(o.Facts.Plan) != 0 {
		t.Fatalf("exit %d, plan %v\n%s", o.ExitCode, o.Facts.Plan, tell(o))
	}
	for _, e := range a.Cloud.Audit()[calls:] {
		if !strings.HasPrefix(e.Call, "s3.") && e.Effect {
			t.Errorf("it did %s %s", e.Call, e.Target)
		}
	}
}
