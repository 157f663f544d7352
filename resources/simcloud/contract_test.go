package simcloud_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"lamplighter/resources"
	"lamplighter/resources/emr"
	"lamplighter/resources/killswitch"
	"lamplighter/resources/redshift"
	"lamplighter/resources/s3"
	"lamplighter/resources/simcloud"
)

// These tests hold our own service packages against the simulated cloud: what
// they ask, it must understand, and what it answers, they must.

const name = "lamplighter-m-abcde-20261122-1-1-abcde"

var begin = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

type house struct {
	sim      *simcloud.Sim
	cloud    *simcloud.Simulation
	proc     *simcloud.Proc
	redshift *redshift.Clusters
	emr      *emr.Clusters
	s3       *s3.Client
	switches *killswitch.Switches
}

func newHouse(opts simcloud.SimOptions) *house {
	h := &house{sim: simcloud.NewSim(begin)}
	h.cloud = simcloud.Simulate(h.sim, opts)
	h.proc = h.sim.NewProc("p")
	c := h.cloud.Client(h.proc)
	h.redshift = &redshift.Clusters{API: c.Redshift, Settings: redshift.Settings{
		Account: "123456789012", Region: "us-east-1", Database: "dev", Admin: "lamplighter", NodeType: "ra3.large", Nodes: 2, Role: "arn:aws:iam::123456789012:role/w",
		SubnetGroup: "g", SecurityGroups: []string{"sg-1"}, ParameterGroup: "p", SnapshotSchedule: "s", MaintenanceWindow: redshift.MaintenanceWindow(begin), Tags: map[string]string{"team": "data"},
	}}
	h.emr = &emr.Clusters{API: c.EMR, Settings: emr.Settings{
		Region: "us-east-1", Release: "emr-7.10.0", Primary: "m6g.xlarge", Workers: []string{"m6g.xlarge", "m7g.xlarge"}, Count: 2, Spot: true, LogURI: "s3://logs/",
	}}
	h.s3 = &s3.Client{API: c.S3, Parallel: 1}
	h.switches = &killswitch.Switches{API: c.Scheduler, Group: "lamplighter", Role: "arn:aws:iam::123456789012:role/k"}
	return h
}

func (h *house) do(t *testing.T, fn func(ctx context.Context)) {
	t.Helper()
	h.proc.Go(func() { fn(context.Background()) })
	if !h.sim.Run(h.sim.Now().Add(24 * time.Hour)) {
		t.Fatal("still running after a day")
	}
}

func (h *house) pass(ctx context.Context, d time.Duration) {
	h.proc.Wait(ctx, h.proc.Now().Add(d), nil)
}

func class(t *testing.T, what string, err error, want resources.Class) {
	t.Helper()
	if got := resources.ClassOf(err); got != want {
		t.Errorf("%s: %v, want %v (%v)", what, got, want, err)
	}
}

func TestOurRedshift(t *testing.T) {
	h := newHouse(simcloud.SimOptions{Seed: 1})
	h.do(t, func(ctx context.Context) {
		r := h.redshift
		gone, err := r.Describe(ctx, name)
		class(t, "describe nothing", err, resources.OK)
		if gone.Exists {
			t.Error("nothing exists")
		}
		class(t, "create", r.Create(ctx, name), resources.OK)
		class(t, "create again", r.Create(ctx, name), resources.Permanent)
		class(t, "delete while creating", r.Delete(ctx, name, ""), resources.Busy)
		h.pass(ctx, 10*time.Minute)
		c, err := r.Describe(ctx, name)
		class(t, "describe", err, resources.OK)
		if !c.Exists || c.State != "available" || c.Host == "" || c.Port != 5439 || c.Shapes[0].Count != 2 || c.Created.IsZero() {
			t.Errorf("cluster %+v", c)
		}
		if d := r.Settings.Differs(c); len(d) != 0 {
			t.Errorf("settings differ: %v", d)
		}
		class(t, "tag", r.Tag(ctx, name), resources.OK)
		_, password, err := r.Login(ctx, name)
		class(t, "login", err, resources.OK)
		if password == "" {
			t.Error("no password")
		}
		class(t, "snapshot", r.CreateSnapshot(ctx, name+"-s", name), resources.OK)
		class(t, "restore from a young snapshot", r.Restore(ctx, "lamplighter-x", name+"-s", name), resources.Busy)
		h.pass(ctx, 10*time.Minute)
		s, err := r.DescribeSnapshot(ctx, name+"-s")
		class(t, "describe snapshot", err, resources.OK)
		if s.State != "available" || s.Cluster != name || s.Type != "manual" {
			t.Errorf("snapshot %+v", s)
		}
		class(t, "delete", r.Delete(ctx, name, ""), resources.OK)
		h.pass(ctx, 10*time.Minute)
		class(t, "delete again", r.Delete(ctx, name, ""), resources.Gone)
		class(t, "restore", r.Restore(ctx, name, name+"-s", name), resources.OK)
		h.pass(ctx, 10*time.Minute)
		if c, _ := r.Describe(ctx, name); c.State != "available" || len(r.Settings.Differs(c)) != 0 {
			t.Errorf("restored %+v, differs in %v", c, r.Settings.Differs(c))
		}
		class(t, "pause", r.Pause(ctx, name), resources.OK)
		h.pass(ctx, 20*time.Minute)
		class(t, "resume", r.Resume(ctx, name), resources.OK)
		h.pass(ctx, 20*time.Minute)
		class(t, "drop snapshot", r.DeleteSnapshot(ctx, name+"-s", name), resources.OK)
		class(t, "drop snapshot again", r.DeleteSnapshot(ctx, name+"-s", name), resources.Gone)
		list, err := r.List(ctx, "lamplighter-m-")
		class(t, "list", err, resources.OK)
		if len(list) != 1 {
			t.Errorf("list %v", list)
		}
	})
}

