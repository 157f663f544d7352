package warehouse

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lamplighter/resources"
)

// Reject is a row that COPY refused.
type Reject struct {
	Object string `json:"object"` // URI; Redshift keeps its first 256 bytes
	Line   int64  `json:"line"`   // from 1
	Column string `json:"column,omitempty"`
	Value  string `json:"value,omitempty"`
	Reason string `json:"reason"`
}

func (r Reject) String() string {
	return fmt.Sprintf("%s line %d column %s value %q: %s", r.Object, r.Line, r.Column, cut(r.Value, 80), brief(r.Reason))
}

// Rejects are the rows that a committed load left out. They never come: their
// objects are loaded.
type Rejects struct {
	Rows  int64    `json:"rows"`
	Shown []Reject `json:"shown"`         // the first ones
	All   string   `json:"all,omitempty"` // URI of a CSV with all of them, when more were refused than are shown
}

const (
	maxRejects   = 5   // that an error shows
	shownRejects = 100 // that a result holds
)

// rejectsTable keeps what loads left out, beside the ledger: it is written in
// the same transaction, so that no crash loses it.
const rejectsTable = "rejects"

const rejectColumns = `"tbl" VARCHAR(256) NOT NULL, "load_id" BIGINT NOT NULL, "uri" VARCHAR(2048) NOT NULL, "line" BIGINT NOT NULL, ` +
	`"col" VARCHAR(512) NOT NULL, "value" VARCHAR(4096) NOT NULL, "reason" VARCHAR(1024) NOT NULL`

// loadErrors reads refused rows. raw_field_value is of the field's beginning.
// https://docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_ERRORS.html
const loadErrors = "SELECT TRIM(filename), line_number, TRIM(colname), TRIM(raw_field_value), TRIM(err_reason) FROM stl_load_errors WHERE "

// refused are the rows that the session's last COPY left out. They are read on
// a connection of their own: whether a transaction sees what was logged after
// it began is nowhere said.
func (s *session) refused(ctx context.Context) ([]Reject, error) {
	const what = "read the refused rows"
	rows, err := s.ask(ctx, what, "SELECT pg_last_copy_id()")
	if err != nil {
		return nil, err
	}
	query, err := number(what, rows)
	if err != nil {
		return nil, err
	}
	aside, err := s.server.Open(ctx, s.cluster)
	if err != nil {
		return nil, notCommitted(err, what)
	}
	defer aside.Close()
	rows, err = aside.(*session).ask(ctx, what, loadErrors+fmt.Sprintf("query = %d ORDER BY filename, line_number", query))
	if err != nil {
		return nil, err
	}
	return parseRejects(rows)
}

func parseRejects(rows [][]string) ([]Reject, error) {
	list := make([]Reject, len(rows))
	for i, r := range rows {
		line, err := strconv.ParseInt(strings.TrimSpace(r[1]), 10, 64)
		if err != nil {
			return nil, resources.Faultf(resources.Permanent, "read the refused rows: line %q is no number", r[1])
		}
		list[i] = Reject{Object: printable(r[0]), Line: line, Column: printable(r[2]), Value: printable(r[3]), Reason: printable(r[4])}
	}
	return list, nil
}

// printable makes text of what a broken file held: SQL and JSON take no other.
func printable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(s), "\x00", ""), "\uFFFD")
}

// keep writes the refused rows beside the ledger.
func (l *load) keep(ctx context.Context) (*Rejects, error) {
	for chunk := range slices.Chunk(l.rejected, insertRows) {
		values := make([]string, len(chunk))
		for i, r := range chunk {
			values[i] = fmt.Sprintf("(%s, %d, %s, %d, %s)", l.s.dialect.literal(l.t.key()), l.done.LoadID, l.s.dialect.literal(r.Object), r.Line,
				l.s.dialect.literals([]string{r.Column, r.Value, r.Reason}))
		}
		if _, err := l.s.do(ctx, "keep the refused rows of "+l.t.key(), "INSERT INTO "+ours(rejectsTable)+" VALUES "+strings.Join(values, ", ")); err != nil {
			return nil, err
		}
	}
	return l.summary(ctx)
}

// recall is what the loads that brought a batch's objects left out.
func (l *load) recall(ctx context.Context, k known) (*Rejects, error) {
	if l.b.MaxErrors == 0 {
		return nil, nil
	}
	ids := map[string]bool{}
	for _, o := range l.b.Objects {
		ids[strconv.FormatInt(k.objects[o.URI][o.ETag].loadID, 10)] = true
	}
	var list []string
	for id := range ids {
		list = append(list, id)
	}
	slices.Sort(list)
	rows, err := l.s.ask(ctx, "recall the refused rows of "+l.t.key(), "SELECT uri, line, col, value, reason FROM "+ours(rejectsTable)+
		" WHERE tbl = "+l.s.dialect.literal(l.t.key())+" AND load_id IN ("+strings.Join(list, ", ")+") ORDER BY uri, line")
	if err != nil {
		return nil, err
	}
	if l.rejected, err = parseRejects(rows); err != nil {
		return nil, err
	}
	return l.summary(ctx)
}

