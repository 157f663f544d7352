package clienttest

import (
	"fmt"
	"strings"
	"testing"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// users is an upsert of people by id.
func (c *cloud) users(objects ...warehouse.Object) warehouse.Batch {
	b := c.batch(objects...)
	b.Table, b.Mode, b.Key, b.Format, b.Step = "people", warehouse.Upsert, []string{"id"}, warehouse.Format{Kind: "csv"}, "people"
	return b
}

func (c *cloud) peopled() warehouse.Session {
	c.t.Helper()
	s := c.ready()
	if _, err := s.Script(background, migration("002_people", `
		create table people (id integer, name varchar(20), day date default '2000-01-01');
		create table visits (id integer, at timestamp, page varchar(20))`)); err != nil {
		c.t.Fatal(err)
	}
	return s
}

func (c *cloud) person(day, name, body string) warehouse.Object {
	return c.s3.put("events/people/"+day+"/"+name, body, day)
}

const everybody = "select listagg(id || ':' || coalesce(name, '-'), ' ') within group (order by id, name) from people"

// Rows with the same key give way, the later day's row stays, and a repeated
// load changes nothing.
func TestUpsert(t *testing.T) {
	c := newCloud(t)
	s := c.peopled()
	b := c.users(c.person("2026-11-17", "b.csv", "2,Bob\n3,Cy\n"), c.person("2026-11-16", "a.csv", "1,Ann\n2,Ben\n"))
	b.Columns = []string{"id", "name"}
	c.load(s, b, warehouse.Loaded{Rows: 4, Objects: 2, LoadID: 1})
	c.is(s, everybody, "1:Ann 2:Bob 3:Cy")
	c.is(s, "select count(*) from people where day = '2000-01-01'", "3")
	c.load(s, b, warehouse.Loaded{Rows: 4, Objects: 2, LoadID: 1, Already: true})
	late := c.users(c.person("2026-11-18", "c.csv", "3,Cyd\n4,Di\n"))
	late.Columns = b.Columns
	c.load(s, late, warehouse.Loaded{Rows: 2, Objects: 1, LoadID: 2})
	c.is(s, everybody, "1:Ann 2:Bob 3:Cyd 4:Di")

	changed := c.users(c.person("2026-11-18", "c.csv", "4,Dia\n5,Eve\n"))
	changed.Columns = b.Columns
	if _, err := s.Load(background, changed); resources.CodeOf(err) != warehouse.CodeChanged {
		t.Fatalf("a changed object: %v", err)
	}
	changed.Anew = true
	c.load(s, changed, warehouse.Loaded{Rows: 2, Objects: 1, LoadID: 3})
	c.load(s, changed, warehouse.Loaded{Rows: 2, Objects: 1, LoadID: 3, Already: true})
	c.is(s, everybody, "1:Ann 2:Bob 3:Cyd 4:Dia 5:Eve")
}

// Keys that cannot be told apart are refused by their values, and nothing of
// the batch stays.
func TestUpsertRefusesKeys(t *testing.T) {
	c := newCloud(t)
	s := c.peopled()
	for name, try := range map[string]struct{ body, says string }{
		"twice": {"1,Ann\n7,Gil\n7,Guy\n", "2026-11-16 keys are there more than once: id 7 (2 rows)"},
		"null":  {"1,Ann\n,Nobody\n", "1 rows have NULL in their key (id)"},
	} {
		b := c.users(c.person("2026-11-16", name+".csv", try.body))
		b.Columns = []string{"id", "name"}
		_, err := s.Load(background, b)
		if resources.CodeOf(err) != warehouse.CodeCheck || !strings.Contains(err.Error(), try.says) {
			t.Errorf("%s: %v", name, err)
		}
		c.is(s, "select count(*) from people", "0")
	}
	b := c.users(c.person("2026-11-16", "good.csv", "1,Ann\n"))
	b.Columns = []string{"id", "name"}
	c.load(s, b, warehouse.Loaded{Rows: 1, Objects: 1, LoadID: 1})
}

// visits is a load whose days are replaced.
func (c *cloud) visits(mode string, objects ...warehouse.Object) warehouse.Batch {
	b := c.batch(objects...)
	b.Table, b.Mode, b.PartitionColumn, b.Anew, b.Format, b.Step = "visits", mode, "at", true, warehouse.Format{Kind: "csv"}, "visits"
	return b
}

func (c *cloud) visit(day, name, body string) warehouse.Object {
	return c.s3.put("events/visits/"+day+"/"+name, body, day)
}

const pages = "select listagg(page, ' ') within group (order by at, page) from visits"

// A day is replaced by all of its objects, others stay; a row of another day
// is refused.
func TestReplaceDays(t *testing.T) {
	for _, mode := range []string{warehouse.Replace, warehouse.Append} {
		t.Run(mode, func(t *testing.T) {
			c := newCloud(t)
			s := c.peopled()
			first, second := c.visit("2026-11-16", "a.csv", "1,2026-11-16 00:00:00,a\n"), c.visit("2026-11-17", "b.csv", "1,2026-11-17 23:59:59,b\n")
			c.load(s, c.visits(mode, first, second), warehouse.Loaded{Rows: 2, Objects: 2, LoadID: 1})
			c.load(s, c.visits(mode, first, second), warehouse.Loaded{Rows: 2, Objects: 2, LoadID: 1, Already: true})

			second = c.visit("2026-11-17", "b.csv", "1,2026-11-17 12:00:00,B\n1,2026-11-17 13:00:00,BB\n")
			late := c.visit("2026-11-17", "c.csv", "1,2026-11-17 14:00:00,C\n")
			c.load(s, c.visits(mode, first, second, late), warehouse.Loaded{Rows: 3, Objects: 2, LoadID: 2})
			c.is(s, pages, "a B BB C")

			_, err := s.Load(background, c.visits(mode, c.visit("2026-11-18", "d.csv", "1,2026-11-18 00:00:00,d\n1,2026-11-16 05:00:00,x\n2,,y\n")))
			if resources.CodeOf(err) != warehouse.CodeCheck || !strings.Contains(err.Error(), "2 rows of the partitions 2026-11-18 to 2026-11-18 are not of these days by at") {
				t.Errorf("rows of another day: %v", err)
			}
			c.is(s, pages, "a B BB C")
			ledger, err := s.Ledger(background)
			if err != nil || len(ledger.Tables["visits"]) != 3 {
				t.Errorf("ledger %+v, %v", ledger.Tables["visits"], err)
			}
		})
	}
}

// Hours are partitions as days are.
func TestReplaceHours(t *testing.T) {
	c := newCloud(t)
	s := c.peopled()
	one := c.s3.put("events/visits/13/a.csv", "1,2026-11-16 13:00:00,a\n", "2026-11-16T13")
	two := c.s3.put("events/visits/14/a.csv", "1,2026-11-16 14:30:00,b\n", "2026-11-16T14")
	c.load(s, c.visits(warehouse.Replace, one, two), warehouse.Loaded{Rows: 2, Objects: 2, LoadID: 1})
	two = c.s3.put("events/visits/14/a.csv", "1,2026-11-16 14:31:00,bb\n", "2026-11-16T14")
	c.load(s, c.visits(warehouse.Replace, one, two), warehouse.Loaded{Rows: 1, Objects: 1, LoadID: 2})
	c.is(s, pages, "a bb")
}

// Refused rows are named, also when the answer to COMMIT was lost and the
// batch is asked for again; one more than allowed fails the load.
func TestRefusedRows(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	b := c.batch(c.day("2026-11-16", "a", monday, "x,10,1.0,", tuesday), c.day("2026-11-17", "b", "1,2,99.9,"))
	b.MaxErrors = 2
	for _, already := range []bool{false, true} {
		got, err := s.Load(background, b)
		if err != nil || got.Rows != 2 || got.Already != already || got.Rejected == nil || got.Rejected.Rows != 2 || len(got.Rejected.Shown) != 2 {
			t.Fatalf("got %+v, %v", got, err)
		}
		first := got.Rejected.Shown[0]
		if !strings.HasSuffix(first.Object, "2026/11/16/a.csv.gz") || first.Line != 3 || first.Column != "user_id" || first.Value != "x" || first.Reason == "" {
			t.Errorf("the first refused row: %+v", first)
		}
	}
	c.is(s, "select count(*) from ratings", "2")
	b = c.batch(c.day("2026-11-18", "c", "x,1,1,", "y,1,1,", "z,1,1,", monday))
	b.MaxErrors = 2
	_, err := s.Load(background, b)
	if resources.CodeOf(err) != warehouse.CodeRejected || !strings.Contains(err.Error(), `line 2 column user_id value "x"`) || !strings.Contains(resources.HintOf(err), "max_errors allows 2") {
		t.Errorf("three refused rows of two: %v", err)
	}
	c.is(s, "select count(*) from ratings", "2")
}

// Many refused rows are all in a file that the result names.
func TestManyRefusedRows(t *testing.T) {
	c := newCloud(t)
	s := c.ready()
	var lines []string
	for i := range 150 {
		lines = append(lines, fmt.Sprintf("x%d,1,1,", i))
	}
	b := c.batch(c.day("2026-11-16", "a", append(lines, monday)...))
	b.MaxErrors = 150
	got, err := s.Load(background, b)
	if err != nil || got.Rows != 1 || got.Rejected.Rows != 150 || len(got.Rejected.Shown) != 100 {
		t.Fatalf("got %+v, %v", got, err)
	}
	body, err := c.s3.Get(background, got.Rejected.All)
	if err != nil || strings.Count(string(body), "\n") != 151 || !strings.Contains(string(body), ",x149,") {
		t.Errorf("%s: %v\n%.300s", got.Rejected.All, err, body)
	}
}

// JSON lines by key, whatever its case, and by a jsonpaths file.
func TestJSON(t *testing.T) {
	c := newCloud(t)
	s := c.peopled()
	c.s3.put("events/people.jsonpaths", `{"jsonpaths": ["$.who.id", "$.who.names[0]", "$.since"]}`, "")
	for i, try := range []struct{ paths, body string }{
		{"", `{"id": 1, "name": "Ann", "day": "2026-11-16"}` + "\n" + `{"name": null, "id": 2}`},
		{"auto ignorecase", `{"ID": 1, "Name": "Ann"}{"Id": 2}`},
		{"s3://events/people.jsonpaths", `{"who": {"id": 1, "names": ["Ann", "x"]}, "since": "2026-11-16"}` + "\n" + `{"who": {"id": 2, "names": [null]}}`},
	} {
		b := c.batch(c.s3.put(fmt.Sprintf("events/people-%d.json", i), try.body, ""))
		b.Table, b.Mode, b.Step, b.Format = "people", warehouse.Replace, "people", warehouse.Format{Kind: "json", Paths: try.paths}
		if _, err := s.Load(background, b); err != nil {
			t.Errorf("%s: %v", try.paths, err)
			continue
		}
		c.is(s, everybody, "1:Ann 2:-")
	}
}
