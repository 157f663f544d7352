package simnight_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/simnight"
	"lamplighter/resources"
	"lamplighter/resources/simcloud"
)

// chosen runs a part of the full pipeline after a whole first night.
func chosen(t *testing.T, c journal.Choice) (*simnight.Account, simnight.Outcome, int) {
	t.Helper()
	s := shapes()[0]
	a := account(1, s, simcloud.Faults{})
	if o := a.Run(s.night()); o.ExitCode != controller.ExitOK {
		t.Fatal(verdicts(o))
	}
	before := len(a.Cloud.Audit())
	n := s.night()
	n.Choice = c
	if c.To != "" {
		n.Date = ""
	}
	return a, a.Run(n), before
}

func planned(o simnight.Outcome) (names []string) {
	if o.Facts == nil {
		return nil
	}
	for _, n := range o.Facts.Plan {
		names = append(names, n.Name)
	}
	return names
}

// Only what was asked for is done, and what it stands on is what the last
// night left: Spark alone lights no warehouse, an unload alone takes no
// snapshot, a load alone does.
func TestOnly(t *testing.T) {
	for _, c := range []struct {
		only string
		want string
	}{
		{"recs", "emr-1 recs publish-recs"},
		{"rec_in", "warehouse-1 rec_in"},
		{"no_orphans", "warehouse-1 no_orphans"},
		{"view", "warehouse-1 view upkeep-1 snapshot-1 promote-1 prune-1"},
		{"rec_in,recs", "warehouse-1 rec_in emr-1 recs publish-recs"},
		{"ratings", ""}, // nothing new
	} {
		t.Run(c.only, func(t *testing.T) {
			a, o, before := chosen(t, journal.Choice{Only: strings.Split(c.only, ",")})
			if got := strings.Join(planned(o), " "); got != c.want || o.ExitCode != controller.ExitOK || o.Err != nil {
				t.Fatalf("exit %d, %v, plan %s, want %s\n%s", o.ExitCode, o.Err, got, c.want, tell(o))
			}
			for _, e := range a.Cloud.Audit()[before:] {
				if strings.HasPrefix(e.Call, "redshift.") && e.Effect && !strings.Contains(c.want, "warehouse") {
					t.Errorf("it did %s %s", e.Call, e.Target)
				}
			}
			if bad := append(billing(a), violations(a)...); len(bad) > 0 {
				t.Error(bad)
			}
			// The whole night was done before, and is not undone by a part.
			n := shapes()[0].night()
			if again := a.Run(n); again.ID.Attempt != 1 || !again.Repeated {
				t.Errorf("the whole night is attempt %d, repeated: %v", again.ID.Attempt, again.Repeated)
			}
			// The same part is told again; with --again it is done again.
			n.Choice = o.Facts.Opening.Choice
			if again := a.Run(n); again.ID.Attempt != 2 || !again.Repeated {
				t.Errorf("the part is attempt %d, repeated: %v", again.ID.Attempt, again.Repeated)
			}
		})
	}
}

// A part that runs first does not pass for the night.
func TestAPartIsNotTheNight(t *testing.T) {
	s := shapes()[0]
	a := account(1, s, simcloud.Faults{})
	n := s.night()
	n.Choice.Only = []string{"ratings"}
	first := a.Run(n)
	want := "warehouse-1 migrate-1 ratings upkeep-1 snapshot-1 promote-1 prune-1"
	if got := strings.Join(planned(first), " "); got != want || first.ExitCode != controller.ExitOK {
		t.Fatalf("exit %d, plan %s\n%s", first.ExitCode, got, tell(first))
	}
	o := a.Run(s.night())
	if o.ID.Attempt != 2 || o.Repeated {
		t.Errorf("attempt %d, repeated: %v", o.ID.Attempt, o.Repeated)
	}
	if slices.Contains(planned(o), "ratings") {
		t.Error("ratings was loaded, and is planned again")
	}
	for _, bad := range s.broken(a, o) {
		t.Error(bad)
	}
}

