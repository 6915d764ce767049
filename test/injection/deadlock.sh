#!/usr/bin/env bash
# Two jobs wait for their session, the second one behind the first: both are cancelled, also where the end of the first
# frees the second before its turn comes.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'max_worker_processes = 6' 'deadlock_timeout = 100ms'

session_open s -v VERBOSITY=sqlstate
session_do s "BEGIN; SELECT pg_advisory_xact_lock(1); SELECT pid AS pid1, cookie AS cookie1
	FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(2), pg_advisory_xact_lock(1)') \\gset" >/dev/null
t_ok 'the first waits for the session' wait_until 'SELECT count(*) = 1 FROM pg_locks WHERE NOT granted'
session_do s "SELECT pid AS pid2, cookie AS cookie2 FROM pg_background_launch_v2(
	'SELECT pg_sleep(600) FROM (SELECT pg_advisory_xact_lock(2) OFFSET 0) AS locked') \\gset" >/dev/null
t_ok 'the second waits for the first' wait_until 'SELECT count(*) = 2 FROM pg_locks WHERE NOT granted'
handles='ARRAY[(:pid1, :cookie1), (:pid2, :cookie2)]::pg_background_handle[]'
arm deadlock-canceled wait
ask s "SELECT pg_background_wait_any_v2($handles);"
arrival deadlock-canceled >/dev/null
t_ok 'the second goes on meanwhile' wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
disarm_all
t_is 'no job can end' "$(answer s)" 40P01
t_is 'both are cancelled' "$(session_do s "ROLLBACK; SELECT state, sqlstate FROM pg_background_drain_v2($handles, 10000);")" \
	$'canceled|57014\ncanceled|57014'

# A cycle of which a part is gone when it is looked at again was none: third sessions come and go.
session_open third
session_do third 'BEGIN; SELECT pg_advisory_xact_lock(3);' >/dev/null
session_do s "BEGIN; SELECT pg_advisory_xact_lock(4); SELECT pid AS pid3, cookie AS cookie3
	FROM pg_background_launch_v2('SELECT pg_advisory_xact_lock(3)') \\gset" >/dev/null
session_send third 'SELECT pg_advisory_xact_lock(4);'
t_ok 'the job waits for a third session, and that for this one' wait_until 'SELECT count(*) = 2 FROM pg_locks WHERE NOT granted'
arm deadlock-confirm wait
ask s "SELECT pg_background_wait_v2(:pid3, :cookie3);"
arrival deadlock-confirm >/dev/null
sql "SELECT pg_cancel_backend($(session_backend third))" >/dev/null
session_do third 'ROLLBACK;' >/dev/null
disarm_all
t_is 'the third session has given up between two looks: no deadlock' "$(answer s)" 00000
session_do s 'ROLLBACK; SELECT pg_background_detach_all_v2();' >/dev/null
session_close third
t_is 'nothing is left' "$(nothing_left s)" nothing
session_close s
t_done
