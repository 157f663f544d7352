package warehouse

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lamplighter/resources"
)

// batch is two days of ratings.
func batch() Batch {
	return Batch{
		Table: "ratings", Mode: Append, Format: Format{Kind: "csv", Header: true, Compression: "gzip"}, Manifest: "s3://b/m.json",
		Objects: []Object{
			{URI: "s3://e/ratings/2026/11/20/a.csv.gz", ETag: "e1", Size: 10, Partition: "2026-11-20"},
			{URI: "s3://e/ratings/2026/11/21/b.csv.gz", ETag: "e2", Size: 20, Partition: "2026-11-21"},
		},
		Checks: []Check{{Name: "not_null user_id", SQL: "SELECT COUNT(*) FROM ratings WHERE user_id IS NULL"}},
		Role:   "arn:aws:iam::1:role/w", Region: "us-east-1", Run: "2026-11-22", Attempt: 1, Step: "ratings", Timeout: 90 * time.Second,
	}
}

func healthy() []*rule {
	return []*rule{
		{what: "pg_last_copy_count()", rows: [][]string{{"33"}}, always: true},
		{what: "user_id IS NULL", rows: [][]string{{"0"}}, always: true},
	}
}

const readLedger = `SELECT uri, etag, load_id, batch_rows, part, loaded_at FROM "lamplighter"."ledger_ratings"`

func TestLoad(t *testing.T) {
	f := newFake(t, healthy()...)
	c := f.open(f.server())
	b := batch()
	heads := 0
	b.Unchanged = func(context.Context) error {
		heads++
		if f.saw("COMMIT") || !f.saw("INSERT") {
			t.Error("Unchanged is not the last thing before COMMIT")
		}
		return nil
	}
	got, err := c.Load(background, b)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Loaded{Rows: 33, Objects: 2, LoadID: 1}); !reflect.DeepEqual(got, want) || heads != 1 {
		t.Errorf("got %+v after %d heads, want %+v", got, heads, want)
	}
	want := []string{
		"SET statement_timeout TO 90000",
		"SELECT tablename FROM pg_tables WHERE schemaname = 'lamplighter' ORDER BY tablename",
		`CREATE SCHEMA IF NOT EXISTS "lamplighter"`,
		`CREATE TABLE IF NOT EXISTS "lamplighter"."ledger_ratings" (` + ledgerColumns + ")",
		"BEGIN",
		`LOCK TABLE "lamplighter"."ledger_ratings", "public"."ratings"`,
		`SELECT COALESCE(MAX(load_id), 0), GETDATE() FROM "lamplighter"."ledger_ratings"`,
		readLedger + ` WHERE uri BETWEEN 's3://e/ratings/2026/11/20/a.csv.gz' AND 's3://e/ratings/2026/11/21/b.csv.gz'`,
		`COPY "public"."ratings" FROM 's3://b/m.json' IAM_ROLE 'arn:aws:iam::1:role/w' MANIFEST FORMAT AS CSV IGNOREHEADER 1 GZIP REGION 'us-east-1' TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF`,
		"SELECT pg_last_copy_count()",
		"SELECT COUNT(*) FROM ratings WHERE user_id IS NULL",
		`INSERT INTO "lamplighter"."ledger_ratings" ("load_id", "uri", "etag", "bytes", "part", "batch_rows", "run", "attempt", "step", "loaded_at") VALUES ` +
			`(1, 's3://e/ratings/2026/11/20/a.csv.gz', 'e1', 10, '2026-11-20', 33, '2026-11-22', 1, 'ratings', '2026-11-22 01:30:00'), ` +
			`(1, 's3://e/ratings/2026/11/21/b.csv.gz', 'e2', 20, '2026-11-21', 33, '2026-11-22', 1, 'ratings', '2026-11-22 01:30:00')`,
		"COMMIT",
	}
	if diff := cmp.Diff(want, f.statements()); diff != "" {
		t.Error(diff)
	}
}

