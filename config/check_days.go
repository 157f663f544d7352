package config

import (
	"strings"
	"time"
)

// checkDated checks what says which partitions of a dated source are read.
func (c *pipelineCheck) checkDated(l *Load, p *Pattern, at string) {
	if !c.has(at + ".since") {
		c.report(at+".since", "write since: 2010-01-01, the first day there is", "is missing: a dated source needs its first day")
	} else if _, err := time.Parse(time.DateOnly, l.Since); err != nil {
		c.report(at+".since", "write year-month-day: 2010-01-01", "%s is not a day", quote(l.Since))
	}
	path := at + ".complete_when"
	marker := path + ".marker"
	switch _, folders := p.depth(); {
	case c.has(path + ".changed"):
		c.report(path+".changed", "write {day_ended: 30m}, or {marker: _SUCCESS}", "fits an undated source: a dated one has partitions that end")
	case c.has(marker) && c.has(path+".day_ended"):
		c.report(marker, "keep one of them", "a partition is complete so long after it ended, or when its marker is there")
	case c.has(marker) && (l.CompleteWhen.Marker == "" || strings.ContainsAny(l.CompleteWhen.Marker, "/*?{}")):
		c.report(marker, "write the name of an object in the partition's folder: _SUCCESS", "%s is not such a name", quote(l.CompleteWhen.Marker))
	case c.has(marker) && !folders:
		c.report(marker, "put {yyyy}/{mm}/{dd}/ before the names, without ** before it; or write {day_ended: 30m}", "the partitions of from have no folder each that a marker could lie in")
	}
	if c.has(at+".look_back") && l.LookBack < Duration(24*time.Hour) {
		c.report(at+".look_back", "write 7d: late objects of the last seven days are loaded", "%s is less than a day", l.LookBack)
	}
}

func (c *pipelineCheck) checkUndated(l *Load, at string) {
	const mend = "put {yyyy}/{mm}/{dd} into from, or leave this out"
	for _, key := range []struct{ name, what string }{
		{"since", "an undated source has no first day"},
		{"look_back", "an undated source has no days to look back"},
		{"complete_when.day_ended", "an undated source has no days that end"},
		{"complete_when.marker", "an undated source has no partitions that are marked"},
	} {
		if c.has(at + "." + key.name) {
			c.report(at+"."+key.name, mend, "%s", key.what)
		}
	}
	if path := at + ".complete_when.changed"; c.has(path) && !l.CompleteWhen.Changed {
		c.report(path, "leave it out: an undated source is loaded when it changed", "false has no meaning")
	}
}

// checkOnFail checks what becomes of a batch that fails.
func (c *pipelineCheck) checkOnFail(l *Load, at string) {
	c.oneOf(at+".on_fail", l.OnFail, "fail", "warn", "quarantine")
	if l.Mode == "replace" && l.PartitionColumn == "" && l.OnFail != "fail" {
		c.report(at+".on_fail", "leave it out: the table keeps the rows it has", "a replaced table is loaded whole or not at all: nothing of it can be left out")
	}
}
