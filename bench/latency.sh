#!/usr/bin/env bash
# What one autonomous statement costs: by a worker that is started for it, by one that is kept warm, and by dblink with a
# connection made for it or kept open; then autonomous INSERTs by pgbench, with the processor time that all of the server's
# processes took for each. On a throwaway server of the PostgreSQL of PG_CONFIG. Prints two tables; results/
# gets latency.csv, latency.svg, inserts.csv and inserts.svg.
#
#   BENCH_ROUNDS    rounds, each of which measures everything once (51)
#   BENCH_CALLS     calls of a kind in a round (40)
#   BENCH_IN_A_ROW  calls of one kind without a pause, three times: what is rare shows there (100000)
#   BENCH_CLIENTS   how many clients pgbench is run with ('1 4')
#   BENCH_PACES     rounds of pgbench (5)
#   BENCH_SECONDS   seconds that pgbench runs each time (3)
#   OTHER_LIBRARY   the path of another library with the functions pg_background_launch(text, int) and pg_background_result(int)
. "$(dirname "$0")/lib.sh"
: "${BENCH_ROUNDS:=51}" "${BENCH_CALLS:=40}" "${BENCH_IN_A_ROW:=100000}" "${BENCH_CLIENTS:=1 4}" "${BENCH_PACES:=5}" "${BENCH_SECONDS:=3}" "${OTHER_LIBRARY:=}"

bench_begin
bench_server main "max_worker_processes = 32" || die 'no server'
sql 'CREATE EXTENSION dblink; CREATE EXTENSION pg_background' || die 'no extensions'
psql -XAtq -v ON_ERROR_STOP=1 -v ours=1 -f "$BENCH/latency.sql" >/dev/null || die 'no stop-watch'
machine=$(bench_machine)
say "$machine"

variants='dblink kept,run_v2 warm,run with parameters,run_query_v2 warm,launch_v2 + result_v2 warm,submit_v2 warm,launch + result (v1) warm'
variants+=',wait_any of 100,run_v2 failing,dblink fresh,run_v2 cold'
variants+=',"dblink fresh, PL/pgSQL","run_v2 cold, PL/pgSQL"'
for extension in pgcrypto hstore uuid-ossp plpython3u; do
	sql "CREATE EXTENSION \"$extension\"" 2>/dev/null && variants+=",run_v2 $extension"
done
if [[ $variants = *plpython3u* ]]; then sql "CREATE FUNCTION bench.in_python() RETURNS int LANGUAGE plpython3u AS 'return 1'"; fi

if [ -n "$OTHER_LIBRARY" ]; then
	ours_tree=$TREE
	cp -a "$TREE" "$WORK/tree-other"
	tree_use "$WORK/tree-other"
	install -m 755 "$OTHER_LIBRARY" "$PKGLIB/pg_background.so"
	bench_server other "max_worker_processes = 32" || die 'no server for the other library'
	sql "CREATE FUNCTION pg_background_launch(text, int) RETURNS int LANGUAGE c STRICT AS '\$libdir/pg_background', 'pg_background_launch';
		CREATE FUNCTION pg_background_result(int) RETURNS SETOF record LANGUAGE c STRICT AS '\$libdir/pg_background', 'pg_background_result'" ||
		die 'the other library lacks a function'
	psql -XAtq -v ON_ERROR_STOP=1 -v ours=0 -f "$BENCH/latency.sql" >/dev/null || die 'no stop-watch'
	tree_use "$ours_tree"
	cluster_use main
fi

# timed SQL...: in a session of its own. Nobody looks meanwhile whether it is done: a shell that does starts processes, which take
# the processors from what is timed.
timed() { psql -XAtq -v ON_ERROR_STOP=1 "${@/#/-c}" || die 'the stop-watch failed'; }

connect="SELECT FROM dblink_connect('bench', '$(bench_dblink)')"
# The first round warms up and does not count.
for ((round = 0; round <= BENCH_ROUNDS; round++)); do
	timed "$connect" "CALL measure($round, '$(bench_dblink)', '{$variants}', $BENCH_CALLS)"
	if [ -n "$OTHER_LIBRARY" ]; then
		cluster_use other
		timed "CALL measure_other($round, $((BENCH_CALLS / 10 + 3)))"
		cluster_use main
	fi
done
for round in 1 2 3; do
	timed "$connect" "CALL measure($round, '', '{run_v2 in a row,dblink kept in a row}', $BENCH_IN_A_ROW)"
