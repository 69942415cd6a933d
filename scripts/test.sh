#!/usr/bin/env bash
# test.sh  The whole suite, in four parts. What is decided by calls in real time takes little of the
# processor, and what takes much of it is not decided by time:
#   sound   calls that are judged frame by frame; few beside each other
#   units   all but what starts a real edge; meanwhile, with what those calls leave of the processor
#   peers   the other calls; more of them than cores
#   alone   many calls, and figures: nothing beside them
set -euo pipefail
cd "$(dirname "$0")/.."

calls=(tests/peers tests/integration)
log=$(mktemp)
units=
trap '[ -z "$units" ] || kill "$units" 2>/dev/null; rm -f "$log"' EXIT

# part NAME COMMAND...
part() {
    local name=$1 began=$SECONDS
    shift
    echo "== $name"
    "$@"
    echo "== $name: $((SECONDS - began)) s"
}

pytest=(.venv/bin/python -m pytest -q)
# The idle class: a call that has something to do gets the processor at once.
part units setpriv --pdeathsig TERM chrt --idle 0 "${pytest[@]}" -n 2 --dist worksteal \
    "${calls[@]/#/--ignore=}" >"$log" 2>&1 &
units=$!
beside=(--dist loadgroup --no-loadscope-reorder "${calls[@]}")
part sound "${pytest[@]}" -n 3 "${beside[@]}" -m sound
wait "$units" && ended=0 || ended=$?
units=
cat "$log"
[ "$ended" = 0 ] || exit "$ended"
part peers "${pytest[@]}" -n 5 "${beside[@]}" -m "not sound and not alone"
part alone "${pytest[@]}" "${calls[@]}" -m alone
