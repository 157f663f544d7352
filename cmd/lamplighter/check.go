package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lamplighter/config"
	"lamplighter/jobs"
	"lamplighter/resources/warehouse"
)

func (a *app) check() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Find all problems of the files, without an account", Args: cobra.NoArgs,
		Long: `check reads the pipeline file, the SQL it names, and the environment given with -e (or the
only one there is), and prints all that is wrong with them at once, each with its place and
its mend. It asks nothing of AWS.`,
		RunE: func(*cobra.Command, []string) error { return a.doCheck() },
	}
}

func (a *app) doCheck() error {
	p, err := a.checked()
	e, err := a.checkEnvironment(p, err)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s: %d steps", a.flags.file, len(p.Steps))
	if e != nil {
		what += ", environment " + e.Name
	}
	if a.json() {
		return a.asJSON(map[string]any{"ok": true, "pipeline": p.Pipeline, "steps": len(p.Steps)})
	}
	fmt.Fprintln(a.stdout, what+": no problems")
	return nil
}

// checkEnvironment reads the environment, if one is named or there is just
// one, and adds what is wrong with it to what was wrong before. It is nil
// without an error when there is none.
func (a *app) checkEnvironment(p *config.Pipeline, before error) (*config.Environment, error) {
	path, err := a.environmentFile()
	if err != nil {
		if a.flags.env == "" {
			err = nil
		}
		return nil, joined(before, err)
	}
	e, err := config.LoadEnvironment(path)
	if err == nil && before == nil {
		err = config.Match(p, e)
	}
	return e, joined(before, err)
}

// joined is the problems of two files in one error, or whichever error there is.
func joined(one, other error) error {
	var found, more config.Problems
	switch {
	case one == nil && other == nil:
		return nil
	case errors.As(one, &found) && errors.As(other, &more):
		return usage(append(slices.Clone(found), more...))
	case one != nil:
		return usage(one)
	}
	return usage(other)
}

// checked is the pipeline with what its texts hold looked into: for whatever
// is about to begin something.
func (a *app) checked() (*config.Pipeline, error) {
	p, err := a.pipeline()
	if err != nil {
		return nil, err
	}
	if err := checkTexts(p, a.flags.file); err != nil {
		return nil, usage(err)
	}
	return p, nil
}

// texts collects what is wrong in the texts that a pipeline holds and names.
type texts struct {
	at    config.Locator // of the pipeline file
	dir   string
	found config.Problems
}

// checkTexts looks into what the files hold: SQL that a warehouse would
// refuse, parameters that nobody fills in, arguments that a job does not take.
// The error is config.Problems, all that was found.
func checkTexts(p *config.Pipeline, file string) error {
	data, _ := os.ReadFile(file) // it was read a moment ago; else only the places are missing
	t := texts{at: config.Locate(file, data), dir: p.Dir}
	for _, m := range p.MigrationFiles {
		t.inFile(filepath.Join(p.Warehouse.Migrations, m.Name), warehouse.LintScript(m.Text, false))
	}
	for _, s := range p.Steps {
		at := "steps." + s.Name
		switch {
		case s.SQL != nil && s.SQL.File != "":
			t.inFile(s.SQL.File, warehouse.LintScript(s.SQL.Text, true))
		case s.SQL != nil:
			t.inPipeline(at+".query", warehouse.LintScript(s.SQL.Text, true))
		case s.Check != nil:
			t.inPipeline(at+".query", warehouse.LintQuery(s.Check.Query))
		case s.Unload != nil:
			t.inPipeline(at+".query", warehouse.LintUnload(s.Unload.Query, len(s.Unload.OrderBy) > 0))
		case s.Spark != nil && s.Spark.Job != "":
			t.job(at, s.Spark)
		}
	}
	return t.found.Err()
}

func (t *texts) inPipeline(path string, found []warehouse.Finding) {
	for _, f := range found {
		t.found = append(t.found, t.at.Problem(path, f.Line, f.What, f.Hint))
	}
}

func (t *texts) inFile(name string, found []warehouse.Finding) {
	for _, f := range found {
		t.found = append(t.found, config.Problem{File: filepath.Join(t.dir, filepath.FromSlash(name)), Line: f.Line, Column: 1, What: f.What, Hint: f.Hint})
	}
}

// job compares a step with the shipped job that it runs.
func (t *texts) job(at string, s *config.SparkJob) {
	job, ok := jobs.Lookup(s.Job)
	if !ok {
		t.found = append(t.found, t.at.Problem(at+".job", 0, fmt.Sprintf("no job called %q is shipped", s.Job), "there are: "+strings.Join(jobs.Names(), ", ")))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s.Args)) {
		if !slices.Contains(job.Args, name) {
			t.found = append(t.found, t.at.Problem(at+".args."+name, 0, "is no argument of the job "+job.Name, "it takes "+strings.Join(job.Args, ", ")))
		}
	}
	if len(s.Reads) != job.Reads {
		t.found = append(t.found, t.at.Problem(at+".reads", 0, fmt.Sprintf("the job %s reads %d dataset, not %d", job.Name, job.Reads, len(s.Reads)), "name the one it is to read"))
	}
}
