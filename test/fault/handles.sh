#!/usr/bin/env bash
# Twenty sessions use each other's handles: wait, cancel, look, drain, as they come, while their own jobs run. Nothing is told
# but what handles may be told, nobody hangs, and in the end every job is counted once.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main 'max_worker_processes = 24' 'max_connections = 60' 'log_min_messages = error'
log_allow 'ERROR: ' 'FATAL: +terminating background worker'
sql 'CREATE TABLE handle (h pg_background_handle, of_session int); CREATE TABLE seen (what text, code text)'
cat >"$WORK/log/session.sql" <<'SQL'
SET client_min_messages = warning;
SET soak.me = :me;
DO $$
DECLARE
    me int := current_setting('soak.me');
    until timestamptz := clock_timestamp() + interval '8 s';
    theirs pg_background_handle;
    many pg_background_handle[];
    mine pg_background_handle;
    code text;
    what text;
BEGIN
    PERFORM setseed(me / 100.0);
    WHILE clock_timestamp() < until LOOP
        what := (ARRAY['launch', 'submit', 'run', 'wait', 'cancel', 'grace', 'outcome', 'progress', 'drain', 'any', 'jobs'])[1 + floor(random() * 11)];
        theirs := (SELECT h FROM (SELECT * FROM handle ORDER BY ctid DESC LIMIT 30) AS s WHERE of_session <> me ORDER BY random() LIMIT 1);
        IF theirs IS NULL THEN what := 'launch'; END IF;
        many := ARRAY(SELECT h FROM (SELECT * FROM handle ORDER BY ctid DESC LIMIT 30) AS s ORDER BY random() LIMIT 3);
        code := '00000';
        BEGIN
            CASE what
            WHEN 'launch' THEN mine := pg_background_launch('SELECT pg_background_progress(50, ''x''), pg_sleep(random() / 8)', label => 'of ' || me);
            WHEN 'submit' THEN mine := pg_background_submit('SELECT pg_sleep(random() / 8)', label => 'of ' || me);
            WHEN 'run' THEN
                -- Nobody has its handle: nothing may hit it.
                IF (pg_background_run('SELECT pg_sleep(0.001)')).has_error THEN RAISE 'a job was hit' USING ERRCODE = 'PBHIT'; END IF;
            WHEN 'wait' THEN PERFORM pg_background_wait((theirs).pid, (theirs).cookie, 30);
            WHEN 'cancel' THEN PERFORM pg_background_cancel(theirs);
            WHEN 'grace' THEN PERFORM pg_background_cancel((theirs).pid, (theirs).cookie, 20);
            WHEN 'outcome' THEN PERFORM pg_background_outcome(theirs), pg_background_result_info(theirs), pg_background_error_info(theirs);
            WHEN 'progress' THEN PERFORM pg_background_get_progress(theirs), pg_background_status(theirs);
            WHEN 'drain' THEN PERFORM pg_background_drain(many, 30);
            WHEN 'any' THEN PERFORM pg_background_wait_any(many, 30);
            ELSE PERFORM count(*) FROM pg_background_jobs, pg_stat_background;
            END CASE;
        EXCEPTION WHEN OTHERS THEN code := SQLSTATE; what := what || ': ' || SQLERRM;
        END;
        IF code <> '00000' THEN INSERT INTO seen VALUES (what, code); END IF;
        IF mine IS NOT NULL THEN
            INSERT INTO handle VALUES (mine, me);
            mine := NULL;
        END IF;
        COMMIT;
        IF random() < 0.05 THEN PERFORM pg_background_detach_all(); END IF;
    END LOOP;
    INSERT INTO seen VALUES ('done', '00000');
END
$$;
SQL
for ((i = 1; i <= 20; i++)); do psql -XAtq -v ON_ERROR_STOP=1 -v me=$i -f "$WORK/log/session.sql" >"$WORK/log/soak-$i.out" 2>&1 & sessions[i]=$!; done
wait "${sessions[@]}"
t_is 'twenty sessions came to their end, and had nothing to say' "$(cat "$WORK"/log/soak-*.out)$(sql "SELECT count(*) FROM seen WHERE what = 'done'")" 20
# An unknown handle, or one that was forgotten, and nothing else.
t_is 'errors were those of handles that are not known any more' "$(sql "SELECT DISTINCT code, what FROM seen WHERE code NOT IN ('00000', '42704')")" ''
t_ok 'no job is left' wait_until 'SELECT count(*) = 0 FROM pg_background_jobs WHERE finished_at IS NULL'
t_is 'each job was counted once' "$(sql 'SELECT launched - completed - failed - canceled - timed_out - lost, lost FROM pg_stat_background')" '0|0'
t_ok "some were cancelled ($(sql 'SELECT canceled FROM pg_stat_background') of $(sql 'SELECT launched FROM pg_stat_background'))" [ "$(sql 'SELECT canceled > 0 FROM pg_stat_background')" = t ]
t_no_leaks 'nothing is left'
t_done
