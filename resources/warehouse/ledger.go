package warehouse

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"lamplighter/resources"
)

// entry is what a load asks of a ledger row.
type entry struct {
	loadID, rows int64
	part         string
	at           time.Time
}

// known is what the ledger says about the objects of a batch: for a replaced
// table all of it, else what lies between the batch's first and last URI.
type known struct {
	objects map[string]map[string]*entry // by URI, then ETag
	parts   map[string]int               // objects of each partition
	count   int
	max     int64     // highest load id of the table
	now     time.Time // the warehouse's clock
}

// known reads the ledger of a locked table.
func (s *session) known(ctx context.Context, t table, b Batch) (known, error) {
	k := known{objects: map[string]map[string]*entry{}, parts: map[string]int{}}
	what := "read the ledger of " + t.key()
	rows, err := s.ask(ctx, what, "SELECT COALESCE(MAX(load_id), 0), GETDATE() FROM "+t.ledgerSQL())
	if err != nil {
		return k, err
	}
	if len(rows) != 1 || len(rows[0]) != 2 {
		return k, resources.Faultf(resources.Permanent, "%s: want one row, got %v", what, rows)
	}
	if k.max, err = strconv.ParseInt(rows[0][0], 10, 64); err != nil {
		return k, resources.Faultf(resources.Permanent, "%s: load id %q is no number", what, rows[0][0])
	}
	if k.now, err = parseTime(rows[0][1]); err != nil {
		return k, err
	}
	rows, err = s.ask(ctx, what, "SELECT uri, etag, load_id, batch_rows, part, loaded_at FROM "+t.ledgerSQL()+s.dialect.about(b))
	if err != nil {
		return k, err
	}
	return k, k.add(what, rows)
}

// about is the part of a ledger that a batch must know: all of it when the
// table is replaced, else what lies between its first and last URI, and what is
// of its partitions.
func (d dialect) about(b Batch) string {
	if b.Mode == Replace && b.PartitionColumn == "" {
		return ""
	}
	uris, parts := make([]string, len(b.Objects)), make([]string, len(b.Objects))
	for i, o := range b.Objects {
		uris[i], parts[i] = o.URI, o.Partition
	}
	between := func(column string, values []string) string {
		return column + " BETWEEN " + d.literal(slices.Min(values)) + " AND " + d.literal(slices.Max(values))
	}
	where := " WHERE " + between("uri", uris)
	if b.PartitionColumn != "" {
		where += " OR " + between("part", parts)
	}
	return where
}

func (k *known) add(what string, rows [][]string) error {
	for _, r := range rows {
		id, err1 := strconv.ParseInt(r[2], 10, 64)
		n, err2 := strconv.ParseInt(r[3], 10, 64)
		at, err3 := parseTime(r[5])
		if err := errors.Join(err1, err2, err3); err != nil {
			return resources.Faultf(resources.Permanent, "%s: row %q cannot be read: %v", what, r, err)
		}
		if k.objects[r[0]] == nil {
			k.objects[r[0]] = map[string]*entry{}
		}
		k.objects[r[0]][r[1]] = &entry{loadID: id, rows: n, part: r[4], at: at}
		k.parts[r[4]]++
		k.count++
	}
	return nil
}

// holds says that of a partition the ledger holds these objects and no others.
func (k known) holds(partition string, objects []Object) bool {
	found, _ := k.rowsOf(objects)
	return found == len(objects) && k.parts[partition] == len(objects)
}

// isExactly says that the ledger holds these objects and no others.
func (k known) isExactly(objects []Object) bool {
	found, _ := k.rowsOf(objects)
	return found == len(objects) && k.count == len(objects)
}

// rowsOf is how many of the objects are known, and the rows of the loads that
// brought them.
func (k known) rowsOf(objects []Object) (found int, rows int64) {
	loads := map[int64]int64{}
	for _, o := range objects {
		if e := k.objects[o.URI][o.ETag]; e != nil {
			found++
			loads[e.loadID] = e.rows
		}
	}
	for _, n := range loads {
		rows += n
	}
	return found, rows
}

