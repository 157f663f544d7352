package cost_test

import (
	"testing"
	"time"

	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/controller/journal/journaltest"
	"lamplighter/resources"
)

func end(records []journal.Record) time.Time { return records[len(records)-1].At }

// The undisturbed night: the warehouse bills from the sight of available to
// the accepted delete, Spark from the sight of its nodes to the sight of its
// end.
func TestNight(t *testing.T) {
	records := journaltest.Night()
	s := cost.Bill(records, cost.Embedded(), end(records))
	if len(s.Resources) != 2 {
		t.Fatalf("resources: %+v", s.Resources)
	}
	wh, spark := s.Resources[0], s.Resources[1]
	// 3 × (1 s to begin) + 41 + 12 + 9 (loads), 3 + 2 + 6, 1 + 20 + 35 + 90 +
	// 1 (snapshot, unloads, promote), 2 + 2 (delete).
	check(t, wh, 227*time.Second, map[string]time.Duration{
		cost.WasteBeforeFirst: time.Second, cost.WasteBetween: 2 * time.Second, cost.WasteAfterLast: 5 * time.Second,
	})
	// 227 s × 2 × $0.543 an hour.
	if want := cost.Micros(68_478); wh.Cost != want {
		t.Errorf("warehouse costs %d, want %d", wh.Cost, want)
	}
	check(t, spark, 580*time.Second, map[string]time.Duration{
		cost.WasteBootstrap: 150 * time.Second, cost.WasteAfterLast: 60 * time.Second,
	})
	// The primary on demand, the workers at 40 % of EC2's price; all with the fee.
	want := cost.Micros(192_500).For(580*time.Second) + cost.Micros(2*(61_600+38_500)).For(580*time.Second)
	if spark.Cost != want {
		t.Errorf("spark costs %d, want %d", spark.Cost, want)
	}
	if len(s.Now) != 0 || s.AtLeast || s.Total != wh.Cost+spark.Cost {
		t.Errorf("now %+v, at least %v, total %d", s.Now, s.AtLeast, s.Total)
	}
	if len(s.Standing) != 1 || s.Standing[0].PerMonth != 46_000 { // 2 GB × $0.023
		t.Errorf("standing: %+v", s.Standing)
	}
	if want := cost.Micros(24 * (2*543_000 + 192_500 + 2*100_100)); s.AlwaysOn != want {
		t.Errorf("always on %d, want %d", s.AlwaysOn, want)
	}
}

func check(t *testing.T, r cost.Resource, billed time.Duration, waste map[string]time.Duration) {
	t.Helper()
	got := map[string]time.Duration{}
	for _, w := range r.Waste {
		got[w.Name] = w.For
	}
	if r.Billed != billed || r.To.Sub(r.From) != billed || r.Used+r.Wasted != billed {
		t.Errorf("%s: billed %s from %s to %s, used %s, wasted %s; want %s", r.Ref, r.Billed, r.From, r.To, r.Used, r.Wasted, billed)
	}
	if len(got) != len(waste) {
		t.Errorf("%s: waste %v, want %v", r.Ref, got, waste)
	}
	for name, d := range waste {
		if got[name] != d {
			t.Errorf("%s: %s %s, want %s", r.Ref, name, got[name], d)
		}
	}
}

// Time in which no controller lived is named, and bills.
func TestKilled(t *testing.T) {
	records := journaltest.Killed()
	s := cost.Bill(records, cost.Embedded(), end(records))
	check(t, s.Resources[0], 647*time.Second, map[string]time.Duration{
		cost.WasteBetween: 2 * time.Second, cost.WasteUnwatched: 7 * time.Minute, cost.WasteAfterLast: 5 * time.Second,
	})
}

func TestOrphaned(t *testing.T) {
	records := journaltest.Orphaned()
	now := end(records).Add(2 * time.Hour)
	s := cost.Bill(records, cost.Embedded(), now)
	if len(s.Now) != 1 || s.Now[0].Status != cost.Billing || s.Now[0].PerHour != 1_086_000 || !s.Now[0].Known {
		t.Fatalf("now: %+v", s.Now)
	}
	if want := cost.Micros(1_086_000).For(now.Sub(s.Now[0].Since)); s.Total != want {
		t.Errorf("total %d, want %d", s.Total, want)
	}
}

func TestUnknownPrice(t *testing.T) {
	records := journaltest.Night()
	book := cost.Embedded()
	clear(book.Nodes)
	s := cost.Bill(records, book, end(records))
	wh := s.Resources[0]
	if !s.AtLeast || wh.Lines[0].Known || wh.Cost != 0 || s.Total != s.Resources[1].Cost || len(wh.Notes) == 0 {
		t.Errorf("at least %v, warehouse %+v", s.AtLeast, wh)
	}
}

