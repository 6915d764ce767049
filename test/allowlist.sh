#!/usr/bin/env bash
# Writes src/pg_sys/allowlist.txt anew: exactly the names of PostgreSQL's that src/ uses.
#
#   test/allowlist.sh            after adding to the list what a change needs (regular expressions will do)
#   test/allowlist.sh --check    fails if the list has a name that nothing uses
#
# It reads the bindings of every major built so far below target/, so that what one major alone has is kept; build with
# each first. What the list has and no bindings know stays if src/ mentions it (it may be of a major not built here).
set -u -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 1
list=src/pg_sys/allowlist.txt

# The words of our own code, without comments.
words() {
	find src -name '*.rs' ! -path '*/tests/*' -exec sed 's,//.*,,' {} + | grep -oE '[A-Za-z_][A-Za-z0-9_]*' | sort -u
}

if [ "${1:-}" = --check ]; then
	# A type may be there for the constants of its enum.
	unused=$(awk 'NR == FNR { used[$1]; next } /^(fn|var) / && !($2 in used) || /^type .*[^A-Za-z0-9_ ]/' <(words) "$list")
	[ -z "$unused" ] || { echo "nothing uses these names of $list (run test/allowlist.sh):"; echo "$unused"; exit 1; }
	exit 0
fi

shopt -s nullglob globstar
bindings=(target/**/build/pg_background-*/out/bindings.rs "$@")
[ ${#bindings[@]} -gt 0 ] || { echo 'build first' >&2; exit 1; }

# "kind name [type of a constant]" for everything in the bindings.
known() {
	cat "${bindings[@]}" |
		grep -oE 'pub (fn [A-Za-z0-9_]+|(type|struct|union) [A-Za-z0-9_]+|static (mut )?[A-Za-z0-9_]+|const [A-Za-z0-9_]+ ?: ?[A-Za-z0-9_]+)' |
		sed -E 's/^pub //; s/^(struct|union) /type /; s/^static (mut )?/var /; s/^const ([A-Za-z0-9_]+) ?: ?([A-Za-z0-9_]+)/var \1 \2/' |
		sort -u
}

new=$(mktemp) || exit 1
trap 'rm -f "$new"' EXIT
{
	sed -n '/^#/p; /^[^#]/q' "$list"
	{
		# A constant of a named enum comes with its type and not by its own name.
		awk 'FILENAME == ARGV[1] { used[$1]; next }
			$1 == "type" { type[$2] }
			!($2 in used) { next }
			$1 == "var" && $3 ~ /^[A-Za-z]/ && $3 !~ /^([ui](8|16|32|64)|usize|bool)$/ { print "type", $3; next }
			{ print $1, $2 }' <(words) <(known)
		awk 'FILENAME == ARGV[1] { used[$1]; next }
			FILENAME == ARGV[2] { known[$1 " " $2]; next }
			/^(fn|type|var) [A-Za-z0-9_]+$/ && ($2 in used) && !(($1 " " $2) in known)' <(words) <(known) "$list"
	} | sort -u | awk '$1 != last { print ""; last = $1 } { print }'
} >"$new"
cat "$new" >"$list"
