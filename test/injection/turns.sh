#!/usr/bin/env bash
# A session takes messages from its jobs in turns. Where more is there than a turn takes, and nobody is left who would wake
# the session, it looks again by itself.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'max_worker_processes = 6' 'deadlock_timeout = 1min'
session_open s
# The first row comes at once, the others when the session has begun to read, and is kept from going on until all are there.
arm result-direct hold
session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT i, repeat(''x'', 16000) FROM generate_series(1, 2400) AS i
	WHERE i <> 2 OR pg_sleep(1) IS NOT NULL', 50331648) \\gset" >/dev/null
ask s 'SELECT count(*) = 2400 AS all_of_them FROM pg_background_result_v2(:pid, :cookie) AS (i int, t text) \gset'
arrival result-direct >/dev/null
t_ok 'the job ends' wait_until "SELECT count(*) = 1 FROM pg_background_jobs WHERE state = 'stopped'"
disarm_all
t_is 'all of its rows are read, though nobody wakes who reads them' "$(answer s)" 00000
t_is 'none is missing' "$(session_do s '\echo :all_of_them')" t
session_close s
t_no_leaks 'nothing is left'
t_done
