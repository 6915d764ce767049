#!/usr/bin/env bash
# A worker is cancelled, terminated, fails or leaves at every step of a job's life. What was committed is reported as a
# success and everything else as what it was; whatever happens, the launcher learns of it and nothing is left.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/points.bash"
suite_begin
injection_cluster main 'max_worker_processes = 6' 'pg_background.worker_idle_timeout = 0' 'log_min_messages = fatal' \
	'log_min_duration_statement = 0'
log_allow 'FATAL: +terminating background worker'
sql 'CREATE TABLE done(step text)'
sql "INSERT INTO done VALUES ('warm')"
one_job="SELECT pid FROM pg_background_run_v2('SELECT 1');"
# Set where the worker is to have done a job before; it is then the process $sleeper.
warm='' sleeper=''
COUNT=0

# at POINT WHAT WANTED: disturbs the worker at that point; WANTED is "state sqlstate" of the outcome. A step is done if
# and only if it is reported as done.
at() {
	local point=$1 what=$2 wanted=$3 action=wait worker got done launched
	COUNT=$((COUNT + 1))
	case $what in
		*-late) action=hold ;;
		error | panic | exit | int | term) action=$what ;;
	esac
	[ -z "$warm" ] || sleeper=$(session_do s "$one_job")
	arm "$point" "$action"
	launched=$(session_do s "SELECT pid, cookie FROM pg_background_launch_v2('INSERT INTO done VALUES (''$point $what$warm'')') \\gset")
	if ! worker=$(arrival "$point"); then
		fail "$point, $what" "$worker"
		disarm_all
		return
	fi
	[ -z "$warm" ] || t_is "$point, $what: a warm worker" "$worker" "$sleeper"
	case $what in
		cancel*) session_do s 'SELECT pg_background_cancel_v2(:pid, :cookie);' >/dev/null ;;
		interrupt*) kill -INT "$worker" ;;
		terminate*) kill -TERM "$worker" ;;
		detach) session_do s 'SELECT pg_background_detach_v2(:pid, :cookie);' >/dev/null ;;
	esac
	[ "$action" = wait ] && [ "$what" != detach ] || disarm "$point"
	if [ "$point" = worker-attached ] && [[ $launched == *'could not be started'* ]]; then
		# It was gone before it could be given the request.
		got=$wanted
	elif [ "$what" = detach ]; then
		got='detached'
	else
		got=$(session_do s "SELECT pg_background_wait_v2_timeout(:pid, :cookie, 10000) \\g /dev/null
SELECT concat_ws(' ', state, sqlstate) FROM pg_background_outcome_v2(:pid, :cookie);")
	fi
	disarm_all
	if [ -n "$warm" ] && [ "$what" = error ] && [[ $point = worker-@(run|commit) ]]; then
		# Nothing but the job has failed.
		t_is "$point, $what$warm: and takes the next job" "$(session_do s "$one_job")" "$sleeper"
		kill -USR2 "$sleeper"
	fi
	t_is "$point, $what$warm" "$got; $(nothing_left s)" "$wanted; nothing"
	done=$(sql "SELECT count(*) FROM done WHERE step = '$point $what$warm'")
	case $wanted in
		stopped | detached) t_is "$point, $what$warm: done" "$done" 1 ;;
		*) t_is "$point, $what$warm: undone" "$done" 0 ;;
	esac
}

session_open s
for point in worker-attached worker-received worker-connecting worker-connected worker-restored worker-run worker-commit; do
	at "$point" cancel 'canceled 57014'
	at "$point" terminate 'error 57P01'
	at "$point" error 'error PBT01'
	at "$point" panic 'error XX000'
	at "$point" exit 'error 57P01'
	at "$point" detach detached
done
# The same without an interrupt being served at the point itself. Before the last commit begins it still counts.
for point in worker-attached worker-received worker-connected worker-restored worker-run; do
	at "$point" cancel-late 'canceled 57014'
	at "$point" terminate-late 'error 57P01'
done
for point in worker-connected worker-restored worker-run worker-commit; do
	at "$point" interrupt 'canceled 57014'
done
# It is done: nothing can make it undone any more, or call it so.
for point in worker-committed worker-published; do
	at "$point" cancel-late stopped
	at "$point" interrupt-late stopped
	at "$point" terminate-late stopped
	at "$point" term stopped
	at "$point" int stopped
	at "$point" exit stopped
	at "$point" detach detached
done
for what in cancel interrupt terminate error panic; do at worker-committed "$what" stopped; done

# The same on a worker that has done a job before.
session_do s "SET pg_background.worker_idle_timeout = '1min';" >/dev/null
warm=', warm'
for point in worker-received worker-restored worker-run worker-commit; do
	at "$point" cancel 'canceled 57014'
	at "$point" terminate 'error 57P01'
	at "$point" error 'error PBT01'
	at "$point" exit 'error 57P01'
