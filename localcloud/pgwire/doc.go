// Package pgwire serves the PostgreSQL frontend/backend protocol 3.0 as
// Amazon Redshift does: TLS only, a password inside it, simple and extended
// queries, cancel requests. What a statement does is the business of a
// Session, which the owner of a Server makes for each connection.
package pgwire

import (
	"context"
	"fmt"

	"lamplighter/localcloud/rsql"
)

// Session runs the statements of one connection, one at a time; only the
// context of a running call may be cancelled from elsewhere. Errors should be
// *Error; others are reported as XX000.
type Session interface {
	// Prepare makes one statement ready. oids are the types of its parameters
	// as far as the client named them; 0 is unknown.
	Prepare(ctx context.Context, source rsql.Source, oids []uint32) (Prepared, error)
	// Sync ends what is left of an implicit transaction: it commits, or rolls
	// back when failed.
	Sync(ctx context.Context, failed bool) error
	// Implicit says that statements from here to Sync are one transaction.
	Implicit()
	// Status is I outside a transaction, T in one, E in a failed one.
	Status() byte
	// Close ends the session and rolls back.
	Close()
}

// Prepared is a statement that can run, repeatedly.
type Prepared interface {
	// Params are the types of the parameters, 0 where nobody can tell.
	Params() []uint32
	// Columns of the rows; nil when it returns none.
	Columns() []Column
	// Run runs it. The Result must be closed before the next Run.
	Run(ctx context.Context, args []Arg) (*Result, error)
	Close()
}

// Arg is a parameter's value as text.
type Arg struct {
	OID  uint32 // 0: the client did not say
	Text string
	Null bool
}

// Column describes a column of rows.
type Column struct {
	Name string
	OID  uint32
	Mod  int32 // -1: none
}

// Result is what a run statement answers.
type Result struct {
	Columns []Column
	Rows    Rows   // nil when there are no rows
	Tag     string // command tag; "SELECT" gets the number of rows
}

// Rows yields rows. Values are nil, bool, integers, floats, string, []byte,
// time.Time or what pgtype can encode for the column's OID.
type Rows interface {
	// Next fills dst, or returns io.EOF.
	Next(dst []any) error
	Close() error
}

// Client is how a session speaks to its client besides answering.
type Client interface {
	// Notice sends a NoticeResponse.
	Notice(severity, code, msg string)
	// Report sends a ParameterStatus.
	Report(name, value string)
}

// Startup is who asks for a connection.
type Startup struct {
	User, Password, Database string
	Params                   map[string]string // all start-up parameters
	PID                      int
	Kill                     func() // ends the connection as pg_terminate_backend does; may be called from anywhere
	Cancel                   func() // interrupts the running statement, if any; may be called from anywhere
}

// Error is an error as the client sees it.
type Error struct {
	Severity string // "" is ERROR
	Code     string // SQLSTATE
	Msg      string
	Detail   string
	Hint     string
}

func (e *Error) Error() string { return e.Code + ": " + e.Msg }

// Errorf makes an Error.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// Types as Redshift numbers them.
const (
	OIDBool        uint32 = 16
	OIDBytea       uint32 = 17
	OIDInt8        uint32 = 20
	OIDInt2        uint32 = 21
	OIDInt4        uint32 = 23
	OIDText        uint32 = 25
	OIDFloat4      uint32 = 700
	OIDFloat8      uint32 = 701
	OIDUnknown     uint32 = 705
	OIDVarchar     uint32 = 1043
	OIDDate        uint32 = 1082
	OIDTime        uint32 = 1083
	OIDTimestamp   uint32 = 1114
	OIDTimestamptz uint32 = 1184
	OIDInterval    uint32 = 1186
	OIDTimetz      uint32 = 1266
	OIDNumeric     uint32 = 1700
	OIDUUID        uint32 = 2950
)
