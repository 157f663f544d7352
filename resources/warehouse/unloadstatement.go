package warehouse

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"lamplighter/resources"
)

// unloadFormats is how each format is written in UNLOAD, and whether it takes
// the options of text and compression (RSD r_UNLOAD: neither PARQUET nor JSON
// takes DELIMITER, HEADER or NULL AS; PARQUET takes no GZIP, BZIP2 or ZSTD).
var unloadFormats = map[string]struct {
	clause             string
	text, compressible bool
}{
	"parquet": {clause: "FORMAT AS PARQUET"},
	"csv":     {clause: "FORMAT AS CSV", text: true, compressible: true},
	"json":    {clause: "FORMAT AS JSON", compressible: true},
}

// unloadStatement is the UNLOAD of a query that checkUnload has passed.
func unloadStatement(d dialect, u Unload, query string) (string, error) {
	f := u.Files
	options, err := fileOptions(d, f)
	if err != nil {
		return "", err
	}
	if len(f.OrderBy) > 0 {
		if query, err = sorted(query, f.OrderBy); err != nil {
			return "", err
		}
	}
	parts := []string{"UNLOAD (" + d.literal(query) + ")", "TO " + d.literal(u.Prefix), "IAM_ROLE " + d.role(u.Role)}
	parts = append(append(parts, options...), "MANIFEST VERBOSE")
	if u.Region != "" {
		parts = append(parts, "REGION "+d.literal(u.Region))
	}
	return strings.Join(parts, " "), nil
}

// fileOptions writes how the files are to be.
func fileOptions(d dialect, f Files) ([]string, error) {
	format, ok := unloadFormats[f.Format]
	switch {
	case !ok:
		return nil, badFiles("parquet, csv or json", "format %q is unknown", f.Format)
	case !format.text && (f.Header || f.Delimiter != "" || f.NullAs != ""):
		return nil, badFiles("leave them out, or unload to csv", "%s takes none of header, delimiter, null_as", f.Format)
	case !format.compressible && f.Compression != "":
		return nil, badFiles("leave it out: Parquet is compressed within", "%s takes no compression", f.Format)
	case f.Compression != "" && !slices.Contains([]string{"gzip", "bzip2", "zstd"}, f.Compression):
		return nil, badFiles("gzip, bzip2 or zstd", "compression %q is unknown", f.Compression)
	case f.Delimiter != "" && (utf8.RuneCountInString(f.Delimiter) != 1 || f.Delimiter[0] >= utf8.RuneSelf || strings.Contains("\"\r\n", f.Delimiter)):
		return nil, badFiles(`for example "," or "|" or "\t"`, "delimiter %q: want one ASCII character, no quote and no line end", f.Delimiter)
	case f.Single && len(f.PartitionBy) > 0:
		return nil, badFiles("keep one of them", "one file cannot be partitioned")
	case len(f.OrderBy) > 0 && !f.Single:
		return nil, badFiles("unload one file", "rows of files that are written side by side have no order")
	}
	if err := storable("unload: null_as", f.NullAs); err != nil {
		return nil, err
	}
	options := []string{format.clause}
	add := func(on bool, option string) {
		if on {
			options = append(options, option)
		}
	}
	add(len(f.PartitionBy) > 0, "PARTITION BY ("+idents(f.PartitionBy)+")")
	add(f.Header, "HEADER")
	add(f.Delimiter != "", "DELIMITER "+d.literal(f.Delimiter))
	add(f.NullAs != "", "NULL AS "+d.literal(f.NullAs))
	add(f.Compression != "", strings.ToUpper(f.Compression))
	add(f.Single, "PARALLEL OFF")
	add(f.MaxMB > 0, fmt.Sprintf("MAXFILESIZE %d MB", f.MaxMB))
	return options, nil
}

// sorted orders a query's rows. The query stands in parentheses, so that its
// own LIMIT or UNION stays what it is; the line end closes a comment that it
// may end in.
func sorted(query string, by []string) (string, error) {
	keys := make([]string, len(by))
	for i, key := range by {
		column, direction, _ := strings.Cut(key, " ")
		if direction != "" && direction != "asc" && direction != "desc" {
			return "", badFiles("a column, or a column and desc", "order_by %q cannot be read", key)
		}
		keys[i] = strings.TrimSpace(ident(column) + " " + strings.ToUpper(direction))
	}
	return "SELECT * FROM (\n" + query + "\n) AS unloaded ORDER BY " + strings.Join(keys, ", "), nil
}

func badFiles(hint, format string, args ...any) error {
	f := resources.Faultf(resources.Permanent, "unload: "+format, args...)
	f.Hint = hint
	return f
}

// outerLimit refuses a LIMIT of the outermost SELECT, as UNLOAD does (RSD
// r_UNLOAD, "Limit clause"). Tokens tell it from a name, a text or a nested
// one.
func outerLimit(what, query string) error {
	tokens, err := lex(query)
	if err != nil {
		return err
	}
	depth := 0
	for _, t := range tokens {
		switch s := query[t.from:t.to]; {
		case t.kind == other && s == "(":
			depth++
		case t.kind == other && s == ")":
			depth--
		case t.kind == word && depth == 0 && strings.EqualFold(s, "limit"):
			f := resources.Faultf(resources.Permanent, "%s: line %d: UNLOAD takes no LIMIT in its outermost SELECT", what, t.line)
			f.Hint = "write select * from (select … limit 10); or order_by with single_file, which wraps the query"
			return f
		}
	}
	return nil
}
