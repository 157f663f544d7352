package warehouse

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

func TestUnloadText(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, `CREATE TABLE venue (id INT, name VARCHAR(40), city VARCHAR(20), open BOOLEAN, score DOUBLE PRECISION, day DATE, at TIMESTAMP, price DECIMAL(6,2), s SUPER)`)
	exec(t, conn, `INSERT INTO venue VALUES (1, 'Columbus "Crew" Stadium', 'a|b', true, 1, '2026-11-21', '2026-11-21 10:00:00.5', 2.5, json_parse('{"k":[1,"x"]}')), (2, 'back\slash', '', false, -0.1, NULL, NULL, NULL, NULL), (3, NULL, 'two' || chr(10) || 'lines', NULL, NULL, NULL, NULL, 0, NULL)`)
	const q = "SELECT id, name, city, open FROM venue ORDER BY id"
	const quoted = "SELECT id, name FROM venue WHERE id = 1"
	for i, c := range []struct{ page, query, options, name, want string }{
		{pageExamples, q, "", "0000_part_00", "1|Columbus \"Crew\" Stadium|a|b|t\n2|back\\slash||f\n3||two\nlines|\n"},
		{pageUnload, q, "ESCAPE", "0000_part_00", "1|Columbus \"Crew\" Stadium|a\\|b|t\n2|back\\\\slash||f\n3||two\\\nlines|\n"},
		{pageUnload, q, "ADDQUOTES ESCAPE NULL AS 'nil'", "0000_part_00", "\"1\"|\"Columbus \\\"Crew\\\" Stadium\"|\"a\\|b\"|\"t\"\n\"2\"|\"back\\\\slash\"|\"\"|\"f\"\n\"3\"|nil|\"two\\\nlines\"|nil\n"},
		{pageExamples, quoted, "CSV", "0000_part_00", "1,\"Columbus \"\"Crew\"\" Stadium\"\n"},
		{pageExamples, "SELECT id, city FROM venue WHERE id = 1", "CSV DELIMITER AS '|'", "0000_part_00", "1|\"a|b\"\n"},
		{pageUnload, "SELECT id, city, name FROM venue WHERE id > 1 ORDER BY 1", "FORMAT AS CSV NULL 'N'", "0000_part_00", "2,\"\",back\\slash\n3,\"two\nlines\",N\n"},
		{pageExamples, quoted, "HEADER PARALLEL OFF", "000", "id|name\n1|Columbus \"Crew\" Stadium\n"},
		{pageUnload, quoted, "HEADER ADDQUOTES DELIMITER ','", "0000_part_00", "\"id\",\"name\"\n\"1\",\"Columbus \"Crew\" Stadium\"\n"},
		{pageExamples, quoted, `DELIMITER AS '\t'`, "0000_part_00", "1\tColumbus \"Crew\" Stadium\n"},
		{pageUnload, quoted, "CSV EXTENSION 'csv'", "0000_part_00.csv", "1,\"Columbus \"\"Crew\"\" Stadium\"\n"},
		{pageExamples, quoted, "JSON", "0000_part_00", "{\"id\":1,\"name\":\"Columbus \\\"Crew\\\" Stadium\"}\n"},
		{pageUnload, "SELECT * FROM venue ORDER BY id", "JSON", "0000_part_00", `{"id":1,"name":"Columbus \"Crew\" Stadium","city":"a|b","open":"t","score":1,"day":"2026-11-21","at":"2026-11-21 10:00:00.5","price":2.50,"s":{"k":[1,"x"]}}
{"id":2,"name":"back\\slash","city":"","open":"f","score":-0.1,"day":null,"at":null,"price":null,"s":null}
{"id":3,"name":null,"city":"two\nlines","open":null,"score":null,"day":null,"at":null,"price":0.00,"s":null}
`},
		{pageUnload, "SELECT id, score, day, at, price, s FROM venue WHERE id < 3 ORDER BY id", "NULL AS 'x'", "0000_part_00", "1|1|2026-11-21|2026-11-21 10:00:00.5|2.50|{\"k\":[1,\"x\"]}\n2|-0.1|x|x|x|null\n"},
	} {
		prefix := fmt.Sprintf("out/%d/", i)
		exec(t, conn, "UNLOAD ('"+strings.ReplaceAll(c.query, "'", "''")+"') TO 's3://"+prefix+"'"+role+c.options)
		if got := s3.get(prefix + c.name); got != c.want {
			t.Errorf("%s: %s: %v\ngot  %q\nwant %q", c.page, c.options, s3.keys(prefix), got, c.want)
		}
	}
	exec(t, conn, "UNLOAD ('"+quoted+"') TO 's3://out/z_'"+role+"CSV ZSTD")
	exec(t, conn, "UNLOAD ('"+quoted+"') TO 's3://out/g_'"+role+"GZIP")
	z, err := zstd.NewReader(strings.NewReader(s3.get("out/z_0000_part_00.zst")))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	g, err := gzip.NewReader(strings.NewReader(s3.get("out/g_0000_part_00.gz")))
	if err != nil {
		t.Fatal(err)
	}
	for want, r := range map[string]io.Reader{"1,\"Columbus \"\"Crew\"\" Stadium\"\n": z, "1|Columbus \"Crew\" Stadium\n": g} {
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("got %q %v, want %q", got, err, want)
		}
	}
	if got := one(t, conn, "SELECT path || ' ' || line_count || ' ' || file_format || ' ' || transfer_size FROM stl_unload_log WHERE query = pg_last_unload_id()"); got != fmt.Sprintf("s3://out/g_0000_part_00.gz 1 text %d", len(s3.get("out/g_0000_part_00.gz"))) {
		t.Errorf("stl_unload_log: %s", got)
	}
}

