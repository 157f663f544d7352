package clienttest

import (
	"slices"
	"strings"
	"testing"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// Every kind of check counts what breaks it, names some of the values, rolls
// back or only warns. The SQL is what controller/steps writes.
func TestChecks(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	c.load(s, c.movies(`20,It's
30,back\slash
`), warehouse.Loaded{Rows: 2, Objects: 1, LoadID: 1})
	twice := ` from "ratings" where "user_id" is not null group by "user_id" having count(*) > 1`
	orphan := ` from "ratings" as "child" left join "movies" as "parent" on "child"."movie_id" = "parent"."movie_id" where "child"."movie_id" is not null and "parent"."movie_id" is null`
	title := ` from "movies" where "title" not in ('It''s', ('back' || CHR(92) || 'slash'))`
	dates := ` from "ratings" where "rated_at" < '2026-11-17' or "rated_at" > '2030-01-01'`
	for _, check := range []struct {
		warehouse.Check
		rows     int64
		examples []string
	}{
		{warehouse.Check{Name: "unique user_id", SQL: "select coalesce(sum(n), 0) from (select count(*) as n" + twice + ") as twice", Examples: `select "user_id"` + twice + " order by 1 limit 5"},
			4, []string{"1", "2"}},
		{warehouse.Check{Name: "references movie_id", SQL: "select count(*)" + orphan, Examples: `select distinct "child"."movie_id"` + orphan + " order by 1 limit 5"}, 2, []string{"50", "60"}},
		{warehouse.Check{Name: "accepted_values title", SQL: "select count(*)" + title, Examples: `select distinct "title"` + title + " order by 1 limit 5"}, 0, nil},
		{warehouse.Check{Name: "between rated_at", SQL: "select count(*)" + dates, Examples: `select distinct "rated_at"` + dates + " order by 1 limit 5"}, 1, []string{"2026-11-16 00:00:00"}},
	} {
		b := c.batch(c.day("2026-11-17", strings.Fields(check.Name)[0], "1,20,1.0,2026-11-17", "1,50,1.0,2026-11-17", "2,60,1.0,2026-11-17", "2,30,1.0,2026-11-16", "3,,1.0,"))
		b.Checks = []warehouse.Check{check.Check}
		_, err := s.Load(background, b)
		if check.rows == 0 {
			if err != nil {
				t.Errorf("%s: %v", check.Name, err)
			}
			if _, err := s.Script(background, migration("undo_"+strings.Fields(check.Name)[0], "delete from ratings; delete from lamplighter.ledger_ratings")); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if resources.CodeOf(err) != warehouse.CodeCheck || !strings.Contains(err.Error(), check.Describe(check.rows, check.examples).Says) {
			t.Errorf("%s: got %v, want %s", check.Name, err, check.Describe(check.rows, check.examples).Says)
		}
		c.is(s, "select count(*) from ratings", "0")
	}
	b := c.batch(c.day("2026-11-18", "warned", "1,20,1.0,", "1,50,1.0,"))
	b.Checks = []warehouse.Check{{Name: "references movie_id", SQL: "select count(*)" + orphan, Examples: `select distinct "child"."movie_id"` + orphan, Warn: true}}
	got, err := s.Load(background, b)
	if err != nil || len(got.Warnings) != 1 || got.Warnings[0].Rows != 1 || !slices.Equal(got.Warnings[0].Examples, []string{"50"}) {
		t.Errorf("warned: %+v, %v", got, err)
	}
	c.is(s, "select count(*) from ratings", "2")
}
