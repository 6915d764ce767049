-- More steps: results, jobs that are run in one call, mistakes, and looking at all jobs at once.

SET check_function_bodies = off;

-- Whether rows are what the job had to return, read with a list that fits. Raises what result raises.
CREATE FUNCTION soak.rows_are_right(j soak.job, call text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	ok boolean;
	list text;
	test text;
BEGIN
	CASE
		WHEN j.kind IN ('rows', 'spill') THEN
			list := soak.pick('i int, t text', 'i text, t text');
			test := format('count(*) = %s AND coalesce(sum(i::bigint), 0) = %s AND count(*) FILTER (WHERE t <> repeat(%L, i::int %% 50)) = 0', j.n, j.n * (j.n + 1) / 2, j.s);
		WHEN j.kind IN ('settings', 'clean') THEN list := 's text'; test := format('array_agg(s) = ARRAY[%L]', j.s);
		WHEN j.kind = 'progress' THEN list := 'v text'; test := format('count(*) = %s', j.row_count);
		WHEN j.kind = 'nested' THEN list := 'r text, id bigint'; test := format('array_agg(id) = ARRAY[%s::bigint]', j.id);
		WHEN j.kind = 'toast' THEN list := 'i int, t text'; test := 'count(*) = 3 AND count(*) FILTER (WHERE t <> repeat(md5(i::text), 20000)) = 0';
		WHEN j.kind = 'deep' THEN list := 'i int'; test := 'array_agg(i) = ARRAY[2]';
		WHEN j.kind = 'types' THEN
			list := soak.pick('a int[], n numeric(10,2), r text, p soak.percentage, d date, x int, c char(5), j jsonb',
				'a text, n text, r text, p text, d text, x text, c text, j text',
				'a int[], n numeric(10,1), r text, p int, d date, x text, c char(5), j text');
			test := $t$count(*) = 1 AND bool_and(a::text = '{1,2,NULL}' AND n::numeric = 1.5 AND r = '(1,x)' AND p::text = '42' AND d::text = '2026-01-02'
				AND x IS NULL AND trim(c) = 'abc' AND j::text = '{"a": 1}')$t$;
		WHEN j.kind = 'timeout' THEN list := 'v text'; test := 'false';
		WHEN j.kind = 'empty' THEN list := 'v text'; test := 'count(*) = 0';
		WHEN j.kind IN ('endless', 'stubborn', 'error', 'raise', 'constraint', 'syntax', 'transaction') THEN list := 'v text'; test := 'false';
		-- One tag for each statement.
		WHEN j.kind = 'contend' THEN list := 'tag text'; test := $t$array_agg(tag) = ARRAY['UPDATE 1', 'SELECT 1', 'INSERT 0 1']$t$;
		WHEN j.kind = 'two' THEN list := 'tag text'; test := $t$array_agg(tag) = ARRAY['SELECT 1', 'INSERT 0 1']$t$;
		ELSE list := 'tag text'; test := format('(array_agg(tag))[count(*)] = %L', j.tag);
	END CASE;
	EXECUTE format('SELECT %s FROM %s AS r(%s)', test, call, list) INTO ok;
	RETURN ok;
END $$;

CREATE FUNCTION soak.do_result() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	j soak.job := soak.any_job();
	ok boolean;
	call text;
BEGIN
	-- A process ID whose result was read may be another job's by now.
	IF j.id IS NULL OR (j.via = 'v1' AND j.consumed) THEN RETURN; END IF;
	IF soak.needs_help(j) THEN j := soak.end(j); END IF;
	call := CASE WHEN j.via = 'v1' THEN format('pg_background_result(%s)', j.pid) ELSE format('pg_background_result_v2(%s, %s)', j.pid, j.cookie) END;
	PERFORM soak.count(CASE WHEN j.via = 'v1' THEN 'result' ELSE 'result_v2' END);
	IF j.via <> 'submit' AND NOT j.consumed AND random() < 0.1 THEN
		-- A list that fits nothing costs nothing.
		BEGIN
			EXECUTE format('SELECT * FROM %s AS r(a int, b point, c int, d xid8)', call);
			PERFORM soak.expect(j.kind = 'empty', 'a wrong list', soak.text(j));
			IF j.kind = 'empty' THEN DELETE FROM job WHERE id = j.id; RETURN; END IF;
		EXCEPTION
			WHEN datatype_mismatch THEN NULL;
			WHEN query_canceled OR OTHERS THEN
				IF SQLSTATE = '57014' AND soak.is_interruptible() THEN RAISE; END IF;
				-- The job's own error comes first, and consumes.
				PERFORM soak.expect(NOT soak.may_end(j, 'stopped', NULL) OR j.kind = 'nested' OR j.cancelled OR j.terminated OR j.may_time_out, 'wrong list', soak.text(j), SQLSTATE, SQLERRM);
				UPDATE job SET consumed = true WHERE id = j.id;
				j.consumed := true;
		END;
	END IF;
	BEGIN
		ok := soak.rows_are_right(j, call);
		PERFORM soak.expect(ok, 'rows', soak.text(j));
		PERFORM soak.expect(NOT j.consumed AND j.via <> 'submit' AND soak.may_end(j, 'stopped', NULL), 'rows of a job that has none', soak.text(j));
		PERFORM soak.expect(pg_background_outcome_v2(j.pid, j.cookie) IS NULL, 'known after result', soak.text(j));
		PERFORM soak.expect(EXISTS (SELECT FROM soak.effect WHERE id = j.id) = j.effect, 'rows, but not committed', soak.text(j));
		DELETE FROM job WHERE id = j.id;
	EXCEPTION WHEN query_canceled OR OTHERS THEN
		IF SQLSTATE = '57014' AND soak.is_interruptible() THEN RAISE; END IF;
		IF j.via = 'submit' THEN
			PERFORM soak.expect(SQLSTATE = '0A000', 'result of a submitted job', soak.text(j), SQLSTATE, SQLERRM);
		ELSIF j.consumed THEN
			PERFORM soak.expect(SQLSTATE = '42704', 'result of a consumed job', soak.text(j), SQLSTATE, SQLERRM);
		ELSE
			PERFORM soak.expect(soak.may_end(j, CASE SQLSTATE WHEN '57014' THEN 'canceled' WHEN '57P01' THEN (pg_background_outcome_v2(j.pid, j.cookie)).state ELSE 'error' END, SQLSTATE),
				'error of result', soak.text(j), SQLSTATE, SQLERRM);
			UPDATE job SET consumed = true WHERE id = j.id;
			j.consumed := true;
			PERFORM soak.expect(soak.look(j), 'not final after its error was raised', soak.text(j));
		END IF;
	END;
END $$;

-- run_v2 and run_query_v2, with and without a time-out.
CREATE FUNCTION soak.do_run() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	j soak.job := soak.order();
	how text := soak.pick('run_v2', 'run_v2', 'run_v2', 'run_query_v2', 'run_query_v2');
	r pg_background_run_result;
	timeout int := soak.random(0, 1) * soak.random(1, 200);
	ok boolean;
	state text;
	active int;
BEGIN
	-- Two seconds and more, which is a long step.
	IF j.kind = 'stubborn' AND random() < 0.8 THEN RETURN; END IF;
	-- A run that is interrupted cancels its job, which is not enough for this one, and nobody has the handle.
	IF j.kind = 'stubborn' AND soak.is_interruptible() THEN RETURN; END IF;
	IF j.endless AND timeout = 0 THEN timeout := soak.random(1, 100); END IF;
	-- A time-out cancels, and terminates a second later.
	j.cancelled := timeout > 0;
	j.terminated := timeout > 0;
	UPDATE me SET jobs = jobs + 1;
	active := (pg_background_stats_v2()).workers_active;
	PERFORM soak.count(how);
	BEGIN
		IF how = 'run_v2' THEN
			r := pg_background_run_v2(j.sql, soak.random(0, 1) * 1000, timeout, j.label);
			UPDATE me SET launched = launched + 1;
			state := CASE WHEN NOT r.has_error THEN 'stopped' WHEN r.sqlstate = '57014' THEN 'canceled' WHEN r.sqlstate = '57P01' AND r.timed_out THEN 'canceled' ELSE 'error' END;
			PERFORM soak.expect(soak.may_end(j, state, r.sqlstate), 'run_v2', soak.text(j), r::text);
			PERFORM soak.expect(r.has_error OR (r.completed AND r.row_count = j.row_count AND r.command_tag IS NOT DISTINCT FROM j.tag), 'run_v2: tag or count', soak.text(j), r::text);
			PERFORM soak.expect(NOT r.timed_out OR r.elapsed_ms >= timeout, 'run_v2: timed out early', soak.text(j), r::text);
			PERFORM soak.expect(EXISTS (SELECT FROM soak.effect WHERE id = j.id) = (NOT r.has_error AND j.effect), 'run_v2: committed if and only if it succeeded', soak.text(j), r::text);
		ELSE
			ok := soak.rows_are_right(j, format('pg_background_run_query_v2(%L, %s, %s, %L)', j.sql, soak.random(0, 1) * 1000, timeout, j.label));
			UPDATE me SET launched = launched + 1;
			PERFORM soak.expect(ok AND soak.may_end(j, 'stopped', NULL), 'run_query_v2: rows', soak.text(j));
			PERFORM soak.expect(EXISTS (SELECT FROM soak.effect WHERE id = j.id) = j.effect, 'run_query_v2: not committed', soak.text(j));
		END IF;
	EXCEPTION WHEN query_canceled OR OTHERS THEN
		IF SQLSTATE = '57014' AND soak.is_interruptible() THEN RAISE; END IF;
		IF (pg_background_stats_v2()).workers_launched = (SELECT launched FROM me) THEN
			PERFORM soak.expect(CASE SQLSTATE WHEN '53400' THEN active >= current_setting('pg_background.max_workers')::int
				WHEN '53000' THEN current_setting('pg_background.launch_timeout') = '0' END, 'not launched', SQLSTATE, SQLERRM, active::text);
			PERFORM soak.count('refused: ' || SQLSTATE);
		ELSE
			UPDATE me SET launched = launched + 1;
			state := CASE SQLSTATE WHEN '57014' THEN 'canceled' WHEN '57P01' THEN 'canceled' ELSE 'error' END;
			PERFORM soak.expect(soak.may_end(j, state, SQLSTATE), 'run', soak.text(j), SQLSTATE, SQLERRM);
			PERFORM soak.expect(NOT EXISTS (SELECT FROM soak.effect WHERE id = j.id), 'run: failed, but committed', soak.text(j));
		END IF;
	END;
END $$;

-- The worker waits for a row that this session holds: 40P01, whichever function waits.
CREATE FUNCTION soak.do_deadlock() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	me int := (SELECT client FROM me);
	h pg_background_handle;
	how text := soak.pick('run', 'run_query', 'wait', 'result', 'drain', 'wait_any');
	statement text := format('UPDATE soak.own SET n = n + 1 WHERE client = %s', me);
	code text;
BEGIN
	IF (pg_background_stats_v2()).workers_active >= current_setting('pg_background.max_workers')::int OR current_setting('pg_background.worker_timeout') <> '0' THEN RETURN; END IF;
	PERFORM FROM soak.own WHERE client = me FOR UPDATE;
	-- What is counted below is forgotten with the error.
	PERFORM soak.count('deadlock by ' || how);
	BEGIN
		IF how NOT IN ('run', 'run_query') THEN h := pg_background_launch_v2(statement); END IF;
		CASE how
			WHEN 'run' THEN PERFORM pg_background_run_v2(statement);
			WHEN 'run_query' THEN PERFORM FROM pg_background_run_query_v2(statement) AS r(tag text);
			WHEN 'wait' THEN PERFORM pg_background_wait_v2(h.pid, h.cookie);
			WHEN 'result' THEN PERFORM FROM pg_background_result_v2(h.pid, h.cookie) AS r(tag text);
			WHEN 'drain' THEN PERFORM pg_background_drain_v2(ARRAY[h]);
			WHEN 'wait_any' THEN PERFORM pg_background_wait_any_v2(ARRAY[h]);
		END CASE;
		PERFORM soak.complain('no deadlock', how);
	EXCEPTION WHEN query_canceled OR OTHERS THEN
		IF SQLSTATE = '57014' AND soak.is_interruptible() THEN RAISE; END IF;
		code := SQLSTATE;
		-- Its sleep for a slot may have been in vain.
		PERFORM soak.expect(code = '40P01' OR (code = '53000' AND current_setting('pg_background.launch_timeout') = '0'), 'deadlock', how, code, SQLERRM);
		IF code = '40P01' THEN UPDATE me SET launched = launched + 1, jobs = jobs + 1; END IF;
	END;
	IF h.pid IS NOT NULL THEN
		PERFORM pg_background_wait_v2(h.pid, h.cookie);
		PERFORM soak.expect((pg_background_outcome_v2(h.pid, h.cookie)).sqlstate = '57014', 'the victim', pg_background_outcome_v2(h.pid, h.cookie)::text);
		PERFORM pg_background_detach_v2(h.pid, h.cookie);
	END IF;
END $$;

-- A job that succeeds as another role, which nobody else's worker may do.
CREATE FUNCTION soak.do_role() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	IF (pg_background_stats_v2()).workers_active >= current_setting('pg_background.max_workers')::int OR current_setting('pg_background.worker_timeout') <> '0' THEN RETURN; END IF;
	PERFORM set_config('role', 'soak_user', true);
	SELECT r.who INTO answer FROM pg_background_run_query_v2('SELECT concat_ws(''|'', session_user, current_user, current_setting(''role''))') AS r(who text);
	PERFORM set_config('role', 'none', true);
	PERFORM soak.expect(answer = 'postgres|soak_user|soak_user', 'role', answer);
	PERFORM soak.count('as another role');
	UPDATE me SET launched = launched + 1, jobs = jobs + 1;
EXCEPTION WHEN insufficient_resources THEN
	PERFORM soak.expect(current_setting('pg_background.launch_timeout') = '0', 'no slot within launch_timeout', SQLERRM);
END $$;

CREATE FUNCTION soak.do_mistake() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	j soak.job := soak.any_job();
	pid text := coalesce(j.pid, pg_backend_pid())::text;
	wanted text;
	statement text;
BEGIN
	SELECT * INTO wanted, statement FROM (VALUES
		('0A000', 'SELECT pg_background_progress(1)'),
		('22023', $s$SELECT pg_background_launch_v2('SELECT 1', 63)$s$),
		('22023', $s$SELECT pg_background_run_v2('SELECT 1', -1)$s$),
		('22023', $s$SELECT pg_background_run_v2('SELECT 1', 0, -1)$s$),
		('22004', 'SELECT pg_background_launch_v2(NULL)'),
		('22004', 'SELECT pg_background_wait_any_v2(ARRAY[NULL]::pg_background_handle[])'),
		('42704', format('SELECT pg_background_wait_v2(%s, 1)', pg_backend_pid())),
		('42704', format('SELECT pg_background_detach_v2(%s, 1)', pg_backend_pid())),
		('00000', format('SELECT pg_background_drain_v2(ARRAY[(%s, 1)]::pg_background_handle[])', pg_backend_pid())),
		('42704', format('SELECT * FROM pg_background_result(%s) AS r(t text)', pg_backend_pid())),
		(CASE WHEN j.id IS NULL THEN '42704' ELSE '55000' END, format('SELECT pg_background_cancel_v2(%s, -1)', pid)),
		(CASE WHEN j.id IS NULL THEN '42704' ELSE '55000' END, format('SELECT pg_background_error_info_v2(%s, -1)', pid)),
		('42704', format('SELECT * FROM pg_background_result_v2(%s, -1) AS r(t text)', pid)),
		('42804', 'SELECT * FROM pg_background_list_v2() AS r(pid int, cookie int)'),
		('0A000', format('SELECT pg_background_result_v2(%s, %s)', pid, coalesce(j.cookie, 1))),
		('00000', format('SELECT pg_background_outcome_v2(%s, -1)', pid)),
		('00000', 'SELECT pg_background_wait_v2(NULL, NULL)')
	) v(wanted, statement) ORDER BY random() LIMIT 1;
	BEGIN
		EXECUTE statement;
		PERFORM soak.expect(wanted = '00000', 'no error', statement, wanted);
	EXCEPTION WHEN OTHERS THEN
		PERFORM soak.expect(SQLSTATE = wanted, 'mistake', statement, wanted, SQLSTATE, SQLERRM);
	END;
	PERFORM soak.count('mistakes');
END $$;

CREATE FUNCTION soak.do_settings() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	s text[];
BEGIN
	SELECT v INTO s FROM (VALUES (ARRAY['work_mem', '64kB']), (ARRAY['work_mem', '256kB']), (ARRAY['work_mem', '8MB']),
		(ARRAY['application_name', 'soak ' || soak.random(1, 1000)]), (ARRAY['soak.anything', repeat('x', soak.random(1, 2000))]),
		(ARRAY['pg_background.worker_idle_timeout', '0']), (ARRAY['pg_background.worker_idle_timeout', '5ms']),
		(ARRAY['pg_background.worker_idle_timeout', '5s']), (ARRAY['pg_background.worker_idle_timeout', '5s']),
		(ARRAY['pg_background.worker_timeout', '300ms']), (ARRAY['pg_background.worker_timeout', '0']), (ARRAY['pg_background.worker_timeout', '0']),
		(ARRAY['pg_background.default_queue_size', '64']), (ARRAY['pg_background.default_queue_size', '1MB']),
		(ARRAY['pg_background.max_workers', soak.random(1, 4)::text]), (ARRAY['pg_background.launch_timeout', soak.pick('0', '0', '60s')])
	) t(v) ORDER BY random() LIMIT 1;
	PERFORM set_config(s[1], s[2], false);
	PERFORM soak.count('settings changed');
END $$;

-- Everything about all jobs at once.
CREATE FUNCTION soak.do_audit() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	s pg_background_stats;
	n int;
	wrong text;
BEGIN
	s := pg_background_stats_v2();
	PERFORM soak.count('stats_v2');
	PERFORM soak.expect(s.workers_launched = s.workers_completed + s.workers_failed + s.workers_canceled + s.workers_timed_out + s.workers_active
		AND s.workers_launched = (SELECT launched FROM me) AND s.max_workers = current_setting('pg_background.max_workers')::int,
		'statistics', s::text, (SELECT launched FROM me)::text);
	SELECT string_agg(coalesce(l::text, j.id || ' ' || j.kind), ', ') INTO wrong FROM job j FULL JOIN (SELECT * FROM pg_background_list_v2() AS (pid int4, cookie int8,
		launched_at timestamptz, user_id oid, queue_size int4, state text, sql_preview text, last_error text, consumed bool, label text)) l USING (pid, cookie)
	WHERE (j.id IS NOT NULL AND l.pid IS NOT NULL AND l.label IS NOT DISTINCT FROM j.label AND l.consumed = j.consumed
		AND l.sql_preview = left(j.sql, 120) AND l.user_id = 10) IS NOT TRUE;
	PERFORM soak.expect(wrong IS NULL, 'list', wrong);
	PERFORM soak.count('list_v2');
	SELECT count(*) INTO n FROM pg_background_activity;
	PERFORM soak.expect(n = (SELECT count(*) FROM job), 'activity', n::text);
	PERFORM soak.count('activity');
	SELECT count(*) INTO n FROM pg_background_list;
	PERFORM soak.expect(n = (SELECT count(*) FROM job), 'list', n::text);
END $$;

CREATE FUNCTION soak.do_grant() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(1);
	PERFORM soak.expect(grant_pg_background_privileges('soak_granted') AND revoke_pg_background_privileges('soak_granted'), 'privileges');
	PERFORM soak.count('grant and revoke');
END $$;

-- One random thing. An error that the step does not expect ends up here; one by an interrupt goes on.
CREATE FUNCTION soak.step() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	tracked int;
	op text;
BEGIN
	IF clock_timestamp() > (SELECT until FROM me) THEN RETURN; END IF;
	UPDATE me SET steps = steps + 1;
	SELECT count(*) INTO tracked FROM job;
	IF tracked < 12 AND random() < 0.4 THEN
		op := soak.pick('start', 'start', 'start', 'start_and_roll_back', 'run', 'run', 'run');
	ELSIF random() < 0.02 THEN
		op := soak.pick('deadlock', 'grant', 'role', 'role', 'role');
	ELSE
		op := soak.pick('look', 'look', 'look', 'wait', 'wait', 'wait_any', 'drain', 'result', 'result', 'result', 'cancel', 'cancel_many', 'detach', 'mistake', 'settings', 'audit');
	END IF;
	EXECUTE format('SELECT soak.do_%s()', op);
EXCEPTION WHEN query_canceled OR OTHERS THEN
	IF SQLSTATE = '57014' AND soak.is_interruptible() THEN RAISE; END IF;
	PERFORM soak.complain(op, SQLSTATE, SQLERRM);
END $$;

-- After a step that may have been interrupted anywhere: what the model has missed is let go of.
CREATE FUNCTION soak.resync() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	s pg_background_stats;
BEGIN
	-- What was consumed or detached without the model's knowing.
	DELETE FROM job WHERE pg_background_outcome_v2(pid, cookie) IS NULL;
	UPDATE job SET consumed = true WHERE (pg_background_outcome_v2(pid, cookie)).consumed;
	-- Cancelled or terminated, perhaps: the step is forgotten.
	PERFORM soak.end(w) FROM soak.jobs() w WHERE endless;
	UPDATE job SET cancelled = true, terminated = true;
	PERFORM pg_background_cancel_v2_grace(pid, cookie, 100), pg_background_detach_v2(pid, cookie)
	FROM pg_background_list l WHERE NOT EXISTS (SELECT FROM job j WHERE (j.pid, j.cookie) = (l.pid, l.cookie));
	s := pg_background_stats_v2();
	PERFORM soak.expect(s.workers_launched BETWEEN (SELECT launched FROM me) AND (SELECT launched + 5 FROM me), 'launched without a trace', s::text, (SELECT launched FROM me)::text);
	UPDATE me SET launched = s.workers_launched;
END $$;

-- All that is left ends; then nothing must be left, and the sums must be right.
CREATE FUNCTION soak.finish() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	s pg_background_stats;
	j soak.job;
BEGIN
	RESET pg_background.worker_timeout;
	PERFORM soak.end(w) FROM soak.jobs() w WHERE soak.needs_help(w);
	FOR j IN SELECT * FROM job LOOP
		PERFORM pg_background_wait_v2(j.pid, j.cookie);
		PERFORM soak.expect(soak.look(j), 'not final at the end', soak.text(j));
	END LOOP;
	PERFORM soak.do_audit();
	PERFORM pg_background_detach_all_v2();
	-- Detached jobs count until they end. The other ones were waited for.
	FOR i IN 1..200 LOOP
		s := pg_background_stats_v2();
		EXIT WHEN s.workers_active = 0;
		PERFORM pg_sleep(0.1);
	END LOOP;
	PERFORM soak.expect(s.workers_active = 0 AND s.workers_launched = s.workers_completed + s.workers_failed + s.workers_canceled + s.workers_timed_out, 'the sum at the end', s::text);
	PERFORM soak.expect(NOT EXISTS (SELECT FROM pg_background_list), 'jobs left');
	INSERT INTO soak.total SELECT client, t.what, t.n FROM me, tally t;
	INSERT INTO soak.total SELECT client, v.what, v.n FROM me, LATERAL (VALUES ('= jobs', s.workers_launched), ('= steps', steps), ('= completed', s.workers_completed),
		('= failed', s.workers_failed), ('= canceled', s.workers_canceled), ('= timed out', s.workers_timed_out)) v(what, n);
END $$;
