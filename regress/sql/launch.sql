--
-- Launching, submitting, results and detaching: the functions of version 2.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_launch (id int4, what text);

-- a handle: process ID and cookie
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_backend_pid()') \gset
SELECT :pid > 0 AS pid, :cookie <> 0 AS cookie, pg_typeof(ROW(:pid, :cookie)::pg_background_handle) AS type;
SELECT worker = :pid AS same FROM pg_background_result_v2(:pid, :cookie) AS (worker int4);

-- every job has a cookie of its own
SELECT count(DISTINCT (h).cookie) FROM (SELECT pg_background_launch_v2('SELECT ' || i) AS h FROM generate_series(1, 10) i OFFSET 0) l;
SELECT pg_background_detach_all_v2();

-- queue size and label, by position and by name
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1', 65536) \gset a_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 2', 65536, 'two') \gset b_
SELECT pid, cookie FROM pg_background_launch_v2(sql => 'SELECT 3', queue_size => 0, label => 'drei: ''größer'' "als" 2') \gset c_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 4', 0, NULL) \gset d_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 5', 0, '') \gset e_
SELECT sql_preview, queue_size, label, label IS NULL AS no_label FROM pg_background_list ORDER BY sql_preview;
SELECT * FROM pg_background_result_v2(:a_pid, :a_cookie) AS (n int4);
SELECT * FROM pg_background_result_v2(:b_pid, :b_cookie) AS (n int4);
SELECT * FROM pg_background_result_v2(:c_pid, :c_cookie) AS (n int4);
SELECT * FROM pg_background_result_v2(:d_pid, :d_cookie) AS (n int4);
SELECT * FROM pg_background_result_v2(:e_pid, :e_cookie) AS (n int4);
-- a result that was read is forgotten
SELECT count(*) FROM pg_background_list;

\set VERBOSITY sqlstate
-- refused: once only, 42704; but that it has ended the server knows
SELECT * FROM pg_background_result_v2(:a_pid, :a_cookie) AS (n int4);
SELECT pg_background_wait_v2(:a_pid, :a_cookie);
SELECT pg_background_detach_v2(:a_pid, :a_cookie);

