package config

// Locator knows where the values of a pipeline file stand: for whoever looks
// deeper into them than this package may, into SQL or a job's arguments.
type Locator struct{ c *pipelineCheck }

// Locate reads the places of a pipeline file. name is what messages call it.
// Of a file that cannot be read it knows the beginning only.
func Locate(name string, data []byte) Locator {
	c := &pipelineCheck{reader: newReader(name, data), p: &Pipeline{}}
	if root := c.parse(); root != nil {
		c.readPipeline(root)
	}
	return Locator{c}
}

// Problem places what is wrong with the value of a path (steps.ratings.query),
// or with the nearest thing that holds it. line is that of the value's own
// text, from 1, where the value is one of many lines; 0 is its beginning.
func (l Locator) Problem(path string, line int, what, hint string) Problem {
	at := l.c.place(path)
	if first, block := l.c.blocks[path]; block && line > 0 {
		at = place{first + line - 1, 1}
	}
	return Problem{File: l.c.file, Line: at.line, Column: at.column, Path: path, What: what, Hint: hint}
}

// Err is the problems as an error, ordered by place; nil when there are none.
func (ps Problems) Err() error { return ps.err() }
