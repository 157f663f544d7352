package warehouse

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// session is one client's connection to the database.
//
// DuckDB's transactions are optimistic: conflicts fail at once. Redshift's
// writers queue for locks on tables. So DuckDB's BEGIN waits for the first
// statement that needs it, and if that writes, its locks are taken before.
type session struct {
	cluster *cluster
	conn    *duckdb.Conn
	client  pgwire.Client
	pid     int
	user    string
	started time.Time
	kill    func()
	cancel  func()
	env     rsql.Env
	set     settings

	explicit bool // between BEGIN and COMMIT
	implicit bool // until Sync
	failed   bool // explicit, and an error happened
	open     bool // DuckDB has a transaction
	xid      int64

	snapshot int64    // when DuckDB's transaction began, in locks' count
	changed  []string // tables whose rows it changes
}

func newSession(c *cluster, conn *duckdb.Conn, s pgwire.Startup, user string, client pgwire.Client) *session {
	return &session{
		cluster: c, conn: conn, client: client, pid: s.PID, user: user, started: time.Now().UTC(), kill: s.Kill, cancel: s.Cancel,
		env: rsql.Env{User: user, Database: c.meta.Database, PID: s.PID, LastCopy: -1, LastUnload: -1, LastQuery: -1},
		set: startSettings(s.Params),
	}
}

// Status implements pgwire.Session.
func (s *session) Status() byte {
	switch {
	case s.failed:
		return 'E'
	case s.explicit:
		return 'T'
	}
	return 'I'
}

// Implicit implements pgwire.Session.
func (s *session) Implicit() {
	if !s.explicit {
		s.implicit = true
	}
}

// Sync implements pgwire.Session.
func (s *session) Sync(_ context.Context, failed bool) error {
	implicit := s.implicit
	s.implicit = false
	switch {
	case failed:
		s.rollback()
		s.failed = s.explicit
	case implicit && !s.explicit:
		return s.commit()
	}
	return nil
}

// Close implements pgwire.Session.
func (s *session) Close() {
	s.rollback()
	s.cluster.forget(s.pid)
	if err := s.conn.Close(); err != nil {
		s.cluster.plane.log.Warn("closing a session", "cluster", s.cluster.id, "error", err)
	}
}

// enter makes sure that DuckDB has a transaction, and the session the locks of
// the tables that are to be written.
func (s *session) enter(ctx context.Context, written ...rsql.Name) error {
	return s.enterAs(ctx, false, written)
}

// enterAs is enter; changes says that rows that are there will be changed. Then
// they must not have been since this transaction's snapshot: DuckDB notices
// some such conflicts only, and another's DELETE not.
func (s *session) enterAs(ctx context.Context, changes bool, written []rsql.Name) error {
	for _, n := range written {
		key, needed, err := s.lockKey(ctx, n)
		if err != nil {
			return err
		}
		if !needed {
			continue
		}
		if err := s.cluster.locks.take(ctx, s, key); err != nil {
			return err
		}
		if !changes {
			continue
		}
		if s.open && s.cluster.locks.changedSince(key, s.snapshot) {
			return &pgwire.Error{Code: "40001", Msg: "1023", Detail: "Serializable isolation violation on table " + key + ": another transaction changed its rows"}
		}
		s.changed = append(s.changed, key)
	}
	if s.open {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.snapshot = s.cluster.locks.now()
	// No cancel request may tear it: whether there is a transaction must be known.
	if _, err := s.conn.ExecContext(context.WithoutCancel(ctx), "BEGIN TRANSACTION", nil); err != nil {
		return err
	}
	s.open = true
	return nil
}

// leave commits a statement that is a transaction of its own.
func (s *session) leave() error {
	if s.explicit || s.implicit {
		return nil
	}
	return s.commit()
}

func (s *session) commit() error {
	defer s.cluster.locks.release(s)
	if !s.open {
		return nil
	}
	s.open = false
	s.cluster.commits.RLock()
	defer s.cluster.commits.RUnlock()
	// No cancel request may tear a commit: its answer must be true.
	if _, err := s.conn.ExecContext(context.Background(), "COMMIT", nil); err != nil {
		_, _ = s.conn.ExecContext(context.Background(), "ROLLBACK", nil)
		s.changed = nil
		return sqlError(err)
	}
	s.cluster.locks.change(s.changed)
	s.changed = nil
	return nil
}

func (s *session) rollback() {
	defer s.cluster.locks.release(s)
	s.changed = nil
	if !s.open {
		return
	}
	s.open = false
	if _, err := s.conn.ExecContext(context.Background(), "ROLLBACK", nil); err != nil {
		s.cluster.plane.log.Warn("rollback", "cluster", s.cluster.id, "error", err)
	}
}

// begin, end: the client's own transaction.
func (s *session) begin() {
	if s.explicit {
		s.client.Notice("WARNING", "25001", "there is already a transaction in progress")
	}
	s.explicit, s.implicit = true, false
}

// end answers COMMIT and ROLLBACK with the tag of what was done: a COMMIT of a
// failed transaction is a ROLLBACK, and drivers look at it.
func (s *session) end(commit bool) (tag string, err error) {
	if !s.explicit {
		s.client.Notice("WARNING", "25P01", "there is no transaction in progress")
	}
	failed := s.failed
	s.explicit, s.implicit, s.failed = false, false, false
	if !commit || failed {
		s.rollback()
		return "ROLLBACK", nil
	}
	return "COMMIT", s.commit()
}

// exec runs one statement in the session's transaction.
func (s *session) exec(ctx context.Context, q string) (int64, error) {
	res, err := s.conn.ExecContext(ctx, q, nil)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// limit bounds a statement by statement_timeout.
func (s *session) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.set.timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, s.set.timeout, errTimeout)
}

