package night

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	journals3 "lamplighter/controller/journal/s3"
	"lamplighter/controller/steps"
	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// Request is what is asked of a run.
type Request struct {
	Pipeline  *config.Pipeline
	Env       *config.Environment
	Date      string         // the run's id, 2026-11-22; "" takes the window that is open now
	Choice    journal.Choice // what of the pipeline
	Again     bool           // open another attempt of a finished run
	Replan    bool           // end the unfinished attempt and open the next
	Bootstrap bool           // begin an empty warehouse
	Jobs      steps.JobSource
	Binary    string
	Estimates controller.Estimates
	Watch     controller.Watcher
	Note      func(text string) // told what is no record, as that another holds the lease; may be nil
	Interrupt func() bool
	// Started is called with the loop's Wake once it runs, so that a signal can
	// be noticed at once; may be nil.
	Started func(wake func())
}

// Result is how a run ended.
type Result struct {
	ID       journal.AttemptID
	Facts    *journal.Facts
	Records  []journal.Record
	ExitCode int
	Repeated bool // the run had ended before: nothing was done now
}

// maxAttempts is how often one call of Run begins anew after a loss.
const maxAttempts = 4

// Run carries a run through, resuming what is unfinished. The error is for
// what kept it from ending; a night that failed and was torn down is a Result.
func Run(ctx context.Context, w World, req Request) (Result, error) {
	if err := w.rightAccount(ctx, req.Env); err != nil {
		return Result{ExitCode: controller.ExitRefused}, err
	}
	if err := req.Check(w.Clock.Now()); err != nil {
		return Result{ExitCode: controller.ExitRefused}, err
	}
	when, err := pick(w.Clock.Now(), req)
	if err != nil {
		return Result{ExitCode: controller.ExitRefused}, err
	}
	r := &running{World: w, req: req, when: when, deps: w.deps(req.Pipeline, req.Env, when.covers)}
	r.lease = r.newLease(when.run)
	if err := r.lease.Acquire(ctx); err != nil {
		return Result{ExitCode: controller.ExitRefused}, fmt.Errorf("the pipeline's lease: %w", err)
	}
	r.deps.Warehouse = w.Warehouse(r.deps.Redshift, fmt.Sprintf("%s/%s/%d", req.Pipeline.Pipeline, when.run, r.lease.Epoch()))
	result, err := r.carryPatiently(ctx)
	if resources.ClassOf(err) != resources.Fenced {
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), controller.CallDeadline)
		defer cancel()
		// A lease that could not be released runs out by itself: no reason to
		// fail a night that has ended.
		_ = r.lease.Release(release)
	}
	return result, err
}

// when says which run this is.
type when struct {
	run    string
	opens  time.Time // zero: the window opens at the attempt's first record
	covers time.Time // decides which days are covered
}

func pick(now time.Time, req Request) (when, error) {
	s := req.Pipeline.Schedule
	if req.Choice.To != "" {
		run, err := runThrough(req.Pipeline, req.Choice.To)
		if err != nil {
			return when{}, err
		}
		req.Date = run
	}
	if req.Date == "" {
		opens, open := s.WindowAt(now)
		if !open {
			return when{}, &resources.Fault{Class: resources.Denied, Code: steps.CodeRefused,
				Msg:  fmt.Sprintf("no window is open at %s", now.Format(time.RFC3339)),
				Hint: fmt.Sprintf("the next one opens at %s; --date D runs now, whatever the schedule says", s.Next(now).Format(time.RFC3339))}
		}
		return when{run: s.RunID(opens), opens: opens, covers: opens}, nil
	}
	covers, err := s.OpensOn(req.Date)
	if err != nil {
		return when{}, &resources.Fault{Class: resources.Permanent, Code: steps.CodeRefused, Msg: fmt.Sprintf("--date %s: %v", req.Date, err), Hint: "write it as 2026-11-22"}
	}
	return when{run: req.Date, covers: covers}, nil
}

// running is one Run under way, with the lease in hand.
type running struct {
	World
	req   Request
	when  when
	deps  steps.Deps
	lease *journals3.Lease
	cut   *journal.AttemptID // the attempt that --replan ends
}

// newLease is the pipeline's, for a run or a teardown.
func (r *running) newLease(run string) *journals3.Lease {
	return &journals3.Lease{S3: r.deps.S3, URI: r.deps.Layout.Lease(), Clock: r.Clock, Alive: r.Alive, RefuseLive: true,
		Me:       journals3.Holder{Owner: r.Writer, Pipeline: r.req.Pipeline.Pipeline, Run: run, Identity: r.Process},
		Watching: r.watching}
}

// watching tells a person why nothing happens yet.
func (r *running) watching(h journals3.Holder, atMost time.Duration) {
	if r.req.Note != nil {
		r.req.Note(fmt.Sprintf("the lease is held by %s: watching for up to %v whether it lives", h, atMost))
	}
}

