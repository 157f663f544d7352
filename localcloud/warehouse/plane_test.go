package warehouse

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lamplighter/resources/simcloud"
)

func simple(t testing.TB, p *Plane, id string) *pgx.Conn {
	return dial(t, dsn(t, p, id), pgx.QueryExecModeSimpleProtocol)
}

func snapshot(p *Plane, cluster, name string) (size simcloud.SnapshotSize, err error) {
	c := make(chan error, 1)
	p.Snapshot(cluster, name, func(s simcloud.SnapshotSize, err error) { size = s; c <- err })
	err = <-c
	return size, err
}

func restore(t testing.TB, p *Plane, cluster, name string) {
	t.Helper()
	wait(t, func(done func(error)) { p.Restore(cluster, name, simcloud.ClusterSpec{}, done) })
}

// sums is a digest of a table's content.
const sums = "SELECT count(*) || ' ' || sum(n) || ' ' || count(DISTINCT s) || ' ' || min(d) || ' ' || sum(x) FROM t"

func fill(t testing.TB, c *pgx.Conn) {
	t.Helper()
	exec(t, c, "CREATE TABLE t (id BIGINT IDENTITY(1,1), n INT NOT NULL, s VARCHAR(20), d DATE, x DECIMAL(12,2))")
	exec(t, c, "INSERT INTO t (n, s, d, x) SELECT range, 'row ' || range, date '2026-01-01' + CAST(range % 300 AS INT), range / 7.0 FROM range(200000)")
	exec(t, c, "CREATE VIEW v AS SELECT avg(n) AS mean, count(*) FROM t WHERE s ~ '9$'")
}

func TestSnapshotAndRestore(t *testing.T) {
	p := newPlane(t, t.TempDir(), "http://127.0.0.1:1")
	create(t, p, "c1")
	c := simple(t, p, "c1")
	fill(t, c)
	open := simple(t, p, "c1") // a transaction that is open throughout, and writes
	exec(t, open, "BEGIN")
	exec(t, open, "INSERT INTO t (n) VALUES (1000000)")
	want, view := one(t, c, sums), one(t, c, "SELECT mean || ' ' || count FROM v")
	size, err := snapshot(p, "c1", "s1")
	if err != nil {
		t.Fatal(err)
	}
	if size.Total <= 0 || size.Incremental != size.Total {
		t.Errorf("the first snapshot's size is %+v, want all of it", size)
	}
	exec(t, open, "COMMIT")
	exec(t, c, "INSERT INTO t (n) VALUES (5)")
	size, err = snapshot(p, "c1", "s2")
	if err != nil {
		t.Fatal(err)
	}
	if size.Incremental <= 0 || size.Incremental >= size.Total {
		t.Errorf("the second snapshot's size is %+v, want a part of it", size)
	}
	restore(t, p, "c2", "s1")
	r := simple(t, p, "c2")
	if got := one(t, r, sums); got != want {
		t.Errorf("restored %s, want %s", got, want)
	}
	if got := one(t, r, "SELECT mean || ' ' || count FROM v"); got != view {
		t.Errorf("restored view %s, want %s", got, view)
	}
	exec(t, r, "INSERT INTO t (n) VALUES (7)") // the identity's sequence came too
	refuse(t, r, "22001", "INSERT INTO t (n, s) VALUES (7, 'a string of more than twenty bytes')")
	refuse(t, r, "23502", "INSERT INTO t (n) VALUES (NULL)")
	wait(t, func(done func(error)) { p.DropSnapshot("s1", done) })
	wait(t, func(done func(error)) { p.DropSnapshot("s1", done) })
	if err := try(func(done func(error)) { p.Restore("c3", "s1", simcloud.ClusterSpec{}, done) }); err == nil {
		t.Error("a dropped snapshot can be restored")
	}
}

