#!/usr/bin/env bash
# Fetches a Debian that has the newest PostgreSQL for `make check-all`, or an older one, or one for another machine
# (test/platform.sh), and runs commands in it. For root on Debian or something like it; the mirror is the one that apt uses
# here.
#
#   test/fetch-chroot.sh              makes it, unless the cache has one that is younger than a week
#   test/fetch-chroot.sh COMMAND...   runs COMMAND in it, with this source tree, the machine's cargo and $TMPDIR at
#                                     their own places; target/ is another directory than outside
#
# PGBG_CHROOT_MAJOR=17 chooses the Debian that has 17, PGBG_CHROOT_ARCH=i386 Debian's architecture. What the machine does
# not run by itself runs if the kernel knows an emulator for it (Debian: qemu-user-static), slowly; the cargo is Debian's
# then.
#
# Everything happens in a mount and process namespace of its own: when its first process ends, and be it by SIGKILL,
# the kernel ends the others and drops the mounts. Nothing is ever mounted where the rest of the machine sees it, so
# removing the directory cannot reach what was mounted there.
. "$(dirname "$0")/lib.sh"

MAJOR=${PGBG_CHROOT_MAJOR:-19} ARCH=${PGBG_CHROOT_ARCH:-}
case $MAJOR in
	15) SUITE=bookworm ;;
	17) SUITE=trixie ;;
	19) SUITE=sid ;;
	*) die "no Debian has PostgreSQL $MAJOR" ;;
esac
# Of experimental, PostgreSQL alone as long as the major is there only.
EXPERIMENTAL="libpq* postgresql-$MAJOR postgresql-*-$MAJOR"

# The rest of the script runs inside.
if [ -z "${PGBG_INSIDE:-}" ]; then
	[ "$(id -u)" -eq 0 ] || die "PostgreSQL $MAJOR is tested in a chroot, which only root can make"
	cache=$(cache_dir) || exit 1
	if ! command -v debootstrap >/dev/null; then
		command -v apt-get >/dev/null || die 'debootstrap is missing'
		apt_install debootstrap >"$cache/debootstrap.log" 2>&1 ||
			{ tail -n 20 "$cache/debootstrap.log" >&2; die 'cannot install debootstrap'; }
	fi
	# PID 1 of a namespace does not get the signals that it has no handler for: see inside().
	export PGBG_INSIDE=1 PGBG_CHROOT=$cache/debian-$MAJOR${ARCH:+-$ARCH}
	exec unshare --mount --pid --fork --kill-child --mount-proc bash "$0" "$@"
fi

mirror() {
	local found
	found=$(apt-get indextargets --format '$(SITE) $(ORIGIN) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
		awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }')
	[ -n "$found" ] || found=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '$1 == "URIs:" { print $2; exit }')
	[ -n "$found" ] || found=$(awk '$1 == "deb" { print $2 ~ /^\[/ ? $4 : $2; exit }' /etc/apt/sources.list 2>/dev/null)
	[ -n "$found" ] || die 'apt does not say which mirror it uses'
	say "$found"
}

# The toolchain of the machine, where it runs inside and does not lean on the machine's own libraries; otherwise Debian's.
toolchain() {
	local sysroot
	[ -z "$ARCH" ] || return 1
	sysroot=$(rustc --print sysroot 2>/dev/null) || return 1
	case $sysroot in /usr | /usr/local) return 1 ;; esac
	say "$sysroot"
}

# in_root COMMAND...
in_root() { as_machine chroot "$PGBG_CHROOT" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH="$ROOT_PATH" "$@" </dev/null; }
# What asks the kernel for the machine's name hears that of the processes inside.
as_machine() { if [ "$ARCH" = i386 ]; then setarch i686 "$@"; else "$@"; fi; }
ROOT_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

mount_system() {
	mount -t proc proc "$PGBG_CHROOT/proc" && mount --rbind /dev "$PGBG_CHROOT/dev" &&
		mount -t tmpfs -o mode=1777 tmpfs "$PGBG_CHROOT/dev/shm"
}

