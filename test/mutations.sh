#!/usr/bin/env bash
# Every promise broken on purpose once: test/mutations/README.md. The last line is "N passed, N failed".
#
#   test/mutations.sh [--ci] [NAME...]
. "$(dirname "$0")/lib.sh"

: "${PGBG_TEST_TIMEOUT:=300}"
names=() ci=''
for argument in "$@"; do
	case $argument in
		--ci) ci=1 ;;
		-*) die "usage: $0 [--ci] [NAME...]" ;;
		*) names+=("$argument") ;;
	esac
done
cd "$PGBG_SRC/test/mutations" || exit 1
if [ ${#names[@]} -eq 0 ]; then
	for file in *; do
		[ "$file" != README.md ] || continue
		if [ -z "$ci" ] || grep -qx ci "$file"; then names+=("$file"); fi
	done
fi
[ ${#names[@]} -gt 0 ] || die 'no mutation'

pg_config_is_usable || die "$PG_CONFIG does not lead to a PostgreSQL server and its headers: set PG_CONFIG"
PG_CONFIG=$(command -v "$PG_CONFIG")
work_begin mutations
cp -r "$PGBG_SRC/test/mutations" "$PGBG_SRC/test/mutate.pl" "$WORK"
mutations=$WORK/mutations mutate=$WORK/mutate.pl
cd "$mutations" || exit 1
original=$PGBG_SRC PGXS_LIB=$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")

# The copy, with a build directory that stays for the next time. What is not committed counts.
# Its files are newer than anything that was built of them broken.
target=$original/target/mutations
mkdir -p "$target" "$WORK/copy"
git -C "$original" ls-files -z | (cd "$original" && xargs -0 ls -d 2>/dev/null) | tar -C "$original" -cf - -T - | tar -C "$WORK/copy" -xmf -
ln -s "$target" "$WORK/copy/target"
mkdir "$WORK/unbroken"
cp -a "$WORK/copy/src" "$WORK/copy/sql" "$WORK/unbroken"
PGBG_SRC=$WORK/copy

# What is broken is to be built soon and to be noticed, not to be fast.
export CARGO_INCREMENTAL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64 \
	CARGO_PROFILE_RELEASE_DEBUG=none

# restore: the sources as they are. Files that did not change keep their time, for cargo and make.
restore() {
	local from to room
	for room in src sql; do
		diff -rq "$WORK/unbroken/$room" "$WORK/copy/$room" | sed -n 's|^Files \(.*\) and \(.*\) differ$|\1 \2|p' |
			while read -r from to; do cp "$from" "$to"; done
	done
}

# library FEATURES: builds it and puts it into the tree of these.
library() {
	local tree=$WORK/tree${1:+-$1}
	if [ ! -e "$tree" ]; then tree_make "$tree"; fi
	run tree_install "$tree" "$1" >"$WORK/log/build.txt" 2>&1
}

# regression PROGRAM FOLDER TEST...: fails where pg_regress does, and where the server's log shows a crash.
regression() {
	local program=$1 folder=$2 status
	shift 2
	tree_use "$WORK/tree"
	cluster_init regress 'max_worker_processes = 64' 'statement_timeout = 20s' && cluster_start regress || return 1
	run timeout --foreground "$PGBG_TEST_TIMEOUT" "$PGXS_LIB/test/$program" --inputdir="$PGBG_SRC/regress" --outputdir="$WORK/out" \
		--bindir="$BIN" --dlpath="$PKGLIB" --host="$PGHOST" --port="$PGPORT" --user="$PGUSER" \
		--dbname=contrib_regression --max-concurrent-tests=1 --launcher='timeout --kill-after=5 60' "$@" >"$WORK/log/test.txt" 2>&1
	status=$?
	[ -z "$(log_problems "$(cluster_log regress)")" ] || status=1
	sed -n '/^[-+][^-+]/{s/^/  FAIL  /p;q}' "$WORK/out/regression.diffs" >>"$WORK/log/test.txt" 2>/dev/null
	cluster_kill_all "$WORK/cluster"
	rm -rf "$WORK/cluster/regress" "$(cluster_log regress)" "$WORK/out"
	return "$status"
}

# script FOLDER FEATURES NAME
script() {
	local status
	PGBG_TREE=$WORK/tree${2:+-$2} PGBG_TEMPLATE=$PGBG_TEMPLATE PGBG_WORK=$WORK/$1 PGBG_FIRST_FAILURE=1 \
		run timeout --kill-after=30 "$PGBG_TEST_TIMEOUT" bash "$PGBG_SRC/test/$1/$3.sh" >"$WORK/log/test.txt" 2>&1
	status=$?
	cluster_kill_all "$WORK/$1/$3"
	rm -rf "${WORK:?}/$1/$3"
	return "$status"
}

# try KIND TEST...: runs tests of a kind, with the library built before.
try() {
	local kind=$1 test
	shift
	case $kind in
		unit)
			CARGO_TARGET_DIR=$target/unit run "$CARGO" test --locked --manifest-path "$PGBG_SRC/Cargo.toml" "$@" >"$WORK/log/test.txt" 2>&1
			;;
		regress) regression regress/pg_regress sql "$@" ;;
		isolation) regression isolation/pg_isolation_regress specs "$@" ;;
		fault) for test in "$@"; do script fault '' "$test" || return; done ;;
		injection) for test in "$@"; do script injection injection-points "$test" || return; done ;;
		*) die "no kind of test: $kind" ;;
	esac
}