func TestUnloadPartitions(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, "CREATE TABLE l (k INT, ship DATE, kind VARCHAR(20))")
	exec(t, conn, "INSERT INTO l VALUES (1, '1992-01-02', 'a/b c'), (2, '1992-01-02', NULL), (3, '1992-01-03', 'x')")
	s3.put("out/p/ship=1992-01-02/old", "x")
	s3.put("out/p/ship=1990-01-01/old", "x")
	refuse(t, conn, "XX000", "UNLOAD ('SELECT * FROM l') TO 's3://out/p'"+role+"PARQUET PARTITION BY (ship)")
	exec(t, conn, "UNLOAD ('SELECT * FROM l') TO 's3://out/p'"+role+"PARQUET PARTITION BY (ship) CLEANPATH MANIFEST VERBOSE")
	want := "out/p/manifest out/p/ship=1990-01-01/old out/p/ship=1992-01-02/0000_part_00.parquet out/p/ship=1992-01-03/0000_part_00.parquet"
	if got := strings.Join(s3.keys("out/p/"), " "); got != want {
		t.Errorf("%s: got %s, want %s", pageExamples, got, want)
	}
	exec(t, conn, "CREATE TABLE back (k INT, kind VARCHAR(20))")
	exec(t, conn, "COPY back FROM 's3://out/p/manifest'"+role+"PARQUET MANIFEST")
	if got := one(t, conn, "SELECT listagg(k || ':' || nvl(kind, '-'), ' ') WITHIN GROUP (ORDER BY k) FROM back"); got != "1:a/b c 2:- 3:x" {
		t.Errorf("back: %s", got)
	}
	exec(t, conn, "UNLOAD ('SELECT * FROM l') TO 's3://out/c/'"+role+"CSV PARTITION BY (kind, ship) INCLUDE HEADER GZIP EXTENSION '.csv.gz' MANIFEST VERBOSE")
	want = "out/c/kind=__HIVE_DEFAULT_PARTITION__/ship=1992-01-02/0000_part_00.csv.gz out/c/kind=a%2Fb%20c/ship=1992-01-02/0000_part_00.csv.gz out/c/kind=x/ship=1992-01-03/0000_part_00.csv.gz out/c/manifest"
	if got := strings.Join(s3.keys("out/c/"), " "); got != want {
		t.Errorf("%s: got %s, want %s", pageUnload, got, want)
	}
	if got := one(t, conn, "SELECT pg_last_unload_count()"); got != "3" {
		t.Errorf("pg_last_unload_count: %s", got)
	}
	var m struct{ Meta map[string]int }
	if err := json.Unmarshal([]byte(s3.get("out/c/manifest")), &m); err != nil || m.Meta["record_count"] != 6 {
		t.Errorf("%s: header lines count in the manifest: %v %v", pageUnload, m.Meta, err)
	}
	exec(t, conn, "UNLOAD ('SELECT * FROM l') TO 's3://out/j/'"+role+"JSON PARTITION BY (ship)")
	if got := s3.get("out/j/ship=1992-01-03/0000_part_00"); got != "{\"k\":3,\"kind\":\"x\"}\n" {
		t.Errorf("JSON: %q", got)
	}
}

