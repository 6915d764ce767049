#!/usr/bin/env bash
# A cancel that finds the worker where no job can see it: before the job that it means has begun, and after it has
# committed. It is that job's, and no other's.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'max_worker_processes = 6'
log_allow 'FATAL: +terminating background worker'
launch() { say "SELECT pid, cookie FROM pg_background_launch_v2('$2') \\gset $1_
"; }
ended() { say "SELECT pg_background_wait_v2(:$1_pid, :$1_cookie) \\g /dev/null
"; }
session_open s
session_do s "SET pg_background.worker_idle_timeout = '1min';"

# The worker has done a job and has not looked for the next one yet: it takes the signal for nobody's.
arm worker-published hold
session_do s "$(launch first 'SELECT 1')" >/dev/null
arrival worker-published >/dev/null
ask s "$(ended first)
$(launch next 'SELECT 2')"
t_ok 'the launch waits until the worker has taken its job' wait_until "SELECT count(*) = 1 FROM pg_background_jobs WHERE state = 'starting'"
sql "SELECT pg_background_cancel(pid, cookie) FROM pg_background_jobs WHERE state = 'starting'" >/dev/null
disarm_all
t_is 'the launch returns' "$(answer s)" 00000
t_is 'a job that is cancelled before it begins does not begin' "$(session_do s "$(ended next)
SELECT state, :first_pid = :next_pid FROM pg_background_outcome_v2(:next_pid, :next_cookie);")" 'canceled|t'

# So does a run whose time is over before its worker has taken it.
session_do s "SELECT pg_background_detach_all_v2() \\g /dev/null" >/dev/null
sql 'CREATE TABLE begun ()'
arm worker-published hold
session_do s "$(launch first 'SELECT 1')" >/dev/null
arrival worker-published >/dev/null
ask s "$(ended first)
SELECT has_error, sqlstate FROM pg_background_run('INSERT INTO begun DEFAULT VALUES', timeout_ms => 100);"
sleep 0.3
disarm_all
t_is 'a run whose time is over' "$(answer s)|$(session_output s | tail -n 2 | head -n 1)" '00000|t|57014'
t_is 'and that had not begun does not begin' "$(sql 'SELECT count(*) FROM begun')" 0

# It has committed: the job is done, but the signal may come as late as it likes.
session_do s "SELECT pg_background_detach_all_v2() \\g /dev/null" >/dev/null
arm worker-committed hold
session_do s "$(launch done 'SELECT 3')" >/dev/null
arrival worker-committed >/dev/null
session_do s 'SELECT pg_background_cancel_v2(:done_pid, :done_cookie) \g /dev/null' >/dev/null
disarm_all
t_is 'a job that is cancelled after its commit has succeeded, and its worker takes no other' "$(session_do s "$(ended done)
$(launch other 'SELECT 4')
$(ended other)
SELECT state, (SELECT state FROM pg_background_outcome_v2(:other_pid, :other_cookie)), :done_pid = :other_pid
FROM pg_background_outcome_v2(:done_pid, :done_cookie);")" 'stopped|stopped|f'
session_close s
t_no_leaks 'nothing is left'
t_done
