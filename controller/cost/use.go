package cost

import (
	"slices"
	"strconv"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// night is what the records say about clusters and the work on them.
type night struct {
	meters    []*meter // in the order in which they were first heard of
	byRef     map[resources.Ref]*meter
	before    map[int]bool        // by creating intent: its cluster may have existed already
	uses      map[string]string   // by step: the lifetime it uses
	work      map[string]*working // by step
	order     []string            // of work
	unwatched []span              // no controller was alive
	snapshots []snapshot
}

// working is the time a step worked in.
type working struct {
	from, to time.Time // to is zero while it goes on
	failed   bool
}

// snapshot is one that exists after the last record.
type snapshot struct {
	ref       resources.Ref
	megabytes float64 // whole size; -1 when it was not told
	region    string
}

func fold(records []journal.Record) *night {
	n := &night{
		byRef: map[resources.Ref]*meter{}, before: map[int]bool{}, uses: map[string]string{}, work: map[string]*working{},
	}
	var last time.Time
	for _, r := range records {
		r.At = r.At.Truncate(time.Second)
		if r.Kind == journal.Took && !last.IsZero() {
			n.takeOver(last, r.At)
		}
		n.apply(r)
		last = r.At
	}
	return n
}

// takeOver notes that nobody watched between two records. A controller that
// worked in silence before it died makes this too long, never too short.
func (n *night) takeOver(from, to time.Time) {
	n.unwatched = append(n.unwatched, span{from, to})
	for _, m := range n.meters {
		m.blind = true
	}
}

func (n *night) apply(r journal.Record) {
	switch {
	case r.Kind == journal.Opened && r.Opening != nil:
		for _, node := range r.Opening.Plan {
			n.uses[node.Name] = node.Uses
		}
	case r.Kind == journal.Intent && r.Effect != nil:
		n.intend(r)
	case r.Kind == journal.Outcome && r.Effect != nil:
		if m := n.byRef[r.Effect.Ref]; m != nil {
			m.conclude(r, n.before[r.Of])
		}
		n.dropped(r)
	case r.Kind == journal.Saw && r.Seen != nil:
		n.see(r)
	case r.Kind == journal.Settled:
		if w := n.work[r.Step]; w != nil {
			w.to, w.failed = r.At, r.Verdict != journal.Done
		}
	}
}

func (n *night) intend(r journal.Record) {
	if _, ok := n.work[r.Step]; !ok {
		n.work[r.Step] = &working{from: r.At}
		n.order = append(n.order, r.Step)
	}
	m := n.meter(r.Effect.Ref, r.Step)
	if m == nil || !r.Effect.Creates {
		return
	}
	n.before[r.Seq] = m.maybe
	m.intend(r)
}

func (n *night) see(r journal.Record) {
	if m := n.meter(r.Seen.Ref, r.Step); m != nil {
		m.see(r)
	}
	if r.Seen.Ref.Kind == resources.KindSnapshot {
		n.seeSnapshot(*r.Seen)
	}
}

// meter is that of a cluster, made when it is first heard of; nil for what is
// no cluster.
func (n *night) meter(ref resources.Ref, step string) *meter {
	if ref.Kind != resources.KindCluster && ref.Kind != resources.KindFlow {
		return nil
	}
	m := n.byRef[ref]
	if m == nil {
		m = &meter{ref: ref, step: step, parts: map[string]*part{}}
		n.byRef[ref] = m
		n.meters = append(n.meters, m)
	}
	return m
}

func (n *night) seeSnapshot(o resources.Observation) {
	n.forget(o.Ref)
	if !o.Exists || o.State != "available" {
		return
	}
	s := snapshot{ref: o.Ref, megabytes: -1}
	if mb, err := strconv.ParseFloat(o.Parts["total_mb"], 64); err == nil {
		s.megabytes = mb
	}
	for _, m := range n.meters {
		if m.ref.Kind == resources.KindCluster && m.asked.Region != "" {
			s.region = m.asked.Region
		}
	}
	n.snapshots = append(n.snapshots, s)
}

func (n *night) dropped(r journal.Record) {
	if r.Effect.Ref.Kind == resources.KindSnapshot && r.Effect.Verb == "drop" && (r.Class == resources.OK || r.Class == resources.Gone) {
		n.forget(r.Effect.Ref)
	}
}

func (n *night) forget(ref resources.Ref) {
	n.snapshots = slices.DeleteFunc(n.snapshots, func(s snapshot) bool { return s.ref == ref })
}

// standing is what the night's snapshots cost while they are kept, at most: a
// snapshot shares its unchanged blocks with those before it.
func (n *night) standing(book Book) []Standing {
	var all []Standing
	for _, s := range n.snapshots {
		price, known := book.Storage[s.region]
		st := Standing{Ref: s.ref, What: "snapshot", Known: known && s.megabytes >= 0}
		if st.Known {
			st.PerMonth = Micros(float64(price.Snapshot) * s.megabytes / 1024)
		}
		all = append(all, st)
	}
	return all
}

// busy is the time in which work used a cluster, of which some came to
// nothing.
func (n *night) busy(m *meter, now time.Time) (good, bad []span) {
	add := func(from, to time.Time, failed bool) {
		if to.IsZero() {
			to = now
		}
		if failed {
			bad = append(bad, span{from, to})
			return
		}
		good = append(good, span{from, to})
	}
	if m.ref.Kind == resources.KindFlow {
		for _, p := range m.parts {
			if !p.from.IsZero() {
				add(p.from, p.to, !p.to.IsZero() && !p.good)
			}
		}
		return good, bad
	}
	for _, step := range n.order {
		if w := n.work[step]; n.uses[step] == m.step && m.step != "" {
			add(w.from, w.to, w.failed)
		}
	}
	return good, bad
}

// split divides billed spans into used time and waste by cause. All instants
// are whole seconds, so the parts add up exactly.
func (n *night) split(m *meter, spans []span, now time.Time) (used time.Duration, waste []Waste) {
	good, bad := n.busy(m, now)
	first, last := reach(append(good[:len(good):len(good)], bad...))
	wasted := map[string]time.Duration{}
	var total time.Duration
	for _, whole := range spans {
		for _, s := range cut(whole, good, bad, n.unwatched, []span{{first, last}, {m.ready, m.ready}}) {
			d := s.to.Sub(s.from)
			total += d
			switch watched := !within(s, n.unwatched); {
			case within(s, good) && (watched || m.ref.Kind == resources.KindFlow):
				used += d
			case !watched:
				wasted[WasteUnwatched] += d
			case within(s, bad):
				wasted[WasteFailed] += d
			default:
				wasted[m.idle(s, first, last)] += d
			}
		}
	}
	if least := m.least(total); least > total { // the minute's rest
		wasted[WasteAfterLast] += least - total
	}
	for _, name := range wasteOrder {
		if wasted[name] > 0 {
			waste = append(waste, Waste{Name: name, For: wasted[name]})
		}
	}
	return used, waste
}

// idle names the cause of watched time in which nothing worked.
func (m *meter) idle(s span, first, last time.Time) string {
	ready := m.ready
	if ready.IsZero() {
		ready = first // a step began: it was ready by then
	}
	switch {
	case m.ref.Kind == resources.KindFlow && (ready.IsZero() || s.from.Before(ready)):
		return WasteBootstrap
	case first.IsZero():
		return WasteUnused
	case s.from.Before(first):
		return WasteBeforeFirst
	case !s.from.Before(last):
		return WasteAfterLast
	}
	return WasteBetween
}

// reach is from the first beginning to the last end; zero when there is none.
func reach(spans []span) (first, last time.Time) {
	for _, s := range spans {
		if first.IsZero() || s.from.Before(first) {
			first = s.from
		}
		if s.to.After(last) {
			last = s.to
		}
	}
	return first, last
}

// cut divides a span at every edge of the others.
func cut(whole span, others ...[]span) []span {
	edges := []time.Time{whole.from, whole.to}
	for _, spans := range others {
		for _, s := range spans {
			for _, edge := range []time.Time{s.from, s.to} {
				if edge.After(whole.from) && edge.Before(whole.to) {
					edges = append(edges, edge)
				}
			}
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	var pieces []span
	for i := 1; i < len(edges); i++ {
		if edges[i].After(edges[i-1]) {
			pieces = append(pieces, span{edges[i-1], edges[i]})
		}
	}
	return pieces
}

// within says that a piece made by cut lies in one of the spans.
func within(piece span, spans []span) bool {
	for _, s := range spans {
		if !piece.from.Before(s.from) && !piece.to.After(s.to) {
			return true
		}
	}
	return false
}