// TestUnloadSizes: MAXFILESIZE bounds every file; PARALLEL OFF keeps the order
// across them.
func TestUnloadSizes(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, "CREATE TABLE big AS SELECT i AS k, CASE WHEN i % 10 = 0 THEN 1 ELSE 0 END AS p, md5(i::varchar) || md5((-i)::varchar) || md5((i * 1000003)::varchar) AS v FROM generate_series(1, 80000) g(i)")
	for options, want := range map[string]int{"CSV": 2, "JSON": 2, "PARQUET": 2, "CSV PARTITION BY (p)": 3, "PARQUET PARTITION BY (p)": 3} {
		prefix := "out/" + strings.NewReplacer(" ", "", "(", "", ")", "").Replace(options) + "/"
		exec(t, conn, "UNLOAD ('SELECT * FROM big') TO 's3://"+prefix+"'"+role+"MAXFILESIZE 5 MB "+options)
		keys := s3.keys(prefix)
		if len(keys) < want || len(keys) > want+3 {
			t.Errorf("%s: %d files, want %d to three more: %v", options, len(keys), want, keys)
		}
		for _, k := range keys {
			if n := len(s3.get(k)); !strings.Contains(options, "PARQUET") && n > 5<<20 || n > 10<<20 { // Parquet's is approximate (RSD r_UNLOAD)
				t.Errorf("%s has %d bytes", k, n)
			}
		}
	}
	exec(t, conn, "UNLOAD ('SELECT k, v FROM big ORDER BY k DESC') TO 's3://out/off/'"+role+"CSV PARALLEL OFF MAXFILESIZE 5 MB HEADER")
	var all bytes.Buffer
	for i, k := range s3.keys("out/off/") {
		if k != fmt.Sprintf("out/off/%03d", i) {
			t.Errorf("file %d is %s", i, k)
		}
		body, ok := strings.CutPrefix(s3.get(k), "k,v\n")
		if !ok {
			t.Errorf("%s has no header", k)
		}
		all.WriteString(body)
	}
	lines := strings.Split(strings.TrimSpace(all.String()), "\n")
	for i, l := range lines {
		if !strings.HasPrefix(l, fmt.Sprintf("%d,", 80000-i)) {
			t.Fatalf("line %d is %q", i, l)
		}
	}
	if len(lines) != 80000 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestUnloadRefusals(t *testing.T) {
	conn, s3, _ := loaded(t)
	for _, c := range []struct{ page, code, query, options, want string }{
		{pageUnload, "42601", "SELECT 1 AS a", "PARQUET BZIP2", "BZIP2"},
		{pageUnload, "42601", "SELECT 1 AS a", "BZIP2 GZIP", "two compressions"},
		{pageUnload, "0A000", "SELECT 1 AS a", "FIXEDWIDTH 'a:3'", "FIXEDWIDTH"},
		{pageUnload, "42601", "SELECT 1 AS a", "JSON HEADER", "HEADER"},
		{pageUnload, "42601", "SELECT 1 AS a", "JSON NULL AS 'x'", "NULL"},
		{pageUnload, "42601", "SELECT 1 AS a", "CSV ESCAPE", "ESCAPE"},
		{pageUnload, "42601", "SELECT 1 AS a", "CSV ADDQUOTES", "ADDQUOTES"},
		{pageUnload, "42601", "SELECT 1 AS a", "PARQUET ZSTD", "ZSTD"},
		{pageUnload, "42601", "SELECT 1 AS a", "GZIP ZSTD", "two compressions"},
		{pageUnload, "42601", "SELECT 1 AS a", "ALLOWOVERWRITE CLEANPATH", "together"},
		{pageUnload, "42601", "SELECT 1 AS a", "CSV JSON", "two formats"},
		{pageUnload, "42601", "SELECT 1 AS a", "HEADER HEADER", "twice"},
		{pageUnload, "42601", "SELECT 1 AS a", "NOSUCH", "no such option"},
		{pageUnload, "42601", "SELECT 1 AS a", "CSV ROWGROUPSIZE 64 MB", "ROWGROUPSIZE"},
		{pageUnload, "22023", "SELECT 1 AS a", "PARQUET ROWGROUPSIZE 16 MB", "between 32 MB"},
		{pageUnload, "22023", "SELECT 1 AS a", "MAXFILESIZE 4 MB", "between 5 MB"},
		{pageUnload, "22023", "SELECT 1 AS a", "MAXFILESIZE 7 GB", "between 5 MB"},
		{pageUnload, "22023", "SELECT 1 AS a", "DELIMITER 'ab'", "single ASCII"},
		{pageUnload, "42601", "SELECT 1 AS a", "KMS_KEY_ID 'k'", "ENCRYPTED"},
		{pageUnload, "0A000", "SELECT 1 AS a", "MASTER_SYMMETRIC_KEY 'k' ENCRYPTED", "MASTER_SYMMETRIC_KEY"},
		{pageUnload, "42703", "SELECT 1 AS a", "PARTITION BY (b)", "not a column"},
		{pageUnload, "0A000", `SELECT 1 AS a, 2 AS "../b"`, `PARQUET PARTITION BY ("../b")`, "cannot name a folder"},
		{pageUnload, "42601", "SELECT 1 AS a", "PARTITION BY (a)", "not in PARTITION BY"},
		{pageUnload, "0A000", "SELECT 1 AS a, getdate()::timestamptz AS b", "PARTITION BY (b)", "timestamp with time zone"},
		{pageUnload, "0A000", "SELECT 1 AS a, ''61''::varbyte AS b", "JSON", "VARBYTE"},
		{pageUnload, "42701", "SELECT 1 AS a, 2 AS a", "JSON", "more than once"},
		{pageUnload, "0A000", "SELECT 1 AS a LIMIT 1", "CSV", "Limit"},
		{pageUnload, "XX000", "SELECT 1 AS a", "CSV REGION 'eu-west-1'", "PermanentRedirect"},
	} {
		msg := refuse(t, conn, c.code, "UNLOAD ('"+c.query+"') TO 's3://out/x/'"+role+c.options)
		if !strings.Contains(msg, c.want) {
			t.Errorf("%s: %s: %s, want %q in it", c.page, c.options, msg, c.want)
		}
	}
	if k := s3.keys("out/"); len(k) > 0 {
		t.Errorf("written: %v", k)
	}
	exec(t, conn, "UNLOAD ('SELECT 1 AS a') TO 's3://out/e/'"+role+"CSV REGION 'us-east-1' ENCRYPTED AUTO")
	exec(t, conn, "UNLOAD ('SELECT 1 AS a') TO 's3://out/k/'"+role+"CSV KMS_KEY_ID 'arn' ENCRYPTED")
}

