package warehouse

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestStatements: the system tables show what this server ran, secrets not.
func TestStatements(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, c, "SET query_group TO 'night'")
	exec(t, c, "/* who asks */ CREATE TABLE t (a INT)")
	exec(t, c, "INSERT INTO t VALUES (1),\n(2)")
	_, _ = c.Exec(context.Background(), "SELECT 1/0 FROM t")
	_, _ = c.Exec(context.Background(), "COPY nowhere FROM 's3://none/x' ACCESS_KEY_ID 'hidden' SECRET_ACCESS_KEY AS 'hidden' CSV")
	long := "SELECT '" + strings.Repeat("x", 450) + "'"
	exec(t, c, long)
	for _, k := range []struct{ ask, want string }{
		{"SELECT querytxt FROM stl_query WHERE querytxt LIKE 'INSERT%'", `INSERT INTO t VALUES (1),\n(2)`},
		{"SELECT trim(label) || aborted FROM stl_query WHERE querytxt LIKE 'INSERT%'", "night0"},
		{"SELECT aborted FROM stl_query WHERE querytxt LIKE '%1/0%' AND starttime <= endtime", "1"},
		{"SELECT count(*) FROM stl_query WHERE querytxt LIKE '%hidden%'", "0"},
		{"SELECT querytxt FROM stl_query WHERE querytxt LIKE 'COPY%'", "COPY nowhere FROM 's3://none/x' ACCESS_KEY_ID '' SECRET_ACCESS_KEY AS '' CSV"},
		{"SELECT text FROM stl_ddltext", "/* who asks */ CREATE TABLE t (a INT)"},
		{"SELECT count(*) FROM stl_query WHERE querytxt LIKE '%CREATE TABLE t (%' AND querytxt NOT LIKE '%count%'", "0"},
		{"SELECT count(*) FROM stl_utilitytext WHERE text = 'SET query_group TO ''night'''", "1"},
		{"SELECT listagg(text) WITHIN GROUP (ORDER BY sequence) FROM stl_querytext WHERE query = (SELECT max(query) FROM stl_query WHERE querytxt LIKE '%xxxx%' AND querytxt NOT LIKE '%LIKE%')", long},
		{"SELECT pid = pg_backend_pid() FROM stv_inflight WHERE text LIKE '%stv_inflight%'", "t"},
		{"SELECT status FROM stv_recents WHERE query LIKE 'INSERT%'", "Done"},
		{"SELECT status || substring(error_message, 1, 5) FROM sys_query_history WHERE query_text LIKE 'SELECT 1/0%'", "failed22012"},
		{"SELECT count(DISTINCT xid) FROM stl_query WHERE querytxt LIKE 'INSERT%' OR querytxt LIKE 'SELECT 1/0%'", "2"},
	} {
		if got := one(t, c, k.ask); got != k.want {
			t.Errorf("%s: got %s, want %s", k.ask, got, k.want)
		}
	}
	exec(t, c, "BEGIN")
	exec(t, c, "INSERT INTO t VALUES (7)")
	exec(t, c, "DELETE FROM t WHERE a = 7")
	exec(t, c, "COMMIT")
	if got := one(t, c, "SELECT count(DISTINCT xid) FROM svl_statementtext WHERE text IN ('BEGIN', 'INSERT INTO t VALUES (7)', 'DELETE FROM t WHERE a = 7', 'COMMIT')"); got != "1" {
		t.Errorf("one transaction has %s numbers", got)
	}
}

// TestStatementsBounded: old ones go, those that run stay.
func TestStatementsBounded(t *testing.T) {
	var l statements
	runs := l.begin(&statement{id: -1})
	for i := range 3 * keptStatements {
		l.end(l.begin(&statement{id: int64(i)}), nil)
	}
	if len(l.all) != keptStatements || l.all[0] != runs || l.all[keptStatements-1].id != 3*keptStatements-1 {
		t.Errorf("%d kept, the first is %d", len(l.all), l.all[0].id)
	}
}

