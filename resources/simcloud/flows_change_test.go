package simcloud

import (
	"slices"
	"strings"
	"testing"
	"time"

	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"
)

func stepConfigs(names ...string) []types.StepConfig {
	return runInput("x", types.ActionOnFailureContinue, names...).Steps
}

// kept is a cluster that waits for steps.
func (f *flowTest) kept(change func(*awsemr.RunJobFlowInput)) string {
	in := runInput("lamplighter-x", types.ActionOnFailureContinue)
	in.Instances.KeepJobFlowAliveWhenNoSteps = ptr(true)
	if change != nil {
		change(in)
	}
	id := f.run(in)
	f.pass(10 * pace)
	return id
}

func (f *flowTest) add(id string, names ...string) []string {
	f.t.Helper()
	out, err := f.api.AddJobFlowSteps(bg, &awsemr.AddJobFlowStepsInput{JobFlowId: &id, Steps: stepConfigs(names...)})
	if err != nil {
		f.t.Fatal(err)
	}
	return out.StepIds
}

func (f *flowTest) stepStates(id string) (states []string) {
	for _, s := range f.c.flow(id).Steps {
		states = append(states, s.Spec.Name+" "+s.Status)
	}
	return states
}

func (f *flowTest) wants(id, want string) {
	f.t.Helper()
	if got := strings.Join(f.stepStates(id), ", "); got != want {
		f.t.Errorf("steps are %q, want %q", got, want)
	}
}

func TestStepsAreAddedAndCancelled(t *testing.T) {
	f := newFlowTest(t, nil)
	id := f.kept(nil)
	ids := f.add(id, "a", "b", "c")
	f.wants(id, "a RUNNING, b PENDING, c PENDING")
	out, err := f.api.CancelSteps(bg, &awsemr.CancelStepsInput{ClusterId: &id, StepIds: []string{ids[0], ids[1], "s-NONE"}})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, i := range out.CancelStepsInfoList {
		told = append(told, string(i.Status))
	}
	if !slices.Equal(told, []string{"SUBMITTED", "SUBMITTED", "FAILED"}) || !slices.Equal(f.spark.cancelled, []string{"a"}) {
		t.Errorf("told %q, cancelled %q", told, f.spark.cancelled)
	}
	f.pass(2 * pace)
	f.wants(id, "a CANCELLED, b CANCELLED, c RUNNING")
	f.end("c", 0)
	f.pass(2 * pace)
	one, err := f.api.DescribeStep(bg, &awsemr.DescribeStepInput{ClusterId: &id, StepId: &ids[2]})
	if err != nil || one.Step.Status.State != types.StepStateCompleted || one.Step.Status.Timeline.EndDateTime == nil {
		t.Errorf("%v %+v", err, one)
	}
	if out, err = f.api.CancelSteps(bg, &awsemr.CancelStepsInput{ClusterId: &id, StepIds: ids[2:]}); err != nil || out.CancelStepsInfoList[0].Status != types.CancelStepsRequestStatusFailed {
		t.Errorf("an ended step: %v %+v", err, out)
	}
	if f.c.flow(id).Status != waiting {
		t.Errorf("the cluster is %s", f.c.flow(id).Status)
	}
}

func TestConcurrencyIsChanged(t *testing.T) {
	f := newFlowTest(t, nil)
	id := f.kept(nil)
	f.add(id, "a", "b", "c")
	if _, err := f.api.ModifyCluster(bg, &awsemr.ModifyClusterInput{ClusterId: &id, StepConcurrencyLevel: ptr(int32(2))}); err != nil {
		t.Fatal(err)
	}
	f.wants(id, "a RUNNING, b RUNNING, c PENDING")
	bad := stepConfigs("d")
	bad[0].ActionOnFailure = types.ActionOnFailureCancelAndWait
	if _, err := f.api.AddJobFlowSteps(bg, &awsemr.AddJobFlowStepsInput{JobFlowId: &id, Steps: bad}); code(err) != "ValidationException" {
		t.Errorf("a step that is not CONTINUE: %v", err)
	}
	if _, err := f.api.ModifyCluster(bg, &awsemr.ModifyClusterInput{ClusterId: &id, StepConcurrencyLevel: ptr(int32(257))}); code(err) != "ValidationException" {
		t.Errorf("257 at once: %v", err)
	}
}

// TestIdleClusterEnds: the policy's time begins when the cluster waits, a step
// takes it back, and a restart of the host does not lose it.
func TestIdleClusterEnds(t *testing.T) {
	f := newFlowTest(t, nil)
	id := f.kept(func(in *awsemr.RunJobFlowInput) {
		in.AutoTerminationPolicy = &types.AutoTerminationPolicy{IdleTimeout: ptr(int64(7200))}
	})
	f.add(id, "a")
	f.pass(5 * time.Hour)
	if s := f.c.flow(id).Status; s != running {
		t.Fatalf("with a step under way it is %s", s)
	}
	f.end("a", 0)
	f.pass(time.Hour)
	if s := f.c.flow(id).Status; s != waiting {
		t.Fatalf("after an hour it is %s", s)
	}
	f.c = New(f.sim, f.c.opts, f.c.state)
	f.pass(time.Hour + 3*pace)
	if got := f.c.flow(id); got.Status != terminated || got.Code != "USER_REQUEST" || f.c.billing(id) {
		t.Errorf("it is %s %s", got.Status, got.Code)
	}
	if _, err := f.c.EMR().PutAutoTerminationPolicy(bg, &awsemr.PutAutoTerminationPolicyInput{ClusterId: &id}); code(err) != "ValidationException" {
		t.Errorf("an ended cluster: %v", err)
	}
}

