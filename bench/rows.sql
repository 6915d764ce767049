-- The shapes and the stop-watch of rows.sh.

CREATE SCHEMA bench;
SET search_path = bench, public;
ALTER DATABASE :"DBNAME" SET search_path = bench, public;

-- parallel_workers = 2: with one worker the planner finds a parallel plan no cheaper than the serial one. How many are
-- launched is max_parallel_workers' to say.
CREATE TABLE ints WITH (parallel_workers = 2) AS SELECT i FROM generate_series(1, :many) i;
CREATE TABLE cols5 WITH (parallel_workers = 2) AS
	SELECT i AS a, i * 7 % 1000 AS b, 'row number ' || i AS c,
		timestamptz '2024-01-01 00:00+00' + i * interval '1 s' AS d, i::numeric / 7 AS e
	FROM generate_series(1, :many) i;
CREATE TABLE kb WITH (parallel_workers = 2) AS
	SELECT repeat(md5(i::text), 32) AS t FROM generate_series(1, :many / 5) i;
CREATE TABLE mb WITH (parallel_workers = 2) AS SELECT i FROM generate_series(1, :many / 1000) i;
CREATE TABLE toasted (i int, t text) WITH (parallel_workers = 2);
ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT i, repeat(md5(i::text), 94) FROM generate_series(1, :many / 10) i;

SELECT format('CREATE TABLE ints20 WITH (parallel_workers = 2) AS SELECT %s FROM generate_series(1, %s) i',
		(SELECT string_agg(format('i + %s AS c%s', n, n), ', ' ORDER BY n) FROM generate_series(1, 20) n), :many)
UNION ALL
SELECT format('CREATE TABLE wide WITH (parallel_workers = 2) AS SELECT %s FROM generate_series(1, 10) i',
		(SELECT string_agg(format('i AS c%s', n), ', ' ORDER BY n) FROM generate_series(1, 1600) n))
\gexec

-- A job's query, the columns that a caller has to declare, and what local and Gather run: in one server they would pass
-- pointers to toasted values around and fetch none, so there they are made to.
-- What takes milliseconds is measured as the mean of so many times, which other work on the machine disturbs less.
CREATE TABLE shape (n serial, name text PRIMARY KEY, query text, columns text, here text, times int DEFAULT 1);
INSERT INTO shape (name, query) VALUES
	('1M x 1 int', 'SELECT * FROM bench.ints'),
	('1M x 5 columns', 'SELECT * FROM bench.cols5'),
	('1M x 20 ints', 'SELECT * FROM bench.ints20'),
	('200k x 1 kB', 'SELECT * FROM bench.kb'),
	('1k x 1 MB', 'SELECT repeat(md5(i::text), 32768) AS t FROM bench.mb'),
	('100k x toasted 3 kB', 'SELECT * FROM bench.toasted'),
	('10 x 1600 columns', 'SELECT * FROM bench.wide');
