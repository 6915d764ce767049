#!/usr/bin/env bash
# A warm worker's next job has exactly the session's settings and identity as they are then, whatever session, job and
# configuration did to them meanwhile; and a thousand jobs leave no more memory behind than one.
. "$(dirname "$0")/../lib.sh"
suite_begin
options=()
[ ! -e "$SHARE/extension/pg_stat_statements.control" ] || options=("shared_preload_libraries = 'pg_stat_statements'")
cluster_new main 'pg_background.worker_idle_timeout = 1min' 'work_mem = 4MB' "${options[@]}"
sql "
	CREATE ROLE alice LOGIN SUPERUSER;
	CREATE ROLE bob;
	CREATE ROLE mallory;
	GRANT pgbackground_role TO bob, mallory;
	CREATE FUNCTION job(sql text) RETURNS text LANGUAGE plpgsql AS \$\$
		DECLARE r text; BEGIN SELECT * INTO r FROM pg_background_run_query_v2(sql) AS (r text); RETURN r; END \$\$;
	CREATE FUNCTION show(name text) RETURNS text LANGUAGE sql AS \$\$ SELECT job(format('SELECT current_setting(%L)', name)) \$\$;
	CREATE FUNCTION worker() RETURNS text LANGUAGE sql AS \$\$ SELECT job('SELECT pg_backend_pid()::text') \$\$;"

# same_worker NAME WANTED LINES [psql arguments]: the lines print what is wanted, with one and the same worker before and after.
same_worker() {
	local got
	got=$(psql -XAtq "${@:4}" 2>&1 <<-SQL
		SELECT worker() AS first \gset
		$3
		SELECT CASE WHEN worker() = :'first' THEN 'same worker' ELSE 'another worker' END;
	SQL
	)
	t_is "$1" "$got" "$2"$'\nsame worker'
}

# --- the session's settings
same_worker 'SET' 5MB "SET work_mem = '5MB';
	SELECT show('work_mem');"
same_worker 'SET and RESET' $'5MB\n4MB' "SET work_mem = '5MB';
	SELECT show('work_mem');
	RESET work_mem;
	SELECT show('work_mem');"
same_worker 'SET LOCAL, and its end' $'6MB\n7MB\n6MB\n4MB' "BEGIN;
	SET LOCAL work_mem = '6MB';
	SELECT show('work_mem');
	SAVEPOINT a;
	SET LOCAL work_mem = '7MB';
	SELECT show('work_mem');
	ROLLBACK TO a;
	SELECT show('work_mem');
	COMMIT;
	SELECT show('work_mem');"
same_worker 'SET rolled back' $'6MB\n4MB' "BEGIN;
	SET work_mem = '6MB';
	SELECT show('work_mem');
	ROLLBACK;
	SELECT show('work_mem');"
same_worker "a function's SET clause" $'9MB\n4MB' "CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET work_mem = '9MB' AS \$\$ SELECT public.show('work_mem') \$\$;
	SELECT pg_temp.f();
	SELECT show('work_mem');"
same_worker 'a custom setting' $'x\n' "SET my.x = 'x';
	SELECT show('my.x');
	RESET my.x;
	SELECT show('my.x');"
same_worker 'a setting with another of its values inside' $'a=b,c"\'d\na' "SET my.x = 'a=b,c\"''d';
	SELECT show('my.x');
	SET my.x = 'a';
	SELECT show('my.x');"
same_worker 'many settings at once, then none' $'4321|off|SQL, DMY|t\n4096|on|ISO, MDY|f' "
	SET work_mem = 4321; SET enable_seqscan = off; SET DateStyle = 'SQL, DMY'; SET my.long TO '$(printf 'x%.0s' {1..3000})';
	SELECT job('SELECT concat_ws(''|'', (SELECT setting FROM pg_settings WHERE name = ''work_mem''), current_setting(''enable_seqscan''), current_setting(''DateStyle''), length(current_setting(''my.long'', true)) = 3000)');
	RESET ALL;
	SELECT job('SELECT concat_ws(''|'', (SELECT setting FROM pg_settings WHERE name = ''work_mem''), current_setting(''enable_seqscan''), current_setting(''DateStyle''), length(current_setting(''my.long'', true)) = 3000)');"
t_is 'DISCARD ALL' "$(psql -XAtq 2>&1 <<-'SQL'
	SET work_mem = '5MB';
	SELECT worker() IS NULL AS ignored \gset
	DISCARD ALL;
	SELECT show('work_mem');
SQL
)" 4MB
same_worker 'read only, and not' $'on\noff\non\noff' "BEGIN READ ONLY;
	SELECT show('transaction_read_only');
	COMMIT;
	SELECT show('transaction_read_only');
	SET default_transaction_read_only = on;
	SELECT show('transaction_read_only');
	SET default_transaction_read_only = off;
	SELECT show('transaction_read_only');"
