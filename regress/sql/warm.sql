--
-- One job after another, on the same worker or not: nothing of one is seen by the next, and nothing that the
-- session did in between is missed.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

-- a worker takes the session's next job, unless it may not stay idle
SET pg_background.worker_idle_timeout = '1h';
SELECT pid AS first FROM pg_background_run_v2('SELECT 1') \gset
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
SELECT pg_temp.reused(:first);
-- an idle worker is seen as such, and by its type
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
SELECT pg_temp.until(format($$EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s AND backend_type = 'pg_background' AND state = 'idle'
                                        AND xact_start IS NULL AND backend_xid IS NULL AND backend_xmin IS NULL AND wait_event IS NOT NULL)$$, :first));
SELECT count(*) FROM pg_locks WHERE pid = :first;
-- cancelling it does nothing
SELECT pg_cancel_backend(:first);
SELECT pg_temp.reused(:first);
-- a handle of an earlier job on the same worker is what it was
SELECT pid, cookie FROM pg_background_launch_v2('SELECT ''earlier''') \gset a_
SELECT pg_background_wait_v2(:a_pid, :a_cookie);
SELECT count(*) FROM generate_series(1, 20) i WHERE (pg_background_run_v2('SELECT ' || i)).completed;
SELECT state, command_tag FROM pg_background_outcome_v2(:a_pid, :a_cookie);
SELECT * FROM pg_background_result_v2(:a_pid, :a_cookie) AS (what text);

-- settings of the session as they are when the job is launched, back and forth
CREATE FUNCTION pg_temp.asked(expression text) RETURNS text LANGUAGE sql AS $$
    SELECT x FROM pg_background_run_query_v2('SELECT (' || expression || ')::text') AS (x text)
