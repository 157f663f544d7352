package copyload

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lamplighter/localcloud/rsql"
)

func parseCopy(t testing.TB, src string) (*Copy, error) {
	t.Helper()
	all, err := rsql.Cut(src)
	if err != nil || len(all) != 1 {
		t.Fatalf("%s: %v", src, err)
	}
	return ParseCopy(all[0])
}

// read cuts text into records; a bad record is its reason.
func read(t testing.TB, c *Copy, text string) [][]string {
	t.Helper()
	r := newRecordReader(strings.NewReader(text), c)
	if err := r.skip(c.Header); err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for {
		rec, err := r.next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.err != nil {
			out = append(out, []string{"!" + rec.err.msg})
			continue
		}
		var row []string
		for _, f := range rec.fields {
			row = append(row, string(f))
		}
		out = append(out, row)
	}
}

// TestCSVRoundTrip: what Go's own writer writes is read as it was.
func TestCSVRoundTrip(t *testing.T) {
	c := &Copy{Format: "csv", Delim: ',', Quote: '"'}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(rt, "columns")
		cell := rapid.StringOfN(rapid.SampledFrom([]rune("ab,\"\n é|\\;")), 0, 8, -1)
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, n, n), 0, 20).Draw(rt, "rows")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(rt, "crlf")
		_ = w.WriteAll(rows)
		want := rows
		if w.UseCRLF { // Go writes line ends inside quotes as CRLF too
			want = nil
			for _, r := range rows {
				var row []string
				for _, f := range r {
					row = append(row, strings.ReplaceAll(f, "\n", "\r\n"))
				}
				want = append(want, row)
			}
		}
		got := read(t, c, b.String())
		if !slices.EqualFunc(got, want, slices.Equal) {
			rt.Fatalf("%q\ngot  %q\nwant %q", b.String(), got, want)
		}
	})
}

func TestLines(t *testing.T) {
	c := &Copy{Format: "csv", Delim: ',', Quote: '"', Header: 1}
	r := newRecordReader(strings.NewReader("h1,h2\n1,\"a\nb\nc\"\n\n2,x\n"), c)
	if err := r.skip(1); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int64{2, 5, 6} {
		rec, err := r.next()
		if err != nil || rec.line != want {
			t.Fatalf("line %d, want %d: %v", rec.line, want, err)
		}
	}
}

func TestDecimals(t *testing.T) {
	for _, k := range []struct {
		in               string
		precision, scale int
		round            bool
		want             string
		code             int
	}{
		{"1", 5, 2, false, "1.00", 0}, {"1.239", 5, 2, false, "1.23", 0}, {"1.239", 5, 2, true, "1.24", 0}, {"9.999", 3, 2, true, "", 1204},
		{"-0.5", 5, 0, false, "-0", 0}, {".5", 5, 1, false, "0.5", 0}, {" 12 ", 5, 0, false, "12", 0}, {"1000", 5, 2, false, "", 1204},
		{"1e2", 5, 0, false, "100", 0}, {"1.2.3", 5, 2, false, "", 1209}, {"x1", 5, 2, false, "", 1207}, {"-", 5, 2, false, "", 1209}, {"+7", 3, 0, false, "7", 0},
		{"99999999999999999999999999999999999999", 38, 0, false, "99999999999999999999999999999999999999", 0},
	} {
		b, bad := decimalConverter(k.precision, k.scale, k.round)(nil, []byte(k.in))
		got := string(b)
		code := 0
		if bad != nil {
			code = bad.code
		}
		if code != k.code || code == 0 && got != k.want && got != strings.TrimSuffix(k.want, ".00") {
			t.Errorf("%q as (%d,%d): %q %v, want %q %d", k.in, k.precision, k.scale, got, bad, k.want, k.code)
		}
	}
}

