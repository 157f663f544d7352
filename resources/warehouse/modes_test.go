package warehouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lamplighter/resources"
)

// writes are the statements that change something, in order.
func (f *fake) writes() (list []string) {
	for _, sql := range f.statements() {
		switch verb, _, _ := strings.Cut(sql, " "); verb {
		case "DELETE", "INSERT", "COPY", "CREATE", "DROP", "COMMIT", "LOCK":
			if !strings.Contains(sql, "SCHEMA") && !strings.Contains(sql, "NOT EXISTS") {
				list = append(list, sql)
			}
		}
	}
	return list
}

func restOf(_ context.Context, rest []Object) (string, error) {
	return fmt.Sprintf("s3://b/rest-%d-%s.json", len(rest), rest[0].Partition), nil
}

// An upsert merges one partition after the other, the later one last, all in
// the ledger's transaction.
func TestUpsertStatements(t *testing.T) {
	f := newFake(t, append(healthy(), &rule{what: "IS NULL OR", rows: [][]string{{"0"}}, always: true})...)
	b := batch()
	b.Mode, b.Key, b.Columns, b.Rest, b.Checks = Upsert, []string{"user_id", "movie_id"}, []string{"user_id", "movie_id", "rating"}, restOf, nil
	slices.Reverse(b.Objects)
	got, err := f.open(f.server()).Load(background, b)
	if err != nil || got.Rows != 66 {
		t.Fatalf("got %+v, %v", got, err)
	}
	part := func(day string) []string {
		return []string{
			`COPY "lamplighter_batch" ("user_id", "movie_id", "rating") FROM 's3://b/rest-1-2026-11-` + day + `.json' IAM_ROLE 'arn:aws:iam::1:role/w' MANIFEST FORMAT AS CSV IGNOREHEADER 1 GZIP REGION 'us-east-1' TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF`,
			`DELETE FROM "public"."ratings" USING "lamplighter_batch" WHERE "ratings"."user_id" = "lamplighter_batch"."user_id" AND "ratings"."movie_id" = "lamplighter_batch"."movie_id"`,
			`INSERT INTO "public"."ratings" ("user_id", "movie_id", "rating") SELECT "user_id", "movie_id", "rating" FROM "lamplighter_batch"`,
		}
	}
	want := slices.Concat(
		[]string{`LOCK TABLE "lamplighter"."ledger_ratings", "public"."ratings"`, `CREATE TEMP TABLE "lamplighter_batch" (LIKE "public"."ratings" INCLUDING DEFAULTS)`},
		part("20"), []string{`DELETE FROM "lamplighter_batch"`}, part("21"), []string{`DROP TABLE "lamplighter_batch"`})
	if diff := cmp.Diff(want, f.writes()[:len(want)]); diff != "" {
		t.Error(diff)
	}
}

// The stage never has the name of the table that it is for.
func TestUpsertIntoATableCalledLikeTheStage(t *testing.T) {
	f := newFake(t, append(healthy(), &rule{what: "IS NULL", rows: [][]string{{"0"}}, always: true})...)
	b := batch()
	b.Table, b.Mode, b.Key, b.Rest, b.Checks = stageName, Upsert, []string{"id"}, restOf, nil
	if _, err := f.open(f.server()).Load(background, b); err != nil || !f.saw(`CREATE TEMP TABLE "lamplighter_batch_"`) {
		t.Fatalf("%v %q", err, f.writes())
	}
}

// Only the days that differ give way, with their ledger rows; what is added to
// the others is copied by itself.
func TestPartitionStatements(t *testing.T) {
	f := newFake(t, &rule{what: "pg_last_copy_count()", rows: [][]string{{"33"}}, always: true},
		&rule{what: `SELECT COUNT(*) FROM "public"."ratings" WHERE`, rows: [][]string{{"0"}}},
		&rule{what: `SELECT COUNT(*) FROM "public"."ratings" WHERE`, rows: [][]string{{"33"}}},
		&rule{what: readLedger, rows: [][]string{{"s3://e/ratings/2026/11/20/a.csv.gz", "e0", "4", "7", "2026-11-20", "2026-11-20 23:30:00"}}})
	b := batch()
	b.PartitionColumn, b.Anew, b.Rest, b.Checks = "rated_at", true, restOf, nil
	b.Objects[1] = Object{URI: "s3://e/ratings/2026/11/20/b.csv.gz", ETag: "e2", Size: 20, Partition: "2026-11-20"}
	got, err := f.open(f.server()).Load(background, b)
	if err != nil || got.Rows != 33 || got.Objects != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	want := []string{
		`DELETE FROM "public"."ratings" WHERE ("rated_at" >= '2026-11-20' AND "rated_at" < '2026-11-21')`,
		`DELETE FROM "lamplighter"."ledger_ratings" WHERE part IN ('2026-11-20')`,
	}
	if diff := cmp.Diff(want, f.writes()[1:3]); diff != "" {
		t.Error(diff)
	}
}

