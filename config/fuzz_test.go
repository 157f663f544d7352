package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// Whatever a file holds, the loader does not panic, and every problem it names
// lies inside the file.
func FuzzPipeline(f *testing.F) {
	seed(f, "testdata/pipeline/*.yaml")
	files := fstest.MapFS{"sql/view.sql": {Data: []byte("select 1")}, "jobs/x.py": {Data: []byte("1")}, "sql/migrations/001_a.sql": {Data: []byte("select 1")}}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePipeline("lamplighter.yaml", data, files, noVariables)
		if err == nil {
			if _, open := p.Schedule.WindowAt(p.Schedule.Next(instantOf(t, "2026-11-22T00:00:00Z"))); !open {
				t.Errorf("the window of %+v is not open when it opens", p.Schedule)
			}
		}
		places(t, data, err)
	})
}

func FuzzEnvironment(f *testing.F) {
	seed(f, "testdata/environment/*.yaml")
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := ParseEnvironment("environments/x.yaml", data)
		places(t, data, err)
	})
}

func seed(f *testing.F, pattern string) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		f.Fatalf("no seeds match %s (%v)", pattern, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

func places(t *testing.T, data []byte, err error) {
	var ps Problems
	if err != nil && (!errors.As(err, &ps) || len(ps) == 0) {
		t.Fatalf("the error is no Problems: %v", err)
	}
	for _, p := range ps {
		insideFile(t, data, p)
	}
}
