#!/usr/bin/env bash
# The worker is cancelled, terminated or killed by somebody else: the session learns how its job ended, reads no garbage,
# and goes on. What was committed is a success whatever came after it.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_worker_processes = 12'
log_allow 'FATAL: +terminating background worker' 'FATAL: +terminating connection due to transaction timeout' \
	'terminated by signal 9: Killed' 'because of crash of another server process'
sql 'CREATE TABLE t(id int PRIMARY KEY, v text)'
launch() { say "SELECT pid, cookie FROM pg_background_launch_v2(\$job\$$1\$job\$) \\gset"; }
outcome='SELECT pg_background_wait_v2_timeout(:pid, :cookie, 10000) \g /dev/null
SELECT concat_ws($$ $$, state, sqlstate) FROM pg_background_outcome_v2(:pid, :cookie);'
rows='SELECT count(*) FROM pg_background_result_v2(:pid, :cookie) AS (t text) \g /dev/null
\echo :SQLSTATE'
worker_sleeps() { wait_until "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'active'"; }
# unread SIZE: more rows of that size than the queue holds, and then it sleeps, with the rest in a file.
unread() { launch "SELECT repeat('x', $1) || CASE WHEN g = $((2000000 / $1)) THEN pg_sleep(60)::text ELSE '' END FROM generate_series(1, $((2000000 / $1))) g"; }
files() { find "$(cluster_data main)/base/pgsql_tmp" -path '*.pgbg/*' -type f 2>/dev/null | wc -l; }
signal_workers() { sql "SELECT count($1(pid)) FROM pg_stat_activity WHERE backend_type = 'pg_background'"; }

session_open s -v VERBOSITY=sqlstate
# In the middle of a statement, with something to roll back.
for how in 'pg_cancel_backend canceled 57014' 'pg_terminate_backend error 57P01'; do
	session_do s "$(launch "INSERT INTO t VALUES (1, 'undone'); SELECT pg_sleep(60)")"
	worker_sleeps
	signal_workers "${how%% *}" >/dev/null
	t_is "${how%% *} while it runs" "$(session_do s "$outcome")" "${how#* }"
	t_is "${how%% *}: the error is raised by result, and stays" "$(session_do s "$rows
$outcome")" "ERROR:  ${how##* }"$'\n'"${how##* }"$'\n'"${how#* }"
done

