package crashtest

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"lamplighter/controller/report"
	"lamplighter/controller/steps"
)

// TestWideNights carries a pipeline that uses most of what there is through
// three nights, the last of them killed with -9 in the middle of an upsert, and
// looks at the tables, the published files and the commands as their readers
// do.
func TestWideNights(t *testing.T) {
	t.Parallel()
	c := open(t, filepath.Join(t.TempDir(), "cloud"), usual) // its files are written over
	for name, text := range wideFiles {
		path := filepath.Join(c.project, filepath.FromSlash(name))
		fatal(t, os.MkdirAll(filepath.Dir(path), 0o755))
		fatal(t, os.WriteFile(path, []byte(text), 0o644))
	}
	var promoted []string
	for i, n := range wideNights {
		c.bring(t, n.puts)
		if i < len(wideCustomers) {
			c.put(t, eventsBucket, "customers/all.parquet", parquetOf(t, wideCustomers[i]))
		}
		e := c.wideRun(t, i, n)
		e.check(t, "the night of "+n.date, n.code)
		promoted = append(promoted, c.promoted(t).Snapshot)
		c.audit(t, slices.Clone(promoted)...)
		c.found(t, n)
		wideLooks[i](t, c, e)
		if t.Failed() {
			t.Fatalf("after the night of %s\n%s%s", n.date, e.tail(), e.said)
		}
	}
	c.partOfANight(t, promoted)
}

// wideRun runs a night; the last one of three days, killed once.
func (c *cloud) wideRun(t *testing.T, i int, n wideNight) ending {
	t.Helper()
	if i < len(wideNights)-1 {
		return c.run(t, n.date)
	}
	days := []string{"--from", "2026-01-04", "--to", "2026-01-06"}
	copying := asked("orders", "copy-1")
	e := c.watch(t, func(p *exec.Cmd, ev report.Event) {
		if copying.is(ev) {
			_ = p.Process.Signal(syscall.SIGKILL)
		}
	}, days...)
	if e.code != -1 {
		t.Fatalf("not killed in the upsert: exit code %d\n%s%s", e.code, e.tail(), e.said)
	}
	return c.watch(t, nil, days...)
}

// wideLooks are what a person looks at after each night.
var wideLooks = []func(*testing.T, *cloud, ending){
	func(t *testing.T, c *cloud, e ending) {
		warned(t, e, "visits", "refused")
		warned(t, e, "orders", "references")
		c.says(t, 0, []string{"logs", "visits"}, "visits/2026/01/01/a.txt.zst", "seconds", "soon", "never")
		c.says(t, 0, []string{"skip"}, "prices leaves out 2026-01-02", "until it changes", "price")
		c.says(t, 0, []string{"status"}, "2026-01-02")
	},
	func(t *testing.T, c *cloud, e ending) {
		warned(t, e, "prices_are_round", "")
		warned(t, e, "visits", "max_drop")
		c.says(t, 0, []string{"datasets"}, "orders_by_status", "visit_lines", "customer_files", "best_orders", "2026-01-03")
		c.says(t, 0, []string{"datasets", "orders_by_status", "--files"}, "s3://"+eventsBucket+"/lake/orders/_data/2026-01-03/", "status=open/")
	},
	func(t *testing.T, c *cloud, _ ending) {
		c.says(t, 0, []string{"graph"}, "orders", "best_orders")
		c.says(t, 0, []string{"graph", "--run", "2026-01-07", "-o", "dot"}, "digraph", "orders")
		c.says(t, 0, []string{"schema"}, `"partition_column"`, `"max_drop"`)
		c.says(t, 0, []string{"completion", "bash"}, "lamplighter")
		c.says(t, 0, []string{"runs"}, "2026-01-03", "2026-01-04", "2026-01-07")
		// The first date is more than two days older than the newest.
		c.gone(t, "lake/orders/date=2026-01-02/_manifest.json")
		c.gone(t, "lake/orders/date=2026-01-03/_manifest.json")
	},
}

