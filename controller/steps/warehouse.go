package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// warehouseLife keeps one Redshift cluster: wanted and absent, it arms the
// kill switch and creates; present and not wanted, it ends it through the
// delete gate; not wanted and seen gone, it is done.
type warehouseLife struct {
	base
	spec controller.LifetimeSpec
}

// maxCreates is how many clusters one lifetime asks for before it fails.
const maxCreates = 6

func (w *warehouseLife) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	owed, fatal := p.Facts.Owes(w.n.Name, resources.KindCluster), w.fatal(p)
	wanted := p.Wanted() && fatal == nil
	if owed == nil || owed.Closed {
		return w.absent(ctx, p, owed, wanted, fatal)
	}
	seen, err := w.Redshift.Describe(ctx, owed.Ref.Name)
	if err != nil {
		return controller.Next{}, err
	}
	if err := p.Saw(ctx, seen.Observation); err != nil {
		return controller.Next{}, err
	}
	switch {
	case owed.Closed:
		return controller.Again(p.Now, "seen gone")
	case !seen.Exists:
		return w.unseen(ctx, p, owed, wanted)
	case wanted:
		return w.keep(ctx, p, owed, seen.State)
	}
	return w.end(ctx, p, owed, seen.State)
}

// fatal is the error that ends this lifetime: what it needs is refused for
// good, or what came is not what was promoted.
func (w *warehouseLife) fatal(p *controller.Pass) error {
	for _, verb := range []string{"restore", "create", "verify"} {
		_, out := p.Facts.Attempted(w.n.Name, verb)
		if out == nil || out.Class != resources.Permanent && out.Class != resources.Denied || already(out) {
			continue
		}
		return again(out, out.Code)
	}
	return nil
}

// already says that a create met the cluster that an earlier try of ours made.
func already(out *journal.Record) bool {
	return out.Code == "ClusterAlreadyExists" || out.Code == "ClusterSnapshotAlreadyExists"
}

// absent is when nothing of ours is known to exist.
func (w *warehouseLife) absent(ctx context.Context, p *controller.Pass, owed *journal.Obligation, wanted bool, fatal error) (controller.Next, error) {
	if owed != nil && owed.Seen != nil && wanted && w.unsaved(p) {
		return controller.Next{}, fmt.Errorf("%s: %w", owed.Ref.Name, controller.ErrLost)
	}
	armed := p.Facts.Owes(w.n.Name, resources.KindSwitch)
	if armed != nil && !armed.Closed && (!wanted || w.used(p, armed.Ref.Name)) {
		return w.disarm(ctx, p, armed)
	}
	if fatal != nil {
		return controller.Next{}, fatal
	}
	if !wanted {
		return controller.Done(nil)
	}
	return w.open(ctx, p, armed)
}

// used says that a cluster of this name was seen, so that another must be
// called differently.
func (w *warehouseLife) used(p *controller.Pass, name string) bool {
	o := p.Facts.Owed[resources.Ref{Kind: resources.KindCluster, Name: name}]
	return o != nil && o.Closed && o.Seen != nil
}

// open arms the kill switch, sees it armed, and only then creates.
func (w *warehouseLife) open(ctx context.Context, p *controller.Pass, armed *journal.Obligation) (controller.Next, error) {
	act := journal.Act{Step: w.n.Name, Verb: w.verb()}
	if p.Facts.Tries[act] >= maxCreates {
		return controller.Next{}, &resources.Fault{Class: resources.Permanent, Code: resources.CodeExhausted,
			Msg: fmt.Sprintf("no warehouse after %d tries", maxCreates), Hint: "`lamplighter logs warehouse` shows what was answered"}
	}
	if armed == nil || armed.Closed {
		return w.arm(ctx, p, p.NewName())
	}
	name := armed.Ref.Name
	if armed.Seen == nil || !armed.Seen.Exists {
		seen, err := w.Switches.Describe(ctx, name)
		if err != nil {
			return controller.Next{}, err
		}
		if err := p.Saw(ctx, seen); err != nil {
			return controller.Next{}, err
		}
		if !seen.Exists {
			if at := p.Facts.Last[journal.Act{Step: w.n.Name, Verb: "arm"}].At.Add(w.Poll); at.After(p.Now) {
				return controller.Again(at, "kill switch: not seen yet")
			}
			return w.arm(ctx, p, name)
		}
	}
	return w.create(ctx, p, name)
}

