package redshift

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

// States of a cluster that callers decide by. The list is open: AWS shows
// others, and every unknown one means "not yet" (aws: Cluster.ClusterStatus).
const (
	Available     = "available"
	Creating      = "creating"
	Deleting      = "deleting"
	FinalSnapshot = "final-snapshot" // a delete with a final snapshot has begun
	Modifying     = "modifying"
	Pausing       = "pausing"
	Paused        = "paused"
	Resuming      = "resuming"
)

// Cluster is what was seen of a cluster. While it is being created some fields
// are still empty: the host, the port, the instant of its creation.
type Cluster struct {
	resources.Observation
	Availability string // Available, Unavailable, Maintenance, Modifying, Failed, or ""
	Host         string
	Port         int
	ARN          string
	Created      time.Time
	Restore      string // starting, restoring, completed, failed; "" when not made from a snapshot
	Given        Given
}

// Given is what a cluster really has of what Settings ask for.
type Given struct {
	Admin, Database   string
	SubnetGroup       string
	SecurityGroups    []string // sorted
	ParameterGroup    string
	Role              string // the default IAM role
	KMSKey            string
	MaintenanceWindow string
	Public            bool
	AutoUpgrade       bool
}

// Create asks for an empty cluster. Its admin gets a random password that is
// made here and forgotten; see Login. An existing cluster of that name is
// Permanent with the code ClusterAlreadyExists.
//
// The zone is left to Redshift, which takes one of the subnet group's that has
// room, and relocation stays off: a cluster of one night is rather made anew.
func (c *Clusters) Create(ctx context.Context, id string) error {
	password, err := c.password()
	if err != nil {
		return err
	}
	s := c.Settings
	in := &awsredshift.CreateClusterInput{
		ClusterIdentifier:                aws.String(id),
		DBName:                           text(s.Database),
		MasterUsername:                   aws.String(s.Admin),
		MasterUserPassword:               aws.String(password),
		NodeType:                         aws.String(s.NodeType),
		ClusterType:                      aws.String("single-node"),
		ClusterSubnetGroupName:           text(s.SubnetGroup),
		VpcSecurityGroupIds:              s.SecurityGroups,
		ClusterParameterGroupName:        text(s.ParameterGroup),
		IamRoles:                         s.roles(),
		DefaultIamRoleArn:                text(s.Role),
		Encrypted:                        aws.Bool(true),
		KmsKeyId:                         text(s.KMSKey),
		Port:                             aws.Int32(s.port()),
		PubliclyAccessible:               aws.Bool(false),
		PreferredMaintenanceWindow:       text(s.MaintenanceWindow),
		MaintenanceTrackName:             aws.String("current"),
		AllowVersionUpgrade:              aws.Bool(false),
		AutomatedSnapshotRetentionPeriod: aws.Int32(1), // RA3 cannot turn them off
		ManualSnapshotRetentionPeriod:    aws.Int32(-1),
		SnapshotScheduleIdentifier:       text(s.SnapshotSchedule),
		AvailabilityZoneRelocation:       aws.Bool(false),
		Tags:                             s.tags(),
	}
	if s.Nodes > 1 { // NumberOfNodes is for multi-node clusters only
		in.ClusterType, in.NumberOfNodes = aws.String("multi-node"), aws.Int32(int32(s.Nodes))
	}
	_, err = c.API.CreateCluster(ctx, in, once)
	return awsfault.Change(err, "creating cluster "+id, codes)
}

