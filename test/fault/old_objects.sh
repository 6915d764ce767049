#!/usr/bin/env bash
# The library under the SQL objects of older versions, not updated yet: everything they declare works; and ALTER EXTENSION
# UPDATE under a session that has jobs disturbs none.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_init main && cluster_start main || die 'no server'

# since VERSION FIRST: whether VERSION is FIRST or later
since() { [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
job="SELECT pid, cookie FROM pg_background_launch_v2('SELECT 6 * 7') \\gset"
wait="SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null"
detach="SELECT pg_background_detach_v2(:pid, :cookie) \\g /dev/null"
list='pid int4, cookie int8, launched_at timestamptz, user_id oid, queue_size int4, state text, sql_preview text, last_error text, consumed bool'

for version in 1.6 1.7 1.8 1.9 1.10; do
	sql "CREATE DATABASE old; " && PGDATABASE=old
	sql "CREATE EXTENSION pg_background VERSION '$version'" || die "no $version"
	session_open s -v VERBOSITY=sqlstate
	is() { t_is "$version: $1" "$(session_do s "$2")" "$3"; }
	is 'version 1' 'SELECT pg_background_launch($$SELECT 1$$) AS v1 \gset
SELECT * FROM pg_background_result(:v1) AS (n int4);
SELECT pg_background_launch($$SELECT 1$$) AS v1 \gset
SELECT pg_background_detach(:v1) \g /dev/null
SELECT * FROM pg_background_result(:v1) AS (n int4);' $'1\nERROR:  42704'
	is 'launch, wait, result' "$job
$wait
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);" 42
	is 'submit, the list, detach' "SELECT pid, cookie FROM pg_background_submit_v2('SELECT 1/0') \\gset
$wait
SELECT pid = :pid, cookie = :cookie, state, last_error FROM pg_background_list_v2() AS ($list);
$detach
SELECT count(*) FROM pg_background_list_v2() AS ($list);" $'t|t|error|division by zero\n0'
	is 'cancel' "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \\gset
SELECT pg_background_cancel_v2(:pid, :cookie) \\g /dev/null
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n text);
$detach" 'ERROR:  57014'
	if since "$version" 1.8; then
		is 'cancel with grace, wait with a time-out' "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)') \\gset
SELECT pg_background_wait_v2_timeout(:pid, :cookie, 0);
SELECT pg_background_cancel_v2_grace(:pid, :cookie, 60000) \\g /dev/null
SELECT pg_background_wait_v2_timeout(:pid, :cookie, 60000);
$detach" $'f\nt'
		is 'progress' "SELECT pid, cookie FROM pg_background_submit_v2('SELECT pg_background_progress(50, ''half'')') \\gset
$wait
SELECT * FROM pg_background_get_progress_v2(:pid, :cookie);
$detach" '50|half'
		is 'statistics' 'SELECT workers_completed > 2, workers_failed, workers_canceled, workers_active, avg_execution_ms > 0, max_workers FROM pg_background_stats_v2();' 't|1|2|0|t|16'
	fi
	if since "$version" 1.9; then
		is 'labels' "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)', 0, 'a label') \\gset
SELECT label FROM pg_background_list_v2() AS ($list, label text);
SELECT pg_background_cancel_v2(:pid, :cookie) \\g /dev/null
$wait
$detach" 'a label'
		is 'what came of it' "SELECT pid, cookie FROM pg_background_submit_v2('SELECT 1/0') \\gset
$wait
SELECT has_error FROM pg_background_result_info_v2(:pid, :cookie);
$detach" t
	fi
	# Its columns were others, in another order.
	if [ "$version" = 1.9 ]; then
		is 'the outcome' "SELECT pid, cookie FROM pg_background_submit_v2('SELECT 1/0') \\gset
$wait
SELECT pid = :pid, state, completed, has_error, sqlstate, error_message, launched_at <= now() FROM pg_background_outcome_v2(:pid, :cookie);
$detach" 't|error|t|t|22012|division by zero|t'
	fi
	if since "$version" 1.10; then
		is 'its error, its SQL, all at a time' "SELECT pid, cookie FROM pg_background_submit_v2('SELECT 1/0', 0, 'last') \\gset