func TestDecide(t *testing.T) {
	tab := table{"public", "t"}
	o := func(day, name, etag string) Object {
		return Object{URI: "s3://b/" + day + "/" + name, ETag: etag, Partition: day}
	}
	a, a2, b, c := o("2026-11-20", "a", "1"), o("2026-11-20", "a", "2"), o("2026-11-20", "b", "1"), o("2026-11-21", "c", "1")
	ledger := func(objects ...Object) known {
		k := known{objects: map[string]map[string]*entry{}, parts: map[string]int{}}
		for _, x := range objects {
			k.objects[x.URI] = map[string]*entry{x.ETag: {loadID: 1, rows: 5, part: x.Partition}}
			k.parts[x.Partition]++
			k.count++
		}
		return k
	}
	for name, x := range map[string]struct {
		b     Batch
		k     known
		parts string
		days  string
		fails bool
	}{
		"append":                             {Batch{Mode: Append, Objects: []Object{a, c}}, ledger(a), "c", "", false},
		"append, changed":                    {Batch{Mode: Append, Objects: []Object{a2}}, ledger(a), "", "", true},
		"append, changed day anew":           {Batch{Mode: Append, Anew: true, PartitionColumn: "d", Objects: []Object{a2, b, c}}, ledger(a, b), "ab|c", "2026-11-20", false},
		"append, a day grew":                 {Batch{Mode: Append, Anew: true, PartitionColumn: "d", Objects: []Object{a, b}}, ledger(a), "b", "", false},
		"replace, a day grew":                {Batch{Mode: Replace, PartitionColumn: "d", Objects: []Object{a, b, c}}, ledger(a, c), "ab", "2026-11-20", false},
		"replace, a day shrank":              {Batch{Mode: Replace, PartitionColumn: "d", Objects: []Object{a, c}}, ledger(a, b, c), "a", "2026-11-20", false},
		"replace, all as it was":             {Batch{Mode: Replace, PartitionColumn: "d", Objects: []Object{a, b, c}}, ledger(a, b, c), "", "", false},
		"upsert by day":                      {Batch{Mode: Upsert, Objects: []Object{c, b, a}}, ledger(), "ba|c", "", false},
		"upsert, changed":                    {Batch{Mode: Upsert, Objects: []Object{a2}}, ledger(a), "", "", true},
		"upsert, changed, anew":              {Batch{Mode: Upsert, Anew: true, Objects: []Object{a2, b}}, ledger(a, b), "a", "", false},
		"replace, another day by its object": {Batch{Mode: Replace, PartitionColumn: "d", Objects: []Object{{URI: a.URI, ETag: "1", Partition: "2026-11-21"}}}, ledger(a), "", "", true},
	} {
		d, err := decide(tab, x.b, x.k)
		var parts []string
		for _, p := range d.parts {
			names := ""
			for _, o := range p {
				names += o.URI[len(o.URI)-1:]
			}
			parts = append(parts, names)
		}
		if got := strings.Join(parts, "|"); got != x.parts || strings.Join(d.days, " ") != x.days || (err != nil) != x.fails {
			t.Errorf("%s: %s replacing %v, %v; want %s replacing %s", name, got, d.days, err, x.parts, x.days)
		}
	}
}

func TestWithin(t *testing.T) {
	for want, partitions := range map[string][]string{
		`("d" >= '2026-11-20' AND "d" < '2026-11-22' OR "d" >= '2026-11-30' AND "d" < '2026-12-01')`: {"2026-11-30", "2026-11-21", "2026-11-20"},
		`("d" >= '2026-11-20 23:00:00' AND "d" < '2026-11-21 01:00:00')`:                             {"2026-11-21T00", "2026-11-20T23"},
	} {
		if got, err := (dialect{}).within("d", partitions); err != nil || got != want {
			t.Errorf("%v: %s, %v", partitions, got, err)
		}
	}
	if _, err := (dialect{}).within("d", []string{"monday"}); resources.ClassOf(err) != resources.Permanent {
		t.Errorf("monday: %v", err)
	}
}

