#!/usr/bin/env bash
# Where idle workers are, what they hold, and that they go: at the session's end, after their time, when they have grown large,
# on signals, at shutdown, with their database.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'pg_background.worker_idle_timeout = 1min' 'autovacuum = off' 'log_min_messages = warning'
sql "
	CREATE TABLE t (i int);
	CREATE FUNCTION worker() RETURNS int LANGUAGE sql AS \$\$ SELECT pid FROM pg_background_run_v2('SELECT 1') \$\$;"
idle="SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'idle' AND wait_event IS NOT NULL"
none="SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"

# --- what it shows and holds
session_open s
session_do s "SELECT 'worker', pid FROM pg_background_run_v2('INSERT INTO t SELECT generate_series(1, 5)');" >/dev/null
wait_until "$idle"
event=Extension
[ "$(pg_major)" -lt 17 ] || event=PgBackgroundIdle
t_is 'an idle worker as pg_stat_activity shows it' "$(sql "
	SELECT state, wait_event_type, wait_event, datname, usename, xact_start, backend_xid, backend_xmin, query_start < now(), query
	FROM pg_stat_activity WHERE backend_type = 'pg_background'")" "idle|Extension|$event|postgres|postgres||||t|INSERT INTO t SELECT generate_series(1, 5)"
t_is 'it holds no lock' "$(sql "SELECT count(*) FROM pg_locks JOIN pg_stat_activity a USING (pid) WHERE a.backend_type = 'pg_background'")" 0
sql 'DELETE FROM t' && sql 'VACUUM t'
t_is 'nor back vacuum' "$(sql "SELECT pg_relation_size('t')")" 0
t_ok 'what the job did is in the statistics while it waits' wait_until "SELECT n_tup_ins = 5 AND ($idle) FROM pg_stat_user_tables WHERE relname = 't'"
t_is 'it hears of what others change' "$(session_do s "SELECT * FROM pg_background_run_query_v2('SELECT * FROM t') AS (i int);
	ALTER TABLE t ADD COLUMN j text DEFAULT 'new';
	INSERT INTO t VALUES (1);
	SELECT * FROM pg_background_run_query_v2('SELECT * FROM t') AS (i int, j text);")" '1|new'
sql "DO \$\$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TEMPORARY TABLE x%s (i int PRIMARY KEY) ON COMMIT DROP', i); END LOOP; END \$\$"
sql "DO \$\$ BEGIN FOR i IN 1..2000 LOOP EXECUTE format('COMMENT ON TABLE t IS %L', i); END LOOP; END \$\$"
t_is 'after very many changes, too' "$(session_do s "SELECT * FROM pg_background_run_query_v2('SELECT obj_description(''t''::regclass)') AS (c text);")" 2000

# --- time
# The third job comes after the first one's time, but within the second's. An attempt in which a busy machine was too late
# for that says nothing.
session_do s "SET pg_background.worker_idle_timeout = '1s';
	CREATE FUNCTION pg_temp.anew() RETURNS text LANGUAGE plpgsql AS \$\$
	DECLARE first int; second int; third int; start timestamptz;
	BEGIN
		FOR attempt IN 1..30 LOOP
			first := worker(); start := clock_timestamp();
			PERFORM pg_sleep(0.6); second := worker();
			PERFORM pg_sleep(0.6); third := worker();
			IF clock_timestamp() - start < '1.5s' THEN RETURN concat_ws(' ', first = second, second = third); END IF;
		END LOOP;
		RETURN 'always too late';
	END \$\$;" >/dev/null
