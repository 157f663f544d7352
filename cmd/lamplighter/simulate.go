package main

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/controller/report"
	"lamplighter/controller/simnight"
	"lamplighter/examples"
	"lamplighter/resources"
)

func (a *app) simulate() *cobra.Command {
	seed := uint64(1)
	cmd := &cobra.Command{
		Use: "simulate", Short: "Show a night of this pipeline on the simulated cloud, with its bill", Args: cobra.NoArgs,
		Long: `simulate runs this pipeline through the real engine on a simulated cloud in virtual time:
first a night that begins the warehouse, then the night that is shown, which finds one new
day. It needs no account and changes nothing. Durations are drawn from what small clusters
are reported to take; prices are those of the embedded price book.

Without a pipeline file it shows the movielens template's.`,
		RunE: func(*cobra.Command, []string) error {
			p, err := a.simulated()
			if err != nil {
				return err
			}
			return a.doSimulate(p, seed)
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", seed, "of the drawn durations")
	return cmd
}

// simulated is the pipeline in this folder, or the template's when there is
// none.
func (a *app) simulated() (*config.Pipeline, error) {
	if _, err := os.Stat(a.flags.file); err == nil || a.flags.file != "lamplighter.yaml" {
		return a.checked()
	}
	files, err := examples.Get("movielens")
	if err != nil {
		return nil, usage(err)
	}
	data, err := fs.ReadFile(files, "lamplighter.yaml")
	if err != nil {
		return nil, usage(err)
	}
	fmt.Fprintln(a.stderr, "no lamplighter.yaml here: this is the movielens template's night")
	p, err := config.ParsePipeline("lamplighter.yaml", data, files, a.getenv)
	if err != nil {
		return nil, usage(err)
	}
	return p, nil
}

func (a *app) doSimulate(p *config.Pipeline, seed uint64) error {
	simnight.Hurry()
	outcome, err := simnight.Tonight(p, seed, code(p), nil)
	if err != nil {
		return &exit{code: controller.ExitFailed, err: err}
	}
	look := a.look(p)
	bill := cost.Bill(outcome.Records, cost.Embedded(), outcome.Began.Add(outcome.Took))
	ending := report.Ending{ExitCode: outcome.ExitCode, Look: look}
	summary := report.Summarize(outcome.Records, bill, ending)
	if a.json() {
		return a.asJSON(summary)
	}
	fmt.Fprintln(a.stdout, report.Plan(*outcome.Facts.Opening, report.Expected{Nodes: nodes(outcome.Facts)}, look))
	fmt.Fprint(a.stdout, report.Ran(outcome.Records, bill, look))
	fmt.Fprintln(a.stdout, summary.StateLine)
	if outcome.ExitCode != controller.ExitOK {
		return &exit{code: outcome.ExitCode}
	}
	return nil
}

// nodes is the warehouse that was asked for.
func nodes(f *journal.Facts) []resources.Shape {
	for _, o := range f.Owed {
		if o.Ref.Kind == resources.KindCluster {
			return []resources.Shape{o.Asked}
		}
	}
	return nil
}
