package config

import "testing"

// Only what is an option of another format is called misplaced.
func TestMisplaced(t *testing.T) {
	for _, c := range []struct{ format, key, hint string }{
		{"Parquet", "fill_record", "leave it out; it fits csv or parquet"},
		{"JSON", "header", "leave it out; it fits csv"},
		{"Parquet", "date_format", "leave it out; it fits csv or json"},
		{"CSV", "paths", "leave it out; it fits json"},
		{"CSV", "sql", ""},
		{"Load", "header", ""},
		{"Unload", "delimiter", ""},
	} {
		if _, hint := misplaced(c.format, c.key); hint != c.hint {
			t.Errorf("%s.%s: %q, want %q", c.format, c.key, hint, c.hint)
		}
	}
}
