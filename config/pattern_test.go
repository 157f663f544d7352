package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPatternMatch(t *testing.T) {
	cases := []struct{ from, prefix, key, day string }{
		{"s3://bkt/r/{yyyy}/{mm}/{dd}/*.csv.gz", "r/", "r/2026/11/22/a.csv.gz", "2026-11-22"},
		{"s3://bkt/r/{yyyy}/{mm}/{dd}/*.csv.gz", "r/", "r/2026/11/22/b/a.csv.gz", "no"},
		{"s3://bkt/r/{yyyy}/{mm}/{dd}/**.csv.gz", "r/", "r/2026/11/22/b/a.csv.gz", "2026-11-22"},
		{"s3://bkt/r/{yyyy}/{mm}/{dd}/*.csv.gz", "r/", "r/2026/02/30/a.csv.gz", "no"},
		{"s3://bkt/r/{yyyy}/{mm}/{dd}/*.csv.gz", "r/", "r/2026/1/22/a.csv.gz", "no"},
		{"s3://bkt/r/{yyyy}/{mm}/{dd}/*.csv.gz", "r/", "x/r/2026/11/22/a.csv.gz", "no"},
		{"s3://bkt/r/{yyyy}/{mm}/{dd}/*.csv", "r/", "r/2026/11/22/a.csv.gz", "no"},
		{"s3://bkt/r-{yyyy}{mm}{dd}.csv", "r-", "r-20261122.csv", "2026-11-22"},
		{"s3://bkt/{yyyy}/{mm}/{dd}/r-{yyyy}{mm}{dd}.csv", "", "2026/11/22/r-20261122.csv", "2026-11-22"},
		{"s3://bkt/{yyyy}/{mm}/{dd}/r-{yyyy}{mm}{dd}.csv", "", "2026/11/22/r-20261123.csv", "no"},
		{"s3://bkt/{yyyy}/{mm}/{dd}/{hh}/*", "", "2026/11/22/07/a", "2026-11-22T07"},
		{"s3://bkt/{yyyy}/{mm}/{dd}/{hh}/*", "", "2026/11/22/24/a", "no"},
		{"s3://bkt/{yyyy}{mm}{dd}{hh}.csv", "", "2026112223.csv", "2026-11-22T23"},
		{"s3://bkt/k/{yyyy}/{mm}/{dd}/*.csv", "k/", "k/2026/11/22/it's \"a\\b\"\n.csv", "2026-11-22"},
		{"s3://bkt/k/{yyyy}/{mm}/{dd}/*.csv", "k/", "k/2026/11/22/" + strings.Repeat("ä", 500) + ".csv", "2026-11-22"},
		{"s3://bkt/m/movies.csv", "m/movies.csv", "m/movies.csv", ""},
		{"s3://bkt/m/movies.csv", "m/movies.csv", "m/moviesXcsv", "no"},
		{"s3://bkt/m/movies.csv", "m/movies.csv", "m/movies.csv.bak", "no"},
		{"s3://bkt/m/?.[a-c]", "m/", "m/x.b", ""},
		{"s3://bkt/m/?.[a-c]", "m/", "m/x.d", "no"},
		{"s3://bkt/m/[!a-c]", "m/", "m/d", ""},
		{"s3://bkt/m/[!a-c]", "m/", "m//", "no"},
		{"s3://bkt/{{x}/a+b*.csv", "{x}/a+b", "{x}/a+b1.csv", ""},
		{"s3://bkt/{a,b}/{1}", "{a,b}/{1}", "{a,b}/{1}", ""},
	}
	for _, c := range cases {
		p, err := ParsePattern(c.from)
		if err != nil {
			t.Errorf("%s: %v", c.from, err)
			continue
		}
		day, ok := p.Match(c.key)
		if ok == (c.day == "no") || ok && day != c.day {
			t.Errorf("%s: Match(%s) = %q, %t; want %q", c.from, c.key, day, ok, c.day)
		}
		if p.Prefix != c.prefix || p.Bucket != "bkt" {
			t.Errorf("%s: bucket %q, prefix %q; want prefix %q", c.from, p.Bucket, p.Prefix, c.prefix)
		}
	}
}

