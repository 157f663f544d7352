package killswitch

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"

	"lamplighter/resources"
)

var at = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// fake keeps schedules by name, and fails as told.
type fake struct {
	schedules map[string]*awsscheduler.CreateScheduleInput
	hidden    bool  // GetSchedule lags
	err       error // of every call
	calls     []string
	repeats   bool // some change was not sent once
	pages     [][]types.ScheduleSummary
	listed    *awsscheduler.ListSchedulesInput
}

func (f *fake) enter(call string, name *string, options []func(*awsscheduler.Options)) {
	f.calls = append(f.calls, call+" "+aws.ToString(name))
	var o awsscheduler.Options
	for _, option := range options {
		option(&o)
	}
	if once := o.Retryer != nil && o.Retryer.MaxAttempts() == 1; !once {
		f.repeats = true
	}
}

func (f *fake) CreateSchedule(_ context.Context, in *awsscheduler.CreateScheduleInput, o ...func(*awsscheduler.Options)) (*awsscheduler.CreateScheduleOutput, error) {
	f.enter("create", in.Name, o)
	if f.err != nil {
		return nil, f.err
	}
	if f.schedules[*in.Name] != nil {
		return nil, &types.ConflictException{Message: aws.String("Schedule " + *in.Name + " already exists.")}
	}
	if f.schedules == nil {
		f.schedules = map[string]*awsscheduler.CreateScheduleInput{}
	}
	f.schedules[*in.Name] = in
	return &awsscheduler.CreateScheduleOutput{}, nil
}

func (f *fake) GetSchedule(_ context.Context, in *awsscheduler.GetScheduleInput, _ ...func(*awsscheduler.Options)) (*awsscheduler.GetScheduleOutput, error) {
	f.calls = append(f.calls, "get "+*in.Name)
	if f.err != nil {
		return nil, f.err
	}
	s := f.schedules[*in.Name]
	if s == nil || f.hidden {
		return nil, &types.ResourceNotFoundException{Message: aws.String("no")}
	}
	return &awsscheduler.GetScheduleOutput{Name: s.Name, State: s.State, StartDate: s.StartDate, EndDate: s.EndDate,
		ScheduleExpression: s.ScheduleExpression, Target: s.Target}, nil
}

func (f *fake) DeleteSchedule(_ context.Context, in *awsscheduler.DeleteScheduleInput, o ...func(*awsscheduler.Options)) (*awsscheduler.DeleteScheduleOutput, error) {
	f.enter("delete", in.Name, o)
	if f.err != nil {
		return nil, f.err
	}
	if f.schedules[*in.Name] == nil {
		return nil, &types.ResourceNotFoundException{Message: aws.String("no")}
	}
	delete(f.schedules, *in.Name)
	return &awsscheduler.DeleteScheduleOutput{}, nil
}

func (f *fake) ListSchedules(_ context.Context, in *awsscheduler.ListSchedulesInput, _ ...func(*awsscheduler.Options)) (*awsscheduler.ListSchedulesOutput, error) {
	if f.err != nil {
		return nil, f.err
	}
	if f.listed == nil {
		f.listed = in
	}
	n := len(aws.ToString(in.NextToken))
	if n >= len(f.pages) {
		return &awsscheduler.ListSchedulesOutput{}, nil
	}
	out := &awsscheduler.ListSchedulesOutput{Schedules: f.pages[n]}
	if n+1 < len(f.pages) {
		out.NextToken = aws.String(strings.Repeat("t", n+1))
	}
	return out, nil
}

func switches(f *fake) *Switches {
	return &Switches{API: f, Group: "group", Role: "role", DeadLetterQueue: "queue"}
}

func TestArm(t *testing.T) {
	f := &fake{}
	if err := switches(f).Arm(t.Context(), "c", at.In(time.FixedZone("x", 3600))); err != nil {
		t.Fatal(err)
	}
	want := &awsscheduler.CreateScheduleInput{
		Name: aws.String("c-d"), GroupName: aws.String("group"), ScheduleExpression: aws.String("rate(5 minutes)"),
		StartDate: aws.Time(at), EndDate: aws.Time(at.Add(24 * time.Hour)), ActionAfterCompletion: "DELETE", State: "ENABLED",
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: "OFF"},
		Target: &types.Target{
			Arn: aws.String("arn:aws:scheduler:::aws-sdk:redshift:deleteCluster"), RoleArn: aws.String("role"),
			Input: aws.String(`{"ClusterIdentifier":"c","SkipFinalClusterSnapshot":false,"FinalClusterSnapshotIdentifier":"c-<aws.scheduler.execution-id>",` +
				`"FinalClusterSnapshotRetentionPeriod":14}`),
			RetryPolicy:      &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(2), MaximumEventAgeInSeconds: aws.Int32(240)},
			DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String("queue")},
		},
	}
	if got := f.schedules["c-d"]; !reflect.DeepEqual(got, want) {
		t.Errorf("asked for\n%+v\n%+v, input %s", got, got.Target, *got.Target.Input)
	}
	if f.repeats {
		t.Error("the SDK may repeat it")
	}
}

