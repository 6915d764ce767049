#!/usr/bin/env bash
# The directory of jobs: in every kind of dynamic shared memory, after restarts and crashes, with nothing inherited from the
# postmaster, and with contents that nobody has written in good faith.
. "$(dirname "$0")/../lib.sh"
suite_begin
log_allow 'FATAL: +terminating (connection|background worker)' 'was terminated by signal 9' 'terminating any other active server processes' \
	'background worker "pg_background" .* was terminated' 'FATAL: +the database system is' 'WARNING: +terminating connection because of crash'
answers() { psql -XAtq -v ON_ERROR_STOP=1 <<<"$1"; }

# works NAME: a job of one session, looked at, waited for, cancelled and counted in another.
works() {
	session_open one
	session_do one "SELECT pid AS p, cookie AS c FROM pg_background_launch('SELECT pg_sleep(60)', label => 'elsewhere') \\gset
		SELECT FROM pg_background_submit('SELECT pg_sleep(0.2)', label => 'short');" >/dev/null
	t_is "$1: another session waits, cancels and sees" "$(answers "SELECT pg_background_wait(pid, cookie) FROM pg_background_jobs WHERE label = 'short' AND finished_at IS NULL OR label = 'short';
		SELECT state FROM pg_background_jobs WHERE label = 'elsewhere';
		SELECT pg_background_cancel(pid, cookie) FROM pg_background_jobs WHERE label = 'elsewhere' \\g /dev/null
		SELECT pg_background_wait(pid, cookie), (pg_background_outcome(pid, cookie)).state FROM pg_background_jobs WHERE label = 'elsewhere';
		SELECT sum(launched) >= 2, sum(canceled) >= 1 FROM pg_stat_background;")" $'t\nrunning\nt|canceled\nt|t'
	session_close one
}

# The file of the directory, where segments are files: MAGIC of src/directory/layout.rs.
table() {
	local file
	for file in "$(cluster_data "$CLUSTER")"/pg_dynshmem/mmap.*; do
		[[ $(od -An -tx8 -N8 "$file" 2>/dev/null) != *70676264000000ff ]] || say "$file"
	done
}

cluster_new main 'shared_preload_libraries = pg_background' 'log_min_messages = error' 'max_worker_processes = 16'
t_is 'before the first launch there is none' "$(table)" ''
works mmap
t_is 'it is one segment' "$(table | wc -l)" 1
t_ok 'of 2 MB at most' [ "$(stat -c %s "$(table)")" -le 2097152 ]
name=$(basename "$(table)")
t_is 'the postmaster has not mapped it: nobody inherits it' "$(grep -c "$name" "/proc/$(cluster_postmaster main)/maps")" 0
session_open a
t_is 'nor has a session that only looks at its own jobs' "$(session_do a 'SELECT count(*) FROM pg_background_list;' >/dev/null
	grep -c "$name" "/proc/$(session_backend a)/maps")" 0
session_close a

# A crash of a worker, of its launcher, and of both: a new one each time, and none of the old is left.
for victims in worker launcher both; do
	session_open l
	session_do l "SELECT FROM pg_background_launch('SELECT pg_sleep(60)', label => 'victim');" >/dev/null
	session_open w
	session_send w "SELECT pg_background_wait(pid, cookie) FROM pg_background_jobs WHERE label = 'victim';"
	wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_background_wait%' AND state = 'active' AND pid <> pg_backend_pid()"
	old=$(table)
	worker=$(sql "SELECT pid FROM pg_background_jobs WHERE label = 'victim' AND finished_at IS NULL")
	case $victims in
		worker) kill -9 "$worker" ;;
		launcher) kill -9 "$(session_backend l)" ;;
		both) kill -9 "$worker" "$(session_backend l)" ;;
	esac
	session_close l kill
	session_close w kill
	wait_until "SELECT count(*) = 0 FROM pg_background_jobs" 60
	works "kill -9, $victims"
	t_is "kill -9, $victims: one again, and another" "$(table | grep -cv "^$old\$")$(table | wc -l)" 11
done
cluster_restart main
t_is 'a restart leaves none' "$(table)" ''
works 'after a restart'

# --- a process ID in it that is no worker's: whoever cancels the job signals nobody
session_open l
session_do l "SELECT pid AS p, cookie AS c FROM pg_background_launch('SELECT pg_sleep(60)') \\gset" >/dev/null
worker=$(session_do l '\echo :p')
sleeper=$( (as_server sleep 300 >/dev/null 2>&1 & say $!))
victim=$(pgrep -P "$sleeper" -x sleep || say "$sleeper")
# Where the first entry has it, behind the header, 64 ids and 56 bytes of the record.
at=$((184 + 64 * 8 + 56))
t_is 'that is where it is' "$(od -An -td4 -j$at -N4 "$(table)" | tr -d ' ')" "$worker"
printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((victim & 255)) $((victim >> 8 & 255)) $((victim >> 16 & 255)) $((victim >> 24 & 255)))" |
	dd of="$(table)" bs=1 seek=$at conv=notrunc status=none
