#!/usr/bin/env bash
# The tests where machine or C library are others than here, for root on Debian or something like it. The last line is
# "N passed, N failed".
#
#   test/platform.sh i386      17 and 19 in chroots of Debian, natively on x86-64: all but injection points, with warm workers
#   test/platform.sh aarch64   17, emulated: unit, regression and isolation tests, the scripts about warm workers and cancelling
#   test/platform.sh s390x     17, emulated, and big-endian: unit, regression and isolation tests
#   test/platform.sh musl      15, built by musl-gcc here: regression and isolation tests (for unit tests Rust's std needs a
#                              libgcc_s that was built for musl, which Debian does not have)
#
# MAJORS="17" restricts the majors of i386, and chooses another than 17 for what is emulated. The kernel is told about the
# emulator, Debian's, which is installed where it is missing, as is a compiler for that machine: an emulated one would take an
# hour. musl needs `rustup target add x86_64-unknown-linux-musl`, what is emulated the same with aarch64-unknown-linux-gnu and
# s390x-unknown-linux-gnu.
. "$(dirname "$0")/lib.sh"

# in_chroot ARCH MAJOR SUITES [TESTS]
in_chroot() {
	export PGBG_CHROOT_ARCH=$1 PGBG_CHROOT_MAJOR=$2
	run "$PGBG_SRC/test/fetch-chroot.sh" || { FAILED=$((FAILED + 1)) PARTS_BROKEN+=("$1-$2: no chroot"); return; }
	part "$1-$2" "$PGBG_SRC/test/fetch-chroot.sh" env PGBG_WARM_ONLY=1 PGBG_ONLY="$3" PGBG_TESTS="${4:-}" \
		CARGO=cargo test/check.sh
}

# emulated MACHINE: the kernel runs programs of this machine from now on, here and in chroots.
emulated() {
	local known=/proc/sys/fs/binfmt_misc
	{ command -v "qemu-$1-static" && command -v update-binfmts; } >/dev/null || apt_install qemu-user-static binfmt-support >"$WORK/log/apt.txt" 2>&1 ||
		die 'cannot install qemu-user-static and binfmt-support'
	[ -e "$known/register" ] || mount -t binfmt_misc none "$known" || die 'this kernel has no binfmt_misc'
	[ -e "$known/qemu-$1" ] || update-binfmts --enable "qemu-$1" || die "the kernel does not take an emulator of $1"
}

# crossed ARCH MAJOR MACHINE: the library, made here, where `make` in the chroot looks for it, and the unit tests, whose file
# the last line names.
crossed() {
	local root rust=$3-unknown-linux-gnu gcc=$3-linux-gnu-gcc lib=release/libpg_background.so
	local chroot=(env PGBG_CHROOT_ARCH="$1" PGBG_CHROOT_MAJOR="$2" "$PGBG_SRC/test/fetch-chroot.sh")
	root=$(cache_dir)/debian-$2-$1
	command -v "$gcc" >/dev/null || apt_install "gcc-$3-linux-gnu" "libc6-dev-$1-cross" >&2 || return
	cat >"$WORK/pg_config" <<-END
		#!/bin/sh
		answer=\$(chroot '$root' '/usr/lib/postgresql/$2/bin/pg_config' "\$@") || exit
		case \$1 in --*dir*) answer='$root'\$answer ;; esac
		echo "\$answer"
	END
	chmod 755 "$WORK/pg_config"
	# It is older than the library then, and says of what server that is.
	run "${chroot[@]}" make --no-print-directory "$PGBG_SRC/target/pg$2/server" PG_CONFIG="/usr/lib/postgresql/$2/bin/pg_config" >&2 || return
	local cargo=(env PG_CONFIG="$WORK/pg_config" BINDGEN_EXTRA_CLANG_ARGS="--sysroot=$root" CARGO_TARGET_DIR="$root-target/crossed"
		"CARGO_TARGET_${3^^}_UNKNOWN_LINUX_GNU_LINKER=$gcc" "$CARGO")
	local of=(--locked --manifest-path "$PGBG_SRC/Cargo.toml" --target "$rust" --lib)
	run "${cargo[@]}" build --release "${of[@]}" || return
	mkdir -p "$root-target/pg$2/release" && cp "$root-target/crossed/$rust/$lib" "$root-target/pg$2/$lib" || return
	run "${cargo[@]}" test --no-run "${of[@]}" 2>&1 | tee /dev/stderr | sed -n "s,^ *Executable .*($root-target/\\(.*\\))\$,\\1,p"
}

# machine ARCH MACHINE SUITES: unit tests and others, emulated, where patience is needed.
machine() {
	local major=${MAJORS:-17} units log=$WORK/log/crossed.txt
	emulated "$2"
	export PGBG_CHROOT_ARCH=$1 PGBG_CHROOT_MAJOR=$major PGBG_TEST_TIMEOUT=6000
	run "$PGBG_SRC/test/fetch-chroot.sh" || die 'no chroot'
	units=$(crossed "$1" "$major" "$2" 2>"$log") && [ -n "$units" ] || { tail -n 30 "$log"; die "cannot build for $2"; }
	# shellcheck disable=SC2016 # expanded by awk
	part "$1-$major-unit" bash -c '"${@:2}" 2>&1 | awk "$1"' - \
		'{ print } /^test result:/ { ok = $4; bad = $6 } END { print ok + 0 " passed, " (ok ? bad : 1) " failed" }' \
		"$PGBG_SRC/test/fetch-chroot.sh" "$PGBG_SRC/target/$units"
	in_chroot "$1" "$major" "$3"
}

platform=${1:-}
work_begin platform
case $platform in
	i386)
		for major in ${MAJORS:-17 19}; do in_chroot i386 "$major" 'unit regress isolation fault'; done
		;;
	aarch64) machine arm64 aarch64 'regress isolation fault/warm_isolation fault/warm_libraries fault/warm_lifecycle fault/warm_roles fault/warm_settings fault/warm_slots fault/warm_terminated fault/cancel_early' ;;
	s390x) machine s390x s390x 'regress isolation' ;;
	musl)
		PG_CONFIG=$("$PGBG_SRC/test/build-server.sh" musl) || exit 1
		target=x86_64-unknown-linux-musl
		export PG_CONFIG CARGO_BUILD_TARGET=$target CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=musl-gcc
		part musl env PGBG_WARM_ONLY=1 PGBG_ONLY='regress isolation' "$PGBG_SRC/test/check.sh"
		;;
	*) die "usage: $0 i386|aarch64|s390x|musl" ;;
esac
parts_done