func TestLoadAlready(t *testing.T) {
	for _, c := range []struct {
		name string
		mode string
		rows [][]string // of the ledger
		edit func(*Batch)
		want Loaded
		copy string // what the COPY reads, "" for none
	}{
		{"all in one load", Append, [][]string{{"s3://e/ratings/2026/11/20/a.csv.gz", "e1", "4", "7", "2026-11-20", "2026-11-20 23:30:00"}, {"s3://e/ratings/2026/11/21/b.csv.gz", "e2", "4", "7", "2026-11-21", "2026-11-21 23:30:00"}},
			nil, Loaded{Rows: 7, Objects: 2, LoadID: 9, Already: true}, ""},
		{"all in two loads", Append, [][]string{{"s3://e/ratings/2026/11/20/a.csv.gz", "e1", "4", "7", "2026-11-20", "2026-11-20 23:30:00"}, {"s3://e/ratings/2026/11/21/b.csv.gz", "e2", "5", "1", "2026-11-21", "2026-11-21 23:30:00"}},
			nil, Loaded{Rows: 8, Objects: 2, LoadID: 9, Already: true}, ""},
		{"one", Append, [][]string{{"s3://e/ratings/2026/11/20/a.csv.gz", "e1", "4", "7", "2026-11-20", "2026-11-20 23:30:00"}},
			nil, Loaded{Rows: 33, Objects: 1, LoadID: 10}, "s3://b/rest.json"},
		{"one counts for the minimum", Append, [][]string{{"s3://e/ratings/2026/11/20/a.csv.gz", "e1", "4", "7", "2026-11-20", "2026-11-20 23:30:00"}},
			func(b *Batch) { b.Rows = []RowsBound{{Name: "rows min", Min: 40}} }, Loaded{Rows: 33, Objects: 1, LoadID: 10}, "s3://b/rest.json"},
		{"undated and changed", Append, [][]string{{"s3://e/ratings/2026/11/20/a.csv.gz", "e0", "4", "7", "2026-11-20", "2026-11-20 23:30:00"}},
			func(b *Batch) { b.Objects[0].Partition, b.Objects[1].Partition = "", "" }, Loaded{Rows: 33, Objects: 2, LoadID: 10}, "s3://b/m.json"},
		{"replaced by the same", Replace, [][]string{{"s3://e/ratings/2026/11/21/b.csv.gz", "e2", "9", "7", "2026-11-21", "2026-11-21 23:30:00"}, {"s3://e/ratings/2026/11/20/a.csv.gz", "e1", "9", "7", "2026-11-20", "2026-11-20 23:30:00"}},
			nil, Loaded{Rows: 7, Objects: 2, LoadID: 9, Already: true}, ""},
		{"replaced by less", Replace, [][]string{{"s3://e/ratings/2026/11/21/b.csv.gz", "e2", "9", "7", "2026-11-21", "2026-11-21 23:30:00"}, {"s3://e/ratings/2026/11/20/a.csv.gz", "e1", "9", "7", "2026-11-20", "2026-11-20 23:30:00"}},
			func(b *Batch) { b.Objects = b.Objects[:1] }, Loaded{Rows: 33, Objects: 1, LoadID: 10}, "s3://b/m.json"},
		{"replaced by changed", Replace, [][]string{{"s3://e/ratings/2026/11/21/b.csv.gz", "e0", "9", "7", "2026-11-21", "2026-11-21 23:30:00"}, {"s3://e/ratings/2026/11/20/a.csv.gz", "e1", "9", "7", "2026-11-20", "2026-11-20 23:30:00"}},
			nil, Loaded{Rows: 33, Objects: 2, LoadID: 10}, "s3://b/m.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, append(healthy(), &rule{what: "GETDATE() FROM", rows: [][]string{{"9", "2026-11-22 01:30:00"}}}, &rule{what: readLedger, rows: c.rows})...)
			b := batch()
			b.Mode = c.mode
			b.Rest = func(_ context.Context, rest []Object) (string, error) {
				if len(rest) != 1 || rest[0].ETag != "e2" {
					t.Errorf("the rest is %v", rest)
				}
				return "s3://b/rest.json", nil
			}
			if c.edit != nil {
				c.edit(&b)
			}
			got, err := f.open(f.server()).Load(background, b)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Fatalf("got %+v, %v, want %+v", got, err, c.want)
			}
			if f.saw("COPY") != (c.copy != "") || !f.saw(c.copy) {
				t.Errorf("copied from elsewhere: %q", f.statements())
			}
			if deleted := f.saw(`DELETE FROM "public"."ratings"`) && f.saw(`DELETE FROM "lamplighter"."ledger_ratings"`); deleted != (c.mode == Replace && c.copy != "") {
				t.Errorf("deleted %v", deleted)
			}
			if c.mode == Replace && f.saw("BETWEEN") {
				t.Error("replace asked for a part of the ledger only")
			}
		})
	}
}

