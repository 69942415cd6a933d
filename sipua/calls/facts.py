"""The facts of a call besides its audio."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeAlias

from sipua.calls.steer.metadata import metadata_fault
from sipua.process.trace_context import CallTrace
from sipua.sip.wire.caller_id import NOBODY, Caller

Direction: TypeAlias = Literal["incoming", "outgoing"]
Notice: TypeAlias = Literal["", "signed_in", "paused", "signed_out"]


@dataclass(frozen=True, slots=True)
class CallFacts:
    call_id: str
    direction: Direction
    from_uri: str
    """As in the From header, perhaps with a name; anonymous when the caller wants to be it."""
    to_uri: str
    origin: str
    """The account or trunk that the call came from, or goes out by."""
    route: str
    """Empty: no route matched."""
    started_at: datetime
    """UTC."""
    began_s: float | None = None
    """When its INVITE came, or was to be sent, by the monotonic clock, which all processes of a
    machine share. None: when the call is made.
    """
    sip_call_id: str = ""
    peer: str = ""
    """The host for numbers without a host."""
    talked_s: float = 0.0
    """Since the answer."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Given by those who placed or steered the call."""
    trace: CallTrace | None = None
    """None: no traces are written."""
    caller: Caller = NOBODY
    """Who calls, by the header that is believed; of a call that we place, as whom we call."""
    called: str = ""
    """The number, in the format of the trunk."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those of the INVITE that the trunk's `headers_in` names."""
    notice: Notice = ""
    """A member of queues has dialled a code: hears what has come of it, and nothing else. Empty: an
    ordinary call."""

    @property
    def remote_uri(self) -> str:
        """The other side's URI."""
        return self.from_uri if self.direction == "incoming" else self.to_uri


class PresentFacts:
    """The facts of a call while it runs: what is learnt of it, and how long it has been."""

    def __init__(self, facts: CallFacts, clock: Callable[[], float]) -> None:
        """`clock`: that of `began_s`."""
        self._facts = facts
        self._clock = clock
        self._began_s = clock() if facts.began_s is None else facts.began_s
        self._confirmed_at: float | None = None
        self._over = False

    def now(self) -> CallFacts:
        if self._confirmed_at is None or self._over:
            return self._facts
        return replace(self._facts, talked_s=round(self._clock() - self._confirmed_at, 3))

    @property
    def age_s(self) -> float:
        """Since it began: in the edge, before a worker had it."""
        return self._clock() - self._began_s

    def invited(self, sip_call_id: str, origin: str) -> None:
        """Our INVITE has left, by this account or trunk."""
        self._facts = replace(self._facts, sip_call_id=sip_call_id, origin=origin)

    def confirmed(self) -> None:
        """Both sides can hear each other."""
        self._confirmed_at = self._clock()

    def ended(self) -> None:
        """Its clock stops; a second time does nothing."""
        self._facts = self.now()
        self._over = True

    def note(self, values: Mapping[str, str]) -> dict[str, str]:
        """Add these to its metadata, and take away those without a value; returns all. Too many are
        not taken."""
        known = self._facts.metadata
        given = {name: value for name, value in {**known, **values}.items() if value}
        if not metadata_fault(given):
            self._facts = replace(self._facts, metadata=given)
        return given
