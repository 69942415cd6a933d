#!/usr/bin/env bash
# Other people's agents for telephony in an environment of their own, in the cache outside the clone:
# what they need in all is more than the tests should have beside them.
#
#   agents.sh --install    as requirements/agents.lock and pipecat.lock say, without anything else
#   agents.sh --where      prints the folder; fails when there is none
#   agents.sh --versions   prints each of the agents, and its version
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
requirements=$here/../../requirements
locks=("$requirements/agents.lock" "$requirements/pipecat.lock")
python=${PYTHON:-python3}

key=$({ cat "${BASH_SOURCE[0]}" "${locks[@]}"; "$python" -V; uname -m; } | sha256sum | cut -c1-12)
cache=${SIPUA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sipua}/peers
folder=$cache/agents-$key

# Written last.
works() { [ -s "$folder/version" ]; }

install() {
    works && return
    mkdir -p "$cache"
    exec 9>"$folder.lock"
    flock 9 # two clones may start at once: the second finds the work done
    works && return
    echo "peers: installing other people's agents into $folder" >&2
    rm -rf "$folder"
    "$python" -m venv "$folder"
    local lock
    for lock in "${locks[@]}"; do
        "$folder/bin/python" -m pip install -qq --disable-pip-version-check --no-deps \
            --require-hashes -r "$lock"
    done
    sed -n 's/^\(pipecat-ai\|twilio-agent-connect\)==\([^ ]*\).*/\1 \2/p' "${locks[@]}" >"$folder/version"
}

case ${1:-} in
    --install) install ;;
    --where) works && echo "$folder" ;;
    --versions) ! works || cat "$folder/version" ;;
esac
