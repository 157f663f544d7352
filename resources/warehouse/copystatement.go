package warehouse

import (
	"strings"
	"unicode/utf8"

	"lamplighter/resources"
)

// formats is the one place that says how a format is written in COPY and which
// options it takes (RSD copy-parameters-data-format and, for Parquet,
// copy-usage_notes-copy-from-columnar).
var formats = map[string]struct {
	clause string
	// text formats take the options of Format, REGION and COMPUPDATE; columnar
	// ones take none of them and want the bucket in the cluster's region.
	text bool
}{
	"csv":     {clause: "FORMAT AS CSV", text: true},
	"parquet": {clause: "FORMAT AS PARQUET"},
}

// copyStatement is the COPY of a manifest. Illegal combinations are Permanent
// faults.
func copyStatement(d dialect, t table, b Batch, manifest string) (string, error) {
	format, ok := formats[b.Format.Kind]
	if !ok {
		f := resources.Faultf(resources.Permanent, "load into %s: format %q is unknown", t.key(), b.Format.Kind)
		f.Hint = "csv or parquet"
		return "", f
	}
	options, err := textOptions(d, t, b.Format, format.text)
	if err != nil {
		return "", err
	}
	into := t.sql()
	if len(b.Columns) > 0 {
		into += " (" + idents(b.Columns) + ")"
	}
	parts := []string{"COPY " + into, "FROM " + d.literal(manifest), "IAM_ROLE " + d.role(b.Role), "MANIFEST", format.clause}
	parts = append(parts, options...)
	if format.text {
		if b.Region != "" {
			parts = append(parts, "REGION "+d.literal(b.Region))
		}
		// No sampling for encodings, and one ANALYZE when all has been loaded.
		parts = append(parts, "TIMEFORMAT 'auto'", "COMPUPDATE OFF")
	}
	return strings.Join(append(parts, "STATUPDATE OFF"), " "), nil
}

// textOptions are the user's options of a text format.
func textOptions(d dialect, t table, f Format, isText bool) ([]string, error) {
	if !isText && (f != Format{Kind: f.Kind}) {
		fault := resources.Faultf(resources.Permanent, "load into %s: %s takes none of header, delimiter, compression, null_as", t.key(), f.Kind)
		fault.Hint = "leave them out: a columnar file says all that of itself"
		return nil, fault
	}
	var options []string
	if f.Header {
		options = append(options, "IGNOREHEADER 1")
	}
	if f.Delimiter != "" {
		if utf8.RuneCountInString(f.Delimiter) != 1 || f.Delimiter[0] >= utf8.RuneSelf || strings.Contains("\"\r\n", f.Delimiter) {
			fault := resources.Faultf(resources.Permanent, "load into %s: delimiter %q: want one ASCII character, no quote and no line end", t.key(), f.Delimiter)
			fault.Hint = `for example "," or "|" or "\t"`
			return nil, fault
		}
		options = append(options, "DELIMITER "+d.literal(f.Delimiter))
	}
	if f.NullAs != "" {
		options = append(options, "NULL AS "+d.literal(f.NullAs))
	}
	switch f.Compression {
	case "":
	case "gzip", "bzip2", "zstd", "lzop":
		options = append(options, strings.ToUpper(f.Compression))
	default:
		fault := resources.Faultf(resources.Permanent, "load into %s: compression %q is unknown", t.key(), f.Compression)
		fault.Hint = "gzip, bzip2, zstd, lzop, or none"
		return nil, fault
	}
	return options, nil
}

// role writes an IAM role: an ARN, or the cluster's default one.
func (d dialect) role(arn string) string {
	if arn == "default" {
		return "default"
	}
	return d.literal(arn)
}
