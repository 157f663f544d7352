package crashtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lamplighter/resources/simcloud"
)

// unchanged fails the test when the control planes were asked to change
// something: all that exists, ever billed or has a number would show it.
func unchanged(t *testing.T, was, is *simcloud.State) {
	t.Helper()
	if d := cmp.Diff(was, is); d != "" {
		t.Errorf("the cloud was changed (-before +after):\n%s", d)
	}
}

// TestAgain: a run that has ended is told again, and nothing is asked of the
// cloud.
func TestAgain(t *testing.T) {
	t.Parallel()
	f := afterNightOne(t)
	c := open(t, copyFolder(t, f.folder), usual)
	was := c.state(t)
	e := c.run(t, f.dates[0])
	e.check(t, "night 1 again", 0)
	if e.summary.StateLine != f.before.StateLine {
		t.Errorf("the state line was %q and is %q", f.before.StateLine, e.summary.StateLine)
	}
	for _, ev := range e.events {
		if ev.Event == "effect" {
			t.Errorf("it acted: %+v", ev)
		}
	}
	unchanged(t, was, c.state(t))
}

// TestNothingToDo: a new date without anything new ends at once, and no cluster
// is created; so does another attempt of a night whose data is all loaded.
func TestNothingToDo(t *testing.T) {
	t.Parallel()
	f := afterNightOne(t)
	c := open(t, copyFolder(t, f.folder), usual)
	c.run(t, f.dates[1]).check(t, "night 2", 0)
	promoted, was := c.promoted(t), c.state(t)
	for what, flags := range map[string][]string{"a new date": {f.dates[2]}, "another attempt": {f.dates[1], "--again"}} {
		e := c.run(t, flags[0], flags[1:]...)
		e.check(t, what, 0)
		if !e.summary.NothingToDo {
			t.Errorf("%s: there was something to do: %s", what, e.tail())
		}
		unchanged(t, was, c.state(t))
	}
	if d := cmp.Diff(promoted, c.promoted(t)); d != "" {
		t.Errorf("the promoted pointer moved:\n%s", d)
	}
	same(t, c.contents(t, allTables, allDatasets), f.expected)
}
