package warehouse

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// column is a column of a table as DuckDB holds it.
type column struct {
	name    string
	typ     string // as DuckDB writes it
	def     string // DEFAULT, "" is none
	notNull bool
	max     int // longest string in bytes, 0: any
	char    bool
}

// table is a table as the catalog knows it.
type table struct {
	database     string // temp of a temporary table
	schema, name string
	columns      []column
}

// sql is the table's quoted name.
func (t *table) sql() string {
	return rsql.Ident(t.database) + "." + rsql.Ident(t.schema) + "." + rsql.Ident(t.name)
}

// definition is what CREATE TABLE lists.
func (t *table) definition() string {
	var list []string
	for _, c := range t.columns {
		def := rsql.Column{Name: c.name, Type: rsql.Type{Duck: c.typ, Max: c.max, Char: c.char}, NotNull: c.notNull, Default: c.def}
		list = append(list, def.SQL())
	}
	return strings.Join(list, ", ")
}

// lookup finds a table by its name and the search path, with its columns.
func (s *session) lookup(ctx context.Context, n rsql.Name) (*table, error) {
	where := "table_name = " + quote(n.Table) + " AND NOT internal"
	if n.Schema != "" {
		where += " AND schema_name = " + quote(n.Schema)
	}
	rows, err := s.query(ctx, "SELECT schema_name, database_name, list_position(list_concat(['temp'], string_split(replace(current_setting('search_path'), '\"', ''), ',')), CASE WHEN temporary THEN 'temp' ELSE schema_name END) AS place FROM duckdb_tables() WHERE "+where+" ORDER BY place NULLS LAST")
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || rows[0][2] == nil && n.Schema == "" {
		return nil, pgwire.Errorf("42P01", "relation %q does not exist", n.String())
	}
	t := &table{database: rows[0][1].(string), schema: rows[0][0].(string), name: n.Table}
	of := " WHERE schema_name = " + quote(t.schema) + " AND table_name = " + quote(t.name) + " AND database_name = " + quote(t.database)
	cols, err := s.query(ctx, "SELECT column_name, data_type, column_default, NOT is_nullable FROM duckdb_columns()"+of+" ORDER BY column_index")
	if err != nil {
		return nil, err
	}
	for _, r := range cols {
		t.columns = append(t.columns, column{name: r[0].(string), typ: r[1].(string), def: text(r[2]), notNull: r[3] == true})
	}
	checks, err := s.query(ctx, "SELECT constraint_column_names[1], regexp_extract(constraint_text, '<= ([0-9]+)', 1), contains(constraint_text, 'rtrim(') FROM duckdb_constraints()"+of+" AND constraint_type = 'CHECK' AND constraint_text LIKE '%strlen(%'")
	if err != nil {
		return nil, err
	}
	for _, r := range checks {
		for i := range t.columns {
			if t.columns[i].name == text(r[0]) {
				_, _ = fmt.Sscan(text(r[1]), &t.columns[i].max)
				t.columns[i].char = t.columns[i].char || r[2] == true
			}
		}
	}
	return t, nil
}

func text(v driver.Value) string {
	s, _ := v.(string)
	return s
}

// define runs the definitions that need to know another table.
func (s *session) define(ctx context.Context, st *rsql.Statement) (*pgwire.Result, error) {
	err := s.enter(ctx, st.Targets...)
	if err == nil {
		if st.Verb == rsql.CreateLike {
			err = s.createLike(ctx, st.Like)
		} else {
			err = s.addColumn(ctx, st.Add)
		}
	}
	if err != nil {
		return nil, s.undo(err)
	}
	return &pgwire.Result{Tag: st.Tag}, s.leave()
}

func (s *session) createLike(ctx context.Context, l *rsql.Like) error {
	t, err := s.lookup(ctx, l.Source)
	if err != nil {
		return err
	}
	for i := range t.columns { // defaults are not copied unless asked for, and then sequences would be shared
		t.columns[i].def = ""
	}
	head := "CREATE TABLE "
	if l.Temp {
		head = "CREATE TEMP TABLE "
	}
	if l.IfNotExists {
		head += "IF NOT EXISTS "
	}
	if l.IfNotExists {
		if _, err := s.lookup(ctx, l.Table); err == nil {
			return nil
		}
	}
	if _, err := s.exec(ctx, head+l.Table.SQL()+" ("+t.definition()+")"); err != nil {
		return err
	}
	return s.copyKeys(ctx, t, l.Table.SQL(), true)
}

// addColumn adds a column. DuckDB cannot add one with a constraint, so the
// table is made anew then; a view on it goes by its name and stays.
func (s *session) addColumn(ctx context.Context, a *rsql.Add) error {
	t, err := s.lookup(ctx, a.Table)
	if err != nil {
		return err
	}
	c := a.Column
	for _, old := range t.columns {
		if old.name == c.Name {
			return pgwire.Errorf("42701", "column %q of relation %q already exists", c.Name, t.name)
		}
	}
	if c.Type.Max == 0 && !c.NotNull {
		_, err = s.exec(ctx, "ALTER TABLE "+t.sql()+" ADD COLUMN "+c.SQL())
		return err
	}
	names := make([]string, len(t.columns))
	for i, old := range t.columns {
		names[i] = rsql.Ident(old.name)
	}
	list := strings.Join(names, ", ")
	anew := &table{database: t.database, schema: t.schema, name: "rs_anew_" + t.name, columns: append(t.columns, column{name: c.Name, typ: c.Type.Duck, def: c.Default, notNull: c.NotNull, max: c.Type.Max, char: c.Type.Char})}
	if _, err := s.exec(ctx, "CREATE TABLE "+anew.sql()+" ("+anew.definition()+")"); err != nil {
		return err
	}
	if err := s.copyKeys(ctx, t, anew.sql(), false); err != nil {
		return err
	}
	for _, q := range []string{
		"INSERT INTO " + anew.sql() + " (" + list + ") SELECT " + list + " FROM " + t.sql(),
		"DROP TABLE " + t.sql(),
		"ALTER TABLE " + anew.sql() + " RENAME TO " + rsql.Ident(t.name),
	} {
		if _, err := s.exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// unpad takes the blanks at the end of CHAR values off that a statement wrote:
// they mean nothing (RSD r_Character_types), and what is stored without them
// compares, groups and counts as Redshift does. It touches new rows only, for
// the others have none.
func (s *session) unpad(ctx context.Context, name rsql.Name) error {
	some, err := s.query(ctx, "SELECT 1 FROM duckdb_constraints() WHERE table_name = "+quote(name.Table)+" AND constraint_text LIKE '%rtrim(%' LIMIT 1")
	if err != nil || len(some) == 0 {
		return err
	}
	t, err := s.lookup(ctx, name)
	if err != nil {
		return err
	}
	for _, c := range t.columns {
		if !c.char {
			continue
		}
		col := rsql.Ident(c.name)
		if _, err := s.exec(ctx, "UPDATE "+t.sql()+" SET "+col+" = rtrim("+col+", ' ') WHERE system.main.suffix("+col+", ' ')"); err != nil {
			return err
		}
	}
	return nil
}
