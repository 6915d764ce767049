#!/usr/bin/env bash
# Fuzzes the wire protocol's decoders with libFuzzer, guided by coverage. Any stable Rust and a C++ compiler will do.
#
#   fuzz/run.sh [SECONDS]     both targets share SECONDS (60)
#   fuzz/run.sh --merge       takes what the runs have found into fuzz/corpus/, as far as it reaches code that the rest
#                             does not
#
# The status is not zero if a target found something. Findings go to fuzz/artifacts/TARGET/, new inputs to
# fuzz/target/corpus/TARGET/, which the next run starts from, as it does from fuzz/corpus/. The last line is
# "N passed, N failed".
set -u -o pipefail
cd "$(dirname "$0")" || exit 1

: "${CARGO:=cargo}" "${CARGO_TARGET_DIR:=$PWD/target}"
export CARGO_TARGET_DIR
command -v c++ >/dev/null || { echo 'a C++ compiler is missing (Debian: apt-get install g++)' >&2; exit 1; }
host=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz would ask of the compiler, but for the address sanitizer: that needs a nightly Rust, and the decoders have no
# unsafe code. Overflows and bounds are checked. With --target the flags are not for build scripts.
RUSTFLAGS='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters'
RUSTFLAGS+=' -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares'
RUSTFLAGS+=' -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks --cfg fuzzing'
export RUSTFLAGS
"$CARGO" build --quiet --locked --release --target "$host" --bin response --bin request || exit 1

passed=0 failed=0
for target in response request; do
	found=target/corpus/$target
	mkdir -p "$found" "artifacts/$target"
	program=$CARGO_TARGET_DIR/$host/release/$target
	if [ "${1:-}" = --merge ]; then
		"$program" -set_cover_merge=1 -max_len=8192 "corpus/$target" "$found" 2>&1 | tail -n 1
		continue
	fi
	log=target/$target.log
	if "$program" "$found" "corpus/$target" -max_total_time=$(((${1:-60} + 1) / 2)) -max_len=8192 -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="artifacts/$target/" -print_final_stats=1 >"$log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		tail -n 60 "$log"
	fi
	awk -v target="$target" '
		/^#[0-9]+.*cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) }
		/number_of_executed_units/ { runs = $2 }
		END { printf "%s: %d inputs, %d edges reached\n", target, runs, edges }' "$log"
done
[ "${1:-}" = --merge ] || echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
