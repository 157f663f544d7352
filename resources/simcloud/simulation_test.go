package simcloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

func TestANight(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 1})
	s.do(s.night)
	if v := s.Violations(); len(v) != 0 {
		t.Errorf("violations %v", v)
	}
	if a := s.Alive(); len(a) != 0 {
		t.Errorf("alive %v", a)
	}
	body, _ := s.Object("s3://b/m/runs/1/data/recommendations/1/part-00000.snappy.parquet")
	want := "als(" + "ratings\ts3://events/ratings/2026/11/01/part.csv\nratings\ts3://events/ratings/2026/11/02/part.csv\nratings\ts3://events/ratings/2026/11/03/part.csv\n)"
	if string(body) != want {
		t.Errorf("Spark wrote %q, want %q", body, want)
	}
	if n := len(s.Objects("s3://b/m/runs/1/data/")); n != 5 {
		t.Errorf("%d objects: %v", n, s.Objects("s3://b/m/runs/1/data/"))
	}
	if got := s.SnapshotObjects(wh1 + "-s")["ratings"]; len(got) != 3 {
		t.Errorf("the snapshot holds %v", got)
	}
	l, ok := s.SnapshotLedger(wh1 + "-s")
	if !ok || len(l.Tables["ratings"]) != 3 || !l.Watermark.Equal(warehouse.Watermark{"ratings": {Rows: 3, Max: 1}, "receipts": {Rows: 1, Max: 1}}) {
		t.Errorf("the snapshot's ledger %+v", l)
	}
	if b := s.BilledTime(); b["redshift"] < time.Minute || b["emr"] < time.Minute {
		t.Errorf("billed %v", b)
	}
}

func TestTheSameSeedIsTheSameNight(t *testing.T) {
	trace := func(seed uint64) string {
		s := simulate(t, SimOptions{Seed: seed, Faults: Faults{Lag: 10 * time.Second, Mask: 0.5}})
		s.do(s.night)
		return fmt.Sprint(s.Audit(), s.Points, s.Billed())
	}
	if a, b := trace(7), trace(7); a != b {
		t.Errorf("two runs of one seed differ:\n%s\n%s", a, b)
	}
	if trace(7) == trace(8) {
		t.Error("two seeds make one night")
	}
}

func TestPutConditions(t *testing.T) {
	s := simulate(t, SimOptions{})
	s.do(func() {
		want := func(err error, want string) {
			t.Helper()
			if got := code(err); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		want(s.put("s3://b/k", "1", `"x"`), "NoSuchKey")
		want(s.put("s3://b/k", "1", "*"), "")
		want(s.put("s3://b/k", "2", "*"), "PreconditionFailed")
		want(s.put("s3://b/k", "2", `"x"`), "PreconditionFailed")
		head, err := s.cl.S3.HeadObject(s.ctx, &awss3.HeadObjectInput{Bucket: ptr("b"), Key: ptr("k")})
		want(err, "")
		if *head.ETag != `"c4ca4238a0b923820dcc509a6f75849b"` || *head.ContentLength != 1 { // md5 of "1"
			t.Errorf("head %v %v", *head.ETag, *head.ContentLength)
		}
		want(s.put("s3://b/k", "2", *head.ETag), "")
		want(s.put("s3://b/k", "3", ""), "")
		get, err := s.cl.S3.GetObject(s.ctx, &awss3.GetObjectInput{Bucket: ptr("b"), Key: ptr("k")})
		want(err, "")
		if body, _ := io.ReadAll(get.Body); !bytes.Equal(body, []byte("3")) {
			t.Errorf("got %q", body)
		}
		_, err = s.cl.S3.GetObject(s.ctx, &awss3.GetObjectInput{Bucket: ptr("b"), Key: ptr("no")})
		want(err, "NoSuchKey")
		_, err = s.cl.S3.HeadObject(s.ctx, &awss3.HeadObjectInput{Bucket: ptr("b"), Key: ptr("no")})
		want(err, "NotFound")
		var status interface{ HTTPStatusCode() int }
		if !errors.As(err, &status) || status.HTTPStatusCode() != 404 {
			t.Errorf("no HTTP status in %v", err)
		}
		for range 2 {
			_, err = s.cl.S3.DeleteObject(s.ctx, &awss3.DeleteObjectInput{Bucket: ptr("b"), Key: ptr("k")})
			want(err, "")
		}
	})
}

func TestListing(t *testing.T) {
	s := simulate(t, SimOptions{})
	for i := range 2500 {
		s.Put(fmt.Sprintf("s3://b/p/%04d", i), nil)
	}
	s.Put("s3://b/q", nil)
	s.Put("s3://b/p", nil)
	s.do(func() {
		in := &awss3.ListObjectsV2Input{Bucket: ptr("b"), Prefix: ptr("p/"), StartAfter: ptr("p/0099")}
		n, pages := 0, 0
		for {
			out, err := s.cl.S3.ListObjectsV2(s.ctx, in)
			s.must(err)
			n += len(out.Contents)
			pages++
			if in.ContinuationToken = out.NextContinuationToken; !*out.IsTruncated {
				break
			}
		}
		if n != 2400 || pages != 3 {
			t.Errorf("%d objects on %d pages, want 2400 on 3", n, pages)
		}
	})
}

func TestCrashPoints(t *testing.T) {
	whole := simulate(t, SimOptions{Seed: 1})
	whole.do(whole.night)
	names := whole.Points
	for _, want := range []string{
		"redshift.CreateCluster " + wh1 + " before", "redshift.DeleteCluster " + wh1 + " after", "warehouse.Load ratings sent",
		"s3.PutObject b/m/promoted.json before", "emr.RunJobFlow " + wh2 + " after", "warehouse.Unload b/m/runs/1/data/rec/1/ before",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("no crash point %q in %q", want, names)
		}
	}
	effects := func(s *simulated) (n int) {
		for _, e := range s.Audit() {
			if e.Proc == "p1" && e.Effect {
				n++
			}
		}
		return n
	}
	for i, name := range names {
		s := simulate(t, SimOptions{Seed: 1})
		s.CrashAt(i+1, s.p.Kill)
		s.do(s.night)
		if len(s.Points) != i+1 || s.Points[i] != name || !s.p.Dead() {
			t.Errorf("point %d: %q, want %q", i+1, s.Points[len(s.Points)-1], name)
		}
		if strings.HasSuffix(name, " before") || strings.HasSuffix(name, " sent") {
			want := effects(s)
			s.Sim.Drain(s.Sim.Now().Add(time.Hour))
			if got := effects(s); got != want {
				t.Errorf("point %q: the dead process had %d more effects", name, got-want)
			}
		}
	}
}

