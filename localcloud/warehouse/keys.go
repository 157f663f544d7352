package warehouse

import (
	"context"
	"encoding/json"

	"lamplighter/localcloud/rsql"
)

// A table's keys are comments in DuckDB's catalog, as JSON: they belong to the
// transaction, are in snapshots, and follow a renamed table or column. The
// statement COMMENT is accepted and does nothing, so no other comments are
// there.

// tableKeys is the comment of a table.
type tableKeys struct {
	Style string `json:"style"`
}

// columnKeys is the comment of a column.
type columnKeys struct {
	Dist    bool `json:"dist"`
	Sort    int  `json:"sort"` // as pg_table_def numbers it
	Primary int  `json:"primary"`
}

// keepKeys notes the keys of a table that was made just now.
func (s *session) keepKeys(ctx context.Context, k *rsql.Keys) error {
	columns := map[string]*columnKeys{}
	column := func(name string) *columnKeys {
		if columns[name] == nil {
			columns[name] = &columnKeys{}
		}
		return columns[name]
	}
	if k.Dist != "" {
		column(k.Dist).Dist = true
	}
	for i, name := range k.Sort {
		column(name).Sort = i + 1
		if k.Interleaved && i%2 == 1 { // RSD r_PG_TABLE_DEF: the sign alternates
			column(name).Sort = -i - 1
		}
	}
	for i, name := range k.Primary {
		column(name).Primary = i + 1
	}
	for name, c := range columns {
		if err := s.comment(ctx, "COLUMN "+k.Table.SQL()+"."+rsql.Ident(name), c); err != nil {
			return err
		}
	}
	if k.Style == "" {
		return nil
	}
	return s.comment(ctx, "TABLE "+k.Table.SQL(), tableKeys{Style: k.Style})
}

func (s *session) comment(ctx context.Context, on string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, "COMMENT ON "+on+" IS "+quote(string(b)))
	return err
}

// copyKeys gives a table the keys of another. Like leaves the primary key out
// (RSD r_CREATE_TABLE_NEW, LIKE).
func (s *session) copyKeys(ctx context.Context, from *table, to string, like bool) error {
	of := " WHERE schema_name = " + quote(from.schema) + " AND table_name = " + quote(from.name) + " AND database_name = " + quote(from.database) + " AND comment IS NOT NULL"
	rows, err := s.query(ctx, "SELECT column_name, comment FROM duckdb_columns()"+of+" UNION ALL SELECT NULL, comment FROM duckdb_tables()"+of)
	if err != nil {
		return err
	}
	for _, r := range rows {
		on := "TABLE " + to
		value := text(r[1])
		if name := text(r[0]); name != "" {
			var c columnKeys
			if err := json.Unmarshal([]byte(value), &c); err != nil {
				return err
			}
			if like {
				c.Primary = 0
			}
			if err := s.comment(ctx, "COLUMN "+to+"."+rsql.Ident(name), c); err != nil {
				return err
			}
			continue
		}
		if _, err := s.exec(ctx, "COMMENT ON "+on+" IS "+quote(value)); err != nil {
			return err
		}
	}
	return nil
}
