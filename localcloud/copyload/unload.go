package copyload

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// Unload is an UNLOAD statement.
type Unload struct {
	Query     string
	To        URI
	Format    string // csv or parquet
	Delim     byte
	Null      string // how NULL is written; "" is an empty field
	Header    bool
	Gzip      bool
	Manifest  bool
	Verbose   bool
	Overwrite bool  // ALLOWOVERWRITE
	Clean     bool  // CLEANPATH
	Serial    bool  // PARALLEL OFF
	MaxSize   int64 // bytes of one file; 0: as large as it may get
}

// Limits of MAXFILESIZE (RSD r_UNLOAD).
const (
	minFileSize = 5 << 20
	maxFileSize = 62 << 30 / 10
)

// ParseUnload reads UNLOAD ('query') TO 's3://…' options.
func ParseUnload(tokens []rsql.Token) (*Unload, error) {
	p := &parser{tokens: tokens, pos: 1}
	u := &Unload{}
	if !p.take("(") {
		return nil, rsql.Syntaxf("syntax error at or near %q: UNLOAD takes ('query')", p.peek().Text)
	}
	var err error
	if u.Query, err = p.str("UNLOAD"); err != nil {
		return nil, err
	}
	if !p.take(")") || !p.take("to") {
		return nil, rsql.Syntaxf("syntax error at or near %q: UNLOAD ('query') takes TO", p.peek().Text)
	}
	to, err := p.str("TO")
	if err != nil {
		return nil, err
	}
	if u.To, err = ParseURI(to); err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for !p.done() {
		if err := u.option(p, seen); err != nil {
			return nil, err
		}
	}
	return u, u.check(seen)
}

func (u *Unload) option(p *parser, seen map[string]string) (err error) {
	if p.take("with") {
		return nil
	}
	if p.take("format") {
		p.take("as")
	}
	t := p.peek()
	p.pos++
	name := t.Text
	seen[name] = "x"
	switch name {
	case "csv", "parquet":
		if u.Format != "" {
			return rsql.Syntaxf("UNLOAD has two formats")
		}
		u.Format = name
	case "manifest":
		u.Manifest, u.Verbose = true, p.take("verbose")
	case "header":
		u.Header = true
	case "gzip":
		u.Gzip = true
	case "allowoverwrite":
		u.Overwrite = true
	case "cleanpath":
		u.Clean = true
	case "parallel":
		u.Serial = p.take("off", "false")
		if !u.Serial {
			p.take("on", "true")
		}
	case "delimiter", "null":
		v, err := p.str(strings.ToUpper(name))
		if err != nil {
			return err
		}
		seen[name] = v
	case "iam_role", "credentials", "region", "access_key_id", "secret_access_key", "session_token":
		kind := copyOptions[name]
		if seen[name], err = p.argument(name, kind); err != nil {
			return err
		}
	case "maxfilesize":
		u.MaxSize, err = p.size()
		return err
	case "rowgroupsize":
		_, err = p.size()
		return err
	case "json", "bzip2", "zstd", "fixedwidth", "encrypted", "kms_key_id", "master_symmetric_key", "partition", "escape", "addquotes", "extension":
		return rsql.Unsupported("UNLOAD with "+strings.ToUpper(name), "known: PARQUET, CSV, GZIP, HEADER, MANIFEST VERBOSE, PARALLEL OFF, MAXFILESIZE, ALLOWOVERWRITE, CLEANPATH")
	default:
		return rsql.Syntaxf("syntax error at or near %q: UNLOAD has no such option", t.Text)
	}
	return nil
}

// size reads 32 MB or 1 GB; a bare number is in MB.
func (p *parser) size() (int64, error) {
	p.take("as")
	t := p.peek()
	n, err := strconv.ParseFloat(t.Text, 64)
	if err != nil || t.Kind != rsql.Num {
		return 0, rsql.Syntaxf("syntax error at or near %q: want a size, as in 256 MB", t.Text)
	}
	p.pos++
	unit := float64(1 << 20)
	if p.take("gb") {
		unit = 1 << 30
	} else {
		p.take("mb")
	}
	return int64(math.Round(n * unit)), nil
}

func (u *Unload) check(seen map[string]string) error {
	if err := authorized("UNLOAD", seen); err != nil {
		return err
	}
	has := func(o string) bool { return seen[o] != "" }
	switch {
	case u.Format == "":
		return rsql.Unsupported("UNLOAD to plain delimited text", "add FORMAT AS CSV or FORMAT AS PARQUET")
	case u.Overwrite && u.Clean:
		return rsql.Syntaxf("ALLOWOVERWRITE and CLEANPATH cannot be used together")
	case u.Format == "parquet" && (u.Header || u.Gzip || has("delimiter") || has("null")):
		return rsql.Syntaxf("UNLOAD to PARQUET takes none of HEADER, GZIP, DELIMITER, NULL")
	case has("maxfilesize") && u.Format == "csv":
		return rsql.Unsupported("MAXFILESIZE with CSV", "one file is written")
	case has("maxfilesize") && (u.MaxSize < minFileSize || u.MaxSize > maxFileSize):
		return &rsql.Error{Code: rsql.InvalidParameter, Msg: "MAXFILESIZE must be between 5 MB and 6.2 GB"}
	}
	u.Delim = ','
	if v := seen["delimiter"]; v != "" {
		if v == `\t` {
			v = "\t"
		}
		if len(v) != 1 {
			return &rsql.Error{Code: rsql.InvalidParameter, Msg: fmt.Sprintf("UNLOAD delimiter must be a single ASCII character, not %q", v)}
		}
		u.Delim = v[0]
	}
	u.Null = seen["null"]
	return nil
}

