"""A transport whose packets are encrypted: what is on the wire, and what the call gets of it."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

import pytest

from sipua.rtp.events import Address, Frame, RtpEvent
from sipua.rtp.packet import RtpError, build, parse
from sipua.rtp.ports import ReservedPort
from sipua.rtp.rtcp.packets import Compound, Report
from sipua.rtp.rtcp.packets import build as build_rtcp
from sipua.rtp.session.transport import RtpTransport
from sipua.rtp.srtp.srtp import Srtp
from support.media.rtcp_reports import with_reports
from support.media.rtp_session import make_session
from support.media.srtp import keys

HOST = "127.0.0.1"


def udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    sock.setblocking(False)
    return sock


def address(sock: socket.socket) -> Address:
    host, port = sock.getsockname()
    return host, port


class End:
    """Our end of an encrypted call, its peer with the keys, and an attacker without."""

    def __init__(self, stack: ExitStack) -> None:
        self.rtp, self.rtcp, self.peer, self.attacker = (
            stack.enter_context(closing(udp())) for _ in range(4)
        )
        self.srtp = Srtp(keys("theirs", "ours"))
        self.session = make_session(
            remote=address(self.peer), signalling_ip=HOST, now=time.monotonic()
        )
        self.events: list[RtpEvent] = []
        self.tapped: list[bytes] = []
        reserved = ReservedPort(address(self.rtp)[1], self.rtp, self.rtcp)
        self.transport = RtpTransport(reserved, self.session, self._take)
        self.transport.tap = lambda _now, _sent, _peer, datagram: self.tapped.append(datagram)
        self.transport.start()
        stack.callback(self.transport.close)
        self.transport.secure(keys())

    def _take(self, events: Sequence[RtpEvent]) -> None:
        self.events.extend(events)

    @property
    def frames(self) -> int:
        return sum(isinstance(event, Frame) for event in self.events)

    def dropped(self, reason: str) -> int:
        dropped = self.session.stats()["dropped"]
        assert isinstance(dropped, dict)
        return int(dropped.get(reason, 0))


def plain(sequence: int) -> bytes:
    return build(
        bytes(range(160)), payload_type=0, sequence=sequence, timestamp=160 * sequence, ssrc=7
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)


def received(sock: socket.socket) -> list[bytes]:
    packets = []
    while True:
        try:
            packets.append(sock.recv(2048))
        except BlockingIOError:
            return packets


@pytest.fixture
def end() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def test_the_wire_has_cipher_text_and_the_call_has_not(end: ExitStack) -> None:
    one = End(end)
    for sequence in range(3):
        one.peer.sendto(one.srtp.protect(plain(sequence)), address(one.rtp))
    await until(lambda: one.frames == 3)
    assert one.transport.send(b"\x55" * 160, 160)
    wire: list[bytes] = []
    await until(lambda: bool(wire.extend(received(one.peer)) or wire))
    (datagram,) = wire
    assert len(datagram) == 182
    assert b"\x55" * 8 not in datagram
    assert parse(one.srtp.unprotect(datagram)).payload == b"\x55" * 160
    # Captures and recordings get what was said.
    assert [parse(datagram).payload[:2] for datagram in one.tapped] == [b"\x00\x01"] * 3 + [
        b"\x55\x55"
    ]
    assert one.transport.stats()["srtp"] == "AES_CM_128_HMAC_SHA1_80"


async def test_R16_an_attacker_without_the_key_never_reaches_the_latch(end: ExitStack) -> None:
    """Neither before the caller's first packet, when any source would be taken, nor later."""
    one = End(end)
    stranger = Srtp(keys("another", "ours"))
    for sequence in range(100):
        one.attacker.sendto(plain(sequence), address(one.rtp))
        one.attacker.sendto(stranger.protect(plain(sequence)), address(one.rtp))
    await until(lambda: one.dropped("srtp_auth") == 200)
    assert one.session.latch.source is None
    assert one.session.stats()["dropped"] == {"srtp_auth": 200}, "the latch was not asked"
    caught = [one.srtp.protect(plain(sequence)) for sequence in range(50)]
    for datagram in caught:
        one.peer.sendto(datagram, address(one.rtp))
    await until(lambda: one.frames == 50)
    for datagram in caught:  # what the attacker has overheard, from its own address
        one.attacker.sendto(datagram, address(one.rtp))
    await until(lambda: one.dropped("srtp_replay") == 50)
    assert one.session.latch.source == address(one.peer)
    assert one.session.stats()["source_changes"] == 1
    assert one.frames == 50


async def test_reports_are_encrypted_on_either_port(end: ExitStack) -> None:
    one = End(end)
    session, rtcp = with_reports(time.monotonic())
    session.latch.set_remote(address(one.peer), HOST)
    one.transport.close()
    reserved = ReservedPort(address(one.rtp)[1], one.rtp, one.rtcp)
    transport = RtpTransport(reserved, session, lambda _events: None)
    end.callback(transport.close)
    transport.start()
    transport.secure(keys())
    one.peer.sendto(one.srtp.protect(plain(1)), address(one.rtp))
    await until(lambda: session.latch.source is not None)
    report = build_rtcp(Compound([Report(7)], {7: b"peer"}, []))
    one.peer.sendto(report, address(one.rtcp))
    one.peer.sendto(one.srtp.protect_control(report), address(one.rtcp))
    await until(lambda: rtcp.stats()["received"] == 1)
    one.peer.sendto(one.srtp.protect_control(report), address(one.rtp))
    await until(lambda: rtcp.stats()["received"] == 2)
    dropped = session.stats()["dropped"]
    assert isinstance(dropped, dict)
    assert dropped == {"srtp_malformed": 1}
    with pytest.raises(RtpError):
        parse(one.srtp.protect_control(report))


async def test_S26_a_call_may_become_encrypted_and_plain_again(end: ExitStack) -> None:
    one = End(end)
    one.transport.secure(None)
    one.peer.sendto(plain(1), address(one.rtp))
    await until(lambda: one.frames == 1)
    assert one.transport.stats()["srtp"] is None
    one.transport.secure(keys())
    one.peer.sendto(one.srtp.protect(plain(2)), address(one.rtp))
    await until(lambda: one.frames == 2)
    one.peer.sendto(plain(3), address(one.rtp))
    await until(lambda: one.dropped("srtp_auth") == 1)
