package simcloud

import (
	"maps"
	"slices"
	"strings"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// memory is the warehouses' data: a WarehousePlane that does everything at
// once; the control plane's pace is all that takes time.
type memory struct {
	s         *Simulation
	dbs       map[string]*database // by cluster
	snapshots map[string]*database
}

// database is what one cluster holds.
type database struct {
	tables   map[string][]loaded // multisets of objects
	ledgers  map[string][]warehouse.Entry
	receipts []warehouse.Receipt
	affected map[warehouse.Receipt]int64
	rejects  map[rejection]*warehouse.Rejects

	sessions []*session
	locks    map[string]*session // by table: who writes it
}

// loaded is an object in a table.
type loaded struct {
	uri  string
	day  string // its partition
	size int64
	rows int64
}

func newDatabase() *database {
	return &database{
		tables: map[string][]loaded{}, ledgers: map[string][]warehouse.Entry{},
		affected: map[warehouse.Receipt]int64{}, locks: map[string]*session{},
		rejects: map[rejection]*warehouse.Rejects{},
	}
}

// copy is the database's content without its sessions.
func (db *database) copy() *database {
	c := newDatabase()
	for t, rows := range db.tables {
		c.tables[t] = slices.Clone(rows)
	}
	for t, entries := range db.ledgers {
		c.ledgers[t] = slices.Clone(entries)
	}
	c.receipts = slices.Clone(db.receipts)
	maps.Copy(c.affected, db.affected)
	maps.Copy(c.rejects, db.rejects)
	return c
}

func (db *database) objects() map[string][]string {
	if db == nil {
		return nil
	}
	out := map[string][]string{}
	for t, list := range db.tables {
		for _, o := range list {
			out[t] = append(out[t], o.uri)
		}
		slices.Sort(out[t])
	}
	return out
}

// text is the canonical form of all tables: a line for each object.
func (db *database) text() (body []byte, rows int64) {
	var lines []string
	for t, list := range db.tables {
		for _, o := range list {
			lines = append(lines, t+"\t"+o.uri+"\n")
			rows += o.rows
		}
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, "")), rows
}

func (db *database) size() (mb float64) {
	for _, list := range db.tables {
		for _, o := range list {
			mb += float64(o.size) / 1e6
		}
	}
	return mb
}

func (db *database) watermark() warehouse.Watermark {
	w := warehouse.Watermark{}
	for t, entries := range db.ledgers {
		if n := len(entries); n > 0 {
			w[t] = warehouse.Mark{Rows: int64(n), Max: db.lastLoad(t)}
		}
	}
	if n := int64(len(db.receipts)); n > 0 {
		w["receipts"] = warehouse.Mark{Rows: n, Max: n}
	}
	return w
}

// rowsOf are the rows of each load of a table.
func (db *database) rowsOf(table string) map[int64]int64 {
	rows := map[int64]int64{}
	for _, e := range db.ledgers[table] {
		rows[e.LoadID] = e.Rows
	}
	return rows
}

func (db *database) lastLoad(table string) (id int64) {
	for _, e := range db.ledgers[table] {
		id = max(id, e.LoadID)
	}
	return id
}

func (db *database) ledger() warehouse.Ledger {
	l := warehouse.Ledger{Watermark: db.watermark(), Tables: map[string][]warehouse.Entry{}, Receipts: slices.Clone(db.receipts)}
	for t, entries := range db.ledgers {
		if len(entries) == 0 {
			continue
		}
		list := slices.Clone(entries)
		slices.SortFunc(list, func(a, b warehouse.Entry) int {
			if a.LoadID != b.LoadID {
				return int(a.LoadID - b.LoadID)
			}
			return strings.Compare(a.Object.URI, b.Object.URI)
		})
		l.Tables[t] = list
	}
	return l
}

// The plane.

func (m *memory) Create(cluster string, _ ClusterSpec, done func(error)) {
	m.dbs[cluster] = newDatabase()
	done(nil)
}

func (m *memory) Restore(cluster, snapshot string, _ ClusterSpec, done func(error)) {
	db := m.snapshots[snapshot]
	if db == nil {
		done(resources.Faultf(resources.Permanent, "snapshot %s has no data", snapshot))
		return
	}
	m.dbs[cluster] = db.copy()
	done(nil)
}

func (m *memory) Snapshot(cluster, snapshot string, done func(SnapshotSize, error)) {
	db := m.dbs[cluster]
	if db == nil {
		done(SnapshotSize{}, resources.Faultf(resources.Permanent, "cluster %s has no data", cluster))
		return
	}
	m.snapshots[snapshot] = db.copy()
	total := db.size()
	done(SnapshotSize{Incremental: min(total, 100), Total: total}, nil)
}

func (m *memory) DropSnapshot(snapshot string, done func(error)) {
	delete(m.snapshots, snapshot)
	done(nil)
}

func (m *memory) Pause(_ string, done func(error))  { done(nil) }
func (m *memory) Resume(_ string, done func(error)) { done(nil) }
func (m *memory) Reopen(_ string, done func(error)) { done(nil) }

func (m *memory) Drop(cluster string, done func(error)) {
	m.disconnect(cluster)
	delete(m.dbs, cluster)
	done(nil)
}

func (m *memory) Endpoint(cluster string) (string, int, bool) {
	return cluster + ".simulated.us-east-1.redshift.amazonaws.com", 5439, true
}

func (m *memory) AddLogin(string, Login) error { return nil }

// disconnect ends all sessions of a cluster that is no longer available.
func (m *memory) disconnect(cluster string) {
	if db := m.dbs[cluster]; db != nil {
		for _, s := range slices.Clone(db.sessions) {
			s.end()
		}
	}
}
