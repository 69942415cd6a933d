"""Which versions of the peers are here, and with which the suite was proved."""

import functools
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

from support.peers.installation import SETUP

_PROVED = Path(__file__).parents[2] / "peers" / "proved.toml"


def proved() -> dict[str, str]:
    return {peer: str(version) for peer, version in tomllib.loads(_PROVED.read_text()).items()}


@functools.cache
def found() -> Mapping[str, str]:
    """Of the peers that are here; empty when even that cannot be found out."""
    told = subprocess.run(
        [SETUP, "--versions"], capture_output=True, text=True, check=False, timeout=60
    )
    lines = (line.split() for line in told.stdout.splitlines())
    return {line[0]: line[1] for line in lines if len(line) == 2}


def comparison(found: Mapping[str, str], proved: Mapping[str, str]) -> str:
    """For the report of a failed test."""
    lines = []
    for peer in sorted(found.keys() | proved.keys()):
        here = found.get(peer, "not there: run make peers")
        same = here == proved.get(peer)
        lines.append(f"{peer} {here}" + ("" if same else f"  <-- proved with {proved.get(peer)}"))
    if found == proved:
        lines.append("These are the versions that the suite was proved with.")
    else:
        lines.append(
            "The marked ones differ from tests/peers/proved.toml: look there first for what a "
            "peer does differently."
        )
    return "\n".join(lines)
