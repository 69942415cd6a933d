"""R1 on real sockets: the caller and an attacker on two loopback addresses, in real time.

Six cases: the attacker begins before, with or after the caller; the caller's SDP is right, or
names a private address behind a NAT. In each of them the same is promised: we send the attacker at
most four packets before the caller is found and none after it, the caller has our audio within two
seconds, and nothing of the attacker's is heard once the caller is.
"""

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from sipua.rtp.events import Address, Frame, RtpEvent
from sipua.rtp.ports import ReservedPort
from sipua.rtp.session.transport import RtpTransport
from support.media.netmodel import FRAME_MARK, Talker
from support.media.rtp_session import make_session

OURS, CALLER, ATTACKER = "127.0.0.1", "127.0.0.2", "127.0.0.3"
PRIVATE = ("192.168.77.5", 4000)
FORGED = 5000
"""Numbers of the attacker's frames begin here."""
FRAMES = 150
HEAD_START = 75
"""Frames, a second and a half: longer than a stranger's probation."""


def udp(host: str) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.bind((host, 0))
    return bound


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    hosts = (OURS, OURS, CALLER, ATTACKER)
    opened = [udp(host) for host in hosts]
    yield opened
    for each in opened:
        each.close()


def count(sock: socket.socket) -> int:
    received = 0
    while True:
        try:
            sock.recv(2048)
        except BlockingIOError:
            return received
        received += 1


@pytest.mark.slow
@pytest.mark.parametrize("natted", [False, True], ids=["no NAT", "NAT"])
@pytest.mark.parametrize(
    ("caller_from", "attacker_from"),
    [(HEAD_START, 0), (0, 0), (0, HEAD_START)],
    ids=["before", "with", "after"],
)
async def test_R1_attack_matrix(
    sockets: list[socket.socket], natted: bool, caller_from: int, attacker_from: int
) -> None:
    rtp, rtcp, caller, attacker = sockets
    there: Address = caller.getsockname()
    session = make_session(
        remote=PRIVATE if natted else there, signalling_ip=CALLER, now=time.monotonic()
    )
    heard: list[int] = []

    def take(events: Sequence[RtpEvent]) -> None:
        heard.extend(
            int.from_bytes(event.payload[:FRAME_MARK])
            for event in events
            if isinstance(event, Frame)
        )

    transport = RtpTransport(ReservedPort(rtp.getsockname()[1], rtp, rtcp), session, take)
    transport.start()
    honest = Talker(ssrc=1).talk(FRAMES)
    # Half-way the attacker has learnt the caller's SSRC.
    forged = [
        packet
        for ssrc, first in ((2, FORGED), (1, FORGED + FRAMES // 2))
        for packet in Talker(ssrc=ssrc, first_sequence=30_000).talk(FRAMES // 2, first=first)
    ]
    to_attacker_before = to_attacker_after = first_heard_by_caller = 0
    with closing(transport):
        for step in range(FRAMES):
            if step >= attacker_from:
                attacker.sendto(forged[step].datagram, rtp.getsockname())
            if step >= caller_from:
                caller.sendto(honest[step].datagram, rtp.getsockname())
            await asyncio.sleep(0.02)
            if session.latch.target != PRIVATE:  # nothing of a test leaves this host
                transport.send(b"\xff" * 160, 160)
            if session.latch.source == there:
                to_attacker_after += count(attacker)
            else:
                to_attacker_before += count(attacker)
            if count(caller) and not first_heard_by_caller:
                first_heard_by_caller = step
    assert session.latch.source == there
    assert natted or session.latch.locked

    alone = max(0, caller_from - attacker_from) if natted else 0
    # A stranger is heard, and spoken to, only behind a NAT and while the caller is silent.
    assert to_attacker_before <= max(4, alone)
    assert to_attacker_after == 0
    assert first_heard_by_caller - caller_from <= 2.0 / 0.02
    from_caller = [number for number in heard if number < FORGED]
    assert len(from_caller) >= FRAMES - caller_from - 6
    # All that was forged comes before all that is the caller's.
    assert heard[len(heard) - len(from_caller) :] == from_caller
    assert natted or len(from_caller) == len(heard)
