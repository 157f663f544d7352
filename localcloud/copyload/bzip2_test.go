package copyload

import (
	"bytes"
	"compress/bzip2"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func bzipped(t interface{ Fatal(...any) }, chunks ...[]byte) []byte {
	var b bytes.Buffer
	z := newBzipWriter(&b)
	for _, c := range chunks {
		if _, err := z.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBzip2: Go's own reader, which checks the sums, reads what was written.
func TestBzip2(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		chunks := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]byte("aab\n\x00\xff")), 0, 300), 0, 6).Draw(rt, "chunks")
		got, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(bzipped(rt, chunks...))))
		if want := bytes.Join(chunks, nil); err != nil || !bytes.Equal(got, want) {
			rt.Fatalf("got %q %v, want %q", got, err, want)
		}
	})
	var rows strings.Builder
	for i := range 60000 {
		fmt.Fprintf(&rows, "%d,%d,2026-11-21\n", i*7919%100003, i%5)
	}
	for _, text := range []string{strings.Repeat("x", 300000), strings.Repeat("abab", 70000), rows.String(), strings.Repeat("xxxx", 64), strings.Repeat("0123456789", 25000)} {
		packed := bzipped(t, []byte(text))
		got, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed)))
		if err != nil || string(got) != text {
			t.Errorf("%d bytes, packed into %d, became %d: %v", len(text), len(packed), len(got), err)
		}
		if len(packed) > len(text)*2/3 {
			t.Errorf("%d bytes were packed into %d", len(text), len(packed))
		}
	}
}
