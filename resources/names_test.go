package resources_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"lamplighter/resources"

	"pgregory.net/rapid"
)

// identifier is Redshift's rule for clusters (aws-facts A6), the strictest.
var identifier = regexp.MustCompile(`^[a-z](-?[a-z0-9])*$`)

func drawName(t *rapid.T) resources.Name {
	pipeline := rapid.StringMatching(`[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5}){0,2}`).Draw(t, "pipeline")
	return resources.Name{
		Pipeline: pipeline, Hash: resources.Lineage(rapid.StringN(12, 12, -1).Draw(t, "account"), "us-east-1", "b", pipeline),
		Run:     rapid.SampledFrom([]string{"20261122", "20261122t13", "19991231"}).Draw(t, "run"),
		Attempt: rapid.IntRange(1, 99).Draw(t, "attempt"), N: rapid.IntRange(1, 999).Draw(t, "n"),
		Stop: time.Unix(rapid.Int64Range(1_600_000_000/60, 3_000_000_000/60).Draw(t, "stop")*60, 0).UTC(),
	}
}

// Every name fits its services and says what it was made of.
func TestNamesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawName(t)
		s := n.String()
		if len(s) > 63 || !identifier.MatchString(s) {
			t.Fatalf("%s (%d characters) is no identifier", s, len(s))
		}
		if len(s+"-d") > 64+1 && len(n.Pipeline) <= resources.MaxPipelineName {
			t.Fatalf("%s-d is no name of a schedule", s)
		}
		got, ok := resources.ParseName(s)
		if !ok || got != n {
			t.Fatalf("%s reads as %+v (%v), not %+v", s, got, ok, n)
		}
		if !strings.HasPrefix(s, resources.Prefix(n.Pipeline, n.Hash)) {
			t.Fatalf("%s does not begin with its pipeline's prefix", s)
		}
	})
}

// No name is taken for ours that does not read back to itself: a sweep acts
// on what this says.
func FuzzParseName(f *testing.F) {
	f.Add("lamplighter-movielens-upxnn-20261122-1-3-htc8o")
	f.Add("lamplighter-movie-lens-upxnn-20261122t13-12-3-htc8o")
	f.Add("lamplighter-movielens-prod")
	f.Add("lamplighter-a-aaaaa-20261122-01-1-00000")
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := resources.ParseName(s)
		if ok && n.String() != s {
			t.Fatalf("%q reads as %+v, which is %q", s, n, n.String())
		}
	})
}

// The prefix of one pipeline is never the beginning of another's names, also
// where one pipeline's name begins with the other's.
func TestPrefixesDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawName(t), drawName(t)
		if rapid.Bool().Draw(t, "longer") {
			b.Pipeline = a.Pipeline + "-x"
			b.Hash = resources.Lineage("1", "us-east-1", "b", b.Pipeline)
		}
		if (a.Pipeline != b.Pipeline || a.Hash != b.Hash) && strings.HasPrefix(b.String(), resources.Prefix(a.Pipeline, a.Hash)) {
			t.Fatalf("%s begins with the prefix of %s", b, a)
		}
	})
}

func TestClassesAreWords(t *testing.T) {
	for c := resources.OK; c <= resources.Unknown; c++ {
		text, err := c.MarshalText()
		var back resources.Class
		if err != nil || back.UnmarshalText(text) != nil || back != c {
			t.Errorf("class %d writes as %q and reads as %v", c, text, back)
		}
	}
	var c resources.Class
	if c.UnmarshalText([]byte("fine")) == nil {
		t.Error("an unknown word is a class")
	}
}