$$;
SET work_mem = '1MB';
SELECT pg_temp.asked('current_setting(''work_mem'')');
SET work_mem = '2MB';
SELECT pg_temp.asked('current_setting(''work_mem'')');
RESET work_mem;
SELECT pg_temp.asked('current_setting(''work_mem'')');
SET regress_pgbg.between = 'one';
SELECT pg_temp.asked('current_setting(''regress_pgbg.between'')');
SET regress_pgbg.between = 'two';
SELECT pg_temp.asked('current_setting(''regress_pgbg.between'')');
SET ROLE pgbackground_role;
SELECT pg_temp.asked('current_user');
RESET ROLE;
SELECT pg_temp.asked('current_user') = current_user AS back;
SET TIME ZONE 'Asia/Tokyo';
SELECT pg_temp.asked('''2024-01-01 00:00:00+00''::timestamptz');
RESET TIME ZONE;
SELECT pg_temp.asked('''2024-01-01 00:00:00+00''::timestamptz') = '2024-01-01 00:00:00+00'::timestamptz::text AS back;
SET search_path = pg_catalog;
SELECT public.pg_background_detach_all_v2() >= 0 AS here;
RESET search_path;
SELECT pg_temp.asked('current_schemas(false)');

-- what a job sets, and how it sets it
SELECT completed, has_error FROM pg_background_run_v2('SET work_mem = ''3MB''; SET regress_pgbg.between = ''the job''''s''; SET regress_pgbg.new = ''new''; SET ROLE pgbackground_role; SET TIME ZONE ''Asia/Tokyo''');
SELECT pg_temp.asked('current_setting(''work_mem'') || '', '' || current_setting(''regress_pgbg.between'') || '', '' || coalesce(current_setting(''regress_pgbg.new'', true), '''') || '', '' || (current_user = session_user)');
SELECT completed, has_error FROM pg_background_run_v2('SELECT set_config(''search_path'', ''nowhere'', false), set_config(''regress_pgbg.between'', ''x'', false)');
SELECT pg_temp.asked('current_schemas(false)::text || '', '' || current_setting(''regress_pgbg.between'')');

-- sequences, prepared statements, cursors, temporary tables, advisory locks, jobs of the job, notifications, large objects
CREATE SEQUENCE regress_pgbg_sequence;
SELECT pg_temp.asked('nextval(''regress_pgbg_sequence'')');
SELECT sqlstate FROM pg_background_run_v2('SELECT lastval()');
SELECT sqlstate FROM pg_background_run_v2('SELECT currval(''regress_pgbg_sequence'')');
DROP SEQUENCE regress_pgbg_sequence;
SELECT completed, has_error FROM pg_background_run_v2('PREPARE p AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1; SELECT pg_advisory_lock(4720), pg_advisory_lock_shared(4721)');
SELECT pg_temp.asked('(SELECT count(*) FROM pg_prepared_statements) + (SELECT count(*) FROM pg_cursors WHERE name = ''c'') + (SELECT count(*) FROM pg_locks WHERE locktype = ''advisory'' AND pid = pg_backend_pid())');
SELECT completed, has_error FROM pg_background_run_v2('CREATE TEMPORARY TABLE regress_pgbg_t AS SELECT 1; CREATE TEMPORARY SEQUENCE regress_pgbg_s');
SELECT pg_temp.asked('coalesce(to_regclass(''regress_pgbg_t'')::text, ''none'') || coalesce(to_regclass(''regress_pgbg_s'')::text, ''none'')');
-- with settings that a used temporary schema does not take back
SELECT completed, has_error FROM pg_background_run_v2('SET temp_buffers = ''1MB''; CREATE TEMPORARY TABLE regress_pgbg_t AS SELECT 1');
SET temp_buffers = '2MB';
SELECT pg_temp.asked('current_setting(''temp_buffers'')');
RESET temp_buffers;
SELECT pg_temp.asked('current_setting(''temp_buffers'')');
SELECT completed, has_error FROM pg_background_run_v2($$SELECT (pg_background_submit_v2('SELECT 1', 0, 'left')).pid, (pg_background_launch_v2('SELECT 1 / 0')).pid$$);
SELECT pg_temp.asked('(SELECT count(*) FROM pg_background_list) || '', '' || (SELECT workers_launched FROM pg_background_stats_v2())');
SELECT completed, has_error FROM pg_background_run_v2('SELECT pg_background_progress(77, ''of the other'')');
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_background_get_progress_v2(:pid, :cookie) IS NULL AS none;
SELECT pg_background_detach_v2(:pid, :cookie);

-- after errors of all sorts the next job is as good as new
SELECT sqlstate, pg_temp.asked('40 + 2') AS next FROM unnest(ARRAY['SELECT 1 / 0', 'SELEC', 'COMMIT', 'SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)',
    'DO $$BEGIN PERFORM * FROM nowhere; END$$', 'CREATE TEMPORARY TABLE t (i int4 UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO t VALUES (1), (1)',
    'SET work_mem = ''9MB''; SET LOCAL search_path = nowhere; SELECT 1 / 0', 'SAVEPOINT s']) WITH ORDINALITY AS u(sql, n), pg_background_run_v2(sql) ORDER BY n;

-- and mostly on the same worker
SELECT count(DISTINCT r.pid), count(DISTINCT sqlstate) FROM generate_series(1, 100) i, LATERAL pg_background_run_v2(format('SELECT 1 / (%s - %s)', i, i)) AS r;
SELECT count(DISTINCT r.pid), count(*) FILTER (WHERE has_error) FROM generate_series(1, 100) i, LATERAL pg_background_run_v2(CASE WHEN i % 2 = 0 THEN 'SELEC' ELSE 'SELECT 1' END) AS r;

-- what the session, or anybody, changes in between is seen
CREATE TABLE regress_pgbg_warm (id int4);
SELECT * FROM pg_background_run_query_v2('TABLE regress_pgbg_warm') AS (id int4);
INSERT INTO regress_pgbg_warm VALUES (1);
SELECT * FROM pg_background_run_query_v2('TABLE regress_pgbg_warm') AS (id int4);
ALTER TABLE regress_pgbg_warm ADD COLUMN what text DEFAULT 'added';
SELECT * FROM pg_background_run_query_v2('TABLE regress_pgbg_warm') AS (id int4, what text);
ALTER TABLE regress_pgbg_warm DROP COLUMN id;
SELECT * FROM pg_background_run_query_v2('TABLE regress_pgbg_warm') AS (what text);
CREATE FUNCTION regress_pgbg_f() RETURNS int4 LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$;
SELECT pg_temp.asked('regress_pgbg_f()');
CREATE OR REPLACE FUNCTION regress_pgbg_f() RETURNS int4 LANGUAGE plpgsql AS $$BEGIN RETURN 2; END$$;
SELECT pg_temp.asked('regress_pgbg_f()');
DROP FUNCTION regress_pgbg_f();
SELECT sqlstate FROM pg_background_run_v2('SELECT regress_pgbg_f()');
DROP TABLE regress_pgbg_warm;
SELECT sqlstate FROM pg_background_run_v2('TABLE regress_pgbg_warm');
CREATE ROLE regress_pgbg_r;
SELECT sqlstate FROM pg_background_run_v2('SET ROLE regress_pgbg_r');
DROP ROLE regress_pgbg_r;
SELECT sqlstate FROM pg_background_run_v2('SET ROLE regress_pgbg_r');

-- large and small queues, launched and submitted ones, in turn
SELECT count(*) FROM (SELECT i, (SELECT count(*) FROM pg_background_run_query_v2('SELECT repeat(''x'', 1000) FROM generate_series(1, 100)', CASE i % 3 WHEN 0 THEN 65536 WHEN 1 THEN 1024 * 1024 ELSE 0 END) AS (x text)) AS n
                      FROM generate_series(1, 30) i) x WHERE n = 100;
SELECT count(*) FILTER (WHERE completed AND NOT has_error AND row_count = 1) FROM generate_series(1, 2000) i, LATERAL pg_background_run_v2('SELECT ' || i);
-- rows of a job that nobody has read yet stay while its worker does others
SELECT pid, cookie FROM pg_background_launch_v2('SELECT generate_series(1, 1000)') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT count(*) FROM generate_series(1, 10) i WHERE (pg_background_run_v2('SELECT ' || i)).completed;
SELECT count(*), sum(n) FROM pg_background_result_v2(:pid, :cookie) AS (n int4);

-- no warm workers: those that are idle leave, and every job has a worker of its own
SET pg_background.worker_idle_timeout = 0;
SELECT count(DISTINCT r.pid) FROM generate_series(1, 5) i, LATERAL pg_background_run_v2('SELECT ' || i) r;
SET pg_background.worker_idle_timeout = '1h';
-- the end of the session is the end of its idle workers
SELECT pid AS last FROM pg_background_run_v2('SELECT 1') \gset
\c -
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pg_background' AND datname = current_database());
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
SELECT count(*) FROM pg_stat_activity WHERE pid = :last;
