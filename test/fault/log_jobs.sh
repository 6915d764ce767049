#!/usr/bin/env bash
# pg_background.log_jobs: one line of the server log for each job that ends, however it does, safely quoted; and
# pg_background.application_name: what workers are called.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'log_min_messages = error' "log_line_prefix = '%a|%b|'"
log_allow 'FATAL: +terminating (connection|background worker)'
log=$(cluster_log main)
sql 'CREATE ROLE "a ""b"" c" SUPERUSER LOGIN; CREATE ROLE plain LOGIN IN ROLE pgbackground_role'

# ended LABEL: what the log says of the job of that label, without what differs from run to run; waits for it.
ended() {
	local tries
	for ((tries = 0; tries < 200; tries++)); do
		grep -qF "ended: label=$1 pid=" "$log" && break
		sleep 0.05
	done
	grep -F "ended: label=$1 pid=" "$log" | sed -E 's/^[^|]*[|][^|]*[|]LOG:  //; s/pid=[1-9][0-9]*/pid=P/; s/cookie=[1-9][0-9]*/cookie=C/; s/duration=[0-9]+\.[0-9]{3} ms/duration=D/; s/launcher=[1-9][0-9]*$/launcher=L/'
}
line() { say "background job ended: label=$1 pid=P cookie=C state=$2 sqlstate=$3 rows=$4 duration=D user=\"postgres\" launcher=L"; }
run() { say "SELECT FROM pg_background_run_v2(\$j\$$2\$j\$, label => '$1');"; }
count() { grep -c 'background job ended' "$log"; }

session_open s
session_do s "$(run silent 'SELECT 1')" >/dev/null
session_do s "SET pg_background.log_jobs = errors; $(run quiet 'SELECT 1') $(run broken 'SELECT 1/0')" >/dev/null
t_is 'errors: a job that fails has a line' "$(ended '"broken"')" "$(line '"broken"' error 22012 0)"
t_is 'and no other' "$(count)" 1
session_do s "SET pg_background.log_jobs = 'all'; $(run fine 'SELECT 1 FROM generate_series(1, 3)')" >/dev/null
t_is 'all: so has one that succeeds' "$(ended '"fine"')" "$(line '"fine"' stopped 00000 3)"
session_do s "SELECT FROM pg_background_launch_v2('SELECT 1');" >/dev/null
t_is 'a job without a label' "$(ended none)" "$(line none stopped 00000 1)"
session_do s "SELECT FROM pg_background_run_v2('SELECT 1', label => E'two\\nlines \"and\" a \\\\ \\r\\t\\x7f LOG:  forged');" >/dev/null
odd='"two\u000alines \"and\" a \\ \u000d\u0009\u007f LOG:  forged"'
t_is 'a label with a line end, quotes and a backslash is in one line' "$(ended "$odd")" "$(line "$odd" stopped 00000 1)"
t_is 'nothing goes to the client' "$(session_do s "SET client_min_messages = log; $(run talkative 'SELECT 1') RESET client_min_messages;")" ''
t_is 'but to the log' "$(ended '"talkative"')" "$(line '"talkative"' stopped 00000 1)"
session_do s "SET log_min_error_statement = debug5; $(run alone 'SELECT 1/0') RESET log_min_error_statement;" >/dev/null
ended '"alone"' >/dev/null
t_is 'no STATEMENT follows' "$(grep -A 1 -F 'label="alone"' "$log" | grep -c STATEMENT)" 0

