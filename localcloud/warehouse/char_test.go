package warehouse

import (
	"strings"
	"testing"
)

// TestChar: the blanks at the end of a CHAR never count. See
// https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html, and
// r_Examples_with_character_types for VARCHAR.
func TestChar(t *testing.T) {
	_, d := served(t)
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			c := dial(t, d, mode)
			exec(t, c, "DROP TABLE IF EXISTS ch, other")
			exec(t, c, "CREATE TABLE ch (n INT, c CHAR(5), v VARCHAR(5))")
			exec(t, c, "INSERT INTO ch VALUES (1, 'ab', 'ab'), (2, 'ab  ', 'ab  '), (3, 'abcde    ', 'x')")
			exec(t, c, "INSERT INTO ch (n, c) VALUES ($1, $2)", 4, "   ")
			exec(t, c, "CREATE TABLE other (LIKE ch)")
			exec(t, c, "INSERT INTO other SELECT n, c || ' ', v FROM ch")
			exec(t, c, "ALTER TABLE other ADD COLUMN d CHAR(2) DEFAULT 'z '")
			exec(t, c, "UPDATE other SET d = 'y ' WHERE n = 1")
			for q, want := range map[string]string{
				"SELECT count(*) FROM ch WHERE c = 'ab'":                                       "2",
				"SELECT count(*) FROM ch WHERE c = 'ab   '":                                    "2",
				"SELECT count(*) FROM ch WHERE 'ab ' = c":                                      "2",
				"SELECT count(*) FROM ch WHERE v = 'ab  '":                                     "2",
				"SELECT count(*) FROM ch WHERE c <> 'ab ' AND c >= 'ab '":                      "1",
				"SELECT count(*) FROM ch WHERE c IN ('ab ', 'abcde ')":                         "3",
				"SELECT count(*) FROM ch WHERE c NOT IN ('ab ', 'q')":                          "2",
				"SELECT count(*) FROM ch WHERE n = 2 AND c || 'x' = 'abx ' AND true":           "1",
				"SELECT count(*) FROM ch WHERE c = ' '":                                        "1",
				"SELECT count(DISTINCT c) FROM ch":                                             "3",
				"SELECT count(*) FROM ch a JOIN ch b ON a.c = b.c":                             "6",
				"SELECT len(c) || '|' || c || '|' FROM ch WHERE n = 2":                         "2|ab|",
				"SELECT len(v) FROM ch WHERE n = 2":                                            "4",
				"SELECT octet_length(c) FROM ch WHERE n = 3":                                   "5",
				"SELECT count(*) FROM other o JOIN ch USING (c)":                               "6",
				"SELECT d FROM other WHERE n = 1":                                              "y",
				"SELECT count(*) FROM other WHERE d = 'z'":                                     "3",
				"SELECT len('ab  '::char(4)) || '|' || 'ab  '::char(4) || '|'":                 "2|ab|",
				"SELECT CASE c WHEN 'ab' THEN 'yes' ELSE 'no' END FROM ch WHERE n = 2":         "yes",
				"SELECT count(*) FROM ch WHERE c LIKE 'ab'":                                    "2",
				"SELECT listagg(c, '-') WITHIN GROUP (ORDER BY n) FROM ch WHERE c = 'ab  '":    "ab-ab",
				"SELECT max(n) FROM ch GROUP BY c HAVING c = 'ab '":                            "2",
				"SELECT count(*) FROM (SELECT 'a ' AS x UNION ALL SELECT 'b') WHERE x <= 'a '": "1",
			} {
				if got := one(t, c, q); got != want {
					t.Errorf("%s: got %q, want %q", q, got, want)
				}
			}
			refuse(t, c, "22001", "INSERT INTO ch VALUES (9, 'abcdef', '')")
			refuse(t, c, "22001", "UPDATE other SET d = 'abc'")
			if msg := refuse(t, c, "XX000", "INSERT INTO ch VALUES (9, 'é', '')"); !strings.Contains(msg, "CHAR string contains invalid ASCII char") {
				t.Error(msg)
			}
			refuse(t, c, "XX000", "UPDATE other SET c = 'é'")
		})
	}
}

// TestCharLoaded: COPY takes padded values, and a killed or failed load leaves
// nothing behind.
func TestCharLoaded(t *testing.T) {
	c, s3, _ := loaded(t)
	exec(t, c, "CREATE TABLE ch (n INT, c CHAR(5))")
	s3.put("b/in/1.csv", "1,ab   \n2,ab\n3,abcde\n")
	exec(t, c, "COPY ch FROM 's3://b/in/'"+role+"CSV")
	if got := one(t, c, "SELECT count(*) FROM ch WHERE c = 'ab' AND len(c) = 2"); got != "2" {
		t.Errorf("rows: %s", got)
	}
	s3.put("b/bad/1.csv", "4,é\n")
	refuse(t, c, "XX000", "COPY ch FROM 's3://b/bad/'"+role+"CSV")
	if got := one(t, c, "SELECT count(*) FROM ch"); got != "3" {
		t.Errorf("rows after a failed load: %s", got)
	}
}
