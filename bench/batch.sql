-- The stop-watch of batch.sh.

CREATE SCHEMA bench;
ALTER DATABASE :"DBNAME" SET search_path = bench, public;
SET search_path = bench, public;

CREATE TABLE call (round int, work text, variant text, statements int, ms float8);

-- By dblink: each connection has one statement, and gets the next when its turn comes to be read. All of them take equally
-- long, so that no other order would be faster. What was kept open before is used again.
CREATE PROCEDURE by_dblink(statement text, count int, parallel int) LANGUAGE plpgsql AS $$
DECLARE
	name text;
BEGIN
	FOR i IN 0 .. count + parallel - 1 LOOP
		name := 'bench' || i % parallel;
		IF i >= parallel THEN
			PERFORM FROM dblink_get_result(name) AS t(a text);
			PERFORM FROM dblink_get_result(name) AS t(a text);
		END IF;
		IF i < count THEN
			PERFORM dblink_send_query(name, statement);
		END IF;
	END LOOP;
END $$;

CREATE PROCEDURE connect(connection text, parallel int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 0 .. parallel - 1 LOOP
		PERFORM dblink_connect('bench' || i, connection);
	END LOOP;
END $$;

CREATE PROCEDURE disconnect(parallel int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 0 .. parallel - 1 LOOP
		PERFORM dblink_disconnect('bench' || i);
	END LOOP;
END $$;

-- Each way once. The workers, and the connections that are kept, are there before; cold and fresh make them.
CREATE PROCEDURE measure(round int, work text, statement text, count int, parallel int, connection text) LANGUAGE plpgsql AS $$
DECLARE
	variants text[] := '{run_all warm,run_all cold,"dblink async, kept","dblink async, fresh"}';
	variant text;
	start timestamptz;
	failed int;
BEGIN
	FOR i IN 1 .. cardinality(variants) LOOP
		-- Every other round runs backwards.
		variant := variants[CASE WHEN round % 2 = 0 THEN i ELSE cardinality(variants) + 1 - i END];
		PERFORM set_config('pg_background.worker_idle_timeout', '60s', false);
		IF variant = 'dblink async, kept' THEN
			CALL connect(connection, parallel);
		ELSIF variant = 'run_all warm' THEN
			PERFORM FROM pg_background_run_all(array_fill('SELECT pg_sleep(0.02)'::text, ARRAY[parallel]), max_parallel => parallel);
		ELSIF variant = 'run_all cold' THEN
			-- Those that are idle leave, and the ones that this call starts are kept for it.
			PERFORM set_config('pg_background.worker_idle_timeout', '0', false);
			PERFORM FROM pg_background_run_all(array_fill('SELECT pg_sleep(0.02)'::text, ARRAY[parallel]), max_parallel => parallel);
			PERFORM pg_sleep(0.1);
			PERFORM set_config('pg_background.worker_idle_timeout', '60s', false);
		END IF;
		start := clock_timestamp();
		IF variant LIKE 'run_all%' THEN
			SELECT count(*) FILTER (WHERE has_error) INTO failed
			FROM pg_background_run_all(array_fill(statement, ARRAY[count]), max_parallel => parallel);
			IF failed > 0 THEN RAISE EXCEPTION '% failed', failed; END IF;
		ELSE
			IF variant LIKE '%fresh' THEN CALL connect(connection, parallel); END IF;
			CALL by_dblink(statement, count, parallel);
			IF variant LIKE '%fresh' THEN CALL disconnect(parallel); END IF;
		END IF;
		INSERT INTO call SELECT round, work, variant, count, extract(epoch FROM clock_timestamp() - start) * 1000;
		IF variant = 'dblink async, kept' THEN CALL disconnect(parallel); END IF;
		COMMIT;
	END LOOP;
END $$;

CREATE VIEW report AS
	SELECT work, variant, count(*) AS rounds,
		round(avg(us)::numeric, 1) AS mean_us,
		round(percentile_cont(0.5) WITHIN GROUP (ORDER BY us)::numeric, 1) AS median_us,
		round(percentile_cont(0.95) WITHIN GROUP (ORDER BY us)::numeric, 1) AS p95_us,
		CASE work WHEN 'sleeps' THEN round((percentile_cont(0.5) WITHIN GROUP (ORDER BY us) / 6250)::numeric, 3) END AS to_ideal
	FROM (SELECT *, ms * 1000 / statements AS us FROM call WHERE round > 0) AS c
	GROUP BY 1, 2 ORDER BY 1, 5;
