package rsql

import (
	"fmt"
	"math"
	"strings"
)

// ddl rewrites CREATE, ALTER, DROP and TRUNCATE.
func (r *rewriter) ddl(nodes []Node) (*Statement, error) {
	st, err := r.definition(nodes)
	if err != nil {
		return nil, err
	}
	st.Session = r.session
	return st, nil
}

func (r *rewriter) definition(nodes []Node) (*Statement, error) {
	rest := nodes[1:]
	what := func(words ...string) bool {
		for i, w := range words {
			if i >= len(rest) || !rest[i].is(w) {
				return false
			}
		}
		rest = rest[len(words):]
		return true
	}
	switch nodes[0].Text {
	case "truncate":
		what("table")
		n, err := tableName(rest)
		return &Statement{Verb: Truncate, Tag: "TRUNCATE TABLE", SQL: "TRUNCATE " + n.SQL(), Targets: []Name{n}}, err
	case "drop":
		return drop(rest)
	case "alter":
		if what("table") {
			return r.alterTable(rest)
		}
		return nil, Unsupported("ALTER "+strings.ToUpper(rest0(rest)), "")
	}
	replace := what("or", "replace")
	switch {
	case !replace && what("schema"):
		return createSchema(rest)
	case what("view"):
		return r.createView(rest, replace)
	case !replace && what("table"):
		return r.createTable(rest, false)
	case !replace && (what("temp", "table") || what("temporary", "table") || what("local", "temp", "table") || what("local", "temporary", "table")):
		return r.createTable(rest, true)
	}
	return nil, Unsupported("CREATE "+strings.ToUpper(rest0(rest)), "")
}

func rest0(nodes []Node) string {
	if len(nodes) == 0 {
		return ""
	}
	return nodes[0].Text
}

// dropNames reads IF EXISTS a, b CASCADE.
func drop(nodes []Node) (*Statement, error) {
	kind := rest0(nodes)
	if kind != "table" && kind != "view" && kind != "schema" {
		return nil, Unsupported("DROP "+strings.ToUpper(kind), "")
	}
	nodes = nodes[1:]
	head, tail := "DROP "+strings.ToUpper(kind)+" ", ""
	if len(nodes) > 1 && nodes[0].is("if") && nodes[1].is("exists") {
		head += "IF EXISTS "
		nodes = nodes[2:]
	}
	if n := len(nodes); n > 0 && nodes[n-1].in("cascade", "restrict") {
		if nodes[n-1].is("cascade") {
			tail = " CASCADE"
		}
		nodes = nodes[:n-1]
	}
	var all []string
	var targets []Name
	for _, part := range split(nodes, ",") {
		n, err := tableName(part)
		if err != nil {
			return nil, err
		}
		all = append(all, head+n.SQL()+tail)
		targets = append(targets, n)
	}
	if len(all) == 0 {
		return nil, Syntaxf("DROP %s takes a name", strings.ToUpper(kind))
	}
	last := len(all) - 1
	return &Statement{Verb: Write, Tag: "DROP " + strings.ToUpper(kind), Before: all[:last], SQL: all[last], Targets: targets}, nil
}

func createSchema(nodes []Node) (*Statement, error) {
	s := "CREATE SCHEMA "
	if len(nodes) > 2 && nodes[0].is("if") {
		s += "IF NOT EXISTS "
		nodes = nodes[3:]
	}
	if len(nodes) == 0 || !nodes[0].name() {
		return nil, Syntaxf("CREATE SCHEMA takes a name")
	}
	for _, n := range nodes[1:] {
		if n.in("create", "from") {
			return nil, Unsupported("CREATE SCHEMA with more than a name", "")
		}
	}
	return &Statement{Verb: Write, Tag: "CREATE SCHEMA", SQL: s + Ident(nodes[0].Text)}, nil
}

func (r *rewriter) createView(nodes []Node, replace bool) (*Statement, error) {
	as := indexOf(nodes, "as")
	if as < 1 {
		return nil, Syntaxf("CREATE VIEW takes a name, AS and a query")
	}
	head, body := nodes[:as], nodes[as+1:]
	if n := len(body); n > 4 && body[n-4].is("with") && body[n-3].is("no") && body[n-2].is("schema") && body[n-1].is("binding") {
		body = body[:n-4]
	}
	out, err := r.query(body, true)
	if err != nil {
		return nil, err
	}
	if r.session {
		return nil, Unsupported("a view over the session's own values", "")
	}
	s := "CREATE VIEW "
	if replace {
		s = "CREATE OR REPLACE VIEW "
	}
	return &Statement{Verb: Write, Tag: "CREATE VIEW", SQL: s + sql(head) + " AS " + sql(out)}, nil
}

func indexOf(nodes []Node, w string) int {
	for i, n := range nodes {
		if n.is(w) {
			return i
		}
	}
	return -1
}