same_worker "the session's isolation level is not the job's" $'read committed\nserializable' "BEGIN ISOLATION LEVEL SERIALIZABLE;
	SELECT show('transaction_isolation');
	COMMIT;
	SET default_transaction_isolation = serializable;
	SELECT show('transaction_isolation');"
same_worker "the session's client encoding is not the job's" $'UTF8\nUTF8' "SET client_encoding = LATIN1;
	SELECT show('client_encoding');
	SET client_encoding = UTF8;
	SELECT show('client_encoding');"

# --- the job's settings
same_worker 'what a job sets is gone, the second time, too' $'4MB\n4MB' "SELECT job('SET work_mem = ''11MB'';SELECT ''''') \g /dev/null
	SELECT show('work_mem');
	SELECT job('SET work_mem = ''11MB'';SELECT ''''') \g /dev/null
	SELECT show('work_mem');"
same_worker 'what a job resets is back' 5MB "SET work_mem = '5MB';
	SELECT job('RESET work_mem;SELECT ''''') \g /dev/null
	SELECT show('work_mem');"
same_worker 'what job and session set is the session'"'"'s' 6MB "SELECT job('SET work_mem = ''11MB'';SELECT ''''') \g /dev/null
	SET work_mem = '6MB';
	SELECT show('work_mem');"
same_worker 'what a job sets to what the session sets afterwards' 11MB "SELECT job('SET work_mem = ''11MB'';SELECT ''''') \g /dev/null
	SET work_mem = '11MB';
	SELECT show('work_mem');"
same_worker 'what a job set LOCAL' 4MB "SELECT job('SET LOCAL work_mem = ''11MB'';SELECT ''''') \g /dev/null
	SELECT show('work_mem');"
same_worker 'RESET ALL in a job, then a custom setting' x "SET my.x = 'x';
	SELECT worker() IS NULL AS ignored \gset
	SELECT job('RESET ALL;SELECT ''''') \g /dev/null
	SELECT show('my.x');"
same_worker 'a job that is read only by its own will' off "SELECT job('SET default_transaction_read_only = on; SELECT ''''') \g /dev/null
	SELECT show('transaction_read_only');"
sql "CREATE FUNCTION breaks() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN RAISE internal_error; END \$\$"
for statement in 'SET my.new = 1' 'SET LOCAL my.new = 1' "SELECT set_config('my.new', '1', true)" 'SET ROLE bob' 'SET SESSION AUTHORIZATION bob' \
	'CREATE TEMPORARY TABLE tt (i int)' 'CREATE TEMPORARY TABLE tt ON COMMIT DROP AS SELECT 1' \
	'SET pg_background.worker_idle_timeout = 0' "SELECT pg_background_run_v2('SELECT 1')" 'SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(9)' \
	'SELECT breaks()'; do
	# Many times: the next job is there before or after the worker has tidied up.
	t_is "a worker does not stay after: $statement" "$(sql "
		CREATE TEMPORARY TABLE seen (a int, b int, new text);
		DO \$\$
		DECLARE a int; r record;
		BEGIN
			FOR i IN 1..10 LOOP
				SELECT pid INTO a FROM pg_background_run_v2(replace(\$q\$$statement\$q\$, 'my.new', 'my.new' || i));
				SELECT * INTO r FROM pg_background_run_query_v2(format('SELECT pg_backend_pid(), current_setting(%L, true)', 'my.new' || i)) AS (b int, new text);
				INSERT INTO seen VALUES (a, r.b, r.new);
			END LOOP;
		END \$\$;
		SELECT count(*) FILTER (WHERE a = b), count(new) FROM seen" 2>&1)" '0|0'
done

# --- the configuration
t_is 'ALTER ROLE SET is seen after reconnecting' "$(psql -XAtq <<'SQL'
SELECT show('work_mem');
ALTER ROLE postgres SET work_mem = '12MB';
SELECT show('work_mem');
\c -
SELECT show('work_mem');
ALTER ROLE postgres RESET work_mem;
\c -
SELECT show('work_mem');
SQL
)" $'4MB\n4MB\n12MB\n4MB'

session_open s
session_do s 'SELECT worker();' >/dev/null
cluster_reload main 'work_mem = 13MB'
t_ok 'idle workers leave when the configuration is reloaded' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
t_is 'a reload is seen by the next job as by the session' "$(session_do s "SHOW work_mem; SELECT show('work_mem');")" $'13MB\n13MB'
session_send s "DO \$\$ BEGIN RAISE WARNING '%', show('work_mem'); PERFORM pg_sleep(1); RAISE WARNING '% %', current_setting('work_mem'), show('work_mem'); END \$\$;"
sleep 0.5
cluster_reload main 'work_mem = 14MB'
session_sync s
t_is 'a reload in the middle of a statement is seen by neither' "$(session_output s | grep -o 'WARNING.*')" $'WARNING:  13MB\nWARNING:  13MB 13MB'
t_is 'and by both in the next' "$(session_do s "SHOW work_mem; SELECT show('work_mem');")" $'14MB\n14MB'
session_do s "SET work_mem = '3MB'; SELECT worker();" >/dev/null
cluster_reload main 'work_mem = 4MB'
t_is 'a reload does not undo SET' "$(session_do s "SELECT show('work_mem'); RESET work_mem; SELECT show('work_mem');")" $'3MB\n4MB'
session_close s

