--
-- User code that runs while a result is being delivered, or a query over it is, and calls us back.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

-- A domain's constraint runs in the middle of the conversion of a row.
CREATE FUNCTION regress_pgbg_back(i int4) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    all_of_them pg_background_handle[] := ARRAY(SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_list WHERE label IS NOT NULL);
    h pg_background_handle := all_of_them[1];
BEGIN
    CASE current_setting('regress_pgbg.call')
        WHEN 'detach_all' THEN PERFORM pg_background_detach_all_v2();
        WHEN 'purge' THEN PERFORM pg_background_purge_v2();
        WHEN 'detach' THEN PERFORM pg_background_detach_v2(h.pid, h.cookie);
        WHEN 'drain' THEN PERFORM pg_background_drain_v2(all_of_them);
        WHEN 'result' THEN PERFORM * FROM pg_background_result_v2(h.pid, h.cookie) AS (n int4);
        WHEN 'result with a conversion' THEN PERFORM * FROM pg_background_result_v2(h.pid, h.cookie) AS (n text);
        WHEN 'wait' THEN PERFORM pg_background_wait_v2(h.pid, h.cookie), pg_background_wait_any_v2(all_of_them);
        WHEN 'cancel' THEN PERFORM pg_background_cancel_v2(h.pid, h.cookie), pg_background_cancel_all_v2(), pg_background_cancel_v2_grace(h.pid, h.cookie, 10);
        WHEN 'look' THEN PERFORM pg_background_outcome_v2(h.pid, h.cookie), pg_background_error_info_v2(h.pid, h.cookie), pg_background_full_sql_v2(h.pid, h.cookie);
        WHEN 'run' THEN PERFORM pg_background_run_v2('SELECT 1'), count(*) FROM pg_background_run_query_v2('SELECT generate_series(1, 10)') AS (n int4);
        WHEN 'launch many' THEN PERFORM pg_background_run_v2('SELECT ' || n) FROM generate_series(1, 1100) n WHERE i = 1;
        WHEN 'submit' THEN PERFORM pg_background_wait_v2(s.pid, s.cookie) FROM pg_background_submit_v2('SELECT 1') s;
        WHEN 'fail' THEN RETURN i < 2;
        WHEN 'error' THEN PERFORM 1 / (i - 2);
        WHEN 'caught' THEN
            BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN PERFORM pg_background_detach_all_v2(); END;
    END CASE;
    RETURN true;
END
$$;
CREATE DOMAIN regress_pgbg_calling AS int4 CHECK (regress_pgbg_back(VALUE));
-- Answers, or refuses with an error; never crashes, and the job is there or not.
CREATE FUNCTION pg_temp.read_while(call text, OUT rows int8, OUT error text, OUT listed int8) LANGUAGE plpgsql AS $$
DECLARE
    h pg_background_handle := pg_background_launch_v2('SELECT generate_series(1, 3)', 0, 'read');
BEGIN
    PERFORM set_config('regress_pgbg.call', call, true);
    BEGIN
        SELECT count(*) INTO rows FROM pg_background_result_v2(h.pid, h.cookie) AS (n regress_pgbg_calling);
    EXCEPTION WHEN OTHERS THEN
        error := SQLSTATE;
    END;
    listed := (SELECT count(*) FROM pg_background_list WHERE label = 'read');
    PERFORM pg_background_detach_all_v2();
END
$$;
SELECT call, r.* FROM unnest(ARRAY['detach_all', 'purge', 'detach', 'drain', 'result', 'result with a conversion', 'wait', 'cancel', 'look', 'run', 'launch many', 'submit',
                                   'fail', 'error', 'caught']) WITH ORDINALITY AS u(call, n), pg_temp.read_while(call) AS r ORDER BY n;
SELECT count(*) FROM pg_background_list;
-- the same in the middle of what run_query_v2 reads
SET regress_pgbg.call = 'detach_all';
SELECT * FROM pg_background_run_query_v2('SELECT generate_series(1, 3)') AS (n regress_pgbg_calling);
SET regress_pgbg.call = 'error';
\set SHOW_CONTEXT never
SELECT * FROM pg_background_run_query_v2('SELECT generate_series(1, 3)') AS (n regress_pgbg_calling);
\set SHOW_CONTEXT errors
SELECT count(*) FROM pg_background_list;
DROP DOMAIN regress_pgbg_calling;
DROP FUNCTION regress_pgbg_back(int4);

