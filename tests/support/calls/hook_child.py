"""Webhooks in a process of their own, that ends itself as `kill -9` does, at a step that is given.

    python -m support.calls.hook_child DIRECTORY URL STEP COUNT EVENTS

Kills itself at the COUNTth time of STEP, having told up to EVENTS events; with the step "never" it
ends when nothing waits any more.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sipua.outputs.hooks import reading, spool
from sipua.outputs.hooks.sender import Sender
from support.calls.hook_bed import Bed

STEPS = ("in a transaction", "behind a transaction", "before a request", "behind an answer")
_LONGEST_S = 20.0


def _killer(count: int) -> Callable[[], None]:
    left = [count]

    def step() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def _break(step: str, kill: Callable[[], None]) -> None:
    transaction, send = spool.transaction, Sender.send

    @contextmanager
    def breaking(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        with transaction(database):
            yield database
            if step == "in a transaction":
                kill()
        if step == "behind a transaction":
            kill()

    async def sending(self: Sender, *args: Any) -> Any:
        if step == "before a request":
            kill()
        answer = await send(self, *args)
        if step == "behind an answer":
            kill()
        return answer

    spool.transaction = breaking
    Sender.send = sending  # type: ignore[method-assign]


async def main(home: Path, url: str, step: str, count: int, events: int) -> None:
    if step != "never":
        _break(step, _killer(count))
    bed = Bed(home)
    await bed.start(url)
    async with asyncio.timeout(_LONGEST_S):
        for number in range(events):
            bed.happens("turn.caller", f"c-{number % 3}", number)
            await asyncio.sleep(0.02)
        while any(state.waiting for state in reading.endpoints(home)):
            await asyncio.sleep(0.05)
    await bed.stop()


if __name__ == "__main__":
    asyncio.run(
        main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    )
