package warehouse

import (
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestPsql: psql's own commands ask the catalog what they ask any server.
func TestPsql(t *testing.T) {
	tool, err := osexec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not installed")
	}
	p, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, c, "CREATE SCHEMA lamp")
	exec(t, c, "CREATE TABLE lamp.l (id BIGINT NOT NULL, v VARCHAR(20) DEFAULT 'x', d DECIMAL(8,2), ts TIMESTAMP) SORTKEY(ts)")
	exec(t, c, "CREATE TABLE t (a INT)")
	exec(t, c, "CREATE VIEW v AS SELECT 1 AS a")
	host, port, _ := p.Endpoint("c1")
	target := fmt.Sprintf("host=%s port=%d user=lamplighter dbname=dev sslmode=verify-full sslrootcert=%s", host, port, p.CAFile())
	for _, k := range []struct {
		command string
		want    []string // in this order
	}{
		{`\l`, []string{"dev", "lamplighter", "UNICODE"}},
		{`\dn`, []string{"lamp", "public"}},
		{`\dt`, []string{"public", "t", "table", "lamplighter"}},
		{`\dt lamp.*`, []string{"lamp", "l", "table"}},
		{`\dv`, []string{"public", "v", "view"}},
		{`\d`, []string{"t", "table", "v", "view"}},
		{`\d lamp.l`, []string{"id", "bigint", "not null", "v", "character varying(20)", "'x'", "d", "numeric(8,2)", "ts", "timestamp without time zone"}},
		{`\d+ t`, []string{"a", "integer"}},
		{`\d v`, []string{"View", "a", "integer"}},
		{`\du`, []string{"lamplighter", "Superuser"}},
		{`\df`, []string{"(0 rows)"}},
		{`\dp`, []string{"t", "table"}},
		{`\di`, []string{"Did not find any relations"}},
		{`\dT`, []string{"(0 rows)"}},
		{"SELECT tablename, \"column\", type FROM pg_table_def WHERE schemaname = 'public'", []string{"t", "a", "integer"}},
		{"SELECT table_schema, table_name, table_type FROM svv_tables ORDER BY 1, 2", []string{"lamp", "l", "BASE TABLE", "public", "t", "BASE TABLE", "v", "VIEW"}},
		{"SELECT column_name, data_type, character_maximum_length FROM svv_columns WHERE table_name = 'l' ORDER BY ordinal_position", []string{"id", "bigint", "v", "character varying", "20", "d", "numeric"}},
		{"SELECT usename, usesuper FROM pg_user", []string{"lamplighter", "t"}},
		{"SELECT attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON a.attrelid = c.oid WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$'", []string{"a"}},
	} {
		cmd := osexec.CommandContext(t.Context(), tool, "-X", "-c", k.command, target)
		cmd.Env = append(os.Environ(), "PGPASSWORD="+password, "PAGER=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", k.command, err, out)
			continue
		}
		rest, ok := string(out), true
		for _, w := range k.want {
			if _, rest, ok = strings.Cut(rest, w); !ok {
				t.Errorf("%s: %q is not where it should be in\n%s", k.command, w, out)
				break
			}
		}
	}
	cmd := osexec.CommandContext(t.Context(), tool, "-X", "-c", `\copy t from stdin`, target)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "COPY … FROM STDIN is not supported") {
		t.Errorf("copy from stdin: %v\n%s", err, out)
	}
}
