#!/usr/bin/env bash
# A place is about to come free from the moment that its job has ended, however long its worker takes from there on.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin

# second POINT IDLE_TIMEOUT: prints what becomes of a session that wants the place of a worker which is held at that point,
# after its job.
second() {
	session_open first
	session_open second
	session_do first "SET pg_background.worker_idle_timeout = '$2';" >/dev/null
	arm "$1" hold
	session_do first "SELECT pg_background_run_v2('SELECT 1') \\g /dev/null" >/dev/null
	arrival "$1" >/dev/null || return
	ask second "SELECT pg_background_run_v2('SELECT 1') \\g /dev/null"
	sleep 0.3
	disarm_all
	answer second
	session_close first
	session_close second
	wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
}

i=0
for limit in 'max_worker_processes = 1' 'pg_background.max_workers_per_role = 1' 'pg_background.max_workers_total = 1'; do
	i=$((i + 1))
	injection_cluster "limit$i" "$limit" 'pg_background.launch_timeout = 0' 'max_logical_replication_workers = 0'
	t_is "$limit: who is about to tidy up and stay" "$(second worker-published 1min)" 00000
	t_is "$limit: who tidies up" "$(second worker-tidying 1min)" 00000
	t_is "$limit: who is about to leave" "$(second worker-published 0)" 00000
	t_no_leaks "$limit: nothing is left"
	cluster_stop "limit$i"
done
t_done
