package rsql

import (
	"fmt"
	"strconv"
	"strings"
)

// renamed are functions that DuckDB has by another name.
var renamed = map[string]string{
	"nvl": "coalesce", "len": "length", "char_length": "length", "character_length": "length",
	"octet_length": "strlen",
}

// dateParts are the functions whose first argument is a bare date part.
var dateParts = set("dateadd datediff date_add date_diff date_part date_trunc datepart timestampadd timestampdiff")

// aggregates mean the same when their name is quoted.
var aggregates = set("sum avg count min max median listagg string_agg any_value stddev stddev_samp stddev_pop variance var_samp var_pop bool_and bool_or")

// refusedFunctions are Redshift's that nothing here can answer for.
var refusedFunctions = set("fnv_hash checksum crc32 func_sha512 to_number text_to_int_alt text_to_numeric_alt soundex next_day regexp_instr hll hll_create_sketch hll_sketch farmfnv64 farmhash64 murmur3_32_hash timeofday bpcharcmp bttext_pattern_cmp pg_get_session_temp_schema json_typeof object_transform strtok_to_array split_to_array")

// call rewrites [fn group suffix…], as callEnd cut it.
func (r *rewriter) call(nodes []Node) ([]Node, error) {
	fn, args, suffix := nodes[0], nodes[1].Group, nodes[2:]
	if fn.Kind == Quoted && !aggregates[fn.Text] && !dateParts[fn.Text] {
		return r.plain(fn, args, suffix)
	}
	if refusedFunctions[fn.Text] {
		return nil, Unsupported("the function "+strings.ToUpper(fn.Text), "")
	}
	switch fn.Text {
	case "cast", "try_cast":
		return r.castCall(args)
	case "convert":
		return r.convert(args)
	case "sum":
		return r.sum(fn, args, suffix)
	case "avg":
		return r.avg(args, suffix)
	case "decode":
		return r.decode(args)
	case "listagg":
		return r.listagg(args, suffix)
	case "ratio_to_report":
		return r.ratio(args, suffix)
	case "to_char", "to_date", "to_timestamp":
		return r.format(fn.Text, args)
	}
	if lit, ok := r.sessionValue(fn.Text, args); ok {
		return lit, nil
	}
	if dateParts[fn.Text] {
		args = quotePart(args)
	}
	if to, ok := renamed[fn.Text]; ok {
		fn = word(to)
		fn.Space = nodes[0].Space
	}
	return r.plain(fn, args, suffix)
}

func (r *rewriter) plain(fn Node, args, suffix []Node) ([]Node, error) {
	inner, err := r.query(args, false)
	if err != nil {
		return nil, err
	}
	for len(suffix) >= 2 && suffix[1].is("nulls") { // IGNORE NULLS stands inside the parentheses in DuckDB
		inner = append(inner, suffix[0], suffix[1])
		suffix = suffix[2:]
	}
	tail, err := r.expr(suffix)
	if err != nil {
		return nil, err
	}
	return append([]Node{fn, group(inner...)}, tail...), nil
}

// sessionValue replaces functions that ask about the session.
func (r *rewriter) sessionValue(fn string, args []Node) ([]Node, bool) {
	var v Node
	num := func(n int64) Node { return Node{Token: Token{Kind: Num, Text: strconv.FormatInt(n, 10), Space: true}} }
	switch fn {
	case "pg_backend_pid":
		v = num(int64(r.env.PID))
	case "pg_last_copy_count":
		v = num(r.env.LastCopyCount)
	case "pg_last_copy_id":
		v = num(r.env.LastCopy)
	case "pg_last_unload_count":
		v = num(r.env.LastUnloadRows)
	case "pg_last_unload_id":
		v = num(r.env.LastUnload)
	case "pg_last_query_id":
		v = num(r.env.LastQuery)
	case "current_database":
		return []Node{str(r.env.Database)}, true
	case "version":
		return []Node{str(Version)}, true
	default:
		return nil, false
	}
	r.session = true
	return cast([]Node{v}, Type{Duck: "BIGINT"}), len(args) == 0
}

// Version is what SELECT version() answers.
const Version = "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.0 (embedded)"

// castCall rewrites CAST(x AS type).
func (r *rewriter) castCall(args []Node) ([]Node, error) {
	for i := len(args) - 1; i > 0; i-- {
		if !args[i].is("as") {
			continue
		}
		t, n, ok, err := readType(args[i+1:])
		if err != nil {
			return nil, err
		}
		if !ok || i+1+n != len(args) {
			return nil, &Error{Code: "42704", Msg: fmt.Sprintf("type %q does not exist", sql(args[i+1:]))}
		}
		operand, err := r.query(args[:i], false)
		if err != nil {
			return nil, err
		}
		return cast(operand, t), fraction(operand, t)
	}
	return nil, Syntaxf("syntax error in CAST(%s)", sql(args))
}

