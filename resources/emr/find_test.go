package emr

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"

	"lamplighter/resources"
)

// flow is a cluster that was created so many minutes after at.
func flow(id, name string, minute int, state types.ClusterState) types.ClusterSummary {
	created := at.Add(time.Duration(minute) * time.Minute)
	return types.ClusterSummary{Id: aws.String(id), Name: aws.String(name), Status: &types.ClusterStatus{State: state,
		Timeline: &types.ClusterTimeline{CreationDateTime: aws.Time(created), ReadyDateTime: aws.Time(created.Add(time.Minute)), EndDateTime: aws.Time(created.Add(time.Hour))}}}
}

func because(c types.ClusterSummary, code types.ClusterStateChangeReasonCode, message string) types.ClusterSummary {
	c.Status.StateChangeReason = &types.ClusterStateChangeReason{Code: code, Message: aws.String(message)}
	return c
}

func step(name string, state types.StepState) types.StepSummary {
	return types.StepSummary{Id: aws.String("s-" + name), Name: aws.String(name), Status: &types.StepStatus{State: state}}
}

func TestFind(t *testing.T) {
	const n = "lamplighter-p-abcde-20261122-1-1-0abcd"
	steps := func(state types.StepState) [][]types.StepSummary {
		return [][]types.StepSummary{{step("b", state)}, {step("a", "COMPLETED")}} // newest first, two pages
	}
	minute := func(m int) time.Time { return at.Add(time.Duration(m) * time.Minute) }
	for _, test := range []struct {
		name     string
		clusters [][]types.ClusterSummary
		steps    map[string][][]types.StepSummary
		exists   bool
		state    string
		since    time.Time
		ids      []string
		parts    map[string]string
		listed   []string
	}{
		{name: "none"},
		{name: "others only", clusters: [][]types.ClusterSummary{{flow("j-1", n+"0", 1, "RUNNING"), flow("j-2", "x"+n, 1, "RUNNING")}}},
		{name: "one, starting", clusters: [][]types.ClusterSummary{{flow("j-1", n, 1, "STARTING")}},
			exists: true, state: "STARTING", since: minute(1), ids: []string{"j-1"}, listed: []string{"j-1"}},
		{name: "one, running, on the second page", clusters: [][]types.ClusterSummary{{flow("j-0", "x", 0, "RUNNING")}, {flow("j-1", n, 1, "RUNNING")}},
			steps:  map[string][][]types.StepSummary{"j-1": steps("RUNNING")},
			exists: true, state: "RUNNING", since: minute(2), ids: []string{"j-1"}, parts: map[string]string{"a": "COMPLETED", "b": "RUNNING"}, listed: []string{"j-1"}},
		{name: "one, terminating, lives", clusters: [][]types.ClusterSummary{{because(flow("j-1", n, 1, "TERMINATING"), "ALL_STEPS_COMPLETED", "done")}},
			steps:  map[string][][]types.StepSummary{"j-1": steps("COMPLETED")},
			exists: true, state: "TERMINATING", ids: []string{"j-1"}, parts: map[string]string{"a": "COMPLETED", "b": "COMPLETED"}, listed: []string{"j-1"}},
		{name: "one, ended", clusters: [][]types.ClusterSummary{{because(flow("j-1", n, 1, "TERMINATED_WITH_ERRORS"), "VALIDATION_ERROR", "no capacity")}},
			steps: map[string][][]types.StepSummary{"j-1": steps("CANCELLED")},
			state: "TERMINATED_WITH_ERRORS: VALIDATION_ERROR: no capacity", since: minute(61), parts: map[string]string{"a": "COMPLETED", "b": "CANCELLED"}, listed: []string{"j-1"}},
		{name: "two live, unsorted: the older stays", clusters: [][]types.ClusterSummary{{flow("j-2", n, 5, "STARTING"), flow("j-1", n, 1, "RUNNING")}},
			steps:  map[string][][]types.StepSummary{"j-1": steps("FAILED"), "j-2": steps("PENDING")},
			exists: true, state: "RUNNING", since: minute(2), ids: []string{"j-1", "j-2"}, parts: map[string]string{"a": "COMPLETED", "b": "FAILED"}, listed: []string{"j-1"}},
		{name: "two created at once: by id", clusters: [][]types.ClusterSummary{{flow("j-2", n, 1, "STARTING"), flow("j-1", n, 1, "RUNNING")}},
			steps:  map[string][][]types.StepSummary{"j-1": steps("RUNNING"), "j-2": steps("PENDING")},
			exists: true, state: "RUNNING", since: minute(2), ids: []string{"j-1", "j-2"}, parts: map[string]string{"a": "COMPLETED", "b": "RUNNING"}, listed: []string{"j-1"}},
		{name: "an ended one does not hide a live one", clusters: [][]types.ClusterSummary{{flow("j-1", n, 1, "TERMINATED"), flow("j-2", n, 5, "RUNNING")}},
			steps:  map[string][][]types.StepSummary{"j-1": steps("COMPLETED"), "j-2": steps("RUNNING")},
			exists: true, state: "RUNNING", since: minute(6), ids: []string{"j-2"}, parts: map[string]string{"a": "COMPLETED", "b": "COMPLETED"}, listed: []string{"j-1"}},
		{name: "the oldest has no steps", clusters: [][]types.ClusterSummary{{flow("j-1", n, 1, "TERMINATED"), flow("j-2", n, 5, "RUNNING")}},
			steps:  map[string][][]types.StepSummary{"j-1": {}, "j-2": steps("RUNNING")},
			exists: true, state: "RUNNING", since: minute(6), ids: []string{"j-2"}, parts: map[string]string{"a": "COMPLETED", "b": "RUNNING"}, listed: []string{"j-1", "j-2"}},
		{name: "two ended: the newest is shown", clusters: [][]types.ClusterSummary{{because(flow("j-2", n, 5, "TERMINATED"), "ALL_STEPS_COMPLETED", ""), flow("j-1", n, 1, "TERMINATED_WITH_ERRORS")}},
			steps: map[string][][]types.StepSummary{"j-1": {}, "j-2": steps("COMPLETED")},
			state: "TERMINATED: ALL_STEPS_COMPLETED", since: minute(65), parts: map[string]string{"a": "COMPLETED", "b": "COMPLETED"}, listed: []string{"j-1", "j-2"}},
		{name: "shown on two pages", clusters: [][]types.ClusterSummary{{flow("j-1", n, 1, "RUNNING")}, {flow("j-1", n, 1, "RUNNING")}},
			steps:  map[string][][]types.StepSummary{"j-1": steps("RUNNING")},
			exists: true, state: "RUNNING", since: minute(2), ids: []string{"j-1"}, parts: map[string]string{"a": "COMPLETED", "b": "RUNNING"}, listed: []string{"j-1"}},
		{name: "a state nobody knows lives", clusters: [][]types.ClusterSummary{{flow("j-1", n, 1, "PONDERING")}},
			exists: true, state: "PONDERING", ids: []string{"j-1"}, listed: []string{"j-1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fake{clusters: test.clusters, steps: test.steps}
			got, err := (&Clusters{API: f, Settings: full}).Find(t.Context(), n, at)
			if err != nil {
				t.Fatal(err)
			}
			if f.after == nil || !f.after.Equal(at) {
				t.Errorf("asked for those created after %v", f.after)
			}
			if got.Exists != test.exists || got.State != test.state || !got.Since.Equal(test.since) || !slices.Equal(got.IDs, test.ids) {
				t.Errorf("%+v", got)
			}
			if !reflect.DeepEqual(got.Parts, test.parts) {
				t.Errorf("parts %v, want %v", got.Parts, test.parts)
			}
			if !slices.Equal(f.listed, test.listed) {
				t.Errorf("asked for the steps of %v, want %v", f.listed, test.listed)
			}
			if got.Ref != (resources.Ref{Kind: "flow", Name: n}) || (len(got.Shapes) == 2) != (test.state != "") {
				t.Errorf("%v, %v", got.Ref, got.Shapes)
			}
		})
	}
}

