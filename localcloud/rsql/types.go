package rsql

import (
	"fmt"
	"strconv"
	"strings"
)

// Type is a column's or a cast's type.
type Type struct {
	Duck string // as DuckDB writes it
	Max  int    // longest value in bytes of a string type, 0: any
	Char bool   // CHAR(n): trailing blanks do not count
}

// Sizes of strings, in bytes (RSD r_Character_types).
const (
	defaultVarchar = 256
	maxVarchar     = 65535
	maxChar        = 4096
)

// plainTypes are the types without a length.
var plainTypes = map[string]string{
	"smallint": "SMALLINT", "int2": "SMALLINT",
	"integer": "INTEGER", "int": "INTEGER", "int4": "INTEGER",
	"bigint": "BIGINT", "int8": "BIGINT", "oid": "BIGINT",
	"real": "REAL", "float4": "REAL",
	"double": "DOUBLE", "float8": "DOUBLE", // FLOAT has a length: see readType
	"boolean": "BOOLEAN", "bool": "BOOLEAN",
	"date": "DATE", "time": "TIME", "timetz": "TIMETZ",
	"timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMPTZ",
	"interval": "INTERVAL", "super": "JSON", "varbyte": "BLOB", "varbinary": "BLOB",
	"name": "VARCHAR", "regclass": "VARCHAR", "regtype": "VARCHAR", "regproc": "VARCHAR", "text": "VARCHAR",
}

var stringTypes = map[string]bool{
	"varchar": true, "nvarchar": true, "text": true, "bpchar": true,
	"char": true, "character": true, "nchar": true,
}

var refusedTypes = map[string]bool{"geometry": true, "geography": true, "hllsketch": true}

// readType reads a type at the beginning of nodes and returns how many nodes
// it took. ok is false when there is none.
func readType(nodes []Node) (t Type, n int, ok bool, err error) {
	if len(nodes) == 0 || !nodes[0].name() {
		return t, 0, false, nil
	}
	name := nodes[0].Text
	n = 1
	next := func(words ...string) bool {
		for i, w := range words {
			if n+i >= len(nodes) || !nodes[n+i].is(w) {
				return false
			}
		}
		n += len(words)
		return true
	}
	if refusedTypes[name] {
		return t, 0, false, Unsupported("type "+strings.ToUpper(name), "")
	}
	switch {
	case name == "character" || name == "nchar" || name == "char":
		if next("varying") {
			name = "varchar"
		}
	case name == "double":
		next("precision")
	case name == "binary":
		if !next("varying") {
			return t, 0, false, nil
		}
		name = "varbyte"
	}
	switch {
	case stringTypes[name]:
		return stringType(name, nodes, n)
	case name == "decimal" || name == "numeric":
		return decimalType(nodes, n)
	case name == "float":
		return floatType(nodes, n)
	}
	duck, known := plainTypes[name]
	if !known {
		return t, 0, false, nil
	}
	if n < len(nodes) && nodes[n].isGroup() && (name == "varbyte" || strings.HasPrefix(name, "time")) {
		n++
	}
	if strings.HasPrefix(name, "time") && next("with", "time", "zone") {
		duck += "TZ"
	} else {
		next("without", "time", "zone")
	}
	return Type{Duck: duck}, n, true, nil
}

func stringType(name string, nodes []Node, n int) (Type, int, bool, error) {
	char := name == "char" || name == "character" || name == "nchar"
	t := Type{Duck: "VARCHAR", Char: char || name == "bpchar"}
	largest := maxVarchar
	if char {
		largest = maxChar
	}
	if n >= len(nodes) || !nodes[n].isGroup() {
		return t, n, true, nil
	}
	arg := sql(nodes[n].Group)
	n++
	if arg == "max" {
		t.Max = largest
		return t, n, true, nil
	}
	size, err := strconv.Atoi(arg)
	if err != nil || size < 1 {
		return t, 0, false, Syntaxf("length of type %s must be at least 1 and not %s", name, arg)
	}
	if size > largest {
		return t, 0, false, &Error{Code: InvalidParameter, Msg: "length for type " + name + " cannot exceed " + strconv.Itoa(largest)}
	}
	t.Max = size
	return t, n, true, nil
}

