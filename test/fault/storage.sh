#!/usr/bin/env bash
# Rows that nobody reads go to disk: large results, kept across transactions, limits, full disks, other tablespaces.
. "$(dirname "$0")/../lib.sh"
suite_begin
log_allow 'FATAL: +terminating background worker'
cc -shared -fPIC -O1 -o "$WORK/enospc.so" "$(dirname "$0")/enospc.c" -ldl || die 'cc'
PGBG_ENOSPC=$WORK/full
# pg_ctl passes its environment on.
pg_ctl_preloaded() { as_server env LD_PRELOAD="$WORK/enospc.so" PGBG_ENOSPC="$PGBG_ENOSPC" "$BIN/pg_ctl" "$@"; }
cluster_init main 'max_connections = 20' "work_mem = '64kB'"
install -o "$SERVER_USER" -m 644 /dev/null "$(cluster_log main)"
pg_ctl_preloaded -D "$(cluster_data main)" -l "$(cluster_log main)" -w start >/dev/null || die 'no server'
cluster_use main
sql 'CREATE EXTENSION pg_background'
temporary() { find "$(cluster_data main)/base/pgsql_tmp" "$WORK/space" -path '*pgsql_tmp*' -type f 2>/dev/null | wc -l; }
bytes() { find "$(cluster_data main)/base/pgsql_tmp" -type f -printf '%s\n' 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'; }
launch() { say "SELECT pid, cookie FROM pg_background_launch_v2(\$job\$$1\$job\$) \\gset"; }
wait='SELECT pg_background_wait_v2(:pid, :cookie) \g /dev/null'
# In the select list, where the worker keeps none of them in a file of its own.
large='SELECT g, repeat(md5(g::text), 30) FROM (SELECT generate_series(1, 200000) AS g) x'
sum='SELECT count(*), sum(g), sum(length(t)) FROM pg_background_result_v2(:pid, :cookie) AS (g int, t text);'
answer='200000|20000100000|192000000'
# It has another name from 16 on.
parallel_setting() { if [ "$(pg_major)" -ge 16 ]; then say debug_parallel_query; else say force_parallel_mode; fi; }
resident() { awk '/^RssAnon/ { print $2 }' "/proc/$(session_backend "$1")/status"; }

# 192 MB with 64 kB of work_mem: on disk, through commits and rollbacks, and gone afterwards.
session_open s -v VERBOSITY=sqlstate
before=$(resident s)
session_do s "BEGIN; SAVEPOINT s1;
$(launch "$large")
$wait
ROLLBACK TO s1; COMMIT;"
t_ok "a large result is on disk ($(bytes) bytes)" [ "$(bytes)" -gt 190000000 ]
after=$(resident s)
t_ok "and not in memory ($((after - before)) kB more)" [ $((after - before)) -lt 8000 ]
session_do s 'BEGIN; SELECT 1/0; ROLLBACK; BEGIN; SAVEPOINT x; ROLLBACK TO x; COMMIT;' >/dev/null
t_is 'it survives transactions that abort' "$(session_do s "$sum" 60)" "$answer"
t_is 'its files are gone once it was read' "$(temporary)" 0
session_do s "$(launch "$large")
$wait"
t_ok 'again on disk' [ "$(temporary)" -gt 0 ]
session_do s 'SELECT pg_background_detach_v2(:pid, :cookie);' >/dev/null
t_is 'gone once it was detached' "$(temporary)" 0
session_do s "$(launch "$large")
$wait"
session_close s
t_is 'gone with the session' "$(wait_until 'SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = $$client backend$$')$(temporary)" 0
# Reading it in part, then giving up.
session_open s -v VERBOSITY=sqlstate
session_do s "$(launch "$large")
$wait
BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT g FROM pg_background_result_v2(:pid, :cookie) AS (g int, t text);"
t_is 'a cursor reads a part' "$(session_do s 'FETCH 2 FROM c;' 30)" $'1\n2'
session_do s 'ROLLBACK; SELECT pg_background_detach_all_v2();' >/dev/null
t_is 'nothing is left of the rest' "$(temporary)" 0

# temp_file_limit. What is lost are the rows, and their reader is told why.
session_do s "SET temp_file_limit = '20MB';"
session_do s "$(launch "$large")
$wait
\\echo :SQLSTATE" >/dev/null
t_is 'temp_file_limit: waiting goes well' "$(session_output s | tail -n 1)" 00000
t_is 'the job itself has failed, before its commit' "$(session_do s 'SELECT state, sqlstate, row_count FROM pg_background_outcome_v2(:pid, :cookie);')" 'error|53400|0'
t_is 'the file is gone' "$(temporary)" 0
t_is 'and says so to whoever asks for its rows: 53400' "$(session_do s "$sum")" 'ERROR:  53400'
t_is 'and it can be detached' "$(session_do s 'SELECT pg_background_detach_all_v2();' | sed 's/^[01]$/done/')" 'done'
# What a job sends while somebody reads goes through the queue; then it is the reader's own limit that counts.
session_do s "$(launch "SELECT pg_sleep(0.3); $large")"
t_is 'temp_file_limit while reading directly' "$(session_do s "$sum")" 'ERROR:  53400'
t_like 'the job goes on and ends' "$(session_do s "$wait
SELECT state FROM pg_background_outcome_v2(:pid, :cookie);")" '^stopped$'
session_do s 'SELECT pg_background_detach_all_v2(); RESET temp_file_limit;' >/dev/null
t_is 'nothing is left of that' "$(temporary)" 0

# What is made of a job's rows in the session is written there, too. Minor releases before May 2026 crash where a tuplestore is
# ended whose write has failed.
# They do so if it fails in the first of its writes, so there are many limits.
middle='SELECT g, repeat(md5(g::text), 30) FROM (SELECT generate_series(1, 400) AS g) x'
json="SELECT count(*) FROM pg_background_result_json((:pid, :cookie)::pg_background_handle);"
cursor="SELECT pg_background_cursor((:pid, :cookie)::pg_background_handle, 'c') \\g /dev/null"
for made in "$json" "$cursor" "SAVEPOINT x; $cursor
	\\echo :SQLSTATE
	ROLLBACK TO x; $cursor"; do
	answers=
	for limit in {300..900..20}; do
		answers+=$(session_do s "RESET temp_file_limit; BEGIN;
			$(launch "$middle")
			$wait
			SET temp_file_limit = '$limit';
			$made
			\\echo :SQLSTATE
			ROLLBACK; SELECT pg_background_detach_all_v2() >= 0 \\g /dev/null" | grep -E '^[0-9A-Z]{5}$')$'\n'
	done
	t_is "temp_file_limit, many limits: ${made//$'\n'/ }" "$(sort -u <<<"$answers" | grep . | grep -v 42704 | tr '\n' ' ')" '00000 53400 '
done
session_do s 'RESET temp_file_limit;' >/dev/null
t_is 'nothing is left of that, either' "$(temporary)" 0
t_is 'with room a cursor has all the rows' "$(session_do s "BEGIN;
	$(launch "$middle")
	$wait
	SAVEPOINT y;
	$cursor
	RELEASE y;
	FETCH ABSOLUTE 400 c;
	FETCH ABSOLUTE 1 c;
	ROLLBACK; SELECT pg_background_detach_all_v2() >= 0;" | cut -d '|' -f 1 | tr '\n' ' ')" '400 1 t '
t_is 'and then nothing is left' "$(temporary)" 0

# The disk is full: from the start, in the middle, and only when it comes to detaching. Each error is one error, the
# session goes on, and when there is room again, everything is as before.
touch "$PGBG_ENOSPC"
session_do s "$(launch "$large")
$wait"
t_is 'disk full: the reader is told (53100)' "$(session_do s "$sum")" 'ERROR:  53100'
t_is 'disk full: result, directly' "$(session_do s "$(launch "$large")
$sum")" 'ERROR:  53100'
t_is 'disk full: detach' "$(session_do s 'SELECT pg_background_detach_all_v2() >= 0;')" t
t_is 'disk full: a small job is no trouble' "$(session_do s "SELECT n FROM pg_background_run_query_v2('SELECT 1', col_def => 'n int') AS (n int);")" 1
rm "$PGBG_ENOSPC"
session_do s "$(launch "$large")"
# Some of it is on disk; then the disk fills up.
for ((i = 0; i < 200; i++)); do
	session_do s 'SELECT pg_background_wait_v2_timeout(:pid, :cookie, 1) \g /dev/null'
	[ "$(bytes)" -lt 1000000 ] || break
done
touch "$PGBG_ENOSPC"
t_is 'disk full in the middle: waiting goes well' "$(session_do s "$wait
\\echo :SQLSTATE" 30)" 00000
t_is 'disk full in the middle: the reader is told' "$(session_do s "$sum")" 'ERROR:  53100'
rm "$PGBG_ENOSPC"
# Rows that wait in the queue and in a file: nothing of it is written when they are given up.
session_do s "$(launch 'SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 500) g')
$wait"
touch "$PGBG_ENOSPC"
for what in 'SELECT pg_background_detach_v2(:pid, :cookie)' 'SELECT pg_background_detach_all_v2()' 'SELECT pg_background_purge_v2()' 'SELECT count(*) FROM pg_background_stats_v2()'; do
	t_is "disk full, unread rows: $what goes well" "$(session_do s "$what \\g /dev/null
\\echo :SQLSTATE")" 00000
done
t_is 'disk full, unread rows: transactions go well' "$(session_do s 'BEGIN; SELECT 1; COMMIT; SELECT completed FROM pg_background_run_v2($$SELECT 1$$);')" $'1\nt'
rm "$PGBG_ENOSPC"
session_do s "SELECT sqlstate FROM pg_background_run_v2('SELECT 1');" >/dev/null
session_do s "$(launch 'SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 500) g')
$wait
SELECT pg_background_detach_all_v2();" >/dev/null
t_is 'with room again, nothing is left' "$(temporary)" 0
t_is 'the session serves on' "$(session_do s "$(launch "$large")
$sum" 60)" "$answer"
# A session that ends with such rows.
session_do s "$(launch 'SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 500) g')
$wait"
touch "$PGBG_ENOSPC"
session_close s
t_is 'a session may end with rows that cannot be written' "$(wait_until 'SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = $$client backend$$')$(temporary)" 0
rm "$PGBG_ENOSPC"

# A disk that is broken (58030), in whichever process writes. The rows are lost, and nothing else.
session_open s -v VERBOSITY=sqlstate
echo broken >"$PGBG_ENOSPC"
session_do s "$(launch "$large")
$wait"
t_is 'disk broken: the job has failed, before its commit' "$(session_do s 'SELECT state, sqlstate, row_count FROM pg_background_outcome_v2(:pid, :cookie);')" 'error|58030|0'
t_is 'disk broken: the reader is told (58030), and then that there are no rows' "$(session_do s "$sum
$sum")" $'ERROR:  58030\nERROR:  42704'
t_is 'disk broken: result, directly' "$(session_do s "$(launch "$large")
$sum")" 'ERROR:  58030'
t_is 'disk broken: a job that sorts' "$(session_do s "SELECT state, sqlstate FROM pg_background_drain_v2(ARRAY[pg_background_launch_v2('SELECT md5(g::text) FROM generate_series(1, 200000) g ORDER BY 1')]);")" 'error|58030'
t_is 'disk broken: detach' "$(session_do s 'SELECT pg_background_detach_all_v2() >= 0;')" t
rm "$PGBG_ENOSPC"
# A job has ended well, and it is its session that cannot write what the job's queue still has, or cannot read what the job has
# written. The outcome stands; who wants the rows is told why there are none, once.
queued="SELECT pid, cookie FROM pg_background_launch_v2('SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 700) g', 1048576) \\gset"
for trouble in 'full:53100' 'broken:58030' 'r:58030'; do
	if [ "$trouble" = r:58030 ]; then session_do s "$(launch "$large")"; else session_do s "$queued"; fi
	wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'pg_background%'"
	case $trouble in
		full:*) : >"$PGBG_ENOSPC" ;;
		r:*) printf r >"$PGBG_ENOSPC" ;;
		*) echo broken >"$PGBG_ENOSPC" ;;
	esac
	t_is "disk ${trouble%:*} for the session: waiting goes well, and the job has succeeded" "$(session_do s "$wait
