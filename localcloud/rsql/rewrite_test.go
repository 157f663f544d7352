package rsql

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var testEnv = &Env{User: "lamplighter", Database: "dev", PID: 7, LastCopy: -1, LastUnload: -1, LastQuery: -1}

// rewrite is the SQL of one statement.
func rewrite(t testing.TB, src string) (*Statement, error) {
	t.Helper()
	all, err := Cut(src)
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		t.Fatalf("%s: %d statements", src, len(all))
	}
	return Rewrite(all[0], testEnv)
}

func TestRewrite(t *testing.T) {
	for src, want := range map[string]string{
		"select A, \"B\" c from T":                            `select a, "b" c from t`,
		"select sum(x) from t":                                `select sum( x) as "sum" from t`,
		"select count(*), 1+1":                                `select count(*) as "count", 1+1 as "?column?"`,
		"select x::int from t":                                `select cast( x as INTEGER) as "x" from t`,
		"select a||b::varchar(3) from t":                      `select a|| rs_cut( cast(b as VARCHAR), 3) as "?column?" from t`,
		"select case when a then b end::varchar(3) from t":    `select rs_cut( cast( case when a then b end as VARCHAR), 3) as "case" from t`,
		"select f(a).b::int from t":                           `select cast( f(a).b as INTEGER) as "?column?" from t`,
		"update t set a = 'x ', b = 'y ' where c = 'z '":      `update t set a = 'x ', b = 'y ' where (rtrim((c), ' ')) = 'z'`,
		"select a from t where 'z ' < b || c and d = 'e'":     `select a from t where 'z' < (rtrim((b || c), ' ')) and d = 'e'`,
		"select a from t where not a not in ('z ', b || ' ')": `select a from t where not (rtrim((a), ' ')) not in ('z', b || ' ')`,
		"select a = 'x ', b::char(2) from t":                  `select (rtrim((a), ' ')) = 'x' as "?column?", rtrim(rs_cut(cast(b as VARCHAR), 2), ' ') as "b" from t`,
		"select 1.5::decimal":                                 `select cast( 1.5 as DECIMAL(18,0)) as "numeric"`,
		"select dateadd(day, 1, d) from t":                    `select dateadd( 'day', 1, d) as "date_add" from t`,
		"select '5' + 1":                                      `select (5) + 1 as "?column?"`,
		"select date '2026-01-01' + '5'":                      `select date '2026-01-01' + (5) as "?column?"`,
		"select x is distinct from y from t":                  `select x is distinct from y as "?column?" from t`,
		"select top 3 x from t order by x":                    `select x from t order by x limit 3`,
		"select a minus b from t":                             `select a except b from t`,
		"select at, map from t where ts at time zone 'x' > 1": `select "at", "map" from t where ts at time zone 'x' > 1`,
		"select pg_backend_pid()":                             `select cast( 7 as BIGINT) as "pg_backend_pid"`,
		"select 'a;b', $$c'd$$, E'x\\ty' -- end":              "select 'a;b' as \"?column?\", 'c''d' as \"?column?\", 'x\ty' as \"?column?\"",
		"select c.oid from pg_catalog.pg_class c where c.relname operator(pg_catalog.~) 'x' collate pg_catalog.default": `select c.oid from pg_class c where c.relname ~ 'x'`,
		"delete t where a = 1":                        `delete from t where a = 1`,
		"insert into t (sum, len) values (sum(1), 2)": `insert into t (sum, len) values (sum(1), 2)`,
		"create table t (a varchar, b char(3) not null, c decimal, d float, primary key (a))": `CREATE TABLE "t" ("a" VARCHAR NOT NULL CHECK (strlen("a") <= 256), "b" VARCHAR NOT NULL CHECK (CASE WHEN strlen("b") = length("b") THEN strlen(rtrim("b", ' ')) <= 3 ELSE error('CHAR string contains invalid ASCII char') END), "c" DECIMAL(18,0), "d" DOUBLE)`,
		"select max(a) into b from c":                 `CREATE TABLE "b" AS select max( a) as "max" from c`,
		"drop table if exists a.b cascade":            `DROP TABLE IF EXISTS "a"."b" CASCADE`,
		"create view v as select count(*) from t":     `CREATE VIEW v AS select count(*) as "count" from t`,
		"select x from t where a in (select sum(b))":  `select x from t where a in (select sum( b) as "sum")`,
		"select nvl(a, 'x'), len(b) from t":           `select coalesce( a, 'x') as "coalesce", length( b) as "len" from t`,
		"select sum(sum(a)) over () from t":           `select (sum( sum( a)) over ()) as "sum" from t`,
		"select count(distinct a) filter (where b) c": `select (count(distinct a) filter (where b)) c`,
	} {
		st, err := rewrite(t, src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := normal(st.SQL); got != normal(want) {
			t.Errorf("%s\ngot  %s\nwant %s", src, st.SQL, want)
		}
	}
}

var punctuation = regexp.MustCompile(`\s*([(),|+*/])\s*`)

// normal forgets case, and spaces that mean nothing.
func normal(s string) string {
	s = strings.Join(strings.Fields(strings.ReplaceAll(strings.ToLower(s), "\t", `\t`)), " ")
	return punctuation.ReplaceAllString(s, "$1")
}

func TestVerbs(t *testing.T) {
	for src, want := range map[string]Statement{
		"begin work": {Verb: Begin}, "start transaction isolation level serializable": {Verb: Begin}, "end": {Verb: Commit}, "abort": {Verb: Rollback},
		"set statement_timeout to 5": {Verb: Set, Name: "statement_timeout", Value: "5"}, "SET search_path = a, \"b\"": {Verb: Set, Name: "search_path", Value: "a,b"},
		"set session x to default": {Verb: Set, Name: "x"}, "reset x": {Verb: Set, Name: "x"}, "show time zone": {Verb: Show, Name: "timezone"},
		"lock table a.b, c": {Verb: Lock}, "truncate t": {Verb: Truncate}, "vacuum full t": {Verb: Vacuum}, "analyze verbose t (a)": {Verb: Nothing},
		"grant all on t to u": {Verb: Nothing}, "with a as (select 1) select * from a": {Verb: Read}, "copy t from 's3://b/k'": {Verb: Copy},
		"create table a (like b including defaults)": {Verb: CreateLike}, "alter table a add column b varchar(3)": {Verb: AddColumn}, "explain select 1": {Verb: Explain},
	} {
		st, err := rewrite(t, src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if st.Verb != want.Verb || st.Name != want.Name || st.Value != want.Value {
			t.Errorf("%s: got verb %d name %q value %q", src, st.Verb, st.Name, st.Value)
		}
	}
}

func TestRefused(t *testing.T) {
	for src, code := range map[string]string{
		"copy t from stdin": FeatureNotSupported, "pragma x": SyntaxError, "attach 'x'": SyntaxError, "call p()": FeatureNotSupported, "rollback to x": FeatureNotSupported, "show tables from schema x": FeatureNotSupported,
		"create table t (a geometry)": FeatureNotSupported, "create table t (a varchar(0))": SyntaxError, "create table t (a varchar(70000))": InvalidParameter, "create table t (a decimal(39,1))": InvalidParameter,
		"create table t (a int foo)": SyntaxError, "create table t": SyntaxError, "create table t (a int) sorted by x": SyntaxError, "create index i on t (a)": FeatureNotSupported,
		"select )": SyntaxError, "select (": SyntaxError, "alter table t append from u": FeatureNotSupported, "lock": SyntaxError, "set": SyntaxError,
		"create view v as select current_user": FeatureNotSupported, "select to_char(a, b) from t": FeatureNotSupported, "select cast(1 as nosuch)": "42704",
		"select distinct on (a) b from t": SyntaxError, "unload": "", "set session authorization x": FeatureNotSupported,
		"select " + strings.Repeat("(", 100000) + strings.Repeat(")", 100000): "54001",
	} {
		_, err := rewrite(t, src)
		var e *Error
		if code == "" && err == nil {
			continue
		}
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%.80s: got %v, want %s", src, err, code)
		}
	}
}

// TestLiterals: whatever a value is, it comes back as one token of that value.
func TestLiterals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.ReplaceAll(rapid.String().Draw(t, "s"), "\x00", "")
		tokens, err := Lex("a " + Literal(s) + " b")
		if err != nil || len(tokens) != 3 || tokens[1].Kind != Str || tokens[1].Text != s {
			t.Fatalf("%q: %v %v", s, tokens, err)
		}
		bound, err := Bind([]Token{{Kind: Param, Text: "1"}}, []string{Literal(s)})
		if err != nil || len(bound) != 3 || bound[1].Text != s {
			t.Fatalf("bind %q: %v %v", s, bound, err)
		}
	})
}

func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"select sum(a)::varchar(3) over () from t", "create table t (a int identity(1,1))", "a;b", "select $1", "/* /* */", "$a$", "select case end", "set x", "insert into", "select 'a' || \"b", "unload ('select 1') to", "select a[1]::int"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		all, err := Cut(src)
		if err != nil {
			return
		}
		for _, tokens := range all {
			st, err := Rewrite(tokens, testEnv)
			if err != nil {
				continue
			}
			if st.SQL == "" {
				continue
			}
			if again, err := Cut(st.SQL); err != nil || len(again) != 1 {
				t.Errorf("%q became %q: %d statements, %v", src, st.SQL, len(again), err)
			}
		}
	})
}
