package simcloud

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The store lists what a plain map would, after any puts and removals.
func TestStoreIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st, model := newStore(), map[string]string{}
		keys := rapid.StringMatching(`[ab/]{0,4}`)
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			k := keys.Draw(t, "key")
			if rapid.Bool().Draw(t, "put") {
				body := rapid.String().Draw(t, "body")
				st.put(k, []byte(body), int64(len(body)), start)
				model[k] = body
			} else {
				st.remove(k)
				delete(model, k)
			}
			prefix := keys.Draw(t, "prefix")
			var got, want []string
			for _, o := range st.under(prefix) {
				got = append(got, o.key+"="+string(o.body))
			}
			for k, v := range model {
				if strings.HasPrefix(k, prefix) {
					want = append(want, k+"="+v)
				}
			}
			slices.SortFunc(want, func(a, b string) int { return strings.Compare(a[:strings.Index(a, "=")], b[:strings.Index(b, "=")]) })
			if !slices.Equal(got, want) || st.used(prefix) != (len(want) > 0) {
				t.Fatalf("under %q: %q, want %q", prefix, got, want)
			}
		}
	})
}

func FuzzParseStep(f *testing.F) {
	f.Add("timeout -k 60 2400 spark-submit --deploy-mode client s3://b/als.py --reads r=s3://b/r/ --writes s3://b/w/ --rank 10")
	f.Add("spark-submit")
	f.Add("timeout spark-submit x")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		st, err := parseStep(args)
		if err == nil && (!slices.Contains(args, "spark-submit") || strings.Contains(st.script, "/")) {
			t.Errorf("%q gives %+v", line, st)
		}
	})
}

func TestParseStep(t *testing.T) {
	tests := []struct{ line, script, reads, writes, limit, err string }{
		{"timeout -k 60 90 spark-submit --a b --c d s3://b/x/als.py --reads r=s3://b/r/ --reads q=s3://b/q/ --writes s3://b/w/ --rank 10", "als", "s3://b/r/ s3://b/q/", "s3://b/w/", "1m30s", ""},
		{"spark-submit x.py --reads a=s3://a b=s3://b", "x", "s3://a s3://b", "", "0s", ""},
		{"bash -c ls", "", "", "", "", "no spark-submit"},
		{"timeout -k 60 soon spark-submit x.py", "", "", "", "", "no number of seconds"},
		{"spark-submit", "", "", "", "", "no application"},
	}
	for _, test := range tests {
		st, err := parseStep(strings.Split(test.line, " "))
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v, want %s", test.line, err, test.err)
			}
			continue
		}
		if err != nil || st.script != test.script || strings.Join(st.reads, " ") != test.reads || st.writes != test.writes || st.limit.String() != test.limit {
			t.Errorf("%s: %+v, %v", test.line, st, err)
		}
	}
}
