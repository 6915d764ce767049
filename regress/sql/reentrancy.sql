-- User code that runs while rows are being delivered must not make us forget the job.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE re_handle (pid int, cookie bigint);
CREATE FUNCTION re_check(v int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_background_detach_all_v2();
    PERFORM pg_background_purge_v2();
    PERFORM pg_background_run_v2('SELECT 1');
    RETURN v > 0;
END $$;
CREATE DOMAIN re_domain AS int CHECK (re_check(VALUE));

-- Detaching everything from inside a domain's check passes the job by.
INSERT INTO re_handle
    SELECT * FROM pg_background_launch_v2('SELECT i FROM generate_series(1, 3) i');
SELECT r.* FROM re_handle, LATERAL pg_background_result_v2(pid, cookie) AS r (a re_domain) ORDER BY 1;

-- Naming the job there is an error, and the job is still readable afterwards.
CREATE OR REPLACE FUNCTION re_check(v int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_background_detach_v2(pid, cookie) FROM re_handle;
    RETURN true;
END $$;
DELETE FROM re_handle;
INSERT INTO re_handle
    SELECT * FROM pg_background_launch_v2('SELECT i FROM generate_series(1, 3) i');
DO $$
DECLARE h re_handle;
BEGIN
    SELECT * INTO h FROM re_handle;
    BEGIN
        PERFORM * FROM pg_background_result_v2(h.pid, h.cookie) AS r (a re_domain);
    EXCEPTION WHEN OTHERS THEN
        RAISE NOTICE '% %', SQLSTATE, regexp_replace(SQLERRM, '[0-9]+', 'N');
    END;
END $$;
SELECT r.* FROM re_handle, LATERAL pg_background_result_v2(pid, cookie) AS r (a int) ORDER BY 1;

DROP DOMAIN re_domain;
DROP FUNCTION re_check;
DROP TABLE re_handle;
