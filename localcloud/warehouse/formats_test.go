package warehouse

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// Pages of the Redshift developer guide that cases come from:
// https://docs.aws.amazon.com/redshift/latest/dg/PAGE.html
const (
	pageFormat     = "copy-parameters-data-format"
	pageConversion = "copy-parameters-data-conversion"
	pageLoad       = "copy-parameters-data-load"
	pageJSON       = "copy-usage_notes-copy-from-json"
	pageSuper      = "copy_json"
	pageErrors     = "r_Load_Error_Reference"
	pageBytes      = "multi-byte-character-load-errors"
	pageTimes      = "automatic-recognition"
	pageUnload     = "r_UNLOAD"
	pageExamples   = "r_UNLOAD_command_examples"
	pageColumnar   = "copy-usage_notes-copy-from-columnar"
)

func inUTF16(s string, order binary.ByteOrder, mark bool) string {
	var b []byte
	if mark {
		s = "\ufeff" + s
	}
	for _, u := range utf16.Encode([]rune(s)) {
		two := make([]byte, 2)
		order.PutUint16(two, u)
		b = append(b, two...)
	}
	return string(b)
}

// rowsOf are a table's rows of columns a and b, in order of a.
const rowsOf = "SELECT listagg(nvl(a::varchar, '-') || ':' || nvl(b::varchar, '-'), ' ') WITHIN GROUP (ORDER BY a) FROM t"

