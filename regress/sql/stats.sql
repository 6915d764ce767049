--
-- Accounting: every job is counted once, when it ends, as it ended.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE FUNCTION pg_temp.until(condition text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    is_true bool;
BEGIN
    FOR i IN 1 .. 6000 LOOP
        PERFORM pg_stat_clear_snapshot();
        EXECUTE 'SELECT ' || condition INTO is_true;
        EXIT WHEN is_true;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN is_true;
END
$$;
CREATE TEMPORARY VIEW counters AS
SELECT s.workers_launched AS launched, s.workers_completed AS completed, s.workers_failed AS failed,
       s.workers_canceled AS canceled, s.workers_timed_out AS timed_out, s.workers_active AS active, s.max_workers
FROM pg_background_stats_v2() AS s;

-- a new session: nothing yet
TABLE counters;
SELECT avg_execution_ms IS NULL OR avg_execution_ms = 0 AS none FROM pg_background_stats_v2();

-- completed
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
TABLE counters;
-- a result, a detach of what has ended, looking: nothing is counted again
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
TABLE counters;
SELECT avg_execution_ms >= 0 AS average FROM pg_background_stats_v2();
-- a NOTICE or a WARNING is no failure
SELECT * FROM pg_background_result(pg_background_launch('DO $$BEGIN RAISE NOTICE ''heard''; RAISE WARNING ''heard''; END$$')) AS (tag text);
TABLE counters;
-- nor is an error that the job deals with itself
SELECT * FROM pg_background_result(pg_background_launch('DO $$BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN END$$')) AS (tag text);
TABLE counters;

-- failed: while it runs, by its syntax, refused, at commit
SELECT count(pg_background_launch_v2(sql))
FROM unnest(ARRAY['SELECT 1 / 0', 'SELEC', 'COMMIT',
                  'CREATE TEMPORARY TABLE t (id int4 UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO t VALUES (1), (1)']) AS sql;
SELECT count(*) FROM pg_background_drain_v2(ARRAY(SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_list));
TABLE counters;

-- canceled
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset
SELECT active FROM counters;
SELECT pg_background_cancel_v2(:pid, :cookie);
SELECT pg_background_wait_v2(:pid, :cookie);
TABLE counters;
SELECT pg_background_detach_v2(:pid, :cookie);

-- timed out: by worker_timeout, by statement_timeout
SET pg_background.worker_timeout = '50ms';
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset
RESET pg_background.worker_timeout;
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
TABLE counters;
SELECT pg_background_detach_v2(:pid, :cookie);
SELECT pid, cookie FROM pg_background_launch_v2('SET statement_timeout = ''50ms''; SELECT pg_sleep(600)') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, sqlstate, error_message FROM pg_background_outcome_v2(:pid, :cookie);
-- (the statement's time was over, not the job's)
TABLE counters;
SELECT pg_background_detach_v2(:pid, :cookie);

-- terminated: failed, for nobody here asked for it
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset
SELECT pg_temp.until($$EXISTS (SELECT FROM pg_background_activity WHERE wait_event = 'PgSleep')$$);
SELECT pg_terminate_backend(:pid);
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT failed FROM counters;
SELECT pg_background_detach_v2(:pid, :cookie);

-- detached jobs are active until they end, and counted as they ended
SELECT workers_launched AS launched, workers_completed AS completed, workers_failed AS failed, workers_canceled AS canceled
FROM pg_background_stats_v2() \gset before_
BEGIN;
SELECT pg_advisory_xact_lock(4711);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(4711)') \gset a_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(4711); SELECT 1 / 0') \gset b_
SELECT pid, cookie FROM pg_background_submit_v2('SELECT pg_advisory_xact_lock(4711)') \gset c_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(4711)') \gset d_
SELECT pg_background_cancel_v2(:d_pid, :d_cookie), pg_background_detach_v2(:a_pid, :a_cookie), pg_background_detach_v2(:b_pid, :b_cookie),
       pg_background_detach_v2(:c_pid, :c_cookie), pg_background_detach_v2(:d_pid, :d_cookie);
SELECT pg_temp.until('active <= 3 FROM counters');
SELECT count(*) AS listed FROM pg_background_list;
SELECT active, launched - :before_launched AS launched, completed - :before_completed AS completed, failed - :before_failed AS failed,
       canceled - :before_canceled AS canceled FROM counters;
COMMIT;
SELECT pg_temp.until('active = 0 FROM counters');
SELECT active, launched - :before_launched AS launched, completed - :before_completed AS completed, failed - :before_failed AS failed,
       canceled - :before_canceled AS canceled FROM counters;

