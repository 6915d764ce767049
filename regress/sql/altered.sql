--
-- Row types that are altered between the end of a job and the reading of its rows: 42804, never a crash.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
\set VERBOSITY default

-- What a job returned, before and after the command; the SQLSTATE where it cannot be read. The caches know the type from
-- the first reading.
CREATE FUNCTION pg_temp.altered(sql text, columns text, command text, OUT before text, OUT after text) LANGUAGE plpgsql AS $$
DECLARE
    job pg_background_handle;
    reading text := 'SELECT string_agg(j::text, '','') FROM pg_background_result_v2($1, $2) AS j(' || columns || ')';
    detail text;
BEGIN
    job := pg_background_launch_v2(sql);
    EXECUTE reading INTO before USING job.pid, job.cookie;
    job := pg_background_launch_v2(sql);
    PERFORM pg_background_wait_v2(job.pid, job.cookie);
    EXECUTE command;
    BEGIN
        EXECUTE reading INTO after USING job.pid, job.cookie;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
        after := SQLSTATE || ': ' || SQLERRM || ' / ' || regexp_replace(detail, 'OID \d+', 'OID ...');
        PERFORM pg_background_detach_v2(job.pid, job.cookie);
    END;
END
$$;

CREATE TABLE altered(a int, b text, c int8);
INSERT INTO altered VALUES (1, 'one', 2);
-- a whole row of a table: its column is text now, whose bytes were a number; is a number now, which were text; is longer
SELECT * FROM pg_temp.altered('SELECT x FROM altered x', 'x altered', 'ALTER TABLE altered ALTER a TYPE text');
SELECT * FROM pg_temp.altered('SELECT x FROM altered x', 'x altered', 'ALTER TABLE altered ALTER b TYPE int USING 7');
SELECT * FROM pg_temp.altered('SELECT x FROM altered x', 'x altered', 'ALTER TABLE altered ALTER b TYPE int8');
-- the same, declared text, and beside other columns
SELECT * FROM pg_temp.altered('SELECT 1, x, 2 FROM altered x', 'i int, x text, j int', 'ALTER TABLE altered ALTER b TYPE text');
-- in an array, and in an array that is declared text
SELECT * FROM pg_temp.altered('SELECT ARRAY[x, x] FROM altered x', 'x altered[]', 'ALTER TABLE altered ALTER b TYPE int USING 3');
SELECT * FROM pg_temp.altered('SELECT ARRAY[x] FROM altered x', 'x text', 'ALTER TABLE altered ALTER b TYPE text');
-- dropped
SELECT * FROM pg_temp.altered('SELECT x FROM altered x', 'x altered', 'ALTER TABLE altered DROP c');
-- What does not touch the values: a column more, other names, an index, statistics, the rows themselves.
SELECT * FROM pg_temp.altered('SELECT x FROM altered x', 'x altered', 'ALTER TABLE altered ADD d int DEFAULT 5');
SELECT * FROM pg_temp.altered('SELECT x FROM altered x', 'x altered', 'ALTER TABLE altered ADD e text');
SELECT * FROM pg_temp.altered('SELECT x FROM altered x', 'x altered', 'ALTER TABLE altered RENAME a TO z');
SELECT * FROM pg_temp.altered('SELECT x FROM altered x', 'x altered', 'CREATE INDEX ON altered (z)');
SELECT * FROM pg_temp.altered('SELECT x FROM altered x', 'x altered', 'ANALYZE altered');
SELECT * FROM pg_temp.altered('SELECT x FROM altered x', 'x altered', 'TRUNCATE altered');

-- types of their own: a domain over one, a range of one, one inside of another, deep
CREATE TYPE altered_pair AS (a int, b text);
CREATE DOMAIN altered_domain AS altered_pair;
CREATE TYPE altered_outer AS (n int, p altered_pair[]);
CREATE TYPE altered_outermost AS (d altered_domain, o altered_outer);
CREATE TYPE altered_range AS RANGE (SUBTYPE = altered_pair);
SELECT * FROM pg_temp.altered($$SELECT '(1,one)'::altered_pair$$, 'x altered_pair', 'ALTER TYPE altered_pair ALTER ATTRIBUTE b TYPE varchar');
SELECT * FROM pg_temp.altered($$SELECT altered_range('(1,3)', '(2,1)')$$, 'x altered_range', 'ALTER TYPE altered_pair ALTER ATTRIBUTE b TYPE text');
SELECT * FROM pg_temp.altered($$SELECT '(1,one)'::altered_domain$$, 'x altered_pair', 'ALTER TYPE altered_pair ALTER ATTRIBUTE a TYPE text');
SELECT * FROM pg_temp.altered($$SELECT ROW(1, ARRAY['(1,one)'::altered_pair])::altered_outer$$, 'x altered_outer', 'ALTER TYPE altered_pair ALTER ATTRIBUTE a TYPE int8');
SELECT * FROM pg_temp.altered($$SELECT ROW(NULL, ROW(1, ARRAY['(1,one)'::altered_pair]))::altered_outermost$$, 'x altered_outermost', 'ALTER TYPE altered_pair ALTER ATTRIBUTE a TYPE text');
-- gone
SET client_min_messages = warning;
SELECT * FROM pg_temp.altered($$SELECT '(1,one)'::altered_pair$$, 'x text', 'DROP TYPE altered_pair CASCADE');
RESET client_min_messages;

