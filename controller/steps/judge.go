package steps

import (
	"encoding/json"
	"fmt"
	"strings"

	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/emr"
)

// judgement of a Spark step by what was seen of its cluster.
type judgement int

const (
	undecided judgement = iota
	completed           // by EMR's word; what it wrote is yet to be looked at
	failed              // its program failed: never again
	given               // its cluster went, and it gets no other: up
)

// judge says what is known of a Spark step. It is the step's own verdict only
// when its program ended by itself; a cluster that was lost under it is retried
// on another, as often as the step allows.
func judge(f *journal.Facts, n journal.Node) (judgement, error) {
	flow := f.Owes(n.Uses, resources.KindFlow)
	if flow == nil || flow.Seen == nil {
		return undecided, nil
	}
	part := flow.Seen.Parts[n.Name]
	switch {
	case part == "COMPLETED":
		return completed, nil
	case part == "FAILED":
		return failed, nil
	case !flow.Closed: // a lagging look may show a step as it was
		return undecided, nil
	case !emr.Ended(flow.Seen.State): // never seen to end: nothing is known of it
		return undecided, nil
	}
	_, reason, _ := strings.Cut(flow.Seen.State, ": ")
	lost := lost(f, n.Uses)
	switch {
	case !emr.Recoverable(flow.Seen.State):
		return given, unrecovered(n.Name, flow.Seen.State, part, reason)
	case lost > retriesOf(n):
		return given, &resources.Fault{Class: resources.Permanent, Code: CodeCapacityLost,
			Msg:  count(lost, "cluster") + " went before it had ended; the last one: " + reason,
			Hint: "another night may have the machines; more worker types, more subnets or workers without spot make it likelier, retries allows more tries"}
	}
	return undecided, nil
}

// CodeCapacityLost is the code of a Fault: no cluster lived as long as a step.
const CodeCapacityLost = "CapacityLost"

// unrecovered explains a cluster that ended for a reason that stays.
func unrecovered(step, state, part, reason string) error {
	f := &resources.Fault{Class: resources.Permanent, Code: "ClusterFailed", Msg: "its cluster ended before it did: " + reason}
	switch {
	case strings.Contains(state, "BOOTSTRAP_FAILURE"):
		f.Hint = "the bootstrap actions' logs lie below CLUSTER/node/INSTANCE/bootstrap-actions/ where the environment's logs are"
	case strings.Contains(state, "ALL_STEPS_COMPLETED"):
		f.Msg = fmt.Sprintf("the step was %s on EMR: somebody cancelled it there", strings.ToLower(part))
		f.Hint = "`lamplighter run --again` does what is left"
	default:
		f.Hint = "see spark.engine.emr in the pipeline file, and the environment's network and roles"
	}
	return f
}

// lost counts the clusters of a lifetime that were seen, and went.
func lost(f *journal.Facts, lifetime string) int {
	n := 0
	for _, o := range f.Owed {
		if o.Step == lifetime && o.Ref.Kind == resources.KindFlow && o.Closed && o.Seen != nil && emr.Ended(o.Seen.State) {
			n++
		}
	}
	return n
}

func retriesOf(n journal.Node) int {
	var spec struct {
		Retries int `json:"retries"`
	}
	if json.Unmarshal(n.Spec, &spec) != nil {
		return 0
	}
	return spec.Retries
}
