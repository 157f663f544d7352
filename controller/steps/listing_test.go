package steps

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/config"
	"lamplighter/controller/journal/s3/conformance"
	"lamplighter/resources"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// bucket is an S3 in memory that holds these keys of the bucket b, and keeps
// where listings began. A key with a trailing ! is empty.
type bucket struct {
	conformance.Memory
	after []string
}

func (b *bucket) ListObjectsV2(ctx context.Context, in *awss3.ListObjectsV2Input, o ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error) {
	b.after = append(b.after, aws.ToString(in.StartAfter))
	return b.Memory.ListObjectsV2(ctx, in, o...)
}

func holding(t *testing.T, keys ...string) *bucket {
	b := &bucket{}
	for _, key := range keys {
		name, empty := strings.CutSuffix(key, "!")
		body := []byte("row\n")
		if empty {
			body = nil
		}
		if _, err := b.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("b"), Key: &name, Body: bytes.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *bucket) look(t *testing.T, from string, d days) (listing, error) {
	p, err := config.ParsePattern("s3://bkt/" + from)
	if err != nil {
		t.Fatal(err)
	}
	p.Bucket = "b"
	return look(t.Context(), &s3.Client{API: b}, p, d, nil)
}

func keys(objects []warehouse.Object) (out []string) {
	for _, o := range objects {
		out = append(out, o.Partition+" "+strings.TrimPrefix(o.URI, "s3://b/"))
	}
	return out
}

func TestLook(t *testing.T) {
	long := strings.Repeat("ä", 510)
	for _, c := range []struct {
		name, from string
		keys       []string
		days       days
		want       []string
		newest     string
		notes      []string
	}{
		{"days, early and late ones left out", "r/{yyyy}/{mm}/{dd}/*", []string{"r/2026/11/17/a", "r/2026/11/18/a", "r/2026/11/19/", "r/2026/11/22/a", "x/2026/11/19/a"},
			days{from: "2026-11-18", through: "2026-11-21"}, []string{"2026-11-18 r/2026/11/18/a"}, "2026-11-22", nil},
		{"hours", "r/{yyyy}/{mm}/{dd}/{hh}/*", []string{"r/2026/11/21/23/a", "r/2026/11/22/04/b", "r/2026/11/22/04/a", "r/2026/11/22/05/a"},
			days{from: "2026-11-18", through: "2026-11-22T04"}, []string{"2026-11-21T23 r/2026/11/21/23/a", "2026-11-22T04 r/2026/11/22/04/a", "2026-11-22T04 r/2026/11/22/04/b"}, "2026-11-22T05", nil},
		{"a marker in each folder", "*/{yyyy}/{mm}/{dd}/*", []string{"eu/2026/11/20/a", "eu/2026/11/20/_OK!", "us/2026/11/20/a", "eu/2026/11/21/a", "eu/2026/11/21/b"},
			days{from: "2026-11-18", through: "2026-11-21", marker: "_OK"}, []string{"2026-11-20 eu/2026/11/20/a"}, "2026-11-20",
			[]string{"2026-11-20 has no _OK yet: its 1 object waits for it", "2026-11-21 has no _OK yet: its 2 objects wait for it"}},
		{"empty objects", "m/*.csv", []string{"m/a.csv", "m/b.csv!", "m/c.csv!", "m/d.csv!", "m/e.csv!"}, days{}, []string{" m/a.csv"}, "",
			[]string{"4 objects are empty, and are loaded once they are not: s3://b/m/b.csv, s3://b/m/c.csv, s3://b/m/d.csv and 1 more"}},
		{"hostile keys", "k/{yyyy}/{mm}/{dd}/*", []string{"k/2026/11/21/it's \"a\"", "k/2026/11/21/back\\slash", "k/2026/11/21/new\nline", "k/2026/11/21/" + long},
			days{from: "2026-11-18", through: "2026-11-21"},
			[]string{"2026-11-21 k/2026/11/21/back\\slash", "2026-11-21 k/2026/11/21/it's \"a\"", "2026-11-21 k/2026/11/21/new\nline", "2026-11-21 k/2026/11/21/" + long}, "2026-11-21", nil},
		{"two names that differ in case only are two objects", "k/{yyyy}/{mm}/{dd}/*", []string{"k/2026/11/21/A.csv", "k/2026/11/21/a.csv"},
			days{from: "2026-11-18", through: "2026-11-21"}, []string{"2026-11-21 k/2026/11/21/A.csv", "2026-11-21 k/2026/11/21/a.csv"}, "2026-11-21", nil},
		{"days that do not exist, of before since", "k/{yyyy}/{mm}/{dd}/*", []string{"k/2026/02/30/a", "k/2026/11/20/a"},
			days{from: "2026-11-18", through: "2026-11-21"}, []string{"2026-11-20 k/2026/11/20/a"}, "2026-11-20", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := holding(t, c.keys...).look(t, c.from, c.days)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(keys(got.objects), c.want) || got.newest != c.newest || !slices.Equal(got.notes, c.notes) {
				t.Errorf("found %q, newest %s, notes %q", keys(got.objects), got.newest, got.notes)
			}
		})
	}
}

