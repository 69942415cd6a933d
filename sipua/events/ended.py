"""The last event of a call."""

from __future__ import annotations

from typing import Any

from sipua.events.ending import End, Status
from sipua.events.event import Event, Level
from sipua.events.parties import CallerShown


class Ended(Event, tag="call.ended", rename={"from_": "from"}):
    """The call is over: what it was, how it ended, and everything that was counted."""

    status: Status
    end: End
    duration_s: float
    """Since the answer."""
    direction: str
    from_: str | None
    """None: `record.numbers` is off."""
    to: str | None
    """The same, of a call that we placed."""
    origin: str
    """The trunk or account."""
    route: str
    sip_call_id: str
    began: str
    """RFC 3339, as the next two."""
    ended: str
    caller: CallerShown | None = None
    called: str | None = None
    answered: str | None = None
    attempts: list[dict[str, Any]] | None = None
    """Servers that did not take it, before the one that did or the last: `server`, `status`,
    `reason`."""
    first_audio_ms: float | None = None
    interruptions: int = 0
    conversation: dict[str, Any] | None = None
    engine: dict[str, Any] | None = None
    rtp: dict[str, Any] | None = None
    transport: dict[str, Any] | None = None
    uplink: dict[str, Any] | None = None
    echo: dict[str, Any] | None = None
    playout: dict[str, Any] | None = None
    keypad: dict[str, Any] | None = None
    cadence: dict[str, Any] | None = None
    record: dict[str, Any] | None = None
    capture: dict[str, Any] | None = None
    answered_by: dict[str, Any] | None = None
    """The last verdict on who answered a call that we placed, and what became of the message."""
    recording: dict[str, Any] | None = None
    metadata: dict[str, str] | None = None
    trace_id: str | None = None

    @property
    def level(self) -> Level:
        return "error" if self.end.fault == "edge" else "info"
