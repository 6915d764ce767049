#!/usr/bin/env bash
# A handle is a job, not a process: many jobs share a worker, and none of what is done with one handle reaches another's
# job, however they race.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'pg_background.worker_idle_timeout = 1min' 'pg_background.launch_timeout = 10s' 'log_min_messages = error'
# SQL version 1.11 has the functions that take a bare process ID.
sql "DROP EXTENSION pg_background; CREATE EXTENSION pg_background VERSION '1.11'"
sql "
	CREATE FUNCTION code(sql text) RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN EXECUTE sql; RETURN '00000'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END \$\$;
	CREATE FUNCTION worker() RETURNS int LANGUAGE sql AS \$\$ SELECT pid FROM pg_background_run_v2('SELECT 1') \$\$;"

# in_session NAME WANTED LINES: what one session prints. It begins with a warm worker, :w.
in_session() {
	t_is "$1" "$(psql -XAtq 2>&1 <<-SQL
		SELECT worker() AS w \gset
		$3
	SQL
	)" "$2"
}
# \if needs nothing of the session; these save typing.
launch() { say "SELECT pid AS p$1, cookie AS c$1 FROM pg_background_launch_v2(\$j\$$2\$j\$) \\gset"; }
launch_and_wait() { say "$(launch "$1" "$2")
	SELECT pg_background_wait_v2(:p$1, :c$1) \\g /dev/null"; }

# --- one worker, many handles
in_session 'a hundred jobs on one worker have a hundred cookies' 'WARNING:  1|100' "
	DO \$\$ DECLARE h pg_background_handle; pids int[]; cookies int8[]; BEGIN
		FOR i IN 1..100 LOOP
			h := pg_background_launch_v2('SELECT ' || i);
			PERFORM pg_background_wait_v2((h).pid, (h).cookie);
			pids := pids || (h).pid;
			cookies := cookies || (h).cookie;
		END LOOP;
		RAISE WARNING '%|%', (SELECT count(DISTINCT p) FROM unnest(pids) p), (SELECT count(DISTINCT c) FROM unnest(cookies) c);
	END \$\$;"
in_session 'an old handle means its own job and no other once that was consumed' "t|42704|00000|00000|00000|00000|42704|42704|00000|00000|00000|stopped|t" "
	$(launch 1 'SELECT 1')
	SELECT * FROM pg_background_result_v2(:p1, :c1) AS (a int) \\g /dev/null
	$(launch 2 'SELECT pg_sleep(0.5), 2')
	SELECT :p1 = :p2, code(format('SELECT * FROM pg_background_result_v2(%s, %s) AS (a int)', :p1, :c1)),
		code(format('SELECT pg_background_wait_v2(%s, %s)', :p1, :c1)), code(format('SELECT pg_background_wait_v2_timeout(%s, %s, 0)', :p1, :c1)),
		code(format('SELECT pg_background_cancel_v2(%s, %s)', :p1, :c1)), code(format('SELECT pg_background_cancel_v2_grace(%s, %s, 0)', :p1, :c1)),
		code(format('SELECT pg_background_detach_v2(%s, %s)', :p1, :c1)), code(format('SELECT pg_background_full_sql_v2(%s, %s)', :p1, :c1)),
		code(format('SELECT pg_background_wait_any_v2(ARRAY[(%s, %s)::pg_background_handle], 1)', :p1, :c1)),
		code(format('SELECT pg_background_drain_v2(ARRAY[(%s, %s)::pg_background_handle], 1)', :p1, :c1)),
		code(format('SELECT pg_background_result_info_v2(%s, %s)', :p1, :c1)),
		(SELECT state FROM pg_background_outcome_v2(:p1, :c1)), (SELECT state IN ('starting', 'running', 'stopped') FROM pg_background_outcome_v2(:p2, :c2));"
in_session 'records of finished jobs stay apart on one worker, and their rows' $'1|3\nthree\none\ntwo' "
	$(launch_and_wait 1 "SELECT 'one'")
	$(launch_and_wait 2 "SELECT 'two'")
	$(launch 3 "SELECT 'three'")
	SELECT count(DISTINCT pid), count(*) FROM pg_background_list;
	SELECT * FROM pg_background_result_v2(:p3, :c3) AS (a text);
	SELECT * FROM pg_background_result_v2(:p1, :c1) AS (a text);
	SELECT * FROM pg_background_result_v2(:p2, :c2) AS (a text);"
in_session 'the list and the statistics tell jobs' $'6|6|0\n1|stopped|5\n1|running|1\nNULL|5\nrunning|1' "
	DO \$\$ DECLARE p int; c int8; BEGIN FOR i IN 1..5 LOOP
		SELECT pid, cookie INTO p, c FROM pg_background_launch_v2('SELECT ' || i);
		PERFORM pg_background_wait_v2(p, c);
	END LOOP; END \$\$;
	SELECT workers_launched, workers_completed, workers_active FROM pg_background_stats_v2();
	$(launch 1 'SELECT pg_sleep(0.5)')
	SELECT pg_sleep(0.1) \\g /dev/null
	SELECT count(DISTINCT pid), state, count(*) FROM pg_background_list GROUP BY state ORDER BY state DESC;
	SELECT coalesce(CASE WHEN backend_state IS NULL AND query IS NULL AND backend_start IS NULL THEN 'NULL' END, pgbg_state) AS shown, count(*)
	FROM pg_background_activity GROUP BY shown ORDER BY shown;"
in_session "progress, tag and count are the job's own" $'t\n50|half\n|\n50|half\nSELECT 1|1|t\n|0|f\nSELECT 3|3|t' "
	$(launch_and_wait 1 "SELECT pg_background_progress(50, 'half')")
	$(launch 2 'SELECT pg_sleep(0.3), generate_series(1, 3)')
	SELECT :p1 = :p2;
	SELECT progress_pct, progress_msg FROM pg_background_get_progress_v2(:p1, :c1);
	SELECT progress_pct, progress_msg FROM pg_background_get_progress_v2(:p2, :c2);
	SELECT progress_pct, progress_msg FROM pg_background_get_progress_v2(:p1, :c1);
	SELECT command_tag, row_count, completed FROM pg_background_result_info_v2(:p1, :c1);
	SELECT command_tag, coalesce(row_count, 0), coalesce(completed, false) FROM pg_background_result_info_v2(:p2, :c2);
	SELECT pg_background_wait_v2(:p2, :c2) \\g /dev/null
	SELECT command_tag, row_count, completed FROM pg_background_result_info_v2(:p2, :c2);"
in_session 'an error leaves nothing in the records of others' $'22012|division by zero\n|\n|' "
	$(launch_and_wait 1 'SELECT 1/0')
	$(launch_and_wait 2 'SELECT 1')
	$(launch_and_wait 3 'SELECT 1')
	SELECT sqlstate, error_message FROM pg_background_outcome_v2(:p1, :c1);
	SELECT sqlstate, error_message FROM pg_background_outcome_v2(:p2, :c2);
	SELECT sqlstate, error_message FROM pg_background_outcome_v2(:p3, :c3);"

t_is 'notices and errors say which job they are from' "$(psql -XAtq 2>&1 <<-'SQL' | sed -E 's/PID [0-9]+/PID n/'
	\set SHOW_CONTEXT always
	SELECT pid AS p1, cookie AS c1 FROM pg_background_launch_v2('DO $$ BEGIN RAISE WARNING ''one''; END $$', 0, 'first') \gset
	SELECT pid AS p2, cookie AS c2 FROM pg_background_launch_v2('SELECT pg_sleep(0.3); SELECT 1 / 0', 0, 'second') \gset
	SELECT pg_background_wait_v2(:p1, :c1), pg_background_wait_v2(:p2, :c2) \g /dev/null
	SELECT * FROM pg_background_result_v2(:p2, :c2) AS (a int);
SQL
)" 'WARNING:  one
CONTEXT:  PL/pgSQL function inline_code_block line 1 at RAISE
background job "first" (PID n)
ERROR:  division by zero
CONTEXT:  background job "second" (PID n)'