$wait
SELECT sqlstate, message FROM pg_background_error_info_v2(:pid, :cookie);
SELECT pg_background_full_sql_v2(:pid, :cookie), (SELECT label FROM pg_background_list);
SELECT pg_background_cancel_all_v2(), pg_background_purge_v2(), pg_background_detach_all_v2();" $'22012|division by zero\nSELECT 1/0|last\n0|1|0'
	fi
	is 'updated under a job' "SELECT pid, cookie FROM pg_background_launch_v2('SELECT 42 FROM pg_sleep(0.2)') \\gset
ALTER EXTENSION pg_background UPDATE;
SELECT state IN ('starting', 'running', 'stopped') FROM pg_background_outcome_v2(:pid, :cookie);
SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int4);
SELECT completed FROM pg_background_run_v2('SELECT 1');" $'t\n42\nt'
	session_close s
	export PGDATABASE=postgres
	wait_until 'SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = $$old$$'
	sql 'DROP DATABASE old'
done

# Version 2.0 has other names, whose symbols mean other declarations than those of 1.x: labels, handles, time-outs.
sql 'CREATE DATABASE old; ' && PGDATABASE=old
sql "CREATE EXTENSION pg_background VERSION '2.0'" || die 'no 2.0'
session_open s -v VERBOSITY=sqlstate
is() { t_is "2.0: $1" "$(session_do s "$2")" "$3"; }
for v in '' _v2; do
	is "launch$v, wait, result" "SELECT pid, cookie FROM pg_background_launch$v('SELECT 6 * 7') \\gset
SELECT pg_background_wait$v(:pid, :cookie), pg_background_wait$v(:pid, :cookie, -1);
SELECT * FROM pg_background_result$v(:pid, :cookie) AS (n int4);" $'t|t\n42'
	is "launch$v with a label, the list" "SELECT pid, cookie FROM pg_background_launch$v('SELECT pg_sleep(600)', 0, 'a label') \\gset
SELECT pg_background_wait$v(:pid, :cookie, 1);
SELECT cookie = :cookie, label FROM pg_background_list$v() AS ($list, label text);
SELECT pg_background_cancel$v(:pid, :cookie, 60000) \\g /dev/null
SELECT state, sqlstate, label FROM pg_background_outcome$v(:pid, :cookie);
SELECT pg_background_detach$v(:pid, :cookie) \\g /dev/null" $'f\nt|a label\ncanceled|57014|a label'
	is "submit$v, what came of it" "SELECT pid, cookie FROM pg_background_submit$v('SELECT pg_background_report_progress(50, ''half''); SELECT 1/0', 0, NULL) \\gset
SELECT pg_background_wait$v(:pid, :cookie) \\g /dev/null
SELECT * FROM pg_background_get_progress$v(:pid, :cookie);
SELECT has_error FROM pg_background_result_info$v(:pid, :cookie);
SELECT sqlstate, message FROM pg_background_error_info$v(:pid, :cookie);
SELECT pg_background_full_sql$v(:pid, :cookie) LIKE '%1/0';
SELECT pg_background_get_progress$v(NULL, 1) IS NULL;
SELECT pg_background_cancel_all$v(), pg_background_purge$v(), pg_background_detach_all$v();" $'50|half\nt\n22012|division by zero\nt\nt\n0|1|0'
	is "run$v, in time and not" "SELECT state, completed, row_count, timed_out FROM pg_background_run$v('SELECT 1');
SELECT state, has_error, sqlstate, timed_out FROM pg_background_run$v('SELECT pg_sleep(600)', timeout_ms => 1);" $'stopped|t|1|f\ncanceled|t|57014|t'
	is "run_query$v" "SELECT * FROM pg_background_run_query$v('SELECT 7, ''a''', col_def => 'n int4, t text') AS (n int4, t text);" '7|a'
	is "drain$v, wait_any$v" "SELECT state FROM pg_background_drain$v(ARRAY[pg_background_launch$v('SELECT 1'), pg_background_launch$v('SELECT 2')]);
