#!/usr/bin/env bash
# Somebody alters a row type while its values are on the way to a reader who waits for them: 42804 where they cross as rows, never a
# crash.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main
sql 'CREATE TYPE pair AS (a int, b text)'
session_open reader -v VERBOSITY=sqlstate
session_open other
# Far more than the queue holds, so that the reader takes rows while the job still waits.
job="SELECT ROW(g, ''x'')::pair FROM generate_series(1, 50000) g WHERE g < 49000 OR pg_advisory_xact_lock_shared(1) IS NOT NULL"

# Prepared, because planning the statement would lock the declared type for as long as it runs.
# read_while COLUMN-TYPE COMMAND: what a reader gets if the command comes while it reads.
read_while() {
	session_do other 'SELECT pg_advisory_lock(1) \g /dev/null' >/dev/null
	session_do reader "DEALLOCATE ALL;
PREPARE reading AS SELECT count(*), max(length(x::text)) FROM pg_background_run_query_v2('$job') AS (x $1);" >/dev/null
	session_send reader 'EXECUTE reading;'
	wait_until "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted" >/dev/null
	session_do other "$2
SELECT pg_advisory_unlock(1) \\g /dev/null" >/dev/null
	session_sync reader
	session_output reader | tail -n 1
}
t_is 'nothing altered: every row' "$(read_while pair 'SELECT 1;')" '50000|9'
t_is 'a column of another type' "$(read_while pair 'ALTER TYPE pair ALTER ATTRIBUTE b TYPE varchar;')" 'ERROR:  42804'
t_is 'declared text it was converted where it was made' "$(read_while text 'ALTER TYPE pair ALTER ATTRIBUTE b TYPE text;')" '50000|9'
t_is 'the session goes on' "$(read_while pair 'SELECT 1;')" '50000|9'
t_is 'a column more: every row' "$(read_while pair 'ALTER TYPE pair ADD ATTRIBUTE c int;')" '50000|10'
session_close reader
session_close other
t_no_leaks 'nothing is left'
t_done
