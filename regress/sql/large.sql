--
-- Real work, and much of it.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

-- pgbench's tables, scale 1
CREATE TABLE regress_pgbg_branches (bid int4 PRIMARY KEY, bbalance int4, filler char(88));
CREATE TABLE regress_pgbg_tellers (tid int4 PRIMARY KEY, bid int4, tbalance int4, filler char(84));
CREATE TABLE regress_pgbg_accounts (aid int4 PRIMARY KEY, bid int4, abalance int4, filler char(84));
INSERT INTO regress_pgbg_branches VALUES (1, 0, NULL);
INSERT INTO regress_pgbg_tellers SELECT i, 1, 0, NULL FROM generate_series(1, 10) i;
INSERT INTO regress_pgbg_accounts SELECT i, 1, i % 1000, '' FROM generate_series(1, 100000) i;

-- VACUUM VERBOSE: its messages do not stop it. A job of a job reads it, so that nobody prints them here.
SELECT completed, has_error, command_tag FROM pg_background_run_v2('VACUUM (VERBOSE, ANALYZE) regress_pgbg_accounts');
SELECT completed, has_error, command_tag, error_message FROM pg_background_run_v2(
    'SELECT * FROM pg_background_result(pg_background_launch(''VACUUM (VERBOSE, ANALYZE) regress_pgbg_accounts, regress_pgbg_tellers'')) AS (tag text)');
SELECT completed, has_error, error_message FROM pg_background_run_v2('SELECT * FROM pg_background_result(pg_background_launch(''VACUUM VERBOSE'')) AS (tag text)');
SELECT reltuples > 99000 AS counted, relallvisible > 0 AS vacuumed FROM pg_class WHERE relname = 'regress_pgbg_accounts';
SELECT * FROM pg_background_run_query_v2('VACUUM FULL regress_pgbg_tellers') AS (tag text);
SELECT * FROM pg_background_run_query_v2('VACUUM ANALYZE regress_pgbg_branches, regress_pgbg_tellers') AS (tag text);
SELECT * FROM pg_background_run_query_v2('ANALYZE regress_pgbg_accounts') AS (tag text);
SELECT * FROM pg_background_run_query_v2('CLUSTER regress_pgbg_tellers USING regress_pgbg_tellers_pkey') AS (tag text);
SELECT * FROM pg_background_run_query_v2('REINDEX TABLE regress_pgbg_accounts') AS (tag text);
-- refused: VACUUM with others, 25001, by the server
SELECT sqlstate FROM pg_background_run_v2('SELECT 1; VACUUM regress_pgbg_branches');

-- an aggregate, here and there
SELECT count(*), sum(abalance), avg(abalance), max(aid), md5(string_agg(abalance::text, ',' ORDER BY aid)) FROM regress_pgbg_accounts;
SELECT * FROM pg_background_run_query_v2('SELECT count(*), sum(abalance), avg(abalance), max(aid), md5(string_agg(abalance::text, '','' ORDER BY aid)) FROM regress_pgbg_accounts')
    AS (count int8, sum int8, avg numeric, max int4, md5 text);
-- all of it
SELECT count(*) AS differences FROM (
    TABLE regress_pgbg_accounts
    EXCEPT
    SELECT * FROM pg_background_run_query_v2('TABLE regress_pgbg_accounts') AS (aid int4, bid int4, abalance int4, filler char(84))
) AS d;
-- a parallel query in a job
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT * FROM pg_background_run_query_v2('SELECT count(*), sum(abalance) FROM regress_pgbg_accounts') AS (count int8, sum int8);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
-- a transaction as pgbench runs it, by four jobs at a time
SELECT count(*) FROM (SELECT pg_background_submit_v2(format($$
    DO $d$BEGIN
        FOR n IN 1 .. 50 LOOP
            UPDATE regress_pgbg_accounts SET abalance = abalance + 1 WHERE aid = 1000 * %s + n;
            UPDATE regress_pgbg_branches SET bbalance = bbalance + 1 WHERE bid = 1;
        END LOOP;
    END$d$ $$, i)) AS h FROM generate_series(1, 4) i OFFSET 0) s WHERE (h).pid > 0;
SELECT state, has_error FROM pg_background_drain_v2(ARRAY(SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_list));
SELECT bbalance FROM regress_pgbg_branches;
SELECT sum(abalance) FROM regress_pgbg_accounts;

