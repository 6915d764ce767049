#!/usr/bin/env bash
# An error while the library's settings are defined leaves all others as they were, in a session and in a new worker.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main
others="SELECT string_agg(concat_ws('=', name, setting, source, reset_val), ' ' ORDER BY name) FROM pg_settings WHERE name !~ '^(pg_background|plpgsql)\.'"
found="SELECT count(*) FILTER (WHERE current_setting(name, true) IS DISTINCT FROM current_setting(upper(name))), count(*) FILTER (WHERE starts_with(name, 'pg_background.')),
	count(*) FILTER (WHERE starts_with(name, 'plpgsql.')) > 0, (SELECT array_agg(name) = array_agg(name ORDER BY lower(name) COLLATE \"C\") FROM pg_show_all_settings()) FROM pg_settings"
session_open s -v VERBOSITY=sqlstate
before=$(session_do s "$others;")
arm settings error
t_is 'a session gets the error' "$(session_do s 'SELECT FROM pg_background_list;')" 'ERROR:  PBT01'
disarm settings
t_is 'it has the settings that it had' "$(session_do s "$others;")" "$before"
t_is 'and those that came before the error, all in order' "$(session_do s "DO \$\$ BEGIN END \$\$; $found;")" '0|6|t|t'
t_is 'setting one works' "$(session_do s "SET work_mem = '77kB'; SHOW work_mem; SET zero_damaged_pages = on; SHOW zero_damaged_pages; SET allow_system_table_mods = on; SHOW allow_system_table_mods;")" $'77kB\non\non'

session_open t -v VERBOSITY=sqlstate
t_is 'another session loads it' "$(session_do t "SELECT count(*) FROM pg_background_list; DO \$\$ BEGIN END \$\$; $found;")" $'0\n0|11|t|t'
arm settings error
t_is 'a worker ends with the error' "$(session_do t "SELECT FROM pg_background_run('SELECT 1');")" 'ERROR:  53000'
disarm settings
t_is 'the next one does not' "$(session_do t "SELECT a, b, c, d FROM pg_background_run_query('$(sed "s/'/''/g" <<<"$found")') AS (a int8, b int8, c bool, d bool);")" '0|11|t|t'
session_close s
session_close t
t_no_leaks 'nothing is left'
t_done
