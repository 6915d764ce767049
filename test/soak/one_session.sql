-- 100,000 jobs from one session, of every kind that leaves the session alive and none that waits for time.

-- jobs jobs, and what came out otherwise than it had to.
CREATE FUNCTION one_session(jobs int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	h pg_background_handle;
	r pg_background_run_result;
	o pg_background_outcome;
	got text;
	wrong int := 0;
BEGIN
	FOR i IN 1..jobs LOOP
		got := NULL;
		IF i % 200 = 0 THEN
			-- In a process of its own.
			SET LOCAL pg_background.worker_idle_timeout = 0;
		ELSIF i % 200 = 1 THEN
			RESET pg_background.worker_idle_timeout;
		END IF;
		CASE
			WHEN i % 100 = 3 THEN
				r := pg_background_run_v2('SELECT 1 / 0', label => 'failing');
				IF (r.has_error, r.sqlstate, r.row_count) IS DISTINCT FROM (true, '22012', 0::bigint) THEN got := r::text; END IF;
			WHEN i % 500 = 5 THEN
				h := pg_background_launch_v2('SELECT pg_sleep(100)');
				PERFORM pg_background_cancel_v2(h.pid, h.cookie), pg_background_wait_v2(h.pid, h.cookie);
				o := pg_background_outcome_v2(h.pid, h.cookie);
				IF (o.state, o.sqlstate) IS DISTINCT FROM ('canceled', '57014') THEN got := o::text; END IF;
				PERFORM pg_background_detach_v2(h.pid, h.cookie);
			WHEN i % 10 = 7 THEN
				-- Finished ones that nobody detaches: a thousand stay.
				h := pg_background_submit_v2('SELECT ' || i, 0, 'left ' || i);
				PERFORM pg_background_wait_v2(h.pid, h.cookie);
				o := pg_background_outcome_v2(h.pid, h.cookie);
				IF (o.state, o.row_count, o.label) IS DISTINCT FROM ('stopped', 1::bigint, 'left ' || i) THEN got := o::text; END IF;
			WHEN i % 10 = 2 THEN
				h := pg_background_launch_v2('SELECT i, repeat(''x'', 100) FROM generate_series(1, 30) i', 1000);
				SELECT string_agg(DISTINCT length(s)::text, ',') || ' ' || sum(n) INTO got FROM pg_background_result_v2(h.pid, h.cookie) AS t(n int, s text);
				IF got = '100 465' THEN got := NULL; END IF;
			WHEN i % 10 = 4 THEN
				SELECT t.n INTO got FROM pg_background_run_query_v2(format('SELECT %s, ROW(1)', i)) AS t(n text, s text);
				IF got = i::text THEN got := NULL; END IF;
			WHEN i % 10 = 6 THEN
				h := pg_background_launch_v2('DO ''BEGIN PERFORM pg_background_progress(7); END''');
				SELECT * INTO o FROM pg_background_drain_v2(ARRAY[h]);
				IF (o.state, o.command_tag, o.pid) IS DISTINCT FROM ('stopped', 'DO', h.pid) THEN got := o::text; END IF;
			WHEN i % 10 = 8 THEN
				h := pg_background_submit_v2('SELECT 1');
				PERFORM pg_background_detach_v2(h.pid, h.cookie);
			ELSE
				r := pg_background_run_v2('SELECT ' || i);
				IF (r.completed, r.has_error, r.command_tag) IS DISTINCT FROM (true, false, 'SELECT 1') THEN got := r::text; END IF;
		END CASE;
		IF got IS NOT NULL THEN
			wrong := wrong + 1;
			IF wrong <= 20 THEN RETURN NEXT i || ': ' || got; END IF;
		END IF;
	END LOOP;
END $$;

-- Memory of this backend that is ours, and all of it.
CREATE FUNCTION memory(OUT ours bigint, OUT total bigint) LANGUAGE sql AS
	$$ SELECT coalesce(sum(total_bytes) FILTER (WHERE name LIKE 'pg_background%'), 0)::bigint, sum(total_bytes)::bigint FROM pg_backend_memory_contexts $$;
