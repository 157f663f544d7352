package warehouse

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lamplighter/resources"
)

// A check that only warns is counted, named with examples, and loaded; one
// that does not names the same and rolls back.
func TestLoadWarns(t *testing.T) {
	rules := func() []*rule {
		return append([]*rule{{what: "user_id IS NULL", rows: [][]string{{"3"}}}, {what: "examples of it", rows: [][]string{{"7"}, {"it's"}}}}, healthy()...)
	}
	b := batch()
	b.Checks[0].Warn, b.Checks[0].Examples = true, "select 'examples of it'"
	b.Rows = []RowsBound{{Name: "rows max", Max: 32, Warn: true}, {Name: "rows min", Min: 33}}
	f := newFake(t, rules()...)
	got, err := f.open(f.server()).Load(background, b)
	want := []Unmet{
		{Check: "rows max", Rows: 33, Says: "33 rows in 2 objects, want at most 32"},
		{Check: "not_null user_id", Rows: 3, Examples: []string{"7", "it's"}, Says: `check not_null user_id failed for 3 rows, such as "7", "it's"`},
	}
	if err != nil || !reflect.DeepEqual(got.Warnings, want) {
		t.Errorf("got %+v, %v", got.Warnings, err)
	}
	b.Checks[0].Warn = false
	f = newFake(t, rules()...)
	_, err = f.open(f.server()).Load(background, b)
	if resources.CodeOf(err) != CodeCheck || !strings.Contains(err.Error(), "rolled back: "+want[1].Says) || f.saw("COMMIT") {
		t.Errorf("got %v", err)
	}
}

// Examples are for people: a verdict stands without them, and a warning whose
// examples broke the transaction does not commit.
func TestExamplesThatCannotBeHad(t *testing.T) {
	for warn, code := range map[bool]string{false: CodeCheck, true: "42883"} {
		b := batch()
		b.Checks[0].Warn, b.Checks[0].Examples = warn, "select 'examples of it'"
		f := newFake(t, append([]*rule{{what: "user_id IS NULL", rows: [][]string{{"3"}}}, {what: "examples of it", code: "42883", msg: "no ordering"}}, healthy()...)...)
		if _, err := f.open(f.server()).Load(background, b); resources.CodeOf(err) != code {
			t.Errorf("warn %v: got %v", warn, err)
		}
	}
}

// A literal written before there is a session reads back the same on a server
// that takes a backslash as an escape and on one that does not.
func TestLiteralReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.OneOf(hostile(), rapid.StringMatching(`[\\'ab]{0,8}`)).Draw(t, "value")
		for _, backslash := range []bool{true, false} {
			var got strings.Builder
			for i, piece := range strings.Split(strings.Trim(Literal(want), "()"), " || CHR(92) || ") {
				if strings.ContainsAny(want, "() |") { // not taken apart by this simple reader
					return
				}
				text, ok := unquote(piece, '\'', backslash)
				if !ok {
					t.Fatalf("%s is no literal", piece)
				}
				if i > 0 {
					got.WriteByte('\\')
				}
				got.WriteString(text)
			}
			if got.String() != want {
				t.Fatalf("%q reads back as %q", want, got.String())
			}
		}
	})
}
