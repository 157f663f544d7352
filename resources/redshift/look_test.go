package redshift

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"

	"lamplighter/resources"
)

func TestDescribe(t *testing.T) {
	created := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	seen := types.Cluster{
		ClusterIdentifier: aws.String("c"), ClusterStatus: aws.String("available, prep-for-resize"),
		ClusterAvailabilityStatus: aws.String("Available"), ClusterCreateTime: aws.Time(created), NodeType: aws.String("ra3.large"),
		NumberOfNodes: aws.Int32(2), Endpoint: &types.Endpoint{Address: aws.String("host"), Port: aws.Int32(5440)},
		RestoreStatus: &types.RestoreStatus{Status: aws.String("completed")}, MasterUsername: aws.String("lamplighter"),
		DBName: aws.String("dev"), ClusterSubnetGroupName: aws.String("subnets"), DefaultIamRoleArn: aws.String(full.Role),
		PreferredMaintenanceWindow: aws.String("sun:13:00-sun:13:30"), AllowVersionUpgrade: aws.Bool(false), PubliclyAccessible: aws.Bool(false),
		VpcSecurityGroups:      []types.VpcSecurityGroupMembership{{VpcSecurityGroupId: aws.String("sg-2")}, {VpcSecurityGroupId: aws.String("sg-1")}},
		ClusterParameterGroups: []types.ClusterParameterGroupStatus{{ParameterGroupName: aws.String("parameters")}},
	}
	f := &fake{clusters: []*awsredshift.DescribeClustersOutput{{Clusters: []types.Cluster{seen}}}}
	c := &Clusters{API: f, Settings: full}
	got, err := c.Describe(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	want := resources.Observation{Ref: resources.Ref{Kind: "cluster", Name: "c"}, Exists: true, State: "available, prep-for-resize",
		Shapes: []resources.Shape{{Service: "redshift", Type: "ra3.large", Market: "on-demand", Region: "eu-west-1", Count: 2}}}
	if !reflect.DeepEqual(got.Observation, want) {
		t.Errorf("%+v", got.Observation)
	}
	if got.Host != "host" || got.Port != 5440 || got.Availability != "Available" || got.Restore != "completed" || !got.Created.Equal(created) ||
		got.ARN != "arn:aws:redshift:eu-west-1:123456789012:cluster:c" {
		t.Errorf("%+v", got)
	}
	if differs := full.Differs(got); len(differs) > 0 {
		t.Errorf("differs: %q", differs)
	}
}

// TestDescribeWhileCreating: many fields are still absent.
func TestDescribeWhileCreating(t *testing.T) {
	f := &fake{clusters: []*awsredshift.DescribeClustersOutput{{Clusters: []types.Cluster{
		{ClusterIdentifier: aws.String("c"), ClusterStatus: aws.String("creating")}}}}}
	got, err := (&Clusters{API: f}).Describe(t.Context(), "c")
	if err != nil || !got.Exists || got.State != Creating || got.Shapes != nil || got.Host != "" || !got.Created.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestPausedShowsNoShape: a paused RA3 cluster is reported with one node.
func TestPausedShowsNoShape(t *testing.T) {
	f := &fake{clusters: []*awsredshift.DescribeClustersOutput{{Clusters: []types.Cluster{
		{ClusterIdentifier: aws.String("c"), ClusterStatus: aws.String("paused"), NumberOfNodes: aws.Int32(1)}}}}}
	got, err := (&Clusters{API: f}).Describe(t.Context(), "c")
	if err != nil || got.Shapes != nil {
		t.Errorf("%+v, %v", got.Shapes, err)
	}
}

func TestAbsent(t *testing.T) {
	for name, f := range map[string]*fake{
		"not found":    {err: &types.ClusterNotFoundFault{}},
		"empty answer": {},
		"another's": {clusters: []*awsredshift.DescribeClustersOutput{{Clusters: []types.Cluster{
			{ClusterIdentifier: aws.String("other"), ClusterStatus: aws.String("available")}}}}},
	} {
		got, err := (&Clusters{API: f}).Describe(t.Context(), "c")
		if err != nil || got.Exists || got.Ref.Name != "c" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, f := range map[string]*fake{
		"not found":    {err: &types.ClusterSnapshotNotFoundFault{}},
		"empty answer": {},
		"deleted": {snapshots: []*awsredshift.DescribeClusterSnapshotsOutput{{Snapshots: []types.Snapshot{
			{SnapshotIdentifier: aws.String("s"), Status: aws.String("deleted")}}}}},
	} {
		got, err := (&Clusters{API: f}).DescribeSnapshot(t.Context(), "s")
		if err != nil || got.Exists || got.Ref.Name != "s" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestReadsAreNeverUnknown: and an error is not an absence.
func TestReadsAreNeverUnknown(t *testing.T) {
	c := &Clusters{API: &fake{err: context.DeadlineExceeded}}
	_, describe := c.Describe(t.Context(), "c")
	_, snapshot := c.DescribeSnapshot(t.Context(), "s")
	_, list := c.List(t.Context(), "x")
	_, snapshots := c.Snapshots(t.Context(), "x")
	_, _, login := c.Login(t.Context(), "c")
	for what, err := range map[string]error{"describe": describe, "snapshot": snapshot, "list": list, "snapshots": snapshots, "login": login} {
		if got := resources.ClassOf(err); got != resources.Retry {
			t.Errorf("%s: %v, %s", what, err, got)
		}
	}
}

func TestListAllPages(t *testing.T) {
	cluster := func(name string) types.Cluster { return types.Cluster{ClusterIdentifier: aws.String(name)} }
	f := &fake{clusters: []*awsredshift.DescribeClustersOutput{
		{Clusters: []types.Cluster{cluster("p-2"), cluster("q-1")}, Marker: aws.String("m1")},
		{Clusters: []types.Cluster{}, Marker: aws.String("m2")}, // an empty page is not the last
		{Clusters: []types.Cluster{cluster("p-1"), cluster("pp-1")}},
	}}
	got, err := (&Clusters{API: f}).List(t.Context(), "p-")
	if err != nil || len(got) != 2 || got[0].Ref.Name != "p-1" || got[1].Ref.Name != "p-2" {
		t.Errorf("%+v, %v", got, err)
	}
	if !slices.Equal(f.markers, []string{"", "m1", "m2"}) {
		t.Errorf("markers %q", f.markers)
	}
}

func TestSnapshotsAllPages(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	snapshot := func(name, status string, age time.Duration) types.Snapshot {
		return types.Snapshot{SnapshotIdentifier: aws.String(name), Status: aws.String(status), SnapshotCreateTime: aws.Time(at.Add(-age))}
	}
	f := &fake{snapshots: []*awsredshift.DescribeClusterSnapshotsOutput{
		{Snapshots: []types.Snapshot{snapshot("p-new", "available", 1), snapshot("p-gone", "deleted", 5)}, Marker: aws.String("m1")},
		{Snapshots: []types.Snapshot{snapshot("p-old", "failed", 9), snapshot("q-1", "available", 3)}},
	}}
	got, err := (&Clusters{API: f}).Snapshots(t.Context(), "p-")
	if err != nil || len(got) != 2 || got[0].Ref.Name != "p-old" || got[1].Ref.Name != "p-new" {
		t.Errorf("%+v, %v", got, err)
	}
	if in := f.in.(*awsredshift.DescribeClusterSnapshotsInput); aws.ToString(in.SnapshotType) != "manual" {
		t.Errorf("%+v", in)
	}
}

func TestSnapshot(t *testing.T) {
	f := &fake{snapshots: []*awsredshift.DescribeClusterSnapshotsOutput{{Snapshots: []types.Snapshot{{
		SnapshotIdentifier: aws.String("S"), ClusterIdentifier: aws.String("c"), SnapshotType: aws.String("manual"), Status: aws.String("creating"),
		ActualIncrementalBackupSizeInMegaBytes: aws.Float64(12.5), TotalBackupSizeInMegaBytes: aws.Float64(4096),
		EstimatedSecondsToCompletion: aws.Int64(90),
	}}}}}
	c := &Clusters{API: f, Settings: full}
	got, err := c.DescribeSnapshot(t.Context(), "s")
	if err != nil || !got.Exists || got.State != "creating" || got.ETA != 90*time.Second || got.Cluster != "c" || got.IncrementalMB != 12.5 {
		t.Errorf("%+v, %v", got, err)
	}
	want := map[string]string{"cluster": "c", "type": "manual", "incremental_mb": "12.5", "total_mb": "4096"}
	if !reflect.DeepEqual(got.Parts, want) {
		t.Errorf("%v", got.Parts)
	}
	if err := c.CreateSnapshot(t.Context(), "s", "c"); err != nil {
		t.Fatal(err)
	}
	if in := f.in.(*awsredshift.CreateClusterSnapshotInput); *in.ManualSnapshotRetentionPeriod != -1 || len(in.Tags) != 2 {
		t.Errorf("%+v", in)
	}
	if err := c.DeleteSnapshot(t.Context(), "s", "c"); err != nil {
		t.Fatal(err)
	}
	if in := f.in.(*awsredshift.DeleteClusterSnapshotInput); *in.SnapshotIdentifier != "s" || *in.SnapshotClusterIdentifier != "c" {
		t.Errorf("%+v", in)
	}
}

func TestLogin(t *testing.T) {
	f := &fake{login: &awsredshift.GetClusterCredentialsOutput{DbUser: aws.String("IAM:lamplighter"), DbPassword: aws.String("p")}}
	c := &Clusters{API: f, Settings: full}
	user, password, err := c.Login(t.Context(), "c")
	if err != nil || user != "IAM:lamplighter" || password != "p" {
		t.Errorf("%q %q %v", user, password, err)
	}
	want := &awsredshift.GetClusterCredentialsInput{ClusterIdentifier: aws.String("c"), DbUser: aws.String("lamplighter"),
		DbName: aws.String("dev"), AutoCreate: aws.Bool(false), DurationSeconds: aws.Int32(900)}
	if !reflect.DeepEqual(f.in, want) {
		t.Errorf("%+v", f.in)
	}
	f.login = &awsredshift.GetClusterCredentialsOutput{}
	if _, _, err := c.Login(t.Context(), "c"); resources.ClassOf(err) != resources.Retry {
		t.Errorf("an empty login: %v", err)
	}
}

func TestDiffers(t *testing.T) {
	fits := func() Cluster {
		return Cluster{
			Observation: resources.Observation{Shapes: []resources.Shape{{Type: "ra3.large", Count: 2}}},
			Given: Given{Admin: "lamplighter", Database: "dev", SubnetGroup: "subnets", SecurityGroups: []string{"sg-1", "sg-2"},
				ParameterGroup: "parameters", Role: full.Role, MaintenanceWindow: "sun:13:00-sun:13:30"},
		}
	}
	for word, change := range map[string]func(*Cluster){
		"admin":              func(c *Cluster) { c.Given.Admin = "x" },
		"database":           func(c *Cluster) { c.Given.Database = "x" },
		"subnet group":       func(c *Cluster) { c.Given.SubnetGroup = "x" },
		"security groups":    func(c *Cluster) { c.Given.SecurityGroups = []string{"sg-default"} },
		"parameter group":    func(c *Cluster) { c.Given.ParameterGroup = "default" },
		"default role":       func(c *Cluster) { c.Given.Role = "" },
		"maintenance window": func(c *Cluster) { c.Given.MaintenanceWindow = "mon:01:00-mon:01:30" },
		"publicly":           func(c *Cluster) { c.Given.Public = true },
		"upgrades":           func(c *Cluster) { c.Given.AutoUpgrade = true },
		"node type":          func(c *Cluster) { c.Shapes[0].Type = "dc2.large" },
		"nodes":              func(c *Cluster) { c.Shapes[0].Count = 4 },
	} {
		c := fits()
		change(&c)
		if got := full.Differs(c); len(got) != 1 || !strings.Contains(got[0], word) {
			t.Errorf("%s: %q", word, got)
		}
		if word != "publicly" && word != "upgrades" {
			if got := (Settings{}).Differs(c); len(got) != 0 {
				t.Errorf("%s, nothing asked for: %q", word, got)
			}
		}
	}
}

func TestMaintenanceWindow(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Skip(err)
	}
	for _, test := range []struct {
		opens time.Time
		want  string
	}{
		{time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC), "sun:13:00-sun:13:30"},
		{time.Date(2026, 11, 22, 1, 0, 0, 0, newYork), "sun:18:00-sun:18:30"},
		{time.Date(2026, 11, 21, 23, 45, 0, 0, time.UTC), "sun:11:45-sun:12:15"},
		{time.Date(2026, 11, 22, 11, 45, 0, 0, time.UTC), "sun:23:45-mon:00:15"},
	} {
		if got := MaintenanceWindow(test.opens); got != test.want {
			t.Errorf("%v: %s, want %s", test.opens, got, test.want)
		}
	}
}
