--
-- Waiting: for one job, for any, for all.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

-- until the outcome is final
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 42 FROM pg_sleep(0.1)') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, completed, consumed FROM pg_background_outcome_v2(:pid, :cookie);
-- again, and with time-outs: true at once
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_background_wait_v2_timeout(:pid, :cookie, 0), pg_background_wait_v2_timeout(:pid, :cookie, 86400000);
-- waiting consumes nothing
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (answer int4);

-- the wait comes before the result although the result is larger than the queue
SELECT pid, cookie FROM pg_background_launch_v2('SELECT i, repeat(''x'', 100) FROM generate_series(1, 20000) i', 65536) \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT count(*), count(DISTINCT i), sum(length(x)) FROM pg_background_result_v2(:pid, :cookie) AS (i int4, x text);

-- a failed job: waiting for it raises nothing
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 / 0') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_background_wait_v2_timeout(:pid, :cookie, 1000);
SELECT state, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);

-- a job that runs: false, at once with 0
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset sleeper_
SELECT pg_background_wait_v2_timeout(:sleeper_pid, :sleeper_cookie, 0);
SELECT pg_background_wait_v2_timeout(:sleeper_pid, :sleeper_cookie, 50);

-- refused: time-outs out of range, 22023
\set VERBOSITY sqlstate
SELECT pg_background_wait_v2_timeout(:sleeper_pid, :sleeper_cookie, -1);
SELECT pg_background_wait_v2_timeout(:sleeper_pid, :sleeper_cookie, 86400001);
SELECT pg_background_wait_v2_timeout(:sleeper_pid, :sleeper_cookie, 2147483647);
SELECT pg_background_wait_any_v2(ARRAY[]::pg_background_handle[], -1);
SELECT * FROM pg_background_drain_v2(ARRAY[]::pg_background_handle[], 86400001);
SELECT pg_background_run_v2('SELECT 1', 0, -1);
SELECT * FROM pg_background_run_query_v2('SELECT 1', 0, 86400001) AS (n int4);
-- the highest is not refused
SELECT completed FROM pg_background_run_v2('SELECT 1', 0, 86400000);

-- a waiting session can be cancelled; the job goes on
SET statement_timeout = '100ms';
SELECT pg_background_wait_v2(:sleeper_pid, :sleeper_cookie);
SELECT pg_background_wait_v2_timeout(:sleeper_pid, :sleeper_cookie, 86400000);
SELECT pg_background_wait_any_v2(ARRAY[ROW(:sleeper_pid, :sleeper_cookie)]::pg_background_handle[]);
SELECT * FROM pg_background_drain_v2(ARRAY[ROW(:sleeper_pid, :sleeper_cookie)]::pg_background_handle[]);
RESET statement_timeout;
\set VERBOSITY default
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN (SELECT state FROM pg_background_list) = 'running';
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
SELECT state, completed FROM pg_background_outcome_v2(:sleeper_pid, :sleeper_cookie);

--
-- any of several
--
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 FROM pg_sleep(0.1)') \gset quick_
SELECT (pg_background_wait_any_v2(ARRAY[ROW(:sleeper_pid, :sleeper_cookie), ROW(:quick_pid, :quick_cookie)]::pg_background_handle[])).pid
       = :quick_pid AS quick_one;
-- the handle is not consumed, and is the answer again
SELECT w.pid = :quick_pid AS pid, w.cookie = :quick_cookie AS cookie
FROM pg_background_wait_any_v2(ARRAY[ROW(:quick_pid, :quick_cookie), ROW(:sleeper_pid, :sleeper_cookie)]::pg_background_handle[], 1) AS w;
-- of two finished ones, the one that finished first
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 2') \gset second_
SELECT pg_background_wait_v2(:second_pid, :second_cookie);
SELECT w.cookie = :quick_cookie AS first
FROM pg_background_wait_any_v2(ARRAY[ROW(:second_pid, :second_cookie), ROW(:quick_pid, :quick_cookie)]::pg_background_handle[]) AS w;
-- a failed job has finished
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 / 0') \gset failing_
SELECT w.cookie = :failing_cookie AS failing
FROM pg_background_wait_any_v2(ARRAY[ROW(:sleeper_pid, :sleeper_cookie), ROW(:failing_pid, :failing_cookie)]::pg_background_handle[]) AS w;
-- time is over: NULL
SELECT pg_background_wait_any_v2(ARRAY[ROW(:sleeper_pid, :sleeper_cookie)]::pg_background_handle[], 50) IS NULL AS timed_out;
-- the same handle twice
SELECT w.cookie = :quick_cookie AS same
FROM pg_background_wait_any_v2(ARRAY[ROW(:quick_pid, :quick_cookie), ROW(:quick_pid, :quick_cookie)]::pg_background_handle[]) AS w;
-- no array
SELECT pg_background_wait_any_v2(NULL) IS NULL AS is_null;
-- handles from a query; two dimensions are as good as one
SELECT count(*) FROM (SELECT pg_background_wait_any_v2(array_agg(ROW(pid, cookie)::pg_background_handle)) AS w
                      FROM pg_background_list) x WHERE (w).cookie <> :sleeper_cookie;
