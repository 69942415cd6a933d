"""`sipua bench joint`: joints and plain relays on real sockets; few, briefly."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.few


@pytest.mark.slow
def test_each_packet_passes_the_joint() -> None:
    command = [sys.executable, "-m", "sipua", "bench", "joint", "--joints", "2", "--seconds", "2"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = {line[:14].strip(): line.split() for line in ran.stdout.splitlines()}
    assert rows["plain relay"][-3:] == rows["joint"][-3:] == ["400", "of", "400"]
    assert float(rows["a joint adds"][3]) < 20
