package warehouse

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// prepared is a statement that was read, rewritten and, where DuckDB runs it,
// prepared there.
type prepared struct {
	s        *session
	tokens   []rsql.Token
	text     string // as system tables show it
	st       *rsql.Statement
	stmt     *duckdb.Stmt // nil when it is made anew for each run
	params   []uint32
	inferred []uint32 // what DuckDB says of each parameter
	columns  []pgwire.Column
	rows     *duckRows // of the last run
}

// Prepare implements pgwire.Session. Statements are refused in a failed
// transaction, but for its end.
func (s *session) Prepare(ctx context.Context, source rsql.Source, given []uint32) (pgwire.Prepared, error) {
	tokens := source.Tokens
	st, err := rsql.Rewrite(tokens, &s.env)
	if err != nil {
		return nil, err
	}
	if s.failed && st.Verb != rsql.Commit && st.Verb != rsql.Rollback {
		return nil, pgwire.Errorf("25P02", "current transaction is aborted, commands ignored until end of transaction block")
	}
	ctx, cancel := s.limit(ctx)
	defer cancel()
	if st, err = s.typed(ctx, tokens, st); err != nil {
		return nil, s.fault(ctx, err)
	}
	p := &prepared{s: s, tokens: tokens, text: source.Logged(), st: st, params: make([]uint32, rsql.Params(tokens))}
	copy(p.params, given)
	p.inferred = make([]uint32, len(p.params))
	switch st.Verb {
	case rsql.Show:
		p.columns = []pgwire.Column{{Name: st.Name, OID: pgwire.OIDVarchar, Mod: -1}}
	case rsql.Explain:
		p.columns = []pgwire.Column{{Name: "QUERY PLAN", OID: pgwire.OIDVarchar, Mod: -1}}
	case rsql.Read, rsql.Write:
		if len(st.Before) == 0 {
			err = p.prepare(ctx)
		}
	}
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	return p, nil
}

// rewrite makes DuckDB's SQL of a statement.
func (s *session) rewrite(ctx context.Context, tokens []rsql.Token) (*rsql.Statement, error) {
	st, err := rsql.Rewrite(tokens, &s.env)
	if err != nil {
		return nil, err
	}
	return s.typed(ctx, tokens, st)
}

// prepare asks DuckDB about parameters and columns.
func (p *prepared) prepare(ctx context.Context) error {
	stmt, err := p.s.stmt(ctx, p.st.SQL)
	if err != nil {
		return err
	}
	for i := 0; i < min(stmt.NumInput(), len(p.params)); i++ {
		t, err := stmt.ParamType(i + 1)
		if err == nil && t != duckdb.TYPE_INVALID && t != duckdb.TYPE_ANY && t != duckdb.TYPE_SQLNULL {
			p.inferred[i] = oids[t]
			if p.inferred[i] == 0 {
				p.inferred[i] = pgwire.OIDVarchar
			}
		}
		if p.params[i] == 0 {
			p.params[i] = p.inferred[i]
		}
	}
	if p.st.Verb == rsql.Read {
		if err := p.describe(ctx, stmt); err != nil {
			return errors.Join(err, stmt.Close())
		}
	}
	if len(p.params) > 0 || p.st.Session {
		return stmt.Close()
	}
	p.stmt = stmt
	return nil
}

// describe finds the columns; where a parameter's type decides them, as if it
// were NULL.
func (p *prepared) describe(ctx context.Context, stmt *duckdb.Stmt) (err error) {
	if len(p.params) == 0 || !ambiguous(stmt) {
		p.columns, err = columnsOf(stmt)
		return err
	}
	for _, null := range []string{"NULL", "CAST(NULL AS VARCHAR)"} {
		if err = p.probe(ctx, null); err == nil {
			break
		}
	}
	return err
}

func (p *prepared) probe(ctx context.Context, null string) error {
	nulls := make([]string, len(p.params))
	for i := range nulls {
		nulls[i] = null
	}
	tokens, err := rsql.Bind(p.tokens, nulls)
	if err != nil {
		return err
	}
	st, err := p.s.rewrite(ctx, tokens)
	if err != nil {
		return err
	}
	probe, err := p.s.stmt(ctx, st.SQL)
	if err != nil {
		return err
	}
	p.columns, err = columnsOf(probe)
	return errors.Join(err, probe.Close())
}

func (s *session) stmt(ctx context.Context, q string) (*duckdb.Stmt, error) {
	st, err := s.conn.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	return st.(*duckdb.Stmt), nil
}

// Params implements pgwire.Prepared.
func (p *prepared) Params() []uint32 { return p.params }

// Columns implements pgwire.Prepared.
func (p *prepared) Columns() []pgwire.Column { return p.columns }

