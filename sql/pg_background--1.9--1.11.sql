/* pg_background--1.9--1.11.sql, written by make_upgrades.sh: change pg_background--1.11.sql or upgrade.sql.in instead */

\echo Use "ALTER EXTENSION pg_background UPDATE TO '1.11'" to load this file. \quit

/*
 * Brings any version from 1.6 to 1.10 to 1.11.
 *
 * What exactly a given older version declared does not matter: each object may
 * be there or not, in another shape or another language.
 *
 * - Types gain the attributes that they lack.  Columns of that type stay
 *   readable: the new attributes are NULL.
 * - Functions and views are replaced in place, so that grants and what depends
 *   on them stay.  Where PostgreSQL refuses (another return type, other
 *   argument names) the old one is dropped, made anew, and gets its owner and
 *   grants back.
 * - What 1.11 has not is dropped.
 * - Privileges of PUBLIC and of pgbackground_role become those of a fresh 1.11;
 *   whatever the administrator granted to others stays.
 *
 * Nothing is dropped with CASCADE: where an object of somebody else stands in
 * the way, the update fails and names it.
 *
 * The tools live in pg_temp, call each other by that name, and are gone at the
 * end.  All but the one that runs a definition, which must create things in the
 * extension's schema, pin search_path and name objects in full.
 */

CREATE TEMPORARY TABLE pg_background_upgrade_old (
    classid oid,
    objid oid,
    kind text,              -- as in DROP and ALTER
    identity text,          -- qualified and quoted
    owner oid,
    acl aclitem[]
);

CREATE TEMPORARY TABLE pg_background_upgrade_new (LIKE pg_temp.pg_background_upgrade_old);

-- The extension's own objects, as far as they are not part of another one (an
-- array type, the row type of a view) and not one of these tools.
CREATE FUNCTION pg_temp.pg_background_members()
RETURNS SETOF pg_temp.pg_background_upgrade_old
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $upgrade$
    SELECT d.classid, d.objid,
           CASE WHEN p.oid IS NOT NULL THEN 'ROUTINE'
                WHEN t.oid IS NOT NULL THEN 'TYPE'
                WHEN c.relkind = 'v' THEN 'VIEW'
                ELSE upper(i.type) END,
           i.identity,
           coalesce(p.proowner, t.typowner, c.relowner),
           coalesce(p.proacl, t.typacl, c.relacl,
                    acldefault(CASE WHEN p.oid IS NOT NULL THEN 'f'
                                    WHEN t.oid IS NOT NULL THEN 'T'
                                    ELSE 'r' END::"char",
                               coalesce(p.proowner, t.typowner, c.relowner)))
    FROM pg_extension e
         JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass
                             AND d.refobjid = e.oid
                             AND d.deptype = 'e'
         LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
         LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
         LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
         CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
    WHERE e.extname = 'pg_background'
      AND pg_my_temp_schema() IS DISTINCT FROM
          coalesce(p.pronamespace, t.typnamespace, c.relnamespace)
      AND NOT EXISTS (SELECT FROM pg_depend part
                      WHERE part.classid = d.classid
                        AND part.objid = d.objid
                        AND part.deptype = 'i')
$upgrade$;

-- Drops an object of the extension, and first those of the extension that are
-- made of it; they are made anew further down.
CREATE FUNCTION pg_temp.pg_background_drop(object_class oid, object oid)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $upgrade$
DECLARE
    target record;
    user_of_it record;
BEGIN
    SELECT m.* INTO target FROM pg_temp.pg_background_members() m
    WHERE m.classid = object_class AND m.objid = object;
    IF NOT FOUND THEN
        RETURN;                 -- not ours, or gone with another one
    END IF;

    FOR user_of_it IN
        WITH face AS (          -- a type is also its array and its attributes
            SELECT object_class AS classid, object AS objid
            UNION ALL
            SELECT 'pg_type'::regclass, t.typarray FROM pg_type t
            WHERE object_class = 'pg_type'::regclass AND t.oid = object
            UNION ALL
            SELECT 'pg_class'::regclass, t.typrelid FROM pg_type t
            WHERE object_class = 'pg_type'::regclass AND t.oid = object
        )
        SELECT DISTINCT m.classid, m.objid
        FROM face f
             JOIN pg_depend d ON d.refclassid = f.classid
                                 AND d.refobjid = f.objid
                                 AND d.deptype = 'n'
             LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
             JOIN pg_temp.pg_background_members() m
                 ON m.classid = CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END
                    AND m.objid = coalesce(r.ev_class, d.objid)
        WHERE m.objid <> object
    LOOP
        PERFORM pg_temp.pg_background_drop(user_of_it.classid, user_of_it.objid);
    END LOOP;

    EXECUTE format('DROP %s %s', target.kind, target.identity);
END
$upgrade$;

