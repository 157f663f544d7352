package copyload

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func decompress(r io.Reader, how string) (io.Reader, error) {
	switch how {
	case "gzip":
		return gzip.NewReader(r)
	case "bzip2":
		return bzip2.NewReader(r), nil
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return r, nil
}

// errNoMark: UTF16 must say its byte order (RSD
// copy-parameters-data-conversion, ENCODING).
var errNoMark = errors.New("it has no byte order mark: ENCODING UTF16 needs one, UTF16LE and UTF16BE do not")

// decode turns an encoding into UTF-8.
func decode(r io.Reader, encoding string) (io.Reader, error) {
	switch encoding {
	case "utf16", "utf16le", "utf16be":
	case "iso88591":
		return &transcoder{src: bufio.NewReader(r), next: latin1}, nil
	default:
		return r, nil
	}
	src := bufio.NewReader(r)
	mark, err := src.Peek(2)
	if errors.Is(err, io.EOF) && len(mark) == 0 {
		return src, nil
	}
	little, big := len(mark) == 2 && mark[0] == 0xff && mark[1] == 0xfe, len(mark) == 2 && mark[0] == 0xfe && mark[1] == 0xff
	switch {
	case encoding == "utf16" && !little && !big:
		return nil, errNoMark
	case little && encoding != "utf16be", big && encoding != "utf16le":
		_, _ = src.Discard(2)
	}
	if encoding == "utf16le" || encoding == "utf16" && little {
		return &transcoder{src: src, next: utf16Reader(func(b []byte) rune { return rune(b[0]) | rune(b[1])<<8 })}, nil
	}
	return &transcoder{src: src, next: utf16Reader(func(b []byte) rune { return rune(b[1]) | rune(b[0])<<8 })}, nil
}

// transcoder reads characters and gives their UTF-8.
type transcoder struct {
	src  *bufio.Reader
	next func(*bufio.Reader) ([]byte, error)
	rest []byte
}

// Read implements io.Reader.
func (t *transcoder) Read(p []byte) (int, error) {
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	for n < len(p) && len(t.rest) == 0 {
		b, err := t.next(t.src)
		if err != nil {
			if n > 0 && errors.Is(err, io.EOF) {
				return n, nil
			}
			return n, err
		}
		m := copy(p[n:], b)
		n, t.rest = n+m, b[m:]
	}
	return n, nil
}

func latin1(r *bufio.Reader) ([]byte, error) {
	b, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	return utf8.AppendRune(nil, rune(b)), nil
}

// utf16Reader reads one character. Half a surrogate pair becomes bytes that
// are no UTF-8 either, so that its row is refused for it and not changed.
func utf16Reader(unit func([]byte) rune) func(*bufio.Reader) ([]byte, error) {
	return func(r *bufio.Reader) ([]byte, error) {
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, err
		}
		c := unit(b[:])
		if !utf16.IsSurrogate(c) {
			return utf8.AppendRune(nil, c), nil
		}
		if ahead, err := r.Peek(2); err == nil {
			if pair := utf16.DecodeRune(c, unit(ahead)); pair != utf8.RuneError {
				_, _ = r.Discard(2)
				return utf8.AppendRune(nil, pair), nil
			}
		}
		return []byte{0xe0 | byte(c>>12), 0x80 | byte(c>>6)&0x3f, 0x80 | byte(c)&0x3f}, nil
	}
}
