"""The SIP messages of a call as a ladder: who sent what to whom, and when.

             192.0.2.1:5060 UDP                            sipua
22:30:45.103 │ INVITE sip:agent@192.0.2.9, SDP ─────────────▶│
      +0.003 │◀─────────────────────── 100 Trying (1 INVITE) │
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sipua.process.terminal_text import clean, cut, fit, width

NARROWEST: Final = 50
_TIME: Final = 13
"""Cells before the first rail."""
_LEAST_LINE: Final = 3
"""Of an arrow, beside its words."""


def ladder(messages: Sequence[Mapping[str, Any]], columns: int, missed: int = 0) -> Iterator[str]:
    """`messages`: as the API has them. `missed`: older ones, which are not kept."""
    if not messages:
        yield "no messages"
        return
    if missed:
        yield f"{missed} older messages are not kept"
    room = max(columns, NARROWEST) - _TIME - 2
    peer, before = "", None
    for message in messages:
        at = datetime.fromisoformat(message["at"])
        if message["peer"] != peer:
            peer = message["peer"]
            yield _head(peer, room)
        yield f"{_time(at, before)} │{_arrow(message, room)}│"
        before = at


def _head(peer: str, room: int) -> str:
    transport, _, address = clean(peer).rpartition(" ")
    theirs = cut(f"{address} {transport}".strip(), room - 6)
    return " " * _TIME + fit(theirs, room - 3) + "sipua"


def _time(at: datetime, before: datetime | None) -> str:
    if before is None:
        return f"{at.astimezone():%H:%M:%S}.{at.microsecond // 1000:03}".ljust(_TIME - 1)
    return f"+{max(0.0, (at - before).total_seconds()):.3f}".rjust(_TIME - 1)


def _arrow(message: Mapping[str, Any], room: int) -> str:
    words = cut(_words(message), room - _LEAST_LINE - 2)
    line = "─" * (room - width(words) - 3)
    if message["direction"] == "received":
        return f" {words} {line}▶"
    return f"◀{line} {words} "


def _words(message: Mapping[str, Any]) -> str:
    first, cseq = clean(message["first_line"]), clean(message["cseq"])
    body = ", SDP" if "application/sdp" in str(message["text"]).lower() else ""
    if first.startswith("SIP/2.0 "):
        return f"{first[8:]} ({cseq}){body}"
    return first.removesuffix(" SIP/2.0") + body


def texts(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The whole messages."""
    for message in messages:
        way = "from" if message["direction"] == "received" else "to"
        yield f"--- {message['at']} {message['direction']} {way} {clean(message['peer'])}"
        yield from (clean(line) for line in str(message["text"]).rstrip("\n").split("\n"))
        yield ""