func TestOurEMR(t *testing.T) {
	h := newHouse(simcloud.SimOptions{Seed: 1})
	h.cloud.Put("s3://b/in/x.parquet", []byte("in"))
	h.do(t, func(ctx context.Context) {
		id, err := h.emr.Run(ctx, name, emr.Launch{Steps: []emr.Step{{Name: "a", Args: []string{"timeout", "-k", "60", "3600", "spark-submit", "--deploy-mode", "client", "s3://b/a.py", "--reads", "in=s3://b/in/", "--writes", "s3://b/out/"}}}})
		class(t, "run", err, resources.OK)
		o, err := h.emr.Find(ctx, name, begin.Add(-time.Minute))
		class(t, "find", err, resources.OK)
		if !o.Exists || o.State != "STARTING" || len(o.IDs) != 1 || o.IDs[0] != id || o.Parts["a"] != "PENDING" {
			t.Errorf("found %+v", o)
		}
		h.pass(ctx, time.Hour)
		o, err = h.emr.Find(ctx, name, begin.Add(-time.Minute))
		class(t, "find", err, resources.OK)
		if o.Exists || o.Parts["a"] != "COMPLETED" {
			t.Errorf("found %+v", o)
		}
		class(t, "terminate what ended", h.emr.Terminate(ctx, id), resources.OK)
	})
}

func TestOurSwitches(t *testing.T) {
	h := newHouse(simcloud.SimOptions{Seed: 1})
	h.do(t, func(ctx context.Context) {
		at := begin.Add(2 * time.Hour)
		class(t, "arm", h.switches.Arm(ctx, name, at), resources.OK)
		class(t, "arm again", h.switches.Arm(ctx, name, at), resources.OK)
		o, err := h.switches.Describe(ctx, name+"-d")
		if err != nil || !o.Exists {
			if o, err = h.switches.Describe(ctx, name); err != nil || !o.Exists {
				t.Errorf("describe %+v, %v", o, err)
			}
		}
		class(t, "create", h.redshift.Create(ctx, name), resources.OK)
		h.pass(ctx, 4*time.Hour)
	})
	if a := h.cloud.Alive(); len(a) != 0 {
		t.Errorf("the kill switch left %v", a)
	}
	if s := h.cloud.State().Snapshots; len(s) != 1 || s[0].Status != "available" || s[0].Retention != 14 {
		t.Errorf("its final snapshot: %+v", s)
	}
}

func TestOurS3(t *testing.T) {
	h := newHouse(simcloud.SimOptions{Seed: 1})
	h.do(t, func(ctx context.Context) {
		_, _, err := h.s3.Get(ctx, "s3://b/k")
		class(t, "get nothing", err, resources.Gone)
		_, err = h.s3.Head(ctx, "s3://b/k")
		class(t, "head nothing", err, resources.Gone)
		etag, err := h.s3.Put(ctx, "s3://b/k", []byte("1"), "*")
		class(t, "put", err, resources.OK)
		_, err = h.s3.Put(ctx, "s3://b/k", []byte("2"), "*")
		class(t, "put again", err, resources.Permanent)
		if resources.CodeOf(err) != s3.PreconditionFailed {
			t.Error(err)
		}
		_, err = h.s3.Put(ctx, "s3://b/k", []byte("2"), etag)
		class(t, "swap", err, resources.OK)
		_, err = h.s3.Put(ctx, "s3://b/k", []byte("3"), etag)
		class(t, "swap with an old ETag", err, resources.Permanent)
		body, _, err := h.s3.Get(ctx, "s3://b/k")
		if err != nil || !bytes.Equal(body, []byte("2")) {
			t.Errorf("got %q, %v", body, err)
		}
		for i := range 1200 {
			h.cloud.Put("s3://b/l/"+string(rune('a'+i/100))+string(rune('0'+i/10%10))+string(rune('0'+i%10)), nil)
		}
		list, err := h.s3.List(ctx, "s3://b/l/", "")
		if err != nil || len(list) != 1200 {
			t.Errorf("%d objects, %v", len(list), err)
		}
		class(t, "delete", h.s3.Delete(ctx, "s3://b/k"), resources.OK)
	})
}

func TestTheirFaults(t *testing.T) {
	tests := []struct {
		name   string
		faults simcloud.Faults
		want   resources.Class
	}{
		{"refused", simcloud.Faults{Refuse: 1}, resources.Retry},
		{"lost", simcloud.Faults{Lost: 1}, resources.Unknown},
		{"late", simcloud.Faults{Late: 1}, resources.Unknown},
		{"no capacity", simcloud.Faults{NoCapacity: 1}, resources.Retry},
	}
	for _, test := range tests {
		h := newHouse(simcloud.SimOptions{Seed: 1, Faults: test.faults})
		h.do(t, func(ctx context.Context) { class(t, test.name, h.redshift.Create(ctx, name), test.want) })
	}
	for name, faults := range map[string]simcloud.Faults{"lost": {LostPut: 1}, "late": {LatePut: 1}} {
		h := newHouse(simcloud.SimOptions{Seed: 1, Faults: faults})
		h.do(t, func(ctx context.Context) {
			_, err := h.s3.Put(ctx, "s3://b/k", nil, "*")
			class(t, name+" put", err, resources.Unknown)
		})
	}
}
