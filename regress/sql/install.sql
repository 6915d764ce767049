--
-- What CREATE EXTENSION makes: every object, its signature, who may use it.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

SELECT extversion, extrelocatable FROM pg_extension WHERE extname = 'pg_background';

-- The extension's members, by OID, whatever schema they are in.
CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid
FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_background'
  -- array types and row types of views are members in some major versions only
  AND NOT EXISTS (SELECT FROM pg_depend i
                  WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i');

CREATE TEMPORARY VIEW function AS
SELECT p.*, pg_get_function_identity_arguments(p.oid) AS identity_arguments
FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;

-- every kind of member is looked at below
SELECT classid::regclass, count(*) FROM member GROUP BY classid ORDER BY classid::regclass::text;

-- types
SELECT t.typname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM member m
     JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
     JOIN pg_attribute a ON a.attrelid = t.typrelid AND NOT a.attisdropped
ORDER BY t.typname COLLATE "C", a.attnum;

-- functions
SELECT proname, pg_get_function_arguments(oid) AS arguments, pg_get_function_result(oid) AS result
FROM function ORDER BY proname COLLATE "C", identity_arguments COLLATE "C";

SELECT proname, pronargs, lanname, CASE WHEN lanname = 'c' THEN prosrc END AS symbol, proisstrict, prosecdef, proconfig
FROM function f JOIN pg_language l ON l.oid = f.prolang
ORDER BY proname COLLATE "C", identity_arguments COLLATE "C";

-- all look at the session's jobs (expect one row: volatile, parallel unsafe)
SELECT provolatile, proparallel, count(*) FROM function GROUP BY 1, 2;

-- views
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM member m
     JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
ORDER BY c.relname COLLATE "C", a.attnum;

-- objects without a comment (expect none)
SELECT pg_describe_object(classid, objid, 0) FROM member WHERE obj_description(objid, classid::regclass::name) IS NULL;

-- the role
SELECT rolcanlogin, rolinherit, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
FROM pg_roles WHERE rolname = 'pgbackground_role';

-- privileges, but for the owner's
CREATE TEMPORARY VIEW privilege AS
SELECT pg_describe_object(o.classid, o.objid, 0) AS object,
       CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END AS grantee,
       a.privilege_type, a.is_grantable
FROM (
    SELECT m.classid, m.objid, p.proowner AS owner, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl
    FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
    UNION ALL
    SELECT m.classid, m.objid, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
    FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
    UNION ALL
    SELECT m.classid, m.objid, c.relowner, coalesce(c.relacl, acldefault('r', c.relowner))
    FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
) AS o, aclexplode(o.acl) a
WHERE a.grantee <> o.owner;

-- PUBLIC has nothing (expect none)
SELECT * FROM privilege WHERE grantee = 'public';

-- pgbackground_role has one privilege on each object, without grant option ...
SELECT privilege_type, is_grantable, count(*), count(DISTINCT object)
FROM privilege WHERE grantee = 'pgbackground_role' GROUP BY 1, 2 ORDER BY 1;

-- ... but for the privilege helpers
SELECT proname FROM function
WHERE NOT has_function_privilege('pgbackground_role', oid, 'EXECUTE') ORDER BY proname COLLATE "C";

-- somebody without a grant has nothing (expect zeros)
CREATE ROLE regress_pgbg_nobody;
SELECT count(*) FROM function WHERE has_function_privilege('regress_pgbg_nobody', oid, 'EXECUTE');
SELECT count(*) FROM member
WHERE CASE classid WHEN 'pg_type'::regclass THEN has_type_privilege('regress_pgbg_nobody', objid, 'USAGE')
                   WHEN 'pg_class'::regclass THEN has_table_privilege('regress_pgbg_nobody', objid, 'SELECT') END;
DROP ROLE regress_pgbg_nobody;

-- It can be moved, and everything works where search_path does not lead.
SELECT extnamespace::regnamespace AS home FROM pg_extension WHERE extname = 'pg_background' \gset
CREATE SCHEMA "regress pgbg, ""odd""";
ALTER EXTENSION pg_background SET SCHEMA "regress pgbg, ""odd""";
SET search_path = '';
SELECT count(*) FROM "regress pgbg, ""odd""".pg_background_list;
SELECT count(*) FROM "regress pgbg, ""odd""".pg_background_activity;
SELECT "regress pgbg, ""odd""".pg_background_status_v2(0, 0) ->> 'state' IS NULL AS unknown;
SELECT "regress pgbg, ""odd""".grant_pg_background_privileges('pgbackground_role');
RESET search_path;
REVOKE USAGE ON SCHEMA "regress pgbg, ""odd""" FROM pgbackground_role;
ALTER EXTENSION pg_background SET SCHEMA :home;
DROP SCHEMA "regress pgbg, ""odd""";

-- What stands in search_path before pg_catalog does not capture anything.
CREATE SCHEMA regress_pgbg_trap;
CREATE FUNCTION regress_pgbg_trap.to_jsonb(anyelement) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_pgbg_trap.quote_ident(text) RETURNS text
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_pgbg_trap.pg_background_outcome_v2(int4, int8) RETURNS text
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
SET search_path = regress_pgbg_trap, pg_catalog, public;
SELECT pg_background_status_v2(0, 0) ->> 'state' IS NULL AS unknown;
SELECT grant_pg_background_privileges('pgbackground_role');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA regress_pgbg_trap CASCADE;
RESET client_min_messages;

-- It can go and come back; the role stays.
BEGIN;
DROP EXTENSION pg_background;
SELECT count(*) FROM pg_roles WHERE rolname = 'pgbackground_role';
CREATE EXTENSION pg_background;
SELECT count(*) FROM function;
ROLLBACK;
