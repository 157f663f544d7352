package config

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// unloadTakes is the one place that says which option of an unload fits which
// format. https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html: "You
// can't use PARQUET with DELIMITER, … NULL AS, HEADER, GZIP, BZIP2, or ZSTD",
// nor JSON with DELIMITER, HEADER or NULL AS.
var unloadTakes = map[string][]string{
	"parquet": {},
	"csv":     {"header", "delimiter", "null_as", "compression"},
	"json":    {"compression"},
}

// Limits of MAXFILESIZE (RSD r_UNLOAD). Parquet's is rounded down to multiples
// of 32 MB, so that less would mean nothing.
const (
	minFileMB    = 5
	minParquetMB = 32
	maxFileMB    = 6348 // 6.2 GB
)

func (c *pipelineCheck) unloadDefaults(u *Unload, at string) {
	fill(c.reader, at+".when_empty", &u.WhenEmpty, "skip")
	c.publishDefaults(&u.Publish, at)
}

// publishDefaults: whoever names a prefix wants it published.
func (c *pipelineCheck) publishDefaults(p *Publish, at string) {
	if c.has(at + ".publish.prefix") {
		p.On = true
	}
}

func (c *pipelineCheck) checkUnload(u *Unload, at string) {
	c.checkQuery(at, u.Query)
	c.oneOf(at+".when_empty", u.WhenEmpty, "skip", "run", "fail")
	if c.has(at + ".compression") {
		c.oneOf(at+".compression", u.Compression, "none", "gzip", "bzip2", "zstd")
	}
	kind := c.checkUnloadFormat(u, at)
	c.checkFiles(u, kind, at)
	c.checkPublish(u.Publish, at)
	c.checkBounds(u.Expect, at)
	for name := range u.Expect {
		if name != "rows" && name != "bytes" && name != "objects" {
			c.report(join(at+".expect", name), "an unload has rows, bytes and objects", "%s is no metric of an unload", quote(name))
		}
	}
	if len(u.Expect) > 0 && !u.Publish.On {
		c.report(at+".expect", "write publish: true; or a check step before the unload", "decides what is published, and this step publishes nothing")
	}
}

// checkUnloadFormat wants one format, and only options that it takes.
func (c *pipelineCheck) checkUnloadFormat(u *Unload, at string) (kind string) {
	n := 0
	for _, name := range []string{"parquet", "csv", "json"} {
		if c.has(at + ".format." + name) {
			n++
		}
	}
	kind, o := u.Format.Kind()
	if word := u.Format != (UnloadFormat{}); n > 1 || c.has(at+".format") && n == 0 && !word {
		c.report(at+".format", u.Format.mend(), "wants exactly one of parquet, csv and json")
		return kind
	}
	refuse := func(path, option string) {
		if c.has(path) && !slices.Contains(unloadTakes[kind], option) {
			c.report(path, "leave it out, or write format: csv", "UNLOAD to %s takes no %s", kind, option)
		}
	}
	for _, option := range []string{"header", "delimiter", "null_as"} {
		refuse(at+".format."+kind+"."+option, option)
	}
	if u.Compression != "none" && c.has(at+".compression") {
		refuse(at+".compression", "compression")
	}
	path, d := at+".format.csv.delimiter", o.Delimiter
	if kind == "csv" && c.has(path) && (len(d) != 1 || d[0] < ' ' && d[0] != '\t' || d[0] > '~' || d == `"`) {
		c.report(path, `write one character: ";", "|" or "\t"`, "%s cannot part fields", quote(d))
	}
	return kind
}

var ordered = regexp.MustCompile(`^(\S+)( (asc|desc))?$`)

