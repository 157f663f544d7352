package controller_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/journal"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func work(line string) controller.Work {
	head, reads, _ := strings.Cut(line, " < ")
	kind, name, _ := strings.Cut(head, " ")
	w := controller.Work{Kind: kind, Name: name, Publishes: kind == "spark"}
	if reads != "" {
		w.Reads = strings.Split(reads, " ")
	}
	return w
}

func works(lines ...string) (out []controller.Work) {
	for _, l := range lines {
		out = append(out, work(l))
	}
	return out
}

var (
	short = controller.Estimates{Gap: time.Minute, SnapshotTail: 5 * time.Minute}
	long  = controller.Estimates{Gap: time.Hour, SnapshotTail: 5 * time.Minute}
)

// Every shape's plan, as people can read it, is in testdata/plans.golden: a
// change there is a change of what users' clusters do.
func TestPlans(t *testing.T) {
	night := func(e controller.Estimates, lines ...string) controller.Night {
		return controller.Night{Work: works(lines...), Base: "snap-1", Keep: 7, Estimates: e}
	}
	carried := night(long, "load ratings", "unload in", "spark recs < in")
	carried.Work[0].Done, carried.Work[1].Done = &journal.Carried{}, &journal.Carried{}
	unpublished := night(long, "load ratings", "unload in", "spark recs < in")
	for i := range unpublished.Work {
		unpublished.Work[i].Done = &journal.Carried{}
	}
	unpublished.Work[2].Unpublished = true
	nothing := night(long, "load ratings", "unload in")
	nothing.Work[0].Done, nothing.Work[1].Done = &journal.Carried{}, &journal.Carried{}
	bootstrap := night(long, "migrate migrate-1", "load ratings", "check ok")
	bootstrap.Base = ""

	var b strings.Builder
	for _, c := range []struct {
		name  string
		night controller.Night
	}{
		{"full", night(long, "load ratings", "load reviews", "check ok", "sql view", "unload a", "unload b", "spark recs < a", "spark sent < b")},
		{"spark first", night(long, "load ratings", "spark clean", "load cleaned < clean", "check ok")},
		{"no warehouse", night(long, "spark a", "spark b < a")},
		{"no spark", night(long, "load ratings", "check ok", "unload out")},
		{"scores loaded back, warehouse ended in between", night(long, "load ratings", "unload in", "spark recs < in", "load scores < recs", "check ok")},
		{"scores loaded back, warehouse kept", night(short, "load ratings", "unload in", "spark recs < in", "load scores < recs", "check ok")},
		{"two unloads side by side, then a writer", night(long, "unload a", "unload b", "load ratings")},
		{"check only", night(long, "check ok")},
		{"spark between two sparks", night(long, "spark a", "load l < a", "unload u", "spark b < u")},
		{"bootstrap", bootstrap},
		{"only spark is left", carried},
		{"only the publishing is left", unpublished},
		{"nothing changed", nothing},
	} {
		fmt.Fprintf(&b, "== %s\n", c.name)
		nodes, notes, err := controller.Plan(c.night)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, n := range nodes {
			fmt.Fprintf(&b, "%-12s %-9s", n.Name, n.Kind)
			for _, part := range []struct {
				word  string
				names []string
			}{{"needs", n.Needs}, {"after", n.After}} {
				if len(part.names) > 0 {
					fmt.Fprintf(&b, " %s %s", part.word, strings.Join(part.names, " "))
				}
			}
			if n.Uses != "" {
				fmt.Fprintf(&b, " uses %s", n.Uses)
			}
			b.WriteString("\n")
		}
		for _, n := range notes {
			fmt.Fprintf(&b, "-- %s\n", n)
		}
	}
	golden(t, "plans.golden", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), `go test -update` rewrites it:\n%s", path, diff)
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, c := range []struct {
		work []controller.Work
		want string
	}{
		{works("spark a < nobody"), "step a reads or needs nobody: no step is called that"},
		{works("spark a < b", "spark b < a"), "step a needs itself, by way of what it reads"},
		{works("load a", "load a"), "two steps are called a"},
	} {
		_, _, err := controller.Plan(controller.Night{Work: c.work})
		if err == nil || err.Error() != c.want {
			t.Errorf("%v: %v, want %q", c.work, err, c.want)
		}
	}
}

// Whatever is declared: a plan has no circle, each step of work is in it once,
// uses a lifetime of its kind, a lifetime never waits for its own users, and
// no warehouse with writers is without a snapshot.
func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		night := controller.Night{Base: "snap", Keep: 3, Estimates: rapid.SampledFrom([]controller.Estimates{short, long}).Draw(t, "gap")}
		datasets := []string{}
		for i := range rapid.IntRange(0, 9).Draw(t, "steps") {
			name := fmt.Sprintf("s%d", i)
			w := controller.Work{Name: name, Kind: rapid.SampledFrom([]string{"load", "sql", "check", "unload", "spark"}).Draw(t, "kind")}
			if len(datasets) > 0 && (w.Kind == "spark" || w.Kind == "load") && rapid.Bool().Draw(t, "reads") {
				w.Reads = []string{rapid.SampledFrom(datasets).Draw(t, "dataset")}
			}
			if w.Kind == "spark" || w.Kind == "unload" {
				datasets = append(datasets, name)
			}
			night.Work = append(night.Work, w)
		}
		nodes, _, err := controller.Plan(night)
		if err != nil {
			t.Fatal(err)
		}
		byName := map[string]journal.Node{}
		for _, n := range nodes {
			if _, twice := byName[n.Name]; twice {
				t.Fatalf("%s is in the plan twice", n.Name)
			}
			byName[n.Name] = n
		}
		for _, w := range night.Work {
			n, ok := byName[w.Name]
			kind := controller.KindWarehouse
			if w.Kind == "spark" {
				kind = controller.KindEMR
			}
			if !ok || byName[n.Uses].Kind != kind {
				t.Fatalf("%s uses %q", w.Name, n.Uses)
			}
		}
		for _, n := range nodes {
			if reaches(byName, n.Name, n.Name, map[string]bool{}) {
				t.Fatalf("%s waits for itself", n.Name)
			}
			if n.Kind == "load" || n.Kind == "sql" {
				if !slices.ContainsFunc(nodes, func(m journal.Node) bool {
					return m.Kind == controller.KindSnapshot && m.Uses == n.Uses && slices.Contains(m.After, n.Name)
				}) {
					t.Fatalf("no snapshot comes after the writer %s", n.Name)
				}
			}
		}
	})
}

// reaches follows what a node waits for: needs, after, and the opening of its
// lifetime.
func reaches(nodes map[string]journal.Node, from, to string, seen map[string]bool) bool {
	n := nodes[from]
	waits := append(append(slices.Clone(n.Needs), n.After...), n.Uses)
	for _, w := range waits {
		if w == "" || seen[w] {
			continue
		}
		if w == to {
			return true
		}
		seen[w] = true
		if reaches(nodes, w, to, seen) {
			return true
		}
	}
	return false
}
