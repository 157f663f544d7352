package warehouse

import (
	"slices"
	"strings"
)

// quote makes a SQL string.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// bootstrapSQL makes what Redshift has and DuckDB has not. It lives in the
// file's schema main, so that a snapshot carries what views need. A macro that
// is named like a function of DuckDB hides it, also in other macros: those ask
// for system.main by name.
func bootstrapSQL() []string {
	return slices.Concat([]string{
		"SET GLOBAL TimeZone='UTC'",
		"CREATE SCHEMA IF NOT EXISTS public",
	}, macros, loadTables, catalogSQL, systemTables, statementTables, externalTables)
}

// macros are functions. Sources of their meaning: the pages r_* of the
// developer guide.
var macros = []string{
	`CREATE OR REPLACE MACRO main.rs_cut_div(a, b) AS system.main."//"(a, b)`, // NULL of no rows
	`CREATE OR REPLACE MACRO main.rs_cut(s, n) AS CASE WHEN strlen(s) <= n THEN s ELSE rs_cut_bytes(s, n) END`,
	// DuckDB answers NULL.
	`CREATE OR REPLACE MACRO main."//"(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE system.main."//"(a, b) END`,
	`CREATE OR REPLACE MACRO main."%"(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE system.main."%"(a, b) END`,
	`CREATE OR REPLACE MACRO main.mod(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE system.main."%"(a, b) END`,
	// ~ finds anywhere in the string; DuckDB's matches the whole of it.
	`CREATE OR REPLACE MACRO main.regexp_full_match(a, b) AS system.main.regexp_matches(a, b)`,
	`CREATE OR REPLACE MACRO main.regexp_replace(s, p) AS system.main.regexp_replace(s, p, '', 'g'), (s, p, r) AS system.main.regexp_replace(s, p, r, 'g')`,
	`CREATE OR REPLACE MACRO main.regexp_substr(s, p) AS regexp_extract(s, p)`,
	`CREATE OR REPLACE MACRO main.regexp_count(s, p) AS array_length(regexp_extract_all(s, p))`,
	// Dates.
	`CREATE OR REPLACE MACRO main.rs_now() AS CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)`,
	`CREATE OR REPLACE MACRO main.getdate() AS date_trunc('second', CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP))`,
	`CREATE OR REPLACE MACRO main.dateadd(p, n, x) AS x + CASE p
		WHEN 'year' THEN to_years(n) WHEN 'quarter' THEN to_months(n * 3) WHEN 'month' THEN to_months(n) WHEN 'week' THEN to_weeks(n) WHEN 'day' THEN to_days(n)
		WHEN 'hour' THEN to_hours(n) WHEN 'minute' THEN to_minutes(n) WHEN 'second' THEN to_seconds(n)
		WHEN 'millisecond' THEN to_milliseconds(n) WHEN 'microsecond' THEN to_microseconds(n) ELSE error('invalid date part ' || p) END`,
	// Weeks begin on Sunday, and crossing into one counts; DuckDB counts whole weeks.
	`CREATE OR REPLACE MACRO main.datediff(p, a, b) AS CASE WHEN p = 'week' THEN system.main."//"(date_diff('day', date_trunc('week', a + INTERVAL 1 DAY), date_trunc('week', b + INTERVAL 1 DAY)), 7) ELSE date_diff(p, a, b) END`,
	`CREATE OR REPLACE MACRO main.last_day(d) AS system.main.last_day(CAST(d AS DATE))`,
	`CREATE OR REPLACE MACRO main.add_months(d, n) AS CASE WHEN system.main.last_day(CAST(d AS DATE)) = CAST(d AS DATE) THEN CAST(system.main.last_day(CAST(d AS DATE) + to_months(n)) AS TIMESTAMP) ELSE CAST(d AS TIMESTAMP) + to_months(n) END`,
	`CREATE OR REPLACE MACRO main.convert_timezone(z, t) AS (t AT TIME ZONE 'UTC') AT TIME ZONE z, (f, z, t) AS (t AT TIME ZONE f) AT TIME ZONE z`,
	// Strings.
	`CREATE OR REPLACE MACRO main.nvl2(a, b, c) AS CASE WHEN a IS NOT NULL THEN b ELSE c END`,
	`CREATE OR REPLACE MACRO main.charindex(n, s) AS strpos(s, n)`,
	`CREATE OR REPLACE MACRO main.btrim(s) AS trim(s), (s, c) AS trim(s, c)`,
	`CREATE OR REPLACE MACRO main.lpad(s, n) AS system.main.lpad(s, n, ' '), (s, n, p) AS system.main.lpad(s, n, p)`,
	`CREATE OR REPLACE MACRO main.rpad(s, n) AS system.main.rpad(s, n, ' '), (s, n, p) AS system.main.rpad(s, n, p)`,
	`CREATE OR REPLACE MACRO main.func_sha1(s) AS sha1(s)`,
	`CREATE OR REPLACE MACRO main.sha2(s, b) AS CASE WHEN b IN (0, 256) THEN sha256(s) ELSE error('sha2 is only supported with 256 bits by the embedded warehouse') END`,
	`CREATE OR REPLACE MACRO main.concat(a, b) AS a || b`, // NULL of NULL; DuckDB leaves it out
	`CREATE OR REPLACE MACRO main.substring(s, p) AS system.main.substring(s, greatest(p, 1)), (s, p, n) AS CASE WHEN n < 0 THEN error('negative substring length not allowed') ELSE system.main.substring(s, greatest(p, 1), greatest(0, least(p + n, 2147483647) - greatest(p, 1))) END`,
	`CREATE OR REPLACE MACRO main.substr(s, p) AS system.main.substring(s, greatest(p, 1)), (s, p, n) AS CASE WHEN n < 0 THEN error('negative substring length not allowed') ELSE system.main.substring(s, greatest(p, 1), greatest(0, least(p + n, 2147483647) - greatest(p, 1))) END`,
	`CREATE OR REPLACE MACRO main.replicate(s, n) AS repeat(s, n)`,
	`CREATE OR REPLACE MACRO main.initcap(s) AS rs_initcap(s)`,
	`CREATE OR REPLACE MACRO main.strtol(s, b) AS rs_strtol(s, CAST(b AS BIGINT))`,
	// Numbers.
	`CREATE OR REPLACE MACRO main.dexp(x) AS exp(x)`,
	`CREATE OR REPLACE MACRO main.dlog1(x) AS ln(x)`,
	`CREATE OR REPLACE MACRO main.dlog10(x) AS log10(x)`,
	`CREATE OR REPLACE MACRO main.isnull(a, b) AS coalesce(a, b)`,
	// Whole months where the days are the same or both the last; else 31 days make a month.
	`CREATE OR REPLACE MACRO main.months_between(a, b) AS CASE WHEN day(CAST(a AS DATE)) = day(CAST(b AS DATE)) OR system.main.last_day(CAST(a AS DATE)) = CAST(a AS DATE) AND system.main.last_day(CAST(b AS DATE)) = CAST(b AS DATE)
		THEN CAST(date_diff('month', CAST(b AS DATE), CAST(a AS DATE)) AS DOUBLE)
		ELSE date_diff('month', CAST(b AS DATE), CAST(a AS DATE)) + (date_diff('second', date_trunc('month', CAST(a AS TIMESTAMP)), CAST(a AS TIMESTAMP)) - date_diff('second', date_trunc('month', CAST(b AS TIMESTAMP)), CAST(b AS TIMESTAMP))) / CAST(2678400 AS DOUBLE) END`,
	// JSON.
	`CREATE OR REPLACE MACRO main.json_extract_array_element_text(j, i) AS json_extract_string(j, '$[' || i || ']')`,
	`CREATE OR REPLACE MACRO main.json_parse(s) AS CAST(s AS JSON)`,
	`CREATE OR REPLACE MACRO main.json_serialize(j) AS CAST(j AS VARCHAR)`,
	`CREATE OR REPLACE MACRO main.is_valid_json(s) AS json_valid(s)`,
	`CREATE OR REPLACE MACRO main.json_extract_path_text(j, a) AS json_extract_string(j, '$."' || a || '"'), (j, a, b) AS json_extract_string(j, '$."' || a || '"."' || b || '"'), (j, a, b, c) AS json_extract_string(j, '$."' || a || '"."' || b || '"."' || c || '"')`,
}
