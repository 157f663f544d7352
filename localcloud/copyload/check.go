package copyload

import (
	"fmt"
	"strconv"
	"strings"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// columnar are the options that COPY takes for Parquet (RSD
// copy-usage_notes-copy-from-columnar).
var columnar = map[string]bool{
	"manifest": true, "acceptinvchars": true, "fillrecord": true, "serializetojson": true, "statupdate": true, "explicit_ids": true,
	"iam_role": true, "credentials": true, "access_key_id": true, "secret_access_key": true, "session_token": true,
}

// incompatible are the options that a format does not take (RSD
// copy-parameters-data-format: CSV, JSON).
var incompatible = map[string][]string{
	"csv":  {"escape", "removequotes"},
	"json": {"delimiter", "quote", "escape", "fillrecord", "ignoreblanklines", "null", "removequotes"},
	"text": {"quote"},
}

// check puts the options together and refuses the pairs that Redshift refuses.
func (c *Copy) check(seen map[string]string) error {
	has := func(o string) bool { _, ok := seen[o]; return ok }
	if err := authorized("COPY", seen); err != nil {
		return err
	}
	if err := c.pairs(seen); err != nil {
		return err
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
	c.Date, c.Time, c.Region, c.AllErrors = seen["dateformat"], seen["timeformat"], seen["region"], has("ignoreallerrors")
	c.Serialize = has("serializetojson")
	c.Header, _ = strconv.Atoi(seen["ignoreheader"])
	c.MaxError, _ = strconv.Atoi(seen["maxerror"])
	if c.MaxError < 0 || c.MaxError > 100000 || c.Header < 0 {
		return &rsql.Error{Code: rsql.InvalidParameter, Msg: "MAXERROR must be between 0 and 100000, IGNOREHEADER not below 0"}
	}
	if err := c.texts(seen); err != nil {
		return err
	}
	return c.characters(seen)
}

// pairs refuses options that do not go together.
func (c *Copy) pairs(seen map[string]string) error {
	if c.Format == "parquet" {
		for o := range seen {
			if !columnar[o] {
				return rsql.Syntaxf("%s argument is not supported for PARQUET based COPY", strings.ToUpper(o))
			}
		}
	}
	for _, o := range incompatible[c.Format] {
		if _, ok := seen[o]; !ok {
			continue
		}
		if c.Format == "text" {
			return rsql.Syntaxf("%s is only for CSV", strings.ToUpper(o))
		}
		return rsql.Syntaxf("%s is not compatible with %s", strings.ToUpper(c.Format), strings.ToUpper(o))
	}
	if _, ok := seen["serializetojson"]; ok && c.Format != "parquet" {
		return rsql.Syntaxf("SERIALIZETOJSON is only for PARQUET")
	}
	_, all := seen["ignoreallerrors"]
	if _, some := seen["maxerror"]; all && some {
		return rsql.Syntaxf("IGNOREALLERRORS and MAXERROR cannot be used together")
	}
	return nil
}

// texts reads NULL AS, ENCODING and ACCEPTINVCHARS.
func (c *Copy) texts(seen map[string]string) error {
	if v, ok := seen["null"]; ok {
		switch {
		case v == `\0` || v == `\000`: // how NUL is written (RSD copy-parameters-data-conversion)
			v = "\x00"
		case v == "\n" || v == `\n`:
			return &rsql.Error{Code: rsql.InvalidParameter, Msg: `NULL AS cannot be '\n': it ends lines`}
		}
		c.Null = v
	}
	switch e := seen["encoding"]; e {
	case "", "auto": // AUTO is UTF-8 unless there is a byte order mark: we look for none
	case "utf8", "utf16", "utf16le", "utf16be", "iso88591":
		c.Encoding = e
	default:
		return rsql.Syntaxf("syntax error at or near %q: ENCODING is UTF8, UTF16, UTF16LE, UTF16BE or ISO88591", e)
	}
	if v, ok := seen["acceptinvchars"]; ok {
		if len(v) != 1 || v == "\x00" || v[0] >= 0x80 {
			return rsql.Syntaxf("ACCEPTINVCHARS takes one ASCII character")
		}
		c.Replace = rune(v[0])
	}
	return nil
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
		b, ok := character(v)
		if !ok {
			return &rsql.Error{Code: rsql.InvalidParameter, Msg: fmt.Sprintf("COPY %s must be a single ASCII character, not %q", o, v), Hint: "multi-character delimiters are not supported by the embedded warehouse"}
		}
		*to = b
	}
	if c.Format == "csv" && c.Delim == c.Quote {
		return &rsql.Error{Code: rsql.InvalidParameter, Msg: "COPY delimiter and quote must be different"}
	}
	if c.Escape && c.Delim == '\\' {
		return &rsql.Error{Code: rsql.InvalidParameter, Msg: `COPY delimiter cannot be '\' with ESCAPE`}
	}
	for name, f := range map[string]string{"DATEFORMAT": c.Date, "TIMEFORMAT": c.Time} {
		if _, err := layouts(f); err != nil {
			return rsql.Unsupported(name+" "+rsql.Literal(f), err.Error())
		}
	}
	return nil
}

// character reads the argument of DELIMITER and QUOTE: one ASCII character,
// also as \t or in octal, '\001' (RSD copy-parameters-data-format).
func character(v string) (byte, bool) {
	switch {
	case v == `\t`:
		return '\t', true
	case len(v) == 4 && v[0] == '\\':
		n, err := strconv.ParseUint(v[1:], 8, 7)
		return byte(n), err == nil && n != 0 && n != '\n' && n != '\r'
	}
	return firstByte(v), len(v) == 1 && v[0] < 0x80 && v[0] != 0 && v != "\n" && v != "\r"
}

func firstByte(v string) byte {
	if v == "" {
		return 0
	}
	return v[0]
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
