package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lamplighter/controller"
	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/controller/journal/journaltest"
	"lamplighter/controller/report"
	"lamplighter/resources"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew)\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

// narrow fails when some line is wider than the terminal.
func narrow(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
			t.Errorf("%d columns instead of %d: %s", n, width, line)
		}
	}
}

var (
	zone   = time.FixedZone("EST", -5*3600)
	widths = []int{0, 60, 80, 120}
	nights = map[string][]journal.Record{
		"night": journaltest.Night(), "killed": journaltest.Killed(), "failed": journaltest.Failed(), "nothing": journaltest.Nothing(),
		"orphaned": journaltest.Orphaned(),
	}
)

func last(records []journal.Record) time.Time { return records[len(records)-1].At }

func bill(records []journal.Record, now time.Time) cost.Statement {
	return cost.Bill(records, cost.Embedded(), now)
}

func TestPlan(t *testing.T) {
	e := report.Expected{Nodes: []resources.Shape{journaltest.Nodes}, Took: 41 * time.Minute, Cost: 180_000, Limit: 5 * cost.Dollar}
	for _, width := range widths {
		text := report.Plan(journaltest.Opening(), e, report.Look{Width: width})
		narrow(t, text, width)
		golden(t, fmt.Sprintf("plan-%d", width), text)
	}
	nothing := *journaltest.Nothing()[1].Opening
	golden(t, "plan-nothing", report.Plan(nothing, report.Expected{}, report.Look{Width: 80}))
}

func TestPlanBootstrap(t *testing.T) {
	o := journaltest.Opening()
	o.Plan = append([]journal.Node{}, o.Plan...)
	o.Plan[0].Spec = []byte(`{"writers":["migrate"]}`)
	o.Plan[1] = journal.Node{Name: "migrate", Kind: controller.KindMigrate, Derived: true, Uses: "warehouse-1", Spec: []byte(`{"migrations":[{"name":"001_tables"},{"name":"002_more"}]}`)}
	o.Plan[2].Spec = []byte(`{"mode":"append","reads":"scores"}`)
	o.Plan[3].Why = "two late\x1b[31m objects\nof old days"
	golden(t, "plan-bootstrap", report.Plan(o, report.Expected{}, report.Look{Width: 100}))
}

func TestRan(t *testing.T) {
	for name, records := range nights {
		for _, width := range widths {
			text := report.Ran(records, bill(records, last(records)), report.Look{Width: width, Zone: zone})
			narrow(t, text, width)
			if width == 80 || name == "night" {
				golden(t, fmt.Sprintf("ran-%s-%d", name, width), text)
			}
		}
	}
	book := cost.Embedded()
	clear(book.Nodes)
	records := journaltest.Night()
	golden(t, "ran-unknown-price", report.Ran(records, cost.Bill(records, book, last(records)), report.Look{Width: 80, Zone: zone}))
}

