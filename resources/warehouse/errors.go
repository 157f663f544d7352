package warehouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"lamplighter/resources"
)

// Codes of faults that are no SQLSTATE, for callers that must tell them apart.
const (
	CodeCheck    = resources.CodeCheck // a Check or RowsBound of a load failed; nothing was committed
	CodeRejected = "RowsRejected"      // COPY refused rows; the message names file, line, column, value, reason
	CodeChanged  = "ObjectChanged"     // an object of a dated source was loaded before, with another ETag
	CodeImplicit = "ImplicitCommit"    // a script holds a statement that cannot stay inside its transaction
	CodeUnloaded = "UnloadUnproven"    // what UNLOAD left in S3 is not what the query gave
	CodeReceipt  = "ScriptChanged"     // a migration changed after it had run
)

// stage is where in its transaction a statement stands: it decides what a
// missing answer means.
type stage int

const (
	beforeCommit stage = iota // no COMMIT was sent, or the statement may simply run again: nothing happened
	atCommit                  // COMMIT was sent
	writesS3                  // UNLOAD was sent: files may have been written
)

// judge makes a Fault of an error of the connection or the server.
func judge(err error, what string, at stage) *resources.Fault {
	var f *resources.Fault
	if errors.As(err, &f) {
		return f
	}
	f = &resources.Fault{Msg: what + ": " + brief(err.Error()), Err: err}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		f.Code, f.Msg = pg.Code, what+": "+sentence(pg)
		f.Class, f.Hint = judgeServer(pg, at)
		return f
	}
	f.Class = resources.Retry
	if at != beforeCommit {
		f.Class = resources.Unknown
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || err.Error() == "conn closed" {
		f.Msg = what + ": the connection broke"
	}
	if errors.Is(err, context.Canceled) {
		f.Msg = what + ": cancelled"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		f.Msg = what + ": no answer in time"
	}
	return f
}

var (
	serialization = regexp.MustCompile(`(?i)^1023\b|serializable isolation violation|could not serialize`)
	s3Denied      = regexp.MustCompile(`(?i)access ?denied|status 403|not authorized to (get|assume)|not authorized to perform`)
	s3Slow        = regexp.MustCompile(`(?i)slowdown|slow down|status 50[0-9]|internalerror|service unavailable|requesttimeout`)
	noLimit       = regexp.MustCompile(`(?i)limit clause is not supported`)
)

// judgeServer classes an error that the server answered, by SQLSTATE and,
// where Redshift has one code (XX000) for everything, by its words.
func judgeServer(pg *pgconn.PgError, at stage) (resources.Class, string) {
	said := pg.Message + " " + pg.Detail
	class := pg.Code
	if len(class) > 2 {
		class = class[:2]
	}
	switch {
	case pg.Code == "25P02" || pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "55P03" || serialization.MatchString(said):
		return resources.Retry, "" // rolled back by the server, in COMMIT too
	case at == atCommit:
		return resources.Unknown, "the ledger and the receipts say whether it committed: ask again"
	case pg.Code == "57014":
		return resources.Retry, "it ran into its time limit or was cancelled: give the step a longer timeout"
	case class == "57" || class == "08" || strings.EqualFold(pg.Severity, "FATAL") && class != "28" && class != "3D":
		return unlessS3(at), ""
	case class == "53":
		return resources.Retry, "the warehouse is short of memory, disk or connections"
	case class == "28" || pg.Code == "42501":
		return resources.Denied, "the login has no right to this: the admin user must own what it works on"
	case s3Denied.MatchString(said):
		return resources.Denied, "the warehouse's role (roles.warehouse) must be attached to the cluster and allowed to list, read and write there"
	case s3Slow.MatchString(said):
		return unlessS3(at), ""
	case noLimit.MatchString(said):
		return resources.Permanent, "UNLOAD takes no LIMIT outside: write select * from (… limit n)"
	case class == "22" || class == "23" || class == "42" || class == "3D" || class == "3F" || class == "0A" || class == "21" || class == "2B" || class == "XX":
		return resources.Permanent, permanentHints[pg.Code]
	}
	return resources.Unknown, ""
}

// unlessS3 is Retry, but Unknown where files may have been written.
func unlessS3(at stage) resources.Class {
	if at == writesS3 {
		return resources.Unknown
	}
	return resources.Retry
}

var permanentHints = map[string]string{
	"42P01": "create the table in a migration (warehouse.migrations), or correct its name",
	"42703": "correct the column's name, or add it in a migration (warehouse.migrations)",
	"42601": "correct the SQL",
	"22001": "a value is longer than its column: VARCHAR(n) counts bytes; widen the column in a migration",
	"3F000": "create the schema in a migration (warehouse.migrations)",
	"3D000": "correct the environment's database",
}

// notCommitted judges an error of a caller's function that was called inside a
// transaction: as it is rolled back, nothing happened.
func notCommitted(err error, what string) *resources.Fault {
	f := &resources.Fault{Class: resources.Retry, Msg: what + ": " + brief(err.Error()), Err: err}
	if c := resources.ClassOf(err); c != resources.Unknown {
		f.Class = c
	}
	f.Code, f.Hint = resources.CodeOf(err), resources.HintOf(err)
	if f.Code != "" {
		f.Msg = what + ": " + strings.TrimPrefix(brief(err.Error()), f.Code+": ")
	}
	return f
}

// judgeConnect judges an error of connecting: nothing was asked yet.
func judgeConnect(err error, cluster, address string) *resources.Fault {
	what := fmt.Sprintf("connect to cluster %s at %s", cluster, address)
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &cert):
		return &resources.Fault{Class: resources.Permanent, Code: "TLS", Msg: what + ": " + brief(cert.Error()), Err: cert,
			Hint: "name the authority in connect.ca_file, and the name its certificate is for in connect.tls_server_name"}
	case strings.Contains(err.Error(), "refused TLS connection"):
		return &resources.Fault{Class: resources.Permanent, Code: "TLS", Msg: what + ": the server speaks no TLS",
			Hint: "lamplighter logs in over TLS only: connect to the cluster itself, or to a tunnel that ends there"}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		f := judge(pg, what, beforeCommit)
		if f.Class == resources.Denied {
			f.Hint = "the login is made by GetClusterCredentials for warehouse.admin: that user must exist in the cluster"
		}
		return f
	}
	// The cause alone: pgconn's own error holds the whole configuration.
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
	}
	f := judge(err, what, beforeCommit)
	f.Hint = "is there a route to the cluster's port from here (security group, subnet, tunnel)? connect.host and connect.port name a tunnel"
	return f
}

// sentence is what the server said, with its detail.
func sentence(pg *pgconn.PgError) string {
	s := brief(pg.Message)
	if d := brief(pg.Detail); d != "" {
		s += " (" + d + ")"
	}
	return s
}

// brief puts a message on one line of at most 400 bytes.
func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:400], "") + "…"
	}
	return s
}
