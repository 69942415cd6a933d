#!/usr/bin/env bash
# env.sh FOLDER run|dev best|production|index
# Makes FOLDER a Python environment with the locked dependencies, this clone (editable) and pjsua2:
# `production` builds that one if it must, `index` takes the small one, `best` takes the production
# build if there is one. Does nothing when nothing has changed.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1 kind=$2 pjsua2=$3

fail() {
    echo "error: $*" >&2
    exit 1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    if [ -n "${PYTHON:-}" ]; then
        fail "PYTHON=$PYTHON is not a Python, or is older than 3.11"
    fi
    fail "no Python 3.11 or newer found: apt-get install python3 python3-venv, or PYTHON=/path/to/python make ..."
}

python=$(find_python)
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    scripts/need.sh "a Python environment" "python$version-venv"
    "$python" -c 'import ensurepip' 2>/dev/null || fail "$python has no module ensurepip, which makes environments"
fi

exec 9>"$folder.lock" # two `make` at once take turns
flock 9

[ -e "$folder/dev" ] && kind=dev # an environment that tests have used keeps their tools
case $pjsua2 in
    production) wheel=$("$python" scripts/build_pjsua2 ${UPDATE:+--update}) ;;
    best) wheel=$("$python" scripts/build_pjsua2 --cached) || wheel= ;;
    index) wheel= ;;
esac

base='import sys; print(sys.base_prefix, sys.version)'
locks=("requirements/build.lock" "requirements/$kind.lock" requirements/pjsua2-index.lock)
stamp=$(
    pwd
    "$python" -c "$base"
    cat pyproject.toml "${locks[@]}" scripts/env.sh
    if [ -n "$wheel" ]; then sha256sum "$wheel"; fi
)
stamp=$(sha256sum <<<"$stamp")
if [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit
fi

if [ -n "$wheel" ]; then
    describe=${wheel##*/pjsua2_python-}
    describe="production build ${describe%%-*}"
else
    describe="the small one from the package index"
fi
echo "setting up $folder (pjsua2: $describe)" >&2
if [ "$("$folder/bin/python" -c "$base" 2>/dev/null)" != "$("$python" -c "$base")" ]; then
    "$python" -m venv --clear "$folder"
fi
rm -f "$folder/stamp"
install() { "$folder/bin/python" -m pip install -qq --disable-pip-version-check "$@"; }
install --require-hashes -r requirements/build.lock -r "requirements/$kind.lock"
if [ -n "$wheel" ]; then
    install --no-index --no-deps --force-reinstall "$wheel"
    "$folder/bin/python" -c 'import pjsua2' ||
        fail "the cached pjsua2 does not load: apt-get install libssl3 libsrtp2-1 libuuid1, or build it anew: rm -r $(dirname "$wheel") && make pjsua2"
else
    install --require-hashes --no-deps --force-reinstall -r requirements/pjsua2-index.lock ||
        fail "the index has no pjsua2 for this Python or machine; build it: make pjsua2"
fi
install --no-build-isolation --no-deps --editable .
[ "$kind" = dev ] && touch "$folder/dev"
echo "$stamp" >"$folder/stamp"
