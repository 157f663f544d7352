package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Ran writes the plan as it ran, after the night: when each step began, how
// long it took and what it came to; below it the bill.
func Ran(records []journal.Record, bill cost.Statement, l Look) string {
	st := tell(records)
	if st.opening == nil {
		return "no attempt was opened\n"
	}
	var b strings.Builder
	b.WriteString(l.paint(bold, l.fit(header(*st.opening)+" · "+span(records[len(records)-1].At.Sub(records[0].At)))) + "\n")
	if len(st.opening.Plan) == 0 {
		b.WriteString(" nothing to do\n")
	}
	name := st.nameWidth(l)
	for _, p := range st.order {
		began := "     "
		if !p.from.IsZero() {
			began = l.clock(p.from)
		}
		line := shown{progress: *p}.line(name, Look{Width: max(0, l.Width-6), Color: l.Color}, bill.At)
		b.WriteString(began + " " + line + "\n")
		if p.hint != "" {
			b.WriteString(l.fit(strings.Repeat(" ", 20)+"hint: "+p.hint) + "\n")
		}
		for _, w := range p.result.Warnings {
			b.WriteString(l.fit(strings.Repeat(" ", 20)+warned(w)) + "\n")
		}
	}
	b.WriteString(Bill(bill, l))
	return b.String()
}

// Bill writes a bill: a line per cluster and shape, the waste by its cause,
// what it would cost left on, and what makes the figures doubtful.
func Bill(s cost.Statement, l Look) string {
	var b strings.Builder
	put := func(left, right string) {
		width := max(44, min(l.Width, 100))
		if l.Width == 0 {
			width = pageWidth
		}
		left = cut(left, width-utf8.RuneCountInString(right)-1)
		b.WriteString(pad(left, width-utf8.RuneCountInString(right)) + right + "\n")
	}
	for _, r := range s.Resources {
		for _, line := range r.Lines {
			amount := line.Cost.String()
			if !line.Known {
				amount = "?"
			}
			put(fmt.Sprintf("%s  %s for %s", r.Step, shapes([]resources.Shape{line.Shape}), span(r.Billed)), amount)
		}
		if text := wasted(r); text != "" {
			b.WriteString(l.fit("  of which unused: "+text) + "\n")
		}
	}
	put("total", money(s.Total, s.AtLeast))
	if s.AlwaysOn > 0 {
		put("the same machines left on for a day", s.AlwaysOn.String())
	}
	for _, st := range s.Standing {
		amount := "? a month"
		if st.Known {
			amount = st.PerMonth.String() + " a month"
		}
		put(fmt.Sprintf("kept: %s %s, at most", st.What, short(st.Ref.Name)), amount)
	}
	notes := append([]string{"list prices of " + s.Prices + ", without disks, transfer and tax"}, s.Notes...)
	b.WriteString(wrap("estimated: "+strings.Join(notes, "; "), l.Width))
	return b.String()
}

func wasted(r cost.Resource) string {
	var parts []string
	for _, w := range r.Waste {
		parts = append(parts, span(w.For)+" "+w.Name)
	}
	return strings.Join(parts, ", ")
}

// wrap breaks a text into lines at blanks.
func wrap(text string, width int) string {
	if width <= 0 {
		return text + "\n"
	}
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+n > width:
			b.WriteString("\n  ")
			column = 2
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String() + "\n"
}
