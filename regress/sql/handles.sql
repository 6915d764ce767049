--
-- Handles as one argument, and all jobs of the session.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
CREATE TABLE regress_pgbg_h (h pg_background_handle);

-- every function that takes a process ID and a cookie takes a handle, and only that (expect none)
SELECT f.proname, count(*) FILTER (WHERE f.proargtypes[0] = 'int4'::regtype) AS by_pid,
       count(*) FILTER (WHERE f.pronargs = 1 AND f.proargtypes[0] = 'pg_background_handle'::regtype) AS by_handle
FROM pg_proc f JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e'
WHERE f.proname !~ '_v2|^pg_background_(handle|pid|report_progress|progress)$'
  AND (f.proargtypes[0] = 'int4'::regtype AND f.proargtypes[1] = 'int8'::regtype OR f.proargtypes[0] = 'pg_background_handle'::regtype)
  AND f.proname NOT IN ('pg_background_cursor', 'pg_background_result_json')
GROUP BY 1 HAVING count(*) FILTER (WHERE f.proargtypes[0] = 'int4'::regtype) <> 1
    OR count(*) FILTER (WHERE f.pronargs = 1 AND f.proargtypes[0] = 'pg_background_handle'::regtype) <> 1;

INSERT INTO regress_pgbg_h SELECT pg_background_launch('SELECT pg_background_report_progress(40, ''here''); SELECT 7 AS n', label => 'seven');
SELECT pg_background_wait(h) FROM regress_pgbg_h;
SELECT o.state, o.command_tag, o.label FROM regress_pgbg_h, pg_background_outcome(h) AS o;
SELECT pg_background_status(h) ->> 'state' AS state, (pg_background_status(h) ->> 'cookie')::int8 = (h).cookie AS cookie FROM regress_pgbg_h;
SELECT p.* FROM regress_pgbg_h, pg_background_get_progress(h) AS p;
SELECT i.row_count, i.completed FROM regress_pgbg_h, pg_background_result_info(h) AS i;
SELECT pg_background_error_info(h) IS NULL AS no_error, pg_background_full_sql(h) FROM regress_pgbg_h;
SELECT pg_background_cancel(h) FROM regress_pgbg_h;
SELECT r.* FROM regress_pgbg_h, pg_background_result(h) AS r(n int4);
-- refused: once more, 42704
\set VERBOSITY sqlstate
SELECT r.* FROM regress_pgbg_h, pg_background_result(h) AS r(n int4);
\set VERBOSITY default
SELECT (pg_background_outcome(h)).state AS known_to_the_server FROM regress_pgbg_h;

-- a null handle: no answer; one without a process ID: refused, 22004
SELECT pg_background_wait(NULL::pg_background_handle) IS NULL AS is_null;
SELECT * FROM pg_background_result(NULL::pg_background_handle) AS (n int4);
SELECT pg_background_wait(ROW(NULL, 1)::pg_background_handle);

-- cookies are numbers that a double can hold
SELECT bool_and(cookie > 0 AND cookie < 2 ^ 53 AND cookie::float8::int8 = cookie) AS exact, count(DISTINCT cookie)
FROM generate_series(1, 200) AS i, LATERAL pg_background_submit('SELECT ' || i) AS h, LATERAL pg_background_wait(h);
SELECT pg_background_purge() > 0 AS purged;

-- all jobs of the session: in the order in which they were launched, and then forgotten
SELECT pg_background_launch('SELECT pg_sleep(0.2)', label => 'first') IS NOT NULL, pg_background_launch('SELECT 1 / 0', label => 'second') IS NOT NULL;
SELECT label, state, sqlstate FROM pg_background_drain_all();
SELECT count(*) FROM pg_background_list;
SELECT count(*) FROM pg_background_drain_all(1000);
-- a time-out: what still runs stays
SELECT pg_background_launch('SELECT pg_sleep(600)', label => 'slow') IS NOT NULL, pg_background_submit('SELECT 1', label => 'quick') IS NOT NULL;
SELECT label, state FROM pg_background_drain_all(500) ORDER BY label;
SELECT label FROM pg_background_list;
SELECT pg_background_cancel(pid, cookie, 60000) FROM pg_background_list;
SELECT pg_background_detach_all();

-- the next to finish, each once
SELECT pg_background_wait_next() IS NULL AS none;
SELECT pg_background_submit('SELECT pg_sleep(0.4)', label => 'late') IS NOT NULL, pg_background_submit('SELECT pg_sleep(0.1)', label => 'early') IS NOT NULL;
SELECT (pg_background_outcome(h)).label FROM pg_background_wait_next() AS h;
SELECT pg_background_wait_next(1) IS NULL AS too_early;
SELECT (pg_background_outcome(h)).label FROM pg_background_wait_next(60000) AS h;
SELECT pg_background_wait_next() IS NULL AS none;
SELECT label FROM pg_background_list ORDER BY label;
SELECT pg_background_detach_all();

