"""How a call ends: what we decided, what signalling told, and what both together mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from sipua.calls.facts import CallFacts
from sipua.events import ending
from sipua.events.ended import Ended
from sipua.events.ending import By, End, Reason
from sipua.events.teller import rfc3339
from sipua.record.settings import Numbers
from sipua.record.transcript_redaction import caller, number
from sipua.sip.messages import AttemptFailed, CallEnded, EndedBy


class CallOutcome:
    def __init__(self, *, incoming: bool) -> None:
        self._incoming = incoming
        self.transferred_by: By = "agent"
        """The side that wanted the transfer that is under way, or has ended the call."""
        self._decided: End | None = None
        self._told: CallEnded | None = None
        self._attempts: list[dict[str, Any]] = []
        """Servers of a trunk that did not take it."""
        self._answered_at: datetime | None = None
        self._ended_at: datetime | None = None

    def decide(self, reason: Reason, detail: str) -> None:
        """Why we end it; `detail` is for people. The first one stays, later ones follow from it.
        One that comes behind the end explains nothing, unless it was we who ended it.
        """
        if self._told is None or self._told.by is EndedBy.US:
            by = self.transferred_by if reason is Reason.TRANSFERRED else None
            self._decided = self._decided or ending.ours(reason, detail, by)

    def attempt_failed(self, told: AttemptFailed) -> None:
        failed = {"server": told.server, "status": told.status, "reason": told.reason}
        self._attempts.append(failed)

    def answered(self) -> None:
        """Both sides can hear each other from now on."""
        self._answered_at = datetime.now(UTC)

    def ended(self, told: CallEnded, *, transferred: bool = False) -> None:
        """`transferred`: the end means that the other side has reached our transfer's target."""
        if transferred:
            self.decide(Reason.TRANSFERRED, "transferred")
        self._told = told
        self._ended_at = datetime.now(UTC)

    @property
    def told(self) -> bool:
        return self._told is not None

    def summary(self, talked_s: float) -> str:
        """One line for the user."""
        end, why = self._end, self._end.detail
        if end.sip and why == end.sip.reason:
            why = f"{end.sip.status} {why}"
        if self._answered_at is None:
            return f"not answered: {why}"
        return f"answered, {talked_s:.1f} s, ended by {end.by}: {why}"

    def facts(self, duration_s: float) -> dict[str, Any]:
        """The outcome, for event and record."""
        end, answered = self._end, self._answered_at is not None
        return {
            "status": ending.status(end, answered=answered),
            "end": msgspec.to_builtins(end),
            "duration_s": duration_s,
            **({"attempts": list(self._attempts)} if self._attempts else {}),
        }

    def event(self, facts: CallFacts, numbers: Numbers, figures: Mapping[str, Any]) -> Ended:
        """`figures`: whatever was counted."""
        end, answered = self._end, self._answered_at is not None
        return Ended(
            status=ending.status(end, answered=answered),
            end=end,
            duration_s=facts.talked_s,
            direction=facts.direction,
            from_=number(facts.from_uri, numbers),
            to=facts.to_uri if self._incoming else number(facts.to_uri, numbers),
            origin=facts.origin,
            route=facts.route,
            caller=caller(facts.caller, numbers),
            called=(facts.called if self._incoming else number(facts.called, numbers)) or None,
            sip_call_id=facts.sip_call_id,
            began=rfc3339(facts.started_at),
            answered=None if self._answered_at is None else rfc3339(self._answered_at),
            ended=rfc3339(self._ended_at or datetime.now(UTC)),
            attempts=list(self._attempts) or None,
            metadata=dict(facts.metadata) or None,
            trace_id=None if facts.trace is None else facts.trace.trace_id,
            **figures,
        )

    @property
    def _end(self) -> End:
        answered = self._answered_at is not None
        return ending.told(self._told, self._decided, incoming=self._incoming, answered=answered)