// Each option is written for the formats that take it and refused for others.
func TestCopyOptions(t *testing.T) {
	everything := Format{Header: true, Delimiter: "\t", Quote: "'", Compression: "zstd", NullAs: `\N`, Paths: "auto ignorecase", DateFormat: "DD.MM.YYYY", TimeFormat: "epochsecs",
		Encoding: "UTF16LE", InvalidAs: "?", AnyDate: true, TrimBlanks: true, EmptyAsNull: true, BlanksAsNull: true, IgnoreBlankLines: true, FillRecord: true, Truncate: true, Round: true}
	takes := map[string]string{
		"csv":     `FORMAT AS CSV QUOTE AS '''' IGNOREHEADER 1 DELIMITER '` + "\t" + `' NULL AS '\\N' ZSTD ENCODING AS UTF16LE ACCEPTINVCHARS AS '?' TRIMBLANKS EMPTYASNULL BLANKSASNULL IGNOREBLANKLINES FILLRECORD TRUNCATECOLUMNS ROUNDEC ACCEPTANYDATE DATEFORMAT 'DD.MM.YYYY' MAXERROR 8 REGION 'us-east-1' TIMEFORMAT 'epochsecs' COMPUPDATE OFF STATUPDATE OFF`,
		"json":    `FORMAT AS JSON 'auto ignorecase' ZSTD ENCODING AS UTF16LE ACCEPTINVCHARS AS '?' TRIMBLANKS EMPTYASNULL BLANKSASNULL TRUNCATECOLUMNS ROUNDEC ACCEPTANYDATE DATEFORMAT 'DD.MM.YYYY' MAXERROR 8 REGION 'us-east-1' TIMEFORMAT 'epochsecs' COMPUPDATE OFF STATUPDATE OFF`,
		"parquet": `FORMAT AS PARQUET ACCEPTINVCHARS AS '?' FILLRECORD STATUPDATE OFF`,
	}
	for kind, want := range takes {
		b := batch()
		b.Format, b.MaxErrors = everything, 7
		b.Format.Kind = kind
		refused := ""
		for range len(copyOptions) { // take away what is refused, until it fits
			sql, err := copyStatement(dialect{backslash: true}, `"t"`, b, b.Manifest)
			if err == nil {
				if _, got, _ := strings.Cut(sql, "MANIFEST "); got != want {
					t.Errorf("%s:\n got %s\nwant %s", kind, got, want)
				}
				break
			}
			_, name, _ := strings.Cut(err.Error(), "takes no ")
			refused += name + " "
			if !without(&b, name) {
				t.Fatalf("%s: %v", kind, err)
			}
		}
		if kind == "parquet" && strings.Count(refused, " ") != 17 || kind == "csv" && refused != "paths " {
			t.Errorf("%s refuses %s", kind, refused)
		}
	}
}

// without takes one option away from a batch.
func without(b *Batch, name string) bool {
	f := &b.Format
	switch name {
	case "paths":
		f.Paths = ""
	case "quote":
		f.Quote = ""
	case "header":
		f.Header = false
	case "delimiter":
		f.Delimiter = ""
	case "null_as":
		f.NullAs = ""
	case "compression":
		f.Compression = ""
	case "encoding":
		f.Encoding = ""
	case "trim_blanks":
		f.TrimBlanks = false
	case "empty_as_null":
		f.EmptyAsNull = false
	case "blanks_as_null":
		f.BlanksAsNull = false
	case "ignore_blank_lines":
		f.IgnoreBlankLines = false
	case "fill_record":
		f.FillRecord = false
	case "truncate_columns":
		f.Truncate = false
	case "round_decimals":
		f.Round = false
	case "accept_any_date":
		f.AnyDate = false
	case "date_format":
		f.DateFormat = ""
	case "time_format":
		f.TimeFormat = ""
	case "max_errors":
		b.MaxErrors = 0
	default:
		return false
	}
	return true
}