-- an array that is NULL is no jobs
SELECT count(*) FROM pg_background_drain((SELECT array_agg(h) FROM regress_pgbg_h WHERE false));
SELECT pg_background_wait_any((SELECT array_agg(h) FROM regress_pgbg_h WHERE false)) IS NULL AS none;

-- waiting: a time-out of 0 or less is none, others pass
SELECT pg_background_launch('SELECT pg_sleep(0.2)') AS h \gset
SELECT pg_background_wait(pid, cookie, 1), pg_background_wait(pid, cookie, -5), pg_background_wait(pid, cookie, 2147483647) FROM pg_background_list;
SELECT pg_background_launch('SELECT pg_sleep(600)') IS NOT NULL AS slow;
SELECT pg_background_wait_v2_timeout(pid, cookie, 0) FROM pg_background_list WHERE state <> 'stopped';
SELECT pg_background_cancel(pid, cookie, grace_ms => 60000) FROM pg_background_list WHERE state <> 'stopped';
SELECT state FROM pg_background_list ORDER BY launched_at;
SELECT pg_background_detach_all();

-- every option can be named
SELECT (pg_background_run(sql => 'SELECT 1', label => 'named')).label;
SELECT * FROM pg_background_run_query('SELECT 1', label => 'x', col_def => 'a int4') AS (a int4);
SELECT state, label FROM pg_background_submit('SELECT 1', label => 'x') AS h, LATERAL pg_background_drain(ARRAY[h]);
-- a time-out of the job's own; refused: a negative one, 22023
SELECT o.state, o.sqlstate FROM pg_background_launch('SELECT pg_sleep(600)', timeout_ms => 50) AS h, LATERAL pg_background_drain(ARRAY[h]) AS o;
SELECT pg_background_submit('SELECT 1', timeout_ms => -1);
SET pg_background.worker_timeout = 50;
SELECT o.state FROM pg_background_launch('SELECT pg_sleep(0.3)', timeout_ms => 0) AS h, LATERAL pg_background_drain(ARRAY[h]) AS o;
SELECT o.state FROM pg_background_launch('SELECT pg_sleep(600)') AS h, LATERAL pg_background_drain(ARRAY[h]) AS o;
RESET pg_background.worker_timeout;

-- statistics: a time-out that SQL of version 2.0 has noticed is not a cancellation
SELECT workers_canceled AS c, workers_timed_out AS t FROM pg_background_stats() \gset
SELECT pg_background_record_timeout() FROM pg_background_launch('SELECT pg_sleep(600)') AS h, LATERAL pg_background_cancel(h), LATERAL pg_background_wait(h);
SELECT workers_canceled - :c AS canceled, workers_timed_out - :t AS timed_out FROM pg_background_stats();
SELECT count(*) FROM pg_background_drain_all();

--
-- Parameters without types, as drivers send them: every function, with every number of arguments that it takes, is one
-- function and no other. An argument of a polymorphic type has to have one.
--
CREATE FUNCTION pg_temp.ambiguous() RETURNS TABLE (call text, error text) LANGUAGE plpgsql AS $$
DECLARE
    f record;
    n int4;
BEGIN
    FOR f IN SELECT p.* FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                                                       AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
                                       JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_background' LOOP
        FOR n IN f.pronargs - f.pronargdefaults .. f.pronargs LOOP
            call := format('SELECT * FROM %I(%s)%s', f.proname,
                           (SELECT string_agg(CASE WHEN f.proargtypes[i - 1] = 'anyelement'::regtype THEN 'NULL::int4'
                                                   WHEN f.proargtypes[0] = 'anyelement'::regtype THEN '$' || i - 1
                                                   ELSE '$' || i END, ', ' ORDER BY i)
                            FROM generate_series(1, n) AS i),
                           CASE WHEN f.prorettype = 'record'::regtype AND f.proargmodes IS NULL THEN ' AS (a int4)' ELSE '' END);
            BEGIN
                EXECUTE 'PREPARE untyped AS ' || call;
                DEALLOCATE untyped;
            EXCEPTION WHEN OTHERS THEN
                error := SQLSTATE || ' ' || SQLERRM;
                RETURN NEXT;
            END;
        END LOOP;
    END LOOP;
END $$;
SELECT * FROM pg_temp.ambiguous();
-- which one more would break
BEGIN;
CREATE FUNCTION pg_background_wait(h pg_background_handle, timeout_ms int4) RETURNS bool LANGUAGE sql AS 'SELECT true';
SELECT * FROM pg_temp.ambiguous();
ROLLBACK;
-- no two functions of one name take the same number of arguments (expect none)
SELECT a.oid::regprocedure, b.oid::regprocedure FROM pg_proc a JOIN pg_proc b ON a.proname = b.proname AND a.pronamespace = b.pronamespace AND a.oid < b.oid
WHERE a.proname ~ 'pg_background'
  AND int4range(a.pronargs - a.pronargdefaults, a.pronargs, '[]') && int4range(b.pronargs - b.pronargdefaults, b.pronargs, '[]');
DROP TABLE regress_pgbg_h;
