package simcloud

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"
	"github.com/aws/smithy-go"

	"lamplighter/resources/redshift"
)

var bg = context.Background()

// rs speaks Redshift in short words.
type rs struct {
	t   *testing.T
	sim *Sim
	c   *Cloud
	api redshift.API
}

const pace = 100 * time.Second

func newRS(t *testing.T, rules Rules, fate func(Fate, string) bool) *rs {
	sim := NewSim(start)
	c := New(sim, Options{Pace: FixedPace(pace), Rules: rules, Fate: fate}, nil)
	return &rs{t, sim, c, c.Redshift()}
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func (r *rs) pass(d time.Duration) { r.sim.Drain(r.sim.Now().Add(d)) }

func (r *rs) create(id string) error {
	_, err := r.api.CreateCluster(bg, &awsredshift.CreateClusterInput{
		ClusterIdentifier: &id, NodeType: ptr("ra3.large"), NumberOfNodes: ptr(int32(2)), MasterUsername: ptr("lamplighter"), MasterUserPassword: ptr("Secret123"),
	})
	return err
}

func (r *rs) restore(id, snapshot string) error {
	_, err := r.api.RestoreFromClusterSnapshot(bg, &awsredshift.RestoreFromClusterSnapshotInput{ClusterIdentifier: &id, SnapshotIdentifier: &snapshot})
	return err
}

func (r *rs) snapshot(id, cluster string) error {
	_, err := r.api.CreateClusterSnapshot(bg, &awsredshift.CreateClusterSnapshotInput{SnapshotIdentifier: &id, ClusterIdentifier: &cluster})
	return err
}

func (r *rs) delete(id, final string) error {
	_, err := r.api.DeleteCluster(bg, &awsredshift.DeleteClusterInput{ClusterIdentifier: &id, SkipFinalClusterSnapshot: ptr(final == ""), FinalClusterSnapshotIdentifier: optional(final)})
	return err
}

func (r *rs) drop(id string) error {
	_, err := r.api.DeleteClusterSnapshot(bg, &awsredshift.DeleteClusterSnapshotInput{SnapshotIdentifier: &id})
	return err
}

func (r *rs) pause(id string) error {
	_, err := r.api.PauseCluster(bg, &awsredshift.PauseClusterInput{ClusterIdentifier: &id})
	return err
}

func (r *rs) resume(id string) error {
	_, err := r.api.ResumeCluster(bg, &awsredshift.ResumeClusterInput{ClusterIdentifier: &id})
	return err
}

func (r *rs) show(id string) types.Cluster {
	r.t.Helper()
	out, err := r.api.DescribeClusters(bg, &awsredshift.DescribeClustersInput{ClusterIdentifier: &id})
	if err != nil {
		if code(err) != "ClusterNotFound" {
			r.t.Fatal(err)
		}
		return types.Cluster{ClusterStatus: ptr("gone")}
	}
	return out.Clusters[0]
}

func (r *rs) showSnapshot(id string) types.Snapshot {
	r.t.Helper()
	out, err := r.api.DescribeClusterSnapshots(bg, &awsredshift.DescribeClusterSnapshotsInput{SnapshotIdentifier: &id})
	if err != nil {
		if code(err) != "ClusterSnapshotNotFound" {
			r.t.Fatal(err)
		}
		return types.Snapshot{Status: ptr("gone")}
	}
	return out.Snapshots[0]
}

func (r *rs) want(err error, wantCode string) {
	r.t.Helper()
	if got := code(err); got != wantCode {
		r.t.Errorf("error %q, want %q (%v)", got, wantCode, err)
	}
}

func (r *rs) state(id, want string) {
	r.t.Helper()
	if got := *r.show(id).ClusterStatus; got != want {
		r.t.Errorf("cluster %s is %s, want %s", id, got, want)
	}
}

func (r *rs) snapshotState(id, want string) {
	r.t.Helper()
	if got := *r.showSnapshot(id).Status; got != want {
		r.t.Errorf("snapshot %s is %s, want %s", id, got, want)
	}
}

func TestClusterLife(t *testing.T) {
	r := newRS(t, Rules{}, nil)
	r.want(r.create("c"), "")
	if c := r.show("c"); *c.ClusterStatus != "creating" || c.Endpoint != nil || c.ClusterCreateTime != nil || *c.ClusterAvailabilityStatus != "Modifying" {
		t.Errorf("while creating: %s, endpoint %v", *c.ClusterStatus, c.Endpoint)
	}
	r.want(r.create("c"), "ClusterAlreadyExists")
	r.want(r.delete("c", ""), "InvalidClusterState")
	r.want(r.snapshot("s", "c"), "InvalidClusterState")
	r.want(r.pause("c"), "InvalidClusterState")
	r.pass(pace)
	if c := r.show("c"); *c.ClusterStatus != "available" || c.Endpoint == nil || c.ClusterCreateTime == nil || *c.NumberOfNodes != 2 {
		t.Errorf("when available: %+v", c)
	}
	r.want(r.snapshot("s", "c"), "")
	r.want(r.snapshot("s", "c"), "ClusterSnapshotAlreadyExists")
	r.want(r.restore("d", "s"), "InvalidClusterSnapshotState")
	r.want(r.delete("c", ""), "InvalidClusterState")
	if s := r.showSnapshot("s"); *s.Status != "creating" || *s.EstimatedSecondsToCompletion != 100 || *s.SnapshotType != "manual" || !s.SnapshotCreateTime.Equal(r.sim.Now()) {
		t.Errorf("young snapshot: %+v", s)
	}
	r.want(r.drop("s"), "InvalidClusterSnapshotState")
	r.pass(pace)
	r.snapshotState("s", "available")
	r.want(r.delete("c", ""), "")
	r.state("c", "deleting")
	r.want(r.delete("c", ""), "InvalidClusterState")
	r.want(r.create("c"), "ClusterAlreadyExists")
	r.pass(pace)
	r.state("c", "gone")
	r.want(r.delete("c", ""), "ClusterNotFound")
	r.want(r.restore("c", "nosuch"), "ClusterSnapshotNotFound")
	r.want(r.restore("c", "s"), "")
	if c := r.show("c"); *c.NumberOfNodes != 2 || *c.NodeType != "ra3.large" || *c.RestoreStatus.Status != "restoring" {
		t.Errorf("restoring: %+v", c)
	}
	r.pass(pace)
	r.state("c", "available")
	r.want(r.drop("s"), "")
	r.want(r.drop("s"), "ClusterSnapshotNotFound")
}

func TestFinalSnapshot(t *testing.T) {
	fails := false
	r := newRS(t, Rules{}, func(f Fate, _ string) bool { return f == FateSnapshot && fails })
	r.want(r.create("c"), "")
	r.pass(pace)
	_, err := r.api.DeleteCluster(bg, &awsredshift.DeleteClusterInput{ClusterIdentifier: ptr("c")})
	r.want(err, "InvalidParameterCombination")
	fails = true
	r.want(r.delete("c", "final1"), "")
	r.state("c", "final-snapshot")
	r.snapshotState("final1", "final snapshot")
	r.pass(pace)
	r.state("c", "available")
	r.snapshotState("final1", "failed")
	fails = false
	r.want(r.delete("c", "final1"), "ClusterSnapshotAlreadyExists")
	r.want(r.delete("c", "final2"), "")
	r.pass(pace)
	r.state("c", "deleting")
	r.snapshotState("final2", "available")
	r.pass(pace)
	r.state("c", "gone")
	r.snapshotState("final2", "available")
}

func TestPauseAndResume(t *testing.T) {
	r := newRS(t, Rules{}, nil)
	r.want(r.create("c"), "")
	r.pass(pace)
	r.want(r.resume("c"), "InvalidClusterState")
	r.want(r.pause("c"), "")
	r.state("c", "pausing")
	r.want(r.delete("c", ""), "InvalidClusterState")
	r.pass(pace)
	r.state("c", "paused")
	if n := *r.show("c").NumberOfNodes; n != 1 {
		t.Errorf("a paused cluster shows %d nodes", n)
	}
	r.want(r.snapshot("s", "c"), "InvalidClusterState")
	r.want(r.resume("c"), "")
	r.state("c", "resuming")
	r.pass(pace)
	r.state("c", "available")
	r.pass(pace)
	u := r.c.Billed()
	if len(u) != 2 || !u[0].To.Equal(start.Add(pace)) || !u[1].From.Equal(start.Add(3*pace)) || !u[1].To.IsZero() {
		t.Errorf("billed %+v: want until the pause, and since the resume", u)
	}
	if got := r.c.BilledTime()["redshift"]; got != pace {
		t.Errorf("billed %v, want %v", got, pace)
	}
}

func TestMeter(t *testing.T) {
	tests := []struct {
		name  string
		rules Rules
		want  time.Duration
	}{
		{"until the delete is accepted", Rules{}, 2 * pace},
		{"until gone", Rules{DeletingBills: true}, 3 * pace},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRS(t, test.rules, nil)
			r.want(r.create("c"), "")
			r.pass(3 * pace)
			if a := r.c.Alive(); len(a) != 1 || !a[0].Bills {
				t.Errorf("alive: %v", a)
			}
			r.want(r.delete("c", ""), "")
			r.pass(5 * pace)
			u := r.c.Billed()
			if len(u) != 1 || u[0].To.Sub(u[0].From) != test.want || u[0].Shape.Count != 2 || u[0].Shape.Type != "ra3.large" {
				t.Errorf("billed %+v, want %v", u, test.want)
			}
			if a := r.c.Alive(); len(a) != 0 {
				t.Errorf("alive: %v", a)
			}
		})
	}
}

