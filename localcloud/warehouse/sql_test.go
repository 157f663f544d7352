package warehouse

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

var modes = map[string]pgx.QueryExecMode{
	"cache_statement": pgx.QueryExecModeCacheStatement, "cache_describe": pgx.QueryExecModeCacheDescribe,
	"describe_exec": pgx.QueryExecModeDescribeExec, "exec": pgx.QueryExecModeExec, "simple": pgx.QueryExecModeSimpleProtocol,
}

func TestAllModes(t *testing.T) {
	p := newPlane(t, t.TempDir(), "http://127.0.0.1:1")
	create(t, p, "c1")
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, dsn(t, p, "c1"), mode)
			exec(t, conn, "CREATE TEMP TABLE t (id INT, name VARCHAR(10), d DATE, amount DECIMAL(10,2))")
			exec(t, conn, "INSERT INTO t VALUES ($1, $2, $3, $4)", 1, "one", "2026-11-22", "12.50")
			if got := one(t, conn, "SELECT name FROM t WHERE id = $1", 1); got != "one" {
				t.Errorf("got %q", got)
			}
			if got := one(t, conn, "SELECT $1 + 1", 4); got != "5" {
				t.Errorf("$1 + 1: got %q", got)
			}
			if got := one(t, conn, "SELECT DATEADD(day, $1, d)::date FROM t", 2); got != "2026-11-24" {
				t.Errorf("dateadd: got %q", got)
			}
			if got := one(t, conn, "SELECT count(*) FROM t WHERE d = $1", "2026-11-22"); got != "1" {
				t.Errorf("date parameter: got %q", got)
			}
			if got := one(t, conn, "SELECT amount FROM t"); got != "12.50" {
				t.Errorf("decimal: got %q", got)
			}
		})
	}
}
