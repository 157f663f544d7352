package warehouse

import (
	"strings"
	"testing"
)

// TestParquetSchemas: columns go by position, and what does not fit is told
// with the file, the column and both types (RSD
// copy-usage_notes-copy-from-columnar).
func TestParquetSchemas(t *testing.T) {
	conn, s3, _ := loaded(t)
	for name, query := range map[string]string{
		"ints": "SELECT 1::SMALLINT AS x, 2::INT AS y, 3::BIGINT AS z", "text": "SELECT ''a'' AS x, ''b'' AS y, ''c'' AS z", "two": "SELECT 1 AS x, 2 AS y",
		"floats": "SELECT 1.5::REAL AS x, 2.5::FLOAT AS y, 1.25::DECIMAL(5,2) AS z", "times": "SELECT DATE ''2026-01-02'' AS x, TIMESTAMP ''2026-01-02 03:04:05'' AS y, TIMESTAMPTZ ''2026-01-02 03:04:05+00'' AS z",
		"sum": "SELECT sum(x) AS x, 1 AS y, 2 AS z FROM (SELECT 12345678901234567890::DECIMAL(38,0) AS x) q", "super": "SELECT json_parse(''{\"a\":1}'') AS x, 1 AS y, 2 AS z",
	} {
		exec(t, conn, "UNLOAD ('"+query+"') TO 's3://p/"+name+"/'"+role+"PARQUET")
	}
	for _, c := range []struct{ columns, from, options, want string }{
		{"a SMALLINT, b INT, c BIGINT", "ints", "", "1 2 3"},
		{"a BIGINT, b BIGINT, c BIGINT", "ints", "", "1 2 3"},
		{"a SMALLINT, b SMALLINT, c BIGINT", "ints", "", "!incompatible Parquet schema for column 's3://p/ints/.b'. Column type: SMALLINT, Parquet schema: optional int32 y [i:1], which is INTEGER"},
		{"a INT, b INT, c INT", "ints", "", "!column 's3://p/ints/.c'. Column type: INTEGER, Parquet schema: optional int64 z [i:2], which is BIGINT"},
		{"a VARCHAR(9), b INT, c BIGINT", "ints", "", "!Column type: VARCHAR(9), Parquet schema: optional int32 x [i:0], which is SMALLINT"},
		{"a VARCHAR(9), b VARCHAR(9), c INT", "text", "", "!File 's3://p/text/0000_part_00.parquet' has an incompatible Parquet schema for column 's3://p/text/.c'. Column type: INTEGER, Parquet schema: optional byte_array z [i:2], which is VARCHAR"},
		{"a REAL, b FLOAT, c DECIMAL(6,3)", "floats", "", "1.5 2.5 1.250"},
		{"a REAL, b FLOAT, c DECIMAL(4,2)", "floats", "", "!Column type: DECIMAL(4,2)"},
		{"a REAL, b REAL, c DECIMAL(5,2)", "floats", "", "!Column type: FLOAT, Parquet schema: optional double y [i:1], which is DOUBLE"},
		{"a REAL, b DECIMAL(5,2), c DECIMAL(5,2)", "floats", "", "!Column type: DECIMAL(5,2), Parquet schema: optional double y"},
		{"a DATE, b TIMESTAMP, c TIMESTAMPTZ", "times", "", "2026-01-02 2026-01-02 03:04:05 2026-01-02 03:04:05+00"},
		{"a TIMESTAMP, b TIMESTAMP, c TIMESTAMPTZ", "times", "", "!Column type: TIMESTAMP, Parquet schema: optional int32 x [i:0], which is DATE"},
		{"a DECIMAL(38,0), b INT, c INT", "sum", "", "12345678901234567890 1 2"},
		{"a SUPER, b INT, c INT", "super", "", `{"a":1} 1 2`},
		{"a INT, b INT, c INT", "two", "", "!Unmatched number of columns between table and file. Table columns: 3, Data columns: 2, File name: s3://p/two/0000_part_00.parquet"},
		{"a INT, b INT, c INT", "two", "FILLRECORD", "1 2 -"},
		{"a INT, b INT, c VARCHAR(9)", "two", "FILLRECORD", "1 2 "},
		{"a INT", "two", "", "!Table columns: 1, Data columns: 2"},
	} {
		exec(t, conn, "DROP TABLE IF EXISTS t")
		exec(t, conn, "CREATE TABLE t ("+c.columns+")")
		stmt := "COPY t FROM 's3://p/" + c.from + "/'" + role + "PARQUET " + c.options
		if want, bad := strings.CutPrefix(c.want, "!"); bad {
			if msg := refuse(t, conn, "XX000", stmt); !strings.Contains(msg, want) || !strings.Contains(msg, "Spectrum Scan Error") {
				t.Errorf("%s into %s: %s", c.from, c.columns, msg)
			}
			continue
		}
		exec(t, conn, stmt)
		if got := one(t, conn, "SELECT a::varchar || ' ' || b::varchar || ' ' || nvl(c::varchar, '-') FROM t"); got != c.want {
			t.Errorf("%s into %s: got %q, want %q", c.from, c.columns, got, c.want)
		}
	}
	s3.put("p/bad/x.parquet", "PAR1 is not enough")
	if msg := refuse(t, conn, "XX000", "COPY t FROM 's3://p/bad/'"+role+"PARQUET"); !strings.Contains(msg, "s3://p/bad/x.parquet") {
		t.Errorf("no Parquet: %s", msg)
	}
}

