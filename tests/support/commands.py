"""Commands of `sipua` as a shell runs them, against the API of an edge."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.calls.api import TOKENS, Api


def environment(home: Path, api: Api, right: str = "admin") -> dict[str, str]:
    token = home / f"token-{right}"
    token.write_text(TOKENS[right])
    clean = {name: value for name, value in os.environ.items() if name[:6] != "SIPUA_"}
    clean.pop("NO_COLOR", None)
    path = f"{Path(sys.executable).parent}:{clean['PATH']}"
    return {
        **clean,
        "PATH": path,
        "SIPUA_API_URL": api.url,
        "SIPUA_TOKEN_FILE": str(token),
    }


def shell(script: str, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-uo", "pipefail", "-c", script],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
