package crashtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"lamplighter/localcloud/demo/events"
)

// pipeline is what a project's folder holds.
type pipeline struct {
	schedule string // last_call and hard_stop
	spark    bool
	// small leaves out what a test of something else does not need.
	small bool
}

var usual = pipeline{schedule: "last_call: 40m, hard_stop: 1h"}

// quickJVM keeps Java from optimizing what runs for seconds only: that takes
// half of the processor time.
const quickJVM = "-XX:TieredStopAtLevel=1"

func (p pipeline) text() string {
	text := `version: 1
pipeline: crash
schedule: {cron: "0 1 * * *", timezone: UTC, ` + p.schedule + `}
warehouse:
  engine: {provisioned: {node_type: ra3.large, nodes: 2, between_runs: delete}}
  migrations: sql/migrations
`
	if p.spark {
		text += `spark:
  engine: {emr: {release: emr-7.10.0, primary: m6g.xlarge, workers: {types: [m6g.xlarge], count: 2, spot: true}}}
`
	}
	text += `steps:
  - load: ratings
    from: s3://` + eventsBucket + `/ratings/{yyyy}/{mm}/{dd}/*.csv.gz
    since: 1990-01-01
    format: {csv: {header: true}}
    checks: [{not_null: [user_id, movie_id]}, {between: {rating: [0.5, 5]}}]
`
	if !p.small {
		text += `  - load: movies
    from: s3://` + eventsBucket + `/movies/movies.csv
    mode: replace
    format: {csv: {header: true}}
  - check: no_orphans
    query: select count(*) from ratings r left join movies m using (movie_id) where m.movie_id is null
    expect: 0
  - sql: popular
    file: sql/popular.sql
  - unload: popular_movies
    query: select movie_id, title, times, mean from popular
    publish: true
`
	}
	text += `  - unload: all_ratings
    query: select user_id, movie_id, rating from ratings
    publish: true
`
	if p.spark {
		text += `  - spark: recommendations
    job: als
    reads: [all_ratings]
    args: {rank: 10, top: 5}
    conf: {spark.driver.extraJavaOptions: "` + quickJVM + `"}
    timeout: 10m
`
	}
	return text
}

// write makes the project's folder.
func (p pipeline) write(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{
		"lamplighter.yaml": p.text(),
		"sql/migrations/001_tables.sql": `create table ratings (user_id bigint not null, movie_id bigint not null, rating float8 not null, rated_at timestamp not null)
diststyle key distkey (movie_id) sortkey (rated_at);
create table movies (movie_id bigint not null, title varchar(1000) not null, genres varchar(1000)) diststyle all;
create table popular (movie_id bigint not null, title varchar(1000), times bigint, mean float8);
`,
		"sql/popular.sql": `delete from popular;
insert into popular
select r.movie_id, m.title, count(*), avg(r.rating) from ratings r join movies m using (movie_id) group by 1, 2 having count(*) > 2;
`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		fatal(t, os.MkdirAll(filepath.Dir(path), 0o755))
		fatal(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

// history is the events, and when they come in.
type history struct {
	data   *events.Data
	late   events.Late
	first  events.Day // the last day that night 1 covers
	second events.Day // and night 2
}

// makeHistory generates the same small data for every test.
func makeHistory(size events.Size) history {
	h := history{data: events.Generate(7, size)}
	days := h.data.Days()
	h.first, h.second = days[len(days)*2/3], days[len(days)-1]
	h.late = events.Late{Day: events.DayOf(h.data.Ratings[0].At), Every: 2}
	return h
}

var firstDay = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// night is the date of the run that covers a day as its last one.
func night(day events.Day) string { return (day + 1).String() }

// publish puts the ratings of the days after one up to and with another,
// without what is late.
func (h history) publish(t *testing.T, c *cloud, after, through events.Day) {
	t.Helper()
	objects, err := h.data.Objects(after, through, h.late)
	fatal(t, err)
	var all errgroup.Group
	all.SetLimit(16)
	for _, o := range objects {
		if strings.HasPrefix(o.Key, "ratings/") {
			all.Go(func() error { return c.tryPut(t.Context(), eventsBucket, o.Key, o.Body) })
		}
	}
	fatal(t, all.Wait())
}

// publishMovies puts the movies; the second edition has other titles.
func (h history) publishMovies(t *testing.T, c *cloud, edition string) {
	t.Helper()
	changed := events.Data{Movies: append([]events.Movie(nil), h.data.Movies...)}
	for i := range changed.Movies {
		changed.Movies[i].Title += edition
	}
	o, err := changed.MovieObject()
	fatal(t, err)
	c.put(t, eventsBucket, o.Key, o.Body)
}

// publishLate puts the part of an old day that comes late.
func (h history) publishLate(t *testing.T, c *cloud) {
	t.Helper()
	o, err := h.data.LateObject(h.late)
	fatal(t, err)
	c.put(t, eventsBucket, o.Key, o.Body)
}
