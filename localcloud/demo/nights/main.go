// Command nights runs the demo's four nights of lamplighter on the embedded
// cloud and shows what they made. The driver in the folder above sets up what
// it stands on and starts it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/localcloud/demo/events"
	"lamplighter/localcloud/demo/host"
)

type options struct {
	dir, data, reviews               string
	sparkHome, sparkPython, sparkJar string
	fast                             bool
	seed                             uint64
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", ".demo", "the demo's folder, with bin/ and movielens/")
	flag.StringVar(&o.data, "data", "", "folder in MovieLens format; generated if not given")
	flag.StringVar(&o.reviews, "reviews", "", "CSV of reviews; generated if not given")
	flag.StringVar(&o.sparkHome, "spark-home", "", "SPARK_HOME")
	flag.StringVar(&o.sparkPython, "spark-python", "", "Python of Spark's jobs")
	flag.StringVar(&o.sparkJar, "spark-jars", "", "folder with the jars of S3A")
	flag.BoolVar(&o.fast, "fast", false, "leave Spark out")
	flag.Uint64Var(&o.seed, "seed", 1, "of what is generated")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func (o options) in(parts ...string) string {
	return filepath.Join(append([]string{o.dir}, parts...)...)
}

// Buckets: lamplighter's own, and where the events come in.
const (
	ownBucket    = "lamplighter-local"
	eventsBucket = "movielens-events"
)

func demo(ctx context.Context, o options) (err error) {
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	data, err := o.load()
	if err != nil {
		return err
	}
	nights, err := script(data)
	if err != nil {
		return err
	}
	if err := fit(o.in("movielens", "lamplighter.yaml"), data.Days()[0], o.fast); err != nil {
		return err
	}
	if err := os.RemoveAll(o.in("cloud")); err != nil {
		return err
	}
	here, err := host.Start(ctx, o.in("bin", "localcloud"), o.in("cloud"), o.in("cloud.log"), o.cloudFlags()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, here.Stop()) }()
	env, err := config.LoadEnvironment(o.in("movielens", "environments", environment+".yaml"))
	if err != nil {
		return err
	}
	s3, err := host.OpenObjects(ctx, env)
	if err != nil {
		return err
	}
	return (&show{options: o, data: data, cloud: here, objects: s3, endpoint: env.EndpointURL}).play(ctx, nights)
}

// load reads or generates the events, and leaves them as files for people to
// look at.
func (o options) load() (data *events.Data, err error) {
	if o.data != "" {
		data, err = events.ReadMovieLens(o.data)
	} else {
		data = events.Generate(o.seed, events.DemoSize)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case o.reviews != "":
		err = data.ReadReviews(o.reviews, o.seed)
	case o.data != "":
		// Other people's movies: the words are ours, their movies and days theirs.
		data.Reviews = events.Generate(o.seed, events.DemoSize).Reviews
		data.Reassign(o.seed)
	}
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.in("data"), 0o755); err != nil {
		return nil, err
	}
	fmt.Printf("\n%d ratings of %d movies and %d reviews, on %d days\n", len(data.Ratings), len(data.Movies), len(data.Reviews), len(data.Days()))
	return data, data.WriteMovieLens(o.in("data"))
}

// cloudFlags are those of localcloud start.
func (o options) cloudFlags() []string {
	flags := []string{"--port", "0", "--bucket", ownBucket, "--bucket", eventsBucket, "--env-out", o.in("movielens", "environments", environment+".yaml")}
	if o.fast {
		return append(flags, "--pace", "200ms")
	}
	return append(flags, "--pace", "1s", "--spark-home", o.sparkHome, "--spark-python", o.sparkPython, "--spark-jars", o.sparkJar)
}

// show is the demo under way.
type show struct {
	options
	data     *events.Data
	cloud    *host.Cloud
	objects  *host.Objects
	endpoint string
	done     []night
	told     []summary
}

// play runs the nights one after another. A night that came to something else
// than it must ends the demo, after summary.json was written.
func (s *show) play(ctx context.Context, nights []planned) error {
	for i, n := range nights {
		fmt.Printf("\nNight %d of %d · %s\n", i+1, len(nights), n.title)
		if len(n.objects) > 0 {
			if err := s.objects.Publish(ctx, eventsBucket, n.objects); err != nil {
				return err
			}
			fmt.Printf("  published %d objects to s3://%s/\n", len(n.objects), eventsBucket)
		}
		fmt.Printf("  $ lamplighter run -e %s --date %s\n", environment, n.date)
		if err := s.night(ctx, n); err != nil {
			return err
		}
	}
	return s.close(ctx)
}

