package killswitch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

// Switches arms and disarms schedules, each named after the resource it ends.
// Every error is a *resources.Fault.
type Switches struct {
	API             API
	Group           string // schedule group; "": the default one
	Role            string // ARN of the role the scheduler acts with
	DeadLetterQueue string // ARN of a standard SQS queue; "": failures vanish
}

const (
	endSuffix   = "-d" // deletes the warehouse or terminates the EMR cluster
	pauseSuffix = "-p" // pauses a warehouse that could not be deleted

	every     = "rate(5 minutes)"
	lasts     = 24 * time.Hour
	maxName   = 64 // of a schedule. Source: EventBridge Scheduler API reference
	keepDays  = 14 // the final snapshot of a warehouse that nobody came back for
	retries   = 2
	retryAges = 240 // seconds: older than that, the next round is due anyway
)

// ARNs of universal targets: service and operation as in the SDK. Source:
// EventBridge Scheduler user guide, managing-targets-universal.
const (
	targetDelete    = "arn:aws:scheduler:::aws-sdk:redshift:deleteCluster"
	targetPause     = "arn:aws:scheduler:::aws-sdk:redshift:pauseCluster"
	targetTerminate = "arn:aws:scheduler:::aws-sdk:emr:terminateJobFlows"
)

// schedule is one switch as it is asked for.
type schedule struct {
	name   string
	target string
	input  string // JSON of the target's request
	at     time.Time
}

// Arm makes the scheduler delete a Redshift cluster every five minutes from at
// on, for a day, after a final snapshot that is kept for 14 days. A recurring
// one, because a delete that meets a cluster in another state does nothing.
// Arming the same again is no error; another switch under that name is
// Permanent with the code ConflictException.
func (s *Switches) Arm(ctx context.Context, cluster string, at time.Time) error {
	input := encode(struct {
		ClusterIdentifier                   string
		SkipFinalClusterSnapshot            bool
		FinalClusterSnapshotIdentifier      string
		FinalClusterSnapshotRetentionPeriod int
	}{cluster, false, cluster + "-<aws.scheduler.execution-id>", keepDays})
	return s.arm(ctx, schedule{cluster + endSuffix, targetDelete, input, at})
}

// ArmPause makes the scheduler pause a Redshift cluster every five minutes from
// at on: what still works when the quota of snapshots is used up. Armed with
// an instant after that of Arm.
func (s *Switches) ArmPause(ctx context.Context, cluster string, at time.Time) error {
	input := encode(struct{ ClusterIdentifier string }{cluster})
	return s.arm(ctx, schedule{cluster + pauseSuffix, targetPause, input, at})
}

// ArmFlow makes the scheduler terminate an EMR cluster by its id every five
// minutes from at on. The switch has the cluster's name.
func (s *Switches) ArmFlow(ctx context.Context, name, id string, at time.Time) error {
	input := encode(struct{ JobFlowIds []string }{[]string{id}})
	return s.arm(ctx, schedule{name + endSuffix, targetTerminate, input, at})
}

// encode writes a target's request. The placeholders of the scheduler hold <
// and >, which must not be escaped.
func encode(request any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(request); err != nil {
		panic(err) // strings, numbers and lists of them always encode
	}
	return strings.TrimSpace(b.String())
}

func (s *Switches) arm(ctx context.Context, want schedule) error {
	what := "arming kill switch " + want.name
	if len(want.name) > maxName {
		return awsfault.Refuse("give the pipeline a shorter name", "%s: %d characters; a schedule's name has at most %d", what, len(want.name), maxName)
	}
	_, err := s.API.CreateSchedule(ctx, s.request(want), once)
	err = awsfault.Change(err, what, codes)
	if resources.CodeOf(err) != conflict {
		return err
	}
	return s.same(ctx, want, err)
}

func (s *Switches) request(want schedule) *awsscheduler.CreateScheduleInput {
	in := &awsscheduler.CreateScheduleInput{
		Name:                  aws.String(want.name),
		GroupName:             s.group(),
		ScheduleExpression:    aws.String(every),
		StartDate:             aws.Time(want.at.UTC()),
		EndDate:               aws.Time(want.at.UTC().Add(lasts)),
		FlexibleTimeWindow:    &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion: types.ActionAfterCompletionDelete,
		State:                 types.ScheduleStateEnabled,
		Target: &types.Target{
			Arn:     aws.String(want.target),
			RoleArn: aws.String(s.Role),
			Input:   aws.String(want.input),
			RetryPolicy: &types.RetryPolicy{
				MaximumRetryAttempts:     aws.Int32(retries),
				MaximumEventAgeInSeconds: aws.Int32(retryAges),
			},
		},
	}
	if s.DeadLetterQueue != "" {
		in.Target.DeadLetterConfig = &types.DeadLetterConfig{Arn: aws.String(s.DeadLetterQueue)}
	}
	return in
}

// same decides what a name that is taken means: the switch we want is nil.
func (s *Switches) same(ctx context.Context, want schedule, taken error) error {
	got, err := s.API.GetSchedule(ctx, &awsscheduler.GetScheduleInput{Name: aws.String(want.name), GroupName: s.group()})
	if err = awsfault.Read(err, "looking at kill switch "+want.name, codes); err != nil {
		if resources.ClassOf(err) == resources.Gone { // taken, yet not shown: ask again
			return &resources.Fault{Class: resources.Retry, Code: conflict, Msg: err.Error(), Err: taken}
		}
		return err
	}
	if differs := want.differs(got); differs != "" {
		return &resources.Fault{Class: resources.Permanent, Code: conflict, Err: taken,
			Msg:  fmt.Sprintf("arming kill switch %s: another one has this name: %s", want.name, differs),
			Hint: "delete that schedule in EventBridge Scheduler, then run again"}
	}
	return nil
}

// differs says what makes an existing schedule another switch than this one. A
// start is compared to the second: the service keeps no more.
func (want schedule) differs(got *awsscheduler.GetScheduleOutput) string {
	target := got.Target
	switch {
	case target == nil || aws.ToString(target.Arn) != want.target:
		return "its target is another"
	case aws.ToString(target.Input) != want.input:
		return "it ends another resource"
	case aws.ToString(got.ScheduleExpression) != every:
		return "it fires at " + aws.ToString(got.ScheduleExpression)
	case got.State == types.ScheduleStateDisabled:
		return "it is disabled"
	case aws.ToTime(got.StartDate).Unix() != want.at.Unix():
		return "it fires from " + aws.ToTime(got.StartDate).UTC().Format(time.RFC3339)
	}
	return ""
}

// once makes a call that changes something be sent once: see awsfault.Once.
func once(o *awsscheduler.Options) { o.Retryer = awsfault.Once }

func (s *Switches) group() *string {
	if s.Group == "" {
		return nil
	}
	return aws.String(s.Group)
}