\\echo :SQLSTATE
SELECT state, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);")" $'00000\nstopped|'
	t_is "disk ${trouble%:*} for the session: the reader is told, and then that there are no rows" "$(session_do s "$sum
$sum")" "ERROR:  ${trouble#*:}"$'\nERROR:  42704'
	t_is "disk ${trouble%:*} for the session: others are no trouble" "$(session_do s "SELECT n FROM pg_background_run_query_v2('SELECT 1', col_def => 'n int') AS (n int);")" 1
	rm "$PGBG_ENOSPC"
	session_do s 'SELECT pg_background_detach_all_v2() >= 0;' >/dev/null
	t_is "disk ${trouble%:*} for the session: nothing is left" "$(temporary)" 0
done
t_is 'disk mended: the session serves on' "$(session_do s "$(launch "$large")
$sum" 60)" "$answer"
session_close s
t_is 'nothing is left of it' "$(temporary)" 0

# Other tablespaces, one of them gone later, and a temp_tablespaces that a job sets for itself.
install -d -o "$SERVER_USER" -m 700 "$WORK/space"
sql "CREATE TABLESPACE space LOCATION '$WORK/space'"
session_open s -v VERBOSITY=sqlstate
session_do s "SET temp_tablespaces = space;
$(launch "$large")
$wait" 60
# What may outlive a transaction is never put into a tablespace that may be dropped.
t_is 'temp_tablespaces: the file is not there' "$(find "$WORK/space" -path '*pgsql_tmp*' -type f | wc -l)" 0
t_is 'temp_tablespaces: read' "$(session_do s "$sum" 60)" "$answer"
t_is 'temp_tablespaces: nothing is left' "$(temporary)" 0
sql 'DROP TABLESPACE space'
# A new worker takes the session's settings over, and PostgreSQL refuses this one, as it does in a parallel worker.
session_do s 'SET pg_background.worker_idle_timeout = 0; SELECT pid FROM pg_background_run_v2($$SELECT 1$$);' >/dev/null
gone="SELECT state, sqlstate FROM pg_background_drain_v2(ARRAY[pg_background_launch_v2('SELECT 1')]);"
t_is 'temp_tablespaces that is gone: 42704' "$(session_do s "$gone")" 'error|42704'
t_is 'temp_tablespaces that is gone, in a parallel worker' "$(session_do s "SET $(parallel_setting) = on; SELECT count(*) FROM pg_class;
RESET $(parallel_setting);")" 'ERROR:  42704'
t_is 'and set anew' "$(session_do s "RESET temp_tablespaces;
$(launch "$large")
$wait
$sum" 60)" "$answer"
session_close s
t_is 'nothing is left on disk' "$(temporary)" 0
t_no_leaks 'nothing is left'
t_done
