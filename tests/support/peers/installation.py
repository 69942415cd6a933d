"""Where `make peers` put the peers that it has unpacked."""

import functools
import subprocess
from pathlib import Path

SETUP = Path(__file__).parents[3] / "scripts" / "peers" / "setup.sh"


@functools.cache
def installation(peer: str) -> Path:
    """Its folder; the program of the same name in it starts it, wherever it is called from."""
    where = subprocess.run(
        [SETUP, "--where", peer], capture_output=True, text=True, check=False, timeout=60
    )
    if where.returncode:
        raise RuntimeError(f"there is no {peer} on this machine: run make peers")
    return Path(where.stdout.strip())
