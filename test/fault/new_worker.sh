#!/usr/bin/env bash
# A session that loads the library, and a worker that is new, know all settings that were there before, by their names and in their
# order, whatever the configuration sets of ours, of PL/pgSQL's, or of those whose names are nearly ours.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_init main || die 'initdb'
# Of the settings: how many there are and which, how many are not found by their names, and whether they are in order.
all="SELECT count(*), md5(string_agg(name, ' ' ORDER BY name)), count(*) FILTER (WHERE current_setting(name, true) IS DISTINCT FROM current_setting(upper(name))),
	(SELECT array_agg(name) = array_agg(name ORDER BY lower(name) COLLATE \"C\") FROM pg_show_all_settings()) FROM pg_settings"
# What ours are, and what some that nobody has defined, which are not among all.
near='pg_backgroun.x pg_background0.x pg_backgroundé.x pg_bé.x pg_background_x.y PG_BACKGROUND_.x zzz.last ämter.last'
ours="SELECT string_agg(name || '=' || setting || ' ' || source, ', ' ORDER BY name),
	(SELECT string_agg(name || '=' || current_setting(name, true), ', ' ORDER BY name COLLATE \"C\") FROM unnest(string_to_array('$near', ' ')) name)
	FROM pg_settings WHERE name LIKE 'pg\_background.%'"

others="SELECT string_agg(concat_ws('=', name, setting, source, reset_val), ' ' ORDER BY name) FROM pg_settings WHERE NOT starts_with(name, 'pg_background.')"
of_pl="SELECT count(*) FROM pg_settings WHERE starts_with(name, 'plpgsql.')"
load='SELECT FROM pg_background_list LIMIT 0'
set="SELECT count(*) FROM pg_settings WHERE source = 'configuration file' AND name ~ '^(pg_background|plpgsql)\.'"
in_order() {
	local statement arguments=()
	for statement in "$@"; do arguments+=(-c "$statement"); done
	psql -XAtq -v ON_ERROR_STOP=1 "${arguments[@]}"
}

# compare NAME [CONF-LINE...]: what a job sees beside what its session sees.
compare() {
	local name=$1 in_session in_job first
	shift
	cluster_stop main 2>/dev/null
	cp "$WORK/as-made.conf" "$(cluster_data main)/postgresql.conf"
	cluster_conf main "$@"
	cluster_start main || die 'no server'
	cluster_use main
	sql 'CREATE EXTENSION IF NOT EXISTS pg_background' 2>/dev/null
	for first in 'SELECT FROM pg_class LIMIT 0' 'DO $$ BEGIN END $$'; do
		t_is "$name, ${first%% *}: a session still has what it had" "$(in_order "$first" "$others" "$load" "$others" | uniq -c | awk '{ print $1 }')" 2
		in_session=$(in_order "$first" "$load" "$of_pl" "$ours" "$all")
		in_job=$(in_order "$first" "SELECT a FROM pg_background_run_query('$(quoted "$of_pl")') AS (a int8)" \
			"SELECT a, b FROM pg_background_run_query('$(quoted "$ours")') AS (a text, b text)" \
			"SELECT a, b, c, d FROM pg_background_run_query('$(quoted "$all")') AS (a int8, b text, c int8, d bool)")
		t_is "$name, ${first%% *}: a job sees what its session does" "$in_job" "$in_session"
		t_like "$name, ${first%% *}: each is found, all are in order" "$in_job" $'\n[0-9]+\|[0-9a-f]+\|0\|t'
	done
	t_is "$name: what is set and defined has its value" "$(in_order 'DO $$ BEGIN END $$' "$load" "$set")" "$(grep -oiE '^(pg_background|plpgsql)\.[a-z_]+' "$(cluster_data main)/postgresql.conf" | tr '[:upper:]' '[:lower:]' | sort -u | grep -vc aaa)"
	t_like "$name: PL/pgSQL's are there" "$in_job" '^[1-9]'
	t_is "$name: eleven are ours" "$(sql "SELECT n FROM pg_background_run_query('SELECT count(*) FROM pg_settings WHERE name LIKE ''pg\_background.%''') AS (n int8)")" 11
}
quoted() { say "${1//\'/\'\'}"; }
cp "$(cluster_data main)/postgresql.conf" "$WORK/as-made.conf"

compare 'none'
compare 'one before ours' 'pg_background.aaa = 1'
compare 'the first of ours' "pg_background.application_name = 'first'"
compare 'one in the middle' 'pg_background.max_workers = 7'
compare 'the last of ours' "pg_background.worker_timeout = '1h'"
compare 'all of ours' "pg_background.application_name = 'all'" 'pg_background.default_queue_size = 100kB' 'pg_background.job_history = 10' \
	'pg_background.launch_timeout = 1s' 'pg_background.log_jobs = none' 'pg_background.max_queue_size = 1MB' 'pg_background.max_workers = 7' \
	'pg_background.max_workers_per_role = 8' 'pg_background.max_workers_total = 9' "pg_background.worker_idle_timeout = '1s'" "pg_background.worker_timeout = '1h'"
compare 'in capitals' 'PG_Background.Worker_Timeout = 77' 'PG_BACKGROUND.MAX_WORKERS = 7'
mapfile -t lines < <(printf '%s = 1\n' ${near})
compare 'nearly ours, and some that are not' "${lines[@]}"
t_like 'those were set' "$(sql "$ours")" 'pg_backgroun.x=1, .*zzz.last=1, ämter.last=1'
compare 'one of PL/pgSQL' 'plpgsql.check_asserts = off'
compare 'all of PL/pgSQL, one nearly' "PLpgSQL.Variable_Conflict = 'use_column'" 'plpgsql.print_strict_params = on' 'plpgsql.check_asserts = off' \
	"plpgsql.extra_warnings = 'all'" "plpgsql.extra_errors = 'all'" 'plpgsq.l = 1' 'plpgsql_check.x = 1'
t_done
