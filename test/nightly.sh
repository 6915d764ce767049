#!/usr/bin/env bash
# What takes too long for each commit: the soak, every test on a server with assertions, valgrind, every promise broken
# once, and ten minutes of fuzzing, one after another, whatever became of the one before. The last line is "N passed, N failed".
. "$(dirname "$0")/lib.sh"

work_begin nightly
part soak "$PGBG_SRC/test/soak.sh"
part assertions "$PGBG_SRC/test/cassert.sh"
part valgrind "$PGBG_SRC/test/valgrind.sh"
part mutations "$PGBG_SRC/test/mutations.sh"
part fuzz "$PGBG_SRC/fuzz/run.sh" "${FUZZ_SECONDS:-600}"
parts_done
