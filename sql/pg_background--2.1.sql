/* pg_background--2.1.sql */

\echo Use "CREATE EXTENSION pg_background" to load this file. \quit

/*
 * The whole SQL surface of version 2.1.
 *
 * The extension is relocatable: nothing here names a schema, and what must
 * find the extension's objects at run time finds them through pg_depend.
 *
 * Every function looks at, or changes, the list of jobs of the session that
 * calls it.  A parallel worker has no such list, so PARALLEL UNSAFE, which is
 * PostgreSQL's default, is meant everywhere, and so is VOLATILE.
 *
 * No two functions of one name take the same number of arguments: drivers
 * send parameters without types, and then the number is all that there is to
 * choose by.
 *
 * A C function's symbol is the SQL function's name; overloads share a symbol.
 * Each symbol knows its declarations (sql_functions! in src/sql) and refuses
 * any other one, so a new function, or a new declaration of an old one, is to
 * be said there, too.  A function that starts a job is not STRICT, nor is one
 * with another argument that may be NULL: NULL for an option is its default,
 * and the C code refuses any other NULL with 22004.  The rest is STRICT: no
 * handle, no answer.
 *
 * COST 1000 marks what starts a process or waits for one, so that the planner
 * evaluates cheap conditions first.
 *
 * sql/make_upgrade.sh builds the upgrade scripts from this file.  It relies
 * on the layout: a statement starts in column one and ends with a semicolon
 * at the end of a line, a PL/pgSQL body is quoted with $function$, type
 * attributes stand one on a line, types are written as a single word, and
 * casts come last.
 *
 * To add a function: its CREATE FUNCTION and COMMENT in the chapter that it
 * belongs to, and its signature in the two lists at the end (REVOKE, GRANT).
 * A type or a view likewise.
 */

-- The role that may use the extension.  Another session may make it at the
-- same time; an existing one is left as it is.
DO $role$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles
                   WHERE rolname OPERATOR(pg_catalog.=) 'pgbackground_role'::pg_catalog.name) THEN
        CREATE ROLE pgbackground_role NOLOGIN INHERIT;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
END
$role$;


--
-- Types
--

CREATE TYPE pg_background_handle AS (
    pid int4,
    cookie int8
);
COMMENT ON TYPE pg_background_handle IS
    'names one background job: process ID and cookie';

CREATE TYPE pg_background_stats AS (
    workers_launched int8,
    workers_completed int8,
    workers_failed int8,
    workers_canceled int8,
    workers_timed_out int8,
    workers_active int4,
    avg_execution_ms float8,
    max_workers int4
);
COMMENT ON TYPE pg_background_stats IS
    'counters of the background jobs of this session';

CREATE TYPE pg_background_progress_info AS (
    progress_pct int4,
    progress_msg text
);
COMMENT ON TYPE pg_background_progress_info IS
    'progress that a background job reported last';

CREATE TYPE pg_background_result_info AS (
    row_count int8,
    command_tag text,
    completed bool,
    has_error bool,
    started_at timestamptz,
    finished_at timestamptz
);
COMMENT ON TYPE pg_background_result_info IS
    'how far a background job got, without its rows';

CREATE TYPE pg_background_error AS (
    sqlstate text,
    message text,
    detail text,
    hint text,
    context text,
    schema_name text,
    table_name text,
    column_name text,
    constraint_name text
);
COMMENT ON TYPE pg_background_error IS
    'error that ended a background job';

CREATE TYPE pg_background_outcome AS (
    pid int4,
    cookie int8,
    state text,
    consumed bool,
    completed bool,
    has_error bool,
    row_count int8,
    command_tag text,
    sqlstate text,
    error_message text,
    label text,
    launched_at timestamptz
);
COMMENT ON TYPE pg_background_outcome IS
    'state and outcome of a background job';

CREATE TYPE pg_background_run_result AS (
    pid int4,
    cookie int8,
    state text,
    consumed bool,
    completed bool,
    has_error bool,
    row_count int8,
    command_tag text,
    sqlstate text,
    error_message text,
    label text,
    launched_at timestamptz,
    timed_out bool,
    elapsed_ms int8
);
COMMENT ON TYPE pg_background_run_result IS
    'outcome of a statement that was run in a background worker and waited for';
CREATE TYPE pg_background_batch_result AS (
    n int4,
    attempts int4,
    pid int4,
    cookie int8,
    state text,
    consumed bool,
    completed bool,
    has_error bool,
    row_count int8,
    command_tag text,
    sqlstate text,
    error_message text,
    label text,
    launched_at timestamptz,
    timed_out bool,
    elapsed_ms int8
);
COMMENT ON TYPE pg_background_batch_result IS
    'outcome of one of many statements that were run in background workers and waited for';

--
-- Starting jobs
--

CREATE FUNCTION pg_background_launch(sql text, queue_size int4 DEFAULT 0, label text DEFAULT NULL, params record DEFAULT NULL, text_params text[] DEFAULT NULL, timeout_ms int4 DEFAULT NULL, snapshot bool DEFAULT false, notify text DEFAULT NULL)
RETURNS pg_background_handle
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_launch';
COMMENT ON FUNCTION pg_background_launch(text, int4, text, record, text[], int4, bool, text) IS
    'starts SQL in a background worker and returns the handle of the job';

CREATE FUNCTION pg_background_submit(sql text, queue_size int4 DEFAULT 0, label text DEFAULT NULL, params record DEFAULT NULL, text_params text[] DEFAULT NULL, timeout_ms int4 DEFAULT NULL, snapshot bool DEFAULT false, notify text DEFAULT NULL)
RETURNS pg_background_handle
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_submit';
COMMENT ON FUNCTION pg_background_submit(text, int4, text, record, text[], int4, bool, text) IS
    'starts SQL in a background worker that discards its rows';

CREATE FUNCTION pg_background_run(sql text, queue_size int4 DEFAULT 0, timeout_ms int4 DEFAULT 0, label text DEFAULT NULL, params record DEFAULT NULL, text_params text[] DEFAULT NULL, snapshot bool DEFAULT false, notify text DEFAULT NULL)
RETURNS pg_background_run_result
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_run';
COMMENT ON FUNCTION pg_background_run(text, int4, int4, text, record, text[], bool, text) IS
    'runs SQL in a background worker, waits for it and returns its outcome';