-- refused: a wrong cookie: 42704 for the result, 55000 elsewhere
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1', 0, 'right') \gset a_
SELECT * FROM pg_background_result_v2(:a_pid, :a_cookie + 1) AS (n int4);
SELECT pg_background_detach_v2(:a_pid, :a_cookie + 1);
SELECT pg_background_cancel_v2(:a_pid, :a_cookie + 1);
SELECT pg_background_cancel_v2_grace(:a_pid, :a_cookie + 1, 0);
SELECT pg_background_wait_v2(:a_pid, :a_cookie + 1);
SELECT pg_background_wait_v2_timeout(:a_pid, :a_cookie + 1, 0);
SELECT pg_background_wait_any_v2(ARRAY[ROW(:a_pid, :a_cookie + 1)]::pg_background_handle[]);
SELECT * FROM pg_background_drain_v2(ARRAY[ROW(:a_pid, :a_cookie + 1)]::pg_background_handle[]);
SELECT pg_background_result_info_v2(:a_pid, :a_cookie + 1);
SELECT pg_background_error_info_v2(:a_pid, :a_cookie + 1);
SELECT pg_background_full_sql_v2(:a_pid, :a_cookie + 1);
-- cookies cannot be guessed: none of many is near another, and none that is near, or a bit away, is accepted
CREATE TEMPORARY TABLE cookies AS SELECT l.* FROM generate_series(1, 300) g, LATERAL pg_background_launch_v2('SELECT ' || g) AS l, LATERAL pg_background_wait_v2(l.pid, l.cookie) w;
SELECT count(DISTINCT cookie) AS cookies, count(*) FILTER (WHERE cookie - before < 1e6) AS near, count(*) FILTER (WHERE cookie < 1e9) AS small
FROM (SELECT cookie, lag(cookie) OVER (ORDER BY cookie) AS before FROM cookies) c;
SELECT count((pg_background_outcome_v2(:a_pid, :a_cookie + g)).pid) AS near FROM generate_series(-1000, 1000) g WHERE g <> 0;
SELECT count((pg_background_outcome_v2(:a_pid, :a_cookie # (1::int8 << g))).pid) AS a_bit_away FROM generate_series(0, 63) g;
SELECT count((pg_background_outcome_v2(:a_pid, c.cookie)).pid) AS of_others FROM cookies c WHERE c.pid <> :a_pid;
SELECT count(pg_background_detach_v2(pid, cookie)) FROM cookies;
DROP TABLE cookies;

-- no error: those that answer with NULL
SELECT pg_background_get_progress_v2(:a_pid, :a_cookie + 1) IS NULL AS unknown;
SELECT state IS NULL AS unknown FROM pg_background_outcome_v2(:a_pid, :a_cookie + 1);
SELECT pg_background_status_v2(:a_pid, :a_cookie + 1) ->> 'state' IS NULL AS unknown;
-- none of this did anything to the job
SELECT * FROM pg_background_result_v2(:a_pid, :a_cookie) AS (n int4);

-- refused: a process ID that is no job of this session, 42704
SELECT * FROM pg_background_result_v2(0, 0) AS (n int4);
SELECT pg_background_detach_v2(pg_backend_pid(), 0);
SELECT pg_background_cancel_v2(-1, 1);
SELECT pg_background_cancel_v2_grace(-1, 1, 0);
SELECT pg_background_wait_v2(2147483647, 1);
SELECT pg_background_wait_v2_timeout(2147483647, 1, 0);
SELECT pg_background_result_info_v2(1, 1);
SELECT pg_background_error_info_v2(1, 1);
SELECT pg_background_full_sql_v2(1, 1);

-- refused: null arguments of functions that start a job, 22004
SELECT pg_background_launch_v2(NULL);
SELECT pg_background_launch_v2(NULL, 0, 'label');
SELECT pg_background_submit_v2(NULL);
SELECT pg_background_run_v2(NULL);
SELECT * FROM pg_background_run_query_v2(NULL) AS (n int4);
-- null options: their defaults
SELECT state FROM pg_background_launch_v2('SELECT 1', NULL) h, pg_background_drain(ARRAY[h]);
SELECT state, label FROM pg_background_submit_v2('SELECT 1', NULL, 'label') h, pg_background_drain(ARRAY[h]);
SELECT (pg_background_run_v2('SELECT 1', NULL, NULL)).state;
SELECT * FROM pg_background_run_query_v2('SELECT 1', NULL, NULL) AS (n int4);

-- null handles elsewhere: no answer
SELECT * FROM pg_background_result_v2(NULL, 1) AS (n int4);
SELECT pg_background_wait_v2_timeout(1, 1, NULL) IS NULL AS is_null, pg_background_detach_v2(1, NULL) IS NULL AS is_null,
       pg_background_outcome_v2(NULL, NULL) IS NULL AS is_null, pg_background_full_sql_v2(NULL, 1) IS NULL AS is_null;

-- refused: a record function outside FROM, 0A000; without a definition list, 42601; neither consumes
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset a_
SELECT pg_background_result_v2(:a_pid, :a_cookie);
SELECT * FROM pg_background_result_v2(:a_pid, :a_cookie);
SELECT consumed FROM pg_background_list;
SELECT * FROM pg_background_result_v2(:a_pid, :a_cookie) AS (n int4);
SELECT pg_background_run_query_v2('SELECT 1');
\set VERBOSITY default

-- fire and forget: no rows, but an outcome
SELECT pid, cookie FROM pg_background_submit_v2('INSERT INTO regress_pgbg_launch VALUES (1, ''submitted'') RETURNING *') \gset a_
SELECT pid, cookie FROM pg_background_submit_v2('SELECT * FROM generate_series(1, 100000)', 0, 'many rows') \gset b_
SELECT pid, cookie FROM pg_background_submit_v2('DO $$BEGIN FOR i IN 1 .. 10000 LOOP RAISE NOTICE ''unheard''; END LOOP; END$$', 0, NULL) \gset c_
SELECT pg_background_wait_v2(:a_pid, :a_cookie), pg_background_wait_v2(:b_pid, :b_cookie), pg_background_wait_v2(:c_pid, :c_cookie);
SELECT state, completed, has_error, row_count, command_tag, label FROM pg_background_outcome_v2(:a_pid, :a_cookie)
UNION ALL
SELECT state, completed, has_error, row_count, command_tag, label FROM pg_background_outcome_v2(:b_pid, :b_cookie)
UNION ALL
SELECT state, completed, has_error, row_count, command_tag, label FROM pg_background_outcome_v2(:c_pid, :c_cookie);
TABLE regress_pgbg_launch;
-- refused: the result of a submitted job, 0A000, and nothing happens to the job
\set VERBOSITY sqlstate
SELECT * FROM pg_background_result_v2(:a_pid, :a_cookie) AS (id int4, what text);
SELECT * FROM pg_background_result(:b_pid) AS (id int4);
\set VERBOSITY default
SELECT state, consumed FROM pg_background_outcome_v2(:a_pid, :a_cookie);
SELECT pg_background_purge_v2();

-- detached while it runs: the work goes on, and can be waited for; it is not this session's any more, its messages are not
-- heard
SELECT pid, cookie FROM pg_background_launch_v2(
    'DO $$BEGIN PERFORM pg_sleep(0.2); RAISE NOTICE ''unheard''; END$$; INSERT INTO regress_pgbg_launch VALUES (2, ''detached'')') \gset
SELECT pg_background_detach_v2(:pid, :cookie);
SELECT count(*) FROM pg_background_list;
\set VERBOSITY sqlstate
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
\set VERBOSITY default
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN (SELECT workers_active FROM pg_background_stats_v2()) = 0;
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
TABLE regress_pgbg_launch ORDER BY id;

-- detached when it has finished
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
SELECT count(*) FROM pg_background_list;

-- all of them: running and finished ones
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)', 0, 'runs') \gset a_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1', 0, 'finished') \gset b_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 / 0', 0, 'failed') \gset c_
SELECT pg_background_wait_v2(:b_pid, :b_cookie), pg_background_wait_v2(:c_pid, :c_cookie);
-- purge takes the finished ones only
SELECT pg_background_purge_v2();
SELECT label FROM pg_background_list;
SELECT pg_background_purge_v2();
SELECT pg_background_cancel_all_v2();
SELECT pg_background_detach_all_v2();
SELECT pg_background_detach_all_v2();
SELECT count(*) FROM pg_background_list;

-- a thousand jobs at once are not needed: one at a time, none detached, more than max_workers
SET pg_background.max_workers = 2;
DO $$
DECLARE
    h pg_background_handle;
BEGIN
    FOR i IN 1 .. 100 LOOP
        h := pg_background_submit_v2('SELECT ' || i);
        PERFORM pg_background_wait_v2(h.pid, h.cookie);
    END LOOP;
END
$$;
RESET pg_background.max_workers;
SELECT count(*), count(DISTINCT sql_preview), min(state), max(state) FROM pg_background_list;
SELECT pg_background_purge_v2();
DROP TABLE regress_pgbg_launch;
