#!/usr/bin/env bash
# `make check`, but for the fault suite's second round, on a server with assertions, built by test/build-server.sh; then some
# of the regression tests once more with debug_discard_caches = 1, where every catalog lookup may find its cache emptied and
# what was in it overwritten.
#
#   PGBG_CASSERT_CONFIG=path      the pg_config of a server with assertions that is there already
#   PGBG_DISCARD="types warm"     the tests for the second part; empty for none
. "$(dirname "$0")/lib.sh"

: "${PGBG_ONLY:=regress isolation fault injection}" "${PGBG_DISCARD=columns identity rows types warm}"
: "${PGBG_TEST_TIMEOUT:=3600}"
PG_CONFIG=${PGBG_CASSERT_CONFIG:-$("$PGBG_SRC/test/build-server.sh" cassert)} || exit 1
[[ $("$PG_CONFIG" --configure) == *--enable-cassert* ]] || die "$PG_CONFIG belongs to a server without assertions"
export PG_CONFIG PGBG_ONLY PGBG_TEST_TIMEOUT

work_begin cassert

part 'assertions' "$PGBG_SRC/test/check.sh"
if [ -n "$PGBG_DISCARD" ]; then
	part 'caches discarded' env PGBG_ONLY=regress PGBG_TESTS="$PGBG_DISCARD" PGBG_CONF='debug_discard_caches = 1' \
		"$PGBG_SRC/test/check.sh"
fi
parts_done