t_is 'before its time a worker is still there, and each job starts the time anew' "$(session_do s 'SELECT pg_temp.anew();' 120)" 't t'
session_do s 'SELECT worker() AS w \gset' >/dev/null
t_ok 'after it, it is gone' wait_until "$none"
t_is 'the next job has another, and nothing is left of the first' "$(session_do s "SELECT worker() <> :w;") $(segments)" 't 1'
wait_until "$none"
session_do s 'SELECT count(*) FROM pg_background_list;' >/dev/null
t_is 'any call of the session frees what a worker that left still held' "$(segments)" 0
session_do s "SET pg_background.worker_idle_timeout = '1min'; SELECT worker() AS w \\gset" >/dev/null
session_do s "SET pg_background.worker_idle_timeout = 0; SELECT worker() = :w AS same \\gset" >/dev/null
t_ok 'a session that turns it off lets its workers go' wait_until "$none"
session_do s "SET pg_background.worker_idle_timeout = '1min';" >/dev/null
t_is "time-outs of one job do not reach the next" "$(session_do s "SET statement_timeout = '300ms'; SET pg_background.worker_timeout = '300ms'; SET lock_timeout = '300ms';
	SELECT worker() AS w \\gset
	RESET statement_timeout; RESET pg_background.worker_timeout; RESET lock_timeout;
	SELECT pid = :w, sqlstate FROM pg_background_run_v2('SELECT pg_sleep(0.6)');")" 't|'

# --- thousands of jobs
t_is 'a worker does thousands of jobs' "$(sql "
	SELECT count(DISTINCT pid) FROM (SELECT pid FROM generate_series(1, 5000) i, pg_background_run_v2('SELECT ' || i)) j")" 1
# PL/pgSQL keeps a function that it has compiled, with all that is written in it.
sql "DO \$\$ BEGIN EXECUTE format('CREATE FUNCTION large() RETURNS int LANGUAGE plpgsql AS %L', 'BEGIN RETURN length(\$x\$' || repeat('x', 40000000) || '\$x\$); END'); END \$\$"
t_is 'until its caches have grown large' "$(psql -XAtq 2>&1 <<-'SQL'
	SELECT worker() AS w \gset
	SELECT n FROM pg_background_run_query_v2('SELECT large()') AS (n int);
	SELECT count(DISTINCT pid), count(*) FILTER (WHERE pid = :w) <= 65 FROM (SELECT pid FROM generate_series(1, 200) i, pg_background_run_v2('SELECT ' || i)) j;
SQL
)" $'40000000\n2|t'

# --- signals
t_is 'cancelling an idle worker does nothing' "$(session_do s "SELECT worker() AS w \\gset
	SELECT pg_cancel_backend(:w) \\g /dev/null
	SELECT worker() = :w;
	SELECT pg_sleep(0.1) \\g /dev/null
	SELECT pg_cancel_backend(:w) \\g /dev/null
	SELECT pg_sleep(0.1) \\g /dev/null
	SELECT worker() = :w;")" $'t\nt'
t_is 'however often' "$(session_do s "DO \$\$ DECLARE w int := worker(); r record; bad text := ''; BEGIN FOR i IN 1..200 LOOP
		PERFORM pg_cancel_backend(w);
		SELECT * INTO r FROM pg_background_run_v2('SELECT 1');
		IF r.has_error OR r.pid <> w THEN bad := bad || concat_ws(' ', i, r.sqlstate, r.pid, w) || ';'; END IF;
	END LOOP; RAISE WARNING 'bad: %', bad; END \$\$;")" 'WARNING:  bad: '
# Cancels that may hit a job hit that job and nothing else, wherever they arrive.
session_open c
session_do s "SELECT worker() AS w \\gset
	SELECT :w;" >/dev/null
session_send c "DO \$\$ BEGIN FOR i IN 1..400 LOOP PERFORM pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_background';
	PERFORM pg_sleep(0.001); END LOOP; END \$\$;"
t_is 'cancels at any moment' "$(session_do s "DO \$\$ DECLARE codes text[] := '{}'; r record; BEGIN FOR i IN 1..1000 LOOP
		SELECT * INTO r FROM pg_background_run_v2('SELECT 1');
		codes := codes || coalesce(r.sqlstate, '00000');
	END LOOP; RAISE WARNING '%', (SELECT string_agg(DISTINCT code, ' ' ORDER BY code) FROM unnest(codes) code WHERE code <> '57014'); END \$\$;")" 'WARNING:  00000'
session_sync c
session_close c kill
t_is 'after pg_terminate_backend the next job runs in a new worker' "$(session_do s "SELECT worker() AS w \\gset
	SELECT pg_terminate_backend(:w, 10000);
	SELECT pid <> :w, sqlstate FROM pg_background_run_v2('SELECT 1');")" $'t\nt|'
