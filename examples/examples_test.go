package examples

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWriteMakesTheWholeTemplate(t *testing.T) {
	for _, name := range Templates() {
		folder := filepath.Join(t.TempDir(), "new", "folder")
		paths, err := Write(name, folder)
		if err != nil {
			t.Fatal(err)
		}
		files, err := Get(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			inside, err := filepath.Rel(folder, path)
			if err != nil {
				t.Fatal(err)
			}
			want, err1 := fs.ReadFile(files, filepath.ToSlash(inside))
			got, err2 := os.ReadFile(path)
			if err1 != nil || err2 != nil || string(got) != string(want) {
				t.Errorf("%s was not written as it is (%v, %v)", path, err1, err2)
			}
		}
		if !slices.Contains(paths, filepath.Join(folder, "lamplighter.yaml")) || !slices.Contains(paths, filepath.Join(folder, "README.md")) {
			t.Errorf("template %s wrote only %v", name, paths)
		}
	}
}

func TestWriteNeverOverwrites(t *testing.T) {
	folder := t.TempDir()
	mine := filepath.Join(folder, "sql", "recommender_view.sql")
	if err := os.MkdirAll(filepath.Dir(mine), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Write("movielens", folder)
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), mine) {
		t.Errorf("the error does not name the file: %v", err)
	}
	if data, _ := os.ReadFile(mine); string(data) != "mine" {
		t.Errorf("%s holds %q now", mine, data)
	}
	if _, err := os.Stat(filepath.Join(folder, "lamplighter.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a template was written: %v", err)
	}
}

func TestUnknownTemplateNamesTheKnown(t *testing.T) {
	if _, err := Get("nothing"); err == nil || !strings.Contains(err.Error(), "movielens") {
		t.Errorf("the error is %v", err)
	}
	if _, err := Get(".."); err == nil {
		t.Error("a path is no template")
	}
}
