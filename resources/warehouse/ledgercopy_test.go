package warehouse

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func ledgers() *rapid.Generator[Ledger] {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\\tn\t\n\"é/=?%\x00")), 0, 12, -1)
	entry := rapid.Custom(func(t *rapid.T) Entry {
		return Entry{
			LoadID: rapid.Int64().Draw(t, "id"), Rows: rapid.Int64().Draw(t, "rows"), Run: text.Draw(t, "run"),
			Attempt: rapid.IntRange(0, 99).Draw(t, "attempt"), Step: text.Draw(t, "step"),
			At:     time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			Object: Object{URI: text.Draw(t, "uri"), ETag: text.Draw(t, "etag"), Size: rapid.Int64().Draw(t, "size"), Partition: text.Draw(t, "day")},
		}
	})
	return rapid.Custom(func(t *rapid.T) Ledger {
		tables := rapid.MapOfN(rapid.StringMatching(`[a-z]{1,3}`), rapid.SliceOfN(entry, 0, 4), 0, 3).Draw(t, "tables")
		l := Ledger{Watermark: Watermark{}, Tables: map[string][]Entry{}, Receipts: []Receipt{{Run: text.Draw(t, "r"), Step: "s"}}}
		for name, entries := range tables {
			l.Tables[name] = append([]Entry{}, entries...)
			l.Watermark[name] = Mark{Rows: int64(len(entries)), Max: 7}
		}
		return l
	})
}

func TestLedgerCopyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := ledgers().Draw(t, "ledger")
		body, err := EncodeLedger(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeLedger(body)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\ngot  %+v\nwant %+v", err, got, want)
		}
	})
}

func packed(text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return out.Bytes()
}

func TestDamagedLedgerCopyIsRefused(t *testing.T) {
	const head = `{"version":1,"watermark":{},"receipts":null,"tables":{"t":1}}` + "\n"
	const line = "1\t2\trun\t1\tstep\t2026-11-22T06:00:00Z\t2026-11-21\t3\te\ts3://b/k\n"
	if _, err := DecodeLedger(packed(head + line)); err != nil {
		t.Fatalf("the sound one: %v", err)
	}
	whole := packed(head + line)
	for want, body := range map[string][]byte{
		"gzip: invalid header":         []byte(`{"watermark":{}}`),
		"unexpected EOF":               whole[:len(whole)-4],
		"version 2":                    packed(strings.Replace(head, ":1", ":2", 1)),
		"its first line":               packed("none"),
		"entry 1 of t: EOF":            packed(head),
		"1 fields instead of 10":       packed(head + "1\n"),
		"invalid syntax":               packed(head + strings.Replace(line, "2\t", "two\t", 1)),
		`parsing time "today"`:         packed(head + strings.Replace(line, "2026-11-22T06:00:00Z", "today", 1)),
		"goes on after its last entry": packed(head + line + line),
	} {
		if _, err := DecodeLedger(body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func BenchmarkLedgerCopy(b *testing.B) {
	l := Ledger{Watermark: Watermark{}, Tables: map[string][]Entry{}}
	for i := range 1_000_000 {
		day := time.Date(1996, 3, 29, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i/100)
		l.Tables["events"] = append(l.Tables["events"], Entry{LoadID: int64(i / 2000), Rows: 5000, Run: "2026-11-22", Attempt: 1, Step: "events", At: day,
			Object: Object{URI: fmt.Sprintf("s3://acme-events/events/%s/part-%05d.csv.gz", day.Format("2006/01/02"), i), ETag: fmt.Sprintf("%032x", i*2654435761), Size: 12345, Partition: day.Format(time.DateOnly)}})
	}
	body, err := EncodeLedger(l)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(body))/1e6, "MB")
	b.Run("encode", func(b *testing.B) {
		for range b.N {
			if _, err := EncodeLedger(l); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		for range b.N {
			if _, err := DecodeLedger(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
