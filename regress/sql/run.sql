--
-- run_v2 and run_query_v2: launch, wait, look and detach in one call.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_run (id int4 PRIMARY KEY);

-- success
SELECT r.pid <> pg_backend_pid() AS other_process, r.completed, r.timed_out, r.has_error, r.row_count, r.command_tag,
       r.sqlstate, r.error_message, r.elapsed_ms BETWEEN 0 AND 60000 AS elapsed
FROM pg_background_run_v2('INSERT INTO regress_pgbg_run SELECT generate_series(1, 3)') AS r;
SELECT completed, row_count, command_tag FROM pg_background_run_v2(sql => 'SELECT * FROM regress_pgbg_run', queue_size => 65536, timeout_ms => 60000, label => 'run');
SELECT completed, row_count, command_tag FROM pg_background_run_v2('SELECT * FROM generate_series(1, 200000)');
SELECT completed, row_count, command_tag IS NULL AS no_tag FROM pg_background_run_v2('');
-- it rolls back with nobody, and is forgotten
BEGIN;
SELECT completed FROM pg_background_run_v2('INSERT INTO regress_pgbg_run VALUES (4)');
ROLLBACK;
SELECT count(*) FROM regress_pgbg_run;
SELECT count(*) FROM pg_background_list;

-- an error is told, not raised
SELECT completed, timed_out, has_error, row_count, command_tag, sqlstate, error_message
FROM pg_background_run_v2('INSERT INTO regress_pgbg_run VALUES (1)');
SELECT completed, timed_out, has_error, sqlstate, error_message FROM pg_background_run_v2('SELEC');
SELECT completed, timed_out, has_error, sqlstate, error_message FROM pg_background_run_v2('ROLLBACK');

-- its time is over: the job is cancelled, and nothing of it stays
SELECT completed, timed_out, has_error, sqlstate, elapsed_ms BETWEEN 50 AND 60000 AS elapsed
FROM pg_background_run_v2('INSERT INTO regress_pgbg_run VALUES (5); SELECT pg_sleep(600)', 0, 50);
SELECT count(*) FROM regress_pgbg_run WHERE id = 5;
SELECT workers_active FROM pg_background_stats_v2();
-- a job that does not mind being cancelled is ended after a second
SELECT completed, timed_out, has_error, elapsed_ms BETWEEN 1000 AND 60000 AS elapsed
FROM pg_background_run_v2($$
    DO $d$BEGIN
        LOOP
            BEGIN
                PERFORM pg_sleep(600);
            EXCEPTION WHEN query_canceled THEN
            END;
        END LOOP;
    END$d$ $$, 0, 300);
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN (SELECT workers_active FROM pg_background_stats_v2()) = 0;
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
SELECT workers_active FROM pg_background_stats_v2();
SELECT count(*) FROM pg_background_list;

-- the caller is cancelled: so is the job
SET statement_timeout = '100ms';
SELECT pg_background_run_v2('SET statement_timeout = 0; SELECT pg_sleep(600)');
SELECT * FROM pg_background_run_query_v2('SET statement_timeout = 0; SELECT pg_sleep(600)') AS (x text);
RESET statement_timeout;
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN (SELECT workers_active FROM pg_background_stats_v2()) = 0;
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
SELECT workers_active FROM pg_background_stats_v2();
SELECT count(*) FROM pg_background_list;