func TestServerGoesOn(t *testing.T) {
	for _, goesOn := range []bool{false, true} {
		s := simulate(t, SimOptions{Seed: 1, Faults: Faults{ServerGoesOn: goesOn}})
		s.do(func() { s.must(s.create(wh1)); s.until(wh1, "available") })
		n := len(s.Points)
		s.CrashAt(n+2, s.p.Kill) // after "before" comes "sent"
		s.do(func() {
			session := s.open(s.cl, wh1)
			defer func() { _ = session.Close() }() // by the dead: no effect
			_, _ = session.Load(s.ctx, s.batch("ratings", 2))
		})
		if !strings.HasSuffix(s.Points[n+1], "sent") {
			t.Fatalf("killed at %q", s.Points[n+1])
		}
		s.Sim.Drain(s.Sim.Now().Add(time.Minute))
		if got := len(s.TableObjects(wh1)["ratings"]); got != map[bool]int{true: 2}[goesOn] {
			t.Errorf("ServerGoesOn %v: %d objects", goesOn, got)
		}
	}
}

func TestLoadsOnce(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 1})
	s.do(func() {
		s.must(s.create(wh1))
		session := s.open(s.cl, wh1)
		two := s.batch("ratings", 2)
		_, err := session.Load(s.ctx, two)
		s.must(err)
		again, err := session.Load(s.ctx, two)
		s.must(err)
		if !again.Already || again.Rows != 30 || again.LoadID != 1 {
			t.Errorf("again: %+v", again)
		}
		rest, err := session.Load(s.ctx, s.batch("ratings", 3))
		s.must(err)
		if rest.Already || rest.Objects != 1 || rest.Rows != 30 || rest.LoadID != 2 {
			t.Errorf("the rest: %+v", rest)
		}
		if got := s.TableObjects(wh1)["ratings"]; len(got) != 3 || len(slices.Compact(got)) != 3 {
			t.Errorf("loaded %v", got)
		}
		replace := s.batch("movies", 2)
		replace.Mode = "replace"
		for range 2 {
			_, err = session.Load(s.ctx, replace)
			s.must(err)
		}
		replace = s.batch("movies", 1)
		replace.Mode = "replace"
		_, err = session.Load(s.ctx, replace)
		s.must(err)
		if got := s.TableObjects(wh1)["movies"]; len(got) != 1 {
			t.Errorf("replaced: %v", got)
		}
		changed := s.batch("ratings", 1)
		changed.Objects[0].ETag = "other"
		_, err = session.Load(s.ctx, changed)
		if resources.CodeOf(err) != warehouse.CodeChanged {
			t.Errorf("a changed object of a dated source: %v", err)
		}
	})
}

func TestLoadsThatMustNotCommit(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 1, Answers: map[string]string{"bad": "3"}})
	s.do(func() {
		s.must(s.create(wh1))
		session := s.open(s.cl, wh1)
		for name, change := range map[string]func(*warehouse.Batch){
			"check": func(b *warehouse.Batch) {
				b.Checks = []warehouse.Check{{Name: "good", SQL: "good"}, {Name: "bad", SQL: "bad"}}
			},
			"min rows":  func(b *warehouse.Batch) { b.Rows = []warehouse.RowsBound{{Name: "rows min", Min: 1000}} },
			"unchanged": func(b *warehouse.Batch) { b.Unchanged = func(context.Context) error { return errors.New("changed") } },
			"manifest":  func(b *warehouse.Batch) { b.Manifest = "s3://b/no" },
			"object":    func(b *warehouse.Batch) { s.Remove(b.Objects[0].URI) },
			"timeout":   func(b *warehouse.Batch) { b.Timeout = time.Second },
		} {
			b := s.batch("ratings", 1)
			change(&b)
			if _, err := session.Load(s.ctx, b); err == nil || resources.ClassOf(err) == resources.Unknown && name != "unchanged" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := s.TableObjects(wh1); len(got["ratings"]) != 0 {
			t.Errorf("committed %v", got)
		}
		_, err := session.Load(s.ctx, s.batch("ratings", 1))
		s.must(err) // the lock was given back
	})
}

