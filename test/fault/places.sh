#!/usr/bin/env bash
# Waiting for a place, and for jobs of other sessions: every ceiling is waited for, none is ever exceeded, whoever waits is
# woken, and a process that is ended while it waits leaves nothing behind.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_worker_processes = 16' 'pg_background.max_workers_total = 3' 'log_min_messages = error'
log_allow 'FATAL: +terminating connection due to administrator command'
sql 'CREATE TABLE t (id int); CREATE TABLE handle (h pg_background_handle);
	CREATE FUNCTION submit_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_background_submit(format($q$INSERT INTO t VALUES (%s)$q$, NEW.id)); RETURN NEW; END $$;
	CREATE TABLE source (id int); CREATE TRIGGER each AFTER INSERT ON source FOR EACH ROW EXECUTE FUNCTION submit_one()'

# Each statement's answer; psql -c before 15 shows the last one's only.
answers() { psql -XAtq -v ON_ERROR_STOP=1 <<<"$1"; }

# --- this session's ceiling
t_is '36 submits with max_workers = 4 all run' "$(answers "SET pg_background.max_workers = 4;
SELECT count(pg_background_submit('INSERT INTO t VALUES (' || i || ')')) FROM generate_series(1, 36) i;
SELECT count(*), bool_and(state = 'stopped') FROM pg_background_drain_all();
SELECT count(*) FROM t")" $'36\n36|t\n36'
t_is 'a row trigger that submits 200 jobs' "$(sql 'TRUNCATE t' && answers "INSERT INTO source SELECT generate_series(1, 200);
SELECT count(*), bool_and(state = 'stopped') FROM pg_background_drain_all();
SELECT count(*) FROM t")" $'200|t\n200'
t_is 'detaching what was just launched, 200 times' "$(sql "SELECT count(pg_background_detach(pg_background_launch('SELECT pg_sleep(0.001)'))) FROM generate_series(1, 200)")" 200
t_sqlstate 'not at once where nobody waits' 53400 'SET pg_background.launch_timeout = 0' 'SET pg_background.max_workers = 1' \
	"SELECT pg_background_launch('SELECT pg_sleep(1)')" "SELECT pg_background_launch('SELECT 1')"
t_sqlstate 'jobs that wait for the locks of whoever waits for a place: 40P01' 40P01 "SET deadlock_timeout = '100ms'" 'SET pg_background.max_workers = 2' \
	'BEGIN' 'LOCK TABLE t' "SELECT pg_background_submit('INSERT INTO t VALUES (1)') FROM generate_series(1, 3)"
wait_until "SELECT count(*) = 0 FROM pg_background_jobs WHERE finished_at IS NULL"

# --- the server's ceiling
crowd() {
	local i
	for ((i = 0; i < 8; i++)); do
		psql -XAtq -c "SELECT count(*) FROM (SELECT pg_background_run('SELECT pg_sleep(0.01)') AS r FROM generate_series(1, 15)) s WHERE (r).completed" &
	done
	wait
}
session_open watcher
session_send watcher "DO \$\$ DECLARE n int; most int := 0; BEGIN FOR i IN 1..400 LOOP PERFORM pg_stat_clear_snapshot();
	SELECT count(*) INTO n FROM pg_stat_activity WHERE backend_type = 'pg_background' AND usesysid IS NOT NULL; most := greatest(most, n); PERFORM pg_sleep(0.005); END LOOP; RAISE WARNING 'most %', most; END \$\$;"
t_is 'eight sessions share three workers' "$(crowd | sort | uniq -c | sed 's/^ *//')" '8 15'
session_sync watcher 60
t_is 'and never had more' "$(session_output watcher | sed -n 's/.*most \([0-9]*\)/\1/p')" 3
session_close watcher
t_sqlstate 'the server has its workers: 53400' 53400 'SET pg_background.launch_timeout = 0' \
	"SELECT count(pg_background_launch('SELECT pg_sleep(1)')) FROM generate_series(1, 4)"
wait_until "SELECT count(*) = 0 FROM pg_background_jobs WHERE finished_at IS NULL"

# --- waiting for another session's job: no time but the sleep's, and nothing is left of who is ended
cpu() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
sql "INSERT INTO handle SELECT pg_background_submit('SELECT pg_sleep(4)')"
for ((i = 0; i < 12; i++)); do
	session_open "w$i"
	session_send "w$i" "SELECT 'woken ' || pg_background_wait(h) FROM handle;"
