-- The stop-watch of latency.sh.

CREATE SCHEMA bench;
ALTER DATABASE :"DBNAME" SET search_path = bench, public;
SET search_path = bench, public;

CREATE UNLOGGED TABLE call (variant text, round int, us float8);
CREATE UNLOGGED TABLE pace (variant text, clients int, round int, tps float8, user_us float8, system_us float8);
CREATE UNLOGGED TABLE transaction (variant text, clients int, us float8);
CREATE TABLE audit (at timestamptz DEFAULT clock_timestamp(), who text, what text);
CREATE TABLE once (i int PRIMARY KEY);
INSERT INTO once VALUES (1);

CREATE FUNCTION in_plpgsql() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';

-- Of another library that has these two functions, and no warm workers.
CREATE PROCEDURE measure_other(round int, calls int) LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz;
BEGIN
	FOR n IN 1 .. calls LOOP
		start := clock_timestamp();
		PERFORM FROM pg_background_result(pg_background_launch('select 1', 65536)) AS t(i int);
		INSERT INTO call VALUES ('other library', round, extract(epoch FROM clock_timestamp() - start) * 1e6);
		COMMIT;
	END LOOP;
END
$$;

\if :ours
-- Each variant for `calls` calls, after some that do not count: those start the worker, or open the connection. Every call
-- is timed by itself. The plans of these statements are the session's: what a function or a prepared statement costs.
CREATE PROCEDURE measure(round int, connection text, variants text[], calls int) LANGUAGE plpgsql AS $$
DECLARE
	variant text;
	h pg_background_handle;
	handles pg_background_handle[];
	start timestamptz;
	took interval[];
	wanted int;
BEGIN
	FOR i IN 1 .. cardinality(variants) LOOP
		-- Every other round runs backwards.
		variant := variants[CASE WHEN round % 2 = 0 THEN i ELSE cardinality(variants) + 1 - i END];
		PERFORM set_config('pg_background.worker_idle_timeout', CASE WHEN variant LIKE '%cold%' THEN '0' ELSE '60s' END, false);
		wanted := CASE WHEN variant LIKE '%cold%' OR variant LIKE '%fresh%' THEN greatest(calls / 10, 3) ELSE calls END;
		took := '{}';
		IF variant = 'wait_any of 100' THEN
			SELECT array_agg(l) INTO handles FROM generate_series(1, 100), LATERAL pg_background_launch_v2('select 1') l;
			PERFORM pg_background_wait_v2(handle.pid, handle.cookie) FROM unnest(handles) handle;
		END IF;
		FOR n IN 1 .. 3 + wanted LOOP
			start := clock_timestamp();
			CASE variant
				WHEN 'dblink kept', 'dblink kept in a row' THEN PERFORM FROM dblink('bench', 'select 1') AS t(i int);
				WHEN 'dblink fresh' THEN PERFORM FROM dblink(connection, 'select 1') AS t(i int);
				WHEN 'dblink fresh, PL/pgSQL' THEN PERFORM FROM dblink(connection, 'select bench.in_plpgsql()') AS t(i int);
				WHEN 'run_v2 cold, PL/pgSQL' THEN PERFORM FROM pg_background_run_v2('select bench.in_plpgsql()');
				WHEN 'run_v2 warm', 'run_v2 cold', 'run_v2 in a row' THEN PERFORM FROM pg_background_run_v2('select 1');
				WHEN 'run_v2 failing' THEN PERFORM FROM pg_background_run_v2('insert into bench.once values (1)');
				WHEN 'run_v2 pgcrypto' THEN PERFORM FROM pg_background_run_v2('select digest(''a'', ''sha256'')');
				WHEN 'run_v2 hstore' THEN PERFORM FROM pg_background_run_v2('select ''a=>1''::hstore');
				WHEN 'run_v2 uuid-ossp' THEN PERFORM FROM pg_background_run_v2('select uuid_generate_v4()');
				WHEN 'run_v2 plpython3u' THEN PERFORM FROM pg_background_run_v2('select bench.in_python()');
				WHEN 'run with parameters' THEN PERFORM FROM pg_background_run('select $1', params => ROW(n));
				WHEN 'run_query_v2 warm' THEN PERFORM FROM pg_background_run_query_v2('select 1') AS t(i int);
				WHEN 'launch_v2 + result_v2 warm' THEN
					PERFORM FROM pg_background_launch_v2('select 1') l, pg_background_result_v2(l.pid, l.cookie) AS t(i int);
				WHEN 'launch + result (v1) warm' THEN
					PERFORM FROM pg_background_result(pg_background_launch('select 1')) AS t(i int);
				WHEN 'submit_v2 warm' THEN h := pg_background_submit_v2('select 1');
				WHEN 'wait_any of 100' THEN PERFORM pg_background_wait_any_v2(handles);
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
		PERFORM pg_background_detach_all_v2();
		INSERT INTO call SELECT variant, round, extract(epoch FROM t) * 1e6 FROM unnest(took) t;
		COMMIT;
	END LOOP;