SELECT w.cookie = :quick_cookie AS quick_one
FROM pg_background_wait_any_v2(ARRAY[[ROW(:sleeper_pid, :sleeper_cookie)::pg_background_handle], [ROW(:quick_pid, :quick_cookie)::pg_background_handle]]) AS w;

-- refused: a null element, 22004; half a handle, 22004; an unknown one, 42704
\set VERBOSITY sqlstate
SELECT pg_background_wait_any_v2(ARRAY[NULL]::pg_background_handle[]);
SELECT pg_background_wait_any_v2(ARRAY[ROW(NULL, :quick_cookie)]::pg_background_handle[]);
SELECT pg_background_wait_any_v2(ARRAY[ROW(1, 1), ROW(2, 2)]::pg_background_handle[]);
SELECT * FROM pg_background_drain_v2(ARRAY[ROW(:quick_pid, :quick_cookie), NULL]::pg_background_handle[]);
\set VERBOSITY default
-- one without a cookie is the newest job on that process
SELECT (pg_background_wait_any_v2(ARRAY[ROW(:quick_pid, NULL)]::pg_background_handle[])).pid = :quick_pid AS quick;
-- those that are not known are passed by, or answered with NULLs
SELECT (pg_background_wait_any_v2(ARRAY[ROW(1, 1), ROW(:quick_pid, :quick_cookie)]::pg_background_handle[])).cookie = :quick_cookie AS quick;
SELECT d.cookie = :sleeper_cookie AS sleeper, d.state FROM pg_background_drain_v2(ARRAY[ROW(1, 1), ROW(:sleeper_pid, :sleeper_cookie)]::pg_background_handle[], 1) AS d;
-- nothing was detached by what failed
SELECT count(*) FROM pg_background_list;

--
-- all of them, then detached
--
-- input order, errors included; under one deadline, what runs still stays
SELECT cookie = :failing_cookie AS failing, state, completed, has_error, row_count, command_tag, sqlstate, error_message
FROM pg_background_drain_v2(ARRAY[ROW(:second_pid, :second_cookie), ROW(:sleeper_pid, :sleeper_cookie),
                                  ROW(:failing_pid, :failing_cookie), ROW(:quick_pid, :quick_cookie)]::pg_background_handle[], 50);
SELECT cookie = :sleeper_cookie AS sleeper, state FROM pg_background_list;
SELECT pg_background_cancel_v2(:sleeper_pid, :sleeper_cookie);
SELECT state, completed, has_error, row_count, command_tag, sqlstate, error_message
FROM pg_background_drain_v2(ARRAY[ROW(:sleeper_pid, :sleeper_cookie)]::pg_background_handle[]);
SELECT count(*) FROM pg_background_list;
-- without a deadline, the same handle twice, submitted jobs among them
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 FROM pg_sleep(0.1)', 0, 'launched') \gset a_
SELECT pid, cookie FROM pg_background_submit_v2('SELECT 2 FROM generate_series(1, 2)', 0, 'submitted') \gset b_
SELECT label, state, consumed, row_count
FROM pg_background_drain_v2(ARRAY[ROW(:a_pid, :a_cookie), ROW(:b_pid, :b_cookie), ROW(:a_pid, :a_cookie)]::pg_background_handle[]);
SELECT count(*) FROM pg_background_list;
-- outside FROM: the type of its rows is known
SELECT (pg_background_drain_v2(ARRAY[pg_background_launch_v2('SELECT 1')])).state;
-- nothing to wait for
SELECT count(*) FROM pg_background_drain_v2(ARRAY[]::pg_background_handle[]);
SELECT count(*) FROM pg_background_drain_v2(NULL);
SET statement_timeout = '5s';
SELECT pg_background_wait_any_v2(ARRAY[]::pg_background_handle[]) IS NULL AS at_once;
RESET statement_timeout;

-- larger results than queues, waited for by all and any
SELECT array_agg(h) AS handles FROM (SELECT pg_background_launch_v2('SELECT repeat(''y'', 1000) FROM generate_series(1, 2000)', 65536) AS h
                                     FROM generate_series(1, 3) OFFSET 0) l \gset
SELECT w IS NOT NULL AS one FROM pg_background_wait_any_v2(:'handles'::pg_background_handle[]) w;
SELECT state, row_count FROM pg_background_drain_v2(:'handles'::pg_background_handle[]);
SELECT count(*) FROM pg_background_list;