// Whatever fails before COMMIT rolls back, and its class says that nothing
// happened; whatever has no answer to COMMIT is Unknown.
func TestLoadFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		rule  *rule
		edit  func(*Batch)
		class resources.Class
		code  string
		msg   string
	}{
		{name: "no such table", rule: &rule{what: "LOCK", code: "42P01", msg: `relation "ratings" does not exist`}, class: resources.Permanent, code: "42P01"},
		{name: "terminated in COPY", rule: &rule{what: "COPY", code: "57P01", msg: "terminating connection", fatal: true}, class: resources.Retry, code: "57P01"},
		{name: "broken in COPY", rule: &rule{what: "COPY", cut: true}, class: resources.Retry},
		{name: "timeout", rule: &rule{what: "COPY", code: "57014", msg: "canceled"}, class: resources.Retry, code: "57014"},
		{name: "serialization", rule: &rule{what: "COPY", code: "XX000", msg: "1023", detail: "Serializable isolation violation on table - 1"}, class: resources.Retry},
		{name: "role", rule: &rule{what: "COPY", code: "XX000", msg: "S3ServiceException:Access Denied,Status 403"}, class: resources.Denied},
		{name: "S3 slow", rule: &rule{what: "COPY", code: "XX000", msg: "S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown"}, class: resources.Retry},
		{name: "missing file", rule: &rule{what: "COPY", code: "XX000", msg: "Mandatory url is not present in manifest"}, class: resources.Permanent},
		{name: "right", rule: &rule{what: "COPY", code: "42501", msg: "permission denied"}, class: resources.Denied},
		{name: "unheard of", rule: &rule{what: "COPY", code: "58000", msg: "huh"}, class: resources.Unknown},
		{name: "check", rule: &rule{what: "user_id IS NULL", rows: [][]string{{"3"}}}, class: resources.Permanent, code: CodeCheck, msg: "check not_null user_id failed for 3 rows"},
		{name: "check gives NULL", rule: &rule{what: "user_id IS NULL", rows: [][]string{{null}}}, class: resources.Permanent},
		{name: "check that writes", edit: func(b *Batch) { b.Checks[0].SQL = "select 0; commit" }, class: resources.Permanent, msg: "want one statement"},
		{name: "too few rows", edit: func(b *Batch) { b.Rows = []RowsBound{{Name: "rows min", Min: 34}} }, class: resources.Permanent, code: CodeCheck, msg: "33 rows in 2 objects, want at least 34"},
		{name: "changed meanwhile", edit: func(b *Batch) {
			b.Unchanged = func(context.Context) error {
				return &resources.Fault{Class: resources.Permanent, Code: "X", Msg: "a.csv changed"}
			}
		}, class: resources.Permanent, code: "X", msg: "a.csv changed"},
		{name: "head without an answer", edit: func(b *Batch) {
			b.Unchanged = func(context.Context) error { return errors.New("lost") }
		}, class: resources.Retry, msg: "lost"},
		{name: "changed since it was loaded", rule: &rule{what: readLedger, rows: [][]string{{"s3://e/ratings/2026/11/20/a.csv.gz", "e0", "4", "7", "2026-11-20", "2026-11-20 23:30:00"}}}, class: resources.Permanent, code: CodeChanged},
		{name: "rest, but nobody writes it", rule: &rule{what: readLedger, rows: [][]string{{"s3://e/ratings/2026/11/20/a.csv.gz", "e1", "4", "7", "2026-11-20", "2026-11-20 23:30:00"}}}, class: resources.Permanent, msg: "nobody writes it"},
		{name: "ledger", rule: &rule{what: "INSERT", code: "22001", msg: "too long"}, class: resources.Permanent, code: "22001"},
		{name: "commit lost", rule: &rule{what: "COMMIT", cut: true}, class: resources.Unknown},
		{name: "commit terminated", rule: &rule{what: "COMMIT", code: "57P01", msg: "terminating", fatal: true}, class: resources.Unknown},
		{name: "commit cancelled", rule: &rule{what: "COMMIT", code: "57014", msg: "canceled"}, class: resources.Unknown},
		{name: "commit serialization", rule: &rule{what: "COMMIT", code: "40001", msg: "1023"}, class: resources.Retry},
		{name: "commit fails otherwise", rule: &rule{what: "COMMIT", code: "XX000", msg: "disk"}, class: resources.Unknown},
		{name: "commit rolls back", rule: &rule{what: "COMMIT", tag: "ROLLBACK"}, class: resources.Retry, msg: "rolled back"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := healthy()
			if c.rule != nil {
				rules = append([]*rule{c.rule}, rules...)
			}
			f := newFake(t, rules...)
			b := batch()
			if c.edit != nil {
				c.edit(&b)
			}
			s := f.open(f.server())
			_, err := s.Load(background, b)
			if resources.ClassOf(err) != c.class || err == nil || !strings.Contains(err.Error(), c.msg) || c.code != "" && resources.CodeOf(err) != c.code {
				t.Fatalf("got %v (%v %s), want %s (%v %s)", err, resources.ClassOf(err), resources.CodeOf(err), c.msg, c.class, c.code)
			}
			if !strings.HasPrefix(c.name, "commit") && f.saw("COMMIT") {
				t.Error("committed all the same")
			}
			if open := s.(*session).conn; !open.IsClosed() && open.TxStatus() != 'I' {
				t.Errorf("a transaction is left open: %c", open.TxStatus())
			}
		})
	}
}

