--
-- Rows without a column definition list.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_background;
RESET client_min_messages;
-- which process ran a job stands in the context
\set SHOW_CONTEXT never
CREATE TABLE regress_pgbg_orders (id int4, gone text, amount numeric(10,2), note text);
ALTER TABLE regress_pgbg_orders DROP COLUMN gone;
INSERT INTO regress_pgbg_orders SELECT i, i * 1.5, 'note ' || i FROM generate_series(1, 5) AS i;

-- a table's rows, with a dropped column in the middle
SELECT * FROM pg_background_query(NULL::regress_pgbg_orders, 'SELECT * FROM regress_pgbg_orders WHERE id <= $1 ORDER BY id', params => ROW(2));
SELECT (o).note, o FROM (SELECT pg_background_query(NULL::regress_pgbg_orders, 'SELECT * FROM regress_pgbg_orders ORDER BY id LIMIT 2') AS o) AS s;
SELECT sum(amount) FROM pg_background_query(NULL::regress_pgbg_orders, 'DELETE FROM regress_pgbg_orders WHERE id > $1 RETURNING *', text_params => '{4}');
ALTER TABLE regress_pgbg_orders ADD COLUMN more int4 DEFAULT 7;
SELECT * FROM pg_background_query(NULL::regress_pgbg_orders, 'SELECT * FROM regress_pgbg_orders WHERE id = 1');
-- scalars, domains, arrays
SELECT * FROM pg_background_query(NULL::int8, 'SELECT count(*) FROM regress_pgbg_orders');
SELECT n + 1 FROM pg_background_query(NULL::int4, 'SELECT generate_series(1, 3)') AS n;
SELECT pg_background_query(NULL::text, 'SELECT 42');
SELECT * FROM pg_background_query(NULL::int4[], 'SELECT ARRAY[1, 2]');
CREATE DOMAIN regress_pgbg_small AS int4 CHECK (VALUE < 10);
SELECT * FROM pg_background_query(NULL::regress_pgbg_small, 'SELECT 7');
SELECT * FROM pg_background_query(NULL::regress_pgbg_small, 'SELECT 70');
-- a composite type, a partition's rows, an anonymous record with a list
CREATE TYPE regress_pgbg_pair AS (a int4, b text);
SELECT * FROM pg_background_query(NULL::regress_pgbg_pair, 'SELECT 1, ''x''::text');
CREATE TABLE regress_pgbg_parts (a int4, b text) PARTITION BY LIST (a);
CREATE TABLE regress_pgbg_part (b text, a int4);
ALTER TABLE regress_pgbg_parts ATTACH PARTITION regress_pgbg_part FOR VALUES IN (1);
INSERT INTO regress_pgbg_parts VALUES (1, 'one');
SELECT * FROM pg_background_query(NULL::regress_pgbg_parts, 'SELECT * FROM regress_pgbg_parts');
SELECT * FROM pg_background_query(NULL::regress_pgbg_part, 'SELECT * FROM regress_pgbg_part');
SELECT * FROM pg_background_query(NULL::record, 'SELECT 1, ''x''::text') AS (a int4, b text);
-- what does not fit
SELECT * FROM pg_background_query(NULL::regress_pgbg_orders, 'SELECT 1');
SELECT * FROM pg_background_query(NULL::int4, 'SELECT ''x''::text');
\set VERBOSITY sqlstate
SELECT * FROM pg_background_query(NULL::int4, 'SELECT 1/0');
SELECT * FROM pg_background_query(NULL::int4, 'SELECT 1 FROM pg_sleep(60)', timeout_ms => 50);
\set VERBOSITY default
SELECT * FROM pg_background_query(NULL::int4, NULL);
CREATE DOMAIN regress_pgbg_pairs AS regress_pgbg_pair;
SELECT * FROM pg_background_query(NULL::regress_pgbg_pairs, 'SELECT 1, ''x''::text');
SELECT count(*) FROM pg_background_list;

