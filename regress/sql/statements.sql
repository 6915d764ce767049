--
-- The statements of a job: which, how many, in one transaction.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_st (id int4 PRIMARY KEY, what text);

-- those that return rows
SELECT * FROM pg_background_run_query_v2('VALUES (1, ''one''), (2, ''two'')') AS (n int4, t text);
SELECT * FROM pg_background_run_query_v2('WITH x AS (SELECT generate_series(1, 3) AS n) SELECT n * 2 FROM x') AS (n int4);
SELECT * FROM pg_background_run_query_v2('WITH RECURSIVE f(a, b) AS (VALUES (0, 1) UNION ALL SELECT b, a + b FROM f WHERE b < 20) SELECT a FROM f') AS (a int4);
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_st VALUES (1, ''a''), (2, ''b''), (3, ''c'') RETURNING id, upper(what)') AS (id int4, what text);
SELECT * FROM pg_background_run_query_v2('UPDATE regress_pgbg_st SET what = what || ''!'' WHERE id > 1 RETURNING *') AS (id int4, what text) ORDER BY id;
SELECT * FROM pg_background_run_query_v2('WITH d AS (DELETE FROM regress_pgbg_st WHERE id = 3 RETURNING what) SELECT count(*), max(what) FROM d') AS (n int8, what text);
SELECT * FROM pg_background_run_query_v2('SHOW search_path') AS (path text);
SELECT * FROM pg_background_run_query_v2('EXPLAIN (COSTS OFF) SELECT * FROM regress_pgbg_st WHERE what IS NULL') AS (plan text);
SELECT count(*) FROM pg_background_run_query_v2('SHOW ALL') AS (name text, setting text, description text) WHERE name = 'work_mem';
SELECT * FROM pg_background_run_query_v2('PREPARE p AS SELECT $1 + 1; EXECUTE p(41)') AS (n int4);
SELECT * FROM pg_background_run_query_v2('DECLARE c CURSOR FOR SELECT generate_series(1, 5); MOVE 2 FROM c; FETCH 2 FROM c') AS (n int4);
SELECT * FROM pg_background_run_query_v2('TABLE regress_pgbg_st') AS (id int4, what text) ORDER BY id;
SELECT * FROM pg_background_run_query_v2('SELECT id FROM regress_pgbg_st ORDER BY id FOR UPDATE') AS (id int4);
CREATE PROCEDURE regress_pgbg_double(INOUT n int4) LANGUAGE plpgsql AS $$BEGIN n := n * 2; END$$;
SELECT * FROM pg_background_run_query_v2('CALL regress_pgbg_double(21)') AS (n int4);
DROP PROCEDURE regress_pgbg_double;

-- those that do not: one row for each, its tag
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_st VALUES (4, ''d'')') AS (tag text);
SELECT * FROM pg_background_run_query_v2('UPDATE regress_pgbg_st SET what = what') AS (tag text);
SELECT * FROM pg_background_run_query_v2('DELETE FROM regress_pgbg_st WHERE false') AS (tag text);
SELECT * FROM pg_background_run_query_v2($$
    CREATE TABLE regress_pgbg_other (id int4); INSERT INTO regress_pgbg_other VALUES (1), (2); CREATE INDEX ON regress_pgbg_other (id);
    ALTER TABLE regress_pgbg_other ADD COLUMN x text; SELECT id INTO TEMPORARY t FROM regress_pgbg_other; SELECT 1; GRANT SELECT ON regress_pgbg_other TO PUBLIC;
    COMMENT ON TABLE regress_pgbg_other IS 'no comment'; LOCK TABLE regress_pgbg_other; DO 'BEGIN END'; SET LOCAL work_mem = '1MB'; RESET work_mem;
    NOTIFY regress_pgbg; UNLISTEN regress_pgbg; SET CONSTRAINTS ALL DEFERRED; DISCARD PLANS; DROP TABLE regress_pgbg_other $$) AS (tag text);
