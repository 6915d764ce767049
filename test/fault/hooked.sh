#!/usr/bin/env bash
# Code of somebody else's that launches jobs where one would not look for it: row-security policies, login event triggers,
# the places that are security-restricted operations. Its jobs are those of whoever runs it, with nobody else's rights.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main
sql "
	CREATE ROLE alice LOGIN IN ROLE pgbackground_role;
	CREATE ROLE bob LOGIN IN ROLE pgbackground_role;
	CREATE ROLE outsider LOGIN;
	CREATE SCHEMA alice AUTHORIZATION alice;
	GRANT USAGE ON SCHEMA alice TO PUBLIC;
	CREATE TABLE seen(place text, job text);
	GRANT INSERT ON seen TO PUBLIC;
	CREATE TABLE secret AS SELECT 'secret' AS s;"
sql "SET search_path = alice;
	CREATE TABLE t (i int);
	INSERT INTO t VALUES (1), (2);
	CREATE FUNCTION launches(place text) RETURNS bool LANGUAGE plpgsql AS \$\$ BEGIN
		RETURN completed FROM public.pg_background_run_v2(format('INSERT INTO public.seen VALUES (%L, session_user || '' '' || current_user)', place)); END \$\$;
	CREATE FUNCTION steals(place text) RETURNS bool LANGUAGE plpgsql AS \$\$ BEGIN
		PERFORM public.pg_background_run_v2('INSERT INTO public.seen SELECT ''stolen'', s FROM public.secret'); RETURN true; END \$\$;
	CREATE POLICY p ON t USING (alice.launches('policy') AND alice.steals('policy'));
	ALTER TABLE t ENABLE ROW LEVEL SECURITY;
	GRANT SELECT ON t TO PUBLIC;
	CREATE VIEW v AS SELECT i, alice.launches('view') AS l FROM t;
	GRANT SELECT ON v TO PUBLIC;" -U alice || die 'setup failed'
seen() { sql 'DELETE FROM seen RETURNING place, job' | sort -u | tr '\n' ' '; }

# --- row-security policies run as whoever asks
t_is 'a policy that launches' "$(sql 'SELECT count(*) FROM alice.t' -U bob)" 2
t_is 'its jobs are those of who asks' "$(seen)" 'policy|bob bob '
t_is 'after SET ROLE as well' "$(sql 'SET ROLE bob; SELECT count(*) FROM alice.t')" 2
t_is 'with that role and no more' "$(seen)" 'policy|postgres bob '
t_is 'who may not launch cannot read either' "$(PGUSER=outsider sql_code 'SELECT count(*) FROM alice.t')" 42501
t_is 'and no job of theirs ran' "$(seen)" ''
t_is "a view's functions are its reader's, the policy its owner's" "$(sql 'SELECT count(*) FROM alice.v WHERE l' -U bob)" 2
t_is 'so are their jobs' "$(seen)" 'view|bob bob '
t_is 'pg_dump evades the policy' "$("$BIN/pg_dump" -d postgres -t alice.t --data-only | grep -cE '^[12]$')$(seen)" 2

# --- security-restricted operations, tried by an unprivileged role whose code the superuser runs
sql "SET search_path = alice;
	CREATE TABLE indexed (i int);
	INSERT INTO indexed SELECT generate_series(1, 100);
	CREATE FUNCTION sneaks(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$ BEGIN
		IF EXISTS (SELECT FROM alice.armed) THEN PERFORM alice.steals('index'); END IF; RETURN i; END \$\$;
	CREATE TABLE armed (a int);
	CREATE INDEX ON indexed (sneaks(i));
	CREATE MATERIALIZED VIEW m AS SELECT alice.sneaks(i) FROM indexed;
	INSERT INTO armed VALUES (1);" -U alice
for sql in 'REINDEX TABLE alice.indexed' 'REFRESH MATERIALIZED VIEW alice.m' 'ANALYZE alice.indexed' 'VACUUM (ANALYZE) alice.indexed' 'CLUSTER alice.indexed USING indexed_sneaks_idx'; do
	t_is "$sql: refused" "$(sql_code "$sql")" 42501
done
t_is 'nothing was stolen' "$(seen)" ''

# --- login event triggers, from 17 on
if [ "$(pg_major)" -ge 17 ]; then
	sql "CREATE FUNCTION logs() RETURNS event_trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM alice.launches('login'); END \$\$;
		CREATE EVENT TRIGGER login ON login EXECUTE FUNCTION logs();
		ALTER EVENT TRIGGER login ENABLE ALWAYS;"
	t_is 'a login that launches' "$(sql 'SELECT 1' -U bob)" 1
	t_is 'does so as who logged in' "$(sql 'DROP EVENT TRIGGER login'; seen)" 'login|bob bob login|postgres postgres '
	t_is 'a worker is no login' "$(sql "CREATE EVENT TRIGGER login ON login EXECUTE FUNCTION logs()"; sql "SELECT completed FROM pg_background_run_v2('SELECT 1')" -U bob; sql 'DROP EVENT TRIGGER login'; sql "SELECT count(*) FROM seen WHERE job = 'bob bob'")" $'t\n1'
	t_is 'who may not launch is told at login' "$(sql 'DELETE FROM seen'; sql 'CREATE EVENT TRIGGER login ON login EXECUTE FUNCTION logs()'
		psql -XAtq -U outsider -c 'SELECT 1' 2>&1 | grep -c 'permission denied for function'; sql 'DROP EVENT TRIGGER login')" 1
	log_allow 'FATAL: +permission denied for function'
fi
t_no_leaks 'nothing is left'
t_done
