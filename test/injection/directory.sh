#!/usr/bin/env bash
# A worker ends, or its launcher, or both, between any two writes to the job's entry in the directory, in good order or by
# kill -9: no entry is lost, no job runs for ever, and every end is counted.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
# 34 entries: twice this, and 32.
injection_cluster main 'max_worker_processes = 1' 'max_parallel_workers = 1' 'max_logical_replication_workers = 0' 'log_min_messages = fatal'
log_allow 'FATAL: +terminating (connection|background worker)' 'was terminated by signal 9' 'terminating any other active server processes' \
	'background worker "pg_background" .* was terminated' 'FATAL: +the database system is' 'WARNING: +terminating connection because of crash'
worker_points=(worker-start worker-attached worker-received worker-connected worker-restored worker-run worker-commit worker-committed worker-published)
launcher_points=(launch-segment launch-registered launch-attached launch-ready)
gone="SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
settled="SELECT count(*) = 0 FROM pg_background_jobs WHERE finished_at IS NULL"
one="SELECT sqlstate, completed FROM pg_background_run('SELECT 1')"

# stop_at POINT: a session launches a job, and somebody, $stopped, stands at that point; $launcher is the session's process.
stop_at() {
	session_open l
	launcher=$(session_backend l)
	arm "$1" wait
	session_send l "SELECT FROM pg_background_launch('SELECT 1');"
	stopped=$(arrival "$1")
}

t_is 'a job runs' "$(sql "$one")" '|t'
# In good order.
for point in "${worker_points[@]}" "${launcher_points[@]}"; do
	for who in launcher worker both; do
		case $point in launch-*) [ $who = launcher ] || continue ;; esac
		stop_at "$point"
		[ $who = worker ] || sql "SELECT pg_terminate_backend($launcher)" >/dev/null
		[ $who = launcher ] || kill -TERM "$stopped"
		disarm_all
		session_close l kill
		sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'pg_background'" >/dev/null
		t_is "$point, $who: nothing runs for ever, and the next job runs" "$(wait_until "$gone")$(wait_until "$settled" 5)$(sql "$one")" '|t'
	done
done
t_is 'every job that was launched has ended one way' "$(sql 'SELECT launched - completed - failed - canceled - timed_out - lost FROM pg_stat_background')" 0

# By kill -9, which restarts the server.
for point in worker-attached worker-received worker-restored worker-commit worker-committed worker-published launch-registered launch-ready; do
	stop_at "$point"
	old=$(cluster_postmaster main)
	case $RANDOM in *[02468]) kill -9 "$stopped" "$launcher" ;; *) kill -9 "$stopped" ;; esac
	disarm_all
	session_close l kill
	sleep 0.1
	wait_until 'SELECT true' 30
	t_is "$point, kill -9: no job is known, and the next one runs" "$(wait_until "SELECT count(*) = 0 FROM pg_background_jobs" 30)$(sql "$one")" '|t'
done

# Entries whose launcher and worker are both gone before the worker took the job are nobody's. Whoever finds the table full
# takes them back.
t_is 'the table is new' "$(sql 'SELECT count(*) FROM pg_background_jobs WHERE finished_at IS NULL')" 0
for ((i = 0; i < 34; i++)); do
	stop_at worker-attached
	session_sync l 10
	sql "SELECT pg_terminate_backend($launcher)" >/dev/null
	session_close l kill
	kill -TERM "$stopped"
	disarm_all
	wait_until "$gone" || break
done
t_is 'a full table' "$(sql "SET pg_background.launch_timeout = 0; $one" 2>&1)" '|t'
t_is 'those have ended' "$(sql "SELECT count(*), count(DISTINCT sqlstate) FROM pg_background_jobs WHERE sqlstate = '08006'")" '34|1'
t_no_leaks 'nothing is left'
t_done
