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
# Nobody knows who has a job then: an idle worker gives its place up, and whoever is refused is so after a moment.
arm directory-anchor error
t_is 'a limit is kept, and an idle worker is not in the way' "$(psql -XAtq -v VERBOSITY=sqlstate 2>&1 <<SQL
SET client_min_messages = error;
SET pg_background.max_workers_per_role = 1;
SET pg_background.launch_timeout = 0;
SELECT (pg_background_run('SELECT 1')).completed;
SELECT (pg_background_run('SELECT 1', queue_size => 1048576)).completed;
SELECT FROM pg_background_launch('SELECT pg_sleep(60)') \\gset
SELECT FROM pg_background_launch('SELECT 1');
SELECT FROM pg_background_cancel_all() \\gset
SQL
)" $'t\nt\nERROR:  53400'
disarm directory-anchor
t_is 'another session makes it' "$(psql -XAtq <<<"SELECT (pg_background_run('SELECT 1')).completed; SELECT count(*) FROM pg_background_jobs;")" $'t\n1'
t_no_leaks 'nothing is left'
t_done
