package pgwire

import (
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// encode writes a value as the column's type. A value that the type cannot
// hold is an error, except that text holds everything.
func (c *conn) encode(col Column, format int16, v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	if col.OID == OIDVarchar || col.OID == OIDText || col.OID == OIDUnknown {
		return c.text(v)
	}
	if s, ok := v.(string); ok && format == pgtype.TextFormatCode {
		return []byte(s), nil
	}
	if t, ok := v.(time.Time); ok && col.OID == OIDTimestamptz && format == pgtype.TextFormatCode {
		return t.UTC().AppendFormat(nil, "2006-01-02 15:04:05.999999-07"), nil
	}
	b, err := c.types.Encode(col.OID, format, v, make([]byte, 0, 16))
	if err != nil {
		return nil, Errorf("XX000", "column %q: cannot send %T as type %d: %v", col.Name, v, col.OID, err)
	}
	return b, nil
}

// text writes any value as text.
func (c *conn) text(v any) ([]byte, error) {
	var oid uint32
	switch x := v.(type) {
	case string:
		return append([]byte{}, x...), nil
	case []byte:
		return x, nil
	case bool:
		if x {
			return []byte("true"), nil
		}
		return []byte("false"), nil
	case int8, int16, int32, int64, int, uint8, uint16, uint32:
		return fmt.Appendf(nil, "%d", x), nil
	case float32:
		return strconv.AppendFloat(nil, float64(x), 'g', -1, 32), nil
	case float64:
		return strconv.AppendFloat(nil, x, 'g', -1, 64), nil
	case time.Time:
		oid = OIDTimestamp
	case pgtype.Numeric:
		oid = OIDNumeric
	case pgtype.Interval:
		oid = OIDInterval
	case pgtype.UUID:
		oid = OIDUUID
	default:
		return fmt.Append(nil, x), nil
	}
	return c.types.Encode(oid, pgtype.TextFormatCode, v, make([]byte, 0, 32))
}

// decode reads a parameter's value as text.
func (c *conn) decode(oid uint32, format int16, raw []byte) (Arg, error) {
	a := Arg{OID: oid, Null: raw == nil}
	if a.Null {
		return a, nil
	}
	if format == pgtype.TextFormatCode || oid == OIDText || oid == OIDVarchar || oid == OIDUnknown {
		a.Text = string(raw)
		return a, validText(a.Text)
	}
	t, ok := c.types.TypeForOID(oid)
	if !ok {
		return a, fmt.Errorf("type %d in binary form is not known", oid)
	}
	v, err := t.Codec.DecodeValue(c.types, oid, pgtype.BinaryFormatCode, raw)
	if err != nil {
		return a, err
	}
	b, err := c.types.Encode(oid, pgtype.TextFormatCode, v, nil)
	a.Text = string(b)
	return a, err
}

// typeSize is pg_type.typlen.
func typeSize(oid uint32) int16 {
	switch oid {
	case OIDBool:
		return 1
	case OIDInt2:
		return 2
	case OIDInt4, OIDFloat4, OIDDate:
		return 4
	case OIDInt8, OIDFloat8, OIDTime, OIDTimestamp, OIDTimestamptz:
		return 8
	case OIDInterval, OIDUUID:
		return 16
	case OIDTimetz:
		return 12
	}
	return -1
}
