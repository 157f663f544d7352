package night

import (
	"context"

	"lamplighter/config"
	"lamplighter/controller/journal"
	"lamplighter/controller/steps"
)

// SparkLogs are what a Spark step of an attempt wrote, stdout first, as far as
// EMR has uploaded it.
func SparkLogs(ctx context.Context, w World, p *config.Pipeline, e *config.Environment, at Attempt, step string) ([]steps.LogFile, error) {
	files, _, err := steps.StepLogs(ctx, w.deps(p, e, w.Clock.Now()), at.Facts, step, true)
	return files, err
}

// Of is the attempt with this id, or the newest for an empty run; ok is false
// when there is none.
func Of(ctx context.Context, w World, p *config.Pipeline, e *config.Environment, run string) (found Attempt, ok bool, err error) {
	err = History(ctx, w, p, e, func(at Attempt) bool {
		if run == "" || at.ID.Run == run {
			found, ok = at, true
		}
		return !ok
	})
	return found, ok, err
}

// Told are an attempt's records of one step, without those of its waiting.
func (at Attempt) Told(step string) []journal.Record {
	var out []journal.Record
	for _, r := range at.Records {
		if r.Step == step {
			out = append(out, r)
		}
	}
	return out
}