CREATE FUNCTION pg_background_run_query(sql text, queue_size int4 DEFAULT 0, timeout_ms int4 DEFAULT 0, label text DEFAULT NULL, col_def text DEFAULT NULL, params record DEFAULT NULL, text_params text[] DEFAULT NULL, snapshot bool DEFAULT false)
RETURNS SETOF record
LANGUAGE C CALLED ON NULL INPUT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_run_query';
COMMENT ON FUNCTION pg_background_run_query(text, int4, int4, text, text, record, text[], bool) IS
    'runs a query in a background worker, waits for it and returns its rows';

CREATE FUNCTION pg_background_query(rowtype anyelement, sql text, params record DEFAULT NULL, text_params text[] DEFAULT NULL, label text DEFAULT NULL, timeout_ms int4 DEFAULT 0, snapshot bool DEFAULT false)
RETURNS SETOF anyelement
LANGUAGE C CALLED ON NULL INPUT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_query';
COMMENT ON FUNCTION pg_background_query(anyelement, text, record, text[], text, int4, bool) IS
    'runs a query in a background worker, waits for it and returns its rows as values of the type of the first argument';

CREATE FUNCTION pg_background_query_json(sql text, params record DEFAULT NULL, text_params text[] DEFAULT NULL, label text DEFAULT NULL, timeout_ms int4 DEFAULT 0, snapshot bool DEFAULT false)
RETURNS SETOF jsonb
LANGUAGE C CALLED ON NULL INPUT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_query_json';
COMMENT ON FUNCTION pg_background_query_json(text, record, text[], text, int4, bool) IS
    'runs a query in a background worker, waits for it and returns its rows as JSON objects';

CREATE FUNCTION pg_background_run_all(statements text[], params record[] DEFAULT NULL, max_parallel int4 DEFAULT 0, stop_on_error bool DEFAULT false, timeout_ms int4 DEFAULT 0, label text DEFAULT NULL, snapshot bool DEFAULT false, retries int4 DEFAULT 0)
RETURNS SETOF pg_background_batch_result
LANGUAGE C CALLED ON NULL INPUT COST 1000 ROWS 100
AS 'MODULE_PATHNAME', 'pg_background_run_all';
COMMENT ON FUNCTION pg_background_run_all(text[], record[], int4, bool, int4, text, bool, int4) IS
    'runs many statements in background workers, some at a time, waits for all and returns their outcomes';

CREATE FUNCTION pg_background_query_all(rowtype anyelement, statements text[], params record[] DEFAULT NULL, max_parallel int4 DEFAULT 0, timeout_ms int4 DEFAULT 0, label text DEFAULT NULL, snapshot bool DEFAULT false)
RETURNS SETOF anyelement
LANGUAGE C CALLED ON NULL INPUT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_query_all';
COMMENT ON FUNCTION pg_background_query_all(anyelement, text[], record[], int4, int4, text, bool) IS
    'runs many queries in background workers, some at a time, and returns the rows of all';

--
-- Jobs by handle, or by process ID and cookie
--

CREATE FUNCTION pg_background_result(pid int4, cookie int8)
RETURNS SETOF record
LANGUAGE C STRICT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_result';
COMMENT ON FUNCTION pg_background_result(int4, int8) IS
    'waits for a job and returns its rows, once; an error of the job is raised here';

CREATE FUNCTION pg_background_result(h pg_background_handle)
RETURNS SETOF record
LANGUAGE C STRICT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_result';
COMMENT ON FUNCTION pg_background_result(pg_background_handle) IS
    'waits for a job and returns its rows, once; an error of the job is raised here';

CREATE FUNCTION pg_background_rows(rowtype anyelement, h pg_background_handle)
RETURNS SETOF anyelement
LANGUAGE C CALLED ON NULL INPUT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_rows';
COMMENT ON FUNCTION pg_background_rows(anyelement, pg_background_handle) IS
    'waits for a job and returns its rows, once, as values of the type of the first argument';

CREATE FUNCTION pg_background_result_json(h pg_background_handle)
RETURNS SETOF jsonb
LANGUAGE C STRICT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_result_json';
COMMENT ON FUNCTION pg_background_result_json(pg_background_handle) IS
    'waits for a job and returns its rows, once, as JSON objects';

CREATE FUNCTION pg_background_cursor(h pg_background_handle, name refcursor DEFAULT NULL)
RETURNS refcursor
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_cursor';
COMMENT ON FUNCTION pg_background_cursor(pg_background_handle, refcursor) IS
    'waits for a job and opens a cursor for its rows';

CREATE FUNCTION pg_background_detach(pid int4, cookie int8)
RETURNS void
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_detach';
COMMENT ON FUNCTION pg_background_detach(int4, int8) IS
    'stops tracking a job; its work goes on';

CREATE FUNCTION pg_background_detach(h pg_background_handle)
RETURNS void
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_detach';
COMMENT ON FUNCTION pg_background_detach(pg_background_handle) IS
    'stops tracking a job; its work goes on';

CREATE FUNCTION pg_background_cancel(pid int4, cookie int8, grace_ms int4 DEFAULT 0)
RETURNS void
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_cancel';
COMMENT ON FUNCTION pg_background_cancel(int4, int8, int4) IS
    'cancels a job; with a grace period its worker is terminated if it still runs after so many milliseconds';

CREATE FUNCTION pg_background_cancel(h pg_background_handle)
RETURNS void
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_cancel';
COMMENT ON FUNCTION pg_background_cancel(pg_background_handle) IS
    'cancels a job; with a grace period its worker is terminated if it still runs after so many milliseconds';

CREATE FUNCTION pg_background_wait(pid int4, cookie int8, timeout_ms int4 DEFAULT 0)
RETURNS bool
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_wait';
COMMENT ON FUNCTION pg_background_wait(int4, int8, int4) IS
    'waits until the outcome of a job is final, or the time-out has passed: then false';

CREATE FUNCTION pg_background_wait(h pg_background_handle)
RETURNS bool
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_wait';
COMMENT ON FUNCTION pg_background_wait(pg_background_handle) IS
    'waits until the outcome of a job is final, or the time-out has passed: then false';

CREATE FUNCTION pg_background_outcome(p_pid int4, p_cookie int8)
RETURNS pg_background_outcome
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_outcome';
COMMENT ON FUNCTION pg_background_outcome(int4, int8) IS
    'state and outcome of a job; NULL columns if the handle is unknown';

CREATE FUNCTION pg_background_outcome(h pg_background_handle)
RETURNS pg_background_outcome
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_outcome';
COMMENT ON FUNCTION pg_background_outcome(pg_background_handle) IS
    'state and outcome of a job; NULL columns if the handle is unknown';