// TestSnapshotUnderWrites: a snapshot taken beside committing transactions
// holds whole ones, and all that had committed before it was asked for.
func TestSnapshotUnderWrites(t *testing.T) {
	p := newPlane(t, t.TempDir(), "http://127.0.0.1:1")
	create(t, p, "c1")
	c, w := simple(t, p, "c1"), simple(t, p, "c1")
	exec(t, c, "CREATE TABLE a (n INT)")
	exec(t, c, "CREATE TABLE b (n INT)")
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			for _, q := range []string{"BEGIN", fmt.Sprintf("INSERT INTO a VALUES (%d)", n), "INSERT INTO b SELECT max(n) FROM a", "COMMIT"} {
				if _, err := w.Exec(context.Background(), q); err != nil {
					ended <- fmt.Errorf("%s: %w", q, err)
					return
				}
			}
		}
	}()
	for i := range 4 {
		name := fmt.Sprintf("s%d", i)
		before := one(t, c, "SELECT count(*) FROM b")
		if _, err := snapshot(p, "c1", name); err != nil {
			t.Fatal(err)
		}
		restore(t, p, "r"+name, name)
		r := simple(t, p, "r"+name)
		if got := one(t, r, "SELECT (SELECT count(*) FROM a) = (SELECT count(*) FROM b) AND (SELECT count(*) FROM a) >= "+before); got != "t" {
			t.Errorf("%s: %s rows before it, then %s", name, before, one(t, r, "SELECT (SELECT count(*) FROM a) || ' ' || (SELECT count(*) FROM b)"))
		}
	}
	close(stop)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestPauseResumeDropReopen(t *testing.T) {
	dir := t.TempDir()
	p := newPlane(t, dir, "http://127.0.0.1:1")
	create(t, p, "c1")
	c := simple(t, p, "c1")
	exec(t, c, "CREATE TABLE t (n INT)")
	exec(t, c, "INSERT INTO t VALUES (1)")
	_, port, _ := p.Endpoint("c1")
	wait(t, func(done func(error)) { p.Pause("c1", done) })
	if _, _, ok := p.Endpoint("c1"); ok {
		t.Error("a paused cluster has an endpoint")
	}
	if _, err := c.Exec(context.Background(), "SELECT 1"); code(err) != "57P01" && !strings.Contains(fmt.Sprint(err), "closed") {
		t.Errorf("a session of a paused cluster: %v", err)
	}
	if _, err := snapshot(p, "c1", "paused"); err != nil {
		t.Errorf("snapshot of a paused cluster: %v", err)
	}
	wait(t, func(done func(error)) { p.Resume("c1", done) })
	if _, again, _ := p.Endpoint("c1"); again != port {
		t.Errorf("port %d after resume, %d before", again, port)
	}
	if got := one(t, simple(t, p, "c1"), "SELECT count(*) FROM t"); got != "1" {
		t.Errorf("%s rows after resume", got)
	}
	if err := p.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	p = newPlane(t, dir, "http://127.0.0.1:1")
	wait(t, func(done func(error)) { p.Reopen("c1", done) })
	if got := one(t, simple(t, p, "c1"), "SELECT count(*) FROM t"); got != "1" {
		t.Errorf("%s rows after a restart", got)
	}
	wait(t, func(done func(error)) { p.Drop("c1", done) })
	wait(t, func(done func(error)) { p.Drop("c1", done) })
	if entries, _ := os.ReadDir(filepath.Join(dir, "clusters")); len(entries) != 0 {
		t.Errorf("a dropped cluster leaves %v", entries)
	}
	if err := try(func(done func(error)) { p.Reopen("c1", done) }); err == nil {
		t.Error("a dropped cluster can be opened")
	}
	if err := try(func(done func(error)) { p.Drop("../x", done) }); err == nil {
		t.Error("a name that is no identifier is taken")
	}
}

func TestLogins(t *testing.T) {
	p := newPlane(t, t.TempDir(), "http://127.0.0.1:1")
	create(t, p, "c1")
	good := dsn(t, p, "c1")
	login := func(user, pass string, until time.Time, mk bool) error {
		return p.AddLogin("c1", simcloud.Login{User: user, Password: pass, Until: until, Create: mk})
	}
	if err := login("lamplighter", "temp-1", time.Now().Add(time.Hour), false); err != nil {
		t.Fatal(err)
	}
	if err := login("lamplighter", "temp-2", time.Now().Add(time.Hour), false); err != nil {
		t.Fatal(err)
	}
	if err := login("lamplighter", "late", time.Now().Add(-time.Second), false); err != nil {
		t.Fatal(err)
	}
	if err := login("nobody", "x", time.Now().Add(time.Hour), false); err == nil {
		t.Error("a login for a user that does not exist")
	}
	if err := login("analyst", "y", time.Now().Add(time.Hour), true); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ user, pass, database, ssl, want string }{
		{"lamplighter", password, "dev", "verify-full", ""},
		{"IAM:lamplighter", "temp-1", "dev", "verify-full", ""},
		{"IAM:lamplighter", "temp-2", "dev", "verify-full", ""},
		{"IAMA:analyst", "y", "dev", "verify-full", ""},
		{"IAM:lamplighter", "late", "dev", "verify-full", "28P01"},
		{"IAM:lamplighter", password, "dev", "verify-full", "28P01"},
		{"lamplighter", "wrong", "dev", "verify-full", "28P01"},
		{"nobody", "wrong", "dev", "verify-full", "28P01"},
		{"lamplighter", password, "other", "verify-full", "3D000"},
		{"lamplighter", password, "dev", "disable", "28000"},
	} {
		cfg := strings.NewReplacer("user=lamplighter", "user="+c.user, "password="+password, "password="+c.pass, "database=dev", "database="+c.database, "verify-full", c.ssl).Replace(good)
		conn, err := pgx.Connect(context.Background(), cfg)
		if code(err) != c.want {
			t.Errorf("%s/%s %s %s: got %v, want %q", c.user, c.pass, c.database, c.ssl, err, c.want)
		}
		if err == nil {
			want := strings.ToLower(c.user[strings.Index(c.user, ":")+1:])
			if got := one(t, conn, "SELECT current_user"); got != want {
				t.Errorf("current_user is %s, want %s", got, want)
			}
			_ = conn.Close(context.Background())
		}
	}
}