-- only the last one counts: rows of the others are not returned, with and without rows of its own
SELECT * FROM pg_background_run_query_v2('SELECT 1, 2, 3; SELECT ''x''::text; SELECT 4') AS (n int4);
SELECT * FROM pg_background_run_query_v2('SELECT generate_series(1, 100000); SELECT 4') AS (n int4);
SELECT * FROM pg_background_run_query_v2('SELECT 4; SELECT 1 WHERE false') AS (n int4);
SELECT * FROM pg_background_run_query_v2('SELECT generate_series(1, 5); DELETE FROM regress_pgbg_st WHERE id = 4') AS (tag text);
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_st VALUES (5, ''e'') RETURNING id; INSERT INTO regress_pgbg_st VALUES (6, ''f'')') AS (tag text);
-- of many tags, more than fit into one message
SELECT count(*), min(tag), max(tag) FROM pg_background_run_query_v2(repeat('SET work_mem = ''1MB'';', 2000)) AS (tag text);
SELECT * FROM pg_background_run_query_v2(repeat('SET work_mem = ''1MB'';', 2000) || 'SELECT 7') AS (n int4);

-- nothing at all: no rows
SELECT * FROM pg_background_run_query_v2('') AS (tag text);
SELECT * FROM pg_background_run_query_v2(E' \n\t;; ; -- comment\n /* another */ ;') AS (tag text);
SELECT * FROM pg_background_run_query_v2(';;SELECT 1;;') AS (n int4);

-- each sees what those before it did
SELECT * FROM pg_background_run_query_v2($$
    CREATE TABLE regress_pgbg_seen (id int4); INSERT INTO regress_pgbg_seen VALUES (1), (2); UPDATE regress_pgbg_seen SET id = id + 10;
    CREATE FUNCTION regress_pgbg_seen() RETURNS int8 LANGUAGE sql AS 'SELECT sum(id) FROM regress_pgbg_seen';
    DELETE FROM regress_pgbg_seen WHERE id = 11; SELECT id, regress_pgbg_seen() FROM regress_pgbg_seen $$) AS (id int4, sum int8);
DROP FUNCTION regress_pgbg_seen();
DROP TABLE regress_pgbg_seen;

-- all or nothing
SELECT completed, has_error, sqlstate FROM pg_background_run_v2(
    'INSERT INTO regress_pgbg_st VALUES (100, ''x''); CREATE TABLE regress_pgbg_gone (); INSERT INTO regress_pgbg_st VALUES (100, ''twice''); INSERT INTO regress_pgbg_st VALUES (101, ''y'')');
SELECT count(*) AS rows, to_regclass('regress_pgbg_gone') IS NULL AS no_table FROM regress_pgbg_st WHERE id >= 100;
-- a syntax error in the last: nothing is begun
SELECT completed, has_error, sqlstate FROM pg_background_run_v2('INSERT INTO regress_pgbg_st VALUES (100, ''x''); SELEC');
-- an error of the commit
SELECT completed, has_error, sqlstate FROM pg_background_run_v2(
    'ALTER TABLE regress_pgbg_st ADD CONSTRAINT u UNIQUE (what) DEFERRABLE INITIALLY DEFERRED; INSERT INTO regress_pgbg_st VALUES (100, ''same''), (101, ''same'')');
SELECT count(*) FROM regress_pgbg_st WHERE id >= 100;

-- one transaction, of its own
SELECT a = b AS one_transaction FROM pg_background_run_query_v2('CREATE TEMPORARY TABLE t AS SELECT pg_current_xact_id() AS a; SELECT a, pg_current_xact_id() FROM t') AS (a xid8, b xid8);
BEGIN;
SELECT pg_current_xact_id() AS here \gset
SELECT a <> :'here' AS another FROM pg_background_run_query_v2('SELECT pg_current_xact_id()') AS (a xid8);
-- it sees what is committed, and nothing of its caller's
INSERT INTO regress_pgbg_st VALUES (200, 'not committed');
SELECT * FROM pg_background_run_query_v2('SELECT count(*) FROM regress_pgbg_st WHERE id = 200') AS (n int8);
ROLLBACK;
-- its transaction's isolation level is the default, not the caller's
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM pg_background_run_query_v2('SHOW transaction_isolation') AS (level text);
COMMIT;
SET default_transaction_isolation = 'repeatable read';
SELECT * FROM pg_background_run_query_v2('SHOW transaction_isolation') AS (level text);
RESET default_transaction_isolation;
SELECT * FROM pg_background_run_query_v2('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SHOW transaction_isolation') AS (level text);

-- a lone one runs at top level: what commits by itself works
CREATE PROCEDURE regress_pgbg_batches(n int4) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. n LOOP
        INSERT INTO regress_pgbg_st VALUES (300 + i, 'batch');
        IF i % 2 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
    END LOOP;
