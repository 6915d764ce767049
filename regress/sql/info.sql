--
-- Looking at a job without consuming it: result_info, error_info, outcome, status, full_sql.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

-- a job that runs
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)', 65536, 'sleeper') \gset
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN (SELECT state FROM pg_background_list) = 'running';
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
SELECT i.row_count, i.command_tag, i.completed, i.has_error, i.finished_at FROM pg_background_result_info_v2(:pid, :cookie) AS i;
SELECT pg_background_error_info_v2(:pid, :cookie) IS NULL AS none;
SELECT o.pid = :pid AS pid, o.cookie = :cookie AS cookie, o.state, o.consumed, o.completed, o.has_error, o.row_count, o.command_tag,
       o.sqlstate, o.error_message, o.label, o.launched_at <= clock_timestamp() AS launched
FROM pg_background_outcome_v2(:pid, :cookie) AS o;
SELECT pg_background_cancel_v2(:pid, :cookie);
SELECT pg_background_wait_v2(:pid, :cookie);

-- canceled
SELECT i.row_count, i.command_tag, i.completed, i.has_error, i.started_at <= i.finished_at AS in_order
FROM pg_background_result_info_v2(:pid, :cookie) AS i;
SELECT * FROM pg_background_error_info_v2(:pid, :cookie);
SELECT o.state, o.consumed, o.completed, o.has_error, o.sqlstate, o.error_message, o.label FROM pg_background_outcome_v2(:pid, :cookie) AS o;
SELECT pg_background_detach_v2(:pid, :cookie);

-- succeeded
SELECT clock_timestamp() AS before \gset
SELECT pid, cookie FROM pg_background_launch_v2('SELECT generate_series(1, 7)') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT i.row_count, i.command_tag, i.completed, i.has_error,
       i.started_at BETWEEN :'before' AND clock_timestamp() AS started, i.finished_at BETWEEN i.started_at AND clock_timestamp() AS finished
FROM pg_background_result_info_v2(:pid, :cookie) AS i;
SELECT pg_background_error_info_v2(:pid, :cookie) IS NULL AS none;
SELECT o.state, o.consumed, o.completed, o.has_error, o.row_count, o.command_tag, o.sqlstate, o.error_message, o.label
FROM pg_background_outcome_v2(:pid, :cookie) AS o;
-- as JSON: the same
SELECT pg_background_status_v2(:pid, :cookie) = to_jsonb(o) AS same, jsonb_typeof(pg_background_status_v2(:pid, :cookie)) AS type
FROM pg_background_outcome_v2(:pid, :cookie) AS o;
SELECT pg_background_status_v2(:pid, :cookie) - '{pid,cookie,launched_at}'::text[] AS status;
SELECT jsonb_object_keys(pg_background_status_v2(:pid, :cookie)) AS key ORDER BY key;
-- none of this consumed anything
SELECT count(*), sum(n) FROM pg_background_result_v2(:pid, :cookie) AS (n int4);

-- the row count and tag are those of the last statement
\pset null '(null)'
CREATE TABLE regress_pgbg_info (id int4);
CREATE FUNCTION pg_temp.info(sql text, OUT row_count int8, OUT command_tag text, OUT completed bool, OUT has_error bool) LANGUAGE plpgsql AS $$
DECLARE
    h pg_background_handle := pg_background_launch_v2(sql);
BEGIN
    PERFORM pg_background_wait_v2(h.pid, h.cookie);
    SELECT i.row_count, i.command_tag, i.completed, i.has_error INTO row_count, command_tag, completed, has_error
    FROM pg_background_result_info_v2(h.pid, h.cookie) i;
    PERFORM pg_background_detach_v2(h.pid, h.cookie);
