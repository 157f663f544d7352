package crashtest

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/controller/report"
	"lamplighter/resources"
)

// bad is something wrong in a night's input. It is put in order again before
// the next.
type bad struct {
	name  string
	spoil func(*spoiler)
	code  int
	says  []string // all in what the process says
	// dark: it is found before a warehouse is lit.
	dark bool
}

// spoiler does what is wrong, and knows how to undo it.
type spoiler struct {
	*cloud
	t    *testing.T
	mend []func()
	// beforeCOPY is done when the sources are listed and nothing is loaded yet.
	beforeCOPY func()
}

// object puts an object for one night.
func (s *spoiler) object(key string, body []byte) {
	s.put(s.t, eventsBucket, key, body)
	s.mend = append(s.mend, func() { s.remove(key) })
}

func (s *spoiler) remove(key string) {
	bucket := eventsBucket
	_, err := s.s3.DeleteObject(s.t.Context(), &awss3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	fatal(s.t, err)
}

// edit changes a file of the project, from one text to another; a name that is
// not there is a new file.
func (s *spoiler) edit(name, from, to string) {
	path := filepath.Join(s.project, filepath.FromSlash(name))
	was, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		fatal(s.t, os.WriteFile(path, []byte(to), 0o644))
		s.mend = append(s.mend, func() { fatal(s.t, os.Remove(path)) })
		return
	}
	fatal(s.t, err)
	if !strings.Contains(string(was), from) {
		s.t.Fatalf("%s does not hold %q", name, from)
	}
	fatal(s.t, os.WriteFile(path, []byte(strings.ReplaceAll(string(was), from, to)), 0o644))
	s.mend = append(s.mend, func() { fatal(s.t, os.WriteFile(path, was, 0o644)) })
}

// step adds one to the pipeline, before the last unload.
func (s *spoiler) step(text string) {
	const last = "  - unload: all_ratings\n"
	s.edit("lamplighter.yaml", last, "  "+text+last)
}

// parquet is a file with a query's rows.
func parquet(t *testing.T, query string) []byte {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	fatal(t, err)
	defer db.Close()
	file := filepath.Join(t.TempDir(), "rows.parquet")
	_, err = db.ExecContext(t.Context(), "copy ("+query+") to '"+file+"' (format parquet)")
	fatal(t, err)
	body, err := os.ReadFile(file)
	fatal(t, err)
	return body
}

const (
	newDay = "ratings/2024/06/01/bad.csv.gz" // no other object lies there
	header = "user_id,movie_id,rating,rated_at\n"
	good   = "1,1,4.0,2024-06-01 10:00:00\n"
)

func zipped(text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return out.Bytes()
}

// rows makes a case of one object with these rows after the header.
func rows(name, text string, code int, says ...string) bad {
	return bad{name: name, code: code, says: append([]string{"ratings"}, says...),
		spoil: func(s *spoiler) { s.object(newDay, zipped(header+text)) }}
}

