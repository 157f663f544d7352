package emr

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"
	"github.com/aws/smithy-go"

	"lamplighter/resources"
)

var at = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

// fake answers with pages of clusters and, by cluster, pages of steps.
type fake struct {
	run      *awsemr.RunJobFlowInput
	ended    []string
	once     bool
	err      error
	id       string
	clusters [][]types.ClusterSummary
	steps    map[string][][]types.StepSummary
	after    *time.Time
	listed   []string // whose steps were asked for
}

func (f *fake) note(options []func(*awsemr.Options)) {
	var o awsemr.Options
	for _, option := range options {
		option(&o)
	}
	f.once = o.Retryer != nil && o.Retryer.MaxAttempts() == 1
}

func (f *fake) RunJobFlow(_ context.Context, in *awsemr.RunJobFlowInput, o ...func(*awsemr.Options)) (*awsemr.RunJobFlowOutput, error) {
	f.note(o)
	f.run = in
	return &awsemr.RunJobFlowOutput{JobFlowId: aws.String(f.id)}, f.err
}

func (f *fake) TerminateJobFlows(_ context.Context, in *awsemr.TerminateJobFlowsInput, o ...func(*awsemr.Options)) (*awsemr.TerminateJobFlowsOutput, error) {
	f.note(o)
	f.ended = in.JobFlowIds
	return &awsemr.TerminateJobFlowsOutput{}, f.err
}

func (f *fake) DescribeCluster(_ context.Context, in *awsemr.DescribeClusterInput, _ ...func(*awsemr.Options)) (*awsemr.DescribeClusterOutput, error) {
	if f.err != nil {
		return nil, f.err
	}
	for _, page := range f.clusters {
		for _, c := range page {
			if *c.Id == *in.ClusterId {
				return &awsemr.DescribeClusterOutput{Cluster: &types.Cluster{Id: c.Id, Name: c.Name, Status: c.Status}}, nil
			}
		}
	}
	return &awsemr.DescribeClusterOutput{}, nil
}

// pages gives a page by its marker: "" the first, then "1", "2", …
func pages[T any](all [][]T, marker *string) (page []T, next *string) {
	n := len(aws.ToString(marker))
	if n >= len(all) {
		return nil, nil
	}
	if n+1 < len(all) {
		next = aws.String(strings.Repeat("m", n+1))
	}
	return all[n], next
}

func (f *fake) ListClusters(_ context.Context, in *awsemr.ListClustersInput, _ ...func(*awsemr.Options)) (*awsemr.ListClustersOutput, error) {
	if f.err != nil {
		return nil, f.err
	}
	if len(in.ClusterStates) > 0 {
		return nil, errors.New("a state filter loses clusters")
	}
	f.after = in.CreatedAfter
	page, next := pages(f.clusters, in.Marker)
	return &awsemr.ListClustersOutput{Clusters: page, Marker: next}, nil
}

func (f *fake) ListSteps(_ context.Context, in *awsemr.ListStepsInput, _ ...func(*awsemr.Options)) (*awsemr.ListStepsOutput, error) {
	if in.Marker == nil {
		f.listed = append(f.listed, *in.ClusterId)
	}
	all, known := f.steps[*in.ClusterId]
	if !known {
		return nil, &types.InvalidRequestException{Message: aws.String("Cluster id 'j-x' is not valid.")}
	}
	page, next := pages(all, in.Marker)
	return &awsemr.ListStepsOutput{Steps: page, Marker: next}, nil
}

var full = Settings{
	Region: "eu-west-1", Release: "emr-7.10.0", Primary: "m6g.xlarge", Workers: []string{"m6g.xlarge", "m7g.xlarge"}, Count: 2, Spot: true,
	LogURI: "s3://logs/", ServiceRole: "service", InstanceProfile: "profile", FallBack: true, Subnets: []string{"subnet-1", "subnet-2"},
	PrimaryGroup: "sg-p", WorkersGroup: "sg-w", ServiceGroup: "sg-s", Tags: map[string]string{"team": "data"},
}

