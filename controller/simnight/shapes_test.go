package simnight_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/simnight"
	"lamplighter/resources/simcloud"
)

// start is when simulated accounts open; the first run is of its day.
var start = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

const date = "2026-11-22"

// shape is a pipeline with what its first night must leave behind.
type shape struct {
	name      string
	steps     []config.Step
	estimates controller.Estimates
	empty     []string            // queries without rows
	tables    map[string][]string // what the promoted snapshot holds; nil: nothing is promoted
	published []string            // datasets
	engine    func(*config.EMR)   // changes the Spark cluster; nil: nothing
}

func load(name string) config.Step {
	return config.Step{Kind: "load", Name: name, Load: &config.Load{Into: name, From: "s3://events/" + name + "/{yyyy}/{mm}/{dd}/*.csv.gz",
		Since: "2026-11-18", Mode: "append", Format: config.Format{CSV: &config.CSV{Header: true}}}}
}

func undated(name string) config.Step {
	return config.Step{Kind: "load", Name: name, Load: &config.Load{Into: name, From: "s3://events/" + name + "/*.csv", Mode: "replace",
		Format: config.Format{CSV: &config.CSV{Header: true}}}}
}

// upserted has the last day's object in the end: part-1 of each day replaces
// that of the day before.
func upserted(name string) config.Step {
	s := load(name)
	s.Load.Mode, s.Load.Key, s.Load.OnChange, s.Load.MaxErrors = "upsert", []string{"id"}, "replace", 10
	return s
}

// partitioned is a load that replaces days; mode is replace, or append for
// days that changed.
func partitioned(name, mode string) config.Step {
	s := load(name)
	s.Load.Mode, s.Load.PartitionColumn = mode, "day"
	if mode == "append" {
		s.Load.OnChange = "replace"
	}
	return s
}

func back(name, reads string) config.Step {
	return config.Step{Kind: "load", Name: name, Load: &config.Load{Into: name, Reads: reads, Mode: "replace"}}
}

func check(name string) config.Step {
	return config.Step{Kind: "check", Name: name, Check: &config.Check{Query: "select bad from " + name, Expect: "0"}}
}

func sql(name string) config.Step {
	return config.Step{Kind: "sql", Name: name, SQL: &config.SQL{Text: "create view " + name + " as select 1"}}
}

func unload(name string) config.Step {
	return config.Step{Kind: "unload", Name: name, Unload: &config.Unload{Query: "select * from " + name, WhenEmpty: "skip"}}
}

func spark(name string, reads ...string) config.Step {
	return config.Step{Kind: "spark", Name: name, Spark: &config.SparkJob{Main: name, Reads: reads, Retries: 3, Timeout: config.Duration(40 * time.Minute)}}
}

// writing is a spark step of several datasets.
func writing(s config.Step, datasets ...string) config.Step {
	job := *s.Spark
	job.Writes = datasets
	s.Spark = &job
	return s
}

// shelved is a step that is published under a prefix too.
func shelved(s config.Step) config.Step {
	to := config.Publish{On: true, Prefix: "s3://lake/" + s.Name + "/", Keep: config.Duration(24 * time.Hour)}
	if s.Unload != nil {
		s.Unload.Publish = to
	} else {
		s.Spark.Publish = to
	}
	return s
}

func steps(s ...config.Step) []config.Step { return s }

var full = steps(load("ratings"), undated("movies"), load("reviews"), check("no_orphans"), sql("view"),
	unload("rec_in"), unload("rev_in"), spark("recs", "rec_in"), spark("sent", "rev_in"))

