package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// LoadCheck is one check inside the COPY's transaction: exactly one of its
// kinds, whose names and meanings are dbt's, and how much it matters.
type LoadCheck struct {
	NotNull    []string             `yaml:"not_null" json:"not_null,omitempty"`
	Unique     []string             `yaml:"unique" json:"unique,omitempty"`
	Accepted   map[string][]Scalar  `yaml:"accepted_values" json:"accepted_values,omitempty"` // column: values
	Between    map[string][2]Scalar `yaml:"between" json:"between,omitempty"`                 // column: [lowest, highest]
	References map[string]string    `yaml:"references" json:"references,omitempty"`           // column: table.column
	Rows       *RowsCheck           `yaml:"rows" json:"rows,omitempty"`
	Severity   string               `yaml:"severity" json:"severity,omitempty"` // error (default), warn
}

// RowsCheck bounds how many rows a partition of a dated source has, or a load
// of an undated one.
type RowsCheck struct {
	Min     int64   `yaml:"min" json:"min,omitempty"`
	Max     int64   `yaml:"max" json:"max,omitempty"`
	MaxDrop float64 `yaml:"max_drop" json:"max_drop,omitempty"` // against the last loads: 0.5 is half
}

// Scalar is a value for SQL as it is written: a number stays one to the last
// digit, and what is quoted is text.
type Scalar struct {
	Text string
	Kind string // text, number, boolean
}

// Kinds of a Scalar.
const (
	ScalarText    = "text"
	ScalarNumber  = "number"
	ScalarBoolean = "boolean"
)

// MarshalJSON writes it as JSON of its kind.
func (s Scalar) MarshalJSON() ([]byte, error) {
	if s.Kind == ScalarText {
		return json.Marshal(s.Text)
	}
	return []byte(s.Text), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Scalar) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) > 0 && b[0] == '"':
		s.Kind = ScalarText
		return json.Unmarshal(b, &s.Text)
	case string(b) == "true" || string(b) == "false":
		s.Kind = ScalarBoolean
	default:
		s.Kind = ScalarNumber
	}
	s.Text = string(b)
	return nil
}

// checkChecks checks the checks of a load.
func (c *pipelineCheck) checkChecks(l *Load, at string) {
	for i, check := range l.Checks {
		path := at + ".checks" + index(i)
		c.checkLoadCheck(check, path)
		if check.Severity != "" {
			c.oneOf(path+".severity", check.Severity, "error", "warn")
		}
		if check.Rows != nil && check.Rows.MaxDrop != 0 && l.Reads != "" {
			c.report(path+".rows.max_drop", "write rows: {min: …}", "does not fit a load that reads a dataset of this run: it has no loads before this one")
		}
	}
}

// checkLoadCheck wants exactly one kind of check.
func (c *pipelineCheck) checkLoadCheck(check LoadCheck, at string) {
	n := 0
	for _, kind := range []struct {
		key   string
		check func(path string)
	}{
		{"not_null", func(path string) { c.checkColumns(path, check.NotNull, "write not_null: [user_id]") }},
		{"unique", func(path string) { c.checkColumns(path, check.Unique, "write unique: [review_id]") }},
		{"accepted_values", func(path string) { c.checkAccepted(path, check.Accepted) }},
		{"between", func(path string) { c.checkBetween(path, check.Between) }},
		{"references", func(path string) { c.checkReferences(path, check.References) }},
		{"rows", func(path string) { c.checkRows(path, check.Rows) }},
	} {
		if path := at + "." + kind.key; c.has(path) {
			n++
			kind.check(path)
		}
	}
	if n != 1 {
		c.report(at, "write one `- {not_null: […]}` to a check", "wants exactly one of not_null, unique, accepted_values, between, references and rows, not %d", n)
	}
}

func (c *pipelineCheck) checkColumns(at string, columns []string, mend string) {
	if len(columns) == 0 {
		c.report(at, mend, "names no column")
	}
	for i, column := range columns {
		c.checkColumn(at+index(i), column)
	}
}