make_root() {
	local site packages="postgresql-$MAJOR postgresql-server-dev-$MAJOR"
	site=$(mirror) || return
	as_machine debootstrap --variant=minbase ${ARCH:+--arch="$ARCH"} --include=ca-certificates,gcc,libc6-dev,make "$SUITE" "$PGBG_CHROOT" "$site" || return
	[ "$SUITE" != sid ] || say "deb $site experimental main" >"$PGBG_CHROOT/etc/apt/sources.list.d/experimental.list"
	printf 'Package: %s\nPin: release a=experimental\nPin-Priority: 500\n' "$EXPERIMENTAL" >"$PGBG_CHROOT/etc/apt/preferences.d/experimental"
	# A mirror may be the archive as it was some weeks ago.
	say 'Acquire::Check-Valid-Until "false"; Acquire::Retries "3";' >"$PGBG_CHROOT/etc/apt/apt.conf.d/90check"
	say 'force-unsafe-io' >"$PGBG_CHROOT/etc/dpkg/dpkg.cfg.d/unsafe-io"
	printf '#!/bin/sh\nexit 101\n' >"$PGBG_CHROOT/usr/sbin/policy-rc.d"
	chmod 755 "$PGBG_CHROOT/usr/sbin/policy-rc.d"
	mkdir -p "$PGBG_CHROOT/etc/postgresql-common/createcluster.d"
	say 'create_main_cluster = false' >"$PGBG_CHROOT/etc/postgresql-common/createcluster.d/none.conf"
	cp -L /etc/resolv.conf "$PGBG_CHROOT/etc/resolv.conf"
	mount_system || return
	# Debian 12 has a recent one by another name.
	toolchain >/dev/null || { packages+=' libclang-dev cargo'; [ "$SUITE" != bookworm ] || packages+=-web; }
	# shellcheck disable=SC2086 # several words
	in_root apt-get update && in_root apt-get install -y --no-install-recommends $packages && in_root apt-get clean
}

# bind PATH [OTHER]: PATH, or OTHER in its place, is there inside as well.
bind() { mkdir -p "$PGBG_CHROOT$1" && mount --bind "${2:-$1}" "$PGBG_CHROOT$1"; }

inside() {
	local cargo_home=${CARGO_HOME:-$HOME/.cargo} sysroot path=$ROOT_PATH temporary=${TMPDIR:-/tmp} status
	mkdir -p "$cargo_home/registry" "$PGBG_SRC/target" "$PGBG_CHROOT-target"
	mount_system && bind "$temporary" && bind "$PGBG_SRC" && mount -o remount,bind,ro "$PGBG_CHROOT$PGBG_SRC" &&
		bind "$PGBG_SRC/target" "$PGBG_CHROOT-target" &&
		bind "$cargo_home/registry" || die "cannot mount below $PGBG_CHROOT"
	if sysroot=$(toolchain); then
		bind "$sysroot" || die "cannot mount $sysroot"
		path=$sysroot/bin:$path
	fi
	as_machine chroot "$PGBG_CHROOT" /usr/bin/env -C "$PGBG_SRC" -u PGBG_INSIDE -u PGBG_CHROOT -u LIBCLANG_PATH CARGO=cargo \
		CARGO_HOME="$cargo_home" CARGO_NET_OFFLINE=true PG_CONFIG="/usr/lib/postgresql/$MAJOR/bin/pg_config" PGBG_USER=postgres \
		PATH="$path" "$@"
	status=$?
	exit "$status"
}

# Who uses it has a shared lock, who makes it an exclusive one.
final=$PGBG_CHROOT
is_fresh() { [ -n "$(find "$final" -maxdepth 0 -mtime -7 2>/dev/null)" ]; }
trap : INT TERM HUP
exec {lock}>"$final.lock"
is_fresh || flock "$lock"
if ! is_fresh; then
	PGBG_CHROOT=$final.new
	rm -rf --one-file-system "$PGBG_CHROOT" "$final" "$final-target"
	# Twice, because a mirror may fail for a moment.
	{ make_root || { umount -R "$PGBG_CHROOT/proc" "$PGBG_CHROOT/dev" 2>/dev/null; rm -rf --one-file-system "$PGBG_CHROOT"; make_root; }; } >"$final.log" 2>&1 || { tail -n 30 "$final.log"; die "cannot make $final; all it said: $final.log"; }
	# It counts from now on, not from when its first file was packed.
	touch "$PGBG_CHROOT"
	umount -R "$PGBG_CHROOT/proc" "$PGBG_CHROOT/dev"
	mv -T "$PGBG_CHROOT" "$final" || exit 1
	PGBG_CHROOT=$final
fi
flock -s "$lock"
[ $# -eq 0 ] || inside "$@"
