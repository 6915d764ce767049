#!/usr/bin/env bash
# What one autonomous statement costs: by a worker that is started for it, by one that is kept warm, and by dblink with a
# connection made for it or kept open; then autonomous INSERTs by pgbench at 1 and 4 clients. On a throwaway server of the
# PostgreSQL of PG_CONFIG. Prints two tables; results/ gets latency.csv, latency.svg, inserts.csv and inserts.svg.
#
#   BENCH_ROUNDS    rounds, each of which measures everything once (51)
#   BENCH_CALLS     calls of a kind in a round (40)
#   BENCH_PACES     rounds of pgbench (5)
#   BENCH_SECONDS   seconds that pgbench runs each time (3)
. "$(dirname "$0")/lib.sh"
: "${BENCH_ROUNDS:=51}" "${BENCH_CALLS:=40}" "${BENCH_PACES:=5}" "${BENCH_SECONDS:=3}"

bench_begin
bench_server main "max_worker_processes = 32" || die 'no server'
sql 'CREATE EXTENSION dblink; CREATE EXTENSION pg_background' || die 'no extensions'
psql -XAtq -v ON_ERROR_STOP=1 -f "$BENCH/latency.sql" >/dev/null || die 'no stop-watch'
machine=$(bench_machine)
say "$machine"

session_open main -v ON_ERROR_STOP=1
session_do main "SELECT FROM dblink_connect('bench', '$(bench_dblink)');" >/dev/null
for ((round = 0; round <= BENCH_ROUNDS; round++)); do
	session_do main "CALL measure($round, '$(bench_dblink)', $BENCH_CALLS);" 600 || die "$(session_output main | tail -n 5)"
done
session_close main

sql '\copy (SELECT variant, rounds, round(us::numeric, 1) AS median_us, round(to_dblink::numeric, 3) AS ratio_to_dblink_kept, round(cold_to_this::numeric, 1) AS times_faster_than_cold FROM bench.report ORDER BY us) TO STDOUT (FORMAT csv, HEADER)' \
	>"$BENCH_RESULTS/latency.csv"
sql "\\copy (SELECT 'warm' AS what, replace(variant, ' warm', '') AS variant, round(us::numeric, 1) AS us FROM bench.report WHERE variant NOT IN ('run_v2 cold', 'dblink fresh') ORDER BY us) TO STDOUT (FORMAT csv, HEADER)" >"$WORK/plot.csv"
sql "\\copy (SELECT 'cold', variant, round(us::numeric, 1) FROM bench.report WHERE variant IN ('run_v2 cold', 'dblink fresh') ORDER BY us) TO STDOUT (FORMAT csv)" >>"$WORK/plot.csv"
limit=$(sql "SELECT max(us) * 1.5 FROM bench.report WHERE variant NOT IN ('run_v2 cold', 'dblink fresh')")
bench_plot "$WORK/plot.csv" "$BENCH_RESULTS/latency.svg" 'An autonomous SELECT 1' \
	'microseconds, median' "$machine" "$limit"

say ''
psql -Xq -P footer=off -c "SELECT variant, round(us::numeric, 1) AS \"µs\", round(to_dblink::numeric, 2) AS \"/ dblink kept\",
	round(cold_to_this::numeric, 1) AS \"times faster than cold\" FROM bench.report ORDER BY us"
say "medians of $BENCH_ROUNDS interleaved rounds of $BENCH_CALLS calls"

# An autonomous INSERT, each way. dblink needs a connection in each session: the first transaction opens it.
insert="insert into bench.audit (who, what) values (''bench'', ''something happened'')"
cat >"$WORK/warm.sql" <<-S
	SELECT FROM pg_background_run_v2('$insert');
S
cat >"$WORK/cold.sql" <<-S
	SET pg_background.worker_idle_timeout = 0;
	SELECT FROM pg_background_run_v2('$insert');
S
cat >"$WORK/dblink-kept.sql" <<-S
	\\if :connected
	\\else
	SELECT FROM dblink_connect('bench', '$(bench_dblink)');
	\\set connected 1
	\\endif
	SELECT FROM dblink_exec('bench', '$insert');
S
cat >"$WORK/dblink-fresh.sql" <<-S
	SELECT FROM dblink_exec('$(bench_dblink)', '$insert');
S
cat >"$WORK/local.sql" <<-S
	${insert//\'\'/\'};
S
declare -A SCRIPT=([run_v2 warm]=warm [run_v2 cold]=cold [dblink kept]=dblink-kept [dblink fresh]=dblink-fresh
	[not autonomous]=local)

# pace SCRIPT CLIENTS: transactions a second.
pace() {
	pgbench -n -c "$2" -j 1 -T "$BENCH_SECONDS" -D connected=0 -f "$WORK/$1.sql" 2>"$WORK/log/pgbench.err" |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

for ((round = 1; round <= BENCH_PACES; round++)); do
	for clients in 1 4; do
		for variant in 'not autonomous' 'dblink kept' 'run_v2 warm' 'dblink fresh' 'run_v2 cold'; do
			tps=$(pace "${SCRIPT[$variant]}" "$clients")
			[ -n "$tps" ] || die "$(tail -n 5 "$WORK/log/pgbench.err")"
			sql "INSERT INTO bench.pace VALUES ('$variant', $clients, $round, $tps); TRUNCATE bench.audit"
		done
	done
done
sql "CREATE VIEW bench.inserts AS SELECT p.variant, p.clients, percentile_cont(0.5) WITHIN GROUP (ORDER BY p.tps) AS tps,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY p.tps / d.tps) AS to_dblink,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY p.tps / c.tps) AS to_cold
	FROM bench.pace p
	JOIN bench.pace d ON (d.clients, d.round, d.variant) = (p.clients, p.round, 'dblink kept')
	JOIN bench.pace c ON (c.clients, c.round, c.variant) = (p.clients, p.round, 'run_v2 cold')
	GROUP BY 1, 2"
sql '\copy (SELECT variant, clients, round(tps::numeric) AS median_tps, round(to_dblink::numeric, 3) AS ratio_to_dblink_kept, round(to_cold::numeric, 2) AS ratio_to_cold FROM bench.inserts ORDER BY clients, tps DESC) TO STDOUT (FORMAT csv, HEADER)' \
	>"$BENCH_RESULTS/inserts.csv"
sql "\\copy (SELECT clients || CASE clients WHEN 1 THEN ' client' ELSE ' clients' END AS clients, variant, round(tps::numeric) FROM bench.inserts ORDER BY 1, tps DESC) TO STDOUT (FORMAT csv, HEADER)" >"$WORK/plot.csv"
bench_plot "$WORK/plot.csv" "$BENCH_RESULTS/inserts.svg" 'Autonomous INSERTs' \
	"transactions a second, median of $BENCH_PACES runs of pgbench" "$machine"
say ''
psql -Xq -P footer=off -c "SELECT clients, variant, round(tps::numeric) AS \"INSERTs/s\", round(to_dblink::numeric, 2) AS \"/ dblink kept\",
	round(to_cold::numeric, 1) AS \"/ cold\" FROM bench.inserts ORDER BY clients, tps DESC"
say "medians of $BENCH_PACES interleaved runs of $BENCH_SECONDS s; results in $BENCH_RESULTS"
cluster_stop_all
