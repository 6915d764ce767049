#!/usr/bin/env bash
# What pg_stat_activity says a session or a worker waits for: by name from 17 on, as Extension before.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_connections = 20' 'max_worker_processes = 2' 'max_logical_replication_workers = 0' 'deadlock_timeout = 1min'
major=$(pg_major)
# Opened before anything is locked.
session_open watcher
session_open s -v VERBOSITY=sqlstate
session_open other
backend=$(session_backend s)
# waits_for WHERE NAME: the one row of pg_stat_activity WHERE comes to wait for NAME.
waits_for() {
	local end=$((SECONDS + 20)) wanted=$2 got
	[ "$major" -ge 17 ] || wanted=Extension
	until got=$(session_do watcher "SELECT wait_event_type, wait_event FROM pg_stat_activity WHERE $1;") && [ "$got" = "Extension|$wanted" ]; do
		[ "$SECONDS" -lt "$end" ] || break
		sleep 0.05
	done
	t_is "$2" "$got" "Extension|$wanted"
}

session_do s "SET pg_background.worker_idle_timeout = '10min';
SELECT pid AS worker FROM pg_background_run_v2('SELECT 1') \\gset
SELECT 'worker ' || :worker;" >/dev/null
waits_for "pid = $(session_output s | sed -n 's/^worker //p')" PgBackgroundIdle

session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(1)') \\gset" >/dev/null
session_do other 'SELECT pg_advisory_lock(2);' >/dev/null
session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(2)') \\gset" >/dev/null
session_send s 'SELECT pg_background_wait_v2(:pid, :cookie);'
waits_for "pid = $backend" PgBackgroundWait
session_do other 'SELECT pg_advisory_unlock(2);' >/dev/null
session_sync s

# Both slots are taken by somebody else.
session_do s 'SELECT pg_background_detach_all_v2(); SET pg_background.worker_idle_timeout = 0;' >/dev/null
wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'active'"
session_do other "SELECT count(pg_background_submit_v2('SELECT pg_sleep(600)')) FROM generate_series(1, 2);" >/dev/null
t_is 'no slot is free' "$(workers_running)" 2
session_send s "SET pg_background.launch_timeout = '10min'; SET pg_background.max_workers_per_role = 100;
SELECT completed FROM pg_background_run_v2('SELECT 1');"
waits_for "pid = $backend" PgBackgroundSlot

# Then there is one, but its worker, for which a launch waits where roles are counted, cannot connect: it has to read this
# table.
session_do watcher 'BEGIN; LOCK TABLE pg_db_role_setting IN ACCESS EXCLUSIVE MODE;' >/dev/null
session_do other 'SELECT pg_background_cancel_all_v2();' >/dev/null
waits_for "pid = $backend" PgBackgroundLaunch
session_do watcher 'COMMIT;' >/dev/null
session_sync s
t_is 'and in the end the job runs' "$(session_output s | tail -n 1)" t
for name in watcher s other; do session_close "$name"; done
t_no_leaks 'nothing is left'
t_done
