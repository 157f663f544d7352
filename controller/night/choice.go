package night

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/steps"
	"lamplighter/resources"
)

// Check says what is wrong with what a run is asked for, before anything is
// looked at: days that do not exist or have not ended, steps that nobody
// knows, requests that contradict each other. It brings the choice into one
// form: steps in the pipeline's order, each once.
func (req *Request) Check(now time.Time) error {
	for _, check := range []func(time.Time) error{req.checkTogether, req.checkDate, req.checkDays, req.checkSteps} {
		if err := check(now); err != nil {
			return err
		}
	}
	return nil
}

func wrong(hint, format string, args ...any) error {
	return &resources.Fault{Class: resources.Permanent, Code: steps.CodeRefused, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

func (req *Request) checkTogether(time.Time) error {
	c := req.Choice
	switch {
	case len(c.Only) > 0 && len(c.Skip) > 0:
		return wrong("name the steps to run, or those to leave out", "--only and --skip do not go together")
	case req.Date != "" && c.To != "":
		return wrong("--to D is the run of the day after D", "--date and --to do not go together: both say which run it is")
	case req.Replan && req.Again:
		return wrong("--replan is for an attempt that is unfinished, --again for one that has ended", "--replan and --again do not go together")
	}
	return nil
}

func (req *Request) checkDate(now time.Time) error {
	if req.Date == "" {
		return nil
	}
	covers, err := req.Pipeline.Schedule.OpensOn(req.Date)
	if err != nil {
		return wrong("write it as 2026-11-22", "--date %s: %v", req.Date, plainDate(err))
	}
	zone, err := time.LoadLocation(req.Pipeline.Partition)
	if err != nil || !slices.ContainsFunc(req.Pipeline.Steps, steps.Dated) {
		return nil
	}
	ended := steps.Ended(req.Pipeline)
	through, last := controller.DataThrough(covers, ended, zone), controller.DataThrough(now, ended, zone)
	if through > last {
		return wrong("the last day that has is "+last, "--date %s: that run covers %s, and this day has not ended", req.Date, through)
	}
	return nil
}

// plainDate is what time.Parse says of a date, without its layout.
func plainDate(err error) string {
	if strings.Contains(err.Error(), "out of range") {
		return "there is no such day"
	}
	return "this is not a date"
}

func (req *Request) checkDays(now time.Time) error {
	c, p := req.Choice, req.Pipeline
	if c.From == "" && c.To == "" {
		return nil
	}
	for _, f := range []struct{ flag, day string }{{"--from", c.From}, {"--to", c.To}} {
		if _, err := time.Parse(time.DateOnly, f.day); f.day != "" && err != nil {
			return wrong("write it as 2026-11-22", "%s %s: %s", f.flag, f.day, plainDate(err))
		}
	}
	if c.To != "" && c.From > c.To {
		return wrong("write the earlier day after --from", "--from %s comes after --to %s", c.From, c.To)
	}
	if !slices.ContainsFunc(p.Steps, steps.Dated) {
		return wrong("only sources with {yyyy}/{mm}/{dd} have days", "--from and --to: no load of this pipeline has days")
	}
	zone, err := time.LoadLocation(p.Partition)
	if err != nil {
		return nil // a loaded pipeline has one
	}
	last := controller.DataThrough(now, steps.Ended(p), zone)
	for _, f := range []struct{ flag, day string }{{"--from", c.From}, {"--to", c.To}} {
		if f.day > last {
			return wrong("the last day that has is "+last, "%s %s: this day has not ended", f.flag, f.day)
		}
	}
	if since := firstSince(p); c.To != "" && c.To < since {
		return wrong("the first `since` of the loads is "+since, "--to %s: no load of this pipeline begins that early", c.To)
	}
	return nil
}

func firstSince(p *config.Pipeline) string {
	first := ""
	for _, s := range p.Steps {
		if steps.Dated(s) && (first == "" || s.Load.Since < first) {
			first = s.Load.Since
		}
	}
	return first
}

func (req *Request) checkSteps(time.Time) error {
	for _, f := range []struct {
		flag  string
		steps *[]string
	}{{"--only", &req.Choice.Only}, {"--skip", &req.Choice.Skip}} {
		var known, ordered []string
		for _, s := range req.Pipeline.Steps {
			known = append(known, s.Name)
			if slices.Contains(*f.steps, s.Name) {
				ordered = append(ordered, s.Name)
			}
		}
		for _, name := range *f.steps {
			if !slices.Contains(known, name) {
				return wrong(config.DidYouMean(name, known), "%s %s: no step of this pipeline is called that", f.flag, name)
			}
		}
		*f.steps = ordered
	}
	c := req.Choice
	if len(c.Skip) == len(req.Pipeline.Steps) {
		return wrong("leave one", "--skip leaves no step to run")
	}
	onlySpark := len(c.Only) > 0 && !slices.ContainsFunc(req.Pipeline.Steps, func(s config.Step) bool { return slices.Contains(c.Only, s.Name) && s.Spark == nil })
	if req.Bootstrap && onlySpark {
		return wrong("leave --bootstrap out", "--bootstrap begins a warehouse, and no step of --only %s uses one", strings.Join(c.Only, ","))
	}
	return nil
}

// runThrough is the run that covers days up to a last one.
func runThrough(p *config.Pipeline, last string) (string, error) {
	day, err := time.Parse(time.DateOnly, last)
	if err != nil {
		return "", err
	}
	zone, err := time.LoadLocation(p.Partition)
	if err != nil {
		return "", err
	}
	for after := 1; ; after++ {
		run := day.AddDate(0, 0, after).Format(time.DateOnly)
		covers, err := p.Schedule.OpensOn(run)
		if err != nil {
			return "", err
		}
		if controller.DataThrough(covers, steps.Ended(p), zone) >= last {
			return run, nil
		}
	}
}

// answers says that an attempt is the one that a request asks for.
func (req Request) answers(f *journal.Facts) bool {
	return f.Opening != nil && f.Opening.Choice.Equal(req.Choice) && !f.Replanned
}

// answered is the newest ended attempt, from id back, that answers the request.
// A later one, of another choice, does not make it undone; one of the same
// choice that was replanned or lost does.
func (r *running) answered(ctx context.Context, id journal.AttemptID) (*Result, error) {
	for ; id.Attempt > 0; id.Attempt-- {
		records, err := Records(ctx, r.deps.S3, r.deps.Layout, r.Clock, id)
		if err != nil {
			return nil, err
		}
		facts := journal.Fold(records)
		if facts.Opening == nil || !facts.Opening.Choice.Equal(r.req.Choice) {
			continue
		}
		if !r.req.answers(facts) || facts.Any(journal.Lost) {
			return nil, nil
		}
		return &Result{ID: id, Facts: facts, Records: records, ExitCode: controller.ExitCode(facts), Repeated: true}, nil
	}
	return nil, nil
}
