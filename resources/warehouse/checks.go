package warehouse

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"lamplighter/resources"
)

// Check is a condition on a table inside the load's transaction: on all of it,
// as it will be once the load commits.
type Check struct {
	Name     string `json:"name"`               // as in an error: not_null user_id
	SQL      string `json:"sql"`                // one number: how many rows break it; 0 is good
	Examples string `json:"examples,omitempty"` // one column: a few of the values that break it
	Warn     bool   `json:"warn,omitempty"`     // what breaks it is counted and reported, and loaded
}

// RowsBound is how many rows a batch may bring. 0 bounds nothing.
type RowsBound struct {
	Name string `json:"name"` // as in an error: rows min
	Min  int64  `json:"min,omitempty"`
	Max  int64  `json:"max,omitempty"`
	Of   string `json:"of,omitempty"` // how the bound came about: 3 partitions of at least 100
	Warn bool   `json:"warn,omitempty"`
}

// Unmet is a check that was not met.
type Unmet struct {
	Check    string   `json:"check"`
	Rows     int64    `json:"rows"`               // that break it; of a RowsBound, all that came
	Examples []string `json:"examples,omitempty"` // values
	Says     string   `json:"says"`               // the whole of it, for people
}

// MaxExamples is how many values a Unmet names.
const MaxExamples = 5

// Broken says what is wrong with a number of rows; "" when nothing is.
func (b RowsBound) Broken(rows int64, objects int) string {
	came := fmt.Sprintf("%d rows in %d objects", rows, objects)
	of := ""
	if b.Of != "" {
		of = " (" + b.Of + ")"
	}
	switch {
	case b.Min > 0 && rows < b.Min:
		return fmt.Sprintf("%s, want at least %d%s", came, b.Min, of)
	case b.Max > 0 && rows > b.Max:
		return fmt.Sprintf("%s, want at most %d%s", came, b.Max, of)
	}
	return ""
}

// Describe tells what broke a check.
func (c Check) Describe(rows int64, examples []string) Unmet {
	f := Unmet{Check: c.Name, Rows: rows, Examples: examples, Says: fmt.Sprintf("check %s failed for %d rows", c.Name, rows)}
	quoted := make([]string, len(examples))
	for i, e := range examples {
		quoted[i] = strconv.Quote(clip(e))
	}
	if len(quoted) > 0 {
		f.Says += ", such as " + strings.Join(quoted, ", ")
	}
	return f
}

// clip keeps an example readable.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// RolledBack is the error of a batch that a check kept out of its table.
func RolledBack(table string, f Unmet) error {
	hint := "correct the objects of this batch, or the check"
	if strings.HasPrefix(f.Check, "rows") {
		hint = "look at the source's newest objects, or change checks: " + f.Check
	}
	return &resources.Fault{Class: resources.Permanent, Code: CodeCheck,
		Msg: fmt.Sprintf("load into %s rolled back: %s", table, f.Says), Hint: hint}
}

// check runs the batch's checks on what is in the table now. It returns what
// only warns.
func (l *load) check(ctx context.Context, rows int64) (warnings []Unmet, err error) {
	for _, b := range l.b.Rows {
		says := b.Broken(rows, len(l.b.Objects))
		if says == "" {
			continue
		}
		f := Unmet{Check: b.Name, Rows: rows, Says: says}
		if !b.Warn {
			return nil, RolledBack(l.t.key(), f)
		}
		warnings = append(warnings, f)
	}
	for _, c := range l.b.Checks {
		broken, err := l.count(ctx, c)
		if err != nil {
			return nil, err
		}
		if broken == 0 {
			continue
		}
		examples, err := l.examples(ctx, c)
		f := c.Describe(broken, examples)
		if !c.Warn { // they are for people: the verdict stands without them
			return nil, RolledBack(l.t.key(), f)
		}
		if err != nil { // the transaction is broken
			return nil, err
		}
		warnings = append(warnings, f)
	}
	return warnings, nil
}

// count asks how many rows break a check.
func (l *load) count(ctx context.Context, c Check) (int64, error) {
	what := fmt.Sprintf("check %s of %s", c.Name, l.t.key())
	value, null, err := l.s.single(ctx, what, c.SQL)
	if err != nil {
		return 0, err
	}
	broken, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || null || broken < 0 {
		f := resources.Faultf(resources.Permanent, "%s: want a number of rows, got %q", what, value)
		f.Hint = "count the rows that break it: select count(*) from … where …"
		return 0, f
	}
	return int64(math.Ceil(broken)), nil
}

// examples asks for values that break a check.
func (l *load) examples(ctx context.Context, c Check) (values []string, err error) {
	if c.Examples == "" {
		return nil, nil
	}
	rows, err := l.s.ask(ctx, "examples for check "+c.Name, c.Examples)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if len(r) > 0 && len(values) < MaxExamples {
			values = append(values, r[0])
		}
	}
	return values, nil
}
