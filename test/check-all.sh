#!/usr/bin/env bash
# `make check` for every major of PostgreSQL, several at a time: fetches their servers (fetch-wheel.sh, fetch-chroot.sh),
# prints a line for each and, last, "N passed, N failed". A server that cannot be fetched is a failure. Of each major that is
# not in a chroot the oldest minor release that can be had is tested as well, as far as minor releases differ for us. Then
# what takes two majors: test/build.sh and test/upgrade_cluster.sh, with the oldest and the newest that are not in a chroot.
#
#   test/check-all.sh [MAJOR...]     default: all. PGBG_ONLY and PGBG_TESTS restrict the suites as for `make check`;
#                                    the last three are "minors", "build" and "upgrade" there.
#
# PGBG_PG_CONFIG_16=path has 16 tested with that installation instead of a fetched one. PGBG_JOBS says how many majors at
# a time (default: one for each core); a suite waits more than it computes. PGBG_MAJOR_TIMEOUT bounds each, in seconds,
# PGBG_FETCH_TIMEOUT the fetching before it.
. "$(dirname "$0")/lib.sh"

# The slowest first. The chroot of 19 takes a while to fetch.
MAJORS=(19 14 15 18 17 16)
: "${PGBG_JOBS:=$(nproc 2>/dev/null || say 2)}" "${PGBG_MAJOR_TIMEOUT:=2700}" "${PGBG_FETCH_TIMEOUT:=1800}"
ONLY=${PGBG_ONLY:-}

# The SQL is tested on all; what concerns processes on the oldest, on the newest and on 15, with warm workers and ("cold")
# without. Unit tests know no server, so they run once.
suites() {
	case $1 in
		15) say "${PGBG_ONLY:-unit regress isolation fault injection cold}" ;;
		14 | 19) say "${PGBG_ONLY:-regress isolation fault injection cold}" ;;
		*) say "${PGBG_ONLY:-regress isolation}" ;;
	esac
}

# What is run on an old minor release: the SQL, and what meets the server's own bugs.
OLD_SUITES='regress fault/storage fault/shared_memory fault/worker_death'
wants_old() { [ "$1" -lt 19 ] && { [ -z "$ONLY" ] || [[ " $ONLY " == *" minors "* ]]; }; }

# check_old MAJOR: the oldest minor release of a major. All it says goes to $WORK/log/MAJOR-old.txt.
check_old() {
	local major=$1 pg_config
	export TMPDIR=$WORK/$major-old PGBG_ONLY=$OLD_SUITES PGBG_WARM_ONLY=1
	pg_config=$(timeout --foreground --kill-after=60 "$PGBG_FETCH_TIMEOUT" "$PGBG_SRC/test/fetch-wheel.sh" "$major" oldest) || return
	: >"$WORK/$major-old/fetched"
	SECONDS=0
	timeout --foreground --kill-after=60 "$PGBG_MAJOR_TIMEOUT" make --no-print-directory -C "$PGBG_SRC" check PG_CONFIG="$pg_config"
	say "$SECONDS" >"$WORK/$major-old/seconds"
}

# check_one MAJOR: one after the other, because both are built in the same directory. What follows takes the newer one's.
check_one() {
	if wants_old "$1"; then (check_old "$1" >"$WORK/log/$1-old.txt" 2>&1); fi
	check_major "$1" >"$WORK/log/$1.txt" 2>&1
}

# check_major MAJOR: all it says goes to $WORK/log/MAJOR.txt, which ends with the counts if it came to its end.
check_major() {
	local major=$1 chosen=PGBG_PG_CONFIG_$1 pg_config=
	local fetch=(timeout --foreground --kill-after=60 "$PGBG_FETCH_TIMEOUT") command=(make --no-print-directory -C "$PGBG_SRC" check)
	export TMPDIR=$WORK/$major PGBG_ONLY
	PGBG_ONLY=$(suites "$major")
	# Not in the time that is printed: fetching depends on the network.
	if [ -n "${!chosen:-}" ]; then
		pg_config=${!chosen}
	elif [ "$major" -ge 19 ]; then
		"${fetch[@]}" "$PGBG_SRC/test/fetch-chroot.sh" || return
		command=("$PGBG_SRC/test/fetch-chroot.sh" make --no-print-directory check)
	else
		pg_config=$("${fetch[@]}" "$PGBG_SRC/test/fetch-wheel.sh" "$major") || return
	fi
	if [ -n "$pg_config" ]; then
		command+=(PG_CONFIG="$pg_config")
		say "$pg_config" >"$WORK/$major/pg_config"
	fi
	: >"$WORK/$major/fetched"
	SECONDS=0
	timeout --foreground --kill-after=60 "$PGBG_MAJOR_TIMEOUT" "${command[@]}"
	say "$SECONDS" >"$WORK/$major/seconds"
}

