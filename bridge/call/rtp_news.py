"""What RTP says besides audio, as the call is told it."""

from __future__ import annotations

from sipua.bridge.events import BridgeEvent, PeerSilent, SourceMoved
from sipua.rtp.events import (
    Dtmf,
    LossReported,
    MediaTimeout,
    PacketsRefused,
    RtpEvent,
    SourceChanged,
)


def news_of(event: RtpEvent, *, held_by_us: bool) -> BridgeEvent | None:
    match event:
        case MediaTimeout() if held_by_us:
            return None  # we have told the peer to send nothing
        case Dtmf() | LossReported() | PacketsRefused():
            return event
        case SourceChanged():
            return SourceMoved(event.address, event.rank)
        case MediaTimeout():
            return PeerSilent(event.idle_s, event.why)
    return None
