#!/usr/bin/env bash
# The launching session is interrupted at every step of launching, waiting and reading, in every way: afterwards no
# process, slot, segment, registry entry or memory context is left, and the session, where it still lives, goes on.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
# Few slots: one that leaks at each step would soon be missed.
injection_cluster main 'max_worker_processes = 6' 'pg_background.worker_idle_timeout = 0' 'log_min_messages = fatal'
log_allow 'FATAL: +terminating connection due to administrator command' 'FATAL: +terminating background worker'
INTERRUPTS=0

# interrupt KIND BACKEND POINT: the way in which the session is disturbed while it is at that point.
interrupt() {
	INTERRUPTS=$((INTERRUPTS + 1))
	case $1 in
		cancel) kill -INT "$2" ;;
		terminate) kill -TERM "$2" ;;
		timeout | error | panic) ;;
	esac
}

# wanted KIND: how the statement ends.
wanted() {
	case $1 in
		cancel | timeout) say 57014 ;;
		terminate) say gone ;;
		error) say PBT01 ;;
		panic) say XX000 ;;
	esac
}

end_all="SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_background'"
# Set where the worker has the job already, so that the session's end does not end it; where a cancel does not end it.
runs_on='' stubborn=''
STATEMENT_TIMEOUT=150
# Set where PREPARE leaves a warm worker and prints its process ID.
warm=''

# at POINT KIND PREPARE SQL [OTHER-POINT]: PREPARE is done first; then SQL runs into the point and is interrupted there.
# A second point is one at which the worker is kept so that the first is reached.
at() {
	local point=$1 kind=$2 prepare=$3 sql=$4 other=${5:-} action=wait backend code left prepared=
	[ "$kind" != error ] && [ "$kind" != panic ] || action=$kind
	session_open s
	backend=$(session_backend s)
	# Whatever the session loads at its first job is loaded.
	session_do s "SELECT pg_background_detach_all_v2();" >/dev/null
	[ -z "$prepare" ] || prepared=$(session_do s "$prepare")
	[ -z "$other" ] || arm "$other" wait
	arm "$point" "$action"
	[ "$kind" != timeout ] || session_do s "SET statement_timeout = $STATEMENT_TIMEOUT;" >/dev/null
	ask s "$sql"
	if arrival "$point" >/dev/null; then
		if [ -n "$warm" ] && [ "$kind" != timeout ] && [ "$action" = wait ]; then
			t_is "$point, $kind: on a warm worker" "$(sql "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE backend_type LIKE 'pg_background%'")" "$prepared"
		fi
		interrupt "$kind" "$backend"
		code=$(answer s)
	else
		code='never arrived'
	fi
	disarm_all
	if [ "$code$kind$STATEMENT_TIMEOUT" = 'never arrivedtimeout150' ]; then
		# The machine is busy, and the time was over before.
		session_close s
		STATEMENT_TIMEOUT=10000 at "$@"
		return
	fi
	if [ "$code" = "$(wanted "$kind")" ]; then
		if [ "$kind" = terminate ]; then
			session_close s
			session_open s
			[ -z "$runs_on" ] || sql "$end_all" >/dev/null
		else
			session_do s 'RESET statement_timeout;' >/dev/null
			[ -z "$stubborn" ] || sql "$end_all" >/dev/null
		fi
		session_do s 'SELECT pg_background_cancel_all_v2();' >/dev/null
		left=$(nothing_left s)
		t_is "$point, $kind$warm" "$left" nothing
	else
		t_is "$point, $kind$warm: SQLSTATE" "$code" "$(wanted "$kind")"
	fi
	session_close s
}

# everywhere POINT PREPARE SQL [OTHER-POINT]
everywhere() {
	local kind
	for kind in cancel timeout terminate error panic; do at "$1" "$kind" "${@:2}"; done
}

launch="SELECT * FROM pg_background_launch_v2('SELECT pg_sleep(100)');"
for point in launch-segment launch-registered launch-attached launch-ready launch-send; do everywhere "$point" '' "$launch"; done
everywhere launch-attaching '' "$launch" worker-start
# A request that does not fit into the queue, to a worker that does not take it.
everywhere launch-sending '' "SELECT pg_background_launch_v2('SELECT 1 --' || repeat('x', 100000));" worker-attached
runs_on=1
everywhere launch-sent '' "$launch"
runs_on=

# The same with a worker that has done a job before: being claimed, it is of no more use, and goes.
warm=', warm'
idle="SET pg_background.worker_idle_timeout = '10min'; SELECT pid FROM pg_background_run_v2('SELECT 1');"
for point in launch-ready launch-send; do everywhere "$point" "$idle" "$launch"; done
# More than its queue holds, so that some of it is on its way.
everywhere launch-sending "$idle" "SELECT pg_background_launch_v2('SELECT 1 --' || repeat('x', 1000000));"
runs_on=1
everywhere launch-sent "$idle" "$launch"
warm=''

# Waiting for a slot that nobody frees.
# The launcher of logical replication has the sixth slot.
holders='SELECT count(pg_background_submit_v2($$SELECT pg_sleep(100)$$)) FROM generate_series(1, 5);'
session_open holder
session_do holder "$holders" >/dev/null
slots=$(workers_running)
for kind in cancel timeout terminate error panic; do
	arm launch-slot wait
	session_open s
	backend=$(session_backend s)
	session_do s "SET pg_background.launch_timeout = '1min';" >/dev/null
	case $kind in
		timeout) session_do s 'SET statement_timeout = 150;' >/dev/null ;;
		error | panic) arm launch-slot "$kind" ;;
	esac
	ask s "$launch"
	arrival launch-slot >/dev/null
	interrupt "$kind" "$backend"
	code=$(answer s)
	disarm_all
	t_is "launch-slot, $kind" "$code" "$(wanted "$kind")"
	[ "$kind" = terminate ] || t_is "launch-slot, $kind: no job" "$(session_do s 'SELECT pgbg_test_jobs();')" 0
	session_close s
