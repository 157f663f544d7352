package cost

import (
	"strings"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// SetupGuess is how long a Redshift cluster is taken to need from being asked
// for to billing, where nobody saw it: restores of small data were reported to
// take 100 to 300 s (Terraform's acceptance tests, 2023 to 2026).
const SetupGuess = 3 * time.Minute

// span is billed time.
type span struct{ from, to time.Time }

// twin is time in which EMR ran more than one cluster under a name.
type twin struct {
	span
	copies int // besides the first
}

// Why a span ended.
const (
	endAccepted = iota + 1 // a delete was accepted: it may yet bounce
	endDeleting            // seen on its way out: the same
	endPaused
	endGone
)

// meter follows one cluster through the records.
type meter struct {
	ref   resources.Ref
	step  string
	asked resources.Shape   // by the last creating intent
	seen  []resources.Shape // as seen, best while running

	maybe   bool      // it may exist
	exists  bool      // it surely did: answered or seen
	askedAt time.Time // the first creating intent of this life
	news    time.Time // the last thing heard of it
	blind   bool      // a controller took over since then
	state   string    // last seen
	spans   []span    // closed
	open    time.Time // start of the span that goes on; zero: none
	ready   time.Time // an EMR cluster can run steps from here
	ended   int       // why the last span closed
	twins   []twin
	copies  int       // clusters seen alive under the name
	since   time.Time // of copies
	parts   map[string]*part
	notes   []string
}

// part is one Spark step as EMR shows it.
type part struct {
	from, to time.Time
	good     bool
}

// intend notes that the cluster was asked for.
func (m *meter) intend(r journal.Record) {
	if !m.maybe {
		m.askedAt, m.state, m.exists, m.ended = r.At, "", false, 0
	}
	m.maybe, m.news, m.blind = true, r.At, false
	if r.Effect.Shape.Type != "" {
		m.asked = r.Effect.Shape
	}
	if m.step == "" {
		m.step = r.Step
	}
}

// conclude notes an outcome; before says whether the cluster may have existed
// before the intent.
func (m *meter) conclude(r journal.Record, before bool) {
	switch {
	case r.Effect.Creates && r.Class.NoEffect():
		m.maybe = before
	case r.Effect.Creates:
		m.exists = m.exists || r.Class == resources.OK
		m.news = r.At
	case r.Class != resources.OK || m.ref.Kind == resources.KindFlow:
		// TerminateJobFlows is only a wish: EMR bills until it has ended.
	case r.Effect.Verb == "delete" || r.Effect.Verb == "pause":
		// Neither is accepted of a cluster that is still being made.
		if m.open.IsZero() && m.ended == 0 && m.exists {
			m.guess(r.At)
		}
		m.close(r.At, endAccepted)
	}
}

// see notes an observation.
func (m *meter) see(r journal.Record) {
	o := *r.Seen
	at := m.instant(o.Since, r.At)
	defer func() { m.news, m.blind, m.state = r.At, false, o.State }()
	if m.ref.Kind == resources.KindFlow {
		m.seeParts(o, r.At)
		m.seeCopies(o, r.At)
	}
	if o.Exists {
		m.maybe, m.exists = true, true
	}
	switch {
	case runs(m.ref.Kind, o):
		if m.ready.IsZero() && (o.State == "RUNNING" || o.State == "WAITING") {
			m.ready = at
		}
		m.keepShapes(o.Shapes)
		m.start(o, at)
	case o.Exists && rises(o.State):
		if len(m.seen) == 0 {
			m.keepShapes(o.Shapes)
		}
	default:
		m.stop(o, at)
	}
}

// start begins a span, or takes back an end that proved false.
func (m *meter) start(o resources.Observation, at time.Time) {
	if !m.open.IsZero() {
		return
	}
	if last := len(m.spans) - 1; last >= 0 && (m.ended == endAccepted || m.ended == endDeleting) {
		m.open, m.spans = m.spans[last].from, m.spans[:last]
		return
	}
	m.open = at
	switch {
	case m.news.IsZero():
	case m.ref.Kind == resources.KindFlow && (m.blind || o.State != "BOOTSTRAPPING"):
		m.open = earliest(m.news, at)
		m.note("nobody saw the Spark nodes start: billed from the last sight before")
	case m.ref.Kind == resources.KindCluster && m.blind:
		m.open = earliest(latest(m.askedAt.Add(SetupGuess), m.news), at)
		m.note("nobody saw the warehouse become available: billed from three minutes after it was asked for")
	}
}

// stop ends a span that goes on, and makes one for a cluster which surely
// lived and was never seen alive.
func (m *meter) stop(o resources.Observation, at time.Time) {
	why := endGone
	if o.Exists && m.ref.Kind == resources.KindCluster {
		why = endDeleting
		if o.State == "paused" || o.State == "pausing" {
			why = endPaused
		}
	}
	if m.open.IsZero() && m.ended == 0 && m.lived(o) {
		m.guess(at)
	}
	m.close(at, why)
	if !o.Exists {
		m.maybe = false
	}
}

func (m *meter) close(at time.Time, why int) {
	if !m.open.IsZero() {
		m.spans = append(m.spans, span{m.open, latest(at, m.open)})
		m.open = time.Time{}
	}
	m.ended = why
}

// lived says that it must have billed although nobody saw it do so: a
// Redshift cluster that was there when its controller died; an EMR cluster of
// which a step began.
func (m *meter) lived(o resources.Observation) bool {
	if m.ref.Kind == resources.KindCluster {
		return m.exists && m.blind && !strings.HasPrefix(o.State, "incompatible-")
	}
	for _, p := range m.parts {
		if !p.from.IsZero() {
			return true
		}
	}
	return false
}

// guess begins a span that nobody saw begin. Of a cluster that these records
// did not ask for there is nothing to go by.
func (m *meter) guess(end time.Time) {
	if m.askedAt.IsZero() {
		return
	}
	m.open = m.news
	if m.ref.Kind == resources.KindCluster {
		m.open = latest(m.open, m.askedAt.Add(SetupGuess))
		if m.open.After(end) {
			m.open = m.news
		}
	}
	m.open = earliest(m.open, end)
	m.note("nobody saw " + m.ref.Name + " run: its beginning is a guess")
}

// instant is the server's own one when it fits between what we know.
func (m *meter) instant(since, at time.Time) time.Time {
	since = since.Truncate(time.Second)
	if since.IsZero() || since.After(at) || since.Before(m.askedAt) {
		return at
	}
	return since
}

func (m *meter) seeParts(o resources.Observation, at time.Time) {
	for name, state := range o.Parts {
		p := m.parts[name]
		if p == nil {
			p = &part{}
			m.parts[name] = p
		}
		began := state != "PENDING" && state != "CANCELLED" && state != ""
		if began && p.from.IsZero() {
			p.from = at
			if state != "RUNNING" && !m.news.IsZero() {
				p.from = earliest(m.news, at) // it ran between two sights
			}
		}
		if began && state != "RUNNING" && state != "CANCEL_PENDING" && p.to.IsZero() {
			p.to, p.good = at, state == "COMPLETED"
		}
	}
}

func (m *meter) seeCopies(o resources.Observation, at time.Time) {
	copies := 0
	if runs(m.ref.Kind, o) {
		copies = len(o.IDs)
	}
	if copies == m.copies {
		return
	}
	m.twins = m.twinsUntil(at)
	m.copies, m.since = copies, at
}

// twinsUntil are the times of a second cluster under the name.
func (m *meter) twinsUntil(now time.Time) []twin {
	if m.copies > 1 && now.After(m.since) {
		return append(m.twins[:len(m.twins):len(m.twins)], twin{span{m.since, now}, m.copies - 1})
	}
	return m.twins
}

// keepShapes takes what was seen, filled up with what was asked for. A paused
// RA3 cluster shows a single node, so only running ones are believed.
func (m *meter) keepShapes(seen []resources.Shape) {
	var shapes []resources.Shape
	for _, s := range seen {
		if s.Count <= 0 || s.Type == "" {
			continue
		}
		if s.Service == "" {
			s.Service = m.asked.Service
		}
		if s.Region == "" {
			s.Region = m.asked.Region
		}
		shapes = append(shapes, s)
	}
	if len(shapes) > 0 {
		m.seen = shapes
	}
}

// shapes are what bills: seen, else asked for.
func (m *meter) shapes() []resources.Shape {
	if len(m.seen) == 0 && m.asked.Type != "" {
		return []resources.Shape{m.asked}
	}
	return m.seen
}

// billed are the spans up to now, in whole seconds.
func (m *meter) billed(now time.Time) []span {
	spans := m.spans[:len(m.spans):len(m.spans)]
	if !m.open.IsZero() {
		spans = append(spans, span{m.open, latest(now, m.open)})
	}
	return spans
}

// least is a billed time with EMR's and EC2's minimum of a minute. Redshift
// has none that anybody found.
func (m *meter) least(d time.Duration) time.Duration {
	if m.ref.Kind == resources.KindFlow {
		return max(d, time.Minute)
	}
	return d
}

// now is what the cluster means for the question what bills now.
func (m *meter) now(book Book, now time.Time) (Now, bool) {
	n := Now{Ref: m.ref, Step: m.step, Shapes: m.shapes()}
	n.PerHour, n.Known = perHour(n.Shapes, book)
	switch {
	case !m.open.IsZero():
		n.Status, n.Since = Billing, m.open
	case !m.maybe:
		return n, false
	case m.ended == endPaused:
		n.Status, n.Since = Paused, m.news
	case m.ended != 0:
		n.Status, n.Since = Ending, m.news
	default:
		n.Status, n.Since = Starting, m.askedAt
	}
	return n, true
}

func (m *meter) note(text string) { m.notes = append(m.notes, text) }

// runs says that what was seen bills. Words nobody documented do.
func runs(kind string, o resources.Observation) bool {
	if !o.Exists || rises(o.State) {
		return false
	}
	if kind == resources.KindFlow {
		return !strings.HasPrefix(o.State, "TERMINATED")
	}
	switch o.State {
	case "deleting", "final-snapshot", "pausing", "paused":
		return false
	}
	return !strings.HasPrefix(o.State, "incompatible-")
}

// rises says that it is on its way up and does not bill yet. Redshift bills
// after it is available (its getting-started guide); EMR and EC2 from the
// start of the instances.
func rises(state string) bool {
	switch state {
	case "", "creating", "restoring", "resuming", "STARTING":
		return true
	}
	return false
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