func TestDaysThatDoNotExist(t *testing.T) {
	d := days{from: "2026-01-01", through: "2026-11-21"}
	for from, key := range map[string]string{
		"k/{yyyy}/{mm}/{dd}/*":                "k/2026/02/30/a",
		"k/{yyyy}/{mm}/{dd}/{hh}/*":           "k/2026/02/28/24/a",
		"k/{yyyy}/{mm}/{dd}/{yyyy}-{mm}-{dd}": "k/2026/11/20/2026-11-21",
	} {
		_, err := holding(t, key).look(t, from, d)
		if resources.CodeOf(err) != CodeNoDay || resources.ClassOf(err) != resources.Permanent || !strings.Contains(err.Error(), "s3://b/"+key) {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

func night(through string, promoted *Promoted) *planned {
	covers, _ := time.Parse(time.RFC3339, "2026-11-22T06:00:00Z")
	return &planned{Planner: &Planner{Pipeline: &config.Pipeline{Partition: "UTC"}, Covers: covers}, through: through, promoted: promoted}
}

// look_back lists so many days before the end of what is loaded from this very
// source; without a promoted night, or with nothing from it, all since the first.
func TestLookBack(t *testing.T) {
	p, _ := config.ParsePattern("s3://bkt/r/{yyyy}/{mm}/{dd}/*")
	of := func(days ...string) (entries []warehouse.Entry) {
		for _, day := range days {
			entries = append(entries, warehouse.Entry{Object: warehouse.Object{URI: "s3://bkt/r/" + strings.ReplaceAll(day, "-", "/") + "/a", Partition: day}})
		}
		return entries
	}
	for _, c := range []struct {
		name     string
		back     int
		promoted *Promoted
		ledger   []warehouse.Entry
		want     string
	}{
		{"first night", 7, nil, nil, "2020-01-01"},
		{"no look_back", 0, &Promoted{DataThrough: "2026-11-20"}, of("2026-11-20"), "2020-01-01"},
		{"a usual night", 7, &Promoted{DataThrough: "2026-11-20"}, of("2026-11-19", "2026-11-20"), "2026-11-13"},
		{"after an outage", 7, &Promoted{DataThrough: "2026-10-01"}, of("2026-10-01"), "2026-09-24"},
		{"after a producer's outage", 7, &Promoted{DataThrough: "2026-11-20"}, of("2026-10-01"), "2026-09-24"},
		{"nothing of this source yet", 7, &Promoted{DataThrough: "2026-11-20"}, []warehouse.Entry{{Object: warehouse.Object{URI: "s3://bkt/other/a", Partition: "2026-11-20"}}}, "2020-01-01"},
		{"a young source", 7, &Promoted{DataThrough: "2020-01-03"}, of("2020-01-03"), "2020-01-01"},
	} {
		l := &config.Load{Since: "2020-01-01", LookBack: config.Duration(time.Duration(c.back) * 24 * time.Hour)}
		if got := night("2026-11-21", c.promoted).firstDay("ratings", l, p, c.ledger); got != c.want {
			t.Errorf("%s: from %s, want %s", c.name, got, c.want)
		}
	}
	b := holding(t, "r/2026/11/12/late", "r/2026/11/13/a")
	got, err := b.look(t, "r/{yyyy}/{mm}/{dd}/*", days{from: "2026-11-13", through: "2026-11-21"})
	if err != nil || !slices.Equal(keys(got.objects), []string{"2026-11-13 r/2026/11/13/a"}) || !slices.Equal(b.after, []string{"r/2026/11/12/"}) {
		t.Errorf("found %q, listed after %q, %v", keys(got.objects), b.after, err)
	}
}

func TestStale(t *testing.T) {
	fresh := config.Duration(48 * time.Hour)
	covers := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		found   listing
		through string
		msg     string // "": fresh
	}{
		{"two days old", listing{newest: "2026-11-19"}, "2026-11-21", ""},
		{"three days old", listing{newest: "2026-11-18"}, "2026-11-21", "newest partition is 2026-11-18, and fresh is 2d before 2026-11-21"},
		{"never anything", listing{}, "2026-11-21", "there is nothing since 2026-11-01"},
		{"hours", listing{newest: "2026-11-20T04"}, "2026-11-22T04", ""},
		{"hours, one too old", listing{newest: "2026-11-20T03"}, "2026-11-22T04", "newest partition is 2026-11-20T03"},
		{"undated, written yesterday", listing{modified: covers.Add(-47 * time.Hour)}, "", ""},
		{"undated, long ago", listing{modified: covers.Add(-49 * time.Hour)}, "", "newest object was written 2026-11-20T05:00:00Z, and fresh is 2d"},
		{"undated, nothing", listing{}, "", "there are no objects"},
	} {
		l := &config.Load{From: "s3://b/x", Since: "2026-11-01", Fresh: fresh}
		err := stale(l, c.found, c.through, covers)
		if (err == nil) != (c.msg == "") || err != nil && (resources.CodeOf(err) != resources.CodeCheck || !strings.Contains(err.Error(), c.msg)) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

// What a table holds does not depend on how far back a night listed.
func TestHeldOfALookBack(t *testing.T) {
	entry := func(n int) warehouse.Entry {
		return warehouse.Entry{Object: warehouse.Object{URI: fmt.Sprint("s3://b/", n), ETag: "e"}}
	}
	object := func(n int) warehouse.Object { return entry(n).Object }
	hash := func(s source, ledger []warehouse.Entry) string { return hashObjects(held(&config.Load{}, s, ledger)) }
	first := hash(source{fresh: []warehouse.Object{object(1), object(2)}}, nil)
	ledger := []warehouse.Entry{entry(1), entry(2)}
	if first != hash(source{listing: listing{objects: []warehouse.Object{object(2)}}}, ledger) {
		t.Error("a shorter listing of the same table is another table")
	}
	if first == hash(source{fresh: []warehouse.Object{object(3)}}, ledger) {
		t.Error("a new object makes no other table")
	}
}

// A replaced table whose objects are all gone is neither emptied nor left alone.
func TestASourceThatVanished(t *testing.T) {
	l := &config.Load{From: "s3://b/m.csv", Mode: "replace"}
	ledger := []warehouse.Entry{{}}
	if err := vanished(l, source{}, ledger); resources.CodeOf(err) != resources.CodeCheck {
		t.Errorf("got %v", err)
	}
	if err := vanished(l, source{}, nil); err != nil {
		t.Errorf("before the first load: %v", err)
	}
}

func TestWholeDay(t *testing.T) {
	for partition, want := range map[string]string{"2026-11-21": "2026-11-21", "2026-11-21T22": "2026-11-20", "2026-11-21T23": "2026-11-21"} {
		if got := wholeDay(partition); got != want {
			t.Errorf("%s completes %s, want %s", partition, got, want)
		}
	}
}
