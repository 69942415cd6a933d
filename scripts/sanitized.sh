#!/usr/bin/env bash
# sanitized.sh COMMAND...  Runs a command that loads the pjsua2 of `make pjsua2 SANITIZE=1`: the
# sanitizer has to be in the process before anything else is, and libstdc++ before it looks for
# what throws exceptions. Python itself never gives all of its memory back, so leaks are not judged.
set -euo pipefail
preload() {
    local found
    found=$(gcc -print-file-name="$1")
    [ -e "$found" ] || { echo "error: gcc has no $1: apt-get install gcc libstdc++6" >&2; exit 1; }
    readlink -f "$found"
}
asan=$(preload libasan.so)
stdcpp=$(preload libstdc++.so.6)
export LD_PRELOAD="$asan $stdcpp${LD_PRELOAD:+ $LD_PRELOAD}"
export ASAN_OPTIONS="detect_leaks=0:handle_abort=1:allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
exec "$@"
