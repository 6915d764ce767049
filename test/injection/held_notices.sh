#!/usr/bin/env bash
# A notice that is raised where no interrupt can be served waits for nobody: it goes to the launcher in its order, and the
# server log has it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'max_worker_processes = 6' 'log_min_messages = notice'
COUNT=5000
job="SELECT count(pgbg_test_hold_notice(repeat('held ', 20) || g)) FROM generate_series(1, $COUNT) AS g"
heard() { session_output s | grep -oE 'NOTICE: .* [0-9]+$' | grep -oE '[0-9]+$'; }
logged() { grep -cE '\] pg_background : NOTICE: +(held )+[0-9]+$' "$(cluster_log main)"; }

session_open s
# A small queue that nobody reads.
session_do s "SELECT pid, cookie FROM pg_background_launch(\$\$$job\$\$, 65536) \\gset" >/dev/null
t_ok 'the job ends though nobody reads' wait_until "SELECT count(*) = 1 FROM pg_background_jobs WHERE state = 'stopped'"
t_is 'and its rows are there' "$(session_do s 'SELECT * FROM pg_background_result(:pid, :cookie) AS (n bigint);' | tail -n 1)" $COUNT
t_is 'the server log has each notice' "$(logged)" $COUNT
t_is 'who reads has them in their order, each once' "$(heard | sort -nu | tr '\n' ' ')" "$(heard | tr '\n' ' ')"
t_ok 'the first ones at least' test "$(heard | head -n 100 | paste -sd ' ')" = "$(seq -s ' ' 100)"

# Where they could not be written either, the job is none the worse.
session_do s "SELECT pg_background_detach_all() \\g /dev/null
SET temp_file_limit = '128kB';
SELECT pid, cookie FROM pg_background_launch(\$\$$job\$\$, 65536) \\gset
RESET temp_file_limit;" >/dev/null
t_ok 'the job ends though nobody reads and there is no room for a file' wait_until "SELECT count(*) = 2 FROM pg_background_jobs WHERE state IN ('stopped', 'error')"
t_is 'and has not failed' "$(session_do s 'SELECT pg_background_wait(:pid, :cookie) \g /dev/null
SELECT state, sqlstate FROM pg_background_outcome(:pid, :cookie);' | tail -n 1)" 'stopped|'

# A cancel that comes meanwhile is served once it can be.
session_do s "SELECT pg_background_detach_all() \\g /dev/null
SELECT pid, cookie FROM pg_background_launch(\$\$SELECT pgbg_test_hold_notice('x') FROM generate_series(1, 100000000)\$\$, 65536) \\gset" >/dev/null
t_ok 'it runs' wait_until "SELECT count(*) = 1 FROM pg_background_jobs WHERE state = 'running'"
t_is 'a cancel among such notices' "$(session_do s 'SET client_min_messages = error;
SELECT pg_background_cancel(:pid, :cookie) \g /dev/null
SELECT pg_background_wait(:pid, :cookie, 10000);
SELECT state FROM pg_background_outcome(:pid, :cookie);')" 't
canceled'
session_close s
t_no_leaks 'nothing is left'
t_done
