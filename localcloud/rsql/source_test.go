package rsql

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzSources: whatever comes in, nothing panics; an error has a SQLSTATE; what
// was rewritten can be read again; no credential is logged.
func FuzzSources(f *testing.F) {
	for _, s := range []string{
		"SELECT 1", "select 'it''s' || E'\\n' || $$a$$ -- x", "/* a /* b */ */ SELECT TOP 3 a, b::varchar(5) FROM t; begin",
		"CREATE TABLE t (a INT IDENTITY(1,1) DISTKEY, b VARCHAR(MAX) ENCODE zstd, PRIMARY KEY (a)) SORTKEY(a)", "UPDATE t SET a = a / 2 WHERE b LIKE '%x'",
		"COPY t FROM 's3://b/k' CREDENTIALS 'hidden' CSV; SELECT 'hidden'", "SELECT CASE WHEN a THEN 1 END::int, sum(x) OVER (PARTITION BY y) FROM information_schema.tables",
		"((((((((1", "select \"a\"\"b\".\"c\" from pg_catalog.pg_class c", "\x00", "\xff", "'", "$a$", "select $1 + $99999999999999999999", "1e", "SELECT 1/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		all, err := Sources(src)
		if err != nil {
			coded(t, err)
			return
		}
		for _, s := range all {
			if !strings.Contains(src, s.Text) {
				t.Fatalf("%q is not in the script", s.Text)
			}
			if logged := s.Logged(); len(logged) > len(s.Text)+len(s.Tokens) {
				t.Fatalf("logged as %q", logged)
			}
			st, err := Rewrite(s.Tokens, &Env{User: "u", Database: "d"})
			if err != nil {
				coded(t, err)
				continue
			}
			if _, err := Cut(st.SQL); err != nil && utf8.ValidString(src) {
				t.Fatalf("%q was written as %q: %v", s.Text, st.SQL, err)
			}
		}
	})
}

// coded checks that an error tells a client what it needs.
func coded(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || len(e.Code) != 5 || e.Msg == "" {
		t.Fatalf("not a client's error: %v", err)
	}
}

func TestLogged(t *testing.T) {
	for src, want := range map[string]string{
		"COPY t FROM 's3://b' CREDENTIALS AS 'x' CSV":                "COPY t FROM 's3://b' CREDENTIALS AS '' CSV",
		"; ;COPY t FROM 's3://b' access_key_id 'x' session_token'y'": "COPY t FROM 's3://b' access_key_id '' session_token''",
		"CREATE USER u PASSWORD 'it''s' ":                            "CREATE USER u PASSWORD ''",
		" /* c */ SELECT 'credentials', password FROM t":             "/* c */ SELECT 'credentials', password FROM t",
	} {
		all, err := Sources(src)
		if err != nil || len(all) != 1 || all[0].Logged() != want {
			t.Errorf("%s: %q, %v", src, all[0].Logged(), err)
		}
	}
}
