// Package steps makes a plan's nodes alive: one file for each kind of step,
// work and derived, and the resolution of a pipeline into tonight's work.
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
	"lamplighter/resources/killswitch"
	"lamplighter/resources/redshift"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// Deps is all that steps reach the world through.
type Deps struct {
	Clock     resources.Clock
	Redshift  *redshift.Clusters
	EMR       *emr.Clusters
	S3        *s3.Client
	Switches  *killswitch.Switches
	Warehouse warehouse.Opener
	Layout    controller.Layout
	Role      string        // IAM role of the warehouse, for COPY and UNLOAD
	Region    string        // of the buckets
	Poll      time.Duration // between two looks at a state expected to change
	// SwitchMargin is how long after the hard stop the kill switch first fires: a
	// controller that is alive has ended everything by then.
	SwitchMargin time.Duration
}

// Builder makes steps of nodes.
func Builder(d Deps) controller.Builder {
	return func(n journal.Node) (controller.Step, error) {
		make, ok := kinds[n.Kind]
		if !ok {
			return nil, resources.Faultf(resources.Permanent, "no kind of step is called %q", n.Kind)
		}
		return make(base{Deps: d, n: n})
	}
}

// kinds is the table of contents of this package.
var kinds = map[string]func(base) (controller.Step, error){
	// work
	"load":   with(func(b base, s LoadSpec) controller.Step { return &load{b, s} }),
	"sql":    with(func(b base, s ScriptSpec) controller.Step { return &script{b, s} }),
	"check":  with(func(b base, s CheckSpec) controller.Step { return &check{b, s} }),
	"unload": with(func(b base, s UnloadSpec) controller.Step { return &unload{b, s} }),
	"spark":  with(func(b base, s SparkSpec) controller.Step { return &spark{b, s} }),
	// derived
	controller.KindWarehouse: with(func(b base, s controller.LifetimeSpec) controller.Step { return &warehouseLife{b, s} }),
	controller.KindEMR:       with(func(b base, s struct{}) controller.Step { return &emrLife{b} }),
	controller.KindMigrate:   with(func(b base, s MigrateSpec) controller.Step { return &migrate{b, s} }),
	controller.KindUpkeep:    with(func(b base, s controller.SnapshotSpec) controller.Step { return &upkeep{b, s} }),
	controller.KindSnapshot:  with(func(b base, s controller.SnapshotSpec) controller.Step { return &snapshot{b, s} }),
	controller.KindPromote:   with(func(b base, s controller.SnapshotSpec) controller.Step { return &promote{b, s} }),
	controller.KindPublish:   with(func(b base, s controller.PublishSpec) controller.Step { return &publish{b, s} }),
	controller.KindPrune:     with(func(b base, s controller.PruneSpec) controller.Step { return &prune{b, s} }),
}

func with[S any](make func(base, S) controller.Step) func(base) (controller.Step, error) {
	return func(b base) (controller.Step, error) {
		var spec S
		if len(b.n.Spec) > 0 {
			if err := json.Unmarshal(b.n.Spec, &spec); err != nil {
				return nil, fmt.Errorf("spec of a %s step: %w", b.n.Kind, err)
			}
		}
		return make(b, spec), nil
	}
}

// base is what all steps have.
type base struct {
	Deps
	n journal.Node
}

func (b base) id(f *journal.Facts) journal.AttemptID {
	return journal.AttemptID{Run: f.Opening.Run, Attempt: f.Opening.Attempt}
}

// place is what a task in the background may know: the facts go on changing
// while it runs, so what it needs of them is read before it starts.
type place struct {
	cluster string // the warehouse
	id      journal.AttemptID
	limit   time.Duration // for its statements: what is left until the cut-off
}

func (b base) place(p *controller.Pass) place {
	return place{cluster: b.cluster(p.Facts), id: b.id(p.Facts), limit: p.Window().CutOff.Sub(p.Now)}
}

// cluster is the identifier of the warehouse that this step uses.
func (b base) cluster(f *journal.Facts) string {
	return f.Made[journal.Made{Step: b.n.Uses, Kind: resources.KindCluster}].Name
}

// session opens one on the cluster for a single use.
func (b base) session(ctx context.Context, cluster string, use func(warehouse.Session) error) error {
	s, err := b.Warehouse.Open(ctx, cluster)
	if err != nil {
		return err
	}
	defer s.Close()
	return use(s)
}

const (
	maxTries = 5                // of one act, before it is given up
	pause    = 10 * time.Second // before the second try; doubles
)

// settled says what became of an act's last try: done with its result; or to
// be asked for (again) from `at` on; or given up, which is the error.
func settled[T any](p *controller.Pass, verb string) (result T, done bool, at time.Time, err error) {
	intent, outcome := p.Facts.Attempted(p.Node.Name, verb)
	if outcome == nil {
		return result, false, p.Now, nil
	}
	if outcome.Class == resources.OK {
		if len(outcome.Result) > 0 {
			err = json.Unmarshal(outcome.Result, &result)
		}
		return result, err == nil, p.Now, err
	}
	tries := p.Facts.Tries[journal.Act{Step: intent.Step, Verb: verb}]
	final := outcome.Class == resources.Permanent || outcome.Class == resources.Denied
	if final || tries >= maxTries {
		code := outcome.Code
		if !final {
			code = resources.CodeExhausted
		}
		return result, false, p.Now, again(outcome, code)
	}
	return result, false, outcome.At.Add(pause << (tries - 1)), nil
}

// again is the error that an outcome recorded.
func again(outcome *journal.Record, code string) error {
	return &resources.Fault{Class: resources.Permanent, Code: code, Msg: strings.TrimPrefix(outcome.Why, outcome.Code+": ")}
}

// untilDone is what most steps do: one act that blocks, repeated while that
// makes sense, whose result is the step's.
func untilDone[T any](ctx context.Context, p *controller.Pass, verb, why string, ref resources.Ref,
	call func(context.Context) (T, error)) (result T, done bool, next controller.Next, err error) {
	if p.Running(verb) {
		return result, false, controller.Next{Why: why}, nil
	}
	result, done, at, err := settled[T](p, verb)
	if done || err != nil {
		return result, done, controller.Next{}, err
	}
	if at.After(p.Now) {
		return result, false, controller.Next{Look: at, Why: why + ", again"}, nil
	}
	err = p.Start(ctx, journal.Effect{Verb: verb, Ref: ref}, func(ctx context.Context) (any, error) {
		return call(ctx)
	})
	return result, false, controller.Next{Why: why}, err
}

// unhurried is when to look again at what nobody pays for waiting for: after
// an eighth of the time that it has taken so far, so that every look costs the
// same share of the wait, however long that is. It is at least two usual
// pauses and at most so many.
func (b base) unhurried(now, since time.Time, most int) time.Time {
	return now.Add(min(max(now.Sub(since)/8, 2*b.Poll), time.Duration(most)*b.Poll))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
