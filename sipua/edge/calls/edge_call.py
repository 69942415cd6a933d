"""One call, as the edge has it: what it holds for it, and as far as it knows its end."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, replace

from sipua.calls.facts import CallFacts
from sipua.calls.outcome import CallOutcome
from sipua.events import call_events
from sipua.events.event import Event
from sipua.sip.messages import AttemptFailed, CallInvited


@dataclass(slots=True)
class EdgeCall:
    facts: CallFacts
    worker: int
    held: ExitStack
    """What is given back when the call is over."""
    captured: bool
    begun_at: float
    outcome: CallOutcome
    """As far as the edge knows it: of use when the worker cannot tell it."""
    confirmed_at: float | None = None
    ended_at: float = math.inf
    end_told: bool = False
    """Whether its end is an event already."""

    def invited(self, event: CallInvited | AttemptFailed) -> Event:
        """Our INVITE has left, or was in vain; the event of it."""
        if isinstance(event, CallInvited):
            other = event.account if event.account != self.facts.origin else None
            self.facts = replace(self.facts, sip_call_id=event.sip_call_id, origin=event.account)
            return call_events.Invited(
                sip_call_id=event.sip_call_id, server=event.server or None, origin=other
            )
        self.outcome.attempt_failed(event)
        return call_events.AttemptFailed(
            server=event.server,
            status=event.status,
            reason=event.reason,
            next_server=event.next_server,
        )

    def lasted_s(self, until: float) -> float:
        """Since the answer, or, without one, since its begin."""
        since = self.begun_at if self.confirmed_at is None else self.confirmed_at
        return round(max(0.0, min(until, self.ended_at) - since), 3)
