-- The random things that a session does: every function is a step, chosen by soak.step(). See model.sql.

SET check_function_bodies = off;

-- Starts a random job by one of the launching functions and remembers it.
CREATE FUNCTION soak.start(VARIADIC only_kinds text[] DEFAULT '{}') RETURNS soak.job LANGUAGE plpgsql AS $$
DECLARE
	j soak.job;
	queue_size int := (ARRAY[0, 0, 0, 64, 1000, 65536, 300000])[soak.random(1, 7)];
	active int;
BEGIN
	LOOP
		j := soak.order();
		EXIT WHEN only_kinds = '{}' OR j.kind = ANY (only_kinds);
	END LOOP;
	j.via := soak.pick('launch', 'launch', 'submit', 'v1');
	active := (pg_background_stats_v2()).workers_active;
	BEGIN
		IF j.via = 'v1' THEN
			SELECT h.* INTO j.pid, j.cookie FROM pg_background_launch(j.sql, queue_size) h;
			j.label := NULL;
		ELSIF j.via = 'launch' AND j.label IS NULL THEN
			SELECT h.* INTO j.pid, j.cookie FROM pg_background_launch_v2(j.sql, queue_size) h;
		ELSIF j.via = 'launch' THEN
			SELECT h.* INTO j.pid, j.cookie FROM pg_background_launch_v2(j.sql, queue_size, j.label) h;
		ELSIF j.label IS NULL THEN
			SELECT h.* INTO j.pid, j.cookie FROM pg_background_submit_v2(j.sql, queue_size) h;
		ELSE
			SELECT h.* INTO j.pid, j.cookie FROM pg_background_submit_v2(j.sql, queue_size, j.label) h;
		END IF;
	EXCEPTION
		WHEN configuration_limit_exceeded THEN
			PERFORM soak.expect(active >= current_setting('pg_background.max_workers')::int, 'refused below max_workers', active::text, SQLERRM);
			PERFORM soak.count('refused: 53400');
			RETURN NULL;
		WHEN insufficient_resources THEN
			PERFORM soak.expect(current_setting('pg_background.launch_timeout') = '0', 'no slot within launch_timeout', SQLERRM);
			PERFORM soak.count('refused: 53000');
			RETURN NULL;
	END;
	active := (pg_background_stats_v2()).workers_active;
	PERFORM soak.expect(active <= current_setting('pg_background.max_workers')::int, 'more than max_workers', active::text);
	PERFORM soak.count(CASE j.via WHEN 'v1' THEN 'launch' ELSE j.via || '_v2' END);
	PERFORM soak.count('job: ' || j.kind);
	INSERT INTO job SELECT (j).*;
	UPDATE me SET launched = launched + 1, jobs = jobs + 1;
	RETURN j;
END $$;

CREATE FUNCTION soak.jobs() RETURNS SETOF soak.job LANGUAGE sql AS $$ SELECT * FROM job $$;

-- A random job that was started; NULL if there is none.
CREATE FUNCTION soak.any_job() RETURNS soak.job LANGUAGE sql VOLATILE AS $$ SELECT * FROM job ORDER BY random() LIMIT 1 $$;

CREATE FUNCTION soak.needs_help(j soak.job) RETURNS boolean LANGUAGE sql AS
	$$ SELECT j.endless AND NOT (j.terminated OR (j.cancelled AND j.kind <> 'stubborn')) $$;

CREATE FUNCTION soak.handle(j soak.job) RETURNS pg_background_handle LANGUAGE sql AS $$ SELECT ROW(j.pid, j.cookie)::pg_background_handle $$;

-- Random jobs of this session; those that nobody will end are ended.
CREATE FUNCTION soak.some_jobs() RETURNS soak.job[] LANGUAGE plpgsql AS $$
DECLARE
	jobs soak.job[] := '{}';
	j soak.job;
BEGIN
	FOR j IN SELECT * FROM job ORDER BY random() LIMIT soak.random(1, 5) LOOP
		IF soak.needs_help(j) THEN j := soak.end(j); END IF;
		jobs := jobs || j;
	END LOOP;
	RETURN jobs;
END $$;

