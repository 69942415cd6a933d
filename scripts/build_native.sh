#!/usr/bin/env bash
# build_native.sh PYTHON [OUT]: compiles codecs/_kernel.c, for every Python from 3.11 on; to where
# this clone looks for it, or to OUT. What it needs of the system is installed, or named.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 out=${2:-codecs/_kernel.abi3.so}
include=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
packages=()
command -v "${CC:-cc}" >/dev/null || packages+=(gcc libc6-dev)
[ -e "$include/Python.h" ] || packages+=("$(basename "$include")-dev")
[ ${#packages[@]} -eq 0 ] || scripts/need.sh "compiling the kernel" "${packages[@]}"
[ -e "$include/Python.h" ] || {
    echo "error: $include/Python.h is missing: install the headers of this Python (python3-dev)" >&2
    exit 1
}
# No -march: it runs on each processor of this kind, and its sums are the same on all.
"${CC:-cc}" -O3 -Wall -Wextra -Wno-unused-parameter -Wno-cast-function-type -shared -fPIC \
    "-I$include" codecs/_kernel.c -o "$out.new"
mv "$out.new" "$out" # at once: an edge that starts now must not load half of it
if [ $# = 1 ]; then
    "$python" -c 'from sipua.codecs import native; raise SystemExit(native.why_not or 0)'
    echo "$out is ready: an edge that starts from now on uses it"
fi
