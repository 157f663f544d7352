package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"lamplighter/controller/cost"
	"lamplighter/controller/night"
	"lamplighter/controller/report"
	"lamplighter/resources"
)

func (a *app) plan() *cobra.Command {
	var req night.Request
	cmd := &cobra.Command{
		Use: "plan", Short: "Print what a run would do, in order, and change nothing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, e, err := a.ready(&req)
			if err != nil {
				return err
			}
			world, err := realWorld(cmd.Context(), p, e)
			if err != nil {
				return err
			}
			opening, err := night.Plan(cmd.Context(), world, req)
			if err != nil {
				return refused(err)
			}
			if a.json() {
				return a.asJSON(opening)
			}
			expected := report.Expected{Limit: cost.Micros(p.Budget.RunUSD * 1e6)}
			if p.Warehouse != nil && p.Warehouse.Engine.Provisioned != nil {
				nodes := p.Warehouse.Engine.Provisioned
				expected.Nodes = []resources.Shape{{Service: "redshift", Type: nodes.NodeType, Region: e.Region, Count: nodes.Nodes}}
			}
			fmt.Fprint(a.stdout, report.Plan(*opening, expected, a.look(p)))
			return nil
		},
	}
	chooses(cmd.Flags(), &req)
	return cmd
}
