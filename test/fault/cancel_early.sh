#!/usr/bin/env bash
# A job that is cancelled right after its launch: the worker may be anywhere between fork and its first statement.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main

cat >"$WORK/log/cancel.sql" <<'SQL'
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(3600)') \gset
SELECT pg_background_cancel_v2(:pid, :cookie) \g /dev/null
SELECT pg_background_wait_v2_timeout(:pid, :cookie, 10000) AS ended \gset
SELECT :'ended', state, sqlstate FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie) \g /dev/null
SQL
for ((i = 0; i < 40; i++)); do printf '\\i %s\n' "$WORK/log/cancel.sql"; done >"$WORK/log/cancel40.sql"
t_is '40 times cancelled' "$(psql -XAtq -f "$WORK/log/cancel40.sql" 2>&1 | sort | uniq -c | sed 's/^ *//')" '40 t|canceled|57014'
t_is 'the session counts them' "$(psql -XAtq -f "$WORK/log/cancel40.sql" -c 'SELECT workers_launched, workers_canceled FROM pg_background_stats_v2()' | tail -n 1)" '40|40'
t_no_leaks 'nothing is left'
t_done
