#!/usr/bin/env bash
# Another process writes anything it likes into what it shares with a session, and sends any message: the session reports
# an error, or what was meant, and lives. Neither it nor any other process of the server crashes.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'pg_background.launch_timeout = 0' 'max_worker_processes = 16' 'pg_background.worker_idle_timeout = 0' 'log_min_messages = fatal' \
	'client_min_messages = error' 'pg_background.worker_timeout = 10s'
log_allow 'FATAL: +(terminating background worker|could not attach|database .* does not exist|role .* does not exist|cannot read pg_class without having selected a database|.*is not permitted)'
psql -XAtq -v ON_ERROR_STOP=1 -f "$PGBG_SRC/test/injection/hostile.sql" || die 'hostile.sql'
: "${PGBG_HOSTILE_MESSAGES:=1200}"

started=$(sql 'SELECT pg_postmaster_start_time()')
# attack NAME STATEMENT...: in a session of its own, which has to live to the end.
attack() {
	local name=$1 output
	shift
	output=$(psql -XAtq -v VERBOSITY=verbose "${@/#/-c}" -c "SELECT 'alive'" 2>&1)
	t_is "$name: the session lives" "$output" alive
	t_no_leaks "$name: nothing is left"
}
attack 'outcome record' 'CALL attack_outcome()'
attack 'record and progress at random' 'CALL attack_at_random(200)'
attack 'header of a busy worker' 'CALL attack_busy_header()'
attack 'header of a warm worker' "SET pg_background.worker_idle_timeout = '1min'" 'CALL attack_header()'
attack 'messages' 'CALL attack_messages()'
attack 'messages harmed at random' "CALL attack_messages_at_random(1, $PGBG_HOSTILE_MESSAGES)"

# The worker itself meets a damaged header: it has not attached yet when its segment, a file, is written to.
data=$(cluster_data main)
session_open s
damaged=0 reported=0
for start in 0 8 12 16 20 24 32 40 48 52 56; do
	for byte in '\x00' '\x7f' '\xff'; do
		arm worker-start wait
		ask s "SELECT pg_background_run_v2('SELECT 1');"
		arrival worker-start >/dev/null || break 2
		for file in "$data"/pg_dynshmem/mmap.*; do
			[[ $(od -An -tx8 -N8 "$file") == *70676267000000ff ]] || continue
			printf "$byte" | dd of="$file" bs=1 seek="$start" conv=notrunc status=none
			damaged=$((damaged + 1))
		done
		disarm worker-start
		case $(answer s) in
			00000 | 53000 | 55000) reported=$((reported + 1)) ;;
		esac
	done
done
t_is 'a worker that meets a damaged header leaves, and its session is told' "$reported of $damaged" "33 of 33"
t_is 'nothing of that is left' "$(nothing_left s)" nothing
session_close s

t_is 'the server never restarted' "$(sql 'SELECT pg_postmaster_start_time()')" "$started"
# Whatever was made of it is one of the SQLSTATEs that the reference names, or nothing was noticed.
sql "COPY (SELECT attack, sqlstate, count(*), min(message) FROM seen GROUP BY 1, 2 ORDER BY 1, 2) TO STDOUT" >"$WORK/log/seen.txt"
[ -z "${PGBG_KEEP:-}" ] || cat "$WORK/log/seen.txt"
unexpected() { sql "SELECT DISTINCT sqlstate FROM seen WHERE $1 AND sqlstate NOT IN ('00000', '08P01', '08006'$2)"; }
t_is 'messages are malformed (08P01), of types that do not exist (42804), or nothing was noticed' \
	"$(unexpected "attack LIKE '%message'" ", '42804'")" ''
# 57P01: a worker whose publication was taken back says so once more when it exits. 58P01: a file that is not there.
t_is 'records make no sense (08P01), are not there (08006), are made again (57P01), or are believed' \
	"$(unexpected "attack = 'outcome' AND detail LIKE 'SELECT 1,%'" ", '57P01', '58P01'")" ''
t_is 'a record that is taken away is 08006, one that makes no sense 08P01' \
	"$(sql "SELECT DISTINCT sqlstate FROM seen WHERE attack = 'outcome' AND detail LIKE '% gone' AND sqlstate IN ('08006', '08P01', '57P01') ORDER BY 1" | xargs)" '08006 08P01'
# A job that sends two frames. Their number begins at 40 in the record, where zeros may be nothing new on another machine; the
# message of an error begins at 116.
t_is 'frames that are missing, or too many, are noticed' \
	"$(sql "SELECT count(*) FILTER (WHERE sqlstate = '08P01') >= 5 FROM seen WHERE attack = 'outcome' AND detail ~ '^SELECT 1, .* 40 .* gone$'")" t
t_is 'bytes that are no text of the database do not get into it' \
	"$(sql "SELECT count(*) > 0, bool_and(convert_from(convert_to(message, 'UTF8'), 'UTF8') = message) FROM seen WHERE attack = 'outcome' AND detail ~ '^SELECT 1/0, .* 1(16|20|24) '")" 't|t'
# 57P01: a worker that finds another job, or none, where the header says that its own is entered does not begin.
# 58P01: as above.
t_is 'headers make nothing worse than a cancel or a wrong address' \
	"$(unexpected "attack LIKE '%header'" ", '57014', '57P01', '3D000', '28000', 'XX000', '53000', '58P01'")" ''
t_is 'and many were noticed' "$(sql "SELECT count(*) > $PGBG_HOSTILE_MESSAGES / 4 FROM seen WHERE attack = 'harmed message' AND sqlstate = '08P01'")" t
say "  $(sql 'SELECT count(*) FROM seen') hostile inputs, $damaged damaged headers"
t_done
