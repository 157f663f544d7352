package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lamplighter/controller"
	"lamplighter/controller/night"
	"lamplighter/controller/report"
	"lamplighter/resources"
)

func (a *app) teardown() *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use: "teardown", Short: "End everything of this pipeline, saving what must be saved", Args: cobra.NoArgs,
		Long: `teardown winds down an unfinished run through its own delete gate, then ends whatever
else bears this pipeline's name: EMR clusters are terminated, warehouses deleted with a
final snapshot, kill switches disarmed. It asks first; without a terminal it only lists,
unless --yes is given.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, e, world, err := a.place(cmd.Context())
			if err != nil {
				return err
			}
			standing, err := night.Look(cmd.Context(), world, p, e)
			if err != nil {
				return refused(err)
			}
			unfinished := standing.Latest != nil && !standing.Facts.IsClosed
			if len(standing.Alive) == 0 && !unfinished {
				fmt.Fprintln(a.stdout, "nothing of this pipeline exists: nothing to tear down")
				return nil
			}
			a.list(standing, unfinished)
			if !yes && !a.confirm("end all this?") {
				fmt.Fprintln(a.stderr, "nothing was changed; --yes goes ahead")
				if billing(standing.Alive) {
					return &exit{code: controller.ExitBilling}
				}
				return nil
			}
			stop := newSignals(cmd.Context(), report.NewLines(a.stderr, a.look(p), world.Clock.Now, a.flags.verbose))
			defer stop.close()
			left, err := night.Teardown(stop.ctx, world, night.Request{Pipeline: p, Env: e, Jobs: code(p), Binary: binary(), Watch: stop.reporter, Note: stop.reporter.Note})
			switch {
			case resources.ClassOf(err) == resources.Busy:
				return &exit{code: controller.ExitRefused, err: err}
			case billing(left) || err != nil && billing(standing.Alive):
				return &exit{code: controller.ExitBilling, err: err}
			case err != nil:
				return &exit{code: controller.ExitFailed, err: err}
			}
			fmt.Fprintln(a.stdout, "nothing is billing")
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (a *app) list(s night.Standing, unfinished bool) {
	if unfinished {
		fmt.Fprintf(a.stdout, "run %s attempt %d: not finished; it is wound down through its delete gate\n", s.Latest.Run, s.Latest.Attempt)
	}
	for _, t := range s.Alive {
		fmt.Fprintf(a.stdout, "%-8s %s %s\n", t.Ref.Kind, t.Ref.Name, strings.ToLower(t.State))
	}
}

func billing(things []night.Thing) bool {
	for _, t := range things {
		if t.Bills() {
			return true
		}
	}
	return false
}

// confirm asks on a terminal; without one the answer is no.
func (a *app) confirm(question string) bool {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return false
	}
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
