#!/usr/bin/env bash
# A hot standby: jobs there only read, whatever they try, and a promotion in the middle of them is nothing special.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new primary 'max_connections = 20' 'wal_level = replica' 'max_wal_senders = 4' 'hot_standby = on'
log_allow 'FATAL: +terminating (background worker|connection|walreceiver)' 'FATAL: +could not (receive|send|connect)' \
	'FATAL: .*replication' 'terminating walreceiver'
sql 'CREATE TABLE t(v text)'
sql "INSERT INTO t VALUES ('from the primary')"
sql "CREATE PROCEDURE sneak() LANGUAGE plpgsql AS \$\$BEGIN COMMIT; SET transaction_read_only = off; INSERT INTO t VALUES ('sneaked'); END\$\$"
standby_new standby primary || die 'no standby'
caught_up() { wait_until "SELECT count(*) = 1 FROM t"; }
caught_up
t_is 'it is one' "$(sql 'SELECT pg_is_in_recovery()')" t
run() { say "SELECT sqlstate FROM pg_background_run_v2(\$job\$$1\$job\$)"; }
t_is 'jobs read' "$(sql "SELECT v FROM pg_background_run_query_v2('SELECT v FROM t', col_def => 'v text') AS (v text)")" 'from the primary'
for sql in "INSERT INTO t VALUES ('no')" "SET transaction_read_only = off; INSERT INTO t VALUES ('no')" \
	"SET default_transaction_read_only = off; INSERT INTO t VALUES ('no')" "SELECT set_config('transaction_read_only', 'off', false); INSERT INTO t VALUES ('no')" \
	"DO \$\$BEGIN INSERT INTO t VALUES ('no'); END\$\$" 'CREATE TEMP TABLE x()' "SELECT nextval('pg_catalog.pg_class_oid_seq')" \
	'VACUUM t' 'CALL sneak()' 'CREATE INDEX CONCURRENTLY ON t(v)'; do
	t_like "refused: $sql" "$(sql "$(run "$sql")")" '^(25006|2D000|0A000|42P01|55000|25001)$'
done
t_is 'a job that waits, cancelled' "$(sql "SELECT timed_out, sqlstate FROM pg_background_run_v2('SELECT pg_sleep(60)', timeout_ms => 200)")" 't|57014'
t_is 'rows of any number' "$(sql "SELECT count(*) FROM pg_background_run_query_v2('SELECT g FROM generate_series(1, 200000) g', col_def => 'g int') AS (g int)")" 200000

# Promotion, with a job running, one on its full queue, and a warm worker.
session_open s
session_do s "SET pg_background.worker_idle_timeout = '10min';
SELECT pid AS warm FROM pg_background_run_v2('SELECT 1') \\gset
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(1.5); SELECT pg_is_in_recovery()') \\gset
SELECT pid AS qpid, cookie AS qcookie FROM pg_background_launch_v2('SELECT repeat(''x'', 100) FROM generate_series(1, 50000)') \\gset
SELECT sqlstate FROM pg_background_run_v2('SELECT 1') \\g /dev/null"
# Handles are the server's there, too, and go through the promotion; so do those who wait.
handles=$(session_do s "SELECT pid, cookie FROM pg_background_submit('SELECT pg_sleep(60)') \\gset c
SELECT pid, cookie FROM pg_background_submit('SELECT 1/0') \\gset f
SELECT :pid || ',' || :cookie, :cpid || ',' || :ccookie, :fpid || ',' || :fcookie;")
IFS='|' read -r sleeping canceled failed <<<"$handles"
t_ok 'others see it fail' wait_until "SELECT sqlstate = '22012' FROM pg_background_outcome($failed)"
sql "SELECT pg_background_cancel($canceled)" >/dev/null
t_is 'others cancel, and wait for it' "$(sql "SELECT pg_background_wait($canceled, 10000)") $(sql "SELECT state FROM pg_background_outcome($canceled)")" 't canceled'
session_open waiter
session_do waiter 'SELECT pg_is_in_recovery() \g /dev/null' >/dev/null
session_send waiter "SELECT pg_background_wait($sleeping, 20000);"
t_is 'promoted' "$(sql 'SELECT pg_promote()')" t
session_sync waiter
t_is 'who waits across the promotion is woken' "$(session_output waiter | tail -n 1)" t
session_close waiter
t_is 'and the directory is the same' "$(sql "SELECT state FROM pg_background_outcome($canceled)") $(sql "SELECT state FROM pg_background_outcome($failed)") $(sql "SELECT state FROM pg_background_outcome($sleeping)")" \
	'canceled error stopped'
t_is 'a job that ran meanwhile ends' "$(session_do s 'SELECT * FROM pg_background_result_v2(:pid, :cookie) AS (r bool);')" f
t_is 'one on its full queue as well' "$(session_do s 'SELECT count(*) FROM pg_background_result_v2(:qpid, :qcookie) AS (t text);')" 50000
t_is 'and the next ones write, warm or not' "$(for i in 1 2 3; do session_do s "$(run "INSERT INTO t VALUES ('promoted')");"; done | sort | uniq -c | tr -d ' \n')" 3
session_close s
t_is 'they did' "$(sql "SELECT count(*) FROM t WHERE v = 'promoted'")" 3
t_is 'and no other' "$(sql "SELECT count(*) FROM t WHERE v IN ('no', 'sneaked')")" 0
t_no_leaks 'nothing is left'

# The same rules for a read-only transaction on a primary.
cluster_use primary
for sql in "INSERT INTO t VALUES ('no')" "SET transaction_read_only = off; INSERT INTO t VALUES ('no')" 'CALL sneak()' \
	"DO \$\$BEGIN COMMIT; SET transaction_read_only = off; INSERT INTO t VALUES ('no'); END\$\$"; do
	t_like "read-only transaction: $sql" "$(psql -XAtq -c 'BEGIN READ ONLY' -c "$(run "$sql")" -c COMMIT 2>&1)" '^(25006|2D000|25001)$'
done
t_is 'nothing was written' "$(sql "SELECT count(*) FROM t WHERE v IN ('no', 'sneaked')")" 0
t_no_leaks 'nothing is left on the primary either'
t_done