func TestArmOthers(t *testing.T) {
	f := &fake{}
	s := &Switches{API: f, Role: "role"}
	if err := s.ArmPause(t.Context(), "c", at); err != nil {
		t.Fatal(err)
	}
	if err := s.ArmFlow(t.Context(), "flow", "j-1", at); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{
		"c-p":    {"arn:aws:scheduler:::aws-sdk:redshift:pauseCluster", `{"ClusterIdentifier":"c"}`},
		"flow-d": {"arn:aws:scheduler:::aws-sdk:emr:terminateJobFlows", `{"JobFlowIds":["j-1"]}`},
	} {
		got := f.schedules[name]
		if got == nil || *got.Target.Arn != want[0] || *got.Target.Input != want[1] {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		if got.GroupName != nil || got.Target.DeadLetterConfig != nil {
			t.Errorf("%s: unset, but sent: %+v", name, got)
		}
		if !json.Valid([]byte(*got.Target.Input)) {
			t.Errorf("%s: %s", name, *got.Target.Input)
		}
	}
}

// TestArmAgain: the same switch is no error, another one is, and says why.
func TestArmAgain(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*awsscheduler.CreateScheduleInput)
		want   resources.Class
		word   string
	}{
		{"the same", func(*awsscheduler.CreateScheduleInput) {}, resources.OK, ""},
		{"kept to the second", func(s *awsscheduler.CreateScheduleInput) { s.StartDate = aws.Time(at.Truncate(time.Second)) }, resources.OK, ""},
		{"another instant", func(s *awsscheduler.CreateScheduleInput) { s.StartDate = aws.Time(at.Add(time.Minute)) }, resources.Permanent, "fires from"},
		{"another rate", func(s *awsscheduler.CreateScheduleInput) { s.ScheduleExpression = aws.String("rate(1 day)") }, resources.Permanent, "rate(1 day)"},
		{"another cluster", func(s *awsscheduler.CreateScheduleInput) { s.Target.Input = aws.String("{}") }, resources.Permanent, "another resource"},
		{"another target", func(s *awsscheduler.CreateScheduleInput) { s.Target.Arn = aws.String("x") }, resources.Permanent, "target"},
		{"disabled", func(s *awsscheduler.CreateScheduleInput) { s.State = "DISABLED" }, resources.Permanent, "disabled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fake{}
			s := switches(f)
			precise := at.Add(123 * time.Millisecond)
			if err := s.Arm(t.Context(), "c", precise); err != nil {
				t.Fatal(err)
			}
			test.change(f.schedules["c-d"])
			err := s.Arm(t.Context(), "c", precise)
			if got := resources.ClassOf(err); got != test.want {
				t.Fatalf("%v: %s, want %s", err, got, test.want)
			}
			if err != nil && (!strings.Contains(err.Error(), test.word) || resources.HintOf(err) == "") {
				t.Errorf("%v, hint %q", err, resources.HintOf(err))
			}
		})
	}
}

// TestArmBehindALag: a name that is taken and not shown is asked for again.
func TestArmBehindALag(t *testing.T) {
	f := &fake{}
	s := switches(f)
	if err := s.Arm(t.Context(), "c", at); err != nil {
		t.Fatal(err)
	}
	f.hidden = true
	if err := s.Arm(t.Context(), "c", at); resources.ClassOf(err) != resources.Retry {
		t.Errorf("%v", err)
	}
}

