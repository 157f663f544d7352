package controller

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lamplighter/controller/journal"
)

// This file is the planner: declared work in, a plan with the clusters'
// lifetimes out. It is pure. The rules are those of ARCHITECTURE.md, "How
// lifetimes are derived".

// Kinds of derived steps. Those of work steps are config's.
const (
	KindWarehouse = "warehouse" // lifetime of a Redshift cluster
	KindEMR       = "emr"       // lifetime of an EMR cluster
	KindMigrate   = "migrate"
	KindUpkeep    = "upkeep"
	KindSnapshot  = "snapshot"
	KindPromote   = "promote"
	KindPublish   = "publish"
	KindPrune     = "prune"
)

// Work is one step of the pipeline, resolved for tonight: what the planner
// must know of it, and its Spec, which it does not look into.
type Work struct {
	Name, Kind  string   // load sql check unload spark
	Reads       []string // datasets: names of unload and spark steps
	Needs       []string // other steps, declared
	Publishes   bool     // its dataset is published
	Writes      []string // the datasets that its own is made of; each is published by itself
	Unpublished bool     // it is Done, but its dataset was not published yet
	Spec        any
	Fingerprint string
	Why         string
	Done        *journal.Carried // it need not be done tonight: this still holds
}

func (w Work) lifetime() string {
	if w.Kind == "spark" {
		return KindEMR
	}
	return KindWarehouse
}

func (w Work) writes() bool { return w.Kind == "load" || w.Kind == "sql" || w.Kind == KindMigrate }

// Estimates decide whether a warehouse that is needed before and after Spark
// is kept in between. Both sides bill the same nodes, so seconds decide.
type Estimates struct {
	Gap          time.Duration // Spark's launch and work
	SnapshotTail time.Duration // of the first lifetime's snapshot, beyond the unloads
	Delete       time.Duration
	Detect       time.Duration // lag of our looks
	ColdStart    time.Duration // slower first queries after a restore
}

// Keep says that idling through the gap is cheaper than ending and restoring.
func (e Estimates) Keep() bool { return e.Gap <= e.SnapshotTail+e.Delete+e.Detect+e.ColdStart }

// Typical are estimates for a small warehouse that nothing is known of yet
// (aws-facts A9, E5).
var Typical = Estimates{Gap: 15 * time.Minute, SnapshotTail: 3 * time.Minute, Delete: 2 * time.Minute, Detect: 10 * time.Second, ColdStart: 2 * time.Minute}

// LifetimeSpec is the Spec of a lifetime. What the cluster is made of is the
// builder's: it comes from the environment.
type LifetimeSpec struct {
	Base     string          `json:"base,omitempty"`     // snapshot to restore from; "" creates
	BaseFrom string          `json:"basefrom,omitempty"` // or: the snapshot that this step of the plan took
	Promoted json.RawMessage `json:"promoted,omitempty"` // the pointer that Base came from
	Saves    string          `json:"saves,omitempty"`    // the snapshot step of this lifetime
	Writers  []string        `json:"writers,omitempty"`
	Checks   []string        `json:"checks,omitempty"`
}

// SnapshotSpec is the Spec of upkeep, snapshot and promote steps.
type SnapshotSpec struct {
	Warehouse string `json:"warehouse,omitempty"` // the lifetime
	Snapshot  string `json:"snapshot,omitempty"`  // promote: the last snapshot step
	CoverSpec
}

// CoverSpec is what decides which day a promoted snapshot, or a published
// dataset, is complete through.
type CoverSpec struct {
	Writers []string `json:"writers"`          // whose work it holds
	Former  string   `json:"former,omitempty"` // data through until now
	Stays   bool     `json:"stays,omitempty"`  // and after, for tonight leaves a gap before its days or a load out
}

// PublishSpec is the Spec of a publish step.
type PublishSpec struct {
	Step        string          `json:"step"`
	Dataset     string          `json:"dataset,omitempty"` // of those that the step's is made of; "": the whole
	Fingerprint string          `json:"fingerprint,omitempty"`
	Work        json.RawMessage `json:"work,omitempty"` // the step's own Spec
	CoverSpec
}