var badNights = []bad{
	rows("a malformed row", good+"2,abc,3.0,2024-06-01 10:00:00\n", 1, newDay, "line 3", "movie_id", `"abc"`),
	rows("a row with a field too few", good+"2,3\n", 1, newDay, "line 3"),
	rows("a row with a field too many", good+"2,3,4.0,2024-06-01 10:00:00,5\n", 1, newDay, "line 3"),
	rows("a number out of the type's range", "99999999999999999999,1,4.0,2024-06-01 10:00:00\n", 1, newDay, "line 2", "user_id"),
	rows("a value out of the check's range", "1,1,99,2024-06-01 10:00:00\n", 3, "between", "rating"),
	rows("a timestamp that does not exist", "1,1,4.0,2024-02-30 10:00:00\n", 1, newDay, "rated_at"),
	rows("broken UTF-8", "1,1,4.0,2024-06-01 10:00:00\xff\xfe\n", 1, newDay),
	rows("a NUL", "1,1,4.0,2024-06-01\x0010:00:00\n", 1, newDay),
	rows("a row of more than 4 MB", good+"1,1,4.0,"+strings.Repeat("9", 5<<20)+"\n", 1, newDay),
	{name: "a truncated gzip", code: 1, says: []string{"ratings", newDay}, spoil: func(s *spoiler) {
		body := zipped(header + strings.Repeat(good, 5000))
		s.object(newDay, body[:len(body)/2])
	}},
	{name: "an object that is no gzip", code: 1, says: []string{"ratings", newDay}, spoil: func(s *spoiler) { s.object(newDay, []byte(header+good)) }},
	{name: "an object deleted between LIST and COPY", code: 1, says: []string{"ratings", newDay}, spoil: func(s *spoiler) {
		s.object(newDay, zipped(header+good))
		s.beforeCOPY = func() { s.remove(newDay) }
	}},
	{name: "an object overwritten between LIST and COPY", code: 1, says: []string{"ratings", newDay, "changed"}, spoil: func(s *spoiler) {
		s.object(newDay, zipped(header+good))
		s.beforeCOPY = func() { s.put(s.t, eventsBucket, newDay, zipped(header+good+good)) }
	}},
	{name: "a column that the table does not have", code: 1, says: []string{"ratings", "shoe_size"}, spoil: func(s *spoiler) {
		s.edit("lamplighter.yaml", "since: 1990-01-01\n", "since: 1990-01-01\n    columns: [user_id, movie_id, rating, shoe_size]\n")
	}},
	{name: "a Parquet column of another type", code: 1, says: []string{"more", "user_id", "more/ratings.parquet"}, spoil: func(s *spoiler) {
		s.object("more/ratings.parquet", parquet(s.t, "select 'seven' as user_id, 1::bigint as movie_id, 4.0::double as rating, timestamp '2024-06-01 10:00:00' as rated_at"))
		s.step("- load: more\n    into: ratings\n    from: s3://" + eventsBucket + "/more/ratings.parquet\n    format: {parquet: {}}\n")
	}},
	{name: "a line that is no JSON", code: 1, says: []string{"more", "more/ratings.json", "Invalid JSON"}, spoil: func(s *spoiler) {
		s.object("more/ratings.json", []byte(`{"user_id": 1, "movie_id": 1, "rating": 4, "rated_at": "2024-06-01 10:00:00"}`+"\n"+`{"user_id": 1, "movie_id": `+"\n"))
		s.step("- load: more\n    into: ratings\n    from: s3://" + eventsBucket + "/more/ratings.json\n    format: {json: {}}\n")
	}},
	{name: "ORC", code: 2, dark: true, says: []string{"lamplighter.yaml:", "orc"}, spoil: func(s *spoiler) {
		s.edit("lamplighter.yaml", "movies.csv\n    mode: replace\n    format: {csv: {header: true}}", "movies.csv\n    mode: replace\n    format: {orc: {}}")
	}},
	{name: "an option that the format does not take", code: 2, dark: true, says: []string{"lamplighter.yaml:", "header"}, spoil: func(s *spoiler) {
		s.edit("lamplighter.yaml", "movies.csv\n    mode: replace\n    format: {csv: {header: true}}", "movies.csv\n    mode: replace\n    format: {parquet: {header: true}}")
	}},
	{name: "a query that is no SELECT", code: 2, dark: true, says: []string{"lamplighter.yaml:", "all_ratings", "SELECT"}, spoil: func(s *spoiler) {
		s.edit("lamplighter.yaml", "query: select user_id, movie_id, rating from ratings", "query: delete from ratings")
	}},
	{name: "a script that commits", code: 2, dark: true, says: []string{"sql/popular.sql:1:1", "truncate popular"}, spoil: func(s *spoiler) {
		s.edit("sql/popular.sql", "delete from popular;", "truncate popular;")
	}},
	{name: "a script that ends its transaction", code: 2, dark: true, says: []string{"sql/popular.sql:1:", "commit"}, spoil: func(s *spoiler) {
		s.edit("sql/popular.sql", "delete from popular;", "delete from popular; commit;")
	}},
	{name: "a script with an error", code: 1, says: []string{"popular", "no_such_table"}, spoil: func(s *spoiler) {
		s.edit("sql/popular.sql", "delete from popular;", "delete from no_such_table;")
	}},
	{name: "a migration changed after it was applied", code: 5, dark: true, says: []string{"001_tables.sql", "changed"}, spoil: func(s *spoiler) {
		s.edit("sql/migrations/001_tables.sql", "genres varchar(1000)", "genres varchar(2000)")
	}},
	{name: "two migrations of one number", code: 2, dark: true, says: []string{"001_tables.sql", "001_twice.sql"}, spoil: func(s *spoiler) {
		s.edit("sql/migrations/001_twice.sql", "", "create table twice (a int);\n")
	}},
	{name: "a migration that fails", code: 1, says: []string{"002_more.sql", "movies"}, spoil: func(s *spoiler) {
		s.edit("sql/migrations/002_more.sql", "", "create table movies (a int);\n")
	}},
	{name: "a hostile table", code: 2, dark: true, says: []string{"lamplighter.yaml:", `ratings\"; drop table movies; --`}, spoil: func(s *spoiler) {
		s.edit("lamplighter.yaml", "- load: ratings\n", "- load: ratings\n    into: 'ratings\"; drop table movies; --'\n")
	}},
	{name: "a hostile step", code: 2, dark: true, says: []string{"lamplighter.yaml:", "../../promoted"}, spoil: func(s *spoiler) {
		s.edit("lamplighter.yaml", "- unload: all_ratings\n", "- unload: ../../promoted\n")
	}},
	{name: "a check that fails", code: 3, says: []string{"no_orphans"}, spoil: func(s *spoiler) {
		s.object(newDay, zipped(header+"1,987654321,4.0,2024-06-01 10:00:00\n"))
	}},
	{name: "a missing bucket", code: 1, dark: true, says: []string{"there is no bucket no-such-bucket"}, spoil: func(s *spoiler) {
		s.edit("lamplighter.yaml", "s3://"+eventsBucket+"/movies", "s3://no-such-bucket/movies")
	}},
	{name: "another account than configured", code: 5, dark: true, says: []string{"account", "999999999999"}, spoil: func(s *spoiler) {
		s.edit("environments/local.yaml", s.env.Account, "999999999999")
	}},
	{name: "credentials that are refused", code: 5, dark: true, says: []string{"security token", "invalid"}, spoil: func(s *spoiler) {
		s.edit("environments/wrong", "", "[wrong]\naws_access_key_id = "+"nobody\naws_secret_access_key = nothing\n")
		s.edit("environments/local.yaml", "credentials: {file: ", "credentials: {file: wrong, profile: wrong} # ")
	}},
}

