#!/usr/bin/env bash
# env.sh FOLDER run|dev best|production|index
# Makes FOLDER a Python environment for this clone: finds a Python that can, and leaves the rest to
# environment.py.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "error: $*" >&2
    exit 1
}

# find_python CANDIDATE...: the path of the first that is new enough
find_python() {
    local candidate
    for candidate in "$@"; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

if [ -n "${PYTHON:-}" ]; then
    python=$(find_python "$PYTHON") || fail "PYTHON=$PYTHON is not a Python, or is older than 3.11"
else
    usual=(python3 python3.13 python3.12 python3.11)
    if ! python=$(find_python "${usual[@]}"); then
        scripts/need.sh sipua python3 python3-venv
        python=$(find_python "${usual[@]}") ||
            fail "no Python 3.11 or newer here ($(python3 --version 2>&1 | tail -n 1)): PYTHON=/path/to/python make ..."
    fi
fi

exec "$python" scripts/environment.py "$@"
