#!/usr/bin/env bash
# A session and a worker that wait for each other doze at first. With injection points they do so for a minute, three times as
# long as anything here waits: whoever is not woken, or cannot be interrupted, is noticed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'max_worker_processes = 6' 'deadlock_timeout = 1h'
session_open s
session_do s "SET pg_background.worker_idle_timeout = '1h';" >/dev/null

# Longer than either side looks: both doze before each job, and while it runs.
nap='pg_sleep(0.003)'
each() {
	session_do s "SET statement_timeout = '15s';
		DO \$\$ DECLARE h pg_background_handle; BEGIN FOR i IN 1..30 LOOP PERFORM $nap; $1; END LOOP; END \$\$;
		\\echo :SQLSTATE
		RESET statement_timeout;"
}
t_is 'the end of a job wakes its session, and a job its worker' "$(each "PERFORM pg_background_run('SELECT $nap')")" 00000
t_is 'and then it shows no wait' "$(each "PERFORM pg_background_run('SELECT $nap'); ASSERT (SELECT wait_event IS NULL FROM pg_stat_activity WHERE pid = pg_backend_pid())")" 00000
# From 17 on waits have names.
t_is 'a worker that has just done a job is not counted as idle' "$(each "PERFORM pg_background_run('SELECT 1');
	ASSERT (SELECT wait_event IS DISTINCT FROM 'PgBackgroundIdle' FROM pg_stat_activity WHERE backend_type = 'pg_background')")" 00000
t_is 'a failure wakes it' "$(each "PERFORM pg_background_run('SELECT 1/0 FROM $nap')")" 00000
t_is 'a job that nobody waits for wakes its worker' "$(each "PERFORM pg_background_submit('SELECT 1'), $nap")" 00000
t_is 'its being taken wakes who launches it' \
	"$(each "h := pg_background_launch('SELECT 1 FROM $nap'); PERFORM FROM pg_background_result(h) AS (i int)")" 00000
t_is 'the end of one of several wakes who waits for them' \
	"$(each "PERFORM FROM pg_background_run_all(ARRAY['SELECT 1 FROM $nap', 'SELECT 1', 'SELECT 1 FROM $nap'])")" 00000

# What a job sends while it goes on. Workers that leave wake the session as well: all but one are idle workers too many.
t_ok 'one worker stays' wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
session_open holder
session_do holder 'SELECT pg_advisory_lock(42);' >/dev/null
# A session without the timer of a statement_timeout, which goes off later on.
session_open n
session_do n "SELECT pid, cookie FROM pg_background_launch('DO \$\$ BEGIN PERFORM pg_sleep(2); RAISE WARNING ''first words''; PERFORM pg_advisory_lock(42); END \$\$') \\gset" >/dev/null
t_ok 'its job runs' wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND wait_event = 'PgSleep'"
ask n 'SELECT pg_background_wait(:pid, :cookie) \g /dev/null'
# Not for long: ten seconds after a session has gone idle, the timer for its statistics goes off, whatever it does by then.
first_words() {
	local end=$((SECONDS + 6))
	until grep -q 'first words' "$WORK/log/session-n.out"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}
t_ok 'a notice wakes its session' first_words
t_like 'who dozes shows what for' "$(sql "SELECT coalesce(wait_event, '') FROM pg_stat_activity WHERE pid = $(session_backend n)")" '^(PgBackgroundWait|Extension)$'
sql "SELECT pg_cancel_backend($(session_backend n))" >/dev/null
t_is 'a cancel wakes it' "$(answer n)" 57014
ask n 'SELECT pg_background_cancel(:pid, :cookie) \g /dev/null
SELECT pg_background_wait(:pid, :cookie) \g /dev/null'
t_is 'the end of a canceled job, too' "$(answer n)" 00000
session_do n "SELECT pid, cookie FROM pg_background_launch('SELECT pg_advisory_lock(42)') \\gset" >/dev/null
ask n 'SELECT pg_background_wait(:pid, :cookie, 300) AS in_time \gset'
t_is 'the end of its time wakes it' "$(answer n)" 00000
session_do n 'SELECT pg_background_cancel(:pid, :cookie) \g /dev/null' >/dev/null
t_ok 'that job ends' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND wait_event_type = 'Lock'"
ask n "SELECT pg_background_run('SELECT pg_advisory_lock(42)') \\g /dev/null"
t_ok 'a job runs' wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND wait_event_type = 'Lock'"
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_background' AND wait_event_type = 'Lock'" >/dev/null
t_is 'so does the end of the worker' "$(answer n)" 00000
session_close holder
session_close n

# Rows that come one at a time, while somebody reads.
t_is 'rows wake who reads them' "$(each "PERFORM count(*) FROM pg_background_run_query('SELECT i, repeat(''x'', 8000) FROM generate_series(1, 3) AS i, LATERAL (SELECT i + 1, $nap) AS p(a, b)') AS (i int, t text)")" 00000

# A worker that dozes: for a second at first, as it has statistics to report, and then for longer.
left="SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
worker() {
	t_ok "$1: nobody is left" wait_until "$left"
	session_do s "SET pg_background.worker_idle_timeout = '1h'; SELECT count(*) FROM pg_background_run('SELECT 1');" >/dev/null
	sleep 1.5
	t_like "$1: it shows what it waits for" "$(sql "SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'pg_background'")" '^(PgBackgroundIdle|Extension)$'
}
session_do s "SELECT pg_background_detach_all() \g /dev/null" >/dev/null
sql 'SELECT pg_reload_conf()' >/dev/null
worker reload
sql 'SELECT pg_reload_conf()' >/dev/null
worker 'letting go'
session_do s 'DISCARD ALL;' >/dev/null
worker "the session's end"
arm session-ending hold
session_close s
arrival session-ending >/dev/null
# Meanwhile the worker would doze again.
sleep 0.5
disarm_all
t_ok 'nobody dozes on' wait_until "$left"
t_no_leaks 'nothing is left'
t_done
