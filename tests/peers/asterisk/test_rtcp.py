"""RTCP with a real Asterisk: each side knows how the other hears it.

First the edge itself, on two ports and on one. Then our session with loss put in on purpose, in
both directions: a network that loses a tenth must come out as a tenth in Asterisk's figures and in
ours.
"""

import asyncio
import re
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from sipua.rtp.events import Address, LossReported, RtpEvent
from sipua.rtp.latch.latch import SourceLatch
from sipua.rtp.packet import RtpError, parse
from sipua.rtp.ports import ReservedPort
from sipua.rtp.rtcp.session import RtcpSession
from sipua.rtp.session.config import RtpConfig
from sipua.rtp.session.session import RtpSession
from sipua.rtp.session.transport import RtpTransport
from support.calls.edge import Edge
from support.peers.asterisk import Asterisk
from support.peers.sipp import Sipp
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until
from support.signalling import offers

SSRC = 0x51B0A
LOST_EVERY = 10


@dataclass(frozen=True, slots=True)
class Channel:
    """A line of `pjsip show channelstats`."""

    received: int
    received_lost: int
    received_lost_percent: int
    sent: int
    sent_lost: int
    sent_lost_percent: int


_LINE = re.compile(
    r"(?P<name>\S+-[0-9a-f]{8})\s+\S+\s+ulaw\s+(\d+)\s+(\d+)\s+(\d+)\s+[\d.]+"
    r"\s+(\d+)\s+(\d+)\s+(\d+)\s+[\d.]+\s+[\d.]+"
)
# What `rtcp set debug on` says of one report; the table rounds to milliseconds, often to none.
_ROUND_TRIP = re.compile(
    r"RTCP from [\d.]+:(\d+)\n(?:.(?!RTCP from))*? RTT: ([\d.]+)\(sec", re.DOTALL
)


def channels(asterisk: Asterisk) -> dict[str, Channel]:
    found = {}
    for match in _LINE.finditer(asterisk.cli("pjsip show channelstats")):
        name, *figures = match.groups()
        found[name.rpartition("-")[0]] = Channel(*map(int, figures))
    return found


def test_the_edge_and_asterisk_report_to_each_other(
    asterisk: Asterisk, edge_factory: Callable[..., Edge]
) -> None:
    edge = edge_factory()
    asterisk.cli("rtcp set debug on")
    endpoints = ("trunk-ulaw", "trunk-mux")
    for endpoint in endpoints:
        asterisk.originate(f"PJSIP/{endpoint}/{edge.uri}", "603")

    def known() -> bool:
        """Asterisk's round trips come out of two of our reports to each of its ports."""
        measured = _ROUND_TRIP.findall(asterisk.log)
        ports = [port for port, seconds in measured if float(seconds) < 1]
        return len(set(ports)) == len(endpoints) and min(map(ports.count, ports)) >= 2

    wait_until(known, 25, "two round trips of both calls")
    for channel in channels(asterisk).values():
        assert channel.sent > 100
        assert (channel.received_lost, channel.sent_lost) == (0, 0)
    asterisk.cli("channel request hangup all")
    edge.wait_event("call.ended", count=2)
    muxed = []
    for event in edge.events(name="call.ended"):
        rtcp = event["rtp"]["rtcp"]
        muxed.append((rtcp["muxed"], event["transport"]["rtcp_received"] == 0))
        assert rtcp["round_trip_ms"] >= 0
        assert rtcp["received"] >= 3
        assert rtcp["sent"] >= 2
        assert (rtcp["remote_lost"], rtcp["remote_fraction_lost"]) == (0, 0)
        assert rtcp["remote_jitter_ms"] is not None
        assert 0 < rtcp["remote_sent"] <= event["rtp"]["streams"][0]["received"]
        assert rtcp["dropped"] == {}
    assert sorted(muxed) == [(False, False), (True, True)]
    answers = asterisk.sip_messages("SIP/2.0 200", sent=False)
    assert ["a=rtcp-mux" in text for text in answers if "m=audio" in text].count(True) == 1


class LossyNetwork(RtpSession):
    """Every tenth packet of the peer's does not come."""

    arrived = 0

    def receive(self, datagram: bytes, source: Address, now: float) -> Sequence[RtpEvent]:
        try:
            sequence = parse(datagram).sequence
        except RtpError:
            return super().receive(datagram, source, now)
        return () if sequence % LOST_EVERY == 0 else super().receive(datagram, source, now)


async def test_a_tenth_lost_is_a_tenth_in_both_accounts(asterisk: Asterisk, sipp: Sipp) -> None:
    asterisk.cli("rtcp set debug on")
    with ExitStack() as stack:
        block = stack.enter_context(PortBlock())
        port, _ = block.range(2)
        rtp, rtcp = (stack.enter_context(closing(_bound(number))) for number in (port, port + 1))
        latch = SourceLatch()
        latch.set_remote((LOOPBACK, 9), LOOPBACK)  # Asterisk shows its port by sending
        now = time.monotonic()
        session = LossyNetwork(
            ssrc=SSRC,
            law_by_pt={0: "PCMU"},
            send_pt=0,
            telephone_event_pt=101,
            latch=latch,
            config=RtpConfig(),
            now=now,
            rtcp=RtcpSession(ssrc=SSRC, wall_s=time.time(), now=now),
        )
        events: list[RtpEvent] = []
        transport = RtpTransport(ReservedPort(port, rtp, rtcp), session, events.extend)
        offer = offers.offer("0 101", port=str(port))
        call = sipp.start(
            "uac_call",
            asterisk.address,
            service="603",
            timeout_s=90,
            until_told=True,
            OFFER=offer,
        )
        transport.start()
        stack.callback(transport.close)
        while latch.source is None:
            await asyncio.sleep(0.02)
        for number in range(600):
            if number % LOST_EVERY:
                transport.send(b"\xff" * 160, 160)
            else:
                session.send(b"\xff" * 160, 160)  # has its number, and never leaves
            await asyncio.sleep(0.02)
        (channel,) = (await asyncio.to_thread(channels, asterisk)).values()
        told = session.stats()["rtcp"]
        call.hang_up()
        await asyncio.to_thread(call.wait)
    measured = _ROUND_TRIP.findall(asterisk.log)
    round_trips_s = [float(seconds) for source, seconds in measured if int(source) == port + 1]

    assert isinstance(told, dict)
    assert told["round_trip_ms"] > 0
    assert 0.08 < told["remote_fraction_lost"] < 0.12
    assert told["remote_lost"] > 30
    assert [event for event in events if isinstance(event, LossReported)]
    assert 8 <= channel.received_lost_percent <= 11, channel
    assert 4 <= channel.sent_lost_percent <= 11, channel  # as of our last report
    assert channel.sent_lost > 15
    assert round_trips_s[-1] > 0, measured


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.bind((LOOPBACK, port))
    return bound
