package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/emr"
)

// emrLife keeps one EMR cluster at a time: it is launched with all its steps
// and ends by itself when they have. Steps judge themselves by the states
// that were seen here.
type emrLife struct{ base }

// maxLaunches is how many clusters one lifetime asks for before it fails.
const maxLaunches = 4

// maxFlowPolls bounds the pause between two looks at an EMR cluster, in the
// usual pauses. No look of ours lengthens its bill, and EMR's request quotas
// are small (aws-facts E3).
const maxFlowPolls = 6

// launchSlack covers a launch's clock against ours when listing by time.
const launchSlack = 15 * time.Minute

func (e *emrLife) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	owed := p.Facts.Owes(e.n.Name, resources.KindFlow)
	if owed == nil || owed.Closed {
		return e.absent(ctx, p, owed)
	}
	seen, err := e.EMR.Find(ctx, owed.Ref.Name, owed.Opened.Add(-launchSlack))
	if err != nil {
		return controller.Next{}, err
	}
	if err := p.Saw(ctx, seen); err != nil {
		return controller.Next{}, err
	}
	switch {
	case owed.Closed:
		return controller.Again(p.Now, "ended")
	case len(seen.IDs) > 1: // the network asked twice: the older stays
		return e.terminate(ctx, p, owed.Ref, seen.IDs[len(seen.IDs)-1], "two clusters under one name")
	case !seen.Exists && seen.State != "":
		return controller.Open(earlier(p.Now.Add(time.Minute), owed.Created.Add(p.Facts.Grace())), "ended")
	case !seen.Exists:
		return controller.Again(earlier(p.Now.Add(e.Poll), owed.Created.Add(p.Facts.Grace())), "not seen yet")
	case p.Wanted():
		return controller.Open(e.unhurried(p.Now, owed.Created, maxFlowPolls), strings.ToLower(seen.State))
	case seen.State == "TERMINATING":
		return controller.Again(e.unhurried(p.Now, owed.Created, maxFlowPolls), "terminating")
	case e.endsItself(p, seen):
		return controller.Again(e.unhurried(p.Now, owed.Created, maxFlowPolls), "its steps have ended, it ends by itself")
	}
	return e.terminate(ctx, p, owed.Ref, seen.IDs[0], "not wanted any more")
}

// endsItself says that all steps have ended only a moment ago, so that asking
// for the end would change nothing.
func (e *emrLife) endsItself(p *controller.Pass, seen resources.Observation) bool {
	for _, state := range seen.Parts {
		if !ended(state) {
			return false
		}
	}
	var last time.Time
	for _, s := range p.Facts.Settled {
		if n, ok := p.Facts.Node(s.Step); ok && n.Uses == e.n.Name && s.At.After(last) {
			last = s.At
		}
	}
	return len(seen.Parts) > 0 && p.Now.Sub(last) < 2*time.Minute
}

func ended(state string) bool {
	switch state {
	case "COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED":
		return true
	}
	return false
}

func (e *emrLife) absent(ctx context.Context, p *controller.Pass, owed *journal.Obligation) (controller.Next, error) {
	if !p.Wanted() {
		return controller.Done(nil)
	}
	if owed != nil && owed.Seen != nil && e.unread(p, *owed.Seen) {
		return controller.Open(p.Now.Add(e.Poll), "ended")
	}
	if _, out := p.Facts.Attempted(e.n.Name, "launch"); out != nil && (out.Class == resources.Permanent || out.Class == resources.Denied) {
		return controller.Next{}, again(out, out.Code)
	}
	if p.Facts.Tries[journal.Act{Step: e.n.Name, Verb: "launch"}] >= maxLaunches {
		return controller.Next{}, &resources.Fault{Class: resources.Permanent, Code: resources.CodeExhausted,
			Msg: fmt.Sprintf("no Spark cluster that ran its steps after %d launches", maxLaunches)}
	}
	return e.launch(ctx, p)
}

