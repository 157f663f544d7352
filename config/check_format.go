package config

import (
	"slices"
	"strings"
)

// checkFormat checks how the objects of a load are written.
func (c *pipelineCheck) checkFormat(l *Load, at string) {
	f, path := l.Format, at+".format"
	n := 0
	for _, is := range []bool{f.CSV != nil, f.JSON != nil, f.Parquet != nil} {
		if is {
			n++
		}
	}
	switch {
	case n == 0:
		c.report(path, "write format: {csv: {header: true}}, {json: {}} or {parquet: {}}", "is missing")
	case n > 1:
		c.report(path, "load each into its own step, or keep one", "names %d formats: one COPY reads one", n)
	case f.CSV != nil:
		c.checkCSV(f.CSV, path+".csv")
	case f.JSON != nil:
		c.checkJSON(f.JSON, path+".json")
	case f.Parquet != nil:
		c.checkInvalidChars(path+".parquet", f.Parquet.AcceptInvChars)
	}
	c.checkCompression(l, at)
}

func (c *pipelineCheck) checkCompression(l *Load, at string) {
	if !c.has(at + ".compression") {
		return
	}
	switch {
	case l.Compression == "lzop":
		c.report(at+".compression", "write gzip, zstd or bzip2", "lzop is not supported: the embedded cloud cannot read it")
	case !slices.Contains(Compressions, l.Compression):
		c.report(at+".compression", didYouMean(l.Compression, Compressions), "%s is not known", quote(l.Compression))
	case l.Format.Parquet != nil && l.Compression != "auto":
		c.report(at+".compression", "leave it out: a Parquet file is compressed inside and says so itself", "COPY takes no compression for parquet")
	}
}

func (c *pipelineCheck) checkCSV(f *CSV, path string) {
	c.checkCharacter(path+".delimiter", f.Delimiter, `write one character: ";", "|" or "\t"`, "cannot part fields", `"`)
	c.checkCharacter(path+".quote", f.Quote, `write one character: "'"`, "cannot quote a field", "\t")
	delimiter, quoted := f.Delimiter, f.Quote
	if delimiter == "" {
		delimiter = ","
	}
	if quoted == delimiter {
		c.report(path+".quote", "choose two characters", "is the delimiter too")
	}
	switch {
	case f.IgnoreHeaderLines < 0:
		c.report(path+".ignore_header_lines", "write how many lines of each object are no data", "is negative")
	case f.Header && c.has(path+".ignore_header_lines"):
		c.report(path+".ignore_header_lines", "keep one of them: header: true skips one line", "header says how many lines are skipped already")
	}
	if strings.ContainsAny(f.NullAs, "\n\r") {
		c.report(path+".null_as", "the end of a line ends the row", "holds the end of a line")
	}
	c.checkTexts(path, f.DateFormat, f.TimeFormat, f.Encoding, f.AcceptInvChars)
	c.checkAnyDate(path, f.AcceptAnyDate, f.DateFormat)
}

func (c *pipelineCheck) checkJSON(f *JSON, path string) {
	if c.has(path+".paths") && f.Paths != "auto" && f.Paths != "auto ignorecase" {
		bucket, key, ok := strings.Cut(strings.TrimPrefix(f.Paths, "s3://"), "/")
		if !strings.HasPrefix(f.Paths, "s3://") || !ok || bucket == "" || key == "" || strings.HasSuffix(key, "/") {
			c.report(path+".paths", "write auto, auto ignorecase, or the file: s3://bucket/paths/events.jsonpaths", "%s says not where a column's value is", quote(f.Paths))
		}
	}
	c.checkTexts(path, f.DateFormat, f.TimeFormat, f.Encoding, f.AcceptInvChars)
	c.checkAnyDate(path, f.AcceptAnyDate, f.DateFormat)
}

// checkTexts checks what CSV and JSON have in common.
func (c *pipelineCheck) checkTexts(path, date, times, encoding, invalid string) {
	if c.has(path+".date_format") && !isDateFormat(date) {
		c.report(path+".date_format", "write auto, or with YYYY, MM, DD: DD.MM.YYYY", "%s is no format of a date", quote(date))
	}
	if c.has(path+".time_format") && times != "epochsecs" && times != "epochmillisecs" && !isDateFormat(times) {
		c.report(path+".time_format", "write auto, epochsecs, epochmillisecs, or YYYY-MM-DD HH24:MI:SS", "%s is no format of a time", quote(times))
	}
	if c.has(path+".encoding") && !slices.Contains(Encodings, encoding) {
		c.report(path+".encoding", didYouMean(strings.ToUpper(strings.ReplaceAll(encoding, "-", "")), Encodings), "%s is not an encoding that COPY reads", quote(encoding))
	}
	c.checkInvalidChars(path, invalid)
}

// isDateFormat says whether a format has at least a year, or is auto. The rest
// is for COPY to judge.
// https://docs.aws.amazon.com/redshift/latest/dg/r_DATEFORMAT_and_TIMEFORMAT_strings.html
func isDateFormat(s string) bool {
	return s == "auto" || strings.Contains(strings.ToUpper(s), "YY") && !strings.ContainsAny(s, "\r\n\x00")
}