-- The parsed bodies hold the inner functions by OID, so they work in any schema
-- and under any search_path.  Not STRICT, so that they can be inlined: the inner
-- functions are.
CREATE FUNCTION pg_background_status(p_pid int4, p_cookie int8)
RETURNS jsonb
LANGUAGE sql
RETURN pg_catalog.to_jsonb(pg_background_outcome(p_pid, p_cookie));
COMMENT ON FUNCTION pg_background_status(int4, int8) IS
    'state and outcome of a job as JSON';

CREATE FUNCTION pg_background_status(h pg_background_handle)
RETURNS jsonb
LANGUAGE sql
RETURN pg_catalog.to_jsonb(pg_background_outcome(h));
COMMENT ON FUNCTION pg_background_status(pg_background_handle) IS
    'state and outcome of a job as JSON';

CREATE FUNCTION pg_background_get_progress(pid int4, cookie int8)
RETURNS pg_background_progress_info
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_get_progress';
COMMENT ON FUNCTION pg_background_get_progress(int4, int8) IS
    'progress that a job reported last, NULL if none';

CREATE FUNCTION pg_background_get_progress(h pg_background_handle)
RETURNS pg_background_progress_info
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_get_progress';
COMMENT ON FUNCTION pg_background_get_progress(pg_background_handle) IS
    'progress that a job reported last, NULL if none';

CREATE FUNCTION pg_background_result_info(pid int4, cookie int8)
RETURNS pg_background_result_info
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_result_info';
COMMENT ON FUNCTION pg_background_result_info(int4, int8) IS
    'row count, command tag and times of a job; its rows stay';

CREATE FUNCTION pg_background_result_info(h pg_background_handle)
RETURNS pg_background_result_info
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_result_info';
COMMENT ON FUNCTION pg_background_result_info(pg_background_handle) IS
    'row count, command tag and times of a job; its rows stay';

CREATE FUNCTION pg_background_error_info(pid int4, cookie int8)
RETURNS pg_background_error
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_error_info';
COMMENT ON FUNCTION pg_background_error_info(int4, int8) IS
    'error that ended a job, NULL if none';

CREATE FUNCTION pg_background_error_info(h pg_background_handle)
RETURNS pg_background_error
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_error_info';
COMMENT ON FUNCTION pg_background_error_info(pg_background_handle) IS
    'error that ended a job, NULL if none';

CREATE FUNCTION pg_background_full_sql(pid int4, cookie int8)
RETURNS text
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_full_sql';
COMMENT ON FUNCTION pg_background_full_sql(int4, int8) IS
    'the whole SQL of a job';

CREATE FUNCTION pg_background_full_sql(h pg_background_handle)
RETURNS text
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_full_sql';
COMMENT ON FUNCTION pg_background_full_sql(pg_background_handle) IS
    'the whole SQL of a job';


--
-- Several jobs, and all of the session
--

CREATE FUNCTION pg_background_drain(handles pg_background_handle[], timeout_ms int4 DEFAULT 0)
RETURNS SETOF pg_background_outcome
LANGUAGE C STRICT COST 1000 ROWS 16
AS 'MODULE_PATHNAME', 'pg_background_drain';
COMMENT ON FUNCTION pg_background_drain(pg_background_handle[], int4) IS
    'waits for several jobs, returns their outcomes and stops tracking the finished ones';

CREATE FUNCTION pg_background_drain_all(timeout_ms int4 DEFAULT 0)
RETURNS SETOF pg_background_outcome
LANGUAGE C STRICT COST 1000 ROWS 16
AS 'MODULE_PATHNAME', 'pg_background_drain_all';
COMMENT ON FUNCTION pg_background_drain_all(int4) IS
    'waits for every job of this session, returns their outcomes and stops tracking the finished ones';

CREATE FUNCTION pg_background_wait_any(handles pg_background_handle[], timeout_ms int4 DEFAULT 0)
RETURNS pg_background_handle
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_wait_any';
COMMENT ON FUNCTION pg_background_wait_any(pg_background_handle[], int4) IS
    'waits for the first of several jobs to finish and returns its handle';

CREATE FUNCTION pg_background_wait_next(timeout_ms int4 DEFAULT 0)
RETURNS pg_background_handle
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_wait_next';
COMMENT ON FUNCTION pg_background_wait_next(int4) IS
    'waits for the next job of this session to finish and returns its handle, each once; NULL when there is none';

CREATE FUNCTION pg_background_cancel_all()
RETURNS int4
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_cancel_all';
COMMENT ON FUNCTION pg_background_cancel_all() IS
    'cancels every running job of this session and returns how many there were';

CREATE FUNCTION pg_background_cancel_by_label(pattern text, grace_ms int4 DEFAULT 0)
RETURNS int4
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_cancel_by_label';
COMMENT ON FUNCTION pg_background_cancel_by_label(text, int4) IS
    'cancels the running jobs whose label is LIKE the pattern and returns how many there were';

CREATE FUNCTION pg_background_detach_all()
RETURNS int4
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_detach_all';
COMMENT ON FUNCTION pg_background_detach_all() IS
    'stops tracking every job of this session and returns how many there were';

CREATE FUNCTION pg_background_purge()
RETURNS int4
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_purge';
COMMENT ON FUNCTION pg_background_purge() IS
    'stops tracking the finished jobs of this session and returns how many there were';

CREATE FUNCTION pg_background_list()
RETURNS SETOF record
LANGUAGE C STRICT ROWS 16
AS 'MODULE_PATHNAME', 'pg_background_list';
COMMENT ON FUNCTION pg_background_list() IS
    'lists the jobs of this session; the view pg_background_list needs no column definition list';

CREATE FUNCTION pg_background_stats()
RETURNS pg_background_stats
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_stats';
COMMENT ON FUNCTION pg_background_stats() IS
    'counters of the background jobs of this session';

CREATE FUNCTION pg_background_record_timeout()
RETURNS void
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_record_timeout';
COMMENT ON FUNCTION pg_background_record_timeout() IS
    'counts a time-out that was noticed in SQL; of use only to the functions of version 2.0';


--
-- Called by a job
--

CREATE FUNCTION pg_background_report_progress(pct int4, msg text DEFAULT NULL)
RETURNS void
LANGUAGE C CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'pg_background_report_progress';
COMMENT ON FUNCTION pg_background_report_progress(int4, text) IS
    'called by a background job: reports its progress to the session that launched it';


--
-- Names of 1.x and those that 2.0 called deprecated
--
-- Shapes are those of the canonical functions.  Most share a symbol's code with
-- them; those of 1.x alone that have another shape keep it.
--

CREATE FUNCTION pg_background_launch_v2(sql text, queue_size int4 DEFAULT 0)
RETURNS pg_background_handle
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_launch_v2';
COMMENT ON FUNCTION pg_background_launch_v2(text, int4) IS
    'starts SQL in a background worker and returns the handle of the job';

