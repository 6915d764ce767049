#!/usr/bin/env bash
# The postmaster is late to tell who its new child is: the worker has begun its job by then, or has ended it. Nobody takes the job for
# lost, it can be cancelled, and places are counted.
. "$(dirname "$0")/../lib.sh"
suite_begin
cc -shared -fPIC -O1 -o "$WORK/late.so" "$(dirname "$0")/late_postmaster.c" -ldl || die 'cc'
chmod 755 "$WORK/late.so"
cluster_init main 'pg_background.worker_idle_timeout = 0' 'log_min_messages = error' || die 'initdb'
log_allow 'ERROR: +canceling statement due to user request'
install -o "$SERVER_USER" -m 644 /dev/null "$(cluster_log main)"
as_server env LD_PRELOAD="$WORK/late.so" "$BIN/pg_ctl" -D "$(cluster_data main)" -l "$(cluster_log main)" -w start >/dev/null ||
	die 'no server'
cluster_use main
sql 'CREATE EXTENSION pg_background; CREATE TABLE t (i int)'

# Somebody looks at all jobs, all the time.
session_open looks
session_send looks "DO \$\$ BEGIN WHILE NOT EXISTS (SELECT FROM t WHERE i = 0) LOOP PERFORM FROM pg_background_jobs; COMMIT; END LOOP; END \$\$;"
t_is 'short jobs' "$(sql "SELECT count(*) FROM generate_series(1, 10) i, pg_background_run('INSERT INTO t VALUES (1 + 0 * ' || i || ')') r WHERE NOT has_error")" 10
t_is 'jobs that run for longer' "$(sql "SELECT count(*) FROM generate_series(1, 10) i, pg_background_run('SELECT pg_sleep(0.1) --' || i) r WHERE NOT has_error")" 10
t_is 'none was lost, each was counted once' "$(sql 'SELECT launched - completed - failed - canceled, completed, lost FROM pg_stat_background')" '0|20|0'

# Another session cancels each as soon as it sees it.
session_open cancels
session_send cancels "DO \$\$ BEGIN WHILE NOT EXISTS (SELECT FROM t WHERE i = 0) LOOP
	PERFORM pg_background_cancel(pid, cookie) FROM pg_background_jobs WHERE finished_at IS NULL AND label = 'cancel me'; COMMIT; END LOOP; END \$\$;"
t_is 'each can be cancelled at once' "$(sql "SELECT count(*) FROM generate_series(1, 10) i, pg_background_run('SELECT pg_sleep(60) --' || i, label => 'cancel me', timeout_ms => 5000) r WHERE sqlstate = '57014' AND NOT timed_out")" 10

# The last place: two sessions start workers as fast as they can.
sql 'ALTER DATABASE postgres SET pg_background.max_workers_per_role = 1'
sql "ALTER DATABASE postgres SET pg_background.launch_timeout = '30s'"
count="INSERT INTO t SELECT 1000 + count(*) FROM pg_locks WHERE locktype = ''advisory'' AND pid IN (SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid())"
for i in 1 2; do
	session_open "races$i"
	session_send "races$i" "SELECT count(*) FROM generate_series(1, 10) i, pg_background_run('SELECT pg_advisory_lock_shared(1); $count; SELECT ' || i) r WHERE NOT has_error;"
done
for i in 1 2; do session_sync "races$i" 60; done
t_is 'two sessions race for a place: everybody had it' "$(session_output races1 | tail -n 1) $(session_output races2 | tail -n 1)" '10 10'
t_is 'and nobody beside another' "$(sql 'SELECT DISTINCT i FROM t WHERE i >= 1000')" 1000
sql 'INSERT INTO t VALUES (0)'
t_no_leaks 'nothing is left'
t_done