UPDATE shape SET here = query;
UPDATE shape SET times = 20 WHERE name LIKE '%1600%';
UPDATE shape SET here = 'SELECT i, t || '''' AS t FROM bench.toasted' WHERE name LIKE '%toasted%';
DO $$
DECLARE
	s shape;
BEGIN
	FOR s IN SELECT * FROM shape ORDER BY n LOOP
		EXECUTE format('CREATE TEMP VIEW v AS %s', s.query);
		UPDATE shape SET columns =
			(SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
			 FROM pg_attribute WHERE attrelid = 'v'::regclass)
		WHERE n = s.n;
		DROP VIEW v;
	END LOOP;
END
$$;
VACUUM (ANALYZE, FREEZE);
CHECKPOINT;

-- How a query's rows get here. %1$L is the query, %2$s the columns, %3$s what runs here.
CREATE TABLE variant (n serial, name text PRIMARY KEY, statement text, settings jsonb DEFAULT '{}');
INSERT INTO variant (name, statement, settings) VALUES
	('local', 'WITH m AS MATERIALIZED (%3$s) SELECT count(*) FROM m',
	 '{"max_parallel_workers_per_gather": "0"}'),
	('gather', 'WITH m AS MATERIALIZED (%3$s) SELECT count(*) FROM m',
	 '{"max_parallel_workers_per_gather": "2", "max_parallel_workers": "1", "parallel_leader_participation": "off",
	   "parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0",
	   "seq_page_cost": "0"}'),
	('run_query', 'SELECT count(*) FROM pg_background_run_query_v2(%1$L) AS (%2$s)', '{}'),
	('run_query, 4 MB queue', 'SELECT count(*) FROM pg_background_run_query_v2(%1$L, 4194304) AS (%2$s)', '{}'),
	('launch, result',
	 'SELECT count(*) FROM pg_background_launch_v2(%1$L) h, pg_background_result_v2(h.pid, h.cookie) AS (%2$s)', '{}'),
	('launch, wait, result',
	 'SELECT count(*) FROM (SELECT h.*, pg_background_wait_v2(h.pid, h.cookie) FROM pg_background_launch_v2(%1$L) h
	   OFFSET 0) h, pg_background_result_v2(h.pid, h.cookie) AS (%2$s)', '{}'),
	('dblink', 'SELECT count(*) FROM dblink(''bench'', %1$L) AS t(%2$s)', '{}'),
	('other library', 'SELECT count(*) FROM pg_background_result(pg_background_launch(%1$L, 65536)) AS (%2$s)', '{}'),
	('other library, gather', 'WITH m AS MATERIALIZED (%3$s) SELECT count(*) FROM m',
	 (SELECT settings FROM variant WHERE name = 'gather'));
UPDATE variant SET settings = (SELECT settings FROM variant WHERE name = 'gather') WHERE name = 'other library, gather';

CREATE UNLOGGED TABLE run (shape text, variant text, round int, ms float8);

CREATE PROCEDURE apply(settings jsonb) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config(key, value, true) FROM jsonb_each_text(settings);
END
$$;

-- Refuses a Gather that is none: one worker has to bring all rows, below the materialisation.
CREATE PROCEDURE check_gather() LANGUAGE plpgsql AS $$
DECLARE
	s shape;
	v variant;
	plan jsonb;
	gather jsonb;
BEGIN
	SELECT * INTO v FROM variant WHERE name = 'gather';
	FOR s IN SELECT * FROM shape ORDER BY n LOOP
		CALL apply(v.settings);
		EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || format(v.statement, s.query, s.columns, s.here) INTO plan;
		gather := jsonb_path_query_first(plan, '$.**{0 to last} ? (@."Node Type" == "Gather")');
		IF gather IS NULL OR (gather->>'Workers Launched')::int <> 1
			OR (gather->>'Actual Rows')::float8 <> (gather->'Plans'->0->>'Actual Rows')::float8 * (gather->'Plans'->0->>'Actual Loops')::int
			OR gather->>'Subplan Name' IS DISTINCT FROM 'CTE m'
		THEN
			RAISE 'not a Gather with one worker and no leader: %', plan;
		END IF;
		COMMIT;
	END LOOP;
END
$$;

-- One round: every shape in every variant, each in a transaction of its own. Of two rounds one runs the variants
-- backwards, so that none is always the one after a slow one.
CREATE PROCEDURE measure(round int, variants text[], shapes text DEFAULT '%') LANGUAGE plpgsql AS $$
DECLARE
	s shape;
	v variant;
	start timestamptz;
	took interval;
	statement text;
	rows bigint;
	wanted bigint;
BEGIN
	FOR s IN SELECT * FROM shape WHERE name LIKE shapes ORDER BY n LOOP
		EXECUTE format('SELECT count(*) FROM (%s) q', s.query) INTO wanted;
		FOR v IN SELECT * FROM variant WHERE name = ANY (variants) ORDER BY n * (1 - round % 2 * 2) LOOP
			CALL apply(v.settings);
			statement := format(v.statement, s.query, s.columns, s.here);
			start := clock_timestamp();
			FOR i IN 1 .. s.times LOOP
				EXECUTE statement INTO rows;
				IF rows IS DISTINCT FROM wanted THEN
					RAISE '% of % brought % rows of %', v.name, s.name, rows, wanted;
				END IF;
			END LOOP;
			took := (clock_timestamp() - start) / s.times;
			INSERT INTO run VALUES (s.name, v.name, round, extract(epoch FROM took) * 1000);
			COMMIT;
		END LOOP;
	END LOOP;
END
$$;

-- Medians, and medians of the ratios within a round.
CREATE VIEW report AS
SELECT s.n AS shape_n, v.n AS variant_n, r.shape, r.variant, count(*) AS runs,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ms) AS ms,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ms / g.ms) AS to_gather,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ms / l.ms) AS to_local,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ms / d.ms) AS to_dblink,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ms / q.ms) AS to_4mb
FROM run r
JOIN shape s ON s.name = r.shape
JOIN variant v ON v.name = r.variant
JOIN run g ON (g.shape, g.round) = (r.shape, r.round)
	AND g.variant = CASE WHEN r.variant LIKE 'other%' THEN 'other library, gather' ELSE 'gather' END
LEFT JOIN run l ON (l.shape, l.round, l.variant) = (r.shape, r.round, 'local')
LEFT JOIN run d ON (d.shape, d.round, d.variant) = (r.shape, r.round, 'dblink')
LEFT JOIN run q ON (q.shape, q.round, q.variant) = (r.shape, r.round, 'run_query, 4 MB queue')
WHERE r.round > 0
GROUP BY 1, 2, 3, 4;
