package warehouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// served is a plane with one cluster.
func served(t *testing.T) (*Plane, string) {
	t.Helper()
	p := newPlane(t, t.TempDir(), "http://127.0.0.1:1")
	create(t, p, "c1")
	return p, dsn(t, p, "c1")
}

func TestTransactions(t *testing.T) {
	_, d := served(t)
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			a, b := dial(t, d, mode), dial(t, d, mode)
			exec(t, a, "DROP TABLE IF EXISTS t")
			exec(t, a, "CREATE TABLE t (a INT)")
			tx, err := a.Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(ctx, "INSERT INTO t VALUES ($1)", 1); err != nil {
				t.Fatal(err)
			}
			if got := one(t, b, "SELECT count(*) FROM t"); got != "0" {
				t.Errorf("another session sees %s uncommitted rows", got)
			}
			if err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			if got := one(t, b, "SELECT count(*) FROM t"); got != "1" {
				t.Errorf("another session sees %s committed rows", got)
			}
			tx, _ = a.Begin(ctx)
			_, _ = tx.Exec(ctx, "INSERT INTO t VALUES (2)")
			_, err = tx.Exec(ctx, "SELECT * FROM nosuch")
			if code(err) != "42P01" {
				t.Errorf("unknown table: %v", err)
			}
			_, err = tx.Exec(ctx, "SELECT 1")
			if code(err) != "25P02" {
				t.Errorf("in a failed transaction: %v", err)
			}
			if err := tx.Commit(ctx); !errors.Is(err, pgx.ErrTxCommitRollback) {
				t.Errorf("commit of a failed transaction: %v", err)
			}
			if got := one(t, a, "SELECT count(*) FROM t"); got != "1" {
				t.Errorf("%s rows after a rollback", got)
			}
		})
	}
}

func TestScriptIsOneTransaction(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, c, "CREATE TABLE t (a INT NOT NULL)")
	refuse(t, c, "23502", "INSERT INTO t VALUES (1); INSERT INTO t VALUES (NULL)")
	if got := one(t, c, "SELECT count(*) FROM t"); got != "0" {
		t.Errorf("half a script stayed: %s rows", got)
	}
	exec(t, c, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);")
	exec(t, c, "BEGIN; INSERT INTO t VALUES (3); ROLLBACK; INSERT INTO t VALUES (4)")
	if got := one(t, c, "SELECT listagg(a, ',') WITHIN GROUP (ORDER BY a) FROM t"); got != "1,2,4" {
		t.Errorf("got %s", got)
	}
	batch := &pgx.Batch{}
	batch.Queue("INSERT INTO t VALUES (10)")
	batch.Queue("INSERT INTO t VALUES (NULL)")
	e := dial(t, d, pgx.QueryExecModeExec)
	if err := e.SendBatch(context.Background(), batch).Close(); code(err) != "23502" {
		t.Errorf("batch: %v", err)
	}
	if got := one(t, c, "SELECT count(*) FROM t WHERE a = 10"); got != "0" {
		t.Error("half a batch stayed")
	}
}

// TestLockQueues is the ledger's pattern: twenty loaders read the highest
// number under LOCK and write the next one. None fails, none reads what
// another is about to change.
func TestLockQueues(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, c, "CREATE TABLE ledger (n INT)")
	exec(t, c, "CREATE TABLE other (n INT)")
	const writers = 20
	var wg sync.WaitGroup
	for w := range writers {
		conn := dial(t, d, pgx.QueryExecModeSimpleProtocol)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for _, q := range []string{"BEGIN", "LOCK TABLE ledger, other", "INSERT INTO ledger SELECT coalesce(max(n), 0) + 1 FROM ledger", "INSERT INTO other VALUES (1)", "COMMIT"} {
				if _, err := conn.Exec(context.Background(), q); err != nil {
					t.Errorf("writer %d: %s: %v", w, q, err)
				}
			}
		}()
	}
	wg.Wait()
	if got, want := one(t, c, "SELECT count(DISTINCT n) || ' ' || max(n) || ' ' || (SELECT count(*) FROM other) FROM ledger"), fmt.Sprintf("%d %d %d", writers, writers, writers); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestWriteSkew: isolation is snapshot isolation, as Redshift's default is; a
// stricter one would hide faults of its clients.
func TestWriteSkew(t *testing.T) {
	_, d := served(t)
	a, b := dial(t, d, pgx.QueryExecModeSimpleProtocol), dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, a, "CREATE TABLE l (n INT)")
	exec(t, a, "BEGIN")
	exec(t, b, "BEGIN")
	if one(t, a, "SELECT count(*) FROM l") != "0" || one(t, b, "SELECT count(*) FROM l") != "0" {
		t.Fatal("not empty")
	}
	exec(t, a, "INSERT INTO l VALUES (1)")
	exec(t, a, "COMMIT")
	if got := one(t, b, "SELECT count(*) FROM l"); got != "0" {
		t.Errorf("the snapshot moved: %s rows", got)
	}
	exec(t, b, "INSERT INTO l VALUES (1)")
	exec(t, b, "COMMIT")
	if got := one(t, a, "SELECT count(*) FROM l"); got != "2" {
		t.Errorf("%s rows, want both", got)
	}
}