func TestRulesBothWays(t *testing.T) {
	t.Run("a paused cluster may refuse its deletion", func(t *testing.T) {
		for _, refuses := range []bool{false, true} {
			r := newRS(t, Rules{PausedUndeletable: refuses}, nil)
			r.want(r.create("c"), "")
			r.pass(pace)
			r.want(r.pause("c"), "")
			r.pass(pace)
			r.want(r.delete("c", ""), map[bool]string{true: "InvalidClusterState"}[refuses])
		}
	})
	t.Run("snapshots are refused while a restore streams", func(t *testing.T) {
		r := newRS(t, Rules{StreamingRestore: time.Hour}, nil)
		r.want(r.create("c"), "")
		r.pass(pace)
		r.want(r.snapshot("s", "c"), "")
		r.pass(pace)
		r.want(r.restore("d", "s"), "")
		r.pass(pace)
		r.want(r.snapshot("t", "d"), "InvalidClusterState")
		r.pass(time.Hour)
		r.want(r.snapshot("t", "d"), "")
	})
	t.Run("the quota of manual snapshots", func(t *testing.T) {
		r := newRS(t, Rules{SnapshotQuota: 1}, nil)
		r.want(r.create("c"), "")
		r.pass(pace)
		r.want(r.snapshot("s", "c"), "")
		r.pass(pace)
		r.want(r.snapshot("t", "c"), "ClusterSnapshotQuotaExceeded")
		r.want(r.delete("c", "final"), "ClusterSnapshotQuotaExceeded")
	})
	t.Run("a used snapshot is kept until a newer one of its cluster", func(t *testing.T) {
		r := newRS(t, Rules{KeepUsedSnapshots: true}, nil)
		r.want(r.create("c"), "")
		r.pass(pace)
		r.want(r.snapshot("s", "c"), "")
		r.pass(pace)
		r.want(r.restore("d", "s"), "")
		r.pass(pace)
		err := r.drop("s")
		r.want(err, "InvalidClusterSnapshotState")
		if !strings.Contains(err.Error(), "used by cluster d") {
			t.Error(err)
		}
		r.want(r.snapshot("t", "d"), "")
		r.pass(pace)
		r.want(r.drop("s"), "")
	})
	t.Run("tags travel with a snapshot, or not", func(t *testing.T) {
		for _, lose := range []bool{false, true} {
			r := newRS(t, Rules{LoseTags: lose}, nil)
			r.want(r.create("c"), "")
			r.pass(pace)
			_, err := r.api.CreateClusterSnapshot(bg, &awsredshift.CreateClusterSnapshotInput{SnapshotIdentifier: ptr("s"), ClusterIdentifier: ptr("c"), Tags: []types.Tag{{Key: ptr("k"), Value: ptr("v")}}})
			r.want(err, "")
			r.pass(pace)
			r.want(r.restore("d", "s"), "")
			if n := len(r.show("d").Tags); n != map[bool]int{false: 1, true: 0}[lose] {
				t.Errorf("lose %v: %d tags", lose, n)
			}
		}
	})
}

