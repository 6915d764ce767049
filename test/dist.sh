#!/usr/bin/env bash
# test/dist.sh DIR: makes pg_background-VERSION.tar.gz and .zip of the last commit in DIR. With VENDOR=1 they contain the
# crates, and the settings that make cargo use them.
. "$(dirname "$0")/lib.sh"

to=${1:?where to} version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$PGBG_SRC/Cargo.toml" | head -n 1)
name=pg_background-$version
git -C "$PGBG_SRC" rev-parse --verify --quiet HEAD >/dev/null || die 'make dist needs a git repository'
[ -z "$(git -C "$PGBG_SRC" status --porcelain --untracked-files=no)" ] || say 'what is not committed will not be in it' >&2

wrong=$(cd "$PGBG_SRC" && perl test/meta.pl 2>&1)
[ -z "$wrong" ] || die "$wrong"

work_begin dist
cd "$WORK" || exit 1
git -C "$PGBG_SRC" archive --format=tar --prefix="$name/" HEAD | tar -xf - || die 'git archive failed'
made=$(git -C "$PGBG_SRC" log -1 --format=%ct)
if [ -n "${VENDOR:-}" ]; then
	(cd "$name" && "$CARGO" vendor --locked --versioned-dirs vendor >"$WORK/vendor.toml" 2>"$WORK/log/vendor.txt") || die 'cargo vendor failed'
	cat "$WORK/vendor.toml" >>"$name/.cargo/config.toml"
fi
# The same commit makes the same file.
tar --sort=name --mtime="@$made" --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -9n >"$to/$name.tar.gz" ||
	die "cannot write $to/$name.tar.gz"
# The same for the zip, by the one program that is here in any case and writes it. As they are: cargo compares checksums.
export GIT_DIR=$WORK/zip GIT_WORK_TREE=$WORK/$name GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=dist GIT_AUTHOR_EMAIL='' GIT_COMMITTER_NAME=dist GIT_COMMITTER_EMAIL='' GIT_AUTHOR_DATE="@$made +0000" GIT_COMMITTER_DATE="@$made +0000"
git init --quiet && mkdir -p "$GIT_DIR/info" && say '* -text -export-ignore -export-subst' >"$GIT_DIR/info/attributes" &&
	git add --all --force . && git commit --quiet --no-verify -m "$name" &&
	git archive --format=zip --prefix="$name/" HEAD >"$to/$name.zip" || die "cannot write $to/$name.zip"
say "$to/$name.tar.gz" "$to/$name.zip"
