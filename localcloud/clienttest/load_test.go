package clienttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

const (
	monday  = "1,10,4.5,2026-11-16 01:02:03"
	tuesday = "2,20,3.0,2026-11-17T04:05:06"
)

func TestLoadTwiceIsOnce(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	b := c.batch(c.day("2026-11-16", "a", monday, tuesday), c.day("2026-11-17", "b", tuesday))
	c.load(s, b, warehouse.Loaded{Rows: 3, Objects: 2, LoadID: 1})
	c.load(s, b, warehouse.Loaded{Rows: 3, Objects: 2, LoadID: 1, Already: true})
	c.load(c.open(c.controller()), b, warehouse.Loaded{Rows: 3, Objects: 2, LoadID: 1, Already: true})
}

func TestRowsArriveAsWritten(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	c.load(s, c.batch(c.day("2026-11-16", "a", monday, "3,,,")), warehouse.Loaded{Rows: 2, Objects: 1, LoadID: 1})
	c.is(s, "select count(*) from ratings where user_id = 1 and movie_id = 10 and rating = 4.5 and rated_at = timestamp '2026-11-16 01:02:03'", "1")
	c.is(s, "select count(*) from ratings where user_id = 3 and movie_id is null and rating is null and rated_at is null", "1")
}

// A batch that overlaps another one loads what is missing.
func TestLoadTheRest(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	first, second := c.day("2026-11-16", "a", monday), c.day("2026-11-17", "b", tuesday, tuesday)
	c.load(s, c.batch(first), warehouse.Loaded{Rows: 1, Objects: 1, LoadID: 1})
	c.load(s, c.batch(first, second), warehouse.Loaded{Rows: 2, Objects: 1, LoadID: 2})
	c.is(s, "select count(*) from ratings", "3")
	c.load(s, c.batch(first, second), warehouse.Loaded{Rows: 3, Objects: 2, LoadID: 2, Already: true})
}

func TestReplace(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	b := c.movies("10,Heat\n20,Alien\n")
	c.load(s, b, warehouse.Loaded{Rows: 2, Objects: 1, LoadID: 1})
	c.load(s, b, warehouse.Loaded{Rows: 2, Objects: 1, LoadID: 1, Already: true})
	c.load(s, c.movies("30,Brazil\n"), warehouse.Loaded{Rows: 1, Objects: 1, LoadID: 2})
	c.is(s, "select title from movies", "Brazil")
	ledger, err := s.Ledger(background)
	if err != nil || len(ledger.Tables["movies"]) != 1 || ledger.Tables["movies"][0].LoadID != 2 {
		t.Fatalf("ledger %+v, %v", ledger, err)
	}
}

func TestWhatRollsBack(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	c.load(s, c.batch(c.day("2026-11-16", "a", monday)), warehouse.Loaded{Rows: 1, Objects: 1, LoadID: 1})
	c.load(s, c.movies("10,Heat\n"), warehouse.Loaded{Rows: 1, Objects: 1, LoadID: 1})
	before, err := s.Watermark(background)
	if err != nil {
		t.Fatal(err)
	}
	for _, try := range []struct {
		name string
		b    func() warehouse.Batch
		code string
		says []string
	}{
		{"check", func() warehouse.Batch {
			b := c.batch(c.day("2026-11-17", "null", ",20,1.0,"))
			b.Checks = []warehouse.Check{{Name: "not_null user_id", SQL: "select count(*) from ratings where user_id is null"}}
			return b
		}, warehouse.CodeCheck, []string{"not_null user_id failed for 1 rows"}},
		{"too few", func() warehouse.Batch {
			b := c.batch(c.day("2026-11-17", "few", tuesday))
			b.Rows = []warehouse.RowsBound{{Name: "rows min", Min: 2}}
			return b
		}, warehouse.CodeCheck, []string{"want at least 2"}},
		{"changed meanwhile", func() warehouse.Batch {
			b := c.movies("20,Alien\n")
			b.Unchanged = func(context.Context) error {
				return &resources.Fault{Class: resources.Permanent, Code: "Changed", Msg: "movies.csv changed"}
			}
			return b
		}, "Changed", []string{"movies.csv changed"}},
		{"bad value", func() warehouse.Batch {
			return c.batch(c.day("2026-11-17", "bad", tuesday, "x7,20,1.0,"))
		}, warehouse.CodeRejected, []string{"bad.csv.gz", "line 3", "column user_id", `"x7"`}},
		{"too long", func() warehouse.Batch { return c.movies("20," + strings.Repeat("ä", 11) + "\n") },
			warehouse.CodeRejected, []string{"movies.csv", "line 1", "column title"}},
		{"missing object", func() warehouse.Batch {
			return c.batch(warehouse.Object{URI: "s3://events/ratings/2026/11/17/none.csv.gz", ETag: "x", Partition: "2026-11-17"})
		}, "", []string{"none.csv.gz"}},
		{"loaded and changed", func() warehouse.Batch { return c.batch(c.day("2026-11-16", "a", tuesday)) }, warehouse.CodeChanged, []string{"a.csv.gz"}},
		{"no such table", func() warehouse.Batch {
			b := c.batch(c.day("2026-11-17", "d", tuesday))
			b.Table = "ratingz"
			return b
		}, "42P01", []string{"ratingz"}},
		{"no such column", func() warehouse.Batch {
			b := c.batch(c.day("2026-11-17", "d", tuesday))
			b.Columns = []string{"user_id", "film_id", "rating", "rated_at"}
			return b
		}, "42703", []string{"film_id"}},
	} {
		t.Run(try.name, func(t *testing.T) {
			_, err := s.Load(background, try.b())
			if resources.ClassOf(err) != resources.Permanent || try.code != "" && resources.CodeOf(err) != try.code {
				t.Fatalf("got %v (%v %s)", err, resources.ClassOf(err), resources.CodeOf(err))
			}
			for _, part := range try.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not say %s", err, part)
				}
			}
			after, err := s.Watermark(background)
			if err != nil || !after.Equal(before) {
				t.Fatalf("the watermark moved from %v to %v, %v", before, after, err)
			}
			c.is(s, "select count(*) from ratings", "1")
			c.is(s, "select title from movies", "Heat")
		})
	}
}

