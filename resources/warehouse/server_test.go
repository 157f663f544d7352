package warehouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lamplighter/resources"
)

var background = context.Background()

func TestOpenEndsOtherSessionsOnce(t *testing.T) {
	f := newFake(t, &rule{what: "FROM stv_sessions", always: true, rows: [][]string{
		{"77", "IAM:lamplighter "}, {"12", "lamplighter"}, {"13 ", "IAM:lamplighter"}, {"14", "IAMA:lamplighter:g"}, {"15", "rdsdb"}, {"16", "lamplighter2"},
	}})
	s := f.server()
	for range 2 {
		c, err := s.Open(background, "c1")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	want := []string{
		"SELECT pg_backend_pid()", "SELECT process, user_name FROM stv_sessions",
		"SELECT pg_terminate_backend(12)", "SELECT pg_terminate_backend(13)", "SELECT pg_terminate_backend(14)",
	}
	setup := []string{probe, "SET application_name TO 'movielens/2026-11-22/3'", "SET search_path TO public", "SET statement_timeout TO 0"}
	want = append(append(want, setup...), setup...)
	if diff := cmp.Diff(want, f.statements()); diff != "" {
		t.Error(diff)
	}
}

// Sessions of this process that open at once must not end each other.
func TestOpenAtOnce(t *testing.T) {
	f := newFake(t)
	s := f.server()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c, err := s.Open(background, "c1")
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
	}
	wg.Wait()
	looks := 0
	for _, sql := range f.statements() {
		if strings.Contains(sql, "stv_sessions") {
			looks++
		}
	}
	if looks != 1 {
		t.Errorf("looked for other sessions %d times, want once", looks)
	}
}

