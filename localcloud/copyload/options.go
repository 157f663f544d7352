package copyload

import (
	"strconv"
	"strings"

	"lamplighter/localcloud/rsql"
)

// Copy is a COPY statement.
type Copy struct {
	Table     rsql.Name
	Columns   []string // nil: the table's own
	From      URI
	Manifest  bool
	Format    string // text, csv, json or parquet
	JSON      string // auto, auto ignorecase, noshred, or the address of a JSONPaths file
	Delim     byte
	Quote     byte
	Null      string
	Header    int // lines skipped in each object
	Compress  string
	Encoding  string // utf8, utf16, utf16le, utf16be or iso88591
	Region    string // "" is the cluster's
	Date      string // DATEFORMAT, "" is the default
	Time      string // TIMEFORMAT, "" is the default
	MaxError  int
	AllErrors bool // IGNOREALLERRORS
	Replace   rune // ACCEPTINVCHARS; 0: invalid UTF-8 is an error
	NoLoad    bool
	Serialize bool // SERIALIZETOJSON: nested columns of Parquet into SUPER

	EmptyAsNull, BlanksAsNull, Truncate, TrimBlanks, FillRecord, IgnoreBlankLines, Escape, RemoveQuotes, Round, ExplicitIDs, AnyDate bool
}

// TooMany says that so many refused rows fail the load: MAXERROR or more, and
// 0 is as good as 1 (RSD copy-parameters-data-load).
func (c *Copy) TooMany(rejects int) bool {
	return !c.AllErrors && rejects >= max(1, c.MaxError)
}

// options tells of each option of COPY which argument it takes: none, a
// string, a number, or one of the words. Sources: RSD copy-parameters-*.
var copyOptions = map[string]string{
	"manifest": "", "gzip": "", "bzip2": "", "zstd": "", "emptyasnull": "", "blanksasnull": "", "truncatecolumns": "", "trimblanks": "",
	"fillrecord": "", "ignoreblanklines": "", "escape": "", "removequotes": "", "roundec": "", "explicit_ids": "", "acceptanydate": "", "noload": "", "ignoreallerrors": "", "serializetojson": "",
	"delimiter": "string", "quote": "string", "null": "string", "dateformat": "string", "timeformat": "string", "region": "string", "encoding": "word",
	"acceptinvchars": "char?", "ignoreheader": "number", "maxerror": "number", "comprows": "number",
	"statupdate": "on off", "compupdate": "on off true false preset",
	"iam_role": "role", "credentials": "string", "access_key_id": "string", "secret_access_key": "string", "session_token": "string",
}

// parser walks over the tokens of COPY and UNLOAD.
type parser struct {
	tokens []rsql.Token
	pos    int
}

func (p *parser) peek() rsql.Token {
	if p.pos < len(p.tokens) {
		return p.tokens[p.pos]
	}
	return rsql.Token{Kind: rsql.Op, Text: "end of input"}
}

func (p *parser) done() bool { return p.pos >= len(p.tokens) }

// take takes a keyword if it is next.
func (p *parser) take(words ...string) bool {
	if p.done() {
		return false
	}
	for _, w := range words {
		if p.tokens[p.pos].Is(w) {
			p.pos++
			return true
		}
	}
	return false
}

func (p *parser) str(what string) (string, error) {
	p.take("as")
	t := p.peek()
	if p.done() || t.Kind != rsql.Str {
		return "", rsql.Syntaxf("syntax error at or near %q: %s takes a string", t.Text, what)
	}
	p.pos++
	return t.Text, nil
}

func (p *parser) number(what string) (int, error) {
	p.take("as")
	t := p.peek()
	n, err := strconv.Atoi(t.Text)
	if p.done() || err != nil || t.Kind != rsql.Num && t.Kind != rsql.Str {
		return 0, rsql.Syntaxf("syntax error at or near %q: %s takes a number", t.Text, what)
	}
	p.pos++
	return n, nil
}

