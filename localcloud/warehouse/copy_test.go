package warehouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const role = " IAM_ROLE 'arn:aws:iam::123456789012:role/load' "

// code is the SQLSTATE of an error, or "" of none.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// refuse runs a statement that must fail with a SQLSTATE.
func refuse(t *testing.T, conn *pgx.Conn, want, q string, args ...any) string {
	t.Helper()
	_, err := conn.Exec(context.Background(), q, args...)
	if code(err) != want {
		t.Errorf("%s: got error %v, want %s", q, err, want)
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func loaded(t *testing.T) (*pgx.Conn, *fakeS3, *Plane) {
	t.Helper()
	s3 := newS3(t)
	p := newPlane(t, t.TempDir(), s3.URL)
	create(t, p, "c1")
	return dial(t, dsn(t, p, "c1"), pgx.QueryExecModeSimpleProtocol), s3, p
}

func TestCopyManifestAndUnload(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, "CREATE TABLE ratings (user_id INT, movie_id INT, rating DECIMAL(2,1), at TIMESTAMP, note VARCHAR(20))")
	s3.putGzip("b/in/1.csv.gz", "user_id,movie_id,rating,at,note\n1,10,4.5,2026-11-21 10:00:00,\"a, \"\"b\"\"\nc\"\n2,20,3.0,2026-11-21T11:00:00Z,\n")
	s3.putGzip("b/in/2.csv.gz", "user_id,movie_id,rating,at,note\n3,30,5.0,,é\n")
	s3.put("m/manifest", `{"entries":[{"url":"s3://b/in/1.csv.gz","mandatory":true},{"url":"s3://b/in/2.csv.gz","mandatory":true},{"url":"s3://b/in/none.csv.gz"}]}`)
	exec(t, conn, "COPY ratings FROM 's3://m/manifest'"+role+"MANIFEST FORMAT AS CSV IGNOREHEADER 1 GZIP TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF")
	if got := one(t, conn, "SELECT pg_last_copy_count()"); got != "3" {
		t.Errorf("pg_last_copy_count: %s", got)
	}
	if got := one(t, conn, "SELECT count(*) || '/' || sum(rating) || '/' || count(at) || '/' || max(note) || '/' || min(length(note)) FROM ratings"); got != "3/12.5/2/é/0" {
		t.Errorf("loaded: %q", got)
	}
	exec(t, conn, "UNLOAD ('SELECT user_id, rating, ''x'' AS x FROM ratings WHERE user_id < 3') TO 's3://out/d/'"+role+"FORMAT AS PARQUET MANIFEST VERBOSE")
	if got := one(t, conn, "SELECT pg_last_unload_count()"); got != "2" {
		t.Errorf("pg_last_unload_count: %s", got)
	}
	if got := strings.Join(s3.keys("out/"), " "); got != "out/d/0000_part_00.parquet out/d/manifest" {
		t.Errorf("files: %s", got)
	}
	var m struct {
		Entries []struct {
			URL  string
			Meta struct{ ContentLength, RecordCount int }
		}
		Meta   map[string]int
		Schema struct{ Elements []map[string]any }
	}
	if err := json.Unmarshal([]byte(s3.get("out/d/manifest")), &m); err != nil {
		t.Fatal(err)
	}
	if m.Meta["record_count"] != 2 || m.Meta["content_length"] != len(s3.get("out/d/0000_part_00.parquet")) || len(m.Schema.Elements) != 3 {
		t.Errorf("manifest: %s", s3.get("out/d/manifest"))
	}
	if msg := refuse(t, conn, "XX000", "UNLOAD ('SELECT 1') TO 's3://out/d/'"+role+"FORMAT PARQUET"); !strings.Contains(msg, "not empty") {
		t.Errorf("message: %s", msg)
	}
	exec(t, conn, "CREATE TABLE back (user_id INT, rating DECIMAL(2,1), x VARCHAR(1))")
	exec(t, conn, "COPY back FROM 's3://out/d/manifest'"+role+"MANIFEST FORMAT AS PARQUET STATUPDATE OFF")
	if got := one(t, conn, "SELECT listagg(user_id || ':' || rating || x, ',') WITHIN GROUP (ORDER BY user_id) FROM back"); got != "1:4.5x,2:3.0x" {
		t.Errorf("round trip: %s", got)
	}
	exec(t, conn, "UNLOAD ('SELECT at, user_id FROM ratings ORDER BY user_id') TO 's3://out/ts/'"+role+"FORMAT PARQUET")
	exec(t, conn, "CREATE TABLE ts (at TIMESTAMP, user_id INT)")
	exec(t, conn, "COPY ts FROM 's3://out/ts/'"+role+"PARQUET")
	if got := one(t, conn, "SELECT at FROM ts WHERE user_id = 2"); got != "2026-11-21 11:00:00" {
		t.Errorf("timestamp through Parquet: %s", got)
	}
	exec(t, conn, "UNLOAD ('SELECT 1 AS a WHERE false') TO 's3://out/none/'"+role+"FORMAT PARQUET MANIFEST VERBOSE")
	if got := s3.keys("out/none/"); len(got) != 0 {
		t.Errorf("zero rows wrote %v", got)
	}
	exec(t, conn, "UNLOAD ('SELECT user_id, note, user_id = 1 AS one FROM ratings ORDER BY 1') TO 's3://out/csv/'"+role+"FORMAT CSV HEADER PARALLEL OFF")
	if got, want := s3.get("out/csv/000"), "user_id,note,one\n1,\"a, \"\"b\"\"\nc\",t\n2,\"\",f\n3,é,f\n"; got != want {
		t.Errorf("CSV: %q, want %q", got, want)
	}
}

func TestRejectedRows(t *testing.T) {
	cases := []struct{ name, columns, body, options, column, reason, code string }{
		{"digit", "a INT, b VARCHAR(3)", "1,x\nzwei,y\n", "", "a", "Invalid digit, Value 'z', Pos 0, Type: Integer", "1207"},
		{"overflow", "a SMALLINT, b VARCHAR(3)", "1,x\n70000,y\n", "", "a", "Overflow, Value '70000', Type: Short", "1222"},
		{"long", "a INT, b VARCHAR(3)", "1,x\n2,\"éé\"\n", "", "b", "String length exceeds DDL length", "1204"},
		{"date", "a INT, b DATE", "1,2026-01-01\n2,01.02.26\n", "", "b", "Invalid Date Format - length must be 10 or more", "1205"},
		{"zone", "a INT, b TIMESTAMP", "1,2026-01-01\n2,2026-01-01 10:00:00 EST\n", "TIMEFORMAT 'auto'", "b", "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]", "1206"},
		{"extra", "a INT, b VARCHAR(3)", "1,x\n2,y,z\n", "", "b", "Extra column(s) found", "1202"},
		{"missing", "a INT, b VARCHAR(3)", "1,x\n2\n", "", "a", "Delimiter not found", "1214"},
		{"null", "a INT NOT NULL, b VARCHAR(3)", "1,x\n,y\n", "", "a", "Missing data for not-null field", "1213"},
		{"quote", "a INT, b VARCHAR(3)", "1,x\n2,\"y\"z\n", "", "b", "Invalid quote formatting for CSV", "1216"},
		{"utf8", "a INT, b VARCHAR(3)", "1,x\n2,\xff\n", "", "b", "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: ff (error 3)", "1220"},
	}
	conn, s3, _ := loaded(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			exec(t, conn, "DROP TABLE IF EXISTS t")
			exec(t, conn, "CREATE TABLE t ("+c.columns+")")
			s3.put("b/"+c.name+"/x.csv", c.body)
			exec(t, conn, "BEGIN")
			msg := refuse(t, conn, "XX000", "COPY t FROM 's3://b/"+c.name+"/'"+role+"CSV "+c.options)
			if !strings.Contains(msg, "stl_load_errors") {
				t.Errorf("message: %s", msg)
			}
			refuse(t, conn, "25P02", "SELECT 1")
			exec(t, conn, "ROLLBACK")
			got := one(t, conn, "SELECT filename || ' ' || line_number || ' ' || colname || ' ' || err_code || ' ' || err_reason FROM stl_load_errors WHERE session = pg_backend_pid() AND query = (SELECT max(query) FROM stl_load_errors)")
			if want := fmt.Sprintf("s3://b/%s/x.csv 2 %s %s %s", c.name, c.column, c.code, c.reason); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if n := one(t, conn, "SELECT count(*) FROM t"); n != "0" {
				t.Errorf("%s rows are there", n)
			}
			exec(t, conn, "COPY t FROM 's3://b/"+c.name+"/'"+role+"CSV MAXERROR 2 "+c.options)
			if n := one(t, conn, "SELECT count(*) FROM t"); n != "1" {
				t.Errorf("MAXERROR 2 loaded %s rows", n)
			}
		})
	}
}

