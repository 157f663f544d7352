package simcloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
)

// retries says that a client with this retryer sends a call again whose reply
// was lost: the SDK's default does.
func retries(r aws.Retryer) bool { return r == nil || r.MaxAttempts() != 1 }

// repeats says it of the options of one S3 call. They are large, and asked
// only when a reply was lost.
func repeats(opts []func(*awss3.Options)) bool {
	var o awss3.Options
	for _, fn := range opts {
		fn(&o)
	}
	return retries(o.Retryer)
}

// The clients below put a front before the control planes' answers.

type redshiftClient struct {
	f   *front
	api redshiftAPI
}

func redshiftCall(op, target string, opts []func(*awsredshift.Options)) call {
	var o awsredshift.Options
	for _, fn := range opts {
		fn(&o)
	}
	return call{"redshift", op, target, isOurs(target), retries(o.Retryer)}
}

func (c redshiftClient) CreateCluster(ctx context.Context, in *awsredshift.CreateClusterInput, o ...func(*awsredshift.Options)) (*awsredshift.CreateClusterOutput, error) {
	return mutate(c.f, ctx, redshiftCall("CreateCluster", val(in.ClusterIdentifier), o), func() (*awsredshift.CreateClusterOutput, error) { return c.api.CreateCluster(ctx, in) })
}

func (c redshiftClient) RestoreFromClusterSnapshot(ctx context.Context, in *awsredshift.RestoreFromClusterSnapshotInput, o ...func(*awsredshift.Options)) (*awsredshift.RestoreFromClusterSnapshotOutput, error) {
	return mutate(c.f, ctx, redshiftCall("RestoreFromClusterSnapshot", val(in.ClusterIdentifier), o), func() (*awsredshift.RestoreFromClusterSnapshotOutput, error) {
		return c.api.RestoreFromClusterSnapshot(ctx, in)
	})
}

func (c redshiftClient) DeleteCluster(ctx context.Context, in *awsredshift.DeleteClusterInput, o ...func(*awsredshift.Options)) (*awsredshift.DeleteClusterOutput, error) {
	return mutate(c.f, ctx, redshiftCall("DeleteCluster", val(in.ClusterIdentifier), o), func() (*awsredshift.DeleteClusterOutput, error) { return c.api.DeleteCluster(ctx, in) })
}

func (c redshiftClient) PauseCluster(ctx context.Context, in *awsredshift.PauseClusterInput, o ...func(*awsredshift.Options)) (*awsredshift.PauseClusterOutput, error) {
	return mutate(c.f, ctx, redshiftCall("PauseCluster", val(in.ClusterIdentifier), o), func() (*awsredshift.PauseClusterOutput, error) { return c.api.PauseCluster(ctx, in) })
}

func (c redshiftClient) ResumeCluster(ctx context.Context, in *awsredshift.ResumeClusterInput, o ...func(*awsredshift.Options)) (*awsredshift.ResumeClusterOutput, error) {
	return mutate(c.f, ctx, redshiftCall("ResumeCluster", val(in.ClusterIdentifier), o), func() (*awsredshift.ResumeClusterOutput, error) { return c.api.ResumeCluster(ctx, in) })
}

func (c redshiftClient) CreateClusterSnapshot(ctx context.Context, in *awsredshift.CreateClusterSnapshotInput, o ...func(*awsredshift.Options)) (*awsredshift.CreateClusterSnapshotOutput, error) {
	return mutate(c.f, ctx, redshiftCall("CreateClusterSnapshot", val(in.SnapshotIdentifier), o), func() (*awsredshift.CreateClusterSnapshotOutput, error) {
		return c.api.CreateClusterSnapshot(ctx, in)
	})
}

func (c redshiftClient) DeleteClusterSnapshot(ctx context.Context, in *awsredshift.DeleteClusterSnapshotInput, o ...func(*awsredshift.Options)) (*awsredshift.DeleteClusterSnapshotOutput, error) {
	return mutate(c.f, ctx, redshiftCall("DeleteClusterSnapshot", val(in.SnapshotIdentifier), o), func() (*awsredshift.DeleteClusterSnapshotOutput, error) {
		return c.api.DeleteClusterSnapshot(ctx, in)
	})
}

func (c redshiftClient) CreateTags(ctx context.Context, in *awsredshift.CreateTagsInput, o ...func(*awsredshift.Options)) (*awsredshift.CreateTagsOutput, error) {
	name := val(in.ResourceName)
	for i := len(name) - 1; i >= 0; i-- { // of arn:…:cluster:name or arn:…:snapshot:cluster/name
		if name[i] == ':' || name[i] == '/' {
			name = name[i+1:]
			break
		}
	}
	return mutate(c.f, ctx, redshiftCall("CreateTags", name, o), func() (*awsredshift.CreateTagsOutput, error) { return c.api.CreateTags(ctx, in) })
}

func (c redshiftClient) DescribeClusters(ctx context.Context, in *awsredshift.DescribeClustersInput, _ ...func(*awsredshift.Options)) (*awsredshift.DescribeClustersOutput, error) {
	return read(c.f, ctx, call{service: "redshift", op: "DescribeClusters"}, func() (*awsredshift.DescribeClustersOutput, error) { return c.api.DescribeClusters(ctx, in) })
}

func (c redshiftClient) DescribeClusterSnapshots(ctx context.Context, in *awsredshift.DescribeClusterSnapshotsInput, _ ...func(*awsredshift.Options)) (*awsredshift.DescribeClusterSnapshotsOutput, error) {
	return read(c.f, ctx, call{service: "redshift", op: "DescribeClusterSnapshots"}, func() (*awsredshift.DescribeClusterSnapshotsOutput, error) {
		return c.api.DescribeClusterSnapshots(ctx, in)
	})
}