-- Cancels or terminates a job for certain.
CREATE FUNCTION soak.end(j soak.job) RETURNS soak.job LANGUAGE plpgsql AS $$
BEGIN
	IF j.kind = 'stubborn' OR random() < 0.2 THEN
		j.cancelled := true; j.terminated := true;
		PERFORM pg_background_cancel_v2_grace(j.pid, j.cookie, soak.random(-1, 20));
		PERFORM soak.count('cancel_v2_grace');
	-- Nobody sees a worker that is not connected yet, nor is there one when the job has ended.
	ELSIF random() < 0.2 AND EXISTS (SELECT FROM pg_stat_activity WHERE pid = j.pid AND backend_type = 'pg_background')
		AND NOT (pg_background_outcome_v2(j.pid, j.cookie)).completed AND pg_terminate_backend(j.pid) THEN
		j.terminated := true;
		PERFORM soak.count('pg_terminate_backend');
	ELSE
		j.cancelled := true;
		PERFORM pg_background_cancel_v2(j.pid, j.cookie);
		PERFORM soak.count('cancel_v2');
	END IF;
	UPDATE job SET cancelled = j.cancelled, terminated = j.terminated WHERE id = j.id;
	RETURN j;
END $$;

CREATE FUNCTION soak.do_start() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM soak.start(); END $$;

-- The job survives the subtransaction that launched it.
CREATE FUNCTION soak.do_start_and_roll_back() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	j soak.job;
BEGIN
	BEGIN
		j := soak.start();
		RAISE EXCEPTION USING ERRCODE = 'SK002';
	EXCEPTION WHEN SQLSTATE 'SK002' THEN NULL;
	END;
	IF j.id IS NOT NULL THEN
		INSERT INTO job SELECT (j).*;
		UPDATE me SET launched = launched + 1, jobs = jobs + 1;
		PERFORM soak.count('subtransactions rolled back');
	END IF;
END $$;

CREATE FUNCTION soak.do_look() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	j soak.job := soak.any_job();
BEGIN
	IF j.id IS NOT NULL THEN PERFORM soak.look(j); END IF;
END $$;

CREATE FUNCTION soak.do_cancel() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	j soak.job := soak.any_job();
BEGIN
	IF j.id IS NOT NULL THEN PERFORM soak.look(soak.end(j)); END IF;
END $$;

CREATE FUNCTION soak.do_cancel_many() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	chosen text;
	n int;
	before int;
	grace int := soak.random(0, 5);
BEGIN
	SELECT count(*) INTO before FROM job WHERE NOT seen;
	IF random() < 0.5 THEN
		UPDATE job SET cancelled = true WHERE NOT seen;
		n := pg_background_cancel_all_v2();
		PERFORM soak.count('cancel_all_v2');
	ELSE
		SELECT j.kind INTO chosen FROM job j WHERE label IS NOT NULL ORDER BY random() LIMIT 1;
		UPDATE job SET cancelled = true, terminated = terminated OR grace > 0 WHERE NOT seen AND label LIKE 'soak ' || chosen || ' %';
		n := pg_background_cancel_by_label_v2('soak ' || coalesce(chosen, 'no such') || ' %', grace);
		PERFORM soak.count('cancel_by_label_v2');
	END IF;
	PERFORM soak.expect(n <= before, 'cancelled more than ran', n::text, before::text);
END $$;

CREATE FUNCTION soak.do_wait() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	j soak.job := soak.any_job();
	finished boolean;
BEGIN
	IF j.id IS NULL THEN RETURN; END IF;
	IF soak.needs_help(j) AND NOT j.may_time_out THEN
		finished := pg_background_wait_v2_timeout(j.pid, j.cookie, soak.random(0, 3));
		PERFORM soak.count('wait_v2_timeout');
		PERFORM soak.expect(NOT finished OR j.kind = 'stubborn' AND j.cancelled, 'an endless job ended', soak.text(j));
		j := soak.end(j);
	END IF;
	IF random() < 0.5 THEN
		PERFORM pg_background_wait_v2(j.pid, j.cookie);
		PERFORM soak.count('wait_v2');
		PERFORM soak.expect(soak.look(j), 'not final after wait', soak.text(j));
	ELSE
		finished := pg_background_wait_v2_timeout(j.pid, j.cookie, soak.random(0, 50));
		PERFORM soak.count('wait_v2_timeout');
		PERFORM soak.expect(soak.look(j) OR NOT finished, 'not final after wait_timeout', soak.text(j));
	END IF;
