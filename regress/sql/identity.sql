--
-- As whom a job runs, and who may touch it.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE ROLE regress_pgbg_alice LOGIN;
CREATE ROLE regress_pgbg_bob LOGIN;
CREATE ROLE regress_pgbg_group;
CREATE ROLE regress_pgbg_nologin;
GRANT pgbackground_role TO regress_pgbg_alice, regress_pgbg_bob, regress_pgbg_group, regress_pgbg_nologin;
GRANT regress_pgbg_group TO regress_pgbg_alice;
CREATE SCHEMA regress_pgbg_id;
GRANT USAGE, CREATE ON SCHEMA regress_pgbg_id TO PUBLIC;
SET search_path = regress_pgbg_id, public;
CREATE TABLE secret (owner text);
INSERT INTO secret VALUES ('superuser''s');
CREATE FUNCTION who() RETURNS text LANGUAGE sql AS $$
    SELECT who FROM pg_background_run_query_v2('SELECT session_user || '' / '' || current_user || '' / '' || current_setting(''role'') || '' / '' || current_setting(''is_superuser'')') AS (who text)
$$;
CREATE VIEW who_here AS SELECT session_user || ' / ' || current_user || ' / ' || current_setting('role') || ' / ' || current_setting('is_superuser') AS who;
GRANT SELECT ON who_here TO PUBLIC;

-- session user, current user, role and superuser's rights are those of the caller
SELECT who() = who AS same, who FROM who_here;
SET ROLE regress_pgbg_alice;
SELECT who() = who AS same, who FROM who_here;
SELECT * FROM pg_background_run_query_v2('TABLE secret') AS (owner text);
SET ROLE regress_pgbg_group;
SELECT who() = who AS same, who FROM who_here;
RESET ROLE;
SET SESSION AUTHORIZATION regress_pgbg_alice;
SELECT who() = who AS same, who FROM who_here;
SELECT * FROM pg_background_run_query_v2('TABLE secret') AS (owner text);
SET ROLE regress_pgbg_group;
SELECT who() = who AS same, who FROM who_here;
-- the job's own RESET ROLE gets no further than the caller's would
SELECT * FROM pg_background_run_query_v2('RESET ROLE; SELECT session_user || '' / '' || current_user') AS (who text);
SELECT sqlstate FROM pg_background_run_v2('SET ROLE regress_pgbg_bob');
RESET ROLE;
-- RESET SESSION AUTHORIZATION: to the authenticated user, as in this session
SELECT sqlstate FROM pg_background_run_v2('SET SESSION AUTHORIZATION regress_pgbg_bob');
RESET SESSION AUTHORIZATION;
SET ROLE NONE;
SELECT who() = who AS same, who FROM who_here;
-- in a transaction, and back
BEGIN;
SET LOCAL ROLE regress_pgbg_bob;
SELECT who() = who AS same, who FROM who_here;
ROLLBACK;
SELECT who() = who AS same FROM who_here;
-- a role that may not log in, a session that is its
SET ROLE regress_pgbg_nologin;
SELECT who() = who AS same, who FROM who_here;
RESET ROLE;
SET SESSION AUTHORIZATION regress_pgbg_nologin;
SELECT who() = who AS same, who FROM who_here;
RESET SESSION AUTHORIZATION;
-- names that want quoting
CREATE ROLE "regress_pgbg ""odd"" 'role'" IN ROLE pgbackground_role;
SET ROLE "regress_pgbg ""odd"" 'role'";
SELECT who() = who AS same FROM who_here;
RESET ROLE;
SET SESSION AUTHORIZATION regress_pgbg_bob;
SELECT who() = who AS same, who FROM who_here;
\c -
SET search_path = regress_pgbg_id, public;
DROP ROLE "regress_pgbg ""odd"" 'role'";
-- a name that is given to another role between two jobs: the session stays who it is
GRANT SELECT ON secret TO regress_pgbg_bob;
SELECT pg_advisory_lock(4722);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock_shared(4722); ALTER ROLE regress_pgbg_alice RENAME TO regress_pgbg_carol;
    ALTER ROLE regress_pgbg_bob RENAME TO regress_pgbg_alice') \gset