func (w *warehouseLife) arm(ctx context.Context, p *controller.Pass, name string) (controller.Next, error) {
	effect := journal.Effect{Verb: "arm", Ref: resources.Ref{Kind: resources.KindSwitch, Name: name}, Creates: true}
	err := p.Do(ctx, effect, func(ctx context.Context) (any, error) {
		return nil, w.Switches.Arm(ctx, name, p.Window().HardStop.Add(w.SwitchMargin))
	})
	return controller.Next{Look: p.Now, Why: "arming the kill switch"}, err
}

func (w *warehouseLife) verb() string {
	if w.spec.Base == "" && w.spec.BaseFrom == "" {
		return "create"
	}
	return "restore"
}

func (w *warehouseLife) create(ctx context.Context, p *controller.Pass, name string) (controller.Next, error) {
	snapshot, of, err := w.from(p)
	if err != nil {
		return controller.Next{}, err
	}
	s := w.Redshift.Settings
	effect := journal.Effect{Verb: w.verb(), Ref: resources.Ref{Kind: resources.KindCluster, Name: name}, Creates: true,
		Shape: resources.Shape{Service: "redshift", Type: s.NodeType, Region: s.Region, Count: s.Nodes}}
	err = p.Do(ctx, effect, func(ctx context.Context) (any, error) {
		if snapshot == "" {
			return nil, w.Redshift.Create(ctx, name)
		}
		return map[string]string{"snapshot": snapshot}, w.Redshift.Restore(ctx, name, snapshot, of)
	})
	if resources.CodeOf(err) == "ClusterAlreadyExists" { // our own, from a try whose reply was lost
		err = nil
	}
	return controller.Next{Look: p.Now.Add(w.Poll), Why: w.verb() + " asked for"}, err
}

// from is the snapshot to restore and the cluster it was taken of, which a
// policy that names clusters needs (aws-rules 23).
func (w *warehouseLife) from(p *controller.Pass) (snapshot, cluster string, err error) {
	if w.spec.BaseFrom != "" {
		taken, _ := journal.Result[SnapshotResult](p.Facts, w.spec.BaseFrom)
		return taken.Snapshot, taken.Cluster, nil
	}
	var promoted Promoted
	if len(w.spec.Promoted) > 0 {
		err = json.Unmarshal(w.spec.Promoted, &promoted)
	}
	return w.spec.Base, promoted.Cluster, err
}

// unseen is when a cluster that we asked for does not show.
func (w *warehouseLife) unseen(ctx context.Context, p *controller.Pass, owed *journal.Obligation, wanted bool) (controller.Next, error) {
	_, out := p.Facts.Attempted(w.n.Name, w.verb())
	ambiguous := out == nil || out.Class == resources.Unknown
	if wanted && ambiguous && owed.Seen == nil && !owed.Created.Add(w.Poll).After(p.Now) {
		return w.create(ctx, p, owed.Ref.Name) // a create-once name: asking again is the look
	}
	return controller.Again(earlier(p.Now.Add(w.Poll), owed.Created.Add(p.Facts.Grace())), "not seen yet, or gone already")
}

// early is how many usual pauses a cluster surely takes to come up: a minute,
// and none was reported faster (aws-facts A9). Until then looks are few.
const early = 12

