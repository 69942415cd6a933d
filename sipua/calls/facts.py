"""The facts of a call besides its audio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from sipua.process.trace_context import CallTrace

Direction: TypeAlias = Literal["incoming", "outgoing"]


@dataclass(frozen=True, slots=True)
class CallFacts:
    call_id: str
    direction: Direction
    from_uri: str
    """As in the From header, perhaps with a name."""
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

    @property
    def remote_uri(self) -> str:
        """The other side's URI."""
        return self.from_uri if self.direction == "incoming" else self.to_uri
