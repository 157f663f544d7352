package redshift_test

import (
	"context"
	"testing"
	"time"

	"lamplighter/resources"
	"lamplighter/resources/redshift"
	"lamplighter/resources/simcloud"
)

// inCloud runs fn as a process of a simulated cloud, in virtual time.
func inCloud(t *testing.T, fn func(c *redshift.Clusters, clock resources.Clock)) {
	sim := simcloud.NewSim(time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC))
	defer sim.Close()
	cloud := simcloud.Simulate(sim, simcloud.SimOptions{Seed: 1})
	proc := sim.NewProc("test")
	c := &redshift.Clusters{API: cloud.Client(proc).Redshift, Settings: redshift.Settings{
		Account: "123456789012", Region: "us-east-1", Database: "dev", Admin: "lamplighter", NodeType: "ra3.large", Nodes: 2,
		Tags: map[string]string{"team": "data"}}}
	proc.Go(func() { fn(c, proc) })
	if !sim.Run(sim.Now().Add(24 * time.Hour)) {
		t.Fatal("still running after a day")
	}
}

// TestLifeInTheSimulatedCloud leads a cluster and its snapshot through their
// states, against another implementation of the service than our own fake.
func TestLifeInTheSimulatedCloud(t *testing.T) {
	inCloud(t, func(c *redshift.Clusters, clock resources.Clock) {
		ctx := context.Background()
		want := func(what string, err error, class resources.Class, code string) {
			t.Helper()
			if resources.ClassOf(err) != class || resources.CodeOf(err) != code {
				t.Fatalf("%s: %v (%s, %q), want %s, %q", what, err, resources.ClassOf(err), resources.CodeOf(err), class, code)
			}
		}
		until := func(what string, look func() (bool, error)) {
			t.Helper()
			for range 1000 {
				done, err := look()
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if done {
					return
				}
				clock.Wait(ctx, clock.Now().Add(5*time.Second), nil)
			}
			t.Fatalf("%s: never", what)
		}
		cluster := func(name, state string) func() (bool, error) {
			return func() (bool, error) {
				seen, err := c.Describe(ctx, name)
				return state == "" && !seen.Exists || seen.State == state, err
			}
		}
		const name, copied, snap = "lamplighter-p-abcde-20261122-1-1-0abcd", "lamplighter-p-abcde-20261122-1-3-0abcd", "lamplighter-p-abcde-20261122-1-2-0abcd"

		want("delete nothing", c.Delete(ctx, name, ""), resources.Gone, "ClusterNotFound")
		want("create", c.Create(ctx, name), resources.OK, "")
		want("create again", c.Create(ctx, name), resources.Permanent, redshift.ClusterAlreadyExists)
		want("delete too early", c.Delete(ctx, name, ""), resources.Busy, "InvalidClusterState")
		until("available", cluster(name, redshift.Available))
		seen, err := c.Describe(ctx, name)
		if err != nil || seen.Host == "" || len(seen.Shapes) != 1 || seen.Shapes[0].Count != 2 {
			t.Fatalf("%+v, %v", seen, err)
		}
		if differs := c.Settings.Differs(seen); len(differs) > 0 {
			t.Errorf("differs: %q", differs)
		}
		want("tag", c.Tag(ctx, name), resources.OK, "")
		user, password, err := c.Login(ctx, name)
		if err != nil || user == "" || password == "" {
			t.Fatalf("login: %v", err)
		}

		want("snapshot", c.CreateSnapshot(ctx, snap, name), resources.OK, "")
		want("snapshot again", c.CreateSnapshot(ctx, snap, name), resources.Permanent, redshift.SnapshotAlreadyExists)
		want("restore too early", c.Restore(ctx, copied, snap, name), resources.Busy, "InvalidClusterSnapshotState")
		until("snapshot", func() (bool, error) {
			s, err := c.DescribeSnapshot(ctx, snap)
			return s.State == redshift.Available && s.Cluster == name && s.Type == redshift.Manual, err
		})
		want("restore", c.Restore(ctx, copied, snap, name), resources.OK, "")
		until("restored", cluster(copied, redshift.Available))
		if all, err := c.List(ctx, "lamplighter-p-abcde-"); err != nil || len(all) != 2 {
			t.Errorf("%d clusters, %v", len(all), err)
		}
		want("delete", c.Delete(ctx, name, ""), resources.OK, "")
		until("gone", cluster(name, ""))
		want("pause", c.Pause(ctx, copied), resources.OK, "")
		until("paused", cluster(copied, redshift.Paused))
		want("resume", c.Resume(ctx, copied), resources.OK, "")
		until("resumed", cluster(copied, redshift.Available))
		want("final snapshot that exists", c.Delete(ctx, copied, snap), resources.Permanent, redshift.SnapshotAlreadyExists)
		want("delete with final snapshot", c.Delete(ctx, copied, "lamplighter-p-abcde-20261122-1-4-0abcd"), resources.OK, "")
		until("gone", cluster(copied, ""))

		all, err := c.Snapshots(ctx, "lamplighter-p-abcde-")
		if err != nil || len(all) != 2 || all[0].Ref.Name != snap {
			t.Fatalf("%+v, %v", all, err)
		}
		for _, s := range all {
			want("delete snapshot", c.DeleteSnapshot(ctx, s.Ref.Name, s.Cluster), resources.OK, "")
		}
		want("delete snapshot again", c.DeleteSnapshot(ctx, snap, name), resources.Gone, "ClusterSnapshotNotFound")
	})
}
