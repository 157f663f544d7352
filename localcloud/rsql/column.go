package rsql

import (
	"fmt"
	"strconv"
	"strings"
)

// Column is a column's definition.
type Column struct {
	Name     string
	Type     Type
	NotNull  bool
	Default  string // SQL, "" is none
	Identity bool
	Start    int64
	Step     int64
}

// NotASCII is what a CHAR column says to other characters, in Redshift's words.
const NotASCII = "CHAR string contains invalid ASCII char"

// SQL is the definition as DuckDB takes it in CREATE TABLE. A string's length
// is in bytes and enforced, as in Redshift.
func (c Column) SQL() string {
	s := Ident(c.Name) + " " + c.Type.Duck
	if c.Default != "" {
		s += " DEFAULT " + c.Default
	}
	if c.NotNull {
		s += " NOT NULL"
	}
	switch {
	case c.Type.Max > 0 && c.Type.Char:
		name := Ident(c.Name)
		s += fmt.Sprintf(" CHECK (CASE WHEN strlen(%s) = length(%s) THEN strlen(rtrim(%s, ' ')) <= %d ELSE error('%s') END)", name, name, name, c.Type.Max, NotASCII)
	case c.Type.Max > 0:
		s += fmt.Sprintf(" CHECK (strlen(%s) <= %d)", Ident(c.Name), c.Type.Max)
	}
	return s
}

// columns reads the list of a CREATE TABLE. Primary and foreign keys are not
// enforced by Redshift and dropped, but a primary key's columns are NOT NULL.
func (r *rewriter) columns(table Name, nodes []Node) ([]Column, error) {
	var cols []Column
	notNull := map[string]bool{}
	for _, part := range split(nodes, ",") {
		if len(part) == 0 {
			return nil, Syntaxf("syntax error at or near \",\"")
		}
		if part[0].in("primary", "unique", "foreign", "constraint") {
			for _, c := range keyColumns(part) {
				notNull[c] = true
			}
			continue
		}
		c, err := r.column(part)
		if err != nil {
			return nil, err
		}
		cols = append(cols, c)
	}
	if len(cols) == 0 {
		return nil, Syntaxf("table %s has no columns", table)
	}
	for i := range cols {
		cols[i].NotNull = cols[i].NotNull || notNull[cols[i].Name]
	}
	return cols, nil
}

// keyColumns are the columns of PRIMARY KEY (…).
func keyColumns(part []Node) []string {
	i := indexOf(part, "primary")
	if i < 0 || i+2 >= len(part) || !part[i+2].isGroup() {
		return nil
	}
	var names []string
	for _, c := range split(part[i+2].Group, ",") {
		if len(c) == 1 {
			names = append(names, c[0].Text)
		}
	}
	return names
}

// column reads name type attributes.
func (r *rewriter) column(nodes []Node) (Column, error) {
	c := Column{Name: nodes[0].Text}
	if !nodes[0].name() {
		return c, Syntaxf("syntax error at or near %q", sql(nodes[:1]))
	}
	t, n, ok, err := readType(nodes[1:])
	if err != nil {
		return c, err
	}
	if !ok {
		return c, &Error{Code: "42704", Msg: fmt.Sprintf("type %q of column %s does not exist", sql(nodes[1:min(2, len(nodes))]), c.Name)}
	}
	if t.Max == 0 && t.Duck == "VARCHAR" { // a column without a length has the default one
		if t.Max = defaultVarchar; t.Char && !nodes[1].is("bpchar") {
			t.Max = 1
		}
	}
	c.Type = t
	return c, r.attributes(&c, nodes[1+n:])
}

func (r *rewriter) attributes(c *Column, nodes []Node) error {
	take := func(n int) { nodes = nodes[min(n, len(nodes)):] }
	for len(nodes) > 0 {
		switch n := nodes[0]; {
		case n.is("not") && len(nodes) > 1 && nodes[1].is("null"):
			c.NotNull = true
			take(2)
		case n.in("null", "unique", "distkey", "sortkey"):
			take(1)
		case n.is("primary"):
			c.NotNull = true
			take(2)
		case n.in("encode", "collate"):
			take(2)
		case n.is("references"):
			end := 1
			for end < len(nodes) && (nodes[end].name() && (end == 1 || nodes[end-1].is(".")) || nodes[end].is(".")) {
				end++
			}
			if end < len(nodes) && nodes[end].isGroup() {
				end++
			}
			take(end)
		case n.is("identity") && len(nodes) > 1 && nodes[1].isGroup():
			if err := identity(c, nodes[1].Group); err != nil {
				return err
			}
			take(2)
		case n.is("generated"):
			i := indexOf(nodes, "identity")
			if i < 0 {
				return Syntaxf("syntax error at or near \"generated\"")
			}
			take(i)
		case n.is("default"):
			if len(nodes) < 2 {
				return Syntaxf("DEFAULT of column %s takes an expression", c.Name)
			}
			end := 2
			for end < len(nodes) && !nodes[end].in("not", "null", "unique", "distkey", "sortkey", "primary", "encode", "collate", "references") {
				end++
			}
			out, err := r.expr(nodes[1:end])
			if err != nil {
				return err
			}
			c.Default = sql(out)
			take(end)
		default:
			return Syntaxf("syntax error in column %s at or near %q", c.Name, sql(nodes[:1]))
		}
	}
	return nil
}

func identity(c *Column, args []Node) error {
	parts := split(args, ",")
	if len(parts) != 2 {
		return Syntaxf("IDENTITY of column %s takes a seed and a step", c.Name)
	}
	var err1, err2 error
	c.Identity = true
	c.Start, err1 = strconv.ParseInt(strings.ReplaceAll(sql(parts[0]), " ", ""), 10, 64)
	c.Step, err2 = strconv.ParseInt(strings.ReplaceAll(sql(parts[1]), " ", ""), 10, 64)
	if err1 != nil || err2 != nil || c.Step == 0 {
		return Syntaxf("IDENTITY of column %s takes a seed and a step", c.Name)
	}
	c.NotNull = true
	return nil
}