// TestRoundTrip: what one format unloads, COPY loads as it was.
func TestRoundTrip(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, "CREATE TABLE src (n INT, i2 SMALLINT, i8 BIGINT, d DECIMAL(12,3), f4 REAL, f8 DOUBLE PRECISION, b BOOLEAN, v VARCHAR(200), day DATE, at TIMESTAMP, tz TIMESTAMPTZ, s SUPER)")
	exec(t, conn, "CREATE TABLE dst (LIKE src)")
	formats := []struct{ unload, copy string }{
		{"PARQUET", "PARQUET"},
		{"CSV NULL AS '@N@'", "CSV NULL AS '@N@' TIMEFORMAT 'auto'"},
		{"CSV DELIMITER '|' NULL AS '@N@' GZIP HEADER", "CSV DELIMITER '|' NULL AS '@N@' GZIP IGNOREHEADER 1 TIMEFORMAT 'auto'"},
		{"ESCAPE NULL AS '@N@' ZSTD", "ESCAPE NULL AS '@N@' ZSTD TIMEFORMAT 'auto'"},
		{"ESCAPE ADDQUOTES NULL AS '@N@' DELIMITER ','", "ESCAPE REMOVEQUOTES NULL AS '@N@' DELIMITER ',' TIMEFORMAT 'auto'"},
		{"JSON", "JSON 'auto' TIMEFORMAT 'auto'"},
		{"JSON BZIP2", "JSON 'auto' BZIP2 TIMEFORMAT 'auto'"},
	}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		exec(t, conn, "TRUNCATE src")
		exec(t, conn, "INSERT INTO src VALUES "+strings.Join(rapid.SliceOfN(rapid.Custom(row), 1, 12).Draw(rt, "rows"), ", "))
		f := rapid.SampledFrom(formats).Draw(rt, "format")
		run++
		prefix := fmt.Sprintf("trip/%d/", run)
		exec(t, conn, "TRUNCATE dst")
		exec(t, conn, "UNLOAD ('SELECT * FROM src') TO 's3://"+prefix+"'"+role+f.unload)
		exec(t, conn, "COPY dst FROM 's3://"+prefix+"'"+role+f.copy)
		const all = "SELECT n, i2, i8, d, f4::varchar, f8::varchar, b, v, day, at, tz, json_serialize(s) FROM "
		for _, q := range []string{all + "src EXCEPT " + all + "dst", all + "dst EXCEPT " + all + "src"} {
			if got := one(t, conn, "SELECT count(*) FROM ("+q+") x"); got != "0" {
				rt.Fatalf("%s: %s rows differ: %q", f.unload, got, s3.get(s3.keys(prefix)[0]))
			}
		}
		if a, b := one(t, conn, "SELECT count(*) FROM src"), one(t, conn, "SELECT count(*) FROM dst"); a != b {
			rt.Fatalf("%s: %s rows became %s", f.unload, a, b)
		}
	})
}

