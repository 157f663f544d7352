package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// Promoted is the one pointer that a night starts from. The snapshot, the
// ledger copy and the watermark move together or not at all.
type Promoted struct {
	Snapshot    string              `json:"snapshot"`
	Cluster     string              `json:"cluster"` // that it was taken of
	Watermark   warehouse.Watermark `json:"watermark"`
	Ledger      FileRef             `json:"ledger"`
	DataThrough string              `json:"data_through"`
	Made        journal.AttemptID   `json:"made"`
	At          time.Time           `json:"at"`
}

// promote moves the pointer to the attempt's last snapshot.
type promote struct {
	base
	spec controller.SnapshotSpec
}

// Promotion is what promote settles with. Keeps tells the fold that the
// snapshot is handed over: it is no debt.
type Promotion struct {
	Snapshot    string `json:"snapshot"`
	Keeps       string `json:"keeps"`
	DataThrough string `json:"data_through"`
}

func (m *promote) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	for _, step := range m.spec.Writers {
		if s := p.Facts.Settled[step]; bad(s) {
			return controller.Skip(fmt.Sprintf("%s %s", step, s.Verdict))
		}
	}
	taken, ok := journal.Result[SnapshotResult](p.Facts, m.spec.Snapshot)
	if !ok {
		return controller.Skip("no snapshot")
	}
	o := p.Facts.Opening
	next := Promoted{Snapshot: taken.Snapshot, Cluster: taken.Cluster, Watermark: taken.Watermark, Ledger: taken.Ledger,
		DataThrough: through(p.Facts, m.spec.CoverSpec), Made: m.id(p.Facts), At: p.Facts.Settled[m.spec.Snapshot].At}
	mayReplace := func(current []byte) error {
		var was Promoted
		if err := json.Unmarshal(current, &was); err != nil {
			return resources.Faultf(resources.Permanent, "%s is not a pointer: %v", m.Layout.Promoted(), err)
		}
		if was.Snapshot != o.Base {
			return &resources.Fault{Class: resources.Permanent, Code: "PointerMoved",
				Msg:  fmt.Sprintf("%s names %s, but this night began from %s", m.Layout.Promoted(), was.Snapshot, orNothing(o.Base)),
				Hint: "someone else promoted meanwhile; `lamplighter run --again` starts from there"}
		}
		return nil
	}
	return m.point(ctx, p, m.Layout.Promoted(), next, mayReplace, Promotion{Snapshot: taken.Snapshot, Keeps: taken.Snapshot, DataThrough: next.DataThrough})
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// through is the last day that is complete in a snapshot or a dataset: a load
// that last call cut short or that left a day out is the limit, and one that
// was skipped or failed brought nothing.
func through(f *journal.Facts, c controller.CoverSpec) string {
	through := f.Opening.DataThrough
	if c.Former != "" && (c.Stays || broughtNothing(f, c.Writers)) {
		through = c.Former
	}
	for _, step := range c.Writers {
		if r, ok := journal.Result[LoadResult](f, step); ok && incomplete(r) != "" {
			through = min(through, wholeDay(incomplete(r)))
		}
	}
	return through
}

// wholeDay is the last day that is complete with a partition.
func wholeDay(partition string) string {
	at, hourly, err := config.ParsePartition(partition)
	if err == nil && hourly {
		return at.Add(time.Hour).AddDate(0, 0, -1).Format(config.DayPartition)
	}
	return partition
}

// broughtNothing says that one of the loads did not come to its end.
func broughtNothing(f *journal.Facts, writers []string) bool {
	return slices.ContainsFunc(writers, func(step string) bool {
		n, ok := f.Node(step)
		return ok && n.Kind == "load" && !f.Has(step, journal.Done)
	})
}

// point settles a step by a pointer to something.
func (b base) point(ctx context.Context, p *controller.Pass, uri string, to any, mayReplace func(current []byte) error, result any) (controller.Next, error) {
	body, err := json.MarshalIndent(to, "", "  ")
	if err != nil {
		return controller.Next{}, err
	}
	there, next, err := b.pointed(ctx, p, uri, body, mayReplace)
	if there && err == nil {
		return controller.Done(result)
	}
	return next, err
}

// pointed moves a pointer by compare-and-set, which makes repeats and lost
// replies end in the same state, and says whether it is there. mayReplace
// judges what is there now.
func (b base) pointed(ctx context.Context, p *controller.Pass, uri string, body []byte, mayReplace func(current []byte) error) (there bool, next controller.Next, err error) {
	current, etag, err := b.S3.Get(ctx, uri)
	switch {
	case resources.ClassOf(err) == resources.Gone:
		etag = "*"
	case err != nil:
		return false, next, err
	case string(current) == string(body):
		return true, next, nil
	default:
		if err := mayReplace(current); err != nil {
			return false, next, err
		}
	}
	err = p.Do(ctx, journal.Effect{Verb: "point", Ref: resources.Ref{Kind: resources.KindPointer, Name: uri}}, func(ctx context.Context) (any, error) {
		_, err := b.S3.Put(ctx, uri, body, etag)
		return nil, err
	})
	if resources.CodeOf(err) == "PreconditionFailed" {
		err = nil // it moved: by our own lost reply or another's hand; look again
	}
	return false, controller.Next{Look: p.Now, Why: "pointer moved"}, err
}