-- Makes a type, or adds the attributes that it lacks.
CREATE FUNCTION pg_temp.pg_background_define_type(type_name name, names name[], types regtype[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $upgrade$
DECLARE
    present record;
    extension_schema text;
BEGIN
    SELECT t.oid,
           array_agg(a.attname ORDER BY a.attnum) AS names,
           array_agg(a.atttypid::regtype ORDER BY a.attnum) AS types,
           count(*)::int4 AS attributes
    INTO present
    FROM pg_temp.pg_background_members() m
         JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
         JOIN pg_attribute a ON a.attrelid = t.typrelid AND NOT a.attisdropped
    WHERE t.typname = type_name
    GROUP BY t.oid;

    IF present.names = names[:present.attributes]
       AND present.types = types[:present.attributes] THEN
        FOR i IN present.attributes + 1 .. cardinality(names) LOOP
            EXECUTE format('ALTER TYPE %s ADD ATTRIBUTE %I %s CASCADE',
                           present.oid::regtype, names[i], types[i]);
        END LOOP;
        RETURN;
    END IF;

    PERFORM pg_temp.pg_background_drop('pg_type'::regclass, present.oid);

    SELECT e.extnamespace::regnamespace INTO extension_schema
    FROM pg_extension e WHERE e.extname = 'pg_background';
    EXECUTE format('CREATE TYPE %s.%I AS (%s)', extension_schema, type_name,
                   (SELECT string_agg(format('%I %s', a.name, a.type), ', ' ORDER BY a.n)
                    FROM unnest(names, types) WITH ORDINALITY AS a(name, type, n)));
END
$upgrade$;

-- Runs CREATE OR REPLACE, if need be after dropping what cannot be replaced.
CREATE FUNCTION pg_temp.pg_background_define(kind text, signature text, definition text)
RETURNS void
LANGUAGE plpgsql
AS $upgrade$
BEGIN
    EXECUTE definition;
EXCEPTION
    WHEN invalid_function_definition OR invalid_table_definition OR wrong_object_type THEN
        IF kind OPERATOR(pg_catalog.=) 'VIEW' THEN
            PERFORM pg_temp.pg_background_drop('pg_catalog.pg_class'::pg_catalog.regclass,
                                               pg_catalog.to_regclass(signature));
        ELSE
            PERFORM pg_temp.pg_background_drop('pg_catalog.pg_proc'::pg_catalog.regclass,
                                               pg_catalog.to_regprocedure(signature));
        END IF;
        EXECUTE definition;
END
$upgrade$;

-- Notes what 1.11 consists of, drops the rest, and sets the owners: those of
-- old objects as they were, that of a new one as a fresh installation would.
-- pgbackground_role loses everything, to be given the right things below.
CREATE FUNCTION pg_temp.pg_background_settle(wanted regprocedure[], wanted_types regtype[], wanted_views regclass[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $upgrade$
DECLARE
    object record;
BEGIN
    FOR object IN
        SELECT m.* FROM pg_temp.pg_background_members() m
        WHERE NOT ((m.classid = 'pg_proc'::regclass AND m.objid = ANY (wanted::oid[]))
                   OR (m.classid = 'pg_type'::regclass AND m.objid = ANY (wanted_types::oid[]))
                   OR (m.classid = 'pg_class'::regclass AND m.objid = ANY (wanted_views::oid[])))
        ORDER BY m.classid = 'pg_type'::regclass, m.identity
    LOOP
        PERFORM pg_temp.pg_background_drop(object.classid, object.objid);
    END LOOP;

    INSERT INTO pg_temp.pg_background_upgrade_new SELECT m.* FROM pg_temp.pg_background_members() m;

    FOR object IN
        SELECT n.kind, n.identity, coalesce(o.owner, e.extowner)::regrole AS owner
        FROM pg_temp.pg_background_upgrade_new n
             JOIN pg_extension e ON e.extname = 'pg_background'
             LEFT JOIN pg_temp.pg_background_upgrade_old o USING (kind, identity)
        WHERE n.owner <> coalesce(o.owner, e.extowner)
    LOOP
        EXECUTE format('ALTER %s %s OWNER TO %s', object.kind, object.identity, object.owner);
    END LOOP;

    FOR object IN SELECT n.* FROM pg_temp.pg_background_upgrade_new n LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM pgbackground_role CASCADE',
                       replace(object.kind, 'VIEW', 'TABLE'), object.identity);
    END LOOP;
END
$upgrade$;

-- Gives back what the administrator had granted, and keeps it apart from what
-- the extension itself grants.
CREATE FUNCTION pg_temp.pg_background_regrant()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $upgrade$
DECLARE
    command text;
    executor oid := 'pgbackground_role'::regrole;
BEGIN
    FOR command IN
        WITH mine AS (
            SELECT o.classid, o.kind, o.identity, a.grantee, a.privilege_type, a.is_grantable
            FROM pg_temp.pg_background_upgrade_old o, aclexplode(o.acl) a
            WHERE a.grantee NOT IN (0, executor, o.owner)
            UNION
            -- The types were open to everybody.  Whoever was given a function
            -- may go on using them.
            SELECT t.classid, t.kind, t.identity, a.grantee, 'USAGE', false
            FROM pg_temp.pg_background_upgrade_old t,
                 aclexplode(t.acl) everybody,
                 pg_temp.pg_background_upgrade_old o,
                 aclexplode(o.acl) a
            WHERE t.kind = 'TYPE' AND everybody.grantee = 0
              AND o.kind = 'ROUTINE'
              AND a.grantee NOT IN (0, executor, o.owner, t.owner)
        )
        SELECT format('GRANT %s ON %s %s TO %s%s',
                      g.privilege_type, replace(g.kind, 'VIEW', 'TABLE'), g.identity,
                      g.grantee::regrole,
                      CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM mine g
             JOIN pg_temp.pg_background_members() m USING (classid, identity)
        WHERE NOT EXISTS (SELECT FROM aclexplode(m.acl) a
                          WHERE a.grantee = g.grantee
                            AND a.privilege_type = g.privilege_type
                            AND a.is_grantable >= g.is_grantable)
    LOOP
        EXECUTE command;
    END LOOP;

    -- A GRANT or REVOKE in an extension script makes the object's whole ACL an
    -- initial privilege, and pg_dump does not write those, so that the
    -- administrator's grants would be lost at the next dump and restore.  No
    -- command takes them out again.  Version 17 and later also note (deptype
    -- 'i') the roles that initial privileges name.
    UPDATE pg_init_privs i
    SET initprivs = ARRAY(SELECT u.item
                          FROM unnest(i.initprivs) WITH ORDINALITY AS u(item, n),
                               aclexplode(ARRAY[u.item]) a
                          WHERE a.grantee IN (m.owner, executor)
                          GROUP BY u.item, u.n
                          ORDER BY u.n)
    FROM pg_temp.pg_background_members() m
    WHERE i.classoid = m.classid AND i.objoid = m.objid AND i.objsubid = 0
      AND EXISTS (SELECT FROM aclexplode(i.initprivs) a
                  WHERE a.grantee NOT IN (m.owner, executor));

    DELETE FROM pg_shdepend s
    USING pg_temp.pg_background_members() m, pg_database d
    WHERE s.deptype = 'i'
      AND d.datname = current_database() AND s.dbid = d.oid
      AND s.classid = m.classid AND s.objid = m.objid AND s.objsubid = 0
      AND s.refclassid = 'pg_authid'::regclass
      AND s.refobjid NOT IN (m.owner, executor);
END
$upgrade$;

INSERT INTO pg_temp.pg_background_upgrade_old SELECT m.* FROM pg_temp.pg_background_members() m;


-- The role that may use the extension.  Another session may make it at the
-- same time; an existing one is left as it is.
DO $role$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles
                   WHERE rolname OPERATOR(pg_catalog.=) 'pgbackground_role'::pg_catalog.name) THEN
        CREATE ROLE pgbackground_role NOLOGIN INHERIT;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
END
$role$;


--
-- Types
--

SELECT pg_temp.pg_background_define_type(
    'pg_background_handle',
    ARRAY['pid', 'cookie'],
    ARRAY['int4', 'int8']::regtype[]);
COMMENT ON TYPE pg_background_handle IS
    'names one background job of this session: process ID and cookie';

SELECT pg_temp.pg_background_define_type(
    'pg_background_stats',
    ARRAY['workers_launched', 'workers_completed', 'workers_failed', 'workers_canceled', 'workers_active', 'avg_execution_ms', 'max_workers', 'workers_timed_out'],
    ARRAY['int8', 'int8', 'int8', 'int8', 'int4', 'float8', 'int4', 'int8']::regtype[]);
COMMENT ON TYPE pg_background_stats IS
    'counters of the background jobs of this session';

SELECT pg_temp.pg_background_define_type(
    'pg_background_progress',
    ARRAY['progress_pct', 'progress_msg'],
    ARRAY['int4', 'text']::regtype[]);
COMMENT ON TYPE pg_background_progress IS
    'progress that a background job reported last';

SELECT pg_temp.pg_background_define_type(
    'pg_background_result_info',
    ARRAY['row_count', 'command_tag', 'completed', 'has_error', 'started_at', 'finished_at'],
    ARRAY['int8', 'text', 'bool', 'bool', 'timestamptz', 'timestamptz']::regtype[]);
COMMENT ON TYPE pg_background_result_info IS
    'how far a background job got, without its rows';

SELECT pg_temp.pg_background_define_type(
    'pg_background_error',
    ARRAY['sqlstate', 'message', 'detail', 'hint', 'context', 'schema_name', 'table_name', 'column_name', 'constraint_name'],
    ARRAY['text', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'text']::regtype[]);
COMMENT ON TYPE pg_background_error IS
    'error that ended a background job';

SELECT pg_temp.pg_background_define_type(
    'pg_background_outcome',
    ARRAY['pid', 'cookie', 'state', 'consumed', 'completed', 'has_error', 'row_count', 'command_tag', 'sqlstate', 'error_message', 'label', 'launched_at'],
    ARRAY['int4', 'int8', 'text', 'bool', 'bool', 'bool', 'int8', 'text', 'text', 'text', 'text', 'timestamptz']::regtype[]);
COMMENT ON TYPE pg_background_outcome IS
    'state and outcome of a background job';

SELECT pg_temp.pg_background_define_type(
    'pg_background_run_result',
    ARRAY['pid', 'completed', 'timed_out', 'has_error', 'row_count', 'command_tag', 'sqlstate', 'error_message', 'elapsed_ms'],
    ARRAY['int4', 'bool', 'bool', 'bool', 'int8', 'text', 'text', 'text', 'int8']::regtype[]);
COMMENT ON TYPE pg_background_run_result IS
    'outcome of a statement that was run in a background worker and waited for';


--
-- Version 1 of the API: a job is named by its bare process ID
--

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_launch(text, int4)', $define$
CREATE OR REPLACE FUNCTION pg_background_launch(sql text, queue_size int4 DEFAULT 0)
RETURNS int4
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_launch'$define$);
COMMENT ON FUNCTION pg_background_launch(text, int4) IS
    'starts SQL in a background worker and returns the process ID of the worker';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_result(int4)', $define$
CREATE OR REPLACE FUNCTION pg_background_result(pid int4)
RETURNS SETOF record
LANGUAGE C STRICT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_result'$define$);
COMMENT ON FUNCTION pg_background_result(int4) IS
    'waits for the newest job on this process ID and returns its rows, once';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_detach(int4)', $define$
CREATE OR REPLACE FUNCTION pg_background_detach(pid int4)
RETURNS void
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_detach'$define$);
COMMENT ON FUNCTION pg_background_detach(int4) IS
    'stops tracking the newest job on this process ID; its work goes on';


--
-- Version 2 of the API: a job is named by process ID and cookie
--

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_launch_v2(text, int4)', $define$
CREATE OR REPLACE FUNCTION pg_background_launch_v2(sql text, queue_size int4 DEFAULT 0)
RETURNS pg_background_handle
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_launch_v2'$define$);
COMMENT ON FUNCTION pg_background_launch_v2(text, int4) IS
    'starts SQL in a background worker and returns the handle of the job';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_launch_v2(text, int4, text)', $define$
CREATE OR REPLACE FUNCTION pg_background_launch_v2(sql text, queue_size int4, label text)
RETURNS pg_background_handle
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_launch_v2'$define$);
COMMENT ON FUNCTION pg_background_launch_v2(text, int4, text) IS
    'starts SQL in a background worker under a label and returns the handle of the job';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_submit_v2(text, int4)', $define$
CREATE OR REPLACE FUNCTION pg_background_submit_v2(sql text, queue_size int4 DEFAULT 0)
RETURNS pg_background_handle
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_submit_v2'$define$);
COMMENT ON FUNCTION pg_background_submit_v2(text, int4) IS
    'starts SQL in a background worker that discards its rows';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_submit_v2(text, int4, text)', $define$
CREATE OR REPLACE FUNCTION pg_background_submit_v2(sql text, queue_size int4, label text)
RETURNS pg_background_handle
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_submit_v2'$define$);
COMMENT ON FUNCTION pg_background_submit_v2(text, int4, text) IS
    'starts SQL under a label in a background worker that discards its rows';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_result_v2(int4, int8)', $define$
CREATE OR REPLACE FUNCTION pg_background_result_v2(pid int4, cookie int8)
RETURNS SETOF record
LANGUAGE C STRICT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_result_v2'$define$);
COMMENT ON FUNCTION pg_background_result_v2(int4, int8) IS
    'waits for a job and returns its rows, once; an error of the job is raised here';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_detach_v2(int4, int8)', $define$
CREATE OR REPLACE FUNCTION pg_background_detach_v2(pid int4, cookie int8)
RETURNS void
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_detach_v2'$define$);
COMMENT ON FUNCTION pg_background_detach_v2(int4, int8) IS
    'stops tracking a job; its work goes on';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_detach_all_v2()', $define$
CREATE OR REPLACE FUNCTION pg_background_detach_all_v2()
RETURNS int4
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_detach_all_v2'$define$);
COMMENT ON FUNCTION pg_background_detach_all_v2() IS
    'stops tracking every job of this session and returns how many there were';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_purge_v2()', $define$
CREATE OR REPLACE FUNCTION pg_background_purge_v2()
RETURNS int4
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_purge_v2'$define$);
COMMENT ON FUNCTION pg_background_purge_v2() IS
    'stops tracking the finished jobs of this session and returns how many there were';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_cancel_v2(int4, int8)', $define$
CREATE OR REPLACE FUNCTION pg_background_cancel_v2(pid int4, cookie int8)
RETURNS void
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_cancel_v2'$define$);
COMMENT ON FUNCTION pg_background_cancel_v2(int4, int8) IS
    'cancels a job';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_cancel_v2_grace(int4, int8, int4)', $define$
CREATE OR REPLACE FUNCTION pg_background_cancel_v2_grace(pid int4, cookie int8, grace_ms int4)
RETURNS void
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_cancel_v2_grace'$define$);
COMMENT ON FUNCTION pg_background_cancel_v2_grace(int4, int8, int4) IS
    'cancels a job and terminates its worker if it still runs after so many milliseconds';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_cancel_all_v2()', $define$
CREATE OR REPLACE FUNCTION pg_background_cancel_all_v2()
RETURNS int4
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_cancel_all_v2'$define$);
COMMENT ON FUNCTION pg_background_cancel_all_v2() IS
    'cancels every running job of this session and returns how many there were';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_cancel_by_label_v2(text, int4)', $define$
CREATE OR REPLACE FUNCTION pg_background_cancel_by_label_v2(pattern text, grace_ms int4 DEFAULT 0)
RETURNS int4
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_cancel_by_label_v2'$define$);
COMMENT ON FUNCTION pg_background_cancel_by_label_v2(text, int4) IS
    'cancels the running jobs whose label is LIKE the pattern and returns how many there were';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_wait_v2(int4, int8)', $define$
CREATE OR REPLACE FUNCTION pg_background_wait_v2(pid int4, cookie int8)
RETURNS void
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_wait_v2'$define$);
COMMENT ON FUNCTION pg_background_wait_v2(int4, int8) IS
    'waits until the outcome of a job is final';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_wait_v2_timeout(int4, int8, int4)', $define$
CREATE OR REPLACE FUNCTION pg_background_wait_v2_timeout(pid int4, cookie int8, timeout_ms int4)
RETURNS bool
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_wait_v2_timeout'$define$);
COMMENT ON FUNCTION pg_background_wait_v2_timeout(int4, int8, int4) IS
    'waits so many milliseconds at most and says whether the outcome of a job is final';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_wait_any_v2(pg_background_handle[], int4)', $define$
CREATE OR REPLACE FUNCTION pg_background_wait_any_v2(handles pg_background_handle[], timeout_ms int4 DEFAULT 0)
RETURNS pg_background_handle
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_wait_any_v2'$define$);
COMMENT ON FUNCTION pg_background_wait_any_v2(pg_background_handle[], int4) IS
    'waits for the first of several jobs to finish and returns its handle';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_drain_v2(pg_background_handle[], int4)', $define$
CREATE OR REPLACE FUNCTION pg_background_drain_v2(handles pg_background_handle[], timeout_ms int4 DEFAULT 0)
RETURNS SETOF pg_background_outcome
LANGUAGE C STRICT COST 1000 ROWS 16
AS 'MODULE_PATHNAME', 'pg_background_drain_v2'$define$);
COMMENT ON FUNCTION pg_background_drain_v2(pg_background_handle[], int4) IS
    'waits for several jobs, returns their outcomes and stops tracking the finished ones';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_list_v2()', $define$
CREATE OR REPLACE FUNCTION pg_background_list_v2()
RETURNS SETOF record
LANGUAGE C STRICT ROWS 16
AS 'MODULE_PATHNAME', 'pg_background_list_v2'$define$);
COMMENT ON FUNCTION pg_background_list_v2() IS
    'lists the jobs of this session; the view pg_background_list needs no column definition list';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_stats_v2()', $define$
CREATE OR REPLACE FUNCTION pg_background_stats_v2()
RETURNS pg_background_stats
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_stats_v2'$define$);
COMMENT ON FUNCTION pg_background_stats_v2() IS
    'counters of the background jobs of this session';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_progress(int4, text)', $define$
CREATE OR REPLACE FUNCTION pg_background_progress(pct int4, msg text DEFAULT NULL)
RETURNS void
LANGUAGE C CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'pg_background_progress'$define$);
COMMENT ON FUNCTION pg_background_progress(int4, text) IS
    'called by a background job: reports its progress to the session that launched it';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_get_progress_v2(int4, int8)', $define$
