#!/usr/bin/env bash
# A library that a job has loaded acts on no other job.
. "$(dirname "$0")/../lib.sh"
suite_begin
cluster_new main "pg_background.worker_idle_timeout = '1h'"
if [ ! -e "$PKGLIB/passwordcheck.so" ] && [ ! -e "$PKGLIB/passwordcheck.dylib" ]; then
	say '  no passwordcheck here'
	t_done
fi
session_open s
t_is 'a job loads a library that refuses weak passwords' \
	"$(session_do s "SELECT has_error FROM pg_background_run_v2('LOAD ''passwordcheck''');")" f
t_is 'the next one may use them' \
	"$(session_do s "SELECT has_error FROM pg_background_run_v2('CREATE ROLE weak PASSWORD ''weak''; DROP ROLE weak');")" f
session_do s "LOAD 'passwordcheck';" >/dev/null
t_is 'unless the session has loaded it' \
	"$(session_do s "SELECT has_error FROM pg_background_run_v2('CREATE ROLE weak PASSWORD ''weak''; DROP ROLE weak');")" t
session_close s
t_no_leaks 'nothing is left'
t_done
