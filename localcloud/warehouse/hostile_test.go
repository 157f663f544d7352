package warehouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// TestHostile: what breaks the rules of the protocol or of SQL is told by its
// SQLSTATE, and the session goes on.
func TestHostile(t *testing.T) {
	_, d := served(t)
	fe := raw(t, d)
	deep := func(open, close string, n int) string {
		return "select " + strings.Repeat(open, n) + "1" + strings.Repeat(close, n)
	}
	for _, k := range []struct {
		name, sql, want string
	}{
		{"broken UTF-8 in a string", "select '\xff\xfe'", "!22021 I"},
		{"broken UTF-8 in a name", "select \"\xc3\"", "!22021 I"},
		{"broken UTF-8 in a comment", "select 1 -- \xf0\x28", "!22021 I"},
		{"a name with a quote", `create table "a""b; drop table x --" ("c""d" int); insert into "a""b; drop table x --" values (1); select "c""d" from "a""b; drop table x --"`, "CREATE TABLE INSERT 0 1 columns row:1 SELECT 1 I"},
		{"parentheses", deep("(", ")", 100), "columns row:1 SELECT 1 I"},
		{"too many parentheses", deep("(", ")", 5000), "!54001 I"},
		{"too many functions", deep("abs(", ")", 5000), "!54001 I"},
		{"too many subqueries", deep("(select ", ")", 600), "!54001 I"},
		{"too many NOTs", "select " + strings.Repeat("not ", 100000) + "true", "!54001 I"},
		{"too many minuses", "select " + strings.Repeat("- ", 100000) + "1", "!54001 I"},
		{"too many CASEs", deep("case when true then ", " end", 5000), "!54001 I"},
		{"too many terms", "select 1" + strings.Repeat("+1", 20000), "!54001 I"},
		{"a statement over 16 MB", "select '" + strings.Repeat("x", 16<<20) + "'", "!54001 I"},
		{"it goes on", "select 1", "columns row:1 SELECT 1 I"},
	} {
		if got := talk(t, fe, &pgproto3.Query{String: k.sql}); got != k.want {
			t.Errorf("%s: got %.200s, want %s", k.name, got, k.want)
		}
		if got := talk(t, fe, &pgproto3.Parse{Query: k.sql}, &pgproto3.Sync{}); strings.HasPrefix(k.want, "!") && got != k.want {
			t.Errorf("%s, parsed: got %.200s, want %s", k.name, got, k.want)
		}
	}
}

// TestBadParameters: values of parameters that no text may have.
func TestBadParameters(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeExec)
	for name, k := range map[string]struct {
		oid    uint32
		format int16
		value  string
		want   string
	}{
		"NUL":           {1043, 0, "a\x00b", "22021"},
		"broken UTF-8":  {1043, 0, "a\xffb", "22021"},
		"NUL, untyped":  {0, 0, "\x00", "22021"},
		"short binary":  {20, 1, "123", "22P03"},
		"text as int":   {23, 0, "1); drop table t; --", "22P02"},
		"quote":         {1043, 0, "'; drop table t; --", ""},
		"backslash":     {1043, 0, `\'`, ""},
		"binary number": {23, 1, "\x00\x00\x00\x07", ""},
	} {
		r := c.PgConn().ExecParams(context.Background(), "select $1", [][]byte{[]byte(k.value)}, []uint32{k.oid}, []int16{k.format}, nil).Read()
		if got := code(r.Err); got != k.want {
			t.Errorf("%s: %v, want %s", name, r.Err, k.want)
		}
	}
}

// TestFormats: a value is the same in text and in binary form, for each type.
func TestFormats(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeExec)
	for expression, want := range map[string]string{
		"true": "t", "7::smallint": "7", "-7::int": "-7", "9223372036854775807::bigint": "9223372036854775807", "1.5::real": "1.5", "-2.25::float8": "-2.25",
		"'ü'::varchar": "ü", "12.340::decimal(8,3)": "12.340", "'2024-02-29'::date": "2024-02-29", "'23:59:58.123'::time": "23:59:58.123000",
		"'2024-02-29 23:59:58.5'::timestamp": "2024-02-29 23:59:58.5", "'2024-02-29 23:59:58+00'::timestamptz": "2024-02-29 23:59:58+00",
	} {
		forms := [2]string{}
		for format := range forms {
			r := c.PgConn().ExecParams(context.Background(), "select "+expression+" as x", nil, nil, nil, []int16{int16(format)}).Read()
			if r.Err != nil {
				t.Errorf("%s: %v", expression, r.Err)
				continue
			}
			f := r.FieldDescriptions[0]
			if f.Format != int16(format) {
				t.Errorf("%s: format %d is described as %d", expression, format, f.Format)
			}
			typ, _ := c.TypeMap().TypeForOID(f.DataTypeOID)
			v, err := typ.Codec.DecodeValue(c.TypeMap(), f.DataTypeOID, int16(format), r.Rows[0][0])
			if err != nil {
				t.Errorf("%s: %v", expression, err)
			}
			forms[format] = fmt.Sprint(v)
			if text := string(r.Rows[0][0]); format == 0 && text != want {
				t.Errorf("%s: got %s, want %s", expression, text, want)
			}
		}
		if forms[0] != forms[1] {
			t.Errorf("%s: %s as text, %s in binary form", expression, forms[0], forms[1])
		}
	}
}

// TestInterrupted: statement_timeout and a cancel request end a statement with
// 57014; in a transaction what follows is refused until its end.
func TestInterrupted(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	const long = "SELECT count(*) FROM range(10000000000) a, range(1000) b"
	exec(t, c, "SET statement_timeout TO 50")
	exec(t, c, "BEGIN")
	_, err := c.Exec(context.Background(), long)
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "57014" || !strings.Contains(e.Detail, "statement timeout") {
		t.Errorf("timeout: %v", err)
	}
	if _, err := c.Exec(context.Background(), "SELECT 1"); code(err) != "25P02" {
		t.Errorf("after it: %v", err)
	}
	exec(t, c, "ROLLBACK")
	exec(t, c, "SET statement_timeout TO 0")
	other := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), long)
		ended <- err
	}()
	pid := c.PgConn().PID()
	for one(t, other, fmt.Sprintf("SELECT count(*) FROM stv_inflight WHERE pid = %d", pid)) == "0" {
		continue
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.PgConn().CancelRequest(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; code(err) != "57014" {
		t.Errorf("cancel request: %v", err)
	}
	exec(t, c, "SELECT 1")
}