END
$$;
SELECT * FROM pg_background_run_query_v2('CALL regress_pgbg_batches(5)') AS (tag text);
SELECT id FROM regress_pgbg_st WHERE id > 300 ORDER BY id;
SELECT * FROM pg_background_run_query_v2($$DO $d$BEGIN DELETE FROM regress_pgbg_st WHERE id > 300; COMMIT; PERFORM 1; ROLLBACK; END$d$ $$) AS (tag text);
SELECT count(*) FROM regress_pgbg_st WHERE id > 300;
-- what was committed stays when the rest fails
SELECT sqlstate FROM pg_background_run_v2($$DO $d$BEGIN INSERT INTO regress_pgbg_st VALUES (400, 'kept'); COMMIT; INSERT INTO regress_pgbg_st VALUES (401, 'not'); PERFORM 1 / 0; END$d$ $$);
SELECT id, what FROM regress_pgbg_st WHERE id >= 400;
-- refused with others: a commit among statements is no commit of theirs, 2D000
SELECT sqlstate FROM pg_background_run_v2('CALL regress_pgbg_batches(5); SELECT 1');
SELECT sqlstate FROM pg_background_run_v2('SELECT 1; CALL regress_pgbg_batches(5)');
SELECT sqlstate FROM pg_background_run_v2('SELECT 1; DO ''BEGIN COMMIT; END''');
DROP PROCEDURE regress_pgbg_batches;
-- and what refuses to be in a transaction at all
SELECT * FROM pg_background_run_query_v2('CREATE DATABASE regress_pgbg_made TEMPLATE template0') AS (tag text);
SELECT * FROM pg_background_run_query_v2('DROP DATABASE regress_pgbg_made') AS (tag text);
SELECT sqlstate FROM pg_background_run_v2('SELECT 1; CREATE DATABASE regress_pgbg_made TEMPLATE template0');
SELECT * FROM pg_background_run_query_v2('ALTER SYSTEM RESET work_mem') AS (tag text);
SELECT sqlstate FROM pg_background_run_v2('SELECT 1; ALTER SYSTEM RESET work_mem');

--
-- refused: transaction control, 0A000, before anything runs
--
SELECT sql, r.sqlstate FROM unnest(ARRAY['BEGIN', 'START TRANSACTION', 'COMMIT', 'END', 'ROLLBACK', 'ABORT', 'SAVEPOINT s', 'RELEASE s', 'ROLLBACK TO s',
    'PREPARE TRANSACTION ''x''', 'COMMIT PREPARED ''x''', 'ROLLBACK PREPARED ''x''', 'COMMIT AND CHAIN', 'BEGIN ISOLATION LEVEL SERIALIZABLE',
    'BEGIN; INSERT INTO regress_pgbg_st VALUES (500, ''x''); COMMIT', 'INSERT INTO regress_pgbg_st VALUES (500, ''x''); COMMIT', 'COMMIT; INSERT INTO regress_pgbg_st VALUES (500, ''x'')']) WITH ORDINALITY AS u(sql, n),
    pg_background_run_v2(sql) AS r ORDER BY n;
SELECT * FROM pg_background_run_query_v2('SAVEPOINT s') AS (tag text);
SELECT count(*) FROM regress_pgbg_st WHERE id = 500;

--
-- COPY: with a client is refused, 0A000; with files and programs it is not
--
SELECT sql, r.sqlstate FROM unnest(ARRAY['COPY regress_pgbg_st FROM STDIN', 'COPY regress_pgbg_st TO STDOUT', 'COPY (SELECT 1) TO STDOUT', 'COPY regress_pgbg_st FROM STDIN (FORMAT binary)',
    'INSERT INTO regress_pgbg_st VALUES (500, ''x''); COPY regress_pgbg_st TO STDOUT']) WITH ORDINALITY AS u(sql, n),
    pg_background_run_v2(sql) AS r ORDER BY n;
