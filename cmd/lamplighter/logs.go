package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/night"
	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

func (a *app) logs() *cobra.Command {
	run := ""
	cmd := &cobra.Command{
		Use: "logs [STEP]", Short: "Show what a step did: its SQL, what was asked of AWS, Spark's output", Args: cobra.MaximumNArgs(1),
		Long: `logs shows one step of the newest run (or of --run): what it was to do, each effect with
its outcome, and for a Spark step what it wrote. Without a STEP it lists the steps.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, e, world, err := a.place(cmd.Context())
			if err != nil {
				return err
			}
			at, ok, err := night.Of(cmd.Context(), world, p, e, run)
			if err != nil {
				return refused(err)
			}
			if !ok {
				return &exit{code: controller.ExitFailed, err: fmt.Errorf("no run %s is known; `lamplighter runs` lists them", run)}
			}
			if len(args) == 0 {
				a.listSteps(at)
				return nil
			}
			return a.doLogs(cmd.Context(), world, p, e, at, args[0])
		},
	}
	cmd.Flags().StringVar(&run, "run", "", "of run `ID` (2026-11-22)")
	return cmd
}

func (a *app) listSteps(at night.Attempt) {
	for _, n := range at.Facts.Plan {
		verdict := string(at.Facts.Settled[n.Name].Verdict)
		if verdict == "" {
			verdict = "open"
		}
		fmt.Fprintf(a.stdout, "%-20s %-10s %s\n", n.Name, n.Kind, verdict)
	}
}

func (a *app) doLogs(ctx context.Context, w night.World, p *config.Pipeline, e *config.Environment, at night.Attempt, step string) error {
	n, ok := at.Facts.Node(step)
	if !ok {
		var names []string
		for _, n := range at.Facts.Plan {
			names = append(names, n.Name)
		}
		return usage(&resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf("run %s has no step %s", at.ID.Run, step), Hint: config.DidYouMean(step, names)})
	}
	if a.json() {
		for _, r := range at.Told(step) {
			_ = a.asJSON(r)
		}
	} else {
		fmt.Fprintf(a.stdout, "%s, a %s step of run %s attempt %d\n%s", n.Name, n.Kind, at.ID.Run, at.ID.Attempt, indented(n.Spec))
		for _, r := range at.Told(step) {
			fmt.Fprintln(a.stdout, line(r)+rejects(r))
		}
	}
	if n.Kind != "spark" {
		return nil
	}
	files, err := night.SparkLogs(ctx, w, p, e, at, step)
	for _, f := range files {
		fmt.Fprintf(a.stdout, "== %s\n%s\n", f.URI, bytes.TrimRight(f.Text, "\n"))
	}
	if err != nil {
		return refused(err)
	}
	if len(files) == 0 {
		fmt.Fprintf(a.stderr, "no logs yet: EMR uploads them to %s up to five minutes late\n", e.Logs)
	}
	return nil
}

func indented(spec json.RawMessage) string {
	var b bytes.Buffer
	if len(spec) == 0 || json.Indent(&b, spec, "", "  ") != nil {
		return ""
	}
	return b.String() + "\n"
}

// rejects are the rows that the outcome of a COPY says were refused.
func rejects(r journal.Record) (text string) {
	var loaded warehouse.Loaded
	if r.Kind != journal.Outcome || json.Unmarshal(r.Result, &loaded) != nil || loaded.Rejected == nil {
		return ""
	}
	text = fmt.Sprintf("\n    %d rows were refused and never come, for their objects are loaded:", loaded.Rejected.Rows)
	for _, x := range loaded.Rejected.Shown {
		text += "\n      " + x.String()
	}
	if loaded.Rejected.All != "" {
		text += "\n    all of them: " + loaded.Rejected.All
	}
	return text
}

func line(r journal.Record) string {
	what := string(r.Verdict)
	if r.Effect != nil {
		what = r.Effect.Verb + " " + r.Effect.Ref.String()
	}
	if r.Seen != nil {
		what = r.Seen.Ref.String() + " " + r.Seen.State
	}
	text := fmt.Sprintf("%s  %-8s %s", r.At.Format("15:04:05"), r.Kind, what)
	if r.Kind == journal.Outcome {
		text += ": " + r.Class.String()
	}
	if r.Why != "" {
		text += "\n    " + strings.ReplaceAll(r.Why, "\n", "\n    ")
	}
	return text
}
