#!/usr/bin/env bash
# Real peers for the tests: SIPp from this system's packages, and the Asterisk of Debian sid.
#
#   setup.sh           installs what is missing (a second run takes milliseconds)
#   setup.sh --where   prints the folder of the Asterisk; fails when there is none that works
#
# Debian 12 has no Asterisk. sid's is unpacked, with every library it needs, into the cache outside
# the clone, and started through the loader beside it. Nothing of it is installed: no chroot, no
# root, no package scripts, and the system's own apt and dpkg state stay as they are.
set -euo pipefail

suite=sid
arch=$(dpkg --print-architecture)
key=$({ cat "$0"; echo "$suite $arch"; } | sha256sum | cut -c1-12)
cache=${SIPUA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sipua}/asterisk
asterisk=$cache/$key

say() { echo "peers: $*" >&2; }
die() {
    say "$*"
    exit 1
}

# The stamp is written last and names what was unpacked; `-V` loads every library of the program.
works() { [ -s "$1/installed" ] && "$1/asterisk" -V >/dev/null 2>&1; }

# apt itself reads its sources, so both of their formats (and a proxy, or credentials) are honoured.
mirror() {
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' |
        awk -v release="$codename" '$2 == release && $3 == "main" && !/security/ { print $1; exit }'
}

install_sipp() {
    command -v sipp >/dev/null && return
    [ "$(id -u)" = 0 ] || die "SIPp is missing: sudo apt-get install -y sip-tester"
    say "installing SIPp"
    local install="apt-get -qq -y -o DPkg::Lock::Timeout=300 install sip-tester"
    export DEBIAN_FRONTEND=noninteractive
    # Fresh containers have no package lists; fetch them only then.
    $install >/dev/null 2>&1 || { apt-get -qq update && $install >/dev/null; }
}

# download DIR: the packages of Asterisk and of all it depends on, checked by apt's signatures.
download() {
    local apt=$1/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg from
    from=${SIPUA_DEBIAN_MIRROR:-$(mirror)}
    [ -n "$from" ] || die "no Debian mirror in apt's sources: set SIPUA_DEBIAN_MIRROR to one"
    [ -r "$keyring" ] || die "Debian's keys are missing: sudo apt-get install debian-archive-keyring"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status" # nothing counts as installed: libc comes along too
    echo "deb [signed-by=$keyring] $from $suite main" >"$apt/sources.list"
    local options=(
        -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status"
        -o Dir::Cache="$apt/cache" -o Dir::Etc::sourcelist="$apt/sources.list"
        -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null
        -o Dir::Etc::preferencesparts=/dev/null -o APT::Install-Recommends=false
        -o Acquire::Languages=none -o APT::Sandbox::User=root -o Debug::NoLocking=true
    )
    apt-get -qq "${options[@]}" update
    apt-get -qq -y "${options[@]}" --download-only install asterisk >/dev/null
}

# launcher DIR: a command that starts the unpacked program with the unpacked libraries.
launcher() {
    local loader
    loader=$(cd "$1" && ls usr/lib/*/ld-linux*.so.* | head -n 1)
    cat >"$1/asterisk" <<LAUNCHER
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
exec "\$here/$loader" --library-path "\$here/$(dirname "$loader")" "\$here/usr/sbin/asterisk" "\$@"
LAUNCHER
    chmod +x "$1/asterisk"
}

install_asterisk() {
    works "$asterisk" && return
    mkdir -p "$cache"
    exec 9>"$cache/$key.lock"
    flock 9 # two clones may start at once: the second finds the work done
    works "$asterisk" && return
    say "unpacking Asterisk from Debian $suite into $asterisk"
    local build
    build=$(mktemp -d "$cache/$key.XXXXXX")
    # shellcheck disable=SC2064 # the name of today's folder, not of a later one
    trap "rm -rf '$build'" EXIT
    download "$build"
    printf '%s\0' "$build"/apt/cache/archives/*.deb | xargs -0 -P 2 -I DEB dpkg-deb -x DEB "$build"
    rm -rf "$build/apt" "$build"/usr/share/{doc,man,locale}
    launcher "$build"
    "$build/asterisk" -V >"$build/installed"
    rm -rf "$asterisk"
    chmod 755 "$build"
    mv "$build" "$asterisk"
    works "$asterisk" || die "the Asterisk in $asterisk does not start"
}

if [ "${1:-}" = --where ]; then
    works "$asterisk" || exit 1
    echo "$asterisk"
    exit
fi
install_sipp
install_asterisk
say "SIPp and $(cat "$asterisk/installed") are ready"
