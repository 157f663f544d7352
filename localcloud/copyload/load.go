package copyload

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"lamplighter/localcloud/pgwire"
)

// parallel is how many objects are fetched at once.
const parallel = 16

// Reject is a refused row: a row of stl_load_errors.
type Reject struct {
	File     string
	Line     int64
	Index    int // of the column at fault
	Position int // in its field
	Raw      string
	Values   []string // as they were read, up to the one at fault
	Code     int
	Reason   string
}

// Value is what stands in the field at fault.
func (r Reject) Value() string {
	if r.Index < len(r.Values) {
		return r.Values[r.Index]
	}
	return ""
}

// File is an object that was read: a row of stl_load_commits.
type File struct {
	Name  string
	Lines int64
	Bytes int64
}

// Staged is what COPY fetched: clean files in a folder, rejects.
type Staged struct {
	Format   string
	Columns  []Column // of the files, in order
	Paths    []string
	Names    map[string]string // a path's object, of Parquet
	Rows     int64             // good ones; of Parquet unknown, -1
	Files    []File
	Rejects  []Reject
	newlines bool // some value has a line end in it
}

// entry is an object that COPY is to read.
type entry struct {
	URI
	mandatory bool
	size      int64 // -1: not known
}

// Stage fetches what COPY names into dir: text as clean CSV with the columns
// of columns, Parquet as it is. Rejects up to MAXERROR are no error; one more
// ends the work, and then the result holds them and the error is nil too: the
// caller compares.
func (s *Store) Stage(ctx context.Context, c *Copy, columns []Column, dir string) (*Staged, error) {
	s = s.in(c.Region)
	entries, err := s.entries(ctx, c)
	if err != nil {
		return nil, err
	}
	job := &stageJob{store: s, c: c, dir: dir, out: &Staged{Format: c.Format, Columns: columns, Names: map[string]string{}}}
	if c.Format == "parquet" {
		job.out.Rows = -1
	} else {
		for _, col := range columns {
			if _, err := c.converterFor(col); err != nil {
				return nil, &pgwire.Error{Code: "0A000", Msg: err.Error() + " is not supported by the embedded warehouse", Detail: "column " + col.Name}
			}
		}
	}
	if c.Format == "json" {
		if job.pick, err = s.picker(ctx, c, columns); err != nil {
			return nil, err
		}
	}
	return job.run(ctx, entries)
}

// entries lists the objects: those of the manifest, or all under the prefix.
func (s *Store) entries(ctx context.Context, c *Copy) ([]entry, error) {
	if c.Manifest {
		return s.manifest(ctx, c)
	}
	objects, err := s.List(ctx, c.From)
	if err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, pgwire.Errorf("XX000", "The specified S3 prefix '%s' does not exist", c.From.Key)
	}
	var out []entry
	for _, o := range objects {
		if o.Size == 0 && strings.HasSuffix(o.Key, "/") { // a folder's marker
			continue
		}
		out = append(out, entry{o.URI, true, -1})
	}
	return out, nil
}

func (s *Store) manifest(ctx context.Context, c *Copy) ([]entry, error) {
	body, _, err := s.Get(ctx, c.From)
	if err != nil {
		var e *pgwire.Error
		if errors.As(err, &e) {
			return nil, &pgwire.Error{Code: "XX000", Msg: "Problem reading manifest file - " + e.Msg, Detail: c.From.String()}
		}
		return nil, err
	}
	defer func() { _ = body.Close() }()
	var m struct {
		Entries []struct {
			URL       string `json:"url"`
			Mandatory bool   `json:"mandatory"`
			Meta      struct {
				Length *int64 `json:"content_length"`
			} `json:"meta"`
		} `json:"entries"`
	}
	if err := json.NewDecoder(body).Decode(&m); err != nil {
		return nil, pgwire.Errorf("XX000", "Manifest file is not in correct json format: %v", err)
	}
	if len(m.Entries) == 0 {
		return nil, pgwire.Errorf("XX000", "Manifest file %s does not contain any entries", c.From)
	}
	var out []entry
	for _, e := range m.Entries {
		u, err := ParseURI(e.URL)
		if err != nil || u.Key == "" || strings.HasSuffix(u.Key, "/") {
			return nil, pgwire.Errorf("XX000", "Invalid entry in manifest file - %q is not the full path of an object", e.URL)
		}
		x := entry{u, e.Mandatory, -1}
		if e.Meta.Length != nil {
			x.size = *e.Meta.Length
		} else if c.Format == "parquet" {
			return nil, pgwire.Errorf("XX000", "Missing or invalid content_length of %q in manifest file: columnar formats need it", e.URL)
		}
		out = append(out, x)
	}
	return out, nil
}

// stageJob is one run of Stage.
type stageJob struct {
	store *Store
	c     *Copy
	dir   string
	pick  func([]byte) ([][]byte, *reason) // of JSON

	mu      sync.Mutex
	out     *Staged
	missing int
	stop    bool // enough rejects
}

