#!/usr/bin/env bash
# What a build promises whoever has more than one PostgreSQL, or half of one.
#
#   test/build.sh PG_CONFIG PG_CONFIG     of two majors
. "$(dirname "$0")/lib.sh"
[ $# -eq 2 ] || die "usage: $0 PG_CONFIG PG_CONFIG"
work_begin build
one=$1 other=$2
TARGET=$PGBG_SRC/target/build-test

# build PG_CONFIG: plain cargo, always in the same directory; nothing but PG_CONFIG tells it which server is meant.
build() {
	PG_CONFIG=$1 CARGO_TARGET_DIR=$TARGET run "$CARGO" build --quiet --lib --locked --manifest-path "$PGBG_SRC/Cargo.toml" \
		>"$WORK/log/cargo.txt" 2>&1
}
# made: what the last build left.
made() { sha256sum <"$(find "$TARGET/debug" -maxdepth 1 -name 'libpg_background.*' ! -name '*.d' | head -n 1)"; }
# afresh PG_CONFIG: what is built where nothing of ours is left over.
afresh() {
	rm -rf "$TARGET/debug"/{incremental,.fingerprint,build,deps}/pg_background-* "$TARGET/debug"/{incremental,.fingerprint,build,deps}/*pg_background* \
		"$TARGET/debug"/libpg_background.*
	build "$1" && made
}

# Only what no build leaves alone differs between two, so equal files mean equal bindings.
t_ok "builds with $one" build "$one"
first=$(afresh "$one")
t_ok 'and with another major' build "$other"
second=$(made)
t_is 'of which it is the library' "$([ "$first" != "$second" ] && say another)" another
t_is 'and no binding of the first one is in it' "$second" "$(afresh "$other")"
t_ok 'and back' build "$one"
t_is 'no binding of the other one is left' "$(made)" "$first"

# An installation with pgxs and without headers, as Debian's client package leaves it.
mkdir -p "$WORK/half"
cat >"$WORK/half/pg_config" <<-END
	#!/bin/sh
	[ "\$1" = --includedir-server ] && echo /nonexistent || exec '$one' "\$@"
END
chmod 755 "$WORK/half/pg_config"
major=$(PG_CONFIG=$one pg_major)
t_like 'the server headers are missing: install-deps.sh names the package' \
	"$(PG_CONFIG=$WORK/half/pg_config "$PGBG_SRC/test/install-deps.sh" --dry-run)" "^apt-get install .* postgresql-server-dev-$major( |$)"
t_is 'a build with them missing fails' "$(build "$WORK/half/pg_config" || say failed)" failed
t_like 'with one line that names it' "$(grep '^error' "$WORK/log/cargo.txt" | head -n 1)" "headers .*apt-get install postgresql-server-dev-$major\)"

# make installs what it built, without cargo.
PG_CONFIG=$one make --no-print-directory -C "$PGBG_SRC" PG_CONFIG="$one" >"$WORK/log/make.txt" 2>&1
t_ok 'make install after make needs no cargo' make --no-print-directory -C "$PGBG_SRC" install PG_CONFIG="$one" CARGO=false DESTDIR="$WORK/root"
t_is 'and installs the library' "$(find "$WORK/root" -name 'pg_background.*' -path "*$("$one" --pkglibdir)/*" | wc -l)" 1

# From another directory, with another cargo's directory, the same library comes out.
PG_CONFIG=$one make --no-print-directory -C "$PGBG_SRC" PG_CONFIG="$one" >"$WORK/log/make.txt" 2>&1
library=$(find "$WORK/root" -name 'pg_background.*' -path "*$("$one" --pkglibdir)/*")
copy=$WORK/copy
mkdir "$copy"
(cd "$PGBG_SRC" && cp -r --parents .cargo Cargo.* Makefile build.rs pg_background.control sql src "$copy")
# copy_make [VARIABLE=VALUE...]
copy_make() { run make --no-print-directory -C "$copy" install PG_CONFIG="$one" DESTDIR="$WORK/copied" "$@" >"$WORK/log/copy.txt" 2>&1; }
t_ok 'a copy of the source builds' copy_make
copied=$WORK/copied${library#"$WORK/root"}
t_ok 'what was built elsewhere is the same, byte for byte' cmp "$library" "$copied"

# What a packager sets reaches all that is not Rust.
# A constructor stays where nothing calls it.
say 'static __attribute__((constructor)) void cppflags_were_here(void) { __asm__ volatile (""); }' >"$WORK/mark.h"
t_ok 'it builds with flags of a packager' copy_make CFLAGS='-O2 -fstack-protector-all' CPPFLAGS="-include $WORK/mark.h" LDFLAGS='-Wl,-soname,flags-test'
t_is 'CFLAGS reach the C compiler' "$(nm -D "$copied" | grep -c __stack_chk_fail)" 1
t_like 'CPPFLAGS do' "$(nm "$copied" | grep cppflags)" cppflags_were_here
t_like 'LDFLAGS reach the linker' "$(readelf -d "$copied" | grep SONAME)" flags-test
t_like 'it is bound when it is loaded' "$(readelf -d "$copied")" BIND_NOW

# A directory that is not the source's, as Debian's pg_buildext has one for each major.
mkdir "$WORK/elsewhere"
for pg_config in "$one" "$other"; do
	t_ok "can be built elsewhere with $pg_config" make --no-print-directory -n -C "$WORK/elsewhere" -f "$PGBG_SRC/Makefile" PG_CONFIG="$pg_config"
done
rm -rf "$TARGET"

# An installation whose databases have another encoding than the tests: they pass there, and are in nobody's way for long.
PG_CONFIG=$one
tree_make "$WORK/tree"
tree_install "$WORK/tree" >"$WORK/log/install.txt" 2>&1
tree_use "$WORK/tree"
PGBG_TEMPLATE=$WORK/template
cluster_template "$PGBG_TEMPLATE" SQL_ASCII
{ cluster_init ascii 'max_worker_processes = 64' && cluster_start ascii; } || die 'the server did not start'
t_is 'a server of another encoding' "$(sql 'SHOW server_encoding')" SQL_ASCII
t_ok 'make installcheck passes there' timeout 300 make --no-print-directory -C "$WORK/elsewhere" -f "$PGBG_SRC/Makefile" installcheck \
	PG_CONFIG="$one" REGRESS='cancel encoding' ISOLATION=other_session
cluster_stop ascii
t_done
