"""Both ends of a link in one loop: messages, descriptors, and every way that it can end."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sipua.calls.facts import CallFacts
from sipua.events.ending import Reason
from sipua.events.teller import ENDED, Told
from sipua.sip.messages import Answer
from sipua.worker.link.channel import Channel, close_all, pair
from sipua.worker.link.coding import LONGEST, LinkError, of_edge, of_worker
from sipua.worker.link.messages import (
    CapturedSip,
    EndCall,
    Ping,
    Pong,
    Stop,
    TakeCall,
    ToEdge,
    ToWorker,
)
from support.footprint import footprint
from support.ports import LOOPBACK
from support.process import until

FACTS = CallFacts(
    "c-1", "incoming", "<sip:a@a>", "<sip:b@b>", "anyone", "", datetime(2026, 3, 1, tzinfo=UTC)
)


class End:
    def __init__(self, link: socket.socket, reader: object, *, most_waiting: int = 1024) -> None:
        self.messages: list[ToWorker | ToEdge] = []
        self.descriptors: list[int] = []
        self.ended: list[str] = []
        self.link = link
        self.channel: Channel[ToWorker] = Channel(
            link,
            reader,  # type: ignore[arg-type]  # of either side
            self._take,
            self.ended.append,
            most_waiting=most_waiting,
        )

    def _take(self, message: ToWorker, descriptors: list[int]) -> None:
        self.messages.append(message)
        self.descriptors += descriptors


@pytest.fixture
async def ends() -> AsyncIterator[tuple[End, End]]:
    before = footprint(os.getpid()).descriptors
    ours, theirs = pair()
    edge, worker = End(ours, of_worker(), most_waiting=8), End(theirs, of_edge())
    edge.channel.start()
    worker.channel.start()
    yield edge, worker
    for end in (edge, worker):
        end.channel.close()
        close_all(end.descriptors)
    assert footprint(os.getpid()).descriptors <= before


async def test_messages_come_in_order_in_both_directions(ends: tuple[End, End]) -> None:
    edge, worker = ends
    for number in range(200):
        edge.channel.send(EndCall(f"c-{number}", Reason.SHUTDOWN, ""))
        await asyncio.sleep(0)
    await until(lambda: len(worker.messages) == 200)
    assert worker.messages == [EndCall(f"c-{number}", Reason.SHUTDOWN, "") for number in range(200)]
    worker.channel.send(Answer("c-1"))
    worker.channel.send(Pong())
    await until(lambda: len(edge.messages) == 2)
    assert edge.messages == [Answer("c-1"), Pong()]


async def test_a_socket_goes_along_and_our_copy_is_closed(ends: tuple[End, End]) -> None:
    edge, worker = ends
    rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    rtp.bind((LOOPBACK, 0))
    address = rtp.getsockname()
    edge.channel.send(Ping(), [rtp, rtcp])
    assert (rtp.fileno(), rtcp.fileno()) == (-1, -1)
    await until(lambda: worker.messages)
    first, second = (socket.socket(fileno=one) for one in worker.descriptors)
    worker.descriptors.clear()
    with first, second:
        assert first.getsockname() == address
        assert not os.get_inheritable(first.fileno())


class NoRoomForDescriptors(socket.socket):
    """Of a user with too many descriptors on their way (unix(7)); root has no limit."""

    def sendmsg(self, *_: object) -> int:  # type: ignore[override]
        raise OSError(errno.ETOOMANYREFS, os.strerror(errno.ETOOMANYREFS))


@pytest.mark.parametrize("waits", [False, True], ids=["sent at once", "has waited"])
async def test_H10_too_many_descriptors_on_their_way_cost_their_message_alone(
    ends: tuple[End, End], *, waits: bool
) -> None:
    edge, worker = ends
    loop = asyncio.get_running_loop()
    loop.remove_reader(worker.link)
    while waits and not edge.channel._waiting:
        edge.channel.send(EndCall("c-1", Reason.SHUTDOWN, "x" * 50_000))
    rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with NoRoomForDescriptors(fileno=os.dup(edge.link.fileno())) as full:
        full.setblocking(False)
        edge.channel._socket, usual = full, edge.channel._socket
        edge.channel.send(TakeCall(FACTS, 16384), [rtp])
        worker.channel.start()
        await until(lambda: TakeCall(FACTS, 16384) in worker.messages)
        edge.channel._socket = usual
    assert (rtp.fileno(), worker.descriptors) == (-1, [])
    edge.channel.send(Ping(), [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)])
    await until(lambda: Ping() in worker.messages)
    assert len(worker.descriptors) == 1
    assert (edge.ended, worker.ended) == ([], [])


@pytest.mark.parametrize("room", [0, 1], ids=["for none", "for one of two"])
async def test_H10_a_process_with_too_many_open_gets_the_message_without_descriptors(
    ends: tuple[End, End], room: int
) -> None:
    """The kernel has dropped one without a word; the other one must not stay open."""
    edge, worker = ends
    passed = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    asyncio.get_running_loop().remove_reader(worker.link)
    edge.channel.send(Ping(), passed)
    before = open_now()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = (number for number in range(soft) if number not in before)
    for _ in range(room):
        next(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next(free), hard))
    try:
        worker.channel._read()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (worker.messages, worker.descriptors, worker.ended) == ([Ping()], [], [])
    assert open_now() == before


def open_now() -> set[int]:
    """Without the one that lists them, which is gone when this returns."""
    return {int(one.name) for one in Path("/proc/self/fd").iterdir() if one.exists()}


async def test_H10_a_message_that_the_kernel_does_not_take_costs_itself_alone(
    ends: tuple[End, End],
) -> None:
    edge, worker = ends
    edge.link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10_000)
    edge.channel.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
        with pytest.raises(LinkError, match=r"CapturedSip: 5\d+ bytes, the kernel takes 19968"):
            edge.channel.send(CapturedSip("c-1", 0.0, ("a", 1), ("b", 2), bytes(50_000)), [rtp])
        assert rtp.fileno() != -1
    edge.channel.send(Ping())
    await until(lambda: worker.messages)
    assert (worker.messages, edge.ended, worker.ended) == ([Ping()], [], [])


async def test_the_longest_message_passes_whatever_the_machines_default() -> None:
    ours, theirs = pair()
    with ours, theirs:
        room = ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        assert room >= LONGEST + 32


async def test_an_end_that_does_not_read_ends_the_link(ends: tuple[End, End]) -> None:
    edge, worker = ends
    asyncio.get_running_loop().remove_reader(worker.link)
    passed = []
    while not edge.ended:
        passed.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        message = EndCall("c-1", Reason.SHUTDOWN, "x" * 50_000)
        edge.channel.send(message, passed[-1:])
        assert len(passed) < 1000
    assert edge.ended == ["it reads no messages: 8 wait"]
    assert {one.fileno() for one in passed} == {-1}
    edge.channel.send(Ping())  # nothing more
    await until(lambda: edge.ended)


async def test_H10_new_calls_leave_room_for_what_runs(ends: tuple[End, End]) -> None:
    edge, worker = ends
    loop = asyncio.get_running_loop()
    loop.remove_reader(worker.link)
    captured = CapturedSip("c-1", 0.0, ("a", 1), ("b", 2), bytes(50_000))
    while len(edge.channel._waiting) < 2:
        edge.channel.send(captured)
    with pytest.raises(LinkError, match="CapturedSip: 2 messages wait"):
        edge.channel.send(captured)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
        with pytest.raises(LinkError, match="TakeCall: 2 messages wait"):
            edge.channel.send(TakeCall(FACTS, 16384), [rtp])
        assert rtp.fileno() != -1
    for _ in range(6):
        edge.channel.send(EndCall("c-2", Reason.SHUTDOWN, ""))
    assert edge.ended == []
    worker.channel.start()
    await until(lambda: EndCall("c-2", Reason.SHUTDOWN, "") in worker.messages)
    edge.channel.send(TakeCall(FACTS, 16384))
    await until(lambda: TakeCall(FACTS, 16384) in worker.messages)


async def test_events_are_refused_when_a_quarter_is_full_but_not_the_end_of_a_call(
    ends: tuple[End, End],
) -> None:
    edge, worker = ends  # the side with room for eight
    asyncio.get_running_loop().remove_reader(worker.link)
    event = Told("turn.text", 1.5, "c-1", b"x" * 50_000)
    while len(edge.channel._waiting) < 2:
        edge.channel.send(event)
    with pytest.raises(LinkError, match="Told: 2 messages wait"):
        edge.channel.send(event)
    for _ in range(6):
        edge.channel.send(Told(ENDED, 1.5, "c-1", b"{}"))
    assert len(edge.channel._waiting) == 8
    assert edge.ended == []


async def test_what_waited_for_room_comes_all_the_same(ends: tuple[End, End]) -> None:
    edge, worker = ends
    loop = asyncio.get_running_loop()
    loop.remove_reader(worker.link)
    for number in range(8):
        edge.channel.send(EndCall(f"c-{number}", Reason.SHUTDOWN, "x" * 50_000))
    assert edge.channel._waiting
    worker.channel.start()
    await until(lambda: len(worker.messages) == 8)
    assert [message.call_id for message in worker.messages if isinstance(message, EndCall)] == [
        f"c-{number}" for number in range(8)
    ]


@pytest.mark.parametrize("data", [b"x", b"\x92\xa4Pong\x80", bytes(200_000)])
async def test_what_is_no_message_ends_the_link_and_is_counted(
    ends: tuple[End, End], data: bytes
) -> None:
    edge, worker = ends
    edge.link.send(data)
    await until(lambda: worker.ended)
    assert worker.channel.refused == 1
    assert worker.ended != [""]
    await until(lambda: edge.ended)
    assert edge.ended == [""]


async def test_what_was_sent_before_the_end_is_read(ends: tuple[End, End]) -> None:
    edge, worker = ends
    worker.channel.send(Answer("c-1"))
    worker.channel.close()
    edge.channel.read_rest()
    assert edge.messages == [Answer("c-1")]
    assert edge.ended == [""]


async def test_H10_what_was_sent_by_a_side_that_has_not_read_all_is_read(
    ends: tuple[End, End],
) -> None:
    """The kernel tells the reset before it gives what was sent."""
    edge, worker = ends
    edge.channel.send(Ping())
    worker.channel.send(Answer("c-1"))
    worker.channel.close()
    await until(lambda: edge.ended)
    assert edge.messages == [Answer("c-1")]
    assert edge.ended == [""]


async def test_H10_a_message_to_a_side_that_is_gone_takes_nothing_from_what_it_sent(
    ends: tuple[End, End],
) -> None:
    edge, worker = ends
    worker.channel.send(Answer("c-1"))
    worker.channel.close()
    rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    edge.channel.send(Ping(), [rtp])
    assert rtp.fileno() == -1
    await until(lambda: edge.ended)
    assert edge.messages == [Answer("c-1")]
    assert edge.ended == [""]


async def test_H10_what_waits_for_a_side_that_is_gone_is_dropped(ends: tuple[End, End]) -> None:
    edge, worker = ends
    asyncio.get_running_loop().remove_reader(worker.link)
    passed = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    for one in passed:
        edge.channel.send(EndCall("c-1", Reason.SHUTDOWN, "x" * 50_000), [one])
    assert edge.channel._waiting
    worker.channel.send(Answer("c-1"))
    worker.channel.close()
    await until(lambda: edge.ended)
    assert {one.fileno() for one in passed} == {-1}
    assert edge.messages == [Answer("c-1")]


async def test_a_message_that_cannot_be_sent_leaves_the_link_and_the_sockets(
    ends: tuple[End, End],
) -> None:
    edge, worker = ends
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
        with pytest.raises(LinkError):
            edge.channel.send(CapturedSip("\udce4", 0.0, ("a", 1), ("b", 2), b""), [rtp])
        assert rtp.fileno() != -1
    edge.channel.send(Stop())
    await until(lambda: worker.messages)
    assert (worker.messages, worker.ended) == ([Stop()], [])
