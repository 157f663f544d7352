package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

func index(i int) string { return fmt.Sprintf("[%d]", i) }

// checkLoad checks a load: its source, its table and its checks.
func (c *pipelineCheck) checkLoad(i int, l *Load, at string) {
	if !c.has(at + ".into") {
		// it is the step's name, which was looked at
	} else if !isTable(l.Into) {
		c.report(at+".into", "write table or schema.table, each in lower-case letters, digits and underscores, at most 63", "%s is not the name of a table", quote(l.Into))
	} else if strings.HasPrefix(l.Into, "lamplighter.") {
		c.report(at+".into", "choose another schema", "the schema lamplighter holds the ledger")
	}
	from, reads := c.has(at+".from"), c.has(at+".reads")
	switch {
	case from && reads:
		c.report(at+".reads", "keep one of them", "a load has one source: from or reads")
	case from:
		c.checkFrom(l, at)
	case reads:
		c.checkReads(i, l, at)
	default:
		c.report(at, "write from: s3://bucket/folder/{yyyy}/{mm}/{dd}/*.csv, or reads: with the name of a dataset", "has no source")
	}
	c.checkMode(l, at, from && isDated(l.From))
	for j, column := range l.Columns {
		c.checkColumn(at+".columns"+index(j), column)
	}
	c.checkChecks(l, at)
	if c.has(at + ".on_fail") {
		c.checkOnFail(l, at)
	}
}

// checkFrom checks a load from S3.
func (c *pipelineCheck) checkFrom(l *Load, at string) {
	p, err := ParsePattern(l.From)
	if err != nil {
		var h *hinted
		errors.As(err, &h)
		c.report(at+".from", h.hint, "%s", h.what)
	} else if p.Dated() {
		c.checkDated(l, p, at)
	} else {
		c.checkUndated(l, at)
	}
	c.checkFormat(l, at)
}

// isDated says whether a source has partitions; not when it cannot be read.
func isDated(from string) bool {
	p, err := ParsePattern(from)
	return err == nil && p.Dated()
}

// folderName is a folder that a Spark job writes within its dataset.
var folderName = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$`)

// checkReads checks a load of a dataset that this run writes, or of one of its
// folders. It is Parquet, and as dated as the run.
func (c *pipelineCheck) checkReads(i int, l *Load, at string) {
	c.checkDataset(i, at+".reads", l.Reads, "a load")
	for _, key := range []string{"since", "complete_when", "fresh", "format", "compression"} {
		if c.has(at + "." + key) {
			c.report(at+"."+key, "leave it out", "does not fit a load that reads a dataset of this run")
		}
	}
}

func (c *pipelineCheck) checkColumn(at, name string) {
	if !isIdentifier(name) {
		c.report(at, "lower-case letters, digits and underscores, at most 63", "%s is not the name of a column", quote(name))
	}
}
