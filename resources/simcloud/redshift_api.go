package simcloud

import (
	"context"
	"slices"
	"strings"
	"time"

	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"
)

// redshiftAPI answers as the SDK's client does, at once and without faults.
type redshiftAPI struct {
	c    *Cloud
	asOf func() time.Time // of reads; zero is now
}

// Redshift is a client without faults or latency.
func (c *Cloud) Redshift() Redshift { return redshiftAPI{c, present} }

func present() time.Time { return time.Time{} }

func (a redshiftAPI) CreateCluster(_ context.Context, in *awsredshift.CreateClusterInput, _ ...func(*awsredshift.Options)) (*awsredshift.CreateClusterOutput, error) {
	defer a.c.flush()
	id := val(in.ClusterIdentifier)
	if err := createValid(in); err != nil {
		return nil, err
	}
	if err := a.launchable(id); err != nil {
		return nil, err
	}
	x := &Cluster{
		ID: id, Gen: a.c.next(), Tags: fromTags(in.Tags),
		Spec: ClusterSpec{
			NodeType: val(in.NodeType), Nodes: int(max(val(in.NumberOfNodes), 1)), Database: or(val(in.DBName), "dev"),
			MasterUser: val(in.MasterUsername), MasterPassword: val(in.MasterUserPassword), Port: int(or(val(in.Port), 5439)),
		},
		Settings: Settings{
			SubnetGroup: or(val(in.ClusterSubnetGroupName), "default"), SecurityGroups: in.VpcSecurityGroupIds,
			ParameterGroup: or(val(in.ClusterParameterGroupName), "default.redshift-2.0"), Roles: in.IamRoles, DefaultRole: val(in.DefaultIamRoleArn),
			KMSKey: val(in.KmsKeyId), Encrypted: in.Encrypted == nil || *in.Encrypted, Public: val(in.PubliclyAccessible), EnhancedVPC: val(in.EnhancedVpcRouting),
			AllowVersionUpgrade: in.AllowVersionUpgrade == nil || *in.AllowVersionUpgrade, Track: or(val(in.MaintenanceTrackName), "current"),
			Zone: or(val(in.AvailabilityZone), a.c.opts.Region+"a"), MaintenanceWindow: or(val(in.PreferredMaintenanceWindow), "sun:03:00-sun:03:30"),
			AutomatedRetention: or(val(in.AutomatedSnapshotRetentionPeriod), 1), ManualRetention: or(val(in.ManualSnapshotRetentionPeriod), -1),
			SnapshotSchedule: val(in.SnapshotScheduleIdentifier), ManageMasterPassword: val(in.ManageMasterPassword),
		},
	}
	a.c.addCluster(x, PhaseCreate)
	return &awsredshift.CreateClusterOutput{Cluster: ptr(a.c.showCluster(x))}, nil
}

func createValid(in *awsredshift.CreateClusterInput) error {
	id := val(in.ClusterIdentifier)
	switch {
	case !validID(id, 63):
		return generic("InvalidParameterValue", "The parameter ClusterIdentifier %q is not a valid identifier.", id)
	case val(in.NodeType) == "" || strings.HasPrefix(val(in.NodeType), "dc2.") || strings.HasPrefix(val(in.NodeType), "ds2."):
		return generic("InvalidParameterValue", "Invalid node type: %s", val(in.NodeType))
	case val(in.MasterUsername) == "":
		return generic("InvalidParameterValue", "MasterUsername is required.")
	case in.MasterUserPassword == nil && !val(in.ManageMasterPassword):
		return generic("InvalidParameterCombination", "MasterUserPassword is required unless ManageMasterPassword is set.")
	case in.MasterUserPassword != nil && !validPassword(*in.MasterUserPassword):
		return generic("InvalidParameterValue", "The parameter MasterUserPassword must be 8 to 64 characters with an upper-case letter, a lower-case letter and a digit, and without quotes, slashes, at signs and spaces.")
	}
	return nil
}

func (a redshiftAPI) launchable(id string) error {
	if a.c.cluster(id) != nil {
		return errClusterExists(id)
	}
	if a.c.fate(FateCapacity, id) {
		return errCapacity()
	}
	return nil
}

// addCluster makes a cluster that is creating.
func (c *Cloud) addCluster(x *Cluster, phase Phase) {
	c.state.Clusters = append(c.state.Clusters, x)
	c.setCluster(x, creating)
	c.launch(x, &Move{Phase: phase, Due: c.due(phase)})
}