done
if [ -n "$OTHER_LIBRARY" ]; then
	cluster_use other
	sql '\copy bench.call TO STDOUT' >"$WORK/other.tsv"
	cluster_use main
	sql '\copy bench.call FROM STDIN' <"$WORK/other.tsv"
fi

r() { say "round(($1)::numeric, ${2:-1})"; }
percentiles="$(r mean) AS mean, $(r 'p[1]') AS median, $(r 'p[2]') AS p90, $(r 'p[3]') AS p99, $(r 'p[4]') AS p999"
sql "\\copy (SELECT variant, calls, $percentiles, $(r to_dblink 3) AS ratio_to_dblink_kept, $(r to_run 2) AS ratio_to_run, $(r cold_to_this) AS times_faster_than_cold, $(r to_fresh 2) AS ratio_to_dblink_fresh FROM bench.report ORDER BY p[1]) TO STDOUT (FORMAT csv, HEADER)" \
	>"$BENCH_RESULTS/latency.csv"
rare="variant IN ('run_v2 cold', 'dblink fresh', 'other library')"
sql "\\copy (SELECT what, replace(replace(variant, ' warm', ''), ',', ' +'), us FROM bench.report, LATERAL (VALUES (1, 'warm: mean', mean), (2, 'warm: median', p[1]), (3, 'warm: p99', p[3]), (4, 'warm: p99.9', p[4])) v(n, what, us) WHERE NOT $rare AND variant IN ('dblink kept', 'run_v2 warm', 'run with parameters', 'launch_v2 + result_v2 warm', 'submit_v2 warm') ORDER BY n, p[1]) TO STDOUT (FORMAT csv, HEADER)" >"$WORK/plot.csv"
sql "\\copy (SELECT 'a new process: median', variant, $(r 'p[1]') FROM bench.report WHERE $rare ORDER BY p[1]) TO STDOUT (FORMAT csv)" >>"$WORK/plot.csv"
limit=$(sql "SELECT max(p[3]) * 2 FROM bench.report WHERE variant = 'dblink kept'")
bench_plot "$WORK/plot.csv" "$BENCH_RESULTS/latency.svg" 'An autonomous SELECT 1' 'microseconds' "$machine" "$limit"

say ''
psql -Xq -P footer=off -c "SELECT variant, calls, $percentiles, $(r to_dblink 2) AS \"/ dblink kept\", $(r to_run 2) AS \"/ run\", $(r to_fresh 2) AS \"/ dblink fresh\" FROM bench.report ORDER BY p[1]"
say "microseconds, of $BENCH_ROUNDS interleaved rounds of $BENCH_CALLS calls"

# An autonomous INSERT, each way.
values="(who, what) values (''bench'', ''something happened'')"
insert="insert into bench.audit $values"
bench_inserts "$WORK" bench.audit "$values"
cat >"$WORK/parameters.sql" <<-S
	SELECT FROM pg_background_run('insert into bench.audit (who, what) values (\$1, \$2)', params => ROW('bench'::text, 'something happened'::text));
S
cat >"$WORK/failing.sql" <<-S
	SELECT FROM pg_background_run_v2('insert into bench.once values (1)');
S
cat >"$WORK/cold.sql" <<-S
	SET pg_background.worker_idle_timeout = 0;
	SELECT FROM pg_background_run_v2('$insert');
S
cat >"$WORK/dblink-fresh.sql" <<-S
	SELECT FROM dblink_exec('$(bench_dblink)', '$insert');
