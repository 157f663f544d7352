package simcloud

import (
	"context"
	"slices"
	"time"

	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"
)

// What changes an EMR cluster that runs.

// changeable is a flow that may still be changed.
func (a emrAPI) changeable(id string) (*Flow, error) {
	f := a.c.flow(id)
	switch {
	case f == nil:
		return nil, errFlow(id)
	case !f.Live() || f.Status == terminating:
		return nil, invalidEMR("A job flow that is shutting down, terminated, or finished may not be modified.")
	}
	return f, nil
}

// AddJobFlowSteps adds steps at the end.
func (a emrAPI) AddJobFlowSteps(_ context.Context, in *awsemr.AddJobFlowStepsInput, _ ...func(*awsemr.Options)) (*awsemr.AddJobFlowStepsOutput, error) {
	defer a.c.flush()
	f, err := a.changeable(val(in.JobFlowId))
	if err != nil {
		return nil, err
	}
	active := 0
	for _, s := range f.Steps {
		if s.Status == stepPending || s.Status == stepRunning {
			active++
		}
	}
	if active+len(in.Steps) > mostSteps {
		return nil, errTooManySteps()
	}
	if err := stepsValid(in.Steps, f.Concurrency); err != nil {
		return nil, err
	}
	out := &awsemr.AddJobFlowStepsOutput{}
	for _, s := range in.Steps {
		f.Steps = append(f.Steps, a.c.newStep(s))
		out.StepIds = append(out.StepIds, f.Steps[len(f.Steps)-1].Spec.ID)
	}
	a.c.keepFlow(f)
	a.c.nextSteps(f)
	return out, nil
}

// nextSteps starts what may run now, unless the next turn is due already.
func (c *Cloud) nextSteps(f *Flow) {
	if f.Move == nil && (f.Status == running || f.Status == waiting) {
		c.startSteps(f)
	}
}

func (a emrAPI) DescribeStep(_ context.Context, in *awsemr.DescribeStepInput, _ ...func(*awsemr.Options)) (*awsemr.DescribeStepOutput, error) {
	f := a.find(val(in.ClusterId))
	if f == nil {
		return nil, errFlow(val(in.ClusterId))
	}
	for i := range f.Steps {
		if f.Steps[i].Spec.ID == val(in.StepId) {
			s := showStep(&f.Steps[i])
			return &awsemr.DescribeStepOutput{Step: &types.Step{Id: s.Id, Name: s.Name, Status: s.Status, Config: s.Config, ActionOnFailure: s.ActionOnFailure}}, nil
		}
	}
	return nil, &types.InvalidRequestException{Message: ptr("Step id '" + val(in.StepId) + "' is not valid.")}
}

// CancelSteps cancels steps that wait or run; of others it says why not.
func (a emrAPI) CancelSteps(_ context.Context, in *awsemr.CancelStepsInput, _ ...func(*awsemr.Options)) (*awsemr.CancelStepsOutput, error) {
	defer a.c.flush()
	f, err := a.changeable(val(in.ClusterId))
	if err != nil {
		return nil, err
	}
	if len(in.StepIds) == 0 || len(in.StepIds) > mostSteps {
		return nil, invalidEMR("StepIds must name 1 to %d steps.", mostSteps)
	}
	out := &awsemr.CancelStepsOutput{}
	for _, id := range in.StepIds {
		info := types.CancelStepsInfo{StepId: ptr(id), Status: types.CancelStepsRequestStatusFailed}
		i := slices.IndexFunc(f.Steps, func(s FlowStep) bool { return s.Spec.ID == id })
		switch {
		case i < 0:
			info.Reason = ptr("Step id '" + id + "' is not valid.")
		case a.c.cancelStep(&f.Steps[i]):
			info.Status = types.CancelStepsRequestStatusSubmitted
		default:
			info.Reason = ptr("The step is " + f.Steps[i].Status + ".")
		}
		out.CancelStepsInfoList = append(out.CancelStepsInfoList, info)
	}
	a.c.keepFlow(f)
	if f.Move == nil && f.Status == running {
		a.c.carryOn(f, &Move{Phase: PhaseStep, Due: a.c.due(PhaseStep)})
	}
	return out, nil
}

// ModifyCluster changes how many steps run at once.
func (a emrAPI) ModifyCluster(_ context.Context, in *awsemr.ModifyClusterInput, _ ...func(*awsemr.Options)) (*awsemr.ModifyClusterOutput, error) {
	defer a.c.flush()
	f, err := a.changeable(val(in.ClusterId))
	if err != nil {
		return nil, err
	}
	n := val(in.StepConcurrencyLevel)
	switch {
	case in.StepConcurrencyLevel == nil:
		return nil, invalidEMR("StepConcurrencyLevel is required: extended support is not here.")
	case n < 1 || n > 256:
		return nil, invalidEMR("StepConcurrencyLevel must be between 1 and 256.")
	case n > 1 && slices.ContainsFunc(f.Steps, func(s FlowStep) bool {
		return (s.Status == stepPending || s.Status == stepRunning) && s.OnFailure != string(types.ActionOnFailureContinue)
	}):
		return nil, invalidEMR("Steps of a cluster with StepConcurrencyLevel greater than 1 only support the ActionOnFailure CONTINUE.")
	}
	f.Concurrency = int(n)
	a.c.keepFlow(f)
	a.c.nextSteps(f)
	return &awsemr.ModifyClusterOutput{StepConcurrencyLevel: &n}, nil
}

