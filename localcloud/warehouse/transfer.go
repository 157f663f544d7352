package warehouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/copyload"
	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// transfer runs COPY and UNLOAD, with a folder of their own for what is on its
// way.
func (s *session) transfer(ctx context.Context, verb rsql.Verb, tokens []rsql.Token) (*pgwire.Result, error) {
	dir := filepath.Join(s.cluster.stageDir(), strconv.FormatInt(s.cluster.stages.Add(1), 10))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var err error
	if verb == rsql.Copy {
		err = s.copyFrom(ctx, tokens, dir)
	} else {
		err = s.unload(ctx, tokens, dir)
	}
	if err != nil {
		return nil, s.undo(err)
	}
	return &pgwire.Result{Tag: map[rsql.Verb]string{rsql.Copy: "COPY", rsql.Unload: "UNLOAD"}[verb]}, nil
}

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
		if err := s.logRejects(ctx, t, staged.Rejects); err != nil {
			return err
		}
	}
	if len(staged.Rejects) > c.MaxError {
		return loadFailed(t)
	}
	if c.NoLoad {
		return s.leave()
	}
	if err := s.enter(ctx, true); err != nil {
		return err
	}
	rows, err := s.insert(ctx, c, t, columns, staged)
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
// IDENTITY.
func targets(t *table, c *copyload.Copy) ([]copyload.Column, error) {
	var out []copyload.Column
	add := func(col column) {
		out = append(out, copyload.Column{Name: col.name, Type: col.typ, Max: col.max, NotNull: col.notNull})
	}
	if c.Columns == nil {
		for _, col := range t.columns {
			if c.ExplicitIDs || !strings.Contains(col.def, "rs_identity_") {
				add(col)
			}
		}
		return out, nil
	}
next:
	for _, name := range c.Columns {
		for _, col := range t.columns {
			if col.name == name {
				add(col)
				continue next
			}
		}
		return nil, pgwire.Errorf("42703", "column %q of relation %q does not exist", name, t.name)
	}
	return out, nil
}

func (s *session) insert(ctx context.Context, c *copyload.Copy, t *table, columns []copyload.Column, staged *copyload.Staged) (int64, error) {
	from := staged.Select()
	if from == "" {
		return 0, nil
	}
	names := make([]string, len(columns))
	for i, col := range columns {
		names[i] = rsql.Ident(col.Name)
	}
	n, err := s.exec(ctx, "INSERT INTO "+t.sql()+" ("+strings.Join(names, ", ")+") "+from)
	if err == nil && c.Format != "parquet" && n != staged.Rows {
		err = pgwire.Errorf("XX000", "COPY read %d rows and inserted %d: this is a fault of the embedded warehouse", staged.Rows, n)
	}
	if err == nil || c.Format != "parquet" || ctx.Err() != nil {
		return n, err
	}
	e := sqlError(err)
	if e.Code == "53200" || e.Code == codeFatal {
		return 0, err
	}
	reject := copyload.Reject{File: c.From.String(), Column: columns[0], Code: 1204, Reason: "Spectrum Scan Error: " + e.Msg}
	if err := s.logRejects(ctx, t, []copyload.Reject{reject}); err != nil {
		return 0, err
	}
	return 0, &pgwire.Error{Code: "XX000", Msg: "Spectrum Scan Error: " + e.Msg, Detail: "COPY into " + t.name + " from " + c.From.String() + ". Check 'stl_load_errors'."}
}

// logRejects writes stl_load_errors on a connection of its own: its rows
// outlive the rollback.
func (s *session) logRejects(ctx context.Context, t *table, rejects []copyload.Reject) error {
	var rows []string
	for _, r := range rejects {
		length := ""
		if r.Column.Max > 0 {
			length = strconv.Itoa(r.Column.Max)
		}
		rows = append(rows, fmt.Sprintf("(100, 0, 0, %s, %d, %d, %s, %d, %s, %s, %s, %d, %s, %s, %d, %s, 0, 0, -1, %s)",
			now(), s.pid, s.env.Query, quote(r.File), r.Line, quote(r.Column.Name), quote(strings.ToLower(r.Column.Type)), quote(length), r.Position,
			quote(r.Raw), quote(r.Value), r.Code, quote(r.Reason), quote(t.name)))
	}
	return s.log(ctx, "INSERT INTO main.stl_load_errors VALUES ", rows)
}