// Rows of one INSERT; with more and a Put, the ledger rows are copied: a
// statement may have 16 MB, and many small inserts cost billed seconds.
const insertRows = 400

var ledgerFields = []string{"load_id", "uri", "etag", "bytes", "part", "batch_rows", "run", "attempt", "step", "loaded_at"}

// record writes the ledger rows of a load inside its transaction.
func (s *session) record(ctx context.Context, t table, b Batch, objects []Object, l Loaded, now time.Time) error {
	rows := make([][]string, len(objects))
	for i, o := range objects {
		rows[i] = []string{strconv.FormatInt(l.LoadID, 10), o.URI, o.ETag, strconv.FormatInt(o.Size, 10), o.Partition,
			strconv.FormatInt(l.Rows, 10), b.Run, strconv.Itoa(b.Attempt), b.Step, now.Format(timeFormat)}
	}
	if len(rows) > insertRows && s.server.Put != nil && s.server.Scratch != "" {
		return s.copyRows(ctx, t, b, rows)
	}
	for chunk := range slices.Chunk(rows, insertRows) {
		values := make([]string, len(chunk))
		for i, r := range chunk {
			values[i] = s.ledgerValues(r)
		}
		sql := "INSERT INTO " + t.ledgerSQL() + " (" + idents(ledgerFields) + ") VALUES " + strings.Join(values, ", ")
		if _, err := s.do(ctx, "write the ledger of "+t.key(), sql); err != nil {
			return err
		}
	}
	return nil
}

// ledgerValues is one row of VALUES: numbers bare, the rest quoted.
func (s *session) ledgerValues(r []string) string {
	values := slices.Clone(r)
	for i, field := range ledgerFields {
		switch field {
		case "load_id", "bytes", "batch_rows", "attempt":
		default:
			values[i] = s.dialect.literal(r[i])
		}
	}
	return "(" + strings.Join(values, ", ") + ")"
}

// copyRows puts the ledger rows into a file of ours and copies it. Its name is
// the hash of its content: a repeated load writes the same file again, and no
// other key begins so.
func (s *session) copyRows(ctx context.Context, t table, b Batch, rows [][]string) error {
	var body bytes.Buffer
	w := csv.NewWriter(&body)
	if err := w.WriteAll(rows); err != nil {
		return resources.Faultf(resources.Permanent, "write the ledger of %s as CSV: %v", t.key(), err)
	}
	sum := sha256.Sum256(body.Bytes())
	uri := s.server.Scratch + "ledger-" + hex.EncodeToString(sum[:]) + ".csv"
	what := "write the ledger of " + t.key()
	if err := s.server.Put(ctx, uri, body.Bytes()); err != nil {
		return notCommitted(err, what+" to "+uri)
	}
	sql := "COPY " + t.ledgerSQL() + " (" + idents(ledgerFields) + ") FROM " + s.dialect.literal(uri) +
		" IAM_ROLE " + s.dialect.role(b.Role) + " FORMAT AS CSV COMPUPDATE OFF STATUPDATE OFF"
	if b.Region != "" {
		sql += " REGION " + s.dialect.literal(b.Region)
	}
	if _, err := s.do(ctx, what, sql); err != nil {
		return err
	}
	n, err := s.copied(ctx)
	if err == nil && n != int64(len(rows)) {
		err = resources.Faultf(resources.Permanent, "%s: %d of %d rows arrived from %s", what, n, len(rows), uri)
	}
	return err
}

const timeFormat = "2006-01-02 15:04:05.999999"

// parseTime reads a TIMESTAMP as the server writes it.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(timeFormat, s)
	if err != nil {
		return t, resources.Faultf(resources.Permanent, "the warehouse's time %q is none: %v", s, err)
	}
	return t, nil
}

