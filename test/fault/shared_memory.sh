#!/usr/bin/env bash
# Every kind of dynamic shared memory that a server may be set to, dirty memory included, and none left.
. "$(dirname "$0")/../lib.sh"
suite_begin
log_allow 'FATAL: +terminating background worker'
# What is asked of each kind: rows of all sizes, errors, cancels, detaches, in queues of all sizes, cold and warm.
cat >"$WORK/log/work.sql" <<'SQL'
\set VERBOSITY sqlstate
SELECT 'rows', size, count(*), sum(length(t)), sum(hashtext(t)::int8) = sum(hashtext(repeat(g::text, 1 + size / 100))::int8)
FROM unnest(ARRAY[65536, 100000, 1048576, 4194304]) size, generate_series(1, 3) i,
    LATERAL pg_background_run_query_v2(format('SELECT g, repeat(g::text, %s) FROM generate_series(1, 40) g', 1 + size / 100), size, col_def => 'g int, t text') AS (g int, t text)
GROUP BY 2 ORDER BY 2;
SELECT 'errors', sqlstate, count(*) FROM generate_series(1, 20) g, LATERAL pg_background_run_v2('SELECT 1/' || g % 2, 16384 * g) GROUP BY 2 ORDER BY 2;
SELECT 'launched', count(pg_background_launch_v2('SELECT pg_sleep(60)', 65536 * g)) FROM generate_series(1, 5) g;
SELECT 'cancelled', pg_background_cancel_all_v2();
SELECT 'ended', state, count(*) FROM pg_background_drain_v2((SELECT array_agg((pid, cookie)::pg_background_handle) FROM pg_background_list), 10000) GROUP BY 2;
SELECT 'detached', count(pg_background_launch_v2('SELECT repeat(''x'', 1000) FROM generate_series(1, 1000)')) FROM generate_series(1, 5);
SELECT 'detached', pg_background_detach_all_v2();
SELECT 'too large', 1 FROM pg_background_launch_v2('SELECT 1', 300000000);
SQL
wanted='rows|65536|120|139728|t
rows|100000|120|213213|t
rows|1048576|120|2233518|t
rows|4194304|120|8934072|t
errors|22012|10
errors||10
launched|5
cancelled|5
ended|canceled|5
detached|5
detached|5
ERROR:  22023'
work() { psql -XAtq -f "$WORK/log/work.sql" 2>&1 | sed 's/.*ERROR/ERROR/'; }

# Ours among the files of a directory: MAGIC of src/channel/segment.rs, and the launching process's id at 16.
ours_in() {
	local file count=0
	for file in "$1"/*; do
		[[ $(od -An -tx8 -N8 "$file" 2>/dev/null) != *70676267000000ff ]] ||
			[ "$(od -An -td4 -j16 -N4 "$file" | tr -d ' ')" != "$2" ] || count=$((count + 1))
	done
	say "$count"
}
launch="SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(60)') \\gset"
gone() { wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'" 2>&1; }

cluster_new mmap 'max_connections = 20'
t_is 'mmap' "$(work)" "$wanted"
session_open s
session_do s "$launch"
t_is 'mmap: a segment is a file' "$(ours_in "$(cluster_data mmap)/pg_dynshmem" "$(session_backend s)")" 1
session_do s 'SELECT pg_background_cancel_v2(:pid, :cookie); SELECT pg_background_wait_v2(:pid, :cookie);' >/dev/null
t_is 'mmap: no segment is left' "$(gone)$(ours_in "$(cluster_data mmap)/pg_dynshmem" "$(session_backend s)")" 0

# Files may not be larger than 40 MB, as on a file system that is full: the limit is the session's own. A multiple of the
# 8 kB that PostgreSQL writes at a time: after half a write it reports whatever errno was before.
if command -v prlimit >/dev/null; then
	session_do s '\set VERBOSITY sqlstate'
	as_server prlimit --pid "$(session_backend s)" --fsize=40960000:
	t_like 'no room for the segment: an error, and nothing is left' "$(session_do s "SELECT pg_background_launch_v2('SELECT 1', 100000000);")$(segments)" '^ERROR:  5(3|4|8)...0$'
	t_is 'and a smaller one goes' "$(session_do s "SELECT sqlstate FROM pg_background_run_v2('SELECT 1', 10000000);")" ''
fi
session_close s
t_no_leaks 'mmap: nothing is left'
cluster_stop mmap

cluster_conf mmap 'dynamic_shared_memory_type = posix'
if cluster_start mmap && [ -d /dev/shm ]; then
	t_is 'posix' "$(work)" "$wanted"
	session_open s
	session_do s "$launch"
	backend=$(session_backend s)
	t_is 'posix: a segment is in /dev/shm' "$(ours_in /dev/shm "$backend")" 1
	session_close s kill
	# Its client vanished; the server notices when it wants to write, or now.
	sql "SELECT pg_terminate_backend($backend)" >/dev/null 2>&1
	sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'pg_background'" >/dev/null
	t_is 'posix: no segment is left' "$(gone)$(ours_in /dev/shm "$backend")" 0
fi
cluster_stop mmap

cluster_conf mmap 'dynamic_shared_memory_type = sysv'
if cluster_start mmap 2>/dev/null; then
	t_is 'sysv' "$(work)" "$wanted"
	session_open s
	session_do s "$launch"
	backend=$(session_backend s)
	made() { awk -v pid="$backend" 'FNR > 1 && $5 == pid { n++ } END { print n + 0 }' /proc/sysvipc/shm; }
	t_is 'sysv: a segment' "$(made)" 1
	session_do s 'SELECT pg_background_cancel_v2(:pid, :cookie); SELECT pg_background_wait_v2(:pid, :cookie);' >/dev/null
	t_is 'sysv: no segment is left' "$(gone)$(made)" 0
	session_close s
	cluster_stop mmap
fi

# Segments that are part of the server's main memory: not zeroed, and full of what the last one had.
cluster_conf mmap 'dynamic_shared_memory_type = mmap' 'min_dynamic_shared_memory = 8MB'
cluster_start mmap
files() { find "$(cluster_data mmap)/pg_dynshmem" -name 'mmap.*' | wc -l; }
before=$(files)
for ((i = 0; i < 3; i++)); do t_is "preallocated and dirty, $i" "$(work)" "$wanted"; done
session_open s
for ((i = 0; i < 5; i++)); do session_do s "$launch"; done
t_is 'nothing of the preallocated memory was lost: five segments find room in it' "$(files)" "$before"
session_close s
sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'pg_background'" >/dev/null
t_is 'preallocated: nothing is left' "$(gone)$(workers_running)" 0
t_done
