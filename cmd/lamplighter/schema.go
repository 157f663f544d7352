package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"lamplighter/config"
)

func (a *app) schema() *cobra.Command {
	return &cobra.Command{
		Use: "schema [pipeline|environment]", Short: "Print the JSON Schema of the files, for editors", Args: cobra.MaximumNArgs(1),
		ValidArgs: []string{"pipeline", "environment"},
		Long: `schema prints the JSON Schema (draft 2020-12) of lamplighter.yaml, or of an environment.
With the YAML language server, which most editors speak to:

  lamplighter schema > lamplighter.schema.json
  # yaml-language-server: $schema=lamplighter.schema.json    (the file's first line)

A schema knows the form of single values; ` + "`lamplighter check`" + ` knows all rules.`,
		RunE: func(_ *cobra.Command, args []string) error {
			write := config.PipelineSchema
			switch {
			case len(args) > 0 && args[0] == "environment":
				write = config.EnvironmentSchema
			case len(args) > 0 && args[0] != "pipeline":
				return usage(fmt.Errorf("schema %s: want pipeline or environment", args[0]))
			}
			text, err := write()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%s\n", text)
			return nil
		},
	}
}
