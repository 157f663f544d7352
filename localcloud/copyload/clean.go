package copyload

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// cleanWriter writes rows that the database reads without a doubt: CSV, every
// string in quotes, NULL as a bare \N, dates and numbers in one form.
type cleanWriter struct {
	file     *os.File
	w        *bufio.Writer
	convert  []converter
	line     []byte
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
		return w.reject(rec, cols[min(len(fields), n)-1], nil, rec.err)
	case len(fields) > n:
		return w.reject(rec, cols[n-1], fields[n-1], &reason{1202, "Extra column(s) found"})
	case len(fields) < n && len(rec.raw) == 0:
		return w.reject(rec, cols[0], nil, &reason{1211, "Input line contained no data"})
	case len(fields) < n && !c.FillRecord:
		return w.reject(rec, cols[len(fields)-1], fields[len(fields)-1], &reason{1214, "Delimiter not found"})
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
			return w.reject(rec, col, field, bad)
		}
	}
	w.line = append(w.line, '\n')
	_, w.err = w.w.Write(w.line)
	return nil
}

// field appends one value.
func (w *cleanWriter) field(c *Copy, col Column, conv converter, f []byte, missing bool) *reason {
	text := col.Type == "VARCHAR"
	if missing || isNull(c, text, f) {
		if col.NotNull {
			return &reason{1213, "Missing data for not-null field"}
		}
		w.line = append(w.line, `\N`...)
		return nil
	}
	v, bad := conv(f)
	if bad != nil {
		return bad
	}
	if !text && col.Type != "JSON" {
		w.line = append(w.line, v...)
		return nil
	}
	w.newlines = w.newlines || strings.ContainsAny(v, "\r\n")
	w.line = append(w.line, '"')
	w.line = append(w.line, strings.ReplaceAll(v, `"`, `""`)...)
	w.line = append(w.line, '"')
	return nil
}

// isNull: NULL AS's text; of types other than strings an empty field; with
// EMPTYASNULL and BLANKSASNULL those (RSD copy-parameters-data-conversion).
func isNull(c *Copy, text bool, f []byte) bool {
	if string(f) == c.Null {
		return true
	}
	blank := len(bytes.TrimSpace(f)) == 0
	if !text {
		return blank
	}
	return len(f) == 0 && c.EmptyAsNull || len(f) > 0 && blank && c.BlanksAsNull
}

func (w *cleanWriter) reject(rec *record, col Column, value []byte, why *reason) *Reject {
	return &Reject{
		Line: rec.line, Column: col, Position: 0,
		Raw: clip(rec.raw), Value: clip(value), Code: why.code, Reason: why.msg,
	}
}

// clip keeps as much as the system table holds.
func clip(b []byte) string {
	return strings.ToValidUTF8(string(b[:min(len(b), 1024)]), "?")
}

// Select is the query over the staged rows, in the order of Columns.
func (s *Staged) Select() string {
	if len(s.Paths) == 0 {
		return ""
	}
	paths := make([]string, len(s.Paths))
	for i, p := range s.Paths {
		paths[i] = quote(p)
	}
	list := "[" + strings.Join(paths, ", ") + "]"
	if s.Format == "parquet" {
		return "SELECT * FROM read_parquet(" + list + ", hive_partitioning = false)"
	}
	cols := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		typ := c.Type
		if typ == "JSON" {
			typ = "VARCHAR"
		}
		cols[i] = fmt.Sprintf("%s: %s", quote(fmt.Sprintf("c%d", i)), quote(typ))
	}
	// Files with line ends inside quotes are read by one thread: splitting such
	// a file is guessing.
	return fmt.Sprintf("SELECT * FROM read_csv(%s, auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', nullstr = '\\N', allow_quoted_nulls = false, "+
		"strict_mode = true, new_line = '\\n', hive_partitioning = false, max_line_size = %d, parallel = %t, columns = {%s})",
		list, 2*maxRecord, !s.newlines, strings.Join(cols, ", "))
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
