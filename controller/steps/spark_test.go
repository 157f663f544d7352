package steps

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/s3"
)

func plannedAs(t *testing.T, nodes ...journal.Node) *journal.Facts {
	t.Helper()
	f := journal.NewFacts()
	f.Apply(journal.Record{Seq: 1, Kind: journal.Opened, Opening: &journal.Opening{Run: "2026-11-22", Attempt: 1, Plan: nodes}})
	return f
}

func encoded(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The command line of a step is what spark-submit takes, whatever its program.
func TestCommandLines(t *testing.T) {
	base := base{Deps: Deps{Layout: controller.Layout{Bucket: "b", Pipeline: "p"}}, n: journal.Node{Name: "emr-1"}}
	submit := []string{"timeout", "-k", "60", "3600", "spark-submit", "--deploy-mode", "client"}
	writes := []string{"--writes", "s3://b/p/runs/2026-11-22/1/data/x/2/"}
	for name, c := range map[string]struct {
		spec SparkSpec
		want []string
	}{
		"python": {SparkSpec{Script: "s3://b/x.py", PyFiles: []string{"s3://b/a.py", "s3://b/b.zip"}, Archives: []string{"s3://b/env.tar.gz#env"},
			Conf: []string{"spark.a=1"}, Args: []string{"--rank", "3"}},
			[]string{"--conf", "spark.a=1", "--py-files", "s3://b/a.py,s3://b/b.zip", "--archives", "s3://b/env.tar.gz#env", "s3://b/x.py"}},
		"jar": {SparkSpec{Script: "s3://b/x.jar", Class: "com.example.Main", Packages: []string{"a:b:1", "c:d:2"}},
			[]string{"--class", "com.example.Main", "--packages", "a:b:1,c:d:2", "s3://b/x.jar"}},
		"reads": {SparkSpec{Script: "s3://b/x.py", Reads: []string{"rows", "clean", "clean/users"}},
			[]string{"s3://b/x.py", "--reads", "rows=s3://b/rows/", "--reads", "clean=s3://b/p/runs/2026-11-22/1/data/clean/2/",
				"--reads", "clean/users=s3://b/p/runs/2026-11-22/1/data/clean/2/users/"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.spec.Timeout = time.Hour
			facts := plannedAs(t)
			facts.Apply(journal.Record{Seq: 2, Kind: journal.Settled, Step: "rows", Verdict: journal.Done, Result: encoded(t, Dataset{Name: "rows", URI: "s3://b/rows/"})})
			got, err := (&emrLife{base}).step(&controller.Pass{Facts: facts}, journal.Node{Name: "x", Spec: encoded(t, c.spec)}, 2)
			if err != nil {
				t.Fatal(err)
			}
			want := append(append(append([]string{}, submit...), c.want...), append(writes, c.spec.Args...)...)
			if d := cmp.Diff(want, got.Args); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// What a program leaves decides whether its step is done, and the message says
// what is wrong with it.
func TestWhatAProgramLeft(t *testing.T) {
	const uri = "s3://b/p/1/"
	object := func(key string) s3.Info { return s3.Info{URI: uri + key, Size: 10} }
	atLeast := 0.5
	expecting := SparkSpec{Expect: map[string]config.Bounds{"rmse": {Min: &atLeast}}}
	for name, c := range map[string]struct {
		spec    SparkSpec
		objects []s3.Info
		metrics string
		code    string // of the error
		says    string
		rows    int64
		parts   map[string]int64 // rows by part
	}{
		"all is well":             {objects: []s3.Info{object("a.parquet")}, metrics: `{"rows": 7, "rmse": 0.9}`, rows: 7},
		"no metrics":              {objects: []s3.Info{object("_SUCCESS")}},
		"nothing at all":          {code: CodeNothingWritten, says: "wrote nothing: there is no object below " + uri},
		"metrics alone":           {objects: []s3.Info{object(metricsName)}, metrics: `{}`},
		"one dataset is missing":  {spec: SparkSpec{Writes: []string{"a", "b", "c"}}, objects: []s3.Info{object("a/x.parquet"), object("bb/x.parquet")}, code: CodeNothingWritten, says: "below " + uri + "b/ and " + uri + "c/"},
		"two datasets":            {spec: SparkSpec{Writes: []string{"a", "b"}}, objects: []s3.Info{object("a/x.parquet"), object("b/_SUCCESS")}, metrics: `{"rows": {"a": 5, "b": 0}}`, rows: 5, parts: map[string]int64{"s/a": 5, "s/b": 0}},
		"metrics that are wanted": {spec: expecting, objects: []s3.Info{object("a.parquet")}, code: resources.CodeCheck, says: "wrote no metrics.json"},
		"NaN":                     {objects: []s3.Info{object("a.parquet")}, metrics: "{\"rows\": 1,\n\"rmse\": NaN}", code: "BadMetrics", says: "line 2: invalid character 'N'"},
		"half a file":             {objects: []s3.Info{object("a.parquet")}, metrics: `{"rows": 1`, code: "BadMetrics", says: "unexpected end"},
		"empty":                   {objects: []s3.Info{object("a.parquet")}, metrics: ``, code: "BadMetrics", says: "unexpected end"},
		"null":                    {objects: []s3.Info{object("a.parquet")}, metrics: `null`, code: "BadMetrics", says: "no JSON object"},
		"a list":                  {objects: []s3.Info{object("a.parquet")}, metrics: `[1]`, code: "BadMetrics", says: "no JSON object"},
		"rows as text":            {objects: []s3.Info{object("a.parquet")}, metrics: `{"rows": "many"}`, code: "BadMetrics", says: `rows is "many"`},
		"too much":                {objects: []s3.Info{object("a.parquet")}, metrics: `{"x": "` + strings.Repeat("x", maxMetrics) + `"}`, code: "BadMetrics", says: "more than metrics need"},
	} {
		t.Run(name, func(t *testing.T) {
			s := spark{base{}, c.spec}
			ds, err := s.written(Dataset{Name: "s", URI: uri}, c.objects)
			if err == nil {
				var body []byte
				if c.metrics != "" || c.code == "BadMetrics" {
					body = []byte(c.metrics)
				}
				ds, err = s.measured(ds, body)
			}
			if c.code != "" {
				if resources.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || resources.HintOf(err) == "" {
					t.Errorf("%s: %v (hint %q)", resources.CodeOf(err), err, resources.HintOf(err))
				}
				return
			}
			parts := map[string]int64{}
			for _, p := range ds.Parts {
				parts[p.Name] = p.Rows
			}
			if err != nil || ds.Rows != c.rows || len(parts) != len(c.parts) {
				t.Fatalf("%v %+v", err, ds)
			}
			for name, rows := range c.parts {
				if part, ok := ds.part(strings.TrimPrefix(name, "s/")); !ok || part.Rows != rows || part.URI != uri+name[2:]+"/" {
					t.Errorf("part %s is %+v", name, part)
				}
			}
		})
	}
}

// Steps run side by side only when none of the cluster's reads another's.
func TestSideBySide(t *testing.T) {
	free := []journal.Node{{Name: "a"}, {Name: "b", Needs: []string{"outside"}}, {Name: "c"}}
	chain := []journal.Node{{Name: "a"}, {Name: "b"}, {Name: "c", Needs: []string{"a"}}}
	for _, c := range []struct {
		nodes       []journal.Node
		limit, want int
	}{{free, 0, 1}, {free, 1, 1}, {free, 2, 2}, {free, 9, 3}, {chain, 9, 1}, {chain[:1], 9, 1}} {
		if got := sideBySide(c.nodes, c.limit); got != c.want {
			t.Errorf("%d steps, concurrency %d: %d at a time, want %d", len(c.nodes), c.limit, got, c.want)
		}
	}
}

// A step is judged by its own state first; a lost cluster counts against its
// retries once it is known to be gone.
func TestJudge(t *testing.T) {
	const gone = "TERMINATED_WITH_ERRORS: INSTANCE_FAILURE: The master failed"
	for name, c := range map[string]struct {
		retries, lost int // clusters lost before
		state, part   string
		closed        bool
		want          judgement
		says          string
	}{
		"completed on a cluster that was lost": {0, 0, gone, "COMPLETED", true, completed, ""},
		"failed while others run":              {2, 0, "RUNNING", "FAILED", false, failed, ""},
		"failed, and retries left":             {2, 0, gone, "FAILED", true, failed, ""},
		"running":                              {0, 0, "RUNNING", "RUNNING", false, undecided, ""},
		"cancelled, its cluster not yet gone":  {0, 0, gone, "CANCELLED", false, undecided, ""},
		"cancelled, retries left":              {1, 0, gone, "CANCELLED", true, undecided, ""},
		"cancelled, none left":                 {1, 1, gone, "CANCELLED", true, given, "2 clusters went"},
		"interrupted, no retries":              {0, 0, gone, "INTERRUPTED", true, given, "1 cluster went"},
		"somebody cancelled it":                {2, 0, "TERMINATED: ALL_STEPS_COMPLETED: Steps completed", "CANCELLED", true, given, "somebody cancelled it"},
		"bootstrap failed":                     {2, 0, "TERMINATED_WITH_ERRORS: BOOTSTRAP_FAILURE: action 1", "CANCELLED", true, given, "BOOTSTRAP_FAILURE"},
		"never seen":                           {0, 0, "", "", true, undecided, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := plannedAs(t)
			add := func(name, state, part string, closed bool) {
				ref := resources.Ref{Kind: resources.KindFlow, Name: name}
				f.Made[journal.Made{Step: "emr-1", Kind: resources.KindFlow}] = ref
				f.Owed[ref] = &journal.Obligation{Ref: ref, Step: "emr-1", Closed: closed,
					Seen: &resources.Observation{Ref: ref, State: state, Parts: map[string]string{"x": part}}}
			}
			for i := range c.lost {
				add(strings.Repeat("f", i+1), gone, "CANCELLED", true)
			}
			add("now", c.state, c.part, c.closed)
			got, err := judge(f, journal.Node{Name: "x", Uses: "emr-1", Spec: encoded(t, SparkSpec{Retries: c.retries})})
			if got != c.want || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("judged %d: %v", got, err)
			}
		})
	}
}

// A log of any length and however broken is read for what there is of it.
func TestUnzip(t *testing.T) {
	zip := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(text)); err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	long := strings.Repeat("x", 3*maxLog) + "the end"
	half := zip(strings.Repeat("a line of a log\n", 10000))
	if got := unzip(zip(long)); len(got) != maxLog || !strings.HasSuffix(string(got), "the end") {
		t.Errorf("%d bytes of a long log", len(got))
	}
	if got := unzip(half[:len(half)/2]); !strings.HasPrefix(string(got), "a line of a log") {
		t.Errorf("half a log gives %.40q", got)
	}
	for _, plain := range []string{"", "not zipped"} {
		if got := unzip([]byte(plain)); string(got) != plain {
			t.Errorf("%q became %q", plain, got)
		}
	}
}
