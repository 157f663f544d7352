package copyload

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"lamplighter/localcloud/rsql"
)

// Unload is an UNLOAD statement.
type Unload struct {
	Query     string
	To        URI
	Format    string // text, csv, json or parquet
	Delim     byte
	Null      string // how NULL is written; "" is an empty field
	Header    bool
	AddQuotes bool
	Escape    bool
	Compress  string
	Extension string
	Extended  bool     // EXTENSION was given
	Partition []string // PARTITION BY
	Include   bool     // the partition's columns are written too
	Manifest  bool
	Verbose   bool
	Overwrite bool // ALLOWOVERWRITE
	Clean     bool // CLEANPATH
	Serial    bool // PARALLEL OFF
	Region    string
	MaxSize   int64 // bytes of one file
}

// Limits of MAXFILESIZE and ROWGROUPSIZE (RSD r_UNLOAD).
const (
	minFileSize  = 5 << 20
	maxFileSize  = 62 << 30 / 10
	minGroupSize = 32 << 20
	maxGroupSize = 128 << 20
)

// unloadOptions tells of each option that only sets something which argument
// it takes, as copyOptions does.
var unloadOptions = map[string]string{
	"header": "", "gzip": "", "bzip2": "", "zstd": "", "addquotes": "", "escape": "", "allowoverwrite": "", "cleanpath": "",
	"delimiter": "string", "null": "string", "region": "string", "extension": "string", "kms_key_id": "string",
	"iam_role": "role", "credentials": "string", "access_key_id": "string", "secret_access_key": "string", "session_token": "string",
}

// ParseUnload reads UNLOAD ('query') TO 's3://…' options.
func ParseUnload(tokens []rsql.Token) (*Unload, error) {
	p := &parser{tokens: tokens, pos: 1}
	u := &Unload{Format: "text"}
	if !p.take("(") {
		return nil, rsql.Syntaxf("syntax error at or near %q: UNLOAD takes ('query')", p.peek().Text)
	}
	var err error
	if u.Query, err = p.str("UNLOAD"); err != nil {
		return nil, err
	}
	if !p.take(")") || !p.take("to") {
		return nil, rsql.Syntaxf("syntax error at or near %q: UNLOAD ('query') takes TO", p.peek().Text)
	}
	to, err := p.str("TO")
	if err != nil {
		return nil, err
	}
	if u.To, err = ParseURI(to); err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for !p.done() {
		if err := u.option(p, seen); err != nil {
			return nil, err
		}
	}
	return u, u.check(seen)
}

func (u *Unload) option(p *parser, seen map[string]string) (err error) {
	if p.take("with") {
		return nil
	}
	if p.take("format") {
		p.take("as")
	}
	t := p.peek()
	p.pos++
	name := t.Text
	if _, twice := seen[name]; twice {
		return rsql.Syntaxf("UNLOAD option %s is there twice", strings.ToUpper(name))
	}
	if kind, ok := unloadOptions[name]; ok && t.Kind == rsql.Word {
		seen[name], err = p.argument(name, kind)
		return err
	}
	seen[name] = ""
	switch name {
	case "csv", "parquet", "json":
		if u.Format != "text" {
			return rsql.Syntaxf("UNLOAD has two formats")
		}
		u.Format = name
	case "manifest":
		u.Manifest, u.Verbose = true, p.take("verbose")
	case "parallel":
		if u.Serial = p.take("off", "false"); !u.Serial {
			p.take("on", "true")
		}
	case "encrypted":
		p.take("auto")
		seen["encrypted"] = p.tokens[p.pos-1].Text
	case "partition":
		if !p.take("by") || !p.take("(") {
			return rsql.Syntaxf("syntax error at or near %q: want PARTITION BY (columns)", p.peek().Text)
		}
		u.Partition, err = p.names()
		u.Include = p.take("include")
		return err
	case "maxfilesize":
		u.MaxSize, err = p.size()
		return err
	case "rowgroupsize":
		n, err := p.size()
		if err == nil && (n < minGroupSize || n > maxGroupSize) {
			err = &rsql.Error{Code: rsql.InvalidParameter, Msg: "ROWGROUPSIZE must be between 32 MB and 128 MB"}
		}
		return err
	case "fixedwidth", "master_symmetric_key":
		return rsql.Unsupported("UNLOAD with "+strings.ToUpper(name), "formats known: PARQUET, CSV, JSON, delimited text; compressions: GZIP, BZIP2, ZSTD")
	default:
		return rsql.Syntaxf("syntax error at or near %q: UNLOAD has no such option", t.Text)
	}
	return nil
}