// What a chosen step reads must be there.
func TestOnlyIsRefused(t *testing.T) {
	s := shapes()[0]
	for _, c := range []struct{ only, what, hint string }{
		{"recs", "it needs rec_in, which is not chosen", "--only rec_in,recs"},
		{"rec_in", "rec_in reads the warehouse, and none was ever promoted", "without --only"},
	} {
		a := account(1, s, simcloud.Faults{})
		n := s.night()
		n.Choice.Only = []string{c.only}
		o := a.Run(n)
		if o.ExitCode != controller.ExitRefused || o.Err == nil || !strings.Contains(o.Err.Error(), c.what) || !strings.Contains(resources.HintOf(o.Err), c.hint) {
			t.Errorf("%s: exit %d: %v", c.only, o.ExitCode, o.Err)
		}
		for _, e := range a.Cloud.Audit() {
			if !strings.HasPrefix(e.Call, "s3.") && e.Effect {
				t.Errorf("%s: it did %s %s", c.only, e.Call, e.Target)
			}
		}
	}
}

// A skipped step is left out with what reads it; the day after catches up.
func TestSkip(t *testing.T) {
	s := shapes()[0]
	a := account(1, s, simcloud.Faults{})
	n := s.night()
	n.Choice.Skip = []string{"reviews", "rec_in"}
	o := a.Run(n)
	for _, name := range []string{"reviews", "rec_in", "recs"} {
		if slices.Contains(planned(o), name) || o.Facts.Opening.Left[name] == "" {
			t.Errorf("%s is planned", name)
		}
	}
	if o.ExitCode != controller.ExitOK || !slices.Contains(planned(o), "sent") {
		t.Fatalf("exit %d, plan %v\n%s", o.ExitCode, planned(o), tell(o))
	}
	if notes := strings.Join(o.Facts.Opening.Notes, "\n"); !strings.Contains(notes, "left out: recs (needs rec_in, which is skipped)") {
		t.Error(notes)
	}
	whole := a.Run(s.night())
	for _, bad := range s.broken(a, whole) {
		t.Error(bad)
	}
}

// A skipped load does not make the warehouse say that it is further than it is.
func TestDataThroughStays(t *testing.T) {
	s := shapes()[0]
	for name, c := range map[string]journal.Choice{
		"a load is left out": {Skip: []string{"reviews"}},
		"behind a gap":       {From: "2026-11-23"},
		"in the past":        {From: "2026-11-19", To: "2026-11-20"},
	} {
		a := account(1, s, simcloud.Faults{})
		if o := a.Run(s.night()); o.ExitCode != controller.ExitOK {
			t.Fatal(verdicts(o))
		}
		for _, day := range []string{"19", "22", "23"} {
			a.Cloud.PutSized(fmt.Sprintf("s3://events/ratings/2026/11/%s/part-9.csv.gz", day), 1_000)
		}
		a.Sim.Drain(start.AddDate(0, 0, 2))
		n := s.night()
		n.Date, n.Choice = "2026-11-24", c
		if c.To != "" {
			n.Date = ""
		}
		o := a.Run(n)
		pointer, _ := a.Promoted(n.Pipeline)
		if o.ExitCode != controller.ExitOK || pointer.DataThrough != "2026-11-21" || pointer.Made != o.ID {
			t.Errorf("%s: exit %d, %v, promoted %s by %v\n%s", name, o.ExitCode, o.Err, pointer.DataThrough, pointer.Made, tell(o))
		}
		n.Date, n.Choice = "2026-11-24", journal.Choice{}
		o = a.Run(n)
		if pointer, _ := a.Promoted(n.Pipeline); o.ExitCode != controller.ExitOK || pointer.DataThrough != "2026-11-23" || len(a.Loaded(pointer.Snapshot)["ratings"]) != 4+1+3 {
			t.Errorf("%s, the night after: exit %d, %v, through %s with %v", name, o.ExitCode, o.Err, pointer.DataThrough, a.Loaded(pointer.Snapshot)["ratings"])
		}
	}
}

