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

// parquetColumn is a column of the first level of a Parquet file.
type parquetColumn struct {
	name     string
	typ      string // as DuckDB calls it; "" is a nested one
	physical string // as the file says it: "optional int64"
}

// parquetFile is a staged file.
type parquetFile struct {
	path    string
	columns []parquetColumn
}

// columnarSource is the query over staged Parquet: files with the same names
// of columns are read together, because DuckDB goes by name.
type columnarSource struct {
	picks []string   // what is selected
	paths [][]string // from which files
}

// sql is the query; with the staged file as a last column when that is wanted.
func (q *columnarSource) sql(file bool) string {
	var out []string
	for i, picks := range q.picks {
		if file {
			picks += ", filename"
		}
		out = append(out, fmt.Sprintf("SELECT %s FROM read_parquet([%s], hive_partitioning = false, filename = %t)", picks, strings.Join(q.paths[i], ", "), file))
	}
	return strings.Join(out, " UNION ALL ")
}

// columnar matches staged Parquet with the columns of COPY: it goes by
// position, not by name, and wants as many columns as the table has (RSD
// copy-usage_notes-copy-from-columnar).
func (s *session) columnar(ctx context.Context, c *copyload.Copy, columns []copyload.Column, staged *copyload.Staged) (*columnarSource, error) {
	q := &columnarSource{}
	files, err := s.parquetFiles(ctx, staged)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		list, err := fit(c, columns, f, staged.Names[f.path])
		if err != nil {
			return nil, err
		}
		picks := strings.Join(list, ", ")
		i := slices.Index(q.picks, picks)
		if i < 0 {
			i = len(q.picks)
			q.picks, q.paths = append(q.picks, picks), append(q.paths, nil)
		}
		q.paths[i] = append(q.paths[i], quote(f.path))
	}
	return q, nil
}

// parquetFiles reads the files' schemas.
func (s *session) parquetFiles(ctx context.Context, staged *copyload.Staged) ([]parquetFile, error) {
	var files []parquetFile
	for paths := range slices.Chunk(slices.Sorted(slices.Values(staged.Paths)), 500) {
		list := make([]string, len(paths))
		for i, p := range paths {
			list[i] = quote(p)
		}
		conn, err := s.cluster.open(ctx) // an error must not end the session's transaction
		if err != nil {
			return nil, err
		}
		rows, err := query(ctx, conn, "SELECT file_name, name, num_children, duckdb_type, lower(repetition_type || ' ' || coalesce(type, 'group')) FROM parquet_schema(["+strings.Join(list, ", ")+"])")
		_ = conn.Close()
		if err != nil {
			return nil, spectrum("%s", withNames(sqlError(err).Msg, staged))
		}
		skip := int64(0) // elements below the first level
		for i, r := range rows {
			path := text(r[0])
			children, _ := r[2].(int64)
			switch {
			case i == 0 || path != text(rows[i-1][0]):
				files = append(files, parquetFile{path: path})
				continue
			case skip > 0:
				skip += children - 1
				continue
			}
			skip = children
			f := &files[len(files)-1]
			f.columns = append(f.columns, parquetColumn{text(r[1]), text(r[3]), text(r[4])})
		}
	}
	return files, nil
}

// withNames puts the objects' addresses for the staged files'.
func withNames(msg string, staged *copyload.Staged) string {
	for path, name := range staged.Names {
		msg = strings.ReplaceAll(msg, path, name)
	}
	return msg
}

// spectrum is an error of COPY from columnar files.
func spectrum(format string, args ...any) error {
	return &pgwire.Error{Code: "XX000", Msg: "Spectrum Scan Error: " + fmt.Sprintf(format, args...)}
}

// fit matches a file's columns with the table's.
func fit(c *copyload.Copy, columns []copyload.Column, f parquetFile, name string) ([]string, error) {
	if len(f.columns) > len(columns) || len(f.columns) < len(columns) && !c.FillRecord {
		return nil, spectrum("Unmatched number of columns between table and file. Table columns: %d, Data columns: %d, File name: %s", len(columns), len(f.columns), name)
	}
	picks := make([]string, len(columns))
	for i, col := range columns {
		if i >= len(f.columns) {
			picks[i] = filler(col)
			continue
		}
		p := f.columns[i]
		x, ok := conversion(rsql.Ident(p.name), p.typ, col.Type, c.Serialize)
		if !ok {
			return nil, spectrum("File '%s' has an incompatible Parquet schema for column '%s.%s'. Column type: %s, Parquet schema: %s %s [i:%d]%s",
				name, c.From, col.Name, redshiftType(col), p.physical, p.name, i, said(p))
		}
		picks[i] = x
	}
	return picks, nil
}

