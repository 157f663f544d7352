package config

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// place is a line and a column, both from 1. The zero place is the whole file.
type place struct{ line, column int }

// reader reads one file strictly into structs and remembers where everything
// stood, so that later checks can say it.
type reader struct {
	file     string
	data     []byte
	lines    [][]byte
	places   map[string]place // by path
	blocks   map[string]int   // first line of the text of a path written with |
	broken   map[string]bool  // paths that could not be read: later checks say no more about them
	problems Problems
}

func newReader(file string, data []byte) *reader {
	return &reader{file: file, data: data, lines: bytes.Split(data, []byte("\n")), places: map[string]place{}, blocks: map[string]int{}, broken: map[string]bool{}}
}

// add reports a problem at a place, moved into the file if it lies outside.
func (r *reader) add(at place, path, hint, format string, args ...any) {
	if at.line > 0 {
		at.line = min(at.line, len(r.lines))
		at.column = max(1, min(at.column, utf8.RuneCount(r.lines[at.line-1])+1))
	}
	r.problems = append(r.problems, Problem{File: r.file, Line: at.line, Column: at.column, Path: path, What: fmt.Sprintf(format, args...), Hint: hint})
}

// wrong reports a value that cannot be read.
func (r *reader) wrong(n ast.Node, path, hint, format string, args ...any) {
	r.broken[path] = true
	r.add(placeOf(n), path, hint, format, args...)
}

// report adds a problem of a value that was read, unless it, what holds it or
// what it holds is broken and was reported already. What is missing is
// reported where its nearest holder stands.
func (r *reader) report(path, hint, format string, args ...any) {
	for b := range r.broken {
		if within(path, b) || within(b, path) {
			return
		}
	}
	r.add(r.place(path), path, hint, format, args...)
}

// place is where a path stands, or the nearest thing that holds it.
func (r *reader) place(path string) place {
	for p := path; p != ""; p = p[:max(0, strings.LastIndexAny(p, ".["))] {
		if at, ok := r.places[p]; ok {
			return at
		}
	}
	return place{1, 1}
}

// has says whether the file holds a path.
func (r *reader) has(path string) bool { _, ok := r.places[path]; return ok }

// within says whether path is holder or lies in it.
func within(path, holder string) bool {
	rest, ok := strings.CutPrefix(path, holder)
	return ok && (rest == "" || holder == "" || rest[0] == '.' || rest[0] == '[')
}

// join is the path of a key of a mapping.
func join(path, key string) string {
	switch {
	case !identifier.MatchString(key):
		return path + "[" + quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// pair is one key of a mapping and its value.
type pair struct {
	key   string
	at    ast.Node // the key
	value ast.Node
}

// pairs are the keys of a mapping in the file's order, each once; ok is false,
// and the problem reported, when n is no mapping.
func (r *reader) pairs(n ast.Node, path string) (list []pair, ok bool) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.wrong(n, path, "write {key: value}, or one key to a line", "wants keys and values, not %s", describe(n))
		return nil, false
	}
	seen := map[string]place{}
	for it := m.MapRange(); it.Next(); {
		key := it.Key().GetToken().Value
		if first, twice := seen[key]; twice {
			r.wrong(it.Key(), join(path, key), "", "is written twice; the first is in line %d", first.line)
			continue
		}
		seen[key] = placeOf(it.Key())
		list = append(list, pair{key, it.Key(), it.Value()})
	}
	return list, true
}

