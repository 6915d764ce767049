--
-- pg_background_list_v2: what it shows, and which column definition lists it takes.
--
-- CONTEXT names a job by its process ID
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;

SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1', 0, 'one') \gset one_
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1 / 0') \gset zero_
SELECT pid, cookie FROM pg_background_submit_v2('SELECT 3', 65536) \gset three_
SELECT pg_background_wait_v2(:one_pid, :one_cookie), pg_background_wait_v2(:zero_pid, :zero_cookie), pg_background_wait_v2(:three_pid, :three_cookie);

-- ten columns
SELECT pid IN (:one_pid, :zero_pid, :three_pid) AS pid, cookie IN (:one_cookie, :zero_cookie, :three_cookie) AS cookie,
       launched_at BETWEEN clock_timestamp() - interval '1 hour' AND clock_timestamp() AS launched,
       user_id::regrole, queue_size, state, sql_preview, last_error, consumed, label
FROM pg_background_list_v2() AS (pid int4, cookie int8, launched_at timestamptz, user_id oid, queue_size int4,
                                 state text, sql_preview text, last_error text, consumed bool, label text)
ORDER BY sql_preview COLLATE "C";
-- nine, as in versions before 1.9; the names are free
SELECT f, g, h, i FROM pg_background_list_v2() AS l(a int4, b int8, c timestamptz, d oid, e int4, f text, g text, h text, i bool)
ORDER BY g COLLATE "C";
-- a typmod that says the same
SELECT count(*) FROM pg_background_list_v2() AS l(a int4, b int8, c timestamptz(6), d oid, e int4, f text, g text, h text, i bool);

-- an error that was raised by the result stays to be seen
SELECT * FROM pg_background_result_v2(:zero_pid, :zero_cookie) AS (n int4);
SELECT state, last_error, consumed FROM pg_background_list WHERE pid = :zero_pid AND cookie = :zero_cookie;
SELECT pg_background_detach_all_v2();

-- no rows, and the list of types is looked at all the same
SELECT count(*) FROM pg_background_list_v2() AS l(a int4, b int8, c timestamptz, d oid, e int4, f text, g text, h text, i bool);
-- refused: another type, 42804 with the right list as a hint
SELECT * FROM pg_background_list_v2() AS (pid text);
SELECT * FROM pg_background_list_v2() AS (pid int8, cookie int8, launched_at timestamptz, user_id oid, queue_size int4,
                                          state text, sql_preview text, last_error text, consumed bool);
-- refused: outside FROM, 0A000; without a definition list, 42601
SELECT pg_background_list_v2();
SELECT * FROM pg_background_list_v2();

-- Each column with each wrong type, of all lengths and alignments, in lists of nine and of ten: 42804, 42804, ...
-- with the right list in the hint, which is tried. It is done while there are rows to be shown, and one of them has NULLs.
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 1') \gset
SELECT pid, cookie FROM pg_background_launch_v2('SELECT 2', 0, 'two') \gset
DO $$
DECLARE
    expected text[] := ARRAY['int4', 'int8', 'timestamptz', 'oid', 'int4', 'text', 'text', 'text', 'bool', 'text'];
    wrong text[] := ARRAY['bool', '"char"', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'money', 'text', 'varchar',
                          'varchar(10)', 'char', 'char(3)', 'name', 'bytea', 'date', 'time', 'timetz', 'timestamp', 'timestamptz',
                          'interval', 'uuid', 'json', 'jsonb', 'xml', 'point', 'box', 'inet', 'bit', 'tsvector', 'oid', 'regclass',
                          'regrole', 'xid', 'tid', 'int4[]', 'text[]', 'int4range', 'int4multirange', 'record[]', 'pg_background_handle'];
    names text[] := ARRAY['pid', 'cookie', 'launched_at', 'user_id', 'queue_size', 'state', 'sql_preview', 'last_error', 'consumed', 'label'];
    list_hint text := (SELECT string_agg(n || ' ' || t, ', ' ORDER BY o) FROM unnest(names, expected) WITH ORDINALITY AS u(n, t, o));
    types text[];
    list text;
    counts jsonb := '{}';
    answer text;
    hint text;
    answered int4;
