package crashtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"lamplighter/controller/report"
)

// moment is a record of the journal, and how long after it was written.
type moment struct {
	event, step, verb, state string
	part                     string // of a saw event: any part in this state
	after                    time.Duration
}

func (m moment) String() string {
	text := strings.Join(strings.Fields(fmt.Sprintf("at %s %s %s %s %s", m.event, m.step, m.verb, m.state, m.part)), " ")
	if m.after > 0 {
		text += " + " + m.after.String()
	}
	return text
}

// is says whether an event is this moment's. A step that ends with ..., such
// as publish-…, is any whose name begins so; an empty field is any.
func (m moment) is(ev report.Event) bool {
	matches := func(want, got string) bool {
		if prefix, open := strings.CutSuffix(want, "…"); open {
			return strings.HasPrefix(got, prefix)
		}
		return want == "" || want == got
	}
	if m.part != "" {
		found := false
		for _, state := range ev.Parts {
			found = found || state == m.part
		}
		if !found {
			return false
		}
	}
	return matches(m.event, ev.Event) && matches(m.step, ev.Step) && matches(m.verb, ev.Verb) && matches(m.state, ev.State)
}

// pause lets the time after the record pass.
func (m moment) pause() { time.Sleep(m.after) }

// asked and answered are the two records of an act.
func asked(step, verb string) moment {
	return moment{event: "effect", step: step, verb: verb, state: "asked"}
}

func answered(step, verb string) moment {
	return moment{event: "effect", step: step, verb: verb, state: "ok"}
}

func done(step string) moment { return moment{event: "step", step: step, state: "done"} }

// either draws the outcome of an act, or an instant between its intent and the
// end of what it begins, as long as that took in a night that nothing
// disturbed.
func either(random *rand.Rand, undisturbed []report.Event, step, verb string, end moment) moment {
	if random.IntN(3) == 0 {
		return answered(step, verb)
	}
	return within(random, undisturbed, asked(step, verb), end)
}

// running draws an instant of a Spark step, from when it was seen to run.
func running(random *rand.Rand, undisturbed []report.Event, lifetime, step string) moment {
	from := moment{event: "saw", step: lifetime, part: "RUNNING"}
	return within(random, undisturbed, from, done(step))
}

// within draws an instant between two records.
func within(random *rand.Rand, undisturbed []report.Event, from, to moment) moment {
	first := slices.IndexFunc(undisturbed, from.is)
	last := slices.IndexFunc(undisturbed, to.is)
	if first >= 0 && last > first {
		if took := undisturbed[last].At.Sub(undisturbed[first].At); took > 0 {
			from.after = time.Duration(random.Int64N(int64(took))).Round(time.Millisecond)
		}
	}
	return from
}

// anyOf draws one of the records of a night that nothing disturbed: of those that
// every such night writes, in whatever order, and never the last ones, after
// which there is nobody to kill.
func anyOf(random *rand.Rand, events []report.Event) moment {
	var sure []moment
	for _, ev := range events {
		if ev.Event == "effect" && (ev.State == "asked" || ev.State == "ok") || ev.Event == "step" {
			sure = append(sure, moment{event: ev.Event, step: ev.Step, verb: ev.Verb, state: ev.State})
		}
	}
	return sure[random.IntN(len(sure)*9/10)]
}