END
$$;
SELECT sql, i.* FROM unnest(ARRAY[
    'INSERT INTO regress_pgbg_info SELECT generate_series(1, 10)',
    'UPDATE regress_pgbg_info SET id = id + 1 WHERE id > 7',
    'UPDATE regress_pgbg_info SET id = id - 1 WHERE id > 7 RETURNING id',
    'DELETE FROM regress_pgbg_info WHERE id < 3',
    'SELECT * FROM regress_pgbg_info; DELETE FROM regress_pgbg_info WHERE id = 3',
    'DELETE FROM regress_pgbg_info WHERE id = 4; SELECT 1; SELECT * FROM regress_pgbg_info',
    'SELECT FROM regress_pgbg_info WHERE false',
    'TABLE regress_pgbg_info', 'VALUES (1), (2)', 'SHOW work_mem', 'EXPLAIN (COSTS OFF) SELECT 1',
    'CREATE TABLE regress_pgbg_info_as AS SELECT 1 UNION SELECT 2', 'DROP TABLE regress_pgbg_info_as',
    'DO $$BEGIN END$$', 'SET work_mem = ''1MB''', 'TRUNCATE regress_pgbg_info', '', ';', '-- nothing', 'SELECT 1 / 0', 'SELEC']) WITH ORDINALITY AS u(sql, n),
    pg_temp.info(sql) AS i ORDER BY n;
DROP TABLE regress_pgbg_info;
\pset null ''

-- an error: everything about it, before and after the result raised it
SELECT pid, cookie FROM pg_background_launch_v2($$
    DO $d$BEGIN RAISE EXCEPTION USING ERRCODE = 'P4711', MESSAGE = 'the message', DETAIL = 'The detail.', HINT = 'The hint.',
                SCHEMA = 'the_schema', TABLE = 'the_table', COLUMN = 'the_column', CONSTRAINT = 'the_constraint'; END$d$ $$) \gset
SELECT pg_background_wait_v2(:pid, :cookie);
\x
SELECT * FROM pg_background_error_info_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x text);
SELECT * FROM pg_background_error_info_v2(:pid, :cookie);
\x
SELECT o.state, o.consumed, o.completed, o.has_error, o.sqlstate, o.error_message FROM pg_background_outcome_v2(:pid, :cookie) AS o;
SELECT i.completed, i.has_error, i.started_at <= i.finished_at AS in_order FROM pg_background_result_info_v2(:pid, :cookie) AS i;
-- refused: the result a second time, 42704
\set VERBOSITY sqlstate
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x text);
-- when it is detached, the server still knows the most of it
SELECT pg_background_detach_v2(:pid, :cookie);
SELECT pg_background_error_info_v2(:pid, :cookie);
SELECT i.completed, i.has_error, i.started_at <= i.finished_at AS in_order FROM pg_background_result_info_v2(:pid, :cookie) AS i;
SELECT o.pid = :pid AS pid, o.cookie = :cookie AS cookie, o.state, o.consumed, o.completed, o.has_error, o.row_count, o.sqlstate, o.error_message
FROM pg_background_outcome_v2(:pid, :cookie) AS o;
SELECT pg_background_status_v2(:pid, :cookie) - '{pid,cookie,launched_at}'::text[];
-- but its SQL was the session's
SELECT pg_background_full_sql_v2(:pid, :cookie);
-- refused: a handle that names nothing; outcome says NULL
SELECT pg_background_error_info_v2(1, 1);
SELECT pg_background_result_info_v2(1, 1);
\set VERBOSITY default
SELECT * FROM pg_background_outcome_v2(1, 1);
SELECT pg_background_status_v2(1, 1);

-- the whole SQL, however long, whatever is in it
SELECT pid, cookie FROM pg_background_launch_v2(E'SELECT /* größer €, 𐍈\t\n */ 1 -- \\ '' " $$') \gset
SELECT pg_background_full_sql_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
SELECT pid, cookie FROM pg_background_submit_v2('SELECT 1 --' || repeat('x', 1000000)) \gset
SELECT length(pg_background_full_sql_v2(:pid, :cookie)), md5(pg_background_full_sql_v2(:pid, :cookie)) = md5('SELECT 1 --' || repeat('x', 1000000)) AS same;
SELECT pg_background_detach_v2(:pid, :cookie);
