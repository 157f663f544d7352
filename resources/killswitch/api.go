// Package killswitch arms, shows and disarms EventBridge Scheduler schedules
// that end a cluster if this program never comes back.
package killswitch

import (
	"context"

	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
)

// API is the part of the SDK's client that this package uses, so that the
// simulated cloud can stand in at this seam.
type API interface {
	CreateSchedule(context.Context, *awsscheduler.CreateScheduleInput, ...func(*awsscheduler.Options)) (*awsscheduler.CreateScheduleOutput, error)
	GetSchedule(context.Context, *awsscheduler.GetScheduleInput, ...func(*awsscheduler.Options)) (*awsscheduler.GetScheduleOutput, error)
	DeleteSchedule(context.Context, *awsscheduler.DeleteScheduleInput, ...func(*awsscheduler.Options)) (*awsscheduler.DeleteScheduleOutput, error)
	ListSchedules(context.Context, *awsscheduler.ListSchedulesInput, ...func(*awsscheduler.Options)) (*awsscheduler.ListSchedulesOutput, error)
}
