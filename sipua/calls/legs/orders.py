"""What a call tells the edge about a second leg of it. Plain data, which crosses the link.

    call ── PlaceLeg ──▶ edge      a port is reserved, the INVITE leaves
         ◀── TakeLeg ───           the leg's sockets (`sipua.worker.link.messages`)
         ◀── CallProgress, MediaReady, CallConfirmed, CallEnded, with the leg's id
         ── Hangup ───▶            BYE or CANCEL
         ── LegOver ──▶            the sockets are closed: the port is free

Each `PlaceLeg` has one `LegOver`, unless no `TakeLeg` came: then `CallEnded` has told why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sipua.queue.orders import QueueOrder
from sipua.sip.messages import CallCommand


@dataclass(frozen=True, slots=True)
class PlaceLeg:
    """Call this target for a call that is up."""

    call_id: str
    leg_id: str
    target: str
    """A SIP URI."""
    account: str
    """The account or trunk that it goes out by; empty: straight to the host of the target."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the INVITE, beside those of the trunk."""


@dataclass(frozen=True, slots=True)
class LegOver:
    """The leg's sockets are closed."""

    call_id: str
    leg_id: str


LegOrder: TypeAlias = PlaceLeg | LegOver
CallOrder: TypeAlias = CallCommand | LegOrder | QueueOrder
"""All that a call tells the edge to do."""