// keep makes a wanted cluster ready: tagged, reachable, and holding what was
// promoted.
func (w *warehouseLife) keep(ctx context.Context, p *controller.Pass, owed *journal.Obligation, state string) (controller.Next, error) {
	switch state {
	case "available", "available, prep-for-resize", "available, resize-cleanup":
		return w.ready(ctx, p, owed)
	case "creating":
		if p.Now.Sub(owed.Created) < early*w.Poll {
			return controller.Again(p.Now.Add(early/3*w.Poll), state)
		}
	case "paused":
		err := p.Do(ctx, journal.Effect{Verb: "resume", Ref: owed.Ref}, func(ctx context.Context) (any, error) {
			return nil, w.Redshift.Resume(ctx, owed.Ref.Name)
		})
		return controller.Next{Look: p.Now.Add(w.Poll), Why: "resume"}, err
	case "deleting", "final-snapshot":
		if w.unsaved(p) {
			return controller.Next{}, fmt.Errorf("%s is %s: %w", owed.Ref.Name, state, controller.ErrLost)
		}
	case "hardware-failure", "incompatible-hsm", "incompatible-network", "incompatible-parameters", "incompatible-restore", "failed":
		if w.unsaved(p) {
			return controller.Next{}, fmt.Errorf("%s is %s: %w", owed.Ref.Name, state, controller.ErrLost)
		}
		return w.delete(ctx, p, owed)
	}
	return controller.Again(p.Now.Add(w.Poll), state)
}

func (w *warehouseLife) ready(ctx context.Context, p *controller.Pass, owed *journal.Obligation) (controller.Next, error) {
	if intent, _ := p.Facts.Attempted(w.n.Name, "tag"); intent == nil || intent.Effect.Ref != owed.Ref {
		if err := p.Do(ctx, journal.Effect{Verb: "tag", Ref: owed.Ref}, func(ctx context.Context) (any, error) {
			return nil, w.Redshift.Tag(ctx, owed.Ref.Name)
		}); resources.ClassOf(err) == resources.Fenced {
			return controller.Next{}, err
		}
		return controller.Again(p.Now, "tagged") // a cluster without tags works as well
	}
	if intent, out := p.Facts.Attempted(w.n.Name, "verify"); intent != nil && intent.Effect.Ref == owed.Ref && out != nil && out.Class == resources.OK {
		return controller.Open(p.Now.Add(time.Minute), "available")
	}
	if p.Running("verify") {
		return controller.Until("first connection")
	}
	if intent, out := p.Facts.Attempted(w.n.Name, "verify"); out != nil && intent.Effect.Ref == owed.Ref && out.At.Add(w.Poll).After(p.Now) {
		return controller.Again(out.At.Add(w.Poll), "first connection, again") // available, and not yet
	}
	want, err := w.watermark(p)
	if err != nil {
		return controller.Next{}, err
	}
	return controller.Next{Why: "first connection"}, p.Start(ctx, journal.Effect{Verb: "verify", Ref: owed.Ref}, func(ctx context.Context) (any, error) {
		return nil, w.verify(ctx, owed.Ref.Name, want)
	})
}

// watermark is what a restored warehouse must show before anything is written.
func (w *warehouseLife) watermark(p *controller.Pass) (warehouse.Watermark, error) {
	if w.spec.BaseFrom != "" {
		taken, _ := journal.Result[SnapshotResult](p.Facts, w.spec.BaseFrom)
		return taken.Watermark, nil
	}
	if len(w.spec.Promoted) == 0 {
		return warehouse.Watermark{}, nil
	}
	var promoted Promoted
	err := json.Unmarshal(w.spec.Promoted, &promoted)
	return promoted.Watermark, err
}

func (w *warehouseLife) verify(ctx context.Context, cluster string, want warehouse.Watermark) error {
	return w.session(ctx, cluster, func(s warehouse.Session) error {
		got, err := s.Watermark(ctx)
		if err != nil {
			return err
		}
		if !got.Equal(want) {
			return &resources.Fault{Class: resources.Permanent, Code: "WatermarkDiffers",
				Msg:  fmt.Sprintf("the restored warehouse is not the one that was promoted: its ledger says %v, the pointer %v", got, want),
				Hint: "someone wrote into the warehouse or moved the pointer; `lamplighter run --again` tries the snapshot again"}
		}
		return nil
	})
}

