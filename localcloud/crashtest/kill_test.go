package crashtest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"lamplighter/controller/report"
)

var (
	allTables   = []string{"ratings", "movies", "popular"}
	allDatasets = []string{"popular_movies", "all_ratings"}
)

// prepared is a data folder that tests copy, and what is known of it.
type prepared struct {
	folder   string
	base     string // the snapshot that is promoted in it
	dates    []string
	history  history
	expected contents        // after one more undisturbed night
	events   []report.Event  // of that night
	summary  *report.Summary // and its end
}

var (
	secondNight = sync.OnceValue(func() *prepared { return new(prepared) })
	once        sync.Once
)

// afterNightOne is a cloud after night 1, with everything published for night
// 2, and what night 2 comes to when nothing disturbs it. It is made once.
func afterNightOne(t *testing.T, keep string) *prepared {
	t.Helper()
	p := secondNight()
	once.Do(func() {
		h := makeHistory(smallSize)
		p.history, p.dates = h, []string{night(h.first), night(h.second)}
		c := open(t, keep, usual)
		h.publish(t, c, -1, h.first)
		h.publishMovies(t, c, "")
		c.run(t, p.dates[0]).check(t, "night 1", 0)
		p.base = c.promoted(t).Snapshot
		c.audit(t, p.base)
		h.publish(t, c, h.first, h.second)
		h.publishMovies(t, c, " (second edition)")
		h.publishLate(t, c)
		c.stop(t)
		p.folder = keep

		c = open(t, copyFolder(t, keep), usual)
		undisturbed := c.run(t, p.dates[1])
		undisturbed.check(t, "undisturbed night 2", 0)
		p.events, p.summary = undisturbed.events, undisturbed.summary
		c.audit(t, p.base, c.promoted(t).Snapshot)
		p.expected = c.contents(t, allTables, allDatasets)
		same(t, p.expected, p.expected)
		c.stop(t)
	})
	if p.folder == "" {
		t.Fatal("nights 1 and 2 did not come to their end: see the first failure")
	}
	return p
}

// TestKilledAtTenMoments kills the controller at moments drawn by journal
// record, starts it again, and finds what a night without a kill comes to.
func TestKilledAtTenMoments(t *testing.T) {
	t.Logf("-seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 10))
	p := afterNightOne(t, sharedFolder(t))
	moments := []struct {
		phase string
		at    moment
	}{
		{"restore", either(random, "warehouse-1", "restore", 300*time.Millisecond)},
		{"COPY", either(random, "ratings", "copy-1", 300*time.Millisecond)},
		{"snapshot", either(random, "snapshot-1", "snapshot", 200*time.Millisecond)},
		{"UNLOAD", either(random, "all_ratings", "unload", 200*time.Millisecond)},
		{"publish", either(random, "publish-all_ratings", "point", 0)},
		{"delete", either(random, "warehouse-1", "delete", 200*time.Millisecond)},
		{"any record", anyOf(random, p.events)},
	}
	for _, m := range moments {
		t.Run(m.phase, func(t *testing.T) {
			t.Parallel()
			t.Logf("killed %s", m.at)
			c := open(t, copyFolder(t, p.folder), usual)
			c.killed(t, p.dates[1], m.at)
			c.run(t, p.dates[1]).check(t, "run again", 0)
			c.audit(t, p.base, c.promoted(t).Snapshot)
			same(t, c.contents(t, allTables, allDatasets), p.expected)
		})
	}
	withSpark := []struct {
		phase string
		at    moment
	}{
		{"launch", either(random, "emr-1", "launch", 100*time.Millisecond)},
		{"Spark", moment{event: "saw", step: "emr-1", part: "RUNNING", after: time.Duration(random.Int64N(4000)) * time.Millisecond}},
		{"publish what Spark made", either(random, "publish-recommendations", "point", 0)},
	}
	for _, m := range withSpark {
		t.Run(m.phase, func(t *testing.T) {
			t.Parallel()
			t.Logf("killed %s", m.at)
			s := afterSparkNight(t)
			c := open(t, copyFolder(t, s.folder), sparkPipeline, sparkFlags(t)...)
			defer oneSparkFewer(t)()
			c.killed(t, s.dates[0], m.at)
			c.run(t, s.dates[0]).check(t, "run again", 0)
			c.audit(t, c.promoted(t).Snapshot)
			c.ranOnce(t, "recommendations")
			same(t, c.contents(t, []string{"ratings"}, sparkDatasets), s.expected)
		})
	}
	fmt.Printf("crashtest: ten moments drawn from -seed %d\n", *seed)
}