# --- identity
session_open s
session_do s "SET ROLE bob; SELECT worker(); SELECT job('SELECT current_user::text');" >/dev/null
sql 'ALTER ROLE bob RENAME TO bob_before'
sql 'ALTER ROLE mallory RENAME TO bob'
t_is 'a role whose name was given to another' "$(session_do s "SELECT current_user, job('SELECT concat_ws('','', session_user, current_user)');")" 'bob_before|postgres,bob_before'
t_is 'the same after settings have changed' "$(session_do s "SET work_mem = '5MB';
	SELECT job('SELECT concat_ws('','', session_user, current_user, current_setting(''work_mem''))');")" 'postgres,bob_before,5MB'
session_do s "RESET ROLE; SET SESSION AUTHORIZATION bob_before; SELECT worker();" >/dev/null
sql 'ALTER ROLE bob RENAME TO mallory'
sql 'ALTER ROLE bob_before RENAME TO bob'
sql 'ALTER ROLE mallory RENAME TO bob_before'
t_is "a session user whose name was given to another" "$(session_do s "SET work_mem = '6MB';
	SELECT session_user, job('SELECT concat_ws('','', session_user, current_user, current_setting(''work_mem''), current_setting(''is_superuser''))');")" 'bob|bob,bob,6MB,off'
session_do s 'RESET SESSION AUTHORIZATION; RESET ROLE;' >/dev/null
t_is 'and back' "$(session_do s "SELECT job('SELECT concat_ws('','', session_user, current_user, current_setting(''is_superuser''))');")" 'postgres,postgres,on'
session_close s

# --- the statistics of statements: a job's statements are not another's inner ones
if [ ${#options[@]} -gt 0 ]; then
	t_is 'statements of the second job are at top level' "$(psql -XAtq 2>&1 <<'SQL'
CREATE EXTENSION pg_stat_statements;
SET pg_stat_statements.track = 'all';
-- An entry shows the text of whoever came first, and names of columns make no difference: forget every SELECT 1 so far.
SELECT pg_stat_statements_reset() \g /dev/null
DO $$ BEGIN FOR i IN 1..20 LOOP
	PERFORM pg_background_run_v2('DO $d$ BEGIN BEGIN PERFORM 1/0; EXCEPTION WHEN OTHERS THEN NULL; END; PERFORM count(*) FROM (SELECT ''probe inner'') s; END $d$');
	PERFORM pg_background_run_v2('SELECT 1 AS probe_outer');
END LOOP; END $$;
SELECT toplevel, calls FROM pg_stat_statements WHERE query LIKE '%probe_outer%' AND query NOT LIKE '%pg_stat%' AND query NOT LIKE '%LOOP%';
SQL
)" 't|20'
fi

# --- memory
session_open s
memory() { # of the worker, of the session
	session_do s "SELECT * FROM (SELECT job('SELECT sum(total_bytes)::text FROM pg_backend_memory_contexts WHERE name NOT LIKE ''%Message%'' AND name NOT IN (''CacheMemoryContext'', ''index info'')')) w,
		(SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name LIKE 'pg_background%') s;"
}
session_do s "SELECT worker();" >/dev/null
burst() {
	session_do s "DO \$\$ DECLARE p int; c int8; BEGIN FOR i IN 1..$1 LOOP
		PERFORM pg_background_run_v2('SELECT ' || i);
		PERFORM show('my.x') FROM set_config('my.x', repeat('x', i % 50 * 100), false);
		PERFORM job('SET work_mem = 1000; SELECT ''''');
		SELECT pid, cookie INTO p, c FROM pg_background_submit_v2('SELECT generate_series(1, 100)');
		PERFORM pg_background_wait_v2(p, c);
		PERFORM pg_background_detach_v2(p, c);
		PERFORM job('PREPARE q AS SELECT 1; SELECT pg_advisory_lock(1)::text');
		SELECT pid, cookie INTO p, c FROM pg_background_launch_v2('SELECT generate_series(1, 10000)');
		PERFORM count(*) FROM pg_background_result_v2(p, c) AS (i int);
	END LOOP; END \$\$;" >/dev/null
}
burst 30
first=$(session_do s 'SELECT worker();')
before=$(memory)
burst 100
after=$(memory)
t_is 'many jobs on one worker' "$(session_do s 'SELECT worker();')" "$first"
t_ok "the worker's memory does not grow: $before, $after" test $((${after%|*} - ${before%|*})) -lt 65536
t_ok "nor the session's" test $((${after#*|} - ${before#*|})) -lt 32768
session_close s
t_no_leaks 'nothing is left'
t_done
