#!/usr/bin/env bash
# Every test against one PostgreSQL, the one of PG_CONFIG. The last line is "N passed, N failed". See test/README.md.
. "$(dirname "$0")/lib.sh"

: "${PGBG_ONLY:=unit regress isolation fault injection cold}" "${PGBG_TESTS:=}" "${PGBG_TEST_TIMEOUT:=600}"
BROKEN=()

# "fault" is all of a suite; "fault/storage" one script of it, which other suites do not mind.
wants() { [[ " $PGBG_ONLY " == *" $1 "* ]]; }
wants_some() { [[ " $PGBG_ONLY" == *" $1"[\ /]* || " $PGBG_ONLY" == *" $1" ]]; }
wants_script() { wants "$1" || wants "$1/$2"; }
wants_test() { [ -z "$PGBG_TESTS" ] || [[ " $PGBG_TESTS " == *" $1 "* ]]; }

# count PASSED FAILED NAME: adds up, and remembers where something failed.
count() {
	PASSED=$((PASSED + $1)) FAILED=$((FAILED + $2))
	[ "$2" -eq 0 ] || BROKEN+=("$3")
}

unit() {
	local log=$WORK/log/unit.txt status
	say '== unit tests'
	CARGO_TARGET_DIR=$PGBG_SRC/target/pg$(pg_major) run "$CARGO" test --locked --manifest-path "$PGBG_SRC/Cargo.toml" >"$log" 2>&1
	status=$?
	# A line for each executable: "test result: ok. 12 passed; 0 failed; ..."
	read -r ok bad < <(awk '/^test result:/ { p += $4; f += $6 } END { print p + 0, f + 0 }' "$log")
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
	[ "$bad" -eq 0 ] || tail -n 40 "$log"
	say "   $ok passed, $bad failed"
	count "$ok" "$bad" 'unit tests'
}

# exports LIBRARY: the symbols that others can find. Any more of them may meet another library's of the same name.
exports() { nm -D --defined-only "$1" | awk '{ print $NF }' | LC_ALL=C sort; }

