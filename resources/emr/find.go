package emr

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"

	"lamplighter/resources"
)

// Flow is what a listing tells of a cluster. Names may repeat; ids do not.
type Flow struct {
	ID, Name string
	State    string // STARTING … TERMINATED_WITH_ERRORS, open-ended
	Reason   string // why it is in that state: "STEP_FAILURE: …", or ""
	Created  time.Time
	Ready    time.Time // zero before it runs its first step
	Ended    time.Time // zero before it has ended
}

// Live says that a cluster has not ended: it may bill. One that is TERMINATING
// is live still.
func (f Flow) Live() bool { return !Ended(f.State) }

// Ended says that a state, as in Flow.State or Observation.State, is final.
func Ended(state string) bool {
	word, _, _ := strings.Cut(state, ":")
	return word == string(types.ClusterStateTerminated) || word == string(types.ClusterStateTerminatedWithErrors)
}

// StepState is what was seen of one step of a cluster.
type StepState struct {
	ID, Name string
	State    string // PENDING, RUNNING, COMPLETED, CANCELLED, FAILED, INTERRUPTED, CANCEL_PENDING
	Reason   string // of a failure, as far as EMR found one
	LogFile  string // where EMR put the log it took the reason from
	Started  time.Time
	Ended    time.Time
}

// Find looks for the clusters of one name created after an instant, in any
// state, on all pages; a cluster that changes state meanwhile may be missing
// from the answer (EMR API reference, ListClusters).
//
// IDs are the live ones, oldest first; Exists says that there is any. State is
// that of the oldest live one; if all have ended, that of the newest, followed
// by ": " and the reason. Since is the server's instant of that state where it
// tells one. Parts are the step states of the oldest cluster that has steps.
func (c *Clusters) Find(ctx context.Context, name string, after time.Time) (resources.Observation, error) {
	seen := resources.Observation{Ref: resources.Ref{Kind: resources.KindFlow, Name: name}}
	flows, err := c.list(ctx, after, func(n string) bool { return n == name })
	if err != nil || len(flows) == 0 {
		return seen, err
	}
	shown := flows[len(flows)-1] // the newest ended, unless one lives
	for _, f := range slices.Backward(flows) {
		if f.Live() {
			shown, seen.Exists = f, true
			seen.IDs = append(seen.IDs, f.ID)
		}
	}
	slices.Reverse(seen.IDs)
	seen.State, seen.Since = shown.State, since(shown)
	if !shown.Live() && shown.Reason != "" {
		seen.State += ": " + shown.Reason
	}
	seen.Shapes = c.Settings.Shapes(Launch{})
	seen.Parts, err = c.parts(ctx, flows)
	return seen, err
}

// parts reads the steps of the oldest cluster that has any.
func (c *Clusters) parts(ctx context.Context, flows []Flow) (map[string]string, error) {
	for _, f := range flows {
		steps, err := c.Steps(ctx, f.ID)
		if resources.ClassOf(err) == resources.Gone {
			continue // listed, but not yet known to the other API
		}
		if err != nil {
			return nil, err
		}
		if len(steps) == 0 {
			continue
		}
		parts := make(map[string]string, len(steps))
		for _, s := range steps {
			parts[s.Name] = s.State
		}
		return parts, nil
	}
	return nil, nil
}

// Describe looks at one cluster by its id, in any state. An unknown id is a
// Gone fault. Unlike a listing it never leaves out what is there.
func (c *Clusters) Describe(ctx context.Context, id string) (Flow, error) {
	out, err := c.API.DescribeCluster(ctx, &awsemr.DescribeClusterInput{ClusterId: aws.String(id)})
	if err != nil {
		return Flow{}, read(err, "looking at "+id)
	}
	if out.Cluster == nil {
		return Flow{}, &resources.Fault{Class: resources.Retry, Msg: "looking at " + id + ": the answer holds no cluster"}
	}
	return readFlow(types.ClusterSummary{Id: out.Cluster.Id, Name: out.Cluster.Name, Status: out.Cluster.Status}), nil
}