func TestConflict(t *testing.T) {
	_, d := served(t)
	a, b := dial(t, d, pgx.QueryExecModeSimpleProtocol), dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, a, "CREATE TABLE l (n INT)")
	exec(t, a, "INSERT INTO l VALUES (1)")
	exec(t, a, "BEGIN")
	one(t, a, "SELECT count(*) FROM l")
	exec(t, b, "UPDATE l SET n = 2")
	refuse(t, a, "40001", "UPDATE l SET n = 3")
	exec(t, a, "ROLLBACK")
}

func TestTruncateCommitsAndVacuumRefuses(t *testing.T) {
	_, d := served(t)
	a, b := dial(t, d, pgx.QueryExecModeSimpleProtocol), dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, a, "CREATE TABLE t (n INT)")
	exec(t, a, "INSERT INTO t VALUES (1)")
	exec(t, a, "BEGIN")
	exec(t, a, "TRUNCATE t")
	if got := one(t, b, "SELECT count(*) FROM t"); got != "0" {
		t.Errorf("TRUNCATE did not commit: %s rows", got)
	}
	exec(t, a, "VACUUM t")
	exec(t, a, "ANALYZE t")
	refuse(t, a, "42P01", "ANALYZE nosuch")
	exec(t, a, "BEGIN")
	refuse(t, a, "25001", "VACUUM")
	exec(t, a, "ROLLBACK")
}

func TestCancelAndTimeout(t *testing.T) {
	_, d := served(t)
	const long = "SELECT count(*) FROM range(100000000000) a WHERE range % 7 = 3"
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			c := dial(t, d, mode)
			exec(t, c, "SET statement_timeout TO 200")
			refuse(t, c, "57014", long)
			exec(t, c, "SET statement_timeout TO 0")
			errs := make(chan error, 1)
			go func() {
				_, err := c.Exec(context.Background(), long)
				errs <- err
			}()
			for { // until the request meets the running statement
				if err := c.PgConn().CancelRequest(context.Background()); err != nil {
					t.Fatal(err)
				}
				select {
				case err := <-errs:
					if code(err) != "57014" {
						t.Errorf("cancelled: %v", err)
					}
				case <-time.After(20 * time.Millisecond):
					continue
				}
				break
			}
			if got := one(t, c, "SELECT 1"); got != "1" {
				t.Errorf("after a cancel: %s", got)
			}
		})
	}
	t.Run("waiting for a lock", func(t *testing.T) {
		a, b := dial(t, d, pgx.QueryExecModeSimpleProtocol), dial(t, d, pgx.QueryExecModeSimpleProtocol)
		exec(t, a, "CREATE TABLE l (n INT)")
		exec(t, a, "BEGIN")
		exec(t, a, "LOCK l")
		exec(t, b, "SET statement_timeout = 100")
		exec(t, b, "BEGIN")
		refuse(t, b, "57014", "LOCK l")
		exec(t, b, "ROLLBACK")
		exec(t, a, "COMMIT")
		exec(t, b, "INSERT INTO l VALUES (1)")
	})
}

