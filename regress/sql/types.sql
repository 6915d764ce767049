--
-- Every type crosses: what a job returns is what the same query returns here.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

-- The rows of a query, run by a job, against those of the same query, run here: the number of rows that are
-- the same, byte by byte and as text. The query has the columns n int4, v TYPE, t TYPE (declared text in the
-- job) and a TYPE[].
CREATE FUNCTION pg_temp.same(query text, type text, OUT direct int8, OUT same int8) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($q$
        SELECT count(d.n), count(*) FILTER (WHERE record_image_eq(ROW(d.v, d.a), ROW(j.v, j.a))
                                                  AND format('%%s', d.v) = format('%%s', j.v) AND format('%%s', d.a) = format('%%s', j.a)
                                                  AND CASE WHEN record_image_eq(ROW(d.v), ROW(NULL::%2$s)) THEN j.t IS NULL ELSE format('%%s', d.t) = j.t END)
        FROM (%1$s) AS d FULL JOIN pg_background_run_query_v2(%3$L) AS j(n int4, v %2$s, t text, a %4$s) USING (n)
        $q$, query, type, query, CASE WHEN type LIKE '%[]' THEN type ELSE type || '[]' END) INTO direct, same;
END
$$;

-- The values that a type takes from a list of literals; then with a NULL as the last row.
CREATE FUNCTION pg_temp.samples(type text, literals text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    literal text;
    list text := '';
    count int4 := 0;
BEGIN
    FOREACH literal IN ARRAY literals LOOP
        BEGIN
            EXECUTE format('SELECT %L::%s', literal, type);
            count := count + 1;
            list := list || format('(%s, %L::%s), ', count, literal, type);
        EXCEPTION WHEN OTHERS THEN
        END;
    END LOOP;
    RETURN format('SELECT n, v, v AS t, ARRAY[v, NULL, v]::%s[] AS a FROM (VALUES %s(%s, NULL::%s)) AS x(n, v)', type, list, count + 1, type);
END
$$;

-- every base type, range, multirange, enum and domain of the system
SET client_min_messages = warning;
CREATE TEMPORARY TABLE outcome AS
SELECT t.typname, t.typtype, s.*
FROM pg_type t,
     pg_temp.same(pg_temp.samples(format_type(t.oid, NULL), ARRAY[
         '1', '0', '-1', '127', '32767', '2147483647', '-9223372036854775808', '3.14', 'NaN', '-Infinity', '-0', '1e-20',
         '123456789012345678901234567890.123456789', '$1,234.56',
         't', 'no', 'YES', '', ' ', 'a', 'it''s', E'line\nline\ttab', 'größer €', repeat('x', 126), repeat('x', 127), repeat('y', 3000), '\xDEADBEEF00', '101', repeat('01', 40),
         '2024-02-29', '2024-02-29 12:34:56.789012+05:30', 'infinity', '0044-03-15 BC', '24:00:00', '1 year -2 mons 3 days -04:05:06.7', '12:34:56.789-08',
         'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '192.168.1.7/24', '2001:db8::/32', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '16/B374D848',
         '(1,2)', '(3,4),(1,2)', '{1,2,3}', '((1,2),(3,4),(5,0))', '[(1,2),(3,4)]', '<(1,2),3>', '[1,2]', '(0,1)',
         '{"a": [1, null, {"b": "ü"}], "c": 1.50}', '[]', '"x"', 'null', '$.a[*] ? (@ > 1)', '<a>b</a>', 'the:1A fat:2,3 cat', 'fat & (rat | cat:*)', '!a <-> b',
         '10:20:10,14,15', 'pg_sleep', 'pg_sleep(double precision)', '||/', '+(integer,integer)', 'pg_class', 'integer', 'pg_catalog', 'english', 'simple', '"C"',
         format('%I', current_user), format('%1$I=r*w/%1$I', current_user), format('=r/%I', current_user), '1 2 3',
         'empty', '[1,5)', '(,5]', '[1.5,2.5]', '["2024-01-01","2024-02-01")', '{}', '{[1,5)}', '{[1,2),[5,7)}', '{["2024-01-01","2024-02-01")}']),
         format_type(t.oid, NULL)) AS s
WHERE t.typtype IN ('b', 'd', 'e', 'r', 'm') AND t.typelem = 0 AND t.typarray <> 0
  AND t.typnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace);
RESET client_min_messages;
-- none differs
SELECT * FROM outcome WHERE direct <> same OR direct = 0;
-- those without a value to try
SELECT typname FROM outcome WHERE direct = 1 AND typname NOT IN ('xml') ORDER BY typname COLLATE "C";
SELECT count(*) > 70 AS types, sum(direct) > 1000 AS values FROM outcome;

-- those that are not arrays but have elements
SELECT t.typname, s.direct = s.same AS same, s.direct > 1 AS tried
FROM pg_type t, pg_temp.same(pg_temp.samples(format_type(t.oid, NULL), ARRAY['a', '1 2 3', '', '(1,2)', '(3,4),(1,2)', '{1,2,3}', '[(1,2),(3,4)]']), format_type(t.oid, NULL)) AS s
WHERE t.typtype = 'b' AND t.typelem <> 0 AND t.typarray <> 0 AND t.typnamespace = 'pg_catalog'::regnamespace
ORDER BY t.typname COLLATE "C";

