package warehouse

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lamplighter/resources"
)

func script(statements ...string) Script {
	return Script{Receipt: Receipt{Run: "2026-11-22", Attempt: 2, Step: "view", SHA256: strings.Repeat("a", 64)}, Statements: statements, Timeout: time.Minute}
}

func TestScript(t *testing.T) {
	f := newFake(t, &rule{what: "DELETE", tag: "DELETE 3"}, &rule{what: "INSERT INTO x", tag: "INSERT 0 4"}, &rule{what: "select 1", rows: [][]string{{"1"}}, tag: "SELECT 1"})
	got, err := f.open(f.server()).Script(background, script("DELETE FROM x", "INSERT INTO x select 2", "select 1"))
	if want := (Ran{Rows: 7}); err != nil || got != want {
		t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
	want := []string{
		"SET statement_timeout TO 60000",
		"SELECT tablename FROM pg_tables WHERE schemaname = 'lamplighter' ORDER BY tablename",
		`CREATE SCHEMA IF NOT EXISTS "lamplighter"`,
		`CREATE TABLE IF NOT EXISTS "lamplighter"."receipts" (` + receiptColumns + ")",
		"BEGIN",
		`LOCK TABLE "lamplighter"."receipts"`,
		`SELECT sha256, affected FROM "lamplighter"."receipts" WHERE run = '2026-11-22' AND attempt = 2 AND step = 'view'`,
		"DELETE FROM x", "INSERT INTO x select 2", "select 1",
		`INSERT INTO "lamplighter"."receipts" ("run", "attempt", "step", "sha256", "affected", "ran_at") VALUES ('2026-11-22', 2, 'view', '` + strings.Repeat("a", 64) + `', 7, GETDATE())`,
		"COMMIT",
	}
	if diff := cmp.Diff(want, f.statements()); diff != "" {
		t.Error(diff)
	}
}

func TestScriptRanBefore(t *testing.T) {
	receipt := func(sha string) *rule {
		return &rule{what: "SELECT sha256, affected", rows: [][]string{{strings.Repeat(sha, 64), "5"}}}
	}
	t.Run("the same", func(t *testing.T) {
		f := newFake(t, receipt("a"))
		got, err := f.open(f.server()).Script(background, script("DELETE FROM x"))
		if err != nil || got != (Ran{Rows: 5, Already: true}) || f.saw("DELETE") || f.saw("INSERT") {
			t.Fatalf("got %+v, %v", got, err)
		}
	})
	t.Run("a changed step", func(t *testing.T) {
		f := newFake(t, receipt("b"))
		got, err := f.open(f.server()).Script(background, script("DELETE FROM x"))
		if err != nil || got.Already || !f.saw("DELETE") {
			t.Fatalf("got %+v, %v", got, err)
		}
	})
	t.Run("a changed migration", func(t *testing.T) {
		f := newFake(t, receipt("b"))
		s := script("CREATE TABLE x (a int)")
		s.Receipt.Run, s.Receipt.Attempt = MigrationRun, 0
		_, err := f.open(f.server()).Script(background, s)
		if resources.CodeOf(err) != CodeReceipt || f.saw("CREATE TABLE x") || f.saw("COMMIT") {
			t.Fatalf("got %v", err)
		}
	})
}

func TestScriptFails(t *testing.T) {
	f := newFake(t, &rule{what: "broken", code: "42601", msg: "syntax error"})
	_, err := f.open(f.server()).Script(background, script("DELETE FROM x", "select broken"))
	if resources.ClassOf(err) != resources.Permanent || !strings.Contains(err.Error(), "script view, statement 2 of 2 (select broken): syntax error") || f.saw("COMMIT") || !f.saw("ROLLBACK") {
		t.Fatalf("got %v", err)
	}
}

// After a script that sets something, the session is as it was.
func TestScriptSettings(t *testing.T) {
	f := newFake(t, &rule{what: "select 2", rows: [][]string{{"2"}}})
	c := f.open(f.server())
	if _, err := c.Script(background, script("set search_path to other")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Query(background, "select 2"); err != nil {
		t.Fatal(err)
	}
	sent := f.statements()
	if i := slices.Index(sent, "SET search_path TO public"); i < slices.Index(sent, "COMMIT") {
		t.Errorf("sent %q", sent)
	}
}

func TestImplicitCommits(t *testing.T) {
	f := newFake(t)
	c := f.open(f.server())
	for _, sql := range []string{
		"truncate x", "/* now */ Truncate table x", "VACUUM", "vacuum full x", "alter table x append from y", `ALTER TABLE "a" APPEND FROM "b" IGNOREEXTRA`,
		"begin", "start transaction", "commit", "end", "rollback", "abort", "create database x", "drop database x", "alter database x owner to y",
		"create external table s.x (a int) stored as parquet location 's3://b/'", "drop schema s drop external database",
		"create external schema s from data catalog database 'd' iam_role 'r' create external database if not exists", "create library x language plpythonu from 's3://b/'",
	} {
		_, err := c.Script(background, script("delete from x", sql))
		if resources.CodeOf(err) != CodeImplicit || resources.ClassOf(err) != resources.Permanent || resources.HintOf(err) == "" || !strings.Contains(err.Error(), "statement 2 of 2") {
			t.Errorf("%s: got %v", sql, err)
		}
	}
	if _, err := c.Script(background, script("select 1; truncate x")); resources.ClassOf(err) != resources.Permanent {
		t.Errorf("two statements in one: got %v", err)
	}
	if sent := f.statements(); len(sent) != 0 {
		t.Errorf("something ran before the refusal: %q", sent)
	}
	for _, sql := range []string{
		"create table x (a int)", "select 'truncate x'", "delete from x -- truncate", "alter table x add column a int", "create view v as select 1 as vacuum_count",
		"create external schema s from data catalog database 'd' iam_role 'r'", "drop schema s", "create procedure p() as $$ begin truncate x; end $$ language plpgsql",
		"insert into x select \"commit\" from y", "call p()",
	} {
		if _, err := c.Script(background, script(sql)); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestScriptRefusesReceipt(t *testing.T) {
	f := newFake(t)
	c := f.open(f.server())
	for _, r := range []Receipt{{}, {Run: "r", Step: "s", SHA256: "short"}, {Run: "r", SHA256: strings.Repeat("a", 64)}} {
		if _, err := c.Script(background, Script{Receipt: r}); resources.ClassOf(err) != resources.Permanent {
			t.Errorf("%+v: got %v", r, err)
		}
	}
}
