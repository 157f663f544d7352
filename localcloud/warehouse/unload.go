package warehouse

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/copyload"
	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// unload is UNLOAD: the query's rows into files of ours, then into S3.
func (s *session) unload(ctx context.Context, tokens []rsql.Token, dir string) error {
	began := time.Now()
	u, err := copyload.ParseUnload(tokens)
	if err != nil {
		return err
	}
	query, err := s.unloadQuery(ctx, u)
	if err != nil {
		return err
	}
	s.env.LastUnloadRows = 0
	if err := s.enter(ctx); err != nil {
		return err
	}
	stmt, err := s.stmt(ctx, query)
	if err != nil {
		return err
	}
	types, err := s.query(ctx, "DESCRIBE "+query)
	if err != nil {
		return errors.Join(err, stmt.Close())
	}
	columns, err := unloadColumns(stmt, types, u)
	if err := errors.Join(err, stmt.Close()); err != nil {
		return err
	}
	there, err := s.cluster.plane.store.Prepare(ctx, u)
	if err != nil {
		return err
	}
	write := s.writeText
	if u.Format == "parquet" {
		write = s.writeParquet
	}
	parts, err := write(ctx, u, query, columns, dir)
	if err != nil {
		return err
	}
	written, err := s.cluster.plane.store.Publish(ctx, u, there, parts, fields(columns))
	if err != nil {
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
	s.logUnload(ctx, u.Format, began, written)
	s.client.Notice("INFO", "00000", fmt.Sprintf("UNLOAD completed, %d record(s) unloaded successfully.", rows))
	return nil
}

// unloadQuery rewrites the inner query; its outer SELECT takes no LIMIT (RSD
// r_UNLOAD).
func (s *session) unloadQuery(ctx context.Context, u *copyload.Unload) (string, error) {
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
	st, err := s.rewrite(ctx, all[0])
	if err != nil {
		return "", err
	}
	if st.Verb != rsql.Read {
		return "", rsql.Syntaxf("UNLOAD takes a SELECT")
	}
	return st.SQL, nil
}

// bases are Redshift's names of types, as the manifest has them.
var bases = map[duckdb.Type]string{
	duckdb.TYPE_BOOLEAN: "boolean", duckdb.TYPE_SMALLINT: "smallint", duckdb.TYPE_TINYINT: "smallint", duckdb.TYPE_INTEGER: "integer", duckdb.TYPE_BIGINT: "bigint",
	duckdb.TYPE_FLOAT: "real", duckdb.TYPE_DOUBLE: "double precision", duckdb.TYPE_DATE: "date", duckdb.TYPE_TIMESTAMP: "timestamp without time zone",
	duckdb.TYPE_TIMESTAMP_TZ: "timestamp with time zone", duckdb.TYPE_TIME: "time without time zone", duckdb.TYPE_DECIMAL: "numeric", duckdb.TYPE_HUGEINT: "numeric",
	duckdb.TYPE_VARCHAR: "character varying", duckdb.TYPE_BLOB: "binary varying",
}

// unloadColumn is a column of UNLOAD's query.
type unloadColumn struct {
	copyload.Field
	typ  duckdb.Type
	json bool // SUPER
	part bool // of PARTITION BY
}

func (c unloadColumn) ident() string { return rsql.Ident(c.Name) }

func fields(columns []unloadColumn) []copyload.Field {
	var out []copyload.Field
	for _, c := range columns {
		out = append(out, c.Field)
	}
	return out
}

// unloadColumns describes the query's columns, and refuses types that a
// format cannot hold (RSD r_UNLOAD, usage notes).
func unloadColumns(stmt *duckdb.Stmt, types [][]driver.Value, u *copyload.Unload) ([]unloadColumn, error) {
	described, err := columnsOf(stmt)
	if err != nil {
		return nil, err
	}
	var out []unloadColumn
	seen := map[string]bool{}
	for i, d := range described {
		if seen[d.Name] {
			return nil, pgwire.Errorf("42701", "column name %q specified more than once", d.Name)
		}
		seen[d.Name] = true
		t, err := stmt.ColumnType(i)
		if err != nil {
			return nil, err
		}
		c := unloadColumn{Field: copyload.Field{Name: d.Name, Base: bases[t]}, typ: t, json: text(types[i][1]) == "JSON"}
		switch {
		case t == duckdb.TYPE_DECIMAL:
			c.Precision, c.Scale = int(d.Mod-4)>>16, int(d.Mod-4)&0xffff
		case t == duckdb.TYPE_HUGEINT:
			c.Precision = 38
		case c.json:
			c.Base = "super"
		case t == duckdb.TYPE_VARCHAR:
			c.MaxLength = 65535
		case t == duckdb.TYPE_BLOB && (u.Format == "json" || u.Format == "parquet"):
			return nil, pgwire.Errorf("0A000", "UNLOAD of the VARBYTE column %q to %s is not supported: use CSV or text", d.Name, strings.ToUpper(u.Format))
		case c.Base == "":
			return nil, pgwire.Errorf("0A000", "UNLOAD of column %q is not supported by the embedded warehouse: its type is %s", d.Name, text(types[i][1]))
		}
		out = append(out, c)
	}
	return out, partitionColumns(out, u)
}

// partitionColumns marks the columns of PARTITION BY.
func partitionColumns(columns []unloadColumn, u *copyload.Unload) error {
	for _, name := range u.Partition {
		i := slices.IndexFunc(columns, func(c unloadColumn) bool { return c.Name == name })
		switch {
		case i < 0:
			return pgwire.Errorf("42703", "UNLOAD partition column %q is not a column of the query", name)
		case strings.ContainsAny(name, "/\\="):
			return pgwire.Errorf("0A000", "UNLOAD cannot partition by column %q: its name cannot name a folder", name)
		case columns[i].part:
			return pgwire.Errorf("42701", "UNLOAD partition column %q specified more than once", name)
		}
		switch c := &columns[i]; c.typ {
		case duckdb.TYPE_DOUBLE, duckdb.TYPE_TIMESTAMP_TZ, duckdb.TYPE_TIME, duckdb.TYPE_BLOB:
			return pgwire.Errorf("0A000", "UNLOAD cannot partition by column %q of type %s", name, c.Base)
		default:
			if c.json {
				return pgwire.Errorf("0A000", "UNLOAD cannot partition by column %q of type SUPER", name)
			}
			c.part = true
		}
	}
	if len(u.Partition) > 0 && len(u.Partition) == len(columns) && !u.Include {
		return pgwire.Errorf("42601", "UNLOAD needs a column that is not in PARTITION BY")
	}
	return nil
}

// writeParquet writes the rows into files below dir. A timestamp is an instant
// in Parquet, as Spark reads Redshift's, and not a local time.
func (s *session) writeParquet(ctx context.Context, u *copyload.Unload, query string, columns []unloadColumn, dir string) ([]copyload.Part, error) {
	picks := make([]string, len(columns))
	for i, c := range columns {
		picks[i] = c.ident()
		switch {
		case c.part: // the folder's name is made of it
		case c.typ == duckdb.TYPE_TIMESTAMP:
			picks[i] = "CAST(" + c.ident() + " AS TIMESTAMPTZ) AS " + c.ident()
		case c.typ == duckdb.TYPE_HUGEINT: // DuckDB would write a DOUBLE
			picks[i] = "CAST(" + c.ident() + " AS DECIMAL(38,0)) AS " + c.ident()
		}
	}
	query = "SELECT " + strings.Join(picks, ", ") + " FROM (" + query + ")"
	path, options := filepath.Join(dir, "parts"), ""
	switch {
	case len(u.Partition) > 0:
		var by []string
		for _, name := range u.Partition {
			by = append(by, rsql.Ident(name))
		}
		options = fmt.Sprintf(", PARTITION_BY (%s), WRITE_PARTITION_COLUMNS %t", strings.Join(by, ", "), u.Include)
	case u.MaxSize > 0:
		options = sized(u)
	case u.Serial:
		path = filepath.Join(dir, "part.parquet")
	default:
		options = ", PER_THREAD_OUTPUT"
	}
	parts, err := s.parquetParts(ctx, query, path, options)
	if err != nil || len(u.Partition) == 0 {
		return parts, err
	}
	return s.partitionedParts(ctx, u, parts, path)
}

// sized ends files at MAXFILESIZE; DuckDB looks after each group of rows, so
// they are small.
func sized(u *copyload.Unload) string {
	return fmt.Sprintf(", FILE_SIZE_BYTES %d, ROW_GROUP_SIZE 20480", u.MaxSize)
}

// parquetParts runs DuckDB's COPY TO and takes the files that have rows.
func (s *session) parquetParts(ctx context.Context, query, path, options string) ([]copyload.Part, error) {
	stats, err := s.query(ctx, fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, RETURN_STATS%s)", query, quote(path), options))
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
			parts = append(parts, copyload.Part{Path: name, Rows: int64(n), Slice: len(parts)})
		}
	}
	return parts, nil
}

// partitionedParts numbers the files of each partition, and cuts those that
// MAXFILESIZE finds too large: DuckDB does not do both at once.
func (s *session) partitionedParts(ctx context.Context, u *copyload.Unload, files []copyload.Part, root string) ([]copyload.Part, error) {
	slices.SortFunc(files, func(a, b copyload.Part) int { return strings.Compare(a.Path, b.Path) })
	count := map[string]int{}
	var out []copyload.Part
	for i, f := range files {
		pieces := []copyload.Part{f}
		st, err := os.Stat(f.Path)
		if err == nil && u.MaxSize > 0 && st.Size() > u.MaxSize {
			pieces, err = s.parquetParts(ctx, "FROM read_parquet("+quote(f.Path)+", hive_partitioning = false)", filepath.Join(filepath.Dir(root), fmt.Sprintf("cut%d", i)), sized(u))
		}
		if err != nil {
			return nil, err
		}
		inside, err := filepath.Rel(root, f.Path)
		if err != nil {
			return nil, err
		}
		for _, p := range pieces {
			p.Dir = filepath.ToSlash(filepath.Dir(inside)) + "/"
			p.Slice = count[p.Dir]
			count[p.Dir]++
			out = append(out, p)
		}
	}
	return out, nil
}