func (a redshiftAPI) RestoreFromClusterSnapshot(_ context.Context, in *awsredshift.RestoreFromClusterSnapshotInput, _ ...func(*awsredshift.Options)) (*awsredshift.RestoreFromClusterSnapshotOutput, error) {
	defer a.c.flush()
	id, from := val(in.ClusterIdentifier), val(in.SnapshotIdentifier)
	if in.SnapshotArn != nil {
		from = (*in.SnapshotArn)[strings.LastIndex(*in.SnapshotArn, "/")+1:]
	}
	if !validID(id, 63) {
		return nil, generic("InvalidParameterValue", "The parameter ClusterIdentifier %q is not a valid identifier.", id)
	}
	s := a.c.snapshot(strings.ToLower(from))
	switch {
	case a.c.cluster(id) != nil:
		return nil, errClusterExists(id)
	case s == nil || (in.SnapshotClusterIdentifier != nil && *in.SnapshotClusterIdentifier != s.Cluster):
		return nil, errSnapshotNotFound(from)
	case s.Status != available:
		return nil, errSnapshotState("Snapshot " + from + " is in state " + s.Status + ".")
	case strings.HasPrefix(val(in.NodeType), "dc2.") || strings.HasPrefix(val(in.NodeType), "ds2."):
		return nil, generic("InvalidParameterValue", "Invalid node type: %s", val(in.NodeType))
	}
	if err := a.launchable(id); err != nil {
		return nil, err
	}
	x := a.c.restored(id, s, in)
	s.UsedBy = append(s.UsedBy, id)
	a.c.addCluster(x, PhaseRestore)
	return &awsredshift.RestoreFromClusterSnapshotOutput{Cluster: ptr(a.c.showCluster(x))}, nil
}

// restored is the cluster of a restore: what is inherited and what is not is
// in aws-facts A7.
func (c *Cloud) restored(id string, s *Snapshot, in *awsredshift.RestoreFromClusterSnapshotInput) *Cluster {
	was := s.Settings
	x := &Cluster{
		ID: id, Gen: c.next(), From: s.ID, Spec: s.Spec,
		Settings: Settings{
			SubnetGroup: or(val(in.ClusterSubnetGroupName), "default"), SecurityGroups: in.VpcSecurityGroupIds,
			ParameterGroup: or(val(in.ClusterParameterGroupName), "default.redshift-2.0"), Roles: in.IamRoles, DefaultRole: val(in.DefaultIamRoleArn),
			KMSKey: or(val(in.KmsKeyId), was.KMSKey), Encrypted: was.Encrypted || val(in.Encrypted), Public: val(in.PubliclyAccessible), EnhancedVPC: val(in.EnhancedVpcRouting),
			AllowVersionUpgrade: in.AllowVersionUpgrade == nil || *in.AllowVersionUpgrade, Track: or(val(in.MaintenanceTrackName), was.Track),
			Zone: or(val(in.AvailabilityZone), c.opts.Region+"a"), MaintenanceWindow: or(val(in.PreferredMaintenanceWindow), was.MaintenanceWindow),
			AutomatedRetention: or(val(in.AutomatedSnapshotRetentionPeriod), was.AutomatedRetention), ManualRetention: or(val(in.ManualSnapshotRetentionPeriod), -1),
			SnapshotSchedule: val(in.SnapshotScheduleIdentifier), ManageMasterPassword: val(in.ManageMasterPassword),
		},
	}
	x.Spec.MasterPassword = ""
	x.Spec.NodeType = or(val(in.NodeType), x.Spec.NodeType)
	x.Spec.Nodes = int(or(val(in.NumberOfNodes), int32(x.Spec.Nodes)))
	x.Spec.Port = int(or(val(in.Port), int32(x.Spec.Port)))
	if !c.opts.Rules.LoseTags {
		x.Tags = s.Tags
	}
	return x
}

func (a redshiftAPI) DeleteCluster(_ context.Context, in *awsredshift.DeleteClusterInput, _ ...func(*awsredshift.Options)) (*awsredshift.DeleteClusterOutput, error) {
	defer a.c.flush()
	id, final := val(in.ClusterIdentifier), val(in.FinalClusterSnapshotIdentifier)
	switch {
	case val(in.SkipFinalClusterSnapshot) && final != "":
		return nil, generic("InvalidParameterCombination", "FinalClusterSnapshotIdentifier cannot be specified when SkipFinalClusterSnapshot is true.")
	case !val(in.SkipFinalClusterSnapshot) && final == "":
		return nil, generic("InvalidParameterCombination", "FinalClusterSnapshotIdentifier is required unless SkipFinalClusterSnapshot is specified.")
	case final != "" && !validID(final, 255):
		return nil, generic("InvalidParameterValue", "The parameter FinalClusterSnapshotIdentifier %q is not a valid identifier.", final)
	}
	x := a.c.cluster(id)
	if err := a.c.deleteCluster(id, final, or(val(in.FinalClusterSnapshotRetentionPeriod), -1)); err != nil {
		return nil, err
	}
	return &awsredshift.DeleteClusterOutput{Cluster: ptr(a.c.showCluster(x))}, nil
}

