--
-- The column definition list against what the job returns: what fits, what is converted, what is refused.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
-- which process ran a job stands in the context
\set SHOW_CONTEXT never

-- the same types, other names
SELECT * FROM pg_background_run_query_v2('SELECT 1 AS a, ''x''::text AS b') AS (x int4, "Ü y" text);
-- text takes everything, through the output function and its settings
SET DateStyle = 'German';
SET extra_float_digits = 0;
SET bytea_output = 'escape';
SELECT * FROM pg_background_run_query_v2($$SELECT 1, 0.1::float8 + 0.2, '2024-02-29'::date, '\x4142ff'::bytea, ARRAY[1, NULL], '{"a": 1}'::jsonb, true, NULL::point, 'pg_class'::regclass$$)
    AS (a text, b text, c text, d text, e text, f text, g text, h text, i text);
RESET DateStyle;
RESET extra_float_digits;
RESET bytea_output;
-- text itself, varchar and others as text
SELECT a, pg_typeof(a), b, pg_typeof(b) FROM pg_background_run_query_v2($$SELECT 'v'::varchar(10), 'c'::char(3)$$) AS (a text, b text);

--
-- another typmod is applied
--
SELECT * FROM pg_background_run_query_v2($$SELECT 'abc'::varchar(10), 'abc'::varchar, 'ab '::char(3), 'größer'::varchar$$) AS (a varchar(3), b varchar(5), c char(5), d varchar(10));
SELECT '|' || a || '|', '|' || b || '|' FROM pg_background_run_query_v2($$SELECT 'abc  '::varchar, 'ab'::char(2)$$) AS (a varchar(3), b char(4));
SELECT * FROM pg_background_run_query_v2($$SELECT 123.456, 0.05::numeric(4,2), NULL::numeric, 'NaN'::numeric$$) AS (a numeric(5,1), b numeric(5,1), c numeric(2,0), d numeric(2,0));
SET TIME ZONE 'UTC';
SELECT * FROM pg_background_run_query_v2($$SELECT '2024-02-29 12:34:56.789'::timestamptz, '12:34:56.789'::time, '1 day 02:03:04.567'::interval, '2024-02-29 12:34:56.789'::timestamp(2), '1 day 02:03:04'::interval$$)
    AS (a timestamptz(0), b time(1), c interval(0), d timestamp(1), e interval day);
RESET TIME ZONE;
SELECT * FROM pg_background_run_query_v2($$SELECT B'101'::bit(3), B'10101'::varbit$$) AS (a bit(3), b varbit(5));
-- a typmod given up, or the same
SELECT * FROM pg_background_run_query_v2($$SELECT 'abc'::varchar(3), 1.25::numeric(5,2), 'a'::char(3)$$) AS (a varchar, b numeric, c char(3));
-- of arrays: to their elements
SELECT * FROM pg_background_run_query_v2($$SELECT ARRAY['abc', NULL, 'x']::varchar[], ARRAY[[1.25, 2.35], [3, NULL]]::numeric[], '[2:3]={a,b}'::char(1)[]$$)
    AS (a varchar(3)[], b numeric(5,1)[], c char(3)[]);
SET TIME ZONE 'UTC';
SELECT * FROM pg_background_run_query_v2($$SELECT ARRAY['2024-02-29 12:34:56.789'::timestamptz, NULL, 'infinity'], '{}'::timestamptz[], NULL::timestamptz[]$$)
    AS (a timestamptz(0)[], b timestamptz(0)[], c timestamptz(0)[]);
