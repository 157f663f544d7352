package copyload

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// invalidDigit names the first character that a number cannot have.
func invalidDigit(s, typ, allowed string) *reason {
	for i, r := range s {
		if r < '0' || r > '9' {
			if i == 0 && (r == '-' || r == '+') || strings.ContainsRune(allowed, r) {
				continue
			}
			return &reason{1207, fmt.Sprintf("Invalid digit, Value '%c', Pos %d, Type: %s", r, i, typ), i}
		}
	}
	return nil
}

func intConverter(bits int, typ string) converter {
	sure := map[int]int{16: 4, 32: 9, 64: 18}[bits] // so many digits always fit
	return func(dst, f []byte) ([]byte, *reason) {
		if digits(f) && len(f) <= sure {
			return append(dst, f...), nil
		}
		s := string(bytes.TrimSpace(f))
		if bad := invalidDigit(s, typ, ""); bad != nil {
			return dst, bad
		}
		n, err := strconv.ParseInt(s, 10, bits)
		if err != nil {
			if errors.Is(err, strconv.ErrRange) {
				return dst, &reason{code: 1222, msg: "Overflow, Value '" + Clip([]byte(s)) + "', Type: " + typ}
			}
			return dst, &reason{code: 1207, msg: "Invalid digit, Value '" + s + "', Pos 0, Type: " + typ}
		}
		return strconv.AppendInt(dst, n, 10), nil
	}
}

func digits(f []byte) bool {
	for _, c := range f {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(f) > 0
}

var decimalText = regexp.MustCompile(`^([+-]?)([0-9]*)(?:\.([0-9]*))?$`)

// decimalConverter cuts digits after the scale off, or rounds with ROUNDEC
// (RSD copy-parameters-data-conversion).
func decimalConverter(precision, scale int, round bool) converter {
	return func(dst, f []byte) ([]byte, *reason) {
		if plainDecimal(f, precision, scale) {
			return append(dst, f...), nil
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
				return dst, bad
			}
			return dst, &reason{code: 1209, msg: "Invalid numeric format, Value '" + s + "'"}
		}
		out := scaled(m[2], m[3], scale, round)
		if len(strings.TrimLeft(out, "0")) > precision {
			return dst, &reason{code: 1204, msg: fmt.Sprintf("Numeric data overflow, Value '%s', NUMERIC(%d,%d)", Clip([]byte(s)), precision, scale)}
		}
		if m[1] == "-" {
			dst = append(dst, '-')
		}
		dst = append(dst, out[:len(out)-scale]...)
		if scale > 0 {
			dst = append(append(dst, '.'), out[len(out)-scale:]...)
		}
		return dst, nil
	}
}

// scaled puts a number's digits together, with as many after the point as the
// scale says, and one before it at least.
func scaled(whole, fraction string, scale int, round bool) string {
	up := false
	if len(fraction) > scale {
		up = round && fraction[scale] >= '5'
		fraction = fraction[:scale]
	}
	fraction += strings.Repeat("0", scale-len(fraction))
	n, _ := new(big.Int).SetString("0"+whole+fraction, 10)
	if up {
		n.Add(n, big.NewInt(1))
	}
	out := n.String()
	return strings.Repeat("0", max(0, scale+1-len(out))) + out
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

func floatConverter(bits int) converter {
	return func(dst, f []byte) ([]byte, *reason) {
		s := string(bytes.TrimSpace(f))
		v, err := strconv.ParseFloat(s, bits)
		if err != nil || strings.ContainsAny(s, "xXpP_") {
			if errors.Is(err, strconv.ErrRange) {
				return dst, &reason{code: 1204, msg: "Overflow for float, Value '" + Clip([]byte(s)) + "'"}
			}
			if bad := invalidDigit(s, "Double", ".eE+-"); bad != nil {
				return dst, bad
			}
			return dst, &reason{code: 1208, msg: "Invalid float format, Value '" + s + "'"}
		}
		switch {
		case math.IsNaN(v):
			return append(dst, "nan"...), nil
		case math.IsInf(v, 0):
			return append(dst, strings.ToLower(strconv.FormatFloat(v, 'g', -1, bits))...), nil
		}
		return strconv.AppendFloat(dst, v, 'g', -1, bits), nil
	}
}