done
for what in cancel-late terminate-late term exit; do at worker-committed "$what" stopped; done
warm=

# taking HOW WANTED SQL [cancel]: a worker is claimed, and terminated before it has taken the job, which SQL launches: another
# one does it, once, and nothing shows of that, unless another session has cancelled it meanwhile. SQL, with %s for that of
# the job, answers with the outcome.
taking() {
	local how="worker-taking, $1${4:+, $4}" wanted=$2 sql
	COUNT=$((COUNT + 1))
	sleeper=$(session_do s "$one_job")
	arm worker-taking wait
	printf -v sql "$3" "INSERT INTO done VALUES (''$how'') RETURNING 7"
	ask s "$sql"
	t_is "$how: a warm worker" "$(arrival worker-taking)" "$sleeper"
	[ -z "${4:-}" ] || t_is "$how: cancelled" "$(sql "SELECT pg_background_cancel(pid, cookie) FROM pg_background_jobs WHERE launcher_pid = $(session_backend s)")" ''
	kill -TERM "$sleeper"
	t_ok "$how: it ends" wait_until "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $sleeper)"
	disarm_all
	t_is "$how" "$(answer s) $(session_output s | grep -v '^CONTEXT' | tail -n 2 | head -n 1)" "$wanted"
	t_is "$how: done" "$(sql "SELECT count(*) FROM done WHERE step = '$how'") $(sql "SELECT count(*) FROM pg_background_jobs WHERE state = 'running'")" "$([[ $wanted = *57014* ]] && say 0 || say 1) 0"
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_background'" >/dev/null
	t_is "$how: nothing is left" "$(nothing_left s)" nothing
}
handle='pg_background_wait_v2(:pid, :cookie);
	SELECT concat_ws($$ $$, state, sqlstate) FROM pg_background_outcome_v2(:pid, :cookie);'
run="SELECT concat_ws(' ', state, sqlstate) FROM pg_background_run('%s');"
query="SELECT * FROM pg_background_run_query('%s') AS (n int);"
all="SELECT concat_ws(' ', state, sqlstate, attempts) FROM pg_background_run_all(ARRAY['%s']);"
launch="SELECT pid, cookie FROM pg_background_launch('%s') \\gset
	SELECT $handle"
taking run '00000 stopped' "$run"
taking run_query '00000 7' "$query"
taking query_json '00000 {"?column?": 7}' "SELECT * FROM pg_background_query_json('%s');"
taking run_all '00000 stopped 1' "$all"
taking launch '00000 stopped' "$launch"
taking submit '00000 stopped' "${launch/launch/submit}"
taking run '00000 canceled 57014' "$run" cancel
taking run_query '57014 ERROR:  background job was canceled before it began' "$query" cancel
taking run_all '00000 canceled 57014 1' "$all" cancel
taking launch '00000 canceled 57014' "$launch" cancel
# The same while the session looks at its job: by when it asks for the process, that has left.
# gone_between_looks WHAT SQL: until `disarm_all` the session does not know of it.
gone_between_looks() {
	COUNT=$((COUNT + 1))
	sleeper=$(session_do s "$one_job")
	arm worker-taking wait
	arm pump-look wait
	ask s "$2"
	t_is "$1: a warm worker" "$(arrival worker-taking)" "$sleeper"
	arrival pump-look >/dev/null
	kill -TERM "$sleeper"
	while kill -0 "$sleeper" 2>/dev/null; do sleep 0.01; done
}
gone_between_looks 'between two looks' "SELECT concat_ws(' ', state, sqlstate) FROM pg_background_run('INSERT INTO done VALUES (''two looks'')');"
disarm_all
t_is 'between two looks: another does it' "$(answer s) $(session_output s | grep -v '^CONTEXT' | tail -n 2 | head -n 1)" '00000 stopped'
t_is 'between two looks: done' "$(sql "SELECT count(*) FROM done WHERE step = 'two looks'")" 1
# By when it knows that, the batch's time is over.
gone_between_looks 'too late for another' "SELECT concat_ws(' ', state, sqlstate, attempts, timed_out) FROM pg_background_run_all(ARRAY['INSERT INTO done VALUES (''too late'')'], timeout_ms => 300);"
sleep 0.4
disarm_all
t_is 'too late for another: says so' "$(answer s) $(session_output s | grep -v '^CONTEXT' | tail -n 2 | head -n 1)" '00000 canceled 57014 1 t'
t_is 'too late for another: undone' "$(sql "SELECT count(*) FROM done WHERE step = 'too late'")" 0
t_is 'what was launched again counts once' "$(session_do s "SELECT workers_launched - workers_completed - workers_failed - workers_canceled - workers_timed_out FROM pg_background_stats_v2();")" 0
session_do s 'RESET pg_background.worker_idle_timeout;' >/dev/null