// TestParquetByPosition: files of one load may name their columns differently,
// and may be packed.
func TestParquetByPosition(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, "UNLOAD ('SELECT 1 AS x, ''p'' AS y') TO 's3://p/a_'"+role+"PARQUET")
	exec(t, conn, "UNLOAD ('SELECT 2 AS y, ''q'' AS x') TO 's3://p/b_'"+role+"PARQUET")
	exec(t, conn, "UNLOAD ('SELECT 3 AS v, ''r'' AS w') TO 's3://q/c_'"+role+"PARQUET")
	s3.putGzip("p/c_0000_part_00.parquet.gz", s3.get("q/c_0000_part_00.parquet"))
	exec(t, conn, "CREATE TABLE t (a INT, b VARCHAR(9))")
	exec(t, conn, "COPY t FROM 's3://p/'"+role+"PARQUET")
	if got := one(t, conn, rowsOf); got != "1:p 2:q 3:r" {
		t.Errorf("got %q", got)
	}
	if got := one(t, conn, "SELECT count(*) || ' ' || min(file_format) FROM stl_load_commits"); got != "3 parquet" {
		t.Errorf("stl_load_commits: %s", got)
	}
}

// TestParquetValues: a value that does not fit is found, and logged.
func TestParquetValues(t *testing.T) {
	conn, _, _ := loaded(t)
	exec(t, conn, "UNLOAD ('SELECT 1 AS a, ''short'' AS b UNION ALL SELECT NULL, ''ééé'' ') TO 's3://p/v_'"+role+"PARQUET")
	exec(t, conn, "CREATE TABLE long (a INT, b VARCHAR(5))")
	exec(t, conn, "CREATE TABLE nn (a INT NOT NULL, b VARCHAR(9))")
	exec(t, conn, "BEGIN")
	if msg := refuse(t, conn, "XX000", "COPY long FROM 's3://p/v_'"+role+"PARQUET"); !strings.Contains(msg, "The length of the data column b is longer than the length defined in the table. Table: 5, Data: 6") {
		t.Errorf("too long: %s", msg)
	}
	exec(t, conn, "ROLLBACK")
	if msg := refuse(t, conn, "XX000", "COPY nn FROM 's3://p/v_'"+role+"PARQUET"); !strings.Contains(msg, "Missing data for not-null field. Column: a, rows: 1") {
		t.Errorf("null: %s", msg)
	}
	if got := one(t, conn, "SELECT listagg(colname || ' ' || err_code || ' ' || trim(raw_field_value), ', ') WITHIN GROUP (ORDER BY query) FROM stl_load_errors"); got != "b 1204 ..., a 1213 " {
		t.Errorf("stl_load_errors: %q", got)
	}
	if got := one(t, conn, "SELECT (SELECT count(*) FROM long) + (SELECT count(*) FROM nn)"); got != "0" {
		t.Errorf("%s rows", got)
	}
}

