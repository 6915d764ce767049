#!/usr/bin/env bash
# A hundred thousand jobs from one session, then many sessions at once for a while, each doing random things and knowing
# what every answer has to be: test/soak/model.sql. Afterwards nothing may be left, and no memory be lost.
#
#   SOAK_SECONDS=600 SOAK_SESSIONS=20 SOAK_JOBS=100000     how long, how many, and the jobs of the one session
#   SOAK_SEED=N                                            the same random choices again; it is printed
. "$(dirname "$0")/lib.sh"

: "${SOAK_SECONDS:=600}" "${SOAK_SESSIONS:=20}" "${SOAK_JOBS:=100000}" "${SOAK_SEED:=$(($(date +%s) % 1000000))}"
SOAK=$PGBG_SRC/test/soak

suite_begin
say "seed $SOAK_SEED, PostgreSQL $("$PG_CONFIG" --version | sed 's/^[^0-9]*//')"
log_allow 'FATAL: +terminating background worker ".*" due to administrator command'

# resident PID: kB.
resident() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"; }

# at_most NAME GOT LIMIT
at_most() { if [ "$2" -le "$3" ]; then pass "$1 ($2)"; else fail "$1" "got:    $2" "at most: $3"; fi; }

# Segments of servers that are gone, made since this script began: no process has them mapped. Other servers may be alive.
shm_left() {
	local file left=() tries
	for ((tries = 0; tries < 10; tries++)); do
		left=()
		while read -r file; do
			grep -qsF "$file" /proc/[0-9]*/maps || left+=("$file")
		done < <(find /dev/shm -maxdepth 1 -name 'PostgreSQL.*' -newer "$WORK/log/begin" 2>/dev/null)
		[ ${#left[@]} -gt 0 ] || break
		sleep 0.5
	done
	say "${left[*]}"
}
: >"$WORK/log/begin"

# --- one session
# The shared memory of production, in a server of its own: what it leaves in /dev/shm has the server's name.
cluster_new one 'max_worker_processes = 16' 'dynamic_shared_memory_type = posix' 'min_dynamic_shared_memory = 0'
sql "$(cat "$SOAK/one_session.sql")"
session_open s
warm_up=$((SOAK_JOBS / 10 < 12000 ? SOAK_JOBS / 10 : 12000))
t_is "the first $warm_up jobs of one session" "$(session_do s "SELECT * FROM one_session($warm_up);" 600)" ''
backend=$(session_backend s) postmaster=$(cluster_postmaster one)
before=$(session_do s 'SELECT pg_background_detach_all_v2() \g /dev/null
	SELECT ours, total FROM memory();') resident_before=$(resident "$backend") postmaster_before=$(resident "$postmaster")
t_is "$((SOAK_JOBS - warm_up)) more" "$(session_do s "SELECT * FROM one_session($((SOAK_JOBS - warm_up)));" 3600)" ''
t_is 'the last thousand that nobody detached are there' "$(session_do s "SELECT count(*) = least(1000, $(((SOAK_JOBS - warm_up) / 10))) FROM pg_background_list;")" t
after=$(session_do s 'SELECT pg_background_detach_all_v2() \g /dev/null
	SELECT ours, total FROM memory();')
at_most 'memory of the extension grows by so many bytes' $((${after%|*} - ${before%|*})) 65536
at_most 'memory of the session in all' $((${after#*|} - ${before#*|})) 262144
at_most 'resident memory of the session, in kB' $(($(resident "$backend") - resident_before)) 4096
at_most 'resident memory of the postmaster, in kB' $(($(resident "$postmaster") - postmaster_before)) 1024
t_is 'the statistics add up' "$(session_do s "SELECT workers_launched = $SOAK_JOBS,
	workers_launched - workers_completed - workers_failed - workers_canceled - workers_timed_out - workers_active FROM pg_background_stats_v2();")" 't|0'
t_is 'all of them are forgotten' "$(session_do s 'SELECT count(*) FROM pg_background_list;')" 0
session_do s "SET pg_background.worker_idle_timeout = 0; SELECT pg_background_run_v2('SELECT 1');" >/dev/null
t_ok 'the last worker leaves' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'pg_background%'"
t_is 'of the extension in the session one memory context is left' "$(session_do s "SELECT pg_background_purge_v2() \\g /dev/null
	SELECT string_agg(name, ' ') FROM pg_backend_memory_contexts WHERE name LIKE 'pg_background%';")" pg_background
session_close s
cluster_stop one
t_is '/dev/shm is empty' "$(shm_left)" ''

# --- many sessions
cluster_new main 'max_worker_processes = 48' 'max_connections = 100' 'deadlock_timeout = 200ms' 'log_min_messages = warning' \
	'shared_buffers = 128MB' 'min_dynamic_shared_memory = 0' 'log_min_error_statement = panic'
for file in model steps answers; do psql -XAtq -v ON_ERROR_STOP=1 -f "$SOAK/$file.sql" || die "$file.sql"; done

# client NUMBER: a session that does random things, every tenth under a statement_timeout, until its time is over.
client() {
	local end=$((SECONDS + SOAK_SECONDS)) step
	local steps=''
	for ((step = 1; step < 10; step++)); do steps+=$'SELECT soak.step();\n'; done
	# Where a statement is interrupted, its changes of the model are gone, and what it launched is not.
	steps+="SELECT set_config('statement_timeout', soak.random(1, 80)::text, false); SELECT soak.step(); "
	steps+=$'RESET statement_timeout; SELECT soak.resync();\n'
	{
		say "CALL soak.begin($1, $SOAK_SEED, $SOAK_SECONDS);"
		while [ "$SECONDS" -lt "$end" ]; do say "$steps"; done
		say 'SELECT soak.finish();'
		# Then nothing is left but the one context.
		say "SET pg_background.worker_idle_timeout = 0; SELECT pg_background_run_v2('SELECT 1'); SELECT pg_sleep(1); SELECT pg_background_purge_v2();"
		say "INSERT INTO soak.total SELECT $1, '= contexts', count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'pg_background%';"
	} | psql -Xq -o /dev/null >"$WORK/log/client-$1.txt" 2>&1
}

postmaster=$(cluster_postmaster main)
clients=()
for ((i = 1; i <= SOAK_SESSIONS; i++)); do
	client "$i" &
	clients+=($!)
done
sleep $((SOAK_SECONDS / 5))
postmaster_before=$(resident "$postmaster")
wait "${clients[@]}"
at_most 'resident memory of the postmaster, in kB' $(($(resident "$postmaster") - postmaster_before)) 1024

# What a client may say: notices of jobs, and 57014 where the step had a statement_timeout. (It may be a job's, which passes
# through that step.) psql writes more than one line of each.
strange=$(grep -hE '^(psql:.*: )?(WARNING|ERROR|FATAL|PANIC|server|connection|psql)' "$WORK"/log/client-*.txt |
	grep -vE 'ERROR:  canceling (statement|background job) |WARNING:  skipping vacuum of "small" --- lock not available')
t_is 'every answer is what it must be' "$(head -n 30 <<<"$strange")" ''
t_is 'every session came to its end' "$(sql "SELECT count(*) FROM soak.total WHERE what = '= contexts'")" "$SOAK_SESSIONS"
t_is 'one memory context is left in each' "$(sql "SELECT DISTINCT n FROM soak.total WHERE what = '= contexts'")" 1
t_no_leaks 'no worker and no segment is left'
t_is 'no job runs on' "$(sql "SELECT pid, state, wait_event, query FROM pg_stat_activity WHERE backend_type = 'pg_background'")" ''
t_is 'every slot is free' "$(sql "SET pg_background.max_workers = 100; SET pg_background.worker_idle_timeout = 0;
	SELECT count(pg_background_submit_v2('SELECT pg_sleep(0.1)')) FROM generate_series(1, current_setting('max_worker_processes')::int - 1)" | tail -n 1)" 47
t_is 'no prepared transaction, no lock' "$(sql "SELECT (SELECT count(*) FROM pg_prepared_xacts), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')")" '0|0'
t_no_leaks 'nor afterwards'

say ''
say 'what was done:'
sql "SELECT format('  %-40s %s', what, sum(n)) FROM soak.total WHERE what <> '= contexts' GROUP BY what ORDER BY what"
say "  interrupted steps                        $(grep -chE 'ERROR:  canceling ' "$WORK"/log/client-*.txt | awk '{ n += $1 } END { print n }')"
say "seed $SOAK_SEED"
t_done
