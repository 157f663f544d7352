package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// Planner resolves a pipeline into an attempt's opening: it looks at the
// promoted pointer, the ledger copy, the sources and the last attempt, and
// has the lifetimes derived. It changes nothing in the cloud but writes
// sealed batches and Spark code under its own prefixes.
type Planner struct {
	Deps
	Pipeline  *config.Pipeline
	Jobs      JobSource
	Records   func(context.Context, journal.AttemptID) ([]journal.Record, error) // of a former attempt
	Lineage   string
	ID        journal.AttemptID
	Covers    time.Time // the instant the run's nominal window opens: decides which days are covered
	Window    journal.Window
	Bootstrap bool
	Again     bool           // somebody wants it tried, whatever happened before
	Choice    journal.Choice // what of the pipeline is asked for
	Grace     time.Duration
	Binary    string
	DryRun    bool // seal and upload nothing
	Estimates controller.Estimates
}

// CodeRefused is the code of a Fault that refuses to begin a night: exit 5.
const CodeRefused = "Refused"

type planned struct {
	*Planner
	promoted *Promoted
	ledger   warehouse.Ledger
	prior    map[string]journal.Carried
	wrote    bool // the last attempt's warehouse steps were promoted
	loose    map[string]bool
	skips    []Skip         // what loads leave out
	last     *journal.Facts // of the last attempt; nil: there was none
	previous *journal.AttemptID
	through  string
	state    string // fingerprint of the warehouse as far as the steps so far bring it
	prints   map[string]string
	notes    []string
	left     map[string]string // by step: why it is not part of this attempt
	anew     bool              // a step of this attempt writes into the warehouse
}

// Open makes the opening of a new attempt.
func (pl *Planner) Open(ctx context.Context) (*journal.Opening, error) {
	zone, err := time.LoadLocation(pl.Pipeline.Partition)
	if err != nil {
		return nil, resources.Faultf(resources.Permanent, "partition_zone: %v", err)
	}
	r := &planned{Planner: pl, prior: map[string]journal.Carried{}, loose: map[string]bool{}, prints: map[string]string{}}
	r.through, r.left = controller.DataThrough(pl.Covers, pl.ended(), zone), leftOut(pl.Pipeline.Steps, pl.Choice)
	if pl.Choice.To != "" {
		r.through = pl.Choice.To
	}
	if err := r.remember(ctx); err != nil {
		return nil, err
	}
	if err := r.refuseThird(ctx); err != nil {
		return nil, err
	}
	work, err := r.resolve(ctx)
	if err != nil {
		return nil, err
	}
	night := controller.Night{Work: work, Estimates: pl.Estimates}
	if r.promoted != nil {
		night.Former, night.Stays = r.promoted.DataThrough, r.stays()
		pointer, err := json.Marshal(r.promoted)
		if err != nil {
			return nil, err
		}
		night.Base, night.Promoted = r.promoted.Snapshot, pointer
	}
	if pl.Pipeline.Warehouse != nil {
		night.Keep = pl.Pipeline.Warehouse.KeepSnapshots
	}
	nodes, notes, err := controller.Plan(night)
	if err != nil {
		return nil, &resources.Fault{Class: resources.Permanent, Code: CodeRefused, Msg: err.Error()}
	}
	return r.opens(work, nodes, slices.Concat(r.leftNotes(), r.notes, notes), night.Base)
}

func (r *planned) opens(work []controller.Work, nodes []journal.Node, notes []string, base string) (*journal.Opening, error) {
	resolved, err := json.Marshal(r.Pipeline)
	if err != nil {
		return nil, err
	}
	o := &journal.Opening{
		Pipeline: r.Pipeline.Pipeline, Lineage: r.Lineage, Run: r.ID.Run, Attempt: r.ID.Attempt, Previous: r.previous, Window: r.Window,
		DataThrough: r.through, Plan: nodes, Config: resolved, ConfigHash: r.Pipeline.Hash, Base: base, Binary: r.Binary, Notes: notes,
		Grace: r.Grace, Carried: map[string]journal.Carried{}, Choice: r.Choice, Left: r.left,
	}
	if r.last != nil {
		o.LoadRate = loadRate(r.last)
	}
	for _, w := range work {
		if w.Done != nil && w.Done.Fingerprint != "" {
			carried := *w.Done
			carried.Loose = r.left[w.Name] != "" && r.loose[w.Name]
			o.Carried[w.Name] = carried
		}
	}
	return o, nil
}

