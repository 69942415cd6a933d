"""The end of a second leg: why it was, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from sipua.bridge.call.leg import MediaLeg
from sipua.calls.legs.dial import State
from sipua.calls.legs.outcome import Cause
from sipua.events import call_events
from sipua.events.event import Event
from sipua.sip.messages import CallEnded, EndedBy

NO_ROOM: Final = 503
"""With which the edge itself ends a leg for which it has no port, worker or call left."""


def cause_of_end(event: CallEnded) -> Cause | None:
    """None: the status says it."""
    if event.by is EndedBy.NETWORK:
        return "unreachable"
    if event.by is EndedBy.US:
        return "limit" if event.status == NO_ROOM else "internal"
    return None


def close(
    leg: MediaLeg | None,
    held: ExitStack | None,
    target: str,
    state: State,
    tell: Callable[[Event], None],
) -> None:
    """`held` gives its sockets back. None: it never had them."""
    if leg is not None:
        counted = leg.traffic()
        leg.close()
        tell(
            call_events.LegEnded(
                target=target,
                state=state,
                sent=counted.sent,
                received=counted.received,
                lost=counted.lost,
            )
        )
    if held is not None:
        held.close()
