--
-- Parameters: values that are no part of the SQL.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_params (id int4, gone text, name text, amount numeric(10,2));
ALTER TABLE regress_pgbg_params DROP COLUMN gone;

-- each field of the record with its own type; NULL is one
SELECT * FROM pg_background_run_query('SELECT $1 + 1, $2, $3, pg_typeof($3)', params => ROW(41, 'x'::text, NULL::numeric)) AS (a int4, b text, c numeric, d regtype);
-- a literal is deduced, as it would be where it stands
SELECT * FROM pg_background_run_query('SELECT $1 + 1, $2, $3::date', params => ROW('41', 'x', '2001-02-03')) AS (a int4, b text, c date);
SELECT * FROM pg_background_run_query('SELECT $1::int4 + 1, $2, $3::int8', text_params => ARRAY['41', 'x', NULL]) AS (a int4, b text, c int8);
-- a row variable; dropped columns are no parameters
INSERT INTO regress_pgbg_params VALUES (1, 'one', 1.5);
SELECT * FROM pg_background_run_query('SELECT $1, $2, $3', params => (SELECT p FROM regress_pgbg_params AS p)) AS (a int4, b text, c numeric(10,2));
-- rows, arrays of rows inside of a parameter
SELECT * FROM pg_background_run_query('SELECT ($1).name, $2[2]', params => (SELECT ROW(p, ARRAY[p, p]) FROM regress_pgbg_params AS p)) AS (a text, b regress_pgbg_params);
-- no quoting, no injection
SELECT * FROM pg_background_run_query('SELECT $1, $2', params => ROW($$'; DROP TABLE regress_pgbg_params; --$$::text, E'\\\'' || 1)) AS (a text, b text);
SELECT count(*) FROM regress_pgbg_params;
-- several statements share them, and each decides for itself what a literal is
SELECT completed, row_count, error_message FROM pg_background_run('INSERT INTO regress_pgbg_params VALUES ($1, $2); INSERT INTO regress_pgbg_params VALUES ($1::int4 + 1, $1)', text_params => ARRAY['7', 'seven']);
SELECT * FROM regress_pgbg_params ORDER BY id;
-- a parameter that nothing uses does no harm
SELECT * FROM pg_background_run_query('SELECT 1', text_params => ARRAY['a']) AS (a int4);
SELECT * FROM pg_background_run_query('SELECT 1', params => ROW(1, 'a')) AS (a int4);
SELECT * FROM pg_background_run_query('SELECT 1', params => ROW()) AS (a int4);
SELECT * FROM pg_background_run_query('SELECT 1', text_params => '{}') AS (a int4);
-- one that is not there, or whose type nobody can tell
SELECT * FROM pg_background_run_query('SELECT $1', params => ROW()) AS (a int4);
SELECT * FROM pg_background_run_query('SELECT $3::int4', params => ROW(1)) AS (a int4);
SELECT * FROM pg_background_run_query('SELECT $1 IS NULL', text_params => ARRAY['a']) AS (a bool);
SELECT * FROM pg_background_run_query('SELECT $1', params => ROW(1), text_params => ARRAY['a']) AS (a int4);
-- the literal is wrong
SELECT * FROM pg_background_run_query('SELECT $1::int4', text_params => ARRAY['no number']) AS (a int4);
CREATE DOMAIN regress_pgbg_positive AS int4 NOT NULL CHECK (VALUE > 0);
SELECT * FROM pg_background_run_query('SELECT $1::regress_pgbg_positive', text_params => ARRAY['-1']) AS (a int4);
SELECT * FROM pg_background_run_query('SELECT $1::regress_pgbg_positive', text_params => ARRAY[NULL]) AS (a int4);
SELECT * FROM pg_background_run_query('SELECT $1', params => ROW(5::regress_pgbg_positive)) AS (a regress_pgbg_positive);
-- what means something in this process alone
SELECT * FROM pg_background_run_query('SELECT $1', params => ROW(ROW(1, 2))) AS (a text);
SELECT * FROM pg_background_run_query('SELECT $1', params => ROW(ARRAY[ROW(1, 2)])) AS (a text);
SELECT * FROM pg_background_run_query('SELECT $1', params => ROW(cstring_in('a'))) AS (a text);
SELECT * FROM pg_background_run_query('SELECT $1', params => (SELECT ROW(most_common_vals) FROM pg_stats LIMIT 1)) AS (a text);

