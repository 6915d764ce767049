#!/usr/bin/env bash
# Worker slots and processes run out, in every way: a launch fails with 53000 and leaves nothing, or waits as it was told
# to; a slot that is free, or held by nothing but an idle worker, is found.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'pg_background.launch_timeout = 0' 'max_worker_processes = 2' 'max_logical_replication_workers = 0' 'max_connections = 60'
log_allow 'FATAL: +terminating background worker'
launch="SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(60)') \\gset"
one="SELECT sqlstate FROM pg_background_run_v2('SELECT 1');"
# answers SQL FILE: the number of each distinct line.
answers() { sort "$1" | uniq -c | sed 's/^ *//'; }

# Both slots busy.
session_open s -v VERBOSITY=sqlstate
session_do s "$launch
$launch"
t_is 'no slot: 53000' "$(session_do s "$launch
\\echo :SQLSTATE")" $'ERROR:  53000\n53000'
t_is 'no slot, and launch_timeout' "$(session_do s "SET pg_background.launch_timeout = '300ms';
$launch
\\echo :SQLSTATE
RESET pg_background.launch_timeout;")" $'ERROR:  53000\n53000'
t_is 'the jobs that have one are not touched' "$(session_do s 'SELECT workers_active FROM pg_background_stats_v2();')" 2
session_open other -v VERBOSITY=sqlstate
session_send other "SET pg_background.launch_timeout = '20s';
$one"
sleep 0.3
session_do s 'SELECT pg_background_cancel_v2(:pid, :cookie);' >/dev/null
session_sync other
t_is 'a launch that waits gets the slot that comes free' "$(session_output other | tail -n 1)" ''
t_is 'its session has launched one' "$(session_do other 'SELECT workers_completed FROM pg_background_stats_v2();')" 1
session_do s 'SELECT pg_background_cancel_all_v2();' >/dev/null
session_close other
session_close s
t_no_leaks 'nothing is left of these'

# A tight loop, without and with warm workers, of jobs that succeed and that fail.
for idle in 0 5s; do
	t_is "200 jobs one after the other in two slots, worker_idle_timeout = $idle" "$(psql -XAtq -c "SET pg_background.worker_idle_timeout = '$idle'" -c "SELECT coalesce(sqlstate, 'ok'), count(*) FROM generate_series(1, 200) g, LATERAL pg_background_run_v2('SELECT 1/' || g % 2) GROUP BY 1 ORDER BY 1" 2>&1)" $'22012|100\nok|100'
done

# Twenty sessions, each of which wants its own worker, and finds only other sessions' idle ones.
cat >"$WORK/log/twenty.sql" <<'SQL'
SET pg_background.launch_timeout = '60s';
SET pg_background.worker_idle_timeout = '1min';
SELECT coalesce(sqlstate, 'ok') FROM generate_series(1, 15) g, LATERAL pg_background_run_v2('SELECT ' || g);
SQL
for ((i = 0; i < 20; i++)); do psql -XAtq -f "$WORK/log/twenty.sql" >"$WORK/log/twenty.$i" 2>&1 & children[i]=$!; done
wait "${children[@]}"
t_is '20 sessions evict each other' "$(cat "$WORK"/log/twenty.[0-9]* | sort | uniq -c | sed 's/^ *//')" '300 ok'
t_no_leaks 'nothing is left of those'

# One idle worker of another session is in the way of each slot: asked, they leave at once.
session_open a; session_open b; session_open c
for name in a b; do session_do "$name" "SET pg_background.worker_idle_timeout = '1min'; SELECT sqlstate FROM pg_background_run_v2('SELECT 1');" >/dev/null; done
t_is 'idle workers of others leave when asked, without launch_timeout' "$(session_do c "$one")" ''
# A busy one does not.
session_do a "SELECT pid FROM pg_background_launch_v2('SELECT pg_sleep(60)') \\gset"
session_do b "SELECT pid FROM pg_background_launch_v2('SELECT pg_sleep(60)') \\gset"
t_is 'busy workers of others stay' "$(session_do c "\\set VERBOSITY sqlstate
$one")$(workers_running)" 'ERROR:  530002'
session_close a; session_close b; session_close c
sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'pg_background'" >/dev/null
t_no_leaks 'nothing is left of these either'