func shapes() []shape {
	ratings, reviews, movies := days("ratings"), days("reviews"), []string{"s3://events/movies/movies.csv"}
	keep := controller.Estimates{Gap: time.Second, SnapshotTail: time.Hour}
	scored := steps(load("ratings"), unload("rec_in"), spark("recs", "rec_in"), back("scores", "recs"), check("ok"))
	return []shape{
		{name: "full", steps: full, tables: map[string][]string{"ratings": ratings, "reviews": reviews, "movies": movies}, published: []string{"recs", "sent"}},
		{name: "spark first", steps: steps(load("ratings"), spark("clean"), back("cleaned", "clean"), check("ok")),
			tables: map[string][]string{"ratings": ratings, "cleaned": nil}, published: []string{"clean"}},
		{name: "no warehouse", steps: steps(spark("a"), spark("b", "a")), published: []string{"a", "b"}},
		{name: "no spark", steps: steps(load("ratings"), check("ok"), unload("out")), tables: map[string][]string{"ratings": ratings}},
		{name: "scores loaded back, warehouse ended", steps: scored, tables: map[string][]string{"ratings": ratings, "scores": nil}, published: []string{"recs"}},
		{name: "scores loaded back, warehouse kept", steps: scored, estimates: keep, tables: map[string][]string{"ratings": ratings, "scores": nil}, published: []string{"recs"}},
		{name: "two unloads side by side", steps: steps(unload("a"), unload("b"), load("ratings")), tables: map[string][]string{"ratings": ratings}},
		{name: "check only", steps: steps(check("ok"))},
		{name: "empty input", steps: steps(load("ratings"), unload("rec_in"), spark("recs", "rec_in")), empty: []string{"select * from rec_in"},
			tables: map[string][]string{"ratings": ratings}},
		{name: "upsert and days replaced", steps: steps(upserted("ratings"), partitioned("reviews", "replace")),
			tables: map[string][]string{"ratings": ratings[3:], "reviews": reviews}},
		{name: "crossed", steps: steps(unload("u1"), spark("s1", "u1"), spark("s2"), back("l2", "s2")), tables: map[string][]string{"l2": nil}, published: []string{"s2"}},
		{name: "several datasets of one step", steps: steps(writing(spark("clean"), "users", "films"), spark("recs", "clean/users"), back("films", "clean/films")),
			tables: map[string][]string{"films": nil}, published: []string{"clean/users", "clean/films", "recs"}},
		{name: "side by side", steps: steps(spark("a"), spark("b"), spark("c")), published: []string{"a", "b", "c"},
			engine: func(e *config.EMR) { e.Concurrency = 2 }},
		{name: "published under a prefix", steps: steps(load("ratings"), shelved(unload("out")), shelved(writing(spark("recs", "out"), "a", "b"))),
			tables: map[string][]string{"ratings": ratings}, published: []string{"out", "recs/a", "recs/b"}},
	}
}

// folders are what the steps of a pipeline write, for the simulated Spark.
func folders(steps []config.Step) map[string][]string {
	out := map[string][]string{}
	for _, s := range steps {
		if s.Spark != nil {
			out[s.Name] = s.Spark.Writes
		}
	}
	return out
}

func pipeline(s []config.Step) *config.Pipeline {
	p := &config.Pipeline{Version: 1, Pipeline: "movielens", Partition: "UTC", Steps: slices.Clone(s), Hash: "h",
		Schedule:  config.Schedule{Cron: "0 1 * * *", Timezone: "America/New_York", LastCall: config.Duration(150 * time.Minute), HardStop: config.Duration(4 * time.Hour)},
		Warehouse: &config.Warehouse{Admin: "lamplighter", KeepSnapshots: 7, Engine: config.WarehouseEngine{Provisioned: &config.Provisioned{NodeType: "ra3.large", Nodes: 2, BetweenRuns: "delete"}}},
		Spark: &config.Spark{Engine: config.SparkEngine{EMR: &config.EMR{Release: "emr-7.10.0", Primary: "m6g.xlarge",
			Workers: config.Workers{Types: []string{"m6g.xlarge"}, Count: 2}}}},
		MigrationFiles: []config.Migration{{Number: 1, Name: "001_tables.sql", Text: "create table ratings (x int)", SHA256: "m1"}},
	}
	if !slices.ContainsFunc(s, func(s config.Step) bool { return s.Kind == "load" }) {
		p.MigrationFiles = nil
	}
	return p
}

// days are the objects of a dated source that the first run covers.
func days(name string) (uris []string) {
	for d := 18; d <= 21; d++ {
		uris = append(uris, fmt.Sprintf("s3://events/%s/2026/11/%02d/part-1.csv.gz", name, d))
	}
	return uris
}

// account opens an account whose sources hold four days and a day to come.
func account(seed uint64, s shape, faults simcloud.Faults) *simnight.Account {
	opts := simcloud.SimOptions{Seed: seed, Faults: faults, Empty: map[string]bool{}, Folders: folders(s.steps)}
	for _, q := range s.empty {
		opts.Empty[q] = true
	}
	a := simnight.New(start, opts)
	for _, name := range []string{"ratings", "reviews"} {
		for _, uri := range append(days(name), "s3://events/"+name+"/2026/11/22/part-1.csv.gz") {
			a.Cloud.PutSized(uri, 40_000)
		}
	}
	a.Cloud.PutSized("s3://events/movies/movies.csv", 4_000)
	return a
}

