package clienttest

import (
	"strings"
	"testing"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// Nothing to unload is no error in any format.
func TestUnloadOfNothingInAnyFormat(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	for i, files := range []warehouse.Files{{Format: "parquet"}, {Format: "csv"}, {Format: "csv", Header: true}, {Format: "json", Compression: "gzip"},
		{Format: "csv", Single: true}, {Format: "parquet", PartitionBy: []string{"title"}}} {
		u := unload("select movie_id, title from movies where movie_id < 0", "s3://lake/none/"+string(rune('a'+i))+"/")
		u.Files = files
		if got, err := s.Unload(background, u); err != nil || got.Rows != 0 || got.Manifest != "" {
			t.Errorf("%+v: %+v, %v", files, got, err)
		}
	}
}

// What the server refuses is told as it is, for good.
func TestUnloadTellsRefusals(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	for query, want := range map[string]string{
		"select nobody from movies":                 "nobody",
		"select 1; drop table movies":               "one statement",
		"insert into movies values (1, 'x')":        "want a query",
		"select * from movies limit 3":              "LIMIT",
		"select 'never ends from movies":            "unclosed string",
		"select movie_id from movies) to 's3://x/'": "",
	} {
		u := unload(query, "s3://lake/bad/")
		u.Files = warehouse.Files{Format: "csv"}
		if _, err := s.Unload(background, u); resources.ClassOf(err) != resources.Permanent || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v (%v)", query, err, resources.ClassOf(err))
		}
	}
	c.is(s, "select count(*) from movies", "0")
}
