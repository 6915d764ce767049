#!/usr/bin/env bash
# Somebody sets the clock back by an hour while a session waits, or a worker does: no time-out gets longer by that.
. "$(dirname "$0")/../lib.sh"
suite_begin
cc -shared -fPIC -O1 -o "$WORK/clock.so" "$(dirname "$0")/clock.c" -ldl || die 'cc'
chmod 755 "$WORK/clock.so"
PGBG_CLOCK=$WORK/clock
: >"$PGBG_CLOCK"
cluster_init main 'log_min_messages = fatal' || die 'initdb'
install -o "$SERVER_USER" -m 644 /dev/null "$(cluster_log main)"
as_server env LD_PRELOAD="$WORK/clock.so" PGBG_CLOCK="$PGBG_CLOCK" "$BIN/pg_ctl" -D "$(cluster_data main)" -l "$(cluster_log main)" \
	-w start >/dev/null || die 'no server'
cluster_use main
sql 'CREATE EXTENSION pg_background'

milliseconds() { say "$((${EPOCHREALTIME//[.,]/} / 1000))"; }
# late SECONDS: what the server's clock is behind from now on.
late() {
	printf '%s' "$1" >"$PGBG_CLOCK.new"
	mv "$PGBG_CLOCK.new" "$PGBG_CLOCK"
}
late 3600
t_is 'the clock can be set' "$(sql "SELECT now() < to_timestamp($EPOCHSECONDS - 3000)")" t

# step NAME WANTED SQL: the clock is set back while the session is in SQL, which ends after two seconds nevertheless.
step() {
	local start took
	late 0
	session_open s
	session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(20)') \\gset" >/dev/null
	start=$(milliseconds)
	session_send s "$3"
	sleep 0.5
	late 3600
	t_is "$1" "$(session_sync s 15 && session_output s | tail -n 1)" "$2"
	took=$(($(milliseconds) - start))
	t_ok "$1: after 2 s ($took ms)" [ "$took" -ge 1900 -a "$took" -le 8000 ]
	session_close s kill
}
step 'wait_v2_timeout' f 'SELECT pg_background_wait_v2_timeout(:pid, :cookie, 2000);'
step 'wait_any_v2' '' "SELECT 'nobody' FROM pg_background_wait_any_v2(ARRAY[(:pid, :cookie)::pg_background_handle], 2000) h WHERE h IS NOT NULL;
	\\echo"
step 'run_v2, and what it says it took' 't|t' "SELECT timed_out, elapsed_ms BETWEEN 1900 AND 8000 FROM pg_background_run_v2('SELECT pg_sleep(20)', 0, 2000);"

# An idle worker's time.
late 0
session_open s
session_do s "SET pg_background.worker_idle_timeout = '2s'; SELECT FROM pg_background_run_v2('SELECT 1');" >/dev/null
sleep 0.5
late 3600
t_ok 'an idle worker leaves when its time is over' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'idle'" 8
session_close s
# pg_sleep looks at the clock.
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_background'" >/dev/null
t_no_leaks 'nothing is left'
t_done
