package warehouse

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestMeaning: what Redshift answers where DuckDB would answer otherwise, or
// not at all. Each case is a query, the names and types of its columns, and
// its rows.
func TestMeaning(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, c, "CREATE TABLE t (i INT, b BIGINT, d DECIMAL(10,2), f FLOAT, s SMALLINT, v VARCHAR(10), day DATE, ts TIMESTAMP, at TIMESTAMPTZ)")
	exec(t, c, "INSERT INTO t VALUES (1, 10, 1.10, 1.5, 1, 'Ab', '2026-01-31', '2026-01-31 10:30:00', '2026-01-31 10:30:00+02'), (2, 20, 2.25, 2.5, 2, 'cd', '2026-02-01', '2026-02-01 00:00:00', NULL), (4, NULL, 3.00, NULL, NULL, NULL, NULL, NULL, NULL)")
	cases := []struct{ query, columns, want string }{
		{"SELECT 5/2, -5/2, 5%3", "?column?:23 ?column?:23 ?column?:23", "2,-2,2"},
		{"SELECT 5/2.0", "?column?:1700", "2.5000"},
		{"SELECT count(*), sum(i), avg(i), min(i), count(DISTINCT v) FROM t", "count:20 sum:20 avg:20 min:23 count:20", "3,7,2,1,2"},
		{"SELECT sum(b), sum(d), sum(f), avg(d), avg(f), avg(b) FROM t", "sum:20 sum:1700 sum:701 avg:1700 avg:701 avg:20", "30,6.35,4,2.11,2,15"},
		{"SELECT sum(i) OVER (ORDER BY i), avg(i) OVER (), row_number() OVER (ORDER BY i) FROM t ORDER BY 1", "sum:20 avg:20 row_number:20", "1,2,1|3,2,2|7,2,3"},
		{"SELECT sum(CASE WHEN i > 1 THEN 1 ELSE 0 END) AS n, sum(i*2), sum(DISTINCT i) FROM t", "n:20 sum:20 sum:20", "2,14,7"},
		{"SELECT s2, sum FROM (SELECT v s2, sum(i) FROM t GROUP BY v) ORDER BY 1", "s2:1043 sum:20", "Ab,1|cd,2|NULL,4"},
		{"WITH q AS (SELECT i, count(*) FROM t GROUP BY i) SELECT max(count) FROM q", "max:20", "1"},
		{"SELECT v FROM t ORDER BY v DESC", "v:1043", "NULL|cd|Ab"},
		{"SELECT v FROM t ORDER BY v", "v:1043", "Ab|cd|NULL"},
		{"SELECT V, \"I\", i AS \"Big\", i + 1 Other FROM T WHERE I = 1", "v:1043 i:23 big:23 other:23", "Ab,1,1,2"},
		{"SELECT v FROM t WHERE v ~ 'b'", "v:1043", "Ab"},
		{"SELECT 'abc' !~ 'b', 'abc' LIKE 'a%', 'ABC' ILIKE 'a%'", "?column?:16 ?column?:16 ?column?:16", "f,t,t"},
		{"SELECT i::varchar, cast(d AS int), 'x'::varchar(3), 1::smallint, v::varchar(1) FROM t WHERE i = 1", "i:1043 d:23 varchar:1043 int2:21 v:1043", "1,1,x,1,A"},
		{"SELECT 'héllo'::varchar(2), CAST('héllo' AS CHAR(3))", "varchar:1043 bpchar:1043", "h,hé"},
		{"SELECT 1.5::decimal, 2.7::numeric(3,1), 3::float, 4::real", "numeric:1700 numeric:1700 float8:701 float4:700", "2,2.7,3,4"},
		{"SELECT nvl(b, 0), nvl2(b, 'y', 'n'), decode(i, 1, 'one', 2, 'two', 'many') FROM t ORDER BY i", "coalesce:20 nvl2:1043 decode:1043", "10,y,one|20,y,two|0,n,many"},
		{"SELECT decode(b, NULL, 'none', 'some') FROM t WHERE i = 4", "decode:1043", "none"},
		{"SELECT len('héllo'), charindex('l', 'hello'), btrim('  x '), lpad('7', 3, '0'), octet_length('é')", "len:20 charindex:20 btrim:1043 lpad:1043 octet_length:20", "5,3,x,007,2"},
		{"SELECT regexp_replace('a1b22', '[0-9]+', '#'), regexp_count('abab', 'a'), regexp_substr('ab12', '[0-9]+')", "regexp_replace:1043 regexp_count:20 regexp_substr:1043", "a#b#,2,12"},
		{"SELECT dateadd(day, 1, day), dateadd('month', -1, ts), dateadd(hour, 2, '2026-01-01') FROM t WHERE i = 1", "date_add:1114 date_add:1114 date_add:1114", "2026-02-01 00:00:00,2025-12-31 10:30:00,2026-01-01 02:00:00"},
		{"SELECT datediff(day, '2026-01-01', '2026-02-01'), datediff(week, date '2026-11-21', date '2026-11-22'), datediff(week, date '2026-11-22', date '2026-11-23')", "date_diff:20 date_diff:20 date_diff:20", "31,1,0"},
		{"SELECT date_trunc('month', ts), date_part(dow, day), extract(year FROM day), last_day(day) FROM t WHERE i = 2", "date_trunc:1114 date_part:20 date_part:20 last_day:1082", "2026-02-01 00:00:00,0,2026,2026-02-28"},
		{"SELECT add_months(day, 1), day + 1, ts + interval '1 day' FROM t WHERE i = 1", "add_months:1114 ?column?:1082 ?column?:1114", "2026-02-28 00:00:00,2026-02-01,2026-02-01 10:30:00"},
		{"SELECT to_char(ts, 'YYYY-MM-DD HH24:MI'), to_date('24.12.2026', 'DD.MM.YYYY') FROM t WHERE i = 1", "to_char:1043 to_date:1082", "2026-01-31 10:30,2026-12-24"},
		{"SELECT at FROM t WHERE i = 1", "at:1184", "2026-01-31 08:30:00+00"},
		{"SELECT convert_timezone('America/New_York', ts) FROM t WHERE i = 1", "convert_timezone:1114", "2026-01-31 05:30:00"},
		{"SELECT listagg(v, '-') WITHIN GROUP (ORDER BY v DESC), listagg(DISTINCT v) FROM t WHERE i < 3 AND v = 'cd'", "listagg:1043 listagg:1043", "cd,cd"},
		{"SELECT TOP 1 i FROM t ORDER BY i DESC", "i:23", "4"},
		{"SELECT i FROM t MINUS SELECT 1 ORDER BY 1", "i:23", "2|4"},
		{"SELECT lag(v) IGNORE NULLS OVER (ORDER BY i) FROM t ORDER BY i", "lag:1043", "NULL|Ab|cd"},
		{"SELECT ratio_to_report(i) OVER () FROM t WHERE i IN (1, 4) ORDER BY 1", "ratio_to_report:701", "0.2|0.8"},
		{"SELECT approximate count(DISTINCT i) FROM t", "count:20", "3"},
		{"SELECT CASE WHEN i = 1 THEN 'a' END, true, current_date = current_date FROM t WHERE i = 1", "case:1043 bool:16 ?column?:16", "a,t,t"},
		{"SELECT (SELECT max(i) FROM t), i IS NULL, i BETWEEN 1 AND 2, NOT true FROM t WHERE i = 1", "?column?:23 ?column?:16 ?column?:16 ?column?:16", "4,f,t,f"},
		{"SELECT t.*, 1 AS one FROM t WHERE i = 2", "i:23 b:20 d:1700 f:701 s:21 v:1043 day:1082 ts:1114 at:1184 one:23", "2,20,2.25,2.5,2,cd,2026-02-01,2026-02-01 00:00:00,NULL,1"},
		{"SELECT m.i FROM t m JOIN t USING (i) WHERE m.i = 1 QUALIFY row_number() OVER (ORDER BY m.i) = 1", "i:23", "1"},
		{"SELECT $$it's$$, E'a\\nb', 'it''s' || 1", "?column?:1043 ?column?:1043 ?column?:1043", "it's,a\nb,it's1"},
		{"select /* c */ 1 -- x\n, 2", "?column?:23 ?column?:23", "1,2"},
		{"SELECT current_user, user, current_database(), version() LIKE '%Redshift%', pg_last_copy_id()", "current_user:1043 current_user:1043 current_database:1043 ?column?:16 pg_last_copy_id:20", "lamplighter,lamplighter,dev,t,-1"},
		{"SELECT datediff(second, getdate(), sysdate) < 5", "?column?:16", "t"},
		{"SELECT median(i), percentile_cont(0.5) WITHIN GROUP (ORDER BY i) FROM t", "median:701 percentile_cont:701", "2,2"},
		{"SELECT json_extract_path_text('{\"a\":{\"b\":\"x\"}}', 'a', 'b'), json_parse('[1,2]')", "json_extract_path_text:1043 json_parse:1043", "x,[1,2]"},
		{"SELECT \"schema\", \"table\", tbl_rows, unsorted, stats_off FROM svv_table_info", "schema:1043 table:1043 tbl_rows:1700 unsorted:1700 stats_off:1700", "public,t,3,0.00,0.00"},
		{"SELECT tablename FROM pg_tables WHERE schemaname = 'public'", "tablename:1043", "t"},
		{"SELECT column_name FROM information_schema.columns WHERE table_name = 't' AND ordinal_position < 3 ORDER BY ordinal_position", "column_name:1043", "i|b"},
		{"SELECT 1 UNION ALL SELECT count(*) FROM t ORDER BY 1", "?column?:20", "1|3"},
		{"(SELECT 1)", "?column?:23", "1"},
		{"SELECT i / nullif(i - 1, 0) FROM t ORDER BY i", "?column?:23", "NULL|2|1"},
	}
	for _, k := range cases {
		t.Run(k.query[:min(len(k.query), 50)], func(t *testing.T) {
			columns, rows := table1(t, c, k.query)
			if columns != k.columns {
				t.Errorf("columns\ngot  %s\nwant %s", columns, k.columns)
			}
			if rows != k.want {
				t.Errorf("rows\ngot  %q\nwant %q", rows, k.want)
			}
		})
	}
}

