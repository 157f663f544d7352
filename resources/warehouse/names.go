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
