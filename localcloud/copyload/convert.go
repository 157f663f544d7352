package copyload

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Column is a target of COPY.
type Column struct {
	Name    string
	Type    string // as DuckDB writes it: INTEGER, DECIMAL(10,2), VARCHAR
	Max     int    // longest string in bytes, 0: any
	NotNull bool
}

// shortNames are Redshift's short names of types, as stl_load_errors has them.
var shortNames = map[string]string{
	"SMALLINT": "int2", "INTEGER": "int4", "BIGINT": "int8", "FLOAT": "float4", "REAL": "float4", "DOUBLE": "float8", "BOOLEAN": "bool",
	"VARCHAR": "varchar", "DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMP WITH TIME ZONE": "timestamptz", "TIME": "time", "JSON": "super", "BLOB": "varbyte",
}

// ShortType is the column's type as stl_load_errors tells it.
func (c Column) ShortType() string {
	base, _, _ := strings.Cut(c.Type, "(")
	if base == "DECIMAL" {
		return "numeric"
	}
	return shortNames[base]
}

// converter appends a field to dst in the form in which DuckDB reads its type.
type converter func(dst, field []byte) ([]byte, *reason)

// text says that the type's values stand in quotes where they have to.
func (c Column) text() bool { return c.Type == "VARCHAR" || c.Type == "JSON" || c.Type == "BLOB" }

// converterFor chooses by type; an error for types that text cannot be loaded
// into.
func (c *Copy) converterFor(col Column) (converter, error) {
	switch {
	case col.Type == "VARCHAR":
		return c.stringConverter(col.Max), nil
	case col.Type == "SMALLINT":
		return intConverter(16, "Short"), nil
	case col.Type == "INTEGER":
		return intConverter(32, "Integer"), nil
	case col.Type == "BIGINT":
		return intConverter(64, "Long"), nil
	case strings.HasPrefix(col.Type, "DECIMAL("):
		var precision, scale int
		if _, err := fmt.Sscanf(col.Type, "DECIMAL(%d,%d)", &precision, &scale); err != nil {
			return nil, err
		}
		return decimalConverter(precision, scale, c.Round), nil
	case col.Type == "FLOAT" || col.Type == "REAL":
		return floatConverter(32), nil
	case col.Type == "DOUBLE":
		return floatConverter(64), nil
	case col.Type == "BOOLEAN":
		return boolean, nil
	case col.Type == "DATE":
		return c.timeConverter(c.Date, defaultDates, dateText, badDate)
	case col.Type == "TIMESTAMP":
		return c.timeConverter(c.Time, defaultTimes, timeText, badTime)
	case col.Type == "TIMESTAMP WITH TIME ZONE":
		return c.timeConverter(c.Time, defaultTimes, "2006-01-02 15:04:05.999999Z07:00", badTime)
	case col.Type == "TIME":
		return c.timeConverter("", []string{"15:04:05.999999999", "15:04", "150405"}, "15:04:05.999999", reason{code: 1206, msg: "Invalid time format or value [HH24:MI:SS]"})
	case col.Type == "JSON":
		return super, nil
	case col.Type == "BLOB":
		return varbyte(col.Max), nil
	}
	return nil, fmt.Errorf("COPY from text into a column of type %s", col.Type)
}

var (
	badDate = reason{code: 1205, msg: "Invalid Date Format - length must be 10 or more"}
	badTime = reason{code: 1206, msg: "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"}
	badJSON = reason{code: 1224, msg: "Invalid JSON format for the SUPER data type"}
)

// super takes JSON text (RSD copy_json).
func super(dst, f []byte) ([]byte, *reason) {
	if !json.Valid(f) {
		return dst, &badJSON
	}
	return append(dst, f...), nil
}

// varbyte takes hexadecimal digits (RSD r_VARBYTE_type); DuckDB turns them
// into bytes.
func varbyte(max int) converter {
	return func(dst, f []byte) ([]byte, *reason) {
		b := make([]byte, hex.DecodedLen(len(f)))
		if _, err := hex.Decode(b, f); err != nil {
			return dst, &reason{code: 1207, msg: "Invalid hexadecimal digits for the VARBYTE data type"}
		}
		if max > 0 && len(b) > max {
			return dst, &reason{code: 1204, msg: "VARBYTE length exceeds DDL length", pos: max}
		}
		return append(dst, f...), nil
	}
}