# However it ends.
launch() { say "SELECT pid, cookie FROM pg_background_launch('SELECT pg_sleep(60)', label => '$1') \\gset"; }
wait_for="SELECT pg_background_wait_v2(:pid, :cookie) \\g /dev/null"
running="SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND backend_type = 'pg_background'"
session_do s "$(launch stopped)" && wait_until "$running"
session_do s "SELECT pg_background_cancel_v2(:pid, :cookie) \\g /dev/null
$wait_for" >/dev/null
t_is 'cancelled' "$(ended '"stopped"')" "$(line '"stopped"' canceled 57014 0)"
session_do s "$(launch killed)" && wait_until "$running"
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND backend_type = 'pg_background'" >/dev/null
session_do s "$wait_for" >/dev/null
t_is 'terminated' "$(ended '"killed"')" "$(line '"killed"' error 57P01 0)"
session_do s "SET pg_background.worker_timeout = 100; $(run late 'SELECT pg_sleep(60)') RESET pg_background.worker_timeout;" >/dev/null
t_is 'timed out' "$(ended '"late"')" "$(line '"late"' canceled 57014 0)"
session_do s "$(launch elsewhere)" && wait_until "$running"
sql "SELECT pg_background_cancel(pid, cookie) FROM pg_background_jobs WHERE label = 'elsewhere'" >/dev/null
t_is 'cancelled by another session' "$(ended '"elsewhere"')" "$(line '"elsewhere"' canceled 57014 0)"
session_do s "SELECT FROM pg_background_launch('COMMIT', label => 'refused');" >/dev/null
t_is 'refused before it began' "$(ended '"refused"')" "$(line '"refused"' error 0A000 0)"
session_do s 'SET SESSION AUTHORIZATION "a ""b"" c";'"$(run whose 'SELECT 1')RESET SESSION AUTHORIZATION;" >/dev/null
t_like 'the name of the user is quoted as well' "$(ended '"whose"')" ' user="a \\"b\\" c" launcher=L$'
before=$(count)
session_do s "$(for ((i = 0; i < 20; i++)); do run many 'SELECT 1'; done)" >/dev/null
ended '"many"' >/dev/null && sleep 0.2
t_is 'one line each' "$(($(count) - before))" 20
t_is 'which tells the launcher' "$(grep -c "label=\"many\".* launcher=$(session_backend s)\$" "$log")" 20
session_close s
t_is 'only superusers may set it' "$(sql_code "LOAD 'pg_background'" 'SET ROLE plain' 'SET pg_background.log_jobs = none')" 42501

# --- application_name
session_open n
named() { session_do n "SELECT name FROM pg_background_run_query_v2('SELECT current_setting(''application_name'')', label => '$1', col_def => 'name text') AS (name text);"; }
session_do n "SET application_name = 'my app';"
t_is 'empty: the session'"'"'s' "$(named x)" 'my app'
session_do n "SET pg_background.application_name = 'bg %l of %p (%a) 100%% %x %';"
t_is 'label, launcher, the session'"'"'s, percent signs' "$(named work)" "bg work of $(session_backend n) (my app) 100% %x %"
t_is 'another label on the same worker' "$(named other)" "bg other of $(session_backend n) (my app) 100% %x %"
t_is 'the session'"'"'s changes' "$(session_do n "SET application_name = 'b';")$(named c)" "bg c of $(session_backend n) (b) 100% %x %"
session_do n "SELECT FROM pg_background_launch('SELECT pg_sleep(60)', label => 'seen');"
t_ok 'others see it' wait_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name LIKE 'bg seen of %'"
session_do n 'SELECT pg_background_cancel_all_v2() \g /dev/null'
t_is 'a job may set its own, and the next one has its name' "$(session_do n "SELECT FROM pg_background_run_v2('SET application_name = ''mine''', label => 'sets');")$(named d)" "bg d of $(session_backend n) (b) 100% %x %"
session_do n "SET pg_background.application_name = '%l';"
long=$(printf 'x%.0s' {1..62})
t_is 'cut at 63 bytes, at a character' "$(named "${long}ü")" "$long"
t_is 'without a notice' "$(session_do n "SELECT FROM pg_background_run_v2('SELECT 1', label => '$long$long');")" ''
t_is 'set back: the session'"'"'s again' "$(session_do n 'RESET pg_background.application_name;')$(named e)" b
t_is 'the worker stays for the next job' "$(session_do n "SET pg_background.application_name = '%l'; SET pg_background.worker_idle_timeout = '1min';
	SELECT count(DISTINCT pid) FROM generate_series(1, 10) i, pg_background_run_v2('SELECT 1', label => 'l' || i);")" 1
session_close n
t_no_leaks 'nothing is left'
t_done
