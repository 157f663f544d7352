package copyload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"lamplighter/localcloud/pgwire"
)

// Prepare looks at the destination before the query runs.
func (s *Store) Prepare(ctx context.Context, u *Unload) ([]Object, error) {
	there, err := s.in(u.Region).List(ctx, u.To)
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
	Path  string
	Rows  int64
	Dir   string // of its partition: "" or k=v/
	Slice int    // within its partition
	Part  int    // within its slice
}

// Field is a column of the unloaded rows, for the manifest.
type Field struct {
	Name      string
	Base      string // as Redshift calls the type
	MaxLength int
	Precision int
	Scale     int
}

// Written is an object that UNLOAD wrote: a row of stl_unload_log.
type Written struct {
	Address string
	Rows    int64
	Bytes   int64
}

// Publish uploads the parts and, last, the manifest. Without rows it writes
// nothing (RSD r_UNLOAD: text "might" write empty objects; this does not).
func (s *Store) Publish(ctx context.Context, u *Unload, there []Object, parts []Part, fields []Field) ([]Written, error) {
	s = s.in(u.Region)
	if u.Clean {
		if err := s.clean(ctx, u, there, parts); err != nil {
			return nil, err
		}
	}
	m := manifest{}
	var written []Written
	for _, p := range parts {
		to := URI{u.To.Bucket, u.To.Key + p.Dir + u.name(p)}
		size, err := s.upload(ctx, u, to, p.Path)
		if err != nil {
			return nil, err
		}
		written = append(written, Written{to.String(), p.Rows, size})
		rows := p.Rows
		if u.Header { // "the row count includes the header line" (RSD r_UNLOAD)
			rows++
		}
		m.add(to.String(), size, rows)
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

// clean is CLEANPATH: with PARTITION BY only folders that get new files are
// emptied (RSD r_UNLOAD).
func (s *Store) clean(ctx context.Context, u *Unload, there []Object, parts []Part) error {
	dirs := map[string]bool{}
	for _, p := range parts {
		dirs[p.Dir] = true
	}
	for _, o := range there {
		inside := strings.TrimPrefix(o.Key, u.To.Key)
		if dir := inside[:strings.LastIndexByte(inside, '/')+1]; len(u.Partition) > 0 && !dirs[dir] {
			continue
		}
		if err := s.Delete(ctx, o.URI); err != nil {
			return err
		}
	}
	return nil
}

// name of a file (RSD r_UNLOAD): <slice>_part_<nn>, or a plain number with
// PARALLEL OFF, and what EXTENSION, the compression or Parquet add.
func (u *Unload) name(p Part) string {
	name := fmt.Sprintf("%04d_part_%02d", p.Slice, p.Part)
	if u.Serial {
		name = fmt.Sprintf("%03d", p.Slice+p.Part)
	}
	switch {
	case u.Extended:
		return name + "." + strings.TrimPrefix(u.Extension, ".")
	case u.Format == "parquet":
		return name + ".parquet"
	}
	return name + map[string]string{"gzip": ".gz", "bzip2": ".bz2", "zstd": ".zst"}[u.Compress]
}

func (s *Store) upload(ctx context.Context, u *Unload, to URI, path string) (int64, error) {
	if u.Compress != "" {
		small := path + "." + u.Compress
		if err := compress(small, path, u.Compress); err != nil {
			return 0, err
		}
		path = small
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

func compress(to, from, how string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	var z io.WriteCloser
	switch how {
	case "bzip2":
		z = newBzipWriter(out)
	case "zstd":
		if z, err = zstd.NewWriter(out); err != nil {
			return errors.Join(err, out.Close())
		}
	default:
		z = gzip.NewWriter(out)
	}
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
