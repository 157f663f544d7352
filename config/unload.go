package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Unload writes a query's rows to a dataset.
type Unload struct {
	Query       string            `yaml:"query" json:"query"`
	Format      UnloadFormat      `yaml:"format" json:"format,omitzero"`               // default parquet
	Compression string            `yaml:"compression" json:"compression,omitempty"`    // of csv and json: none (default), gzip, bzip2, zstd
	PartitionBy []string          `yaml:"partition_by" json:"partition_by,omitempty"`  // columns that become folders: day=2026-11-21/
	MaxFileSize Size              `yaml:"max_file_size" json:"max_file_size,omitzero"` // 0: as large as UNLOAD makes them
	OrderBy     []string          `yaml:"order_by" json:"order_by,omitempty"`          // with single_file: column, or column desc
	SingleFile  bool              `yaml:"single_file" json:"single_file,omitempty"`
	WhenEmpty   string            `yaml:"when_empty" json:"when_empty"` // skip (default), run, fail
	Expect      map[string]Bounds `yaml:"expect" json:"expect,omitempty"`
	Publish     Publish           `yaml:"publish" json:"publish,omitzero"`
	Timeout     Duration          `yaml:"timeout" json:"timeout,omitempty"`
}

// UnloadFormat is how an unload's files are written: one member, or one word.
type UnloadFormat struct {
	Parquet *UnloadOptions `yaml:"parquet" json:"parquet,omitempty"`
	CSV     *UnloadOptions `yaml:"csv" json:"csv,omitempty"`
	JSON    *UnloadOptions `yaml:"json" json:"json,omitempty"`
}

// UnloadOptions are those that stand within a format. unloadTakes says which
// format takes which.
type UnloadOptions struct {
	Header    bool   `yaml:"header" json:"header,omitempty"`
	Delimiter string `yaml:"delimiter" json:"delimiter,omitempty"`
	NullAs    string `yaml:"null_as" json:"null_as,omitempty"`
}

// Kind is the format's word, and its options.
func (f UnloadFormat) Kind() (string, UnloadOptions) {
	switch {
	case f.CSV != nil:
		return "csv", *f.CSV
	case f.JSON != nil:
		return "json", *f.JSON
	}
	return "parquet", UnloadOptions{}
}

func (f *UnloadFormat) short(raw string, kind writing) string {
	switch {
	case kind == text && raw == "parquet":
		f.Parquet = &UnloadOptions{}
	case kind == text && raw == "csv":
		f.CSV = &UnloadOptions{}
	case kind == text && raw == "json":
		f.JSON = &UnloadOptions{}
	default:
		return "parquet, csv or json"
	}
	return ""
}

func (*UnloadFormat) mend() string { return "write parquet, csv, json, or {csv: {header: true}}" }

// Publish says whether and where a dataset is published: an unload's if On, a
// Spark step's unless Off. It is its pointer in the
// pipeline's own bucket, and, with a prefix, copies at a place of the user's.
type Publish struct {
	On     bool     `yaml:"-" json:"on,omitempty"`
	Off    bool     `yaml:"-" json:"off,omitempty"`         // false was written
	Prefix string   `yaml:"prefix" json:"prefix,omitempty"` // s3://bucket/stable/
	Keep   Duration `yaml:"keep" json:"keep,omitempty"`     // how long a date stays; 0: for ever
}

func (p *Publish) short(raw string, kind writing) string {
	if kind != boolean {
		return "true, false, or a prefix"
	}
	p.On, p.Off = raw == "true", raw == "false"
	return ""
}

func (*Publish) mend() string { return "write true, or {prefix: s3://bucket/folder/, keep: 30d}" }

// Size of a file, in MB as UNLOAD counts them.
type Size int64

var sizePattern = regexp.MustCompile(`^([0-9]{1,6}) ?(MB|GB)$`)

func (s *Size) short(raw string, kind writing) string {
	m := sizePattern.FindStringSubmatch(raw)
	if m == nil || kind != text {
		return "a size such as 64MB or 2GB"
	}
	n, _ := strconv.ParseInt(m[1], 10, 64) // six digits at most
	if m[2] == "GB" {
		n *= 1024
	}
	*s = Size(n)
	return ""
}

func (*Size) mend() string { return "write a whole number of MB or GB: 64MB" }

// String is the size as it is written in the file.
func (s Size) String() string { return fmt.Sprintf("%dMB", int64(s)) }

// MarshalJSON writes the size as the file does.
func (s Size) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Size) UnmarshalJSON(b []byte) error {
	var raw string
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if wants := s.short(strings.TrimSpace(raw), text); wants != "" {
		return fmt.Errorf("%q: want %s", raw, wants)
	}
	return nil
}
