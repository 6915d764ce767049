#!/usr/bin/env bash
# Output that nobody reads in time: the job ends and holds nothing, and every row is there when somebody asks for it.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_connections = 20' 'max_worker_processes = 8' "work_mem = '4MB'" 'log_temp_files = 0'
files() { find "$(cluster_data main)/base/pgsql_tmp" -type f 2>/dev/null | wc -l; }
launch() { say "SELECT pid, cookie FROM pg_background_launch(\$job\$$1\$job\$, ${2:-0}) \\gset"; }
resident() { awk '/^RssAnon/ { print $2 }' "/proc/$(session_backend "$1")/status"; }
sql 'CREATE TABLE t (n int)'

# The session goes away for a while: the job is committed and holds nothing.
session_open s -v VERBOSITY=sqlstate
session_do s "$(launch "WITH i AS (INSERT INTO t VALUES (1) RETURNING n) SELECT g, repeat('x', 1000) FROM i, generate_series(1, 200000) g")"
t_ok 'its row is there' wait_until 'SELECT count(*) = 1 FROM t'
t_ok 'no worker is left' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
t_is 'no lock, no snapshot, no transaction' "$(sql "SELECT (SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass),
    (SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL))")" '0|0'
t_is 'its rows are in one file' "$(files)" 1
t_is 'all rows are there, in order' "$(session_do s 'SELECT count(*), count(*) FILTER (WHERE g = n AND length(t) = 1000)
FROM (SELECT *, row_number() OVER () AS n FROM pg_background_result(:pid, :cookie) AS (g int, t text)) r;' 60)" '200000|200000'
t_is 'the file is gone' "$(files)" 0

# More such jobs than there are slots.
session_do s "SELECT count(*) FROM (SELECT pg_background_launch('WITH i AS (INSERT INTO t VALUES (12) RETURNING 1) SELECT repeat(''x'', 1000) FROM i, generate_series(1, 2000)') FROM generate_series(1, 12)) x;" >/dev/null
t_ok 'what they did is there' wait_until 'SELECT count(*) = 12 FROM t WHERE n = 12'
t_ok 'twelve unread results hold no slot' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
t_is 'nor a lock, a snapshot or a transaction' "$(sql "SELECT (SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass),
    (SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL))")" '0|0'
t_is 'another session runs a parallel query' "$(sql "CREATE TABLE big AS SELECT generate_series(1, 300000) AS n; ANALYZE big; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
    EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT count(*) FROM big" | sed -n 's/.*Launched: //p')" 2
t_is 'another session has all slots' "$(sql "SELECT count(*) FROM (SELECT pg_background_submit('SELECT pg_sleep(0.1)') FROM generate_series(1, 7)) x")" 7
t_is 'the unread ones are whole' "$(session_do s 'SELECT count(*), sum(n) FROM (SELECT (SELECT count(*) FROM pg_background_result(l.pid, l.cookie) AS (t text)) AS n FROM pg_background_list l) x;')" '12|24000'

wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"

# Queues of every size, rows of every size, conversion, and readers who come when the job has begun to write.
for queue in 64 8192 20000 4194304; do
	for size in 1 50 3000 100000; do
		count=$((size > 50 ? 3000000 / size : 20000))
		session_do s "$(launch "SELECT g, repeat(chr(97 + g % 26), $size), CASE WHEN g % ($count / 3) = 0 THEN pg_sleep(0.05)::text END FROM generate_series(1, $count) g" $queue)"
		check="SELECT count(*), bool_and(g::int = n AND t = repeat(chr(97 + g::int % 26), $size)) FROM (SELECT *, row_number() OVER () AS n FROM pg_background_result(:pid, :cookie)"
		t_is "queue of $queue, rows of $size bytes: read while they come" "$(session_do s "SELECT pg_sleep(0.03) \\g /dev/null
$check AS (g int, t text, s text)) r;" 60)" "$count|t"
		session_do s "$(launch "SELECT g, repeat(chr(97 + g % 26), $size), NULL::text FROM generate_series(1, $count) g" $queue)"
		t_is "queue of $queue, rows of $size bytes: waited for, then converted" "$(session_do s "SELECT pg_background_wait(:pid, :cookie) \\g /dev/null