// night runs one night and checks what it came to.
func (s *show) night(ctx context.Context, n planned) error {
	r := runner{binary: s.in("bin", "lamplighter"), project: s.in("movielens"), say: os.Stdout}
	never := func(event) bool { return false }
	if n.killed {
		first, err := r.run(ctx, n.date, duringCopy)
		if err != nil {
			return err
		}
		if first.summary != nil {
			return fmt.Errorf("%s: the night ended before it could be killed in its COPY", n.date)
		}
		fmt.Printf("  %6.1f s  killed with -9; started again\n", first.wall.Seconds())
	}
	last, err := r.run(ctx, n.date, never)
	if err != nil {
		return err
	}
	fmt.Println(last.summary.StateLine)
	if ctx.Err() != nil {
		return errors.New("interrupted; the night was torn down, the embedded cloud is stopped")
	}
	list, err := s.cloud.Status(ctx)
	if err != nil {
		return err
	}
	got := newNight(n.date, last.exit, *last.summary, list.Left(), last.wall)
	s.done, s.told = append(s.done, got), append(s.told, *last.summary)
	if err := save(s.in("summary.json"), s.done); err != nil {
		return err
	}
	return s.expect(n).check(got, last.summary.NothingToDo)
}

// expect says what a night must come to.
func (s *show) expect(n planned) expectation {
	if len(n.objects) == 0 {
		return expectation{nothingToDo: true, rows: map[string]int64{}}
	}
	want := expectation{rows: n.rows, objects: int64(len(n.objects)), snapshots: 1}
	for table, made := range map[string][2]string{"ratings": {"recommender_input", "recommendations"}, "reviews": {"review_text", "sentiment"}} {
		if n.rows[table] == 0 {
			continue // then what is made of it stays as it was
		}
		want.datasets = append(want.datasets, made[0])
		if !s.fast {
			want.datasets = append(want.datasets, made[1])
		}
	}
	return want
}

// close shows what the nights made, and what to try next.
func (s *show) close(ctx context.Context) error {
	layout := controller.Layout{Bucket: ownBucket, Pipeline: "movielens"}
	if s.fast {
		fmt.Println("\nFAST: without Spark there are no recommendations and no sentiment; `make demo` makes them.")
	} else if err := s.showResults(ctx, layout); err != nil {
		return err
	}
	showPlan(os.Stdout, s.done[1].Date, s.told[1])
	slowest := time.Duration(0)
	for _, n := range s.done {
		slowest = max(slowest, time.Duration(n.WallSeconds*float64(time.Second)))
	}
	fmt.Printf("\nThe slowest night took %s. Where things lie:\n", slowest.Round(time.Second))
	table := [][]string{
		{s.in("summary.json"), "how the nights went"},
		{s.in("data"), "the events, in MovieLens format"},
		{s.in("cloud"), "the embedded cloud's S3 and snapshots"},
	}
	if !s.fast {
		table = append(table, []string{s.in("results"), "the published Parquet files and metrics"})
	}
	writeAligned(os.Stdout, table)
	fmt.Printf(`
Try next, in %s:
  ../bin/lamplighter simulate       a night with its bill, on nothing at all
  ../bin/localcloud start --data ../cloud --port 0 --env-out environments/local.yaml &
  ../bin/lamplighter runs -e local  the nights that were, from the journal in S3
`, s.in("movielens"))
	return nil
}

func (s *show) showResults(ctx context.Context, layout controller.Layout) error {
	if err := os.RemoveAll(s.in("results")); err != nil {
		return err
	}
	metrics := map[string]map[string]float64{}
	for _, name := range []string{"recommendations", "sentiment"} {
		if err := fetchResults(ctx, s.objects, layout.Published(name), s.in("results", name)); err != nil {
			return err
		}
		for _, n := range s.done { // the last night that made it
			if m, ok := n.Metrics[name]; ok {
				metrics[name] = m
			}
		}
	}
	r, err := openResults(s.in("results"), s.in("data", "movies.csv"), os.Stdout)
	if err != nil {
		return err
	}
	defer r.db.Close()
	if err := r.show(ctx); err != nil {
		return err
	}
	showMetrics(os.Stdout, metrics, s.reviews != "")
	return nil
}
