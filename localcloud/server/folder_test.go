package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lamplighter/resources"
	"lamplighter/resources/simcloud"
)

func TestLock(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "data"))
	if _, running, err := f.Running(); running || err != nil {
		t.Errorf("nothing is there: %v %v", running, err)
	}
	lock, err := f.lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := writeOwner(lock, Owner{PID: 42, Endpoint: "http://127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.lock(); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), "process 42") {
		t.Errorf("second lock: %v", err)
	}
	if o, running, err := f.Running(); !running || err != nil || o.PID != 42 {
		t.Errorf("%+v %v %v", o, running, err)
	}
	lock.Close()
	if _, running, err := f.Running(); running || err != nil {
		t.Errorf("given back: %v %v", running, err)
	}
	if lock, err = f.lock(); err != nil {
		t.Fatal(err)
	}
	lock.Close()
}

func TestAccountIsKept(t *testing.T) {
	f := Folder(t.TempDir())
	a, err := f.account()
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.account()
	if err != nil || a != b || len(a.Secret) != 40 || len(a.Key) < 16 {
		t.Errorf("%+v, then %+v, %v", a, b, err)
	}
	other, err := Folder(t.TempDir()).account()
	if err != nil || other.Secret == a.Secret {
		t.Errorf("two folders have one secret: %v", err)
	}
	for _, name := range []string{"key.json", "credentials"} {
		info, err := os.Stat(f.path(name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	os.WriteFile(f.path("key.json"), []byte("{"), 0o600)
	if _, err := f.account(); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("damaged: %v", err)
	}
}

func TestStateIsKept(t *testing.T) {
	f := Folder(t.TempDir())
	if s, err := f.State(); s != nil || err != nil {
		t.Errorf("nothing is there: %v %v", s, err)
	}
	want := &simcloud.State{Seq: 7, Clusters: []*simcloud.Cluster{{ID: "a", Status: "available", Spec: simcloud.ClusterSpec{NodeType: "ra3.large", Nodes: 2}}}}
	if err := f.saveState(want); err != nil {
		t.Fatal(err)
	}
	got, err := f.State()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if left, _ := filepath.Glob(f.path("*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	os.WriteFile(f.path("state.json"), []byte(`{"seq":`), 0o600)
	if _, err := f.State(); err == nil || !strings.Contains(err.Error(), "state.json") {
		t.Errorf("damaged: %v", err)
	}
}

func TestStatus(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 23, 1, minute, 0, 0, time.UTC) }
	shape := resources.Shape{Service: "redshift", Type: "ra3.large", Count: 2}
	s := statusOf(&simcloud.State{
		Clusters:  []*simcloud.Cluster{{ID: "kept", Status: "paused", Since: at(5), Spec: simcloud.ClusterSpec{NodeType: "ra3.large", Nodes: 2}}},
		Snapshots: []*simcloud.Snapshot{{ID: "snap", Status: "available", Type: "manual", Created: at(4), Size: simcloud.SnapshotSize{Total: 12.5}}},
		Flows:     []*simcloud.Flow{{Spec: simcloud.FlowSpec{ID: "j-1", Name: "flow"}, Status: "RUNNING", Steps: []simcloud.FlowStep{{Spec: simcloud.StepSpec{Name: "als"}, Status: "RUNNING"}}}},
		Schedules: []*simcloud.Schedule{{Name: "flow-d", State: "ENABLED", Next: at(59)}},
		Usage: []simcloud.Usage{
			{Ref: resources.Ref{Kind: "cluster", Name: "kept"}, Shape: shape, From: at(0), To: at(5)},
			{Ref: resources.Ref{Kind: "flow", Name: "flow"}, ID: "j-1", Shape: shape, From: at(6)},
		},
	}, at(7))
	if s.Billing != 1 || s.Billed[0].Seconds != 300 || s.Billed[1].Seconds != 60 {
		t.Errorf("%+v", s.Billed)
	}
	var out strings.Builder
	if err := s.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not running", "kept", "paused", "snap", "12.5 MB", "als:RUNNING", "flow-d", "still billing"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "nothing is billing") {
		t.Errorf("something is:\n%s", &out)
	}
}
