--
-- Encodings: rows and messages travel in the database's, whatever client and job say.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
SHOW server_encoding;

-- the client's encoding lacks the characters: a job does not mind, and returns them
SET client_encoding = 'LATIN1';
SELECT length(t), encode(convert_to(t, 'UTF8'), 'hex') FROM pg_background_run_query_v2('SELECT U&''gr\00F6\00DFer \20AC \+01F600''') AS (t text);
SELECT sqlstate, encode(convert_to(error_message, 'UTF8'), 'hex') AS message
FROM pg_background_run_v2('DO $$BEGIN RAISE EXCEPTION USING ERRCODE = ''P0042'', MESSAGE = U&''\20AC \+01F600''; END$$');
SELECT encode(convert_to(label, 'UTF8'), 'hex') AS label FROM (SELECT (pg_background_launch_v2('SELECT 1', 0, U&'\20AC')).pid) l, pg_background_list;
SELECT pg_background_detach_all_v2();
RESET client_encoding;
-- what the job sees of it is the database's
SELECT * FROM pg_background_run_query_v2('SHOW client_encoding') AS (encoding text);
SET client_encoding = 'LATIN1';
SELECT * FROM pg_background_run_query_v2('SHOW client_encoding') AS (encoding text);
RESET client_encoding;

-- a job that sets it: rows, column names, notices and errors arrive as they were written
SELECT * FROM pg_background_run_query_v2($$SET client_encoding = 'LATIN1'; SELECT U&'gr\00F6\00DFer' AS U&"sp\00E4lte", U&'\20AC' AS euro$$) AS (a text, b text);
SELECT r.* FROM pg_background_launch_v2($$SET client_encoding = 'LATIN1'; SELECT 1 AS U&"sp\00E4lte", 2 AS U&"\20AC"$$) AS h, pg_background_result_v2(h.pid, h.cookie) AS r(a int4, b int8);
SELECT * FROM pg_background_run_query_v2($$SET client_encoding = 'LATIN1'; DO $d$BEGIN RAISE NOTICE USING MESSAGE = U&'gr\00F6\00DFer', DETAIL = U&'\00E4'; END$d$ $$) AS (tag text);
SELECT * FROM pg_background_run_query_v2($$SET client_encoding = 'LATIN1'; DO $d$BEGIN RAISE EXCEPTION USING MESSAGE = U&'gr\00F6\00DFer', DETAIL = U&'\00E4', HINT = U&'\00FC'; END$d$ $$) AS (tag text);
SELECT * FROM pg_background_run_query_v2($$SET client_encoding = 'WIN1252'; DO $d$BEGIN RAISE EXCEPTION USING MESSAGE = U&'100 \20AC', DETAIL = U&'\0161'; END$d$ $$) AS (tag text);
SELECT * FROM pg_background_run_query_v2($$SET client_encoding = 'SJIS'; DO $d$BEGIN RAISE EXCEPTION USING MESSAGE = U&'\8868\793A \FF76'; END$d$ $$) AS (tag text);
SELECT * FROM pg_background_run_query_v2($$SET client_encoding = 'SQL_ASCII'; DO $d$BEGIN RAISE EXCEPTION USING MESSAGE = U&'gr\00F6\00DFer \20AC'; END$d$ $$) AS (tag text);
SELECT error_message FROM pg_background_run_v2($$SET client_encoding = 'LATIN1'; DO $d$BEGIN RAISE EXCEPTION USING MESSAGE = U&'gr\00F6\00DFer'; END$d$ $$);
SELECT error_message, sqlstate FROM pg_background_run_v2($$SET client_encoding = 'LATIN1'; SELECT U&'\00E4'::int4$$);
-- a character that this encoding lacks: an error is an error all the same
SELECT sqlstate IS NOT NULL AS failed, has_error FROM pg_background_run_v2($$SET client_encoding = 'LATIN1'; DO $d$BEGIN RAISE EXCEPTION USING ERRCODE = 'P0042', MESSAGE = U&'\20AC'; END$d$ $$);
SELECT * FROM pg_background_run_query_v2($$SET client_encoding = 'LATIN1'; SELECT U&'\20AC'$$) AS (a text);
-- long ones
SELECT length(message), message = repeat(U&'\00E4', 10000) AS same, detail = repeat(U&'\00FC', 7000) AS detail
FROM (SELECT h.*, pg_background_wait_v2(h.pid, h.cookie) AS waited
      FROM pg_background_launch_v2($$SET client_encoding = 'LATIN1'; DO $d$BEGIN RAISE EXCEPTION USING MESSAGE = repeat(U&'\00E4', 10000), DETAIL = repeat(U&'\00FC', 7000); END$d$ $$) h OFFSET 0) j,
     LATERAL pg_background_error_info_v2(j.pid, j.cookie) e WHERE j.waited IS NOT NULL;
