package rsql

// Names of columns that the query does not name, as PostgreSQL 8.0 and so
// Redshift gives them: a column's own, a function's, a cast's operand's, else
// ?column?. Drivers find columns by these.

// selectEnd are the keywords that end a select list.
var selectEnd = set("from where group having order limit offset union intersect except minus qualify into window fetch for")

// operandWords are keywords that can end an expression: a word after one of
// them is an alias, not an operand.
var operandWords = set("end null true false current_date current_time current_timestamp current_user session_user user sysdate")

// operatorWords never end an operand, so that a name after them is no alias.
var operatorWords = set("and or not is in like ilike similar to between escape from case when then else distinct all any some exists over interval date time timestamp timestamptz collate at zone")

// columnName is what a select item is called. own is true when the query (or
// DuckDB by the same rule) names it: an alias, a column, a star.
func columnName(item []Node) (name string, own bool) {
	if len(item) == 0 || aliased(item) {
		return "", true
	}
	last := item[len(item)-1]
	if last.is("*") {
		return "", true
	}
	if i := lastCast(item); i > 0 {
		return castName(item[:i], item[i+1:])
	}
	if isColumn(item) {
		return last.Text, true
	}
	return exprName(item), false
}

// isColumn says that the item is a, a.b or a.b.c.
func isColumn(item []Node) bool {
	if len(item)%2 == 0 {
		return false
	}
	for i, n := range item {
		if i%2 == 0 && (!n.name() || n.Kind == Word && operandWords[n.Text]) || i%2 == 1 && !n.is(".") {
			return false
		}
	}
	return true
}

func castName(operand, typ []Node) (string, bool) {
	if isColumn(operand) {
		return operand[len(operand)-1].Text, false
	}
	if name := exprName(operand); name != "?column?" {
		return name, false
	}
	if len(operand) == 1 && len(typ) > 0 {
		return internalName(typ), false
	}
	return "?column?", false
}

// internalName is a type's name in the system catalog.
func internalName(typ []Node) string {
	names := map[string]string{
		"int": "int4", "integer": "int4", "smallint": "int2", "bigint": "int8", "real": "float4",
		"double": "float8", "float": "float8", "boolean": "bool", "decimal": "numeric",
		"character": "bpchar", "char": "bpchar", "nvarchar": "varchar",
	}
	if n, ok := names[typ[0].Text]; ok {
		return n
	}
	return typ[0].Text
}

// exprName names an expression: the function's name when the whole of it is
// one call, "case" for a CASE, else ?column?.
func exprName(item []Node) string {
	switch first := item[0]; {
	case first.is("case") && item[len(item)-1].is("end"):
		return "case"
	case len(item) == 1 && first.Kind == Word:
		return map[string]string{"true": "bool", "false": "bool", "current_date": "date", "sysdate": "timestamp", "user": "current_user"}[first.Text] + plainWord(first.Text)
	case len(item) == 1 && first.isGroup() && len(first.Group) > 0 && !first.Group[0].in("select", "with"):
		name, own := columnName(first.Group)
		if own && name == "" {
			return "?column?"
		}
		return name
	case len(item) == 2 && first.in("date", "timestamp", "interval", "time") && item[1].Kind == Str:
		return first.Text
	}
	return callName(item)
}

// plainWord keeps the words that are called by themselves.
func plainWord(w string) string {
	switch w {
	case "true", "false", "current_date", "sysdate", "user":
		return ""
	case "current_timestamp", "current_user", "session_user", "current_time":
		return w
	}
	return "?column?"
}

// callName is fn of [schema.]fn(…) with its FILTER, OVER and WITHIN GROUP.
func callName(item []Node) string {
	i := 0
	for i+2 < len(item) && item[i].name() && item[i+1].is(".") {
		i += 2
	}
	if item[i].is("approximate") {
		i++
	}
	if i+1 >= len(item) || !item[i].name() || !item[i+1].isGroup() || notAFunction[item[i].Text] {
		return "?column?"
	}
	if callEnd(item, i) != len(item) {
		return "?column?"
	}
	name := item[i].Text
	switch name {
	case "cast", "convert":
		return convertName(name, item[i+1].Group)
	case "nvl":
		return "coalesce"
	case "extract":
		return "date_part"
	case "position":
		return "strpos"
	case "dateadd":
		return "date_add"
	case "datediff":
		return "date_diff"
	}
	return name
}

func convertName(fn string, args []Node) string {
	operand, typ := args, []Node(nil)
	if fn == "convert" {
		if parts := split(args, ","); len(parts) == 2 {
			operand, typ = parts[1], parts[0]
		}
	} else {
		for i, n := range args {
			if n.is("as") {
				operand, typ = args[:i], args[i+1:]
			}
		}
	}
	if len(operand) == 0 {
		return "?column?"
	}
	if i := lastCast(operand); i > 0 {
		name, _ := castName(operand[:i], operand[i+1:])
		return name
	}
	name, _ := castName(operand, typ)
	return name
}

// callEnd is the index after a call that begins at item[i], its window and
// filter included.
func callEnd(item []Node, i int) int {
	j := i + 2
	for j < len(item) {
		switch {
		case item[j].in("filter", "over") && j+1 < len(item):
			j += 2
		case item[j].in("ignore", "respect") && j+1 < len(item) && item[j+1].is("nulls"):
			j += 2
		case item[j].is("within") && j+2 < len(item) && item[j+1].is("group"):
			j += 3
		default:
			return j
		}
	}
	return j
}

// lastCast is the index of a :: that the item ends with (only its type comes
// after), when what is before is one operand; else 0.
func lastCast(item []Node) int {
	for i := len(item) - 1; i > 0; i-- {
		if !item[i].is("::") {
			continue
		}
		_, n, ok, err := readType(item[i+1:])
		if err != nil || !ok || i+1+n != len(item) {
			return 0
		}
		operand := item[:i]
		if j := lastCast(operand); j > 0 {
			return i
		}
		if operandStart(operand) == 0 {
			return i
		}
		return 0
	}
	return 0
}

// aliased says that the item ends in an alias, with AS or without.
func aliased(item []Node) bool {
	n := len(item)
	if n < 2 || !item[n-1].name() {
		return false
	}
	before := item[n-2]
	if before.is("as") {
		return true
	}
	if item[n-1].Kind == Word && (operandWords[item[n-1].Text] || operatorWords[item[n-1].Text]) {
		return false
	}
	switch {
	case before.Open != "":
		return !typeEnd(item)
	case before.Kind == Str && n > 2 && item[n-3].is("interval"):
		return !set("year years month months day days hour hours minute minutes second seconds week weeks")[item[n-1].Text]
	case before.Kind == Op:
		return false
	case before.Kind == Word && operatorWords[before.Text]:
		return false
	}
	return !typeEnd(item)
}

// typeEnd says that the last word belongs to the type of a cast.
func typeEnd(item []Node) bool {
	for i := len(item) - 1; i > 0; i-- {
		if item[i].is("::") {
			_, n, ok, err := readType(item[i+1:])
			return err == nil && ok && i+1+n == len(item)
		}
	}
	return false
}
