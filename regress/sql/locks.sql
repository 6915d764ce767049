--
-- A caller and its worker that wait for each other, and commands that wait for the caller's snapshot.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE FUNCTION pg_temp.until(condition text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    is_true bool;
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXECUTE 'SELECT ' || condition INTO is_true;
        EXIT WHEN is_true;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN is_true;
END
$$;
SET deadlock_timeout = '50ms';
CREATE TABLE regress_pgbg_locks (id int4, n int4);
INSERT INTO regress_pgbg_locks SELECT i, 0 FROM generate_series(1, 10) i;

-- a table of the caller's transaction: 40P01, the worker is cancelled
BEGIN;
LOCK TABLE regress_pgbg_locks;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT count(*) FROM regress_pgbg_locks') \gset
\set VERBOSITY terse
SELECT pg_background_wait_v2(:pid, :cookie);
ROLLBACK;
\set VERBOSITY default
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
-- by result, run_v2, run_query_v2, drain
BEGIN;
UPDATE regress_pgbg_locks SET n = 1 WHERE id = 1;
SAVEPOINT s;
\set VERBOSITY sqlstate
SELECT pid, cookie FROM pg_background_launch_v2('UPDATE regress_pgbg_locks SET n = 2 WHERE id = 1') \gset
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (tag text);
ROLLBACK TO s;
SELECT pg_background_run_v2('UPDATE regress_pgbg_locks SET n = 2 WHERE id = 1');
ROLLBACK TO s;
SELECT * FROM pg_background_run_query_v2('UPDATE regress_pgbg_locks SET n = 2 WHERE id = 1 RETURNING n') AS (n int4);
ROLLBACK TO s;
-- drain: if any one of them
SELECT pid, cookie FROM pg_background_launch_v2('UPDATE regress_pgbg_locks SET n = 2 WHERE id = 1') \gset a_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset b_
SELECT * FROM pg_background_drain_v2(ARRAY[ROW(:a_pid, :a_cookie), ROW(:b_pid, :b_cookie)]::pg_background_handle[]);
ROLLBACK TO s;
-- wait_any: only if all of them
SELECT pid, cookie FROM pg_background_launch_v2('UPDATE regress_pgbg_locks SET n = 2 WHERE id = 1') \gset a_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(0.3)') \gset c_
SELECT w.cookie = :c_cookie AS the_other FROM pg_background_wait_any_v2(ARRAY[ROW(:a_pid, :a_cookie), ROW(:c_pid, :c_cookie)]::pg_background_handle[]) w;
SELECT pg_background_wait_any_v2(ARRAY[ROW(:a_pid, :a_cookie)]::pg_background_handle[]);
ROLLBACK TO s;
-- through a third: a worker that waits for a worker that waits for the caller
SELECT pid, cookie FROM pg_background_launch_v2('LOCK TABLE regress_pgbg_locks IN SHARE UPDATE EXCLUSIVE MODE; UPDATE regress_pgbg_locks SET n = 2 WHERE id = 1') \gset a_
SELECT pg_temp.until(format('EXISTS (SELECT FROM pg_locks WHERE pid = %s AND NOT granted)', :a_pid));
SELECT pid, cookie FROM pg_background_launch_v2('LOCK TABLE regress_pgbg_locks IN SHARE UPDATE EXCLUSIVE MODE; SELECT 1') \gset d_
SELECT pg_background_wait_v2(:d_pid, :d_cookie);
ROLLBACK TO s;
-- through the worker's own worker, and through that one's
SELECT pg_background_run_v2($$SELECT * FROM pg_background_run_v2('UPDATE regress_pgbg_locks SET n = 2 WHERE id = 1')$$);
ROLLBACK TO s;
SELECT pid, cookie FROM pg_background_launch_v2($a$SELECT * FROM pg_background_run_v2($b$SELECT * FROM pg_background_run_v2(
    'UPDATE regress_pgbg_locks SET n = 2 WHERE id = 1')$b$)$a$) \gset e_
SELECT pg_background_wait_v2(:e_pid, :e_cookie);
ROLLBACK TO s;
-- each run that was cancelled cancels its own
SELECT pg_background_wait_v2(:e_pid, :e_cookie);
SELECT pg_temp.until(format('(SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> %s) = 0', :a_pid));
ROLLBACK;
\set VERBOSITY default
SELECT pg_background_cancel_v2(:b_pid, :b_cookie);
SELECT sqlstate, count(*) FROM pg_background_drain_v2(ARRAY(SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_list)) GROUP BY sqlstate ORDER BY sqlstate;
SELECT n FROM regress_pgbg_locks WHERE id = 1;

-- a time-out shorter than deadlock_timeout passes first: false, and the worker goes on
SET deadlock_timeout = '10s';
BEGIN;
LOCK TABLE regress_pgbg_locks;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT count(*) FROM regress_pgbg_locks') \gset
SELECT pg_background_wait_v2_timeout(:pid, :cookie, 0), pg_background_wait_v2_timeout(:pid, :cookie, 50);
SELECT pg_background_wait_any_v2(ARRAY[ROW(:pid, :cookie)]::pg_background_handle[], 50) IS NULL AS timed_out;
COMMIT;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (count int8);
SET deadlock_timeout = '50ms';

-- a worker that waits for somebody else is no deadlock
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(4718), pg_sleep(0.3)') \gset a_
SELECT pg_temp.until($$EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4718 AND granted)$$);
SELECT completed, has_error FROM pg_background_run_v2('SELECT pg_advisory_xact_lock(4718)');
SELECT pg_background_detach_v2(:a_pid, :a_cookie);