// argument reads what an option takes.
func (p *parser) argument(name, kind string) (string, error) {
	switch kind {
	case "":
		return "", nil
	case "string":
		return p.str(strings.ToUpper(name))
	case "number":
		n, err := p.number(strings.ToUpper(name))
		return strconv.Itoa(n), err
	case "word":
		p.take("as")
		t := p.peek()
		p.pos++
		return strings.ToLower(t.Text), nil
	case "char?":
		p.take("as")
		if t := p.peek(); !p.done() && t.Kind == rsql.Str {
			p.pos++
			return t.Text, nil
		}
		return "?", nil
	case "role":
		if p.take("default") {
			return "default", nil
		}
		return p.str("IAM_ROLE")
	}
	for _, w := range strings.Fields(kind) {
		if p.take(w) {
			return w, nil
		}
	}
	return "on", nil
}

// ParseCopy reads COPY table [(columns)] FROM 's3://…' options.
func ParseCopy(tokens []rsql.Token) (*Copy, error) {
	p := &parser{tokens: tokens, pos: 1}
	c := &Copy{Format: "text", Null: `\N`, Quote: '"', Encoding: "utf8"}
	name, n, err := rsql.TableName(p.tokens[p.pos:])
	if err != nil {
		return nil, err
	}
	c.Table, p.pos = name, p.pos+n
	if p.take("(") {
		if c.Columns, err = p.names(); err != nil {
			return nil, err
		}
	}
	if !p.take("from") {
		return nil, rsql.Syntaxf("syntax error at or near %q: COPY takes FROM", p.peek().Text)
	}
	from, err := p.str("FROM")
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(from, "s3://") {
		return nil, rsql.Unsupported("COPY from "+from, "load from s3://bucket/prefix")
	}
	if c.From, err = ParseURI(from); err != nil {
		return nil, err
	}
	seen, err := c.options(p)
	if err != nil {
		return nil, err
	}
	return c, c.check(seen)
}

func (p *parser) names() ([]string, error) {
	var out []string
	for {
		t := p.peek()
		if !t.Name() {
			return nil, rsql.Syntaxf("syntax error at or near %q: want a column", t.Text)
		}
		out = append(out, t.Text)
		p.pos++
		if p.take(")") {
			return out, nil
		}
		if !p.take(",") {
			return nil, rsql.Syntaxf("syntax error at or near %q", p.peek().Text)
		}
	}
}

// format notes FORMAT; JSON takes how its elements find their columns (RSD
// copy-parameters-data-format).
func (c *Copy) format(p *parser, name string) error {
	if c.Format != "text" {
		return rsql.Syntaxf("COPY has two formats")
	}
	c.Format = name
	if name != "json" {
		return nil
	}
	c.JSON = "auto"
	p.take("as")
	if t := p.peek(); !p.done() && t.Kind == rsql.Str {
		c.JSON = t.Text
		p.pos++
	}
	switch {
	case c.JSON == "auto", c.JSON == "auto ignorecase", c.JSON == "noshred", strings.HasPrefix(c.JSON, "s3://"):
		return nil
	}
	return rsql.Syntaxf("JSON takes 'auto', 'auto ignorecase', 'noshred' or the address of a JSONPaths file, not %s", rsql.Literal(c.JSON))
}

func (c *Copy) options(p *parser) (map[string]string, error) {
	seen := map[string]string{}
	for !p.done() {
		if p.take("with", "and") {
			continue
		}
		p.take("format")
		p.take("as")
		t := p.peek()
		if p.done() || t.Kind != rsql.Word {
			return nil, rsql.Syntaxf("syntax error at or near %q", t.Text)
		}
		p.pos++
		switch t.Text {
		case "csv", "parquet", "json":
			if err := c.format(p, t.Text); err != nil {
				return nil, err
			}
			continue
		case "avro", "orc", "fixedwidth", "shapefile", "lzop", "encrypted", "ssh", "readratio", "master_symmetric_key":
			return nil, rsql.Unsupported("COPY with "+strings.ToUpper(t.Text), "formats known: CSV, delimited text, JSON, PARQUET; compressions: GZIP, BZIP2, ZSTD")
		}
		kind, ok := copyOptions[t.Text]
		if !ok {
			return nil, rsql.Syntaxf("syntax error at or near %q: COPY has no such option", t.Text)
		}
		if _, twice := seen[t.Text]; twice {
			return nil, rsql.Syntaxf("COPY option %s is there twice", strings.ToUpper(t.Text))
		}
		v, err := p.argument(t.Text, kind)
		if err != nil {
			return nil, err
		}
		seen[t.Text] = v
	}
	return seen, nil
}
