# Throwaway PostgreSQL servers and a handful of assertions, for check.sh, demo.sh and every script of the suites.
# Sourced by bash. test/README.md has the list of what a test script may call.
# shellcheck shell=bash
#
# No installation is touched: the server runs from a private copy of it (tree_make). The executables are copied, because
# PostgreSQL finds its library and share directories from where its executable is; the rest are symbolic links. Every
# server has a directory, a socket and a port of its own below $WORK, and only those are ever stopped or signalled.

set -u -o pipefail
shopt -s inherit_errexit nullglob

PGBG_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${PG_CONFIG:=pg_config}" "${CARGO:=cargo}"
export PG_CONFIG CARGO
unset PGDATA PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGSERVICE PGSERVICEFILE PGOPTIONS \
	PGAPPNAME PGCLIENTENCODING PGTZ PGDATESTYLE PGSSLMODE PGREQUIRESSL PGTARGETSESSIONATTRS
export LC_ALL=C PSQLRC=/dev/null
# A service that runs CI may have neither of these as a shell has them. The server's user must read what is made here.
: "${HOME:=$(getent passwd "$(id -u)" | cut -d : -f 6)}"
export HOME
command -v "$CARGO" >/dev/null || PATH=$PATH:$HOME/.cargo/bin
umask 022
BIN=

# What in a server's log means that something went wrong, and which of that is expected of anybody.
LOG_BAD='terminated by signal|was terminated|PANIC:|TRAP:|FATAL:|leak|was not closed|could not remove shared memory'
LOG_BAD+='|stuck spinlock|segment .* still|corrupt|unexpected'
LOG_ALLOWED=(
	'FATAL: +terminating (connection|autovacuum process|background worker ".*") due to administrator command'
	'FATAL: +the database system is (starting up|shutting down|in recovery mode|not yet accepting connections)'
	'FATAL: +connection to client lost'
	'walreceiver .*FATAL: '
)

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# ---------------------------------------------------------------------------------------------------------------------
# The work directory and its end

# TMPDIR, unless it is a place that the server's user cannot enter, or so far down that the names of sockets, which have
# room for 107 bytes, become too long.
work_place() {
	local place=${TMPDIR:-/tmp}
	if [ ! -d "$place" ] || [ ${#place} -gt 24 ] || { [ "$(id -u)" -eq 0 ] && ! runuser -u "$SERVER_USER" -- test -x "$place"; }; then place=/tmp; fi
	say "$place"
}

# work_begin NAME: makes $WORK and sees to it that nothing outlives this script. A script that check.sh runs gets its
# directory from there and leaves its logs in it.
work_begin() {
	if [ -n "${PGBG_WORK:-}" ]; then
		WORK=$PGBG_WORK/$1
		mkdir -p "$WORK"
	else
		WORK=$(mktemp -d "$(work_place)/pgbg-$1.XXXXXX") || exit 1
	fi
	WORK_KEEP=${PGBG_WORK:-}
	CHILD=
	chmod 755 "$WORK"
	mkdir -p "$WORK/log" "$WORK/cluster"
	trap work_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# Everything but logs that are still wanted goes. WORK_KEEP says that they are, and that their path was printed.
work_end() {
	local status=$?
	trap '' INT TERM HUP
	trap - EXIT
	[ -z "$CHILD" ] || kill -TERM -- "-$CHILD" 2>/dev/null
	session_close_all
	cluster_kill_all "$WORK"
	case $status in
		0 | 130 | 143) ;;
		*)
			if [ -z "$WORK_KEEP" ] && [ -n "$(find "$WORK/log" -type f -size +0 -print -quit)" ]; then
				say "logs: $WORK/log"
				WORK_KEEP=1
			fi
			;;
	esac
	if [ -n "$WORK_KEEP" ]; then
		find "$WORK" -depth -type d \( -name cluster -o -name 'tree*' -o -name 'template*' \) -exec rm -rf {} +
	else
		rm -rf "$WORK"
	fi
	exit "$status"
}

# run COMMAND...: like the command itself, but a signal to this script ends it at once, with all its children.
run() {
	local status
	set -m
	"$@" </dev/null &
	CHILD=$!
	set +m
	wait "$CHILD"
	status=$?
	CHILD=
	return "$status"
}

# ---------------------------------------------------------------------------------------------------------------------
# Who runs the server

# The server refuses root, so root runs it as somebody else.
if [ "$(id -u)" -eq 0 ]; then
	SERVER_USER=${PGBG_USER:-$(id -un postgres 2>/dev/null || say nobody)}
else
	SERVER_USER=$(id -un)
fi

as_server() {
	if [ "$(id -u)" -eq 0 ]; then
		(cd "$WORK" && exec runuser -u "$SERVER_USER" -- "$@")
	else
		(cd "$WORK" && exec "$@")
	fi
}

# apt_install PACKAGE...: patient with a mirror that fails for a moment, and with another apt that has the lock.
apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
		"$@" </dev/null
}