// Steps looks at all steps of a cluster, all pages, in the order in which they
// run.
func (c *Clusters) Steps(ctx context.Context, id string) ([]StepState, error) {
	var steps []StepState
	in := &awsemr.ListStepsInput{ClusterId: aws.String(id)}
	for {
		out, err := c.API.ListSteps(ctx, in)
		if err != nil {
			return nil, read(err, "listing the steps of "+id)
		}
		for _, s := range out.Steps {
			steps = append(steps, readStep(s))
		}
		if aws.ToString(out.Marker) == "" {
			break
		}
		in.Marker = out.Marker
	}
	slices.Reverse(steps) // EMR lists the last one first
	return steps, nil
}

// List looks at all clusters whose name begins with prefix and that were
// created after an instant, in any state, oldest first.
func (c *Clusters) List(ctx context.Context, prefix string, after time.Time) ([]Flow, error) {
	return c.list(ctx, after, func(n string) bool { return strings.HasPrefix(n, prefix) })
}

func (c *Clusters) list(ctx context.Context, after time.Time, match func(string) bool) ([]Flow, error) {
	var flows []Flow
	in := &awsemr.ListClustersInput{}
	if !after.IsZero() {
		in.CreatedAfter = aws.Time(after)
	}
	for {
		out, err := c.API.ListClusters(ctx, in)
		if err != nil {
			return nil, read(err, "listing EMR clusters")
		}
		for _, s := range out.Clusters {
			if match(aws.ToString(s.Name)) {
				flows = append(flows, readFlow(s))
			}
		}
		if aws.ToString(out.Marker) == "" {
			break
		}
		in.Marker = out.Marker
	}
	slices.SortFunc(flows, func(a, b Flow) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	// A page that moved on meanwhile may show one twice.
	return slices.CompactFunc(flows, func(a, b Flow) bool { return a.ID == b.ID }), nil
}

func readFlow(s types.ClusterSummary) Flow {
	f := Flow{ID: aws.ToString(s.Id), Name: aws.ToString(s.Name)}
	if s.Status == nil {
		return f
	}
	f.State = string(s.Status.State)
	if r := s.Status.StateChangeReason; r != nil {
		f.Reason = reason(string(r.Code), aws.ToString(r.Message))
	}
	if t := s.Status.Timeline; t != nil {
		f.Created, f.Ready, f.Ended = aws.ToTime(t.CreationDateTime), aws.ToTime(t.ReadyDateTime), aws.ToTime(t.EndDateTime)
	}
	return f
}

func readStep(s types.StepSummary) StepState {
	step := StepState{ID: aws.ToString(s.Id), Name: aws.ToString(s.Name)}
	if s.Status == nil {
		return step
	}
	step.State = string(s.Status.State)
	if d := s.Status.FailureDetails; d != nil {
		step.Reason = reason(aws.ToString(d.Reason), aws.ToString(d.Message))
		step.LogFile = aws.ToString(d.LogFile)
	}
	if r := s.Status.StateChangeReason; r != nil && step.Reason == "" {
		step.Reason = aws.ToString(r.Message)
	}
	if t := s.Status.Timeline; t != nil {
		step.Started, step.Ended = aws.ToTime(t.StartDateTime), aws.ToTime(t.EndDateTime)
	}
	return step
}

func reason(code, message string) string {
	if code != "" && message != "" {
		return code + ": " + message
	}
	return code + message
}

// since is the instant of a state that has one in the timeline.
func since(f Flow) time.Time {
	switch types.ClusterState(f.State) {
	case types.ClusterStateStarting:
		return f.Created
	case types.ClusterStateRunning:
		return f.Ready
	case types.ClusterStateTerminated, types.ClusterStateTerminatedWithErrors:
		return f.Ended
	}
	return time.Time{} // BOOTSTRAPPING, WAITING, TERMINATING: not told
}