CREATE OR REPLACE FUNCTION pg_background_get_progress_v2(pid int4, cookie int8)
RETURNS pg_background_progress
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_get_progress_v2'$define$);
COMMENT ON FUNCTION pg_background_get_progress_v2(int4, int8) IS
    'progress that a job reported last, NULL if none';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_result_info_v2(int4, int8)', $define$
CREATE OR REPLACE FUNCTION pg_background_result_info_v2(pid int4, cookie int8)
RETURNS pg_background_result_info
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_result_info_v2'$define$);
COMMENT ON FUNCTION pg_background_result_info_v2(int4, int8) IS
    'row count, command tag and times of a job; its rows stay';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_error_info_v2(int4, int8)', $define$
CREATE OR REPLACE FUNCTION pg_background_error_info_v2(pid int4, cookie int8)
RETURNS pg_background_error
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_error_info_v2'$define$);
COMMENT ON FUNCTION pg_background_error_info_v2(int4, int8) IS
    'error that ended a job, NULL if none';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_outcome_v2(int4, int8)', $define$
CREATE OR REPLACE FUNCTION pg_background_outcome_v2(pid int4, cookie int8)
RETURNS pg_background_outcome
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_outcome_v2'$define$);
COMMENT ON FUNCTION pg_background_outcome_v2(int4, int8) IS
    'state and outcome of a job; NULL columns if the handle is unknown';

