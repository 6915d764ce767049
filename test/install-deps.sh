#!/usr/bin/env bash
# Looks for what building and testing need: a PostgreSQL server with its headers, libclang, a C compiler, make, and
# cargo 1.85 or later (with `lint`: rustfmt and clippy too; with `fuzz`: a C++ compiler, for libFuzzer; with `models`:
# spin; with `poolers`: pgbouncer, where a package has it). Installs what is missing where it may, that is as root with apt-get; prints the line to run otherwise. With
# `--dry-run` it only prints the line.
. "$(dirname "$0")/lib.sh"

RUST_NEEDED=1.85

at_least() { printf '%s\n%s\n' "$2" "$1" | sort -C -V; }

has_rust() {
	local version
	version=$("$CARGO" --version 2>/dev/null | awk '{ print $2 }')
	[ -n "$version" ] && at_least "$version" "$RUST_NEEDED"
}

# libclang-cpp is another library.
has_libclang() {
	local dir found
	for dir in /usr/lib/llvm-*/lib /usr/lib/*-linux-gnu* /usr/lib /usr/lib64 "${LIBCLANG_PATH:-/none}"; do
		found=("$dir"/libclang.so* "$dir"/libclang-[0-9]*.so*)
		[ ${#found[@]} -eq 0 ] || return 0
	done
	return 1
}

# candidate PACKAGE: the version that apt would install.
candidate() { apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'; }

# The first of several packages of which apt has at least the given version; Debian 12 has a recent Rust as *-web.
rust_package() {
	local package version
	for package in "$@"; do
		version=$(candidate "$package")
		[ -z "$version" ] || ! at_least "$version" "$RUST_NEEDED" || { say "$package"; return; }
	done
	return 1
}

wanted=()
# lacking TEST PACKAGE...
lacking() { "$1" >/dev/null 2>&1 || wanted+=("${@:2}"); }

# cargo downloads what it builds bindgen from.
has_certificates() { [ -e /etc/ssl/certs/ca-certificates.crt ] || [ ! -d /etc/apt ]; }
has_compiler() { command -v cc && command -v make && [ -e /usr/include/stdlib.h ]; }
has_spin() { command -v spin; }
has_pgbouncer() { PATH=$PATH:/usr/sbin command -v pgbouncer; }
has_cxx() { c++ -x c++ -E - <<<'#include <algorithm>'; }
has_rustfmt() { "$CARGO" fmt --version; }
has_clippy() { "$CARGO" clippy --version; }

dry_run='' lint='' fuzz='' models='' poolers=''
for argument in "$@"; do
	case $argument in
		--dry-run) dry_run=1 ;;
		lint) lint=1 ;;
		fuzz) fuzz=1 ;;
		models) models=1 ;;
		poolers) poolers=1 ;;
		*) die "usage: $0 [--dry-run] [lint] [fuzz] [models] [poolers]" ;;
	esac
done

# The major that belongs to PG_CONFIG, or the one that Debian prefers.
major=$(pg_major 2>/dev/null)
if [ -z "$major" ] && command -v apt-cache >/dev/null; then
	major=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/^.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
fi
: "${major:=15}"

lacking has_certificates ca-certificates
lacking has_compiler gcc make libc6-dev
[ -z "$fuzz" ] || lacking has_cxx g++
[ -z "$models" ] || lacking has_spin spin
[ -z "$poolers" ] || [ -z "$(candidate pgbouncer)" ] || lacking has_pgbouncer pgbouncer
lacking has_libclang libclang-dev
lacking pg_config_is_usable "postgresql-$major" "postgresql-server-dev-$major"
rust_hint=
if ! has_rust; then
	if package=$(rust_package cargo cargo-web cargo-1.85); then
		wanted+=("$package")
	else
		rust_hint="cargo $RUST_NEEDED or later is missing and no package has it: install it with rustup"
	fi
fi
if [ -n "$lint" ]; then
	has_rustfmt >/dev/null 2>&1 || ! package=$(rust_package rustfmt rustfmt-web) || wanted+=("$package")
	has_clippy >/dev/null 2>&1 || ! package=$(rust_package rust-clippy rust-web-clippy) || wanted+=("$package")
fi

line="apt-get install -y --no-install-recommends ${wanted[*]}"
if [ ${#wanted[@]} -eq 0 ]; then
	:
elif [ -n "$dry_run" ]; then
	say "$line"
elif [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	say "missing: ${wanted[*]}. On Debian or Ubuntu, as root:" >&2
	die "    $line"
else
	say "installing: ${wanted[*]}"
	# Debian's package makes a server of its own and starts it; nobody here wants that one.
	no_cluster=/etc/postgresql-common/createcluster.d/zz-pg_background-test.conf
	trap 'rm -f "$no_cluster"' EXIT
	trap 'exit 130' INT TERM
	mkdir -p "$(dirname "$no_cluster")"
	say 'create_main_cluster = false' >"$no_cluster"
	apt_install "${wanted[@]}" >/tmp/pgbg-apt.$$ 2>&1 || {
		tail -n 20 /tmp/pgbg-apt.$$
		rm -f /tmp/pgbg-apt.$$
		die "could not install them (apt-get update first?): $line"
	}
	rm -f /tmp/pgbg-apt.$$
fi
[ -z "$rust_hint" ] || die "$rust_hint"
[ -n "$dry_run" ] || pg_config_is_usable || die "$PG_CONFIG still does not lead to a server and its headers: set PG_CONFIG"
