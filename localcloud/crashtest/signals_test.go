package crashtest

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"lamplighter/controller/report"
)

// inCOPY is right after the first COPY of the night was asked for.
var inCOPY = asked("ratings", "copy-1")

// TestCtrlC interrupts a COPY: everything is torn down, and said so again.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	f := afterNightOne(t)
	c := open(t, copyFolder(t, f.folder), usual)
	e := c.signalled(t, f.dates[1], inCOPY, syscall.SIGINT)
	e.check(t, "Ctrl-C", 130)
	c.audit(t, f.base)
	if e.summary == nil || !strings.HasPrefix(e.summary.StateLine, "nothing is billing") {
		t.Errorf("the state line after Ctrl-C: %+v", e.summary)
	}
	was := c.state(t)
	c.run(t, f.dates[1]).check(t, "told again", 130)
	unchanged(t, was, c.state(t))
	c.run(t, f.dates[1], "--again").check(t, "another attempt", 0)
	c.audit(t, f.base, c.promoted(t).Snapshot)
	same(t, c.contents(t, allTables, allDatasets), f.expected)
}

// TestSIGTERM: the controller leaves at once, says what bills, and the next one
// goes on.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	f := afterNightOne(t)
	c := open(t, copyFolder(t, f.folder), usual)
	e := c.signalled(t, f.dates[1], inCOPY, syscall.SIGTERM)
	e.check(t, "SIGTERM", 4)
	if !strings.Contains(e.said, "kill switch") {
		t.Errorf("it does not say what ends the warehouse if no run comes back:\n%s", e.said)
	}
	if e.summary == nil || len(e.summary.Billing) == 0 {
		t.Errorf("its summary does not say what bills: %+v", e.summary)
	}
	if len(c.state(t).Clusters) != 1 {
		t.Errorf("SIGTERM is no Ctrl-C, but the warehouse is gone")
	}
	c.run(t, f.dates[1]).check(t, "run again", 0)
	c.audit(t, f.base, c.promoted(t).Snapshot)
	same(t, c.contents(t, allTables, allDatasets), f.expected)
}

// TestTeardownAfterKill: nobody runs any more, and a person wants the end.
func TestTeardownAfterKill(t *testing.T) {
	t.Parallel()
	f := afterNightOne(t)
	c := killedIn(t, f.folder, usual, f.dates[1], inCOPY)
	was := c.state(t)
	code, listed, said := c.command(t, "teardown")
	if code != 4 || !strings.Contains(listed, was.Clusters[0].ID) || !strings.Contains(said, "--yes") {
		t.Errorf("teardown without --yes: exit code %d, want 4\n%s%s", code, listed, said)
	}
	unchanged(t, was, c.state(t))
	code, told, said := c.command(t, "teardown", "--yes")
	if code != 0 || !strings.Contains(told, "nothing is billing") {
		t.Errorf("teardown --yes: exit code %d, want 0\n%s%s", code, told, said)
	}
	c.audit(t, f.base)
	code, told, said = c.command(t, "teardown", "--yes")
	if code != 0 {
		t.Errorf("teardown of nothing: exit code %d\n%s%s", code, told, said)
	}
	c.run(t, f.dates[2]).check(t, "the next night", 0)
	c.audit(t, f.base, c.promoted(t).Snapshot)
	same(t, c.contents(t, allTables, allDatasets), f.expected)
}

// TestSecondControllerIsRefused starts another controller beside one that
// lives. It waits for the first one's sign of life, which takes a third of the
// lease's three minutes: long transitions keep the night from ending before.
func TestSecondControllerIsRefused(t *testing.T) {
	t.Parallel()
	f := afterNightOne(t)
	c := open(t, copyFolder(t, f.folder), usual, "--pace", "10m")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	first := exec.CommandContext(ctx, lamplighter, "run", "-e", "local", "-o", "json", "--date", f.dates[1])
	first.Dir = c.project
	out, err := first.StdoutPipe()
	fatal(t, err)
	fatal(t, first.Start())
	began := make(chan bool, 1)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		var e ending
		e.read(t, out, func(ev report.Event) {
			if answered("warehouse-1", "restore").is(ev) {
				began <- true
			}
		})
		_ = first.Wait() // it is killed below
	}()
	defer func() { cancel(); <-ended }()
	select {
	case <-began:
	case <-ended:
		t.Fatal("the first controller ended at once")
	}
	second := c.run(t, f.dates[1])
	second.check(t, "a second controller", 5)
	if !strings.Contains(second.said, "run "+f.dates[1]) || !strings.Contains(second.said, "process ") {
		t.Errorf("it does not say who holds the lease:\n%s", second.said)
	}
	for _, ev := range second.events {
		if ev.Event != "note" { // it says at once whom it watches
			t.Errorf("it acted: %+v", ev)
		}
	}
}
