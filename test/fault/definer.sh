#!/usr/bin/env bash
# CALL and DO by themselves run at top level for a SECURITY DEFINER function, too: they commit. And nothing that they do leaves
# the definer, whoever called the function: before and after COMMIT and ROLLBACK, in jobs of their own, in parallel workers,
# triggers, cursors, other languages.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_worker_processes = 32' 'max_parallel_workers = 6'
sql "
	CREATE ROLE dan LOGIN;
	CREATE ROLE bob LOGIN;
	CREATE ROLE alice LOGIN SUPERUSER;
	GRANT pgbackground_role TO dan, bob;
	CREATE SCHEMA dan AUTHORIZATION dan;
	CREATE SCHEMA bob AUTHORIZATION bob;"
has() { [ -e "$SHARE/extension/$1.control" ]; }
psql -XAtq -U dan <<'SQL'
SET search_path = dan, public;
-- a SET clause that dan may not execute is looked at when the function is called
SET check_function_bodies = off;
SET client_min_messages = warning;
GRANT USAGE, CREATE ON SCHEMA dan TO PUBLIC;
CREATE TABLE seen (attempt text, step text, who text);
GRANT ALL ON seen TO PUBLIC;
CREATE FUNCTION dan.look(attempt text, step text) RETURNS void LANGUAGE sql AS $$ INSERT INTO dan.seen VALUES (attempt, step, current_user) $$;
-- what everybody calls: NULL if the job went well
CREATE FUNCTION dan.launch(sql text) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = dan, public, pg_temp AS $$
	SELECT concat_ws(' ', sqlstate, error_message) FROM pg_background_run_v2(sql) $$;
CREATE FUNCTION dan.start(sql text) RETURNS pg_background_handle LANGUAGE sql SECURITY DEFINER AS $$ SELECT ROW(pid, cookie)::pg_background_handle FROM pg_background_launch_v2(sql) $$;
-- tries it, by itself and after a COMMIT and a ROLLBACK, and looks who it is each time
CREATE PROCEDURE dan.attempt(name text, sql text) LANGUAGE plpgsql AS $$
BEGIN
	BEGIN EXECUTE sql; EXCEPTION WHEN OTHERS THEN NULL; END;
	PERFORM dan.look(name, '1 at once');
	COMMIT;
	PERFORM dan.look(name, '2 committed');
	BEGIN EXECUTE sql; EXCEPTION WHEN OTHERS THEN NULL; END;
	PERFORM dan.look(name, '3 after COMMIT');
	COMMIT;
	BEGIN EXECUTE sql; EXCEPTION WHEN OTHERS THEN NULL; END;
	ROLLBACK;
	PERFORM dan.look(name, '4 rolled back');
	BEGIN EXECUTE sql; EXCEPTION WHEN OTHERS THEN NULL; END;
	PERFORM dan.look(name, '5 after ROLLBACK');
	COMMIT;
	PERFORM dan.look(name, '6 at the end');
END $$;
-- the same where an error ends the job
CREATE PROCEDURE dan.attempt_bare(name text, sql text) LANGUAGE plpgsql AS $$
BEGIN
	COMMIT;
	EXECUTE sql;
	PERFORM dan.look(name, '7 bare');
	COMMIT;
	PERFORM dan.look(name, '8 bare, committed');
