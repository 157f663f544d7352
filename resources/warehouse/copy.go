package warehouse

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lamplighter/resources"
)

// Load implements Session: one transaction that locks the ledger and the
// table, asks the ledger what is there, copies the rest as the mode says,
// checks it, and writes a ledger row per object.
func (s *session) Load(ctx context.Context, b Batch) (Loaded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := checkBatch(b)
	if err != nil {
		return Loaded{}, err
	}
	if err := checkFormat(s.dialect, t, b); err != nil {
		return Loaded{}, err
	}
	if err := s.limit(ctx, b.Timeout); err != nil {
		return Loaded{}, err
	}
	if err := s.ensure(ctx, t.ledgerName(), ledgerColumns); err != nil {
		return Loaded{}, err
	}
	if b.MaxErrors > 0 {
		if err := s.ensure(ctx, rejectsTable, rejectColumns); err != nil {
			return Loaded{}, err
		}
	}
	l := load{s: s, b: b, t: t}
	err = s.transaction(ctx, b.Timeout, []string{t.ledgerSQL(), t.sql()}, func() error { return l.run(ctx) })
	if err != nil {
		return Loaded{}, s.withRejects(ctx, b, err)
	}
	return l.done, nil
}

// checkBatch refuses what cannot be loaded before anything is asked.
func checkBatch(b Batch) (table, error) {
	t, err := parseTable(b.Table)
	if err != nil {
		return t, err
	}
	if what := b.wrong(); what != "" {
		return t, resources.Faultf(resources.Permanent, "load into %s: %s", t.key(), what)
	}
	seen := map[string]bool{}
	for _, o := range b.Objects {
		switch {
		case seen[o.URI]:
			return t, resources.Faultf(resources.Permanent, "load into %s: %s is in the batch twice", t.key(), o.URI)
		case len(o.URI) > 2048 || len(o.ETag) > 256 || len(o.Partition) > 64 || o.ETag == "":
			return t, resources.Faultf(resources.Permanent, "load into %s: %s: the ledger cannot hold this object (its URI, ETag %q, partition %q)", t.key(), o.URI, o.ETag, o.Partition)
		}
		seen[o.URI] = true
		if err := storable("object", o.URI, o.ETag, o.Partition); err != nil {
			return t, err
		}
		if b.PartitionColumn != "" {
			if _, err := periodOf(o.Partition); err != nil {
				return t, err
			}
		}
	}
	names := slices.Concat(b.Columns, b.Key, []string{b.PartitionColumn})
	return t, storable("load into "+t.key(), append(names, b.Manifest, b.Role, b.Region, b.Run, b.Step, b.Format.NullAs, b.Format.Paths, b.Format.DateFormat, b.Format.TimeFormat)...)
}

// wrong is what does not fit together in a batch; "" when all does.
func (b Batch) wrong() string {
	switch {
	case b.Mode != Append && b.Mode != Replace && b.Mode != Upsert:
		return fmt.Sprintf("mode %q is unknown: append, replace or upsert", b.Mode)
	case (b.Mode == Upsert) != (len(b.Key) > 0):
		return "an upsert has a key, and nothing else has"
	case b.Mode == Upsert && b.PartitionColumn != "":
		return "an upsert replaces rows, not partitions"
	case b.Mode == Append && b.Anew && b.PartitionColumn == "":
		return "what changed can be loaded anew only by partitions, and no column says of which one a row is"
	case len(b.Objects) == 0:
		return "the batch has no objects"
	case b.Role == "":
		return "no IAM role"
	case b.MaxErrors < 0 || b.MaxErrors >= 100_000: // MAXERROR is one more
		return fmt.Sprintf("max_errors %d: COPY takes 1 to 99999", b.MaxErrors)
	}
	return ""
}

// load is one Load inside its transaction.
type load struct {
	s        *session
	b        Batch
	t        table
	rejected []Reject // of the COPYs so far
	done     Loaded
}

func (l *load) run(ctx context.Context) error {
	known, err := l.s.known(ctx, l.t, l.b)
	if err != nil {
		return err
	}
	what, err := decide(l.t, l.b, known)
	if err != nil {
		return err
	}
	_, before := known.rowsOf(what.loaded)
	if len(what.parts) == 0 {
		l.done = Loaded{Rows: before, Objects: len(l.b.Objects), LoadID: known.max, Already: true}
		l.done.Rejected, err = l.recall(ctx, known)
		return err
	}
	if err := l.clear(ctx, what); err != nil {
		return err
	}
	rows, err := l.fill(ctx, what.parts)
	if err != nil {
		return err
	}
	warnings, err := l.check(ctx, before+rows)
	if err != nil {
		return err
	}
	l.done = Loaded{Rows: rows, Objects: len(what.objects()), LoadID: known.max + 1, Warnings: warnings}
	return l.finish(ctx, what.objects(), known.now)
}

// finish writes down what was loaded and refused, and looks once more at the
// objects.
func (l *load) finish(ctx context.Context, objects []Object, now time.Time) (err error) {
	if err := l.s.record(ctx, l.t, l.b, objects, l.done, now); err != nil {
		return err
	}
	if l.done.Rejected, err = l.keep(ctx); err != nil {
		return err
	}
	if l.b.Unchanged != nil {
		if err := l.b.Unchanged(ctx); err != nil {
			return notCommitted(err, "load into "+l.t.key()+" rolled back")
		}
	}
	return nil
}