// patience is how often a run goes on after an error that passes by itself;
// with the pauses between, about ten minutes.
const patience = 12

// carryPatiently goes on where it stopped after errors that pass: carrying a
// run through is repeatable at any point.
func (r *running) carryPatiently(ctx context.Context) (Result, error) {
	for try := 1; ; try++ {
		result, err := r.carry(ctx)
		class := resources.ClassOf(err)
		passes := class == resources.Retry || class == resources.Unknown || class == resources.Busy
		if err == nil || !passes || ctx.Err() != nil || try == patience {
			return result, err
		}
		r.Clock.Wait(ctx, r.Clock.Now().Add(min(time.Duration(try)*5*time.Second, time.Minute)), nil)
		if err := r.lease.Ensure(ctx, 0, "waiting"); err != nil {
			return result, err
		}
	}
}

func (r *running) carry(ctx context.Context) (Result, error) {
	if err := r.finishFormer(ctx); err != nil {
		return Result{ExitCode: unread(err)}, err
	}
	id, err := r.attempt(ctx)
	if err != nil {
		return Result{ExitCode: unread(err)}, err
	}
	if r.req.Replan && r.cut == nil {
		found := id
		r.cut = &found
	}
	for began := 1; ; began++ {
		result, err := r.once(ctx, id)
		if err != nil || result.Facts.Opening == nil {
			return result, err
		}
		if r.cut != nil && *r.cut == id && result.Repeated && !result.Facts.Replanned {
			return Result{ExitCode: controller.ExitRefused}, wrong("--again opens another attempt of a run that has ended",
				"--replan: attempt %d of run %s has ended, and there is nothing to replan", id.Attempt, id.Run)
		}
		again, former, err := r.another(ctx, id, result, began)
		switch {
		case err != nil:
			return result, err
		case former != nil:
			return *former, nil
		case !again:
			return result, nil
		}
		id.Attempt++
	}
}

// another says whether the next attempt is opened after one that has ended, or
// that a former one is what was asked for.
func (r *running) another(ctx context.Context, id journal.AttemptID, result Result, began int) (bool, *Result, error) {
	w := result.Facts.Opening.Window
	lost := result.Facts.Any(journal.Lost) && r.Clock.Now().Before(w.LastCall)
	again := result.Repeated && r.req.Again && began == 1
	switch {
	case r.req.Interrupt != nil && r.req.Interrupt():
		return false, nil, nil
	case !r.req.answers(result.Facts) && !r.req.Again:
		former, err := r.answered(ctx, id)
		return true, former, err
	}
	return again || !r.req.answers(result.Facts) || lost && began < maxAttempts, nil, nil
}

// attempt is the last one of the run, or the first.
func (r *running) attempt(ctx context.Context) (journal.AttemptID, error) {
	id := journal.AttemptID{Run: r.when.run, Attempt: 1}
	for {
		next := journal.AttemptID{Run: id.Run, Attempt: id.Attempt + 1}
		_, err := r.deps.S3.Head(ctx, r.deps.Layout.Journal(next)+"/000001.json")
		if resources.ClassOf(err) == resources.Gone {
			return id, nil
		}
		if err != nil {
			return id, err
		}
		id = next
	}
}

// finishFormer winds down an attempt of another run that a dead controller
// left open: what it owes ends, before anything new begins.
func (r *running) finishFormer(ctx context.Context) error {
	latest, err := steps.Latest(ctx, r.deps)
	if err != nil || latest == nil || latest.Run == r.when.run {
		return err
	}
	store := r.store(*latest)
	if _, err := r.deps.S3.Head(ctx, r.deps.Layout.Archive(*latest)); err == nil {
		return nil
	}
	records, err := store.Since(ctx, 0)
	if err != nil || journal.Fold(records).IsClosed {
		return err
	}
	former := *r
	former.req.Interrupt = func() bool { return true }
	_, err = former.once(ctx, *latest)
	return err
}

func (r *running) store(id journal.AttemptID) *journals3.Store {
	return &journals3.Store{S3: r.deps.S3, Base: r.deps.Layout.Journal(id), Clock: r.Clock}
}

