"""`sipua call` to a server that is not there: what is known is said at once."""

import os
import re
import socket
import subprocess
import sys
import time

import pytest

from support.ports import LOOPBACK

pytestmark = pytest.mark.peer


def call(uri: str, *, ring_s: int = 20) -> tuple[int, str, float]:
    """Exit code, what was printed, and how long the call took by its own clock."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("SIPUA_")}
    process = subprocess.run(
        [sys.executable, "-m", "sipua", "call", uri],
        env=env | {"SIPUA_CALLS__RING_TIMEOUT_S": str(ring_s)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    at_ms = {what: float(ms) for ms, what in re.findall(r"([\d.]+) ms  (\w+)", process.stdout)}
    return process.returncode, process.stdout, (at_ms["ended"] - at_ms["invite"]) / 1000


def test_a_closed_port_ends_the_call_at_once(closed_port: int) -> None:
    code, told, took_s = call(f"sip:agent@{LOOPBACK}:{closed_port}")
    assert code == 6
    assert f"{LOOPBACK}:{closed_port} is closed: no SIP server listens there by UDP" in told
    assert took_s < 10, "and not when it has rung for long enough"


def test_whose_answer_is_waited_for_is_said_after_three_seconds() -> None:
    began = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((LOOPBACK, 0))
        port = silent.getsockname()[1]
        code, told, took_s = call(f"sip:agent@{LOOPBACK}:{port}", ring_s=5)
    assert code == 6
    assert f"waiting   answer_from={LOOPBACK}:{port}  at_most_s=5" in told
    assert 4 < took_s < time.monotonic() - began
