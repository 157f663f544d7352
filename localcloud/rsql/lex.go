package rsql

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a token is.
type Kind int

// Kinds of tokens. Comments are no tokens: they count as white space.
const (
	Word   Kind = iota // identifier or keyword; Text is in lower case
	Quoted             // "identifier"; Text is its name in lower case, as Redshift folds it
	Str                // 'string', E'string' or $$string$$; Text is its value
	Num                // 1, 1.5, 1e3
	Param              // $1; Text is 1
	Op                 // an operator or punctuation
)

// Token is one lexical unit.
type Token struct {
	Kind  Kind
	Text  string
	Space bool // white space or a comment stood before it
	Pos   int  // byte offset in the source
}

// Is says that the token is this keyword or operator.
func (t Token) Is(text string) bool { return (t.Kind == Word || t.Kind == Op) && t.Text == text }

// Name says that the token can be an identifier.
func (t Token) Name() bool { return t.Kind == Word || t.Kind == Quoted }

// SQL is the token as DuckDB reads it.
func (t Token) SQL() string {
	switch t.Kind {
	case Quoted:
		return Ident(t.Text)
	case Str:
		return Literal(t.Text)
	case Param:
		return "$" + t.Text
	}
	return t.Text
}

// Ident quotes an identifier.
func Ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// Literal quotes a string.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// operators of more than one character, longest first.
var operators = []string{"!~~*", "||/", "~~*", "!~~", "!~*", "<=>", "->>", "::", "<=", ">=", "<>", "!=", "||", "|/", "!~", "~~", "~*", ":=", "->", "@>", "<@", "<<", ">>"}

type lexer struct {
	src string
	pos int
}

// duckOnly are keywords of DuckDB that are plain names in Redshift.
var duckOnly = set("anti asof asymmetric at columns concurrently describe glob lambda map overlay pivot_longer pivot_wider positional semi show struct summarize symmetric tablesample unpack variadic window")

// names turns words that only DuckDB reserves into quoted names. A statement
// may begin with one.
func names(tokens []Token) []Token {
	for i, t := range tokens {
		first := i == 0 || tokens[i-1].Is(";")
		zone := t.Text == "at" && i+1 < len(tokens) && tokens[i+1].Is("time")
		if t.Kind == Word && duckOnly[t.Text] && !first && !zone {
			tokens[i].Kind = Quoted
		}
	}
	return tokens
}

// Lex cuts SQL into tokens.
func Lex(src string) ([]Token, error) {
	l := &lexer{src: src}
	var out []Token
	for {
		space, err := l.skipSpace()
		if err != nil {
			return nil, err
		}
		if l.pos >= len(l.src) {
			return names(out), nil
		}
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		t.Space = space
		out = append(out, t)
	}
}

// skipSpace skips white space and comments; block comments nest, as in
// PostgreSQL.
func (l *lexer) skipSpace() (bool, error) {
	start := l.pos
	for l.pos < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.pos:])
		rest := l.src[l.pos:]
		switch {
		case unicode.IsSpace(r):
			l.pos += n
		case strings.HasPrefix(rest, "--"):
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				l.pos += end + 1
			} else {
				l.pos = len(l.src)
			}
		case strings.HasPrefix(rest, "/*"):
			if err := l.skipComment(); err != nil {
				return false, err
			}
		default:
			return l.pos > start, nil
		}
	}
	return l.pos > start, nil
}

func (l *lexer) skipComment() error {
	start, depth := l.pos, 0
	for l.pos < len(l.src) {
		switch {
		case strings.HasPrefix(l.src[l.pos:], "/*"):
			depth++
			l.pos += 2
		case strings.HasPrefix(l.src[l.pos:], "*/"):
			depth--
			l.pos += 2
			if depth == 0 {
				return nil
			}
		default:
			l.pos++
		}
	}
	return Syntaxf("unterminated /* comment at or near %q", clip(l.src[start:]))
}