func TestCopyFormats(t *testing.T) {
	cases := []struct{ page, name, columns, body, options, want string }{
		{pageFormat, "json auto", "a INT, b VARCHAR(20)", `{"a": 1, "b": "x\n\"é\u00e9"}  {"b":null,"a":2,"c":[1]}` + "\n" + `{"B":"y", "a": 3}`, "JSON 'auto'", "1:x\n\"éé 2:- 3:-"},
		{pageFormat, "json is auto", "a INT, b VARCHAR(20)", "{\n \"a\": \"1\",\n \"b\": true\n}\n", "FORMAT AS JSON", "1:true"},
		{pageFormat, "json ignorecase", "a INT, b VARCHAR(20)", `{"A": 1, "B": "y"}`, "JSON 'auto ignorecase'", "1:y"},
		{pageFormat, "json empty", "a INT, b VARCHAR(20)", `{"a": "", "b": ""}`, "JSON 'auto'", "-:"},
		{pageFormat, "json emptyasnull", "a INT, b VARCHAR(20)", `{"a": 1, "b": ""}`, "JSON 'auto' EMPTYASNULL", "1:-"},
		{pageFormat, "json header", "a INT, b VARCHAR(20)", "no json\n{\"a\": 1, \"b\": \"x\"}\n", "JSON 'auto' IGNOREHEADER 1", "1:x"},
		{pageJSON, "json nested into text", "a INT, b VARCHAR(40)", `{"a": 1, "b": {"k": [1, "x y"]}}`, "JSON 'auto'", `1:{"k":[1,"x y"]}`},
		{pageSuper, "json into super", "a INT, b SUPER", `{"a": 1, "b": {"k": [1, "x"]}} {"a": 2, "b": "s"} {"a": 3, "b": null}`, "JSON 'auto'", `1:{"k":[1,"x"]} 2:"s" 3:-`},
		{pageJSON, "jsonpaths dots", "a INT, b VARCHAR(20)", `{"id": 1, "store": {"book": {"title": "T"}}, "x": [7, 8]}`, "JSON 's3://paths/dots'", "1:T"},
		{pageJSON, "jsonpaths brackets", "a INT, b VARCHAR(20)", `{"id": 1, "location": ["p", "q"]}`, "JSON 's3://paths/brackets'", "1:q"},
		{pageJSON, "jsonpaths of arrays", "a INT, b VARCHAR(20)", "[1, \"x\"]\n[2, \"y\"]", "JSON 's3://paths/arrays'", "1:x 2:y"},
		{pageJSON, "jsonpaths of another key", "a INT, b VARCHAR(20)", `{"a": 1, "b": "x"}`, "JSON 's3://paths/otherkey'", "1:x"},
		{pageJSON, "jsonpaths missing", "a INT, b VARCHAR(20)", `{"id": 1}`, "JSON 's3://paths/dots'", "1:-"},
		{pageFormat, "csv blanks around quotes", "a INT, b VARCHAR(9)", "1, \"x\" \n2, y \n", "CSV", "1:x 2: y "},
		{pageFormat, "csv quote as", "a INT, b VARCHAR(9)", "1,%a,\"b%\n", "CSV QUOTE AS '%'", "1:a,\"b"},
		{pageFormat, "octal delimiter", "a INT, b VARCHAR(9)", "1\x01x\n", `DELIMITER '\001'`, "1:x"},
		{pageConversion, "utf16", "a INT, b VARCHAR(9)", inUTF16("1|é😀\n", binary.LittleEndian, true), "ENCODING UTF16", "1:é😀"},
		{pageConversion, "utf16be", "a INT, b VARCHAR(9)", inUTF16("1|é😀\n2|x\n", binary.BigEndian, false), "ENCODING AS UTF16BE", "1:é😀 2:x"},
		{pageConversion, "utf16le with mark", "a INT, b VARCHAR(9)", inUTF16("1|é\n", binary.LittleEndian, true), "ENCODING UTF16LE", "1:é"},
		{pageConversion, "latin", "a INT, b VARCHAR(9)", "1|\xe9\n", "ENCODING ISO88591", "1:é"},
		{pageConversion, "escape", "a INT, b VARCHAR(60)", "1|The quick brown fox\\\njumped over the lazy dog.\n2| A\\\\B\\\\C\n3| A \\| B \\| C\n", "ESCAPE", "1:The quick brown fox\njumped over the lazy dog. 2: A\\B\\C 3: A | B | C"},
		{pageConversion, "escape and removequotes", "a INT, b VARCHAR(60)", "4| 'A Midsummer Night\\'s Dream'\n5|'A Midsummer Night\\'s Dream'\n", "ESCAPE REMOVEQUOTES", "4: 'A Midsummer Night's Dream' 5:A Midsummer Night's Dream"},
		{pageConversion, "escaped null", "a INT, b VARCHAR(9)", "1|\\N\n2|\\\\N\n", "ESCAPE", "1:- 2:-"},
		{pageConversion, "removequotes", "a INT, b VARCHAR(60)", "1|'The delimiter is a pipe (|) character'\n2|'Black'\n3|\"White\"\n4|Blue'\n5|' ' Black ' '\n", "REMOVEQUOTES", "1:The delimiter is a pipe (|) character 2:Black 3:White 4:Blue' 5: ' Black ' "},
		{pageConversion, "null as nul", "a INT, b VARCHAR(9)", "1|\x00\n2|x\n", `NULL AS '\0'`, "1:- 2:x"},
		{pageConversion, "fillrecord", "a INT, b VARCHAR(9)", "1\n", "FILLRECORD EMPTYASNULL", "1:-"},
		{pageConversion, "fillrecord of numbers", "a INT, b INT", "1\n", "FILLRECORD", "1:-"},
		{pageConversion, "replace a character", "a INT, b VARCHAR(9)", "1|x\xe2\x82y\n", "ACCEPTINVCHARS AS '^'", "1:x^^y"},
		{pageBytes, "noncharacters stay", "a INT, b VARCHAR(9)", "1|\ufdd0\n", "", "1:\ufdd0"},
		{pageBytes, "noncharacters go", "a INT, b VARCHAR(9)", "1|\ufdd0\n", "ACCEPTINVCHARS", "1:???"},
		{pageConversion, "trimblanks", "a INT, b VARCHAR(9)", "1|x  \n", "TRIMBLANKS", "1:x"},
		{pageConversion, "ignoreblanklines", "a INT, b VARCHAR(9)", "\n1|x\n\n", "IGNOREBLANKLINES", "1:x"},
		{pageConversion, "roundec", "a INT, b DECIMAL(8,2)", "1|20.259\n", "ROUNDEC", "1:20.26"},
		{pageConversion, "no roundec", "a INT, b DECIMAL(8,2)", "1|20.259\n", "", "1:20.25"},
		{pageConversion, "acceptanydate", "a INT, b DATE", "1|00/00/00\n2|2026-01-02\n", "DATEFORMAT 'YYYY-MM-DD' ACCEPTANYDATE", "1:- 2:2026-01-02"},
		{pageConversion, "dateformat with a time", "a INT, b DATE", "1|Jan-01-1999\n", "DATEFORMAT 'MON-DD-YYYY'", "1:1999-01-01"},
		{pageConversion, "epochmillisecs", "a INT, b TIMESTAMP", "1|1500000000123\n", "TIMEFORMAT 'epochmillisecs'", "1:2017-07-14 02:40:00.123"},
		{pageTimes, "auto iso", "a INT, b TIMESTAMP", "1|2019-02-11T05:09:12.195Z\n", "TIMEFORMAT 'auto'", "1:2019-02-11 05:09:12.195"},
		{pageTimes, "auto compact", "a INT, b TIMESTAMP", "1|19960108 040809\n", "TIMEFORMAT 'auto'", "1:1996-01-08 04:08:09"},
		{pageTimes, "auto compact, short year", "a INT, b TIMESTAMP", "1|960108 040809\n", "TIMEFORMAT 'auto'", "1:1996-01-08 04:08:09"},
		{pageTimes, "auto day of the year", "a INT, b TIMESTAMP", "1|1996.008\n", "TIMEFORMAT 'auto'", "1:1996-01-08 00:00:00"},
		{pageTimes, "auto date", "a INT, b DATE", "1|2019-02-11T05:09:12Z\n", "DATEFORMAT 'auto'", "1:2019-02-11"},
		{pageLoad, "ignoreallerrors", "a INT, b VARCHAR(9)", "x|x\n2|y\nz|z\n", "IGNOREALLERRORS", "2:y"},
		{pageConversion, "float", "a INT, b DOUBLE PRECISION", "1|-0\n2|1e3\n3|NaN\n4|-Infinity\n", "", "1:-0 2:1000 3:NaN 4:-Infinity"},
		{"r_VARBYTE_type", "varbyte", "a INT, b VARBYTE(4)", "1|616263\n", "", "1:616263"},
		{pageSuper, "super from text", "a INT, b SUPER", "1|{\"k\": 1}\n2|null\n", "", `1:{"k": 1} 2:-`},
	}
	conn, s3, _ := loaded(t)
	for name, body := range map[string]string{
		"dots": `{"jsonpaths": ["$.id", "$.store.book.title"]}`, "brackets": `{"jsonpaths": ["$['id']", "$['location'][1]"]}`,
		"arrays": `{"jsonpaths": ["$[0]", "$[1]"]}`, "otherkey": `{"paths": ["$.x"]}`,
	} {
		s3.put("paths/"+name, body)
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			exec(t, conn, "DROP TABLE IF EXISTS t")
			exec(t, conn, "CREATE TABLE t ("+c.columns+")")
			s3.put(fmt.Sprintf("f/%d/x", i), c.body)
			exec(t, conn, fmt.Sprintf("COPY t FROM 's3://f/%d/'%s%s", i, role, c.options))
			q := rowsOf
			if strings.Contains(c.columns, "VARBYTE") {
				q = strings.Replace(q, "b::varchar", "to_hex(b)", 1)
			}
			got := one(t, conn, q)
			if strings.Contains(c.columns, "DOUBLE") { // how numbers are shown is not COPY's
				got = strings.NewReplacer(".0", "", "nan", "NaN", "-inf", "-Infinity").Replace(got)
			}
			if got != c.want {
				t.Errorf("%s: got %q, want %q", c.page, got, c.want)
			}
		})
	}
	t.Run("noshred", func(t *testing.T) {
		exec(t, conn, "CREATE TABLE doc (d SUPER)")
		s3.put("f/doc/x", "{\"a\": [1,\n2]}\n[3]")
		exec(t, conn, "COPY doc FROM 's3://f/doc/'"+role+"JSON 'noshred'")
		if got := one(t, conn, "SELECT count(*) || ' ' || max(json_serialize(d)) FROM doc"); !strings.HasPrefix(got, "2 {\"a\":") {
			t.Errorf("%s: got %q", pageSuper, got)
		}
	})
}

