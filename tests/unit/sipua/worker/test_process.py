"""A worker without an edge: what it answers, and when it ends."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from unittest import mock

import pytest

from sipua.calls.facts import CallFacts
from sipua.config import Config
from sipua.edge.workers.process import in_memory
from sipua.events.teller import Told
from sipua.process import main_loop
from sipua.process.exits import Exit
from sipua.sip.messages import CallEnded, EndedBy, Hangup
from sipua.worker import process
from sipua.worker.link import config_copy
from sipua.worker.link.channel import Channel, pair
from sipua.worker.link.coding import LinkError, of_worker
from sipua.worker.link.messages import (
    SCHEMA,
    Begin,
    CallOver,
    Ping,
    Pong,
    Ready,
    Stop,
    TakeCall,
    ToEdge,
    Unfit,
)
from sipua.worker.process import Worker
from support.ports import LOOPBACK

FACTS = CallFacts(
    "c-1", "incoming", "<sip:a@a>", "<sip:b@b>", "anyone", "", datetime(2026, 3, 1, tzinfo=UTC)
)


class EdgeSide:
    def __init__(self) -> None:
        ours, theirs = pair()
        self.messages: list[ToEdge] = []
        self.left: list[Exit] = []
        self.channel = Channel(
            ours, of_worker(), lambda message, _: self.messages.append(message), lambda _: None
        )
        self.channel.start()
        self.worker = Worker(theirs)
        self.task = asyncio.create_task(self.worker.run())

    def begin(self, data: bytes, version: str = process._version()) -> None:
        begin = Begin(SCHEMA, version, 1, "info", "json", "", tuple(sys.path))
        self.channel.send(begin, [in_memory(data)])

    def take(self, count: int) -> None:
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        self.channel.send(TakeCall(FACTS, 16384), sockets)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.002)


@pytest.fixture
async def edge(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EdgeSide]:
    side = EdgeSide()
    monkeypatch.setattr(main_loop, "leave_now", side.left.append)
    yield side
    side.channel.close()
    async with asyncio.timeout(5):
        await side.task
    gc.unfreeze()


CONFIG = config_copy.to_bytes(
    Config.model_validate({"engine": {"url": "ws://127.0.0.1:9/x", "connect_timeout_s": 0.2}})
)


def test_the_link_is_not_for_the_processes_that_tools_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = pair()
    theirs.set_inheritable(True)  # so it comes from the edge
    links: list[socket.socket] = []
    monkeypatch.setattr(process, "Worker", lambda link: links.append(link) or mock.Mock())
    monkeypatch.setattr(main_loop, "run", lambda _: Exit.OK)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # signals are pytest's here
    monkeypatch.setattr(process, "_die_with_the_edge", lambda: None)
    monkeypatch.setattr(sys, "setswitchinterval", lambda _: None)
    assert process.run(theirs.detach()) == Exit.OK
    with ours, links[0] as link:
        assert not link.get_inheritable()


async def test_it_is_ready_answers_and_stops(edge: EdgeSide) -> None:
    edge.begin(CONFIG)
    await edge.until(lambda: edge.messages)
    edge.channel.send(Ping())
    await edge.until(lambda: len(edge.messages) == 2)
    assert edge.messages == [Ready(SCHEMA, process._version()), Pong()]
    edge.channel.send(Stop())
    assert await edge.task == Exit.OK
    assert edge.left == []


async def test_events_that_the_edge_does_not_read_are_counted(
    edge: EdgeSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.begin(CONFIG)
    await edge.until(lambda: edge.messages)
    told = Told("turn.text", 1.5, "c-1", b"{}")
    with monkeypatch.context() as full:

        def refuse(*_: object) -> None:
            raise LinkError("Told: 256 messages wait")

        full.setattr(edge.worker._channel, "send", refuse)
        for _ in range(3):
            edge.worker._publish(told)
    edge.worker._publish(told)
    for _ in range(2):
        edge.channel.send(Ping())
    await edge.until(lambda: len(edge.messages) == 4)
    assert edge.messages[1:] == [told, Pong(events_missed=3), Pong()]


async def test_a_call_is_refused_without_an_engine_and_its_end_is_told_last(edge: EdgeSide) -> None:
    edge.begin(CONFIG)
    await edge.until(lambda: edge.messages)
    edge.take(2)
    await edge.until(lambda: any(isinstance(one, Hangup) for one in edge.messages))
    edge.channel.send(CallEnded("c-1", EndedBy.US, 503, "Service Unavailable"))
    await edge.until(lambda: isinstance(edge.messages[-1], CallOver))
    assert Hangup("c-1", 503) in edge.messages


async def test_H10_sockets_that_did_not_come_are_a_500(edge: EdgeSide) -> None:
    """This process has no descriptors left."""
    edge.begin(CONFIG)
    await edge.until(lambda: edge.messages)
    edge.take(1)
    await edge.until(lambda: len(edge.messages) == 3)
    refused, over = edge.messages[1:]
    assert refused == Hangup("c-1", 500)
    assert isinstance(over, CallOver)
    assert over.failed


async def test_H10_an_edge_that_says_nothing_is_none(
    edge: EdgeSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_EDGE_SILENT_S", 0.05)
    monkeypatch.setattr(process, "CHECK_EVERY_S", 0.01)
    edge.begin(CONFIG)
    await edge.until(lambda: edge.left)
    assert edge.left == [Exit.SIGNALLING]


async def test_H10_the_end_of_the_link_is_the_end(edge: EdgeSide) -> None:
    edge.begin(CONFIG)
    await edge.until(lambda: edge.messages)
    edge.channel.close()
    await edge.until(lambda: edge.left)


async def test_a_configuration_that_it_cannot_read_is_told_without_its_secrets(
    edge: EdgeSide, capsys: pytest.CaptureFixture[str]
) -> None:
    edge.begin(b'{"engine": {"api_keys": "sk-0123456789abcdef"}}')
    await edge.until(lambda: edge.messages)
    (unfit,) = edge.messages
    assert isinstance(unfit, Unfit)
    assert (unfit.event, unfit.error) == ("worker.failed", "ValidationError")
    edge.channel.send(Stop())
    assert await edge.task == Exit.INTERNAL
    said = capsys.readouterr()
    assert "0123456789" not in said.out + said.err
