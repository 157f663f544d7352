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
	"time"
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
		return c.timeConverter(c.Date, defaultDates, "2006-01-02", reason{1205, "Invalid Date Format - length must be 10 or more"})
	case col.Type == "TIMESTAMP":
		return c.timeConverter(c.Time, defaultTimes, "2006-01-02 15:04:05.999999", reason{1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"})
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

// Layouts in Go's way of writing. The default takes ISO; 'auto' more (RSD
// automatic-recognition).
var (
	defaultDates = []string{"2006-01-02", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999Z07:00"}
	defaultTimes = []string{"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999 MST", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04", "2006-01-02"}
	autoDates    = append(append([]string{}, defaultDates...), "2006/01/02", "2006.01.02", "2006-1-2", "2006/1/2", "01/02/2006", "1/2/2006", "01-02-2006", "01.02.2006", "20060102", "02 Jan 2006", "2 Jan 2006", "Jan 2 2006", "Jan 02 2006", "January 2, 2006", "January 2 2006", "Jan 2, 2006", "2006-Jan-02", "02-Jan-2006", "2006 Jan 02")
	autoTimes    = autoTimeLayouts()
)

func autoTimeLayouts() []string {
	out := append([]string{}, defaultTimes...)
	for _, d := range autoDates {
		if strings.Contains(d, "15:04") {
			continue
		}
		for _, t := range []string{" 15:04:05.999999999", " 15:04:05.999999999Z07:00", " 15:04:05.999999999 MST", " 03:04:05.999999999 PM", " 3:04:05 PM", " 15:04", " 03:04 PM", "T15:04:05.999999999", "T15:04:05.999999999Z07:00", "T15:04", ""} {
			out = append(out, d+t)
		}
	}
	return append(out, time.ANSIC, time.UnixDate, time.RFC1123, time.RFC1123Z, time.RFC822, "20060102 150405", "20060102T150405")
}

// formatElements are Redshift's elements of DATEFORMAT and TIMEFORMAT.
var formatElements = []struct{ redshift, golang string }{
	{"YYYY", "2006"}, {"HH24", "15"}, {"HH12", "03"}, {"MON", "Jan"}, {"YY", "06"}, {"MM", "01"}, {"DD", "02"},
	{"HH", "15"}, {"MI", "04"}, {"SS", "05"}, {"US", "000000"}, {"MS", "000"}, {"AM", "PM"}, {"PM", "PM"}, {"OF", "-07"},
}

// layouts turns a DATEFORMAT or TIMEFORMAT into Go's layouts; nil for "",
// which is the default, and for the words that are no layouts.
func layouts(format string) ([]string, error) {
	switch strings.ToLower(format) {
	case "", "epochsecs", "epochmillisecs":
		return nil, nil
	case "auto":
		return autoTimes, nil
	}
	var b strings.Builder
	rest := format
next:
	for rest != "" {
		for _, e := range formatElements {
			if len(rest) >= len(e.redshift) && strings.EqualFold(rest[:len(e.redshift)], e.redshift) {
				b.WriteString(e.golang)
				rest = rest[len(e.redshift):]
				continue next
			}
		}
		c := rest[0]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' && c != 'T' && c != 'Z' {
			return nil, fmt.Errorf("%q is not an element known here", rest)
		}
		b.WriteByte(c)
		rest = rest[1:]
	}
	layout := b.String()
	if strings.HasSuffix(layout, "05") { // fractions of seconds are always allowed
		return []string{layout + ".999999999", layout}, nil
	}
	return []string{layout}, nil
}

func (c *Copy) timeConverter(format string, standard []string, to string, bad reason) (converter, error) {
	list, err := layouts(format)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = standard
	}
	epoch := map[string]time.Duration{"epochsecs": time.Second, "epochmillisecs": time.Millisecond}[strings.ToLower(format)]
	last := 0 // most files use one layout throughout
	return func(f []byte) (string, *reason) {
		s := string(bytes.TrimSpace(f))
		if epoch != 0 {
			return fromEpoch(s, epoch, to, bad)
		}
		if t, err := time.Parse(list[last], s); err == nil && zoned(t, to) {
			return t.UTC().Format(to), nil
		}
		for i, l := range list {
			if t, err := time.Parse(l, s); err == nil && zoned(t, to) {
				last = i
				return t.UTC().Format(to), nil
			}
		}
		if c.AnyDate {
			return `\N`, nil
		}
		return "", &bad
	}, nil
}

// zoned says that the zone a value names is one we can be sure of: UTC, or for
// a column with a zone any offset in digits. Go takes unknown abbreviations
// for UTC.
func zoned(t time.Time, to string) bool {
	name, offset := t.Zone()
	if offset != 0 {
		return strings.Contains(to, "Z07:00") && (name == "" || name[0] == '+' || name[0] == '-')
	}
	return name == "" || name == "UTC" || name == "GMT" || name[0] == '+' || name[0] == '-'
}

func fromEpoch(s string, unit time.Duration, to string, bad reason) (string, *reason) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > 253402300799000 || n < -62135596800000 {
		return "", &bad
	}
	var t time.Time
	if unit == time.Second {
		t = time.Unix(n, 0)
	} else {
		t = time.UnixMilli(n)
	}
	if fraction != "" {
		f, err := strconv.ParseFloat("0."+fraction, 64)
		if err != nil {
			return "", &bad
		}
		t = t.Add(time.Duration(f * float64(unit)))
	}
	return t.UTC().Format(to), nil
}
