package warehouse

import (
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"lamplighter/resources"
)

// This file reads SQL text the way Redshift does, as far as it must: where
// statements end, and which characters are text that nobody may touch. In
// Redshift a backslash escapes the next character of an ordinary string (it
// descends from PostgreSQL 8.0; jOOQ#10628, growthbook#5689), dollar quotes
// and nested comments are PostgreSQL's.

// kind of a token.
type kind int

const (
	space     kind = iota // blanks and comments
	word                  // keyword, name, number
	quotedID              // "name"
	text                  // 'string' or $$body$$
	param                 // :name
	semicolon             // ;
	other                 // any other sign; :: is one token
)

// token is a piece of SQL: text[from:to].
type token struct {
	kind     kind
	from, to int
	line     int // of from, counted from 1
}

// Params are the values of a script's parameters. A script may use only those
// that are not zero.
type Params struct {
	Date     time.Time // :date, the last covered day
	DayStart time.Time // :day_start, start of the first newly covered day
	DayEnd   time.Time // :day_end, end of the last covered day (exclusive)
}

var paramNames = []string{"date", "day_start", "day_end"}

// literal is a parameter's typed literal, in the wall clock of the time's own
// location; ok is false when the run has no such value.
func (p Params) literal(name string) (lit string, ok bool) {
	switch name {
	case "date":
		return p.Date.Format("DATE '2006-01-02'"), !p.Date.IsZero()
	case "day_start":
		return p.DayStart.Format("TIMESTAMP '2006-01-02 15:04:05'"), !p.DayStart.IsZero()
	case "day_end":
		return p.DayEnd.Format("TIMESTAMP '2006-01-02 15:04:05'"), !p.DayEnd.IsZero()
	}
	return "", false
}

// Cut takes a script apart into its statements: without the semicolons,
// without comments and blanks around them, and without empty ones. An unclosed
// string, name, comment or body is a Permanent fault that names its line.
func Cut(script string) ([]string, error) {
	tokens, err := lex(script)
	if err != nil {
		return nil, err
	}
	var statements []string
	for _, s := range spans(tokens) {
		statements = append(statements, script[s.from:s.to])
	}
	return statements, nil
}

// spans are a script's statements: where each begins and ends.
func spans(tokens []token) []token {
	var list []token
	open := false
	for _, t := range tokens {
		switch {
		case t.kind == semicolon:
			open = false
		case t.kind == space:
		case open:
			list[len(list)-1].to = t.to
		default:
			list, open = append(list, t), true
		}
	}
	return list
}

// Fill puts typed literals in the place of :date, :day_start and :day_end, in
// a statement or a whole script. Strings, quoted names, comments, $$ bodies
// and :: casts are text. An unknown parameter, or one that p does not hold, is
// a Permanent fault that names its line.
func Fill(sql string, p Params) (string, error) {
	tokens, err := lex(sql)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	end := 0
	for _, t := range tokens {
		if t.kind != param {
			continue
		}
		name := sql[t.from+1 : t.to]
		lit, ok := p.literal(name)
		if !ok {
			return "", badParam(name, t.line)
		}
		b.WriteString(sql[end:t.from])
		b.WriteString(lit)
		end = t.to
	}
	b.WriteString(sql[end:])
	return b.String(), nil
}

// Uses tells which parameters a script uses, each once, sorted. It names
// unknown ones too.
func Uses(script string) ([]string, error) {
	tokens, err := lex(script)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var names []string
	for _, t := range tokens {
		if name := script[t.from:t.to]; t.kind == param && !seen[name] {
			seen[name] = true
			names = append(names, name[1:])
		}
	}
	sort.Strings(names)
	return names, nil
}

func badParam(name string, line int) error {
	f := resources.Faultf(resources.Permanent, "line %d: unknown parameter :%s", line, name)
	f.Hint = "the parameters are :" + strings.Join(paramNames, ", :") + "; a cast is written ::type, and text stands in quotes"
	for _, known := range paramNames {
		if name == known {
			f.Msg = resources.Faultf(resources.Permanent, "line %d: :%s has no value here", line, name).Msg
			f.Hint = "a run that covers no dated source has no days: leave the parameter out"
		}
	}
	return f
}

