#!/bin/sh
#
# sql/make_upgrade.sh FROM--TO: prints the upgrade script.
#
# It is upgrade.sql.in around the installation script of version TO, whose
# definitions are wrapped so that they cope with objects that are there
# already.  What it does depends on what it finds, not on FROM.

set -eu
cd "$(dirname "$0")"

# body SCRIPT
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
    ' "$1"
}

to=${1#*--}
fresh=pg_background--$to.sql

cat <<HEADER
/* pg_background--$1.sql, made by make_upgrade.sh of $fresh and upgrade.sql.in */

\\echo Use "ALTER EXTENSION pg_background UPDATE TO '$to'" to load this file. \\quit

HEADER
sed "/^@BODY@\$/,\$d; s/@VERSION@/$to/g" upgrade.sql.in
body "$fresh"
sed "1,/^@BODY@\$/d" upgrade.sql.in
