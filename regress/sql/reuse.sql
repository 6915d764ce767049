--
-- Which worker takes which job: it is used again where it may be, and not where the last job would show.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
SET pg_background.worker_idle_timeout = '1h';

-- until it is idle: a moment after the outcome
CREATE FUNCTION pg_temp.reused(first int4) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 200 LOOP
        IF (pg_background_run_v2('SELECT 1')).pid = first THEN
            RETURN true;
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN false;
END
$$;

-- a worker whose job was let go of has nothing to send any more, and is used again
SELECT pid AS first FROM pg_background_run_v2('SELECT 1') \gset
SELECT pg_temp.reused(:first);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(0.3)') \gset job_
SELECT :job_pid = :first AS the_same;
SELECT pg_background_detach_v2(:job_pid, :job_cookie);
SELECT pg_sleep(0.6);
SELECT pg_temp.reused(:first);

-- one place for a role is one worker that takes job after job
SET pg_background.max_workers_per_role = 1;
SELECT count(DISTINCT (pg_background_run_v2('SELECT ' || i)).pid) FROM generate_series(1, 5) i;
RESET pg_background.max_workers_per_role;

-- somebody may have nothing of a job but its process ID: while its result is unread, no other job runs there
SELECT pid, cookie FROM pg_background_launch('SELECT 1') \gset job_
SELECT pg_background_wait(:job_pid, :job_cookie);
SELECT count(*) FROM generate_series(1, 20) i WHERE (pg_background_run('SELECT ' || i)).pid = :job_pid;
SELECT * FROM pg_background_result(:job_pid, :job_cookie) AS (a int);

-- a statement that was kept for parameters of a type is another one where literals are given for them
SELECT (pg_background_run('SELECT 1')).pid IS NOT NULL AS warm;
SELECT what FROM generate_series(1, 3), pg_background_run_query('SELECT pg_typeof(CASE WHEN true THEN $1 END)::text', params => ROW(1)) AS (what text);
SELECT what FROM generate_series(1, 3), pg_background_run_query('SELECT pg_typeof(CASE WHEN true THEN $1 END)::text', text_params => ARRAY['1']) AS (what text);
