package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
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
	Grace     time.Duration
	Binary    string
	DryRun    bool // seal and upload nothing
	Estimates controller.Estimates
}

// JobSource finds Spark code: shipped jobs by name and own ones by path.
type JobSource func(job config.SparkJob) (Code, error)

// Code is the files of a Spark job.
type Code struct {
	Hash  string // of all files
	Main  string // name of the program among Files
	Files []CodeFile
}

// CodeFile is one file of a job.
type CodeFile struct {
	Name string
	Body []byte
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
	previous *journal.AttemptID
	through  string
	state    string // fingerprint of the warehouse as far as the steps so far bring it
	prints   map[string]string
	notes    []string
	opening  *journal.Opening
}

// Open makes the opening of a new attempt.
func (pl *Planner) Open(ctx context.Context) (*journal.Opening, error) {
	zone, err := time.LoadLocation(pl.Pipeline.Partition)
	if err != nil {
		return nil, resources.Faultf(resources.Permanent, "partition_zone: %v", err)
	}
	r := &planned{Planner: pl, prior: map[string]journal.Carried{}, loose: map[string]bool{}, prints: map[string]string{}}
	r.through = controller.DataThrough(pl.Covers, pl.ended(), zone)
	if err := r.remember(ctx); err != nil {
		return nil, err
	}
	work, err := r.resolve(ctx)
	if err != nil {
		return nil, err
	}
	night := controller.Night{Work: work, Estimates: pl.Estimates}
	if r.promoted != nil {
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
	return r.opens(work, nodes, append(r.notes, notes...), night.Base)
}

func (r *planned) opens(work []controller.Work, nodes []journal.Node, notes []string, base string) (*journal.Opening, error) {
	resolved, err := json.Marshal(r.Pipeline)
	if err != nil {
		return nil, err
	}
	o := &journal.Opening{
		Pipeline: r.Pipeline.Pipeline, Lineage: r.Lineage, Run: r.ID.Run, Attempt: r.ID.Attempt, Previous: r.previous, Window: r.Window,
		DataThrough: r.through, Plan: nodes, Config: resolved, ConfigHash: r.Pipeline.Hash, Base: base, Binary: r.Binary, Notes: notes,
		Grace: r.Grace, Carried: map[string]journal.Carried{},
	}
	for _, w := range work {
		if w.Done != nil {
			o.Carried[w.Name] = *w.Done
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

// remember reads what former nights left: the promoted pointer, its ledger
// copy, and the last attempt's results.
func (r *planned) remember(ctx context.Context) error {
	var err error
	if r.promoted, err = ReadPromoted(ctx, r.Deps); err != nil {
		return err
	}
	switch {
	case r.promoted == nil:
		err = r.mayBootstrap(ctx)
	case r.Bootstrap:
		err = &resources.Fault{Class: resources.Permanent, Code: CodeRefused,
			Msg:  fmt.Sprintf("--bootstrap would begin an empty warehouse, but %s names a promoted snapshot", r.Layout.Promoted()),
			Hint: "run without --bootstrap; or move that pointer away first, which gives up what it names"}
	default:
		err = r.readLedger(ctx)
	}
	if err != nil {
		return err
	}
	return r.recall(ctx)
}

// mayBootstrap refuses to build an empty warehouse beside a good one: a wrong
// bucket or a renamed pipeline looks just like a first night.
func (r *planned) mayBootstrap(ctx context.Context) error {
	if r.Pipeline.Warehouse == nil || r.Bootstrap {
		return nil
	}
	found, err := r.Redshift.Snapshots(ctx, resources.Prefix(r.Pipeline.Pipeline, r.Lineage))
	if err != nil {
		return err
	}
	for _, s := range found {
		if name, ok := resources.ParseName(s.Ref.Name); ok && s.State == "available" {
			if name.Run == resources.CompactRun(r.ID.Run) { // left by an earlier attempt of this very run
				continue
			}
			return &resources.Fault{Class: resources.Permanent, Code: CodeRefused,
				Msg:  fmt.Sprintf("nothing is promoted in %s, yet the snapshot %s of this pipeline exists", r.Layout.Root(), s.Ref.Name),
				Hint: "check the bucket's name; --bootstrap begins an empty warehouse and leaves that snapshot alone"}
		}
	}
	return nil
}

func (r *planned) readLedger(ctx context.Context) error {
	body, _, err := r.S3.Get(ctx, r.promoted.Ledger.URI)
	if err != nil {
		return fmt.Errorf("the promoted ledger copy: %w", err)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != r.promoted.Ledger.SHA256 {
		return resources.Faultf(resources.Permanent, "the ledger copy %s is not the one that was promoted: its sha256 differs", r.promoted.Ledger.URI)
	}
	return json.Unmarshal(body, &r.ledger)
}

// ReadPromoted reads the promoted pointer; nil when nothing was ever promoted.
func ReadPromoted(ctx context.Context, d Deps) (*Promoted, error) {
	body, _, err := d.S3.Get(ctx, d.Layout.Promoted())
	if resources.ClassOf(err) == resources.Gone {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var p Promoted
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, resources.Faultf(resources.Permanent, "%s is not a pointer: %v", d.Layout.Promoted(), err)
	}
	return &p, nil
}

// Latest is the pointer to the newest attempt.
func Latest(ctx context.Context, d Deps) (*journal.AttemptID, error) {
	body, _, err := d.S3.Get(ctx, d.Layout.Latest())
	if resources.ClassOf(err) == resources.Gone {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var id journal.AttemptID
	return &id, json.Unmarshal(body, &id)
}

// recall reads the results of the last attempt that may still hold.
func (r *planned) recall(ctx context.Context) error {
	latest, err := Latest(ctx, r.Deps)
	if err != nil || latest == nil || *latest == r.ID {
		return err
	}
	r.previous = latest
	records, err := r.Records(ctx, *latest)
	if err != nil {
		return err
	}
	facts := journal.Fold(records)
	if facts.Opening == nil {
		return nil
	}
	for name, c := range facts.Opening.Carried {
		r.prior[name] = c
	}
	r.wrote = facts.Has("promote-1", journal.Done)
	for _, n := range facts.Plan {
		s, settled := facts.Settled[n.Name]
		if n.Fingerprint == "" || !settled {
			continue
		}
		empty := s.Verdict == journal.Skipped && s.Why == controller.WhyEmpty
		if s.Verdict == journal.Done || empty {
			r.prior[n.Name] = journal.Carried{Fingerprint: n.Fingerprint, Result: s.Result, Made: *latest, Empty: empty}
		} else {
			delete(r.prior, n.Name)
		}
	}
	for _, n := range facts.Plan {
		if step, ok := strings.CutPrefix(n.Name, "publish-"); ok && !facts.Has(n.Name, journal.Done) {
			r.loose[step] = true
		}
	}
	return nil
}

// resolve makes tonight's work of the pipeline's steps, in order.
func (r *planned) resolve(ctx context.Context) ([]controller.Work, error) {
	migrations, err := r.migrations()
	if err != nil {
		return nil, err
	}
	r.state = fingerprint("migrations", r.migrationSums())
	var work []controller.Work
	if migrations != nil {
		work = append(work, *migrations)
	}
	for _, s := range r.Pipeline.Steps {
		w, err := r.step(ctx, s)
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
		return r.unload(s.Name, s.Unload)
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

func (r *planned) loadFrom(ctx context.Context, name string, l *config.Load) (controller.Work, error) {
	table, err := warehouse.TableKey(l.Into)
	if err != nil {
		return controller.Work{}, err
	}
	ledger := r.ledger.Tables[table]
	found, err := list(ctx, r.S3, l.From, l.Since, r.through, l.Mode, ledger)
	if err != nil {
		return controller.Work{}, err
	}
	if err := stale(l, found.newest, r.through); err != nil {
		return controller.Work{}, err
	}
	print := fingerprint("load", l.Into, l.Columns, l.Format, hashObjects(found.objects))
	r.state = fingerprint(r.state, print)
	w := controller.Work{Fingerprint: print}
	if len(found.fresh) == 0 {
		w.Done = &journal.Carried{Fingerprint: print, Made: r.ID}
		r.notes = append(r.notes, fmt.Sprintf("%s: nothing new", name))
		return w, nil
	}
	spec := r.loadSpec(l)
	for i, objects := range batches(found.fresh, l.Mode) {
		if l.Mode == "replace" && i > 0 {
			return w, &resources.Fault{Class: resources.Permanent, Code: CodeRefused, Msg: "mode replace with compressed and plain objects together: one COPY reads either"}
		}
		ref := BatchRef{Objects: len(objects), From: objects[0].Partition, To: objects[len(objects)-1].Partition}
		if !r.DryRun {
			if ref, err = seal(ctx, r.S3, fmt.Sprintf("%s%s-%04d", r.Layout.Batches(r.ID), name, i+1), objects); err != nil {
				return w, err
			}
		}
		spec.Batches = append(spec.Batches, ref)
	}
	w.Spec, w.Why = spec, describe(l.Mode, found.fresh)
	return w, nil
}

// stale fails a source with nothing new for longer than its `fresh`, so that
// a dead producer is not "nothing to do".
func stale(l *config.Load, newest, through string) error {
	if l.Fresh == 0 || newest == "" && l.Since == "" {
		return nil
	}
	last, err := time.Parse(time.DateOnly, newest)
	if err != nil {
		last, _ = time.Parse(time.DateOnly, l.Since)
	}
	end, err := time.Parse(time.DateOnly, through)
	if err != nil || end.Sub(last) <= l.Fresh.D() {
		return nil
	}
	return &resources.Fault{Class: resources.Permanent, Code: resources.CodeCheck,
		Msg:  fmt.Sprintf("%s: its newest day is %s, %d days before %s, and fresh is %s", l.From, newest, int(end.Sub(last).Hours()/24), through, l.Fresh.D()),
		Hint: "look after the producer; nothing was created"}
}

func describe(mode string, objects []warehouse.Object) string {
	days, bytes := map[string]bool{}, int64(0)
	for _, o := range objects {
		days[o.Partition] = true
		bytes += o.Size
	}
	what := fmt.Sprintf("%s, %s", count(len(objects), "object"), size(bytes))
	if objects[0].Partition != "" {
		what = count(len(days), "partition") + ", " + what
	} else if mode == "replace" {
		what = "changed, " + what
	}
	return what
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func size(bytes int64) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1_000_000:
		return fmt.Sprintf("%.0f kB", float64(bytes)/1e3)
	case bytes < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
}

func (r *planned) loadSpec(l *config.Load) LoadSpec {
	s := LoadSpec{Table: l.Into, Mode: l.Mode, Columns: l.Columns, Timeout: l.Timeout.D(), Checks: loadChecks(l.Into, l.Checks)}
	if csv := l.Format.CSV; csv != nil {
		s.Format = warehouse.Format{Kind: "csv", Header: csv.Header, Delimiter: csv.Delimiter, NullAs: csv.NullAs}
	}
	for _, c := range l.Checks {
		if c.Rows != nil {
			s.MinRows = c.Rows.Min
		}
	}
	return s
}

// loadChecks writes a load's checks as counts of offending rows.
func loadChecks(table string, checks []config.LoadCheck) []warehouse.Check {
	var out []warehouse.Check
	from := "select count(*) from " + warehouse.QuoteTable(table) + " where "
	for _, c := range checks {
		for _, column := range c.NotNull {
			out = append(out, warehouse.Check{Name: "not_null " + column, SQL: from + warehouse.QuoteIdentifier(column) + " is null"})
		}
		columns := make([]string, 0, len(c.Between))
		for column := range c.Between {
			columns = append(columns, column)
		}
		sort.Strings(columns)
		for _, column := range columns {
			b, q := c.Between[column], warehouse.QuoteIdentifier(column)
			out = append(out, warehouse.Check{Name: "between " + column, SQL: fmt.Sprintf("%s%s < %v or %s > %v", from, q, b[0], q, b[1])})
		}
	}
	return out
}

func (r *planned) loadDataset(name string, l *config.Load) (controller.Work, error) {
	step, folder, _ := strings.Cut(l.Reads, "/")
	if folder != "" {
		folder += "/"
	}
	spec := r.loadSpec(l)
	spec.Format.Kind, spec.Reads, spec.Folder = "parquet", step, folder
	print := fingerprint("load", l.Into, l.Columns, l.Mode, folder, r.prints[step])
	r.state = fingerprint(r.state, print)
	return controller.Work{Reads: []string{step}, Spec: spec, Fingerprint: print, Done: r.written(name, print), Why: "from " + l.Reads}, nil
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
	if r.promoted != nil && r.promoted.DataThrough != "" {
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
	print := fingerprint("check", query, c.Expect, r.state)
	return controller.Work{Spec: CheckSpec{Query: query, Expect: c.Expect, Timeout: c.Timeout.D()}, Fingerprint: print, Done: r.holds(name, print)}, err
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

func (r *planned) unload(name string, u *config.Unload) (controller.Work, error) {
	query, err := r.query(u.Query)
	print := fingerprint("unload", query, u.WhenEmpty, r.state)
	w := controller.Work{Spec: UnloadSpec{Query: query, WhenEmpty: u.WhenEmpty, Timeout: u.Timeout.D()}, Fingerprint: print,
		Done: r.holds(name, print), Publishes: u.Publish}
	w.Unpublished = w.Done != nil && r.loose[name]
	return w, err
}

func (r *planned) spark(ctx context.Context, name string, j *config.SparkJob) (controller.Work, error) {
	code, err := r.Jobs(*j)
	if err != nil {
		return controller.Work{}, err
	}
	folder := r.Layout.Job(code.Hash)
	spec := SparkSpec{Script: folder + code.Main, Reads: j.Reads, Expect: j.Expect, Timeout: j.Timeout.D()}
	for _, f := range code.Files {
		if f.Name != code.Main {
			spec.PyFiles = append(spec.PyFiles, folder+f.Name)
		}
		if r.DryRun {
			continue
		}
		if _, err := r.S3.Put(ctx, folder+f.Name, f.Body, ""); err != nil {
			return controller.Work{}, err
		}
	}
	if spec.Conf, err = r.pairs(j.Conf); err != nil {
		return controller.Work{}, err
	}
	if spec.Args, err = r.arguments(j.Args); err != nil {
		return controller.Work{}, err
	}
	inputs := []string{}
	for _, read := range j.Reads {
		inputs = append(inputs, r.prints[read])
	}
	if len(inputs) == 0 {
		inputs = append(inputs, r.ID.Run) // what it reads is not known to us: it runs each night
	}
	print := fingerprint("spark", code.Hash, spec.Args, spec.Conf, inputs)
	w := controller.Work{Reads: j.Reads, Spec: spec, Fingerprint: print, Done: r.holds(name, print), Publishes: true}
	w.Unpublished = w.Done != nil && r.loose[name]
	return w, nil
}

// expand puts the last covered day into a text of the pipeline file.
func (r *planned) expand(text string) (string, error) {
	return config.Expand(text, map[string]string{"date": r.through})
}

func (r *planned) pairs(m map[string]string) ([]string, error) {
	var out []string
	for k, v := range m {
		value, err := r.expand(v)
		if err != nil {
			return nil, err
		}
		out = append(out, k+"="+value)
	}
	sort.Strings(out)
	return out, nil
}

// arguments writes args as --name value, sorted by name.
func (r *planned) arguments(args map[string]string) ([]string, error) {
	names := make([]string, 0, len(args))
	for k := range args {
		names = append(names, k)
	}
	sort.Strings(names)
	var out []string
	for _, k := range names {
		value, err := r.expand(args[k])
		if err != nil {
			return nil, err
		}
		out = append(out, "--"+k, value)
	}
	return out, nil
}

// migrations are those that the promoted warehouse lacks, as one step; nil
// when it has them all.
func (r *planned) migrations() (*controller.Work, error) {
	var spec MigrateSpec
	for _, m := range r.Pipeline.MigrationFiles {
		if r.promoted != nil && slices.Contains(r.promoted.Migrations, m.Name) {
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