func TestWritersOfOneTableWait(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 1})
	s.do(func() { s.must(s.create(wh1)); s.until(wh1, "available") })
	var ends []time.Time
	began := s.Sim.Now()
	for range 3 {
		s.p.Go(func() {
			l, err := s.open(s.cl, wh1).Load(s.ctx, s.batch("ratings", 1))
			s.must(err)
			if !l.Already {
				ends = append(ends, s.Sim.Now())
			}
		})
	}
	s.Sim.Run(began.Add(time.Hour))
	if got := s.TableObjects(wh1)["ratings"]; len(got) != 1 || len(ends) != 1 {
		t.Errorf("%d objects, %d loads", len(got), len(ends))
	}
}

func TestAVanishedControllersLock(t *testing.T) {
	for _, keep := range []bool{false, true} {
		s := simulate(t, SimOptions{Seed: 1, Faults: Faults{KeepSessions: keep}})
		s.do(func() { s.must(s.create(wh1)); s.until(wh1, "available") })
		old := s.Sim.NewProc("old")
		oldClient := s.Client(old)
		old.Go(func() {
			session, err := oldClient.Warehouse.Open(s.ctx, wh1)
			s.must(err)
			defer func() { _ = session.Close() }()
			_, _ = session.Load(s.ctx, s.batch("ratings", 1))
		})
		s.Sim.At(s.Sim.Now().Add(10*time.Second), old.Kill) // in the middle of COPY
		s.Sim.Run(s.Sim.Now().Add(time.Hour))
		if held := s.memory.dbs[wh1].locks["ratings"] != nil; held != keep {
			t.Errorf("KeepSessions %v: lock held %v", keep, held)
		}
		began := s.Sim.Now()
		s.do(func() { // a new process ends the old one's session and goes on
			_, err := s.open(s.cl, wh1).Load(s.ctx, s.batch("ratings", 1))
			s.must(err)
		})
		if d := s.Sim.Now().Sub(began); d > 10*time.Minute {
			t.Errorf("KeepSessions %v: waited %v", keep, d)
		}
	}
}

func TestASessionDiesWithItsCluster(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 1})
	s.do(func() { s.must(s.create(wh1)); s.until(wh1, "available") })
	x := s.cluster(wh1)
	s.Sim.At(s.Sim.Now().Add(10*time.Second), func() { s.lose(x) })
	s.do(func() {
		session := s.open(s.cl, wh1)
		_, err := session.Load(s.ctx, s.batch("ratings", 1))
		if resources.ClassOf(err) != resources.Retry {
			t.Errorf("load on lost hardware: %v", err)
		}
		if d := s.Sim.Now(); d.After(start.Add(time.Hour)) {
			t.Errorf("noticed at %v", d)
		}
		if _, err = s.cl.Warehouse.Open(s.ctx, wh1); resources.ClassOf(err) != resources.Gone {
			t.Errorf("open: %v", err)
		}
	})
}

func TestUnloads(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 1, Empty: map[string]bool{"nothing": true}})
	s.do(func() {
		s.must(s.create(wh1))
		session := s.open(s.cl, wh1)
		_, err := session.Load(s.ctx, s.batch("ratings", 1))
		s.must(err)
		u := warehouse.Unload{Query: "q", Prefix: "s3://b/u/1/", Files: warehouse.Files{Format: "parquet"}}
		empty := u
		empty.Query, empty.Prefix = "nothing", "s3://b/u/0/"
		out, err := session.Unload(s.ctx, empty)
		s.must(err)
		if out.Rows != 0 || out.Manifest != "" || len(s.Objects(empty.Prefix)) != 1 {
			t.Errorf("empty: %+v", out)
		}
		_, err = session.Unload(s.ctx, u)
		s.must(err)
		if got := s.Objects(u.Prefix); !slices.Equal(got, []string{"s3://b/u/1/0000_part_00.parquet", "s3://b/u/1/manifest"}) {
			t.Errorf("wrote %v", got)
		}
		_, err = session.Unload(s.ctx, u)
		if resources.ClassOf(err) != resources.Permanent {
			t.Errorf("into a used prefix: %v", err)
		}
		u.Prefix, u.Timeout = "s3://b/u/2/", time.Second
		_, err = session.Unload(s.ctx, u)
		if resources.ClassOf(err) != resources.Unknown {
			t.Errorf("cut off: %v", err)
		}
	})
	if v := s.Violations(); len(v) != 1 || v[0].Rule != RuleUsedPrefix {
		t.Errorf("violations %v", v)
	}
}
