--
-- What is told of a job's end, and when: not before what it held is free, and nothing of the job before.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
SET pg_background.worker_idle_timeout = '1h';

-- the statements' time is over when they have run: what the commit runs has its own
CREATE TABLE endings (a int);
CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON endings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow_commit();
SELECT completed, has_error FROM pg_background_run_v2('SET statement_timeout = 400; INSERT INTO endings VALUES (1)');
SELECT * FROM endings;
DROP TRIGGER slow ON endings;

-- whoever knows of a failure finds the job's locks free
DO $$
DECLARE
    job pg_background_handle;
BEGIN
    FOR i IN 1 .. 200 LOOP
        job := pg_background_launch_v2('LOCK TABLE endings IN ACCESS EXCLUSIVE MODE; INSERT INTO endings VALUES (2); SELECT 1/0');
        PERFORM pg_background_wait_v2(job.pid, job.cookie);
        BEGIN
            LOCK TABLE endings IN ACCESS EXCLUSIVE MODE NOWAIT;
            -- back to where no lock is held
            RAISE SQLSTATE 'PGBG1';
        EXCEPTION WHEN SQLSTATE 'PGBG1' THEN
            NULL;
        END;
        PERFORM pg_background_detach_v2(job.pid, job.cookie);
    END LOOP;
END
$$;
SELECT * FROM endings;

-- a job that never began counts in no average
SELECT avg_execution_ms < 60000 AS an_average FROM pg_background_stats();
CREATE FUNCTION never_begun() RETURNS SETOF bool LANGUAGE plpgsql AS $$
DECLARE
    job pg_background_handle;
    began timestamptz;
BEGIN
    -- the worker may have been faster
    FOR i IN 1 .. 200 LOOP
        job := pg_background_launch_v2('SELECT pg_sleep(0.01)');
        PERFORM pg_background_cancel_v2(job.pid, job.cookie);
        PERFORM pg_background_wait_v2(job.pid, job.cookie);
        SELECT started_at INTO began FROM pg_background_result_info_v2(job.pid, job.cookie);
        PERFORM pg_background_detach_v2(job.pid, job.cookie);
        IF began IS NULL THEN
            RETURN NEXT true;
            RETURN;
        END IF;
    END LOOP;
    RETURN NEXT false;
END
$$;
SELECT * FROM never_begun();
SELECT avg_execution_ms < 60000 AS an_average FROM pg_background_stats();

-- a job that has survived worker_timeout: the next one is not taken for it
SET pg_background.worker_timeout = 300;
CREATE FUNCTION survive() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(10);
    RETURN 'not cancelled';
EXCEPTION WHEN query_canceled THEN
    RETURN 'survived';
END
$$;
SELECT * FROM pg_background_run_query_v2('SELECT survive()') AS (what text);
RESET pg_background.worker_timeout;
SELECT workers_timed_out AS before FROM pg_background_stats() \gset
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(60)') \gset job_
SELECT pg_sleep(0.2);
SELECT pg_background_cancel_v2(:job_pid, :job_cookie);
SELECT pg_background_wait_v2(:job_pid, :job_cookie);
SELECT sqlstate, message FROM pg_background_error_info_v2(:job_pid, :job_cookie);
SELECT workers_timed_out - :before AS more FROM pg_background_stats();
SELECT pg_background_detach_v2(:job_pid, :job_cookie);

-- a cancel by label without a grace leaves a job that handles it alone
CREATE FUNCTION handle_it() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(10);
    RETURN 'not cancelled';
EXCEPTION WHEN query_canceled THEN
    PERFORM pg_sleep(0.3);
    RETURN 'handled';
END
$$;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT handle_it()', 0, 'endings') \gset job_
SELECT pg_sleep(0.2);
SELECT pg_background_cancel_by_label_v2('endings', 0);
SELECT * FROM pg_background_result_v2(:job_pid, :job_cookie) AS (what text);

-- an interrupted batch takes its jobs along
SET statement_timeout = '500ms';
SELECT count(*) FROM pg_background_run_all(ARRAY['SET statement_timeout = 0; SELECT pg_sleep(60)', 'SET statement_timeout = 0; SELECT pg_sleep(61)']);
RESET statement_timeout;
CREATE FUNCTION pg_temp.nobody_sleeps() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 200 LOOP
        PERFORM pg_stat_clear_snapshot();
        IF NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'pg_background%' AND wait_event = 'PgSleep') THEN
            RETURN true;
        END IF;
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN false;
END
$$;
SELECT pg_temp.nobody_sleeps();

DROP TABLE endings;
DROP FUNCTION slow_commit, never_begun, survive, handle_it;
