package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// remember reads what former nights left: the promoted pointer, its ledger
// copy, and the last attempt's results.
func (r *planned) remember(ctx context.Context) error {
	var err error
	if r.promoted, err = ReadPromoted(ctx, r.Deps); err != nil {
		return err
	}
	if r.skips, err = Skips(ctx, r.Deps); err != nil {
		return err
	}
	switch {
	case r.promoted == nil:
		err = r.mayBootstrap(ctx)
	case r.Bootstrap:
		err = &resources.Fault{Class: resources.Permanent, Code: CodeRefused,
			Msg:  fmt.Sprintf("--bootstrap would begin an empty warehouse, but %s names a promoted snapshot", r.Layout.Promoted()),
			Hint: "run without --bootstrap; or move that pointer away first, which gives up what it names"}
	default:
		err = r.readLedger(ctx)
	}
	if err != nil {
		return err
	}
	return r.recall(ctx)
}

// mayBootstrap refuses to build an empty warehouse beside a good one: a wrong
// bucket or a renamed pipeline looks just like a first night.
func (r *planned) mayBootstrap(ctx context.Context) error {
	if r.Pipeline.Warehouse == nil || r.Bootstrap {
		return nil
	}
	found, err := r.Redshift.Snapshots(ctx, resources.Prefix(r.Pipeline.Pipeline, r.Lineage))
	if err != nil {
		return err
	}
	for _, s := range found {
		if name, ok := resources.ParseName(s.Ref.Name); ok && s.State == "available" {
			if name.Run == resources.CompactRun(r.ID.Run) { // left by an earlier attempt of this very run
				continue
			}
			return &resources.Fault{Class: resources.Permanent, Code: CodeRefused,
				Msg:  fmt.Sprintf("nothing is promoted in %s, yet the snapshot %s of this pipeline exists", r.Layout.Root(), s.Ref.Name),
				Hint: "check the bucket's name; --bootstrap begins an empty warehouse and leaves that snapshot alone"}
		}
	}
	return nil
}

func (r *planned) readLedger(ctx context.Context) error {
	body, _, err := r.S3.Get(ctx, r.promoted.Ledger.URI)
	if err != nil {
		return fmt.Errorf("the promoted ledger copy: %w", err)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != r.promoted.Ledger.SHA256 {
		return resources.Faultf(resources.Permanent, "the ledger copy %s is not the one that was promoted: its sha256 differs", r.promoted.Ledger.URI)
	}
	r.ledger, err = warehouse.DecodeLedger(body)
	return err
}

// ReadPromoted reads the promoted pointer; nil when nothing was ever promoted.
func ReadPromoted(ctx context.Context, d Deps) (*Promoted, error) {
	body, _, err := d.S3.Get(ctx, d.Layout.Promoted())
	if resources.ClassOf(err) == resources.Gone {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var p Promoted
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, resources.Faultf(resources.Permanent, "%s is not a pointer: %v", d.Layout.Promoted(), err)
	}
	return &p, nil
}

// Latest is the pointer to the newest attempt.
func Latest(ctx context.Context, d Deps) (*journal.AttemptID, error) {
	body, _, err := d.S3.Get(ctx, d.Layout.Latest())
	if resources.ClassOf(err) == resources.Gone {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var id journal.AttemptID
	return &id, json.Unmarshal(body, &id)
}

// recall reads the results of the last attempt that may still hold.
func (r *planned) recall(ctx context.Context) error {
	latest, err := Latest(ctx, r.Deps)
	if err != nil || latest == nil || *latest == r.ID {
		return err
	}
	r.previous = latest
	records, err := r.Records(ctx, *latest)
	if err != nil {
		return err
	}
	facts := journal.Fold(records)
	if facts.Opening == nil {
		return nil
	}
	r.last = facts
	for name, c := range facts.Opening.Carried {
		r.prior[name] = c
		r.loose[name] = c.Loose
	}
	r.wrote = facts.Has("promote-1", journal.Done)
	for _, n := range facts.Plan {
		s, settled := facts.Settled[n.Name]
		if n.Fingerprint == "" || !settled {
			continue
		}
		empty := s.Verdict == journal.Skipped && s.Why == controller.WhyEmpty
		if (s.Verdict == journal.Done || empty) && !partial(facts) {
			r.prior[n.Name] = journal.Carried{Fingerprint: n.Fingerprint, Result: s.Result, Made: *latest, Empty: empty}
		} else {
			delete(r.prior, n.Name)
		}
	}
	published := map[string][]bool{} // by step: of each of its datasets
	for _, n := range facts.Plan {
		var spec controller.PublishSpec
		if n.Kind == controller.KindPublish && json.Unmarshal(n.Spec, &spec) == nil {
			published[spec.Step] = append(published[spec.Step], facts.Has(n.Name, journal.Done))
		}
	}
	for step, done := range published {
		r.loose[step] = slices.Contains(done, false)
	}
	return nil
}