$check AS (g text, t text, s text)) r;" 60)" "$count|t"
	done
done
t_is 'no file is left of these' "$(files)" 0

# Notices: each once, in order, whether they are in queue or file, from functions that catch errors and from aborts.
noisy="DO \$\$BEGIN FOR i IN 1..20000 LOOP BEGIN RAISE NOTICE 'n %', i; IF i % 100 = 0 THEN RAISE EXCEPTION 'x'; END IF; EXCEPTION WHEN raise_exception THEN RAISE NOTICE 'caught %', i; END; END LOOP; END\$\$"
psql -XAtq -c "SELECT pid, cookie FROM pg_background_launch(\$job\$$noisy\$job\$) \\gset" -c 'SELECT 1' >/dev/null 2>&1
say "$(launch "$noisy")
SELECT pg_sleep(1);
SELECT pg_background_wait(:pid, :cookie);" >"$WORK/log/noisy.sql"
psql -XAtq -f "$WORK/log/noisy.sql" >/dev/null 2>"$WORK/log/noisy.txt"
t_is 'notices: each once, in order' "$(sed -n 's/.*NOTICE:  n //p' "$WORK/log/noisy.txt" | awk '$1 != NR { bad++ } END { print NR, bad + 0 }')" '20000 0'
t_is 'and those from blocks that catch errors' "$(grep -c 'NOTICE:  caught' "$WORK/log/noisy.txt")" 200
# Those that come after rows, once, though the first reader's list is wrong.
later="CREATE OR REPLACE FUNCTION pg_temp.f(int) RETURNS int LANGUAGE plpgsql AS \$\$BEGIN IF \$1 % 1000 = 0 THEN RAISE NOTICE 'r %', \$1; END IF; RETURN \$1; END\$\$; SELECT pg_temp.f(g), repeat('x', 500) FROM generate_series(1, 20000) g"
say "$(launch "$later")
SELECT pg_background_wait(:pid, :cookie);
SELECT count(*) FROM pg_background_result(:pid, :cookie) AS (a int, t varchar(3));
SELECT count(*) FROM pg_background_result(:pid, :cookie) AS (a int, t text);" >"$WORK/log/later.sql"
psql -XAtq -f "$WORK/log/later.sql" >"$WORK/log/later.out" 2>"$WORK/log/later.txt"
t_is 'notices among rows: each once' "$(grep -c 'NOTICE:  r ' "$WORK/log/later.txt")" 20
t_is 'and all the rows' "$(tail -n 1 "$WORK/log/later.out")" 20000

# Errors longer than the record, cancels, time-outs, commits in the middle: nothing is held, nothing is left.
sql "CREATE PROCEDURE p() LANGUAGE plpgsql AS \$\$BEGIN FOR i IN 1..3000 LOOP RAISE NOTICE '%', repeat('x', 200); IF i = 1500 THEN INSERT INTO t VALUES (2); COMMIT; END IF; END LOOP; END\$\$"
session_do s "SET client_min_messages = error; $(launch "SET client_min_messages = notice; CALL p()")" >/dev/null
session_do s "$(launch 'CALL p()')
SELECT pg_background_wait(:pid, :cookie) \\g /dev/null" >/dev/null
t_is 'a procedure that commits in the middle' "$(sql 'SELECT count(*) >= 1 FROM t WHERE n = 2')" t
session_do s "SET statement_timeout = 300; $(launch "SELECT repeat('x', 1000), pg_sleep(0.0001) FROM generate_series(1, 100000)")
RESET statement_timeout; SELECT pg_background_wait(:pid, :cookie) \\g /dev/null" >/dev/null
t_is 'statement_timeout' "$(session_do s 'SELECT state, sqlstate FROM pg_background_outcome(:pid, :cookie);')" 'canceled|57014'
session_do s 'SELECT pg_background_detach_all();' >/dev/null
t_ok 'no worker is left of these' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'active'"
t_is 'nor a file' "$(files)" 0
# Let go of while it writes: its file goes, though its session stays.
session_do s "$(launch "SELECT repeat('x', 1000), CASE WHEN g > 20000 THEN pg_sleep(0.02) END FROM generate_series(1, 22000) g")" >/dev/null
files_become() { local i; for ((i = 0; i < 200; i++)); do [ "$(files)" != "$1" ] || return 0; sleep 0.05; done; return 1; }
t_ok 'a job that writes to a file' files_become 1
session_do s 'SELECT pg_background_detach_all();' >/dev/null
t_ok 'has none once nobody wants it' files_become 0
t_is 'and has not ended for that' "$(sql "SELECT count(*) FROM pg_background_jobs WHERE state = 'running'")" 1
sql "SELECT pg_background_cancel(pid, cookie) FROM pg_background_jobs WHERE state = 'running'" >/dev/null
t_ok 'no worker is left of it' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'active'"
session_close s