// maxDeletePolls bounds the pause between two looks at a cluster that is being
// deleted, in the usual pauses: its bill does not end by a look of ours.
const maxDeletePolls = 3

// asked is when the cluster's end was asked for last.
func (w *warehouseLife) asked(f *journal.Facts) (at time.Time) {
	for _, verb := range []string{"delete", "delete-saving"} {
		if intent, _ := f.Attempted(w.n.Name, verb); intent != nil && intent.At.After(at) {
			at = intent.At
		}
	}
	return at
}

// end deletes a cluster that is not wanted, when its state allows that.
func (w *warehouseLife) end(ctx context.Context, p *controller.Pass, owed *journal.Obligation, state string) (controller.Next, error) {
	switch state {
	case "deleting", "final-snapshot":
		return controller.Again(w.unhurried(p.Now, w.asked(p.Facts), maxDeletePolls), state)
	case "creating", "pausing", "resuming", "rebooting", "modifying", "renaming", "resizing":
		return controller.Again(p.Now.Add(w.Poll), state)
	case "paused":
		if why := w.shut(p); why != "" { // compute stopped, data kept: it stays owed, and the kill switch stays armed
			return controller.Next{State: controller.Finished, Why: "paused: " + why, Result: map[string]string{"paused": owed.Ref.Name}}, nil
		}
	}
	return w.delete(ctx, p, owed)
}

// delete asks for the end of a cluster, with a final snapshot when the gate
// cannot prove that its work is saved.
func (w *warehouseLife) delete(ctx context.Context, p *controller.Pass, owed *journal.Obligation) (controller.Next, error) {
	if intent, out := p.Facts.Attempted(w.n.Name, "delete"); out != nil && intent.Effect.Ref == owed.Ref && out.Class == resources.OK {
		if at := out.At.Add(6 * w.Poll); at.After(p.Now) { // accepted: give it time to show, then ask again
			return controller.Again(at, "delete asked for")
		}
	}
	if why := w.shut(p); why != "" {
		return w.deleteSaving(ctx, p, owed, why)
	}
	err := p.Do(ctx, journal.Effect{Verb: "delete", Ref: owed.Ref}, func(ctx context.Context) (any, error) {
		return nil, w.Redshift.Delete(ctx, owed.Ref.Name, "")
	})
	if resources.ClassOf(err) == resources.Gone {
		err = nil
	}
	return controller.Next{Look: p.Now.Add(w.Poll), Why: "delete asked for"}, err
}

// maxSaving is how often a delete with a final snapshot is asked for before
// the warehouse is paused instead: the snapshot itself may be what fails.
const maxSaving = 3

// pause stops the nodes of a warehouse that could not be saved.
func (w *warehouseLife) pause(ctx context.Context, p *controller.Pass, owed *journal.Obligation, why string) (controller.Next, error) {
	err := p.Do(ctx, journal.Effect{Verb: "pause", Ref: owed.Ref}, func(ctx context.Context) (any, error) {
		return nil, w.Redshift.Pause(ctx, owed.Ref.Name)
	})
	return controller.Next{Look: p.Now.Add(w.Poll), Why: "pause: " + why}, err
}

// deleteSaving ends the cluster and keeps its content in a final snapshot,
// which stays owed: a person, or the next run, decides about it.
func (w *warehouseLife) deleteSaving(ctx context.Context, p *controller.Pass, owed *journal.Obligation, why string) (controller.Next, error) {
	if p.Facts.Tries[journal.Act{Step: w.n.Name, Verb: "delete-saving"}] >= maxSaving {
		return w.pause(ctx, p, owed, why)
	}
	kept := p.Facts.Owes(w.n.Name, resources.KindSnapshot)
	name := p.NewName()
	if kept != nil && !kept.Closed {
		name = kept.Ref.Name
	}
	effect := journal.Effect{Verb: "delete-saving", Ref: resources.Ref{Kind: resources.KindSnapshot, Name: name}, Creates: true}
	err := p.Do(ctx, effect, func(ctx context.Context) (any, error) {
		return map[string]string{"cluster": owed.Ref.Name, "why": why}, w.Redshift.Delete(ctx, owed.Ref.Name, name)
	})
	return controller.Next{Look: p.Now.Add(6 * w.Poll), Why: "delete with a final snapshot: " + why}, err
}

