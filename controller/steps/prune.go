package steps

import (
	"context"
	"sort"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/redshift"
)

// prune comes last, whatever failed: it ends this attempt's snapshots that
// were not promoted, then rotates older ones of this pipeline. It never
// touches the promoted one.
type prune struct {
	base
	spec controller.PruneSpec
}

func (m *prune) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	for _, debt := range p.Facts.Debts() {
		if debt.Ref.Kind == resources.KindSnapshot && !m.saved(p, debt.Ref) {
			return m.end(ctx, p, debt)
		}
	}
	return m.rotate(ctx, p)
}

// saved says that a final snapshot was made because nothing else had the
// night's work: a person decides about it.
func (m *prune) saved(p *controller.Pass, ref resources.Ref) bool {
	for _, intent := range p.Facts.Last {
		if intent.Effect.Verb == "delete-saving" && intent.Effect.Ref == ref {
			return true
		}
	}
	return false
}

func (m *prune) end(ctx context.Context, p *controller.Pass, debt *journal.Obligation) (controller.Next, error) {
	seen, err := m.Redshift.DescribeSnapshot(ctx, debt.Ref.Name)
	if err != nil {
		return controller.Next{}, err
	}
	if err := p.Saw(ctx, seen.Observation); err != nil {
		return controller.Next{}, err
	}
	switch {
	case debt.Closed:
		return controller.Again(p.Now, "gone")
	case !seen.Exists:
		return controller.Again(earlier(p.Now.Add(m.Poll), debt.Created.Add(p.Facts.Grace())), "in its grace")
	case seen.State == "creating":
		return controller.Again(p.Now.Add(m.Poll), "still creating")
	}
	return m.drop(ctx, p, seen)
}

func (m *prune) drop(ctx context.Context, p *controller.Pass, s redshift.Snapshot) (controller.Next, error) {
	err := p.Do(ctx, journal.Effect{Verb: "drop", Ref: s.Ref}, func(ctx context.Context) (any, error) {
		return nil, m.Redshift.DeleteSnapshot(ctx, s.Ref.Name, s.Cluster)
	})
	if resources.ClassOf(err) == resources.Gone {
		err = nil
	}
	return controller.Next{Look: p.Now.Add(m.Poll), Why: "dropping " + s.Ref.Name}, err
}

func (m *prune) rotate(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	promoted, err := ReadPromoted(ctx, m.Deps)
	if err != nil || promoted == nil { // while nothing is promoted, nothing is surplus
		return controller.Next{State: controller.Finished}, err
	}
	all, err := m.Redshift.Snapshots(ctx, resources.Prefix(p.Facts.Opening.Pipeline, p.Facts.Opening.Lineage))
	if err != nil {
		return controller.Next{}, err
	}
	for _, s := range surplus(all, promoted.Snapshot, m.spec.Keep) {
		if !refused(p.Facts, s.Ref) {
			return m.drop(ctx, p, s)
		}
	}
	return controller.Done(nil)
}

// surplus are the available snapshots of ours beyond the newest `keep`, oldest
// first; the promoted one is none.
func surplus(all []redshift.Snapshot, promoted string, keep int) []redshift.Snapshot {
	var ours []redshift.Snapshot
	for _, s := range all {
		if _, ok := resources.ParseName(s.Ref.Name); ok && s.State == "available" && s.Type == "manual" {
			ours = append(ours, s)
		}
	}
	sort.Slice(ours, func(i, j int) bool { return ours[i].Created.Before(ours[j].Created) })
	var out []redshift.Snapshot
	for i, s := range ours {
		if i < len(ours)-keep && s.Ref.Name != promoted {
			out = append(out, s)
		}
	}
	return out
}

// refused says that a snapshot was asked to go in this attempt already: what
// is still used by a cluster goes on a later night (aws-facts A5).
func refused(f *journal.Facts, ref resources.Ref) bool {
	for _, out := range f.Outcomes {
		if out.Effect != nil && out.Effect.Verb == "drop" && out.Effect.Ref == ref && out.Class.NoEffect() && out.Class != resources.Retry {
			return true
		}
	}
	return false
}
