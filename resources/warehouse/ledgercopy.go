package warehouse

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A ledger's copy is gzipped text: a line of JSON, the copyHead, then a line
// for each entry of each table, in the order of the tables' names, its fields
// parted by tabs. A million entries are read in a second or two.

// copyVersion is the version of the copy's form that this program writes and
// reads.
const copyVersion = 1

type copyHead struct {
	Version   int            `json:"version"`
	Watermark Watermark      `json:"watermark"`
	Receipts  []Receipt      `json:"receipts"`
	Tables    map[string]int `json:"tables"` // how many lines follow
}

// copyFields is how many fields a line has: see appendEntry.
const copyFields = 10

// packers are kept: one is a megabyte, and simulations write thousands of
// copies.
var packers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails only on a level that is none
	return w
}}

// EncodeLedger writes a ledger as its copy; DecodeLedger reads it back.
func EncodeLedger(l Ledger) ([]byte, error) {
	head := copyHead{Version: copyVersion, Watermark: l.Watermark, Receipts: l.Receipts, Tables: map[string]int{}}
	for name, entries := range l.Tables {
		head.Tables[name] = len(entries)
	}
	first, err := json.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("the ledger's copy: %w", err)
	}
	var out bytes.Buffer
	packed := packers.Get().(*gzip.Writer)
	defer packers.Put(packed)
	packed.Reset(&out)
	text := bufio.NewWriter(packed) // its errors show in Flush
	text.Write(append(first, '\n'))
	var line []byte
	for _, name := range slices.Sorted(maps.Keys(l.Tables)) {
		for _, e := range l.Tables[name] {
			line = appendEntry(line[:0], e)
			text.Write(line)
		}
	}
	if err := errors.Join(text.Flush(), packed.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

var (
	copyEscape   = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`)
	copyUnescape = strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n")
)

func appendEntry(line []byte, e Entry) []byte {
	field := func(s string) {
		if strings.ContainsAny(s, "\\\t\n") {
			s = copyEscape.Replace(s)
		}
		line = append(append(line, s...), '\t')
	}
	number := func(n int64) { line = append(strconv.AppendInt(line, n, 10), '\t') }
	number(e.LoadID)
	number(e.Rows)
	field(e.Run)
	number(int64(e.Attempt))
	field(e.Step)
	line = append(e.At.UTC().AppendFormat(line, time.RFC3339Nano), '\t')
	field(e.Object.Partition)
	number(e.Object.Size)
	field(e.Object.ETag)
	field(e.Object.URI)
	line[len(line)-1] = '\n'
	return line
}

// DecodeLedger reads what EncodeLedger wrote. Whatever else it is given is an
// error.
func DecodeLedger(body []byte) (Ledger, error) {
	packed, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return Ledger{}, fmt.Errorf("the ledger's copy: %w", err)
	}
	text := bufio.NewReaderSize(packed, 1<<16)
	first, err := text.ReadBytes('\n')
	if err != nil {
		return Ledger{}, fmt.Errorf("the ledger's copy: its first line: %w", err)
	}
	var head copyHead
	if err := json.Unmarshal(first, &head); err != nil {
		return Ledger{}, fmt.Errorf("the ledger's copy: its first line: %w", err)
	}
	if head.Version != copyVersion {
		return Ledger{}, fmt.Errorf("the ledger's copy is of version %d, and this program reads %d: another version of lamplighter wrote it", head.Version, copyVersion)
	}
	l := Ledger{Watermark: head.Watermark, Receipts: head.Receipts, Tables: map[string][]Entry{}}
	lines := copyLines{text: text, words: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(head.Tables)) {
		n := head.Tables[name]
		entries := make([]Entry, 0, min(max(n, 0), 1<<20)) // a damaged count must not take all memory
		for range n {
			e, err := lines.next()
			if err != nil {
				return Ledger{}, fmt.Errorf("the ledger's copy: entry %d of %s: %w", len(entries)+1, name, err)
			}
			entries = append(entries, e)
		}
		l.Tables[name] = entries
	}
	if _, err := text.ReadByte(); err != io.EOF {
		return Ledger{}, fmt.Errorf("the ledger's copy: it goes on after its last entry (%v)", err)
	}
	return l, nil
}

// copyLines reads entries. Words that repeat (runs, steps, partitions) are
// kept once.
type copyLines struct {
	text  *bufio.Reader
	words map[string]string
	at    string // the last instant as written, and
	time  time.Time
}

func (c *copyLines) next() (e Entry, err error) {
	line, err := c.text.ReadString('\n')
	if err != nil {
		return e, err
	}
	var fields [copyFields]string
	rest := strings.TrimSuffix(line, "\n")
	for i := range fields[:copyFields-1] {
		var more bool
		if fields[i], rest, more = strings.Cut(rest, "\t"); !more {
			return e, fmt.Errorf("%d fields instead of %d", i+1, copyFields)
		}
	}
	fields[copyFields-1] = rest
	var numbers [4]int64
	for i, at := range []int{0, 1, 3, 7} {
		if numbers[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return e, err
		}
	}
	if fields[5] != c.at {
		if c.time, err = time.Parse(time.RFC3339Nano, fields[5]); err != nil {
			return e, err
		}
		c.at = strings.Clone(fields[5])
	}
	return Entry{
		LoadID: numbers[0], Rows: numbers[1], Run: c.word(fields[2]), Attempt: int(numbers[2]), Step: c.word(fields[4]), At: c.time,
		Object: Object{Partition: c.word(fields[6]), Size: numbers[3], ETag: unescape(fields[8]), URI: unescape(fields[9])},
	}, nil
}

func (c *copyLines) word(s string) string {
	if known, ok := c.words[s]; ok {
		return known
	}
	s = strings.Clone(s)
	c.words[s] = unescape(s)
	return c.words[s]
}

func unescape(s string) string {
	if strings.Contains(s, `\`) {
		return copyUnescape.Replace(s)
	}
	return s
}
