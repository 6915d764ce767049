#!/usr/bin/env bash
# Databases with the SQL objects of 1.11 and of 2.0 are dumped and restored where the default version is 2.1: what
# docs/MIGRATION.md says of it. And an extension that requires ours.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_init main && cluster_start main || die 'no server'
sql 'CREATE ROLE pgbackground_role NOLOGIN INHERIT; CREATE ROLE app LOGIN; CREATE ROLE member LOGIN IN ROLE pgbackground_role'

# What an application has made of either.
common='CREATE TABLE kept (job jobs.pg_background_handle, o jobs.pg_background_outcome);
INSERT INTO kept VALUES (ROW(1, -9007199254740993), ROW(1, 2, $$stopped$$, false, true, false, 3, $$INSERT$$, NULL, NULL, $$a$$, NULL));
CREATE VIEW running AS SELECT pid, label FROM jobs.pg_background_list WHERE state = $$running$$;
CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS $f$
    SELECT r.n FROM jobs.pg_background_launch_v2($$SELECT 42$$) AS h, LATERAL jobs.pg_background_result_v2(h.pid, h.cookie) AS r(n int) $f$;
GRANT USAGE ON SCHEMA jobs TO app, pgbackground_role;
GRANT EXECUTE ON FUNCTION jobs.pg_background_result_v2(int4, int8), jobs.pg_background_launch_v2(text, int4) TO app;'
for version in 1.11 2.0; do
	for name in old new; do sql "CREATE DATABASE $name"; done
	sql "CREATE SCHEMA jobs; CREATE EXTENSION pg_background SCHEMA jobs VERSION '$version'; $common" -d old || die "no $version"
	sql 'GRANT EXECUTE ON FUNCTION jobs.pg_background_launch(text, int4) TO app;
		CREATE TABLE counted (s jobs.pg_background_stats); INSERT INTO counted VALUES (jobs.pg_background_stats_v2())' -d old
	if [ "$version" = 1.11 ]; then
		sql 'CREATE VIEW waited AS SELECT jobs.pg_background_wait_v2_timeout(1, 2, 0) AS w' -d old
	else
		sql 'CREATE VIEW waited AS SELECT jobs.pg_background_wait(1, 2, 1) AS w;
			CREATE VIEW launched AS SELECT h.pid FROM jobs.pg_background_launch($$SELECT 1$$) AS h' -d old
	fi
	"$BIN/pg_dump" -d old >"$WORK/old.sql" 2>>"$WORK/log/dump.txt"
	t_is "$version: the dump names no version" "$(grep -c 'VERSION' <(grep 'CREATE EXTENSION' "$WORK/old.sql"))" 0
	errors=$(psql -Xq -d new -f "$WORK/old.sql" 2>&1 >/dev/null | grep ERROR | sed 's/.*ERROR: *//')
	# As documented: grants on functions that are made anew, and no other error.
	t_is "$version in 2.1: only such grants fail" "$errors" 'function jobs.pg_background_launch(text, integer) does not exist'
	t_is "$version in 2.1: the version" "$(sql "SELECT extversion FROM pg_extension WHERE extname = 'pg_background'" -d new)" 2.1
	t_is "$version in 2.1: values" "$(sql 'SELECT (job).cookie, (o).command_tag, (o).label FROM kept' -d new)" '-9007199254740993|INSERT|a'
	t_is "$version in 2.1: views" "$(sql 'SELECT count(*) FROM running' -d new)" 0
	t_is "$version in 2.1: functions" "$(sql 'SELECT answer()' -d new)" 42
	t_is "$version in 2.1: as one with a few grants" "$(sql 'SELECT answer()' -d new -U app)" 42
	t_is "$version in 2.1: as a member" "$(sql 'SELECT answer()' -d new -U member)" 42
	if [ "$version" = 2.0 ]; then
		t_is '2.0 in 2.1: a view that launches' "$(sql 'SELECT count(*) FROM launched' -d new)" 1
	else
		# The way that loses nothing.
		sql 'DROP DATABASE new' && sql 'CREATE DATABASE new'
		sql "CREATE SCHEMA jobs; CREATE EXTENSION pg_background SCHEMA jobs VERSION '1.11'" -d new
		t_is '1.11 in 1.11: nothing fails but what is there' "$(psql -Xq -d new -f "$WORK/old.sql" 2>&1 >/dev/null | grep ERROR | sed 's/.*ERROR: *//')" 'schema "jobs" already exists'
		t_sqlstate '1.11 updated: a column of a type that changes is in the way' 2BP01 '\c new' 'ALTER EXTENSION pg_background UPDATE'
		sql 'DROP TABLE counted' -d new
		t_is '1.11 updated' "$(sql 'ALTER EXTENSION pg_background UPDATE; SELECT answer()' -d new 2>&1)" 42
		t_is '1.11 updated: who had version 1 has its functions' "$(psql -XAtq -d new -U app -c 'SET search_path = jobs' \
			-c "SELECT r.n FROM pg_background_launch('SELECT 7') AS pid, pg_background_result_v2(pid.pid, pid.cookie) AS r(n int)")" 7
	fi
	sql 'DROP DATABASE old' && sql 'DROP DATABASE new'
done

# An extension that requires ours and finds it where it is; from 16 on by name.
if [ "$(pg_major)" -ge 16 ]; then
	cat >"$SHARE/extension/pgbg_user.control" <<-'CONTROL'
		comment = 'requires pg_background'
		default_version = '1.0'
		requires = 'pg_background'
		no_relocate = 'pg_background'
		relocatable = false
	CONTROL
	cat >"$SHARE/extension/pgbg_user--1.0.sql" <<-'SQL'
		CREATE FUNCTION audited(what text) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		BEGIN
		    RETURN (@extschema:pg_background@.pg_background_run(what, label => 'audit')).completed;
		END $$;
		CREATE TABLE pids (pid int4 DEFAULT @extschema:pg_background@.pg_background_launch('SELECT 5'));
		CREATE VIEW mine AS SELECT * FROM @extschema:pg_background@.pg_background_list;
	SQL
	sql 'CREATE DATABASE old'
	sql "CREATE SCHEMA \"odd jobs\"; CREATE EXTENSION pg_background SCHEMA \"odd jobs\"; CREATE EXTENSION pgbg_user" -d old || die 'no extension'
	t_is 'an extension that requires ours works' "$(sql "SELECT audited('SELECT 1')" -d old)" t
	t_is 'with process IDs, too' "$(psql -XAtq -d old -c 'INSERT INTO pids DEFAULT VALUES' -c 'SELECT r.n FROM pids, "odd jobs".pg_background_result(pid) AS r(n int)')" 5
	t_sqlstate 'ours cannot go while it is there' 2BP01 '\c old' 'DROP EXTENSION pg_background'
	t_sqlstate 'nor move' 0A000 '\c old' 'ALTER EXTENSION pg_background SET SCHEMA public'
	sql 'DROP DATABASE old'
	rm -f "$SHARE"/extension/pgbg_user*
fi
t_no_leaks 'nothing is left'
t_done
