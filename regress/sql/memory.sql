--
-- Memory: a session that runs many jobs, and its worker, hold no more at the end than after the first of them.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
SET pg_background.worker_idle_timeout = '1h';
-- jobs that succeed, looked at and read in every way
CREATE FUNCTION pg_temp.succeed(n int4) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    h pg_background_handle;
BEGIN
    FOR i IN 1 .. n LOOP
        PERFORM pg_background_run_v2('SELECT 1');
        PERFORM * FROM pg_background_run_query_v2('SELECT generate_series(1, 10)') AS (a int4);
        PERFORM * FROM pg_background_run_query_v2('SELECT i, ROW(i), i::varchar FROM generate_series(1, 10) i') AS (a text, b text, c varchar(5));
        h := pg_background_launch_v2('SELECT repeat(''x'', 1000) FROM generate_series(1, 200)', 65536, 'label');
        PERFORM pg_background_wait_v2(h.pid, h.cookie);
        PERFORM pg_background_detach_v2(h.pid, h.cookie);
        h := pg_background_submit_v2('DO $d$BEGIN PERFORM pg_background_progress(1, ''p''); END$d$; SELECT ''' || repeat('s', 10000) || '''');
        PERFORM pg_background_wait_v2(h.pid, h.cookie);
        PERFORM pg_background_outcome_v2(h.pid, h.cookie), pg_background_get_progress_v2(h.pid, h.cookie), pg_background_full_sql_v2(h.pid, h.cookie);
        PERFORM * FROM pg_background_drain_v2(ARRAY[h]);
        PERFORM * FROM pg_background_result(pg_background_launch('DO $d$BEGIN RAISE WARNING ''unheard''; END$d$')) AS (tag text);
        PERFORM * FROM pg_background_list;
    END LOOP;
END
$$;
-- and jobs that fail: there, here, while being launched, while being read, cancelled
CREATE FUNCTION pg_temp.fail(n int4) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    h pg_background_handle;
BEGIN
    FOR i IN 1 .. n LOOP
        PERFORM pg_background_run_v2('SELECT 1 / 0');
        BEGIN PERFORM * FROM pg_background_run_query_v2('SELECT 1 / 0') AS (a int4); EXCEPTION WHEN division_by_zero THEN END;
        BEGIN PERFORM * FROM pg_background_run_query_v2('SELECT 1') AS (a int8); EXCEPTION WHEN datatype_mismatch THEN END;
        BEGIN PERFORM * FROM pg_background_run_query_v2('SELECT ''abc''::varchar FROM generate_series(1, 100)') AS (a varchar(1)); EXCEPTION WHEN string_data_right_truncation THEN END;
        BEGIN PERFORM pg_background_launch_v2('SELECT 1', 1); EXCEPTION WHEN invalid_parameter_value THEN END;
        BEGIN PERFORM * FROM pg_background_run_query_v2('DO $d$BEGIN RAISE EXCEPTION ''%'', repeat(''x'', 10000); END$d$') AS (tag text); EXCEPTION WHEN raise_exception THEN END;
        h := pg_background_launch_v2('SELECT pg_sleep(600)');
        PERFORM pg_background_cancel_v2(h.pid, h.cookie);
        PERFORM pg_background_wait_v2(h.pid, h.cookie), pg_background_error_info_v2(h.pid, h.cookie);
        PERFORM pg_background_detach_v2(h.pid, h.cookie);
    END LOOP;
END
$$;
SET client_min_messages = error;
SELECT pg_temp.succeed(20), pg_temp.fail(10);
-- catalog caches grow by doubling, whenever that is
SELECT sum(total_bytes) AS before FROM pg_backend_memory_contexts WHERE name <> 'CacheMemoryContext' \gset
SELECT pg_temp.succeed(100), pg_temp.fail(30);
SELECT sum(total_bytes) - :before < 200000 AS bounded FROM pg_backend_memory_contexts WHERE name <> 'CacheMemoryContext';
-- what is left of ours is what one worker needs
SELECT count(*) < 20 AS few FROM pg_backend_memory_contexts WHERE name LIKE 'pg\_background%';
-- in one and the same worker
CREATE FUNCTION pg_temp.worker_memory(OUT worker int4, OUT bytes int8) LANGUAGE sql AS $$
    SELECT * FROM pg_background_run_query_v2('SELECT pg_backend_pid(), (SELECT sum(total_bytes) FROM pg_backend_memory_contexts)::int8') AS (worker int4, bytes int8)
$$;
SELECT pg_temp.succeed(20);
SELECT * FROM pg_temp.worker_memory() \gset before_
SELECT pg_temp.succeed(60);
SELECT worker <> :before_worker OR bytes - :before_bytes < 200000 AS bounded FROM pg_temp.worker_memory();
SELECT count(*) FROM pg_background_list;
SELECT workers_active FROM pg_background_stats_v2();
