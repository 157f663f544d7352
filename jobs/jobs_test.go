package jobs

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLookup(t *testing.T) {
	if !slices.IsSorted(Names()) || len(Names()) == 0 {
		t.Errorf("names %q", Names())
	}
	hashes := map[string]string{}
	for _, name := range Names() {
		job, ok := Lookup(name)
		if !ok || job.Name != name || job.Reads != 1 || !slices.IsSorted(job.Args) {
			t.Errorf("%s: %v %+v", name, ok, job)
		}
		if other := hashes[job.Hash]; other != "" || len(job.Hash) != 64 {
			t.Errorf("%s has the hash %q, %s too", name, job.Hash, other)
		}
		hashes[job.Hash] = name
		for path, file := range map[string]File{filepath.Join(name, job.Main.Name): job.Main, filepath.Join("lib", job.PyFiles[0].Name): job.PyFiles[0]} {
			if want, err := os.ReadFile(path); err != nil || !bytes.Equal(want, file.Data) {
				t.Errorf("%s is not what is embedded: %v", path, err)
			}
		}
	}
	if job, ok := Lookup("../als"); ok || job.Name != "" {
		t.Errorf("found %+v", job)
	}
}

// Each set of files has a hash of its own, whatever is moved from one name,
// one body or one file to the next.
func TestHashTellsFilesApart(t *testing.T) {
	file := func(name, body string) File { return File{name, []byte(body)} }
	sets := [][]File{
		{}, {file("", "")}, {file("a", "")}, {file("", "a")}, {file("a", "b")}, {file("ab", "")}, {file("", "ab")},
		{file("a", "b"), file("c", "d")}, {file("a", "bcd")}, {file("a", "bc"), file("", "d")}, {file("c", "d"), file("a", "b")}, {file("a", "b"), file("c", "d"), file("", "")},
	}
	seen := map[string]int{}
	for i, set := range sets {
		h := Hash(set)
		if j, ok := seen[h]; ok {
			t.Errorf("sets %d and %d have one hash", i, j)
		}
		seen[h] = i
		if Hash(set) != h {
			t.Errorf("set %d has two hashes", i)
		}
	}
}
