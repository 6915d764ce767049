--
-- Rows of every shape, and reading them: once, in parts, late, elsewhere.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
-- which process ran a job stands in the context
\set SHOW_CONTEXT never

-- no rows, no columns, neither
SELECT * FROM pg_background_run_query_v2('SELECT 1 WHERE false') AS (n int4);
SELECT count(*) FROM pg_background_run_query_v2('SELECT 1 WHERE false') AS (n int4);
CREATE TABLE regress_pgbg_nothing ();
INSERT INTO regress_pgbg_nothing DEFAULT VALUES;
INSERT INTO regress_pgbg_nothing DEFAULT VALUES;
SELECT row_count, command_tag FROM pg_background_run_v2('TABLE regress_pgbg_nothing');
-- a definition list of no columns cannot be written; any other is refused: 42804
SELECT * FROM pg_background_run_query_v2('TABLE regress_pgbg_nothing') AS (n int4);
SELECT * FROM pg_background_run_query_v2('SELECT FROM generate_series(1, 3)') AS (n text);
DROP TABLE regress_pgbg_nothing;

-- NULLs everywhere, at the start, in the middle, at the end, in every row and in some
SELECT * FROM pg_background_run_query_v2('SELECT NULL::int4, NULL::text, NULL::int4[]') AS (a int4, b text, c int4[]);
SELECT * FROM pg_background_run_query_v2($$SELECT nullif(i % 2, 0), 'x' || i, nullif(i, 2), CASE WHEN i < 3 THEN 'y' END FROM generate_series(1, 4) i$$)
    AS (a int4, b text, c int4, d text);
-- short and long values next to each other, of all alignments
SELECT * FROM pg_background_run_query_v2($$SELECT true, i::int2, 'a'::"char", i::int8, repeat('x', i)::text, i::float4, 'n'::name, i::float8, (i || ' days')::interval, '(1,2)'::point
                                         FROM generate_series(0, 3) i$$)
    AS (a bool, b int2, c "char", d int8, e text, f float4, g name, h float8, i interval, j point);

-- many columns: as many as a table has, as many as a query returns
CREATE FUNCTION pg_temp.wide(width int4, OUT columns int4, OUT rows int8, OUT same bool) LANGUAGE plpgsql AS $$
DECLARE
    list text := (SELECT string_agg(format('%s AS c%1$s', i), ', ' ORDER BY i) FROM generate_series(1, width) i);
    definitions text := (SELECT string_agg(format('c%s int4', i), ', ' ORDER BY i) FROM generate_series(1, width) i);
    total text := (SELECT string_agg('c' || i, ' + ' ORDER BY i) FROM generate_series(1, width) i);
BEGIN
    columns := width;
    EXECUTE format('SELECT count(*), bool_and(%s = %s) FROM pg_background_run_query_v2(%L) AS (%s)',
                   total, width * (width + 1) / 2, format('SELECT %s FROM generate_series(1, 3)', list), definitions) INTO rows, same;
END
$$;
SELECT w.* FROM unnest(ARRAY[1, 7, 8, 9, 64, 255, 256, 1000, 1600]) AS n, pg_temp.wide(n) AS w ORDER BY n;
-- 1600 of NULL and text, the most that a definition list has
DO $$
DECLARE
    columns text[] := ARRAY(SELECT 'c' || i FROM generate_series(1, 1600) i);
    vals text[] := ARRAY(SELECT CASE WHEN i % 3 = 0 THEN 'NULL::text' ELSE format('%L::text', i) END FROM generate_series(1, 1600) i);
    differing int4;
BEGIN
    EXECUTE format('SELECT %s FROM pg_background_run_query_v2(%L) AS (%s)',
                   (SELECT string_agg(format('(%s IS DISTINCT FROM %s)::int4', columns[i], vals[i]), ' + ') FROM generate_series(1, 1600) i),
                   'SELECT ' || array_to_string(vals, ', '), array_to_string(columns, ' text, ') || ' text') INTO differing;
    RAISE NOTICE 'differing: %', differing;
