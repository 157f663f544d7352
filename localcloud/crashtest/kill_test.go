package crashtest

import (
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"

	"lamplighter/localcloud/demo/events"
)

var (
	allTables   = []string{"ratings", "movies", "popular"}
	allDatasets = []string{"popular_movies", "all_ratings"}
)

var secondNight fixture

// afterNightOne is a cloud after night 1, with everything published for night
// 2, and what night 2 comes to when nothing disturbs it.
func afterNightOne(t *testing.T) *fixture {
	t.Helper()
	return secondNight.get(t, func() {
		h := makeHistory(events.Size{Users: 150, Movies: 300, Ratings: 12_000, Reviews: 1, From: firstDay, Days: 200})
		secondNight.history, secondNight.dates = h, []string{night(h.first), night(h.second), night(h.second + 1)}
		folder := filepath.Join(workDir, "second-night")
		c := open(t, folder, usual)
		h.publish(t, c, -1, h.first)
		h.publishMovies(t, c, "")
		first := c.run(t, secondNight.dates[0])
		first.check(t, "night 1", 0)
		secondNight.before = first.summary
		secondNight.base = c.promoted(t).Snapshot
		c.audit(t, secondNight.base)
		h.publish(t, c, h.first, h.second)
		h.publishMovies(t, c, " (second edition)")
		h.publishLate(t, c)
		c.stop(t)

		c = open(t, copyFolder(t, folder), usual)
		undisturbed := c.run(t, secondNight.dates[1])
		undisturbed.check(t, "undisturbed night 2", 0)
		secondNight.events, secondNight.summary = undisturbed.events, undisturbed.summary
		c.audit(t, secondNight.base, c.promoted(t).Snapshot)
		secondNight.expected = c.contents(t, allTables, allDatasets)
		same(t, secondNight.expected, secondNight.expected)
		c.stop(t)
		secondNight.folder = folder
	})
}

// killing is a moment in a phase of the night.
type killing struct {
	phase string
	at    moment
}

// TestKilledAtTenMoments kills the controller at moments drawn by journal
// record, starts it again, and finds what a night without a kill comes to.
func TestKilledAtTenMoments(t *testing.T) {
	t.Parallel()
	t.Run("warehouse", func(t *testing.T) {
		t.Parallel()
		sevenKillings(t)
	})
	t.Run("with Spark", func(t *testing.T) {
		t.Parallel()
		threeKillings(t)
	})
}

// killedIn runs a night on a copy of a folder and kills it with -9 at a moment.
// Where the night was over before that, because it was faster than the one the
// moment was drawn from, it is run anew, with less of a wait.
func killedIn(t *testing.T, folder string, p pipeline, date string, at moment, flags ...string) *cloud {
	t.Helper()
	var e ending
	for range 3 {
		c := open(t, copyFolder(t, folder), p, flags...)
		if e = c.signalled(t, date, at, syscall.SIGKILL); e.code == -1 {
			return c
		}
		c.stop(t)
		at.after /= 4
	}
	t.Fatalf("three nights ended before they were killed %s\n%s%s", at, e.tail(), e.said)
	return nil
}

// sevenKillings are of a second night, which restores and has no Spark.
func sevenKillings(t *testing.T) {
	f := afterNightOne(t)
	random := rand.New(rand.NewPCG(*seed, 7))
	for _, k := range []killing{
		{"restore", either(random, f.events, "warehouse-1", "restore", answered("warehouse-1", "verify"))},
		{"COPY", either(random, f.events, "ratings", "copy-1", answered("ratings", "copy-1"))},
		{"snapshot", either(random, f.events, "snapshot-1", "snapshot", done("snapshot-1"))},
		{"UNLOAD", either(random, f.events, "all_ratings", "unload", answered("all_ratings", "unload"))},
		{"publish", either(random, f.events, "publish-all_ratings", "point", done("publish-all_ratings"))},
		{"delete", either(random, f.events, "warehouse-1", "delete", asked("warehouse-1", "disarm"))},
		{"any record", anyOf(random, f.events)},
	} {
		t.Run(k.phase, func(t *testing.T) {
			t.Parallel()
			t.Logf("-seed %d: killed %s", *seed, k.at)
			c := killedIn(t, f.folder, usual, f.dates[1], k.at)
			c.run(t, f.dates[1]).check(t, "run again", 0)
			c.audit(t, f.base, c.promoted(t).Snapshot)
			same(t, c.contents(t, allTables, allDatasets), f.expected)
		})
	}
}

// threeKillings are of a first night, with Spark.
func threeKillings(t *testing.T) {
	f := afterSparkNight(t)
	random := rand.New(rand.NewPCG(*seed, 3))
	for _, k := range []killing{
		{"launch", either(random, f.events, "emr-1", "launch", answered("emr-1", "launch"))},
		{"Spark", running(random, f.events, "emr-1", "recommendations")},
		{"publish", either(random, f.events, "publish-recommendations", "point", done("publish-recommendations"))},
	} {
		t.Run(k.phase, func(t *testing.T) {
			t.Parallel()
			t.Logf("-seed %d: killed %s", *seed, k.at)
			defer sparkTurn()()
			c := killedIn(t, f.folder, sparkPipeline, f.dates[0], k.at, sparkFlags(t)...)
			c.run(t, f.dates[0]).check(t, "run again", 0)
			c.audit(t, c.promoted(t).Snapshot)
			c.ranOnce(t, "recommendations")
			same(t, c.contents(t, []string{"ratings"}, sparkDatasets), f.expected)
		})
	}
}
