#!/usr/bin/env bash
# pythons.sh [VERSION...]  The unit tests, and calls with real peers, by each supported Python that
# this machine has; each gets an environment of its own in build/pythons/. Says which it found and
# which not.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- 3.11 3.12 3.13
calls=(tests/peers/calls/test_audio.py tests/peers/signalling/test_hold.py tests/peers/asterisk/test_dial.py)
folder=build/pythons
mkdir -p "$folder"

# find_python VERSION: PATH's, pyenv's or uv's. A shim of pyenv may be there and still not run.
find_python() {
    local candidate
    for candidate in "python$1" python3 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python \
        "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}"/cpython-"$1".*/bin/python3; do
        if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# judge VERSION PYTHON
judge() {
    PYTHON=$2 scripts/env.sh "$folder/$1" dev production || return
    local pytest=("$folder/$1/bin/python" -m pytest -q -n 4 --dist worksteal)
    "${pytest[@]}" -m "not peer and not slow and not sound and not few and not alone" || return
    "${pytest[@]}" -n 0 "${calls[@]}"
}

results=()
failed=0
for version in "$@"; do
    if ! python=$(find_python "$version"); then
        results+=("$version  not on this machine")
    elif echo "== Python $version ($python)" && judge "$version" "$python"; then
        results+=("$version  passed ($python)")
    else
        results+=("$version  FAILED ($python)")
        failed=1
    fi
done
printf 'Python %s\n' "${results[@]}"
exit $failed