// read reads a node into v. lenient lets text fields take other scalars.
func (r *reader) read(n ast.Node, path string, v reflect.Value, lenient bool) {
	r.places[path] = placeOf(n)
	if _, null := n.(*ast.NullNode); null {
		r.wrong(n, path, "write a value, {} for an empty one, or leave the key out", "has no value")
		return
	}
	if d, ok := v.Addr().Interface().(*Duration); ok {
		r.duration(n, path, d)
		return
	}
	if value, ok := v.Addr().Interface().(*Scalar); ok {
		r.value(n, path, value)
		return
	}
	if raw, kind := written(n); kind != other {
		if s, ok := v.Addr().Interface().(shorthand); ok {
			if what := s.short(raw, kind); what != "" {
				r.wrong(n, path, s.mend(), "wants %s, not %s", what, describe(n))
			}
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.read(n, path, v.Elem(), lenient)
	case reflect.Struct:
		r.object(n, path, v)
	case reflect.Map:
		r.dictionary(n, path, v, lenient)
	case reflect.Slice, reflect.Array:
		r.list(n, path, v, lenient)
	case reflect.Interface:
		if value := r.anything(n, path); value != nil {
			v.Set(reflect.ValueOf(value))
		}
	default:
		r.scalar(n, path, v, lenient)
	}
}

// shorthand is a type that may be written as one word or number in the place
// of keys and values: format: csv, publish: true, max_file_size: 64MB.
type shorthand interface {
	// short takes the word, or says what was wanted.
	short(raw string, kind writing) (wants string)
	// mend is how to write it.
	mend() string
}

// object reads a mapping into a struct by its yaml tags.
func (r *reader) object(n ast.Node, path string, v reflect.Value) {
	list, _ := r.pairs(n, path)
	r.fields(list, path, v)
}

// fields reads pairs into a struct; keys that it does not have are problems.
func (r *reader) fields(list []pair, path string, v reflect.Value) {
	known := map[string]int{}
	var names []string
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("yaml"); name != "-" {
			known[name] = i
			names = append(names, name)
		}
	}
	for _, p := range list {
		at := join(path, p.key)
		i, ok := known[p.key]
		if !ok {
			r.unknown(p, at, v.Type().Name(), names)
			continue
		}
		r.read(p.value, at, v.Field(i), v.Type().Field(i).Tag.Get("read") == "scalar")
	}
}

// unknown reports a key that a struct does not have.
func (r *reader) unknown(p pair, path, holder string, names []string) {
	if mend, ok := later[holder+"."+p.key]; ok {
		r.wrong(p.at, path, mend, "is not supported yet")
		return
	}
	if what, mend := misplaced(holder, p.key); what != "" {
		r.wrong(p.at, path, mend, "%s", what)
		return
	}
	if len(names) == 0 {
		r.wrong(p.at, path, "", "is not known here")
		return
	}
	r.wrong(p.at, path, didYouMean(p.key, names), "is not known here")
}

// dictionary reads a mapping whose keys the user chooses.
func (r *reader) dictionary(n ast.Node, path string, v reflect.Value, lenient bool) {
	list, ok := r.pairs(n, path)
	if !ok {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range list {
		value := reflect.New(v.Type().Elem()).Elem()
		r.read(p.value, join(path, p.key), value, lenient)
		v.SetMapIndex(reflect.ValueOf(p.key), value)
	}
}

// list reads a sequence into a slice, or into an array of exactly its length.
func (r *reader) list(n ast.Node, path string, v reflect.Value, lenient bool) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.wrong(n, path, "write [a, b], or one `- item` to a line", "wants a list, not %s", describe(n))
		return
	}
	if v.Kind() == reflect.Array && len(s.Values) != v.Len() {
		r.wrong(n, path, "", "wants exactly %d items, not %d", v.Len(), len(s.Values))
		return
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	}
	for i, item := range s.Values {
		r.read(item, fmt.Sprintf("%s[%d]", path, i), v.Index(i), lenient)
	}
}

// scalar reads text, a number or a boolean. It looks at how the token is
// written, never at what the YAML library takes it for.
func (r *reader) scalar(n ast.Node, path string, v reflect.Value, lenient bool) {
	raw, kind := written(n)
	if block, ok := n.(*ast.LiteralNode); ok && block.Start.Type == token.LiteralType {
		r.blocks[path] = r.places[path].line + 1
	}
	switch v.Kind() {
	case reflect.String:
		if kind == text || lenient && kind != other {
			v.SetString(raw)
			r.noEnvironment(n, path, raw)
		} else if kind == other {
			r.wrong(n, path, "", "wants text, not %s", describe(n))
		} else {
			r.wrong(n, path, fmt.Sprintf("quote it: %q", raw), "wants text, not %s", describe(n))
		}
	case reflect.Bool:
		if b, err := strconv.ParseBool(raw); err == nil && kind == boolean {
			v.SetBool(b)
		} else {
			r.wrong(n, path, "", "wants true or false, not %s", describe(n))
		}
	case reflect.Int, reflect.Int64:
		if i, err := strconv.ParseInt(raw, 10, 64); err == nil && kind == number && plainNumber(raw) {
			v.SetInt(i)
		} else {
			r.wrong(n, path, "", "wants a whole number, not %s", describe(n))
		}
	case reflect.Float64:
		if f, err := strconv.ParseFloat(raw, 64); err == nil && kind == number && plainNumber(raw) {
			v.SetFloat(f)
		} else {
			r.wrong(n, path, "", "wants a number, not %s", describe(n))
		}
	default:
		panic("config: no way to read a " + v.Type().String())
	}
}

