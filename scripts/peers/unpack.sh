#!/usr/bin/env bash
# One Debian package with all that it depends on, unpacked into the cache outside the clone.
#
#   unpack.sh --install NAME SUITE PACKAGE PROGRAM
#   unpack.sh --where   NAME SUITE PACKAGE PROGRAM    prints the folder; fails when there is none
#
# FOLDER/NAME starts the program with the libraries beside it, those of the C library included, so
# that any suite's program runs on any Debian. Nothing of it is installed: no chroot, no root, no
# package scripts, and the system's own apt and dpkg state stay as they are.
set -euo pipefail

action=$1 name=$2 suite=$3 package=$4 program=$5
arch=$(dpkg --print-architecture)
key=$({ cat "${BASH_SOURCE[0]}"; echo "$suite $package $program $arch"; } | sha256sum | cut -c1-12)
cache=${SIPUA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sipua}/peers
folder=$cache/$name-$key

say() { echo "peers: $*" >&2; }
die() {
    say "$*"
    exit 1
}

# The version is written last; the loader's list says whether every library is still there.
works() { [ -s "$1/version" ] && "$1/$name" --list-libraries >/dev/null 2>&1; }

# apt itself reads its sources, so both of their formats (and a proxy, or credentials) are honoured.
mirror() {
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' |
        awk -v release="$codename" '$2 == release && $3 == "main" && !/security/ { print $1; exit }'
}

# download DIR: the package and all it depends on, checked by apt's signatures.
download() {
    local apt=$1/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg from archive
    from=${SIPUA_DEBIAN_MIRROR:-$(mirror)}
    [ -n "$from" ] || die "no Debian mirror in apt's sources: set SIPUA_DEBIAN_MIRROR to one"
    [ -r "$keyring" ] || die "Debian's keys are missing: sudo apt-get install debian-archive-keyring"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status" # nothing counts as installed: libc comes along too
    local options=(
        -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status"
        -o Dir::Cache="$apt/cache" -o Dir::Etc::sourcelist="$apt/sources.list"
        -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null
        -o Dir::Etc::preferencesparts=/dev/null -o APT::Install-Recommends=false
        -o Acquire::Languages=none -o APT::Sandbox::User=root -o Debug::NoLocking=true
        -o Acquire::Retries=3 -o APT::Update::Error-Mode=any
    )
    update() {
        echo "deb [signed-by=$keyring] $1 $suite main" >"$apt/sources.list"
        apt-get -qq "${options[@]}" "${@:2}" update
    }
    # Debian's mirrors drop an old suite some day; its archive keeps it under a name like theirs.
    archive=${from/\/\/deb./\/\/archive.}
    update "$from" 2>"$apt/errors" ||
        { [ "$archive" != "$from" ] && update "$archive" -o Acquire::Check-Valid-Until=false; } ||
        { cat "$apt/errors" >&2; die "$from has no usable $suite: set SIPUA_DEBIAN_MIRROR to a mirror with it"; }
    apt-get -qq -y "${options[@]}" --download-only install "$package" >/dev/null
}

# launcher DIR: a command that starts the unpacked program with the unpacked libraries.
launcher() (
    cd "$1"
    shopt -s nullglob
    # Older suites have the C library under /lib, and Asterisk's right under /usr/lib. PulseAudio's
    # client and Kamailio keep some in folders of their own, which they know by absolute paths.
    local loader=({usr/,}lib/*/ld-linux*.so.*)
    local folders=(usr/lib/ {usr/,}lib/*-linux-*/{,pulseaudio/,kamailio/})
    cat >"$name" <<LAUNCHER
#!/bin/sh
# \`--list-libraries\` alone lists what would be loaded, and fails when something is missing.
here=\$(dirname "\$(readlink -f "\$0")")
[ "\$1" = --list-libraries ] && { set -- ; list=--list; }
exec "\$here/$loader" \$list --library-path "$(printf '$here/%s:' "${folders[@]}")" "\$here/$program" "\$@"
LAUNCHER
    chmod +x "$name"
)

install() {
    works "$folder" && return
    mkdir -p "$cache"
    exec 9>"$cache/$name-$key.lock"
    flock 9 # two clones may start at once: the second finds the work done
    works "$folder" && return
    say "unpacking $package of Debian $suite into $folder"
    local build
    build=$(mktemp -d "$cache/$name-$key.XXXXXX")
    # shellcheck disable=SC2064 # the name of today's folder, not of a later one
    trap "rm -rf '$build'" EXIT
    download "$build"
    local archives=("$build"/apt/cache/archives/*.deb)
    printf '%s\0' "${archives[@]}" | xargs -0 -P 2 -I DEB dpkg-deb -x DEB "$build"
    dpkg-deb -f "$build/apt/cache/archives/${package}"_*.deb Version >"$build/version"
    rm -rf "$build/apt" "$build"/usr/share/{doc,man,locale} "$build/usr/lib/debug"
    launcher "$build"
    works "$build" || die "$("$build/$name" --list-libraries 2>&1 | grep 'not found' || true)"
    rm -rf "$folder"
    chmod 755 "$build"
    mv "$build" "$folder"
    say "$name $(cat "$folder/version") is ready"
}

case $action in
    --install) install ;;
    --where) works "$folder" && echo "$folder" ;;
esac