func (c *pipelineCheck) checkAccepted(at string, values map[string][]Scalar) {
	if len(values) == 0 {
		c.report(at, "write accepted_values: {status: [open, closed]}", "names no column")
	}
	for _, column := range slices.Sorted(maps.Keys(values)) {
		path := join(at, column)
		c.checkColumn(path, column)
		if len(values[column]) == 0 {
			c.report(path, "list the values that may be there", "accepts no value")
		}
		for i, v := range values[column] {
			c.checkValue(path+index(i), v)
			if v.Kind != values[column][0].Kind && v.Kind != "" {
				c.report(path+index(i), "quote all of them, or none: a column has one type", "is %s, and the first value is %s", article(v.Kind), article(values[column][0].Kind))
			}
		}
	}
}

func (c *pipelineCheck) checkBetween(at string, bounds map[string][2]Scalar) {
	if len(bounds) == 0 {
		c.report(at, "write between: {rating: [0.5, 5]}", "names no column")
	}
	for _, column := range slices.Sorted(maps.Keys(bounds)) {
		path, b := join(at, column), bounds[column]
		c.checkColumn(path, column)
		c.checkValue(path, b[0])
		c.checkValue(path, b[1])
		switch {
		case b[0].Kind == "" || b[1].Kind == "": // reported when it was read
		case b[0].Kind == ScalarBoolean || b[1].Kind == ScalarBoolean:
			c.report(path, "write accepted_values", "true and false have no order")
		case b[0].Kind != b[1].Kind:
			c.report(path, "quote both, or none: a column has one type", "is between %s and %s", article(b[0].Kind), article(b[1].Kind))
		case b[0].Kind == ScalarNumber && above(b[0].Text, b[1].Text), b[0].Kind == ScalarText && b[0].Text > b[1].Text:
			c.report(path, "write the lowest value first", "no value lies between %s and %s", short(b[0].Text), short(b[1].Text))
		}
	}
}

// above compares two numbers exactly.
func above(a, b string) bool {
	x, ok1 := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	return ok1 && ok2 && x.Cmp(y) > 0
}

// checkValue refuses what no SQL text can hold.
func (c *pipelineCheck) checkValue(at string, v Scalar) {
	if strings.ContainsRune(v.Text, 0) {
		c.report(at, "", "holds a zero byte, which no value in the warehouse does")
	}
}

func (c *pipelineCheck) checkReferences(at string, to map[string]string) {
	if len(to) == 0 {
		c.report(at, "write references: {user_id: users.user_id}", "names no column")
	}
	for _, column := range slices.Sorted(maps.Keys(to)) {
		path, target := join(at, column), to[column]
		c.checkColumn(path, column)
		dot := strings.LastIndex(target, ".")
		if dot < 0 || !isTable(target[:dot]) || !isIdentifier(target[dot+1:]) {
			c.report(path, "write table.column, or schema.table.column", "%s names no column of a table", quote(target))
		}
	}
}

func (c *pipelineCheck) checkRows(at string, r *RowsCheck) {
	if r == nil {
		return
	}
	if !c.has(at+".min") && !c.has(at+".max") && !c.has(at+".max_drop") {
		c.report(at, "write rows: {min: 1}", "asks for nothing")
	}
	for _, bound := range []struct {
		key string
		n   int64
	}{{"min", r.Min}, {"max", r.Max}} {
		if c.has(at+"."+bound.key) && bound.n < 1 {
			c.report(at+"."+bound.key, "leave it out for no limit", "%d bounds nothing: write 1 or more", bound.n)
		}
	}
	if r.Min > 0 && r.Max > 0 && r.Min > r.Max {
		c.report(at+".max", "", "no number of rows is at least %d and at most %d", r.Min, r.Max)
	}
	if c.has(at+".max_drop") && (r.MaxDrop <= 0 || r.MaxDrop >= 1) {
		c.report(at+".max_drop", "write a part between 0 and 1: 0.5 allows half of the rows to be missing", "%v is not a part of a whole", r.MaxDrop)
	}
}

func article(kind string) string {
	if kind == ScalarText {
		return kind
	}
	return fmt.Sprintf("a %s", kind)
}
