"""R14 on real sockets: a port has had another call, whose phone has not noticed that it is over."""

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import pytest

from sipua.rtp.events import Address, Frame, RtpEvent
from sipua.rtp.ports import NoPortsLeft, PortPool, ReservedPort
from sipua.rtp.rtcp.packets import Compound, Report, ReportBlock, build
from sipua.rtp.rtcp.session import RtcpSession
from sipua.rtp.session.transport import RtpTransport
from support.media.netmodel import FRAME_MARK, Talker
from support.media.rtp_session import make_session
from support.ports import PortBlock

OURS, OLD_PHONE, NEW_PHONE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
REST_S = 30


def phone(host: str, stack: ExitStack) -> socket.socket:
    bound = stack.enter_context(closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
    bound.bind((host, 0))
    return bound


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def pool(stack: ExitStack) -> PortPool:
    """Of one pair, so that the second call must have the first one's."""
    block = stack.enter_context(PortBlock())
    first, last = block.range(2)
    return PortPool((OURS,), first, last, rest_s=REST_S)


class Call:
    def __init__(self, reserved: ReservedPort, remote: Address, ssrc: int) -> None:
        now = time.monotonic()
        self.rtcp = RtcpSession(ssrc=ssrc, wall_s=time.time(), now=now)
        self.session = make_session(
            remote=remote, signalling_ip=remote[0], ssrc=ssrc, rtcp=self.rtcp, now=now
        )
        self.address: Address = (OURS, reserved.port)
        self.heard: list[int] = []
        self.transport = RtpTransport(reserved, self.session, self._take)
        self.transport.start()

    def _take(self, events: Sequence[RtpEvent]) -> None:
        self.heard += [
            int.from_bytes(event.payload[:FRAME_MARK])
            for event in events
            if isinstance(event, Frame)
        ]


async def until_heard(call: Call, count: int) -> None:
    async with asyncio.timeout(20):
        while len(call.heard) < count:
            await asyncio.sleep(0.002)


async def test_R14_the_old_calls_phone_is_never_heard_in_the_new_call(
    stack: ExitStack, pool: PortPool
) -> None:
    old_phone, new_phone = phone(OLD_PHONE, stack), phone(NEW_PHONE, stack)
    reserved = pool.reserve(0.0)
    first = Call(reserved, old_phone.getsockname(), ssrc=1)
    late = Talker(ssrc=7).talk(200)
    for packet in late[:5]:
        old_phone.sendto(packet.datagram, first.address)
    await until_heard(first, 5)
    first.transport.close()
    pool.release(reserved, 100.0)

    with pytest.raises(NoPortsLeft):
        pool.reserve(100.0 + REST_S - 0.001)
    reserved = pool.reserve(100.0 + REST_S)
    stack.callback(pool.release, reserved, 200.0)
    for packet in late[5:25]:  # between the INVITE and our answer: they wait in the socket
        old_phone.sendto(packet.datagram, (OURS, reserved.port))
    second = Call(reserved, new_phone.getsockname(), ssrc=2)
    stack.callback(second.transport.close)
    fresh = Talker(ssrc=8).talk(60, first=1000)
    report = build(Compound([Report(7, None, [ReportBlock(1, 255, 9, 0, 0, 0, 0)])]))
    for number in range(60):
        # Before the new phone's first packet too: the old one is alone for half a second.
        old_phone.sendto(late[25 + number].datagram, second.address)
        old_phone.sendto(report, (OURS, reserved.port + 1))
        if number >= 25:
            new_phone.sendto(fresh[number - 25].datagram, second.address)
        await asyncio.sleep(0.02)
    await until_heard(second, 35)
    assert second.heard == list(range(1000, 1035))
    assert second.transport.stats()["drained_at_start"] == 20
    assert second.session.stats()["dropped"] == {"source": 60}
    assert second.rtcp.stats()["dropped"] == {"source": 60}
    assert second.rtcp.stats()["remote_lost"] is None
