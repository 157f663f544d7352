package killswitch_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"lamplighter/resources"
	"lamplighter/resources/emr"
	"lamplighter/resources/killswitch"
	"lamplighter/resources/redshift"
	"lamplighter/resources/simcloud"
)

// TestTheSwitchKills arms switches for a warehouse and a Spark cluster that
// nobody ends, and sees them gone: what the targets are told is understood.
func TestTheSwitchKills(t *testing.T) {
	start := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	sim := simcloud.NewSim(start)
	defer sim.Close()
	cloud := simcloud.Simulate(sim, simcloud.SimOptions{Seed: 1})
	proc := sim.NewProc("test")
	client := cloud.Client(proc)
	warehouse := &redshift.Clusters{API: client.Redshift, Settings: redshift.Settings{Account: "123456789012", Region: "us-east-1",
		Database: "dev", Admin: "lamplighter", NodeType: "ra3.large", Nodes: 2}}
	spark := &emr.Clusters{API: client.EMR, Settings: emr.Settings{Region: "us-east-1", Release: "emr-7.10.0", Primary: "m6g.xlarge",
		Workers: []string{"m6g.xlarge"}, Count: 2}}
	switches := &killswitch.Switches{API: client.Scheduler, Role: "arn:aws:iam::123456789012:role/kill"}
	const cluster, flow = "lamplighter-p-abcde-20261122-1-1-0abcd", "lamplighter-p-abcde-20261122-1-2-0abcd"
	fires := start.Add(2 * time.Hour)
	ctx := context.Background()
	fail := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	proc.Go(func() {
		fail("arm", switches.Arm(ctx, cluster, fires))
		fail("arm again", switches.Arm(ctx, cluster, fires))
		if err := switches.Arm(ctx, cluster, fires.Add(time.Hour)); resources.ClassOf(err) != resources.Permanent {
			t.Errorf("arm for another instant: %v", err)
		}
		fail("create", warehouse.Create(ctx, cluster))
		id, err := spark.Run(ctx, flow, emr.Launch{Steps: []emr.Step{{Name: "hangs", Args: []string{"spark-submit", "s3://b/x.py", "--writes", "s3://b/out/"}}}})
		fail("launch", err)
		fail("arm flow", switches.ArmFlow(ctx, flow, id, proc.Now().Add(time.Minute))) // long before it ends by itself
		found, err := spark.Find(ctx, flow, start.Add(-time.Hour))
		if err != nil || !found.Exists || len(found.IDs) != 1 || found.IDs[0] != id {
			t.Errorf("found %+v, %v", found, err)
		}
		armed, err := switches.List(ctx, "lamplighter-p-abcde-")
		if err != nil || len(armed) != 2 {
			t.Errorf("armed %+v, %v", armed, err)
		}
		proc.Wait(ctx, fires.Add(-time.Minute), nil)
		if seen, err := warehouse.Describe(ctx, cluster); err != nil || seen.State != redshift.Available {
			t.Errorf("before: %+v, %v", seen, err)
		}
		proc.Wait(ctx, fires.Add(time.Hour), nil)
		if seen, err := warehouse.Describe(ctx, cluster); err != nil || seen.Exists {
			t.Errorf("the warehouse lives: %+v, %v", seen, err)
		}
		if found, err := spark.Find(ctx, flow, start.Add(-time.Hour)); err != nil || found.Exists || !strings.Contains(found.State, "USER_REQUEST") {
			t.Errorf("the flow lives: %+v, %v", found, err)
		}
		finals, err := warehouse.Snapshots(ctx, cluster+"-")
		if err != nil || len(finals) != 1 {
			t.Errorf("final snapshots: %+v, %v", finals, err)
		}
		fail("disarm", switches.Disarm(ctx, cluster))
		fail("disarm again", switches.Disarm(ctx, cluster))
		if seen, err := switches.Describe(ctx, cluster); err != nil || seen.Exists {
			t.Errorf("after disarm: %+v, %v", seen, err)
		}
	})
	if !sim.Run(start.Add(24 * time.Hour)) {
		t.Fatal("still running after a day")
	}
}
