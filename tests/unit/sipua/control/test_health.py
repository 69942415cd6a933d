"""Probes: all are answered, and the edge's loop is asked only so often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sipua.control.http.problems import Kind, ProblemError
from sipua.control.resources import health
from sipua.control.resources.health import HealthResource


class Link:
    def __init__(self) -> None:
        self.asked = 0
        self.silent = False
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def ask(self, question: Callable[[], Any]) -> Any:
        self.asked += 1
        await self.go_on.wait()
        if self.silent:
            raise ProblemError(Kind.EDGE_SILENT)
        return question()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    found = SimpleNamespace(now=0.0, monotonic=lambda: found.now)
    monkeypatch.setattr(health, "time", found)
    return found


def made(link: Link) -> HealthResource:
    edge: Any = SimpleNamespace(state=lambda: None)
    nothing: Any = None
    return HealthResource(nothing, nothing, cast("Any", link), edge)


async def test_a_flood_of_probes_shares_answers(clock: SimpleNamespace) -> None:
    link = Link()
    resource = made(link)
    for _ in range(1000):
        await resource._live(cast("Any", None))
    assert link.asked == 1 + health._PER_SECOND
    clock.now += 60.0
    await resource._live(cast("Any", None))
    assert link.asked == 2 + health._PER_SECOND


@pytest.mark.usefixtures("clock")
async def test_who_goes_away_takes_no_answer_from_the_others() -> None:
    link = Link()
    link.go_on.clear()
    resource = made(link)
    link.silent = True
    probes = [asyncio.create_task(resource._live(cast("Any", None))) for _ in range(40)]
    await asyncio.sleep(0)
    probes[-1].cancel()
    link.go_on.set()
    found = await asyncio.gather(*probes, return_exceptions=True)
    assert isinstance(found.pop(), asyncio.CancelledError)
    assert all(isinstance(one, ProblemError) for one in found)
    assert link.asked == 1 + health._PER_SECOND
