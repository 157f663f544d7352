package redshift

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

// States and the type of a snapshot that callers decide by. The list of states
// is open (aws: Snapshot.Status); of clusters' words Available and Creating
// are used here too.
const (
	SnapshotFailed  = "failed"
	SnapshotDeleted = "deleted" // shown for a while; such a snapshot does not exist
	Manual          = "manual"
)

// Snapshot is what was seen of a snapshot. Observation.Parts holds cluster,
// type, incremental_mb and total_mb as text.
type Snapshot struct {
	resources.Observation
	Cluster       string
	Type          string        // manual, automated
	Created       time.Time     // the instant whose data it holds
	IncrementalMB float64       // what this one added; 0 while unknown
	TotalMB       float64       // 0 while unknown
	ETA           time.Duration // Redshift's own estimate of what is left
}

// CreateSnapshot asks for a manual snapshot of a cluster, tagged and kept until
// it is deleted. An existing one of that name is Permanent with the code
// ClusterSnapshotAlreadyExists.
func (c *Clusters) CreateSnapshot(ctx context.Context, id, cluster string) error {
	_, err := c.API.CreateClusterSnapshot(ctx, &awsredshift.CreateClusterSnapshotInput{
		SnapshotIdentifier:            aws.String(id),
		ClusterIdentifier:             aws.String(cluster),
		ManualSnapshotRetentionPeriod: aws.Int32(-1),
		Tags:                          c.Settings.tags(),
	}, once)
	return awsfault.Change(err, "snapshotting cluster "+cluster+" as "+id, codes)
}

// DescribeSnapshot looks at a snapshot by its exact name. An absent one is no
// error: Exists is false.
func (c *Clusters) DescribeSnapshot(ctx context.Context, id string) (Snapshot, error) {
	absent := Snapshot{Observation: resources.Observation{Ref: resources.Ref{Kind: resources.KindSnapshot, Name: id}}}
	out, err := c.API.DescribeClusterSnapshots(ctx, &awsredshift.DescribeClusterSnapshotsInput{SnapshotIdentifier: aws.String(id)})
	if err = awsfault.Read(err, "looking at snapshot "+id, codes); err != nil {
		if resources.ClassOf(err) == resources.Gone {
			return absent, nil
		}
		return absent, err
	}
	for _, seen := range out.Snapshots {
		if strings.EqualFold(aws.ToString(seen.SnapshotIdentifier), id) && aws.ToString(seen.Status) != SnapshotDeleted {
			return readSnapshot(seen), nil
		}
	}
	return absent, nil
}

// DeleteSnapshot asks to delete a manual snapshot of a cluster; policies that
// name clusters need the latter ("" leaves it out). An absent one is Gone. One
// that a cluster was restored from may be Busy until a newer one exists.
func (c *Clusters) DeleteSnapshot(ctx context.Context, id, cluster string) error {
	_, err := c.API.DeleteClusterSnapshot(ctx, &awsredshift.DeleteClusterSnapshotInput{
		SnapshotIdentifier: aws.String(id), SnapshotClusterIdentifier: text(cluster)}, once)
	return awsfault.Change(err, "deleting snapshot "+id, codes)
}

// Snapshots looks at all manual snapshots of the account and region whose name
// begins with prefix, all pages, oldest first.
func (c *Clusters) Snapshots(ctx context.Context, prefix string) ([]Snapshot, error) {
	var snapshots []Snapshot
	in := &awsredshift.DescribeClusterSnapshotsInput{SnapshotType: aws.String(Manual), MaxRecords: aws.Int32(100)}
	for {
		out, err := c.API.DescribeClusterSnapshots(ctx, in)
		if err != nil {
			return nil, awsfault.Read(err, "listing snapshots "+prefix+"*", codes)
		}
		for _, seen := range out.Snapshots {
			if strings.HasPrefix(aws.ToString(seen.SnapshotIdentifier), prefix) && aws.ToString(seen.Status) != SnapshotDeleted {
				snapshots = append(snapshots, readSnapshot(seen))
			}
		}
		if aws.ToString(out.Marker) == "" {
			break
		}
		in.Marker = out.Marker
	}
	slices.SortFunc(snapshots, func(a, b Snapshot) int {
		if byAge := a.Created.Compare(b.Created); byAge != 0 {
			return byAge
		}
		return strings.Compare(a.Ref.Name, b.Ref.Name)
	})
	return snapshots, nil
}

func readSnapshot(seen types.Snapshot) Snapshot {
	s := Snapshot{
		Observation: resources.Observation{
			Ref:    resources.Ref{Kind: resources.KindSnapshot, Name: aws.ToString(seen.SnapshotIdentifier)},
			Exists: true,
			State:  aws.ToString(seen.Status),
		},
		Cluster:       aws.ToString(seen.ClusterIdentifier),
		Type:          aws.ToString(seen.SnapshotType),
		Created:       aws.ToTime(seen.SnapshotCreateTime),
		IncrementalMB: aws.ToFloat64(seen.ActualIncrementalBackupSizeInMegaBytes),
		TotalMB:       aws.ToFloat64(seen.TotalBackupSizeInMegaBytes),
		ETA:           time.Duration(max(0, aws.ToInt64(seen.EstimatedSecondsToCompletion))) * time.Second,
	}
	s.Parts = map[string]string{
		"cluster":        s.Cluster,
		"type":           s.Type,
		"incremental_mb": megabytes(s.IncrementalMB),
		"total_mb":       megabytes(s.TotalMB),
	}
	return s
}

func megabytes(mb float64) string { return strconv.FormatFloat(mb, 'f', -1, 64) }