// logFiles writes stl_load_commits; the load has committed, or will with its
// transaction, so a failure here is only told to the log.
func (s *session) logFiles(ctx context.Context, staged *copyload.Staged) {
	var rows []string
	for _, f := range staged.Files {
		rows = append(rows, fmt.Sprintf("(100, %d, 0, 0, %s, 0, %d, 0, %s, 1, %s, 0, 0, -1)", s.env.Query, quote(f.Name), f.Lines, now(), quote(staged.Format)))
	}
	if err := s.log(ctx, "INSERT INTO main.stl_load_commits VALUES ", rows); err != nil {
		s.cluster.plane.log.Warn("stl_load_commits", "cluster", s.cluster.id, "error", err)
	}
}

func now() string { return quote(time.Now().UTC().Format("2006-01-02 15:04:05.000000")) }

const logRows = 500

func (s *session) log(ctx context.Context, head string, rows []string) error {
	s.cluster.commits.RLock()
	defer s.cluster.commits.RUnlock()
	for len(rows) > 0 {
		n := min(len(rows), logRows)
		if err := s.cluster.exec(ctx, head+strings.Join(rows[:n], ", ")); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// unload is UNLOAD: the query's rows into files of ours, then into S3.
func (s *session) unload(ctx context.Context, tokens []rsql.Token, dir string) error {
	u, err := copyload.ParseUnload(tokens)
	if err != nil {
		return err
	}
	query, err := s.unloadQuery(u)
	if err != nil {
		return err
	}
	s.env.LastUnloadRows = 0
	if err := s.enter(ctx, false); err != nil {
		return err
	}
	stmt, err := s.stmt(ctx, query)
	if err != nil {
		return err
	}
	fields, columns, err := unloadFields(stmt, u.Format)
	if err := errors.Join(err, stmt.Close()); err != nil {
		return err
	}
	there, err := s.cluster.plane.store.Prepare(ctx, u)
	if err != nil {
		return err
	}
	parts, err := s.writeParts(ctx, u, query, columns, dir)
	if err != nil {
		return err
	}
	if _, err := s.cluster.plane.store.Publish(ctx, u, there, parts, fields); err != nil {
		return err
	}
	var rows int64
	for _, p := range parts {
		rows += p.Rows
	}
	s.env.LastUnloadRows, s.env.LastUnload = rows, s.env.Query
	if err := s.leave(); err != nil {
		return err
	}
	s.client.Notice("INFO", "00000", fmt.Sprintf("UNLOAD completed, %d record(s) unloaded successfully.", rows))
	return nil
}

// unloadQuery rewrites the inner query; its outer SELECT takes no LIMIT (RSD
// r_UNLOAD).
func (s *session) unloadQuery(u *copyload.Unload) (string, error) {
	all, err := rsql.Cut(u.Query)
	if err != nil {
		return "", err
	}
	if len(all) != 1 {
		return "", rsql.Syntaxf("UNLOAD takes one query")
	}
	depth := 0
	for _, t := range all[0] {
		switch {
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		case depth == 0 && t.Is("limit"):
			return "", &pgwire.Error{Code: "0A000", Msg: "Limit clause is not supported", Hint: "put it into an inner SELECT"}
		}
	}
	st, err := rsql.Rewrite(all[0], &s.env)
	if err != nil {
		return "", err
	}
	if st.Verb != rsql.Read {
		return "", rsql.Syntaxf("UNLOAD takes a SELECT")
	}
	return st.SQL, nil
}

// bases are Redshift's names of types.
var bases = map[duckdb.Type]string{
	duckdb.TYPE_BOOLEAN: "boolean", duckdb.TYPE_SMALLINT: "smallint", duckdb.TYPE_INTEGER: "integer", duckdb.TYPE_BIGINT: "bigint",
	duckdb.TYPE_FLOAT: "real", duckdb.TYPE_DOUBLE: "double precision", duckdb.TYPE_DATE: "date", duckdb.TYPE_TIMESTAMP: "timestamp without time zone",
	duckdb.TYPE_TIMESTAMP_TZ: "timestamp with time zone", duckdb.TYPE_TIME: "time without time zone", duckdb.TYPE_DECIMAL: "numeric", duckdb.TYPE_HUGEINT: "numeric",
}

// unloadFields describes the columns for the manifest, and says how each is
// selected: booleans are t and f in text; a timestamp is an instant in Parquet,
// as Spark reads Redshift's, and not a local time.
func unloadFields(stmt *duckdb.Stmt, format string) ([]copyload.Field, []string, error) {
	cols, err := columnsOf(stmt)
	if err != nil {
		return nil, nil, err
	}
	var fields []copyload.Field
	var names []string
	seen := map[string]bool{}
	for i, c := range cols {
		if seen[c.Name] {
			return nil, nil, pgwire.Errorf("42701", "column name %q specified more than once", c.Name)
		}
		seen[c.Name] = true
		t, err := stmt.ColumnType(i)
		if err != nil {
			return nil, nil, err
		}
		f := copyload.Field{Name: c.Name, Base: bases[t]}
		switch {
		case t == duckdb.TYPE_DECIMAL:
			f.Precision, f.Scale = int(c.Mod-4)>>16, int(c.Mod-4)&0xffff
		case t == duckdb.TYPE_HUGEINT:
			f.Precision = 38
		case f.Base == "":
			f.Base, f.MaxLength = "character varying", 65535
		}
		fields = append(fields, f)
		name := rsql.Ident(c.Name)
		switch {
		case t == duckdb.TYPE_BOOLEAN && format == "csv":
			name = "CASE WHEN " + name + " THEN 't' WHEN NOT " + name + " THEN 'f' END AS " + name
		case t == duckdb.TYPE_TIMESTAMP && format == "parquet":
			name = "CAST(" + name + " AS TIMESTAMPTZ) AS " + name
		}
		names = append(names, name)
	}
	return fields, names, nil
}

// writeParts writes the rows into files below dir.
func (s *session) writeParts(ctx context.Context, u *copyload.Unload, query string, columns []string, dir string) ([]copyload.Part, error) {
	query = "SELECT " + strings.Join(columns, ", ") + " FROM (" + query + ")"
	if u.Format == "csv" {
		path := filepath.Join(dir, "part.csv")
		n, err := s.exec(ctx, fmt.Sprintf("COPY (%s) TO %s (FORMAT csv, HEADER %t, DELIMITER %s, NULLSTR %s)",
			query, quote(path), u.Header, quote(string(u.Delim)), quote(u.Null)))
		if err != nil || n == 0 {
			return nil, err
		}
		return []copyload.Part{{Path: path, Rows: n}}, nil
	}
	path, options := filepath.Join(dir, "part.parquet"), "FORMAT parquet, RETURN_STATS"
	switch {
	case u.MaxSize > 0:
		path, options = filepath.Join(dir, "parts"), options+", FILE_SIZE_BYTES "+strconv.FormatInt(u.MaxSize, 10)
	case !u.Serial:
		path, options = filepath.Join(dir, "parts"), options+", PER_THREAD_OUTPUT"
	}
	stats, err := s.query(ctx, fmt.Sprintf("COPY (%s) TO %s (%s)", query, quote(path), options))
	if err != nil {
		return nil, err
	}
	var parts []copyload.Part
	for _, r := range stats {
		name, _ := r[0].(string)
		n, ok := r[1].(uint64)
		if name == "" || !ok {
			return nil, pgwire.Errorf("XX000", "UNLOAD: the statistics of a file are not understood")
		}
		if n > 0 {
			parts = append(parts, copyload.Part{Path: name, Rows: int64(n)})
		}
	}
	return parts, nil
}
