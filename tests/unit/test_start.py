"""What a process imports at its start: each one pays for it, in time and in memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

SOUND = ("numpy", "soxr", "websockets", "sipua.bridge.call", "sipua.bridge.engine_link")
"""The work of a worker."""
SIGNALLING = ("pjsua2", "sipua.sip.pj", "dns")
"""The work of the edge's process."""


def imported(module: str) -> set[str]:
    """All modules that an import of this one brings into a process of its own."""
    code = f"import sys, {module}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("sipua.config", (*SOUND, *SIGNALLING, "asyncio", "sipua.bridge.events")),
        ("sipua.edge.app", (*SOUND, "dns", "sipua.bridge.events")),
        ("sipua.edge.outbound", (*SOUND, "dns", "sipua.bridge.events")),
        ("sipua.edge.workers.fork_server", (*SOUND, *SIGNALLING)),
        ("sipua.worker.process", SIGNALLING),
        ("sipua.bridge.agent.__main__", ("pydantic", "sipua.config", *SIGNALLING)),
        ("sipua.cli.main", ("asyncio", "pydantic", *SOUND, *SIGNALLING)),
        ("sipua.cli.config.documents", (*SOUND, *SIGNALLING)),
        ("sipua.doctor.doctor", ("asyncio", "pydantic", *SOUND, *SIGNALLING)),
    ],
)
def test_what_a_start_does_without(module: str, without: tuple[str, ...]) -> None:
    assert imported(module) & set(without) == set()