RESET TIME ZONE;
-- refused by the typmod, as in any implicit cast: 22001, 22003, 22026
\set VERBOSITY sqlstate
SELECT * FROM pg_background_run_query_v2($$SELECT 'abcd'::varchar$$) AS (a varchar(3));
SELECT * FROM pg_background_run_query_v2($$SELECT 'abcd'::char(4)$$) AS (a char(3));
SELECT * FROM pg_background_run_query_v2($$SELECT 12345.6$$) AS (a numeric(5,1));
SELECT * FROM pg_background_run_query_v2($$SELECT ARRAY['abcd']::varchar[]$$) AS (a varchar(3)[]);
SELECT * FROM pg_background_run_query_v2($$SELECT ARRAY[12345.6]$$) AS (a numeric(5,1)[]);
SELECT * FROM pg_background_run_query_v2($$SELECT B'1010'::bit(4)$$) AS (a bit(3));
\set VERBOSITY default
-- in the third row of many: what was converted before is not seen
SELECT count(*) FROM pg_background_run_query_v2($$SELECT repeat('x', i)::varchar FROM generate_series(1, 100) i$$) AS (a varchar(3));

--
-- domains
--
CREATE DOMAIN regress_pgbg_positive AS int4 CONSTRAINT is_positive CHECK (VALUE > 0);
CREATE DOMAIN regress_pgbg_required AS text NOT NULL;
CREATE DOMAIN regress_pgbg_code AS varchar(3) CHECK (VALUE ~ '^[A-Z]+$');
CREATE DOMAIN regress_pgbg_three AS int4[] CHECK (cardinality(VALUE) = 3);
CREATE DOMAIN regress_pgbg_even AS regress_pgbg_positive CHECK (VALUE % 2 = 0);
-- a base value where a domain is declared: checked
SELECT a, pg_typeof(a) FROM pg_background_run_query_v2('VALUES (1), (2), (NULL)') AS (a regress_pgbg_positive);
SELECT * FROM pg_background_run_query_v2($$SELECT 'ABC'::varchar(3), ARRAY[1, 2, 3], 4$$) AS (a regress_pgbg_code, b regress_pgbg_three, c regress_pgbg_even);
-- a domain's value as the domain, as its base type, as another domain over that, as text
SELECT * FROM pg_background_run_query_v2('SELECT 2::regress_pgbg_even, 2::regress_pgbg_even, 2::regress_pgbg_even, 2::regress_pgbg_positive, 2::regress_pgbg_even')
    AS (a regress_pgbg_even, b int4, c regress_pgbg_positive, d regress_pgbg_even, e text);
-- refused: 23514, 23502
SELECT * FROM pg_background_run_query_v2('VALUES (1), (-1)') AS (a regress_pgbg_positive);
SELECT * FROM pg_background_run_query_v2('SELECT 3') AS (a regress_pgbg_even);
SELECT * FROM pg_background_run_query_v2('SELECT -2') AS (a regress_pgbg_even);
SELECT * FROM pg_background_run_query_v2('SELECT ARRAY[1, 2]') AS (a regress_pgbg_three);
SELECT * FROM pg_background_run_query_v2('SELECT NULL::text') AS (a regress_pgbg_required);
SELECT * FROM pg_background_run_query_v2('SELECT 3::regress_pgbg_positive') AS (a regress_pgbg_even);
-- a base type with another typmod than the domain's: applied, or refused by it, 22001
SELECT a, pg_typeof(a) FROM pg_background_run_query_v2($$SELECT 'ABC'::varchar(5)$$) AS (a regress_pgbg_code);
SELECT a, pg_typeof(a) FROM pg_background_run_query_v2($$SELECT 'ABC'::varchar$$) AS (a regress_pgbg_code);
\set VERBOSITY sqlstate
SELECT * FROM pg_background_run_query_v2($$SELECT 'abc'::varchar(5)$$) AS (a regress_pgbg_code);
SELECT * FROM pg_background_run_query_v2($$SELECT 'ABCDE'::varchar(5)$$) AS (a regress_pgbg_code);
-- refused: arrays of one and the other, 42804
SELECT * FROM pg_background_run_query_v2('SELECT ARRAY[1]') AS (a regress_pgbg_positive[]);
SELECT * FROM pg_background_run_query_v2('SELECT ARRAY[1::regress_pgbg_positive]::regress_pgbg_positive[]') AS (a int4[]);
\set VERBOSITY default
-- a constraint that came after the job: checked again, unless it is the very type
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 7') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
ALTER DOMAIN regress_pgbg_positive ADD CONSTRAINT small CHECK (VALUE < 5);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a regress_pgbg_positive);
-- nothing was consumed by that
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int4);
DROP DOMAIN regress_pgbg_even, regress_pgbg_positive, regress_pgbg_required, regress_pgbg_code, regress_pgbg_three;

