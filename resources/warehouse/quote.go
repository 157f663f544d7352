package warehouse

import (
	"strings"

	"lamplighter/resources"
)

// dialect is what must be known of a server to write a string for it.
type dialect struct {
	// backslash: in an ordinary string a backslash escapes the next character,
	// as in Redshift. What the server says of standard_conforming_strings does
	// not tell, and E'' is no way out (Redshift: type "e" does not exist,
	// npgsql#515), so every session asks once.
	backslash bool
}

// probe asks a server how it reads a backslash: the answer is 1 where it
// escapes and 2 where it is an ordinary character.
const probe = `SELECT LENGTH('\\')`

// literal writes s as a string that the server reads back as s.
func (d dialect) literal(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if d.backslash {
		s = strings.ReplaceAll(s, `\`, `\\`)
	}
	return "'" + s + "'"
}

// ident writes s as a quoted name.
func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// idents writes a list of quoted names.
func idents(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = ident(n)
	}
	return strings.Join(quoted, ", ")
}

// storable refuses what cannot stand in SQL text at all.
func storable(what string, values ...string) error {
	for _, v := range values {
		if _, err := lex(dialect{backslash: true}.literal(v)); err != nil {
			return resources.Faultf(resources.Permanent, "%s %q: not valid UTF-8, or holds a zero byte", what, v)
		}
	}
	return nil
}

// literals writes a list of strings.
func (d dialect) literals(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = d.literal(v)
	}
	return strings.Join(quoted, ", ")
}