-- nor is one whose own worker does
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(4718), pg_sleep(0.3)') \gset a_
SELECT pg_temp.until($$EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4718 AND granted)$$);
BEGIN;
UPDATE regress_pgbg_locks SET n = n WHERE id = 1;
SELECT * FROM pg_background_run_query_v2($$SELECT completed, has_error FROM pg_background_run_v2('SELECT pg_advisory_xact_lock(4718)')$$) AS (completed bool, has_error bool);
-- nor one that does not wait for its own any more: one of its workers waits for it, the other for us
SELECT pid, cookie FROM pg_background_launch_v2($$DO $d$
    DECLARE
        handles pg_background_handle[];
    BEGIN
        PERFORM pg_advisory_xact_lock(4721);
        handles[1] := pg_background_launch_v2('SELECT pg_advisory_xact_lock(4721)');
        handles[2] := pg_background_launch_v2('UPDATE regress_pgbg_locks SET n = 2 WHERE id = 1');
        BEGIN
            PERFORM * FROM pg_background_drain_v2(handles);
        EXCEPTION WHEN deadlock_detected THEN
            PERFORM pg_background_progress(50, 'did not wait for ever');
        END;
        PERFORM pg_sleep(0.5);
        PERFORM pg_background_cancel_v2(handles[2].pid, handles[2].cookie);
    END$d$; SELECT 1$$) \gset f_
SELECT pg_temp.until(format('(SELECT progress_pct FROM pg_background_get_progress_v2(%s, %s)) = 50', :f_pid, :f_cookie));
SELECT * FROM pg_background_result_v2(:f_pid, :f_cookie) AS (one int4);
ROLLBACK;
SELECT pg_background_detach_v2(:a_pid, :a_cookie);
-- a deadlock among two jobs is PostgreSQL's to find: one of them fails, the other goes on
SELECT pg_advisory_lock(4719);
SELECT pid, cookie FROM pg_background_launch_v2('UPDATE regress_pgbg_locks SET n = n + 1 WHERE id = 2; SELECT pg_advisory_xact_lock_shared(4719); UPDATE regress_pgbg_locks SET n = n + 1 WHERE id = 3') \gset a_
SELECT pid, cookie FROM pg_background_launch_v2('UPDATE regress_pgbg_locks SET n = n + 1 WHERE id = 3; SELECT pg_advisory_xact_lock_shared(4719); UPDATE regress_pgbg_locks SET n = n + 1 WHERE id = 2') \gset b_
SELECT pg_temp.until($$(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4719 AND NOT granted) = 2$$);
SELECT pg_advisory_unlock(4719);
SELECT coalesce(sqlstate, state) AS outcome FROM pg_background_drain_v2(ARRAY[ROW(:a_pid, :a_cookie), ROW(:b_pid, :b_cookie)]::pg_background_handle[]) ORDER BY outcome;
SELECT id, n FROM regress_pgbg_locks WHERE id IN (2, 3) ORDER BY id;

--
-- CREATE INDEX CONCURRENTLY and the like wait for every older snapshot
--
-- launched, and polled in statements of their own
SELECT pid, cookie FROM pg_background_launch_v2('CREATE INDEX CONCURRENTLY regress_pgbg_index ON regress_pgbg_locks (n)') \gset
CREATE PROCEDURE pg_temp.poll(pid int4, cookie int8) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN pg_background_wait_v2_timeout(pid, cookie, 0);
        COMMIT;
        PERFORM pg_sleep(0.01);
        COMMIT;
    END LOOP;
END
$$;
CALL pg_temp.poll(:pid, :cookie);
SELECT pg_background_wait_v2_timeout(:pid, :cookie, 0);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (tag text);
SELECT indisvalid FROM pg_index WHERE indexrelid = 'regress_pgbg_index'::regclass;
SELECT pid, cookie FROM pg_background_submit_v2('REINDEX TABLE CONCURRENTLY regress_pgbg_locks') \gset
CALL pg_temp.poll(:pid, :cookie);
SELECT state, command_tag, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
SELECT pid, cookie FROM pg_background_launch_v2('DROP INDEX CONCURRENTLY regress_pgbg_index') \gset
CALL pg_temp.poll(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (tag text);
-- waited for in one statement, which is such a snapshot: 40P01, with a hint that says so
\set SHOW_CONTEXT never
DO $$
DECLARE
    h pg_background_handle;
    message text;
    hint text;
BEGIN
    PERFORM count(*) FROM regress_pgbg_locks;
    h := pg_background_launch_v2('CREATE INDEX CONCURRENTLY regress_pgbg_index ON regress_pgbg_locks (n)');
    PERFORM pg_background_wait_v2(h.pid, h.cookie);
EXCEPTION WHEN deadlock_detected THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RAISE NOTICE '%: %', SQLSTATE, message USING HINT = hint;
END
$$;
SELECT state, sqlstate FROM pg_background_drain_v2(ARRAY(SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_list));
DROP INDEX IF EXISTS regress_pgbg_index;
-- two statements of a transaction that keeps its snapshot in between
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pid, cookie FROM pg_background_launch_v2('CREATE INDEX CONCURRENTLY regress_pgbg_index ON regress_pgbg_locks (n)') \gset
\set VERBOSITY sqlstate
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (tag text);
ROLLBACK;
SELECT pg_background_run_v2('CREATE INDEX CONCURRENTLY regress_pgbg_index_2 ON regress_pgbg_locks (n)');
\set VERBOSITY default
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_background_detach_all_v2();
SELECT pg_temp.until('workers_active = 0 FROM pg_background_stats_v2()');
DROP TABLE regress_pgbg_locks;
SELECT count(*) FROM pg_background_list;
