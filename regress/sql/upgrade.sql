--
-- ALTER EXTENSION UPDATE from every older version ends with exactly what
-- CREATE EXTENSION makes: first to 1.11, then to 2.1.  Needs the scripts in regress/fixtures, which declare
-- older versions, beside the extension's own.
--
SELECT count(*) < 6 AS no_fixtures FROM pg_available_extension_versions
WHERE name = 'pg_background' AND version IN ('1.6', '1.7', '1.8', '1.9', '1.10', '2.0') \gset
\if :no_fixtures
\echo 'the fixtures are not installed: skipped'
\quit
\endif

-- a database of its own, so that the extension here stays as it is
\set here :DBNAME
CREATE DATABASE regress_pgbg_upgrade;
\c regress_pgbg_upgrade
SET client_min_messages = warning;
\set SHOW_CONTEXT never

CREATE ROLE regress_pgbg_alice;
CREATE ROLE "regress_pgbg ""bob""";
CREATE ROLE regress_pgbg_super SUPERUSER;

-- One row for each fact about the extension that must come out right, without
-- the name of its schema.  Privileges of others than the owner, PUBLIC and
-- pgbackground_role are the administrator's, and left out.
CREATE FUNCTION pg_temp.facts()
RETURNS TABLE (object text, fact text)
LANGUAGE plpgsql AS $$
DECLARE
    home text;
