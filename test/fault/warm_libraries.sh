#!/usr/bin/env bash
# A job may load a library and leave its worker to the next one, as long as the library changes nothing about what that does.
# What would last longer than its job, and is seen by others, ends with the job: replication slots, base backups, connections.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'pg_background.worker_idle_timeout = 1min' 'log_min_messages = error' 'wal_level = logical' 'max_wal_senders = 2' \
	'checkpoint_timeout = 1h'
sql "CREATE FUNCTION job(sql text) RETURNS text LANGUAGE sql AS \$\$ SELECT x FROM pg_background_run_query_v2(sql) AS (x text) \$\$"
has() { [ -e "$PKGLIB/$1.so" ] || [ -e "$PKGLIB/$1.dylib" ]; }

# stays NAME WANTED SQL: whether the worker that did the job does the next one; each time in a session that has nothing loaded.
stays() {
	t_is "$1" "$(psql -XAtq 2>&1 <<-SQL
		SELECT job('SELECT pg_backend_pid()') AS w \gset
		SELECT job(\$job\$$3\$job\$) \g /dev/null
		SELECT job('SELECT pg_backend_pid()') = :'w';
	SQL
	)" "$2"
}

# --- libraries
stays 'a library that does nothing by itself' t "LOAD 'dict_snowball'; SELECT ''"
for extension in pgcrypto:"digest('a', 'sha256')" hstore:"'a=>1'::hstore" uuid-ossp:'uuid_generate_v4()' citext:"'A'::citext" pg_trgm:"show_trgm('abc')" \
	ltree:"'a.b'::ltree" plpython3u: plperl:; do
	name=${extension%%:*} expression=${extension#*:}
	if sql "CREATE EXTENSION \"$name\"" 2>/dev/null; then
		case $name in
			plpython3u) sql "CREATE FUNCTION f_$name() RETURNS int LANGUAGE plpython3u AS 'return 1'"; expression="f_$name()" ;;
			plperl) sql "CREATE FUNCTION f_$name() RETURNS int LANGUAGE plperl AS 'return 1'"; expression="f_$name()" ;;
		esac
		stays "$name" t "SELECT $expression"
	else
		say "  skip  $name is not here"
	fi
done
if has auto_explain; then
	stays 'one with hooks' f "LOAD 'auto_explain'; SELECT ''"
	t_is 'what it does is not seen by the next job' "$(psql -XAtq 2>&1 <<-'SQL'
		SELECT job('LOAD ''auto_explain''; SET auto_explain.log_min_duration = 0; SELECT 1') \g /dev/null
		SET client_min_messages = log;
		SELECT job('SELECT 1');
	SQL
	)" 1
	# All of its settings are at their defaults, so that nothing else is new.
	t_is 'one that the session loads between two jobs' "$(psql -XAtq 2>&1 <<-'SQL'
		SELECT job('SELECT 1');
		LOAD 'auto_explain';
		SELECT job('SELECT count(*) FROM pg_settings WHERE name = ''auto_explain.log_analyze''');
	SQL
	)" $'1\n1'
fi
# A library of the worker's alone has a setting; the session has one of the same name that could not be given it.
if has pg_trgm; then
	t_is 'a setting of a library that the session has not loaded' "$(psql -XAtq 2>&1 <<-'SQL'
		SELECT job('SELECT show_trgm(''abc'')::text') \g /dev/null
		SET pg_trgm.similarity_threshold = 'no number';
		SELECT job('SELECT current_setting(''pg_trgm.similarity_threshold'')');
	SQL
	)" 'no number'
	t_is 'also where the session had set all that the library has' "$(psql -XAtq 2>&1 <<-'SQL'
		SET pg_trgm.similarity_threshold = 0.5;
		SET pg_trgm.word_similarity_threshold = 0.5;
		SET pg_trgm.strict_word_similarity_threshold = 0.5;
		SELECT job('SELECT show_trgm(''abc'')::text') \g /dev/null
		SET pg_trgm.similarity_threshold = 'no number';
		SELECT job('SELECT current_setting(''pg_trgm.similarity_threshold'')');
	SQL
	)" 'no number'
	t_is 'what a job gives it does not last' "$(psql -XAtq 2>&1 <<-'SQL'
		SELECT job('SELECT show_trgm(''abc'')::text') \g /dev/null
		SELECT job('SET pg_trgm.similarity_threshold = 0.9; SELECT current_setting(''pg_trgm.similarity_threshold'')');
		SELECT job('SELECT show_trgm(''abc'')::text') \g /dev/null
		SELECT job('SELECT current_setting(''pg_trgm.similarity_threshold'')');
	SQL
	)" $'0.9\n0.3'
fi

