package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Format of the objects of a load: exactly one member. Which options COPY takes
// for which format is what their structs have: a key that stands in another
// one's only is refused with the format that it fits.
//
// https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html
// https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html
// https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
type Format struct {
	CSV     *CSV     `yaml:"csv" json:"csv,omitempty"`
	JSON    *JSON    `yaml:"json" json:"json,omitempty"`
	Parquet *Parquet `yaml:"parquet" json:"parquet,omitempty"`
}

// CSV is text with a line to a row, whose quotes are doubled within quotes.
type CSV struct {
	Header            bool   `yaml:"header" json:"header,omitempty"`                           // the first line is skipped
	IgnoreHeaderLines int    `yaml:"ignore_header_lines" json:"ignore_header_lines,omitempty"` // so many lines are skipped
	Delimiter         string `yaml:"delimiter" json:"delimiter,omitempty"`
	Quote             string `yaml:"quote" json:"quote,omitempty"`
	NullAs            string `yaml:"null_as" json:"null_as,omitempty"`
	DateFormat        string `yaml:"date_format" json:"date_format,omitempty"`
	TimeFormat        string `yaml:"time_format" json:"time_format,omitempty"`
	Encoding          string `yaml:"encoding" json:"encoding,omitempty"`
	AcceptInvChars    string `yaml:"accept_inv_chars" json:"accept_inv_chars,omitempty"` // stands for each byte that is no UTF-8
	AcceptAnyDate     bool   `yaml:"accept_any_date" json:"accept_any_date,omitempty"`
	TrimBlanks        bool   `yaml:"trim_blanks" json:"trim_blanks,omitempty"`
	EmptyAsNull       bool   `yaml:"empty_as_null" json:"empty_as_null,omitempty"`
	BlanksAsNull      bool   `yaml:"blanks_as_null" json:"blanks_as_null,omitempty"`
	IgnoreBlankLines  bool   `yaml:"ignore_blank_lines" json:"ignore_blank_lines,omitempty"`
	FillRecord        bool   `yaml:"fill_record" json:"fill_record,omitempty"`           // missing last columns are empty
	TruncateColumns   bool   `yaml:"truncate_columns" json:"truncate_columns,omitempty"` // cut what is too long
	RoundDecimals     bool   `yaml:"round_decimals" json:"round_decimals,omitempty"`     // else they are cut
}

// JSON is one object or array to a row, one after another.
type JSON struct {
	// Paths says where a column's value is: auto (default; the key is called like
	// the column), auto ignorecase, or the s3:// address of a jsonpaths file.
	Paths           string `yaml:"paths" json:"paths,omitempty"`
	DateFormat      string `yaml:"date_format" json:"date_format,omitempty"`
	TimeFormat      string `yaml:"time_format" json:"time_format,omitempty"`
	Encoding        string `yaml:"encoding" json:"encoding,omitempty"`
	AcceptInvChars  string `yaml:"accept_inv_chars" json:"accept_inv_chars,omitempty"`
	AcceptAnyDate   bool   `yaml:"accept_any_date" json:"accept_any_date,omitempty"`
	TrimBlanks      bool   `yaml:"trim_blanks" json:"trim_blanks,omitempty"`
	EmptyAsNull     bool   `yaml:"empty_as_null" json:"empty_as_null,omitempty"`
	BlanksAsNull    bool   `yaml:"blanks_as_null" json:"blanks_as_null,omitempty"`
	TruncateColumns bool   `yaml:"truncate_columns" json:"truncate_columns,omitempty"`
	RoundDecimals   bool   `yaml:"round_decimals" json:"round_decimals,omitempty"`
}

// Parquet files say almost everything of themselves.
type Parquet struct {
	FillRecord     bool   `yaml:"fill_record" json:"fill_record,omitempty"`
	AcceptInvChars string `yaml:"accept_inv_chars" json:"accept_inv_chars,omitempty"`
}

// Compressions of a load: auto, the default, goes by the end of an object's
// name.
var Compressions = []string{"auto", "none", "gzip", "zstd", "bzip2"}

// Encodings that COPY reads, in the words that it takes.
// https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html#copy-encoding
var Encodings = []string{"UTF8", "UTF16", "UTF16LE", "UTF16BE", "ISO88591"}

// otherFormats are the formats whose options hold a key that the format does
// not: their names as users write them.
func otherFormats(format, key string) (names []string) {
	of := reflect.TypeFor[Format]()
	here := slices.ContainsFunc(reflect.VisibleFields(of), func(f reflect.StructField) bool { return f.Type.Elem().Name() == format })
	for i := range of.NumField() {
		options := of.Field(i).Type.Elem()
		if here && slices.ContainsFunc(reflect.VisibleFields(options), func(f reflect.StructField) bool { return f.Tag.Get("yaml") == key }) {
			names = append(names, of.Field(i).Tag.Get("yaml"))
		}
	}
	return names
}

// misplaced is the problem of an option that fits another format; "" when no
// format has it.
func misplaced(format, key string) (what, hint string) {
	others := otherFormats(format, key)
	if len(others) == 0 {
		return "", ""
	}
	return fmt.Sprintf("COPY takes no %s for %s", key, strings.ToLower(format)), "leave it out; it fits " + either(others)
}
