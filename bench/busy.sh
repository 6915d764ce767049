#!/usr/bin/env bash
# Whether looking at latches takes processors from a machine that has other work: the share of the processors that this
# library has, by perf, and INSERTs by run and by dblink's open connection, on an idle machine and beside busy loops. On a
# throwaway server of the PostgreSQL of PG_CONFIG. Prints a table; results/ gets busy.csv.
#
#   BENCH_BUSY      busy loops (8)
#   BENCH_PACES     rounds, each of which measures everything once (3)
#   BENCH_SECONDS   seconds that pgbench runs each time (3)
. "$(dirname "$0")/lib.sh"
: "${BENCH_BUSY:=8}" "${BENCH_PACES:=3}" "${BENCH_SECONDS:=3}"

command -v perf >/dev/null || die 'perf is not installed'
bench_begin
bench_server main "max_worker_processes = 32" || die 'no server'
sql 'CREATE EXTENSION dblink; CREATE EXTENSION pg_background; CREATE TABLE audit (at timestamptz DEFAULT clock_timestamp(), what text)' ||
	die 'no extensions'
bench_inserts "$WORK" audit "(what) values (''something happened'')"
say "$(bench_machine)"

# pace BUSY VARIANT CLIENTS: transactions a second, and of how many samples of both processors how many were the server's, this
# library's and sched_yield's.
pace() {
	local busy=$1 variant=$2 clients=$3 pids=() i all server library yields
	for ((i = 0; i < busy; i++)); do
		(while :; do :; done) &
		pids+=($!)
	done
	perf record -q -a -F 2000 -o "$WORK/perf.data" -- sleep "$((BENCH_SECONDS + 1))" >/dev/null 2>&1 &
	pgbench -n -M prepared -c "$clients" -j 1 -T "$BENCH_SECONDS" -D connected=0 -f "$WORK/$variant.sql" >"$WORK/log/pgbench.out" 2>&1
	kill "${pids[@]}" 2>/dev/null
	wait
	perf script -i "$WORK/perf.data" -F comm,sym,dso,ip 2>/dev/null >"$WORK/samples"
	all=$(grep -c . "$WORK/samples")
	server=$(grep -c '^ *postgres ' "$WORK/samples")
	library=$(grep -c 'pg_background\.so' "$WORK/samples")
	yields=$(grep -c 'sched_yield' "$WORK/samples")
	say "$busy,$variant,$clients,$(sed -n 's/^tps = \([0-9]*\).*/\1/p' "$WORK/log/pgbench.out"),$all,$server,$library,$yields" >>"$WORK/busy.csv"
}

for ((round = 1; round <= BENCH_PACES; round++)); do
	for busy in 0 "$BENCH_BUSY"; do
		for clients in 1 4; do
			for variant in run dblink; do pace "$busy" "$variant" "$clients"; done
		done
	done
done
{
	say 'busy_loops,variant,clients,median_tps,server_percent,library_percent,sched_yield_percent,library_percent_of_server'
	sort -t, -k1,1n -k3,3n -k2,2 -k4,4n "$WORK/busy.csv" | awk -F, '
		{ key = $1 "," $2 "," $3; if (!(key in count)) order[++keys] = key
		  tps[key, ++count[key]] = $4; all[key] += $5; server[key] += $6; library[key] += $7; yields[key] += $8 }
		END { for (i = 1; i <= keys; i++) { key = order[i]
			printf "%s,%d,%.1f,%.1f,%.1f,%.1f\n", key, tps[key, int((count[key] + 1) / 2)], 100 * server[key] / all[key],
				100 * library[key] / all[key], 100 * yields[key] / all[key], 100 * library[key] / server[key] } }'
} >"$BENCH_RESULTS/busy.csv"
column -s, -t "$BENCH_RESULTS/busy.csv"
