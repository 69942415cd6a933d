#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET...]  Runs the fuzzers of tests/fuzz/, all of them or some, so long each:
#   fuzz_TARGET.py  readers of foreign bytes, led by coverage. What crashes lies in build/fuzz/ and is
#                   run again by naming it:
#                   .venv-fuzz/bin/python tests/fuzz/fuzz_rtp.py build/fuzz/crash-...
#   sip             the signalling of a real edge, whose pjsua2 has sanitizers (half of the time)
#   sounds          the decoder of sounds that documents play, whose C is a wheel's
#   api             the API of a real edge, asked what its OpenAPI document allows, and what it does not
# All targets run; the exit status tells whether any has found something.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true

# The readers, by libFuzzer.
reader() {
    local target=$1 corpus=build/fuzz/$1
    scripts/env.sh .venv-fuzz run best || return
    .venv-fuzz/bin/python -c 'import atheris' 2>/dev/null ||
        .venv-fuzz/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
            -r requirements/fuzz.lock || return
    mkdir -p "$corpus"
    .venv-fuzz/bin/python "tests/fuzz/fuzz_$target.py" "$corpus" -max_total_time="$seconds" \
        -artifact_prefix=build/fuzz/ -max_len=4096 -print_final_stats=1 2>&1 |
        grep -v -e '^INFO:' -e '^#'
}

sip() {
    scripts/env.sh .venv dev production || return
    SANITIZE=1 scripts/env.sh .venv-asan run production || return
    .venv/bin/python tests/fuzz/sip.py $((seconds / 2)) --sanitized
}

api() {
    scripts/env.sh .venv dev production || return
    FUZZ_API_S=$seconds .venv/bin/python -m pytest -q --timeout $((seconds + 600)) \
        tests/peers/control/test_openapi.py
}

sounds() {
    scripts/env.sh .venv dev production || return
    .venv/bin/python tests/fuzz/sounds.py "$seconds"
}

if [ $# -eq 0 ]; then
    set -- sip api sounds
    for file in tests/fuzz/fuzz_*.py; do
        target=${file#tests/fuzz/fuzz_}
        set -- "$@" "${target%.py}"
    done
fi
failed=0
for target in "$@"; do
    echo "fuzzing $target" >&2
    case $target in
        sip | api | sounds) "$target" || failed=1 ;;
        *) reader "$target" || failed=1 ;;
    esac
done
exit "$failed"