-- run_v2 and run_query_v2 count like everybody else
SELECT completed, has_error FROM pg_background_run_v2('SELECT 1');
SELECT completed, has_error FROM pg_background_run_v2('SELECT 1 / 0');
SELECT * FROM pg_background_run_query_v2('SELECT 1') AS (n int4);
SELECT completed - :before_completed AS completed, failed - :before_failed AS failed FROM counters;

-- every job is counted under one heading
SELECT launched = completed + failed + canceled + timed_out + active AS adds_up, active FROM counters;
-- a launch that failed is no job
SELECT launched AS before FROM counters \gset
\set VERBOSITY sqlstate
SELECT pg_background_launch_v2('SELECT 1', 1);
SELECT pg_background_launch_v2(NULL);
\set VERBOSITY default
SELECT launched - :before AS launched FROM counters;

-- the setting is shown as it is
SET pg_background.max_workers = 3;
SELECT max_workers FROM counters;
-- a thousand submitted jobs one after another need no detach: finished ones do not count
DO $$
DECLARE
    launched int8;
BEGIN
    FOR i IN 1 .. 1000 LOOP
        FOR attempt IN 1 .. 6000 LOOP
            EXIT WHEN (SELECT workers_active < max_workers FROM pg_background_stats_v2());
            PERFORM pg_sleep(0.001);
        END LOOP;
        PERFORM pg_background_submit_v2('SELECT ' || i);
    END LOOP;
END
$$;
SELECT pg_temp.until('active = 0 FROM counters');
SELECT launched - :before AS launched FROM counters;
SELECT launched = completed + failed + canceled + timed_out AS adds_up FROM counters;
-- the newest thousand are remembered
SELECT count(*), count(DISTINCT sql_preview) FROM pg_background_list;
SELECT pid > 0 AS launched FROM pg_background_launch_v2('SELECT ''one more''');
SELECT pg_temp.until('active = 0 FROM counters');
SELECT pid > 0 AS launched FROM pg_background_launch_v2('SELECT ''two more''');
SELECT pg_temp.until('active = 0 FROM counters');
-- (of three that ran at a time, any may have finished first)
SELECT count(*) BETWEEN 1000 AND 1001 AS newest_thousand,
       count(*) FILTER (WHERE sql_preview IN ('SELECT 1', 'SELECT 2', 'SELECT 3')) < 3 AS first_forgotten,
       count(*) FILTER (WHERE sql_preview LIKE '% more%') AS newest
FROM pg_background_list;
SELECT pg_background_purge_v2() >= 1000 AS purged;
SELECT count(*) FROM pg_background_list;
-- counters are this session's
\c -
SELECT s.workers_launched, s.workers_active FROM pg_background_stats_v2() AS s;

-- the average: NULL without a job; then of all that ran, however they ended, from started_at to finished_at
SELECT avg_execution_ms IS NULL AS none FROM pg_background_stats_v2();
SELECT count(pg_background_launch_v2(sql)) FROM unnest(ARRAY['SELECT pg_sleep(0.1)', 'SELECT 1', 'SELECT pg_sleep(0.05), 1 / 0',
                                                             'SET statement_timeout = 20; SELECT pg_sleep(600)']) AS sql;
SELECT count(pg_background_wait_v2(pid, cookie)) FROM pg_background_list;
SELECT count(*) AS jobs, min(ms) >= 0 AS positive, max(ms) >= 100 AS slept,
       abs(avg(ms) - (SELECT avg_execution_ms FROM pg_background_stats_v2())) < 0.001 AS average
FROM pg_background_list l, pg_background_result_info_v2(l.pid, l.cookie) i,
     LATERAL (SELECT 1000 * extract(epoch FROM i.finished_at - i.started_at)::float8 AS ms) m;
-- a mistake in the SQL is found out by the job
SELECT avg_execution_ms AS before FROM pg_background_stats_v2() \gset
SELECT completed, sqlstate FROM pg_background_run_v2('SELEC');
SELECT pg_background_purge_v2();
SELECT workers_failed, workers_canceled, avg_execution_ms <> :before AS counted FROM pg_background_stats_v2();
-- a run whose time is over was cancelled
SELECT timed_out FROM pg_background_run_v2('SELECT pg_sleep(600)', timeout_ms => 20);
SELECT workers_canceled, workers_timed_out FROM pg_background_stats_v2();