CREATE FUNCTION pg_background_launch_v2(sql text, queue_size int4, label text)
RETURNS pg_background_handle
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_launch_v2';
COMMENT ON FUNCTION pg_background_launch_v2(text, int4, text) IS
    'starts SQL in a background worker under a label and returns the handle of the job';

CREATE FUNCTION pg_background_submit_v2(sql text, queue_size int4 DEFAULT 0)
RETURNS pg_background_handle
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_submit_v2';
COMMENT ON FUNCTION pg_background_submit_v2(text, int4) IS
    'starts SQL in a background worker that discards its rows';

CREATE FUNCTION pg_background_submit_v2(sql text, queue_size int4, label text)
RETURNS pg_background_handle
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_submit_v2';
COMMENT ON FUNCTION pg_background_submit_v2(text, int4, text) IS
    'starts SQL under a label in a background worker that discards its rows';

CREATE FUNCTION pg_background_run_v2(sql text, queue_size int4 DEFAULT 0, timeout_ms int4 DEFAULT 0, label text DEFAULT NULL)
RETURNS pg_background_run_result
LANGUAGE C CALLED ON NULL INPUT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_run_v2';
COMMENT ON FUNCTION pg_background_run_v2(text, int4, int4, text) IS
    'runs SQL in a background worker, waits for it and returns its outcome';

CREATE FUNCTION pg_background_run_query_v2(sql text, queue_size int4 DEFAULT 0, timeout_ms int4 DEFAULT 0, label text DEFAULT NULL, col_def text DEFAULT NULL)
RETURNS SETOF record
LANGUAGE C CALLED ON NULL INPUT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_run_query_v2';
COMMENT ON FUNCTION pg_background_run_query_v2(text, int4, int4, text, text) IS
    'runs a query in a background worker, waits for it and returns its rows';

CREATE FUNCTION pg_background_result_v2(pid int4, cookie int8)
RETURNS SETOF record
LANGUAGE C STRICT COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'pg_background_result_v2';
COMMENT ON FUNCTION pg_background_result_v2(int4, int8) IS
    'waits for a job and returns its rows, once; an error of the job is raised here';

CREATE FUNCTION pg_background_detach_v2(pid int4, cookie int8)
RETURNS void
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_detach_v2';
COMMENT ON FUNCTION pg_background_detach_v2(int4, int8) IS
    'stops tracking a job; its work goes on';

CREATE FUNCTION pg_background_cancel_v2(pid int4, cookie int8, grace_ms int4 DEFAULT 0)
RETURNS void
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_cancel_v2';
COMMENT ON FUNCTION pg_background_cancel_v2(int4, int8, int4) IS
    'cancels a job; with a grace period its worker is terminated if it still runs after so many milliseconds';

CREATE FUNCTION pg_background_cancel_v2_grace(pid int4, cookie int8, grace_ms int4)
RETURNS void
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_cancel_v2_grace';
COMMENT ON FUNCTION pg_background_cancel_v2_grace(int4, int8, int4) IS
    'cancels a job and terminates its worker if it still runs after so many milliseconds';

CREATE FUNCTION pg_background_wait_v2(pid int4, cookie int8, timeout_ms int4 DEFAULT 0)
RETURNS bool
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_wait_v2';
COMMENT ON FUNCTION pg_background_wait_v2(int4, int8, int4) IS
    'waits until the outcome of a job is final, or the time-out has passed: then false';

CREATE FUNCTION pg_background_wait_v2_timeout(pid int4, cookie int8, timeout_ms int4)
RETURNS bool
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_wait_v2_timeout';
COMMENT ON FUNCTION pg_background_wait_v2_timeout(int4, int8, int4) IS
    'waits so many milliseconds at most and says whether the outcome of a job is final';

CREATE FUNCTION pg_background_outcome_v2(p_pid int4, p_cookie int8)
RETURNS pg_background_outcome
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_outcome_v2';
COMMENT ON FUNCTION pg_background_outcome_v2(int4, int8) IS
    'state and outcome of a job; NULL columns if the handle is unknown';

CREATE FUNCTION pg_background_status_v2(p_pid int4, p_cookie int8)
RETURNS jsonb
LANGUAGE sql
RETURN pg_catalog.to_jsonb(pg_background_outcome_v2(p_pid, p_cookie));
COMMENT ON FUNCTION pg_background_status_v2(int4, int8) IS
    'state and outcome of a job as JSON';

CREATE FUNCTION pg_background_get_progress_v2(pid int4, cookie int8)
RETURNS pg_background_progress_info
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_get_progress_v2';
COMMENT ON FUNCTION pg_background_get_progress_v2(int4, int8) IS
    'progress that a job reported last, NULL if none';

CREATE FUNCTION pg_background_result_info_v2(pid int4, cookie int8)
RETURNS pg_background_result_info
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_result_info_v2';
COMMENT ON FUNCTION pg_background_result_info_v2(int4, int8) IS
    'row count, command tag and times of a job; its rows stay';

CREATE FUNCTION pg_background_error_info_v2(pid int4, cookie int8)
RETURNS pg_background_error
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_error_info_v2';
COMMENT ON FUNCTION pg_background_error_info_v2(int4, int8) IS
    'error that ended a job, NULL if none';

CREATE FUNCTION pg_background_full_sql_v2(pid int4, cookie int8)
RETURNS text
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_full_sql_v2';
COMMENT ON FUNCTION pg_background_full_sql_v2(int4, int8) IS
    'the whole SQL of a job';

CREATE FUNCTION pg_background_drain_v2(handles pg_background_handle[], timeout_ms int4 DEFAULT 0)
RETURNS SETOF pg_background_outcome
LANGUAGE C STRICT COST 1000 ROWS 16
AS 'MODULE_PATHNAME', 'pg_background_drain_v2';
COMMENT ON FUNCTION pg_background_drain_v2(pg_background_handle[], int4) IS
    'waits for several jobs, returns their outcomes and stops tracking the finished ones';

CREATE FUNCTION pg_background_wait_any_v2(handles pg_background_handle[], timeout_ms int4 DEFAULT 0)
RETURNS pg_background_handle
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_wait_any_v2';
COMMENT ON FUNCTION pg_background_wait_any_v2(pg_background_handle[], int4) IS
    'waits for the first of several jobs to finish and returns its handle';

CREATE FUNCTION pg_background_cancel_all_v2()
RETURNS int4
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_cancel_all_v2';
COMMENT ON FUNCTION pg_background_cancel_all_v2() IS
    'cancels every running job of this session and returns how many there were';

