package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Pattern is a load's `from`: s3://bucket/key with {yyyy} {mm} {dd} for the
// partition's day, and in the key * for anything but a slash, ** for anything,
// ? for one character and [a-z] or [!a-z] for one of a set.
type Pattern struct {
	Bucket string
	// Prefix is the longest text that every key begins with, whatever its day.
	Prefix string

	key   string
	words []string // of the groups of match, in order
	match *regexp.Regexp
}

// bucketName are S3's rules for general purpose buckets, without the rare
// reserved endings. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var bucketName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]$`)

// A hinted error carries the mend of what it says.
type hinted struct{ what, hint string }

func (e *hinted) Error() string { return e.what }

func hint(mend, format string, args ...any) error { return &hinted{fmt.Sprintf(format, args...), mend} }

// ParsePattern reads a load's `from`.
func ParsePattern(from string) (*Pattern, error) {
	rest, ok := strings.CutPrefix(from, "s3://")
	if !ok {
		return nil, hint("write s3://bucket/key", "%s does not begin with s3://", quote(from))
	}
	p := &Pattern{}
	p.Bucket, p.key, _ = strings.Cut(rest, "/")
	switch {
	case strings.Contains(p.Bucket, "{"):
		return nil, hint("only the key may hold {yyyy} {mm} {dd}", "the bucket's name holds a brace")
	case !bucketName.MatchString(p.Bucket):
		return nil, hint("3 to 63 lower-case letters, digits, dots and hyphens", "%s is no name of a bucket", quote(p.Bucket))
	case p.key == "":
		return nil, hint("write s3://bucket/folder/*.csv", "names a bucket and no objects")
	case strings.HasSuffix(p.key, "/"):
		return nil, hint("end it in the files' names: "+from+"*.csv", "ends in / and so matches no object")
	}
	if err := p.checkWords(); err != nil {
		return nil, err
	}
	return p, p.compile()
}

func (p *Pattern) checkWords() error {
	for _, part := range parts(p.key) {
		switch {
		case part.word == "hh":
			return hint("partitions are days for now: leave {hh} out and match the hours with *", "{hh}: hourly partitions are not supported yet")
		case part.word == "date":
			return hint("write {yyyy}-{mm}-{dd}", "{date} is not known in `from`")
		case part.word != "" && !slices.Contains(partitionWords, part.word):
			return hint(didYouMean(part.word, partitionWords)+"; {{ writes a brace", "{%s} is not known in `from`", part.word)
		case part.word != "" && !slices.Contains(p.words, part.word):
			p.words = append(p.words, part.word)
		}
	}
	if n := len(p.words); n != 0 && n != len(partitionWords) {
		return hint("write all of {yyyy} {mm} {dd}, or none", "holds {%s} only: partitions are whole days", strings.Join(p.words, "} {"))
	}
	return nil
}

// compile makes the regular expression that finds a key's day, and Prefix.
func (p *Pattern) compile() error {
	var b strings.Builder
	p.words = nil
	literal := true
	b.WriteString(`^`)
	for _, part := range parts(p.key) {
		switch part.word {
		case "":
			exact, err := p.glob(&b, part.text)
			if err != nil {
				return err
			}
			if literal {
				p.Prefix += exact
			}
			literal = literal && exact == part.text
			continue
		case "yyyy":
			b.WriteString(`([0-9]{4})`)
		default:
			b.WriteString(`([0-9]{2})`)
		}
		p.words = append(p.words, part.word)
		literal = false
	}
	b.WriteString(`$`)
	var err error
	if p.match, err = regexp.Compile(`(?s)` + b.String()); err != nil {
		return hint("a set is written [abc], [a-z] or [!a-z]", "the set in %s cannot be read", quote(p.key))
	}
	return nil
}

// glob adds text with wildcards to a regular expression, and returns the text
// before the first wildcard.
func (p *Pattern) glob(b *strings.Builder, text string) (exact string, err error) {
	i := strings.IndexAny(text, "*?[")
	if i < 0 {
		b.WriteString(regexp.QuoteMeta(text))
		return text, nil
	}
	exact = text[:i]
	b.WriteString(regexp.QuoteMeta(exact))
	for i < len(text) {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "**"):
			b.WriteString(`.*`)
			i += 2
		case rest[0] == '*':
			b.WriteString(`[^/]*`)
			i++
		case rest[0] == '?':
			b.WriteString(`[^/]`)
			i++
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 2 {
				return "", hint("a set is written [abc], [a-z] or [!a-z]", "the set that begins at %s has no end", quote(rest))
			}
			b.WriteString(set(rest[1:end]))
			i += end + 1
		default:
			next := strings.IndexAny(rest, "*?[")
			if next < 0 {
				next = len(rest)
			}
			b.WriteString(regexp.QuoteMeta(rest[:next]))
			i += next
		}
	}
	return exact, nil
}

// set is the inside of [ ] as a regular expression.
func set(inside string) string {
	not := ""
	if inside[0] == '!' || inside[0] == '^' {
		not, inside = "^/", inside[1:]
	}
	return "[" + not + strings.NewReplacer(`\`, `\\`, `[`, `\[`, `^`, `\^`).Replace(inside) + "]"
}

// Dated says whether the objects belong to days.
func (p *Pattern) Dated() bool { return len(p.words) > 0 }

// Match says whether an object's key fits, and of which day it is
// (2006-01-02; "" for an undated pattern). A key whose digits are no day, or
// name two different days, does not fit.
func (p *Pattern) Match(key string) (day string, ok bool) {
	m := p.match.FindStringSubmatch(key)
	if m == nil {
		return "", false
	}
	if !p.Dated() {
		return "", true
	}
	found := map[string]string{}
	for i, word := range p.words {
		if before, twice := found[word]; twice && before != m[i+1] {
			return "", false
		}
		found[word] = m[i+1]
	}
	day = found["yyyy"] + "-" + found["mm"] + "-" + found["dd"]
	_, err := time.Parse(time.DateOnly, day)
	return day, err == nil
}
