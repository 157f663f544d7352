package warehouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"maps"
	"slices"
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
	cancel := func(v []driver.Value) (any, error) { return c.cancel(int(v[0].(int64))), nil }
	functions := map[string]*scalar{
		"rs_cut_bytes":         {in: []duckdb.Type{duckdb.TYPE_VARCHAR, duckdb.TYPE_BIGINT}, out: duckdb.TYPE_VARCHAR, run: cutBytes},
		"rs_to_char":           {in: []duckdb.Type{duckdb.TYPE_VARCHAR, duckdb.TYPE_VARCHAR}, out: duckdb.TYPE_VARCHAR, run: numberToChar},
		"rs_initcap":           {in: []duckdb.Type{duckdb.TYPE_VARCHAR}, out: duckdb.TYPE_VARCHAR, run: initcap},
		"rs_strtol":            {in: []duckdb.Type{duckdb.TYPE_VARCHAR, duckdb.TYPE_BIGINT}, out: duckdb.TYPE_BIGINT, run: strtol},
		"pg_terminate_backend": {in: []duckdb.Type{duckdb.TYPE_BIGINT}, out: duckdb.TYPE_BOOLEAN, volatile: true, run: terminate},
		"pg_cancel_backend":    {in: []duckdb.Type{duckdb.TYPE_BIGINT}, out: duckdb.TYPE_BOOLEAN, volatile: true, run: cancel},
	}
	for name, f := range functions {
		if err := duckdb.RegisterScalarUDF(conn, name, f); err != nil {
			return err
		}
	}
	if err := duckdb.RegisterScalarUDF(conn, "rs_type", c.probes.typeWitness()); err != nil {
		return err
	}
	for name, source := range map[string]func() *listRows{"rs_sessions": c.sessionRows, "rs_users": c.userRows, "rs_statements": c.statements.list, "rs_sizes": c.sizeRows} {
		f := duckdb.RowTableFunction{BindArguments: func(map[string]any, ...any) (duckdb.RowTableSource, error) { return source(), nil }}
		if err := duckdb.RegisterTableUDF(conn, name, f); err != nil {
			return err
		}
	}
	return nil
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

// listColumn is a column of a listRows.
type listColumn struct {
	name string
	typ  duckdb.Type
}

// listRows is a table function over a list that is made anew for each run.
type listRows struct {
	columns []listColumn
	list    func() [][]any
	rows    [][]any
}

// sessionRows are the sessions, behind stv_sessions.
func (c *cluster) sessionRows() *listRows {
	columns := []listColumn{{"starttime", duckdb.TYPE_TIMESTAMP}, {"process", duckdb.TYPE_INTEGER}, {"user_name", duckdb.TYPE_VARCHAR}, {"db_name", duckdb.TYPE_VARCHAR}}
	return &listRows{columns: columns, list: func() [][]any {
		c.mu.Lock()
		defer c.mu.Unlock()
		var rows [][]any
		for _, pid := range slices.Sorted(maps.Keys(c.sessions)) {
			s := c.sessions[pid]
			rows = append(rows, []any{s.started, int32(pid), s.user, c.meta.Database})
		}
		return rows
	}}
}

// firstUser is the master user's number, as Redshift gives it.
const firstUser = 100

// userRows are the database's users, the master first.
func (c *cluster) userRows() *listRows {
	columns := []listColumn{{"user_id", duckdb.TYPE_INTEGER}, {"user_name", duckdb.TYPE_VARCHAR}, {"super", duckdb.TYPE_BOOLEAN}}
	return &listRows{columns: columns, list: func() [][]any {
		c.mu.Lock()
		defer c.mu.Unlock()
		rows := [][]any{{int32(firstUser), c.meta.MasterUser, true}}
		for _, name := range slices.Sorted(maps.Keys(c.meta.Users)) {
			if name != c.meta.MasterUser {
				rows = append(rows, []any{int32(firstUser + len(rows)), name, c.meta.Users[name].Super})
			}
		}
		return rows
	}}
}

// ColumnInfos implements duckdb.RowTableSource.
func (r *listRows) ColumnInfos() []duckdb.ColumnInfo {
	var infos []duckdb.ColumnInfo
	for _, c := range r.columns {
		t, _ := duckdb.NewTypeInfo(c.typ)
		infos = append(infos, duckdb.ColumnInfo{Name: c.name, T: t})
	}
	return infos
}

// Cardinality implements duckdb.RowTableSource.
func (r *listRows) Cardinality() *duckdb.CardinalityInfo { return nil }

// Init looks anew for each run.
func (r *listRows) Init() { r.rows = r.list() }

// FillRow implements duckdb.RowTableSource.
func (r *listRows) FillRow(row duckdb.Row) (bool, error) {
	if len(r.rows) == 0 {
		return false, nil
	}
	for i, v := range r.rows[0] {
		if err := row.SetRowValue(i, v); err != nil {
			return false, err
		}
	}
	r.rows = r.rows[1:]
	return true, nil
}
