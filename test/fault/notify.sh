#!/usr/bin/env bash
# Who listens is told how jobs end, once, whatever they end with.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_worker_processes = 8' 'max_connections = 20' 'wal_level = replica' 'max_wal_senders = 4' 'hot_standby = on'
log_allow 'FATAL: +terminating (background worker|connection|walreceiver)' 'FATAL: +could not (receive|send|connect)'
session_open listener
session_do listener 'LISTEN done; LISTEN "Odd ""channel""; x";' >/dev/null

# heard N: what the listener has heard, when it is at least N notifications: their payloads, one a line.
heard() {
	local tries count
	for tries in {1..60}; do
		session_do listener 'SELECT 1;' >/dev/null
		count=$(grep -c '^Asynchronous notification' "$WORK/log/session-listener.out")
		[ "$count" -lt "$1" ] || break
		sleep 0.05
	done
	sed -n 's/^Asynchronous notification .* with payload "\(.*\)" received from .*/\1/p' "$WORK/log/session-listener.out"
}
# last N FIELD: of the Nth payload, read as JSON.
last() { sql "SELECT (\$json\$$(heard "$1" | sed -n "$1p")\$json\$::jsonb)->>'$2'"; }
all() { say "$(for field in state sqlstate row_count command_tag label; do last "$1" "$field"; done | paste -sd '|')"; }

session_open s
session_do s "SELECT pid, cookie FROM pg_background_launch('SELECT generate_series(1, 3)', label => 'three', notify => 'done') \\gset" >/dev/null
t_is 'success' "$(all 1)" 'stopped||3|SELECT 3|three'
keys="SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(\$json\$%s\$json\$::jsonb) AS key"
# shellcheck disable=SC2059 # the format is ours
t_is 'as docs/COOKBOOK.md shows it' "$(sql "$(printf "$keys" "$(tr '\n' ' ' <"$PGBG_SRC/docs/COOKBOOK.md" | sed -n 's/.*The payload is JSON: `\([^`]*\)`.*/\1/p')")")" \
	"$(sql "$(printf "$keys" "$(heard 1 | sed -n 1p)")")"
t_is 'with the handle' "$(last 1 pid)|$(last 1 cookie)" "$(session_do s "SELECT :pid || '|' || :cookie;")"
session_do s "SELECT pg_background_submit('SELECT 1/0', notify => 'done') \\g /dev/null" >/dev/null
t_is 'an error, nothing of whose text is told' "$(all 2)" 'error|22012|0||'
session_do s "SELECT pid, cookie FROM pg_background_launch('SELECT pg_sleep(60)', notify => 'done') \\gset
SELECT pg_background_cancel(:pid, :cookie) \\g /dev/null" >/dev/null
t_is 'cancelled' "$(all 3)" 'canceled|57014|0||'
session_do s "SELECT pg_background_submit('SELECT pg_sleep(60)', timeout_ms => 100, notify => 'done') \\g /dev/null" >/dev/null
t_is 'its time was over' "$(all 4)" 'canceled|57014|0||'
session_do s "SELECT error_message FROM pg_background_run('SELEC', notify => 'done') \\g /dev/null" >/dev/null
t_is 'a syntax error' "$(all 5)" 'error|42601|0||'
# An error longer than the record waits for its reader; the notification does not.
session_do s "SELECT pg_background_launch('DO \$d\$BEGIN RAISE EXCEPTION ''%'', repeat(''x'', 100000); END\$d\$', notify => 'done') \\g /dev/null" >/dev/null
t_is 'a long error that nobody has read' "$(all 6)" 'error|P0001|0||'
label="E'\"quoted\" \\\\\\\\ \\n\\t\\x01 größe'"
session_do s "SELECT 1 FROM pg_background_run('SELECT 1', label => $label, notify => 'done') \\g /dev/null" >/dev/null
t_is 'any label is a JSON string' "$(last 7 label)" "$(sql "SELECT $label")"
session_do s "SELECT 1 FROM pg_background_run('SELECT 1', label => repeat('ä', 100), notify => 'done') \\g /dev/null" >/dev/null
t_is 'a long one is cut between characters' "$(last 8 label)" "$(printf 'ä%.0s' {1..50})"
session_do s "SELECT 1 FROM pg_background_run('SELECT 1', notify => 'Odd \"channel\"; x') \\g /dev/null" >/dev/null
t_is 'an odd channel' "$(all 9)" 'stopped||1|SELECT 1|'
t_like 'by its name' "$(grep '^Asynchronous notification' "$WORK/log/session-listener.out" | tail -n 1)" '^Asynchronous notification "Odd "channel"; x" '

