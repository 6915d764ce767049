#!/usr/bin/env bash
# Idle workers give way: nobody is refused a slot, or a place of its role, that only idle workers hold; and never more than
# a quarter of max_worker_processes are idle.
. "$(dirname "$0")/../lib.sh"
suite_begin

# crowd SESSIONS PLACES JOBS SQL [psql arguments]: each session does so many jobs; at most so many sessions at a time have
# one, because each waits for one of that many locks. Prints how often which SQLSTATE came of it.
crowd() {
	local sessions=$1 places=$2 jobs=$3 job=$4 i pids=()
	shift 4
	for ((i = 0; i < sessions; i++)); do
		psql -XAtq "$@" -v place=$((i % places)) >"$WORK/log/crowd-$i.out" 2>&1 <<-SQL &
			SET my.place = :place;
			DO \$\$
			DECLARE r record;
			BEGIN
				FOR i IN 1..$jobs LOOP
					PERFORM pg_advisory_lock(7, current_setting('my.place')::int);
					BEGIN
						SELECT coalesce(sqlstate, '00000') AS code, error_message AS message INTO r FROM pg_background_run_v2(\$j\$$job\$j\$);
					EXCEPTION WHEN OTHERS THEN
						r := (SQLSTATE, SQLERRM);
						SELECT SQLSTATE AS code, SQLERRM AS message INTO r;
					END;
					PERFORM pg_advisory_unlock(7, current_setting('my.place')::int);
					RAISE WARNING 'code %', r.code;
				END LOOP;
			END \$\$;
		SQL
		pids+=($!)
	done
	wait "${pids[@]}"
	cat "$WORK"/log/crowd-*.out | sed -n 's/^WARNING: *//p; /^ERROR/p' | sort | uniq -c | sed 's/^ *//'
	rm -f "$WORK"/log/crowd-*.out
}

# --- two slots
cluster_new two 'pg_background.launch_timeout = 0' 'max_worker_processes = 2' 'max_parallel_workers = 2' 'max_logical_replication_workers = 0' 'log_min_messages = error'
sql 'CREATE TABLE t (i int); CREATE ROLE a; CREATE ROLE b; GRANT pgbackground_role TO a, b; GRANT ALL ON t TO a, b'
t_is 'a tight loop' "$(sql "SELECT count(*) FROM generate_series(1, 300) i, pg_background_run_v2('INSERT INTO t VALUES (1 + 0 * ' || i || ')') WHERE NOT has_error")" 300
t_is 'a tight loop of jobs that fail' "$(sql "SELECT count(*) FROM generate_series(1, 60) i, pg_background_run_v2('SELECT 1/0 --' || i) WHERE sqlstate = '22012'")" 60
t_is 'a tight loop under changing roles' "$(sql "
	DO \$\$ BEGIN FOR i IN 1..30 LOOP
		SET ROLE a; PERFORM pg_background_run_v2('INSERT INTO t VALUES (2)');
		SET ROLE b; PERFORM pg_background_run_v2('INSERT INTO t VALUES (2)');
		RESET ROLE; PERFORM pg_background_run_v2('INSERT INTO t VALUES (2)');
	END LOOP; END \$\$;
	SELECT count(*) FROM t WHERE i = 2" 2>&1)" 90
t_is 'a tight loop without warm workers' "$(sql "SET pg_background.worker_idle_timeout = 0;
	SELECT count(*) FROM generate_series(1, 60) i, pg_background_run_v2('INSERT INTO t VALUES (1 + 0 * ' || i || ')') WHERE NOT has_error" 2>&1)" 60
t_is 'six sessions, one job at a time' "$(crowd 6 1 25 'INSERT INTO t VALUES (3)')" '150 code 00000'
t_is 'six sessions, two jobs at a time, waiting for slots' "$(PGOPTIONS='-c pg_background.launch_timeout=10s' crowd 6 2 15 'INSERT INTO t VALUES (3)')" '90 code 00000'
t_no_leaks 'nothing is left'
cluster_stop two

# --- eight slots
cluster_new eight 'pg_background.launch_timeout = 0' 'max_worker_processes = 8' 'max_logical_replication_workers = 0' 'log_min_messages = error' 'pg_background.worker_idle_timeout = 1min'
sql 'CREATE TABLE t (i int); CREATE ROLE limited LOGIN; GRANT pgbackground_role TO limited; GRANT ALL ON t TO limited'
t_is 'twenty sessions, seven jobs at a time' "$(crowd 20 7 12 'INSERT INTO t VALUES (3)')" '240 code 00000'
t_is 'twenty sessions, all at a time, waiting for slots' "$(PGOPTIONS='-c pg_background.launch_timeout=20s' crowd 20 20 12 'INSERT INTO t VALUES (4)')" '240 code 00000'
t_is 'every row is there' "$(sql 'SELECT count(*) FROM t')" 480
t_no_leaks 'nothing is left'

