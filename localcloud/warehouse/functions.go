package warehouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sort"
	"time"
	"unicode/utf8"

	"github.com/duckdb/duckdb-go/v2"
)

// scalar is a function of SQL written in Go.
type scalar struct {
	in       []duckdb.Type
	out      duckdb.Type
	volatile bool
	bind     duckdb.ScalarBinderFn // nil: nothing to do before it runs
	run      func([]driver.Value) (any, error)
}

func (s *scalar) Config() duckdb.ScalarFuncConfig {
	cfg := duckdb.ScalarFuncConfig{Volatile: s.volatile}
	for _, t := range s.in {
		info, _ := duckdb.NewTypeInfo(t)
		cfg.InputTypeInfos = append(cfg.InputTypeInfos, info)
	}
	cfg.ResultTypeInfo, _ = duckdb.NewTypeInfo(s.out)
	return cfg
}

func (s *scalar) Executor() duckdb.ScalarFuncExecutor {
	if s.bind == nil {
		return duckdb.ScalarFuncExecutor{RowExecutor: s.run}
	}
	run := func(_ context.Context, v []driver.Value) (any, error) { return s.run(v) }
	return duckdb.ScalarFuncExecutor{RowContextExecutor: run, ScalarBinder: s.bind}
}

// registerFunctions makes the functions that need Go. They live as long as the
// open database, not in its file.
func registerFunctions(conn *sql.Conn, c *cluster) error {
	terminate := func(v []driver.Value) (any, error) { return c.terminate(int(v[0].(int64))), nil }
	functions := map[string]*scalar{
		"rs_cut_bytes":         {in: []duckdb.Type{duckdb.TYPE_VARCHAR, duckdb.TYPE_BIGINT}, out: duckdb.TYPE_VARCHAR, run: cutBytes},
		"pg_terminate_backend": {in: []duckdb.Type{duckdb.TYPE_BIGINT}, out: duckdb.TYPE_BOOLEAN, volatile: true, run: terminate},
	}
	for name, f := range functions {
		if err := duckdb.RegisterScalarUDF(conn, name, f); err != nil {
			return err
		}
	}
	if err := duckdb.RegisterScalarUDF(conn, "rs_type", c.probes.typeWitness()); err != nil {
		return err
	}
	return duckdb.RegisterTableUDF(conn, "rs_sessions", duckdb.RowTableFunction{
		BindArguments: func(map[string]any, ...any) (duckdb.RowTableSource, error) {
			return &sessionRows{cluster: c}, nil
		},
	})
}

// cutBytes cuts a string to n bytes at a whole character.
func cutBytes(v []driver.Value) (any, error) {
	s, ok := v[0].(string)
	n, ok2 := v[1].(int64)
	if !ok || !ok2 {
		return nil, errors.New("rs_cut_bytes takes a string and a length")
	}
	if int64(len(s)) <= n {
		return s, nil
	}
	end := int(n)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end], nil
}

// sessionRow is a row of stv_sessions.
type sessionRow struct {
	started time.Time
	pid     int
	user    string
}

func (c *cluster) sessionList() []sessionRow {
	c.mu.Lock()
	defer c.mu.Unlock()
	var rows []sessionRow
	for pid, s := range c.sessions {
		rows = append(rows, sessionRow{s.started, pid, s.user})
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].pid < rows[j].pid })
	return rows
}

// sessionRows is the table function behind stv_sessions.
type sessionRows struct {
	cluster *cluster
	rows    []sessionRow
	next    int
}

// ColumnInfos implements duckdb.RowTableSource.
func (r *sessionRows) ColumnInfos() []duckdb.ColumnInfo {
	var infos []duckdb.ColumnInfo
	for _, c := range []struct {
		name string
		typ  duckdb.Type
	}{{"starttime", duckdb.TYPE_TIMESTAMP}, {"process", duckdb.TYPE_INTEGER}, {"user_name", duckdb.TYPE_VARCHAR}, {"db_name", duckdb.TYPE_VARCHAR}} {
		t, _ := duckdb.NewTypeInfo(c.typ)
		infos = append(infos, duckdb.ColumnInfo{Name: c.name, T: t})
	}
	return infos
}

// Cardinality implements duckdb.RowTableSource.
func (r *sessionRows) Cardinality() *duckdb.CardinalityInfo { return nil }

// Init looks at the sessions anew for each run.
func (r *sessionRows) Init() { r.rows, r.next = r.cluster.sessionList(), 0 }

// FillRow implements duckdb.RowTableSource.
func (r *sessionRows) FillRow(row duckdb.Row) (bool, error) {
	if r.next >= len(r.rows) {
		return false, nil
	}
	s := r.rows[r.next]
	r.next++
	for i, v := range []any{s.started, int32(s.pid), s.user, r.cluster.meta.Database} {
		if err := row.SetRowValue(i, v); err != nil {
			return false, err
		}
	}
	return true, nil
}
