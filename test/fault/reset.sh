#!/usr/bin/env bash
# RESET, SET TO DEFAULT, RESET ALL, RESET ROLE, RESET SESSION AUTHORIZATION and DISCARD ALL do in a job what they do in the
# session that launched it, wherever a value comes from: each statement runs in both, and both have to say what is wanted.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'maintenance_work_mem = 20MB' 'seq_page_cost = 1.25' \
	"my.file = 'of the file'" 'max_parallel_workers = 3' 'log_parser_stats = off'
sql "
	CREATE ROLE alice LOGIN SUPERUSER;
	CREATE ROLE bob LOGIN;
	CREATE ROLE carol;
	CREATE ROLE dave;
	CREATE ROLE erin LOGIN;
	GRANT pgbackground_role TO bob, carol, dave, erin;
	GRANT carol, dave TO bob, erin;
	GRANT CREATE ON SCHEMA public TO PUBLIC;
	CREATE FUNCTION job(sql text) RETURNS text LANGUAGE plpgsql AS \$\$
		DECLARE r text; BEGIN SELECT * INTO r FROM pg_background_run_query_v2(sql) AS (r text); RETURN r; END \$\$;
	CREATE FUNCTION who() RETURNS text LANGUAGE sql AS \$\$
		SELECT concat_ws(',', session_user, current_user, current_setting('session_authorization'), current_setting('role'), current_setting('is_superuser')) \$\$;
	CREATE FUNCTION differences() RETURNS text LANGUAGE sql AS \$\$
		SELECT coalesce(string_agg(concat_ws(' ', name, h.setting, j.setting, h.reset_val, j.reset_val, h.source, j.source), '; ' ORDER BY name), 'none')
		FROM pg_background_run_query_v2('SELECT name, setting, reset_val, source, sourcefile, sourceline FROM pg_settings')
			AS j(name text, setting text, reset_val text, source text, sourcefile text, sourceline int) FULL JOIN pg_settings h USING (name)
		WHERE (h.setting, h.reset_val, h.source, h.sourcefile, h.sourceline) IS DISTINCT FROM (j.setting, j.reset_val, j.source, j.sourcefile, j.sourceline)
			-- a job always has the encoding of the database, and no client at the other end
			AND name <> 'client_encoding' AND name NOT LIKE 'tcp\_%' \$\$;
	ALTER DATABASE postgres SET work_mem = '6MB';
	ALTER DATABASE postgres SET enable_seqscan = off;
	ALTER DATABASE postgres SET my.database = 'of the database';
	ALTER ROLE bob SET maintenance_work_mem = '22MB';
	ALTER ROLE bob SET my.role = 'of the role';
	ALTER ROLE bob IN DATABASE postgres SET DateStyle = 'SQL, DMY';
	ALTER ROLE bob IN DATABASE postgres SET work_mem = '7MB';
	ALTER ROLE erin SET role = 'carol';"

# both NAME WANTED SETUP STATEMENT PROBE [psql arguments]: after the setup the statement and then the probe: in a job, in a
# second one on the same worker, and in the session.
both() {
	local got
	got=$(psql -XAtq "${@:6}" 2>&1 <<-SQL
		$3
		SELECT job(\$job\$ $4; SELECT ($5)::text \$job\$);
		SELECT job(\$job\$ $4; SELECT ($5)::text \$job\$);
		$4 \g /dev/null
		SELECT ($5)::text;
		SELECT 'end';
	SQL
	)
	t_is "$1" "$got" "$2"$'\n'"$2"$'\n'"$2"$'\nend'
}

# every SETTING VALUE WANTED WHERE [psql arguments]: each way to reset a setting, which the session has set to the value.
every() {
	local name=$1 value=$2 wanted=$3 where=$4 probe="current_setting('$1', true)"
	shift 4
	both "$where: RESET $name" "$wanted" "SET $name = $value;" "RESET $name" "$probe" "$@"
	both "$where: SET $name TO DEFAULT" "$wanted" "SET $name = $value;" "SET $name TO DEFAULT" "$probe" "$@"
	both "$where: SET LOCAL $name TO DEFAULT" "$wanted" "BEGIN; SET LOCAL $name = $value;" "SET LOCAL $name TO DEFAULT" "$probe" "$@"
	both "$where: RESET ALL, $name" "$wanted" "SET $name = $value;" 'RESET ALL' "$probe" "$@"
	both "$where: SET and RESET, $name" "$wanted" '' "SET $name = $value; RESET $name" "$probe" "$@"
	both "$where: SET LOCAL and RESET ALL, $name" "$wanted" "SET $name = $value; BEGIN;" "SET LOCAL $name = $value; RESET ALL" "$probe" "$@"
	# pg_settings does not show placeholders
	[[ $name = my.* ]] || both "$where: the reset value of $name" "$wanted" "SET $name = $value;" 'SELECT 1' \
		"SELECT CASE unit WHEN 'kB' THEN reset_val::int / 1024 || 'MB' ELSE reset_val END FROM pg_settings WHERE lower(name) = lower('$name')" "$@"
}

