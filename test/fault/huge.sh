#!/usr/bin/env bash
# Values, texts and unread results as large as PostgreSQL allows, and a little larger: what fits arrives, the rest is 54000.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'work_mem = 64kB' 'autovacuum = off'
# Two of them are just less than a row may have (1 GB less one byte), two of the others a little more.
half=536870000 more=540000000
session_open s -v VERBOSITY=sqlstate
query() { session_do s "SELECT $1 FROM pg_background_run_query_v2($2) AS ($3);" 600; }
failed() { session_do s "SELECT sqlstate FROM pg_background_run_v2($1);" 600; }

# --- rows
t_is 'almost a gigabyte in a row' "$(query 'length(t), length(u), right(t, 1), right(u, 1)' "\$\$SELECT repeat('x', $half), repeat('y', $half)\$\$" 't text, u text')" "$half|$half|x|y"
session_do s "CREATE TABLE t (a text, b text);
ALTER TABLE t ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL;
INSERT INTO t SELECT repeat('x', $more);
UPDATE t SET b = repeat('y', $more);" 600
t_is 'more than a row can be: refused' "$(query 'length(t)' '$$SELECT * FROM t$$' 't text, u text')" 'ERROR:  54000'
t_is 'in the words of newer minor releases' "$(session_do s '\echo :LAST_ERROR_MESSAGE' 60)" 'tuple is too big'
# PostgreSQL's own error as it makes the text: its newer minor releases say 54000, older ones XX000, for want of a word.
t_like 'as text, too' "$(query 'length(t)' '$$SELECT ROW(a, b) FROM t$$' 't text')" '^ERROR:  (54000|XX000)$'
t_is 'which nobody minds who wants no rows' "$(failed '$$SELECT * FROM t$$')" ''

# --- texts: of the job, of its label, its progress, its errors, its notices, patterns, column lists
# Addresses of 32 bits have no room for all copies of it.
t_like 'SQL of a gigabyte: 54000 or 53200, or it runs' "$(session_do s "SELECT sqlstate FROM pg_background_run_v2('SELECT 1 --' || repeat('x', 1073741000));" 600)" '^$|^ERROR:  (54000|53200)$'
t_is 'SQL of 100 MB, which can be seen' "$(session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 /*' || repeat('x', 100000000) || '*/') \\gset
SELECT length(pg_background_full_sql_v2(:pid, :cookie)), (SELECT length(sql_preview) FROM pg_background_list);
SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null
SELECT pg_background_detach_v2(:pid, :cookie) \\g /dev/null" 600)" '100000013|120'
t_is 'a label, and a pattern for it' "$(session_do s "SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)', 0, repeat('x', 100000000)) \\gset
SELECT length(label) FROM pg_background_outcome_v2(:pid, :cookie);
SELECT pg_background_cancel_by_label_v2(repeat('x', 99999999) || '_', 600000);
SELECT pg_background_detach_v2(:pid, :cookie) \\g /dev/null" 600)" $'100000000\n1'
t_is 'progress' "$(session_do s "SELECT pid, cookie FROM pg_background_launch_v2(\$\$SELECT pg_background_progress(1, repeat('x', 100000000))\$\$) \\gset
SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null
SELECT length(progress_msg) FROM pg_background_get_progress_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie) \\g /dev/null" 600)" 255
t_is 'an error' "$(session_do s "SELECT pid, cookie FROM pg_background_launch_v2(\$j\$DO \$d\$ BEGIN RAISE EXCEPTION '%', repeat('x', 100000000); END \$d\$\$j\$) \\gset
SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null
SELECT sqlstate, length(message) FROM pg_background_error_info_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie) \\g /dev/null" 600)" 'P0001|100000000'
t_is 'a column list' "$(query n "'SELECT 1', col_def => 'n int' || repeat(' ', 100000000)" 'n int')" 1
t_is 'the session and its jobs go on' "$(query n "'SELECT 1'" 'n int')" 1

# --- more rows than one file holds, through transactions
rows='SELECT g, repeat(chr(97 + g % 26), 1000) FROM generate_series(1, 1150000) g'
session_do s "BEGIN; SELECT pid, cookie FROM pg_background_launch_v2('$rows') \\gset
SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null
ROLLBACK; BEGIN; COMMIT;" 120 >/dev/null
t_ok 'unread rows of more than one gigabyte' [ -n "$(find "$(cluster_data main)/base/pgsql_tmp/pgsql_tmp$(session_backend s).pgbg" -type f -size +1G)" ]
t_is 'every row of it, in order' "$(session_do s "SELECT count(*), count(*) FILTER (WHERE g = n AND t = repeat(chr(97 + g % 26), 1000))
FROM (SELECT *, row_number() OVER () AS n FROM pg_background_result_v2(:pid, :cookie) AS (g int, t text)) r;" 600)" '1150000|1150000'
session_close s
t_no_leaks 'nothing is left'
t_is 'nor on disk' "$(find "$(cluster_data main)/base/pgsql_tmp" -type f | wc -l)" 0
t_done