-- Two types that a plain hash of their columns took for one.
CREATE TYPE altered_twin AS (a float8, b int8, c oid, d text, e bool, f float8, g float8, h oid, i int8);
SELECT * FROM pg_temp.altered($$SELECT ROW(1.5e-320, 80, 3, 'x', true, 2, 3, 4, 5)::altered_twin$$, 'x altered_twin',
    'ALTER TYPE altered_twin ALTER ATTRIBUTE a TYPE bytea, ALTER ATTRIBUTE b TYPE text, ALTER ATTRIBUTE c TYPE float8,'
    ' ALTER ATTRIBUTE d TYPE float8, ALTER ATTRIBUTE e TYPE bytea, ALTER ATTRIBUTE f TYPE oid,'
    ' ALTER ATTRIBUTE g TYPE int4, ALTER ATTRIBUTE h TYPE text, ALTER ATTRIBUTE i TYPE text');
DROP TYPE altered_twin;

-- Where only the value knows its type: it is text from the start, also inside of another row.
CREATE TYPE altered_statistic AS (a int8, b int8);
CREATE DOMAIN altered_stats AS pg_stats;
CREATE TABLE altered_table (s altered_statistic);
INSERT INTO altered_table SELECT ROW(80 + g % 2, 1)::altered_statistic FROM generate_series(1, 200) g;
ANALYZE altered_table;
CREATE FUNCTION pg_temp.altered_statistics(what text) RETURNS pg_background_handle LANGUAGE sql AS $$
    SELECT pg_background_launch_v2(format('SELECT %s FROM pg_stats s WHERE tablename = %L', what, 'altered_table'))
$$;
SELECT pid AS p1, cookie AS c1 FROM pg_temp.altered_statistics('most_common_vals') \gset
SELECT pid AS p2, cookie AS c2 FROM pg_temp.altered_statistics('s') \gset
SELECT pid AS p3, cookie AS c3 FROM pg_temp.altered_statistics('ARRAY[s::altered_stats]') \gset
SELECT pg_background_wait_v2(:p1, :c1), pg_background_wait_v2(:p2, :c2), pg_background_wait_v2(:p3, :c3);
DROP TABLE altered_table;
ALTER TYPE altered_statistic ALTER ATTRIBUTE a TYPE text;
SELECT * FROM pg_background_result_v2(:p1, :c1) AS (most_common_vals text);
SELECT x ~ '\(80,1\)' AS readable FROM pg_background_result_v2(:p2, :c2) AS (x text);
SELECT x ~ '\(80,1\)' AS readable FROM pg_background_result_v2(:p3, :c3) AS (x text);
DROP DOMAIN altered_stats;
DROP TYPE altered_statistic;

-- What the job itself does to types is no change: it is there when its rows are read.
CREATE TYPE altered_self AS (a int);
SELECT * FROM pg_background_run_query_v2($$SELECT '(1)'::altered_self$$) AS (x altered_self);
SELECT pid, cookie FROM pg_background_launch_v2($$ALTER TYPE altered_self ALTER ATTRIBUTE a TYPE text; SELECT '(one)'::altered_self$$) \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x altered_self);
SELECT pid, cookie FROM pg_background_launch_v2($$ALTER TYPE altered_self ADD ATTRIBUTE b int; SELECT '(one,2)'::altered_self$$) \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x altered_self);
SELECT * FROM pg_background_run_query_v2($$CREATE TYPE altered_new AS (a int, s altered_self); SELECT '(1,"(one,2)")'::altered_new$$) AS (x text);

-- What was refused can be asked for again, and stays refused; the job is there until it is detached.
SELECT pid, cookie FROM pg_background_launch_v2($$SELECT '(1,"(one,2)")'::altered_new$$) \gset
SELECT pg_background_wait_v2(:pid, :cookie);
ALTER TYPE altered_self ALTER ATTRIBUTE b TYPE text;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x altered_new);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x text);
SELECT consumed FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
DROP TYPE altered_new;
DROP TYPE altered_self;
DROP TABLE altered;
