--
-- Many statements in one call.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_batch (id int4 PRIMARY KEY, note text);

-- the outcomes are in the order of the statements; an error is told, not raised
SELECT n, attempts, pid <> pg_backend_pid() AS other_process, state, completed, has_error, row_count, command_tag, sqlstate, error_message, label, timed_out, elapsed_ms BETWEEN 0 AND 60000 AS elapsed
FROM pg_background_run_all(ARRAY['INSERT INTO regress_pgbg_batch VALUES (1), (2)', 'SELECT 1/0', 'SELECT pg_sleep(0.1)', 'SELEC', ''], label => 'night');
SELECT * FROM regress_pgbg_batch ORDER BY id;
-- one statement and a record for each run of it
SELECT count(*), count(*) FILTER (WHERE state = 'stopped' AND attempts = 1 AND row_count = 1), min(n), max(n)
FROM pg_background_run_all(ARRAY['INSERT INTO regress_pgbg_batch VALUES ($1, $2)'], params => (SELECT array_agg(ROW(i, 'note ' || i)) FROM generate_series(11, 210) AS i), max_parallel => 4);
SELECT count(*), sum(id), count(DISTINCT note) FROM regress_pgbg_batch WHERE id > 10;
-- a record for each statement; rows of a named type are records as well
SELECT n, state, row_count FROM pg_background_run_all(ARRAY['DELETE FROM regress_pgbg_batch WHERE id <= $1', 'SELECT $1, $2', 'SELECT 1'], params => ARRAY[ROW(1), ROW(1, 2), NULL]);
SELECT n, state, row_count FROM pg_background_run_all(ARRAY['UPDATE regress_pgbg_batch SET note = $2 || ''!'' WHERE id = $1'], params => (SELECT array_agg(b ORDER BY id) FROM regress_pgbg_batch AS b WHERE id < 13));
SELECT note FROM regress_pgbg_batch WHERE id < 13 ORDER BY id;
-- nothing to do
SELECT count(*) FROM pg_background_run_all('{}');
SELECT count(*) FROM pg_background_run_all(ARRAY['SELECT 1'], params => '{}');
-- no more at a time than was asked for: how many runs began before this one ended, and were not over
CREATE TABLE regress_pgbg_times (began timestamptz, ended timestamptz);
SELECT count(*) FROM pg_background_run_all(array_fill('INSERT INTO regress_pgbg_times SELECT b, clock_timestamp() FROM (SELECT clock_timestamp() AS b, pg_sleep(0.03)) AS s'::text, ARRAY[12]), max_parallel => 3);
SELECT max(at_once) BETWEEN 2 AND 3 AS as_asked FROM (SELECT (SELECT count(*) FROM regress_pgbg_times AS o WHERE o.began <= t.began AND o.ended > t.began) AS at_once FROM regress_pgbg_times AS t) AS c;

-- the first failure ends the rest
SELECT n, attempts, state, completed, has_error, sqlstate FROM pg_background_run_all(ARRAY['SELECT pg_sleep(60)', 'SELECT 1/0', 'SELECT 3', 'SELECT 4'], max_parallel => 2, stop_on_error => true);
-- so does the end of the time
SELECT n, attempts, state, completed, has_error, sqlstate, timed_out FROM pg_background_run_all(ARRAY['SELECT 1', 'SELECT pg_sleep(60)', 'SELECT pg_sleep(60)', 'SELECT 4'], max_parallel => 1, timeout_ms => 300);
-- deadlocks and serialization failures are tried again, nothing else is
CREATE SEQUENCE regress_pgbg_tries;
CREATE FUNCTION regress_pgbg_fail(times int8, code text) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE tried int8 := nextval('regress_pgbg_tries');
BEGIN
    IF tried <= times THEN RAISE EXCEPTION 'try %', tried USING ERRCODE = code; END IF;
    RETURN tried;