SET SESSION AUTHORIZATION regress_pgbg_alice;
SELECT who() = who AS same, who FROM who_here;
SELECT sqlstate FROM pg_background_run_v2('TABLE secret');
SELECT pg_advisory_unlock(4722);
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_pgbg_carol');
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
SELECT session_user, current_user;
SELECT * FROM pg_background_run_query_v2('SELECT session_user, current_user') AS (session_user_ name, current_user_ name);
SELECT sqlstate FROM pg_background_run_v2('TABLE secret');
SET pg_background.worker_idle_timeout = 0;
SELECT * FROM pg_background_run_query_v2('SELECT session_user, current_user') AS (session_user_ name, current_user_ name);
SELECT sqlstate FROM pg_background_run_v2('TABLE secret');
RESET pg_background.worker_idle_timeout;
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (tag text);
-- the same of SET ROLE, back again
SELECT pg_advisory_lock(4722);
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock_shared(4722); ALTER ROLE regress_pgbg_alice RENAME TO regress_pgbg_bob;
    ALTER ROLE regress_pgbg_carol RENAME TO regress_pgbg_alice') \gset
SET ROLE regress_pgbg_carol;
SELECT sqlstate FROM pg_background_run_v2('TABLE secret');
SELECT pg_advisory_unlock(4722);
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_pgbg_bob');
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
SELECT session_user, current_user;
SELECT * FROM pg_background_run_query_v2('SELECT session_user, current_user') AS (session_user_ name, current_user_ name);
SELECT sqlstate FROM pg_background_run_v2('TABLE secret');
RESET ROLE;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (tag text);
REVOKE SELECT ON secret FROM regress_pgbg_bob;

--
-- SECURITY DEFINER
--
CREATE FUNCTION definer(sql text) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = regress_pgbg_id, public, pg_temp AS $$
    SELECT x FROM pg_background_run_query_v2(sql) AS (x text)
$$;
CREATE FUNCTION definer_state(sql text) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = regress_pgbg_id, public, pg_temp AS $$
    SELECT coalesce(sqlstate, command_tag) FROM pg_background_run_v2(sql)
$$;
CREATE FUNCTION definer_who() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = regress_pgbg_id, public, pg_temp AS $$ SELECT who FROM who_here $$;
SET SESSION AUTHORIZATION regress_pgbg_alice;
-- the job runs as the definer, for as long as it is
SELECT definer('SELECT current_user') AS definer, session_user, current_user;
SELECT definer('SELECT session_user || '' / '' || current_user || '' / '' || current_setting(''role'') || '' / '' || current_setting(''is_superuser'')') = definer_who() AS same, definer_who();
SELECT definer('TABLE secret');
SELECT who() = who AS same FROM who_here;
-- an invoker's function in the job, another definer's
CREATE FUNCTION alices() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT current_user::text $$;
SELECT definer('SELECT alices() || '', '' || current_user');
-- refused: leaving the definer, alone and among others: 42501, and 55P02 where the statement may commit
SELECT sql, definer_state(sql) FROM unnest(ARRAY['RESET ROLE', 'SET ROLE regress_pgbg_alice', 'SET ROLE NONE', 'SET SESSION AUTHORIZATION regress_pgbg_alice', 'SET SESSION AUTHORIZATION DEFAULT',
    'RESET SESSION AUTHORIZATION', 'DISCARD ALL', 'SELECT 1; RESET ROLE', 'RESET ROLE; SELECT 1', 'SET LOCAL ROLE regress_pgbg_alice', 'SELECT set_config(''role'', ''regress_pgbg_alice'', false)',
    'DO $$BEGIN SET ROLE regress_pgbg_alice; END$$', 'DO $$BEGIN RESET ROLE; END$$', 'RESET ALL']) WITH ORDINALITY AS u(sql, n) ORDER BY n;
-- CALL and DO by themselves may commit
SELECT sql, definer_state(sql) FROM unnest(ARRAY['DO $$BEGIN COMMIT; END$$', 'DO $$BEGIN ROLLBACK; END$$']) AS sql;
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$BEGIN COMMIT; END$$;
SELECT definer_state('CALL commits()');
-- refused: as one of several statements, 2D000
SELECT definer_state('CALL commits(); SELECT 1'), definer_state('SELECT 1; DO $$BEGIN COMMIT; END$$');
RESET SESSION AUTHORIZATION;
CREATE TABLE maintained AS SELECT i FROM generate_series(1, 100) i;
CREATE TABLE part (i int4) PARTITION BY RANGE (i);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (10);
CREATE TABLE alices (i int4);
ALTER TABLE alices OWNER TO regress_pgbg_alice;
SET SESSION AUTHORIZATION regress_pgbg_alice;
-- what starts transactions by itself works when alone, as the definer
SELECT sql, definer_state(sql) FROM unnest(ARRAY['VACUUM maintained', 'VACUUM ANALYZE maintained', 'ANALYZE maintained', 'CREATE INDEX maintained_i ON maintained (i)', 'CLUSTER maintained USING maintained_i',
    'REINDEX TABLE maintained', 'VACUUM FULL maintained']) WITH ORDINALITY AS u(sql, n) ORDER BY n;
