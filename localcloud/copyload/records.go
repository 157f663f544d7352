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

// reason says why a value or a record is refused. The codes are those of RSD
// r_Load_Error_Reference.
type reason struct {
	code int
	msg  string
	pos  int // in the field, in bytes
}

// recordSource cuts an object into records.
type recordSource interface {
	// skip skips header lines.
	skip(lines int) error
	// next returns the next record, or io.EOF. What it returns is good until
	// the next call.
	next() (*record, error)
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
			return r.dropLine()
		case errors.Is(err, io.EOF) && len(part) > 0:
			return nil
		default:
			return err
		}
	}
}

// dropLine skips the rest of a line that is too long.
func (r *recordReader) dropLine() error {
	r.out.err = tooLong
	for {
		_, err := r.r.ReadSlice('\n')
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// tooLong: a row ends at 4 MB (RSD r_COPY). The code is a guess: the page
// names none.
var tooLong = &reason{code: 1216, msg: "Input line is not valid: it is longer than 4 MB"}

func (r *recordReader) next() (*record, error) {
	for {
		r.out = record{line: r.line, fields: r.out.fields[:0]}
		if err := r.readLine(); err != nil {
			return nil, err
		}
		if err := r.cut(); err != nil {
			return nil, err
		}
		if r.c.IgnoreBlankLines && len(bytes.TrimSpace(r.out.raw)) == 0 {
			continue
		}
		return &r.out, nil
	}
}

// cut cuts what is in buf into fields, and reads on when the record does.
func (r *recordReader) cut() error {
	switch {
	case r.out.err != nil:
		r.line++
		r.out.raw = r.buf
		return nil
	case r.c.Format == "csv" && bytes.IndexByte(r.buf, r.c.Quote) >= 0:
		return r.csv()
	case r.c.Format != "csv" && (r.c.RemoveQuotes || r.c.Escape && bytes.IndexByte(r.buf, '\\') >= 0):
		return r.delimited()
	}
	r.plain()
	return nil
}

// plain cuts a line in which nothing is special but delimiters: most are so.
func (r *recordReader) plain() {
	r.line++
	line := trimEnd(r.buf)
	r.out.raw = line
	for {
		i := bytes.IndexByte(line, r.c.Delim)
		if i < 0 {
			r.out.fields = append(r.out.fields, line)
			return
		}
		r.out.fields = append(r.out.fields, line[:i])
		line = line[i+1:]
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
// and doubled quotes. White space around the quotes does not count (RSD
// copy-parameters-data-format, CSV).
func (r *recordReader) csv() error {
	r.flat, r.ends = r.flat[:0], r.ends[:0]
	i, line := 0, r.line
	for {
		var open bool
		i, open = r.csvField(i)
		for open {
			line++
			err := r.appendLine()
			if errors.Is(err, io.EOF) {
				r.out.err = &reason{code: 1216, msg: "Invalid quote formatting for CSV: the quote is never closed"}
				break
			}
			if err != nil {
				return err
			}
			if r.out.err != nil { // too long
				break
			}
			i, open = r.csvQuoted(i)
		}
		r.endField()
		if i >= len(r.buf) || r.out.err == tooLong {
			break
		}
		i++ // the delimiter
	}
	r.line = line + 1
	r.finish()
	return nil
}

// csvField reads a field that begins at i, and returns where it ends, or that
// its quote is still open at the end of what was read.
func (r *recordReader) csvField(i int) (end int, open bool) {
	if j := r.skipBlanks(i); j < len(r.buf) && r.buf[j] == r.c.Quote {
		return r.csvQuoted(j + 1)
	}
	for ; i < len(r.buf) && r.buf[i] != r.c.Delim; i++ {
		if r.atLineEnd(i) {
			return len(r.buf), false
		}
		if r.buf[i] == r.c.Quote {
			r.badQuote()
		}
		r.flat = append(r.flat, r.buf[i])
	}
	return i, false
}

// csvQuoted reads on inside quotes.
func (r *recordReader) csvQuoted(i int) (end int, open bool) {
	for ; i < len(r.buf); i++ {
		if r.buf[i] != r.c.Quote {
			r.flat = append(r.flat, r.buf[i])
			continue
		}
		if i+1 == len(r.buf) || r.buf[i+1] != r.c.Quote {
			return r.afterQuote(i + 1), false
		}
		r.flat = append(r.flat, r.c.Quote)
		i++
	}
	return i, true
}

// afterQuote goes from a closing quote to the delimiter.
func (r *recordReader) afterQuote(i int) int {
	for i = r.skipBlanks(i); i < len(r.buf) && r.buf[i] != r.c.Delim; i++ {
		if r.atLineEnd(i) {
			return len(r.buf)
		}
		r.badQuote()
		r.flat = append(r.flat, r.buf[i])
	}
	return i
}

func (r *recordReader) badQuote() {
	if r.out.err == nil {
		r.out.err = &reason{code: 1216, msg: "Invalid quote formatting for CSV"}
	}
}

func (r *recordReader) skipBlanks(i int) int {
	for i < len(r.buf) && (r.buf[i] == ' ' || r.buf[i] == '\t') && r.buf[i] != r.c.Delim {
		i++
	}
	return i
}

// atLineEnd says that only a line end follows.
func (r *recordReader) atLineEnd(i int) bool {
	return r.buf[i] == '\n' || r.buf[i] == '\r' && (i+1 == len(r.buf) || r.buf[i+1] == '\n')
}

// delimited cuts a record of plain text at its delimiters. With ESCAPE a
// backslash takes the next character, line ends too, as it is; with
// REMOVEQUOTES a field in quotes may hold delimiters (RSD
// copy-parameters-data-conversion).
func (r *recordReader) delimited() error {
	r.flat, r.ends = r.flat[:0], r.ends[:0]
	quote := r.openingQuote(0)
	i := 0
	if quote != 0 {
		i = 1
	}
	for {
		for ; i < len(r.buf) && !r.atLineEnd(i); i++ {
			c := r.buf[i]
			switch {
			case c == '\\' && r.c.Escape && i+1 < len(r.buf):
				i++
				if r.buf[i] == 'N' && r.c.Null == `\N` { // \N is NULL, not an escaped N
					r.flat = append(r.flat, '\\')
				}
				r.flat = append(r.flat, r.buf[i])
			case quote != 0 && c == quote && (i+1 == len(r.buf) || r.atLineEnd(i+1) || r.buf[i+1] == r.c.Delim):
				quote = 0
			case quote == 0 && c == r.c.Delim:
				r.endField()
				if quote = r.openingQuote(i + 1); quote != 0 {
					i++
				}
			default:
				r.flat = append(r.flat, c)
			}
		}
		r.line++
		if i < len(r.buf) || !bytes.HasSuffix(r.buf, []byte("\n")) { // a line end that was not escaped
			break
		}
		if err := r.appendLine(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	if quote != 0 && r.out.err == nil {
		r.out.err = &reason{code: 1216, msg: "Invalid quote formatting: the quote is never closed"}
	}
	r.endField()
	r.finish()
	return nil
}

// openingQuote is the quote that REMOVEQUOTES removes from the field at i.
func (r *recordReader) openingQuote(i int) byte {
	if r.c.RemoveQuotes && i < len(r.buf) && (r.buf[i] == '"' || r.buf[i] == '\'') {
		return r.buf[i]
	}
	return 0
}
