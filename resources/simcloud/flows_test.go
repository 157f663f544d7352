package simcloud

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"
)

// steps is a SparkPlane whose steps end when the test says so.
type steps struct {
	sim       *Sim
	done      map[string]func(int, string, string) // by name
	cancelled []string
}

func (s *steps) Start(_ FlowSpec, step StepSpec, done func(int, string, string)) func() {
	s.done[step.Name] = done
	return func() { s.cancelled = append(s.cancelled, step.Name) }
}

type flowTest struct {
	t     *testing.T
	sim   *Sim
	c     *Cloud
	api   EMR
	spark *steps
}

func newFlowTest(t *testing.T, fate func(Fate, string) bool) *flowTest {
	sim := NewSim(start)
	spark := &steps{sim, map[string]func(int, string, string){}, nil}
	c := New(sim, Options{Pace: FixedPace(pace), Planes: Planes{Spark: spark}, Fate: fate}, nil)
	return &flowTest{t, sim, c, c.EMR(), spark}
}

func (f *flowTest) pass(d time.Duration) { f.sim.Drain(f.sim.Now().Add(d)) }

func (f *flowTest) end(step string, exit int) {
	f.spark.done[step](exit, "reason", "s3://logs/x")
	f.sim.Drain(f.sim.Now())
}

func runInput(name string, onFailure types.ActionOnFailure, steps ...string) *awsemr.RunJobFlowInput {
	in := &awsemr.RunJobFlowInput{
		Name: &name, ReleaseLabel: ptr("emr-7.10.0"),
		Instances: &types.JobFlowInstancesConfig{InstanceFleets: []types.InstanceFleetConfig{
			{InstanceFleetType: types.InstanceFleetTypeMaster, TargetOnDemandCapacity: ptr(int32(1)), InstanceTypeConfigs: []types.InstanceTypeConfig{{InstanceType: ptr("m6g.xlarge")}}},
			{InstanceFleetType: types.InstanceFleetTypeCore, TargetSpotCapacity: ptr(int32(4)), InstanceTypeConfigs: []types.InstanceTypeConfig{{InstanceType: ptr("m6g.2xlarge"), WeightedCapacity: ptr(int32(2))}, {InstanceType: ptr("m7g.xlarge")}}},
		}},
	}
	for _, s := range steps {
		in.Steps = append(in.Steps, types.StepConfig{Name: ptr(s), ActionOnFailure: onFailure, HadoopJarStep: &types.HadoopJarStepConfig{Jar: ptr("command-runner.jar"), Args: []string{"spark-submit", "s3://b/x.py"}}})
	}
	return in
}

func (f *flowTest) run(in *awsemr.RunJobFlowInput) string {
	f.t.Helper()
	out, err := f.api.RunJobFlow(bg, in)
	if err != nil {
		f.t.Fatal(err)
	}
	return *out.JobFlowId
}

// state is the flow's state and reason, and its steps' states in order.
func (f *flowTest) state(id string) string {
	f.t.Helper()
	d, err := f.api.DescribeCluster(bg, &awsemr.DescribeClusterInput{ClusterId: &id})
	if err != nil {
		f.t.Fatal(err)
	}
	l, err := f.api.ListSteps(bg, &awsemr.ListStepsInput{ClusterId: &id})
	if err != nil {
		f.t.Fatal(err)
	}
	words := []string{string(d.Cluster.Status.State)}
	if c := d.Cluster.Status.StateChangeReason.Code; c != "" {
		words = append(words, string(c))
	}
	slices.Reverse(l.Steps)
	for _, s := range l.Steps {
		words = append(words, *s.Name+"="+string(s.Status.State))
	}
	return strings.Join(words, " ")
}