// checkFiles checks how the rows are shared out among files.
func (c *pipelineCheck) checkFiles(u *Unload, kind, at string) {
	for i, column := range u.PartitionBy {
		c.checkColumn(at+".partition_by"+index(i), column)
		if slices.Index(u.PartitionBy, column) < i {
			c.report(at+".partition_by"+index(i), "", "%s is listed twice", quote(column))
		}
	}
	for i, by := range u.OrderBy {
		m := ordered.FindStringSubmatch(by)
		if m == nil || !isIdentifier(m[1]) {
			c.report(at+".order_by"+index(i), "write a column, or a column and desc: [user_id, rating desc]", "%s is not a column to order by", quote(by))
		}
	}
	size := at + ".max_file_size"
	least := Size(minFileMB)
	if kind == "parquet" {
		least = minParquetMB
	}
	switch {
	case len(u.OrderBy) > 0 && !u.SingleFile:
		c.report(at+".order_by", "write single_file: true", "rows of files that are written side by side have no order")
	case u.SingleFile && len(u.PartitionBy) > 0:
		c.report(at+".single_file", "keep one of them", "partition_by writes a file for each partition at least")
	}
	switch {
	case !c.has(size):
	case u.SingleFile:
		c.report(size, "keep one of them", "single_file leaves nothing to share out")
	case u.MaxFileSize < least || u.MaxFileSize > maxFileMB:
		c.report(size, "", "%s: a file of %s has %s to 6.2GB", u.MaxFileSize, kind, least)
	}
}

// checkPublish checks where copies are published.
func (c *pipelineCheck) checkPublish(p Publish, at string) {
	at += ".publish"
	if c.has(at+".keep") && !c.has(at+".prefix") {
		c.report(at+".keep", "write {prefix: s3://bucket/folder/, keep: 30d}", "says how long dates stay under a prefix, and there is none")
	}
	if c.has(at+".keep") && p.Keep < Duration(24*time.Hour) {
		c.report(at+".keep", "write keep: 1d, or leave it out to keep all", "%s: dates are kept for a day at least, so that no reader loses what it reads", p.Keep)
	}
	if p.Prefix == "" {
		if c.has(at) && (c.has(at+".prefix") || !p.On && !p.Off) {
			c.report(at, "write true, or {prefix: s3://bucket/folder/, keep: 30d}", "names no prefix")
		}
		return
	}
	bucket, folder, _ := strings.Cut(strings.TrimPrefix(p.Prefix, "s3://"), "/")
	switch {
	case !strings.HasPrefix(p.Prefix, "s3://"), bucket == "", folder == "", !strings.HasSuffix(folder, "/"):
		c.report(at+".prefix", "write s3://bucket/folder/, with the slash at its end", "%s is not a folder in S3", quote(p.Prefix))
	case strings.Contains(folder, "//"), strings.HasPrefix(folder, "/"), strings.ContainsFunc(folder, func(r rune) bool { return r < ' ' || r == 0x7f }):
		c.report(at+".prefix", "", "%s holds an empty folder or a control character", quote(p.Prefix))
	case strings.Contains(folder, "{"):
		c.report(at+".prefix", "dates are folders of it: PREFIX/date=2026-11-21/", "%s: a prefix is the same every night", quote(p.Prefix))
	case len(folder) > 512:
		c.report(at+".prefix", "keys have room for 1024 bytes with the names of files and dates", "is %d bytes long: at most 512", len(folder))
	}
}

// checkPrefixes refuses two steps that publish into one another: each prunes
// its own dates.
func (c *pipelineCheck) checkPrefixes() {
	for i, s := range c.p.Steps {
		for j := range i {
			a, b := s.publishes().Prefix, c.p.Steps[j].publishes().Prefix
			if a != "" && b != "" && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) {
				c.report(c.paths[i]+".publish.prefix", "give each step a folder of its own", "lies in, or holds, that of the step %s", c.p.Steps[j].Name)
			}
		}
	}
}

// publishes is where and whether a step publishes its dataset.
func (s Step) publishes() Publish {
	switch {
	case s.Unload != nil:
		return s.Unload.Publish
	case s.Spark != nil:
		return s.Spark.Publish
	}
	return Publish{}
}

// checkRead refuses a dataset in a format that its reader cannot take. Shipped
// jobs, loads and SQL of Spark take Parquet; a program of the user's own is
// given the place and knows what it reads.
func (c *pipelineCheck) checkRead(at, name, reader string) {
	for _, s := range c.p.Steps {
		if s.Name != name || s.Unload == nil {
			continue
		}
		if kind, _ := s.Unload.Format.Kind(); kind != "parquet" {
			c.report(at, "leave format out of "+name+": Parquet is what every reader of a pipeline takes", "%s is %s, and %s takes Parquet", quote(name), kind, reader)
		}
		if len(s.Unload.PartitionBy) > 0 && reader == "a load" {
			c.report(at, "leave partition_by out of "+name, "%s is partitioned: its files lack the columns that its folders name", quote(name))
		}
	}
}