// summary is what a result says of the refused rows; when they are many, all of
// them are put into a file named by its content.
func (l *load) summary(ctx context.Context) (*Rejects, error) {
	n := len(l.rejected)
	if n == 0 {
		return nil, nil
	}
	r := &Rejects{Rows: int64(n), Shown: l.rejected[:min(n, shownRejects)]}
	if n <= shownRejects || l.s.server.Put == nil || l.s.server.Scratch == "" {
		return r, nil
	}
	lines := [][]string{{"object", "line", "column", "value", "reason"}}
	for _, x := range l.rejected {
		lines = append(lines, []string{x.Object, strconv.FormatInt(x.Line, 10), x.Column, x.Value, x.Reason})
	}
	var body bytes.Buffer
	if err := csv.NewWriter(&body).WriteAll(lines); err != nil {
		return nil, resources.Faultf(resources.Permanent, "write the refused rows of %s as CSV: %v", l.t.key(), err)
	}
	sum := sha256.Sum256(body.Bytes())
	r.All = l.s.server.Scratch + "rejects-" + hex.EncodeToString(sum[:]) + ".csv"
	if err := l.s.server.Put(ctx, r.All, body.Bytes()); err != nil {
		return nil, notCommitted(err, "write the refused rows of "+l.t.key()+" to "+r.All)
	}
	return r, nil
}

// withRejects adds to the error of a failed COPY which rows were refused and
// why. They outlive the rollback.
func (s *session) withRejects(ctx context.Context, b Batch, err error) error {
	f, ok := err.(*resources.Fault)
	if ok && misfitting.MatchString(f.Msg) {
		return misfitted(f)
	}
	if !ok || !strings.Contains(f.Msg, "stl_load_errors") && !strings.Contains(f.Msg, "sys_load_error_detail") {
		return err
	}
	rows, asked := s.rejects(ctx)
	if asked != nil || len(rows) == 0 {
		return err
	}
	what, _, _ := strings.Cut(f.Msg, ":")
	rejected := tooMany(what, rows, b.MaxErrors)
	rejected.Err = f.Err
	return rejected
}

// misfitting is what COPY says of a Parquet column that is not the table's.
// (Seen in public reports; AWS documents no text:
// https://docs.aws.amazon.com/redshift/latest/dg/c-spectrum-troubleshooting.html#spectrum-troubleshooting-incompatible-data-format)
var misfitting = regexp.MustCompile(`(?is)File '([^']+?)\s*'? +has an incompatible Parquet schema for column '([^']+)'\.\s*Column type: (.+?), Parquet schema:\s*([^|)]+)`)

// misfitted says it plainly: the column, the table's type, the file's.
func misfitted(f *resources.Fault) error {
	m := misfitting.FindStringSubmatch(f.Msg)
	what, _, _ := strings.Cut(f.Msg, ":")
	column := m[2][strings.LastIndex(m[2], ".")+1:]
	return &resources.Fault{Class: resources.Permanent, Code: CodeRejected, Err: f.Err,
		Msg:  fmt.Sprintf("%s rolled back: column %s of %s is %s in the file and %s in the table", what, column, m[1], strings.TrimSpace(m[4]), m[3]),
		Hint: "write the file with the table's type, or change the column in a migration; nothing of this batch was loaded"}
}

// tooMany is the fault of a COPY that refused more rows than it may.
func tooMany(what string, rows []Reject, most int) *resources.Fault {
	f := &resources.Fault{Class: resources.Permanent, Code: CodeRejected, Msg: what + " rolled back, rows were refused:",
		Hint: "correct the objects named above, or the table's columns; nothing of this batch was loaded"}
	for i, r := range rows {
		if i == maxRejects {
			f.Msg += "\n  and more"
			break
		}
		f.Msg += "\n  " + r.String()
	}
	if most > 0 {
		f.Hint += fmt.Sprintf("; max_errors allows %d", most)
	}
	return f
}

// rejects are the refused rows of this session's last COPY that had any.
func (s *session) rejects(ctx context.Context) ([]Reject, error) {
	rows, err := s.ask(ctx, "own process id", "SELECT pg_backend_pid()")
	if err != nil {
		return nil, err
	}
	pid, err := number("own process id", rows)
	if err != nil {
		return nil, err
	}
	last, err := s.ask(ctx, "find the refused rows", fmt.Sprintf("SELECT COALESCE(MAX(query), -1) FROM stl_load_errors WHERE session = %d", pid))
	if err != nil {
		return nil, err
	}
	query, err := number("find the refused rows", last)
	if err != nil {
		return nil, err
	}
	rows, err = s.ask(ctx, "read the refused rows", loadErrors+fmt.Sprintf("session = %d AND query = %d ORDER BY filename, line_number LIMIT %d", pid, query, maxRejects+1))
	if err != nil {
		return nil, err
	}
	return parseRejects(rows)
}

// cut is the beginning of a long text.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