# Where what was fetched from elsewhere stays for the next run. Root's home would not do: the server runs as somebody else.
cache_dir() {
	local dir=${PGBG_CACHE:-}
	if [ -z "$dir" ]; then
		if [ "$(id -u)" -eq 0 ]; then dir=/var/cache/pg_background-test; else dir=${XDG_CACHE_HOME:-$HOME/.cache}/pg_background-test; fi
	fi
	mkdir -p "$dir" && say "$dir"
}

# ---------------------------------------------------------------------------------------------------------------------
# Private copies of the installation

# Debian has pgxs in the package of the client, so that alone proves nothing.
pg_config_is_usable() {
	command -v "$PG_CONFIG" >/dev/null && [ -f "$("$PG_CONFIG" --pgxs 2>/dev/null)" ] &&
		[ -f "$("$PG_CONFIG" --includedir-server)/postgres.h" ] &&
		[ -x "$("$PG_CONFIG" --bindir)/initdb" ] && [ -x "$("$PG_CONFIG" --bindir)/postgres" ]
}

pg_major() { "$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'; }

# tree_make DIR: the installation of $PG_CONFIG below DIR at its own paths, without pg_background.
tree_make() {
	local root=$1 dir
	local bin lib share client
	bin=$("$PG_CONFIG" --bindir) lib=$("$PG_CONFIG" --pkglibdir) share=$("$PG_CONFIG" --sharedir)
	client=$("$PG_CONFIG" --libdir)
	mkdir -p "$root$(dirname "$bin")"
	cp -a "$bin" "$root$bin"
	for dir in "$lib" "$share" "$client"; do
		case $dir in
			# Debian's and others': the loader knows these by itself.
			/lib | /lib64 | /usr/lib | /usr/lib64 | /usr/lib/*-linux-gnu*) continue ;;
		esac
		[ ! -e "$root$dir" ] || continue
		mkdir -p "$root$(dirname "$dir")"
		cp -rs "$dir" "$root$dir"
	done
	rm -f "$root$lib"/pg_background.* "$root$share"/extension/pg_background{.control,--*.sql}
	chmod -R u+w "$root"
}

# tree_install DIR [FEATURES]: builds the extension and installs it into that copy, with the scripts of older versions
# that the upgrade test starts from.
tree_install() {
	make --no-print-directory -C "$PGBG_SRC" install PG_CONFIG="$(command -v "$PG_CONFIG")" DESTDIR="$1" \
		CARGO_FEATURES="${2:-}" || return
	cp "$PGBG_SRC"/regress/fixtures/pg_background--*.sql "$1$("$PG_CONFIG" --sharedir)/extension/"
}

# tree_use DIR: what runs from now on runs from that copy.
tree_use() {
	TREE=$1
	BIN=$TREE$("$PG_CONFIG" --bindir)
	# shellcheck disable=SC2034 # for those who source this
	PKGLIB=$TREE$("$PG_CONFIG" --pkglibdir) SHARE=$TREE$("$PG_CONFIG" --sharedir)
	PATH=$BIN:$PATH
}

# ---------------------------------------------------------------------------------------------------------------------
# Servers. NAME is free; the data directory is $WORK/cluster/NAME/data, the log $WORK/log/NAME.log.

cluster_dir() { say "$WORK/cluster/$1"; }
cluster_data() { say "$WORK/cluster/$1/data"; }
cluster_log() { say "$WORK/log/$1.log"; }

# cluster_template DIR [ENCODING]: one initdb for all servers of a run.
cluster_template() {
	install -d -o "$SERVER_USER" -m 700 "$1"
	as_server "$BIN/initdb" -D "$1" -U postgres -A trust -E "${2:-UTF8}" --locale=C --no-sync >"$WORK/log/initdb.txt" 2>&1 ||
		{ cat "$WORK/log/initdb.txt" >&2; die 'initdb failed'; }
}

# cluster_init NAME [CONF-LINE...]: PGBG_CONF may have one more line for every server of a run.
cluster_init() {
	local name=$1 dir=$WORK/cluster/$1
	shift
	: "${PGBG_TEMPLATE:=$WORK/template}"
	[ -d "$PGBG_TEMPLATE" ] || cluster_template "$PGBG_TEMPLATE"
	install -d -o "$SERVER_USER" -m 700 "$dir"
	cp -a "$PGBG_TEMPLATE" "$dir/data"
	cluster_conf "$name" \
		"listen_addresses = ''" \
		"unix_socket_directories = '$dir'" \
		"port = 5432" \
		"fsync = off" \
		"shared_buffers = 32MB" \
		"max_worker_processes = 32" \
		"max_prepared_transactions = 4" \
		"dynamic_shared_memory_type = mmap" \
		"log_line_prefix = '%m [%p] %b %a: '" \
		"$@" "${PGBG_CONF:-}"
}

# cluster_conf NAME CONF-LINE...: more lines for postgresql.conf; the last of a name counts.
cluster_conf() {
	local data
	data=$(cluster_data "$1")
	shift
	printf '%s\n' "$@" >>"$data/postgresql.conf"
}

# cluster_reload NAME [CONF-LINE...]: and the server reads it; sessions that begin from now on have it, others soon.
cluster_reload() {
	local before
	before=$(sql 'SELECT pg_conf_load_time()')
	cluster_conf "$@"
	sql 'SELECT pg_reload_conf()' >/dev/null
	wait_until "SELECT pg_conf_load_time() > '$before'"
}

# cluster_start NAME: starts it, and psql and libpq use it from now on. The server may leave core files.
cluster_start() {
	local log
	log=$(cluster_log "$1")
	[ -e "$log" ] || install -o "$SERVER_USER" -m 644 /dev/null "$log"
	as_server "$BIN/pg_ctl" -c -D "$(cluster_data "$1")" -l "$log" -w -t 120 start >/dev/null ||
		{ tail -n 20 "$log" >&2; return 1; }
	cluster_use "$1"
}

cluster_use() {
	CLUSTER=$1
	PGHOST=$(cluster_dir "$1") PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	export PGHOST PGPORT PGUSER PGDATABASE
}

# cluster_stop NAME [fast|immediate|smart]
cluster_stop() {
	[ -e "$(cluster_data "$1")/postmaster.pid" ] || return 0
	as_server "$BIN/pg_ctl" -D "$(cluster_data "$1")" -w -t 60 -m "${2:-fast}" stop >/dev/null
}

cluster_restart() { cluster_stop "$@" && cluster_start "$1"; }

# cluster_new NAME [CONF-LINE...]: initdb, start, CREATE EXTENSION.
cluster_new() {
	cluster_init "$@" && cluster_start "$1" && sql 'CREATE EXTENSION pg_background'
}

# standby_new NAME PRIMARY [CONF-LINE...]: a hot standby that streams from PRIMARY.
standby_new() {
	local name=$1 primary=$2 dir=$WORK/cluster/$1
	shift 2
	install -d -o "$SERVER_USER" -m 700 "$dir"
	as_server "$BIN/pg_basebackup" -h "$(cluster_dir "$primary")" -p 5432 -U postgres -D "$dir/data" -R -X stream -c fast || return
	cluster_conf "$name" "unix_socket_directories = '$dir'" 'hot_standby = on' "$@"
	cluster_start "$name"
}

cluster_postmaster() { head -n 1 "$(cluster_data "$1")/postmaster.pid"; }

# The processes of a server: those whose working directory is its data directory.
cluster_processes() { data_processes "$(cluster_data "$1")"; }

# cluster_leftovers NAME: those that are still there a while after the postmaster has gone.
cluster_leftovers() {
	local end=$((SECONDS + 10))
	while [ -n "$(cluster_processes "$1")" ] && [ "$SECONDS" -lt "$end" ]; do sleep 0.1; done
	cluster_processes "$1"
}

data_processes() {
	local entry
	for entry in /proc/[0-9]*/cwd; do
		[ "$(readlink "$entry" 2>/dev/null)" != "$1" ] || basename "$(dirname "$entry")"
	done
}

# cluster_kill_all DIR: ends every server whose data directory is below DIR, those without a pid file and the orphans
# of a postmaster that a test killed included.
cluster_kill_all() {
	local data pids tries
	while read -r data; do
		as_server "$BIN/pg_ctl" -D "$data" -w -t 20 -m immediate stop >/dev/null 2>&1
		for tries in 1 2 3 4 5 6 7 8 9 10; do
			mapfile -t pids < <(data_processes "$data")
			[ ${#pids[@]} -gt 0 ] || break
			[ "$tries" -lt 4 ] || kill -QUIT "${pids[@]}" 2>/dev/null
			[ "$tries" -lt 8 ] || kill -KILL "${pids[@]}" 2>/dev/null
			sleep 0.2
		done
	done < <(find "$1" -path '*/cluster/*/data' -prune -type d)
}

# ---------------------------------------------------------------------------------------------------------------------
# Asking the server

# sql SQL [psql arguments]: rows unaligned, without headers; fails where the SQL does.
sql() { psql -XAtq -v ON_ERROR_STOP=1 "${@:2}" -c "$1"; }

# sql_code SQL...: the SQLSTATE of the last of several statements of one session, 00000 for success.
sql_code() {
	local statement arguments=()
	for statement in "$@"; do arguments+=(-c "$statement"); done
	psql -XAtq -v VERBOSITY=sqlstate "${arguments[@]}" -c '\echo LAST :LAST_ERROR_SQLSTATE :SQLSTATE' 2>/dev/null |
		awk '$1 == "LAST" { print $3 } END { if (!NR) print "08006" }'
}

# wait_until SQL [SECONDS]: until SQL yields t.
wait_until() {
	local end=$((SECONDS + ${2:-20}))
	while [ "$(sql "$1" 2>/dev/null)" != t ]; do
		[ "$SECONDS" -lt "$end" ] || { say "never became true: $1"; return 1; }
		sleep 0.05
	done
}

workers_running() { sql "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_background%'"; }

# Our dynamic shared memory segments in the server in use; they start with the MAGIC of src/channel/segment.rs. Other
# segments come and go (statistics). Needs dynamic_shared_memory_type = mmap, as cluster_init sets it, and
# min_dynamic_shared_memory = 0. segments MAGIC counts those that start with another one.
DIRECTORY_MAGIC=70676264000000ff
segments() {
	local file count=0 magic=${1:-70676267000000ff}
	for file in "$(cluster_data "$CLUSTER")"/pg_dynshmem/mmap.*; do
		[[ $(od -An -tx8 -N8 "$file" 2>/dev/null) != *"$magic" ]] || count=$((count + 1))
	done
	say "$count"
}

# ---------------------------------------------------------------------------------------------------------------------
# Sessions that stay open

declare -A SESSION_FD=() SESSION_PSQL=()

# session_open NAME [psql arguments]
session_open() {
	local name=$1 fifo=$WORK/cluster/.session-$1 fd
	shift
	rm -f "$fifo"
	mkfifo "$fifo"
	exec {fd}<>"$fifo"
	: >"$WORK/log/session-$name.out"
	# Closing our ends in the child, that of its own pipe and those of other sessions, lets each psql see the end of its
	# input when we close it.
	(
		for fd in "$fd" "${SESSION_FD[@]}"; do exec {fd}>&-; done
		exec psql -XAtq "$@" <"$fifo" >"$WORK/log/session-$name.out" 2>&1
	) &
	SESSION_PSQL[$name]=$! SESSION_FD[$name]=$fd
	session_send "$name" "SELECT 'backend ' || pg_backend_pid();"
	session_sync "$name"
}

# session_send NAME LINES: does not wait.
session_send() { printf '%s\n' "$2" >&"${SESSION_FD[$1]}"; }

# session_sync NAME [SECONDS]: until everything sent so far is done.
session_sync() {
	local name=$1 end=$((SECONDS + ${2:-30})) mark
	# Not a counter: callers are often in a subshell, where it would be forgotten.
	mark="synced ${EPOCHREALTIME//[.,]/}$RANDOM"
	session_send "$name" "\\echo $mark"
	until grep -qx "$mark" "$WORK/log/session-$name.out"; do
		kill -0 "${SESSION_PSQL[$name]}" 2>/dev/null || return 1
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# session_do NAME LINES: sends, waits, prints what came of it.
session_do() {
	local before
	before=$(wc -l <"$WORK/log/session-$1.out")
	session_send "$1" "$2"
	session_sync "$1" "${3:-30}" || { say 'session did not answer'; return 1; }
	tail -n "+$((before + 1))" "$WORK/log/session-$1.out" | grep -v '^synced [0-9]*$' || true
}

session_output() { grep -v '^synced [0-9]*$' "$WORK/log/session-$1.out"; }
session_backend() { sed -n 's/^backend //p' "$WORK/log/session-$1.out" | head -n 1; }

# session_close NAME [kill]: ends it in good order, or as a client that vanishes.
session_close() {
	local name=$1 fd=${SESSION_FD[$1]:-}
	[ -n "$fd" ] || return 0
	# Closing our end would not do: whatever was started since then has inherited it.
	if [ "${2:-}" = kill ]; then kill -KILL "${SESSION_PSQL[$name]}" 2>/dev/null; else session_send "$name" '\q'; fi
	exec {fd}>&-
	wait "${SESSION_PSQL[$name]}" 2>/dev/null
	unset "SESSION_FD[$name]" "SESSION_PSQL[$name]"
}

session_close_all() {
	local name
	for name in "${!SESSION_PSQL[@]}"; do session_close "$name" kill; done
}

# ---------------------------------------------------------------------------------------------------------------------
# Assertions

PASSED=0 FAILED=0

# With PGBG_FIRST_FAILURE a script ends where the first of its tests fails.
pass() { PASSED=$((PASSED + 1)); say "  ok    $1"; }
fail() {
	FAILED=$((FAILED + 1))
	say "  FAIL  $1"
	[ $# -lt 2 ] || printf '%s\n' "${@:2}" | sed 's/^/        /'
	[ -z "${PGBG_FIRST_FAILURE:-}" ] || exit 1
}

# t_ok NAME COMMAND...: the command succeeds.
t_ok() {
	local output
	if output=$("${@:2}" 2>&1); then pass "$1"; else fail "$1" "$output"; fi
}

# t_is NAME GOT WANTED
t_is() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got:    $2" "wanted: $3"; fi; }

# t_like NAME GOT REGEX
t_like() { if [[ $2 =~ $3 ]]; then pass "$1"; else fail "$1" "got:    $2" "wanted: $3"; fi; }

# t_sqlstate NAME SQLSTATE SQL...: how the last of the statements ends.
t_sqlstate() { t_is "$1" "$(sql_code "${@:3}")" "$2"; }

# t_no_leaks NAME: within 10 seconds no worker and no segment of ours is left.
t_no_leaks() {
	local end=$((SECONDS + 10)) workers
	while workers=$(workers_running) && { [ "$workers" != 0 ] || [ "$(segments)" != 0 ]; }; do
		if [ "$SECONDS" -ge "$end" ]; then
			fail "$1" "$workers workers and $(segments) segments are left"
			return
		fi
		sleep 0.1
	done
	pass "$1"
}

# log_allow REGEX...: what this script expects in a server's log and would otherwise count as a failure.
log_allow() { LOG_ALLOWED+=("$@"); }

# log_problems FILE...: the lines that should not be there.
log_problems() {
	local allowed
	allowed=$(IFS='|'; say "${LOG_ALLOWED[*]}")
	grep -HnE "$LOG_BAD" "$@" /dev/null | grep -vE "$allowed" | sed "s,^$WORK/,,"
}

# t_logs: no server of this script crashed, leaked or dumped core. Where gdb is, the log directory gets a backtrace.
t_logs() {
	local logs core found=()
	logs=("$WORK"/log/*.log)
	[ ${#logs[@]} -gt 0 ] || return 0
	mapfile -t found < <(log_problems "${logs[@]}")
	while read -r core; do
		found+=("$core")
		if command -v gdb >/dev/null; then
			gdb -batch -ex bt "$BIN/postgres" "$core" >"$WORK/log/$(basename "$core").txt" 2>/dev/null
			mapfile -t -O ${#found[@]} found < <(grep '^#' "$WORK/log/$(basename "$core").txt" | head -n 12)
		fi
	done < <(find "$WORK/cluster" -maxdepth 3 -type f \( -name core -o -name 'core.[0-9]*' \))
	if [ ${#found[@]} -eq 0 ]; then
		pass 'the server logs are clean'
	else
		fail 'the server logs are clean' "${found[@]:0:40}"
	fi
}

# t_done: the last line of a test script.
t_done() {
	cluster_stop_all
	t_logs
	if [ "$FAILED" -ne 0 ] && [ -z "$WORK_KEEP" ]; then
		WORK_KEEP=1
		say "logs: $WORK/log"
	fi
	sums
}

sums() {
	say "$PASSED passed, $FAILED failed"
	[ "$FAILED" -eq 0 ]
	exit
}

cluster_stop_all() {
	local dir
	session_close_all
	for dir in "$WORK"/cluster/*/; do cluster_stop "$(basename "$dir")" || true; done
}

# part NAME COMMAND...: a run of another script of this kind. All it says is shown but for its last line, which is added up.
part() {
	local log=$WORK/log/$1.txt last
	say "== $1"
	# shellcheck disable=SC2016 # expanded by that shell
	run bash -c '"${@:2}" 2>&1 | tee "$1" | sed -u "\$d"' - "$log" "${@:2}"
	last=$(tail -n 1 "$log")
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		PASSED=$((PASSED + BASH_REMATCH[1])) FAILED=$((FAILED + BASH_REMATCH[2]))
		[ "${BASH_REMATCH[2]}" -eq 0 ] || PARTS_BROKEN+=("$1")
	else
		say "$last" 'did not come to its end'
		FAILED=$((FAILED + 1)) PARTS_BROKEN+=("$1")
	fi
}
PARTS_BROKEN=()

# parts_done: the last line of a script that is made of parts.
parts_done() {
	[ ${#PARTS_BROKEN[@]} -eq 0 ] || printf 'failed: %s\n' "${PARTS_BROKEN[@]}"
	run_done
}

# run_done: where the logs are, if they stay, and the sums.
run_done() {
	if [ "$FAILED" -ne 0 ] || [ -n "${PGBG_KEEP:-}" ]; then
		WORK_KEEP=1
		say "logs: $WORK"
	fi
	sums
}

# suite_begin: the first line of a test script after sourcing this. Its name is the file's. By itself it makes a private
# installation; below check.sh it finds one ready.
suite_begin() {
	local features=
	if [ "$(basename "$(dirname "$0")")" = injection ]; then features=injection-points; fi
	work_begin "$(basename "$0" .sh)"
	# The copy has a pg_config as well, which will come first in PATH and tells other paths.
	PG_CONFIG=$(command -v "$PG_CONFIG" || say "$PG_CONFIG")
	if [ -z "${PGBG_TREE:-}" ]; then
		pg_config_is_usable || die "$PG_CONFIG does not lead to a PostgreSQL server and its headers: set PG_CONFIG"
		tree_make "$WORK/tree"
		run tree_install "$WORK/tree" "$features" >"$WORK/log/build.txt" 2>&1 || { cat "$WORK/log/build.txt"; die 'build failed'; }
		PGBG_TREE=$WORK/tree
	fi
	tree_use "$PGBG_TREE"
}
