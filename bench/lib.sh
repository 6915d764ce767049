# What the benchmarks share. Sourced by bash; test/lib.sh makes the servers.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/../test/lib.sh"

BENCH=$PGBG_SRC/bench
: "${BENCH_RESULTS:=$BENCH/results}"

# dblink of a tree that is not where it was built finds the client's library by this.
LD_LIBRARY_PATH=$("$PG_CONFIG" --libdir)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

# bench_begin: a private installation and a work directory, both gone afterwards. PGBG_TREE is one made before.
bench_begin() {
	suite_begin
	mkdir -p "$BENCH_RESULTS"
}

# bench_server NAME [CONF-LINE...]: a server as people have it, with what would disturb the clock kept away.
bench_server() {
	local name=$1
	shift
	cluster_init "$name" \
		"dynamic_shared_memory_type = posix" \
		"shared_buffers = 256MB" \
		"max_wal_size = 8GB" \
		"checkpoint_timeout = 1h" \
		"autovacuum = off" \
		"jit = off" \
		"temp_file_limit = -1" \
		"log_min_messages = error" \
		"$@" && cluster_start "$name"
}

# bench_server_options: what a dblink connection to the server in use needs.
bench_dblink() { say "host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE"; }

# bench_machine: what the figures are of.
bench_machine() {
	say "$(sql "SELECT 'PostgreSQL ' || current_setting('server_version')"), $(nproc) cores" \
		"($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), load $(cut -d' ' -f1 /proc/loadavg)"
}

# bench_plot CSV SVG TITLE LABEL MACHINE [LIMIT]: bars of a CSV of group,series,value with a header line and no commas in
# values. Bars longer than LIMIT are cut and carry their value.
bench_plot() {
	awk -F, -v title="$3" -v label="$4" -v machine="$5" -v limit="${6:-0}" -f "$BENCH/plot.awk" "$1" >"$2"
}

# bench_inserts FOLDER TABLE VALUES: scripts for pgbench, run.sql and dblink.sql, which insert into it by this extension and by
# an open connection of dblink's. VALUES stands within a literal. dblink needs a connection in each session: the first
# transaction opens it, with the variable `connected` at 0 before.
bench_inserts() {
	say "SELECT FROM pg_background_run_v2('insert into $2 $3');" >"$1/run.sql"
	cat >"$1/dblink.sql" <<-S
		\\if :connected
		\\else
		SELECT FROM dblink_connect('bench', '$(bench_dblink)');
		\\set connected 1
		\\endif
		SELECT FROM dblink_exec('bench', 'insert into $2 $3');
	S
}
