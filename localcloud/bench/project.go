package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	journals3 "lamplighter/controller/journal/s3"
	"lamplighter/localcloud/demo/host"
	"lamplighter/resources/s3"
)

const (
	ownBucket    = "lamplighter-bench"
	eventsBucket = "bench-events"
)

var layout = controller.Layout{Bucket: ownBucket, Pipeline: "bench"}

// world is a running embedded cloud and the folder of a pipeline on it.
type world struct {
	*bencher
	project string
	cloud   *host.Cloud
	objects *host.Objects
}

// open starts a cloud with a pipeline whose only unload has this query.
func (b *bencher) open(ctx context.Context, query string) (*world, error) {
	w := &world{bencher: b, project: b.in("project")}
	for name, text := range map[string]string{
		"lamplighter.yaml": `version: 1
pipeline: bench
schedule: {cron: "0 1 * * *", timezone: UTC, last_call: 2h, hard_stop: 3h}
warehouse:
  engine: {provisioned: {node_type: ra3.large, nodes: 2, between_runs: delete}}
  migrations: sql/migrations
steps:
  - load: ratings
    from: s3://` + eventsBucket + `/ratings/{yyyy}/{mm}/{dd}/*.csv.gz
    since: ` + firstDay.Format(time.DateOnly) + `
    format: {csv: {header: true}}
  - unload: ratings_out
    query: "` + query + `"
    publish: true
`,
		"sql/migrations/001_tables.sql": "create table ratings (user_id integer not null, movie_id integer not null, rating float4 not null, rated_at timestamp not null);\n",
	} {
		path := filepath.Join(w.project, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			return nil, err
		}
	}
	env := filepath.Join(w.project, "environments", "local.yaml")
	var err error
	if w.cloud, err = host.Start(ctx, filepath.Join(b.bin, "localcloud"), b.in("cloud"), b.in("cloud.log"), "--port", "0", "--pace", "100ms",
		"--bucket", ownBucket, "--bucket", eventsBucket, "--env-out", env); err != nil {
		return nil, err
	}
	e, err := config.LoadEnvironment(env)
	if err == nil {
		w.objects, err = host.OpenObjects(ctx, e)
	}
	if err != nil {
		return nil, errors.Join(err, w.cloud.Stop())
	}
	return w, nil
}

// close stops the cloud and forgets all.
func (w *world) close() error {
	return errors.Join(w.cloud.Stop(), os.RemoveAll(w.in("cloud")), os.RemoveAll(w.project))
}

// process is how a process of lamplighter went.
type process struct {
	wall    time.Duration
	rss     int64 // bytes, at most
	summary json.RawMessage
}

// lamplighter runs a command to its end, which must be 0.
func (w *world) lamplighter(ctx context.Context, args ...string) (p process, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(w.bin, "lamplighter"), append(args, "-e", "local", "-o", "json")...)
	cmd.Dir, cmd.Stderr = w.project, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return p, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return p, err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		p.summary = append(json.RawMessage(nil), lines.Bytes()...)
	}
	if err := cmd.Wait(); err != nil {
		return p, fmt.Errorf("lamplighter %v: %w\n%s", args, err, p.summary)
	}
	p.wall = time.Since(began)
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.rss = usage.Maxrss << 10
	}
	return p, nil
}

// journal reads what a night wrote down.
func (w *world) journal(ctx context.Context, date string) ([]journal.Record, error) {
	client := &s3.Client{API: w.objects.API}
	return journals3.ReadArchive(ctx, client, layout.Archive(journal.AttemptID{Run: date, Attempt: 1}))
}

// phases are how long the acts of a night took, by verb: from the intent to
// the outcome, or, for what goes on after its call, until it was seen.
func phases(records []journal.Record) map[string]time.Duration {
	began, out := map[int]journal.Record{}, map[string]time.Duration{}
	asked := map[string]time.Time{}
	for _, r := range records {
		switch {
		case r.Kind == journal.Intent:
			began[r.Seq] = r
			asked[r.Effect.Ref.String()] = r.At
		case r.Kind == journal.Outcome:
			in := began[r.Of]
			out[in.Step+" "+in.Effect.Verb] += r.At.Sub(in.At)
		case r.Kind == journal.Saw && r.Seen.State == "available":
			out[r.Seen.Ref.Kind+" available"] += r.At.Sub(asked[r.Seen.Ref.String()])
		}
	}
	return out
}

// night runs the night whose last day is this one.
func (w *world) night(ctx context.Context, lastDay int) (p process, records []journal.Record, err error) {
	date := firstDay.AddDate(0, 0, lastDay+1).Format(time.DateOnly)
	if p, err = w.lamplighter(ctx, "run", "--date", date); err != nil {
		return p, nil, err
	}
	records, err = w.journal(ctx, date)
	return p, records, err
}