CREATE FUNCTION pg_background_cancel_by_label_v2(pattern text, grace_ms int4 DEFAULT 0)
RETURNS int4
LANGUAGE C STRICT COST 1000
AS 'MODULE_PATHNAME', 'pg_background_cancel_by_label_v2';
COMMENT ON FUNCTION pg_background_cancel_by_label_v2(text, int4) IS
    'cancels the running jobs whose label is LIKE the pattern and returns how many there were';

CREATE FUNCTION pg_background_detach_all_v2()
RETURNS int4
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_detach_all_v2';
COMMENT ON FUNCTION pg_background_detach_all_v2() IS
    'stops tracking every job of this session and returns how many there were';

CREATE FUNCTION pg_background_purge_v2()
RETURNS int4
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_purge_v2';
COMMENT ON FUNCTION pg_background_purge_v2() IS
    'stops tracking the finished jobs of this session and returns how many there were';

CREATE FUNCTION pg_background_list_v2()
RETURNS SETOF record
LANGUAGE C STRICT ROWS 16
AS 'MODULE_PATHNAME', 'pg_background_list_v2';
COMMENT ON FUNCTION pg_background_list_v2() IS
    'lists the jobs of this session; the view pg_background_list needs no column definition list';

CREATE FUNCTION pg_background_stats_v2()
RETURNS pg_background_stats
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_stats_v2';
COMMENT ON FUNCTION pg_background_stats_v2() IS
    'counters of the background jobs of this session';

CREATE FUNCTION pg_background_progress(pct int4, msg text DEFAULT NULL)
RETURNS void
LANGUAGE C CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'pg_background_progress';
COMMENT ON FUNCTION pg_background_progress(int4, text) IS
    'called by a background job: reports its progress to the session that launched it';


--
-- Bare process IDs, as version 1 named jobs
--
-- Between these and handles there are casts, at the end of this script.
--

CREATE FUNCTION pg_background_handle(pid int4)
RETURNS pg_background_handle
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_handle';
COMMENT ON FUNCTION pg_background_handle(int4) IS
    'handle of the newest job of this session on this process ID';

CREATE FUNCTION pg_background_pid(h pg_background_handle)
RETURNS int4
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_background_pid';
COMMENT ON FUNCTION pg_background_pid(pg_background_handle) IS
    'process ID of a handle';


--
-- Views
--
-- They show the jobs of the session that looks.  The functions inside run with
-- the rights of that user, as in every view, so SELECT on the view goes with
-- EXECUTE on pg_background_list.
--

CREATE VIEW pg_background_list AS
SELECT l.pid,
       l.cookie,
       l.launched_at,
       l.user_id,
       l.queue_size,
       l.state,
       l.sql_preview,
       l.last_error,
       l.consumed,
       l.label
FROM pg_background_list() AS l(pid int4,
                                  cookie int8,
                                  launched_at timestamptz,
                                  user_id oid,
                                  queue_size int4,
                                  state text,
                                  sql_preview text,
                                  last_error text,
                                  consumed bool,
                                  label text);
COMMENT ON VIEW pg_background_list IS
    'the background jobs of this session';

-- A finished job has no process any more: its worker may be busy with another
-- job by now, or its process ID be somebody else's.
CREATE VIEW pg_background_activity AS
SELECT l.pid,
       l.cookie,
       l.launched_at,
       l.user_id,
       l.queue_size,
       l.state AS pgbg_state,
       l.sql_preview,
       l.last_error,
       l.consumed,
       l.label,
       a.state AS backend_state,
       a.wait_event_type,
       a.wait_event,
       a.xact_start,
       a.query_start,
       a.backend_start,
       a.query
FROM pg_background_list AS l
     LEFT JOIN pg_catalog.pg_stat_activity AS a
         ON a.pid = l.pid AND l.state IN ('starting', 'running');
COMMENT ON VIEW pg_background_activity IS
    'the background jobs of this session with what their workers do now';


--
-- The server's jobs
--

CREATE FUNCTION pg_background_jobs()
RETURNS SETOF record
LANGUAGE C STRICT ROWS 100
AS 'MODULE_PATHNAME', 'pg_background_jobs';
COMMENT ON FUNCTION pg_background_jobs() IS
    'the background jobs of all sessions; the view pg_background_jobs has names for the OIDs';

CREATE FUNCTION pg_stat_background()
RETURNS SETOF record
LANGUAGE C STRICT ROWS 10
AS 'MODULE_PATHNAME', 'pg_stat_background';
COMMENT ON FUNCTION pg_stat_background() IS
    'counters of the background jobs of each database and role; the view pg_stat_background has their names';

CREATE FUNCTION pg_stat_background_reset()
RETURNS void
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'pg_stat_background_reset';
COMMENT ON FUNCTION pg_stat_background_reset() IS
    'sets the counters of pg_stat_background back to zero';

CREATE VIEW pg_background_jobs AS
SELECT j.pid,
       j.cookie,
       d.datname AS database,
       r.rolname AS user_name,
       j.launcher_pid,
       j.label,
       j.state,
       j.progress_pct,
       j.progress_msg,
       j.launched_at,
       j.started_at,
       j.finished_at,
       j.row_count,
       j.command_tag,
       j.sqlstate,
       j.error_message,
       j.sql_preview,
       j.queue_size,
       j.mode
FROM pg_background_jobs() AS j(pid int4,
                               cookie int8,
                               database_id oid,
                               user_id oid,
                               launcher_pid int4,
                               label text,
                               state text,
                               progress_pct int4,
                               progress_msg text,
                               launched_at timestamptz,
                               started_at timestamptz,
                               finished_at timestamptz,
                               row_count int8,
                               command_tag text,
                               sqlstate text,
                               error_message text,
                               sql_preview text,
                               queue_size int4,
                               mode text)
     LEFT JOIN pg_catalog.pg_database AS d ON d.oid = j.database_id
     LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = j.user_id;
COMMENT ON VIEW pg_background_jobs IS
    'the background jobs of all sessions, running and remembered';

CREATE VIEW pg_stat_background AS
SELECT d.datname AS database,
       r.rolname AS user_name,
       s.database_id,
       s.user_id,
       s.launched,
       s.completed,
       s.failed,
       s.canceled,
       s.timed_out,
       s.lost,
       s.warm,
       s.cold,
       s.rows,
       s.total_time,
       s.max_time,
       s.wait_for_slot_time,
       s.stats_reset
