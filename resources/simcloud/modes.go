package simcloud

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// effect is what a Load will do to its table. This is a second opinion on what
// a mode means, in objects where a warehouse has rows.
type effect struct {
	parts   [][]warehouse.Object // each is one COPY
	before  int64                // rows of the loads that brought the other objects
	loads   map[int64]bool       // their ids
	whole   bool                 // the table is emptied first
	days    map[string]bool      // partitions that are emptied first
	changed map[string]bool      // URIs whose ledger rows go
}

// effect compares a batch with the ledger. An object is its URI and its ETag.
func (db *database) effect(b warehouse.Batch) (effect, error) {
	e := effect{loads: map[int64]bool{}, days: map[string]bool{}, changed: map[string]bool{}}
	known, count := map[string]warehouse.Entry{}, map[string]int{}
	for _, x := range db.ledgers[b.Table] {
		known[x.Object.URI] = x
		count[x.Object.Partition]++
	}
	var days []string
	byDay, missing := map[string][]warehouse.Object{}, map[string][]warehouse.Object{}
	for _, o := range b.Objects {
		if byDay[o.Partition] == nil {
			days = append(days, o.Partition)
		}
		byDay[o.Partition] = append(byDay[o.Partition], o)
		x, ok := known[o.URI]
		if ok && sameETag(x.Object.ETag, o.ETag) {
			e.loads[x.LoadID] = true
			continue
		}
		if ok && o.Partition != "" && b.Mode != warehouse.Replace && !b.Anew {
			return e, &resources.Fault{Class: resources.Permanent, Code: warehouse.CodeChanged,
				Msg: "load into " + b.Table + ": " + o.URI + " was loaded with another ETag"}
		}
		missing[o.Partition] = append(missing[o.Partition], o)
		e.changed[o.URI] = ok && b.Mode == warehouse.Upsert
		if ok && b.PartitionColumn != "" {
			e.days[o.Partition] = true
		}
	}
	slices.Sort(days)
	if b.Mode == warehouse.Replace && b.PartitionColumn == "" {
		if len(missing) > 0 || len(known) != len(b.Objects) {
			e.parts, e.whole = [][]warehouse.Object{b.Objects}, true
		}
		return e, nil
	}
	var one []warehouse.Object
	for _, day := range days {
		if b.Mode == warehouse.Replace && (len(missing[day]) > 0 || count[day] != len(byDay[day])) {
			e.days[day] = true
		}
		list := missing[day]
		if e.days[day] {
			list = byDay[day]
		}
		if b.Mode == warehouse.Upsert && len(list) > 0 {
			e.parts = append(e.parts, list)
		}
		one = append(one, list...)
	}
	if b.Mode != warehouse.Upsert && len(one) > 0 {
		e.parts = [][]warehouse.Object{one}
	}
	return e, nil
}

// load is the effect of a committed Load. An object's name in its folder is
// the key of its rows: an upsert of the next day's part-1 replaces today's.
func (db *database) load(b warehouse.Batch, e effect, parts [][]loaded, done warehouse.Loaded, now time.Time) {
	if e.whole {
		db.tables[b.Table], db.ledgers[b.Table] = nil, nil
	}
	db.tables[b.Table] = slices.DeleteFunc(db.tables[b.Table], func(o loaded) bool { return e.days[o.day] })
	db.ledgers[b.Table] = slices.DeleteFunc(db.ledgers[b.Table], func(x warehouse.Entry) bool { return e.days[x.Object.Partition] || e.changed[x.Object.URI] })
	for i, rows := range parts {
		if b.Mode == warehouse.Upsert {
			db.tables[b.Table] = slices.DeleteFunc(db.tables[b.Table], func(o loaded) bool {
				return slices.ContainsFunc(rows, func(n loaded) bool { return path.Base(n.uri) == path.Base(o.uri) })
			})
		}
		db.tables[b.Table] = append(db.tables[b.Table], rows...)
		for _, o := range e.parts[i] {
			db.ledgers[b.Table] = append(db.ledgers[b.Table], warehouse.Entry{
				LoadID: done.LoadID, Object: o, Rows: done.Rows, Run: b.Run, Attempt: b.Attempt, Step: b.Step, At: now,
			})
		}
	}
	if done.Rejected != nil {
		db.rejects[rejection{b.Table, done.LoadID}] = done.Rejected
	}
}

// rejection is a load that left rows out.
type rejection struct {
	table string
	load  int64
}

// recall is what some loads left out.
func (db *database) recall(table string, loads map[int64]bool) *warehouse.Rejects {
	var all warehouse.Rejects
	for _, id := range slices.Sorted(maps.Keys(loads)) {
		if r := db.rejects[rejection{table, id}]; r != nil {
			all.Rows += r.Rows
			all.Shown = append(all.Shown, r.Shown...)
		}
	}
	if all.Rows == 0 {
		return nil
	}
	return &all
}

// copyParts is a COPY for each part.
func (t *tx) copyParts(ctx context.Context, b warehouse.Batch, e effect) (parts [][]loaded, err error) {
	for _, objects := range e.parts {
		manifest := b.Manifest
		if len(objects) < len(b.Objects) {
			if manifest, err = b.Rest(ctx, objects); err != nil {
				return nil, err
			}
		}
		rows, err := t.copyFrom(ctx, b, manifest)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			at := slices.IndexFunc(objects, func(o warehouse.Object) bool { return o.URI == rows[i].uri })
			if at < 0 {
				return nil, resources.Faultf(resources.Permanent, "load into %s: %s is in the manifest and not in the batch", b.Table, rows[i].uri)
			}
			rows[i].day = objects[at].Partition
		}
		parts = append(parts, rows)
	}
	return parts, nil
}

// refuse takes the rows out of what was copied that SimOptions wants refused.
func (s *session) refuse(b warehouse.Batch, parts [][]loaded) (*warehouse.Rejects, error) {
	var r warehouse.Rejects
	for _, rows := range parts {
		for i, o := range rows {
			n := s.f.s.opts.Rejects[o.uri]
			r.Rows += n
			rows[i].rows -= n
			for line := range n {
				r.Shown = append(r.Shown, warehouse.Reject{Object: o.uri, Line: line + 1, Column: "x", Value: "?", Reason: "Invalid digit"})
			}
		}
	}
	if r.Rows > int64(b.MaxErrors) {
		return nil, &resources.Fault{Class: resources.Permanent, Code: warehouse.CodeRejected, Msg: fmt.Sprintf("load into %s: %d rows were refused", b.Table, r.Rows)}
	}
	if r.Rows == 0 {
		return nil, nil
	}
	return &r, nil
}