bob=(-U bob)
every geqo_threshold 5 12 'default'
every random_page_cost 9.25 4 'default, real'
every backslash_quote off safe_encoding 'default, enumeration'
every array_nulls off on 'default, boolean'
every default_tablespace pg_default '' 'default, text'
every maintenance_work_mem "'30MB'" 20MB 'postgresql.conf'
every seq_page_cost 9.25 1.25 'postgresql.conf, real'
every my.file "'x'" 'of the file' 'postgresql.conf, placeholder'
every work_mem "'30MB'" 6MB 'ALTER DATABASE'
every enable_seqscan on off 'ALTER DATABASE, boolean'
every my.database "'x'" 'of the database' 'ALTER DATABASE, placeholder'
every maintenance_work_mem "'30MB'" 22MB 'ALTER ROLE' "${bob[@]}"
every my.role "'x'" 'of the role' 'ALTER ROLE, placeholder' "${bob[@]}"
every work_mem "'30MB'" 7MB 'ALTER ROLE IN DATABASE' "${bob[@]}"
every DateStyle ISO 'SQL, DMY' 'ALTER ROLE IN DATABASE, text' "${bob[@]}"
export PGOPTIONS="-c work_mem=8MB -c bytea_output=escape -c application_name=of\\ the\\ option -c my.option=of\\ the\\ option"
every work_mem "'30MB'" 8MB 'connection options' "${bob[@]}"
every bytea_output hex escape 'connection options, enumeration' "${bob[@]}"
every my.option "'x'" 'of the option' 'connection options, placeholder' "${bob[@]}"
unset PGOPTIONS

# a placeholder that nobody but SET knows is empty after RESET
both 'SET of a placeholder' '' "SET my.own = 'x';" 'RESET my.own' "current_setting('my.own', true)"
# a change that is rolled back, and one of the configuration, made after SET
both 'SET rolled back' 6MB "BEGIN; SET work_mem = '30MB'; ROLLBACK;" 'SELECT 1' "current_setting('work_mem')"
t_is "a function's SET clause" "$(psql -XAtq "${bob[@]}" 2>&1 <<'SQL'
CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql SET work_mem = '9MB' AS $$
	DECLARE a text := job('SELECT current_setting(''work_mem'')'); b text := job('RESET work_mem; SELECT current_setting(''work_mem'')');
	BEGIN RESET work_mem; RETURN concat_ws(' ', a, b, current_setting('work_mem')); END $$;
SELECT f();
SET work_mem = '30MB';
SELECT f();
SQL
)" $'9MB 7MB 7MB\n9MB 7MB 7MB'
session_open s
session_do s "SET work_mem = '30MB'; SET maintenance_work_mem = '31MB'; SELECT job('SELECT 1');" >/dev/null
cluster_reload main 'maintenance_work_mem = 24MB'
t_is 'a reload after SET' "$(session_do s "SELECT job('RESET ALL; SELECT current_setting(''maintenance_work_mem'')');
	RESET ALL; SHOW maintenance_work_mem;")" $'24MB\n24MB'
session_close s
cluster_reload main 'maintenance_work_mem = 20MB'
# ALTER ROLE after the session began counts for neither
session_open s -U bob
session_do s "SET maintenance_work_mem = '31MB';" >/dev/null
sql "ALTER ROLE bob SET maintenance_work_mem = '25MB'; ALTER ROLE bob SET bytea_output = 'escape'"
t_is 'ALTER ROLE after the session began' "$(session_do s "
	SELECT job('SELECT current_setting(''bytea_output'')');
	SELECT job('RESET ALL; SELECT current_setting(''maintenance_work_mem'')');
	SELECT job('RESET bytea_output; SELECT current_setting(''bytea_output'')');")" $'hex\n22MB\nhex'
session_close s
sql "ALTER ROLE bob SET maintenance_work_mem = '22MB'; ALTER ROLE bob RESET bytea_output"