-- The query over a result calls us for each of its rows.
SELECT pid, cookie FROM pg_background_launch_v2('SELECT generate_series(1, 3)') \gset
SELECT n, pg_background_detach_all_v2(), pg_background_purge_v2(), (SELECT count(*) FROM pg_background_list) FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
SELECT a.n, b.n FROM pg_background_run_query_v2('VALUES (1), (2)') AS a(n int4), LATERAL pg_background_run_query_v2('SELECT 10 * ' || a.n) AS b(n int4) ORDER BY 1, 2;
SELECT * FROM ROWS FROM (pg_background_run_query_v2('VALUES (1), (2)') AS (n int4), pg_background_run_query_v2('VALUES (3)') AS (n int4), generate_series(1, 3)) AS x(a, b, c);
-- the list while the query over it takes from it
SELECT count(*) FROM (SELECT pg_background_submit_v2('SELECT ' || i) FROM generate_series(1, 3) i OFFSET 0) s;
SELECT count(*) FROM (SELECT pg_background_detach_v2(pid, cookie) FROM pg_background_list OFFSET 0) d;
SELECT count(*) FROM pg_background_list;

-- dropped and made again: what the session knows of its jobs is not the extension's
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1', 0, 'kept') \gset
BEGIN;
SET LOCAL client_min_messages = warning;
DROP EXTENSION pg_background;
CREATE EXTENSION pg_background;
SELECT label FROM pg_background_list;
ROLLBACK;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
-- after DISCARD ALL the session is another client's
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1', 0, 'kept') \gset
DISCARD ALL;
SELECT label FROM pg_background_list;

-- SQL, labels and patterns from a table: short, compressed and out-of-line values
CREATE TABLE regress_pgbg_texts (id int4, sql text, label text);
INSERT INTO regress_pgbg_texts VALUES (1, 'SELECT 1', 'l'), (2, 'SELECT 2', repeat('l', 126)), (3, 'SELECT 3 --' || repeat(' comment', 10000), repeat('long', 10000)),
    (4, 'SELECT 4 --' || (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i), (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i));
SELECT t.id, r.* FROM regress_pgbg_texts t, LATERAL pg_background_run_query_v2(t.sql, 0, 0, t.label) AS r(n int4) ORDER BY t.id;
SELECT count(*) FROM (SELECT pg_background_launch_v2(t.sql, 0, t.label) FROM regress_pgbg_texts t OFFSET 0) l;
SELECT t.id, l.label = t.label AS label, pg_background_full_sql_v2(l.pid, l.cookie) = t.sql AS sql FROM regress_pgbg_texts t JOIN pg_background_list l ON left(t.sql, 8) = left(l.sql_preview, 8) ORDER BY t.id;
SELECT count(*) FROM (SELECT pg_background_cancel_by_label_v2(label) FROM regress_pgbg_texts OFFSET 0) c;
SELECT count(*) FROM pg_background_drain_v2((SELECT array_agg(ROW(pid, cookie)::pg_background_handle) FROM pg_background_list));
-- handles from a table
CREATE TABLE regress_pgbg_handles (h pg_background_handle, hs pg_background_handle[]);
INSERT INTO regress_pgbg_handles SELECT h, ARRAY[h, h] FROM pg_background_launch_v2('SELECT 1') h;
SELECT pg_background_wait_v2((h).pid, (h).cookie), (pg_background_wait_any_v2(hs) IS NOT NULL) AS any FROM regress_pgbg_handles;
SELECT state FROM regress_pgbg_handles, pg_background_drain_v2(hs);
-- many of them
INSERT INTO regress_pgbg_handles SELECT NULL, array_agg(h) FROM (SELECT h, generate_series(1, 20000) FROM pg_background_submit_v2('SELECT 1') h) x;
SELECT count(*), min(state) FROM regress_pgbg_handles t, pg_background_drain_v2(t.hs) WHERE t.h IS NULL;
DROP TABLE regress_pgbg_texts, regress_pgbg_handles;

-- a job that ends itself
SELECT completed, has_error, sqlstate FROM pg_background_run_v2('SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)');
SELECT completed, has_error, sqlstate FROM pg_background_run_v2('SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(60)');
SELECT pid, cookie FROM pg_background_launch_v2('SELECT i, CASE WHEN i = 50000 THEN pg_terminate_backend(pg_backend_pid()) END, pg_sleep(0) FROM generate_series(1, 60000) i', 65536) \gset
\set VERBOSITY sqlstate
SELECT count(*) FROM pg_background_result_v2(:pid, :cookie) AS (i int4, b bool, v text);
\set VERBOSITY default
SELECT state, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
-- a reader that gives up while rows are converted afterwards may come again
SELECT pid, cookie FROM pg_background_launch_v2('SET statement_timeout = 0; SELECT i FROM generate_series(1, 3) i, pg_sleep(0.3)') \gset
SET statement_timeout = '50ms';
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n text);
RESET statement_timeout;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n text);
SELECT count(*) FROM pg_background_list;
