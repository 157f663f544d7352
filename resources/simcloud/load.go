package simcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// tx is one writing transaction of a session.
type tx struct {
	s        *session
	call     string
	target   string
	deadline time.Time // of the statement that waits; zero is none
	sent     bool      // COMMIT is on its way: the server decides
}

// begin passes the first crash point, checks the connection and takes the
// table's lock.
func (s *session) begin(ctx context.Context, call, target, table string, limit time.Duration) (*tx, error) {
	s.f.p.check()
	s.f.s.point("warehouse."+call, target, "before")
	if err := s.spend(ctx, s.f.s.take(s.f.s.work.Statement)); err != nil {
		return nil, err
	}
	t := &tx{s: s, call: call, target: target}
	if limit > 0 {
		t.deadline = s.f.s.Sim.now.Add(limit)
	}
	return t, t.lock(ctx, table)
}

// lock waits for a table's lock: writers of one table go one after another.
func (t *tx) lock(ctx context.Context, table string) error {
	s := t.s
	for s.db.locks[table] != nil && s.db.locks[table] != s {
		until := s.f.s.Sim.now.Add(24 * time.Hour)
		if !t.deadline.IsZero() {
			if !s.f.s.Sim.now.Before(t.deadline) {
				return t.timeout()
			}
			until = t.deadline
		}
		s.f.p.Wait(ctx, until, s.wake)
		if err := s.broken(ctx); err != nil {
			return err
		}
	}
	s.db.locks[table] = s
	return nil
}

func (t *tx) timeout() error {
	t.s.unlock()
	return &resources.Fault{Class: resources.Retry, Code: "57014", Msg: t.call + " " + t.target + ": canceling statement due to statement timeout"}
}

// spend lets a statement of the transaction take d, or its limit.
func (t *tx) spend(ctx context.Context, d time.Duration) error {
	s := t.s
	if left := t.deadline.Sub(s.f.s.Sim.now); !t.deadline.IsZero() && d > left {
		if err := s.spend(ctx, left); err != nil {
			return err
		}
		return t.timeout()
	}
	return s.spend(ctx, d)
}

// rollback ends the transaction without effect. Of a killed client the server
// may not notice it.
func (t *tx) rollback() {
	if t.sent || t.s.f.p.dead && t.s.f.s.opts.Faults.KeepSessions {
		return
	}
	t.s.unlock()
}

const commitTime = 500 * time.Millisecond

// commit sends COMMIT: apply runs on the server, also when the client dies or
// is cancelled meanwhile and ServerGoesOn. A session that the server ended
// before has no effect.
func (t *tx) commit(ctx context.Context, apply func(*database)) error {
	s, sim := t.s, t.s.f.s
	a := s.f.attempt("warehouse."+t.call, t.target)
	applied := false
	land := func() {
		if !applied && !s.over {
			applied = true
			apply(s.db)
			sim.note(a, true, nil)
			s.unlock()
		}
	}
	t.sent = true
	until := sim.Sim.now.Add(commitTime)
	sim.Sim.At(until, func() {
		if s.f.p.dead && !sim.opts.Faults.ServerGoesOn {
			t.sent = false
			t.rollback()
			return
		}
		land()
	})
	sim.point(a.call, a.target, "sent")
	for sim.Sim.now.Before(until) && !s.over && ctx.Err() == nil {
		s.f.p.Wait(ctx, until, s.wake)
	}
	if !applied && ctx.Err() != nil && sim.opts.Faults.ServerGoesOn {
		land()
	}
	if err := s.broken(ctx); err != nil || !applied {
		if !applied {
			sim.note(a, false, err)
		}
		return lostFault(resources.Unknown, err)
	}
	sim.point(a.call, a.target, "after")
	if sim.roll(sim.opts.Faults.Lost) {
		s.end()
		return lostFault(resources.Unknown, nil)
	}
	return nil
}

