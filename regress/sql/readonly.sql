--
-- A caller that may not write gets a job that may not write.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_ro (id int4);
INSERT INTO regress_pgbg_ro VALUES (1);
CREATE PROCEDURE regress_pgbg_ro_commit() LANGUAGE plpgsql AS $$BEGIN COMMIT; INSERT INTO regress_pgbg_ro VALUES (2); COMMIT; END$$;
CREATE PROCEDURE regress_pgbg_ro_set() LANGUAGE plpgsql AS $$BEGIN SET LOCAL transaction_read_only = off; INSERT INTO regress_pgbg_ro VALUES (3); END$$;

BEGIN READ ONLY;
-- reading is allowed
SELECT * FROM pg_background_run_query_v2('TABLE regress_pgbg_ro') AS (id int4);
SELECT * FROM pg_background_run_query_v2('SHOW transaction_read_only') AS (read_only text);
SELECT * FROM pg_background_run_query_v2('SHOW default_transaction_read_only') AS (read_only text);
SELECT * FROM pg_background_run_query_v2('SELECT 1; SHOW transaction_read_only') AS (read_only text);
-- refused: 25006, however it is tried (expect none)
SELECT sql, r.sqlstate FROM unnest(ARRAY[
    'INSERT INTO regress_pgbg_ro VALUES (2)', 'UPDATE regress_pgbg_ro SET id = 2', 'DELETE FROM regress_pgbg_ro', 'TRUNCATE regress_pgbg_ro', 'DROP TABLE regress_pgbg_ro',
    'CREATE TABLE regress_pgbg_ro_new ()', 'SELECT 1; INSERT INTO regress_pgbg_ro VALUES (2)', 'WITH i AS (INSERT INTO regress_pgbg_ro VALUES (2) RETURNING id) SELECT * FROM i',
    'SELECT id FROM regress_pgbg_ro FOR UPDATE', 'COPY regress_pgbg_ro FROM PROGRAM ''echo 2''',
    'SET transaction_read_only = off; INSERT INTO regress_pgbg_ro VALUES (2)',
    'SET TRANSACTION READ WRITE; INSERT INTO regress_pgbg_ro VALUES (2)',
    'SET default_transaction_read_only = off; INSERT INTO regress_pgbg_ro VALUES (2)',
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; INSERT INTO regress_pgbg_ro VALUES (2)',
    'RESET ALL; INSERT INTO regress_pgbg_ro VALUES (2)',
    'DO $$BEGIN INSERT INTO regress_pgbg_ro VALUES (2); END$$']) WITH ORDINALITY AS u(sql, n),
    pg_background_run_v2(sql) AS r WHERE r.sqlstate IS DISTINCT FROM '25006' ORDER BY n;
-- refused: a commit, after which one could write, 2D000
SELECT sqlstate FROM pg_background_run_v2('CALL regress_pgbg_ro_commit()');
SELECT sqlstate FROM pg_background_run_v2('DO $$BEGIN COMMIT; SET transaction_read_only = off; INSERT INTO regress_pgbg_ro VALUES (2); END$$');
SELECT sqlstate FROM pg_background_run_v2('DO $$BEGIN ROLLBACK; INSERT INTO regress_pgbg_ro VALUES (2); END$$');
-- refused: after a query, by the setting already, 25001, or by what tries to write
SELECT sqlstate IN ('25006', '25001') AS refused FROM pg_background_run_v2('SELECT set_config(''transaction_read_only'', ''off'', true); INSERT INTO regress_pgbg_ro VALUES (2)');
SELECT sqlstate IN ('25006', '25001') AS refused FROM pg_background_run_v2('SELECT 1; SET transaction_read_only = off; INSERT INTO regress_pgbg_ro VALUES (2)');
SELECT sqlstate IN ('25006', '25001') AS refused FROM pg_background_run_v2('CALL regress_pgbg_ro_set()');
SELECT sqlstate IN ('25006', '25001') AS refused FROM pg_background_run_v2('DO $$BEGIN PERFORM set_config(''transaction_read_only'', ''off'', true); INSERT INTO regress_pgbg_ro VALUES (2); END$$');
SELECT sqlstate IN ('25006', '25001') AS refused
FROM pg_background_run_v2('WITH s AS MATERIALIZED (SELECT set_config(''transaction_read_only'', ''off'', true) AS x), i AS (INSERT INTO regress_pgbg_ro SELECT 2 FROM s RETURNING id) SELECT * FROM i');
-- refused: by a job of the job, by a submitted one
SELECT sqlstate FROM pg_background_run_v2('SELECT * FROM pg_background_run_query_v2(''INSERT INTO regress_pgbg_ro VALUES (2)'') AS (tag text)');
SELECT pid, cookie FROM pg_background_submit_v2('INSERT INTO regress_pgbg_ro VALUES (2)') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
COMMIT;
TABLE regress_pgbg_ro;

-- the caller may write again, and so may its jobs
SELECT * FROM pg_background_run_query_v2('SHOW transaction_read_only') AS (read_only text);
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_ro VALUES (10)') AS (tag text);
SELECT completed, has_error FROM pg_background_run_v2('CALL regress_pgbg_ro_commit()');
TABLE regress_pgbg_ro ORDER BY id;

-- a default is a default: the job is read-only, and may change that as the session may
SET default_transaction_read_only = on;
SELECT sqlstate FROM pg_background_run_v2('INSERT INTO regress_pgbg_ro VALUES (11)');
BEGIN READ WRITE;
SELECT sqlstate FROM pg_background_run_v2('INSERT INTO regress_pgbg_ro VALUES (11)');
SELECT sqlstate, command_tag FROM pg_background_run_v2('SET transaction_read_only = off; INSERT INTO regress_pgbg_ro VALUES (12)');
COMMIT;
RESET default_transaction_read_only;
-- a READ WRITE transaction that became read-only
BEGIN;
SET TRANSACTION READ ONLY;
SELECT sqlstate FROM pg_background_run_v2('SET transaction_read_only = off; INSERT INTO regress_pgbg_ro VALUES (13)');
COMMIT;
-- a read-only subtransaction
BEGIN;
SAVEPOINT s;
SET LOCAL transaction_read_only = on;
SELECT sqlstate FROM pg_background_run_v2('INSERT INTO regress_pgbg_ro VALUES (14)');
ROLLBACK TO s;
SELECT sqlstate, command_tag FROM pg_background_run_v2('INSERT INTO regress_pgbg_ro VALUES (15)');
COMMIT;
-- launched by one that may write, read by one that may not
SELECT pid, cookie FROM pg_background_launch_v2('INSERT INTO regress_pgbg_ro VALUES (16) RETURNING id') \gset
BEGIN READ ONLY;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (id int4);
COMMIT;
TABLE regress_pgbg_ro ORDER BY id;
DROP PROCEDURE regress_pgbg_ro_commit(), regress_pgbg_ro_set();
DROP TABLE regress_pgbg_ro;
SELECT count(*) FROM pg_background_list;
