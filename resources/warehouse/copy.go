package warehouse

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"lamplighter/resources"
)

// Modes of a load.
const (
	Append  = "append"
	Replace = "replace"
)

// Load implements Session: one transaction that locks the ledger and the
// table, asks the ledger what is there, copies the rest, checks it, and writes
// a ledger row per object.
func (s *session) Load(ctx context.Context, b Batch) (Loaded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := checkBatch(b)
	if err != nil {
		return Loaded{}, err
	}
	if _, err := copyStatement(s.dialect, t, b, b.Manifest); err != nil {
		return Loaded{}, err
	}
	if err := s.limit(ctx, b.Timeout); err != nil {
		return Loaded{}, err
	}
	if err := s.ensure(ctx, t.ledgerName(), ledgerColumns); err != nil {
		return Loaded{}, err
	}
	l := load{s: s, b: b, t: t}
	err = s.transaction(ctx, b.Timeout, []string{t.ledgerSQL(), t.sql()}, func() error { return l.run(ctx) })
	if err != nil {
		return Loaded{}, s.withRejects(ctx, err)
	}
	return l.done, nil
}

// checkBatch refuses what cannot be loaded before anything is asked.
func checkBatch(b Batch) (table, error) {
	t, err := parseTable(b.Table)
	if err != nil {
		return t, err
	}
	bad := func(format string, args ...any) (table, error) {
		return t, resources.Faultf(resources.Permanent, "load into %s: %s", t.key(), fmt.Sprintf(format, args...))
	}
	if b.Mode != Append && b.Mode != Replace {
		return bad("mode %q is unknown: append or replace", b.Mode)
	}
	if len(b.Objects) == 0 {
		return bad("the batch has no objects")
	}
	if b.Role == "" {
		return bad("no IAM role")
	}
	seen := map[string]bool{}
	for _, o := range b.Objects {
		if seen[o.URI] {
			return bad("%s is in the batch twice", o.URI)
		}
		seen[o.URI] = true
		if len(o.URI) > 2048 || len(o.ETag) > 256 || len(o.Partition) > 64 || o.ETag == "" {
			return bad("%s: the ledger cannot hold this object (its URI, ETag %q, partition %q)", o.URI, o.ETag, o.Partition)
		}
		if err := storable("object", o.URI, o.ETag, o.Partition); err != nil {
			return t, err
		}
	}
	return t, storable("load into "+t.key(), append([]string{b.Manifest, b.Role, b.Region, b.Run, b.Step, b.Format.NullAs}, b.Columns...)...)
}

// load is one Load inside its transaction.
type load struct {
	s    *session
	b    Batch
	t    table
	done Loaded
}

func (l *load) run(ctx context.Context) error {
	known, err := l.s.known(ctx, l.t, l.b)
	if err != nil {
		return err
	}
	rest, before, err := l.missing(known)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		l.done = Loaded{Rows: before, Objects: len(l.b.Objects), LoadID: known.max, Already: true}
		return nil
	}
	manifest := l.b.Manifest
	if len(rest) < len(l.b.Objects) {
		if manifest, err = l.restManifest(ctx, rest); err != nil {
			return err
		}
	}
	if l.b.Mode == Replace {
		if err := l.clear(ctx); err != nil {
			return err
		}
	}
	rows, err := l.copy(ctx, manifest)
	if err != nil {
		return err
	}
	warnings, err := l.check(ctx, before+rows)
	if err != nil {
		return err
	}
	l.done = Loaded{Rows: rows, Objects: len(rest), LoadID: known.max + 1, Warnings: warnings}
	if err := l.s.record(ctx, l.t, l.b, rest, l.done, known.now); err != nil {
		return err
	}
	if l.b.Unchanged != nil {
		if err := l.b.Unchanged(ctx); err != nil {
			return notCommitted(err, "load into "+l.t.key()+" rolled back")
		}
	}
	return nil
}

// missing are the objects of the batch that are not in the table yet, and how
// many rows the loads that brought the others had.
func (l *load) missing(k known) (rest []Object, before int64, err error) {
	if l.b.Mode == Replace {
		if k.isExactly(l.b.Objects) {
			_, before = k.rowsOf(l.b.Objects)
			return nil, before, nil
		}
		return l.b.Objects, 0, nil
	}
	for _, o := range l.b.Objects {
		etags := k.objects[o.URI]
		switch {
		case etags[o.ETag] != nil:
		case len(etags) > 0 && o.Partition != "":
			return nil, 0, changed(l.t, o, etags)
		default: // new; or an undated object that changed, which is a new one
			rest = append(rest, o)
		}
	}
	_, before = k.rowsOf(l.b.Objects)
	return rest, before, nil
}

// changed refuses an object of a dated source whose rows are in the table
// already, as they were then: rows do not know their object, so they can be
// neither replaced nor loaded beside it.
func changed(t table, o Object, etags map[string]*entry) error {
	var old string
	for old = range etags {
	}
	return &resources.Fault{Class: resources.Permanent, Code: CodeChanged,
		Msg:  fmt.Sprintf("load into %s: %s was loaded with ETag %s and has ETag %s now: its rows would be there twice", t.key(), o.URI, old, o.ETag),
		Hint: "write corrections as new objects; or restore the object as it was; or delete its rows and its row in " + schemaName + "." + t.ledgerName() + " in a migration"}
}

func (l *load) restManifest(ctx context.Context, rest []Object) (string, error) {
	what := fmt.Sprintf("manifest of the %d objects of %s that are not loaded yet", len(rest), l.t.key())
	if l.b.Rest == nil {
		return "", resources.Faultf(resources.Permanent, "%s: nobody writes it", what)
	}
	manifest, err := l.b.Rest(ctx, rest)
	if err != nil {
		return "", notCommitted(err, what)
	}
	return manifest, storable(what, manifest)
}

// clear empties the table and its ledger. TRUNCATE would commit.
func (l *load) clear(ctx context.Context) error {
	for _, t := range []string{l.t.sql(), l.t.ledgerSQL()} {
		if _, err := l.s.do(ctx, "replace "+l.t.key(), "DELETE FROM "+t); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) copy(ctx context.Context, manifest string) (rows int64, err error) {
	sql, err := copyStatement(l.s.dialect, l.t, l.b, manifest)
	if err != nil {
		return 0, err
	}
	if _, err := l.s.do(ctx, "load into "+l.t.key(), sql); err != nil {
		return 0, err
	}
	return l.s.copied(ctx)
}

// copied is how many rows the session's last COPY loaded.
func (s *session) copied(ctx context.Context) (int64, error) {
	rows, err := s.ask(ctx, "count loaded rows", "SELECT pg_last_copy_count()")
	if err != nil {
		return 0, err
	}
	return number("count loaded rows", rows)
}

// number is the only value of an answer.
func number(what string, rows [][]string) (int64, error) {
	if len(rows) != 1 || len(rows[0]) != 1 {
		return 0, resources.Faultf(resources.Permanent, "%s: want one number, got %v", what, rows)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(rows[0][0]), 10, 64)
	if err != nil {
		return 0, resources.Faultf(resources.Permanent, "%s: want a number, got %q", what, rows[0][0])
	}
	return n, nil
}
