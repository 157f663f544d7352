package rsql

import "strings"

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
