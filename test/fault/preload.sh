#!/usr/bin/env bash
# What a session has loaded sees its jobs as well: an auditing library cannot be evaded by launching. And what a job loads,
# or does to its temporary tables, the next one never sees.
. "$(dirname "$0")/../lib.sh"
suite_begin
log_allow 'FATAL: +terminating background worker'
cluster_init main 'max_connections = 20' 'log_statement = none'
if [ -e "$PKGLIB/auto_explain.so" ] || [ -e "$PKGLIB/auto_explain.dylib" ]; then
	cluster_conf main 'session_preload_libraries = auto_explain' 'auto_explain.log_min_duration = 0' 'auto_explain.log_nested_statements = off'
	explain=1
else
	say '  no auto_explain here'
	explain=
fi
cluster_start main
sql 'CREATE EXTENSION pg_background'
log=$(cluster_log main)
# explained TEXT: how many plans of jobs with that text auto_explain has logged.
explained() { grep -A 1 '] pg_background .*LOG:  duration: .*plan:' "$log" | grep -c "Query Text: .*$1"; }

if [ -n "$explain" ]; then
	sql "SELECT pg_background_run_v2('SELECT ''seen cold''')" >/dev/null
	t_is 'auto_explain of session_preload_libraries sees a job' "$(explained 'seen cold')" 1
	sql "SELECT count(pg_background_run_v2('SELECT ''seen warm''')) FROM generate_series(1, 5) g" >/dev/null
	t_is 'and jobs on warm workers' "$(explained 'seen warm')" 5
	sql "SELECT pg_background_run_v2('SELECT ''one of two''; SELECT ''two of two''')" >/dev/null
	t_is 'each statement of a job' "$(explained 'of two')" 2
	sql 'CREATE ROLE anybody LOGIN IN ROLE pgbackground_role'
	psql -XAtq -U anybody -c "SELECT pg_background_run_v2('SELECT ''by anybody''')" >/dev/null
	t_is 'of an ordinary user' "$(explained 'by anybody')" 1
	t_is 'who cannot turn it off for a job' "$(psql -XAtq -U anybody -c "SELECT sqlstate FROM pg_background_run_v2('SET auto_explain.log_min_duration = -1; SELECT 1')")" 42501
	sql "SELECT pg_background_submit_v2('SELECT ''submitted''')" >/dev/null
	wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
	t_is 'a submitted job, too' "$(explained submitted)" 1
	# For one role only, by ALTER ROLE; the worker takes it over from the session that has it.
	cluster_reload main "session_preload_libraries = ''"
	sql 'ALTER ROLE anybody SET session_preload_libraries = auto_explain; ALTER ROLE anybody SET auto_explain.log_min_duration = 0' 2>/dev/null
	psql -XAtq -U anybody -c "SELECT pg_background_run_v2('SELECT ''audited role''')" >/dev/null
	t_is 'by ALTER ROLE' "$(explained 'audited role')" 1
	psql -XAtq -c "LOAD 'auto_explain'" -c 'SET auto_explain.log_min_duration = 0' -c "SELECT pg_background_run_v2('SELECT ''loaded by hand''')" >/dev/null
	t_is 'by LOAD' "$(explained 'loaded by hand')" 1
	psql -XAtq -c "LOAD 'auto_explain'" -c 'SET auto_explain.log_min_duration = 0' -c "LOAD 'plpgsql'" -c "SELECT pg_background_run_v2('SELECT ''beside PL/pgSQL''')" >/dev/null
	t_is 'where PL/pgSQL waits for a job that could miss it' "$(explained 'beside PL/pgSQL')" 1
	for libraries in 'auto_explain plpgsql' 'plpgsql auto_explain'; do
		t_is "those before and behind PL/pgSQL: $libraries" "$(psql -XAtq -c "LOAD '${libraries% *}'" -c "LOAD '${libraries#* }'" -c "SELECT n FROM pg_background_run_query('
			SELECT DISTINCT split_part(name, ''.'', 1) FROM pg_settings WHERE name ~ ''^(auto_explain|plpgsql)\.'' ORDER BY 1') AS (n text)")" $'auto_explain\nplpgsql'
	done
	# Loaded by a job: its worker takes no other.
	t_is 'what a job loads is for that job alone' "$(sql "SELECT count(DISTINCT pid) FROM (SELECT (pg_background_run_v2(CASE g WHEN 1 THEN 'LOAD ''auto_explain''; SELECT 1' ELSE 'SELECT ''after a LOAD''' END)).pid FROM generate_series(1, 2) g OFFSET 0) x")" 2
fi

# Whose _PG_init sees nothing of a job has none: such a library is there once it is needed.
if [ -r /proc/self/maps ]; then
	t_is 'a library in which the server calls nothing is not loaded in vain, and the others are' "$(psql -XAtq 2>&1 <<-'SQL'
		LOAD 'dict_snowball';
		LOAD 'plpgsql';
		SET plpgsql.check_asserts = off;
		SELECT * FROM pg_background_run_query_v2($$ SELECT pg_read_file('/proc/self/maps') ~ 'dict_snowball', pg_read_file('/proc/self/maps') ~ 'plpgsql' $$) AS (a bool, b bool);
		SELECT * FROM pg_background_run_query_v2($$ SELECT to_tsvector('english', 'needed')::text, pg_read_file('/proc/self/maps') ~ 'dict_snowball' $$) AS (a text, b bool);
	SQL
	)" $'f|t\n\'need\':1|t'
else
	say '  no /proc here to tell which libraries a process has'
fi

# Temporary tables, with temp_buffers set, which cannot be set any more once they are in use.
psql -XAtq >"$WORK/log/temp.out" 2>&1 <<'SQL'
\set VERBOSITY sqlstate
SET temp_buffers = '2MB';
SET pg_background.worker_idle_timeout = '1min';
SELECT 1, sqlstate FROM pg_background_run_v2('CREATE TEMP TABLE x AS SELECT g FROM generate_series(1, 1000) g; SELECT count(*) FROM x');
SELECT 2, sqlstate FROM pg_background_run_v2('SELECT * FROM x');
SET temp_buffers = '4MB';
SELECT 3, sqlstate FROM pg_background_run_v2('CREATE TEMP TABLE x AS SELECT 1');
SELECT 4, * FROM pg_background_run_query_v2('SHOW temp_buffers', col_def => 'b text') AS (b text);
CREATE TEMP TABLE mine AS SELECT 1;
SELECT 5, sqlstate FROM pg_background_run_v2('SELECT * FROM mine');
SELECT 6, sqlstate FROM pg_background_run_v2('CREATE TEMP TABLE x AS SELECT 1; DISCARD TEMP');
SELECT 7, sqlstate FROM pg_background_run_v2('SET temp_buffers = ''8MB''; CREATE TEMP TABLE y AS SELECT 1');
SELECT 8, sqlstate FROM pg_background_run_v2('SELECT 1 FROM pg_background_run_v2(''CREATE TEMP TABLE z AS SELECT 1'')');
SQL
t_is 'temporary tables stay in their job' "$(cat "$WORK/log/temp.out")" '1|
2|42P01
3|
4|4MB
5|42P01
6|
7|
8|'
t_is 'none is left' "$(wait_until "SELECT count(*) = 0 FROM pg_class WHERE relpersistence = 't'")" ''
t_no_leaks 'nothing is left'
t_done