func (c redshiftClient) GetClusterCredentials(ctx context.Context, in *awsredshift.GetClusterCredentialsInput, _ ...func(*awsredshift.Options)) (*awsredshift.GetClusterCredentialsOutput, error) {
	return read(c.f, ctx, call{service: "redshift", op: "GetClusterCredentials"}, func() (*awsredshift.GetClusterCredentialsOutput, error) {
		return c.api.GetClusterCredentials(ctx, in)
	})
}

type emrClient struct {
	f   *front
	api emrAPI
}

func emrCall(op, target string, ours bool, opts []func(*awsemr.Options)) call {
	var o awsemr.Options
	for _, fn := range opts {
		fn(&o)
	}
	return call{"emr", op, target, ours, retries(o.Retryer)}
}

// RunJobFlow has no idempotency token: a client that retries launches twice.
func (c emrClient) RunJobFlow(ctx context.Context, in *awsemr.RunJobFlowInput, o ...func(*awsemr.Options)) (*awsemr.RunJobFlowOutput, error) {
	return mutate(c.f, ctx, emrCall("RunJobFlow", val(in.Name), isOurs(val(in.Name)), o), func() (*awsemr.RunJobFlowOutput, error) { return c.api.RunJobFlow(ctx, in) })
}

func (c emrClient) TerminateJobFlows(ctx context.Context, in *awsemr.TerminateJobFlowsInput, o ...func(*awsemr.Options)) (*awsemr.TerminateJobFlowsOutput, error) {
	target, ours := "", true
	for _, id := range in.JobFlowIds {
		target += id
		if f := c.api.c.flow(id); f != nil && !isOurs(f.Spec.Name) {
			ours = false
		}
	}
	return mutate(c.f, ctx, emrCall("TerminateJobFlows", target, ours, o), func() (*awsemr.TerminateJobFlowsOutput, error) { return c.api.TerminateJobFlows(ctx, in) })
}

func (c emrClient) ListClusters(ctx context.Context, in *awsemr.ListClustersInput, _ ...func(*awsemr.Options)) (*awsemr.ListClustersOutput, error) {
	return read(c.f, ctx, call{service: "emr", op: "ListClusters"}, func() (*awsemr.ListClustersOutput, error) { return c.api.ListClusters(ctx, in) })
}

func (c emrClient) DescribeCluster(ctx context.Context, in *awsemr.DescribeClusterInput, _ ...func(*awsemr.Options)) (*awsemr.DescribeClusterOutput, error) {
	return read(c.f, ctx, call{service: "emr", op: "DescribeCluster"}, func() (*awsemr.DescribeClusterOutput, error) { return c.api.DescribeCluster(ctx, in) })
}

func (c emrClient) ListSteps(ctx context.Context, in *awsemr.ListStepsInput, _ ...func(*awsemr.Options)) (*awsemr.ListStepsOutput, error) {
	return read(c.f, ctx, call{service: "emr", op: "ListSteps"}, func() (*awsemr.ListStepsOutput, error) { return c.api.ListSteps(ctx, in) })
}

type schedulerClient struct {
	f   *front
	api schedulerAPI
}

func schedulerCall(op, target string, opts []func(*awsscheduler.Options)) call {
	var o awsscheduler.Options
	for _, fn := range opts {
		fn(&o)
	}
	return call{"scheduler", op, target, isOurs(target), retries(o.Retryer)}
}

func (c schedulerClient) CreateSchedule(ctx context.Context, in *awsscheduler.CreateScheduleInput, o ...func(*awsscheduler.Options)) (*awsscheduler.CreateScheduleOutput, error) {
	return mutate(c.f, ctx, schedulerCall("CreateSchedule", val(in.Name), o), func() (*awsscheduler.CreateScheduleOutput, error) { return c.api.CreateSchedule(ctx, in) })
}

func (c schedulerClient) DeleteSchedule(ctx context.Context, in *awsscheduler.DeleteScheduleInput, o ...func(*awsscheduler.Options)) (*awsscheduler.DeleteScheduleOutput, error) {
	return mutate(c.f, ctx, schedulerCall("DeleteSchedule", val(in.Name), o), func() (*awsscheduler.DeleteScheduleOutput, error) { return c.api.DeleteSchedule(ctx, in) })
}

func (c schedulerClient) GetSchedule(ctx context.Context, in *awsscheduler.GetScheduleInput, _ ...func(*awsscheduler.Options)) (*awsscheduler.GetScheduleOutput, error) {
	return read(c.f, ctx, call{service: "scheduler", op: "GetSchedule"}, func() (*awsscheduler.GetScheduleOutput, error) { return c.api.GetSchedule(ctx, in) })
}

func (c schedulerClient) ListSchedules(ctx context.Context, in *awsscheduler.ListSchedulesInput, _ ...func(*awsscheduler.Options)) (*awsscheduler.ListSchedulesOutput, error) {
	return read(c.f, ctx, call{service: "scheduler", op: "ListSchedules"}, func() (*awsscheduler.ListSchedulesOutput, error) { return c.api.ListSchedules(ctx, in) })
}

type stsClient struct {
	f   *front
	api stsAPI
}

func (c stsClient) GetCallerIdentity(ctx context.Context, in *awssts.GetCallerIdentityInput, _ ...func(*awssts.Options)) (*awssts.GetCallerIdentityOutput, error) {
	return read(c.f, ctx, call{service: "sts", op: "GetCallerIdentity"}, func() (*awssts.GetCallerIdentityOutput, error) { return c.api.GetCallerIdentity(ctx, in) })
}