done
wait_until "SELECT count(*) = 12 FROM pg_stat_activity WHERE query LIKE 'SELECT ''woken%' AND state = 'active'"
sleep 0.5
before=0 after=0
for ((i = 0; i < 12; i++)); do before=$((before + $(cpu "$(session_backend "w$i")"))); done
sleep 1
for ((i = 0; i < 12; i++)); do after=$((after + $(cpu "$(session_backend "w$i")"))); done
t_ok "twelve waiters use no processor ($((after - before)) ticks)" [ $((after - before)) -le 2 ]
sql "SELECT pg_terminate_backend($(session_backend w0)), pg_cancel_backend($(session_backend w1))" >/dev/null
for ((i = 2; i < 12; i++)); do session_sync "w$i" 20; done
t_is 'the others are woken by its end' "$(for ((i = 2; i < 12; i++)); do session_output "w$i" | grep -c '^woken true'; done | sort | uniq -c | sed 's/^ *//')" '10 1'
for ((i = 0; i < 12; i++)); do session_close "w$i" kill; done
t_is 'the server lives, and knows its jobs' "$(sql "SELECT count(*) > 0 FROM pg_background_jobs")" t

# --- a cancel never hits another job, and a worker that was hit takes none
sql 'CREATE TABLE target (h pg_background_handle)'
for ((i = 0; i < 2; i++)); do
	session_open "r$i"
	session_send "r$i" "SET pg_background.worker_idle_timeout = '1min';
	DO \$\$ DECLARE h pg_background_handle; r record; hit int[] := '{}'; warm int := 0; before int := 0; BEGIN
		FOR i IN 1..1500 LOOP
			h := pg_background_launch_v2('SELECT pg_sleep(0.002)');
			warm := warm + (h.pid = before)::int;
			IF h.pid = ANY (hit) THEN RAISE WARNING 'stayed: %', h; END IF;
			INSERT INTO target VALUES (h); COMMIT;
			PERFORM pg_background_wait(h);
			IF (pg_background_outcome(h)).state = 'canceled' THEN hit := hit || h.pid; END IF;
			-- A job that nobody has a handle of: nothing may hit it.
			r := pg_background_run('SELECT pg_sleep(0.0005)');
			IF NOT r.completed OR r.has_error THEN RAISE WARNING 'hit: %', r; END IF;
			IF r.pid = ANY (hit) THEN RAISE WARNING 'stayed: %', r; END IF;
			before := r.pid;
		END LOOP; RAISE WARNING 'done'; RAISE WARNING 'count % %', cardinality(hit), warm; END \$\$;"
done
for ((i = 0; i < 3; i++)); do
	session_open "c$i"
	session_send "c$i" "DO \$\$ DECLARE n int := 0; BEGIN WHILE n < 3500 LOOP
		PERFORM pg_background_cancel(h) FROM (SELECT h FROM target ORDER BY ctid DESC LIMIT 3) s; n := n + 3; COMMIT; END LOOP; RAISE WARNING 'sent %', n; END \$\$;"
done
for i in c0 c1 c2 r0 r1; do session_sync $i 120; done
t_is 'ten thousand cancels hit nobody else, and no worker that was hit takes another job' \
	"$(for i in r0 r1; do session_output $i | grep -E 'hit|stayed|done|ERROR' | sed 's/.*WARNING: *//'; done)" $'done\ndone'
t_like 'and were sent' "$(for i in c0 c1 c2; do session_output $i | grep -c 'sent'; done | tr '\n' ' ')" '1 1 1'
read -r hits warm <<<"$(for i in r0 r1; do session_output $i | sed -n 's/.*count //p'; done | awk '{ h += $1; w += $2 } END { print h, w }')"
t_ok "they hit $hits jobs, and $warm jobs found their worker warm" [ "$hits" -gt 0 ]
for i in c0 c1 c2 r0 r1; do session_close $i; done

# --- a crash: the next launch makes a new directory
log_allow 'was terminated by signal 9' 'terminating any other active server processes' 'server process' 'background worker "pg_background" .* was terminated' 'FATAL: +the database system is' 'WARNING: +terminating connection because of crash'
sql "SELECT pg_background_submit('SELECT pg_sleep(60)')" >/dev/null
kill -9 "$(sql "SELECT pid FROM pg_background_jobs WHERE state = 'running' LIMIT 1")"
wait_until "SELECT count(*) = 0 FROM pg_background_jobs" 60
t_is 'after a crash the directory is empty, and works' "$(answers "SELECT (pg_background_run('SELECT 1')).completed; SELECT count(*) FROM pg_background_jobs;")" $'t\n1'
t_no_leaks 'nothing is left at the end'
t_done