func TestIdlePolicyIsPutAndRemoved(t *testing.T) {
	f := newFlowTest(t, nil)
	id := f.kept(nil)
	put := func(seconds int64) error {
		_, err := f.api.PutAutoTerminationPolicy(bg, &awsemr.PutAutoTerminationPolicyInput{ClusterId: &id, AutoTerminationPolicy: &types.AutoTerminationPolicy{IdleTimeout: &seconds}})
		return err
	}
	if err := put(59); code(err) != "ValidationException" {
		t.Errorf("59 seconds: %v", err)
	}
	if err := put(3600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.api.RemoveAutoTerminationPolicy(bg, &awsemr.RemoveAutoTerminationPolicyInput{ClusterId: &id}); err != nil {
		t.Fatal(err)
	}
	f.pass(2 * time.Hour)
	if s := f.c.flow(id).Status; s != waiting {
		t.Errorf("it is %s", s)
	}
	if _, err := f.api.SetKeepJobFlowAliveWhenNoSteps(bg, &awsemr.SetKeepJobFlowAliveWhenNoStepsInput{JobFlowIds: []string{id}, KeepJobFlowAliveWhenNoSteps: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	f.pass(2 * pace)
	if s := f.c.flow(id); s.Status != terminated || s.Code != "ALL_STEPS_COMPLETED" {
		t.Errorf("it is %s %s", s.Status, s.Code)
	}
}

func TestProtectionIsSet(t *testing.T) {
	f := newFlowTest(t, nil)
	id := f.kept(nil)
	protect := func(on bool) {
		if _, err := f.api.SetTerminationProtection(bg, &awsemr.SetTerminationProtectionInput{JobFlowIds: []string{id}, TerminationProtected: &on}); err != nil {
			t.Fatal(err)
		}
	}
	end := func() error {
		_, err := f.api.TerminateJobFlows(bg, &awsemr.TerminateJobFlowsInput{JobFlowIds: []string{id}})
		return err
	}
	protect(true)
	if err := end(); code(err) != "ValidationException" {
		t.Errorf("a protected one: %v", err)
	}
	protect(false)
	if err := end(); err != nil {
		t.Error(err)
	}
	f.pass(2 * pace)
	if _, err := f.api.AddJobFlowSteps(bg, &awsemr.AddJobFlowStepsInput{JobFlowId: &id, Steps: stepConfigs("late")}); code(err) != "ValidationException" || !strings.Contains(err.Error(), "may not be modified") {
		t.Errorf("steps for an ended one: %v", err)
	}
}

// TestInstancesHaveABillsTimes: the machines' times are those of the meter.
func TestInstancesHaveABillsTimes(t *testing.T) {
	f := newFlowTest(t, nil)
	id := f.run(runInput("lamplighter-x", types.ActionOnFailureContinue, "a"))
	list := func() []types.Instance {
		out, err := f.api.ListInstances(bg, &awsemr.ListInstancesInput{ClusterId: &id})
		if err != nil {
			t.Fatal(err)
		}
		return out.Instances
	}
	if l := list(); len(l) != 3 || l[0].Status.State != types.InstanceStateProvisioning || l[0].Ec2InstanceId != nil {
		t.Errorf("while it starts: %+v", l)
	}
	f.pass(10 * pace)
	f.end("a", 0)
	f.pass(10 * pace)
	l := list()
	for i, u := range f.c.Billed() {
		if at := l[i].Status.Timeline; !at.CreationDateTime.Equal(u.From) || !at.EndDateTime.Equal(u.To) || l[i].Status.State != types.InstanceStateTerminated {
			t.Errorf("machine %d is %+v, billed %+v", i, l[i].Status, u)
		}
	}
	fleets, err := f.api.ListInstanceFleets(bg, &awsemr.ListInstanceFleetsInput{ClusterId: &id})
	if err != nil || len(fleets.InstanceFleets) != 2 || *fleets.InstanceFleets[1].TargetSpotCapacity != 2 || *fleets.InstanceFleets[1].ProvisionedSpotCapacity != 0 {
		t.Errorf("%v %+v", err, fleets)
	}
	if _, err := f.api.ListInstanceGroups(bg, &awsemr.ListInstanceGroupsInput{ClusterId: &id}); code(err) != "InvalidRequestException" {
		t.Errorf("groups of a cluster of fleets: %v", err)
	}
	d, err := f.api.DescribeCluster(bg, &awsemr.DescribeClusterInput{ClusterId: &id})
	if err != nil || *d.Cluster.NormalizedInstanceHours != 8+2*16 {
		t.Errorf("%v: %d normalized hours", err, *d.Cluster.NormalizedInstanceHours)
	}
}
