package warehouse

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lamplighter/resources"
)

const goodManifest = `{"entries":[
 {"url":"s3://b/d/1/0000_part_00.parquet","meta":{"content_length":100,"record_count":7}},
 {"url":"s3://b/d/1/0001_part_00.parquet","meta":{"content_length":50,"record_count":3}}],
 "schema":{"elements":[{"name":"user_id","type":{"base":"integer"}},{"name":"title","type":{"base":"character varying","max_length":25}}]},
 "meta":{"content_length":150,"record_count":10},"author":{"name":"Amazon Redshift","version":"1.0.0"}}`

func unloads(f *fake, body string, sizes ...int64) *Server {
	s := f.server()
	s.Get = func(_ context.Context, uri string) ([]byte, error) {
		if uri != "s3://b/d/1/manifest" || body == "" {
			return nil, &resources.Fault{Class: resources.Gone, Code: "NoSuchKey", Msg: uri}
		}
		return []byte(body), nil
	}
	s.Head = func(_ context.Context, uris []string) ([]Object, error) {
		var found []Object
		for i, u := range uris {
			if i < len(sizes) {
				found = append(found, Object{URI: u, Size: sizes[i], ETag: fmt.Sprint("e", i)})
			}
		}
		return found, nil
	}
	return s
}

var unloadRatings = Unload{Query: "select user_id, title from v where g = 'x\\d' -- all\n;", Prefix: "s3://b/d/1/", Files: Files{Format: "parquet"}, Role: "arn", Region: "us-east-1", Timeout: time.Minute}

