package simnight_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/simnight"
	nightsteps "lamplighter/controller/steps"
	"lamplighter/resources/simcloud"
)

// edition is what a list under a prefix names.
func edition(a *simnight.Account, uri string) (e nightsteps.Edition, ok bool) {
	body, ok := a.Cloud.Object(uri)
	return e, ok && json.Unmarshal(body, &e) == nil
}

// shelfWrong compares what readers of a step's prefix see with its dataset. That
// they never see a part or a mix is a rule of the simulated cloud.
func shelfWrong(a *simnight.Account, s config.Step) (bad []string) {
	prefix := prefixOf(s)
	if prefix == "" {
		return nil
	}
	if left := a.Cloud.Uploads(); len(left) > 0 {
		bad = append(bad, fmt.Sprintf("uploads are left: %v", left))
	}
	if s.Spark != nil && len(s.Spark.Writes) > 0 {
		for _, name := range s.Spark.Writes {
			bad = append(bad, oneShelfWrong(a, s, prefix+name+"/", s.Name+"/"+name)...)
		}
		return bad
	}
	return append(bad, oneShelfWrong(a, s, prefix, s.Name)...)
}

func oneShelfWrong(a *simnight.Account, s config.Step, prefix, dataset string) (bad []string) {
	pointer, published := a.Published(pipeline([]config.Step{s}), dataset)
	newest, ok := edition(a, prefix+"_latest.json")
	if !published || !ok {
		return append(bad, "not published under "+prefix)
	}
	if newest.Of.Folder != pointer.Copies || newest.Of.Date != pointer.DataThrough || len(newest.Entries) == 0 {
		bad = append(bad, fmt.Sprintf("%s names %s of %s, the pointer %s of %s", prefix, newest.Of.Folder, newest.Of.Date, pointer.Copies, pointer.DataThrough))
	}
	text, _ := a.Cloud.Object(prefix + "date=" + newest.Of.Date + "/files.txt")
	if names := strings.Fields(string(text)); len(names) != len(newest.Entries) || len(names) > 0 && names[0] != newest.Entries[0].URL {
		bad = append(bad, fmt.Sprintf("files.txt names %v, _latest.json %v", names, newest.Entries))
	}
	for _, f := range newest.Entries {
		copied, _ := a.Cloud.Object(f.URL)
		source, _ := a.Cloud.Object(pointer.URI + strings.TrimPrefix(f.URL, newest.Of.Folder))
		if len(copied) == 0 || string(copied) != string(source) {
			bad = append(bad, f.URL+" is not a copy of the dataset's")
		}
	}
	return bad
}

func prefixOf(s config.Step) string {
	switch {
	case s.Unload != nil:
		return s.Unload.Publish.Prefix
	case s.Spark != nil:
		return s.Spark.Publish.Prefix
	}
	return ""
}

var outOnly = shape{name: "out", steps: []config.Step{load("ratings"), shelved(unload("out"))}}

// days3 runs three nights that each bring a day; disturb changes the last one.
func days3(t *testing.T, disturb func(*simnight.Night)) (*simnight.Account, simnight.Outcome) {
	t.Helper()
	a := account(1, outOnly, simcloud.Faults{})
	for _, day := range []string{"23", "24"} {
		a.Cloud.PutSized("s3://events/ratings/2026/11/"+day+"/part-1.csv.gz", 40_000)
	}
	var o simnight.Outcome
	for i, date := range []string{"2026-11-22", "2026-11-23", "2026-11-24"} {
		a.Sim.Drain(start.AddDate(0, 0, i))
		n := outOnly.night()
		n.Date = date
		if i == 2 {
			disturb(&n)
		}
		if o = a.Run(n); o.Err != nil || o.ExitCode != controller.ExitOK {
			t.Fatalf("%s: exit %d, %v: %s", date, o.ExitCode, o.Err, verdicts(o))
		}
	}
	return a, o
}

// Old dates go, the newest ones stay, whoever dies while they go, or sleeps and
// wakes.
func TestPublishedDatesAreKept(t *testing.T) {
	_, base := days3(t, func(*simnight.Night) {})
	points := 0
	for i, name := range base.Points {
		if !strings.Contains(name, "lake/out") {
			continue
		}
		points++
		for what, disturb := range map[string]func(*simnight.Night){
			"died":  func(n *simnight.Night) { n.CrashAt = map[int]bool{i + 1: true} },
			"slept": func(n *simnight.Night) { n.FreezeAt, n.Freeze = i+1, 8*time.Minute },
		} {
			a, o := days3(t, disturb)
			if bad := keptWrong(a); len(bad) > 0 {
				t.Fatalf("%s at %s: %v\n%s", what, name, bad, tell(o))
			}
		}
	}
	if points < 10 {
		t.Errorf("only %d points", points)
	}
}

func keptWrong(a *simnight.Account) []string {
	bad := append(violations(a), shelfWrong(a, outOnly.steps[1])...)
	var got []string
	for _, uri := range a.Cloud.Objects("s3://lake/out/") {
		got = append(got, strings.TrimPrefix(uri, "s3://lake/out/"))
	}
	want := []string{"_data/2026-11-22/2026-11-23.1/0000_part_00.parquet", "_data/2026-11-23/2026-11-24.1/0000_part_00.parquet", "_latest.json",
		"date=2026-11-22/_manifest.json", "date=2026-11-22/files.txt", "date=2026-11-23/_manifest.json", "date=2026-11-23/files.txt"}
	if !slices.Equal(got, want) {
		bad = append(bad, "the prefix holds "+strings.Join(got, ", "))
	}
	return bad
}

