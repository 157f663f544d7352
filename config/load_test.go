package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// insideFile checks that a problem's place lies in the file.
func insideFile(t *testing.T, data []byte, p Problem) {
	t.Helper()
	lines := bytes.Split(data, []byte("\n"))
	switch {
	case p.Line == 0 && p.Column == 0:
	case p.Line < 1 || p.Line > len(lines):
		t.Errorf("line %d of %d: %s", p.Line, len(lines), p)
	case p.Column < 1 || p.Column > utf8.RuneCount(lines[p.Line-1])+1:
		t.Errorf("column %d of %q: %s", p.Column, lines[p.Line-1], p)
	}
}

func load(t *testing.T, path string) *Pipeline {
	t.Helper()
	p, err := LoadPipeline(path, noVariables)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDefaults(t *testing.T) {
	p, err := ParsePipeline("lamplighter.yaml", []byte(`
version: 1
pipeline: p
schedule: {cron: "0 1 * * *"}
warehouse: {engine: {provisioned: {node_type: ra3.large}}}
spark: {engine: {emr: {release: emr-7.10.0, primary: m6g.xlarge, workers: {types: [m6g.xlarge]}}}}
steps:
  - load: r
    from: s3://bkt/{yyyy}/{mm}/{dd}/*.csv
    since: 2020-01-01
    format: {csv: {}}
  - unload: u
    query: select 1
  - spark: s
    job: als
    reads: [u]
`), fstest.MapFS{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Pipeline{
		Version: 1, Pipeline: "p", Partition: "UTC", Hash: p.Hash,
		Schedule:  Schedule{Cron: "0 1 * * *", Timezone: "UTC", LastCall: Duration(150 * time.Minute), HardStop: Duration(4 * time.Hour)},
		Warehouse: &Warehouse{Admin: "lamplighter", KeepSnapshots: 7, Engine: WarehouseEngine{Provisioned: &Provisioned{NodeType: "ra3.large", Nodes: 2, BetweenRuns: "delete"}}},
		Spark: &Spark{Engine: SparkEngine{EMR: &EMR{Release: "emr-7.10.0", Primary: "m6g.xlarge", Workers: Workers{Types: []string{"m6g.xlarge"}, Count: 2},
			Instances: "fleets", Concurrency: 1, Applications: []string{"Spark"}}}},
		Steps: []Step{
			{Kind: "load", Name: "r", Line: 8, Load: &Load{Into: "r", From: "s3://bkt/{yyyy}/{mm}/{dd}/*.csv", Since: "2020-01-01", Mode: "append",
				CompleteWhen: CompleteWhen{DayEnded: Duration(30 * time.Minute)}, Format: Format{CSV: &CSV{}}}},
			{Kind: "unload", Name: "u", Line: 12, Unload: &Unload{Query: "select 1", WhenEmpty: "skip"}},
			{Kind: "spark", Name: "s", Line: 14, Spark: &SparkJob{Job: "als", Reads: []string{"u"}, Retries: 2, Timeout: Duration(time.Hour)}},
		},
	}
	if d := cmp.Diff(want, *p); d != "" {
		t.Errorf("other defaults (-want +got):\n%s", d)
	}
}

// What is read keeps its characters: no number, boolean or date in between.
func TestValuesAsWritten(t *testing.T) {
	p := load(t, "testdata/pipeline/good.yaml")
	step := map[string]Step{}
	for _, s := range p.Steps {
		step[s.Name] = s
	}
	args := map[string]string{"day": "{date}", "rank": "10", "share": "0.20", "implicit": "true", "literal": "{{date}"}
	if d := cmp.Diff(args, step["mine"].Spark.Args); d != "" {
		t.Errorf("args (-want +got):\n%s", d)
	}
	conf := map[string]string{"spark.sql.shuffle.partitions": "8", "spark.app.name": "x-{date}"}
	if d := cmp.Diff(conf, step["mine"].Spark.Conf); d != "" {
		t.Errorf("conf (-want +got):\n%s", d)
	}
	if got := step["text"].Check.Expect; got != "true" {
		t.Errorf("expect is %q", got)
	}
	if got := step["ratings"].Load.Format.CSV; got.Delimiter != "\t" || got.NullAs != `\N` || got.Header {
		t.Errorf("csv is %+v", got)
	}
	if got := p.Tags["cost_center"]; got != "4711" {
		t.Errorf("tag is %q", got)
	}
	if got := p.Notify[0]["slack"]; got != "${SLACK_WEBHOOK}" {
		t.Errorf("notify holds %q: the variable's value must not be in the struct, which goes into the journal", got)
	}
	sql, err := os.ReadFile("testdata/pipeline/sql/view.sql")
	if err != nil || step["tidy"].SQL.Text != string(sql) || step["inline"].SQL.Text != step["inline"].SQL.Query {
		t.Errorf("the SQL of the sql steps was not read (%v)", err)
	}
	if m := p.MigrationFiles; len(m) != 2 || m[0].Number != 1 || m[1].Number != 10 || m[1].Name != "010_b.sql" || m[1].SHA256 != hash([]byte(m[1].Text)) {
		t.Errorf("migrations are %+v", m)
	}
	if step["mine"].Line != 45 {
		t.Errorf("the step mine stands in line %d", step["mine"].Line)
	}
	if p.Dir != "testdata/pipeline" || len(p.Hash) != 64 {
		t.Errorf("Dir %q, Hash %q", p.Dir, p.Hash)
	}
}

// The engine rebuilds a pipeline from the JSON in its journal.
func TestPipelineJSONRoundTrip(t *testing.T) {
	p := load(t, "testdata/pipeline/good.yaml")
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Pipeline
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&back); err != nil {
		t.Fatal(err)
	}
	back.Dir, back.Hash = p.Dir, p.Hash
	if d := cmp.Diff(*p, back); d != "" {
		t.Errorf("JSON changes it (-before +after):\n%s", d)
	}
	again, err := json.Marshal(back)
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("JSON is not the same twice (%v)", err)
	}
}

func TestEnvironment(t *testing.T) {
	e, err := LoadEnvironment("testdata/environment/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if e.Account != "001234567012" || e.Name != "good" || e.Database != "dev" || e.Warehouse.Port != 5439 || e.KillSwitch.Group != "default" ||
		e.Timing.Grace.D() != 3*time.Second || e.Timing.Poll.D() != 500*time.Millisecond || e.Timing.KillSwitchMargin.D() != 30*time.Minute {
		t.Errorf("read as %+v", e)
	}
	if got := e.Path(e.Credentials.File); got != filepath.FromSlash("testdata/environment/credentials") {
		t.Errorf("Path = %q", got)
	}
	if absolute := filepath.Join(t.TempDir(), "ca.pem"); e.Path(absolute) != absolute || e.Path("") != "" {
		t.Error("absolute and empty paths stay as they are")
	}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back Environment
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	back.Dir, back.File = e.Dir, e.File
	if d := cmp.Diff(*e, back); d != "" {
		t.Errorf("JSON changes it (-before +after):\n%s", d)
	}
}

func TestMatch(t *testing.T) {
	e := &Environment{File: "environments/x.yaml"}
	warehouse, spark := &Warehouse{}, &Spark{}
	for _, c := range []struct {
		p    Pipeline
		want []string
	}{
		{Pipeline{}, nil},
		{Pipeline{Warehouse: warehouse}, []string{"roles.kill_switch", "roles.warehouse"}},
		{Pipeline{Spark: spark}, []string{"logs", "roles.spark_instance_profile", "roles.spark_service"}},
	} {
		var ps Problems
		var got []string
		if errors.As(Match(&c.p, e), &ps) {
			for _, p := range ps {
				got = append(got, p.Path)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("missing (-want +got):\n%s", d)
		}
	}
}

func TestMissingFiles(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "lamplighter.yaml")
	if _, err := LoadPipeline(missing, nil); err == nil || !strings.Contains(err.Error(), missing+": there is no such file\nhint: ") {
		t.Errorf("the error is %v", err)
	}
	if _, err := LoadEnvironment(missing); err == nil || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("the error is %v", err)
	}
	if _, err := LoadPipeline(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("reading a folder: %v", err)
	}
}

// The YAML library needs minutes and gigabytes for these.
func TestHostileFilesAreRefusedQuickly(t *testing.T) {
	for _, s := range []string{"[", "- ", "{a: ", "? ", "!a ", "&a ", "a: \n", "x\n", "\n - ", "a:\n "} {
		if _, err := ParsePipeline("x.yaml", []byte(strings.Repeat(s, 250_000/len(s))), fstest.MapFS{}, nil); err == nil {
			t.Errorf("many %q were read", s)
		}
	}
	lines := ""
	for i := range 500 {
		lines += strings.Repeat(" ", i) + "a:\n"
	}
	for _, deep := range []string{lines, strings.Repeat("[", 50) + strings.Repeat("]", 50), strings.Repeat("- ", 50) + "a"} {
		if _, err := ParsePipeline("x.yaml", []byte(deep), fstest.MapFS{}, nil); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
			t.Errorf("%.40q…: %v", deep, err)
		}
	}
}

