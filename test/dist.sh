#!/usr/bin/env bash
# test/dist.sh DIR: makes pg_background-VERSION.tar.gz and .zip of the last commit in DIR. With VENDOR=1 the first one
# contains the crates, and the settings that make cargo use them.
. "$(dirname "$0")/lib.sh"

to=${1:?where to} version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$PGBG_SRC/Cargo.toml" | head -n 1)
name=pg_background-$version
git -C "$PGBG_SRC" rev-parse --verify --quiet HEAD >/dev/null || die 'make dist needs a git repository'
[ -z "$(git -C "$PGBG_SRC" status --porcelain --untracked-files=no)" ] || say 'what is not committed will not be in it' >&2

# The version is in several places.
grep -q "\"version\": \"$version\",$" "$PGBG_SRC/META.json" || die "META.json is not of version $version"
grep -q "^default_version = '${version%.*}'" "$PGBG_SRC/pg_background.control" || die "pg_background.control is not of version $version"
grep -q "^pg-background ($version-" "$PGBG_SRC/debian/changelog" || die "debian/changelog is not of version $version"
[ -f "$PGBG_SRC/sql/pg_background--${version%.*}.sql" ] || die "no SQL script of version $version"

work_begin dist
cd "$WORK" || exit 1
git -C "$PGBG_SRC" archive --format=tar --prefix="$name/" HEAD | tar -xf - || die 'git archive failed'
git -C "$PGBG_SRC" archive --format=zip --prefix="$name/" HEAD >"$to/$name.zip" || die "cannot write $to/$name.zip"
made=$(git -C "$PGBG_SRC" log -1 --format=%ct)
if [ -n "${VENDOR:-}" ]; then
	(cd "$name" && "$CARGO" vendor --locked --versioned-dirs vendor >"$WORK/vendor.toml" 2>"$WORK/log/vendor.txt") || die 'cargo vendor failed'
	cat "$WORK/vendor.toml" >>"$name/.cargo/config.toml"
fi
# The same commit makes the same file.
tar --sort=name --mtime="@$made" --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -9n >"$to/$name.tar.gz" ||
	die "cannot write $to/$name.tar.gz"
say "$to/$name.tar.gz" "$to/$name.zip"
