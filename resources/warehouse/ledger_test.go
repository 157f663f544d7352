package warehouse

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lamplighter/resources"
)

func TestLedger(t *testing.T) {
	f := newFake(t,
		&rule{what: "pg_tables", always: true, rows: [][]string{{"ledger_ratings"}, {"ledger_sales$orders"}, {"ledger_receipts"}, {"ledger_empty"}, {"receipts"}, {"somebody_s"}}},
		&rule{what: `COUNT(*), COALESCE(MAX(load_id), 0) FROM "lamplighter"."ledger_ratings"`, always: true, rows: [][]string{{"3", "2"}}},
		&rule{what: `FROM "lamplighter"."ledger_sales$orders"`, rows: [][]string{{"1", "1"}}},
		&rule{what: `COUNT(*), COALESCE(MAX(load_id), 0) FROM "lamplighter"."ledger_receipts"`, always: true, rows: [][]string{{"4", "4"}}},
		&rule{what: `COUNT(*), COALESCE(MAX(load_id), 0) FROM "lamplighter"."ledger_empty"`, always: true, rows: [][]string{{"0", "0"}}},
		&rule{what: `COUNT(*), COALESCE(COUNT(*), 0) FROM "lamplighter"."receipts"`, always: true, rows: [][]string{{"5", "5"}}},
		&rule{what: `FROM "lamplighter"."ledger_ratings" ORDER BY`, rows: [][]string{{"1", "s3://e/a", "x", "10", "", "7", "2026-11-22", "1", "ratings", "2026-11-22 01:30:00.5"}}},
		&rule{what: "SELECT run, attempt, step, sha256", rows: [][]string{{"migration", "0", "001", "ab"}}},
	)
	c := f.open(f.server())
	got, err := c.Ledger(background)
	if err != nil {
		t.Fatal(err)
	}
	want := Ledger{
		Watermark: Watermark{"ratings": {3, 2}, "sales.orders": {1, 1}, "public.receipts": {4, 4}, "receipts": {5, 5}},
		Tables: map[string][]Entry{"ratings": {{LoadID: 1, Object: Object{URI: "s3://e/a", ETag: "x", Size: 10}, Rows: 7, Run: "2026-11-22", Attempt: 1, Step: "ratings",
			At: time.Date(2026, 11, 22, 1, 30, 0, 5e8, time.UTC)}}},
		Receipts: []Receipt{{Run: "migration", Step: "001", SHA256: "ab"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	sent := f.statements()
	if sent[0] != "BEGIN" || sent[len(sent)-1] != "COMMIT" {
		t.Errorf("not one transaction: %q", sent)
	}
	f.add(&rule{what: `FROM "lamplighter"."ledger_sales$orders"`, rows: [][]string{{"1", "1"}}})
	mark, err := c.Watermark(background)
	if err != nil || !mark.Equal(want.Watermark) {
		t.Errorf("got %v, %v", mark, err)
	}
}

func TestLedgerOfAnEmptyWarehouse(t *testing.T) {
	f := newFake(t)
	got, err := f.open(f.server()).Ledger(background)
	if err != nil || len(got.Watermark) != 0 || len(got.Tables) != 0 || got.Receipts != nil {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestLedgerThatCannotBeRead(t *testing.T) {
	f := newFake(t, &rule{what: "pg_tables", rows: [][]string{{"ledger_ratings"}}}, &rule{what: "COUNT(*)", rows: [][]string{{"many", "1"}}})
	if _, err := f.open(f.server()).Watermark(background); resources.ClassOf(err) != resources.Permanent {
		t.Fatalf("got %v", err)
	}
}

// Every table has one ledger, no two tables share one, and the ledger's name
// tells the table.
func TestLedgerNames(t *testing.T) {
	name := rapid.StringMatching(`[a-z_][a-z0-9_]{0,8}`)
	draw := func(t *rapid.T, label string) table {
		s := name.Draw(t, label)
		if rapid.Bool().Draw(t, label+" has a schema") {
			s = name.Draw(t, label+" schema") + "." + s
		}
		tab, err := parseTable(s)
		if err != nil {
			t.Skip(s)
		}
		return tab
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		back, ok := parseLedger(a.ledgerName())
		if !ok || back != a {
			t.Fatalf("%v: its ledger %s is read as %v", a, a.ledgerName(), back)
		}
		if a != b && (a.ledgerName() == b.ledgerName() || a.key() == b.key() || markKey(a) == markKey(b)) {
			t.Fatalf("%v and %v share a name", a, b)
		}
	})
	if one, _ := TableKey("public.ratings"); one != "ratings" {
		t.Errorf("public.ratings is %s", one)
	}
	if _, err := TableKey("Ratings"); resources.ClassOf(err) != resources.Permanent || !strings.Contains(err.Error(), `"Ratings"`) {
		t.Errorf("got %v", err)
	}
}
