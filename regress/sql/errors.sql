--
-- An error of a job arrives as it was raised.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE SCHEMA regress_pgbg_err;
CREATE TABLE regress_pgbg_err.parent (id int4 CONSTRAINT parent_key PRIMARY KEY, n int4 NOT NULL DEFAULT 1 CONSTRAINT n_positive CHECK (n > 0));
CREATE TABLE regress_pgbg_err.child (parent int4 CONSTRAINT child_parent REFERENCES regress_pgbg_err.parent);
CREATE DOMAIN regress_pgbg_err.short AS text CONSTRAINT is_short CHECK (length(VALUE) < 5);
INSERT INTO regress_pgbg_err.parent VALUES (1);

-- Everything that a client may ask of an error, of a job's and of the same statement's own, side by side.
-- The context differs: the job's is its own.
CREATE FUNCTION pg_temp.raised(sql text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text; schema text; tab text; col text; con text; type text;
BEGIN
    BEGIN
        EXECUTE sql;
        RETURN NULL;
    EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
            schema = SCHEMA_NAME, tab = TABLE_NAME, col = COLUMN_NAME, con = CONSTRAINT_NAME, type = PG_DATATYPE_NAME;
    END;
    RETURN jsonb_build_object('sqlstate', state, 'message', message, 'detail', detail, 'hint', hint, 'schema', schema, 'table', tab, 'column', col, 'constraint', con, 'type', type);
END
$$;
CREATE FUNCTION pg_temp.compare(sql text, OUT sqlstate text, OUT same bool, OUT info_same bool) LANGUAGE plpgsql AS $$
DECLARE
    here jsonb := pg_temp.raised(sql);
    there jsonb := pg_temp.raised(format('SELECT * FROM pg_background_run_query_v2(%L) AS (x text)', sql));
    h pg_background_handle := pg_background_launch_v2(sql);
    e pg_background_error;
BEGIN
    PERFORM pg_background_wait_v2(h.pid, h.cookie);
    e := pg_background_error_info_v2(h.pid, h.cookie);
    PERFORM pg_background_detach_v2(h.pid, h.cookie);
    sqlstate := here ->> 'sqlstate';
    same := here = there;
    IF NOT same THEN RAISE NOTICE E'here:  %\nthere: %', here, there; END IF;
    info_same := (e.sqlstate, e.message, coalesce(e.detail, ''), coalesce(e.hint, ''), coalesce(e.schema_name, ''), coalesce(e.table_name, ''), coalesce(e.column_name, ''), coalesce(e.constraint_name, ''))
        = (here ->> 'sqlstate', here ->> 'message', here ->> 'detail', here ->> 'hint', here ->> 'schema', here ->> 'table', here ->> 'column', here ->> 'constraint');
END
$$;
SELECT sql, c.* FROM unnest(ARRAY[
    'SELECT 1 / 0', 'SELEC 1', 'SELECT nothing', 'SELECT * FROM nowhere', 'SELECT no_function(1)', 'SELECT ''x''::int4', 'SELECT ''2024-13-01''::date', 'SELECT 1 + ''a''::text',
    'INSERT INTO regress_pgbg_err.parent VALUES (1)', 'INSERT INTO regress_pgbg_err.parent VALUES (2, 0)', 'INSERT INTO regress_pgbg_err.parent VALUES (2, NULL)',
    'INSERT INTO regress_pgbg_err.child VALUES (99)', 'DELETE FROM regress_pgbg_err.parent; INSERT INTO regress_pgbg_err.child VALUES (1)',
    'SELECT ''too long''::regress_pgbg_err.short', 'CREATE TABLE regress_pgbg_err.parent ()', 'DROP SCHEMA regress_pgbg_err', 'SELECT lo_import(''/nowhere'')',
    'SELECT current_setting(''no.such.setting'')', 'SET work_mem = ''x''', 'SELECT json ''{"a": }''', 'SELECT length(E''\xff'')',
    'SELECT (SELECT generate_series(1, 2))', 'SELECT ARRAY[1, 2] || ARRAY[[1],[2]]', 'DO $$BEGIN ASSERT false, ''asserted''; END$$', 'DO $$BEGIN RAISE SQLSTATE ''12345''; END$$',
    'DO $$BEGIN RAISE EXCEPTION USING ERRCODE = ''ABCDE'', MESSAGE = ''m: größer €'', DETAIL = ''d: ü'', HINT = ''h: 𐍈'', SCHEMA = ''s'', TABLE = ''t'', COLUMN = ''c'', CONSTRAINT = ''k'', DATATYPE = ''y''; END$$',
    'DO $$BEGIN RAISE EXCEPTION ''''; END$$', 'DO $$BEGIN RAISE EXCEPTION E''line\nline\n\nline''; END$$', 'DO $$BEGIN RAISE query_canceled; END$$', 'DO $$BEGIN RAISE EXCEPTION ''%'', ''100%% %s %n''; END$$'
    ]) WITH ORDINALITY AS u(sql, n), pg_temp.compare(sql) AS c ORDER BY n;

-- as psql shows it: position and query of a syntax error, where the server's own error has a position in the statement
SELECT * FROM pg_background_run_query_v2('SELECT 1; SELEC 2; SELECT 3') AS (n int4);
SELECT * FROM pg_background_run_query_v2(E'SELECT größer,\n       "unbekannt €"\nFROM pg_class') AS (n int4);
SELECT * FROM pg_background_run_query_v2('SELECT 1 +') AS (n int4);
-- in a function: the function's query is the internal one
CREATE FUNCTION regress_pgbg_err.inner_error(n int4) RETURNS int4 LANGUAGE plpgsql AS $$BEGIN RETURN 1 / n + (SELECT missing FROM nowhere); END$$;
CREATE FUNCTION regress_pgbg_err.outer_error(n int4) RETURNS int4 LANGUAGE sql AS $$ SELECT regress_pgbg_err.inner_error(n) + 1 $$;
SELECT * FROM pg_background_run_query_v2('SELECT regress_pgbg_err.outer_error(0)') AS (n int4);
SELECT * FROM pg_background_run_query_v2('SELECT regress_pgbg_err.outer_error(1)') AS (n int4);
-- the context of the place where the result is read comes after the job's own
DO $$
BEGIN
    PERFORM * FROM pg_background_run_query_v2('SELECT regress_pgbg_err.outer_error(0)') AS (n int4);
END
$$;
-- CONTEXT: what the job has there, the job, and what is around the place where the result is read
CREATE FUNCTION pg_temp.context_of(sql text, label text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    context text;
BEGIN
    PERFORM * FROM pg_background_run_query_v2(sql, label => label) AS (n int4);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
    RETURN regexp_replace(regexp_replace(context, '\(PID \d+\)', '(PID n)', 'g'), 'pg_temp_\d+', 'pg_temp', 'g');
END
$$;
SELECT pg_temp.context_of('SELECT 1 / 0');
SELECT pg_temp.context_of('SELECT 1 / 0', 'größer "€"');
SELECT pg_temp.context_of('SELECT regress_pgbg_err.outer_error(0)', 'nightly');
SELECT pg_temp.context_of('SELECT * FROM pg_background_run_query_v2(''SELECT 1 / 0'', label => ''inner'') AS (n int4)', 'outer');
-- but not in what is asked for the job's own context
SELECT pid, cookie FROM pg_background_launch_v2('SELECT regress_pgbg_err.outer_error(0)', 0, 'nightly') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT context FROM pg_background_error_info_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
-- caught by who reads it
DO $$
BEGIN
    PERFORM * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_err.parent VALUES (1)') AS (tag text);
EXCEPTION WHEN unique_violation THEN
    RAISE NOTICE 'caught: %', SQLERRM;
END
$$;
-- from a job of a job
SELECT * FROM pg_background_run_query_v2('SELECT * FROM pg_background_run_query_v2(''SELECT 1 / 0'') AS (n int4)') AS (n int4);

-- notices and warnings, in order, with all their parts, before the error
SELECT * FROM pg_background_run_query_v2($$
    DO $d$BEGIN
        RAISE NOTICE 'first: größer €' USING DETAIL = 'A detail.', HINT = 'A hint.';
        RAISE WARNING 'second';
        RAISE INFO 'third';
        RAISE DEBUG 'not at this level';
        RAISE EXCEPTION 'last';
    END$d$ $$) AS (tag text);
SET client_min_messages = error;
SELECT * FROM pg_background_run_query_v2('DO $$BEGIN RAISE WARNING ''not at this level''; END$$') AS (tag text);
SET client_min_messages = debug1;
SELECT * FROM pg_background_run_query_v2('DO $$BEGIN RAISE DEBUG ''at this level''; END$$') AS (tag text);
RESET client_min_messages;
SELECT * FROM pg_background_run_query_v2('CREATE TABLE IF NOT EXISTS regress_pgbg_err.parent ()') AS (tag text);

--
-- the outcome stays readable after the error, until it is detached
--
SELECT pid, cookie FROM pg_background_launch_v2('INSERT INTO regress_pgbg_err.parent VALUES (1)', 0, 'failing') \gset
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (tag text);
SELECT state, consumed, completed, has_error, sqlstate, error_message, label FROM pg_background_outcome_v2(:pid, :cookie);
SELECT sqlstate, message, detail, schema_name, table_name, column_name, constraint_name FROM pg_background_error_info_v2(:pid, :cookie);
SELECT last_error, consumed FROM pg_background_list;
SELECT pg_background_status_v2(:pid, :cookie) ->> 'error_message' AS status;
-- in an aborted transaction that was rolled back
BEGIN;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 / 0') \gset
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
ROLLBACK;
SELECT sqlstate, consumed FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_purge_v2();

--
-- long texts: whole of a launched job, cut at a character boundary of a submitted one
--
CREATE FUNCTION pg_temp.long_error(submitted bool, message text, detail text, hint text, OUT message_bytes int4, OUT detail_bytes int4, OUT hint_bytes int4, OUT starts bool, OUT whole bool)
LANGUAGE plpgsql AS $$
DECLARE
    sql text := format('DO $d$BEGIN RAISE EXCEPTION USING MESSAGE = %L, DETAIL = %L, HINT = %L; END$d$', message, detail, hint);
    h pg_background_handle;
    e pg_background_error;
BEGIN
    IF submitted THEN h := pg_background_submit_v2(sql); ELSE h := pg_background_launch_v2(sql); END IF;
    PERFORM pg_background_wait_v2(h.pid, h.cookie);
    e := pg_background_error_info_v2(h.pid, h.cookie);
    PERFORM pg_background_detach_v2(h.pid, h.cookie);
    message_bytes := octet_length(e.message);
    detail_bytes := octet_length(e.detail);
    hint_bytes := octet_length(e.hint);
    starts := starts_with(message, e.message) AND starts_with(detail, e.detail) AND starts_with(hint, e.hint);
    whole := (e.message, e.detail, e.hint) = (message, detail, hint);
END
$$;
SELECT n, l.* FROM unnest(ARRAY[1, 1000, 5000, 100000, 3000000]) AS n, pg_temp.long_error(false, repeat('m', n), repeat('d', n), repeat('h', n)) AS l ORDER BY n;
SELECT n, l.* FROM unnest(ARRAY[1, 1000, 5000, 33333]) AS n, pg_temp.long_error(false, 'a' || repeat('€', n), repeat('ß', n), 'ab' || repeat('𐍈', n)) AS l ORDER BY n;
-- cut: less than all, at least 500 bytes, no half character (which would not be a text at all)
SELECT n, l.starts, l.whole, l.message_bytes BETWEEN 500 AND n * 4 AS some FROM unnest(ARRAY[5000, 5001, 5002, 5003, 100000]) AS n, pg_temp.long_error(true, repeat('x', n % 10) || repeat('€', n), repeat('ß', n), repeat('𐍈', n)) AS l ORDER BY n;
SELECT l.* FROM pg_temp.long_error(true, 'short', 'brief', 'little') AS l;
-- raised by the result, whole
SELECT length(pg_temp.raised('SELECT * FROM pg_background_run_query_v2(''DO $d$BEGIN RAISE EXCEPTION ''''%'''', repeat(''''m'''', 100000); END$d$'') AS (x text)') ->> 'message');
-- after more rows than the queue holds
SELECT pid, cookie FROM pg_background_launch_v2('SELECT CASE WHEN i = 20000 THEN 1 / 0 ELSE i END, repeat(''x'', 100) FROM generate_series(1, 20000) i', 65536) \gset
SELECT count(*) FROM pg_background_result_v2(:pid, :cookie) AS (i int4, x text);
SELECT state, row_count, consumed FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);

SET client_min_messages = warning;
DROP SCHEMA regress_pgbg_err CASCADE;
RESET client_min_messages;
SELECT count(*) FROM pg_background_list;

-- a job that fails after some of its rows were sent, with any number of them on their way: its own error
SELECT sqlstate, count(*) FROM generate_series(1, 9) AS n, LATERAL (SELECT sqlstate FROM pg_background_run_v2(format(
    'SELECT count(*) FROM pg_background_run_query_v2(%L) AS (a int4)', format('SELECT 1 / (%s - i) FROM generate_series(1, 10000) AS i', 1000 * n)))) AS r GROUP BY 1;
SELECT count(*) FROM pg_background_run_query_v2('SELECT i FROM generate_series(1, 10) AS i') AS (a int4);
SELECT count(*) FROM pg_background_run_query_v2('SELECT 1 / (5000 - i) FROM generate_series(1, 5000) AS i') AS (a int4);
SELECT count(*) FROM pg_background_run_query_v2('SELECT 1 / (2000 - i) FROM generate_series(1, 5000) AS i') AS (a int4);