done
t_is 'the others still run' "$(workers_running)" "$slots"
session_do holder 'SELECT pg_background_cancel_all_v2();' >/dev/null
t_is 'and go when cancelled' "$(nothing_left holder)" nothing
session_close holder

# Waiting for the lock under which a role's workers are counted: another session keeps it while its worker starts.
session_open holder
session_do holder 'SET pg_background.max_workers_per_role = 5;' >/dev/null
arm launch-registered hold
session_send holder "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(100)') \\gset"
arrival launch-registered >/dev/null
for kind in cancel timeout lock terminate; do
	session_open s
	backend=$(session_backend s)
	session_do s "SET pg_background.max_workers_per_role = 5;" >/dev/null
	case $kind in
		timeout) session_do s 'SET statement_timeout = 150;' >/dev/null ;;
		lock) session_do s 'SET lock_timeout = 150;' >/dev/null ;;
	esac
	ask s "$launch"
	if [ "$kind" = cancel ] || [ "$kind" = terminate ]; then
		wait_until "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $backend"
		interrupt "$kind" "$backend"
	fi
	code=$(answer s)
	if [ "$kind" = lock ]; then wanted=55P03; else wanted=$(wanted "$kind"); fi
	t_is "the role's lock, $kind" "$code" "$wanted"
	[ "$kind" = terminate ] || t_is "the role's lock, $kind: no job" "$(session_do s 'SELECT pgbg_test_jobs();')" 0
	session_close s
done
disarm_all
session_sync holder
session_do holder 'SELECT pg_background_cancel_all_v2();' >/dev/null
t_is 'its holder was not disturbed' "$(nothing_left holder)" nothing
session_close holder

sleeping="SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 FROM pg_sleep(100)') \\gset"
everywhere wait "$sleeping" 'SELECT pg_background_wait_v2(:pid, :cookie);'
everywhere wait "$sleeping" 'SELECT pg_background_wait_v2_timeout(:pid, :cookie, 60000);'
everywhere wait "$sleeping" 'SELECT pg_background_wait_any_v2(ARRAY[(:pid, :cookie)::pg_background_handle]);'
everywhere wait "$sleeping" 'SELECT * FROM pg_background_drain_v2(ARRAY[(:pid, :cookie)::pg_background_handle]);'
everywhere wait "$sleeping" 'SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (n int);'
everywhere wait "" "SELECT * FROM pg_background_run_v2('SELECT pg_sleep(100)');"
everywhere wait "" "SELECT * FROM pg_background_run_query_v2('SELECT 1 FROM pg_sleep(100)', col_def => 'n int') AS (n int);"
# A cancel does not end this one, and its worker is not terminated before the grace is over.
stubborn=1
everywhere wait "SELECT pid, cookie FROM pg_background_launch_v2(\$job\$
    DO \$\$BEGIN LOOP BEGIN PERFORM pg_sleep(100); EXCEPTION WHEN query_canceled THEN END; END LOOP; END\$\$\$job\$) \\gset
SELECT pg_sleep(0.1);" 'SELECT pg_background_cancel_v2_grace(:pid, :cookie, 60000);'
stubborn=

ready="SELECT pid, cookie FROM pg_background_launch_v2('SELECT g, g::text FROM generate_series(1, 100000) g') \\gset"
exact='SELECT count(*) FROM pg_background_result_v2(:pid, :cookie) AS (g int, t text);'
converting='SELECT count(*) FROM pg_background_result_v2(:pid, :cookie) AS (g text, t text);'
# One that has rows to give and goes on.
busy="SELECT pid, cookie FROM pg_background_launch_v2('SELECT g, CASE WHEN g = 100000 THEN pg_sleep(100)::text END FROM generate_series(1, 100000) g') \\gset"
for point in result-begin result-columns pump-message; do everywhere "$point" "$ready" "$exact"; done
everywhere result-direct "$busy" "$exact"
# One that has said more than its queue holds, and has ended.
noisy="SET client_min_messages = error; SELECT pid, cookie FROM pg_background_launch_v2(\$job\$
    DO \$\$BEGIN PERFORM set_config('client_min_messages', 'notice', true); FOR i IN 1..200 LOOP RAISE NOTICE '%', repeat('x', 1000); END LOOP; END\$\$\$job\$) \\gset
SELECT pg_sleep(0.2);"
everywhere pump-file "$noisy" 'SELECT pg_background_wait_v2(:pid, :cookie);'
for point in result-begin result-columns result-row pump-message; do everywhere "$point" "$ready" "$converting"; done
everywhere pump-message "$ready" 'SELECT pg_background_wait_v2(:pid, :cookie);'
everywhere wait "$busy" 'SELECT pg_background_wait_v2(:pid, :cookie);'

session_open s
t_is 'every slot is free again' "$(session_do s "$holders"; session_do s 'SELECT pg_background_cancel_all_v2();')" $'5\n5'
session_close s
t_no_leaks 'nothing is left at the end'
say "  $INTERRUPTS interrupts"
t_done