# --- everything at once: values, reset values and where both come from
different() { t_is "nothing differs: $1" "$(psql -XAtq "${@:3}" 2>&1 <<<"$2 SELECT differences();")" none; }
different 'nothing set' ''
different 'a role and its settings' '' "${bob[@]}"
different 'SET on top' "SET work_mem = '30MB'; SET DateStyle = 'German'; SET seq_page_cost = 1.5; SET my.role = 'x'; SET my.new = 'y'; SET statement_timeout = '1h';" "${bob[@]}"
different 'SET LOCAL on top' "BEGIN; SET LOCAL work_mem = '30MB'; SAVEPOINT a; SET LOCAL work_mem = '31MB';"
different 'SET, SET LOCAL' "BEGIN; SET work_mem = '30MB'; SET LOCAL work_mem = '31MB';"
PGOPTIONS='-c work_mem=8MB' different 'options of the connection' "SET enable_seqscan = on;" "${bob[@]}"
different 'RESET ALL' "SET work_mem = '30MB'; RESET ALL;" "${bob[@]}"
different 'a role set' 'SET ROLE carol;' "${bob[@]}"
different 'a session user' 'SET SESSION AUTHORIZATION bob;' -U alice

# --- who one is
alice=(-U alice)
both 'RESET SESSION AUTHORIZATION, nothing set' alice,alice,alice,none,on '' 'RESET SESSION AUTHORIZATION' 'who()' "${alice[@]}"
both 'RESET SESSION AUTHORIZATION' alice,alice,alice,none,on 'SET SESSION AUTHORIZATION bob;' 'RESET SESSION AUTHORIZATION' 'who()' "${alice[@]}"
both 'SET SESSION AUTHORIZATION DEFAULT' alice,alice,alice,none,on 'SET SESSION AUTHORIZATION bob;' 'SET SESSION AUTHORIZATION DEFAULT' 'who()' "${alice[@]}"
both 'RESET SESSION AUTHORIZATION after both' alice,alice,alice,none,on 'SET SESSION AUTHORIZATION bob; SET ROLE carol;' 'RESET SESSION AUTHORIZATION' 'who()' "${alice[@]}"
both 'SET SESSION AUTHORIZATION once more' carol,carol,carol,none,off 'SET SESSION AUTHORIZATION bob;' 'SET SESSION AUTHORIZATION carol' 'who()' "${alice[@]}"
both 'RESET ALL leaves who one is' bob,carol,bob,carol,off 'SET SESSION AUTHORIZATION bob; SET ROLE carol;' 'RESET ALL' 'who()' "${alice[@]}"
both 'RESET ROLE' bob,bob,bob,none,off 'SET ROLE carol;' 'RESET ROLE' 'who()' "${bob[@]}"
both 'RESET ROLE under another session user' bob,bob,bob,none,off 'SET SESSION AUTHORIZATION bob; SET ROLE carol;' 'RESET ROLE' 'who()' "${alice[@]}"
both 'SET ROLE NONE' bob,bob,bob,none,off 'SET ROLE carol;' 'SET ROLE NONE' 'who()' "${bob[@]}"
both 'SET ROLE' bob,dave,bob,dave,off 'SET ROLE carol;' 'SET ROLE dave' 'who()' "${bob[@]}"
both 'ALTER ROLE SET role' erin,carol,erin,carol,off '' 'SELECT 1' 'who()' -U erin
both 'ALTER ROLE SET role, RESET ROLE' erin,carol,erin,carol,off 'SET ROLE dave;' 'RESET ROLE' 'who()' -U erin
both 'ALTER ROLE SET role, SET ROLE NONE, RESET ROLE' erin,carol,erin,carol,off 'SET ROLE NONE;' 'RESET ROLE' 'who()' -U erin
both 'ALTER ROLE SET role, RESET SESSION AUTHORIZATION' erin,carol,erin,carol,off 'SET ROLE dave;' 'RESET SESSION AUTHORIZATION' 'who()' -U erin
PGOPTIONS='-c role=carol' both 'a role of the options, RESET ROLE' bob,carol,bob,carol,off 'SET ROLE dave;' 'RESET ROLE' 'who()' "${bob[@]}"
# whoever meanwhile has the name of the role is not taken for it
session_open s -U erin
session_do s 'SET ROLE dave; SET client_min_messages = error;' >/dev/null
sql 'ALTER ROLE carol RENAME TO carol_before; CREATE ROLE carol SUPERUSER'
t_is 'RESET ROLE to a role whose name is now that of another' "$(session_do s "SELECT job('RESET ROLE; SELECT current_user');")" erin
session_close s
sql 'DROP ROLE carol; ALTER ROLE carol_before RENAME TO carol'

