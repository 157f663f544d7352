package crashtest

import (
	"fmt"
	"math/rand/v2"
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

// either draws the intent or the outcome, and for the intent how long after it.
func either(random *rand.Rand, step, verb string, longest time.Duration) moment {
	if random.IntN(3) == 0 {
		return answered(step, verb)
	}
	m := asked(step, verb)
	if longest > 0 {
		m.after = time.Duration(random.Int64N(int64(longest))).Round(time.Millisecond)
	}
	return m
}

// any draws one of the records of a night that nothing disturbed: of those that
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
