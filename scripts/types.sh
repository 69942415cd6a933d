#!/usr/bin/env bash
# types.sh  mypy over everything. It does not follow the hook of an editable install, so it gets the
# package as it would be installed: a folder of links.
set -euo pipefail
cd "$(dirname "$0")/.."
mypy=$PWD/.venv/bin/mypy
config=(--config-file "$PWD/pyproject.toml" --cache-dir "$PWD/.mypy_cache")

links=.venv/types/sipua
rm -rf "$links"
mkdir -p "$links"
ln -s "$PWD"/sipua/* "$PWD"/rtp "$PWD"/codecs "$PWD"/bridge "$links"
ln -s "$PWD"/benchmarks "$links"/bench
(cd .venv/types && "$mypy" "${config[@]}" -p sipua)
# setup.py runs inside the build, where the stubs of setuptools are not.
(cd scripts/build_pjsua2 && "$mypy" "${config[@]}" __main__.py)
(cd scripts && "$mypy" "${config[@]}" environment.py)