// PruneSpec is the Spec of the prune step.
type PruneSpec struct {
	Keep int `json:"keep"` // snapshots
}

// Night is what a plan is made from.
type Night struct {
	Work      []Work
	Base      string          // promoted snapshot; "" creates
	Promoted  json.RawMessage // the pointer itself
	Keep      int             // snapshots
	Former    string          // data through of what is promoted
	Stays     bool            // tonight does not bring the warehouse further than that
	Estimates Estimates
}

// Plan derives the nodes of a night. Work that is done already makes no node.
// It fails on reads or needs of nobody and on circles. The notes say what was
// decided and why.
func Plan(night Night) (nodes []journal.Node, notes []string, err error) {
	b := planning{night: night}
	if err := b.collect(); err != nil {
		return nil, nil, err
	}
	if err := b.order(); err != nil {
		return nil, nil, err
	}
	b.join()
	b.emit()
	return b.nodes, b.notes, nil
}

type planning struct {
	night Night
	work  []Work
	index map[string]int
	needs [][]int         // per work step: the steps it needs, in any form
	soft  map[[2]int]bool // of those: order only, any verdict will do
	reach []map[int]bool  // reach[a][b]: b comes after a
	group []int           // per work step: its lifetime, by its first member
	life  []*lifetime     // in the order of the plan
	nodes []journal.Node
	notes []string
}

// lifetime is a cluster's, while it is planned.
type lifetime struct {
	name, kind string
	members    []int
	later      int // of the members, at the end: kept for, through a gap
}

// opensFor are the members that a lifetime opens for. Those that it is kept
// for wait for themselves.
func (l *lifetime) opensFor() []int { return l.members[:len(l.members)-l.later] }

func (b *planning) collect() error {
	known := map[string]bool{}
	for _, w := range b.night.Work {
		if known[w.Name] {
			return fmt.Errorf("two steps are called %s", w.Name)
		}
		known[w.Name] = true
		if w.Done == nil {
			b.work = append(b.work, w)
		}
	}
	b.index = map[string]int{}
	for i, w := range b.work {
		b.index[w.Name] = i
	}
	for _, w := range b.work {
		for _, name := range append(slices.Clone(w.Reads), w.Needs...) {
			if !known[name] {
				return fmt.Errorf("step %s reads or needs %s: no step is called that", w.Name, name)
			}
		}
	}
	return nil
}

// order draws the edges: reads and needs, and for warehouse steps the listed
// order as hazards. Readers need the earlier writers and checks; writers come
// after all earlier ones, and after unloads whatever became of them.
func (b *planning) order() error {
	b.needs, b.soft = make([][]int, len(b.work)), map[[2]int]bool{}
	for i, w := range b.work {
		for _, name := range append(slices.Clone(w.Reads), w.Needs...) {
			if j, pending := b.index[name]; pending && !slices.Contains(b.needs[i], j) {
				b.needs[i] = append(b.needs[i], j)
			}
		}
		if w.lifetime() != KindWarehouse {
			continue
		}
		for j, earlier := range b.work[:i] {
			if earlier.lifetime() != KindWarehouse || slices.Contains(b.needs[i], j) {
				continue
			}
			if earlier.writes() || earlier.Kind == "check" || w.writes() {
				b.needs[i] = append(b.needs[i], j)
				b.soft[[2]int{i, j}] = earlier.Kind == "unload"
			}
		}
	}
	b.reach = reachability(b.needs)
	for i := range b.work {
		if b.reach[i][i] {
			return fmt.Errorf("step %s needs itself, by way of what it reads", b.work[i].Name)
		}
	}
	return nil
}

func reachability(needs [][]int) []map[int]bool {
	reach := make([]map[int]bool, len(needs))
	var visit func(from, at int)
	next := make([][]int, len(needs))
	for i, ds := range needs {
		for _, d := range ds {
			next[d] = append(next[d], i)
		}
	}
	visit = func(from, at int) {
		for _, n := range next[at] {
			if !reach[from][n] {
				reach[from][n] = true
				visit(from, n)
			}
		}
	}
	for i := range needs {
		reach[i] = map[int]bool{}
		visit(i, i)
	}
	return reach
}

