package report_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/controller/journal/journaltest"
	"lamplighter/controller/report"
)

// terminal plays the little that Screen uses of one: lines, the cursor, the
// three sequences. It fails on any other, on lines that would wrap, and on
// text that would scroll the table away.
type terminal struct {
	t             *testing.T
	width, height int
	lines         []string
	row           int
	deepest       int
}

func (v *terminal) Write(p []byte) (int, error) {
	text := string(p)
	for text != "" {
		switch rest, ok := strings.CutPrefix(text, "\x1b["); {
		case ok:
			end := strings.IndexAny(rest, "AJKm")
			v.command(rest[end], rest[:end])
			text = rest[end+1:]
		case text[0] == '\r':
			text = text[1:]
		case text[0] == '\n':
			v.row++
			v.deepest = max(v.deepest, v.row)
			text = text[1:]
		default:
			end := strings.IndexAny(text, "\x1b\r\n")
			v.put(text[:end])
			text = text[end:]
		}
	}
	return len(p), nil
}

func (v *terminal) command(c byte, arg string) {
	switch c {
	case 'A':
		n, err := strconv.Atoi(arg)
		if err != nil || n > v.row || n >= v.height {
			v.t.Fatalf("cursor %q up from row %d of %d", arg, v.row, v.height)
		}
		v.row -= n
	case 'K':
		v.grow()
		v.lines[v.row] = ""
	case 'J':
		v.lines = v.lines[:min(v.row, len(v.lines))]
	}
}

func (v *terminal) grow() {
	for len(v.lines) <= v.row {
		v.lines = append(v.lines, "")
	}
}

func (v *terminal) put(s string) {
	v.grow()
	v.lines[v.row] += s
	if n := utf8.RuneCountInString(v.lines[v.row]); n > v.width {
		v.t.Errorf("%d columns of %d: %s", n, v.width, v.lines[v.row])
	}
}

func (v *terminal) String() string { return strings.Join(v.lines, "\n") + "\n" }

// The table after every record, on terminals of three widths and two heights:
// it never wraps, never scrolls, and the interesting ones are golden.
func TestScreen(t *testing.T) {
	golds := map[int]string{8: "restoring", 14: "loading", 30: "unloading", 44: "spark"}
	for _, size := range [][2]int{{60, 24}, {80, 24}, {120, 50}, {80, 10}} {
		for name, records := range nights {
			v := &terminal{t: t, width: size[0], height: size[1]}
			now := journaltest.Opens
			s := report.NewScreen(v, report.Look{Zone: zone}, func() (int, int) { return size[0], size[1] }, func() time.Time { return now }, cost.Embedded())
			for i, r := range records {
				now = r.At
				s.Record(r)
				if i == 12 {
					s.Note("a note\x1b[2J that would clear the screen")
				}
				if i == 13 {
					s.Note("")
				}
				s.Waiting("ratings", fmt.Sprintf("COPY, batch %d of 40", i), time.Time{})
				if gold := golds[i]; gold != "" && name == "night" {
					golden(t, fmt.Sprintf("screen-%s-%dx%d", gold, size[0], size[1]), v.String())
				}
			}
			now = now.Add(time.Minute)
			s.Tick()
			s.Close(report.Summary{})
			if size == [2]int{80, 24} {
				golden(t, "screen-end-"+name, v.String())
			}
			if most := min(report.MaxScreen, size[1]-1); v.deepest > most {
				t.Errorf("%s on %v: %d lines", name, size, v.deepest)
			}
		}
	}
}

// A second attempt of the same run begins a new table; the first one's cost
// stays in the total.
func TestScreenOfASecondAttempt(t *testing.T) {
	failed := journaltest.Failed()
	o := journaltest.Opening()
	o.Attempt = 2
	tape := journaltest.NewTape(last(failed).Add(time.Minute))
	tape.Took()
	tape.Open(o)
	v := &terminal{t: t, width: 80, height: 24}
	s := report.NewScreen(v, report.Look{}, func() (int, int) { return 80, 24 }, func() time.Time { return tape.Now }, cost.Embedded())
	s.Note("begins")
	for _, r := range append(failed, tape.Records...) {
		s.Record(r)
	}
	s.Tick()
	if want := []string{"attempt 2 · 0 s", "nothing is billing · $0.02 so far", " · load      ratings"}; !strings.Contains(v.lines[0], want[0]) ||
		v.lines[1] != want[1] || v.lines[3] != want[2] || len(v.lines) != 20 {
		t.Errorf("%d lines:\n%s", len(v.lines), v)
	}
}

// Forty steps on a small terminal are told together rather than cut off: what
// runs or failed stays in sight.
func TestScreenKeepsWhatMatters(t *testing.T) {
	o := journaltest.Opening()
	o.Plan = nil
	for i := range 40 {
		o.Plan = append(o.Plan, journal.Node{Name: fmt.Sprintf("table_%02d", i), Kind: "load", Uses: "warehouse-1"})
	}
	tape := journaltest.NewTape(journaltest.Opens)
	tape.Took()
	tape.Open(o)
	for i := range 15 {
		tape.Settle(fmt.Sprintf("table_%02d", i), journal.Done, "", map[string]any{"rows": 7})
	}
	tape.Settle("table_15", journal.Failed, "bad\x1b[31m row\nhint: look at it", nil)
	tape.Intent("table_16", journal.Effect{Verb: "copy-1"})
	v := &terminal{t: t, width: 80, height: 12}
	s := report.NewScreen(v, report.Look{}, func() (int, int) { return 80, 12 }, func() time.Time { return journaltest.Opens }, cost.Embedded())
	for _, r := range tape.Records {
		s.Record(r)
	}
	golden(t, "screen-many-steps", v.String())
	for _, want := range []string{"table_15", "table_16", "15 done", "23 to come"} {
		if !slices.ContainsFunc(v.lines, func(l string) bool { return strings.Contains(l, want) }) {
			t.Errorf("%s is out of sight:\n%s", want, v)
		}
	}
}

// Without colour there is none; with it, the text is the same.
func TestColour(t *testing.T) {
	draw := func(color bool) string {
		var b bytes.Buffer
		records := journaltest.Failed()
		b.WriteString(report.Ran(records, bill(records, last(records)), report.Look{Width: 80, Color: color, Zone: zone}))
		l := report.NewLines(&b, report.Look{Color: color, Zone: zone}, func() time.Time { return journaltest.Opens }, true)
		feed(l, records)
		return b.String()
	}
	plain, coloured := draw(false), draw(true)
	if strings.Contains(plain, "\x1b") {
		t.Error("colour where none was asked for")
	}
	for _, code := range []string{"0", "1", "2", "31", "32", "33"} {
		coloured = strings.ReplaceAll(coloured, "\x1b["+code+"m", "")
	}
	if coloured != plain {
		t.Errorf("the text differs:\n%s\n%s", coloured, plain)
	}
}
