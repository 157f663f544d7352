package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/night"
	"lamplighter/controller/report"
	"lamplighter/controller/steps"
	"lamplighter/resources"
)

// graphFormats are what `graph -o` takes. text is mermaid: both are for people
// and go into a README.
var graphFormats = []string{"mermaid", "dot", "html", "json"}

func (a *app) graph() *cobra.Command {
	format, run := "mermaid", ""
	cmd := &cobra.Command{
		Use: "graph", Short: "Draw the plan as Mermaid, DOT or one HTML page", Args: cobra.NoArgs,
		Long: `graph draws the steps of the pipeline file in their clusters' lifetimes, as they are on a
night on which every step has work: it reads files only. With --run it draws a run as it
ran, with verdicts and times, and asks the account.

  lamplighter graph -o html > plan.html     one page that needs nothing else
  lamplighter graph -o dot | dot -Tsvg      Graphviz`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			g, err := a.graphed(cmd.Context(), run)
			if err != nil {
				return err
			}
			switch format {
			case "mermaid", "text":
				fmt.Fprint(a.stdout, g.Mermaid())
			case "dot":
				fmt.Fprint(a.stdout, g.DOT())
			case "html":
				fmt.Fprint(a.stdout, g.HTML())
			case "json":
				return a.asJSON(g)
			default:
				return usage(fmt.Errorf("--output %s: want mermaid, dot, html or json", format))
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", format, "`FORMAT`: mermaid, dot, html or json")
	cmd.Flags().StringVar(&run, "run", "", "run `ID` (2026-11-22), as it ran; last is the newest")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(graphFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) graphed(ctx context.Context, run string) (report.Graph, error) {
	if run == "" {
		p, err := a.pipeline()
		if err != nil {
			return report.Graph{}, err
		}
		g, err := report.DeclaredGraph(p.Pipeline, declared(p), controller.Typical)
		if err != nil {
			return g, usage(err)
		}
		return g, nil
	}
	p, e, world, err := a.place(ctx)
	if err != nil {
		return report.Graph{}, err
	}
	if run == "last" {
		run = ""
	}
	at, ok, err := night.Of(ctx, world, p, e, run)
	if err != nil {
		return report.Graph{}, refused(err)
	}
	if !ok {
		return report.Graph{}, &exit{code: controller.ExitFailed, err: &resources.Fault{Msg: "no run " + run + " is known", Hint: "`lamplighter runs` lists them"}}
	}
	return report.RanGraph(at.Records, a.look(p)), nil
}

// declared is a pipeline's work by its file alone.
func declared(p *config.Pipeline) (work []controller.Work) {
	for _, s := range p.Steps {
		w := controller.Work{Name: s.Name, Kind: s.Kind, Needs: s.Needs, Reads: steps.Reads(s)}
		w.Publishes = s.Spark != nil && !s.Spark.Publish.Off || s.Unload != nil && s.Unload.Publish.On
		work = append(work, w)
	}
	return work
}
