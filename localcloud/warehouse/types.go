package warehouse

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/jackc/pgx/v5/pgtype"

	"lamplighter/localcloud/pgwire"
)

// oids are Redshift's numbers for DuckDB's types; what is not here is text.
var oids = map[duckdb.Type]uint32{
	duckdb.TYPE_BOOLEAN: pgwire.OIDBool, duckdb.TYPE_TINYINT: pgwire.OIDInt2, duckdb.TYPE_SMALLINT: pgwire.OIDInt2, duckdb.TYPE_UTINYINT: pgwire.OIDInt2,
	duckdb.TYPE_INTEGER: pgwire.OIDInt4, duckdb.TYPE_USMALLINT: pgwire.OIDInt4, duckdb.TYPE_BIGINT: pgwire.OIDInt8, duckdb.TYPE_UINTEGER: pgwire.OIDInt8,
	duckdb.TYPE_HUGEINT: pgwire.OIDNumeric, duckdb.TYPE_UBIGINT: pgwire.OIDNumeric, duckdb.TYPE_UHUGEINT: pgwire.OIDNumeric, duckdb.TYPE_DECIMAL: pgwire.OIDNumeric,
	duckdb.TYPE_FLOAT: pgwire.OIDFloat4, duckdb.TYPE_DOUBLE: pgwire.OIDFloat8, duckdb.TYPE_DATE: pgwire.OIDDate, duckdb.TYPE_TIME: pgwire.OIDTime, duckdb.TYPE_TIME_TZ: pgwire.OIDTimetz,
	duckdb.TYPE_TIMESTAMP: pgwire.OIDTimestamp, duckdb.TYPE_TIMESTAMP_S: pgwire.OIDTimestamp, duckdb.TYPE_TIMESTAMP_MS: pgwire.OIDTimestamp, duckdb.TYPE_TIMESTAMP_NS: pgwire.OIDTimestamp,
	duckdb.TYPE_TIMESTAMP_TZ: pgwire.OIDTimestamptz, duckdb.TYPE_INTERVAL: pgwire.OIDInterval, duckdb.TYPE_BLOB: pgwire.OIDBytea, duckdb.TYPE_UUID: pgwire.OIDUUID,
}

// columnsOf describes a prepared query.
func columnsOf(stmt *duckdb.Stmt) ([]pgwire.Column, error) {
	n, err := stmt.ColumnCount()
	if err != nil {
		return nil, err
	}
	cols := make([]pgwire.Column, n)
	for i := range cols {
		name, err := stmt.ColumnName(i)
		if err != nil {
			return nil, err
		}
		t, err := stmt.ColumnType(i)
		if err != nil {
			return nil, err
		}
		cols[i] = pgwire.Column{Name: name, OID: pgwire.OIDVarchar, Mod: -1}
		if oid, ok := oids[t]; ok {
			cols[i].OID = oid
		}
		if t == duckdb.TYPE_DECIMAL {
			info, err := stmt.ColumnTypeInfo(i)
			if err != nil {
				return nil, err
			}
			if d, ok := info.Details().(*duckdb.DecimalDetails); ok {
				cols[i].Mod = int32(d.Width)<<16 | int32(d.Scale) + 4
			}
		}
	}
	return cols, nil
}

// ambiguous says that DuckDB cannot tell the columns before the parameters'
// values are known.
func ambiguous(stmt *duckdb.Stmt) bool {
	n, err := stmt.ColumnCount()
	if err != nil || n != 1 {
		return err != nil
	}
	t, err := stmt.ColumnType(0)
	return err != nil || t == duckdb.TYPE_INVALID
}

// plain turns DuckDB's value into one that pgwire can send.
func plain(v driver.Value) any {
	switch x := v.(type) {
	case duckdb.Decimal:
		return pgtype.Numeric{Int: x.Value, Exp: -int32(x.Scale), Valid: true}
	case *big.Int:
		return pgtype.Numeric{Int: x, Valid: true}
	case uint64:
		return pgtype.Numeric{Int: new(big.Int).SetUint64(x), Valid: true}
	case int8:
		return int16(x)
	case uint8:
		return int16(x)
	case uint16:
		return int32(x)
	case uint32:
		return int64(x)
	case duckdb.Interval:
		return pgtype.Interval{Microseconds: x.Micros, Days: x.Days, Months: x.Months, Valid: true}
	case duckdb.UUID:
		return pgtype.UUID{Bytes: x, Valid: true}
	case map[string]any, []any, duckdb.Map, duckdb.OrderedMap, duckdb.Union:
		b, err := json.Marshal(x)
		if err != nil {
			return fmt.Sprint(x)
		}
		return string(b)
	}
	return v
}

// duckRows sends the rows of a DuckDB result.
type duckRows struct {
	rows driver.Rows
	row  []driver.Value
	done func() // once, at the end
}

// Next implements pgwire.Rows.
func (r *duckRows) Next(dst []any) error {
	if err := r.rows.Next(r.row); err != nil {
		return err
	}
	for i, v := range r.row {
		dst[i] = plain(v)
	}
	return nil
}

// Close implements pgwire.Rows.
func (r *duckRows) Close() error {
	if r.done == nil {
		return nil
	}
	done := r.done
	r.done = nil
	err := r.rows.Close()
	done()
	return err
}

// textRows are rows of our own.
type textRows struct{ rows [][]any }

// Next implements pgwire.Rows.
func (r *textRows) Next(dst []any) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dst, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// Close implements pgwire.Rows.
func (r *textRows) Close() error { return nil }

var (
	integer = regexp.MustCompile(`^-?[0-9]{1,18}$`)
	number  = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
)

// literal writes a parameter's value as SQL. described is the type that DuckDB
// inferred for the parameter, 0 if none: a number of no type stands bare then,
// as in PostgreSQL.
func literal(a pgwire.Arg, described uint32) (string, error) {
	if a.Null {
		return "NULL", nil
	}
	oid := a.OID
	if oid == 0 {
		oid = described
	}
	bad := pgwire.Errorf("22P02", "invalid value for parameter: %q", a.Text)
	switch oid {
	case 0, pgwire.OIDUnknown:
		if described == 0 && integer.MatchString(a.Text) {
			return a.Text, nil
		}
		return quote(a.Text), nil
	case pgwire.OIDInt2, pgwire.OIDInt4, pgwire.OIDInt8:
		if !integer.MatchString(a.Text) && !number.MatchString(a.Text) {
			return "", bad
		}
		return a.Text, nil
	case pgwire.OIDNumeric:
		if !number.MatchString(a.Text) {
			return "", bad
		}
		return strings.TrimPrefix(a.Text, "+"), nil
	case pgwire.OIDFloat4, pgwire.OIDFloat8:
		return "CAST(" + quote(a.Text) + " AS DOUBLE)", nil
	case pgwire.OIDBool:
		return "CAST(" + quote(a.Text) + " AS BOOLEAN)", nil
	case pgwire.OIDBytea:
		return blobLiteral(a.Text), nil
	}
	return quote(a.Text), nil
}

// blobLiteral turns \x6869 into DuckDB's '\x68\x69'.
func blobLiteral(s string) string {
	hex, ok := strings.CutPrefix(s, `\x`)
	if !ok {
		return "encode(" + quote(s) + ")"
	}
	return "unhex(" + quote(hex) + ")"
}