func TestRunAsksForEverything(t *testing.T) {
	f := &fake{id: "j-1"}
	id, err := (&Clusters{API: f, Settings: full}).Run(t.Context(), "name", Launch{Steps: []Step{{"als", []string{"timeout", "60", "spark-submit"}}, {"sentiment", nil}}})
	if err != nil || id != "j-1" {
		t.Fatalf("%q, %v", id, err)
	}
	onDemand := &types.OnDemandProvisioningSpecification{AllocationStrategy: "lowest-price"}
	want := &awsemr.RunJobFlowInput{
		Name: aws.String("name"), ReleaseLabel: aws.String("emr-7.10.0"), Applications: []types.Application{{Name: aws.String("Spark")}},
		LogUri: aws.String("s3://logs/"), ServiceRole: aws.String("service"), JobFlowRole: aws.String("profile"),
		StepConcurrencyLevel: aws.Int32(1), VisibleToAllUsers: aws.Bool(true),
		AutoTerminationPolicy: &types.AutoTerminationPolicy{IdleTimeout: aws.Int64(300)},
		Tags: []types.Tag{{Key: aws.String("for-use-with-amazon-emr-managed-policies"), Value: aws.String("true")},
			{Key: aws.String("team"), Value: aws.String("data")}},
		Steps: []types.StepConfig{
			{Name: aws.String("als"), ActionOnFailure: "CONTINUE", HadoopJarStep: &types.HadoopJarStepConfig{
				Jar: aws.String("command-runner.jar"), Args: []string{"timeout", "60", "spark-submit"}}},
			{Name: aws.String("sentiment"), ActionOnFailure: "CONTINUE", HadoopJarStep: &types.HadoopJarStepConfig{Jar: aws.String("command-runner.jar")}},
		},
		Instances: &types.JobFlowInstancesConfig{
			KeepJobFlowAliveWhenNoSteps: aws.Bool(false), TerminationProtected: aws.Bool(false),
			Ec2SubnetIds: []string{"subnet-1", "subnet-2"}, EmrManagedMasterSecurityGroup: aws.String("sg-p"),
			EmrManagedSlaveSecurityGroup: aws.String("sg-w"), ServiceAccessSecurityGroup: aws.String("sg-s"),
			InstanceFleets: []types.InstanceFleetConfig{{
				Name: aws.String("primary"), InstanceFleetType: "MASTER", TargetOnDemandCapacity: aws.Int32(1),
				InstanceTypeConfigs:  []types.InstanceTypeConfig{{InstanceType: aws.String("m6g.xlarge")}},
				LaunchSpecifications: &types.InstanceFleetProvisioningSpecifications{OnDemandSpecification: onDemand},
			}, {
				Name: aws.String("workers"), InstanceFleetType: "CORE", TargetSpotCapacity: aws.Int32(2),
				InstanceTypeConfigs: []types.InstanceTypeConfig{
					{InstanceType: aws.String("m6g.xlarge"), WeightedCapacity: aws.Int32(1)},
					{InstanceType: aws.String("m7g.xlarge"), WeightedCapacity: aws.Int32(1)}},
				LaunchSpecifications: &types.InstanceFleetProvisioningSpecifications{OnDemandSpecification: onDemand,
					SpotSpecification: &types.SpotProvisioningSpecification{AllocationStrategy: "price-capacity-optimized",
						TimeoutAction: "SWITCH_TO_ON_DEMAND", TimeoutDurationMinutes: aws.Int32(10)}},
			}},
		},
	}
	if !reflect.DeepEqual(f.run, want) {
		t.Errorf("asked for\n%+v\n%+v", f.run, f.run.Instances)
	}
	if !f.once {
		t.Error("the SDK may launch a second one")
	}
}

func TestFleets(t *testing.T) {
	s := full
	s.Spot = false
	workers := s.fleets()[1]
	if aws.ToInt32(workers.TargetOnDemandCapacity) != 2 || workers.TargetSpotCapacity != nil || workers.LaunchSpecifications.SpotSpecification != nil {
		t.Errorf("%+v", workers)
	}
	if shapes := s.Shapes(Launch{}); shapes[1] != (resources.Shape{Service: "emr", Type: "m6g.xlarge", Market: "on-demand", Region: "eu-west-1", Count: 2}) {
		t.Errorf("%v", shapes)
	}
	s.Count = 0
	if len(s.fleets()) != 1 || len(s.Shapes(Launch{})) != 1 {
		t.Errorf("without workers: %v", s.fleets())
	}
}