END $$;
SELECT n, attempts, state, sqlstate FROM pg_background_run_all(ARRAY['SELECT regress_pgbg_fail(2, ''40001'')'], retries => 3);
SELECT setval('regress_pgbg_tries', 1, false);
SELECT n, attempts, state, sqlstate FROM pg_background_run_all(ARRAY['SELECT regress_pgbg_fail(9, ''40P01'')'], retries => 3);
SELECT setval('regress_pgbg_tries', 1, false);
SELECT n, attempts, state, sqlstate FROM pg_background_run_all(ARRAY['SELECT regress_pgbg_fail(9, ''40003'')'], retries => 3);
SELECT setval('regress_pgbg_tries', 1, false);
-- real ones: each takes two rows, some in the other order; and read-modify-write in SERIALIZABLE
CREATE TABLE regress_pgbg_counters AS SELECT i AS id, 0 AS n FROM generate_series(1, 2) AS i;
SET deadlock_timeout = '10ms';
SELECT count(*), count(*) FILTER (WHERE state = 'stopped') FROM pg_background_run_all(ARRAY['UPDATE regress_pgbg_counters SET n = n + 1 WHERE id = $1; SELECT pg_sleep(0.01); UPDATE regress_pgbg_counters SET n = n + 1 WHERE id = 3 - $1'],
    params => (SELECT array_agg(ROW(1 + i % 2)) FROM generate_series(1, 8) AS i), max_parallel => 4, retries => 100);
RESET deadlock_timeout;
SELECT * FROM regress_pgbg_counters ORDER BY id;
SET default_transaction_isolation = serializable;
SELECT count(*), count(*) FILTER (WHERE state = 'stopped'), sum(attempts) > 12 AS retried FROM pg_background_run_all(ARRAY['UPDATE regress_pgbg_counters SET n = (SELECT n FROM regress_pgbg_counters WHERE id = 1) + 1 FROM pg_sleep(0.02) WHERE id = 1'],
    params => (SELECT array_agg(ROW(i)) FROM generate_series(1, 12) AS i), max_parallel => 4, retries => 100);
