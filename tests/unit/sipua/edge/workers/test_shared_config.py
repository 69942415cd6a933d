"""Another configuration for workers: all can, or nothing changes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import pytest

from sipua.config import Config
from sipua.edge.workers import process, shared_config
from sipua.edge.workers.shared_config import SharedConfig, UnfitConfigError
from sipua.worker.link.channel import Descriptor
from sipua.worker.link.messages import ConfigTried, NewConfig, ToWorker, UseConfig

OTHER = Config.model_validate({"calls": {"wait_s": 9}})


class Bed:
    def __init__(self, *ready: int) -> None:
        self.sent: list[tuple[int, ToWorker]] = []
        self.shared = SharedConfig(Config(), self.send)
        for worker in ready:
            self.shared.begun(worker)
            self.shared.ready(worker)

    def send(self, worker: int, message: ToWorker, passed: Sequence[Descriptor]) -> None:
        self.sent.append((worker, message))
        for one in passed:
            one.close()

    async def trying(self) -> asyncio.Task[None]:
        task = asyncio.create_task(self.shared.try_out(OTHER, "ws://agent"))
        await asyncio.sleep(0)
        return task


async def test_it_is_used_when_all_can() -> None:
    bed = Bed(1, 2)
    task = await bed.trying()
    assert bed.sent == [(1, NewConfig(2, "ws://agent")), (2, NewConfig(2, "ws://agent"))]
    bed.shared.answered(1, ConfigTried(2))
    await asyncio.sleep(0)
    assert not task.done()
    bed.shared.answered(2, ConfigTried(2))
    await task
    before = bed.shared.data
    bed.shared.use_tried()
    assert bed.sent[2:] == [(1, UseConfig(2)), (2, UseConfig(2))]
    assert (bed.shared.generation, bed.shared.agent_url) == (2, "ws://agent")
    assert bed.shared.data != before


async def test_one_that_cannot_refuses_for_all() -> None:
    bed = Bed(1, 2)
    task = await bed.trying()
    bed.shared.answered(2, ConfigTried(2, "tools.failed: no such module", "the section [tools]"))
    with pytest.raises(UnfitConfigError, match=r"worker 2: tools\.failed") as raised:
        await task
    assert raised.value.fix == "the section [tools]"
    bed.shared.give_up()
    bed.shared.answered(1, ConfigTried(2))  # too late
    assert bed.sent[2:] == [(1, UseConfig(1)), (2, UseConfig(1))]
    assert bed.shared.generation == 1


async def test_a_late_answer_about_a_refused_one_is_none_about_the_next() -> None:
    bed = Bed(1, 2)
    refused = await bed.trying()
    bed.shared.answered(1, ConfigTried(2, "tools.failed: no such module", "the section [tools]"))
    with pytest.raises(UnfitConfigError):
        await refused
    bed.shared.give_up()
    task = await bed.trying()
    bed.shared.answered(1, ConfigTried(3))
    bed.shared.answered(2, ConfigTried(2))  # it has imported for long, and what was refused
    await asyncio.sleep(0)
    assert not task.done()
    bed.shared.answered(2, ConfigTried(3))
    await task
    bed.shared.use_tried()
    assert bed.sent[-2:] == [(1, UseConfig(3)), (2, UseConfig(3))]


async def test_one_that_dies_of_it_refuses_for_all() -> None:
    """It cannot say so, and the next one would die of it, too."""
    bed = Bed(1, 2)
    task = await bed.trying()
    bed.shared.answered(1, ConfigTried(2))
    bed.shared.gone(2, "signal 11")
    with pytest.raises(UnfitConfigError, match="worker 2 has died while it tried it: signal 11"):
        await task
    bed.shared.give_up()
    assert bed.sent[-1] == (1, UseConfig(1))


async def test_one_that_dies_behind_its_answer_refuses_nothing() -> None:
    bed = Bed(1, 2)
    task = await bed.trying()
    bed.shared.answered(2, ConfigTried(2))
    bed.shared.gone(2, "signal 9")
    bed.shared.answered(1, ConfigTried(2))
    await task


async def test_one_that_dies_before_it_was_asked_is_waited_for_no_more_and_the_next_waits() -> None:
    bed = Bed(1)
    bed.shared.begun(2)
    task = await bed.trying()
    bed.shared.gone(2, "signal 9")
    waiting = asyncio.create_task(bed.shared.decided())
    await asyncio.sleep(0)
    assert not waiting.done()
    bed.shared.answered(1, ConfigTried(2))
    await task
    bed.shared.use_tried()
    await waiting
    assert bed.sent[-1] == (1, UseConfig(2))


async def test_one_that_has_begun_is_asked_when_it_is_ready() -> None:
    bed = Bed()
    bed.shared.begun(1)
    task = await bed.trying()
    assert bed.sent == []
    bed.shared.ready(1)
    assert bed.sent == [(1, NewConfig(2, "ws://agent"))]
    bed.shared.answered(1, ConfigTried(2))
    await task


async def test_without_a_worker_nobody_can_try_it() -> None:
    bed = Bed()
    with pytest.raises(UnfitConfigError, match="no worker"):
        await bed.shared.try_out(OTHER, "")
    bed = Bed()
    bed.shared.begun(1)
    task = await bed.trying()
    bed.shared.gone(1, "signal 9")
    with pytest.raises(UnfitConfigError, match="no worker"):
        await task


async def test_an_answer_that_never_comes_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_config, "WITHIN_S", 0.01)
    bed = Bed(1, 3)
    with pytest.raises(UnfitConfigError, match="no answer of worker 1, 3"):
        await bed.shared.try_out(OTHER, "")


async def test_without_descriptors_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_data: bytes) -> Descriptor:
        raise OSError(24, os.strerror(24))

    monkeypatch.setattr(process, "in_memory", none)
    with pytest.raises(UnfitConfigError, match="Too many open files"):
        await Bed(1).shared.try_out(OTHER, "")


def test_workers_get_no_token_of_the_api() -> None:
    token = "t" * 24
    config = Config.model_validate({"api": {"tokens": [{"name": "ops", "token": token}]}})
    assert token.encode() not in SharedConfig(config, lambda *_: None).data
