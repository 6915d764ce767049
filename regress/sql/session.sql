--
-- What a job takes over from the session that launches it, and what it leaves there.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

-- settings: of the session, of the transaction, of one's own, of extensions
CREATE FUNCTION pg_temp.setting(name text) RETURNS text LANGUAGE sql AS $$
    SELECT s FROM pg_background_run_query_v2(format('SELECT current_setting(%L, true)', name)) AS (s text)
$$;
SELECT pg_temp.setting('work_mem');
SET work_mem = '12345kB';
SELECT pg_temp.setting('work_mem');
BEGIN;
SET LOCAL work_mem = '23456kB';
SELECT pg_temp.setting('work_mem');
ROLLBACK;
SELECT pg_temp.setting('work_mem');
RESET work_mem;
SELECT pg_temp.setting('work_mem');
SET regress_pgbg.custom = 'mine: ''ü'' "x"';
SELECT pg_temp.setting('regress_pgbg.custom');
SET regress_pgbg.custom = '';
SELECT pg_temp.setting('regress_pgbg.custom') = '' AS empty;
SET DateStyle = 'German';
SET IntervalStyle = 'iso_8601';
SET TIME ZONE 'Asia/Kolkata';
SET search_path = pg_catalog, public;
SET extra_float_digits = -3;
SET lc_messages = 'C';
SELECT * FROM pg_background_run_query_v2($$
    SELECT '2024-02-29'::date::text, interval '1 day 2 hours'::text, '2024-02-29 12:00:00+00'::timestamptz::text, current_setting('search_path'), (1::float8 / 3)::text $$)
    AS (date text, interval text, timestamptz text, path text, float text);
RESET DateStyle;
RESET IntervalStyle;
RESET TIME ZONE;
RESET search_path;
RESET extra_float_digits;
-- with quotes, a comma and a schema that is not there
CREATE SCHEMA "regress pgbg, ""odd""";
CREATE TABLE "regress pgbg, ""odd""".here AS SELECT 'found' AS what;
SET search_path = 'regress pgbg, "odd"', nowhere, public;
SELECT * FROM pg_background_run_query_v2('SELECT what, current_schemas(false)::text FROM here') AS (what text, schemas text);
RESET search_path;
DROP TABLE "regress pgbg, ""odd""".here;
DROP SCHEMA "regress pgbg, ""odd""";
-- planner settings
SET enable_seqscan = off;
SET plan_cache_mode = 'force_generic_plan';
SELECT pg_temp.setting('enable_seqscan'), pg_temp.setting('plan_cache_mode');
RESET enable_seqscan;
RESET plan_cache_mode;
-- all of them at once: none differs, but for those that say who and where one is
SET statement_timeout = '1h';
SET default_text_search_config = 'pg_catalog.simple';
SET bytea_output = 'escape';
SELECT j.name, h.setting AS here, j.setting AS there
FROM pg_background_run_query_v2('SELECT name, setting FROM pg_settings') AS j(name text, setting text) FULL JOIN pg_settings h USING (name)
WHERE h.setting IS DISTINCT FROM j.setting AND name NOT IN ('client_encoding') AND name NOT LIKE 'tcp\_%';
RESET ALL;
-- settings of pg_background's own
SET pg_background.max_workers = 3;
SELECT pg_temp.setting('pg_background.max_workers');
RESET pg_background.max_workers;
-- application_name
SET application_name = 'regress_pgbg app';
SELECT pg_temp.setting('application_name');
RESET application_name;

