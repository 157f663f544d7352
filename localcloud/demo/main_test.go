package main

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"lamplighter/localcloud/demo/setup"
)

// The driver checks the machine before anything is downloaded: what it is
// built of must come with Go.
func TestStandsOnGosLibraryAlone(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if !strings.HasPrefix(path, "lamplighter/localcloud/demo") {
			t.Errorf("the driver imports %s", path)
		}
	}
}

func TestNightsAreToldEverything(t *testing.T) {
	place := setup.Place{Root: "/r"}
	spark := setup.Spark{Home: "/h", Python: "/p", Jars: "/j"}
	got := nightsArgs(place, options{data: "../d", reviews: "/abs/r.csv", seed: 9}, spark)
	want := []string{"-dir", "/r/.demo", "-seed", "9", "-data", "/d", "-reviews", "/abs/r.csv", "-spark-home", "/h", "-spark-python", "/p", "-spark-jars", "/j"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got := nightsArgs(place, options{fast: true, seed: 1}, setup.Spark{}); !slices.Equal(got, []string{"-dir", "/r/.demo", "-seed", "1", "-fast"}) {
		t.Errorf("fast: %q", got)
	}
}

func TestWhatWeCancelledIsNoError(t *testing.T) {
	killed := exec.Command("sh", "-c", "kill -TERM $$").Run()
	failed := exec.Command("sh", "-c", "exit 3").Run()
	if ignoreCancelled(killed) != nil || ignoreCancelled(nil) != nil {
		t.Errorf("killed: %v", ignoreCancelled(killed))
	}
	if !errors.Is(ignoreCancelled(failed), failed) {
		t.Error("a failure was ignored")
	}
}
