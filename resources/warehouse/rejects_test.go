package warehouse

import (
	"strings"
	"testing"

	"lamplighter/resources"
)

// A Parquet column of another type is told by name, with both types.
func TestParquetMisfit(t *testing.T) {
	for _, r := range []*rule{
		{what: "COPY", code: "XX000", msg: "Spectrum Scan Error: File 's3://e/a.parquet' has an incompatible Parquet schema for column 's3://e/a.parquet.rating'. Column type: DECIMAL(2, 1), Parquet schema: optional byte_array rating [i:2]"},
		{what: "COPY", code: "XX000", msg: "Spectrum Scan Error", detail: "error: Spectrum Scan Error code: 15001 context: File 's3://e/a.parquet  has an incompatible Parquet schema for column 's3://e/a.parquet.rating'. Column type: DECIMAL(2, 1), Parquet schema:\noptional byte_array rating [i:2]"},
	} {
		f := newFake(t, r)
		b := batch()
		b.Format = Format{Kind: "parquet"}
		_, err := f.open(f.server()).Load(background, b)
		want := "load into ratings rolled back: column rating of s3://e/a.parquet is optional byte_array rating [i:2] in the file and DECIMAL(2, 1) in the table"
		if resources.CodeOf(err) != CodeRejected || !strings.Contains(err.Error(), want) || !strings.Contains(resources.HintOf(err), "migration") {
			t.Errorf("got %v", err)
		}
	}
}

// Refused rows are kept beside the ledger before COMMIT, by what the server
// logged of this COPY.
func TestRefusedRowsAreKept(t *testing.T) {
	f := newFake(t, append(healthy(), &rule{what: "pg_last_copy_id()", rows: [][]string{{"41"}}},
		&rule{what: "FROM stl_load_errors WHERE query = 41", rows: [][]string{{"s3://e/a'.csv", " 7 ", "user_id", "x\x01\xff", "Invalid digit"}}})...)
	b := batch()
	b.MaxErrors = 1
	got, err := f.open(f.server()).Load(background, b)
	if err != nil || got.Rejected == nil || got.Rejected.Rows != 1 || got.Rejected.Shown[0].Line != 7 || got.Rejected.Shown[0].Value != "x\x01\uFFFD" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if !f.saw("MAXERROR 2 ") || !f.saw(`INSERT INTO "lamplighter"."rejects" VALUES ('ratings', 1, 's3://e/a''.csv', 7, 'user_id', `) {
		t.Errorf("sent %q", f.writes())
	}
}

// More refused rows than allowed roll back, whatever the server makes of
// MAXERROR.
func TestMoreRefusedThanAllowed(t *testing.T) {
	f := newFake(t, append(healthy(), &rule{what: "pg_last_copy_id()", rows: [][]string{{"41"}}},
		&rule{what: "FROM stl_load_errors WHERE query = 41", rows: [][]string{{"s3://e/a.csv", "7", "a", "x", "y"}, {"s3://e/a.csv", "8", "a", "x", "y"}}})...)
	b := batch()
	b.MaxErrors = 1
	_, err := f.open(f.server()).Load(background, b)
	if resources.CodeOf(err) != CodeRejected || f.saw("COMMIT") || !strings.Contains(err.Error(), "s3://e/a.csv line 8") {
		t.Errorf("got %v", err)
	}
}
