package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lamplighter/controller"
	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Expected is what is known before a night; zero fields are not printed.
type Expected struct {
	Nodes []resources.Shape // of the warehouse
	Took  time.Duration
	Cost  cost.Micros
	Limit cost.Micros // budget of a run
}

// row is one line of a plan: a step, or the end of a lifetime.
type row struct {
	node journal.Node
	end  bool
	what string
	why  string
}

// Plan writes what a run would do, in order: derived steps marked ◇, members
// indented, reasons at the right, what the planner decided below. An
// empty plan is "nothing to do".
func Plan(o journal.Opening, e Expected, l Look) string {
	var b strings.Builder
	b.WriteString(l.fit(header(o)) + "\n")
	if len(o.Plan) == 0 {
		b.WriteString(" nothing to do\n")
		notes(&b, o, l)
		return b.String()
	}
	table(&b, rows(o, e.Nodes), l)
	notes(&b, o, l)
	right := []string{"lifetimes: " + lifetimes(o.Plan)}
	if e.Took > 0 {
		right = append(right, fmt.Sprintf("expected %d min", (e.Took+30*time.Second)/time.Minute))
	}
	if e.Cost > 0 {
		right = append(right, e.Cost.String())
	}
	if e.Limit > 0 {
		right = append(right, "limit "+e.Limit.String())
	}
	b.WriteString(wrap(strings.Join(right, " · "), l.Width))
	return b.String()
}

// notes are what the planner decided and left out.
func notes(b *strings.Builder, o journal.Opening, l Look) {
	for _, note := range o.Notes {
		b.WriteString(wrap("note: "+clean(note), l.Width))
	}
}

// lifetimes says how often each cluster is made.
func lifetimes(plan []journal.Node) string {
	var parts []string
	for _, cluster := range [][2]string{{controller.KindWarehouse, "the warehouse"}, {controller.KindEMR, "Spark"}} {
		n := 0
		for _, node := range plan {
			if node.Kind == cluster[0] {
				n++
			}
		}
		switch {
		case n == 1:
			parts = append(parts, cluster[1]+" once")
		case n == 2:
			parts = append(parts, cluster[1]+" twice")
		case n > 2:
			parts = append(parts, fmt.Sprintf("%s %d times", cluster[1], n))
		}
	}
	if len(parts) == 0 {
		return "no cluster"
	}
	return strings.Join(parts, ", ")
}

func header(o journal.Opening) string {
	text := fmt.Sprintf("%s %s · data through %s · attempt %d", o.Pipeline, o.Run, o.DataThrough, o.Attempt)
	if !o.Choice.IsZero() {
		text += " · " + clean(o.Choice.String())
	}
	return text
}

// textColumn is where a row's own text begins.
const textColumn = 19

// table writes rows with the reasons in one column at the right, or, where
// that does not fit, each below its row.
func table(b *strings.Builder, all []row, l Look) {
	column, widest := 0, 0
	for _, r := range all {
		if r.why != "" {
			column = max(column, textColumn+utf8.RuneCountInString(r.what)+3)
			widest = max(widest, utf8.RuneCountInString(r.why))
		}
	}
	beside := l.Width == 0 || column+widest <= l.Width
	for _, r := range all {
		line := pad(label(r), textColumn) + r.what
		switch {
		case r.why == "":
			b.WriteString(l.fit(line) + "\n")
		case beside:
			b.WriteString(pad(line, column) + r.why + "\n")
		default:
			b.WriteString(l.fit(line) + "\n" + l.fit(strings.Repeat(" ", textColumn)+"└ "+r.why) + "\n")
		}
	}
}

// label is the mark, the indent and the kind.
func label(r row) string {
	kind := r.node.Kind
	if kind == controller.KindEMR {
		kind = "spark"
	}
	switch {
	case !r.node.Derived || r.node.Kind == controller.KindPublish:
		return "     " + kind
	case r.node.Uses != "" || r.node.Kind == controller.KindPromote:
		return " ◇   " + kind
	}
	return " ◇ " + kind
}

// rows puts a plan into the order in which people read it: upkeep and snapshot
// after the last writer, promote and the warehouse's end after its last member.
func rows(o journal.Opening, nodes []resources.Shape) []row {
	var all []row
	for _, n := range readingOrder(o.Plan) {
		what, why := describe(n, nodes)
		if n.Kind == controller.KindSnapshot && has(o.Plan, n.Uses, "unload") {
			what = "beside the unloads"
		}
		if n.Why != "" {
			what, why = reason(n, what, why)
		}
		all = append(all, row{node: n, what: what, why: why})
	}
	for _, n := range o.Plan {
		if n.Kind != controller.KindWarehouse {
			continue
		}
		last := -1
		for i, r := range all {
			if r.node.Uses == n.Name || r.node.Kind == controller.KindPromote && promotes(o.Plan, r.node, n.Name) {
				last = i
			}
		}
		if last >= 0 {
			all = slices.Insert(all, last+1, row{node: n, end: true, what: "delete", why: gate(o.Plan, n.Name)})
		}
	}
	return all
}

// reason puts a node's own words in their place: those of a load say what it
// found, those of other steps why or when.
func reason(n journal.Node, what, why string) (string, string) {
	switch n.Kind {
	case "load":
		return n.Name + ": " + clean(n.Why), why
	case controller.KindMigrate:
		return what, why
	}
	return what, clean(n.Why)
}

