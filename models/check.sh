#!/usr/bin/env bash
# The models of the protocol (models/*.pml), searched exhaustively by spin. Each promise is broken on purpose as well
# (-DBREAK_...), and the search has to notice: a model that cannot fail proves nothing.
#
#   models/check.sh [MODEL...]     about a minute; prints the states that each search has seen
#
# A model says in its comments which function of src each of its steps is ("fn ROOM::FILE::NAME", or "fn ROOM::NAME"): one
# that src does not have is a failure, too.
set -u
cd "$(dirname "$0")" || exit 1
command -v spin >/dev/null || { echo "spin is missing: test/install-deps.sh installs it"; exit 1; }
work=$(mktemp -d /tmp/pgbg-models.XXXXXX)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
	echo "  FAIL  $*"
	failures=$((failures + 1))
}

# search MODEL NAME OPTION...: the last lines of a search in $work/NAME.out; 1 where spin or the compiler refuses.
search() {
	local model=$1 name=$2 directory=$work/$2
	shift 2
	mkdir "$directory" && cd "$directory" || exit 1
	spin -a "$@" "$OLDPWD/$model.pml" >../"$name.out" 2>&1 &&
		"${CC:-cc}" -O2 -w -DSAFETY -DNOFAIR -DCOLLAPSE -DVECTORSZ=2048 -o pan pan.c >>../"$name.out" 2>&1 &&
		timeout 300 ./pan -m1000000 >../"$name.out" 2>&1
	cd "$OLDPWD" || exit 1
	grep -q '^State-vector' "$work/$name.out"
}

# holds MODEL CONFIGURATION: no error in any state, and all of them were seen.
holds() {
	local model=$1 name="$1-$2"
	if search "$model" "$name" "-D$2" && grep -q 'errors: 0$' "$work/$name.out" &&
		! grep -qE 'Search not completed|max search depth' "$work/$name.out"; then
		printf '  ok    %-28s %9d states\n' "$model, $2" \
			"$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$work/$name.out")"
	else
		fail "$model, $2"
		grep -vE '^Depth|^$' "$work/$name.out" | head -8
	fi
	[ ! -f "$work/$name/$model.pml.trail" ] || {
		cp "$work/$name/$model.pml.trail" "/tmp/$model.pml.trail"
		echo "        spin -t -p -g -k /tmp/$model.pml.trail -D$2 models/$model.pml tells the way"
	}
}

# notices MODEL CONFIGURATION PROMISE: the search finds that it was broken.
notices() {
	local model=$1 name="$1-$2-$3"
	if search "$model" "$name" "-D$2" "-DBREAK_$3" && grep -qE 'errors: [1-9]' "$work/$name.out"; then
		printf '  ok    %-28s noticed: %s\n' "$model, $3" \
			"$(sed -n 's/^pan:[0-9]*: \(.*\) (at depth.*/\1/p' "$work/$name.out" | head -n 1)"
	else
		fail "$model, $2: nothing notices that $3 is broken"
		grep -vE '^Depth|^$' "$work/$name.out" | head -8
	fi
}

# Where a promise is to be broken under: the first line of each model's comment "check: CONFIGURATION PROMISE...".
for model in ${*:-$(basename -s .pml -- *.pml)}; do
	while read -r configuration promises; do
		holds "$model" "$configuration"
		for promise in $promises; do
			notices "$model" "$configuration" "$promise"
		done
	done < <(sed -n 's/^ \* check: //p' "$model.pml")
	for promise in $(grep -oE 'BREAK_[a-z_]+' "$model.pml" | sort -u); do
		sed -n 's/^ \* check: //p' "$model.pml" | grep -qw "${promise#BREAK_}" || fail "$model: nothing breaks ${promise#BREAK_}"
	done
	while IFS=: read -r path name; do
		grep -rqE "\bfn $name\b" "../src/$path" "../src/$path.rs" 2>/dev/null || fail "$model: src/$path has no fn $name"
	done < <(grep -oE '\bfn [a-z_]+(::[a-z_]+)+' "$model.pml" | sort -u |
		sed -E 's/^fn //; s/::([a-z_]+)$/:\1/; s|::|/|g')
done

[ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
