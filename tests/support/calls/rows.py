"""Events of calls, and their rows, for tests of call records."""

from __future__ import annotations

from typing import Any

import msgspec

from sipua.events import call_events
from sipua.events.ended import Ended
from sipua.events.ending import End, Reason, SipEnd
from sipua.events.event import Event
from sipua.events.stream import Happened
from sipua.events.teller import Told
from sipua.outputs.cdr.calls_up import CallsUp
from sipua.outputs.cdr.row import Row

BEGAN_S = 1_795_000_000.0  # 2026-11-18T11:06:40Z


def told(event: Event, call_id: str = "c-1", *, at_s: float = 0.0) -> Told:
    """`at_s`: since the begin of the call."""
    data = msgspec.json.encode(event.fields())
    return Told(event.type, BEGAN_S + at_s, call_id, data)


def happened(event: Told, sequence: int = 1) -> Happened:
    return Happened(sequence, event, "b007", "berlin")


def incoming() -> Event:
    return call_events.Incoming(
        sip_call_id="abc@host",
        from_="…3456",
        to="sip:100@edge",
        source="192.0.2.1:5060",
        origin="carrier",
        route="support",
        rtp_port=20000,
        worker=1,
    )


def ended(**changes: Any) -> Event:
    fields = {
        "status": "completed",
        "end": End("caller", Reason.HANGUP, None, "OK", SipEnd(200, "OK")),
        "duration_s": 8.0,
        "direction": "incoming",
        "from_": "…3456",
        "to": "sip:100@edge",
        "origin": "carrier",
        "route": "support",
        "sip_call_id": "abc@host",
        "began": "2026-11-18T11:06:40.000Z",
        "answered": "2026-11-18T11:06:42.000Z",
        "ended": "2026-11-18T11:06:50.000Z",
    }
    return Ended(**(fields | changes))


def row(call_id: str = "c-1", **changes: Any) -> Row:
    """Of a call of ten seconds, two of them ringing."""
    made = CallsUp("berlin").feed(told(ended(**changes), call_id))
    assert made is not None
    return made