// Restore asks for a cluster made from a snapshot. snapshotCluster is the
// cluster the snapshot is of; policies that name clusters need it. The admin
// and its password come with the snapshot. No tags are possible here: see Tag.
func (c *Clusters) Restore(ctx context.Context, id, snapshot, snapshotCluster string) error {
	s := c.Settings
	in := &awsredshift.RestoreFromClusterSnapshotInput{
		ClusterIdentifier:                aws.String(id),
		SnapshotIdentifier:               aws.String(snapshot),
		SnapshotClusterIdentifier:        text(snapshotCluster),
		NodeType:                         aws.String(s.NodeType),
		NumberOfNodes:                    aws.Int32(int32(s.Nodes)),
		ClusterSubnetGroupName:           text(s.SubnetGroup),
		VpcSecurityGroupIds:              s.SecurityGroups,
		ClusterParameterGroupName:        text(s.ParameterGroup),
		IamRoles:                         s.roles(),
		DefaultIamRoleArn:                text(s.Role),
		Port:                             aws.Int32(s.port()),
		PubliclyAccessible:               aws.Bool(false),
		PreferredMaintenanceWindow:       text(s.MaintenanceWindow),
		MaintenanceTrackName:             aws.String("current"),
		AllowVersionUpgrade:              aws.Bool(false),
		AutomatedSnapshotRetentionPeriod: aws.Int32(1),
		ManualSnapshotRetentionPeriod:    aws.Int32(-1),
		SnapshotScheduleIdentifier:       text(s.SnapshotSchedule),
		AvailabilityZoneRelocation:       aws.Bool(false),
	}
	if s.KMSKey != "" { // else an encrypted snapshot keeps its key
		in.Encrypted, in.KmsKeyId = aws.Bool(true), aws.String(s.KMSKey)
	}
	_, err := c.API.RestoreFromClusterSnapshot(ctx, in, once)
	return awsfault.Change(err, "restoring cluster "+id+" from "+snapshot, codes)
}

// Tag puts the settings' tags on a cluster, which a restore cannot. Repeats
// overwrite and are safe. Without tags it does nothing.
func (c *Clusters) Tag(ctx context.Context, id string) error {
	if len(c.Settings.Tags) == 0 {
		return nil
	}
	_, err := c.API.CreateTags(ctx, &awsredshift.CreateTagsInput{
		ResourceName: aws.String(c.Settings.arn(id)), Tags: c.Settings.tags()}, once)
	return awsfault.Change(err, "tagging cluster "+id, codes)
}

// Describe looks at a cluster by its exact name. An absent one is no error:
// Exists is false.
func (c *Clusters) Describe(ctx context.Context, id string) (Cluster, error) {
	absent := Cluster{Observation: resources.Observation{Ref: resources.Ref{Kind: resources.KindCluster, Name: id}}}
	out, err := c.API.DescribeClusters(ctx, &awsredshift.DescribeClustersInput{ClusterIdentifier: aws.String(id)})
	if err = awsfault.Read(err, "looking at cluster "+id, codes); err != nil {
		if resources.ClassOf(err) == resources.Gone {
			return absent, nil
		}
		return absent, err
	}
	for _, seen := range out.Clusters {
		if aws.ToString(seen.ClusterIdentifier) == id {
			return c.read(seen), nil
		}
	}
	return absent, nil
}

// List looks at all clusters of the account and region whose name begins with
// prefix, all pages, in the order of their names.
func (c *Clusters) List(ctx context.Context, prefix string) ([]Cluster, error) {
	var clusters []Cluster
	in := &awsredshift.DescribeClustersInput{MaxRecords: aws.Int32(100)}
	for {
		out, err := c.API.DescribeClusters(ctx, in)
		if err != nil {
			return nil, awsfault.Read(err, "listing clusters "+prefix+"*", codes)
		}
		for _, seen := range out.Clusters {
			if strings.HasPrefix(aws.ToString(seen.ClusterIdentifier), prefix) {
				clusters = append(clusters, c.read(seen))
			}
		}
		if aws.ToString(out.Marker) == "" {
			break
		}
		in.Marker = out.Marker
	}
	slices.SortFunc(clusters, func(a, b Cluster) int { return strings.Compare(a.Ref.Name, b.Ref.Name) })
	return clusters, nil
}

