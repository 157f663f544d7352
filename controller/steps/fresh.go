package steps

import (
	"encoding/json"
	"fmt"
	"strings"

	"lamplighter/config"
	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// fresh are the objects that a load has to bring, of those that its source has
// now, in their order. Of what is replaced, a table or a partition, it is all
// there is. A loaded object that changed is an error where its rows can be
// neither replaced nor told from the others.
func fresh(l *config.Load, objects []warehouse.Object, ledger []warehouse.Entry) ([]warehouse.Object, error) {
	known := make(map[string]warehouse.Entry, len(ledger))
	count := map[string]int{}
	for _, e := range ledger {
		known[e.Object.URI] = e
		count[e.Object.Partition]++
	}
	if l.Mode == warehouse.Replace && l.PartitionColumn == "" {
		if len(objects) == len(ledger) && allKnown(objects, known) {
			return nil, nil
		}
		return objects, nil
	}
	var out []warehouse.Object
	for len(objects) > 0 {
		n := 1
		for n < len(objects) && objects[n].Partition == objects[0].Partition {
			n++
		}
		part := objects[:n]
		objects = objects[n:]
		whole := l.Mode == warehouse.Replace && (count[part[0].Partition] != n || !allKnown(part, known))
		news, changed, err := news(l, part, known)
		if err != nil {
			return nil, err
		}
		if whole || changed && l.PartitionColumn != "" {
			news = part
		}
		out = append(out, news...)
	}
	return out, nil
}

// news are the objects of a partition that are not loaded as they are now;
// changed says that some were, as something else.
func news(l *config.Load, part []warehouse.Object, known map[string]warehouse.Entry) (list []warehouse.Object, changed bool, err error) {
	for _, o := range part {
		e, loaded := known[o.URI]
		if loaded && e.Object.ETag == o.ETag {
			continue
		}
		again := l.Mode == warehouse.Replace || l.OnChange == "replace" || l.Mode == warehouse.Upsert && o.Partition == ""
		if loaded && !again {
			return nil, false, warehouse.Changed(l.Into, o, e.Object.ETag, e.At)
		}
		changed = changed || loaded
		list = append(list, o)
	}
	return list, changed, nil
}

func allKnown(objects []warehouse.Object, known map[string]warehouse.Entry) bool {
	for _, o := range objects {
		if e, ok := known[o.URI]; !ok || e.Object.ETag != o.ETag {
			return false
		}
	}
	return true
}

// endings say how an object is compressed.
var endings = []struct{ end, compression string }{
	{".gz", "gzip"}, {".gzip", "gzip"}, {".zst", "zstd"}, {".zstd", "zstd"}, {".bz2", "bzip2"}, {".lzo", "lzop"}, {".lzop", "lzop"},
}

// compression is how COPY must be told that an object is compressed.
func compression(l *config.Load, uri string) string {
	switch {
	case l.Format.Parquet != nil || l.Compression == "none":
		return ""
	case l.Compression != "" && l.Compression != "auto":
		return l.Compression
	}
	for _, e := range endings {
		if strings.HasSuffix(strings.ToLower(uri), e.end) {
			return e.compression
		}
	}
	return ""
}

// replaces says that what a load brings takes the place of what is there.
func replaces(l *config.Load) bool { return l.Mode == warehouse.Replace || l.PartitionColumn != "" }

// loadable refuses batches that no COPY can read, before anything is created:
// one COPY reads one compression, and what is replaced is one transaction.
func loadable(l *config.Load, batches [][]warehouse.Object) error {
	for i, b := range batches {
		if c := compression(l, b[0].URI); c == "lzop" {
			return &resources.Fault{Class: resources.Permanent, Code: CodeRefused, Msg: b[0].URI + " is compressed by lzop, which is not supported",
				Hint: "write gzip, zstd or bzip2; or compression: none if the name lies"}
		}
		if i == 0 || !replaces(l) {
			continue
		}
		before := batches[i-1][len(batches[i-1])-1]
		if l.PartitionColumn == "" || before.Partition == b[0].Partition {
			return &resources.Fault{Class: resources.Permanent, Code: CodeRefused,
				Msg:  fmt.Sprintf("%s and %s are compressed in different ways, and are to replace the same rows: one COPY reads one way", before.URI, b[0].URI),
				Hint: "compress all objects of a partition (or of a replaced table) alike"}
		}
	}
	return nil
}

// copyFormat is a format as COPY is asked for it.
func copyFormat(f config.Format) warehouse.Format {
	switch {
	case f.CSV != nil:
		c := f.CSV
		return warehouse.Format{Kind: "csv", Header: c.Header, HeaderLines: c.IgnoreHeaderLines, Delimiter: c.Delimiter, Quote: c.Quote, NullAs: c.NullAs,
			DateFormat: c.DateFormat, TimeFormat: c.TimeFormat, Encoding: c.Encoding, InvalidAs: c.AcceptInvChars, AnyDate: c.AcceptAnyDate,
			TrimBlanks: c.TrimBlanks, EmptyAsNull: c.EmptyAsNull, BlanksAsNull: c.BlanksAsNull, IgnoreBlankLines: c.IgnoreBlankLines,
			FillRecord: c.FillRecord, Truncate: c.TruncateColumns, Round: c.RoundDecimals}
	case f.JSON != nil:
		j := f.JSON
		return warehouse.Format{Kind: "json", Paths: j.Paths, DateFormat: j.DateFormat, TimeFormat: j.TimeFormat, Encoding: j.Encoding,
			InvalidAs: j.AcceptInvChars, AnyDate: j.AcceptAnyDate, TrimBlanks: j.TrimBlanks, EmptyAsNull: j.EmptyAsNull,
			BlanksAsNull: j.BlanksAsNull, Truncate: j.TruncateColumns, Round: j.RoundDecimals}
	case f.Parquet != nil:
		return warehouse.Format{Kind: "parquet", FillRecord: f.Parquet.FillRecord, InvalidAs: f.Parquet.AcceptInvChars}
	}
	return warehouse.Format{Kind: "parquet"} // of a dataset
}

// checkPaths reads a jsonpaths file. COPY takes one without the key jsonpaths
// for `auto`, and says nothing.
// https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html#copy-json-jsonpaths
func checkPaths(uri string, body []byte, columns []string) error {
	bad := func(format string, args ...any) error {
		return &resources.Fault{Class: resources.Permanent, Code: CodeRefused, Msg: "format.json.paths: " + uri + ": " + fmt.Sprintf(format, args...),
			Hint: `write {"jsonpaths": ["$.id", "$.name"]}, a path for each column`}
	}
	var file struct {
		Paths []string `json:"jsonpaths"`
	}
	if err := json.Unmarshal(body, &file); err != nil {
		return bad("is no JSON object with a list of paths: %v", err)
	}
	if len(file.Paths) == 0 {
		return bad("holds no jsonpaths")
	}
	for i, p := range file.Paths {
		if !strings.HasPrefix(p, "$") {
			return bad("path %d, %q, does not begin with $", i+1, p)
		}
	}
	if n := len(columns); n > 0 && n != len(file.Paths) {
		return bad("holds %d paths for %d columns", len(file.Paths), n)
	}
	return nil
}