// TestCopyPairs: options that do not go together, each with its page.
func TestCopyPairs(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, "CREATE TABLE t (n BIGINT IDENTITY(1,1), a INT, b VARCHAR(9))")
	s3.put("b/x", "{\"n\": 7, \"a\": 1}\n")
	s3.put("p/short", `{"jsonpaths": ["$.a"]}`)
	s3.put("p/mixed", `{"jsonpaths": ["$.a['b']", "$.b"]}`)
	s3.put("p/star", `{"jsonpaths": ["$.*", "$.b"]}`)
	s3.put("p/broken", `{"jsonpaths": [`)
	for _, c := range []struct{ page, code, columns, options, want string }{
		{pageColumnar, "42601", "", "PARQUET MAXERROR 1", "MAXERROR argument is not supported for PARQUET based COPY"},
		{pageColumnar, "42601", "", "PARQUET REGION 'us-east-1'", "REGION argument is not supported"},
		{pageColumnar, "42601", "", "PARQUET COMPUPDATE OFF", "COMPUPDATE argument"},
		{pageColumnar, "42601", "", "PARQUET ACCEPTANYDATE", "ACCEPTANYDATE argument"},
		{pageColumnar, "42601", "", "PARQUET NULL AS 'x'", "NULL argument"},
		{pageFormat, "42601", "", "CSV ESCAPE", "CSV is not compatible with ESCAPE"},
		{pageFormat, "42601", "", "CSV REMOVEQUOTES", "CSV is not compatible with REMOVEQUOTES"},
		{pageFormat, "42601", "", "JSON DELIMITER ','", "JSON is not compatible with DELIMITER"},
		{pageFormat, "42601", "", "JSON NULL AS 'x'", "JSON is not compatible with NULL"},
		{pageFormat, "42601", "", "JSON FILLRECORD", "FILLRECORD"},
		{pageFormat, "42601", "", "JSON ESCAPE", "ESCAPE"},
		{pageFormat, "42601", "", "JSON 'AUTO'", "'auto ignorecase'"},
		{pageFormat, "42601", "", "QUOTE '%'", "only for CSV"},
		{pageFormat, "42601", "", "CSV JSON", "two formats"},
		{pageFormat, "22023", "", "CSV DELIMITER 'ab'", "single ASCII"},
		{pageFormat, "22023", "", `CSV DELIMITER '\012'`, "single ASCII"},
		{pageFormat, "22023", "", "CSV DELIMITER '\"'", "must be different"},
		{pageLoad, "42601", "", "IGNOREALLERRORS MAXERROR 5", "cannot be used together"},
		{pageLoad, "22023", "", "MAXERROR 100001", "between 0 and 100000"},
		{pageConversion, "42601", "", "ENCODING EBCDIC", "UTF16"},
		{pageConversion, "22023", "", `NULL AS '\n'`, "ends lines"},
		{pageConversion, "42601", "", "ACCEPTINVCHARS 'é'", "one ASCII character"},
		{pageConversion, "XX000", "", "ENCODING UTF16", "byte order mark"},
		{pageConversion, "42601", "(a)", "EXPLICIT_IDS", "needs the identity column"},
		{pageConversion, "42601", "(n, a)", "", "without EXPLICIT_IDS"},
		{"r_COPY", "42701", "(a, a)", "", "more than once"},
		{pageSuper, "42601", "(a)", "JSON 'noshred'", "SUPER"},
		{pageSuper, "42601", "", "CSV SERIALIZETOJSON", "only for PARQUET"},
		{pageJSON, "XX000", "", "JSON 's3://p/short'", "JSONPath size: 1, Number of columns in table or column list: 2"},
		{pageJSON, "XX000", "", "JSON 's3://p/mixed'", "mixed"},
		{pageJSON, "XX000", "", "JSON 's3://p/star'", "Invalid JSONPath format"},
		{pageJSON, "XX000", "", "JSON 's3://p/broken'", "not one JSON object"},
		{pageJSON, "XX000", "", "JSON 's3://p/gone'", "s3://p/gone"},
		{"copy-parameters-data-source-s3", "XX000", "", "REGION 'eu-west-1'", "PermanentRedirect"},
		{"copy-parameters-file-compression", "0A000", "", "LZOP", "LZOP"},
		{"copy-parameters-file-compression", "XX000", "", "GZIP", "cannot be decompressed as gzip"},
		{"copy-parameters-file-compression", "XX000", "", "ZSTD", "s3://b/x"},
		{"copy-parameters-file-compression", "XX000", "", "BZIP2", "s3://b/x"},
		{pageFormat, "0A000", "", "FIXEDWIDTH 'a:3'", "FIXEDWIDTH"},
		{pageFormat, "0A000", "", "SHAPEFILE", "SHAPEFILE"},
	} {
		msg := refuse(t, conn, c.code, "COPY t "+c.columns+" FROM 's3://b/x'"+role+c.options)
		if !strings.Contains(msg, c.want) {
			t.Errorf("%s: %s %s: %s, want %q in it", c.page, c.columns, c.options, msg, c.want)
		}
	}
	s3.put("b/gz", truncated(s3, "1|x\n"))
	if msg := refuse(t, conn, "XX000", "COPY t FROM 's3://b/gz'"+role+"GZIP"); !strings.Contains(msg, "s3://b/gz cannot be read: unexpected EOF") {
		t.Errorf("a truncated gzip: %s", msg)
	}
	exec(t, conn, "COPY t (n, a, b) FROM 's3://b/x'"+role+"JSON EXPLICIT_IDS REGION 'us-east-1' IGNOREALLERRORS")
	if got := one(t, conn, "SELECT listagg(n || ' ' || a) FROM t"); got != "7 1" {
		t.Errorf("got %s", got)
	}
}

