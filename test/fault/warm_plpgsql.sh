#!/usr/bin/env bash
# A warm worker that has done without PL/pgSQL goes on when that has come, when its session has other settings of PL/pgSQL's, and when it could not come.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'pg_background.worker_idle_timeout = 1min' 'max_worker_processes = 16'
sql "
	CREATE FUNCTION inlined() RETURNS text LANGUAGE sql AS \$\$ SELECT current_setting('plpgsql.check_asserts', true) \$\$;
	CREATE TABLE guarded (x text);
	CREATE FUNCTION guards() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN NEW.x := current_setting('plpgsql.check_asserts'); RETURN NEW; END \$\$;
	CREATE TRIGGER guards BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION guards();
	CREATE TABLE ordinary (x text);
	CREATE FUNCTION writes() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RETURN NEW; END \$\$;
	CREATE TRIGGER writes BEFORE INSERT ON ordinary FOR EACH ROW EXECUTE FUNCTION writes();
	CREATE FUNCTION does() RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN RETURN current_setting('plpgsql.check_asserts'); END \$\$"

if [ -r /proc/self/maps ]; then
	t_is 'a worker that has done jobs before its session had it gets it at once' "$(psql -XAtq 2>&1 <<-'SQL'
		SELECT pid FROM pg_background_run_v2('SELECT 1') \gset
		LOAD 'plpgsql';
		SELECT * FROM pg_background_run_query($$ SELECT pg_backend_pid(), pg_read_file('/proc/self/maps') ~ '/plpgsql\.' $$) AS (w int, there bool) \gset
		SELECT :w = :pid, :'there';
	SQL
	)" 't|t'
	t_is 'one that has done without goes on, also with other settings' "$(psql -XAtq 2>&1 <<-'SQL'
		LOAD 'plpgsql';
		SELECT pid FROM pg_background_run_v2('SELECT 1') \gset
		SET work_mem = '1MB';
		SELECT * FROM pg_background_run_query($$ SELECT pg_backend_pid(), pg_read_file('/proc/self/maps') ~ '/plpgsql\.' $$) AS (w int, there bool) \gset
		SELECT :w = :pid, :'there';
	SQL
	)" 't|f'
fi
t_is 'a worker that has done without finds what the session sets' "$(psql -XAtq 2>&1 <<-'SQL'
	LOAD 'plpgsql';
	SELECT pid FROM pg_background_run_v2('SELECT 1') \gset
	SET plpgsql.check_asserts = off;
	SELECT * FROM pg_background_run_query('SELECT pg_backend_pid(), current_setting(''plpgsql.check_asserts'')') AS (w int, x text) \gset
	SELECT :w = :pid, :'x';
	RESET plpgsql.check_asserts;
	SELECT * FROM pg_background_run_query('SELECT pg_backend_pid(), current_setting(''plpgsql.check_asserts'')') AS (w int, x text) \gset
	SELECT :w = :pid, :'x';
SQL
)" $'t|off\nt|on'
t_is 'a session that loads it later' "$(psql -XAtq 2>&1 <<-'SQL'
	SELECT pid FROM pg_background_run_v2('SELECT 1') \gset
	SELECT x IS NULL FROM pg_background_run_query('SELECT current_setting(''plpgsql.check_asserts'', true)') AS (x text);
	LOAD 'plpgsql';
	SELECT * FROM pg_background_run_query('SELECT pg_backend_pid(), current_setting(''plpgsql.check_asserts'')') AS (w int, x text) \gset
	SELECT :w = :pid, :'x';
SQL
)" $'t\nt|on'
# stays NAME JOB: whether a worker that has done without does the job, and others after that, also with other settings.
stays() {
	t_is "a worker stays $1" "$(psql -XAtq 2>&1 <<-SQL
		SET client_min_messages = error;
		LOAD 'plpgsql';
		SELECT pid FROM pg_background_run_v2('SELECT 1') \gset
		SELECT pid = :pid, has_error FROM pg_background_run_v2('$2');
		SET work_mem = '1MB';
		SELECT pid = :pid, has_error FROM pg_background_run_v2('$2');
	SQL
	)" $'t|f\nt|f'
}
stays 'with a trigger in PL/pgSQL' 'INSERT INTO ordinary VALUES (NULL)'
stays "with one that has somebody's rights" 'INSERT INTO guarded VALUES (NULL)'
stays 'with a function' 'SELECT does()'
stays 'with SHOW' 'SHOW plpgsql.check_asserts'

# --- an error on the way
library=$(ls "$PKGLIB"/plpgsql.*)
session_open b
session_do b "LOAD 'plpgsql'; SELECT pid FROM pg_background_run_v2('SELECT 1') \\gset" >/dev/null
mv "$library" "$library.away"
missed=$(session_do b "SELECT 'missed', pid = :pid, sqlstate FROM pg_background_run_v2('SELECT inlined()');
	SELECT 'not missed', pid = :pid, completed FROM pg_background_run_v2('SELECT 2');")
mv "$library.away" "$library"
t_is 'a library that is not there fails the job that could miss it, and no other' "$missed" $'missed|t|58P01\nnot missed|t|t'
t_is 'when it is back, it is found' "$(session_do b "SELECT w = :pid, x FROM pg_background_run_query('SELECT pg_backend_pid(), inlined()') AS (w int, x text);")" 't|on'
session_close b

# --- what the configuration has and PL/pgSQL has not
cluster_conf main 'plpgsql.nothing = 1'
cluster_restart main
stays 'where the configuration has something that PL/pgSQL has not' 'SELECT does()'
t_no_leaks 'nothing is left'
t_done