FROM pg_stat_background() AS s(database_id oid,
                               user_id oid,
                               launched int8,
                               completed int8,
                               failed int8,
                               canceled int8,
                               timed_out int8,
                               lost int8,
                               warm int8,
                               cold int8,
                               rows int8,
                               total_time float8,
                               max_time float8,
                               wait_for_slot_time float8,
                               stats_reset timestamptz)
     LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.database_id
     LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.user_id;
COMMENT ON VIEW pg_stat_background IS
    'what the background jobs of each database and role came to since the server started or the counters were set back';


--
-- Privilege helpers
--
-- SECURITY DEFINER on purpose: nobody but the owner may call them, and where
-- the administrator lets another role do so, that role is meant to hand out
-- the extension without owning it.  (As SECURITY INVOKER such a grant would be
-- void.)  What makes it safe: they touch only the extension's own objects,
-- found by OID through pg_depend; every name in a command is quoted from the
-- catalog; search_path is pinned; "public" is no role to them; and they are
-- never granted to pgbackground_role.
--

CREATE FUNCTION pg_background_grant_privileges(role_name text, print_commands bool DEFAULT false)
RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    role_oid oid;
    command text;
BEGIN
    IF role_name IS NULL THEN
        RAISE EXCEPTION 'role name must not be null'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT r.oid INTO role_oid FROM pg_roles r WHERE r.rolname = role_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role "%" does not exist', role_name
            USING ERRCODE = 'undefined_object';
    END IF;

    FOR command IN
        WITH member AS (
            SELECT d.classid, d.objid
            FROM pg_depend d
                 JOIN pg_extension e ON d.refobjid = e.oid
            WHERE d.refclassid = 'pg_extension'::regclass
              AND d.deptype = 'e'
              AND e.extname = 'pg_background'
        )
        SELECT c.privilege || ' TO ' || quote_ident(role_name)
        FROM (
            SELECT 1, 'GRANT USAGE ON SCHEMA ' || n.oid::regnamespace
            FROM pg_extension e
                 JOIN pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'pg_background'
              AND NOT has_schema_privilege(role_oid, n.oid, 'USAGE')
            UNION ALL
            SELECT 2, 'GRANT USAGE ON TYPE ' || t.oid::regtype
            FROM member m
                 JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
                 JOIN pg_class r ON r.oid = t.typrelid AND r.relkind = 'c'
            UNION ALL
            SELECT 3, 'GRANT EXECUTE ON FUNCTION ' || p.oid::regprocedure
            FROM member m
                 JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
            WHERE NOT p.prosecdef   -- these helpers
              AND p.proname <> 'pg_stat_background_reset'   -- the owner's
            UNION ALL
            SELECT 4, 'GRANT SELECT ON TABLE ' || r.oid::regclass
            FROM member m
                 JOIN pg_class r ON m.classid = 'pg_class'::regclass AND r.oid = m.objid
            WHERE r.relkind = 'v'
        ) AS c(step, privilege)
        ORDER BY c.step, c.privilege COLLATE "C"
    LOOP
        IF print_commands THEN
            RAISE NOTICE '%', command;
        END IF;
        EXECUTE command;
    END LOOP;
    RETURN true;
END
$function$;
COMMENT ON FUNCTION pg_background_grant_privileges(text, bool) IS
    'lets a role use pg_background without being a member of pgbackground_role';

-- Revokes more than the other one grants: a privilege helper, too.  USAGE on
-- the schema goes only if the schema holds nothing but the extension, because
-- otherwise it may have been granted for something else.
CREATE FUNCTION pg_background_revoke_privileges(role_name text, print_commands bool DEFAULT false)
RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    role_oid oid;
    command text;
BEGIN
    IF role_name IS NULL THEN
        RAISE EXCEPTION 'role name must not be null'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT r.oid INTO role_oid FROM pg_roles r WHERE r.rolname = role_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role "%" does not exist', role_name
            USING ERRCODE = 'undefined_object';
    END IF;

    FOR command IN
        WITH member AS (
            SELECT d.classid, d.objid
            FROM pg_depend d
                 JOIN pg_extension e ON d.refobjid = e.oid
            WHERE d.refclassid = 'pg_extension'::regclass
              AND d.deptype = 'e'
              AND e.extname = 'pg_background'
        )
        SELECT c.privilege || ' FROM ' || quote_ident(role_name)
        FROM (
            SELECT 1, 'REVOKE ALL ON TABLE ' || r.oid::regclass
            FROM member m
                 JOIN pg_class r ON m.classid = 'pg_class'::regclass AND r.oid = m.objid
            WHERE r.relkind = 'v'
              AND r.relowner <> role_oid
            UNION ALL
            SELECT 2, 'REVOKE ALL ON FUNCTION ' || p.oid::regprocedure
            FROM member m
                 JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
            WHERE p.proowner <> role_oid
            UNION ALL
            SELECT 3, 'REVOKE ALL ON TYPE ' || t.oid::regtype
            FROM member m
                 JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
                 JOIN pg_class r ON r.oid = t.typrelid AND r.relkind = 'c'
            WHERE t.typowner <> role_oid
            UNION ALL
            SELECT 4, 'REVOKE USAGE ON SCHEMA ' || n.oid::regnamespace
            FROM pg_extension e
                 JOIN pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'pg_background'
              AND n.nspowner <> role_oid
              AND EXISTS (SELECT FROM aclexplode(n.nspacl) a
                          WHERE a.grantee = role_oid
                            AND a.privilege_type = 'USAGE')
              AND NOT EXISTS (SELECT FROM pg_depend d
                              WHERE d.refclassid = 'pg_namespace'::regclass
                                AND d.refobjid = n.oid
                                AND (d.classid, d.objid) <> ('pg_extension'::regclass, e.oid)
                                AND (d.classid, d.objid) NOT IN (SELECT m.classid, m.objid FROM member m))
        ) AS c(step, privilege)
        ORDER BY c.step, c.privilege COLLATE "C"
    LOOP
        IF print_commands THEN
            RAISE NOTICE '%', command;
        END IF;
        EXECUTE command;
    END LOOP;
    RETURN true;
END
$function$;
COMMENT ON FUNCTION pg_background_revoke_privileges(text, bool) IS
    'takes from a role what it was granted on the objects of pg_background';

CREATE FUNCTION pg_background_drop_executor_role()
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    executor oid;
    here oid;
    home text;
    obstacles text;