// A cluster's life in steps; what it must bill as of the end of the tape.
func TestLives(t *testing.T) {
	type life = func(*journaltest.Tape)
	create := func(class resources.Class) life {
		return func(t *journaltest.Tape) {
			of := t.Intent("warehouse", journal.Effect{Verb: "restore", Ref: journaltest.ClusterRef, Creates: true, Shape: journaltest.Nodes})
			t.Outcome(of, class, "", nil)
		}
	}
	wait := func(d time.Duration) life { return func(t *journaltest.Tape) { t.Wait(d) } }
	see := func(state string) life { return func(t *journaltest.Tape) { journaltest.SeeCluster(t, state) } }
	ask := func(verb string, class resources.Class) life {
		return func(t *journaltest.Tape) {
			t.Outcome(t.Intent("warehouse", journal.Effect{Verb: verb, Ref: journaltest.ClusterRef}), class, "", nil)
		}
	}
	took := func(t *journaltest.Tape) { t.Took() }
	launch := func(t *journaltest.Tape) {
		t.Do("spark", journal.Effect{Verb: "launch", Ref: journaltest.FlowRef, Creates: true, Shape: journaltest.Workers}, 0)
	}
	flow := func(state, a, b string) life {
		return func(t *journaltest.Tape) { journaltest.SeeFlow(t, state, a, b) }
	}
	twins := func(ids ...string) life {
		return func(t *journaltest.Tape) {
			t.Saw("spark", resources.Observation{Ref: journaltest.FlowRef, Exists: true, State: "RUNNING", IDs: ids})
		}
	}
	m := time.Minute
	for name, c := range map[string]struct {
		life      []life
		billed    time.Duration
		now       cost.Status
		estimated bool
	}{
		"asked":                      {[]life{create(resources.OK), wait(9 * m)}, 0, cost.Starting, false},
		"refused":                    {[]life{create(resources.Permanent), wait(9 * m)}, 0, "", false},
		"lost reply":                 {[]life{create(resources.Unknown), wait(9 * m)}, 0, cost.Starting, false},
		"lost reply, then exists":    {[]life{create(resources.Unknown), create(resources.Permanent), wait(m)}, 0, cost.Starting, false},
		"lost reply, never came":     {[]life{create(resources.Unknown), wait(9 * m), see("")}, 0, "", false},
		"available":                  {[]life{create(resources.OK), wait(4 * m), see("available"), wait(9 * m)}, 9 * m, cost.Billing, false},
		"unknown words bill":         {[]life{create(resources.OK), wait(4 * m), see("maintenance"), wait(9 * m)}, 9 * m, cost.Billing, false},
		"deleted":                    {[]life{create(resources.OK), see("available"), wait(9 * m), ask("delete", resources.OK), wait(m)}, 9 * m, cost.Ending, false},
		"delete refused":             {[]life{create(resources.OK), see("available"), wait(9 * m), ask("delete", resources.Busy), wait(m)}, 10 * m, cost.Billing, false},
		"delete's reply lost":        {[]life{create(resources.OK), see("available"), wait(9 * m), ask("delete", resources.Unknown), wait(m), see("deleting")}, 10 * m, cost.Ending, false},
		"gone":                       {[]life{create(resources.OK), see("available"), wait(9 * m), ask("delete", resources.OK), wait(m), see("")}, 9 * m, "", false},
		"delete bounced":             {[]life{create(resources.OK), see("available"), wait(9 * m), ask("delete", resources.OK), wait(m), see("available"), wait(m)}, 11 * m, cost.Billing, false},
		"deleting bounced":           {[]life{create(resources.OK), see("available"), wait(9 * m), see("deleting"), wait(m), see("available"), wait(m)}, 11 * m, cost.Billing, false},
		"paused":                     {[]life{create(resources.OK), see("available"), wait(9 * m), ask("pause", resources.OK), wait(m), see("paused"), wait(9 * m)}, 9 * m, cost.Paused, false},
		"resumed":                    {[]life{create(resources.OK), see("available"), wait(9 * m), see("paused"), wait(9 * m), ask("resume", resources.OK), see("resuming"), wait(m), see("available"), wait(m)}, 10 * m, cost.Billing, false},
		"verify is no end":           {[]life{create(resources.OK), see("available"), wait(m), ask("verify", resources.OK), wait(m)}, 2 * m, cost.Billing, false},
		"vanished while made":        {[]life{create(resources.OK), see("creating"), wait(9 * m), see("")}, 0, "", false},
		"incompatible":               {[]life{create(resources.OK), see("creating"), took, wait(9 * m), see("incompatible-network")}, 0, cost.Ending, false},
		"unseen start":               {[]life{create(resources.OK), see("creating"), wait(time.Hour), took, see("available")}, 57 * m, cost.Billing, true},
		"unseen life":                {[]life{create(resources.OK), wait(time.Hour), took, see("")}, 57 * m, "", true},
		"unseen short life":          {[]life{create(resources.OK), wait(m), took, see("deleting")}, m, cost.Ending, true},
		"second life, same name":     {[]life{create(resources.OK), see("available"), wait(m), see(""), wait(m), create(resources.OK), wait(m), see("available"), wait(m)}, 2 * m, cost.Billing, false},
		"starting flow":              {[]life{launch, flow("STARTING", "PENDING", "PENDING"), wait(m)}, 0, cost.Starting, false},
		"flow":                       {[]life{launch, wait(m), flow("BOOTSTRAPPING", "PENDING", "PENDING"), wait(9 * m)}, 9 * m, cost.Billing, false},
		"flow's minimum":             {[]life{launch, wait(m), flow("BOOTSTRAPPING", "PENDING", "PENDING"), wait(time.Second), flow("TERMINATED", "CANCELLED", "CANCELLED")}, m, "", false},
		"flow never had nodes":       {[]life{launch, wait(m), flow("STARTING", "PENDING", "PENDING"), wait(9 * m), flow("TERMINATED", "CANCELLED", "CANCELLED")}, 0, "", false},
		"flow's nodes unseen":        {[]life{launch, wait(m), flow("STARTING", "PENDING", "PENDING"), wait(9 * m), flow("RUNNING", "RUNNING", "PENDING"), wait(m)}, 10 * m, cost.Billing, true},
		"flow's life unseen":         {[]life{launch, wait(9 * m), took, flow("TERMINATED", "COMPLETED", "FAILED")}, 9 * m, "", true},
		"terminating bills":          {[]life{launch, flow("BOOTSTRAPPING", "PENDING", "PENDING"), wait(m), flow("TERMINATING", "CANCELLED", "CANCELLED"), wait(m)}, 2 * m, cost.Billing, false},
		"two clusters under a name":  {[]life{launch, flow("BOOTSTRAPPING", "PENDING", "PENDING"), wait(m), twins("j-1", "j-2"), wait(2 * m), twins("j-1"), wait(m)}, 4*m + 2*m, cost.Billing, false},
		"three clusters, still here": {[]life{launch, flow("BOOTSTRAPPING", "PENDING", "PENDING"), wait(m), twins("j-1", "j-2", "j-3"), wait(2 * m)}, 3*m + 4*m, cost.Billing, false},
	} {
		t.Run(name, func(t *testing.T) {
			tape := journaltest.NewTape(journaltest.Opens)
			tape.Took()
			tape.Open(journaltest.Opening())
			for _, step := range c.life {
				step(tape)
			}
			s := cost.Bill(tape.Records, cost.Embedded(), tape.Now)
			var billed time.Duration
			estimated := false
			for _, r := range s.Resources {
				billed += r.Billed
				estimated = estimated || r.Estimated
			}
			var now cost.Status
			if len(s.Now) > 0 {
				now = s.Now[0].Status
			}
			if billed != c.billed || now != c.now || estimated != c.estimated {
				t.Errorf("billed %s, now %q, estimated %v; want %s, %q, %v\n%+v", billed, now, estimated, c.billed, c.now, c.estimated, s)
			}
		})
	}
}