// TestFastPaths: what is passed on as it is means the same as the slow way.
func TestFastPaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9]{1,5}(\.[0-9]{0,4})?`).Draw(t, "number")
		if plainDecimal([]byte(s), 6, 3) {
			padded, _ := decimalConverter(6, 3, false)(nil, []byte(" "+s))
			whole, fraction, _ := strings.Cut(s, ".")
			whole = strings.TrimLeft(whole, "0")
			if whole == "" {
				whole = "0"
			}
			if want := whole + "." + (fraction + "000")[:3]; string(padded) != want {
				t.Fatalf("%s: slow %s, want %s", s, padded, want)
			}
		}
		d := rapid.StringMatching(`[0-2][0-9]{3}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?`).Draw(t, "time")
		if plainTime([]byte(d), len(d) > 10) {
			layout := time.DateTime[:len(d)]
			if _, err := time.Parse(layout, d); err != nil {
				t.Fatalf("%s is taken for a time: %v", d, err)
			}
		}
	})
}

func TestZones(t *testing.T) {
	c := &Copy{Time: "auto"}
	for _, k := range []struct{ typ, in, want string }{
		{"TIMESTAMP", "2026-01-02 03:04:05", "2026-01-02 03:04:05"}, {"TIMESTAMP", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05"}, {"TIMESTAMP", "2026-01-02 03:04:05 UTC", "2026-01-02 03:04:05"},
		{"TIMESTAMP", "2026-01-02T03:04:05+02:00", "!"}, {"TIMESTAMP", "2026-01-02 03:04:05 EST", "!"}, {"TIMESTAMP", "2026-02-30", "!"}, {"TIMESTAMP", "01/02/2026 3:04:05 PM", "2026-01-02 15:04:05"},
		{"TIMESTAMP WITH TIME ZONE", "2026-01-02T03:04:05+02:00", "2026-01-02 01:04:05Z"}, {"TIMESTAMP WITH TIME ZONE", "2026-01-02 03:04:05 EST", "!"},
		{"DATE", "2026-02-29", "!"}, {"DATE", "2024-02-29", "2024-02-29"},
	} {
		conv, err := c.converterFor(Column{Type: k.typ})
		if err != nil {
			t.Fatal(err)
		}
		b, bad := conv(nil, []byte(k.in))
		got := string(b)
		if bad != nil {
			got = "!"
		}
		if got != k.want {
			t.Errorf("%s %q: %q, want %q", k.typ, k.in, got, k.want)
		}
	}
}

func TestCopyStatement(t *testing.T) {
	c, err := parseCopy(t, `COPY "S".t (a, "B") FROM 's3://b/k' IAM_ROLE default MANIFEST FORMAT AS CSV QUOTE AS '%' DELIMITER AS ';' NULL AS '' IGNOREHEADER AS 2 GZIP TIMEFORMAT 'auto' MAXERROR 10 COMPUPDATE OFF STATUPDATE ON REGION 'us-east-1' TRUNCATECOLUMNS`)
	if err != nil {
		t.Fatal(err)
	}
	if c.Table.String() != "s.t" || !slices.Equal(c.Columns, []string{"a", "b"}) || !c.Manifest || c.Format != "csv" || c.Quote != '%' || c.Delim != ';' || c.Null != "" || c.Header != 2 || c.Compress != "gzip" || c.MaxError != 10 || !c.Truncate || c.Time != "auto" {
		t.Errorf("%+v", c)
	}
	for _, rest := range []string{
		"", "CSV PARQUET", "CSV GZIP ZSTD", "CSV DELIMITER 'ab'", "CSV MAXERROR -1", "CSV MAXERROR 100001", "CSV IGNOREHEADER", "CSV ESCAPE", "QUOTE '%'", "PARQUET REGION 'x'", "PARQUET COMPUPDATE OFF",
		"PARQUET IGNOREHEADER 1", "CSV CSV CSV", "CSV NULL AS", "CSV GZIP GZIP", "CSV ENCODING UTF7", "CSV DATEFORMAT 'Q'", "FIXEDWIDTH 'a:3'", "CSV ACCEPTINVCHARS 'xy'", "CSV READRATIO 5",
	} {
		q := "COPY t FROM 's3://b/k' IAM_ROLE default " + rest
		if rest == "" {
			q = "COPY t FROM 's3://b/k'"
		}
		if _, err := parseCopy(t, q); err == nil {
			t.Errorf("%s is taken", q)
		}
	}
	for _, q := range []string{"COPY t FROM 'emr://x' IAM_ROLE default", "COPY t (a FROM 's3://b/k'", "COPY t TO 's3://b/k'", "COPY t FROM STDIN", "COPY t FROM 's3://b/k' IAM_ROLE 'role'"} {
		if _, err := parseCopy(t, q); err == nil {
			t.Errorf("%s is taken", q)
		}
	}
}

func FuzzRecords(f *testing.F) {
	f.Add("a,b\n1,\"x\"\"y\"\n", true, false)
	f.Add("a|b\\|c|\n", false, true)
	f.Fuzz(func(t *testing.T, text string, isCSV, escape bool) {
		c := &Copy{Format: "text", Delim: '|', Quote: '"', Escape: escape}
		if isCSV {
			c = &Copy{Format: "csv", Delim: ',', Quote: '"'}
		}
		r := newRecordReader(strings.NewReader(text), c)
		var last int64
		for {
			rec, err := r.next()
			if err != nil {
				break
			}
			if rec.line <= last || len(rec.fields) == 0 {
				t.Fatalf("%q: record at line %d with %d fields after line %d", text, rec.line, len(rec.fields), last)
			}
			last = rec.line
		}
	})
}
