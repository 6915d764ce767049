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
# In the select list each row becomes a value of the type as it is by then; in FROM, where somebody refers to whole rows. The job is
# forgotten, and the session goes on.
sql "CREATE TABLE wide (a int8, b text); CREATE FUNCTION looks() RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE ''LOCK TABLE wide IN ACCESS SHARE MODE''; RETURN 1; END'"
# altered_by_job CHANGE IN-LIST IN-FROM
altered_by_job() {
	local call rows wanted i=1
	call="pg_background_query(NULL::wide, \$\$ALTER TABLE wide $1; SELECT 123456789::int8, 'x'\$\$)"
	for rows in "SELECT $call AS o" "SELECT o FROM $call AS o"; do
		i=$((i + 1)) wanted=${!i}
		t_is "a row type altered by its own job: ${rows%%NULL*}, $1" "$(session_do reader "SELECT looks(), o FROM ($rows OFFSET 0) s;")" "$wanted"
		sql 'DROP TABLE wide; CREATE TABLE wide (a int8, b text)'
	done
	t_is "then: $1" "$(session_do reader 'SELECT pg_background_detach_all(); SELECT n FROM pg_background_run_query($$SELECT 7$$) AS (n int);')" $'0\n7'
}
altered_by_job 'ADD c int' '1|(123456789,x,)' 'ERROR:  42804'
altered_by_job 'ALTER a TYPE text' 'ERROR:  42804' 'ERROR:  42804'
altered_by_job 'DROP a' 'ERROR:  42804' '1|(x)'
# The executor looks at the first row of the first call alone.
t_is 'by a later call of the same scan' "$(session_do reader "SELECT o FROM generate_series(1, 2) i, LATERAL pg_background_query(NULL::wide, CASE i WHEN 1 THEN '' ELSE 'ALTER TABLE wide ALTER a TYPE text;' END || 'SELECT 123456789::int8, ''x''') AS o;")" 'ERROR:  42804'
sql 'DROP TABLE wide; CREATE TABLE wide (a int8, b text)'
t_is 'columns alone, of which one is gone' "$(session_do reader "SELECT b FROM pg_background_query(NULL::wide, 'ALTER TABLE wide DROP a; SELECT 123456789::int8, ''x''');")" x
session_close reader
session_close other
t_no_leaks 'nothing is left'
t_done
