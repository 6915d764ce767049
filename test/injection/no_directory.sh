#!/usr/bin/env bash
# The directory of jobs cannot be had, for want of the named memory or of the segment: everything else works, one WARNING says so,
# nothing stays locked, and the next session makes it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main
for p in directory-anchor directory-table; do
arm $p error
t_is "$p: everything else works, one WARNING" "$(psql -XAtq 2>&1 <<SQL
SELECT (pg_background_run('SELECT 1')).completed;
SELECT (pg_background_run('SELECT 1')).completed;
SELECT * FROM pg_background_run_query('SELECT 7') AS (n int);
SELECT count(*) FROM pg_background_jobs;
SELECT count(*) FROM pg_locks WHERE NOT granted;
SQL
)" "WARNING:  background jobs are known to their own sessions only
DETAIL:  There is no shared memory for the directory of jobs: error at point $p.
t
t
7
0
0"
disarm $p
done
t_is 'another session makes it' "$(psql -XAtq <<<"SELECT (pg_background_run('SELECT 1')).completed; SELECT count(*) FROM pg_background_jobs;")" $'t\n1'
t_no_leaks 'nothing is left'
t_done
