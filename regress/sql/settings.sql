--
-- The settings: ranges, who may set them, what they do.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

-- all of them, once the library is loaded
SELECT count(*) >= 0 AS loaded FROM pg_background_list;
SELECT name, boot_val, unit, vartype, context, min_val::int8 BETWEEN 0 AND 4096 AS low_minimum, max_val, short_desc IS NOT NULL AS described
FROM pg_settings WHERE name LIKE 'pg_background.%' ORDER BY name;
-- the others stay, all of them and in their order; also where some were set before
\c -
CREATE TEMP TABLE known AS SELECT name FROM pg_settings;
SELECT count(*) >= 0 AS loaded FROM pg_background_list;
SELECT (SELECT count(*) FROM pg_settings WHERE name LIKE 'pg\_background.%') AS ours,
       (SELECT count(*) FROM (SELECT name FROM pg_settings WHERE name NOT LIKE 'pg\_background.%' EXCEPT SELECT name FROM known) x) AS come,
       (SELECT count(*) FROM (SELECT name FROM known EXCEPT SELECT name FROM pg_settings) x) AS gone,
       (SELECT array_agg(name) = array_agg(name ORDER BY lower(name) COLLATE "C") FROM pg_show_all_settings()) AS in_order;
\c -
SET pg_background.max_workers = 3;
SET pg_background.worker_timeout = '1min';
CREATE TEMP TABLE known AS SELECT name FROM pg_settings;
SELECT count(*) >= 0 AS loaded FROM pg_background_list;
SELECT array_agg(name || ' ' || setting ORDER BY name) AS set_before,
       (SELECT count(DISTINCT name) FROM pg_settings WHERE name LIKE 'pg\_background.%') AS ours,
       (SELECT count(*) FROM (SELECT name FROM known EXCEPT SELECT name FROM pg_settings) x) AS gone
FROM pg_settings WHERE name LIKE 'pg\_background.%' AND source = 'session';
SHOW zero_damaged_pages;
\c -
CREATE ROLE regress_pgbg_user IN ROLE pgbackground_role;
SELECT count(*) >= 0 AS loaded FROM pg_background_list;
-- those of a job are its own
SHOW pg_background.default_queue_size;
SHOW pg_background.worker_timeout;

-- refused: out of range, 22023
\set VERBOSITY sqlstate
SET pg_background.max_workers = 0;
SET pg_background.max_workers = 1001;
SET pg_background.max_workers = 'many';
SET pg_background.default_queue_size = 0;
SET pg_background.default_queue_size = 1;
SET pg_background.default_queue_size = '257MB';
SET pg_background.default_queue_size = -1;
SET pg_background.worker_timeout = -1;
SET pg_background.worker_timeout = '1000000h';
SET pg_background.worker_idle_timeout = -1;
SET pg_background.worker_idle_timeout = '61min';
SET pg_background.max_workers_per_role = -1;
SET pg_background.max_queue_size = '257MB';
SET pg_background.max_queue_size = 1;
SET pg_background.launch_timeout = -1;
-- refused: a name that is none, from 15 on
\set VERBOSITY default
DO $$
DECLARE
    refused bool := false;
BEGIN
    BEGIN
        EXECUTE 'SET pg_background.no_such_setting = 1';
    EXCEPTION WHEN invalid_name OR undefined_object THEN
        refused := true;
    END;
    RAISE NOTICE 'as expected: %', refused = (current_setting('server_version_num')::int4 >= 150000);
END
$$;
-- the ends of the ranges are not refused
SET pg_background.max_workers = 1;
SET pg_background.max_workers = 1000;
RESET pg_background.max_workers;
SET pg_background.default_queue_size = '256MB';
RESET pg_background.default_queue_size;
SET pg_background.worker_timeout = 2147483647;
RESET pg_background.worker_timeout;
SET pg_background.worker_idle_timeout = '1h';
SET pg_background.worker_idle_timeout = 0;
RESET pg_background.worker_idle_timeout;
SET pg_background.launch_timeout = '10s';
RESET pg_background.launch_timeout;

