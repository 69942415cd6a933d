"""Real sockets on loopback, real time; each test takes a fraction of a second."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from typing import cast

import pytest

from sipua.rtp.events import (
    Address,
    Frame,
    LossReported,
    Lost,
    MediaTimeout,
    RtpEvent,
    SourceChanged,
)
from sipua.rtp.packet import parse
from sipua.rtp.ports import ReservedPort, family_of
from sipua.rtp.rtcp.packets import Compound, Report, ReportBlock
from sipua.rtp.rtcp.packets import build as build_rtcp
from sipua.rtp.rtcp.packets import parse as parse_rtcp
from sipua.rtp.rtcp.session import RtcpSession
from sipua.rtp.session.config import RtpConfig
from sipua.rtp.session.session import RtpSession
from sipua.rtp.session.transport import RtpTransport, _drain, senders_so_far
from support.media.netmodel import FRAME_MARK, Talker
from support.media.rtp_session import make_session

HOST = "127.0.0.1"


def udp(host: str = HOST) -> socket.socket:
    sock = socket.socket(family_of(host), socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, 0))
    return sock


def address(sock: socket.socket) -> Address:
    host, port, *_ = sock.getsockname()
    return host, port


def received(sock: socket.socket) -> list[bytes]:
    packets = []
    while True:
        try:
            packets.append(sock.recv(2048))
        except BlockingIOError:
            return packets


class End:
    """Our end of a call: a transport and what it told."""

    def __init__(self, session: RtpSession, stack: ExitStack, host: str = HOST) -> None:
        self.rtp = stack.enter_context(closing(udp(host)))
        self.rtcp = stack.enter_context(closing(udp(host)))
        self.address = address(self.rtp)
        self.session = session
        self.events: list[RtpEvent] = []
        self.transport = RtpTransport(
            ReservedPort(self.address[1], self.rtp, self.rtcp), session, self._take
        )
        stack.callback(self.transport.close)

    def _take(self, events: Sequence[RtpEvent]) -> None:
        assert events, "the call is not woken for nothing"
        self.events.extend(events)

    def frames(self) -> list[int]:
        return [
            int.from_bytes(event.payload[:FRAME_MARK])
            for event in self.events
            if isinstance(event, Frame)
        ]


async def until(condition: Callable[[], bool], limit_s: float = 20) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.002)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("host", [HOST, "::1"])
async def test_packets_come_in_and_go_out(stack: ExitStack, host: str) -> None:
    peer = stack.enter_context(closing(udp(host)))
    end = End(make_session(remote=address(peer), now=time.monotonic()), stack, host)
    taken: list[Address] = []
    end.transport.tap = lambda _now, _sent, peer, _datagram: taken.append(peer)
    end.transport.start()
    for packet in Talker().talk(3):
        peer.sendto(packet.datagram, end.address)
    await until(lambda: end.frames() == [0, 1, 2])
    assert end.transport.send(b"\xff" * 160, 160, marker=True)
    await until(lambda: end.session.stats()["sent"] == 1)
    (datagram,) = received(peer)
    assert (parse(datagram).marker, parse(datagram).payload) == (True, b"\xff" * 160)
    assert taken == [address(peer)] * 4
    assert end.session.stats()["rank"] == 1


async def test_R14_what_waited_before_the_start_is_not_heard(stack: ExitStack) -> None:
    peer = stack.enter_context(closing(udp()))
    end = End(make_session(remote=address(peer), now=time.monotonic()), stack)
    for packet in Talker(ssrc=1).talk(20):
        peer.sendto(packet.datagram, end.address)
    peer.sendto(b"\x80\xc8\0\0", address(end.rtcp))
    end.transport.start()
    for packet in Talker(ssrc=2).talk(3, first=100):
        peer.sendto(packet.datagram, end.address)
    await until(lambda: len(end.frames()) == 3)
    assert end.frames() == [100, 101, 102]
    assert end.transport.stats()["drained_at_start"] == 21


async def test_a_gap_is_given_up_by_the_timer(stack: ExitStack) -> None:
    peer = stack.enter_context(closing(udp()))
    end = End(make_session(remote=address(peer), now=time.monotonic()), stack)
    end.transport.start()
    packets = Talker().talk(3)
    started = time.monotonic()
    peer.sendto(packets[0].datagram, end.address)
    peer.sendto(packets[2].datagram, end.address)
    await until(lambda: end.frames() == [0, 2])
    assert time.monotonic() - started > 0.04
    assert Lost(160) in end.events


async def test_R12_the_media_timeout_fires_once(stack: ExitStack) -> None:
    session = make_session(config=RtpConfig(timeout_s=0.05), now=time.monotonic())
    end = End(session, stack)
    end.transport.start()
    await until(lambda: len(end.events) == 1)
    await asyncio.sleep(0.1)
    assert [type(event) for event in end.events] == [MediaTimeout]


async def test_a_shorter_timeout_after_an_update_is_kept(stack: ExitStack) -> None:
    config = RtpConfig(timeout_s=0.05, hold_timeout_s=300)
    session = make_session(config=config, now=time.monotonic())

    def update(on_hold: bool) -> None:
        session.update(
            law_by_pt={0: "PCMU"},
            send_pt=0,
            telephone_event_pt=None,
            remote=("198.51.100.7", 4000),
            signalling_ip=None,
            sending=True,
            on_hold=on_hold,
            now=time.monotonic(),
        )
        end.transport.reschedule()

    end = End(session, stack)
    update(True)
    end.transport.start()
    await asyncio.sleep(0.1)
    assert end.events == []
    update(False)
    await until(lambda: len(end.events) == 1)


async def test_R15_icmp_unreachable_is_ignored(stack: ExitStack) -> None:
    peer = udp()
    there = address(peer)
    end = End(make_session(remote=there, now=time.monotonic()), stack)
    end.transport.start()
    peer.close()
    for _ in range(5):
        end.transport.send(b"\xff" * 160, 160)
        await asyncio.sleep(0.005)
    again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stack.enter_context(closing(again))
    again.bind(there)
    again.sendto(Talker().talk(1)[0].datagram, end.address)
    await until(lambda: end.frames() == [0])
    assert end.session.stats()["sent"] == 5


async def test_R15_errors_of_the_system_are_counted(stack: ExitStack) -> None:
    end = End(make_session(remote=("2001:db8::1", 4000), now=time.monotonic()), stack)
    end.transport.start()
    assert not end.transport.send(b"\xff" * 160, 160)  # an IPv6 address from an IPv4 socket
    assert end.transport.stats()["send_errors"] == 1


class BrokenSocket:
    """A socket whose every call fails, the way the system says so."""

    def __init__(self, error: OSError) -> None:
        self._error = error

    def recvfrom(self, _: int) -> tuple[bytes, Address]:
        raise self._error

    def sendto(self, *_: object) -> int:
        raise self._error


@pytest.mark.parametrize(
    ("error", "received", "blocked", "sent"),
    [
        (ConnectionRefusedError(), 2, 0, 1),
        (PermissionError(), 2, 0, 1),
        (BlockingIOError(), 0, 1, 0),
    ],
)
def test_R15_no_error_of_a_socket_ends_a_call(
    error: OSError, received: int, blocked: int, sent: int
) -> None:
    broken = cast("socket.socket", BrokenSocket(error))
    transport = RtpTransport(ReservedPort(4000, broken, broken), make_session(), lambda _: None)
    transport._read_rtp()
    transport._read_rtcp()
    assert not transport.send(b"\xff" * 160, 160)
    stats = transport.stats()
    assert (stats["receive_errors"], stats["send_blocked"], stats["send_errors"]) == (
        received,
        blocked,
        sent,
    )


def test_the_first_drain_is_bounded_and_ignores_errors() -> None:
    assert _drain(cast("socket.socket", BrokenSocket(ConnectionRefusedError()))) == 4096
    assert _drain(cast("socket.socket", BrokenSocket(BlockingIOError()))) == 0


def test_R1_who_has_sent_so_far_is_told_once_and_bounded(stack: ExitStack) -> None:
    rtp, rtcp = stack.enter_context(closing(udp())), stack.enter_context(closing(udp()))
    reserved = ReservedPort(address(rtp)[1], rtp, rtcp)
    assert senders_so_far(reserved) == set()
    senders = [stack.enter_context(closing(udp())) for _ in range(80)]
    for sender in senders[:2] * 3:
        sender.sendto(b"\x80", address(rtp))
    assert senders_so_far(reserved) == {address(sender) for sender in senders[:2]}
    for sender in senders:
        sender.sendto(b"", address(rtp))
    assert len(senders_so_far(reserved)) == 64
    assert senders_so_far(reserved) == set()


async def test_R3_rtcp_port_is_open_and_drained(stack: ExitStack) -> None:
    peer = stack.enter_context(closing(udp()))
    end = End(make_session(remote=address(peer), now=time.monotonic()), stack)
    end.transport.start()
    peer.connect(address(end.rtcp))  # so that ICMP would be seen
    for _ in range(10):
        peer.send(b"\x80\xc8\0\0")
    await until(lambda: end.transport.stats()["rtcp_received"] == 10)
    assert end.events == []


@pytest.mark.parametrize("muxed", [False, True])
async def test_reports_leave_from_the_right_port_and_come_in_on_it(
    stack: ExitStack, muxed: bool
) -> None:
    peer_rtp, peer_rtcp = (stack.enter_context(closing(udp())) for _ in range(2))
    now = time.monotonic()
    rtcp = RtcpSession(ssrc=0xCAFE, wall_s=time.time(), now=now - 2.4)
    rtcp.set_remote(address(peer_rtcp), muxed)
    session = make_session(remote=address(peer_rtp), now=now, rtcp=rtcp)
    end = End(session, stack)
    end.transport.start()
    there = peer_rtp if muxed else peer_rtcp
    end.transport.send(b"\xff" * 160, 160)
    reports: list[tuple[bytes, Address]] = []

    def come() -> bool:
        with suppress(BlockingIOError):
            datagram, source = there.recvfrom(2048)
            if datagram[1] >= 192:  # else our audio, with or without marker
                reports.append((datagram, source))
        return bool(reports)

    await until(come)
    compound = parse_rtcp(reports[0][0])
    sender = compound.reports[0].sender
    assert sender is not None
    assert sender.packets == 1
    ours = end.address if muxed else address(end.rtcp)
    assert reports[0][1] == ours

    quoted = sender.ntp >> 16 & 0xFFFFFFFF
    answer = Compound([Report(7, None, [ReportBlock(0xCAFE, 64, 9, 1, 80, quoted, 0)])])
    there.sendto(build_rtcp(answer), ours)
    await until(lambda: rtcp.stats()["round_trip_ms"] is not None)
    assert rtcp.stats()["remote_lost"] == 9
    (loss,) = end.events
    assert isinstance(loss, LossReported)
    assert (loss.fraction_lost, loss.jitter_ms) == (0.25, 10)

    reports.clear()
    end.transport.close()
    await until(come)
    assert parse_rtcp(reports[0][0]).goodbyes == [0xCAFE]
    end.transport.close()
    assert not received(there), "it takes leave once"


async def test_R3_the_biggest_datagram_is_dropped(stack: ExitStack) -> None:
    peer = stack.enter_context(closing(udp()))
    end = End(make_session(remote=address(peer), now=time.monotonic()), stack)
    end.transport.start()
    peer.sendto(b"\x80" + bytes(65_506), end.address)
    peer.sendto(b"", end.address)
    await until(lambda: end.session.stats()["dropped"] == {"oversize": 1, "short": 1})


async def test_R2_a_flooded_call_does_not_starve_another(stack: ExitStack) -> None:
    """One port is kept full all the time; the packets of another call are not delayed by it."""
    caller = stack.enter_context(closing(udp()))
    flooder = stack.enter_context(closing(udp()))
    flooded = End(make_session(now=time.monotonic()), stack)
    quiet = End(make_session(remote=address(caller), now=time.monotonic()), stack)
    flooded.transport.start()
    quiet.transport.start()
    forged = Talker().packet(0)
    latencies = []
    for packet in Talker().talk(30):
        for _ in range(200):
            flooder.sendto(forged, flooded.address)
        before = len(quiet.frames())
        sent_at = time.thread_time()  # of the processor: others beside us cost us none of it
        caller.sendto(packet.datagram, quiet.address)
        while len(quiet.frames()) == before:
            await asyncio.sleep(0)
        latencies.append(time.thread_time() - sent_at)
    latencies.sort()
    assert latencies[len(latencies) // 2] < 0.005
    assert flooded.events == []
    dropped = flooded.session.stats()["dropped"]
    assert isinstance(dropped, dict)
    assert dropped["source"] >= 30, "it had its turns as well"


async def test_R1_a_second_sender_on_real_sockets(stack: ExitStack) -> None:
    """The caller behind a NAT (its SDP is private), a stranger on another address, all at once."""
    caller = stack.enter_context(closing(udp("127.0.0.2")))
    attacker = stack.enter_context(closing(udp("127.0.0.3")))
    session = make_session(
        remote=("192.168.77.5", 4000), signalling_ip="127.0.0.2", now=time.monotonic()
    )
    end = End(session, stack)
    end.transport.start()
    ours = zip(Talker(ssrc=1).talk(30), Talker(ssrc=2).talk(30, first=5000), strict=True)
    for mine, forged in ours:
        attacker.sendto(forged.datagram, end.address)
        caller.sendto(mine.datagram, end.address)
        await asyncio.sleep(0.02)
        if session.latch.source is not None:  # before, we would send to 192.168.77.5
            end.transport.send(b"\xff" * 160, 160)
    assert received(attacker) == []
    assert len(received(caller)) >= 25
    assert SourceChanged(address(caller), 3) in end.events
    assert end.frames() == list(range(end.frames()[0], 30))
    assert end.frames()[0] <= 4


async def test_R1_no_nat_no_stranger_on_real_sockets(stack: ExitStack) -> None:
    caller = stack.enter_context(closing(udp("127.0.0.2")))
    attacker = stack.enter_context(closing(udp("127.0.0.3")))
    session = make_session(remote=address(caller), signalling_ip="127.0.0.2", now=time.monotonic())
    end = End(session, stack)
    end.transport.start()
    for forged in Talker(ssrc=2).talk(80, first=5000):  # more than a stranger's probation
        attacker.sendto(forged.datagram, end.address)
        end.transport.send(b"\xff" * 160, 160)
        await asyncio.sleep(0.015)
    assert end.events == []
    caller.sendto(Talker(ssrc=1).talk(1)[0].datagram, end.address)
    await until(lambda: end.frames() == [0])
    assert received(attacker) == []
    assert len(received(caller)) == 80


async def test_close_twice_or_without_start_is_nothing(stack: ExitStack) -> None:
    end = End(make_session(now=time.monotonic()), stack)
    end.transport.close()
    end.transport.start()
    end.transport.close()
    end.transport.close()
    with closing(udp()) as peer:
        peer.sendto(Talker().talk(1)[0].datagram, end.address)
        await asyncio.sleep(0.02)
    assert end.events == []
    assert end.session.stats()["dropped"] == {}


@pytest.mark.parametrize(
    ("part", "where"),
    [("receive", "RTP"), ("receive_control", "RTCP"), ("handle_timer", "RTP timer")],
)
async def test_H9_an_exception_is_told_to_the_owner(
    part: str, where: str, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError(part)

    peer = stack.enter_context(closing(udp()))
    end = End(make_session(remote=address(peer), now=time.monotonic()), stack)
    faults: list[tuple[str, str]] = []
    transport = RtpTransport(
        ReservedPort(end.address[1], end.rtp, end.rtcp),
        end.session,
        end._take,
        on_fault=lambda where, error: faults.append((where, repr(error))),
    )
    stack.callback(transport.close)
    transport.start()
    monkeypatch.setattr(end.session, part, broken)
    peer.sendto(b"\x80\xc8\0\0", address(end.rtcp))
    peer.sendto(Talker().talk(1)[0].datagram, end.address)
    transport.reschedule()
    if part == "handle_timer":
        transport._on_timer()
    await until(lambda: bool(faults))
    assert faults[0] == (where, f"KeyError({part!r})")


class FaultySocket(BrokenSocket):
    """As one of DTLS, whose reading runs a handshake and what waits for its end."""

    def recvfrom(self, _: int) -> tuple[bytes, Address]:
        raise KeyError("handshake")


def test_H9_an_exception_in_a_handshake_is_told_to_the_owner() -> None:
    faulty = cast("socket.socket", FaultySocket(OSError()))
    faults: list[str] = []
    transport = RtpTransport(
        ReservedPort(4000, faulty, faulty),
        make_session(),
        lambda _: None,
        on_fault=lambda where, _error: faults.append(where),
    )
    transport._read_rtp()
    transport._read_rtcp()
    assert faults == ["RTP", "RTCP"]
