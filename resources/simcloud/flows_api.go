package simcloud

import (
	"context"
	"slices"
	"strings"
	"time"

	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"

	"lamplighter/resources"
)

// emrAPI answers as the SDK's client does, at once and without faults.
type emrAPI struct {
	c    *Cloud
	asOf func() time.Time // of reads; zero is now
}

// EMR is a client without faults or latency.
func (c *Cloud) EMR() EMR { return emrAPI{c, present} }

const pageSize = 50 // of ListClusters and ListSteps

func invalidEMR(format string, args ...any) error {
	return generic("ValidationException", format, args...)
}

func (a emrAPI) RunJobFlow(_ context.Context, in *awsemr.RunJobFlowInput, _ ...func(*awsemr.Options)) (*awsemr.RunJobFlowOutput, error) {
	defer a.c.flush()
	if err := flowValid(in); err != nil {
		return nil, err
	}
	idle, err := idleValid(in.AutoTerminationPolicy)
	if err != nil {
		return nil, err
	}
	f := &Flow{
		Spec: FlowSpec{
			ID: numbered("j-", a.c.next()), Name: *in.Name, Release: val(in.ReleaseLabel), LogURI: val(in.LogUri), Role: val(in.JobFlowRole),
		},
		Created: a.c.now(), KeepAlive: val(in.Instances.KeepJobFlowAliveWhenNoSteps), Protected: val(in.Instances.TerminationProtected),
		Concurrency: int(or(val(in.StepConcurrencyLevel), 1)), ServiceRole: val(in.ServiceRole), Subnets: in.Instances.Ec2SubnetIds,
	}
	if in.Instances.Ec2SubnetId != nil {
		f.Subnets = []string{*in.Instances.Ec2SubnetId}
	}
	for _, t := range in.Tags {
		f.Tags = append(f.Tags, Tag{val(t.Key), val(t.Value)})
	}
	for _, s := range in.Steps {
		f.Steps = append(f.Steps, a.c.newStep(s))
	}
	for _, b := range in.BootstrapActions {
		f.Bootstrap = append(f.Bootstrap, Bootstrap{val(b.Name), val(b.ScriptBootstrapAction.Path), b.ScriptBootstrapAction.Args})
	}
	f.Idle, f.Groups = idle, len(in.Instances.InstanceFleets) == 0
	f.Fleets = a.c.fleets(in.Instances, *in.Name)
	if slices.ContainsFunc(f.Fleets, func(got Fleet) bool { return got.Shape.Market == "" }) {
		f.Code, f.Message = "INSTANCE_FLEET_TIMEOUT", "The Spot instances of the fleet could not be provisioned in time."
	}
	a.c.addFlow(f)
	return &awsemr.RunJobFlowOutput{JobFlowId: ptr(f.Spec.ID), ClusterArn: ptr(a.c.flowARN(f))}, nil
}

func flowValid(in *awsemr.RunJobFlowInput) error {
	switch {
	case val(in.Name) == "" || len(*in.Name) > 256 || strings.ContainsAny(*in.Name, "<>$|`"):
		return invalidEMR("The job flow name %q is not valid.", val(in.Name))
	case in.Instances == nil:
		return invalidEMR("Instances is required.")
	case len(in.Instances.InstanceFleets) > 0 && len(in.Instances.InstanceGroups) > 0:
		return invalidEMR("Instance fleets and instance groups are mutually exclusive.")
	case len(in.Steps) > mostSteps:
		return errTooManySteps()
	case val(in.StepConcurrencyLevel) < 0 || val(in.StepConcurrencyLevel) > 256:
		return invalidEMR("StepConcurrencyLevel must be between 1 and 256.")
	}
	for _, b := range in.BootstrapActions {
		if val(b.Name) == "" || b.ScriptBootstrapAction == nil || val(b.ScriptBootstrapAction.Path) == "" {
			return invalidEMR("Each bootstrap action needs a Name and a ScriptBootstrapAction with a Path.")
		}
	}
	return stepsValid(in.Steps, int(val(in.StepConcurrencyLevel)))
}

const mostSteps = 256 // that wait or run

func errTooManySteps() error {
	return invalidEMR("Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded.")
}

func stepsValid(steps []types.StepConfig, concurrency int) error {
	for _, s := range steps {
		switch {
		case s.HadoopJarStep == nil || val(s.HadoopJarStep.Jar) == "" || val(s.Name) == "":
			return invalidEMR("Each step needs a Name and a HadoopJarStep with a Jar.")
		case concurrency > 1 && s.ActionOnFailure != types.ActionOnFailureContinue:
			return invalidEMR("Steps of a cluster with StepConcurrencyLevel greater than 1 only support the ActionOnFailure CONTINUE.")
		case slices.ContainsFunc(s.HadoopJarStep.Args, func(arg string) bool { return len(arg) > 10240 }):
			return invalidEMR("An argument of step %s is longer than 10240 characters.", *s.Name)
		}
	}
	return nil
}

