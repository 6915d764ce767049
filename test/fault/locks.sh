#!/usr/bin/env bash
# Waiting for a worker that waits for somebody: no false alarm where that is not this session, and no hang where it is.
# What is an alarm: regress/specs/deadlock.spec.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'deadlock_timeout = 100ms' 'max_connections = 30'
sql 'CREATE TABLE t(id int PRIMARY KEY, v int); INSERT INTO t SELECT g, 0 FROM generate_series(1, 10) g'
milliseconds() { say "$((${EPOCHREALTIME//[.,]/} / 1000))"; }
launch() { say "SELECT pid, cookie FROM pg_background_launch_v2(\$job\$$1\$job\$) \\gset"; }
wait='SELECT pg_background_wait_v2(:pid, :cookie) \g /dev/null
\echo :SQLSTATE'
outcome='SELECT concat_ws($$ $$, state, sqlstate) FROM pg_background_outcome_v2(:pid, :cookie);'
worker_waits() { wait_until "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND wait_event_type = 'Lock'"; }

# It is told about deadlock_timeout after it began to wait, and not much later.
session_open s
session_do s "SET deadlock_timeout = '1s'; BEGIN; UPDATE t SET v = 1 WHERE id = 1;"
session_do s "$(launch 'UPDATE t SET v = 2 WHERE id = 1')"
start=$(milliseconds)
t_is 'a row of the caller' "$(session_do s "$wait")" $'ERROR:  deadlock detected between this session and its background worker
DETAIL:  This session waits for the worker with PID '"$(session_do s '\echo :pid')"$', which waits, directly or through others, for a lock of this session\'s transaction. The worker was canceled.
HINT:  Commit before waiting.
40P01'
took=$(($(milliseconds) - start))
t_ok "after deadlock_timeout, 1 s ($took ms)" [ "$took" -ge 950 -a "$took" -le 2500 ]
session_do s 'ROLLBACK; RESET deadlock_timeout;'
t_is 'the worker was cancelled' "$(session_do s "$wait
$outcome")" $'00000\ncanceled 57014'

# Somebody else's lock: this one waits as long as it takes.
session_open other
session_do s 'BEGIN; UPDATE t SET v = 4 WHERE id = 3;'
blocked="SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_background' AND wait_event_type = 'Lock'"
for sql in 'UPDATE t SET v = 5 WHERE id = 2' 'SELECT pg_advisory_xact_lock(7)' 'LOCK TABLE t IN SHARE MODE; SELECT 1'; do
	session_do other 'BEGIN; UPDATE t SET v = 3 WHERE id = 2; SELECT pg_advisory_xact_lock(7) \g /dev/null'
	# With a lock of its own, except on the table that the last one locks.
	[ "${sql%% *}" != LOCK ] || session_do s 'COMMIT; BEGIN;'
	session_do s "$(launch "$sql")"
	session_send s "$wait"
	worker_waits
	# Ten times deadlock_timeout.
	sleep 1
	t_is "$sql: still waits" "$(sql "$blocked")" 1
	session_do other 'COMMIT;'
	session_sync s
	t_is "$sql: ends when the other commits" "$(session_do s "$outcome")" stopped
done
session_do s 'COMMIT;'

# A chain that ends elsewhere: the worker waits for a third, the third for a fourth; our own lock has waiters as well.
session_open fourth
session_do fourth 'BEGIN; UPDATE t SET v = 1 WHERE id = 4;'
session_do other 'BEGIN; UPDATE t SET v = 1 WHERE id = 5;'
session_send other 'UPDATE t SET v = 2 WHERE id = 4;'
session_do s 'BEGIN; UPDATE t SET v = 1 WHERE id = 6;'
session_open waiter
session_send waiter 'UPDATE t SET v = 2 WHERE id = 6;'
session_do s "$(launch 'UPDATE t SET v = 3 WHERE id = 5')"
session_send s "$wait"
worker_waits
sleep 0.6
t_is 'a chain that ends elsewhere is no deadlock' "$(sql "$blocked")" 1
session_do fourth 'COMMIT;'
session_sync other
session_do other 'COMMIT;'
session_sync s
t_is 'and dissolves' "$(session_do s "$outcome")" stopped
session_do s 'COMMIT;'
session_sync waiter

# The chain closes only while we wait: the third begins to wait for us after the worker began to wait for it.
session_do other 'BEGIN; UPDATE t SET v = 1 WHERE id = 7;'
session_do s 'BEGIN; UPDATE t SET v = 1 WHERE id = 8;'
session_do s "$(launch 'UPDATE t SET v = 3 WHERE id = 7')"
session_send s "$wait"
worker_waits
sleep 0.3
session_send other 'UPDATE t SET v = 2 WHERE id = 8;'
session_sync s
t_is 'a chain that closes later is found' "$(session_output s | tail -n 1)" 40P01
session_do s 'ROLLBACK;'
session_sync other
session_do other 'ROLLBACK;'
session_do s 'SELECT pg_background_detach_all_v2() \g /dev/null'