func (j *stageJob) run(ctx context.Context, entries []entry) (*Staged, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan int)
	var wg sync.WaitGroup
	workers := min(parallel, len(entries))
	if j.c.Format != "parquet" {
		workers = min(workers, 4) // each writes a file of its own; parsing, not waiting, is the work
	}
	files := make([]*File, len(entries))
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := j.worker(ctx, w, work, entries, files); err != nil {
				cancel(err)
			}
		}()
	}
	for i := range entries {
		select {
		case work <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(work)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if j.missing == len(entries) {
		return nil, pgwire.Errorf("XX000", "No valid manifest entries found: none of the %d objects of %s exists", len(entries), j.c.From)
	}
	for _, f := range files {
		if f != nil {
			j.out.Files = append(j.out.Files, *f)
		}
	}
	return j.out, nil
}

func (j *stageJob) enough() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stop
}

// worker reads objects until there are none left.
func (j *stageJob) worker(ctx context.Context, n int, work <-chan int, entries []entry, files []*File) error {
	var sink *cleanWriter
	for i := range work {
		if j.enough() {
			continue
		}
		f, err := j.object(ctx, n, i, entries[i], &sink)
		if err != nil {
			return err
		}
		files[i] = f
	}
	if sink == nil {
		return nil
	}
	return sink.close()
}

// object reads one object; nil when it is missing and may be.
func (j *stageJob) object(ctx context.Context, n, i int, e entry, sink **cleanWriter) (*File, error) {
	body, size, err := j.store.Get(ctx, e.URI)
	if err != nil {
		if errors.Is(err, errMissing) && !e.mandatory {
			j.mu.Lock()
			j.missing++
			j.mu.Unlock()
			return nil, nil
		}
		return nil, missingObject(e.URI, err)
	}
	defer func() { _ = body.Close() }()
	if e.size >= 0 && e.size != size && j.c.Format == "parquet" {
		return nil, pgwire.Errorf("XX000", "Object %s has %d bytes, its manifest says %d", e.URI, size, e.size)
	}
	file := &File{Name: e.URI.String(), Bytes: size}
	if j.c.Format == "parquet" {
		return file, j.columnar(filepath.Join(j.dir, fmt.Sprintf("%06d.parquet", i)), e.URI, body)
	}
	if size == 0 { // nothing, however it would be packed
		return file, nil
	}
	if *sink == nil {
		if *sink, err = j.newSink(n); err != nil {
			return nil, err
		}
	}
	plain, err := decompress(body, j.c.Compress)
	if err != nil {
		return nil, pgwire.Errorf("XX000", "%s cannot be decompressed as %s: %v", e.URI, j.c.Compress, err)
	}
	if plain, err = decode(plain, j.c.Encoding); err != nil {
		return nil, pgwire.Errorf("XX000", "%s cannot be read: %v", e.URI, err)
	}
	if err := j.text(ctx, file, plain, *sink); err != nil {
		return nil, err
	}
	return file, nil
}

// columnar keeps a Parquet file; what its name says it is packed with is
// unpacked (RSD copy-usage_notes-copy-from-columnar).
func (j *stageJob) columnar(path string, u URI, body io.Reader) error {
	how := map[string]string{".gz": "gzip", ".bz2": "bzip2"}[filepath.Ext(u.Key)]
	plain, err := decompress(body, how)
	if err == nil {
		err = save(path, plain)
	}
	if err != nil {
		return unreadable(&File{Name: u.String()}, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.out.Paths = append(j.out.Paths, path)
	j.out.Names[path] = u.String()
	return nil
}

// missingObject names the object in the error.
func missingObject(u URI, err error) error {
	var e *pgwire.Error
	if errors.As(err, &e) {
		return &pgwire.Error{Code: e.Code, Msg: e.Msg + ", " + u.String(), Detail: e.Detail}
	}
	return err
}

func save(path string, body io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Close())
}

func (j *stageJob) newSink(n int) (*cleanWriter, error) {
	path := filepath.Join(j.dir, fmt.Sprintf("clean%02d.csv", n))
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	w := &cleanWriter{file: f, w: bufio.NewWriterSize(f, 1<<18)}
	for _, col := range j.out.Columns {
		conv, err := j.c.converterFor(col)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		w.convert = append(w.convert, conv)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.out.Paths = append(j.out.Paths, path)
	return w, nil
}

func (j *stageJob) source(body io.Reader) recordSource {
	if j.pick != nil {
		return newJSONReader(body, j.pick)
	}
	return newRecordReader(body, j.c)
}

// text cleans one object's rows into the sink.
func (j *stageJob) text(ctx context.Context, file *File, body io.Reader, sink *cleanWriter) error {
	r := j.source(body)
	if err := r.skip(j.c.Header); err != nil {
		return unreadable(file, err)
	}
	var rows int64
	for {
		rec, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return unreadable(file, err)
		}
		if rows&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		file.Lines++
		if rej := sink.row(j.c, j.out.Columns, rec); rej != nil {
			rej.File = file.Name
			if j.reject(*rej) {
				break
			}
			continue
		}
		if sink.err != nil {
			return sink.err
		}
		rows++
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.out.Rows += rows
	j.out.newlines = j.out.newlines || sink.newlines
	return nil
}

func unreadable(file *File, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return pgwire.Errorf("XX000", "%s cannot be read: %v", file.Name, err)
}

// reject keeps a refused row and says that there are more than MAXERROR.
func (j *stageJob) reject(r Reject) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.stop {
		j.out.Rejects = append(j.out.Rejects, r)
	}
	j.stop = j.stop || j.c.TooMany(len(j.out.Rejects))
	return j.stop
}
