"""The configurations of a worker: calls keep theirs, and an old one is freed with its last call."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sipua.config import Config
from sipua.edge.workers.process import in_memory
from sipua.events.teller import keep_back
from sipua.worker.call.parts import CallParts, PartsError
from sipua.worker.generations import Generations
from sipua.worker.link import config_copy
from sipua.worker.link.messages import ConfigTried, NewConfig, ToEdge

URL = "ws://127.0.0.1:9/x"


def config(**engine: Any) -> Config:
    return Config.model_validate({"engine": {"url": URL, **engine}})


class Side:
    def __init__(self) -> None:
        self.told: list[ToEdge] = []
        self.generations = Generations(self.told.append, lambda _name, _reached: None, keep_back)

    def new(self, number: int, wanted: Config) -> None:
        descriptor = in_memory(config_copy.to_bytes(wanted))
        copy = os.dup(descriptor.fileno())
        descriptor.close()
        self.generations.make(NewConfig(number, ""), [copy])

    async def tried(self, number: int) -> ConfigTried:
        async with asyncio.timeout(10):
            while True:
                for one in self.told:
                    if isinstance(one, ConfigTried) and one.generation == number:
                        return one
                await asyncio.sleep(0.002)

    async def held(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.generations) != count:
                await asyncio.sleep(0.002)


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    side = Side()
    async with side.generations as generations:
        await generations.begin(1, config(instructions="one"), "")
        yield side


def instructions(side: Side) -> str:
    return side.generations.current.parts.make.__self__._routes[""].profile.instructions


async def test_a_new_one_is_for_calls_that_begin(side: Side) -> None:
    with ExitStack() as call:
        old = side.generations.hold(call)
        side.new(2, config(instructions="two"))
        assert (await side.tried(2)).error == ""
        assert side.generations.current is old, "it is used when all workers have it"
        side.generations.use(2)
        assert instructions(side) == "two"
        assert old.parts._routes[""].profile.instructions == "one"
        assert len(side.generations) == 2
    await side.held(1)


async def test_one_without_calls_is_freed_at_once(side: Side) -> None:
    side.new(2, config())
    await side.tried(2)
    side.generations.use(2)
    await side.held(1)


async def test_one_that_is_given_up_is_freed(side: Side) -> None:
    side.new(2, config())
    await side.tried(2)
    assert len(side.generations) == 2
    side.generations.use(1)
    await side.held(1)
    assert side.generations.current.number == 1


async def test_one_that_is_given_up_while_it_is_made_is_freed(side: Side) -> None:
    side.new(2, config())
    side.generations.use(1)
    await side.tried(2)
    await side.held(1)


async def test_one_that_cannot_be_made_changes_nothing(side: Side) -> None:
    unfit = Config.model_validate({"tools": {"python": ("no_such_module:f",)}})
    side.new(2, unfit)
    answer = await side.tried(2)
    assert "no_such_module" in answer.error
    assert answer.fix == "the section [tools]"
    assert (len(side.generations), side.generations.current.number) == (1, 1)


async def test_a_copy_that_is_none_changes_nothing(side: Side) -> None:
    side.generations.make(NewConfig(2, ""), [])
    assert "OSError" in (await side.tried(2)).error
    assert len(side.generations) == 1


async def test_the_first_one_may_be_unfit() -> None:
    unfit = Config.model_validate({"tools": {"python": ("no_such_module:f",)}})
    async with Side().generations as generations:
        with pytest.raises(PartsError, match="no_such_module"):
            await generations.begin(1, unfit, "")


async def test_the_loop_goes_on_while_a_slow_tool_is_imported(
    side: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_tool_of_reload.py").write_text(
        'import time\ntime.sleep(0.3)\ndef find() -> str:\n    """Finds what is asked for."""\n'
        '    return "x"\n'
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    side.new(2, Config.model_validate({"tools": {"python": ("slow_tool_of_reload:find",)}}))
    turns = 0
    while not side.told:
        turns += 1
        await asyncio.sleep(0.005)
    assert (await side.tried(2)).error == ""
    assert turns > 3, "one or two, if the loop waited for it"


async def test_fifty_reloads_leave_nothing_behind(side: Side, tmp_path: Path) -> None:
    everything = {
        "engine": {"url": URL, "spare_sessions": 1},
        "record": {"enabled": True, "directory": str(tmp_path)},
        "tools": {
            "webhooks": [
                {"name": "find", "description": "Finds what is asked for.", "url": "http://[::1]:9"}
            ]
        },
    }
    before: set[str] = set()
    for number in range(2, 52):
        side.new(number, Config.model_validate(everything))
        assert (await side.tried(number)).error == ""
        side.generations.use(number)
        await side.held(1)
        side.told.clear()
        if number == 3:
            before = {thread.name for thread in threading.enumerate()}
    async with asyncio.timeout(30):
        while len({one for one in threading.enumerate() if one.name == "webhooks"}) > 1:
            await asyncio.sleep(0.01)
        while len({one for one in threading.enumerate() if one.name == "records"}) > 1:
            await asyncio.sleep(0.01)
    left = {thread.name for thread in threading.enumerate()} - before
    # The loop has as many threads for others' work as were needed at once.
    assert {name for name in left if not name.startswith("asyncio_")} == set()


async def test_one_that_is_given_up_while_it_starts_is_stopped_behind_that(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()
    start, stop = CallParts.start, CallParts.stop

    async def slow_start(parts: CallParts) -> None:
        begun.set()
        await go_on.wait()
        await start(parts)
        steps.append("started")

    async def noted_stop(parts: CallParts) -> None:
        steps.append("stopped")
        await stop(parts)

    monkeypatch.setattr(CallParts, "start", slow_start)
    monkeypatch.setattr(CallParts, "stop", noted_stop)
    side.new(2, config(instructions="two"))
    async with asyncio.timeout(10):
        await begun.wait()
    side.generations.use(1)
    await asyncio.sleep(0)
    go_on.set()
    await side.tried(2)
    await side.held(1)
    async with asyncio.timeout(10):
        while len(steps) < 2:
            await asyncio.sleep(0.002)
    assert steps == ["started", "stopped"]
