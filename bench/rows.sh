#!/usr/bin/env bash
# How fast rows of a background job get to the caller, against a parallel query's Gather, the local query and dblink, on a
# throwaway server of the PostgreSQL of PG_CONFIG. Prints a table; results/ gets rows.csv (medians), rows-runs.csv (every
# run) and rows.svg.
#
#   BENCH_ROUNDS   how often each is measured, interleaved (9)
#   BENCH_ROWS     what "1M" is (1000000)
#   BENCH_SHAPES   a LIKE pattern for the shapes to measure (%)
#   BENCH_CONF     a line for postgresql.conf, such as "work_mem = '1GB'"
#   OTHER_LIBRARY  the path of another library with the functions pg_background_launch and pg_background_result
. "$(dirname "$0")/lib.sh"
: "${BENCH_ROUNDS:=9}" "${BENCH_ROWS:=1000000}" "${BENCH_SHAPES:=%}" "${BENCH_CONF:=}" "${OTHER_LIBRARY:=}"

# server NAME: with tables, stop-watch and a psql that stays open.
server() {
	bench_server "$1" ${BENCH_CONF:+"$BENCH_CONF"} || return
	sql 'CREATE EXTENSION dblink' || return
	if [ "$1" = other ]; then
		sql "CREATE FUNCTION pg_background_launch(text, int) RETURNS int LANGUAGE c STRICT
			AS '\$libdir/pg_background', 'pg_background_launch';
			CREATE FUNCTION pg_background_result(int) RETURNS SETOF record LANGUAGE c STRICT
			AS '\$libdir/pg_background', 'pg_background_result'" || return
	else
		sql 'CREATE EXTENSION pg_background' || return
	fi
	psql -XAtq -v ON_ERROR_STOP=1 -v many="$BENCH_ROWS" -f "$BENCH/rows.sql" >/dev/null || return
	sql 'CALL bench.check_gather()' || return
	session_open "$1" -v ON_ERROR_STOP=1
	session_do "$1" "SELECT FROM dblink_connect('bench', '$(bench_dblink)');" >/dev/null
}

# measure SERVER ROUND VARIANT...
measure() {
	local server=$1 round=$2 names
	shift 2
	names=$(printf '"%s",' "$@")
	session_do "$server" "CALL measure($round, '{${names%,}}', '$BENCH_SHAPES');" 3600 ||
		die "$(session_output "$server" | tail -n 5)"
}

bench_begin
OURS=('local' 'gather' 'run_query' 'run_query, 4 MB queue' 'launch, result' 'launch, wait, result' 'dblink')
server ours || die 'no server'
if [ -n "$OTHER_LIBRARY" ]; then
	ours_tree=$TREE
	cp -a "$TREE" "$WORK/tree-other"
	tree_use "$WORK/tree-other"
	install -m 755 "$OTHER_LIBRARY" "$PKGLIB/pg_background.so"
	server other || die 'no server for the other library'
	tree_use "$ours_tree"
	cluster_use ours
fi
machine=$(bench_machine)
say "$machine"
# Round 0 warms up and does not count.
for ((round = 0; round <= BENCH_ROUNDS; round++)); do
	measure ours "$round" "${OURS[@]}"
	[ -z "$OTHER_LIBRARY" ] || measure other "$round" 'other library' 'other library, gather'
done
if [ -n "$OTHER_LIBRARY" ]; then
	cluster_use other
	sql '\copy (SELECT * FROM bench.run) TO STDOUT' >"$WORK/other.tsv"
	cluster_use ours
	sql '\copy bench.run FROM STDIN' <"$WORK/other.tsv"
fi

sql '\copy (SELECT shape, variant, round, round(ms::numeric, 3) AS ms FROM bench.run WHERE round > 0 ORDER BY shape, round, variant) TO STDOUT (FORMAT csv, HEADER)' \
	>"$BENCH_RESULTS/rows-runs.csv"
sql "\\copy (SELECT shape, variant, runs, round(ms::numeric, 1) AS median_ms, round(to_gather::numeric, 3) AS ratio_to_gather, round(to_local::numeric, 3) AS ratio_to_local, round(to_dblink::numeric, 3) AS ratio_to_dblink, round(to_4mb::numeric, 3) AS ratio_to_4mb_queue FROM bench.report WHERE variant <> 'other library, gather' ORDER BY shape_n, variant_n) TO STDOUT (FORMAT csv, HEADER)" \
	>"$BENCH_RESULTS/rows.csv"
sql "\\copy (SELECT shape, replace(variant, ',', ' +') AS variant, round(to_gather::numeric, 3) AS ratio FROM bench.report WHERE variant <> 'other library, gather' ORDER BY shape_n, variant_n) TO STDOUT (FORMAT csv, HEADER)" \
	>"$WORK/plot.csv"
bench_plot "$WORK/plot.csv" "$BENCH_RESULTS/rows.svg" 'Rows from another process' \
	"time as a multiple of Gather's with one worker, median of $BENCH_ROUNDS runs" "$machine" 8

say ''
psql -Xq -P footer=off -P null=- -c "
	SELECT shape, variant, round(ms::numeric, 1) AS ms, round(to_gather::numeric, 2) AS \"/ gather\",
		round(to_local::numeric, 2) AS \"/ local\", round(to_dblink::numeric, 2) AS \"/ dblink\"
	FROM bench.report WHERE variant <> 'other library, gather' ORDER BY shape_n, variant_n"
say "medians of $BENCH_ROUNDS interleaved runs; results in $BENCH_RESULTS"
cluster_stop_all