func TestStateLine(t *testing.T) {
	line := func(records []journal.Record, now time.Time, e report.Ending) string {
		e.Look.Zone = zone
		return report.Summarize(records, bill(records, now), e).StateLine
	}
	orphan := journaltest.Orphaned()
	cut := func(why string) string {
		tape := journaltest.NewTape(journaltest.Opens)
		tape.Took()
		tape.Open(journaltest.Opening())
		for _, n := range journaltest.Opening().Plan {
			tape.Settle(n.Name, journal.Skipped, why, nil)
		}
		tape.Close()
		return line(tape.Records, tape.Now, report.Ending{NextFrom: "s", DataThrough: "2026-11-20"})
	}
	for name, c := range map[string]struct{ got, want string }{
		"done": {
			line(journaltest.Night(), last(journaltest.Night()), report.Ending{NextFrom: journaltest.Base, DataThrough: "2026-11-20"}),
			"nothing is billing · $0.13 · next from " + journaltest.Saved + " · data through 2026-11-21",
		},
		"nothing to do": {
			line(journaltest.Nothing(), last(journaltest.Nothing()), report.Ending{}),
			"nothing is billing · $0.00 · next from " + journaltest.Base + " · data through 2026-11-21 · nothing to do",
		},
		"failed": {
			line(journaltest.Failed(), last(journaltest.Failed()), report.Ending{ExitCode: 3, DataThrough: "2026-11-20"}),
			"nothing is billing · $0.02 · next from " + journaltest.Base + " · data through 2026-11-20 · failed: no_orphans",
		},
		"interrupted": {cut(controller.WhyInterrupted), "nothing is billing · $0.00 · next from s · data through 2026-11-20 · interrupted"},
		"last call":   {cut(controller.WhyLastCall), "nothing is billing · $0.00 · next from s · data through 2026-11-20 · cut short by last call"},
		"billing": {
			line(orphan, last(orphan).Add(time.Hour), report.Ending{ExitCode: 4, DataThrough: "2026-11-20"}),
			"BILLING: 2 × ra3.large since 01:03, $1.09/h · $1.09 · next from " + journaltest.Base + " · data through 2026-11-20 · not finished · to end it: lamplighter teardown",
		},
		"billing since another day": {
			line(orphan, last(orphan).Add(30*time.Hour), report.Ending{}),
			"BILLING: 2 × ra3.large since 2026-11-22 01:03, $1.09/h · $32.58 · next from " + journaltest.Base + " · not finished · to end it: lamplighter teardown",
		},
		"maybe": {
			line(orphan[:8], orphan[7].At, report.Ending{}),
			"MAY BE BILLING: 2 × ra3.large since 01:00, $1.09/h · $0.00 · next from " + journaltest.Base + " · not finished · to end it: lamplighter teardown",
		},
	} {
		if c.got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, c.got, c.want)
		}
	}
}

// Whatever the journal holds, "nothing is billing" stands there exactly when
// the journal owes nothing that bills.
func TestStateLineTellsOfEveryDebt(t *testing.T) {
	for name, records := range nights {
		for n := 1; n <= len(records); n++ {
			part := records[:n]
			s := report.Summarize(part, bill(part, last(part)), report.Ending{})
			nothing := len(controller.Billing(journal.Fold(part))) == 0
			if strings.HasPrefix(s.StateLine, "nothing is billing · ") != nothing || (len(s.Billing) == 0) != nothing {
				t.Errorf("%s, %d records, owes nothing: %v, but: %s", name, n, nothing, s.StateLine)
			}
		}
	}
}

func TestSummary(t *testing.T) {
	for name, records := range nights {
		s := report.Summarize(records, bill(records, last(records)), report.Ending{DataThrough: "2026-11-20", Look: report.Look{Zone: zone}})
		text, err := json.MarshalIndent(s, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "summary-"+name, string(text)+"\n")
	}
}

func TestLines(t *testing.T) {
	for name, records := range nights {
		var b bytes.Buffer
		l := report.NewLines(&b, report.Look{Zone: zone}, func() time.Time { return journaltest.Opens }, true)
		feed(l, records)
		if name != "night" && name != "orphaned" {
			golden(t, "lines-"+name, b.String())
		}
	}
}

// feed tells a night, with some waiting in it.
func feed(r report.Reporter, records []journal.Record) {
	r.Note("waiting for the lease: host-7 holds it since 00:58")
	for i, rec := range records {
		r.Record(rec)
		if i == 5 {
			r.Waiting("warehouse-1", "creating", time.Time{})
			r.Waiting("warehouse-1", "creating", time.Time{})
			r.Waiting("ratings", "connection refused\nhint: is the security group open?", rec.At.Add(time.Minute))
		}
	}
	r.Close(report.Summary{V: report.Version, Event: "summary"})
}