-- who may set them: anyone, or superusers alone (42501)
SET ROLE regress_pgbg_user;
SET pg_background.max_workers = 2;
SET pg_background.default_queue_size = '128kB';
SET pg_background.worker_timeout = '1min';
SET pg_background.worker_idle_timeout = '1s';
SET pg_background.launch_timeout = '1s';
\set VERBOSITY sqlstate
SET pg_background.max_workers_per_role = 0;
SET pg_background.max_queue_size = '256MB';
SELECT set_config('pg_background.max_workers_per_role', '100', true);
-- in a job as little as here
SELECT sqlstate FROM pg_background_run_v2('SET pg_background.max_queue_size = ''256MB''');
SELECT sqlstate FROM pg_background_run_v2('SET pg_background.max_workers_per_role = 0');
\set VERBOSITY default
RESET ROLE;
RESET ALL;

--
-- max_workers: running ones of this session
--
SET pg_background.launch_timeout = 0;
SET pg_background.max_workers = 2;
BEGIN;
SELECT pg_advisory_xact_lock(4715);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(4715)', 0, 'a') \gset a_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(4715)', 0, 'b') \gset b_
SAVEPOINT s;
-- refused: one more, 53400, in whatever way
SELECT pg_background_launch_v2('SELECT 3');
ROLLBACK TO s;
\set VERBOSITY sqlstate
SELECT pg_background_launch('SELECT 3');
ROLLBACK TO s;
SELECT pg_background_submit_v2('SELECT 3', 0, 'c');
ROLLBACK TO s;
SELECT pg_background_run_v2('SELECT 3');
ROLLBACK TO s;
SELECT * FROM pg_background_run_query_v2('SELECT 3') AS (n int4);
ROLLBACK TO s;
-- a detached one counts as long as it runs
SELECT pg_background_detach_v2(:a_pid, :a_cookie);
SELECT pg_background_launch_v2('SELECT 3');
ROLLBACK TO s;
\set VERBOSITY default
-- a setting that allows more takes effect at once; one that allows less stops nobody
SET LOCAL pg_background.max_workers = 3;
SELECT * FROM pg_background_run_query_v2('SELECT 3') AS (n int4);
SET LOCAL pg_background.max_workers = 1;
SELECT label, state IN ('starting', 'running') AS runs FROM pg_background_list;
COMMIT;
SELECT pg_background_wait_v2(:b_pid, :b_cookie);
SELECT state FROM pg_background_outcome_v2(:b_pid, :b_cookie);
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN (SELECT workers_active FROM pg_background_stats_v2()) = 0;
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
-- finished ones do not count
SELECT completed FROM pg_background_run_v2('SELECT 3');
SELECT pg_background_detach_all_v2();
-- a job has a limit of its own
SELECT * FROM pg_background_run_query_v2('SELECT n FROM pg_background_run_query_v2(''SHOW pg_background.max_workers'') AS (n text)') AS (n text);
RESET pg_background.max_workers;

--
-- queue sizes
--
SELECT min_val AS smallest, min_val::int4 - 1 AS too_small FROM pg_settings WHERE name = 'pg_background.default_queue_size' \gset
-- the least and much
SELECT * FROM pg_background_run_query_v2('SELECT 1', :smallest) AS (n int4);
SELECT * FROM pg_background_run_query_v2('SELECT 1', 32 * 1024 * 1024) AS (n int4);
SELECT * FROM pg_background_run_query_v2('SELECT repeat(''x'', 100000)', :smallest + 3) AS (x text) WHERE length(x) <> 100000;
-- refused: out of range, 22023
\set VERBOSITY sqlstate
SELECT pg_background_launch_v2('SELECT 1', :too_small);
SELECT pg_background_launch_v2('SELECT 1', 1);
SELECT pg_background_launch_v2('SELECT 1', -1);
SELECT pg_background_launch_v2('SELECT 1', -2147483648);
SELECT pg_background_launch_v2('SELECT 1', 256 * 1024 * 1024 + 1);
SELECT pg_background_launch_v2('SELECT 1', 2147483647);
SELECT pg_background_launch('SELECT 1', -1);
SELECT pg_background_submit_v2('SELECT 1', -1);
-- refused: more than max_queue_size
SET pg_background.max_queue_size = '1MB';
SELECT pg_background_launch_v2('SELECT 1', 1024 * 1024 + 1);
\set VERBOSITY default
-- the smallest is 44 bytes where addresses have 32 bits
DO $$
DECLARE
    detail text;