END
$$;

-- 1664, the most that a query returns, do not fit: 42804; one more is the job's own error
SELECT string_agg('1', ', ') AS list FROM generate_series(1, 1664) \gset
SELECT completed, has_error, row_count FROM pg_background_run_v2('SELECT ' || :'list');
SELECT * FROM pg_background_run_query_v2('SELECT ' || :'list') AS (c int4);
SELECT completed, has_error, sqlstate FROM pg_background_run_v2('SELECT 1, ' || :'list');

-- a table that gained columns: its old rows are shorter
CREATE TABLE regress_pgbg_rows (id int4, what text);
INSERT INTO regress_pgbg_rows SELECT i, 'old ' || i FROM generate_series(1, 3) i;
ALTER TABLE regress_pgbg_rows ADD COLUMN added int4, ADD COLUMN filled text DEFAULT 'default', ADD COLUMN late numeric DEFAULT 1.50;
INSERT INTO regress_pgbg_rows VALUES (4, 'new', 40, 'given', NULL);
SELECT * FROM pg_background_run_query_v2('SELECT * FROM regress_pgbg_rows') AS (id int4, what text, added int4, filled text, late numeric) ORDER BY id;
SELECT * FROM pg_background_run_query_v2('TABLE regress_pgbg_rows ORDER BY id') AS (id text, what text, added text, filled text, late numeric(3,1));
-- a dropped column is not there
ALTER TABLE regress_pgbg_rows DROP COLUMN what, DROP COLUMN late;
SELECT * FROM pg_background_run_query_v2('SELECT * FROM regress_pgbg_rows') AS (id int4, added int4, filled text) ORDER BY id;
SELECT * FROM pg_background_run_query_v2('SELECT r FROM regress_pgbg_rows r ORDER BY id') AS (r regress_pgbg_rows);
SELECT * FROM pg_background_run_query_v2('DELETE FROM regress_pgbg_rows WHERE id = 4 RETURNING *') AS (id int4, added int4, filled text);
-- system columns
SELECT tableoid::regclass, ctid, id FROM pg_background_run_query_v2('SELECT tableoid, ctid, id FROM regress_pgbg_rows WHERE id = 1') AS (tableoid oid, ctid tid, id int4);
DROP TABLE regress_pgbg_rows;

-- out-of-line, compressed and short values
CREATE TABLE regress_pgbg_toast (id int4, plain text, compressed text, external text, big bytea, list text[], j jsonb);
ALTER TABLE regress_pgbg_toast ALTER plain SET STORAGE PLAIN, ALTER external SET STORAGE EXTERNAL, ALTER big SET STORAGE EXTERNAL;
INSERT INTO regress_pgbg_toast SELECT i, repeat('p', 100 * i), repeat('c', 10000 * i),
       (SELECT string_agg(md5((1000 * i + n)::text), '' ORDER BY n) FROM generate_series(1, 300 * i) n),
       (SELECT string_agg(decode(md5((2000 * i + n)::text), 'hex'), '' ORDER BY n) FROM generate_series(1, 500 * i) n),
       ARRAY(SELECT md5(n::text) FROM generate_series(1, 200 * i) n), jsonb_build_object('key', repeat('j', 5000 * i))