// Close implements pgwire.Prepared.
func (p *prepared) Close() {
	if p.rows != nil {
		_ = p.rows.Close()
		p.rows = nil
	}
	if p.stmt != nil {
		_ = p.stmt.Close()
		p.stmt = nil
	}
}

// Run implements pgwire.Prepared.
func (p *prepared) Run(ctx context.Context, args []pgwire.Arg) (*pgwire.Result, error) {
	if p.rows != nil {
		_ = p.rows.Close()
	}
	s := p.s
	ctx, cancel := s.limit(ctx)
	defer cancel()
	if s.failed && p.st.Verb != rsql.Commit && p.st.Verb != rsql.Rollback {
		return nil, pgwire.Errorf("25P02", "current transaction is aborted, commands ignored until end of transaction block")
	}
	ctx, unguard, err := s.cluster.guardDisk(ctx, p.st)
	if err != nil {
		return nil, err
	}
	defer unguard()
	s.env.Query = s.cluster.queries.Add(1)
	entry := s.logged(p)
	res, err := p.run(ctx, args)
	if err != nil {
		err = s.fault(ctx, err)
		s.cluster.statements.end(entry, err)
		return nil, err
	}
	s.env.LastQuery = s.env.Query
	if res.Rows == nil {
		s.cluster.statements.end(entry, nil)
	} else {
		res.Rows = &loggedRows{Rows: res.Rows, log: &s.cluster.statements, entry: entry}
	}
	return res, nil
}

func (p *prepared) run(ctx context.Context, args []pgwire.Arg) (*pgwire.Result, error) {
	s, st, err := p.s, p.st, error(nil)
	tokens := p.tokens
	if len(args) > 0 || st.Session {
		if tokens, st, err = p.bind(ctx, args); err != nil {
			return nil, err
		}
	}
	switch st.Verb {
	case rsql.Read:
		return p.read(ctx, st)
	case rsql.Write, rsql.Truncate:
		return p.write(ctx, st)
	case rsql.CreateLike, rsql.AddColumn:
		return s.define(ctx, st)
	case rsql.Copy, rsql.Unload:
		return s.transfer(ctx, st.Verb, tokens)
	case rsql.Explain:
		return s.explain(ctx, st)
	}
	return s.control(ctx, st)
}

// bind puts the values into the text.
func (p *prepared) bind(ctx context.Context, args []pgwire.Arg) ([]rsql.Token, *rsql.Statement, error) {
	values := make([]string, len(args))
	for i, a := range args {
		var err error
		if values[i], err = literal(a, p.inferred[i]); err != nil {
			return nil, nil, err
		}
	}
	tokens, err := rsql.Bind(p.tokens, values)
	if err != nil {
		return nil, nil, err
	}
	st, err := p.s.rewrite(ctx, tokens)
	return tokens, st, err
}

func (p *prepared) read(ctx context.Context, st *rsql.Statement) (*pgwire.Result, error) {
	s := p.s
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	stmt, own := p.stmt, false
	if stmt == nil || st != p.st {
		var err error
		if stmt, err = s.stmt(ctx, st.SQL); err != nil {
			return nil, s.undo(err)
		}
		own = true
	}
	closeStmt := func() {
		if own {
			_ = stmt.Close()
		}
	}
	cols, err := columnsOf(stmt)
	if err != nil {
		closeStmt()
		return nil, s.undo(err)
	}
	rows, err := stmt.QueryContext(ctx, nil)
	if err != nil {
		closeStmt()
		return nil, s.undo(err)
	}
	if len(rows.Columns()) != len(cols) { // the table is another one by now
		err := errors.Join(pgwire.Errorf("0A000", "cached plan must not change result type"), rows.Close())
		closeStmt()
		return nil, s.undo(err)
	}
	p.rows = &duckRows{rows: rows, row: make([]driver.Value, len(cols)), done: closeStmt}
	if err := s.leave(); err != nil {
		return nil, err
	}
	return &pgwire.Result{Columns: cols, Rows: p.rows, Tag: "SELECT"}, nil
}

// undo ends a transaction of one statement that failed; a longer one is ended
// by Sync.
func (s *session) undo(err error) error {
	if !s.explicit && !s.implicit {
		s.rollback()
	}
	return err
}

