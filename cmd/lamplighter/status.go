package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lamplighter/controller"
	"lamplighter/controller/cost"
	"lamplighter/controller/night"
	"lamplighter/controller/report"
	"lamplighter/controller/steps"
)

func (a *app) status() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say where the newest run stands and what is billing", Args: cobra.NoArgs,
		Long: `status reads the journal and the cloud, and takes no lease. It exits with 4 while
anything of this pipeline is billing.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, e, world, err := a.place(cmd.Context())
			if err != nil {
				return err
			}
			s, err := night.Look(cmd.Context(), world, p, e)
			if err != nil {
				return refused(err)
			}
			a.tellStatus(s, report.Ending{Look: a.look(p)}, world)
			if billing(s.Alive) {
				return &exit{code: controller.ExitBilling}
			}
			return nil
		},
	}
}

// statusJSON is `status -o json`: version 1.
type statusJSON struct {
	V       int             `json:"v"`
	Holder  string          `json:"holder,omitempty"` // who holds the lease
	Summary *report.Summary `json:"summary,omitempty"`
	Alive   []aliveJSON     `json:"alive"`
	Skips   []steps.Skip    `json:"skips,omitempty"` // what loads leave out
}

type aliveJSON struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	State string `json:"state"`
}

func (a *app) tellStatus(s night.Standing, ending report.Ending, world night.World) {
	out := statusJSON{V: 1, Alive: []aliveJSON{}}
	if s.Holder != nil {
		out.Holder = s.Holder.String()
	}
	for _, skip := range s.Skips {
		if skip.Undone.IsZero() {
			out.Skips = append(out.Skips, skip)
		}
	}
	for _, t := range s.Alive {
		out.Alive = append(out.Alive, aliveJSON{t.Ref.Kind, t.Ref.Name, t.State})
	}
	if s.Promoted != nil {
		ending.NextFrom, ending.DataThrough = s.Promoted.Snapshot, s.Promoted.DataThrough
	}
	text := ""
	if s.Facts.Opening != nil {
		ending.ExitCode = controller.ExitCode(s.Facts)
		now := world.Clock.Now()
		if s.Facts.IsClosed {
			now = s.Facts.Latest
		}
		bill := cost.Bill(s.Records, cost.Embedded(), now)
		summary := report.Summarize(s.Records, bill, ending)
		out.Summary, text = &summary, report.Ran(s.Records, bill, ending.Look)
	}
	if a.json() {
		_ = a.asJSON(out)
		return
	}
	if text == "" {
		text = "no run yet\n"
	}
	fmt.Fprint(a.stdout, text)
	if out.Holder != "" {
		fmt.Fprintf(a.stdout, "at work: %s\n", out.Holder)
	}
	for _, t := range s.Alive {
		fmt.Fprintf(a.stdout, "the cloud shows %s %s, %s\n", t.Ref.Kind, t.Ref.Name, strings.ToLower(t.State))
	}
	for _, skip := range out.Skips {
		fmt.Fprintln(a.stdout, skipLine(skip))
	}
	if out.Summary != nil {
		fmt.Fprintln(a.stdout, out.Summary.StateLine)
	}
}
