package simcloud

import (
	"context"
	"regexp"
	"strings"
	"time"

	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
)

// schedulerAPI answers as the SDK's client does, at once and without faults.
type schedulerAPI struct {
	c    *Cloud
	asOf func() time.Time // of reads; zero is now
}

// Scheduler is a client without faults or latency.
func (c *Cloud) Scheduler() Scheduler { return schedulerAPI{c, present} }

var scheduleName = regexp.MustCompile(`^[0-9a-zA-Z_.-]{1,64}$`)

// CreateSchedule makes a schedule. The same ClientToken again is the same
// request.
func (a schedulerAPI) CreateSchedule(_ context.Context, in *awsscheduler.CreateScheduleInput, _ ...func(*awsscheduler.Options)) (*awsscheduler.CreateScheduleOutput, error) {
	defer a.c.flush()
	s, err := newSchedule(in)
	if err != nil {
		return nil, err
	}
	s.Created = a.c.now()
	if old := a.c.schedule(s.Group, s.Name); old != nil {
		if s.Token != "" && s.Token == old.Token {
			return &awsscheduler.CreateScheduleOutput{ScheduleArn: ptr(a.c.scheduleARN(old))}, nil
		}
		return nil, errScheduleConflict(s.Name)
	}
	if s.Next, err = s.first(s.Created); err != nil {
		return nil, err
	}
	s.Gen = a.c.next()
	a.c.addSchedule(s)
	return &awsscheduler.CreateScheduleOutput{ScheduleArn: ptr(a.c.scheduleARN(s))}, nil
}

// UpdateSchedule replaces a schedule whole: what is not given is the default
// again, not what it was.
// docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
func (a schedulerAPI) UpdateSchedule(_ context.Context, in *awsscheduler.UpdateScheduleInput, _ ...func(*awsscheduler.Options)) (*awsscheduler.UpdateScheduleOutput, error) {
	defer a.c.flush()
	s, err := newSchedule(&awsscheduler.CreateScheduleInput{
		Name: in.Name, GroupName: in.GroupName, ScheduleExpression: in.ScheduleExpression, ScheduleExpressionTimezone: in.ScheduleExpressionTimezone, State: in.State,
		StartDate: in.StartDate, EndDate: in.EndDate, ActionAfterCompletion: in.ActionAfterCompletion, FlexibleTimeWindow: in.FlexibleTimeWindow, Target: in.Target, ClientToken: in.ClientToken,
	})
	if err != nil {
		return nil, err
	}
	old := a.c.schedule(s.Group, s.Name)
	if old == nil {
		return nil, errScheduleNotFound(s.Name)
	}
	if s.Next, err = s.first(a.c.now()); err != nil {
		return nil, err
	}
	s.Created, s.Gen, s.Fired = old.Created, old.Gen, old.Fired
	old.Next = time.Time{} // its turn comes no more
	*old, s.Token = *s, old.Token
	a.c.keepSchedule(old, false)
	a.c.announce("switch", old.Name, "", old.State)
	a.c.arm(old)
	return &awsscheduler.UpdateScheduleOutput{ScheduleArn: ptr(a.c.scheduleARN(old))}, nil
}

func newSchedule(in *awsscheduler.CreateScheduleInput) (*Schedule, error) {
	s := &Schedule{
		Group: or(val(in.GroupName), "default"), Name: val(in.Name), Expression: val(in.ScheduleExpression), Zone: val(in.ScheduleExpressionTimezone),
		State: string(or(in.State, types.ScheduleStateEnabled)), Start: val(in.StartDate), End: val(in.EndDate),
		DeleteAfter: in.ActionAfterCompletion == types.ActionAfterCompletionDelete, Token: val(in.ClientToken),
	}
	switch {
	case !scheduleName.MatchString(s.Name) || !scheduleName.MatchString(s.Group):
		return nil, errSchedule("Name and GroupName must have 1 to 64 characters out of letters, digits, '-', '_' and '.'.")
	case in.FlexibleTimeWindow == nil || in.FlexibleTimeWindow.Mode == "":
		return nil, errSchedule("FlexibleTimeWindow is required.")
	case in.Target == nil || val(in.Target.Arn) == "" || val(in.Target.RoleArn) == "":
		return nil, errSchedule("Target with Arn and RoleArn is required.")
	case targets[strings.TrimPrefix(*in.Target.Arn, targetPrefix)] == nil:
		return nil, errSchedule("Provided Arn %s is not one of the targets that this cloud knows.", *in.Target.Arn)
	case !s.End.IsZero() && !s.Start.Before(s.End):
		return nil, errSchedule("The StartDate you specify must come before the EndDate.")
	}
	t := in.Target
	s.Target = Target{ARN: *t.Arn, RoleARN: *t.RoleArn, Input: val(t.Input), MaxRetries: 185}
	if t.DeadLetterConfig != nil {
		s.Target.DeadLetterARN = val(t.DeadLetterConfig.Arn)
	}
	if r := t.RetryPolicy; r != nil {
		s.Target.MaxAge = val(r.MaximumEventAgeInSeconds)
		if r.MaximumRetryAttempts != nil {
			s.Target.MaxRetries = *r.MaximumRetryAttempts
		}
	}
	return s, nil
}

