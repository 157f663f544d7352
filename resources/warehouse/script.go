package warehouse

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lamplighter/resources"
)

// MigrationRun is the Run of a migration's receipt: it runs once for ever.
const MigrationRun = "migration"

// Script implements Session: one transaction that locks the receipts, and, if
// this one is not there, runs the statements and writes it.
func (s *session) Script(ctx context.Context, script Script) (Ran, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := script.Receipt
	what := "script " + r.Step
	if r.Step == "" || r.Run == "" || len(r.SHA256) != 64 {
		return Ran{}, resources.Faultf(resources.Permanent, "%s: its receipt %+v is not complete", what, r)
	}
	if err := storable(what, r.Run, r.Step, r.SHA256); err != nil {
		return Ran{}, err
	}
	if err := checkScript(what, script.Statements); err != nil {
		return Ran{}, err
	}
	if err := s.limit(ctx, script.Timeout); err != nil {
		return Ran{}, err
	}
	if err := s.ensure(ctx, receiptsTable, receiptColumns); err != nil {
		return Ran{}, err
	}
	if setsAnything(script.Statements) {
		defer func() { s.unset = true }()
	}
	var ran Ran
	err := s.transaction(ctx, script.Timeout, []string{ours(receiptsTable)}, func() (err error) {
		if ran, err = s.ranBefore(ctx, r); err != nil || ran.Already {
			return err
		}
		for i, statement := range script.Statements {
			n, err := s.do(ctx, fmt.Sprintf("%s, statement %d of %d (%s)", what, i+1, len(script.Statements), head(statement)), statement)
			if err != nil {
				return err
			}
			ran.Rows += n
		}
		return s.sign(ctx, r, ran.Rows)
	})
	if err != nil {
		return Ran{}, err
	}
	return ran, nil
}

// setsAnything says that a script may leave the session with other settings.
func setsAnything(statements []string) bool {
	for _, statement := range statements {
		ws, _ := words(statement)
		if len(ws) > 0 && (ws[0] == "SET" || ws[0] == "RESET" || ws[0] == "USE") {
			return true
		}
	}
	return false
}

// ranBefore looks for a receipt. A migration whose content changed since it
// ran is refused: it would leave old and new warehouses different.
func (s *session) ranBefore(ctx context.Context, r Receipt) (Ran, error) {
	lit := s.dialect.literal
	rows, err := s.ask(ctx, "read the receipts", fmt.Sprintf("SELECT sha256, affected FROM %s WHERE run = %s AND attempt = %d AND step = %s",
		ours(receiptsTable), lit(r.Run), r.Attempt, lit(r.Step)))
	if err != nil {
		return Ran{}, err
	}
	for _, row := range rows {
		if row[0] == r.SHA256 {
			n, err := number("read the receipts", [][]string{row[1:]})
			return Ran{Rows: n, Already: true}, err
		}
	}
	if len(rows) > 0 && r.Run == MigrationRun {
		return Ran{}, &resources.Fault{Class: resources.Permanent, Code: CodeReceipt,
			Msg:  fmt.Sprintf("migration %s ran in this warehouse with other content (sha256 %.12s…, now %.12s…)", r.Step, rows[0][0], r.SHA256),
			Hint: "put it back as it was, and write the change as a new migration with the next number"}
	}
	return Ran{}, nil
}

// sign writes a receipt.
func (s *session) sign(ctx context.Context, r Receipt, affected int64) error {
	lit := s.dialect.literal
	_, err := s.do(ctx, "write the receipt of "+r.Step, fmt.Sprintf(
		`INSERT INTO %s ("run", "attempt", "step", "sha256", "affected", "ran_at") VALUES (%s, %d, %s, %s, %d, GETDATE())`,
		ours(receiptsTable), lit(r.Run), r.Attempt, lit(r.Step), lit(r.SHA256), affected))
	return err
}

// receipts reads all receipts, in the order in which they ran.
func (s *session) receipts(ctx context.Context) ([]Receipt, error) {
	rows, err := s.ask(ctx, "read the receipts", "SELECT run, attempt, step, sha256 FROM "+ours(receiptsTable)+" ORDER BY ran_at, run, attempt, step")
	if err != nil {
		return nil, err
	}
	list := make([]Receipt, len(rows))
	for i, r := range rows {
		attempt, err := strconv.Atoi(r[1])
		if err != nil {
			return nil, resources.Faultf(resources.Permanent, "read the receipts: attempt %q is no number", r[1])
		}
		list[i] = Receipt{Run: r[0], Attempt: attempt, Step: r[2], SHA256: r[3]}
	}
	return list, nil
}