func TestFates(t *testing.T) {
	only := func(want Fate) func(Fate, string) bool { return func(f Fate, _ string) bool { return f == want } }
	t.Run("a delete bounces", func(t *testing.T) {
		r := newRS(t, Rules{}, only(FateBounce))
		r.want(r.create("c"), "")
		r.pass(pace)
		r.want(r.delete("c", ""), "")
		r.state("c", "deleting")
		r.pass(pace)
		r.state("c", "available")
		if u := r.c.Billed(); len(u) != 2 || !u[1].To.IsZero() {
			t.Errorf("billed %+v", u)
		}
	})
	t.Run("hardware", func(t *testing.T) {
		r := newRS(t, Rules{}, only(FateLoss))
		r.want(r.create("c"), "")
		r.pass(pace)
		r.want(r.snapshot("s", "c"), "")
		r.pass(pace)
		r.state("c", "gone")
		r.pass(pace)
		r.snapshotState("s", "failed")
	})
	t.Run("an undocumented state", func(t *testing.T) {
		r := newRS(t, Rules{}, only(FateMask))
		r.want(r.create("c"), "")
		r.pass(pace)
		r.state("c", "maintenance")
		r.want(r.delete("c", ""), "InvalidClusterState")
		if a := r.c.Alive(); !a[0].Bills {
			t.Error("maintenance is free")
		}
		r.pass(pace)
		r.state("c", "available")
	})
	t.Run("an automated snapshot", func(t *testing.T) {
		r := newRS(t, Rules{}, only(FateAutomated))
		r.want(r.create("c"), "")
		r.pass(pace)
		r.state("c", "available")
		id := r.c.State().Snapshots[0].ID
		if s := r.showSnapshot(id); *s.SnapshotType != "automated" {
			t.Errorf("snapshot %+v", s)
		}
		r.want(r.delete("c", ""), "InvalidClusterState")
		r.pass(pace)
		r.want(r.drop(id), "InvalidClusterSnapshotState")
		r.want(r.delete("c", ""), "")
		r.pass(pace)
		r.snapshotState(id, "gone")
	})
	t.Run("busy", func(t *testing.T) {
		r := newRS(t, Rules{}, only(FateBusy))
		r.want(r.create("c"), "")
		r.pass(pace)
		r.state("c", "available")
		r.want(r.delete("c", ""), "InvalidClusterState")
	})
	t.Run("capacity", func(t *testing.T) {
		r := newRS(t, Rules{}, only(FateCapacity))
		r.want(r.create("c"), "InsufficientClusterCapacity")
		r.state("c", "gone")
	})
}