END
$$;

-- The same statement again and again, with other values each time, which dblink's caller has to quote.
CREATE FUNCTION ten_by_run() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1 .. 10 LOOP
		PERFORM FROM pg_background_run('insert into bench.audit (who, what) values ($1, $2)', params => ROW('bench'::text, 'something happened ' || n));
	END LOOP;
END
$$;
CREATE FUNCTION ten_by_dblink() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1 .. 10 LOOP
		PERFORM FROM dblink_exec('bench', format('insert into bench.audit (who, what) values (%L, %L)', 'bench', 'something happened ' || n));
	END LOOP;
END
$$;

\endif

CREATE VIEW slice AS
SELECT variant, round, percentile_cont(0.5) WITHIN GROUP (ORDER BY us) AS us FROM call WHERE round > 0 GROUP BY 1, 2;

-- Of all calls; and medians of the ratios between the slices of a round. What PL/pgSQL calls has a session that has loaded it, so
-- that a new worker loads it, too; a new connection of dblink's does where the statement needs it.
CREATE VIEW report AS
SELECT c.*, to_dblink, to_run, cold_to_this, to_fresh FROM (
	SELECT variant, count(*) AS calls, avg(us) AS mean,
		(percentile_cont('{0.5, 0.9, 0.99, 0.999}'::float8[]) WITHIN GROUP (ORDER BY us)) AS p, max(us) AS worst
	FROM call WHERE round > 0 GROUP BY 1
) c LEFT JOIN (
	SELECT s.variant,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY s.us / d.us) AS to_dblink,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY s.us / r.us) AS to_run,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY c.us / s.us) AS cold_to_this,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY s.us / f.us) FILTER (WHERE s.variant LIKE '%cold%') AS to_fresh
	FROM slice s
	JOIN slice d ON d.round = s.round AND d.variant = 'dblink kept'
	JOIN slice r ON r.round = s.round AND r.variant = 'run_v2 warm'
	JOIN slice c ON c.round = s.round AND c.variant = 'run_v2 cold'
	JOIN slice f ON f.round = s.round AND f.variant = 'dblink fresh' || coalesce(substring(s.variant FROM ', PL/pgSQL$'), '')
	GROUP BY 1
) r USING (variant);

-- Beside the same protocol, or the same number of statements in a call, by dblink. The latencies are of whole calls.
CREATE VIEW inserts AS
SELECT clients, variant, tps, to_dblink, user_us, system_us, cpu_to_dblink, mean, p FROM (
	SELECT p.variant, p.clients, percentile_cont(0.5) WITHIN GROUP (ORDER BY p.tps) AS tps,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY p.tps / d.tps) AS to_dblink,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY (p.user_us + p.system_us) / (d.user_us + d.system_us)) AS cpu_to_dblink,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY p.user_us) AS user_us,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY p.system_us) AS system_us
	FROM pace p
	JOIN pace d ON (d.clients, d.round) = (p.clients, p.round) AND d.variant = 'dblink kept' || coalesce(substring(p.variant FROM ', (?:prepared|ten at a time)$'), '')
	GROUP BY 1, 2
) p LEFT JOIN (
	SELECT variant, clients, avg(us) AS mean, (percentile_cont('{0.5, 0.9, 0.99, 0.999}'::float8[]) WITHIN GROUP (ORDER BY us)) AS p
	FROM transaction GROUP BY 1, 2
) t USING (variant, clients);
