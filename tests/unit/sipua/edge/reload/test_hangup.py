"""SIGHUP: a reload, unless the terminal has gone."""

from __future__ import annotations

import asyncio
import os
import pty
import signal

import pytest

from sipua.edge.reload import hangup


async def told(reload_or_end: list[str]) -> str:
    os.kill(os.getpid(), signal.SIGHUP)
    async with asyncio.timeout(5):
        while not reload_or_end:
            await asyncio.sleep(0.001)
    return reload_or_end.pop()


async def test_it_is_a_reload_and_the_end_when_the_terminal_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[str] = []
    ours, theirs = pty.openpty()
    monkeypatch.setattr(hangup, "_STANDARD", (theirs,))
    try:
        hangup.on_hangup(lambda: found.append("reload"), lambda: found.append("end"))
        assert await told(found) == "reload"
        os.close(ours)
        assert await told(found) == "end"
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        os.close(theirs)


async def test_without_a_terminal_it_is_always_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    monkeypatch.setattr(hangup, "_STANDARD", ())
    try:
        hangup.on_hangup(lambda: found.append("reload"), lambda: found.append("end"))
        assert await told(found) == "reload"
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
