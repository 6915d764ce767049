#!/usr/bin/env bash
# A panic in Rust is an ordinary error: the transaction rolls back, the session and the server live, nothing leaks.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'log_min_messages = panic'
PANICS=10000

for kind in bounds slice overflow divide shift unwrap cell text long; do
	t_sqlstate "panic: $kind" XX000 "SELECT pgbg_test_panic('$kind')"
done
t_is 'a panic below PG_TRY can be caught' "$(sql "SELECT pgbg_test_panic('caught')")" XX000
t_like 'the message tells the place' "$(psql -XAtq -c '\set VERBOSITY verbose' -c "SELECT pgbg_test_panic('bounds')" 2>&1)" \
	'ERROR:  XX000: index out of bounds.* at src/injection/functions\.rs:[0-9]+.*DETAIL:  This is a bug in pg_background'
t_like 'a long message is cut' "$(psql -XAtq -c "SELECT pgbg_test_panic('long')" 2>&1 | head -n 1 | wc -c)" '^5[0-9][0-9]$'
t_like 'what is not ASCII becomes question marks' "$(psql -XAtq -c "SELECT pgbg_test_panic('text')" 2>&1)" 'ERROR:  caf\?\?\?\?%s%n "quoted"'

# Three in four in a transaction of their own, the rest in subtransactions and in a cursor's portal.
{
	for ((i = 0; i < PANICS; i += 4)); do
		printf '%s\n' 'BEGIN;' "INSERT INTO kept VALUES ($i);" "SELECT pgbg_test_panic('bounds');" 'COMMIT;'
		printf '%s\n' 'BEGIN;' "SAVEPOINT s;" "SELECT pgbg_test_panic('overflow');" 'ROLLBACK TO s;' 'COMMIT;'
		printf '%s\n' 'BEGIN;' "DECLARE c CURSOR FOR SELECT pgbg_test_panic('unwrap');" 'FETCH c;' 'COMMIT;'
		printf '%s\n' "SELECT pgbg_test_panic('divide');"
	done
} >"$WORK/log/panics.sql"
sql 'CREATE TABLE kept(i int)'
memory() { session_do s "SELECT sum(total_bytes) FROM pg_backend_memory_contexts;"; }
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$(session_backend s)/status"; }
session_open s -v VERBOSITY=sqlstate
head -n 980 "$WORK/log/panics.sql" >"$WORK/log/first.sql"
session_do s "\\i $WORK/log/first.sql" 120 >/dev/null
before=$(memory) resident=$(resident)
codes=$(session_do s "\\i $WORK/log/panics.sql" 120 | sort | uniq -c | sed 's/.*panics.sql:[0-9]*: //;s/^ *//')
t_is "$PANICS panics, $PANICS errors" "$(session_output s | grep -c 'panics.sql:.*ERROR:  XX000')" "$PANICS"
t_is 'no other message' "$(sed 's/.*ERROR/ERROR/' <<<"$codes" | sort -u)" 'ERROR:  XX000'
t_is 'everything was rolled back' "$(sql 'SELECT count(*) FROM kept')" 0
after=$(memory)
t_ok "memory contexts are as before ($before, $after)" [ "$after" -le "$((before + 65536))" ]
after=$(resident)
t_ok "so is the process ($resident kB, $after kB)" [ "$after" -le "$((resident + 2048))" ]
t_is 'and the session still launches' "$(session_do s "SELECT n FROM pg_background_run_query_v2('SELECT 42', col_def => 'n int') AS (n int);")" 42
session_close s

# In a worker: the job has failed, that is all.
t_like 'a panic in a job is its error' "$(sql "SELECT sqlstate, error_message FROM pg_background_run_v2('SELECT pgbg_test_panic(''bounds'')')")" \
	'^XX000\|index out of bounds'
t_no_leaks 'nothing is left'
t_done
