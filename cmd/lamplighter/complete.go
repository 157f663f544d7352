package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lamplighter/config"
	"lamplighter/examples"
)

// What Tab offers comes from files only: a shell must not wait for an account.

// recentRuns is how many runs are offered, newest first.
const recentRuns = 10

type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completions tells cobra what the flags and arguments of all commands may be.
func (a *app) completions(root *cobra.Command) {
	flags := map[string]completion{
		"env": a.offer(a.environments), "only": a.offerList(a.stepNames), "skip": a.offerList(a.stepNames), "date": a.offer(a.runIDs), "run": a.offer(a.runIDs),
		"output":   cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp),
		"template": cobra.FixedCompletions(examples.Templates(), cobra.ShellCompDirectiveNoFileComp),
	}
	_ = root.MarkPersistentFlagFilename("file", "yaml", "yml")
	for _, cmd := range append(root.Commands(), root) {
		for name, offers := range flags {
			if cmd.LocalNonPersistentFlags().Lookup(name) != nil || cmd == root && root.PersistentFlags().Lookup(name) != nil {
				_ = cmd.RegisterFlagCompletionFunc(name, offers) // fails where the command has its own
			}
		}
		if cmd.Name() == "logs" {
			cmd.ValidArgsFunction = func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
				if len(args) > 0 {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return a.offer(a.stepNames)(c, args, prefix)
			}
		}
	}
}

func (a *app) offer(names func() []string) completion {
	return func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return slices.DeleteFunc(names(), func(n string) bool { return !strings.HasPrefix(n, prefix) }), cobra.ShellCompDirectiveNoFileComp
	}
}

// offerList completes the last of several names with commas between.
func (a *app) offerList(names func() []string) completion {
	return func(c *cobra.Command, args []string, written string) ([]string, cobra.ShellCompDirective) {
		at := strings.LastIndex(written, ",") + 1
		found, directive := a.offer(names)(c, args, written[at:])
		for i := range found {
			found[i] = written[:at] + found[i]
		}
		return found, directive
	}
}

func (a *app) environments() (names []string) {
	found, _ := filepath.Glob(filepath.Join(filepath.Dir(a.flags.file), "environments", "*.yaml"))
	for _, f := range found {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".yaml"))
	}
	return names
}

func (a *app) stepNames() (names []string) {
	p, err := config.LoadPipeline(a.flags.file, os.Getenv)
	if err != nil {
		return nil
	}
	for _, s := range p.Steps {
		names = append(names, s.Name)
	}
	return names
}

// runIDs are those that the schedule gave in the last days.
func (a *app) runIDs() (ids []string) {
	p, err := config.LoadPipeline(a.flags.file, os.Getenv)
	if err != nil {
		return nil
	}
	at := wallClock{}.Now()
	for range recentRuns {
		opens, _ := p.Schedule.WindowAt(at)
		if opens.IsZero() {
			break
		}
		ids, at = append(ids, p.Schedule.RunID(opens)), opens.Add(-1)
	}
	return ids
}
