#!/usr/bin/env bash
# make demo: the main jobs of pg_background on a pgbench database, on a throwaway server. Installs the packages that are
# missing where it may; touches no PostgreSQL installation and no server. PGBG_SCALE (10) is pgbench's.
. "$(dirname "$0")/lib.sh"

"$PGBG_SRC/test/install-deps.sh" || exit 1

work_begin demo
say "$("$PG_CONFIG" --version): building, then a throwaway server in $WORK"
tree_make "$WORK/tree"
run tree_install "$WORK/tree" >"$WORK/log/build.txt" 2>&1 || { tail -n 20 "$WORK/log/build.txt"; die 'the build failed'; }
tree_use "$WORK/tree"
cluster_init demo || die 'the server could not be set up'
cluster_start demo || die 'the server did not start'
run pgbench -i -q -s "${PGBG_SCALE:-10}" -h "$PGHOST" >"$WORK/log/pgbench.txt" 2>&1 || { cat "$WORK/log/pgbench.txt"; die 'pgbench failed'; }
run psql -X -f "$PGBG_SRC/demo/demo.sql" || die 'the demo failed'
say ''
say 'Done. The server is stopped and its directory removed.'
