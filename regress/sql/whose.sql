--
-- Whose jobs they are, and as whom they run, in the corners.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
CREATE ROLE regress_pgbg_one;
CREATE ROLE regress_pgbg_two;
CREATE ROLE regress_pgbg_super SUPERUSER;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO regress_pgbg_one, regress_pgbg_two;
RESET client_min_messages;

-- the error of another role's job is not shown
SET ROLE regress_pgbg_one;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT ''a secret''::int') \gset job_
SELECT pg_background_wait_v2(:job_pid, :job_cookie);
SELECT last_error FROM pg_background_list_v2() AS (pid int4, cookie int8, launched_at timestamptz, user_id oid, queue_size int4, state text, sql_preview text, last_error text, consumed bool, label text) WHERE pid = :job_pid;
SET ROLE regress_pgbg_two;
SELECT last_error, sql_preview FROM pg_background_list_v2() AS (pid int4, cookie int8, launched_at timestamptz, user_id oid, queue_size int4, state text, sql_preview text, last_error text, consumed bool, label text) WHERE pid = :job_pid;
RESET ROLE;
SELECT pg_background_detach_v2(:job_pid, :job_cookie);

-- a role that is a superuser is one in the job
SET ROLE regress_pgbg_super;
SELECT current_setting('is_superuser');
SELECT * FROM pg_background_run_query_v2('SELECT current_setting(''is_superuser''), current_user') AS (is_superuser text, who text);
SET ROLE regress_pgbg_one;
SELECT current_setting('is_superuser');
SELECT * FROM pg_background_run_query_v2('SELECT current_setting(''is_superuser''), current_user') AS (is_superuser text, who text);
RESET ROLE;

-- a definer who is the caller: the job is in his security context all the same
CREATE FUNCTION as_definer(sql text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    job pg_background_handle := pg_background_launch_v2(sql);
BEGIN
    PERFORM pg_background_wait_v2(job.pid, job.cookie);
    RETURN sqlstate || ' ' || message FROM pg_background_error_info_v2(job.pid, job.cookie);
END
$$;
SELECT as_definer('SET ROLE regress_pgbg_one; SELECT 1');

-- a parallel worker launches nothing
CREATE FUNCTION launch_here() RETURNS int LANGUAGE sql PARALLEL SAFE AS $$ SELECT (pg_background_run_v2('SELECT 1')).pid $$;
CREATE TABLE whose (a int);
INSERT INTO whose SELECT generate_series(1, 100);
ALTER TABLE whose SET (parallel_workers = 2);
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
DO $$
BEGIN
    PERFORM count(launch_here()) FROM whose;
    RAISE 'it was launched';
EXCEPTION WHEN OTHERS THEN
    RAISE INFO '%: %', SQLSTATE, SQLERRM;
END
$$;
RESET ALL;

DROP TABLE whose;
DROP FUNCTION as_definer, launch_here;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM regress_pgbg_one, regress_pgbg_two;
DROP ROLE regress_pgbg_one, regress_pgbg_two, regress_pgbg_super;