// TestBadInput: whatever is wrong with a night's input, the night says so with
// the place, loses nothing and leaves nothing billing; what can be found before
// the restore is. When all is in order again, the night comes to what it would
// have come to.
func TestBadInput(t *testing.T) {
	t.Parallel()
	f := afterNightOne(t)
	c := open(t, copyFolder(t, f.folder), usual)
	date := f.dates[1]
	flags := []string{}
	for _, b := range badNights {
		t.Run(b.name, func(t *testing.T) {
			s := &spoiler{cloud: c, t: t}
			defer func() {
				for _, mend := range s.mend {
					mend()
				}
			}()
			b.spoil(s)
			lit := c.lit(t)
			e := c.watch(t, func(_ *exec.Cmd, ev report.Event) {
				if s.beforeCOPY != nil && asked("warehouse-1", "restore").is(ev) {
					s.beforeCOPY()
					s.beforeCOPY = nil
				}
			}, append([]string{"--date", date}, flags...)...)
			flags = []string{"--again"}
			e.check(t, b.name, b.code)
			said := e.said
			for _, ev := range e.events {
				if ev.Event == "step" {
					said += ev.Step + ": " + ev.Why + "\nhint: " + ev.Hint + "\n"
				}
			}
			for _, want := range append(b.says, "hint: ") {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q:\n%s", want, said)
				}
			}
			if b.dark && c.lit(t) > lit {
				t.Error("a warehouse was lit for it")
			}
			c.audit(t, f.base)
			if got := c.promoted(t).Snapshot; got != f.base {
				t.Errorf("the promoted snapshot is %s, was %s", got, f.base)
			}
		})
	}
	c.run(t, date, flags...).check(t, "all in order again", 0)
	c.audit(t, f.base, c.promoted(t).Snapshot)
	same(t, c.contents(t, allTables, allDatasets), f.expected)
}

// lit is how many warehouses there ever were.
func (c *cloud) lit(t *testing.T) (n int) {
	t.Helper()
	for _, u := range c.state(t).Usage {
		if u.Ref.Kind == resources.KindCluster {
			n++
		}
	}
	return n
}

// TestOddKeys loads objects whose keys hold what keys may hold.
func TestOddKeys(t *testing.T) {
	t.Parallel()
	f := afterNightOne(t)
	c := open(t, copyFolder(t, f.folder), usual)
	for i, name := range []string{`it's.csv.gz`, `a "quote".csv.gz`, "new\nline.csv.gz", `back\slash.csv.gz`, "é ü 漢.csv.gz", "100%+&=?#.csv.gz",
		strings.Repeat("k", 240) + ".csv.gz"} {
		c.put(t, eventsBucket, "ratings/2024/06/02/"+name, zipped(header+fmt.Sprintf("%d,1,4.0,2024-06-02 10:00:00\n", 1_000_000+i)))
	}
	c.run(t, f.dates[1]).check(t, "a night with odd keys", 0)
	c.restored(t, c.promoted(t).Snapshot, func(ask func(string) []string) {
		if n := len(ask("select user_id from ratings where user_id >= 1000000")); n != 7 {
			t.Errorf("%d rows of 7 objects with odd keys", n)
		}
	})
}
