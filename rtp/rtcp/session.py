"""One call's RTCP, without sockets or clocks: when a report is due, its contents, its answers.

A call has two parties and one stream each way, so the bandwidth rule of RFC 3550 §6.2 never asks
for more than its minimum: a report every 5 s (the first after half of it), spread over 0.5 to 1.5
times that, divided by e - 3/2. Datagrams are accepted by their host, as the source latch accepts
it, and then by what only the peer can know: our SSRC, or the SSRC of its audio.

The wall clock is read once, by the maker of the session: NTP times are that reading plus the
monotonic time since. A clock that is set anew in mid-call changes nothing, and the round trip is
measured from our own record of when the report that the peer quotes was sent.
"""

import math
import random
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sipua.rtp.events import Address, LossReported, RtpEvent
from sipua.rtp.latch.addresses import sendable
from sipua.rtp.latch.latch import EXACT, SourceLatch
from sipua.rtp.receive.drift import ClockDrift
from sipua.rtp.receive.stats import ReceiveStats
from sipua.rtp.rtcp.errors import RtcpError
from sipua.rtp.rtcp.extended_reports import ExtendedReports
from sipua.rtp.rtcp.packets import Compound, Report, ReportBlock, SenderInfo, build, parse
from sipua.rtp.sequence import Unwrapper

_INTERVAL_S = 5.0
# Makes up for randomised timers that come out short on average (RFC 3550 §6.3.1).
_COMPENSATION = math.e - 1.5
_NTP_UNIX_OFFSET_S = 2_208_988_800  # 1900 to 1970
_SENT_KEPT = 16
_MAX_PER_SECOND = 10
"""Reports that are read; a peer sends one in five seconds."""
_MAX_ROUND_TRIP_S = 30.0
_CLOCK_SLACK_S = 0.005
"""A peer's rounding may make its delay a little longer than the whole way."""
_MAX_TIMESTAMP_ERROR_S = 0.1
LOSS_WARNING = 0.05


@dataclass(slots=True)
class Control:
    """A datagram to send now, from the RTP port when the two are multiplexed."""

    datagram: bytes
    target: Address
    muxed: bool


@dataclass(slots=True)
class Sent:
    """The totals of our own stream."""

    packets: int
    octets: int
    timestamp: int
    """Of the next packet."""


@dataclass(slots=True)
class _PeerStream:
    """One SSRC of the peer: what our reports contained of it, and what is known of its clock."""

    stats: ReceiveStats
    expected: int = 0
    received: int = 0
    packets: int = 0
    last_sr: int = 0
    last_sr_at: float = 0.0
    timestamps: Unwrapper = field(default_factory=lambda: Unwrapper(32))
    arrivals: ClockDrift = field(default_factory=ClockDrift)
    reports: ClockDrift = field(default_factory=ClockDrift)


