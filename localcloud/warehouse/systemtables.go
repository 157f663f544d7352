package warehouse

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"math"

	"github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/rsql"
)

// cleanEnd is nil of io.EOF.
func cleanEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// userID is a user's number by name.
const userID = `coalesce((SELECT max(usesysid) FROM main.pg_user u WHERE u.usename = s.user_name), 100)`

// statementTables show the statements (RSD r_STL_QUERY, r_STL_QUERYTEXT,
// r_STL_DDLTEXT, r_STL_UTILITYTEXT, r_SVL_STATEMENTTEXT, r_STV_RECENTS,
// r_STV_INFLIGHT, SYS_QUERY_HISTORY).
var statementTables = []string{
	`CREATE OR REPLACE VIEW main.stl_query AS SELECT ` + userID + ` AS userid, query, label, xid, pid, db_name AS "database", left(replace(querytxt, chr(10), '\n'), 4000) AS querytxt, starttime, endtime,
		CASE WHEN fault <> '' THEN 1 ELSE 0 END AS aborted, 0 AS insert_pristine, 0 AS concurrency_scaling_status FROM rs_statements() s WHERE kind = 'query' AND NOT running`,
	`CREATE OR REPLACE VIEW main.rs_texts AS SELECT ` + userID + ` AS userid, xid, pid, query, label, starttime, endtime, kind, CAST(n AS INTEGER) AS sequence,
		substr(replace(querytxt, chr(10), '\n'), CAST(n * 200 + 1 AS BIGINT), 200) AS "text" FROM (SELECT *, unnest(range((greatest(length(replace(querytxt, chr(10), '\n')), 1) - 1) // 200 + 1)) AS n FROM rs_statements()) s`,
	`CREATE OR REPLACE VIEW main.stl_querytext AS SELECT userid, xid, pid, query, sequence, "text" FROM main.rs_texts WHERE kind = 'query'`,
	`CREATE OR REPLACE VIEW main.stl_ddltext AS SELECT userid, xid, pid, label, starttime, endtime, sequence, "text" FROM main.rs_texts WHERE kind = 'ddl'`,
	`CREATE OR REPLACE VIEW main.stl_utilitytext AS SELECT userid, xid, pid, label, starttime, endtime, sequence, "text" FROM main.rs_texts WHERE kind = 'utility'`,
	`CREATE OR REPLACE VIEW main.svl_statementtext AS SELECT userid, xid, pid, label, starttime, endtime, sequence, upper(kind) AS "type", "text" FROM main.rs_texts`,
	`CREATE OR REPLACE VIEW main.stv_recents AS SELECT ` + userID + ` AS userid, CASE WHEN running THEN 'Running' ELSE 'Done' END AS status, starttime, date_diff('microsecond', starttime, endtime) AS duration,
		user_name, db_name, left(replace(querytxt, chr(10), '\n'), 600) AS query, CASE WHEN running THEN pid ELSE -1 END AS pid FROM rs_statements() s`,
	`CREATE OR REPLACE VIEW main.stv_inflight AS SELECT ` + userID + ` AS userid, 0 AS slice, query, label, xid, pid, starttime, left(replace(querytxt, chr(10), '\n'), 100) AS "text",
		0 AS suspended, 0 AS insert_pristine, 0 AS concurrency_scaling_status FROM rs_statements() s WHERE running AND kind = 'query'`,
	`CREATE OR REPLACE VIEW main.sys_query_history AS SELECT ` + userID + ` AS user_id, query AS query_id, label AS query_label, xid AS transaction_id, pid AS session_id, db_name AS database_name,
		upper(kind) AS query_type, CASE WHEN running THEN 'running' WHEN fault LIKE '57014%' THEN 'canceled' WHEN fault <> '' THEN 'failed' ELSE 'success' END AS status, false AS result_cache_hit,
		starttime AS start_time, endtime AS end_time, date_diff('microsecond', starttime, endtime) AS elapsed_time, CAST(0 AS BIGINT) AS queue_time, date_diff('microsecond', starttime, endtime) AS execution_time,
		fault AS error_message, left(replace(querytxt, chr(10), '\n'), 4000) AS query_text FROM rs_statements() s`,
}

// externalTables are empty: there is no Spectrum here. Drivers ask them for
// the kind of a schema (RSD r_SVV_EXTERNAL_SCHEMAS, _TABLES, _COLUMNS).
var externalTables = []string{
	`CREATE OR REPLACE VIEW main.svv_external_schemas AS SELECT CAST(NULL AS BIGINT) AS esoid, CAST(NULL AS SMALLINT) AS eskind, CAST(NULL AS VARCHAR) AS schemaname, CAST(NULL AS INTEGER) AS esowner, CAST(NULL AS VARCHAR) AS databasename, CAST(NULL AS VARCHAR) AS esoptions WHERE false`,
	`CREATE OR REPLACE VIEW main.svv_external_tables AS SELECT CAST(NULL AS VARCHAR) AS redshift_database_name, CAST(NULL AS VARCHAR) AS schemaname, CAST(NULL AS VARCHAR) AS tablename, CAST(NULL AS VARCHAR) AS tabletype, CAST(NULL AS VARCHAR) AS "location", CAST(NULL AS VARCHAR) AS input_format, CAST(NULL AS VARCHAR) AS output_format,
		CAST(NULL AS VARCHAR) AS serialization_lib, CAST(NULL AS VARCHAR) AS serde_parameters, CAST(NULL AS INTEGER) AS compressed, CAST(NULL AS VARCHAR) AS parameters WHERE false`,
	`CREATE OR REPLACE VIEW main.svv_external_columns AS SELECT CAST(NULL AS VARCHAR) AS redshift_database_name, CAST(NULL AS VARCHAR) AS schemaname, CAST(NULL AS VARCHAR) AS tablename, CAST(NULL AS VARCHAR) AS columnname, CAST(NULL AS VARCHAR) AS external_type, CAST(NULL AS INTEGER) AS columnnum, CAST(NULL AS INTEGER) AS part_key, CAST(NULL AS VARCHAR) AS is_nullable WHERE false`,
}

