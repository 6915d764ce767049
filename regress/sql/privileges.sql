--
-- Who may do what, and the functions that hand it out.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
\set VERBOSITY terse

CREATE ROLE regress_pgbg_nobody;
CREATE ROLE regress_pgbg_member IN ROLE pgbackground_role;
CREATE ROLE regress_pgbg_direct;
CREATE ROLE regress_pgbg_dba;

-- How many objects of the extension a role may use: by kind, and the helpers.
CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid
FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_background'
  AND NOT EXISTS (SELECT FROM pg_depend i
                  WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i');
CREATE FUNCTION pg_temp.usable(who regrole, OUT functions int8, OUT types int8, OUT views int8, OUT helpers int8)
LANGUAGE sql AS $$
    SELECT count(*) FILTER (WHERE classid = 'pg_proc'::regclass AND NOT prosecdef
                                  AND has_function_privilege(who, objid, 'EXECUTE')),
           count(*) FILTER (WHERE classid = 'pg_type'::regclass AND has_type_privilege(who, objid, 'USAGE')),
           count(*) FILTER (WHERE classid = 'pg_class'::regclass AND has_table_privilege(who, objid, 'SELECT')),
           count(*) FILTER (WHERE classid = 'pg_proc'::regclass AND prosecdef
                                  AND has_function_privilege(who, objid, 'EXECUTE'))
    FROM member LEFT JOIN pg_proc ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid
$$;
SELECT * FROM pg_temp.usable('regress_pgbg_nobody');
SELECT * FROM pg_temp.usable('regress_pgbg_member');

-- a role with nothing: 42501 for everything
\set VERBOSITY sqlstate
SET ROLE regress_pgbg_nobody;
SELECT pg_background_launch('SELECT 1');
SELECT pg_background_launch_v2('SELECT 1');
SELECT pg_background_launch_v2('SELECT 1', 0, 'label');
SELECT pg_background_submit_v2('SELECT 1');
SELECT pg_background_run_v2('SELECT 1');
SELECT * FROM pg_background_run_query_v2('SELECT 1') AS (one int4);
SELECT pg_background_list_v2();
SELECT * FROM pg_background_list;
SELECT * FROM pg_background_activity;
SELECT pg_background_stats_v2();
SELECT pg_background_cancel_all_v2();
SELECT pg_background_status_v2(0, 0);
CREATE TEMPORARY TABLE job (handle pg_background_handle);
SELECT grant_pg_background_privileges('regress_pgbg_nobody');
SELECT revoke_pg_background_privileges('regress_pgbg_member');
SELECT pg_background_drop_executor_role();
RESET ROLE;

-- a member of pgbackground_role: all but the helpers
SET ROLE regress_pgbg_member;
SELECT count(*) FROM pg_background_list;
SELECT count(*) FROM pg_background_activity;
SELECT pg_background_status_v2(0, 0) ->> 'state' IS NULL AS unknown;
CREATE TEMPORARY TABLE job (handle pg_background_handle);
DROP TABLE job;
SELECT grant_pg_background_privileges('regress_pgbg_member');
SELECT revoke_pg_background_privileges('regress_pgbg_nobody');
SELECT pg_background_drop_executor_role();
RESET ROLE;
\set VERBOSITY terse

-- granted directly, with the commands shown, and taken back
SELECT grant_pg_background_privileges('regress_pgbg_direct', true);
SELECT * FROM pg_temp.usable('regress_pgbg_direct');
SELECT grant_pg_background_privileges('regress_pgbg_direct');
SELECT revoke_pg_background_privileges('regress_pgbg_direct', print_commands => true);
SELECT * FROM pg_temp.usable('regress_pgbg_direct');
SELECT revoke_pg_background_privileges('regress_pgbg_direct', NULL);
DROP ROLE regress_pgbg_direct;    -- nothing is left

-- names that are no roles
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[NULL, '', 'public', 'PUBLIC', '"public"', 'none', 'current_user', 'session_user',
                                'regress_pgbg_NOBODY', '"regress_pgbg_nobody"', 'regress_pgbg_nobody, public',
                                'regress_pgbg_nobody; DROP ROLE regress_pgbg_nobody', repeat('x', 100)] LOOP
        BEGIN
            PERFORM grant_pg_background_privileges(name);
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'grant: % %', SQLSTATE, SQLERRM;
        END;
        BEGIN
            PERFORM revoke_pg_background_privileges(name);
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'revoke: % %', SQLSTATE, SQLERRM;
        END;
    END LOOP;
END
$$;
\set VERBOSITY terse

-- names that are, however odd: granted to this very role and to nobody else
CREATE FUNCTION pg_temp.odd_role(name text, OUT granted int8, OUT others int8, OUT left_over int8)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE ROLE %I', name);
    PERFORM grant_pg_background_privileges(name);
    SELECT count(*) FILTER (WHERE a.grantee = r.oid),
           count(*) FILTER (WHERE a.grantee NOT IN (r.oid, p.proowner, 'pgbackground_role'::regrole, 'pg_monitor'::regrole))
    INTO granted, others
    FROM member m
         JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
         JOIN pg_roles r ON r.rolname = name,
         aclexplode(p.proacl) a;
    PERFORM revoke_pg_background_privileges(name);
    SELECT count(*) INTO left_over
    FROM pg_shdepend s JOIN pg_roles r ON s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
    WHERE r.rolname = name;
    EXECUTE format('DROP ROLE %I', name);
END
$$;
SELECT name, o.*
FROM unnest(ARRAY['regress_pgbg_plain', 'Regress_Pgbg_Case', 'regress_pgbg two words', 'regress_pgbg "quoted"',
                  'regress_pgbg ''quoted''', 'regress_pgbg \back', 'regress_pgbg; DROP ROLE x; --', 'regress_pgbg $$, public',
                  'regress_pgbg_größe', 'regress_pgbg %I %s', 'Public', 'current_user', 'user', 'select', '"',
                  'regress_pgbg_' || repeat('x', 50)]) AS name,
     pg_temp.odd_role(name) AS o;

-- the schema: USAGE goes with the rest, unless the schema holds other things
SELECT extnamespace::regnamespace AS home FROM pg_extension WHERE extname = 'pg_background' \gset
CREATE SCHEMA "regress pgbg";
ALTER EXTENSION pg_background SET SCHEMA "regress pgbg";
SELECT "regress pgbg".grant_pg_background_privileges('regress_pgbg_nobody');
SELECT has_schema_privilege('regress_pgbg_nobody', 'regress pgbg', 'USAGE');
SET ROLE regress_pgbg_nobody;
SELECT count(*) FROM "regress pgbg".pg_background_list;
RESET ROLE;
SELECT "regress pgbg".revoke_pg_background_privileges('regress_pgbg_nobody');
SELECT has_schema_privilege('regress_pgbg_nobody', 'regress pgbg', 'USAGE');
CREATE TABLE "regress pgbg".other ();
SELECT "regress pgbg".grant_pg_background_privileges('regress_pgbg_nobody');
SELECT "regress pgbg".revoke_pg_background_privileges('regress_pgbg_nobody');
SELECT has_schema_privilege('regress_pgbg_nobody', 'regress pgbg', 'USAGE');
SELECT * FROM pg_temp.usable('regress_pgbg_nobody');
DROP TABLE "regress pgbg".other;
ALTER EXTENSION pg_background SET SCHEMA :home;
DROP SCHEMA "regress pgbg";

-- an administrator may let somebody else hand it out
GRANT EXECUTE ON FUNCTION grant_pg_background_privileges(text, boolean),
                          revoke_pg_background_privileges(text, boolean) TO regress_pgbg_dba;
SET ROLE regress_pgbg_dba;
SELECT grant_pg_background_privileges('regress_pgbg_nobody');
RESET ROLE;
SELECT * FROM pg_temp.usable('regress_pgbg_nobody');
SET ROLE regress_pgbg_dba;
SELECT revoke_pg_background_privileges('regress_pgbg_nobody');
RESET ROLE;
SELECT * FROM pg_temp.usable('regress_pgbg_nobody');
SELECT * FROM pg_temp.usable('regress_pgbg_dba');
SELECT revoke_pg_background_privileges('regress_pgbg_dba');    -- the helpers as well
SELECT * FROM pg_temp.usable('regress_pgbg_dba');

-- The role can be dropped, unless it is used for more.  This is done with a new
-- one, because other databases may have the extension as well.
BEGIN;
DROP EXTENSION pg_background;
ALTER ROLE pgbackground_role RENAME TO regress_pgbg_saved;
CREATE EXTENSION pg_background;
SELECT * FROM pg_temp.usable('pgbackground_role');

\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE TABLE regress_pgbg_table ();
GRANT SELECT ON regress_pgbg_table TO pgbackground_role;
SAVEPOINT granted;
SELECT pg_background_drop_executor_role();
ROLLBACK TO granted;
REVOKE SELECT ON regress_pgbg_table FROM pgbackground_role;
ALTER TABLE regress_pgbg_table OWNER TO pgbackground_role;
SAVEPOINT owned;
SELECT pg_background_drop_executor_role();
ROLLBACK TO owned;
SELECT * FROM pg_temp.usable('pgbackground_role');
DROP TABLE regress_pgbg_table;

GRANT USAGE ON SCHEMA :home TO pgbackground_role;
GRANT pgbackground_role TO regress_pgbg_dba;
-- a function that somebody has put beside those that it calls
CREATE FUNCTION :home.revoke_pg_background_privileges(role_name text) RETURNS bool LANGUAGE sql RETURN 1 / 0 = 1;
SELECT pg_background_drop_executor_role();
DROP FUNCTION :home.revoke_pg_background_privileges(text);
SELECT count(*) FROM pg_roles WHERE rolname = 'pgbackground_role';
-- no trace of it is left in the initial privileges
SELECT count(*) FROM pg_init_privs i, aclexplode(i.initprivs) a
WHERE a.grantee <> 0 AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = a.grantee);
SELECT pg_background_drop_executor_role();
-- it comes back with the extension
DROP EXTENSION pg_background;
CREATE EXTENSION pg_background;
SELECT * FROM pg_temp.usable('pgbackground_role');
ROLLBACK;

DROP ROLE regress_pgbg_nobody, regress_pgbg_member, regress_pgbg_dba;
