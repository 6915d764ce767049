#!/usr/bin/env bash
# Nothing of one job is visible to the next: random sequences of jobs and settings run in two databases, one with warm
# workers and one where each job has a process of its own, and must print the same. WARM_SEED repeats a run.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'pg_background.launch_timeout = 10s' 'log_min_messages = fatal' 'max_worker_processes = 40'

: "${WARM_SEED:=$((SRANDOM % 1000000))}" "${WARM_ROUNDS:=4}" "${WARM_STEPS:=40}"
say "  seed  WARM_SEED=$WARM_SEED"

sql "
	CREATE ROLE alice LOGIN;
	CREATE ROLE bob;
	CREATE ROLE carol;
	GRANT bob TO alice;" >/dev/null
sql 'CREATE DATABASE warm'
export PGDATABASE=warm
psql -XAtq -v ON_ERROR_STOP=1 >"$WORK/log/setup.txt" 2>&1 <<'SQL' || { cat "$WORK/log/setup.txt"; die 'setup failed'; }
CREATE EXTENSION pg_background SCHEMA public;
GRANT pgbackground_role TO alice, bob, carol;
DO $$ BEGIN CREATE EXTENSION pgcrypto SCHEMA public; CREATE EXTENSION hstore SCHEMA public; EXCEPTION WHEN OTHERS THEN RAISE WARNING 'no libraries'; END $$;
CREATE SCHEMA s1;
CREATE SCHEMA s2;
CREATE SCHEMA probe;
CREATE TABLE s1.t AS SELECT 's1' AS which;
CREATE TABLE s2.t AS SELECT 's2' AS which;
CREATE TABLE public.t AS SELECT 'public' AS which;
CREATE TABLE probe.mine (who name);
INSERT INTO probe.mine VALUES ('alice'), ('bob'), ('carol'), ('postgres');
CREATE POLICY mine ON probe.mine USING (who = current_user);
ALTER TABLE probe.mine ENABLE ROW LEVEL SECURITY;
CREATE TABLE probe.log (what text);
CREATE SEQUENCE probe.numbers;
-- Their plans are kept by the process that runs them.
CREATE FUNCTION probe.which() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT which FROM t); EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
CREATE FUNCTION probe.mine() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT string_agg(who, ',' ORDER BY who) FROM probe.mine); EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
CREATE FUNCTION probe.code(sql text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE r text; BEGIN EXECUTE sql INTO r; RETURN coalesce(r, 'null'); EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
CREATE PROCEDURE probe.commits() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO probe.log VALUES ('a'); SET work_mem = '7MB'; COMMIT; SET LOCAL my.a = 'procedure'; INSERT INTO probe.log VALUES ('b'); END $$;
CREATE PROCEDURE probe.commits_and_fails() LANGUAGE plpgsql AS $$ BEGIN SET work_mem = '8MB'; PERFORM pg_advisory_lock(7); INSERT INTO probe.log VALUES ('a'); COMMIT; SET my.a = 'failed'; PERFORM 1/0; END $$;
CREATE TABLE probe.deferred (i int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION probe.fails(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF n = 0 THEN RETURN 1 / n; END IF; PERFORM set_config('my.b', n::text, n % 2 = 0); RETURN probe.fails(n - 1); END $$;
CREATE FUNCTION probe.look() RETURNS TABLE (name text, value text) LANGUAGE sql AS $$
	SELECT name, concat_ws(' ', setting, source, reset_val) FROM pg_settings WHERE (source <> 'default' OR setting IS DISTINCT FROM boot_val) AND name <> 'pg_background.worker_idle_timeout'
	-- What libraries define stays, at its default.
	UNION ALL SELECT 'all settings', md5(string_agg(concat_ws('|', name, setting, source, reset_val), ',' ORDER BY name)) FROM pg_settings WHERE name NOT LIKE 'pgcrypto.%' AND name <> 'pg_background.worker_idle_timeout'
	-- One that the session ever had stays known, without its value.
	UNION ALL SELECT 'my.a', nullif(current_setting('my.a', true), '')
	UNION ALL SELECT 'my.b', nullif(current_setting('my.b', true), '')
	UNION ALL SELECT 'job.' || i, current_setting('job.s' || i, true) FROM generate_series(0, 3) i
	UNION ALL SELECT 'role', concat_ws(' ', session_user, current_user, current_setting('role'), current_setting('is_superuser'), current_setting('session_authorization'))
	UNION ALL SELECT 'encoding', pg_client_encoding()
	UNION ALL SELECT 'prepared', string_agg(name, ' ' ORDER BY name) FROM pg_prepared_statements
	UNION ALL SELECT 'cursors', string_agg(name, ' ' ORDER BY name) FROM pg_cursors WHERE name <> ''
	UNION ALL SELECT 'channels', string_agg(c, ' ' ORDER BY c) FROM pg_listening_channels() c
	UNION ALL SELECT 'locks', string_agg(concat_ws(' ', locktype, mode, granted), ',' ORDER BY locktype, mode) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'relation' AND mode <> 'SIReadLock'
	UNION ALL SELECT 'relation locks', count(*)::text FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND mode NOT IN ('AccessShareLock', 'SIReadLock')
	UNION ALL SELECT 'temporary', pg_my_temp_schema()::text
	UNION ALL SELECT 'lastval', probe.code('SELECT lastval()')
	UNION ALL SELECT 'currval', probe.code('SELECT currval(''probe.numbers'')')
	UNION ALL SELECT 'transaction', concat_ws(' ', pg_current_xact_id_if_assigned(), current_setting('transaction_isolation'), current_setting('transaction_read_only'), current_setting('transaction_deferrable'))
	UNION ALL SELECT 'activity', concat_ws(' ', datname, usename, application_name, state, backend_type, query_start >= xact_start - interval '1 minute') FROM pg_stat_activity WHERE pid = pg_backend_pid()
	UNION ALL SELECT 'jobs', probe.code('SELECT concat_ws('' '', (SELECT count(*) FROM public.pg_background_list), (SELECT workers_launched FROM public.pg_background_stats_v2()))')
	UNION ALL SELECT 'which', probe.which()
	UNION ALL SELECT 'mine', probe.mine()
	UNION ALL SELECT 'pid', pg_backend_pid()::text $$;
CREATE FUNCTION probe.as_carol(sql text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN RETURN QUERY SELECT concat_ws('|', name, value) FROM public.pg_background_run_query_v2(sql) AS (name text, value text); END $$;
ALTER FUNCTION probe.as_carol OWNER TO carol;
CREATE FUNCTION probe.run_as_carol(sql text) RETURNS SETOF public.pg_background_run_result LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN RETURN QUERY SELECT * FROM public.pg_background_run_v2(sql); END $$;
ALTER FUNCTION probe.run_as_carol OWNER TO carol;
GRANT USAGE ON SCHEMA s1, s2, probe TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA s1, s2, public, probe TO PUBLIC;
GRANT ALL ON ALL SEQUENCES IN SCHEMA probe TO PUBLIC;
ALTER DATABASE warm SET pg_background.worker_idle_timeout = '1min';
\c postgres
CREATE DATABASE cold TEMPLATE warm;
ALTER DATABASE cold SET pg_background.worker_idle_timeout = 0;
SQL

# A psql script of random steps. Whatever it prints must not depend on process ids or times.
generate() { # SEED LOGIN-ROLE STEPS
	awk -v seed="$1" -v super="$([ "$2" = postgres ] && say 1 || say 0)" -v steps="$3" '
	function r(n) { return int(rand() * n) }
	function pick(list,   a, n) { n = split(list, a, "~"); return a[1 + r(n)] }
	function setting() {
		return pick("work_mem = \x27" (1 + r(4)) "MB\x27~DateStyle = German~DateStyle = \x27ISO, DMY\x27~TimeZone = \x27Asia/Tokyo\x27~" \
			"search_path = s1~search_path = s2, public~search_path = \x27\x27~enable_seqscan = off~extra_float_digits = -3~" \
			"statement_timeout = \x2760s\x27~application_name = \x27app " r(3) "\x27~client_encoding = LATIN1~client_encoding = SQL_ASCII~" \
			"default_transaction_isolation = serializable~default_transaction_read_only = on~plan_cache_mode = force_generic_plan~" \
			"row_security = off~lock_timeout = \x2750s\x27~IntervalStyle = iso_8601~bytea_output = escape~my.a = \x27a" r(3) "\x27~" \
			"my.b = \x27b" r(3) "\x27~temp_buffers = " (200 + r(3)) "~pg_background.worker_timeout = 60000~pg_background.max_workers = 30~" \
			"pg_background.default_queue_size = \x27" (64 + 64 * r(2)) "kB\x27~default_tablespace = pg_default~check_function_bodies = off~" \
			"xmloption = document~backslash_quote = on~standard_conforming_strings = on~synchronous_commit = off~" \
			"session_replication_role = replica~log_min_messages = panic~temp_tablespaces = \x27\x27~plpgsql.extra_warnings = none")
	}
	function name(   s) { s = setting(); sub(/ = .*/, "", s); return s }
	function dirt() {
		return pick("SET " setting() "~SET " setting() "~SET " setting() "; SET " setting() "~SET LOCAL " setting() "~RESET " name() "~RESET ALL~" \
			"SET " setting() "; SELECT 1/0~SET job.s" r(4) " = x~SET LOCAL job.s" r(4) " = x~SELECT set_config(\x27job.s" r(4) "\x27, \x27y\x27, true)~" \
			"SET ROLE bob~SET ROLE NONE~RESET ROLE~SET ROLE alice~SET SESSION AUTHORIZATION alice~RESET SESSION AUTHORIZATION~" \
			"PREPARE p" r(3) " AS SELECT 1~DECLARE c" r(3) " CURSOR WITH HOLD FOR SELECT generate_series(1, 3)~" \
			"SELECT pg_try_advisory_lock(" r(9) ")~SELECT pg_try_advisory_lock_shared(1, " r(9) "), pg_try_advisory_lock_shared(1, 1)~" \
			"SELECT nextval(\x27probe.numbers\x27)~SELECT setval(\x27probe.numbers\x27, 7)~CREATE TEMPORARY TABLE tt (i int)~" \
			"CREATE TEMPORARY TABLE t ON COMMIT DROP AS SELECT 1 AS which~SET TRANSACTION ISOLATION LEVEL SERIALIZABLE~" \
			"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ~SET TRANSACTION READ ONLY~" \
			"DISCARD ALL~DISCARD PLANS~DISCARD SEQUENCES~DEALLOCATE ALL~CLOSE ALL~LISTEN x~NOTIFY x, \x27y\x27~LOAD \x27dict_snowball\x27~" \
			"VACUUM probe.log~ANALYZE probe.log~CALL probe.commits()~DO $$ BEGIN PERFORM set_config(\x27my.a\x27, \x27do\x27, false); PERFORM 1/0; EXCEPTION WHEN OTHERS THEN NULL; END $$~" \
			"DO $$ BEGIN EXECUTE \x27SET work_mem = 77777\x27; COMMIT; EXECUTE \x27SET LOCAL my.b = 9\x27; ROLLBACK; END $$~" \
			"SELECT probe.which(), probe.mine()~SET search_path = s2; SELECT probe.which()~SET CONSTRAINTS ALL DEFERRED~" \
			"SELECT public.pg_background_progress(50, \x27half\x27)~SELECT generate_series(1, 2000)~SELECT 1/0~INSERT INTO probe.log VALUES (\x27x\x27)~" \
			"SELECT encode(public.digest(\x27a\x27, \x27sha256\x27), \x27hex\x27)~SELECT \x27a=>1\x27::public.hstore~" failing("SELECT public.digest(\x27a\x27, \x27md5\x27)") "~" \
			"SELECT 1/0~" failing("SET " setting()) "~" failing("SET LOCAL " setting()) "~" failing("SET ROLE bob") "~" failing("SET LOCAL ROLE bob") "~" \
			failing("PREPARE p" r(3) " AS SELECT 1") "~" failing("DECLARE c" r(3) " CURSOR WITH HOLD FOR SELECT 1") "~" \
			failing("SELECT pg_try_advisory_lock(" r(9) ")") "~" failing("CREATE TEMPORARY TABLE tt (i int)") "~" \
			failing("SELECT nextval(\x27probe.numbers\x27)") "~" failing("SELECT lo_open(lo_create(0), 131072) >= 0") "~" \
			failing("SELECT public.pg_background_progress(50, \x27half\x27)") "~" failing("SET search_path = s2; SELECT probe.which()") "~" \
			"INSERT INTO probe.deferred VALUES (1), (1)~CALL probe.commits_and_fails()~VACUUM probe.nowhere~SELECT nothing~SELEC~SELECT probe.fails(3)~" \
			"DO $$ BEGIN SET work_mem = 77777; COMMIT; SET LOCAL my.b = 9; RAISE EXCEPTION \x27late\x27; END $$~" \
			"SET jit_above_cost = 0; SELECT sum(1 / (i - 500)) FROM generate_series(1, 1000) i~COPY probe.log FROM \x27/nowhere\x27~" \
			"SELECT count(*) FROM public.pg_background_run_v2(\x27SELECT 1\x27)~SELECT count(*) FROM public.pg_background_launch_v2(\x27SELECT 1\x27)~" \
			"SET pg_background.worker_idle_timeout = 0~EXPLAIN SELECT 1~SELECT lo_create(0) > 0~SET client_encoding = UTF8; DO $$ BEGIN RAISE WARNING \x27\xc3\xa4\x27; END $$")
	}
	function failing(sql) { return sql "; SELECT 1/0" }
	function job(sql,   m) {
		m = r(7)
		if (m == 0 && sql !~ /^(VACUUM|CALL|DO)/)
			print "SELECT completed, has_error, row_count, command_tag, sqlstate, error_message FROM probe.run_as_carol($q$" sql "$q$);"
		else if (m <= 2)
			print "SELECT completed, has_error, row_count, command_tag, sqlstate, error_message FROM public.pg_background_run_v2($q$" sql "$q$);"
		else if (m == 3)
			print "SELECT pid AS p, cookie AS c FROM public.pg_background_submit_v2($q$" sql "$q$) \\gset\nSELECT public.pg_background_wait_v2(:p, :c);\n" \
				"SELECT state, row_count, command_tag, sqlstate, error_message FROM public.pg_background_outcome_v2(:p, :c);\nSELECT public.pg_background_detach_v2(:p, :c);"
		else if (m == 4)
			print "SELECT pid AS p, cookie AS c FROM public.pg_background_launch_v2($q$" sql "$q$) \\gset\nSELECT public.pg_background_wait_v2(:p, :c);\n" \
				"SELECT state, row_count, command_tag, sqlstate, error_message, (SELECT progress_pct FROM public.pg_background_get_progress_v2(:p, :c)) FROM public.pg_background_outcome_v2(:p, :c);\n" \
				"SELECT public.pg_background_detach_v2(:p, :c);"
		else if (m == 5)
			print "\\echo detached\nSELECT public.pg_background_detach_v2(pid, cookie) FROM public.pg_background_launch_v2($q$" sql "$q$);"
		else
			print "SELECT public.pg_background_launch($q$" sql "$q$) AS p \\gset\nSELECT * FROM public.pg_background_result(:p) AS (a text);\nSELECT public.pg_background_detach(:p);"
	}
	function look(   m) {
		m = r(5)
		if (m == 0) print "SELECT * FROM probe.as_carol($q$SELECT * FROM probe.look()$q$);"
		else if (m == 1) print "SELECT pid AS p, cookie AS c FROM public.pg_background_launch_v2($q$SELECT * FROM probe.look()$q$) \\gset\nSELECT concat_ws(\x27|\x27, name, value) FROM public.pg_background_result_v2(:p, :c) AS (name text, value text);"
		else print "SELECT concat_ws(\x27|\x27, name, value) FROM public.pg_background_run_query_v2($q$SELECT * FROM probe.look()$q$) AS (name text, value text);"
	}
	function step(   k) {
		k = r(12)
		if (k <= 1) print "SET " setting() ";"
		else if (k == 2) print (r(4) ? "RESET " name() ";" : "RESET ALL;")
		else if (k == 3) print pick("SET ROLE bob;~SET ROLE bob;~SET ROLE alice;~RESET ROLE;~RESET ROLE;~SET ROLE NONE;")
		else if (k == 4 && super) print pick("SET SESSION AUTHORIZATION alice;~RESET SESSION AUTHORIZATION;~SET SESSION AUTHORIZATION carol;~RESET SESSION AUTHORIZATION;")
		else if (k == 5 && !inside) {
			inside = 1
			print pick("BEGIN;~BEGIN;~BEGIN READ ONLY;~BEGIN ISOLATION LEVEL SERIALIZABLE;")
			for (i = r(3); i >= 0; i--) print "SET " pick("LOCAL ~") setting() ";"
			look()
			if (r(2)) { print "SAVEPOINT a;\nSET " pick("LOCAL ~") setting() ";"; job(dirt()); look(); print pick("ROLLBACK TO a;~RELEASE a;") }
			look()
			print pick("COMMIT;~ROLLBACK;")
			inside = 0
		}
		else if (k == 6 && !r(3)) print "DISCARD ALL;"
		else if (k == 7 && !r(3)) print "\\c -"
		else for (j = r(3); j >= 0; j--) job(dirt())
		look()
	}
	BEGIN {
		srand(seed)
		for (n = 1; n <= steps; n++) { print "\\echo step " n; step() }
	}'
}

# Whatever depends on process ids, and on whether a job that is detached at once was faster with its notices.
# play DATABASE LOGIN-ROLE SCRIPT OUTPUT
play() {
	psql -XAtq -d "$1" -U "$2" <"$3" 2>&1 |
		sed -E "s/PID [0-9]+/PID/g; s/\\b$1\\b/DATABASE/g; s/^psql:<stdin>:[0-9]+: //; /^(LINE [0-9]+: | +\^$)/d" |
		awk '/^WARNING:/ && detached { next } { detached = ($0 == "detached"); print }' >"$4"
}

warm_looks=0 warm_processes=0
for ((round = 1; round <= WARM_ROUNDS; round++)); do
	role=postgres
	[ $((round % 2)) -eq 0 ] || role=alice
	script=$WORK/log/round-$round
	generate $((WARM_SEED + round)) "$role" "$WARM_STEPS" >"$script.sql"
	play warm "$role" "$script.sql" "$script.warm" &
	play cold "$role" "$script.sql" "$script.cold"
	wait $!
	for kind in warm cold; do grep -v '^pid|' "$script.$kind" >"$script.$kind.compare"; done
	if difference=$(diff -U 4 "$script.cold.compare" "$script.warm.compare"); then
		pass "round $round as $role: warm and cold print the same, $(grep -c . "$script.warm.compare") lines"
	else
		fail "round $round as $role: warm and cold print the same" "$(head -n 40 <<<"$difference")"
	fi
	looks=$(grep -c '^pid|' "$script.cold") processes=$(grep '^pid|' "$script.cold" | sort -u | wc -l)
	t_is "round $round: each cold job in a process of its own" "$processes" "$looks"
	warm_looks=$((warm_looks + looks)) warm_processes=$((warm_processes + $(grep '^pid|' "$script.warm" | sort -u | wc -l)))
done
t_ok "$warm_looks warm jobs looked in $warm_processes processes" test $((warm_processes * 5)) -le $((warm_looks * 4))
t_done
