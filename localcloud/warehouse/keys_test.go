package warehouse

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestKeys: what CREATE TABLE said is what the catalog shows, whatever becomes
// of the table.
func TestKeys(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, c, "CREATE TABLE a (id INT DISTKEY PRIMARY KEY, day DATE, n INT) COMPOUND SORTKEY (day, n)")
	exec(t, c, "CREATE TABLE b (x INT, y INT, PRIMARY KEY (y, x)) DISTSTYLE ALL INTERLEAVED SORTKEY (y, x)")
	exec(t, c, "CREATE TABLE IF NOT EXISTS b (x INT DISTKEY SORTKEY)")
	exec(t, c, "CREATE TABLE l (LIKE a)")
	exec(t, c, "CREATE TABLE s DISTKEY (k) SORTKEY (k) AS SELECT 1 AS k, 2 AS v")
	exec(t, c, "CREATE TABLE plain (a INT)")
	exec(t, c, "BEGIN")
	exec(t, c, "CREATE TABLE gone (a INT DISTKEY)")
	exec(t, c, "ROLLBACK")
	exec(t, c, "ALTER TABLE a ADD COLUMN more VARCHAR(5)")
	exec(t, c, "ALTER TABLE a RENAME COLUMN day TO dag")
	exec(t, c, "ALTER TABLE a RENAME TO aa")
	exec(t, c, "INSERT INTO aa (id, dag, n) VALUES (1, '2024-01-01', 1)")
	exec(t, c, "INSERT INTO b VALUES (1, 1)")
	exec(t, c, "INSERT INTO plain VALUES (1)")
	const keys = `SELECT listagg("column" || ' ' || distkey || ' ' || sortkey, ', ') WITHIN GROUP (ORDER BY "column") FROM pg_table_def WHERE schemaname = 'public' AND (distkey OR sortkey <> 0) AND tablename = `
	for _, k := range []struct{ ask, want string }{
		{keys + "'aa'", "dag false 1, id true 0, n false 2"},
		{keys + "'b'", "x false -2, y false 1"},
		{keys + "'l'", "day false 1, id true 0, n false 2"},
		{keys + "'s'", "k true 1"},
		{`SELECT listagg("table" || ' ' || diststyle || ' ' || nvl(sortkey1, '-') || ' ' || sortkey_num, ', ') WITHIN GROUP (ORDER BY "table") FROM svv_table_info`, "aa KEY(id) dag 2, b ALL y 2, plain AUTO(ALL) - 0, s KEY(k) k 1"},
		{`SELECT listagg(table_name || '.' || column_name || ordinal_position, ' ') WITHIN GROUP (ORDER BY table_name, ordinal_position) FROM information_schema.key_column_usage`, "aa.id1 b.y1 b.x2"},
		{`SELECT count(*) FROM information_schema.table_constraints WHERE constraint_type = 'PRIMARY KEY'`, "2"},
	} {
		if got := one(t, c, k.ask); got != k.want {
			t.Errorf("%s: got %s, want %s", k.ask, got, k.want)
		}
	}
	if _, err := c.Exec(t.Context(), "CREATE TABLE wrong (a INT) SORTKEY (nowhere)"); err == nil {
		t.Error("a key of no column was taken")
	}
}