FROM generate_series(1, 4) i;
CREATE TEMPORARY VIEW toasted AS
SELECT j.* FROM pg_background_run_query_v2('TABLE regress_pgbg_toast') AS j(id int4, plain text, compressed text, external text, big bytea, list text[], j jsonb);
SELECT count(*), bool_and(record_image_eq(ROW(j.*), ROW(d.*))) AS same FROM toasted j JOIN regress_pgbg_toast d USING (id);
-- inside a row, an array, as text, and deleted before they are read
SELECT count(*), bool_and((r.r).external = d.external AND (r.r).big = d.big) AS same
FROM pg_background_run_query_v2('SELECT t FROM regress_pgbg_toast t') AS r(r regress_pgbg_toast) JOIN regress_pgbg_toast d ON d.id = (r.r).id;
SELECT cardinality(a), length(a[4].external) FROM pg_background_run_query_v2('SELECT array_agg(t ORDER BY id) FROM regress_pgbg_toast t') AS (a regress_pgbg_toast[]);
SELECT id, length(external), length(record) FROM pg_background_run_query_v2('SELECT id, external, ROW(external) FROM regress_pgbg_toast') AS (id int4, external text, record text) ORDER BY id;
-- out of a projection, out of a sort
SELECT count(*), bool_and(j.external = d.external AND j.big = d.big) AS same
FROM pg_background_run_query_v2('SELECT id + 0, external, big FROM regress_pgbg_toast') AS j(id int4, external text, big bytea) JOIN regress_pgbg_toast d USING (id);
SELECT count(*), bool_and(j.external = d.external AND j.big = d.big) AS same
FROM pg_background_run_query_v2('SELECT id, external, big FROM regress_pgbg_toast ORDER BY id DESC') AS j(id int4, external text, big bytea) JOIN regress_pgbg_toast d USING (id);
SELECT string_agg(md5(external) || md5(big), '' ORDER BY id) AS before FROM regress_pgbg_toast \gset
SELECT pid, cookie FROM pg_background_launch_v2('DELETE FROM regress_pgbg_toast RETURNING id, external, big') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
VACUUM regress_pgbg_toast;
SELECT string_agg(md5(external) || md5(big), '' ORDER BY id) = :'before' AS same FROM pg_background_result_v2(:pid, :cookie) AS (id int4, external text, big bytea);
DROP VIEW toasted;
DROP TABLE regress_pgbg_toast;

-- smaller and larger than a batch of rows, in turn: made by an expression, sorted, with nulls between
SELECT bool_and(t = repeat(chr(64 + n), size) AND none IS NULL AND n IS NOT NULL) AS same, array_agg(n) AS in_order, sum(size)
FROM pg_background_run_query_v2($$SELECT n::int4, null::int8, size, repeat(chr(64 + n::int4), size)
    FROM unnest(ARRAY[10, 20000, 5, 50000, 50001, 16300, 16350, 16384, 17000, 300000, 0, 299999, 20000, 16000, 400, 3]) WITH ORDINALITY u(size, n)$$)
    AS (n int4, none int8, size int4, t text);
SELECT string_agg(t, '' ORDER BY n) = string_agg(repeat(chr(64 + n), 7001 * n % 60000), '' ORDER BY n) AS same, count(none)
FROM pg_background_run_query_v2('SELECT n, null::int8, repeat(chr(64 + n), 7001 * n % 60000) AS t FROM generate_series(1, 30) n ORDER BY md5(n::text)') AS (n int4, none int8, t text);

-- arrays as PL/pgSQL keeps them, in pieces
CREATE FUNCTION regress_pgbg_pieces(n int4) RETURNS int4[] LANGUAGE plpgsql AS $$
DECLARE
    a int4[] := '{}';
BEGIN
    FOR i IN 1 .. n LOOP a[i] := i; END LOOP;
    RETURN a;
END
$$;
SELECT cardinality(a), b, cardinality(c), d FROM pg_background_run_query_v2('SELECT regress_pgbg_pieces(1000), ROW(regress_pgbg_pieces(3)), regress_pgbg_pieces(10000), regress_pgbg_pieces(2)')
    AS (a int4[], b text, c int4[], d text);
DROP FUNCTION regress_pgbg_pieces(int4);

