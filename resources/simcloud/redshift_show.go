package simcloud

import (
	"context"
	"strings"
	"time"

	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"
)

// showCluster is a cluster as DescribeClusters shows it. Endpoint and
// ClusterCreateTime are absent while it is creating (aws-facts A1).
func (c *Cloud) showCluster(x *Cluster) types.Cluster {
	s := &x.Settings
	status := or(x.Mask, x.Status)
	out := types.Cluster{
		ClusterIdentifier: &x.ID, ClusterStatus: &status, ClusterAvailabilityStatus: ptr(availability(status)),
		NodeType: &x.Spec.NodeType, NumberOfNodes: ptr(int32(x.Spec.Nodes)), DBName: &x.Spec.Database, MasterUsername: &x.Spec.MasterUser,
		ClusterSubnetGroupName: &s.SubnetGroup, MaintenanceTrackName: &s.Track, AvailabilityZone: &s.Zone,
		PreferredMaintenanceWindow: &s.MaintenanceWindow, AllowVersionUpgrade: &s.AllowVersionUpgrade, PubliclyAccessible: &s.Public,
		EnhancedVpcRouting: &s.EnhancedVPC, Encrypted: &s.Encrypted, AutomatedSnapshotRetentionPeriod: &s.AutomatedRetention,
		ManualSnapshotRetentionPeriod: &s.ManualRetention,
		ClusterNamespaceArn:           ptr(c.redshiftARN("namespace", x.ID)),
		ClusterParameterGroups:        []types.ClusterParameterGroupStatus{{ParameterGroupName: &s.ParameterGroup, ParameterApplyStatus: ptr("in-sync")}},
		KmsKeyId:                      optional(s.KMSKey),
		DefaultIamRoleArn:             optional(s.DefaultRole),
		SnapshotScheduleIdentifier:    optional(s.SnapshotSchedule),
		Tags:                          toTags(x.Tags),
	}
	for _, g := range s.SecurityGroups {
		out.VpcSecurityGroups = append(out.VpcSecurityGroups, types.VpcSecurityGroupMembership{VpcSecurityGroupId: ptr(g), Status: ptr("active")})
	}
	for _, r := range s.Roles {
		out.IamRoles = append(out.IamRoles, types.ClusterIamRole{IamRoleArn: ptr(r), ApplyStatus: ptr("in-sync")})
	}
	if x.Status == paused {
		out.NumberOfNodes = ptr(int32(1)) // as reported (aws-facts A2)
	}
	if x.Status != creating && !x.Created.IsZero() {
		out.ClusterCreateTime = ptr(x.Created)
		out.Endpoint = c.endpoint(x)
	}
	if x.From != "" {
		restore := "completed"
		if x.Status == creating {
			restore = "restoring"
		}
		out.RestoreStatus = &types.RestoreStatus{Status: &restore}
	}
	return out
}

func availability(status string) string {
	switch status {
	case available:
		return "Available"
	case "maintenance":
		return "Maintenance"
	case paused:
		return "Unavailable"
	case incompatibleRestore, hardwareFailure:
		return "Failed"
	}
	return "Modifying"
}

// endpoint is where the data plane says it answers, else a name of the usual
// shape.
func (c *Cloud) endpoint(x *Cluster) *types.Endpoint {
	if w := c.opts.Planes.Warehouse; w != nil {
		host, port, ok := w.Endpoint(x.ID)
		if !ok {
			return nil
		}
		return &types.Endpoint{Address: &host, Port: ptr(int32(port))}
	}
	return &types.Endpoint{Address: ptr(x.ID + ".simulated." + c.opts.Region + ".redshift.amazonaws.com"), Port: ptr(int32(x.Spec.Port))}
}