# --- the cap
idle_workers() { sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'idle'"; }
for i in 1 2 3 4 5 6; do session_open "cap$i"; done
for i in 1 2 3 4 5 6; do session_do "cap$i" "SELECT pg_background_run_v2('SELECT 1') \\g /dev/null"; done
t_ok 'with eight slots two workers stay idle' wait_until "SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
most=0
for round in 1 2 3 4 5 6; do
	for i in 1 2 3 4 5 6; do session_send "cap$i" "SELECT count(*) FROM generate_series(1, 20) i, pg_background_run_v2('SELECT $round + ' || i) \\g /dev/null"; done
	for i in 1 2 3 4 5 6; do session_sync "cap$i"; done
	sleep 0.2
	idle=$(idle_workers)
	[ "$idle" -le "$most" ] || most=$idle
done
t_ok "and no more, however they race: $most" test "$most" -le 2
session_do cap1 "SET max_parallel_workers_per_gather = 6; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET max_parallel_workers = 8; CREATE TABLE big AS SELECT generate_series(1, 1000) i; ALTER TABLE big SET (parallel_workers = 6);" >/dev/null
t_like 'the rest is there for parallel queries' "$(session_do cap1 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT count(*) FROM big;')" 'Workers Launched: 6'
# After a race fewer may have stayed.
for i in 1 2 3 4 5 6; do session_do "cap$i" "SELECT pg_background_run_v2('SELECT 1') \\g /dev/null"; done
t_ok 'two workers are idle' wait_until "SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
t_is 'but no session is refused their slots' "$(sql "SELECT count(pg_background_submit('SELECT pg_sleep(2)')) FROM generate_series(1, 8)" 2>&1)" 8
for i in 1 2 3 4 5 6; do session_close "cap$i" kill; done
t_no_leaks 'nothing is left'

# The third leaves, wherever it stands among the server's processes.
for last in 1 2 3; do
	for i in 1 2 3; do
		session_open "cap$i"
		session_do "cap$i" "SELECT pg_background_submit('SELECT pg_sleep(' || $((i == last)) || ')') \\g /dev/null" >/dev/null
	done
	sleep 1.5
	t_ok "of three the last, number $last: two stay" wait_until "SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
	for i in 1 2 3; do session_close "cap$i"; done
	t_no_leaks 'nothing is left'
done

# Six sessions of which each runs one job after another: the workers are idle in between, though not for long.
sql 'CREATE TABLE who (pid int)'
pids=()
for i in 1 2 3 4 5 6; do
	PGOPTIONS='-c pg_background.launch_timeout=20s' psql -XAtqc "DO \$\$ BEGIN WHILE clock_timestamp() < now() + interval '2 seconds' LOOP
		PERFORM pg_sleep(0.001), pg_background_run('INSERT INTO who SELECT pg_backend_pid()'); END LOOP; END \$\$" &
	pids+=($!)
done
wait "${pids[@]}"
read -r count processes < <(sql 'SELECT count(*), count(DISTINCT pid) FROM who' -F ' ')
t_ok "do not start a process for each: $processes of $count" test $((processes * 10)) -lt "$count"
t_no_leaks 'nothing is left'

# --- max_workers_per_role
t_is 'an ordinary role cannot raise its limit' "$(PGUSER=limited sql_code 'SELECT pg_background_purge_v2()' 'SET pg_background.max_workers_per_role = 100')" 42501
t_is 'nor before the library is loaded' "$(PGUSER=limited PGOPTIONS='-c pg_background.max_workers_per_role=100' psql -XAtq \
	-c "SET pg_background.max_workers_per_role = 100" -c 'SELECT pg_background_purge_v2()' -c 'SHOW pg_background.max_workers_per_role' 2>/dev/null | tail -n 1)" 0
# What each job sees: how many processes its role has, itself included.
count="INSERT INTO t SELECT 1000 * %s + count(*) FROM pg_stat_activity WHERE backend_type = 'pg_background' AND usename = 'limited'"
for limit in 1 3; do
	sql "ALTER ROLE limited SET pg_background.max_workers_per_role = $limit"
	# shellcheck disable=SC2059 # count is the format
	t_is "two sessions race for the last place of $limit" "$(crowd 2 $((limit < 2 ? 1 : 2)) 20 "$(printf "$count" $limit)" -U limited)" '40 code 00000'
	# shellcheck disable=SC2059
	t_is "ten sessions, $limit jobs at a time: nobody is refused" "$(crowd 10 $limit 8 "$(printf "$count" $limit)" -U limited)" '80 code 00000'
	# shellcheck disable=SC2059
	t_like "ten sessions, all at a time: the limit is kept" "$(crowd 10 10 8 "$(printf "$count" $limit)" -U limited | tr '\n' ' ')" '^[0-9]+ code 00000 ([0-9]+ code 53400 )?$'
	t_ok "never more than $limit at once" test "$(sql "SELECT max(i % 1000) FROM t WHERE i / 1000 = $limit")" -le $limit
done
t_no_leaks 'nothing is left'
t_done
