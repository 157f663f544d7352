// Package redshift keeps Amazon Redshift clusters and their manual snapshots:
// it asks, describes and judges errors, and never waits.
package redshift

import (
	"context"

	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
)

// API is the part of the SDK's client that this package uses, so that the
// simulated cloud can stand in at this seam.
type API interface {
	CreateCluster(context.Context, *awsredshift.CreateClusterInput, ...func(*awsredshift.Options)) (*awsredshift.CreateClusterOutput, error)
	RestoreFromClusterSnapshot(context.Context, *awsredshift.RestoreFromClusterSnapshotInput, ...func(*awsredshift.Options)) (*awsredshift.RestoreFromClusterSnapshotOutput, error)
	DescribeClusters(context.Context, *awsredshift.DescribeClustersInput, ...func(*awsredshift.Options)) (*awsredshift.DescribeClustersOutput, error)
	DeleteCluster(context.Context, *awsredshift.DeleteClusterInput, ...func(*awsredshift.Options)) (*awsredshift.DeleteClusterOutput, error)
	PauseCluster(context.Context, *awsredshift.PauseClusterInput, ...func(*awsredshift.Options)) (*awsredshift.PauseClusterOutput, error)
	ResumeCluster(context.Context, *awsredshift.ResumeClusterInput, ...func(*awsredshift.Options)) (*awsredshift.ResumeClusterOutput, error)
	CreateClusterSnapshot(context.Context, *awsredshift.CreateClusterSnapshotInput, ...func(*awsredshift.Options)) (*awsredshift.CreateClusterSnapshotOutput, error)
	DescribeClusterSnapshots(context.Context, *awsredshift.DescribeClusterSnapshotsInput, ...func(*awsredshift.Options)) (*awsredshift.DescribeClusterSnapshotsOutput, error)
	DeleteClusterSnapshot(context.Context, *awsredshift.DeleteClusterSnapshotInput, ...func(*awsredshift.Options)) (*awsredshift.DeleteClusterSnapshotOutput, error)
	CreateTags(context.Context, *awsredshift.CreateTagsInput, ...func(*awsredshift.Options)) (*awsredshift.CreateTagsOutput, error)
	GetClusterCredentials(context.Context, *awsredshift.GetClusterCredentialsInput, ...func(*awsredshift.Options)) (*awsredshift.GetClusterCredentialsOutput, error)
}