BEGIN
    SELECT extnamespace::regnamespace INTO home FROM pg_extension WHERE extname = 'pg_background';
    PERFORM set_config('search_path', home || ', pg_temp', true);
    RETURN QUERY
    WITH member AS (
        SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS object
        FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_background'
          AND NOT EXISTS (SELECT FROM pg_depend i
                          WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i')
    ), owned AS (
        SELECT m.*, coalesce(p.proowner, t.typowner, c.relowner) AS owner,
               coalesce(p.proacl, t.typacl, c.relacl) AS acl,
               p.oid AS function, t.typrelid AS type, c.oid AS relation
        FROM member m
             LEFT JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
             LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
             LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
    )
    SELECT o.object, 'owner ' || o.owner::regrole FROM owned o
    UNION ALL
    SELECT o.object, 'comment ' || coalesce(obj_description(o.objid, o.classid::regclass::name), 'none') FROM owned o
    UNION ALL
    SELECT o.object, replace(pg_get_functiondef(o.function), home || '.', '') FROM owned o WHERE o.function IS NOT NULL
    UNION ALL
    SELECT o.object, 'depends on ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
    FROM owned o JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.objid
    WHERE d.refclassid <> 'pg_namespace'::regclass
    UNION ALL
    SELECT o.object, pg_get_viewdef(o.relation) FROM owned o WHERE o.relation IS NOT NULL
    UNION ALL
    SELECT o.object, (SELECT string_agg(a.attname || ' ' || a.atttypid::regtype, ', ' ORDER BY a.attnum)
                      FROM pg_attribute a WHERE a.attrelid = coalesce(o.type, o.relation) AND a.attnum > 0 AND NOT a.attisdropped)
    FROM owned o WHERE o.function IS NULL
    UNION ALL
    SELECT o.object, format('%s of %s grantable %s', a.privilege_type,
                            CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END, a.is_grantable)
    FROM owned o, aclexplode(o.acl) a
    WHERE a.grantee IN (0, o.owner, (SELECT oid FROM pg_roles WHERE rolname = 'pgbackground_role'))
    UNION ALL
    SELECT o.object, format('initially %s of %s grantable %s', a.privilege_type,
                            CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END, a.is_grantable)
    FROM owned o JOIN pg_init_privs i ON i.classoid = o.classid AND i.objoid = o.objid, aclexplode(i.initprivs) a;
    PERFORM set_config('search_path', 'public', true);
END
$$;

-- The administrator's grants.
CREATE FUNCTION pg_temp.grants()
RETURNS TABLE (object text, grantee text, privilege text, grantable bool)
LANGUAGE plpgsql AS $$
DECLARE
    home text;
BEGIN
    SELECT extnamespace::regnamespace INTO home FROM pg_extension WHERE extname = 'pg_background';
    PERFORM set_config('search_path', home || ', pg_temp', true);
    RETURN QUERY
    SELECT o.object, a.grantee::regrole::text, a.privilege_type, a.is_grantable
    FROM (SELECT oid::regprocedure::text AS object, proacl AS acl FROM pg_proc WHERE pronamespace = home::regnamespace
          UNION ALL
          SELECT oid::regtype::text, typacl FROM pg_type WHERE typnamespace = home::regnamespace
          UNION ALL
          SELECT oid::regclass::text, relacl FROM pg_class WHERE relnamespace = home::regnamespace) AS o,
         aclexplode(o.acl) a
    WHERE a.grantee IN ('regress_pgbg_alice'::regrole, '"regress_pgbg ""bob"""'::regrole)
    ORDER BY o.object COLLATE "C", a.grantee::regrole::text COLLATE "C";
    PERFORM set_config('search_path', 'public', true);
END
$$;

-- Installs an old version in a schema of its own, with a grant on one function
-- and, to be passed on, on another.
CREATE FUNCTION pg_temp.install(version text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DROP EXTENSION IF EXISTS pg_background;
    EXECUTE format('CREATE EXTENSION pg_background VERSION %L SCHEMA "regress pgbg"', version);
    GRANT EXECUTE ON FUNCTION "regress pgbg".pg_background_launch_v2(text, int4) TO regress_pgbg_alice;
    GRANT EXECUTE ON FUNCTION "regress pgbg".pg_background_wait_v2(int4, int8)
        TO regress_pgbg_alice, "regress_pgbg ""bob""" WITH GRANT OPTION;
    IF to_regclass('"regress pgbg".pg_background_list') IS NOT NULL THEN
        GRANT SELECT ON "regress pgbg".pg_background_list TO regress_pgbg_alice;
    END IF;
END
$$;

CREATE SCHEMA "regress pgbg";
CREATE EXTENSION pg_background VERSION '1.11' SCHEMA "regress pgbg";
CREATE TEMPORARY TABLE fresh AS SELECT * FROM pg_temp.facts();
SELECT count(DISTINCT object) FROM fresh;
DROP EXTENSION pg_background;

-- What differs from the fresh one (expect no rows).
CREATE FUNCTION pg_temp.differences() RETURNS TABLE (which text, object text, fact text)
LANGUAGE sql AS $$
    (SELECT 'missing', f.* FROM fresh f EXCEPT ALL SELECT 'missing', a.* FROM pg_temp.facts() a)
    UNION ALL
    (SELECT 'too many', a.* FROM pg_temp.facts() a EXCEPT ALL SELECT 'too many', f.* FROM fresh f)
    ORDER BY 1, 2, 3
$$;

SELECT pg_temp.install('1.6');
ALTER EXTENSION pg_background UPDATE TO '1.11';
SELECT extversion, extnamespace::regnamespace FROM pg_extension WHERE extname = 'pg_background';
SELECT * FROM pg_temp.differences();
SELECT * FROM pg_temp.grants();

SELECT pg_temp.install('1.7');
ALTER EXTENSION pg_background UPDATE TO '1.11';
SELECT * FROM pg_temp.differences();
SELECT * FROM pg_temp.grants();

-- none of them counts as an initial privilege, which would keep the roles alive
SELECT count(*) FROM pg_shdepend
WHERE deptype = 'i' AND refobjid IN ('regress_pgbg_alice'::regrole, '"regress_pgbg ""bob"""'::regrole);

SELECT pg_temp.install('1.8');
ALTER EXTENSION pg_background UPDATE TO '1.11';
SELECT * FROM pg_temp.differences();
SELECT * FROM pg_temp.grants();
-- what 1.11 has not is gone
SELECT proname FROM pg_proc WHERE proname ~ 'internal' AND pronamespace = '"regress pgbg"'::regnamespace
UNION ALL
SELECT relname FROM pg_class WHERE relnamespace = '"regress pgbg"'::regnamespace AND relkind NOT IN ('v', 'c');

SELECT pg_temp.install('1.9');
ALTER EXTENSION pg_background UPDATE TO '1.11';
SELECT * FROM pg_temp.differences();
SELECT * FROM pg_temp.grants();

-- objects made of the extension's stay
SELECT pg_temp.install('1.10');
CREATE VIEW running AS SELECT * FROM "regress pgbg".pg_background_list WHERE state = 'running';
CREATE VIEW counters AS SELECT s.* FROM "regress pgbg".pg_background_stats_v2() AS s;
CREATE TABLE stored (stats "regress pgbg".pg_background_stats, handles "regress pgbg".pg_background_handle[]);
CREATE TABLE typed OF "regress pgbg".pg_background_result_info;
INSERT INTO stored VALUES (ROW(1, 2, 3, 4, 5, 6, 7), ARRAY[ROW(1, 2)::"regress pgbg".pg_background_handle]);
INSERT INTO typed VALUES (1, 'SELECT 1', true, false);
ALTER EXTENSION pg_background UPDATE TO '1.11';
SELECT * FROM pg_temp.differences();
SELECT * FROM pg_temp.grants();
SELECT * FROM stored;
SELECT (stats).workers_failed, (stats).workers_timed_out FROM stored;
SELECT * FROM typed;
SELECT count(*) FROM running;
DROP TABLE stored, typed;
DROP VIEW running, counters;

-- an object of somebody else's in the way: the update fails, and nothing happened
SELECT pg_temp.install('1.7');
CREATE VIEW waiting AS SELECT "regress pgbg".pg_background_wait_v2_timeout(0, 0, 0);
ALTER EXTENSION pg_background UPDATE TO '1.11';
SELECT extversion FROM pg_extension WHERE extname = 'pg_background';
DROP VIEW waiting;

-- done by another superuser, in another schema, and after a move
CREATE SCHEMA "Regress, ""odd""";
ALTER EXTENSION pg_background SET SCHEMA "Regress, ""odd""";
SET ROLE regress_pgbg_super;
ALTER EXTENSION pg_background UPDATE TO '1.11';
RESET ROLE;
SELECT * FROM pg_temp.differences();

-- a hostile schema: what it holds is not called
SELECT pg_temp.install('1.9');
CREATE FUNCTION "regress pgbg".trap(varchar, varchar) RETURNS bool
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION "regress pgbg".trap(oid, int4) RETURNS bool
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE OPERATOR "regress pgbg".= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = "regress pgbg".trap);
CREATE OPERATOR "regress pgbg".<> (LEFTARG = oid, RIGHTARG = int4, FUNCTION = "regress pgbg".trap);
CREATE FUNCTION "regress pgbg".to_jsonb("regress pgbg".pg_background_handle) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION "regress pgbg".format(text, VARIADIC text[]) RETURNS text
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION "regress pgbg".to_regprocedure(varchar) RETURNS regprocedure
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE TEMPORARY TABLE pg_background_list ();
ALTER EXTENSION pg_background UPDATE TO '1.11';
SELECT * FROM pg_temp.differences();
DROP TABLE pg_temp.pg_background_list;
DROP FUNCTION "regress pgbg".to_jsonb("regress pgbg".pg_background_handle);

-- the role is made if it is missing
SELECT pg_temp.install('1.10');
ALTER ROLE pgbackground_role RENAME TO regress_pgbg_renamed;
ALTER EXTENSION pg_background UPDATE TO '1.11';
SELECT * FROM pg_temp.differences();
DROP EXTENSION pg_background;
DROP ROLE pgbackground_role;
ALTER ROLE regress_pgbg_renamed RENAME TO pgbackground_role;


--
-- To 2.1.
--
DROP EXTENSION IF EXISTS pg_background;
CREATE EXTENSION pg_background SCHEMA "regress pgbg";
TRUNCATE fresh;
INSERT INTO fresh SELECT * FROM pg_temp.facts();
SELECT count(DISTINCT object) > 80 AS many FROM fresh;

-- Functions by signature, to see which of them were made anew.
CREATE FUNCTION pg_temp.functions() RETURNS TABLE (function text, id oid)
LANGUAGE sql AS $$
    SELECT format('%s(%s)', p.proname, replace(oidvectortypes(p.proargtypes), '"regress pgbg".', '')), p.oid
    FROM pg_proc p WHERE p.pronamespace = '"regress pgbg"'::regnamespace
$$;

-- Installs a version, grants each of some functions to somebody, and updates.
CREATE TEMPORARY TABLE before (function text, id oid);
CREATE FUNCTION pg_temp.update_from(version text) RETURNS TABLE (extension text, differences int8)
LANGUAGE plpgsql AS $$
DECLARE
    function regprocedure;
BEGIN
    DROP EXTENSION pg_background;
    EXECUTE format('CREATE EXTENSION pg_background VERSION %L SCHEMA "regress pgbg"', version);
    FOR function IN SELECT oid FROM pg_proc WHERE pronamespace = '"regress pgbg"'::regnamespace
                    AND proname ~ '^pg_background_(launch|result|run|wait|outcome)(_v2)?$' LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO regress_pgbg_alice', function);
    END LOOP;
    FOR function IN SELECT oid FROM pg_proc WHERE pronamespace = '"regress pgbg"'::regnamespace
                    AND proname ~ '^pg_background_(submit|detach)(_v2)?$' LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO "regress_pgbg ""bob""" WITH GRANT OPTION', function);
    END LOOP;
    DELETE FROM before;
    INSERT INTO before SELECT * FROM pg_temp.functions();
    ALTER EXTENSION pg_background UPDATE;
    RETURN QUERY SELECT extversion, (SELECT count(*) FROM pg_temp.differences()) FROM pg_extension WHERE extname = 'pg_background';
END
$$;
CREATE FUNCTION pg_temp.made_anew() RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT b.function FROM before b
    WHERE NOT EXISTS (SELECT FROM pg_temp.functions() f WHERE f.id = b.id) ORDER BY b.function COLLATE "C"
$$;

SELECT v, u.* FROM unnest(ARRAY['1.6', '1.7', '1.8', '1.9', '1.10', '1.11', '2.0']) v, pg_temp.update_from(v) u;

-- from 2.0: few functions are not the same ones any more, and who had them has them
SELECT * FROM pg_temp.made_anew();
SELECT * FROM pg_temp.grants();

-- from 1.11
SELECT u.* FROM pg_temp.update_from('1.11') u;
SELECT * FROM pg_temp.made_anew();
SELECT * FROM pg_temp.grants();
SELECT count(*) FROM pg_shdepend
WHERE deptype = 'i' AND refobjid IN ('regress_pgbg_alice'::regrole, '"regress_pgbg ""bob"""'::regrole);

-- objects made of those of 2.0 stay
DROP EXTENSION pg_background;
CREATE EXTENSION pg_background VERSION '2.0' SCHEMA "regress pgbg";
CREATE VIEW running AS SELECT * FROM "regress pgbg".pg_background_list WHERE state = 'running';
CREATE VIEW counters AS SELECT s.* FROM "regress pgbg".pg_background_stats() AS s;
CREATE FUNCTION ended(h "regress pgbg".pg_background_handle) RETURNS bool LANGUAGE sql
    BEGIN ATOMIC SELECT "regress pgbg".pg_background_wait((h).pid, (h).cookie, 1); END;
CREATE TABLE stored (h "regress pgbg".pg_background_handle, o "regress pgbg".pg_background_outcome, r "regress pgbg".pg_background_run_result);
INSERT INTO stored (h) VALUES (ROW(1, 2));
ALTER EXTENSION pg_background UPDATE;
SELECT * FROM pg_temp.differences();
SELECT (h).cookie FROM stored;
SELECT count(*) FROM running;
SELECT * FROM counters \gx

-- an object of somebody else's in the way: the update fails, names it, and nothing happened
DROP TABLE stored;
DROP FUNCTION ended;
DROP VIEW running, counters;
DROP EXTENSION pg_background;
CREATE EXTENSION pg_background VERSION '2.0' SCHEMA "regress pgbg";
CREATE VIEW launched AS SELECT * FROM "regress pgbg".pg_background_launch('SELECT 1');
CREATE FUNCTION run_it() RETURNS bool LANGUAGE sql
    BEGIN ATOMIC SELECT r.completed FROM "regress pgbg".pg_background_run('SELECT 1') AS r; END;
CREATE TABLE kept (id int4 DEFAULT ("regress pgbg".pg_background_submit('SELECT 1')).pid);
INSERT INTO before SELECT * FROM pg_temp.functions();
ALTER EXTENSION pg_background UPDATE;
SELECT extversion FROM pg_extension WHERE extname = 'pg_background';
SELECT count(*) FROM pg_temp.functions();
DROP VIEW launched;
DROP FUNCTION run_it;
DROP TABLE kept;
ALTER EXTENSION pg_background UPDATE;
SELECT * FROM pg_temp.differences();

-- from 1.11: what has a type that is another one now
DROP EXTENSION pg_background;
CREATE EXTENSION pg_background VERSION '1.11' SCHEMA "regress pgbg";
CREATE TABLE counted (s "regress pgbg".pg_background_stats);
CREATE VIEW reported AS SELECT "regress pgbg".pg_background_get_progress_v2(1, 1) AS p;
ALTER EXTENSION pg_background UPDATE;
DROP VIEW reported;
DROP TABLE counted;
CREATE VIEW shown AS SELECT pid, state FROM "regress pgbg".pg_background_activity AS a(pid, cookie, at, who, size, state);
ALTER EXTENSION pg_background UPDATE;
SELECT * FROM pg_temp.differences();
DROP VIEW shown;

-- by another superuser, after a move, under a hostile schema
DROP EXTENSION pg_background;
CREATE EXTENSION pg_background VERSION '2.0' SCHEMA "regress pgbg";
ALTER EXTENSION pg_background SET SCHEMA "Regress, ""odd""";
CREATE FUNCTION "Regress, ""odd""".to_jsonb("Regress, ""odd""".pg_background_outcome) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION "Regress, ""odd""".format(text, VARIADIC text[]) RETURNS text
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE TEMPORARY TABLE pg_background_list ();
SET ROLE regress_pgbg_super;
ALTER EXTENSION pg_background UPDATE;
RESET ROLE;
DROP FUNCTION "Regress, ""odd""".to_jsonb("Regress, ""odd""".pg_background_outcome);
SELECT * FROM pg_temp.differences();
DROP TABLE pg_temp.pg_background_list;

-- nothing is left of the tools
SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname ~ '^pg_background'
UNION ALL
SELECT proname FROM pg_proc WHERE pronamespace = pg_my_temp_schema() AND proname ~ '^pg_background';

\c :here
DROP DATABASE regress_pgbg_upgrade;
DROP ROLE regress_pgbg_alice, "regress_pgbg ""bob""", regress_pgbg_super;
