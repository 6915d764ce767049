#!/bin/sh
# Fuzzes the wire protocol's decoders.
#
#   fuzz/run.sh [SECONDS]     each target runs for SECONDS (60)
#
# The status is not zero if a target found something.
#
# Needs cargo-fuzz (cargo install cargo-fuzz) and any toolchain: RUSTC_BOOTSTRAP lets a stable one
# have the options that cargo-fuzz wants. Findings go to fuzz/artifacts/TARGET/, new inputs to fuzz/target/corpus/TARGET/, which the next run starts from;
# the seeds in fuzz/corpus/ stay as they are.

set -eu

seconds=${1:-60}
cd "$(dirname "$0")"

status=0
for target in response request; do
	found=target/corpus/$target
	mkdir -p "$found"
	RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . "$target" "$found" "corpus/$target" -- \
		-max_total_time="$seconds" -max_len=8192 -timeout=10 -print_final_stats=1 || status=1
done
exit $status
