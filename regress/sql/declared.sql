--
-- What runs and returns knows what it expects: a list that does not fit, or a value, fails the job before it commits.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
-- which process ran a job stands in the context
\set SHOW_CONTEXT never
CREATE TABLE regress_pgbg_m (a int4, t text);
CREATE DOMAIN regress_pgbg_positive AS int4 CHECK (VALUE > 0);
CREATE DOMAIN regress_pgbg_there AS int4 NOT NULL;
CREATE DOMAIN regress_pgbg_short AS varchar(3);
CREATE VIEW regress_pgbg_left AS SELECT (SELECT count(*) FROM regress_pgbg_m) AS rows, (SELECT count(*) FROM pg_background_list) AS jobs;

-- another type
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (1) RETURNING a') AS (a bigint);
TABLE regress_pgbg_left;
-- a forgotten RETURNING
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (1)') AS (a int);
TABLE regress_pgbg_left;
-- too few columns, too many, of several statements
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (1, ''x'') RETURNING a AS "A", t, t') AS (a int);
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (1); SELECT a FROM regress_pgbg_m') AS (a int, b int);
TABLE regress_pgbg_left;
-- too long a value, by itself and in an array; a length that a domain has
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (1, ''long'') RETURNING t::varchar') AS (t varchar(3));
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (1, ''long'') RETURNING ARRAY[t]::varchar[]') AS (t varchar(3)[]);
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (1, ''long'') RETURNING t::varchar') AS (t regress_pgbg_short);
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (123456) RETURNING a::numeric') AS (a numeric(3,1));
TABLE regress_pgbg_left;
-- a domain's constraints
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (-1) RETURNING a') AS (a regress_pgbg_positive);
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (NULL) RETURNING a') AS (a regress_pgbg_there);
-- in the last of many rows
SELECT count(*) FROM pg_background_run_query('INSERT INTO regress_pgbg_m SELECT 5000 - i FROM generate_series(1, 5000) AS i RETURNING a') AS (a regress_pgbg_positive);
TABLE regress_pgbg_left;
-- the other functions
SELECT * FROM pg_background_run_query_v2('INSERT INTO regress_pgbg_m VALUES (1) RETURNING a') AS (a bigint);
SELECT * FROM pg_background_query(NULL::bigint, 'INSERT INTO regress_pgbg_m VALUES (1) RETURNING a');
SELECT * FROM pg_background_query(NULL::regress_pgbg_m, 'INSERT INTO regress_pgbg_m VALUES (1) RETURNING a');
SELECT * FROM pg_background_query(NULL::record, 'INSERT INTO regress_pgbg_m VALUES (1) RETURNING a') AS (a text, b text);
SELECT * FROM pg_background_query(NULL::regress_pgbg_positive, 'INSERT INTO regress_pgbg_m VALUES ($1) RETURNING a', params => ROW(0));
SELECT * FROM pg_background_query_all(NULL::bigint, ARRAY['INSERT INTO regress_pgbg_m VALUES (1) RETURNING a']);
SELECT * FROM pg_background_query_all(NULL::regress_pgbg_positive, ARRAY['INSERT INTO regress_pgbg_m VALUES (-1) RETURNING a']);
TABLE regress_pgbg_left;
-- what fits
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (1, ''abc'') RETURNING a, t::varchar, t, a, a') AS (a regress_pgbg_positive, s regress_pgbg_short, t text, u text, n int4);
SELECT * FROM pg_background_run_query('INSERT INTO regress_pgbg_m VALUES (2)') AS (tag text);
SELECT * FROM pg_background_query_all(NULL::regress_pgbg_positive, ARRAY['INSERT INTO regress_pgbg_m VALUES (3) RETURNING a', 'INSERT INTO regress_pgbg_m VALUES (4) RETURNING a'], max_parallel => 1);
TABLE regress_pgbg_left;
TRUNCATE regress_pgbg_m;

