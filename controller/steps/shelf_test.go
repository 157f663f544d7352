package steps

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lamplighter/config"
	"lamplighter/controller/journal"
	"lamplighter/resources/s3"
)

func TestDataFiles(t *testing.T) {
	at := "s3://b/runs/d/1/data/x/1/"
	var objects []s3.Info
	for _, name := range []string{"0000_part_00.parquet", "manifest", "metrics.json", "_SUCCESS", ".part.crc", "users/part-0", "users/_temporary/0/part-0", "_day=1/part-0", "day=2/_hidden"} {
		objects = append(objects, s3.Info{URI: at + name})
	}
	for _, c := range []struct {
		ds   Dataset
		want []string
	}{
		{Dataset{URI: at, Format: "parquet", Rows: 1}, []string{"0000_part_00.parquet", "users/part-0", "_day=1/part-0"}},
		{Dataset{URI: at, Format: "csv"}, nil},
		{Dataset{URI: at}, []string{"0000_part_00.parquet", "manifest", "users/part-0", "_day=1/part-0"}},
	} {
		var got []string
		for _, o := range DataFiles(c.ds, objects) {
			got = append(got, o.URI[len(at):])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c.ds, got)
		}
	}
}

func TestOutdated(t *testing.T) {
	s := Shelf{Prefix: "s3://b/p/", Keep: 48 * time.Hour}
	var lists []s3.Info
	for day := 15; day <= 22; day++ {
		date := fmt.Sprintf("2026-11-%d", day)
		lists = append(lists, s3.Info{URI: s.manifest(date)}, s3.Info{URI: s.listing(date)}, s3.Info{URI: s.dates() + date + "/mine.txt"})
	}
	latest := &Edition{Of: EditionOf{Date: "2026-11-21"}}
	count := func(s Shelf, latest *Edition, ours string) int { return len(s.outdated(lists, latest, ours)) }
	for name, c := range map[string][2]int{
		"16 to 18 go, and what is not ours stays": {count(s, latest, "2026-11-21"), 2 * 4},
		"ours stays":        {count(s, latest, "2026-11-15"), 2 * 3},
		"no limit":          {count(Shelf{Prefix: s.Prefix}, latest, ""), 0},
		"nothing published": {count(s, nil, ""), 0},
		"an hour":           {count(s, &Edition{Of: EditionOf{Date: "2026-11-21T13"}}, ""), 2 * 4},
		"no date":           {count(s, &Edition{Of: EditionOf{Date: "whenever it is"}}, ""), 0},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %d, not %d", name, c[0], c[1])
		}
	}
}

func TestOrphans(t *testing.T) {
	s := Shelf{Prefix: "s3://b/p/"}
	now := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	data := []s3.Info{
		{URI: s.data() + "2026-11-20/r.1/a", Modified: now.Add(-48 * time.Hour)},
		{URI: s.data() + "2026-11-20/r.2/a", Modified: now.Add(-48 * time.Hour)},
		{URI: s.data() + "2026-11-20/r.3/a", Modified: now.Add(-48 * time.Hour)},
		{URI: s.data() + "2026-11-20/r.3/sub/b", Modified: now}, // being copied
		{URI: s.data() + "stray", Modified: now.Add(-48 * time.Hour)},
	}
	named := map[string]bool{s.folderOf(data[1].URI): true}
	if got := s.orphans(data, named, now.Add(-unread)); !slices.Equal(got, []string{data[0].URI, data[4].URI}) {
		t.Errorf("%v", got)
	}
	made := EditionOf{Date: "2026-11-20", Made: journal.AttemptID{Run: "r", Attempt: 2}}
	if s.folder(made) != s.folderOf(data[1].URI) {
		t.Errorf("%s is not %s", s.folder(made), s.folderOf(data[1].URI))
	}
}

func TestFilesOfAnUnload(t *testing.T) {
	f := files(&config.Unload{Format: config.UnloadFormat{CSV: &config.UnloadOptions{Header: true}}, Compression: "none", MaxFileSize: 64})
	if f.Format != "csv" || !f.Header || f.Compression != "" || f.MaxMB != 64 {
		t.Errorf("%+v", f)
	}
	if f := files(&config.Unload{}); f.Format != "parquet" {
		t.Errorf("%+v", f)
	}
	ds := Dataset{Format: "csv", Rows: 3, Bytes: 20, Objects: 1}
	least := 4.0
	if got := missed(map[string]config.Bounds{"rows": {Min: &least}}, ds.metrics()); len(got) != 1 {
		t.Errorf("%v", got)
	}
}
