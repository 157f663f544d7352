package simnight

import (
	"fmt"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/steps"
	"lamplighter/resources/simcloud"
)

// Tonight runs a pipeline's first night and then the one after it, which finds
// one new day, and returns the second. watch may be nil.
func Tonight(p *config.Pipeline, seed uint64, jobs steps.JobSource, watch controller.Watcher) (Outcome, error) {
	opens := nextOpening(p)
	first, second := opens.AddDate(0, 0, -1), opens
	zone, err := time.LoadLocation(p.Partition)
	if err != nil {
		return Outcome{}, err
	}
	recent := recently(p, first)
	a := New(first, simcloud.SimOptions{Seed: seed, Account: Environment().Account, Metrics: metrics(p)})
	if err := a.fill(recent, second.In(zone)); err != nil {
		return Outcome{}, err
	}
	if o := a.Run(Night{Pipeline: recent, Date: recent.Schedule.RunID(first), Jobs: jobs}); o.Err != nil || !o.Ended || o.ExitCode != controller.ExitOK {
		return o, fmt.Errorf("the night before, which begins the warehouse, did not end well (exit %d): %w", o.ExitCode, o.Err)
	}
	a.Sim.Drain(second)
	o := a.Run(Night{Pipeline: recent, Date: recent.Schedule.RunID(second), Jobs: jobs, Watch: watch})
	return o, o.Err
}

// nextOpening is a fixed instant for all simulations: what is shown should not
// depend on when it is asked for.
func nextOpening(p *config.Pipeline) time.Time {
	return p.Schedule.Next(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
}

// simulatedDays is how many days of each dated source the simulation has: the
// bill of a night does not depend on what earlier nights loaded.
const simulatedDays = 4

// recently is the pipeline with its sources beginning a few days ago.
func recently(p *config.Pipeline, now time.Time) *config.Pipeline {
	copied := *p
	copied.Steps = append([]config.Step{}, p.Steps...)
	since := now.AddDate(0, 0, -simulatedDays).Format(time.DateOnly)
	for i, s := range copied.Steps {
		if s.Load != nil && s.Load.Since != "" && s.Load.Since < since {
			load := *s.Load
			load.Since = since
			copied.Steps[i].Load = &load
		}
	}
	return &copied
}

// fill puts objects where the pipeline's loads look for them.
func (a *Account) fill(p *config.Pipeline, until time.Time) error {
	const size = 400_000 // bytes: some ten thousand rows
	for _, s := range p.Steps {
		if s.Load == nil || s.Load.From == "" {
			continue
		}
		pattern, err := config.ParsePattern(s.Load.From)
		if err != nil {
			return err
		}
		for back := range simulatedDays + 2 {
			day := until.AddDate(0, 0, -back)
			uri := "s3://" + pattern.Bucket + "/" + concrete(s.Load.From, pattern.Bucket, day)
			if _, fits := pattern.Match(strings.TrimPrefix(uri, "s3://"+pattern.Bucket+"/")); !fits {
				return fmt.Errorf("step %s: no object's name could be made up that fits %s", s.Name, s.Load.From)
			}
			a.Cloud.PutSized(uri, size)
			if folder, ok := pattern.Folder(strings.TrimPrefix(uri, "s3://"+pattern.Bucket+"/")); ok && s.Load.CompleteWhen.Marker != "" {
				a.Cloud.PutSized("s3://"+pattern.Bucket+"/"+folder+s.Load.CompleteWhen.Marker, 0)
			}
		}
	}
	return nil
}

// concrete makes up a key that fits a pattern.
func concrete(from, bucket string, day time.Time) string {
	key := strings.TrimPrefix(from, "s3://"+bucket+"/")
	return strings.NewReplacer("{yyyy}", day.Format("2006"), "{mm}", day.Format("01"), "{dd}", day.Format("02"), "{hh}", day.Format("15"),
		"**", "part-1", "*", "part-1", "?", "1", "{{", "{").Replace(key)
}

// metrics are numbers that meet what the pipeline expects of its jobs.
func metrics(p *config.Pipeline) string {
	var b strings.Builder
	b.WriteString(`{"rows":6100`)
	written := map[string]bool{"rows": true}
	for _, s := range p.Steps {
		if s.Spark == nil {
			continue
		}
		for name, bounds := range s.Spark.Expect {
			value := 1.0
			switch {
			case bounds.Min != nil:
				value = *bounds.Min
			case bounds.Max != nil:
				value = *bounds.Max
			}
			if !written[name] {
				fmt.Fprintf(&b, ",%q:%v", name, value)
			}
			written[name] = true
		}
	}
	return b.String() + "}"
}
