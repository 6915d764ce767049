#!/usr/bin/env bash
# An idle worker is terminated just before, or while, it is given its next job. As long as the job has not begun that costs
# a new worker, and nothing else; and no job runs twice.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'pg_background.worker_idle_timeout = 1min' 'max_worker_processes = 16' 'fsync = off' 'autovacuum = off'
log_allow 'FATAL: +terminating background worker'
sql "
	CREATE TABLE done (how text, i int);
	CREATE FUNCTION end_idle() RETURNS bigint LANGUAGE sql AS
		\$\$ SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'pg_background' AND state = 'idle' \$\$;"

# jobs HOW COUNT STATEMENT: so many times the session's idle worker is terminated and a job launched at once, by STATEMENT,
# which has %s for the job's SQL and sets r.sqlstate. A signal needs a moment to another processor: now and then the job has begun by
# then, has failed, and has not run.
jobs() {
	local how=$1 count=$2 statement=$3 answer late
	answer=$(session_do s "DO \$\$ DECLARE r record; h record; bad text := ''; late int := 0; worker int := 0; BEGIN
		FOR n IN 1..$count LOOP
			IF worker <> 0 THEN PERFORM pg_terminate_backend(worker); END IF;
			BEGIN
				$statement
			EXCEPTION WHEN admin_shutdown THEN SELECT 0 AS pid, '57P01' AS sqlstate INTO r;
			END;
			worker := CASE WHEN r.sqlstate IS NULL THEN r.pid ELSE 0 END;
			IF r.sqlstate = '57P01' THEN late := late + 1;
			ELSIF r.sqlstate IS NOT NULL THEN bad := bad || n || ':' || r.sqlstate || ' ';
			END IF;
		END LOOP;
		RAISE WARNING 'bad: %late: %', bad, late; END \$\$;" 240)
	late=${answer##*late: }
	[[ $late =~ ^[0-9]+$ ]] || late=$count
	t_is "$how: nothing else fails" "${answer%late:*}" 'WARNING:  bad: '
	t_ok "$how: nearly all of $count succeed, but for $late" test "$late" -le $((1 + count / 100))
	t_is "$how: each of those has run once" "$(sql "SELECT count(*) || ' ' || count(DISTINCT i) FROM done WHERE how = '$how'")" "$((count - late)) $((count - late))"
}

insert() { say "format('INSERT INTO done VALUES (''$1'', %s) RETURNING pg_backend_pid() AS pid', n)"; }

session_open s
session_do s "SELECT pid FROM pg_background_run_v2('SELECT 1') \\g /dev/null" >/dev/null
jobs run 600 "SELECT * INTO r FROM pg_background_run_v2($(insert run));"
jobs run_query 60 "SELECT q.pid, NULL::text AS sqlstate INTO r FROM pg_background_run_query($(insert run_query)) AS q(pid int);"
jobs query_json 60 "SELECT (q->>'pid')::int AS pid, NULL::text AS sqlstate INTO r FROM pg_background_query_json($(insert query_json)) AS q;"
for how in launch submit; do
	jobs $how 60 "SELECT * INTO h FROM pg_background_$how($(insert $how));
		PERFORM pg_background_wait_v2(h.pid, h.cookie);
		SELECT h.pid AS pid, o.sqlstate INTO r FROM pg_background_outcome_v2(h.pid, h.cookie) AS o;
		PERFORM pg_background_detach_v2(h.pid, h.cookie);"
done
jobs batch 60 "SELECT a.pid, a.sqlstate INTO r FROM pg_background_run_all(ARRAY[$(insert batch)]) AS a;"

# A second session looks for idle workers and terminates them all the time. Some have begun a job by then, which has failed.
session_open t
for how in run batch; do
	sql 'TRUNCATE done'
	session_send t "DO \$\$ BEGIN LOOP PERFORM pg_stat_clear_snapshot(), end_idle(); EXIT WHEN EXISTS (SELECT FROM done WHERE how = 'end'); PERFORM pg_sleep(0.001); END LOOP; END \$\$;"
	case $how in
		run) many="SELECT i, r.sqlstate FROM generate_series(1, 400) i, pg_background_run('INSERT INTO done VALUES (''run'', ' || i || ')') r" ;;
		batch) many="SELECT n AS i, sqlstate FROM pg_background_run_all(ARRAY(SELECT 'INSERT INTO done VALUES (''batch'', ' || i || ')' FROM generate_series(1, 400) i), max_parallel => 3)" ;;
	esac
	t_is "$how, while idle workers are terminated: what succeeded has run once, what failed has not" \
		"$(session_do s "CREATE TEMPORARY TABLE ended AS $many;
			SELECT count(*), count(*) FILTER (WHERE coalesce(ended.sqlstate, '57P01') <> '57P01'), count(*) FILTER (WHERE (ended.sqlstate IS NULL) <> (n IS NOT DISTINCT FROM 1))
			FROM ended LEFT JOIN (SELECT i, count(*) AS n FROM done GROUP BY i) AS done USING (i);
			DROP TABLE ended;
			INSERT INTO done VALUES ('end', 0);" 60)" '400|0|0'
	session_sync t
done
session_close t
session_close s
t_no_leaks 'nothing is left'
t_done