func (l *lexer) next() (Token, error) {
	start, c := l.pos, l.src[l.pos]
	rest := l.src[start:]
	switch {
	case c == '\'':
		s, err := l.quoted('\'', false)
		return Token{Kind: Str, Text: s, Pos: start}, err
	case (c == 'E' || c == 'e') && strings.HasPrefix(rest[1:], "'"):
		l.pos++
		s, err := l.quoted('\'', true)
		return Token{Kind: Str, Text: s, Pos: start}, err
	case c == '"':
		s, err := l.quoted('"', false)
		if err == nil && s == "" {
			err = Syntaxf("zero-length delimited identifier at or near %q", clip(rest))
		}
		return Token{Kind: Quoted, Text: strings.ToLower(s), Pos: start}, err
	case c == '$':
		return l.dollar()
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return Token{Kind: Num, Text: l.number(), Pos: start}, nil
	}
	if r, _ := utf8.DecodeRuneInString(rest); isWordStart(r) {
		return Token{Kind: Word, Text: strings.ToLower(l.word()), Pos: start}, nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			l.pos += len(op)
			return Token{Kind: Op, Text: op, Pos: start}, nil
		}
	}
	if c < utf8.RuneSelf && strings.IndexByte("()[]{},;.+-*/%^<>=~!@#&|:?", c) >= 0 {
		l.pos++
		return Token{Kind: Op, Text: string(c), Pos: start}, nil
	}
	return Token{}, Syntaxf("syntax error at or near %q", clip(rest))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordStart(r rune) bool {
	return r == '_' || r == '#' || unicode.IsLetter(r)
}

func isWordPart(r rune) bool {
	return isWordStart(r) || r == '$' || unicode.IsDigit(r)
}

func (l *lexer) word() string {
	start := l.pos
	for l.pos < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.pos:])
		if !isWordPart(r) {
			break
		}
		l.pos += n
	}
	return l.src[start:l.pos]
}

func (l *lexer) number() string {
	start := l.pos
	digits := func() {
		for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
			l.pos++
		}
	}
	digits()
	if l.pos < len(l.src) && l.src[l.pos] == '.' {
		l.pos++
		digits()
	}
	if l.pos < len(l.src) && (l.src[l.pos] == 'e' || l.src[l.pos] == 'E') {
		end := l.pos
		l.pos++
		if l.pos < len(l.src) && (l.src[l.pos] == '+' || l.src[l.pos] == '-') {
			l.pos++
		}
		if l.pos >= len(l.src) || !isDigit(l.src[l.pos]) {
			l.pos = end
			return l.src[start:end]
		}
		digits()
	}
	return l.src[start:l.pos]
}

// quoted reads from a quote to its end; a doubled quote stands for itself.
func (l *lexer) quoted(q byte, escapes bool) (string, error) {
	start := l.pos
	var b strings.Builder
	for l.pos++; l.pos < len(l.src); l.pos++ {
		c := l.src[l.pos]
		switch {
		case c == q && l.pos+1 < len(l.src) && l.src[l.pos+1] == q:
			l.pos++
			b.WriteByte(q)
		case c == q:
			l.pos++
			return b.String(), nil
		case c == '\\' && escapes && l.pos+1 < len(l.src):
			l.pos++
			b.WriteByte(unescape(l.src[l.pos]))
		case c == 0:
			return "", &Error{Code: "22021", Msg: "invalid byte sequence for encoding \"UTF8\": 0x00"}
		default:
			b.WriteByte(c)
		}
	}
	return "", Syntaxf("unterminated quoted string at or near %q", clip(l.src[start:]))
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	}
	return c
}

// dollar reads $1 or $tag$ … $tag$.
func (l *lexer) dollar() (Token, error) {
	start := l.pos
	rest := l.src[start:]
	end := 1
	for end < len(rest) && isDigit(rest[end]) {
		end++
	}
	if end > 1 {
		l.pos += end
		return Token{Kind: Param, Text: rest[1:end], Pos: start}, nil
	}
	close := strings.IndexByte(rest[1:], '$')
	if close < 0 || strings.IndexFunc(rest[1:1+close], func(r rune) bool { return !isWordPart(r) }) >= 0 {
		return Token{}, Syntaxf("syntax error at or near %q", clip(rest))
	}
	tag := rest[:close+2]
	body, _, ok := strings.Cut(rest[len(tag):], tag)
	if !ok {
		return Token{}, Syntaxf("unterminated dollar-quoted string at or near %q", clip(rest))
	}
	l.pos += 2*len(tag) + len(body)
	return Token{Kind: Str, Text: body, Pos: start}, nil
}

// clip shortens source text for a message.
func clip(s string) string {
	if i := strings.IndexAny(s, " \t\r\n"); i > 0 {
		s = s[:i]
	}
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

// Cut cuts a script into the tokens of its statements; empty ones are left out.
func Cut(src string) ([][]Token, error) {
	all, err := Sources(src)
	var out [][]Token
	for _, s := range all {
		out = append(out, s.Tokens)
	}
	return out, err
}
