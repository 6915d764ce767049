#!/usr/bin/env bash
# A database with the extension is dumped and restored, into this server and another one; the extension goes and comes
# back; two databases have it in two schemas.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_connections = 20' 'max_worker_processes = 16'
# One role by membership, one by the helper's grants, one by a few grants.
sql "CREATE ROLE member LOGIN IN ROLE pgbackground_role; CREATE ROLE \"Odd, \"\"role'\" LOGIN; CREATE ROLE single LOGIN; CREATE ROLE nobody LOGIN"
for name in source target; do sql "CREATE DATABASE $name"; done
export PGDATABASE=source
sql 'CREATE SCHEMA "Odd ""jobs"; CREATE EXTENSION pg_background SCHEMA "Odd ""jobs"' || die 'no extension'
psql -XAtq -v ON_ERROR_STOP=1 <<-'SQL' || die 'the source database cannot be filled'
	SET search_path = "Odd ""jobs", public;
	SELECT grant_pg_background_privileges('Odd, "role''') \g /dev/null
	GRANT USAGE ON SCHEMA "Odd ""jobs" TO pgbackground_role, single;
	GRANT EXECUTE ON FUNCTION pg_background_launch_v2(text, int4), pg_background_result_v2(int4, int8) TO single;
	GRANT EXECUTE ON FUNCTION pg_background_wait_v2(int4, int8, int4) TO single WITH GRANT OPTION;
	REVOKE EXECUTE ON FUNCTION pg_background_purge_v2() FROM pgbackground_role;
	SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
	CREATE TABLE public.kept (handle pg_background_handle, stats pg_background_stats);
	INSERT INTO public.kept VALUES (ROW(1, 2), pg_background_stats_v2());
	CREATE TABLE public.typed OF pg_background_error;
	CREATE VIEW public.mine AS SELECT pid, state FROM pg_background_list;
	CREATE FUNCTION public.audited(what text) RETURNS bool LANGUAGE sql AS $$
	    SELECT completed FROM "Odd ""jobs".pg_background_run_v2(what)
	$$;
	CREATE FUNCTION public.now_parsed() RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC
	    SELECT x FROM "Odd ""jobs".pg_background_run_query_v2('SELECT current_user') AS (x text);
	END;
	GRANT EXECUTE ON FUNCTION public.now_parsed() TO PUBLIC;
	CREATE MATERIALIZED VIEW public.found AS SELECT count(*) FROM "Odd ""jobs".pg_background_list;
SQL

# privileges: who may do what with each object of the extension.
privileges() {
	sql "SET search_path = pg_catalog;
		SELECT o.object, a.grantor::regrole, CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END, a.privilege_type, a.is_grantable
		FROM (SELECT pg_describe_object(d.classid, d.objid, 0), coalesce(p.proacl, t.typacl, c.relacl)
		      FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
		           LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		           LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
		           LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
		      WHERE e.extname = 'pg_background') AS o(object, acl), aclexplode(o.acl) a
		ORDER BY 1, 2, 3, 4" -d "$1"
}
dump() { "$BIN/pg_dump" -d "$1" "${@:2}" 2>>"$WORK/log/dump.txt"; }
# Servers with the last security fixes write a random key into each dump.
plain() { dump "$@" | grep -vE '^\\(un)?restrict '; }
# works DATABASE NAME: the extension there is what it is in the source, and so is what was made of it.
works() {
	t_is "$2: the types' values" "$(sql 'SELECT (handle).cookie, (stats).workers_launched FROM kept' -d "$1")" '2|1'
	t_is "$2: a job as its superuser" "$(sql "SELECT audited('SELECT 1')" -d "$1")" t
	for role in member "Odd, \"role'"; do
		t_is "$2: a job as $role" "$(sql 'SELECT now_parsed() = current_user' -d "$1" -U "$role")" t
	done
	t_is "$2: a job as one with a few functions" "$(psql -XAtq -d "$1" -U single -c 'SET search_path = "Odd ""jobs"' \
		-c "SELECT x FROM pg_background_launch_v2('SELECT 7') AS h, LATERAL pg_background_result_v2(h.pid, h.cookie) AS (x int)")" 7
	t_is "$2: not as anybody" "$(PGUSER=nobody PGDATABASE=$1 sql_code 'SELECT now_parsed()')" 42501
	t_is "$2: a revoked function stays revoked" "$(PGUSER=member PGDATABASE=$1 sql_code 'SELECT "Odd ""jobs".pg_background_purge_v2()')" 42501
	t_is "$2: and where" "$(sql "SELECT extversion, extnamespace::regnamespace FROM pg_extension WHERE extname = 'pg_background'" -d "$1")" '2.1|"Odd ""jobs"'
	t_is "$2: the same privileges" "$(diff <(privileges "$1") - <<<"$wanted")" ''
	t_is "$2: the same dump" "$(diff <(say "$(plain "$1")") - <<<"$image")" ''
}

wanted=$(privileges source)
image=$(plain source)
t_like 'the dump creates the extension' "$image" 'CREATE EXTENSION IF NOT EXISTS pg_background WITH SCHEMA "Odd ""jobs"'
t_is 'and none of its objects' "$(grep -cE '^CREATE (FUNCTION|TYPE|VIEW) "Odd' <<<"$image")" 0
t_is 'only privileges that somebody changed are in it' "$(grep -E '^(GRANT|REVOKE) .* "Odd ""jobs"\.' <<<"$image" | grep -vcE ' TO (single|"Odd, ""role'"'"'")|pg_background_purge_v2')" 0
works source 'the source'