func (f *flowTest) want(id, want string) {
	f.t.Helper()
	if got := f.state(id); got != want {
		f.t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFlowLife(t *testing.T) {
	f := newFlowTest(t, nil)
	id := f.run(runInput("n", types.ActionOnFailureContinue, "a", "b"))
	f.want(id, "STARTING a=PENDING b=PENDING")
	if a := f.c.Alive(); a[0].Bills || len(f.c.Billed()) != 0 {
		t.Errorf("bills while its instances are not there: %v", a)
	}
	f.pass(pace)
	f.want(id, "BOOTSTRAPPING a=PENDING b=PENDING")
	f.pass(pace)
	f.want(id, "RUNNING a=RUNNING b=PENDING")
	f.end("a", 1)
	f.want(id, "RUNNING a=FAILED b=PENDING")
	f.pass(pace)
	f.want(id, "RUNNING a=FAILED b=RUNNING")
	f.end("b", 0)
	f.pass(pace)
	f.want(id, "TERMINATING ALL_STEPS_COMPLETED a=FAILED b=COMPLETED")
	f.pass(pace)
	f.want(id, "TERMINATED ALL_STEPS_COMPLETED a=FAILED b=COMPLETED")
	d, _ := f.api.DescribeCluster(bg, &awsemr.DescribeClusterInput{ClusterId: &id})
	line := d.Cluster.Status.Timeline
	if !line.CreationDateTime.Equal(start) || !line.ReadyDateTime.Equal(start.Add(2*pace)) || !line.EndDateTime.Equal(start.Add(5*pace)) {
		t.Errorf("timeline %v %v %v", line.CreationDateTime, line.ReadyDateTime, line.EndDateTime)
	}
	u := f.c.Billed()
	if len(u) != 2 || u[1].Shape.String() != "2 × m6g.2xlarge" || u[1].Shape.Market != "spot" || u[1].To.Sub(u[1].From) != 4*pace {
		t.Errorf("billed %+v", u)
	}
	if got := f.c.BilledTime()["emr"]; got != 4*pace {
		t.Errorf("billed %v", got)
	}
	l, _ := f.api.ListSteps(bg, &awsemr.ListStepsInput{ClusterId: &id})
	if a := l.Steps[1]; *a.Status.FailureDetails.Reason != "reason" || *a.Status.FailureDetails.LogFile != "s3://logs/x" {
		t.Errorf("failure details %+v", a.Status.FailureDetails)
	}
	if len(f.c.Alive()) != 0 {
		t.Errorf("alive: %v", f.c.Alive())
	}
}

func TestActionOnFailure(t *testing.T) {
	tests := []struct {
		action types.ActionOnFailure
		keep   bool
		want   string
	}{
		{types.ActionOnFailureContinue, false, "RUNNING a=FAILED b=RUNNING"},
		{types.ActionOnFailureTerminateCluster, false, "TERMINATED_WITH_ERRORS STEP_FAILURE a=FAILED b=CANCELLED"},
		{"", false, "TERMINATED_WITH_ERRORS STEP_FAILURE a=FAILED b=CANCELLED"},
		{types.ActionOnFailureCancelAndWait, false, "TERMINATED_WITH_ERRORS STEP_FAILURE a=FAILED b=CANCELLED"},
		{types.ActionOnFailureCancelAndWait, true, "WAITING a=FAILED b=CANCELLED"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.action, test.keep), func(t *testing.T) {
			f := newFlowTest(t, nil)
			in := runInput("n", test.action, "a", "b")
			in.Instances.KeepJobFlowAliveWhenNoSteps = &test.keep
			id := f.run(in)
			f.pass(2 * pace)
			f.end("a", 1)
			f.pass(pace)
			f.want(id, test.want)
		})
	}
}

func TestStepsSideBySide(t *testing.T) {
	f := newFlowTest(t, nil)
	in := runInput("n", types.ActionOnFailureTerminateCluster, "a", "b", "c")
	in.StepConcurrencyLevel = ptr(int32(2))
	if _, err := f.api.RunJobFlow(bg, in); code(err) != "ValidationException" {
		t.Errorf("TERMINATE_CLUSTER with two steps at a time: %v", err)
	}
	in = runInput("n", types.ActionOnFailureContinue, "a", "b", "c")
	in.StepConcurrencyLevel = ptr(int32(2))
	id := f.run(in)
	f.pass(2 * pace)
	f.want(id, "RUNNING a=RUNNING b=RUNNING c=PENDING")
	f.end("b", 0)
	f.pass(pace)
	f.want(id, "RUNNING a=RUNNING b=COMPLETED c=RUNNING")
	f.end("a", 0)
	f.end("c", 0)
	f.pass(pace)
	f.want(id, "TERMINATING ALL_STEPS_COMPLETED a=COMPLETED b=COMPLETED c=COMPLETED")
}

func TestTerminate(t *testing.T) {
	for _, at := range []time.Duration{0, pace, 2 * pace} {
		f := newFlowTest(t, nil)
		id := f.run(runInput("n", types.ActionOnFailureContinue, "a", "b"))
		f.pass(at)
		for range 2 { // again is no error
			if _, err := f.api.TerminateJobFlows(bg, &awsemr.TerminateJobFlowsInput{JobFlowIds: []string{id}}); err != nil {
				t.Fatal(err)
			}
		}
		f.want(id, "TERMINATING USER_REQUEST a=CANCELLED b=CANCELLED")
		f.pass(pace)
		f.want(id, "TERMINATED USER_REQUEST a=CANCELLED b=CANCELLED")
		if (at == 2*pace) != slices.Equal(f.spark.cancelled, []string{"a"}) {
			t.Errorf("at %v: cancelled %v", at, f.spark.cancelled)
		}
		if at == 2*pace { // the process's end comes late and changes nothing
			f.end("a", 0)
			f.want(id, "TERMINATED USER_REQUEST a=CANCELLED b=CANCELLED")
		}
		for _, u := range f.c.Billed() {
			if u.To.IsZero() {
				t.Errorf("still bills: %+v", u)
			}
		}
	}
	f := newFlowTest(t, nil)
	if _, err := f.api.TerminateJobFlows(bg, &awsemr.TerminateJobFlowsInput{JobFlowIds: []string{"j-X"}}); code(err) != "InvalidRequestException" {
		t.Error(err)
	}
	in := runInput("n", types.ActionOnFailureContinue, "a")
	in.Instances.TerminationProtected = ptr(true)
	if _, err := f.api.TerminateJobFlows(bg, &awsemr.TerminateJobFlowsInput{JobFlowIds: []string{f.run(in)}}); code(err) != "ValidationException" {
		t.Error(err)
	}
}

func TestAFlowThatNeverStarts(t *testing.T) {
	f := newFlowTest(t, func(x Fate, _ string) bool { return x == FateFlow })
	id := f.run(runInput("n", types.ActionOnFailureContinue, "a"))
	f.pass(pace)
	f.want(id, "TERMINATED_WITH_ERRORS VALIDATION_ERROR a=CANCELLED")
	if len(f.c.Billed()) != 0 {
		t.Errorf("billed %v", f.c.Billed())
	}
}

func TestAFlowThatLosesItsPrimaryNode(t *testing.T) {
	f := newFlowTest(t, func(x Fate, _ string) bool { return x == FateNodes })
	id := f.run(runInput("n", types.ActionOnFailureContinue, "a"))
	f.pass(4 * pace)
	f.want(id, "TERMINATED_WITH_ERRORS INSTANCE_FAILURE a=CANCELLED")
}

func TestListClusters(t *testing.T) {
	f := newFlowTest(t, nil)
	for i := range 120 {
		f.run(runInput([]string{"even", "odd"}[i%2], types.ActionOnFailureContinue))
		f.pass(time.Second)
	}
	list := func(in *awsemr.ListClustersInput) (ids []string) {
		for {
			out, err := f.api.ListClusters(bg, in)
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Clusters) > 50 {
				t.Fatalf("a page of %d", len(out.Clusters))
			}
			for _, c := range out.Clusters {
				ids = append(ids, *c.Id)
			}
			if in.Marker = out.Marker; in.Marker == nil {
				return ids
			}
			f.run(runInput("between", types.ActionOnFailureContinue)) // shifts the pages
		}
	}
	ids := list(&awsemr.ListClustersInput{})
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != 120 {
		t.Errorf("%d clusters, %d of them different", len(ids), n)
	}
	if n := len(list(&awsemr.ListClustersInput{CreatedAfter: ptr(start.Add(100 * time.Second))})); n != 22 {
		t.Errorf("%d clusters created after, want 22", n)
	}
	f.pass(time.Hour)
	if n := len(list(&awsemr.ListClustersInput{ClusterStates: []types.ClusterState{types.ClusterStateTerminated}})); n != 122 {
		t.Errorf("%d ended clusters are listed, want all 122", n)
	}
}

