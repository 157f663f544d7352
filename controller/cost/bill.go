package cost

import (
	"slices"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Statement is the bill of an attempt, or of several.
type Statement struct {
	At        time.Time // the instant until which it counts
	Prices    string    // date of the price book
	Resources []Resource
	Total     Micros // of all lines of all resources
	AtLeast   bool   // some price was unknown: the true total is higher
	Now       []Now  // what bills at At, or may
	Standing  []Standing
	AlwaysOn  Micros   // what the same machines would cost left on for a day
	Notes     []string // what makes the figures doubtful, each once
}

// Resource is one cluster: a Redshift cluster or an EMR flow.
type Resource struct {
	Ref    resources.Ref
	Step   string    // the lifetime that kept it
	From   time.Time // first billed second; zero when none was
	To     time.Time // end of the last; Statement.At while it goes on
	Used   time.Duration
	Billed time.Duration // all in whole seconds; Billed is Used and Wasted
	Wasted time.Duration
	Waste  []Waste // adds up to Wasted
	Lines  []Line
	Cost   Micros // of Lines
	// Estimated says that the journal does not hold the instant at which
	// billing began or ended; Notes say what was taken instead.
	Estimated bool
	Notes     []string
}

// Waste is billed time that no work used, by its cause.
type Waste struct {
	Name string // one of the Waste… constants
	For  time.Duration
	Cost Micros
}

// Causes of waste, in the order in which a night first meets them.
const (
	WasteBootstrap   = "bootstrap"         // EMR nodes start up; Redshift's set-up is free
	WasteBeforeFirst = "before first use"  // seen too late, connecting
	WasteBetween     = "between uses"      // nothing to do for a while
	WasteFailed      = "failed work"       // used, by steps that came to nothing
	WasteUnwatched   = "nobody watching"   // no controller was alive
	WasteAfterLast   = "after last use"    // deciding, deleting, shutting down
	WasteTwin        = "second cluster"    // EMR made two under one name
	WasteUnused      = "never used at all" // no work ever ran on it
)

var wasteOrder = []string{WasteBootstrap, WasteBeforeFirst, WasteBetween, WasteFailed, WasteUnwatched, WasteAfterLast, WasteTwin, WasteUnused}

// Line is the money for one shape of a resource.
type Line struct {
	Shape   resources.Shape
	PerHour Micros // of all its machines
	Known   bool   // false: the price is "?", Cost is 0
	Cost    Micros
}

// Status says how sure it is that something bills.
type Status string

// Statuses, the surest first.
const (
	Billing  Status = "billing"  // seen running, not seen to end
	Ending   Status = "ending"   // its end was accepted, it has not been seen gone
	Starting Status = "starting" // asked for, not seen running: it bills as soon as it runs
	Paused   Status = "paused"   // its storage bills, its nodes do not
)

// Now is something that bills, or may.
type Now struct {
	Ref     resources.Ref
	Step    string
	Status  Status
	Shapes  []resources.Shape
	Since   time.Time // of the status
	PerHour Micros    // of its machines while they run
	Known   bool      // false: PerHour lacks some price
}

// Standing is what goes on costing after the night. It is not in Total.
type Standing struct {
	Ref      resources.Ref
	What     string
	PerMonth Micros
	Known    bool
}

// Bill folds the records of one attempt, in order, into its bill as of now.
// Records after now are not expected.
func Bill(records []journal.Record, book Book, now time.Time) Statement {
	now = now.Truncate(time.Second)
	n := fold(records)
	s := Statement{At: now, Prices: book.Date, Standing: n.standing(book)}
	daily := map[string]Micros{} // by kind: the dearest hour
	for _, m := range n.meters {
		rs := m.resources(n, book, now)
		if len(rs) == 0 {
			continue
		}
		s.Resources = append(s.Resources, rs...)
		hour, _ := perHour(m.shapes(), book)
		daily[m.ref.Kind] = max(daily[m.ref.Kind], hour)
	}
	for _, m := range n.meters {
		if standing, ok := m.now(book, now); ok {
			s.Now = append(s.Now, standing)
		}
	}
	for _, hour := range daily {
		s.AlwaysOn += hour * 24
	}
	s.sum()
	return s
}

// Sum is the bill of several attempts together, oldest first: a run, a month.
// AlwaysOn is that of the dearest; what bills now and what stands are the last one's.
func Sum(all ...Statement) Statement {
	var s Statement
	for _, one := range all {
		s.At, s.Prices, s.Now, s.Standing = one.At, one.Prices, one.Now, one.Standing
		s.Resources = append(s.Resources, one.Resources...)
		s.AlwaysOn = max(s.AlwaysOn, one.AlwaysOn)
	}
	s.sum()
	return s
}

func (s *Statement) sum() {
	s.Total, s.AtLeast, s.Notes = 0, false, nil
	for _, r := range s.Resources {
		s.Total += r.Cost
		for _, l := range r.Lines {
			s.AtLeast = s.AtLeast || !l.Known
		}
		for _, note := range r.Notes {
			if !slices.Contains(s.Notes, note) {
				s.Notes = append(s.Notes, note)
			}
		}
	}
}

// perHour is what all machines of these shapes cost an hour; known is false
// when some price is missing.
func perHour(shapes []resources.Shape, book Book) (total Micros, known bool) {
	known = len(shapes) > 0
	for _, s := range shapes {
		p, ok := book.Of(s)
		total += p.PerHour * Micros(s.Count)
		known = known && ok
	}
	return total, known
}

// resources are the meter's bill: none when nothing ever billed, a second one
// for the time in which EMR ran two clusters under one name.
func (m *meter) resources(n *night, book Book, now time.Time) []Resource {
	spans := m.billed(now)
	if len(spans) == 0 {
		return nil
	}
	r := Resource{Ref: m.ref, Step: m.step, From: spans[0].from, To: spans[len(spans)-1].to, Notes: slices.Clone(m.notes)}
	r.Estimated = len(m.notes) > 0
	r.Used, r.Waste = n.split(m, spans, now)
	r.price(m.shapes(), book)
	all := []Resource{r}
	for _, t := range m.twinsUntil(now) {
		twin := Resource{Ref: m.ref, Step: m.step, From: t.from, To: t.to}
		twin.Waste = []Waste{{Name: WasteTwin, For: m.least(t.to.Sub(t.from)) * time.Duration(t.copies)}}
		twin.price(m.shapes(), book)
		all = append(all, twin)
	}
	return all
}

// price adds up the time and makes the lines.
func (r *Resource) price(shapes []resources.Shape, book Book) {
	for _, w := range r.Waste {
		r.Wasted += w.For
	}
	r.Billed = r.Used + r.Wasted
	for _, s := range shapes {
		p, ok := book.Of(s)
		l := Line{Shape: s, PerHour: p.PerHour * Micros(s.Count), Known: ok}
		l.Cost = l.PerHour.For(r.Billed)
		r.Lines = append(r.Lines, l)
		r.Cost += l.Cost
		for i := range r.Waste {
			r.Waste[i].Cost += l.PerHour.For(r.Waste[i].For)
		}
		switch {
		case !ok:
			r.Notes = append(r.Notes, "no price for "+s.Type+" in "+region(s))
		case p.Note != "":
			r.Notes = append(r.Notes, p.Note)
		}
	}
}

func region(s resources.Shape) string {
	if s.Region == "" {
		return "an unknown region"
	}
	return s.Region
}
