package steps

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/resources"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// listing is what the source of a load holds now.
type listing struct {
	objects  []warehouse.Object // of the covered, complete partitions; by partition, then URI
	newest   string             // the last partition that has an object and is complete, covered or not
	modified time.Time          // when its newest object was written
	notes    []string           // what was left out, and why
}

// days is which partitions of a dated source a night reads.
type days struct {
	from    string // the first partition
	through string // the last one
	marker  string // what a partition's folder holds once it is complete; "": nothing
}

// look lists a load's source. What is skipped whatever it holds is as if it
// were not there.
func look(ctx context.Context, client *s3.Client, p *config.Pattern, d days, skipped skipping) (listing, error) {
	root := "s3://" + p.Bucket + "/"
	after := ""
	if begins, _, err := config.ParsePartition(d.from); err == nil {
		after = p.From(begins)
	}
	infos, err := client.List(ctx, root+p.Prefix, after)
	if err != nil {
		return listing{}, fmt.Errorf("listing %s: %w", root+p.Prefix, err)
	}
	var l listing
	var nonsense, empty []string
	left := 0
	early := map[string]int{}
	done := marked(p, infos, root, d.marker)
	for _, info := range infos {
		key := strings.TrimPrefix(info.URI, root)
		partition, ok := p.Match(key)
		folder, _ := p.Folder(key)
		switch {
		case skipped.whatever(info.URI, partition) && p.Fits(key):
			left++
			l.newest = max(l.newest, partition) // the producer is alive
		case !ok && p.Fits(key) && !strings.HasSuffix(key, "/") && (partition == "" || partition >= d.from):
			nonsense = append(nonsense, info.URI)
		case !ok, strings.HasSuffix(key, "/"), d.marker != "" && key == folder+d.marker, p.Dated() && partition < d.from:
		case d.marker != "" && !done[folder]:
			early[partition]++
		case info.Size == 0:
			empty = append(empty, info.URI)
		default:
			l.newest = max(l.newest, partition)
			if info.Modified.After(l.modified) {
				l.modified = info.Modified
			}
			if !p.Dated() || partition <= d.through {
				l.objects = append(l.objects, warehouse.Object{URI: info.URI, ETag: info.ETag, Size: info.Size, Partition: partition})
			}
		}
	}
	slices.SortFunc(l.objects, func(a, b warehouse.Object) int {
		if c := strings.Compare(a.Partition, b.Partition); c != 0 {
			return c
		}
		return strings.Compare(a.URI, b.URI)
	})
	if left > 0 {
		l.notes = append(l.notes, count(left, "object")+" left out; `lamplighter skip` lists why")
	}
	l.note(d, early, empty)
	return l, noDay(nonsense)
}

// marked are the folders that hold their marker.
func marked(p *config.Pattern, infos []s3.Info, root, marker string) map[string]bool {
	done := map[string]bool{}
	for _, info := range infos {
		key := strings.TrimPrefix(info.URI, root)
		if folder, ok := p.Folder(key); marker != "" && ok && key == folder+marker {
			done[folder] = true
		}
	}
	return done
}

// note says what was left out.
func (l *listing) note(d days, early map[string]int, empty []string) {
	for partition, n := range early {
		if partition <= d.through {
			l.notes = append(l.notes, fmt.Sprintf("%s has no %s yet: its %s for it", partition, d.marker, waits(n)))
		}
	}
	slices.Sort(l.notes)
	if len(empty) > 0 {
		l.notes = append(l.notes, fmt.Sprintf("%s: %s", areEmpty(len(empty)), few(empty)))
	}
}

func waits(n int) string {
	if n == 1 {
		return "1 object waits"
	}
	return fmt.Sprintf("%d objects wait", n)
}

func areEmpty(n int) string {
	if n == 1 {
		return "1 object is empty, and is loaded once it is not"
	}
	return fmt.Sprintf("%d objects are empty, and are loaded once they are not", n)
}

// few names the first of many.
func few(uris []string) string {
	const most = 3
	quoted := make([]string, 0, most)
	for _, u := range uris[:min(most, len(uris))] {
		quoted = append(quoted, plain(u))
	}
	more := ""
	if n := len(uris) - most; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(quoted, ", ") + more
}

