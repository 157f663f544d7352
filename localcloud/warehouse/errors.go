package warehouse

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// codeFatal is what DuckDB's fatal errors are told as: the database must be
// opened again.
const codeFatal = "XX001"

// sqlError turns any error into one with a SQLSTATE.
func sqlError(err error) *pgwire.Error {
	var e *pgwire.Error
	if errors.As(err, &e) {
		return e
	}
	var r *rsql.Error
	if errors.As(err, &r) {
		return &pgwire.Error{Code: r.Code, Msg: r.Msg, Hint: r.Hint}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &pgwire.Error{Code: "57014", Msg: "Query cancelled on user's request"}
	}
	var d *duckdb.Error
	if !errors.As(err, &d) {
		return &pgwire.Error{Code: "XX000", Msg: err.Error()}
	}
	msg, detail := splitMessage(d.Msg)
	if d.Type == duckdb.ErrorTypeConstraint && strings.Contains(msg, "(Error: "+rsql.NotASCII) { // the code is a guess
		return &pgwire.Error{Code: "XX000", Msg: rsql.NotASCII, Hint: "CHAR takes single-byte characters only: make the column a VARCHAR"}
	}
	if code := sqlState(d, msg); code == "40001" { // as Redshift words it
		return &pgwire.Error{Code: code, Msg: "1023", Detail: "Serializable isolation violation on table: " + msg}
	}
	return &pgwire.Error{Code: sqlState(d, msg), Msg: msg, Detail: detail}
}

// splitMessage cuts DuckDB's prefix, and its excerpt of a query that it
// rewrote, off a message.
func splitMessage(s string) (msg, detail string) {
	if _, rest, ok := strings.Cut(s, " Error: "); ok {
		s = rest
	}
	s, _, _ = strings.Cut(s, "\n\nLINE ")
	msg, detail, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return msg, strings.TrimSpace(detail)
}

var (
	checkLength = regexp.MustCompile(`strlen\(.*<=`)
	conflict    = regexp.MustCompile(`(?i)conflict|serializ`)
)

// sqlState gives DuckDB's kinds of errors Redshift's codes.
func sqlState(e *duckdb.Error, msg string) string {
	if strings.Contains(msg, "expression depth limit") || strings.HasPrefix(msg, "memory exhausted at or near") { // nested too deeply
		return "54001"
	}
	switch e.Type {
	case duckdb.ErrorTypeParser, duckdb.ErrorTypeSyntax:
		return "42601"
	case duckdb.ErrorTypeCatalog:
		return catalogState(msg)
	case duckdb.ErrorTypeBinder:
		return binderState(msg)
	case duckdb.ErrorTypeConversion:
		return conversionState(msg)
	case duckdb.ErrorTypeOutOfRange:
		return "22003"
	case duckdb.ErrorTypeDivideByZero:
		return "22012"
	case duckdb.ErrorTypeInvalidInput:
		if strings.HasPrefix(msg, "division by zero") {
			return "22012"
		}
		return "22023"
	case duckdb.ErrorTypeConstraint:
		switch {
		case strings.Contains(msg, "NOT NULL"):
			return "23502"
		case checkLength.MatchString(msg):
			return "22001"
		}
		return "23514"
	case duckdb.ErrorTypeTransaction:
		if conflict.MatchString(msg) {
			return "40001"
		}
		return "25P02"
	case duckdb.ErrorTypeInterrupt:
		return "57014"
	case duckdb.ErrorTypeNotImplemented, duckdb.ErrorTypePermission, duckdb.ErrorTypeMissingExtension, duckdb.ErrorTypeAutoLoad:
		return "0A000"
	case duckdb.ErrorTypeOutOfMemory:
		return "53200"
	case duckdb.ErrorTypeIO:
		return "58030"
	case duckdb.ErrorTypeDependency:
		return "2BP01"
	case duckdb.ErrorTypeParameterNotResolved:
		return "42P18"
	case duckdb.ErrorTypeFatal:
		return codeFatal
	}
	return "XX000"
}

func catalogState(msg string) string {
	switch {
	case strings.Contains(msg, "already exists") && strings.Contains(msg, "Schema"):
		return "42P06"
	case strings.Contains(msg, "already exists"):
		return "42P07"
	case strings.HasPrefix(msg, "Schema with name"), strings.Contains(msg, "because schema"):
		return "3F000"
	case strings.Contains(msg, "Function"):
		return "42883"
	case strings.HasPrefix(msg, "Type with name"):
		return "42704"
	case conflict.MatchString(msg):
		return "40001"
	}
	return "42P01"
}

func binderState(msg string) string {
	switch {
	case strings.HasPrefix(msg, "No function matches"), strings.Contains(msg, "does not support the supplied arguments"):
		return "42883"
	case strings.Contains(msg, "Ambiguous reference"):
		return "42702"
	case strings.Contains(msg, "GROUP BY"):
		return "42803"
	case strings.Contains(msg, "not found in FROM clause"), strings.Contains(msg, "does not have a column"), strings.HasPrefix(msg, "Referenced column"), strings.HasPrefix(msg, "Referenced table"):
		return "42703"
	case strings.Contains(msg, "Catalog \""), strings.Contains(msg, "does not exist"):
		return "42P01"
	}
	return "42601"
}

func conversionState(msg string) string {
	low := strings.ToLower(msg)
	switch {
	case strings.Contains(low, "out of range"):
		if strings.Contains(low, "date") || strings.Contains(low, "time") {
			return "22008"
		}
		return "22003"
	case strings.Contains(low, "date"), strings.Contains(low, "timestamp"):
		return "22007"
	}
	return "22P02"
}