# --- version 1: a bare process id
in_session 'while a version-1 result is unread, no other job runs under its process id' $'t\nt\none\nt' "
	SELECT pg_background_launch('SELECT ''one''') AS p \\gset
	SELECT :p = :w;
	SELECT pg_sleep(0.05) \\g /dev/null
	SELECT bool_and(pid <> :p) FROM (SELECT pid FROM generate_series(1, 5) i, pg_background_run_v2('SELECT ' || i)) r;
	SELECT * FROM pg_background_result(:p) AS (a text);
	SELECT bool_or(pid = :p) FROM (SELECT pid FROM generate_series(1, 2) i, pg_background_submit_v2('SELECT pg_sleep(0.1), ' || i)) r;"
in_session 'nor another version-1 job' $'t\none\ntwo' "
	SELECT pg_background_launch('SELECT ''one''') AS p1 \\gset
	SELECT pg_sleep(0.2) \\g /dev/null
	SELECT pg_background_launch('SELECT ''two''') AS p2 \\gset
	SELECT :p1 <> :p2;
	SELECT * FROM pg_background_result(:p1) AS (a text);
	SELECT * FROM pg_background_result(:p2) AS (a text);"
# The session does nothing meanwhile: who waits until the process is gone asks from elsewhere.
session_open v1
session_do v1 "SELECT pg_background_launch('SELECT ''kept''') AS p \\gset" >/dev/null
t_ok 'the worker of an unread version-1 result does not stay' wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'" 5
t_is 'its result does' "$(session_do v1 'SELECT * FROM pg_background_result(:p) AS (a text);')" kept
t_is 'once it is read the worker stays' "$(session_do v1 "SELECT pg_background_launch('SELECT 1') AS p \\gset
	SELECT * FROM pg_background_result(:p) AS (a int) \\g /dev/null
	SELECT pg_sleep(0.5) \\g /dev/null
	SELECT worker() = :p;")" t
