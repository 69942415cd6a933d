#!/usr/bin/env bash
# need.sh WHAT PACKAGE...  Makes sure that Debian packages are there: installs what is missing when
# root, else names the exact command. WHAT says in the message what they are for.
set -euo pipefail

what=$1
shift
if ! command -v dpkg-query >/dev/null; then
    # Not Debian: the caller's own checks say what is missing, we cannot know the package names here.
    exit 0
fi

missing=()
for package in "$@"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "error: $what needs packages of the system: sudo apt-get install ${missing[*]}" >&2
    exit 1
fi

echo "installing for $what: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Old package lists name files that mirrors have dropped: on failure, refresh once and try again.
if ! "${install[@]}" >"$log" 2>&1 && ! { apt-get update -q && "${install[@]}"; } >"$log" 2>&1; then
    grep -E '^(E|W|Err|dpkg):?' "$log" | tail -n 5 >&2
    echo "error: apt-get could not install it: apt-get update && apt-get install ${missing[*]}" >&2
    exit 1
fi
