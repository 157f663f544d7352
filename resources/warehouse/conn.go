package warehouse

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"lamplighter/resources"
)

// session is a Session over one connection. Everything goes through the simple
// protocol, as literal text in and text out: what Redshift and pgx both do
// without conditions. One call runs at a time; others wait.
type session struct {
	server  *Server
	conn    *pgconn.PgConn
	cluster string

	mu      sync.Mutex
	dialect dialect
	timeout time.Duration   // statement_timeout as last set
	unset   bool            // a script may have changed settings
	made    map[string]bool // tables of ours that are known to exist
}

// Close implements Session.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// What a polite end could not say, the closed socket says: nothing that was
	// not committed stays.
	_ = s.conn.Close(ctx)
	return nil
}

// greet sets what every session needs.
func (s *session) greet(ctx context.Context) error {
	rows, err := s.ask(ctx, "ask how strings are read", probe)
	if err != nil {
		return err
	}
	if len(rows) != 1 || rows[0][0] != "1" && rows[0][0] != "2" {
		return resources.Faultf(resources.Permanent, "ask how strings are read: want 1 or 2, got %v", rows)
	}
	s.dialect.backslash = rows[0][0] == "1"
	s.made = map[string]bool{}
	return s.settings(ctx)
}

// settings sets the session's own. The search path is public alone: by default
// it begins with the user's own schema, and the admin user is called as ours.
func (s *session) settings(ctx context.Context) error {
	for _, set := range []string{
		"SET application_name TO " + s.dialect.literal(s.server.Application),
		"SET search_path TO public",
		"SET statement_timeout TO 0",
	} {
		if _, err := s.ask(ctx, "prepare the session", set); err != nil {
			return err
		}
	}
	s.timeout, s.unset = 0, false
	return nil
}

// limit sets statement_timeout for what follows; 0 is none.
func (s *session) limit(ctx context.Context, d time.Duration) error {
	if s.unset {
		if err := s.settings(ctx); err != nil {
			return err
		}
	}
	if d == s.timeout {
		return nil
	}
	ms := d.Milliseconds()
	if d > 0 && ms == 0 {
		ms = 1
	}
	if _, err := s.ask(ctx, "set the time limit", "SET statement_timeout TO "+strconv.FormatInt(ms, 10)); err != nil {
		return err
	}
	s.timeout = d
	return nil
}

// ask runs one statement whose repetition does no harm or that stands before
// its COMMIT, and returns its rows; NULL is "".
func (s *session) ask(ctx context.Context, what, sql string) ([][]string, error) {
	rows, _, err := s.send(ctx, what, sql, beforeCommit)
	return rows, err
}

// do is ask for a statement that gives no rows: it returns how many it wrote.
func (s *session) do(ctx context.Context, what, sql string) (int64, error) {
	_, tag, err := s.send(ctx, what, sql, beforeCommit)
	if tag.Select() {
		return 0, err
	}
	return tag.RowsAffected(), err
}

// send runs exactly one statement.
func (s *session) send(ctx context.Context, what, sql string, at stage) ([][]string, pgconn.CommandTag, error) {
	if s.conn.IsClosed() {
		return nil, pgconn.CommandTag{}, s.broken(what)
	}
	results, err := s.conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, pgconn.CommandTag{}, judge(err, what, at)
	}
	if len(results) != 1 {
		return nil, pgconn.CommandTag{}, resources.Faultf(resources.Unknown, "%s: one statement gave %d answers", what, len(results))
	}
	rows := make([][]string, len(results[0].Rows))
	for i, r := range results[0].Rows {
		rows[i] = make([]string, len(r))
		for j, v := range r {
			rows[i][j] = string(v)
		}
	}
	return rows, results[0].CommandTag, nil
}

func (s *session) broken(what string) error {
	f := resources.Faultf(resources.Retry, "%s: the connection to cluster %s is closed", what, s.cluster)
	f.Hint = "open a new session"
	return f
}

// transaction runs body between BEGIN and COMMIT. locks are taken by the first
// statement: under snapshot isolation whatever reads first sees the past, and
// the lock would come too late (aws-rules 5). An error of body rolls back and
// is returned; without an answer to COMMIT the class is Unknown.
func (s *session) transaction(ctx context.Context, limit time.Duration, locks []string, body func() error) error {
	if err := s.limit(ctx, limit); err != nil {
		return err
	}
	if _, err := s.do(ctx, "begin", "BEGIN"); err != nil {
		return err
	}
	err := s.lock(ctx, locks)
	if err == nil {
		err = body()
	}
	if err != nil {
		s.rollback(ctx)
		return err
	}
	if s.conn.IsClosed() {
		return s.broken("commit")
	}
	_, tag, err := s.send(ctx, "commit", "COMMIT", atCommit)
	if err != nil {
		s.rollback(ctx)
		return err
	}
	if tag.String() == "ROLLBACK" {
		return resources.Faultf(resources.Retry, "commit: the server rolled back")
	}
	return nil
}

func (s *session) lock(ctx context.Context, tables []string) error {
	if len(tables) == 0 {
		return nil
	}
	list := strings.Join(tables, ", ")
	_, err := s.do(ctx, "lock "+list, "LOCK TABLE "+list)
	return err
}

// rollback leaves no transaction open: if it cannot say so, it closes the
// connection, which says the same.
func (s *session) rollback(ctx context.Context) {
	if s.conn.IsClosed() || s.conn.TxStatus() == 'I' {
		return
	}
	if _, err := s.do(ctx, "roll back", "ROLLBACK"); err != nil {
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.conn.Close(closing)
	}
}