// A range is one lifetime: one restore, one snapshot, and only its days.
func TestRange(t *testing.T) {
	s := shapes()[0]
	a := account(1, s, simcloud.Faults{})
	n := s.night()
	n.Date, n.Choice = "", journal.Choice{From: "2026-11-19", To: "2026-11-20"}
	o := a.Run(n)
	if o.ExitCode != controller.ExitOK || o.ID.Run != "2026-11-21" || o.Facts.Opening.DataThrough != "2026-11-20" {
		t.Fatalf("exit %d, %v, run %v\n%s", o.ExitCode, o.Err, o.ID, tell(o))
	}
	pointer, _ := a.Promoted(n.Pipeline)
	if got := a.Loaded(pointer.Snapshot)["ratings"]; !slices.Equal(got, days("ratings")[1:3]) || pointer.DataThrough != "2026-11-20" {
		t.Errorf("ratings holds %v, through %s", got, pointer.DataThrough)
	}
	made := 0
	for _, e := range a.Cloud.Audit() {
		if e.Effect && (e.Call == "redshift.CreateCluster" || e.Call == "redshift.CreateClusterSnapshot") {
			made++
		}
	}
	if made != 2 {
		t.Errorf("%d creates and snapshots", made)
	}
	// The same days again: told again. The night after loads the rest.
	if again := a.Run(n); !again.Repeated || again.ID != o.ID {
		t.Errorf("attempt %v, repeated: %v", again.ID, again.Repeated)
	}
	for _, bad := range s.broken(a, a.Run(s.night())) {
		t.Error(bad)
	}
}

// What is chosen survives every crash, of a controller that is started again
// with the same flags.
func TestChoicesAtEveryCrashPoint(t *testing.T) {
	for name, c := range map[string]journal.Choice{"only": {Only: []string{"ratings", "rec_in"}}, "range": {From: "2026-11-19", To: "2026-11-20", Skip: []string{"sent"}}} {
		t.Run(name, func(t *testing.T) {
			s := shapes()[0]
			n := s.night()
			n.Choice = c
			if c.To != "" {
				n.Date = ""
			}
			whole := account(1, s, simcloud.Faults{}).Run(n)
			for at := 1; at <= len(whole.Points); at += 3 {
				a := account(1, s, lagging(true))
				n.CrashAt = map[int]bool{at: true}
				o := a.Run(n)
				if o.ExitCode != controller.ExitOK || o.Err != nil || !slices.Equal(planned(o), planned(whole)) {
					t.Fatalf("crash at %d: exit %d, %v, plan %v\n%s", at, o.ExitCode, o.Err, planned(o), tell(o))
				}
				if bad := append(billing(a), violations(a)...); len(bad) > 0 {
					t.Fatalf("crash at %d: %v", at, bad)
				}
			}
		})
	}
}

// --replan ends what a dead controller left, and the next attempt does it
// anew: at whatever point it died, and if the one that replans dies too.
func TestReplan(t *testing.T) {
	s := shapes()[0]
	points := len(account(1, s, simcloud.Faults{}).Run(s.night()).Points)
	replanned := 0
	for at := 10; at < points; at += 5 {
		a := account(1, s, lagging(true))
		n := s.night()
		n.CrashAt, n.Abandoned = map[int]bool{at: true}, true
		if first := a.Run(n); first.Ended {
			t.Fatalf("it did not die at %d", at)
		}
		a.Sim.Drain(a.Sim.Now().Add(time.Minute))
		n = s.night()
		n.Replan, n.CrashAt, n.Abandoned = true, map[int]bool{2 + at%30: true}, true
		o := a.Run(n)
		a.Sim.Drain(a.Sim.Now().Add(time.Minute))
		n = s.night() // whoever resumes it needs no flag
		last := a.Run(n)
		if last.ID.Attempt == 1 && last.Facts.Replanned {
			t.Fatalf("died at %d: what was replanned is not done\n%s", at, tell(last))
		}
		if last.ID.Attempt == 2 {
			replanned++
		}
		for _, bad := range s.broken(a, last) {
			t.Errorf("died at %d: %s", at, bad)
		}
		if t.Failed() {
			t.Fatalf("the replanning one ended: %v\n%s", o.Ended, tell(last))
		}
	}
	if replanned < points/20 {
		t.Errorf("only %d of some %d nights were replanned", replanned, points/5)
	}
}

// There is nothing to replan once all has ended.
func TestReplanOfWhatHasEnded(t *testing.T) {
	s := shapes()[0]
	a := account(1, s, simcloud.Faults{})
	if o := a.Run(s.night()); o.ExitCode != controller.ExitOK {
		t.Fatal(verdicts(o))
	}
	n := s.night()
	n.Replan = true
	if o := a.Run(n); o.ExitCode != controller.ExitRefused || o.Err == nil || !strings.Contains(o.Err.Error(), "nothing to replan") {
		t.Errorf("exit %d: %v", o.ExitCode, o.Err)
	}
}
