package warehouse

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// raw hijacks a connection for single messages.
func raw(t *testing.T, d string) *pgproto3.Frontend {
	t.Helper()
	c := dial(t, d, pgx.QueryExecModeExec)
	h, err := c.PgConn().Hijack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Conn.Close() })
	return pgproto3.NewFrontend(h.Conn, h.Conn)
}

// talk sends messages and returns the kinds of the answers up to
// ReadyForQuery, errors and tags by their text.
func talk(t *testing.T, fe *pgproto3.Frontend, msgs ...pgproto3.FrontendMessage) string {
	t.Helper()
	for _, m := range msgs {
		fe.Send(m)
	}
	if err := fe.Flush(); err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		m, err := fe.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *pgproto3.ReadyForQuery:
			return strings.Join(append(out, string(m.TxStatus)), " ")
		case *pgproto3.ErrorResponse:
			out = append(out, "!"+m.Code)
		case *pgproto3.CommandComplete:
			out = append(out, string(m.CommandTag))
		case *pgproto3.DataRow:
			out = append(out, "row:"+string(m.Values[0]))
		case *pgproto3.RowDescription:
			out = append(out, "columns")
		case *pgproto3.PortalSuspended:
			out = append(out, "suspended")
		case *pgproto3.EmptyQueryResponse:
			out = append(out, "empty")
		case *pgproto3.NoData:
			out = append(out, "nodata")
		case *pgproto3.NoticeResponse:
			out = append(out, "notice:"+m.Code)
		}
	}
}

func TestProtocol(t *testing.T) {
	_, d := served(t)
	fe := raw(t, d)
	sync := &pgproto3.Sync{}
	for _, k := range []struct {
		name string
		msgs []pgproto3.FrontendMessage
		want string
	}{
		{"empty", []pgproto3.FrontendMessage{&pgproto3.Query{String: " ; -- x"}}, "empty I"},
		{"several", []pgproto3.FrontendMessage{&pgproto3.Query{String: "select 1; select 2"}}, "columns row:1 SELECT 1 columns row:2 SELECT 1 I"},
		{"portal in pieces", []pgproto3.FrontendMessage{
			&pgproto3.Parse{Name: "p", Query: "select range from range(3) order by 1"}, &pgproto3.Bind{PreparedStatement: "p"}, &pgproto3.Describe{ObjectType: 'P'},
			&pgproto3.Execute{MaxRows: 2}, &pgproto3.Execute{MaxRows: 2}, sync}, "columns row:0 row:1 suspended row:2 SELECT 3 I"},
		{"statement again", []pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: "p"}, &pgproto3.Execute{}, &pgproto3.Bind{PreparedStatement: "p"}, &pgproto3.Execute{}, sync}, "row:0 row:1 row:2 SELECT 3 row:0 row:1 row:2 SELECT 3 I"},
		{"name twice", []pgproto3.FrontendMessage{&pgproto3.Parse{Name: "p", Query: "select 1"}, sync}, "!42P05 I"},
		{"skip to sync", []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "selec"}, &pgproto3.Bind{}, &pgproto3.Execute{}, sync}, "!42601 I"},
		{"nothing bound", []pgproto3.FrontendMessage{&pgproto3.Execute{Portal: "x"}, sync}, "!34000 I"},
		{"no statement", []pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: "x"}, sync}, "!26000 I"},
		{"two commands", []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "select 1; select 2"}, sync}, "!42601 I"},
		{"parameters missing", []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "select $1"}, &pgproto3.Bind{}, sync}, "!08P01 I"},
		{"describe begin", []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "begin"}, &pgproto3.Describe{ObjectType: 'S'}, &pgproto3.Bind{}, &pgproto3.Execute{}, sync}, "nodata BEGIN T"},
		{"commit", []pgproto3.FrontendMessage{&pgproto3.Query{String: "commit"}}, "COMMIT I"},
		{"commit of nothing", []pgproto3.FrontendMessage{&pgproto3.Query{String: "commit"}}, "notice:25P01 COMMIT I"},
		{"failed", []pgproto3.FrontendMessage{&pgproto3.Query{String: "begin; select 1/0"}}, "BEGIN !22012 E"},
		{"in failed", []pgproto3.FrontendMessage{&pgproto3.Query{String: "select 1"}}, "!25P02 E"},
		{"commit of failed", []pgproto3.FrontendMessage{&pgproto3.Query{String: "commit"}}, "ROLLBACK I"},
		{"simple with parameter", []pgproto3.FrontendMessage{&pgproto3.Query{String: "select $1"}}, "!42P02 I"},
		{"tags", []pgproto3.FrontendMessage{&pgproto3.Query{String: "create table t (a int); insert into t values (1), (2); update t set a = 3; delete from t where a = 3; lock t"}}, "CREATE TABLE INSERT 0 2 UPDATE 2 DELETE 2 LOCK TABLE I"},
		{"changed plan", []pgproto3.FrontendMessage{&pgproto3.Parse{Name: "q", Query: "select * from t"}, sync}, "I"},
		{"change it", []pgproto3.FrontendMessage{&pgproto3.Query{String: "drop table t; create table t (a int, b int); insert into t values (1, 2)"}}, "DROP TABLE CREATE TABLE INSERT 0 1 I"},
		{"run it", []pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: "q"}, &pgproto3.Execute{}, sync}, "!0A000 I"},
		{"unknown message", []pgproto3.FrontendMessage{&pgproto3.FunctionCall{}, sync}, "!08P01 I"},
	} {
		got := talk(t, fe, k.msgs...)
		if got != k.want {
			t.Errorf("%s: got %s, want %s", k.name, got, k.want)
		}
	}
}

// TestManyRows: a large result arrives whole, in every mode.
func TestManyRows(t *testing.T) {
	_, d := served(t)
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			c := dial(t, d, mode)
			rows, err := c.Query(context.Background(), "SELECT range AS n, 'row ' || range AS s FROM range(30000) ORDER BY 1")
			if err != nil {
				t.Fatal(err)
			}
			type row struct {
				N int64
				S string
			}
			all, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
			if err != nil || len(all) != 30000 || all[29999].S != "row 29999" {
				t.Fatalf("%d rows, %v", len(all), err)
			}
		})
	}
}
