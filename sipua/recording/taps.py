"""Where a recording gets its sound: at the call's RTP transport.

A call that may be recorded has a transport of its own kind; others have no step more for each
packet. What is received is taken behind the reorder buffer, what is sent where it has left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sipua.rtp.events import Address, RtpEvent
from sipua.rtp.ports import ReservedPort
from sipua.rtp.session.session import RtpSession
from sipua.rtp.session.transport import OnFault, RtpTransport, Tap

Heard = Callable[[Sequence[RtpEvent]], None]


class RecordedTransport(RtpTransport):
    def __init__(
        self,
        heard: Heard,
        reserved: ReservedPort,
        session: RtpSession,
        on_events: Callable[[Sequence[RtpEvent]], None],
        *,
        on_fault: OnFault | None = None,
    ) -> None:
        """`heard`: gets what `on_events` gets, before it; must not raise."""
        super().__init__(reserved, session, _first(heard, on_events), on_fault=on_fault)
        self._heard = heard

    def pass_to(self, on_events: Heard) -> None:
        super().pass_to(_first(self._heard, on_events))


def _first(heard: Heard, on_events: Heard) -> Heard:
    def both(events: Sequence[RtpEvent]) -> None:
        heard(events)
        on_events(events)

    return both


def both_taps(first: Tap, second: Tap | None) -> Tap:
    if second is None:
        return first

    def both(now: float, sent: bool, peer: Address, datagram: bytes) -> None:
        first(now, sent, peer, datagram)
        second(now, sent, peer, datagram)

    return both
