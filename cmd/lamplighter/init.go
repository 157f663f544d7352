package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lamplighter/examples"
)

func (a *app) initCommand() *cobra.Command {
	template := "movielens"
	cmd := &cobra.Command{
		Use: "init [DIR]", Short: "Write a pipeline to start from", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			written, err := examples.Write(template, dir)
			if err != nil {
				return usage(err)
			}
			if a.json() {
				return a.asJSON(map[string]any{"files": written})
			}
			fmt.Fprintf(a.stdout, "wrote %s\n", strings.Join(written, ", "))
			if !a.flags.quiet {
				fmt.Fprintln(a.stderr, "next: lamplighter simulate    shows a night of it with its bill, without an account")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&template, "template", template, "the `NAME` of a template: "+strings.Join(examples.Templates(), ", "))
	return cmd
}
