#!/usr/bin/env bash
# What many statements cost, so many at a time: by pg_background_run_all, by dblink's asynchronous queries over as many
# connections, by one psql for each. Once statements that do nothing, which shows the cost of each, and once statements that sleep,
# which shows how well the places are kept busy. On a throwaway server of the PostgreSQL of PG_CONFIG. Prints a table and
# writes results/batch.csv.
#
#   BENCH_ROUNDS    rounds, each of which measures everything once (11)
. "$(dirname "$0")/lib.sh"
: "${BENCH_ROUNDS:=11}"

bench_begin
bench_server main 'max_worker_processes = 32' || die 'no server'
sql 'CREATE EXTENSION dblink; CREATE EXTENSION pg_background' || die 'no extensions'
psql -XAtq -v ON_ERROR_STOP=1 -f "$BENCH/batch.sql" >/dev/null || die 'no stop-watch'
bench_machine

# note WORK VARIANT STATEMENTS MILLISECONDS
note() { sql "INSERT INTO bench.call VALUES ($round, '$1', '$2', $3, $4)"; }

# by_psql WORK STATEMENTS PARALLEL SQL: one process and connection for each statement.
by_psql() {
	local start=${EPOCHREALTIME//[.,]/}
	yes "$4" | head -n "$2" | xargs -P "$3" -I '{}' psql -XAtq -c '{}' -o /dev/null
	note "$1" 'xargs -P, psql -c' "$2" "$(((${EPOCHREALTIME//[.,]/} - start) / 1000))"
}

session_open main -v ON_ERROR_STOP=1
# The first round does not count.
for ((round = 0; round <= BENCH_ROUNDS; round++)); do
	session_do main "CALL measure($round, 'nothing', 'SELECT 1', 2000, 4, '$(bench_dblink)');
CALL measure($round, 'sleeps', 'SELECT pg_sleep(0.05)', 200, 8, '$(bench_dblink)');" 600 || die "$(session_output main | tail -n 5)"
	by_psql nothing 200 4 'SELECT 1'
	by_psql sleeps 200 8 'SELECT pg_sleep(0.05)'
done
session_close main

sql '\copy (SELECT * FROM bench.report) TO STDOUT (FORMAT csv, HEADER)' >"$BENCH_RESULTS/batch.csv"
say ''
psql -Xq -P footer=off -c "SELECT work, variant, mean_us AS \"mean, µs\", median_us AS median, p95_us AS \"95 %\", to_ideal AS \"/ ideal\" FROM bench.report"
say "µs for each statement of $BENCH_ROUNDS interleaved rounds: \"nothing\" is SELECT 1, 4 at a time; \"sleeps\" are 50 ms, 8 at a time, at best 6250 each"
cluster_stop_all
