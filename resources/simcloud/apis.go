package simcloud

import (
	"context"

	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"

	"lamplighter/resources/emr"
	"lamplighter/resources/killswitch"
	"lamplighter/resources/redshift"
)

// The whole of what the control planes answer: what lamplighter calls, and what
// people and their tools call beside it.

// Redshift is what is there of Amazon Redshift's control plane.
type Redshift interface {
	redshift.API
	DescribeTags(context.Context, *awsredshift.DescribeTagsInput, ...func(*awsredshift.Options)) (*awsredshift.DescribeTagsOutput, error)
	DeleteTags(context.Context, *awsredshift.DeleteTagsInput, ...func(*awsredshift.Options)) (*awsredshift.DeleteTagsOutput, error)
	DescribeEvents(context.Context, *awsredshift.DescribeEventsInput, ...func(*awsredshift.Options)) (*awsredshift.DescribeEventsOutput, error)
}

// EMR is what is there of Amazon EMR's control plane.
type EMR interface {
	emr.API
	AddJobFlowSteps(context.Context, *awsemr.AddJobFlowStepsInput, ...func(*awsemr.Options)) (*awsemr.AddJobFlowStepsOutput, error)
	DescribeStep(context.Context, *awsemr.DescribeStepInput, ...func(*awsemr.Options)) (*awsemr.DescribeStepOutput, error)
	CancelSteps(context.Context, *awsemr.CancelStepsInput, ...func(*awsemr.Options)) (*awsemr.CancelStepsOutput, error)
	ModifyCluster(context.Context, *awsemr.ModifyClusterInput, ...func(*awsemr.Options)) (*awsemr.ModifyClusterOutput, error)
	SetTerminationProtection(context.Context, *awsemr.SetTerminationProtectionInput, ...func(*awsemr.Options)) (*awsemr.SetTerminationProtectionOutput, error)
	SetKeepJobFlowAliveWhenNoSteps(context.Context, *awsemr.SetKeepJobFlowAliveWhenNoStepsInput, ...func(*awsemr.Options)) (*awsemr.SetKeepJobFlowAliveWhenNoStepsOutput, error)
	GetAutoTerminationPolicy(context.Context, *awsemr.GetAutoTerminationPolicyInput, ...func(*awsemr.Options)) (*awsemr.GetAutoTerminationPolicyOutput, error)
	PutAutoTerminationPolicy(context.Context, *awsemr.PutAutoTerminationPolicyInput, ...func(*awsemr.Options)) (*awsemr.PutAutoTerminationPolicyOutput, error)
	RemoveAutoTerminationPolicy(context.Context, *awsemr.RemoveAutoTerminationPolicyInput, ...func(*awsemr.Options)) (*awsemr.RemoveAutoTerminationPolicyOutput, error)
	ListInstances(context.Context, *awsemr.ListInstancesInput, ...func(*awsemr.Options)) (*awsemr.ListInstancesOutput, error)
	ListInstanceFleets(context.Context, *awsemr.ListInstanceFleetsInput, ...func(*awsemr.Options)) (*awsemr.ListInstanceFleetsOutput, error)
	ListInstanceGroups(context.Context, *awsemr.ListInstanceGroupsInput, ...func(*awsemr.Options)) (*awsemr.ListInstanceGroupsOutput, error)
	ListBootstrapActions(context.Context, *awsemr.ListBootstrapActionsInput, ...func(*awsemr.Options)) (*awsemr.ListBootstrapActionsOutput, error)
	AddTags(context.Context, *awsemr.AddTagsInput, ...func(*awsemr.Options)) (*awsemr.AddTagsOutput, error)
	RemoveTags(context.Context, *awsemr.RemoveTagsInput, ...func(*awsemr.Options)) (*awsemr.RemoveTagsOutput, error)
}

// Scheduler is what is there of EventBridge Scheduler.
type Scheduler interface {
	killswitch.API
	UpdateSchedule(context.Context, *awsscheduler.UpdateScheduleInput, ...func(*awsscheduler.Options)) (*awsscheduler.UpdateScheduleOutput, error)
}