# Memory and segments: 300 unread results, launched one after another.
# unread_results COUNT SQL QUEUE_SIZE SIZE LIMIT: so many jobs whose results, of that size, take no more memory than so many kB.
unread_results() {
	local before after
	before=$(resident s)
	session_do s "DO \$\$
DECLARE h pg_background_handle;
BEGIN
    FOR i IN 1..$1 LOOP
        h := pg_background_launch('$2', $3);
        PERFORM pg_background_wait(h);
    END LOOP;
END\$\$;" 120 >/dev/null
	after=$(resident s)
	t_ok "$1 unread results of $4 take little memory ($((after - before)) kB)" [ $((after - before)) -lt "$5" ]
}
session_open s -v VERBOSITY=sqlstate
session_do s "SET pg_background.launch_timeout = '10s'; SELECT pg_background_run('SELECT 1') \\g /dev/null" >/dev/null
unread_results 300 "SELECT repeat(''x'', 1000) FROM generate_series(1, 3000)" 0 '3 MB' 32000
t_is 'they are in files' "$(files)" 300
t_is 'others can launch meanwhile' "$(sql "SELECT count(*) FROM (SELECT pg_background_submit('SELECT 1') FROM generate_series(1, 5)) x")" 5
t_is 'and run parallel queries' "$(sql "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SELECT count(*) FROM big" | tail -n 1)" 300000
t_is 'their rows are whole' "$(session_do s 'SELECT sum(n) FROM (SELECT (SELECT count(*) FROM pg_background_result(l.pid, l.cookie) AS (t text)) AS n FROM pg_background_list l) x;' 120)" 900000
t_is 'their files are gone' "$(files)" 0
# Large ones, of which some stay in memory.
session_do s "SELECT pg_background_detach_all(); SET work_mem = '64MB';" >/dev/null
unread_results 20 "SELECT repeat(''x'', 100000) FROM generate_series(1, 500)" 4194304 '50 MB' 128000
t_is 'their rows are whole, too' "$(session_do s 'SELECT sum(n) FROM (SELECT (SELECT sum(length(t)) FROM pg_background_result(l.pid, l.cookie) AS (t text)) AS n FROM pg_background_list l) x; RESET work_mem;' 120)" 1000000000
t_is 'and their files gone' "$(files)" 0
# A worker with so large a queue would need no file next.
session_close s
session_open s -v VERBOSITY=sqlstate
# temp_file_limit counts the unread files of earlier jobs.
session_do s "SET temp_file_limit = '5MB';" >/dev/null
session_do s "$(launch "SELECT repeat('x', 1000) FROM generate_series(1, 3000)")
SELECT pg_background_wait(:pid, :cookie) \\g /dev/null
$(launch "SELECT repeat('x', 1000) FROM generate_series(1, 3000)")
SELECT pg_background_wait(:pid, :cookie) \\g /dev/null" >/dev/null
t_is 'temp_file_limit counts what is unread of earlier jobs' "$(session_do s 'SELECT string_agg(coalesce(o.sqlstate, $$ok$$), $$,$$ ORDER BY l.launched_at) FROM pg_background_list l, pg_background_outcome(l.pid, l.cookie) o;')" 'ok,53400'
session_close s
t_ok 'the session takes its files along' wait_until 'SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = $$client backend$$'
t_is 'nothing is left on disk' "$(find "$(cluster_data main)/base/pgsql_tmp" -mindepth 1 | wc -l)" 0
t_no_leaks 'nothing is left'
t_done
