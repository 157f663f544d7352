package warehouse

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lamplighter/resources"
)

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"empty", " \n\t", nil},
		{"only comments", "-- a\n/* b; */ ;;", nil},
		{"two", "select 1; select 2", []string{"select 1", "select 2"}},
		{"no blank", "a;b;", []string{"a", "b"}},
		{"semicolon in string", "select ';'; x", []string{"select ';'", "x"}},
		{"doubled quote", "select 'it''s; ok'; x", []string{"select 'it''s; ok'", "x"}},
		{"backslash quote", `select 'it\'s; ok'; x`, []string{`select 'it\'s; ok'`, "x"}},
		{"backslash backslash", `select 'c:\\'; x`, []string{`select 'c:\\'`, "x"}},
		{"quoted name", `select 1 as "a;""b"; x`, []string{`select 1 as "a;""b"`, "x"}},
		{"backslash in a name", `select 1 as "a\"; x`, []string{`select 1 as "a\"`, "x"}},
		{"line comment", "select 1 -- a; b\n, 2; x", []string{"select 1 -- a; b\n, 2", "x"}},
		{"line comment at the end", "select 1; -- a; b", []string{"select 1"}},
		{"nested comment", "select /* a /* b; */ c; */ 1; x", []string{"select /* a /* b; */ c; */ 1", "x"}},
		{"comments around", "/* a */ select 1 /* b */; -- c\n x", []string{"select 1", "x"}},
		{"body", "create procedure p() as $$ begin; end; $$ language plpgsql; x", []string{"create procedure p() as $$ begin; end; $$ language plpgsql", "x"}},
		{"tagged body", "do $a$ $$; $b$; $a$; x", []string{"do $a$ $$; $b$; $a$", "x"}},
		{"positional", "select $1; x", []string{"select $1", "x"}},
		{"dollar in a name", "select a$b$c; x$y", []string{"select a$b$c", "x$y"}},
		{"quote in a comment", "select 1 /* it's */; -- don't\nx", []string{"select 1", "x"}},
		{"minus", "select 1-1; x", []string{"select 1-1", "x"}},
		{"not ASCII", "select 'é;ü' as größe; x", []string{"select 'é;ü' as größe", "x"}},
		{"carriage returns", "select 1;\r\nselect 2;\r\n", []string{"select 1", "select 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Cut(c.script)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnclosed(t *testing.T) {
	for script, want := range map[string]string{
		"select 1;\nselect 'a":    "line 2: unclosed string",
		`select 'a\'`:             "line 1: unclosed string",
		"select\n\n\"a":           "line 3: unclosed quoted name",
		"/* a /* b */":            "line 1: unclosed comment",
		"select '\n\n'; do $$ x ": "line 3: unclosed $ body",
		"/*/":                     "line 1: unclosed comment",
		"select \xff":             "not valid UTF-8",
		"select \x00":             "zero byte",
	} {
		_, err := Cut(script)
		if err == nil || !strings.Contains(err.Error(), want) || resources.ClassOf(err) != resources.Permanent {
			t.Errorf("%q: got %v, want %s", script, err, want)
		}
	}
}

var params = Params{
	Date:     time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
	DayStart: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
	DayEnd:   time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
}

func TestFill(t *testing.T) {
	for in, want := range map[string]string{
		"where d = :date":                               "where d = DATE '2026-11-21'",
		"where t >= :day_start and t<:day_end":          "where t >= TIMESTAMP '2026-11-20 00:00:00' and t<TIMESTAMP '2026-11-22 00:00:00'",
		"select a::date, b :: timestamp":                "select a::date, b :: timestamp",
		"select :date::varchar":                         "select DATE '2026-11-21'::varchar",
		"select ':date', \":date\", $$:date$$ -- :date": "select ':date', \":date\", $$:date$$ -- :date",
		"select /* :dat */ 1":                           "select /* :dat */ 1",
		"select (:date)":                                "select (DATE '2026-11-21')",
		"a := 1":                                        "a := 1",
		"select '10:30', x[1:2]":                        "select '10:30', x[1:2]",
		"select it.a:: date;\n:date":                    "select it.a:: date;\nDATE '2026-11-21'",
	} {
		got, err := Fill(in, params)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestFillRefuses(t *testing.T) {
	_, err := Fill("select 1;\n-- x\nselect :dat, :date", params)
	if err == nil || !strings.Contains(err.Error(), "line 3: unknown parameter :dat") || !strings.Contains(resources.HintOf(err), ":day_start") {
		t.Errorf("got %v, hint %q", err, resources.HintOf(err))
	}
	_, err = Fill("select :day_end", Params{Date: params.Date})
	if err == nil || !strings.Contains(err.Error(), "line 1: :day_end has no value") {
		t.Errorf("got %v", err)
	}
	if _, err = Fill("select :Date", params); err == nil {
		t.Error(":Date was taken")
	}
}

func TestUses(t *testing.T) {
	got, err := Uses("select :day_end, :date, a::date, ':day_start'; select :date, :other")
	if diff := cmp.Diff([]string{"date", "day_end", "other"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// unquote is an independent reading of one string or name, as the server does it.
func unquote(s string, mark byte, backslash bool) (string, bool) {
	if len(s) < 2 || s[0] != mark || s[len(s)-1] != mark {
		return "", false
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == mark || s[i] == '\\' && backslash {
			if i++; i >= len(s)-1 {
				return "", false
			}
			if s[i-1] == mark && s[i] != mark {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

// hostile draws text that is rich in what ends or hides statements.
func hostile() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]string{"'", "''", `"`, `\`, `\'`, ";", "--", "/*", "*/", "$$", "$a$", ":date", "::", "\n", "drop table x", "E'"}), rapid.String()), 0, 6).Draw(t, "parts")
		s := strings.ReplaceAll(strings.Join(parts, ""), "\x00", "")
		return strings.ToValidUTF8(s, "")
	})
}

// Whatever stands in a literal or a quoted name, the statement around it stays
// the one that was meant, for servers of both kinds.
func TestQuotingHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value, name := hostile().Draw(t, "value"), hostile().Draw(t, "name")
		lit := dialect{backslash: true}.literal(value)
		script := "select " + lit + " as " + ident(name) + "; select 2"
		got, err := Cut(script)
		if err != nil || len(got) != 2 || got[0] != "select "+lit+" as "+ident(name) {
			t.Fatalf("%q was cut into %q, %v", script, got, err)
		}
		if filled, err := Fill(script, Params{}); err != nil || filled != script {
			t.Fatalf("%q was filled into %q, %v", script, filled, err)
		}
		for _, d := range []dialect{{backslash: true}, {backslash: false}} {
			if back, ok := unquote(d.literal(value), '\'', d.backslash); !ok || back != value {
				t.Fatalf("%q reads back as %q (backslash %v)", value, back, d.backslash)
			}
		}
		if back, ok := unquote(ident(name), '"', false); !ok || back != name {
			t.Fatalf("name %q reads back as %q", name, back)
		}
	})
}

// An UNLOAD holds its query as a string, and that query holds strings: reading
// the outer one back gives the query, byte for byte.
func TestUnloadHoldsItsQuery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := dialect{backslash: rapid.Bool().Draw(t, "backslash")}
		query := "select " + d.literal(hostile().Draw(t, "value")) + " as " + ident(hostile().Draw(t, "name"))
		sql, err := unloadStatement(d, Unload{Prefix: "s3://b/p/", Role: "arn", Files: Files{Format: "parquet"}}, query)
		if err != nil {
			t.Fatal(err)
		}
		inner, ok := strings.CutPrefix(sql, "UNLOAD (")
		end := strings.LastIndex(inner, ") TO 's3://b/p/' IAM_ROLE 'arn' FORMAT AS PARQUET MANIFEST VERBOSE")
		if !ok || end < 0 {
			t.Fatal(sql)
		}
		if back, ok := unquote(inner[:end], '\'', d.backslash); !ok || back != query {
			t.Fatalf("%q reads back as %q", query, back)
		}
	})
}

// Cutting is stable: the statements, joined again, are cut the same.
func TestCutIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stable(t, hostile().Draw(t, "script"))
	})
}

func FuzzCut(f *testing.F) {
	for _, s := range []string{"select 1; select ':x' :: date", "$$;$$ :date /* /* */ */", `'\'';"";--`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) { stable(t, script) })
}

type failer interface{ Fatalf(string, ...any) }

func stable(t failer, script string) {
	tokens, err := lex(script)
	if err != nil {
		return
	}
	end := 0
	for _, tok := range tokens {
		if tok.from != end || tok.to <= tok.from {
			t.Fatalf("%q: token %+v begins at %d, want %d", script, tok, tok.from, end)
		}
		end = tok.to
	}
	if end != len(script) {
		t.Fatalf("%q: tokens end at %d", script, end)
	}
	once, err := Cut(script)
	if err != nil {
		t.Fatalf("%q: lexed but not cut: %v", script, err)
	}
	again, err := Cut(strings.Join(once, "\n;"))
	if err != nil || !cmp.Equal(once, again) {
		t.Fatalf("%q: cut into %q, then into %q, %v", script, once, again, err)
	}
	filled, err := Fill(script, params)
	if err == nil && !utf8.ValidString(filled) {
		t.Fatalf("%q: filled into %q", script, filled)
	}
}
