package config

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A template is text with words in braces: {date}. Exactly the forms {word}
// and {word.word} are looked at; any other brace is text, and {{ writes one.
var templateWord = regexp.MustCompile(`\{\{|\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\}`)

// Words that templates know: of the partition in a load's `from`, and of the
// run elsewhere (Spark's args and conf).
var (
	partitionWords = []string{"yyyy", "mm", "dd", "hh"}
	runWords       = []string{"date"}
)

// part is a piece of a template: text, or a word.
type part struct {
	text, word string
	at         int // byte offset
}

// parts cuts a template.
func parts(s string) (list []part) {
	from := 0
	for _, m := range templateWord.FindAllStringSubmatchIndex(s, -1) {
		if m[0] > from {
			list = append(list, part{text: s[from:m[0]], at: from})
		}
		if m[2] < 0 {
			list = append(list, part{text: "{", at: m[0]})
		} else {
			list = append(list, part{word: s[m[2]:m[3]], at: m[0]})
		}
		from = m[1]
	}
	if from < len(s) {
		list = append(list, part{text: s[from:], at: from})
	}
	return list
}

// Expand fills a template's words: {date} becomes words["date"]. The loader
// has refused unknown words already; here they are an error.
func Expand(template string, words map[string]string) (string, error) {
	var b strings.Builder
	for _, p := range parts(template) {
		value, ok := words[p.word]
		if p.word != "" && !ok {
			return "", fmt.Errorf("{%s} is not known in %s", p.word, quote(template))
		}
		b.WriteString(p.text + value)
	}
	return b.String(), nil
}

// checkWords reports the words of a template that are not known where it
// stands.
func (r *reader) checkWords(path, template string, known []string) {
	for _, p := range parts(template) {
		if p.word == "" || slices.Contains(known, p.word) {
			continue
		}
		hint := didYouMean(p.word, known) + "; {{ writes a brace"
		if slices.Contains(partitionWords, p.word) {
			hint = "a partition's day is known in `from` only; {date} is the last day that the run covers"
		}
		r.reportLine(path, strings.Count(template[:p.at], "\n"), hint, "{%s} is not known here", p.word)
	}
}

// checkSQL reports template words in SQL, where the days are parameters.
func (r *reader) checkSQL(path, sql string) {
	for _, p := range parts(sql) {
		if slices.Contains(partitionWords, p.word) || slices.Contains(runWords, p.word) {
			r.reportLine(path, strings.Count(sql[:p.at], "\n"), "write :date (the last day covered), :day_start or :day_end", "{%s} is text in SQL", p.word)
		}
	}
}

// environmentWord is ${NAME}: read from the environment in notify and
// connections, refused elsewhere. The struct keeps it as written, so that no
// secret reaches the journal.
var environmentWord = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// noEnvironment refuses ${NAME} where the environment is not read. In SQL it is
// text.
func (r *reader) noEnvironment(n ast.Node, path, s string) {
	m := environmentWord.FindString(s)
	if m == "" || within(path, "notify") || within(path, "connections") || strings.HasSuffix(path, ".query") {
		return
	}
	r.wrong(n, path, "write the value", "%s: the environment is read only in notify and connections", m)
}

// reportLine reports a problem of a text at the line of the file in which it
// stands: lines are counted from the text's first one.
func (r *reader) reportLine(path string, line int, hint, format string, args ...any) {
	before := len(r.problems)
	r.report(path, hint, format, args...)
	if first, block := r.blocks[path]; block && len(r.problems) > before {
		p := &r.problems[before]
		p.Line = min(first+line, len(r.lines))
		indented := r.lines[p.Line-1]
		p.Column = len(indented) - len(bytes.TrimLeft(indented, " ")) + 1
	}
}
