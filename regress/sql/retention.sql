-- Finished jobs that nobody detaches are remembered up to a bound; the ones that finished last stay.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

-- A job that was launched first and finishes last is there to be waited for and read, whatever finished meanwhile.
SELECT pg_advisory_lock(8715);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 42 FROM (SELECT pg_advisory_lock(8715)) l') \gset late_
DO $$
DECLARE h pg_background_handle;
BEGIN
    FOR i IN 1..1010 LOOP
        h := pg_background_launch_v2('SELECT 1');
        PERFORM pg_background_wait_v2(h.pid, h.cookie);
    END LOOP;
END $$;
-- forgotten when the last one was launched, which has finished since
SELECT count(*) AS remembered FROM pg_background_list WHERE state = 'stopped';
SELECT pg_advisory_unlock(8715);
SELECT pg_background_wait_v2(:late_pid, :late_cookie);
-- the next launch forgets the one that finished first
SELECT completed FROM pg_background_run_v2('SELECT 1');
SELECT state FROM pg_background_outcome_v2(:late_pid, :late_cookie);
SELECT * FROM pg_background_result_v2(:late_pid, :late_cookie) AS (answer int);
SELECT pg_background_purge_v2() AS purged;
SELECT count(*) FROM pg_background_list;

-- not the one that is being read, though it has finished before all of them
CREATE DOMAIN launching AS int CHECK ((pg_background_run_v2('SELECT 1')).completed);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 43') \gset first_
SELECT pg_background_wait_v2(:first_pid, :first_cookie);
DO $$
DECLARE h pg_background_handle;
BEGIN
    FOR i IN 1..1000 LOOP
        h := pg_background_launch_v2('SELECT 1');
        PERFORM pg_background_wait_v2(h.pid, h.cookie);
    END LOOP;
END $$;
SELECT * FROM pg_background_result_v2(:first_pid, :first_cookie) AS (answer launching);
SELECT pg_background_purge_v2() AS purged;
DROP DOMAIN launching;