func (s shape) night() simnight.Night {
	p := pipeline(s.steps)
	if s.engine != nil {
		s.engine(p.Spark.Engine.EMR)
	}
	return simnight.Night{Pipeline: p, Date: date, Estimates: s.estimates}
}

// broken lists what a night that ended well left wrong.
func (s shape) broken(a *simnight.Account, o simnight.Outcome) (bad []string) {
	if !o.Ended {
		return []string{fmt.Sprintf("the run never ended (%d starts)", o.Starts)}
	}
	if o.Err != nil {
		bad = append(bad, "ended with: "+o.Err.Error())
	}
	if o.ExitCode != controller.ExitOK {
		bad = append(bad, fmt.Sprintf("exit code %d: %s", o.ExitCode, verdicts(o)))
	}
	return append(bad, s.wrong(a)...)
}

// wrong lists what must never be, however the night went, and what a whole
// night leaves.
func (s shape) wrong(a *simnight.Account) (bad []string) {
	p := pipeline(s.steps)
	pointer, ok := a.Promoted(p)
	if ok != (s.tables != nil) {
		bad = append(bad, fmt.Sprintf("promoted: %v", ok))
	}
	if ok {
		got := a.Loaded(pointer.Snapshot)
		for table, want := range s.tables {
			if want == nil { // a dataset of tonight: one set of files
				if len(got[table]) == 0 || len(slices.Compact(slices.Clone(got[table]))) != len(got[table]) {
					bad = append(bad, fmt.Sprintf("I1: table %s holds %v", table, got[table]))
				}
				continue
			}
			if !slices.Equal(got[table], want) {
				bad = append(bad, fmt.Sprintf("I1: table %s holds %v, not %v", table, got[table], want))
			}
		}
	}
	for _, name := range s.published {
		if _, ok := a.Published(p, name); !ok {
			bad = append(bad, "not published: "+name)
		}
	}
	for _, step := range s.steps {
		bad = append(bad, shelfWrong(a, step)...)
	}
	for _, alive := range a.Cloud.Alive() {
		bad = append(bad, fmt.Sprintf("I3: left at the end: %+v", alive))
	}
	return append(bad, violations(a)...)
}

func violations(a *simnight.Account) (bad []string) {
	for _, v := range a.Cloud.Violations() {
		// Sealed batches, ledger copies and code are named by the hash of their
		// content, a closed attempt's archive and its copies of a dataset have
		// only one: whoever writes them late changes nothing.
		if v.Rule == simcloud.RuleStale && hashed.MatchString(v.Text) {
			continue
		}
		bad = append(bad, fmt.Sprintf("%s: %s", v.Rule, v.Text))
	}
	return bad
}

var hashed = regexp.MustCompile(`^s3\.PutObject \S+(/batches/|/jobs/|/ledger-|/journal\.json )|^s3\.CopyObject \S+/_data/`)

func verdicts(o simnight.Outcome) string {
	var out []string
	if o.Facts == nil {
		return "no facts"
	}
	for _, n := range o.Facts.Plan {
		s := o.Facts.Settled[n.Name]
		if s.Verdict != "done" {
			out = append(out, fmt.Sprintf("%s %s (%s)", n.Name, s.Verdict, s.Why))
		}
	}
	for _, d := range o.Facts.Debts() {
		out = append(out, "owes "+d.Ref.String())
	}
	return strings.Join(out, "; ")
}

func tell(o simnight.Outcome) string {
	var b strings.Builder
	for _, r := range o.Records {
		what := ""
		if r.Effect != nil {
			what = r.Effect.Verb + " " + r.Effect.Ref.String()
		}
		if r.Seen != nil {
			raw, _ := json.Marshal(r.Seen)
			what = string(raw)
		}
		fmt.Fprintf(&b, "%4d %s %-8s %-14s %s %s %s %s\n", r.Seq, r.At.Format("15:04:05"), r.Kind, r.Step, what, r.Verdict, r.Class, r.Why)
	}
	return b.String()
}

func duration(d time.Duration) config.Duration { return config.Duration(d) }