func TestCopyOptions(t *testing.T) {
	cases := []struct{ name, columns, body, options, want string }{
		{"pipe", "a INT, b VARCHAR(9)", "1|x\n2|\\N\n", "", "1:x 2:-"},
		{"trailing", "a INT, b VARCHAR(9)", "1|x|\n2|y|\n", "", "1:x 2:y"},
		{"tab", "a INT, b VARCHAR(9)", "1\tx\n", `DELIMITER '\t'`, "1:x"},
		{"crlf", "a INT, b VARCHAR(9)", "1,x\r\n2,y\r\n", "CSV", "1:x 2:y"},
		{"no newline", "a INT, b VARCHAR(9)", "1,x", "CSV", "1:x"},
		{"null as", "a INT, b VARCHAR(9)", "1,NA\nNA,y\n", "CSV NULL AS 'NA'", "1:- -:y"},
		{"empty", "a INT, b VARCHAR(9)", "1,\n2,\" \"\n", "CSV EMPTYASNULL BLANKSASNULL", "1:- 2:-"},
		{"keep empty", "a INT, b VARCHAR(9)", "1,\n", "CSV", "1:"},
		{"cut", "a INT, b VARCHAR(3)", "1,ééé\n", "CSV TRUNCATECOLUMNS", "1:é"},
		{"invalid", "a INT, b VARCHAR(3)", "1,x\xffy\n", "CSV ACCEPTINVCHARS", "1:x?y"},
		{"escape", "a INT, b VARCHAR(9)", "1|x\\|y\n2|a\\\nb\n", "ESCAPE", "1:x|y 2:a\nb"},
		{"fill", "a INT, b VARCHAR(9)", "1\n", "CSV FILLRECORD", "1:"},
		{"decimal cut", "a INT, b DECIMAL(5,2)", "1,1.239\n2,-0.001\n", "CSV", "1:1.23 2:0.00"},
		{"decimal round", "a INT, b DECIMAL(5,2)", "1,1.239\n", "CSV ROUNDEC", "1:1.24"},
		{"dates", "a INT, b DATE", "1,24.12.2026\n", "CSV DATEFORMAT 'DD.MM.YYYY'", "1:2026-12-24"},
		{"auto", "a INT, b DATE", "1,12/24/2026\n2,20261224\n", "CSV DATEFORMAT 'auto'", "1:2026-12-24 2:2026-12-24"},
		{"epoch", "a INT, b TIMESTAMP", "1,0\n", "CSV TIMEFORMAT 'epochsecs'", "1:1970-01-01 00:00:00"},
		{"bool", "a INT, b BOOLEAN", "1,t\n2,No\n3,1\n", "CSV", "1:true 2:false 3:true"},
		{"zstd is none", "a INT, b VARCHAR(9)", "1,x\n", "CSV IGNOREHEADER 1", ""},
	}
	conn, s3, _ := loaded(t)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			exec(t, conn, "DROP TABLE IF EXISTS t")
			exec(t, conn, "CREATE TABLE t ("+c.columns+")")
			s3.put(fmt.Sprintf("b/%d/x", i), c.body)
			exec(t, conn, fmt.Sprintf("COPY t FROM 's3://b/%d/'%s%s", i, role, c.options))
			got := one(t, conn, "SELECT listagg(nvl(a::varchar, '-') || ':' || nvl(b::varchar, '-'), ' ') WITHIN GROUP (ORDER BY a) FROM t")
			if got == "NULL" {
				got = ""
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("columns", func(t *testing.T) {
		exec(t, conn, "CREATE TABLE id (n BIGINT IDENTITY(1,1), a INT, b VARCHAR(9) DEFAULT 'd')")
		s3.put("b/id/x", "7\n8\n")
		exec(t, conn, "COPY id (a) FROM 's3://b/id/'"+role+"CSV")
		if got := one(t, conn, "SELECT listagg(n || ':' || a || b, ' ') WITHIN GROUP (ORDER BY a) FROM id"); got != "1:7d 2:8d" {
			t.Errorf("got %q", got)
		}
	})
}

func TestCopyRefusals(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, "CREATE TABLE t (a INT)")
	s3.put("b/x", "1\n")
	s3.put("b/m", `{"entries":[{"url":"s3://b/x"},{"url":"s3://b/gone","mandatory":true}]}`)
	s3.put("b/m0", `{"entries":[{"url":"s3://b/gone"}]}`)
	s3.put("b/mp", `{"entries":[{"url":"s3://b/x"}]}`)
	for _, c := range []struct{ code, rest, want string }{
		{"42601", "FROM 's3://b/x'" + role + "PARQUET MAXERROR 1", "MAXERROR argument is not supported for PARQUET"},
		{"42601", "FROM 's3://b/x'" + role + "PARQUET GZIP", "GZIP"},
		{"42601", "FROM 's3://b/x'" + role + "CSV REMOVEQUOTES", "REMOVEQUOTES"},
		{"42601", "FROM 's3://b/x' CSV", "authorization"},
		{"42601", "FROM 's3://b/x'" + role + "CSV NOSUCH", "nosuch"},
		{"0A000", "FROM 's3://b/x'" + role + "AVRO 'auto'", "AVRO"},
		{"0A000", "FROM 's3://b/x'" + role + "FORMAT ORC", "ORC"},
		{"XX000", "FROM 's3://b/nothing'" + role + "CSV", "does not exist"},
		{"XX000", "FROM 's3://b/m'" + role + "CSV MANIFEST", "s3://b/gone"},
		{"XX000", "FROM 's3://b/m0'" + role + "CSV MANIFEST", "none of the 1 objects"},
		{"XX000", "FROM 's3://b/mp'" + role + "PARQUET MANIFEST", "content_length"},
		{"XX000", "FROM 's3://b/nomanifest'" + role + "CSV MANIFEST", "Problem reading manifest file"},
	} {
		if msg := refuse(t, conn, c.code, "COPY t "+c.rest); !strings.Contains(msg, c.want) {
			t.Errorf("%s: %s, want %q in it", c.rest, msg, c.want)
		}
	}
	refuse(t, conn, "42P01", "COPY nosuch FROM 's3://b/x'"+role+"CSV")
	refuse(t, conn, "42703", "COPY t (b) FROM 's3://b/x'"+role+"CSV")
	refuse(t, conn, "0A000", "UNLOAD ('SELECT 1 LIMIT 1') TO 's3://b/u/'"+role+"PARQUET")
	refuse(t, conn, "42601", "UNLOAD ('SELECT 1') TO 's3://b/u/'"+role+"PARQUET HEADER")
	if n := one(t, conn, "SELECT count(*) FROM t"); n != "0" {
		t.Errorf("%s rows", n)
	}
}

// TestParallelCopies: loads of one table at once all arrive; they queue.
func TestParallelCopies(t *testing.T) {
	conn, s3, p := loaded(t)
	exec(t, conn, "CREATE TABLE t (a INT, b VARCHAR(20))")
	const loads, objects, rows = 4, 25, 200
	for o := range objects {
		var b strings.Builder
		for i := range rows {
			fmt.Fprintf(&b, "%d,row %d\n", o*rows+i, i)
		}
		s3.putGzip(fmt.Sprintf("b/in/%03d.gz", o), b.String())
	}
	errs := make(chan error, loads)
	for range loads {
		c := simple(t, p, "c1")
		go func() {
			_, err := c.Exec(context.Background(), "COPY t FROM 's3://b/in/'"+role+"CSV GZIP")
			errs <- err
		}()
	}
	for range loads {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got, want := one(t, conn, "SELECT count(*) || ' ' || count(DISTINCT a) FROM t"), fmt.Sprintf("%d %d", loads*objects*rows, objects*rows); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
