#!/usr/bin/env bash
# What becomes of a job's parameters, and of its notification, when something happens between its launch and its run.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'max_worker_processes = 6'
log_allow 'FATAL: +terminating background worker' 'WARNING: +could not notify'
session_open s
session_open other

# between NAME PREPARE PARAMETER CHANGE WANTED: the job gets its parameter, then somebody changes its type.
between() {
	local code
	session_do other "$2" >/dev/null
	arm worker-restored hold
	session_do s "SELECT pid, cookie FROM pg_background_launch('SELECT \$1::text', params => ROW($3)) \\gset" >/dev/null
	arrival worker-restored >/dev/null
	session_do other "$4" >/dev/null
	disarm_all
	code=$(session_do s "SELECT pg_background_wait(:pid, :cookie) \\g /dev/null
SELECT coalesce(sqlstate, state) FROM pg_background_outcome(:pid, :cookie);
SELECT pg_background_detach(:pid, :cookie) \\g /dev/null")
	t_is "$1" "$code" "$5"
	session_do other 'SET client_min_messages = error; DROP TYPE IF EXISTS pair, outer_pair CASCADE; DROP TABLE IF EXISTS pairs;' >/dev/null
}
pair='CREATE TYPE pair AS (a int, b text);'
between 'nothing' "$pair" "ROW(1, 'x')::pair" 'SELECT 1;' stopped
between 'an attribute is added' "$pair" "ROW(1, 'x')::pair" 'ALTER TYPE pair ADD ATTRIBUTE c int;' stopped
between 'an attribute is dropped' "$pair" "ROW(1, 'x')::pair" 'ALTER TYPE pair DROP ATTRIBUTE b;' 42804
between 'an attribute has another type' "$pair" "ROW(1, repeat('x', 1000))::pair" 'ALTER TYPE pair ALTER ATTRIBUTE a TYPE text;' 42804
between 'in an array' "$pair" "ARRAY[ROW(1, 'x')::pair]" 'ALTER TYPE pair ALTER ATTRIBUTE a TYPE text;' 42804
between 'in a row' "$pair CREATE TYPE outer_pair AS (p pair);" "ROW(ROW(1, 'x')::pair)::outer_pair" 'ALTER TYPE pair ALTER ATTRIBUTE a TYPE text;' 42804
between 'in a range' "$pair CREATE TYPE outer_pair AS RANGE (subtype = pair);" "outer_pair(ROW(1, 'x')::pair, ROW(2, 'y')::pair)" 'ALTER TYPE pair ALTER ATTRIBUTE a TYPE text;' 42804
between 'a table is rewritten' 'CREATE TABLE pairs (a int, b text);' "ROW(1, 'x')::pairs" 'ALTER TABLE pairs ALTER a TYPE text;' 42804
between 'the type is gone' "$pair" "ROW(1, 'x')::pair" 'DROP TYPE pair;' 42704
between 'another type has its name' "$pair" "ROW(1, 'x')::pair" "DROP TYPE pair; CREATE TYPE pair AS (a text, b int8);" 42704
# What initdb has made may change as well.
between 'a table of the information schema is rewritten' 'SELECT 1;' "ARRAY[ROW('a', 'b', 'YES', NULL, NULL)::information_schema.sql_parts]" 'ALTER TABLE information_schema.sql_parts ALTER feature_name TYPE int USING 1;' 42804
between 'the information schema is gone' 'SELECT 1;' '1::information_schema.cardinal_number' 'DROP SCHEMA information_schema CASCADE;' 42704

# A notification that cannot be sent is a warning in the log, and the worker takes the next job.
session_do s "SET pg_background.worker_idle_timeout = '5s';"
session_do s "SELECT pid AS before FROM pg_background_run('SELECT 1') \\gset" >/dev/null
arm worker-notify error
t_is 'a notification that fails' "$(session_do s "SELECT completed, has_error, pid = :before FROM pg_background_run('SELECT 1', notify => 'done');")" 't|f|t'
wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'idle'"
disarm_all
t_is 'then the next job' "$(session_do s "SELECT completed, pid = :before FROM pg_background_run('SELECT 1');")" 't|t'
t_ok 'it is in the log' grep -q 'WARNING: .*could not notify channel "done" of the end of a background job' "$WORK/log/main.log"
# Terminated meanwhile: the outcome stands.
arm worker-notify wait
session_do s "SELECT pid, cookie FROM pg_background_launch('SELECT 7', notify => 'done') \\gset" >/dev/null
worker=$(arrival worker-notify)
sql "SELECT pg_terminate_backend($worker)" >/dev/null
t_is 'terminated while it notifies' "$(session_do s 'SELECT * FROM pg_background_result(:pid, :cookie) AS (a int);')" 7
disarm_all
session_close other
t_is 'nothing is left' "$(nothing_left s)" nothing
session_close s
t_done
