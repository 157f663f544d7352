package warehouse

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lamplighter/localcloud/copyload"
)

// loadTables tell what COPY and UNLOAD did (RSD r_STL_LOAD_ERRORS,
// r_STL_LOADERROR_DETAIL, r_STL_LOAD_COMMITS, r_STL_UNLOAD_LOG,
// SYS_LOAD_ERROR_DETAIL).
var loadTables = []string{
	`CREATE TABLE IF NOT EXISTS main.stl_load_errors(
		userid INTEGER, slice INTEGER, tbl INTEGER, starttime TIMESTAMP, session INTEGER, query BIGINT, filename VARCHAR, line_number BIGINT,
		colname VARCHAR, type VARCHAR, col_length VARCHAR, position INTEGER, raw_line VARCHAR, raw_field_value VARCHAR, err_code INTEGER, err_reason VARCHAR,
		is_partial INTEGER, start_offset BIGINT, copy_job_id BIGINT, table_name VARCHAR)`,
	`CREATE TABLE IF NOT EXISTS main.stl_loaderror_detail(
		userid INTEGER, slice INTEGER, session INTEGER, query BIGINT, filename VARCHAR, line_number BIGINT, field INTEGER, colname VARCHAR,
		value VARCHAR, is_null INTEGER, type VARCHAR, col_length VARCHAR)`,
	`CREATE TABLE IF NOT EXISTS main.stl_load_commits(
		userid INTEGER, query BIGINT, slice INTEGER, name INTEGER, filename VARCHAR, byte_offset BIGINT, lines_scanned BIGINT, errors INTEGER,
		curtime TIMESTAMP, status INTEGER, file_format VARCHAR, is_partial INTEGER, start_offset BIGINT, copy_job_id BIGINT)`,
	`CREATE TABLE IF NOT EXISTS main.stl_unload_log(
		userid INTEGER, query BIGINT, slice INTEGER, pid INTEGER, path VARCHAR, start_time TIMESTAMP, end_time TIMESTAMP, line_count BIGINT,
		transfer_size BIGINT, file_format VARCHAR)`,
	`CREATE OR REPLACE VIEW main.sys_load_error_detail AS SELECT userid AS user_id, query AS query_id, CAST(0 AS BIGINT) AS transaction_id, session AS session_id,
		current_database() AS database_name, CAST(tbl AS INTEGER) AS table_id, starttime AS start_time, filename AS file_name, line_number, colname AS column_name, type AS column_type,
		col_length AS column_length, position, err_code AS error_code, err_reason AS error_message, raw_line, raw_field_value, table_name FROM main.stl_load_errors`,
}

// maxDetails is how many refused rows stl_loaderror_detail tells of one load
// (RSD r_STL_LOADERROR_DETAIL: 20 for each slice).
const maxDetails = 20

// logRejects writes stl_load_errors on a connection of its own: its rows
// outlive the rollback.
func (s *session) logRejects(ctx context.Context, t *table, columns []copyload.Column, rejects []copyload.Reject) error {
	var rows, details []string
	id := s.tableID(ctx, t)
	for n, r := range rejects {
		col := columns[r.Index]
		rows = append(rows, fmt.Sprintf("(100, 0, %d, %s, %d, %d, %s, %d, %s, %s, %s, %d, %s, %s, %d, %s, 0, 0, -1, %s)",
			id, now(), s.pid, s.env.Query, quote(r.File), r.Line, quote(col.Name), quote(col.ShortType()), quote(lengthOf(col)), r.Position,
			quote(r.Raw), quote(r.Value()), r.Code, quote(r.Reason), quote(t.name)))
		for i, v := range r.Values {
			if n < maxDetails {
				details = append(details, fmt.Sprintf("(100, 0, %d, %d, %s, %d, %d, %s, %s, %d, %s, %s)", s.pid, s.env.Query, quote(r.File), r.Line, i,
					quote(columns[i].Name), quote(v), empty(v), quote(columns[i].ShortType()), quote(lengthOf(columns[i]))))
			}
		}
	}
	if err := s.log(ctx, "INSERT INTO main.stl_loaderror_detail VALUES ", details); err != nil {
		return err
	}
	return s.log(ctx, "INSERT INTO main.stl_load_errors VALUES ", rows)
}

func empty(v string) int {
	if v == "" {
		return 1
	}
	return 0
}

// lengthOf is what col_length tells: the limit of a type that has one.
func lengthOf(col copyload.Column) string {
	if col.Max > 0 {
		return strconv.Itoa(col.Max)
	}
	return ""
}

// tableID is the table's number in svv_table_info; 0 when it cannot be told.
func (s *session) tableID(ctx context.Context, t *table) int64 {
	rows, err := s.query(ctx, "SELECT table_oid FROM duckdb_tables() WHERE schema_name = "+quote(t.schema)+" AND table_name = "+quote(t.name)+" AND database_name = "+quote(t.database))
	if err != nil || len(rows) == 0 {
		return 0
	}
	id, _ := rows[0][0].(int64)
	return id
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

// logUnload writes stl_unload_log.
func (s *session) logUnload(ctx context.Context, format string, began time.Time, written []copyload.Written) {
	var rows []string
	for _, w := range written {
		rows = append(rows, fmt.Sprintf("(100, %d, 0, %d, %s, %s, %s, %d, %d, %s)", s.env.Query, s.pid, quote(w.Address), stamp(began), now(), w.Rows, w.Bytes, quote(format)))
	}
	if err := s.log(ctx, "INSERT INTO main.stl_unload_log VALUES ", rows); err != nil {
		s.cluster.plane.log.Warn("stl_unload_log", "cluster", s.cluster.id, "error", err)
	}
}

func stamp(t time.Time) string { return quote(t.UTC().Format("2006-01-02 15:04:05.000000")) }

func now() string { return stamp(time.Now()) }

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
