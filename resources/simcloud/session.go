package simcloud

import (
	"context"
	"slices"
	"time"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// opener is a warehouse.Opener of one process.
type opener struct {
	f    *front
	seen map[*database]bool
}

// Open connects. The first Open of the process on a database ends the sessions
// of other processes there.
func (o *opener) Open(ctx context.Context, cluster string) (warehouse.Session, error) {
	o.f.p.check()
	m := o.f.s.memory
	if !o.f.pass(ctx, o.f.s.take(o.f.s.work.Open)) {
		return nil, lostFault(resources.Retry, ctx.Err())
	}
	x := o.f.s.cluster(cluster)
	if x == nil {
		return nil, &resources.Fault{Class: resources.Gone, Code: "ClusterNotFound", Msg: "open " + cluster + ": there is no such cluster"}
	}
	db := m.dbs[cluster]
	if db == nil || x.Status != available || o.f.s.roll(o.f.s.opts.Faults.Flaky) {
		return nil, resources.Faultf(resources.Retry, "open %s: connection refused", cluster)
	}
	if !o.seen[db] {
		o.seen[db] = true
		for _, s := range slices.Clone(db.sessions) {
			if s.f.p != o.f.p {
				s.end()
			}
		}
	}
	s := &session{f: o.f, cluster: cluster, db: db, wake: make(chan struct{}, 1)}
	db.sessions = append(db.sessions, s)
	return s, nil
}

func lostFault(class resources.Class, err error) error {
	f := resources.Faultf(class, "connection lost")
	f.Err = err
	return f
}

// end ends a session from the server's side: locks are given back, and what
// it waits for comes to nothing.
func (s *session) end() {
	if s.over {
		return
	}
	s.over = true
	s.db.sessions = slices.DeleteFunc(s.db.sessions, func(o *session) bool { return o == s })
	s.unlock()
	s.ring()
}

// unlock gives back all locks and rings those who wait.
func (s *session) unlock() {
	for table, holder := range s.db.locks {
		if holder == s {
			delete(s.db.locks, table)
		}
	}
	for _, o := range s.db.sessions {
		o.ring()
	}
}

func (s *session) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// session is one connection of one process.
type session struct {
	f       *front
	cluster string
	db      *database
	over    bool // ended by either side
	wake    chan struct{}
}

// spend lets a statement take d. It is false when the session ended or ctx
// did; then nothing was committed.
func (s *session) spend(ctx context.Context, d time.Duration) error {
	until := s.f.s.Sim.now.Add(d)
	for s.f.s.Sim.now.Before(until) && !s.over && ctx.Err() == nil {
		s.f.p.Wait(ctx, until, s.wake)
	}
	return s.broken(ctx)
}

func (s *session) broken(ctx context.Context) error {
	switch {
	case s.over:
		return &resources.Fault{Class: resources.Retry, Code: "57P01", Msg: "the connection to " + s.cluster + " was ended"}
	case ctx.Err() != nil:
		s.end()
		return lostFault(resources.Retry, ctx.Err())
	}
	return nil
}

// Script implements warehouse.Session.
func (s *session) Script(ctx context.Context, sc warehouse.Script) (warehouse.Ran, error) {
	t, err := s.begin(ctx, "Script", sc.Receipt.Step, "lamplighter.receipts", sc.Timeout)
	if t != nil {
		defer t.rollback()
	}
	if err != nil {
		return warehouse.Ran{}, err
	}
	if err := s.fails(sc.Receipt.Step); err != nil {
		return warehouse.Ran{}, err
	}
	for _, r := range s.db.receipts {
		if r.Run == sc.Receipt.Run && r.Attempt == sc.Receipt.Attempt && r.Step == sc.Receipt.Step {
			return warehouse.Ran{Rows: s.db.affected[r], Already: true}, nil
		}
	}
	if err := t.spend(ctx, s.f.s.take(s.f.s.work.Script)); err != nil {
		return warehouse.Ran{}, err
	}
	ran := warehouse.Ran{Rows: int64(len(sc.Statements))}
	err = t.commit(ctx, func(db *database) {
		db.receipts = append(db.receipts, sc.Receipt)
		db.affected[sc.Receipt] = ran.Rows
	})
	return ran, err
}

// Query implements warehouse.Session: the answer is Options.Answers[sql].
func (s *session) Query(ctx context.Context, sql string) (string, bool, error) {
	s.f.p.check()
	if err := s.fails(sql); err != nil {
		return "", false, err
	}
	err := s.spend(ctx, s.f.s.take(s.f.s.work.Query))
	return s.answer(sql), false, err
}

// fails is the error that SimOptions wants something to end in.
func (s *session) fails(what string) error {
	if msg, ok := s.f.s.opts.Fails[what]; ok {
		return &resources.Fault{Class: resources.Permanent, Code: "42601", Msg: msg}
	}
	return nil
}

// Analyze implements warehouse.Session.
func (s *session) Analyze(ctx context.Context, tables []string) error {
	s.f.p.check()
	return s.spend(ctx, s.f.s.take(s.f.s.work.Analyze))
}

// Ledger implements warehouse.Session.
func (s *session) Ledger(ctx context.Context) (warehouse.Ledger, error) {
	s.f.p.check()
	if err := s.spend(ctx, s.f.s.take(s.f.s.work.Statement)); err != nil {
		return warehouse.Ledger{}, err
	}
	return s.db.ledger(), nil
}

// Watermark implements warehouse.Session.
func (s *session) Watermark(ctx context.Context) (warehouse.Watermark, error) {
	s.f.p.check()
	if err := s.spend(ctx, s.f.s.take(s.f.s.work.Statement)); err != nil {
		return nil, err
	}
	return s.db.watermark(), nil
}

// Close implements warehouse.Session. A dead process closes nothing: what the
// server makes of its connections is a matter of Faults.
func (s *session) Close() error {
	if !s.f.p.dead {
		s.end()
	}
	return nil
}