RESET default_transaction_isolation;
SELECT n FROM regress_pgbg_counters WHERE id = 1;
DROP TABLE regress_pgbg_counters;
-- no more of them once something has failed for good, or the time is over
SELECT n, attempts > 0 AS tried, state IN ('error', 'canceled') AS ended, sqlstate IN ('40001', '57014', '22012') AS so FROM pg_background_run_all(ARRAY['SELECT regress_pgbg_fail(1000000, ''40001'')', 'SELECT 1/(1 - count(*)) FROM pg_sleep(0.2)'], retries => 1000000, stop_on_error => true, max_parallel => 2);
SELECT setval('regress_pgbg_tries', 1, false);
SELECT n, attempts > 0 AS tried, state IN ('error', 'canceled') AS ended FROM pg_background_run_all(ARRAY['SELECT regress_pgbg_fail(1000000, ''40001'')'], retries => 1000000, timeout_ms => 200);
-- an interrupted call leaves nothing running
SET statement_timeout = '300ms';
SELECT count(*) FROM pg_background_run_all(array_fill('SELECT pg_sleep(60)'::text, ARRAY[4]), max_parallel => 2);
RESET statement_timeout;
SELECT count(*) FROM pg_background_list;
DO $$ BEGIN FOR i IN 1..100 LOOP EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%sleep(60)%' AND backend_type = 'pg_background' AND state = 'active'); PERFORM pg_sleep(0.05); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$;
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%sleep(60)%' AND backend_type = 'pg_background' AND state = 'active';
-- less room than asked for: fewer run, all are done
SET pg_background.max_workers = 2;
SELECT count(*) FILTER (WHERE state = 'stopped') FROM pg_background_run_all(array_fill('SELECT pg_sleep(0.01)'::text, ARRAY[8]), max_parallel => 8);
SELECT count(*) FILTER (WHERE state = 'stopped') FROM pg_background_run_all(array_fill('SELECT pg_sleep(0.01)'::text, ARRAY[8]));
-- none at all
SELECT pid, cookie FROM pg_background_launch('SELECT pg_sleep(60)') \gset a_
SELECT pid, cookie FROM pg_background_launch('SELECT pg_sleep(60)') \gset b_
SET pg_background.launch_timeout = 0;
SELECT n FROM pg_background_run_all(ARRAY['SELECT 1']);
RESET pg_background.launch_timeout;
-- a call that has a time is over by then, though there is never a place
SELECT clock_timestamp() AS start \gset
SELECT n, attempts, state, timed_out FROM pg_background_run_all(ARRAY['SELECT 1', 'SELECT 2'], timeout_ms => 100);
\set VERBOSITY sqlstate
SELECT * FROM pg_background_query_all(NULL::int4, ARRAY['SELECT 1'], timeout_ms => 100);
SELECT state FROM pg_background_run('SELECT 1', timeout_ms => 100);
SELECT * FROM pg_background_query(NULL::int4, 'SELECT 1', timeout_ms => 100);
SELECT * FROM pg_background_query_json('SELECT 1', timeout_ms => 100);
\set VERBOSITY default
SELECT clock_timestamp() - :'start' < interval '8 s' AS in_time;
SELECT count(*) FROM pg_background_list;
SELECT pg_background_cancel(:a_pid, :a_cookie), pg_background_cancel(:b_pid, :b_cookie);
SELECT count(*) FROM pg_background_drain_all(10000);
RESET pg_background.max_workers;
-- all of one call see one state of the database
SELECT count(*) FILTER (WHERE state = 'stopped'), sum(row_count) FROM pg_background_run_all(array_fill('SELECT id FROM regress_pgbg_batch'::text, ARRAY[3]), snapshot => true);
-- in a job: how far it has come is its progress
SELECT pid, cookie FROM pg_background_launch('SELECT count(*) FROM pg_background_run_all(array_fill(''SELECT 1''::text, ARRAY[5]))') \gset
SELECT pg_background_wait(:pid, :cookie);
SELECT progress_pct, progress_msg FROM pg_background_get_progress(:pid, :cookie);
SELECT * FROM pg_background_result(:pid, :cookie) AS (count int8);

-- so far, while it runs; when the job is cancelled, so are its own
SELECT pid, cookie FROM pg_background_launch('SELECT count(*) FROM pg_background_run_all(ARRAY[''SELECT 1'', ''SELECT pg_sleep(61)'', ''SELECT pg_sleep(62)'', ''SELECT 2''], max_parallel => 3)') \gset
DO $$ BEGIN FOR i IN 1..200 LOOP EXIT WHEN EXISTS (SELECT FROM pg_background_jobs WHERE progress_msg = '2 of 4'); PERFORM pg_sleep(0.05); END LOOP; END $$;
SELECT progress_pct, progress_msg FROM pg_background_get_progress(:pid, :cookie);
SELECT pg_background_cancel(:pid, :cookie);
SELECT pg_background_wait(:pid, :cookie);
SELECT state FROM pg_background_outcome(:pid, :cookie);
DO $$ BEGIN FOR i IN 1..100 LOOP EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(6_)' AND state = 'active'); PERFORM pg_sleep(0.05); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$;
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(6_)' AND state = 'active';
SELECT pg_background_detach(:pid, :cookie);