func TestOpenSessionThatCannotBeEnded(t *testing.T) {
	there := [][]string{{"77", "lamplighter"}, {"12", "lamplighter"}}
	refused := rule{what: "pg_terminate_backend(12)", code: "42501", msg: "not yours"}
	t.Run("stays", func(t *testing.T) {
		r := refused
		f := newFake(t, &r, &rule{what: "stv_sessions", always: true, rows: there})
		s := f.server()
		if _, err := s.Open(background, "c1"); resources.ClassOf(err) != resources.Denied || !strings.Contains(err.Error(), "process 12") {
			t.Fatalf("got %v", err)
		}
		if _, err := s.Open(background, "c1"); err != nil {
			t.Fatal(err)
		}
		if last := f.statements(); !slices.Contains(last[len(last)-5:], "SELECT pg_terminate_backend(12)") {
			t.Errorf("it was not tried again: %q", last)
		}
	})
	t.Run("went by itself", func(t *testing.T) {
		r := refused
		f := newFake(t, &r, &rule{what: "stv_sessions", rows: there})
		if _, err := f.server().Open(background, "c1"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOpenRefused(t *testing.T) {
	gone := &resources.Fault{Class: resources.Gone, Msg: "no such cluster"}
	for _, c := range []struct {
		name  string
		edit  func(*fake, *Server)
		class resources.Class
		msg   string
	}{
		{"no cluster", func(_ *fake, s *Server) {
			s.Locate = func(context.Context, string) (string, int, error) { return "", 0, gone }
		}, resources.Gone, "no such cluster"},
		{"no login", func(_ *fake, s *Server) {
			s.Login = func(context.Context, string) (string, string, error) {
				return "", "", resources.Faultf(resources.Denied, "no")
			}
		}, resources.Denied, "no"},
		{"wrong password", func(_ *fake, s *Server) {
			s.Login = func(context.Context, string) (string, string, error) { return "IAM:lamplighter", "wr0ng", nil }
		}, resources.Denied, "password authentication failed"},
		{"unknown authority", func(_ *fake, s *Server) { s.RootCAs = nil }, resources.Permanent, "certificate"},
		{"another name", func(_ *fake, s *Server) { s.TLSServerName = "c2.example" }, resources.Permanent, "c2.example"},
		{"no CA file", func(_ *fake, s *Server) { s.CAFile = "no/such.pem" }, resources.Permanent, "connect.ca_file"},
		{"nobody listens", func(f *fake, _ *Server) { f.listener.Close() }, resources.Retry, "connect to cluster c1 at 127.0.0.1:"},
		{"port", func(_ *fake, s *Server) { s.Port = 70000 }, resources.Permanent, "port 70000"},
		{"broken greeting", func(f *fake, _ *Server) { f.add(&rule{what: "stv_sessions", cut: true}) }, resources.Retry, "the connection broke"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			s := f.server()
			c.edit(f, s)
			_, err := s.Open(background, "c1")
			if resources.ClassOf(err) != c.class || err == nil || !strings.Contains(err.Error(), c.msg) {
				t.Fatalf("got %v (%v), want %s (%v)", err, resources.ClassOf(err), c.msg, c.class)
			}
			if strings.Contains(err.Error(), "s3cret") || strings.Contains(fmt.Sprintf("%+v", errors.Unwrap(err)), "s3cret") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

func TestOpenWithoutTLS(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var b [8]byte
			_, _ = c.Read(b[:])
			_, _ = c.Write([]byte{'N'})
			c.Close()
		}
	}()
	f := newFake(t)
	s := f.server()
	s.Port = l.Addr().(*net.TCPAddr).Port
	_, err = s.Open(background, "c1")
	if resources.ClassOf(err) != resources.Permanent || !strings.Contains(err.Error(), "speaks no TLS") {
		t.Fatalf("got %v", err)
	}
}

// A tunnel: dialled elsewhere, verified by the cluster's own name.
func TestOpenThroughTunnel(t *testing.T) {
	f := newFake(t)
	s := f.server()
	s.Host, s.Port = "127.0.0.1", f.listener.Addr().(*net.TCPAddr).Port
	s.Locate = func(context.Context, string) (string, int, error) { return "c1.example", 5439, nil }
	s.RootCAs, s.CAFile = nil, f.caFile()
	f.open(s)
}

// Where a night connects to never comes from the shell.
func TestOpenIgnoresEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"PGHOST": "elsewhere", "PGSSLMODE": "disable", "PGUSER": "me", "PGPASSWORD": "x", "PGDATABASE": "y", "PGAPPNAME": "z",
		"PGOPTIONS": "-c a=b", "PGTARGETSESSIONATTRS": "standby", "PGCONNECT_TIMEOUT": "1",
	} {
		t.Setenv(name, value)
	}
	f := newFake(t)
	f.open(f.server())
}

func TestSessionAfterItBroke(t *testing.T) {
	f := newFake(t)
	c := f.open(f.server())
	f.add(&rule{what: "select 1", cut: true})
	if _, _, err := c.Query(background, "select 1"); resources.ClassOf(err) != resources.Retry {
		t.Errorf("got %v", err)
	}
	_, _, err := c.Query(background, "select 2")
	if resources.ClassOf(err) != resources.Retry || !strings.Contains(err.Error(), "is closed") {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
}

func TestQuery(t *testing.T) {
	f := newFake(t,
		&rule{what: "from ratings", rows: [][]string{{"42"}}, tag: "SELECT 1"},
		&rule{what: "null", rows: [][]string{{null}}, tag: "SELECT 1"},
		&rule{what: "two columns", rows: [][]string{{"1", "2"}}, tag: "SELECT 1"},
		&rule{what: "two rows", rows: [][]string{{"1"}, {"2"}}, tag: "SELECT 2"},
		&rule{what: "nowhere", code: "42P01", msg: `relation "nowhere" does not exist`})
	c := f.open(f.server())
	for _, q := range []struct {
		sql, value string
		null       bool
		class      resources.Class
	}{
		{"select count(*) from ratings; -- all", "42", false, resources.OK},
		{"select null", "", true, resources.OK},
		{"select 'two columns'", "", false, resources.Permanent},
		{"with x as (select 1) select 'two rows'", "", false, resources.Permanent},
		{"select 'no rows'", "", false, resources.Permanent},
		{"select * from nowhere", "", false, resources.Permanent},
		{"select 1; select 2", "", false, resources.Permanent},
		{"delete from ratings", "", false, resources.Permanent},
		{"select 1 into x", "", false, resources.Permanent},
		{"", "", false, resources.Permanent},
		{"select 'a", "", false, resources.Permanent},
	} {
		value, isNull, err := c.Query(background, q.sql)
		if value != q.value || isNull != q.null || resources.ClassOf(err) != q.class {
			t.Errorf("%s: got %q, %v, %v", q.sql, value, isNull, err)
		}
	}
	if f.saw("delete") || f.saw("into") || f.saw("select 2") {
		t.Errorf("what is no query was sent: %q", f.statements())
	}
}

func TestAnalyze(t *testing.T) {
	f := newFake(t)
	c := f.open(f.server())
	if err := c.Analyze(background, []string{"ratings", "sales.orders"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`ANALYZE "public"."ratings"`, `ANALYZE "sales"."orders"`}, f.statements()); diff != "" {
		t.Error(diff)
	}
	if err := c.Analyze(background, []string{"ratings; drop table x"}); resources.ClassOf(err) != resources.Permanent {
		t.Errorf("got %v", err)
	}
}

func TestCancelled(t *testing.T) {
	f := newFake(t)
	c := f.open(f.server())
	ctx, cancel := context.WithCancel(background)
	f.add(&rule{what: "select 1", hook: cancel, cut: true})
	if _, _, err := c.Query(ctx, "select 1"); resources.ClassOf(err) != resources.Retry {
		t.Errorf("got %v", err)
	}
}
