#!/usr/bin/env bash
# The cluster has no dynamic shared memory segment left: 53000, nothing is lost, idle workers give theirs back, and with
# one segment there is one job.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'pg_background.launch_timeout = 0' 'max_connections = 5' 'max_worker_processes = 6' 'autovacuum_max_workers = 1' 'max_wal_senders = 0' \
	'max_parallel_workers = 0'
log_allow 'FATAL: +terminating background worker'
launch="SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 FROM pg_sleep(60)') \\gset
\\echo :SQLSTATE"
run="SELECT sqlstate FROM pg_background_run_v2('SELECT 1');"

session_open taker
session_open s -v VERBOSITY=sqlstate
session_do s "SET pg_background.worker_idle_timeout = 0; $run" >/dev/null
count=$(session_do taker 'SELECT pgbg_test_take_segments(100000);')
t_ok "all segments are taken ($count)" [ "$count" -gt 50 ]
t_is 'no segment: 53000' "$(session_do s "$launch")" $'ERROR:  53000\n53000'
t_is 'twenty times: nothing is lost' "$(for ((i = 0; i < 20; i++)); do session_do s "$run"; done | sort | uniq -c | sed 's/^ *//')" '20 ERROR:  53000'
t_is 'nothing is left' "$(nothing_left s)" nothing
t_is 'one is given back: one job' "$(session_do taker 'SELECT pgbg_test_give_segments(1);' >/dev/null; session_do s "$run
$launch
$run")" $'\n00000\nERROR:  53000'
t_is 'it can be cancelled' "$(session_do s 'SELECT pg_background_cancel_v2(:pid, :cookie) \g /dev/null
SELECT pg_background_wait_v2(:pid, :cookie) \g /dev/null
SELECT state FROM pg_background_outcome_v2(:pid, :cookie);')" canceled
t_is 'and makes room for the next' "$(session_do s "SELECT completed FROM pg_background_run_v2('SELECT 1');")" t
# A result that nobody reads does not hold the segment once it was taken over.
t_is 'a finished job holds none' "$(session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT g FROM generate_series(1, 100000) g') \\gset
SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null
SELECT completed FROM pg_background_run_v2('SELECT 1');
SELECT count(*) FROM pg_background_result_v2(:pid, :cookie) AS (g int);")" $'t\n100000'
wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'pg_background%'"
# A worker holds its segment until it has ended: the next launch waits for that, and for nobody who is at work.
arm worker-published wait
t_is 'a job has ended, its worker not yet' "$(session_do s "$run"; arrival worker-published >/dev/null && session_do s 'SHOW pg_background.worker_idle_timeout;')" $'\n0'
arm launch-slot note
ask s "SET pg_background.launch_timeout = '1min'; $run"
t_ok 'the next launch waits for its segment' arrival launch-slot
disarm_all
t_is 'and gets it' "$(answer s)" 00000
session_do s 'RESET pg_background.launch_timeout;' >/dev/null
# An idle worker that is of no use for this job, being somebody else's, gives way.
sql 'CREATE ROLE other IN ROLE pgbackground_role'
t_is "an idle worker of the same session gives its segment to a job that it cannot do" "$(session_do s "SET pg_background.worker_idle_timeout = '1min';
SELECT completed FROM pg_background_run_v2('SELECT 1');
SET ROLE other;
SELECT completed FROM pg_background_run_v2('SELECT 1');
RESET ROLE;
SELECT completed FROM pg_background_run_v2('SELECT 1', 200000);")" $'t\nt\nt'
session_close s
t_is 'all are given back' "$(session_do taker "SELECT pgbg_test_give_segments(100000);")" "$((count - 1))"
session_close taker
t_no_leaks 'nothing is left at the end'
t_done
