package warehouse

// catalogSQL makes the system catalog as PostgreSQL 8.0 and Redshift show it,
// as far as psql, drivers and people's own queries ask it. DuckDB has tables of
// these names too, with its own numbers of types.
var catalogSQL = []string{
	`CREATE OR REPLACE MACRO main.rs_oid(t) AS CASE
		WHEN t = 'BOOLEAN' THEN 16 WHEN t = 'BLOB' THEN 17 WHEN t = 'BIGINT' THEN 20 WHEN t IN ('SMALLINT', 'TINYINT') THEN 21 WHEN t = 'INTEGER' THEN 23
		WHEN t = 'FLOAT' THEN 700 WHEN t = 'DOUBLE' THEN 701 WHEN t = 'DATE' THEN 1082 WHEN t = 'TIME' THEN 1083 WHEN t = 'TIMESTAMP' THEN 1114
		WHEN t = 'TIMESTAMP WITH TIME ZONE' THEN 1184 WHEN t = 'INTERVAL' THEN 1186 WHEN t = 'TIME WITH TIME ZONE' THEN 1266
		WHEN t LIKE 'DECIMAL%' OR t = 'HUGEINT' THEN 1700 WHEN t = 'JSON' THEN 4000 ELSE 1043 END`,
	`CREATE OR REPLACE MACRO main.format_type(o, m) AS CASE CAST(o AS INTEGER)
		WHEN 16 THEN 'boolean' WHEN 17 THEN 'binary varying' WHEN 20 THEN 'bigint' WHEN 21 THEN 'smallint' WHEN 23 THEN 'integer' WHEN 700 THEN 'real' WHEN 701 THEN 'double precision'
		WHEN 1082 THEN 'date' WHEN 1083 THEN 'time without time zone' WHEN 1114 THEN 'timestamp without time zone' WHEN 1184 THEN 'timestamp with time zone' WHEN 1186 THEN 'interval'
		WHEN 1266 THEN 'time with time zone' WHEN 4000 THEN 'super'
		WHEN 1700 THEN 'numeric' || CASE WHEN m > 4 THEN '(' || CAST((m - 4) >> 16 AS VARCHAR) || ',' || CAST((m - 4) & 65535 AS VARCHAR) || ')' ELSE '' END
		WHEN 1043 THEN 'character varying' || CASE WHEN m > 4 THEN '(' || CAST(m - 4 AS VARCHAR) || ')' ELSE '' END END`,
	`CREATE OR REPLACE VIEW main.pg_user AS SELECT user_name AS usename, CAST(user_id AS INTEGER) AS usesysid, super AS usecreatedb, super AS usesuper, false AS usecatupd, '********' AS passwd, CAST(NULL AS TIMESTAMP) AS valuntil, CAST(NULL AS VARCHAR) AS useconfig FROM rs_users()`,
	`CREATE OR REPLACE VIEW main.pg_roles AS SELECT usename AS rolname, usesuper AS rolsuper, true AS rolinherit, usesuper AS rolcreaterole, usecreatedb AS rolcreatedb, true AS rolcanlogin, -1 AS rolconnlimit, valuntil AS rolvaliduntil, false AS rolreplication, false AS rolbypassrls, usesysid AS oid FROM main.pg_user`,
	`CREATE OR REPLACE VIEW main.pg_group AS SELECT CAST(NULL AS VARCHAR) AS groname, CAST(NULL AS INTEGER) AS grosysid, CAST(NULL AS INTEGER[]) AS grolist WHERE false`,
	`CREATE OR REPLACE VIEW main.pg_auth_members AS SELECT CAST(NULL AS INTEGER) AS roleid, CAST(NULL AS INTEGER) AS member WHERE false`,
	`CREATE OR REPLACE MACRO main.pg_get_userbyid(i) AS (SELECT max(usename) FROM main.pg_user WHERE usesysid = i)`,
	`CREATE OR REPLACE MACRO main.pg_get_expr(e, r) AS e, (e, r, p) AS e`,
	`CREATE OR REPLACE MACRO main.pg_get_viewdef(v) AS (SELECT max("sql") FROM duckdb_views() WHERE view_oid = v), (v, p) AS (SELECT max("sql") FROM duckdb_views() WHERE view_oid = v)`,
	`CREATE OR REPLACE VIEW main.pg_collation AS SELECT CAST(NULL AS BIGINT) AS oid, CAST(NULL AS VARCHAR) AS collname, CAST(NULL AS BIGINT) AS collnamespace WHERE false`,
	`CREATE OR REPLACE MACRO main.pg_encoding_to_char(i) AS 'UNICODE'`,
	`CREATE OR REPLACE MACRO main.pg_function_is_visible(i) AS true`,
	`CREATE OR REPLACE MACRO main.pg_get_function_result(i) AS CAST(NULL AS VARCHAR)`,
	`CREATE OR REPLACE MACRO main.pg_get_function_arguments(i) AS CAST(NULL AS VARCHAR)`,
	`CREATE OR REPLACE MACRO main.has_table_privilege(t, p) AS true, (u, t, p) AS true`,
	`CREATE OR REPLACE MACRO main.has_schema_privilege(t, p) AS true, (u, t, p) AS true`,
	`CREATE OR REPLACE VIEW main.pg_database AS SELECT CAST(100 AS BIGINT) AS oid, current_database() AS datname, 100 AS datdba, 6 AS encoding, 'C' AS datcollate, 'C' AS datctype, false AS datistemplate, true AS datallowconn, -1 AS datconnlimit, CAST(NULL AS VARCHAR[]) AS datacl`,
	`CREATE OR REPLACE VIEW main.pg_namespace AS SELECT CAST(oid AS BIGINT) AS oid, schema_name AS nspname, 100 AS nspowner, CAST(NULL AS VARCHAR[]) AS nspacl FROM duckdb_schemas() WHERE database_name = current_database() AND schema_name <> 'main'
		UNION ALL SELECT * FROM (VALUES (11, 'pg_catalog', 100, CAST(NULL AS VARCHAR[])), (12, 'information_schema', 100, NULL))`,
	`CREATE OR REPLACE VIEW main.pg_class AS SELECT CAST(oid AS BIGINT) AS oid, relname, CAST(relnamespace AS BIGINT) AS relnamespace, CAST(0 AS BIGINT) AS reltype, 100 AS relowner, 0 AS relam, CAST(oid AS BIGINT) AS relfilenode, CAST(0 AS BIGINT) AS reltablespace,
		CAST(tuples // 1000 AS INTEGER) AS relpages, CAST(tuples AS DOUBLE) AS reltuples, CAST(0 AS BIGINT) AS reltoastrelid, false AS relhasindex, false AS relisshared, relkind, CAST(natts AS SMALLINT) AS relnatts, CAST(0 AS SMALLINT) AS relchecks, CAST(0 AS SMALLINT) AS reltriggers,
		false AS relhasoids, false AS relhaspkey, relkind = 'v' AS relhasrules, false AS relhastriggers, false AS relhassubclass, false AS relrowsecurity, false AS relforcerowsecurity, 'p' AS relpersistence, 'd' AS relreplident, false AS relispartition, CAST(0 AS BIGINT) AS reloftype,
		CAST(NULL AS VARCHAR[]) AS relacl, CAST(NULL AS VARCHAR[]) AS reloptions, CAST(NULL AS VARCHAR) AS relpartbound FROM (
		SELECT table_oid AS oid, table_name AS relname, schema_oid AS relnamespace, 'r' AS relkind, column_count AS natts, estimated_size AS tuples FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal AND schema_name <> 'main'
		UNION ALL SELECT view_oid, view_name, schema_oid, 'v', column_count, 0 FROM duckdb_views() WHERE database_name = current_database() AND NOT internal AND schema_name <> 'main')`,
	`CREATE OR REPLACE VIEW main.pg_attribute AS SELECT CAST(c.table_oid AS BIGINT) AS attrelid, c.column_name AS attname, CAST(rs_oid(c.data_type) AS BIGINT) AS atttypid, CAST(c.column_index AS SMALLINT) AS attnum, CAST(-1 AS SMALLINT) AS attlen, -1 AS attstattarget, 0 AS attndims,
		CASE WHEN k.size IS NOT NULL THEN CAST(k.size AS INTEGER) + 4 WHEN c.data_type LIKE 'DECIMAL%' THEN (c.numeric_precision << 16) + c.numeric_scale + 4 ELSE -1 END AS atttypmod,
		NOT c.is_nullable AS attnotnull, c.column_default IS NOT NULL AS atthasdef, false AS attisdropped, true AS attislocal, CAST(0 AS BIGINT) AS attcollation, '' AS attidentity, '' AS attgenerated, 'x' AS attstorage, CAST(NULL AS VARCHAR[]) AS attacl, CAST(NULL AS VARCHAR[]) AS attoptions,
		coalesce(json_extract_string(c.comment, '$.dist') = 'true', false) AS attisdistkey, coalesce(CAST(json_extract_string(c.comment, '$.sort') AS INTEGER), 0) AS attsortkeyord, coalesce(CAST(json_extract_string(c.comment, '$.primary') AS INTEGER), 0) AS rs_primary
		FROM duckdb_columns() c LEFT JOIN (SELECT table_oid, constraint_column_names[1] AS name, regexp_extract(constraint_text, '<= ([0-9]+)', 1) AS size FROM duckdb_constraints() WHERE constraint_type = 'CHECK' AND constraint_text LIKE '%strlen(%' AND database_name = current_database()) k
		ON k.table_oid = c.table_oid AND k.name = c.column_name WHERE c.database_name = current_database() AND NOT c.internal AND c.schema_name <> 'main'`,
	`CREATE OR REPLACE VIEW main.pg_attrdef AS SELECT CAST(table_oid AS BIGINT) AS adrelid, CAST(column_index AS SMALLINT) AS adnum, column_default AS adsrc, column_default AS adbin, CAST(table_oid * 10000 + column_index AS BIGINT) AS oid FROM duckdb_columns() WHERE database_name = current_database() AND NOT internal AND schema_name <> 'main' AND column_default IS NOT NULL`,
	`CREATE OR REPLACE VIEW main.pg_type AS SELECT CAST(oid AS BIGINT) AS oid, typname, CAST(11 AS BIGINT) AS typnamespace, CAST(typlen AS SMALLINT) AS typlen, 'b' AS typtype, typcategory, CAST(0 AS BIGINT) AS typrelid, CAST(0 AS BIGINT) AS typelem, CAST(0 AS BIGINT) AS typarray, CAST(0 AS BIGINT) AS typbasetype, -1 AS typtypmod, false AS typnotnull, CAST(0 AS BIGINT) AS typcollation, typname || 'in' AS typinput, ',' AS typdelim
		FROM (VALUES (16, 'bool', 1, 'B'), (17, 'bytea', -1, 'U'), (20, 'int8', 8, 'N'), (21, 'int2', 2, 'N'), (23, 'int4', 4, 'N'), (25, 'text', -1, 'S'), (26, 'oid', 4, 'N'), (700, 'float4', 4, 'N'), (701, 'float8', 8, 'N'), (705, 'unknown', -1, 'X'), (1042, 'bpchar', -1, 'S'), (1043, 'varchar', -1, 'S'),
		(1082, 'date', 4, 'D'), (1083, 'time', 8, 'D'), (1114, 'timestamp', 8, 'D'), (1184, 'timestamptz', 8, 'D'), (1186, 'interval', 16, 'T'), (1266, 'timetz', 12, 'D'), (1700, 'numeric', -1, 'N'), (4000, 'super', -1, 'U')) t(oid, typname, typlen, typcategory)`,
	`CREATE OR REPLACE VIEW main.pg_proc AS SELECT CAST(NULL AS BIGINT) AS oid, CAST(NULL AS VARCHAR) AS proname, CAST(NULL AS BIGINT) AS pronamespace, false AS proisagg, false AS proiswindow, CAST(NULL AS VARCHAR) AS prorettype, CAST(NULL AS VARCHAR) AS proargtypes, CAST(NULL AS VARCHAR) AS prosrc WHERE false`,
	`CREATE OR REPLACE VIEW main.pg_inherits AS SELECT CAST(NULL AS BIGINT) AS inhrelid, CAST(NULL AS BIGINT) AS inhparent, CAST(NULL AS INTEGER) AS inhseqno WHERE false`,
	`CREATE OR REPLACE VIEW main.pg_rules AS SELECT CAST(NULL AS VARCHAR) AS schemaname, CAST(NULL AS VARCHAR) AS tablename, CAST(NULL AS VARCHAR) AS rulename WHERE false`,
	`CREATE OR REPLACE VIEW main.pg_rewrite AS SELECT CAST(NULL AS VARCHAR) AS rulename, CAST(NULL AS BIGINT) AS ev_class, CAST(NULL AS BIGINT) AS oid, CAST(NULL AS VARCHAR) AS ev_enabled, CAST(NULL AS VARCHAR) AS is_instead, CAST(NULL AS VARCHAR) AS ev_type WHERE false`,
	`CREATE OR REPLACE VIEW main.pg_tables AS SELECT schema_name AS schemaname, table_name AS tablename, pg_get_userbyid(100) AS tableowner, CAST(NULL AS VARCHAR) AS tablespace, false AS hasindexes, false AS hasrules, false AS hastriggers FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal AND schema_name <> 'main'`,
	`CREATE OR REPLACE VIEW main.pg_table_def AS SELECT n.nspname AS schemaname, c.relname AS tablename, a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type, 'none' AS encoding, a.attisdistkey AS distkey, a.attsortkeyord AS sortkey, a.attnotnull AS "notnull"
		FROM main.pg_class c JOIN main.pg_namespace n ON n.oid = c.relnamespace JOIN main.pg_attribute a ON a.attrelid = c.oid WHERE c.relkind = 'r' AND list_contains(string_split(replace(current_setting('search_path'), '"', ''), ','), n.nspname)`,
	`CREATE OR REPLACE VIEW main.svv_tables AS SELECT current_database() AS table_catalog, n.nspname AS table_schema, c.relname AS table_name, CASE c.relkind WHEN 'r' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type, CAST(NULL AS VARCHAR) AS remarks FROM main.pg_class c JOIN main.pg_namespace n ON n.oid = c.relnamespace`,
	`CREATE OR REPLACE VIEW main.svv_columns AS SELECT current_database() AS table_catalog, n.nspname AS table_schema, c.relname AS table_name, a.attname AS column_name, CAST(a.attnum AS INTEGER) AS ordinal_position, d.adsrc AS column_default, CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
		format_type(a.atttypid, -1) AS data_type, CASE WHEN a.atttypid = 1043 AND a.atttypmod > 4 THEN a.atttypmod - 4 END AS character_maximum_length, CASE WHEN a.atttypid = 1700 THEN (a.atttypmod - 4) >> 16 END AS numeric_precision, CASE WHEN a.atttypid = 1700 THEN (a.atttypmod - 4) & 65535 END AS numeric_scale, CAST(NULL AS VARCHAR) AS remarks
		FROM main.pg_class c JOIN main.pg_namespace n ON n.oid = c.relnamespace JOIN main.pg_attribute a ON a.attrelid = c.oid LEFT JOIN main.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum`,
	// information_schema, which rsql writes as these names.
	`CREATE OR REPLACE VIEW main.information_schema_tables AS SELECT table_catalog, table_schema, table_name, table_type, CAST(NULL AS VARCHAR) AS self_referencing_column_name, CAST(NULL AS VARCHAR) AS reference_generation, CAST(NULL AS VARCHAR) AS user_defined_type_catalog, CAST(NULL AS VARCHAR) AS user_defined_type_schema, CAST(NULL AS VARCHAR) AS user_defined_name FROM main.svv_tables`,
	`CREATE OR REPLACE VIEW main.information_schema_columns AS SELECT table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length, CAST(NULL AS INTEGER) AS character_octet_length,
		numeric_precision, CASE WHEN numeric_precision IS NOT NULL THEN 10 END AS numeric_precision_radix, numeric_scale, CASE WHEN data_type LIKE 'time%' THEN 6 END AS datetime_precision, CAST(NULL AS VARCHAR) AS interval_type, CAST(NULL AS VARCHAR) AS interval_precision,
		CAST(NULL AS VARCHAR) AS character_set_catalog, CAST(NULL AS VARCHAR) AS character_set_schema, CAST(NULL AS VARCHAR) AS character_set_name, CAST(NULL AS VARCHAR) AS collation_catalog, CAST(NULL AS VARCHAR) AS collation_schema, CAST(NULL AS VARCHAR) AS collation_name,
		CAST(NULL AS VARCHAR) AS domain_name, CAST(ordinal_position AS VARCHAR) AS dtd_identifier, 'NO' AS is_self_referencing FROM main.svv_columns`,
	`CREATE OR REPLACE VIEW main.information_schema_key_column_usage AS SELECT current_database() AS constraint_catalog, n.nspname AS constraint_schema, c.relname || '_pkey' AS constraint_name, current_database() AS table_catalog, n.nspname AS table_schema, c.relname AS table_name, a.attname AS column_name, a.rs_primary AS ordinal_position
		FROM main.pg_class c JOIN main.pg_namespace n ON n.oid = c.relnamespace JOIN main.pg_attribute a ON a.attrelid = c.oid WHERE a.rs_primary > 0`,
	`CREATE OR REPLACE VIEW main.information_schema_table_constraints AS SELECT DISTINCT constraint_catalog, constraint_schema, constraint_name, table_catalog, table_schema, table_name, 'PRIMARY KEY' AS constraint_type, 'NO' AS is_deferrable, 'NO' AS initially_deferred FROM main.information_schema_key_column_usage`,
	`CREATE OR REPLACE VIEW main.information_schema_schemata AS SELECT current_database() AS catalog_name, nspname AS schema_name, pg_get_userbyid(nspowner) AS schema_owner FROM main.pg_namespace`,
	`CREATE OR REPLACE VIEW main.information_schema_views AS SELECT current_database() AS table_catalog, schema_name AS table_schema, view_name AS table_name, "sql" AS view_definition, 'NONE' AS check_option, 'NO' AS is_updatable, 'NO' AS is_insertable_into FROM duckdb_views() WHERE database_name = current_database() AND NOT internal AND schema_name <> 'main'`,
}
