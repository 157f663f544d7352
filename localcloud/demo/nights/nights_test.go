package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lamplighter/config"
	"lamplighter/examples"
	"lamplighter/localcloud/demo/events"
	"lamplighter/localcloud/demo/host"
)

var small = events.Size{Users: 40, Movies: 60, Ratings: 1500, Reviews: 200, From: time.Date(1995, 1, 9, 0, 0, 0, 0, time.UTC), Days: 500}

// What the four nights publish is all there is, each row once, and the counts
// they are held to are those of the objects.
func TestScriptPublishesEverythingOnce(t *testing.T) {
	data := events.Generate(11, small)
	nights, err := script(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(nights) != 4 || len(nights[2].objects) != 0 || !nights[3].killed {
		t.Fatalf("%d nights", len(nights))
	}
	keys, rows := map[string]bool{}, map[string]int64{}
	before := ""
	for _, n := range nights {
		if n.date <= before {
			t.Errorf("night %s does not come after %s", n.date, before)
		}
		before = n.date
		for _, o := range n.objects {
			if keys[o.Key] {
				t.Errorf("%s is published twice", o.Key)
			}
			keys[o.Key] = true
			if day := strings.ReplaceAll(strings.TrimPrefix(filepath.Dir(o.Key), "ratings/"), "/", "-"); strings.HasPrefix(o.Key, "ratings/") && day >= n.date {
				t.Errorf("night %s gets %s", n.date, o.Key)
			}
		}
		for table, count := range n.rows {
			rows[table] += count
		}
	}
	want := map[string]int64{"ratings": int64(len(data.Ratings)), "reviews": int64(len(data.Reviews)), "movies": int64(len(data.Movies))}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
	late := 0
	for _, o := range nights[1].objects {
		if strings.Contains(o.Key, "late") {
			late++
		}
	}
	if late != 1 {
		t.Errorf("night 2 has %d late objects", late)
	}
	if first, later := nights[0].objects, nights[3].objects; len(first) < 100 || len(later) == 0 {
		t.Errorf("%d objects in night 1, %d in night 4", len(first), len(later))
	}
}

func TestTooFewDaysAreRefused(t *testing.T) {
	size := small
	size.Days = 5
	if _, err := script(events.Generate(1, size)); err == nil || !strings.Contains(err.Error(), "four nights need") {
		t.Errorf("error %v", err)
	}
}

// The template, made to fit, is still a pipeline file without a fault.
func TestTheTemplateFits(t *testing.T) {
	files, err := examples.Get("movielens")
	if err != nil {
		t.Fatal(err)
	}
	text, err := fs.ReadFile(files, "lamplighter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first := events.DayOf(small.From.Unix())
	for _, fast := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "lamplighter.yaml")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := fit(path, first, fast); err != nil {
			t.Fatal(err)
		}
		fitted, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := config.ParsePipeline("lamplighter.yaml", fitted, files, func(string) string { return "" })
		if err != nil {
			t.Fatalf("fast %v: %v", fast, err)
		}
		kinds := map[string]int{}
		for _, s := range p.Steps {
			kinds[s.Kind]++
			if s.Load != nil && s.Load.Since != "" && s.Load.Since != "1995-01-09" {
				t.Errorf("%s begins with %s", s.Name, s.Load.Since)
			}
		}
		if (kinds["spark"] == 0) != fast || (p.Spark == nil) != fast || kinds["load"] != 3 || kinds["unload"] != 2 {
			t.Errorf("fast %v: steps %v", fast, kinds)
		}
	}
}

func TestSinceIsNeverMadeLater(t *testing.T) {
	text := "    since: 1996-03-29\n    since: 1996-03-29 # kept\n"
	day, _ := events.DayFrom("2001-01-01")
	if got := sinceFirst(text, day); got != text {
		t.Errorf("got %q", got)
	}
}

func TestWithoutSparkNeedsASparkSide(t *testing.T) {
	if _, err := withoutSpark("version: 1\n"); err == nil {
		t.Error("no error")
	}
}

const told = `{"v":1,"event":"opened","run":"2018-09-21"}
{"v":1,"event":"effect","state":"asked","step":"warehouse-1","verb":"restore","kind":"cluster"}
{"v":1,"event":"effect","state":"asked","step":"ratings","verb":"copy-1","kind":"table"}
{"v":1,"event":"summary","exit_code":3,"state_line":"s","rows_loaded":{"ratings":7},"metrics":{"x":{"rmse":0.9}}}
`

func TestReadRun(t *testing.T) {
	var seen []event
	s, err := readRun(strings.NewReader(told), func(e event) { seen = append(seen, e) })
	if err != nil || s == nil || s.ExitCode != 3 || s.RowsLoaded["ratings"] != 7 || s.Metrics["x"]["rmse"] != 0.9 {
		t.Errorf("%+v, %v", s, err)
	}
	if len(seen) != 3 || duringCopy(seen[1]) || !duringCopy(seen[2]) {
		t.Errorf("events %+v", seen)
	}
	// A killed run's last line may be half a line.
	s, err = readRun(strings.NewReader(told[:len(told)-20]), func(event) {})
	if err != nil || s != nil {
		t.Errorf("cut off: %+v, %v", s, err)
	}
	if _, err = readRun(strings.NewReader("warehouse: restore\n"), func(event) {}); err == nil {
		t.Error("text was taken for JSON")
	}
}

func TestClustersLeft(t *testing.T) {
	var c host.Clouded
	if c.Left() != 0 {
		t.Error("nothing is something")
	}
	c.Clusters = append(c.Clusters, struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}{"lamplighter-x", "paused"})
	for _, live := range []bool{false, true} {
		c.Flows = append(c.Flows, struct {
			Name string `json:"name"`
			Live bool   `json:"live"`
		}{"flow", live})
	}
	if c.Left() != 2 {
		t.Errorf("%d left, want the paused warehouse and the live flow", c.Left())
	}
}