-- The parsed body holds the inner functions by OID, so it works in any schema
-- and under any search_path.  Not STRICT, so that it can be inlined: the inner
-- functions are.
SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_status_v2(int4, int8)', $define$
CREATE OR REPLACE FUNCTION pg_background_status_v2(pid int4, cookie int8)
RETURNS jsonb
LANGUAGE sql
RETURN pg_catalog.to_jsonb(pg_background_outcome_v2(pid, cookie))$define$);
COMMENT ON FUNCTION pg_background_status_v2(int4, int8) IS
    'state and outcome of a job as JSON';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_full_sql_v2(int4, int8)', $define$
CREATE OR REPLACE FUNCTION pg_background_full_sql_v2(pid int4, cookie int8)
RETURNS text
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_full_sql_v2'$define$);
COMMENT ON FUNCTION pg_background_full_sql_v2(int4, int8) IS
    'the whole SQL of a job';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_run_v2(text, int4, int4, text)', $define$
CREATE OR REPLACE FUNCTION pg_background_run_v2(sql text, queue_size int4 DEFAULT 0, timeout_ms int4 DEFAULT 0, label text DEFAULT NULL)
RETURNS pg_background_run_result
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_run_v2'$define$);
COMMENT ON FUNCTION pg_background_run_v2(text, int4, int4, text) IS
    'runs SQL in a background worker, waits for it and returns its outcome';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_run_query_v2(text, int4, int4, text, text)', $define$