func TestLoadRejects(t *testing.T) {
	f := newFake(t,
		&rule{what: "COPY", code: "XX000", msg: "Load into table 'ratings' failed.  Check 'stl_load_errors' system table for details."},
		&rule{what: "COALESCE(MAX(query), -1)", rows: [][]string{{"12"}}},
		&rule{what: "WHERE session = 77 AND query = 12", rows: [][]string{{"s3://e/a.csv.gz", " 3", "rating", strings.Repeat("ä", 100), "Invalid digit, Value 'x'"}}})
	_, err := f.open(f.server()).Load(background, batch())
	want := `s3://e/a.csv.gz line 3 column rating value "` + strings.Repeat("ä", 80) + `…": Invalid digit, Value 'x'`
	if resources.ClassOf(err) != resources.Permanent || resources.CodeOf(err) != CodeRejected || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	f := newFake(t)
	c := f.open(f.server())
	for name, edit := range map[string]func(*Batch){
		"table":          func(b *Batch) { b.Table = "a.b.c" },
		"our schema":     func(b *Batch) { b.Table = "lamplighter.x" },
		"long name":      func(b *Batch) { b.Table = strings.Repeat("x", 125) },
		"mode":           func(b *Batch) { b.Mode = "merge" },
		"no objects":     func(b *Batch) { b.Objects = nil },
		"twice":          func(b *Batch) { b.Objects[1].URI = b.Objects[0].URI },
		"no ETag":        func(b *Batch) { b.Objects[0].ETag = "" },
		"no role":        func(b *Batch) { b.Role = "" },
		"format":         func(b *Batch) { b.Format.Kind = "xml" },
		"delimiter":      func(b *Batch) { b.Format.Delimiter = "||" },
		"compression":    func(b *Batch) { b.Format.Compression = "rar" },
		"parquet header": func(b *Batch) { b.Format = Format{Kind: "parquet", Header: true} },
		"zero byte":      func(b *Batch) { b.Columns = []string{"a\x00"} },
	} {
		b := batch()
		edit(&b)
		if _, err := c.Load(background, b); resources.ClassOf(err) != resources.Permanent {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if sent := f.statements(); len(sent) != 0 {
		t.Errorf("asked the warehouse all the same: %q", sent)
	}
}

func TestCopyStatement(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*Batch)
		want string
	}{
		"columns and options": {func(b *Batch) {
			b.Table, b.Columns, b.Region = "sales.orders", []string{"id", "user"}, ""
			b.Format = Format{Kind: "csv", Delimiter: "\t", NullAs: `\N`}
		}, `COPY "sales"."orders" ("id", "user") FROM 's3://b/m.json' IAM_ROLE 'arn:aws:iam::1:role/w' MANIFEST FORMAT AS CSV DELIMITER '` + "\t" + `' NULL AS '\\N' TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF`},
		"parquet": {func(b *Batch) { b.Format = Format{Kind: "parquet"}; b.Role = "default" },
			`COPY "public"."ratings" FROM 's3://b/m.json' IAM_ROLE default MANIFEST FORMAT AS PARQUET STATUPDATE OFF`},
	} {
		b := batch()
		c.edit(&b)
		tab, err := parseTable(b.Table)
		if err != nil {
			t.Fatal(err)
		}
		got, err := copyStatement(dialect{backslash: true}, tab.sql(), b, b.Manifest)
		if err != nil || got != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, c.want)
		}
	}
}