// decimalType: a bare DECIMAL is DECIMAL(18,0) in Redshift, (18,3) in DuckDB.
func decimalType(nodes []Node, n int) (Type, int, bool, error) {
	precision, scale := 18, 0
	if n < len(nodes) && nodes[n].isGroup() {
		args := split(nodes[n].Group, ",")
		n++
		var err1, err2 error
		precision, err1 = strconv.Atoi(sql(args[0]))
		if len(args) == 2 {
			scale, err2 = strconv.Atoi(sql(args[1]))
		}
		if err1 != nil || err2 != nil || len(args) > 2 {
			return Type{}, 0, false, Syntaxf("invalid type modifier of NUMERIC")
		}
	}
	if precision < 1 || precision > 38 || scale < 0 || scale > precision {
		return Type{}, 0, false, &Error{Code: InvalidParameter, Msg: "NUMERIC precision " + strconv.Itoa(precision) + " must be between 1 and 38, and its scale between 0 and the precision"}
	}
	return Type{Duck: "DECIMAL(" + strconv.Itoa(precision) + "," + strconv.Itoa(scale) + ")"}, n, true, nil
}

// floatType: FLOAT is 8 bytes wide in Redshift, 4 in DuckDB; FLOAT(24) and
// below is REAL.
func floatType(nodes []Node, n int) (Type, int, bool, error) {
	duck := "DOUBLE"
	if n < len(nodes) && nodes[n].isGroup() {
		bits, err := strconv.Atoi(sql(nodes[n].Group))
		if err != nil || bits < 1 || bits > 53 {
			return Type{}, 0, false, Syntaxf("precision of FLOAT must be between 1 and 53")
		}
		if bits <= 24 {
			duck = "REAL"
		}
		n++
	}
	return Type{Duck: duck}, n, true, nil
}

// fraction refuses a cast of a literal with a fraction to an integer, which
// DuckDB rounds and PostgreSQL does not read.
func fraction(operand []Node, t Type) error {
	whole := t.Duck == "SMALLINT" || t.Duck == "INTEGER" || t.Duck == "BIGINT"
	if len(operand) != 1 || operand[0].Open != "" || operand[0].Kind != Str || !whole || !numeric.MatchString(operand[0].Text) || !strings.Contains(operand[0].Text, ".") {
		return nil
	}
	return &Error{Code: "22P02", Msg: fmt.Sprintf("invalid input syntax for integer: %q", operand[0].Text)}
}

// cast makes CAST(operand AS type). A cast to VARCHAR(n) cuts, as Redshift
// does, at a whole character.
func cast(operand []Node, t Type) []Node {
	inner := append(append([]Node{}, operand...), word("as"))
	out := []Node{word("cast"), group(append(inner, text(t.Duck)...)...)}
	if t.Max > 0 {
		out = call("rs_cut", out, []Node{{Token: Token{Kind: Num, Text: strconv.Itoa(t.Max)}}})
	}
	if t.Char {
		out = call("rtrim", out, []Node{str(" ")})
	}
	return out
}

// operandStart finds where the operand of a postfix :: begins that ends at the
// end of out.
func operandStart(out []Node) int {
	i := len(out) - 1
	if i < 0 {
		return 0
	}
	if out[i].is("end") {
		return caseStart(out, i)
	}
	if out[i].Kind == Str && i > 0 && out[i-1].in("date", "time", "timestamp", "timestamptz", "interval") {
		return i - 1
	}
	for {
		for i > 0 && out[i].Open == "[" {
			i--
		}
		if out[i].isGroup() && i > 0 && out[i-1].name() && !(out[i-1].Kind == Word && notAFunction[out[i-1].Text]) {
			i--
		}
		if i < 2 || !out[i-1].is(".") {
			return i
		}
		i -= 2
	}
}

func caseStart(out []Node, end int) int {
	depth := 0
	for i := end; i >= 0; i-- {
		switch {
		case out[i].is("end"):
			depth++
		case out[i].is("case"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return end
}

// notAFunction are the keywords that may stand before a parenthesis without
// calling anything.
var notAFunction = set("and or not in as on when then else case where having select from join union intersect except by limit offset values over filter between like ilike is all any some exists set returning qualify distinct using with partition rows range end into table")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
