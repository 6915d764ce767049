--
-- No slot left: 53000, nothing is left behind, and a launch may wait for one.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
SET pg_background.max_workers = 1000;
SET pg_background.launch_timeout = 0;
-- Takes all slots of max_worker_processes. How many there are is not said.
CREATE FUNCTION pg_temp.fill(sql text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 0 .. current_setting('max_worker_processes')::int4 LOOP
        PERFORM pg_background_launch_v2(sql, 0, 'filler');
    END LOOP;
    RETURN 'there is no end';
EXCEPTION WHEN insufficient_resources THEN
    RETURN SQLSTATE;
END
$$;
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
SELECT pg_temp.fill('SELECT pg_sleep(600)');
-- a launch that failed leaves no job
SELECT count(*) = (SELECT workers_active FROM pg_background_stats_v2()) AS as_many FROM pg_background_list;
SELECT count(*) AS running FROM pg_background_list \gset
-- refused: 53000, in whatever way, at once and after a time-out
SELECT pg_background_launch_v2('SELECT 1');
SET pg_background.launch_timeout = '100ms';
\set VERBOSITY sqlstate
SELECT pg_background_launch_v2('SELECT 1');
SELECT pg_background_submit_v2('SELECT 1');
SELECT pg_background_run_v2('SELECT 1');
SELECT * FROM pg_background_run_query_v2('SELECT 1') AS (n int4);
-- while it waits it can be cancelled
SET pg_background.launch_timeout = '1h';
SET statement_timeout = '100ms';
SELECT pg_background_launch_v2('SELECT 1');
RESET statement_timeout;
\set VERBOSITY default
SELECT count(*) = :running AS as_many FROM pg_background_list;
SELECT workers_active = :running AS as_many FROM pg_background_stats_v2();
-- a place that becomes free is taken by who waits
SELECT pg_background_cancel_v2(pid, cookie) FROM pg_background_list LIMIT 1;
SELECT * FROM pg_background_run_query_v2('SELECT 1') AS (n int4);
SET pg_background.launch_timeout = 0;
SELECT pg_background_cancel_all_v2() = :running - 1 AS canceled;
SELECT count(*) = :running AS all, min(state), max(state) FROM pg_background_drain_v2(ARRAY(SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_list));
-- workers that are on their way out, and idle ones, make place without a launch_timeout
SELECT count(*) FROM generate_series(1, 100) i, LATERAL pg_background_run_v2('SELECT ' || i) r WHERE NOT has_error;
SET pg_background.worker_idle_timeout = 0;
SELECT count(*) FROM generate_series(1, 100) i, LATERAL pg_background_run_v2('SELECT ' || i) r WHERE NOT has_error;
SET pg_background.worker_idle_timeout = '1h';
SELECT pg_temp.fill('SELECT pg_sleep(600)');
SELECT pg_background_cancel_all_v2() = :running AS canceled, pg_background_detach_all_v2() = :running AS detached;
SELECT pg_temp.until('workers_active = 0 FROM pg_background_stats_v2()');
SELECT count(*) FROM generate_series(1, 100) i, LATERAL pg_background_run_v2('SELECT ' || i) r WHERE NOT has_error;
-- the rest of the cluster finds place for parallel queries beside idle workers: no more than a quarter is idle
SELECT pg_temp.until($$(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_background') <= greatest(1, current_setting('max_worker_processes')::int4 / 4)$$);
RESET ALL;
SELECT count(*) FROM pg_background_list;
