#!/usr/bin/env bash
# Jobs of one snapshot see one state of the database, while others write.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_worker_processes = 16' 'max_connections = 30'
log_allow 'unexpected EOF on client connection with an open transaction'
sql 'CREATE TABLE accounts (id int PRIMARY KEY, balance int8) WITH (fillfactor = 50)'
sql 'INSERT INTO accounts SELECT g, 1000 FROM generate_series(1, 1000) g'

# Money moves from one account to another in transactions of two statements, so that a sum over all accounts that does not
# see one state of the database is wrong.
cat >"$WORK/transfer.sql" <<'SQL'
\set from random(1, 1000)
\set to random(1, 1000)
\set amount random(1, 100)
BEGIN;
UPDATE accounts SET balance = balance - :amount WHERE id = :from;
UPDATE accounts SET balance = balance + :amount WHERE id = :to;
COMMIT;
SQL
chmod 644 "$WORK/transfer.sql"
pgbench -n -c 3 -T 600 -f "$WORK/transfer.sql" >/dev/null 2>&1 &
transfers=$!
trap 'set -- $?; kill "$transfers" 2>/dev/null; (exit "$1"); work_end' EXIT
wait_until "SELECT count(*) > 0 FROM accounts WHERE balance <> 1000"

# only_with_snapshot NAME SQL WANTED: what a query of jobs yields, each time where SNAPSHOT is true, and not each time where
# it is false.
only_with_snapshot() {
	local wrong=0
	for _ in {1..20}; do
		[ "$(sql "${2/SNAPSHOT/true}")" = "$3" ] || wrong=$((wrong + 1))
	done
	t_is "$1" "$wrong" 0
	for _ in {1..200}; do
		[ "$(sql "${2/SNAPSHOT/false}")" = "$3" ] || { wrong=1; break; }
	done
	t_is "$1: not without" "$wrong" 1
}

# Eight jobs, an eighth of the accounts each: the sum of their sums, and the caller's own.
eighths="SELECT (SELECT sum(balance) FROM accounts), sum(part) FROM (
    SELECT h FROM generate_series(0, 7) AS i, LATERAL pg_background_launch('SELECT sum(balance) FROM accounts WHERE id % 8 = \$1', params => ROW(i), snapshot => SNAPSHOT) AS h OFFSET 0) AS l,
    LATERAL pg_background_result((l.h).pid, (l.h).cookie) AS r(part numeric);"
only_with_snapshot 'sums of eight jobs with one snapshot agree with the caller' "$eighths" '1000000|1000000'
t_is 'in a REPEATABLE READ transaction all calls see the same' "$(session_open s
session_do s "BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT md5(string_agg(id || ':' || balance, ',' ORDER BY id)) AS own FROM accounts \\gset
SELECT pg_sleep(0.2) \\g /dev/null
SELECT count(*) FROM generate_series(1, 5) AS i, LATERAL pg_background_run_query('SELECT md5(string_agg(id || '':'' || balance, '','' ORDER BY id)) FROM accounts WHERE \$1 = \$1', params => ROW(i), snapshot => true) AS r(sum text) WHERE sum = :'own';
COMMIT;"
session_close s)" 5

# Every row is once in the ranges of ctid that the jobs of one call take, though updates move rows from page to page.
pages=$(sql "SELECT pg_relation_size('accounts') / 8192 / 8 + 1")
ranges="SELECT count(*), count(DISTINCT id), sum(balance) FROM (
    SELECT h FROM generate_series(0, 7) AS i, LATERAL pg_background_launch('SELECT id, balance FROM accounts WHERE ctid >= \$1 AND (\$2 IS NULL OR ctid < \$2)',
        params => ROW(format('(%s,0)', i * $pages)::tid, CASE WHEN i < 7 THEN format('(%s,0)', (i + 1) * $pages) END::tid), snapshot => SNAPSHOT) AS h OFFSET 0) AS l,
    LATERAL pg_background_result((l.h).pid, (l.h).cookie) AS r(id int, balance int8);"
only_with_snapshot 'ranges of ctid with one snapshot have every row once' "$ranges" '1000|1000|1000000'

# In autocommit the exporting transaction ends with the launch: the job has it by then, or launching fails at random.
session_open s
t_is 'a thousand launches in autocommit' "$(session_do s "SELECT count(*) AS failed FROM pg_background_run_all('{}') \\gset
SELECT 'SELECT pid, cookie FROM pg_background_launch(''SELECT sum(balance) FROM accounts'', snapshot => true) \\gset' AS launch \\gset
$(for _ in {1..1000}; do say "SELECT pid, cookie FROM pg_background_launch('SELECT sum(balance) FROM accounts', snapshot => true) \\gset
SELECT sum FROM pg_background_result(:pid, :cookie) AS (sum numeric);"; done)" | sort | uniq -c | tr -s ' ' | sed 's/^ //')" '1000 1000000'
session_close s
kill "$transfers" 2>/dev/null
wait "$transfers" 2>/dev/null

# A transaction that has exported one cannot be prepared: PostgreSQL's rule.
cluster_stop main
cluster_conf main 'max_prepared_transactions = 2'
cluster_start main
t_sqlstate 'PREPARE TRANSACTION' 0A000 "BEGIN; SELECT 1 FROM pg_background_run('SELECT 1', snapshot => true); PREPARE TRANSACTION 'p'"
t_no_leaks 'nothing is left'
t_done
