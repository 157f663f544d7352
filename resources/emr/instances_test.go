package emr

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// launched is what RunJobFlow is asked for.
func launched(t *testing.T, s Settings, l Launch) *types.JobFlowInstancesConfig {
	t.Helper()
	f := &fake{id: "j-1"}
	l.Steps = []Step{{Name: "a"}}
	if _, err := (&Clusters{API: f, Settings: s}).Run(t.Context(), "n", l); err != nil {
		t.Fatal(err)
	}
	if got := aws.ToInt32(f.run.StepConcurrencyLevel); int(got) != max(1, l.Concurrency) {
		t.Errorf("%d steps at a time", got)
	}
	return f.run.Instances
}

func TestGroups(t *testing.T) {
	s := full
	s.Groups = true
	got := launched(t, s, Launch{Try: 1, Concurrency: 3})
	want := []types.InstanceGroupConfig{
		{Name: aws.String("primary"), InstanceRole: "MASTER", Market: "ON_DEMAND", InstanceType: aws.String("m6g.xlarge"), InstanceCount: aws.Int32(1)},
		{Name: aws.String("workers"), InstanceRole: "CORE", Market: "SPOT", InstanceType: aws.String("m6g.xlarge"), InstanceCount: aws.Int32(2)},
	}
	if d := cmp.Diff(want, got.InstanceGroups, cmpopts.IgnoreUnexported(types.InstanceGroupConfig{})); d != "" || got.InstanceFleets != nil {
		t.Errorf("(-want +got):\n%s", d)
	}
	if aws.ToString(got.Ec2SubnetId) != "subnet-1" || got.Ec2SubnetIds != nil {
		t.Errorf("subnets %v %v: groups take one", aws.ToString(got.Ec2SubnetId), got.Ec2SubnetIds)
	}
	s.Subnets, s.Count = nil, 0
	if got := launched(t, s, Launch{}); got.Ec2SubnetId != nil || len(got.InstanceGroups) != 1 {
		t.Errorf("%+v", got)
	}
}

// Another try begins with another type and subnet, and the last one does not
// depend on Spot capacity.
func TestTries(t *testing.T) {
	for _, c := range []struct {
		launch  Launch
		worker  string
		subnet  string
		onSpot  bool
		subnets []string // of fleets
	}{
		{Launch{}, "m6g.xlarge", "subnet-1", true, full.Subnets},
		{Launch{Try: 1}, "m6g.xlarge", "subnet-1", true, full.Subnets},
		{Launch{Try: 2}, "m7g.xlarge", "subnet-2", true, full.Subnets},
		{Launch{Try: 3, OnDemand: true}, "m6g.xlarge", "subnet-1", false, full.Subnets},
	} {
		fleets := launched(t, full, c.launch)
		workers := fleets.InstanceFleets[1]
		first := aws.ToString(workers.InstanceTypeConfigs[0].InstanceType)
		if first != c.worker || len(workers.InstanceTypeConfigs) != 2 || (workers.TargetSpotCapacity != nil) != c.onSpot || !slices.Equal(fleets.Ec2SubnetIds, c.subnets) {
			t.Errorf("%+v: fleets of %+v in %v", c.launch, workers, fleets.Ec2SubnetIds)
		}
		s := full
		s.Groups = true
		groups := launched(t, s, c.launch)
		if g := groups.InstanceGroups[1]; aws.ToString(g.InstanceType) != c.worker || (g.Market == types.MarketTypeSpot) != c.onSpot || aws.ToString(groups.Ec2SubnetId) != c.subnet {
			t.Errorf("%+v: groups of %+v in %s", c.launch, g, aws.ToString(groups.Ec2SubnetId))
		}
		if got := full.Shapes(c.launch)[1]; got.Type != c.worker || (got.Market == "spot") != c.onSpot {
			t.Errorf("%+v: billed as %+v", c.launch, got)
		}
	}
	if !slices.Equal(full.Workers, []string{"m6g.xlarge", "m7g.xlarge"}) {
		t.Error("the settings themselves were turned")
	}
}

func TestWithoutFallBack(t *testing.T) {
	s := full
	s.FallBack = false
	if got := launched(t, s, Launch{}).InstanceFleets[1].LaunchSpecifications.SpotSpecification.TimeoutAction; got != types.SpotProvisioningTimeoutActionTerminateCluster {
		t.Errorf("without Spot capacity: %s", got)
	}
}

func TestApplicationsBootstrapAndConfigurations(t *testing.T) {
	s := full
	s.Applications = []string{"Hadoop", "Spark"}
	s.Bootstrap = []Bootstrap{{Name: "1 x.sh", Path: "s3://b/x.sh", Args: []string{"numpy"}, Body: []byte("#!/bin/sh")}}
	s.Configurations = []Configuration{{Classification: "spark-env", Configurations: []Configuration{{Classification: "export", Properties: map[string]string{"A": "b"}}}}}
	f := &fake{id: "j-1"}
	if _, err := (&Clusters{API: f, Settings: s}).Run(t.Context(), "n", Launch{Steps: []Step{{Name: "a"}}}); err != nil {
		t.Fatal(err)
	}
	ignore := cmpopts.IgnoreUnexported(types.Application{}, types.BootstrapActionConfig{}, types.ScriptBootstrapActionConfig{}, types.Configuration{})
	if d := cmp.Diff([]types.Application{{Name: aws.String("Hadoop")}, {Name: aws.String("Spark")}}, f.run.Applications, ignore); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]types.BootstrapActionConfig{{Name: aws.String("1 x.sh"),
		ScriptBootstrapAction: &types.ScriptBootstrapActionConfig{Path: aws.String("s3://b/x.sh"), Args: []string{"numpy"}}}}, f.run.BootstrapActions, ignore); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]types.Configuration{{Classification: aws.String("spark-env"), Configurations: []types.Configuration{
		{Classification: aws.String("export"), Properties: map[string]string{"A": "b"}}}}}, f.run.Configurations, ignore); d != "" {
		t.Error(d)
	}
}

func TestRecoverable(t *testing.T) {
	for state, want := range map[string]bool{
		"TERMINATED_WITH_ERRORS: INSTANCE_FAILURE: The master failed: Error occurred": true,
		"TERMINATED_WITH_ERRORS: INSTANCE_FLEET_TIMEOUT: no Spot":                     true,
		"TERMINATED_WITH_ERRORS: INTERNAL_ERROR: An internal error occurred":          true,
		"TERMINATED: USER_REQUEST: Terminated by user request":                        true,
		"TERMINATED_WITH_ERRORS": true,
		"TERMINATED_WITH_ERRORS: VALIDATION_ERROR: The requested instance type m9.huge is not supported in the availability zone": true,
		"TERMINATED_WITH_ERRORS: VALIDATION_ERROR: Insufficient capacity":                                                         true,
		"TERMINATED_WITH_ERRORS: VALIDATION_ERROR: The subnet subnet-1 was not found":                                             false,
		"TERMINATED_WITH_ERRORS: BOOTSTRAP_FAILURE: On the master instance (i-1), bootstrap action 1 returned a non-zero code":    false,
		"TERMINATED: ALL_STEPS_COMPLETED: Steps completed":                                                                        false,
		"TERMINATED_WITH_ERRORS: STEP_FAILURE: Shut down as step failed":                                                          false,
	} {
		if Recoverable(state) != want {
			t.Errorf("%s: recoverable is %v", state, !want)
		}
	}
}
