package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lamplighter/controller"
	"lamplighter/controller/journal"
)

// Graph is a plan to look at: its steps in lanes, a lane for each lifetime,
// and what each step waits for. As text it is Mermaid, DOT or HTML.
type Graph struct {
	title  string
	notes  []string
	lanes  []lane
	places []place // of all steps but lifetimes, in the plan's order
	edges  []edge
}

// lane is a lifetime, or, the last, what belongs to none.
type lane struct {
	label string
	state State
	at    string // when it ran, for how long
}

// place is one step: in which lane and layer, and the how-manieth there.
type place struct {
	name, kind, detail, why string
	derived                 bool
	state                   State // "" of a plan that did not run
	lane, layer, slot       int
}

// edge leads from a step to one that waits for it. A soft one is order only.
type edge struct {
	from, to int
	soft     bool
}

// PlanGraph is a plan that did not run.
func PlanGraph(o journal.Opening) Graph {
	return graphOf(header(o), o, func(string) *progress { return nil }, Look{})
}

// RanGraph is a plan as it ran, by its records: with verdicts and times.
func RanGraph(records []journal.Record, l Look) Graph {
	st := tell(records)
	if st.opening == nil {
		return Graph{title: "no attempt was opened"}
	}
	return graphOf(header(*st.opening), *st.opening, func(name string) *progress { return st.steps[name] }, l)
}

// DeclaredGraph is what a pipeline's file alone says: the plan of a night on
// which every step has work.
func DeclaredGraph(pipeline string, work []controller.Work, e controller.Estimates) (Graph, error) {
	nodes, notes, err := controller.Plan(controller.Night{Work: work, Estimates: e})
	if err != nil {
		return Graph{}, err
	}
	o := journal.Opening{Plan: nodes, Notes: notes}
	return graphOf(pipeline+", as declared", o, func(string) *progress { return nil }, Look{}), nil
}

func graphOf(title string, o journal.Opening, ran func(string) *progress, l Look) Graph {
	g := Graph{title: title}
	for _, note := range o.Notes {
		g.notes = append(g.notes, clean(note))
	}
	laneOf, index := map[string]int{}, map[string]int{}
	for _, n := range o.Plan {
		if n.Kind == controller.KindWarehouse || n.Kind == controller.KindEMR {
			laneOf[n.Name] = len(g.lanes)
			this := lane{label: laneLabel(n)}
			if p := ran(n.Name); p != nil {
				this.state, this.at = p.state, when(*p, l)
			}
			g.lanes = append(g.lanes, this)
		}
	}
	for _, n := range o.Plan {
		if _, lifetime := laneOf[n.Name]; lifetime {
			continue
		}
		p := place{name: n.Name, kind: n.Kind, derived: n.Derived, lane: len(g.lanes)}
		if at, ok := laneOf[n.Uses]; ok {
			p.lane = at
		}
		if r := ran(n.Name); r != nil {
			p.state, p.detail, p.why = r.state, when(*r, l), r.why
			if got := r.result.String(); got != "" {
				p.why = strings.Trim(p.why+" · "+got, " ·")
			}
		}
		index[n.Name] = len(g.places)
		g.places = append(g.places, p)
	}
	g.connect(o.Plan, index)
	g.settle()
	return g
}

func laneLabel(n journal.Node) string {
	kind, number, _ := strings.Cut(n.Name, "-")
	if n.Kind == controller.KindEMR {
		kind = "Spark"
	}
	if number == "1" {
		return kind
	}
	return kind + " " + number
}

// when is 01:12 · 41 s.
func when(p progress, l Look) string {
	if p.from.IsZero() {
		return ""
	}
	text := l.clock(p.from)
	if !p.to.IsZero() {
		text += " · " + span(p.to.Sub(p.from))
	}
	return text
}

// connect draws the edges. What a lifetime waits for, the members wait for that
// wait for nothing else of it; and an edge that others imply is left out.
func (g *Graph) connect(plan []journal.Node, index map[string]int) {
	seen := map[[2]int]int{}
	add := func(from string, to int, soft bool) {
		at, ok := index[from]
		if !ok || at == to {
			return
		}
		if i, twice := seen[[2]int{at, to}]; twice {
			g.edges[i].soft = g.edges[i].soft && soft
			return
		}
		seen[[2]int{at, to}] = len(g.edges)
		g.edges = append(g.edges, edge{at, to, soft})
	}
	for _, n := range plan {
		if at, ok := index[n.Name]; ok {
			for _, d := range n.Needs {
				add(d, at, false)
			}
			for _, d := range n.After {
				add(d, at, true)
			}
		}
	}
	for _, n := range plan {
		if _, ok := index[n.Name]; ok {
			continue
		}
		for _, m := range plan {
			if m.Uses != n.Name || slices.ContainsFunc(g.edges, func(e edge) bool { return e.to == index[m.Name] }) {
				continue
			}
			for _, d := range slices.Concat(n.Needs, n.After) {
				add(d, index[m.Name], false)
			}
		}
	}
	g.reduce()
}

// reduce leaves out edges that a longer way implies.
func (g *Graph) reduce() {
	next := make([][]int, len(g.places))
	for _, e := range g.edges {
		next[e.from] = append(next[e.from], e.to)
	}
	reaches := make([]map[int]bool, len(g.places))
	var visit func(int) map[int]bool
	visit = func(at int) map[int]bool {
		if reaches[at] == nil {
			reaches[at] = map[int]bool{}
			for _, n := range next[at] {
				reaches[at][n] = true
				for m := range visit(n) {
					reaches[at][m] = true
				}
			}
		}
		return reaches[at]
	}
	g.edges = slices.DeleteFunc(g.edges, func(e edge) bool {
		return slices.ContainsFunc(next[e.from], func(by int) bool { return by != e.to && visit(by)[e.to] })
	})
}