func TestDuration(t *testing.T) {
	good := map[string]time.Duration{"30m": 30 * time.Minute, "2h30m": 150 * time.Minute, "45s": 45 * time.Second, "1d": 24 * time.Hour, "500ms": 500 * time.Millisecond, "0s": 0, "1d12h": 36 * time.Hour}
	for s, want := range good {
		d, err := ParseDuration(s)
		if err != nil || d.D() != want || d.String() != s {
			t.Errorf("ParseDuration(%q) = %s, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "30", "1.5h", "-1h", "m", "1m2h", "1h1h", "1 h", "1w", "1us", "99999999999999999999s", "1001d", "24001h"} {
		if d, err := ParseDuration(s); err == nil {
			t.Errorf("ParseDuration(%q) = %s", s, d)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := Duration(time.Duration(rapid.Int64Range(0, int64(maxDuration/time.Millisecond)).Draw(t, "ms")) * time.Millisecond)
		if back, err := ParseDuration(d.String()); err != nil || back != d {
			t.Fatalf("%s is read back as %s, %v", d, back, err)
		}
	})
}

func TestArchitecture(t *testing.T) {
	for name, want := range map[string]string{"m6g.xlarge": "arm64", "m7g.2xlarge": "arm64", "r6gd.xlarge": "arm64", "c7gn.large": "arm64", "im4gn.large": "arm64", "is4gen.large": "arm64",
		"a1.large": "arm64", "t4g.small": "arm64", "g5g.xlarge": "arm64", "m5.xlarge": "x86_64", "m6i.xlarge": "x86_64", "m7i-flex.large": "x86_64", "g4dn.xlarge": "x86_64", "r5.metal-24xl": "x86_64",
		"huge": "", "m5": "", "M5.xlarge": "", "": ""} {
		if got := architecture(name); got != want {
			t.Errorf("architecture(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "", 3}, {"form", "from", 1}, {"lod", "load", 1}, {"heeder", "header", 1}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