t_is 'its job has ended, for whoever looks' "$(answers "SELECT state, sqlstate FROM pg_background_jobs ORDER BY launched_at DESC LIMIT 1")" 'error|08006'
t_is 'there is nobody to cancel' "$(sql "SELECT pg_background_cancel(pid, cookie) FROM pg_background_jobs ORDER BY launched_at DESC LIMIT 1")" ''
sleep 0.2
t_ok 'another process lives' kill -0 "$victim"
kill "$victim" 2>/dev/null
session_do l 'SELECT pg_background_cancel(:p, :c); SELECT pg_background_wait(:p, :c)' >/dev/null
session_close l

# --- whatever is in it: sessions report what they like, and live. The fixed part, the lock among it, is left alone: nobody
# but the server writes there.
started=$(sql 'SELECT pg_postmaster_start_time()')
file=$(table) size=$(stat -c %s "$(table)")
sql "CREATE TABLE survived (n int)"
cat >"$WORK/log/hostile.sql" <<'SQL'
\set ON_ERROR_STOP 0
SET client_min_messages = fatal;
SET statement_timeout = '2s';
SET pg_background.launch_timeout = '200ms';
SELECT pid AS p, cookie AS c FROM pg_background_launch('SELECT pg_background_progress(1, ''x''), pg_sleep(0.01)', label => 'hostile') \gset
SELECT FROM pg_background_jobs;
SELECT FROM pg_stat_background;
SELECT pg_background_cancel(pid, cookie) FROM pg_background_jobs WHERE finished_at IS NULL AND label = 'hostile';
SELECT pg_background_wait(:p, :c, 100);
SELECT pg_background_outcome(pid, cookie), pg_background_get_progress(pid, cookie) FROM pg_background_jobs;
SELECT pg_background_wait(pid, cookie, 20) FROM pg_background_jobs LIMIT 3;
SELECT pg_background_detach_all();
RESET statement_timeout;
INSERT INTO survived VALUES (1);
SQL
# An unchanging number tells the whole run.
RANDOM=4711
rounds=15
for ((i = 0; i < rounds; i++)); do
	for ((j = 0; j < 3; j++)); do psql -XAtq -f "$WORK/log/hostile.sql" >/dev/null 2>&1 & attackers[j]=$!; done
	# At the start, where entries are, and anywhere.
	for ((k = 0; k < 60; k++)); do
		reach=$((k % 2 ? size - 200 : 40000))
		at=$((160 + (RANDOM * 32768 + RANDOM) % (reach - 160)))
		case $((RANDOM % 3)) in 0) bytes='\xff\xff\xff\xff\xff\xff\xff\xff' ;; 1) bytes='\x01\x00\x00\x00' ;; *) bytes='\x7f\xff\x80' ;; esac
		printf "$bytes" | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
	done
	wait "${attackers[@]}"
done
t_is 'scribbled over: every session lives to its end' "$(sql 'SELECT count(*) FROM survived')" $((rounds * 3))
t_is 'and so does the server' "$(sql 'SELECT pg_postmaster_start_time()')" "$started"
# All of it.
dd if=/dev/zero of="$file" bs=1 seek=160 count=$((size - 160)) conv=notrunc status=none
t_is 'all zeros: jobs run' "$(sql "SELECT count(*) FROM generate_series(1, 5), pg_background_run('SELECT 1') AS r WHERE r.completed")" 5
works 'all zeros'
head -c $((size - 160)) /dev/zero | tr '\0' '\377' | dd of="$file" bs=64k oflag=seek_bytes seek=160 conv=notrunc status=none
t_is 'all ones: no entry is free, which is said' "$(sql_code "SET pg_background.launch_timeout = 0" "SELECT pg_background_run('SELECT 1')")" 53000
t_is 'all ones: views live' "$(sql "SELECT count(*) >= 0 FROM pg_background_jobs, pg_stat_background")" t
t_is 'and the server never restarted' "$(sql 'SELECT pg_postmaster_start_time()')" "$started"
cluster_restart main
works 'after that, a restart'
cluster_stop main

for type in posix sysv; do
	cluster_conf main "dynamic_shared_memory_type = $type"
	if cluster_start main 2>/dev/null; then
		works "$type"
		kill -9 "$(session_open k >/dev/null; session_do k "SELECT pid FROM pg_background_launch('SELECT pg_sleep(60)');")"
		session_close k kill
		wait_until "SELECT count(*) = 0 FROM pg_background_jobs" 60
		works "$type, after a crash"
		cluster_stop main
	else
		say "  skip  $type is not to be had here"
	fi
done
cluster_conf main 'dynamic_shared_memory_type = mmap' 'min_dynamic_shared_memory = 8MB'
cluster_start main
works 'in preallocated memory'
t_done