// createTable rewrites CREATE TABLE from its name on.
func (r *rewriter) createTable(nodes []Node, temp bool) (*Statement, error) {
	ifNot := len(nodes) > 3 && nodes[0].is("if")
	if ifNot {
		nodes = nodes[3:]
	}
	end := 0
	for end < len(nodes) && (end%2 == 0 && nodes[end].name() || end%2 == 1 && nodes[end].is(".")) {
		end++
	}
	name, err := tableName(nodes[:end])
	if err != nil {
		return nil, err
	}
	temp = temp || strings.HasPrefix(name.Table, "#")
	nodes = nodes[end:]
	head := "CREATE TABLE "
	if temp {
		head = "CREATE TEMP TABLE "
	}
	if ifNot {
		head += "IF NOT EXISTS "
	}
	st := &Statement{Verb: Write, Tag: "CREATE TABLE"}
	if !temp {
		st.Targets = []Name{name}
	}
	var columns []Node
	isList := len(nodes) > 0 && nodes[0].isGroup()
	if isList {
		columns, nodes = nodes[0].Group, nodes[1:]
	}
	attributes := nodes
	nodes, err = skipAttributes(nodes)
	if err != nil {
		return nil, err
	}
	st.Keys = readKeys(columns, attributes[:len(attributes)-len(nodes)])
	st.Keys.Table, st.Keys.IfNotExists = name, ifNot
	if len(nodes) > 0 && nodes[0].is("as") {
		return r.createAs(st, head+name.SQL(), columns, nodes[1:])
	}
	if !isList || len(nodes) > 0 {
		return nil, Syntaxf("syntax error in CREATE TABLE at or near %q", sql(nodes))
	}
	if len(columns) > 0 && columns[0].is("like") {
		return likeTable(st, &Like{Table: name, Temp: temp, IfNotExists: ifNot}, columns[1:])
	}
	defs, err := r.columns(name, columns)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, c := range defs {
		if c.Identity {
			seq := Ident("rs_identity_" + name.Schema + "_" + name.Table + "_" + c.Name)
			st.Before = append(st.Before, fmt.Sprintf("CREATE SEQUENCE IF NOT EXISTS main.%s START %d INCREMENT %d MINVALUE %d MAXVALUE %d", seq, c.Start, c.Step, math.MinInt64, math.MaxInt64))
			c.Default = "nextval('main." + strings.ReplaceAll(seq, "'", "''") + "')"
		}
		list = append(list, c.SQL())
	}
	st.SQL = head + name.SQL() + " (" + strings.Join(list, ", ") + ")"
	return st, nil
}

func (r *rewriter) createAs(st *Statement, head string, names, query []Node) (*Statement, error) {
	if len(query) == 1 && query[0].isGroup() {
		query = query[0].Group
	}
	out, err := r.query(query, true)
	if err != nil {
		return nil, err
	}
	st.Tag, st.SQL = "SELECT", head
	if names != nil {
		st.SQL += " (" + sql(names) + ")"
	}
	st.SQL += " AS " + sql(out)
	return st, nil
}

func likeTable(st *Statement, like *Like, nodes []Node) (*Statement, error) {
	if n := len(nodes); n > 2 && nodes[n-1].is("defaults") && nodes[n-2].in("including", "excluding") {
		nodes = nodes[:n-2]
	}
	source, err := tableName(nodes)
	if err != nil {
		return nil, err
	}
	like.Source = source
	st.Verb, st.Like = CreateLike, like
	return st, nil
}

// skipAttributes skips what says how a table is stored.
func skipAttributes(nodes []Node) ([]Node, error) {
	for len(nodes) > 0 {
		switch n := nodes[0]; {
		case n.in("backup", "diststyle") && len(nodes) > 1:
			nodes = nodes[2:]
		case n.in("distkey", "sortkey", "compound", "interleaved", "encode"):
			for len(nodes) > 0 && nodes[0].in("distkey", "sortkey", "compound", "interleaved", "encode", "auto") {
				nodes = nodes[1:]
			}
			if len(nodes) > 0 && nodes[0].isGroup() {
				nodes = nodes[1:]
			}
		case n.is("as"):
			return nodes, nil
		default:
			return nil, Syntaxf("syntax error at or near %q", sql(nodes[:1]))
		}
	}
	return nodes, nil
}

// alterTable rewrites ALTER TABLE from the table's name on.
func (r *rewriter) alterTable(nodes []Node) (*Statement, error) {
	end := 0
	for end < len(nodes) && (end%2 == 0 && nodes[end].name() || end%2 == 1 && nodes[end].is(".")) {
		end++
	}
	name, err := tableName(nodes[:end])
	if err != nil {
		return nil, err
	}
	rest := nodes[end:]
	has := func(words ...string) bool {
		for i, w := range words {
			if i >= len(rest) || !rest[i].is(w) {
				return false
			}
		}
		return true
	}
	tag := "ALTER TABLE"
	switch {
	case has("add", "constraint"), has("add", "primary"), has("add", "foreign"), has("add", "unique"), has("drop", "constraint"),
		has("owner"), has("alter", "distkey"), has("alter", "diststyle"), has("alter", "sortkey"), has("alter", "compound"), has("alter", "encode"):
		return &Statement{Verb: Nothing, Tag: tag, Tables: []string{name.SQL()}}, nil
	case has("append"):
		return nil, Unsupported("ALTER TABLE APPEND", "INSERT INTO … SELECT, then DELETE")
	case has("add"):
		rest = rest[1:]
		if has("column") {
			rest = rest[1:]
		}
		if len(rest) < 2 {
			return nil, Syntaxf("ALTER TABLE ADD takes a column and its type")
		}
		c, err := r.column(rest)
		if err != nil {
			return nil, err
		}
		if c.Identity {
			return nil, Syntaxf("an IDENTITY column cannot be added")
		}
		if c.NotNull && c.Default == "" {
			return nil, Syntaxf("ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression")
		}
		return &Statement{Verb: AddColumn, Tag: tag, Add: &Add{Table: name, Column: c}, Targets: []Name{name}}, nil
	case has("drop"), has("rename"):
		return &Statement{Verb: Write, Tag: tag, SQL: "ALTER TABLE " + name.SQL() + " " + sql(rest), Targets: []Name{name}}, nil
	}
	return nil, Unsupported("ALTER TABLE "+strings.ToUpper(sql(rest[:min(2, len(rest))])), "")
}