S
cat >"$WORK/local.sql" <<-S
	${insert//\'\'/\'};
S
echo 'SELECT bench.ten_by_run();' >"$WORK/ten-run.sql"
{ grep -v '^SELECT FROM dblink_exec' "$WORK/dblink.sql"; echo 'SELECT bench.ten_by_dblink();'; } >"$WORK/ten-dblink.sql"
cat >"$WORK/other.sql" <<-S
	SELECT FROM pg_background_result(pg_background_launch('$insert', 65536)) AS t(r text);
S
declare -A SCRIPT=([run_v2 warm]=run [run_v2 cold]=cold [run with parameters]=parameters [run_v2 failing]=failing
	[dblink kept]=dblink [dblink fresh]=dblink-fresh [not autonomous]=local [other library]=other
	[run with parameters, ten at a time]=ten-run [dblink kept, ten at a time]=ten-dblink)

# Clock ticks that the server's processes took so far in user and system mode, those that have ended included.
ticks() { sed 's/.*) //' "/proc/$(cluster_postmaster "$CLUSTER")/stat" | awk '{ print $12 + $14, $13 + $15 }'; }

# Waits until nothing of the run before is there.
settle() {
	wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type ~ 'pg_background|client' AND pid <> pg_backend_pid()"
	sleep 0.1
}

# pace VARIANT CLIENTS ROUND: runs it and notes transactions a second, how long each took, and the processors' time for each.
pace() {
	local variant=$1 clients=$2 round=$3 before after count tps protocol=simple statements=1
	[[ $variant != *', prepared' ]] || protocol=prepared
	[[ $variant != *', ten at a time' ]] || statements=10
	settle
	read -r -a before < <(ticks)
	rm -f "$WORK"/transactions.*
	pgbench -n -M "$protocol" -c "$clients" -j 1 -T "$BENCH_SECONDS" -D connected=0 -l --log-prefix="$WORK/transactions" \
		-f "$WORK/${SCRIPT[${variant%, prepared}]}.sql" >"$WORK/log/pgbench.out" 2>"$WORK/log/pgbench.err"
	settle
	read -r -a after < <(ticks)
	count=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$WORK/log/pgbench.out")
	tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$WORK/log/pgbench.out")
	[ "${count:-0}" -gt 0 ] || die "$(tail -n 5 "$WORK/log/pgbench.err")"
	say "$variant|$clients|$round|$tps|$((after[0] - before[0]))|$((after[1] - before[1]))|$count" |
		awk -F'|' -v OFS='\t' -v hz="$(getconf CLK_TCK)" -v n="$statements" \
			'{ print $1, $2, $3, $4 * n, $5 * 1e6 / hz / $7 / n, $6 * 1e6 / hz / $7 / n }' >>"$WORK/paces.tsv"
	awk -v OFS='\t' -v variant="$variant" -v clients="$clients" '{ print variant, clients, $3 }' "$WORK"/transactions.* >>"$WORK/latencies.tsv"
	sql 'TRUNCATE bench.audit'
}

for ((round = 1; round <= BENCH_PACES; round++)); do
	for clients in $BENCH_CLIENTS; do
		for variant in 'not autonomous' 'dblink kept' 'run_v2 warm' 'run with parameters' 'run_v2 failing' 'dblink kept, prepared' \
			'run_v2 warm, prepared' 'run with parameters, prepared' 'dblink kept, ten at a time' 'run with parameters, ten at a time' \
			'dblink fresh' 'run_v2 cold'; do
			pace "$variant" "$clients" "$round"
		done
		[ -z "$OTHER_LIBRARY" ] || { cluster_use other; pace 'other library' "$clients" "$round"; cluster_use main; }
	done
done
sql '\copy bench.pace FROM STDIN' <"$WORK/paces.tsv"
sql '\copy bench.transaction FROM STDIN' <"$WORK/latencies.tsv"
sql "\\copy (SELECT variant, clients, round(tps::numeric) AS median_tps, $(r to_dblink 3) AS ratio_to_dblink_kept, $(r user_us) AS cpu_user_us, $(r system_us) AS cpu_system_us, $(r cpu_to_dblink 3) AS cpu_ratio_to_dblink_kept, $percentiles FROM bench.inserts ORDER BY clients, tps DESC) TO STDOUT (FORMAT csv, HEADER)" \
	>"$BENCH_RESULTS/inserts.csv"
sql "\\copy (SELECT clients || CASE clients WHEN 1 THEN ' client' ELSE ' clients' END AS clients, variant, round(tps::numeric) FROM bench.inserts WHERE variant !~ 'prepared|failing|ten' ORDER BY 1, tps DESC) TO STDOUT (FORMAT csv, HEADER)" >"$WORK/plot.csv"
bench_plot "$WORK/plot.csv" "$BENCH_RESULTS/inserts.svg" 'Autonomous INSERTs' \
	"transactions a second, median of $BENCH_PACES runs of pgbench" "$machine"
say ''
psql -Xq -P footer=off -c "SELECT clients, variant, round(tps::numeric) AS \"INSERTs/s\", $(r to_dblink 2) AS \"/ dblink kept\",
	$(r user_us) AS \"user µs\", $(r system_us) AS \"system µs\", $(r cpu_to_dblink 2) AS \"CPU / dblink kept\", $percentiles FROM bench.inserts ORDER BY clients, tps DESC"
say "medians of $BENCH_PACES interleaved runs of $BENCH_SECONDS s; results in $BENCH_RESULTS"
cluster_stop_all
