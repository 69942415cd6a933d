"""Several senders at one RTP session in simulated time: who was sent our audio, who was heard.

We send a packet in each 20 ms. A sender begins and ends, and its reports, when it makes any, say
what RFC 3550 wants them to say: its own SSRC, and ours once a packet of ours has reached it.
"""

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sipua.rtp.events import Address, Frame
from sipua.rtp.packet import build
from sipua.rtp.rtcp.packets import Compound, Report, ReportBlock
from sipua.rtp.rtcp.packets import build as build_rtcp
from sipua.rtp.session.session import RtpSession

FRAME_S = 0.02


@dataclass
class Sender:
    source: Address
    ssrc: int
    begins: float = 0.0
    ends: float = 100.0
    reports_at: tuple[float, ...] = ()
    """After it has begun."""
    sent_to: list[float] = field(default_factory=list)
    """When packets of ours went to it."""
    heard: list[float] = field(default_factory=list)
    """When frames of it reached the call."""
    _sequence: int = 100

    def packet(self) -> bytes:
        self._sequence += 1
        return build(
            b"\xff" * 160,
            payload_type=0,
            sequence=self._sequence,
            timestamp=self._sequence * 160,
            ssrc=self.ssrc,
        )

    def report(self, ours: int) -> bytes:
        blocks = [ReportBlock(ours, 0, 0, 0, 0, 0, 0)] if self.sent_to else []
        return build_rtcp(Compound([Report(self.ssrc, None, blocks)], {self.ssrc: b"x"}))

    def served_since(self) -> float:
        """Our audio has gone to it from then on, without a pause."""
        since = self.sent_to[0] if self.sent_to else float("inf")
        for earlier, later in itertools.pairwise(self.sent_to):
            if later - earlier > 1.5 * FRAME_S:
                since = later
        return since


def compete(
    session: RtpSession,
    *senders: Sender,
    until: float,
    then: Mapping[float, Callable[[float], None]] | None = None,
) -> None:
    """`then`: what happens to the session at some moment, for example a new offer."""
    _Competition(session, senders, then or {}).run(until)


class _Competition:
    def __init__(
        self,
        session: RtpSession,
        senders: Sequence[Sender],
        then: Mapping[float, Callable[[float], None]],
    ) -> None:
        self._session = session
        self._senders = senders
        self._order = itertools.count()
        self._queue: list[tuple[float, int, Callable[[float], None]]] = []
        for when, what in then.items():
            self._at(when, what)
        self._at(0.001, self._send)
        for sender in senders:
            self._at(sender.begins, partial(self._talk, sender))
            for after in sender.reports_at:
                self._at(sender.begins + after, partial(self._report, sender))

    def run(self, until: float) -> None:
        while self._queue[0][0] <= until:
            now, _, what = heapq.heappop(self._queue)
            what(now)

    def _at(self, when: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), what))

    def _talk(self, sender: Sender, now: float) -> None:
        if now < sender.ends:
            deadline = self._session.next_deadline()
            if deadline is not None and deadline <= now:
                self._session.handle_timer(now)
            events = self._session.receive(sender.packet(), sender.source, now)
            sender.heard += [now for event in events if isinstance(event, Frame)]
            self._at(now + FRAME_S, partial(self._talk, sender))

    def _report(self, sender: Sender, now: float) -> None:
        control = (sender.source[0], sender.source[1] + 1)
        self._session.receive_control(sender.report(self._session.ssrc), control, now)

    def _send(self, now: float) -> None:
        packet = self._session.send(b"\xff" * 160, 160)
        for sender in self._senders:
            if packet is not None and packet[1] == sender.source:
                sender.sent_to.append(now)
        self._at(now + FRAME_S, self._send)