// clear takes out the rows that give way, and their ledger rows. TRUNCATE
// would commit.
func (l *load) clear(ctx context.Context, what todo) error {
	var statements []string
	switch {
	case what.whole:
		statements = []string{"DELETE FROM " + l.t.sql(), "DELETE FROM " + l.t.ledgerSQL()}
	case len(what.days) > 0:
		within, err := l.s.dialect.within(l.b.PartitionColumn, what.days)
		if err != nil {
			return err
		}
		statements = []string{"DELETE FROM " + l.t.sql() + " WHERE " + within, "DELETE FROM " + l.t.ledgerSQL() + " WHERE part IN (" + l.s.dialect.literals(what.days) + ")"}
	}
	for chunk := range slices.Chunk(what.forget, insertRows) {
		statements = append(statements, "DELETE FROM "+l.t.ledgerSQL()+" WHERE uri IN ("+l.s.dialect.literals(chunk)+")")
	}
	for _, sql := range statements {
		if _, err := l.s.do(ctx, "replace in "+l.t.key(), sql); err != nil {
			return err
		}
	}
	return nil
}

// fill copies the parts into the table, one after the other.
func (l *load) fill(ctx context.Context, parts [][]Object) (rows int64, err error) {
	stage := l.t.sql()
	if l.b.Mode == Upsert {
		if stage, err = l.stage(ctx); err != nil {
			return 0, err
		}
	}
	for i, part := range parts {
		there, err := l.inPartitions(ctx, part)
		if err != nil {
			return 0, err
		}
		n, err := l.copy(ctx, stage, part)
		if err != nil {
			return 0, err
		}
		rows += n
		if err := l.placed(ctx, part, there+n); err != nil {
			return 0, err
		}
		if l.b.Mode == Upsert {
			if err := l.merge(ctx, stage, part, i == len(parts)-1); err != nil {
				return 0, err
			}
		}
	}
	return rows, nil
}

// copy is one COPY of some of the batch's objects. It counts the rows.
func (l *load) copy(ctx context.Context, into string, part []Object) (int64, error) {
	manifest, b := l.b.Manifest, l.b
	if len(part) < len(b.Objects) {
		var err error
		if manifest, err = l.manifest(ctx, part); err != nil {
			return 0, err
		}
	}
	what := "load into " + l.t.key()
	if b.MaxErrors > 0 { // of the whole batch
		b.MaxErrors -= len(l.rejected)
	}
	sql, err := copyStatement(l.s.dialect, into, b, manifest)
	if err != nil {
		return 0, err
	}
	if _, err := l.s.do(ctx, what, sql); err != nil {
		return 0, err
	}
	rows, err := l.s.copied(ctx)
	if err != nil || b.MaxErrors <= 0 {
		return rows, err
	}
	refused, err := l.s.refused(ctx)
	if err == nil && len(refused) > b.MaxErrors {
		err = tooMany(what, refused, l.b.MaxErrors)
	}
	l.rejected = append(l.rejected, refused...)
	return rows, err
}

func (l *load) manifest(ctx context.Context, part []Object) (string, error) {
	what := fmt.Sprintf("manifest of %d objects of %s", len(part), l.t.key())
	if l.b.Rest == nil {
		return "", resources.Faultf(resources.Permanent, "%s: nobody writes it", what)
	}
	manifest, err := l.b.Rest(ctx, part)
	if err != nil {
		return "", notCommitted(err, what)
	}
	return manifest, storable(what, manifest)
}

// copied is how many rows the session's last COPY loaded.
func (s *session) copied(ctx context.Context) (int64, error) {
	rows, err := s.ask(ctx, "count loaded rows", "SELECT pg_last_copy_count()")
	if err != nil {
		return 0, err
	}
	return number("count loaded rows", rows)
}

// inPartitions is how many rows of some objects' partitions the table holds.
func (l *load) inPartitions(ctx context.Context, part []Object) (int64, error) {
	if l.b.PartitionColumn == "" {
		return 0, nil
	}
	within, err := l.s.dialect.within(l.b.PartitionColumn, partitionsOf(part))
	if err != nil {
		return 0, err
	}
	what := "count the rows of " + l.t.key() + " by " + l.b.PartitionColumn
	rows, err := l.s.ask(ctx, what, "SELECT COUNT(*) FROM "+l.t.sql()+" WHERE "+within)
	if err != nil {
		return 0, err
	}
	return number(what, rows)
}

// placed wants every row that was loaded within the partitions it was loaded
// for. A row elsewhere would stay when its partition is replaced, and be there
// twice.
func (l *load) placed(ctx context.Context, part []Object, want int64) error {
	if l.b.PartitionColumn == "" {
		return nil
	}
	n, err := l.inPartitions(ctx, part)
	if err != nil || n == want {
		return err
	}
	list := partitionsOf(part)
	return &resources.Fault{Class: resources.Permanent, Code: CodeCheck,
		Msg: fmt.Sprintf("load into %s rolled back: %d rows of the partitions %s to %s are not of these days by %s",
			l.t.key(), want-n, list[0], list[len(list)-1], l.b.PartitionColumn),
		Hint: "partition_column must hold each row's own partition, or an instant within it, in partition_zone: correct the objects, or name another column"}
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