// checkScript refuses, before anything runs, each statement that would end the
// transaction its receipt is written in.
func checkScript(what string, statements []string) error {
	for i, statement := range statements {
		if _, err := one(what, statement); err != nil {
			return err
		}
		ws, err := words(statement)
		if err != nil {
			return err
		}
		for _, rule := range implicit {
			if rule.matches(ws) {
				return &resources.Fault{Class: resources.Permanent, Code: CodeImplicit,
					Msg:  fmt.Sprintf("%s, statement %d of %d (%s): %s", what, i+1, len(statements), head(statement), rule.why),
					Hint: rule.mend}
			}
		}
	}
	return nil
}

// implicitRule names statements by their leading words, or by words anywhere.
type implicitRule struct {
	starts, holds []string
	why, mend     string
}

const (
	endsIt  = "it ends the transaction that makes the script run exactly once"
	commits = "it commits by itself, and so would commit half a script"
	refused = "Redshift does not run it inside a transaction"
	bySelf  = "run it by hand, once, with `lamplighter psql`"
)

// implicit are the statements that commit, or that Redshift refuses in a
// transaction (RSD c_serial_isolation, r_VACUUM_command, r_ALTER_TABLE_APPEND,
// r_CREATE_EXTERNAL_TABLE, r_CREATE_DATABASE).
var implicit = []implicitRule{
	{starts: []string{"TRUNCATE"}, why: commits, mend: "write DELETE FROM the table instead"},
	{starts: []string{"VACUUM"}, why: refused, mend: "leave it out: deleted rows cost little, and a deep copy (CREATE TABLE … AS, DROP, RENAME) sorts and packs inside a transaction"},
	{starts: []string{"ALTER", "TABLE"}, holds: []string{"APPEND", "FROM"}, why: commits, mend: "write INSERT INTO … SELECT, then DELETE FROM the source"},
	{starts: []string{"BEGIN"}, why: endsIt, mend: "leave it out: a script is one transaction already"},
	{starts: []string{"START"}, why: endsIt, mend: "leave it out: a script is one transaction already"},
	{starts: []string{"COMMIT"}, why: endsIt, mend: "leave it out: a script is one transaction already"},
	{starts: []string{"END"}, why: endsIt, mend: "leave it out: a script is one transaction already"},
	{starts: []string{"ROLLBACK"}, why: endsIt, mend: "leave it out: a script that fails rolls back by itself"},
	{starts: []string{"ABORT"}, why: endsIt, mend: "leave it out: a script that fails rolls back by itself"},
	{starts: []string{"CREATE", "DATABASE"}, why: refused, mend: bySelf},
	{starts: []string{"DROP", "DATABASE"}, why: refused, mend: bySelf},
	{starts: []string{"ALTER", "DATABASE"}, why: refused, mend: bySelf},
	{starts: []string{"CREATE", "EXTERNAL", "TABLE"}, why: refused, mend: bySelf},
	{starts: []string{"DROP"}, holds: []string{"EXTERNAL", "DATABASE"}, why: refused, mend: bySelf},
	{starts: []string{"CREATE", "EXTERNAL", "SCHEMA"}, holds: []string{"EXTERNAL", "DATABASE"}, why: refused, mend: bySelf},
	{starts: []string{"CREATE", "LIBRARY"}, why: refused, mend: bySelf},
	{starts: []string{"CREATE", "OR", "REPLACE", "LIBRARY"}, why: refused, mend: bySelf},
}

// matches compares a statement's words: the first ones, and a pair that stands
// together after them.
func (r implicitRule) matches(ws []string) bool {
	if len(ws) < len(r.starts) || !slices.Equal(ws[:len(r.starts)], r.starts) {
		return false
	}
	if len(r.holds) == 0 {
		return true
	}
	rest := ws[len(r.starts):]
	for i := range rest {
		if i+1 < len(rest) && rest[i] == r.holds[0] && rest[i+1] == r.holds[1] {
			return true
		}
	}
	return false
}

// head is a statement's beginning, for messages.
func head(statement string) string {
	h := []rune(strings.Join(strings.Fields(statement), " "))
	if len(h) > 60 {
		return string(h[:60]) + "…"
	}
	return string(h)
}