BEGIN
    list_hint := 'Use AS (' || list_hint || '), with or without the label.';
    FOR width IN 9 .. 10 LOOP
        FOR place IN 1 .. width LOOP
            FOR i IN 1 .. cardinality(wrong) LOOP
                CONTINUE WHEN wrong[i] = expected[place];
                types := expected[1 : width];
                types[place] := wrong[i];
                SELECT string_agg(format('c%s %s', n, t), ', ' ORDER BY n) INTO list FROM unnest(types) WITH ORDINALITY AS u(t, n);
                BEGIN
                    EXECUTE format('SELECT count(*) FROM (SELECT l.* FROM pg_background_list_v2() AS l(%s) OFFSET 0) x', list);
                    answer := 'accepted ' || list;
                EXCEPTION WHEN OTHERS THEN
                    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
                    answer := SQLSTATE || CASE WHEN hint = list_hint THEN ', hint' ELSE ', another hint: ' || hint END;
                END;
                counts := counts || jsonb_build_object(answer, coalesce((counts ->> answer)::int4, 0) + 1);
            END LOOP;
        END LOOP;
    END LOOP;
    RAISE NOTICE 'wrong types: %', counts;
    -- other numbers of columns
    counts := '{}';
    FOR width IN 1 .. 42 LOOP
        CONTINUE WHEN width IN (9, 10);
        IF width > 40 THEN
            width := (width - 40) * 800;
        END IF;
        SELECT string_agg(format('c%s %s', n, coalesce(expected[n], 'text')), ', ' ORDER BY n) INTO list FROM generate_series(1, width) n;
        BEGIN
            EXECUTE format('SELECT count(*) FROM pg_background_list_v2() AS l(%s)', list);
            answer := 'accepted ' || list;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
            answer := SQLSTATE || CASE WHEN hint = list_hint THEN ', hint' ELSE ', another hint: ' || hint END;
        END;
        counts := counts || jsonb_build_object(answer, coalesce((counts ->> answer)::int4, 0) + 1);
    END LOOP;
    RAISE NOTICE 'wrong widths: %', counts;
    -- what the hint shows is right, with the label and without it
    list := substring(list_hint FROM 'AS \(.*\)');
    EXECUTE 'SELECT count(label) FROM pg_background_list_v2() ' || list INTO answered;
    RAISE NOTICE 'as the hint says: % with a label', answered;
    EXECUTE 'SELECT count(consumed) FROM pg_background_list_v2() ' || replace(list, ', label text', '') INTO answered;
    RAISE NOTICE 'without the label: %', answered;
END
$$;
-- a domain is another type, even over the right one
CREATE DOMAIN regress_pgbg_text AS text;
\set VERBOSITY sqlstate
SELECT * FROM pg_background_list_v2() AS l(a int4, b int8, c timestamptz, d oid, e int4, f text, g regress_pgbg_text, h text, i bool);
\set VERBOSITY default
DROP DOMAIN regress_pgbg_text;

-- the jobs are still there; LIMIT, a cursor and a join see them as a table
SELECT count(*) FROM pg_background_list_v2() AS l(a int4, b int8, c timestamptz, d oid, e int4, f text, g text, h text, i bool, j text);
SELECT count(*) FROM (SELECT * FROM pg_background_list LIMIT 1) l;
SELECT count(*) FROM pg_background_list a JOIN pg_background_list b USING (pid, cookie);
SELECT pg_background_detach_all_v2();

-- previews: 120 bytes, at a character boundary
CREATE FUNCTION pg_temp.preview(sql text, OUT bytes int4, OUT characters int4, OUT is_start bool, OUT whole bool) LANGUAGE plpgsql AS $$
DECLARE
    h pg_background_handle := pg_background_launch_v2(sql);
    preview text := (SELECT sql_preview FROM pg_background_list WHERE pid = h.pid AND cookie = h.cookie);
BEGIN
    PERFORM pg_background_wait_v2(h.pid, h.cookie);
    bytes := octet_length(preview);
    characters := length(preview);
    is_start := starts_with(sql, preview);
    whole := pg_background_full_sql_v2(h.pid, h.cookie) = sql;
    PERFORM pg_background_detach_v2(h.pid, h.cookie);
END
$$;
SELECT n, p.* FROM unnest(ARRAY[0, 118, 119, 120, 121, 1000, 100000]) AS n, pg_temp.preview(repeat(' ', n)) AS p ORDER BY n;
-- 2, 3 and 4 bytes a character, after a prefix of every length that matters
SELECT left(s, 1) AS character, n AS prefix, p.*
FROM unnest(ARRAY[repeat('ß', 100), repeat('€', 100), repeat('𐍈', 100)]) WITH ORDINALITY AS u(s, o),
     generate_series(3, 6) AS n, pg_temp.preview(repeat('-', n) || s) AS p
ORDER BY o, n;

-- errors: 512 bytes
CREATE FUNCTION pg_temp.last_error(message text, OUT bytes int4, OUT characters int4, OUT is_start bool, OUT whole bool) LANGUAGE plpgsql AS $$
DECLARE
    h pg_background_handle := pg_background_launch_v2(format('DO $d$BEGIN RAISE EXCEPTION USING MESSAGE = %L; END$d$', message));
    last text;
BEGIN
    PERFORM pg_background_wait_v2(h.pid, h.cookie);
    last := (SELECT last_error FROM pg_background_list WHERE pid = h.pid AND cookie = h.cookie);
    bytes := octet_length(last);
    characters := length(last);
    is_start := starts_with(message, last);
    whole := (pg_background_error_info_v2(h.pid, h.cookie)).message = message;
    PERFORM pg_background_detach_v2(h.pid, h.cookie);
END
$$;
SELECT n, p.* FROM unnest(ARRAY[1, 511, 512, 513, 4000]) AS n, pg_temp.last_error(repeat('x', n)) AS p ORDER BY n;
SELECT left(s, 1) AS character, n AS prefix, p.*
FROM unnest(ARRAY[repeat('ß', 400), repeat('€', 400), repeat('𐍈', 400)]) WITH ORDINALITY AS u(s, o),
     generate_series(0, 3) AS n, pg_temp.last_error(repeat('-', n) || s) AS p
ORDER BY o, n;
SELECT count(*) FROM pg_background_list;
