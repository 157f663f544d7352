package rsql

import "regexp"

// Env is what a statement may ask of its session.
type Env struct {
	User, Database string
	PID            int
	Query          int64 // id of the statement that runs
	LastQuery      int64
	LastCopyCount  int64
	LastCopy       int64
	LastUnload     int64
	LastUnloadRows int64
	Types          *Types // nil: nothing is known yet
}

// rewriter rewrites one statement. A field that is set tells the caller
// something about the statement.
type rewriter struct {
	env     *Env
	session bool // the text holds values of the session: good for one run only

	sites   map[string]int // see typed.go
	scope   int            // the number of the SELECT that is being rewritten
	selects int
}

// query rewrites nodes that may hold SELECTs at their own level: a whole
// query, or what stands in parentheses. top is the statement's own level,
// where even nameless columns are called ?column?.
func (r *rewriter) query(nodes []Node, top bool) ([]Node, error) {
	var out []Node
	for len(nodes) > 0 {
		i := indexSelect(nodes)
		if i < 0 {
			rest, err := r.expr(nodes)
			return append(out, rest...), err
		}
		before, err := r.expr(nodes[:i])
		if err != nil {
			return nil, err
		}
		out = append(out, before...)
		var sel []Node
		if sel, nodes, err = r.selectList(nodes[i:], top); err != nil {
			return nil, err
		}
		out = append(out, sel...)
	}
	return out, nil
}

func indexSelect(nodes []Node) int {
	for i, n := range nodes {
		if n.is("select") {
			return i
		}
	}
	return -1
}

// selectList rewrites SELECT [DISTINCT|ALL|TOP n] items, and its LIMIT when
// there was a TOP; rest is what follows the list.
func (r *rewriter) selectList(nodes []Node, top bool) (out, rest []Node, err error) {
	r.selects++
	r.scope = r.selects
	out = append(out, nodes[0])
	i := 1
	var limit []Node
	for i < len(nodes) {
		switch n := nodes[i]; {
		case n.in("distinct", "all"):
			out = append(out, n)
			i++
			if i+1 < len(nodes) && nodes[i].is("on") && nodes[i+1].isGroup() {
				return nil, nil, Syntaxf("SELECT DISTINCT ON is not supported")
			}
			continue
		case n.is("top") && i+1 < len(nodes) && (nodes[i+1].Kind == Num || nodes[i+1].isGroup()):
			limit = nodes[i+1 : i+2]
			i += 2
			continue
		}
		break
	}
	end := i
	for end < len(nodes) && !endsList(nodes, end) {
		end++
	}
	items := split(nodes[i:end], ",")
	for k, item := range items {
		if k > 0 {
			out = append(out, op(","))
		}
		if item, err = r.selectItem(item, top); err != nil {
			return nil, nil, err
		}
		out = append(out, item...)
	}
	rest = nodes[end:]
	if limit != nil {
		rest = withLimit(rest, limit)
	}
	return out, rest, nil
}

func endsList(nodes []Node, i int) bool {
	n := nodes[i]
	if n.Open != "" || n.Kind != Word || !selectEnd[n.Text] {
		return false
	}
	if i > 0 && nodes[i-1].in(".", "within") {
		return false
	}
	return !(n.is("from") && nodes[i-1].is("distinct") && i > 1 && nodes[i-2].in("is", "not"))
}

// withLimit puts a TOP's LIMIT at the end of its SELECT.
func withLimit(rest, limit []Node) []Node {
	end := len(rest)
	for i, n := range rest {
		if n.in("union", "intersect", "except", "minus") {
			end = i
			break
		}
	}
	out := append([]Node{}, rest[:end]...)
	out = append(out, word("limit"))
	out = append(out, limit...)
	return append(out, rest[end:]...)
}

func (r *rewriter) selectItem(item []Node, top bool) ([]Node, error) {
	name, own := columnName(item)
	if len(item) > 1 && item[0].is("generate_series") && item[1].isGroup() { // rows there, a list here
		return nil, Unsupported("GENERATE_SERIES in a select list", "write it after FROM")
	}
	out, err := r.expr(item)
	if err != nil || own || name == "?column?" && !top {
		return out, err
	}
	return append(out, word("as"), ident(name)), nil
}

