--
-- The functions of version 1: a job is named by the bare process ID. SQL version 1.11 has them as they were.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\set here :DBNAME
CREATE DATABASE regress_pgbg_v1;
\c regress_pgbg_v1
CREATE EXTENSION pg_background VERSION '1.11';
RESET client_min_messages;

-- what it consists of
CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_background';
SELECT t.typname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) AS columns
FROM pg_type t JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
     JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c' JOIN pg_attribute a ON a.attrelid = c.oid
GROUP BY 1 ORDER BY t.typname COLLATE "C";
SELECT p.proname, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result, p.proisstrict AS strict,
       has_function_privilege('pgbackground_role', p.oid, 'EXECUTE') AS role
FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
ORDER BY p.proname COLLATE "C", p.pronargs;
SELECT c.relname, string_agg(a.attname, ', ' ORDER BY a.attnum) AS columns
FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
GROUP BY 1 ORDER BY 1;
CREATE TABLE regress_pgbg_v1 (id int4);

-- a job returns the rows of its query
SELECT * FROM pg_background_result(pg_background_launch('SELECT 1')) AS (one int4);
SELECT * FROM pg_background_result(pg_background_launch('SELECT i, i * i AS square FROM generate_series(1, 3) i', 65536))
    AS (i int4, square int4) ORDER BY i;

-- a job without rows returns its command tag
SELECT * FROM pg_background_result(pg_background_launch('INSERT INTO regress_pgbg_v1 SELECT generate_series(1, 5)'))
    AS (tag text);
SELECT * FROM pg_background_result(pg_background_launch('TRUNCATE regress_pgbg_v1')) AS (result text);
SELECT count(*) FROM regress_pgbg_v1;

-- the process ID is that of another process of this database
SELECT pg_background_launch('SELECT pg_backend_pid(), current_database()::text, current_user::text') AS pid \gset
SELECT :pid <> pg_backend_pid() AS other_process;
SELECT worker = :pid AS same, database = current_database() AS database, who = current_user AS who
FROM pg_background_result(:pid) AS (worker int4, database text, who text);

-- the list shows them with cookie 0
SELECT pg_background_launch('SELECT ''listed''') AS pid \gset
SELECT pid = :pid AS pid, cookie, sql_preview FROM pg_background_list;

-- and the other functions take them so
SELECT pg_background_wait_v2(:pid, 0);
SELECT pg_background_full_sql_v2(:pid, 0);
SELECT state, command_tag, row_count FROM pg_background_outcome_v2(:pid, 0);
SELECT * FROM pg_background_result_v2(:pid, 0) AS (what text);

-- refused: the result was consumed, 42704
\set VERBOSITY sqlstate
SELECT * FROM pg_background_result(:pid) AS (what text);

-- refused: detached, 42704
SELECT pg_background_launch('SELECT 1') AS pid \gset
SELECT pg_background_detach(:pid);
SELECT * FROM pg_background_result(:pid) AS (one int4);
SELECT pg_background_detach(:pid);

-- refused: never launched, 42704
SELECT pg_background_detach(0);
SELECT pg_background_detach(pg_backend_pid());
SELECT * FROM pg_background_result(-1) AS (one int4);
SELECT * FROM pg_background_result(2147483647) AS (one int4);

-- refused: a record function outside FROM, 0A000
SELECT pg_background_launch('SELECT 1') AS pid \gset
SELECT pg_background_result(:pid);
-- refused: no column definition list, 42601
SELECT * FROM pg_background_result(:pid);
-- neither consumed anything
SELECT * FROM pg_background_result(:pid) AS (one int4);

-- a null process ID: no rows, no job
SELECT * FROM pg_background_result(NULL) AS (one int4);
SELECT pg_background_detach(NULL) IS NULL AS is_null;
-- refused: null SQL, 22004
SELECT pg_background_launch(NULL);
\set VERBOSITY default

-- an error of the job is raised by the result, as it was
SELECT pg_background_launch('SELECT 1 / 0') AS pid \gset
SELECT * FROM pg_background_result(:pid) AS (quotient int4);

-- a detached job goes on
SELECT pg_background_detach(pg_background_launch('INSERT INTO regress_pgbg_v1 VALUES (6)'));
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN EXISTS (SELECT FROM regress_pgbg_v1);
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
TABLE regress_pgbg_v1;

-- an autonomous transaction: the row stays although the caller rolls back
BEGIN;
SELECT * FROM pg_background_result(pg_background_launch('INSERT INTO regress_pgbg_v1 VALUES (7)')) AS (tag text);
ROLLBACK;
TABLE regress_pgbg_v1 ORDER BY id;

-- several at a time, in any order
SELECT pg_background_launch('SELECT 1') AS one, pg_background_launch('SELECT 2') AS two,
       pg_background_launch('SELECT 3') AS three \gset
SELECT * FROM pg_background_result(:three) AS (n int4);
SELECT * FROM pg_background_result(:one) AS (n int4);
SELECT * FROM pg_background_result(:two) AS (n int4);

SELECT pg_background_detach_all_v2() AS failed_one;

-- the shapes of 1.11: row types by the names of their columns, whatever version the library is of
SELECT pid > 0 AS pid, completed, timed_out, has_error, row_count, command_tag, sqlstate, error_message, elapsed_ms >= 0 AS elapsed
FROM pg_background_run_v2('SELECT 1', label => 'run');
SELECT completed, timed_out, has_error, sqlstate FROM pg_background_run_v2('SELECT pg_sleep(600)', timeout_ms => 10);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_background_progress(70, ''here''); SELECT 1', 0, 'shapes') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_typeof(pg_background_wait_v2(:pid, :cookie)), pg_background_wait_v2_timeout(:pid, :cookie, 0), pg_background_cancel_v2(:pid, :cookie);
SELECT * FROM pg_background_get_progress_v2(:pid, :cookie);
SELECT pid = :pid AS pid, cookie = :cookie AS cookie, state, consumed, completed, has_error, row_count, command_tag, sqlstate, error_message, label, launched_at <= now() AS at
FROM pg_background_outcome_v2(pid => :pid, cookie => :cookie);
SELECT pg_background_status_v2(pid => :pid, cookie => :cookie) ->> 'state' AS state;
SELECT row_count, command_tag, completed, has_error, started_at <= finished_at AS in_order FROM pg_background_result_info_v2(:pid, :cookie);
SELECT count(*) FROM pg_background_drain_v2(ARRAY[ROW(:pid, :cookie)]::pg_background_handle[]);
SELECT pid, cookie FROM pg_background_submit_v2('SELECT 1 / 0') \gset
SELECT pg_background_wait_any_v2(ARRAY[ROW(:pid, :cookie)]::pg_background_handle[]) = ROW(:pid, :cookie)::pg_background_handle AS it;
SELECT sqlstate, message, detail, hint, context, schema_name, table_name, column_name, constraint_name FROM pg_background_error_info_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
SELECT pg_background_progress(1);
SELECT workers_launched > workers_completed AS launched, workers_failed, workers_canceled, workers_active, avg_execution_ms > 0 AS average, max_workers, workers_timed_out
FROM pg_background_stats_v2();
SELECT count(*) FROM pg_background_list;
DROP TABLE regress_pgbg_v1;
\c :here
SET client_min_messages = warning;
-- the worker of a detached job may still be leaving
DROP DATABASE regress_pgbg_v1;