-- the rows of all
CREATE TABLE regress_pgbg_fan (id int4, gone int4, part int4);
ALTER TABLE regress_pgbg_fan DROP COLUMN gone;
INSERT INTO regress_pgbg_fan SELECT i, i % 4 FROM generate_series(1, 1000) AS i;
SELECT count(*), sum(n), count(DISTINCT n) FROM pg_background_query_all(NULL::int8, ARRAY['SELECT sum(id) FROM regress_pgbg_fan WHERE part = $1'], params => (SELECT array_agg(ROW(i)) FROM generate_series(0, 3) AS i), max_parallel => 2) AS n;
SELECT count(*), sum(id), count(DISTINCT part) FROM pg_background_query_all(NULL::regress_pgbg_fan, ARRAY['SELECT * FROM regress_pgbg_fan WHERE part = $1'], params => (SELECT array_agg(ROW(i)) FROM generate_series(0, 3) AS i), snapshot => true);
SELECT * FROM pg_background_query_all(NULL::record, ARRAY['SELECT 1, ''a''::text', 'SELECT 2, ''b''::text']) AS (a int4, b text) ORDER BY a;
SELECT count(*) FROM pg_background_query_all(NULL::text, ARRAY['SELECT repeat(''x'', 1000) FROM generate_series(1, 5000)', 'SELECT repeat(''y'', 1000) FROM generate_series(1, 5000)']);
SELECT count(*) FROM pg_background_query_all(NULL::int4, '{}');
-- the first error ends the rest, and is raised
\set VERBOSITY sqlstate
SELECT * FROM pg_background_query_all(NULL::int4, ARRAY['SELECT 1 FROM pg_sleep(60)', 'SELECT 1/0'], max_parallel => 2);
SELECT * FROM pg_background_query_all(NULL::int4, ARRAY['SELECT 1', 'SELECT ''x''::text']);
SELECT * FROM pg_background_query_all(NULL::int4, ARRAY['SELECT 1 FROM pg_sleep(60)', 'SELECT 1'], max_parallel => 1, timeout_ms => 100);
\set VERBOSITY default
SELECT count(*) FROM pg_background_list;
DROP TABLE regress_pgbg_fan;

-- what makes no sense
SELECT * FROM pg_background_run_all(NULL);
SELECT * FROM pg_background_run_all(ARRAY['SELECT 1', NULL]);
SELECT * FROM pg_background_run_all(ARRAY['SELECT 1', 'SELECT 2'], params => ARRAY[ROW(1)]);
SELECT * FROM pg_background_run_all(ARRAY['SELECT 1'], max_parallel => -1);
SELECT * FROM pg_background_run_all(ARRAY['SELECT 1'], retries => -1);
SELECT * FROM pg_background_run_all(ARRAY['SELECT 1'], timeout_ms => -1);
SELECT * FROM pg_background_run_all(ARRAY['SELECT 1'], retries => 1, snapshot => true);
SELECT count(*) FROM pg_background_run_all(ARRAY['SELECT $1'], params => ARRAY[ROW(1), ROW(ROW(1))], max_parallel => 1);

-- more that have ended and were not told yet than are remembered otherwise; each has begun before the next is launched
SET pg_background.worker_idle_timeout = '1min';
SELECT count(*), bool_and(completed AND NOT has_error) FROM pg_background_run_all(array_fill('SELECT 1'::text, ARRAY[1050]), max_parallel => 1050, snapshot => true);
RESET pg_background.worker_idle_timeout;

-- code that runs in the middle of the rows, and lets go of every job that it may name
CREATE FUNCTION regress_pgbg_lets_go(n int4) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_background_detach_all(); RETURN true; END $$;
CREATE DOMAIN regress_pgbg_let_go AS int4 CHECK (regress_pgbg_lets_go(VALUE));
SELECT * FROM pg_background_query_all(NULL::regress_pgbg_let_go, ARRAY['SELECT 1', 'SELECT 2 FROM pg_sleep(0.3)', 'SELECT 3 FROM pg_sleep(0.3)'], max_parallel => 3) AS n ORDER BY n;
DROP DOMAIN regress_pgbg_let_go;
DROP FUNCTION regress_pgbg_lets_go(int4);

DROP TABLE regress_pgbg_batch, regress_pgbg_times;
DROP FUNCTION regress_pgbg_fail(int8, text);
DROP SEQUENCE regress_pgbg_tries;