-- every kind of statement
SELECT row_count, command_tag, error_message FROM pg_background_run('UPDATE regress_pgbg_params SET amount = $1 WHERE id = $2', params => ROW(7.25, 7));
SELECT row_count, command_tag, error_message FROM pg_background_run('DELETE FROM regress_pgbg_params WHERE id = $1', text_params => '{8}');
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_params VALUES ($1, $2) RETURNING id, name', params => ROW(9, 'nine')) AS (id int4, name text);
SELECT row_count, command_tag, error_message FROM pg_background_run('CREATE TABLE regress_pgbg_made AS SELECT $1 AS a', params => ROW(1));
SELECT command_tag, error_message FROM pg_background_run('CREATE TABLE regress_pgbg_ddl (a int4 DEFAULT $1)', params => ROW(1));
SELECT command_tag, error_message FROM pg_background_run('CREATE VIEW regress_pgbg_view AS SELECT $1', params => ROW(1));
SELECT command_tag, error_message FROM pg_background_run('DO $do$ BEGIN END $do$', params => ROW(1));
SELECT command_tag, error_message FROM pg_background_run('VACUUM regress_pgbg_params', params => ROW(1));
CREATE PROCEDURE regress_pgbg_call(a int4, b text) LANGUAGE plpgsql AS $$
BEGIN INSERT INTO regress_pgbg_params VALUES (a, b); COMMIT; INSERT INTO regress_pgbg_params VALUES (a + 1, b); END $$;
SELECT command_tag, error_message FROM pg_background_run('CALL regress_pgbg_call($1, $2)', params => ROW(20, 'called'));
SELECT command_tag, error_message FROM pg_background_run('CALL regress_pgbg_call($1, $2)', text_params => '{22, called}');
SELECT count(*) FROM regress_pgbg_params WHERE name = 'called';
SELECT * FROM pg_background_run_query('PREPARE p AS SELECT $1::text || $2; EXECUTE p(''a'', ''b'')', params => ROW(1)) AS (a text);
CREATE RULE regress_pgbg_rule AS ON INSERT TO regress_pgbg_made DO ALSO INSERT INTO regress_pgbg_params VALUES (NEW.a, 'rule');
SELECT row_count, command_tag, error_message FROM pg_background_run('INSERT INTO regress_pgbg_made VALUES ($1)', params => ROW(30));
SELECT count(*) FROM regress_pgbg_params WHERE name = 'rule';
SELECT line FROM pg_background_run_query('EXPLAIN (COSTS OFF) SELECT $1 + 1', params => ROW(1)) AS (line text);