# Parallel queries and ours share the slots.
sql 'CREATE TABLE big AS SELECT g FROM generate_series(1, 200000) g; ANALYZE big'
t_is 'a parallel query in a job, while slots are scarce' "$(sql "SELECT n FROM pg_background_run_query_v2('SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SELECT count(*) FROM big', col_def => 'n int8') AS (n int8)")" 200000

# The postmaster cannot fork. Its limit counts every process of the user, so that even 1 is too many.
if command -v prlimit >/dev/null && [ "$SERVER_USER" != root ]; then
	session_open s -v VERBOSITY=sqlstate
	session_do s "$one" >/dev/null
	sql 'SELECT 1' >/dev/null
	session_do s 'SET pg_background.worker_idle_timeout = 0;'
	session_do s 'SELECT count(*) FROM pg_background_stats_v2();' >/dev/null
	postmaster=$(cluster_postmaster main)
	limit=$(as_server prlimit --pid "$postmaster" --nproc --output=HARD --noheadings --raw)
	as_server prlimit --pid "$postmaster" --nproc=1:
	t_is 'fork fails: 53000' "$(session_do s "$one
\\echo :SQLSTATE" 20)" $'ERROR:  53000\n53000'
	t_is 'fork fails, ten times: no slot is lost' "$(for ((i = 0; i < 10; i++)); do session_do s "$one" 20; done | sort | uniq -c | sed 's/^ *//')" '10 ERROR:  53000'
	as_server prlimit --pid "$postmaster" --nproc="$limit:"
	t_is 'and when it can again, so can we' "$(session_do s "$one")" ''
	session_close s
	t_no_leaks 'nothing is left after fork failed'
fi

