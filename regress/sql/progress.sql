--
-- Progress: reported by the job, read by the session that launched it.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE FUNCTION pg_temp.until(condition text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    is_true bool;
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXECUTE 'SELECT ' || condition INTO is_true;
        EXIT WHEN is_true;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN is_true;
END
$$;

-- while it runs
SELECT pid, cookie FROM pg_background_launch_v2($$
    SELECT pg_background_progress(25, 'a quarter');
    SELECT pg_advisory_xact_lock_shared(4712) $$) \gset
SELECT pg_temp.until(format('(pg_background_get_progress_v2(%s, %s)).progress_pct IS NOT NULL', :pid, :cookie));
SELECT * FROM pg_background_get_progress_v2(:pid, :cookie);
SELECT pg_background_wait_v2(:pid, :cookie);
-- and afterwards
SELECT * FROM pg_background_get_progress_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);
-- also when the session has let go of it
SELECT * FROM pg_background_get_progress_v2(:pid, :cookie);

-- nothing was reported
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_background_get_progress_v2(:pid, :cookie) IS NULL AS none;
SELECT pg_background_get_progress_v2(0, 0) IS NULL AS unknown, pg_background_get_progress_v2(NULL, NULL) IS NULL AS is_null;
SELECT pg_background_detach_v2(:pid, :cookie);

-- the last report of a job, read when it is over
CREATE FUNCTION pg_temp.progress_of(sql text, OUT progress_pct int4, OUT bytes int4, OUT characters int4, OUT shown text, OUT state text)
LANGUAGE plpgsql AS $$
DECLARE
    h pg_background_handle := pg_background_submit_v2(sql);
    p pg_background_progress_info;
BEGIN
    PERFORM pg_background_wait_v2(h.pid, h.cookie);
    p := pg_background_get_progress_v2(h.pid, h.cookie);
    progress_pct := p.progress_pct;
    bytes := octet_length(p.progress_msg);
    characters := length(p.progress_msg);
    shown := CASE WHEN characters > 20 THEN left(p.progress_msg, 5) || '...' || right(p.progress_msg, 5) ELSE p.progress_msg END;
    state := (pg_background_outcome_v2(h.pid, h.cookie)).state;
    PERFORM pg_background_detach_v2(h.pid, h.cookie);
END
$$;
-- the percentage is clamped; the message may be missing, NULL or empty; a later report replaces all of an earlier one
SELECT call, p.progress_pct, p.bytes, p.shown
FROM unnest(ARRAY['0', '100', '-1', '101', '2147483647', '-2147483648', '50, NULL', '50, ''''', '50, ''half''', '50, msg => ''named''',
                  '1, ''first''), pg_background_progress(2']) WITH ORDINALITY AS u(call, n),
     pg_temp.progress_of(format('SELECT pg_background_progress(%s)', call)) AS p ORDER BY n;
-- 255 bytes, at a character boundary
SELECT n, p.bytes, p.characters, p.shown FROM unnest(ARRAY[254, 255, 256, 257, 10000]) AS n,
     pg_temp.progress_of(format('SELECT pg_background_progress(1, repeat(''x'', %s))', n)) AS p ORDER BY n;
SELECT c AS character, n AS prefix, p.bytes, p.characters, p.shown
FROM unnest(ARRAY['ß', '€', '𐍈']) WITH ORDINALITY AS u(c, o), generate_series(0, 3) AS n,
     pg_temp.progress_of(format('SELECT pg_background_progress(1, repeat(''-'', %s) || repeat(%L, 300))', n, c)) AS p ORDER BY o, n;

-- a job that failed: what it reported last
SELECT p.* FROM pg_temp.progress_of('SELECT pg_background_progress(33, ''then it broke''); SELECT 1 / 0') AS p;
-- from within functions, and often
SELECT p.* FROM pg_temp.progress_of($$
    DO $d$BEGIN
        FOR i IN 1 .. 10000 LOOP
            PERFORM pg_background_progress(i / 100, 'row ' || i);
        END LOOP;
    END$d$ $$) AS p;
-- launched jobs, whose rows it is part of
SELECT * FROM pg_background_run_query_v2('SELECT pg_background_progress(1), 2') AS (done text, two int4);

-- reports and reads at the same time: never half a report (expect none)
SELECT pid, cookie FROM pg_background_submit_v2($$
    DO $d$BEGIN
        FOR i IN 1 .. 200000 LOOP
            PERFORM pg_background_progress(i % 10, repeat((i % 10)::text, 20 * (i % 10)));
        END LOOP;
    END$d$ $$) \gset
DO $$
DECLARE
    p pg_background_progress_info;
    torn int4 := 0;
    seen int4 := 0;
    h pg_background_handle := (SELECT ROW(pid, cookie) FROM pg_background_list);
BEGIN
    FOR i IN 1 .. 2000 LOOP
        p := pg_background_get_progress_v2(h.pid, h.cookie);
        CONTINUE WHEN p IS NULL;
        seen := seen + 1;
        IF p.progress_msg <> repeat(p.progress_pct::text, 20 * p.progress_pct) THEN
            torn := torn + 1;
        END IF;
    END LOOP;
    RAISE NOTICE 'torn: %', torn;
END
$$;
SELECT pg_background_cancel_v2(:pid, :cookie);
SELECT pg_background_wait_v2(:pid, :cookie);
SELECT pg_background_detach_v2(:pid, :cookie);

-- refused: outside a job, 0A000; a null percentage, 22004
SELECT pg_background_progress(1, 'nobody listens');
\set VERBOSITY sqlstate
SELECT pg_background_progress(NULL);
\set VERBOSITY default
SELECT sqlstate FROM pg_background_run_v2('SELECT pg_background_progress(NULL, ''x'')');
