#!/usr/bin/env bash
# Who may connect changes under a session's feet, or the library does: its jobs run as who it was, or fail with the
# server's own reason, and never as anybody else.
. "$(dirname "$0")/../lib.sh"
suite_begin
log_allow 'FATAL: +(role|permission denied for database|database|terminating background worker)' 'FATAL: +could not .*pg_background' \
	'ERROR: +could not (access file|find function)' 'FATAL: +no pg_hba' 'FATAL: +(too many|remaining)'
cp -a "$TREE" "$WORK/tree-own"
tree_use "$WORK/tree-own"
PGBG_TREE=$TREE
cluster_new main 'pg_background.launch_timeout = 0' 'pg_background.worker_idle_timeout = 0' 'max_connections = 20'
sql 'CREATE DATABASE other'
psql -XAtq -d other -c 'CREATE EXTENSION pg_background; CREATE TABLE who(is_was text)'
psql -XAtq -d other -c 'GRANT CREATE ON SCHEMA public TO PUBLIC'
one="SELECT sqlstate, error_message FROM pg_background_run_v2('SELECT 1');"
whoami="SELECT u, s FROM pg_background_run_query_v2('SELECT current_user::text, session_user::text', col_def => 'u text, s text') AS (u text, s text);"
# person NAME: a role that may use the extension, and its session of that name in the database other.
person() {
	sql "CREATE ROLE $1 LOGIN IN ROLE pgbackground_role"
	session_open "$1" -U "$1" -d other -v VERBOSITY=sqlstate
}

person anna
t_is 'to begin with' "$(session_do anna "$whoami")" 'anna|anna'
sql 'ALTER ROLE anna RENAME TO berta'
t_is 'a role that was renamed' "$(session_do anna "$whoami")" 'berta|berta'
sql 'CREATE ROLE anna LOGIN SUPERUSER'
t_is 'and whose name somebody else has taken' "$(session_do anna "$whoami")" 'berta|berta'
session_do anna "SET pg_background.worker_idle_timeout = '1min';
SELECT sqlstate FROM pg_background_run_v2('SELECT 1');" >/dev/null
sql 'ALTER ROLE berta RENAME TO carla'
sql 'CREATE ROLE berta LOGIN SUPERUSER'
t_is 'the same between two jobs of a warm worker' "$(session_do anna "$whoami")" 'carla|carla'
session_do anna 'RESET pg_background.worker_idle_timeout;'
sql 'ALTER ROLE carla NOLOGIN'
t_is 'NOLOGIN' "$(session_do anna "$one")" '28000|role "carla" is not permitted to log in'
sql 'ALTER ROLE carla LOGIN CONNECTION LIMIT 0'
t_is 'CONNECTION LIMIT does not count background workers' "$(session_do anna "$one")" '|'
sql 'ALTER DATABASE other CONNECTION LIMIT 1'
t_is 'neither does that of the database' "$(session_do anna "$one")" '|'
sql 'ALTER DATABASE other CONNECTION LIMIT -1'
sql 'REVOKE CONNECT ON DATABASE other FROM PUBLIC'
t_is 'CONNECT revoked' "$(session_do anna "$one")" '42501|permission denied for database "other"'
sql 'GRANT CONNECT ON DATABASE other TO PUBLIC'
sql 'ALTER DATABASE other ALLOW_CONNECTIONS false'
t_like 'ALLOW_CONNECTIONS false' "$(session_do anna "$one")" '^55000\|database "other" is not currently accepting connections$'
sql 'ALTER DATABASE other ALLOW_CONNECTIONS true'
t_is 'the session goes on' "$(session_do anna "$whoami")" 'carla|carla'

# SET ROLE to somebody who is renamed, or goes.
sql 'CREATE ROLE helper; GRANT helper TO carla; GRANT pgbackground_role TO helper'
session_do anna 'SET ROLE helper;'
t_is 'SET ROLE' "$(session_do anna "$whoami")" 'helper|carla'
sql 'ALTER ROLE helper RENAME TO assistant'
sql 'CREATE ROLE helper SUPERUSER'
t_is 'SET ROLE to one that was renamed, its name taken' "$(session_do anna "$whoami")" 'assistant|carla'
sql 'REVOKE assistant FROM carla'
t_like 'SET ROLE to one whose membership was revoked: as the session itself, or not at all' "$(session_do anna "$whoami")" '^(assistant\|carla|ERROR:  42501|ERROR:  28000|ERROR:  22023)$'
session_do anna 'RESET ROLE;'

# Dropped, while its session is there and while its job runs.
session_do anna "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(0.5); INSERT INTO who VALUES (current_user)') \\gset"
sql 'DROP ROLE carla'
# Nobody may ask for its outcome any more: the role's right to call our functions went with it.
t_is 'a session whose role was dropped may not call anything' "$(session_do anna 'SELECT pg_background_wait_v2(:pid, :cookie);')" 'ERROR:  42501'
wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
pass 'a job whose role is dropped comes to an end'
session_close anna
t_no_leaks 'nothing is left of these'

# The library.
library=$(find "$PKGLIB" -name 'pg_background.*' | head -n 1)
session_open s -v VERBOSITY=sqlstate
session_do s "$one" >/dev/null
mv "$library" "$library.away"
t_is 'library missing: 53000' "$(session_do s "$one")" 'ERROR:  53000'
t_is '40 times: no slot is lost' "$(for ((i = 0; i < 40; i++)); do session_do s "$one"; done | sort | uniq -c | sed 's/^ *//')" '40 ERROR:  53000'
# Another library of that name, without our entry.
cp "$PKGLIB"/plpgsql.so "$library" 2>/dev/null || cp "$("$PG_CONFIG" --pkglibdir)/plpgsql.so" "$library"
t_is 'another library in its place: 53000' "$(session_do s "$one")" 'ERROR:  53000'
rm "$library"
echo 'no library at all' >"$library"
t_is 'no library in its place: 53000' "$(session_do s "$one")" 'ERROR:  53000'
mv "$library.away" "$library"
t_is 'and when it is back, its session goes on' "$(session_do s "$one")" '|'
# The same code in a new file, as an upgrade of the package leaves it: the session has the old one mapped.
cp "$library" "$library.new" && mv "$library.new" "$library"
t_is 'replaced by a new file under a live session' "$(session_do s "$one")" '|'
session_do s "SET pg_background.worker_idle_timeout = '1min';
SELECT sqlstate FROM pg_background_run_v2('SELECT 1');
SELECT pid, cookie FROM pg_background_launch_v2('SELECT g FROM generate_series(1, 1000000) g') \\gset" >/dev/null
cp "$library" "$library.new" && mv "$library.new" "$library"
t_is 'replaced while a job runs' "$(session_do s 'SELECT count(*) FROM pg_background_result_v2(:pid, :cookie) AS (g int);')" 1000000
t_is 'and on a warm worker' "$(session_do s "$one")" '|'
# Sessions with the C extension's library launch its entry by name: ours must not answer to it.
t_is "the library does not answer to the C extension's entry" "$(nm -D --defined-only "$library" 2>/dev/null | grep -c ' pg_background_worker_main$')" 0
t_like 'its own entry carries the layout version' "$(nm -D --defined-only "$library" 2>/dev/null)" ' T pg_background_worker_layout_[0-9]+'
session_close s
t_no_leaks 'nothing is left'
t_done