func (c *Copy) stringConverter(max int) converter {
	return func(dst, f []byte) ([]byte, *reason) {
		if !plainText(f) {
			if bad := invalidUTF8(f); bad != nil {
				if c.Replace == 0 {
					return dst, bad
				}
				f = replaceInvalid(f, byte(c.Replace))
			} else if c.Replace != 0 {
				f = replaceInvalid(f, byte(c.Replace))
			}
		}
		if c.TrimBlanks {
			f = bytes.TrimRight(f, " \t\r\n\v\f")
		}
		if max > 0 && len(f) > max {
			if !c.Truncate {
				return dst, &reason{code: 1204, msg: "String length exceeds DDL length", pos: max}
			}
			end := max
			for end > 0 && !utf8.RuneStart(f[end]) {
				end--
			}
			f = f[:end]
		}
		return append(dst, f...), nil
	}
}

// plainText says that a string has nothing but ASCII without NUL: most have.
func plainText(f []byte) bool {
	for _, b := range f {
		if b == 0 || b >= 0x80 {
			return false
		}
	}
	return true
}

func invalidUTF8(f []byte) *reason {
	for i := 0; i < len(f); {
		r, n := utf8.DecodeRune(f[i:])
		if r == utf8.RuneError && n == 1 {
			hex, kind := badSequence(f[i:])
			return &reason{1220, fmt.Sprintf("String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: %s (error %d)", hex, kind), i}
		}
		if r == 0 {
			return &reason{1218, "Invalid null byte - field longer than 1 byte", i}
		}
		i += n
	}
	return nil
}

// badSequence tells bytes that are no UTF-8 and what is wrong with them: 1
// longer than four bytes, 2 incomplete, 3 no starting byte, 4 a trailing byte
// out of range, 5 a surrogate (RSD multi-byte-character-load-errors). What
// else there is, overlong forms, counts as 3: the page has no number for it.
func badSequence(f []byte) (string, int) {
	want := 0
	switch b := f[0]; {
	case b >= 0xfe || b < 0xc0:
		return fmt.Sprintf("%x", f[:1]), 3
	case b >= 0xf8:
		return fmt.Sprintf("%x", f[:1]), 1
	case b >= 0xf0:
		want = 4
	case b >= 0xe0:
		want = 3
	default:
		want = 2
	}
	for i := 1; i < want; i++ {
		if i == len(f) {
			return fmt.Sprintf("%x", f[:i]), 2
		}
		if f[i]&0xc0 != 0x80 {
			return fmt.Sprintf("%x", f[:i+1]), 4
		}
	}
	if f[0] == 0xed && f[1] >= 0xa0 {
		return fmt.Sprintf("%x", f[:want]), 5
	}
	return fmt.Sprintf("%x", f[:want]), 3
}

// replaceInvalid puts c for each byte of what is invalid, so that lengths stay.
// That includes the code points that are no characters (RSD
// multi-byte-character-load-errors).
func replaceInvalid(f []byte, c byte) []byte {
	out := make([]byte, 0, len(f))
	for i := 0; i < len(f); {
		r, n := utf8.DecodeRune(f[i:])
		if r == utf8.RuneError && n == 1 || r == 0 || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe {
			out = append(out, bytes.Repeat([]byte{c}, n)...)
		} else {
			out = append(out, f[i:i+n]...)
		}
		i += n
	}
	return out
}

func boolean(dst, f []byte) ([]byte, *reason) {
	switch strings.ToLower(string(bytes.TrimSpace(f))) {
	case "t", "true", "y", "yes", "1", "on":
		return append(dst, "true"...), nil
	case "f", "false", "n", "no", "0", "off":
		return append(dst, "false"...), nil
	}
	return dst, &reason{code: 1210, msg: "Unknown boolean format"}
}