func (c *Cloud) newStep(s types.StepConfig) FlowStep {
	return FlowStep{
		Spec:   StepSpec{ID: numbered("s-", c.next()), Name: val(s.Name), Jar: val(s.HadoopJarStep.Jar), Args: s.HadoopJarStep.Args},
		Status: stepPending, Created: c.now(), OnFailure: string(or(s.ActionOnFailure, types.ActionOnFailureTerminateCluster)),
	}
}

// fleets is what the asked instances become: the first type of each fleet, or
// another one where fate wants it.
func (c *Cloud) fleets(in *types.JobFlowInstancesConfig, name string) (out []Fleet) {
	shape := func(typ, market string, count int32) resources.Shape {
		return resources.Shape{Service: "emr", Type: typ, Market: market, Region: c.opts.Region, Count: int(count)}
	}
	for _, f := range in.InstanceFleets {
		if len(f.InstanceTypeConfigs) == 0 {
			continue
		}
		t := f.InstanceTypeConfigs[0]
		if n := len(f.InstanceTypeConfigs); n > 1 && c.fate(FateSpot, name) {
			t = f.InstanceTypeConfigs[n-1]
		}
		weight := or(val(t.WeightedCapacity), 1)
		if n := val(f.TargetOnDemandCapacity); n > 0 {
			out = append(out, Fleet{string(f.InstanceFleetType), shape(val(t.InstanceType), "on-demand", (n+weight-1)/weight)})
		}
		if n := val(f.TargetSpotCapacity); n > 0 {
			out = append(out, Fleet{string(f.InstanceFleetType), shape(val(t.InstanceType), c.spot(f, name), (n+weight-1)/weight)})
		}
	}
	for _, g := range in.InstanceGroups {
		market := "on-demand"
		if g.Market == types.MarketTypeSpot {
			market = "spot"
		}
		out = append(out, Fleet{string(g.InstanceRole), shape(val(g.InstanceType), market, val(g.InstanceCount))})
	}
	if in.MasterInstanceType != nil {
		out = append(out, Fleet{"MASTER", shape(*in.MasterInstanceType, "on-demand", 1)})
		if in.SlaveInstanceType != nil && val(in.InstanceCount) > 1 {
			out = append(out, Fleet{"CORE", shape(*in.SlaveInstanceType, "on-demand", *in.InstanceCount-1)})
		}
	}
	return out
}

// spot is the market that a fleet's Spot capacity comes from; "" is none.
func (c *Cloud) spot(f types.InstanceFleetConfig, name string) string {
	if !c.fate(FateNoSpot, name) {
		return "spot"
	}
	if l := f.LaunchSpecifications; l != nil && l.SpotSpecification != nil &&
		l.SpotSpecification.TimeoutAction == types.SpotProvisioningTimeoutActionSwitchToOnDemand {
		return "on-demand"
	}
	return ""
}

func (c *Cloud) flowARN(f *Flow) string {
	return "arn:aws:elasticmapreduce:" + c.opts.Region + ":" + c.opts.Account + ":cluster/" + f.Spec.ID
}

// ListClusters lists the newest first, 50 a page, ended ones too.
func (a emrAPI) ListClusters(_ context.Context, in *awsemr.ListClustersInput, _ ...func(*awsemr.Options)) (*awsemr.ListClustersOutput, error) {
	out := &awsemr.ListClustersOutput{Clusters: []types.ClusterSummary{}}
	skip := val(in.Marker) // the last one of the page before
	flows := a.c.flows(a.asOf())
	for i := len(flows) - 1; i >= 0; i-- {
		f := flows[i]
		if skip != "" {
			if f.Spec.ID == skip {
				skip = ""
			}
			continue
		}
		if in.CreatedAfter != nil && f.Created.Before(*in.CreatedAfter) || in.CreatedBefore != nil && f.Created.After(*in.CreatedBefore) ||
			len(in.ClusterStates) > 0 && !slices.Contains(in.ClusterStates, types.ClusterState(f.Status)) {
			continue
		}
		if len(out.Clusters) == pageSize {
			out.Marker = out.Clusters[pageSize-1].Id
			break
		}
		out.Clusters = append(out.Clusters, types.ClusterSummary{
			Id: &f.Spec.ID, Name: &f.Spec.Name, Status: showFlowStatus(f), ClusterArn: ptr(a.c.flowARN(f)),
			NormalizedInstanceHours: ptr(a.c.instanceHours(f)),
		})
	}
	if skip != "" {
		return nil, &types.InvalidRequestException{Message: ptr("Marker '" + skip + "' is not valid.")}
	}
	return out, nil
}

func showFlowStatus(f *Flow) *types.ClusterStatus {
	s := &types.ClusterStatus{
		State:             types.ClusterState(f.Status),
		StateChangeReason: &types.ClusterStateChangeReason{Code: types.ClusterStateChangeReasonCode(f.Code), Message: optional(f.Message)},
		Timeline:          &types.ClusterTimeline{CreationDateTime: ptr(f.Created), ReadyDateTime: instant(f.Ready), EndDateTime: instant(f.Ended)},
	}
	if f.Status == terminatedWithErrors {
		s.ErrorDetails = []types.ErrorDetail{{ErrorCode: ptr(f.Code), ErrorMessage: optional(f.Message)}}
	}
	return s
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a emrAPI) find(id string) *Flow {
	flows := a.c.flows(a.asOf())
	if i := slices.IndexFunc(flows, func(f *Flow) bool { return f.Spec.ID == id }); i >= 0 {
		return flows[i]
	}
	return nil
}

