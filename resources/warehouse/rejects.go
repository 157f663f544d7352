package warehouse

import (
	"context"
	"fmt"
	"strings"

	"lamplighter/resources"
)

// maxRejects is how many refused rows an error shows.
const maxRejects = 5

// withRejects adds to the error of a failed COPY which rows were refused and
// why. They outlive the rollback.
func (s *session) withRejects(ctx context.Context, err error) error {
	f, ok := err.(*resources.Fault)
	if !ok || !strings.Contains(f.Msg, "stl_load_errors") && !strings.Contains(f.Msg, "sys_load_error_detail") {
		return err
	}
	rows, asked := s.rejects(ctx)
	if asked != nil || len(rows) == 0 {
		return err
	}
	what, _, _ := strings.Cut(f.Msg, ":")
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = reject(r)
	}
	rejected := *f
	rejected.Code = CodeRejected
	rejected.Msg = what + " rolled back, rows were refused:\n  " + strings.Join(lines, "\n  ")
	rejected.Hint = "correct the objects named above, or the table's columns; nothing of this batch was loaded"
	return &rejected
}

// rejects are the refused rows of this session's last COPY that had any.
func (s *session) rejects(ctx context.Context) ([][]string, error) {
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
	return s.ask(ctx, "read the refused rows", fmt.Sprintf("SELECT TRIM(filename), line_number, TRIM(colname), TRIM(raw_field_value), TRIM(err_reason) "+
		"FROM stl_load_errors WHERE session = %d AND query = %d ORDER BY filename, line_number LIMIT %d", pid, query, maxRejects))
}

// reject is one refused row, as people read it.
func reject(r []string) string {
	value := r[3]
	if cut := []rune(value); len(cut) > 80 {
		value = string(cut[:80]) + "…"
	}
	return fmt.Sprintf("%s line %s column %s value %q: %s", r[0], strings.TrimSpace(r[1]), r[2], value, brief(r[4]))
}
