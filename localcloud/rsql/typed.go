package rsql

import (
	"strconv"
	"strings"
)

// Some results of Redshift have types that DuckDB would choose otherwise: a
// sum, an average, a division of decimals. A site is a place in a statement
// where the types of one or two operands decide what is written. They are not
// known here, so the statement is first written with witnesses, calls of
//
//	rs_type(site, typeof(operand), typeof(second operand))
//
// which tell the session the types while DuckDB binds the statement; nothing
// runs. With the types known it is written again, until they do not change.

// Types are what the session knows of a statement's sites.
type Types struct {
	Probe int64             // not 0: write witnesses; their first argument is Probe + site
	Known map[int][2]string // by site: DuckDB's names of the types
}

// site numbers a place by the SELECT it stands in and its text, so that an
// expression and the same one in GROUP BY are one.
func (r *rewriter) site(what string, operands ...[]Node) int {
	key := strconv.Itoa(r.scope) + what
	for _, o := range operands {
		key += "\x00" + sql(bare(o))
	}
	if r.sites == nil {
		r.sites = map[string]int{}
	}
	n, ok := r.sites[key]
	if !ok {
		n = len(r.sites)
		r.sites[key] = n
	}
	return n
}

// known are the types of a site's operands, "" while nobody knows.
func (r *rewriter) known(site int) [2]string {
	if r.env.Types == nil {
		return [2]string{}
	}
	return r.env.Types.Known[site]
}

// witness is the operand x with a witness of the types of x and y on it.
func (r *rewriter) witness(site int, x, y []Node) []Node {
	if r.env.Types == nil || r.env.Types.Probe == 0 {
		return x
	}
	second := []Node{str("")}
	if y != nil {
		second = call("typeof", bare(y))
	}
	id := Node{Token: Token{Kind: Num, Text: strconv.FormatInt(r.env.Types.Probe+int64(site), 10)}}
	seen := append([]Node{word("case"), word("when")}, call("rs_type", []Node{id}, call("typeof", bare(x)), second)...)
	seen = append(append(seen, text("is null then")...), x...)
	n := group(append(seen, word("end"))...)
	n.bare = []Node{group(bare(x)...)}
	return []Node{n}
}

// bare takes the witnesses off.
func bare(nodes []Node) []Node {
	out := make([]Node, 0, len(nodes))
	for _, n := range nodes {
		switch {
		case n.bare != nil:
			out = append(out, n.bare...)
		case n.Open != "":
			n.Group = bare(n.Group)
			out = append(out, n)
		default:
			out = append(out, n)
		}
	}
	return out
}

// decimal is a type of exact numbers.
type decimal struct{ precision, scale int }

// asDecimal reads DuckDB's name of a type. Integers count as decimals of their
// digits (RSD r_numeric_computations201).
func asDecimal(name string) (d decimal, isInt, ok bool) {
	switch name {
	case "TINYINT", "SMALLINT", "UTINYINT":
		return decimal{5, 0}, true, true
	case "INTEGER", "USMALLINT":
		return decimal{10, 0}, true, true
	case "BIGINT", "UINTEGER":
		return decimal{19, 0}, true, true
	case "HUGEINT", "UBIGINT":
		return decimal{38, 0}, true, true
	}
	args, found := strings.CutPrefix(name, "DECIMAL(")
	p, s, comma := strings.Cut(strings.TrimSuffix(args, ")"), ",")
	if !found || !comma {
		return d, false, false
	}
	var err1, err2 error
	d.precision, err1 = strconv.Atoi(p)
	d.scale, err2 = strconv.Atoi(s)
	return d, false, err1 == nil && err2 == nil
}

func (d decimal) duck() string {
	return "DECIMAL(" + strconv.Itoa(d.precision) + "," + strconv.Itoa(d.scale) + ")"
}

// quotient is the type of a division: RSD r_numeric_computations201, "Precision
// and scale of computed DECIMAL results" and "Notes on division operations".
func quotient(a, b decimal) decimal {
	scale := max(4, a.scale+b.precision-b.scale+1)
	precision := a.precision - a.scale + b.scale + scale
	if precision > 38 {
		scale = max(38+scale-precision, 4)
		precision = 38
	}
	return decimal{precision, min(scale, 37)}
}

// power is 10^n as a HUGEINT.
func power(n int) []Node {
	return text("cast('1" + strings.Repeat("0", n) + "' as HUGEINT)")
}

// unscaled is a decimal's digits as a whole number.
func unscaled(x []Node, d decimal) []Node {
	shifted := append(append(cast([]Node{group(x...)}, Type{Duck: decimal{38, d.scale}.duck()}), op("*")), power(d.scale)...)
	return cast(shifted, Type{Duck: "HUGEINT"})
}

// scaled is the decimal whose digits x are.
func scaled(x []Node, d decimal) []Node {
	unit := decimal{max(d.scale, 1), d.scale}
	one := "0." + strings.Repeat("0", max(d.scale-1, 0)) + "1"
	if d.scale == 0 {
		one = "1"
	}
	whole := cast(x, Type{Duck: "DECIMAL(38,0)"})
	return cast(append(append(whole, op("*")), cast([]Node{str(one)}, Type{Duck: unit.duck()})...), Type{Duck: d.duck()})
}