// Many ledger rows go through a file, or through inserts of bounded size.
func TestLoadManyObjects(t *testing.T) {
	b := batch()
	b.Objects = nil
	for i := range 1001 {
		b.Objects = append(b.Objects, Object{URI: fmt.Sprintf("s3://e/r/%04d'\",.csv", i), ETag: "e", Size: int64(i), Partition: "2026-11-21"})
	}
	t.Run("inserts", func(t *testing.T) {
		f := newFake(t, healthy()...)
		if _, err := f.open(f.server()).Load(background, b); err != nil {
			t.Fatal(err)
		}
		inserts, rows := 0, 0
		for _, sql := range f.statements() {
			if strings.HasPrefix(sql, "INSERT") {
				inserts++
				rows += strings.Count(sql, "(1, ")
			}
		}
		if inserts != 3 || rows != 1001 {
			t.Errorf("%d inserts with %d rows", inserts, rows)
		}
	})
	for count, class := range map[string]resources.Class{"1001": resources.OK, "1000": resources.Permanent} {
		t.Run("file with "+count, func(t *testing.T) {
			f := newFake(t, &rule{what: "pg_last_copy_count()", rows: [][]string{{"33"}}}, &rule{what: "pg_last_copy_count()", rows: [][]string{{count}}}, healthy()[1])
			s := f.server()
			s.Scratch = "s3://b/scratch/"
			var uri, body string
			s.Put = func(_ context.Context, u string, b []byte) error { uri, body = u, string(b); return nil }
			_, err := f.open(s).Load(background, b)
			if resources.ClassOf(err) != class {
				t.Fatalf("got %v", err)
			}
			if !strings.HasPrefix(uri, "s3://b/scratch/ledger-") || !f.saw("FROM '"+uri+"' IAM_ROLE") || f.saw("INSERT") {
				t.Errorf("uri %s, sent %q", uri, f.statements())
			}
			if lines := strings.Split(body, "\n"); len(lines) != 1002 || lines[0] != `1,"s3://e/r/0000'"",.csv",e,0,2026-11-21,33,2026-11-22,1,ratings,2026-11-22 01:30:00` {
				t.Errorf("%d lines, the first %s", len(lines), lines[0])
			}
		})
	}
}

// Two controllers may make the ledger's tables at once.
func TestEnsureRaces(t *testing.T) {
	race := func() *rule { return &rule{what: "CREATE TABLE", code: "42P07", msg: "already exists"} }
	t.Run("there now", func(t *testing.T) {
		f := newFake(t, append(healthy(), race(), &rule{what: "pg_tables"}, &rule{what: "pg_tables", rows: [][]string{{"ledger_ratings"}}})...)
		if _, err := f.open(f.server()).Load(background, batch()); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("not there", func(t *testing.T) {
		f := newFake(t, append(healthy(), race())...)
		if _, err := f.open(f.server()).Load(background, batch()); resources.CodeOf(err) != "42P07" {
			t.Fatal(err)
		}
	})
}