BEGIN
    SELECT r.oid INTO executor FROM pg_roles r WHERE r.rolname = 'pgbackground_role';
    IF NOT FOUND THEN
        RAISE NOTICE 'role "pgbackground_role" does not exist, skipping';
        RETURN;
    END IF;
    SELECT d.oid INTO here FROM pg_database d WHERE d.datname = current_database();

    SELECT e.extnamespace::regnamespace INTO home FROM pg_extension e WHERE e.extname = 'pg_background';
    -- Both arguments of just its types: the extension's own, whatever of that name somebody has put beside it.
    EXECUTE format('SELECT %s.pg_background_revoke_privileges(%L::text, false)', home, 'pgbackground_role');
    EXECUTE format('REVOKE USAGE ON SCHEMA %s FROM pgbackground_role', home);

    -- What is left is not ours, but for initial privileges (deptype 'i').
    SELECT string_agg(o.obstacle, E'\n') INTO obstacles
    FROM (
        SELECT pg_describe_object(s.classid, s.objid, s.objsubid)
        FROM pg_shdepend s
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = executor
          AND s.dbid IN (0, here) AND s.deptype <> 'i'
        UNION
        SELECT format('%s objects in database %I', count(*), d.datname)
        FROM pg_shdepend s
             JOIN pg_database d ON d.oid = s.dbid
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = executor
          AND s.dbid <> here
        GROUP BY d.datname
        ORDER BY 1
        LIMIT 20
    ) AS o(obstacle);
    IF obstacles IS NOT NULL THEN
        RAISE EXCEPTION 'role "pgbackground_role" cannot be dropped because some objects depend on it'
            USING ERRCODE = 'dependent_objects_still_exist',
                  DETAIL = obstacles,
                  HINT = 'Nothing was changed. Reassign what the role owns, revoke what it was granted beside pg_background, '
                         'and first call this function in every other database that has pg_background.';
    END IF;

    -- pg_init_privs remembers what CREATE EXTENSION granted to the role.  From
    -- version 17 on that keeps the role alive.  DROP OWNED is what clears it,
    -- and by now it touches nothing else.  Older versions do not notice, and
    -- leave behind the number of a role that is gone: pg_dump would write it
    -- into a REVOKE that fails at restore.
    IF current_setting('server_version_num')::int4 >= 170000 THEN
        DROP OWNED BY pgbackground_role;
    ELSE
        UPDATE pg_init_privs i
        SET initprivs = ARRAY(SELECT u.item
                              FROM unnest(i.initprivs) WITH ORDINALITY AS u(item, n)
                              WHERE NOT EXISTS (SELECT FROM aclexplode(ARRAY[u.item]) a
                                                WHERE executor IN (a.grantee, a.grantor))
                              ORDER BY u.n)
        WHERE EXISTS (SELECT FROM aclexplode(i.initprivs) a
                      WHERE executor IN (a.grantee, a.grantor));
    END IF;

    DROP ROLE pgbackground_role;
END
$function$;
COMMENT ON FUNCTION pg_background_drop_executor_role() IS
    'revokes everything of pg_background from pgbackground_role and drops the role';

-- As 1.x called them.  SECURITY DEFINER for the same reason.
CREATE FUNCTION grant_pg_background_privileges(role_name text, print_commands bool DEFAULT false)
RETURNS bool
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN pg_background_grant_privileges(role_name, print_commands);
COMMENT ON FUNCTION grant_pg_background_privileges(text, bool) IS
    'lets a role use pg_background without being a member of pgbackground_role';

CREATE FUNCTION revoke_pg_background_privileges(role_name text, print_commands bool DEFAULT false)
RETURNS bool
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN pg_background_revoke_privileges(role_name, print_commands);
COMMENT ON FUNCTION revoke_pg_background_privileges(text, bool) IS
    'takes from a role what it was granted on the objects of pg_background';


--
-- Privileges: PUBLIC has nothing, pgbackground_role everything but the helpers
--

REVOKE ALL ON TYPE
    pg_background_handle,
    pg_background_stats,
    pg_background_progress_info,
    pg_background_result_info,
    pg_background_error,
    pg_background_outcome,
    pg_background_run_result,
    pg_background_batch_result
FROM PUBLIC;

REVOKE ALL ON FUNCTION
    pg_background_launch(text, int4, text, record, text[], int4, bool, text),
    pg_background_submit(text, int4, text, record, text[], int4, bool, text),
    pg_background_run(text, int4, int4, text, record, text[], bool, text),
    pg_background_run_query(text, int4, int4, text, text, record, text[], bool),
    pg_background_query(anyelement, text, record, text[], text, int4, bool),
    pg_background_query_json(text, record, text[], text, int4, bool),
    pg_background_run_all(text[], record[], int4, bool, int4, text, bool, int4),
    pg_background_query_all(anyelement, text[], record[], int4, int4, text, bool),
    pg_background_result(int4, int8),
    pg_background_result(pg_background_handle),
    pg_background_rows(anyelement, pg_background_handle),
    pg_background_result_json(pg_background_handle),
    pg_background_cursor(pg_background_handle, refcursor),
    pg_background_detach(int4, int8),
    pg_background_detach(pg_background_handle),
    pg_background_cancel(int4, int8, int4),
    pg_background_cancel(pg_background_handle),
    pg_background_wait(int4, int8, int4),
    pg_background_wait(pg_background_handle),
    pg_background_outcome(int4, int8),
    pg_background_outcome(pg_background_handle),
    pg_background_status(int4, int8),
    pg_background_status(pg_background_handle),
    pg_background_get_progress(int4, int8),
    pg_background_get_progress(pg_background_handle),
    pg_background_result_info(int4, int8),
    pg_background_result_info(pg_background_handle),
    pg_background_error_info(int4, int8),
    pg_background_error_info(pg_background_handle),
    pg_background_full_sql(int4, int8),
    pg_background_full_sql(pg_background_handle),
    pg_background_drain(pg_background_handle[], int4),
    pg_background_drain_all(int4),
    pg_background_wait_any(pg_background_handle[], int4),
    pg_background_wait_next(int4),
    pg_background_cancel_all(),
    pg_background_cancel_by_label(text, int4),
    pg_background_detach_all(),
    pg_background_purge(),
    pg_background_list(),
    pg_background_stats(),
    pg_background_record_timeout(),
    pg_background_report_progress(int4, text),
    pg_background_launch_v2(text, int4),
    pg_background_launch_v2(text, int4, text),
    pg_background_submit_v2(text, int4),
    pg_background_submit_v2(text, int4, text),
    pg_background_run_v2(text, int4, int4, text),
    pg_background_run_query_v2(text, int4, int4, text, text),
    pg_background_result_v2(int4, int8),
    pg_background_detach_v2(int4, int8),
    pg_background_cancel_v2(int4, int8, int4),
    pg_background_cancel_v2_grace(int4, int8, int4),
    pg_background_wait_v2(int4, int8, int4),
    pg_background_wait_v2_timeout(int4, int8, int4),
    pg_background_outcome_v2(int4, int8),
    pg_background_status_v2(int4, int8),
    pg_background_get_progress_v2(int4, int8),
    pg_background_result_info_v2(int4, int8),
    pg_background_error_info_v2(int4, int8),
    pg_background_full_sql_v2(int4, int8),
    pg_background_drain_v2(pg_background_handle[], int4),
    pg_background_wait_any_v2(pg_background_handle[], int4),
    pg_background_cancel_all_v2(),
    pg_background_cancel_by_label_v2(text, int4),
    pg_background_detach_all_v2(),
    pg_background_purge_v2(),
    pg_background_list_v2(),
    pg_background_stats_v2(),
    pg_background_progress(int4, text),
    pg_background_handle(int4),
    pg_background_pid(pg_background_handle),
    pg_background_jobs(),
    pg_stat_background(),
    pg_stat_background_reset(),
    pg_background_grant_privileges(text, bool),
    pg_background_revoke_privileges(text, bool),
    pg_background_drop_executor_role(),
    grant_pg_background_privileges(text, bool),
    revoke_pg_background_privileges(text, bool)