// Delete asks to delete a cluster, after a final snapshot of that name unless
// it is "". That it was accepted proves nothing: look until it is gone. An
// absent cluster is Gone; one in a state that forbids it is Busy. A final
// snapshot that exists already is Permanent, ClusterSnapshotAlreadyExists.
func (c *Clusters) Delete(ctx context.Context, id, finalSnapshot string) error {
	in := &awsredshift.DeleteClusterInput{ClusterIdentifier: aws.String(id), SkipFinalClusterSnapshot: aws.Bool(true)}
	if finalSnapshot != "" {
		in.SkipFinalClusterSnapshot = aws.Bool(false)
		in.FinalClusterSnapshotIdentifier = aws.String(finalSnapshot)
		in.FinalClusterSnapshotRetentionPeriod = aws.Int32(-1)
	}
	_, err := c.API.DeleteCluster(ctx, in, once)
	return awsfault.Change(err, "deleting cluster "+id, codes)
}

// Pause asks to pause a cluster: its data stays, its compute stops.
func (c *Clusters) Pause(ctx context.Context, id string) error {
	_, err := c.API.PauseCluster(ctx, &awsredshift.PauseClusterInput{ClusterIdentifier: aws.String(id)}, once)
	return awsfault.Change(err, "pausing cluster "+id, codes)
}

// Resume asks to resume a paused cluster.
func (c *Clusters) Resume(ctx context.Context, id string) error {
	_, err := c.API.ResumeCluster(ctx, &awsredshift.ResumeClusterInput{ClusterIdentifier: aws.String(id)}, once)
	return awsfault.Change(err, "resuming cluster "+id, codes)
}

// read takes what matters from the SDK's cluster. A paused RA3 cluster is
// reported with one node, so a paused one shows no shape.
func (c *Clusters) read(seen types.Cluster) Cluster {
	out := Cluster{
		Observation: resources.Observation{
			Ref:    resources.Ref{Kind: resources.KindCluster, Name: aws.ToString(seen.ClusterIdentifier)},
			Exists: true,
			State:  aws.ToString(seen.ClusterStatus),
		},
		Availability: aws.ToString(seen.ClusterAvailabilityStatus),
		ARN:          c.Settings.arn(aws.ToString(seen.ClusterIdentifier)),
		Created:      aws.ToTime(seen.ClusterCreateTime),
		Given:        given(seen),
	}
	if seen.Endpoint != nil {
		out.Host, out.Port = aws.ToString(seen.Endpoint.Address), int(aws.ToInt32(seen.Endpoint.Port))
	}
	if seen.RestoreStatus != nil {
		out.Restore = aws.ToString(seen.RestoreStatus.Status)
	}
	if nodes := int(aws.ToInt32(seen.NumberOfNodes)); nodes > 0 && out.State != Paused {
		out.Shapes = []resources.Shape{{Service: "redshift", Type: aws.ToString(seen.NodeType),
			Market: "on-demand", Region: c.Settings.Region, Count: nodes}}
	}
	return out
}

func given(seen types.Cluster) Given {
	g := Given{
		Admin:             aws.ToString(seen.MasterUsername),
		Database:          aws.ToString(seen.DBName),
		SubnetGroup:       aws.ToString(seen.ClusterSubnetGroupName),
		Role:              aws.ToString(seen.DefaultIamRoleArn),
		KMSKey:            aws.ToString(seen.KmsKeyId),
		MaintenanceWindow: aws.ToString(seen.PreferredMaintenanceWindow),
		Public:            aws.ToBool(seen.PubliclyAccessible),
		AutoUpgrade:       aws.ToBool(seen.AllowVersionUpgrade),
	}
	for _, group := range seen.VpcSecurityGroups {
		g.SecurityGroups = append(g.SecurityGroups, aws.ToString(group.VpcSecurityGroupId))
	}
	slices.Sort(g.SecurityGroups)
	if len(seen.ClusterParameterGroups) > 0 {
		g.ParameterGroup = aws.ToString(seen.ClusterParameterGroups[0].ParameterGroupName)
	}
	return g
}