# With rows in the queue and in a file: nobody reads them, or somebody is in the middle of it.
for size in 300000 5000 20; do
	for how in 'pg_cancel_backend canceled 57014' 'pg_terminate_backend error 57P01'; do
		session_do s "$(unread $size)"
		worker_sleeps
		session_send s "$rows"
		wait_until "SELECT state = 'active' FROM pg_stat_activity WHERE pid = $(session_backend s)"
		signal_workers "${how%% *}" >/dev/null
		session_sync s
		t_is "${how%% *} while rows of $size bytes are read: no garbage" "$(session_do s "$outcome")" "${how#* }"
		t_is "${how%% *} while rows of $size bytes are read: the reader is told" "$(session_output s | tail -n 3 | grep -c "ERROR:  ${how##* }")" 1
		session_do s 'SELECT pg_background_detach_all_v2() \g /dev/null'
		session_do s "$(unread $size)"
		worker_sleeps
		t_is "rows of $size bytes are in a file" "$(files)" 1
		signal_workers "${how%% *}" >/dev/null
		wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
		t_is "${how%% *}, rows of $size bytes: gone before anybody reads" "$(session_do s "$outcome")" "${how#* }"
		t_is "${how%% *}, rows of $size bytes: the file is gone, too" "$(files)" 0
	done
done
t_is 'nothing was committed' "$(sql 'SELECT count(*) FROM t')" 0

# Rows, notices and a long error that are still in the queue when the worker has gone.
session_do s 'SET pg_background.worker_idle_timeout = 0;'
session_do s "$(launch "SELECT repeat('x', 1000) FROM generate_series(1, 50)")"
wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
t_is 'rows outlive their worker' "$(session_do s 'SELECT count(*) FROM pg_background_result_v2(:pid, :cookie) AS (t text);')" 50
session_do s "$(launch "DO \$\$BEGIN RAISE '%', repeat('y', 30000); END\$\$")"
wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
t_is 'so does a long error' "$(session_do s 'SELECT length(message) FROM pg_background_error_info_v2(:pid, :cookie);')" 30000

# An error that is longer than the queue is in a file: its worker waits for nobody.
session_do s "$(launch "DO \$\$BEGIN RAISE '%', repeat('y', 200000); END\$\$")"
wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
t_is 'a long error is in a file' "$(files)" 1
t_is 'and is whole when it is read' "$(session_do s "$outcome
	SELECT length(message) FROM pg_background_error_info_v2(:pid, :cookie);")" $'error P0001\n200000'
t_is 'its file is gone' "$(files)" 0

# Idle workers.
session_do s "SET pg_background.worker_idle_timeout = '10min';"
one="SELECT pid FROM pg_background_run_v2('SELECT 1');"
first=$(session_do s "$one")
signal_workers pg_cancel_backend >/dev/null
t_is 'an idle worker ignores pg_cancel_backend, and its next job is not cancelled' "$(session_do s "SELECT pid, sqlstate FROM pg_background_run_v2('SELECT pg_sleep(0.1)');")" "$first|"
signal_workers pg_terminate_backend >/dev/null
wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
t_ok 'an idle worker that was terminated is replaced' [ "$(session_do s "$one")" != "$first" ]
# A cancel that comes as the job ends: it hits this job or nothing, never the next one on the same worker.
t_is 'cancels that race with the end never hit the next job' "$(session_do s "DO \$\$
DECLARE
    a pg_background_handle;
    o pg_background_outcome;
    r pg_background_run_result;
    cancelled int := 0;
    ended int := 0;
BEGIN
    FOR i IN 1..400 LOOP
        a := pg_background_launch_v2('SELECT pg_sleep(' || (i % 20) / 10000.0 || ')');
        PERFORM pg_sleep((i % 7) / 3000.0);
        PERFORM pg_background_cancel_v2(a.pid, a.cookie);
        PERFORM pg_background_wait_v2(a.pid, a.cookie);
        o := pg_background_outcome_v2(a.pid, a.cookie);
        IF o.state = 'canceled' THEN cancelled := cancelled + 1; ELSIF o.state = 'stopped' THEN ended := ended + 1;
        ELSE RAISE 'state %', o; END IF;
        PERFORM pg_background_detach_v2(a.pid, a.cookie);
        r := pg_background_run_v2('SELECT pg_sleep(0.0005)');
        IF r.has_error THEN RAISE 'the next job: %', r; END IF;
    END LOOP;
    RAISE NOTICE '% and %', cancelled > 0, ended > 0;
END\$\$;" 60)" 'NOTICE:  00000'
# The same from outside: pg_cancel_backend may hit the next job, but it does so cleanly.
for ((i = 0; i < 200; i++)); do printf '%s\n' "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'pg_background';" 'SELECT pg_sleep(0.002);'; done >"$WORK/log/cancels.sql"
psql -XAtq -f "$WORK/log/cancels.sql" >/dev/null &
shooter=$!
t_is 'random pg_cancel_backend: each job ends or is cancelled' "$(session_do s "SELECT DISTINCT coalesce(sqlstate, 'ok') IN ('ok', '57014') FROM generate_series(1, 300), LATERAL pg_background_run_v2('SELECT pg_sleep(0.001 + 0 * ' || generate_series || ')');" 60)" t
wait "$shooter"

# worker_timeout against a job that will not listen: a second later its worker ends itself.
session_do s "SET pg_background.worker_timeout = '300ms';"
session_do s "$(launch 'DO $$BEGIN LOOP BEGIN PERFORM pg_sleep(10); EXCEPTION WHEN query_canceled THEN END; END LOOP; END$$')"
start=${EPOCHREALTIME//[.,]/}
t_is 'a job that catches query_canceled is ended by worker_timeout' "$(session_do s "$outcome")" 'canceled 57014'
took=$(((${EPOCHREALTIME//[.,]/} - start) / 1000))
t_ok "a second later ($took ms)" [ "$took" -gt 800 -a "$took" -lt 4000 ]
t_is 'and counts as timed out' "$(session_do s 'SELECT workers_timed_out FROM pg_background_stats_v2();')" 1
t_is 'worker_timeout of a sleeping job' "$(session_do s "SELECT sqlstate, error_message FROM pg_background_run_v2('SELECT pg_sleep(60)');")" '57014|canceling background job due to its time-out'
session_do s 'RESET pg_background.worker_timeout;'
t_is 'statement_timeout set inside the job counts from the next statement on' "$(session_do s "SELECT sqlstate, error_message FROM pg_background_run_v2('SET statement_timeout = 100; SELECT pg_sleep(60)');")" '57014|canceling statement due to statement timeout'
t_is 'and is gone with it' "$(session_do s "SELECT sqlstate FROM pg_background_run_v2('SELECT pg_sleep(0.3)');")" ''
t_is 'statement_timeout is for each statement' "$(session_do s "SELECT sqlstate FROM pg_background_run_v2('SET statement_timeout = 4000; SELECT pg_sleep(1.4); SELECT pg_sleep(1.4); SELECT pg_sleep(1.4)');")" ''
if [ "$(pg_major)" -ge 17 ]; then
	t_is 'transaction_timeout' "$(session_do s "SELECT sqlstate FROM pg_background_run_v2('SET transaction_timeout = 100; SELECT pg_sleep(60)');")" 25P04
fi
session_do s 'SELECT pg_background_detach_all_v2() \g /dev/null'
session_close s
t_no_leaks 'nothing is left of these'

# A commit that waits for a synchronous standby that is not there is committed all the same.
sql "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
cluster_reload main
session_open s -v VERBOSITY=sqlstate
session_do s 'SET synchronous_commit = on; SET client_min_messages = error;'
for how in pg_cancel_backend pg_terminate_backend; do
	session_do s "$(launch "INSERT INTO t VALUES (${#how}, 'done')")"
	wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND wait_event = 'SyncRep'"
	signal_workers "$how" >/dev/null
	t_is "$how while it waits for a standby" "$(session_do s "$outcome")" stopped
	t_is "$how while it waits for a standby: done" "$(sql "SELECT v FROM t WHERE id = ${#how}")" 'done'
done
session_do s "$(launch "INSERT INTO t VALUES (100, 'done')")"
wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND wait_event = 'SyncRep'"
t_is 'cancelled while it waits for a standby' "$(session_do s "SELECT pg_background_cancel_v2(:pid, :cookie) \\g /dev/null
$outcome")" stopped
session_close s
sql 'ALTER SYSTEM RESET synchronous_standby_names'
cluster_reload main
t_no_leaks 'nothing is left of these either'

# kill -9: PostgreSQL restarts the cluster. Sessions come back, and nothing of ours is in the way.
for what in running idle sending launcher; do
	session_open s
	case $what in
		running | launcher)
			session_do s "$(launch 'INSERT INTO t VALUES (200); SELECT pg_sleep(60)')"
			worker_sleeps
			;;
		idle) session_do s "$one" >/dev/null ;;
		sending)
			session_do s "$(unread 30000)"
			worker_sleeps
			;;
	esac
	if [ "$what" = launcher ]; then
		victim=$(session_backend s)
	else
		victim=$(sql "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_background'")
	fi
	# Where new processes start for each job there is no idle one to kill.
	if [ -z "$victim" ]; then
		session_close s
		continue
	fi
	before=$(grep -c 'ready to accept connections' "$(cluster_log main)")
	session_send s 'SELECT pg_background_wait_v2(:pid, :cookie);'
	kill -KILL "$victim"
	end=$((SECONDS + 30))
	until [ "$(grep -c 'ready to accept connections' "$(cluster_log main)")" -gt "$before" ] || [ "$SECONDS" -ge "$end" ]; do sleep 0.05; done
	session_close s
	wait_until 'SELECT true'
	t_no_leaks "kill -9, $what: nothing is left"
	t_is "kill -9, $what: the directory went, too" "$(segments $DIRECTORY_MAGIC)" 0
	t_is "kill -9, $what: sessions come back and launch" "$(sql "SELECT n FROM pg_background_run_query_v2('SELECT 1', col_def => 'n int') AS (n int)")" 1
	t_is "kill -9, $what: with one new directory" "$(segments $DIRECTORY_MAGIC)" 1
done
t_is 'nothing was committed by those' "$(sql 'SELECT count(*) FROM t WHERE id = 200')" 0
t_no_leaks 'nothing is left'
t_done