-- Rows that come only when the statement is done: a list that does not fit is seen before it begins.
CREATE SEQUENCE regress_pgbg_begun;
CREATE PROCEDURE regress_pgbg_commits(INOUT n int4) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO regress_pgbg_m VALUES (nextval('regress_pgbg_begun')); COMMIT; END $$;
SELECT * FROM pg_background_run_query('CALL regress_pgbg_commits(1)') AS (n bigint);
SELECT * FROM pg_background_run_query('UPDATE regress_pgbg_m SET a = nextval(''regress_pgbg_begun'') RETURNING a') AS (n bigint);
SELECT * FROM pg_background_run_query('WITH w AS (INSERT INTO regress_pgbg_m VALUES (nextval(''regress_pgbg_begun'')) RETURNING a) SELECT a FROM w') AS (n bigint);
SELECT is_called FROM regress_pgbg_begun;
SELECT * FROM pg_background_run_query('CALL regress_pgbg_commits(1)') AS (n text);
TABLE regress_pgbg_left;
TRUNCATE regress_pgbg_m;

-- Conversion is part of the job: its transaction, its user, its settings, with a snapshot for what calls functions.
CREATE FUNCTION regress_pgbg_looks(v text) RETURNS bool LANGUAGE sql AS $$
    INSERT INTO regress_pgbg_m VALUES (pg_backend_pid(), current_user || ' ' || current_setting('regress_pgbg.set', true));
    SELECT count(*) > 0 FROM regress_pgbg_m
$$;
CREATE DOMAIN regress_pgbg_looked AS text CHECK (regress_pgbg_looks(VALUE));
CREATE ROLE regress_pgbg_other;
GRANT ALL ON regress_pgbg_m TO regress_pgbg_other;
GRANT EXECUTE ON FUNCTION pg_background_run_query TO regress_pgbg_other;
SET ROLE regress_pgbg_other;
SELECT * FROM pg_background_run_query('SET regress_pgbg.set = ''by the job''; SELECT ''a''::text') AS (t regress_pgbg_looked);
SELECT * FROM pg_background_run_query('SET regress_pgbg.set = ''by the job''; INSERT INTO regress_pgbg_m VALUES (0, ''row'') RETURNING t') AS (t regress_pgbg_looked);
SELECT * FROM pg_background_run_query('SHOW server_encoding') AS (t regress_pgbg_looked);
SELECT * FROM pg_background_run_query('SET regress_pgbg.set = ''by the job''') AS (tag regress_pgbg_looked);
RESET ROLE;
SELECT t, a = pg_backend_pid() AS here, count(*) FROM regress_pgbg_m GROUP BY 1, 2 ORDER BY 1;
REVOKE ALL ON regress_pgbg_m FROM regress_pgbg_other;
REVOKE ALL ON FUNCTION pg_background_run_query FROM regress_pgbg_other;
DROP ROLE regress_pgbg_other;
TRUNCATE regress_pgbg_m;
-- also where the statement starts transactions of its own, and where it is read-only
SELECT * FROM pg_background_run_query('VACUUM regress_pgbg_m') AS (tag regress_pgbg_looked);
BEGIN READ ONLY;
SELECT * FROM pg_background_run_query('SELECT ''a''::text') AS (t regress_pgbg_looked);
ROLLBACK;
SELECT count(*) FROM regress_pgbg_m;
TRUNCATE regress_pgbg_m;
DROP DOMAIN regress_pgbg_looked;
DROP FUNCTION regress_pgbg_looks;

-- A type that the caller's transaction has made: the job cannot see it.
BEGIN;
CREATE TYPE regress_pgbg_new AS (a int4);
CREATE DOMAIN regress_pgbg_newer AS int4;
CREATE FUNCTION pg_temp.error_of(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
    EXECUTE sql;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' / ', SQLSTATE, SQLERRM, regexp_replace(detail, '\d{5,}', 'N'), hint);