-- polled in statements of their own, for these wait for the snapshot of a statement that waits
RESET SESSION AUTHORIZATION;
CREATE FUNCTION definer_launch(sql text) RETURNS pg_background_handle LANGUAGE sql SECURITY DEFINER SET search_path = regress_pgbg_id, public, pg_temp AS $$
    SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_launch_v2(sql)
$$;
GRANT CREATE ON SCHEMA regress_pgbg_id TO regress_pgbg_alice;
CREATE PROCEDURE poll() LANGUAGE plpgsql AS $$
DECLARE
    finished bool := false;
BEGIN
    FOR i IN 1 .. 6000 LOOP
        SELECT bool_and(state NOT IN ('starting', 'running')) INTO finished FROM pg_background_list;
        EXIT WHEN finished;
        COMMIT;
        PERFORM pg_sleep(0.01);
        COMMIT;
    END LOOP;
END
$$;
SELECT pid, cookie FROM definer_launch('CREATE INDEX CONCURRENTLY maintained_c ON maintained (i)') \gset
CALL poll();
SELECT state, command_tag FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pid, cookie FROM definer_launch('REINDEX INDEX CONCURRENTLY maintained_c') \gset
CALL poll();
SELECT state, command_tag FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pid, cookie FROM definer_launch('DROP INDEX CONCURRENTLY maintained_c') \gset
CALL poll();
SELECT state, command_tag FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pid, cookie FROM definer_launch('ALTER TABLE part DETACH PARTITION part_1 CONCURRENTLY') \gset
CALL poll();
SELECT state, command_tag FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_purge_v2();
-- with an error in the middle: an index function of alice's runs as alice, and fails
CREATE FUNCTION fails(i int4) RETURNS int4 IMMUTABLE LANGUAGE plpgsql AS $$BEGIN IF i = 3 AND current_setting('regress_pgbg.fail', true) = 'on' THEN RAISE EXCEPTION 'as %', current_user; END IF; RETURN i; END$$;
INSERT INTO alices SELECT generate_series(1, 5);
CREATE INDEX alices_fails ON alices (fails(i));
SELECT set_config('regress_pgbg.fail', 'on', false);
SET SESSION AUTHORIZATION regress_pgbg_bob;
SELECT definer_state('REINDEX INDEX alices_fails');
SELECT definer_state('VACUUM FULL alices');
RESET SESSION AUTHORIZATION;
SELECT error_message FROM pg_background_run_v2('REINDEX INDEX alices_fails');
RESET regress_pgbg.fail;
-- refused: maintenance as somebody who may not; alone it is not more
SET SESSION AUTHORIZATION regress_pgbg_alice;
SELECT sqlstate FROM pg_background_run_v2('REINDEX TABLE maintained');
SELECT sqlstate FROM pg_background_run_v2('CREATE INDEX ON maintained (i)');
-- a definer without rights, called by the superuser: the job has none either
CREATE FUNCTION alices_definer(sql text) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = regress_pgbg_id, public, pg_temp AS $$
    SELECT coalesce(sqlstate, command_tag) FROM pg_background_run_v2(sql)
$$;
RESET SESSION AUTHORIZATION;
SELECT alices_definer('TABLE secret'), alices_definer('RESET ROLE'), alices_definer('SET ROLE regress_pgbg_bob'), alices_definer('VACUUM alices'), alices_definer('REINDEX TABLE maintained');
SELECT alices_definer('DO $$BEGIN COMMIT; EXECUTE ''TABLE secret''; END$$');

--
-- refused: launching in a security-restricted operation, 42501
--
CREATE FUNCTION launches(i int4) RETURNS int4 IMMUTABLE LANGUAGE plpgsql SET search_path = regress_pgbg_id, public AS $$BEGIN RETURN (pg_background_run_v2('SELECT 1')).row_count; END$$;
CREATE FUNCTION launches_too(i int4) RETURNS int4 IMMUTABLE LANGUAGE plpgsql SET search_path = regress_pgbg_id, public AS $$BEGIN PERFORM pg_background_submit_v2('SELECT 1'); RETURN i; END$$;
\set VERBOSITY sqlstate
CREATE INDEX ON maintained (launches(i));
CREATE INDEX ON maintained (launches_too(i));
CREATE MATERIALIZED VIEW launched AS SELECT launches(1) WITH NO DATA;
REFRESH MATERIALIZED VIEW launched;
CREATE MATERIALIZED VIEW launched_too AS SELECT n FROM pg_background_run_query_v2('SELECT 1') AS (n int4);
\set VERBOSITY default
-- by a maintenance job of a job: the same
SELECT definer_state('CREATE INDEX ON maintained (launches(i))'), definer_state('REFRESH MATERIALIZED VIEW launched');