// join makes one lifetime of as many steps of a kind as it can without a
// circle between lifetimes. Spark first: its set-up is paid on every node, a
// restore's is not.
func (b *planning) join() {
	b.group = make([]int, len(b.work))
	for i := range b.group {
		b.group[i] = i
	}
	for _, kind := range []string{KindEMR, KindWarehouse} {
		for i := range b.work {
			for j := range i {
				if b.work[i].lifetime() != kind || b.work[j].lifetime() != kind || b.group[i] == b.group[j] {
					continue
				}
				joined := slices.Clone(b.group)
				for x := range joined {
					if joined[x] == b.group[i] {
						joined[x] = b.group[j]
					}
				}
				if acyclic(joined, b.needs) {
					b.group = joined
				}
			}
		}
	}
	b.sort()
	b.keepThroughGaps()
}

func acyclic(group []int, needs [][]int) bool {
	edges := map[int][]int{}
	for i, ds := range needs {
		for _, d := range ds {
			if group[i] != group[d] {
				edges[group[i]] = append(edges[group[i]], group[d])
			}
		}
	}
	const entered, left = 1, 2
	state := map[int]int{}
	var visit func(int) bool
	visit = func(n int) bool {
		switch state[n] {
		case entered:
			return false
		case left:
			return true
		}
		state[n] = entered
		for _, m := range edges[n] {
			if !visit(m) {
				return false
			}
		}
		state[n] = left
		return true
	}
	for n := range edges {
		if !visit(n) {
			return false
		}
	}
	return true
}

// sort puts the lifetimes in an order in which none needs a later one, and
// otherwise as they are listed.
func (b *planning) sort() {
	var left []*lifetime
	byGroup := map[int]*lifetime{}
	for i, w := range b.work {
		l := byGroup[b.group[i]]
		if l == nil {
			l = &lifetime{kind: w.lifetime()}
			byGroup[b.group[i]] = l
			left = append(left, l)
		}
		l.members = append(l.members, i)
	}
	for len(left) > 0 {
		at := slices.IndexFunc(left, func(l *lifetime) bool {
			return !slices.ContainsFunc(left, func(o *lifetime) bool { return o != l && b.before(o, l) })
		})
		b.life = append(b.life, left[at])
		left = slices.Delete(left, at, at+1)
	}
}

func (b *planning) before(x, y *lifetime) bool {
	for _, i := range x.members {
		for _, j := range y.members {
			if b.reach[i][j] {
				return true
			}
		}
	}
	return false
}

// keepThroughGaps joins a warehouse with the next one when idling in between
// costs less than ending it and restoring.
func (b *planning) keepThroughGaps() {
	var former *lifetime
	var kept []*lifetime
	for _, l := range b.life {
		if l.kind != KindWarehouse || former == nil {
			if l.kind == KindWarehouse {
				former = l
			}
			kept = append(kept, l)
			continue
		}
		e := b.night.Estimates
		if e.Keep() {
			b.notes = append(b.notes, fmt.Sprintf("the warehouse is kept while Spark runs: about %s of idling, against %s of snapshot, delete, detection and cold start",
				e.Gap, e.SnapshotTail+e.Delete+e.Detect+e.ColdStart))
			former.members, former.later = append(former.members, l.members...), former.later+len(l.members)
			continue
		}
		b.notes = append(b.notes, fmt.Sprintf("the warehouse is ended while Spark runs: about %s of idling, against %s of snapshot, delete, detection and cold start",
			e.Gap, e.SnapshotTail+e.Delete+e.Detect+e.ColdStart))
		kept, former = append(kept, l), l
	}
	b.life = kept
	count := map[string]int{}
	for _, l := range b.life {
		count[l.kind]++
		l.name = fmt.Sprintf("%s-%d", l.kind, count[l.kind])
	}
}

