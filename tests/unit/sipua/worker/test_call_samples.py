"""A worker samples its calls: each in five rounds, all in each while somebody looks."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sipua.calls.call import Call
from sipua.worker import call_samples
from sipua.worker.call_samples import SELDOM, CallSamples
from sipua.worker.link.coding import LinkError, encode, of_worker
from sipua.worker.link.messages import Samples


def call(call_id: str, *, rtp: Any = None, joined: bool = False) -> Call:
    turns = SimpleNamespace(turn="model")
    leg = SimpleNamespace(rtp=rtp)
    through = SimpleNamespace(other=leg if joined else None)
    bridge = SimpleNamespace(leg=leg, turns=turns, interruptions=2, through=through)
    return cast("Call", SimpleNamespace(call_id=call_id, bridge=bridge))


class Sent:
    def __init__(self) -> None:
        self.messages: list[Samples] = []
        self.full = False

    def __call__(self, message: Samples) -> None:
        if self.full:
            raise LinkError("the edge does not read")
        self.messages.append(message)

    @property
    def call_ids(self) -> list[str]:
        return [one.call_id for message in self.messages for one in message.samples]


async def rounds(samples: CallSamples, count: int) -> None:
    for number in range(count):
        await samples._sample(number)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_samples, "_BETWEEN_S", 0.0)


async def test_each_once_in_five_rounds_and_in_each_while_watched() -> None:
    calls = {f"c-{number}": call(f"c-{number}") for number in range(40)}
    sent = Sent()
    samples = CallSamples(calls, sent)
    await rounds(samples, SELDOM)
    assert sorted(sent.call_ids) == sorted(calls)
    samples.watch(60)
    sent.messages.clear()
    await rounds(samples, 2)
    assert sorted(sent.call_ids) == sorted([*calls, *calls])
    assert max(len(message.samples) for message in sent.messages) <= 8
    first = sent.messages[0].samples[0]
    assert (first.talk, first.interruptions, first.packets_in) == ("agent", 2, 0)


async def test_who_begins_to_look_need_not_wait_for_the_next_round() -> None:
    sent = Sent()
    samples = CallSamples({"c-1": call("c-1")}, sent)
    running = asyncio.create_task(samples.run())
    await asyncio.sleep(0)
    samples.watch(5)
    for _ in range(10):
        await asyncio.sleep(0)
    assert sent.call_ids == ["c-1"]
    running.cancel()


async def test_a_call_that_cannot_be_sampled_and_a_full_link_end_nothing() -> None:
    def broken() -> None:
        raise RuntimeError

    calls = {"c-1": call("c-1", rtp=SimpleNamespace(stats=broken)), "c-2": call("c-2")}
    sent = Sent()
    samples = CallSamples(calls, sent)
    samples.tell("c-1", "c-2", "c-gone")
    assert sent.call_ids == ["c-2"]
    sent.full = True
    samples.tell("c-2")


def test_a_second_leg_is_sampled_while_it_is_joined() -> None:
    stream = {"received": 50, "received_bytes": 8000, "expected": 51, "lost": 1, "reordered": 0}
    stats = {"sent": 49, "streams": [{**stream, "late": 0, "jitter_ms": 1.5}], "rtcp": {}}
    rtp = SimpleNamespace(stats=lambda: stats)
    sent = Sent()
    calls = {"c-1": call("c-1", rtp=rtp), "c-2": call("c-2", rtp=rtp, joined=True)}
    CallSamples(calls, sent).tell("c-1", "c-2")
    alone, joined = sent.messages[0].samples
    assert alone.leg_b is None
    assert joined.leg_b is not None
    assert (joined.leg_b.packets_in, joined.leg_b.lost_in, joined.leg_b.packets_out) == (50, 1, 49)
    assert of_worker().decode(encode(sent.messages[0])) == sent.messages[0]
