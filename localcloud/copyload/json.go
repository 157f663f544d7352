package copyload

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"lamplighter/localcloud/pgwire"
)

// jsonReader cuts an object of JSON documents, one after the other, into
// records: the i-th field is what the i-th column takes (RSD
// copy-parameters-data-format, JSON; copy-usage_notes-copy-from-json).
type jsonReader struct {
	r    *bufio.Reader
	pick func(document []byte) ([][]byte, *reason)
	line int64 // of the next character
	buf  []byte
	out  record
}

// newJSONReader reads documents for the columns.
func newJSONReader(r io.Reader, pick func([]byte) ([][]byte, *reason)) *jsonReader {
	return &jsonReader{r: bufio.NewReaderSize(r, 1<<16), pick: pick, line: 1}
}

func (r *jsonReader) skip(lines int) error {
	for lines > 0 {
		b, err := r.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case b == '\n':
			lines--
			r.line++
		}
	}
	return nil
}

// next returns the next document, or what stands there instead of one.
func (r *jsonReader) next() (*record, error) {
	r.buf = r.buf[:0]
	for {
		b, err := r.r.ReadByte()
		if err != nil {
			return nil, err
		}
		switch b {
		case '\n':
			r.line++
			continue
		case ' ', '\t', '\r':
			continue
		}
		r.buf = append(r.buf, b)
		if b != '{' && b != '[' {
			err = r.garbage()
		} else {
			err = r.document()
		}
		if err != nil {
			return nil, err
		}
		return &r.out, nil
	}
}

// garbage reads what is no document, up to the end of its line.
func (r *jsonReader) garbage() error {
	bad := reason{code: 1216, msg: "Invalid JSON format: neither an object nor an array"}
	for {
		b, err := r.r.ReadByte()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil || b == '\n' {
			r.out = record{line: r.line, raw: r.buf, err: &bad}
			if err == nil {
				r.line++
			}
			return nil
		}
		if len(r.buf) < maxRecord {
			r.buf = append(r.buf, b)
		}
	}
}

// document reads to the end of the document whose first byte was read. Its
// line is its last one, as stl_load_errors tells it.
func (r *jsonReader) document() error {
	depth, quoted, escaped := 1, false, false
	for depth > 0 {
		b, err := r.r.ReadByte()
		if errors.Is(err, io.EOF) {
			r.out = record{line: r.line, raw: r.buf, err: &reason{code: 1216, msg: "Invalid JSON format: the document does not end"}}
			return nil
		}
		if err != nil {
			return err
		}
		if b == '\n' {
			r.line++
		}
		if len(r.buf) <= maxRecord {
			r.buf = append(r.buf, b)
		}
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = b == '\\', b != '"'
		case b == '"':
			quoted = true
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			depth--
		}
	}
	r.out = record{line: r.line, raw: r.buf}
	if len(r.buf) > maxRecord {
		r.out.err = tooLong
		return nil
	}
	r.out.fields, r.out.err = r.pick(r.buf)
	return nil
}

// picker says how a document's parts find the columns.
func (s *Store) picker(ctx context.Context, c *Copy, columns []Column) (func([]byte) ([][]byte, *reason), error) {
	switch {
	case c.JSON == "noshred":
		if len(columns) != 1 || columns[0].Type != "JSON" {
			return nil, pgwire.Errorf("42601", "JSON 'noshred' takes a table or column list of one SUPER column")
		}
		return whole, nil
	case !strings.HasPrefix(c.JSON, "s3://"):
		return byName(columns, c.JSON == "auto ignorecase"), nil
	}
	paths, err := s.jsonPaths(ctx, c.JSON)
	if err != nil {
		return nil, err
	}
	if paths == nil { // the key is not "jsonpaths": as if it were 'auto'
		return byName(columns, false), nil
	}
	if len(paths) != len(columns) {
		return nil, pgwire.Errorf("XX000", "Number of jsonpaths and the number of columns should match. JSONPath size: %d, Number of columns in table or column list: %d", len(paths), len(columns))
	}
	return byPath(columns, paths), nil
}

// whole is the picker of 'noshred'.
func whole(document []byte) ([][]byte, *reason) {
	if !json.Valid(document) {
		return nil, notWellFormed(document)
	}
	return [][]byte{document}, nil
}

func notWellFormed(document []byte) *reason {
	var v any
	err := json.Unmarshal(document, &v)
	r := &reason{code: 1216, msg: "Invalid JSON format: " + fmt.Sprint(err)}
	var at *json.SyntaxError
	if errors.As(err, &at) {
		r.pos = int(at.Offset)
	}
	return r
}

// byName is the picker of 'auto': keys of the first level that are named like
// the columns, whose names are lower case.
func byName(columns []Column, fold bool) func([]byte) ([][]byte, *reason) {
	return func(document []byte) ([][]byte, *reason) {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(document, &object); err != nil {
			if document[0] == '[' && json.Valid(document) {
				return nil, &reason{code: 1216, msg: "Invalid JSON format: an array needs a JSONPaths file"}
			}
			return nil, notWellFormed(document)
		}
		if fold {
			folded := make(map[string]json.RawMessage, len(object))
			for k, v := range object {
				folded[strings.ToLower(k)] = v
			}
			object = folded
		}
		fields := make([][]byte, len(columns))
		for i, col := range columns {
			fields[i] = scalar(object[col.Name], col)
		}
		return fields, nil
	}
}

// scalar is a JSON value as text: strings without their quotes, null as nil,
// objects and arrays as they are but for white space; as it is for SUPER.
func scalar(v json.RawMessage, col Column) []byte {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] == 'n' {
		return nil
	}
	switch {
	case v[0] == '{' || v[0] == '[':
		var b bytes.Buffer
		if json.Compact(&b, v) == nil {
			return b.Bytes()
		}
	case v[0] == '"' && col.Type != "JSON":
		var s string
		if json.Unmarshal(v, &s) == nil {
			return append([]byte{}, s...)
		}
	}
	return v
}