// TestCancelBackend: another session's statement is interrupted and the session
// goes on; a session that is none, or does nothing, is left alone.
func TestCancelBackend(t *testing.T) {
	_, d := served(t)
	c, other := dial(t, d, pgx.QueryExecModeSimpleProtocol), dial(t, d, pgx.QueryExecModeSimpleProtocol)
	pid := one(t, other, "SELECT pg_backend_pid()")
	if got := one(t, c, "SELECT pg_cancel_backend("+pid+")"); got != "t" {
		t.Errorf("an idle session: %s", got)
	}
	if got := one(t, c, "SELECT pg_cancel_backend(1)"); got != "f" {
		t.Errorf("no session: %s", got)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := other.Exec(context.Background(), "SELECT count(*) FROM range(10000000000) a, range(1000) b")
		ended <- err
	}()
	for one(t, c, "SELECT count(*) FROM stv_inflight WHERE pid = "+pid) == "0" {
		continue
	}
	if got := one(t, c, "SELECT status FROM stv_recents WHERE pid = "+pid); got != "Running" {
		t.Errorf("stv_recents: %s", got)
	}
	exec(t, c, "SELECT pg_cancel_backend("+pid+")")
	if err := <-ended; code(err) != "57014" {
		t.Errorf("cancelled: %v", err)
	}
	if got := one(t, other, "SELECT 1"); got != "1" {
		t.Error("the session is gone")
	}
	if got := one(t, c, "SELECT status FROM sys_query_history WHERE query_text LIKE '%10000000000%' AND session_id = "+pid); got != "canceled" {
		t.Errorf("sys_query_history: %s", got)
	}
}

// TestTableInfo: rows and sizes are counted; empty tables are not listed.
func TestTableInfo(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, c, "CREATE TABLE big AS SELECT range AS a, md5(range::varchar) AS s FROM range(200000)")
	exec(t, c, "CREATE TABLE none (a INT)")
	exec(t, c, "DELETE FROM big WHERE a < 50000")
	exec(t, c, "VACUUM")
	if got := one(t, c, `SELECT tbl_rows::bigint FROM svv_table_info WHERE "table" = 'big'`); got != "150000" {
		t.Errorf("rows: %s", got)
	}
	if got := one(t, c, `SELECT size BETWEEN 2 AND 20 FROM svv_table_info WHERE "table" = 'big'`); got != "t" {
		t.Errorf("size: %s", one(t, c, `SELECT size FROM svv_table_info WHERE "table" = 'big'`))
	}
	if got := one(t, c, `SELECT count(*) FROM svv_table_info`); got != "1" {
		t.Errorf("%s tables", got)
	}
}

// TestInformationSchema: with the types' names of Redshift, however it is asked.
func TestInformationSchema(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, c, "CREATE TABLE t (a INT, s VARCHAR(20), n DECIMAL(8,2), z TIMESTAMPTZ)")
	exec(t, c, "CREATE VIEW v AS SELECT 1 AS one")
	for _, k := range []struct{ ask, want string }{
		{"SELECT data_type FROM information_schema.columns WHERE table_name = 't' AND column_name = 'z'", "timestamp with time zone"},
		{"SELECT columns.data_type FROM information_schema.columns WHERE column_name = 'a'", "integer"},
		{"SELECT information_schema.columns.character_maximum_length FROM information_schema.columns WHERE column_name = 's'", "20"},
		{"SELECT c.numeric_precision || '/' || c.numeric_scale FROM information_schema.columns c JOIN INFORMATION_SCHEMA.tables USING (table_name) WHERE column_name = 'n'", "8/2"},
		{"SELECT listagg(table_name || ' ' || table_type, ',') WITHIN GROUP (ORDER BY table_name) FROM information_schema.tables AS x", "t BASE TABLE,v VIEW"},
		{"SELECT count(*) FROM information_schema.schemata WHERE schema_name IN ('public', 'main')", "1"},
		{"SELECT table_name FROM information_schema.views LIMIT 1", "v"},
	} {
		if got := one(t, c, k.ask); got != k.want {
			t.Errorf("%s: got %s, want %s", k.ask, got, k.want)
		}
	}
}
