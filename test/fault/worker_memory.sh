#!/usr/bin/env bash
# A worker takes no more memory for many rows than for few.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main

# peak SQL: the most memory of its own that a worker had by the end of that, in kB.
peak() {
	session_open s
	session_do s "SET pg_background.worker_idle_timeout = '1h';" >/dev/null
	pid=$(session_do s "SELECT pid, cookie FROM pg_background_launch_v2('$1') \gset job_
		SELECT count(*) > 0 AS any FROM pg_background_result_v2(:job_pid, :job_cookie) AS (r text) \gset
		\echo :job_pid" 120)
	awk '/^VmHWM/ { peak = $2 } /^RssShmem|^RssFile/ { shared += $2 } END { print peak - shared }' "/proc/$pid/status"
	session_close s
}
few=$(peak "SELECT row(i, repeat(''x'', 1000)) FROM generate_series(1, 1000) i")
many=$(peak "SELECT row(i, repeat(''x'', 1000)) FROM generate_series(1, 100000) i")
t_like 'both were measured' "$few $many" '^[0-9]+ [0-9]+$'
t_ok "rows that need work: $few kB for a thousand, $many kB for a hundred times as many" test "$many" -lt "$((few + 20000))"
sql "CREATE TABLE t (a text); ALTER TABLE t ALTER a SET STORAGE EXTERNAL; INSERT INTO t SELECT repeat('x', 100000)"
few=$(peak 'SELECT a FROM t, generate_series(1, 10) g')
many=$(peak 'SELECT a FROM t, generate_series(1, 1000) g')
t_like 'both were measured, too' "$few $many" '^[0-9]+ [0-9]+$'
t_ok "values that are stored out of line: $few kB for 10, $many kB for a hundred times as many" test "$many" -lt "$((few + 20000))"
t_no_leaks 'nothing is left'
t_done
