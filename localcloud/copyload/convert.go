package copyload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
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

// converter turns a field into the text that DuckDB reads as its type.
type converter func(field []byte) (string, *reason)

// converterFor chooses by type; nil for types that text cannot be loaded into.
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
		return c.timeConverter(c.Date, defaultDates, dateText, reason{1205, "Invalid Date Format - length must be 10 or more"})
	case col.Type == "TIMESTAMP":
		return c.timeConverter(c.Time, defaultTimes, timeText, reason{1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"})
	case col.Type == "TIMESTAMP WITH TIME ZONE":
		return c.timeConverter(c.Time, defaultTimes, "2006-01-02 15:04:05.999999Z07:00", reason{1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"})
	case col.Type == "TIME":
		return c.timeConverter("", []string{"15:04:05.999999999", "15:04", "150405"}, "15:04:05.999999", reason{1206, "Invalid time format or value [HH24:MI:SS]"})
	case col.Type == "JSON":
		return func(f []byte) (string, *reason) {
			if !json.Valid(f) {
				return "", &reason{1224, "Invalid JSON format for the SUPER data type"}
			}
			return string(f), nil
		}, nil
	}
	return nil, fmt.Errorf("COPY from text into a column of type %s", col.Type)
}

func (c *Copy) stringConverter(max int) converter {
	return func(f []byte) (string, *reason) {
		if bad := invalidUTF8(f); bad != nil {
			if c.Replace == 0 {
				return "", bad
			}
			f = replaceInvalid(f, byte(c.Replace))
		}
		if c.TrimBlanks {
			f = bytes.TrimRight(f, " ")
		}
		if max > 0 && len(f) > max {
			if !c.Truncate {
				return "", &reason{1204, "String length exceeds DDL length"}
			}
			end := max
			for end > 0 && !utf8.RuneStart(f[end]) {
				end--
			}
			f = f[:end]
		}
		return string(f), nil
	}
}

func invalidUTF8(f []byte) *reason {
	for i := 0; i < len(f); {
		r, n := utf8.DecodeRune(f[i:])
		if r == utf8.RuneError && n == 1 {
			return &reason{1220, fmt.Sprintf("String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: %x (error 4)", f[i])}
		}
		if r == 0 {
			return &reason{1218, "Field contains a null terminator (NUL, or UTF-8 0000)"}
		}
		i += n
	}
	return nil
}

// replaceInvalid puts c for each invalid byte, so that lengths stay.
func replaceInvalid(f []byte, c byte) []byte {
	out := make([]byte, 0, len(f))
	for i := 0; i < len(f); {
		r, n := utf8.DecodeRune(f[i:])
		if r == utf8.RuneError && n == 1 || r == 0 {
			out = append(out, c)
		} else {
			out = append(out, f[i:i+n]...)
		}
		i += n
	}
	return out
}

// invalidDigit names the first character that a number cannot have.
func invalidDigit(s, typ, allowed string) *reason {
	for i, r := range s {
		if r < '0' || r > '9' {
			if i == 0 && (r == '-' || r == '+') || strings.ContainsRune(allowed, r) {
				continue
			}
			return &reason{1207, fmt.Sprintf("Invalid digit, Value '%c', Pos %d, Type: %s", r, i, typ)}
		}
	}
	return nil
}

func intConverter(bits int, typ string) converter {
	return func(f []byte) (string, *reason) {
		s := string(bytes.TrimSpace(f))
		if bad := invalidDigit(s, typ, ""); bad != nil {
			return "", bad
		}
		n, err := strconv.ParseInt(s, 10, bits)
		if err != nil {
			if errors.Is(err, strconv.ErrRange) {
				return "", &reason{1222, "Overflow, Value '" + s + "', Type: " + typ}
			}
			return "", &reason{1207, "Invalid digit, Value '" + s + "', Pos 0, Type: " + typ}
		}
		return strconv.FormatInt(n, 10), nil
	}
}

var decimalText = regexp.MustCompile(`^([+-]?)([0-9]*)(?:\.([0-9]*))?$`)

// decimalConverter cuts digits after the scale off, or rounds with ROUNDEC
// (RSD copy-parameters-data-conversion).
func decimalConverter(precision, scale int, round bool) converter {
	return func(f []byte) (string, *reason) {
		if plainDecimal(f, precision, scale) {
			return string(f), nil
		}
		s := string(bytes.TrimSpace(f))
		if strings.ContainsAny(s, "eE") {
			if r, ok := new(big.Rat).SetString(s); ok && len(s) < 20 {
				s = r.FloatString(scale + 2)
			}
		}
		m := decimalText.FindStringSubmatch(s)
		if m == nil || m[2] == "" && m[3] == "" {
			if bad := invalidDigit(s, "Decimal", "."); bad != nil {
				return "", bad
			}
			return "", &reason{1209, "Invalid numeric format, Value '" + s + "'"}
		}
		fraction := m[3]
		up := false
		if len(fraction) > scale {
			up = round && fraction[scale] >= '5'
			fraction = fraction[:scale]
		}
		fraction += strings.Repeat("0", scale-len(fraction))
		digits, _ := new(big.Int).SetString("0"+m[2]+fraction, 10)
		if up {
			digits.Add(digits, big.NewInt(1))
		}
		out := digits.String()
		if len(out) > precision {
			return "", &reason{1204, fmt.Sprintf("Numeric data overflow, Value '%s', NUMERIC(%d,%d)", s, precision, scale)}
		}
		if len(out) <= scale {
			out = strings.Repeat("0", scale-len(out)+1) + out
		}
		if scale > 0 {
			out = out[:len(out)-scale] + "." + out[len(out)-scale:]
		}
		if m[1] == "-" {
			out = "-" + out
		}
		return out, nil
	}
}

// plainDecimal says that a field is fine as it is: most are.
func plainDecimal(f []byte, precision, scale int) bool {
	whole, fraction, seen := 0, 0, false
	for _, c := range f {
		switch {
		case c == '.' && !seen && whole > 0:
			seen = true
		case c < '0' || c > '9':
			return false
		case seen:
			fraction++
		default:
			whole++
		}
	}
	return whole > 0 && whole <= precision-scale && fraction <= scale
}

// plainTime says that a field is a date or a time as ISO writes it, and so
// fine as it is: YYYY-MM-DD, with HH:MM:SS behind it when clock is set.
func plainTime(f []byte, clock bool) bool {
	const date, both = "dddd-dd-dd", "dddd-dd-dd dd:dd:dd"
	shape := date
	if clock {
		shape = both
	}
	if len(f) != len(shape) {
		return false
	}
	for i := range f {
		if shape[i] == 'd' && (f[i] < '0' || f[i] > '9') || shape[i] != 'd' && f[i] != shape[i] {
			return false
		}
	}
	two := func(i int) int { return int(f[i]-'0')*10 + int(f[i+1]-'0') }
	if m, d := two(5), two(8); m < 1 || m > 12 || d < 1 || d > 28 || two(0) == 0 && two(2) == 0 {
		return false // or the end of a month: the slow way knows
	}
	return !clock || two(11) < 24 && two(14) < 60 && two(17) < 60
}

func floatConverter(bits int) converter {
	return func(f []byte) (string, *reason) {
		s := string(bytes.TrimSpace(f))
		v, err := strconv.ParseFloat(s, bits)
		if err != nil || strings.ContainsAny(s, "xXpP_") {
			if errors.Is(err, strconv.ErrRange) {
				return "", &reason{1204, "Overflow for float, Value '" + s + "'"}
			}
			if bad := invalidDigit(s, "Double", ".eE+-"); bad != nil {
				return "", bad
			}
			return "", &reason{1208, "Invalid float format, Value '" + s + "'"}
		}
		return strconv.FormatFloat(v, 'g', -1, bits), nil
	}
}

func boolean(f []byte) (string, *reason) {
	switch strings.ToLower(string(bytes.TrimSpace(f))) {
	case "t", "true", "y", "yes", "1", "on":
		return "true", nil
	case "f", "false", "n", "no", "0", "off":
		return "false", nil
	}
	return "", &reason{1210, "Unknown boolean format"}
}