END
$$;
SELECT pg_temp.error_of('SELECT * FROM pg_background_run_query(''INSERT INTO regress_pgbg_m VALUES (1) RETURNING a'') AS (a regress_pgbg_newer)');
SELECT pg_temp.error_of('SELECT * FROM pg_background_query(NULL::regress_pgbg_newer, ''INSERT INTO regress_pgbg_m VALUES (1) RETURNING a'')');
SELECT pg_temp.error_of('SELECT * FROM pg_background_run_query(''INSERT INTO regress_pgbg_m VALUES (1) RETURNING a, NULL'') AS (a int4, b regress_pgbg_new)');
-- its columns are what counts: the row type itself need not be there
SELECT * FROM pg_background_query(NULL::regress_pgbg_new, 'INSERT INTO regress_pgbg_m VALUES (1) RETURNING a');
ROLLBACK;
TABLE regress_pgbg_left;
TRUNCATE regress_pgbg_m;
-- one that it has altered
CREATE TYPE regress_pgbg_pair AS (a int4, b text);
SELECT * FROM pg_background_run_query('SELECT ROW(1, ''x'')::regress_pgbg_pair') AS (p regress_pgbg_pair);
CREATE FUNCTION pg_temp.state_of(sql text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; RETURN 'none'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
BEGIN;
SET LOCAL deadlock_timeout = '10ms';
ALTER TYPE regress_pgbg_pair ADD ATTRIBUTE c int4;
-- the job may wait for the caller's lock, or know the type from before
SELECT pg_temp.state_of('SELECT * FROM pg_background_run_query(''INSERT INTO regress_pgbg_m VALUES (1) RETURNING ROW(1, ''''x'''')::regress_pgbg_pair'') AS (p regress_pgbg_pair)') IN ('42804', '40P01') AS refused;
ROLLBACK;
TABLE regress_pgbg_left;
-- what the job itself alters is its own; some minor releases lock the type that the list names, for as long as the statement lasts
SET deadlock_timeout = '10ms';
SELECT pg_temp.state_of($$SELECT 1 / (p::text = '(1,x,2)')::int4 FROM pg_background_run_query('ALTER TYPE regress_pgbg_pair ADD ATTRIBUTE c int4; SELECT ROW(1, ''x'', 2)::regress_pgbg_pair') AS (p regress_pgbg_pair)$$) IN ('none', '40P01') AS known;
RESET deadlock_timeout;
DROP TYPE regress_pgbg_pair;

-- JSON is made in the job as well.
CREATE TYPE regress_pgbg_odd AS ENUM ('odd', 'even');
CREATE FUNCTION regress_pgbg_odd_json(v regress_pgbg_odd) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RETURN json_build_object('half', 1 / (v <> 'odd')::int4); END $$;
CREATE CAST (regress_pgbg_odd AS json) WITH FUNCTION regress_pgbg_odd_json(regress_pgbg_odd);
SELECT * FROM pg_background_query_json('INSERT INTO regress_pgbg_m VALUES (1) RETURNING a, ''odd''::regress_pgbg_odd AS o');
TABLE regress_pgbg_left;
SELECT * FROM pg_background_query_json('INSERT INTO regress_pgbg_m VALUES (1) RETURNING a AS "A", ''even''::regress_pgbg_odd AS o, ROW(1, ''x'') AS r, ARRAY[ROW(2)] AS l');
SELECT * FROM pg_background_query_json('SELECT a AS renamed, t FROM regress_pgbg_m');
TRUNCATE regress_pgbg_m;
SELECT * FROM pg_background_query_json('SELECT 1; CREATE TABLE regress_pgbg_made (n int4); DROP TABLE regress_pgbg_made');
SELECT j->'s' = to_jsonb(repeat('x', 3000)) AS same FROM pg_background_query_json('INSERT INTO regress_pgbg_m SELECT i, string_agg(md5(n::text || i), '''') FROM generate_series(1, 3) AS i, generate_series(1, 3000) AS n GROUP BY i RETURNING repeat(''x'', 3000) AS s') AS j;
SELECT j->>'t' = m.t AS same FROM pg_background_query_json('SELECT * FROM regress_pgbg_m') AS j JOIN regress_pgbg_m m ON m.a = (j->>'a')::int4;
TRUNCATE regress_pgbg_m;
DROP CAST (regress_pgbg_odd AS json);
DROP FUNCTION regress_pgbg_odd_json;
DROP TYPE regress_pgbg_odd;

-- Values are converted as an assignment does it, whatever the settings.
CREATE DOMAIN regress_pgbg_at AS timestamptz(3);
CREATE DOMAIN regress_pgbg_span AS interval(2);
CREATE FUNCTION pg_temp.differing(style text, zone text, spans text, OUT by_query int8, OUT by_result int8) LANGUAGE plpgsql AS $$
DECLARE
    job text := $j$ SELECT v, v, v, ARRAY[v, v], s, s, ARRAY[s] FROM (VALUES
        ('2024-01-02 12:00:00.1234+05:30'::timestamptz, '-1 year 2 mons -3 days 04:05:06.789'::interval), ('2024-07-03 03:04:05+00', '-00:00:01.5'), ('0044-03-15 12:00:00+00 BC', '1 day -1 hour')) AS x(v, s) $j$;
    list text := 'AS (a timestamptz, b timestamptz(3), c regress_pgbg_at, l timestamptz(3)[], s interval, t regress_pgbg_span, u interval(2)[])';
    wrong text := ' WHERE (a::timestamptz(3), a::timestamptz(3), ARRAY[a, a]::timestamptz(3)[], s::interval(2), ARRAY[s]::interval(2)[]) IS DISTINCT FROM (b, c::timestamptz(3), l, t::interval(2), u)';
    h pg_background_handle;
BEGIN
    PERFORM set_config('DateStyle', style, true), set_config('TimeZone', zone, true), set_config('IntervalStyle', spans, true);
    EXECUTE format('SELECT count(*) FROM pg_background_run_query(%L) ', job) || list || wrong INTO by_query;
    h := pg_background_launch(job);
    EXECUTE 'SELECT count(*) FROM pg_background_result($1) ' || list || wrong INTO by_result USING h;
END
$$;
SELECT style, zone, spans, d.* FROM unnest(ARRAY['ISO', 'SQL, DMY', 'SQL, MDY', 'German', 'Postgres, DMY']) AS style, unnest(ARRAY['Asia/Kolkata', 'Asia/Jakarta', 'America/New_York']) AS zone,
    unnest(ARRAY['sql_standard', 'postgres_verbose']) AS spans, pg_temp.differing(style, zone, spans) AS d WHERE by_query + by_result > 0;
SET extra_float_digits = -15;
SET bytea_output = 'escape';
CREATE DOMAIN regress_pgbg_float AS float8;
CREATE DOMAIN regress_pgbg_floats AS float8[];
SELECT f = 0.1::float8 + 0.2 AS float, l[1] = 0.1::float8 + 0.2 AS floats FROM pg_background_run_query('SELECT 0.1::float8 + 0.2, ARRAY[0.1::float8 + 0.2]') AS (f regress_pgbg_float, l regress_pgbg_floats);
-- but for what is declared text, which is as the job shows it
SELECT * FROM pg_background_run_query('SELECT 0.1::float8 + 0.2, date ''2001-02-03''') AS (f text, d text);
SELECT * FROM pg_background_run_query('SET DateStyle = German; SELECT date ''2001-02-03'', true, ''a''::char(3), ''x''::"char", ''n''::name, ''1.2.3.4''::inet') AS (d text, b text, c text, h text, n text, i text);
RESET extra_float_digits;
RESET bytea_output;
DROP DOMAIN regress_pgbg_float, regress_pgbg_floats, regress_pgbg_at, regress_pgbg_span;

-- The right list is in the HINT, for what was launched before as well; an anonymous record is called one.
SELECT * FROM pg_background_run_query('SELECT 1 AS id, now() AS at, ROW(1, 2) AS pair, ''x''::varchar(7) AS "no name", 2 AS id, ARRAY[ROW(1)] AS rows') AS (id int, at int, pair int, a text, b text, c text);
SELECT * FROM pg_background_run_query('SELECT 1 AS id, now() AS at, ROW(1, 2) AS pair, ''x''::varchar(7) AS "no name", 2 AS id, ARRAY[ROW(1)] AS rows') AS (id int, at timestamptz, pair int, a text, b text, c text);
SELECT * FROM pg_background_run_query('SELECT pg_sleep(0), ''c''::cstring') AS (a int, b int);
SELECT pid, cookie FROM pg_background_launch('SELECT 1 AS id, ROW(1, 2) AS pair') \gset
SELECT * FROM pg_background_result(:pid, :cookie) AS (id int, pair int);
SELECT * FROM pg_background_rows(NULL::int, (:pid, :cookie)::pg_background_handle);
SELECT * FROM pg_background_result(:pid, :cookie) AS (id int, pair text);
TABLE regress_pgbg_left;

DROP VIEW regress_pgbg_left;
DROP TABLE regress_pgbg_m;
DROP SEQUENCE regress_pgbg_begun;
DROP PROCEDURE regress_pgbg_commits;
DROP DOMAIN regress_pgbg_positive, regress_pgbg_there, regress_pgbg_short;
