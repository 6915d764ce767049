#!/usr/bin/env bash
# Builds a PostgreSQL server that watches itself, or another one that no package has, from Debian's source package, and
# prints where its pg_config is. What was built before stays in the cache.
#
#   test/build-server.sh cassert      with assertions, and memory clobbered when it is freed
#   test/build-server.sh valgrind     the same, and it tells valgrind which memory is whose
#   test/build-server.sh musl         with musl as its C library
#
# The archive is the one that apt uses here. PGBG_SERVER_SOURCE=directory takes an unpacked source tree instead, which is
# left as it is; PGBG_SERVER_MAJOR says which major to fetch (15).
. "$(dirname "$0")/lib.sh"

kind=${1:-}
major=${PGBG_SERVER_MAJOR:-15}
case $kind in
	cassert) cflags='-O1 -g' wanted=(bzip2 gcc libc6-dev make) ;;
	musl) cflags='-O2 -g' wanted=(bzip2 gcc libc6-dev make musl-tools) ;;
	valgrind) cflags='-Og -g -fno-omit-frame-pointer -DUSE_VALGRIND' wanted=(bzip2 gcc libc6-dev make valgrind) ;;
	*) die "usage: $0 cassert|valgrind|musl" ;;
esac
configured=(--enable-cassert --enable-debug --without-icu --without-readline --without-zlib CFLAGS="$cflags")

cache=$(cache_dir) || exit 1
tree=$cache/$kind-$major

# The source packages that belong to the binary packages of this machine, whether its own lists have them or not.
source_lists() {
	# shellcheck disable=SC2016 # apt's own
	apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
		awk '$4 == "Debian" && !seen[$0]++ { print "deb-src", $1, $2, $3 }'
}

# fetch_source DIR: the source package of $major, unpacked in DIR/source.
fetch_source() {
	local version options=(-o Dir::Etc::sourcelist="$1/lists.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$1/lists"
		-o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache= -o APT::Sandbox::User=root)
	source_lists >"$1/lists.list"
	[ -s "$1/lists.list" ] || die 'apt knows no archive of Debian'
	mkdir -p "$1/lists/partial" "$1/source"
	apt-get "${options[@]}" update >&2 || return
	# The newest that the mirror really has: its lists may be ahead of what it holds.
	for version in $(apt-cache "${options[@]}" showsrc "postgresql-$major" 2>/dev/null | awk '$1 == "Version:" { print $2 }' | sort -Vru); do
		(cd "$1" && rm -f postgresql-* && apt-get "${options[@]}" source --download-only "postgresql-$major=$version") >&2 && break
	done
	tar -xf "$(echo "$1"/postgresql-*.orig.tar.*)" -C "$1/source" --strip-components=1
}

if [ ! -x "$tree/bin/pg_config" ]; then
	missing=()
	for package in "${wanted[@]}"; do dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package"); done
	if [ ${#missing[@]} -gt 0 ]; then
		if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then die "missing: ${missing[*]}"; fi
		apt_install "${missing[@]}" >&2 ||
			die "cannot install ${missing[*]}"
	fi
	new=$(mktemp -d "$cache/$kind-$major.XXXXXX") || exit 1
	trap 'rm -rf "$new"' EXIT
	trap 'exit 130' INT TERM HUP
	source=${PGBG_SERVER_SOURCE:-}
	if [ -z "$source" ]; then
		command -v apt-get >/dev/null || die 'apt-get is missing; PGBG_SERVER_SOURCE=directory names an unpacked source tree'
		fetch_source "$new" || die "cannot fetch the source package postgresql-$major"
		source=$new/source
	fi
	mkdir "$new/build"
	# The kernel's headers, which musl-gcc does not look for, and nothing else of the other C library's.
	if [ "$kind" = musl ]; then
		mkdir "$new/kernel"
		ln -s /usr/include/linux /usr/include/asm-generic "/usr/include/$(gcc -print-multiarch)/asm" "$new/kernel/"
		configured+=(CC=musl-gcc CPPFLAGS="-idirafter $new/kernel")
	fi
	# A source tree that was configured refuses to be built elsewhere, so it is copied without what was made in it.
	if [ -e "$source/config.status" ]; then
		cp -a "$source" "$new/source"
		source=$new/source
		make -C "$source" -s distclean >&2
	fi
	log=$cache/$kind-$major.log
	say "building PostgreSQL $major ($kind); all it says: $log" >&2
	(
		cd "$new/build" || exit
		"$source/configure" --prefix="$tree" "${configured[@]}" && make -s -j "${PGBG_JOBS:-$(nproc)}" && make -s install DESTDIR="$new/root" &&
			make -s -C src/test/regress install DESTDIR="$new/root" &&
			make -s -C src/test/isolation install DESTDIR="$new/root"
	) >"$log" 2>&1 || { tail -n 30 "$log" >&2; die "cannot build PostgreSQL $major"; }
	# Its tests are not wanted, what valgrind may overlook is.
	cp "$source/src/tools/valgrind.supp" "$new/root$tree/share/"
	chmod -R go=u,go-w "$new/root$tree"
	# At its place at once: whoever sees it sees all of it.
	mv -T "$new/root$tree" "$tree" 2>/dev/null || [ -x "$tree/bin/pg_config" ] || die "cannot write $tree"
fi
say "$tree/bin/pg_config"