// ended is how long a day must be over before it is read.
func (pl *Planner) ended() time.Duration {
	var longest time.Duration
	for _, s := range pl.Pipeline.Steps {
		if s.Load != nil {
			longest = max(longest, s.Load.CompleteWhen.DayEnded.D())
		}
	}
	return longest
}

// resolve makes tonight's work of the pipeline's steps, in order.
func (r *planned) resolve(ctx context.Context) ([]controller.Work, error) {
	migrations, err := r.migrations()
	if err != nil {
		return nil, err
	}
	r.state = fingerprint("migrations", r.migrationSums())
	var work []controller.Work
	switch {
	case migrations != nil && r.writes():
		work, r.anew = append(work, *migrations), true
	case migrations != nil: // they wait for a night that writes
		r.state = fingerprint(r.state, r.ID)
	}
	if err := r.restorable(); err != nil {
		return nil, err
	}
	for _, s := range r.Pipeline.Steps {
		w, err := r.chosen(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		w.Name, w.Kind = s.Name, s.Kind
		w.Needs = append(w.Needs, s.Needs...)
		r.prints[s.Name] = w.Fingerprint
		work = append(work, w)
	}
	return r.emptied(work), nil
}

// emptied carries a whole branch over when the dataset it reads was empty on
// the night that still holds.
func (r *planned) emptied(work []controller.Work) []controller.Work {
	empty := map[string]*journal.Carried{}
	for i, w := range work {
		if w.Done != nil && w.Done.Empty {
			empty[w.Name] = w.Done
		}
		for _, read := range w.Reads {
			if c := empty[read]; c != nil && w.Done == nil {
				work[i].Done = &journal.Carried{Fingerprint: w.Fingerprint, Made: c.Made, Empty: true}
				empty[w.Name] = work[i].Done
			}
		}
	}
	return work
}

func (r *planned) step(ctx context.Context, s config.Step) (controller.Work, error) {
	switch {
	case s.Load != nil && s.Load.From != "":
		return r.loadFrom(ctx, s.Name, s.Load)
	case s.Load != nil:
		return r.loadDataset(s.Name, s.Load)
	case s.SQL != nil:
		return r.sql(s.Name, s.SQL)
	case s.Check != nil:
		return r.check(s.Name, s.Check)
	case s.Unload != nil:
		return r.unload(ctx, s.Name, s.Unload)
	case s.Spark != nil:
		return r.spark(ctx, s.Name, s.Spark)
	}
	return controller.Work{}, resources.Faultf(resources.Permanent, "no kind of step is called %q", s.Kind)
}

// holds is the result of a former night with this fingerprint, or nil.
func (r *planned) holds(name, print string) *journal.Carried {
	if c, ok := r.prior[name]; ok && c.Fingerprint == print {
		return &c
	}
	return nil
}

// written is holds for steps that write into the warehouse: what they wrote
// must be in the promoted snapshot.
func (r *planned) written(name, print string) *journal.Carried {
	c := r.holds(name, print)
	if c == nil || r.promoted == nil {
		return nil
	}
	if r.previous != nil && c.Made == *r.previous && !r.wrote {
		return nil
	}
	return c
}

func (r *planned) sql(name string, s *config.SQL) (controller.Work, error) {
	statements, err := r.fill(s.Text)
	if err != nil {
		return controller.Work{}, err
	}
	sum := fingerprint(statements)
	print := fingerprint("sql", sum, r.state)
	r.state = print
	return controller.Work{Spec: ScriptSpec{Statements: statements, SHA256: sum, Timeout: s.Timeout.D()}, Fingerprint: print, Done: r.written(name, print)}, nil
}

// fill cuts a script and puts the days in.
func (r *planned) fill(text string) ([]string, error) {
	days, err := r.days()
	if err != nil {
		return nil, err
	}
	filled, err := warehouse.Fill(text, days)
	if err != nil {
		return nil, err
	}
	return warehouse.Cut(filled)
}

// days are :date, :day_start and :day_end.
func (r *planned) days() (warehouse.Params, error) {
	zone, err := time.LoadLocation(r.Pipeline.Partition)
	if err != nil {
		return warehouse.Params{}, err
	}
	last, err := time.ParseInLocation(time.DateOnly, r.through, zone)
	if err != nil {
		return warehouse.Params{}, err
	}
	first := last
	if r.Choice.From != "" {
		if first, err = time.ParseInLocation(time.DateOnly, r.Choice.From, zone); err != nil {
			return warehouse.Params{}, err
		}
	} else if r.promoted != nil && r.promoted.DataThrough != "" {
		was, err := time.ParseInLocation(time.DateOnly, r.promoted.DataThrough, zone)
		if err != nil {
			return warehouse.Params{}, err
		}
		first = was.AddDate(0, 0, 1)
	} else if since := r.firstSince(); since != "" {
		if first, err = time.ParseInLocation(time.DateOnly, since, zone); err != nil {
			return warehouse.Params{}, err
		}
	}
	return warehouse.Params{Date: last, DayStart: first, DayEnd: last.AddDate(0, 0, 1)}, nil
}

func (r *planned) firstSince() string {
	first := ""
	for _, s := range r.Pipeline.Steps {
		if s.Load != nil && s.Load.Since != "" && (first == "" || s.Load.Since < first) {
			first = s.Load.Since
		}
	}
	return first
}

func (r *planned) check(name string, c *config.Check) (controller.Work, error) {
	query, err := r.query(c.Query)
	print := fingerprint("check", query, c.Expect, c.Severity, r.state)
	return controller.Work{Spec: CheckSpec{Query: query, Expect: c.Expect, Warn: c.Severity == "warn", Timeout: c.Timeout.D()}, Fingerprint: print, Done: r.holds(name, print)}, err
}

// query is one statement with the days in.
func (r *planned) query(text string) (string, error) {
	statements, err := r.fill(text)
	if err != nil {
		return "", err
	}
	if len(statements) != 1 {
		return "", resources.Faultf(resources.Permanent, "a query is one statement, and this holds %d", len(statements))
	}
	return statements[0], nil
}

func (r *planned) unload(ctx context.Context, name string, u *config.Unload) (controller.Work, error) {
	query, err := r.query(u.Query)
	if err != nil {
		return controller.Work{}, err
	}
	spec := UnloadSpec{Query: query, Files: files(u), WhenEmpty: u.WhenEmpty, Expect: u.Expect, Publish: shelf(u.Publish), Timeout: u.Timeout.D()}
	print := fingerprint("unload", query, spec.Files, u.WhenEmpty, r.state)
	w := controller.Work{Spec: spec, Fingerprint: print, Done: r.holds(name, print), Publishes: u.Publish.On}
	w.Unpublished, err = r.unpublished(ctx, w, name, spec.Publish)
	return w, err
}

// migrations are those that the promoted warehouse lacks, as one step; nil
// when it has them all.
func (r *planned) migrations() (*controller.Work, error) {
	applied := map[string]string{} // name: sha256
	for _, receipt := range r.ledger.Receipts {
		if receipt.Run == warehouse.MigrationRun {
			applied[receipt.Step] = receipt.SHA256
		}
	}
	var spec MigrateSpec
	for _, m := range r.Pipeline.MigrationFiles {
		if sum, ok := applied[m.Name]; ok {
			if sum != m.SHA256 {
				return nil, &resources.Fault{Class: resources.Permanent, Code: CodeRefused,
					Msg:  fmt.Sprintf("the migration %s was changed after it was applied: its sha256 was %.12s… and is %.12s…", m.Name, sum, m.SHA256),
					Hint: "restore the file as it was, and write the change as a migration with the next number"}
			}
			continue
		}
		statements, err := warehouse.Cut(m.Text)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", m.Name, err)
		}
		spec.Migrations = append(spec.Migrations, Migration{Name: m.Name, Statements: statements, SHA256: m.SHA256})
	}
	if len(spec.Migrations) == 0 {
		return nil, nil
	}
	return &controller.Work{Name: "migrate-1", Kind: controller.KindMigrate, Spec: spec, Why: count(len(spec.Migrations), "migration")}, nil
}

func (r *planned) migrationSums() []string {
	var sums []string
	for _, m := range r.Pipeline.MigrationFiles {
		sums = append(sums, m.Name+m.SHA256)
	}
	return sums
}
