#!/usr/bin/env bash
# A worker that is new knows all settings of its session, by their names and in their order, whatever the configuration sets of
# ours or of those whose names are nearly ours.
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

# compare NAME [CONF-LINE...]: what a job sees beside what its session sees.
compare() {
	local name=$1 in_session in_job
	shift
	cluster_stop main 2>/dev/null
	cp "$WORK/as-made.conf" "$(cluster_data main)/postgresql.conf"
	cluster_conf main "$@"
	cluster_start main || die 'no server'
	cluster_use main
	sql 'CREATE EXTENSION IF NOT EXISTS pg_background' 2>/dev/null
	in_session=$(sql "$ours" -c 'SELECT count(*) < 0 FROM pg_background_list' -c "$all" | tail -n +2)
	in_job=$(sql "SELECT a, b, c, d FROM pg_background_run_query('$(quoted "$all")') AS (a int8, b text, c int8, d bool)"
		sql "SELECT a, b FROM pg_background_run_query('$(quoted "$ours")') AS (a text, b text)")
	t_is "$name: a job sees what its session does" "$in_job" "$in_session"
	t_like "$name: each is found, all are in order" "$in_job" '^[0-9]+\|[0-9a-f]+\|0\|t'
	t_like "$name: eleven are ours" "$(sql "SELECT n FROM pg_background_run_query('SELECT count(*) FROM pg_settings WHERE name LIKE ''pg\_background.%''') AS (n int8)")" '^11$'
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
t_done