// size reads 32 MB or 1 GB; a bare number is in MB.
func (p *parser) size() (int64, error) {
	p.take("as")
	t := p.peek()
	n, err := strconv.ParseFloat(t.Text, 64)
	if err != nil || t.Kind != rsql.Num {
		return 0, rsql.Syntaxf("syntax error at or near %q: want a size, as in 256 MB", t.Text)
	}
	p.pos++
	unit := float64(1 << 20)
	if p.take("gb") {
		unit = 1 << 30
	} else {
		p.take("mb")
	}
	return int64(math.Round(n * unit)), nil
}

// unloadIncompatible are the options that a format does not take (RSD
// r_UNLOAD).
var unloadIncompatible = map[string][]string{
	"parquet": {"delimiter", "addquotes", "escape", "null", "header", "gzip", "bzip2", "zstd"},
	"json":    {"delimiter", "header", "addquotes", "escape", "null", "rowgroupsize"},
	"csv":     {"escape", "addquotes", "rowgroupsize"},
	"text":    {"rowgroupsize"},
}

func (u *Unload) check(seen map[string]string) error {
	if err := authorized("UNLOAD", seen); err != nil {
		return err
	}
	has := func(o string) bool { _, ok := seen[o]; return ok }
	for _, o := range unloadIncompatible[u.Format] {
		if has(o) {
			return rsql.Syntaxf("UNLOAD to %s does not take %s", strings.ToUpper(u.Format), strings.ToUpper(o))
		}
	}
	u.Header, u.AddQuotes, u.Escape, u.Overwrite, u.Clean = has("header"), has("addquotes"), has("escape"), has("allowoverwrite"), has("cleanpath")
	u.Null, u.Region, u.Extension, u.Extended = seen["null"], seen["region"], seen["extension"], has("extension")
	if u.Overwrite && u.Clean {
		return rsql.Syntaxf("ALLOWOVERWRITE and CLEANPATH cannot be used together")
	}
	for _, z := range []string{"gzip", "bzip2", "zstd"} {
		if has(z) && u.Compress != "" {
			return rsql.Syntaxf("UNLOAD has two compressions")
		}
		if has(z) {
			u.Compress = z
		}
	}
	if has("maxfilesize") && (u.MaxSize < minFileSize || u.MaxSize > maxFileSize) {
		return &rsql.Error{Code: rsql.InvalidParameter, Msg: "MAXFILESIZE must be between 5 MB and 6.2 GB"}
	}
	if len(u.Partition) > 0 && !strings.HasSuffix(u.To.Key, "/") {
		u.To.Key += "/"
	}
	if err := encryption(seen); err != nil {
		return err
	}
	return u.delimiter(seen)
}

// encryption: what S3 does with its own or a KMS key changes nothing that a
// reader sees, so it is taken and nothing is done.
func encryption(seen map[string]string) error {
	how, on := seen["encrypted"]
	_, key := seen["kms_key_id"]
	switch {
	case key && !on:
		return rsql.Syntaxf("KMS_KEY_ID needs ENCRYPTED")
	case key && how == "auto":
		return rsql.Syntaxf("ENCRYPTED AUTO takes no KMS_KEY_ID")
	case key && seen["credentials"] != "":
		return rsql.Syntaxf("KMS_KEY_ID cannot be used with CREDENTIALS")
	case on && !key && how != "auto":
		return rsql.Unsupported("UNLOAD with ENCRYPTED by a key of the client", "add AUTO or KMS_KEY_ID")
	}
	return nil
}

func (u *Unload) delimiter(seen map[string]string) error {
	u.Delim = '|'
	if u.Format == "csv" {
		u.Delim = ','
	}
	v, ok := seen["delimiter"]
	if !ok {
		return nil
	}
	b, ok := character(v)
	if !ok || b == '"' || b == '\\' {
		return &rsql.Error{Code: rsql.InvalidParameter, Msg: fmt.Sprintf("UNLOAD delimiter must be a single ASCII character, not %q", v)}
	}
	u.Delim = b
	return nil
}