SELECT pg_background_wait_any$v(ARRAY[pg_background_launch$v('SELECT 1')]) IS NOT NULL, pg_background_purge$v();" $'stopped\nstopped\nt|1'
done
is 'statistics, time-outs apart' 'SELECT workers_completed, workers_failed, workers_canceled, workers_timed_out, workers_active, max_workers FROM pg_background_stats();' '12|2|2|2|0|16'
is 'STRICT there: NULL is no job' "SELECT pg_background_launch(NULL) IS NULL, pg_background_submit_v2(NULL, 0) IS NULL;" 't|t'
is 'updated under a job' "SELECT pid, cookie FROM pg_background_launch('SELECT 42 FROM pg_sleep(0.2)') \\gset
ALTER EXTENSION pg_background UPDATE;
SELECT state IN ('starting', 'running', 'stopped') FROM pg_background_outcome(:pid, :cookie);
SELECT * FROM pg_background_result(ROW(:pid, :cookie)) AS (n int4);
SELECT completed FROM pg_background_run('SELECT 1', label => 'named');" $'t\n42\nt'
session_close s
export PGDATABASE=postgres
wait_until 'SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = $$old$$'
sql 'DROP DATABASE old'

# A row type that somebody changed, or of a version that is not there yet: an error, never a value taken for another, and
# before anything is launched.
sql 'CREATE EXTENSION pg_background; CREATE TABLE launched (by text)'
# refused CHANGE CALL: after that change of a type.
# Newer minor releases alter no row type that a function's body of SQL uses.
bodies="DO \$\$
DECLARE f regprocedure;
BEGIN
	FOR f IN SELECT p.oid FROM pg_proc p WHERE prosqlbody IS NOT NULL AND proname LIKE 'pg\\_background%' LOOP
		EXECUTE format('ALTER EXTENSION pg_background DROP FUNCTION %s; DROP FUNCTION %s', f, f);
	END LOOP;
END \$\$"
refused() {
	t_sqlstate "$1: $2" 42804 "$bodies" "ALTER TYPE $1" "SELECT pg_background_$2"
	sql 'DROP EXTENSION pg_background' && sql 'CREATE EXTENSION pg_background'
}
for change in 'ALTER ATTRIBUTE pid TYPE text' 'RENAME ATTRIBUTE state TO states' 'ADD ATTRIBUTE more text'; do
	refused "pg_background_outcome $change" 'outcome_v2(1, 1)'
	refused "pg_background_outcome $change" 'drain(ARRAY[pg_background_submit($$SELECT 1$$)])'
done
insert='$$INSERT INTO launched VALUES (current_query())$$'
for change in 'RENAME ATTRIBUTE pid TO process' 'ADD ATTRIBUTE more text' 'ALTER ATTRIBUTE cookie TYPE text'; do
	for call in "launch($insert)" "launch_v2($insert)" "submit($insert)" "submit_v2($insert, 0, NULL)"; do
		refused "pg_background_handle $change" "$call"
	done
	refused "pg_background_handle $change" 'wait_any(ARRAY[]::pg_background_handle[])'