func (c *Cloud) scheduleARN(s *Schedule) string {
	return "arn:aws:scheduler:" + c.opts.Region + ":" + c.opts.Account + ":schedule/" + s.Group + "/" + s.Name
}

func (a schedulerAPI) GetSchedule(_ context.Context, in *awsscheduler.GetScheduleInput, _ ...func(*awsscheduler.Options)) (*awsscheduler.GetScheduleOutput, error) {
	group := or(val(in.GroupName), "default")
	for _, s := range a.c.schedules(a.asOf()) {
		if s.Group == group && s.Name == val(in.Name) {
			return a.c.showSchedule(s), nil
		}
	}
	return nil, errScheduleNotFound(val(in.Name))
}

func (c *Cloud) showSchedule(s *Schedule) *awsscheduler.GetScheduleOutput {
	after := types.ActionAfterCompletionNone
	if s.DeleteAfter {
		after = types.ActionAfterCompletionDelete
	}
	target := &types.Target{Arn: &s.Target.ARN, RoleArn: &s.Target.RoleARN, Input: optional(s.Target.Input)}
	target.RetryPolicy = &types.RetryPolicy{MaximumEventAgeInSeconds: ptr(or(s.Target.MaxAge, 86400)), MaximumRetryAttempts: &s.Target.MaxRetries}
	if s.Target.DeadLetterARN != "" {
		target.DeadLetterConfig = &types.DeadLetterConfig{Arn: &s.Target.DeadLetterARN}
	}
	return &awsscheduler.GetScheduleOutput{
		Arn: ptr(c.scheduleARN(s)), Name: &s.Name, GroupName: &s.Group, State: types.ScheduleState(s.State), ScheduleExpression: &s.Expression,
		ScheduleExpressionTimezone: ptr(or(s.Zone, "UTC")), StartDate: instant(s.Start), EndDate: instant(s.End), ActionAfterCompletion: after,
		CreationDate: ptr(s.Created), LastModificationDate: ptr(s.Created), FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff}, Target: target,
	}
}

func (a schedulerAPI) DeleteSchedule(_ context.Context, in *awsscheduler.DeleteScheduleInput, _ ...func(*awsscheduler.Options)) (*awsscheduler.DeleteScheduleOutput, error) {
	defer a.c.flush()
	s := a.c.schedule(or(val(in.GroupName), "default"), val(in.Name))
	if s == nil {
		return nil, errScheduleNotFound(val(in.Name))
	}
	s.State = "DELETED"
	a.c.removeSchedule(s)
	return &awsscheduler.DeleteScheduleOutput{}, nil
}

func (a schedulerAPI) ListSchedules(_ context.Context, in *awsscheduler.ListSchedulesInput, _ ...func(*awsscheduler.Options)) (*awsscheduler.ListSchedulesOutput, error) {
	all := []types.ScheduleSummary{}
	for _, s := range a.c.schedules(a.asOf()) {
		if in.GroupName != nil && s.Group != *in.GroupName || !strings.HasPrefix(s.Name, val(in.NamePrefix)) || in.State != "" && string(in.State) != s.State {
			continue
		}
		all = append(all, types.ScheduleSummary{
			Arn: ptr(a.c.scheduleARN(s)), Name: &s.Name, GroupName: &s.Group, State: types.ScheduleState(s.State),
			CreationDate: ptr(s.Created), LastModificationDate: ptr(s.Created), Target: &types.TargetSummary{Arn: &s.Target.ARN},
		})
	}
	list, next, ok := page(all, in.NextToken, int(or(val(in.MaxResults), 100)))
	if !ok {
		return nil, errSchedule("Invalid NextToken %s.", *in.NextToken)
	}
	return &awsscheduler.ListSchedulesOutput{Schedules: list, NextToken: next}, nil
}

// stsAPI answers GetCallerIdentity.
type stsAPI struct{ c *Cloud }

// STS is a client without faults or latency.
func (c *Cloud) STS() STS { return stsAPI{c} }

func (a stsAPI) GetCallerIdentity(context.Context, *awssts.GetCallerIdentityInput, ...func(*awssts.Options)) (*awssts.GetCallerIdentityOutput, error) {
	return &awssts.GetCallerIdentityOutput{
		Account: &a.c.opts.Account, Arn: ptr("arn:aws:iam::" + a.c.opts.Account + ":user/lamplighter"), UserId: ptr("AIDASIMULATED"),
	}, nil
}
