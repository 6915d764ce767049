--
-- A job that waits for jobs of its own: its launcher is told for whom it cannot go on without, for as long as that is so.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
SET pg_background.worker_idle_timeout = '1h';
SET deadlock_timeout = '100ms';
CREATE TABLE nested (a int PRIMARY KEY, b int);
INSERT INTO nested VALUES (1, 0);

-- any of several is enough to go on, and one of them is: no deadlock
CREATE FUNCTION wait_for_any() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    stuck pg_background_handle := pg_background_launch_v2('UPDATE nested SET b = b + 1');
    sleeps pg_background_handle := pg_background_launch_v2('SELECT pg_sleep(1.5)');
    ended pg_background_handle := pg_background_wait_any_v2(ARRAY[stuck, sleeps]);
BEGIN
    PERFORM pg_background_cancel_v2(stuck.pid, stuck.cookie);
    RETURN CASE WHEN ended = sleeps THEN 'the one that sleeps' ELSE 'the other one' END;
END
$$;
BEGIN;
UPDATE nested SET b = 10;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT wait_for_any()') \gset job_
SELECT * FROM pg_background_result_v2(:job_pid, :job_cookie) AS (ended text);
ROLLBACK;

-- for what it waits no longer, it is not held responsible
CREATE FUNCTION wait_and_go_on() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    first int := (pg_background_run_v2('SELECT pg_sleep(0.5)')).pid;
    job pg_background_handle := pg_background_launch_v2('UPDATE nested SET b = b + 1');
BEGIN
    PERFORM pg_sleep(0.5);
    RETURN CASE WHEN job.pid = first THEN 'the same worker' ELSE 'another worker' END;
END
$$;
BEGIN;
UPDATE nested SET b = 10;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT wait_and_go_on()') \gset job_
SELECT * FROM pg_background_result_v2(:job_pid, :job_cookie) AS (launched_on text);
ROLLBACK;

-- and for what it does wait, it is
BEGIN;
UPDATE nested SET b = 10;
SELECT pid, cookie FROM pg_background_launch_v2($$ SELECT (pg_background_run_v2('UPDATE nested SET b = b + 1')).pid $$) \gset job_
\set VERBOSITY sqlstate
SELECT pg_background_wait_v2(:job_pid, :job_cookie);
\set VERBOSITY default
ROLLBACK;
SELECT count(*) FROM pg_background_detach_all_v2();
-- until the jobs that were left alone have ended
CREATE FUNCTION pg_temp.nobody_waits() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 600 LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'pg_background%' AND state = 'active');
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted);
END
$$;
SELECT pg_temp.nobody_waits();
DROP TABLE nested;
DROP FUNCTION wait_for_any, wait_and_go_on;
