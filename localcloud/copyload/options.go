package copyload

import (
	"fmt"
	"strconv"
	"strings"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// Copy is a COPY statement.
type Copy struct {
	Table    rsql.Name
	Columns  []string // nil: the table's own
	From     URI
	Manifest bool
	Format   string // text, csv or parquet
	Delim    byte
	Quote    byte
	Null     string
	Header   int // lines skipped in each object
	Compress string
	Date     string // DATEFORMAT, "" is the default
	Time     string // TIMEFORMAT, "" is the default
	MaxError int
	Replace  rune // ACCEPTINVCHARS; 0: invalid UTF-8 is an error
	NoLoad   bool

	EmptyAsNull, BlanksAsNull, Truncate, TrimBlanks, FillRecord, IgnoreBlankLines, Escape, RemoveQuotes, Round, ExplicitIDs, AnyDate bool
}

// options tells of each option of COPY which argument it takes: none, a
// string, a number, or one of the words. Sources: RSD copy-parameters-*.
var copyOptions = map[string]string{
	"manifest": "", "gzip": "", "bzip2": "", "zstd": "", "emptyasnull": "", "blanksasnull": "", "truncatecolumns": "", "trimblanks": "",
	"fillrecord": "", "ignoreblanklines": "", "escape": "", "removequotes": "", "roundec": "", "explicit_ids": "", "acceptanydate": "", "noload": "",
	"delimiter": "string", "quote": "string", "null": "string", "dateformat": "string", "timeformat": "string", "region": "string", "encoding": "word",
	"acceptinvchars": "char?", "ignoreheader": "number", "maxerror": "number", "comprows": "number",
	"statupdate": "on off", "compupdate": "on off true false preset",
	"iam_role": "role", "credentials": "string", "access_key_id": "string", "secret_access_key": "string", "session_token": "string",
}

// columnar are the options that COPY takes for Parquet (RSD
// copy-usage_notes-copy-from-columnar).
var columnar = map[string]bool{
	"manifest": true, "acceptinvchars": true, "fillrecord": true, "statupdate": true, "explicit_ids": true,
	"iam_role": true, "credentials": true, "access_key_id": true, "secret_access_key": true, "session_token": true,
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
	c := &Copy{Format: "text", Null: `\N`, Quote: '"'}
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
		case "csv", "parquet":
			if c.Format != "text" {
				return nil, rsql.Syntaxf("COPY has two formats")
			}
			c.Format = t.Text
			continue
		case "json", "avro", "orc", "fixedwidth", "shapefile", "lzop", "encrypted", "ssh", "readratio", "master_symmetric_key", "ignoreallerrors":
			return nil, rsql.Unsupported("COPY with "+strings.ToUpper(t.Text), "formats known: CSV, delimited text, PARQUET; compressions: GZIP, BZIP2, ZSTD")
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

// check puts the options together and refuses the pairs that Redshift refuses.
func (c *Copy) check(seen map[string]string) error {
	has := func(o string) bool { _, ok := seen[o]; return ok }
	if err := authorized("COPY", seen); err != nil {
		return err
	}
	if c.Format == "parquet" {
		for o := range seen {
			if !columnar[o] {
				return rsql.Syntaxf("%s argument is not supported for PARQUET based COPY", strings.ToUpper(o))
			}
		}
	}
	if c.Format == "csv" {
		for _, o := range []string{"escape", "removequotes"} {
			if has(o) {
				return rsql.Syntaxf("CSV is not compatible with %s", strings.ToUpper(o))
			}
		}
	} else if has("quote") {
		return rsql.Syntaxf("QUOTE is only for CSV")
	}
	if e := seen["encoding"]; e != "" && e != "utf8" && e != "auto" {
		return rsql.Unsupported("ENCODING "+e, "files must be UTF-8")
	}
	for _, z := range []string{"gzip", "bzip2", "zstd"} {
		if has(z) {
			if c.Compress != "" {
				return rsql.Syntaxf("COPY has two compressions")
			}
			c.Compress = z
		}
	}
	c.Manifest, c.EmptyAsNull, c.BlanksAsNull, c.Truncate = has("manifest"), has("emptyasnull"), has("blanksasnull"), has("truncatecolumns")
	c.TrimBlanks, c.FillRecord, c.IgnoreBlankLines, c.Escape = has("trimblanks"), has("fillrecord"), has("ignoreblanklines"), has("escape")
	c.RemoveQuotes, c.Round, c.ExplicitIDs, c.NoLoad, c.AnyDate = has("removequotes"), has("roundec"), has("explicit_ids"), has("noload"), has("acceptanydate")
	c.Date, c.Time = seen["dateformat"], seen["timeformat"]
	if v, ok := seen["null"]; ok {
		c.Null = v
	}
	c.Header, _ = strconv.Atoi(seen["ignoreheader"])
	c.MaxError, _ = strconv.Atoi(seen["maxerror"])
	if c.MaxError < 0 || c.MaxError > 100000 || c.Header < 0 {
		return &rsql.Error{Code: rsql.InvalidParameter, Msg: "MAXERROR must be between 0 and 100000, IGNOREHEADER not below 0"}
	}
	if v, ok := seen["acceptinvchars"]; ok {
		if len(v) != 1 || v == "\x00" {
			return rsql.Syntaxf("ACCEPTINVCHARS takes one ASCII character")
		}
		c.Replace = rune(v[0])
	}
	return c.characters(seen)
}

func (c *Copy) characters(seen map[string]string) error {
	c.Delim = '|'
	if c.Format == "csv" {
		c.Delim = ','
	}
	for o, to := range map[string]*byte{"delimiter": &c.Delim, "quote": &c.Quote} {
		v, ok := seen[o]
		if !ok {
			continue
		}
		if v == `\t` {
			v = "\t"
		}
		if len(v) != 1 || v[0] >= 0x80 || v == "\n" || v == "\r" {
			return &rsql.Error{Code: rsql.InvalidParameter, Msg: fmt.Sprintf("COPY %s must be a single ASCII character, not %q", o, v), Hint: "multi-character delimiters are not supported by the embedded warehouse"}
		}
		*to = v[0]
	}
	for name, f := range map[string]string{"DATEFORMAT": c.Date, "TIMEFORMAT": c.Time} {
		if _, err := layouts(f); err != nil {
			return rsql.Unsupported(name+" "+rsql.Literal(f), err.Error())
		}
	}
	return nil
}

// authorized wants some right to read S3 to be named, as Redshift does.
func authorized(verb string, seen map[string]string) error {
	role, ok := seen["iam_role"]
	switch {
	case ok && (role == "default" || strings.HasPrefix(role, "arn:")):
		return nil
	case ok:
		return &pgwire.Error{Code: "42601", Msg: fmt.Sprintf("IAM_ROLE %q is not the ARN of a role", role), Hint: "arn:aws:iam::123456789012:role/name, or default"}
	case seen["credentials"] != "", seen["access_key_id"] != "" && seen["secret_access_key"] != "":
		return nil
	}
	return &pgwire.Error{Code: "42601", Msg: verb + " needs an authorization", Hint: "add IAM_ROLE 'arn:…' or IAM_ROLE default"}
}
