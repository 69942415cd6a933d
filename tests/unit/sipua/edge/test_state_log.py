"""The line `edge.state`: written when something has changed, and by every edge with calls."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest import mock

import structlog

from sipua.edge.state_log import StateLog


async def test_it_is_written_when_something_has_changed() -> None:
    calls: list[object] = []
    ports, workers = mock.Mock(), mock.Mock()
    ports.stats.return_value = {"in_use": 0, "resting": 3}
    workers.counts.return_value = [{"worker": 1, "pid": 7, "calls": 0, "tasks": 2, "memory_mb": 46}]
    with structlog.testing.capture_logs() as lines:
        state = StateLog(lambda: 0.001, calls, ports, workers)  # type: ignore[arg-type]
        task = asyncio.create_task(state.run())
        await _until(lines, 1)
        await asyncio.sleep(0.05)
        assert len(lines) == 1
        calls.append(object())
        await _until(lines, 2)
        task.cancel()
    first, second = lines
    assert (first["event"], first["calls"], second["calls"]) == ("edge.state", 0, 1)
    assert (first["ports"], first["ports_resting"]) == (0, 3)
    assert first["tasks"] >= 2
    assert first["workers"][0]["tasks"] == 2


async def _until(lines: list[Any], count: int) -> None:
    async with asyncio.timeout(10):
        while len(lines) < count:
            await asyncio.sleep(0.001)