func (a redshiftAPI) PauseCluster(_ context.Context, in *awsredshift.PauseClusterInput, _ ...func(*awsredshift.Options)) (*awsredshift.PauseClusterOutput, error) {
	defer a.c.flush()
	if err := a.c.pauseCluster(val(in.ClusterIdentifier)); err != nil {
		return nil, err
	}
	return &awsredshift.PauseClusterOutput{Cluster: ptr(a.c.showCluster(a.c.cluster(*in.ClusterIdentifier)))}, nil
}

func (a redshiftAPI) ResumeCluster(_ context.Context, in *awsredshift.ResumeClusterInput, _ ...func(*awsredshift.Options)) (*awsredshift.ResumeClusterOutput, error) {
	defer a.c.flush()
	if err := a.c.resumeCluster(val(in.ClusterIdentifier)); err != nil {
		return nil, err
	}
	return &awsredshift.ResumeClusterOutput{Cluster: ptr(a.c.showCluster(a.c.cluster(*in.ClusterIdentifier)))}, nil
}

func (a redshiftAPI) DescribeClusters(_ context.Context, in *awsredshift.DescribeClustersInput, _ ...func(*awsredshift.Options)) (*awsredshift.DescribeClustersOutput, error) {
	out := []types.Cluster{}
	id := val(in.ClusterIdentifier)
	for _, x := range a.c.clusters(a.asOf()) {
		if (id == "" || x.ID == id) && tagged(x.Tags, in.TagKeys, in.TagValues) {
			out = append(out, a.c.showCluster(x))
		}
	}
	if id != "" && len(out) == 0 {
		return nil, errClusterNotFound(id)
	}
	out, marker, ok := page(out, in.Marker, int(or(val(in.MaxRecords), 100)))
	if !ok {
		return nil, generic("InvalidParameterValue", "Marker %q is not valid.", *in.Marker)
	}
	return &awsredshift.DescribeClustersOutput{Clusters: out, Marker: marker}, nil
}

// GetClusterCredentials gives out a temporary login (aws-facts D3).
func (a redshiftAPI) GetClusterCredentials(_ context.Context, in *awsredshift.GetClusterCredentialsInput, _ ...func(*awsredshift.Options)) (*awsredshift.GetClusterCredentialsOutput, error) {
	id, seconds := val(in.ClusterIdentifier), or(val(in.DurationSeconds), 900)
	switch {
	case val(in.DbUser) == "":
		return nil, generic("InvalidParameterValue", "DbUser is required.")
	case seconds < 900 || seconds > 3600:
		return nil, generic("InvalidParameterValue", "DurationSeconds must be between 900 and 3600.")
	}
	x := a.c.cluster(id)
	if x == nil {
		return nil, errClusterNotFound(id)
	}
	prefix := "IAM:"
	if val(in.AutoCreate) {
		prefix = "IAMA:"
	}
	until := a.c.now().Add(time.Duration(seconds) * time.Second)
	out := &awsredshift.GetClusterCredentialsOutput{DbUser: ptr(prefix + *in.DbUser), DbPassword: ptr(a.c.token(40)), Expiration: &until}
	if w := a.c.opts.Planes.Warehouse; w != nil && x.Status == available {
		login := Login{User: *in.DbUser, Password: *out.DbPassword, Until: until, Create: val(in.AutoCreate), Groups: in.DbGroups, Database: val(in.DbName)}
		if err := w.AddLogin(id, login); err != nil {
			return nil, &types.UnsupportedOperationFault{Message: ptr(err.Error())}
		}
	}
	return out, nil
}

func mergeTags(old, add []Tag) []Tag {
	out := slices.Clone(old)
	for _, t := range add {
		out = slices.DeleteFunc(out, func(o Tag) bool { return o.Key == t.Key })
		out = append(out, t)
	}
	return out
}

func fromTags(tags []types.Tag) (out []Tag) {
	for _, t := range tags {
		out = append(out, Tag{val(t.Key), val(t.Value)})
	}
	return out
}

// tagged says that one of the keys or values asked for is there; asking for
// none is asking for all (aws-facts A6).
func tagged(tags []Tag, keys, values []string) bool {
	if len(keys)+len(values) == 0 {
		return true
	}
	return slices.ContainsFunc(tags, func(t Tag) bool {
		return slices.Contains(keys, t.Key) || slices.Contains(values, t.Value)
	})
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
