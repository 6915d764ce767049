#!/usr/bin/env bash
# The session that launched a job ends, in every way: the job runs on and ends, and nothing is in the way of those who
# come after, not even of DROP DATABASE.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_connections = 30'
log_allow 'FATAL: +terminating (background worker|connection due to (idle|administrator))' 'FATAL: +connection to client lost'
sql 'CREATE TABLE done(who text)'
work() { say "SELECT pid, cookie FROM pg_background_$1_v2('SELECT pg_sleep($2); INSERT INTO done VALUES (''$3''); SELECT g, ''a message'' FROM generate_series(1, 100) g') \\gset"; }
workers="SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_background'"
# done_by NAME: the jobs of that name come to their end.
done_by() { wait_until "SELECT count(*) = $2 FROM done WHERE who = '$1'" 10; }
# ended NAME COUNT: COUNT jobs of that name, whose launcher has gone, came to their end, and left nothing.
ended() {
	t_is "$1: the jobs run on and end" "$(done_by "$1" "$2")" ''
	t_no_leaks "$1: nothing is left"
}

# Whatever the jobs send meets a queue that nobody reads.
both() { session_do "$1" "$(work launch 0.4 "$2")"; session_do "$1" "$(work submit 0.4 "$2")"; }
session_open s; both s end; session_close s
ended end 2
session_open s; both s vanished; session_close s kill
ended vanished 2
session_open s; both s terminated
sql "SELECT pg_terminate_backend($(session_backend s))" >/dev/null
ended terminated 2
session_close s
# In the middle of waiting.
session_open s; session_do s "$(work launch 0.4 waiting)"
session_send s 'SELECT pg_background_wait_v2(:pid, :cookie);'
wait_until "SELECT wait_event_type IN ('Extension', 'IPC') FROM pg_stat_activity WHERE pid = $(session_backend s)"
sql "SELECT pg_terminate_backend($(session_backend s))" >/dev/null
ended waiting 1
session_close s
# A worker whose output is in a file, and one that makes its file after the session is gone: nobody will read it.
files() { find "$(cluster_data main)/base/pgsql_tmp" -mindepth 1 2>/dev/null | wc -l; }
session_open s
session_do s "SELECT pid, cookie FROM pg_background_launch_v2('INSERT INTO done VALUES (''full queue''); SELECT repeat(''x'', 10000), CASE WHEN g % 500 = 0 THEN pg_sleep(0.3) END FROM generate_series(1, 2000) g') \\gset"
wait_until "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'active'"
t_is 'full queue: a directory, and a file in it' "$(files)" 2
session_close s
ended 'full queue' 1
session_open s
session_do s "SELECT pid, cookie FROM pg_background_launch_v2('INSERT INTO done VALUES (''full queue, detached''); SELECT repeat(''x'', 10000), CASE WHEN g % 500 = 0 THEN pg_sleep(0.3) END FROM generate_series(1, 2000) g') \\gset"
wait_until "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'active'"
session_do s 'SELECT pg_background_detach_v2(:pid, :cookie);' >/dev/null
t_is 'full queue, detached: the job runs on and ends' "$(done_by 'full queue, detached' 1)" ''
t_is 'full queue, detached: its file is gone' "$(find "$(cluster_data main)/base/pgsql_tmp" -type f | wc -l)" 0
session_close s
ended 'full queue, detached' 1
t_is 'nothing is left on disk' "$(files)" 0
# Idle workers leave with their session.
session_open s
session_do s "SET pg_background.worker_idle_timeout = '10min'; SELECT pid FROM pg_background_run_v2('SELECT 1');" >/dev/null
t_is 'an idle worker' "$(sql "$workers")" 1
session_close s kill
t_no_leaks 'an idle worker leaves with its session'
for idle in idle_in_transaction_session_timeout idle_session_timeout; do
	session_open s
	both s "$idle"
	session_do s "SET $idle = '100ms';"
	[ "$idle" != idle_in_transaction_session_timeout ] || session_do s 'BEGIN; SELECT 1;' >/dev/null
	ended "$idle" 2
	session_close s
