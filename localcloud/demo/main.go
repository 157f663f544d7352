// Command demo shows whole nights of lamplighter on the embedded cloud.
//
//	demo [run] [-data DIR] [-reviews FILE] [-fast] [-seed N]   everything, from nothing
//	demo setup [-tests]   only fetch Spark; with what the jobs' tests need
//	demo clean            remove all of it
//
// It is what `make demo` and `make demo-clean` call, and stands on Go's own
// library alone; what it builds and starts is ./nights.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"lamplighter/localcloud/demo/setup"
)

type options struct {
	root, data, reviews string
	fast, tests         bool
	seed                uint64
}

func main() {
	command, args := "run", os.Args[1:]
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	var o options
	set := flag.NewFlagSet("demo "+command, flag.ExitOnError)
	set.StringVar(&o.root, "root", "..", "the repository")
	set.StringVar(&o.data, "data", "", "folder in MovieLens format (ratings.csv, movies.csv); generated if not given")
	set.StringVar(&o.reviews, "reviews", "", "CSV of reviews, gz allowed, with columns text and score or mean_rating, and movie_id and date if there; generated if not given")
	set.BoolVar(&o.fast, "fast", false, "leave Spark out")
	set.BoolVar(&o.tests, "tests", false, "setup: also what the tests of the Spark jobs need")
	set.Uint64Var(&o.seed, "seed", 1, "of what is generated")
	_ = set.Parse(args) // exits by itself

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := dispatch(ctx, command, o); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) { // else the program told by itself
			fmt.Fprintln(os.Stderr, "demo:", err)
		}
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, command string, o options) error {
	place, err := setup.Find(o.root)
	if err != nil {
		return err
	}
	switch command {
	case "run":
		return run(ctx, place, o)
	case "setup":
		return fetch(ctx, place, o)
	case "clean":
		return place.Clean(func() error { return stopCloud(ctx, place) })
	}
	return fmt.Errorf("no command %q: run, setup or clean", command)
}

// check refuses to begin when something is missing.
func check(spark bool) (setup.Tools, error) {
	tools, missing := setup.ThisMachine().Check(spark)
	if len(missing) == 0 {
		return tools, nil
	}
	var b strings.Builder
	b.WriteString("this machine lacks what the demo needs:")
	for _, m := range missing {
		fmt.Fprintf(&b, "\n  %s\n      %s", m.What, m.Get)
	}
	return tools, errors.New(b.String())
}

// fetch makes Spark ready for tests.
func fetch(ctx context.Context, place setup.Place, o options) error {
	tools, err := check(true)
	if err != nil {
		return err
	}
	if err := place.Lock(); err != nil {
		return err
	}
	if _, ready := place.Spark(); !ready {
		fmt.Printf("fetching Spark into %s: about %d MB, once\n", place.Dot(), setup.SparkMB)
	}
	if _, err := place.FetchSpark(ctx, tools.Python); err != nil || !o.tests {
		return err
	}
	if err := place.FetchWitnesses(ctx, tools.Python); err != nil {
		return err
	}
	return place.FetchForTests(ctx)
}

// run is the demo: Spark is fetched while the binaries are built and a night
// is simulated; then the nights.
func run(ctx context.Context, place setup.Place, o options) error {
	tools, err := check(!o.fast)
	if err != nil {
		return err
	}
	if err := place.Lock(); err != nil {
		return err
	}
	announce(place, o)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	spark := make(chan error, 1)
	var found setup.Spark
	go func() {
		var err error
		if !o.fast {
			found, err = place.FetchSpark(ctx, tools.Python)
		}
		spark <- err
	}()
	if err := simulate(ctx, place); err != nil {
		cancel()
		return errors.Join(err, ignoreCancelled(<-spark))
	}
	fmt.Println("\nThat was simulated. Now real nights: building the embedded cloud ...")
	if err := place.BuildCloud(ctx, os.Stderr); err != nil {
		cancel()
		return errors.Join(err, ignoreCancelled(<-spark))
	}
	if !o.fast {
		fmt.Println("waiting for Spark, if it is not there yet ...")
	}
	if err := <-spark; err != nil {
		return fmt.Errorf("fetch Spark: %w", err)
	}
	if err := stopCloud(ctx, place); err != nil {
		return err
	}
	return setup.Run(ctx, place.Root, place.In("bin", "nights"), nightsArgs(place, o, found)...)
}

// ignoreCancelled leaves out what an error of ours brought about.
func ignoreCancelled(err error) error {
	var ended *exec.ExitError
	if errors.Is(err, context.Canceled) || errors.As(err, &ended) && ended.Sys().(syscall.WaitStatus).Signaled() {
		return nil
	}
	return err
}

func announce(place setup.Place, o options) {
	fmt.Printf("lamplighter's demo works in %s; `make demo-clean` removes it.\n", place.Dot())
	_, ready := place.Spark()
	switch {
	case o.fast:
		fmt.Println("FAST: without Spark.")
	case ready:
		fmt.Println("Spark is there: nothing to download for it.")
	default:
		fmt.Printf("Downloads, once: Spark 3.5 from PyPI and its S3 jars from Maven Central, about %d MB (700 MB on disk).\n", setup.SparkMB)
	}
	fmt.Printf("Go modules that are not in Go's cache yet are downloaded too, up to %d MB.\n\n", setup.GoModulesMB)
}

// simulate shows a night within seconds of having the binary.
func simulate(ctx context.Context, place setup.Place) error {
	fmt.Println("building lamplighter ...")
	if err := place.BuildLamplighter(ctx, os.Stderr); err != nil {
		return err
	}
	for _, old := range []string{"movielens", "results", "summary.json"} {
		if err := os.RemoveAll(place.In(old)); err != nil {
			return err
		}
	}
	project, lamplighter := place.In("movielens"), place.In("bin", "lamplighter")
	if err := os.MkdirAll(project, 0o755); err != nil {
		return err
	}
	for _, args := range [][]string{{"init", "--template", "movielens"}, {"simulate"}} {
		fmt.Printf("\n%s$ lamplighter %s\n", filepath.Base(project), strings.Join(args, " "))
		if err := setup.Run(ctx, project, lamplighter, args...); err != nil {
			return fmt.Errorf("lamplighter %s: %w", args[0], err)
		}
	}
	return nil
}

// stopCloud ends an embedded cloud that an interrupted demo left.
func stopCloud(ctx context.Context, place setup.Place) error {
	binary, data := place.In("bin", "localcloud"), place.In("cloud")
	for _, path := range []string{binary, data} {
		if _, err := os.Stat(path); err != nil {
			return nil // then none can run
		}
	}
	return setup.Run(ctx, place.Root, binary, "stop", "--data", data)
}

func nightsArgs(place setup.Place, o options, spark setup.Spark) []string {
	args := []string{"-dir", place.Dot(), "-seed", strconv.FormatUint(o.seed, 10)}
	if o.data != "" {
		args = append(args, "-data", from(place.Root, o.data))
	}
	if o.reviews != "" {
		args = append(args, "-reviews", from(place.Root, o.reviews))
	}
	if o.fast {
		return append(args, "-fast")
	}
	return append(args, "-spark-home", spark.Home, "-spark-python", spark.Python, "-spark-jars", spark.Jars)
}

// from reads a path as make's user means it: seen from the repository.
func from(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}