func TestRedshiftRefusesNonsense(t *testing.T) {
	r := newRS(t, Rules{}, nil)
	for _, id := range []string{"", "C", "1c", "c-", "c--c", "c_c", strings.Repeat("c", 64)} {
		r.want(r.create(id), "InvalidParameterValue")
	}
	for _, password := range []string{"short1A", "alllower1", "ALLUPPER1", "NoDigitsHere", "With spaces1", "Quote'1aaa"} {
		_, err := r.api.CreateCluster(bg, &awsredshift.CreateClusterInput{ClusterIdentifier: ptr("c"), NodeType: ptr("ra3.large"), MasterUsername: ptr("u"), MasterUserPassword: &password})
		r.want(err, "InvalidParameterValue")
	}
	_, err := r.api.CreateCluster(bg, &awsredshift.CreateClusterInput{ClusterIdentifier: ptr("c"), NodeType: ptr("dc2.large"), MasterUsername: ptr("u"), MasterUserPassword: ptr("Secret123")})
	r.want(err, "InvalidParameterValue")
	r.want(r.create("c"), "")
	_, err = r.api.GetClusterCredentials(bg, &awsredshift.GetClusterCredentialsInput{ClusterIdentifier: ptr("c"), DbUser: ptr("u"), DurationSeconds: ptr(int32(60))})
	r.want(err, "InvalidParameterValue")
	_, err = r.api.GetClusterCredentials(bg, &awsredshift.GetClusterCredentialsInput{ClusterIdentifier: ptr("x"), DbUser: ptr("u")})
	r.want(err, "ClusterNotFound")
	out, err := r.api.GetClusterCredentials(bg, &awsredshift.GetClusterCredentialsInput{ClusterIdentifier: ptr("c"), DbUser: ptr("u")})
	if err != nil || *out.DbUser != "IAM:u" || len(*out.DbPassword) < 20 || !out.Expiration.Equal(start.Add(15*time.Minute)) {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestPagesAndFilters(t *testing.T) {
	r := newRS(t, Rules{SnapshotQuota: 100}, nil)
	r.want(r.create("c"), "")
	r.pass(pace)
	for i := range 45 {
		r.want(r.snapshot("s"+string(rune('a'+i/10))+string(rune('0'+i%10)), "c"), "")
	}
	seen := map[string]bool{}
	in := &awsredshift.DescribeClusterSnapshotsInput{ClusterIdentifier: ptr("c"), MaxRecords: ptr(int32(20))}
	for pages := 1; ; pages++ {
		out, err := r.api.DescribeClusterSnapshots(bg, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range out.Snapshots {
			seen[*s.SnapshotIdentifier] = true
		}
		if in.Marker = out.Marker; in.Marker == nil {
			if pages != 3 || len(seen) != 45 {
				t.Errorf("%d pages, %d snapshots", pages, len(seen))
			}
			break
		}
	}
	out, err := r.api.DescribeClusterSnapshots(bg, &awsredshift.DescribeClusterSnapshotsInput{ClusterIdentifier: ptr("x")})
	if err != nil || len(out.Snapshots) != 0 {
		t.Errorf("of another cluster: %v, %v", out, err)
	}
	if _, err = r.api.DescribeClusters(bg, &awsredshift.DescribeClustersInput{Marker: ptr("nonsense")}); code(err) != "InvalidParameterValue" {
		t.Error(err)
	}
}

func TestRetentionEnds(t *testing.T) {
	r := newRS(t, Rules{}, nil)
	r.want(r.create("c"), "")
	r.pass(pace)
	_, err := r.api.CreateClusterSnapshot(bg, &awsredshift.CreateClusterSnapshotInput{SnapshotIdentifier: ptr("s"), ClusterIdentifier: ptr("c"), ManualSnapshotRetentionPeriod: ptr(int32(14))})
	r.want(err, "")
	r.pass(13 * 24 * time.Hour)
	r.snapshotState("s", "available")
	r.pass(25 * time.Hour)
	r.snapshotState("s", "gone")
}