func TestNameTooLong(t *testing.T) {
	f := &fake{}
	if err := switches(f).Arm(t.Context(), strings.Repeat("x", 63), at); resources.ClassOf(err) != resources.Permanent || len(f.calls) > 0 {
		t.Errorf("%v, %v", err, f.calls)
	}
	longest := resources.Name{Pipeline: strings.Repeat("p", resources.MaxPipelineName), Hash: "abcde", Run: "20261122t13", Attempt: 9, N: 99, Stop: at}
	if err := switches(f).Arm(t.Context(), longest.String(), at); err != nil {
		t.Errorf("%s: %v", longest, err)
	}
}

func TestClasses(t *testing.T) {
	for _, test := range []struct {
		err               error
		arm, disarm, look resources.Class
	}{
		{&types.ThrottlingException{}, resources.Retry, resources.Retry, resources.Retry},
		{&types.ValidationException{}, resources.Permanent, resources.Permanent, resources.Permanent},
		{&types.ServiceQuotaExceededException{}, resources.Permanent, resources.Permanent, resources.Permanent},
		{&types.ResourceNotFoundException{}, resources.Gone, resources.OK, resources.OK},
		{&types.InternalServerException{}, resources.Unknown, resources.Unknown, resources.Retry},
		{&smithy.GenericAPIError{Code: "AccessDeniedException"}, resources.Denied, resources.Denied, resources.Denied},
		{context.DeadlineExceeded, resources.Unknown, resources.Unknown, resources.Retry},
	} {
		f := &fake{err: test.err}
		s := switches(f)
		_, look := s.Describe(t.Context(), "c")
		for what, pair := range map[string]struct {
			err  error
			want resources.Class
		}{"arm": {s.Arm(t.Context(), "c", at), test.arm}, "disarm": {s.Disarm(t.Context(), "c"), test.disarm}, "describe": {look, test.look}} {
			if got := resources.ClassOf(pair.err); got != pair.want {
				t.Errorf("%s, %T: %v, %s, want %s", what, test.err, pair.err, got, pair.want)
			}
		}
		if f.repeats {
			t.Error("the SDK may repeat a change")
		}
	}
}

func TestDescribeAndDisarm(t *testing.T) {
	f := &fake{}
	s := switches(f)
	absent, err := s.Describe(t.Context(), "c")
	if err != nil || absent.Exists || absent.Ref != (resources.Ref{Kind: "switch", Name: "c"}) {
		t.Errorf("%+v, %v", absent, err)
	}
	for _, arm := range []func(context.Context, string, time.Time) error{s.Arm, s.ArmPause} {
		if err := arm(t.Context(), "c", at); err != nil {
			t.Fatal(err)
		}
	}
	want := resources.Observation{Ref: resources.Ref{Kind: "switch", Name: "c"}, Exists: true, State: "ENABLED",
		Parts: map[string]string{"from": "2026-11-22T09:00:00Z", "until": "2026-11-23T09:00:00Z"}}
	got, err := s.Describe(t.Context(), "c")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	f.calls = nil
	for range 2 {
		if err := s.Disarm(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.schedules) > 0 || !slices.Equal(f.calls, []string{"delete c-p", "delete c-d", "delete c-p", "delete c-d"}) {
		t.Errorf("%v, %v", f.schedules, f.calls)
	}
}

func TestListAllPages(t *testing.T) {
	summary := func(name string, state types.ScheduleState) types.ScheduleSummary {
		return types.ScheduleSummary{Name: aws.String(name), State: state}
	}
	f := &fake{pages: [][]types.ScheduleSummary{
		{summary("p-b-d", "ENABLED"), summary("p-b-p", "DISABLED"), summary("p-other", "ENABLED")},
		{},
		{summary("p-a-p", "ENABLED"), summary("q-d", "ENABLED")},
	}}
	got, err := switches(f).List(t.Context(), "p-")
	want := []resources.Observation{
		{Ref: resources.Ref{Kind: "switch", Name: "p-a"}, Exists: true, State: "ENABLED"},
		{Ref: resources.Ref{Kind: "switch", Name: "p-b"}, Exists: true, State: "ENABLED"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if aws.ToString(f.listed.NamePrefix) != "p-" || aws.ToString(f.listed.GroupName) != "group" {
		t.Errorf("%+v", f.listed)
	}
	everything := &fake{pages: [][]types.ScheduleSummary{{summary("p-b-d", "ENABLED")}}}
	if got, err := switches(everything).List(t.Context(), ""); err != nil || len(got) != 1 || everything.listed.NamePrefix != nil {
		t.Errorf("%+v, %v, %+v", got, err, everything.listed)
	}
}
