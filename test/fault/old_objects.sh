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

# A row type that somebody changed, or of a version that is not there yet: an error, never a value taken for another.
sql 'CREATE EXTENSION pg_background'
for change in 'pg_background_outcome ALTER ATTRIBUTE pid TYPE text' 'pg_background_outcome RENAME ATTRIBUTE state TO states' 'pg_background_outcome ADD ATTRIBUTE more text'; do
	t_sqlstate "$change" 42804 "ALTER TYPE $change" "SELECT pg_background_outcome_v2(1, 1)"
	t_sqlstate "$change: drain" 42804 'CREATE TEMPORARY TABLE h AS SELECT * FROM pg_background_submit_v2($$SELECT 1$$)' \
		'SELECT d FROM pg_background_drain_v2(ARRAY(SELECT ROW(pid, cookie)::pg_background_handle FROM h)) d'
	sql 'DROP EXTENSION pg_background' && sql 'CREATE EXTENSION pg_background'
done
for change in 'pg_background_handle RENAME ATTRIBUTE pid TO process' 'pg_background_handle ADD ATTRIBUTE more text'; do
	t_sqlstate "$change" 42804 "ALTER TYPE $change" 'SELECT * FROM pg_background_launch_v2($$SELECT 1$$)'
	sql 'DROP EXTENSION pg_background' && sql 'CREATE EXTENSION pg_background'
done
t_no_leaks 'nothing is left'
t_done