// table1 is a result as text.
func table1(t *testing.T, c *pgx.Conn, q string) (columns, rows string) {
	t.Helper()
	r, err := c.Query(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var cols, all []string
	for _, f := range r.FieldDescriptions() {
		cols = append(cols, fmt.Sprintf("%s:%d", f.Name, f.DataTypeOID))
	}
	for r.Next() {
		var row []string
		for _, v := range r.RawValues() {
			if v == nil {
				row = append(row, "NULL")
			} else {
				row = append(row, string(v))
			}
		}
		all = append(all, strings.Join(row, ","))
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.FieldDescriptions() {
		if len(cols) == 0 {
			cols = append(cols, fmt.Sprintf("%s:%d", f.Name, f.DataTypeOID))
		}
	}
	return strings.Join(cols, " "), strings.Join(all, "|")
}

func TestErrors(t *testing.T) {
	_, d := served(t)
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			c := dial(t, d, mode)
			exec(t, c, "DROP TABLE IF EXISTS t")
			exec(t, c, "CREATE TABLE t (a INT NOT NULL, v VARCHAR(3))")
			for _, k := range []struct{ code, q string }{
				{"42601", "SELEC 1"}, {"42601", "SELECT 1 FROM"}, {"42601", "SELECT 'x"}, {"42601", "SELECT (1"},
				{"42P01", "SELECT * FROM nosuch"}, {"42703", "SELECT nosuch FROM t"}, {"42883", "SELECT nosuch(1)"}, {"42702", "SELECT a FROM t x, t y"},
				{"42P07", "CREATE TABLE t (a INT)"}, {"42P06", "CREATE SCHEMA public"}, {"3F000", "CREATE TABLE nosuch.t (a INT)"}, {"42704", "CREATE TABLE u (a NOSUCH)"},
				{"22012", "SELECT 1/0"}, {"22012", "SELECT 1%0"}, {"22P02", "SELECT 'x'::int"}, {"22007", "SELECT 'x'::date"}, {"22003", "SELECT 70000::smallint"},
				{"23502", "INSERT INTO t VALUES (NULL, 'x')"}, {"22001", "INSERT INTO t VALUES (1, 'abcd')"}, {"22001", "UPDATE t SET v = 'éé'"},
				{"0A000", "CALL p()"}, {"0A000", "SAVEPOINT x"}, {"0A000", "SELECT 1 WHERE 'a' SIMILAR TO lower('b')"}, {"0A000", "CREATE MATERIALIZED VIEW m AS SELECT 1"},
				{"0A000", "CREATE FUNCTION f() RETURNS INT AS $$ SELECT 1 $$ LANGUAGE sql"}, {"0A000", "SELECT to_char(1, '9V9')"}, {"0A000", "SET timezone TO 'Europe/Berlin'"},
				{"22023", "SET statement_timeout TO 'soon'"}, {"42704", "SHOW nosuch"}, {"42803", "SELECT a, count(*) FROM t"},
				{"42701", "ALTER TABLE t ADD COLUMN v INT"}, {"42601", "INSERT INTO t VALUES (1, 'x') RETURNING a"}, {"42601", "COPY t TO 's3://b/x'"},
			} {
				if k.q == "UPDATE t SET v = 'éé'" {
					exec(t, c, "INSERT INTO t VALUES (1, 'abc')")
				}
				refuse(t, c, k.code, k.q)
			}
		})
	}
}