CREATE OR REPLACE FUNCTION pg_background_run_query_v2(sql text, queue_size int4 DEFAULT 0, timeout_ms int4 DEFAULT 0, label text DEFAULT NULL, col_def text DEFAULT NULL)
RETURNS SETOF record
LANGUAGE C CALLED ON NULL INPUT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_run_query_v2'$define$);
COMMENT ON FUNCTION pg_background_run_query_v2(text, int4, int4, text, text) IS
    'runs a query in a background worker, waits for it and returns its rows';


--
-- Views
--
-- They show the jobs of the session that looks.  The functions inside run with
-- the rights of that user, as in every view, so SELECT on the view goes with
-- EXECUTE on pg_background_list_v2.
--

SELECT pg_temp.pg_background_define('VIEW', 'pg_background_list', $define$
CREATE OR REPLACE VIEW pg_background_list AS
SELECT l.pid,
       l.cookie,
       l.launched_at,
       l.user_id,
       l.queue_size,
       l.state,
       l.sql_preview,
       l.last_error,
       l.consumed,
       l.label
FROM pg_background_list_v2() AS l(pid int4,
                                  cookie int8,
                                  launched_at timestamptz,
                                  user_id oid,
                                  queue_size int4,
                                  state text,
                                  sql_preview text,
                                  last_error text,
                                  consumed bool,
                                  label text)$define$);
COMMENT ON VIEW pg_background_list IS
    'the background jobs of this session';