END $$;

CREATE FUNCTION soak.do_wait_any() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	jobs soak.job[] := soak.some_jobs();
	j soak.job;
	h pg_background_handle;
BEGIN
	h := pg_background_wait_any_v2((SELECT coalesce(array_agg(soak.handle(w)), '{}') FROM unnest(jobs) w), soak.random(0, 1) * soak.random(0, 40));
	PERFORM soak.count('wait_any_v2');
	IF h.pid IS NOT NULL THEN
		SELECT * INTO j FROM unnest(jobs) w WHERE w.pid = h.pid AND w.cookie = h.cookie;
		PERFORM soak.expect(j.id IS NOT NULL, 'wait_any returned another job', h::text);
		IF j.id IS NOT NULL AND j.via <> 'v1' THEN PERFORM soak.expect(soak.look(j), 'not final after wait_any', soak.text(j)); END IF;
	END IF;
END $$;

CREATE FUNCTION soak.do_drain() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	jobs soak.job[] := soak.some_jobs();
	j soak.job;
	o pg_background_outcome;
	i int := 0;
BEGIN
	FOR o IN SELECT * FROM pg_background_drain_v2((SELECT coalesce(array_agg(soak.handle(w)), '{}') FROM unnest(jobs) w), soak.random(0, 1) * soak.random(0, 60)) LOOP
		i := i + 1;
		j := jobs[i];
		PERFORM soak.expect(o.pid = j.pid AND o.cookie = j.cookie, 'drain out of order', soak.text(j), o::text);
		IF o.completed THEN
			PERFORM soak.expect(soak.may_end(j, o.state, o.sqlstate), 'drained as it must not', soak.text(j), o::text);
			PERFORM soak.expect(EXISTS (SELECT FROM soak.effect WHERE id = j.id) = (o.state = 'stopped' AND j.effect), 'committed if and only if it succeeded', soak.text(j), o::text);
			PERFORM soak.expect(pg_background_outcome_v2(j.pid, j.cookie) IS NULL, 'still there after drain', soak.text(j));
			DELETE FROM job WHERE id = j.id;
		END IF;
	END LOOP;
	PERFORM soak.count('drain_v2');
	PERFORM soak.expect(i = cardinality(jobs), 'drain lost a job', i::text);
END $$;

CREATE FUNCTION soak.do_detach() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	j soak.job := soak.any_job();
	n int;
	tracked int;
BEGIN
	IF j.id IS NULL THEN RETURN; END IF;
	SELECT count(*) INTO tracked FROM job;
	CASE soak.random(0, 9)
		WHEN 0 THEN
			PERFORM soak.end(w) FROM soak.jobs() w WHERE soak.needs_help(w);
			n := pg_background_detach_all_v2();
			PERFORM soak.count('detach_all_v2');
			PERFORM soak.expect(n = tracked, 'detach_all', n::text, tracked::text);
			DELETE FROM job;
		WHEN 1 THEN
			n := pg_background_purge_v2();
			PERFORM soak.count('purge_v2');
			DELETE FROM job WHERE pg_background_outcome_v2(pid, cookie) IS NULL;
			PERFORM soak.expect(n = tracked - (SELECT count(*) FROM job), 'purge', n::text, tracked::text);
			PERFORM soak.expect(NOT EXISTS (SELECT FROM job WHERE seen), 'purge left a finished job');
		ELSE
			IF soak.needs_help(j) THEN j := soak.end(j); END IF;
			IF j.via = 'v1' AND NOT j.consumed THEN
				PERFORM pg_background_detach(j.pid);
				PERFORM soak.count('detach');
			ELSE
				PERFORM pg_background_detach_v2(j.pid, j.cookie);
				PERFORM soak.count('detach_v2');
			END IF;
			PERFORM soak.expect(pg_background_outcome_v2(j.pid, j.cookie) IS NULL, 'known after detach', soak.text(j));
			DELETE FROM job WHERE id = j.id;
	END CASE;
END $$;
