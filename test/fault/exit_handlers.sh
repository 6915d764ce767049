#!/usr/bin/env bash
# A worker that has loaded nothing ends without the exit handlers that the server's own libraries have registered in the postmaster. Any
# other ends like every process. And where a job calls exit(), the server's own handler comes to its turn.
. "$(dirname "$0")/../lib.sh"
suite_begin
cc -shared -fPIC -O1 -I"$("$PG_CONFIG" --includedir-server)" -o "$WORK/exits.so" "$(dirname "$0")/exit_handlers.c" || die 'cc'
cc -shared -fPIC -O1 -o "$WORK/inherited.so" "$(dirname "$0")/exit_inherited.c" || die 'cc'
chmod 755 "$WORK/exits.so" "$WORK/inherited.so"
exits=$WORK/exits.txt
install -o "$SERVER_USER" -m 644 /dev/null "$exits"
cluster_init main 'pg_background.worker_idle_timeout = 0' || die 'initdb'
log_allow 'FATAL: +terminating background worker'
log=$(cluster_log main)
install -o "$SERVER_USER" -m 644 /dev/null "$log"

# start [VARIABLE=VALUE]: the server, with a handler that it inherits.
start() {
	as_server env PGBG_EXITS="$exits" "$@" LD_PRELOAD="$WORK/inherited.so" "$BIN/pg_ctl" -D "$(cluster_data main)" -l "$log" -w start \
		>/dev/null || die 'no server'
	cluster_use main
}

# has_ended PID: waits until its process has gone.
has_ended() {
	local start=$SECONDS
	while kill -0 "$1" 2>/dev/null; do
		[ $((SECONDS - start)) -lt 30 ] || return
		sleep 0.05
	done
}

# ran PID: what ran at its end, in the order in which it did.
ran() {
	[ -n "$1" ] || { say 'no process'; return; }
	has_ended "$1" || { say 'still there'; return; }
	awk -v pid="$1" '$2 == pid { printf "%s%s", sep, $1; sep = " " }' "$exits"
}

# worker JOB [SETTING]: the process that did it.
worker() { psql -XAtq -c "${2:-SELECT}" -c "SELECT pid FROM pg_background_run_v2('$1')" | tail -n 1; }

start PGBG_HIDDEN=1
sql "CREATE EXTENSION pg_background;
	CREATE FUNCTION register_handler() RETURNS void LANGUAGE c AS '$WORK/exits.so';
	CREATE FUNCTION call_exit(int) RETURNS void LANGUAGE c AS '$WORK/exits.so';
	CREATE TABLE t (i int)"
t_is 'a session runs what the postmaster has registered' "$(ran "$(psql -XAtqc 'SELECT pg_backend_pid()')")" inherited
t_is 'a worker does not' "$(ran "$(worker 'SELECT 1')")" ''
t_is 'nor does one that was kept warm' "$(ran "$(worker 'SELECT 1' "SET pg_background.worker_idle_timeout = '60s'")")" ''
t_is 'nor one with PL/pgSQL' "$(ran "$(worker 'DO $$ BEGIN END $$')")" ''
t_is 'one that has loaded another library ends like every process' "$(ran "$(worker 'SELECT register_handler()')")" 'registered inherited stream'

started=$(sql 'SELECT pg_postmaster_start_time()')
t_is 'a job that calls exit() has failed' "$(sql "SELECT has_error, sqlstate FROM pg_background_run_v2('INSERT INTO t VALUES (1); SELECT call_exit(0)')")" 't|57P01'
t_is 'and is rolled back' "$(sql 'SELECT count(*) FROM t')" 0
t_is 'so it is with exit(1)' "$(sql "SELECT has_error, sqlstate FROM pg_background_run_v2('SELECT register_handler(), call_exit(1)')")" 't|57P01'
t_is 'nobody else noticed' "$(sql 'SELECT pg_postmaster_start_time()')" "$started"

session_open s
session_send s "SELECT sqlstate FROM pg_background_run_v2('SELECT pg_sleep(60)');"
wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'"
worker=$(sql "SELECT pid FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'")
sql "SELECT pg_terminate_backend($worker)" >/dev/null
session_sync s 30
t_is 'a terminated worker' "$(session_output s | tail -n 1)" 57P01
session_close s
has_ended "$worker"
# The postmaster writes that after the process has gone.
wait_until "SELECT pg_read_file('$log') ~ 'PID $worker\\) exited'"
t_is 'ends with the status that the server has given it' "$(grep -o "PID $worker) exited with exit code.*" "$log")" "PID $worker) exited with exit code 1"

cluster_stop main
start
t_is 'where something was preloaded, workers end like every process' "$(ran "$(worker 'SELECT 1')")" inherited
t_no_leaks 'nothing is left'
t_done
