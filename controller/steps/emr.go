package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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

// maxLaunches is how many clusters one lifetime asks for, besides those that
// its steps' retries allow, before it fails: a launch that came to nothing costs
// nothing, and is no try of the steps.
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
	seen.Shapes = e.EMR.Settings.Shapes(e.asked(p.Facts))
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
	if owed != nil && owed.Seen != nil && e.unread(p) {
		return controller.Open(p.Now.Add(e.Poll), "ended")
	}
	if _, out := p.Facts.Attempted(e.n.Name, "launch"); out != nil && (out.Class == resources.Permanent || out.Class == resources.Denied) {
		return controller.Next{}, again(out, out.Code)
	}
	if tries := p.Facts.Tries[journal.Act{Step: e.n.Name, Verb: "launch"}]; tries >= maxLaunches+e.retries(p.Facts) {
		return controller.Next{}, &resources.Fault{Class: resources.Permanent, Code: resources.CodeExhausted,
			Msg: fmt.Sprintf("no Spark cluster that ran its steps after %d launches", tries)}
	}
	return e.launch(ctx, p)
}

// unread says that a step which waits for nothing else can be judged by what
// was seen: it goes first, then we may launch again.
func (e *emrLife) unread(p *controller.Pass) bool {
	for _, u := range p.Users() {
		waits := slices.ContainsFunc(u.Needs, func(need string) bool { return !p.Facts.Has(need, journal.Done) })
		if judged, _ := judge(p.Facts, u); judged != undecided && !waits {
			return true
		}
	}
	return false
}

// retries is the most that a step of this lifetime may be moved to another
// cluster, settled or not: it must not change while a cluster runs.
func (e *emrLife) retries(f *journal.Facts) int {
	most := 0
	for _, n := range f.Plan {
		if n.Uses == e.n.Name {
			most = max(most, retriesOf(n))
		}
	}
	return most
}

// asked is what the last launch, or the next one, asks for besides its steps.
// The last cluster that is worth a try does not depend on Spot capacity.
func (e *emrLife) asked(f *journal.Facts) emr.Launch {
	lost := lost(f, e.n.Name)
	return emr.Launch{Try: 1 + lost, OnDemand: e.EMR.Settings.FallBack && lost > 0 && lost >= e.retries(f)}
}

func (e *emrLife) launch(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	try := p.Facts.Tries[journal.Act{Step: e.n.Name, Verb: "launch"}] + 1
	l := e.asked(p.Facts)
	var carried []journal.Node
	for _, u := range p.Users() {
		if !needsDone(p.Facts, u, e.n.Name) {
			continue
		}
		step, err := e.step(p, u, try)
		if err != nil {
			return controller.Next{}, err
		}
		l.Steps, carried = append(l.Steps, step), append(carried, u)
	}
	if len(l.Steps) == 0 {
		return controller.Until("inputs")
	}
	l.Concurrency = sideBySide(carried, e.EMR.Settings.Concurrency)
	for _, b := range e.EMR.Settings.Bootstrap { // named by the hash of its content
		if b.Body == nil {
			continue
		}
		if _, err := e.S3.Put(ctx, b.Path, b.Body, ""); err != nil {
			return controller.Next{}, err
		}
	}
	shapes, name := e.EMR.Settings.Shapes(l), p.NewName()
	worker := shapes[len(shapes)-1]
	effect := journal.Effect{Verb: "launch", Ref: resources.Ref{Kind: resources.KindFlow, Name: name}, Creates: true,
		Shape: resources.Shape{Service: "emr", Type: worker.Type, Region: worker.Region, Count: e.EMR.Settings.Count + 1}}
	err := p.Do(ctx, effect, func(ctx context.Context) (any, error) {
		id, err := e.EMR.Run(ctx, name, l)
		return map[string]string{"id": id}, err
	})
	return controller.Next{Look: p.Now.Add(e.Poll), Why: "launch asked for"}, err
}

// sideBySide is how many of a cluster's steps may run at a time. EMR begins
// the next one whenever there is room and knows of no order but the listed one
// (https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-concurrent-steps.html):
// with one that reads another's dataset among them, only one at a time is safe.
func sideBySide(carried []journal.Node, limit int) int {
	for _, n := range carried {
		for _, other := range carried {
			if slices.Contains(n.Needs, other.Name) {
				return 1
			}
		}
	}
	return min(max(1, limit), len(carried))
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
	for _, list := range [][2]string{{"--class", s.Class}, {"--py-files", strings.Join(s.PyFiles, ",")},
		{"--archives", strings.Join(s.Archives, ",")}, {"--packages", strings.Join(s.Packages, ",")}} {
		if list[1] != "" {
			args = append(args, list[0], list[1])
		}
	}
	args = append(args, s.Script)
	for _, read := range s.Reads {
		step, folder := part(read)
		uri := e.Layout.Data(e.id(p.Facts), step, try) // written by an earlier step of this cluster
		if ds, ok := journal.Result[Dataset](p.Facts, step); ok {
			uri = ds.URI
		}
		args = append(args, "--reads", read+"="+uri+folder)
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
