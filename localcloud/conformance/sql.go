package conformance

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const sqlGuide = "https://docs.aws.amazon.com/redshift/latest/dg/"

// statements are asked one after the other in a session of their own; the last
// one's answer is compared, as text: rows by "; ", columns by ", ", or the
// SQLSTATE of its error.
var statements = []struct{ name, page, sql, want string }{
	{"whole numbers divide to whole numbers", "r_numeric_computations201.html", "select 5/2, -5/2, 5.0/2", "2, -2, 2.5"},
	{"dividing by zero is an error", "r_numeric_computations201.html", "select 1/0", "22012"},
	{"avg of integers is an integer", "r_AVG.html", "select avg(n) from (select 1 as n union all select 2) t", "1"},
	{"nulls come last in ascending order", "r_ORDER_BY_clause.html", "select n from (select 1 as n union all select null union all select 2) t order by n", "1; 2; NULL"},
	{"nulls come first in descending order", "r_ORDER_BY_clause.html", "select n from (select 1 as n union all select null union all select 2) t order by n desc", "NULL; 2; 1"},
	{"a varchar is as long as its bytes", "r_Character_types.html", "create temp table v (t varchar(3)); insert into v values ('äb'); insert into v values ('ää')", "22001"},
	{"trailing blanks of a char do not count", "r_Character_types.html", "create temp table c (a char(5), b char(3)); insert into c values ('a', 'a'); select a = b from c", "true"},
	{"a week begins on Monday", "r_DATE_TRUNC.html", "select date_trunc('week', date '2026-11-22')::date", "2026-11-16"},
	{"dates are counted in boundaries", "r_DATEDIFF_function.html", "select datediff(year, '2025-12-31'::date, '2026-01-01'::date), datediff(day, '2026-01-01'::date, '2026-03-01'::date)", "1, 59"},
	{"dateadd", "r_DATEADD_function.html", "select dateadd(month, 1, '2026-01-31'::date)::date", "2026-02-28"},
	{"nvl and decode", "r_NVL_function.html", "select nvl(null, 'x'), decode(2, 1, 'a', 2, 'b', 'c')", "x, b"},
	{"listagg", "r_LISTAGG.html", "select listagg(n, '-') within group (order by n) from (select 2 as n union all select 1) t", "1-2"},
	{"|| with null is null", "r_concat_op.html", "select 'a' || null", "NULL"},
	{"split_part counts from one", "SPLIT_PART.html", "select split_part('a-b-c', '-', 2)", "b"},
	{"identifiers are folded to small letters", "r_names.html", "create temp table Folded (N int); insert into folded values (1); select n from FOLDED", "1"},
	{"primary keys are not enforced", "t_Defining_constraints.html", "create temp table pk (n int primary key); insert into pk values (1), (1); select count(*) from pk", "2"},
	{"not null is enforced", "t_Defining_constraints.html", "create temp table nn (n int not null); insert into nn values (null)", "23502"},
	{"an unknown table has its code", "r_SELECT_synopsis.html", "select * from no_such_table_here", "42P01"},
	{"after an error a transaction only ends", "r_BEGIN.html", "begin; select 1/0; select 1", "25P02"},
	{"group by a position", "r_GROUP_BY_clause.html", "select n % 2, count(*) from (select 1 as n union all select 2 union all select 3) t group by 1 order by 1", "0, 1; 1, 2"},
	{"qualify filters windows", "r_QUALIFY_clause.html", "select n from (select 1 as n union all select 2) t qualify row_number() over (order by n desc) = 1", "2"},
}

func sqlCases() (cases []Case) {
	for _, s := range statements {
		cases = append(cases, Case{Name: s.name, Source: sqlGuide + s.page, Run: func(t *testing.T, on Target) {
			conn, err := on.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			got := ""
			for part := range strings.SplitSeq(s.sql, "; ") {
				got = answer(t, conn, part)
			}
			same(t, s.sql, got, s.want)
		}})
	}
	return cases
}

// answer is what a statement answers, as text. It goes around pgx, which wants
// another word for UTF-8 than Redshift says.
func answer(t *testing.T, conn *pgx.Conn, sql string) string {
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		return sqlstate(err)
	}
	var lines []string
	for _, row := range results[len(results)-1].Rows {
		var line []string
		for _, raw := range row {
			text := string(raw)
			switch {
			case raw == nil:
				text = "NULL"
			case text == "t":
				text = "true"
			case strings.Contains(text, "."):
				text = strings.TrimRight(strings.TrimRight(text, "0"), ".") // the scale of a decimal is another page
			}
			line = append(line, text)
		}
		lines = append(lines, strings.Join(line, ", "))
	}
	return strings.Join(lines, "; ")
}

func sqlstate(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return fmt.Sprint(err)
}
