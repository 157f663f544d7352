package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Pattern is a load's `from`: s3://bucket/key with {yyyy} {mm} {dd} for the
// partition's day, or these and {hh} for its hour, and in the key * for
// anything but a slash, ** for anything, ? for one character and [a-z] or
// [!a-z] for one of a set.
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
		return nil, hint("only the key may hold {yyyy} {mm} {dd} {hh}", "the bucket's name holds a brace")
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
		case part.word == "date":
			return hint("write {yyyy}-{mm}-{dd}", "{date} is not known in `from`")
		case part.word != "" && !slices.Contains(partitionWords, part.word):
			return hint(didYouMean(part.word, partitionWords)+"; {{ writes a brace", "{%s} is not known in `from`", part.word)
		case part.word != "" && !slices.Contains(p.words, part.word):
			p.words = append(p.words, part.word)
		}
	}
	missing := slices.DeleteFunc(slices.Clone(partitionWords), func(w string) bool { return slices.Contains(p.words, w) })
	if len(p.words) == 0 || len(missing) == 0 || slices.Equal(missing, []string{"hh"}) {
		return nil
	}
	return hint("write all of {yyyy} {mm} {dd}, with {hh} for hours, or none", "holds {%s} only: partitions are whole days or hours", strings.Join(p.words, "} {"))
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

// Dated says whether the objects belong to partitions, days or hours.
func (p *Pattern) Dated() bool { return len(p.words) > 0 }

// Hourly says whether the partitions are hours.
func (p *Pattern) Hourly() bool { return slices.Contains(p.words, "hh") }

// How a partition is written: 2006-01-02, or 2006-01-02T15. Both sort by time,
// and a day before its hours.
const (
	DayPartition  = time.DateOnly
	HourPartition = "2006-01-02T15"
)

// ParsePartition reads a partition's name. The instant is its beginning, as if
// its zone were UTC.
func ParsePartition(name string) (begins time.Time, hourly bool, err error) {
	if begins, err = time.Parse(HourPartition, name); err == nil {
		return begins, true, nil
	}
	begins, err = time.Parse(DayPartition, name)
	return begins, false, err
}

// Match says whether an object's key fits, and of which partition it is ("" for
// an undated pattern). A key whose digits are no day, or name two different
// days, does not fit: see Fits.
func (p *Pattern) Match(key string) (partition string, ok bool) {
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
	partition = found["yyyy"] + "-" + found["mm"] + "-" + found["dd"]
	if p.Hourly() {
		partition += "T" + found["hh"]
	}
	_, hourly, err := ParsePartition(partition)
	return partition, err == nil && hourly == p.Hourly()
}

// Fits says that a key has the pattern's form, whatever its digits mean.
func (p *Pattern) Fits(key string) bool { return p.match.MatchString(key) }

// From is a text that every key of the day and of later ones comes after; ""
// when the order of keys is not that of their days. begins is at midnight.
func (p *Pattern) From(begins time.Time) string {
	before := begins.AddDate(0, 0, -1) // a day earlier: what a day's own keys begin with may be a whole key
	var b strings.Builder
	next := 0
	for _, part := range parts(p.key) {
		if part.word == "" {
			if i := strings.IndexAny(part.text, "*?["); i >= 0 {
				b.WriteString(part.text[:i])
				break
			}
			b.WriteString(part.text)
			continue
		}
		at := slices.Index(partitionWords, part.word)
		if at > next || part.word == "hh" { // the later words say nothing before the earlier ones
			break
		}
		b.WriteString(before.Format([]string{"2006", "01", "02"}[at]))
		next = max(next, at+1)
	}
	if next == 0 {
		return ""
	}
	return b.String()
}

// Folder is what a key has up to the end of its partition's folder: all before
// the first slash after the pattern's last {word}. ok is false when the
// partitions of a pattern have no folders of their own.
func (p *Pattern) Folder(key string) (folder string, ok bool) {
	depth, ok := p.depth()
	if !ok {
		return "", false
	}
	pieces := strings.SplitN(key, "/", depth+1)
	if len(pieces) <= depth {
		return "", false
	}
	return strings.Join(pieces[:depth], "/") + "/", true
}

// depth is how many slashes a partition's folder has.
func (p *Pattern) depth() (n int, ok bool) {
	list := parts(p.key)
	last := -1
	for i, part := range list {
		if part.word != "" {
			last = i
		}
	}
	if last < 0 {
		return 0, false
	}
	for i, part := range list {
		if i > last {
			if strings.Contains(part.text, "/") {
				return n + 1, true
			}
			continue
		}
		if strings.Contains(part.text, "**") {
			return 0, false
		}
		n += strings.Count(part.text, "/")
	}
	return 0, false
}