// The server's own instants are believed when they fit.
func TestServersInstants(t *testing.T) {
	tape := journaltest.NewTape(journaltest.Opens)
	tape.Took()
	tape.Do("spark", journal.Effect{Verb: "launch", Ref: journaltest.FlowRef, Creates: true, Shape: journaltest.Workers}, 0)
	at := tape.Wait(time.Minute).Now
	tape.Saw("spark", resources.Observation{Ref: journaltest.FlowRef, Exists: true, State: "BOOTSTRAPPING", Since: at.Add(-10 * time.Second)})
	tape.Wait(10*time.Minute).Saw("spark", resources.Observation{Ref: journaltest.FlowRef, State: "TERMINATED", Since: at.Add(5 * time.Minute)})
	s := cost.Bill(tape.Records, cost.Embedded(), tape.Now)
	if got, want := s.Resources[0].Billed, 5*time.Minute+10*time.Second; got != want {
		t.Errorf("billed %s, want %s", got, want)
	}
}

func TestSum(t *testing.T) {
	night, orphan := journaltest.Night(), journaltest.Orphaned()
	a := cost.Bill(night, cost.Embedded(), end(night))
	b := cost.Bill(orphan, cost.Embedded(), end(orphan).Add(time.Hour))
	s := cost.Sum(b, a)
	if s.Total != a.Total+b.Total || len(s.Resources) != 3 || len(s.Now) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestMicros(t *testing.T) {
	for m, want := range map[cost.Micros]string{
		0: "$0.00", 1: "$0.0001", 4200: "$0.0042", 9_999: "$0.0100", 10_000: "$0.01", 180_000: "$0.18", 184_999: "$0.18",
		185_000: "$0.19", 26_064_000: "$26.06", -180_000: "-$0.18", 1_234_567_890_000: "$1234567.89",
	} {
		if got := m.String(); got != want {
			t.Errorf("%d: %s, want %s", m, got, want)
		}
	}
}
