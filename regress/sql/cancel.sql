--
-- Cancelling, with and without grace, one, all, by label.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_cancel (id int4);
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

-- a job that sleeps: 57014, rolled back, state canceled
SELECT pid, cookie FROM pg_background_launch_v2('INSERT INTO regress_pgbg_cancel VALUES (1); SELECT pg_sleep(600)') \gset
SELECT pg_temp.until($$EXISTS (SELECT FROM pg_background_activity WHERE wait_event = 'PgSleep')$$);
SELECT pg_background_cancel_v2(:pid, :cookie);
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, completed, has_error, row_count, command_tag, sqlstate, error_message FROM pg_background_outcome_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x text);
SELECT count(*) FROM regress_pgbg_cancel;
-- cancelling a finished job does nothing
SELECT pg_background_cancel_v2(:pid, :cookie), pg_background_cancel_v2_grace(:pid, :cookie, 100);
SELECT state, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);

-- right after launching: it never does what it was launched for
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset
SELECT pg_background_cancel_v2(:pid, :cookie);
SELECT pg_background_cancel_v2(:pid, :cookie);
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);

-- between two statements: what comes after is not begun
SELECT pid, cookie FROM pg_background_launch_v2($$
    DO $d$BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(0.1); END$d$;
    INSERT INTO regress_pgbg_cancel VALUES (2) $$) \gset
SELECT pg_temp.until($$EXISTS (SELECT FROM pg_background_activity WHERE wait_event = 'PgSleep')$$);
SELECT pg_background_cancel_v2(:pid, :cookie);
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT count(*) FROM regress_pgbg_cancel;
SELECT pg_background_detach_v2(:pid, :cookie);

-- a job that goes on after a cancel: the grace ends its worker, and never more than that
SELECT pid, cookie FROM pg_background_launch_v2($$
    DO $d$BEGIN
        LOOP
            BEGIN
                PERFORM pg_sleep(600);
            EXCEPTION WHEN query_canceled THEN
            END;
        END LOOP;
    END$d$ $$, 0, 'stubborn') \gset
SELECT pg_temp.until($$EXISTS (SELECT FROM pg_background_activity WHERE wait_event = 'PgSleep')$$);
SELECT pg_background_cancel_v2(:pid, :cookie);
SELECT pg_background_wait_v2_timeout(:pid, :cookie, 100);
SELECT pg_background_cancel_v2_grace(:pid, :cookie, 50);
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, completed, has_error, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);

-- grace for a job that minds it; out of range is clamped
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset a_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset b_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset c_
SELECT pg_temp.until($$(SELECT count(*) FROM pg_background_activity WHERE wait_event = 'PgSleep') = 3$$);
SELECT pg_background_cancel_v2_grace(:a_pid, :a_cookie, 60000);
SELECT pg_background_cancel_v2_grace(:b_pid, :b_cookie, 2147483647);
SELECT state, completed, sqlstate FROM pg_background_outcome_v2(:a_pid, :a_cookie);
SELECT state, completed, sqlstate FROM pg_background_outcome_v2(:b_pid, :b_cookie);
SELECT pg_background_cancel_v2_grace(:c_pid, :c_cookie, -1);
SELECT pg_background_wait_v2(:c_pid, :c_cookie);
SELECT state FROM pg_background_outcome_v2(:c_pid, :c_cookie);

-- all: running ones only
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)', 0, 'd') \gset d_
SELECT pid, cookie FROM pg_background_submit_v2('SELECT pg_sleep(600)', 0, 'e') \gset e_
SELECT pg_background_cancel_all_v2();
SELECT pg_background_wait_v2(:d_pid, :d_cookie), pg_background_wait_v2(:e_pid, :e_cookie);
SELECT pg_background_cancel_all_v2();
SELECT label, state FROM pg_background_list ORDER BY label;
SELECT pg_background_purge_v2();

-- by label, as LIKE
CREATE FUNCTION pg_temp.sleepers(VARIADIC labels text[]) RETURNS int8 LANGUAGE sql AS $$
    SELECT count(pg_background_launch_v2('SELECT pg_sleep(600)', 0, label)) FROM unnest(labels) AS label
$$;
SELECT pg_temp.sleepers('etl: load', 'etl: clean', 'ETL: load', 'etl', NULL);
SELECT pg_background_cancel_by_label_v2('no such label') AS none;
SELECT pg_background_cancel_by_label_v2('') AS none;
SELECT pg_background_cancel_by_label_v2('etl: %', 60000) AS two;
SELECT label, state IN ('starting', 'running') AS runs, state = 'canceled' AS canceled FROM pg_background_list ORDER BY label COLLATE "C";
-- those that have ended are not counted, those without a label are never meant
SELECT pg_background_cancel_by_label_v2('%', 60000) AS two;
SELECT pg_background_cancel_by_label_v2('%') AS none;
SELECT count(*) FROM pg_background_list WHERE state IN ('starting', 'running');
SELECT pg_background_cancel_all_v2();
SELECT pg_background_cancel_by_label_v2(NULL) IS NULL AS is_null;
SELECT count(*) FROM pg_background_drain_v2(ARRAY(SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_list));
-- wildcards, escaped ones, characters of several bytes, without grace
SELECT pg_temp.sleepers('100%', '100 %', 'a_b', 'axb', 'größe');
SELECT pg_background_cancel_by_label_v2('100\%') AS one;
SELECT pg_background_cancel_by_label_v2('a\_b') AS one;
SELECT pg_background_cancel_by_label_v2('gr__e') AS one;
SELECT count(*) FROM pg_background_drain_v2(ARRAY(SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_list WHERE label IN ('100%', 'a_b', 'größe')));
SELECT label, state IN ('starting', 'running') AS runs FROM pg_background_list ORDER BY label COLLATE "C";
SELECT pg_background_cancel_by_label_v2('%', 60000) AS two;
SELECT pg_background_detach_all_v2();
-- refused: a pattern that ends with the escape character, 22025
SELECT pg_temp.sleepers('x');
\set VERBOSITY sqlstate
SELECT pg_background_cancel_by_label_v2('\');
\set VERBOSITY default
SELECT pg_background_cancel_all_v2();
SELECT pg_background_detach_all_v2();

-- output that nobody reads is in a file: the job goes on, and can be cancelled
SELECT pid, cookie FROM pg_background_launch_v2('SELECT repeat(''x'', 1000), CASE WHEN g = 10000 THEN pg_sleep(600) END FROM generate_series(1, 10000) g', 65536) \gset
SELECT pg_temp.until($$EXISTS (SELECT FROM pg_background_activity WHERE wait_event = 'PgSleep')$$);
SELECT pg_background_cancel_v2_grace(:pid, :cookie, 60000);
SELECT state, completed, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x text);
SELECT pg_background_detach_v2(:pid, :cookie);

-- cancelled by somebody else: the same outcome
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset
SELECT pg_temp.until($$EXISTS (SELECT FROM pg_background_activity WHERE wait_event = 'PgSleep')$$);
SELECT pg_cancel_backend(:pid);
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, sqlstate, error_message FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
-- terminated by an administrator: 57P01
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \gset
SELECT pg_temp.until($$EXISTS (SELECT FROM pg_background_activity WHERE wait_event = 'PgSleep')$$);
SELECT pg_terminate_backend(:pid);
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, completed, has_error, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
\set VERBOSITY sqlstate
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x text);
\set VERBOSITY default
SELECT pg_background_detach_v2(:pid, :cookie);
SELECT count(*) FROM pg_background_list;
DROP TABLE regress_pgbg_cancel;
