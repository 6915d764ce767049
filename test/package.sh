#!/usr/bin/env bash
# What is distributed, made of the last commit and tried where it ends up. For root on Debian or something like it; the last
# line is "N passed, N failed".
#
#   test/package.sh source       the zip with the crates inside builds with PG_CONFIG, without a network and without anything
#                                that cargo has fetched, and is what the same commit gives a second time
#   test/package.sh debian       Debian's packages, in chroots of the Debians that have 15, 17 and 19 (unstable): built
#                                without a network, tests included; lintian; autopkgtest; where this Debian has the C
#                                extension by the same name, ours takes its place under a database that uses it
#
# MAJORS="17" restricts the Debians.
. "$(dirname "$0")/lib.sh"

# Without a network but for the machine itself, where test servers listen.
offline() { unshare --net sh -c 'ip link set lo up && exec "$@"' - "$@"; }

# shown NAME COMMAND...: passes or fails as a whole; what it says goes to a file, whose end is shown where it fails.
shown() {
	local log=$WORK/log/$1.txt
	if run "${@:3}" >"$log" 2>&1; then pass "$2"; else fail "$2" "$(tail -n "${PGBG_LINES:-30}" "$log")"; return 1; fi
}

make_dist() {
	mkdir -p "$1"
	VENDOR=1 "$PGBG_SRC/test/dist.sh" "$1" >/dev/null || die 'cannot make the source'
}

source_zip() {
	local name
	make_dist "$WORK/one"
	make_dist "$WORK/two"
	t_is 'the same commit makes the same files' "$(cd "$WORK/two" && sha256sum -- *)" "$(cd "$WORK/one" && sha256sum -- *)"
	command -v unzip >/dev/null || apt_install unzip >"$WORK/log/apt.txt" 2>&1 || die 'cannot install unzip'
	command -v ip >/dev/null || apt_install iproute2 >"$WORK/log/apt.txt" 2>&1 || die 'cannot install iproute2'
	unzip -q "$WORK"/one/*.zip -d "$WORK" || die 'cannot unpack the zip'
	name=$(basename "$WORK"/one/*.zip .zip)
	t_is 'no network is there' "$(offline ip -o route 2>&1)" ''
	mkdir "$WORK/cargo"
	shown make 'the zip builds and installs without a network' offline env CARGO_HOME="$WORK/cargo" \
		make -C "$WORK/$name" install PG_CONFIG="$PG_CONFIG" DESTDIR="$WORK/root"
	t_is 'with the library, the control file and the scripts' "$(find "$WORK/root" -type f | sed 's,.*/,,' | LC_ALL=C sort | grep -vE -- '--.*--')" \
		"$(printf '%s\n' pg_background--1.11.sql pg_background--2.1.sql pg_background.control pg_background.so)"
}

# in_debian MAJOR: the rest of this script, in the chroot.
in_debian() {
	local arch
	arch=$(dpkg --print-architecture)
	export PGBG_CHROOT_ARCH=$arch PGBG_CHROOT_MAJOR=$1
	run "$PGBG_SRC/test/fetch-chroot.sh" || { FAILED=$((FAILED + 1)) PARTS_BROKEN+=("$1: no chroot"); return; }
	part "debian-$1" "$PGBG_SRC/test/fetch-chroot.sh" env PGBG_DIST="$WORK/dist" test/package.sh inside
}

# unpacked TO: the source with the crates.
unpacked() {
	mkdir -p "$1" && tar -xf "$PGBG_DIST"/pg_background-*.tar.gz -C "$1" --strip-components=1
}

# install_inside PACKAGE...
install_inside() {
	export DEBIAN_FRONTEND=noninteractive
	# A run that was ended in the middle may have left packages half installed.
	{ dpkg --configure -a && apt-get update && apt-get install -y --no-install-recommends "$@"; } >"$WORK/log/apt.txt" 2>&1 ||
		{ tail -n 20 "$WORK/log/apt.txt"; die "cannot install $*"; }
}

