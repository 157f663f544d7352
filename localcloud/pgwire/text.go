package pgwire

import (
	"errors"
	"strings"
	"unicode/utf8"

	"lamplighter/localcloud/rsql"
)

// maxStatement is the longest SQL statement, in bytes: 16 MB
// (https://docs.aws.amazon.com/redshift/latest/dg/c_redshift-sql.html).
const maxStatement = 16 << 20

// tooLarge words it as Redshift does; the SQLSTATE is a guess.
func tooLarge(size int) *Error {
	return Errorf("54001", "Statement is too large. Statement Size: %d bytes. Maximum Allowed: %d bytes", size, maxStatement)
}

// sources cuts a script that a client sent.
func sources(script string) ([]rsql.Source, error) {
	if len(script) > maxStatement {
		return nil, tooLarge(len(script))
	}
	if err := validText(script); err != nil {
		return nil, err
	}
	return rsql.Sources(script)
}

// validText refuses what no text of the database may hold.
func validText(s string) error {
	if !utf8.ValidString(s) {
		for i, r := range s {
			if r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
				return Errorf("22021", "invalid byte sequence for encoding \"UTF8\": 0x%02x", s[i])
			}
		}
	}
	if strings.IndexByte(s, 0) >= 0 {
		return Errorf("22021", "invalid byte sequence for encoding \"UTF8\": 0x00")
	}
	return nil
}

// parameterError names the parameter that could not be read.
func parameterError(n int, err error) error {
	code, msg := "22P03", err.Error()
	var e *Error
	if errors.As(err, &e) {
		code, msg = e.Code, e.Msg
	}
	return Errorf(code, "parameter $%d: %s", n, msg)
}