func TestVerifyFull(t *testing.T) {
	p := newPlane(t, t.TempDir(), "http://127.0.0.1:1")
	create(t, p, "c1")
	d := dsn(t, p, "c1")
	for _, host := range []string{"127.0.0.1", "localhost"} {
		c := dial(t, strings.Replace(d, "host=127.0.0.1", "host="+host, 1), pgx.QueryExecModeExec)
		if _, ok := c.PgConn().Conn().(*tls.Conn); !ok {
			t.Errorf("%s: not TLS", host)
		}
	}
	other := newPlane(t, t.TempDir(), "http://127.0.0.1:1")
	cfg := strings.Replace(d, p.CAFile(), other.CAFile(), 1)
	if _, err := pgx.Connect(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another authority: %v", err)
	}
	keys, _ := filepath.Glob(filepath.Join(filepath.Dir(p.CAFile()), "*.key"))
	for _, k := range keys {
		if st, err := os.Stat(k); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", k, st.Mode(), err)
		}
	}
}

// TestPrivateFiles: the SQL of a client reaches no file of the machine.
func TestPrivateFiles(t *testing.T) {
	p := newPlane(t, t.TempDir(), "http://127.0.0.1:1")
	create(t, p, "c1")
	c := simple(t, p, "c1")
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("a\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"SELECT * FROM read_csv('" + secret + "')", "SELECT * FROM '" + secret + "'", "SELECT content FROM read_text('" + secret + "')",
		"SELECT * FROM glob('/*')", "CREATE TABLE x AS SELECT * FROM read_csv('" + secret + "')",
	} {
		if _, err := c.Exec(context.Background(), q); err == nil {
			t.Errorf("%s is allowed", q)
		}
	}
	for _, q := range []string{"ATTACH 'x.db'", "PRAGMA database_list", "INSTALL httpfs", "LOAD httpfs", "EXPORT DATABASE 'x'", "USE main", "CHECKPOINT"} {
		if _, err := c.Exec(context.Background(), q); code(err) != "42601" && code(err) != "0A000" {
			t.Errorf("%s: %v", q, err)
		}
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"clusters/c1/stage/7", "clusters/c2.tmp", "clusters/c3.gone.tmp", "snapshots/s.tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	newPlane(t, dir, "http://127.0.0.1:1")
	for _, d := range []string{"clusters/c1/stage", "clusters/c2.tmp", "clusters/c3.gone.tmp", "snapshots/s.tmp"} {
		if _, err := os.Stat(filepath.Join(dir, d)); err == nil {
			t.Errorf("%s is still there", d)
		}
	}
}

// TestSilentClient: one that never logs in keeps nobody from closing.
func TestSilentClient(t *testing.T) {
	p := newPlane(t, t.TempDir(), "http://127.0.0.1:1")
	create(t, p, "c1")
	host, port, _ := p.Endpoint("c1")
	nc, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	wait(t, func(done func(error)) { p.Pause("c1", done) })
}

// TestBroken: a database that DuckDB gave up is opened again by itself.
func TestBroken(t *testing.T) {
	p := newPlane(t, t.TempDir(), "http://127.0.0.1:1")
	create(t, p, "c1")
	exec(t, simple(t, p, "c1"), "CREATE TABLE t AS SELECT 1 AS n")
	old := p.cluster("c1")
	p.broken(old)
	p.broken(old)
	for c := p.cluster("c1"); c == nil || c == old; c = p.cluster("c1") {
		runtime.Gosched()
	}
	if got := one(t, simple(t, p, "c1"), "SELECT n FROM t"); got != "1" {
		t.Errorf("got %s", got)
	}
}
