# Points of src/injection/, for the scripts beside this file. Sourced after lib.sh.
# shellcheck shell=bash

# injection_cluster NAME [CONF-LINE...]: a server with the test functions, whose points can be armed.
injection_cluster() {
	cluster_new "$@" && psql -XAtq -f "$PGBG_SRC/test/injection/functions.sql" || die 'no server with injection points'
	POINTS=$(cluster_data "$1")/pgbg_test
	install -d -o "$SERVER_USER" -m 700 "$POINTS"
}

# arm POINT ACTION: wait, hold (the same, but uninterruptibly), error, panic, exit, int, term, abort; "ACTION N" after
# passing N times.
arm() {
	rm -f "$POINTS/$1.at"
	printf '%s' "$2" >"$POINTS/.new" && mv "$POINTS/.new" "$POINTS/$1"
}

disarm() { rm -f "$POINTS/$1"; }
disarm_all() { rm -f "$POINTS"/*; }

# arrival POINT: waits until a process came to that point; prints its process id.
arrival() {
	local end=$((SECONDS + 15)) pid
	until pid=$(head -n 1 "$POINTS/$1.at" 2>/dev/null) && [ -n "$pid" ]; do
		[ "$SECONDS" -lt "$end" ] || { say "nobody came to $1"; return 1; }
		sleep 0.01
	done
	say "$pid"
}

# answer NAME: waits until the session has answered; prints the SQLSTATE of the last statement that was sent to it.
# `ask` sends it.
ask() {
	CODES=$(grep -c '^code ' "$WORK/log/session-$1.out")
	session_send "$1" "$2"$'\n\\echo code :SQLSTATE'
}
answer() {
	local end=$((SECONDS + 20)) file=$WORK/log/session-$1.out
	while [ "$(grep -c '^code ' "$file")" -le "$CODES" ]; do
		kill -0 "${SESSION_PSQL[$1]}" 2>/dev/null || { say gone; return; }
		[ "$SECONDS" -lt "$end" ] || { say 'no answer'; return; }
		sleep 0.01
	done
	sed -n 's/^code //p' "$file" | tail -n 1
}

# nothing_left: what is left of jobs after the session has let go of them: "0 workers, 0 segments, 0 jobs, 0 contexts".
# shellcheck disable=SC2120
nothing_left() {
	local end=$((SECONDS + 10)) left workers rest
	while :; do
		workers=$(workers_running)
		rest=$(session_do "$1" "SELECT pg_background_detach_all_v2() \\g /dev/null
SELECT workers_active AS active FROM pg_background_stats_v2() \\gset
SELECT pgbg_test_jobs() || ' jobs, ' || (SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'pg_background %') || ' contexts';")
		left="$workers workers, $(segments) segments, $rest"
		if [ "$left" = '0 workers, 0 segments, 0 jobs, 0 contexts' ] || [ "$SECONDS" -ge "$end" ]; then
			break
		fi
		sleep 0.05
	done
	[ "$left" != '0 workers, 0 segments, 0 jobs, 0 contexts' ] || left=nothing
	say "$left"
}