done

# The session stays and forgets: what connection poolers send between two clients.
session_open s
for reset in 'RESET ALL' 'SET SESSION AUTHORIZATION DEFAULT; RESET ALL; CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all()'; do
	both s "${reset%%;*}"
	session_do s "$reset;" >/dev/null
	t_is "$reset: the jobs are still known" "$(session_do s 'SELECT state IN ($$starting$$, $$running$$, $$stopped$$) FROM pg_background_outcome_v2(:pid, :cookie);')" t
	t_is "$reset: they run on and end" "$(done_by "${reset%%;*}" 2)$(session_do s 'SELECT pg_background_wait_v2(:pid, :cookie) \g /dev/null
SELECT state FROM pg_background_outcome_v2(:pid, :cookie);')" stopped
	session_do s 'SELECT pg_background_detach_all_v2();' >/dev/null
done
both s DISCARD
session_do s 'DISCARD ALL;' >/dev/null
t_is 'DISCARD ALL: the jobs are not known any more, as to the next client' "$(session_do s 'SELECT count(*) FROM pg_background_list;')" 0
t_is 'DISCARD ALL: they run on and end' "$(done_by DISCARD 2)" ''
sql 'CREATE ROLE somebody IN ROLE pgbackground_role; GRANT ALL ON done TO PUBLIC'
both s authorization
session_do s '\set VERBOSITY sqlstate
SET SESSION AUTHORIZATION somebody;'
t_is "another session user may not touch them" "$(session_do s 'SELECT pg_background_wait_v2(:pid, :cookie);')" 'ERROR:  42501'
t_is 'and launches as itself' "$(session_do s "SELECT u FROM pg_background_run_query_v2('SELECT session_user::text', col_def => 'u text') AS (u text);")" somebody
session_do s 'RESET SESSION AUTHORIZATION;'
t_is 'they run on and end' "$(done_by authorization 2)$(session_do s 'SELECT pg_background_wait_v2(:pid, :cookie) \g /dev/null
SELECT state FROM pg_background_outcome_v2(:pid, :cookie);')" stopped
session_close s
t_no_leaks 'nothing is left of these'

# Databases that are dropped, renamed or copied right after their last session, which has warm workers.
for ((i = 0; i < 5; i++)); do
	for next in 'DROP DATABASE d' 'ALTER DATABASE d RENAME TO e' 'CREATE DATABASE e TEMPLATE d'; do
		sql 'DROP DATABASE IF EXISTS e' 2>/dev/null
		sql 'DROP DATABASE IF EXISTS d' 2>/dev/null
		[ -n "${ready:-}" ] || { sql 'CREATE DATABASE ready'; psql -XAtq -d ready -c 'CREATE EXTENSION pg_background'; ready=1; }
		sql 'CREATE DATABASE d TEMPLATE ready'
		psql -XAtq -d d -c "SET pg_background.worker_idle_timeout = '10min'" -c "SELECT count(*) FROM generate_series(1, 3), pg_background_run_v2('SELECT 1')" \
			-c "SELECT count(pg_background_submit_v2('SELECT 1')) FROM generate_series(1, 3)" >/dev/null
		t_is "$next right after the session, $i" "$(sql "$next" 2>&1)" ''
	done
done
sql 'DROP DATABASE IF EXISTS d' 2>/dev/null
sql 'CREATE DATABASE d TEMPLATE ready'
session_open s -d d
session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(60)') \\gset"
t_like 'a database in which a job runs is in use' "$(sql 'ALTER DATABASE d RENAME TO f' 2>&1)" 'is being accessed by other users'
session_close s
t_is 'DROP DATABASE FORCE ends a job whose launcher has gone' "$(sql 'DROP DATABASE d WITH (FORCE)' 2>&1)" ''
t_no_leaks 'nothing is left'
t_done
