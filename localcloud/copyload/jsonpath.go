package copyload

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"lamplighter/localcloud/pgwire"
)

// jsonStep is one step of a path: a key, or an index of an array.
type jsonStep struct {
	key   string
	index int // -1: a key
}

// jsonPaths reads a JSONPaths file; nil when it has another key, which counts
// as no file at all (RSD copy-parameters-data-format, JSONPaths file).
func (s *Store) jsonPaths(ctx context.Context, address string) ([][]jsonStep, error) {
	u, err := ParseURI(address)
	if err != nil {
		return nil, err
	}
	body, _, err := s.Get(ctx, u)
	if err != nil {
		return nil, missingObject(u, err)
	}
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(io.LimitReader(body, maxRecord))
	if err != nil {
		return nil, err
	}
	var file map[string]json.RawMessage
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, pgwire.Errorf("XX000", "JSONPaths file %s is not one JSON object: %v", address, err)
	}
	list, ok := file["jsonpaths"]
	if !ok {
		return nil, nil
	}
	var paths []string
	if err := json.Unmarshal(list, &paths); err != nil {
		return nil, pgwire.Errorf("XX000", "JSONPaths file %s: \"jsonpaths\" is not an array of strings: %v", address, err)
	}
	out := make([][]jsonStep, len(paths))
	for i, p := range paths {
		if out[i], err = parsePath(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// parsePath reads $.a.b[0] or $['a']['b'][0]; the two notations do not mix
// (RSD copy-usage_notes-copy-from-json).
func parsePath(path string) ([]jsonStep, error) {
	bad := func(why string) error {
		return pgwire.Errorf("XX000", "Invalid JSONPath format: %s in %q", why, path)
	}
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, bad("it does not begin with $")
	}
	var steps []jsonStep
	dots, brackets := false, false
	for rest != "" {
		switch {
		case rest[0] == '.':
			dots = true
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			key := rest[1 : 1+end]
			if key == "" || strings.ContainsAny(key, "']*?") {
				return nil, bad("not the name of one element")
			}
			steps, rest = append(steps, jsonStep{key, -1}), rest[1+end:]
		case strings.HasPrefix(rest, "['"):
			brackets = true
			key, after, ok := strings.Cut(rest[2:], "']")
			if !ok || key == "" {
				return nil, bad("a bracket is not closed")
			}
			steps, rest = append(steps, jsonStep{key, -1}), after
		case rest[0] == '[':
			number, after, ok := strings.Cut(rest[1:], "]")
			n, err := strconv.Atoi(number)
			if !ok || err != nil || n < 0 {
				return nil, bad("not an index")
			}
			steps, rest = append(steps, jsonStep{"", n}), after
		default:
			return nil, bad("not a step")
		}
	}
	switch {
	case len(steps) == 0:
		return nil, bad("no element")
	case dots && brackets:
		return nil, bad("bracket and dot notation are mixed")
	}
	return steps, nil
}

// byPath is the picker of a JSONPaths file.
func byPath(columns []Column, paths [][]jsonStep) func([]byte) ([][]byte, *reason) {
	return func(document []byte) ([][]byte, *reason) {
		if !json.Valid(document) {
			return nil, notWellFormed(document)
		}
		fields := make([][]byte, len(columns))
		for i, p := range paths {
			v, bad := follow(document, p)
			if bad != nil {
				return fields[:i+1], bad
			}
			fields[i] = scalar(v, columns[i])
		}
		return fields, nil
	}
}

// follow finds what a path leads to: a missing key is null, a missing element
// of an array an error.
func follow(v json.RawMessage, path []jsonStep) (json.RawMessage, *reason) {
	for _, step := range path {
		if step.index < 0 {
			var object map[string]json.RawMessage
			if json.Unmarshal(v, &object) != nil {
				return nil, nil
			}
			if v = object[step.key]; v == nil {
				return nil, nil
			}
			continue
		}
		var array []json.RawMessage
		if json.Unmarshal(v, &array) != nil || step.index >= len(array) {
			return nil, &reason{code: 1216, msg: "Invalid JSONPath format: Not an array or index out of range."}
		}
		v = array[step.index]
	}
	return v, nil
}