done
refused 'pg_background_run_result ALTER ATTRIBUTE pid TYPE text' "run($insert)"
# A type that was looked at before, and would look the same but for names; and one that two functions return.
session_open s -v VERBOSITY=sqlstate
found() { session_do s "SELECT state FROM pg_background_run('SELECT 1');"; }
t_is 'called before' "$(found)$(found)" stoppedstopped
sql "$bodies" && sql 'ALTER TYPE pg_background_run_result RENAME ATTRIBUTE state TO states'
t_is 'an attribute renamed since' "$(session_do s "SELECT states FROM pg_background_run($insert);")" 'ERROR:  42804'
sql 'ALTER TYPE pg_background_run_result RENAME ATTRIBUTE states TO state'
t_is 'and renamed back' "$(found)" stopped
sql "CREATE TYPE pair AS (row_count int8, command_tag text);
CREATE FUNCTION pair_of_run(text, int4, int4, text) RETURNS pair LANGUAGE C AS '\$libdir/pg_background', 'pg_background_run_v2';
CREATE FUNCTION pair_of_info(int4, int8) RETURNS pair LANGUAGE C AS '\$libdir/pg_background', 'pg_background_result_info_v2'"
t_is 'one type, two functions' "$(session_do s "SELECT pid, cookie FROM pg_background_launch('SELECT') \\gset
SELECT pg_background_wait(ROW(:pid, :cookie)::pg_background_handle) \\g /dev/null
SELECT * FROM pair_of_run('SELECT 7', 0, 0, NULL);
SELECT * FROM pair_of_info(:pid, :cookie);")" $'1|SELECT 1\n1|SELECT 1'
session_close s
sql 'DROP TYPE pair CASCADE; DROP EXTENSION pg_background' 2>/dev/null && sql 'CREATE EXTENSION pg_background'
# Altered once the executor has found out what it expects, and known here by when the function is called.
sql "$bodies"
session_open s -v VERBOSITY=sqlstate
session_do s "BEGIN;
DECLARE c CURSOR FOR SELECT * FROM pg_background_launch($insert);"
sql 'ALTER TYPE pg_background_handle ADD ATTRIBUTE more text'
t_is 'altered under a cursor' "$(session_do s 'LOCK TABLE launched;
FETCH c;')" 'ERROR:  42804'
sql 'ALTER TYPE pg_background_handle DROP ATTRIBUTE more'
session_do s "ROLLBACK; BEGIN;
DECLARE c CURSOR FOR SELECT * FROM pg_background_launch($insert);"
sql 'ALTER TYPE pg_background_handle ADD ATTRIBUTE more text' && sql 'ALTER TYPE pg_background_handle DROP ATTRIBUTE more'
t_is 'altered, and altered back' "$(session_do s 'LOCK TABLE launched;
FETCH c;')" 'ERROR:  42804'
session_close s
sql 'DROP EXTENSION pg_background' && sql 'CREATE EXTENSION pg_background'
t_is 'nothing was launched by any of them' "$(sql 'SELECT pg_sleep(0.3)'; sql 'SELECT by FROM launched')" ''
# A handle as an argument, whose type has lost a column.
sql 'ALTER TYPE pg_background_handle DROP ATTRIBUTE cookie'
t_sqlstate 'a handle without a cookie' 42804 'SELECT pg_background_wait(ROW(1)::pg_background_handle)'
t_sqlstate 'an array of such' 42804 'SELECT pg_background_drain(ARRAY[ROW(1)]::pg_background_handle[])'
sql 'DROP EXTENSION pg_background' && sql 'CREATE EXTENSION pg_background'
# What was added and is gone again does no harm, at either end.
for type in handle outcome run_result stats result_info; do
	sql "ALTER TYPE pg_background_$type ADD ATTRIBUTE more text; ALTER TYPE pg_background_$type DROP ATTRIBUTE more"
done
sql 'ALTER TYPE pg_background_outcome DROP ATTRIBUTE command_tag'
t_is 'attributes dropped again' "$(sql 'SELECT (pg_background_run($$SELECT 1$$)).row_count, (pg_background_stats()).workers_completed,
	(SELECT state FROM pg_background_drain(ARRAY[pg_background_launch($$SELECT 1$$)]))')" '1|1|stopped'
t_is 'and in arguments' "$(sql 'SELECT h.* FROM pg_background_launch($$SELECT 5$$) AS l, pg_background_wait(l), pg_background_result(l) AS h(n int)')" 5
t_is 'a job that has everything looked up anew' "$(sql "SELECT (pg_background_run('CREATE PUBLICATION everything FOR ALL TABLES')).state" 2>/dev/null)" stopped
# Not where they are more than any type of this library has: no values stand where the server would look for theirs.
for i in {1..32}; do
	sql 'ALTER TYPE pg_background_stats ADD ATTRIBUTE more text; ALTER TYPE pg_background_stats DROP ATTRIBUTE more'
done
for call in 'SELECT * FROM pg_background_stats()' 'SELECT pg_background_stats()'; do
	t_sqlstate "attributes dropped again and again: $call" 42804 "$call"
done
t_no_leaks 'nothing is left'
t_done