# PL/pgSQL, which the session may have, or its jobs alone.
t_is 'PL/pgSQL in a session that has it' "$(psql -XAtq 2>&1 <<-'SQL'
	DO 'BEGIN END';
	SELECT pid FROM pg_background_run_v2('DO $$ BEGIN PERFORM 1; END $$') \gset
	SET work_mem = '1MB';
	SELECT pid = :pid FROM pg_background_run_v2('DO $$ BEGIN PERFORM 2; END $$');
	SET plpgsql.check_asserts = off;
	SELECT pid = :pid, sqlstate FROM pg_background_run_v2('DO $$ BEGIN ASSERT false; END $$');
SQL
)" $'t\nt|'
t_is 'and in one that has not' "$(psql -XAtq 2>&1 <<-'SQL'
	SELECT job('SELECT 1; DO $$ BEGIN END $$; SELECT pg_backend_pid()') AS w \gset
	SELECT job('SELECT pg_backend_pid()') = :'w';
	SET plpgsql.check_asserts = 'no boolean';
	SELECT job('SELECT current_setting(''plpgsql.check_asserts'')');
SQL
)" $'t\nno boolean'
# Known by name before anybody loads it.
psql -XAtq -c "LOAD 'plpgsql'" -c "ALTER SYSTEM SET plpgsql.extra_warnings = 'all'"
cluster_reload main
psql -XAtq -c "LOAD 'plpgsql'" -c 'ALTER SYSTEM RESET plpgsql.extra_warnings'
cluster_reload main
t_is 'and where it was in the configuration once' "$(psql -XAtq 2>&1 <<-'SQL'
	DO 'BEGIN END';
	SELECT pid FROM pg_background_run_v2('DO $$ BEGIN PERFORM 1; END $$') \gset
	SELECT pid = :pid FROM pg_background_run_v2('DO $$ BEGIN PERFORM 2; END $$');
SQL
)" t

# --- what would last
slot="SELECT pg_create_physical_replication_slot('temporary', true, true)::text"
t_is 'a temporary replication slot is gone before the next job' "$(psql -XAtq 2>&1 <<-SQL
	SELECT job(\$job\$$slot\$job\$) \g /dev/null
	SELECT job('SELECT count(*)::text FROM pg_replication_slots');
	SELECT job(\$job\$$slot\$job\$) IS NOT NULL;
SQL
)" $'0\nt'
t_is 'after an error as well' "$(psql -XAtq 2>&1 <<-SQL
	SELECT sqlstate FROM pg_background_run_v2(\$job\$$slot; SELECT 1 / 0\$job\$);
	SELECT job('SELECT count(*)::text FROM pg_replication_slots');
SQL
)" $'22012\n0'
if [ "$(pg_major)" -ge 15 ]; then backup="pg_backup_start('b', true)"; else backup="pg_start_backup('b', true, false)"; fi
stays 'a base backup that was not stopped' f "SELECT $backup::text"
stop=pg_backup_stop
[ "$(pg_major)" -ge 15 ] || stop='pg_stop_backup'
t_is 'it cannot be stopped by the next job' "$(psql -XAtq 2>&1 <<-SQL
	SELECT job(\$job\$SELECT $backup::text\$job\$) \g /dev/null
	SELECT sqlstate FROM pg_background_run_v2('SELECT $stop()');
SQL
)" 55000
if sql 'CREATE EXTENSION dblink' 2>/dev/null; then
	connect="SELECT dblink_connect('left', 'host=$PGHOST port=$PGPORT dbname=postgres user=postgres')"
	stays "dblink's connection that has a name" f "$connect"
	stays 'one that was closed' t "$connect; SELECT dblink_disconnect('left')"
	t_is 'one that a failing job has left' "$(psql -XAtq 2>&1 <<-SQL
		SELECT job('SELECT pg_backend_pid()') AS w \gset
		SELECT sqlstate FROM pg_background_run_v2(\$job\$$connect; SELECT 1 / 0\$job\$);
		SELECT job('SELECT pg_backend_pid()') = :'w';
	SQL
	)" $'22012\nf'
	# The library is there in both processes from here on.
	t_is 'a failing job that left none' "$(psql -XAtq 2>&1 <<-SQL
		SELECT coalesce(dblink_get_connections()::text, 'none');
		SELECT job('SELECT pg_backend_pid()') AS w \gset
		SELECT sqlstate, pid = :'w' FROM pg_background_run_v2('SELECT 1 / 0');
		SELECT job('SELECT pg_backend_pid()') = :'w';
	SQL
	)" $'none\n22012|t\nt'
	t_is 'the next job has none' "$(psql -XAtq 2>&1 <<-SQL
		SELECT job(\$job\$$connect\$job\$) \g /dev/null
		SELECT coalesce(job('SELECT dblink_get_connections()::text'), 'none');
	SQL
	)" none
fi
t_no_leaks 'nothing is left'
t_done