# built KIND: makes what tests of that kind run.
built() {
	if [ "$1" != unit ]; then
		library "$(features_of "$1")"
	else
		CARGO_TARGET_DIR=$target/unit run "$CARGO" test --no-run --locked --manifest-path "$PGBG_SRC/Cargo.toml" >"$WORK/log/build.txt" 2>&1
	fi
}

features_of() { [ "$1" != injection ] || say injection-points; }

tree_make "$WORK/tree"
tree_use "$WORK/tree"
PGBG_TEMPLATE=$WORK/template
cluster_template "$PGBG_TEMPLATE"

# unbroken KIND TEST...: passes. A busy machine has a second try.
unbroken() {
	if PGBG_TEST_TIMEOUT=600 try "$@" || PGBG_TEST_TIMEOUT=600 try "$@"; then pass "$*"; else fail "$*" "$(tail -n 20 "$WORK/log/test.txt")"; fi
}

# Unbroken, each of these tests passes: else it would notice anything.
for name in "${names[@]}"; do sed -n 's/^test: //p' "$name"; done | awk '{ for (i = 2; i <= NF; i++) print $1, $i }' | sort -u >"$WORK/tests"
say '== unbroken'
for kind in unit regress isolation fault injection; do
	mapfile -t tests < <(awk -v kind=$kind '$1 == kind { print $2 }' "$WORK/tests")
	[ ${#tests[@]} -gt 0 ] || continue
	[ "$kind" = unit ] || library "$(features_of $kind)" || { tail -n 20 "$WORK/log/build.txt"; die 'the build failed'; }
	case $kind in
		unit) unbroken unit ;;
		regress | isolation) unbroken "$kind" "${tests[@]}" ;;
		*) for test in "${tests[@]}"; do unbroken "$kind" "$test"; done ;;
	esac
done

# room NAME: where the promise is kept.
room() { sed -nE 's!^(src|sql)/(([a-z_]+)/)?.*!\1 \3!p' "$1" | awk 'NR == 1 { print $1 == "sql" ? "scripts" : $2 }'; }

say '== broken'
declare -A tried=() noticed=()
for name in "${names[@]}"; do
	began=$SECONDS
	promise=$(head -n 1 "$name") missed=() late='' by=''
	room=$(room "$name")
	room=${room:-nowhere}
	tried[$room]=$((${tried[$room]:-0} + 1))
	if ! grep -q '^test: ' "$name"; then
		fail "$name: names no test"
		continue
	fi
	if ! output=$(cd "$WORK/copy" && perl "$mutate" "$mutations/$name"); then
		fail "$name: does not apply" "$output"
		restore
		continue
	fi
	while read -r kind tests; do
		read -ra tests <<<"$tests"
		if ! built "$kind"; then
			missed+=("does not build: $(grep -A 4 '^error' "$WORK/log/build.txt" | head -n 12)")
			continue
		fi
		for test in "${tests[@]}"; do
			try "$kind" "$test"
			case $? in
				0) missed+=("$kind $test") ;;
				124 | 137) late=', by its time-out' ;;
			esac
			by+=$(sed -n '0,/^  FAIL  /s/^  FAIL  /: /p' "$WORK/log/test.txt")
		done
	done < <(sed -n 's/^test: //p' "$name")
	restore
	if [ ${#missed[@]} -eq 0 ]; then
		noticed[$room]=$((${noticed[$room]:-0} + 1))
		pass "$name ($((SECONDS - began)) s$late)$by"
	else
		fail "$name: $promise" "nothing noticed: ${missed[*]}"
	fi
done
# What the tests left is not wanted, whatever they did.
rm -rf "$WORK/copy" "$WORK/unbroken"
for room in "${!tried[@]}"; do say "$room: ${noticed[$room]:-0} of ${tried[$room]} noticed"; done | sort
say "$SECONDS s"
say "$PASSED passed, $FAILED failed"
[ "$FAILED" -eq 0 ]