// The same date again: with the same content nothing is copied, with other
// content the lists move, and what readers may be reading stays.
func TestPublishedAgain(t *testing.T) {
	a := account(1, outOnly, simcloud.Faults{})
	run := func(s shape) simnight.Outcome {
		n := s.night()
		n.Again = true
		o := a.Run(n)
		if o.Err != nil || o.ExitCode != controller.ExitOK {
			t.Fatalf("exit %d, %v: %s", o.ExitCode, o.Err, verdicts(o))
		}
		return o
	}
	run(outOnly)
	first, _ := edition(a, "s3://lake/out/_latest.json")
	same := outOnly
	same.steps = []config.Step{load("ratings"), shelved(unload("out"))}
	same.steps[1].Unload.Query += " -- again"
	run(same)
	second, _ := edition(a, "s3://lake/out/_latest.json")
	if second.Of.Folder != first.Of.Folder || len(a.Cloud.Objects("s3://lake/out/_data/")) != 1 {
		t.Errorf("the same content went to %s", second.Of.Folder)
	}
	a.Cloud.PutSized("s3://events/ratings/2026/11/20/late.csv.gz", 10)
	run(same)
	third, _ := edition(a, "s3://lake/out/date=2026-11-21/_manifest.json")
	if third.Of.Folder == first.Of.Folder || third.Of.Previous != first.Of.Folder || len(a.Cloud.Objects("s3://lake/out/_data/")) != 2 {
		t.Errorf("other content: %+v", third.Of)
	}
	if bad := append(violations(a), shelfWrong(a, same.steps[1])...); len(bad) > 0 {
		t.Error(bad)
	}
}

// A prefix that is another's is found out before anything is created.
func TestPrefixOfAnother(t *testing.T) {
	for name, body := range map[string]string{
		"another dataset":  `{"entries":[],"dataset":{"pipeline":"movielens","name":"other","date":"2026-01-01"}}`,
		"another pipeline": `{"entries":[],"dataset":{"pipeline":"shop","name":"out","date":"2026-01-01"}}`,
		"no list at all":   `hello`,
	} {
		a := account(1, outOnly, simcloud.Faults{})
		a.Cloud.Put("s3://lake/out/_latest.json", []byte(body))
		o := a.Run(outOnly.night())
		if o.Err == nil || o.ExitCode == controller.ExitOK || !strings.Contains(o.Err.Error(), "s3://lake/out/") || len(a.Cloud.Alive()) > 0 {
			t.Errorf("%s: exit %d, %v", name, o.ExitCode, o.Err)
		}
		for _, e := range a.Cloud.Audit() {
			if strings.HasPrefix(e.Call, "redshift.") || strings.HasPrefix(e.Call, "scheduler.") {
				t.Errorf("%s: did %s", name, e)
			}
		}
	}
	inside := outOnly
	inside.steps = []config.Step{load("ratings"), shelved(unload("out"))}
	inside.steps[1].Unload.Publish.Prefix = "s3://lamplighter/movielens/out/"
	a := account(1, inside, simcloud.Faults{})
	if o := a.Run(inside.night()); o.Err == nil || !strings.Contains(o.Err.Error(), "lie in one another") || o.ExitCode != controller.ExitRefused {
		t.Errorf("inside: exit %d, %v", o.ExitCode, o.Err)
	}
}

// An older date, published late, does not take the newest one's place, and what
// is expected and not met leaves the prefix as it was.
func TestPrefixStaysWhenNotMet(t *testing.T) {
	s := outOnly
	s.steps = []config.Step{load("ratings"), shelved(unload("out"))}
	least := 1e12
	s.steps[1].Unload.Expect = map[string]config.Bounds{"rows": {Min: &least}}
	a := account(1, s, simcloud.Faults{})
	o := a.Run(s.night())
	if o.ExitCode != controller.ExitData || len(a.Cloud.Objects("s3://lake/out/")) != 0 || !strings.Contains(verdicts(o), "rows is") {
		t.Errorf("exit %d: %s", o.ExitCode, verdicts(o))
	}
	newer := `{"entries":[],"dataset":{"pipeline":"movielens","name":"out","date":"2026-12-24"}}`
	b := account(1, outOnly, simcloud.Faults{})
	b.Cloud.Put("s3://lake/out/_latest.json", []byte(newer))
	b.Run(outOnly.night())
	if got, _ := b.Cloud.Object("s3://lake/out/_latest.json"); string(got) != newer {
		t.Errorf("latest is %s", got)
	}
	if _, ok := edition(b, "s3://lake/out/date=2026-11-21/_manifest.json"); !ok {
		t.Error("the date itself is not published")
	}
}

// An unload that is done alone, on a later date, is published as the day that
// its warehouse is complete through: who waits for the later day is not fooled.
func TestPublishedAsTheDayItCovers(t *testing.T) {
	a, _ := days3(t, func(n *simnight.Night) {
		n.Choice = journal.Choice{Only: []string{"out"}}
	})
	newest, ok := edition(a, "s3://lake/out/_latest.json")
	if pointer, _ := a.Published(outOnly.night().Pipeline, "out"); !ok || newest.Of.Date != "2026-11-22" || pointer.DataThrough != newest.Of.Date {
		t.Errorf("published as %s, the pointer says through %s", newest.Of.Date, pointer.DataThrough)
	}
	if bad := append(violations(a), shelfWrong(a, outOnly.steps[1])...); len(bad) > 0 {
		t.Error(bad)
	}
}