worker=$(session_do s 'SELECT worker();')
kill -USR2 "$worker"
t_ok 'SIGUSR2 makes an idle worker leave' wait_until "$none" 3
t_is 'and the next job runs' "$(session_do s "SELECT pid <> $worker, sqlstate FROM pg_background_run_v2('SELECT 1');")" 't|'
session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(0.5), 7') \\gset" >/dev/null
kill -USR2 "$(session_do s 'SELECT :pid;')"
t_is 'a busy one goes on' "$(session_do s "SELECT n FROM pg_background_result_v2(:pid, :cookie) AS (nothing text, n int);")" 7

# --- the session's end
session_do s 'SELECT worker();' >/dev/null
session_close s
t_ok 'a worker ends with its session' wait_until "$none" 3
for how in kill terminate; do
	session_open s
	session_do s "SELECT pg_background_detach_v2(pid, cookie) FROM generate_series(1, 3) i, pg_background_launch_v2('SELECT pg_sleep(0.1), ' || i);
		SELECT pg_sleep(0.4);" >/dev/null
	t_is "three workers are idle ($how)" "$(workers_running)" 3
	if [ $how = terminate ]; then sql "SELECT pg_terminate_backend($(session_backend s))" >/dev/null; fi
	session_close s kill
	t_no_leaks "and end with a session that vanishes ($how)"
done

# --- the database
for round in 1 2; do
	sql 'CREATE DATABASE short'
	psql -XAtq -d short -c 'CREATE EXTENSION pg_background' -c "SELECT pg_background_run_v2('SELECT 1')" >/dev/null
	t_ok "a database can be renamed once its last session is gone ($round)" sql 'ALTER DATABASE short RENAME TO gone'
	psql -XAtq -d gone -c "SELECT pg_background_run_v2('SELECT 1')" >/dev/null
	t_ok "and dropped ($round)" sql 'DROP DATABASE gone'
done
sql 'CREATE DATABASE short'
session_open d -d short
session_do d "CREATE EXTENSION pg_background; SELECT pg_background_run_v2('SELECT 1') \\g /dev/null" >/dev/null
t_ok 'or by force while the session is there' sql 'DROP DATABASE short WITH (FORCE)'
session_close d kill
t_no_leaks 'nothing is left of it'

# --- the configuration, and the end of the server
session_open s
session_do s 'SELECT worker();' >/dev/null
cluster_reload main 'pg_background.worker_idle_timeout = 0'
t_ok 'a reload that turns warm workers off' wait_until "$none" 3
t_is 'leaves none' "$(session_do s "SELECT worker() <> worker();
	SELECT pg_sleep(0.3) \\g /dev/null
	SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_background';")" $'t\n0'
cluster_reload main 'pg_background.worker_idle_timeout = 1min'
t_is 'and one that turns them on' "$(session_do s 'SELECT worker() = worker();')" t
cluster_stop main smart &
stopping=$!
sleep 0.3
t_is 'during a smart shutdown a session goes on, its worker with it' "$(session_do s 'SELECT worker() = worker();')" t
session_close s
wait "$stopping"
t_is 'and when it ends, the server does' $? 0
cluster_start main
session_open s
session_do s "SELECT worker(); SELECT count(*) FROM pg_background_launch_v2('SELECT pg_sleep(60)');" >/dev/null
start=$SECONDS
t_ok 'a fast shutdown does not wait for idle or busy workers' cluster_stop main fast
t_ok 'seconds' test $((SECONDS - start)) -lt 10
session_close s kill
cluster_start main
session_open s
session_do s 'SELECT worker();' >/dev/null
postmaster=$(cluster_postmaster main)
kill -KILL "$postmaster"
t_is 'idle workers do not outlive the postmaster' "$(cluster_leftovers main)" ''
rm -f "$(cluster_data main)/postmaster.pid"
session_close s kill
log_allow 'FATAL: +terminating connection due to unexpected postmaster exit' 'FATAL: +postmaster exited during'
t_done