// settle gives each step its layer, one behind all that it waits for, and its
// slot among those of its lane there.
func (g *Graph) settle() {
	for range g.places { // as often as the longest way may be
		for _, e := range g.edges {
			g.places[e.to].layer = max(g.places[e.to].layer, g.places[e.from].layer+1)
		}
	}
	taken := map[[2]int]int{}
	for i, p := range g.places {
		at := [2]int{p.lane, p.layer}
		g.places[i].slot = taken[at]
		taken[at]++
	}
}

// members are the steps of a lane.
func (g Graph) members(lane int) (at []int) {
	for i, p := range g.places {
		if p.lane == lane {
			at = append(at, i)
		}
	}
	return at
}

// MarshalJSON writes the graph for programs: version 1.
func (g Graph) MarshalJSON() ([]byte, error) {
	type step struct {
		Name     string `json:"name"`
		Kind     string `json:"kind"`
		Derived  bool   `json:"derived"`
		Lifetime string `json:"lifetime,omitempty"`
		State    State  `json:"state,omitempty"`
	}
	type waits struct {
		From string `json:"from"`
		To   string `json:"to"`
		Soft bool   `json:"soft"` // order only
	}
	out := struct {
		V     int      `json:"v"`
		Title string   `json:"title"`
		Notes []string `json:"notes"`
		Steps []step   `json:"steps"`
		Edges []waits  `json:"edges"`
	}{V: Version, Title: g.title, Notes: append([]string{}, g.notes...), Steps: []step{}, Edges: []waits{}}
	for _, p := range g.places {
		s := step{Name: p.name, Kind: p.kind, Derived: p.derived, State: p.state}
		if p.lane < len(g.lanes) {
			s.Lifetime = g.lanes[p.lane].label
		}
		out.Steps = append(out.Steps, s)
	}
	for _, e := range g.edges {
		out.Edges = append(out.Edges, waits{g.places[e.from].name, g.places[e.to].name, e.soft})
	}
	return json.Marshal(out)
}

// Mermaid writes the graph for https://mermaid.js.org.
func (g Graph) Mermaid() string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\ntitle: %q\n---\nflowchart LR\n", g.title)
	node := func(indent string, i int) {
		p := g.places[i]
		fmt.Fprintf(&b, "%sn%d[\"%s\"]\n", indent, i, mermaidText(g.label(p, "<br/>")))
		if p.state != "" {
			fmt.Fprintf(&b, "%sclass n%d %s\n", indent, i, class(p.state))
		}
	}
	for i, l := range g.lanes {
		fmt.Fprintf(&b, "  subgraph l%d[\"%s\"]\n", i, mermaidText(strings.Trim(l.label+" · "+l.at, " ·")))
		for _, at := range g.members(i) {
			node("    ", at)
		}
		b.WriteString("  end\n")
	}
	for _, at := range g.members(len(g.lanes)) {
		node("  ", at)
	}
	for _, e := range g.edges {
		fmt.Fprintf(&b, "  n%d %s n%d\n", e.from, map[bool]string{false: "-->", true: "-.->"}[e.soft], e.to)
	}
	b.WriteString("  classDef done stroke:#2e7d32\n  classDef failed stroke:#c62828,stroke-width:3px\n  classDef lost stroke:#c62828,stroke-dasharray:4\n  classDef skipped stroke-dasharray:4\n")
	return b.String()
}

// label is a step in lines: kind, name, what became of it.
func (g Graph) label(p place, end string) string {
	text := p.kind + end + p.name
	if p.state != "" {
		text += end + strings.Trim(string(p.state)+" · "+p.detail, " ·")
	}
	return text
}

// mermaidText takes from a text what Mermaid reads as more than text; the line
// ends are ours.
func mermaidText(s string) string {
	return strings.NewReplacer("<br/>", "<br/>", "#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;").Replace(s)
}

func class(s State) string { return strings.ReplaceAll(string(s), " ", "-") }

// DOT writes the graph for https://graphviz.org.
func (g Graph) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph lamplighter {\n  label=%s; labelloc=t; rankdir=LR; fontname=\"sans-serif\";\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n", dotText(g.title))
	colours := map[State]string{"done": "#2e7d32", "failed": "#c62828", "lost": "#c62828", "skipped": "#9e9e9e"}
	node := func(indent string, i int) {
		p := g.places[i]
		colour := colours[p.state]
		if colour == "" {
			colour = "black"
		}
		fmt.Fprintf(&b, "%sn%d [label=%s, color=%q];\n", indent, i, dotText(g.label(p, "\n")), colour)
	}
	for i, l := range g.lanes {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=%s;\n", i, dotText(strings.Trim(l.label+" · "+l.at, " ·")))
		for _, at := range g.members(i) {
			node("    ", at)
		}
		b.WriteString("  }\n")
	}
	for _, at := range g.members(len(g.lanes)) {
		node("  ", at)
	}
	for _, e := range g.edges {
		fmt.Fprintf(&b, "  n%d -> n%d%s;\n", e.from, e.to, map[bool]string{true: " [style=dashed]"}[e.soft])
	}
	return b.String() + "}\n"
}

func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