// each finds all flows before any is changed.
func (a emrAPI) each(ids []string, change func(*Flow)) error {
	if len(ids) == 0 || len(ids) > 10 {
		return invalidEMR("JobFlowIds must name 1 to 10 job flows.")
	}
	var flows []*Flow
	for _, id := range ids {
		f, err := a.changeable(id)
		if err != nil {
			return err
		}
		flows = append(flows, f)
	}
	for _, f := range flows {
		change(f)
		a.c.keepFlow(f)
	}
	return nil
}

func (a emrAPI) SetTerminationProtection(_ context.Context, in *awsemr.SetTerminationProtectionInput, _ ...func(*awsemr.Options)) (*awsemr.SetTerminationProtectionOutput, error) {
	defer a.c.flush()
	return &awsemr.SetTerminationProtectionOutput{}, a.each(in.JobFlowIds, func(f *Flow) { f.Protected = val(in.TerminationProtected) })
}

// SetKeepJobFlowAliveWhenNoSteps says whether a cluster ends after its last
// step; one that waits already ends at once.
func (a emrAPI) SetKeepJobFlowAliveWhenNoSteps(_ context.Context, in *awsemr.SetKeepJobFlowAliveWhenNoStepsInput, _ ...func(*awsemr.Options)) (*awsemr.SetKeepJobFlowAliveWhenNoStepsOutput, error) {
	defer a.c.flush()
	return &awsemr.SetKeepJobFlowAliveWhenNoStepsOutput{}, a.each(in.JobFlowIds, func(f *Flow) {
		f.KeepAlive = val(in.KeepJobFlowAliveWhenNoSteps)
		if f.Status == waiting {
			a.c.nextSteps(f)
		}
	})
}

// idleValid keeps the bounds of AutoTerminationPolicy.
// docs.aws.amazon.com/emr/latest/ManagementGuide/emr-auto-termination-policy.html
func idleValid(p *types.AutoTerminationPolicy) (time.Duration, error) {
	if p == nil {
		return 0, nil
	}
	seconds := or(val(p.IdleTimeout), 3600)
	if seconds < 60 || seconds > 604800 {
		return 0, invalidEMR("IdleTimeout must be between 60 and 604800 seconds.")
	}
	return time.Duration(seconds) * time.Second, nil
}

func (a emrAPI) PutAutoTerminationPolicy(_ context.Context, in *awsemr.PutAutoTerminationPolicyInput, _ ...func(*awsemr.Options)) (*awsemr.PutAutoTerminationPolicyOutput, error) {
	defer a.c.flush()
	f, err := a.changeable(val(in.ClusterId))
	if err != nil {
		return nil, err
	}
	idle, err := idleValid(in.AutoTerminationPolicy)
	if err != nil {
		return nil, err
	}
	f.Idle = idle
	a.c.keepFlow(f)
	a.c.endIdle(f)
	return &awsemr.PutAutoTerminationPolicyOutput{}, nil
}

func (a emrAPI) GetAutoTerminationPolicy(_ context.Context, in *awsemr.GetAutoTerminationPolicyInput, _ ...func(*awsemr.Options)) (*awsemr.GetAutoTerminationPolicyOutput, error) {
	f := a.find(val(in.ClusterId))
	out := &awsemr.GetAutoTerminationPolicyOutput{}
	if f == nil {
		return nil, errFlow(val(in.ClusterId))
	}
	if f.Idle > 0 {
		out.AutoTerminationPolicy = &types.AutoTerminationPolicy{IdleTimeout: ptr(int64(f.Idle / time.Second))}
	}
	return out, nil
}

func (a emrAPI) RemoveAutoTerminationPolicy(_ context.Context, in *awsemr.RemoveAutoTerminationPolicyInput, _ ...func(*awsemr.Options)) (*awsemr.RemoveAutoTerminationPolicyOutput, error) {
	defer a.c.flush()
	f, err := a.changeable(val(in.ClusterId))
	if err != nil {
		return nil, err
	}
	f.Idle = 0
	a.c.keepFlow(f)
	return &awsemr.RemoveAutoTerminationPolicyOutput{}, nil
}

// endIdle ends a flow that waits for its idle time. The reason's code is a
// guess: no page says which one auto-termination has.
func (c *Cloud) endIdle(f *Flow) {
	if f.Status != waiting || f.Idle == 0 {
		return
	}
	since, idle := f.Waiting, f.Idle
	c.at(since.Add(idle), func() {
		if f.Status == waiting && f.Waiting.Equal(since) && f.Idle == idle && !f.Protected {
			c.terminate(f, "USER_REQUEST", "Terminated by the auto-termination policy after "+idle.String()+" of idle time")
		}
	})
}

func (a emrAPI) AddTags(_ context.Context, in *awsemr.AddTagsInput, _ ...func(*awsemr.Options)) (*awsemr.AddTagsOutput, error) {
	defer a.c.flush()
	f, err := a.changeable(val(in.ResourceId))
	if err != nil {
		return nil, err
	}
	var add []Tag
	for _, t := range in.Tags {
		add = append(add, Tag{val(t.Key), val(t.Value)})
	}
	f.Tags = mergeTags(f.Tags, add)
	a.c.keepFlow(f)
	return &awsemr.AddTagsOutput{}, nil
}

func (a emrAPI) RemoveTags(_ context.Context, in *awsemr.RemoveTagsInput, _ ...func(*awsemr.Options)) (*awsemr.RemoveTagsOutput, error) {
	defer a.c.flush()
	f, err := a.changeable(val(in.ResourceId))
	if err != nil {
		return nil, err
	}
	f.Tags = withoutTags(f.Tags, in.TagKeys)
	a.c.keepFlow(f)
	return &awsemr.RemoveTagsOutput{}, nil
}

func withoutTags(tags []Tag, keys []string) []Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t Tag) bool { return slices.Contains(keys, t.Key) })
}