SELECT length(e.message) BETWEEN 200 AND 9999 AS cut, e.message = repeat(U&'\00E4', length(e.message)) AS same
FROM (SELECT h.*, pg_background_wait_v2(h.pid, h.cookie) AS waited
      FROM pg_background_submit_v2($$SET client_encoding = 'LATIN1'; DO $d$BEGIN RAISE EXCEPTION USING MESSAGE = repeat(U&'\00E4', 10000); END$d$ $$) h OFFSET 0) j,
     LATERAL pg_background_error_info_v2(j.pid, j.cookie) e WHERE j.waited IS NOT NULL;
SELECT pg_background_detach_all_v2();
-- progress
SELECT pid, cookie FROM pg_background_submit_v2($$SET client_encoding = 'LATIN1'; SELECT pg_background_progress(7, U&'gr\00F6\00DFer \20AC')$$) \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT * FROM pg_background_get_progress_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);

-- databases in other encodings
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regress_pgbg_latin1;
DROP DATABASE IF EXISTS regress_pgbg_ascii;
RESET client_min_messages;
CREATE DATABASE regress_pgbg_latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C';
CREATE DATABASE regress_pgbg_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C';
SELECT current_database() AS here \gset
\c regress_pgbg_latin1
SET client_min_messages = warning;
CREATE EXTENSION pg_background;
RESET client_min_messages;
SET client_encoding = 'UTF8';
SELECT * FROM pg_background_run_query_v2('SELECT U&''gr\00F6\00DFer'', length(U&''\00E4''), octet_length(U&''\00E4'') AS ä', 0, 0, 'größer') AS (a text, b int4, c int4);
SELECT * FROM pg_background_run_query_v2('SELECT ''größer'' AS "spälte"') AS (a int4);
SELECT * FROM pg_background_run_query_v2('DO $$BEGIN RAISE NOTICE ''ä''; RAISE EXCEPTION ''größer''; END$$') AS (tag text);
SELECT error_message FROM pg_background_run_v2('SET client_encoding = ''UTF8''; DO $$BEGIN RAISE EXCEPTION ''größer''; END$$');
SELECT octet_length(sql_preview), right(sql_preview, 1) FROM (SELECT pg_background_launch_v2('SELECT ''' || repeat('ä', 200) || '''') AS h) l, pg_background_list;
SELECT pg_background_detach_all_v2();
\c regress_pgbg_ascii
SET client_min_messages = warning;
CREATE EXTENSION pg_background;
RESET client_min_messages;
-- any byte, in text, notice and error
SELECT a::bytea FROM pg_background_run_query_v2(E'SELECT ''\xff\x80a''::text') AS (a text);
SELECT error_message::bytea, sqlstate FROM pg_background_run_v2(E'DO $$BEGIN RAISE EXCEPTION ''\xff\x80a''; END$$');
SELECT error_message::bytea, sqlstate FROM pg_background_run_v2(E'SET client_encoding = ''UTF8''; DO $$BEGIN RAISE EXCEPTION ''\xff\x80a''; END$$');
SELECT octet_length(sql_preview) FROM (SELECT pg_background_launch_v2('SELECT ''' || repeat(E'\xff', 200) || '''') AS h) l, pg_background_list;
SELECT pg_background_detach_all_v2();
\c :here
DO $$
BEGIN
    -- idle workers of the sessions above leave with them, a moment later
    FOR i IN 1 .. 600 LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname LIKE 'regress\_pgbg\_%');
        PERFORM pg_sleep(0.1);
    END LOOP;
END
$$;
DROP DATABASE regress_pgbg_latin1;
DROP DATABASE regress_pgbg_ascii;
