package warehouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lamplighter/localcloud/copyload"
	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// copyFrom is COPY: fetch and clean, then insert. What is fetched waits for
// nobody; the insert waits for other writers.
func (s *session) copyFrom(ctx context.Context, tokens []rsql.Token, dir string) error {
	c, err := copyload.ParseCopy(tokens)
	if err != nil {
		return err
	}
	t, err := s.lookup(ctx, c.Table)
	if err != nil {
		return err
	}
	columns, err := targets(t, c)
	if err != nil {
		return err
	}
	s.env.LastCopyCount = 0
	staged, err := s.cluster.plane.store.Stage(ctx, c, columns, dir)
	if err != nil {
		return err
	}
	if len(staged.Rejects) > 0 {
		if err := s.logRejects(ctx, t, columns, staged.Rejects); err != nil {
			return err
		}
	}
	if c.TooMany(len(staged.Rejects)) {
		return loadFailed(t)
	}
	if c.NoLoad {
		return s.leave()
	}
	if err := s.enter(ctx, c.Table); err != nil {
		return err
	}
	rows, err := s.insert(ctx, c, t, columns, staged)
	if err == nil {
		err = s.unpad(ctx, c.Table)
	}
	if err != nil {
		return err
	}
	if err := s.leave(); err != nil {
		return err
	}
	s.env.LastCopyCount, s.env.LastCopy = rows, s.env.Query
	s.logFiles(ctx, staged)
	s.client.Notice("INFO", "00000", fmt.Sprintf("Load into table '%s' completed, %d record(s) loaded successfully.", t.name, rows))
	if n := len(staged.Rejects); n > 0 {
		s.client.Notice("INFO", "00000", fmt.Sprintf("Load into table '%s' completed, %d record(s) could not be loaded.  Check 'stl_load_errors' system table for details.", t.name, n))
	}
	return nil
}

func loadFailed(t *table) error {
	return pgwire.Errorf("XX000", "Load into table '%s' failed.  Check 'stl_load_errors' system table for details.", t.name)
}

// targets are the columns that the files hold: those named, or all but
// IDENTITY. IDENTITY is named with EXPLICIT_IDS, and with it only (RSD
// copy-parameters-data-conversion).
func targets(t *table, c *copyload.Copy) ([]copyload.Column, error) {
	names := c.Columns
	if names == nil {
		for _, col := range t.columns {
			if c.ExplicitIDs || !identity(col) {
				names = append(names, col.name)
			}
		}
	}
	var out []copyload.Column
	for i, name := range names {
		at := slices.IndexFunc(t.columns, func(col column) bool { return col.name == name })
		switch {
		case at < 0:
			return nil, pgwire.Errorf("42703", "column %q of relation %q does not exist", name, t.name)
		case slices.Contains(names[:i], name):
			return nil, pgwire.Errorf("42701", "column %q specified more than once", name)
		case identity(t.columns[at]) && !c.ExplicitIDs:
			return nil, pgwire.Errorf("42601", "cannot set an identity column to a value: %q, without EXPLICIT_IDS", name)
		}
		col := t.columns[at]
		out = append(out, copyload.Column{Name: col.name, Type: col.typ, Max: col.max, NotNull: col.notNull})
	}
	for _, col := range t.columns {
		if c.ExplicitIDs && identity(col) && !slices.Contains(names, col.name) {
			return nil, pgwire.Errorf("42601", "EXPLICIT_IDS needs the identity column %q in the column list", col.name)
		}
	}
	return out, nil
}

func identity(col column) bool { return strings.Contains(col.def, "rs_identity_") }

// insert moves what is staged into the table.
func (s *session) insert(ctx context.Context, c *copyload.Copy, t *table, columns []copyload.Column, staged *copyload.Staged) (int64, error) {
	if len(staged.Paths) == 0 {
		return 0, nil
	}
	names := make([]string, len(columns))
	for i, col := range columns {
		names[i] = rsql.Ident(col.Name)
	}
	into := "INSERT INTO " + t.sql() + " (" + strings.Join(names, ", ") + ") "
	if c.Format == "parquet" {
		from, err := s.columnar(ctx, c, columns, staged)
		if err != nil {
			return 0, err
		}
		n, err := s.exec(ctx, into+from.sql(false))
		if err != nil && ctx.Err() == nil {
			err = s.columnarFault(ctx, t, columns, staged, from, err)
		}
		return n, err
	}
	n, err := s.exec(ctx, into+staged.Select())
	if err == nil && n != staged.Rows {
		err = pgwire.Errorf("XX000", "COPY read %d rows and inserted %d: this is a fault of the embedded warehouse", staged.Rows, n)
	}
	return n, err
}
