"""Followers of calls: what wakes them, and what that costs. What is told, and how it is signed:
tests/integration/test_twilio_rest.py."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import pytest

from sipua.control.link.state import State
from sipua.control.twilio.callbacks import PROGRESS, StatusCallbacks, Wanted
from sipua.control.view import calls as view
from sipua.events.stream import Happened
from sipua.events.teller import Told
from sipua.twilio.request import WebRequest
from sipua.twilio.twiml.verbs import StatusCallback

CALLBACK = StatusCallback("https://agent.example.com/status", "POST")
WOKEN_AND_MORE = 10
"""Turns of the loop, until all is done that has a reason."""


class Client:
    def __init__(self) -> None:
        self.told: list[str] = []

    async def tell(self, request: WebRequest) -> None:
        form = dict(parse_qsl(request.body.decode()))
        self.told.append(form["CallStatus"])

    async def close(self) -> None:
        """There is nothing to close."""


class Scene:
    def __init__(self) -> None:
        self.state = State()
        self.client = Client()
        self._sequence = count(1)
        self.callbacks = StatusCallbacks("AC" + "0" * 32, "token", self.state, self.client)  # type: ignore[arg-type]

    async def follow(self, id_: str) -> None:
        await self.happens("call.placing", id_, account="carrier", route="", worker=0)
        self.callbacks.follow(self.state.calls.up[id_], Wanted(CALLBACK, PROGRESS))
        await self.settle()

    async def happens(self, type_: str, id_: str, **data: Any) -> None:
        told = Told(type_, time.time(), id_, json.dumps(data).encode())
        self.state.take([Happened(next(self._sequence), told, "boot", "node")])
        await self.settle()

    @staticmethod
    async def settle() -> None:
        for _ in range(WOKEN_AND_MORE):
            await asyncio.sleep(0)

    @property
    def following(self) -> int:
        return sum("status callbacks" in task.get_name() for task in asyncio.all_tasks())


async def test_each_hears_of_its_own_call() -> None:
    scene = Scene()
    await scene.follow("c-1")
    await scene.follow("c-2")
    await scene.happens("call.invited", "c-1", sip_call_id="a@b")
    await scene.happens("call.progress", "c-1", status=180)
    await scene.happens("call.confirmed", "c-2")
    await scene.happens("call.ended", "c-1", status="busy", end={}, duration_s=0.0)
    assert scene.client.told == ["initiated", "initiated", "ringing", "in-progress", "busy"]
    assert scene.following == 1
    await scene.callbacks.close()
    assert scene.following == 0


async def test_an_end_that_was_lost_on_the_way_is_told_when_that_is_known() -> None:
    scene = Scene()
    await scene.follow("c-1")
    scene.state.keep_only([])
    await scene.settle()
    assert (scene.client.told, scene.following) == (["initiated", "failed"], 0)


async def test_a_call_that_is_not_seen_any_more_is_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(view, "MOST_CALLS", 1)
    scene = Scene()
    await scene.follow("c-1")
    await scene.happens("call.placing", "c-2", account="carrier", route="", worker=0)
    await scene.happens("call.confirmed", "c-1")
    assert scene.following == 0


async def test_an_event_costs_the_same_with_a_thousand_followers() -> None:
    """It took 22 ms: each of them looked at its call."""
    scene = Scene()
    for number in range(1000):
        await scene.follow(f"c-{number}")
    await scene.happens("call.placing", "c-other", account="carrier", route="", worker=0)
    costs_s = []
    for _ in range(20):
        began_s = time.thread_time()
        await scene.happens("call.held", "c-other")
        costs_s.append(time.thread_time() - began_s)
    assert sorted(costs_s)[10] < 0.001
    await scene.callbacks.close()