-- A finished job has no process any more: its worker may be busy with another
-- job by now, or its process ID be somebody else's.
SELECT pg_temp.pg_background_define('VIEW', 'pg_background_activity', $define$
CREATE OR REPLACE VIEW pg_background_activity AS
SELECT l.pid,
       l.cookie,
       l.launched_at,
       l.user_id,
       l.queue_size,
       l.state AS pgbg_state,
       l.sql_preview,
       l.last_error,
       l.consumed,
       l.label,
       a.state AS backend_state,
       a.wait_event_type,
       a.wait_event,
       a.xact_start,
       a.query_start,
       a.backend_start,
       a.query
FROM pg_background_list AS l
     LEFT JOIN pg_catalog.pg_stat_activity AS a
         ON a.pid = l.pid AND l.state IN ('starting', 'running')$define$);
COMMENT ON VIEW pg_background_activity IS
    'the background jobs of this session with what their workers do now';


--
-- Privilege helpers
--
-- SECURITY DEFINER on purpose: nobody but the owner may call them, and where
-- the administrator lets another role do so, that role is meant to hand out
-- the extension without owning it.  (As SECURITY INVOKER such a grant would be
-- void.)  What makes it safe: they touch only the extension's own objects,
-- found by OID through pg_depend; every name in a command is quoted from the
-- catalog; search_path is pinned; "public" is no role to them; and they are
-- never granted to pgbackground_role.
--

SELECT pg_temp.pg_background_define('ROUTINE', 'grant_pg_background_privileges(text, bool)', $define$
CREATE OR REPLACE FUNCTION grant_pg_background_privileges(role_name text, print_commands bool DEFAULT false)
RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    role_oid oid;
    command text;
BEGIN
    IF role_name IS NULL THEN
        RAISE EXCEPTION 'role name must not be null'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT r.oid INTO role_oid FROM pg_roles r WHERE r.rolname = role_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role "%" does not exist', role_name
            USING ERRCODE = 'undefined_object';
    END IF;

    FOR command IN
        WITH member AS (
            SELECT d.classid, d.objid
            FROM pg_depend d
                 JOIN pg_extension e ON d.refobjid = e.oid
            WHERE d.refclassid = 'pg_extension'::regclass
              AND d.deptype = 'e'
              AND e.extname = 'pg_background'
        )
        SELECT c.privilege || ' TO ' || quote_ident(role_name)
        FROM (
            SELECT 1, 'GRANT USAGE ON SCHEMA ' || n.oid::regnamespace
            FROM pg_extension e
                 JOIN pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'pg_background'
              AND NOT has_schema_privilege(role_oid, n.oid, 'USAGE')
            UNION ALL
            SELECT 2, 'GRANT USAGE ON TYPE ' || t.oid::regtype
            FROM member m
                 JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
                 JOIN pg_class r ON r.oid = t.typrelid AND r.relkind = 'c'
            UNION ALL
            SELECT 3, 'GRANT EXECUTE ON FUNCTION ' || p.oid::regprocedure
            FROM member m
                 JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
            WHERE p.proname NOT IN ('grant_pg_background_privileges',
                                    'revoke_pg_background_privileges',
                                    'pg_background_drop_executor_role')
            UNION ALL
            SELECT 4, 'GRANT SELECT ON TABLE ' || r.oid::regclass
            FROM member m
                 JOIN pg_class r ON m.classid = 'pg_class'::regclass AND r.oid = m.objid
            WHERE r.relkind = 'v'
        ) AS c(step, privilege)
        ORDER BY c.step, c.privilege COLLATE "C"
    LOOP
        IF print_commands THEN
            RAISE NOTICE '%', command;
        END IF;
        EXECUTE command;
    END LOOP;
    RETURN true;
END
$function$$define$);
COMMENT ON FUNCTION grant_pg_background_privileges(text, bool) IS
    'lets a role use pg_background without being a member of pgbackground_role';

-- Revokes more than the other one grants: a privilege helper, too.  USAGE on
-- the schema goes only if the schema holds nothing but the extension, because
-- otherwise it may have been granted for something else.
SELECT pg_temp.pg_background_define('ROUTINE', 'revoke_pg_background_privileges(text, bool)', $define$
CREATE OR REPLACE FUNCTION revoke_pg_background_privileges(role_name text, print_commands bool DEFAULT false)
RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    role_oid oid;
    command text;
BEGIN
    IF role_name IS NULL THEN
        RAISE EXCEPTION 'role name must not be null'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT r.oid INTO role_oid FROM pg_roles r WHERE r.rolname = role_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role "%" does not exist', role_name
            USING ERRCODE = 'undefined_object';
    END IF;

    FOR command IN
        WITH member AS (
            SELECT d.classid, d.objid
            FROM pg_depend d
                 JOIN pg_extension e ON d.refobjid = e.oid
            WHERE d.refclassid = 'pg_extension'::regclass
              AND d.deptype = 'e'
              AND e.extname = 'pg_background'
        )
        SELECT c.privilege || ' FROM ' || quote_ident(role_name)
        FROM (
            SELECT 1, 'REVOKE ALL ON TABLE ' || r.oid::regclass
            FROM member m
                 JOIN pg_class r ON m.classid = 'pg_class'::regclass AND r.oid = m.objid
            WHERE r.relkind = 'v'
              AND r.relowner <> role_oid
            UNION ALL
            SELECT 2, 'REVOKE ALL ON FUNCTION ' || p.oid::regprocedure
            FROM member m
                 JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
            WHERE p.proowner <> role_oid
            UNION ALL
            SELECT 3, 'REVOKE ALL ON TYPE ' || t.oid::regtype
            FROM member m
                 JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
                 JOIN pg_class r ON r.oid = t.typrelid AND r.relkind = 'c'
            WHERE t.typowner <> role_oid
            UNION ALL
            SELECT 4, 'REVOKE USAGE ON SCHEMA ' || n.oid::regnamespace
            FROM pg_extension e
                 JOIN pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'pg_background'
              AND n.nspowner <> role_oid
              AND EXISTS (SELECT FROM aclexplode(n.nspacl) a
                          WHERE a.grantee = role_oid
                            AND a.privilege_type = 'USAGE')
              AND NOT EXISTS (SELECT FROM pg_depend d
                              WHERE d.refclassid = 'pg_namespace'::regclass
                                AND d.refobjid = n.oid
                                AND (d.classid, d.objid) <> ('pg_extension'::regclass, e.oid)
                                AND (d.classid, d.objid) NOT IN (SELECT m.classid, m.objid FROM member m))
        ) AS c(step, privilege)
        ORDER BY c.step, c.privilege COLLATE "C"
    LOOP
        IF print_commands THEN
            RAISE NOTICE '%', command;
        END IF;
        EXECUTE command;
    END LOOP;
    RETURN true;
END
$function$$define$);
COMMENT ON FUNCTION revoke_pg_background_privileges(text, bool) IS
    'takes from a role what it was granted on the objects of pg_background';

