package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/resources"
)

// setFromEnvironment gives a flag that is not on the command line the value of
// LAMPLIGHTER_<NAME>.
func setFromEnvironment(cmd *cobra.Command, getenv func(string) string) error {
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := "LAMPLIGHTER_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value := getenv(name); value != "" && !f.Changed && err == nil {
			if e := f.Value.Set(value); e != nil {
				err = fmt.Errorf("%s=%s: %w", name, value, e)
			}
		}
	})
	return err
}

// usage is an error of flags or files.
func usage(err error) error { return &exit{code: controller.ExitUsage, err: err} }

// pipeline loads the pipeline file.
func (a *app) pipeline() (*config.Pipeline, error) {
	p, err := config.LoadPipeline(a.flags.file, a.getenv)
	if err != nil {
		return nil, usage(err)
	}
	return p, nil
}

// both loads the pipeline and the environment, and checks that they fit.
func (a *app) both() (*config.Pipeline, *config.Environment, error) {
	p, err := a.pipeline()
	if err != nil {
		return nil, nil, err
	}
	path, err := a.environmentFile()
	if err != nil {
		return nil, nil, usage(err)
	}
	e, err := config.LoadEnvironment(path)
	if err != nil {
		return nil, nil, usage(err)
	}
	if err := config.Match(p, e); err != nil {
		return nil, nil, usage(err)
	}
	return p, e, nil
}

// ready is both, for whatever is about to begin the night of a date ("" is the
// window that is open): with the date, and the texts that the pipeline holds,
// looked into as well, so that nothing is created for a script that cannot run.
func (a *app) ready(date string) (*config.Pipeline, *config.Environment, error) {
	p, e, err := a.both()
	if err != nil {
		return nil, nil, err
	}
	if err := checkTexts(p, a.flags.file); err != nil {
		return nil, nil, usage(err)
	}
	if date != "" {
		if _, err := p.Schedule.OpensOn(date); err != nil {
			return nil, nil, usage(&resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf("--date %s: %v", date, err), Hint: "write it as 2026-11-22"})
		}
	}
	return p, e, nil
}

// environmentFile is the one named, or the only one there is.
func (a *app) environmentFile() (string, error) {
	folder := filepath.Join(filepath.Dir(a.flags.file), "environments")
	found, _ := filepath.Glob(filepath.Join(folder, "*.yaml"))
	sort.Strings(found)
	names := make([]string, len(found))
	for i, f := range found {
		names[i] = strings.TrimSuffix(filepath.Base(f), ".yaml")
	}
	if a.flags.env == "" {
		if len(found) == 1 {
			return found[0], nil
		}
		return "", &resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf("which environment? there are %d in %s", len(found), folder),
			Hint: "name one with -e: " + orNone(names)}
	}
	path := filepath.Join(folder, a.flags.env+".yaml")
	if _, err := os.Stat(path); err != nil {
		return "", &resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf("environment %s: %s is not there", a.flags.env, path), Hint: "there are: " + orNone(names)}
	}
	return path, nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none yet; environments/prod.yaml.example of the movielens template shows one"
	}
	return strings.Join(names, ", ")
}
