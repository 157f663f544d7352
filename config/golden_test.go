package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

func noVariables(name string) string {
	if name == "SLACK_WEBHOOK" {
		return "https://hooks.example.com/x"
	}
	return ""
}

// Each .yaml file is a case; the .txt beside it holds all of its problems.
func TestPipelineProblems(t *testing.T) {
	golden(t, "testdata/pipeline/*.yaml", func(path string) error {
		_, err := LoadPipeline(path, noVariables)
		return err
	})
}

func TestEnvironmentProblems(t *testing.T) {
	golden(t, "testdata/environment/*.yaml", func(path string) error {
		_, err := LoadEnvironment(path)
		return err
	})
}

func golden(t *testing.T, pattern string, load func(path string) error) {
	cases, err := filepath.Glob(pattern)
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases match %s (%v)", pattern, err)
	}
	for _, path := range cases {
		t.Run(filepath.Base(path), func(t *testing.T) {
			got := "no problems\n"
			if err := load(path); err != nil {
				var ps Problems
				if !errors.As(err, &ps) || len(ps) == 0 {
					t.Fatalf("the error is no Problems: %v", err)
				}
				checkPlaces(t, path, ps)
				got = strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", "") + "\n"
			}
			expected := strings.TrimSuffix(path, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(expected, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(expected)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("other problems than in %s (-want +got); -update rewrites it:\n%s", expected, d)
			}
		})
	}
}

func checkPlaces(t *testing.T, path string, ps Problems) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		insideFile(t, data, p)
	}
}
