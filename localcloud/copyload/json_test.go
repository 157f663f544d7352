package copyload

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// readJSON is what a reader makes of documents: fields joined, or the reason.
func readJSON(t testing.TB, r io.Reader) []string {
	t.Helper()
	j := newJSONReader(r, byName([]Column{{Name: "a", Type: "VARCHAR"}, {Name: "b", Type: "JSON"}}, false))
	var out []string
	var last int64
	for {
		rec, err := j.next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.line < last {
			t.Fatalf("line %d after line %d", rec.line, last)
		}
		last = rec.line
		if rec.err != nil {
			out = append(out, "!"+rec.err.msg)
			continue
		}
		out = append(out, string(rec.fields[0])+"|"+string(rec.fields[1]))
	}
}

// TestJSONRoundTrip: documents of Go's own encoder come out as they went in,
// whatever stands between them and however the bytes arrive.
func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var text strings.Builder
		var want []string
		for range rapid.IntRange(0, 8).Draw(rt, "documents") {
			a := rapid.StringOfN(rapid.SampledFrom([]rune("a\"\\{}[]\n\t é😀")), 0, 8, -1).Draw(rt, "a")
			b, err := json.Marshal(map[string]any{"k": []any{a, 1.5, nil, true}})
			if err != nil {
				rt.Fatal(err)
			}
			doc, err := json.MarshalIndent(map[string]any{"a": a, "b": json.RawMessage(b), "c": 1}, "", rapid.SampledFrom([]string{"", " "}).Draw(rt, "indent"))
			if err != nil {
				rt.Fatal(err)
			}
			text.Write(doc)
			text.WriteString(rapid.SampledFrom([]string{"", " ", "\n", "\r\n\n"}).Draw(rt, "between"))
			want = append(want, a+"|"+string(b))
		}
		for _, r := range []io.Reader{strings.NewReader(text.String()), iotest.OneByteReader(strings.NewReader(text.String()))} {
			if got := readJSON(t, r); strings.Join(got, "\x01") != strings.Join(want, "\x01") {
				rt.Fatalf("%q\ngot  %q\nwant %q", text.String(), got, want)
			}
		}
	})
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		"$.a": "1", "$['a']": "1", "$.b.c[1]": `{"d":2}`, "$['b']['c'][0]": "x", "$.no": "", "$.a.b": "", "$.e.f": "", "$.b": `{"c":["x",{"d":2}]}`,
		"a": "!", "$": "!", "$.": "!", "$.a[x]": "!", "$.a[-1]": "!", "$.*": "!", "$..a": "!", "$['a'": "!", "$.a['b']": "!", "$.b[7]": "!!",
	} {
		steps, err := parsePath(path)
		if err != nil {
			if want != "!" {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		fields, bad := byPath([]Column{{Type: "VARCHAR"}}, [][]jsonStep{steps})([]byte(`{"a": 1, "b": {"c": ["x", {"d": 2}]}, "e": null}`))
		got := "!!"
		if bad == nil {
			got = string(fields[0])
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("{\"a\":1}\n[1] x\n{\"a\":\"\\u0000\\ud800\"}{")
	f.Fuzz(func(t *testing.T, text string) {
		for _, row := range readJSON(t, strings.NewReader(text)) {
			if row == "" {
				t.Fatalf("%q: a row of nothing", text)
			}
		}
	})
}