// convert rewrites CONVERT(type, x).
func (r *rewriter) convert(args []Node) ([]Node, error) {
	parts := split(args, ",")
	if len(parts) != 2 {
		return nil, Syntaxf("CONVERT takes a type and an expression")
	}
	return r.castCall(append(append(append([]Node{}, parts[1]...), word("as")), parts[0]...))
}

// decode is CASE that takes NULL for equal to NULL (RSD r_DECODE_expression).
func (r *rewriter) decode(args []Node) ([]Node, error) {
	parts := split(args, ",")
	if len(parts) < 3 {
		return nil, Syntaxf("DECODE takes an expression, and pairs of a value and a result")
	}
	for i := range parts {
		p, err := r.query(parts[i], false)
		if err != nil {
			return nil, err
		}
		parts[i] = []Node{group(p...)}
	}
	out := []Node{word("case")}
	i := 1
	for ; i+1 < len(parts); i += 2 {
		out = append(append(out, word("when")), parts[0]...)
		out = append(append(out, text("is not distinct from")...), parts[i]...)
		out = append(append(out, word("then")), parts[i+1]...)
	}
	if i < len(parts) {
		out = append(append(out, word("else")), parts[i]...)
	}
	return []Node{group(append(out, word("end"))...)}, nil
}

// listagg(x [, sep]) [WITHIN GROUP (ORDER BY …)] is string_agg(x, sep ORDER BY …).
func (r *rewriter) listagg(args, suffix []Node) ([]Node, error) {
	if len(split(args, ",")) < 2 {
		args = append(append([]Node{}, args...), op(","), str(""))
	}
	if len(suffix) >= 3 && suffix[0].is("within") {
		args = append(append([]Node{}, args...), suffix[2].Group...)
		suffix = suffix[3:]
	}
	return r.plain(word("string_agg"), args, suffix)
}

func (r *rewriter) ratio(args, suffix []Node) ([]Node, error) {
	total, err := r.plain(word("sum"), args, suffix)
	if err != nil {
		return nil, err
	}
	one, err := r.query(args, false)
	if err != nil {
		return nil, err
	}
	div := append(cast(one, Type{Duck: "DOUBLE"}), op("/"))
	return []Node{group(append(div, total...)...)}, nil
}

// quotePart makes the bare date part of DATEADD(day, …) a string, and gives
// the literals after it a type.
func quotePart(args []Node) []Node {
	parts := split(args, ",")
	for i, p := range parts {
		if len(p) != 1 {
			continue
		}
		switch n := p[0]; {
		case i == 0 && (n.name() || n.Kind == Str):
			parts[i] = []Node{str(partName(n.Text))}
		case i > 0 && n.Kind == Str && numeric.MatchString(n.Text):
			n.Kind = Num
			parts[i] = []Node{group(n)}
		case i > 0 && n.Kind == Str:
			parts[i] = cast(p, Type{Duck: "TIMESTAMP"})
		}
	}
	return join(parts)
}

// join is the opposite of split, at commas.
func join(parts [][]Node) []Node {
	var out []Node
	for i, p := range parts {
		if i > 0 {
			out = append(out, op(","))
		}
		out = append(out, p...)
	}
	return out
}

// partName gives DuckDB's name of a date part (RSD r_Dateparts_for_datetime_functions).
func partName(p string) string {
	short := map[string]string{
		"y": "year", "yr": "year", "yrs": "year", "years": "year",
		"qtr": "quarter", "qtrs": "quarter", "quarters": "quarter",
		"mon": "month", "mons": "month", "months": "month",
		"w": "week", "weeks": "week", "d": "day", "days": "day",
		"h": "hour", "hr": "hour", "hrs": "hour", "hours": "hour",
		"m": "minute", "min": "minute", "mins": "minute", "minutes": "minute",
		"s": "second", "sec": "second", "secs": "second", "seconds": "second",
		"ms": "millisecond", "msec": "millisecond", "msecs": "millisecond", "msecond": "millisecond", "mseconds": "millisecond", "milliseconds": "millisecond",
		"us": "microsecond", "microsec": "microsecond", "microsecs": "microsecond", "microseconds": "microsecond",
		"weekday": "dow", "dayofweek": "dow", "dayofyear": "doy", "dw": "dow", "dy": "doy", "yearday": "doy",
	}
	if long, ok := short[strings.ToLower(p)]; ok {
		return long
	}
	return strings.ToLower(p)
}
