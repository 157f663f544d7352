package warehouse

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lamplighter/resources"
)

// Format is how a load's objects are written: which options fit which kind is
// the table of copyOptions.
type Format struct {
	Kind        string `json:"kind"`                   // csv, json, parquet
	Header      bool   `json:"header,omitempty"`       // the first line names the columns and is skipped
	HeaderLines int    `json:"header_lines,omitempty"` // so many lines are skipped
	Delimiter   string `json:"delimiter,omitempty"`    // one character, default ","
	Quote       string `json:"quote,omitempty"`        // one character, default "
	Compression string `json:"compression,omitempty"`  // "", gzip, zstd or bzip2; the same for all objects of a batch
	NullAs      string `json:"null_as,omitempty"`
	Paths       string `json:"paths,omitempty"` // of JSON: auto (default), auto ignorecase, or a jsonpaths file
	DateFormat  string `json:"date_format,omitempty"`
	TimeFormat  string `json:"time_format,omitempty"` // default auto
	Encoding    string `json:"encoding,omitempty"`    // default UTF8
	InvalidAs   string `json:"invalid_as,omitempty"`  // stands for each byte that is no UTF-8; "": they are refused

	AnyDate          bool `json:"any_date,omitempty"`
	TrimBlanks       bool `json:"trim_blanks,omitempty"`
	EmptyAsNull      bool `json:"empty_as_null,omitempty"`
	BlanksAsNull     bool `json:"blanks_as_null,omitempty"`
	IgnoreBlankLines bool `json:"ignore_blank_lines,omitempty"`
	FillRecord       bool `json:"fill_record,omitempty"`
	Truncate         bool `json:"truncate,omitempty"`
	Round            bool `json:"round,omitempty"`
}

// Kinds of format.
const (
	csvFormat     = "csv"
	jsonFormat    = "json"
	parquetFormat = "parquet"
)

// encodings are COPY's words, which stand there without quotes.
var encodings = []string{"UTF8", "UTF16", "UTF16LE", "UTF16BE", "ISO88591"}

// copyOption is one option of COPY: which formats take it, whether a batch asks
// for it, and how it is written.
type copyOption struct {
	name  string // as a user knows it
	fits  []string
	asked func(Batch) bool
	write func(dialect, Batch) (string, error)
}

var (
	onlyCSV = []string{csvFormat}
	texts   = []string{csvFormat, jsonFormat}
	all     = []string{csvFormat, jsonFormat, parquetFormat}
)

