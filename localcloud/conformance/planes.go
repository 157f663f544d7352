package conformance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	emrtypes "github.com/aws/aws-sdk-go-v2/service/emr/types"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedtypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

const (
	redshiftAPI  = "https://docs.aws.amazon.com/redshift/latest/APIReference/"
	emrAPI       = "https://docs.aws.amazon.com/emr/latest/APIReference/"
	schedulerAPI = "https://docs.aws.amazon.com/scheduler/latest/APIReference/"
)

// unique is a name that nothing has.
func unique() string { return fmt.Sprintf("lamplighter-conf-%x", time.Now().UnixNano()) }

// until asks again until ok, for as long as the test may run.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for !ok() {
		select {
		case <-t.Context().Done():
			t.Fatal("waiting for " + what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (on Target) cluster(t *testing.T, id string) (status string, bad error) {
	t.Helper()
	out, err := on.redshift().DescribeClusters(t.Context(), &awsredshift.DescribeClustersInput{ClusterIdentifier: &id})
	if err != nil {
		return "", err
	}
	return *out.Clusters[0].ClusterStatus, nil
}

var redshiftCases = []Case{
	{Name: "errors have their codes", Source: redshiftAPI + "CommonErrors.html", Run: func(t *testing.T, on Target) {
		none := aws.String(unique())
		_, err := on.cluster(t, *none)
		wants(t, "no cluster", "ClusterNotFound", err)
		_, err = on.redshift().DescribeClusterSnapshots(t.Context(), &awsredshift.DescribeClusterSnapshotsInput{SnapshotIdentifier: none})
		wants(t, "no snapshot", "ClusterSnapshotNotFound", err)
		_, err = on.redshift().DeleteCluster(t.Context(), &awsredshift.DeleteClusterInput{ClusterIdentifier: none})
		wants(t, "neither snapshot nor none", "InvalidParameterCombination", err)
	}},
	{Name: "a cluster's life", Source: redshiftAPI + "API_Cluster.html", Costs: true, Run: func(t *testing.T, on Target) {
		id, ctx := unique(), t.Context()
		create := &awsredshift.CreateClusterInput{ClusterIdentifier: &id, NodeType: aws.String("ra3.large"), ClusterType: aws.String("single-node"),
			MasterUsername: aws.String("conformance"), MasterUserPassword: aws.String("Passw0rdPassw0rd")}
		out, err := on.redshift().CreateCluster(ctx, create)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "at first", *out.Cluster.ClusterStatus, "creating")
		same(t, "an endpoint at first", out.Cluster.Endpoint == nil, true)
		_, err = on.redshift().CreateCluster(ctx, create)
		wants(t, "again", "ClusterAlreadyExists", err)
		_, err = on.redshift().CreateClusterSnapshot(ctx, &awsredshift.CreateClusterSnapshotInput{ClusterIdentifier: &id, SnapshotIdentifier: aws.String(id + "-early")})
		wants(t, "a snapshot while creating", "InvalidClusterState", err)
		reaches := func(want string) {
			t.Helper()
			until(t, want, func() bool { s, _ := on.cluster(t, id); return s == want })
		}
		reaches("available")
		_, err = on.redshift().PauseCluster(ctx, &awsredshift.PauseClusterInput{ClusterIdentifier: &id})
		wants(t, "pause", "", err)
		reaches("paused")
		_, err = on.redshift().PauseCluster(ctx, &awsredshift.PauseClusterInput{ClusterIdentifier: &id})
		wants(t, "pause a paused one", "InvalidClusterState", err)
		_, err = on.redshift().ResumeCluster(ctx, &awsredshift.ResumeClusterInput{ClusterIdentifier: &id})
		wants(t, "resume", "", err)
		reaches("available")
		_, err = on.redshift().DeleteCluster(ctx, &awsredshift.DeleteClusterInput{ClusterIdentifier: &id, SkipFinalClusterSnapshot: aws.Bool(true)})
		wants(t, "delete", "", err)
		until(t, "it to be gone", func() bool { _, err := on.cluster(t, id); return code(err) == "ClusterNotFound" })
	}},
}

var emrCases = []Case{
	{Name: "errors have their codes", Source: emrAPI + "CommonErrors.html", Run: func(t *testing.T, on Target) {
		_, err := on.emr().DescribeCluster(t.Context(), &awsemr.DescribeClusterInput{ClusterId: aws.String("j-NONE")})
		wants(t, "no cluster", "InvalidRequestException", err)
	}},
	{Name: "a cluster ends after its last step", Source: "https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-plan-longrunning-transient.html", Costs: true, Run: func(t *testing.T, on Target) {
		step := func(name string, args ...string) emrtypes.StepConfig {
			return emrtypes.StepConfig{Name: &name, ActionOnFailure: emrtypes.ActionOnFailureContinue, HadoopJarStep: &emrtypes.HadoopJarStepConfig{Jar: aws.String("command-runner.jar"), Args: args}}
		}
		out, err := on.emr().RunJobFlow(t.Context(), &awsemr.RunJobFlowInput{Name: aws.String(unique()), ReleaseLabel: aws.String("emr-7.10.0"),
			ServiceRole: aws.String("EMR_DefaultRole"), JobFlowRole: aws.String("EMR_EC2_DefaultRole"),
			Instances: &emrtypes.JobFlowInstancesConfig{InstanceCount: aws.Int32(1), MasterInstanceType: aws.String("m6g.xlarge")},
			Steps:     []emrtypes.StepConfig{step("bad", "bash", "-c", "exit 3"), step("good", "true")}})
		if err != nil {
			t.Fatal(err)
		}
		var cluster *emrtypes.Cluster
		until(t, "its end", func() bool {
			d, err := on.emr().DescribeCluster(t.Context(), &awsemr.DescribeClusterInput{ClusterId: out.JobFlowId})
			if err != nil {
				t.Fatal(err)
			}
			cluster = d.Cluster
			return strings.HasPrefix(string(cluster.Status.State), "TERMINATED")
		})
		same(t, "it", fmt.Sprint(cluster.Status.State, " ", cluster.Status.StateChangeReason.Code), "TERMINATED ALL_STEPS_COMPLETED")
		steps, err := on.emr().ListSteps(t.Context(), &awsemr.ListStepsInput{ClusterId: out.JobFlowId})
		wants(t, "list", "", err)
		same(t, "its steps, the last first", fmt.Sprint(steps.Steps[0].Status.State, " ", steps.Steps[1].Status.State), "COMPLETED FAILED")
		line := cluster.Status.Timeline
		same(t, "its times are in order", line.CreationDateTime.Before(*line.ReadyDateTime) && line.ReadyDateTime.Before(*line.EndDateTime), true)
	}},
}

var schedulerCases = []Case{
	{Name: "a schedule is made once, and gone when deleted", Source: schedulerAPI + "API_CreateSchedule.html", Run: func(t *testing.T, on Target) {
		name, ctx := unique(), t.Context()
		in := &awsscheduler.CreateScheduleInput{Name: &name, ScheduleExpression: aws.String("at(2099-01-01T00:00:00)"), FlexibleTimeWindow: &schedtypes.FlexibleTimeWindow{Mode: schedtypes.FlexibleTimeWindowModeOff},
			Target: &schedtypes.Target{Arn: aws.String("arn:aws:scheduler:::aws-sdk:redshift:pauseCluster"), RoleArn: &on.Role, Input: aws.String(`{"ClusterIdentifier":"none"}`)}}
		_, err := on.scheduler().CreateSchedule(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = on.scheduler().CreateSchedule(ctx, in)
		wants(t, "again with its token, which the SDK filled in", "", err)
		in.ClientToken = aws.String(unique())
		_, err = on.scheduler().CreateSchedule(ctx, in)
		wants(t, "again", "ConflictException", err)
		got, err := on.scheduler().GetSchedule(ctx, &awsscheduler.GetScheduleInput{Name: &name})
		wants(t, "get", "", err)
		same(t, "its state", got.State, schedtypes.ScheduleStateEnabled)
		_, err = on.scheduler().DeleteSchedule(ctx, &awsscheduler.DeleteScheduleInput{Name: &name})
		wants(t, "delete", "", err)
		_, err = on.scheduler().GetSchedule(ctx, &awsscheduler.GetScheduleInput{Name: &name})
		wants(t, "after", "ResourceNotFoundException", err)
	}},
	{Name: "what is no time is refused", Source: schedulerAPI + "API_CreateSchedule.html", Run: func(t *testing.T, on Target) {
		_, err := on.scheduler().CreateSchedule(t.Context(), &awsscheduler.CreateScheduleInput{Name: aws.String(unique()), ScheduleExpression: aws.String("tomorrow"),
			FlexibleTimeWindow: &schedtypes.FlexibleTimeWindow{Mode: schedtypes.FlexibleTimeWindowModeOff},
			Target:             &schedtypes.Target{Arn: aws.String("arn:aws:scheduler:::aws-sdk:redshift:pauseCluster"), RoleArn: &on.Role, Input: aws.String(`{}`)}})
		wants(t, "tomorrow", "ValidationException", err)
	}},
}
