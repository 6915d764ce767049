#!/usr/bin/env bash
# How much memory both processes need for a large result, and how much of it goes to temporary files, on a throwaway server
# of the PostgreSQL of PG_CONFIG. Prints a table; results/ gets memory.csv.
#
#   BENCH_ROWS       rows of the largest result (10000000)
#   BENCH_WORK_MEM   work_mem ("4MB")
. "$(dirname "$0")/lib.sh"
: "${BENCH_ROWS:=10000000}" "${BENCH_WORK_MEM:=4MB}"

bench_begin
# The worker has to be there still when it is asked, after the rows were read.
bench_server main "work_mem = $BENCH_WORK_MEM" "pg_background.worker_idle_timeout = 10min" || die 'no server'
sql 'CREATE EXTENSION pg_background' || die 'no extension'
machine=$(bench_machine)
say "$machine; work_mem $BENCH_WORK_MEM"

# peak PID: the most memory that the process has had to itself since the last `forget`, in kB. Shared memory is the same
# for everybody and touched bit by bit, so what is resident of it now is taken off.
peak() { awk '/^VmHWM/ { n += $2 } /^RssShmem/ { n -= $2 } END { print n }' "/proc/$1/status"; }
forget() { say 5 >"/proc/$1/clear_refs" || die 'cannot clear the peak: only root may'; }
temporary_files() { find "$(cluster_data main)/base/pgsql_tmp" -type f 2>/dev/null | wc -l; }

# The worker streams these: a set-returning function in the select list.
job() { say "SELECT g, ''row number '' || g, g::numeric / 7 FROM (SELECT generate_series(1, $1) AS g) s"; }
columns='AS (g int, t text, n numeric)'

printf 'rows,way,launcher_peak_kb,worker_peak_kb,temporary_files_kb,temporary_files_left\n' >"$BENCH_RESULTS/memory.csv"
printf '%12s  %-22s %14s %14s %16s %6s\n' rows way 'launcher, kB' 'worker, kB' 'temp. files, kB' left

# measure ROWS WAY SQL: in a session of its own, with a worker that has done a job before. The SQL reads everything, and
# then the files' size is asked for in the same statement, while they still exist.
measure() {
	local rows=$1 way=$2 statement=$3 launcher worker output mine other left
	session_open s -v ON_ERROR_STOP=1
	session_do s "${statement//%ROWS%/10}" >/dev/null
	launcher=$(session_backend s)
	worker=$(session_do s "SELECT pid FROM pg_background_run_v2('SELECT 1');")
	forget "$launcher"
	forget "$worker"
	output=$(session_do s "${statement//%ROWS%/$rows}" 3600)
	mine=$(peak "$launcher") other=$(peak "$worker")
	[[ $output =~ ^$rows\|([0-9]+)$ ]] || die "$way: $output"
	left=$(temporary_files)
	printf '%12d  %-22s %14d %14d %16d %6d\n' "$rows" "$way" "$mine" "$other" "${BASH_REMATCH[1]}" "$left"
	say "$rows,\"$way\",$mine,$other,${BASH_REMATCH[1]},$left" >>"$BENCH_RESULTS/memory.csv"
	session_close s
}

kilobytes='(SELECT coalesce(sum(size), 0) / 1024 FROM pg_ls_tmpdir())::int8'
for rows in 1000 $((BENCH_ROWS / 100)) "$BENCH_ROWS"; do
	measure "$rows" run_query "SELECT count(*), $kilobytes FROM pg_background_run_query_v2('$(job %ROWS%)') $columns;"
	measure "$rows" 'launch, result' "SELECT count(r.g), $kilobytes FROM pg_background_launch_v2('$(job %ROWS%)') l, pg_background_result_v2(l.pid, l.cookie) AS r(g int, t text, n numeric);"
	measure "$rows" 'launch, wait, result' "SELECT pid, cookie FROM pg_background_launch_v2('$(job %ROWS%)') \\gset
		SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null
		SELECT count(*), $kilobytes FROM pg_background_result_v2(:pid, :cookie) $columns;"
	measure "$rows" submit "SELECT pid, cookie FROM pg_background_submit_v2('$(job %ROWS%)') \\gset
		SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null
		SELECT row_count, $kilobytes FROM pg_background_outcome_v2(:pid, :cookie);"
done
say "results in $BENCH_RESULTS"
cluster_stop_all
