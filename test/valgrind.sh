#!/usr/bin/env bash
# The regression suite on a server under valgrind's memcheck. The server is built with USE_VALGRIND, so valgrind knows what
# palloc has given out and what it has taken back; what PostgreSQL's own list (valgrind.supp) excuses is excused. An error
# with a frame of this library in it fails, and so does a process that valgrind did not see to its end.
#
#   PGBG_TESTS="rows types"       some of the tests
#   PGBG_VALGRIND_CONFIG=path     the pg_config of a server built with USE_VALGRIND, instead of test/build-server.sh's
. "$(dirname "$0")/lib.sh"

: "${PGBG_TESTS:=}"
PG_CONFIG=${PGBG_VALGRIND_CONFIG:-$("$PGBG_SRC/test/build-server.sh" valgrind)} || exit 1
export PG_CONFIG
suite_begin
valgrind=$(command -v valgrind) || die 'valgrind is missing'
suppressions=$(dirname "$(dirname "$PG_CONFIG")")/share/valgrind.supp
[ -f "$suppressions" ] || die "$suppressions is missing; it is src/tools/valgrind.supp of the server's source"
pg_regress=$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")/test/regress/pg_regress
[ -x "$pg_regress" ] || die "$pg_regress is missing"

cluster_init main 'max_worker_processes = 64' 'log_min_messages = warning' 'autovacuum = off' 'wal_sender_timeout = 0' \
	"unix_socket_directories = '$WORK/cluster/main'"
# pg_ctl starts what is called postgres beside it.
install -d -o "$SERVER_USER" "$WORK/log/valgrind"
mv "$BIN/postgres" "$BIN/postgres.plain"
cat >"$BIN/postgres" <<END
#!/bin/sh
exec '$valgrind' --trace-children=yes --leak-check=no --error-limit=no --num-callers=40 ${PGBG_VALGRIND_OPTIONS:-} \\
	--suppressions='$suppressions' --log-file='$WORK/log/valgrind/%p.log' '$BIN/postgres.plain' "\$@"
END
chmod 755 "$BIN/postgres"
cluster_start main || die 'the server does not start under valgrind'

tests=()
for file in "$PGBG_SRC"/regress/sql/*.sql; do
	name=$(basename "$file" .sql)
	if [ -z "$PGBG_TESTS" ] || [[ " $PGBG_TESTS " == *" $name "* ]]; then tests+=("$name"); fi
done
out=$WORK/log/regress
mkdir -p "$out"
run "$pg_regress" --inputdir="$PGBG_SRC/regress" --outputdir="$out" --bindir="$BIN" --dlpath="$PKGLIB" --host="$PGHOST" --port="$PGPORT" \
	--user="$PGUSER" --dbname=contrib_regression --max-concurrent-tests=1 "${tests[@]}" >"$WORK/log/regress.txt" 2>&1
same=$(grep -cE '^(ok [0-9]|test .*\.\.\. ok)' "$WORK/log/regress.txt")
say "$same of ${#tests[@]} tests have the same answers as on a server that is not slowed down:"
grep -E '^(not ok|test .*FAILED)' "$WORK/log/regress.txt"
[ ! -f "$out/regression.diffs" ] || grep '^[-+]' "$out/regression.diffs" | head -n 60
# A worker that is 30 times slower may be later than a test allows for. A crash would lose the rest of the tests.
t_ok 'the server outlives every test' sql 'SELECT 1'
cluster_stop main
# The pid file goes before valgrind has had its say.
for ((tries = 0; tries < 300; tries++)); do
	[ -n "$(cluster_processes main)" ] || break
	sleep 0.1
done

logs=("$WORK"/log/valgrind/*.log)
t_ok "valgrind watched ${#logs[@]} processes" test ${#logs[@]} -gt $((${#tests[@]} * 2))
t_is 'each to its end' "$(grep -L 'ERROR SUMMARY' "${logs[@]}")" ''

# blocks OURS: errors with (1) or without (0) a frame of this library. A blank line ends one.
blocks() {
	awk -v wanted="$1" '
		{ text = $0; sub(/^==[0-9]+== ?/, "", text) }
		FNR == 1 || text ~ /^ *$/ { flush() }
		{ if (text !~ /^ *$/) block = block text "\n" }
		END { flush() }
		function flush() {
			# Headers and summaries have no frames.
			if (block ~ /\n +(at|by) 0x/) {
				ours = block ~ /pg_background|pgbg_|\.rs:[0-9]/
				gsub(/0x[0-9A-F]+/, "0x", block)
				if (ours == wanted && !seen[block]++) printf "%s\n", block
			}
			block = ""
		}' "${logs[@]}"
}
t_is 'no error has to do with this library' "$(blocks 1 | head -n 120)" ''
others=$(blocks 0)
[ -z "$others" ] || say 'Errors that have nothing to do with it:' "$(head -n 60 <<<"$others")"
# Statements that a slow server does not get done in time end connections.
log_allow 'FATAL: +'
t_done