// TestRejectCodes: what a refused row tells.
func TestRejectCodes(t *testing.T) {
	cases := []struct{ page, name, columns, body, options, want string }{
		{pageErrors, "position and types", "a INT, b VARCHAR(9)", "1|x\n12x4|é\n", "", "2 a int4  2 1207 12x4 12x4|. Invalid digit, Value 'x', Pos 2, Type: Integer"},
		{pageErrors, "bytes, not characters", "a INT, b VARCHAR(3)", "1|éé\n", "", "1 b varchar 3 3 1204 .. 1|.. String length exceeds DDL length"},
		{pageErrors, "boolean", "a INT, b BOOLEAN", "1|maybe\n", "", "1 b bool  0 1210 maybe 1|maybe Unknown boolean format"},
		{pageErrors, "timestamp", "a INT, b TIMESTAMP", "1|2026-13-01\n", "", "1 b timestamp  0 1206 2026-13-01 1|2026-13-01 Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"},
		{pageErrors, "decimal", "a INT, b DECIMAL(4,2)", "1|123.4\n", "", "1 b numeric  0 1204 123.4 1|123.4 Numeric data overflow, Value '123.4', NUMERIC(4,2)"},
		{pageErrors, "empty line", "a INT, b VARCHAR(9)", "\n", "", "1 a int4  0 1211   Input line contained no data"},
		{pageErrors, "super", "a INT, b SUPER", "1|{\"a\":\n", "", "1 b super  0 1224 {\"a\": 1|{\"a\": Invalid JSON format for the SUPER data type"},
		{pageErrors, "nul", "a INT, b VARCHAR(9)", "1|a\x00b\n", "", "1 b varchar 9 1 1218 a.b 1|a.b Invalid null byte - field longer than 1 byte"},
		{pageBytes, "incomplete", "a INT, b VARCHAR(9)", "1|\xe2\x82\n", "", "1 b varchar 9 0 1220 .. 1|.. String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: e282 (error 2)"},
		{pageBytes, "no start", "a INT, b VARCHAR(9)", "1|\xa4\n", "", "1 b varchar 9 0 1220 . 1|. String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: a4 (error 3)"},
		{pageBytes, "trailing byte", "a INT, b VARCHAR(9)", "1|x\xc3(\n", "", "1 b varchar 9 1 1220 x.( 1|x.( String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: c328 (error 4)"},
		{pageBytes, "surrogate", "a INT, b VARCHAR(9)", "1|\xed\xa0\x80\n", "", "1 b varchar 9 0 1220 ... 1|... String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: eda080 (error 5)"},
		{pageConversion, "half a surrogate pair", "a INT, b VARCHAR(9)", "1\x00|\x00\x00\xd8\n\x00", "ENCODING UTF16LE", "1 b varchar 9 0 1220 ... 1|... String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: eda080 (error 5)"},
		{pageConversion, "removequotes open", "a INT, b VARCHAR(9)", "1|'Blue\n", "REMOVEQUOTES", "1 b varchar 9 0 1216 Blue 1|'Blue Invalid quote formatting: the quote is never closed"},
		{pageFormat, "json line is the last", "a INT, b VARCHAR(9)", "{\"a\": 1}\n{\"a\":\n\"x\",\n\"b\": \"y\"\n}\n", "JSON 'auto'", "5 a int4  0 1207 x {\"a\":\n\"x\",\n\"b\": \"y\"\n} Invalid digit, Value 'x', Pos 0, Type: Integer"},
		{pageFormat, "json garbage", "a INT, b VARCHAR(9)", "{\"a\": 1}\nhello\n", "JSON 'auto'", "2 a int4  0 1216  hello Invalid JSON format: neither an object nor an array"},
		{pageFormat, "json open", "a INT, b VARCHAR(9)", "{\"a\": 1", "JSON 'auto'", "1 a int4  0 1216  {\"a\": 1 Invalid JSON format: the document does not end"},
		{pageJSON, "json array needs paths", "a INT, b VARCHAR(9)", "[1]", "JSON 'auto'", "1 a int4  0 1216  [1] Invalid JSON format: an array needs a JSONPaths file"},
		{pageFormat, "json index", "a INT, b VARCHAR(9)", "[1]", "JSON 's3://paths/arrays'", "1 b varchar 9 0 1216  [1] Invalid JSONPath format: Not an array or index out of range."},
	}
	conn, s3, _ := loaded(t)
	s3.put("paths/arrays", `{"jsonpaths": ["$[0]", "$[1]"]}`)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			exec(t, conn, "DROP TABLE IF EXISTS t")
			exec(t, conn, "CREATE TABLE t ("+c.columns+")")
			s3.put(fmt.Sprintf("r/%d/x", i), c.body)
			refuse(t, conn, "XX000", fmt.Sprintf("COPY t FROM 's3://r/%d/'%s%s", i, role, c.options))
			got := one(t, conn, "SELECT line_number || ' ' || colname || ' ' || type || ' ' || col_length || ' ' || position || ' ' || err_code || ' ' || raw_field_value || ' ' || raw_line || ' ' || err_reason FROM stl_load_errors WHERE filename = 's3://r/"+fmt.Sprint(i)+"/x'")
			if got != c.want {
				t.Errorf("%s:\ngot  %q\nwant %q", c.page, got, c.want)
			}
			if n := one(t, conn, "SELECT count(*) FROM t"); n != "0" {
				t.Errorf("%s rows are there", n)
			}
		})
	}
}

