package warehouse

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLintScript(t *testing.T) {
	for _, c := range []struct {
		name, script string
		params       bool
		want         []string // "line what", what by its beginning
	}{
		{"clean", "create table a (b int);\ninsert into a select :date::date;", true, nil},
		{"parameter of a migration", "select 1;\nselect :date", false, []string{"2 :date has no value here"}},
		{"unknown parameters", "select :dat,\n :day", true, []string{"1 unknown parameter :dat", "2 unknown parameter :day"}},
		{"unclosed", "select 1;\nselect 'x", true, []string{"2 unclosed string"}},
		{"commits", "select 1; -- truncate a\n\ntruncate a;\ncommit", true, []string{"3 truncate a: it commits", "4 commit: it ends"}},
		{"the same statement twice", "commit;\ncommit", true, []string{"1 commit:", "2 commit:"}},
		{"only comments", "-- nothing", true, []string{"0 holds no statement"}},
	} {
		t.Run(c.name, func(t *testing.T) { lints(t, c.want, LintScript(c.script, c.params)) })
	}
}

func TestLintQuery(t *testing.T) {
	for _, c := range []struct {
		name, query string
		want        []string
	}{
		{"clean", "select * from a where d < :day_end", nil},
		{"two", "select 1; select 2", []string{"0 want one statement, got 2"}},
		{"writes", "delete from a", []string{"0 want a query, got delete from a"}},
		{"makes a table", "select 1 into b from a", []string{"0 want a query"}},
		{"unclosed", `select "x`, []string{"1 unclosed quoted name"}},
		{"two problems", "insert into a values (:x)", []string{"1 unknown parameter :x", "0 want a query"}},
	} {
		t.Run(c.name, func(t *testing.T) { lints(t, c.want, LintQuery(c.query)) })
	}
}

// lints compares findings by their line and the beginning of what they say.
func lints(t *testing.T, want []string, found []Finding) {
	t.Helper()
	var got []string
	for i, f := range found {
		text := cmpLine(f)
		if i < len(want) && strings.HasPrefix(text, want[i]) {
			text = want[i]
		}
		got = append(got, text)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("other findings (-want +got):\n%s", d)
	}
}

func cmpLine(f Finding) string { return string(rune('0'+f.Line)) + " " + f.What }
