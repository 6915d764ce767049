#!/usr/bin/env bash
# The server stops, crashes and starts again with jobs running; where there are no background workers, launching is
# refused.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_connections = 20'
log_allow 'FATAL: +terminating (background worker|connection)' 'because of (crash|immediate)' 'terminated by signal (3|6|9)'
sql 'CREATE TABLE t(v text)'
data=$(cluster_data main)
one="SELECT n FROM pg_background_run_query_v2('SELECT 1', col_def => 'n int') AS (n int)"
worker() { wait_until "SELECT count(*) >= $1 FROM pg_stat_activity WHERE backend_type = 'pg_background'"; }
# jobs SESSION: one that sleeps, one on its full queue, one that was submitted and one that was detached, an idle worker,
# unread rows on disk and a session that waits.
jobs() {
	session_open s
	session_do s "SET work_mem = '64kB'; SET pg_background.worker_idle_timeout = '10min';
SELECT pid FROM pg_background_run_v2('SELECT 1') \\g /dev/null
SELECT pid AS spid, cookie AS scookie FROM pg_background_launch_v2('SELECT repeat(''x'', 1000) FROM generate_series(1, 20000)') \\gset
SELECT pg_background_wait_v2(:spid, :scookie) \\g /dev/null
SELECT pid FROM pg_background_launch_v2('SELECT repeat(''x'', 1000) FROM generate_series(1, 20000)') \\g /dev/null
SELECT pid FROM pg_background_submit_v2('INSERT INTO t VALUES (''no''); SELECT pg_sleep(60)') \\g /dev/null
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(60)') \\gset
SELECT pg_background_detach_v2(:pid, :cookie) \\g /dev/null
SELECT pid, cookie FROM pg_background_launch_v2('INSERT INTO t VALUES (''no''); SELECT pg_sleep(60)') \\gset"
	session_send s 'SELECT pg_background_wait_v2(:pid, :cookie);'
	worker 4
}
after() {
	t_is "$1: sessions launch again" "$(sql "$one")" 1
	t_no_leaks "$1: no worker and no segment is left"
	t_is "$1: no temporary file is left" "$(find "$data/base/pgsql_tmp" -type f 2>/dev/null | wc -l)" 0
	t_is "$1: nothing was committed" "$(sql 'SELECT count(*) FROM t')" 0
	session_close s
}

for mode in fast immediate; do
	jobs
	start=$SECONDS
	t_ok "$mode: stops" cluster_stop main "$mode"
	t_ok "$mode: at once" [ $((SECONDS - start)) -lt 20 ]
	t_is "$mode: no process is left" "$(cluster_leftovers main)" ''
	cluster_start main
	after "$mode"
done

# A crash of a backend that has nothing to do with us.
jobs
before=$(grep -c 'ready to accept connections' "$(cluster_log main)")
session_open victim
kill -ABRT "$(session_backend victim)"
end=$((SECONDS + 30))
until [ "$(grep -c 'ready to accept connections' "$(cluster_log main)")" -gt "$before" ] || [ "$SECONDS" -ge "$end" ]; do sleep 0.05; done
session_close victim
rm -f "$data"/core*
after 'crash'

# A smart stop waits for sessions; workers whose session has gone end as they would.
session_open s
session_do s "SELECT pid FROM pg_background_submit_v2('SELECT pg_sleep(0.3); INSERT INTO t VALUES (''yes'')');" >/dev/null
as_server "$BIN/pg_ctl" -D "$data" -w -t 60 -m smart stop >/dev/null &
stop=$!
sleep 0.1
session_close s
wait "$stop"
cluster_start main
t_like 'smart: stopped once the session had ended' "$(sql 'SELECT count(*) FROM t')" '^(0|1)$'

# Single-user mode has no postmaster that could start a worker.
cluster_stop main
single=$(printf '%s\n' "SELECT pg_background_launch_v2('SELECT 1');" "SELECT sqlstate FROM pg_background_run_v2('SELECT 1');" 'SELECT 1 AS alive;' |
	as_server "$BIN/postgres" --single -D "$data" postgres 2>&1)
t_is 'single-user mode refuses' "$(grep -c 'ERROR: .*background workers are not available in single-user mode' <<<"$single")" 2
t_like 'and goes on' "$single" 'alive = "1"'
cluster_start main

# A parallel worker, and the leader while it runs one.
sql 'CREATE TABLE big AS SELECT g FROM generate_series(1, 100000) g; ANALYZE big' >/dev/null
sql "CREATE FUNCTION sneaky(int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS \$\$
BEGIN PERFORM pg_background_launch_v2('SELECT 1'); RETURN 1; END\$\$"
t_is 'a parallel worker may not launch: 42501' "$(sql_code 'SET parallel_setup_cost = 0' 'SET parallel_tuple_cost = 0' 'SET min_parallel_table_scan_size = 0' 'SET max_parallel_workers_per_gather = 2' \
	'SELECT count(*) FROM big WHERE sneaky(g) = 1')" 42501
t_no_leaks 'nothing is left'
t_done