// Load implements warehouse.Session.
func (s *session) Load(ctx context.Context, b warehouse.Batch) (warehouse.Loaded, error) {
	t, err := s.begin(ctx, "Load", b.Table, b.Table, b.Timeout)
	if t != nil {
		defer t.rollback()
	}
	if err != nil {
		return warehouse.Loaded{}, err
	}
	if err := s.fails(b.Step); err != nil {
		return warehouse.Loaded{}, err
	}
	e, err := s.db.effect(b)
	if err != nil {
		return warehouse.Loaded{}, err
	}
	for id, rows := range s.db.rowsOf(b.Table) {
		if e.loads[id] {
			e.before += rows
		}
	}
	if len(e.parts) == 0 {
		return warehouse.Loaded{Rows: e.before, Objects: len(b.Objects), LoadID: s.db.lastLoad(b.Table), Already: true,
			Rejected: s.db.recall(b.Table, e.loads)}, nil
	}
	parts, err := t.copyParts(ctx, b, e)
	if err != nil {
		return warehouse.Loaded{}, err
	}
	done := warehouse.Loaded{LoadID: s.db.lastLoad(b.Table) + 1}
	if done.Rejected, err = s.refuse(b, parts); err != nil {
		return warehouse.Loaded{}, err
	}
	for i, rows := range parts {
		done.Objects += len(e.parts[i])
		for _, o := range rows {
			done.Rows += o.rows
		}
	}
	if done.Warnings, err = s.checks(b, e.before+done.Rows); err != nil {
		return warehouse.Loaded{}, err
	}
	if b.Unchanged != nil {
		if err := b.Unchanged(ctx); err != nil {
			return warehouse.Loaded{}, err
		}
	}
	if err := s.broken(ctx); err != nil {
		return warehouse.Loaded{}, err
	}
	err = t.commit(ctx, func(db *database) { db.load(b, e, parts, done, s.f.s.Sim.now) })
	return done, err
}

// copyFrom is COPY: it reads what the manifest names, as it is now.
func (t *tx) copyFrom(ctx context.Context, b warehouse.Batch, manifest string) ([]loaded, error) {
	sim := t.s.f.s
	bad := func(format string, args ...any) ([]loaded, error) {
		return nil, &resources.Fault{Class: resources.Permanent, Code: "XX000", Msg: "load into " + b.Table + ": " + fmt.Sprintf(format, args...)}
	}
	list := sim.store.objects[key(manifest)]
	if list == nil {
		return bad("the manifest %q does not exist", manifest)
	}
	var m struct {
		Entries []struct {
			URL       string `json:"url"`
			Mandatory bool   `json:"mandatory"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(list.body, &m); err != nil {
		return bad("the manifest %s is no JSON: %v", manifest, err)
	}
	var rows []loaded
	var bytes int64
	for _, e := range m.Entries {
		o := sim.store.objects[key(e.URL)]
		if o == nil && e.Mandatory {
			return bad("the object %s does not exist", e.URL)
		}
		if why := sim.bad[e.URL]; why != "" {
			return nil, &resources.Fault{Class: resources.Permanent, Code: warehouse.CodeRejected, Msg: "load into " + b.Table + ": " + e.URL + " line 1: " + why}
		}
		if o != nil {
			rows = append(rows, loaded{uri: e.URL, size: o.size, rows: max(1, o.size/40)})
			bytes += o.size
		}
	}
	took := sim.take(sim.work.Load)
	for range bytes / 1e6 {
		took += sim.take(sim.work.LoadMB)
	}
	return rows, t.spend(ctx, took)
}

// checks refuses what must not be committed, and returns what only warns.
func (s *session) checks(b warehouse.Batch, rows int64) (warnings []warehouse.Unmet, err error) {
	found := func(f warehouse.Unmet, warn bool) error {
		if !warn {
			return warehouse.RolledBack(b.Table, f)
		}
		warnings = append(warnings, f)
		return nil
	}
	for _, r := range b.Rows {
		if says := r.Broken(rows, len(b.Objects)); says != "" {
			if err := found(warehouse.Unmet{Check: r.Name, Rows: rows, Says: says}, r.Warn); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range b.Checks {
		if n, _ := strconv.ParseInt(s.answer(c.SQL), 10, 64); n != 0 {
			if err := found(c.Describe(n, nil), c.Warn); err != nil {
				return nil, err
			}
		}
	}
	return warnings, nil
}

func (s *session) answer(sql string) string { return or(s.f.s.opts.Answers[sql], "0") }