# W1 waits for a lock of W2, which has more to say than its queue holds; nobody reads W2, and it waits for nobody.
session_do s "SELECT pid AS pid2, cookie AS cookie2 FROM pg_background_launch_v2('UPDATE t SET v = 9 WHERE id = 9; SELECT repeat(g::text, 100) FROM generate_series(1, 100000) g') \\gset"
session_do s "$(launch 'UPDATE t SET v = 10 WHERE id = 9')"
t_is 'a worker that waits for one that nobody reads' "$(session_do s "$wait
$outcome" 20)" $'00000\nstopped'
t_is 'and that one has lost nothing' "$(session_do s 'SELECT count(*), sum(length(t)) FROM pg_background_result_v2(:pid2, :cookie2) AS (t text);')" '100000|48889500'
# The same from inside run, and from result of another job.
session_do s "SELECT pid AS pid2, cookie AS cookie2 FROM pg_background_launch_v2('UPDATE t SET v = 9 WHERE id = 9; SELECT repeat(g::text, 100) FROM generate_series(1, 100000) g') \\gset"
t_is 'the same from run' "$(session_do s "SELECT command_tag FROM pg_background_run_v2('UPDATE t SET v = 11 WHERE id = 9');" 20)" 'UPDATE 1'
session_do s 'SELECT pg_background_detach_all_v2() \g /dev/null'
# The session itself waits for such a lock, where it reads nothing.
session_do s "$(launch 'LOCK TABLE t; SELECT repeat($$x$$, 1000) FROM generate_series(1, 100000)')"
t_is 'a session that waits for a lock of its own job, which nobody reads' "$(session_do s 'SELECT count(*) > 0 FROM t;' 20)" t
t_is 'and then reads it' "$(session_do s 'SELECT count(*) FROM pg_background_result_v2(:pid, :cookie) AS (t text);')" 100000

# Statements that wait for every older snapshot, ours included: poll them.
for sql in 'CREATE INDEX CONCURRENTLY i ON t(v)' 'REINDEX INDEX CONCURRENTLY i' 'REINDEX TABLE CONCURRENTLY t' 'DROP INDEX CONCURRENTLY i'; do
	session_do s "$(launch "$sql")"
	for ((i = 0; i < 200; i++)); do
		[ "$(session_do s 'SELECT pg_background_wait_v2_timeout(:pid, :cookie, 0);')" = f ] || break
		sleep 0.02
	done
	t_is "$sql, polled" "$(session_do s "$outcome")" stopped
done

# Connecting waits for a lock as well.
session_do s "SET pg_background.worker_idle_timeout = 0; BEGIN; LOCK TABLE pg_database;"
session_do s "$(launch 'SELECT 1')"
t_is 'a worker that cannot connect because of us' "$(session_do s "$wait" | tail -n 1)" 40P01
session_do s 'ROLLBACK;'
t_is 'is cancelled' "$(session_do s "$wait
$outcome" | tail -n 1)" 'canceled 57014'
session_do s "SET pg_background.max_workers_per_role = 5; BEGIN; LOCK TABLE pg_database;"
t_is 'the same while launching waits for the connection' "$(session_do s "$(launch 'SELECT 1')
\\echo :SQLSTATE" | tail -n 1)" 40P01
session_do s 'ROLLBACK; RESET pg_background.max_workers_per_role; SELECT pg_background_detach_all_v2() \g /dev/null'
session_close s
session_close other
session_close fourth
session_close waiter
t_no_leaks 'nothing is left of these'

# Third sessions come and go: each takes the row for a moment, and each waits for a lock of ours for a moment, but never
# both at once. Checked every millisecond, it must not look like a cycle.
cat >"$WORK/log/row.sql" <<'SQL'
UPDATE t SET v = v + 1 WHERE id = 10;
SQL
cat >"$WORK/log/ours.sql" <<'SQL'
SET lock_timeout = 3;
SELECT pg_try_advisory_lock(1);
DO $$BEGIN PERFORM pg_advisory_xact_lock(42); EXCEPTION WHEN lock_not_available THEN END$$;
SQL
session_open s
session_do s "SET deadlock_timeout = '1ms'; SELECT pg_advisory_lock(42) \\g /dev/null"
session_do s 'BEGIN; UPDATE t SET v = 1 WHERE id = 1;'
pgbench -n -c 8 -j 2 -T 4 -f "$WORK/log/row.sql" -f "$WORK/log/ours.sql" >"$WORK/log/pgbench.txt" 2>&1 &
pgbench=$!
t_is 'no false alarm while others come and go' "$(session_do s "DO \$\$
DECLARE
    until timestamptz := clock_timestamp() + interval '3.5 s';
    r pg_background_run_result;
BEGIN
    WHILE clock_timestamp() < until LOOP
        r := pg_background_run_v2('UPDATE t SET v = v + 1 WHERE id = 10');
        IF r.has_error THEN
            RAISE '% %', r.sqlstate, r.error_message;
        END IF;
    END LOOP;
END\$\$;
SELECT workers_launched > 50, workers_failed, workers_canceled FROM pg_background_stats_v2();")" "$(sql "SELECT true, 0, 0")"
wait "$pgbench"
t_like 'and they did' "$(cat "$WORK/log/pgbench.txt")" 'number of transactions actually processed: [0-9]{3,}'
session_close s
t_no_leaks 'nothing is left'
t_done
