package copyload

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// maxPartitions is how many partitions of text are written at once; each has
// an open file.
const maxPartitions = 500

// Lines writes rows of text into parts, cut at MAXFILESIZE, which counts bytes
// before they are compressed.
type Lines struct {
	dir    string
	header string
	limit  int64
	count  int
	open   map[string]*linesFile // by partition
	next   map[string]int        // the number of a partition's next part
	parts  []Part
}

type linesFile struct {
	part Part
	file *os.File
	w    *bufio.Writer
	size int64
}

// NewLines writes into dir. The header goes into each part.
func NewLines(u *Unload, dir, header string) *Lines {
	limit := u.MaxSize
	if limit == 0 {
		limit = maxFileSize
	}
	return &Lines{dir: dir, header: header, limit: limit, open: map[string]*linesFile{}, next: map[string]int{}}
}

// Add writes a row of a partition, "" is none.
func (l *Lines) Add(partition, line string) error {
	f := l.open[partition]
	if f != nil && f.size+int64(len(line)) >= l.limit {
		if err := l.end(f); err != nil {
			return err
		}
		delete(l.open, partition)
		f = nil
	}
	if f == nil {
		var err error
		if f, err = l.begin(partition); err != nil {
			return err
		}
	}
	f.part.Rows++
	return f.write(line)
}

func (f *linesFile) write(line string) error {
	f.size += int64(len(line)) + 1
	_, err := f.w.WriteString(line)
	return errors.Join(err, f.w.WriteByte('\n'))
}

// begin opens the next part of a partition.
func (l *Lines) begin(partition string) (*linesFile, error) {
	if len(l.open) >= maxPartitions { // any will do: its next row begins another part
		for name, f := range l.open {
			if err := l.end(f); err != nil {
				return nil, err
			}
			delete(l.open, name)
			break
		}
	}
	path := filepath.Join(l.dir, fmt.Sprintf("part%06d", l.count))
	l.count++
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	f := &linesFile{part: Part{Path: path, Dir: partition, Part: l.next[partition]}, file: file, w: bufio.NewWriterSize(file, 1<<16)}
	l.open[partition] = f
	l.next[partition]++
	if l.header == "" {
		return f, nil
	}
	return f, f.write(l.header)
}

func (l *Lines) end(f *linesFile) error {
	l.parts = append(l.parts, f.part)
	return errors.Join(f.w.Flush(), f.file.Close())
}

// Close ends the parts and returns them.
func (l *Lines) Close() ([]Part, error) {
	var err error
	for _, f := range l.open {
		err = errors.Join(err, l.end(f))
	}
	l.open = nil
	slices.SortFunc(l.parts, func(a, b Part) int { return cmp.Or(cmp.Compare(a.Dir, b.Dir), cmp.Compare(a.Part, b.Part)) })
	return l.parts, err
}