-- Every row type of a system catalog, with a row of it (or of NULLs, if that is empty), and the array of it.
CREATE FUNCTION pg_temp.row_samples(class regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    literal text;
    type text := (SELECT format_type(reltype, NULL) FROM pg_class WHERE oid = class);
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = class) = 'r' THEN
        EXECUTE format('SELECT x::text FROM %s x LIMIT 1', class) INTO literal;
    END IF;
    RETURN pg_temp.samples(type, ARRAY[literal, '(' || repeat(',', (SELECT relnatts - 1 FROM pg_class WHERE oid = class)) || ')']);
END
$$;
CREATE TEMPORARY TABLE row_outcome AS
SELECT c.oid::regclass AS class, s.*
FROM pg_class c, pg_temp.same(pg_temp.row_samples(c.oid), format_type(c.reltype, NULL)) AS s
WHERE c.relkind IN ('r', 'v') AND c.relnamespace = 'pg_catalog'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.atttypid IN ('anyarray'::regtype, 'pg_statistic[]'::regtype));
SELECT * FROM row_outcome WHERE direct <> same;
SELECT count(*) > 100 AS classes FROM row_outcome;

-- values of types that have no input function, from where the system keeps them
CREATE TABLE regress_pgbg_types (a int4 DEFAULT 1 + 1, b int4, c text);
INSERT INTO regress_pgbg_types SELECT i % 10, i % 10, i % 3 FROM generate_series(1, 1000) i;
CREATE STATISTICS regress_pgbg_statistics ON a, b, c FROM regress_pgbg_types;
ANALYZE regress_pgbg_types;
CREATE FUNCTION pg_temp.same_text(query text, OUT type text, OUT direct int8, OUT same int8) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT format_type(pg_typeof(v)::oid, NULL) FROM (%s) q LIMIT 1', query) INTO type;
    EXECUTE format($q$SELECT count(d.n), count(*) FILTER (WHERE format('%%s', d.v) = format('%%s', j.v))
                      FROM (%s) d FULL JOIN pg_background_run_query_v2(%L) AS j(n int8, v text) USING (n)$q$, query, query) INTO direct, same;
END
$$;
SELECT s.type, s.direct > 0 AS any, s.direct = s.same AS same FROM unnest(ARRAY[
    'SELECT oid::int8 AS n, adbin AS v FROM pg_attrdef',
    'SELECT 1::int8 AS n, stxdndistinct AS v FROM pg_statistic_ext_data WHERE stxoid = (SELECT oid FROM pg_statistic_ext WHERE stxname = ''regress_pgbg_statistics'')',
    'SELECT 1::int8 AS n, stxddependencies AS v FROM pg_statistic_ext_data WHERE stxoid = (SELECT oid FROM pg_statistic_ext WHERE stxname = ''regress_pgbg_statistics'')',
    'SELECT 1::int8 AS n, stxdmcv AS v FROM pg_statistic_ext_data WHERE stxoid = (SELECT oid FROM pg_statistic_ext WHERE stxname = ''regress_pgbg_statistics'')',
    'SELECT row_number() OVER (ORDER BY starelid, staattnum, stainherit) AS n, stavalues1 AS v FROM pg_statistic WHERE starelid = ''regress_pgbg_types''::regclass',
    'SELECT oid::int8 AS n, relacl AS v FROM pg_class WHERE relacl IS NOT NULL AND relnamespace = ''pg_catalog''::regnamespace']) WITH ORDINALITY AS u(query, n),
    pg_temp.same_text(u.query) AS s ORDER BY u.n;
-- as themselves, where they can be declared
SELECT count(*) > 0 AS any, count(*) = count(*) FILTER (WHERE j.acl = c.relacl) AS same
FROM pg_background_run_query_v2('SELECT oid, relacl FROM pg_class WHERE relacl IS NOT NULL AND relnamespace = ''pg_catalog''::regnamespace') AS j(oid oid, acl aclitem[])
     JOIN pg_class c USING (oid);
SELECT count(*) > 0 AS any, count(*) = count(*) FILTER (WHERE j.bin::text = d.adbin::text) AS same
FROM pg_background_run_query_v2('SELECT oid, adbin FROM pg_attrdef') AS j(oid oid, bin pg_node_tree) JOIN pg_attrdef d USING (oid);
DROP TABLE regress_pgbg_types;

-- pseudo-types: declared as text
SELECT * FROM pg_background_run_query_v2($$SELECT 'c string'::cstring, NULL::cstring, cstring_in('')$$) AS (a text, b text, c text);
SELECT * FROM pg_background_run_query_v2($$SELECT pg_sleep(0), 1$$) AS (a text, b int4);
SELECT * FROM pg_background_run_query_v2($$SELECT array_in('{1,NULL}', 23, -1), anyarray_out(ARRAY['x'])$$) AS (a text, b text);
SELECT * FROM pg_background_run_query_v2($$SELECT ROW(1, 'a b', NULL, ARRAY[1, 2]), ROW(), ARRAY[ROW(1, 'a'), ROW(2, NULL)], NULL::record$$)
    AS (a text, b text, c text, d text);
