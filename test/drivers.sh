#!/usr/bin/env bash
# Drivers send parameters without types, or with types of their own choice: each verb through psycopg, bound by the server
# and by the client, and through node-postgres. Installs both below a directory of its own; needs Python 3.8, Node.js 16 and
# a network.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || die 'python3 is missing'
command -v npm >/dev/null || die 'npm is missing'
suite_begin
cluster_new main || die 'no server'
drivers=$(mktemp -d "$WORK/drivers.XXXXXX")
python3 -m venv "$drivers/python" >"$WORK/log/pip.txt" 2>&1 && "$drivers/python/bin/pip" install --quiet 'psycopg[binary]==3.*' >>"$WORK/log/pip.txt" 2>&1 ||
	die 'psycopg cannot be installed'
(cd "$drivers" && npm install --silent --no-audit --no-fund 'pg@8') >"$WORK/log/npm.txt" 2>&1 || die 'node-postgres cannot be installed'
t_is 'psycopg' "$("$drivers/python/bin/python" "$PGBG_SRC/test/drivers/verbs.py" "host=$PGHOST user=postgres dbname=postgres" 2>&1)" ''
t_is 'node-postgres' "$(NODE_PATH=$drivers/node_modules node "$PGBG_SRC/test/drivers/verbs.js" "$PGHOST" 2>&1)" ''
t_no_leaks 'nothing is left'
t_done
