--
-- pg_background_list and pg_background_activity.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

SELECT count(*) FROM pg_background_list;
SELECT count(*) FROM pg_background_activity;

SELECT pid, cookie FROM pg_background_launch_v2('SELECT pg_sleep(600)', 65536, 'sleeper') \gset sleeper_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset one_
SELECT pg_background_wait_v2(:one_pid, :one_cookie);

-- until the sleeper sleeps
DO $$
BEGIN
    FOR i IN 1 .. 6000 LOOP
        PERFORM pg_stat_clear_snapshot();
        IF EXISTS (SELECT FROM pg_background_activity WHERE label = 'sleeper' AND wait_event = 'PgSleep') THEN
            RETURN;
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE EXCEPTION 'it does not sleep';
END
$$;

SELECT pid = :sleeper_pid AS sleeper, launched_at <= clock_timestamp() AS launched,
       user_id = current_user::regrole AS mine, queue_size, state, sql_preview, last_error, consumed, label
FROM pg_background_list ORDER BY label;
SELECT pid = :sleeper_pid AS sleeper, pgbg_state, label, backend_state, wait_event_type, wait_event, query,
       backend_start IS NOT NULL AS has_backend, xact_start IS NOT NULL AS has_xact, query_start IS NOT NULL AS has_query
FROM pg_background_activity ORDER BY label;

-- the same rows as from the function
SELECT count(*) FROM (
    TABLE pg_background_list
    EXCEPT
    SELECT * FROM pg_background_list_v2() AS l(pid int4, cookie int8, launched_at timestamptz, user_id oid, queue_size int4,
                                               state text, sql_preview text, last_error text, consumed bool, label text)
) AS difference;

-- a finished job has no backend, even if its worker lives
SELECT pg_background_cancel_v2(:sleeper_pid, :sleeper_cookie);
SELECT pg_background_wait_v2(:sleeper_pid, :sleeper_cookie);
SELECT label, pgbg_state, backend_state, query FROM pg_background_activity ORDER BY label;

SELECT pg_background_detach_all_v2();
SELECT count(*) FROM pg_background_list;
SELECT count(*) FROM pg_background_activity;
