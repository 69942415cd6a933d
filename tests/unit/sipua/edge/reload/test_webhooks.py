"""Webhooks that take the place of others: what fails is tried again, and the last wish counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.config import Config
from sipua.edge.reload import webhooks
from sipua.edge.reload.webhooks import WebhooksInUse
from sipua.events.stream import EventStream
from sipua.outputs.hooks.settings import HookSettings
from support.process import until


class Fake:
    def __init__(self, bed: Bed, settings: HookSettings) -> None:
        self._bed = bed
        self.name = settings.endpoints[0].name

    async def start(self) -> None:
        await self._do("start")

    async def take_over(self, old: Fake) -> None:
        await self._do(f"take over {old.name}")

    async def stop(self) -> None:
        await self._do("stop")

    async def _do(self, what: str) -> None:
        await asyncio.sleep(0)
        self._bed.done.append(f"{self.name}: {what}")
        if self.name in self._bed.failing:
            raise OSError("no")


class Bed:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing: set[str] = set()
        """These webhooks fail in whatever they do."""
        self.unmade: set[str] = set()
        """These cannot even be made."""

    def made(self, settings: HookSettings | None, _events: EventStream) -> Fake | None:
        if settings is None:
            return None
        if settings.endpoints[0].name in self.unmade:
            raise OSError("no")
        return Fake(self, settings)


@pytest.fixture
def bed(monkeypatch: pytest.MonkeyPatch) -> Bed:
    found = Bed()
    monkeypatch.setattr(webhooks, "_made", found.made)
    return found


def config(*names: str) -> Config:
    found: list[dict[str, Any]] = [{"name": one, "url": "https://x.example/"} for one in names]
    return Config.model_validate({"webhooks": tuple(found)})


async def settled(in_use: WebhooksInUse) -> None:
    """Until nothing is under way."""
    await asyncio.sleep(0.001)
    await until(lambda: not in_use._one_at_a_time.locked())


async def test_one_takes_over_from_another_and_the_same_changes_nothing(bed: Bed) -> None:
    in_use = WebhooksInUse(config("a"), EventStream("n"))
    await in_use.start()
    for name in "abb":
        in_use.use(config(name))
        await settled(in_use)
    assert bed.done == ["a: start", "b: take over a"]
    in_use.use(config())
    await settled(in_use)
    in_use.use(config("c"))
    await settled(in_use)
    assert bed.done[2:] == ["b: stop", "c: start"]


async def test_what_has_failed_is_tried_again_by_the_next_reload_of_the_same(bed: Bed) -> None:
    in_use = WebhooksInUse(config("a"), EventStream("n"))
    await in_use.start()
    bed.failing = {"b"}
    with capture_logs() as logs:
        in_use.use(config("b"))
        await settled(in_use)
    assert [line["event"] for line in logs] == ["webhook.failed_inside"]
    bed.failing = set()
    in_use.use(config("b"))
    await settled(in_use)
    assert bed.done == ["a: start", "b: take over a", "b: take over b"]
    in_use.use(config("b"))
    await settled(in_use)
    assert len(bed.done) == 3


async def test_those_in_use_stay_where_no_others_can_be_made(bed: Bed) -> None:
    in_use = WebhooksInUse(config("a"), EventStream("n"))
    await in_use.start()
    bed.unmade = {"b"}
    with capture_logs():
        in_use.use(config("b"))
        await settled(in_use)
    bed.unmade = set()
    in_use.use(config("b"))
    await settled(in_use)
    assert bed.done == ["a: start", "b: take over a"]


async def test_of_many_reloads_at_once_the_last_counts(bed: Bed) -> None:
    in_use = WebhooksInUse(config("a"), EventStream("n"))
    await in_use.start()
    for name in "bcba":
        in_use.use(config(name))
    await settled(in_use)
    assert bed.done == ["a: start"]
    in_use.use(config("b"))
    await asyncio.sleep(0)  # it has begun
    in_use.use(config("a"))
    await settled(in_use)
    assert bed.done == ["a: start", "b: take over a", "a: take over b"]