-- as JSON
SELECT * FROM pg_background_query_json('SELECT id, amount, note, NULL AS nothing, ARRAY[1, NULL] AS list, date ''2001-02-03'' AS day, o AS whole FROM regress_pgbg_orders AS o ORDER BY id LIMIT $1', params => ROW(2));
SELECT j->>'id' FROM pg_background_query_json('UPDATE regress_pgbg_orders SET note = $1 WHERE id = 3 RETURNING id, note', params => ROW('changed')) AS j;
SELECT * FROM pg_background_query_json('UPDATE regress_pgbg_orders SET note = $1 WHERE id = 3', text_params => '{again}');
SELECT * FROM pg_background_query_json('SELECT 1 AS a, 2 AS a, ''NaN''::numeric AS n, ''{"k": [1, 2.50]}''::json AS j, ''a"\b''::text AS t');
SELECT * FROM pg_background_query_json('SELECT WHERE false');
SELECT count(*), sum((j->>'g')::int8) FROM pg_background_query_json('SELECT g, repeat(''x'', 100) FROM generate_series(1, 20000) AS g') AS j;
\set VERBOSITY sqlstate
SELECT * FROM pg_background_query_json('SELECT 1/0');
\set VERBOSITY default

-- of a job that was launched before
SELECT r.* FROM pg_background_launch('SELECT * FROM regress_pgbg_orders ORDER BY id LIMIT 1') AS h, pg_background_rows(NULL::regress_pgbg_orders, h) AS r;
SELECT r.* FROM pg_background_launch('SELECT 5') AS h, pg_background_rows(NULL::int4, h) AS r;
SELECT r.* FROM pg_background_launch('SELECT 5 AS five, ''x'' AS x') AS h, pg_background_result_json(h) AS r;
-- 42804 consumes nothing; a job is read once
SELECT pid, cookie FROM pg_background_launch('SELECT 5 AS five') \gset
SELECT * FROM pg_background_rows(NULL::date, (:pid, :cookie)::pg_background_handle);
SELECT * FROM pg_background_result_json((:pid, :cookie)::pg_background_handle);
\set VERBOSITY sqlstate
SELECT * FROM pg_background_rows(NULL::int4, (:pid, :cookie)::pg_background_handle);
\set VERBOSITY default
SELECT * FROM pg_background_result_json(NULL);
SELECT * FROM pg_background_rows(NULL::int4, NULL);

\set SHOW_CONTEXT errors
-- cursors
BEGIN;
SELECT pg_background_cursor(h, 'c') FROM pg_background_launch('SELECT g AS n, g * g AS square FROM generate_series(1, 10) AS g') AS h;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
MOVE LAST IN c;
FETCH ABSOLUTE 5 FROM c;
SELECT name, statement, is_holdable, is_scrollable FROM pg_cursors WHERE name = 'c';
SELECT pid, cookie FROM pg_background_launch('SELECT 1 AS still_there') \gset
SAVEPOINT s;
SELECT pg_background_cursor((:pid, :cookie)::pg_background_handle, 'c');
ROLLBACK TO s;
SELECT pg_background_cursor((:pid, :cookie)::pg_background_handle, '')::text LIKE '<unnamed portal %>' AS has_a_name;
ROLLBACK;
BEGIN;
\set VERBOSITY sqlstate
SELECT pg_background_cursor(h) FROM pg_background_launch('SELECT 1/0') AS h;
\set VERBOSITY default
ROLLBACK;
BEGIN;
SELECT pg_background_cursor(h, 'c') FROM pg_background_launch('SELECT repeat(''x'', 1000) FROM generate_series(1, 20000)') AS h;
MOVE 19999 IN c;
SELECT 1;
SAVEPOINT s;
SELECT pg_background_cursor(h, 'd') FROM pg_background_launch('SELECT 1 AS a') AS h;
FETCH d;
ROLLBACK TO s;
FETCH d;
ROLLBACK TO s;
CLOSE c;
COMMIT;
-- it ends with its transaction
SELECT pg_background_cursor(h, 'c') FROM pg_background_launch('SELECT 1') AS h;
FETCH c;
DO $$
DECLARE c refcursor; r record; sum int4 := 0;
BEGIN
    c := pg_background_cursor(pg_background_launch('SELECT g FROM generate_series(1, 100) AS g'));
    LOOP
        FETCH c INTO r;
        EXIT WHEN NOT FOUND;
        sum := sum + r.g;
    END LOOP;
    CLOSE c;
    RAISE NOTICE '%', sum;
END $$;
-- a commit in the middle ends it, and nothing else
DO $$
DECLARE c refcursor; r record;
BEGIN
    c := pg_background_cursor(pg_background_launch('SELECT g FROM generate_series(1, 100) AS g'), 'mine');
    FETCH c INTO r;
    COMMIT;
    FETCH c INTO r;
END $$;
SELECT count(*) FROM pg_background_list;
SELECT pg_background_detach_all() >= 0 AS detached;

DROP TABLE regress_pgbg_orders, regress_pgbg_parts;
DROP DOMAIN regress_pgbg_small, regress_pgbg_pairs;
DROP TYPE regress_pgbg_pair;
