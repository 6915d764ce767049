#!/usr/bin/env bash
# Drivers send parameters without types, or with types of their own choice: each verb through psycopg, bound by the server
# and by the client, through node-postgres, and through JDBC; rows through a cursor, in pieces; notifications that come while
# nobody asks. Installs the first two below a directory of its own, and Debian's package of the third where there is none;
# needs Python 3.8, Node.js 16, a JDK (11 or later) and a network. PGBG_JDBC is another driver's jar.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || die 'python3 is missing'
command -v npm >/dev/null || die 'npm is missing'
suite_begin
jar=${PGBG_JDBC:-/usr/share/java/postgresql.jar}
packages=()
[ -e "$jar" ] || packages+=(libpostgresql-jdbc-java)
command -v javac >/dev/null || packages+=(default-jdk-headless)
if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
	apt_install "${packages[@]}" >"$WORK/log/apt.txt" 2>&1
fi
command -v javac >/dev/null || die 'a JDK is missing (Debian: apt-get install default-jdk-headless)'
[ -e "$jar" ] || die 'the JDBC driver is missing (Debian: apt-get install libpostgresql-jdbc-java): set PGBG_JDBC'
drivers=$(mktemp -d "$WORK/drivers.XXXXXX")
python3 -m venv "$drivers/python" >"$WORK/log/pip.txt" 2>&1 && "$drivers/python/bin/pip" install --quiet 'psycopg[binary]==3.*' >>"$WORK/log/pip.txt" 2>&1 ||
	die 'psycopg cannot be installed'
(cd "$drivers" && npm install --silent --no-audit --no-fund 'pg@8') >"$WORK/log/npm.txt" 2>&1 || die 'node-postgres cannot be installed'
javac -cp "$jar" -d "$drivers" "$PGBG_SRC/test/drivers/Verbs.java" || die 'Verbs.java cannot be compiled'

# JDBC knows no sockets of files.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
{ cluster_init main "listen_addresses = '127.0.0.1'" "port = $port" && cluster_start main; } || die 'no server'
export PGPORT=$port
sql 'CREATE EXTENSION pg_background' || die 'no extension'
t_is 'psycopg' "$("$drivers/python/bin/python" "$PGBG_SRC/test/drivers/verbs.py" "host=$PGHOST port=$port user=postgres dbname=postgres" 2>&1)" ''
t_is 'node-postgres' "$(NODE_PATH=$drivers/node_modules node "$PGBG_SRC/test/drivers/verbs.js" "$PGHOST" "$port" 2>&1)" ''
t_is 'JDBC' "$(java -cp "$jar:$drivers" Verbs "jdbc:postgresql://127.0.0.1:$port/postgres?user=postgres" 2>&1)" ''
t_no_leaks 'nothing is left'
t_done
