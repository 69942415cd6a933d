"""One call to an edge, with a caller and an attacker that send RTP when the test says so.

Both are sockets of the test's process, wherever those are bound. What comes to them is counted by
the kernel's clock of this machine; nothing is judged here.
"""

import re
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sipua.rtp.events import Address
from sipua.rtp.packet import RtpError, build
from sipua.rtp.packet import parse as parse_rtp
from sipua.rtp.rtcp.packets import Compound, Report, ReportBlock
from sipua.rtp.rtcp.packets import build as build_rtcp
from support.peers.raw_caller import RawCaller

FRAME_S = 0.02
QUIET, LOUD = b"\xff" * 160, b"\x00\x00\x00\x00\x80\x80\x80\x80" * 20
_AUDIO_PACKETS = 30
"""In a second, on a machine that is busy with other tests: there are 50 when it is not."""


class Socket(Protocol):
    def sendto(self, data: bytes, address: Address, /) -> object: ...

    def recv(self, size: int, flags: int = 0, /) -> bytes: ...


@dataclass
class Party:
    udp: Socket
    ssrc: int
    begins_s: float
    """After the answer; negative: as soon as the port is known, while it rings."""
    ends_s: float = 1000.0
    payload: bytes = QUIET
    reports: bool = False
    """One a second after it began, which says what RFC 3550 wants."""
    announces: bool = False
    """Its SSRC, in its offer."""
    received: list[float] = field(default_factory=list)
    """When packets of the edge came, in seconds since the answer."""
    loud: int = 0
    """Those with the payload LOUD: an attacker's, sent back by an echo."""
    _sent: int = 0
    _reported: bool = False
    _ours: int | None = None

    def step(self, now_s: float, edge: Address) -> None:
        """Once in 20 ms."""
        self._listen(now_s)
        if not self.begins_s <= now_s < self.ends_s:
            return
        self._sent += 1
        packet = build(
            self.payload,
            payload_type=0,
            sequence=self._sent,
            timestamp=self._sent * 160,
            ssrc=self.ssrc,
        )
        self.udp.sendto(packet, edge)
        if self.reports and not self._reported and now_s > self.begins_s + 1.0:
            self._report((edge[0], edge[1] + 1))

    def served_from(self, moment_s: float) -> float:
        """When, from that moment on, our audio begins to come, and not a few packets of it."""
        for index, at in enumerate(self.received):
            second = sum(at <= other < at + 1 for other in self.received[index:])
            if at >= moment_s and second >= _AUDIO_PACKETS:
                return at
        return float("inf")

    def _listen(self, now_s: float) -> None:
        while True:
            try:
                packet = parse_rtp(self.udp.recv(2048, socket.MSG_DONTWAIT))
            except BlockingIOError:
                return
            except RtpError:  # a report of the edge's, to where ours came from
                continue
            self._ours = packet.ssrc
            self.received.append(now_s)
            self.loud += packet.payload == LOUD

    def _report(self, edge: Address) -> None:
        """From the port of its RTP: as good as any other, behind a NAT."""
        blocks = [] if self._ours is None else [ReportBlock(self._ours, 0, 0, 0, 0, 0, 0)]
        compound = Compound([Report(self.ssrc, None, blocks)], {self.ssrc: b"caller"})
        self.udp.sendto(build_rtcp(compound), edge)
        self._reported = True


def run(
    sip: socket.socket,
    edge: Address,
    caller: Party,
    attacker: Party,
    *,
    media: Address,
    rtp_port: Callable[[str], int] | None,
    lasts_s: float,
    user: str = "agent",
    says: Mapping[str, str] | None = None,
) -> str:
    """The whole call; its SIP Call-ID. `media`: of the caller. `rtp_port`: what the edge reserved
    for that one; None: the answer tells it, and nothing is sent before."""
    host, port = media
    offer = (
        f"v=0\r\no=raw 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    )
    if caller.announces:
        offer += f"a=ssrc:{caller.ssrc} cname:caller\r\n"
    call = RawCaller(edge, udp=sip, offer=offer, user=user, says=says)
    call.invite()
    if rtp_port is not None:
        call.ringing()
        there = (edge[0], rtp_port(call.call_id))
        early = min(attacker.begins_s, 0.0)
        while early < 0 and not call.answered():
            attacker.step(early, there)
            time.sleep(FRAME_S)
    answered = re.search(r"^m=audio (\d+) ", call.final("INVITE").text, re.MULTILINE)
    assert answered
    if rtp_port is None:
        there = (edge[0], int(answered[1]))
    assert there[1] == int(answered[1])
    answered_at = due = time.monotonic()
    call.ack()
    while due < answered_at + lasts_s:
        due += FRAME_S
        time.sleep(max(0.0, due - time.monotonic()))
        now_s = time.monotonic() - answered_at
        attacker.step(now_s, there)
        caller.step(now_s, there)
    call.bye()
    call.final("BYE")
    return call.call_id