session_close v1
in_session 'detaching it frees the process id' $'t\nt' "
	SELECT pg_background_launch('SELECT ''one''') AS p \\gset
	SELECT pg_sleep(0.05) \\g /dev/null
	SELECT pg_background_detach(:p) \\g /dev/null
	SELECT worker() = :p;
	SELECT :p = :w;"
in_session 'a bare process id means the newest job on it' $'t\nnew\nold' "
	$(launch_and_wait 1 "SELECT 'old'")
	SELECT pg_background_launch('SELECT ''new''') AS p \\gset
	SELECT :p = :p1;
	SELECT * FROM pg_background_result(:p) AS (a text);
	SELECT * FROM pg_background_result_v2(:p1, :c1) AS (a text);"

# --- which worker a job may have
in_session 'a job that asks for a larger queue has another worker, one that asks for a smaller has not' $'f\nt\nt' "
	SELECT pid AS l FROM pg_background_run_v2('SELECT 1', 1024 * 1024) \\gset large_
	SELECT :large_l = :w;
	SELECT pid = :large_l FROM pg_background_run_v2('SELECT 1', 8192);
	SELECT worker() = :large_l;"
in_session 'temp_buffers after a job with a temporary table' $'\n3|' "
	SET temp_buffers = '2MB';
	SELECT sqlstate FROM pg_background_run_v2('CREATE TEMPORARY TABLE tt AS SELECT generate_series(1, 1000) i; SELECT count(*) FROM tt');
	SET temp_buffers = '3MB';
	SELECT * FROM pg_background_run_query_v2('SELECT 3, to_regclass(''tt'')::text') AS (a int, b text);
	SELECT sqlstate FROM pg_background_run_v2('SET temp_buffers = ''4MB''; CREATE TEMPORARY TABLE tt (i int)');"

