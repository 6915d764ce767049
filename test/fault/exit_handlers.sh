#!/usr/bin/env bash
# What runs when a worker's process ends: all that the server does then, and what libraries have registered in the worker; not what the
# postmaster's libraries have registered. A job that calls exit() harms nobody.
. "$(dirname "$0")/../lib.sh"
suite_begin
cc -shared -fPIC -O1 -I"$("$PG_CONFIG" --includedir-server)" -o "$WORK/exits.so" "$(dirname "$0")/exit_handlers.c" || die 'cc'
chmod 755 "$WORK/exits.so"
exits=$WORK/exits.txt
install -o "$SERVER_USER" -m 644 /dev/null "$exits"
cluster_init main "shared_preload_libraries = '$WORK/exits.so'" 'pg_background.worker_idle_timeout = 0' || die 'initdb'
log_allow 'FATAL: +terminating background worker'
install -o "$SERVER_USER" -m 644 /dev/null "$(cluster_log main)"
as_server env PGBG_EXITS="$exits" "$BIN/pg_ctl" -D "$(cluster_data main)" -l "$(cluster_log main)" -w start >/dev/null || die 'no server'
cluster_use main
sql "CREATE EXTENSION pg_background;
	CREATE FUNCTION register_handler() RETURNS void LANGUAGE c AS '$WORK/exits.so';
	CREATE FUNCTION call_exit(int) RETURNS void LANGUAGE c AS '$WORK/exits.so';
	CREATE TABLE t (i int)"
started=$(sql 'SELECT pg_postmaster_start_time()')

# ended PID: waits until its process has gone.
ended() { wait_until "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)" && while kill -0 "$1" 2>/dev/null; do sleep 0.05; done; }
# ran PID: which handlers ran in it.
ran() { awk -v pid="$1" '$2 == pid { printf "%s%s", sep, $1; sep = " " }' "$exits"; }

session=$(psql -XAtqc 'SELECT pg_backend_pid()')
ended "$session"
t_is 'in a session what the postmaster has registered' "$(ran "$session")" inherited
worker=$(sql "SELECT pid FROM pg_background_run_v2('SELECT register_handler()')")
ended "$worker"
t_is 'in a worker what its job has registered, and what was left in streams' "$(ran "$worker")" 'registered stream'
worker=$(psql -XAtq -c "SET pg_background.worker_idle_timeout = '60s'" -c "SELECT pid FROM pg_background_run_v2('SELECT register_handler()')")
ended "$worker"
t_is 'in one that was kept warm, too' "$(ran "$worker")" 'registered stream'

t_is 'a job that calls exit() has failed' "$(sql "SELECT has_error, sqlstate FROM pg_background_run_v2('INSERT INTO t VALUES (1); SELECT call_exit(0)')")" 't|57P01'
t_is 'and is rolled back' "$(sql 'SELECT count(*) FROM t')" 0
t_is 'as it is where its handlers are called' "$(sql "SELECT has_error, sqlstate FROM pg_background_run_v2('SELECT register_handler(), call_exit(1)')")" 't|57P01'
t_is 'nobody else noticed' "$(sql 'SELECT pg_postmaster_start_time()')" "$started"

session_open s
session_send s "SELECT sqlstate FROM pg_background_run_v2('SELECT pg_sleep(60)');"
wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'"
worker=$(sql "SELECT pid FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'")
sql "SELECT pg_terminate_backend($worker)" >/dev/null
session_sync s 30
t_is 'a terminated worker' "$(session_output s | tail -n 1)" 57P01
ended "$worker"
t_is 'ends with the status that the server has given it' "$(grep -c "PID $worker) exited with exit code 1" "$(cluster_log main)")" 1
session_close s
t_no_leaks 'nothing is left'
t_done
