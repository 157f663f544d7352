// Package rsql turns Redshift's SQL into DuckDB's: a lexer, a cutter of
// scripts, and a rewriter that works on a tree of tokens grouped by their
// parentheses. It knows no database: what a statement needs from a session
// (who is connected, how many rows the last COPY loaded) is handed in.
//
// Known to differ from Redshift: CHAR values are told without the blanks that
// pad them; VARCHARs whose values end in blanks compare, join and group with
// them, except against a literal that ends in blanks too; a FLOAT as text ends
// in .0; a column's string with a fraction, cast to an integer, is rounded;
// EXTRACT(epoch) is DOUBLE PRECISION.
// Nobody is denied anything: GRANT and REVOKE are accepted and do nothing.
//
// It has no grammar. What it does not recognise goes to DuckDB as it is, which
// refuses what it does not know; what DuckDB would accept with another meaning
// is rewritten here, or refused as an Unsupported error.
package rsql

import "fmt"

// Error is a statement refused before DuckDB saw it.
type Error struct {
	Code string // SQLSTATE
	Msg  string
	Hint string
}

func (e *Error) Error() string { return e.Msg }

// SQLSTATEs used here and by the packages above.
const (
	SyntaxError         = "42601"
	FeatureNotSupported = "0A000"
	UndefinedTable      = "42P01"
	InvalidParameter    = "22023"
)

// Unsupported says that the embedded warehouse lacks something that Redshift
// has.
func Unsupported(what, hint string) *Error {
	return &Error{Code: FeatureNotSupported, Msg: what + " is not supported by the embedded warehouse", Hint: hint}
}

// Syntaxf says that a statement is not SQL as Redshift takes it.
func Syntaxf(format string, args ...any) *Error {
	return &Error{Code: SyntaxError, Msg: fmt.Sprintf(format, args...)}
}