func TestRunRefuses(t *testing.T) {
	steps := func(n int) (steps []Step) {
		for i := range n {
			steps = append(steps, Step{Name: strings.Repeat("s", i+1)})
		}
		return steps
	}
	for what, call := range map[string]struct {
		name  string
		steps []Step
	}{
		"no steps":       {"n", nil},
		"too many steps": {"n", steps(257)},
		"a wrong name":   {"a|b", steps(1)},
		"equal steps":    {"n", []Step{{Name: "a"}, {Name: "a"}}},
		"a long arg":     {"n", []Step{{"a", []string{strings.Repeat("x", 10241)}}}},
	} {
		f := &fake{}
		_, err := (&Clusters{API: f, Settings: full}).Run(t.Context(), call.name, Launch{Steps: call.steps})
		if resources.ClassOf(err) != resources.Permanent || f.run != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := (&Clusters{API: &fake{id: "j-1"}, Settings: full}).Run(t.Context(), "n", Launch{Steps: steps(256)}); err != nil {
		t.Errorf("256 steps: %v", err)
	}
}

func TestClasses(t *testing.T) {
	api := func(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }
	for _, test := range []struct {
		err                    error
		launch, terminate, see resources.Class
	}{
		{api("ThrottlingException", "Rate exceeded"), resources.Retry, resources.Retry, resources.Retry},
		{api("ValidationException", "Subnet is required"), resources.Permanent, resources.Permanent, resources.Permanent},
		{api("ValidationException", "Invalid InstanceProfile: x."), resources.Retry, resources.Permanent, resources.Permanent},
		{api("AccessDeniedException", "Failed to authorize instance profile x"), resources.Retry, resources.Denied, resources.Denied},
		{api("AccessDeniedException", "no"), resources.Denied, resources.Denied, resources.Denied},
		{&types.InvalidRequestException{Message: aws.String("Cluster id 'j-1' is not valid.")}, resources.Permanent, resources.Gone, resources.Gone},
		{&types.InvalidRequestException{Message: aws.String("no")}, resources.Permanent, resources.Permanent, resources.Permanent},
		{api("ValidationException", "Could not shut down one or more job flows since they are termination protected."), resources.Permanent, resources.Denied, resources.Denied},
		{&types.InternalServerException{}, resources.Unknown, resources.Unknown, resources.Retry},
		{&types.InternalServerError{}, resources.Unknown, resources.Unknown, resources.Retry},
		{context.DeadlineExceeded, resources.Unknown, resources.Unknown, resources.Retry},
	} {
		f := &fake{err: test.err}
		c := &Clusters{API: f, Settings: full}
		_, launch := c.Run(t.Context(), "n", Launch{Steps: []Step{{Name: "a"}}})
		terminate := c.Terminate(t.Context(), "j-1")
		if !f.once {
			t.Error("terminate: the SDK may repeat it")
		}
		_, see := c.Find(t.Context(), "n", at)
		for what, pair := range map[string][2]resources.Class{
			"launch":    {resources.ClassOf(launch), test.launch},
			"terminate": {resources.ClassOf(terminate), test.terminate},
			"find":      {resources.ClassOf(see), test.see},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s, %v: %s, want %s", what, test.err, pair[0], pair[1])
			}
		}
	}
}

// TestLaunchWithoutAnID: an answer we cannot read may have launched one.
func TestLaunchWithoutAnID(t *testing.T) {
	_, err := (&Clusters{API: &fake{}, Settings: full}).Run(t.Context(), "n", Launch{Steps: []Step{{Name: "a"}}})
	if resources.ClassOf(err) != resources.Unknown {
		t.Errorf("%v", err)
	}
}

func TestTerminate(t *testing.T) {
	f := &fake{}
	if err := (&Clusters{API: f}).Terminate(t.Context(), "j-1"); err != nil || !slices.Equal(f.ended, []string{"j-1"}) {
		t.Errorf("%v, %v", f.ended, err)
	}
}
