#!/usr/bin/env bash
# types.sh  mypy over everything: the package as it is imported (the links of environment.py), and the
# scripts that set it up.
set -euo pipefail
cd "$(dirname "$0")/.."
mypy=("$PWD/.venv/bin/mypy" --config-file "$PWD/pyproject.toml" --cache-dir "$PWD/.mypy_cache")

(cd .venv/src && "${mypy[@]}" -p sipua)
# setup.py runs inside the build, where the stubs of setuptools are not.
(cd scripts/build_pjsua2 && "${mypy[@]}" __main__.py)
(cd scripts && "${mypy[@]}" environment.py)
(cd scripts/supply && MYPYPATH=../build_pjsua2 "${mypy[@]}" licences.py audit.py sbom.py)