var errTimeout = &pgwire.Error{Code: "57014", Msg: "Query cancelled on user's request", Detail: "canceling statement due to statement timeout"}

// fault turns an error of a statement into what the client sees.
func (s *session) fault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		var cause *pgwire.Error
		if errors.As(context.Cause(ctx), &cause) {
			return cause
		}
	}
	e := sqlError(err)
	if e.Code == codeFatal {
		s.cluster.plane.broken(s.cluster)
	}
	return e
}

// settings are what SET changes.
type settings struct {
	timeout time.Duration
	values  map[string]string
}

// defaults of the parameters that Redshift knows and that mean something to
// clients. Others may be set and shown too; they change nothing.
var defaults = map[string]string{
	"statement_timeout": "0", "search_path": "$user, public", "query_group": "unset", "application_name": "",
	"client_encoding": "UNICODE", "datestyle": "ISO, MDY", "timezone": "UTC", "extra_float_digits": "0",
	"server_version": "8.0.2", "standard_conforming_strings": "on", "integer_datetimes": "on",
	"enable_result_cache_for_session": "on", "enable_case_sensitive_identifier": "off", "describe_field_name_in_uppercase": "off",
	"wlm_query_slot_count": "1", "analyze_threshold_percent": "10", "transaction_isolation": "snapshot", "server_encoding": "UNICODE",
}

func startSettings(params map[string]string) settings {
	set := settings{values: map[string]string{}}
	for k, v := range params {
		if k = strings.ToLower(k); k == "client_encoding" || k == "application_name" || k == "query_group" {
			set.values[k] = v
		}
	}
	return set
}

// refusedSettings would change what queries mean, and do not here.
var refusedSettings = map[string]string{
	"enable_case_sensitive_identifier": "off", "describe_field_name_in_uppercase": "off", "timezone": "utc",
	"default_transaction_read_only": "off",
}

func (s *session) setting(ctx context.Context, st *rsql.Statement) error {
	name, value := st.Name, st.Value
	if st.Default {
		value = defaults[name]
	}
	switch name {
	case "statement_timeout":
		ms, err := strconv.ParseInt(strings.TrimSuffix(value, "ms"), 10, 64)
		if err != nil || ms < 0 {
			return pgwire.Errorf("22023", "invalid value for parameter \"statement_timeout\": %q: want milliseconds", value)
		}
		s.set.timeout = time.Duration(ms) * time.Millisecond
		value = strconv.FormatInt(ms, 10)
	case "search_path":
		if err := s.searchPath(ctx, value); err != nil {
			return err
		}
	case "client_encoding":
		if v := strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(value)); v != "UTF8" && v != "UNICODE" {
			return pgwire.Errorf("22023", "client_encoding %q is not supported: want UTF8", value)
		}
	default:
		if only, ok := refusedSettings[name]; ok && !strings.EqualFold(value, only) {
			return pgwire.Errorf("0A000", "SET %s TO %s is not supported by the embedded warehouse", name, value)
		}
	}
	s.set.values[name] = value
	if name == "application_name" || name == "client_encoding" {
		s.client.Report(name, value)
	}
	return nil
}

// searchPath sets the schemas that exist; others are skipped, as in Redshift.
func (s *session) searchPath(ctx context.Context, value string) error {
	var path []string
	for _, name := range strings.Split(value, ",") {
		name = strings.ToLower(strings.Trim(strings.TrimSpace(name), `"'`))
		rows, err := s.query(ctx, "SELECT 1 FROM duckdb_schemas() WHERE database_name = current_database() AND schema_name = "+quote(name))
		if err != nil {
			return s.fault(ctx, err)
		}
		if len(rows) > 0 && name != "main" {
			path = append(path, rsql.Ident(name))
		}
	}
	path = append(path, "main")
	_, err := s.exec(ctx, "SET search_path="+quote(strings.Join(path, ",")))
	return s.fault(ctx, err)
}

// query runs a small query of our own and returns all its rows.
func (s *session) query(ctx context.Context, q string) ([][]driver.Value, error) {
	return query(ctx, s.conn, q)
}

func query(ctx context.Context, conn *duckdb.Conn, q string) ([][]driver.Value, error) {
	rows, err := conn.QueryContext(ctx, q, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out [][]driver.Value
	for {
		row := make([]driver.Value, len(rows.Columns()))
		if err := rows.Next(row); err != nil {
			if errors.Is(err, io.EOF) {
				return out, nil
			}
			return nil, err
		}
		out = append(out, row)
	}
}

// show answers SHOW.
func (s *session) show(name string) (string, error) {
	if v, ok := s.set.values[name]; ok {
		return v, nil
	}
	if v, ok := defaults[name]; ok {
		return v, nil
	}
	return "", pgwire.Errorf("42704", "unrecognized configuration parameter %q", name)
}