// Watermark implements Session. A ledger without rows is not in it: nothing
// was ever committed there.
func (s *session) Watermark(ctx context.Context) (Watermark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := Watermark{}
	err := s.transaction(ctx, 0, nil, func() error {
		names, err := s.ourTables(ctx)
		if err != nil {
			return err
		}
		return s.marks(ctx, names, w)
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// receiptsKey is the receipts' name in a Watermark. A loaded table of that
// name stands there with its schema.
const receiptsKey = "receipts"

func markKey(t table) string {
	if t.key() == receiptsKey {
		return "public." + receiptsKey
	}
	return t.key()
}

func (s *session) marks(ctx context.Context, names map[string]bool, w Watermark) error {
	for name := range names {
		t, isLedger := parseLedger(name)
		key, id := markKey(t), "MAX(load_id)"
		if name == receiptsTable {
			key, id = receiptsKey, "COUNT(*)"
		} else if !isLedger {
			continue
		}
		rows, err := s.ask(ctx, "read the watermark of "+key, "SELECT COUNT(*), COALESCE("+id+", 0) FROM "+ours(name))
		if err != nil {
			return err
		}
		if len(rows) != 1 || len(rows[0]) != 2 {
			return resources.Faultf(resources.Permanent, "read the watermark of %s: want two numbers, got %v", key, rows)
		}
		n, err1 := strconv.ParseInt(rows[0][0], 10, 64)
		most, err2 := strconv.ParseInt(rows[0][1], 10, 64)
		if err1 != nil || err2 != nil {
			return resources.Faultf(resources.Permanent, "read the watermark of %s: want two numbers, got %v", key, rows)
		}
		if n > 0 {
			w[key] = Mark{Rows: n, Max: most}
		}
	}
	return nil
}

// Ledger implements Session. A table without ledger rows is not in Tables.
func (s *session) Ledger(ctx context.Context) (Ledger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := Ledger{Watermark: Watermark{}, Tables: map[string][]Entry{}}
	err := s.transaction(ctx, 0, nil, func() error {
		names, err := s.ourTables(ctx)
		if err != nil {
			return err
		}
		if err := s.marks(ctx, names, l.Watermark); err != nil {
			return err
		}
		for name := range names {
			if t, ok := parseLedger(name); ok {
				if err := s.entries(ctx, t, l.Tables); err != nil {
					return err
				}
			}
		}
		if names[receiptsTable] {
			l.Receipts, err = s.receipts(ctx)
		}
		return err
	})
	if err != nil {
		return Ledger{}, err
	}
	return l, nil
}

// entries reads one table's ledger, ordered by load id, then URI.
func (s *session) entries(ctx context.Context, t table, into map[string][]Entry) error {
	what := "read the ledger of " + t.key()
	rows, err := s.ask(ctx, what, "SELECT "+idents(ledgerFields)+" FROM "+t.ledgerSQL()+" ORDER BY load_id, uri")
	if err != nil || len(rows) == 0 {
		return err
	}
	list := make([]Entry, len(rows))
	for i, r := range rows {
		if list[i], err = parseEntry(what, r); err != nil {
			return err
		}
	}
	into[t.key()] = list
	return nil
}

func parseEntry(what string, r []string) (Entry, error) {
	var errs [5]error
	e := Entry{Object: Object{URI: r[1], ETag: r[2], Partition: r[4]}, Run: r[6], Step: r[8]}
	e.LoadID, errs[0] = strconv.ParseInt(r[0], 10, 64)
	e.Object.Size, errs[1] = strconv.ParseInt(r[3], 10, 64)
	e.Rows, errs[2] = strconv.ParseInt(r[5], 10, 64)
	e.Attempt, errs[3] = strconv.Atoi(r[7])
	e.At, errs[4] = parseTime(r[9])
	for _, err := range errs {
		if err != nil {
			return e, resources.Faultf(resources.Permanent, "%s: row %q: %v", what, r, err)
		}
	}
	return e, nil
}
