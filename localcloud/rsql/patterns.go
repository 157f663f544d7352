package rsql

import (
	"regexp"
	"strings"
)

// similar rewrites [NOT] SIMILAR TO 'pattern' [ESCAPE 'c'] at nodes[i], where
// out is what stands before it; used says how many nodes it took. See
// https://docs.aws.amazon.com/redshift/latest/dg/pattern-matching-conditions-similar-to.html
func similar(nodes []Node, i int, out []Node) (res []Node, used int, err error) {
	rest := nodes[i+2:]
	if len(rest) == 0 || rest[0].Kind != Str || len(rest) > 1 && rest[1].in("||", "::") {
		return nil, 0, Unsupported("SIMILAR TO with a pattern that is not a constant", "write the pattern as a string, or use ~ with a regular expression")
	}
	used, escape := 3, `\`
	if len(rest) > 2 && rest[1].is("escape") && rest[2].Kind == Str {
		escape, used = rest[2].Text, 5
	}
	if len(escape) > 1 {
		return nil, 0, &Error{Code: "22019", Msg: "invalid escape string: it must be empty or one character"}
	}
	find := "~"
	if len(out) > 0 && out[len(out)-1].is("not") && len(out) > 1 && !out[len(out)-2].in("and", "or", "where", "when", "on") {
		out, find = out[:len(out)-1], "!~"
	}
	regex, err := similarRegex(rest[0].Text, escape)
	if err != nil {
		return nil, 0, err
	}
	return append(append(out, Node{Token: Token{Kind: Op, Text: find, Space: true}}), str(regex)), used, nil
}

// similarRegex is the regular expression that matches what the pattern does: %
// and _ stand for any string and character, | * + ? { } ( ) [ ] are those of
// regular expressions, all else is itself, and the whole string must match.
func similarRegex(pattern, escape string) (string, error) {
	var b strings.Builder
	b.WriteString("(?s)^(?:")
	brackets := false
	for rest := pattern; rest != ""; rest = rest[1:] {
		c := rest[0]
		switch {
		case escape != "" && c == escape[0]:
			if rest = rest[1:]; rest == "" {
				return "", &Error{Code: "22025", Msg: "the pattern " + Literal(pattern) + " ends in its escape character"}
			}
			b.WriteString(literally(rest[0]))
		case brackets:
			brackets = c != ']'
			if c == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		case c == '[':
			brackets = true
			b.WriteByte(c)
		case c == '%':
			b.WriteString(".*")
		case c == '_':
			b.WriteByte('.')
		case c == '(':
			b.WriteString("(?:")
		case strings.IndexByte(`.^$\`, c) >= 0:
			b.WriteString(literally(c))
		default:
			b.WriteByte(c)
		}
	}
	b.WriteString(")$")
	if _, err := regexp.Compile(b.String()); err != nil {
		return "", &Error{Code: "2201B", Msg: "the pattern " + Literal(pattern) + " of SIMILAR TO is not one: " + err.Error()}
	}
	return b.String(), nil
}

// literally is a character that means itself in a regular expression.
func literally(c byte) string {
	if strings.IndexByte(`.^$\|*+?{}()[]-`, c) >= 0 {
		return `\` + string(rune(c))
	}
	return string([]byte{c})
}