// row draws the values of a row of TestRoundTrip.
func row(t *rapid.T) string {
	null := func(g *rapid.Generator[string]) string {
		if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
			return "NULL"
		}
		return g.Draw(t, "value")
	}
	of := func(values ...string) *rapid.Generator[string] { return rapid.SampledFrom(values) }
	text := rapid.Map(rapid.StringOfN(rapid.SampledFrom([]rune("ab,|\"'\\\n\r\t é😀;{}N0")), 0, 12, -1), quote)
	return "(" + strings.Join([]string{
		null(of("0", "-1", "2147483647", "-2147483648")), null(of("0", "32767", "-32768")), null(of("9223372036854775807", "-9223372036854775807", "1")),
		null(of("0", "-0.001", "123456789.123", "-999999999.999", "0.5")), null(of("0", "1.5", "-0.1", "3.4e38")),
		null(of("0", "1e308", "-2.5e-300", "0.1", "123456789012345680", "'NaN'::double precision", "'-Infinity'::double precision")),
		null(of("true", "false")), null(text), null(of("'0001-01-01'", "'2026-02-28'", "'9999-12-31'")),
		null(of("'2026-11-21 10:00:00'", "'1969-12-31 23:59:59.999999'", "'2026-02-28 00:00:00.5'")), null(of("'2026-11-21 10:00:00+00'", "'2026-11-21 10:00:00.25+02'")),
		null(of(`json_parse('{"k":[1,2.5,"x\"y",null,true]}')`, `json_parse('"text"')`, `json_parse('7')`, `json_parse('[]')`)),
	}, ", ") + ")"
}
