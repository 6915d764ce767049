#!/usr/bin/env bash
# The documents tell the truth: their SQL runs, their output is what comes out, docs/REFERENCE.md has everything there is.
#
# Every block that is fenced as sql is run. The blocks below one heading are one psql session, those of one document share
# a database. Words after "sql" say what is special about a block:
#
#   error=42804     its last statement, and no other, fails with that SQLSTATE
#   min=17          needs that major version at least
#   needs=dblink    needs that library to be there
#   setting=NAME    needs that setting to exist
#
# A block fenced as text right below is what psql -q shows for it. DOCS="README.md" restricts the run to some documents.
. "$(dirname "$0")/../lib.sh"
suite_begin
{ cluster_init docs 'max_worker_processes = 16' 'timezone = UTC' && cluster_start docs; } || die 'the server did not start'

: "${DOCS:=README.md SECURITY.md docs/REFERENCE.md docs/MIGRATION.md docs/OPERATIONS.md docs/COOKBOOK.md docs/ARCHITECTURE.md}"
REFERENCE=$PGBG_SRC/docs/REFERENCE.md
MAJOR=$(pg_major)

# shellcheck disable=SC2317 # t_ok calls it
# split DOCUMENT DIR: DIR/NUMBER.title for each heading with SQL below it, and for each of its blocks DIR/NUMBER.BLOCK.sql,
# .words and, if it shows output, .wanted.
split() {
	mkdir -p "$2"
	awk -v dir="$2" '
		function close_block() {
			if (last !~ /;[ \t]*(--.*)?$/ && last !~ /\\[a-z]/) {
				print FILENAME ":" NR ": a block of SQL has to end with a semicolon or a psql command" > "/dev/stderr"
				exit 1
			}
			print "\\echo @@end " block " :SQLSTATE" > file
			close(file)
		}
		fence == "" && /^#+ / { title = $0; sub(/^#+ /, "", title); block = 0 }
		fence != "" && /^ *```[ \t]*$/ {
			if (fence == "sql") close_block()
			if (fence == "text") close(wanted)
			fence = ""; next
		}
		fence == "sql" { print > file; if ($0 ~ /[^ \t]/) last = $0; next }
		fence == "text" { print > wanted; next }
		fence != "" { next }
		/^ *```sql/ {
			if (block == 0) print title > sprintf("%s/%03d.title", dir, ++sections)
			base = sprintf("%s/%03d.%02d", dir, sections, ++block)
			file = base ".sql"; wanted = base ".wanted"; last = ""; fence = "sql"; after_sql = 1
			words = $0; sub(/^ *```sql[ \t]*/, "", words)
			print words > (base ".words"); close(base ".words")
			print "\\set ON_ERROR_STOP " (words ~ /error=/ ? "off" : "on") > file
			print "\\echo @@begin " block > file
			next
		}
		/^ *```text/ && after_sql { fence = "text"; printf "" > wanted; after_sql = 0; next }
		/^ *```/ { fence = "other"; after_sql = 0; next }
		/[^ \t]/ { after_sql = 0 }
	' "$1"
}

# word NAME WORDS: the value of NAME=value.
word() { sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" <<<"$2"; }

# excuse WORDS: why a block with these words cannot run here.
excuse() {
	local value
	value=$(word min "$1")
	[ -z "$value" ] || [ "$MAJOR" -ge "$value" ] || say "PostgreSQL $value"
	value=$(word needs "$1")
	[ -z "$value" ] || sql "LOAD '$value'" >/dev/null 2>&1 || say "$value"
	value=$(word setting "$1")
	[ -z "$value" ] || [ -n "$(sql "LOAD 'pg_background'; SELECT current_setting('$value', true)")" ] || say "$value"
}

# trim: without trailing blanks and blank lines at the end.
trim() { sed 's/[ \t]*$//' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'; }

# between BLOCK FILE: what a block printed.
between() { awk -v n="$1" '$0 == "@@end " n || $0 ~ "^@@end " n " " { exit } on { print } $0 == "@@begin " n { on = 1 }' "$2"; }

# run_section DOCUMENT BASE: the blocks of one heading, in one session.
run_section() {
	local base=$2 name file n reason out=$2.out state errors wanted blocks=()
	name="$1: $(cat "$base.title")"
	for file in "$base".*.sql; do
		n=${file%.sql} n=$((10#${n##*.}))
		reason=$(excuse "$(cat "${file%.sql}.words")" | head -n 1)
		if [ -n "$reason" ]; then say "  skip  $name, block $n ($reason)"; else blocks+=("$file"); fi
	done
	[ ${#blocks[@]} -gt 0 ] || return 0
	cat "${blocks[@]}" | timeout 120 psql -Xq >"$out" 2>&1
	# Jobs outlive their session.
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_background'" >/dev/null
	wait_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_background'"
	for file in "${blocks[@]}"; do
		file=${file%.sql} n=$((10#${file##*.}))
		state=$(sed -n "s/^@@end $n //p" "$out")
		errors=$(between "$n" "$out" | grep -cE '^(ERROR|FATAL): |^invalid command')
		wanted=$(word error "$(cat "$file.words")")
		if [ "$state" = "${wanted:-00000}" ] && [ "$errors" -eq "$([ -n "$wanted" ] && say 1 || say 0)" ]; then
			pass "$name, block $n"
		else
			fail "$name, block $n" "SQLSTATE: ${state:-none, psql ended} (wanted ${wanted:-00000})" "$(between "$n" "$out" | tail -n 12)"
		fi
		[ ! -f "$file.wanted" ] ||
			t_is "$name, output of block $n" "$(between "$n" "$out" | trim)" "$(trim <"$file.wanted")"
	done
}

for document in $DOCS; do
	[ -f "$PGBG_SRC/$document" ] || { fail "$document exists"; continue; }
	dir=$WORK/cluster/.docs-$(basename "$document" .md)
	t_ok "$document: its blocks are understood" split "$PGBG_SRC/$document" "$dir"
	sql 'CREATE DATABASE docs'
	PGDATABASE=docs
	# README shows CREATE EXTENSION.
	[ "$document" = README.md ] || sql 'CREATE EXTENSION pg_background'
	for base in "$dir"/*.title; do run_section "$document" "${base%.title}"; done
	PGDATABASE=postgres
	sql 'DROP DATABASE docs'
done
sql 'CREATE EXTENSION pg_background'

# Links between the documents: the file is there, and so is the heading, as GitHub makes anchors of headings.
anchors() {
	sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}
broken=
for document in $DOCS CHANGELOG.md; do
	file=$PGBG_SRC/$document
	while read -r link; do
		case $link in http*|mailto:*) continue ;; esac
		target=$file
		[ -z "${link%%#*}" ] || target=$(dirname "$file")/${link%%#*}
		if [ ! -e "$target" ]; then
			broken+="$document: $link"$'\n'
		elif [[ $link == *#* ]] && ! anchors "$target" | grep -qxF -- "${link##*#}"; then
			broken+="$document: $link"$'\n'
		fi
	done < <(grep -oE '\]\([^) ]+\)' "$file" | sed 's/^](//; s/)$//')
done
t_is 'no link between the documents is broken' "$broken" ''

# missing QUERY: what the query yields and docs/REFERENCE.md does not say word for word.
missing() {
	local line all
	all=$(sql "$1") && [ -n "$all" ] || { say 'the query fails'; return; }
	while read -r line; do grep -qF -- "$line" "$REFERENCE" || say "$line"; done <<<"$all"
}

# The SQL of the examples in docs/REFERENCE.md.
EXAMPLES=$(awk '/^```/ { on = /^```sql/; next } on' "$REFERENCE")

MEMBERS="SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_background'"
SETTINGS="LOAD 'pg_background'; SELECT %s FROM pg_settings WHERE name LIKE 'pg\\_background.%%'"
COLUMNS="string_agg(attname || ' ' || typname, ', ' ORDER BY attnum)
	FROM pg_attribute a JOIN pg_type ct ON ct.oid = a.atttypid WHERE attnum > 0 AND NOT attisdropped AND attrelid ="

t_is 'every function is in the reference with its arguments and result' "$(missing "
	SELECT format('%s(%s) → %s', proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid))
	FROM pg_proc p JOIN ($MEMBERS) m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid")" ''
t_is 'every type is in the reference with its columns' "$(missing "
	SELECT format('| \`%s\` | %s |', t.typname, (SELECT $COLUMNS t.typrelid))
	FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
	     JOIN ($MEMBERS) m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid")" ''
t_is 'every view is in the reference with its columns' "$(missing "
	SELECT format('| \`%s\` | %s |', c.relname, (SELECT $COLUMNS c.oid))
	FROM pg_class c JOIN ($MEMBERS) m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid WHERE c.relkind = 'v'")" ''
# shellcheck disable=SC2059 # the format is ours
t_is 'every setting is in the reference with its default' "$(missing "$(printf "$SETTINGS" \
	"format('| \`%s\` | %s |', name, coalesce('\`' || nullif(CASE context WHEN 'sighup' THEN current_setting(name) ELSE set_config(name, boot_val, false) END, '') || '\`', 'empty'))")")" ''
# One that stands behind a view of its name is called by looking at the view.
t_is 'every function is called in an example' "$(sql "
	SELECT DISTINCT proname FROM pg_proc p JOIN ($MEMBERS) m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
	WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.relname = p.proname AND c.relnamespace = p.pronamespace AND c.relkind = 'v')" |
	while read -r name; do grep -qE "\\b$name\\(" <<<"$EXAMPLES" || say "$name"; done)" ''
t_is 'every SQLSTATE of the code is in the reference' "$(
	sed -n 's/.*sqlstate(b"\([0-9A-Z]\{5\}\)").*/\1/p' "$PGBG_SRC/src/pg/error.rs" | sort -u |
	while read -r code; do grep -qF "| \`$code\` |" "$REFERENCE" || say "$code"; done)" ''

log_allow 'FATAL: +terminating connection due to transaction timeout'
t_done