// shut is the delete gate: the reason why the warehouse may not be deleted
// without saving it first; "" when it may.
func (w *warehouseLife) shut(p *controller.Pass) string {
	if w.spec.Saves == "" || !w.committed(p) {
		return ""
	}
	if w.disposable(p) {
		return ""
	}
	taken, ok := journal.Result[SnapshotResult](p.Facts, w.spec.Saves)
	if !ok {
		return "no snapshot of its work is proven"
	}
	if taken.Cluster != p.Facts.Made[journal.Made{Step: w.n.Name, Kind: resources.KindCluster}].Name {
		return fmt.Sprintf("%s is not of this cluster", taken.Snapshot)
	}
	for _, writer := range w.spec.Writers {
		if last := lastOutcome(p.Facts, writer); last > taken.Asked {
			return fmt.Sprintf("%s was asked for before the last write of %s came back", taken.Snapshot, writer)
		}
	}
	return ""
}

// disposable says that the content is worth nothing: tomorrow starts from the
// last good snapshot.
func (w *warehouseLife) disposable(p *controller.Pass) bool {
	if w.fatal(p) != nil {
		return true
	}
	for _, step := range w.spec.Writers {
		if bad(p.Facts.Settled[step]) {
			return true
		}
	}
	for _, step := range w.spec.Checks {
		if s, ok := p.Facts.Settled[step]; ok && s.Verdict == journal.Failed {
			return true
		}
	}
	return false
}

// bad says that a writer ended in a way after which its warehouse is not kept.
func bad(s journal.Record) bool {
	switch s.Verdict {
	case journal.Failed, journal.Lost:
		return true
	case journal.Skipped:
		return s.Why == controller.WhyInterrupted || s.Why == controller.WhyCutOff || s.Why == controller.WhyLost
	}
	return false
}

// committed says that some writer may have changed this warehouse.
func (w *warehouseLife) committed(p *controller.Pass) bool { return committed(p.Facts, w.spec.Writers) }

func committed(f *journal.Facts, writers []string) bool {
	for _, step := range writers {
		for act, intent := range f.Last {
			if act.Step != step {
				continue
			}
			if out, ok := f.Outcomes[intent.Seq]; !ok || !out.Class.NoEffect() || f.Tries[act] > 1 {
				return true
			}
		}
	}
	return false
}

// unsaved says that something committed here and no snapshot holds it.
func (w *warehouseLife) unsaved(p *controller.Pass) bool {
	return w.spec.Saves != "" && !p.Facts.Has(w.spec.Saves, journal.Done) && w.committed(p)
}

// lastOutcome is the sequence number of the last outcome of a step; 0: none.
func lastOutcome(f *journal.Facts, step string) int {
	last := 0
	for _, out := range f.Outcomes {
		if out.Step == step {
			last = max(last, out.Seq)
		}
	}
	return last
}

func (w *warehouseLife) disarm(ctx context.Context, p *controller.Pass, armed *journal.Obligation) (controller.Next, error) {
	seen, err := w.Switches.Describe(ctx, armed.Ref.Name)
	if err != nil {
		return controller.Next{}, err
	}
	if err := p.Saw(ctx, seen); err != nil {
		return controller.Next{}, err
	}
	if armed.Closed {
		return controller.Again(p.Now, "disarmed")
	}
	if !seen.Exists {
		return controller.Again(earlier(p.Now.Add(time.Minute), armed.Created.Add(p.Facts.Grace())), "kill switch: gone, in its grace")
	}
	err = p.Do(ctx, journal.Effect{Verb: "disarm", Ref: armed.Ref}, func(ctx context.Context) (any, error) {
		return nil, w.Switches.Disarm(ctx, armed.Ref.Name)
	})
	return controller.Next{Look: p.Now.Add(w.Poll), Why: "disarming the kill switch"}, err
}
