package simcloud

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// script is a life with every transition, on the embedded cloud's terms: no
// simulation, a pace that is always the same.
var script = []struct {
	at time.Duration
	do func(*rs)
}{
	{0, func(r *rs) { r.want(r.create("c"), "") }},
	{1, func(r *rs) {
		_, err := r.c.Scheduler().CreateSchedule(bg, killSwitch("d-d", "d", "rate(5 minutes)", start.Add(13*pace)))
		r.want(err, "")
	}},
	{2 * pace, func(r *rs) { r.want(r.snapshot("s", "c"), "") }},
	{4 * pace, func(r *rs) { r.want(r.pause("c"), "") }},
	{6 * pace, func(r *rs) { r.want(r.resume("c"), "") }},
	{8 * pace, func(r *rs) { r.want(r.delete("c", ""), "") }},
	{10 * pace, func(r *rs) { r.want(r.restore("d", "s"), "") }},
	{20 * pace, func(*rs) {}},
}

// life runs the script and ends with what the cloud then says. With restart,
// the host dies at that instant, and another goes on from the saved State.
func life(t *testing.T, restart time.Duration) string {
	r := newRS(t, Rules{}, nil)
	saved := []byte("{}")
	r.c.opts.OnChange = func() { saved = mustJSON(t, r.c.State()) }
	r.c.opts.Random = strings.NewReader(strings.Repeat("0123456789abcdef", 64))
	again := func() {
		state := &State{}
		if err := json.Unmarshal(saved, state); err != nil {
			t.Fatal(err)
		}
		sim := NewSim(r.sim.Now()) // the old host's timers are gone
		opts := r.c.opts
		r.sim, r.c = sim, New(sim, opts, state)
		r.api = r.c.Redshift()
	}
	for _, line := range script {
		if at := start.Add(line.at); restart >= 0 && !r.sim.Now().After(start.Add(restart)) && at.After(start.Add(restart)) {
			r.sim.Drain(start.Add(restart))
			again()
			restart = -1
		}
		r.sim.Drain(start.Add(line.at))
		line.do(r)
	}
	return string(mustJSON(t, r.c.State()))
}

func mustJSON(t *testing.T, v any) []byte {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestARestartChangesNothing(t *testing.T) {
	want := life(t, -1)
	if !strings.Contains(want, `"id": "d-3031`) {
		t.Fatalf("the kill switch left no final snapshot:\n%s", want)
	}
	for at := time.Duration(0); at < 20*pace; at += 23 * time.Second {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			if got := life(t, at); got != want {
				t.Errorf("with a restart:\n%s\nwithout:\n%s", got, want)
			}
		})
	}
}

// slow is a WarehousePlane that answers when the test says so, from the
// outside, and counts what it is asked.
type slow struct {
	asked []string
	done  []func(error)
}

func (s *slow) ask(what string, done func(error)) {
	s.asked, s.done = append(s.asked, what), append(s.done, done)
}
func (s *slow) Create(c string, _ ClusterSpec, done func(error)) { s.ask("create "+c, done) }
func (s *slow) Restore(c, sn string, _ ClusterSpec, done func(error)) {
	s.ask("restore "+c+" "+sn, done)
}
func (s *slow) Snapshot(c, sn string, done func(SnapshotSize, error)) {
	s.ask("snapshot "+c+" "+sn, func(err error) { done(SnapshotSize{1, 2}, err) })
}
func (s *slow) DropSnapshot(sn string, done func(error)) { s.ask("forget "+sn, done) }
func (s *slow) Pause(c string, done func(error))         { s.ask("pause "+c, done) }
func (s *slow) Resume(c string, done func(error))        { s.ask("resume "+c, done) }
func (s *slow) Drop(c string, done func(error))          { s.ask("drop "+c, done) }
func (s *slow) Reopen(c string, done func(error))        { s.ask("reopen "+c, done) }
func (s *slow) Endpoint(string) (string, int, bool)      { return "127.0.0.1", 1234, true }
func (s *slow) AddLogin(string, Login) error             { return fmt.Errorf("no such user") }

func TestAStateWaitsForItsData(t *testing.T) {
	r, plane := newRS(t, Rules{}, nil), &slow{}
	r.c.opts.Planes.Warehouse = plane
	last := func(err error) { plane.done[len(plane.done)-1](err); r.pass(0) }
	r.want(r.create("c"), "")
	r.pass(time.Hour)
	r.state("c", "creating")
	last(nil)
	r.state("c", "available")
	r.want(r.snapshot("s", "c"), "")
	last(nil)
	r.snapshotState("s", "creating") // its time is not over
	r.pass(pace)
	r.snapshotState("s", "available")
	if s := r.showSnapshot("s"); *s.ActualIncrementalBackupSizeInMegaBytes != 1 || *s.TotalBackupSizeInMegaBytes != 2 {
		t.Errorf("sizes of %+v", s)
	}
	r.want(r.snapshot("t", "c"), "")
	last(fmt.Errorf("disk full"))
	r.pass(pace)
	r.snapshotState("t", "failed")
	r.want(r.restore("d", "s"), "")
	r.want(r.drop("s"), "")
	last(fmt.Errorf("broken"))
	r.pass(pace)
	r.state("d", "incompatible-restore")
	r.want(r.delete("d", ""), "")
	last(fmt.Errorf("busy"))
	r.pass(pace)
	r.state("d", "deleting")
	r.pass(pace + time.Second)
	last(nil)
	r.pass(pace + time.Second)
	r.state("d", "gone")
	want := "create c;snapshot c s;snapshot c t;restore d s;forget s;drop d;drop d"
	if got := strings.Join(plane.asked, ";"); got != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
}

func TestARestartAsksThePlaneAgain(t *testing.T) {
	r, plane := newRS(t, Rules{}, nil), &slow{}
	r.c.opts.Planes.Warehouse = plane
	r.want(r.create("a"), "")
	plane.done[0](nil)
	r.pass(pace)
	r.want(r.snapshot("s", "a"), "")
	r.want(r.create("b"), "")
	state := &State{}
	if err := json.Unmarshal(mustJSON(t, r.c.State()), state); err != nil {
		t.Fatal(err)
	}
	again := &slow{}
	opts := r.c.opts
	opts.Planes.Warehouse = again
	sim := NewSim(r.sim.Now())
	New(sim, opts, state)
	again.done[0](nil)
	sim.Drain(sim.Now())
	if got, want := strings.Join(again.asked, ";"), "reopen a;create b;snapshot a s"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

func TestARunningStepDoesNotSurviveItsHost(t *testing.T) {
	f := newFlowTest(t, nil)
	id := f.run(runInput("n", "CONTINUE", "a", "b"))
	f.pass(2 * pace)
	f.want(id, "RUNNING a=RUNNING b=PENDING")
	state := &State{}
	if err := json.Unmarshal(mustJSON(t, f.c.State()), state); err != nil {
		t.Fatal(err)
	}
	f.sim = NewSim(f.sim.Now())
	f.c = New(f.sim, f.c.opts, state)
	f.api = f.c.EMR()
	f.want(id, "RUNNING a=FAILED b=PENDING")
	f.pass(pace)
	f.want(id, "RUNNING a=FAILED b=RUNNING")
	f.end("b", 0)
	f.pass(2 * pace)
	f.want(id, "TERMINATED ALL_STEPS_COMPLETED a=FAILED b=COMPLETED")
}