# pg_upgrade refuses columns of most reg* types, because OIDs change, in tables of whatever type.
t_is 'no type and no view of ours has a column that pg_upgrade refuses' "$(sql "SELECT count(*)
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_extension e ON c.relnamespace = e.extnamespace
	WHERE e.extname = 'pg_background' AND a.attnum > 0
	  AND (a.atttypid::regtype::text LIKE 'reg%' OR a.atttypid IN ('aclitem'::regtype, 'unknown'::regtype))")" 0

# Into a database of the same server, as text and as an archive, and with --clean over what is there.
dump source >"$WORK/plain.sql"
t_is 'restored from text' "$(psql -Xq -v ON_ERROR_STOP=1 -d target -f "$WORK/plain.sql" 2>&1 >/dev/null)" ''
works target 'text'
dump source --clean --if-exists >"$WORK/clean.sql"
t_is 'once more with --clean' "$(psql -Xq -v ON_ERROR_STOP=1 -d target -f "$WORK/clean.sql" 2>&1 >/dev/null)" ''
works target '--clean'
dump source -Fc >"$WORK/custom.dump"
sql 'DROP DATABASE target; ' -d postgres && sql 'CREATE DATABASE target' -d postgres
chmod 644 "$WORK/custom.dump"
t_is 'restored from an archive, by two processes' "$("$BIN/pg_restore" -j 2 --exit-on-error -d target "$WORK/custom.dump" 2>&1)" ''
works target 'archive'

# Another server, whose roles come from pg_dumpall.
"$BIN/pg_dumpall" --globals-only -l postgres >"$WORK/globals.sql"
cluster_init second 'max_worker_processes = 16' && cluster_start second
t_is 'which does not know ours yet' "$(sql "SELECT count(*) FROM pg_roles WHERE rolname = 'pgbackground_role'" -d postgres)" 0
psql -Xq -d postgres -f "$WORK/globals.sql" >"$WORK/log/globals.txt" 2>&1
sql 'CREATE DATABASE copy' -d postgres
t_is 'restored on another server' "$(psql -Xq -v ON_ERROR_STOP=1 -d copy -f "$WORK/plain.sql" 2>&1 >/dev/null)" ''
works copy 'another server'
t_no_leaks 'nothing is left there'
cluster_stop second

# Two databases, two schemas: each knows its own jobs, wherever the extension lies.
cluster_use main
sql 'ALTER EXTENSION pg_background SET SCHEMA public' -d target
sql 'DROP SCHEMA "Odd ""jobs"' -d target
session_open a -d source -v VERBOSITY=sqlstate
session_open b -d target -v VERBOSITY=sqlstate
session_do a 'SET search_path = "Odd ""jobs";' >/dev/null
for s in a b; do
	session_do "$s" "SELECT pid, cookie FROM pg_background_launch_v2('SELECT current_database()') \\gset" >/dev/null
done
t_is 'both run at a time' "$(for s in a b; do session_do "$s" 'SELECT count(*) FROM pg_background_list;'; done | tr '\n' ' ')" '1 1 '
t_is 'each in its database' "$(for s in a b; do session_do "$s" 'SELECT d FROM pg_background_result_v2(:pid, :cookie) AS (d name);'; done | tr '\n' ' ')" 'source target '
session_do b "SELECT pid, cookie FROM pg_background_launch_v2('SELECT 5') \\gset" >/dev/null
t_is 'moved to another schema with a job running' "$(sql 'CREATE SCHEMA elsewhere; ALTER EXTENSION pg_background SET SCHEMA elsewhere' -d target 2>&1)" ''
t_is 'its session finds it there' "$(session_do b 'SELECT n FROM elsewhere.pg_background_result_v2(:pid, :cookie) AS (n int);')" 5

# DROP EXTENSION and CREATE again under a session that has jobs and a warm worker.
session_do b "SET search_path = elsewhere;
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(1); SELECT 6') \\gset
SELECT pid FROM pg_background_run_v2('SELECT 1') \\g /dev/null" >/dev/null
t_is 'what depends on it keeps it' "$(PGDATABASE=target sql_code 'DROP EXTENSION pg_background')" 2BP01
t_is 'DROP EXTENSION CASCADE under a live session' "$(PGDATABASE=target sql_code 'DROP EXTENSION pg_background CASCADE')" 00000
t_is 'its session has no function now' "$(session_do b 'SELECT count(*) FROM pg_background_list;')" 'ERROR:  42P01'
t_is 'no function of the library is left in the database' "$(sql "SELECT count(*) FROM pg_proc WHERE probin ~ 'pg_background'" -d target)" 0
t_is 'the role stays, for the other database' "$(sql "SELECT count(*) FROM pg_roles WHERE rolname = 'pgbackground_role'")" 1
t_is 'CREATE EXTENSION again' "$(sql 'CREATE EXTENSION pg_background SCHEMA elsewhere' -d target 2>&1)" ''
t_is 'the session has its job still' "$(session_do b 'SELECT n FROM pg_background_result_v2(:pid, :cookie) AS (n int);')" 6
t_is 'and launches others' "$(session_do b "SELECT completed FROM pg_background_run_v2('SELECT 1');")" t
t_is 'the other database was not concerned' "$(session_do a "SELECT completed FROM pg_background_run_v2('SELECT 1');")" t
session_close a
session_close b
t_is 'a database with it can be dropped' "$(wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'target'"; PGDATABASE=postgres sql_code 'DROP DATABASE target')" 00000
t_no_leaks 'nothing is left'
t_done
