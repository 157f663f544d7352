package warehouse

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestKilledAmongWriters: sessions write tables of their own and one that they
// share, and the server is killed among them. What was told to be committed is
// there, in both tables of a transaction or in none, and what never reached
// its COMMIT is not.
func TestKilledAmongWriters(t *testing.T) {
	const writers = 4
	dir := t.TempDir()
	srv := start(t, dir, "http://127.0.0.1:1")
	c := dial(t, srv.dsn, pgx.QueryExecModeSimpleProtocol)
	execAll(t, c, "CREATE TABLE shared (w INT, n INT)")
	for w := range writers {
		execAll(t, c, fmt.Sprintf("CREATE TABLE own%d (n INT)", w))
	}
	for round := range 3 {
		// One transaction of each round stays open, with rows in both tables.
		open := dial(t, srv.dsn, pgx.QueryExecModeSimpleProtocol)
		execAll(t, open, "CREATE TABLE IF NOT EXISTS apart (n INT)", "BEGIN", "INSERT INTO apart VALUES (-1)", "CREATE TABLE never (n INT)")
		before := make([]int, writers)
		for w := range writers {
			_, err := fmt.Sscan(one(t, c, fmt.Sprintf("SELECT count(*) FROM own%d", w)), &before[w])
			if err != nil {
				t.Fatal(err)
			}
		}
		told := among(t, srv, writers, before, 12*(round+1))
		srv = start(t, dir, "http://127.0.0.1:1")
		c = dial(t, srv.dsn, pgx.QueryExecModeSimpleProtocol)
		for w := range writers {
			own := one(t, c, fmt.Sprintf("SELECT count(*) || ' ' || count(DISTINCT n) || ' ' || coalesce(max(n), -1) FROM own%d", w))
			both := one(t, c, fmt.Sprintf("SELECT count(*) || ' ' || count(DISTINCT n) || ' ' || coalesce(max(n), -1) FROM shared WHERE w = %d", w))
			least := before[w] + told[w]
			sure, maybe := rowsTo(least), rowsTo(least+1) // the COMMIT that was under way may have been kept
			if own != both || own != sure && own != maybe {
				t.Errorf("round %d, writer %d: its own table has %q, the shared one %q, want both %q or %q", round, w, own, both, sure, maybe)
			}
		}
		if got := one(t, c, "SELECT count(*) FROM apart"); got != "0" {
			t.Errorf("round %d: %s rows of an open transaction are there", round, got)
		}
		refuse(t, c, "42P01", "SELECT * FROM never")
	}
}

// rowsTo is what rows 0 to n-1, each once, look like.
func rowsTo(n int) string { return fmt.Sprintf("%d %d %d", n, n, n-1) }

// among lets the writers write until so many transactions were told to be
// committed, kills the server among the next ones, and says how many each
// writer was told.
func among(t *testing.T, srv *process, writers int, from []int, commits int) []int {
	t.Helper()
	told := make([]int, writers)
	var all atomic.Int64
	enough := make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	for w := range writers {
		conn := dial(t, srv.dsn, pgx.QueryExecModeSimpleProtocol)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := from[w]; commitRow(conn, w, n) == nil; n++ {
				told[w]++
				if all.Add(1) >= int64(commits) {
					once.Do(func() { close(enough) })
				}
			}
			once.Do(func() { close(enough) }) // a writer that failed early is seen by the counts
		}()
	}
	<-enough
	srv.kill()
	wg.Wait()
	if all.Load() < int64(commits) {
		t.Errorf("only %d transactions were committed before the kill, want %d", all.Load(), commits)
	}
	return told
}

// commitRow writes row n of a writer to its own table and to the shared one.
func commitRow(conn *pgx.Conn, w, n int) error {
	for _, q := range []string{
		"BEGIN", fmt.Sprintf("INSERT INTO own%d VALUES (%d)", w, n), fmt.Sprintf("INSERT INTO shared VALUES (%d, %d)", w, n), "COMMIT",
	} {
		if _, err := conn.Exec(context.Background(), q); err != nil {
			return err
		}
	}
	return nil
}
