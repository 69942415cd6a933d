"""A port that another process has: one line that says whose it is and what to type."""

import os
import socket
import subprocess
import sys

import pytest

from support.ports import LOOPBACK

pytestmark = pytest.mark.peer


def test_a_taken_port_is_one_line() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOOPBACK, 0))
        port = taken.getsockname()[1]
        env = {key: value for key, value in os.environ.items() if not key.startswith("SIPUA_")}
        process = subprocess.run(
            [sys.executable, "-m", "sipua", "serve", "--json"],
            env=env | {"SIPUA_SIP__PORT": str(port), "SIPUA_LOG__LEVEL": "info"},
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
    assert process.returncode == 4
    lines = [line for line in process.stderr.splitlines() if "sip.accept" not in line]
    assert len(lines) == 1, lines
    assert '"event":"edge.port_taken"' in lines[0]
    assert f'"port":{port}' in lines[0]
    assert f"SIPUA_SIP__PORT={port + 10}" in lines[0]