// Prepare looks at the destination before the query runs.
func (s *Store) Prepare(ctx context.Context, u *Unload) ([]Object, error) {
	there, err := s.List(ctx, u.To)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 && !u.Overwrite && !u.Clean {
		return nil, &pgwire.Error{
			Code: "XX000", Msg: "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target files in S3, or using the ALLOWOVERWRITE option.",
			Detail: there[0].String(),
		}
	}
	return there, nil
}

// Part is one file that the query's rows were written to.
type Part struct {
	Path string
	Rows int64
}

// Field is a column of the unloaded rows, for the manifest.
type Field struct {
	Name      string
	Base      string // as Redshift calls the type
	MaxLength int
	Precision int
	Scale     int
}

// Publish uploads the parts and, last, the manifest. Without rows it writes
// nothing. It returns the addresses of what it wrote.
func (s *Store) Publish(ctx context.Context, u *Unload, there []Object, parts []Part, fields []Field) ([]string, error) {
	if u.Clean {
		for _, o := range there {
			if err := s.Delete(ctx, o.URI); err != nil {
				return nil, err
			}
		}
	}
	m := manifest{}
	var written []string
	for i, p := range parts {
		to := URI{u.To.Bucket, u.To.Key + u.name(i)}
		size, err := s.upload(ctx, u, to, p.Path)
		if err != nil {
			return nil, err
		}
		written = append(written, to.String())
		m.add(to.String(), size, p.Rows)
	}
	if !u.Manifest || len(parts) == 0 {
		return written, nil
	}
	body, err := m.json(u, fields)
	if err != nil {
		return nil, err
	}
	return written, s.Put(ctx, URI{u.To.Bucket, u.To.Key + "manifest"}, bytes.NewReader(body), int64(len(body)))
}

// name of the i-th file (RSD r_UNLOAD): <slice>_part_<nn>, or a plain number
// with PARALLEL OFF.
func (u *Unload) name(i int) string {
	name := fmt.Sprintf("%04d_part_%02d", i, 0)
	if u.Serial {
		name = fmt.Sprintf("%03d", i)
	}
	name += "." + u.Format
	if u.Gzip {
		name += ".gz"
	}
	return name
}

func (s *Store) upload(ctx context.Context, u *Unload, to URI, path string) (int64, error) {
	if u.Gzip {
		zipped := path + ".gz"
		if err := zip(zipped, path); err != nil {
			return 0, err
		}
		path = zipped
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), s.Put(ctx, to, f, st.Size())
}

func zip(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	return errors.Join(err, z.Close(), out.Close())
}

// manifest is UNLOAD's own (RSD r_UNLOAD_command_examples).
type manifest struct {
	Entries []manifestEntry `json:"entries"`
	Schema  *manifestSchema `json:"schema,omitempty"`
	Meta    *manifestMeta   `json:"meta,omitempty"`
	Author  *manifestAuthor `json:"author,omitempty"`
	total   manifestMeta
}

type manifestEntry struct {
	URL  string        `json:"url"`
	Meta *manifestMeta `json:"meta,omitempty"`
}

type manifestMeta struct {
	Length int64  `json:"content_length"`
	Rows   *int64 `json:"record_count,omitempty"`
}

type manifestSchema struct {
	Elements []manifestField `json:"elements"`
}

type manifestField struct {
	Name string       `json:"name"`
	Type manifestType `json:"type"`
}

type manifestType struct {
	Base      string `json:"base"`
	MaxLength int    `json:"max_length,omitempty"`
	Precision int    `json:"precision,omitempty"`
	Scale     *int   `json:"scale,omitempty"`
}

type manifestAuthor struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

func (m *manifest) add(url string, size, rows int64) {
	if m.total.Rows == nil {
		m.total.Rows = new(int64)
	}
	m.Entries = append(m.Entries, manifestEntry{URL: url, Meta: &manifestMeta{Length: size, Rows: &rows}})
	m.total.Length += size
	*m.total.Rows += rows
}

func (m *manifest) json(u *Unload, fields []Field) ([]byte, error) {
	if !u.Verbose {
		for i := range m.Entries {
			m.Entries[i].Meta.Rows = nil
		}
		return json.MarshalIndent(m, "", "  ")
	}
	m.Schema = &manifestSchema{}
	for _, f := range fields {
		t := manifestType{Base: f.Base, MaxLength: f.MaxLength, Precision: f.Precision}
		if f.Precision > 0 {
			t.Scale = &f.Scale
		}
		m.Schema.Elements = append(m.Schema.Elements, manifestField{f.Name, t})
	}
	m.Meta = &m.total
	m.Author = &manifestAuthor{"Amazon Redshift", "1.0.0"}
	return json.MarshalIndent(m, "", "  ")
}