# What is set in the session has no say: its time-outs are the job's.
session_do s "SET lock_timeout = '1ms'; SET statement_timeout = '1min'; SET default_transaction_read_only = on;
SELECT 1 FROM pg_background_run('SELECT 1', notify => 'done') \\g /dev/null
RESET ALL;" >/dev/null
t_is 'a read-only session with time-outs' "$(all 10)" 'stopped||1|SELECT 1|'
# Fifty at once, in fifty transactions, each once.
session_do s "SELECT count(*) FROM generate_series(1, 50) AS i, pg_background_run('SELECT ' || i, label => 'n' || i, notify => 'done') \\g /dev/null" >/dev/null
t_is 'each is told once' "$(heard 60 | tail -n +11 | grep -o '"label":"n[0-9]*"' | sort -u | wc -l)|$(heard 60 | wc -l)" '50|60'

# A process can connect once. Where somebody is to be told, a cancel waits until it has.
session_open locker
session_open fresh
session_do fresh "SELECT FROM pg_background_cancel(1, 1) \\g /dev/null" >/dev/null
session_do locker 'BEGIN; LOCK TABLE pg_authid IN ACCESS EXCLUSIVE MODE;' >/dev/null
session_do fresh "SELECT pid, cookie FROM pg_background_launch('SELECT 1', notify => 'done') \\gset" >/dev/null
for tries in {1..200}; do
	waiting=$(session_do locker 'SELECT count(*) FROM pg_locks WHERE NOT granted;')
	[ "$waiting" = 0 ] || break
	sleep 0.05
done
t_is 'cancelled while it connects: it waits for a lock' "$waiting" 1
session_do fresh 'SELECT pg_background_cancel(:pid, :cookie) \g /dev/null' >/dev/null
session_do locker 'ROLLBACK;' >/dev/null
t_is 'cancelled while it connects' "$(all 61)" 'canceled|57014|0||'
session_close fresh
session_close locker

# A worker that is terminated tells nobody; its session knows.
session_do s "SELECT pid, cookie FROM pg_background_launch('SELECT pg_sleep(60)', notify => 'done') \\gset" >/dev/null
wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
session_do s 'SELECT pg_terminate_backend(:pid) \g /dev/null' >/dev/null
t_is 'terminated: the outcome' "$(session_do s "SELECT pg_background_wait(:pid, :cookie) \\g /dev/null
SELECT sqlstate FROM pg_background_outcome(:pid, :cookie);")" 57P01
session_do s "SELECT 1 FROM pg_background_run('SELECT 1', label => 'after', notify => 'done') \\g /dev/null" >/dev/null
t_is 'terminated: nothing is told' "$(heard 62 | sed -n 62p | grep -c '"label":"after"')" 1
# Code that has caught the cancel and ends by another error than this: handles, the directory and the notification agree.
session_do s "SELECT pid, cookie FROM pg_background_launch(\$j\$DO \$d\$BEGIN PERFORM pg_sleep(60);
EXCEPTION WHEN query_canceled THEN RAISE admin_shutdown; END\$d\$\$j\$, notify => 'done') \\gset" >/dev/null
wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
session_do s 'SELECT pg_background_cancel(:pid, :cookie) \g /dev/null' >/dev/null
t_is 'the cancel ended in 57P01' "$(all 63)|$(session_do s "SELECT state FROM pg_background_outcome(:pid, :cookie);")" 'canceled|57P01|0|||canceled'
session_close s
session_close listener

sql 'CREATE TABLE come (n int)'
# Where the server comes with a libpq of its own, what receives WAL needs that one.
LD_LIBRARY_PATH=$("$PG_CONFIG" --libdir) standby_new standby main || die 'no standby'
t_sqlstate 'a standby cannot notify' 0A000 "SELECT pg_background_launch('SELECT 1', notify => 'done')"
t_is 'but has snapshots' "$(sql "SELECT * FROM pg_background_run_query('SELECT pg_is_in_recovery()', snapshot => true) AS (r bool)")" t
# One that is older than what has come since, for several jobs.
session_open reader
session_do reader 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM come;' >/dev/null
cluster_use main
sql 'INSERT INTO come SELECT generate_series(1, 5)'
cluster_use standby
wait_until 'SELECT count(*) = 5 FROM come'
counted="SELECT sum(n), count(*) FROM pg_background_query_all(NULL::int8, array_fill('SELECT count(*) FROM come'::text, ARRAY[3]), snapshot => SNAPSHOT) AS n;"
t_is 'of the past' "$(session_do reader "${counted/SNAPSHOT/true}")" '0|3'
t_is 'without it, of now' "$(session_do reader "${counted/SNAPSHOT/false}")" '15|3'
session_close reader
t_no_leaks 'nothing is left'
t_done