# report MAJOR or MAJOR-old: its line, and before it what went wrong.
report() {
	local major=$1 log=$WORK/log/$1.txt last version seconds what ok=0 bad=1
	last=$(tail -n 1 "$log")
	# make adds a line where the check failed.
	[[ $last != make:* ]] || last=$(tail -n 2 "$log" | head -n 1)
	version=$(sed -n 's/^PostgreSQL \([^ ,]*\).*/\1/p' "$log" | head -n 1)
	seconds=$(cat "$WORK/$major/seconds" 2>/dev/null)
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		ok=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]} what="$(per_suite "$log"); ${seconds:--} s"
		[ "$bad" -eq 0 ] || grep -vE '^   ([0-9]+ passed, 0 failed|tests took .*)$|^make: ' "$log" | head -n 200
	else
		tail -n 30 "$log"
		if [ -e "$WORK/$major/fetched" ]; then what='did not come to its end'; else what='could not be fetched'; fi
	fi
	PASSED=$((PASSED + ok)) FAILED=$((FAILED + bad))
	printf 'PostgreSQL %-7s %4d passed, %d failed   %s\n' "${version:-$major}" "$ok" "$bad" "$what"
}

# per_suite LOG: "regress 31, fault 240", what passed in each.
per_suite() {
	awk '
		/^== / { suite = $2; sub(/\/.*/, "", suite); if (!(suite in passed)) order[++n] = suite; passed[suite] += 0 }
		/^   [0-9]+ passed, [0-9]+ failed$/ { passed[suite] += $1 }
		END { for (i = 1; i <= n; i++) if (passed[order[i]]) printf "%s%s %d", (printed++ ? ", " : ""), order[i], passed[order[i]] }' "$1"
}

# end_jobs: every job is the leader of its process group; each cleans up behind itself.
declare -A JOB=()
end_jobs() {
	local pid tries
	[ ${#JOB[@]} -gt 0 ] || return 0
	for pid in "${!JOB[@]}"; do kill -TERM -- "-$pid" 2>/dev/null; done
	# shellcheck disable=SC2034
	for tries in {1..150}; do
		kill -0 "${!JOB[@]}" 2>/dev/null || break
		sleep 0.2
	done
	for pid in "${!JOB[@]}"; do kill -KILL -- "-$pid" 2>/dev/null; done
}

[ $# -eq 0 ] || MAJORS=("$@")
# What make was called with is not for the makes below.
unset MAKEFLAGS MFLAGS MAKELEVEL
work_begin all
trap 'end_jobs; exit 130' INT
trap 'end_jobs; exit 143' TERM HUP

# Once for all, and where the network is: nothing is fetched later.
run "$CARGO" fetch --quiet --locked --manifest-path "$PGBG_SRC/Cargo.toml" || die 'cargo cannot fetch the dependencies'

waiting=("${MAJORS[@]}")
while [ ${#waiting[@]} -gt 0 ] || [ ${#JOB[@]} -gt 0 ]; do
	while [ ${#waiting[@]} -gt 0 ] && [ ${#JOB[@]} -lt "$PGBG_JOBS" ]; do
		major=${waiting[0]}
		waiting=("${waiting[@]:1}")
		mkdir -p "$WORK/$major" "$WORK/$major-old"
		chmod 755 "$WORK/$major" "$WORK/$major-old"
		set -m
		check_one "$major" </dev/null &
		JOB[$!]=$major
		set +m
	done
	wait -n -p pid "${!JOB[@]}"
	! wants_old "${JOB[$pid]}" || report "${JOB[$pid]}-old"
	report "${JOB[$pid]}"
	unset "JOB[$pid]"
done

# two_majors SUITE SCRIPT: with the oldest and the newest installation that was tested.
two_majors() {
	local files=("$WORK"/[0-9][0-9]/pg_config) log=$WORK/log/$1.txt last name ok=0 bad=1
	[ -z "$ONLY" ] || [[ " $ONLY " == *" $1 "* ]] || return 0
	[ ${#files[@]} -ge 2 ] || return 0
	name="$1, $(basename "$(dirname "${files[0]}")") and $(basename "$(dirname "${files[-1]}")")"
	SECONDS=0
	TMPDIR=$WORK PGBG_WORK=$WORK/extra run timeout --kill-after=60 "$PGBG_MAJOR_TIMEOUT" \
		"$PGBG_SRC/test/$2" "$(cat "${files[0]}")" "$(cat "${files[-1]}")" >"$log" 2>&1
	last=$(tail -n 1 "$log")
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then ok=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}; fi
	[ "$bad" -eq 0 ] || grep -v '^  ok ' "$log" | head -n 100
	PASSED=$((PASSED + ok)) FAILED=$((FAILED + bad))
	printf '%-18s %4d passed, %d failed   %s s\n' "$name" "$ok" "$bad" "$SECONDS"
}
two_majors build build.sh
two_majors upgrade upgrade_cluster.sh

run_done
