package config

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// checkSteps checks each step and what they say of each other.
func (c *pipelineCheck) checkSteps() {
	if len(c.p.Steps) == 0 {
		c.report("steps", "write one `- load: ratings` to a step", "there is nothing to do")
	}
	for i := range c.p.Steps {
		s, at := &c.p.Steps[i], c.paths[i]
		c.checkSection(*s, at)
		for j, name := range s.Needs {
			c.earlier(i, at+".needs"+index(j), name, "")
		}
		switch {
		case s.Load != nil:
			c.checkLoad(i, s.Load, at)
		case s.SQL != nil:
			c.checkScript(s.SQL, at)
		case s.Check != nil:
			c.checkQuery(at, s.Check.Query)
			if !c.has(at + ".expect") {
				c.report(at+".expect", "write expect: 0", "is missing")
			}
			if c.has(at + ".severity") {
				c.oneOf(at+".severity", s.Check.Severity, "error", "warn")
			}
		case s.Unload != nil:
			c.checkUnload(s.Unload, at)
		case s.Spark != nil:
			c.checkJob(i, s.Spark, at)
		}
	}
	c.checkReplaced()
	c.checkPrefixes()
}

// checkSection wants the section that a step's kind stands on.
func (c *pipelineCheck) checkSection(s Step, at string) {
	for _, k := range kinds {
		if k.name != s.Kind || c.has(k.on) {
			continue
		}
		mend := "write warehouse: {engine: {provisioned: {node_type: ra3.large, nodes: 2}}}"
		if k.on == "spark" {
			mend = "write spark: {engine: {emr: {release: emr-7.10.0, primary: m6g.xlarge, workers: {types: [m6g.xlarge], count: 2}}}}"
		}
		c.report(at, mend, "a step of kind %s needs the section %s, which is missing", s.Kind, k.on)
	}
}

// earlier checks a name in `reads` or `needs` of step i: it must be a step
// listed before it, which also rules out circles. When dataset is not "", it
// says what reads, and the step must write a dataset.
func (c *pipelineCheck) earlier(i int, at, name, dataset string) {
	var before, after []string
	for j, s := range c.p.Steps {
		if j < i && (dataset == "" || s.Unload != nil || s.Spark != nil) {
			before = append(before, s.Name)
		} else if j > i {
			after = append(after, s.Name)
		}
	}
	switch {
	case slices.Contains(before, name):
	case name == c.p.Steps[i].Name:
		c.report(at, "", "a step cannot wait for itself")
	case slices.Contains(after, name):
		c.report(at, "move the step "+name+" before this one", "%s is listed after this step", quote(name))
	case slices.ContainsFunc(c.p.Steps[:i], func(s Step) bool { return s.Name == name }):
		c.report(at, "steps of kind unload and spark write datasets; needs: ["+name+"] only waits for it", "%s writes no dataset that %s can read", quote(name), dataset)
	case len(before) == 0:
		c.report(at, "", "there is no step %s before this one", quote(name))
	default:
		c.report(at, didYouMean(name, before), "there is no step %s before this one", quote(name))
	}
}

func (c *pipelineCheck) checkQuery(at, query string) {
	if !c.has(at + ".query") {
		c.report(at+".query", "write query: select …", "is missing")
		return
	}
	if strings.TrimSpace(query) == "" {
		c.report(at+".query", "", "is empty")
	}
	c.checkSQL(at+".query", query)
}

// oneOf wants one of a few words.
func (c *pipelineCheck) oneOf(at, word string, known ...string) {
	if !slices.Contains(known, word) {
		c.report(at, "write "+either(known), "%s is not known", quote(word))
	}
}

// checkScript reads the SQL of a step.
func (c *pipelineCheck) checkScript(s *SQL, at string) {
	file, query := c.has(at+".file"), c.has(at+".query")
	switch {
	case file && query:
		c.report(at+".query", "keep one of them", "a step has its SQL in file or in query, not in both")
	case query:
		c.checkQuery(at, s.Query)
		s.Text = s.Query
	case file:
		s.Text = string(c.readFile(at+".file", s.File))
	default:
		c.report(at, "write file: sql/x.sql, or query: …", "has no SQL")
	}
}

// readFile reads a file that the pipeline names; nil after a problem.
func (c *pipelineCheck) readFile(at, name string) []byte {
	clean := c.inside(at, name)
	if clean == "" {
		return nil
	}
	data, err := fs.ReadFile(c.files, clean)
	switch {
	case err != nil:
		c.report(at, "paths start at the folder of the pipeline file", "%s cannot be read: %s", quote(name), cause(err))
		return nil
	case !utf8.Valid(data):
		c.report(at, "save it as UTF-8", "%s is not UTF-8 text", quote(name))
	case strings.TrimSpace(string(data)) == "":
		c.report(at, "", "%s is empty", quote(name))
	}
	return data
}

// inside is a path below the pipeline's folder in the form of io/fs; "" after
// a problem.
func (c *pipelineCheck) inside(at, name string) string {
	clean := path.Clean(strings.TrimPrefix(name, "./"))
	if name == "" || !fs.ValidPath(clean) {
		c.report(at, "write a path with slashes, from the folder of the pipeline file", "%s does not lead into the pipeline's folder", quote(name))
		return ""
	}
	return clean
}

// checkReplaced refuses a second load into a table out of which one load takes
// rows that are not its own.
func (c *pipelineCheck) checkReplaced() {
	for i, s := range c.p.Steps {
		if s.Load == nil || s.Load.Mode != "replace" && s.Load.PartitionColumn == "" {
			continue
		}
		what := "all of"
		if s.Load.PartitionColumn != "" {
			what = "whole days of"
		}
		for j, other := range c.p.Steps {
			if i != j && other.Load != nil && other.Load.Into == s.Load.Into {
				c.report(c.paths[i]+".mode", "load them into two tables, or append both", "replaces %s %s, which the step %s loads too", what, quote(s.Load.Into), other.Name)
			}
		}
	}
}