func TestListStepsPages(t *testing.T) {
	f := newFlowTest(t, nil)
	var names []string
	for i := range 120 {
		names = append(names, fmt.Sprintf("s%03d", i))
	}
	id := f.run(runInput("n", types.ActionOnFailureContinue, names...))
	var got []string
	in := &awsemr.ListStepsInput{ClusterId: &id}
	for {
		out, err := f.api.ListSteps(bg, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range out.Steps {
			got = append(got, *s.Name)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			break
		}
	}
	slices.Reverse(got)
	if !slices.Equal(got, names) {
		t.Errorf("steps %v", got)
	}
	if _, err := f.api.ListSteps(bg, &awsemr.ListStepsInput{ClusterId: ptr("j-X")}); code(err) != "InvalidRequestException" {
		t.Error(err)
	}
}

func TestEMRRefusesNonsense(t *testing.T) {
	f := newFlowTest(t, nil)
	for name, in := range map[string]*awsemr.RunJobFlowInput{
		"name":        runInput("a$b", types.ActionOnFailureContinue),
		"no name":     runInput("", types.ActionOnFailureContinue),
		"steps":       runInput("n", types.ActionOnFailureContinue, make([]string, 257)...),
		"instances":   {Name: ptr("n")},
		"nameless":    runInput("n", types.ActionOnFailureContinue, ""),
		"concurrency": {Name: ptr("n"), Instances: &types.JobFlowInstancesConfig{}, StepConcurrencyLevel: ptr(int32(300))},
	} {
		if _, err := f.api.RunJobFlow(bg, in); code(err) != "ValidationException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
