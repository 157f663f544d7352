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
	"lamplighter/controller/night"
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

// ready fills a request in, for whatever is about to begin a night: the files,
// what is asked for, and the texts that the pipeline holds are looked into, so
// that nothing is created for a script that cannot run.
func (a *app) ready(req *night.Request) (*config.Pipeline, *config.Environment, error) {
	p, e, err := a.both()
	if err != nil {
		return nil, nil, err
	}
	if err := checkTexts(p, a.flags.file); err != nil {
		return nil, nil, usage(err)
	}
	req.Pipeline, req.Env, req.Jobs, req.Binary, req.Estimates = p, e, code(p), binary(), controller.Typical
	if err := req.Check(wallClock{}.Now()); err != nil {
		return nil, nil, usage(err)
	}
	return p, e, nil
}

// chooses adds the flags that say which night is meant, and what of it.
func chooses(f *pflag.FlagSet, req *night.Request) {
	f.StringVar(&req.Date, "date", "", "the run of day `D` (2026-11-22), now, whatever the schedule says")
	f.StringVar(&req.Choice.From, "from", "", "load only days from `D` on")
	f.StringVar(&req.Choice.To, "to", "", "cover days up to `D`, in one lifetime: the run of the day after")
	f.StringSliceVar(&req.Choice.Only, "only", nil, "`STEP`s that are run alone, on what the last night left")
	f.StringSliceVar(&req.Choice.Skip, "skip", nil, "`STEP`s that are left out, with what reads or needs them")
	f.BoolVar(&req.Replan, "replan", false, "end an unfinished attempt: what has not begun is planned anew")
	f.BoolVar(&req.Again, "again", false, "open another attempt of a run that has ended")
	f.BoolVar(&req.Bootstrap, "bootstrap", false, "begin an empty warehouse although snapshots of this pipeline exist")
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