// expr rewrites an expression, or a list or clause of them.
func (r *rewriter) expr(nodes []Node) ([]Node, error) {
	var out []Node
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		switch {
		case n.Open != "":
			scope := r.scope
			inner, err := r.query(n.Group, false)
			r.scope = scope
			if err != nil {
				return nil, err
			}
			n.Group = inner
			out = append(out, n)
		case n.is("::"):
			t, used, ok, err := readType(nodes[i+1:])
			if err != nil {
				return nil, err
			}
			if !ok || len(out) == 0 {
				out = append(out, n)
				continue
			}
			start := operandStart(out)
			if err := fraction(out[start:], t); err != nil {
				return nil, err
			}
			out = append(out[:start:start], cast(out[start:], t)...)
			i += used
		case n.name() && i+1 < len(nodes) && nodes[i+1].isGroup() && !(n.Kind == Word && notAFunction[n.Text]):
			end := callEnd(nodes, i)
			c, err := r.call(nodes[i:end])
			if err != nil {
				return nil, err
			}
			if end > i+2 { // with its window it is one operand
				c = []Node{group(c...)}
			}
			out = append(out, c...)
			i = end - 1
		case n.in("|/", "||/", "@", "!", "!!"):
			return nil, Unsupported("the operator "+n.Text, "use SQRT, CBRT or ABS")
		case n.is("/") && len(out) > 0 && i+1 < len(nodes):
			start, used := left(out), right(nodes[i+1:])
			by, err := r.expr(nodes[i+1 : i+1+used])
			if err != nil {
				return nil, err
			}
			out = append(out[:start:start], r.divide(out[start:], by)...)
			i += used
		case n.is("similar") && i+1 < len(nodes) && nodes[i+1].is("to"):
			res, used, err := similar(nodes, i, out)
			if err != nil {
				return nil, err
			}
			out = res
			i += used - 1
		case blankAfter(nodes, i) && !assigns(nodes[:i], out):
			start := chainStart(out)
			out = append(out[:start:start], unpadded(out[start:])...)
			out = append(out, n, unblanked(nodes[i+1]))
			i++
		case blankBefore(nodes, i):
			used := chainLen(nodes[i+2:])
			with, err := r.expr(nodes[i+2 : i+2+used])
			if err != nil {
				return nil, err
			}
			out = append(append(out, unblanked(n), nodes[i+1]), unpadded(with)...)
			i += 1 + used
		case n.is("in") && len(out) > 0 && i+1 < len(nodes) && blankList(nodes[i+1]):
			out = listUnpadded(out)
			list := nodes[i+1]
			list.Group = unblankedAll(list.Group)
			rest, err := r.expr([]Node{list})
			if err != nil {
				return nil, err
			}
			out = append(append(out, n), rest...)
			i++
		case n.Kind == Str && bareNumber(nodes, i):
			n.Kind = Num
			out = append(out, group(n))
		default:
			w, err := r.word(nodes, i, out)
			if err != nil {
				return nil, err
			}
			out = append(out, w...)
		}
	}
	return out, nil
}

var numeric = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// bareNumber says that a string is the operand of arithmetic, and so a number:
// PostgreSQL's literals have no type until they are used, and drivers send all
// parameters like that; DuckDB cannot choose an operator for two literals.
func bareNumber(nodes []Node, i int) bool {
	arithmetic := func(n Node) bool { return n.in("+", "-", "*", "/", "%") }
	after := i+1 < len(nodes) && arithmetic(nodes[i+1])
	before := i > 0 && arithmetic(nodes[i-1])
	typed := i > 0 && (nodes[i-1].name() || nodes[i-1].is("::"))
	return (after && !typed || before) && numeric.MatchString(nodes[i].Text)
}

// word rewrites a keyword or operator that stands alone.
func (r *rewriter) word(nodes []Node, i int, out []Node) ([]Node, error) {
	n := nodes[i]
	if n.Kind != Word || len(out) > 0 && out[len(out)-1].is(".") || i+1 < len(nodes) && nodes[i+1].is(".") {
		return []Node{n}, nil
	}
	switch n.Text {
	case "sysdate":
		return text("rs_now()"), nil
	case "current_user", "session_user", "user":
		r.session = true
		return []Node{str(r.env.User)}, nil
	case "minus":
		return []Node{word("except")}, nil
	case "approximate":
		return nil, nil // the exact count is a good approximation
	}
	return []Node{n}, nil
}