// truncated is a gzip that ends too early.
func truncated(s3 *fakeS3, line string) string {
	s3.putGzip("tmp/gz", strings.Repeat(line, 10000))
	whole := s3.get("tmp/gz")
	return whole[:len(whole)/2]
}

// TestCopyObjects: hostile keys, empty objects, manifests whose entries may be
// missing, and a load that only looks (RSD
// loading-data-files-using-manifest, copy-parameters-data-load).
func TestCopyObjects(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, "CREATE TABLE t (a INT, b VARCHAR(9))")
	hostile := `k/quote'"back\slash new` + "\n" + `line/` + strings.Repeat("x", 900)
	s3.putGzip(hostile, "1|x\ny|y\n")
	s3.put("k/empty", "")
	s3.put("k/folder/", "")
	exec(t, conn, "COPY t FROM 's3://k/'"+role+"GZIP MAXERROR 2")
	if got := one(t, conn, rowsOf); got != "1:x" {
		t.Errorf("got %q", got)
	}
	if got := one(t, conn, "SELECT filename FROM stl_load_errors"); got != "s3://"+hostile {
		t.Errorf("filename: %q", got)
	}
	if got := one(t, conn, "SELECT listagg(lines_scanned, ' ') WITHIN GROUP (ORDER BY lines_scanned) FROM stl_load_commits"); got != "0 2" {
		t.Errorf("lines_scanned: %s", got)
	}
	s3.put("m/some", `{"entries":[{"url":"s3://k/empty","mandatory":true},{"url":"s3://k/gone","mandatory":false}]}`)
	exec(t, conn, "COPY t FROM 's3://m/some'"+role+"MANIFEST")
	for manifest, want := range map[string]string{
		`{"entries":[{"url":"s3://k/folder/"}]}`: "not the full path", `{"entries":[{"url":"k"}]}`: "not the full path", `{"entries":[]}`: "does not contain any entries", `{`: "not in correct json format",
		`{"entries":[{"url":"s3://k/gone","mandatory":true}]}`: "s3://k/gone",
	} {
		s3.put("m/bad", manifest)
		if msg := refuse(t, conn, "XX000", "COPY t FROM 's3://m/bad'"+role+"MANIFEST"); !strings.Contains(msg, want) {
			t.Errorf("%s: %s, want %q", manifest, msg, want)
		}
	}
	s3.put("n/x", "1|a\n2|b\n")
	exec(t, conn, "COPY t FROM 's3://n/'"+role+"NOLOAD")
	s3.put("n/y", "z|a\n")
	refuse(t, conn, "XX000", "COPY t FROM 's3://n/'"+role+"NOLOAD")
	if got := one(t, conn, rowsOf); got != "1:x" {
		t.Errorf("NOLOAD loaded: %q", got)
	}
}
