package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/redshift"
	"lamplighter/resources/warehouse"
)

// upkeep refreshes the statistics of what changed, before the snapshot: a
// cluster that lives for an hour has no idle time for Redshift to do it.
type upkeep struct {
	base
	spec controller.SnapshotSpec
}

func (u *upkeep) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	if why := notWorthSaving(p.Facts, u.spec.Writers); why != "" {
		return controller.Skip(why)
	}
	var tables []string
	for _, step := range u.spec.Writers {
		n, _ := p.Facts.Node(step)
		if r, ok := journal.Result[LoadResult](p.Facts, step); n.Kind == "load" && ok && r.Rows > 0 {
			var s LoadSpec
			if err := json.Unmarshal(n.Spec, &s); err != nil {
				return controller.Next{}, err
			}
			tables = append(tables, s.Table)
		}
	}
	if len(tables) == 0 {
		return controller.Skip("no table changed")
	}
	cluster := u.cluster(p.Facts)
	_, done, next, err := untilDone(ctx, p, "analyze", "ANALYZE", resources.Ref{Kind: resources.KindTable, Name: tables[0]},
		func(ctx context.Context) (any, error) {
			return nil, u.session(ctx, cluster, func(s warehouse.Session) error { return s.Analyze(ctx, tables) })
		})
	if !done || err != nil {
		return next, err
	}
	return controller.Done(map[string]any{"tables": tables})
}

// notWorthSaving is why a warehouse's content is not kept; "" when it is.
func notWorthSaving(f *journal.Facts, writers []string) string {
	for _, step := range writers {
		if s := f.Settled[step]; bad(s) {
			return fmt.Sprintf("%s %s", step, s.Verdict)
		}
	}
	if !committed(f, writers) {
		return "nothing was committed"
	}
	return ""
}

// SnapshotResult is a proven snapshot and what it holds.
type SnapshotResult struct {
	Snapshot      string              `json:"snapshot"`
	Cluster       string              `json:"cluster"`
	Asked         int                 `json:"asked"` // sequence number of the intent that asked for it
	Watermark     warehouse.Watermark `json:"watermark"`
	Ledger        FileRef             `json:"ledger"`
	IncrementalMB float64             `json:"incremental_mb"`
	TotalMB       float64             `json:"total_mb"`
}

// FileRef is an S3 object with the hash of its content.
type FileRef struct {
	URI    string `json:"uri"`
	SHA256 string `json:"sha256"`
}

// snapshot takes a manual snapshot and proves it: first the watermark of what
// it will hold is read, then it is asked for, then the ledger is copied to S3
// while it is being taken, and at last it is seen available.
type snapshot struct {
	base
	spec controller.SnapshotSpec
}

// maxSnapshots is how many one step asks for before it fails.
const maxSnapshots = 5

func (s *snapshot) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	if why := notWorthSaving(p.Facts, s.spec.Writers); why != "" {
		return controller.Skip(why)
	}
	at := s.place(p)
	mark, done, next, err := untilDone(ctx, p, "watermark", "reading the watermark", resources.Ref{Kind: resources.KindTable, Name: "lamplighter"},
		func(ctx context.Context) (m warehouse.Watermark, err error) {
			err = s.session(ctx, at.cluster, func(ws warehouse.Session) (err error) {
				m, err = ws.Watermark(ctx)
				return err
			})
			return m, err
		})
	if !done || err != nil {
		return next, err
	}
	owed := p.Facts.Owes(s.n.Name, resources.KindSnapshot)
	if owed == nil || owed.Closed {
		return s.ask(ctx, p, p.NewName())
	}
	copied, done, next, err := untilDone(ctx, p, "ledger", "copying the ledger", resources.Ref{Kind: resources.KindDataset, Name: s.ledgerPrefix(at)},
		func(ctx context.Context) (FileRef, error) { return s.copyLedger(ctx, at, mark) })
	if !done || err != nil {
		return next, err
	}
	return s.await(ctx, p, owed, mark, copied)
}

// ledgerPrefix is completed by the content's hash: what a controller that
// slept writes late cannot replace what was promoted.
func (s *snapshot) ledgerPrefix(at place) string {
	return s.Layout.Attempt(at.id) + "ledger-" + s.n.Name + "-"
}