-- what a job sets stays there
SELECT * FROM pg_background_run_query_v2('SET work_mem = ''34567kB''; SET regress_pgbg.custom = ''the job''''s''; SHOW work_mem') AS (work_mem text);
SHOW work_mem;
SHOW regress_pgbg.custom;
SELECT pg_temp.setting('work_mem'), pg_temp.setting('regress_pgbg.custom');
-- SET, SET LOCAL, RESET and RESET ALL in a job
SET work_mem = '12345kB';
SELECT * FROM pg_background_run_query_v2('RESET work_mem; SHOW work_mem') AS (work_mem text);
SELECT * FROM pg_background_run_query_v2('SET work_mem = ''5MB''; SET LOCAL work_mem = ''6MB''; RESET work_mem; SHOW work_mem') AS (work_mem text);
SELECT completed, has_error FROM pg_background_run_v2('RESET ALL');
SELECT pg_temp.setting('work_mem');
SHOW work_mem;
RESET work_mem;
-- a setting that the server refuses to everybody but a superuser is taken over as it is
SET log_min_duration_statement = '1h';
SELECT pg_temp.setting('log_min_duration_statement');
RESET log_min_duration_statement;
-- set by a function, for as long as it runs
CREATE FUNCTION pg_temp.with_setting() RETURNS text LANGUAGE sql SET work_mem = '77MB' AS $$ SELECT pg_temp.setting('work_mem') $$;
SELECT pg_temp.with_setting(), pg_temp.setting('work_mem');
-- not taken over: temporary tables, prepared statements, cursors, advisory locks
CREATE TEMPORARY TABLE regress_pgbg_temporary (id int4);
SELECT sqlstate FROM pg_background_run_v2('TABLE regress_pgbg_temporary');
SELECT sqlstate FROM pg_background_run_v2('INSERT INTO pg_temp.regress_pgbg_temporary VALUES (1)');
DROP TABLE regress_pgbg_temporary;
PREPARE regress_pgbg_prepared AS SELECT 1;
SELECT sqlstate FROM pg_background_run_v2('EXECUTE regress_pgbg_prepared');
DEALLOCATE regress_pgbg_prepared;
SELECT pg_advisory_lock(4713);
SELECT * FROM pg_background_run_query_v2('SELECT pg_try_advisory_lock(4713)') AS (mine bool);
SELECT pg_advisory_unlock(4713);

-- and one job leaves nothing to the next, on whatever worker it runs
SELECT completed, has_error FROM pg_background_run_v2($$
    PREPARE left_over AS SELECT 1; DECLARE left_over CURSOR WITH HOLD FOR SELECT 1; SELECT pg_advisory_lock(4714);
    SET regress_pgbg.left_over = 'set'; SET work_mem = '1MB'; SET ROLE pg_read_all_data; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY $$);
SELECT completed, has_error FROM pg_background_run_v2('CREATE TEMPORARY TABLE left_over (id int4)');
SELECT completed, has_error FROM pg_background_run_v2('SET SESSION AUTHORIZATION pgbackground_role');
SELECT * FROM pg_background_run_query_v2($$
    SELECT to_regclass('pg_temp.left_over') IS NULL, (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors WHERE name = 'left_over'),
           coalesce(current_setting('regress_pgbg.left_over', true), ''), current_setting('work_mem'), session_user::text, current_user::text,
           current_setting('transaction_read_only') $$)
    AS (no_table bool, prepared int8, cursors int8, setting text, work_mem text, session_user_ text, current_user_ text, read_only text);
-- the advisory lock of a job that ended is free
SET lock_timeout = '60s';
SELECT pg_advisory_lock(4714);
RESET lock_timeout;
SELECT pg_advisory_unlock(4714);

-- libraries
LOAD 'plpgsql';
SELECT * FROM pg_background_run_query_v2('SELECT count(*) FROM pg_settings WHERE name LIKE ''plpgsql.%''') AS (n int8) WHERE n = 0;

-- who one is
SELECT * FROM pg_background_run_query_v2('SELECT session_user = current_user, current_user::text') AS (same bool, who text);
SELECT d = current_database() AS database, a IS NULL AS no_client FROM pg_background_run_query_v2('SELECT current_database()::text, inet_client_addr()') AS (d text, a inet);
SELECT backend_type, state FROM pg_background_run_query_v2('SELECT backend_type, state, query FROM pg_stat_activity WHERE pid = pg_backend_pid()') AS (backend_type text, state text, query text);
SELECT query FROM pg_background_run_query_v2('SELECT query, 42 FROM pg_stat_activity WHERE pid = pg_backend_pid()') AS (query text, n int4);
SELECT count(*) FROM pg_background_list;