// divide writes a / b. Digits beyond the result's scale are cut.
func (r *rewriter) divide(a, b []Node) []Node {
	site := r.site("/", a, b)
	t := r.known(site)
	x, xInt, ok1 := asDecimal(t[0])
	y, yInt, ok2 := asDecimal(t[1])
	a = r.witness(site, a, b)
	if !ok1 || !ok2 || xInt && yInt {
		return []Node{group(append(append(a, op("/")), b...)...)}
	}
	q := quotient(x, y)
	shift := q.scale - x.scale + y.scale
	dividend := unscaled(a, x)
	if shift >= 0 {
		dividend = append(append(dividend, op("*")), power(shift)...)
	} else {
		dividend = append(append(dividend, op("/")), power(-shift)...)
	}
	digits := []Node{group(dividend...), op("/"), group(unscaled(b, y)...)}
	return scaled(digits, q)
}

// left is where the operands begin that a / or another operator as strong
// works on, at the end of out.
func left(out []Node) int {
	i := operandStart(out)
	for i >= 2 && out[i-1].in("*", "%", "^") && out[i-2].Kind != Op || i >= 2 && out[i-1].in("*", "%", "^") && out[i-2].Open != "" {
		i = operandStart(out[:i-1])
	}
	return i
}

// right is how many nodes the operand of a / takes.
func right(nodes []Node) int {
	i := 0
	for i < len(nodes) && nodes[i].in("-", "+") {
		i++
	}
	i = primary(nodes, i)
	for i < len(nodes) {
		switch {
		case nodes[i].Open == "[":
			i++
		case nodes[i].is("."):
			i += 2
		case nodes[i].is("::"):
			_, n, ok, err := readType(nodes[i+1:])
			if err != nil || !ok {
				return i
			}
			i += 1 + n
		case nodes[i].is("^"):
			i += 1 + right(nodes[i+1:])
		default:
			return min(i, len(nodes))
		}
	}
	return min(i, len(nodes))
}

// primary is the index after the atom that begins at i.
func primary(nodes []Node, i int) int {
	switch {
	case i >= len(nodes):
		return i
	case nodes[i].is("case"):
		for depth := 0; i < len(nodes); i++ {
			if nodes[i].is("case") {
				depth++
			} else if nodes[i].is("end") {
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
		return i
	case nodes[i].in("date", "time", "timestamp", "timestamptz", "interval") && i+1 < len(nodes) && nodes[i+1].Kind == Str:
		return i + 2
	}
	for i+2 < len(nodes) && nodes[i].name() && nodes[i+1].is(".") {
		i += 2
	}
	if i+1 < len(nodes) && nodes[i].name() && nodes[i+1].isGroup() {
		return callEnd(nodes, i)
	}
	return i + 1
}

// sum is a BIGINT of integers (RSD r_SUM), where DuckDB widens to HUGEINT.
func (r *rewriter) sum(fn Node, args, suffix []Node) ([]Node, error) {
	args, site, err := r.aggregated("sum", args)
	if err != nil {
		return nil, err
	}
	plain, err := r.tail([]Node{fn, group(args...)}, suffix)
	if _, isInt, ok := asDecimal(r.known(site)[0]); err != nil || !ok || !isInt {
		return plain, err
	}
	return cast(plain, Type{Duck: "BIGINT"}), nil
}

// avg is a cut BIGINT of integers, a NUMERIC(38) of the argument's scale of
// decimals, else DOUBLE PRECISION (RSD r_AVG). That digits are cut and not
// rounded is documented for integers, and taken to be so for decimals.
func (r *rewriter) avg(args, suffix []Node) ([]Node, error) {
	args, site, err := r.aggregated("avg", args)
	if err != nil {
		return nil, err
	}
	d, isInt, ok := asDecimal(r.known(site)[0])
	if !ok {
		return r.tail([]Node{word("avg"), group(args...)}, suffix)
	}
	total, err := r.tail([]Node{word("sum"), group(args...)}, suffix)
	if err != nil {
		return nil, err
	}
	count, err := r.tail([]Node{word("count"), group(args...)}, suffix)
	if err != nil {
		return nil, err
	}
	if isInt {
		return cast(call("rs_cut_div", total, count), Type{Duck: "BIGINT"}), nil
	}
	d.precision = 38
	return scaled(call("rs_cut_div", unscaled(total, d), count), d), nil
}

// aggregated rewrites an aggregate's argument and puts a witness on it.
func (r *rewriter) aggregated(fn string, args []Node) ([]Node, int, error) {
	var head []Node
	if len(args) > 0 && args[0].in("distinct", "all") {
		head, args = args[:1], args[1:]
	}
	x, err := r.query(args, false)
	if err != nil || len(x) == 0 || indexOf(x, ",") >= 0 {
		return append(append([]Node{}, head...), x...), -1, err
	}
	site := r.site(fn, x)
	return append(append([]Node{}, head...), r.witness(site, x, nil)...), site, nil
}

// tail puts a rewritten FILTER, OVER … after a call.
func (r *rewriter) tail(fn, suffix []Node) ([]Node, error) {
	end, err := r.expr(suffix)
	return append(fn, end...), err
}
