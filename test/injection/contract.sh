#!/usr/bin/env bash
# What SQL shows of a job at each step of its life, and that nobody who waits for a job polls.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'max_worker_processes = 6'
log_allow 'FATAL: +terminating background worker'

# The state in the outcome, the list and the view; completed, has_error, row count, whether started and finished; how many
# jobs are active.
shown="SELECT concat_ws(' ', o.state, l.state, a.pgbg_state, o.completed, o.has_error, i.completed, i.has_error, coalesce(i.row_count, -1),
    i.started_at IS NOT NULL, i.finished_at IS NOT NULL, s.workers_active)
FROM pg_background_outcome_v2(:pid, :cookie) o, pg_background_list l, pg_background_activity a,
    pg_background_result_info_v2(:pid, :cookie) i, pg_background_stats_v2() s;"
done='stopped stopped stopped t f t f 3 t t 0'
session_open s
for idle_timeout in 0 10min; do
	if [ "$idle_timeout" = 0 ]; then kind='new worker'; else kind='warm worker'; fi
	sleeper=$(session_do s "SET pg_background.worker_idle_timeout = '$idle_timeout'; SELECT pid FROM pg_background_run_v2('SELECT 1');")
	for step in attached received connected restored run commit committed published; do
		# The launch waits until a warm worker has taken the job.
		[ "$step" != attached ] || [ "$idle_timeout" = 0 ] || continue
		arm "worker-$step" hold
		session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT g FROM generate_series(1, 3) g') \\gset" >/dev/null
		worker=$(arrival "worker-$step")
		[ "$idle_timeout" = 0 ] || t_is "$step: a warm worker" "$worker" "$sleeper"
		case $step in
			attached | received | connected | restored) wanted='starting starting starting f f f f -1 f f 1' ;;
			published) wanted=$done ;;
			*) wanted='running running running f f f f -1 f f 1' ;;
		esac
		t_is "a job, $step, $kind" "$(session_do s "$shown")" "$wanted"
		disarm_all
		session_do s 'SELECT pg_background_wait_v2(:pid, :cookie) \g /dev/null' >/dev/null
		t_is "a job that was $step, at its end, $kind" "$(session_do s "$shown")" "$done"
		session_do s 'SELECT pg_background_detach_v2(:pid, :cookie);' >/dev/null
	done
done
session_close s

# A job that ended before it began has no start, and does not count where times are averaged.
session_open s
arm worker-connected wait
session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \\gset" >/dev/null
arrival worker-connected >/dev/null
session_do s 'SELECT pg_background_cancel_v2(:pid, :cookie) \g /dev/null' >/dev/null
disarm_all
t_is 'cancelled before it began' "$(session_do s "SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null
SELECT o.state, o.sqlstate, i.started_at IS NULL, i.finished_at IS NOT NULL, s.avg_execution_ms IS NULL, s.workers_canceled
FROM pg_background_outcome_v2(:pid, :cookie) o, pg_background_result_info_v2(:pid, :cookie) i, pg_background_stats_v2() s;")" 'canceled|57014|t|t|t|1'
session_close s

# A session that could not keep what the rows look like says so, and shows no empty result.
session_open s -v VERBOSITY=sqlstate
arm pump-description error
session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT g FROM generate_series(1, 3) g') \\gset
SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null" >/dev/null
disarm_all
t_is 'a description that is lost is no empty result' "$(session_do s 'SELECT count(*) FROM pg_background_result_v2(:pid, :cookie) AS (n int);' | grep -c '^ERROR')" 1
session_close s

# From 18 on the identifier of a plan belongs to one statement, as that of a query does.
swap='SELECT pgbg_test_swap_plan(7)'
t_is 'what is noted of a plan is for one statement' "$(sql "SELECT n FROM pg_background_run_query('$swap; $swap') AS (n bigint)")" 0

# Whoever waits for a job comes by the point "wait" once for each time it wakes up. For a second's wait that is a handful of
# times, and an error of the test's from the twelfth on.
# without_polling NAME PREPARE SQL WANTED
without_polling() {
	session_open s -v VERBOSITY=sqlstate
	session_do s "$2" >/dev/null
	arm wait 'error 12'
	t_is "$1 does not poll" "$(session_do s "$3")" "$4"
	disarm_all
	# Proof that it passes there.
	session_do s "$2" >/dev/null
	arm wait error
	t_like "$1 is where it would be seen" "$(session_do s "$3")" 'ERROR:  PBT01'
	disarm_all
	session_do s 'SELECT pg_background_cancel_all_v2();' >/dev/null
	session_close s
}
job="SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 FROM pg_sleep(1)') \\gset"
array='ARRAY[(:pid, :cookie)]::pg_background_handle[]'
without_polling wait_v2 "$job" 'SELECT pg_background_wait_v2(:pid, :cookie);' t
without_polling wait_v2_timeout "$job" 'SELECT pg_background_wait_v2_timeout(:pid, :cookie, 600000);' t
without_polling wait_any_v2 "$job" "SELECT pg_background_wait_any_v2($array) IS NULL;" f
without_polling drain_v2 "$job" "SELECT state FROM pg_background_drain_v2($array);" stopped
without_polling result_v2 "$job" 'SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int);' 1
without_polling run_v2 '' "SELECT completed FROM pg_background_run_v2('SELECT pg_sleep(1)');" t
without_polling run_query_v2 '' "SELECT * FROM pg_background_run_query_v2('SELECT 1 FROM pg_sleep(1)') AS (n int);" 1
without_polling cancel_v2_grace "SELECT pid, cookie FROM pg_background_launch_v2(\$job\$
    DO \$\$BEGIN PERFORM pg_sleep(100); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(1); END\$\$\$job\$) \\gset
DO \$\$BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep') LOOP PERFORM pg_stat_clear_snapshot(); END LOOP; END\$\$;" \
	'SELECT pg_background_cancel_v2_grace(:pid, :cookie, 600000); SELECT state FROM pg_background_outcome_v2(:pid, :cookie);' $'\nstopped'
t_no_leaks 'nothing is left'
t_done
