package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// A batch that fails because of its data is cut in halves, each a transaction
// of its own, until what fails is one partition (or one object, where the
// partition has rows already or there is none). That is left out.

// LeftOut is a partition or an object that a load could not take.
type LeftOut struct {
	What     string `json:"what"` // 2026-11-21, or a URI
	Objects  int    `json:"objects"`
	Code     string `json:"code,omitempty"`
	Why      string `json:"why"`
	SetAside bool   `json:"set_aside,omitempty"` // later nights leave it out too, until its content changes
	skip     Skip
}

// maxLeftOut is how much may be left out in a night: more is no bad object but
// a bad night.
const maxLeftOut = 20

// piece is a part of a batch.
type piece struct {
	verb    string
	objects []warehouse.Object // nil: the whole batch
	from    string             // its first partition
	to      string
}

// spares says that a batch may be left out after this failure.
func (l *load) spares(err error) bool {
	return l.spec.OnFail != "" && l.spec.Reads == "" && resources.ClassOf(err) == resources.Permanent && warehouse.OfData(resources.CodeOf(err))
}

// halves cuts a part in two; none when it cannot be cut.
func (l *load) halves(ctx context.Context, ref BatchRef, it piece) ([]piece, []warehouse.Object, error) {
	objects := it.objects
	if objects == nil {
		var err error
		if objects, err = readList(ctx, l.S3, ref); err != nil {
			return nil, nil, err
		}
	}
	cuts := units(objects, ref.Late)
	if len(cuts) < 2 {
		return nil, objects, nil
	}
	at := cuts[len(cuts)/2]
	half := func(suffix string, list []warehouse.Object) piece {
		return piece{verb: it.verb + suffix, objects: list, from: list[0].Partition, to: list[len(list)-1].Partition}
	}
	return []piece{half("a", objects[:at]), half("b", objects[at:])}, objects, nil
}

// units are where the smallest pieces of a list begin that are loaded or left
// out: partitions, and single objects of those that are late and of none.
func units(objects []warehouse.Object, late []string) (begins []int) {
	for i, o := range objects {
		if i == 0 || o.Partition != objects[i-1].Partition || o.Partition == "" || slices.Contains(late, o.Partition) {
			begins = append(begins, i)
		}
	}
	return begins
}

// leave makes a note of a unit that failed.
func (l *load) leave(p *controller.Pass, ref BatchRef, objects []warehouse.Object, failure error) LeftOut {
	why, _, _ := strings.Cut(failure.Error(), "\nhint: ")
	id, first := l.id(p.Facts), objects[0]
	skip := Skip{Load: l.n.Name, Partition: first.Partition, Content: hashObjects(objects), Reason: why, Made: &id, At: p.Now.UTC()}
	if first.Partition == "" || slices.Contains(ref.Late, first.Partition) {
		skip.Partition, skip.Object, skip.Content = "", first.URI, first.ETag
	}
	return LeftOut{What: skip.What(), Objects: len(objects), Code: resources.CodeOf(failure), Why: why, SetAside: l.spec.OnFail == "quarantine", skip: skip}
}

// tooMuch is the error of a load of which nothing, or too little, could be
// loaded: that is not the fault of one object.
func tooMuch(total LoadResult) error {
	n := len(total.LeftOut)
	if n <= maxLeftOut && (n < 2 || total.Batches > 0) {
		return nil
	}
	first := total.LeftOut[0]
	return &resources.Fault{Class: resources.Permanent, Code: first.Code,
		Msg:  fmt.Sprintf("%d of the partitions or objects failed, and %d batches could be loaded: nothing is left out. The first, %s: %s", n, total.Batches, plain(first.What), first.Why),
		Hint: "so much at once is not the fault of one object: look at the table, the checks and the format"}
}

