#!/usr/bin/env bash
# Through PgBouncer: in transaction pooling a handle is good in every transaction, whichever server connection that has; in
# session pooling with DISCARD ALL the next client sees nothing of the one before.
. "$(dirname "$0")/../lib.sh"
suite_begin
bouncer=$(PATH=$PATH:/usr/sbin command -v pgbouncer)
if [ -z "$bouncer" ]; then
	say '  skip  pgbouncer is not here'
	t_done
fi
cluster_new main 'pg_background.worker_idle_timeout = 1min'
data=$(cluster_data main) server=$PGHOST
sql 'CREATE TABLE t (v text)'

# pool MODE SIZE [LINE...]: starts it, and psql connects through it from now on. Its working directory says whose it is.
pool() {
	local mode=$1 size=$2 ini=$server/$1.ini
	shift 2
	printf '%s\n' '[databases]' "* = host=$server port=5432 user=postgres" '[pgbouncer]' 'listen_addr =' \
		'listen_port = 6432' "unix_socket_dir = $server" 'auth_type = any' "logfile = $server/$mode.log" "pool_mode = $mode" \
		"default_pool_size = $size" 'query_wait_timeout = 20' "$@" >"$ini"
	as_server sh -c "cd '$data' && exec '$bouncer' -q '$ini'" >>"$WORK/log/pgbouncer.txt" 2>&1 &
	BOUNCER=$!
	export PGPORT=6432
	wait_until 'SELECT true' 10
}
# Ends it, and goes back to the server itself.
unpool() {
	local pid
	for pid in $(data_processes "$data"); do
		[ "$(basename "$(readlink "/proc/$pid/exe")")" != pgbouncer ] || kill -TERM "$pid"
	done
	wait "$BOUNCER"
	export PGPORT=5432
}
# The server process of a session's transaction, when it has begun one.
backend() { session_do "$1" 'SELECT pg_backend_pid();'; }

# --- transaction pooling: others hold the connections that a had before, so it gets another each time
pool transaction 4
for name in a b c d; do session_open $name; done
first=$(session_do a "BEGIN;
	SELECT pg_backend_pid(), pid AS p, cookie AS c FROM pg_background_submit('SELECT pg_background_progress(40, ''half''); SELECT pg_sleep(1); INSERT INTO t VALUES (''done'')', label => 'pooled') \\gset
	\\echo :pg_backend_pid
	COMMIT;")
session_do b 'BEGIN;' >/dev/null
second=$(session_do a "BEGIN;
	SELECT pg_background_get_progress(:p, :c) IS NOT NULL AS looked \\gset
	SELECT pg_background_wait(:p, :c) \\gset
	SELECT pg_backend_pid() \\gset
	COMMIT;
	\\echo :pg_backend_pid :pg_background_wait")
session_do c 'BEGIN;' >/dev/null
third=$(session_do a "SELECT pg_backend_pid(), state, row_count, label FROM pg_background_outcome(:p, :c);")
t_is 'submit, wait and outcome went over three connections' \
	"$(printf '%s\n' "$first" "${second% *}" "${third%%|*}" | grep -E '^[0-9]+$' | sort -u | wc -l)" 3
t_is 'waiting in another transaction' "${second##* }" t
t_is 'the outcome in a third' "${third#*|}" 'stopped|1|pooled'
t_is 'the job was done' "$(session_do d 'SELECT v FROM t;')" 'done'
# A job of rows: they stay with their session, and everything else is told. Whoever is in the way lets go.
session_do b 'COMMIT;' >/dev/null
session_do c 'COMMIT;' >/dev/null
holder=$(session_do a "BEGIN;
	SELECT pid AS p, cookie AS c FROM pg_background_launch('SELECT pg_sleep(60)', label => 'long') \\gset
	SELECT pg_backend_pid();
	COMMIT;" | tail -n 1)
session_do b 'BEGIN;' >/dev/null
t_ok 'another connection' [ "$(session_do a 'BEGIN;
	SELECT pg_backend_pid();' | tail -n 1)" != "$holder" ]
t_is 'its rows are not to be had here' "$(session_do a '\set ON_ERROR_STOP 0
	SAVEPOINT s; SELECT * FROM pg_background_result(:p, :c) AS (t text);
	\echo :LAST_ERROR_SQLSTATE
	ROLLBACK TO s;' | tail -n 1)" 42704
t_is 'it can be cancelled, and waited for' "$(session_do a 'SELECT pg_background_cancel(:p, :c) \g /dev/null
	SELECT pg_background_wait(:p, :c); SELECT state, sqlstate FROM pg_background_outcome(:p, :c); COMMIT;')" $'t\ncanceled|57014'
session_do b 'COMMIT;' >/dev/null
# Many clients, two connections: each waits for its own jobs, wherever they were submitted.
for name in a b c d; do session_close $name; done
unpool
pool transaction 2 'server_round_robin = 1'
cat >"$WORK/log/client.sql" <<'SQL'
SELECT pid AS p, cookie AS c FROM pg_background_submit('INSERT INTO t VALUES (''many'')') \gset
SELECT pg_background_wait(:p, :c) \g /dev/null
SELECT state FROM pg_background_outcome(:p, :c);
SQL
for ((i = 0; i < 8; i++)); do
	for ((j = 0; j < 10; j++)); do cat "$WORK/log/client.sql"; done | psql -XAtq >"$WORK/log/client-$i.out" 2>&1 &
	clients[i]=$!
done
wait "${clients[@]}"
t_is 'eight clients on two connections, ten jobs each' "$(cat "$WORK"/log/client-*.out | sort | uniq -c | sed 's/^ *//')" '80 stopped'
t_is 'all were done' "$(sql "SELECT count(*) FROM t WHERE v = 'many'")" 80
unpool

# --- session pooling: one connection for one client after the other
pool session 1 'server_reset_query = DISCARD ALL'
t_is 'the first client has jobs' "$(psql -XAtq <<'SQL'
SELECT pg_backend_pid() AS b, pid AS p, cookie AS c FROM pg_background_launch('SELECT pg_sleep(1); INSERT INTO t VALUES (''left'')', label => 'secret') \gset
SELECT FROM pg_background_launch('SELECT 1');
SELECT FROM pg_background_run('SELECT 1');
INSERT INTO t VALUES (concat_ws(' ', :b, :p, :c));
SELECT count(*) FROM pg_background_list;
SQL
)" 2
read -r b p c <<<"$(sql "SELECT v FROM t WHERE v LIKE '% %'")"
t_is 'the next one has the same connection' "$(sql 'SELECT pg_backend_pid()')" "$b"
t_is 'and no jobs, nor do functions that mean all jobs find any' "$(psql -XAtq <<'SQL'
SELECT count(*) FROM pg_background_list;
SELECT count(*) FROM pg_background_drain_all();
SELECT pg_background_cancel_all();
SQL
)" $'0\n0\n0'
t_is 'what ran goes on, and whoever has the handle and the right may wait for it' "$(sql "SELECT pg_background_wait($p, $c)")$(sql "SELECT state FROM pg_background_outcome($p, $c)")$(sql "SELECT count(*) FROM t WHERE v = 'left'")" tstopped1
t_ok 'no worker of the first client serves the second' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'" 10
unpool
t_no_leaks 'nothing is left'
t_done
