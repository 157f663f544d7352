package rsql

import "strings"

// Source is one statement of a script: its tokens, and its text with the
// comments in it.
type Source struct {
	Text   string
	Tokens []Token
	pos    int // of Text in the script
}

// Sources cuts a script into its statements; empty ones are left out.
func Sources(src string) ([]Source, error) {
	tokens, err := Lex(src)
	if err != nil {
		return nil, err
	}
	var out []Source
	start, from := 0, 0
	add := func(end, to int) {
		if end > start {
			text := strings.TrimLeft(src[from:to], " \t\r\n")
			out = append(out, Source{Text: strings.TrimRight(text, " \t\r\n"), Tokens: tokens[start:end], pos: to - len(text)})
		}
		start, from = end+1, to+1
	}
	for i, t := range tokens {
		if t.Kind == Op && t.Text == ";" {
			add(i, t.Pos)
		}
	}
	add(len(tokens), len(src))
	return out, nil
}

// secrets are the words whose string a log must not show.
var secrets = set("credentials access_key_id secret_access_key session_token password")

// Logged is the text as system tables may show it: the strings of credentials
// are empty.
func (s Source) Logged() string {
	var b strings.Builder
	done := 0
	for i, t := range s.Tokens {
		if t.Kind != Str || !s.secret(i-1) && !(i > 1 && s.Tokens[i-1].Is("as") && s.secret(i-2)) {
			continue
		}
		b.WriteString(s.Text[done:t.Pos-s.pos] + "''")
		if done = len(s.Text); i+1 < len(s.Tokens) {
			done = s.Tokens[i+1].Pos - s.pos
			b.WriteByte(' ')
		}
	}
	return b.String() + s.Text[done:]
}

func (s Source) secret(i int) bool {
	return i >= 0 && s.Tokens[i].Kind == Word && secrets[s.Tokens[i].Text]
}
