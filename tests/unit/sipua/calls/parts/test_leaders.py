from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from sipua.calls.parts.leaders import Leaders

pytestmark = pytest.mark.usefixtures("virtual_clock")


def start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work, name=name)


class Log(list[str]):
    async def lead(self, name: str, lets_go_s: float = 0.0) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(lets_go_s)
            self.append(f"{name} has let go")


async def test_who_is_to_lead_alone_waits_until_the_others_have_let_go() -> None:
    log, leaders = Log(), Leaders(start)
    leaders.open(log.lead("opening", 2), "opening")
    leaders.start(log.lead("goodbye", 1), "goodbye")

    async def documents() -> None:
        await leaders.alone()
        log.append("documents lead")

    await asyncio.sleep(1)
    await leaders.start(documents(), "documents")
    assert log == ["goodbye has let go", "opening has let go", "documents lead"]
    await leaders.alone()


async def test_one_that_has_not_begun_never_does() -> None:
    """Of two orders in the same moment the second counts."""
    log, leaders = Log(), Leaders(start)

    async def order(name: str) -> None:
        await leaders.alone()
        log.append(name)

    for name in ("first", "second"):
        leaders.cancel()
        last = leaders.start(order(name), name)
    await last
    await asyncio.sleep(1)
    assert log == ["second"]


async def test_the_opening_alone_is_stopped() -> None:
    log, leaders = Log(), Leaders(start)
    leaders.stop_opening()
    leaders.start(log.lead("goodbye"), "goodbye")
    leaders.open(log.lead("opening"), "opening")
    await asyncio.sleep(1)
    leaders.stop_opening()
    await asyncio.sleep(1)
    assert log == ["opening has let go"]
    leaders.let_go()
    leaders.stop_opening()


async def test_one_of_them_ends_the_others_and_not_itself() -> None:
    log, leaders = Log(), Leaders(start)
    leaders.start(log.lead("menu"), "menu")

    async def fallback() -> None:
        leaders.cancel()
        await leaders.alone()
        log.append("fallback goes on")

    await asyncio.sleep(1)
    await leaders.start(fallback(), "fallback")
    assert log == ["menu has let go", "fallback goes on"]