class RtcpSession:
    """The RTCP of one RtpSession, which owns it and calls it when `due` and for each datagram."""

    def __init__(
        self,
        *,
        ssrc: int,
        wall_s: float,
        now: float,
        rng: random.Random | None = None,
        clock_rate: int = 8000,
        packet_ms: int = 20,
        longest_hold_ms: int = 200,
    ) -> None:
        """`packet_ms`: of what we send; `longest_hold_ms`: of a packet behind a gap."""
        self._ssrc = ssrc
        self._rate = clock_rate
        self._ntp_s = wall_s + _NTP_UNIX_OFFSET_S - now
        self._random = random.SystemRandom() if rng is None else rng
        # It says nothing about the host and is new for each call (RFC 7022 §4.2).
        self._cname = secrets.token_urlsafe(12).encode()
        self.due = now + self._interval() / 2

        self.tap: Callable[[float, bool, Address, bytes], None] | None = None
        """Gets each datagram that was believed or is sent: now, whether it is sent, the peer."""
        self._extended = ExtendedReports(ssrc, packet_ms=packet_ms, longest_hold_ms=longest_hold_ms)
        self._remote: Address | None = None
        self._muxed = False
        self._learnt: Address | None = None
        """Where the peer's reports come from: behind a NAT, the only way back."""
        self._sr_times: deque[tuple[int, float]] = deque(maxlen=_SENT_KEPT)
        self._packets_reported = (0, 0)
        self._anchor: tuple[float, int] | None = None
        self._peer_stream: _PeerStream | None = None

        self._sent = self._received = self._goodbyes = self._window_count = 0
        self._window_at = -math.inf
        self._dropped: dict[str, int] = {}
        self._round_trip_ms: float | None = None
        self._max_round_trip_ms: float | None = None
        self._remote_block: ReportBlock | None = None
        self._max_fraction = 0
        self._remote_sent: int | None = None

    @property
    def muxed(self) -> bool:
        """Whether it shares the port of RTP."""
        return self._muxed

    def set_remote(self, address: Address | None, muxed: bool, extended: bool = False) -> None:
        """Take what offer and answer say: the port of `a=rtcp:`, or one port for both; whether
        extended reports are sent.
        """
        self._extended.wanted = extended
        address = None if address is None else sendable(address)
        if (address, muxed) != (self._remote, self._muxed):
            self._remote, self._muxed, self._learnt = address, muxed, None

    # -- receiving

    def receive(
        self,
        datagram: bytes,
        source: Address,
        now: float,
        latch: SourceLatch,
        stats: ReceiveStats | None,
    ) -> Sequence[RtpEvent]:
        """Take one datagram from either port. A wrong one is counted; nothing is raised."""
        if not self._accepts(source, latch):
            return self._drop("source")
        if now - self._window_at >= 1.0:
            self._window_at, self._window_count = now, 0
        self._window_count += 1
        if self._window_count > _MAX_PER_SECOND:
            return self._drop("rate")
        try:
            compound = parse(datagram)
        except RtcpError as error:
            return self._drop(error.reason)
        if not latch.locked:
            self._vouch(compound, source, latch)
        dropped = self._dropped.get("ssrc")
        events = self._read(compound, source, now, stats)
        if self.tap is not None and self._dropped.get("ssrc") == dropped:
            self.tap(now, False, source, datagram)
        return events

    def _accepts(self, source: Address, latch: SourceLatch) -> bool:
        if latch.may_report(source[0]):
            return True
        return self._remote_is_vouched(latch) and source == self._remote

    def _vouch(self, compound: Compound, source: Address, latch: SourceLatch) -> None:
        """Tell the latch what reports show of which source of RTP is the peer."""
        certain = source == self._remote
        for report in compound.reports:
            if certain or any(block.ssrc == self._ssrc for block in report.blocks):
                latch.vouch(report.ssrc, certain=certain)

    def _remote_is_vouched(self, latch: SourceLatch) -> bool:
        """Whether the SDP has proved right, or nothing has proved it wrong."""
        return latch.source is None or latch.rank == EXACT

    def _read(
        self, compound: Compound, source: Address, now: float, stats: ReceiveStats | None
    ) -> Sequence[RtpEvent]:
        events: list[RtpEvent] = []
        ours = theirs = False
        peer = self._follow(stats)
        for report in compound.reports:
            theirs |= peer is None or report.ssrc == peer.stats.ssrc
            if peer is not None and report.ssrc == peer.stats.ssrc:
                ours = True
                if report.sender is not None:
                    self._read_sender(report.sender, peer, now)
            for block in report.blocks:
                if block.ssrc == self._ssrc:
                    ours = True
                    self._read_block(block, now, events)
        if not ours:
            return self._drop("ssrc")
        self._received += 1
        self._goodbyes += bool(compound.goodbyes)
        if compound.malformed:
            self._drop("xr")
        for extended in compound.extended:
            from_peer = peer is None or extended.ssrc == peer.stats.ssrc
            for answer in self._extended.read(extended, now, theirs=from_peer):
                self._measure_round_trip(answer.last, answer.delay, self._extended.times, now)
        if theirs:  # our reports name the SSRC of the peer, which no other source may learn
            self._learnt = source
        return events

    def _read_sender(self, sender: SenderInfo, peer: _PeerStream, now: float) -> None:
        peer.last_sr = sender.ntp >> 16 & 0xFFFFFFFF
        peer.last_sr_at = now
        self._remote_sent = sender.packets
        peer.reports.add(now, now - peer.timestamps.unwrap(sender.timestamp) / self._rate)

    def _read_block(self, block: ReportBlock, now: float, events: list[RtpEvent]) -> None:
        if block.last_sr:
            self._measure_round_trip(block.last_sr, block.delay_since_sr, self._sr_times, now)
        self._remote_block = block
        self._max_fraction = max(self._max_fraction, block.fraction_lost)
        if block.fraction_lost / 256 > LOSS_WARNING:
            events.append(
                LossReported(
                    block.fraction_lost / 256,
                    block.lost,
                    block.jitter_samples * 1000 / self._rate,
                    self._round_trip_ms,
                )
            )

    def _measure_round_trip(
        self, last: int, delay: int, times: Iterable[tuple[int, float]], now: float
    ) -> None:
        sent_at = next((at for quoted, at in times if quoted == last), None)
        if sent_at is None:  # an old report, or one that we never sent
            self._drop("lsr")
            return
        round_trip_s = now - sent_at - delay / 65536
        if not -_CLOCK_SLACK_S <= round_trip_s <= _MAX_ROUND_TRIP_S:
            self._drop("dlsr")
            return
        round_trip_ms = max(0.0, round_trip_s) * 1000
        self._round_trip_ms = round_trip_ms
        self._max_round_trip_ms = max(self._max_round_trip_ms or 0.0, round_trip_ms)

    def _follow(self, stats: ReceiveStats | None) -> _PeerStream | None:
        """The account of the peer's present stream; another SSRC begins another."""
        if self._peer_stream is None or self._peer_stream.stats is not stats:
            self._peer_stream = None if stats is None else _PeerStream(stats)
        return self._peer_stream

    def _drop(self, reason: str) -> Sequence[RtpEvent]:
        self._dropped[reason] = self._dropped.get(reason, 0) + 1
        return ()

    # -- sending

    def report(
        self, now: float, sent: Sent, latch: SourceLatch, stats: ReceiveStats | None
    ) -> Control | None:
        """Make the report that is `due`, and set the next `due`. None: no address to send to."""
        self.due = now + self._interval()
        peer = self._follow(stats)
        if peer is not None and (least := peer.stats.take_least_transit()) is not None:
            peer.arrivals.add(*least)
        return self._compose(now, sent, latch, peer, leaving=False)

    def goodbye(
        self, now: float, sent: Sent, latch: SourceLatch, stats: ReceiveStats | None
    ) -> Control | None:
        """The last report (BYE). None when nothing was ever sent (RFC 3550 §6.3.7)."""
        if not self._sent and not sent.packets:
            return None
        return self._compose(now, sent, latch, self._follow(stats), leaving=True)

    def _compose(
        self, now: float, sent: Sent, latch: SourceLatch, peer: _PeerStream | None, *, leaving: bool
    ) -> Control | None:
        target = self._target(latch)
        if target is None:
            return None
        report = Report(self._ssrc)
        # A sender has sent since its last report but one (RFC 3550 §6.4).
        if sent.packets != self._packets_reported[0]:
            report.sender = self._sender_info(now, sent)
        self._packets_reported = (self._packets_reported[1], sent.packets)
        if peer is not None and peer.stats.received != peer.packets:
            report.blocks.append(self._block(peer, now))
        compound = Compound([report], {self._ssrc: self._cname}, [self._ssrc] if leaving else [])
        compound.extended = self._extended.compose(
            now,
            self._ntp(now),
            None if peer is None else peer.stats,
            sending=report.sender is not None,
            round_trip_ms=self._round_trip_ms,
        )
        self._sent += 1
        datagram = build(compound)
        if self.tap is not None:
            self.tap(now, True, target, datagram)
        return Control(datagram, target, self._muxed)

    def _sender_info(self, now: float, sent: Sent) -> SenderInfo:
        ntp = self._ntp(now)
        self._sr_times.append((ntp >> 16 & 0xFFFFFFFF, now))
        return SenderInfo(ntp, self._timestamp_at(now, sent.timestamp), sent.packets, sent.octets)

    def _ntp(self, now: float) -> int:
        return round((self._ntp_s + now) * 2**32)

    def _timestamp_at(self, now: float, following: int) -> int:
        """Our media clock at this moment. Packets leave on a fixed raster, so the place of the next
        one, taken once, fixes the line for the whole call, and reports do not waver by 20 ms.
        """
        if self._anchor is not None:
            at, timestamp = self._anchor
            timestamp += round((now - at) * self._rate)
            if abs(timestamp - following) <= _MAX_TIMESTAMP_ERROR_S * self._rate:
                return timestamp
        self._anchor = (now, following)
        return following

    def _block(self, peer: _PeerStream, now: float) -> ReportBlock:
        stats = peer.stats
        expected, received = stats.expected, stats.received - stats.duplicates - stats.stray
        expected_now = expected - peer.expected
        lost_now = expected_now - (received - peer.received)
        peer.expected, peer.received, peer.packets = expected, received, stats.received
        fraction = lost_now * 256 // expected_now if expected_now > 0 and lost_now > 0 else 0
        delay_s = now - peer.last_sr_at if peer.last_sr else 0.0
        return ReportBlock(
            stats.ssrc,
            min(fraction, 255),
            expected - received,
            stats.highest,
            int(stats.jitter_samples),
            peer.last_sr,
            round(delay_s * 65536),
        )

    def _target(self, latch: SourceLatch) -> Address | None:
        media = latch.target
        if media is None or self._muxed:
            return media
        if self._learnt is not None and self._learnt[0] == media[0]:
            return self._learnt
        if self._remote is not None and (
            self._remote[0] == media[0] or self._remote_is_vouched(latch)
        ):
            return self._remote
        return (media[0], media[1] + 1) if media[1] < 0xFFFF else None

    def _interval(self) -> float:
        return _INTERVAL_S * self._random.uniform(0.5, 1.5) / _COMPENSATION

    # -- accounts

    def stats(self) -> dict[str, object]:
        """`remote_…`: what the peer says of our stream. Its own stream is in the RTP counters."""
        block, peer = self._remote_block, self._peer_stream
        jitter_ms = None if block is None else block.jitter_samples * 1000 / self._rate
        return {
            "sent": self._sent,
            "received": self._received,
            "goodbyes": self._goodbyes,
            "dropped": dict(self._dropped),
            "muxed": self._muxed,
            "round_trip_ms": _rounded(self._round_trip_ms),
            "round_trip_max_ms": _rounded(self._max_round_trip_ms),
            "remote_lost": None if block is None else block.lost,
            "remote_fraction_lost": None if block is None else round(block.fraction_lost / 256, 4),
            "remote_fraction_lost_max": round(self._max_fraction / 256, 4),
            "remote_jitter_ms": _rounded(jitter_ms),
            "remote_sent": self._remote_sent,
            "drift_ppm": None if peer is None else _rounded(peer.arrivals.ppm),
            "drift_sr_ppm": None if peer is None else _rounded(peer.reports.ppm),
            **self._extended.figures(None if peer is None else peer.stats, self._round_trip_ms),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