# --- races. The sleeps make cancel and detach arrive before, in, and after the end of the job.
in_session 'a cancel that races with the end of its job does not reach the next' $'WARNING:  bad: 0\nWARNING:  both came: t' "
	DO \$\$
	DECLARE h pg_background_handle; r record; state text; bad int := 0; canceled int := 0; ended int := 0; pause float8 := 0.0006; work float8 := 0.0001;
	BEGIN
		PERFORM setseed(0.5);
		FOR i IN 1..250 LOOP
			h := pg_background_launch_v2(CASE WHEN i % 3 = 0 THEN 'SELECT ' || i ELSE format('SELECT pg_sleep(%s)', random() * work) END);
			IF i % 2 = 0 THEN PERFORM pg_sleep(random() * pause); ELSE PERFORM count(*) FROM generate_series(1, (random() * 500)::int); END IF;
			IF i % 5 = 4 THEN PERFORM pg_background_cancel_v2_grace((h).pid, (h).cookie, 0);
			ELSIF i % 5 = 3 THEN PERFORM pg_background_cancel_all_v2();
			ELSE PERFORM pg_background_cancel_v2((h).pid, (h).cookie); END IF;
			-- At once, and again when the first has ended.
			SELECT * INTO r FROM pg_background_run_query_v2('SELECT pg_sleep(0.0002), ' || i) AS (s text, n int);
			IF r.n IS DISTINCT FROM i THEN bad := bad + 1; END IF;
			PERFORM pg_background_wait_v2((h).pid, (h).cookie);
			SELECT o.state INTO state FROM pg_background_outcome_v2((h).pid, (h).cookie) o;
			IF state = 'stopped' THEN ended := ended + 1; ELSIF state = 'canceled' THEN canceled := canceled + 1; ELSE bad := bad + 1; END IF;
			-- On a machine that is busy the job may be over when its launcher runs again, or not have begun for long.
			pause := pause * CASE state WHEN 'stopped' THEN 0.9 ELSE 1.1 END;
			work := work * CASE state WHEN 'stopped' THEN 1.2 ELSE 0.9 END;
			PERFORM pg_background_cancel_v2((h).pid, (h).cookie);
			SELECT * INTO r FROM pg_background_run_query_v2('SELECT ' || -i) AS (n int);
			IF r.n IS DISTINCT FROM -i THEN bad := bad + 1; END IF;
			PERFORM pg_background_detach_v2((h).pid, (h).cookie);
		END LOOP;
		RAISE WARNING 'bad: %', bad;
		RAISE WARNING 'both came: %', ended > 0 AND canceled > 0;
	END \$\$;"
in_session 'a time-out that races with the end of its job, too' 'WARNING:  bad: 0' "
	DO \$\$
	DECLARE r record; bad int := 0;
	BEGIN
		FOR i IN 1..80 LOOP
			SELECT * INTO r FROM pg_background_run_v2('SELECT pg_sleep(' || i % 20 * 0.0001 || ')', timeout_ms => 1);
			IF r.has_error AND r.sqlstate <> '57014' THEN bad := bad + 1; END IF;
			SELECT * INTO r FROM pg_background_run_query_v2('SELECT ' || i) AS (n int);
			IF r.n IS DISTINCT FROM i THEN bad := bad + 1; END IF;
		END LOOP;
		RAISE WARNING 'bad: %', bad;
	END \$\$;"
