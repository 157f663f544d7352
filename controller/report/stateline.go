package report

import (
	"strings"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
)

// stateLine is the last line of every run. Its first field always says whether
// anything bills, the others follow in this order:
//
//	nothing is billing · $0.18 · next from SNAPSHOT · data through D
//	nothing is billing · $0.00 · next from SNAPSHOT · data through D · nothing to do
//	BILLING: 2 × ra3.large since 01:12, $1.09/h · $0.44 · next from …
//	MAY BE BILLING: 2 × ra3.large since 01:12, $1.09/h · …
func stateLine(s Summary, e Ending) string {
	fields := []string{billingNow(s.Billing, s.At, e.Look), money(cost.Micros(s.CostMicroUSD), s.CostAtLeast)}
	if s.NextFrom != "" {
		fields = append(fields, "next from "+clean(s.NextFrom))
	}
	if s.DataThrough != "" {
		fields = append(fields, "data through "+clean(s.DataThrough))
	}
	if s.CaughtUp != "" {
		fields = append(fields, "caught up to "+clean(s.CaughtUp))
	}
	if text := endedHow(s); text != "" {
		fields = append(fields, text)
	}
	if len(s.Billing) > 0 {
		fields = append(fields, "to end it: lamplighter teardown")
	}
	return strings.Join(fields, " · ")
}

// billingNow is the first field.
func billingNow(all []BillingNow, now time.Time, l Look) string {
	if len(all) == 0 {
		return "nothing is billing"
	}
	surely, perhaps, idle := "", "", ""
	for _, b := range all {
		switch cost.Status(b.Status) {
		case cost.Billing:
			surely = and(surely, b.text(now, l))
		case cost.Starting, cost.Ending:
			perhaps = and(perhaps, b.text(now, l))
		case cost.Paused:
			idle = and(idle, "storage of the paused "+b.Name)
		default:
			idle = and(idle, "snapshot "+b.Name)
		}
	}
	var fields []string
	if text := and(surely, idle); text != "" {
		fields = append(fields, "BILLING: "+text)
	}
	if perhaps != "" {
		fields = append(fields, "MAY BE BILLING: "+perhaps)
	}
	return strings.Join(fields, "; ")
}

func and(list, more string) string {
	if list == "" || more == "" {
		return list + more
	}
	return list + " and " + more
}

func (b BillingNow) text(now time.Time, l Look) string {
	text := b.What
	if !b.Since.IsZero() {
		text += " since " + l.since(b.Since, now)
	}
	return text + ", " + hourly(b)
}

func hourly(b BillingNow) string {
	switch {
	case b.PriceKnown:
		return cost.Micros(b.MicroUSDPerHour).String() + "/h"
	case b.MicroUSDPerHour > 0:
		return "at least " + cost.Micros(b.MicroUSDPerHour).String() + "/h"
	}
	return "$?/h"
}

// endedHow says in a few words what went otherwise than wished; empty when all
// went well.
func endedHow(s Summary) string {
	if s.NothingToDo {
		return "nothing to do"
	}
	var failed, lost []string
	open, cut := 0, ""
	for _, p := range s.Steps {
		if text := cuts[p.Why]; text != "" && p.State == State(journal.Skipped) {
			cut = text
		}
		switch p.State {
		case State(journal.Failed):
			failed = append(failed, p.Name)
		case State(journal.Lost):
			lost = append(lost, p.Name)
		case StateToCome, StateRunning:
			open++
		}
	}
	switch {
	case len(failed) > 0:
		return "failed: " + few(failed)
	case len(lost) > 0:
		return "lost: " + few(lost)
	case cut != "":
		return cut
	case open > 0:
		return "not finished"
	}
	return ""
}

// cuts are the reasons of the engine for skipping work, in words for the end.
var cuts = map[string]string{
	controller.WhyInterrupted: "interrupted",
	controller.WhyLastCall:    "cut short by last call",
	controller.WhyCutOff:      "cut short by the cut-off",
}

// few names at most three.
func few(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + " and " + count(int64(len(names)-3), "other")
	}
	return strings.Join(names, ", ")
}
