--
-- Code of version 1 over version 2.1: process IDs where there are handles now.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_pids (pid int4, note text);

-- in PL/pgSQL
DO $$
DECLARE
    pid int := pg_background_launch('SELECT 1');
    other int;
    n int;
BEGIN
    SELECT pg_background_launch('SELECT 2') INTO other;
    SELECT r.n INTO n FROM pg_background_result(pid) AS r(n int);
    RAISE NOTICE '%', n;
    SELECT r.n INTO n FROM pg_background_result(other) AS r(n int);
    RAISE NOTICE '%', n;
    pid := pg_background_launch('SELECT 3', 65536);
    PERFORM pg_background_detach(pid);
END
$$;

-- one in the other
SELECT * FROM pg_background_result(pg_background_launch('SELECT 4, ''four''')) AS (n int, t text);
SELECT pg_background_detach(pg_background_launch('SELECT 5'));

-- in FROM, where pid is a column of the handle
SELECT r.* FROM pg_background_launch('SELECT 6') AS pid, pg_background_result(pid) AS r(n int);

-- kept in a column
INSERT INTO regress_pgbg_pids VALUES (pg_background_launch('SELECT 7'), 'values');
INSERT INTO regress_pgbg_pids SELECT pg_background_launch('SELECT 8'), 'select';
SELECT note, r.* FROM regress_pgbg_pids AS p, pg_background_result(p.pid) AS r(n int) ORDER BY note;
UPDATE regress_pgbg_pids SET pid = pg_background_launch('SELECT 9') WHERE note = 'values';
SELECT r.* FROM regress_pgbg_pids AS p, pg_background_result(p.pid) AS r(n int) WHERE note = 'values';

-- a function that returns an int
CREATE FUNCTION pg_temp.start(what text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN pg_background_launch(what); END $$;
SELECT r.* FROM pg_temp.start('SELECT 10') AS pid, pg_background_result(pid) AS r(n int);
CREATE FUNCTION pg_temp.start_sql(what text) RETURNS int LANGUAGE sql AS $$ SELECT pg_background_launch(what) $$;
SELECT r.* FROM pg_temp.start_sql('SELECT 11') AS pid, pg_background_result(pid) AS r(n int);

-- psql keeps a handle as it is shown
SELECT pg_background_launch('SELECT 12') AS pid \gset
SELECT * FROM pg_background_result(:'pid') AS (n int);
SELECT pg_background_launch('SELECT 12') AS pid \gset
SELECT * FROM pg_background_result(:pid) AS (n int);

-- an integer is the newest job on that process; while its result is unread, no other job runs there
SET pg_background.worker_idle_timeout = '1min';
SELECT pg_background_launch('SELECT 13')::int AS pid \gset
SELECT pg_background_wait(:pid);
SELECT count(*) AS others FROM generate_series(1, 20) AS i, LATERAL pg_background_run('SELECT ' || i) AS r WHERE r.pid = :pid;
SELECT * FROM pg_background_result(:pid) AS (n int);
-- launch_v2 gives a handle to keep, so its worker takes the next one
SELECT h.pid AS before FROM pg_background_launch_v2('SELECT 14') AS h, LATERAL pg_background_wait(h) \gset
SELECT (pg_background_run('SELECT 15')).pid = :before AS same_worker;
SELECT pg_background_detach_all();
RESET pg_background.worker_idle_timeout;

-- every function that takes a handle takes a process ID so
SELECT pg_background_launch('SELECT 16', label => 'sixteen')::int AS pid \gset
SELECT pg_background_wait(:pid), (pg_background_outcome(:pid)).label, pg_background_full_sql(:pid), (pg_background_result_info(:pid)).row_count;
SELECT pg_background_handle(:pid)::text = '(' || :pid || ',)' AS handle, pg_background_pid(pg_background_handle(:pid)) = :pid AS same, (:pid::pg_background_handle).cookie IS NULL AS no_cookie;
SELECT pg_background_detach(:pid);
-- refused: an unknown process ID, 42704
\set VERBOSITY sqlstate
SELECT * FROM pg_background_result(2147483647) AS (n int);
SELECT pg_background_detach(2147483647);
-- refused: what is left of version 1: a process ID as text, or as a smallint
SELECT * FROM pg_background_result('123') AS (n int);
SELECT * FROM pg_background_result(123::int2) AS (n int);
\set VERBOSITY default
-- NULL: no rows
SELECT * FROM pg_background_result(NULL::int4) AS (n int);

--
-- What ora2pg writes for PRAGMA AUTONOMOUS_TRANSACTION: a wrapper with the old name, and the body with _atx behind it.
--
CREATE TABLE regress_pgbg_log (message text);
CREATE FUNCTION pg_temp_log_atx(msg text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN
    INSERT INTO regress_pgbg_log VALUES (msg);
END;
$body$;
CREATE FUNCTION pg_temp_log(msg text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE
    v_query text;
BEGIN
    v_query := 'SELECT true FROM pg_temp_log_atx ( ' || quote_nullable(msg) || ' )';
    PERFORM * FROM pg_background_result(pg_background_launch(v_query)) AS p (ret boolean);
END;
$body$;
CREATE FUNCTION pg_temp_next_atx(start_at int) RETURNS bigint LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO regress_pgbg_log VALUES ('next after ' || start_at);
    RETURN start_at + 1;
END;
$body$;
CREATE FUNCTION pg_temp_next(start_at int) RETURNS bigint LANGUAGE plpgsql AS $body$
DECLARE
    v_query text;
    v_ret bigint;
BEGIN
    v_query := 'SELECT * FROM pg_temp_next_atx ( ' || quote_nullable(start_at) || ' )';
    SELECT v_ret2 INTO v_ret FROM pg_background_result(pg_background_launch(v_query)) AS p (v_ret2 bigint);
    RETURN v_ret;
END;
$body$;
CREATE PROCEDURE pg_temp_call_atx(msg text) LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO regress_pgbg_log VALUES (msg);
    COMMIT;
END;
$body$;
BEGIN;
SELECT pg_temp_log('it''s kept');
SELECT pg_temp_next(41);
SELECT * FROM pg_background_result(pg_background_launch('CALL pg_temp_call_atx ( ' || quote_nullable('called'::text) || ' )')) AS p (ret text);
ROLLBACK;
TABLE regress_pgbg_log;
DROP FUNCTION pg_temp_log, pg_temp_log_atx, pg_temp_next, pg_temp_next_atx;
DROP PROCEDURE pg_temp_call_atx;
DROP TABLE regress_pgbg_log, regress_pgbg_pids;
SELECT count(*) FROM pg_background_drain_all();