func TestEnded(t *testing.T) {
	for state, want := range map[string]bool{
		"": false, "STARTING": false, "WAITING": false, "TERMINATING": false, "TERMINATED": true,
		"TERMINATED_WITH_ERRORS": true, "TERMINATED: USER_REQUEST: x": true, "TERMINATED_WITH_ERRORS: STEP_FAILURE": true,
	} {
		if Ended(state) != want {
			t.Errorf("%q: %v", state, !want)
		}
	}
}

func TestSteps(t *testing.T) {
	failed := step("b", "FAILED")
	failed.Status.FailureDetails = &types.FailureDetails{Reason: aws.String("Unknown Error."), Message: aws.String("Exception in thread"), LogFile: aws.String("s3://logs/stderr.gz")}
	failed.Status.Timeline = &types.StepTimeline{StartDateTime: aws.Time(at), EndDateTime: aws.Time(at.Add(time.Minute))}
	cancelled := step("c", "CANCELLED")
	cancelled.Status.StateChangeReason = &types.StepStateChangeReason{Message: aws.String("Job terminated")}
	f := &fake{steps: map[string][][]types.StepSummary{"j-1": {{cancelled}, {failed, {Name: aws.String("a")}}}}}
	got, err := (&Clusters{API: f}).Steps(t.Context(), "j-1")
	want := []StepState{
		{Name: "a"},
		{ID: "s-b", Name: "b", State: "FAILED", Reason: "Unknown Error.: Exception in thread", LogFile: "s3://logs/stderr.gz", Started: at, Ended: at.Add(time.Minute)},
		{ID: "s-c", Name: "c", State: "CANCELLED", Reason: "Job terminated"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := (&Clusters{API: f}).Steps(t.Context(), "j-2"); resources.ClassOf(err) != resources.Gone {
		t.Errorf("of an unknown cluster: %v", err)
	}
}

func TestListAndDescribe(t *testing.T) {
	f := &fake{clusters: [][]types.ClusterSummary{
		{flow("j-3", "p-2", 9, "TERMINATED"), flow("j-9", "q-1", 1, "RUNNING")},
		{},
		{because(flow("j-1", "p-1", 2, "RUNNING"), "USER_REQUEST", "")},
	}}
	c := &Clusters{API: f}
	got, err := c.List(t.Context(), "p-", time.Time{})
	if err != nil || len(got) != 2 || got[0].ID != "j-1" || got[1].ID != "j-3" || f.after != nil {
		t.Errorf("%+v, %v", got, err)
	}
	want := Flow{ID: "j-1", Name: "p-1", State: "RUNNING", Reason: "USER_REQUEST", Created: at.Add(2 * time.Minute),
		Ready: at.Add(3 * time.Minute), Ended: at.Add(62 * time.Minute)}
	if got[0] != want || !got[0].Live() || got[1].Live() {
		t.Errorf("%+v", got)
	}
	one, err := c.Describe(t.Context(), "j-1")
	if err != nil || one != want {
		t.Errorf("%+v, %v", one, err)
	}
	if _, err := c.Describe(t.Context(), "j-0"); resources.ClassOf(err) != resources.Retry {
		t.Errorf("%v", err)
	}
}
