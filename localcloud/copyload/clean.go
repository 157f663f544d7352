package copyload

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"
)

// cleanWriter writes rows that the database reads without a doubt: CSV, every
// string in quotes, NULL as a bare \N, dates and numbers in one form.
type cleanWriter struct {
	file     *os.File
	w        *bufio.Writer
	convert  []converter
	line     []byte
	scratch  []byte
	newlines bool
	err      error
}

func (w *cleanWriter) close() error {
	return errors.Join(w.w.Flush(), w.file.Close())
}

// row writes a record, or says why it is refused. Nothing of a refused record
// is written.
func (w *cleanWriter) row(c *Copy, cols []Column, rec *record) *Reject {
	fields := rec.fields
	n := len(cols)
	if len(fields) == n+1 && c.Format == "text" && len(fields[n]) == 0 { // a delimiter after the last field
		fields = fields[:n]
	}
	switch {
	case rec.err != nil:
		return w.reject(rec, fields, max(0, min(len(fields), n)-1), rec.err)
	case len(fields) > n:
		return w.reject(rec, fields, n-1, &reason{code: 1202, msg: "Extra column(s) found"})
	case len(fields) < n && len(rec.raw) == 0:
		return w.reject(rec, nil, 0, &reason{code: 1211, msg: "Input line contained no data"})
	case len(fields) < n && !c.FillRecord:
		return w.reject(rec, fields, len(fields)-1, &reason{code: 1214, msg: "Delimiter not found"})
	}
	w.line = w.line[:0]
	for i, col := range cols {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		var field []byte
		missing := i >= len(fields)
		if !missing {
			field = fields[i]
		}
		if bad := w.field(c, col, w.convert[i], field, missing); bad != nil {
			return w.reject(rec, fields, i, bad)
		}
	}
	w.line = append(w.line, '\n')
	_, w.err = w.w.Write(w.line)
	return nil
}

// field appends one value.
func (w *cleanWriter) field(c *Copy, col Column, conv converter, f []byte, missing bool) *reason {
	if w.isNull(c, col, f, missing) {
		if col.NotNull {
			return &reason{code: 1213, msg: "Missing data for not-null field"}
		}
		w.line = append(w.line, `\N`...)
		return nil
	}
	start := len(w.line)
	line, bad := conv(w.line, f)
	if bad != nil {
		return bad
	}
	w.line = line
	if col.text() {
		w.quoted(start)
	}
	return nil
}

// quoted puts quotes around what the line has from start on, where it would
// be read as something else without.
func (w *cleanWriter) quoted(start int) {
	v := w.line[start:]
	if len(v) > 0 && !bytes.ContainsAny(v, "\",\\\r\n \t") {
		return
	}
	w.newlines = w.newlines || bytes.ContainsAny(v, "\r\n")
	w.scratch = append(w.scratch[:0], v...)
	w.line = append(w.line[:start], '"')
	for _, b := range w.scratch {
		if b == '"' {
			w.line = append(w.line, '"')
		}
		w.line = append(w.line, b)
	}
	w.line = append(w.line, '"')
}

// isNull: what FILLRECORD fills, where it is no empty string; JSON's null, also
// as text of a SUPER;
// NULL AS's text; of types other than strings an empty field; with EMPTYASNULL
// and BLANKSASNULL those (RSD copy-parameters-data-conversion).
func (w *cleanWriter) isNull(c *Copy, col Column, f []byte, missing bool) bool {
	text := col.Type == "VARCHAR"
	switch {
	case missing:
		return !text || c.EmptyAsNull
	case c.Format == "json" && f == nil:
		return true
	case c.Format != "json" && string(f) == c.Null:
		return true
	case col.Type == "JSON" && string(bytes.TrimSpace(f)) == "null":
		return true
	case !text:
		return len(bytes.TrimSpace(f)) == 0
	case len(f) == 0:
		return c.EmptyAsNull
	}
	return c.BlanksAsNull && len(bytes.TrimSpace(f)) == 0
}

// reject describes a record that is refused for its i-th field.
func (w *cleanWriter) reject(rec *record, fields [][]byte, i int, why *reason) *Reject {
	r := &Reject{Line: rec.line, Index: i, Position: why.pos, Raw: Clip(rec.raw), Code: why.code, Reason: why.msg}
	for k := 0; k <= i && k < len(fields); k++ {
		r.Values = append(r.Values, Clip(fields[k]))
	}
	return r
}

// Clip keeps as much as the system tables hold, with a period for each
// character of more than one byte (RSD r_STL_LOAD_ERRORS).
func Clip(b []byte) string {
	out := make([]byte, 0, min(len(b), 1024))
	for i := 0; i < len(b) && len(out) < 1024; {
		_, n := utf8.DecodeRune(b[i:])
		if b[i] < 0x80 && b[i] != 0 {
			out = append(out, b[i])
		} else {
			out = append(out, '.')
		}
		i += n
	}
	return string(out)
}

// Select is the query over the staged rows of text, in the order of Columns.
func (s *Staged) Select() string {
	paths := make([]string, len(s.Paths))
	for i, p := range s.Paths {
		paths[i] = quote(p)
	}
	list := "[" + strings.Join(paths, ", ") + "]"
	cols, selected := make([]string, len(s.Columns)), make([]string, len(s.Columns))
	for i, c := range s.Columns {
		typ := c.Type
		selected[i] = fmt.Sprintf("c%d", i)
		if c.text() {
			typ = "VARCHAR"
		}
		cols[i] = fmt.Sprintf("%s: %s", quote(selected[i]), quote(typ))
		if c.Type == "BLOB" {
			selected[i] = "unhex(" + selected[i] + ")"
		}
	}
	// Files with line ends inside quotes are read by one thread: splitting such
	// a file is guessing.
	return fmt.Sprintf("SELECT "+strings.Join(selected, ", ")+" FROM read_csv(%s, auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', nullstr = '\\N', allow_quoted_nulls = false, "+
		"strict_mode = true, new_line = '\\n', hive_partitioning = false, max_line_size = %d, parallel = %t, columns = {%s})",
		list, 2*maxRecord, !s.newlines, strings.Join(cols, ", "))
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
