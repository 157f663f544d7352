package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// kinds are the kinds of step: which struct holds one, and what it stands on.
var kinds = []struct {
	name  string
	on    string // the section it needs: warehouse or spark
	alloc func(*Step) any
}{
	{"load", "warehouse", func(s *Step) any { s.Load = &Load{}; return s.Load }},
	{"sql", "warehouse", func(s *Step) any { s.SQL = &SQL{}; return s.SQL }},
	{"check", "warehouse", func(s *Step) any { s.Check = &Check{}; return s.Check }},
	{"unload", "warehouse", func(s *Step) any { s.Unload = &Unload{}; return s.Unload }},
	{"spark", "spark", func(s *Step) any { s.Spark = &SparkJob{}; return s.Spark }},
}

func kindNames() (names []string) {
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// readSteps reads the list of steps.
func (c *pipelineCheck) readSteps(n ast.Node) {
	c.places["steps"] = placeOf(n)
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		c.wrong(n, "steps", "write one `- load: ratings` to a step", "wants a list, not %s", describe(n))
		return
	}
	for i, item := range list.Values {
		c.readStep(item, fmt.Sprintf("steps[%d]", i))
	}
}

// readStep reads one step: one of its keys is its kind, whose value is its
// name. Until the name is known its path is its number.
func (c *pipelineCheck) readStep(n ast.Node, path string) {
	c.places[path] = placeOf(n)
	list, ok := c.pairs(n, path)
	if !ok {
		return
	}
	at := slices.IndexFunc(list, func(p pair) bool { return slices.Contains(kindNames(), p.key) && !ownKey(list, p.key) })
	if at < 0 {
		c.noKind(n, path, list)
		return
	}
	kind := kinds[slices.Index(kindNames(), list[at].key)]
	s := Step{Kind: kind.name, Line: placeOf(list[at].at).line}
	c.read(list[at].value, path+"."+kind.name, reflect.ValueOf(&s.Name).Elem(), false)
	path = c.stepPath(path, s)
	rest := slices.Delete(slices.Clone(list), at, at+1)
	rest = slices.DeleteFunc(rest, func(p pair) bool {
		switch {
		case p.key == "needs":
			c.read(p.value, path+".needs", reflect.ValueOf(&s.Needs).Elem(), false)
		case slices.Contains(kindNames(), p.key) && !ownKey(list, p.key):
			c.wrong(p.at, path+"."+p.key, "write it as a step of its own: - "+p.key+": …", "a step of kind %s cannot be a %s too", kind.name, p.key)
		default:
			return false
		}
		return true
	})
	c.fields(rest, path, reflect.ValueOf(kind.alloc(&s)).Elem())
	c.p.Steps = append(c.p.Steps, s)
	c.paths = append(c.paths, path)
}

// ownKey says that a word is not a step's kind here, though it can be one, but
// a key of the kind that stands beside it: sql of a spark step.
func ownKey(list []pair, word string) bool {
	return word == "sql" && slices.ContainsFunc(list, func(p pair) bool { return p.key == "spark" })
}

// noKind reports a step without a kind that is known.
func (c *pipelineCheck) noKind(n ast.Node, path string, list []pair) {
	c.broken[path] = true
	for _, p := range list {
		if slices.Contains(laterKinds, p.key) {
			c.wrong(p.at, join(path, p.key), "kinds now: "+strings.Join(kindNames(), ", "), "steps of the kind %s are not supported yet", p.key)
			return
		}
	}
	hint := "kinds: " + strings.Join(kindNames(), ", ")
	at := n
	if len(list) > 0 {
		at = list[0].at
		if near := nearest(list[0].key, kindNames()); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
	}
	c.wrong(at, path, hint, "has no kind")
}

// stepPath checks a step's name and returns steps.NAME; its number stays its
// path while the name is not usable.
func (c *pipelineCheck) stepPath(path string, s Step) string {
	at := path + "." + s.Kind
	switch {
	case c.broken[at]:
		return path
	case !isIdentifier(s.Name):
		c.report(at, "a lower-case letter or underscore, then letters, digits and underscores, at most 63", "%s is not a name for a step", quote(s.Name))
		return path
	}
	named := "steps." + s.Name
	if first, twice := c.places[named]; twice {
		c.report(at, "a step's name is its dataset's name too: give each its own", "%s is the name of the step in line %d already", quote(s.Name), first.line)
		return path
	}
	c.places[named] = c.places[path]
	return named
}
