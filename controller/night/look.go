package night

import (
	"context"
	"fmt"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	journals3 "lamplighter/controller/journal/s3"
	"lamplighter/controller/steps"
	"lamplighter/resources"
)

// Plan is what a run would do now. It takes no lease and changes nothing.
func Plan(ctx context.Context, w World, req Request) (*journal.Opening, error) {
	if err := w.rightAccount(ctx, req.Env); err != nil {
		return nil, err
	}
	if err := req.Check(w.Clock.Now()); err != nil {
		return nil, err
	}
	when, err := pick(w.Clock.Now(), req)
	if err != nil {
		return nil, err
	}
	r := &running{World: w, req: req, when: when, deps: w.deps(req.Pipeline, req.Env, when.covers)}
	id, err := r.attempt(ctx)
	if err != nil {
		return nil, err
	}
	records, err := Records(ctx, r.deps.S3, r.deps.Layout, r.Clock, id)
	if err != nil {
		return nil, err
	}
	if facts := journal.Fold(records); facts.Opening != nil {
		if !facts.IsClosed && !req.Replan {
			return facts.Opening, nil // what was planned is carried through
		}
		if former, err := r.answered(ctx, id); err != nil || former != nil && !req.Again && !req.Replan {
			if err != nil {
				return nil, err
			}
			return former.Facts.Opening, nil // or was
		}
		id.Attempt++
	}
	planner := r.planner(id)
	planner.DryRun = true
	return planner.Open(ctx)
}

// Standing is what exists of a pipeline, by its journal and by the cloud.
type Standing struct {
	Holder   *journals3.Holder // who holds the lease; nil: nobody
	Latest   *journal.AttemptID
	Records  []journal.Record // of the latest attempt
	Facts    *journal.Facts
	Promoted *steps.Promoted
	Alive    []Thing // what the cloud shows under this pipeline's names
	Skips    []steps.Skip
}

// Thing is one resource that the cloud shows.
type Thing struct {
	Ref   resources.Ref
	ID    string // an EMR cluster's
	State string
	Since time.Time
}

// Look reads where a pipeline stands. It needs no lease.
func Look(ctx context.Context, w World, p *config.Pipeline, e *config.Environment) (Standing, error) {
	var s Standing
	if err := w.rightAccount(ctx, e); err != nil {
		return s, err
	}
	d := w.deps(p, e, w.Clock.Now())
	lease := &journals3.Lease{S3: d.S3, URI: d.Layout.Lease(), Clock: w.Clock}
	holder, held, err := lease.ReadHolder(ctx)
	if err != nil {
		return s, err
	}
	if held {
		s.Holder = &holder
	}
	if s.Latest, err = steps.Latest(ctx, d); err != nil {
		return s, err
	}
	s.Facts = journal.NewFacts()
	if s.Latest != nil {
		if s.Records, err = Records(ctx, d.S3, d.Layout, w.Clock, *s.Latest); err != nil {
			return s, err
		}
		s.Facts = journal.Fold(s.Records)
	}
	if s.Promoted, err = steps.ReadPromoted(ctx, d); err != nil {
		return s, err
	}
	if s.Skips, err = steps.Skips(ctx, d); err != nil {
		return s, err
	}
	s.Alive, err = alive(ctx, d, w.Clock.Now(), p, e)
	return s, err
}

// lookBack is how far back EMR clusters are listed: none of ours lives longer
// than a window.
const lookBack = 7 * 24 * time.Hour

// alive lists the clusters, flows and switches under the pipeline's names.
func alive(ctx context.Context, d steps.Deps, now time.Time, p *config.Pipeline, e *config.Environment) ([]Thing, error) {
	prefix := resources.Prefix(p.Pipeline, resources.Lineage(e.Account, e.Region, e.Bucket, p.Pipeline))
	var things []Thing
	clusters, err := d.Redshift.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("listing clusters: %w", err)
	}
	for _, c := range clusters {
		things = append(things, Thing{Ref: c.Ref, State: c.State, Since: c.Created})
	}
	flows, err := d.EMR.List(ctx, prefix, now.Add(-lookBack))
	if err != nil {
		return nil, fmt.Errorf("listing EMR clusters: %w", err)
	}
	for _, f := range flows {
		if f.Live() {
			things = append(things, Thing{Ref: resources.Ref{Kind: resources.KindFlow, Name: f.Name}, ID: f.ID, State: f.State, Since: f.Created})
		}
	}
	switches, err := d.Switches.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("listing kill switches: %w", err)
	}
	for _, s := range switches {
		things = append(things, Thing{Ref: s.Ref, State: s.State, Since: s.Since})
	}
	return things, nil
}

// Bills says that a thing costs while it exists.
func (t Thing) Bills() bool { return t.Ref.Kind != resources.KindSwitch }

