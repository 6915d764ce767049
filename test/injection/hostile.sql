-- What a hostile process may write into what it shares with a session: test/injection/hostile.sh. Each attack is one job; what
-- the session makes of it goes to the table `seen`.

CREATE TABLE seen(attack text, detail text, state text, sqlstate text, message text);

-- Waits until the job has ended, without this session taking notice: what is scribbled then is what will be read.
CREATE FUNCTION await_end(job pg_background_handle) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..5000 LOOP
        EXIT WHEN pgbg_test_is_published(job.pid, job.cookie);
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$;

-- Waits until the job's worker has left, after which it says nothing about its job any more.
CREATE FUNCTION await_exit(job pg_background_handle) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..5000 LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = job.pid);
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$;

-- Takes what came of a job, by its outcome or by its rows.
CREATE FUNCTION take(attack text, detail text, job pg_background_handle, rows bool) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    state text;
    message text;
    o pg_background_outcome;
BEGIN
    BEGIN
        IF rows THEN
            PERFORM * FROM pg_background_result_v2(job.pid, job.cookie) AS (n int4, t text);
        ELSE
            PERFORM pg_background_wait_v2_timeout(job.pid, job.cookie, 5000);
        END IF;
    EXCEPTION WHEN query_canceled OR OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    END;
    o := pg_background_outcome_v2(job.pid, job.cookie);
    IF o.consumed IS NULL THEN
        -- That is what the directory knows, which is not under attack: the session has forgotten the job.
        o := NULL;
    END IF;
    IF o.pid IS NOT NULL THEN
        -- Everything that shows the outcome has to cope as well.
        PERFORM pg_background_status_v2(job.pid, job.cookie), pg_background_get_progress_v2(job.pid, job.cookie),
            pg_background_result_info_v2(job.pid, job.cookie)::text, pg_background_error_info_v2(job.pid, job.cookie);
        PERFORM FROM pg_background_list_v2() AS (pid int4, cookie int8, launched_at timestamptz, user_id oid,
            queue_size int4, state text, sql_preview text, last_error text, consumed bool);
        PERFORM pg_background_detach_v2(job.pid, job.cookie);
    END IF;
    INSERT INTO seen VALUES (attack, detail, coalesce(o.state, 'forgotten'), coalesce(state, o.sqlstate, '00000'),
        coalesce(message, o.error_message));
END $$;

-- The outcome record of a job that went well, and of one that failed, with every word of its fixed part changed, while the
-- worker may still say how its job ended, and when it cannot any more.
CREATE PROCEDURE attack_outcome() LANGUAGE plpgsql AS $$
DECLARE
    job pg_background_handle;
    pattern bytea;
    sql text;
    worker text;
BEGIN
    FOREACH worker IN ARRAY ARRAY['leaving', 'gone'] LOOP
        FOREACH sql IN ARRAY ARRAY['SELECT 1, ''a''', 'SELECT 1/0, ''a'''] LOOP
            FOR start IN 0..124 BY 4 LOOP
                FOREACH pattern IN ARRAY ARRAY['\x00000000', '\xffffffff', '\xffffff7f', '\x00000080', '\x01000000', '\x41424344']::bytea[] LOOP
                    job := pg_background_launch_v2(sql);
                    PERFORM await_end(job);
                    IF worker = 'gone' THEN
                        PERFORM await_exit(job);
                    END IF;
                    PERFORM pgbg_test_scribble(job.pid, job.cookie, 'outcome', start, pattern);
                    PERFORM take('outcome', format('%s %s %s %s', sql, start, pattern, worker), job, start % 8 = 0);
                    COMMIT;
                END LOOP;
            END LOOP;
        END LOOP;
    END LOOP;
END $$;

-- The whole record, and progress, at random.
CREATE PROCEDURE attack_at_random(count int) LANGUAGE plpgsql AS $$
DECLARE
    job pg_background_handle;
    region text;
    size int;
    noise bytea;
BEGIN
    FOR i IN 1..count LOOP
        region := CASE WHEN i % 4 = 0 THEN 'progress' ELSE 'outcome' END;
        size := pgbg_test_region_size(region);
        job := pg_background_launch_v2('SELECT pg_background_progress(50, ''half''), 1/' || i % 2);
        PERFORM await_end(job);
        SELECT string_agg(decode(md5(i::text || g), 'hex'), '') INTO noise FROM generate_series(1, 40) g;
        -- Published it stays, so that it is read.
        FOR k IN 1..20 LOOP
            PERFORM pgbg_test_scribble(job.pid, job.cookie, region, 8 + (random() ^ (1 + k % 4) * (size - 9))::int,
                substr(noise, k, 1 + (k * i) % 600));
        END LOOP;
        PERFORM take('random ' || region, i::text, job, false);
        COMMIT;
    END LOOP;
