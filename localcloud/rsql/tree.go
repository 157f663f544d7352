package rsql

import "strings"

// Node is a token, or a group of nodes in parentheses or brackets.
type Node struct {
	Token
	Open  string // "(" or "[" of a group, else ""
	Group []Node
	bare  []Node // what it is without its witness: see typed.go
}

// parse groups tokens by their parentheses and brackets.
func parse(tokens []Token) ([]Node, error) {
	nodes, rest, err := parseUntil(tokens, "", 0)
	if err == nil && len(rest) > 0 {
		err = Syntaxf("syntax error at or near %q", rest[0].Text)
	}
	return nodes, err
}

// maxDepth of parentheses: deeper statements are refused, not recursed into.
const maxDepth = 500

func parseUntil(tokens []Token, end string, depth int) (nodes []Node, rest []Token, err error) {
	if depth > maxDepth {
		return nil, nil, &Error{Code: "54001", Msg: "the statement is nested too deeply"}
	}
	for len(tokens) > 0 {
		t := tokens[0]
		tokens = tokens[1:]
		if t.Kind == Op {
			switch t.Text {
			case end:
				return nodes, tokens, nil
			case ")", "]":
				return nil, nil, Syntaxf("syntax error at or near %q", t.Text)
			case "(", "[":
				closing := map[string]string{"(": ")", "[": "]"}[t.Text]
				n := Node{Token: t, Open: t.Text}
				if n.Group, tokens, err = parseUntil(tokens, closing, depth+1); err != nil {
					return nil, nil, err
				}
				nodes = append(nodes, n)
				continue
			}
		}
		nodes = append(nodes, Node{Token: t})
	}
	if end != "" {
		return nil, nil, Syntaxf("syntax error at end of input: %q is missing", end)
	}
	return nodes, nil, nil
}

// isGroup says that the node is something in parentheses.
func (n Node) isGroup() bool { return n.Open == "(" }

// is says that the node is this keyword or operator; a group is none.
func (n Node) is(text string) bool { return n.Open == "" && n.Is(text) }

// in says that the node is one of these keywords or operators.
func (n Node) in(texts ...string) bool {
	for _, t := range texts {
		if n.is(t) {
			return true
		}
	}
	return false
}

// name says that the node can be an identifier.
func (n Node) name() bool { return n.Open == "" && n.Name() }

// sql writes nodes as text.
func sql(nodes []Node) string {
	var b strings.Builder
	write(&b, nodes)
	return b.String()
}

func write(b *strings.Builder, nodes []Node) {
	for i, n := range nodes {
		if i > 0 && (n.Space || glue(nodes[i-1], n)) {
			b.WriteByte(' ')
		}
		if n.Open == "" {
			b.WriteString(n.SQL())
			continue
		}
		b.WriteString(n.Open)
		write(b, n.Group)
		b.WriteString(map[string]string{"(": ")", "[": "]"}[n.Open])
	}
}

// glue says that two neighbours would become one token without a space.
func glue(a, b Node) bool {
	if a.Open != "" || b.Open != "" {
		return false
	}
	if a.Kind == Op && b.Kind == Op {
		return a.Text != "." && b.Text != "." && a.Text != "," && b.Text != ","
	}
	return a.Kind != Op && b.Kind != Op
}

// split cuts nodes at a separator.
func split(nodes []Node, sep string) [][]Node {
	if len(nodes) == 0 {
		return nil
	}
	var out [][]Node
	start := 0
	for i, n := range nodes {
		if n.is(sep) {
			out = append(out, nodes[start:i])
			start = i + 1
		}
	}
	return append(out, nodes[start:])
}

// word, str, op and group make nodes.
func word(s string) Node { return Node{Token: Token{Kind: Word, Text: s, Space: true}} }
func str(s string) Node  { return Node{Token: Token{Kind: Str, Text: s, Space: true}} }
func op(s string) Node   { return Node{Token: Token{Kind: Op, Text: s}} }
func ident(s string) Node {
	return Node{Token: Token{Kind: Quoted, Text: s, Space: true}}
}
func group(nodes ...Node) Node {
	return Node{Token: Token{Kind: Op, Text: "("}, Open: "(", Group: nodes}
}

// call makes fn(arg, …).
func call(fn string, args ...[]Node) []Node {
	return []Node{word(fn), group(join(args)...)}
}

// text parses a fragment that this package wrote itself.
func text(src string) []Node {
	tokens, err := Lex(src)
	if err != nil {
		panic("rsql: " + err.Error() + " in " + src)
	}
	nodes, err := parse(tokens)
	if err != nil {
		panic("rsql: " + err.Error() + " in " + src)
	}
	if len(nodes) > 0 {
		nodes[0].Space = true
	}
	return nodes
}
