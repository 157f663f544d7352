package warehouse

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// meanings are what Redshift's functions and operators answer, by the page of
// https://docs.aws.amazon.com/redshift/latest/dg/ that says so. Where a page
// leaves something open, the answer is PostgreSQL's. A want that begins with !
// is a SQLSTATE. TestMeaning has the names and types of columns, TestDecimals
// exact numbers, TestErrors what is refused in every mode of a driver.
var meanings = map[string][][2]string{
	"r_TO_CHAR": {
		{"SELECT to_char(-125.8, '999D99S')", "125.80-"}, {"SELECT to_char(-125.88, 'S999D99')", "-125.88"},
		{"SELECT to_char(-12345678, '999,999,999MI')", " 12,345,678-"}, {"SELECT to_char(12, '9999')", "   12"},
		{"SELECT to_char(0.5, '9.99')", "  .50"}, {"SELECT to_char(0, '999')", "   0"}, {"SELECT to_char(7, '000')", " 007"},
		{"SELECT to_char(-0.1, '99.99')", "  -.10"}, {"SELECT to_char(12345, '999')", " ###"}, {"SELECT to_char(12, 'FM999')", "12"},
		{"SELECT to_char(1.50, 'FM90.99')", "1.5"}, {"SELECT to_char(485, '999PR')", " 485 "}, {"SELECT to_char(-485, '999PR')", "<485>"},
		{"SELECT to_char(485, 'L999')", "$ 485"}, {"SELECT to_char(2.5, '9')", " 3"}, {"SELECT to_char(1234567.891, 'FM9,999,999.00')", "1,234,567.89"},
		{"SELECT to_char(NULL::int, '9')", "NULL"}, {"SELECT to_char(1, '9EEEE')", "!0A000"}, {"SELECT to_char(1, '99V9')", "!0A000"},
		{"SELECT to_char(timestamp '2009-12-31 23:15:59', 'MM-DD-YYYY HH24:MI:SS')", "12-31-2009 23:15:59"}, {"SELECT to_char(date '2026-01-05', 'Day')", "!0A000"},
	},
	"pattern-matching-conditions-similar-to": {
		{"SELECT 'abc' SIMILAR TO 'a%'", "t"}, {"SELECT 'abc' SIMILAR TO 'b'", "f"}, {"SELECT 'abc' NOT SIMILAR TO '(a|x)_c'", "f"},
		{"SELECT 'a%' SIMILAR TO 'a#%' ESCAPE '#', 'ab' SIMILAR TO 'a#%' ESCAPE '#'", "t,f"}, {"SELECT 'abc' SIMILAR TO 'a.c'", "f"},
		{"SELECT 'aab' SIMILAR TO 'a{2}[^x]'", "t"}, {"SELECT NULL::varchar SIMILAR TO 'a'", "NULL"}, {"SELECT 1 WHERE NOT 'abc' SIMILAR TO 'a%'", ""},
		{"SELECT 'x' || 'y' SIMILAR TO 'xy|z' AND true", "t"}, {"SELECT 'a' SIMILAR TO 'a' || 'b'", "!0A000"}, {"SELECT 'a' SIMILAR TO 'a#' ESCAPE '#'", "!22025"},
		{"SELECT 'a' SIMILAR TO '(a'", "!2201B"},
	},
	"r_GREATEST_LEAST": {
		{"SELECT greatest(1, NULL, 3), least(NULL, 2), greatest(NULL, NULL)", "3,2,NULL"}, {"SELECT greatest('a', 'B'), least(2.5, 1)", "a,1.0"},
	},
	"r_OPERATOR_SYMBOLS": {
		{"SELECT |/ 25", "!0A000"}, {"SELECT ||/ 27", "!0A000"}, {"SELECT @ -5", "!0A000"},
		{"SELECT 2 ^ 3, 5 & 3, 5 | 2, 1 << 3, ~5", "8,1,7,8,-6"}, {"SELECT 2 ^ 3 ^ 2, 7 % 3 * 2, 7 / 2 * 2", "64,2,6"},
		{"SELECT 2147483647 + 1", "!22003"}, {"SELECT 1 / 0", "!22012"},
	},
	"r_DATEDIFF_function": {
		{"SELECT datediff(week, date '2009-01-01', date '2009-12-31')", "52"}, {"SELECT datediff(week, '2026-11-21', '2026-11-22')", "1"},
		{"SELECT datediff(year, date '2025-12-31', date '2026-01-01')", "1"}, {"SELECT datediff(qtr, date '1998-07-01', date '2026-01-01')", "110"},
		{"SELECT datediff(month, date '2026-02-01', date '2026-01-31')", "-1"}, {"SELECT datediff(hour, timestamp '2026-01-01 01:59', timestamp '2026-01-01 02:00')", "1"},
	},
	"r_DATE_TRUNC": {
		{"SELECT date_trunc('week', date '2026-11-22')", "2026-11-16 00:00:00"}, {"SELECT date_trunc('week', timestamp '2026-11-23 10:00')", "2026-11-23 00:00:00"},
		{"SELECT date_trunc('quarter', timestamp '2026-11-23 10:00'), date_trunc('hour', timestamp '2026-11-23 10:59')", "2026-10-01 00:00:00,2026-11-23 10:00:00"},
	},
	"r_EXTRACT_function": {
		{"SELECT extract(dow FROM date '2026-11-22'), extract(week FROM date '2026-11-22'), date_part('doy', date '2026-02-01')", "0,47,32"},
		{"SELECT extract(epoch FROM timestamp '2026-01-01')", "1767225600"},
	},
	"r_ADD_MONTHS": {
		{"SELECT add_months('2008-02-29', 12), add_months(date '2008-02-28', 1)", "2009-02-28 00:00:00,2008-03-28 00:00:00"}, {"SELECT add_months('2008-04-30', 1)", "2008-05-31 00:00:00"},
		{"SELECT dateadd(month, 1, date '2008-04-30'), dateadd(month, 1, date '2008-01-31')", "2008-05-30 00:00:00,2008-02-29 00:00:00"},
	},
	"r_MONTHS_BETWEEN_function": {
		{"SELECT months_between('1969-01-18', '1969-03-18')", "-2"}, {"SELECT months_between('2026-03-31', '2026-02-28')", "1"},
	},
	"r_LAST_DAY": {{"SELECT last_day('2008-02-01'), last_day(timestamp '2026-12-05 10:00')", "2008-02-29,2026-12-31"}},
	"r_TO_DATE_function": {
		{"SELECT to_date('02 Oct 2001', 'DD Mon YYYY')", "2001-10-02"},
		{"SELECT to_timestamp('2011-12-18 23:38:15', 'YYYY-MM-DD HH24:MI:SS')", "2011-12-18 23:38:15+00"},
	},
	"r_SUBSTRING": {
		{"SELECT substring('caterpillar', 6, 4), substring('caterpillar', 6), substring('caterpillar', 0, 6), substring('caterpillar', -1, 3)", "pill,pillar,cater,c"},
		{"SELECT substring('abc' FROM 2 FOR 1), substr('abc', 2), substring('abc', 5)", "b,bc,"},
	},
	"r_CONCAT": {
		{"SELECT concat('December 25, ', '2008'), concat('a', NULL), 'a' || NULL", "December 25, 2008,NULL,NULL"},
	},
	"String_functions_header": {
		{"SELECT initcap('Nibh.enim@egestas.ca'), initcap('hello wOrld')", "Nibh.Enim@Egestas.Ca,Hello World"}, {"SELECT translate('mint tea', 'inea', 'osin')", "most tin"},
		{"SELECT replicate('a', 3), reverse('abc'), repeat('ab', 2), replace('aba', 'a', 'x')", "aaa,cba,abab,xbx"}, {"SELECT split_part('abc$def$ghi', '$', 2), strpos('dogfish', 'fish'), position('dog' IN 'dogfish')", "def,4,1"},
		{"SELECT left('Chicago', 3), right('Chicago', 3), ascii('a'), chr(65)", "Chi,ago,97,A"}, {"SELECT ltrim('2008-01-01', '2008-'), trim('    abc    '), btrim('xyzaxyzbxyzcxyz', 'xyz')", "1-01,abc,axyzbxyzc"},
		{"SELECT strtol('abcd1234', 16), strtol('1111', 2)", "2882343476,15"}, {"SELECT strtol('x', 16)", "!22023"}, {"SELECT crc32('a')", "!0A000"}, {"SELECT soundex('a')", "!0A000"},
		{"SELECT upper('é'), len('français'), octet_length('français')", "É,8,9"}, {"SELECT len('a  '), length('a  ')", "3,3"},
		{"SELECT regexp_substr('xyz', 'a'), regexp_count('abcdef', '[a-c]'), regexp_replace('a1b22', '[0-9]+')", ",3,ab"}, {"SELECT regexp_instr('abc', 'b')", "!0A000"},
	},
	"Math_functions": {
		{"SELECT round(2.5), round(-2.5), trunc(-1.999, 2), ceil(1.2), floor(-1.2), sign(-3)", "3,-3,-1.99,2,-2,-1"}, {"SELECT mod(5, 3), power(2, 3), sqrt(16), dexp(0), dlog10(100), dlog1(1), abs(-1)", "2,8,4,1,2,0,1"},
		{"SELECT mod(1, 0)", "!22012"},
	},
	"c_null_functions": {{"SELECT coalesce(NULL, 1), nullif(1, 1), nvl(NULL, NULL, 2), isnull(NULL, 3)", "1,NULL,2,3"}},
	"json-functions": {
		{"SELECT json_array_length('[11,12]'), json_extract_array_element_text('[111,112,113]', 2), is_valid_json('{')", "2,113,f"},
		{"SELECT json_extract_path_text('{\"f2\":{\"f3\":1},\"f4\":{\"f5\":99,\"f6\":\"star\"}}', 'f4', 'f6')", "star"}, {"SELECT a.b[1].c FROM (SELECT json_parse('{\"b\":[1,{\"c\":5}]}') a)", "5"},
	},
	"c_Aggregate_Functions": {
		{"SELECT sum(x), avg(x), min(x), max(x), count(x), bool_and(x > 0), bool_or(x > 1) FROM (SELECT 1 x UNION ALL SELECT 2 UNION ALL SELECT NULL)", "3,1,1,2,2,t,t"},
		{"SELECT var_pop(x), stddev_pop(x), variance(x) FROM (SELECT 1 x UNION ALL SELECT 3)", "1,1,2"}, {"SELECT listagg(x, ',') WITHIN GROUP (ORDER BY x DESC) FROM (SELECT 1 x UNION ALL SELECT 3)", "3,1"}, {"SELECT sum(x), count(*) FROM (SELECT 1 x WHERE false)", "NULL,0"},
	},
	"c_Window_functions": {
		{"SELECT x, lead(x) OVER (ORDER BY x), first_value(x) OVER (ORDER BY x ROWS UNBOUNDED PRECEDING), rank() OVER (ORDER BY x DESC), ntile(2) OVER (ORDER BY x) FROM (SELECT 1 x UNION ALL SELECT 3) ORDER BY x", "1,3,1,2,1|3,NULL,1,1,2"},
		{"SELECT sum(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (SELECT 1 x UNION ALL SELECT 3 UNION ALL SELECT 5) ORDER BY 1", "1|4|8"},
	},
	"c_SQL_commands": {
		{"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n ORDER BY i", "1|2|3"}, {"SELECT 1 a, a + 1 b", "1,2"},
		{"SELECT x, count(*) FROM (SELECT 1 x UNION ALL SELECT 1) GROUP BY GROUPING SETS ((x), ()) ORDER BY 1", "1,2|NULL,2"}, {"SELECT generate_series(1, 3)", "!0A000"},
		{"SELECT x FROM (SELECT 1 x UNION ALL SELECT NULL) ORDER BY x DESC", "NULL|1"}, {"SELECT 'abc'::varchar(2), 3.7::int, 2.5::int, '1'::boolean", "ab,4,3,t"},
		{"SELECT '3.7'::int", "!22P02"}, {"SELECT CAST('3.7' AS BIGINT)", "!22P02"}, {"SELECT '3.7'::decimal(3,1), '-3'::int, CAST('4' AS smallint)", "3.7,-3,4"},
		{"SELECT fnv_hash(1)", "!0A000"}, {"SELECT checksum('x')", "!0A000"}, {"SELECT to_number('12', '99')", "!0A000"}, {"DECLARE c CURSOR FOR SELECT 1", "!0A000"},
	},
}

func TestMeanings(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	for page, cases := range meanings {
		for _, k := range cases {
			t.Run(page+" "+k[0][:min(len(k[0]), 50)], func(t *testing.T) {
				if len(k[1]) == 6 && k[1][0] == '!' {
					refuse(t, c, k[1][1:], k[0])
					return
				}
				if _, rows := table1(t, c, k[0]); rows != k[1] {
					t.Errorf("%s\ngot  %q\nwant %q", k[0], rows, k[1])
				}
			})
		}
	}
}
