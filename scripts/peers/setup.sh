#!/usr/bin/env bash
# Real peers for the tests: SIPp and espeak-ng of this system, the ones listed below, and agents.sh's.
#
#   setup.sh               installs what is missing (a second run takes milliseconds)
#   setup.sh --where PEER  prints the folder of one; fails when it is not there or lacks a library
#   setup.sh --versions    prints each peer that is there, and the version of its Debian package
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# What people have in front of an edge, each from the Debian that they have it from: unpacked, not
# installed (see unpack.sh). A new peer is a line here, and a file in tests/support.
#         name        suite     package       program
unpacked="asterisk    sid       asterisk      usr/sbin/asterisk
          asterisk16  bullseye  asterisk      usr/sbin/asterisk
          baresip     bookworm  baresip-core  usr/bin/baresip
          coturn      bookworm  coturn        usr/bin/turnserver
          fail2ban    bookworm  fail2ban      usr/bin/python3.11
          kamailio    bookworm  kamailio      usr/sbin/kamailio
          linphone    bookworm  linphone-cli  usr/bin/linphonec
          prometheus  bookworm  prometheus    usr/bin/prometheus
          sngrep      bookworm  sngrep        usr/bin/sngrep
          tshark      bookworm  tshark        usr/bin/tshark"
installed="sip-tester espeak-ng postgresql chromium-headless-shell"

unpack() { "$here/unpack.sh" "$@"; } # --where|--install NAME SUITE PACKAGE PROGRAM

each() { # each COMMAND...: with every line of `unpacked` behind it
    local name suite package program
    while read -r name suite package program; do
        "$@" "$name" "$suite" "$package" "$program"
    done <<<"$unpacked"
}

where() { [ "$1" != "$2" ] || unpack --where "${@:2}"; }

version() {
    local folder
    ! folder=$(unpack --where "$@") || echo "$1 $(cat "$folder/version")"
}

# The peers come side by side: one waits for the mirror while another is unpacked.
install_all() {
    local job jobs=() failed=0
    start() {
        unpack --install "$@" &
        jobs+=($!)
    }
    each start
    "$here/agents.sh" --install &
    jobs+=($!)
    command -v sipp >/dev/null || "$here/../need.sh" "the tests' SIPp" sip-tester || failed=1
    compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null ||
        "$here/../need.sh" "the tests' PostgreSQL" postgresql || failed=1
    command -v chromium-headless-shell >/dev/null ||
        "$here/../need.sh" "the tests' browser" chromium-headless-shell || failed=1
    for job in "${jobs[@]}"; do wait "$job" || failed=1; done
    return $failed
}

case ${1:-} in
    "") install_all ;;
    --where)
        [ "${2:?--where PEER}" != agents ] || exec "$here/agents.sh" --where
        folder=$(each where "$2")
        [ -n "$folder" ] && echo "$folder"
        ;;
    --versions)
        each version
        "$here/agents.sh" --versions
        for package in $installed; do
            dpkg-query -W -f '${Package} ${Version}\n' "$package" 2>/dev/null || true
        done
        ;;
    *)
        sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
