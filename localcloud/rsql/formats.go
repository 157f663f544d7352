package rsql

import (
	"regexp"
	"strings"
)

// dateFormats are Redshift's date and time format elements (RSD
// r_FORMAT_strings) and DuckDB's. Longer ones come first.
var dateFormats = []struct{ redshift, duck string }{
	{"YYYY", "%Y"}, {"HH24", "%H"}, {"HH12", "%I"}, {"MONTH", ""}, {"Month", ""}, {"month", ""},
	{"DDD", "%j"}, {"Mon", "%b"}, {"Day", ""}, {"DAY", ""}, {"day", ""}, {"Dy", "%a"},
	{"YY", "%y"}, {"MM", "%m"}, {"DD", "%d"}, {"HH", "%I"}, {"MI", "%M"}, {"SS", "%S"},
	{"MS", "%g"}, {"US", "%f"}, {"AM", "%p"}, {"PM", "%p"},
	{"yyyy", "%Y"}, {"hh24", "%H"}, {"hh12", "%I"}, {"ddd", "%j"}, {"yy", "%y"}, {"mm", "%m"}, {"dd", "%d"},
	{"hh", "%I"}, {"mi", "%M"}, {"ss", "%S"}, {"ms", "%g"}, {"us", "%f"},
}

// duckFormat translates a constant format; ok is false when it holds an
// element that DuckDB would write otherwise.
func duckFormat(f string) (string, bool) {
	var b strings.Builder
next:
	for f != "" {
		for _, e := range dateFormats {
			if strings.HasPrefix(f, e.redshift) {
				if e.duck == "" {
					return "", false
				}
				b.WriteString(e.duck)
				f = f[len(e.redshift):]
				continue next
			}
		}
		c := f[0]
		switch {
		case c == '"':
			literal, rest, ok := strings.Cut(f[1:], `"`)
			if !ok {
				return "", false
			}
			b.WriteString(strings.ReplaceAll(literal, "%", "%%"))
			f = rest
			continue next
		case c == '%':
			b.WriteString("%%")
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' && c != 'T' && c != 'Z' || isDigit(c):
			return "", false
		default:
			b.WriteByte(c)
		}
		f = f[1:]
	}
	return b.String(), true
}

// format rewrites TO_CHAR, TO_DATE and TO_TIMESTAMP with a constant format:
// DuckDB's functions want it constant too.
func (r *rewriter) format(fn string, args []Node) ([]Node, error) {
	parts := split(args, ",")
	if len(parts) < 2 || len(parts[1]) != 1 || parts[1][0].Kind != Str {
		return nil, Unsupported(strings.ToUpper(fn)+" with a format that is not a constant", "")
	}
	if fn == "to_char" && numberFormat(parts[1][0].Text) {
		return r.numberToChar(parts[0], parts[1][0].Text)
	}
	f, ok := duckFormat(parts[1][0].Text)
	if !ok {
		return nil, Unsupported(strings.ToUpper(fn)+" with the format "+Literal(parts[1][0].Text), "elements known: YYYY YY MM DD DDD Mon Dy HH24 HH12 MI SS MS US AM")
	}
	x, err := r.query(parts[0], false)
	if err != nil {
		return nil, err
	}
	switch fn {
	case "to_char":
		return call("strftime", x, []Node{str(f)}), nil
	case "to_date":
		return cast(call("strptime", x, []Node{str(f)}), Type{Duck: "DATE"}), nil
	}
	return cast(call("strptime", x, []Node{str(f)}), Type{Duck: "TIMESTAMPTZ"}), nil
}

// numberFormat says that a format is one of numbers: it has places for digits.
func numberFormat(f string) bool {
	for i, quoted := range strings.Split(f, `"`) {
		if i%2 == 0 && strings.ContainsAny(quoted, "09") {
			return true
		}
	}
	return false
}

// numberElements are the elements of RSD r_Numeric_formating that rs_to_char
// knows.
var numberElements = regexp.MustCompile(`(?i)^(FM)?[SL$]?[09,G]*([.D][09]*)?(S|MI|PR)?$`)

func (r *rewriter) numberToChar(x []Node, f string) ([]Node, error) {
	if !numberElements.MatchString(f) {
		return nil, Unsupported("TO_CHAR of a number with the format "+Literal(f), "elements known: 9 0 . D , G, FM and one of S L $ before them, one of S MI PR after them")
	}
	out, err := r.query(x, false)
	if err != nil {
		return nil, err
	}
	number := append(append([]Node{}, group(out...)), text("+ 0")...) // text and dates are no numbers
	return call("rs_to_char", cast([]Node{group(number...)}, Type{Duck: "VARCHAR"}), []Node{str(f)}), nil
}
