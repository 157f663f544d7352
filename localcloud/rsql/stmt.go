package rsql

import (
	"strings"
)

// Verb is what a statement asks the session to do.
type Verb int

// Verbs.
const (
	Read       Verb = iota // DuckDB runs SQL and may return rows
	Write                  // DuckDB runs SQL under the writer's lock
	Begin                  // of a transaction
	Commit                 //
	Rollback               //
	Lock                   // takes the writer's lock
	Truncate               // a Write that commits
	Vacuum                 // CHECKPOINT, not in a transaction
	Set                    // Name, Value; Value "" with Default
	Show                   // Name
	Nothing                // accepted, and has no meaning here
	CreateLike             // CREATE TABLE t (LIKE s): see Like
	AddColumn              // ALTER TABLE … ADD COLUMN with a length or NOT NULL: see Add
	Copy                   // Tokens
	Unload                 // Tokens
	Explain                // SQL is the query explained
)

// Statement is one statement, rewritten.
type Statement struct {
	Verb    Verb
	Tag     string   // command tag; INSERT, UPDATE, DELETE and MERGE get their count after it
	Before  []string // run first, in the same transaction
	SQL     string   // for DuckDB
	Sites   int      // places whose types must be known: see Types
	Session bool     // SQL holds values of the session: rewrite again for the next run
	Default bool     // SET … TO DEFAULT
	Name    string   // of SET and SHOW
	Value   string   // of SET; a list is joined by commas
	Tables  []string // of LOCK, as SQL
	Targets []Name   // what is written or locked, for the lock on it; not temporary tables that are made
	Like    *Like
	Add     *Add
	Keys    *Keys   // of CREATE TABLE
	Tokens  []Token // of COPY and UNLOAD
}

// Like is CREATE TABLE Table (LIKE Source).
type Like struct {
	Table, Source Name
	Temp          bool
	IfNotExists   bool
}

// Add is ALTER TABLE Table ADD COLUMN, whose column has constraints that
// DuckDB cannot add: the table must be made anew.
type Add struct {
	Table  Name
	Column Column
}

// Name is [schema.]name.
type Name struct{ Schema, Table string }

// SQL quotes the name.
func (n Name) SQL() string {
	if n.Schema == "" {
		return Ident(n.Table)
	}
	return Ident(n.Schema) + "." + Ident(n.Table)
}

func (n Name) String() string {
	if n.Schema == "" {
		return n.Table
	}
	return n.Schema + "." + n.Table
}

// refused are statements of Redshift that need what the embedded warehouse has
// not.
var refused = set("call declare fetch close savepoint release prepare execute deallocate cancel refresh use")

// Rewrite turns one statement's tokens, as Cut returned them, into a
// Statement. Parameters must have been bound (see Bind) or are left to DuckDB.
func Rewrite(tokens []Token, env *Env) (*Statement, error) {
	r := &rewriter{env: env}
	st, err := r.statement(tokens)
	if err != nil {
		return nil, err
	}
	st.Sites = len(r.sites)
	return st, nil
}

func (r *rewriter) statement(tokens []Token) (*Statement, error) {
	nodes, err := parse(catalogNames(tokens))
	if err != nil {
		return nil, err
	}
	for len(nodes) == 1 && nodes[0].isGroup() && len(nodes[0].Group) > 0 { // (SELECT …)
		nodes = nodes[0].Group
	}
	if len(nodes) == 0 {
		return nil, Syntaxf("syntax error at end of input")
	}
	first := nodes[0]
	if first.isGroup() {
		return r.read(nodes)
	}
	if first.Kind != Word {
		return nil, Syntaxf("syntax error at or near %q", first.Text)
	}
	switch first.Text {
	case "select", "with", "values":
		return r.read(nodes)
	case "insert", "update", "delete", "merge":
		return r.dml(nodes)
	case "create", "alter", "drop", "truncate":
		return r.ddl(nodes)
	case "copy":
		if i := indexOf(nodes, "stdin"); i > 0 && nodes[i-1].is("from") {
			return nil, Unsupported("COPY … FROM STDIN", "as on Redshift: put the file into S3 and COPY it from there")
		}
		return &Statement{Verb: Copy, Tag: "COPY", Tokens: tokens}, nil
	case "unload":
		return &Statement{Verb: Unload, Tag: "UNLOAD", Tokens: tokens}, nil
	case "explain":
		return r.explain(nodes)
	}
	if refused[first.Text] {
		return nil, Unsupported(strings.ToUpper(first.Text), "")
	}
	return control(nodes)
}

func (r *rewriter) read(nodes []Node) (*Statement, error) {
	if into := intoTable(nodes); into != nil {
		return r.ddl(into)
	}
	if writesIn(nodes) {
		return r.dml(nodes)
	}
	out, err := r.query(nodes, true)
	if err != nil {
		return nil, err
	}
	return &Statement{Verb: Read, Tag: "SELECT", SQL: sql(out), Session: r.session}, nil
}

// writesIn says that WITH leads to a writing statement.
func writesIn(nodes []Node) bool {
	if !nodes[0].is("with") {
		return false
	}
	for i, n := range nodes {
		if n.in("insert", "update", "delete", "merge") && i > 0 && nodes[i-1].isGroup() {
			return true
		}
	}
	return false
}

