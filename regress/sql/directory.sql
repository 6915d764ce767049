-- The server's directory of jobs: pg_background_jobs, pg_stat_background, and who sees what of them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE ROLE regress_pgbg_worker IN ROLE pgbackground_role;
CREATE ROLE regress_pgbg_member IN ROLE pgbackground_role, regress_pgbg_worker;
CREATE ROLE regress_pgbg_stranger IN ROLE pgbackground_role;
CREATE ROLE regress_pgbg_reader IN ROLE pgbackground_role, pg_read_all_stats;
CREATE ROLE regress_pgbg_monitor IN ROLE pg_monitor;
CREATE ROLE regress_pgbg_super SUPERUSER;
CREATE ROLE regress_pgbg_signaler IN ROLE pgbackground_role, pg_signal_backend;

SELECT pg_stat_background_reset();

-- a job that succeeds, one that fails, one that runs
SET ROLE regress_pgbg_worker;
SELECT completed FROM pg_background_run_v2('SELECT 1 FROM generate_series(1, 3)', 0, 0, 'good');
SELECT sqlstate FROM pg_background_run_v2('SELECT 1/0 /* ' || repeat('x', 200) || ' */', 0, 0, 'bad');
SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_background_progress(40, ''some''); SELECT pg_sleep(60) /* ' || repeat('y', 200) || ' */', 100000, 'running') \gset
DO $$
BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_background_jobs WHERE label = 'running' AND progress_pct = 40) LOOP
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
\x
SELECT label, state, pid > 0 AS pid, cookie > 0 AS cookie, database = current_database() AS database, user_name, launcher_pid = pg_backend_pid() AS launcher,
       progress_pct, progress_msg, launched_at <= started_at AS started, started_at <= finished_at AS finished, row_count, command_tag,
       sqlstate, error_message, length(sql_preview), queue_size, mode
FROM pg_background_jobs WHERE user_name = 'regress_pgbg_worker' ORDER BY launched_at;
\x
RESET ROLE;

-- who sees what: whole for whoever has the role's privileges or may read all statistics, without texts for others
CREATE FUNCTION pg_temp.sees(name text) RETURNS TABLE (who text, state text, has_pid bool, has_times bool, label text, cookie bool, sql bool, error text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET ROLE %I', name);
    RETURN QUERY SELECT name, j.state, j.pid > 0, j.launched_at IS NOT NULL, j.label, j.cookie IS NOT NULL, j.sql_preview IS NOT NULL, j.error_message
        FROM pg_background_jobs AS j WHERE j.pid = current_setting('pgbg.pid')::int OR j.cookie = current_setting('pgbg.cookie')::int8;
    RESET ROLE;
END
$$;
SET pgbg.pid = :pid;
SET pgbg.cookie = :cookie;
SELECT s.* FROM unnest('{regress_pgbg_worker,regress_pgbg_member,regress_pgbg_stranger,regress_pgbg_reader,regress_pgbg_monitor,regress_pgbg_signaler,regress_pgbg_super}'::text[]) AS name,
     pg_temp.sees(name) AS s;

-- ordinary users and monitors may look at statistics, and nobody but the owner may set them back
SET ROLE regress_pgbg_monitor;
SELECT database = current_database() AS database, user_name, launched, completed, failed, canceled, timed_out, lost, warm + cold AS workers, rows, total_time >= max_time AS timed
FROM pg_stat_background WHERE user_name = 'regress_pgbg_worker';
SELECT pg_stat_background_reset();
SET ROLE regress_pgbg_worker;
SELECT pg_stat_background_reset();
SELECT count(*) FROM pg_stat_background WHERE user_name = 'regress_pgbg_worker';
RESET ROLE;
SELECT pg_background_cancel_v2(:pid, :cookie);
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT state, sqlstate, length(sql_preview) FROM pg_background_jobs WHERE cookie = :cookie;
SELECT launched, canceled FROM pg_stat_background WHERE user_name = 'regress_pgbg_worker';
SELECT pg_stat_background_reset();
SELECT count(*) FROM pg_stat_background WHERE user_name = 'regress_pgbg_worker';

-- refused: another column definition list
SELECT * FROM pg_background_jobs() AS (pid int4, cookie text);

-- nobody else has anything
SELECT p.proname, a.grantee::regrole, a.privilege_type
FROM pg_proc p, aclexplode(p.proacl) a
WHERE p.proname IN ('pg_background_jobs', 'pg_stat_background', 'pg_stat_background_reset') AND a.grantee <> p.proowner
ORDER BY 1, 2;
DROP ROLE regress_pgbg_worker, regress_pgbg_member, regress_pgbg_stranger, regress_pgbg_reader, regress_pgbg_monitor, regress_pgbg_signaler, regress_pgbg_super;