func (c *Cloud) redshiftARN(kind, name string) string {
	return "arn:aws:redshift:" + c.opts.Region + ":" + c.opts.Account + ":" + kind + ":" + name
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func toTags(tags []Tag) (out []types.Tag) {
	for _, t := range tags {
		out = append(out, types.Tag{Key: ptr(t.Key), Value: ptr(t.Value)})
	}
	return out
}

func (a redshiftAPI) CreateClusterSnapshot(_ context.Context, in *awsredshift.CreateClusterSnapshotInput, _ ...func(*awsredshift.Options)) (*awsredshift.CreateClusterSnapshotOutput, error) {
	defer a.c.flush()
	id := val(in.SnapshotIdentifier)
	if !validID(id, 255) {
		return nil, generic("InvalidParameterValue", "The parameter SnapshotIdentifier %q is not a valid identifier.", id)
	}
	retention := or(val(in.ManualSnapshotRetentionPeriod), -1)
	if err := a.c.createSnapshot(id, val(in.ClusterIdentifier), retention, fromTags(in.Tags)); err != nil {
		return nil, err
	}
	return &awsredshift.CreateClusterSnapshotOutput{Snapshot: ptr(a.c.showSnapshot(a.c.snapshot(id)))}, nil
}

func (a redshiftAPI) DeleteClusterSnapshot(_ context.Context, in *awsredshift.DeleteClusterSnapshotInput, _ ...func(*awsredshift.Options)) (*awsredshift.DeleteClusterSnapshotOutput, error) {
	defer a.c.flush()
	id := val(in.SnapshotIdentifier)
	s := a.c.snapshot(id)
	if err := a.c.deleteSnapshot(id, val(in.SnapshotClusterIdentifier)); err != nil {
		return nil, err
	}
	shown := a.c.showSnapshot(s)
	shown.Status = ptr("deleted")
	return &awsredshift.DeleteClusterSnapshotOutput{Snapshot: &shown}, nil
}

func (a redshiftAPI) DescribeClusterSnapshots(_ context.Context, in *awsredshift.DescribeClusterSnapshotsInput, _ ...func(*awsredshift.Options)) (*awsredshift.DescribeClusterSnapshotsOutput, error) {
	id := val(in.SnapshotIdentifier)
	if in.SnapshotArn != nil {
		id = (*in.SnapshotArn)[strings.LastIndex(*in.SnapshotArn, "/")+1:]
	}
	out := []types.Snapshot{}
	for _, s := range a.c.snapshots(a.asOf()) {
		if (id == "" || s.ID == id) && a.wants(s, in) {
			out = append(out, a.c.showSnapshot(s))
		}
	}
	if id != "" && len(out) == 0 {
		return nil, errSnapshotNotFound(id)
	}
	out, marker, ok := page(out, in.Marker, int(or(val(in.MaxRecords), 100)))
	if !ok {
		return nil, generic("InvalidParameterValue", "Marker %q is not valid.", *in.Marker)
	}
	return &awsredshift.DescribeClusterSnapshotsOutput{Snapshots: out, Marker: marker}, nil
}

func (a redshiftAPI) wants(s *Snapshot, in *awsredshift.DescribeClusterSnapshotsInput) bool {
	switch {
	case in.ClusterIdentifier != nil && s.Cluster != *in.ClusterIdentifier,
		in.SnapshotType != nil && s.Type != *in.SnapshotType,
		in.StartTime != nil && s.Created.Before(*in.StartTime),
		in.EndTime != nil && s.Created.After(*in.EndTime),
		in.ClusterExists != nil && *in.ClusterExists != (a.c.cluster(s.Cluster) != nil):
		return false
	}
	return tagged(s.Tags, in.TagKeys, in.TagValues)
}

// showSnapshot is a snapshot as DescribeClusterSnapshots shows it.
func (c *Cloud) showSnapshot(s *Snapshot) types.Snapshot {
	status, eta, elapsed := s.Status, int64(0), s.Since.Sub(s.Created)
	if status == creating {
		elapsed = c.now().Sub(s.Created)
		if s.Move != nil {
			eta = int64(max(0, s.Move.Due.Sub(c.now())) / time.Second)
		}
		if s.Final {
			status = "final snapshot"
		}
	}
	return types.Snapshot{
		SnapshotIdentifier: &s.ID, ClusterIdentifier: &s.Cluster, Status: &status, SnapshotType: &s.Type, SnapshotCreateTime: ptr(s.Created),
		NodeType: &s.Spec.NodeType, NumberOfNodes: ptr(int32(s.Spec.Nodes)), DBName: &s.Spec.Database, MasterUsername: &s.Spec.MasterUser,
		Port: ptr(int32(s.Spec.Port)), Encrypted: &s.Settings.Encrypted, ManualSnapshotRetentionPeriod: &s.Retention,
		ActualIncrementalBackupSizeInMegaBytes: ptr(s.Size.Incremental), TotalBackupSizeInMegaBytes: ptr(s.Size.Total),
		ElapsedTimeInSeconds: ptr(int64(elapsed / time.Second)), EstimatedSecondsToCompletion: &eta,
		SnapshotArn: ptr(c.redshiftARN("snapshot", s.Cluster+"/"+s.ID)), OwnerAccount: &c.opts.Account, Tags: toTags(s.Tags),
	}
}

// validID keeps the rules of cluster and snapshot identifiers (aws-facts A6).
func validID(id string, longest int) bool {
	if id == "" || len(id) > longest || id[0] < 'a' || id[0] > 'z' || strings.HasSuffix(id, "-") || strings.Contains(id, "--") {
		return false
	}
	for _, r := range id {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

// validPassword keeps the rules of CreateCluster's MasterUserPassword.
func validPassword(p string) bool {
	var upper, lower, digit bool
	for _, r := range p {
		switch {
		case r >= 'A' && r <= 'Z':
			upper = true
		case r >= 'a' && r <= 'z':
			lower = true
		case r >= '0' && r <= '9':
			digit = true
		case r < 33 || r > 126 || strings.ContainsRune(`'"\/@`, r):
			return false
		}
	}
	return upper && lower && digit && len(p) >= 8 && len(p) <= 64
}
