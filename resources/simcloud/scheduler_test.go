package simcloud

import (
	"strings"
	"testing"
	"time"

	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

func killSwitch(name, cluster, expression string, at time.Time) *awsscheduler.CreateScheduleInput {
	return &awsscheduler.CreateScheduleInput{
		Name: &name, GroupName: ptr("lamplighter"), ScheduleExpression: &expression, StartDate: instant(at), EndDate: ptr(at.Add(24 * time.Hour)),
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff}, ActionAfterCompletion: types.ActionAfterCompletionDelete,
		Target: &types.Target{
			Arn: ptr("arn:aws:scheduler:::aws-sdk:redshift:deleteCluster"), RoleArn: ptr("arn:aws:iam::1:role/kill"),
			Input: ptr(`{"ClusterIdentifier":"` + cluster + `","SkipFinalClusterSnapshot":false,"FinalClusterSnapshotIdentifier":"` + cluster + `-<aws.scheduler.execution-id>"}`),
		},
	}
}

func TestKillSwitchDeletesWithAFinalSnapshot(t *testing.T) {
	r := newRS(t, Rules{SchedulerGivesUp: true}, nil)
	api := r.c.Scheduler()
	in := killSwitch("c-d", "c", "rate(5 minutes)", start.Add(time.Hour))
	_, err := api.CreateSchedule(bg, in)
	r.want(err, "")
	_, err = api.CreateSchedule(bg, in)
	r.want(err, "ConflictException")
	r.want(r.create("c"), "")
	r.pass(59 * time.Minute)
	r.state("c", "available")
	r.pass(time.Minute)
	r.state("c", "final-snapshot")
	r.pass(2 * pace)
	r.state("c", "gone")
	if s := r.c.State().Snapshots; len(s) != 1 || !strings.HasPrefix(s[0].ID, "c-") || len(s[0].ID) != len("c-")+36 {
		t.Errorf("snapshots %+v", s)
	}
	got, err := api.GetSchedule(bg, &awsscheduler.GetScheduleInput{Name: ptr("c-d"), GroupName: ptr("lamplighter")})
	r.want(err, "")
	if *got.Target.Input != *in.Target.Input || *got.ScheduleExpression != "rate(5 minutes)" || got.State != types.ScheduleStateEnabled || !got.EndDate.Equal(*in.EndDate) {
		t.Errorf("schedule %+v", got)
	}
	r.pass(25 * time.Hour) // over: it deletes itself
	_, err = api.GetSchedule(bg, &awsscheduler.GetScheduleInput{Name: ptr("c-d"), GroupName: ptr("lamplighter")})
	r.want(err, "ResourceNotFoundException")
}

func TestARefusedCallIsRepeatedOrNot(t *testing.T) {
	for _, givesUp := range []bool{false, true} {
		r := newRS(t, Rules{SchedulerGivesUp: givesUp}, nil)
		in := killSwitch("c-d", "c", "at(2026-11-22T01:00:30)", start)
		_, err := r.c.Scheduler().CreateSchedule(bg, in)
		r.want(err, "")
		r.want(r.create("c"), "") // creating at 30 s, so the call is refused
		r.pass(10 * time.Minute)
		r.state("c", map[bool]string{true: "available", false: "gone"}[givesUp])
	}
}

func TestARecurringSwitchComesBack(t *testing.T) {
	busy := true
	r := newRS(t, Rules{SchedulerGivesUp: true}, func(f Fate, _ string) bool { return f == FateBusy && busy })
	_, err := r.c.Scheduler().CreateSchedule(bg, killSwitch("c-d", "c", "rate(5 minutes)", start.Add(5*time.Minute)))
	r.want(err, "")
	r.want(r.create("c"), "")
	r.pass(11 * time.Minute)
	r.state("c", "available")
	busy = false
	r.pass(5 * time.Minute)
	r.state("c", "final-snapshot")
}

