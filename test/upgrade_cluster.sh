#!/usr/bin/env bash
# pg_upgrade takes a server with the extension to a newer major: as it is, and with the objects of an older version.
#
#   test/upgrade_cluster.sh OLD_PG_CONFIG NEW_PG_CONFIG
. "$(dirname "$0")/lib.sh"
[ $# -eq 2 ] || die "usage: $0 OLD_PG_CONFIG NEW_PG_CONFIG"
old_config=$1 new_config=$2
OLDER=1.8 NOW=2.1
work_begin upgrade_cluster
log_allow 'ERROR: +could not (load library|access file) .*pg_background'

# tree PG_CONFIG NAME: what runs from now on is a private copy of that one, without the extension.
tree() {
	PG_CONFIG=$1
	pg_config_is_usable || die "$1 does not lead to a PostgreSQL server and its headers"
	tree_make "$WORK/tree-$2"
	tree_use "$WORK/tree-$2"
	PGBG_TEMPLATE=$WORK/template-$2
	install -d -o "$SERVER_USER" -m 700 "$PGBG_TEMPLATE"
}
# library NAME: the extension for that copy.
library() {
	run tree_install "$WORK/tree-$1" >"$WORK/log/build-$1.txt" 2>&1 || { tail -n 30 "$WORK/log/build-$1.txt"; die 'build failed'; }
}
# template [initdb options]
template() {
	as_server "$BIN/initdb" -D "$PGBG_TEMPLATE" -U postgres -A trust -E UTF8 --locale=C --no-sync "$@" >"$WORK/log/initdb.txt" 2>&1 ||
		{ cat "$WORK/log/initdb.txt"; die 'initdb failed'; }
}
# What must be the same before and after, in the database now.
facts() {
	sql "SET search_path = pg_catalog;
		SELECT extversion, extnamespace::regnamespace, extrelocatable FROM pg_extension WHERE extname = 'pg_background'" -d "$1"
	sql "SET search_path = pg_catalog;
		SELECT o.object, obj_description(o.objid, o.class::name), a.grantor::regrole, CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END,
		       a.privilege_type, a.is_grantable
		FROM (SELECT d.objid, d.classid::regclass, pg_describe_object(d.classid, d.objid, 0), coalesce(p.proacl, t.typacl, c.relacl)
		      FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
		           LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		           LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
		           LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
		      WHERE e.extname = 'pg_background') AS o(objid, class, object, acl),
		     aclexplode(o.acl) a
		-- row types of views are members up to 16 or so, and MAINTAIN is a privilege from 17 on
		WHERE o.object !~ '^type .*_(list|activity)(\[\])?$' AND a.privilege_type <> 'MAINTAIN'
		ORDER BY 1, 3, 4, 5" -d "$1"
}
# works DATABASE NAME: with what that database has of the extension.
works() {
	t_is "$2: values of its types" "$(sql 'SELECT (handle).cookie FROM kept' -d "$1")" 2
	t_is "$2: a job" "$(sql 'SELECT answer()' -d "$1")" 42
	t_is "$2: a job of an ordinary role" "$(sql 'SELECT answer()' -d "$1" -U member)" 42
	t_is "$2: not of another one" "$(PGDATABASE=$1 PGUSER=nobody sql_code 'SELECT answer()')" 42501
}

tree "$old_config" old
library old
template
old_major=$(pg_major) old_bin=$BIN
{ cluster_init old && cluster_start old; } || die 'the old server did not start'
sql 'CREATE ROLE member LOGIN IN ROLE pgbackground_role' >/dev/null 2>&1 ||
	sql 'CREATE ROLE pgbackground_role NOLOGIN; CREATE ROLE member LOGIN IN ROLE pgbackground_role'
sql 'CREATE ROLE nobody LOGIN; CREATE ROLE single'
for version in "$OLDER" 1.11 "$NOW"; do
	database=v${version/./}
	sql "CREATE DATABASE $database"
	psql -XAtq -v ON_ERROR_STOP=1 -d "$database" <<-SQL || die 'the old databases cannot be filled'
		CREATE SCHEMA "Odd ""jobs";
		GRANT USAGE ON SCHEMA "Odd ""jobs" TO pgbackground_role, nobody;
		CREATE EXTENSION pg_background SCHEMA "Odd ""jobs" VERSION '$version';
		GRANT EXECUTE ON FUNCTION "Odd ""jobs".pg_background_detach_v2(int4, int8) TO single WITH GRANT OPTION;
		CREATE TABLE kept (handle "Odd ""jobs".pg_background_handle);
		INSERT INTO kept VALUES (ROW(1, 2));
		CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS \$\$
		    SELECT n FROM "Odd ""jobs".pg_background_launch_v2('SELECT 42') AS h,
		                  LATERAL "Odd ""jobs".pg_background_result_v2(h.pid, h.cookie) AS (n int4)
		\$\$;
		CREATE VIEW mine AS SELECT "Odd ""jobs".pg_background_wait_v2_timeout(1, 2, 0) AS ended;
	SQL
	works "$database" "$old_major, $version"
	facts "$database" >"$WORK/facts.$database"
done
t_no_leaks 'nothing is left'
cluster_stop old

tree "$new_config" new
new_major=$(pg_major)
# From 18 on initdb wants checksums, and pg_upgrade both servers alike.
if [ "$new_major" -ge 18 ] && [ "$old_major" -lt 18 ]; then template --no-data-checksums; else template; fi
cluster_init new || die 'no new server'
install -d -o "$SERVER_USER" -m 700 "$WORK/cluster/run"
upgrade() {
	as_server env -C "$WORK/cluster/run" "$BIN/pg_upgrade" -b "$old_bin" -B "$BIN" -d "$(cluster_data old)" -D "$(cluster_data new)" -U postgres \
		-s "$WORK/cluster/run" "$@" >"$WORK/log/pg_upgrade.txt" 2>&1
	local status=$?
	[ "$status" -eq 0 ] || find "$(cluster_data new)/pg_upgrade_output.d" -name '*.txt' -exec cat {} + >>"$WORK/log/pg_upgrade.txt" 2>/dev/null
	return "$status"
}
t_is "$new_major without the library: pg_upgrade refuses" "$(upgrade --check || say refused)" refused
# shellcheck disable=SC2016 # a path of the server's own
t_like 'and names it' "$(cat "$WORK/log/pg_upgrade.txt")" '\$libdir/pg_background'
library new
if upgrade --check && upgrade; then
	pass "pg_upgrade from $old_major to $new_major"
else
	fail "pg_upgrade from $old_major to $new_major" "$(cat "$WORK/log/pg_upgrade.txt")"
	t_done
fi
cluster_start new || die 'the new server did not start'
for version in "$OLDER" 1.11 "$NOW"; do
	database=v${version/./}
	t_is "$new_major, $version: objects, comments and privileges are the same" "$(facts "$database" | diff - "$WORK/facts.$database")" ''
	works "$database" "$new_major, $version"
done
database=v${OLDER/./}
t_is "$OLDER in $new_major: ALTER EXTENSION UPDATE" "$(sql 'ALTER EXTENSION pg_background UPDATE' -d "$database" 2>&1)" ''
works "$database" "$new_major, $OLDER updated"
# (Who may use a function gets its types, which were PUBLIC's before.)
t_is 'and then it is what the other one is' "$(diff <(facts "$database" | grep -v '^type .*|single|') <(facts "v${NOW/./}"))" ''
t_no_leaks 'nothing is left'
t_done
