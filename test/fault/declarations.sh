#!/usr/bin/env bash
# Each symbol of the library declared in every wrong way, and called, with NULLs and without: an error, never a crash. What
# is right is what some version's script declares; everything else is 42883, and nothing of it runs.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_init main && cluster_start main || die 'no server'
log_allow 'ERROR: '

symbols=$(nm -D --defined-only "$PKGLIB"/pg_background.* | sed -n 's/.* pg_finfo_//p' | sort)
t_ok 'the library has symbols' test "$(wc -w <<<"$symbols")" -gt 50

# What the versions declare. pg_background_handle stands for every row type.
sql "CREATE TABLE known (symbol text, arguments text, result text, returns_set bool)"
for version in 1.6 1.7 1.8 1.9 1.10 1.11 2.0 2.1; do
	sql "CREATE EXTENSION pg_background VERSION '$version'" || die "no $version"
	sql "INSERT INTO known SELECT p.prosrc,
		     (SELECT coalesce(string_agg(regexp_replace(t::regtype::text, '^pg_background_[a-z_]*', 'pg_background_handle'), ', ' ORDER BY n), '')
		      FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, n)),
		     regexp_replace(p.prorettype::regtype::text, '^pg_background_[a-z_]*', 'pg_background_handle'), p.proretset
		 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
		 WHERE l.lanname = 'c' AND p.probin LIKE '%pg_background'"
	[ "$version" = 2.1 ] || sql 'DROP EXTENSION pg_background'
done
t_is 'every symbol is declared by some version, and every declaration has its symbol' \
	"$(diff <(sql 'SELECT DISTINCT symbol FROM known' | sort) - <<<"$symbols")" ''

psql -XAtq -v ON_ERROR_STOP=1 >/dev/null <<-'SQL' || die 'the tools cannot be made'
	-- Declares, calls, and takes it all back: what the call came to.
	CREATE FUNCTION attempt(declaration text, call text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
	    EXECUTE declaration;
	    EXECUTE call;
	    RAISE EXCEPTION USING ERRCODE = 'PGBG1';
	EXCEPTION
	    WHEN SQLSTATE 'PGBG1' THEN RETURN '00000';
	    WHEN OTHERS THEN RETURN SQLSTATE;
	END $$;
	CREATE TABLE tried (symbol text, arguments text, result text, returns_set bool, is_strict bool, with_nulls bool, code text);
	-- Everything for one symbol.
	CREATE PROCEDURE try_all(symbol text) LANGUAGE plpgsql AS $$
	DECLARE
	    -- What each argument is called with.
	    samples jsonb := '{"integer": "1", "bigint": "1", "smallint": "1", "text": "''SELECT 1''", "boolean": "false", "text[]": "''{a}''",
	                       "record": "ROW(1, 2)", "pg_background_handle": "ROW(1, 2)::pg_background_handle",
	                       "pg_background_handle[]": "ARRAY[ROW(1, 2)]::pg_background_handle[]", "double precision": "1.5", "name": "''a''",
	                       "pg_background_stats": "NULL::pg_background_stats", "integer[]": "''{1}''", "anyelement": "1", "bytea": "''x''", "jsonb": "''1''"}';
	    lists text[] := ARRAY['', 'integer', 'bigint', 'text', 'pg_background_handle', 'pg_background_handle[]', 'record', 'anyelement', 'double precision',
	        'integer, bigint', 'integer, integer', 'bigint, integer', 'text, integer', 'text, text', 'text, bigint', 'name, integer', 'integer, text',
	        'pg_background_handle, integer', 'pg_background_handle[], integer', 'integer[], integer', 'bytea, integer',
	        'integer, bigint, integer', 'integer, bigint, text', 'text, integer, text', 'text, integer, integer', 'text, integer, integer, text',
	        'text, integer, integer, integer', 'text, integer, integer, text, text', 'text, integer, integer, text, integer',
	        'text, integer, text, record, text[], integer, boolean, text', 'text, integer, integer, text, record, text[], boolean, text',
	        'text, integer, integer, text, text, record, text[], boolean', 'text, integer, text, record, text[], integer, boolean, text, text',
	        'text, integer, text, integer, text[], integer, boolean, text', 'text, integer, text, record, text, integer, boolean, text',
	        'integer, integer, integer, integer, integer, integer, integer, integer'];
	    results text[] := ARRAY['void', 'integer', 'bigint', 'text', 'boolean', 'double precision', 'jsonb', 'record', 'pg_background_handle', 'text[]',
	        'SETOF record', 'SETOF pg_background_outcome', 'SETOF integer', 'SETOF text', 'SETOF pg_background_handle', 'SETOF void'];
	    list text; result text; is_strict bool; with_nulls bool; arguments text; call text; is_set bool;
	BEGIN
	    FOREACH list IN ARRAY lists LOOP FOREACH result IN ARRAY results LOOP
	        is_set := result LIKE 'SETOF %';
	        FOREACH is_strict IN ARRAY ARRAY[false, true] LOOP FOREACH with_nulls IN ARRAY ARRAY[false, true] LOOP
	            CONTINUE WHEN is_strict AND with_nulls AND list <> '';
	            SELECT coalesce(string_agg(CASE WHEN with_nulls THEN format('NULL::%s', replace(t, 'anyelement', 'integer')) ELSE samples ->> t END, ', ' ORDER BY n), '')
	            INTO arguments FROM unnest(string_to_array(nullif(list, ''), ', ')) WITH ORDINALITY AS u(t, n);
	            call := format(CASE WHEN result LIKE '%record' THEN 'SELECT * FROM pg_temp.wrong(%s) AS (a integer)' ELSE 'SELECT * FROM pg_temp.wrong(%s)' END, arguments);
	            INSERT INTO tried VALUES (symbol, list, replace(result, 'SETOF ', ''), is_set, is_strict, with_nulls,
	                attempt(format('CREATE FUNCTION pg_temp.wrong(%s) RETURNS %s AS ''$libdir/pg_background'', %L LANGUAGE C %s',
	                               list, result, symbol, CASE WHEN is_strict THEN 'STRICT' ELSE '' END), call));
	        END LOOP; END LOOP;
	    END LOOP; END LOOP;
	END $$;
