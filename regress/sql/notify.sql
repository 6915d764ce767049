--
-- One snapshot for several jobs; a notification at the end; a time-out of a job's own.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_seen (id int4);

-- the job sees what the calling statement sees
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM regress_pgbg_seen;
SELECT completed FROM pg_background_run('INSERT INTO regress_pgbg_seen SELECT generate_series(1, 3)');
SELECT * FROM pg_background_run_query('SELECT count(*), current_setting(''transaction_isolation'') FROM regress_pgbg_seen', snapshot => true) AS (count int8, isolation text);
SELECT * FROM pg_background_run_query('SELECT count(*) FROM regress_pgbg_seen', snapshot => false) AS (count int8);
-- several jobs of one call, with parameters
SELECT r.count FROM (SELECT h FROM generate_series(1, 3) AS i, LATERAL pg_background_launch('SELECT count(*) + $1 * 0 FROM regress_pgbg_seen', params => ROW(i), snapshot => true) AS h OFFSET 0) AS l, pg_background_result((l.h).pid, (l.h).cookie) AS r(count int8);
COMMIT;
SELECT * FROM pg_background_run_query('SELECT count(*) FROM regress_pgbg_seen', snapshot => true) AS (count int8);
-- in autocommit the job has it before the statement ends
SELECT pid, cookie FROM pg_background_launch('SELECT count(*) FROM regress_pgbg_seen, pg_sleep(0.1)', snapshot => true) \gset
SELECT * FROM pg_background_result(:pid, :cookie) AS (count int8);
-- its own uncommitted changes are not seen
BEGIN;
INSERT INTO regress_pgbg_seen VALUES (4);
SELECT * FROM pg_background_run_query('SELECT count(*) FROM regress_pgbg_seen', snapshot => true) AS (count int8);
ROLLBACK;
-- where there can be none
BEGIN;
SAVEPOINT s;
SELECT * FROM pg_background_launch('SELECT 1', snapshot => true);
ROLLBACK;
SELECT sqlstate, error_message FROM pg_background_run('VACUUM regress_pgbg_seen', snapshot => true);
SELECT sqlstate, error_message FROM pg_background_run('DO $$ BEGIN END $$', snapshot => true);
SELECT sqlstate, error_message FROM pg_background_run('CALL regress_pgbg_nothing()', snapshot => true);
SELECT sqlstate, error_message FROM pg_background_run('SELECT 1/0', snapshot => true);

-- channels are taken as they are
SELECT * FROM pg_background_launch('SELECT 1', notify => '');
SELECT * FROM pg_background_launch('SELECT 1', notify => repeat('x', 64));
SELECT completed FROM pg_background_run('SELECT 1', notify => repeat('x', 63));
SELECT completed FROM pg_background_run('SELECT 1', notify => 'Odd "channel"; x');

-- a job's own time-out, and the setting's
SELECT pid, cookie FROM pg_background_launch('SELECT pg_sleep(60)', timeout_ms => 50) \gset
SELECT pg_background_wait(:pid, :cookie);
SELECT state, sqlstate, error_message FROM pg_background_outcome(:pid, :cookie);
SELECT pg_background_detach(:pid, :cookie);
SET pg_background.worker_timeout = '50ms';
SELECT pid, cookie FROM pg_background_launch('SELECT pg_sleep(0.2)', timeout_ms => 0) \gset
SELECT pg_background_wait(:pid, :cookie);
SELECT state, sqlstate FROM pg_background_outcome(:pid, :cookie);
SELECT pid, cookie FROM pg_background_submit('SELECT pg_sleep(60)', timeout_ms => NULL) \gset
SELECT pg_background_wait(:pid, :cookie);
SELECT state, sqlstate FROM pg_background_outcome(:pid, :cookie);
SELECT * FROM pg_background_launch('SELECT 1', timeout_ms => -1);
RESET pg_background.worker_timeout;
SELECT pg_background_purge() > 0 AS purged;
DROP TABLE regress_pgbg_seen;