// A restarted controller tells what is new, and that it is not the beginning.
func TestReplayedRecordsAreNotToldAgain(t *testing.T) {
	records := journaltest.Killed()
	second := 0
	for i, r := range records {
		if r.Kind == journal.Took {
			second = i
		}
	}
	now := func() time.Time { return records[second].At.Add(-time.Second) }
	var lines, events bytes.Buffer
	feed(report.NewLines(&lines, report.Look{Zone: zone}, now, false), records)
	feed(report.NewEvents(&events, now), records)
	golden(t, "lines-resumed", lines.String())
	for line := range strings.Lines(events.String()) {
		var e report.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Seq != 0 && e.Seq <= second {
			t.Errorf("told again: %s", line)
		}
		if e.Event == "opened" && e.Replayed != second {
			t.Errorf("replayed %d, want %d", e.Replayed, second)
		}
	}
}

func TestEvents(t *testing.T) {
	for name, records := range nights {
		var b bytes.Buffer
		feed(report.NewEvents(&b, func() time.Time { return journaltest.Opens }), records)
		for line := range strings.Lines(b.String()) {
			var e map[string]any
			if err := json.Unmarshal([]byte(line), &e); err != nil || e["v"] != float64(report.Version) || e["event"] == "" {
				t.Errorf("%v: %s", err, line)
			}
		}
		if name == "failed" {
			golden(t, "events-"+name, b.String())
		}
	}
}

func TestWantsColor(t *testing.T) {
	for _, c := range []struct {
		terminal      bool
		noColor, term string
		want          bool
	}{{true, "", "xterm", true}, {false, "", "xterm", false}, {true, "1", "xterm", false}, {true, "", "dumb", false}} {
		env := func(name string) string { return map[string]string{"NO_COLOR": c.noColor, "TERM": c.term}[name] }
		if got := report.WantsColor(c.terminal, env); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// A signal and a ticker come whenever they like; after Close nothing is told.
func TestReportersBesideTheEngine(t *testing.T) {
	now := func() time.Time { return journaltest.Opens }
	for name, build := range map[string]func(*bytes.Buffer) report.Reporter{
		"lines":  func(b *bytes.Buffer) report.Reporter { return report.NewLines(b, report.Look{}, now, true) },
		"events": func(b *bytes.Buffer) report.Reporter { return report.NewEvents(b, now) },
		"screen": func(b *bytes.Buffer) report.Reporter {
			return report.NewScreen(b, report.Look{}, func() (int, int) { return 80, 24 }, now, cost.Embedded())
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			r := build(&b)
			done := beside(func() {
				for range 50 {
					r.Note("interrupted")
					if s, ok := r.(*report.Screen); ok {
						s.Tick()
					}
				}
			})
			for _, rec := range journaltest.Night() {
				r.Record(rec)
				r.Waiting("ratings", rec.At.String(), rec.At)
			}
			<-done
			r.Close(report.Summary{})
			told := b.Len()
			r.Note("late")
			r.Record(journaltest.Night()[5])
			r.Waiting("ratings", "late", time.Time{})
			r.Close(report.Summary{})
			if told == 0 || b.Len() != told {
				t.Errorf("%d bytes, then %d", told, b.Len())
			}
		})
	}
}

func beside(fn func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { fn(); close(done) }()
	return done
}

func TestMachinesOfOneKindAreCountedTogether(t *testing.T) {
	o := journal.Opening{Pipeline: "p", Run: "2026-11-22", Plan: []journal.Node{{Name: "warehouse-1", Kind: controller.KindWarehouse, Derived: true}}}
	nodes := []resources.Shape{{Type: "m6g.xlarge", Count: 1}, {Type: "m6g.xlarge", Count: 1}, {Type: "m6g.xlarge", Market: "spot", Count: 3}}
	if got := report.Plan(o, report.Expected{Nodes: nodes}, report.Look{}); !strings.Contains(got, "(2 × m6g.xlarge, 3 × m6g.xlarge spot)") {
		t.Error(got)
	}
}

func TestError(t *testing.T) {
	err := fmt.Errorf("ratings: %w", &resources.Fault{Code: "ClusterQuotaExceeded", Msg: "20 clusters", Hint: "delete one"})
	if got := report.Error(err); got != "ratings: 20 clusters\nhint: delete one" {
		t.Error(got)
	}
	if got := report.Error(errors.New("plain")); got != "plain" {
		t.Error(got)
	}
}
