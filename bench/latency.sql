-- The stop-watch of latency.sh.

CREATE SCHEMA bench;
ALTER DATABASE :"DBNAME" SET search_path = bench, public;
SET search_path = bench, public;

CREATE UNLOGGED TABLE call (variant text, round int, us float8);
CREATE UNLOGGED TABLE pace (variant text, clients int, round int, tps float8);

-- Each variant for `calls` calls, after some that do not count: those start the worker, or open the connection. Every call
-- is timed by itself.
CREATE PROCEDURE measure(round int, connection text, calls int) LANGUAGE plpgsql AS $$
DECLARE
	variants text[] := '{dblink kept,run_v2 warm,run_query_v2 warm,launch_v2 + result_v2 warm,submit_v2 warm,launch + result (v1) warm,dblink fresh,run_v2 cold}';
	variant text;
	h pg_background_handle;
	start timestamptz;
	took interval[];
	wanted int;
BEGIN
	FOR i IN 1 .. cardinality(variants) LOOP
		-- Every other round runs backwards.
		variant := variants[CASE WHEN round % 2 = 0 THEN i ELSE cardinality(variants) + 1 - i END];
		PERFORM set_config('pg_background.worker_idle_timeout', CASE WHEN variant LIKE '%cold' THEN '0' ELSE '60s' END, false);
		wanted := CASE WHEN variant LIKE '%cold' OR variant LIKE '%fresh' THEN greatest(calls / 10, 3) ELSE calls END;
		took := '{}';
		FOR n IN 1 .. 3 + wanted LOOP
			start := clock_timestamp();
			CASE variant
				WHEN 'dblink kept' THEN PERFORM FROM dblink('bench', 'select 1') AS t(i int);
				WHEN 'dblink fresh' THEN PERFORM FROM dblink(connection, 'select 1') AS t(i int);
				WHEN 'run_v2 warm' THEN PERFORM FROM pg_background_run_v2('select 1');
				WHEN 'run_v2 cold' THEN PERFORM FROM pg_background_run_v2('select 1');
				WHEN 'run_query_v2 warm' THEN PERFORM FROM pg_background_run_query_v2('select 1') AS t(i int);
				WHEN 'launch_v2 + result_v2 warm' THEN
					PERFORM FROM pg_background_launch_v2('select 1') l, pg_background_result_v2(l.pid, l.cookie) AS t(i int);
				WHEN 'launch + result (v1) warm' THEN
					PERFORM FROM pg_background_result(pg_background_launch('select 1')) AS t(i int);
				WHEN 'submit_v2 warm' THEN h := pg_background_submit_v2('select 1');
			END CASE;
			IF n > 3 THEN
				took := took || (clock_timestamp() - start);
			END IF;
			IF variant = 'submit_v2 warm' THEN
				-- The next one finds the worker idle again.
				PERFORM pg_background_wait_v2(h.pid, h.cookie), pg_background_detach_v2(h.pid, h.cookie);
			END IF;
			COMMIT;
		END LOOP;
		INSERT INTO call SELECT variant, round, extract(epoch FROM t) * 1e6 FROM unnest(took) t;
		COMMIT;
	END LOOP;
END
$$;

CREATE VIEW slice AS
SELECT variant, round, percentile_cont(0.5) WITHIN GROUP (ORDER BY us) AS us FROM call WHERE round > 0 GROUP BY 1, 2;

-- Medians of all calls, and medians of the ratios between the slices of a round.
CREATE VIEW report AS
SELECT s.variant, count(*) AS rounds,
	(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY us) FROM call c WHERE c.variant = s.variant AND c.round > 0) AS us,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY s.us / d.us) AS to_dblink,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY c.us / s.us) AS cold_to_this
FROM slice s
JOIN slice d ON d.round = s.round AND d.variant = 'dblink kept'
JOIN slice c ON c.round = s.round AND c.variant = 'run_v2 cold'
GROUP BY 1;

CREATE TABLE audit (at timestamptz DEFAULT clock_timestamp(), who text, what text);