SELECT pg_temp.pg_background_define('ROUTINE', 'pg_background_drop_executor_role()', $define$
CREATE OR REPLACE FUNCTION pg_background_drop_executor_role()
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    executor oid;
    here oid;
    home text;
    obstacles text;
BEGIN
    SELECT r.oid INTO executor FROM pg_roles r WHERE r.rolname = 'pgbackground_role';
    IF NOT FOUND THEN
        RAISE NOTICE 'role "pgbackground_role" does not exist, skipping';
        RETURN;
    END IF;
    SELECT d.oid INTO here FROM pg_database d WHERE d.datname = current_database();

    SELECT e.extnamespace::regnamespace INTO home FROM pg_extension e WHERE e.extname = 'pg_background';
    -- Both arguments of just its types: the extension's own, whatever of that name somebody has put beside it.
    EXECUTE format('SELECT %s.revoke_pg_background_privileges(%L::text, false)', home, 'pgbackground_role');
    EXECUTE format('REVOKE USAGE ON SCHEMA %s FROM pgbackground_role', home);

    -- What is left is not ours, but for initial privileges (deptype 'i').
    SELECT string_agg(o.obstacle, E'\n') INTO obstacles
    FROM (
        SELECT pg_describe_object(s.classid, s.objid, s.objsubid)
        FROM pg_shdepend s
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = executor
          AND s.dbid IN (0, here) AND s.deptype <> 'i'
        UNION
        SELECT format('%s objects in database %I', count(*), d.datname)
        FROM pg_shdepend s
             JOIN pg_database d ON d.oid = s.dbid
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = executor
          AND s.dbid <> here
        GROUP BY d.datname
        ORDER BY 1
        LIMIT 20
    ) AS o(obstacle);
    IF obstacles IS NOT NULL THEN
        RAISE EXCEPTION 'role "pgbackground_role" cannot be dropped because some objects depend on it'
            USING ERRCODE = 'dependent_objects_still_exist',
                  DETAIL = obstacles,
                  HINT = 'Nothing was changed. Reassign what the role owns, revoke what it was granted beside pg_background, '
                         'and first call this function in every other database that has pg_background.';
    END IF;

    -- pg_init_privs remembers what CREATE EXTENSION granted to the role.  From
    -- version 17 on that keeps the role alive.  DROP OWNED is what clears it,
    -- and by now it touches nothing else.  Older versions do not notice, and
    -- leave behind the number of a role that is gone: pg_dump would write it
    -- into a REVOKE that fails at restore.
    IF current_setting('server_version_num')::int4 >= 170000 THEN
        DROP OWNED BY pgbackground_role;
    ELSE
        UPDATE pg_init_privs i
        SET initprivs = ARRAY(SELECT u.item
                              FROM unnest(i.initprivs) WITH ORDINALITY AS u(item, n)
                              WHERE NOT EXISTS (SELECT FROM aclexplode(ARRAY[u.item]) a
                                                WHERE executor IN (a.grantee, a.grantor))
                              ORDER BY u.n)
        WHERE EXISTS (SELECT FROM aclexplode(i.initprivs) a
                      WHERE executor IN (a.grantee, a.grantor));
    END IF;

    DROP ROLE pgbackground_role;
END
$function$$define$);
COMMENT ON FUNCTION pg_background_drop_executor_role() IS
    'revokes everything of pg_background from pgbackground_role and drops the role';


--
-- Privileges: PUBLIC has nothing, pgbackground_role everything but the helpers
--