func good() (expectation, night) {
	want := expectation{rows: map[string]int64{"ratings": 5}, objects: 2, datasets: []string{"recommendations"}, snapshots: 1}
	got := night{Date: "2018-09-21", StateLine: "nothing is billing · $0.02 · next from s", RowsLoaded: map[string]int64{"ratings": 5}, ObjectsLoaded: 2,
		Datasets: []dataset{{Name: "recommendations", Rows: 9}}, Snapshots: []string{"s"}}
	return want, got
}

func TestEveryFaultOfANightIsNoticed(t *testing.T) {
	want, got := good()
	if err := want.check(got, false); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*night) bool{
		"exit 1":       func(n *night) bool { n.ExitCode = 1; return false },
		"cluster left": func(n *night) bool { n.ClustersLeft = 1; return false },
		"billing":      func(n *night) bool { n.StateLine = "BILLING: 2 × ra3.large"; return false },
		"no work":      func(*night) bool { return true },
		"row too few":  func(n *night) bool { n.RowsLoaded = map[string]int64{"ratings": 4}; return false },
		"object twice": func(n *night) bool { n.ObjectsLoaded++; return false },
		"no dataset":   func(n *night) bool { n.Datasets = nil; return false },
		"empty set":    func(n *night) bool { n.Datasets = []dataset{{Name: "recommendations"}}; return false },
		"no snapshot":  func(n *night) bool { n.Snapshots = nil; return false },
	} {
		want, got := good()
		nothing := spoil(&got)
		if err := want.check(got, nothing); err == nil || !strings.HasPrefix(err.Error(), "2018-09-21: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// summary.json's form is a contract.
func TestSummaryForm(t *testing.T) {
	s := summary{StateLine: "nothing is billing · $0.18 · next from S · data through D", RowsLoaded: map[string]int64{"ratings": 1}, ObjectsLoaded: 1,
		Datasets: []dataset{{"recommendations", 1, 1, "s3://b/p/"}}, Metrics: map[string]map[string]float64{"recommendations": {"rmse": 0.88}}, Snapshots: []string{"S"}}
	path := filepath.Join(t.TempDir(), "summary.json")
	if err := save(path, []night{newNight("2018-09-21", 0, s, 0, time.Second), newNight("2018-09-22", 0, summary{}, 0, 1500*time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	compact := strings.Join(strings.Fields(string(got)), "")
	want := `{"nights":[{"date":"2018-09-21","exit_code":0,"state_line":"nothingisbilling·$0.18·nextfromS·datathroughD","rows_loaded":{"ratings":1},"objects_loaded":1,` +
		`"datasets":[{"name":"recommendations","rows":1,"objects":1,"uri":"s3://b/p/"}],"metrics":{"recommendations":{"rmse":0.88}},"snapshots":["S"],"clusters_left":0,"wall_s":1},` +
		`{"date":"2018-09-22","exit_code":0,"state_line":"","rows_loaded":{},"objects_loaded":0,"datasets":[],"metrics":{},"snapshots":[],"clusters_left":0,"wall_s":1.5}]}`
	if compact != want {
		t.Errorf("got  %s\nwant %s", compact, want)
	}
}

func TestEachStopsAtTheFirstError(t *testing.T) {
	broken := errors.New("no")
	var begun atomic.Int32
	err := host.Each(context.Background(), make([]int, 10_000), func(ctx context.Context, _ int) error {
		if begun.Add(1) == 5 {
			return broken
		}
		return ctx.Err()
	})
	if !errors.Is(err, broken) || begun.Load() > 10_000/2 {
		t.Errorf("%v after %d", err, begun.Load())
	}
	if err := host.Each(context.Background(), []int{1, 2, 3}, func(context.Context, int) error { return nil }); err != nil {
		t.Error(err)
	}
}

// The queries, on Parquet as the jobs write it.
func TestShowResults(t *testing.T) {
	dir := t.TempDir()
	movies := filepath.Join(dir, "mo'vies.csv")
	if err := os.WriteFile(movies, []byte("movieId,title,genres\n1,\"Heat, The (1995)\",Crime\n2,Ran (1985),War\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, query := range map[string]string{
		"recommendations/recommendations": "select u as user_id, r::int as rank, r as movie_id, (5.0 - r)::double as score from range(1, 10) a(u), range(1, 3) b(r)",
		"sentiment/reviews":               "select 1 as review_id",
		"sentiment/movies":                "select 2 as movie_id, 7 as reviews, 0.256::double as sentiment, 4 as positive, 1 as neutral, 2 as negative",
	} {
		parquet(t, filepath.Join(dir, filepath.FromSlash(path)), query)
	}
	var out bytes.Buffer
	r, err := openResults(dir, movies, &out)
	if err != nil {
		t.Fatal(err)
	}
	defer r.db.Close()
	if err := r.show(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := `
A few recommendations
  user  rank  score  title
  1     1     4.00   Heat, The (1995)
  1     2     3.00   Ran (1985)
  5     1     4.00   Heat, The (1995)
  5     2     3.00   Ran (1985)
  9     1     4.00   Heat, The (1995)
  9     2     3.00   Ran (1985)

The movies with the most reviews (sentiment: -1 to 1, by their words)
  title       reviews  sentiment  positive  neutral  negative
  Ran (1985)  7        +0.26      4         1        2
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
}

func parquet(t *testing.T, dir, query string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("copy (" + query + ") to " + quoted(filepath.Join(dir, "part-0.parquet")) + " (format parquet)"); err != nil {
		t.Fatal(err)
	}
}