// systemTables are those that our own code and people ask most.
var systemTables = []string{
	`CREATE OR REPLACE VIEW main.stv_sessions AS SELECT CAST(starttime AS TIMESTAMP) AS starttime, CAST(process AS INTEGER) AS process, user_name, db_name FROM rs_sessions()`,
	`CREATE OR REPLACE VIEW main.svv_table_info AS SELECT database_name AS "database", schema_name AS "schema", CAST(table_oid AS INTEGER) AS table_id, table_name AS "table",
		'Y, AUTO(ENCODE)' AS encoded, CASE WHEN k.dist IS NOT NULL THEN 'KEY(' || k.dist || ')' ELSE coalesce(nullif(json_extract_string(t.comment, '$.style'), 'AUTO'), 'AUTO(ALL)') END AS diststyle, k.sort1 AS sortkey1, CAST(NULL AS INTEGER) AS max_varchar, CAST(NULL AS VARCHAR) AS sortkey1_enc,
		CAST(coalesce(k.sorts, 0) AS INTEGER) AS sortkey_num, CAST(coalesce(z.megabytes, 1) AS BIGINT) AS "size", CAST(0 AS DECIMAL(10,4)) AS pct_used, CAST(0 AS BIGINT) AS "empty",
		CAST(0 AS DECIMAL(5,2)) AS unsorted, CAST(0 AS DECIMAL(5,2)) AS stats_off, CAST(coalesce(z.tuples, t.estimated_size) AS DECIMAL(38,0)) AS tbl_rows,
		CAST(NULL AS DECIMAL(19,2)) AS skew_sortkey1, CAST(NULL AS DECIMAL(19,2)) AS skew_rows, CAST(coalesce(z.tuples, t.estimated_size) AS DECIMAL(38,0)) AS estimated_visible_rows,
		CAST(NULL AS VARCHAR) AS risk_event, CAST(0 AS DECIMAL(12,2)) AS vacuum_sort_benefit
		FROM duckdb_tables() t LEFT JOIN rs_sizes() z ON z.table_id = t.table_oid
		LEFT JOIN (SELECT attrelid, max(attname) FILTER (WHERE attisdistkey) AS dist, max(attname) FILTER (WHERE attsortkeyord = 1) AS sort1, count(*) FILTER (WHERE attsortkeyord <> 0) AS sorts FROM main.pg_attribute GROUP BY attrelid) k ON k.attrelid = t.table_oid WHERE NOT t.internal AND NOT t.temporary AND t.schema_name <> 'main' AND coalesce(z.tuples, t.estimated_size) > 0`,
}

// sizeRows are the rows and the megabytes of each table, of what is committed.
// Blocks of DuckDB's file may hold several tables; each counts them whole.
func (c *cluster) sizeRows() *listRows {
	columns := []listColumn{{"table_id", duckdb.TYPE_BIGINT}, {"tuples", duckdb.TYPE_BIGINT}, {"megabytes", duckdb.TYPE_BIGINT}}
	return &listRows{columns: columns, list: func() [][]any {
		rows, err := c.sizes(context.Background())
		if err != nil {
			c.plane.log.Warn("svv_table_info", "cluster", c.id, "error", err)
		}
		return rows
	}}
}

func (c *cluster) sizes(ctx context.Context) ([][]any, error) {
	conn, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	tables, err := query(ctx, conn, `SELECT table_oid, schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary AND schema_name <> 'main'`)
	if err != nil {
		return nil, err
	}
	var rows [][]any
	for _, t := range tables {
		n, err := tableSize(ctx, conn, rsql.Ident(text(t[1]))+"."+rsql.Ident(text(t[2])))
		if err != nil {
			return rows, err
		}
		rows = append(rows, append([]any{t[0]}, n...))
	}
	return rows, nil
}

func tableSize(ctx context.Context, conn *duckdb.Conn, name string) ([]any, error) {
	rows, err := query(ctx, conn, "SELECT (SELECT count(*) FROM "+name+"), (SELECT count(DISTINCT block_id) FROM pragma_storage_info("+quote(name)+") WHERE persistent)")
	if err != nil {
		return nil, err
	}
	megabytes := math.Ceil(float64(whole(rows[0][1])*blockSize) / (1 << 20))
	return []any{rows[0][0], int64(max(megabytes, 1))}, nil
}

func whole(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}