// intoTable turns SELECT … INTO [TEMP] [TABLE] t FROM … into CREATE TABLE t AS.
func intoTable(nodes []Node) []Node {
	i := 0
	for i < len(nodes) && !nodes[i].in("into", "from") {
		i++
	}
	if i == len(nodes) || !nodes[i].is("into") {
		return nil
	}
	out := []Node{word("create")}
	end := i + 1
	for end < len(nodes) && nodes[end].in("temp", "temporary", "table") {
		if !nodes[end].is("table") {
			out = append(out, word("temp"))
		}
		end++
	}
	out = append(out, word("table"))
	for end < len(nodes) && (nodes[end].is(".") || nodes[end].name() && (nodes[end-1].is(".") || !nodes[end].is("from"))) {
		out = append(out, nodes[end])
		end++
	}
	out = append(out, word("as"))
	out = append(out, nodes[:i]...)
	return append(out, nodes[end:]...)
}

// dml rewrites INSERT, UPDATE, DELETE and MERGE.
func (r *rewriter) dml(nodes []Node) (*Statement, error) {
	verb := nodes[0].Text
	for _, n := range nodes {
		if verb == "with" && n.in("insert", "update", "delete", "merge") {
			verb = n.Text
		}
		if verb == "merge" && n.is("remove") {
			return nil, Unsupported("MERGE … REMOVE DUPLICATES", "write WHEN MATCHED and WHEN NOT MATCHED out")
		}
		if n.is("returning") {
			return nil, Syntaxf("syntax error at or near \"returning\"")
		}
	}
	tags := map[string]string{"insert": "INSERT 0", "update": "UPDATE", "delete": "DELETE", "merge": "MERGE"}
	head, rest := []Node(nil), nodes
	if verb == "insert" && nodes[0].is("insert") {
		head, rest = insertHead(nodes)
	}
	if nodes[0].is("delete") && len(nodes) > 1 && !nodes[1].is("from") { // FROM may be left out in Redshift
		head, rest = []Node{nodes[0], word("from")}, nodes[1:]
	}
	out, err := r.query(rest, false)
	if err != nil {
		return nil, err
	}
	st := &Statement{Verb: Write, Tag: tags[verb], SQL: sql(append(head, out...)), Session: r.session}
	st.Targets = target(nodes, verb)
	return st, nil
}

// target is the table that a statement writes.
func target(nodes []Node, verb string) []Name {
	i := indexOf(nodes, verb) + 1
	for i < len(nodes) && nodes[i].in("into", "from", "only") {
		i++
	}
	end := i
	for end < len(nodes) && ((end-i)%2 == 0 && nodes[end].name() || (end-i)%2 == 1 && nodes[end].is(".")) {
		end++
	}
	name, err := tableName(nodes[i:end])
	if err != nil {
		return nil // DuckDB says what is wrong
	}
	return []Name{name}
}

// insertHead is INSERT INTO t (columns): names, not expressions.
func insertHead(nodes []Node) (head, rest []Node) {
	i := 1
	for i < len(nodes) && (nodes[i].is(".") || nodes[i].name() && !nodes[i].in("select", "values", "with", "default")) {
		i++
	}
	if i < len(nodes) && nodes[i].isGroup() && !(len(nodes[i].Group) > 0 && nodes[i].Group[0].in("select", "with")) {
		i++
	}
	return append([]Node{}, nodes[:i]...), nodes[i:]
}

func (r *rewriter) explain(nodes []Node) (*Statement, error) {
	nodes = nodes[1:]
	for len(nodes) > 0 && nodes[0].in("verbose", "analyze") {
		if nodes[0].is("analyze") {
			return nil, Syntaxf("EXPLAIN ANALYZE is not supported")
		}
		nodes = nodes[1:]
	}
	if len(nodes) == 0 || !nodes[0].in("select", "with", "insert", "update", "delete") {
		return nil, Syntaxf("EXPLAIN takes a query")
	}
	st, err := r.read(nodes)
	if err != nil {
		return nil, err
	}
	st.Verb, st.Tag, st.SQL = Explain, "EXPLAIN", "EXPLAIN "+st.SQL
	return st, nil
}

// tableName reads [schema.]name, or database.schema.name.
func tableName(nodes []Node) (Name, error) {
	var parts []string
	for i, n := range nodes {
		if i%2 == 0 && !n.name() || i%2 == 1 && !n.is(".") {
			return Name{}, Syntaxf("syntax error at or near %q", sql(nodes[i:]))
		}
		if i%2 == 0 {
			parts = append(parts, n.Text)
		}
	}
	switch len(parts) {
	case 1:
		return Name{Table: parts[0]}, nil
	case 2:
		return Name{parts[0], parts[1]}, nil
	case 3:
		return Name{parts[1], parts[2]}, nil
	}
	return Name{}, Syntaxf("a table's name is missing at %q", sql(nodes))
}

// TableName reads a table's name from the front of tokens, and says how many
// it took.
func TableName(tokens []Token) (Name, int, error) {
	n := 0
	for n < len(tokens) && (n%2 == 0 && tokens[n].Name() || n%2 == 1 && tokens[n].Is(".")) {
		n++
	}
	var nodes []Node
	for _, t := range tokens[:n] {
		nodes = append(nodes, Node{Token: t})
	}
	name, err := tableName(nodes)
	return name, n, err
}