// partOfANight unloads one dataset alone, from what the last night left.
func (c *cloud) partOfANight(t *testing.T, promoted []string) {
	t.Helper()
	last := wideNights[len(wideNights)-1]
	e := c.watch(t, nil, "--date", last.date, "--only", "visit_lines")
	e.check(t, "visit_lines alone", 0)
	c.audit(t, promoted...)
	c.found(t, last)
	for _, s := range e.summary.Steps {
		if s.Kind == "load" {
			t.Errorf("%s was part of --only visit_lines", s.Name)
		}
	}
}

// bring puts objects, compressed by the end of their keys.
func (c *cloud) bring(t *testing.T, puts map[string]string) {
	t.Helper()
	for key, text := range puts {
		body := []byte(text)
		switch filepath.Ext(key) {
		case ".gz":
			body = zipped(text)
		case ".zst":
			w, err := zstd.NewWriter(nil)
			fatal(t, err)
			body = w.EncodeAll(body, nil)
		}
		c.put(t, eventsBucket, key, body)
	}
}

// parquetOf is the rows of a query as a Parquet file.
func parquetOf(t *testing.T, query string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "all.parquet")
	duck(t, fmt.Sprintf("copy (%s) to '%s' (format parquet)", query, file))
	body, err := os.ReadFile(file)
	fatal(t, err)
	return body
}

// duck runs statements of DuckDB and returns the last one's rows, sorted.
func duck(t *testing.T, statements ...string) (rows []string) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	fatal(t, err)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	fatal(t, err)
	defer conn.Close()
	for _, s := range statements[:len(statements)-1] {
		_, err := conn.ExecContext(t.Context(), s)
		fatal(t, err)
	}
	found, err := conn.QueryContext(t.Context(), statements[len(statements)-1])
	fatal(t, err)
	defer found.Close()
	columns, err := found.Columns()
	fatal(t, err)
	for found.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		fatal(t, found.Scan(into...))
		rows = append(rows, strings.Trim(strings.ReplaceAll(fmt.Sprint(values), " ", "|"), "[]"))
	}
	fatal(t, found.Err())
	slices.Sort(rows)
	return rows
}

// found compares all that a night left with what it should be.
func (c *cloud) found(t *testing.T, n wideNight) {
	t.Helper()
	c.restored(t, c.promoted(t).Snapshot, func(ask func(string) []string) {
		for _, table := range wideTables {
			alike(t, table, ask("select * from "+table), n.tables[table])
		}
	})
	latest := c.edition(t, "lake/orders/", "_latest.json")
	alike(t, "the newest edition's files", urls(latest), urls(c.edition(t, "lake/orders/", "date="+latest.Of.Date+"/_manifest.json")))
	shelf := map[string][]string{}
	for _, url := range urls(latest) {
		_, status, _ := strings.Cut(url, "status=")
		status, _, _ = strings.Cut(status, "/")
		lines := textLines(c.get(t, url))
		if len(lines) == 0 || lines[0] != "order_id;customer_id;amount" {
			t.Errorf("%s begins with %q", url, lines)
			continue
		}
		shelf[status] = append(shelf[status], lines[1:]...)
	}
	for status := range shelf {
		slices.Sort(shelf[status])
	}
	if d := cmp.Diff(n.shelf, shelf); d != "" {
		t.Errorf("lake/orders (-want +got):\n%s", d)
	}
	visits := c.publishedText(t, "visit_lines")
	slices.Sort(visits)
	alike(t, "visit_lines", visits, slices.Sorted(slices.Values(n.visits)))
	alike(t, "best_orders", c.publishedText(t, "best_orders"), n.best)
	alike(t, "DuckDB on lake/customers", c.oneLiner(t, "lake/customers/"), n.tables["customers"])
}