// Every key made from a pattern matches it, gives its day back, and begins
// with the prefix that a listing starts from.
func TestPatternFindsWhatItNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zA-Z0-9.+()$^|\\ äß-]{0,6}`)
		before, between, after := text.Draw(t, "before"), text.Draw(t, "between"), text.Draw(t, "after")
		day := time.Date(2000, 1, 1+rapid.IntRange(0, 20000).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
		any := rapid.StringMatching(`[^/]{0,5}`).Draw(t, "any")
		from := fmt.Sprintf("s3://bkt/%s/{yyyy}%s{mm}-{dd}/%s*.csv", before, between, after)
		key := fmt.Sprintf("%s/%s%s%s/%s%s.csv", before, day.Format("2006"), between, day.Format("01-02"), after, any)
		p, err := ParsePattern(from)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := p.Match(key)
		if !ok || got != day.Format(time.DateOnly) || !strings.HasPrefix(key, p.Prefix) {
			t.Fatalf("%s: Match(%q) = %q, %t with prefix %q", from, key, got, ok, p.Prefix)
		}
	})
}

// A listing that starts after From(day) misses no key of that day or a later
// one, and leaves out those of long before where the keys are in order.
func TestPatternFrom(t *testing.T) {
	forms := []string{"r/{yyyy}/{mm}/{dd}/*", "r/{yyyy}{mm}{dd}", "r-{yyyy}/{mm}/{yyyy}-{mm}-{dd}T{hh}.csv", "{yyyy}/x*{mm}/{dd}", "{dd}.{mm}.{yyyy}/a", "*/{yyyy}/{mm}/{dd}", "{yyyy}/{dd}/{mm}"}
	rapid.Check(t, func(t *rapid.T) {
		form := rapid.SampledFrom(forms).Draw(t, "from")
		p, err := ParsePattern("s3://bkt/" + form)
		if err != nil {
			t.Fatal(err)
		}
		from := time.Date(2000, 1, 1+rapid.IntRange(0, 20000).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
		at := from.Add(time.Duration(rapid.IntRange(0, 20000).Draw(t, "hours later")) * time.Hour)
		key := strings.NewReplacer("{yyyy}", at.Format("2006"), "{mm}", at.Format("01"), "{dd}", at.Format("02"), "{hh}", at.Format("15"),
			"*", rapid.StringMatching(`[^/]{0,3}`).Draw(t, "any")).Replace(form)
		if after := p.From(from); after != "" && key <= after {
			t.Fatalf("%s: a listing after %q misses %q", form, after, key)
		}
	})
	p, _ := ParsePattern("s3://bkt/r/{yyyy}/{mm}/{dd}/*")
	if got := p.From(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)); got != "r/2026/02/28/" {
		t.Errorf("From is %q", got)
	}
}

func TestPatternFolder(t *testing.T) {
	for _, c := range []struct{ from, key, folder string }{
		{"r/{yyyy}/{mm}/{dd}/*.csv", "r/2026/11/22/a.csv", "r/2026/11/22/"},
		{"*/x-{yyyy}-{mm}-{dd}/p/**", "eu/x-2026-11-22/p/a/b.csv", "eu/x-2026-11-22/"},
		{"r/{yyyy}/{mm}/{dd}-*/{{x/*.csv", "r/2026/11/22-b/{x/a.csv", "r/2026/11/22-b/"},
		{"r/{yyyy}-{mm}-{dd}.csv", "r/2026-11-22.csv", ""},
		{"**/{yyyy}/{mm}/{dd}/a", "x/y/2026/11/22/a", ""},
		{"movies/*.csv", "movies/a.csv", ""},
	} {
		p, err := ParsePattern("s3://bkt/" + c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := p.Folder(c.key); got != c.folder || ok != (c.folder != "") {
			t.Errorf("%s: Folder(%s) = %q, %t; want %q", c.from, c.key, got, ok, c.folder)
		}
	}
}

func TestExpand(t *testing.T) {
	words := map[string]string{"date": "2026-11-22", "run.id": "x"}
	cases := []struct{ template, want string }{
		{"day={date}", "day=2026-11-22"}, {"{run.id}/{date}", "x/2026-11-22"}, {"{{date}", "{date}"}, {"{ date }{1}{}", "{ date }{1}{}"},
		{"{a,b} {{{date}", "{a,b} {2026-11-22"}, {"", ""}, {"{", "{"}, {"{a.b.c}", "{a.b.c}"},
	}
	for _, c := range cases {
		got, err := Expand(c.template, words)
		if err != nil || got != c.want {
			t.Errorf("Expand(%q) = %q, %v; want %q", c.template, got, err, c.want)
		}
	}
	if _, err := Expand("{nothing}", words); err == nil {
		t.Error("an unknown word was expanded")
	}
}