# --- DISCARD ALL: a job by itself
t_is 'DISCARD ALL alone' "$(psql -XAtq "${bob[@]}" 2>&1 <<'SQL'
SET work_mem = '30MB'; SET ROLE carol;
SELECT completed, has_error FROM pg_background_run_v2('DISCARD ALL');
SELECT job('SELECT concat_ws('' '', current_setting(''work_mem''), current_user)');
SQL
)" $'t|f\n30MB carol'
t_is 'DISCARD ALL with others' "$(sql "SELECT sqlstate FROM pg_background_run_v2('DISCARD ALL; SELECT 1')")" 25001

# --- a new worker has from elsewhere other settings than its session got when it began
# changed NAME SQL [SETUP]: what is set up in a session, then changed by another one, makes no difference to its job.
changed() {
	session_open s -U bob
	session_do s "SET pg_background.worker_idle_timeout = 0; ${3:-}" >/dev/null
	sql "$2"
	t_is "$1" "$(session_do s 'SELECT differences();')" none
	session_close s
	sql 'ALTER ROLE bob RESET lock_timeout; ALTER ROLE bob IN DATABASE postgres RESET enable_seqscan;
		ALTER ROLE bob IN DATABASE postgres SET work_mem = '"'7MB'; ALTER ROLE bob SET my.role = 'of the role'"
}
changed 'nothing' ''
changed 'one more' "ALTER ROLE bob SET lock_timeout = '1h'"
changed 'one less' 'ALTER ROLE bob RESET my.role'
changed 'another value' "ALTER ROLE bob IN DATABASE postgres SET work_mem = '9MB'"
changed 'another value of what the session has set' "ALTER ROLE bob IN DATABASE postgres SET work_mem = '9MB'" "SET work_mem = '11MB';"
changed 'a value from a higher source' 'ALTER ROLE bob IN DATABASE postgres SET enable_seqscan = on'
changed 'the same' 'ALTER ROLE bob IN DATABASE postgres SET enable_seqscan = on' 'SET enable_seqscan = off;'
changed 'a value of what the session has set, and has no value for otherwise' "ALTER ROLE bob SET lock_timeout = '1h'" "SET lock_timeout = '2h';"
# One excludes the other, whichever the server looks at first.
sql 'ALTER DATABASE postgres SET log_statement_stats = on'
t_is 'a value that another setting excludes as it is in a new worker' "$(psql -XAtq 2>&1 <<<"SET log_statement_stats = off; SET log_parser_stats = on;
	SELECT job('SELECT concat_ws('' '', current_setting(''log_statement_stats''), current_setting(''log_parser_stats''))');")" 'off on'
sql 'ALTER DATABASE postgres RESET log_statement_stats'
# A session reads the configuration between two statements, a new process has it at once. The programs read nothing, so they are
# given nothing: one that has left already breaks the pipe.
sql "CREATE FUNCTION meanwhile(change text) RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN
	EXECUTE format('COPY (SELECT WHERE false) TO PROGRAM %L', format('cp postgresql.conf before.conf; sed ''%s'' before.conf > postgresql.conf', change));
	PERFORM pg_reload_conf(), pg_sleep(0.3);
	RETURN differences();
END \$\$"
for change in 's/^seq_page_cost.*/seq_page_cost = 1.5/' 's/^seq_page_cost/#/' 's/^seq_page_cost/\n&/' 's/^#enable_sort = on/enable_sort = off/' \
	's/^seq_page_cost.*/enable_sort = off/'; do
	t_is "a configuration that was read meanwhile: $change" "$(psql -XAtq 2>&1 <<-SQL
		SET pg_background.worker_idle_timeout = 0;
		SELECT meanwhile('$change');
		COPY (SELECT WHERE false) TO PROGRAM 'mv before.conf postgresql.conf';
		SELECT pg_reload_conf() \g /dev/null
		SELECT pg_sleep(0.3) \g /dev/null
	SQL
	)" none
done

# --- taken back when the job ends, not when the next begins
session_open s
t_is 'what an idle worker shows' "$(session_do s "SET pg_background.worker_idle_timeout = '1min'; SET application_name = 'of the session';
	SELECT pid FROM pg_background_run_v2('SET application_name = ''of the job''; SET work_mem = ''40MB''') \gset
	SELECT pg_sleep(0.2) \g /dev/null
	SELECT application_name FROM pg_stat_activity WHERE pid = :pid;
	SELECT b.pid = :pid FROM pg_background_run_v2('SELECT 1') b;")" $'of the session\nt'
session_close s
t_no_leaks 'nothing is left'
t_done
