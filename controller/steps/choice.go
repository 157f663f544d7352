package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// This file resolves a night of which only a part was asked for. A step that
// is left out makes no node. What it made on a former night stays what it is:
// chosen steps read it, and it is carried over for the nights to come.

// WhyNotChosen is why --only leaves a step out.
const WhyNotChosen = "not chosen"

// leftOut says of each step that a choice leaves out why: with Only all
// others, with Skip those and what reads or needs them. What merely comes
// later in the warehouse's listed order stays.
func leftOut(all []config.Step, c journal.Choice) map[string]string {
	left := map[string]string{}
	for _, s := range all {
		switch {
		case len(c.Only) > 0 && !slices.Contains(c.Only, s.Name):
			left[s.Name] = WhyNotChosen
		case slices.Contains(c.Skip, s.Name):
			left[s.Name] = "skipped on request"
		case len(c.Skip) > 0:
			for _, need := range stands(s) {
				if left[need] != "" {
					left[s.Name] = "needs " + need + ", which is skipped"
				}
			}
		}
	}
	return left
}

// leftNotes say what is left out, one line for each reason.
func (r *planned) leftNotes() []string {
	var reasons, notes []string
	names := map[string][]string{}
	for _, s := range r.Pipeline.Steps {
		if why := r.left[s.Name]; why != "" {
			if names[why] == nil {
				reasons = append(reasons, why)
			}
			names[why] = append(names[why], s.Name)
		}
	}
	for _, why := range reasons {
		notes = append(notes, "left out: "+strings.Join(names[why], ", ")+" ("+why+")")
	}
	return notes
}

// stands are the steps that a step reads or needs.
func stands(s config.Step) []string { return slices.Concat(s.Needs, Reads(s)) }

// Reads are the steps whose datasets a step reads.
func Reads(s config.Step) (from []string) {
	switch {
	case s.Load != nil && s.Load.Reads != "":
		from = []string{s.Load.Reads}
	case s.Spark != nil:
		from = slices.Clone(s.Spark.Reads)
	}
	for i, name := range from {
		from[i], _, _ = strings.Cut(name, "/")
	}
	return from
}

// chosen resolves a step, or says what is known of one that is left out.
func (r *planned) chosen(ctx context.Context, s config.Step) (controller.Work, error) {
	if r.left[s.Name] != "" {
		return r.known(s), nil
	}
	for _, need := range stands(s) {
		if c, done := r.prior[need]; r.left[need] != "" && (!done || !r.stillWritten(need, c)) {
			return controller.Work{}, &resources.Fault{Class: resources.Permanent, Code: CodeRefused,
				Msg:  fmt.Sprintf("it needs %s, which is not chosen and of which the last attempt left no complete result", need),
				Hint: "choose it too: --only " + strings.Join(append([]string{need}, r.Choice.Only...), ",")}
		}
	}
	w, err := r.step(ctx, s)
	if len(r.Choice.Only) > 0 && s.Load == nil {
		w.Done = nil // it was asked for by name
	}
	r.anew = r.anew || w.Done == nil && writer(s)
	return w, err
}

// known is a step that is left out, with the result that still stands for it.
func (r *planned) known(s config.Step) controller.Work {
	w := controller.Work{Done: &journal.Carried{}}
	if c, ok := r.prior[s.Name]; ok && r.stillWritten(s.Name, c) {
		w.Done, w.Fingerprint = &c, c.Fingerprint
	}
	if !writer(s) {
		return w
	}
	print := w.Fingerprint
	switch {
	case print == "": // nobody knows what of it the warehouse holds
		r.state = fingerprint(r.state, s.Name, r.ID)
	case s.SQL != nil && !r.anew:
		r.state = print
	default:
		r.state = fingerprint(r.state, print)
	}
	return w
}

// stillWritten says that a former result still stands: what a step wrote into
// the warehouse must be in the promoted snapshot.
func (r *planned) stillWritten(name string, c journal.Carried) bool {
	for _, s := range r.Pipeline.Steps {
		if s.Name == name && writer(s) {
			return r.written(name, c.Fingerprint) != nil
		}
	}
	return true
}

func writer(s config.Step) bool { return s.Load != nil || s.SQL != nil }

// writes says that a step of this attempt may write into the warehouse.
func (r *planned) writes() bool {
	return slices.ContainsFunc(r.Pipeline.Steps, func(s config.Step) bool { return writer(s) && r.left[s.Name] == "" }) ||
		len(r.left) == 0
}

// restorable refuses to make an empty warehouse only to read from it.
func (r *planned) restorable() error {
	if r.promoted != nil || len(r.left) == 0 || r.writes() {
		return nil
	}
	for _, s := range r.Pipeline.Steps {
		if (s.Check != nil || s.Unload != nil) && r.left[s.Name] == "" {
			return &resources.Fault{Class: resources.Permanent, Code: CodeRefused,
				Msg: fmt.Sprintf("%s reads the warehouse, and none was ever promoted", s.Name), Hint: "`lamplighter run` without --only builds it"}
		}
	}
	return nil
}

// stays says that tonight does not bring the warehouse further than it is:
// its days end before that, begin behind a gap, or a load of days is left out.
func (r *planned) stays() bool {
	former, err := time.Parse(time.DateOnly, r.promoted.DataThrough)
	if err != nil {
		return false
	}
	gap := r.Choice.From > former.AddDate(0, 0, 1).Format(time.DateOnly)
	return gap || r.through < r.promoted.DataThrough ||
		slices.ContainsFunc(r.Pipeline.Steps, func(s config.Step) bool { return Dated(s) && r.left[s.Name] != "" })
}

// Dated says that a step loads days.
func Dated(s config.Step) bool { return s.Load != nil && s.Load.Since != "" }

// Ended is how long a day must be over before a pipeline reads it.
func Ended(p *config.Pipeline) time.Duration { return (&Planner{Pipeline: p}).ended() }
