package warehouse

import (
	"context"
	"regexp"
	"strings"

	"lamplighter/resources"
)

// The schema that holds what the warehouse knows of itself, and names in it.
const (
	schemaName    = "lamplighter"
	receiptsTable = "receipts"
	ledgerPrefix  = "ledger_"
	maxIdentifier = 127 // bytes, RSD r_names
)

// table is a loaded table, in schema public when none is written.
type table struct{ schema, name string }

var tableName = regexp.MustCompile(`^(?:([a-z_][a-z0-9_]*)\.)?([a-z_][a-z0-9_]*)$`)

// parseTable reads [schema.]table.
func parseTable(s string) (table, error) {
	m := tableName.FindStringSubmatch(s)
	if m == nil {
		f := resources.Faultf(resources.Permanent, "table name %q: want table or schema.table", s)
		f.Hint = "lower-case letters, digits and _, a letter first"
		return table{}, f
	}
	t := table{schema: m[1], name: m[2]}
	if t.schema == "" {
		t.schema = "public"
	}
	if t.schema == schemaName {
		f := resources.Faultf(resources.Permanent, "table name %q: schema %s holds the ledger", s, schemaName)
		f.Hint = "load into another schema"
		return table{}, f
	}
	if len(t.schema) > maxIdentifier || len(t.ledgerName()) > maxIdentifier {
		f := resources.Faultf(resources.Permanent, "table name %q is too long: its ledger would be called %s", s, t.ledgerName())
		f.Hint = "Redshift's names have at most 127 bytes"
		return table{}, f
	}
	return t, nil
}

// sql names the table in a statement.
func (t table) sql() string { return ident(t.schema) + "." + ident(t.name) }

// key is the table's one name in Ledger and Watermark: without the schema when
// it is public.
func (t table) key() string {
	if t.schema == "public" {
		return t.name
	}
	return t.schema + "." + t.name
}

// ledgerName is one name for each table, and parseLedger's inverse: a $ cannot
// stand in a table's own name here.
func (t table) ledgerName() string {
	if t.schema == "public" {
		return ledgerPrefix + t.name
	}
	return ledgerPrefix + t.schema + "$" + t.name
}

func (t table) ledgerSQL() string { return ours(t.ledgerName()) }

// parseLedger is the table whose ledger is called so; ok is false for other
// tables of our schema.
func parseLedger(name string) (t table, ok bool) {
	rest, ok := strings.CutPrefix(name, ledgerPrefix)
	if !ok {
		return t, false
	}
	t, err := parseTable(strings.Replace(rest, "$", ".", 1))
	return t, err == nil && t.ledgerName() == name
}

// ours names a table of our schema in a statement.
func ours(name string) string { return ident(schemaName) + "." + ident(name) }

// TableKey is the name under which a table stands in a Ledger's Tables: public
// tables without their schema. The fault of a name that is none is Permanent.
func TableKey(name string) (string, error) {
	t, err := parseTable(name)
	if err != nil {
		return "", err
	}
	return t.key(), nil
}

const ledgerColumns = `"load_id" BIGINT NOT NULL, "uri" VARCHAR(2048) NOT NULL, "etag" VARCHAR(256) NOT NULL, "bytes" BIGINT NOT NULL, ` +
	`"part" VARCHAR(64) NOT NULL, "batch_rows" BIGINT NOT NULL, "run" VARCHAR(128) NOT NULL, "attempt" INTEGER NOT NULL, ` +
	`"step" VARCHAR(256) NOT NULL, "loaded_at" TIMESTAMP NOT NULL`

const receiptColumns = `"run" VARCHAR(128) NOT NULL, "attempt" INTEGER NOT NULL, "step" VARCHAR(256) NOT NULL, ` +
	`"sha256" VARCHAR(64) NOT NULL, "affected" BIGINT NOT NULL, "ran_at" TIMESTAMP NOT NULL`

// ensure makes a table of our schema if it is not there, in transactions of
// its own: a table that is there can be locked by the first statement of the
// next one, and an empty one says nothing.
func (s *session) ensure(ctx context.Context, name, columns string) error {
	if s.made[name] {
		return nil
	}
	there, err := s.ourTables(ctx)
	if err != nil {
		return err
	}
	if !there[name] {
		err := s.create(ctx, name, columns)
		if err != nil { // another controller may just have made it
			if there, again := s.ourTables(ctx); again != nil || !there[name] {
				return err
			}
		}
	}
	s.made[name] = true
	return nil
}

func (s *session) create(ctx context.Context, name, columns string) error {
	if _, err := s.do(ctx, "create schema "+schemaName, "CREATE SCHEMA IF NOT EXISTS "+ident(schemaName)); err != nil {
		return err
	}
	_, err := s.do(ctx, "create "+schemaName+"."+name, "CREATE TABLE IF NOT EXISTS "+ours(name)+" ("+columns+")")
	return err
}

// ourTables are the tables of our schema.
func (s *session) ourTables(ctx context.Context) (map[string]bool, error) {
	rows, err := s.ask(ctx, "list the ledger's tables", "SELECT tablename FROM pg_tables WHERE schemaname = '"+schemaName+"' ORDER BY tablename")
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, r := range rows {
		names[r[0]] = true
	}
	return names, nil
}