func TestADeletedSwitchDoesNothing(t *testing.T) {
	r := newRS(t, Rules{}, nil)
	api := r.c.Scheduler()
	_, err := api.CreateSchedule(bg, killSwitch("c-d", "c", "rate(5 minutes)", start.Add(5*time.Minute)))
	r.want(err, "")
	r.want(r.create("c"), "")
	_, err = api.DeleteSchedule(bg, &awsscheduler.DeleteScheduleInput{Name: ptr("c-d"), GroupName: ptr("lamplighter")})
	r.want(err, "")
	_, err = api.DeleteSchedule(bg, &awsscheduler.DeleteScheduleInput{Name: ptr("c-d"), GroupName: ptr("lamplighter")})
	r.want(err, "ResourceNotFoundException")
	r.pass(time.Hour)
	r.state("c", "available")
}

func TestSwitchesOfEMRAndPause(t *testing.T) {
	f := newFlowTest(t, nil)
	id := f.run(runInput("n", "CONTINUE", "a"))
	in := killSwitch("n-d", "", "rate(10 minutes)", start.Add(10*time.Minute))
	in.Target.Arn, in.Target.Input = ptr("arn:aws:scheduler:::aws-sdk:emr:terminateJobFlows"), ptr(`{"JobFlowIds":["`+id+`"]}`)
	if _, err := f.c.Scheduler().CreateSchedule(bg, in); err != nil {
		t.Fatal(err)
	}
	f.pass(20 * time.Minute)
	f.want(id, "TERMINATED USER_REQUEST a=CANCELLED")

	r := newRS(t, Rules{}, nil)
	in = killSwitch("c-p", "", "rate(10 minutes)", start.Add(10*time.Minute))
	in.Target.Arn, in.Target.Input = ptr("arn:aws:scheduler:::aws-sdk:redshift:pauseCluster"), ptr(`{"ClusterIdentifier":"c"}`)
	_, err := r.c.Scheduler().CreateSchedule(bg, in)
	r.want(err, "")
	r.want(r.create("c"), "")
	r.pass(20 * time.Minute)
	r.state("c", "paused")
}

func TestSchedulerRefusesNonsense(t *testing.T) {
	r := newRS(t, Rules{}, nil)
	for name, change := range map[string]func(*awsscheduler.CreateScheduleInput){
		"expression": func(in *awsscheduler.CreateScheduleInput) { in.ScheduleExpression = ptr("rate(5 fortnights)") },
		"cron":       func(in *awsscheduler.CreateScheduleInput) { in.ScheduleExpression = ptr("cron(0 0 * * ? *)") },
		"target": func(in *awsscheduler.CreateScheduleInput) {
			in.Target.Arn = ptr("arn:aws:scheduler:::aws-sdk:rds:stopDBCluster")
		},
		"role":   func(in *awsscheduler.CreateScheduleInput) { in.Target.RoleArn = nil },
		"window": func(in *awsscheduler.CreateScheduleInput) { in.FlexibleTimeWindow = nil },
		"name":   func(in *awsscheduler.CreateScheduleInput) { in.Name = ptr(strings.Repeat("x", 65)) },
		"dates":  func(in *awsscheduler.CreateScheduleInput) { in.EndDate = in.StartDate },
		"zone": func(in *awsscheduler.CreateScheduleInput) {
			in.ScheduleExpression, in.ScheduleExpressionTimezone = ptr("at(2026-11-22T05:00:00)"), ptr("Mars/Base")
		},
	} {
		in := killSwitch("c-d", "c", "rate(5 minutes)", start)
		change(in)
		if _, err := r.c.Scheduler().CreateSchedule(bg, in); code(err) != "ValidationException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestListSchedules(t *testing.T) {
	r := newRS(t, Rules{}, nil)
	api := r.c.Scheduler()
	for _, name := range []string{"a-1", "a-2", "a-3", "b-1"} {
		_, err := api.CreateSchedule(bg, killSwitch(name, "c", "rate(5 minutes)", start.Add(time.Hour)))
		r.want(err, "")
	}
	n := 0
	in := &awsscheduler.ListSchedulesInput{NamePrefix: ptr("a-"), MaxResults: ptr(int32(2))}
	for {
		out, err := api.ListSchedules(bg, in)
		r.want(err, "")
		n += len(out.Schedules)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d schedules, want 3", n)
	}
}
