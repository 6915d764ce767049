-- What the random half of `make soak` knows: a model of each session's jobs, and what every answer has to be.
--
-- A session keeps its model in temporary tables. soak.step() does one random thing and compares. Whatever is not as it
-- must be is a WARNING that begins with SOAK; soak.sh counts these.

SET check_function_bodies = off;
CREATE SCHEMA soak;
CREATE ROLE soak_user IN ROLE pgbackground_role;
CREATE ROLE soak_granted;
GRANT USAGE ON SCHEMA soak TO soak_user;

-- A committed job leaves its number here, and no other does.
CREATE UNLOGGED TABLE soak.effect (id bigint PRIMARY KEY);
CREATE UNLOGGED TABLE soak.common (k int PRIMARY KEY, n bigint NOT NULL DEFAULT 0) WITH (fillfactor = 10);
INSERT INTO soak.common SELECT generate_series(1, 3);
-- One row for each client, for it to lock.
CREATE UNLOGGED TABLE soak.own (client int PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
CREATE TABLE soak.small (i int, CONSTRAINT small_is_positive CHECK (i > 0));
CREATE TABLE soak.large (i int, t text);
ALTER TABLE soak.large ALTER t SET STORAGE EXTERNAL;
INSERT INTO soak.large SELECT i, repeat(md5(i::text), 20000) FROM generate_series(1, 3) i;
CREATE UNLOGGED TABLE soak.total (client int, what text, n bigint);
CREATE DOMAIN soak.percentage AS int CHECK (VALUE BETWEEN 0 AND 100);
GRANT SELECT, INSERT ON soak.effect TO soak_user;

CREATE PROCEDURE soak.commit_twice(id bigint) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE soak.own SET n = n + 1 WHERE client = -1;
	COMMIT;
	INSERT INTO soak.effect VALUES (id);
END $$;

-- What is known of a job; each session has a temporary table like this.
CREATE TABLE soak.job (
	id bigint PRIMARY KEY,
	pid int, cookie bigint, label text, sql text,
	via text,                -- launch, submit, v1
	kind text,
	state text,              -- how it ends if nobody interferes
	sqlstate text,
	tag text, row_count bigint,
	effect boolean,          -- whether it leaves its number if it succeeds
	endless boolean,         -- needs somebody to end it
	may_time_out boolean,    -- a time-out is in force
	cancelled boolean DEFAULT false,
	terminated boolean DEFAULT false,
	consumed boolean DEFAULT false,
	seen boolean DEFAULT false, -- found final
	n bigint, s text, session text
);

-- Makes the temporary tables of a session. Sessions with the same seed and number do the same, as far as time permits.
CREATE PROCEDURE soak.begin(client int, seed int, seconds int) LANGUAGE plpgsql AS $$
BEGIN
	LOAD 'pg_background';
	SET soak.anything = '0';
	PERFORM setseed(((seed::bigint * 7919 + client * 104729) % 1000003) / 1000003.0);
	CREATE TEMPORARY TABLE me (client int, until timestamptz, launched bigint, steps bigint, jobs bigint);
	INSERT INTO me VALUES (client, clock_timestamp() + make_interval(secs => seconds), 0, 0, 0);
	CREATE TEMPORARY TABLE job (LIKE soak.job INCLUDING ALL);
	CREATE TEMPORARY TABLE tally (what text PRIMARY KEY, n bigint) WITH (fillfactor = 10);
	-- Not undone by a rollback: no number is used twice.
	CREATE TEMPORARY SEQUENCE number;
	INSERT INTO soak.own VALUES (client, 0) ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION soak.complain(VARIADIC text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'SOAK client % step %: %', (SELECT client FROM me), (SELECT steps FROM me),
		(SELECT string_agg(coalesce(t, 'NULL'), ' | ' ORDER BY i) FROM unnest($1) WITH ORDINALITY u(t, i));
END $$;

CREATE FUNCTION soak.expect(ok boolean, VARIADIC text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF ok IS NOT TRUE THEN PERFORM soak.complain(VARIADIC $2); END IF;
END $$;

CREATE FUNCTION soak.count(what text) RETURNS void LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO tally VALUES (what, 1) ON CONFLICT ON CONSTRAINT tally_pkey DO UPDATE SET n = tally.n + 1; END $$;

CREATE FUNCTION soak.random(low int, high int) RETURNS int LANGUAGE sql VOLATILE AS
	$$ SELECT low + floor(random() * (high - low + 1))::int $$;

CREATE FUNCTION soak.pick(VARIADIC text[]) RETURNS text LANGUAGE sql VOLATILE AS
	$$ SELECT $1[soak.random(1, cardinality($1))] $$;

-- A statement that times out here is the caller's own: steps under a statement_timeout go on to raise it.
CREATE FUNCTION soak.is_interruptible() RETURNS boolean LANGUAGE sql AS
	$$ SELECT current_setting('statement_timeout') <> '0' $$;

-- A random job, not yet started.
CREATE FUNCTION soak.order() RETURNS soak.job LANGUAGE plpgsql AS $$
DECLARE
	j soak.job;
	insert_id text;
	times bigint;
BEGIN
	j.id := (SELECT client FROM me) * 1000000000::bigint + nextval('number');
	j.kind := soak.pick('insert', 'insert', 'insert', 'two', 'rows', 'rows', 'rows', 'spill', 'error', 'raise', 'constraint', 'sleep',
		'sleep', 'endless', 'endless', 'stubborn', 'notice', 'progress', 'settings', 'dirty', 'clean', 'temporary', 'nested', 'types', 'toast',
		'vacuum', 'call', 'contend', 'timeout', 'syntax', 'empty', 'transaction', 'deep');
	j.label := CASE soak.random(0, 3) WHEN 0 THEN NULL ELSE 'soak ' || j.kind || ' ' || j.id END;
	insert_id := format('INSERT INTO soak.effect VALUES (%s)', j.id);
	j.state := 'stopped';
	j.effect := true;
	j.endless := false;
	j.cancelled := false;
	j.terminated := false;
	j.consumed := false;
	j.seen := false;
	j.may_time_out := current_setting('pg_background.worker_timeout') <> '0' OR current_setting('statement_timeout') <> '0';
	j.tag := 'INSERT 0 1';
	j.row_count := 1;
	CASE j.kind
		WHEN 'insert' THEN j.sql := insert_id;
		WHEN 'two' THEN j.sql := 'CREATE TEMPORARY TABLE soak_two ON COMMIT DROP AS SELECT 1; ' || insert_id;
		WHEN 'rows', 'spill' THEN
			j.n := CASE WHEN j.kind = 'spill' THEN soak.random(10000, 40000) ELSE (ARRAY[0, 1, 10, 100, 1000, 3000])[soak.random(1, 6)] END;
			j.s := chr(soak.random(97, 122));
			j.sql := format($sql$%s; SELECT i, repeat(%L, i %% 50) FROM generate_series(1, %s) i$sql$, insert_id, j.s, j.n);
			j.tag := 'SELECT ' || j.n;
			j.row_count := j.n;
		WHEN 'error' THEN
			j.sql := insert_id || '; SELECT 1 / 0';
			j.state := 'error'; j.sqlstate := '22012';
		WHEN 'raise' THEN
			j.s := repeat(soak.pick('a', 'bc', 'def'), soak.random(1, 3000));
			j.sql := format($sql$%s; DO $do$ BEGIN RAISE EXCEPTION USING ERRCODE = 'SK001', MESSAGE = %L, DETAIL = %L, HINT = 'h',
				SCHEMA = 's', TABLE = 't', COLUMN = 'c', CONSTRAINT = 'k'; END $do$ $sql$, insert_id, j.s, 'detail ' || j.id);
			j.state := 'error'; j.sqlstate := 'SK001';
		WHEN 'constraint' THEN
			j.sql := insert_id || '; INSERT INTO soak.small VALUES (-1)';
			j.state := 'error'; j.sqlstate := '23514';
		WHEN 'sleep' THEN j.sql := format('SELECT pg_sleep(%s); %s', soak.random(1, 200) / 1000.0, insert_id);
		WHEN 'endless' THEN
			j.sql := insert_id || '; SELECT pg_sleep(1000)';
			j.endless := true; j.state := 'canceled'; j.sqlstate := '57014';
		WHEN 'stubborn' THEN
			j.sql := insert_id || $sql$; DO 'BEGIN LOOP BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END'$sql$;
			j.endless := true; j.state := 'canceled'; j.sqlstate := '57P01';
		WHEN 'notice' THEN
			j.n := (ARRAY[1, 10, 500])[soak.random(1, 3)];
			j.sql := format($sql$%s; DO $do$ BEGIN FOR i IN 1..%s LOOP RAISE NOTICE 'soaking %%', i; END LOOP; END $do$ $sql$, insert_id, j.n);
			j.tag := 'DO'; j.row_count := 0;
		WHEN 'progress' THEN
			j.n := soak.random(0, 100);
			j.sql := format($sql$%s; SELECT pg_background_progress(i, 'at ' || i) FROM generate_series(0, %s) i$sql$, insert_id, j.n);
			j.tag := 'SELECT ' || j.n + 1; j.row_count := j.n + 1;
		WHEN 'settings' THEN
			j.s := concat_ws('|', current_setting('work_mem'), current_setting('application_name'), current_setting('soak.anything', true));
			j.sql := insert_id || $sql$; SELECT concat_ws('|', current_setting('work_mem'), current_setting('application_name'), current_setting('soak.anything', true))$sql$;
			j.tag := 'SELECT 1';
		WHEN 'dirty' THEN
			j.sql := format($sql$SET work_mem = '3MB'; SET application_name = 'dirty'; SET soak.anything = 'dirty'; PREPARE soak_dirty AS SELECT 1;
				SELECT pg_advisory_lock(%s); DECLARE soak_dirty CURSOR WITH HOLD FOR SELECT 1; %s %s$sql$,
				-- Its worker is not used again. Without it, it is.
				j.id, soak.pick('SET SESSION AUTHORIZATION soak_user;', ''), insert_id);
		WHEN 'clean' THEN
			j.sql := insert_id || $sql$; SELECT concat_ws('|', (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
				(SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors WHERE is_holdable),
				to_regclass('pg_temp.soak_temporary'), session_user, current_user)$sql$;
			j.s := '0|0|0|postgres|postgres';
			j.tag := 'SELECT 1';
		WHEN 'temporary' THEN j.sql := 'CREATE TEMPORARY TABLE soak_temporary AS SELECT generate_series(1, 100); ' || insert_id;
		WHEN 'nested' THEN
			-- The outer jobs may have taken all slots. What the inner ones do is theirs, so the outer one leaves nothing.
			j.sql := format($sql$SET pg_background.launch_timeout = 0; SELECT pg_background_run_v2('SELECT 1'), r.* FROM pg_background_run_query_v2('SELECT %s::bigint') AS r(id bigint)$sql$, j.id);
			j.effect := false; j.tag := 'SELECT 1';
		WHEN 'types' THEN
			j.sql := insert_id || $sql$; SELECT ARRAY[1, 2, NULL], 1.50::numeric(10, 2), ROW(1, 'x'), 42::soak.percentage, date '2026-01-02', NULL::int, 'abc'::char(5), '{"a": 1}'::jsonb$sql$;
			j.tag := 'SELECT 1';
		WHEN 'toast' THEN
			j.sql := insert_id || '; SELECT i, t FROM soak.large ORDER BY i';
			j.tag := 'SELECT 3'; j.row_count := 3;
		WHEN 'vacuum' THEN
			j.sql := 'VACUUM (SKIP_LOCKED) soak.small';
			j.effect := false; j.tag := 'VACUUM'; j.row_count := 0;
		WHEN 'call' THEN j.sql := format('CALL soak.commit_twice(%s)', j.id); j.tag := 'CALL'; j.row_count := 0;
		WHEN 'contend' THEN j.sql := format('UPDATE soak.common SET n = n + 1 WHERE k = %s; SELECT pg_sleep(0.005); %s', soak.random(1, 3), insert_id);
		WHEN 'timeout' THEN
			j.sql := insert_id || '; SET statement_timeout = 20; SELECT pg_sleep(1000)';
			j.state := 'canceled'; j.sqlstate := '57014';
		WHEN 'syntax' THEN j.sql := insert_id || '; SELECT FROM WHERE'; j.state := 'error'; j.sqlstate := '42601';
		WHEN 'empty' THEN j.sql := ' ;; -- nothing'; j.effect := false; j.tag := NULL; j.row_count := 0;
		WHEN 'transaction' THEN j.sql := insert_id || '; COMMIT'; j.state := 'error'; j.sqlstate := '0A000';
		WHEN 'deep' THEN j.sql := insert_id || '; ' || repeat('SELECT 1; ', 300) || 'SELECT 2'; j.tag := 'SELECT 1';
	END CASE;
	IF j.state <> 'stopped' THEN j.tag := NULL; j.row_count := 0; END IF;
	RETURN j;
END $$;

-- Whether a final state and SQLSTATE are among those that this job may have.
CREATE FUNCTION soak.may_end(j soak.job, state text, sqlstate text) RETURNS boolean LANGUAGE sql AS $$
	SELECT CASE state || coalesce(sqlstate, '')
		WHEN j.state || coalesce(j.sqlstate, '') THEN NOT j.endless OR j.cancelled OR j.may_time_out
		WHEN 'canceled57014' THEN j.cancelled OR j.may_time_out
		-- A cancel that was not enough; a worker that ended itself, which it does a second after worker_timeout.
		WHEN 'canceled57P01' THEN j.cancelled AND (j.terminated OR j.kind = 'stubborn')
		WHEN 'error57P01' THEN j.terminated OR (j.may_time_out AND j.kind = 'stubborn')
		WHEN 'error53000' THEN j.kind = 'nested'
		WHEN 'error53400' THEN j.kind = 'nested'
		ELSE false END
$$;

CREATE FUNCTION soak.text(j soak.job) RETURNS text LANGUAGE sql AS
	$$ SELECT concat_ws(' ', j.id, j.kind, j.via, j.pid, 'cancelled=' || j.cancelled, 'terminated=' || j.terminated, 'consumed=' || j.consumed, 'may_time_out=' || j.may_time_out) $$;

-- Everything that can be known about a job without waiting.
CREATE FUNCTION soak.look(j soak.job) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	o pg_background_outcome;
	i pg_background_result_info;
	e pg_background_error;
	p pg_background_progress_info;
BEGIN
	o := pg_background_outcome_v2(j.pid, j.cookie);
	PERFORM soak.count('outcome_v2');
	PERFORM soak.expect(o.pid = j.pid AND o.cookie = j.cookie AND o.label IS NOT DISTINCT FROM j.label AND o.consumed = j.consumed
		AND o.launched_at <= clock_timestamp(), 'outcome', soak.text(j), o::text);
	PERFORM soak.expect(NOT j.seen OR o.completed, 'final before, but not now', soak.text(j), o::text);
	IF NOT o.completed THEN
		PERFORM soak.expect(o.state IN ('starting', 'running') AND NOT o.has_error AND o.row_count IS NULL AND o.sqlstate IS NULL,
			'outcome of a running job', soak.text(j), o::text);
		RETURN false;
	END IF;
	UPDATE job SET seen = true WHERE id = j.id;
	PERFORM soak.expect(soak.may_end(j, o.state, o.sqlstate) AND o.has_error = (o.state <> 'stopped'), 'ended as it must not', soak.text(j), o::text);
	IF o.state = 'stopped' THEN
		PERFORM soak.expect(o.command_tag IS NOT DISTINCT FROM j.tag AND o.row_count = j.row_count AND o.error_message IS NULL, 'tag or count', soak.text(j), o::text);
	ELSE
		PERFORM soak.expect(o.command_tag IS NULL AND o.row_count = 0 AND o.error_message IS NOT NULL, 'a failed job has no tag and no count', soak.text(j), o::text);
	END IF;
	PERFORM soak.expect(EXISTS (SELECT FROM soak.effect WHERE id = j.id) = (o.state = 'stopped' AND j.effect), 'committed if and only if it succeeded', soak.text(j), o::text);
	i := pg_background_result_info_v2(j.pid, j.cookie);
	PERFORM soak.count('result_info_v2');
	PERFORM soak.expect(i.completed AND i.has_error = o.has_error AND i.row_count = o.row_count AND i.command_tag IS NOT DISTINCT FROM o.command_tag
		AND coalesce(i.started_at <= i.finished_at, o.sqlstate IN ('57P01', '57014')), 'result_info', soak.text(j), i::text);
	e := pg_background_error_info_v2(j.pid, j.cookie);
	PERFORM soak.count('error_info_v2');
	PERFORM soak.expect(e.sqlstate IS NOT DISTINCT FROM o.sqlstate AND e.message IS NOT DISTINCT FROM o.error_message, 'error_info', soak.text(j), e::text);
	IF e.sqlstate = 'SK001' THEN
		-- What sends nothing, or is terminated while it does, keeps no more than 4096 bytes.
		PERFORM soak.expect(e.message = CASE WHEN j.via = 'submit' OR j.terminated THEN left(j.s, greatest(length(e.message), least(4000, length(j.s)))) ELSE j.s END AND e.detail = 'detail ' || j.id AND e.hint = 'h' AND e.schema_name = 's' AND e.table_name = 't'
			AND e.column_name = 'c' AND e.constraint_name = 'k' AND e.context LIKE '%RAISE%', 'error_info of a raise', soak.text(j), e::text);
	ELSIF e.sqlstate = '23514' THEN
		PERFORM soak.expect(e.table_name = 'small' AND e.schema_name = 'soak' AND e.constraint_name = 'small_is_positive', 'error_info of a constraint', soak.text(j), e::text);
	END IF;
	PERFORM soak.expect(pg_background_status_v2(j.pid, j.cookie) = to_jsonb(o), 'status', soak.text(j), pg_background_status_v2(j.pid, j.cookie)::text, o::text);
	PERFORM soak.count('status_v2');
	p := pg_background_get_progress_v2(j.pid, j.cookie);
	PERFORM soak.count('get_progress_v2');
	IF j.kind <> 'progress' THEN
		PERFORM soak.expect(p IS NULL, 'progress out of nowhere', soak.text(j), p::text);
	ELSIF o.state = 'stopped' THEN
		PERFORM soak.expect(p.progress_pct = j.n AND p.progress_msg = 'at ' || j.n, 'progress', soak.text(j), p::text);
	END IF;
	PERFORM soak.expect(pg_background_full_sql_v2(j.pid, j.cookie) = j.sql, 'full_sql', soak.text(j));
	PERFORM soak.count('full_sql_v2');
	RETURN true;
END $$;