// said tells a logical type that the physical one does not.
func said(p parquetColumn) string {
	if p.typ == "" {
		return ", which is nested"
	}
	return ", which is " + p.typ
}

func redshiftType(col copyload.Column) string {
	switch {
	case col.Type == "VARCHAR" && col.Max > 0:
		return fmt.Sprintf("VARCHAR(%d)", col.Max)
	case col.Type == "JSON":
		return "SUPER"
	case col.Type == "BLOB":
		return "VARBYTE"
	}
	return col.Type
}

// filler is what FILLRECORD puts into a column that the file has not.
func filler(col copyload.Column) string {
	if col.Type == "VARCHAR" {
		return "''"
	}
	return "CAST(NULL AS " + col.Type + ")"
}

// fitting are the types of a file that a type of the table takes as they are.
// Redshift is at least so strict: no text becomes a number, no number loses
// digits.
var fitting = map[string][]string{
	"SMALLINT": {"TINYINT", "UTINYINT"},
	"INTEGER":  {"TINYINT", "UTINYINT", "SMALLINT", "USMALLINT"},
	"BIGINT":   {"TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER"},
	"DOUBLE":   {"FLOAT"}, "VARCHAR": {"JSON"},
	"TIMESTAMP":                {"TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"},
	"TIMESTAMP WITH TIME ZONE": {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"},
}

// conversion is the expression that makes the table's type of the file's.
func conversion(x, from, to string, serialize bool) (string, bool) {
	switch {
	case from == to:
		return x, true
	case from == "": // nested (RSD copy_json, SERIALIZETOJSON)
		return "system.main.to_json(" + x + ")", to == "JSON" && serialize
	case to == "JSON":
		return "system.main.to_json(" + x + ")", true
	case to == "TIMESTAMP" && from == "TIMESTAMP WITH TIME ZONE":
		return "(" + x + " AT TIME ZONE 'UTC')", true
	case to == "VARCHAR" && from == "BLOB": // strings that are not marked as such
		return "system.main.decode(" + x + ")", true
	case strings.HasPrefix(to, "DECIMAL(") && strings.HasPrefix(from, "DECIMAL("):
		var p, sc, p2, sc2 int
		_, err := fmt.Sscanf(from+to, "DECIMAL(%d,%d)DECIMAL(%d,%d)", &p, &sc, &p2, &sc2)
		return "CAST(" + x + " AS " + to + ")", err == nil && sc <= sc2 && p-sc <= p2-sc2
	}
	return "CAST(" + x + " AS " + to + ")", slices.Contains(fitting[to], from)
}

// columnarFault finds out which value an INSERT from Parquet failed for.
func (s *session) columnarFault(ctx context.Context, t *table, columns []copyload.Column, staged *copyload.Staged, from *columnarSource, err error) error {
	conn, openErr := s.cluster.open(ctx)
	if openErr != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	code := sqlError(err).Code
	for i, col := range columns {
		test := ""
		switch {
		case code == "23502" && col.NotNull:
			test = "v IS NULL"
		case code == "22001" && col.Max > 0:
			test = fmt.Sprintf("system.main.strlen(v) > %d", col.Max)
		default:
			continue
		}
		rows, queryErr := query(ctx, conn, fmt.Sprintf("SELECT max(system.main.strlen(CAST(v AS VARCHAR))), any_value(CAST(v AS VARCHAR)), count(*), min(file) FROM (%s) AS x(%s) WHERE %s", from.sql(true), names(len(columns), i), test))
		if queryErr != nil || len(rows) == 0 || rows[0][2] == int64(0) {
			continue
		}
		why := copyload.Reject{File: staged.Names[text(rows[0][3])], Index: i, Values: append(make([]string, i), copyload.Clip([]byte(text(rows[0][1]))))}
		msg := ""
		if code == "23502" {
			why.Code, why.Reason = 1213, "Missing data for not-null field"
			msg = fmt.Sprintf("Missing data for not-null field. Column: %s, rows: %v", col.Name, rows[0][2])
		} else {
			why.Code, why.Reason = 1204, "String length exceeds DDL length"
			msg = fmt.Sprintf("The length of the data column %s is longer than the length defined in the table. Table: %d, Data: %v", col.Name, col.Max, rows[0][0])
		}
		if logErr := s.logRejects(ctx, t, columns, []copyload.Reject{why}); logErr != nil {
			return logErr
		}
		return spectrum("%s. Check 'stl_load_errors'.", msg)
	}
	return err
}

// names is a list of column names in which the i-th of n is v, with file at
// the end.
func names(n, i int) string {
	var out []string
	for k := range n {
		if k == i {
			out = append(out, "v")
			continue
		}
		out = append(out, fmt.Sprintf("c%d", k))
	}
	return strings.Join(append(out, "file"), ", ")
}
