#!/usr/bin/env bash
# A worker is spared PL/pgSQL, which its session has, until its job could miss it: whichever way a job looks for it, it finds what
# the session would.
. "$(dirname "$0")/../lib.sh"
suite_begin
cc -shared -fPIC -O1 -I"$("$PG_CONFIG" --includedir-server)" -o "$WORK/looks.so" "$(dirname "$0")/plpgsql.c" || die 'cc'
chmod 755 "$WORK/looks.so"
cluster_new main 'pg_background.worker_idle_timeout = 1min' 'max_worker_processes = 16'
quoted() { say "${1//\'/\'\'}"; }
# in_session LIBRARY SQL: the answer, or its SQLSTATE, in a session that has the library.
in_session() { psql -XAtq -v VERBOSITY=sqlstate -c "LOAD '$1'" -c "$2" 2>&1; }
in_job() { in_session plpgsql "SELECT x FROM pg_background_run_query('$(quoted "$1")') AS (x text)"; }
# looks NAME SQL: whether a job finds what its session would, of what a session without PL/pgSQL would not.
looks() {
	local wanted
	wanted=$(in_session plpgsql "$2")
	t_ok "$1: that is seen" test "$wanted" != "$(in_session pg_background "$2")"
	t_is "$1: a job sees it as well" "$(in_job "$2")" "$wanted"
}
# same NAME SQL: the same of what brings PL/pgSQL in any session.
same() { t_is "$1: a job sees what its session does" "$(in_job "$2")" "$(in_session plpgsql "$2")"; }

# As it can be made where PL/pgSQL is not.
sql "
	CREATE FUNCTION suppresses() RETURNS trigger LANGUAGE internal SET plpgsql.check_asserts = 'no boolean' AS 'suppress_redundant_updates_trigger';
	CREATE TABLE suppressed AS SELECT 'x'::text AS x;
	CREATE TRIGGER suppresses BEFORE UPDATE ON suppressed FOR EACH ROW EXECUTE FUNCTION suppresses();"
sql "
	CREATE VIEW settings AS SELECT count(*)::text FROM pg_settings WHERE starts_with(name, 'plpgsql.');
	CREATE FUNCTION inlined() RETURNS text LANGUAGE sql AS \$\$ SELECT current_setting('plpgsql.check_asserts', true) \$\$;
	CREATE FUNCTION definer() RETURNS text LANGUAGE sql SECURITY DEFINER AS \$\$ SELECT current_setting('plpgsql.check_asserts', true) \$\$;
	CREATE AGGREGATE aggregated(bool) (sfunc = current_setting, stype = text, initcond = 'plpgsql.check_asserts');
	CREATE OPERATOR @# (function = current_setting, rightarg = text);
	CREATE TABLE filled (x text DEFAULT current_setting('plpgsql.check_asserts', true));
	CREATE DOMAIN checked AS text CHECK (current_setting('plpgsql.check_asserts', true) IS NOT NULL);
	CREATE TABLE guarded (x text);
	CREATE FUNCTION guards() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN NEW.x := current_setting('plpgsql.check_asserts'); RETURN NEW; END \$\$;
	CREATE TRIGGER guards BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION guards();
	CREATE TABLE ordinary (x text);
	CREATE FUNCTION writes() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RETURN NEW; END \$\$;
	CREATE TRIGGER writes BEFORE INSERT ON ordinary FOR EACH ROW EXECUTE FUNCTION writes();
	CREATE FUNCTION was_there() RETURNS bool LANGUAGE c AS '$WORK/looks.so';
	CREATE FUNCTION is_there() RETURNS trigger LANGUAGE c AS '$WORK/looks.so';
	CREATE TABLE let_through (x text);
	CREATE TRIGGER is_there BEFORE INSERT ON let_through FOR EACH ROW EXECUTE FUNCTION is_there();
	CREATE TABLE partitioned (x text) PARTITION BY LIST (x);
	CREATE TABLE partition PARTITION OF partitioned DEFAULT;
	CREATE TRIGGER is_there BEFORE INSERT ON partition FOR EACH ROW EXECUTE FUNCTION is_there();
	CREATE TYPE of_checked AS (x checked);
	CREATE TABLE many AS SELECT 'x'::text AS x FROM generate_series(1, 1000);
	CREATE FUNCTION does() RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN RETURN current_setting('plpgsql.check_asserts'); END \$\$"

