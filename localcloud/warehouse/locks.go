package warehouse

import (
	"context"
	"slices"
	"sync"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// locks are the write locks on tables. Redshift's writers queue for the table
// they write and hold it to the end of their transaction
// (https://docs.aws.amazon.com/redshift/latest/dg/c_write_readwrite.html);
// writers of different tables go side by side. Readers never wait here, not
// even for LOCK, which on Redshift keeps them out too.
type locks struct {
	mu    sync.Mutex
	held  map[string]*session
	queue map[string][]*waiter
	waits map[*session]string // what a session waits for

	count   int64            // of commits that changed rows
	changes map[string]int64 // by table: the last of them
}

type waiter struct {
	s     *session
	grant chan struct{}
}

func newLocks() *locks {
	return &locks{held: map[string]*session{}, queue: map[string][]*waiter{}, waits: map[*session]string{}, changes: map[string]int64{}}
}

var errDeadlock = &pgwire.Error{Code: "40P01", Msg: "deadlock detected", Hint: "lock the tables of a transaction in the same order everywhere"}

// take waits its turn for a table. Whoever waits is served in order.
func (l *locks) take(ctx context.Context, s *session, table string) error {
	l.mu.Lock()
	holder := l.held[table]
	if holder == nil || holder == s {
		l.held[table] = s
		l.mu.Unlock()
		return nil
	}
	if l.circle(s, table) {
		l.mu.Unlock()
		return errDeadlock
	}
	w := &waiter{s: s, grant: make(chan struct{})}
	l.queue[table] = append(l.queue[table], w)
	l.waits[s] = table
	l.mu.Unlock()
	select {
	case <-w.grant:
		return nil
	case <-ctx.Done():
		l.leave(w, table)
		return ctx.Err()
	}
}

// circle says that s would wait for itself: each holder waits for one table at
// most, so the chain has no branches. Those before s in the queue come first
// and count as holders.
func (l *locks) circle(s *session, table string) bool {
	seen := map[string]bool{}
	pending := []string{table}
	for len(pending) > 0 {
		t := pending[0]
		pending = pending[1:]
		if seen[t] {
			continue
		}
		seen[t] = true
		before := []*session{l.held[t]}
		for _, w := range l.queue[t] {
			before = append(before, w.s)
		}
		for _, b := range before {
			if b == s {
				return true
			}
			if next, ok := l.waits[b]; ok {
				pending = append(pending, next)
			}
		}
	}
	return false
}

// leave takes a waiter out that gave up; what it was granted meanwhile goes on.
func (l *locks) leave(w *waiter, table string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waits, w.s)
	i := slices.Index(l.queue[table], w)
	if i >= 0 {
		l.queue[table] = slices.Delete(l.queue[table], i, i+1)
	} else {
		l.pass(table)
	}
}

// pass gives a table to the next in its queue.
func (l *locks) pass(table string) {
	if len(l.queue[table]) == 0 {
		delete(l.held, table)
		delete(l.queue, table)
		return
	}
	next := l.queue[table][0]
	l.queue[table] = l.queue[table][1:]
	l.held[table] = next.s
	delete(l.waits, next.s)
	close(next.grant)
}

// release gives up all tables of a session.
func (l *locks) release(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for table, holder := range l.held {
		if holder == s {
			l.pass(table)
		}
	}
}

// now is the number of the last commit that changed rows.
func (l *locks) now() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// change notes a commit; its transaction still holds the tables.
func (l *locks) change(tables []string) {
	if len(tables) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	for _, t := range tables {
		l.changes[t] = l.count
	}
}

func (l *locks) changedSince(table string, snapshot int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changes[table] > snapshot
}

// lockKey names what a write locks: a table by its schema. Temporary tables
// are a session's own and need no lock.
func (s *session) lockKey(ctx context.Context, n rsql.Name) (key string, needed bool, err error) {
	where := "table_name = " + quote(n.Table)
	if n.Schema != "" {
		where += " AND schema_name = " + quote(n.Schema)
	}
	rows, err := s.query(ctx, "SELECT temporary, schema_name, list_position(string_split(replace(current_setting('search_path'), '\"', ''), ','), schema_name) AS place FROM duckdb_tables() WHERE "+where+" AND NOT internal ORDER BY NOT temporary, place NULLS LAST LIMIT 1")
	switch {
	case err != nil:
		return "", false, err
	case len(rows) > 0 && rows[0][0] == true:
		return "", false, nil
	case len(rows) > 0:
		return text(rows[0][1]) + "." + n.Table, true, nil
	case n.Schema != "":
		return n.Schema + "." + n.Table, true, nil
	}
	rows, err = s.query(ctx, "SELECT current_schema()")
	if err != nil || len(rows) == 0 {
		return "", false, err
	}
	return text(rows[0][0]) + "." + n.Table, true, nil
}