--
-- refused: another role's handle, 42501
--
SET ROLE regress_pgbg_alice;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)', 0, 'alice''s') \gset alice_
SET ROLE regress_pgbg_group;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT ''the group''''s''', 0, 'group''s') \gset group_
RESET ROLE;
CREATE FUNCTION definer_launch_quick() RETURNS pg_background_handle LANGUAGE sql SECURITY DEFINER SET search_path = regress_pgbg_id, public, pg_temp AS $$
    SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_launch_v2('TABLE secret', 0, 'definer''s')
$$;
\set VERBOSITY sqlstate
SET ROLE regress_pgbg_bob;
SELECT * FROM pg_background_result_v2(:alice_pid, :alice_cookie) AS (x text);
SELECT pg_background_detach_v2(:alice_pid, :alice_cookie);
SELECT pg_background_cancel_v2(:alice_pid, :alice_cookie);
SELECT pg_background_cancel_v2_grace(:alice_pid, :alice_cookie, 0);
SELECT pg_background_wait_v2(:alice_pid, :alice_cookie);
SELECT pg_background_wait_v2_timeout(:alice_pid, :alice_cookie, 0);
SELECT pg_background_wait_any_v2(ARRAY[ROW(:alice_pid, :alice_cookie)]::pg_background_handle[]);
SELECT * FROM pg_background_drain_v2(ARRAY[ROW(:alice_pid, :alice_cookie)]::pg_background_handle[]);
SELECT pg_background_get_progress_v2(:alice_pid, :alice_cookie);
SELECT pg_background_result_info_v2(:alice_pid, :alice_cookie);
SELECT pg_background_error_info_v2(:alice_pid, :alice_cookie);
SELECT pg_background_outcome_v2(:alice_pid, :alice_cookie);
SELECT pg_background_status_v2(:alice_pid, :alice_cookie);
SELECT pg_background_full_sql_v2(:alice_pid, :alice_cookie);
SELECT * FROM pg_background_result(:alice_pid) AS (x text);
SELECT pg_background_detach(:alice_pid);
\set VERBOSITY default
-- all, by label, purge: those that are not one's own are left alone; the list keeps their texts to itself
SELECT pg_background_cancel_all_v2(), pg_background_cancel_by_label_v2('%'), pg_background_purge_v2(), pg_background_detach_all_v2();
SELECT pid IN (:alice_pid, :group_pid) AS pid, user_id::regrole, sql_preview, last_error, label FROM pg_background_list ORDER BY user_id::regrole::text COLLATE "C";
-- a member may; the superuser may
SET ROLE regress_pgbg_alice;
SELECT * FROM pg_background_result_v2(:group_pid, :group_cookie) AS (x text);
SELECT user_id::regrole, sql_preview, label FROM pg_background_list;
RESET ROLE;
SELECT pg_background_cancel_v2(:alice_pid, :alice_cookie);
SELECT pg_background_wait_v2(:alice_pid, :alice_cookie);
SELECT pg_background_detach_v2(:alice_pid, :alice_cookie);
-- what a definer launched is the definer's
SET ROLE regress_pgbg_alice;
SELECT pid, cookie FROM definer_launch_quick() \gset
\set VERBOSITY sqlstate
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x text);
\set VERBOSITY default
RESET ROLE;
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (x text);

-- row security and privileges are those of the job's user, and are looked at in the job
CREATE TABLE mine (owner name DEFAULT current_user, what text);
ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON mine USING (owner = current_user);
GRANT ALL ON mine TO PUBLIC;
INSERT INTO mine VALUES ('regress_pgbg_alice', 'a'), ('regress_pgbg_bob', 'b');
SET ROLE regress_pgbg_alice;
SELECT * FROM pg_background_run_query_v2('TABLE mine') AS (owner name, what text);
SET ROLE regress_pgbg_bob;
SELECT * FROM pg_background_run_query_v2('UPDATE mine SET what = what || ''!'' RETURNING *') AS (owner name, what text);
SET row_security = off;
SELECT sqlstate FROM pg_background_run_v2('TABLE mine');
RESET ROLE;
RESET row_security;
SELECT count(*) FROM pg_background_list;
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA regress_pgbg_id CASCADE;
DROP ROLE regress_pgbg_alice, regress_pgbg_bob, regress_pgbg_group, regress_pgbg_nologin;