BEGIN
    PERFORM pg_background_launch_v2('SELECT 1', 2000000);
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RAISE NOTICE '%. %', SQLERRM, regexp_replace(detail, 'between (44|64)', 'between the smallest');
END
$$;
SELECT * FROM pg_background_run_query_v2('SELECT 1', 1024 * 1024) AS (n int4);
-- a default beyond it is cut down
SET pg_background.default_queue_size = '2MB';
SELECT * FROM pg_background_run_query_v2('SELECT 1') AS (n int4);
SET pg_background.max_queue_size = '16kB';
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
SELECT queue_size FROM pg_background_list;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
RESET pg_background.max_queue_size;
RESET pg_background.default_queue_size;
-- an ordinary user is bound by it, through a definer's SET as well
SET pg_background.max_queue_size = '1MB';
SET ROLE regress_pgbg_user;
\set VERBOSITY sqlstate
SELECT pg_background_launch_v2('SELECT 1', 2000000);
\set VERBOSITY default
RESET ROLE;
RESET pg_background.max_queue_size;

--
-- max_workers_per_role: running ones of all sessions of the role that logged in
--
SET pg_background.launch_timeout = 0;
SET pg_background.max_workers_per_role = 1;
BEGIN;
SELECT pg_advisory_xact_lock(4716);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(4716)') \gset
SAVEPOINT s;
-- refused: one more, 53400; a role set makes no difference
\set VERBOSITY sqlstate
SELECT 'launched' FROM pg_background_launch_v2('SELECT 2');
ROLLBACK TO s;
SET LOCAL ROLE regress_pgbg_user;
SELECT 'launched' FROM pg_background_launch_v2('SELECT 2');
ROLLBACK TO s;
\set VERBOSITY default
RESET pg_background.max_workers_per_role;
SELECT * FROM pg_background_run_query_v2('SELECT 2') AS (n int4);
COMMIT;
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);

--
-- worker_timeout: the whole job; 57014
--
SET pg_background.worker_timeout = '100ms';
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(0.08); SELECT pg_sleep(600)') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, completed, has_error, sqlstate, error_message FROM pg_background_outcome_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x text);
SELECT pg_background_detach_v2(:pid, :cookie);
SELECT completed, timed_out, has_error, sqlstate FROM pg_background_run_v2('SELECT pg_sleep(600)');
SELECT * FROM pg_background_run_query_v2('SELECT pg_sleep(600)') AS (x text);
-- one that catches the cancel ends a second later
SELECT completed, timed_out, has_error, sqlstate FROM pg_background_run_v2($$
    DO $d$BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN END; END LOOP; END$d$ $$);
-- one that is fast enough, and one right after it
SET pg_background.worker_timeout = '500ms';
SELECT completed, has_error FROM pg_background_run_v2('SET pg_background.worker_timeout = 0; SELECT 1');
RESET pg_background.worker_timeout;
SELECT completed, has_error FROM pg_background_run_v2('SELECT pg_sleep(0.6)');
SELECT workers_timed_out FROM pg_background_stats_v2();

--
-- statement_timeout: each statement, and a SET counts from the next one on
--
SET statement_timeout = '300ms';
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)', 0, 'of the session') \gset
RESET statement_timeout;
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, sqlstate, error_message FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
SELECT sqlstate, error_message FROM pg_background_run_v2('SET statement_timeout = ''50ms''; SELECT pg_sleep(600)');
SELECT sqlstate, error_message FROM pg_background_run_v2('SET statement_timeout = ''800ms''; SELECT pg_sleep(0.3); SELECT pg_sleep(0.3); SELECT pg_sleep(0.3)');
SELECT sqlstate, error_message FROM pg_background_run_v2('SET LOCAL statement_timeout = ''500ms''; SET statement_timeout = 0; SELECT pg_sleep(0.6)');
-- other timeouts of the server
SELECT sqlstate FROM pg_background_run_v2('SET idle_in_transaction_session_timeout = ''10ms''; SELECT pg_sleep(0.05)');
BEGIN;
SELECT pg_advisory_xact_lock(4717);
SELECT sqlstate FROM pg_background_run_v2('SET lock_timeout = ''50ms''; SELECT pg_advisory_xact_lock(4717)');
COMMIT;

-- warm workers or none: the same
SET pg_background.worker_idle_timeout = 0;
SELECT a.pid <> b.pid AS another FROM pg_background_run_v2('SELECT 1') a, pg_background_run_v2('SELECT 2') b;
RESET pg_background.worker_idle_timeout;
SELECT count(*) FROM pg_background_list;
DROP ROLE regress_pgbg_user;
