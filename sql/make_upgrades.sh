#!/bin/sh
#
# Writes the upgrade scripts to the version of the one installation script here:
# upgrade.sql.in around the installation script, whose definitions are wrapped
# so that they cope with objects that are there already.
#
#   sql/make_upgrades.sh            writes them
#   sql/make_upgrades.sh --check    fails if those here are not up to date
#
# The scripts for all old versions are the same: what they do depends on what
# they find.

set -eu
cd "$(dirname "$0")"

old_versions='1.6 1.7 1.8 1.9 1.10'
new_version=1.11
fresh=pg_background--$new_version.sql

body() {
    awk '
    # "a int4 DEFAULT 0, b text" -> "int4, text"
    function argument_types(list,    n, parts, words, i, types) {
        n = split(list, parts, / *, */)
        for (i = 1; i <= n; i++) {
            split(parts[i], words, " ")
            types = types (i > 1 ? ", " : "") words[2]
        }
        return types
    }
    function append(list, item) {
        return list (list == "" ? "" : ",\n          ") "\047" item "\047"
    }
    # The header: the file comment, the guard, the long comment.
    header < 2 { if ($0 ~ /\*\/$/) header++; next }

    /^CREATE TYPE / {
        name = $3; attributes = ""; types = ""
        all_types = append(all_types, name)
        in_type = 1; next
    }
    in_type && /^\);$/ {
        printf "SELECT pg_temp.pg_background_define_type(\n"
        printf "    \047%s\047,\n    ARRAY[%s],\n    ARRAY[%s]::regtype[]);\n", name, attributes, types
        in_type = 0; next
    }
    in_type {
        sub(/,$/, "")
        attributes = attributes (attributes == "" ? "" : ", ") "\047" $1 "\047"
        types = types (types == "" ? "" : ", ") "\047" $2 "\047"
        next
    }

    /^CREATE (FUNCTION|VIEW) / {
        signature = $0
        sub(/^CREATE (FUNCTION|VIEW) /, "", signature)
        if ($2 == "FUNCTION") {
            kind = "ROUTINE"
            arguments = signature
            sub(/\(.*/, "", signature)
            sub(/^[^(]*\(/, "", arguments); sub(/\)$/, "", arguments)
            signature = signature "(" argument_types(arguments) ")"
            all_functions = append(all_functions, signature)
        } else {
            kind = "VIEW"
            sub(/ AS$/, "", signature)
            all_views = append(all_views, signature)
        }
        sub(/^CREATE/, "CREATE OR REPLACE")
        printf "SELECT pg_temp.pg_background_define(\047%s\047, \047%s\047, $define$\n", kind, signature
        in_definition = 1
    }
    in_definition {
        if (/\$function\$/) in_body = !in_body
        if (!in_body && /;$/) { sub(/;$/, "$define$);"); in_definition = 0 }
    }

    /^REVOKE / && !settled {
        printf "SELECT pg_temp.pg_background_settle(\n"
        printf "    ARRAY[%s]::regprocedure[],\n", all_functions
        printf "    ARRAY[%s]::regtype[],\n", all_types
        printf "    ARRAY[%s]::regclass[]);\n\n", all_views
        settled = 1
    }
    { print }
    ' "$fresh"
}

upgrade() {
    file=pg_background--$1--$new_version.sql
    cat <<HEADER
/* $file, written by make_upgrades.sh: change $fresh or upgrade.sql.in instead */

\\echo Use "ALTER EXTENSION pg_background UPDATE TO '$new_version'" to load this file. \\quit

HEADER
    sed '/^@BODY@$/,$d' upgrade.sql.in
    body
    sed '1,/^@BODY@$/d' upgrade.sql.in
}

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

for version in $old_versions; do
    upgrade "$version" >"$out/pg_background--$version--$new_version.sql"
done

if [ "${1-}" = --check ]; then
    for file in "$out"/*.sql; do
        cmp "$file" "$(basename "$file")"
    done
else
    cp "$out"/*.sql .
fi