// once carries one attempt through.
func (r *running) once(ctx context.Context, id journal.AttemptID) (Result, error) {
	store := r.store(id)
	kept := &keeper{Store: store, records: make([]journal.Record, 0, 128)} // a night has about a hundred
	loop := &controller.Loop{
		Clock: r.Clock, Journal: kept, Lease: r.lease, Build: steps.Builder(r.deps), Writer: r.Writer, Watch: r.req.Watch, Interrupt: r.req.Interrupt, Replan: r.cut != nil && *r.cut == id,
		Opened: func(ctx context.Context, o *journal.Opening) error { return r.pointLatest(ctx, id) },
	}
	loop.Prepare()
	if r.req.Started != nil {
		r.req.Started(loop.Wake)
	}
	facts, err := loop.Run(ctx, func(ctx context.Context) (*journal.Opening, error) { return r.planner(id).Open(ctx) })
	result := Result{ID: id, Facts: facts, Records: kept.records, ExitCode: controller.ExitFailed, Repeated: kept.appended == 0}
	if err != nil {
		switch {
		case len(controller.Billing(facts)) > 0:
			result.ExitCode = controller.ExitBilling
		case facts.Opening == nil && facts.Seq == 0: // the journal was not read, or there is none
			result.ExitCode = unread(err)
		case facts.Opening == nil:
			result.ExitCode = refusal(err)
		}
		return result, err
	}
	result.ExitCode = controller.ExitCode(facts)
	return result, r.leave(ctx, store, id, kept.records)
}

// unread is the exit code of a run whose journal could not be read: what does
// not pass keeps anyone from starting anything; for the rest, a former process
// may have left something that bills.
func unread(err error) int {
	switch resources.ClassOf(err) {
	case resources.Denied, resources.Permanent, resources.Gone:
		return controller.ExitRefused
	}
	return controller.ExitBilling
}

// refusal is the exit code of a night that was not begun.
func refusal(err error) int {
	switch resources.CodeOf(err) {
	case steps.CodeRefused:
		return controller.ExitRefused
	case resources.CodeCheck:
		return controller.ExitData
	}
	return controller.ExitFailed
}

// leave writes a closed attempt's records as one object. Repeats write the
// same.
func (r *running) leave(ctx context.Context, store *journals3.Store, id journal.AttemptID, records []journal.Record) error {
	uri := r.deps.Layout.Archive(id)
	if _, err := r.deps.S3.Head(ctx, uri); err == nil {
		return nil
	}
	return store.Archive(ctx, uri, records)
}

// pointLatest makes an attempt the newest. It only moves forward.
func (r *running) pointLatest(ctx context.Context, id journal.AttemptID) error {
	body, err := json.Marshal(id)
	if err != nil {
		return err
	}
	for range maxAttempts {
		current, etag, err := r.deps.S3.Get(ctx, r.deps.Layout.Latest())
		switch {
		case resources.ClassOf(err) == resources.Gone:
			etag = "*"
		case err != nil:
			return err
		case string(current) == string(body):
			return nil
		}
		_, err = r.deps.S3.Put(ctx, r.deps.Layout.Latest(), body, etag)
		if err == nil {
			return nil
		}
		if resources.CodeOf(err) != s3.PreconditionFailed && resources.ClassOf(err) != resources.Unknown && resources.ClassOf(err) != resources.Busy {
			return err
		}
	}
	return resources.Faultf(resources.Unknown, "%s could not be moved", r.deps.Layout.Latest())
}

func (r *running) planner(id journal.AttemptID) *steps.Planner {
	s, now := r.req.Pipeline.Schedule, r.Clock.Now()
	opens := r.when.opens
	if opens.IsZero() {
		opens = now
	}
	e := r.req.Env
	return &steps.Planner{
		Deps: r.deps, Pipeline: r.req.Pipeline, Jobs: r.req.Jobs, ID: id, Covers: r.when.covers,
		Lineage:   resources.Lineage(e.Account, e.Region, e.Bucket, r.req.Pipeline.Pipeline),
		Window:    controller.WindowFrom(opens, s.LastCall.D(), s.HardStop.D()),
		Bootstrap: r.req.Bootstrap, Again: r.req.Again, Choice: r.req.Choice, Grace: e.Timing.Grace.D(), Binary: r.req.Binary, Estimates: r.req.Estimates,
		Records: func(ctx context.Context, id journal.AttemptID) ([]journal.Record, error) {
			return Records(ctx, r.deps.S3, r.deps.Layout, r.Clock, id)
		},
	}
}

// Records reads an attempt's records, from its archive once it is closed. It
// needs no lease.
func Records(ctx context.Context, client *s3.Client, layout controller.Layout, clock resources.Clock, id journal.AttemptID) ([]journal.Record, error) {
	records, err := journals3.ReadArchive(ctx, client, layout.Archive(id))
	if resources.ClassOf(err) != resources.Gone {
		return records, err
	}
	store := &journals3.Store{S3: client, Base: layout.Journal(id), Clock: clock}
	return store.Since(ctx, 0)
}

// keeper remembers the records that pass, for the bill.
type keeper struct {
	journal.Store
	records  []journal.Record
	appended int
}

func (k *keeper) Append(ctx context.Context, r journal.Record) error {
	if err := k.Store.Append(ctx, r); err != nil {
		return err
	}
	k.records, k.appended = append(k.records, r), k.appended+1
	return nil
}

func (k *keeper) Since(ctx context.Context, seq int) ([]journal.Record, error) {
	records, err := k.Store.Since(ctx, seq)
	k.records = append(k.records, records...)
	return records, err
}