SELECT pg_temp.pg_background_settle(
    ARRAY['pg_background_launch(text, int4)',
          'pg_background_result(int4)',
          'pg_background_detach(int4)',
          'pg_background_launch_v2(text, int4)',
          'pg_background_launch_v2(text, int4, text)',
          'pg_background_submit_v2(text, int4)',
          'pg_background_submit_v2(text, int4, text)',
          'pg_background_result_v2(int4, int8)',
          'pg_background_detach_v2(int4, int8)',
          'pg_background_detach_all_v2()',
          'pg_background_purge_v2()',
          'pg_background_cancel_v2(int4, int8)',
          'pg_background_cancel_v2_grace(int4, int8, int4)',
          'pg_background_cancel_all_v2()',
          'pg_background_cancel_by_label_v2(text, int4)',
          'pg_background_wait_v2(int4, int8)',
          'pg_background_wait_v2_timeout(int4, int8, int4)',
          'pg_background_wait_any_v2(pg_background_handle[], int4)',
          'pg_background_drain_v2(pg_background_handle[], int4)',
          'pg_background_list_v2()',
          'pg_background_stats_v2()',
          'pg_background_progress(int4, text)',
          'pg_background_get_progress_v2(int4, int8)',
          'pg_background_result_info_v2(int4, int8)',
          'pg_background_error_info_v2(int4, int8)',
          'pg_background_outcome_v2(int4, int8)',
          'pg_background_status_v2(int4, int8)',
          'pg_background_full_sql_v2(int4, int8)',
          'pg_background_run_v2(text, int4, int4, text)',
          'pg_background_run_query_v2(text, int4, int4, text, text)',
          'grant_pg_background_privileges(text, bool)',
          'revoke_pg_background_privileges(text, bool)',
          'pg_background_drop_executor_role()']::regprocedure[],
    ARRAY['pg_background_handle',
          'pg_background_stats',
          'pg_background_progress',
          'pg_background_result_info',
          'pg_background_error',
          'pg_background_outcome',
          'pg_background_run_result']::regtype[],
    ARRAY['pg_background_list',
          'pg_background_activity']::regclass[]);

REVOKE ALL ON TYPE
    pg_background_handle,
    pg_background_stats,
    pg_background_progress,
    pg_background_result_info,
    pg_background_error,
    pg_background_outcome,
    pg_background_run_result
FROM PUBLIC;

REVOKE ALL ON FUNCTION
    pg_background_launch(text, int4),
    pg_background_result(int4),
    pg_background_detach(int4),
    pg_background_launch_v2(text, int4),
    pg_background_launch_v2(text, int4, text),
    pg_background_submit_v2(text, int4),
    pg_background_submit_v2(text, int4, text),
    pg_background_result_v2(int4, int8),
    pg_background_detach_v2(int4, int8),
    pg_background_detach_all_v2(),
    pg_background_purge_v2(),
    pg_background_cancel_v2(int4, int8),
    pg_background_cancel_v2_grace(int4, int8, int4),
    pg_background_cancel_all_v2(),
    pg_background_cancel_by_label_v2(text, int4),
    pg_background_wait_v2(int4, int8),
    pg_background_wait_v2_timeout(int4, int8, int4),
    pg_background_wait_any_v2(pg_background_handle[], int4),
    pg_background_drain_v2(pg_background_handle[], int4),
    pg_background_list_v2(),
    pg_background_stats_v2(),
    pg_background_progress(int4, text),
    pg_background_get_progress_v2(int4, int8),
    pg_background_result_info_v2(int4, int8),
    pg_background_error_info_v2(int4, int8),
    pg_background_outcome_v2(int4, int8),
    pg_background_status_v2(int4, int8),
    pg_background_full_sql_v2(int4, int8),
    pg_background_run_v2(text, int4, int4, text),
    pg_background_run_query_v2(text, int4, int4, text, text),
    grant_pg_background_privileges(text, bool),
    revoke_pg_background_privileges(text, bool),
    pg_background_drop_executor_role()
FROM PUBLIC;

REVOKE ALL ON TABLE
    pg_background_list,
    pg_background_activity
FROM PUBLIC;

GRANT USAGE ON TYPE
    pg_background_handle,
    pg_background_stats,
    pg_background_progress,
    pg_background_result_info,
    pg_background_error,
    pg_background_outcome,
    pg_background_run_result
TO pgbackground_role;

GRANT EXECUTE ON FUNCTION
    pg_background_launch(text, int4),
    pg_background_result(int4),
    pg_background_detach(int4),
    pg_background_launch_v2(text, int4),
    pg_background_launch_v2(text, int4, text),
    pg_background_submit_v2(text, int4),
    pg_background_submit_v2(text, int4, text),
    pg_background_result_v2(int4, int8),
    pg_background_detach_v2(int4, int8),
    pg_background_detach_all_v2(),
    pg_background_purge_v2(),
    pg_background_cancel_v2(int4, int8),
    pg_background_cancel_v2_grace(int4, int8, int4),
    pg_background_cancel_all_v2(),
    pg_background_cancel_by_label_v2(text, int4),
    pg_background_wait_v2(int4, int8),
    pg_background_wait_v2_timeout(int4, int8, int4),
    pg_background_wait_any_v2(pg_background_handle[], int4),
    pg_background_drain_v2(pg_background_handle[], int4),
    pg_background_list_v2(),
    pg_background_stats_v2(),
    pg_background_progress(int4, text),
    pg_background_get_progress_v2(int4, int8),
    pg_background_result_info_v2(int4, int8),
    pg_background_error_info_v2(int4, int8),
    pg_background_outcome_v2(int4, int8),
    pg_background_status_v2(int4, int8),
    pg_background_full_sql_v2(int4, int8),
    pg_background_run_v2(text, int4, int4, text),
    pg_background_run_query_v2(text, int4, int4, text, text)
TO pgbackground_role;

GRANT SELECT ON TABLE
    pg_background_list,
    pg_background_activity
TO pgbackground_role;

SELECT pg_temp.pg_background_regrant();

DROP FUNCTION pg_temp.pg_background_regrant();
DROP FUNCTION pg_temp.pg_background_settle(regprocedure[], regtype[], regclass[]);
DROP FUNCTION pg_temp.pg_background_define(text, text, text);
DROP FUNCTION pg_temp.pg_background_define_type(name, name[], regtype[]);
DROP FUNCTION pg_temp.pg_background_drop(oid, oid);
DROP FUNCTION pg_temp.pg_background_members();
DROP TABLE pg_temp.pg_background_upgrade_new;
DROP TABLE pg_temp.pg_background_upgrade_old;