func TestDefinitions(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	for _, q := range []string{
		"CREATE SCHEMA IF NOT EXISTS lamplighter AUTHORIZATION lamplighter",
		"CREATE TABLE IF NOT EXISTS lamplighter.l (id BIGINT IDENTITY(5, 10), uri VARCHAR(64) NOT NULL ENCODE zstd, size BIGINT DEFAULT 0, at TIMESTAMP DEFAULT getdate() SORTKEY, PRIMARY KEY (uri), FOREIGN KEY (uri) REFERENCES x(y)) DISTSTYLE KEY DISTKEY(uri) COMPOUND SORTKEY (at, uri)",
		"CREATE TABLE IF NOT EXISTS lamplighter.l (id INT)",
		"INSERT INTO lamplighter.l (uri) VALUES ('a'), ('b'), ('a')",
		"CREATE TABLE ctas DISTKEY(uri) AS SELECT uri, sum(size), count(*) FROM lamplighter.l GROUP BY uri",
		"SELECT uri, size INTO TEMP into_temp FROM lamplighter.l",
		"CREATE TEMP TABLE stage (LIKE lamplighter.l)",
		"INSERT INTO stage (id, uri) VALUES (1, 'x')",
		"ALTER TABLE lamplighter.l ADD COLUMN note VARCHAR(5)",
		"ALTER TABLE lamplighter.l ADD COLUMN n INT DEFAULT 3",
		"ALTER TABLE lamplighter.l ADD COLUMN must INT NOT NULL DEFAULT 1",
		"UPDATE lamplighter.l SET note = 'abcde' WHERE uri = 'b'",
		"CREATE OR REPLACE VIEW v AS SELECT uri, max(id) FROM lamplighter.l GROUP BY uri WITH NO SCHEMA BINDING",
		"GRANT SELECT ON v TO PUBLIC",
		"CREATE TABLE neg (a INT GENERATED BY DEFAULT AS IDENTITY(-1, -2), b INT)",
		"INSERT INTO neg (b) VALUES (1), (2)",
		"MERGE INTO ctas USING stage s ON ctas.uri = s.uri WHEN MATCHED THEN UPDATE SET sum = 1 WHEN NOT MATCHED THEN INSERT (uri, sum, count) VALUES (s.uri, 9, 9)",
		"DELETE FROM ctas WHERE uri = 'b'",
		"ALTER TABLE ctas RENAME COLUMN sum TO total",
		"SET query_group TO 'night'", "SET search_path TO lamplighter, public", "SET application_name TO 'p/r/1'",
	} {
		exec(t, c, q)
	}
	for q, want := range map[string]string{
		"SELECT max(a) || ' ' || min(a) FROM public.neg":                                   "-1 -3",
		"SELECT listagg(id || uri, ',') WITHIN GROUP (ORDER BY id) FROM l":                 "5a,15b,25a",
		"SELECT note || n || must FROM l WHERE uri = 'b'":                                  "abcde31",
		"SELECT listagg(uri || max, ',') WITHIN GROUP (ORDER BY uri) FROM v":               "a25,b15",
		"SELECT listagg(uri || total || count, ',') WITHIN GROUP (ORDER BY uri) FROM ctas": "a02,x99",
		"SELECT count(*) FROM into_temp":                                                   "3",
		"SHOW query_group":                                                                 "night",
		"SHOW search_path":                                                                 "lamplighter,public",
		"SHOW application_name":                                                            "p/r/1",
	} {
		if got := one(t, c, q); got != want {
			t.Errorf("%s: got %q, want %q", q, got, want)
		}
	}
	refuse(t, c, "22001", "UPDATE l SET note = 'abcdef'")
	refuse(t, c, "23502", "UPDATE l SET uri = NULL")
	exec(t, c, "BEGIN")
	exec(t, c, "DROP TABLE ctas, lamplighter.l CASCADE")
	exec(t, c, "ROLLBACK")
	if got := one(t, c, "SELECT count(*) FROM ctas"); got != "2" {
		t.Errorf("DROP was not rolled back: %s", got)
	}
}
