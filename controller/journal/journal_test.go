package journal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// golden reads a journal that an earlier version of this program wrote. These
// files are never rewritten: old nights must be readable for ever.
func golden(t *testing.T, name string) (lines []string, records []journal.Record) {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(body)), "\n") {
		var r journal.Record
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		lines, records = append(lines, line), append(records, r)
	}
	return lines, records
}

// A journal of version 1 reads without loss, writes back byte for byte, and
// folds into what it meant then.
func TestGoldenJournal(t *testing.T) {
	lines, records := golden(t, "v1.jsonl")
	for i, r := range records {
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lines[i], string(again)); diff != "" {
			t.Fatalf("record %d (-as written +as written now):\n%s", r.Seq, diff)
		}
	}
	f := journal.Fold(records)
	want, err := os.ReadFile("testdata/v1.facts")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), told(f)); diff != "" {
		t.Errorf("what the journal means has changed (-then +now):\n%s", diff)
	}
}

// told is all of the facts that decisions hang on, as text.
func told(f *journal.Facts) string {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s attempt %d seq %d epoch %d creating %d closed %v\n", f.Opening.Run, f.Opening.Attempt, f.Seq, f.Epoch, f.Creating, f.IsClosed)
	for _, n := range f.Plan {
		fmt.Fprintf(&b, "%s %s\n", n.Name, f.Settled[n.Name].Verdict)
	}
	var lines []string
	for act, n := range f.Tries {
		lines = append(lines, fmt.Sprintf("tried %s %s %d", act.Step, act.Verb, n))
	}
	for ref, o := range f.Owed {
		lines = append(lines, fmt.Sprintf("owed %s kept %v closed %v", ref, o.Kept, o.Closed))
	}
	sort.Strings(lines)
	return b.String() + strings.Join(lines, "\n") + "\n"
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func at(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }

// What closes an obligation, and what does not.
func TestObligations(t *testing.T) {
	ref := resources.Ref{Kind: resources.KindCluster, Name: "c"}
	effect := &journal.Effect{Verb: "create", Ref: ref, Creates: true}
	intent := func(m float64) journal.Record {
		return journal.Record{Kind: journal.Intent, Step: "w", Effect: effect, At: at(m)}
	}
	outcome := func(m float64, of int, c resources.Class) journal.Record {
		return journal.Record{Kind: journal.Outcome, Step: "w", Effect: effect, Of: of, Class: c, At: at(m)}
	}
	saw := func(m float64, exists bool) journal.Record {
		return journal.Record{Kind: journal.Saw, Step: "w", Seen: &resources.Observation{Ref: ref, Exists: exists}, At: at(m)}
	}
	for _, c := range []struct {
		name    string
		records []journal.Record
		owed    bool
	}{
		{"an intent alone", []journal.Record{intent(0)}, true},
		{"it was done", []journal.Record{intent(0), outcome(1, 1, resources.OK)}, true},
		{"nobody knows", []journal.Record{intent(0), outcome(1, 1, resources.Unknown)}, true},
		{"it was refused", []journal.Record{intent(0), outcome(1, 1, resources.Permanent)}, false},
		{"it is busy", []journal.Record{intent(0), outcome(1, 1, resources.Busy)}, false},
		{"nobody knows, then it was refused", []journal.Record{intent(0), outcome(1, 1, resources.Unknown), intent(2), outcome(3, 3, resources.Permanent)}, true},
		{"refused, and asked again", []journal.Record{intent(0), outcome(1, 1, resources.Permanent), intent(2)}, true},
		{"absent within the grace", []journal.Record{intent(0), saw(4, false)}, true},
		{"absent after the grace", []journal.Record{intent(0), saw(5, false)}, false},
		{"absent after the grace of the first, within that of the second", []journal.Record{intent(0), intent(3), saw(6, false)}, true},
		{"seen, then gone", []journal.Record{intent(0), saw(2, true), saw(9, false)}, false},
		{"gone, then there after all", []journal.Record{intent(0), saw(6, false), saw(7, true)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i := range c.records {
				c.records[i].Seq = i + 1
			}
			if owed := len(journal.Fold(c.records).Debts()) > 0; owed != c.owed {
				t.Errorf("owed: %v, want %v", owed, c.owed)
			}
		})
	}
}

func TestPromotionHandsOver(t *testing.T) {
	ref := resources.Ref{Kind: resources.KindSnapshot, Name: "s"}
	f := journal.Fold([]journal.Record{
		{Seq: 1, Kind: journal.Intent, Step: "snapshot-1", Effect: &journal.Effect{Verb: "snapshot", Ref: ref, Creates: true}, At: noon},
		{Seq: 2, Kind: journal.Settled, Step: "promote-1", Verdict: journal.Done, Result: json.RawMessage(`{"keeps":"s"}`), At: at(1)},
	})
	if len(f.Debts()) != 0 || !f.Owed[ref].Kept {
		t.Errorf("the promoted snapshot is still a debt: %+v", f.Owed[ref])
	}
}

// Folding a journal in two parts is folding it whole: a process that starts
// again knows what the one before knew.
func TestFoldGoesOn(t *testing.T) {
	_, records := golden(t, "v1.jsonl")
	rapid.Check(t, func(t *rapid.T) {
		cut := rapid.IntRange(2, len(records)).Draw(t, "cut")
		f := journal.Fold(records[:cut])
		before := told(f)
		if before != told(journal.Fold(records[:cut])) {
			t.Fatal("the same records fold differently")
		}
		for _, r := range records[cut:] {
			f.Apply(r)
		}
		if told(f) != told(journal.Fold(records)) {
			t.Fatalf("cut at %d, the facts differ", cut)
		}
	})
}

// Whatever bytes lie in the bucket: reading them ends in an error, or in a
// record that writes back as it reads.
func FuzzRecord(f *testing.F) {
	lines, err := os.ReadFile("testdata/v1.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range bytes.Split(lines, []byte("\n"))[:8] {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r, again journal.Record
		if json.Unmarshal(body, &r) != nil {
			return
		}
		once, err := json.Marshal(r)
		if err != nil {
			t.Skip() // an instant that JSON cannot hold
		}
		if err := json.Unmarshal(once, &again); err != nil {
			t.Fatalf("%s\n%v", once, err)
		}
		twice, _ := json.Marshal(again)
		if !bytes.Equal(once, twice) {
			t.Fatalf("%s\n%s", once, twice)
		}
		journal.NewFacts().Apply(r)
	})
}
