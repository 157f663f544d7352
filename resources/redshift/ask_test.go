package redshift

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"
	"github.com/aws/smithy-go"

	"lamplighter/resources"
)

var full = Settings{
	Account: "123456789012", Region: "eu-west-1", Database: "dev", Admin: "lamplighter", NodeType: "ra3.large", Nodes: 2,
	SubnetGroup: "subnets", SecurityGroups: []string{"sg-2", "sg-1"}, ParameterGroup: "parameters", SnapshotSchedule: "noon",
	KMSKey: "key", Port: 5440, Role: "arn:aws:iam::123456789012:role/copy", MaintenanceWindow: "sun:13:00-sun:13:30",
	Tags: map[string]string{"team": "data", "cost": "4711"},
}

// seed is a source of random bytes that are not.
var seed = strings.Repeat("0123456789", 100)

func TestCreateAsksForEverything(t *testing.T) {
	f := &fake{}
	c := &Clusters{API: f, Settings: full, Random: strings.NewReader(seed)}
	if err := c.Create(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	in := f.in.(*awsredshift.CreateClusterInput)
	want := &awsredshift.CreateClusterInput{
		ClusterIdentifier: aws.String("c"), DBName: aws.String("dev"), MasterUsername: aws.String("lamplighter"),
		MasterUserPassword: in.MasterUserPassword, NodeType: aws.String("ra3.large"), NumberOfNodes: aws.Int32(2),
		ClusterType: aws.String("multi-node"), ClusterSubnetGroupName: aws.String("subnets"),
		VpcSecurityGroupIds: []string{"sg-2", "sg-1"}, ClusterParameterGroupName: aws.String("parameters"),
		IamRoles: []string{full.Role}, DefaultIamRoleArn: aws.String(full.Role), Encrypted: aws.Bool(true), KmsKeyId: aws.String("key"),
		Port: aws.Int32(5440), PubliclyAccessible: aws.Bool(false), PreferredMaintenanceWindow: aws.String("sun:13:00-sun:13:30"),
		MaintenanceTrackName: aws.String("current"), AllowVersionUpgrade: aws.Bool(false),
		AutomatedSnapshotRetentionPeriod: aws.Int32(1), ManualSnapshotRetentionPeriod: aws.Int32(-1),
		SnapshotScheduleIdentifier: aws.String("noon"), AvailabilityZoneRelocation: aws.Bool(false),
		Tags: []types.Tag{{Key: aws.String("cost"), Value: aws.String("4711")}, {Key: aws.String("team"), Value: aws.String("data")}},
	}
	if !reflect.DeepEqual(in, want) {
		t.Errorf("asked for\n%+v\nwant\n%+v", in, want)
	}
	if !f.once {
		t.Error("the SDK may repeat it")
	}
}

// TestCreateLeavesOutWhatIsUnset: an empty string is not a name of anything.
func TestCreateLeavesOutWhatIsUnset(t *testing.T) {
	f := &fake{}
	c := &Clusters{API: f, Settings: Settings{Admin: "a", NodeType: "ra3.large", Nodes: 1}}
	if err := c.Create(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	in := f.in.(*awsredshift.CreateClusterInput)
	if *in.ClusterType != "single-node" || in.NumberOfNodes != nil {
		t.Errorf("one node: %s with %v", *in.ClusterType, in.NumberOfNodes)
	}
	if in.DBName != nil || in.KmsKeyId != nil || in.ClusterSubnetGroupName != nil || in.SnapshotScheduleIdentifier != nil ||
		in.ClusterParameterGroupName != nil || in.PreferredMaintenanceWindow != nil || in.IamRoles != nil || in.DefaultIamRoleArn != nil {
		t.Errorf("%+v", in)
	}
	if *in.Port != 5439 {
		t.Errorf("port %d", *in.Port)
	}
}

func TestPasswords(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		f := &fake{}
		if err := (&Clusters{API: f, Settings: full}).Create(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		p := *f.in.(*awsredshift.CreateClusterInput).MasterUserPassword
		if len(p) < 8 || len(p) > 64 || strings.ContainsAny(p, "'\"\\/@ ") ||
			!strings.ContainsAny(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") || !strings.ContainsAny(p, "abcdefghijklmnopqrstuvwxyz") || !strings.ContainsAny(p, "0123456789") {
			t.Errorf("Redshift does not take %q", p)
		}
		if seen[p] {
			t.Errorf("%q came twice", p)
		}
		seen[p] = true
	}
	f := &fake{}
	c := &Clusters{API: f, Settings: full, Random: bytes.NewReader(nil)}
	if err := c.Create(t.Context(), "c"); err == nil || f.in != nil {
		t.Errorf("created with no random bytes: %v", err)
	}
}

func TestPasswordIsInNoError(t *testing.T) {
	f := &fake{err: &smithy.GenericAPIError{Code: "InvalidParameterValue", Message: "no"}}
	c := &Clusters{API: f, Settings: full, Random: strings.NewReader(seed)}
	err := c.Create(t.Context(), "c")
	if p := *f.in.(*awsredshift.CreateClusterInput).MasterUserPassword; err == nil || strings.Contains(err.Error()+resources.HintOf(err), p) {
		t.Errorf("%v", err)
	}
}

func TestRestoreAsksForEverything(t *testing.T) {
	f := &fake{}
	c := &Clusters{API: f, Settings: full}
	if err := c.Restore(t.Context(), "c", "snap", "old"); err != nil {
		t.Fatal(err)
	}
	want := &awsredshift.RestoreFromClusterSnapshotInput{
		ClusterIdentifier: aws.String("c"), SnapshotIdentifier: aws.String("snap"), SnapshotClusterIdentifier: aws.String("old"),
		NodeType: aws.String("ra3.large"), NumberOfNodes: aws.Int32(2), ClusterSubnetGroupName: aws.String("subnets"),
		VpcSecurityGroupIds: []string{"sg-2", "sg-1"}, ClusterParameterGroupName: aws.String("parameters"),
		IamRoles: []string{full.Role}, DefaultIamRoleArn: aws.String(full.Role), Encrypted: aws.Bool(true), KmsKeyId: aws.String("key"),
		Port: aws.Int32(5440), PubliclyAccessible: aws.Bool(false), PreferredMaintenanceWindow: aws.String("sun:13:00-sun:13:30"),
		MaintenanceTrackName: aws.String("current"), AllowVersionUpgrade: aws.Bool(false),
		AutomatedSnapshotRetentionPeriod: aws.Int32(1), ManualSnapshotRetentionPeriod: aws.Int32(-1),
		SnapshotScheduleIdentifier: aws.String("noon"), AvailabilityZoneRelocation: aws.Bool(false),
	}
	if !reflect.DeepEqual(f.in, want) {
		t.Errorf("asked for\n%+v\nwant\n%+v", f.in, want)
	}
	if !f.once {
		t.Error("the SDK may repeat it")
	}
	c.Settings.KMSKey = ""
	if err := c.Restore(t.Context(), "c", "snap", ""); err != nil {
		t.Fatal(err)
	}
	in := f.in.(*awsredshift.RestoreFromClusterSnapshotInput)
	if in.Encrypted != nil || in.KmsKeyId != nil || in.SnapshotClusterIdentifier != nil {
		t.Errorf("%+v", in)
	}
}

func TestTag(t *testing.T) {
	for region, arn := range map[string]string{
		"eu-west-1":     "arn:aws:redshift:eu-west-1:123456789012:cluster:c",
		"cn-north-1":    "arn:aws-cn:redshift:cn-north-1:123456789012:cluster:c",
		"us-gov-west-1": "arn:aws-us-gov:redshift:us-gov-west-1:123456789012:cluster:c",
	} {
		f := &fake{}
		c := &Clusters{API: f, Settings: full}
		c.Settings.Region = region
		if err := c.Tag(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		if in := f.in.(*awsredshift.CreateTagsInput); *in.ResourceName != arn || len(in.Tags) != 2 {
			t.Errorf("%+v", in)
		}
	}
	f := &fake{}
	if err := (&Clusters{API: f}).Tag(t.Context(), "c"); err != nil || f.in != nil {
		t.Errorf("without tags: %v, asked for %v", err, f.in)
	}
}

func TestDelete(t *testing.T) {
	f := &fake{}
	c := &Clusters{API: f}
	if err := c.Delete(t.Context(), "c", ""); err != nil {
		t.Fatal(err)
	}
	if in := f.in.(*awsredshift.DeleteClusterInput); !*in.SkipFinalClusterSnapshot || in.FinalClusterSnapshotIdentifier != nil || !f.once {
		t.Errorf("%+v, once %v", in, f.once)
	}
	if err := c.Delete(t.Context(), "c", "final"); err != nil {
		t.Fatal(err)
	}
	in := f.in.(*awsredshift.DeleteClusterInput)
	if *in.SkipFinalClusterSnapshot || *in.FinalClusterSnapshotIdentifier != "final" || *in.FinalClusterSnapshotRetentionPeriod != -1 {
		t.Errorf("%+v", in)
	}
}

// changes are all methods that change something.
func changes(c *Clusters) map[string]func() error {
	ctx := context.Background()
	return map[string]func() error{
		"create":          func() error { return c.Create(ctx, "c") },
		"restore":         func() error { return c.Restore(ctx, "c", "s", "o") },
		"tag":             func() error { return c.Tag(ctx, "c") },
		"delete":          func() error { return c.Delete(ctx, "c", "") },
		"pause":           func() error { return c.Pause(ctx, "c") },
		"resume":          func() error { return c.Resume(ctx, "c") },
		"create snapshot": func() error { return c.CreateSnapshot(ctx, "s", "c") },
		"delete snapshot": func() error { return c.DeleteSnapshot(ctx, "s", "c") },
	}
}

// TestClasses judges the codes of aws-facts A3 for every call that changes
// something.
func TestClasses(t *testing.T) {
	classes := map[error]resources.Class{
		&types.ClusterAlreadyExistsFault{}:              resources.Permanent,
		&types.ClusterSnapshotAlreadyExistsFault{}:      resources.Permanent,
		&types.ClusterNotFoundFault{}:                   resources.Gone,
		&types.ClusterSnapshotNotFoundFault{}:           resources.Gone,
		&types.ResourceNotFoundFault{}:                  resources.Gone,
		&types.InvalidClusterStateFault{}:               resources.Busy,
		&types.InvalidClusterSnapshotStateFault{}:       resources.Busy,
		&types.InsufficientClusterCapacityFault{}:       resources.Retry,
		&types.DependentServiceUnavailableFault{}:       resources.Retry,
		&types.DependentServiceRequestThrottlingFault{}: resources.Retry,
		&types.ClusterQuotaExceededFault{}:              resources.Permanent,
		&types.NumberOfNodesQuotaExceededFault{}:        resources.Permanent,
		&types.ClusterSnapshotQuotaExceededFault{}:      resources.Permanent,
		&types.LimitExceededFault{}:                     resources.Permanent,
		&types.InvalidRestoreFault{}:                    resources.Permanent,
		&types.InvalidSubnet{}:                          resources.Permanent,
		&types.ClusterSubnetGroupNotFoundFault{}:        resources.Permanent,
		&types.ClusterParameterGroupNotFoundFault{}:     resources.Permanent,
		&types.SnapshotScheduleNotFoundFault{}:          resources.Permanent,
		&types.UnsupportedOperationFault{}:              resources.Permanent,
		&types.TagLimitExceededFault{}:                  resources.Permanent,
		&types.AccessToSnapshotDeniedFault{}:            resources.Denied,
		&types.UnauthorizedOperation{}:                  resources.Denied,
		&types.DependentServiceAccessDeniedFault{}:      resources.Denied,
		&smithy.GenericAPIError{Code: "Throttling"}:     resources.Retry,
		&smithy.GenericAPIError{Code: "AccessDenied"}:   resources.Denied,
		&smithy.GenericAPIError{Code: "Unheard"}:        resources.Unknown,
		context.DeadlineExceeded:                        resources.Unknown,
		errors.New("read tcp: connection reset"):        resources.Unknown,
	}
	for cause, want := range classes {
		f := &fake{err: &smithy.OperationError{ServiceID: "Redshift", OperationName: "X", Err: cause}}
		for what, call := range changes(&Clusters{API: f, Settings: full}) {
			err := call()
			if got := resources.ClassOf(err); got != want {
				t.Errorf("%s, %T %v: %s, want %s", what, cause, cause, got, want)
			}
			if !f.once {
				t.Errorf("%s: the SDK may repeat it", what)
			}
			if !errors.Is(err, cause) {
				t.Errorf("%s: %v does not wrap its cause", what, err)
			}
		}
	}
}

func TestAlreadyExistsKeepsItsCode(t *testing.T) {
	c := &Clusters{API: &fake{err: &types.ClusterAlreadyExistsFault{}}, Settings: full}
	if code := resources.CodeOf(c.Create(t.Context(), "c")); code != ClusterAlreadyExists {
		t.Errorf("code %q", code)
	}
	c.API = &fake{err: &types.ClusterSnapshotAlreadyExistsFault{}}
	if code := resources.CodeOf(c.CreateSnapshot(t.Context(), "s", "c")); code != SnapshotAlreadyExists {
		t.Errorf("code %q", code)
	}
}
