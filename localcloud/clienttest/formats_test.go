package clienttest

import (
	"fmt"
	"strings"
	"testing"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// What lamplighter unloads in each format is there, whole: rows, files, and a
// manifest that agrees with both.
func TestUnloadFormats(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	c.load(s, c.movies("10,Heat\n20,\"a \"\"b\"\", c\"\n30,\n40,\n"), warehouse.Loaded{Rows: 4, Objects: 1, LoadID: 1})
	for i, k := range []struct {
		files  warehouse.Files
		object string
		body   string // "": packed, or not text
	}{
		{warehouse.Files{Format: "parquet"}, "0000_part_00.parquet", ""},
		{warehouse.Files{Format: "csv", Header: true}, "0000_part_00", "movie_id,title\n10,Heat\n20,\"a \"\"b\"\", c\"\n30,\"\"\n40,\"\"\n"},
		{warehouse.Files{Format: "csv", Delimiter: "\t", NullAs: `\N`}, "0000_part_00", "10\tHeat\n20\t\"a \"\"b\"\", c\"\n30\t\"\"\n40\t\"\"\n"},
		{warehouse.Files{Format: "csv", Compression: "gzip", MaxMB: 64}, "0000_part_00.gz", ""},
		{warehouse.Files{Format: "csv", Compression: "bzip2"}, "0000_part_00.bz2", ""},
		{warehouse.Files{Format: "json", Compression: "zstd"}, "0000_part_00.zst", ""},
		{warehouse.Files{Format: "json", Single: true, OrderBy: []string{"movie_id desc"}}, "000", "{\"movie_id\":40,\"title\":\"\"}\n{\"movie_id\":30,\"title\":\"\"}\n{\"movie_id\":20,\"title\":\"a \\\"b\\\", c\"}\n{\"movie_id\":10,\"title\":\"Heat\"}\n"},
		{warehouse.Files{Format: "csv", PartitionBy: []string{"movie_id"}}, "movie_id=10/0000_part_00", "Heat\n"},
		{warehouse.Files{Format: "parquet", PartitionBy: []string{"movie_id"}, MaxMB: 32}, "movie_id=20/0000_part_00.parquet", ""},
	} {
		prefix := fmt.Sprintf("lake/d/f%d/", i)
		u := unload("select movie_id, title from movies", "s3://"+prefix)
		u.Files = k.files
		got, err := s.Unload(background, u)
		if err != nil {
			t.Errorf("%+v: %v", k.files, err)
			continue
		}
		if got.Rows != 4 || len(got.Objects) == 0 {
			t.Errorf("%+v: got %+v", k.files, got)
		}
		body, ok := c.s3.objects[prefix+k.object]
		if !ok || k.body != "" && string(body) != k.body {
			t.Errorf("%+v: %s is %q, want %q; there is %v", k.files, k.object, body, k.body, got.Objects)
		}
	}
	u := unload("select movie_id, title from movies", "s3://lake/d/nosuch/")
	u.Files = warehouse.Files{Format: "csv", PartitionBy: []string{"year"}}
	if _, err := s.Unload(background, u); resources.ClassOf(err) != resources.Permanent || !strings.Contains(err.Error(), "year") {
		t.Errorf("a partition column that is not there: %v", err)
	}
}

// A dataset that does not fit names the file, the column and both types.
func TestParquetThatDoesNotFit(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	c.load(s, c.movies("10,Heat\n"), warehouse.Loaded{Rows: 1, Objects: 1, LoadID: 1})
	got, err := s.Unload(background, unload("select movie_id, title from movies", "s3://lake/d/p/"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Script(background, migration("002_back", "create table back (movie_id smallint, title varchar(20)); create table narrow (movie_id integer, title varchar(3)); create table wide (a integer, b integer, c integer)")); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string][]string{
		"back":   {"s3://lake/d/p/0000_part_00.parquet", "movie_id", "SMALLINT", "INTEGER"},
		"narrow": {"s3://lake/d/p/0000_part_00.parquet", "column title", `"Heat"`, "String length exceeds DDL length"},
		"wide":   {"Table columns: 3, Data columns: 2"},
	} {
		b := c.batch(got.Objects...)
		b.Table, b.Format, b.Region = table, warehouse.Format{Kind: "parquet"}, ""
		_, err := s.Load(background, b)
		if err == nil || resources.ClassOf(err) != resources.Permanent {
			t.Errorf("%s: got %v (%v)", table, err, resources.ClassOf(err))
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v, want %q in it", table, err, w)
			}
		}
		c.is(s, "select count(*) from "+table, "0")
	}
}