// unread says that a step which still waits has a state to read in what was
// seen: it goes first, then we may launch again.
func (e *emrLife) unread(p *controller.Pass, seen resources.Observation) bool {
	for _, u := range p.Users() {
		if state := seen.Parts[u.Name]; state == "COMPLETED" || state == "FAILED" {
			return true
		}
	}
	return false
}

func (e *emrLife) launch(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	try := p.Facts.Tries[journal.Act{Step: e.n.Name, Verb: "launch"}] + 1
	var steps []emr.Step
	for _, u := range p.Users() {
		if !needsDone(p.Facts, u, e.n.Name) {
			continue
		}
		step, err := e.step(p, u, try)
		if err != nil {
			return controller.Next{}, err
		}
		steps = append(steps, step)
	}
	if len(steps) == 0 {
		return controller.Until("inputs")
	}
	s, name := e.EMR.Settings, p.NewName()
	effect := journal.Effect{Verb: "launch", Ref: resources.Ref{Kind: resources.KindFlow, Name: name}, Creates: true,
		Shape: resources.Shape{Service: "emr", Type: s.Workers[0], Region: s.Region, Count: s.Count + 1}}
	err := p.Do(ctx, effect, func(ctx context.Context) (any, error) {
		id, err := e.EMR.Run(ctx, name, steps)
		return map[string]string{"id": id}, err
	})
	return controller.Next{Look: p.Now.Add(e.Poll), Why: "launch asked for"}, err
}

// needsDone says that everything this step needs from outside its lifetime is
// there; what it needs from inside, an earlier step of the cluster writes.
func needsDone(f *journal.Facts, n journal.Node, lifetime string) bool {
	for _, need := range n.Needs {
		inside, _ := f.Node(need)
		if inside.Uses != lifetime && !f.Has(need, journal.Done) {
			return false
		}
	}
	return true
}

// step writes the command line of one Spark step of this launch.
func (e *emrLife) step(p *controller.Pass, n journal.Node, try int) (emr.Step, error) {
	var s SparkSpec
	if err := json.Unmarshal(n.Spec, &s); err != nil {
		return emr.Step{}, fmt.Errorf("spec of %s: %w", n.Name, err)
	}
	args := []string{"timeout", "-k", "60", fmt.Sprint(int(s.Timeout.Seconds())), "spark-submit", "--deploy-mode", "client"}
	for _, c := range s.Conf {
		args = append(args, "--conf", c)
	}
	if len(s.PyFiles) > 0 {
		args = append(args, "--py-files", strings.Join(s.PyFiles, ","))
	}
	args = append(args, s.Script)
	for _, read := range s.Reads {
		uri := e.Layout.Data(e.id(p.Facts), read, try) // written by an earlier step of this cluster
		if ds, ok := journal.Result[Dataset](p.Facts, read); ok {
			uri = ds.URI
		}
		args = append(args, "--reads", read+"="+uri)
	}
	args = append(args, "--writes", e.Layout.Data(e.id(p.Facts), n.Name, try))
	return emr.Step{Name: n.Name, Args: append(args, s.Args...)}, nil
}

func (e *emrLife) terminate(ctx context.Context, p *controller.Pass, ref resources.Ref, id, why string) (controller.Next, error) {
	if intent, out := p.Facts.Attempted(e.n.Name, "terminate"); out != nil && intent.Effect.Ref == ref && out.Class == resources.OK {
		if at := out.At.Add(6 * e.Poll); at.After(p.Now) { // accepted: give it time to show, then ask again
			return controller.Again(at, "termination asked for")
		}
	}
	err := p.Do(ctx, journal.Effect{Verb: "terminate", Ref: ref}, func(ctx context.Context) (any, error) {
		return map[string]string{"id": id, "why": why}, e.EMR.Terminate(ctx, id)
	})
	return controller.Next{Look: p.Now.Add(e.Poll), Why: "termination asked for"}, err
}
