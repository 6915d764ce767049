#!/usr/bin/env bash
# Databases that are not UTF-8: rows, names, messages, previews and progress arrive byte for byte, cut between characters.
. "$(dirname "$0")/../lib.sh"
suite_begin
log_allow 'FATAL: +terminating background worker'
cluster_new main 'max_connections = 20'
# database NAME ENCODING: made, and in use from here on.
database() {
	PGDATABASE=postgres
	sql "CREATE DATABASE $1 ENCODING '$2' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0" || die "no database in $2"
	export PGDATABASE=$1
	psql -XAtq -c 'CREATE EXTENSION pg_background'
}

# check NAME ENCODING CHARACTER: CHARACTER is a SQL expression of a character that is not ASCII.
check() {
	local name=$1 encoding=$2 c=$3 function=$4 want
	database "$name" "$encoding"
	want=$(sql "SELECT encode($function, 'hex') FROM (SELECT $c AS c) x")
	# Text of the database encoding as the job sees and sends it; bytea shows the bytes whatever the client's encoding is.
	local bytes="encode($function, 'hex')"
	local job="SELECT $c AS c"
	t_is "$encoding: rows" "$(sql "SELECT $bytes FROM pg_background_run_query_v2('${job//\'/\'\'}', col_def => 'c text') AS (c text)")" "$want"
	t_is "$encoding: rows through output functions" "$(sql "SELECT $bytes FROM pg_background_run_query_v2('SELECT ROW(c) FROM (${job//\'/\'\'}) x', col_def => 'c text') AS (c text)" | grep -c "${want//\\x/}")" 1
	t_is "$encoding: the SQL itself, with the character in it" "$(sql "DO \$\$DECLARE r text; BEGIN SELECT $bytes INTO r FROM pg_background_run_query_v2('SELECT ''' || $c || '''::text', col_def => 'c text') AS (c text); IF r <> '$want' THEN RAISE '%', r; END IF; END\$\$" 2>&1)" ''
	t_is "$encoding: messages" "$(sql "SELECT $bytes FROM (SELECT error_message AS c FROM pg_background_run_v2('DO \$j\$BEGIN RAISE ''%'', ${c//\'/\'\'}; END\$j\$')) x")" "$want"
	t_is "$encoding: messages of a job that sets client_encoding" "$(sql "SELECT $bytes FROM (SELECT error_message AS c FROM pg_background_run_v2('SET client_encoding = UTF8; DO \$j\$BEGIN RAISE ''%'', ${c//\'/\'\'}; END\$j\$')) x")" "$5"
	t_is "$encoding: a long message is whole" "$(sql "DO \$\$DECLARE j pg_background_handle; n int; BEGIN
j := pg_background_launch_v2('DO \$j\$BEGIN RAISE ''%'', repeat(${c//\'/\'\'}, 10001); END\$j\$');
PERFORM pg_background_wait_v2(j.pid, j.cookie);
SELECT length(message) INTO n FROM pg_background_error_info_v2(j.pid, j.cookie);
IF n <> 10001 * length($c) THEN RAISE 'length %', n; END IF; END\$\$" 2>&1)" ''
	# last_error is cut at 512 bytes, sql_preview at 120, progress at 255: never within a character.
	local odd
	for odd in '' x xx; do
		t_is "$encoding: cut between characters, after ${#odd} bytes" "$(sql "DO \$\$DECLARE j pg_background_handle; l record; p text; c text := $c; w int := octet_length(c); o int := ${#odd}; BEGIN
j := pg_background_launch_v2('--$odd' || repeat(c, 500) || E'\\nSELECT pg_background_progress(7, ''$odd' || repeat(c, 400) || '''); DO \$j\$BEGIN RAISE ''%'', ''$odd' || repeat(c, 600) || '''; END\$j\$', 0, '$odd' || repeat(c, 300));
PERFORM pg_background_wait_v2(j.pid, j.cookie);
SELECT * INTO l FROM pg_background_list WHERE cookie = j.cookie;
p := (pg_background_get_progress_v2(j.pid, j.cookie)).progress_msg;
IF l.sql_preview <> '--$odd' || repeat(c, (118 - o) / w) THEN RAISE 'preview % of %', octet_length(l.sql_preview), l.sql_preview; END IF;
IF l.last_error <> '$odd' || repeat(c, (512 - o) / w) THEN RAISE 'error % of %', octet_length(l.last_error), l.last_error; END IF;
IF p <> '$odd' || repeat(c, (255 - o) / w) THEN RAISE 'progress % of %', octet_length(p), p; END IF;
END\$\$" 2>&1)" ''
	done
	t_is "$encoding: names of columns and of jobs" "$(sql "DO \$\$DECLARE j pg_background_handle; BEGIN
j := pg_background_launch_v2('SELECT 1 AS \"' || $c || '\"', 0, $c);
PERFORM FROM pg_background_result_v2(j.pid, j.cookie) AS (n int);
END\$\$" 2>&1)" ''
	t_like "$encoding: a notice comes to the client" "$(sql "SELECT n FROM pg_background_run_query_v2('DO \$j\$BEGIN RAISE NOTICE ''here: %'', ${c//\'/\'\'}; END\$j\$; SELECT 1', col_def => 'n int') AS (n int)" 2>&1 | tr -d '\200-\377')" 'NOTICE:  here: '
}

check latin1 LATIN1 'chr(233)' "convert_to(c, 'LATIN1')" e9
check eucjp EUC_JP "convert_from('\\xa4a2', 'EUC_JP')" "convert_to(c, 'EUC_JP')" a4a2
# No conversion from or to it: bytes are bytes. A client that asks for UTF-8 gets the server's own error for bytes that
# are not, and so does a job.
check ascii SQL_ASCII "convert_from('\\xe9', 'SQL_ASCII')" 'c::bytea' \
	"$(printf 'invalid byte sequence for encoding "UTF8": 0xe9' | od -An -tx1 | tr -d ' \n')"
check utf8 UTF8 'chr(8364)' "convert_to(c, 'UTF8')" e282ac

# A client that has no such character: the job does not care.
PGDATABASE=utf8
t_is 'a client encoding that lacks a character: the job succeeds' "$(psql -XAtq -c 'SET client_encoding = LATIN1' -c "SELECT state FROM (SELECT pid, cookie, pg_background_wait_v2(pid, cookie) FROM pg_background_launch_v2('SELECT chr(8364)')) j, pg_background_outcome_v2(j.pid, j.cookie)")" stopped
t_is 'and its rows are as they are' "$(psql -XAtq -c 'SET client_encoding = LATIN1' -c "SELECT ascii(c) FROM pg_background_run_query_v2('SELECT chr(8364)', col_def => 'c text') AS (c text)")" 8364
t_is 'a message that it lacks is an error of the client alone' "$(psql -XAtq -v VERBOSITY=sqlstate -c 'SET client_encoding = LATIN1' -c "SELECT sqlstate FROM pg_background_run_v2('DO \$\$BEGIN RAISE ''%'', chr(8364); END\$\$')" 2>&1)" P0001
PGDATABASE=postgres
t_no_leaks 'nothing is left'
t_done