END $$;

-- The header of a warm worker, between two jobs: the next job meets it.
CREATE PROCEDURE attack_header() LANGUAGE plpgsql AS $$
DECLARE
    job pg_background_handle;
    pattern bytea;
BEGIN
    FOR start IN 0..pgbg_test_region_size('header') - 4 BY 4 LOOP
        FOREACH pattern IN ARRAY ARRAY['\x00000000', '\xffffffff', '\xffffff7f', '\x01000000', '\x02000000']::bytea[] LOOP
            IF pattern < '\x02' THEN
                job := pg_background_launch_v2('SELECT 1, ''a''');
                PERFORM pg_background_wait_v2(job.pid, job.cookie);
                PERFORM pg_background_detach_v2(job.pid, job.cookie);
            ELSE
                -- Detached while it runs, its queue has to be made anew.
                job := pg_background_launch_v2('SELECT pg_sleep(0.003)');
                PERFORM pg_background_detach_v2(job.pid, job.cookie);
                WHILE (pg_background_stats_v2()).workers_active > 0 LOOP
                    PERFORM pg_sleep(0.001);
                END LOOP;
            END IF;
            PERFORM pgbg_test_scribble_idle('header', start, pattern);
            COMMIT;
            job := NULL;
            BEGIN
                job := pg_background_launch_v2('SELECT g, repeat(''x'', 1000) FROM generate_series(1, 2000) g');
            EXCEPTION WHEN query_canceled OR OTHERS THEN
                INSERT INTO seen VALUES ('header', start || ' ' || pattern, 'not launched', SQLSTATE, SQLERRM);
            END;
            IF job.pid IS NOT NULL THEN
                PERFORM take('header', start || ' ' || pattern, job, true);
            END IF;
            COMMIT;
        END LOOP;
    END LOOP;
END $$;

-- The header of a worker that is at work.
CREATE PROCEDURE attack_busy_header() LANGUAGE plpgsql AS $$
DECLARE
    job pg_background_handle;
    pattern bytea;
BEGIN
    FOR start IN 0..pgbg_test_region_size('header') - 4 BY 4 LOOP
        FOREACH pattern IN ARRAY ARRAY['\x00000000', '\xffffffff', '\x01000000', '\x02000000']::bytea[] LOOP
            job := pg_background_launch_v2('SELECT pg_sleep(0.005); SELECT g, repeat(''x'', 1000) FROM generate_series(1, 100) g');
            PERFORM pgbg_test_scribble(job.pid, job.cookie, 'header', start, pattern);
            PERFORM take('busy header', start || ' ' || pattern, job, true);
            COMMIT;
        END LOOP;
    END LOOP;
END $$;

-- Messages that a worker never sends.
CREATE PROCEDURE attack_messages() LANGUAGE plpgsql AS $$
DECLARE
    job pg_background_handle;
    m record;
    way int;