func (r *reader) duration(n ast.Node, path string, into *Duration) {
	raw, kind := written(n)
	if kind == other || kind == boolean {
		r.wrong(n, path, "", "wants a duration such as %s, not %s", durationForms, describe(n))
		return
	}
	d, err := ParseDuration(raw)
	if err != nil {
		r.wrong(n, path, "", "%s", err)
		return
	}
	*into = d
}

// value reads a value for SQL, of whatever kind it is written as.
func (r *reader) value(n ast.Node, path string, into *Scalar) {
	raw, kind := written(n)
	switch {
	case kind == text:
		r.noEnvironment(n, path, raw)
		*into = Scalar{Text: raw, Kind: ScalarText}
	case kind == boolean:
		*into = Scalar{Text: raw, Kind: ScalarBoolean}
	case kind == number && plainNumber(raw):
		*into = Scalar{Text: raw, Kind: ScalarNumber}
	default:
		r.wrong(n, path, "quote what is text; write numbers in plain digits", "wants text, a number, true or false, not %s", describe(n))
	}
}

// anything reads a value of the user's own form: text, float64, bool, list or
// mapping, as JSON would give it back.
func (r *reader) anything(n ast.Node, path string) any {
	switch n := n.(type) {
	case ast.MapNode:
		m := map[string]any{}
		r.dictionary(n.(ast.Node), path, reflect.ValueOf(&m).Elem(), false)
		return m
	case *ast.SequenceNode:
		var s []any
		r.list(n, path, reflect.ValueOf(&s).Elem(), false)
		return s
	}
	raw, kind := written(n)
	switch kind {
	case text:
		r.noEnvironment(n, path, raw)
		return raw
	case boolean:
		return raw == "true"
	case number:
		var f float64
		r.scalar(n, path, reflect.ValueOf(&f).Elem(), false)
		return f
	}
	r.wrong(n, path, "", "cannot be read: %s", describe(n))
	return nil
}

// How a scalar is written.
type writing int

const (
	other writing = iota // not a scalar that is read
	text
	number
	boolean
)

// written is a scalar's characters and what they look like.
func written(n ast.Node) (raw string, kind writing) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, text
	case *ast.LiteralNode:
		return n.Value.Value, text
	case *ast.IntegerNode:
		return n.Token.Value, number
	case *ast.FloatNode:
		return n.Token.Value, number
	case *ast.BoolNode:
		return strings.ToLower(n.Token.Value), boolean
	}
	return "", other
}

// plainNumber refuses the notations that YAML libraries disagree about.
func plainNumber(raw string) bool {
	digits := strings.TrimPrefix(raw, "-")
	octal := len(digits) > 1 && digits[0] == '0' && digits[1] != '.'
	f, err := strconv.ParseFloat(raw, 64)
	return err == nil && !octal && !strings.ContainsAny(raw, "_+xXpP") && !math.IsInf(f, 0)
}

// describe names what a node is, for a message that says what was found.
func describe(n ast.Node) string {
	raw, kind := written(n)
	switch {
	case kind == text:
		return "the text " + quote(raw)
	case kind == boolean:
		return short(raw)
	case kind == number:
		if t := n.GetToken().Type; t == token.OctetIntegerType {
			return fmt.Sprintf("the number %s, which YAML reads as octal", short(raw))
		} else if !plainNumber(raw) {
			return short(raw) + ", which is not written in plain digits"
		}
		return "the number " + short(raw)
	}
	switch n.(type) {
	case ast.MapNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	}
	return "this"
}
