package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong in a file, with its place and its mend.
type Problem struct {
	File   string // as it was named to the loader
	Line   int    // 1 is the first; 0: the file as a whole
	Column int    // in characters, 1 is the first
	Path   string // steps.ratings.from; "" for the whole file
	What   string
	Hint   string // the mend; may be empty
}

// String is `file:line:column path: what`, and the hint on a line of its own.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if p.Path != "" {
		b.WriteString(" " + p.Path)
	}
	b.WriteString(": " + p.What)
	if p.Hint != "" {
		b.WriteString("\nhint: " + p.Hint)
	}
	return b.String()
}

// Problems are all that is wrong, ordered by place. A loader returns it as its
// error: errors.As finds it.
type Problems []Problem

// Error prints every problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// err is the problems in order, or nil when there are none: a nil slice in an
// error interface would not be nil.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Path, b.Path))
	})
	return slices.CompactFunc(ps, func(a, b Problem) bool { return a == b })
}
