#!/usr/bin/env bash
# lock.sh  Resolves every lock in requirements/ anew: exact versions with hashes, for all platforms
# and Pythons that pyproject.toml allows, and no index named. pjsua2 has a lock of its own, because
# the production build takes its place.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" install -qq uv

lock() { # lock NAME ARGUMENT...: what `uv pip compile` gets besides the common options
    local name=$1
    shift
    "$tools/bin/uv" pip compile -q --universal --python-version 3.11 --generate-hashes --upgrade \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        --output-file "requirements/$name.lock" "$@"
}

lock run pyproject.toml --no-emit-package pjsua2-python
lock dev pyproject.toml --extra dev --constraints requirements/run.lock --no-emit-package pjsua2-python
echo 'pjsua2-python>=2.15.1' | lock pjsua2-index -
printf '%s\n' 'setuptools>=77' | lock build -
printf '%s\n' 'atheris>=3,<3.1' | lock fuzz - # 3.1 has no wheel for Python 3.11
printf '%s\n' 'setuptools>=77' swig wheel | lock pjsua2-build -
# Other people's agents (scripts/peers/agents.sh). Of pipecat's dependencies those that its part for
# telephony imports: all of them would be half a gigabyte.
printf '%s\n' twilio-agent-connect fastapi uvicorn websockets loguru numpy pydantic 'soxr~=1.0.0' \
    wait_for2 loudness docstring_parser sentencex pillow aiofiles opentelemetry-api python-multipart \
    | lock agents -
echo 'pipecat-ai' | lock pipecat - --no-deps
