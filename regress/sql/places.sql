--
-- Launching from all kinds of places.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_audit (what text);
CREATE TABLE regress_pgbg_place (id int4, what text);

-- an autonomous transaction: the row stays, whatever becomes of the caller
CREATE FUNCTION regress_pgbg_log(what text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r pg_background_run_result := pg_background_run_v2(format('INSERT INTO regress_pgbg_audit VALUES (%L)', what));
BEGIN
    IF r.has_error THEN RAISE EXCEPTION '%', r.error_message; END IF;
END
$$;
BEGIN;
SELECT regress_pgbg_log('in a transaction');
SAVEPOINT s;
SELECT regress_pgbg_log('in a subtransaction');
ROLLBACK TO s;
SELECT 1 / 0;
ROLLBACK;
-- in a DO block whose exception is caught, and whose is not
DO $$
BEGIN
    PERFORM regress_pgbg_log('before the exception');
    PERFORM 1 / 0;
EXCEPTION WHEN division_by_zero THEN
    PERFORM regress_pgbg_log('in the handler');
END
$$;
DO $$
BEGIN
    PERFORM regress_pgbg_log('before it fails');
    RAISE EXCEPTION 'it fails';
END
$$;
TABLE regress_pgbg_audit ORDER BY what COLLATE "C";
TRUNCATE regress_pgbg_audit;

-- from triggers: for each row, for the statement, deferred to the commit, of an event
CREATE FUNCTION regress_pgbg_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM regress_pgbg_log(TG_WHEN || ' ' || TG_OP || ' ' || TG_LEVEL || coalesce(' ' || new.id, ''));
    RETURN new;
END
$$;
CREATE TRIGGER a BEFORE INSERT ON regress_pgbg_place FOR EACH ROW EXECUTE FUNCTION regress_pgbg_trigger();
CREATE TRIGGER b AFTER INSERT ON regress_pgbg_place FOR EACH STATEMENT EXECUTE FUNCTION regress_pgbg_trigger();
CREATE CONSTRAINT TRIGGER c AFTER INSERT ON regress_pgbg_place DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION regress_pgbg_trigger();
BEGIN;
INSERT INTO regress_pgbg_place VALUES (1), (2);
ROLLBACK;
INSERT INTO regress_pgbg_place VALUES (3);
TABLE regress_pgbg_audit ORDER BY what COLLATE "C";
TRUNCATE regress_pgbg_audit;
DROP TRIGGER a ON regress_pgbg_place;
DROP TRIGGER b ON regress_pgbg_place;
DROP TRIGGER c ON regress_pgbg_place;
CREATE FUNCTION regress_pgbg_event() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM regress_pgbg_log(tg_tag); END$$;
CREATE EVENT TRIGGER regress_pgbg_event ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION regress_pgbg_event();
CREATE SCHEMA regress_pgbg_new;
DROP EVENT TRIGGER regress_pgbg_event;
DROP SCHEMA regress_pgbg_new;
TABLE regress_pgbg_audit;
TRUNCATE regress_pgbg_audit;

-- in a transaction that has failed: refused by the server, 25P02
BEGIN;
SELECT 1 / 0;
SELECT pg_background_launch_v2('SELECT 1');
ROLLBACK;
-- launched in a subtransaction that fails, in a transaction that fails: the job is there, and its rows
BEGIN;
SAVEPOINT s;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1', 0, 'a') \gset a_
SELECT 1 / 0;
ROLLBACK TO s;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 2', 0, 'b') \gset b_
SELECT * FROM pg_background_result_v2(:a_pid, :a_cookie) AS (n int4);
ROLLBACK;
SELECT label FROM pg_background_list;
SELECT * FROM pg_background_result_v2(:b_pid, :b_cookie) AS (n int4);

-- in prepared statements, cursors, rules, views, defaults, checks, generated values, CASE, aggregates, SQL and PL/pgSQL functions
PREPARE launch(text) AS SELECT n FROM pg_background_run_query_v2($1) AS (n int4);
EXECUTE launch('SELECT 1');
EXECUTE launch('SELECT 2');
DEALLOCATE launch;
CREATE VIEW regress_pgbg_view AS SELECT n FROM pg_background_run_query_v2('SELECT generate_series(1, 3)') AS (n int4);
SELECT sum(n) FROM regress_pgbg_view;
BEGIN;
DECLARE c CURSOR FOR SELECT n FROM regress_pgbg_view;
FETCH 1 FROM c;
FETCH 1 FROM c;
COMMIT;
DROP VIEW regress_pgbg_view;
ALTER TABLE regress_pgbg_place ALTER id SET DEFAULT (pg_background_run_v2('SELECT 1')).row_count, ADD CHECK ((pg_background_run_v2('SELECT 1')).completed);
INSERT INTO regress_pgbg_place (what) VALUES ('defaulted') RETURNING id;
CREATE FUNCTION regress_pgbg_in_sql(sql text) RETURNS SETOF int4 LANGUAGE sql AS $$ SELECT n FROM pg_background_run_query_v2(sql) AS (n int4) $$;
SELECT * FROM regress_pgbg_in_sql('SELECT 3');
SELECT regress_pgbg_in_sql('SELECT generate_series(1, 2)');
SELECT count(*) FROM generate_series(1, 5) i WHERE (pg_background_run_v2('SELECT ' || i)).completed;
DROP FUNCTION regress_pgbg_in_sql(text);
-- in a procedure that commits, before and after; jobs outlive its transactions
CREATE PROCEDURE regress_pgbg_procedure() LANGUAGE plpgsql AS $$
DECLARE
    h pg_background_handle;
    n int4;
BEGIN
    h := pg_background_launch_v2('SELECT generate_series(1, 1000)');
    COMMIT;
    SELECT count(*) INTO n FROM pg_background_result_v2(h.pid, h.cookie) AS (n int4);
    RAISE NOTICE 'rows: %', n;
    h := pg_background_launch_v2('SELECT 1');
    ROLLBACK;
    PERFORM pg_background_wait_v2(h.pid, h.cookie);
    RAISE NOTICE 'state: %', (pg_background_outcome_v2(h.pid, h.cookie)).state;
    PERFORM pg_background_detach_v2(h.pid, h.cookie);
END
$$;
CALL regress_pgbg_procedure();
DROP PROCEDURE regress_pgbg_procedure();

-- in a function with a search_path of its own, and with the extension in a schema that is on nobody's path
SELECT extnamespace::regnamespace AS home FROM pg_extension WHERE extname = 'pg_background' \gset
CREATE SCHEMA "regress pgbg";
ALTER EXTENSION pg_background SET SCHEMA "regress pgbg";
SET search_path = pg_catalog;
CREATE FUNCTION public.regress_pgbg_path() RETURNS text LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT path FROM "regress pgbg".pg_background_run_query_v2('SHOW search_path') AS (path text)
$$;
SELECT public.regress_pgbg_path();
SELECT pid, cookie FROM "regress pgbg".pg_background_launch_v2('SELECT "regress pgbg".pg_background_progress(50, ''half''), 1', 0, 'elsewhere') \gset
SELECT "regress pgbg".pg_background_wait_v2(:pid, :cookie);
SELECT * FROM "regress pgbg".pg_background_get_progress_v2(:pid, :cookie);
SELECT state, label FROM "regress pgbg".pg_background_outcome_v2(:pid, :cookie);
SELECT "regress pgbg".pg_background_status_v2(:pid, :cookie) ->> 'state' AS state;
SELECT sql_preview FROM "regress pgbg".pg_background_activity;
SELECT n FROM "regress pgbg".pg_background_result_v2(:pid, :cookie) AS (v text, n int4);
SELECT completed FROM "regress pgbg".pg_background_run_v2('SELECT 1');
SELECT w IS NULL AS none FROM "regress pgbg".pg_background_wait_any_v2('{}'::"regress pgbg".pg_background_handle[], 1) AS w;
SELECT count(*) FROM "regress pgbg".pg_background_drain_v2(ARRAY["regress pgbg".pg_background_launch_v2('SELECT 1')]);
RESET search_path;
DROP FUNCTION regress_pgbg_path();
ALTER EXTENSION pg_background SET SCHEMA :home;
DROP SCHEMA "regress pgbg";

-- SELECT (function(...)).* calls the function once for each column, as PostgreSQL does everywhere
SELECT s.workers_launched AS before FROM pg_background_stats_v2() AS s \gset
SELECT count(*) FROM (SELECT (pg_background_launch_v2('SELECT 1')).*) l WHERE pid > 0 AND cookie <> 0;
SELECT s.workers_launched - :before AS launched FROM pg_background_stats_v2() AS s;
SELECT pg_background_detach_all_v2() > 0 AS detached;

-- the parallel leader may launch; a parallel worker is never asked to
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE regress_pgbg_many AS SELECT i FROM generate_series(1, 1000) i;
SELECT count(*) FROM (SELECT (pg_background_run_v2('SELECT ' || i)).completed FROM regress_pgbg_many WHERE i % 250 = 0) x WHERE completed;
EXPLAIN (COSTS OFF) SELECT pg_background_launch_v2('SELECT ' || i) FROM regress_pgbg_many;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
DROP TABLE regress_pgbg_many, regress_pgbg_place, regress_pgbg_audit;
DROP FUNCTION regress_pgbg_trigger(), regress_pgbg_event(), regress_pgbg_log(text);
SELECT count(*) FROM pg_background_list;