inside_debian() {
	local source=$WORK/source debs package
	# What the chroot is given for tests is not what a builder has.
	unset CARGO CARGO_HOME CARGO_NET_OFFLINE PG_CONFIG
	install_inside build-essential debhelper fakeroot lintian autopkgtest iproute2 postgresql-server-dev-all
	unpacked "$source" || die 'no source'
	cd "$source" || exit 1
	t_ok 'debian/control is made for the majors of this Debian' pg_buildext updatecontrol
	say "        $(grep '^Package:' debian/control | tr '\n' ' ')"
	shown build-dep 'what it builds with is there' apt-get build-dep -y --no-install-recommends ./
	shown buildpackage 'dpkg-buildpackage without a network, tests included' offline dpkg-buildpackage -us -uc -b ||
		{ cat build-*/tmp_check/*/regression.diffs; return; }
	# Where PostgreSQL of this Debian has its libraries is not for us to choose.
	shown lintian 'lintian has nothing to say of what is ours' lintian --allow-root --pedantic --display-info \
		--suppress-tags repeated-path-segment --fail-on error,warning,info,pedantic "$WORK"/*.changes
	debs=("$WORK"/postgresql-*-pg-background_*.deb)
	t_is 'there is a package for each major' "${#debs[@]}" "$(grep -c '^Package:' debian/control)"
	shown autopkgtest 'autopkgtest installs it and runs its tests' autopkgtest "${debs[@]}" "$source" -- null
	purge
	for package in $(sed -n 's/^Package: *//p' debian/control); do replaces "$package"; done
	purge
}

purge() { apt-get purge -y 'postgresql-*-pg-background' >>"$WORK/log/purge.txt" 2>&1; }

# replaces PACKAGE: the C extension's of the same name, under a server that has a database with it.
replaces() {
	local major=${1//[^0-9]/} version answer
	version=$(apt-cache policy "$1" | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }')
	[ -n "$version" ] || { say "        no other $1 is in this Debian"; return; }
	shown "other-$major" "$1 $version, the C extension" apt-get install -y --no-install-recommends "$1=$version" || return
	PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config TREE='' PGBG_TEMPLATE=$WORK/template-$major
	BIN=$("$PG_CONFIG" --bindir)
	PATH=$BIN:$PATH
	cluster_template "$PGBG_TEMPLATE"
	cluster_new "$major" || { fail 'a database with it'; return; }
	answer="SELECT n FROM pg_background_launch('SELECT 42') AS h, pg_background_result(h.pid, h.cookie) AS r(n int4)"
	t_like 'a database has it' "$(sql "SELECT extversion FROM pg_extension WHERE extname = 'pg_background'")" '^(1|2\.0)'
	t_is 'a job' "$(sql "$answer")" 42
	t_ok 'a table has a column of its types' sql 'CREATE TABLE kept (handle pg_background_handle); INSERT INTO kept VALUES (ROW(1, 2))'
	shown "dpkg-$major" 'ours takes its place, without another word' dpkg -i "$WORK/$1"_*.deb
	t_is 'a job of a new session, with the old SQL objects' "$(sql "$answer")" 42
	t_ok 'ALTER EXTENSION UPDATE' sql 'ALTER EXTENSION pg_background UPDATE'
	t_is 'leads to ours' "$(sql "SELECT extversion FROM pg_extension WHERE extname = 'pg_background'")" 2.1
	t_is 'a job after it' "$(sql "$answer")" 42
	t_is 'with what is new' "$(sql "SELECT n FROM pg_background_query(NULL::kept, 'SELECT handle FROM kept') AS r(n)")" '(1,2)'
	t_is 'the column is what it was' "$(sql 'SELECT (handle).pid, (handle).cookie FROM kept')" '1|2'
	cluster_stop "$major"
}

# finish: the last line where there are no parts.
finish() {
	[ "$FAILED" -eq 0 ] || { WORK_KEEP=1; say "logs: $WORK/log"; }
	say "$PASSED passed, $FAILED failed"
	[ "$FAILED" -eq 0 ]
	exit
}

kind=${1:-}
work_begin package
case $kind in
	source)
		source_zip
		finish
		;;
	debian)
		make_dist "$WORK/dist"
		for major in ${MAJORS:-15 17 19}; do in_debian "$major"; done
		;;
	inside)
		inside_debian
		finish
		;;
	*) die "usage: $0 source|debian" ;;
esac
parts_done