SQL
for symbol in $symbols; do
	t_is "$symbol" "$(psql -XAtq -v ON_ERROR_STOP=1 -c 'SET client_min_messages = error' -c "CALL try_all('$symbol')" 2>&1)" ''
done
say "  $(sql 'SELECT count(*) FROM tried') calls of $(sql 'SELECT count(DISTINCT (symbol, arguments, result, returns_set)) FROM tried') declarations"

normal="regexp_replace(%s, 'pg_background_[a-z_]+', 'pg_background_handle', 'g')"
# shellcheck disable=SC2059 # the format is ours
is_known="EXISTS (SELECT FROM known k WHERE k.symbol = t.symbol AND k.arguments = $(printf "$normal" t.arguments)
	AND k.result = $(printf "$normal" t.result) AND k.returns_set = t.returns_set)"
# A name and the one with _v2 behind it share their code.
is_known_by_a_name=${is_known/k.symbol = t.symbol/"regexp_replace(k.symbol, '_v2\$', '') = regexp_replace(t.symbol, '_v2\$', '')"}
t_is 'what no version declares is refused' "$(sql "SELECT DISTINCT symbol, arguments, result, returns_set, code FROM tried t WHERE NOT $is_known_by_a_name AND code <> '42883' LIMIT 20")" ''
t_ok 'that were many' test "$(sql "SELECT count(*) FROM tried t WHERE NOT $is_known_by_a_name")" -gt 10000
t_is 'what some version declares is not' "$(sql "SELECT DISTINCT symbol, arguments, result FROM tried t WHERE $is_known AND code = '42883' LIMIT 20")" ''
t_is 'nor is anything an internal error' "$(sql "SELECT DISTINCT symbol, arguments, result, code FROM tried t WHERE code LIKE 'XX%' OR code LIKE '08%' OR code LIKE '57%' LIMIT 20")" ''

# What else a C function can be: a window function, a procedure, a trigger, an aggregate's parts, an operator, a type's.
t_sqlstate 'a window function' 42883 "CREATE FUNCTION w() RETURNS integer AS '\$libdir/pg_background', 'pg_background_purge' LANGUAGE C WINDOW" 'SELECT w() OVER ()'
t_sqlstate 'a procedure' 42883 "CREATE PROCEDURE p() AS '\$libdir/pg_background', 'pg_background_record_timeout' LANGUAGE C" 'CALL p()'
t_sqlstate 'a trigger' 42883 "CREATE FUNCTION tr() RETURNS trigger AS '\$libdir/pg_background', 'pg_background_list' LANGUAGE C" \
	'CREATE TABLE ta (i int); CREATE TRIGGER tr BEFORE INSERT ON ta FOR EACH ROW EXECUTE FUNCTION tr()' 'INSERT INTO ta VALUES (1)'