looks 'by its name' "SELECT current_setting('plpgsql.check_asserts')"
looks 'if it is there' "SELECT current_setting('plpgsql.check_asserts', true)"
looks 'set by a function' "SELECT set_config('plpgsql.check_asserts', 'no boolean', false)"
looks 'in a view of all' 'SELECT * FROM settings'
looks 'in a function of all' "SELECT count(*)::text FROM pg_show_all_settings() WHERE name ~ '^plpgsql'"
looks 'SHOW' 'SHOW plpgsql.check_asserts'
looks 'SET' "SET plpgsql.check_asserts = 'no boolean'; SELECT 'was set'"
looks 'in a function that is inlined' 'SELECT inlined()'
looks 'in a function of somebody' 'SELECT definer()'
looks 'in an aggregate' 'SELECT aggregated(true)'
looks 'over a window' 'SELECT aggregated(true) OVER ()'
looks 'by an operator' "SELECT @# 'plpgsql.check_asserts'"
looks 'in a default' 'INSERT INTO filled DEFAULT VALUES RETURNING x'
looks 'in a domain' "SELECT 'anything'::checked::text"
looks 'where a domain is read' "SELECT x::text FROM json_to_record('{\"x\": \"anything\"}') AS t(x checked)"
looks 'in a trigger in C' "INSERT INTO let_through VALUES ('through') RETURNING x"
looks "in a partition's" "INSERT INTO partitioned VALUES ('through') RETURNING x"
sql 'ALTER FUNCTION is_there() SECURITY DEFINER'
looks "in a partition's, with somebody's rights" "INSERT INTO partitioned VALUES ('through') RETURNING x"
sql "ALTER FUNCTION is_there() SECURITY INVOKER SET work_mem = '1MB'"
looks "in a partition's, with settings" "INSERT INTO partitioned VALUES ('through') RETURNING x"
looks 'in the settings of one' 'UPDATE suppressed SET x = x RETURNING x'
looks 'in a statement that is made of a text' "SELECT ts_rewrite('a'::tsquery, 'SHOW plpgsql.check_asserts')::text"
looks 'in columns of such a statement' "SELECT query_to_xmlschema('SHOW plpgsql.check_asserts', false, false, '') IS NOT NULL"
if [ "$(pg_major)" -ge 15 ]; then
	looks 'by its flags' "SELECT pg_settings_get_flags('plpgsql.extra_errors')::text"
	say 'plpgsql.nothing = 1' >>"$(cluster_data main)/postgresql.conf"
	looks 'in the configuration as it will be' "SELECT error FROM pg_file_settings WHERE name = 'plpgsql.nothing'"
	sed -i '/^plpgsql\.nothing/d' "$(cluster_data main)/postgresql.conf"
fi
[ "$(pg_major)" -lt 18 ] || looks 'among the libraries' "SELECT count(*)::text FROM pg_get_loaded_modules() WHERE file_name ~ '^plpgsql'"
same 'a function in PL/pgSQL' 'SELECT does()'
same "a trigger's, with somebody's rights" 'INSERT INTO guarded VALUES (NULL) RETURNING x'
t_is 'by a parameter' "$(in_session plpgsql "SELECT pg_background_query_json('SELECT current_setting(\$1) AS value', params => ROW('plpgsql.check_asserts'::text))")" '{"value": "on"}'
for libraries in "$WORK/looks.so plpgsql" "plpgsql $WORK/looks.so"; do
	t_is "libraries are loaded in the session's order: ${libraries//$WORK\//}" "$(psql -XAtq -c "LOAD '${libraries% *}'" -c "LOAD '${libraries#* }'" -c 'SELECT was_there()' \
		-c "SELECT x FROM pg_background_run_query('SELECT was_there()') AS (x bool)" | uniq -c | awk '{ print $1 }')" 2