-- a job that succeeds although its time is over has committed: that is told, not a time-out
CREATE TABLE regress_pgbg_survivors (how text);
CREATE FUNCTION regress_pgbg_survive(how text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM pg_sleep(600);
    EXCEPTION WHEN query_canceled THEN
        INSERT INTO regress_pgbg_survivors VALUES (how);
    END;
    RETURN 0;
END
$$;
SELECT completed, timed_out, has_error, sqlstate FROM pg_background_run_v2($$SELECT regress_pgbg_survive('run')$$, timeout_ms => 1000);
SELECT * FROM pg_background_run_query_v2($$DO 'BEGIN PERFORM regress_pgbg_survive(''tag''); END'$$, timeout_ms => 1000) AS (tag text);
-- one whose rows come before, one whose rows come after
SELECT count(*), sum(i + n) FROM pg_background_run_query_v2(
    $$SELECT i, CASE i WHEN 4000 THEN regress_pgbg_survive('rows') ELSE 1 END FROM generate_series(1, 4000) i$$, timeout_ms => 1000) AS (i int, n int);
SELECT * FROM pg_background_run_query_v2($$SELECT regress_pgbg_survive('row')$$, timeout_ms => 1000) AS (n text);
SELECT how FROM regress_pgbg_survivors ORDER BY how;
-- one that does not
\set VERBOSITY sqlstate
SELECT * FROM pg_background_run_query_v2('SELECT pg_sleep(600)', timeout_ms => 100) AS (n text);
\set VERBOSITY default
DROP FUNCTION regress_pgbg_survive;
DROP TABLE regress_pgbg_survivors;

-- messages of the job are not passed on by run_v2, but they are by run_query_v2
SELECT completed FROM pg_background_run_v2('DO $$BEGIN RAISE NOTICE ''unheard''; END$$');
SELECT * FROM pg_background_run_query_v2('DO $$BEGIN RAISE NOTICE ''heard''; END$$') AS (tag text);

--
-- with rows
--
SELECT * FROM pg_background_run_query_v2('TABLE regress_pgbg_run') AS (id int4) ORDER BY id;
SELECT * FROM pg_background_run_query_v2('SELECT 1, ''two''::text, NULL::date', 65536, 60000, 'label') AS (one int4, two text, three date);
SELECT * FROM pg_background_run_query_v2(sql => 'DELETE FROM regress_pgbg_run WHERE id > 2 RETURNING *') AS (id int4) ORDER BY id;
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_run VALUES (30)') AS (tag text);
SELECT count(*), sum(i) FROM pg_background_run_query_v2('SELECT generate_series(1, 200000)') AS (i int4);
-- col_def repeats the AS list
SELECT * FROM pg_background_run_query_v2('SELECT 1, ''two''::text', col_def => 'a int4, b text') AS (a int4, b text);
SELECT * FROM pg_background_run_query_v2('SELECT 1', col_def => NULL) AS (a int4);
-- in a function, joined, limited, correlated
CREATE FUNCTION pg_temp.rows() RETURNS SETOF int4 LANGUAGE sql AS $$ SELECT * FROM pg_background_run_query_v2('VALUES (1), (2)') AS (n int4) $$;
SELECT * FROM pg_temp.rows();
SELECT a.n, b.n FROM pg_background_run_query_v2('VALUES (1), (2)') AS a(n int4) JOIN pg_background_run_query_v2('VALUES (2), (3)') AS b(n int4) USING (n);
SELECT * FROM pg_background_run_query_v2('SELECT generate_series(1, 1000)') AS (n int4) LIMIT 2;
SELECT i, n FROM generate_series(1, 3) i, LATERAL pg_background_run_query_v2('SELECT 10 * ' || i) AS r(n int4) ORDER BY i;
SELECT ARRAY(SELECT n FROM pg_background_run_query_v2('VALUES (1), (2)') AS r(n int4) ORDER BY n);
-- nested: a job that runs jobs
SELECT * FROM pg_background_run_query_v2($$SELECT n + 1 FROM pg_background_run_query_v2('SELECT n + 1 FROM pg_background_run_query_v2(''SELECT 1'') AS (n int4)') AS (n int4)$$) AS (n int4);

-- an error is raised as it was
SELECT * FROM pg_background_run_query_v2('SELECT 1 / 0') AS (n int4);
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_run VALUES (1) RETURNING id') AS (n int4);
-- refused: the columns do not fit, 42804
SELECT * FROM pg_background_run_query_v2('SELECT 1') AS (n int8);
SELECT * FROM pg_background_run_query_v2('SELECT 1, 2') AS (n int4);
-- refused: its time is over, 57014
\set VERBOSITY sqlstate
SELECT * FROM pg_background_run_query_v2('SELECT pg_sleep(600)', 0, 50) AS (x text);
SELECT * FROM pg_background_run_query_v2('SELECT i, pg_sleep(0.001) FROM generate_series(1, 1000000) i', 0, 100) AS (i int4, x text);
-- refused: a queue size out of range, 22023
SELECT pg_background_run_v2('SELECT 1', 1);
SELECT * FROM pg_background_run_query_v2('SELECT 1', -1) AS (n int4);
\set VERBOSITY default
-- nothing is left of any of them
SELECT count(*) FROM pg_background_list;
SELECT workers_active FROM pg_background_stats_v2();
DROP TABLE regress_pgbg_run;