END $$;
CREATE FUNCTION dan.tries(name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN NULL; END;
	BEGIN RESET SESSION AUTHORIZATION; EXCEPTION WHEN OTHERS THEN NULL; END;
	BEGIN SET ROLE postgres; EXCEPTION WHEN OTHERS THEN NULL; END;
	PERFORM dan.look(name, 'inside');
	RETURN current_user;
END $$;
CREATE FUNCTION dan.clause() RETURNS void LANGUAGE sql SET role = 'postgres' AS $$ SELECT dan.look('a clause', 'inside') $$;
CREATE FUNCTION dan.clause_user() RETURNS void LANGUAGE sql SET session_authorization = 'postgres' AS $$ SELECT dan.look('a clause, session user', 'inside') $$;
CREATE PROCEDURE dan.clause_procedure() LANGUAGE sql SET role = 'postgres' AS $$ SELECT dan.look('a clause of a procedure', 'inside') $$;
-- parallel workers may use it
CREATE FUNCTION dan.clause_safe(i int) RETURNS text LANGUAGE plpgsql PARALLEL SAFE SET role = 'postgres' AS $$ BEGIN RETURN current_user; END $$;
CREATE TABLE dan.big AS SELECT i FROM generate_series(1, 2000) i;
ANALYZE dan.big;
CREATE FUNCTION dan.parallel() RETURNS void LANGUAGE plpgsql AS $$
DECLARE who text; n int;
BEGIN
	SET LOCAL max_parallel_workers = 8;
	SET LOCAL max_parallel_workers_per_gather = 4;
	SET LOCAL min_parallel_table_scan_size = 0;
	SET LOCAL parallel_setup_cost = 0;
	SET LOCAL parallel_tuple_cost = 0;
	SET LOCAL parallel_leader_participation = off;
	-- the same plan again and again
	FOR n IN 1..8 LOOP
		BEGIN
			EXECUTE 'SELECT max(dan.clause_safe(i)) FROM dan.big WHERE i > $1' INTO who USING n;
		EXCEPTION WHEN OTHERS THEN who := current_user;
		END;
		INSERT INTO dan.seen VALUES ('parallel workers', 'there', who);
	END LOOP;
END $$;
CREATE TABLE dan.deferred (i int);
CREATE FUNCTION dan.fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM dan.tries('a deferred trigger'); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON dan.deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dan.fires();
-- jobs of jobs, each tries
CREATE PROCEDURE dan.descend(name text, level int) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dan.tries(name || level);
	COMMIT;
	PERFORM dan.tries(name || level);
	IF level > 1 THEN
		PERFORM pg_background_run_v2(format('CALL dan.descend(%L, %s)', name, level - 1));
		PERFORM pg_background_run_v2(format('DO %L', format('BEGIN PERFORM dan.tries(%L); COMMIT; CALL dan.descend(%L, %s); END', name || 'do', name || 'do', level - 1)));
		PERFORM pg_background_run_v2(format('SELECT dan.tries(%L)', name || 'select'));
		PERFORM pg_background_run_v2(format('RESET ROLE; SELECT dan.look(%L, ''nested RESET ROLE'')', name));
		PERFORM pg_background_run_v2('RESET SESSION AUTHORIZATION');
	END IF;
	COMMIT;
	PERFORM dan.look(name || level, 'at the end');
END $$;
CREATE PROCEDURE dan.cursors() LANGUAGE plpgsql AS $$
DECLARE r record; c CURSOR FOR SELECT dan.tries('a cursor') FROM generate_series(1, 3);
BEGIN
	FOR r IN SELECT dan.tries('a cursor that a COMMIT holds') FROM generate_series(1, 3) LOOP COMMIT; END LOOP;
	OPEN c;
	FETCH c INTO r;
	COMMIT;
END $$;
-- what turns a job's answer into what is declared
CREATE FUNCTION dan.checks(v text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM dan.tries('an answer'); PERFORM dan.parallel(); RETURN true; END $$;
CREATE DOMAIN dan.answer AS text CHECK (dan.checks(VALUE));
CREATE FUNCTION dan.answers(sql text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = dan, public, pg_temp AS $$
	DECLARE r text; BEGIN SELECT a INTO r FROM pg_background_run_query_v2(sql) AS (a dan.answer); RETURN r; END $$;
SQL
sql "
	CREATE FUNCTION dan.ddl() RETURNS event_trigger LANGUAGE plpgsql AS \$\$ BEGIN IF current_user = 'dan' OR session_user = 'dan' THEN PERFORM dan.tries('an event trigger'); END IF; END \$\$;
	CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION dan.ddl();"
if has dblink; then sql 'CREATE EXTENSION dblink SCHEMA public'; fi
languages=()
if has plperl; then
	t_ok 'PL/Perl' sql 'CREATE EXTENSION plperl'
	psql -XAtq -U dan <<<"CREATE FUNCTION dan.in_plperl() RETURNS void LANGUAGE plperl AS \$\$
		eval { spi_exec_query('RESET ROLE') }; eval { spi_exec_query('SET ROLE postgres') }; spi_exec_query(q{SELECT dan.look('PL/Perl', 'inside')}); \$\$"
	languages+=(in_plperl)
fi
if has plpython3u && sql 'CREATE EXTENSION plpython3u' >/dev/null 2>&1; then
	sql "CREATE FUNCTION dan.in_plpython() RETURNS void LANGUAGE plpython3u AS \$\$
for attempt in ('RESET ROLE', 'SET ROLE postgres', 'RESET SESSION AUTHORIZATION'):
	try:
		with plpy.subtransaction():
			plpy.execute(attempt)
	except plpy.SPIError:
		pass
plpy.execute(\"SELECT dan.look('PL/Python', 'inside')\") \$\$"
	languages+=(in_plpython)
fi

attempts=(
	'RESET ROLE' 'SET ROLE NONE' 'SET ROLE postgres' 'SET LOCAL ROLE postgres' 'SET ROLE TO DEFAULT'
	'SET SESSION AUTHORIZATION postgres' 'SET LOCAL SESSION AUTHORIZATION postgres' 'RESET SESSION AUTHORIZATION' 'SET SESSION AUTHORIZATION DEFAULT'
	'RESET ALL' 'DISCARD ALL' "SELECT set_config('role', 'postgres', false)" "SELECT set_config('role', 'none', true)"
	"SELECT set_config('session_authorization', 'postgres', false)" "UPDATE pg_settings SET setting = 'postgres' WHERE name = 'role'"
	"SET max_parallel_workers = 8; SET ROLE postgres" 'ALTER ROLE dan SUPERUSER' 'ALTER ROLE dan SET role = postgres' 'ALTER SYSTEM SET work_mem = 100' 'GRANT postgres TO dan'
	'SELECT dan.clause()' 'SELECT dan.clause_user()' 'CALL dan.clause_procedure()' 'SELECT dan.parallel()'
	'INSERT INTO dan.deferred VALUES (1)' 'INSERT INTO dan.deferred VALUES (1); SET CONSTRAINTS ALL IMMEDIATE'
	'CREATE TABLE dan.new (i int); DROP TABLE dan.new' 'CREATE MATERIALIZED VIEW dan.mat AS SELECT dan.tries(''a view''); DROP MATERIALIZED VIEW dan.mat'
	"SELECT dan.tries('a function')" "DO \$d\$ BEGIN PERFORM dan.tries('a block'); END \$d\$"
	"SELECT pg_background_run_v2('RESET ROLE')" "SELECT pg_background_run_v2('SELECT dan.tries(''a job'')')"
	"SELECT * FROM pg_background_run_query_v2('SELECT dan.tries(''a query'')') AS (t text)"
	"SELECT pg_background_run_v2('VACUUM dan.big')" "SELECT pg_background_run_v2('SET ROLE postgres; SELECT dan.look(''a job of two'', ''there'')')"
)
if has dblink; then
	attempts+=("SELECT * FROM dblink('host=$PGHOST port=${PGPORT:-5432} dbname=postgres', 'SELECT dan.tries(''dblink'')') AS (t text)")
fi
for language in "${languages[@]}"; do attempts+=("SELECT dan.$language()"); done

# Who was there that should not have been, and how many looked.
seen() { sql "SELECT count(*) FILTER (WHERE who <> 'dan') || ' of ' || (count(*) >= $1) || coalesce(': ' || string_agg(DISTINCT concat_ws(', ', attempt, step, who), '; ') FILTER (WHERE who <> 'dan'), '') FROM dan.seen"; }
for caller in postgres bob; do
	for attempt in "${attempts[@]}"; do
		sql 'TRUNCATE dan.seen'
		got=$(psql -XAtq -U "$caller" 2>&1 <<-SQL
			SELECT dan.launch(format('CALL dan.attempt(%L, %L)', \$q\$$attempt\$q\$, \$q\$$attempt\$q\$)) \g /dev/null
			SELECT dan.launch(format('CALL dan.attempt_bare(%L, %L)', \$q\$$attempt\$q\$, \$q\$$attempt\$q\$)) \g /dev/null
			SELECT dan.launch(format('DO %L', format('BEGIN CALL dan.attempt(%L, %L); END', \$q\$$attempt\$q\$, \$q\$$attempt\$q\$))) \g /dev/null
			SELECT session_user || ' ' || current_user;
		SQL
		)
		t_is "no way out for $caller: $attempt" "$got; $(seen 12)" "$caller $caller; 0 of true"
	done
	for call in "CALL dan.descend('level ', 3)" 'CALL dan.cursors()' "DO \$d\$ BEGIN CALL dan.descend('level ', 3); END \$d\$"; do
		sql 'TRUNCATE dan.seen'
		got=$(psql -XAtq -U "$caller" -c "SELECT dan.launch(\$q\$$call\$q\$)" 2>&1)
		t_is "no way out for $caller: $call" "$got; $(seen 1)" "; 0 of true"
	done
	# The answer is converted in the job, at top level where the statement ran there.
	for call in 'VACUUM dan.big' 'ANALYZE dan.big' "CALL dan.attempt('an answer', 'SELECT 1')" "DO 'BEGIN COMMIT; END'" "SELECT 'x'::text" "INSERT INTO dan.big VALUES (1) RETURNING 'x'::text"; do
		sql 'TRUNCATE dan.seen'
		got=$(psql -XAtq -U "$caller" -c "SELECT dan.answers(\$q\$$call\$q\$)" 2>&1)
		t_like "an answer that is checked by the definer's code, to $caller: $call" "$got" '^(VACUUM|ANALYZE|CALL|DO|x)$'
		t_is "no way out of it for $caller" "$(seen 9)" '0 of true'
	done
	# A maintenance command runs at top level as well, and fires event triggers.
	sql 'TRUNCATE dan.seen'
	session_open s -U "$caller"
	session_do s "SELECT pid, cookie FROM dan.start('CREATE INDEX CONCURRENTLY ${caller}_i ON dan.big (i)') \gset" >/dev/null
	t_ok "a maintenance command: $caller" wait_until "SELECT count(*) = 1 FROM pg_index WHERE indexrelid = to_regclass('dan.${caller}_i') AND indisvalid"
	session_close s
	t_is "no way out of it for $caller" "$(seen 1)" '0 of true'
done
t_is 'nobody became more than he was' "$(sql "SELECT rolsuper, rolconfig, (SELECT count(*) FROM pg_auth_members WHERE member = 'dan'::regrole AND roleid = 'postgres'::regrole), (SELECT count(*) FROM pg_file_settings WHERE name = 'work_mem') FROM pg_roles WHERE rolname = 'dan'")" 'f||0|0'

# --- what it is for
psql -XAtq -U dan <<'SQL'
CREATE TABLE dan.log (id int GENERATED ALWAYS AS IDENTITY, what text);
CREATE PROCEDURE dan.log_atx(what text) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO dan.log (what) VALUES ($1); COMMIT; END $$;
-- as migration tools write an autonomous transaction
CREATE FUNCTION dan.log_it(what text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	v_query text;
BEGIN
	v_query := 'CALL dan.log_atx(' || quote_nullable(what) || ')';
	PERFORM * FROM pg_background_result(pg_background_launch(v_query)) AS p (ret text);
END $$;
CREATE PROCEDURE dan.daemon() LANGUAGE plpgsql AS $$
BEGIN
	SET application_name = 'dan''s daemon';
	LOOP
		INSERT INTO dan.log (what) VALUES ('beat ' || session_user || ' ' || current_user);
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
CREATE FUNCTION dan.ask(sql text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
	DECLARE r text; BEGIN SELECT * INTO r FROM pg_background_run_query_v2(sql) AS (r text); RETURN r; END $$;
SQL
for caller in postgres bob; do
	t_is "an autonomous transaction commits, whatever its caller does: $caller" "$(psql -XAtq -U "$caller" <<<"BEGIN; SELECT dan.log_it('$caller'); ROLLBACK;" 2>&1; sql "SELECT count(*) FROM dan.log WHERE what = '$caller'")" $'\n1'
	session_open s -U "$caller"
	session_do s "SELECT pid, cookie FROM dan.start('CALL dan.daemon()') \gset" >/dev/null
	t_ok "a daemon commits in a loop: $caller" wait_until "SELECT count(*) > 20 FROM dan.log WHERE what = 'beat $caller dan'"
	t_is "and is found by its name: $caller" "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dan''s daemon' AND backend_type = 'pg_background'")" 1
	pid=$(session_do s 'SELECT :pid;')
	sql "SELECT pg_cancel_backend($pid)" >/dev/null
	t_ok "and stops when it is cancelled: $caller" wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'dan''s daemon'"
	session_close s
done
# A definer who is the caller himself restricts nobody.
t_is 'one who is the caller himself' "$(psql -XAtq -U bob 2>&1 <<'SQL'
SET search_path = bob, public;
CREATE TABLE t (who text);
CREATE FUNCTION own(sql text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT concat_ws(' ', sqlstate, command_tag) FROM pg_background_run_v2(sql) $$;
SELECT own($$DO 'BEGIN INSERT INTO bob.t VALUES (current_user); COMMIT; RESET ROLE; SET max_parallel_workers = 2; INSERT INTO bob.t VALUES (current_user); END'$$);
SELECT string_agg(who, ' ') FROM t;
SQL
)" $'DO\nbob bob'
# The pin goes with the job: settings, and who may be set, are as before, and the worker stays.
for fails in '' 'PERFORM 1/0;'; do
	t_is "after a job that was pinned${fails:+ and failed}" "$(psql -XAtq 2>&1 <<-SQL
		SET pg_background.worker_idle_timeout = '1min';
		SELECT dan.ask('SELECT pg_backend_pid()') AS before \gset
		SELECT dan.launch(\$\$DO 'BEGIN COMMIT; $fails END'\$\$) \g /dev/null
		SELECT dan.ask('SELECT pg_backend_pid()') = :'before';
		SELECT dan.launch(\$\$DO 'BEGIN SET max_parallel_workers = 3; COMMIT; $fails END'\$\$) \g /dev/null
		SELECT dan.ask('SELECT current_setting(''max_parallel_workers'')');
		SELECT * FROM pg_background_run_query_v2('SET ROLE dan; SELECT current_user::text || current_setting(''max_parallel_workers'')') AS (who text);
	SQL
	)" $'t\n6\ndan6'
done
t_is 'a job of a pinned one has the session'"'"'s settings' "$(psql -XAtq 2>&1 <<'SQL'
SET max_parallel_workers = 5;
CREATE TABLE dan.shown (v text);
GRANT ALL ON dan.shown TO dan;
SELECT dan.launch($$DO 'BEGIN
	INSERT INTO dan.shown SELECT current_setting(''max_parallel_workers'');
	INSERT INTO dan.shown SELECT * FROM pg_background_run_query_v2(''SELECT concat_ws('''','''', current_setting(''''max_parallel_workers''''), session_user, current_setting(''''session_authorization''''), current_setting(''''role''''), current_user)'') AS (t text);
	COMMIT; END'$$);
SELECT string_agg(v, ' ') FROM dan.shown;
SET SESSION AUTHORIZATION bob;
SELECT dan.launch($$DO 'BEGIN
	INSERT INTO dan.shown SELECT * FROM pg_background_run_query_v2(''SELECT concat_ws('''','''', session_user, current_setting(''''session_authorization''''), current_setting(''''role''''), current_user)'') AS (t text);
	COMMIT; END'$$);
RESET SESSION AUTHORIZATION;
SELECT v FROM dan.shown WHERE v LIKE 'bob%';
SQL
)" $'\n5 5,postgres,postgres,none,dan\n\nbob,bob,none,dan'
# Still refused.
t_is 'one of several statements' "$(sql "SELECT dan.launch('SELECT 1; CALL dan.log_atx(''x'')')")" '2D000 invalid transaction termination'
t_is 'under a read-only caller' "$(psql -XAtq -c "BEGIN READ ONLY; SELECT dan.launch('CALL dan.log_atx(''x'')')" | cut -c1-5)" 25006
t_no_leaks 'nothing is left'
t_done
