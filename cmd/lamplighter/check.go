package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"lamplighter/config"
	"lamplighter/jobs"
	"lamplighter/resources/warehouse"
)

func (a *app) check() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Find all problems of the files, without an account", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := a.pipeline()
			if err != nil {
				return err
			}
			if err := checkTexts(p); err != nil {
				return usage(err)
			}
			what := fmt.Sprintf("%s: %d steps", a.flags.file, len(p.Steps))
			if path, err := a.environmentFile(); err == nil || a.flags.env != "" {
				if err != nil {
					return usage(err)
				}
				e, err := config.LoadEnvironment(path)
				if err != nil {
					return usage(err)
				}
				if err := config.Match(p, e); err != nil {
					return usage(err)
				}
				what += ", environment " + e.Name
			}
			if a.json() {
				return a.asJSON(map[string]any{"ok": true, "pipeline": p.Pipeline, "steps": len(p.Steps)})
			}
			fmt.Fprintln(a.stdout, what+": no problems")
			return nil
		},
	}
}

// checkTexts looks into what the files hold: SQL that can be cut, parameters
// that exist, jobs that are shipped and their arguments.
func checkTexts(p *config.Pipeline) error {
	for _, m := range p.MigrationFiles {
		if _, err := warehouse.Cut(m.Text); err != nil {
			return fmt.Errorf("migration %s: %w", m.Name, err)
		}
	}
	for _, s := range p.Steps {
		if s.SQL != nil {
			if _, err := warehouse.Uses(s.SQL.Text); err != nil {
				return fmt.Errorf("%s:%d steps.%s: %w", "lamplighter.yaml", s.Line, s.Name, err)
			}
		}
		if s.Spark == nil || s.Spark.Job == "" {
			continue
		}
		if _, err := shipped(s.Spark.Job); err != nil {
			return fmt.Errorf("lamplighter.yaml:%d steps.%s.job: %w", s.Line, s.Name, err)
		}
		job, _ := jobs.Lookup(s.Spark.Job)
		for name := range s.Spark.Args {
			if !contains(job.Args, name) {
				return fmt.Errorf("lamplighter.yaml:%d steps.%s.args.%s: the job %s takes %v", s.Line, s.Name, name, job.Name, job.Args)
			}
		}
		if len(s.Spark.Reads) != job.Reads {
			return fmt.Errorf("lamplighter.yaml:%d steps.%s.reads: the job %s reads %d dataset(s), not %d", s.Line, s.Name, job.Name, job.Reads, len(s.Spark.Reads))
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