in_session 'a worker whose job was detached at any moment gives the next its rows' $'WARNING:  bad: 0\nWARNING:  used again: t' "
	DO \$\$
	DECLARE h pg_background_handle; r record; bad int := 0; again int := 0;
	BEGIN
		PERFORM setseed(0.5);
		FOR i IN 1..400 LOOP
			h := pg_background_launch_v2('SELECT generate_series(1, ' || i * 10 || ')');
			IF i % 2 = 0 THEN PERFORM pg_sleep(random() * 0.0008); ELSE PERFORM count(*) FROM generate_series(1, (random() * 500)::int); END IF;
			PERFORM pg_background_detach_v2((h).pid, (h).cookie);
			IF i % 3 = 0 THEN PERFORM pg_sleep(0.002); END IF;
			SELECT count(*) AS n, sum(n) AS sum, min(pid) AS pid INTO r
				FROM pg_background_run_query_v2('SELECT n, pg_backend_pid() FROM generate_series(1, 100 + ' || i || ') n') AS (n int, pid int);
			IF r.n <> 100 + i OR r.sum <> (100 + i) * (101 + i) / 2 THEN bad := bad + 1; END IF;
			IF r.pid = (h).pid THEN again := again + 1; END IF;
		END LOOP;
		RAISE WARNING 'bad: %', bad;
		RAISE WARNING 'used again: %', again > 0;
	END \$\$;"
in_session "each of many jobs, in whatever order, gives its own rows" 'WARNING:  bad: 0' "
	DO \$\$
	DECLARE h pg_background_handle[]; n int[]; r record; bad int := 0; k int;
	BEGIN
		PERFORM setseed(0.25);
		FOR i IN 1..500 LOOP
			IF coalesce(cardinality(h), 0) < 8 AND random() < 0.6 THEN
				h := h || pg_background_launch_v2(format('SELECT i FROM generate_series(%s, %s) i', i, i + i % 7 * 500));
				n := n || i;
			ELSIF cardinality(h) > 0 THEN
				k := 1 + floor(random() * cardinality(h))::int;
				SELECT min(a), count(*) INTO r FROM pg_background_result_v2(h[k].pid, h[k].cookie) AS (a int);
				IF r.min <> n[k] OR r.count <> 1 + n[k] % 7 * 500 THEN bad := bad + 1; END IF;
				h := h[:k - 1] || h[k + 1:];
				n := n[:k - 1] || n[k + 1:];
			END IF;
			IF random() < 0.1 THEN PERFORM pg_background_run_v2('SELECT 1/' || i % 2); END IF;
		END LOOP;
		RAISE WARNING 'bad: %', bad;
	END \$\$;"
t_is 'a reader that fails in the middle of the rows leaves a worker that can be used again' "$(psql -XAtq 2>&1 <<'SQL' | grep -v '^CONTEXT'
SELECT worker() AS w \gset
SELECT pid AS p, cookie AS c FROM pg_background_launch_v2('SELECT i FROM generate_series(1, 100000) i') \gset
CREATE DOMAIN small AS int CHECK (VALUE < 50000);
SELECT count(*) FROM pg_background_result_v2(:p, :c) AS (a small);
SELECT count(*) FROM pg_background_result_v2(:p, :c) AS (a text, b text);
SELECT sum(a) FROM pg_background_run_query_v2('SELECT i FROM generate_series(1, 1000) i') AS (a int);
SELECT pid AS p, cookie AS c FROM pg_background_launch_v2('SELECT i FROM generate_series(1, 1000000) i') \gset
SET statement_timeout = 30;
SELECT count(*) FROM pg_background_result_v2(:p, :c) AS (a int);
RESET statement_timeout;
SELECT pg_background_detach_v2(:p, :c) \g /dev/null
SELECT sum(a) FROM generate_series(1, 3) j, pg_background_run_query_v2('SELECT i FROM generate_series(1, 1000) i WHERE i > -' || j) AS (a int);
SQL
)" 'ERROR:  value for domain small violates check constraint "small_check"
ERROR:  column definition list does not match the rows of the background job
DETAIL:  The job returns 1 column, the list has 2.
HINT:  The right list is AS (i integer), where each type may be text instead.
500500
ERROR:  canceling statement due to statement timeout
1501500'
t_no_leaks 'nothing is left'
t_done