// TestRejectDetails: stl_loaderror_detail has the fields up to the one at
// fault (RSD r_STL_LOADERROR_DETAIL), of 20 rows at most; MAXERROR counts as
// the page says; what was logged outlives the rollback.
func TestRejectDetails(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, "CREATE TABLE event (a INT, b INT, c INT, d INT)")
	s3.put("r/x", "1|2|3|4\n1201|126|aaa|5\n"+strings.Repeat("1|x|1|1\n", 30))
	exec(t, conn, "BEGIN")
	exec(t, conn, "COPY event FROM 's3://r/x'"+role+"MAXERROR 32")
	exec(t, conn, "ROLLBACK")
	if got := one(t, conn, "SELECT listagg(d.field || '=' || d.value || ' ' || d.type, ',') WITHIN GROUP (ORDER BY d.field) FROM stl_loaderror_detail d JOIN stl_load_errors e ON d.query = e.query AND d.line_number = e.line_number WHERE e.line_number = 2"); got != "0=1201 int4,1=126 int4,2=aaa int4" {
		t.Errorf("details: %s", got)
	}
	if got := one(t, conn, "SELECT count(DISTINCT line_number) FROM stl_loaderror_detail"); got != "20" {
		t.Errorf("%s rows in detail, want 20", got)
	}
	if got := one(t, conn, "SELECT count(*) || ' ' || min(column_type) || ' ' || min(error_code) || ' ' || sum(CASE WHEN table_id > 0 THEN 1 END) FROM sys_load_error_detail"); got != "31 int4 1207 31" {
		t.Errorf("sys_load_error_detail: %s", got)
	}
	if msg := refuse(t, conn, "XX000", "COPY event FROM 's3://r/x'"+role+"MAXERROR 31"); !strings.Contains(msg, "failed") {
		t.Errorf("31 errors with MAXERROR 31 (%s): %s", pageLoad, msg)
	}
	if got := one(t, conn, "SELECT count(*) FROM event"); got != "0" {
		t.Errorf("%s rows", got)
	}
}

// TestLongRows: a row ends at 4 MB (RSD r_COPY); the rest of the object is
// read.
func TestLongRows(t *testing.T) {
	conn, s3, _ := loaded(t)
	exec(t, conn, "CREATE TABLE t (a INT, b VARCHAR(65535))")
	long := strings.Repeat("x", 5<<20)
	s3.put("l/csv", "1,"+long+"\n2,y\n3,\"a\n"+long+"\"\n")
	s3.put("l/json", `{"a": 1, "b": "`+long+`"} {"a": 2, "b": "y"}`)
	exec(t, conn, "COPY t FROM 's3://l/csv'"+role+"CSV MAXERROR 3")
	exec(t, conn, "COPY t FROM 's3://l/json'"+role+"JSON MAXERROR 3")
	if got := one(t, conn, rowsOf); got != "2:y 2:y" {
		t.Errorf("got %q", got)
	}
	if got := one(t, conn, "SELECT count(*) || ' ' || max(length(raw_line)) FROM stl_load_errors WHERE err_code = 1216"); got != "3 1024" {
		t.Errorf("rejects: %s", got)
	}
}