// emit writes the nodes, each lifetime before its members.
func (b *planning) emit() {
	var writers, checks, lastSnapshots []string
	former := map[string]string{}
	base := LifetimeSpec{Base: b.night.Base, Promoted: b.night.Promoted}
	for _, l := range b.life {
		node := journal.Node{Name: l.name, Kind: l.kind, Derived: true, After: b.outside(l)}
		if f := former[l.kind]; f != "" {
			node.After = append(node.After, f)
		}
		former[l.kind] = l.name
		var tail []journal.Node
		if l.kind == KindWarehouse {
			spec := base
			spec.Writers, spec.Checks = b.named(l, Work.writes), b.named(l, func(w Work) bool { return w.Kind == "check" })
			if base.BaseFrom != "" {
				node.Needs = append(node.Needs, base.BaseFrom)
			}
			if len(spec.Writers) > 0 {
				tail = b.saving(l, spec.Writers)
				spec.Saves = tail[len(tail)-1].Name
				base = LifetimeSpec{BaseFrom: spec.Saves}
				lastSnapshots = append(lastSnapshots, spec.Saves)
			}
			writers, checks = append(writers, spec.Writers...), append(checks, spec.Checks...)
			node.Spec = encode(spec)
		}
		b.nodes = append(b.nodes, node)
		for _, i := range l.members {
			b.nodes = append(b.nodes, b.member(l, i))
		}
		b.nodes = append(b.nodes, tail...)
	}
	if n := len(lastSnapshots); n > 0 {
		last := lastSnapshots[n-1]
		b.nodes = append(b.nodes, journal.Node{Name: "promote-1", Kind: KindPromote, Derived: true,
			Needs: append([]string{last}, checks...), After: writers, Spec: encode(SnapshotSpec{Snapshot: last, CoverSpec: b.covers(writers)})})
	}
	var loads []string
	for _, w := range b.night.Work {
		if w.Kind == "load" && w.Done == nil {
			loads = append(loads, w.Name)
		}
		if !w.Publishes || w.Done != nil && !w.Unpublished {
			continue
		}
		b.nodes = append(b.nodes, publishing(w, b.covers(slices.Clone(loads)))...)
	}
	if len(lastSnapshots) > 0 {
		b.nodes = append(b.nodes, journal.Node{Name: "prune-1", Kind: KindPrune, Derived: true,
			After: names(b.nodes), Spec: encode(PruneSpec{Keep: b.night.Keep})})
	}
}

// outside are the steps of other lifetimes that a lifetime waits for before
// it opens. No cluster waits for work.
func (b *planning) outside(l *lifetime) []string {
	var after []string
	for _, i := range l.opensFor() {
		for _, d := range b.needs[i] {
			if name := b.work[d].Name; !slices.Contains(l.members, d) && !slices.Contains(after, name) {
				after = append(after, name)
			}
		}
	}
	return after
}

func (b *planning) named(l *lifetime, is func(Work) bool) []string {
	var out []string
	for _, i := range l.members {
		if is(b.work[i]) {
			out = append(out, b.work[i].Name)
		}
	}
	return out
}

// saving is upkeep and snapshot of a warehouse with writers: they begin when
// every writer has settled, and run beside unloads and later checks.
func (b *planning) saving(l *lifetime, writers []string) []journal.Node {
	number := l.name[len(KindWarehouse):]
	spec := encode(SnapshotSpec{Warehouse: l.name, CoverSpec: CoverSpec{Writers: writers}})
	upkeep := journal.Node{Name: KindUpkeep + number, Kind: KindUpkeep, Derived: true, After: writers, Uses: l.name, Spec: spec}
	snapshot := journal.Node{Name: KindSnapshot + number, Kind: KindSnapshot, Derived: true,
		After: append(slices.Clone(writers), upkeep.Name), Uses: l.name, Spec: spec}
	return []journal.Node{upkeep, snapshot}
}

func (b *planning) member(l *lifetime, i int) journal.Node {
	w := b.work[i]
	n := journal.Node{Name: w.Name, Kind: w.Kind, Derived: w.Kind == KindMigrate, Late: w.Kind == "check", Uses: l.name,
		Spec: encode(w.Spec), Fingerprint: w.Fingerprint, Why: w.Why}
	for _, d := range b.needs[i] {
		if b.soft[[2]int{i, d}] {
			n.After = append(n.After, b.work[d].Name)
		} else {
			n.Needs = append(n.Needs, b.work[d].Name)
		}
	}
	return n
}

func names(nodes []journal.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return out
}

func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a step's spec cannot be written as JSON: %v", err)) // plain structs of ours only
	}
	return raw
}