func TestTerminate(t *testing.T) {
	_, d := served(t)
	a, b := dial(t, d, pgx.QueryExecModeSimpleProtocol), dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, b, "CREATE TABLE l (n INT)")
	exec(t, a, "BEGIN")
	exec(t, a, "LOCK l")
	exec(t, a, "INSERT INTO l VALUES (1)")
	pid := one(t, a, "SELECT pg_backend_pid()")
	if got := one(t, b, "SELECT count(*) FROM stv_sessions WHERE process = "+pid+" AND user_name = 'lamplighter' AND db_name = 'dev'"); got != "1" {
		t.Errorf("stv_sessions lists it %s times", got)
	}
	if got := one(t, b, "SELECT pg_terminate_backend(process) FROM stv_sessions WHERE process <> pg_backend_pid()"); got != "t" {
		t.Errorf("pg_terminate_backend: %s", got)
	}
	_, err := a.Exec(context.Background(), "SELECT 1")
	if err == nil {
		t.Error("the session lives")
	}
	exec(t, b, "INSERT INTO l VALUES (2)") // the lock is free
	if got := one(t, b, "SELECT max(n) || ' ' || count(*) FROM l"); got != "2 1" {
		t.Errorf("got %s", got)
	}
	if got := one(t, b, "SELECT pg_terminate_backend(1)"); got != "f" {
		t.Errorf("nobody: %s", got)
	}
	running := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	pid = one(t, running, "SELECT pg_backend_pid()")
	errs := make(chan error, 1)
	go func() {
		_, err := running.Exec(context.Background(), "SELECT count(*) FROM range(100000000000) a WHERE range % 7 = 3")
		errs <- err
	}()
	for {
		one(t, b, "SELECT pg_terminate_backend("+pid+")")
		select {
		case err := <-errs:
			if code(err) != "57P01" && !strings.Contains(fmt.Sprint(err), "closed") {
				t.Errorf("terminated while running: %v", err)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestConnectionLost: a client that vanishes takes its transaction with it.
func TestConnectionLost(t *testing.T) {
	_, d := served(t)
	a, b := dial(t, d, pgx.QueryExecModeSimpleProtocol), dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, b, "CREATE TABLE l (n INT)")
	exec(t, a, "BEGIN")
	exec(t, a, "INSERT INTO l VALUES (1)")
	_ = a.PgConn().Conn().Close()
	exec(t, b, "INSERT INTO l VALUES (2)")
	if got := one(t, b, "SELECT listagg(n, ',') FROM l"); got != "2" {
		t.Errorf("got %s", got)
	}
}

// TestWritersSideBySide: writers of different tables do not wait for each
// other; those of one table do, and those in a circle are told.
func TestWritersSideBySide(t *testing.T) {
	_, d := served(t)
	ctx := context.Background()
	a, b := dial(t, d, pgx.QueryExecModeSimpleProtocol), dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, a, "CREATE SCHEMA s")
	exec(t, a, "CREATE TABLE s.one (n INT)")
	exec(t, a, "CREATE TABLE two (n INT)")
	exec(t, a, "SET search_path TO s, public")
	exec(t, a, "BEGIN")
	exec(t, a, "INSERT INTO one VALUES (1)")
	exec(t, b, "SET statement_timeout TO 5000")
	exec(t, b, "BEGIN")
	exec(t, b, "INSERT INTO public.two VALUES (1)")
	exec(t, b, "CREATE TABLE three AS SELECT * FROM two")
	exec(t, b, "CREATE TEMP TABLE one (n INT)")
	exec(t, b, "INSERT INTO one VALUES (9)")
	exec(t, b, "COMMIT")
	exec(t, b, "SET statement_timeout TO 50")
	for _, q := range []string{"INSERT INTO s.one VALUES (2)", "DELETE FROM s.one", "UPDATE s.one SET n = 1", "DROP TABLE s.one", "TRUNCATE s.one", "ALTER TABLE s.one ADD COLUMN x INT", "LOCK s.one",
		"MERGE INTO s.one USING two ON one.n = two.n WHEN MATCHED THEN UPDATE SET n = 2 WHEN NOT MATCHED THEN INSERT VALUES (3)"} {
		refuse(t, b, "57014", q)
	}
	exec(t, b, "SET statement_timeout TO 0")
	exec(t, b, "BEGIN")
	exec(t, b, "LOCK two")
	errs := make(chan error, 1)
	go func() {
		_, err := a.Exec(ctx, "INSERT INTO two VALUES (2)")
		errs <- err
	}()
	_, err := b.Exec(ctx, "LOCK s.one")
	first := <-errs
	if told := []string{code(first), code(err)}; told[0]+told[1] != "40P01" {
		t.Errorf("circle: %v and %v, want one of them told", first, err)
	}
}

// TestLostUpdate: who changes rows that another changed since the snapshot was
// taken is refused as Redshift refuses, and may try again.
func TestLostUpdate(t *testing.T) {
	_, d := served(t)
	a, b := dial(t, d, pgx.QueryExecModeSimpleProtocol), dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, a, "CREATE TABLE l (n INT)")
	exec(t, a, "CREATE TABLE other (n INT)")
	exec(t, a, "INSERT INTO l VALUES (1)")
	exec(t, a, "BEGIN")
	one(t, a, "SELECT count(*) FROM l")
	exec(t, b, "DELETE FROM l")
	_, err := a.Exec(context.Background(), "UPDATE l SET n = n + 1")
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "40001" || pg.Message != "1023" || !strings.Contains(pg.Detail, "Serializable isolation violation") {
		t.Errorf("got %v", err)
	}
	exec(t, a, "ROLLBACK")
	exec(t, a, "BEGIN") // the snapshot is taken after the wait for the lock
	exec(t, b, "BEGIN")
	exec(t, b, "INSERT INTO l VALUES (5)")
	done := make(chan error, 1)
	go func() {
		_, err := a.Exec(context.Background(), "UPDATE l SET n = n + 1")
		done <- err
	}()
	exec(t, b, "UPDATE l SET n = n * 10")
	exec(t, b, "COMMIT")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	exec(t, a, "COMMIT")
	if got := one(t, b, "SELECT max(n) FROM l"); got != "51" && got != "60" {
		t.Errorf("an update was lost: %s", got)
	}
}
