package simcloud

import (
	"testing"
	"time"

	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedtypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

func plainCloud(t *testing.T) (*Sim, *Cloud) {
	t.Helper()
	sim := NewSim(start)
	c := New(sim, Options{Pace: FixedPace(pace)}, nil)
	_, err := c.Redshift().CreateCluster(bg, &awsredshift.CreateClusterInput{ClusterIdentifier: ptr("one"), NodeType: ptr("ra3.large"), MasterUsername: ptr("u"), MasterUserPassword: ptr("Secret123"),
		Tags: []types.Tag{{Key: ptr("team"), Value: ptr("data")}}})
	if err != nil {
		t.Fatal(err)
	}
	sim.Drain(sim.Now().Add(2 * pace))
	return sim, c
}

func TestTagsOfOneAndOfAll(t *testing.T) {
	sim, c := plainCloud(t)
	if _, err := c.Redshift().CreateClusterSnapshot(bg, &awsredshift.CreateClusterSnapshotInput{ClusterIdentifier: ptr("one"), SnapshotIdentifier: ptr("snap"), Tags: []types.Tag{{Key: ptr("kept"), Value: ptr("yes")}}}); err != nil {
		t.Fatal(err)
	}
	sim.Drain(sim.Now().Add(2 * pace))
	count := func(in awsredshift.DescribeTagsInput) int {
		out, err := c.Redshift().DescribeTags(bg, &in)
		if err != nil {
			t.Error(err)
			return -1
		}
		return len(out.TaggedResources)
	}
	arn := c.redshiftARN("cluster", "one")
	if got := [3]int{count(awsredshift.DescribeTagsInput{}), count(awsredshift.DescribeTagsInput{ResourceName: &arn}), count(awsredshift.DescribeTagsInput{TagKeys: []string{"kept"}})}; got != [3]int{2, 1, 1} {
		t.Errorf("tags of all, of one, of a key: %v", got)
	}
	if _, err := c.Redshift().DeleteTags(bg, &awsredshift.DeleteTagsInput{ResourceName: &arn, TagKeys: []string{"team", "none"}}); err != nil {
		t.Error(err)
	}
	if n := count(awsredshift.DescribeTagsInput{ResourceName: &arn}); n != 0 {
		t.Errorf("%d tags are left", n)
	}
	for _, bad := range []string{"arn:aws:redshift:us-east-1:000000000000:cluster:none", "nonsense"} {
		if _, err := c.Redshift().DescribeTags(bg, &awsredshift.DescribeTagsInput{ResourceName: &bad}); code(err) != "ResourceNotFoundFault" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestEvents(t *testing.T) {
	sim, c := plainCloud(t)
	out, err := c.Redshift().DescribeEvents(bg, &awsredshift.DescribeEventsInput{SourceType: types.SourceTypeCluster, SourceIdentifier: ptr("one")})
	if err != nil || len(out.Events) != 2 || *out.Events[0].Message != "The cluster one is available." {
		t.Errorf("%v %+v", err, out)
	}
	sim.Drain(sim.Now().Add(2 * time.Hour))
	if out, err = c.Redshift().DescribeEvents(bg, &awsredshift.DescribeEventsInput{}); err != nil || len(out.Events) != 0 {
		t.Errorf("the last hour: %v %+v", err, out)
	}
	if out, err = c.Redshift().DescribeEvents(bg, &awsredshift.DescribeEventsInput{Duration: ptr(int32(1440)), MaxRecords: ptr(int32(1))}); err != nil || len(out.Events) != 1 || out.Marker == nil {
		t.Errorf("the last day, a page: %v %+v", err, out)
	}
	if _, err := c.Redshift().DescribeEvents(bg, &awsredshift.DescribeEventsInput{SourceIdentifier: ptr("one")}); code(err) != "InvalidParameterCombination" {
		t.Errorf("no type: %v", err)
	}
	sim.Drain(sim.Now().Add(15 * 24 * time.Hour))
	c.record("cluster", "other", "available")
	if len(c.state.Events) != 1 {
		t.Errorf("%d events are kept after 14 days", len(c.state.Events))
	}
}

// TestScheduleIsReplaced: the old turn comes no more.
func TestScheduleIsReplaced(t *testing.T) {
	sim, c := plainCloud(t)
	at := func(d time.Duration) *string {
		return ptr("at(" + sim.Now().Add(d).Format("2006-01-02T15:04:05") + ")")
	}
	target := &schedtypes.Target{Arn: ptr("arn:aws:scheduler:::aws-sdk:redshift:deleteCluster"), RoleArn: ptr("arn:aws:iam::000000000000:role/kill"),
		Input: ptr(`{"ClusterIdentifier":"one","SkipFinalClusterSnapshot":true}`)}
	window := &schedtypes.FlexibleTimeWindow{Mode: schedtypes.FlexibleTimeWindowModeOff}
	if _, err := c.Scheduler().CreateSchedule(bg, &awsscheduler.CreateScheduleInput{Name: ptr("s"), ScheduleExpression: at(time.Hour), FlexibleTimeWindow: window, Target: target}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Scheduler().UpdateSchedule(bg, &awsscheduler.UpdateScheduleInput{Name: ptr("s"), ScheduleExpression: at(3 * time.Hour), FlexibleTimeWindow: window, Target: target}); err != nil {
		t.Fatal(err)
	}
	sim.Drain(sim.Now().Add(2 * time.Hour))
	if c.cluster("one") == nil {
		t.Error("it fired at the old time")
	}
	sim.Drain(sim.Now().Add(2 * time.Hour))
	if c.cluster("one") != nil || c.schedule("default", "s").Fired != 1 {
		t.Error("it did not fire at the new time")
	}
	_, err := c.Scheduler().UpdateSchedule(bg, &awsscheduler.UpdateScheduleInput{Name: ptr("none"), ScheduleExpression: at(time.Hour), FlexibleTimeWindow: window, Target: target})
	if code(err) != "ResourceNotFoundException" {
		t.Errorf("one that is not there: %v", err)
	}
}
