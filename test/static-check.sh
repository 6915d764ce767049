#!/usr/bin/env bash
# What the compiler does not refuse and docs/ARCHITECTURE.md forbids. Prints file:line for each offence.
set -u
shopt -s lastpipe # refuse counts, and it ends a pipeline
cd "$(dirname "$0")/.." || exit 1

offences=0
# refuse REASON: offending lines on stdin.
refuse() {
	local lines
	lines=$(cat)
	[ -n "$lines" ] || return 0
	printf '%s:\n%s\n' "$1" "$(head -n 20 <<<"$lines")"
	offences=$((offences + 1))
}

# sources FOLDER...: "file:line:text" of the code there, without comments, strings and unit tests. A module of unit
# tests comes last in its file, or is the file tests.rs or the folder tests.
sources() {
	# shellcheck disable=SC2016 # awk's own
	find "$@" -name '*.rs' ! -name tests.rs ! -path '*/tests/*' -print0 | sort -z | xargs -0r awk '
		FNR == 1 { test = 0; pending = 0 }
		/^[ \t]*#\[cfg\((test|all\(test.*)\)\]/ { pending = 1; next }
		pending && /^[ \t]*(pub(\([a-z]*\))? )?mod [a-z_]+ *\{/ { test = 1 }
		pending && !/^[ \t]*#\[/ { pending = 0; next }
		test { next }
		{
			line = $0
			gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
			sub(/\/\/.*/, "", line)
			if (line ~ /[^ \t]/) print FILENAME ":" FNR ": " line
		}'
}

code=$(sources src)
grep -E '\bDrop\b +for\b|\bdrop_in_place\b' <<<"$code" | refuse 'a longjmp over a frame must find nothing to drop'
grep -E 'extern +crate +(std|alloc)\b' <<<"$code" | refuse 'no std, no alloc'
grep -E '(^|[^A-Za-z0-9_:])(std|alloc)::' <<<"$code" | refuse 'no std:: or alloc:: outside unit tests'
grep -E '\bcatch_unwind\b|extern +"C" +fn' <<<"$code" | refuse 'nothing unwinds, and the edge to C is extern "C-unwind"'
awk '/#!?\[allow\(/ { open = 1; where = $0; all = "" } open { all = all $0 } open && /\]/ { open = 0; if (all !~ /reason/) print where }' <<<"$code" |
	grep -v '^src/pg_sys/' | refuse '#[expect] rather than #[allow], and a reason'
grep -E '\b(SIGKILL|thread::spawn)\b' <<<"$code" | refuse 'nothing here sends SIGKILL or starts a thread'

# Cargo.toml promises Rust 1.85; a newer compiler does not mind what 1.85 would not know.
{
	grep -E '&& *let\b' <<<"$code"
	awk '
		{ text = $0; sub(/^[^:]*:[^:]*: /, "", text) }
		buffer == "" && match(text, /(if|while) let /) { buffer = substr(text, RSTART); where = $0; text = "" }
		buffer != "" {
			buffer = buffer " " text
			if (!index(buffer, "{")) next
			sub(/\{.*/, "", buffer)
			while (gsub(/\([^()]*\)|\[[^][]*\]/, "", buffer));
			if (buffer ~ /&&/) print where
			buffer = ""
		}' <<<"$code"
} | sort -u | refuse 'let chains need Rust 1.88'

# The floors: an arrow points down only, and inside a room none leads back.
arrows=$(perl test/arrows.pl <<<"$code")
grep -v '^circle' <<<"$arrows" | refuse 'an arrow points down only'
# Bindings are for those who make them safe, and for the declarations of sql: type OIDs. The crate's root has the module;
# alignments are arithmetic, which whoever checks rows without a server takes by itself.
grep -E '\bpg_sys\b' <<<"$code" | grep -vE '^src/(pg_sys|pg|sql)/|^src/lib.rs:[0-9]+: mod pg_sys;$|^src/channel/wire/.*pg_sys::alignment\b' |
	refuse 'pg_sys outside pg and sql'
grep -E '\bpg_ge_' <<<"$code" | grep -v '^src/pg_sys/' | refuse 'only pg_sys knows versions'
grep '^circle: ' <<<"$arrows" | refuse 'files of a room that need each other'
sources src/channel | grep -E '\bstatic +(mut\b|[A-Z_]+ *: *([a-z:]+::)?(Atomic|Cell|State|UnsafeCell))' | refuse 'channel holds what both processes share, and nothing of one'
git ls-files -z -- 'src/*.rs' | xargs -0 wc -l | awk '$1 > 400 && $2 != "total" { print $2 ": " $1 " lines" }' | refuse 'files of up to 400 lines'

# Mutations apply, name a test that is there, and stand in the tables of docs/TESTING.md, which name no others.
mapfile -t mutations < <(git ls-files -- test/mutations | grep -v README.md)
perl test/mutate.pl --check "${mutations[@]}" | refuse 'mutations that do not apply'
grep -H '^test: ' "${mutations[@]}" | while read -r file kind tests; do
	for test in $tests; do
		case $kind in
			regress) [ -f "regress/sql/$test.sql" ] ;;
			isolation) [ -f "regress/specs/$test.spec" ] ;;
			fault | injection) [ -x "test/$kind/$test.sh" ] ;;
			unit) grep -rqE "\\bfn \\w*$test|mod $test\\b" src || [ -e "src/channel/$test.rs" ] || [ -e "src/$test" ] ;;
			*) false ;;
		esac || echo "$file $kind $test"
	done