# regression NAME PROGRAM FOLDER SUFFIX [CONF-LINE...]: pg_regress or pg_isolation_regress on a server of its own.
regression() {
	local name=$1 program=$2 out=$WORK/$1 tests=() file ok bad status
	for file in "$PGBG_SRC/regress/$3"/*."$4"; do
		file=$(basename "$file" ".$4")
		! wants_test "$file" || tests+=("$file")
	done
	[ ${#tests[@]} -gt 0 ] || return 0
	say "== $name"
	if [ ! -x "$program" ]; then
		say "   $program is missing"
		count 0 1 "$name"
		return
	fi
	# What hangs ends in seconds, where it hangs; what cannot be interrupted ends with its test.
	cluster_init "$name" "max_worker_processes = 64" "statement_timeout = $((PGBG_TEST_TIMEOUT / 10))s" "${@:5}" ||
		{ count 0 1 "$name"; return; }
	cluster_start "$name" || { count 0 1 "$name"; return; }
	mkdir -p "$out"
	run timeout --foreground "$((PGBG_TEST_TIMEOUT * 3))" "$program" --inputdir="$PGBG_SRC/regress" --outputdir="$out" \
		--bindir="$BIN" --dlpath="$PKGLIB" --host="$PGHOST" --port="$PGPORT" --user="$PGUSER" \
		--dbname=contrib_regression --max-concurrent-tests=1 --launcher="timeout --kill-after=5 $((PGBG_TEST_TIMEOUT / 4))" \
		"${tests[@]}" >"$WORK/log/$name.txt" 2>&1
	status=$?
	# "test NAME ... ok" up to 15, "ok 1 - NAME" from 16 on.
	ok=$(grep -cE '^(ok [0-9]|test .*\.\.\. ok)' "$WORK/log/$name.txt")
	bad=$((${#tests[@]} - ok))
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
	if [ "$bad" -ne 0 ]; then
		grep -vE '^(ok |# *$|1\.\.)' "$WORK/log/$name.txt" | tail -n 30
		[ ! -f "$out/regression.diffs" ] || head -n "${PGBG_DIFF_LINES:-60}" "$out/regression.diffs"
	fi
	say "   $ok passed, $bad failed"
	# Each line of pg_regress ends with milliseconds.
	awk '/^(ok |test )/ && $NF == "ms" { ms += $(NF - 1) } END { if (ms) printf "   tests took %.1f s\n", ms / 1000 }' "$WORK/log/$name.txt"
	count "$ok" "$bad" "$name"
	t_is "$name leaves no worker behind" "$(wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'pg_background%'")" ''
	cluster_stop "$name"
}

# has_cold_run FILE: not those that are about warm workers or about sizes alone, and not those that have no warm workers in
# any of their servers.
has_cold_run() {
	[[ $(basename "$1") != @(warm_*|huge.sh) ]] && ! grep -qE "^(cluster_(new|init)|injection_cluster) .*'pg_background.worker_idle_timeout = 0'" "$1"
}

# scripts FOLDER FEATURES [KIND]: each script is one process with one private installation to share. The KIND -cold has
# every server start a new process for each job, where the script does not say otherwise by itself.
scripts() {
	local folder=$1 features=$2 kind=${3:-} files=("$PGBG_SRC/test/$1"/*.sh) file name log last tree=$WORK/tree
	local conf=${PGBG_CONF:-}
	[ -z "$kind" ] || conf+=$'\npg_background.worker_idle_timeout = 0'
	if [ -n "$features" ]; then
		tree=$WORK/tree-$features
	fi
	if [ -n "$features" ] && [ ! -e "$tree" ]; then
		say "== build with $features"
		if ! { tree_make "$tree" && run tree_install "$tree" "$features"; } >"$WORK/log/build-$features.txt" 2>&1; then
			tail -n 40 "$WORK/log/build-$features.txt"
			count 0 1 "build with $features"
			return
		fi
	fi
	for file in "${files[@]}"; do
		name=$(basename "$file" .sh)
		if ! wants_test "$name" || { [ -z "$kind" ] && ! wants_script "$1" "$name"; }; then continue; fi
		if [ -n "$kind" ] && ! has_cold_run "$file"; then continue; fi
		say "== $folder$kind/$name"
		log=$WORK/log/$folder$kind-$name.txt
		PGBG_TREE=$tree PGBG_TEMPLATE=$PGBG_TEMPLATE PGBG_WORK=$WORK/$folder$kind PGBG_CONF=$conf \
			run timeout --kill-after=30 "$PGBG_TEST_TIMEOUT" bash "$file" >"$log" 2>&1
		cluster_kill_all "$WORK/$folder$kind/$name"
		last=$(tail -n 1 "$log")
		if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
			count "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "$folder$kind/$name"
			[ "${BASH_REMATCH[2]}" -eq 0 ] || grep -A 8 '^  FAIL' "$log" | grep -vE '^  ok |^logs: |^[0-9]+ passed'
			say "   $last"
		else
			tail -n 30 "$log"
			say '   did not come to its end'
			count 0 1 "$folder$kind/$name"
		fi
	done
}

pg_config_is_usable || die "$PG_CONFIG does not lead to a PostgreSQL server and its headers: install them (Debian: apt-get install postgresql postgresql-server-dev-15) or set PG_CONFIG"
command -v "$CARGO" >/dev/null || die 'cargo is missing: install Rust 1.85 or later'

work_begin check
PG_CONFIG=$(command -v "$PG_CONFIG")
say "$("$PG_CONFIG" --version), $("$PG_CONFIG" --bindir)"
! wants unit || unit
say '== build'
tree_make "$WORK/tree"
if run tree_install "$WORK/tree" >"$WORK/log/build.txt" 2>&1; then
	before=$FAILED
	t_is 'the build has no warnings' "$(grep -A 6 '^warning' "$WORK/log/build.txt" | head -n 30)" ''
	[ "$FAILED" -eq "$before" ] || BROKEN+=('warnings of the build')
	before=$FAILED
	t_is 'it exports what test/exports.txt lists, and nothing else' "$(exports "$WORK/tree$("$PG_CONFIG" --pkglibdir)/pg_background.so" | diff - "$PGBG_SRC/test/exports.txt")" ''
	[ "$FAILED" -eq "$before" ] || BROKEN+=('exported symbols')
	tree_use "$WORK/tree"
	PGBG_TEMPLATE=$WORK/template
	cluster_template "$PGBG_TEMPLATE"
	pgxs=$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")
	# Each twice: with warm workers, and with a new process for each job.
	for kind in '' -cold; do
		conf=()
		[ -z "$kind" ] || [ -z "${PGBG_WARM_ONLY:-}" ] || continue
		[ -z "$kind" ] || conf=('pg_background.worker_idle_timeout = 0')
		! wants regress || regression "regress$kind" "$pgxs/test/regress/pg_regress" sql sql "${conf[@]}"
		! wants isolation || regression "isolation$kind" "$pgxs/test/isolation/pg_isolation_regress" specs spec "${conf[@]}"
	done
	! wants_some fault || scripts fault ''
	! wants_some injection || scripts injection injection-points
	! wants cold || { scripts fault '' -cold; scripts injection injection-points -cold; }
	before=$FAILED
	t_logs
	[ "$FAILED" -eq "$before" ] || BROKEN+=('server logs')
else
	tail -n 40 "$WORK/log/build.txt"
	count 0 1 build
fi

say ''
[ ${#BROKEN[@]} -eq 0 ] || printf 'failed: %s\n' "${BROKEN[@]}"
run_done