func (s *snapshot) copyLedger(ctx context.Context, at place, mark warehouse.Watermark) (c FileRef, err error) {
	var ledger warehouse.Ledger
	err = s.session(ctx, at.cluster, func(ws warehouse.Session) (err error) {
		ledger, err = ws.Ledger(ctx)
		return err
	})
	if err != nil {
		return c, err
	}
	if !ledger.Watermark.Equal(mark) {
		return c, resources.Faultf(resources.Permanent, "the warehouse was written to while its snapshot was taken: its ledger says %v now and %v before", ledger.Watermark, mark)
	}
	body, err := warehouse.EncodeLedger(ledger)
	if err != nil {
		return c, err
	}
	sum := sha256.Sum256(body)
	c.SHA256 = hex.EncodeToString(sum[:])
	c.URI = s.ledgerPrefix(at) + c.SHA256[:12] + ".tsv.gz"
	_, err = s.S3.Put(ctx, c.URI, body, "")
	return c, err
}

func (s *snapshot) ask(ctx context.Context, p *controller.Pass, name string) (controller.Next, error) {
	if p.Facts.Tries[journal.Act{Step: s.n.Name, Verb: "snapshot"}] >= maxSnapshots {
		return controller.Next{}, &resources.Fault{Class: resources.Permanent, Code: resources.CodeExhausted, Msg: fmt.Sprintf("no snapshot after %d tries", maxSnapshots)}
	}
	cluster := s.cluster(p.Facts)
	effect := journal.Effect{Verb: "snapshot", Ref: resources.Ref{Kind: resources.KindSnapshot, Name: name}, Creates: true}
	err := p.Do(ctx, effect, func(ctx context.Context) (any, error) { return nil, s.Redshift.CreateSnapshot(ctx, name, cluster) })
	if resources.CodeOf(err) == "ClusterSnapshotAlreadyExists" { // our own, from a try whose reply was lost
		err = nil
	}
	return controller.Next{Look: p.Now, Why: "snapshot asked for"}, err
}

func (s *snapshot) await(ctx context.Context, p *controller.Pass, owed *journal.Obligation, mark warehouse.Watermark, copied FileRef) (controller.Next, error) {
	seen, err := s.Redshift.DescribeSnapshot(ctx, owed.Ref.Name)
	if err != nil {
		return controller.Next{}, err
	}
	if err := p.Saw(ctx, seen.Observation); err != nil {
		return controller.Next{}, err
	}
	if !seen.Exists {
		_, out := p.Facts.Attempted(s.n.Name, "snapshot")
		if owed.Seen == nil && (out == nil || out.Class == resources.Unknown) && !owed.Created.Add(s.Poll).After(p.Now) {
			return s.ask(ctx, p, owed.Ref.Name) // a create-once name: asking again is the look
		}
		return controller.Again(earlier(p.Now.Add(s.Poll), owed.Created.Add(p.Facts.Grace())), "not seen yet")
	}
	switch seen.State {
	case "available":
		return s.proven(p, owed, seen, mark, copied)
	case "failed":
		err := p.Do(ctx, journal.Effect{Verb: "drop", Ref: owed.Ref}, func(ctx context.Context) (any, error) {
			return nil, s.Redshift.DeleteSnapshot(ctx, owed.Ref.Name, seen.Cluster)
		})
		return controller.Next{Look: p.Now.Add(s.Poll), Why: "it failed"}, err
	}
	at := p.Now.Add(s.Poll)
	if seen.ETA > 4*s.Poll {
		at = p.Now.Add(seen.ETA / 2)
	}
	return controller.Again(at, seen.State)
}

// proven settles: by exact id, available, manual, of this cluster. That its
// intent followed the last write is what Asked lets the delete gate see.
func (s *snapshot) proven(p *controller.Pass, owed *journal.Obligation, seen redshift.Snapshot, mark warehouse.Watermark, copied FileRef) (controller.Next, error) {
	cluster := s.cluster(p.Facts)
	if seen.Type != "manual" || seen.Cluster != cluster {
		return controller.Next{}, resources.Faultf(resources.Permanent, "snapshot %s is %s and of cluster %s, not a manual one of %s", owed.Ref.Name, seen.Type, seen.Cluster, cluster)
	}
	asked := 0
	for _, intent := range p.Facts.Last {
		if intent.Effect.Ref == owed.Ref && intent.Effect.Verb == "snapshot" {
			asked = intent.Seq
		}
	}
	return controller.Done(SnapshotResult{
		Snapshot: owed.Ref.Name, Cluster: cluster, Asked: asked, Watermark: mark, Ledger: copied,
		IncrementalMB: seen.IncrementalMB, TotalMB: seen.TotalMB,
	})
}