# max_workers_per_role, approached by many sessions at once.
cluster_stop main
cluster_conf main 'max_worker_processes = 24' 'pg_background.max_workers_per_role = 3'
cluster_start main
# Errors are raised by the launch; so one call each.
for ((i = 0; i < 15; i++)); do say "SELECT coalesce(sqlstate, 'ok') FROM pg_background_run_v2('SELECT pg_sleep(0.03)');"; done >"$WORK/log/role.sql"
for ((i = 0; i < 8; i++)); do psql -XAtq -v VERBOSITY=sqlstate -f "$WORK/log/role.sql" >"$WORK/log/role.$i" 2>&1 & children[i]=$!; done
most=0
while kill -0 "${children[@]}" 2>/dev/null; do
	now=$(sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'active'")
	[ "$now" -le "$most" ] || most=$now
done
wait "${children[@]}"
t_ok "never more than 3 workers of the role ($most seen)" [ "$most" -le 3 -a "$most" -ge 2 ]
t_is 'nobody had another error than that he came too late (53400)' "$(cat "$WORK"/log/role.[0-9]* | sed 's/.*ERROR:  /ERROR /' | grep -vx 'ERROR 53400' | sort -u)" ok
# Eight at once whose jobs last until five were refused.
rm "$WORK"/log/role.[0-9]*
session_open gate
session_do gate 'SELECT pg_advisory_lock(1);' >/dev/null
for ((i = 0; i < 8; i++)); do psql -XAtq -v VERBOSITY=sqlstate -c "SELECT coalesce(sqlstate, 'ok') FROM pg_background_run_v2('SELECT pg_advisory_lock_shared(1)')" >"$WORK/log/role.$i" 2>&1 & children[i]=$!; done
for ((i = 0; i < 400; i++)); do
	[ "$(cat "$WORK"/log/role.[0-9]* | grep -c 53400)" -lt 5 ] || break
	sleep 0.05
done
session_do gate 'SELECT pg_advisory_unlock(1);' >/dev/null
wait "${children[@]}"
t_is 'of eight, three may and five are told that they came too late' "$(sort "$WORK"/log/role.[0-9]* | sed 's/.*ERROR:  /ERROR /' | uniq -c | awk '{ print $1, $2, $3 }' | sort)" $'3 ok \n5 ERROR 53400'
session_close gate
# Workers whose jobs have failed, with errors that are too long for the queue and read by nobody, are gone.
failing="SELECT FROM pg_background_launch_v2(\$\$DO \$x\$ BEGIN RAISE EXCEPTION '%', repeat('x', 100000); END \$x\$ \$\$, 8192);"
for i in 1 2 3; do
	session_open "unread$i"
	session_do "unread$i" "$failing" >/dev/null
done
t_ok 'three errors wait for their readers without a worker' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
t_is 'there is a fourth worker meanwhile' "$(sql "SELECT coalesce(sqlstate, 'ok') FROM pg_background_run_v2('SELECT 1')")" ok
t_is 'and the errors are whole' "$(session_do unread1 'SELECT length(e.message) FROM pg_background_list l, pg_background_error_info_v2(l.pid, l.cookie) e;')" 100000
for i in 1 2 3; do session_close "unread$i"; done
t_no_leaks 'nothing is left'
# Nor is a worker out of the count whose job has succeeded, but which cannot end: its temporary table is locked.
sql "LOAD 'pg_background'; CREATE ROLE clerk LOGIN; GRANT pgbackground_role TO clerk; ALTER ROLE clerk SET pg_background.max_workers_per_role = 1"
sql 'CREATE PROCEDURE leave_late() LANGUAGE plpgsql AS $$ BEGIN CREATE TEMPORARY TABLE late (); COMMIT; PERFORM pg_advisory_lock_shared(1); END $$'
session_open gate
session_do gate 'SELECT pg_advisory_lock(1);' >/dev/null
PGUSER=clerk session_open clerk
PGUSER=clerk session_open locker
session_do clerk "SELECT pid, cookie FROM pg_background_launch_v2('CALL leave_late()') \\gset" >/dev/null
t_ok 'a job has a temporary table' wait_until "SELECT count(*) = 1 FROM pg_class WHERE relname = 'late'"
session_do locker 'BEGIN; DROP OWNED BY clerk;' >/dev/null
session_do gate 'SELECT pg_advisory_unlock(1);' >/dev/null
t_is 'it succeeds' "$(session_do clerk "SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null
SELECT state FROM pg_background_list;")" stopped
t_is 'there is no second worker while the first cannot end' "$(session_do clerk "SELECT pg_background_run_v2('SELECT 1') \\g /dev/null
\\echo :SQLSTATE" | tail -n 1)" 53400
session_do locker 'ROLLBACK;' >/dev/null
t_is 'there is one afterwards' "$(session_do clerk "SELECT coalesce(sqlstate, 'ok') FROM pg_background_run_v2('SELECT 1');")" ok
for i in gate clerk locker; do session_close "$i"; done
t_no_leaks 'nothing is left'
# Ours were there before the library, among others of all kinds of names.
t_is 'the limit holds whatever other settings there are' "$(psql -XAtq -U clerk -v VERBOSITY=sqlstate 2>&1 <<'SQL'
SET "pg_bé.x" = 1;
SET "pg_backgroundé.x" = 1;
SET pg_background.max_workers = 3;
SELECT pg_background_launch_v2('SELECT pg_sleep(60)') \g /dev/null
SELECT pg_background_run_v2('SELECT 1') \g /dev/null
SHOW pg_background.max_workers;
SELECT setting FROM pg_settings WHERE name = 'pg_background.max_workers';
SELECT pg_background_cancel_all_v2() \g /dev/null
SQL
)" $'ERROR:  53400\n3\n3'
# The same with the server's slots, of which there is one.
cluster_stop main
cluster_conf main 'max_worker_processes = 1' 'max_logical_replication_workers = 0' 'pg_background.max_workers_per_role = 0'
cluster_start main
session_open unread
session_do unread "$failing" >/dev/null
t_ok 'an error waits for its reader without a worker' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
t_is 'another session finds the slot' "$(sql "SELECT coalesce(sqlstate, 'ok') FROM pg_background_run_v2('SELECT 1')")" ok
t_is 'so does the session itself' "$(session_do unread "SELECT coalesce(sqlstate, 'ok') FROM pg_background_run_v2('SELECT 1');")" ok
session_close unread
t_no_leaks 'nothing is left'
t_done
