package warehouse

import (
	"strings"
	"testing"

	"lamplighter/resources"
)

func TestUnloadStatement(t *testing.T) {
	base := Unload{Prefix: "s3://b/d/1/", Role: "arn"}
	for _, c := range []struct {
		name  string
		files Files
		want  string // after FORMAT AS
	}{
		{"parquet", Files{Format: "parquet"}, `PARQUET MANIFEST VERBOSE`},
		{"files", Files{Format: "parquet", PartitionBy: []string{"day", `o"dd`}, MaxMB: 64}, `PARQUET PARTITION BY ("day", "o""dd") MAXFILESIZE 64 MB MANIFEST VERBOSE`},
		{"csv", Files{Format: "csv", Header: true, Delimiter: "\t", NullAs: `\N'`, Compression: "zstd"}, `CSV HEADER DELIMITER '` + "\t" + `' NULL AS '\\N''' ZSTD MANIFEST VERBOSE`},
		{"json", Files{Format: "json", Compression: "bzip2"}, `JSON BZIP2 MANIFEST VERBOSE`},
		{"single", Files{Format: "csv", Single: true, Compression: "gzip"}, `CSV GZIP PARALLEL OFF MANIFEST VERBOSE`},
	} {
		u := base
		u.Files = c.files
		got, err := unloadStatement(dialect{backslash: true}, u, "select 1")
		if want := "UNLOAD ('select 1') TO 's3://b/d/1/' IAM_ROLE 'arn' FORMAT AS " + c.want; err != nil || got != want {
			t.Errorf("%s: got %s\nwant %s (%v)", c.name, got, want, err)
		}
	}
	for name, f := range map[string]Files{
		"format": {Format: "orc"}, "header": {Format: "json", Header: true}, "null": {Format: "parquet", NullAs: "-"}, "delimiter": {Format: "json", Delimiter: ","},
		"quote": {Format: "csv", Delimiter: `"`}, "long": {Format: "csv", Delimiter: "::"}, "gzip": {Format: "parquet", Compression: "gzip"},
		"lzop": {Format: "csv", Compression: "lzop"}, "order": {Format: "csv", OrderBy: []string{"a"}}, "zero": {Format: "csv", NullAs: "a\x00"},
		"partitions": {Format: "csv", Single: true, PartitionBy: []string{"a"}}, "direction": {Format: "csv", Single: true, OrderBy: []string{"a; drop table b"}},
	} {
		u := base
		u.Files = f
		if got, err := unloadStatement(dialect{backslash: true}, u, "select 1"); resources.ClassOf(err) != resources.Permanent || resources.HintOf(err) == "" && name != "zero" {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestOuterLimit(t *testing.T) {
	for query, line := range map[string]string{
		"select * from a limit 10":                             "line 1",
		"select *\nfrom a\nLIMIT all offset 3":                 "line 3",
		"(select 1) union (select 2 limit 1) limit 5":          "line 1",
		"with x as (select 1 limit 1) select * from x limit 2": "line 1",
		"select * from (select * from a limit 10)":             "",
		`select 'limit 1', "limit" from a -- limit 3`:          "",
		"select limits, a.limit_to from a /* limit */":         "",
	} {
		err := outerLimit("q", query)
		if (err != nil) != (line != "") || err != nil && !strings.Contains(err.Error(), line) {
			t.Errorf("%s: %v", query, err)
		}
		if got := LintUnload(query, false); len(got) > 0 != (line != "") || len(got) > 0 && (got[0].Line == 0 || strings.HasPrefix(got[0].What, ":")) {
			t.Errorf("%s: found %+v", query, got)
		}
		if got := LintUnload(query, true); len(got) > 0 {
			t.Errorf("%s, wrapped: found %+v", query, got)
		}
	}
}

// text of a string token, as a server of this dialect reads it.
func (d dialect) read(token string) string {
	s := strings.ReplaceAll(token[1:len(token)-1], "''", "'")
	if d.backslash {
		s = strings.ReplaceAll(s, `\\`, `\`)
	}
	return s
}

// Whatever a query holds, the UNLOAD that is sent is one statement whose first
// string is the query itself, and nothing of it leaks out.
func FuzzUnloadStatement(f *testing.F) {
	for _, q := range []string{
		"select 1", "select 'it''s', '\\'' from a", "select $$ ' ); drop table x; $$", `select "a'b", 'c\\' from t -- it's`, "select 1 /* ' */", "select 1;", "select 1; delete from a",
		"with a as (select 'x') select * from a", "select * from a limit 3", "select e'\\n', $1, $tag$ ' $tag$", "select ') TO ''s3://evil/'' '",
	} {
		f.Add(q, "s3://b/d/1/", "\\N", true)
	}
	f.Fuzz(func(t *testing.T, query, prefix, null string, ordered bool) {
		u := Unload{Query: query, Prefix: prefix, Role: "arn", Files: Files{Format: "csv", NullAs: null, Single: ordered}}
		if ordered {
			u.Files.OrderBy = []string{"a desc"}
		}
		q, err := checkUnload(u)
		if err != nil {
			return
		}
		d := dialect{backslash: true}
		sql, err := unloadStatement(d, u, q)
		if err != nil {
			return
		}
		statements, err := Cut(sql)
		if err != nil || len(statements) != 1 || statements[0] != sql {
			t.Fatalf("%q is not one statement: %v", sql, err)
		}
		tokens, _ := lex(sql)
		var texts, rest []string
		for _, k := range tokens {
			if s := sql[k.from:k.to]; k.kind == text {
				texts = append(texts, d.read(s))
			} else if k.kind != space {
				rest = append(rest, s)
			}
		}
		want := []string{q, prefix, "arn"}
		if ordered {
			want[0] = "SELECT * FROM (\n" + q + "\n) AS unloaded ORDER BY \"a\" DESC"
		}
		if null != "" {
			want = append(want, null)
		}
		if strings.Join(texts, "\x00") != strings.Join(want, "\x00") {
			t.Fatalf("%q holds %q, not %q", sql, texts, want)
		}
		if got := strings.Join(rest, " "); !strings.HasPrefix(got, "UNLOAD ( ) TO IAM_ROLE FORMAT AS CSV ") || !strings.HasSuffix(got, "MANIFEST VERBOSE") || strings.Count(got, "(") != 1 {
			t.Fatalf("%q leaks: %s", sql, got)
		}
		if wrapped, err := Cut(want[0]); err != nil || len(wrapped) != 1 {
			t.Fatalf("the query as it is run, %q, is %d statements: %v", want[0], len(wrapped), err)
		}
	})
}
