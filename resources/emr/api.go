// Package emr keeps transient Amazon EMR clusters: it launches one with its
// steps, finds it by name, terminates it and judges errors. It never waits.
package emr

import (
	"context"

	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
)

// API is the part of the SDK's client that this package uses, so that the
// simulated cloud can stand in at this seam.
type API interface {
	RunJobFlow(context.Context, *awsemr.RunJobFlowInput, ...func(*awsemr.Options)) (*awsemr.RunJobFlowOutput, error)
	ListClusters(context.Context, *awsemr.ListClustersInput, ...func(*awsemr.Options)) (*awsemr.ListClustersOutput, error)
	DescribeCluster(context.Context, *awsemr.DescribeClusterInput, ...func(*awsemr.Options)) (*awsemr.DescribeClusterOutput, error)
	ListSteps(context.Context, *awsemr.ListStepsInput, ...func(*awsemr.Options)) (*awsemr.ListStepsOutput, error)
	TerminateJobFlows(context.Context, *awsemr.TerminateJobFlowsInput, ...func(*awsemr.Options)) (*awsemr.TerminateJobFlowsOutput, error)
}
