#!/usr/bin/env bash
# Sessions that change their client, or lose it: DISCARD ALL lets go of jobs and workers, a call that waits for its job takes
# it along when its session ends. And CREATE DATABASE, which an idle worker would be in the way of.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'pg_background.worker_idle_timeout = 1min' 'log_min_messages = fatal'
log_allow 'FATAL: +terminating (connection|background worker)' 'FATAL: +connection to client lost'
none="SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
worker='SELECT pid FROM pg_background_run_v2($$SELECT 1$$);'

# --- CREATE DATABASE
sql 'CREATE DATABASE template'
psql -XAtq -d template -c 'CREATE EXTENSION pg_background'
session_open t -d template
session_do t "$worker" >/dev/null
start=$SECONDS
t_is 'an idle worker is not in the way of CREATE DATABASE' "$(session_do t 'CREATE DATABASE copy TEMPLATE template;
\echo :SQLSTATE')" 00000
t_ok 'nor does it take long' [ $((SECONDS - start)) -lt 4 ]
t_is 'the next job has a worker' "$(session_do t "$worker" | grep -c '^[0-9]')" 1
session_do t "SELECT FROM pg_background_launch_v2('SELECT pg_sleep(60)');" >/dev/null
t_is 'a running one is' "$(session_do t 'CREATE DATABASE copy2 TEMPLATE template;
\echo :SQLSTATE' | tail -n 1)" 55006
session_close t
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_background'" >/dev/null
wait_until "$none"

# --- DISCARD ALL
session_open s
session_do s "$worker
	SELECT pid AS p, cookie AS c FROM pg_background_launch_v2('SELECT pg_sleep(1); CREATE TABLE went_on ()', 0, 'running') \\gset
	SELECT FROM pg_background_launch_v2('SELECT 1', 0, 'finished');
	SELECT FROM pg_background_run_v2('SELECT 1');" >/dev/null
t_is 'three jobs, of which one runs' "$(session_do s 'SELECT count(*) FROM pg_background_list;')" 2
t_is 'after DISCARD ALL the session has none' "$(session_do s "DISCARD ALL;
	SELECT count(*) FROM pg_background_list;")" 0
t_ok 'no idle worker stays' wait_until "SELECT count(*) <= 1 FROM pg_stat_activity WHERE backend_type = 'pg_background'" 5
t_ok 'what ran goes on' wait_until "SELECT to_regclass('went_on') IS NOT NULL" 10
t_is 'one that fails lets go of nothing' "$(session_do s "SELECT FROM pg_background_launch_v2('SELECT 1');
	BEGIN;
	DISCARD ALL;
	ROLLBACK;
	SELECT count(*) FROM pg_background_list;" | tail -n 1)" 1
t_is 'nor does DISCARD PLANS' "$(session_do s "DISCARD PLANS;
	SELECT count(*) FROM pg_background_list;")" 1
t_is 'the session goes on' "$(session_do s "$worker" | grep -c '^[0-9]')" 1
session_close s
wait_until "$none"

# --- a synchronous call and the end of its session
running="SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'active' AND query LIKE '%pg_sleep%'"
for call in "SELECT FROM pg_background_run_v2('SELECT pg_sleep(60)');" \
	"SELECT FROM pg_background_run_query_v2('SELECT 1, pg_sleep(60)::text') AS (a int, b text);" \
	"SELECT FROM pg_background_run_query_v2('SELECT pg_sleep(60)') AS (a text);" \
	"SELECT FROM pg_background_run_all(ARRAY['SELECT pg_sleep(60)', 'SELECT pg_sleep(61)']);"; do
	for how in terminate client; do
		session_open c
		[ $how = terminate ] || session_do c "SET client_connection_check_interval = '100ms';"
		session_send c "$call"
		wait_until "$running" || continue
		if [ $how = terminate ]; then sql "SELECT pg_terminate_backend($(session_backend c))" >/dev/null; else session_close c kill; fi
		t_ok "its job ends with it ($how): $call" wait_until "$none" 3
		session_close c kill
	done
done
# One that was launched does not.
session_open c
session_do c "SELECT FROM pg_background_launch_v2('SELECT pg_sleep(1); CREATE TABLE stayed ()');" >/dev/null
sql "SELECT pg_terminate_backend($(session_backend c))" >/dev/null
session_close c kill
t_ok 'a launched job goes on' wait_until "SELECT to_regclass('stayed') IS NOT NULL" 10
t_no_leaks 'nothing is left'
t_done