SELECT * FROM pg_background_run_query_v2($$SELECT ROW(i, ROW('nested', i * i)), i FROM generate_series(1, 3) i$$) AS (a text, i int4);
SELECT * FROM pg_background_run_query_v2($$SELECT x FROM (VALUES (1, 'one'), (2, 'two')) x$$) AS (a text);
SELECT * FROM pg_background_run_query_v2($$SELECT NULL, 'literal'$$) AS (a text, b text);
SELECT length(a), md5(a) = md5('(' || repeat('r', 100000) || ',1)') AS same FROM pg_background_run_query_v2($$SELECT ROW(repeat('r', 100000), 1)$$) AS (a text);
-- refused: record as record, 42804, for a record's columns mean nothing in another process
\set VERBOSITY sqlstate
SELECT * FROM pg_background_run_query_v2($$SELECT 1$$) AS (a record);
SELECT * FROM pg_background_run_query_v2($$SELECT ROW(1, 2)$$) AS (a int4);
\set VERBOSITY default

--
-- types of one's own
--
CREATE TYPE regress_pgbg_mood AS ENUM ('sad', 'ok', 'hä?');
CREATE TYPE regress_pgbg_float AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TYPE regress_pgbg_inner AS (x int4, y text);
CREATE TYPE regress_pgbg_outer AS (i regress_pgbg_inner, l regress_pgbg_inner[], m regress_pgbg_mood, r regress_pgbg_float);
CREATE DOMAIN regress_pgbg_positive AS int4 CHECK (VALUE > 0);
CREATE DOMAIN regress_pgbg_small AS regress_pgbg_positive CHECK (VALUE < 100);
CREATE DOMAIN regress_pgbg_list AS int4[] CHECK (cardinality(VALUE) < 5);
CREATE DOMAIN regress_pgbg_pair AS regress_pgbg_inner CHECK ((VALUE).x > 0);
CREATE DOMAIN regress_pgbg_name AS varchar(5);
CREATE TYPE regress_pgbg_mixed AS (d regress_pgbg_small, l regress_pgbg_list, p regress_pgbg_pair);
SELECT type, s.direct, s.same FROM (VALUES
    ('regress_pgbg_mood', ARRAY['sad', 'hä?']),
    ('regress_pgbg_float', ARRAY['[1.5,2.5)', 'empty', '(,)']),
    ('regress_pgbg_inner', ARRAY['(1,a)', '(,)', '(1,"a ""b"" (c)")']),
    ('regress_pgbg_outer', ARRAY['("(1,a)","{""(2,b)"",NULL}",ok,"[1,2)")', '(,,,)']),
    ('regress_pgbg_positive', ARRAY['1', '2147483647']),
    ('regress_pgbg_small', ARRAY['99']),
    ('regress_pgbg_list', ARRAY['{}', '{1,NULL,3}', '{{1,2},{3,4}}', '[-1:0]={5,6}']),
    ('regress_pgbg_pair', ARRAY['(1,a)']),
    ('regress_pgbg_name', ARRAY['abc']),
    ('regress_pgbg_mixed', ARRAY['(5,"{1,2}","(1,x)")', '(,,)'])) AS v(type, literals),
    pg_temp.same(pg_temp.samples(type, literals), type) AS s ORDER BY type COLLATE "C";
SELECT v, pg_typeof(v) FROM pg_background_run_query_v2($$SELECT multirange('[1,2)'::regress_pgbg_float)$$) AS (v regress_pgbg_float_multirange);
DROP TYPE regress_pgbg_mixed, regress_pgbg_outer, regress_pgbg_float, regress_pgbg_mood;
DROP DOMAIN regress_pgbg_pair, regress_pgbg_list, regress_pgbg_small, regress_pgbg_positive, regress_pgbg_name;
DROP TYPE regress_pgbg_inner;

-- a type that the job itself makes: declared as text before it is there, as itself afterwards
SELECT pid, cookie FROM pg_background_launch_v2($$
    CREATE TYPE regress_pgbg_new AS ENUM ('made', 'by the job'); SELECT 'by the job'::regress_pgbg_new, ARRAY['made'::regress_pgbg_new] $$) \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a regress_pgbg_new, b regress_pgbg_new[]);
SELECT * FROM pg_background_run_query_v2($$
    CREATE TABLE regress_pgbg_made (id int4, what text); INSERT INTO regress_pgbg_made VALUES (1, 'one') RETURNING regress_pgbg_made $$) AS (a text);
DROP TABLE regress_pgbg_made;
-- refused: a type that is gone when the rows are read, 42804
\set VERBOSITY sqlstate
SELECT pid, cookie FROM pg_background_launch_v2('SELECT ''made''::regress_pgbg_new') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
DROP TYPE regress_pgbg_new;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a text);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int4);
\set VERBOSITY default
SELECT state, consumed FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
SELECT count(*) FROM pg_background_list;