done | refuse 'mutations whose test is not there'
broken=$(awk -F' \\| ' '/broken on purpose \|$/ { table = 1; next } !/^\|/ { table = 0 } table && !/^\|---/ { sub(/ *\|$/, "", $NF); print $NF }' docs/TESTING.md | tr -d ' ' | tr ',' '\n' | grep -vx -- - | sort -u)
diff <(printf '%s\n' "${mutations[@]##*/}" | sort -u) - <<<"$broken" | sed -n 's/^</in no table:/p; s/^>/no such file:/p' | refuse 'mutations and docs/TESTING.md'

# What is cited is there.
git ls-files -- src test regress/sql sql docs models bench fuzz .ci Makefile build.rs '*.md' |
	grep -vE '^fuzz/corpus/' | xargs -d '\n' grep -HnoE '[A-Za-z0-9_./-]*[A-Za-z0-9_]\.md\b' |
	while IFS=: read -r file line cited; do
		case $cited in
			*//* | PGBG_SRC/*) ;; # another site's; a variable of the shell
			*) [ -e "$cited" ] || [ -e "$(dirname "$file")/$cited" ] || git ls-files -- "*/$cited" "$cited" | grep -q . || echo "$file:$line: $cited" ;;
		esac
	done | refuse 'cites a document that is not in the repository'

# The decoder is pure.
if [ -d src/channel/wire ]; then
	grep -L 'forbid(unsafe_code)' src/channel/wire/mod.rs | refuse 'the wire decoder forbids unsafe code'
	sources src/channel/wire | grep -E 'crate::pg(_sys)?\b|\bunsafe\b' | grep -v 'crate::pg_sys::alignment\b' |
		refuse 'of the server the wire decoder knows the alignments alone'
fi

# Dependencies: these and no others.
awk '/^\[/ { section = $0 } section ~ /dependencies/ && /^[a-z]/ { print section " " $1 }' Cargo.toml |
	grep -vxE '\[dependencies\] libc|\[build-dependencies\] (bindgen|cc)' | refuse 'dependencies in Cargo.toml'

# The shim: one prefix, in alphabetical order, declared in the same order.
if [ -f src/pg_sys/shim.c ]; then
	grep -nE '^[a-z_0-9]+\(' src/pg_sys/shim.c | grep -vE ':pgbg_' | refuse 'functions of the shim start with pgbg_'
	names=$(grep -oE '^pgbg_[a-z_0-9]+\(' src/pg_sys/shim.c | uniq)
	diff <(LC_ALL=C sort <<<"$names") - <<<"$names" | grep '^>' | refuse 'the shim is in alphabetical order'
	diff <(tr -d '(' <<<"$names") <(sed -nE 's/.*pub fn (pgbg_[a-z_0-9]+)\(.*/\1/p' src/pg_sys/shim.rs) | grep '^[<>]' |
		refuse 'shim.rs has the functions of the shim in their order'
fi

test/allowlist.sh --check 2>&1 | refuse 'src/pg_sys/allowlist.txt is not exact'

# What a test prints where it cannot run is known only to those who have installed no fixtures.
diff <(sed '/^\\quit/,$d' regress/sql/upgrade.sql) <(grep -vx 'the fixtures are not installed: skipped' regress/expected/upgrade_1.out | sed '/^\\quit/,$d') |
	refuse 'regress/expected/upgrade_1.out is what upgrade.sql was'

perl test/meta.pl 2>&1 | refuse 'what is said to those who distribute it'

# What make makes is not in the repository. What is run is executable.
git ls-files 'sql/*--*--*.sql' | refuse 'upgrade scripts are made by make'
git ls-files -s -- '*.sh' | awk '$1 == 100644 && $4 !~ /(^|\/)lib\.sh$/ { print $4 }' | refuse 'scripts that cannot be run'

[ "$offences" -eq 0 ] || { echo "$offences kinds of offences"; exit 1; }