// Teardown ends everything of the pipeline: what an unfinished attempt owes,
// through its own gate; then whatever else bears the pipeline's name, warehouses
// with a final snapshot, because nothing tells what is in them. It returns what
// still exists.
func Teardown(ctx context.Context, w World, req Request) ([]Thing, error) {
	if err := w.rightAccount(ctx, req.Env); err != nil {
		return nil, err
	}
	r := &running{World: w, req: req, deps: w.deps(req.Pipeline, req.Env, w.Clock.Now())}
	r.req.Interrupt = func() bool { return true }
	r.lease = r.newLease("teardown")
	if err := r.lease.Acquire(ctx); err != nil {
		return nil, fmt.Errorf("the pipeline's lease: %w", err)
	}
	r.deps.Warehouse = w.Warehouse(r.deps.Redshift, req.Pipeline.Pipeline+"/teardown")
	left, err := r.teardown(ctx)
	_ = r.lease.Release(context.WithoutCancel(ctx)) // else it runs out by itself
	return left, err
}

func (r *running) teardown(ctx context.Context) ([]Thing, error) {
	if err := r.finishFormer(ctx); err != nil {
		return nil, err
	}
	deadline := r.Clock.Now().Add(teardownLimit)
	asked := map[resources.Ref]bool{}
	for {
		things, err := alive(ctx, r.deps, r.Clock.Now(), r.req.Pipeline, r.req.Env)
		if err != nil || len(things) == 0 || r.Clock.Now().After(deadline) {
			return things, err
		}
		for _, t := range things {
			if err := r.lease.Ensure(ctx, controller.LeaseMargin, "teardown"); err != nil {
				return things, err
			}
			if err := r.endThing(ctx, t, asked); err != nil {
				return things, fmt.Errorf("ending %s: %w", t.Ref, err)
			}
		}
		r.Clock.Wait(ctx, r.Clock.Now().Add(r.deps.Poll), nil)
		if err := ctx.Err(); err != nil {
			return things, err
		}
	}
}

// teardownLimit is how long teardown waits for things to be seen gone.
const teardownLimit = 45 * time.Minute

// endThing asks for the end of one thing. Refusals are asked again later.
func (r *running) endThing(ctx context.Context, t Thing, asked map[resources.Ref]bool) error {
	var err error
	switch {
	case t.Ref.Kind == resources.KindSwitch:
		err = r.deps.Switches.Disarm(ctx, t.Ref.Name)
	case asked[t.Ref]:
		return nil
	case t.Ref.Kind == resources.KindFlow:
		err = r.deps.EMR.Terminate(ctx, t.ID)
	case t.State == "available" || t.State == "paused":
		err = r.deps.Redshift.Delete(ctx, t.Ref.Name, t.Ref.Name+"-final")
	default:
		return nil // on its way somewhere: look again
	}
	switch resources.ClassOf(err) {
	case resources.OK, resources.Gone:
		asked[t.Ref] = true
	case resources.Retry, resources.Busy, resources.Unknown:
	default:
		return err
	}
	return nil
}

// Attempt is one attempt, as its journal tells it.
type Attempt struct {
	ID      journal.AttemptID
	Records []journal.Record
	Facts   *journal.Facts
}

// History goes through the attempts of a pipeline, newest first, until each
// says false. It needs no lease.
func History(ctx context.Context, w World, p *config.Pipeline, e *config.Environment, each func(Attempt) bool) error {
	if err := w.rightAccount(ctx, e); err != nil {
		return err
	}
	d := w.deps(p, e, w.Clock.Now())
	id, err := steps.Latest(ctx, d)
	for id != nil && err == nil {
		at := Attempt{ID: *id}
		if at.Records, err = Records(ctx, d.S3, d.Layout, w.Clock, *id); err != nil {
			return err
		}
		at.Facts = journal.Fold(at.Records)
		if at.Facts.Opening == nil || !each(at) {
			return nil
		}
		id = at.Facts.Opening.Previous
	}
	return err
}

// Promoted is the pointer as it stands; nil when there is none or it cannot be
// read now.
func Promoted(ctx context.Context, w World, p *config.Pipeline, e *config.Environment) *steps.Promoted {
	limited, cancel := context.WithTimeout(ctx, controller.CallDeadline)
	defer cancel()
	promoted, err := steps.ReadPromoted(limited, w.deps(p, e, w.Clock.Now()))
	if err != nil {
		return nil
	}
	return promoted
}

// RecordsOf are an attempt's records. It needs no lease.
func RecordsOf(ctx context.Context, w World, p *config.Pipeline, e *config.Environment, id journal.AttemptID) ([]journal.Record, error) {
	d := w.deps(p, e, w.Clock.Now())
	return Records(ctx, d.S3, d.Layout, w.Clock, id)
}