// plain is a URI as it is, or in quotes when it holds what a line does not.
func plain(uri string) string {
	if q := strconv.Quote(uri); q[1:len(q)-1] != uri {
		return q
	}
	return uri
}

// noDay refuses keys that have the pattern's form and name no day, or two
// different ones: nobody can say when they are to be read.
func noDay(uris []string) error {
	if len(uris) == 0 {
		return nil
	}
	return &resources.Fault{Class: resources.Permanent, Code: CodeNoDay,
		Msg:  fmt.Sprintf("%s: the key fits `from`, but names no day that exists, or two", few(uris)),
		Hint: "rename or delete them, or `lamplighter skip` them; nothing was created"}
}

// CodeNoDay is the code of a Fault about an object whose key names no day.
const CodeNoDay = "NoSuchDay"

// daysOf are the partitions that tonight reads of a source.
func (r *planned) daysOf(name string, l *config.Load, p *config.Pattern, ledger []warehouse.Entry) (days, error) {
	if !p.Dated() {
		return days{}, nil
	}
	d := days{from: r.firstDay(name, l, p, ledger), through: r.through, marker: l.CompleteWhen.Marker}
	if p.Hourly() {
		zone, err := time.LoadLocation(r.Pipeline.Partition)
		if err != nil {
			return d, resources.Faultf(resources.Permanent, "partition_zone: %v", err)
		}
		d.through = controller.HoursThrough(r.Covers, l.CompleteWhen.DayEnded.D(), zone)
		if to := r.Choice.To; to != "" {
			d.through = min(d.through, to+"T23")
		}
	}
	return d, nil
}

// firstDay is the first day that is listed: the one that was asked for; else
// with look_back so long before the end of what is loaded from this source,
// however long ago that is.
func (r *planned) firstDay(name string, l *config.Load, p *config.Pattern, ledger []warehouse.Entry) string {
	if r.Choice.From != "" {
		return max(l.Since, r.Choice.From)
	}
	if l.LookBack == 0 || r.promoted == nil {
		return l.Since
	}
	root, newest := "s3://"+p.Bucket+"/", ""
	for _, e := range ledger {
		if key, ok := strings.CutPrefix(e.Object.URI, root); ok && e.Object.Partition > newest && p.Fits(key) {
			newest = e.Object.Partition
		}
	}
	end := min(newest, r.through, r.promoted.DataThrough)
	at, _, err := config.ParsePartition(end)
	if err != nil { // nothing is loaded from here yet
		return l.Since
	}
	first := at.Add(-l.LookBack.D()).Format(config.DayPartition)
	if back := reopened(r.skips, name, p, ledger); back != "" {
		first = min(first, back)
	}
	return max(l.Since, first)
}

// stale fails a source with nothing new for longer than its `fresh`, so that
// a dead producer is not "nothing to do".
func stale(l *config.Load, found listing, through string, covers time.Time) error {
	if l.Fresh == 0 {
		return nil
	}
	newest, age := found.newest, time.Duration(0)
	switch {
	case through != "": // of two partitions, their beginnings are compared
		last, _, err := config.ParsePartition(max(newest, l.Since))
		end, _, err2 := config.ParsePartition(through)
		if err != nil || err2 != nil {
			return nil
		}
		newest, age = "newest partition is "+newest, end.Sub(last)
	case found.modified.IsZero():
		newest, age = "there are no objects", l.Fresh.D()+1
	default:
		newest, age = "newest object was written "+found.modified.UTC().Format(time.RFC3339), covers.Sub(found.modified)
	}
	if age <= l.Fresh.D() {
		return nil
	}
	if found.newest == "" && through != "" {
		newest = "there is nothing since " + l.Since
	}
	return &resources.Fault{Class: resources.Permanent, Code: resources.CodeCheck,
		Msg:  fmt.Sprintf("%s is not fresh: %s, and fresh is %s%s", l.From, newest, l.Fresh, before(through)),
		Hint: "look after the producer; nothing was created"}
}

func before(through string) string {
	if through == "" {
		return ""
	}
	return " before " + through
}
