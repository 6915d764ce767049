#!/usr/bin/env bash
# What may hold up a worker, or lead it astray, before its job begins: a catalog that somebody has locked, and a path for
# libraries on which ours is not.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'pg_background.worker_idle_timeout = 0' 'log_min_messages = fatal'

# --- worker_timeout counts connecting
session_open s
session_open locker
session_do s "SELECT FROM pg_background_run_v2('SELECT 1');" >/dev/null
session_do locker 'BEGIN; LOCK TABLE pg_authid IN ACCESS EXCLUSIVE MODE;'
t_is 'a job that cannot connect ends when its time is over' "$(session_do s "SET pg_background.worker_timeout = '500ms';
	SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \\gset
	SELECT pg_background_wait_v2_timeout(:pid, :cookie, 10000);")" t
session_do locker 'ROLLBACK;'
t_is 'and says so' "$(session_do s "SELECT state, sqlstate, error_message FROM pg_background_outcome_v2(:pid, :cookie);
	SELECT workers_timed_out FROM pg_background_stats_v2();")" "canceled|57014|canceling background job due to its time-out
1"
t_is 'the next one connects' "$(session_do s "SELECT has_error FROM pg_background_run_v2('SELECT 1');")" f
session_close locker
session_close s
t_no_leaks 'nothing is left'

# --- the worker's library is found where the SQL objects' is
cluster_conf main "dynamic_library_path = '/nowhere'"
cluster_restart main
if sql 'SELECT pg_background_detach_all_v2()' >/dev/null 2>&1; then
	t_is 'where the functions are found, the worker is' "$(sql "SELECT has_error FROM pg_background_run_v2('SELECT 1')")" f
else
	say '  from 18 on the functions themselves are not found there'
fi
t_done