// gate is what must hold before a warehouse is deleted.
func gate(plan []journal.Node, lifetime string) string {
	var gates []string
	if has(plan, lifetime, controller.KindSnapshot) {
		gates = append(gates, "snapshot proven")
	}
	if has(plan, lifetime, "unload") {
		gates = append(gates, "unloads settled")
	}
	return strings.Join(gates, ", ")
}

// has says that a lifetime has a member of a kind.
func has(plan []journal.Node, lifetime, kind string) bool {
	return slices.ContainsFunc(plan, func(n journal.Node) bool { return n.Uses == lifetime && n.Kind == kind })
}

// spec is what is read of a node's Spec, whatever its kind; a field that a
// kind does not have stays empty.
type spec struct {
	Base       string   `json:"base"`
	BaseFrom   string   `json:"basefrom"`
	Writers    []string `json:"writers"`
	Snapshot   string   `json:"snapshot"`
	Step       string   `json:"step"`
	Keep       int      `json:"keep"`
	Mode       string   `json:"mode"`
	Reads      any      `json:"reads"` // a load's dataset, a Spark step's list
	Migrations []struct {
		Name string `json:"name"`
	} `json:"migrations"`
	Batches []struct {
		Objects int64  `json:"objects"`
		Bytes   int64  `json:"bytes"`
		From    string `json:"from"`
		To      string `json:"to"`
	} `json:"batches"`
}

// read is tolerant: a spec that says something else in a field is no reason
// not to print the plan.
func read(n journal.Node) spec {
	var s spec
	_ = json.Unmarshal(n.Spec, &s)
	return s
}

func readingOrder(plan []journal.Node) []journal.Node {
	order := slices.Clone(plan)
	for _, n := range plan {
		s := read(n)
		var after func(journal.Node) bool
		switch n.Kind {
		case controller.KindUpkeep:
			after = func(m journal.Node) bool { return slices.Contains(s.Writers, m.Name) && m.Uses == n.Uses }
		case controller.KindSnapshot:
			after = func(m journal.Node) bool {
				return slices.Contains(s.Writers, m.Name) && m.Uses == n.Uses || m.Kind == controller.KindUpkeep && m.Uses == n.Uses
			}
		case controller.KindPromote:
			i := slices.IndexFunc(plan, func(m journal.Node) bool { return m.Name == s.Snapshot })
			if i < 0 {
				continue
			}
			after = func(m journal.Node) bool { return m.Uses == plan[i].Uses }
		default:
			continue
		}
		order = move(order, n, after)
	}
	return order
}

// move puts a node right behind the last one that it comes after.
func move(order []journal.Node, n journal.Node, after func(journal.Node) bool) []journal.Node {
	order = slices.DeleteFunc(slices.Clone(order), func(m journal.Node) bool { return m.Name == n.Name })
	at := len(order)
	for i := range slices.Backward(order) {
		if after(order[i]) {
			at = i + 1
			break
		}
	}
	return slices.Insert(order, at, n)
}

func promotes(plan []journal.Node, promote journal.Node, lifetime string) bool {
	name := read(promote).Snapshot
	return slices.ContainsFunc(plan, func(n journal.Node) bool { return n.Name == name && n.Uses == lifetime })
}

// describe says what a step will do, and why or when where its kind tells.
func describe(n journal.Node, nodes []resources.Shape) (what, why string) {
	s := read(n)
	switch n.Kind {
	case controller.KindWarehouse:
		return opens(s, nodes), "when a load can begin"
	case controller.KindEMR:
		return "launch with its steps; ends by itself", "when its inputs are complete"
	case controller.KindMigrate:
		var names []string
		for _, m := range s.Migrations {
			names = append(names, m.Name)
		}
		return strings.Join(names, ", "), ""
	case controller.KindUpkeep:
		return "analyze what changed", ""
	case controller.KindSnapshot:
		return "", ""
	case controller.KindPromote:
		return "snapshot and ledger copy", ""
	case controller.KindPublish:
		return s.Step, ""
	case controller.KindPrune:
		return fmt.Sprintf("snapshots beyond %d", s.Keep), ""
	case "load":
		return n.Name + loads(s), ""
	}
	return n.Name, ""
}

func opens(s spec, nodes []resources.Shape) string {
	of := ""
	if len(nodes) > 0 {
		of = " (" + shapes(nodes) + ")"
	}
	switch {
	case s.BaseFrom != "":
		return "restore from what " + s.BaseFrom + " took" + of
	case s.Base != "":
		return "restore from " + short(s.Base) + of
	}
	return "create" + of
}

// loads is what a load's sealed batches hold.
func loads(s spec) string {
	if from, ok := s.Reads.(string); ok && from != "" {
		return ": the dataset " + from
	}
	var objects, bytes int64
	from, to := "", ""
	for _, b := range s.Batches {
		objects, bytes = objects+b.Objects, bytes+b.Bytes
		if from == "" || b.From < from {
			from = b.From
		}
		to = max(to, b.To)
	}
	if len(s.Batches) == 0 {
		return ""
	}
	text := ": changed"
	if to != "" {
		text = ": " + to
		if from != to {
			text = ": " + from + " to " + to
		}
	}
	text += fmt.Sprintf(", %s, %s", count(objects, "object"), size(bytes))
	if len(s.Batches) > 1 {
		text += ", " + fmt.Sprintf("%d batches", len(s.Batches))
	}
	return text
}
