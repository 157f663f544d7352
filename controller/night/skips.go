package night

import (
	"context"

	"lamplighter/config"
	"lamplighter/controller/steps"
)

// Skips are the partitions and objects that loads leave out, those included
// that were lifted lately. It needs no lease.
func Skips(ctx context.Context, w World, p *config.Pipeline, e *config.Environment) ([]steps.Skip, error) {
	if err := w.rightAccount(ctx, e); err != nil {
		return nil, err
	}
	return steps.Skips(ctx, w.deps(p, e, w.Clock.Now()))
}

// ChangeSkips changes that list, for the attempts that are planned from now
// on. It needs no lease: the list changes by compare-and-set.
func ChangeSkips(ctx context.Context, w World, p *config.Pipeline, e *config.Environment, change func([]steps.Skip) ([]steps.Skip, error)) error {
	if err := w.rightAccount(ctx, e); err != nil {
		return err
	}
	return steps.ChangeSkips(ctx, w.deps(p, e, w.Clock.Now()), change)
}