// finish settles a load. What is set aside is written down first, for the
// nights to come.
func (l *load) finish(ctx context.Context, p *controller.Pass, total LoadResult) (controller.Next, error) {
	if err := tooMuch(total); err != nil {
		return controller.Next{}, err
	}
	var aside []Skip
	for _, left := range total.LeftOut {
		if left.SetAside {
			aside = append(aside, left.skip)
		}
	}
	if done, next, err := l.setAside(ctx, p, aside); !done || err != nil {
		return next, err
	}
	next := controller.Next{State: controller.Finished, Result: total}
	switch {
	case total.CaughtUp != "":
		next.Why = "caught up to " + total.CaughtUp
	case total.Waiting > 0:
		next.Why = fmt.Sprintf("%d batches are left for another night", total.Waiting)
	}
	return next, nil
}

// setAside adds to the list of skips what is not in it yet. Whoever lost a
// reply finds its own entries there.
func (l *load) setAside(ctx context.Context, p *controller.Pass, aside []Skip) (done bool, next controller.Next, err error) {
	if len(aside) == 0 {
		return true, next, nil
	}
	skips, etag, err := readSkips(ctx, l.Deps)
	if err != nil {
		return false, next, err
	}
	missing := false
	for _, s := range aside {
		if !holds(skips, s) {
			skips, missing = AddSkip(skips, s), true
		}
	}
	if !missing {
		return true, next, nil
	}
	err = p.Do(ctx, journal.Effect{Verb: "set-aside", Ref: resources.Ref{Kind: resources.KindPointer, Name: l.Layout.Skips()}}, func(ctx context.Context) (any, error) {
		return nil, writeSkips(ctx, l.Deps, skips, etag)
	})
	if resources.CodeOf(err) == s3.PreconditionFailed {
		err = nil // by our own lost reply or another's hand: look again
	}
	return false, controller.Next{Look: p.Now, Why: "setting aside what failed"}, err
}

func holds(skips []Skip, s Skip) bool {
	for _, o := range skips {
		if o.same(s) && o.Content == s.Content && o.Made != nil && *o.Made == *s.Made {
			return true
		}
	}
	return false
}

// bounds are a batch's bounds of rows, for a piece of it.
func (b BatchRef) bounds(objects []warehouse.Object) []warehouse.RowsBound {
	n := partitions(objects)
	if b.Partitions == 0 || n >= b.Partitions {
		return b.Rows
	}
	out := make([]warehouse.RowsBound, len(b.Rows))
	for i, r := range b.Rows {
		r.Min = int64(math.Ceil(float64(r.Min) * float64(n) / float64(b.Partitions)))
		r.Max = r.Max * int64(n) / int64(b.Partitions)
		r.Of = strings.TrimPrefix(fmt.Sprintf("%s; of these, %s", r.Of, count(n, "partition")), "; of these, ")
		out[i] = r
	}
	return out
}

// former is the partition before one.
func former(partition string) string {
	at, hourly, err := config.ParsePartition(partition)
	switch {
	case err != nil:
		return ""
	case hourly:
		return at.Add(-time.Hour).Format(config.HourPartition)
	}
	return at.AddDate(0, 0, -1).Format(config.DayPartition)
}

// incomplete is the last partition before the first that is missing from the
// table, because a load was cut short or left something out that it will try
// again; "" when nothing is.
func incomplete(r LoadResult) (last string) {
	last = r.CaughtUp
	for _, left := range r.LeftOut {
		if before := former(left.What); !left.SetAside && before != "" && (last == "" || before < last) {
			last = before
		}
	}
	return last
}

// partial says that a night left the warehouse with less than its plan meant:
// no result of such a night still holds.
func partial(f *journal.Facts) bool {
	for _, n := range f.Plan {
		var r LoadResult
		if s := f.Settled[n.Name]; n.Kind == "load" && json.Unmarshal(s.Result, &r) == nil && (r.Waiting > 0 || r.CaughtUp != "" || len(r.LeftOut) > 0) {
			return true
		}
	}
	return false
}
