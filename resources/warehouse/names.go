package warehouse

import "strings"

// QuoteIdentifier writes a column's name so that it reads back as itself.
func QuoteIdentifier(name string) string { return ident(name) }

// QuoteTable writes [schema.]table so that it reads back as itself.
func QuoteTable(table string) string {
	if schema, name, ok := strings.Cut(table, "."); ok {
		return ident(schema) + "." + ident(name)
	}
	return ident(table)
}

// Literal writes text as a value that reads back as itself, however the server
// takes a backslash: for SQL that is written before there is a session.
func Literal(text string) string {
	pieces := strings.Split(text, `\`)
	for i, p := range pieces {
		pieces[i] = dialect{}.literal(p)
	}
	if len(pieces) == 1 {
		return pieces[0]
	}
	return "(" + strings.Join(pieces, " || CHR(92) || ") + ")"
}