SELECT * FROM pg_background_run_query_v2('COPY regress_pgbg_st TO STDOUT') AS (tag text);
SELECT count(*) FROM regress_pgbg_st WHERE id = 500;
SELECT current_setting('data_directory') || '/regress_pgbg.copy' AS file \gset
SELECT * FROM pg_background_run_query_v2(format('COPY regress_pgbg_st TO %L', :'file')) AS (tag text);
SELECT * FROM pg_background_run_query_v2(format('TRUNCATE regress_pgbg_st; COPY regress_pgbg_st FROM %L', :'file')) AS (tag text);
SELECT count(*) FROM regress_pgbg_st;
SELECT * FROM pg_background_run_query_v2(format('COPY (SELECT id FROM regress_pgbg_st WHERE id < 3) TO PROGRAM %L', 'cat > ' || :'file')) AS (tag text);
SELECT * FROM pg_background_run_query_v2(format('CREATE TEMPORARY TABLE t (n int4); COPY t FROM PROGRAM %L; SELECT sum(n) FROM t', 'cat ' || :'file')) AS (sum int8);
SELECT * FROM pg_background_run_query_v2(format('CREATE TEMPORARY TABLE t (n int4); COPY t FROM PROGRAM %L', 'rm ' || :'file')) AS (tag text);
SELECT sqlstate FROM pg_background_run_v2(format('COPY regress_pgbg_st FROM %L', :'file'));

--
-- rules and triggers
--
CREATE TABLE regress_pgbg_log (id int4, what text);
CREATE RULE log AS ON UPDATE TO regress_pgbg_st DO ALSO INSERT INTO regress_pgbg_log VALUES (new.id, new.what);
SELECT * FROM pg_background_run_query_v2('UPDATE regress_pgbg_st SET what = ''ruled'' WHERE id < 3') AS (tag text);
SELECT * FROM pg_background_run_query_v2('UPDATE regress_pgbg_st SET what = ''again'' WHERE id = 1 RETURNING id, what') AS (id int4, what text);
TABLE regress_pgbg_log ORDER BY id, what;
CREATE RULE nothing AS ON DELETE TO regress_pgbg_st DO INSTEAD NOTHING;
SELECT * FROM pg_background_run_query_v2('DELETE FROM regress_pgbg_st') AS (tag text);
CREATE VIEW regress_pgbg_view AS SELECT id, what FROM regress_pgbg_log;
CREATE RULE into_log AS ON INSERT TO regress_pgbg_view DO INSTEAD INSERT INTO regress_pgbg_log VALUES (new.id, new.what) RETURNING id, what || ' by rule';
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_view VALUES (9, ''nine'') RETURNING *') AS (id int4, what text);
-- a rule that queries as well: the rows are those of the original statement
CREATE RULE look AS ON INSERT TO regress_pgbg_st DO ALSO SELECT 'looked' AS what, 1 AS id, 2 AS more;
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_st VALUES (700, ''x'') RETURNING id') AS (id int4);
DROP RULE look ON regress_pgbg_st;
-- a rule's own rows are those that a session would see
CREATE TABLE regress_pgbg_ruled (id int4);
CREATE RULE instead AS ON INSERT TO regress_pgbg_ruled DO INSTEAD SELECT 42 AS x, 'instead' AS y;
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_ruled VALUES (1)') AS (x int4, y text);
SELECT * FROM pg_background_run_query_v2('SELECT 1; PREPARE p AS INSERT INTO regress_pgbg_ruled VALUES (1); EXECUTE p') AS (x int4, y text);
SELECT command_tag, row_count, sqlstate FROM pg_background_run_v2('INSERT INTO regress_pgbg_ruled VALUES (1)');
DROP RULE instead ON regress_pgbg_ruled;
CREATE RULE also AS ON INSERT TO regress_pgbg_ruled DO ALSO SELECT 43 AS x, new.id FROM generate_series(1, 2);
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_ruled VALUES (5)') AS (x int4, id int4);
-- several results of one statement: the first
CREATE RULE also_wide AS ON INSERT TO regress_pgbg_ruled DO ALSO SELECT 'more', 'columns', 44, 45;
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_ruled VALUES (6)') AS (x int4, id int4);
TABLE regress_pgbg_ruled;
-- not the last statement's: its rows are nobody's
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_ruled VALUES (7); SELECT 1') AS (n int4);
DROP TABLE regress_pgbg_ruled;
SELECT count(*) FROM regress_pgbg_st WHERE id = 700;
DROP VIEW regress_pgbg_view;

-- a job may notify
SELECT completed, has_error FROM pg_background_run_v2('SELECT pg_notify(''regress_pgbg'', ''here''); NOTIFY regress_pgbg');
-- refused: listening in a job, 0A000, by the server
SELECT sqlstate FROM pg_background_run_v2('LISTEN regress_pgbg');
DROP TABLE regress_pgbg_st, regress_pgbg_log;
SELECT count(*) FROM pg_background_list;
