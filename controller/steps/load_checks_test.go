package steps

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lamplighter/config"
	"lamplighter/resources/warehouse"
)

func text(s string) config.Scalar   { return config.Scalar{Text: s, Kind: config.ScalarText} }
func number(s string) config.Scalar { return config.Scalar{Text: s, Kind: config.ScalarNumber} }

func TestLoadChecks(t *testing.T) {
	for _, c := range []struct {
		check config.LoadCheck
		want  warehouse.Check
	}{
		{config.LoadCheck{NotNull: []string{"a"}}, warehouse.Check{Name: "not_null a", SQL: `select count(*) from "s"."t" where "a" is null`}},
		{config.LoadCheck{Unique: []string{"a"}, Severity: "warn"}, warehouse.Check{Name: "unique a", Warn: true,
			SQL:      `select coalesce(sum(n), 0) from (select count(*) as n from "s"."t" where "a" is not null group by "a" having count(*) > 1) as twice`,
			Examples: `select "a" from "s"."t" where "a" is not null group by "a" having count(*) > 1 order by 1 limit 5`}},
		{config.LoadCheck{Accepted: map[string][]config.Scalar{"a": {text("it's"), text(`back\slash`), number("1.50"), {Text: "true", Kind: config.ScalarBoolean}}}},
			warehouse.Check{Name: "accepted_values a",
				SQL:      `select count(*) from "s"."t" where "a" not in ('it''s', ('back' || CHR(92) || 'slash'), 1.50, true)`,
				Examples: `select distinct "a" from "s"."t" where "a" not in ('it''s', ('back' || CHR(92) || 'slash'), 1.50, true) order by 1 limit 5`}},
		{config.LoadCheck{Between: map[string][2]config.Scalar{"d": {text("2020-01-01"), text("2030-01-01")}}}, warehouse.Check{Name: "between d",
			SQL:      `select count(*) from "s"."t" where "d" < '2020-01-01' or "d" > '2030-01-01'`,
			Examples: `select distinct "d" from "s"."t" where "d" < '2020-01-01' or "d" > '2030-01-01' order by 1 limit 5`}},
		{config.LoadCheck{References: map[string]string{"u": "x.users.id"}}, warehouse.Check{Name: "references u",
			SQL:      `select count(*) from "s"."t" as "child" left join "x"."users" as "parent" on "child"."u" = "parent"."id" where "child"."u" is not null and "parent"."id" is null`,
			Examples: `select distinct "child"."u" from "s"."t" as "child" left join "x"."users" as "parent" on "child"."u" = "parent"."id" where "child"."u" is not null and "parent"."id" is null order by 1 limit 5`}},
	} {
		got := loadChecks("s.t", []config.LoadCheck{c.check})
		if diff := cmp.Diff([]warehouse.Check{c.want}, got); diff != "" {
			t.Error(diff)
		}
	}
}

// entries are the ledger rows of one load, one object for each partition.
func entries(id, rows int64, partitions ...string) (out []warehouse.Entry) {
	for _, p := range partitions {
		out = append(out, warehouse.Entry{LoadID: id, Rows: rows, Object: warehouse.Object{URI: fmt.Sprintf("s3://b/%s/%d", p, id), Partition: p}})
	}
	return out
}

func TestTheUsualNumberOfRows(t *testing.T) {
	late := slices.Concat(entries(1, 300, "01", "02", "03"), entries(2, 1, "01"), entries(3, 200, "04"))
	var many []warehouse.Entry
	for i := range int64(20) {
		many = append(many, entries(i+1, i*10, fmt.Sprint(i))...)
	}
	for name, c := range map[string]struct {
		entries []warehouse.Entry
		want    usual
	}{
		"nothing loaded":                    {nil, usual{}},
		"a late object does not count":      {late, usual{rows: 125, loads: 2}},
		"the last seven loads":              {many, usual{rows: 160, loads: 7}},
		"an undated source, load by load":   {append(entries(1, 10, ""), entries(2, 30, "")...), usual{rows: 20, loads: 2}},
		"two objects of one partition once": {append(entries(1, 10, "01"), entries(1, 10, "01")...), usual{rows: 10, loads: 1}},
	} {
		if got := usually(c.entries); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestRowsBounds(t *testing.T) {
	checks := []config.LoadCheck{{Rows: &config.RowsCheck{Min: 10, Max: 50}}, {Rows: &config.RowsCheck{MaxDrop: 0.4}, Severity: "warn"}}
	bounds := rowsBounds(checks, 3, usual{rows: 100, loads: 7})
	for rows, want := range map[int64]string{
		29:  "rows min: 29 rows in 4 objects, want at least 30 (3 partitions of at least 10); rows max_drop: 29 rows in 4 objects, want at least 180 (max_drop 0.4 of 100, the mean of the last 7 loads, times 3 partitions)",
		151: "rows max: 151 rows in 4 objects, want at most 150 (3 partitions of at most 50); rows max_drop: 151 rows in 4 objects, want at least 180 (max_drop 0.4 of 100, the mean of the last 7 loads, times 3 partitions)",
	} {
		var said []string
		for _, b := range bounds {
			if says := b.Broken(rows, 4); says != "" {
				said = append(said, b.Name+": "+says)
			}
		}
		if got := strings.Join(said, "; "); got != want {
			t.Errorf("%d rows: %s\nwant %s", rows, got, want)
		}
	}
	if first := rowsBounds(checks, 1, usual{}); len(first) != 2 {
		t.Errorf("on a first night max_drop has nothing to compare with: %+v", first)
	}
}

// What comes late for a partition that has rows is a batch of its own, so that
// its few rows are not taken for a day's.
func TestLateObjectsAreCountedApart(t *testing.T) {
	objects := []warehouse.Object{{URI: "s3://b/1.csv", Partition: "01"}, {URI: "s3://b/2.csv", Partition: "02"}, {URI: "s3://b/3.csv", Partition: "03"}}
	got := batches(&config.Load{Mode: "append"}, objects, map[string]bool{"01": true, "02": true}, batchBytes)
	if len(got) != 2 || len(got[0]) != 2 || len(got[1]) != 1 {
		t.Errorf("batches %v", got)
	}
}