FROM PUBLIC;

REVOKE ALL ON TABLE
    pg_background_list,
    pg_background_activity,
    pg_background_jobs,
    pg_stat_background
FROM PUBLIC;

GRANT USAGE ON TYPE
    pg_background_handle,
    pg_background_stats,
    pg_background_progress_info,
    pg_background_result_info,
    pg_background_error,
    pg_background_outcome,
    pg_background_run_result,
    pg_background_batch_result
TO pgbackground_role;

GRANT EXECUTE ON FUNCTION
    pg_background_launch(text, int4, text, record, text[], int4, bool, text),
    pg_background_submit(text, int4, text, record, text[], int4, bool, text),
    pg_background_run(text, int4, int4, text, record, text[], bool, text),
    pg_background_run_query(text, int4, int4, text, text, record, text[], bool),
    pg_background_query(anyelement, text, record, text[], text, int4, bool),
    pg_background_query_json(text, record, text[], text, int4, bool),
    pg_background_run_all(text[], record[], int4, bool, int4, text, bool, int4),
    pg_background_query_all(anyelement, text[], record[], int4, int4, text, bool),
    pg_background_result(int4, int8),
    pg_background_result(pg_background_handle),
    pg_background_rows(anyelement, pg_background_handle),
    pg_background_result_json(pg_background_handle),
    pg_background_cursor(pg_background_handle, refcursor),
    pg_background_detach(int4, int8),
    pg_background_detach(pg_background_handle),
    pg_background_cancel(int4, int8, int4),
    pg_background_cancel(pg_background_handle),
    pg_background_wait(int4, int8, int4),
    pg_background_wait(pg_background_handle),
    pg_background_outcome(int4, int8),
    pg_background_outcome(pg_background_handle),
    pg_background_status(int4, int8),
    pg_background_status(pg_background_handle),
    pg_background_get_progress(int4, int8),
    pg_background_get_progress(pg_background_handle),
    pg_background_result_info(int4, int8),
    pg_background_result_info(pg_background_handle),
    pg_background_error_info(int4, int8),
    pg_background_error_info(pg_background_handle),
    pg_background_full_sql(int4, int8),
    pg_background_full_sql(pg_background_handle),
    pg_background_drain(pg_background_handle[], int4),
    pg_background_drain_all(int4),
    pg_background_wait_any(pg_background_handle[], int4),
    pg_background_wait_next(int4),
    pg_background_cancel_all(),
    pg_background_cancel_by_label(text, int4),
    pg_background_detach_all(),
    pg_background_purge(),
    pg_background_list(),
    pg_background_stats(),
    pg_background_record_timeout(),
    pg_background_report_progress(int4, text),
    pg_background_launch_v2(text, int4),
    pg_background_launch_v2(text, int4, text),
    pg_background_submit_v2(text, int4),
    pg_background_submit_v2(text, int4, text),
    pg_background_run_v2(text, int4, int4, text),
    pg_background_run_query_v2(text, int4, int4, text, text),
    pg_background_result_v2(int4, int8),
    pg_background_detach_v2(int4, int8),
    pg_background_cancel_v2(int4, int8, int4),
    pg_background_cancel_v2_grace(int4, int8, int4),
    pg_background_wait_v2(int4, int8, int4),
    pg_background_wait_v2_timeout(int4, int8, int4),
    pg_background_outcome_v2(int4, int8),
    pg_background_status_v2(int4, int8),
    pg_background_get_progress_v2(int4, int8),
    pg_background_result_info_v2(int4, int8),
    pg_background_error_info_v2(int4, int8),
    pg_background_full_sql_v2(int4, int8),
    pg_background_drain_v2(pg_background_handle[], int4),
    pg_background_wait_any_v2(pg_background_handle[], int4),
    pg_background_cancel_all_v2(),
    pg_background_cancel_by_label_v2(text, int4),
    pg_background_detach_all_v2(),
    pg_background_purge_v2(),
    pg_background_list_v2(),
    pg_background_stats_v2(),
    pg_background_progress(int4, text),
    pg_background_handle(int4),
    pg_background_pid(pg_background_handle),
    pg_background_jobs(),
    pg_stat_background()
TO pgbackground_role;

GRANT SELECT ON TABLE
    pg_background_list,
    pg_background_activity,
    pg_background_jobs,
    pg_stat_background
TO pgbackground_role;

-- Whoever watches the server sees its jobs.
GRANT EXECUTE ON FUNCTION
    pg_background_jobs(),
    pg_stat_background()
TO pg_monitor;

GRANT SELECT ON TABLE
    pg_background_jobs,
    pg_stat_background
TO pg_monitor;


--
-- Casts: code of version 1 keeps handles in integers
--
-- An integer becomes the handle of the newest job on that process.  It is the
-- right one, because a worker whose launch result nobody has read yet takes no
-- other job.
--

CREATE CAST (pg_background_handle AS int4) WITH FUNCTION pg_background_pid(pg_background_handle) AS ASSIGNMENT;
COMMENT ON CAST (pg_background_handle AS int4) IS
    'process ID of a handle, as code of version 1 keeps it';

CREATE CAST (int4 AS pg_background_handle) WITH FUNCTION pg_background_handle(int4) AS IMPLICIT;
COMMENT ON CAST (int4 AS pg_background_handle) IS
    'the newest job on a process ID, as code of version 1 names it';