# The time-out of a run passes between the commit and its report: the rows are there, and no error says otherwise.
for columns in 'n int' 'n text'; do
	arm worker-committed hold
	ask s "SELECT n, 'delivered $columns' FROM pg_background_run_query_v2('INSERT INTO done VALUES (''$columns'') RETURNING 1', 0, 20) AS ($columns);"
	arrival worker-committed >/dev/null
	sleep 0.2
	disarm worker-committed
	t_is "a time-out just after the commit, $columns" "$(answer s); $(session_output s | grep -c "^1|delivered $columns\$")" '00000; 1'
	t_is "a time-out just after the commit, $columns: done" "$(sql "SELECT count(*) FROM done WHERE step = '$columns'")" 1
done

# A new worker is faster than its launcher, and gone when that looks whether it has come.
for call in run launch; do
	case $call in
		run) sql="SELECT state FROM pg_background_run('INSERT INTO done VALUES (''fast run'')');" ;;
		launch) sql="SELECT pid, cookie FROM pg_background_launch('INSERT INTO done VALUES (''fast launch'')') \\gset
SELECT state FROM pg_background_outcome(:pid, :cookie);" ;;
	esac
	arm launch-sent wait
	ask s "$sql"
	arrival launch-sent >/dev/null
	t_ok "a job that is over before its launcher looks, $call: it ends" wait_until "SELECT count(*) = 1 FROM done WHERE step = 'fast $call' AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pg_background')"
	sleep 0.2
	disarm launch-sent
	t_is "a job that is over before its launcher looks, $call" "$(answer s) $(session_output s | grep -v '^code' | tail -n 1)" '00000 stopped'
done
session_do s 'SELECT pg_background_detach_all();' >/dev/null

# Between two jobs: the first is done, and the next one has another worker, as a new call or the one that is under way.
session_do s "SET pg_background.worker_idle_timeout = '1min';" >/dev/null
for what in error exit term; do
	arm worker-tidying "$what"
	first=$(session_do s "SELECT pid, has_error FROM pg_background_run('SELECT 1');")
	arrival worker-tidying >/dev/null
	disarm_all
	t_is "between two jobs, $what: nothing but a process is lost" "$(session_do s "SELECT pid <> ${first%|*}, has_error FROM pg_background_run('SELECT 2');"),${first#*|}" 't|f,f'
	session_do s 'SELECT pg_background_detach_all() \g /dev/null
DISCARD ALL;
SET pg_background.worker_idle_timeout = $$1min$$;' >/dev/null
done
arm worker-tidying wait
first=$(session_do s "SELECT pid FROM pg_background_run('SELECT 1');")
arrival worker-tidying >/dev/null
ask s "SELECT pid <> $first AS is_other, has_error FROM pg_background_run('SELECT 2') \\gset"
kill -TERM "$first"
t_is 'terminated between two jobs, with the next one on its way' "$(answer s) $(disarm_all; session_do s '\echo :is_other :has_error')" '00000 t f'
# The same with a request that is on its way when somebody cancels the job: it is not launched again.
session_do s "DISCARD ALL;
SET pg_background.worker_idle_timeout = '1min';" >/dev/null
arm worker-tidying wait
first=$(session_do s "SELECT pid FROM pg_background_run('SELECT 1');")
arrival worker-tidying >/dev/null
ask s "SELECT sqlstate FROM pg_background_run('INSERT INTO done VALUES (''on its way'') --' || repeat('x', 300000));"
wait_until "SELECT count(*) = 1 FROM pg_background_jobs WHERE state = 'starting'"
sql "SELECT pg_background_cancel(pid, cookie) FROM pg_background_jobs WHERE state = 'starting'" >/dev/null
kill -TERM "$first"
answer s >/dev/null
disarm_all
t_is 'cancelled with its request on the way to a worker that is terminated' \
	"$(session_output s | tail -n 2 | head -n 1) $(sql "SELECT count(*) FROM done WHERE step = 'on its way'")" '57014 0'
session_do s 'RESET pg_background.worker_idle_timeout;
DISCARD ALL;' >/dev/null

# A process that has failed to connect cannot try again, whoever was to be told.
arm worker-connecting error
session_do s "SELECT pid, cookie FROM pg_background_launch('SELECT 1', notify => 'nobody') \\gset
SELECT pg_background_wait(:pid, :cookie) \\g /dev/null" >/dev/null
t_is 'an error while it connects' "$(session_do s 'SELECT state, sqlstate FROM pg_background_outcome(:pid, :cookie);'); $(nothing_left s)" \
	'error|PBT01; nothing'
t_is 'an error while it connects: nobody tries again' "$(wc -l <"$POINTS/worker-connecting.at")" 1
disarm_all

t_is 'every slot is free again' "$(session_do s 'SELECT count(pg_background_submit_v2($$SELECT 1$$)) FROM generate_series(1, 5);')" 5
session_close s
t_no_leaks 'nothing is left at the end'
say "  $COUNT disturbances"
t_done
