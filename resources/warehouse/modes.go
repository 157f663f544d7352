package warehouse

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lamplighter/resources"
)

// Modes of a load.
const (
	Append  = "append"  // the batch's rows are added
	Replace = "replace" // the table's rows, or those of the batch's partitions, give way to the batch's
	Upsert  = "upsert"  // rows with the same key give way to the batch's
)

// todo is what a batch still has to do to its table.
type todo struct {
	parts  [][]Object // each is one COPY, in this order
	loaded []Object   // objects of the batch that are in the table already
	whole  bool       // the table is emptied first
	days   []string   // partitions whose rows are taken out first
	forget []string   // URIs whose ledger rows are taken out first
}

func (d todo) objects() (all []Object) {
	for _, p := range d.parts {
		all = append(all, p...)
	}
	return all
}

// decide says what a batch has to do, from what the ledger knows. It is the
// only place that knows what a mode means.
func decide(t table, b Batch, k known) (todo, error) {
	switch {
	case b.PartitionColumn != "":
		return decidePartitions(t, b, k)
	case b.Mode == Replace && k.isExactly(b.Objects):
		return todo{loaded: b.Objects}, nil
	case b.Mode == Replace:
		return todo{parts: [][]Object{b.Objects}, whole: true}, nil
	}
	var d todo
	var rest []Object
	for _, o := range b.Objects {
		etags := k.objects[o.URI]
		switch {
		case etags[o.ETag] != nil:
			d.loaded = append(d.loaded, o)
			continue
		case len(etags) > 0 && o.Partition != "" && !b.Anew:
			return todo{}, changed(t, o, etags)
		case len(etags) > 0 && b.Mode == Upsert:
			d.forget = append(d.forget, o.URI)
		}
		rest = append(rest, o) // new; or an undated object that changed, which is a new one
	}
	switch {
	case len(rest) == 0:
	case b.Mode == Upsert:
		// The later day's row is the one that stays: each partition is merged by
		// itself, in order.
		d.parts = byPartition(rest)
	default:
		d.parts = [][]Object{rest}
	}
	return d, nil
}

// decidePartitions compares each partition with the ledger: it is as it was,
// or has new objects, or is loaded anew from all of its objects.
func decidePartitions(t table, b Batch, k known) (d todo, err error) {
	var anew, rest []Object
	for _, part := range byPartition(b.Objects) {
		day := part[0].Partition
		var fresh, there []Object
		replaced := b.Mode == Replace && !k.holds(day, part)
		for _, o := range part {
			switch e := k.objects[o.URI][o.ETag]; {
			case e != nil && e.part != day:
				return todo{}, resources.Faultf(resources.Permanent, "load into %s: %s was loaded as part of %q and belongs to %q now", t.key(), o.URI, e.part, day)
			case e != nil:
				there = append(there, o)
				continue
			case len(k.objects[o.URI]) > 0 && b.Mode == Append && !b.Anew:
				return todo{}, changed(t, o, k.objects[o.URI])
			case len(k.objects[o.URI]) > 0:
				replaced = true
			}
			fresh = append(fresh, o)
		}
		if replaced {
			d.days = append(d.days, day)
			anew = append(anew, part...)
		} else {
			rest = append(rest, fresh...)
			d.loaded = append(d.loaded, there...)
		}
	}
	for _, p := range [][]Object{anew, rest} {
		if len(p) > 0 {
			d.parts = append(d.parts, p)
		}
	}
	return d, nil
}

// byPartition cuts objects into partitions, the first one first.
func byPartition(objects []Object) (parts [][]Object) {
	sorted := slices.Clone(objects)
	slices.SortStableFunc(sorted, func(a, b Object) int { return strings.Compare(a.Partition, b.Partition) })
	for i, o := range sorted {
		if i == 0 || o.Partition != sorted[i-1].Partition {
			parts = append(parts, nil)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], o)
	}
	return parts
}

// changed refuses an object of a dated source whose rows are in the table
// already, as they were then: rows do not know their object, so they can be
// neither replaced nor loaded beside it.
func changed(t table, o Object, etags map[string]*entry) error {
	var old string
	var when time.Time
	for etag, e := range etags {
		if old == "" || e.at.After(when) {
			old, when = etag, e.at
		}
	}
	return Changed(t.key(), o, old, when)
}

// Changed is the fault of an object of a dated source that was loaded before,
// with another ETag.
func Changed(table string, o Object, was string, when time.Time) *resources.Fault {
	return &resources.Fault{Class: resources.Permanent, Code: CodeChanged,
		Msg: fmt.Sprintf("load into %s: %s of partition %s was loaded at %s with ETag %s and has ETag %s now: its rows would be there twice",
			table, o.URI, o.Partition, when.UTC().Format("2006-01-02 15:04:05Z"), was, o.ETag),
		Hint: "on_change: replace takes the new content: of an upsert as it is, of a source with partition_column by loading the partition anew; or restore the object as it was, or write corrections as new objects"}
}

// period is the instants of some partitions: from the first to before the last.
type period struct{ from, to string }

// periods are the instants of partitions, in order, adjoining ones as one.
func periods(partitions []string) ([]period, error) {
	var out []period
	for _, p := range slices.Sorted(slices.Values(partitions)) {
		s, err := periodOf(p)
		if err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && out[n-1].to == s.from {
			out[n-1].to = s.to
		} else {
			out = append(out, s)
		}
	}
	return out, nil
}

// periodOf reads a day, 2026-11-21, or an hour, 2026-11-21T13. A day is written
// without a time: that compares with DATE, TIMESTAMP and text alike.
func periodOf(partition string) (period, error) {
	if day, err := time.Parse(time.DateOnly, partition); err == nil {
		return period{partition, day.AddDate(0, 0, 1).Format(time.DateOnly)}, nil
	}
	hour, err := time.Parse("2006-01-02T15", partition)
	if err != nil {
		return period{}, resources.Faultf(resources.Permanent, "partition %q is neither a day nor an hour", partition)
	}
	return period{hour.Format(time.DateTime), hour.Add(time.Hour).Format(time.DateTime)}, nil
}

// within is the condition that a row is of one of some partitions.
func (d dialect) within(column string, partitions []string) (string, error) {
	list, err := periods(partitions)
	if err != nil {
		return "", err
	}
	terms := make([]string, len(list))
	for i, s := range list {
		terms[i] = ident(column) + " >= " + d.literal(s.from) + " AND " + ident(column) + " < " + d.literal(s.to)
	}
	return "(" + strings.Join(terms, " OR ") + ")", nil
}

// partitionsOf are the partitions of objects, each once.
func partitionsOf(objects []Object) (list []string) {
	for _, p := range byPartition(objects) {
		list = append(list, p[0].Partition)
	}
	return list
}
