package warehouse

import (
	"database/sql/driver"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// numberToChar is TO_CHAR of a number: see
// https://docs.aws.amazon.com/redshift/latest/dg/r_TO_CHAR.html and
// r_Numeric_formating. What those leave open is taken
// from https://www.postgresql.org/docs/8.0/functions-formatting.html. Which formats come here rsql decides.
func numberToChar(v []driver.Value) (any, error) {
	x, ok := v[0].(string)
	format, ok2 := v[1].(string)
	n, ok3 := new(big.Rat).SetString(x)
	if !ok || !ok2 || !ok3 {
		return nil, errors.New("TO_CHAR takes a finite number and a format")
	}
	return readNumberFormat(format).write(n), nil
}

// numberPicture is a format of numbers, read.
type numberPicture struct {
	fill           bool // FM: no blanks, no zeros at the end
	before         string
	sign           string // S, -S (after the digits), MI, PR or "": before the first digit
	whole, decimal string // places, commas among those of whole
	point          bool
}

func readNumberFormat(f string) numberPicture {
	f = strings.NewReplacer("D", ".", "G", ",").Replace(strings.ToUpper(f))
	var p numberPicture
	f, p.fill = strings.CutPrefix(f, "FM")
	switch {
	case strings.HasPrefix(f, "S"):
		p.sign, f = "S", f[1:]
	case strings.HasPrefix(f, "L"), strings.HasPrefix(f, "$"):
		p.before, f = "$", f[1:]
	}
	for _, end := range []string{"MI", "PR", "S"} {
		if rest, ok := strings.CutSuffix(f, end); ok && p.sign == "" {
			p.sign, f = strings.Replace(end, "S", "-S", 1), rest
		}
	}
	p.whole, p.decimal, p.point = strings.Cut(f, ".")
	return p
}

// write formats a number. What does not fit is written as #.
func (p numberPicture) write(n *big.Rat) string {
	digits := new(big.Rat).Abs(n).FloatString(len(p.decimal))
	whole, decimal, _ := strings.Cut(digits, ".")
	negative := n.Sign() < 0 && strings.Trim(digits, "0.") != ""
	if whole == "0" && (p.decimal != "" || p.places() == 0) {
		whole = ""
	}
	var body string
	if len(whole) > p.places() {
		body = hashes(p.whole)
		decimal = hashes(p.decimal)
	} else {
		body = p.wholePart(whole)
		if p.fill {
			decimal = p.trimmed(decimal)
		}
	}
	if p.point {
		body += "." + decimal
	}
	return p.signed(body, negative)
}

// places is how many digits fit before the point.
func (p numberPicture) places() int { return len(strings.ReplaceAll(p.whole, ",", "")) }

// hashes stand for digits that do not fit.
func hashes(places string) string {
	return strings.NewReplacer("9", "#", "0", "#").Replace(places)
}

// wholePart puts the digits into their places, blanks before the first.
func (p numberPicture) wholePart(digits string) string {
	digits = strings.Repeat(" ", p.places()-len(digits)) + digits
	var b strings.Builder
	started := false
	i := 0
	for _, place := range p.whole {
		switch {
		case place == ',' && started:
			b.WriteByte(',')
		case place == ',':
			b.WriteByte(' ')
		default:
			c := digits[i]
			i++
			if c == ' ' && (place == '0' || started) {
				c = '0'
			}
			started = started || c != ' '
			b.WriteByte(c)
		}
	}
	return b.String()
}

// trimmed takes zeros off that only stand for a 9.
func (p numberPicture) trimmed(decimal string) string {
	keep := strings.LastIndex(p.decimal, "0") + 1
	return decimal[:keep] + strings.TrimRight(decimal[keep:], "0")
}

// signed puts the sign, and a currency, where they belong.
func (p numberPicture) signed(body string, negative bool) string {
	digits := strings.TrimLeft(body, " ")
	blanks := body[:len(body)-len(digits)]
	pick := func(yes, no string) string {
		if negative {
			return yes
		}
		return no
	}
	after := ""
	sign := ""
	switch p.sign {
	case "S":
		sign = pick("-", "+")
	case "-S":
		after = pick("-", "+")
	case "MI":
		after = pick("-", " ")
	case "PR":
		sign, after = pick("<", " "), pick(">", " ")
	default:
		sign = pick("-", " ")
	}
	out := blanks + sign + digits + after
	if p.fill {
		out = strings.Trim(out, " ")
	}
	return p.before + out
}

// initcap makes the first letter of each word a capital; letters and digits
// make words (https://docs.aws.amazon.com/redshift/latest/dg/r_INITCAP.html).
func initcap(v []driver.Value) (any, error) {
	s, ok := v[0].(string)
	if !ok {
		return nil, errors.New("INITCAP takes a string")
	}
	inside := false
	return strings.Map(func(r rune) rune {
		was := inside
		if inside = unicode.IsLetter(r) || unicode.IsDigit(r); was {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s), nil
}

// strtol reads a number of any base
// (https://docs.aws.amazon.com/redshift/latest/dg/r_STRTOL.html).
func strtol(v []driver.Value) (any, error) {
	s, ok := v[0].(string)
	base, ok2 := v[1].(int64)
	if !ok || !ok2 || base < 2 || base > 36 {
		return nil, errors.New("STRTOL takes a string and a base between 2 and 36")
	}
	return strconv.ParseInt(strings.TrimSpace(s), int(base), 64)
}
