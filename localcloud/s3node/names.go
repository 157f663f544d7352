package s3node

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/versity/versitygw/s3err"
)

// How keys become files. A key's segments are folders, so that listing a
// prefix or a delimiter walks folders; but a file system cannot hold all that
// S3 can, so names are marked:
//
//	a         a␁          every object's file ends in ␁ (0x01): it cannot be in the way of a/b
//	a/b       a/b␁
//	a/        a/␁         a "folder" is an object like any other
//	a//b      a/␃/b␁      ␃ (0x03) stands in empty segments, and after . and ..
//	a/../b    a/..␃/b␁
//
// The marks sort before everything that a key may hold, so files lie in the
// order of their keys, and what a prefix of a key becomes is a prefix of what
// the key becomes.
const (
	leafMark = "\x01"
	dotMark  = "\x03"
)

// longestKey is S3's limit, in bytes of UTF-8.
// docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const longestKey = 1024

// longestSegment is what a file's name may have without the mark. S3 has no
// such limit.
const longestSegment = 254

// fileOf is the file of a key.
func fileOf(key string) string { return folderOf(key) + leafMark }

// folderOf is what a key's prefix becomes: the segment after the last slash
// stays open.
func folderOf(prefix string) string {
	segments := strings.Split(prefix, "/")
	for i, s := range segments[:len(segments)-1] {
		if s == "" || s == "." || s == ".." {
			segments[i] = s + dotMark
		}
	}
	return strings.Join(segments, "/")
}

// keyOf is the key, or prefix of keys, that a name stands for.
func keyOf(name string) string {
	name = strings.TrimSuffix(name, leafMark)
	return strings.ReplaceAll(name, dotMark, "") // no key holds the mark itself
}

// refused says why no object can have this key, nil if one can. The keys that
// S3 would take are refused by name.
func refused(key string) error {
	if len(key) > longestKey {
		return s3err.GetKeyTooLongErr(int64(len(key)), longestKey)
	}
	if i := strings.IndexFunc(key, func(r rune) bool { return r <= 3 }); i >= 0 {
		return notHere("keys with the control characters 0 to 3 (byte %d of the key is 0x%02x)", i+1, key[i])
	}
	for segment := range strings.SplitSeq(key, "/") {
		if len(segment) > longestSegment {
			return s3err.APIError{Code: "KeyTooLongError", HTTPStatusCode: http.StatusBadRequest,
				Description: fmt.Sprintf("The embedded cloud keeps objects as files: between two slashes a key has at most %d bytes, this one has %d in %.40s… (Amazon S3 has only the limit of 1024 for the whole key.)", longestSegment, len(segment), segment)}
		}
	}
	return nil
}

// notHere is the answer to what S3 has and the embedded cloud has not.
func notHere(format string, args ...any) s3err.APIError {
	return s3err.APIError{Code: "NotImplemented", HTTPStatusCode: http.StatusNotImplemented,
		Description: "The embedded cloud does not have " + fmt.Sprintf(format, args...) + "."}
}
