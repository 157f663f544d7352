package clienttest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lamplighter/resources"
	"lamplighter/resources/simcloud"
	"lamplighter/resources/warehouse"
)

func unload(query, prefix string) warehouse.Unload {
	return warehouse.Unload{Query: query, Prefix: prefix, Files: warehouse.Files{Format: "parquet"}, Role: role, Region: "us-east-1", Timeout: time.Minute}
}

func TestUnload(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	c.load(s, c.movies("10,Heat\n20,It's \\d\n30,Brazil\n"), warehouse.Loaded{Rows: 3, Objects: 1, LoadID: 1})
	got, err := s.Unload(background, unload(`select movie_id, title from movies where title <> 'Heat''s;' -- all
		order by 1;`, "s3://lake/d/1/"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != 3 || got.Manifest != "s3://lake/d/1/manifest" || len(got.Objects) == 0 || got.Objects[0].ETag == "" || got.Objects[0].Size == 0 {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff([]string{"movie_id", "title"}, got.Columns); diff != "" {
		t.Error(diff)
	}
	// What was unloaded is what was there: load it back.
	b := c.batch(got.Objects...)
	b.Table, b.Format, b.Region = "back", warehouse.Format{Kind: "parquet"}, ""
	if _, err := s.Script(background, migration("002_back", "create table back (movie_id integer, title varchar(20))")); err != nil {
		t.Fatal(err)
	}
	c.load(s, b, warehouse.Loaded{Rows: 3, Objects: len(got.Objects), LoadID: 1})
	c.is(s, "select count(*) from back b join movies m on m.movie_id = b.movie_id and m.title = b.title", "3")
	if _, err := s.Unload(background, unload("select 1 as a", "s3://lake/d/1/")); resources.ClassOf(err) != resources.Permanent || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a used prefix: %v", err)
	}
}

func TestUnloadOfNothing(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	got, err := s.Unload(background, unload("select * from ratings", "s3://lake/d/2/"))
	if diff := cmp.Diff(warehouse.Unloaded{Prefix: "s3://lake/d/2/"}, got); err != nil || diff != "" {
		t.Fatal(diff, err)
	}
	for key := range c.s3.objects {
		if strings.HasPrefix(key, "lake/d/2/") {
			t.Errorf("%s was written", key)
		}
	}
}

// Unloads run side by side, on sessions of their own.
func TestUnloadsAtOnce(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	c.load(s, c.batch(c.day("2026-11-16", "a", monday, tuesday)), warehouse.Loaded{Rows: 2, Objects: 1, LoadID: 1})
	controller := c.controller()
	done := make(chan error)
	for i := range 3 {
		session := c.open(controller)
		go func() {
			u, err := session.Unload(background, unload("select user_id from ratings", fmt.Sprintf("s3://lake/d/side-%d/", i)))
			if err == nil && u.Rows != 2 {
				err = fmt.Errorf("%d rows", u.Rows)
			}
			done <- err
		}()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestScripts(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	step := func(text string) warehouse.Script {
		m := migration("step", text)
		m.Receipt.Run, m.Receipt.Attempt = "2026-11-22", 1
		return m
	}
	insert := step("insert into movies values (1, 'a;b'), (2, 'c'); insert into movies select 3, 'd'")
	for _, want := range []warehouse.Ran{{Rows: 3}, {Rows: 3, Already: true}} {
		if got, err := s.Script(background, insert); err != nil || got != want {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
	}
	c.is(s, "select count(*) from movies", "3")
	// Half of a script that fails leaves nothing, no receipt either.
	if _, err := s.Script(background, step("delete from movies; select * from nowhere")); resources.CodeOf(err) != "42P01" {
		t.Fatalf("got %v", err)
	}
	c.is(s, "select count(*) from movies", "3")
	if _, err := s.Script(background, step("create view v as select title from movies; delete from movies where movie_id = 1")); err != nil {
		t.Fatal(err)
	}
	c.is(s, "select count(*) from v", "2")
	changed := migration("001_tables", "create table other (a int)")
	if _, err := s.Script(background, changed); resources.CodeOf(err) != warehouse.CodeReceipt {
		t.Errorf("a changed migration: %v", err)
	}
	if err := s.Analyze(background, []string{"movies", "sales.orders"}); err != nil {
		t.Error(err)
	}
	filled, err := warehouse.Fill("select count(*) from (select :date as d, :day_start as s, :day_end as e) x where d::varchar = '2026-11-21' and e - s = interval '2 days'",
		warehouse.Params{Date: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), DayStart: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), DayEnd: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	c.is(s, filled, "1")
}

func TestTimeLimit(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	slow := migration("slow", "insert into sales.orders select count(*) from range(1000000) a, range(1000000) b")
	slow.Timeout = 200 * time.Millisecond
	if _, err := s.Script(background, slow); resources.CodeOf(err) != "57014" || resources.ClassOf(err) != resources.Retry {
		t.Fatalf("got %v (%v)", err, resources.ClassOf(err))
	}
	c.is(s, "select count(*) from sales.orders", "0")
}

// What committed is there after the server ended and came again; the ledger
// and a snapshot's ledger are the same, entry by entry.
func TestRestartAndRestore(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	b := c.batch(c.day("2026-11-16", "a", monday))
	c.load(s, b, warehouse.Loaded{Rows: 1, Objects: 1, LoadID: 1})
	before, err := s.Ledger(background)
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Receipts) != 1 || len(before.Tables["ratings"]) != 1 || len(before.Watermark) != 2 {
		t.Fatalf("ledger %+v", before)
	}
	c.wait(func(done func(error)) {
		c.plane.Snapshot(cluster, "snap", func(_ simcloud.SnapshotSize, err error) { done(err) })
	})
	c.stop(c.plane)
	if _, _, err := s.Query(background, "select 1"); resources.ClassOf(err) != resources.Retry {
		t.Errorf("the old session says %v", err)
	}
	c.start()
	c.wait(func(done func(error)) { c.plane.Reopen(cluster, done) })
	for _, name := range []string{"restarted", "restored"} {
		if name == "restored" {
			c.wait(func(done func(error)) { c.plane.Drop(cluster, done) })
			c.wait(func(done func(error)) {
				c.plane.Restore(cluster, "snap", simcloud.ClusterSpec{NodeType: "ra3.large", Nodes: 2}, done)
			})
		}
		again := c.open(c.controller())
		after, err := again.Ledger(background)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		c.load(again, b, warehouse.Loaded{Rows: 1, Objects: 1, LoadID: 1, Already: true})
	}
}

func TestOpenWithoutCluster(t *testing.T) {
	c := newCloud(t)
	c.wait(func(done func(error)) { c.plane.Drop(cluster, done) })
	if _, err := c.controller().Open(background, cluster); resources.ClassOf(err) != resources.Gone {
		t.Errorf("got %v", err)
	}
}
