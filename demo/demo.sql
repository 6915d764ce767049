-- What pg_background does, on a pgbench database. Run by `make demo`; `psql -X -f demo/demo.sql` on a database made
-- with `pgbench -i -s 10` that has the extension does the same.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
DROP TABLE IF EXISTS branch_report, audit;
DROP FUNCTION IF EXISTS build_branch_report();
RESET client_min_messages;

-- A long job: totals for each branch, one after the other, saying how far it is.
CREATE TABLE branch_report (bid int, accounts bigint, balance bigint);
CREATE TABLE audit (at timestamptz DEFAULT clock_timestamp(), who text, what text);
CREATE FUNCTION build_branch_report() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    branches int := (SELECT count(*) FROM pgbench_branches);
BEGIN
    FOR i IN 1..branches LOOP
        INSERT INTO branch_report
            SELECT bid, count(*), sum(abalance) FROM pgbench_accounts WHERE bid = i GROUP BY bid;
        PERFORM pg_background_report_progress(100 * i / branches, format('branch %s of %s', i, branches));
        PERFORM pg_sleep(0.2);
    END LOOP;
END $$;

\echo
\echo === 1. A long job in the background; this session stays free ===
\echo

\set ECHO queries
SELECT * FROM pg_background_launch('SELECT build_branch_report()', 0, 'branch report') \gset job_
\set QUIET on
\set ECHO none
SELECT pg_sleep(0.5) \g /dev/null
\set ECHO queries
SELECT progress_pct, progress_msg FROM pg_background_get_progress(:job_pid, :job_cookie);
\set ECHO none
SELECT pg_sleep(0.7) \g /dev/null
\pset tuples_only on
SELECT progress_pct, progress_msg FROM pg_background_get_progress(:job_pid, :job_cookie);
SELECT pg_sleep(0.7) \g /dev/null
SELECT progress_pct, progress_msg FROM pg_background_get_progress(:job_pid, :job_cookie);
\pset tuples_only off
\set ECHO queries
SELECT label, state, sql_preview FROM pg_background_list WHERE pid = :job_pid;
SELECT pg_background_wait(:job_pid, :job_cookie) \g /dev/null
SELECT state, command_tag, error_message FROM pg_background_outcome(:job_pid, :job_cookie);
SELECT pg_background_detach(:job_pid, :job_cookie) \g /dev/null
SELECT count(*) AS branches, sum(accounts) AS accounts FROM branch_report;

\set ECHO none
\echo
\echo === 2. Two queries at the same time, and their rows ===
\echo
\set ECHO queries
SELECT * FROM pg_background_launch('SELECT count(*), max(abalance) FROM pgbench_accounts WHERE aid % 2 = 0') \gset even_
SELECT * FROM pg_background_launch('SELECT count(*), max(abalance) FROM pgbench_accounts WHERE aid % 2 = 1') \gset odd_
SELECT 'even' AS half, r.* FROM pg_background_result(:even_pid, :even_cookie) AS r(accounts bigint, highest int)
UNION ALL
SELECT 'odd', r.* FROM pg_background_result(:odd_pid, :odd_cookie) AS r(accounts bigint, highest int);

\set ECHO none
\echo
\echo === 3. An audit row that survives a ROLLBACK ===
\echo
\set ECHO queries
BEGIN;
UPDATE pgbench_branches SET bbalance = bbalance + 1000000 WHERE bid = 1;
SELECT completed, command_tag FROM pg_background_run(
    format('INSERT INTO audit (who, what) VALUES (%L, %L)', current_user, 'tried to add a million to branch 1'));
ROLLBACK;
SELECT who, what FROM audit;
SELECT bbalance FROM pgbench_branches WHERE bid = 1;

\set ECHO none
\echo
\echo === 4. A job that is cancelled ===
\echo
\set ECHO queries
SELECT * FROM pg_background_launch('SELECT pg_sleep(3600)', 0, 'nap') \gset nap_
SELECT pg_background_cancel(:nap_pid, :nap_cookie) \g /dev/null
SELECT pg_background_wait(:nap_pid, :nap_cookie, 5000) AS ended;
SELECT state, sqlstate, error_message FROM pg_background_outcome(:nap_pid, :nap_cookie);
SELECT pg_background_detach(:nap_pid, :nap_cookie) \g /dev/null

\set ECHO none
\echo
\echo === This session so far ===
\echo
\set ECHO queries
SELECT workers_launched, workers_completed, workers_failed, workers_canceled FROM pg_background_stats();
