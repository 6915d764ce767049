-- What a library built with the feature injection-points offers to tests: src/injection/. CREATE EXTENSION comes first.

CREATE FUNCTION pgbg_test_arm(point text, action text) RETURNS void
    AS '$libdir/pg_background' LANGUAGE C;
CREATE FUNCTION pgbg_test_panic(kind text) RETURNS text
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_jobs() RETURNS int4
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_is_published(pid int4, cookie int8) RETURNS bool
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_region_size(region text) RETURNS int4
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_scribble(pid int4, cookie int8, region text, start int4, bytes bytea) RETURNS bool
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_corrupt(seed int8) RETURNS void
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_send(message bytea) RETURNS void
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_hold_notice(message text) RETURNS void
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_swap_plan(id int8) RETURNS int8
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_scribble_idle(region text, start int4, bytes bytea) RETURNS bool
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_take_segments("limit" int4) RETURNS int4
    AS '$libdir/pg_background' LANGUAGE C STRICT;
CREATE FUNCTION pgbg_test_give_segments("limit" int4) RETURNS int4
    AS '$libdir/pg_background' LANGUAGE C STRICT;