// one returns the only statement of sql, or a Permanent fault.
func one(what, sql string) (string, error) {
	statements, err := Cut(sql)
	if err != nil {
		return "", err
	}
	if len(statements) != 1 {
		f := resources.Faultf(resources.Permanent, "%s: want one statement, got %d", what, len(statements))
		f.Hint = "a query is one SELECT; what changes data belongs into a sql step"
		return "", f
	}
	return statements[0], nil
}

// words are a statement's unquoted words in upper case, in order.
func words(statement string) ([]string, error) {
	tokens, err := lex(statement)
	if err != nil {
		return nil, err
	}
	var ws []string
	for _, t := range tokens {
		if t.kind == word {
			ws = append(ws, strings.ToUpper(statement[t.from:t.to]))
		}
	}
	return ws, nil
}

// lex cuts SQL into tokens that cover it without gaps.
func lex(sql string) ([]token, error) {
	if !utf8.ValidString(sql) || strings.ContainsRune(sql, 0) {
		f := resources.Faultf(resources.Permanent, "SQL text is not valid UTF-8, or holds a zero byte")
		f.Hint = "save the file as UTF-8"
		return nil, f
	}
	var tokens []token
	for at, line := 0, 1; at < len(sql); {
		k, length := next(sql[at:])
		if length == 0 {
			return nil, unclosed(sql[at:], line)
		}
		tokens = append(tokens, token{kind: k, from: at, to: at + length, line: line})
		line += strings.Count(sql[at:at+length], "\n")
		at += length
	}
	return tokens, nil
}

func unclosed(rest string, line int) error {
	what := map[byte]string{'\'': "string", '"': "quoted name", '/': "comment", '$': "$ body"}[rest[0]]
	f := resources.Faultf(resources.Permanent, "line %d: unclosed %s", line, what)
	if rest[0] == '\'' {
		f.Hint = `close it with '; a quote inside is written '', and in Redshift a backslash escapes the next character: write \\ for one`
	}
	return f
}

// next is the kind and length of the first token of a non-empty text; length
// 0 says that it never ends.
func next(s string) (kind, int) {
	c := s[0]
	switch {
	case c == '\'':
		return text, quoted(s, '\'', true)
	case c == '"':
		return quotedID, quoted(s, '"', false)
	case c == '$':
		return dollar(s)
	case c == ';':
		return semicolon, 1
	case strings.HasPrefix(s, "--"):
		return space, lineComment(s)
	case strings.HasPrefix(s, "/*"):
		return space, blockComment(s)
	case isBlank(c):
		return space, run(s, isBlank)
	case c == ':':
		return colon(s)
	case isDigit(c):
		return word, run(s, isName)
	case isName(c):
		return word, run(s, func(c byte) bool { return isName(c) || c == '$' })
	}
	return other, 1
}

// quoted is the length of a token between two marks; doubling a mark keeps it.
func quoted(s string, mark byte, backslash bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && backslash:
			i++
		case s[i] == mark && i+1 < len(s) && s[i+1] == mark:
			i++
		case s[i] == mark:
			return i + 1
		}
	}
	return 0
}

// dollar reads $$body$$ or $tag$body$tag$; any other $ is a sign.
func dollar(s string) (kind, int) {
	tag := 1 + run(s[1:], isName)
	if tag >= len(s) || s[tag] != '$' || (tag > 1 && isDigit(s[1])) {
		return other, 1
	}
	mark := s[:tag+1]
	end := strings.Index(s[len(mark):], mark)
	if end < 0 {
		return text, 0
	}
	return text, len(mark) + end + len(mark)
}

func lineComment(s string) int {
	if end := strings.IndexByte(s, '\n'); end >= 0 {
		return end + 1
	}
	return len(s)
}

// blockComment is the length of a comment, in which others may nest.
func blockComment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return 0
}

// colon reads a cast (::), or a parameter.
func colon(s string) (kind, int) {
	if strings.HasPrefix(s, "::") {
		return other, 2
	}
	if len(s) > 1 && isName(s[1]) && !isDigit(s[1]) {
		return param, 1 + run(s[1:], isName)
	}
	return other, 1
}

func run(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || isDigit(c) || c >= utf8.RuneSelf
}
