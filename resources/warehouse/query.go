package warehouse

import (
	"context"
	"slices"

	"lamplighter/resources"
)

// Query implements Session.
func (s *session) Query(ctx context.Context, sql string) (value string, null bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.limit(ctx, 0); err != nil {
		return "", false, err
	}
	return s.single(ctx, "query", sql)
}

// single runs a query and returns its only value.
func (s *session) single(ctx context.Context, what, sql string) (value string, null bool, err error) {
	if sql, err = reads(what, sql); err != nil {
		return "", false, err
	}
	if s.conn.IsClosed() {
		return "", false, s.broken(what)
	}
	results := s.conn.Exec(ctx, sql)
	rows, columns := 0, 0
	for results.NextResult() {
		r := results.ResultReader()
		columns = len(r.FieldDescriptions())
		for r.NextRow() { // all of them, but only one is kept
			if rows++; rows == 1 && columns == 1 {
				v := r.Values()[0]
				value, null = string(v), v == nil
			}
		}
		_, _ = r.Close() // its error comes from results.Close too
	}
	if err := results.Close(); err != nil {
		return "", false, judge(err, what, beforeCommit)
	}
	if rows != 1 || columns != 1 {
		f := resources.Faultf(resources.Permanent, "%s: want one row with one column, got %d with %d", what, rows, columns)
		f.Hint = "ask for one value: select count(*) from … where …"
		return "", false, f
	}
	return value, null, nil
}

// reads checks that sql is one statement that reads.
func reads(what, sql string) (string, error) {
	sql, err := one(what, sql)
	if err != nil {
		return "", err
	}
	ws, err := words(sql)
	if err != nil {
		return "", err
	}
	if len(ws) > 0 && !slices.Contains(ws, "INTO") { // SELECT … INTO makes a table
		switch ws[0] {
		case "SELECT", "WITH", "VALUES", "SHOW", "EXPLAIN":
			return sql, nil
		}
	}
	f := resources.Faultf(resources.Permanent, "%s: want a query, got %s", what, head(sql))
	f.Hint = "a query begins with SELECT or WITH and has no INTO; what changes data belongs into a sql step"
	return "", f
}

// Analyze implements Session.
func (s *session) Analyze(ctx context.Context, tables []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.limit(ctx, 0); err != nil {
		return err
	}
	for _, name := range tables {
		t, err := parseTable(name)
		if err != nil {
			return err
		}
		if _, err := s.do(ctx, "analyze "+t.key(), "ANALYZE "+t.sql()); err != nil {
			return err
		}
	}
	return nil
}
