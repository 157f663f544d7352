// Command lamplighter lights cloud clusters when work needs them and puts them
// out when it does not. Here the world is handed in: streams, arguments,
// clock, AWS clients. Each command is a file of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/resources"
)

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], app{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}))
}

// app is what every command is given.
type app struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	flags          flags
}

// flags are those of all commands.
type flags struct {
	file, env, output string
	quiet, verbose    bool
}

// exit is an error that carries its exit code. A nil err was told already.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func execute(ctx context.Context, args []string, a app) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return controller.ExitOK
	}
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{code: controller.ExitUsage, err: &resources.Fault{Msg: err.Error(), Err: err, Hint: "`lamplighter help` lists commands and flags"}}
	}
	if e.err != nil {
		a.complain(e.err)
	}
	return e.code
}

// complain prints an error and its mend. What is wrong in a file says where it
// is by itself.
func (a *app) complain(err error) {
	var problems config.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(a.stderr, problems)
		return
	}
	fmt.Fprintf(a.stderr, "lamplighter: %v\n", err)
	if hint := resources.HintOf(err); hint != "" {
		fmt.Fprintf(a.stderr, "hint: %s\n", hint)
	}
}

const exitStatuses = `
Exit status:
  0    every work step done, or nothing to do
  1    failed or cut short, nothing billing
  2    flags or files
  3    a data check, an expectation or freshness was not met, nothing billing
  4    something may still be billing (beats all others)
  5    refused, nothing started: lease, window, account, bootstrap, two nights failing alike
  130  interrupted, nothing billing`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "lamplighter",
		Short: "Clusters exist while, and only while, unfinished work needs them",
		Long: `lamplighter runs a nightly pipeline on AWS: it restores a Redshift warehouse from a
snapshot, loads the new days, unloads the input for Spark, snapshots and deletes the
warehouse, runs Spark on a transient EMR cluster and publishes the results. Nothing is
left billing, whatever dies on the way. Then it says what it cost.`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.fromEnvironment(cmd) },
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.flags.file, "file", "f", "lamplighter.yaml", "the pipeline `FILE`")
	f.StringVarP(&a.flags.env, "env", "e", "", "the environment `NAME`: environments/NAME.yaml beside the pipeline file; the only one there is, if not given")
	f.StringVarP(&a.flags.output, "output", "o", "text", "`FORMAT`: text or json")
	f.BoolVarP(&a.flags.quiet, "quiet", "q", false, "only results and errors")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", false, "every record of the journal")
	root.AddCommand(a.initCommand(), a.check(), a.simulate(), a.plan(), a.run(), a.status(), a.runs(), a.logs(), a.datasets(), a.skip(), a.teardown(), a.schema(), a.graph(), a.versionCommand())
	a.completions(root)
	root.SetUsageTemplate(root.UsageTemplate() + exitStatuses + "\n") // of its commands too
	return root
}

// fromEnvironment lets every flag also be given as LAMPLIGHTER_NAME.
func (a *app) fromEnvironment(cmd *cobra.Command) error {
	err := setFromEnvironment(cmd, a.getenv)
	if err == nil && a.flags.output != "text" && a.flags.output != "json" {
		err = fmt.Errorf("--output %s: want text or json", a.flags.output)
	}
	return err
}

func (a *app) json() bool { return a.flags.output == "json" }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		if a.json() {
			fmt.Fprintf(a.stdout, "{\"version\":%q}\n", version)
			return nil
		}
		fmt.Fprintln(a.stdout, "lamplighter", version)
		return nil
	}}
}