func (a emrAPI) DescribeCluster(_ context.Context, in *awsemr.DescribeClusterInput, _ ...func(*awsemr.Options)) (*awsemr.DescribeClusterOutput, error) {
	f := a.find(val(in.ClusterId))
	if f == nil {
		return nil, errFlow(val(in.ClusterId))
	}
	c := &types.Cluster{
		Id: &f.Spec.ID, Name: &f.Spec.Name, Status: showFlowStatus(f), ClusterArn: ptr(a.c.flowARN(f)), ReleaseLabel: optional(f.Spec.Release),
		LogUri: optional(f.Spec.LogURI), ServiceRole: optional(f.ServiceRole), AutoTerminate: ptr(!f.KeepAlive), TerminationProtected: ptr(f.Protected),
		StepConcurrencyLevel: ptr(int32(f.Concurrency)), InstanceCollectionType: types.InstanceCollectionTypeInstanceFleet,
		Ec2InstanceAttributes: &types.Ec2InstanceAttributes{IamInstanceProfile: optional(f.Spec.Role), RequestedEc2SubnetIds: f.Subnets},
	}
	if f.Groups {
		c.InstanceCollectionType = types.InstanceCollectionTypeInstanceGroup
	}
	if !a.c.provisionedAt(f).IsZero() {
		c.MasterPublicDnsName = ptr("127.0.0.1")
	}
	c.NormalizedInstanceHours, c.VisibleToAllUsers = ptr(a.c.instanceHours(f)), ptr(true)
	for _, t := range f.Tags {
		c.Tags = append(c.Tags, types.Tag{Key: ptr(t.Key), Value: ptr(t.Value)})
	}
	return &awsemr.DescribeClusterOutput{Cluster: c}, nil
}

// ListSteps lists the last step first, 50 a page.
func (a emrAPI) ListSteps(_ context.Context, in *awsemr.ListStepsInput, _ ...func(*awsemr.Options)) (*awsemr.ListStepsOutput, error) {
	f := a.find(val(in.ClusterId))
	if f == nil {
		return nil, errFlow(val(in.ClusterId))
	}
	all := []types.StepSummary{}
	for i := len(f.Steps) - 1; i >= 0; i-- {
		s := &f.Steps[i]
		if len(in.StepStates) > 0 && !slices.Contains(in.StepStates, types.StepState(s.Status)) || len(in.StepIds) > 0 && !slices.Contains(in.StepIds, s.Spec.ID) {
			continue
		}
		all = append(all, showStep(s))
	}
	steps, marker, ok := page(all, in.Marker, pageSize)
	if !ok {
		return nil, &types.InvalidRequestException{Message: ptr("Marker '" + *in.Marker + "' is not valid.")}
	}
	return &awsemr.ListStepsOutput{Steps: steps, Marker: marker}, nil
}

func showStep(s *FlowStep) types.StepSummary {
	status := &types.StepStatus{
		State:             types.StepState(s.Status),
		StateChangeReason: &types.StepStateChangeReason{},
		Timeline:          &types.StepTimeline{CreationDateTime: ptr(s.Created), StartDateTime: instant(s.Started), EndDateTime: instant(s.Ended)},
	}
	if s.Status == stepFailed {
		status.FailureDetails = &types.FailureDetails{Reason: optional(s.Reason), LogFile: optional(s.LogFile)}
	}
	return types.StepSummary{
		Id: ptr(s.Spec.ID), Name: ptr(s.Spec.Name), Status: status, ActionOnFailure: types.ActionOnFailure(s.OnFailure),
		Config: &types.HadoopStepConfig{Jar: ptr(s.Spec.Jar), Args: s.Spec.Args},
	}
}

// TerminateJobFlows ends flows; ended ones are ended already.
func (a emrAPI) TerminateJobFlows(_ context.Context, in *awsemr.TerminateJobFlowsInput, _ ...func(*awsemr.Options)) (*awsemr.TerminateJobFlowsOutput, error) {
	defer a.c.flush()
	if len(in.JobFlowIds) == 0 || len(in.JobFlowIds) > 10 {
		return nil, invalidEMR("JobFlowIds must name 1 to 10 job flows.")
	}
	for _, id := range in.JobFlowIds {
		f := a.c.flow(id)
		if f == nil {
			return nil, errFlow(id)
		}
		if f.Protected && f.Live() {
			return nil, invalidEMR("Could not shut down one or more job flows since they are termination protected.")
		}
	}
	for _, id := range in.JobFlowIds {
		a.c.terminate(a.c.flow(id), "USER_REQUEST", "Terminated by user request")
	}
	return &awsemr.TerminateJobFlowsOutput{}, nil
}