// copyOptions is the one place that says which option fits which format. QUOTE
// belongs to the word CSV and comes first.
//
// https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html
// https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html
// https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
//
// What is said of JSON there is little; it gets what belongs to values and
// nothing that belongs to lines and fields.
var copyOptions = []copyOption{
	{"quote", onlyCSV, func(b Batch) bool { return b.Format.Quote != "" }, func(d dialect, b Batch) (string, error) {
		return oneCharacter(d, "quote", "QUOTE AS", b.Format.Quote, "\t\r\n")
	}},
	{"paths", []string{jsonFormat}, func(b Batch) bool { return b.Format.Paths != "" }, func(dialect, Batch) (string, error) { return "", nil }}, // beside the word JSON
	{"header", onlyCSV, func(b Batch) bool { return b.Format.Header || b.Format.HeaderLines > 0 }, func(_ dialect, b Batch) (string, error) {
		return "IGNOREHEADER " + strconv.Itoa(max(1, b.Format.HeaderLines)), nil
	}},
	{"delimiter", onlyCSV, func(b Batch) bool { return b.Format.Delimiter != "" }, func(d dialect, b Batch) (string, error) {
		return oneCharacter(d, "delimiter", "DELIMITER", b.Format.Delimiter, "\"\r\n")
	}},
	textual("null_as", onlyCSV, "NULL AS", func(f Format) string { return f.NullAs }),
	{"compression", texts, func(b Batch) bool { return b.Format.Compression != "" }, func(_ dialect, b Batch) (string, error) {
		if !slices.Contains([]string{"gzip", "zstd", "bzip2"}, b.Format.Compression) {
			return "", misfit(fmt.Sprintf("compression %q is unknown", b.Format.Compression), "gzip, zstd, bzip2, or none")
		}
		return strings.ToUpper(b.Format.Compression), nil
	}},
	{"encoding", texts, func(b Batch) bool { return b.Format.Encoding != "" }, func(_ dialect, b Batch) (string, error) {
		if !slices.Contains(encodings, b.Format.Encoding) {
			return "", misfit(fmt.Sprintf("encoding %q is unknown", b.Format.Encoding), strings.Join(encodings, ", "))
		}
		return "ENCODING AS " + b.Format.Encoding, nil
	}},
	{"accept_inv_chars", all, func(b Batch) bool { return b.Format.InvalidAs != "" }, func(d dialect, b Batch) (string, error) {
		return oneCharacter(d, "accept_inv_chars", "ACCEPTINVCHARS AS", b.Format.InvalidAs, "")
	}},
	flag("trim_blanks", texts, "TRIMBLANKS", func(f Format) bool { return f.TrimBlanks }),
	flag("empty_as_null", texts, "EMPTYASNULL", func(f Format) bool { return f.EmptyAsNull }),
	flag("blanks_as_null", texts, "BLANKSASNULL", func(f Format) bool { return f.BlanksAsNull }),
	flag("ignore_blank_lines", onlyCSV, "IGNOREBLANKLINES", func(f Format) bool { return f.IgnoreBlankLines }),
	flag("fill_record", []string{csvFormat, parquetFormat}, "FILLRECORD", func(f Format) bool { return f.FillRecord }),
	flag("truncate_columns", texts, "TRUNCATECOLUMNS", func(f Format) bool { return f.Truncate }),
	flag("round_decimals", texts, "ROUNDEC", func(f Format) bool { return f.Round }),
	flag("accept_any_date", texts, "ACCEPTANYDATE", func(f Format) bool { return f.AnyDate }),
	textual("date_format", texts, "DATEFORMAT", func(f Format) string { return f.DateFormat }),
	// COPY fails when as many rows are refused as MAXERROR says.
	// https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-load.html#copy-maxerror
	{"max_errors", texts, func(b Batch) bool { return b.MaxErrors > 0 }, func(_ dialect, b Batch) (string, error) {
		return "MAXERROR " + strconv.Itoa(b.MaxErrors+1), nil
	}},
	// A columnar file's bucket must be in the cluster's region.
	{"", texts, func(b Batch) bool { return b.Region != "" }, func(d dialect, b Batch) (string, error) { return "REGION " + d.literal(b.Region), nil }},
	textual("time_format", texts, "TIMEFORMAT", func(f Format) string { return f.TimeFormat }),
	{"", texts, func(b Batch) bool { return b.Format.TimeFormat == "" }, func(dialect, Batch) (string, error) { return "TIMEFORMAT 'auto'", nil }},
	// No sampling for encodings, and one ANALYZE when all has been loaded.
	{"", texts, func(Batch) bool { return true }, func(dialect, Batch) (string, error) { return "COMPUPDATE OFF", nil }},
	{"", all, func(Batch) bool { return true }, func(dialect, Batch) (string, error) { return "STATUPDATE OFF", nil }},
}

func flag(name string, fits []string, word string, asked func(Format) bool) copyOption {
	return copyOption{name, fits, func(b Batch) bool { return asked(b.Format) }, func(dialect, Batch) (string, error) { return word, nil }}
}

func textual(name string, fits []string, word string, value func(Format) string) copyOption {
	return copyOption{name, fits, func(b Batch) bool { return value(b.Format) != "" },
		func(d dialect, b Batch) (string, error) { return word + " " + d.literal(value(b.Format)), nil }}
}

// oneCharacter writes an option that takes one ASCII character.
func oneCharacter(d dialect, name, word, s, but string) (string, error) {
	if len(s) != 1 || s[0] == 0 || s[0] > '~' || strings.Contains(but, s) {
		return "", misfit(fmt.Sprintf("%s %q: want one ASCII character that can stand there", name, s), `for example "," or "|" or "\t"`)
	}
	return word + " " + d.literal(s), nil
}

func misfit(what, hint string) error {
	return &resources.Fault{Class: resources.Permanent, Msg: what, Hint: hint}
}

// formatClause is the format's word in COPY.
func formatClause(d dialect, f Format) (string, error) {
	switch f.Kind {
	case csvFormat:
		return "FORMAT AS CSV", nil
	case jsonFormat:
		paths := f.Paths
		if paths == "" {
			paths = "auto"
		}
		return "FORMAT AS JSON " + d.literal(paths), nil
	case parquetFormat:
		return "FORMAT AS PARQUET", nil
	}
	return "", misfit(fmt.Sprintf("format %q is unknown", f.Kind), "csv, json or parquet")
}

// options are what a batch asks of its COPY, in order.
func options(d dialect, b Batch) (words []string, err error) {
	for _, o := range copyOptions {
		if !o.asked(b) {
			continue
		}
		if !slices.Contains(o.fits, b.Format.Kind) {
			if o.name == "" {
				continue // ours, where it fits
			}
			return nil, misfit(fmt.Sprintf("%s takes no %s", b.Format.Kind, o.name), "leave it out; it fits "+strings.Join(o.fits, ", "))
		}
		word, err := o.write(d, b)
		if err != nil {
			return nil, err
		}
		if word != "" {
			words = append(words, word)
		}
	}
	return words, nil
}