t_sqlstate 'an event trigger' 42883 "CREATE FUNCTION et() RETURNS event_trigger AS '\$libdir/pg_background', 'pg_background_list' LANGUAGE C" \
	'CREATE EVENT TRIGGER et ON ddl_command_start EXECUTE FUNCTION et()' 'CREATE TABLE tb (i int)'
sql 'DROP EVENT TRIGGER IF EXISTS et'
t_sqlstate 'variadic' 42883 "CREATE FUNCTION v(text, VARIADIC text[]) RETURNS integer AS '\$libdir/pg_background', 'pg_background_launch' LANGUAGE C" "SELECT v('a', 'b')"
t_sqlstate 'a type' 42883 "CREATE TYPE tt; CREATE FUNCTION tin(cstring) RETURNS tt AS '\$libdir/pg_background', 'pg_background_pid' LANGUAGE C STRICT;
	CREATE FUNCTION tout(tt) RETURNS cstring AS '\$libdir/pg_background', 'pg_background_full_sql' LANGUAGE C STRICT;
	CREATE TYPE tt (INPUT = tin, OUTPUT = tout, LIKE = integer)" "SELECT 'a'::tt"
t_sqlstate 'an aggregate' 42883 "CREATE FUNCTION sf(integer, integer) RETURNS integer AS '\$libdir/pg_background', 'pg_background_wait' LANGUAGE C;
	CREATE AGGREGATE ag(integer) (SFUNC = sf, STYPE = integer, INITCOND = '1')" 'SELECT ag(1)'
t_sqlstate 'an operator' 42883 "CREATE FUNCTION op(bigint, bigint) RETURNS boolean AS '\$libdir/pg_background', 'pg_background_wait' LANGUAGE C;
	CREATE OPERATOR ?? (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = op)" 'SELECT 1::bigint ?? 2::bigint'
t_sqlstate 'a cast' 42883 "CREATE FUNCTION ca(circle) RETURNS boolean AS '\$libdir/pg_background', 'pg_background_wait' LANGUAGE C;
	CREATE CAST (circle AS boolean) WITH FUNCTION ca(circle)" "SELECT '<(0,0),1>'::circle::boolean"
t_sqlstate 'a support function' 42883 "CREATE FUNCTION su(internal) RETURNS internal AS '\$libdir/pg_background', 'pg_background_list' LANGUAGE C STRICT;
	CREATE FUNCTION us(integer) RETURNS boolean LANGUAGE sql SUPPORT su IMMUTABLE AS 'SELECT true'" 'SELECT us(oid::integer) FROM pg_class'
t_sqlstate 'a domain over a row type' 42883 "CREATE DOMAIN dh AS pg_background_handle; CREATE FUNCTION wd(dh) RETURNS boolean AS '\$libdir/pg_background', 'pg_background_wait' LANGUAGE C STRICT" 'SELECT wd(ROW(1, 2)::pg_background_handle)'

# The error says what to do.
wrong="CREATE FUNCTION pg_temp.wrong(smallint) RETURNS integer AS '\$libdir/pg_background', 'pg_background_launch' LANGUAGE C"
t_is 'the hint names both versions' "$(sql "$wrong; SELECT pg_temp.wrong(1::smallint)" 2>&1 | grep -E 'ERROR|HINT' | sed 's/pg_temp_[0-9]*/pg_temp/')" \
	"ERROR:  the library of pg_background has no function that is declared as pg_temp.wrong(smallint)
HINT:  The extension's version in this database is 2.1, the library's is $(sed -n 's/^version = "\(.*\)"$/\1/p' "$PGBG_SRC/Cargo.toml" | head -n 1). Use ALTER EXTENSION pg_background UPDATE, or install the library that goes with the extension's version."
sql 'DROP EXTENSION pg_background CASCADE' 2>/dev/null
t_like 'without the extension, too' "$(sql "$wrong; SELECT pg_temp.wrong(1::smallint)" 2>&1)" 'CREATE EXTENSION pg_background'
t_is 'no crash' "$(grep -cE 'terminated by signal|reinitializing' "$(cluster_log main)")" 0
t_no_leaks 'nothing is left'
t_done
