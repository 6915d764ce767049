#!/usr/bin/env bash
# Places of one role, and the idle workers of others.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_worker_processes = 16' "pg_background.worker_idle_timeout = '1h'"
sql 'CREATE ROLE one SUPERUSER LOGIN; CREATE ROLE other SUPERUSER LOGIN'

session_open one -U one
session_open other -U other
idle=$(session_do one "SELECT pid FROM pg_background_run_v2('SELECT 1');")
t_is 'it is idle' "$(wait_until "SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $idle")" ''
session_do other 'SET pg_background.max_workers_per_role = 1;' >/dev/null
session_do other "SELECT count(*) FROM pg_background_launch_v2('SELECT pg_sleep(60)');" >/dev/null
t_like 'a role that has no place left is told so' "$(session_do other "SELECT pid FROM pg_background_launch_v2('SELECT 1');")" 'too many background workers of this role'
t_is 'and no worker of another role had to go for it' "$(session_do one "SELECT pid FROM pg_background_run_v2('SELECT 1');")" "$idle"
session_do other 'SELECT pg_background_cancel_all_v2();' >/dev/null
session_close one
session_close other
t_no_leaks 'nothing is left'
t_done