func TestUnload(t *testing.T) {
	f := newFake(t, &rule{what: "pg_last_unload_count", rows: [][]string{{"10"}}})
	got, err := f.open(unloads(f, goodManifest, 100, 50)).Unload(background, unloadRatings)
	if err != nil {
		t.Fatal(err)
	}
	want := Unloaded{Prefix: "s3://b/d/1/", Manifest: "s3://b/d/1/manifest", Rows: 10, Columns: []string{"user_id", "title"}, Objects: []Object{
		{URI: "s3://b/d/1/0000_part_00.parquet", ETag: "e0", Size: 100}, {URI: "s3://b/d/1/0001_part_00.parquet", ETag: "e1", Size: 50}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantSQL := []string{"SET statement_timeout TO 60000", "BEGIN",
		`UNLOAD ('select user_id, title from v where g = ''x\\d''') TO 's3://b/d/1/' IAM_ROLE 'arn' FORMAT AS PARQUET MANIFEST VERBOSE REGION 'us-east-1'`,
		"SELECT pg_last_unload_count()", "COMMIT"}
	if diff := cmp.Diff(wantSQL, f.statements()); diff != "" {
		t.Error(diff)
	}
}

// Of no rows there may be nothing in S3, or empty files with a manifest, which
// counts header lines.
func TestUnloadNothing(t *testing.T) {
	const empty = `{"entries":[{"url":"s3://b/d/1/0000_part_00","meta":{"content_length":0,"record_count":0}}],"meta":{"content_length":0,"record_count":0}}`
	const header = `{"entries":[{"url":"s3://b/d/1/000","meta":{"content_length":9,"record_count":1}}],"meta":{"content_length":9,"record_count":1}}`
	csv := Files{Format: "csv", Header: true}
	for _, c := range []struct {
		name, count, manifest string
		files                 Files
	}{
		{"no files", "0", "", Files{Format: "parquet"}},
		{"empty files", "0", empty, Files{Format: "csv"}},
		{"empty manifest", "0", `{"entries":[],"meta":{"content_length":0,"record_count":0}}`, Files{Format: "json"}},
		{"headers", "0", header, csv},
		{"headers that are counted", "1", header, csv},
	} {
		u := unloadRatings
		u.Files = c.files
		f := newFake(t, &rule{what: "pg_last_unload_count", rows: [][]string{{c.count}}})
		got, err := f.open(unloads(f, c.manifest)).Unload(background, u)
		if diff := cmp.Diff(Unloaded{Prefix: "s3://b/d/1/"}, got); err != nil || diff != "" {
			t.Errorf("%s: %s %v", c.name, diff, err)
		}
	}
}

// Header lines are in the manifest's counts, and no rows.
func TestUnloadHeader(t *testing.T) {
	for _, count := range []string{"8", "10"} {
		u := unloadRatings
		u.Files = Files{Format: "csv", Header: true}
		f := newFake(t, &rule{what: "pg_last_unload_count", rows: [][]string{{count}}})
		got, err := f.open(unloads(f, goodManifest, 100, 50)).Unload(background, u)
		if err != nil || got.Rows != 8 || len(got.Objects) != 2 {
			t.Errorf("%s: %+v, %v", count, got, err)
		}
	}
}

func TestUnloadFails(t *testing.T) {
	for _, c := range []struct {
		name     string
		rule     *rule
		manifest string
		sizes    []int64
		class    resources.Class
		msg      string
	}{
		{name: "broken", rule: &rule{what: "UNLOAD", cut: true}, class: resources.Unknown},
		{name: "terminated", rule: &rule{what: "UNLOAD", code: "57P01", msg: "bye", fatal: true}, class: resources.Unknown},
		{name: "not empty", rule: &rule{what: "UNLOAD", code: "XX000", msg: "Specified unload destination on S3 is not empty."}, class: resources.Permanent},
		{name: "limit", rule: &rule{what: "UNLOAD", code: "0A000", msg: "Limit clause is not supported"}, class: resources.Permanent},
		{name: "no such view", rule: &rule{what: "UNLOAD", code: "42P01", msg: "no v"}, class: resources.Permanent},
		{name: "broken after it", rule: &rule{what: "pg_last_unload_count", cut: true}, class: resources.Unknown},
		{name: "other rows", manifest: goodManifest, rule: &rule{what: "pg_last_unload_count", rows: [][]string{{"9"}}}, class: resources.Permanent, msg: "unloaded 9 rows, its manifest says 10"},
		{name: "no manifest", manifest: "", class: resources.Unknown, msg: "s3://b/d/1/manifest"},
		{name: "no JSON", manifest: "{", class: resources.Permanent, msg: "cannot be read"},
		{name: "other total", manifest: strings.Replace(goodManifest, `"record_count":10`, `"record_count":11`, 1), class: resources.Permanent, msg: "total says 11"},
		{name: "rows of which Redshift says nothing", rule: &rule{what: "pg_last_unload_count", rows: [][]string{{"0"}}}, manifest: goodManifest, class: resources.Permanent, msg: "unloaded 0 rows"},
		{name: "no total", manifest: `{"entries":[]}`, class: resources.Permanent, msg: "says no rows in all"},
		{name: "other sum", manifest: strings.Replace(goodManifest, `"record_count":7`, `"record_count":8`, 1), class: resources.Permanent, msg: "hold 11 rows"},
		{name: "not verbose", manifest: `{"entries":[{"url":"s3://b/d/1/0000_part_00.parquet"}]}`, class: resources.Permanent},
		{name: "elsewhere", manifest: strings.Replace(goodManifest, "d/1/0001", "d/2/0001", 1), class: resources.Permanent, msg: "lies elsewhere"},
		{name: "twice", manifest: strings.Replace(goodManifest, "0001_part", "0000_part", 1), class: resources.Permanent},
		{name: "a file is missing", manifest: goodManifest, sizes: []int64{100}, class: resources.Permanent, msg: "1 of the manifest's 2 files"},
		{name: "another size", manifest: goodManifest, sizes: []int64{100, 51}, class: resources.Permanent, msg: "51 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var rules []*rule
			if c.rule != nil {
				rules = append(rules, c.rule)
			}
			f := newFake(t, append(rules, &rule{what: "pg_last_unload_count", rows: [][]string{{"10"}}})...)
			_, err := f.open(unloads(f, c.manifest, c.sizes...)).Unload(background, unloadRatings)
			if resources.ClassOf(err) != c.class || err == nil || !strings.Contains(err.Error(), c.msg) {
				t.Fatalf("got %v (%v), want %s (%v)", err, resources.ClassOf(err), c.msg, c.class)
			}
		})
	}
}

func TestUnloadRefuses(t *testing.T) {
	f := newFake(t)
	c := f.open(f.server())
	for name, edit := range map[string]func(*Unload){
		"limit":   func(u *Unload) { u.Query = "select a from b\nlimit 3" },
		"prefix":  func(u *Unload) { u.Prefix = "s3://b/d" },
		"scheme":  func(u *Unload) { u.Prefix = "/d/" },
		"role":    func(u *Unload) { u.Role = "" },
		"query":   func(u *Unload) { u.Query = "delete from x" },
		"queries": func(u *Unload) { u.Query = "select 1; select 2" },
	} {
		u := unloadRatings
		edit(&u)
		if _, err := c.Unload(background, u); resources.ClassOf(err) != resources.Permanent {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if sent := f.statements(); len(sent) != 0 {
		t.Errorf("asked the warehouse all the same: %q", sent)
	}
}