BEGIN
    FOR m IN
        WITH parts(description, int_column) AS (
            VALUES ('\x5406000002000000'::bytea, '\x17000000ffffffff00000000000000006e00'::bytea)
        ), part AS (SELECT *, '\x19000000ffffffff00000000000000007400'::bytea AS text_column FROM parts)
        SELECT t.* FROM part, LATERAL (VALUES
            ('empty', ''::bytea),
            ('one byte', '\x54'),
            ('half a header', '\x54060000'),
            ('unknown kind', '\x5806000000000000'),
            ('kind zero', '\x0000000000000000'),
            ('reserved bytes', '\x5406010002000000'),
            ('no columns where two are announced', description),
            ('one column of two', description || int_column),
            ('three columns of two', description || int_column || text_column || int_column),
            ('name without end', description || int_column || '\x19000000ffffffff000000000000000074747474'),
            ('endless name', description || int_column || '\x19000000ffffffff0000000000000000' || decode(repeat('41', 20000), 'hex')),
            ('type 0', description || int_column || '\x00000000ffffffff00000000000000007400'),
            ('unknown type', description || int_column || '\xfeffff7fffffffff00000000000000007400'),
            ('shell type', description || int_column || '\xffffffffffffffff00000000000000007400'),
            ('absurd typmod', description || int_column || '\x19000000ffffff7f00000000000000007400'),
            ('1665 columns', '\x5406000081060000'::bytea || decode(repeat('17000000ffffffff00000000000000006e00', 1665), 'hex')),
            ('four billion columns', '\x54060000ffffffff'::bytea || int_column),
            ('description twice', description || int_column || text_column),
            ('unknown encoding', '\x54ff000002000000'::bytea || int_column || text_column),
            ('an encoding that 19 does not have', '\x5407000002000000'::bytea || int_column || text_column),
            ('rows before their description', '\x44060000010000001900000000000200'::bytea || decode(repeat('00', 40), 'hex')),
            ('no rows', '\x4406000000000000'),
            ('four billion rows', '\x44060000ffffffff1900000000000200'::bytea || decode(repeat('00', 40), 'hex')),
            ('empty notice', '\x4e06000000000000'),
            ('notice without end', '\x4e06000000000000534e4f54494345'),
            ('notice of severity ERROR', '\x4e06000000000000'::bytea || '\x534552524f5200564552524f5200433432503031004d6d0000'),
            ('notice of severity PANIC', '\x4e06000000000000'::bytea || '\x5350414e4943005650414e494300433432503031004d6d0000'),
            ('notice of unknown severity', '\x4e06000000000000'::bytea || '\x53466f6f0056466f6f00433432503031004d6d0000'),
            ('notice with a count', '\x4e06000001000000'::bytea || '\x534e4f544943450056'),
            ('notice in no encoding', '\x4eff000000000000'::bytea || '\x534e4f5449434500564e4f5449434500433030303030004dfffefd0000'),
            ('notice of invalid bytes', '\x4e06000000000000'::bytea || '\x534e4f5449434500564e4f5449434500433030303030004dc3280000'),
            ('error of severity NOTICE', '\x4506000000000000'::bytea || '\x534e4f5449434500564e4f5449434500433432503031004d6d0000'),
            ('error that did not happen', '\x4506000000000000'::bytea || '\x534552524f5200564552524f5200433432503031004d6d0000'),
            ('a megabyte of nothing', decode(repeat('00', 1000000), 'hex')),
            ('a megabyte of rows', '\x4406000000000100'::bytea || decode(repeat('ff', 1000000), 'hex'))
        ) AS t(name, message)
    LOOP
        FOR way IN 0..2 LOOP
            -- Before the rows; and after a description of its own, where the message is no description.
            job := pg_background_launch_v2(format('SELECT pgbg_test_send(%L); SELECT g, g::text FROM generate_series(1, 3) g', m.message));
            IF way = 2 THEN
                PERFORM pg_background_wait_v2_timeout(job.pid, job.cookie, 5000);
            END IF;
            PERFORM take('message', m.name, job, way > 0);
            COMMIT;
        END LOOP;
    END LOOP;
END $$;

-- Real messages, harmed: bits, bytes, words, lengths.
CREATE PROCEDURE attack_messages_at_random(first int, last int) LANGUAGE plpgsql AS $$
DECLARE
    job pg_background_handle;
    sql text;
    state text;
    message text;
BEGIN
    FOR seed IN first..last LOOP
        sql := 'SELECT pgbg_test_corrupt(' || seed || '); DO $n$BEGIN RAISE NOTICE ''note''; END$n$; ' ||
            CASE seed % 4
                WHEN 0 THEN 'SELECT g, g::text FROM generate_series(1, 50) g'
                WHEN 1 THEN 'SELECT g, repeat(''x'', 1000) FROM generate_series(1, 100) g'
                WHEN 2 THEN 'SELECT nullif(g % 3, 0), NULL::text FROM generate_series(1, 3) g'
                ELSE 'SELECT g, repeat(''x'', 200000) FROM generate_series(1, 3) g'
            END;
        state := '00000';
        message := NULL;
        BEGIN
            CASE seed % 5
                WHEN 0, 1 THEN
                    PERFORM max(n), sum(length(t)) FROM pg_background_run_query_v2(sql, col_def => 'n int4, t text') AS (n int4, t text);
                WHEN 2 THEN
                    PERFORM max(n), sum(length(t)) FROM pg_background_run_query_v2(sql, col_def => 'n text, t text') AS (n text, t text);
                WHEN 3 THEN
                    job := pg_background_launch_v2(sql);
                    PERFORM pg_background_wait_v2_timeout(job.pid, job.cookie, 5000);
                    PERFORM max(n), sum(length(t)) FROM pg_background_result_v2(job.pid, job.cookie) AS (n int4, t varchar(10));
                ELSE
                    job := pg_background_launch_v2(sql);
                    PERFORM max(n), sum(length(t)) FROM pg_background_result_v2(job.pid, job.cookie) AS (n int4, t text);
            END CASE;
        EXCEPTION WHEN query_canceled OR OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
        END;
        INSERT INTO seen VALUES ('harmed message', seed::text, '', state, message);
        PERFORM pg_background_detach_all_v2();
        COMMIT;
    END LOOP;
END $$;