func TestManyObjects(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	var objects []warehouse.Object
	for i := range 1200 {
		objects = append(objects, c.s3.put(fmt.Sprintf("events/orders/it's,\"%04d\".csv", i), fmt.Sprintf("%d\n", i), "2026-11-16"))
	}
	b := c.batch(objects...)
	b.Table, b.Format = "sales.orders", warehouse.Format{Kind: "csv"}
	c.load(s, b, warehouse.Loaded{Rows: 1200, Objects: 1200, LoadID: 1})
	c.load(s, b, warehouse.Loaded{Rows: 1200, Objects: 1200, LoadID: 1, Already: true})
	ledger, err := s.Ledger(background)
	if err != nil {
		t.Fatal(err)
	}
	entries := ledger.Tables["sales.orders"]
	if len(entries) != 1200 || entries[7].Object != objects[7] || entries[7].At.IsZero() || ledger.Watermark["sales.orders"] != (warehouse.Mark{Rows: 1200, Max: 1}) {
		t.Errorf("%d entries, %+v, watermark %v", len(entries), entries[7], ledger.Watermark)
	}
}

// Controllers that load the same batch at once load it once: one loads, the
// others wait for the lock and find it in the ledger.
func TestLoadersAtOnce(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	b := c.batch(c.day("2026-11-16", "a", monday, tuesday))
	controller := c.controller()
	sessions := make([]warehouse.Session, 6)
	for i := range sessions {
		sessions[i] = c.open(controller)
	}
	results := make([]warehouse.Loaded, len(sessions))
	errs := make([]error, len(sessions))
	var wg sync.WaitGroup
	for i := range sessions {
		wg.Go(func() { results[i], errs[i] = sessions[i].Load(background, b) })
	}
	wg.Wait()
	fresh := 0
	for i, r := range results {
		if errs[i] != nil || r.Rows != 2 || r.LoadID != 1 {
			t.Errorf("loader %d: %+v, %v", i, r, errs[i])
		}
		if !r.Already {
			fresh++
		}
	}
	if fresh != 1 {
		t.Errorf("%d loaders loaded", fresh)
	}
	if _, _, err := s.Query(background, "select 1"); resources.ClassOf(err) != resources.Retry {
		t.Errorf("the first controller's session lives on: %v", err)
	}
	c.is(sessions[0], "select count(*) from ratings", "2")
}

// A controller vanishes in the middle of a COPY: the next one ends its session
// before its first statement, waits for no lock, and loads the batch once.
func TestTakeOverInTheMiddleOfCopy(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	b := c.batch(c.day("2026-11-16", "a", monday, tuesday))
	reading, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c.s3.mu.Lock()
	c.s3.onGet = func(key string) {
		if strings.HasSuffix(key, "a.csv.gz") {
			once.Do(func() { close(reading); <-release })
		}
	}
	c.s3.mu.Unlock()
	lost := make(chan error, 1)
	go func() {
		_, err := s.Load(background, b)
		lost <- err
	}()
	select {
	case <-reading:
	case err := <-lost:
		t.Fatalf("the load ended before it read: %v", err)
	}
	next := c.open(c.controller())
	close(release)
	c.load(next, b, warehouse.Loaded{Rows: 2, Objects: 1, LoadID: 1})
	if err := <-lost; resources.ClassOf(err) != resources.Retry {
		t.Errorf("the session that was ended says %v (%v)", err, resources.ClassOf(err))
	}
	c.is(next, "select count(*) from ratings", "2")
}

// A cancelled load leaves nothing and holds nothing.
func TestCancel(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	b := c.batch(c.day("2026-11-16", "a", monday))
	ctx, cancel := context.WithCancel(background)
	b.Unchanged = func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	}
	if _, err := s.Load(ctx, b); !errors.Is(err, context.Canceled) || resources.ClassOf(err) != resources.Retry {
		t.Fatalf("got %v (%v)", err, resources.ClassOf(err))
	}
	b.Unchanged = nil
	c.load(c.open(c.controller()), b, warehouse.Loaded{Rows: 1, Objects: 1, LoadID: 1})
}
