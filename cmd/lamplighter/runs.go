package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"lamplighter/controller"
	"lamplighter/controller/cost"
	"lamplighter/controller/night"
	"lamplighter/controller/report"
)

// runJSON is a line of `runs -o json`: version 1.
type runJSON struct {
	V        int    `json:"v"`
	Run      string `json:"run"`
	Attempt  int    `json:"attempt"`
	Ended    bool   `json:"ended"`
	ExitCode int    `json:"exit_code"`
	MicroUSD int64  `json:"cost_micro_usd"`
	Through  string `json:"data_through"`
	State    string `json:"state_line"`
}

func (a *app) runs() *cobra.Command {
	limit := 20
	cmd := &cobra.Command{
		Use: "runs", Short: "List the newest runs, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, e, world, err := a.place(cmd.Context())
			if err != nil {
				return err
			}
			n := 0
			err = night.History(cmd.Context(), world, p, e, func(at night.Attempt) bool {
				n++
				a.tellRun(at, report.Ending{Look: a.look(p)}, world)
				return n < limit
			})
			if err != nil {
				return refused(err)
			}
			if n == 0 && !a.json() {
				fmt.Fprintln(a.stdout, "no run yet")
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "at most `N`")
	return cmd
}

func (a *app) tellRun(at night.Attempt, ending report.Ending, world night.World) {
	now := world.Clock.Now()
	if at.Facts.IsClosed {
		now = at.Facts.Latest
	}
	bill := cost.Bill(at.Records, cost.Embedded(), now)
	ending.ExitCode = controller.ExitCode(at.Facts)
	s := report.Summarize(at.Records, bill, ending)
	if a.json() {
		_ = a.asJSON(runJSON{1, at.ID.Run, at.ID.Attempt, at.Facts.IsClosed, ending.ExitCode, int64(bill.Total), at.Facts.Opening.DataThrough, s.StateLine})
		return
	}
	fmt.Fprintf(a.stdout, "%s attempt %d  exit %d  %s\n", at.ID.Run, at.ID.Attempt, ending.ExitCode, s.StateLine)
}
