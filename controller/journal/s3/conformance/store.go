package conformance

import (
	"encoding/json"
	"fmt"
	"testing"

	"lamplighter/controller/journal"
	journals3 "lamplighter/controller/journal/s3"
	"lamplighter/resources"
)

func (b *bench) store() *journals3.Store {
	return &journals3.Store{S3: b.client, Base: b.uri("journal"), Clock: b.clock}
}

func record(seq int, writer, why string) journal.Record {
	return journal.Record{Version: journal.Version, Seq: seq, Epoch: 1, Writer: writer, Kind: journal.Saw, Why: why}
}

func same(t *testing.T, got, want []journal.Record) {
	t.Helper()
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if len(got) != len(want) || len(got) > 0 && string(g) != string(w) {
		t.Fatalf("got %s\nwant %s", g, w)
	}
}

func appendAndSince(t *testing.T, b *bench) {
	s := b.store()
	none, err := s.Since(b.ctx, 0)
	must(t, err, "since, of nothing")
	same(t, none, nil)
	var all []journal.Record
	for seq := 1; seq <= 12; seq++ {
		r := record(seq, "a", fmt.Sprint("look ", seq))
		must(t, s.Append(b.ctx, r), "append %d", seq)
		all = append(all, r)
	}
	for seq := 0; seq <= 12; seq++ {
		got, err := s.Since(b.ctx, seq)
		must(t, err, "since %d", seq)
		same(t, got, all[seq:])
	}
}

// appendAgain: the same bytes are our own earlier put, all else is another's,
// and what is there never changes.
func appendAgain(t *testing.T, b *bench) {
	s := b.store()
	mine := record(1, "a", "mine")
	must(t, s.Append(b.ctx, mine), "append")
	must(t, s.Append(b.ctx, mine), "the same again")
	for _, other := range []journal.Record{record(1, "b", "mine"), record(1, "a", "other")} {
		if err := s.Append(b.ctx, other); resources.ClassOf(err) != resources.Fenced {
			t.Fatalf("over another's record: %v (%s), want fenced", err, resources.ClassOf(err))
		}
	}
	got, err := s.Since(b.ctx, 0)
	must(t, err, "since")
	same(t, got, []journal.Record{mine})
}

// appendRace: of many who write the same number one wins, and all know it.
func appendRace(t *testing.T, b *bench) {
	s := b.store()
	for seq := 1; seq <= 5; seq++ {
		answers := make([]error, Writers)
		b.Together(each(Writers, func(i int) { answers[i] = s.Append(b.ctx, record(seq, fmt.Sprint("w", i), "")) })...)
		winner := ""
		for i, err := range answers {
			switch resources.ClassOf(err) {
			case resources.OK:
				if winner != "" {
					t.Fatalf("record %d: %s and w%d both won", seq, winner, i)
				}
				winner = fmt.Sprint("w", i)
			case resources.Fenced:
			default:
				t.Fatalf("record %d, writer %d: %v", seq, i, err)
			}
		}
		b.Alone(func() {
			got, err := s.Since(b.ctx, seq-1)
			must(t, err, "since")
			if len(got) != 1 || got[0].Writer != winner {
				t.Fatalf("record %d: winner %q, read %+v", seq, winner, got)
			}
		})
	}
}

func gap(t *testing.T, b *bench) {
	s := b.store()
	for _, seq := range []int{1, 2, 4} {
		must(t, s.Append(b.ctx, record(seq, "a", "")), "append %d", seq)
	}
	if _, err := s.Since(b.ctx, 0); resources.ClassOf(err) != resources.Permanent {
		t.Fatalf("record 3 is missing: %v, want permanent", err)
	}
	got, err := s.Since(b.ctx, 3)
	must(t, err, "since 3")
	same(t, got, []journal.Record{record(4, "a", "")})
}

// strangers: what is not a record is left alone; a record under a wrong number
// is not.
func strangers(t *testing.T, b *bench) {
	s := b.store()
	must(t, s.Append(b.ctx, record(1, "a", "")), "append")
	for _, name := range []string{"journal/README.txt", "journal/0001.json", "journal/000002.json.bak", "journal-old/000002.json"} {
		_, err := b.client.Put(b.ctx, b.uri(name), []byte("x"), "")
		must(t, err, "put %s", name)
	}
	got, err := s.Since(b.ctx, 0)
	must(t, err, "since")
	same(t, got, []journal.Record{record(1, "a", "")})
	wrong, _ := json.Marshal(record(7, "a", ""))
	_, err = b.client.Put(b.ctx, b.uri("journal/000002.json"), wrong, "")
	must(t, err, "put")
	if _, err := s.Since(b.ctx, 0); resources.ClassOf(err) != resources.Permanent {
		t.Fatalf("record 7 in the place of 2: %v, want permanent", err)
	}
}

func archive(t *testing.T, b *bench) {
	s := b.store()
	var all []journal.Record
	for seq := 1; seq <= 5; seq++ {
		all = append(all, record(seq, "a", "line\nbreak <&>"))
		must(t, s.Append(b.ctx, all[seq-1]), "append")
	}
	uri := b.uri("journal.json")
	for range 2 {
		all, err := s.Since(b.ctx, 0)
		must(t, err, "reading all")
		must(t, s.Archive(b.ctx, uri, all), "archive")
		var got []journal.Record
		must(t, again(func() (err error) {
			got, err = journals3.ReadArchive(b.ctx, b.client, uri)
			return err
		}), "read")
		same(t, got, all)
	}
}