--
-- refused: 42804, with a DETAIL that names column, type and declared type; nothing is consumed
--
CREATE TYPE regress_pgbg_pair AS (a int4, b text);
CREATE TYPE regress_pgbg_couple AS (a int4, b text);
SELECT pid, cookie FROM pg_background_launch_v2($$SELECT 1 AS one, 'two'::text AS "Two", 3.0::numeric(3,1) AS three, ROW(4, 'four')::regress_pgbg_pair AS four$$) \gset
-- before the job has ended as well as after
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int8, b text, c numeric, d regress_pgbg_pair);
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int8, b text, c numeric, d regress_pgbg_pair);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int4, b varchar, c numeric, d regress_pgbg_pair);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int4, b text, c float8, d regress_pgbg_pair);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int4, b text, c numeric, d regress_pgbg_couple);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int4, b text, c numeric);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int4, b text, c numeric, d regress_pgbg_pair, e int4);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int4);
SELECT state, consumed, row_count FROM pg_background_outcome_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (a int4, b text, c numeric, d regress_pgbg_pair);
-- of many rows, more than the queue holds
SELECT pid, cookie FROM pg_background_launch_v2('SELECT i, repeat(''x'', 100) FROM generate_series(1, 20000) i', 65536) \gset
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (i int4);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (i int4, x bytea);
SELECT count(*), sum(i), sum(length(x)) FROM pg_background_result_v2(:pid, :cookie) AS (i int4, x text);
-- similar types are different: by size, sign, alignment, name
SELECT declared, returned, s.code FROM (VALUES
    ('int4', '1::int8'), ('int8', '1::int4'), ('int4', '1::int2'), ('float4', '1::float8'), ('float8', '1::int8'), ('numeric', '1::int4'),
    ('oid', '1::int4'), ('int4', '1::oid'), ('regclass', '''pg_class''::regclass::oid'), ('date', 'now()'), ('timestamp', 'now()'), ('timestamptz', 'now()::timestamp'),
    ('varchar', '''x''::text'), ('bpchar', '''x''::varchar'), ('name', '''x''::text'), ('"char"', '''x''::char(1)'), ('bytea', '''x''::text'),
    ('json', '''1''::jsonb'), ('jsonb', '''1''::json'), ('text[]', '''{}''::varchar[]'), ('int4[]', '''{}''::int8[]'), ('int4', '''{1}''::int4[]'), ('int4[]', '1'),
    ('bool', '1'), ('int4', 'true'), ('inet', '''1.2.3.4''::cidr'), ('int4range', '''[1,2)''::int8range'), ('xid', '''1''::xid8'), ('regress_pgbg_pair', '''(1,x)''::regress_pgbg_couple'),
    ('regress_pgbg_pair', '1'), ('pg_background_handle', 'ROW(1, 2)')) AS v(declared, returned),
    LATERAL (SELECT sqlstate AS code FROM pg_background_run_v2(format('SELECT * FROM pg_background_run_query_v2(%L) AS (a %s)', 'SELECT ' || returned, declared))) s
ORDER BY 1, 2;
-- each of ten columns declared with each wrong type, and every other number of columns, for each function that returns rows
DO $$
DECLARE
    right_types text[] := ARRAY['int4', 'int8', 'timestamptz', 'oid', 'numeric', 'text', 'varchar', 'int4[]', 'bool', 'pg_background_handle'];
    wrong text[] := ARRAY['bool', '"char"', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'money', 'varchar', 'char(3)', 'name', 'bytea',
                          'date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval', 'uuid', 'json', 'jsonb', 'point', 'inet', 'bit',
                          'oid', 'regclass', 'xid', 'tid', 'int4[]', 'text[]', 'int4range', 'record[]', 'pg_background_handle', 'pg_background_progress_info'];
    job text := 'SELECT ' || (SELECT string_agg(format('NULL::%s AS c%s', t, n), ', ' ORDER BY n) FROM unnest(right_types) WITH ORDINALITY AS u(t, n));
    one pg_background_handle := pg_background_launch_v2(job);
    other int4 := pg_background_launch(job);
    calls text[] := ARRAY[format('pg_background_result_v2(%s, %s)', one.pid, one.cookie), format('pg_background_result(%s)', other),
                          format('pg_background_run_query_v2(%L)', job)];
    types text[];
    counts jsonb;
    answer text;
    detail text;
    wanted text;
BEGIN
    FOR c IN 1 .. 3 LOOP
        counts := '{}';
        FOR place IN 1 .. 14 LOOP
            FOR i IN 1 .. CASE WHEN place <= 10 THEN cardinality(wrong) ELSE 1 END LOOP
                CONTINUE WHEN wrong[i] = right_types[place];
                -- a worker for each of them takes a while
                CONTINUE WHEN c = 3 AND place <= 10 AND (place + i) % 7 <> 0;
                types := CASE place WHEN 11 THEN right_types[1 : 9] WHEN 12 THEN right_types || 'text'::text WHEN 13 THEN right_types[1 : 1]
                                    WHEN 14 THEN right_types || array_fill('int4'::text, ARRAY[1500]) ELSE right_types END;
                IF place <= 10 THEN
                    types[place] := wrong[i];
                    wanted := format('Column %s ("c%s") is of type %s, but is declared as %s.', place, place,
                                     format_type(right_types[place]::regtype, NULL), format_type(replace(wrong[i], '(3)', '')::regtype, NULL));
                ELSE
                    wanted := format('The job returns 10 columns, the list has %s.', cardinality(types));
                END IF;
                BEGIN
                    EXECUTE format('SELECT count(*) FROM %s AS r(%s)', calls[c],
                                   (SELECT string_agg(format('a%s %s', n, t), ', ' ORDER BY n) FROM unnest(types) WITH ORDINALITY AS u(t, n)));
                    answer := 'accepted ' || types::text;
                EXCEPTION WHEN OTHERS THEN
                    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
                    answer := SQLSTATE || CASE WHEN starts_with(replace(replace(detail, '(3)', ''), 'bit(1)', 'bit'), wanted) THEN '' ELSE ' ' || detail END;
                END;
                counts := counts || jsonb_build_object(answer, coalesce((counts ->> answer)::int4, 0) + 1);
            END LOOP;
        END LOOP;
        EXECUTE format('SELECT count(*) FROM %s AS r(%s)', calls[c],
                       (SELECT string_agg(format('a%s %s', n, t), ', ' ORDER BY n) FROM unnest(right_types) WITH ORDINALITY AS u(t, n))) INTO answer;
        RAISE NOTICE '%: %, and with the right list: % row', substring(calls[c] FROM '^\w+'), counts, answer;
    END LOOP;
END
$$;
-- a job without rows returns one text column
SELECT * FROM pg_background_run_query_v2('CREATE TEMPORARY TABLE t ()') AS (tag int4);
SELECT * FROM pg_background_run_query_v2('CREATE TEMPORARY TABLE t ()') AS (tag text, more text);
SELECT * FROM pg_background_run_query_v2('CREATE TEMPORARY TABLE t ()') AS (tag varchar);
-- the columns are looked at when no row comes, too
SELECT * FROM pg_background_run_query_v2('SELECT 1 WHERE false') AS (a text, b text);
SELECT * FROM pg_background_run_query_v2('SELECT 1 WHERE false') AS (a int8);
DROP TYPE regress_pgbg_pair, regress_pgbg_couple;
SELECT count(*) FROM pg_background_list;
