#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET...]  Runs tests/fuzz/fuzz_TARGET.py (all of them) so long each, in an
# environment of its own. What crashes lies in build/fuzz/ and is run again by naming it:
#   .venv-fuzz/bin/python tests/fuzz/fuzz_rtp.py build/fuzz/crash-...
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true

scripts/env.sh .venv-fuzz run best
.venv-fuzz/bin/python -c 'import atheris' 2>/dev/null ||
    .venv-fuzz/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
        -r requirements/fuzz.lock

if [ $# -eq 0 ]; then
    for file in tests/fuzz/fuzz_*.py; do
        target=${file#tests/fuzz/fuzz_}
        set -- "$@" "${target%.py}"
    done
fi
for target in "$@"; do
    corpus=build/fuzz/$target
    mkdir -p "$corpus"
    echo "fuzzing $target for $seconds s" >&2
    .venv-fuzz/bin/python "tests/fuzz/fuzz_$target.py" "$corpus" -max_total_time="$seconds" \
        -artifact_prefix=build/fuzz/ -max_len=4096 -print_final_stats=1 2>&1 |
        grep -v -e '^INFO:' -e '^#'
done
