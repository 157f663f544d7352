package rsql

import "strings"

// Blanks at the end of strings do not count when strings are compared: see
// https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html. A
// CHAR is stored without them, so only literals with blanks at their end need
// care: those lose them, and so does what they are compared with. That two
// VARCHARs are compared with theirs is a known difference: see doc.go.

// padded says that a node is a string with blanks at its end.
func padded(n Node) bool { return n.Open == "" && n.Kind == Str && strings.HasSuffix(n.Text, " ") }

func comparison(n Node) bool { return n.in("=", "<>", "!=", "<", ">", "<=", ">=") }

// blankAfter says that a comparison with such a string stands at i.
func blankAfter(nodes []Node, i int) bool {
	return comparison(nodes[i]) && i > 0 && i+1 < len(nodes) && padded(nodes[i+1]) && !(i+2 < len(nodes) && nodes[i+2].in("||", "::"))
}

// blankBefore says that such a string, all of an operand, stands at i before a
// comparison.
func blankBefore(nodes []Node, i int) bool {
	if !padded(nodes[i]) || i+2 >= len(nodes) || !comparison(nodes[i+1]) || padded(nodes[i+2]) {
		return false
	}
	return i == 0 || !nodes[i-1].in("||", "::", "+", "-", "*", "/", "%", "date", "time", "timestamp", "timestamptz", "interval", "escape")
}

// assigns says that the = after out is one of SET a = x, b = y.
func assigns(before, out []Node) bool {
	start := chainStart(out)
	return indexOf(before, "set") >= 0 && start > 0 && out[start-1].in("set", ",")
}

// chainStart is where an operand made of || begins, at the end of out.
func chainStart(out []Node) int {
	i := operandStart(out)
	for i >= 2 && out[i-1].is("||") {
		i = operandStart(out[:i-1])
	}
	return i
}

// chainLen is how many nodes an operand made of || takes.
func chainLen(nodes []Node) int {
	n := right(nodes)
	for n+1 < len(nodes) && nodes[n].is("||") {
		n += 1 + right(nodes[n+1:])
	}
	return n
}

// unpadded takes the blanks off an operand's end.
func unpadded(x []Node) []Node {
	return []Node{group(call("rtrim", []Node{group(append([]Node{}, x...)...)}, []Node{str(" ")})...)}
}

func unblanked(n Node) Node {
	n.Text = strings.TrimRight(n.Text, " ")
	return n
}

// blankList says that a node is IN's list with such a string in it.
func blankList(n Node) bool {
	if !n.isGroup() || len(n.Group) > 0 && n.Group[0].in("select", "with") {
		return false
	}
	for _, item := range split(n.Group, ",") {
		if len(item) == 1 && padded(item[0]) {
			return true
		}
	}
	return false
}

func unblankedAll(nodes []Node) []Node {
	out := append([]Node{}, nodes...)
	for i, n := range out {
		if padded(n) && (i == 0 || out[i-1].is(",")) && (i+1 == len(out) || out[i+1].is(",")) {
			out[i] = unblanked(n)
		}
	}
	return out
}

// listUnpadded takes the blanks off what stands before [NOT] IN.
func listUnpadded(out []Node) []Node {
	end := len(out)
	if out[end-1].is("not") && end > 1 {
		end--
	}
	start := chainStart(out[:end])
	res := append(append([]Node{}, out[:start]...), unpadded(out[start:end])...)
	return append(res, out[end:]...)
}
