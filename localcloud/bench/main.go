// Command bench measures whole nights on the embedded cloud, and planning over
// many objects: the figures of docs/performance.md. It builds both binaries,
// makes its own data from a seed in a folder that it removes, and stops by
// itself.
//
//	go run ./bench night  -rows 20000000 -objects 7387 [-postgres]
//	go run ./bench plan   -objects 100000 -ledger 1000000
//	go run ./bench growth -rows 200000,2000000,20000000 [-svg FILE]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lamplighter/localcloud/demo/setup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	err := bench(ctx, os.Args[1:])
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, args []string) (err error) {
	if len(args) == 0 {
		return errors.New("what? night, plan or growth")
	}
	flags := flag.NewFlagSet("bench "+args[0], flag.ContinueOnError)
	root := flags.String("root", "..", "the repository")
	rows := flags.String("rows", "20000000", "ratings; for growth several, with commas")
	objects := flags.Int("objects", 7387, "objects that hold them, one a day; for plan: that are listed")
	ledger := flags.Int("ledger", 1_000_000, "for plan: rows of the ledger's copy")
	postgres := flags.Bool("postgres", false, "for night: the same rows by PostgreSQL's COPY beside it; needs initdb and postgres")
	svg := flags.String("svg", "", "for growth: where to draw it")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	sizes, err := numbers(*rows)
	if err != nil {
		return err
	}
	place, err := setup.Find(*root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lamplighter-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bencher{dir: dir, bin: place.In("bin")}
	if err := errors.Join(place.BuildLamplighter(ctx, os.Stderr), place.BuildCloud(ctx, os.Stderr)); err != nil {
		return err
	}
	switch args[0] {
	case "night":
		return b.night(ctx, sizes[0], *objects, *postgres)
	case "plan":
		return b.plan(ctx, *objects, *ledger)
	case "growth":
		return b.growth(ctx, sizes, *objects, *svg)
	}
	return fmt.Errorf("%s is not known: night, plan or growth", args[0])
}

func numbers(list string) (out []int, err error) {
	for _, text := range strings.Split(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-rows %q: want numbers above 0, with commas between", list)
		}
		out = append(out, n)
	}
	return out, nil
}

// bencher is where a benchmark works.
type bencher struct{ dir, bin string }

func (b *bencher) in(parts ...string) string {
	return filepath.Join(append([]string{b.dir}, parts...)...)
}

// line prints one figure.
func line(what string, value any, of string) {
	switch v := value.(type) {
	case time.Duration:
		fmt.Printf("%-46s %10.2f s   %s\n", what, v.Seconds(), of)
	default:
		fmt.Printf("%-46s %10v     %s\n", what, v, of)
	}
}
