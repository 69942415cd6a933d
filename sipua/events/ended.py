"""The last event of a call."""

from __future__ import annotations

from typing import Any

from sipua.events.ending import End, Status
from sipua.events.event import Event, Level


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
    answered: str | None = None
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
    recording: dict[str, Any] | None = None
    metadata: dict[str, str] | None = None
    trace_id: str | None = None

    @property
    def level(self) -> Level:
        return "error" if self.end.fault == "edge" else "info"