done
if [ "$(pg_major)" -ge 16 ]; then parallel=debug_parallel_query; else parallel=force_parallel_mode; fi
export PGOPTIONS="-c $parallel=on"
looks 'in a parallel worker' "SELECT current_setting('plpgsql.check_asserts') FROM pg_class LIMIT 1"
looks 'in a parallel worker that reads a domain' "SELECT count(('(' || x || ')')::of_checked)::text FROM many"
unset PGOPTIONS
t_is 'nothing else that is built in has a name that says it looks' "$(sql "SELECT string_agg(DISTINCT prosrc, ' ' ORDER BY prosrc) FROM pg_proc
	WHERE oid < 12000 AND prosrc ~ '(^|_)(config|settings?|guc|modules|libraries)(_|\$)' AND prosrc !~ 'spg_|ts_config|^pg_config\$|^pg_extension_config_dump\$' AND prosrc NOT IN
		('show_config_by_name', 'show_config_by_name_missing_ok', 'set_config_by_name', 'show_all_settings', 'show_all_file_settings', 'pg_settings_get_flags', 'pg_get_loaded_modules')")" ''

# --- when it comes
if [ -r /proc/self/maps ]; then
	# there SQL: whether a job that does this had it at the end.
	there() { in_job "$1; SELECT pg_read_file('/proc/self/maps') ~ '/plpgsql\.'" | tail -n 1; }
	t_is 'it does not come with an encoding that is converted' "$(PGCLIENTENCODING=LATIN1 there 'SELECT 1')" f
	for statement in 'SELECT upper(relname) FROM pg_class WHERE relkind = ANY (ARRAY[$$r$$, $$v$$]::"char"[]) ORDER BY 1 LIMIT 1' 'INSERT INTO filled VALUES (now()::text)' \
		'UPDATE filled SET x = $$y$$ WHERE x ~ $$z$$' 'INSERT INTO filled SELECT lpad(g::text, 3) FROM generate_series(1, 3) g' \
		'SELECT * FROM json_each($${"a": 1}$$), unnest(ARRAY[1, 2])' 'SELECT round(1.5::float8::numeric), count(*) FROM pg_locks'; do
		t_is "it does not come with: $statement" "$(there "$statement")" f
	done
	t_is 'not in a session that has none either' "$(sql "SELECT x FROM pg_background_run_query('SELECT current_setting(''plpgsql.x'', true); SELECT pg_read_file(''/proc/self/maps'') ~ ''/plpgsql\.''') AS (x text)" | tail -n 1)" f
	for statement in 'SHOW work_mem' 'SELECT count(*) FROM pg_settings' 'INSERT INTO ordinary VALUES ($$x$$)' 'SELECT definer()'; do
		t_is "it comes with: $statement" "$(there "$statement")" t
	done
else
	say '  no /proc here to tell which libraries a process has'
fi

# --- the configuration
session_open a
session_do a "LOAD 'plpgsql'; SELECT FROM pg_background_run_v2('SELECT 1');" >/dev/null
psql -XAtq -c "LOAD 'plpgsql'" -c 'ALTER SYSTEM SET plpgsql.check_asserts = off'
cluster_reload main
t_is 'what the configuration has by now' "$(session_do a "SELECT x FROM pg_background_run_query('SELECT current_setting(''plpgsql.check_asserts'')') AS (x text);")" off
psql -XAtq -c "LOAD 'plpgsql'" -c 'ALTER SYSTEM RESET plpgsql.check_asserts'
cluster_reload main
session_close a
t_no_leaks 'nothing is left'
t_done