--
-- reading
--
-- two at a time, each larger than its queue: while one is read the other is kept
SELECT pid, cookie FROM pg_background_launch_v2('SELECT i, repeat(''a'', 50) FROM generate_series(1, 20000) i', 65536) \gset a_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT i, repeat(''b'', 50) FROM generate_series(20000, 1, -1) i', 65536) \gset b_
SELECT count(*), sum(i), min(a), max(b) FROM pg_background_result_v2(:a_pid, :a_cookie) AS a(i int4, a text) JOIN pg_background_result_v2(:b_pid, :b_cookie) AS b(i int4, b text) USING (i);
-- in another transaction than that of the launch, which rolled back
BEGIN;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT generate_series(1, 10000)') \gset a_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT generate_series(1, 10000)') \gset b_
SELECT pg_background_wait_v2(:a_pid, :a_cookie);
ROLLBACK;
SELECT count(*), sum(n) FROM pg_background_result_v2(:a_pid, :a_cookie) AS (n int4);
BEGIN;
SAVEPOINT s;
SELECT pg_background_wait_v2(:b_pid, :b_cookie);
ROLLBACK TO s;
SELECT count(*), sum(n) FROM pg_background_result_v2(:b_pid, :b_cookie) AS (n int4);
COMMIT;
-- in a transaction that rolls back: read is read
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
BEGIN;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
ROLLBACK;
\set VERBOSITY sqlstate
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
\set VERBOSITY default

-- in part: LIMIT, EXISTS; the rest is gone, nothing is left
SELECT pid, cookie FROM pg_background_launch_v2('SELECT generate_series(1, 100000)') \gset
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4) LIMIT 3;
SELECT EXISTS (SELECT FROM pg_background_run_query_v2('SELECT generate_series(1, 100000)') AS (n int4));
SELECT count(*) FROM pg_background_list;
-- not at all: the function is never called, so the rows stay
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4) WHERE false;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4) LIMIT 0;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);

-- through a cursor, closed early; WITH HOLD beyond its transaction; backwards
SELECT pid, cookie FROM pg_background_launch_v2('SELECT generate_series(1, 10000)') \gset
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
FETCH 2 FROM c;
CLOSE c;
COMMIT;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT generate_series(1, 10000)') \gset
BEGIN;
DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
FETCH LAST FROM c;
FETCH BACKWARD 1 FROM c;
COMMIT;
FETCH ABSOLUTE 5000 FROM c;
CLOSE c;
SELECT count(*) FROM pg_background_list;
-- a cursor over a job that still runs, left open by a transaction that aborts
SELECT pid, cookie FROM pg_background_launch_v2('SELECT i FROM generate_series(1, 3) i') \gset
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
FETCH 1 FROM c;
SELECT 1 / 0;
ROLLBACK;
SELECT count(*) FROM pg_background_list;

-- in the inner side of a nested loop it is called again, and the job is gone: 42704
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
\set VERBOSITY sqlstate
SELECT i, n FROM generate_series(1, 2) i, LATERAL (SELECT n FROM pg_background_result_v2(:pid + 0 * i, :cookie) AS r(n int4)) l;
\set VERBOSITY default
-- but not without a need
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
SELECT i, n FROM generate_series(1, 2) i, pg_background_result_v2(:pid, :cookie) AS r(n int4) ORDER BY i;

-- in a subtransaction that fails: the rows were read, and are gone
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
DO $$
DECLARE
    h record := (SELECT l FROM pg_background_list l);
    n int4;
BEGIN
    SELECT r.n INTO n FROM pg_background_result_v2(h.pid, h.cookie) AS r(n int4);
    RAISE NOTICE 'read: %', n;
    PERFORM 1 / 0;
EXCEPTION WHEN division_by_zero THEN
    RAISE NOTICE 'listed: %', (SELECT count(*) FROM pg_background_list);
END
$$;
-- in PL/pgSQL loops, left early
DO $$
DECLARE
    r record;
    h pg_background_handle := pg_background_launch_v2('SELECT generate_series(1, 1000)');
BEGIN
    FOR r IN SELECT * FROM pg_background_result_v2(h.pid, h.cookie) AS r(n int4) LOOP
        EXIT WHEN r.n = 3;
    END LOOP;
    RAISE NOTICE 'left at %', r.n;
END
$$;
-- into a table
CREATE TEMPORARY TABLE kept AS SELECT * FROM pg_background_run_query_v2('SELECT i, i::text FROM generate_series(1, 100) i') AS (i int4, t text);
SELECT count(*), sum(i) FROM kept WHERE t = i::text;
SELECT count(*) FROM pg_background_list;
