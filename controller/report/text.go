// Package report tells people and machines what a night does: the plan, a live
// table, a line per change, JSON events, the state line, the plan as it ran.
// Everything is built from the journal's records by pure functions; the few
// writers around them only write.
//
// stdout is data, stderr the story: the caller gives each its place.
package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lamplighter/controller/cost"
	"lamplighter/resources"
)

// Look is how text is written.
type Look struct {
	Width int            // columns; 0: as long as it gets
	Color bool           // ANSI colours
	Zone  *time.Location // of the clock times in the text; nil: UTC
}

func (l Look) clock(t time.Time) string {
	if l.Zone == nil {
		return t.UTC().Format("15:04")
	}
	return t.In(l.Zone).Format("15:04")
}

// since is a clock time, with its day when that is another one.
func (l Look) since(t, now time.Time) string {
	if now.Sub(t) < 20*time.Hour {
		return l.clock(t)
	}
	if l.Zone != nil {
		t = t.In(l.Zone)
	}
	return t.Format("2006-01-02 15:04")
}

// WantsColor says whether to colour text for a terminal: NO_COLOR
// (https://no-color.org) and a dumb terminal forbid it.
func WantsColor(terminal bool, env func(string) string) bool {
	return terminal && env("NO_COLOR") == "" && env("TERM") != "dumb"
}

// Colours of the terminal.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (l Look) paint(code, s string) string {
	if !l.Color || code == "" || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// fit cuts a line to the width. It counts runes: all signs used here take one
// column, and so do the names that a pipeline may have.
func (l Look) fit(s string) string { return cut(s, l.Width) }

func cut(s string, width int) string {
	if width <= 0 || utf8.RuneCountInString(s) <= width {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:width-1]), " ") + "…"
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// clean makes one line of a text from outside: an error of a database may hold
// line ends, and what a terminal takes for commands.
func clean(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// what is the first line of a reason; the hint after it is told apart.
func what(why string) (text, hint string) {
	text, hint, _ = strings.Cut(why, "\nhint: ")
	return clean(text), clean(hint)
}

// Error writes an error for people: what happened, then the mend, if one is
// known, on a line of its own.
func Error(err error) string {
	if hint := resources.HintOf(err); hint != "" {
		return err.Error() + "\nhint: " + hint
	}
	return err.Error()
}

// span writes a duration as people say it: 41 s, 3m26s, 1h05m.
func span(d time.Duration) string {
	d = d.Truncate(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
}

// size writes bytes in decimal units.
func size(n int64) string {
	for _, u := range []struct {
		unit string
		of   int64
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if n >= u.of*10 {
			return fmt.Sprintf("%d %s", n/u.of, u.unit)
		}
		if n >= u.of {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.of), u.unit)
		}
	}
	return fmt.Sprintf("%d B", n)
}

// count writes a number of things: 1 object, 5,213 rows.
func count(n int64, thing string) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n == 1 {
		return digits + " " + thing
	}
	return digits + " " + thing + "s"
}

// short is the name of a cluster or snapshot without what only machines need:
// lamplighter-movielens-k3fpa-20261121-1-2-0hq7u0 is movielens-20261121.
func short(name string) string {
	n, ok := resources.ParseName(name)
	if !ok {
		return clean(name)
	}
	if n.Attempt > 1 {
		return fmt.Sprintf("%s-%s-%d", n.Pipeline, n.Run, n.Attempt)
	}
	return n.Pipeline + "-" + n.Run
}

func money(m cost.Micros, atLeast bool) string {
	if atLeast {
		return "at least " + m.String()
	}
	return m.String()
}

// shapes writes machines: 3 × m6g.xlarge, 2 × m7g.xlarge spot. Those of one
// kind are counted together, whatever they do in their cluster.
func shapes(all []resources.Shape) string {
	var kinds []string
	count := map[string]int{}
	for _, s := range all {
		kind := s.Type
		if s.Market == cost.Spot {
			kind += " spot"
		}
		if _, met := count[kind]; !met {
			kinds = append(kinds, kind)
		}
		count[kind] += s.Count
	}
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%d × %s", count[kind], kind)
	}
	return strings.Join(kinds, ", ")
}
