"""What a worker tells of a call's RTCP."""

from __future__ import annotations

from dataclasses import dataclass

from sipua.rtp.events import Address


@dataclass(frozen=True, slots=True)
class RtcpSeen:
    """A datagram of a call's RTCP that was sent, or was believed."""

    call_id: str
    """Of a second leg: `second_leg` of it."""
    at_s: float
    """Unix time."""
    source: Address
    target: Address
    datagram: bytes
    missed: int = 0
    """Others of this worker, before this one, that could not be told."""


def second_leg(call_id: str, leg: str = "b") -> str:
    """What its reports are told under: its messages have a Call-ID of their own."""
    return f"{call_id}.{leg}"
