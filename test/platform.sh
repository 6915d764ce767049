#!/usr/bin/env bash
# The tests where machine or C library are others than here, for root on Debian or something like it. The last line is
# "N passed, N failed".
#
#   test/platform.sh i386      17 and 19 in chroots of Debian, natively on x86-64: all but injection points, with warm workers
#   test/platform.sh aarch64   17, emulated: regression and isolation tests, the scripts about warm workers and cancelling
#   test/platform.sh s390x     17, emulated: unit tests
#   test/platform.sh musl      15, built by musl-gcc here: regression and isolation tests (for unit tests Rust's std needs a
#                              libgcc_s that was built for musl, which Debian does not have)
#
# MAJORS="17" restricts the majors of i386, and chooses another than 17 for what is emulated. The kernel is told about the
# emulator, Debian's, which is installed where it is missing; musl needs `rustup target add x86_64-unknown-linux-musl`.
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

platform=${1:-}
work_begin platform
case $platform in
	i386)
		for major in ${MAJORS:-17 19}; do in_chroot i386 "$major" 'unit regress isolation fault'; done
		;;
	aarch64)
		emulated aarch64
		in_chroot arm64 "${MAJORS:-17}" 'unit regress isolation fault/warm_handles fault/warm_isolation fault/warm_lifecycle fault/warm_settings fault/warm_slots fault/cancel_early'
		;;
	s390x)
		emulated s390x
		in_chroot s390x "${MAJORS:-17}" unit
		;;
	musl)
		PG_CONFIG=$("$PGBG_SRC/test/build-server.sh" musl) || exit 1
		target=x86_64-unknown-linux-musl
		export PG_CONFIG CARGO_BUILD_TARGET=$target CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=musl-gcc
		part musl env PGBG_WARM_ONLY=1 PGBG_ONLY='regress isolation' "$PGBG_SRC/test/check.sh"
		;;
	*) die "usage: $0 i386|aarch64|s390x|musl" ;;
esac
parts_done
