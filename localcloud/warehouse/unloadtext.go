package warehouse

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/copyload"
	"lamplighter/localcloud/pgwire"
)

// writeText writes the rows as lines of text, which the database puts
// together: one string of each row.
func (s *session) writeText(ctx context.Context, u *copyload.Unload, query string, columns []unloadColumn, dir string) ([]copyload.Part, error) {
	texts := []string{folderOf(u, columns) + " AS folder"}
	for i, c := range columns {
		texts = append(texts, textOf(c)+" AS "+textName(i))
	}
	rows, err := s.conn.QueryContext(ctx, "SELECT "+lineOf(u, columns)+", folder FROM (SELECT "+strings.Join(texts, ", ")+" FROM ("+query+"))", nil)
	if err != nil {
		return nil, err
	}
	lines := copyload.NewLines(u, dir, header(u, columns))
	row := make([]driver.Value, 2)
	for err == nil {
		if err = rows.Next(row); err != nil {
			break
		}
		line, ok := row[0].(string)
		folder, ok2 := row[1].(string)
		if !ok || !ok2 {
			err = pgwire.Errorf("XX000", "UNLOAD: a row is no text: this is a fault of the embedded warehouse")
			break
		}
		err = lines.Add(folder, line)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	parts, closeErr := lines.Close()
	if err := errors.Join(err, rows.Close(), closeErr); err != nil {
		return nil, err
	}
	return parts, nil
}

// function calls one of DuckDB's own, which a macro of ours may hide.
func function(name string, args ...string) string {
	return "system.main." + name + "(" + strings.Join(args, ", ") + ")"
}

// folderOf is the partition of a row, as Hive names folders.
func folderOf(u *copyload.Unload, columns []unloadColumn) string {
	if len(u.Partition) == 0 {
		return "''"
	}
	var out []string
	for _, name := range u.Partition {
		for _, c := range columns {
			if c.Name == name {
				out = append(out, quote(name+"=")+" || coalesce("+function("url_encode", "CAST("+c.ident()+" AS VARCHAR)")+", '__HIVE_DEFAULT_PARTITION__') || '/'")
			}
		}
	}
	return strings.Join(out, " || ")
}

// textName is what a column's text is called between the two SELECTs.
func textName(i int) string { return fmt.Sprintf("t%d", i) }

// lineOf is a row as a line of the format, made of its columns' texts.
func lineOf(u *copyload.Unload, columns []unloadColumn) string {
	var out []string
	for i, c := range columns {
		t := textName(i)
		if c.part && !u.Include {
			continue
		}
		switch u.Format {
		case "json":
			out = append(out, quote(jsonString(c.Name)+":")+" || "+jsonValue(c, t))
		case "csv":
			out = append(out, csvField(u, c, t))
		default:
			out = append(out, delimitedField(u, c, t))
		}
	}
	if u.Format == "json" {
		return "'{' || " + strings.Join(out, " || ',' || ") + " || '}'"
	}
	return strings.Join(out, " || "+quote(string(u.Delim))+" || ")
}

// textOf is a value as Redshift writes it; NULL stays NULL.
func textOf(c unloadColumn) string {
	x := c.ident()
	v := "CAST(" + x + " AS VARCHAR)"
	switch {
	case c.typ == duckdb.TYPE_BOOLEAN:
		return "CASE WHEN " + x + " THEN 't' WHEN NOT " + x + " THEN 'f' END"
	case c.typ == duckdb.TYPE_BLOB:
		return function("lower", function("hex", x))
	case c.typ == duckdb.TYPE_FLOAT || c.typ == duckdb.TYPE_DOUBLE: // 1 and not 1.0, NaN and not nan, as PostgreSQL's
		return "CASE WHEN " + function("isnan", x) + " THEN 'NaN' WHEN " + function("isinf", x) + " THEN CASE WHEN " + x + " > 0 THEN 'Infinity' ELSE '-Infinity' END WHEN " +
			function("suffix", v, "'.0'") + " THEN " + function("substring", v, "1", "CAST("+function("strlen", v)+" - 2 AS BIGINT)") + " ELSE " + v + " END"
	}
	return v
}

// nullAs is how NULL is written. SUPER has its own (RSD r_UNLOAD, NULL AS).
func nullAs(u *copyload.Unload, c unloadColumn) string {
	if c.json {
		return "'null'"
	}
	return quote(u.Null)
}

// csvField puts quotes around what needs them, and around the empty string,
// so that it differs from NULL.
func csvField(u *copyload.Unload, c unloadColumn, t string) string {
	tests := []string{t + " = ''"}
	for _, b := range []byte{'"', '\n', '\r', u.Delim} {
		tests = append(tests, function("contains", t, quote(string(b))))
	}
	return "coalesce(CASE WHEN " + strings.Join(tests, " OR ") + ` THEN '"' || ` + function("replace", t, `'"'`, `'""'`) + ` || '"' ELSE ` + t + " END, " + nullAs(u, c) + ")"
}

// delimitedField is a field of plain delimited text: ADDQUOTES and ESCAPE are
// what keeps it readable (RSD r_UNLOAD).
func delimitedField(u *copyload.Unload, c unloadColumn, t string) string {
	v := t
	if u.Escape && c.typ == duckdb.TYPE_VARCHAR {
		for _, b := range escaped(u) {
			v = function("replace", v, quote(string(b)), quote(`\`+string(b)))
		}
	}
	if u.AddQuotes {
		v = `'"' || ` + v + ` || '"'`
	}
	return "coalesce(" + v + ", " + nullAs(u, c) + ")"
}

// escaped are the characters that ESCAPE puts a backslash before, itself first.
func escaped(u *copyload.Unload) []byte {
	out := []byte{'\\', '\n', '\r', u.Delim}
	if u.AddQuotes {
		out = append(out, '"', '\'')
	}
	return out
}

// jsonValue is a value in a JSON document. Booleans are t and f, as the page
// says; that they are strings then is a guess, as JSON has no such words (RSD
// r_UNLOAD, FORMAT).
func jsonValue(c unloadColumn, t string) string {
	v := t
	switch c.typ {
	case duckdb.TYPE_SMALLINT, duckdb.TYPE_TINYINT, duckdb.TYPE_INTEGER, duckdb.TYPE_BIGINT, duckdb.TYPE_HUGEINT, duckdb.TYPE_DECIMAL:
	case duckdb.TYPE_FLOAT, duckdb.TYPE_DOUBLE: // JSON has no NaN and no infinity
		v = "CASE WHEN " + t + ` IN ('NaN', 'Infinity', '-Infinity') THEN '"' || ` + t + ` || '"' ELSE ` + t + " END"
	default:
		if !c.json {
			v = "CAST(" + function("to_json", t) + " AS VARCHAR)"
		}
	}
	return "coalesce(" + v + ", 'null')"
}

func jsonString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// header is the line of column names; what the format does to fields it does
// to them.
func header(u *copyload.Unload, columns []unloadColumn) string {
	if !u.Header {
		return ""
	}
	var out []string
	for _, c := range columns {
		if c.part && !u.Include {
			continue
		}
		name := c.Name
		switch {
		case u.Format == "csv" && strings.ContainsAny(name, "\"\n\r"+string(u.Delim)):
			name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		case u.Escape:
			for _, b := range escaped(u) {
				name = strings.ReplaceAll(name, string(b), `\`+string(b))
			}
		}
		if u.AddQuotes {
			name = `"` + name + `"`
		}
		out = append(out, name)
	}
	return strings.Join(out, string(u.Delim))
}