func (c *pipelineCheck) checkInvalidChars(path, with string) {
	c.checkCharacter(path+".accept_inv_chars", with, `write the character that stands for what is no UTF-8: "?"`, "cannot stand for another", "")
}

// checkAnyDate wants what COPY's documentation asks for: ACCEPTANYDATE always
// with DATEFORMAT.
func (c *pipelineCheck) checkAnyDate(path string, any bool, date string) {
	if any && date == "" {
		c.report(path+".accept_any_date", "write date_format: auto beside it", "says not which dates are good: it goes with date_format")
	}
}

// checkCharacter wants one printable ASCII character, or a tab.
func (c *pipelineCheck) checkCharacter(path, s, hint, what, but string) {
	if c.has(path) && (len(s) != 1 || s[0] < ' ' && s[0] != '\t' || s[0] > '~' || strings.Contains(but, s)) {
		c.report(path, hint, "%s "+what, quote(s))
	}
}

// checkMode checks how a load's rows and those of the table come together, and
// the keys that only some modes take.
func (c *pipelineCheck) checkMode(l *Load, at string, dated bool) {
	c.oneOf(at+".mode", l.Mode, "append", "replace", "upsert")
	c.checkKey(l, at)
	if c.has(at + ".max_errors") {
		switch {
		case l.MaxErrors < 1 || l.MaxErrors > maxErrors:
			c.report(at+".max_errors", "leave it out: then no row may be refused", "%d: COPY takes 1 to 99999", l.MaxErrors)
		case l.Format.Parquet != nil || l.Reads != "":
			c.report(at+".max_errors", "leave it out: a Parquet file is loaded whole or not at all", "COPY takes no max_errors for parquet")
		}
	}
	c.checkPartitionColumn(l, at, dated)
	c.checkOnChange(l, at, dated)
}

// maxErrors is one less than COPY's own limit, at which it fails already.
// https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-load.html#copy-maxerror
const maxErrors = 99_999

// checkKey checks the columns by which an upsert finds a row again.
func (c *pipelineCheck) checkKey(l *Load, at string) {
	path := at + ".key"
	switch {
	case l.Mode == "upsert" && len(l.Key) == 0:
		c.report(path, "write key: [id], the columns that tell one row from another", "is missing: an upsert replaces the rows with the same key")
	case l.Mode != "upsert" && c.has(path):
		c.report(path, "write mode: upsert, or leave the key out", "a load that does not upsert has no key")
	}
	seen := map[string]bool{}
	for i, column := range l.Key {
		c.checkColumn(path+index(i), column)
		switch {
		case seen[column]:
			c.report(path+index(i), "write it once", "%s is in the key twice", quote(column))
		case len(l.Columns) > 0 && !slices.Contains(l.Columns, column):
			c.report(path+index(i), "add it to columns", "%s is not among the columns that the files hold", quote(column))
		}
		seen[column] = true
	}
}

// checkPartitionColumn checks the column that says of which partition a row is.
func (c *pipelineCheck) checkPartitionColumn(l *Load, at string, dated bool) {
	path := at + ".partition_column"
	if !c.has(path) {
		if l.Mode == "replace" && dated {
			c.report(at+".mode", "name the column with the day: partition_column: event_date", "replace of a dated source replaces days, and nothing says of which day a row is")
		}
		return
	}
	c.checkColumn(path, l.PartitionColumn)
	switch {
	case !dated:
		c.report(path, "put {yyyy}/{mm}/{dd} into from, or leave this out", "this load has no partitions")
	case l.Mode == "upsert":
		c.report(path, "leave it out: an upsert replaces row by row", "does not fit an upsert")
	case l.Mode == "append" && l.OnChange != "replace":
		c.report(path, "write on_change: replace, or mode: replace, or leave this out", "nothing here replaces a partition")
	case len(l.Columns) > 0 && !slices.Contains(l.Columns, l.PartitionColumn):
		c.report(path, "add it to columns", "%s is not among the columns that the files hold", quote(l.PartitionColumn))
	}
}

// checkOnChange checks what becomes of an object that changed after it was
// loaded. Without partitions a changed object is new anyway.
func (c *pipelineCheck) checkOnChange(l *Load, at string, dated bool) {
	path := at + ".on_change"
	if !c.has(path) {
		return
	}
	c.oneOf(path, l.OnChange, "fail", "replace")
	switch {
	case !dated:
		c.report(path, "leave it out: an undated object that changed fails an append, and is loaded again by replace and upsert", "does not fit an undated source")
	case l.Mode == "replace":
		c.report(path, "leave it out: mode replace loads a partition anew whenever its objects differ", "does not fit mode replace")
	case l.OnChange == "replace" && l.Mode == "append" && !c.has(at+".partition_column"):
		c.report(path, "name the column with the day: partition_column: event_date", "replace takes a partition's rows out first, and nothing says of which day a row is")
	}
}