-- a million rows, while the reader waits for them, and after a wait
SELECT count(*), sum(i), max(t) FROM pg_background_run_query_v2('SELECT i, i % 10 || ''x'' FROM generate_series(1, 1000000) i') AS (i int4, t text);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT i::int8 FROM generate_series(1, 1000000) i') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT count(*), sum(i) FROM pg_background_result_v2(:pid, :cookie) AS (i int8);
-- the order stays
SELECT count(*), bool_and(is_next) FROM (
    SELECT i = lag(i, 1, 0) OVER () + 1 AS is_next FROM pg_background_run_query_v2('SELECT i FROM generate_series(1, 100000) i') AS (i int4)
) o;
-- beyond work_mem, to disk, across transactions, partly read
SET work_mem = '64kB';
BEGIN;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT i, repeat(''w'', 100) FROM generate_series(1, 50000) i') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
ROLLBACK;
SELECT count(*), sum(i), sum(length(w)) FROM pg_background_result_v2(:pid, :cookie) AS (i int4, w text);
-- the same with a conversion, and forgotten
SELECT pid, cookie FROM pg_background_launch_v2('SELECT i, repeat(''w'', 100) FROM generate_series(1, 50000) i') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT count(*), sum(length(i)), sum(length(w)) FROM pg_background_result_v2(:pid, :cookie) AS (i text, w text);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT i, repeat(''w'', 100) FROM generate_series(1, 50000) i') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
RESET work_mem;

-- values larger than the queue: 10 MB of text, of bytea, of an array, many in a row
SELECT length(t), md5(t) = md5(repeat('0123456789', 1048576)) AS same FROM pg_background_run_query_v2('SELECT repeat(''0123456789'', 1048576)') AS (t text);
SELECT length(b), cardinality(a), c FROM pg_background_run_query_v2('SELECT convert_to(repeat(''b'', 5000000), ''UTF8''), array_fill(7, ARRAY[1000000]), 1', 65536) AS (b bytea, a int4[], c int4);
SELECT count(*), sum(length(t)) FROM pg_background_run_query_v2('SELECT repeat(''r'', 1000000) FROM generate_series(1, 20)', 65536) AS (t text);
-- of every length around what fits into a batch or the queue
SELECT count(*), bool_and(length(t) = n) FROM pg_background_run_query_v2(
    'SELECT n, repeat(''l'', n) FROM unnest(ARRAY[16384, 65536]) base, generate_series(base - 100, base + 20) n', 65536) AS (n int4, t text);
-- the smallest queue
SHOW pg_background.default_queue_size;
SELECT min_val::int4 AS smallest FROM pg_settings WHERE name = 'pg_background.default_queue_size' \gset
SELECT count(*), sum(length(t)) FROM pg_background_run_query_v2('SELECT repeat(''s'', n) FROM generate_series(1, 1000) n', :smallest) AS (t text);
-- a large queue
SELECT count(*), sum(i) FROM pg_background_run_query_v2('SELECT generate_series(1, 100000)', 16 * 1024 * 1024) AS (i int4);

-- 5 MB of SQL
SELECT * FROM pg_background_run_query_v2('SELECT length(''' || repeat('s', 5000000) || ''')') AS (length int4);
SELECT completed, has_error, sqlstate FROM pg_background_run_v2('SELECT 1 -- ' || repeat('comment ', 700000));
-- thousands of statements
SELECT * FROM pg_background_run_query_v2('CREATE TEMPORARY TABLE t (n int4);' || repeat('INSERT INTO t VALUES (1);', 2000) || 'SELECT count(*) FROM t') AS (count int8);
SELECT count(*), min(tag), max(tag) FROM pg_background_run_query_v2(repeat('SET work_mem = ''1MB'';', 5000)) AS (tag text);

-- notices without number
SET client_min_messages = warning;
SELECT * FROM pg_background_run_query_v2('DO $$BEGIN FOR i IN 1 .. 20000 LOOP RAISE NOTICE ''%'', repeat(''n'', 100); END LOOP; END$$') AS (tag text);
RESET client_min_messages;

DROP TABLE regress_pgbg_branches, regress_pgbg_tellers, regress_pgbg_accounts;
SELECT count(*) FROM pg_background_list;
