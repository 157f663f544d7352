package config

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A file beyond these is no pipeline; the parser's time and memory grow with
// the square of lines, tokens and depth, so they are bounded before it runs.
const (
	maxBytes  = 256 << 10
	maxLines  = 10_000
	maxTokens = 20_000
	maxDepth  = 40
)

// unread are the parts of YAML that are not read: all of them make a file mean
// something other than what stands there.
var unread = map[token.Type]string{
	token.AnchorType:     "an anchor (&name) is not read here",
	token.AliasType:      "an alias (*name) is not read here",
	token.TagType:        "a YAML tag (!name) is not read here",
	token.MergeKeyType:   "a merge key (<<) is not read here",
	token.MappingKeyType: "a key written with ? is not read here",
	token.DirectiveType:  "a YAML directive (%) is not read here",
}

// parse turns the file into its root node; nil when a problem forbids it.
func (r *reader) parse() (root ast.Node) {
	defer func() {
		// The YAML library is not ours: should it break on some input, that is
		// a problem of the file, not the end of the program.
		if e := recover(); e != nil {
			root = nil
			r.add(place{1, 1}, "", "write it in plain block style", "cannot be read as YAML")
		}
	}()
	if !r.readable() {
		return nil
	}
	tokens := lexer.Tokenize(string(r.data))
	if !r.plain(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case root == nil:
			root = doc.Body
		default:
			r.add(placeOf(doc.Body), "", "keep one document in a file", "a second YAML document begins here")
		}
	}
	if root == nil {
		r.add(place{1, 1}, "", "", "the file is empty")
	}
	return root
}

// readable checks what must hold before any token is looked for.
func (r *reader) readable() bool {
	switch {
	case len(r.data) > maxBytes, bytes.Count(r.data, []byte("\n")) > maxLines:
		r.add(place{}, "", "keep SQL in files of its own", "is too large: at most %d kB and %d lines are read", maxBytes>>10, maxLines)
		return false
	case !utf8.Valid(r.data):
		line := 1
		for _, text := range bytes.Split(r.data, []byte("\n")) {
			if !utf8.Valid(text) {
				break
			}
			line++
		}
		r.add(place{line, 1}, "", "save the file as UTF-8", "is not UTF-8 text")
		return false
	}
	return true
}

// plain checks the tokens for what is not read, and for depth.
func (r *reader) plain(tokens token.Tokens) bool {
	before := len(r.problems)
	depth, line, entries := 0, 0, 0
	said := map[token.Type]int{}
	for _, t := range tokens {
		at := place{t.Position.Line, t.Position.Column}
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			entries++
		}
		if what, bad := unread[t.Type]; bad && said[t.Type] != line {
			said[t.Type] = line // once a line: an unquoted cron line is five aliases
			r.add(at, "", "write the value out; text that begins with & * ! % ? or << needs quotes", "%s", what)
		}
		if depth > maxDepth || entries > maxDepth || t.Position.IndentNum > maxDepth*8 {
			r.add(at, "", "", "is nested too deeply: at most %d levels are read", maxDepth)
			return false
		}
	}
	if len(tokens) > maxTokens {
		r.add(place{}, "", "", "is too large: at most %d words and marks are read", maxTokens)
	}
	return len(r.problems) == before
}

// syntax reports the parser's own error, in one line.
func (r *reader) syntax(err error) {
	at, what := place{1, 1}, err.Error()
	var e yaml.Error
	if errors.As(err, &e) {
		what = e.GetMessage()
		if t := e.GetToken(); t != nil && t.Position != nil {
			at = place{t.Position.Line, t.Position.Column}
		}
	}
	what, _, _ = strings.Cut(what, "\n")
	r.add(at, "", "check indentation, colons and quotes", "is not YAML: %s", what)
}

// placeOf is where a value begins.
func placeOf(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0] // a block mapping's own token is its first colon
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}
