package copyload

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxRecord is the longest record: Redshift's rows end at 4 MB.
const maxRecord = 4 << 20

// record is one row of text, cut into fields.
type record struct {
	line   int64 // of its first character, 1 is the first of the object
	fields [][]byte
	raw    []byte // as it was read, without the line end
	err    *reason
}

// reason says why a value or a record is refused.
type reason struct {
	code int
	msg  string
}

// recordReader cuts an object into records.
type recordReader struct {
	r    *bufio.Reader
	c    *Copy
	line int64 // of the next character
	buf  []byte
	flat []byte
	ends []int
	out  record
}

func newRecordReader(r io.Reader, c *Copy) *recordReader {
	return &recordReader{r: bufio.NewReaderSize(r, 1<<16), c: c, line: 1}
}

// skip skips header lines.
func (r *recordReader) skip(lines int) error {
	for range lines {
		if err := r.readLine(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		r.line++
	}
	return nil
}

// readLine reads one line into buf, with its line end.
func (r *recordReader) readLine() error {
	r.buf = r.buf[:0]
	return r.appendLine()
}

func (r *recordReader) appendLine() error {
	for {
		part, err := r.r.ReadSlice('\n')
		r.buf = append(r.buf, part...)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			if len(r.buf) <= maxRecord {
				continue
			}
			return errTooLong
		case errors.Is(err, io.EOF) && len(part) > 0:
			return nil
		default:
			return err
		}
	}
}

var errTooLong = errors.New("a record is longer than 4 MB")

// next returns the next record, or io.EOF. What it returns is good until the
// next call.
func (r *recordReader) next() (*record, error) {
	for {
		if err := r.readLine(); err != nil {
			return nil, err
		}
		r.out = record{line: r.line, fields: r.out.fields[:0]}
		var err error
		if r.c.Format == "csv" {
			err = r.csv()
		} else {
			err = r.delimited()
		}
		if err != nil {
			return nil, err
		}
		if r.c.IgnoreBlankLines && len(bytes.TrimSpace(r.out.raw)) == 0 {
			continue
		}
		return &r.out, nil
	}
}

func trimEnd(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}

// endField notes that a field ends at the end of flat.
func (r *recordReader) endField() { r.ends = append(r.ends, len(r.flat)) }

// finish makes fields of flat and ends.
func (r *recordReader) finish() {
	start := 0
	for _, end := range r.ends {
		r.out.fields = append(r.out.fields, r.flat[start:end])
		start = end
	}
	r.out.raw = trimEnd(r.buf)
}

// csv cuts a record of RFC 4180: a quoted field may hold delimiters, line ends
// and doubled quotes.
func (r *recordReader) csv() error {
	r.flat, r.ends = r.flat[:0], r.ends[:0]
	quote, delim := r.c.Quote, r.c.Delim
	i, inQuotes, afterQuote, fieldStart := 0, false, false, true
	line := r.line
	for {
		b := r.buf
		for ; i < len(b); i++ {
			c := b[i]
			switch {
			case inQuotes && c == quote && i+1 < len(b) && b[i+1] == quote:
				r.flat = append(r.flat, quote)
				i++
			case inQuotes && c == quote:
				inQuotes, afterQuote = false, true
			case inQuotes:
				r.flat = append(r.flat, c)
			case c == quote && fieldStart:
				inQuotes, fieldStart = true, false
			case c == delim:
				r.endField()
				fieldStart, afterQuote = true, false
			case c == '\n' || c == '\r' && (i+1 == len(b) || b[i+1] == '\n'):
				continue
			default:
				if afterQuote || c == quote {
					r.out.err = &reason{1216, "Invalid quote formatting for CSV"}
				}
				r.flat = append(r.flat, c)
				fieldStart = false
			}
		}
		line++
		if !inQuotes {
			break
		}
		err := r.appendLine()
		if errors.Is(err, io.EOF) {
			r.out.err = &reason{1216, "Invalid quote formatting for CSV: the quote is never closed"}
			break
		}
		if err != nil {
			return err
		}
	}
	r.line = line
	r.endField()
	r.finish()
	return nil
}

// delimited cuts a record of plain text at its delimiters. With ESCAPE a
// backslash takes the next character, line ends too, as it is.
func (r *recordReader) delimited() error {
	r.flat, r.ends = r.flat[:0], r.ends[:0]
	i := 0
	for {
		open := false
		for ; i < len(r.buf); i++ {
			c := r.buf[i]
			switch {
			case c == '\\' && r.c.Escape:
				i++
				if i < len(r.buf) {
					if r.buf[i] == 'N' { // \N is NULL, not an escaped N
						r.flat = append(r.flat, '\\')
					}
					r.flat = append(r.flat, r.buf[i])
					open = r.buf[i] == '\n' && i+1 == len(r.buf)
				}
			case c == r.c.Delim:
				r.endField()
			case c == '\n' || c == '\r' && i+2 == len(r.buf) && r.buf[i+1] == '\n':
			default:
				r.flat = append(r.flat, c)
			}
		}
		r.line++
		if !open {
			break
		}
		if err := r.appendLine(); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return err
		}
	}
	r.endField()
	r.finish()
	if r.c.RemoveQuotes {
		for k, f := range r.out.fields {
			if n := len(f); n > 1 && (f[0] == '"' || f[0] == '\'') && f[n-1] == f[0] {
				r.out.fields[k] = f[1 : n-1]
			}
		}
	}
	return nil
}
