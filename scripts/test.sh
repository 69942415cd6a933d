#!/usr/bin/env bash
# test.sh  The whole suite, in five parts, each with as many tests beside each other as it bears:
#   units   all but what starts a real edge; `make lint` takes one core beside them
#   sound   calls that are judged frame by frame: four beside each other take a half of two slow cores
#   peers   the other calls take real time and little of the processor: more of them than cores
#   few     tens of calls, and figures of single ones: two beside each other
#   alone   a hundred calls, and floods: nothing beside them
set -euo pipefail
cd "$(dirname "$0")/.."

export TESTS_SAME_EXAMPLES=1 # of hypothesis: see tests/conftest.py
calls=(tests/peers tests/integration)

# part NAME ARGUMENTS OF PYTEST...
part() {
    local name=$1 began=$SECONDS
    shift
    echo "== $name"
    .venv/bin/python -m pytest -q "$@" || return
    echo "== $name: $((SECONDS - began)) s"
}

beside=(--dist loadgroup --no-loadscope-reorder "${calls[@]}")
failed=0
mkdir -p build
make lint >build/lint.log 2>&1 &
linted=$!
part units -n 4 --dist worksteal "${calls[@]/#/--ignore=}" || failed=1
wait "$linted" || failed=1
cat build/lint.log
[ "$failed" = 0 ] || exit 1
part sound -n 4 "${beside[@]}" -m "sound and not few"
part peers -n 6 --durations 12 --durations-min 10 "${beside[@]}" -m "not sound and not few and not alone"
part few -n 2 "${beside[@]}" -m few
part alone "${calls[@]}" -m alone