-- a trigger's NEW: dropped columns are left out, generated ones are there
CREATE TABLE regress_pgbg_log (op text, id int4, twice int4, note text);
CREATE TABLE regress_pgbg_base (gone int4, id int4, twice int4 GENERATED ALWAYS AS (id * 2) STORED, note text);
ALTER TABLE regress_pgbg_base DROP COLUMN gone;
CREATE FUNCTION regress_pgbg_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_background_run('INSERT INTO regress_pgbg_log VALUES (''' || TG_OP || ''', $1, $2, $3)', params => NEW);
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON regress_pgbg_base FOR EACH ROW EXECUTE FUNCTION regress_pgbg_audit();
BEGIN;
INSERT INTO regress_pgbg_base VALUES (1, DEFAULT, 'it''s');
UPDATE regress_pgbg_base SET note = NULL;
ROLLBACK;
SELECT * FROM regress_pgbg_log ORDER BY op;

-- what a trigger sees in a generated column, virtual ones included, is what the job gets; before the row is there and after
DO $$
BEGIN
    EXECUTE 'CREATE TABLE regress_pgbg_virtual (id int4, twice int4 GENERATED ALWAYS AS (id * 2) '
        || CASE WHEN current_setting('server_version_num')::int4 >= 180000 THEN 'VIRTUAL' ELSE 'STORED' END || ', note text)';
END $$;
CREATE FUNCTION regress_pgbg_same() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE same bool;
BEGIN
    SELECT s INTO same FROM pg_background_run_query('SELECT ($1, $2, $3) IS NOT DISTINCT FROM ($4::int4, $5::int4, $6::text)', params => ROW(NEW.id, NEW.twice, NEW.note, NEW.id, NEW.twice, NEW.note)) AS (s bool);
    RAISE NOTICE '% %', TG_WHEN, same;
    SELECT s INTO same FROM pg_background_run_query(format('SELECT ($1, $2, $3) IS NOT DISTINCT FROM (%L::int4, %L::int4, %L::text)', NEW.id, NEW.twice, NEW.note), params => NEW) AS (s bool);
    RAISE NOTICE '% %', TG_WHEN, same;
    RETURN NEW;
END $$;
CREATE TRIGGER before BEFORE INSERT OR UPDATE ON regress_pgbg_virtual FOR EACH ROW EXECUTE FUNCTION regress_pgbg_same();
CREATE TRIGGER after AFTER INSERT OR UPDATE ON regress_pgbg_virtual FOR EACH ROW EXECUTE FUNCTION regress_pgbg_same();
INSERT INTO regress_pgbg_virtual (id, note) VALUES (1, 'one');
UPDATE regress_pgbg_virtual SET id = 21;
SELECT * FROM pg_background_run_query('SELECT $1, $2, $3', params => (SELECT v FROM regress_pgbg_virtual AS v)) AS (id int4, twice int4, note text);
DROP TABLE regress_pgbg_virtual;
DROP FUNCTION regress_pgbg_same();

-- types that the job cannot see, or sees otherwise
BEGIN;
CREATE TYPE regress_pgbg_new AS (a int4);
SELECT regexp_replace(error_message, '\d+', 'N'), sqlstate FROM pg_background_run('SELECT $1', params => ROW(ROW(1)::regress_pgbg_new));
ROLLBACK;
-- values of another form: the job sees the type as it was
SET client_min_messages = warning;
CREATE TYPE regress_pgbg_form;
CREATE FUNCTION regress_pgbg_form_in(cstring) RETURNS regress_pgbg_form LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION regress_pgbg_form_out(regress_pgbg_form) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE regress_pgbg_form (INPUT = regress_pgbg_form_in, OUTPUT = regress_pgbg_form_out, LIKE = text);
RESET client_min_messages;
SELECT * FROM pg_background_run_query('SELECT $1', params => ROW('longer than eight bytes'::regress_pgbg_form)) AS (a regress_pgbg_form);
BEGIN;
UPDATE pg_type SET typlen = 8, typstorage = 'p' WHERE oid = 'regress_pgbg_form'::regtype;
-- a row that the session has not had yet, whose columns it would know
SELECT error_message, sqlstate FROM pg_background_run('SELECT $1', params => ROW('longer than eight bytes'::regress_pgbg_form, NULL, 1));
ROLLBACK;
SET client_min_messages = warning;
DROP TYPE regress_pgbg_form CASCADE;
RESET client_min_messages;
CREATE TYPE regress_pgbg_pair AS (a int4, b text);
-- every type that has a value somewhere
CREATE TABLE regress_pgbg_values AS SELECT t.typname::text AS name, v.value
FROM pg_type AS t CROSS JOIN LATERAL (VALUES
    ('1'), ('t'), ('a'), ('{}'), ('{1,2}'), ('{"a",NULL}'), ('2001-02-03'), ('12:34:56'), ('1 day'), ('(1,2)'), ('(1,2),(3,4)'), ('((1,2),(3,4))'), ('<(1,2),3>'), ('{1,2,3}'),
    ('10.0.0.0/8'), ('08:00:2b:01:02:03'), ('08:00:2b:01:02:03:04:05'), ('[1,5)'), ('[2001-02-03,2002-01-01)'), ('{[1,5)}'), ('101'), ('<a>b</a>'), ('"a"'),
    ('a b'), ('a & b'), ('$."a"'), ('00000000-0000-0000-0000-000000000001'), ('0/1'), ('10:20:10,14'), ('pg_class'), ('postgres'), ('english'), ('boolin'), ('=r/postgres'), ('+(integer,integer)'), ('"default"')) AS v(value)
WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm') AND t.typname NOT IN ('pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary', 'cstring', '_cstring', 'unknown')
    AND NOT EXISTS (SELECT FROM pg_type AS e WHERE e.oid = t.typelem AND e.typtype <> 'b');
-- each as a parameter and as a literal: what the job sends back is what went there
DO $$
DECLARE t record; before text; there text; literal text; count int4 := 0; types text[] := '{}';
BEGIN
    FOR t IN SELECT * FROM regress_pgbg_values ORDER BY name, value LOOP
        BEGIN
            EXECUTE format('SELECT %L::pg_catalog.%I::text', t.value, t.name) INTO before;
        EXCEPTION WHEN OTHERS THEN
            CONTINUE;
        END;
        EXECUTE format('SELECT a::text FROM pg_background_run_query(''SELECT $1'', params => ROW(%L::pg_catalog.%I)) AS (a pg_catalog.%I)', t.value, t.name, t.name) INTO there;
        EXECUTE format('SELECT a::text FROM pg_background_run_query(%L, text_params => ARRAY[%L]) AS (a pg_catalog.%I)', format('SELECT $1::pg_catalog.%I', t.name), t.value, t.name) INTO literal;
        IF there IS DISTINCT FROM before OR literal IS DISTINCT FROM before THEN
            RAISE WARNING '%: % became % and %', t.name, before, there, literal;
        END IF;
        count := count + 1;
        IF NOT t.name = ANY (types) THEN
            types := types || t.name;
        END IF;
    END LOOP;
    RAISE NOTICE 'more than 100 values: %, of more than 100 types: %', count > 100, cardinality(types) > 100;
    -- an array has a value where its elements' type has one, and of this nobody can write any
    RAISE NOTICE 'without a value: %', (SELECT array_agg(DISTINCT name) FROM regress_pgbg_values WHERE NOT name = ANY (types));
END $$;
-- domains of the standard, enums, a range and a multirange of one's own, rows in rows; nested, NULL, of several dimensions
CREATE TYPE regress_pgbg_mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE regress_pgbg_moods AS RANGE (subtype = regress_pgbg_mood, multirange_type_name = regress_pgbg_multimood);
CREATE TYPE regress_pgbg_deep AS (p regress_pgbg_pair, q regress_pgbg_pair[], m regress_pgbg_moods, d regress_pgbg_positive);
SELECT * FROM pg_background_run_query('SELECT $1, $2, $3, pg_typeof($4)', params => ROW('x'::information_schema.character_data, 1::information_schema.cardinal_number,
    'YES'::information_schema.yes_or_no, now()::information_schema.time_stamp)) AS (a information_schema.character_data, b information_schema.cardinal_number, c information_schema.yes_or_no, d regtype);
SELECT * FROM pg_background_run_query('SELECT $1, $2, $3, $4', params => ROW('ok'::regress_pgbg_mood, '{sad,NULL,happy}'::regress_pgbg_mood[], '[sad,ok]'::regress_pgbg_moods, '{[sad,ok),[happy,]}'::regress_pgbg_multimood))
    AS (a regress_pgbg_mood, b regress_pgbg_mood[], c regress_pgbg_moods, d regress_pgbg_multimood);
SELECT * FROM pg_background_run_query('SELECT $1, ($1).q[2].b, $2, $3', params => ROW(ROW(ROW(1, NULL), ARRAY[NULL, ROW(2, 'b')]::regress_pgbg_pair[], '(,ok]', 3)::regress_pgbg_deep,
    '[0:1][2:3]={{1,NULL},{3,4}}'::int4[], NULL::regress_pgbg_deep)) AS (a regress_pgbg_deep, b text, c int4[], d regress_pgbg_deep);
DROP TYPE regress_pgbg_deep, regress_pgbg_moods, regress_pgbg_mood;
-- a variable of no row type but what it was given
DO $$
DECLARE r record; s text;
BEGIN
    FOR r IN SELECT 1 AS a, 'x'::text AS b UNION ALL SELECT 2, NULL LOOP
        SELECT x INTO s FROM pg_background_run_query('SELECT $1 || coalesce($2, '' and NULL'')', params => r) AS (x text);
        RAISE NOTICE '%', s;
    END LOOP;
END $$;
-- toasted, compressed, expanded and large values
CREATE TABLE regress_pgbg_toast (a text, b int4[]);
ALTER TABLE regress_pgbg_toast ALTER a SET STORAGE EXTERNAL;
INSERT INTO regress_pgbg_toast SELECT string_agg(md5(i::text), ''), array_agg(i) FROM generate_series(1, 10000) AS i;
SELECT a = (SELECT md5(a || b::text) FROM regress_pgbg_toast) AS same FROM pg_background_run_query('SELECT md5($1 || $2::text)', params => (SELECT ROW(a, b) FROM regress_pgbg_toast)) AS (a text);
SELECT a = (SELECT md5(a || b::text) FROM regress_pgbg_toast) AS same FROM pg_background_run_query('SELECT md5(($1).a || ($1).b::text)', params => (SELECT ROW(t) FROM regress_pgbg_toast AS t)) AS (a text);
DO $$
DECLARE expanded int4[] := '{}'; r regress_pgbg_pair; sum int8;
BEGIN
    FOR i IN 1..100 LOOP expanded[i] := i; END LOOP;
    r.a := 5; r.b := 'five';
    SELECT s INTO sum FROM pg_background_run_query('SELECT sum(x) + ($2).a FROM unnest($1) AS x', params => ROW(expanded, r)) AS (s int8);
    RAISE NOTICE '%', sum;
END $$;
SELECT a FROM pg_background_run_query('SELECT length($1)', params => ROW(repeat('x', 100000000))) AS (a int4);
SELECT a FROM pg_background_run_query('SELECT length($1)', text_params => ARRAY[repeat('x', 1000000)]) AS (a int4);

-- the same statement again and again: kept in the worker, and nobody can tell
CREATE TABLE pgbg_again (id int4, at timestamptz, name text);
SELECT count(*), count(*) FILTER (WHERE has_error) AS failed
FROM generate_series(1, 50) AS i, pg_background_run('INSERT INTO pgbg_again VALUES ($1, now(), $2)', params => ROW(i, 'n' || i));
SELECT count(*), count(DISTINCT at) FROM pgbg_again;
SELECT count(*) FILTER (WHERE NOT has_error) FROM generate_series(1, 5) AS i, pg_background_run('INSERT INTO pgbg_again (id) VALUES ($1)', text_params => ARRAY[i::text]);
-- a table that is altered, or takes the place of another
ALTER TABLE pgbg_again ALTER id TYPE text;
SELECT error_message FROM pg_background_run('INSERT INTO pgbg_again (id) VALUES ($1)', text_params => ARRAY['no number']);
CREATE SCHEMA pgbg_other CREATE TABLE pgbg_again (id int4, at timestamptz, name text);
SELECT count(*) FILTER (WHERE NOT has_error) FROM generate_series(1, 3) AS i, pg_background_run('INSERT INTO pgbg_again (name) VALUES ($1)', params => ROW('public' || left(i::text, 0)));
SET search_path = pgbg_other, public;
SELECT count(*) FILTER (WHERE NOT has_error) FROM generate_series(1, 3) AS i, pg_background_run('INSERT INTO pgbg_again (name) VALUES ($1)', params => ROW('other' || left(i::text, 0)));
RESET search_path;
SELECT tableoid::regclass, name, count(*) FROM (SELECT tableoid, name FROM pgbg_other.pgbg_again UNION ALL SELECT tableoid, name FROM pgbg_again WHERE name IN ('other', 'public')) AS t GROUP BY 1, 2 ORDER BY 1;
-- literals that tell of the moment
SELECT count(DISTINCT a) FROM generate_series(1, 5) AS i, LATERAL pg_background_run_query('SELECT $1::int4, ''now''::timestamptz', params => ROW(i)) AS (i int4, a timestamptz);
-- the same without parameters; a constant of a type that is altered meanwhile; a label that gets another name
CREATE TYPE pgbg_kept AS (a int4, b text);
CREATE TYPE pgbg_mood AS ENUM ('sad', 'glad');
CREATE FUNCTION pg_temp.again(sql text) RETURNS TABLE (failed text, rows int8, texts text) LANGUAGE sql AS $$
    SELECT min(error_message), count(*), min(command_tag) FROM generate_series(1, 4) AS i, LATERAL pg_background_run_v2(sql || left(i::text, 0))
$$;
SELECT count(*), count(DISTINCT a) FROM generate_series(1, 4) AS i, LATERAL pg_background_run_query('SELECT clock_timestamp()' || left(i::text, 0)) AS (a timestamptz);
SELECT count(DISTINCT a) FROM generate_series(1, 4) AS i, LATERAL pg_background_run_query('SELECT ''now''::timestamptz' || left(i::text, 0)) AS (a timestamptz);
SELECT * FROM pg_temp.again('INSERT INTO pgbg_again (name) VALUES (''the same'')');
SELECT count(*) FROM pgbg_again WHERE name = 'the same';
SELECT * FROM pg_temp.again('SELECT $1');
SELECT a, count(*) FROM generate_series(1, 4) AS i, LATERAL pg_background_run_query('SELECT (''(1,one)''::pgbg_kept)::text' || left(i::text, 0)) AS (a text) GROUP BY 1;
SELECT a, count(*) FROM generate_series(1, 4) AS i, LATERAL pg_background_run_query('SELECT (''(1,one)''::pgbg_kept)::text || $1' || left(i::text, 0), params => ROW('!'::text)) AS (a text) GROUP BY 1;
SELECT * FROM pg_temp.again('SELECT ''sad''::pgbg_mood');
ALTER TYPE pgbg_kept ALTER ATTRIBUTE a TYPE text;
SELECT a, count(*) FROM generate_series(1, 4) AS i, LATERAL pg_background_run_query('SELECT (''(1,one)''::pgbg_kept)::text' || left(i::text, 0)) AS (a text) GROUP BY 1;
SELECT a, count(*) FROM generate_series(1, 4) AS i, LATERAL pg_background_run_query('SELECT (''(1,one)''::pgbg_kept)::text || $1' || left(i::text, 0), params => ROW('!'::text)) AS (a text) GROUP BY 1;
ALTER TYPE pgbg_mood RENAME VALUE 'sad' TO 'blue';
SELECT * FROM pg_temp.again('SELECT ''sad''::pgbg_mood');
DROP TYPE pgbg_kept, pgbg_mood;
-- settings decide what constants are
SELECT a, count(*) FROM generate_series(1, 4) AS i, LATERAL pg_background_run_query('SELECT ''1.2.2003''::date' || left(i::text, 0)) AS (a date) GROUP BY 1;
SET datestyle = 'ISO, DMY';
SELECT a, count(*) FROM generate_series(1, 4) AS i, LATERAL pg_background_run_query('SELECT ''1.2.2003''::date' || left(i::text, 0)) AS (a date) GROUP BY 1;
RESET datestyle;
-- the type of a parameter counts
SELECT count(*), count(DISTINCT a) FROM generate_series(1, 6) AS i, LATERAL pg_background_run_query('SELECT pg_typeof($1)', params => CASE i % 2 WHEN 0 THEN ROW(1) ELSE ROW(1::int8) END) AS (a regtype);
-- a literal is no value of the type that was given before
SELECT count(DISTINCT a), min(a) FROM generate_series(1, 3) AS i, LATERAL pg_background_run_query('SELECT pg_typeof(coalesce($1, NULL))::text', params => ROW(i)) AS (a text);
SELECT a FROM pg_background_run_query('SELECT pg_typeof(coalesce($1, NULL))::text', text_params => ARRAY['1']) AS (a text);
-- errors in the middle
CREATE UNIQUE INDEX ON pgbg_other.pgbg_again (id);
SELECT sqlstate, count(*) FROM generate_series(1, 8) AS i, pg_background_run('INSERT INTO pgbg_other.pgbg_again VALUES ($1)', params => ROW(i % 4)) GROUP BY 1 ORDER BY 1;

DROP SCHEMA pgbg_other CASCADE;
DROP TABLE pgbg_again, regress_pgbg_toast, regress_pgbg_values, regress_pgbg_base, regress_pgbg_log, regress_pgbg_made, regress_pgbg_params;
DROP FUNCTION regress_pgbg_audit();
DROP PROCEDURE regress_pgbg_call(int4, text);
DROP TYPE regress_pgbg_pair;
DROP DOMAIN regress_pgbg_positive;
