#!/usr/bin/env bash
# A session is cancelled, terminated or loses its client in each of its waits, in a transaction block and without one: the
# server lives, and nobody is left among those whom the directory wakes.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_worker_processes = 10' 'max_logical_replication_workers = 0' 'log_min_messages = fatal' 'pg_background.launch_timeout = 1min' \
	'client_connection_check_interval = 100ms'
log_allow 'FATAL: +terminating (connection|background worker)' 'FATAL: +connection to client lost'
sql 'CREATE TABLE foreign_job (h pg_background_handle); CREATE TABLE locked ();
	CREATE PROCEDURE waits_after_commit() LANGUAGE plpgsql AS $$ BEGIN COMMIT; PERFORM pg_background_wait(h) FROM foreign_job; END $$'
started=$(sql 'SELECT pg_postmaster_start_time()')
# How many wait, as the table has it: behind magic, sizes and lock.
waiting() {
	local file
	for file in "$(cluster_data main)"/pg_dynshmem/mmap.*; do
		[[ $(od -An -tx8 -N8 "$file" 2>/dev/null) != *70676264000000ff ]] || od -An -tu4 -j152 -N4 "$file" | tr -d ' '
	done
}
# Ends the jobs that a session has left behind, those that are only about to start as well.
end_others() {
	local end=$((SECONDS + 15))
	until [ "$(sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE backend_type = 'pg_background' AND pid <> (SELECT (h).pid FROM foreign_job)") $(segments)" = "0 $owned" ]; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}
nobody() { local end=$((SECONDS + 10)); until [ "$(waiting)" = 0 ] || [ "$SECONDS" -ge "$end" ]; do sleep 0.02; done; waiting; }

# The job that others wait for, of a session that outlives them all.
session_open owner
session_do owner "WITH j AS (SELECT pg_background_launch('SELECT pg_sleep(600)') AS h) INSERT INTO foreign_job SELECT h FROM j;" >/dev/null
owned=$(segments)
busy="SELECT count(pg_background_launch('SELECT pg_sleep(600)')) FROM generate_series(1, 10);"
declare -A waits=(
	['a job of its own']="SELECT pg_background_wait(pg_background_launch('SELECT pg_sleep(600)'));"
	['the rows of its job']="SELECT * FROM pg_background_result(pg_background_launch('SELECT pg_sleep(600)')) AS (t text);"
	['a job of another session']='SELECT pg_background_wait(h) FROM foreign_job;'
	['any of several']="SELECT pg_background_wait_any(ARRAY[h, pg_background_launch('SELECT pg_sleep(600)')]) FROM foreign_job;"
	['all of several']="SELECT pg_background_drain(ARRAY[h, pg_background_launch('SELECT pg_sleep(600)')]) FROM foreign_job;"
	['a job that it runs']="SELECT pg_background_run('SELECT pg_sleep(600)');"
	['a batch']="SELECT pg_background_run_all(ARRAY['SELECT pg_sleep(600)', 'SELECT pg_sleep(601)']);"
	['a place below max_workers']="SET pg_background.max_workers = 1; $busy"
	['a free slot']="$busy"
	['a place of its role']="SET pg_background.max_workers_per_role = 2; $busy"
	['a job of another session, after a procedure has committed']='CALL waits_after_commit();'
)
for what in "${!waits[@]}"; do
	for how in cancel terminate client; do
		for block in '' 'BEGIN;'; do
			case $what in *procedure*) [ -z "$block" ] || continue ;; esac
			[ "$how" != client ] || [ -n "$block" ] || continue
			name="$what, ${how}${block:+, in a block}"
			session_open w
			backend=$(session_backend w)
			session_send w "$block ${waits[$what]}"
			wait_until "SELECT wait_event IN ('Extension', 'PgBackgroundWait', 'PgBackgroundSlot') FROM pg_stat_activity WHERE pid = $backend" || fail "$name"
			case $how in
				cancel) sql "SELECT pg_cancel_backend($backend)" >/dev/null && session_sync w 10 ;;
				terminate) sql "SELECT pg_terminate_backend($backend)" >/dev/null ;;
				client) session_close w kill ;;
			esac
			session_close w kill
			wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $backend" && end_others || fail "$name: its jobs are left"
			t_is "$name" "$(nobody) $(sql 'SELECT pg_postmaster_start_time()')" "0 $started"
		done
	done
done
t_is 'the job that they waited for runs' "$(sql 'SELECT state FROM foreign_job, pg_background_status(h) AS s, jsonb_to_record(s) AS r (state text)')" running
sql 'SELECT pg_background_cancel(h) FROM foreign_job' >/dev/null
session_close owner
t_no_leaks 'nothing is left'
t_done