func alike(t *testing.T, what string, got, want []string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// edition reads a list of a published prefix, and sees that its files are there
// as it says.
func (c *cloud) edition(t *testing.T, prefix, list string) (e steps.Edition) {
	t.Helper()
	key := prefix + list
	c.json(t, "s3://"+eventsBucket+"/"+key, &e)
	for _, f := range e.Entries {
		if n := len(c.get(t, f.URL)); int64(n) != f.Meta.Length {
			t.Errorf("%s: %s has %d bytes, not %d", key, f.URL, n, f.Meta.Length)
		}
	}
	files := textLines(c.get(t, "s3://"+eventsBucket+"/"+prefix+"date="+e.Of.Date+"/files.txt"))
	alike(t, key+" and files.txt", files, urls(e))
	return e
}

func urls(e steps.Edition) (out []string) {
	for _, f := range e.Entries {
		out = append(out, f.URL)
	}
	return out
}

func textLines(body []byte) []string {
	return slices.DeleteFunc(strings.Split(string(body), "\n"), func(line string) bool { return line == "" })
}

// publishedText is the lines of a dataset, by its pointer.
func (c *cloud) publishedText(t *testing.T, name string) (lines []string) {
	t.Helper()
	var p steps.Published
	c.json(t, layout.Published(name), &p)
	for _, uri := range p.Files {
		var in io.Reader = bytes.NewReader(c.get(t, uri))
		switch filepath.Ext(uri) {
		case ".gz":
			z, err := gzip.NewReader(in)
			fatal(t, err)
			in = z
		case ".bz2":
			in = bzip2.NewReader(in)
		default:
			continue // UNLOAD's own manifest
		}
		text, err := io.ReadAll(in)
		fatal(t, err)
		lines = append(lines, textLines(text)...)
	}
	if int64(len(lines)) != p.Rows {
		t.Errorf("%s: the pointer says %d rows, the files hold %d", name, p.Rows, len(lines))
	}
	return lines
}

// oneLiner runs the line for DuckDB of docs/datasets.md on a published prefix.
// Its s3:// is a folder with the same objects: DuckDB's own S3 client is an
// extension that is not here.
func (c *cloud) oneLiner(t *testing.T, prefix string) []string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "datasets.md"))
	fatal(t, err)
	_, line, ok := strings.Cut(string(doc), "| DuckDB | `")
	line, _, ok2 := strings.Cut(line, "` |")
	if !ok || !ok2 {
		t.Fatal("docs/datasets.md has no line for DuckDB")
	}
	dir := t.TempDir() + "/"
	here := func(uri string) string { return strings.ReplaceAll(uri, "s3://", dir) }
	list := "s3://" + eventsBucket + "/" + prefix + "_latest.json"
	keep := func(uri string, body []byte) {
		fatal(t, os.MkdirAll(filepath.Dir(here(uri)), 0o755))
		fatal(t, os.WriteFile(here(uri), body, 0o644))
	}
	for _, url := range urls(c.edition(t, prefix, "_latest.json")) {
		keep(url, c.get(t, url))
	}
	keep(list, []byte(here(string(c.get(t, list)))))
	statements := strings.Split(here(strings.ReplaceAll(line, "s3://lake/recs/_latest.json", list)), "; ")
	return duck(t, statements...)
}

// warned fails the test unless the summary warns of a step, with a text.
func warned(t *testing.T, e ending, step, text string) {
	t.Helper()
	for _, w := range e.summary.Warnings {
		if w.Step == step && strings.Contains(w.Check+" "+w.Says, text) {
			return
		}
	}
	t.Errorf("no warning of %s %s: %+v", step, text, e.summary.Warnings)
}

// says runs a command and looks for texts in what it prints.
func (c *cloud) says(t *testing.T, code int, args []string, texts ...string) {
	t.Helper()
	got, out, said := c.command(t, args...)
	if got != code {
		t.Errorf("%v: exit code %d, want %d\n%s%s", args, got, code, out, said)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%v does not say %q:\n%s%s", args, text, out, said)
		}
	}
}

// gone fails the test when an object is there.
func (c *cloud) gone(t *testing.T, key string) {
	t.Helper()
	_, err := c.s3.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: aws.String(eventsBucket), Key: &key})
	var none *types.NotFound
	if !errors.As(err, &none) {
		t.Errorf("%s is still there, or: %v", key, err)
	}
}