func (p *prepared) write(ctx context.Context, st *rsql.Statement) (*pgwire.Result, error) {
	s := p.s
	if err := s.enterAs(ctx, changesRows(st), st.Targets); err != nil {
		return nil, s.undo(err)
	}
	n, err := s.runWrite(ctx, p, st)
	if verb, _, _ := strings.Cut(st.Tag, " "); err == nil && (verb == "INSERT" || verb == "UPDATE" || verb == "MERGE") {
		for _, name := range st.Targets {
			err = errors.Join(err, s.unpad(ctx, name))
		}
	}
	if err != nil {
		return nil, s.undo(err)
	}
	if st.Verb == rsql.Truncate { // commits, as in Redshift
		s.explicit = false
		err = s.commit()
	} else {
		err = s.leave()
	}
	if err != nil {
		return nil, err
	}
	tag := st.Tag
	switch verb, _, _ := strings.Cut(tag, " "); verb {
	case "INSERT", "UPDATE", "DELETE", "MERGE":
		tag = fmt.Sprintf("%s %d", tag, n)
	}
	return &pgwire.Result{Tag: tag}, nil
}

// changesRows says that a statement changes rows that are there.
func changesRows(st *rsql.Statement) bool {
	verb, _, _ := strings.Cut(st.Tag, " ")
	return verb == "UPDATE" || verb == "DELETE" || verb == "MERGE" || verb == "TRUNCATE"
}

func (s *session) runWrite(ctx context.Context, p *prepared, st *rsql.Statement) (int64, error) {
	keys := st.Keys
	if keys != nil && keys.IfNotExists {
		if _, err := s.lookup(ctx, keys.Table); err == nil {
			keys = nil // it is there, and stays as it is
		}
	}
	for _, q := range st.Before {
		if _, err := s.exec(ctx, q); err != nil {
			return 0, err
		}
	}
	n, err := s.runSQL(ctx, p, st)
	if err == nil && keys != nil {
		err = s.keepKeys(ctx, keys)
	}
	return n, err
}

func (s *session) runSQL(ctx context.Context, p *prepared, st *rsql.Statement) (int64, error) {
	if p.stmt == nil || st != p.st {
		return s.exec(ctx, st.SQL)
	}
	res, err := p.stmt.ExecContext(ctx, nil)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (s *session) explain(ctx context.Context, st *rsql.Statement) (*pgwire.Result, error) {
	rows, err := s.query(ctx, st.SQL)
	if err != nil {
		return nil, err
	}
	out := &textRows{}
	for _, r := range rows {
		for _, line := range strings.Split(fmt.Sprint(r[len(r)-1]), "\n") {
			out.rows = append(out.rows, []any{line})
		}
	}
	return &pgwire.Result{Columns: []pgwire.Column{{Name: "QUERY PLAN", OID: pgwire.OIDVarchar, Mod: -1}}, Rows: out, Tag: "EXPLAIN"}, nil
}

// control runs statements about the session and its transaction.
func (s *session) control(ctx context.Context, st *rsql.Statement) (*pgwire.Result, error) {
	res := &pgwire.Result{Tag: st.Tag}
	switch st.Verb {
	case rsql.Begin:
		s.begin()
		return res, nil
	case rsql.Commit, rsql.Rollback:
		var err error
		res.Tag, err = s.end(st.Verb == rsql.Commit)
		return res, err
	case rsql.Set:
		return res, s.setting(ctx, st)
	case rsql.Show:
		v, err := s.show(st.Name)
		res.Columns = []pgwire.Column{{Name: st.Name, OID: pgwire.OIDVarchar, Mod: -1}}
		res.Rows = &textRows{rows: [][]any{{v}}}
		return res, err
	case rsql.Lock:
		return res, s.lock(ctx, st)
	case rsql.Vacuum:
		return res, s.vacuum(ctx)
	case rsql.Nothing:
		return res, s.exist(ctx, st.Tables)
	}
	return nil, pgwire.Errorf("XX000", "statement %d is not known", st.Verb)
}

// lock takes the locks of all tables named.
func (s *session) lock(ctx context.Context, st *rsql.Statement) error {
	err := s.enter(ctx, st.Targets...)
	if err == nil {
		err = s.exist(ctx, st.Tables)
	}
	if err != nil {
		return s.undo(err)
	}
	return s.leave()
}

// exist checks that tables are there.
func (s *session) exist(ctx context.Context, tables []string) error {
	for _, t := range tables {
		stmt, err := s.stmt(ctx, "SELECT 1 FROM "+t+" LIMIT 0")
		if err != nil {
			return err
		}
		if err := stmt.Close(); err != nil {
			return err
		}
	}
	return nil
}

// vacuum writes the log into the file. DuckDB refuses while others write; the
// next one will do.
func (s *session) vacuum(ctx context.Context) error {
	if s.explicit || s.open {
		return pgwire.Errorf("25001", "VACUUM cannot run inside a transaction block")
	}
	s.cluster.commits.RLock()
	defer s.cluster.commits.RUnlock()
	if _, err := s.exec(ctx, "CHECKPOINT"); err != nil && sqlError(err).Code == "57014" {
		return err
	}
	return nil
}
