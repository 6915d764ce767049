#!/usr/bin/env bash
# A worker that waits behind one who waits for its session waits for its session: 40P01, not for ever.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'deadlock_timeout = 200ms'
sql 'CREATE TABLE t (a int)'

session_open caller -v VERBOSITY=sqlstate
session_open third
session_do caller 'BEGIN; SELECT count(*) FROM t;' >/dev/null
session_send third 'BEGIN; LOCK TABLE t; ROLLBACK;'
t_ok 'a third session waits for the caller' wait_until 'SELECT count(*) = 1 FROM pg_locks WHERE NOT granted'
session_do caller "SET statement_timeout = '20s'; SELECT pid, cookie FROM pg_background_launch_v2('SELECT count(*) FROM t') \\gset job_" >/dev/null
t_like 'the caller is told that its job waits behind that' \
	"$(session_do caller "SELECT pg_background_wait_v2(:job_pid, :job_cookie);" 60)" 40P01
session_do caller 'ROLLBACK;' >/dev/null
t_ok 'and nobody waits any more' wait_until 'SELECT count(*) = 0 FROM pg_locks WHERE NOT granted'
session_close caller
session_close third
t_no_leaks 'nothing is left'
t_done
